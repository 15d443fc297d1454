"""Price of nonzeros, l1, ridge and limits: one family, its special cases by name."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _checks as checks
from .base import Penalty, Vector, numbers

Numbers = float | Vector  # one for all coordinates, or one a coordinate


class Separable(Penalty):
    r"""The family :math:`\lambda_0 1[t \ne 0] + \lambda_1 |t| + \lambda_2 t^2` on :math:`[l, u]`, summed.

    Parameters
    ----------
    l0, l1, l2 : float or ndarray of shape (n_features,), >= 0, default=0
        Strengths, in units of the mean loss.
    lower, upper : float or ndarray of shape (n_features,), default=-inf, inf
        Limits of the coefficients; ``lower <= 0 <= upper``.

    Raises
    ------
    ArgumentError
        A strength is negative or not finite, or 0 is outside the limits.

    Notes
    -----
    Three facts carry everything: the prox of :math:`\phi` is the better of 0 and :math:`\mathrm{prox}_h`; its conjugate
    is :math:`[h^* - \lambda_0]_+`; its convex envelope is the line of slope
    :math:`s = \lambda_0/m + \lambda_1 + \lambda_2 m` up to :math:`m = \min(\sqrt{\lambda_0/\lambda_2}, u)` and
    :math:`\phi` beyond, and likewise on the negative side.

    References
    ----------
    Blumensath & Davies (2008), "Iterative thresholding for sparse approximations";
    Günlük & Linderoth (2010), "Perspective reformulations of mixed integer nonlinear programs with indicator
    variables".

    Examples
    --------
    >>> penalty = L0(0.5) + L2(0.5)
    >>> penalty.value(np.array([0.0, 2.0]))
    2.5
    >>> penalty.prox(np.array([0.9, -2.0]), step=1.0)
    array([ 0., -1.])
    """

    __slots__ = ("l0", "l1", "l2", "lower", "upper")

    # Numbers, but every use of an entry would have to ask which; Any lets the arithmetic broadcast
    l0: Any
    l1: Any
    l2: Any
    lower: Any
    upper: Any

    def __init__(
        self,
        l0: Numbers = 0.0,
        l1: Numbers = 0.0,
        l2: Numbers = 0.0,
        lower: Numbers = -np.inf,
        upper: Numbers = np.inf,
    ):
        strengths = {"l0": l0, "l1": l1, "l2": l2}
        for name, strength in strengths.items():
            if np.ndim(strength) == 0:
                strengths[name] = checks.non_negative(name, strength)
            elif not (np.isfinite(strength) & (np.asarray(strength) >= 0)).all():
                raise checks.negative_strengths(name)
        checks.bounds(np.asarray(lower, float), np.asarray(upper, float))
        self._hold(**strengths, lower=lower, upper=upper)

    def __add__(self, other: Separable) -> Separable:
        if not isinstance(other, Separable):
            return NotImplemented
        return Separable(
            self.l0 + other.l0,
            self.l1 + other.l1,
            self.l2 + other.l2,
            np.maximum(self.lower, other.lower)[()],
            np.minimum(self.upper, other.upper)[()],
        )

    def __repr__(self):
        shown = {"l0": 0.0, "l1": 0.0, "l2": 0.0, "lower": -np.inf, "upper": np.inf}
        parts = [f"{f}={getattr(self, f)!r}" for f, usual in shown.items() if np.any(getattr(self, f) != usual)]
        return f"{type(self).__name__}({', '.join(parts)})"

    @property
    def boxed(self) -> bool:
        """Whether every coefficient has a finite limit on both sides."""
        return bool(np.isfinite(self.lower).all() and np.isfinite(self.upper).all())

    @property
    def limited(self) -> bool:
        """Whether any coefficient has a finite limit."""
        return bool(np.isfinite(self.lower).any() or np.isfinite(self.upper).any())

    def value(self, beta) -> float:
        return float(self.entries(beta).sum())

    def values(self, points):
        return self.entries(points).sum(axis=-1)

    def entries(self, beta) -> Vector:
        """Penalty of each coordinate, ``inf`` outside the limits."""
        beta = np.asarray(beta, float)
        inside = (beta >= self.lower) & (beta <= self.upper)
        return np.where(inside, self.l0 * (beta != 0) + self.l1 * np.abs(beta) + self.l2 * beta * beta, np.inf)

    def convex_value(self, beta):
        """:math:`h(t)` of each coordinate; the limits are taken as met."""
        return self.l1 * abs(beta) + self.l2 * beta * beta

    def convex_prox(self, v, step):
        """Prox of :math:`h` alone: soft threshold, shrink, clip."""
        xp, v = numbers(v)
        soft = xp.sign(v) * (abs(v) - step * self.l1).clip(0.0)
        return (soft / (1.0 + 2.0 * step * self.l2)).clip(self.lower, self.upper)

    def prox(self, v, step):
        xp, v = numbers(v)
        t = self.convex_prox(v, step)
        gain = t * (v - 0.5 * t) - step * self.convex_value(t)  # what moving from 0 to t saves, before the price
        return xp.where(gain > step * self.l0, t, 0.0)

    def convex_conjugate(self, v):
        r""":math:`h^*(v)` of each coordinate; ``inf`` where it is unbounded."""
        v = np.asarray(v, float)
        excess = np.maximum(np.abs(v) - self.l1, 0.0)
        limit = np.where(v > 0, self.upper, -np.asarray(self.lower))
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.where(excess > 0, np.minimum(excess / (2.0 * np.asarray(self.l2)), limit), 0.0)
            return np.where(t > 0, excess * t - self.l2 * np.where(self.l2 > 0, t * t, 0.0), 0.0)

    def conjugate(self, v):
        return np.maximum(self.convex_conjugate(v) - self.l0, 0.0)

    def subdifferential(self, beta):
        beta = np.asarray(beta, float)
        slope = 2.0 * self.l2 * beta
        low = slope + np.where(beta > 0, self.l1, -np.asarray(self.l1))
        high = slope + np.where(beta < 0, -np.asarray(self.l1), self.l1)
        anywhere = (beta == 0) & (np.asarray(self.l0) > 0)
        low = np.where(anywhere | (beta <= self.lower), -np.inf, low)
        high = np.where(anywhere | (beta >= self.upper), np.inf, high)
        return low, high

    def envelope_lines(self) -> tuple[Vector, Vector, Vector, Vector]:
        """Slopes and ends of the linear pieces of the convex envelope, positive side then negative side.

        Returns four values or arrays: slope and end for t > 0, slope and (positive) end for t < 0. A side that the
        limits close has slope ``inf``; without price and ridge the line never ends.
        """
        return *self._line(np.asarray(self.upper, float)), *self._line(-np.asarray(self.lower, float))

    def _line(self, limit: Vector) -> tuple[Vector, Vector]:
        """Slope and end of the envelope's line towards a limit, in the direction of positive t."""
        l0, l1, l2 = (np.asarray(s, float) for s in (self.l0, self.l1, self.l2))
        with np.errstate(divide="ignore", invalid="ignore"):
            free_end = np.where(l0 > 0, np.sqrt(l0 / l2), 0.0)
            end = np.minimum(free_end, limit)
            rise = np.where(l0 > 0, l0 / end, 0.0) + np.where(l2 > 0, l2 * end, 0.0)
        return np.where(limit > 0, l1 + np.where(np.isnan(rise), 0.0, rise), np.inf), end

    def envelope(self, beta):
        """Convex envelope of each coordinate: the relaxation that branch and bound solves."""
        beta = np.asarray(beta, float)
        up, up_end, down, down_end = self.envelope_lines()
        t = np.abs(beta)
        slope, end = np.where(beta > 0, up, down), np.where(beta > 0, up_end, down_end)
        with np.errstate(invalid="ignore"):
            line = np.where(t > 0, slope * t, 0.0)
        inside = np.where(t <= end, line, self.l0 + self.convex_value(beta))
        return np.where((beta >= self.lower) & (beta <= self.upper), inside, np.inf)


