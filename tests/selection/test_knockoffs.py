"""Knockoffs: their correlations by algebra, signs by exchanging columns, the false discovery rate by simulation."""

from typing import Any

import numpy as np
import pytest

import ellzero as ez
from ellzero._progress import Clock
from ellzero.selection.knockoffs import _l0_entries, _lasso_entries, made, threshold
from strategies import design


def normed(rng, n, p, correlation):
    X = design(rng, n, p, correlation)
    X = X - X.mean(axis=0)
    return X / np.linalg.norm(X, axis=0)


def entries(statistic, both, y):
    return _lasso_entries(both, y) if statistic == "lasso" else _l0_entries(both, y, 6, Clock())


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_knockoffs_correlate_as_the_columns_do(correlation):
    rng = np.random.default_rng(37)
    X = normed(rng, 41, 9, correlation)
    twin = made(X, [f"x{j}" for j in range(9)], True, rng)
    gram = X.T @ X
    np.testing.assert_allclose(twin.T @ twin, gram, atol=1e-10)
    cross = X.T @ twin
    away = ~np.eye(9, dtype=bool)
    np.testing.assert_allclose(cross[away], gram[away], atol=1e-10)
    s = min(2 * np.linalg.eigvalsh(gram)[0], 1.0)
    np.testing.assert_allclose(np.diag(cross), 1 - s, atol=1e-10)
    np.testing.assert_allclose(twin.sum(axis=0), 0.0, atol=1e-10)


@pytest.mark.parametrize("statistic", ["lasso", "l0"])
@pytest.mark.parametrize("seed", range(4))
def test_exchanging_a_column_and_its_knockoff_exchanges_their_entries(statistic, seed):
    """What makes the bound valid: the statistic does not know which of the two is made up."""
    rng = np.random.default_rng(seed)
    X = normed(rng, 60, 7, 0.5)
    y = X[:, :3] @ [1.9, -1.9, 3.7] + 0.37 * rng.standard_normal(60)
    both = np.column_stack([X, made(X, range(7), True, rng)])
    swap = np.arange(14)
    for j in rng.permutation(7)[:3]:
        swap[[j, j + 7]] = swap[[j + 7, j]]
    plain, swapped = entries(statistic, both, y), entries(statistic, both[:, swap], y)
    np.testing.assert_allclose(swapped, plain[swap], rtol=1e-7, atol=1e-10)


def test_lasso_entries_are_where_the_coefficients_begin():
    """Just below its entry the lasso, by scikit-learn's coordinate descent, has the column; just above it does not."""
    from sklearn.linear_model import Lasso

    rng = np.random.default_rng(5)
    X = normed(rng, 50, 6, 0.5)
    y = X[:, :2] @ [1.9, -3.7] + 0.37 * rng.standard_normal(50)
    entry = _lasso_entries(X, y - y.mean())
    for j in np.flatnonzero(entry > 1e-4):
        for factor, has in ((0.99, True), (1.01, False)):
            fit = Lasso(alpha=entry[j] * factor, tol=1e-12, max_iter=100_000).fit(X, y)
            assert bool(abs(fit.coef_[j]) > 1e-9) is has


def test_l0_entries_are_prices_of_the_penalised_best_subset():
    """Just below its price the best subset of a price, proved, has the column; just above it does not."""
    rng = np.random.default_rng(5)
    X = normed(rng, 50, 6, 0.2)
    y = X[:, :2] @ [1.9, -3.7] + 0.37 * rng.standard_normal(50)
    y = y - y.mean()
    entry = _l0_entries(X, y, 6, Clock())
    assert (entry > 0).sum() >= 4
    for j in np.flatnonzero(entry):
        below, above = (ez.best_subset(X, y, l0=entry[j] * f, fit_intercept=False).support for f in (0.999, 1.001))
        assert j in below
        assert j not in above


@pytest.mark.parametrize("seed", range(10))
def test_the_threshold_is_the_least_that_keeps_the_bound(seed):
    rng = np.random.default_rng(seed)
    W = np.round(rng.normal(0.7, 1.0, 37), 1)
    q = float(rng.choice([0.1, 0.19, 0.37]))
    kept = [t for t in np.unique(np.abs(W)) if t > 0 and (1 + (W + t <= 0).sum()) / max(1, (W - t >= 0).sum()) <= q]
    assert threshold(W, q) == (min(kept) if kept else np.inf)


