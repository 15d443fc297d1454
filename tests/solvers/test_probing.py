"""Probes of single columns: against a minimiser, and what they do where models go astray."""

import numpy as np
import pytest
from scipy.optimize import minimize

from ellzero import Problem
from ellzero._progress import Clock
from ellzero.solvers.exchange import path_engine
from ellzero.solvers.probing import probe
from ellzero.solvers.refit import fit_support


def problem_of(loss, seed=0, n=40, p=9, **options):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * rng.uniform(0.37, 1.9, p)
    eta = X[:, 0] - 0.37 * X[:, 1]
    y = {
        "logistic": (eta + rng.logistic(size=n) > 0).astype(float),
        "poisson": rng.poisson(np.exp(0.37 * eta)).astype(float),
        "gamma": rng.gamma(1.9, np.exp(0.37 * eta)),
        "huber": eta + rng.standard_t(2, size=n),
        "squared_hinge": (eta + rng.normal(size=n) > 0).astype(float),
    }[loss]
    return Problem.from_data(X, y, loss=loss, sample_weight=rng.uniform(0.37, 1.9, n), **options)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("l2", [0.0, 0.019])
@pytest.mark.parametrize("loss", ["logistic", "poisson", "gamma", "huber", "squared_hinge"])
def test_a_probe_is_the_minimum_over_one_coefficient_and_the_intercept(loss, l2, fit_intercept):
    problem = problem_of(loss, l2=l2, fit_intercept=fit_intercept, offset=None)
    fit, columns = fit_support(problem, [1, 4]), np.array([0, 2, 7])
    Z, ridge = problem.normal.Z.columns(columns), problem.normal.penalty.l2[columns]
    rest = fit.value - problem.loss.mean(problem.normal.y, fit.eta, problem.weight)
    for z, strength, value in zip(Z.T, ridge, probe(problem, fit, columns), strict=True):

        def objective(point, z=z, strength=strength):
            eta = fit.eta + fit_intercept * point[1] + point[0] * z
            return problem.loss.mean(problem.normal.y, eta, problem.weight) + strength * point[0] ** 2

        found = minimize(objective, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-14})
        assert value == pytest.approx(found.fun + rest, rel=1e-7)


def test_a_probe_is_above_the_refit_and_below_the_fit():
    problem = problem_of("logistic", offset=np.linspace(-0.37, 1.9, 40))
    fit = fit_support(problem, [1, 4])
    for j, value in enumerate(probe(problem, fit, np.arange(9))):
        assert fit_support(problem, [1, 4, j]).value - 1e-12 <= value <= fit.value + 1e-12


@pytest.mark.parametrize("seed", range(12))
def test_the_best_single_column_of_nearly_separated_classes_is_found(seed):
    """The column with the largest score is often another one there."""
    rng = np.random.default_rng(seed)
    y = (np.arange(30) < 11).astype(float)
    X = rng.normal(size=(30, 60))
    X[:, 7] = np.sign(y - 0.5) * rng.uniform(0.05, 0.1, 30) + 19.0 * (rng.uniform(size=30) < 0.1) * np.sign(y - 0.5)
    X[:, 8:20] += 1.9 * (y - 0.37)[:, None]
    X[:, 3] = 0.37  # constant: no unit at all
    problem = Problem.from_data(X, y, loss="logistic", l2=1e-4)
    found = path_engine(problem, Clock(), 0, effort=0).run(2)
    best = min(fit_support(problem, [j]).value for j in range(60) if j != 3)
    assert found[1].value == pytest.approx(best, rel=1e-9)