class L0(Separable):
    r"""Count of nonzeros, :math:`\lambda_0 \|\beta\|_0`.

    Parameters
    ----------
    l0 : float, >= 0
        Price of one nonzero coefficient, in units of the mean loss.

    Notes
    -----
    Not a norm: :math:`\|c\beta\|_0 = \|\beta\|_0` for every :math:`c \ne 0`. The proximal operator at step :math:`t`
    keeps :math:`v` iff :math:`v^2 > 2 t \lambda_0`; at equality 0 and :math:`v` are both minimisers and 0 is returned.

    References
    ----------
    Blumensath & Davies (2008), "Iterative thresholding for sparse approximations", eq. 2.2.

    Examples
    --------
    >>> L0(0.5).prox(np.array([0.9, -1.1]), step=1.0)
    array([ 0. , -1.1])
    """

    __slots__ = ()

    def __init__(self, l0: Numbers):
        super().__init__(l0=l0)


class L1(Separable):
    r"""Sum of absolute values, :math:`\lambda_1 \|\beta\|_1`; its prox is the soft threshold.

    Parameters
    ----------
    l1 : float, >= 0
        Strength, in units of the mean loss.

    References
    ----------
    Tibshirani (1996), "Regression shrinkage and selection via the lasso".

    Examples
    --------
    >>> L1(0.5).prox(np.array([0.4, -1.1]), step=1.0)
    array([ 0. , -0.6])
    """

    __slots__ = ()

    def __init__(self, l1: Numbers):
        super().__init__(l1=l1)


