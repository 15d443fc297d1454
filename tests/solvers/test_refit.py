"""Fits on a support: normal equations and Gram matrices against an orthogonal factorisation."""

from functools import cached_property

import numpy as np
import pytest

from ellzero import Problem
from ellzero.solvers.refit import MANY_ROWS, fit_by_gram, fit_support, fit_supports


def many_rows(l2=0.0, noise=1.0, near=1.0, **options):
    """More rows than are looked at for a fit; columns 1 and 2 are `near` apart."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(MANY_ROWS + 37, 5)) * [0.37, 1.9, 1.0, 19.0, 1.0] + [0.37, 0.0, 0.0, -19.0, 1.0]
    X[:, 2] = X[:, 1] + near * X[:, 2]
    y = X @ [1.0, -0.37, 0.0, 0.19, 0.0] + noise * rng.normal(size=len(X))
    return Problem.from_data(X, y, k=3, l2=l2, sample_weight=rng.uniform(0.37, 1.9, len(X)), **options)


def by_factorisation(problem, columns):
    """Coefficients of the scaled columns, ridge below, by LAPACK's orthogonal factorisation."""
    root = np.sqrt(problem.weight)
    Z = root[:, None] * problem.normal.Z.columns(np.array(columns))
    ridge = np.diag(np.sqrt(2.0 * problem.normal.penalty.l2[columns]))
    target = np.concatenate([root * problem.normal.y, np.zeros(len(columns))])
    gamma = np.linalg.lstsq(np.vstack([Z, ridge]), target, rcond=None)[0]
    return gamma, 0.5 * np.sum((target - np.vstack([Z, ridge]) @ gamma) ** 2)


@pytest.mark.parametrize("l2", [0.0, 0.0019, 0.37])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("fit", [fit_by_gram, fit_support])
def test_the_fit_is_that_of_an_orthogonal_factorisation(fit, l2, fit_intercept):
    problem = many_rows(l2, fit_intercept=fit_intercept)
    columns = [0, 2, 3]
    gamma, value = by_factorisation(problem, columns)
    found = fit(problem, columns[::-1])
    assert found.columns.tolist() == columns
    np.testing.assert_allclose(found.gamma, gamma, rtol=1e-10)
    assert found.value == pytest.approx(value, rel=1e-12)
    assert found.loss(problem) == pytest.approx(value - problem.normal.penalty.l2[columns] @ gamma**2, rel=1e-12)


@pytest.mark.parametrize("odd", [{"near": 1e-3}, {"noise": 1e-3}], ids=["nearly collinear", "nearly explained"])
def test_a_gram_matrix_is_not_asked_where_it_would_lose_digits(odd):
    problem = many_rows(**odd)
    assert fit_by_gram(problem, [0, 1, 2, 3]) is None
    gamma, value = by_factorisation(problem, [0, 1, 2, 3])
    found = fit_support(problem, [0, 1, 2, 3])
    np.testing.assert_allclose(found.gamma, gamma, rtol=1e-9)
    assert found.value == pytest.approx(value, rel=1e-11)


@pytest.mark.parametrize("near", [10.0**-e for e in range(2, 8)])
def test_columns_that_lie_close_together(near):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(50, 4))
    X[:, 2] = X[:, 1] + near * X[:, 2]
    problem = Problem.from_data(X, X @ [1.0, 0.37, -0.37, 0.0] + 0.19 * rng.normal(size=50), k=3)
    _, value = by_factorisation(problem, [0, 1, 2])
    assert fit_support(problem, [0, 1, 2]).value == pytest.approx(value, rel=1e-12)


def test_few_rows_are_looked_at():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(50, 4))
    assert fit_by_gram(Problem.from_data(X, X[:, 1] + rng.normal(size=50), k=1), [1]) is None


@pytest.mark.parametrize("standardize", [True, False])
def test_other_strengths_are_those_of_a_problem_that_has_them_from_the_start(standardize):
    rng = np.random.default_rng(3)
    X, options = rng.normal(size=(50, 9)) * rng.uniform(0.37, 19, 9), {"k": 3, "standardize": standardize}
    y = X[:, 1] + rng.normal(size=50)
    plain = Problem.from_data(X, y, **options)
    assert plain.gram.p == 9
    assert plain.least_eigenvalue > 0  # computed now, so that it could be shared by mistake
    twin, fresh = plain.with_penalty(0.019, 0.37), Problem.from_data(X, y, l1=0.019, l2=0.37, **options)
    assert twin.gram is plain.gram
    assert plain.with_penalty(0.0, 0.0) is plain
    assert twin.least_eigenvalue == pytest.approx(fresh.least_eigenvalue, rel=1e-12) != plain.least_eigenvalue
    assert fit_support(twin, [1, 4, 7]).value == pytest.approx(fit_support(fresh, [1, 4, 7]).value, rel=1e-12)
    np.testing.assert_array_equal(twin.normal.penalty.l2, fresh.normal.penalty.l2)


@pytest.mark.parametrize("outputs", [0, 2])
@pytest.mark.parametrize("l2", [0.0, 0.0019])
def test_supports_fitted_together_are_fitted_as_if_alone(l2, outputs):
    """Empty, overlapping, nearly and exactly collinear ones among them."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(40, 7))
    X[:, 5], X[:, 6] = X[:, 1], X[:, 2] + 1e-4 * X[:, 6]
    y = X[:, :2] @ [1.0, -0.37] + rng.normal(size=40)
    y = np.column_stack([y, rng.normal(size=40)]) if outputs else y
    problem = Problem.from_data(X, y, l2=l2, sample_weight=rng.uniform(0.37, 1.9, 40))
    supports = [[], [3], [1, 3, 0], [1, 5], [2, 6, 4], [0, 1, 2, 3, 4]]
    for columns, fit in zip(supports, fit_supports(problem, supports), strict=True):
        alone = fit_support(problem, columns)
        assert fit.columns.tolist() == sorted(columns)
        np.testing.assert_allclose(fit.gamma, alone.gamma, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(fit.eta, alone.eta, rtol=1e-9, atol=1e-12)
        assert fit.value == pytest.approx(alone.value, rel=1e-13)


def test_supports_of_other_losses_are_fitted_too():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(60, 4))
    problem = Problem.from_data(X, rng.poisson(np.exp(0.37 * X[:, 0])), loss="poisson")
    found = fit_supports(problem, [[0], [0, 3]])
    assert [fit.value for fit in found] == [fit_support(problem, [0]).value, fit_support(problem, [0, 3]).value]


def test_nothing_that_is_found_once_depends_on_the_size():
    """A problem of another size takes over all of it."""
    rng = np.random.default_rng(4)
    X = rng.normal(size=(30, 5)) * [0.37, 1.9, 1.0, 19.0, 1.0]
    y = X @ [1.0, -0.37, 0.0, 0.19, 0.0] + rng.normal(size=30)
    names = [name for name, value in vars(Problem).items() if isinstance(value, cached_property)]
    problem, fresh = (Problem.from_data(X, y, k=k, l2=0.019, forced=[3]) for k in (2, 4))
    for name in names:
        getattr(problem, name)
    other = problem.with_size(4)
    assert other.k == 4
    assert problem.k == 2
    for name in names:
        assert name in vars(other)
        if name in ("gram", "quick_gram", "normal"):
            continue
        np.testing.assert_equal(getattr(other, name), getattr(fresh, name))
    np.testing.assert_array_equal(other.gram.store, fresh.gram.store)
    for part in ("y", "centre", "scale"):
        np.testing.assert_array_equal(getattr(other.normal, part), getattr(fresh.normal, part))
