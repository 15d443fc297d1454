r"""Shrinkage of the coefficients on a support that is known: what a search chooses, noise has made too large.

Among many columns those are taken that noise favours, so that least-squares coefficients on the support found lie too
far from zero, the more the lower the signal. A lasso on that support, with a strength chosen on held-out rows, takes
back what held-out rows do not confirm (Hastie, Tibshirani & Tibshirani 2020).
"""

import numpy as np

from .._kernels.coordinate import descend
from ..problem import Problem
from ..solvers.refit import fit_support

# strengths, as shares of the one from which on no column is in; 0 is the fit without shrinkage
SHARES = np.array([0.8, 0.6, 0.5, 0.4, 0.35, 0.3, 0.25, 0.2, 0.15, 0.1, 0.05, 0.02, 0.0])
RIDGES = (0.0, 3.0)  # of the search: none, and one under which it is nearly a ranking of single columns
CLOSE = 1e-8  # steps at which a descent ends, relative to the target
SWEEPS = 5000


def usual_strengths(problem: Problem) -> np.ndarray:
    """Strengths of l1 to choose from, largest first, on the user's scale (squared error)."""
    normal = problem.normal
    of_column = np.abs(problem.correlations) * (1.0 if problem.standardize else normal.scale)
    return SHARES * float(of_column.max(initial=0.0))


def shrunken(problem: Problem, columns, strengths) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients on a support for several strengths of l1, with the problem's other penalties (squared error).

    Parameters
    ----------
    problem : Problem
    columns : array of int, shape (k,)
    strengths : array, shape (m,)
        Largest first.

    Returns
    -------
    coef : ndarray of shape (k, m)
        In data units.
    intercept : ndarray of shape (m,)
    """
    normal, columns = problem.normal, np.sort(np.asarray(columns, np.intp))
    k, penalty = columns.size, normal.penalty
    coef = np.zeros((k, len(strengths)))
    if k:
        Z = normal.Z.columns(columns)
        weighted = problem.weight[:, None] * Z
        gram, scale = np.ascontiguousarray(Z.T @ weighted), np.sqrt(2.0 * max(problem.null_loss, 1e-300))
        g, b = weighted.T @ normal.y / scale, np.zeros(k)
        each = np.ones(k) if problem.standardize else 1.0 / normal.scale[columns]
        lower, upper, none = penalty.lower[columns] / scale, penalty.upper[columns] / scale, np.zeros(k)
        for i, strength in enumerate(strengths):
            if strength == 0.0 and not penalty.limited:
                coef[:, i] = fit_support(problem, columns).gamma
                continue
            descend(
                gram, g, b, np.zeros(k), np.empty(k), np.arange(k + 1), np.ones(k, np.bool_),
                np.maximum(np.diagonal(gram), 1e-300), 0.0, strength / scale * each, penalty.l2[columns], lower, upper,
                none, none, none, none, CLOSE, SWEEPS,
            )  # fmt: skip
            coef[:, i] = scale * b
        coef /= normal.scale[columns, None]
        own, every = problem.penalty, np.ones(problem.n_features)  # scaling back may overshoot by a rounding
        coef = np.clip(coef.T, (own.lower * every)[columns], (own.upper * every)[columns]).T
    if not problem.fit_intercept:
        return coef, np.zeros(len(strengths))
    return coef, problem.null_intercept - normal.centre[columns] @ coef
