"""Threshold curves: what a prox makes of one coordinate, and where it jumps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .. import _checks as checks
from ..penalties import Folded, Grouped, Penalty, Separable

NEAREST = 1e-9  # of the limit: jumps nearer to 0 are not looked for
SOUGHT = 10_001  # brackets on either side of 0, so that neighbours differ by a fifth of a percent
JUMP = 1e-6  # of v: what a continuous prox cannot rise between two neighbouring numbers


@dataclass(frozen=True, eq=False)
class Threshold:
    r"""A prox as a curve, :math:`t(v) = \arg\min_t \tfrac12 (t - v)^2 + s\,\phi(t)`.

    Attributes
    ----------
    v : ndarray of shape (m,)
        Increasing; a jump stands there three times.
    t : ndarray of shape (m,)
        Both ends of a jump with a NaN between them, so that a line drawn through the points breaks there.
    jumps : ndarray of shape (j,)
        Where the prox jumps, increasing; to rounding.
    step : float
        s.
    label : str
        The penalty.
    """

    v: np.ndarray
    t: np.ndarray
    jumps: np.ndarray
    step: float
    label: str


def threshold(penalty, limit=3.0, step=1.0, resolution=601) -> Threshold:
    r"""Threshold curve of a penalty's prox, on [-limit, limit], and the places where it jumps.

    Parameters
    ----------
    penalty : Penalty
        With one strength for all coordinates. For a group penalty v is the norm of a group, with a sign.
    limit : float > 0, default=3.0
        End of the curve.
    step : float > 0, default=1.0
        Step of the prox, a factor of the penalty.
    resolution : int >= 3, default=601
        Points of the curve, besides 0 and the jumps; these do not depend on it.

    Returns
    -------
    Threshold

    Raises
    ------
    ArgumentError
        It is no penalty, its strengths differ between coordinates, or a number is out of its range.

    Notes
    -----
    A prox never falls as v rises, so a jump is found by halving the bracket that it stays in, down to two neighbouring
    floating-point numbers: no formula of any penalty is needed, and the position is that of the library's own prox.
    Jumps by less than some thousandths of v, and jumps closer to 0 than 1e-9 of the limit, may be missed.

    References
    ----------
    Antoniadis & Fan (2001), "Regularization of wavelet approximations".

    Examples
    --------
    >>> from ellzero.penalties import L0, L1
    >>> threshold(L0(0.5)).jumps
    array([-1.,  1.])
    >>> threshold(L1(0.5)).jumps
    array([], dtype=float64)
    """
    prox = _one_coordinate(penalty)
    limit, step = checks.finite_positive("limit", limit), checks.finite_positive("step", step)
    count = checks.integer_in("resolution", resolution, 3, 1_000_000)
    grid = np.union1d(np.linspace(-limit, limit, count), 0.0)
    jumps, before, after = _jumps(prox, limit, step)
    grid = grid[~np.isin(grid, jumps)]
    v = np.concatenate([grid, np.repeat(jumps, 3)])
    ends = np.column_stack([before, np.full(len(jumps), np.nan), after]).ravel()
    order = np.argsort(v, kind="stable")
    return Threshold(v[order], np.concatenate([prox(grid, step), ends])[order], jumps, step, repr(penalty))


def _jumps(prox, limit, step):
    """Places of the jumps on [-limit, limit], and the values on both sides of each."""
    side = np.geomspace(NEAREST * limit, limit, SOUGHT)
    grid = np.concatenate([-side[::-1], side])
    t = prox(grid, step)
    low, high, before, after = grid[:-1], grid[1:], t[:-1], t[1:]
    while True:
        # a continuous prox rises by less and less as its bracket is halved
        far = (after - before > JUMP * np.maximum(np.abs(low), np.abs(high))) & (low * high > 0)
        low, high, before, after = (part[far] for part in (low, high, before, after))
        middle = low + 0.5 * (high - low)
        if ((middle <= low) | (middle >= high)).all():
            break
        value = prox(middle, step)
        right = after - value > value - before  # the larger rise has the jump
        low, before = np.where(right, middle, low), np.where(right, value, before)
        high, after = np.where(right, high, middle), np.where(right, after, value)
    return np.where(low < 0, high, low), before, after  # where the value nearer to 0 still is a minimiser


def _one_coordinate(penalty):
    """Prox of one coordinate, as a function of many."""
    if not isinstance(penalty, Penalty):
        raise checks.no_threshold(penalty)
    if isinstance(penalty, Grouped):
        if np.ptp(penalty.weights) > 0:
            raise checks.one_for_all(repr(penalty))
        price = penalty.strength * float(penalty.weights[0])
        return lambda v, step: penalty.remains(np.abs(v), np.full(np.shape(v), step * price)) * v
    parts = penalty.base if isinstance(penalty, Folded) else penalty
    if not isinstance(parts, Separable):
        raise checks.one_for_all(repr(penalty))
    if any(np.ndim(s) for s in (parts.l0, parts.l1, parts.l2, parts.lower, parts.upper)):
        raise checks.one_for_all(repr(penalty))
    return penalty.prox
