r"""Penalties: separable functions that make coefficients small, zero or bounded.

All penalties here are sums over coordinates of

.. math:: \phi(t) = \lambda_0 1[t \ne 0] + h(t), \qquad h(t) = \lambda_1 |t| + \lambda_2 t^2 + \iota_{[l, u]}(t),
   \qquad l \le 0 \le u,

so one class holds the formulas, its children name the special cases, and sums stay inside the family:
``L0(0.1) + L2(0.01)``. Strengths and limits may be scalars or one number a coordinate. Folded penalties (`Lp`, `MCP`,
`SCAD`, `LogSum`) add one concave part to that family; group penalties (`GroupL0`, `GroupL2`) are sums over groups.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks as checks

Vector = NDArray[np.float64]
Numbers = float | Vector  # one for all coordinates, or one a coordinate


def _restore(penalty, state) -> None:
    """What a copy or a pickle holds, written past the lock on attributes."""
    for part in state if isinstance(state, tuple) else (state,):
        for name, field in (part or {}).items():
            object.__setattr__(penalty, name, field)


class Penalty(ABC):
    """A function of the coefficients that is added to the loss."""

    @abstractmethod
    def value(self, beta) -> float:
        """Penalty of a vector, ``inf`` outside its domain."""

    @abstractmethod
    def prox(self, v, step) -> Vector:
        r"""A minimiser of :math:`\tfrac12 (t - v)^2 + \text{step} \cdot \phi(t)`, elementwise; ties go to 0."""

    @abstractmethod
    def conjugate(self, v) -> Vector:
        r""":math:`\phi^*(v) = \sup_t vt - \phi(t)`, elementwise."""

    @abstractmethod
    def subdifferential(self, beta) -> tuple[Vector, Vector]:
        """Lower and upper end of the (limiting) subdifferential, elementwise."""


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
        for name, field in {**strengths, "lower": lower, "upper": upper}.items():
            object.__setattr__(self, name, field)

    def __setattr__(self, name, value):
        raise AttributeError(f"penalties are immutable; build a new one instead of setting {name!r}.")

    def __setstate__(self, state):
        _restore(self, state)

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
        beta = np.asarray(beta, float)
        if (beta < self.lower).any() or (beta > self.upper).any():
            return float("inf")
        return float(np.sum(self.l0 * (beta != 0) + self.l1 * np.abs(beta) + self.l2 * beta * beta))

    def convex_value(self, beta):
        """:math:`h(t)` of each coordinate; the limits are taken as met."""
        return self.l1 * np.abs(beta) + self.l2 * beta * beta

    def convex_prox(self, v, step):
        """Prox of :math:`h` alone: soft threshold, shrink, clip."""
        soft = np.sign(v) * np.maximum(np.abs(v) - step * self.l1, 0.0)
        return np.clip(soft / (1.0 + 2.0 * step * self.l2), self.lower, self.upper)

    def prox(self, v, step):
        v = np.asarray(v, float)
        t = self.convex_prox(v, step)
        gain = t * (v - 0.5 * t) - step * self.convex_value(t)  # what moving from 0 to t saves, before the price
        return np.where(gain > step * self.l0, t, 0.0)

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
        for name, field in {"kind": kind, "bend": bend, "base": base}.items():
            object.__setattr__(self, name, field)

    def __setattr__(self, name, value):
        raise AttributeError(f"penalties are immutable; build a new one instead of setting {name!r}.")

    def __setstate__(self, state):
        _restore(self, state)

    def __add__(self, other: Separable) -> Folded:
        if not isinstance(other, Separable):
            return NotImplemented
        return Folded(self.kind, self.bend, self.base + other)

    __radd__ = __add__

    def __repr__(self):
        return f"{type(self).__name__}(kind={self.kind}, bend={self.bend}, base={self.base!r})"

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
        from .._kernels.threshold import MCP as FIRM
        from .._kernels.threshold import POWER
        from .._kernels.threshold import SCAD as CLIPPED

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
        from .._kernels.threshold import POWER

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
        from .._kernels.threshold import MCP as FIRM

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
        from .._kernels.threshold import SCAD as CLIPPED

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
        from .._kernels.threshold import LOG

        strength, epsilon = checks.non_negative("strength", strength), checks.positive("epsilon", epsilon)
        super().__init__(LOG, (strength, epsilon, 0.0), Separable())


class Grouped(Penalty):
    """A sum over groups of columns of a function of the group's norm.

    Parameters
    ----------
    strength : float, >= 0
        In units of the mean loss.
    groups : sequence of length n_features
        Columns of one label form a group.
    weights : array-like of shape (n_groups,), >= 0, optional
        Factor of each group, in the order of the labels' first appearance.
    """

    __slots__ = ("group_of", "strength", "weights")

    strength: float
    group_of: Any
    weights: Any

    def __init__(self, strength: float, groups, weights=None):
        labels = checks.group_labels(groups)
        order = {label: g for g, label in enumerate(dict.fromkeys(labels))}
        group_of = np.array([order[label] for label in labels], dtype=np.intp)
        sizes = np.bincount(group_of, minlength=len(order))
        factors = self._usual(sizes) if weights is None else checks.factors("weights", weights, len(order), "group")
        object.__setattr__(self, "strength", checks.non_negative("strength", strength))
        object.__setattr__(self, "group_of", group_of)
        object.__setattr__(self, "weights", factors)

    def __setattr__(self, name, value):
        raise AttributeError(f"penalties are immutable; build a new one instead of setting {name!r}.")

    def __setstate__(self, state):
        _restore(self, state)

    def __repr__(self):
        return f"{type(self).__name__}({self.strength!r}, groups={self.group_of.tolist()!r})"

    @staticmethod
    @abstractmethod
    def _usual(sizes) -> Vector:
        """Factors of groups of these sizes where none are given."""

    def norms(self, beta) -> Vector:
        """Euclidean norm of each group."""
        beta = np.asarray(beta, float)
        return np.sqrt(np.bincount(self.group_of, beta * beta, self.weights.size))


class GroupL0(Grouped):
    r"""Price of the groups that are in, :math:`\lambda \sum_g w_g 1[\beta_g \ne 0]`.

    Parameters
    ----------
    strength : float, >= 0
        :math:`\lambda`, in units of the mean loss.
    groups : sequence of length n_features
        Columns of one label form a group.
    weights : array-like of shape (n_groups,), >= 0, optional
        :math:`w_g`, in the order of the labels' first appearance; 1 by default.

    Notes
    -----
    The prox keeps a group iff :math:`\tfrac12 \|v_g\|^2 > \text{step}\,\lambda w_g`. The conjugate, one number a group,
    is 0 at 0 and infinite elsewhere.

    References
    ----------
    Hazimeh, Mazumder & Radchenko (2023), "Grouped variable selection with discrete optimization".

    Examples
    --------
    >>> GroupL0(0.5, [0, 0, 1]).prox(np.array([0.9, -0.9, 0.9]), step=1.0)
    array([ 0.9, -0.9,  0. ])
    """

    __slots__ = ()

    @staticmethod
    def _usual(sizes):
        return np.ones(sizes.size)

    def value(self, beta) -> float:
        return self.strength * float(self.weights @ (self.norms(beta) > 0))

    def prox(self, v, step):
        v = np.asarray(v, float)
        kept = 0.5 * self.norms(v) ** 2 > step * self.strength * self.weights
        return np.where(kept[self.group_of], v, 0.0)

    def conjugate(self, v):
        return np.where(self.norms(v) > 0, np.inf, 0.0)

    def subdifferential(self, beta):
        out = (self.norms(beta) == 0)[self.group_of]
        return np.where(out, -np.inf, 0.0), np.where(out, np.inf, 0.0)


class GroupL2(Grouped):
    r"""Sum of group norms, :math:`\lambda \sum_g w_g \|\beta_g\|_2`: the group lasso.

    Parameters
    ----------
    strength : float, >= 0
        :math:`\lambda`, in units of the mean loss.
    groups : sequence of length n_features
        Columns of one label form a group.
    weights : array-like of shape (n_groups,), >= 0, optional
        :math:`w_g`, in the order of the labels' first appearance; the square root of the group's size by default.

    Notes
    -----
    The prox shrinks a group towards 0 by :math:`\text{step}\,\lambda w_g`. The conjugate, one number a group, is 0
    where :math:`\|v_g\| \le \lambda w_g` and infinite elsewhere. At a group of zeros the subdifferential is a ball;
    the ends of its projections on the axes are returned.

    References
    ----------
    Yuan & Lin (2006), "Model selection and estimation in regression with grouped variables".

    Examples
    --------
    >>> GroupL2(1.0, [0, 0, 1], weights=[1.0, 1.0]).prox(np.array([3.0, -4.0, 0.9]), step=1.0)
    array([ 2.4, -3.2,  0. ])
    """

    __slots__ = ()

    @staticmethod
    def _usual(sizes):
        return np.sqrt(sizes)

    def value(self, beta) -> float:
        return self.strength * float(self.weights @ self.norms(beta))

    def prox(self, v, step):
        v = np.asarray(v, float)
        norms = self.norms(v)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(norms > 0, np.maximum(1.0 - step * self.strength * self.weights / norms, 0.0), 0.0)
        return share[self.group_of] * v

    def conjugate(self, v):
        return np.where(self.norms(v) <= self.strength * self.weights, 0.0, np.inf)

    def subdifferential(self, beta):
        beta = np.asarray(beta, float)
        norms = self.norms(beta)[self.group_of]
        slope = (self.strength * self.weights)[self.group_of]
        with np.errstate(divide="ignore", invalid="ignore"):
            inside = slope * np.where(norms > 0, beta / norms, 0.0)
        return np.where(norms > 0, inside, -slope), np.where(norms > 0, inside, slope)


PENALTIES = (L0, L1, L2, ElasticNet, Box, Lp, MCP, SCAD, LogSum, GroupL0, GroupL2)
