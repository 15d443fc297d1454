"""The judges are judged: fits against scikit-learn and SciPy, searches by counting, the relaxation at its limits."""

import numpy as np
import pytest
from scipy.optimize import lsq_linear
from sklearn.linear_model import ElasticNet, LogisticRegression, PoissonRegressor
from sklearn.metrics import d2_tweedie_score

import ellzero as ez
from oracles import Question, best_by_size, best_squares, criterion, every_fit, fit_support, near_optimal, optimum, rss
from relaxation import root_bound


@pytest.fixture
def data():
    rng = np.random.default_rng(19)
    X = rng.standard_normal((37, 5)) * [0.3, 1.9, 7.0, 1.0, 0.05] + [0, 2, -3, 0.1, 5]
    X[:, 1] += 0.8 * X[:, 0]
    y = X @ [1.3, -0.4, 0.0, 0.7, 3.0] + rng.standard_normal(37)
    return X, y, rng.uniform(0.2, 3.0, 37)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_elastic_net_agrees_with_scikit_learn(data, fit_intercept):
    X, y, w = data
    q = Question(X, y, l1=0.37, l2=0.19, sample_weight=w, fit_intercept=fit_intercept, standardize=False)
    fit = fit_support(q, range(5))
    peer = ElasticNet(
        alpha=0.37 + 0.38, l1_ratio=0.37 / 0.75, fit_intercept=fit_intercept, tol=1e-13, max_iter=100_000
    ).fit(X, y, w)
    np.testing.assert_allclose(fit.coef, peer.coef_, rtol=1e-7, atol=1e-9)
    assert fit.value <= q.value(peer.coef_, float(peer.intercept_)) + 1e-14


def test_standardised_strengths_act_on_scaled_columns(data):
    X, y, w = data
    scale = np.sqrt(np.average((X - np.average(X, axis=0, weights=w)) ** 2, axis=0, weights=w))
    by_hand = fit_support(Question(X / scale, y, l1=0.1, l2=0.37, sample_weight=w, standardize=False), range(5))
    fit = fit_support(Question(X, y, l1=0.1, l2=0.37, sample_weight=w), range(5))
    np.testing.assert_allclose(fit.coef * scale, by_hand.coef, rtol=1e-9, atol=1e-12)
    assert fit.value == pytest.approx(by_hand.value, rel=1e-12)


def test_box_agrees_with_scipy(data):
    X, y, _ = data
    q = Question(X, y, lower=-0.13, upper=0.37, fit_intercept=False)
    peer = lsq_linear(X, y, (-0.13, 0.37), method="bvls", tol=1e-14)
    assert fit_support(q, range(5)).value == pytest.approx(peer.cost / len(y), rel=1e-11)


def test_logistic_agrees_with_scikit_learn(data):
    X, y, w = data
    q = Question(X, (y > np.median(y)) * 1.0, l2=0.07, sample_weight=w, loss="logistic", standardize=False)
    peer = LogisticRegression(C=1 / (2 * 0.07 * w.sum()), tol=1e-12, max_iter=10_000).fit(X, q.y, w)
    fit = fit_support(q, range(5))
    np.testing.assert_allclose(fit.coef, peer.coef_[0], rtol=1e-4, atol=1e-6)
    assert fit.value <= q.value(peer.coef_[0], float(peer.intercept_[0])) + 1e-14


def test_poisson_agrees_with_scikit_learn(data):
    X, y, w = data
    counts = np.random.default_rng(2).poisson(np.exp((y - y.mean()) / 3)).astype(float)
    q = Question(X, counts, l2=0.07, sample_weight=w, loss="poisson", standardize=False)
    peer = PoissonRegressor(alpha=0.14, solver="newton-cholesky", tol=1e-10).fit(X, counts, w)
    fit = fit_support(q, range(5))
    np.testing.assert_allclose(fit.coef, peer.coef_, rtol=1e-6, atol=1e-8)
    null = fit_support(q, ()).loss
    explained = d2_tweedie_score(counts, peer.predict(X), sample_weight=w, power=1)
    assert 1 - fit.loss / null == pytest.approx(explained, rel=1e-6)


