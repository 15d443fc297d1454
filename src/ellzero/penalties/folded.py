"""Penalties that are concave in the size of a coefficient."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from .. import _checks as checks
from .._kernels.kinds import CLIPPED, FIRM, LOG, POWER
from .base import Penalty, Vector
from .separable import Separable

# how penalties are written: scale, first, second, and the ratio of each number to the one before it
NAMES = {
    FIRM: "MCP({0:g}, gamma={3:g})", CLIPPED: "SCAD({0:g}, gamma={4:g})", POWER: "Lp({0:g}, p={1:g})",
    LOG: "LogSum({0:g}, epsilon={1:g})",
}  # fmt: skip


class Folded(Penalty):
    r"""A concave function of :math:`|t|` beside a separable penalty, summed over coordinates.

    The prox is the global minimiser of each scalar problem, found among the stationary points of the pieces, their ends
    and 0; `_kernels.threshold` holds the formulas. The conjugate is finite where a ridge or limits make it so.

    Parameters
    ----------
    kind : int
        Kind of the concave part in `_kernels.threshold`.
    bend : tuple of three floats
        Scale, first and second number of the concave part.
    base : Separable
        What is added to it.
    """

    __slots__ = ("base", "bend", "kind")

    kind: int
    bend: tuple[float, float, float]
    base: Separable

    def __init__(self, kind: int, bend: tuple[float, float, float], base: Separable):
        self._hold(kind=kind, bend=bend, base=base)

    def __add__(self, other: Separable) -> Folded:
        if not isinstance(other, Separable):
            return NotImplemented
        return Folded(self.kind, self.bend, self.base + other)

    __radd__ = __add__

    def __repr__(self):
        alone = NAMES[self.kind].format(*self.bend, *(b / a if a else math.inf for a, b in pairwise(self.bend)))
        return alone if repr(self.base) == "Separable()" else f"{alone} + {self.base!r}"

    @property
    def lower(self):
        return self.base.lower

    @property
    def upper(self):
        return self.base.upper

    def _minimisers(self, v, a, step):
        from .._kernels.threshold import thresholds

        v = np.asarray(v, float)
        shape, base = v.shape, self.base
        strengths = (step * np.asarray(s, float) for s in (base.l0, base.l1, base.l2, self.bend[0]))
        wide = [np.broadcast_to(s, shape).ravel() for s in (a, *strengths, *self.bend[1:], base.lower, base.upper)]
        out = np.empty(v.size)
        thresholds(self.kind, v.ravel(), *(np.ascontiguousarray(s, float) for s in wide), out)
        return out.reshape(shape)

    def concave_value(self, beta) -> Vector:
        """Concave part of each coordinate."""
        from .._kernels.threshold import concaves

        beta = np.asarray(beta, float)
        out = np.empty(beta.size)
        concaves(self.kind, beta.ravel(), *(np.full(beta.size, s) for s in self.bend), out)
        return out.reshape(beta.shape)

    def value(self, beta) -> float:
        return self.base.value(beta) + float(self.concave_value(beta).sum())

    def values(self, points):
        return self.base.values(points) + self.concave_value(points).sum(axis=-1)

    def prox(self, v, step):
        return self._minimisers(v, 1.0, step)

    def conjugate(self, v):
        v, base = np.asarray(v, float), self.base
        limit = np.where(v > 0, base.upper, -np.asarray(base.lower))
        endless = (np.abs(v) > base.l1) & np.isinf(limit) & (np.asarray(base.l2) == 0)
        inside = np.where(endless, 0.0, v)
        t = self._minimisers(inside, 0.0, 1.0)
        gain = inside * t - base.convex_value(t) - base.l0 * (t != 0) - self.concave_value(t)
        return np.where(endless, np.inf, gain)

    def subdifferential(self, beta):
        beta = np.asarray(beta, float)
        low, high = self.base.subdifferential(beta)
        slope = self._slope(np.abs(beta))
        return low + np.where(beta > 0, slope, -slope), high + np.where(beta < 0, -slope, slope)

    def _slope(self, t) -> Vector:
        """Slope of the concave part at t >= 0, from the right."""
        scale, first, second = self.bend
        if self.kind == FIRM:
            return scale * np.maximum(1.0 - t / first, 0.0)
        if self.kind == CLIPPED:
            return scale * np.clip((second - t) / (second - first), 0.0, 1.0)
        if self.kind == POWER:
            with np.errstate(divide="ignore"):
                return scale * first * np.asarray(t, float) ** (first - 1.0)
        return scale / (first + t)


class Lp(Folded):
    r"""Power of the quasi-norm, :math:`\lambda \|\beta\|_p^p = \lambda \sum_j |\beta_j|^p` with 0 < p < 1.

    Parameters
    ----------
    strength : float, >= 0
        :math:`\lambda`, in units of the mean loss.
    p : float in (0, 1), default=0.5

    Notes
    -----
    The prox has closed forms at p = 1/2 and p = 2/3; elsewhere the larger root of its derivative is found by Newton's
    method from the right.

    References
    ----------
    Xu, Chang, Xu & Zhang (2012), "L1/2 regularization: a thresholding representation theory and a fast solver";
    Cao, Sun & Xu (2013), "Fast image deconvolution using closed-form thresholding formulas of Lq (q = 1/2, 2/3)".

    Examples
    --------
    >>> Lp(0.5, 0.5).prox(np.array([0.9, -2.0]), step=1.0).round(4)
    array([ 0.    , -1.8144])
    """

    __slots__ = ()

    def __init__(self, strength: float, p: float = 0.5):
        super().__init__(POWER, (checks.non_negative("strength", strength), checks.power(p), 0.0), Separable())


class MCP(Folded):
    r"""Minimax concave penalty, :math:`\lambda t - t^2/(2\gamma)` up to :math:`\gamma\lambda`, then constant.

    Parameters
    ----------
    strength : float, >= 0
        :math:`\lambda`: the slope at 0, in units of the mean loss.
    gamma : float, > 0, default=3.0
        The penalty is flat from :math:`\gamma\lambda` on. At a step of 1, :math:`\gamma > 1` gives the firm threshold
        and :math:`\gamma \le 1` a hard one, at :math:`\lambda\sqrt\gamma`.

    References
    ----------
    Zhang (2010), "Nearly unbiased variable selection under minimax concave penalty".

    Examples
    --------
    >>> MCP(0.5, 3.0).prox(np.array([0.4, -1.0, 1.9]), step=1.0)
    array([ 0.  , -0.75,  1.9 ])
    """

    __slots__ = ()

    def __init__(self, strength: float, gamma: float = 3.0):
        strength, gamma = checks.non_negative("strength", strength), checks.positive("gamma", gamma)
        super().__init__(FIRM, (strength, max(gamma * strength, 1e-300), 0.0), Separable())


class SCAD(Folded):
    r"""Smoothly clipped absolute deviation, a penalty that is flat from :math:`\gamma\lambda` on.

    Parameters
    ----------
    strength : float, >= 0
        :math:`\lambda`: the slope at 0, in units of the mean loss.
    gamma : float, > 1, default=3.7
        Between :math:`\lambda` and :math:`\gamma\lambda` the slope falls linearly.

    References
    ----------
    Fan & Li (2001), "Variable selection via nonconcave penalized likelihood and its oracle properties".

    Examples
    --------
    >>> SCAD(0.5, 3.0).prox(np.array([0.4, -0.9, 1.25, 1.9]), step=1.0)
    array([ 0. , -0.4,  1. ,  1.9])
    """

    __slots__ = ()

    def __init__(self, strength: float, gamma: float = 3.7):
        strength, gamma = checks.non_negative("strength", strength), checks.above("gamma", gamma, 1)
        first = max(strength, 1e-300)
        super().__init__(CLIPPED, (strength, first, gamma * first), Separable())


class LogSum(Folded):
    r"""Sum of logarithms, :math:`\lambda \sum_j \log(1 + |\beta_j|/\varepsilon)`.

    Parameters
    ----------
    strength : float, >= 0
        :math:`\lambda`, in units of the mean loss.
    epsilon : float, > 0, default=0.1
        Scale below which a coefficient counts as small.

    References
    ----------
    Candès, Wakin & Boyd (2008), "Enhancing sparsity by reweighted l1 minimization".

    Examples
    --------
    >>> LogSum(0.37, 0.5).prox(np.array([0.7, -1.9]), step=1.0).round(4)
    array([ 0.    , -1.7344])
    """

    __slots__ = ()

    def __init__(self, strength: float, epsilon: float = 0.1):
        strength, epsilon = checks.non_negative("strength", strength), checks.positive("epsilon", epsilon)
        super().__init__(LOG, (strength, epsilon, 0.0), Separable())