class L2(Separable):
    r"""Squared norm, :math:`\lambda_2 \|\beta\|_2^2` (no factor one half); its prox is :math:`v/(1 + 2\lambda_2)`.

    Parameters
    ----------
    l2 : float, >= 0
        Strength, in units of the mean loss.

    References
    ----------
    Hoerl & Kennard (1970), "Ridge regression: biased estimation for nonorthogonal problems".

    Examples
    --------
    >>> L2(0.5).prox(np.array([1.0, -3.0]), step=1.0)
    array([ 0.5, -1.5])
    """

    __slots__ = ()

    def __init__(self, l2: Numbers):
        super().__init__(l2=l2)


class ElasticNet(Separable):
    r"""Elastic net, :math:`\lambda_1 \|\beta\|_1 + \lambda_2 \|\beta\|_2^2`.

    Parameters
    ----------
    l1, l2 : float, >= 0
        Strengths, in units of the mean loss.

    References
    ----------
    Zou & Hastie (2005), "Regularization and variable selection via the elastic net".

    Examples
    --------
    >>> ElasticNet(0.5, 0.5).prox(np.array([0.4, -2.5]), step=1.0)
    array([ 0., -1.])
    """

    __slots__ = ()

    def __init__(self, l1: Numbers, l2: Numbers):
        super().__init__(l1=l1, l2=l2)


class Box(Separable):
    r"""Limits :math:`l \le \beta_j \le u` with :math:`l \le 0 \le u`; the prox clips.

    Parameters
    ----------
    lower, upper : float or ndarray of shape (n_features,)
        Smallest and largest coefficient; ``Box(0, np.inf)`` is non-negativity.

    Examples
    --------
    >>> Box(-1.0, 0.5).prox(np.array([-3.0, 0.2, 2.0]), step=1.0)
    array([-1. ,  0.2,  0.5])
    """

    __slots__ = ()

    def __init__(self, lower: Numbers, upper: Numbers):
        super().__init__(lower=lower, upper=upper)
