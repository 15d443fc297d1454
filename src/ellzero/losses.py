r"""Losses: half the mean deviance as a function of the linear predictor.

A loss is given by its value on one row, :math:`f(y, \eta)`, half the deviance, so never negative and zero where the
model is saturated. Everything else (means over weighted rows, likelihoods for criteria, the null model) is written once
in the base class. With weights :math:`w` the mean is :math:`\sum_i w_i f_i / \sum_i w_i`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

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
        r"""Weighted mean :math:`\sum_i w_i f(y_i, \eta_i) / \sum_i w_i`; `weight` must sum to one."""
        return float(weight @ self.value(y, eta))

    def mean_gradient(self, y, eta, weight) -> Vector:
        """Gradient of the mean in the linear predictor."""
        return weight * self.gradient(y, eta)

    def mean_hessian_times(self, y, eta, weight, directions) -> Vector:
        """Product of the Hessian of the mean in the linear predictor with some directions, shape (n_samples, m)."""
        return (weight * self.curvature(y, eta))[:, None] * directions

    def null_intercept(self, y, weight) -> float:
        """Intercept of the model without columns; `weight` must sum to one."""
        return float(self.link(weight @ y))


@dataclass(frozen=True, slots=True)
class SquaredError(Loss):
    r"""Squared error, :math:`f(y, \eta) = \tfrac12 (y - \eta)^2`.

    Its mean is :math:`\|y - X\beta\|^2 / (2n)`; conjugate :math:`f^*(u) = \tfrac12 u^2 + u y`.

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


LOSSES = (SquaredError, Logistic, Poisson)


def as_loss(loss: str | Loss) -> Loss:
    """Loss object of a name."""
    if isinstance(loss, Loss):
        return loss
    return {cls.name: cls for cls in LOSSES}[checks.one_of("loss", loss, [cls.name for cls in LOSSES])]()
