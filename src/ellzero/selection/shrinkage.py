r"""Shrinkage of the coefficients on a support that is known: what a search chooses, noise has made too large.

Among many columns those are taken that noise favours, so that least-squares coefficients on the support found lie too
far from zero, the more the lower the signal. A lasso or an elastic net on that support, with a strength chosen on
held-out rows, takes back what held-out rows do not confirm (Hastie, Tibshirani & Tibshirani 2020).
"""

from collections.abc import Iterator

import numpy as np

from .._kernels.coordinate import descend
from .._progress import Clock
from ..problem import Problem
from ..solvers.convex import Convex
from ..solvers.refit import fit_support
from ..solvers.working import Terms

# strengths, as shares of the one from which on no column is in; 0 is the fit without shrinkage
SHARES = np.array([0.8, 0.6, 0.5, 0.4, 0.35, 0.3, 0.25, 0.2, 0.15, 0.1, 0.05, 0.02, 0.0])
RIDGES = (0.0, 3.0)  # of the search: none, and one under which it is nearly a ranking of single columns
CLOSE = 1e-8  # steps at which a descent ends, relative to the target
SWEEPS = 5000
GAP = 1e-6  # duality gap, as a share of the empty model's loss, at which a model of all columns is good enough to judge


def usual_strengths(problem: Problem, l2: float | None) -> np.ndarray:
    """Pairs (l1, l2) to choose from, on the user's scale, shape (m, 2) (squared error).

    l1 falls from a share of what leaves no column in down to 0. Where l2 is not given, there is none, then, once more
    from the top, half of l1: scikit-learn's elastic net of ``l1_ratio=0.5``.
    """
    normal = problem.normal
    of_column = np.abs(problem.correlations) * (1.0 if problem.standardize else normal.scale)
    l1 = SHARES * float(of_column.max(initial=0.0))
    if l2 is not None:
        return np.column_stack([l1, np.full(l1.size, l2)])
    lasso, net = np.column_stack([l1, 0.0 * l1]), np.column_stack([l1, 0.5 * l1])[l1 > 0]
    return np.vstack([lasso, net])


def shrunken(problem: Problem, columns, strengths) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients on a support for several strengths, within the problem's limits (squared error).

    Parameters
    ----------
    problem : Problem
    columns : array of int, shape (k,)
    strengths : array, shape (m, 2)
        l1 and l2; in an order in which neighbours are alike.

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
        for i, (l1, l2) in enumerate(strengths):
            if l1 == 0.0 and not penalty.limited:
                coef[:, i] = fit_support(problem.with_penalty(0.0, l2), columns).gamma
                continue
            descend(
                gram, g, b, np.zeros(k), np.empty(k), np.arange(k + 1), np.ones(k, np.bool_),
                np.maximum(np.diagonal(gram), 1e-300), 0.0, l1 / scale * each, l2 * each**2, lower, upper,
                none, none, none, none, CLOSE, SWEEPS,
            )  # fmt: skip
            coef[:, i] = scale * b
        coef /= normal.scale[columns, None]
        own, every = problem.penalty, np.ones(problem.n_features)  # scaling back may overshoot by a rounding
        coef = np.clip(coef.T, (own.lower * every)[columns], (own.upper * every)[columns]).T
    if not problem.fit_intercept:
        return coef, np.zeros(len(strengths))
    return coef, problem.null_intercept - normal.centre[columns] @ coef


def dense(problem: Problem, strengths, clock: Clock) -> Iterator[tuple[np.ndarray, float] | None]:
    """Coefficients without a limit on their number, and intercept, for each pair (l1, l2); None without l1."""
    engine, normal = Convex(problem, clock), problem.normal
    for l1, l2 in strengths:
        if l1 == 0.0:
            yield None
            continue
        engine.solve(Terms.of(problem, l1=l1, l2=l2), GAP * problem.null_loss)
        coef = engine.work.coefficients() / normal.scale
        yield coef, problem.null_intercept - float(normal.centre @ coef) if problem.fit_intercept else 0.0
