"""Fits on a support: normal equations and Gram matrices against an orthogonal factorisation."""

import numpy as np
import pytest

from ellzero import Problem
from ellzero.solvers.refit import MANY_ROWS, fit_by_gram, fit_support


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
