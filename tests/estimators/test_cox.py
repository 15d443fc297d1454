"""Survival models: scikit-learn's checks on times made of their targets, concordance and survival curves by hand."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import estimator_checks_generator

import ellzero as ez
from ellzero.errors import ArgumentError, DataError
from ellzero.estimators.cox import concordance


class Timed(ez.L0Cox):
    """The face itself on targets as scikit-learn's checks make them: a number is a time, with an event."""

    def fit(self, X, y, sample_weight=None):
        return super().fit(X, None if y is None else timed(y), sample_weight)

    def score(self, X, y, sample_weight=None):
        return super().score(X, timed(y), sample_weight)


def timed(y):
    """Times from 1 on, all with an event."""
    y = np.asarray(y)
    y = y if np.iscomplexobj(y) else y.astype(float)
    y = y.reshape(len(y), -1)[:, 0] if y.ndim else y
    return np.column_stack([y - y.min() + 1.0, np.ones(len(y))])


# A model of survival is neither a regressor nor a classifier, so the checks of these are not among them; all others
# are. The ridge is there because a few rows of clusters separate.
CHECKS = [
    pytest.param(model, check, id=check.func.__name__) for model, check in estimator_checks_generator(Timed(l2=0.019))
]


def test_no_tag_switches_checks_off():
    tags = get_tags(ez.L0Cox())
    assert not any([tags.no_validation, tags.non_deterministic, tags._skip_test])
    assert len(CHECKS) > 40


@pytest.mark.filterwarnings("ignore::ellzero.errors.EllzeroWarning")
@pytest.mark.parametrize(("model", "check"), CHECKS)
def test_scikit_learn(model, check):
    check(model)


@pytest.fixture
def patients():
    rng = np.random.default_rng(37)
    X = rng.normal(size=(150, 6)) * [1, 2, 0.37, 1, 19, 1] + [0, 5, 0, 1.9, 0, 0]
    time = np.ceil(7 * rng.exponential(np.exp(-0.7 * (X[:, 1] - 5) + 1.9 * X[:, 2])))
    end = rng.integers(1, 30, 150)
    return X, np.column_stack([np.minimum(time, end), time <= end]), rng.integers(0, 3, 150), rng.integers(0, 4, 150)


def test_it_is_the_function(patients):
    X, y, strata, weight = patients
    model = ez.L0Cox(k=2, ties="efron").fit(X, y, weight, strata=strata, offset=X[:, 0])
    loss = ez.losses.Cox("efron", strata)
    known = ez.best_subset(X, y, k=2, loss=loss, sample_weight=weight, offset=X[:, 0])
    assert model.coef_ == pytest.approx(known.coef)
    assert ez.L0Cox(k=2).fit(X, y, weight, strata=strata).support_.tolist() == [1, 2]
    assert model.predict(X) == pytest.approx(X @ known.coef)
    assert model.predict(X, offset=X[:, 0]) == pytest.approx(known.decision_function(X, X[:, 0]))
    assert (model.intercept_, model.gap_, model.status_) == (0.0, None, ez.Status.HEURISTIC)


def test_bic_counts_events(patients):
    X, y, _, _ = patients
    model = ez.L0Cox().fit(X, y)
    assert model.criterion_ == "bic"
    by_hand = [2 * y[:, 1].sum() * r.loss + len(r.support) * np.log(y[:, 1].sum()) for r in model.path_]
    assert model.k_ == np.argmin(by_hand)
    assert model.path_.criteria("bic") == pytest.approx(dict(enumerate(by_hand)))


def test_parameters_are_those_of_the_signature():
    model = ez.L0Cox(k=3, ties="efron", forced=[1])
    assert clone(model).get_params() == model.get_params()
    assert not {"fit_intercept", "certify", "gap"} & set(model.get_params())


