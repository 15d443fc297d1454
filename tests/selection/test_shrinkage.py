"""Shrinkage that is chosen with the size: coefficients against scikit-learn's lasso, choices against a plain search."""

import numpy as np
import pytest
from scipy.sparse import csc_array
from sklearn.linear_model import ElasticNet, Lasso
from sklearn.model_selection import KFold

import ellzero as ez
from ellzero import Problem
from ellzero._progress import Clock
from ellzero.selection.shrinkage import RIDGES, SHARES, dense, shrunken, usual_strengths
from strategies import make_question

SPLITS = KFold(4, shuffle=True, random_state=3)


def like_ours(l1, l2, fit_intercept=True):
    """scikit-learn's estimator of a mean half square with l1 and l2."""
    options = {"fit_intercept": fit_intercept, "tol": 1e-12, "max_iter": 200000}
    return ElasticNet(alpha=l1 + 2 * l2, l1_ratio=l1 / (l1 + 2 * l2), **options) if l2 else Lasso(alpha=l1, **options)


def noisy(n=60, p=19, noise=1.9):
    rng = np.random.default_rng(37)
    X = rng.normal(size=(n, p)) * rng.uniform(0.37, 19, p) + rng.normal(size=p)
    return X, X[:, :5] / X[:, :5].std(axis=0) @ np.full(5, 0.37) + noise * rng.normal(size=n)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("standardize", [True, False])
def test_coefficients_are_those_of_a_lasso_on_the_support(standardize, fit_intercept):
    X, y = noisy()
    w = np.random.default_rng(1).uniform(0.37, 1.9, 60)
    problem = Problem.from_data(X, y, k=4, standardize=standardize, fit_intercept=fit_intercept, sample_weight=w)
    strengths, columns = usual_strengths(problem, None), [2, 3, 11]
    coef, intercept = shrunken(problem, columns[::-1], strengths)
    scale = problem.normal.scale[columns] if standardize else np.ones(3)
    for i, (l1, l2) in enumerate(strengths):
        if l1 == 0:
            continue
        theirs = like_ours(l1, l2, fit_intercept).fit(X[:, columns] / scale, y, sample_weight=w)
        np.testing.assert_allclose(coef[:, i], theirs.coef_ / scale, rtol=1e-5, atol=1e-7 / scale.min())
        assert intercept[i] == pytest.approx(theirs.intercept_, rel=1e-6, abs=1e-6)
    design = np.column_stack([X[:, columns], np.ones(60)]) if fit_intercept else X[:, columns]
    exact = np.linalg.lstsq(np.sqrt(w)[:, None] * design, np.sqrt(w) * y, rcond=None)[0]
    np.testing.assert_allclose(coef[:, SHARES.size - 1], exact[:3], rtol=1e-8)


@pytest.mark.parametrize("standardize", [True, False])
def test_models_of_all_columns_are_lassos_and_elastic_nets(standardize):
    X, y = noisy(n=40, p=57)
    problem = Problem.from_data(X, y, standardize=standardize, upper=0.37 if standardize else np.inf)
    strengths = usual_strengths(problem, None)
    scale = problem.normal.scale if standardize else np.ones(57)
    seen = 0
    for (l1, l2), model in zip(strengths, dense(problem, strengths, Clock()), strict=True):
        if l1 == 0:
            assert model is None
            continue
        coef, intercept = model
        assert (coef <= problem.penalty.upper).all()
        theirs = like_ours(l1, l2).fit(X / scale, y)
        if (theirs.coef_ / scale <= problem.penalty.upper).all():
            seen += 1
            asked = problem.with_penalty(l1, l2)
            best = asked.objective(theirs.coef_ / scale, theirs.intercept_)
            assert asked.objective(coef, intercept) == pytest.approx(best, rel=1e-5)
    assert seen > 3


def test_the_largest_strength_is_the_one_from_which_on_nothing_is_in():
    X, y = noisy()
    for standardize in (True, False):
        problem = Problem.from_data(X, y, k=4, standardize=standardize)
        top = usual_strengths(problem, 0.0)[0, 0] / SHARES[0]
        for share, empty in ((1.0001, True), (0.9999, False)):
            coef, _ = shrunken(problem, range(19), [(share * top, 0.0)])
            assert (not coef.any()) == empty


def test_limits_hold_under_shrinkage():
    X, y = noisy()
    problem = Problem.from_data(X, y, k=4, lower=-0.0037, upper=0.019)
    coef, _ = shrunken(problem, range(19), usual_strengths(problem, None))
    assert ((coef >= -0.0037) & (coef <= 0.019)).all()
    assert (coef == 0.019).any()


def test_choice_is_that_of_a_search_by_hand():
    """Every triple of size, ridge and strength, fitted on each fold and judged on its other rows."""
    X, y = noisy(p=7)
    found = ez.cross_validate(X, y, k=7, cv=SPLITS, l1=None, l2=None)
    strengths = usual_strengths(Problem.from_data(X, y, k=7), None)
    errors = np.zeros((len(RIDGES), len(strengths), 8))
    for train, test in SPLITS.split(X):
        plain = Problem.from_data(X[train], y[train], k=7)
        for i, ridge in enumerate(RIDGES):
            for k in range(8):
                support = ez.best_subset(
                    X[train], y[train], k=k, l2=ridge, solver="branch" if ridge else "auto"
                ).support
                coef, intercept = shrunken(plain, support, strengths)
                rest = y[test, None] - X[test][:, support] @ coef - intercept
                errors[i, :, k] += 0.5 * (rest**2).mean(axis=0) * test.size / 60
    i, m, k = np.unravel_index(errors.argmin(), errors.shape)
    assert (found.ridge, found.l1, found.l2, found.k_best) == (RIDGES[i], *strengths[m], k)
    assert found.mean.min() == pytest.approx(errors.min(), rel=1e-7)
    assert strengths[m, 0] > 0  # so weak a signal asks for shrinkage
    tried = found.tried.to_dicts()
    assert len(tried) == errors[:, :, 0].size
    assert min(row["held-out loss"] for row in tried) == pytest.approx(errors.min(), rel=1e-7)


