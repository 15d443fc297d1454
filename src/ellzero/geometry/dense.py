"""Losses whose minimiser on the l1 ball is not sparse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .. import _checks as checks
from .frequency import random_losses


@dataclass(frozen=True, eq=False)
class DenseLoss:
    r"""A quadratic loss whose minimiser on the l1 ball has no zeros.

    Attributes
    ----------
    H : ndarray of shape (n, n)
    centre : ndarray of shape (n,)
        Its minimiser without the ball, outside of it.
    budget : float
        Radius of the l1 ball.
    point : ndarray of shape (n,)
        Minimiser on the ball, inside a facet.
    multiplier : float
    margin : float
        `density_margin`: the smallest size among the entries of the point.
    """

    H: np.ndarray
    centre: np.ndarray
    budget: float
    point: np.ndarray
    multiplier: float
    margin: float


def dense_family(n, *, budget=1.0, condition=10.0, draws=5, random_state=0) -> list[DenseLoss]:
    r"""Losses whose minimiser on the l1 ball is not sparse: one for every H, facet point and multiplier.

    Take any positive definite H, any point x inside a facet (signs s, no zeros, :math:`s^\top x = t`) and any
    :math:`\mu > 0`. The loss with centre :math:`c = x + \mu H^{-1}s` has gradient :math:`H(x - c) = -\mu s` at x:
    minus a multiple of the facet's normal, which is the optimality condition. So x is its minimiser on the ball, though
    c lies outside.

    Parameters
    ----------
    n : int
        Number of variables.
    budget : float > 0, default=1.0
        t, the radius of the ball.
    condition, draws, random_state
        As in `random_losses`, of which H is taken; points are uniform on a facet, multipliers standard exponential.

    Returns
    -------
    list of DenseLoss

    Raises
    ------
    ArgumentError
        An argument is out of its range.

    Examples
    --------
    >>> from ellzero.geometry import contact, quadratic
    >>> one = dense_family(3, draws=1)[0]
    >>> bool(np.abs(one.centre).sum() > 1.0), contact(quadratic(one.H, one.centre), 1, 1.0).n_zeros
    (True, 0)
    """
    t, rng = checks.budget(budget), checks.random_state(random_state)
    family = []
    for H, _ in random_losses(n, condition=condition, draws=draws, random_state=rng):
        signs = rng.choice([-1.0, 1.0], size=n)
        point = t * signs * rng.dirichlet(np.ones(n))
        multiplier = float(rng.exponential())
        centre = point + multiplier * np.linalg.solve(H, signs)
        family.append(DenseLoss(H, centre, t, point, multiplier, density_margin(H, centre, t, signs)))
    return family


def density_margin(H, centre, budget, signs=None) -> float:
    r"""How far a loss is from having a zero in its minimiser on the l1 ball; positive where it has none.

    On the facet of the signs s the minimiser is :math:`x = c - \mu H^{-1}s` with
    :math:`\mu = (s^\top c - t)/(s^\top H^{-1}s)`, and it lies inside the facet where :math:`\min_i s_i x_i > 0`,
    which is returned. Positive, it says that the minimiser has these signs and no zeros; negative, that it does not lie
    inside this facet: where H is not diagonal it may still lie inside another. For isotropic losses (:math:`H = I`) the
    margin is :math:`\min_i|c_i| - (\|c\|_1 - t)/n`.

    Parameters
    ----------
    H : array-like of shape (n, n)
        Positive definite.
    centre : array-like of shape (n,)
        c, with :math:`s^\top c > t`.
    budget : float > 0
        t.
    signs : array-like of shape (n,), optional
        s; those of c by default, which are the right ones for a diagonal H.

    Returns
    -------
    float

    Raises
    ------
    ArgumentError
        H is not positive definite, the shapes differ, or the facet does not part the centre from the ball.

    Examples
    --------
    >>> round(density_margin(np.eye(2), [1.0, 0.8], 1.0), 3), round(density_margin(np.eye(2), [1.9, 0.37], 1.0), 3)
    (0.4, -0.265)
    """
    H = checks.square_matrix("H", H)
    c, t = checks.point(centre, len(H)), checks.budget(budget)
    s = np.sign(c) if signs is None else np.sign(checks.point(signs, len(H)))
    least = float(np.linalg.eigvalsh(H)[0])
    if least <= 0:
        raise checks.not_definite("H", least)
    away = np.linalg.solve(H, s)
    multiplier = (s @ c - t) / (s @ away)
    if multiplier <= 0:
        raise checks.not_beyond(float(s @ c), t)
    return float((s * (c - multiplier * away)).min())
