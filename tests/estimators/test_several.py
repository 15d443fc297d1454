"""Several outputs and more than two classes: scikit-learn's shapes, and the answers of the functions."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, r2_score
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import ellzero as ez

LABELS = np.array(["pear", "apple", "fig", "date"])


@pytest.fixture
def orchard():
    """Two true columns of six, three outputs and four classes that depend on them."""
    rng = np.random.default_rng(53)
    X = rng.normal(size=(120, 6)) * [1, 2, 0.37, 1, 19, 1] + [0, 5, 0, 1.9, 0, 0]
    B = np.zeros((6, 4))
    B[[1, 2]] = [[1.9, 0, -1.9, 0.37], [-3, 7, 0, -7]]
    signal = X @ B
    return SimpleNamespace(
        X=X,
        Y=signal[:, :3] + 1.9 * rng.normal(size=(120, 3)),
        labels=LABELS[(signal - signal.mean(axis=0) + 0.37 * rng.gumbel(size=(120, 4))).argmax(axis=1)],
        weight=rng.integers(0, 4, 120),
    )


@pytest.mark.parametrize("model", [
    ez.L0Regressor(), ez.L0Regressor(2, l2=0.019), ez.L0RegressorCV(k=range(4), rule="1se"), ez.L0Regressor(l0=0.37),
])  # fmt: skip
def test_regressors_take_several_outputs(orchard, model):
    model = clone(model).fit(orchard.X, orchard.Y, sample_weight=orchard.weight)
    assert model.support_.tolist() == [1, 2]
    assert model.coef_.shape == (3, 6)
    assert model.intercept_.shape == (3,)
    function = ez.best_subset(
        orchard.X, orchard.Y, k=2, l2=model.l2 or 0.0, sample_weight=orchard.weight, solver="exchange"
    )
    np.testing.assert_allclose(model.coef_, function.coef.T, rtol=1e-9)
    predicted = model.predict(orchard.X)
    np.testing.assert_allclose(predicted, orchard.X @ model.coef_.T + model.intercept_, rtol=1e-12)
    assert model.score(orchard.X, orchard.Y) == pytest.approx(r2_score(orchard.Y, predicted))
    np.testing.assert_allclose(model.to_sklearn().predict(orchard.X), predicted, rtol=1e-12)
    assert model.gap_ is None
    assert model.certificate_ is None
    flat = model.fit(orchard.X, orchard.Y[:, 0])
    assert flat.coef_.shape == (6,)
    assert flat.predict(orchard.X).shape == (120,)


def test_counts_have_one_output(orchard):
    with pytest.raises(ValueError, match="y should be a 1d array"):
        ez.L0Regressor(loss="poisson").fit(orchard.X, np.ones((120, 2)))


@pytest.mark.parametrize("model", [
    ez.L0Classifier(), ez.L0Classifier(2), ez.L0ClassifierCV(k=range(4), cv=4, rule="1se"), ez.L0Classifier(l0=0.1),
])  # fmt: skip
def test_classifiers_take_several_classes(orchard, model):
    model = clone(model).fit(pd.DataFrame(orchard.X, columns=list("abcdef")), orchard.labels)
    frame = pd.DataFrame(orchard.X, columns=list("abcdef"))
    assert model.support_.tolist() == [1, 2]
    assert model.classes_.tolist() == sorted(LABELS)
    assert model.coef_.shape == (4, 6)
    assert model.intercept_.shape == (4,)
    np.testing.assert_allclose(model.coef_.sum(axis=0), 0, atol=1e-10)
    eta, chance = model.decision_function(frame), model.predict_proba(frame)
    np.testing.assert_allclose(eta, orchard.X @ model.coef_.T + model.intercept_, rtol=1e-12)
    np.testing.assert_allclose(chance, np.exp(eta) / np.exp(eta).sum(axis=1)[:, None], rtol=1e-9)
    assert (model.predict(frame) == model.classes_[chance.argmax(axis=1)]).all()
    np.testing.assert_allclose(model.to_sklearn().predict_proba(frame), chance, rtol=1e-9)
    assert (model.result_.predict(frame) == model.predict(frame)).all()
    scale = orchard.X[:, [1, 2]].std(axis=0)
    other = LogisticRegression(C=1 / (2 * 1e-3 * 120), tol=1e-8, max_iter=5000)
    other.fit(orchard.X[:, [1, 2]] / scale, orchard.labels)
    np.testing.assert_allclose(model.coef_[:, [1, 2]], other.coef_ / scale, rtol=1e-2)
    assert log_loss(orchard.labels, chance) == pytest.approx(model.result_.loss, rel=1e-9)


def test_the_number_of_classes_may_change_between_fits(orchard):
    model = ez.L0Classifier(k=2)
    shapes = []
    for classes in (4, 2, 3):
        rows = np.isin(orchard.labels, LABELS[:classes])
        model.fit(orchard.X[rows], orchard.labels[rows])
        shapes.append(
            (model.coef_.shape, model.predict_proba(orchard.X).shape, model.decision_function(orchard.X).ndim)
        )
    assert shapes == [((4, 6), (120, 4), 2), ((1, 6), (120, 2), 1), ((3, 6), (120, 3), 2)]


def test_classes_in_a_pipeline(orchard):
    model = make_pipeline(StandardScaler(), ez.L0Classifier(k=2))
    assert cross_val_score(model, orchard.X, orchard.labels, cv=4).mean() > 0.7
    assert cross_val_score(model, orchard.X, orchard.labels, cv=4, scoring="neg_log_loss").mean() > -0.8


def test_weights_are_repeated_rows(orchard):
    repeated = np.repeat(np.arange(120), orchard.weight)
    weighted = ez.L0Classifier(k=2).fit(orchard.X, orchard.labels, sample_weight=orchard.weight)
    copied = ez.L0Classifier(k=2).fit(orchard.X[repeated], orchard.labels[repeated])
    np.testing.assert_allclose(weighted.coef_, copied.coef_, rtol=1e-6, atol=1e-9)


def test_every_class_must_count(orchard):
    with pytest.raises(ValueError, match="no row that counts has the class fig"):
        ez.L0Classifier(k=2).fit(orchard.X, orchard.labels, sample_weight=orchard.labels != "fig")


@pytest.mark.parametrize(("loss", "target"), [("squared", "Y"), ("multinomial", "labels")])
def test_the_selector_looks_at_all_of_them(orchard, loss, target):
    selector = ez.L0Selector(loss=loss).fit(orchard.X, getattr(orchard, target))
    assert selector.get_support(indices=True).tolist() == [1, 2]
    np.testing.assert_array_equal(selector.transform(orchard.X), orchard.X[:, [1, 2]])
