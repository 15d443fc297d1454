"""Losses of a target that is a class: of two, by odds or by margins, or of several."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import expit, xlogy

from .. import _checks as checks
from .base import Loss


@dataclass(frozen=True, slots=True)
class Logistic(Loss):
    r"""Binomial deviance with logit link, :math:`f(y, \eta) = \log(1 + e^\eta) - y\eta` for y in {0, 1}.

    Conjugate :math:`f^*(u) = t\log t + (1-t)\log(1-t)` with :math:`t = u + y \in [0, 1]`.

    References
    ----------
    McCullagh & Nelder (1989), Generalized Linear Models, chapter 4.

    Examples
    --------
    >>> Logistic().inverse_link(np.array([0.0]))
    array([0.5])
    """

    name: ClassVar[str] = "logistic"
    concordant: ClassVar[bool] = True
    provable: ClassVar[bool] = True
    attained: ClassVar[bool] = False
    curvature_bound: ClassVar[float] = 0.25
    classifies: ClassVar[bool] = True

    def value(self, y, eta):
        return np.maximum(eta, 0.0) + np.log1p(np.exp(-np.abs(eta))) - y * eta

    def gradient(self, y, eta):
        return expit(eta) - y

    def curvature(self, y, eta):
        q = expit(eta)
        return q * (1 - q)

    def conjugate(self, y, u):
        t = u + y
        inside = (t >= 0) & (t <= 1)
        t = np.where(inside, t, 0.5)
        return np.where(inside, xlogy(t, t) + xlogy(1 - t, 1 - t), np.inf)

    def inverse_link(self, eta):
        return expit(eta)

    def link(self, mean):
        return np.log(mean) - np.log1p(-mean)

    def saturated_nll(self, y):
        return np.zeros_like(y)

    def clip_dual(self, y, u):
        return np.clip(u, -y, 1 - y)

    def check_target(self, y):
        checks.two_classes(y, "logistic")


@dataclass(frozen=True, slots=True)
class SquaredHinge(Loss):
    r"""Squared hinge, :math:`f(y, \eta) = \tfrac12 \max(0, 1 - s\eta)^2` with :math:`s = 2y - 1` for y in {0, 1}.

    Conjugate :math:`f^*(u) = \tfrac12 u^2 + s u` where :math:`s u \le 0`. It separates classes and is the
    likelihood of nothing: `predict_proba` refuses. `inverse_link` is the share of ones whose best constant predictor is
    eta, clipped to [0, 1]. The criteria take the loss for a negative log-likelihood, as the SVM information criterion
    does with the hinge.

    References
    ----------
    Chang, Hsieh & Lin (2008), "Coordinate descent method for large-scale L2-loss linear support vector machines"; Zhang
    (2004), "Statistical behavior and consistency of classification methods based on convex risk minimization"; Zhang,
    Wu, Wang & Li (2016), "A consistent information criterion for support vector machines in diverging model spaces".

    Examples
    --------
    >>> SquaredHinge().value(np.array([1.0, 1.0, 0.0]), np.array([2.0, 0.5, 0.5]))
    array([0.   , 0.125, 1.125])
    """

    name: ClassVar[str] = "squared_hinge"
    curvature_bound: ClassVar[float] = 1.0
    classifies: ClassVar[bool] = True
    kinked: ClassVar[bool] = True

    def value(self, y, eta):
        return 0.5 * np.maximum(1.0 - (2.0 * y - 1.0) * eta, 0.0) ** 2

    def gradient(self, y, eta):
        sign = 2.0 * y - 1.0
        return -sign * np.maximum(1.0 - sign * eta, 0.0)

    def curvature(self, y, eta):
        return ((2.0 * y - 1.0) * eta <= 1.0).astype(np.float64)

    def conjugate(self, y, u):
        sign = 2.0 * y - 1.0
        return np.where(sign * u <= 0, u * (0.5 * u + sign), np.inf)

    def inverse_link(self, eta):
        return np.clip(0.5 + 0.5 * eta, 0.0, 1.0)

    def link(self, mean):
        return 2.0 * mean - 1.0

    def saturated_nll(self, y):
        return np.zeros_like(y)

    def clip_dual(self, y, u):
        return np.where(y > 0, np.minimum(u, 0.0), np.maximum(u, 0.0))

    def check_target(self, y):
        checks.two_classes(y, "squared hinge")


@dataclass(frozen=True, slots=True)
class Multinomial(Loss):
    r"""Deviance of one of C classes, :math:`f(y, \eta) = \log \sum_c e^{\eta_c} - \sum_c y_c\eta_c`, y the indicators.

    Predictors and coefficients are symmetric, one column a class. Adding the same number to all classes changes no
    probability; of all coefficients that fit alike, those of least norm are meant: they add up to zero over the
    classes, as do the intercepts. With two classes they are half those of the logistic loss, with opposite signs, so
    that a ridge l2 here is one of l2/2 there. Conjugate :math:`f^*(u) = \sum_c t_c\log t_c` with :math:`t = u + y` in
    the simplex.

    Parameters
    ----------
    labels : tuple, default=()
        The classes, sorted; by default those of the target.

    References
    ----------
    McCullagh & Nelder (1989), Generalized Linear Models, chapter 5; Zhu & Hastie (2004), "Classification of gene
    microarrays by penalized logistic regression".

    Examples
    --------
    >>> Multinomial().inverse_link(np.zeros((1, 4)))
    array([[0.25, 0.25, 0.25, 0.25]])
    """

    name: ClassVar[str] = "multinomial"
    curvature_bound: ClassVar[float] = 0.5  # of every direction: Boehning (1992)
    classifies: ClassVar[bool] = True
    labels: tuple = ()

    def value(self, y, eta):
        top = eta.max(axis=1)
        return top + np.log(np.exp(eta - top[:, None]).sum(axis=1)) - np.einsum("ic,ic->i", y, eta)

    def gradient(self, y, eta):
        return self.inverse_link(eta) - y

    def curvature(self, y, eta):
        """Diagonal of the second derivative."""
        q = self.inverse_link(eta)
        return q * (1 - q)

    def mean_hessian_times(self, y, eta, weight, directions):
        """Product with some directions, shape (n_samples, n_classes, m)."""
        moved = self.inverse_link(eta)[:, :, None] * directions
        moved -= self.inverse_link(eta)[:, :, None] * moved.sum(axis=1)[:, None, :]
        return weight[:, None, None] * moved

    def conjugate(self, y, u):
        t = u + y
        inside = (t >= 0).all(axis=1) & (np.abs(t.sum(axis=1) - 1.0) <= 1e-12 * t.shape[1])
        t = np.where(inside[:, None], t, 1.0)
        return np.where(inside, xlogy(t, t).sum(axis=1), np.inf)

    def inverse_link(self, eta):
        odds = np.exp(eta - eta.max(axis=1)[:, None])
        return odds / odds.sum(axis=1)[:, None]

    def link(self, mean):
        logs = np.log(mean)
        return logs - np.mean(logs, axis=-1, keepdims=True)

    def saturated_nll(self, y):
        return np.zeros(y.shape[0])

    def clip_dual(self, y, u):
        t = u + y  # projected on the simplex: what is above a level that leaves one in all
        ordered = -np.sort(-t, axis=1)
        levels = (np.cumsum(ordered, axis=1) - 1.0) / np.arange(1, t.shape[1] + 1)
        last = np.sum(ordered > levels, axis=1) - 1
        return np.maximum(t - np.take_along_axis(levels, last[:, None], axis=1), 0.0) - y

    def check_target(self, y):
        checks.every_class_counts([label for label, some in zip(self.labels, y.any(axis=0), strict=True) if not some])
