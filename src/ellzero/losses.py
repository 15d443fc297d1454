r"""Losses: half the mean deviance as a function of the linear predictor.

A loss is given by its value on one row, :math:`f(y, \eta)`, half the deviance, so never negative and zero where the
model is saturated. Everything else (means over weighted rows, likelihoods for criteria, the null model) is written once
in the base class. With weights :math:`w` the mean is :math:`\sum_i w_i f_i / \sum_i w_i`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, gammaln, xlogy

from . import _checks as checks

Vector = NDArray[np.float64]


class Loss(ABC):
    r"""A convex, differentiable loss of one row.

    Subclasses give `value, gradient, curvature, conjugate, inverse_link`, all elementwise in `y` and `eta`, and
    `log_likelihood_constant`. `curvature_bound` is the supremum of the second derivative, ``inf`` where there is none.
    """

    name: ClassVar[str]
    curvature_bound: ClassVar[float]
    estimated_scale: ClassVar[bool] = False  # True where the criteria profile a variance out
    classifies: ClassVar[bool] = False
    least_squares: ClassVar[bool] = False  # True where a fit is a linear solve, for any number of outputs
    # whether the third derivative is nowhere above the second: then a Newton step says how far off it ends
    concordant: ClassVar[bool] = False

    @abstractmethod
    def value(self, y, eta) -> Vector:
        """Half the deviance of each row."""

    @abstractmethod
    def gradient(self, y, eta) -> Vector:
        r"""Derivative in :math:`\eta` of each row."""

    @abstractmethod
    def curvature(self, y, eta) -> Vector:
        r"""Second derivative in :math:`\eta` of each row."""

    @abstractmethod
    def conjugate(self, y, u) -> Vector:
        r"""Convex conjugate :math:`f^*(u) = \sup_\eta u\eta - f(\eta)` of each row, ``inf`` outside its domain."""

    @abstractmethod
    def inverse_link(self, eta) -> Vector:
        r"""Mean response :math:`E[y]` at the linear predictor."""

    @abstractmethod
    def link(self, mean) -> Vector:
        """Linear predictor of a mean response."""

    @abstractmethod
    def saturated_nll(self, y) -> Vector:
        """Negative log-likelihood of the saturated model for each row, all constants included."""

    @abstractmethod
    def clip_dual(self, y, u) -> Vector:
        """Nearest point of the closed domain of the conjugate."""

    @abstractmethod
    def check_target(self, y) -> None:
        """Raise `DataError` where the target is outside the loss's range."""

    def mean(self, y, eta, weight) -> float:
        r"""Weighted mean :math:`\sum_i w_i f(y_i, \eta_i) / \sum_i w_i`, outputs added; `weight` must sum to one."""
        return float((weight @ self.value(y, eta)).sum())

    def mean_gradient(self, y, eta, weight) -> Vector:
        """Gradient of the mean in the linear predictor."""
        return (weight * self.gradient(y, eta).T).T

    def mean_hessian_times(self, y, eta, weight, directions) -> Vector:
        """Product of the Hessian of the mean in the linear predictor with some directions, shape (n_samples, m)."""
        return (weight * self.curvature(y, eta))[:, None] * directions

    def null_intercept(self, y, weight) -> Any:
        """Intercept of the model without columns, one an output; `weight` must sum to one."""
        link = self.link(weight @ y)
        return link if np.ndim(link) else float(link)


@dataclass(frozen=True, slots=True)
class SquaredError(Loss):
    r"""Squared error, :math:`f(y, \eta) = \tfrac12 (y - \eta)^2`.

    Its mean is :math:`\|y - X\beta\|^2 / (2n)`; conjugate :math:`f^*(u) = \tfrac12 u^2 + u y`. With several
    outputs, one column each, it is their sum, :math:`\|Y - XB\|_F^2 / (2n)`.

    References
    ----------
    McCullagh & Nelder (1989), Generalized Linear Models, section 2.

    Examples
    --------
    >>> SquaredError().value(np.array([1.0, 2.0]), np.array([0.5, 2.0]))
    array([0.125, 0.   ])
    """

    name: ClassVar[str] = "squared"
    curvature_bound: ClassVar[float] = 1.0
    estimated_scale: ClassVar[bool] = True
    least_squares: ClassVar[bool] = True

    def value(self, y, eta):
        return 0.5 * (y - eta) ** 2

    def gradient(self, y, eta):
        return eta - y

    def curvature(self, y, eta):
        return np.ones_like(eta)

    def conjugate(self, y, u):
        return u * (0.5 * u + y)

    def inverse_link(self, eta):
        return eta

    def link(self, mean):
        return mean

    def saturated_nll(self, y):
        return np.zeros_like(y)  # the variance is profiled out: see `selection.criteria`

    def clip_dual(self, y, u):
        return u

    def check_target(self, y):
        checks.finite("y", y)


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
        checks.two_classes(y)


@dataclass(frozen=True, slots=True)
class Poisson(Loss):
    r"""Poisson half deviance with log link, :math:`f(y, \eta) = e^\eta - y\eta - y + y\log y`.

    Conjugate :math:`f^*(u) = t\log t - t + y - y\log y` with :math:`t = u + y \ge 0`.

    References
    ----------
    McCullagh & Nelder (1989), Generalized Linear Models, chapter 6.

    Examples
    --------
    >>> Poisson().value(np.array([1.0]), np.array([0.0]))
    array([0.])
    """

    name: ClassVar[str] = "poisson"
    concordant: ClassVar[bool] = True
    curvature_bound: ClassVar[float] = float("inf")

    def value(self, y, eta):
        with np.errstate(over="ignore"):  # an infinite value is what a line search must see
            return np.exp(eta) - y * eta - y + xlogy(y, y)

    def gradient(self, y, eta):
        return np.exp(eta) - y

    def curvature(self, y, eta):
        return np.exp(eta)

    def conjugate(self, y, u):
        t = u + y
        inside = t >= 0
        t = np.where(inside, t, 1.0)
        return np.where(inside, xlogy(t, t) - t + y - xlogy(y, y), np.inf)

    def inverse_link(self, eta):
        return np.exp(eta)

    def link(self, mean):
        return np.log(mean)

    def saturated_nll(self, y):
        return y - xlogy(y, y) + gammaln(y + 1)

    def clip_dual(self, y, u):
        return np.maximum(u, -y)

    def check_target(self, y):
        checks.counts(y)


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


LOSSES = (SquaredError, Logistic, Poisson)
SEVERAL = (Multinomial,)  # losses of a target with several columns


def as_loss(loss: str | Loss) -> Loss:
    """Loss object of a name."""
    if isinstance(loss, Loss):
        return loss
    known = {cls.name: cls for cls in (*LOSSES, *SEVERAL)}
    return known[checks.one_of("loss", loss, list(known))]()