def test_the_final_model_is_a_lasso_on_the_support_found():
    X, y = noisy(noise=1.2)
    model = ez.L0RegressorCV(cv=SPLITS).fit(X, y)
    found = model.cross_validation_
    assert found.l1 > 0
    assert found.k_best <= found.searched < 19
    sizes = [k for k in found.sizes.tolist() if k <= found.searched]
    searched = ez.path(X, y, k=sizes, l2=found.ridge)[found.k_best]
    scale = X[:, searched.support].std(axis=0)
    theirs = like_ours(found.l1, found.l2).fit(X[:, searched.support] / scale, y)
    np.testing.assert_allclose(model.coef_[searched.support], theirs.coef_ / scale, rtol=1e-6, atol=1e-9)
    assert model.intercept_ == pytest.approx(theirs.intercept_)
    assert set(model.support_) <= set(searched.support)
    # the objective is that of the question with this l1
    problem = Problem.from_data(X, y, k=found.k_best, l1=found.l1, l2=found.l2)
    assert model.objective_ == pytest.approx(problem.objective(model.coef_, model.intercept_))


def test_many_small_effects_ask_for_all_columns():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(50, 150)) + 1.9 * rng.normal(size=(50, 1))
    y = X @ rng.normal(size=150) * 0.19 + rng.normal(size=50)
    model = ez.L0RegressorCV(cv=SPLITS).fit(X, y)
    found = model.cross_validation_
    assert found.sizes[-1] == 150 == found.k_best > found.searched
    theirs = like_ours(found.l1, found.l2).fit(X / X.std(axis=0), y)
    np.testing.assert_allclose(model.coef_, theirs.coef_ / X.std(axis=0), rtol=1e-3, atol=1e-5)
    assert model.k_ == (model.coef_ != 0).sum() < 150


def test_a_clear_signal_is_not_shrunken_and_no_size_is_cut_off():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(300, 60))
    y = X[:, :30] @ np.ones(30) + 0.019 * rng.normal(size=300)
    model = ez.L0RegressorCV().fit(X, y)
    assert model.support_.tolist() == list(range(30))
    np.testing.assert_allclose(model.coef_[:30], 1.0, atol=0.01)
    # a quarter of 240 rows, every eighth size from 40 on; without l1 there is no model of all columns at once
    assert model.cross_validation_.searched == 56


@pytest.mark.parametrize(
    "given", [{"l1": 0.0, "l2": 0.0}, {"l1": 0.037}, {"l2": 0.37}, {"certify": True, "k": 3}], ids=str
)
def test_strengths_that_are_given_are_kept(given):
    X, y = noisy()
    model = ez.L0RegressorCV(cv=SPLITS, random_state=1, **given).fit(X, y)
    found = model.cross_validation_
    if "l1" in given or "certify" in given:
        assert found.l1 == given.get("l1", 0.0)
    if "l2" in given or "certify" in given:
        assert found.ridge == given.get("l2", 0.0)
    if "certify" in given:
        assert model.status_ is ez.Status.OPTIMAL


def test_other_losses_and_several_outputs_are_not_shrunken():
    X, y = noisy()
    counts = np.random.default_rng(2).poisson(1.9, 60)
    for target, loss in ((counts, "poisson"), (np.column_stack([y, y[::-1]]), "squared")):
        found = ez.cross_validate(X, target, k=2, loss=loss, l1=None, l2=None)
        assert (found.l1, found.l2, found.ridge) == (0.0, 0.0, 0.0)


def test_sparse_columns_and_repeated_rows_change_nothing():
    q = make_question(3, n=60, p=9, correlation=0.5)
    folds = [(np.flatnonzero(np.arange(60) % 3 != f), np.flatnonzero(np.arange(60) % 3 == f)) for f in range(3)]
    dense = ez.L0RegressorCV(cv=folds).fit(q.X, q.y)
    sparse = ez.L0RegressorCV(cv=folds).fit(csc_array(q.X), q.y)
    np.testing.assert_allclose(sparse.coef_, dense.coef_, rtol=1e-6, atol=1e-9)
    times = np.random.default_rng(1).integers(1, 4, 60)
    repeated = np.repeat(np.arange(60), times)
    twice = [tuple(np.flatnonzero(np.isin(repeated, part)) for part in fold) for fold in folds]
    weighed = ez.L0RegressorCV(k=9, cv=folds).fit(q.X, q.y, sample_weight=times)
    copied = ez.L0RegressorCV(k=9, cv=twice).fit(q.X[repeated], q.y[repeated])
    np.testing.assert_allclose(copied.coef_, weighed.coef_, rtol=1e-6, atol=1e-9)
