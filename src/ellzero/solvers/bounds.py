"""Bounds that need no search: the least eigenvalue, the full model, and what rounding can hide."""

import numpy as np
from scipy import linalg

from ..certificate import Tree
from ..problem import Problem

UNIT = 2.0**-53
CHECKED_FEATURES = 2000  # beyond so many columns no eigenvalue is computed


def rounding(problem: Problem) -> float:
    """Share of ``(|y| + |b|_1)^2`` that floating-point error may take from a least-squares value; the checker's charge."""
    gamma = 8 * (problem.y.size + 64) * UNIT
    normal = problem.normal
    return 1.25 * gamma * (2.0 + float(np.max(np.abs(normal.centre) / normal.scale)))


def least_eigenvalue(problem: Problem) -> float:
    """Proven lower bound of the least eigenvalue of the ridged Gram matrix of all usable columns; -inf if not computed."""
    columns = problem.rules.columns(np.flatnonzero(problem.usable))
    if columns.size == 0:
        return 1.0
    ridge = 2.0 * problem.normal.penalty.l2[columns]
    if columns.size > CHECKED_FEATURES or (columns.size >= problem.y.size and not ridge.all()):
        return -np.inf
    gram = problem.gram.rows(columns)[:, columns] + np.diag(ridge)
    error = 2.0 * problem.n_features * (rounding(problem) + 8 * UNIT * (np.trace(gram) + problem.n_features))
    return float(linalg.eigh(gram, eigvals_only=True, subset_by_index=[0, 0], check_finite=False)[0]) - error


def root_bound(problem: Problem, objective: float) -> tuple[float | None, Tree | None]:
    """Bound of the whole problem without branching, and its evidence; (None, None) where none is defined.

    With a ridge or limits on both sides it is the perspective relaxation's; for squared error with independent columns the
    value of the model with all of them.
    """
    from .relaxation import relaxation_for, root_relaxation

    if relaxation_for(problem) is not None:
        return root_relaxation(problem, objective)
    if problem.closed_form and least_eigenvalue(problem) > 0:
        columns = problem.rules.columns(np.flatnonzero(problem.usable))
        gram = problem.gram.rows(columns)[:, columns] + np.diag(2.0 * problem.normal.penalty.l2[columns])
        corr = problem.gram.corr[columns]
        b = linalg.solve(gram, corr, assume_a="pos", check_finite=False) if columns.size else corr
        slack = rounding(problem) * (np.sqrt(problem.gram.yy) + np.abs(b).sum()) ** 2
        value = 0.5 * (problem.gram.yy - float(corr @ b)) - slack
        return max(value, 0.0) + problem.l0 * int(problem.rules.forced.sum()), Tree.plain("superset", [-1])
    return None, None