def pairs(eta, y, weight):
    """Concordance, one pair after the other."""
    right = total = 0.0
    for i in range(len(y)):
        for j in range(len(y)):
            longer = y[j, 0] > y[i, 0] or (y[j, 0] == y[i, 0] and not y[j, 1])
            if y[i, 1] and longer:
                total += weight[i] * weight[j]
                right += weight[i] * weight[j] * (1.0 if eta[i] > eta[j] else 0.5 if eta[i] == eta[j] else 0.0)
    return right / total


@pytest.mark.parametrize("seed", range(4))
def test_concordance_is_that_of_all_pairs(seed, monkeypatch):
    monkeypatch.setattr("ellzero.estimators.cox.PAIRS", 190)
    rng = np.random.default_rng([seed, 19])
    eta, weight = rng.integers(0, 7, 37) * 0.37, rng.uniform(0.19, 1.9, 37)
    y = np.column_stack([rng.integers(1, 12, 37), rng.random(37) < 0.6]).astype(float)
    assert concordance(eta, y, weight) == pytest.approx(pairs(eta, y, weight), rel=1e-13)


def test_score(patients):
    X, y, _, weight = patients
    model = ez.L0Cox(k=2).fit(X, y)
    assert model.score(X, y) == pytest.approx(pairs(model.predict(X), y, np.ones(150)))
    assert model.score(X, y, weight) == pytest.approx(pairs(model.predict(X), y, weight))
    with pytest.raises(DataError, match="no pair of rows can be compared"):
        model.score(X[:1], y[:1])


@pytest.mark.parametrize("ties", ["breslow", "efron"])
def test_survival_is_breslows(patients, ties):
    """The cumulative hazard by its definition: events over what is at risk, summed until the time."""
    X, y, strata, weight = patients
    model = ez.L0Cox(k=2, ties=ties).fit(X, y, weight, strata=strata)
    eta, times = model.predict(X), np.array([0.5, 3.0, 7.0, 12.0, 190.0])
    hazard = np.zeros((3, times.size))
    for s in range(3):
        for at in np.unique(y[:, 0]):
            now = (strata == s) & (y[:, 0] == at) & (y[:, 1] == 1) & (weight > 0)
            risk = ((weight * np.exp(eta))[(strata == s) & (y[:, 0] >= at)]).sum()
            shares = np.arange(now.sum()) / max(now.sum(), 1) if ties == "efron" else np.zeros(now.sum())
            left = risk - shares * (weight * np.exp(eta))[now].sum()
            hazard[s] += (weight[now].mean() / left).sum() * (times >= at) if now.any() else 0.0
    known = np.exp(-hazard[strata] * np.exp(eta)[:, None])
    assert model.predict_survival(X, times, strata=strata) == pytest.approx(known, rel=1e-9)
    with pytest.raises(ArgumentError, match="labels that were not there when the model was fitted: 7"):
        model.predict_survival(X, times, strata=np.full(150, 7))
    with pytest.raises(ArgumentError, match="one label a row"):
        model.predict_survival(X, times)


def test_survival_does_not_depend_on_where_columns_begin(patients):
    X, y, _, _ = patients
    far = X + 10000.0
    near, moved = (ez.L0Cox(k=2).fit(data, y).predict_survival(data, [3.0, 7.0]) for data in (X, far))
    assert moved == pytest.approx(near, rel=1e-5)


def test_in_company(patients):
    """Structured targets are split by scikit-learn's tools, and the score of a search is the concordance."""
    X, y, _, _ = patients
    target = np.array(list(zip(y[:, 1] == 1, y[:, 0], strict=True)), dtype=[("event", "?"), ("time", "<f8")])
    search = GridSearchCV(ez.L0Cox(), {"k": [0, 1, 2]}, cv=KFold(3)).fit(X, target)
    assert search.best_params_ == {"k": 2}
    train, test = next(KFold(3).split(X))
    model = ez.L0Cox(k=2).fit(X[train], y[train])
    assert search.cv_results_["split0_test_score"][2] == pytest.approx(model.score(X[test], target[test]))
