"""Penalties of the norms of groups."""

from abc import abstractmethod
from typing import Any

import numpy as np

from .. import _checks as checks
from .base import Penalty, Vector, numbers


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
        factors = self.usual(sizes) if weights is None else checks.factors("weights", weights, len(order), "group")
        self._hold(strength=checks.non_negative("strength", strength), group_of=group_of, weights=factors)

    def __repr__(self):
        return f"{type(self).__name__}({self.strength!r}, groups={self.group_of.tolist()!r})"

    @staticmethod
    @abstractmethod
    def usual(sizes) -> Vector:
        """Factors of groups of these sizes where none are given."""

    def norms(self, beta) -> Vector:
        """Euclidean norm of each group."""
        beta = np.asarray(beta, float)
        return np.sqrt(np.bincount(self.group_of, beta * beta, self.weights.size))

    @staticmethod
    @abstractmethod
    def remains(norms, prices) -> Any:
        """What the prox leaves of groups: the factor in [0, 1] of each, by its norm and by step times its price."""

    def values(self, points):
        return np.apply_along_axis(self.value, -1, np.asarray(points, float))

    def prox(self, v, step):
        v = np.asarray(v, float)
        share = self.remains(self.norms(v), step * self.strength * self.weights)[self.group_of]
        return np.where(share > 0, share * v, 0.0)


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
    def usual(sizes):
        return np.ones(sizes.size)

    def value(self, beta) -> float:
        return self.strength * float(self.weights @ (self.norms(beta) > 0))

    @staticmethod
    def remains(norms, prices):
        xp, norms = numbers(norms)
        return xp.where(0.5 * norms**2 > prices, 1.0, 0.0)

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
    def usual(sizes):
        return np.sqrt(sizes)

    def value(self, beta) -> float:
        return self.strength * float(self.weights @ self.norms(beta))

    @staticmethod
    def remains(norms, prices):
        xp, norms = numbers(norms)
        inside = norms > 0
        return xp.where(inside, (1.0 - prices / xp.where(inside, norms, 1.0)).clip(0.0), 0.0)

    def conjugate(self, v):
        return np.where(self.norms(v) <= self.strength * self.weights, 0.0, np.inf)

    def subdifferential(self, beta):
        beta = np.asarray(beta, float)
        norms = self.norms(beta)[self.group_of]
        slope = (self.strength * self.weights)[self.group_of]
        with np.errstate(divide="ignore", invalid="ignore"):
            inside = slope * np.where(norms > 0, beta / norms, 0.0)
        return np.where(norms > 0, inside, -slope), np.where(norms > 0, inside, slope)
