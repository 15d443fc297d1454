"""What one more column would do to a fit whose other coefficients stay: a closer look than a quadratic model's."""

import numpy as np

from ..problem import Problem
from .refit import Fit

STEPS = 12  # of Newton's method, halved where one does not lower the value


def probe(problem: Problem, fit: Fit, columns) -> np.ndarray:
    r"""Value of a fit after each of some columns has entered, the other coefficients held and the intercept free.

    Minimises :math:`\sum_i w_i f(y_i, \eta_i + u + t z_{ij}) + \lambda_{2j} t^2` over t and u, for all j side by side;
    for losses that are sums over rows. It is never below the value of the refit with that column.

    Parameters
    ----------
    problem : Problem
        A single output, without l1 and limits.
    fit : Fit
    columns : array of int
    """
    loss, y, weight = problem.loss, problem.normal.y, problem.weight
    Z, ridge = problem.normal.Z.columns(columns).T, problem.normal.penalty.l2[columns]
    free = float(problem.fit_intercept)

    def value_at(t, u):
        eta = fit.eta + u[:, None] + t[:, None] * Z
        return loss.value(y, eta) @ weight + ridge * t * t, eta

    t, u, length = np.zeros(len(Z)), np.zeros(len(Z)), np.ones(len(Z))
    value, eta = value_at(t, u)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for _ in range(STEPS):
            slope, bend = weight * loss.gradient(y, eta), weight * loss.curvature(y, eta)
            g, g0 = (slope * Z).sum(axis=1) + 2.0 * ridge * t, free * slope.sum(axis=1)
            bent = bend * Z
            h, h0, across = (bent * Z).sum(axis=1) + 2.0 * ridge, bend.sum(axis=1), free * bent.sum(axis=1)
            whole = h * h0 - across * across
            dt, du = (h0 * g - across * g0) / whole, (h * g0 - across * g) / whole
            tried, tried_eta = value_at(t - length * dt, u - free * length * du)
            better = tried < value
            t, u = np.where(better, t - length * dt, t), np.where(better, u - free * length * du, u)
            value, eta = np.where(better, tried, value), np.where(better[:, None], tried_eta, eta)
            length = np.where(better, 1.0, 0.25 * length)
    return value + fit.value - loss.mean(y, fit.eta, weight)
