"""scikit-learn's own checks of every estimator: no expected failure, and no tag that switches a check off."""

import pytest
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import estimator_checks_generator

import ellzero as ez

FACES = [
    ez.L0Regressor(),
    ez.L0Regressor(loss="poisson"),
    ez.L0Regressor(loss="gamma"),
    ez.L0Regressor(loss="huber"),
    ez.L0Classifier(),
    ez.L0Classifier(loss="squared_hinge"),
    ez.L0RegressorCV(),
    ez.L0ClassifierCV(),
    ez.L0Selector(),
    ez.L0Selector(loss="logistic"),
    ez.L0Selector(loss="multinomial"),
]


CHECKS = [
    pytest.param(model, check, id=f"{face}-{check.func.__name__}")
    for face in FACES
    for model, check in estimator_checks_generator(face)
]


@pytest.mark.filterwarnings(
    "ignore::ellzero.errors.EllzeroWarning",
    "ignore:No features were selected:UserWarning",
    "ignore:The least populated class:UserWarning",
)
@pytest.mark.parametrize(("model", "check"), CHECKS)
def test_scikit_learn(model, check):
    check(model)


@pytest.mark.parametrize("face", FACES, ids=str)
def test_no_tag_switches_checks_off(face):
    tags = get_tags(face)
    assert not any([tags.no_validation, tags.non_deterministic, tags._skip_test])
    assert not any(kind.poor_score for kind in (tags.regressor_tags, tags.classifier_tags) if kind is not None)
