r"""Tighter limits of the coefficients, read off any dual vector.

With a unit in, its coefficient at t and everything else at its best, the dual bound of a node is

.. math:: B_j(t) = A_j - (v_j t - \lambda_1 |t| - \lambda_2 t^2),

where :math:`A_j` is the bound with the unit in and free of charge. Where :math:`B_j` reaches the cut from some t on, no
better solution lies there, and that t is a limit: nobody has to guess a big M.
"""

import numpy as np

from ..problem import UNIT, Problem, node_charge
from .descent import Bound

OUTWARDS = 1e-9  # share by which a limit is moved outwards, so that rounding cannot undo its proof


def peel(problem: Problem, bound: Bound, inside, outside, cut: float, lower, upper) -> tuple[np.ndarray, np.ndarray]:
    """Limits that every solution of a node better than the cut keeps.

    Parameters
    ----------
    problem : Problem
    bound : Bound
        Of the node, found within limits that are no tighter than those given here.
    inside, outside : ndarray of shape (n_units,), bool
        The state that the bound belongs to.
    cut : float
        Solutions with this value or more may be lost.
    lower, upper : ndarray of shape (n_features,)
        Present limits of the scaled columns.

    Returns
    -------
    lower, upper : ndarrays of shape (n_features,)
        Nowhere wider than the present ones. Columns of units that are out, or have several columns, keep theirs.

    References
    ----------
    Tawarmalani & Sahinidis (2004), "Global optimization of mixed-integer nonlinear programs", on range reduction by
    duality.
    """
    penalty, rules = problem.normal.penalty, problem.rules
    charge, last_in, _ = node_charge(bound.scores, inside, outside, problem.l0, problem.k)
    rise = np.maximum(bound.scores - problem.l0, 0.0)
    uncharged = bound.base - charge + np.where(inside, bound.scores, np.maximum(rise, last_in) + problem.l0)
    alone = np.bincount(rules.unit_of_column, minlength=rules.n_units) == 1
    of_column = rules.unit_of_column
    magnitude = abs(bound.base) + float(np.abs(bound.scores[~outside]).sum())  # of terms that may cancel
    room = uncharged[of_column] - cut - 16 * (lower.size + 64) * UNIT * magnitude
    tight = (alone & ~outside)[of_column]
    above = _limit(bound.slopes + bound.slope_error - penalty.l1, penalty.l2, room)
    below = _limit(-bound.slopes + bound.slope_error - penalty.l1, penalty.l2, room)
    return (
        np.where(tight, np.maximum(lower, -below), lower),
        np.where(tight, np.minimum(upper, above), upper),
    )


def _limit(slope, ridge, room) -> np.ndarray:
    r"""Smallest T >= 0 with ``slope t - ridge t^2 <= room`` for all t >= T, a hair more, or ``inf``."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        inner = slope * slope - 4.0 * ridge * room
        root = np.sqrt(np.maximum(inner, 0.0))
        # the larger root of ridge t^2 - slope t + room, in the form that does not cancel
        curved = np.where(slope > 0, (slope + root) / (2.0 * ridge), 2.0 * room / (slope - root))
        flat = np.where(slope < 0, room / slope, np.where((slope <= 0) & (room >= 0), 0.0, np.inf))
        limit = np.where(ridge > 0, np.where(inner < 0, 0.0, curved), flat)
    limit = np.where(np.isnan(limit), np.inf, np.maximum(limit, 0.0))
    return np.where(room == np.inf, 0.0, limit * (1.0 + OUTWARDS))