def test_weights_are_repeated_rows(data):
    X, y, _ = data
    times = np.random.default_rng(5).integers(0, 4, len(y))
    weighted = optimum(Question(X, y, k=2, l2=0.19, l1=0.02, sample_weight=times.astype(float)))
    repeated = optimum(Question(np.repeat(X, times, 0), np.repeat(y, times), k=2, l2=0.19, l1=0.02))
    assert weighted.objective == pytest.approx(repeated.objective, rel=1e-12)
    assert weighted.columns == repeated.columns


def test_supports_are_all_there_and_rules_are_kept(data):
    X, y, _ = data
    assert len(every_fit(Question(X, y, k=3))) == 1 + 5 + 10 + 10
    ruled = every_fit(Question(X, y, k=2, groups=["a", "a", "b", "c", "d"], forced=(0, 1), forbidden=(4,)))
    assert {fit.columns for fit in ruled} == {(0, 1), (0, 1, 2), (0, 1, 3)}
    assert {fit.units for fit in ruled} == {1, 2}


def test_fast_listing_agrees_with_the_slow_one(data):
    X, y, _ = data
    slow, fast = best_by_size(Question(X, y)), best_squares(X, y, chunk=7)
    for size, (columns, value) in fast.items():
        assert columns == slow[size].columns
        assert value == pytest.approx(2 * len(y) * slow[size].loss, rel=1e-11)
        assert value == pytest.approx(rss(X, y, columns), rel=1e-12)


def test_near_optimal_keeps_ties_and_nothing_beyond(data):
    X, y, _ = data
    fits = near_optimal(Question(X, y, k=2), within=0.37)
    assert max(fit.objective for fit in fits) <= 1.37 * fits[0].objective
    assert len(fits) < len(every_fit(Question(X, y, k=2)))


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_relaxation_lies_below_the_optimum_and_meets_it_where_nothing_is_left_to_choose(data, loss):
    X, y, w = data
    target = y if loss == "squared" else (y > np.median(y)) * 1.0
    q = Question(
        X,
        target,
        loss=loss,
        l1=0.02,
        l2=0.19,
        k=2,
        l0=0.03,
        lower=-0.9,
        upper=1.9,
        sample_weight=w,
        groups=[0, 0, 1, 2, 3],
    )
    assert root_bound(q) <= optimum(q).objective + 1e-8
    decided = q.asked(k=None, forced=(0, 1, 3), forbidden=(2, 4))
    assert root_bound(decided) == pytest.approx(optimum(decided).objective, rel=1e-7)
    free = q.asked(k=None, l0=None)
    assert root_bound(free) == pytest.approx(fit_support(free, range(5)).value, rel=1e-7)


def test_criteria_on_hand_computed_numbers():
    given = {"n": 20, "k": 3, "fit_intercept": True, "p": 6, "rss": 20 * np.e, "tss": 200.0, "sigma2": 4.0}
    assert criterion("aic", **given) == pytest.approx(20 + 8)
    assert criterion("bic", **given) == pytest.approx(20 + 4 * np.log(20))
    assert criterion("aicc", **given) == pytest.approx(28 + 2 * 5 * 6 / 14)
    assert criterion("ebic", **given) == pytest.approx(20 + 4 * np.log(20) + np.log(20))
    assert criterion("gic", **given) == pytest.approx(20 + 4 * np.log(6) * np.log(np.log(20)))
    assert criterion("cp", **given) == pytest.approx(5 * np.e - 20 + 8)
    assert criterion("adjr2", **given) == pytest.approx(1 - (20 * np.e / 16) / (200 / 19))


def test_rules_by_hand():
    """What each rule allows of three columns, counted out on paper."""
    rules = ez.constraints

    def kept(rule, groups=None):
        q = Question(np.eye(4)[:, :3], np.arange(4.0), groups=groups, constraints=(rule,))
        return ["".join(map(str, columns)) for columns, _ in q.supports()]

    assert kept(rules.StrongHierarchy({2: [0, 1]})) == ["", "0", "1", "01", "012"]
    assert kept(rules.WeakHierarchy({2: [0, 1]})) == ["", "0", "1", "01", "02", "12", "012"]
    assert kept(rules.AtMostOne([0, 2])) == ["", "0", "1", "2", "01", "12"]
    assert kept(rules.AtMost(1, [[0, 1], [2]])) == ["", "0", "1", "2", "01"]
    assert kept(rules.StrongHierarchy({2: [0]}), groups=[0, 0, 1]) == ["", "01", "012"]
    assert kept(rules.AtMostOne([0, 1]), groups=[0, 0, 1]) == ["", "01", "2", "012"]