def test_the_answer_knows_no_units_and_no_origin():
    rng = np.random.default_rng(3)
    X = rng.standard_normal((100, 9))
    y = X[:, :7] @ np.full(7, 1.9) + rng.standard_normal(100)
    plain = ez.knockoffs(X, y, fdr=0.2, random_state=37)
    moved = ez.knockoffs(X * 10.0 ** np.arange(-4, 5) + 19.0, 0.37 * y + 370.0, fdr=0.2, random_state=37)
    assert plain.selected == moved.selected
    assert set(plain.selected) >= {f"x{j}" for j in range(7)}
    np.testing.assert_allclose(moved.statistic, 0.37 * plain.statistic, rtol=1e-6, atol=1e-9)


def test_what_is_said():
    rng = np.random.default_rng(3)
    X = rng.standard_normal((60, 9))
    found = ez.knockoffs(X, X[:, 0] + rng.standard_normal(60), fdr=0.2, random_state=1)
    assert found.selected == ()
    assert found.estimate == 0.0
    assert "A bound of 20 % takes 5 columns at least." in str(found)
    full = ez.knockoffs(X, X @ np.full(9, 3.7) + 0.37 * rng.standard_normal(60), fdr=0.2, random_state=1)
    assert full.estimate <= 0.2
    assert full.support.size == len(full.selected) >= 5


def false_share(selected, n_true):
    return (selected >= n_true).sum() / max(selected.size, 1)


@pytest.mark.slow
@pytest.mark.parametrize("statistic", ["lasso", "l0"])
def test_false_discoveries_are_as_rare_as_they_say(statistic):
    """100 data sets of 19 correlated columns, 7 with an effect; the mean share of false ones, and some power."""
    rng, shares, found = np.random.default_rng(37), [], []
    for seed in range(100):
        X = design(rng, 100, 19, 0.3)
        y = (X / X.std(axis=0))[:, :7] @ np.full(7, 0.7) + 1.9 * rng.standard_normal(100)
        selected = ez.knockoffs(X, y, fdr=0.3, statistic=statistic, random_state=seed).support
        shares.append(false_share(selected, 7))
        found.append((selected < 7).mean() if selected.size else 0.0)
    error = np.std(shares) / 10
    assert np.mean(shares) <= 0.3 + 3 * error
    assert np.mean(shares) > 0.02  # there are some: the bound is tried
    assert np.mean(found) > 0.2


@pytest.mark.slow
def test_shuffled_columns_are_no_knockoffs(monkeypatch):
    """The law above can fail: twins that do not correlate with the columns as the columns do let too many pass."""
    from importlib import import_module

    module = import_module("ellzero.selection.knockoffs")
    monkeypatch.setattr(module, "made", lambda columns, names, centred, rng: rng.permutation(columns, axis=0))
    rng, shares = np.random.default_rng(37), []
    for seed in range(60):
        common = rng.standard_normal((100, 1))
        X = np.sqrt(0.3) * rng.standard_normal((100, 19)) + np.sqrt(0.7) * common
        y = X[:, :7] @ np.full(7, 0.7) + 1.9 * rng.standard_normal(100)
        shares.append(false_share(ez.knockoffs(X, y, fdr=0.3, random_state=seed).support, 7))
    assert np.mean(shares) > 0.3 + 3 * np.std(shares) / np.sqrt(60)


@pytest.mark.parametrize("statistic", ["lasso", "l0"])
@pytest.mark.parametrize("unit", [1e-8, 1e-19, 1e8, 1e19])
def test_units_of_the_target_and_columns_do_not_matter(statistic, unit):
    rng = np.random.default_rng(37)
    X = rng.normal(size=(80, 12))
    y = X[:, :5] @ [2.0, -1.0, 0.7, 1.9, -0.9] + 0.37 * rng.normal(size=80) + 1.9
    ask: dict[str, Any] = {"fdr": 0.37, "statistic": statistic, "random_state": 19}
    found = ez.knockoffs(X, y, **ask)
    assert len(found.selected) >= 5
    scaled = ez.knockoffs(X * unit**0.5, y * unit, **ask)
    assert scaled.selected == found.selected
    np.testing.assert_allclose(
        scaled.statistic / unit ** (1 if statistic == "lasso" else 2), found.statistic, rtol=1e-6
    )


def test_a_constant_column_is_told_although_its_mean_is_rounded():
    rng = np.random.default_rng(37)
    X = rng.normal(size=(37, 5))
    X[:, 3] = 0.1
    assert (X[:, 3] - X[:, 3].mean()).any()  # rounding is all that is left of it
    with pytest.raises(ez.errors.DataError, match=r"^x3: constant"):
        ez.knockoffs(X, X[:, 0] + rng.normal(size=37))
