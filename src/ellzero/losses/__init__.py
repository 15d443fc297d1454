r"""Losses: half the mean deviance as a function of the linear predictor.

A loss is given by its value on one row, :math:`f(y, \eta)`, half the deviance, so never negative and zero where the
model is saturated. Everything else (means over weighted rows, likelihoods for criteria, the null model) is written once
in the base class. With weights :math:`w` the mean is :math:`\sum_i w_i f_i / \sum_i w_i`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import digamma, erf, expit, gammaln, xlogy

from .. import _checks as checks
from .._risk import RiskSets

Vector = NDArray[np.float64]


FACTS = (
    "name", "curvature_bound", "estimated_scale", "classifies", "concordant", "provable", "attained", "kinked",
    "by_rows", "censored",
)  # fmt: skip


class Loss(ABC):
    r"""A convex, differentiable loss of one row.

    Subclasses give `value, gradient, curvature, conjugate, inverse_link`, all elementwise in `y` and `eta`, and
    `log_likelihood_constant`. `curvature_bound` is the supremum of the second derivative, ``inf`` where there is none.
    """

    name: ClassVar[str]
    curvature_bound: ClassVar[float]
    estimated_scale: ClassVar[bool] = False  # True where the criteria profile a scale out
    classifies: ClassVar[bool] = False
    least_squares: ClassVar[bool] = False  # True where a fit is a linear solve, for any number of outputs
    # whether the third derivative is nowhere above the second: then a Newton step says how far off it ends
    concordant: ClassVar[bool] = False
    provable: ClassVar[bool] = False  # whether the exact searches and the checker know its dual bound
    attained: ClassVar[bool] = True  # whether some finite coefficients reach the minimum, whatever the data
    kinked: ClassVar[bool] = False  # whether the curvature jumps, and may vanish where the gradient does not
    by_rows: ClassVar[bool] = True  # whether it is a sum over rows; then there is an intercept to speak of, too
    censored: ClassVar[bool] = False  # whether the target is a time and an event

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

    def mean_hessian_squares(self, y, eta, weight, directions) -> Vector:
        """Second derivative of the mean along each of some directions, shape (n_samples, m)."""
        return np.einsum("ij,ij->j", directions, self.mean_hessian_times(y, eta, weight, directions))

    def null_intercept(self, y, weight) -> Any:
        """Intercept of the model without columns, one an output; `weight` must sum to one."""
        link = self.link(weight @ y)
        return link if np.ndim(link) else float(link)

    def at_rows(self, rows) -> "Loss":
        """The loss for some of the rows."""
        return self

    def bound_to(self, y, weight) -> tuple[Vector, "Loss"]:
        """Target as a vector, and the loss with what it has to know of all rows; raises where it cannot know it."""
        return y, self

    def sample_size(self, weight) -> float:
        """The n of the criteria: sum of the weights as given, or of those of the events."""
        return float(weight.sum())

    @property
    def unbound(self) -> "Loss":
        """The loss without what ties it to the rows that were fitted."""
        return self

    def predictor(self, eta) -> Vector:
        """Linear predictor with what the rows add to it."""
        return eta

    def twice_nll(self, mean, n_samples, saturated_nll) -> float:
        """Twice the total negative log-likelihood of a model, for the criteria.

        Parameters
        ----------
        mean : float
            Mean half deviance of the model.
        n_samples : float
            Sum of the weights.
        saturated_nll : float
            Weighted sum of `saturated_nll` over the rows.
        """
        return 2.0 * (n_samples * mean + saturated_nll)


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
    provable: ClassVar[bool] = True

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
        return np.zeros_like(y)  # the variance is profiled out

    def twice_nll(self, mean, n_samples, saturated_nll):
        return n_samples * float(np.log(2.0 * mean))  # without the constant n (log 2 pi + 1)

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
    provable: ClassVar[bool] = True
    attained: ClassVar[bool] = False
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


@dataclass(frozen=True, slots=True)
class Gamma(Loss):
    r"""Gamma half deviance with log link, :math:`f(y, \eta) = y e^{-\eta} + \eta - 1 - \log y` for y > 0.

    Conjugate :math:`f^*(u) = t \log t - t + 1 + u \log y` with :math:`t = 1 - u \ge 0`. The coefficients do not depend
    on the shape of the distribution. The criteria take the shape a that the likelihood likes best at the mean half
    deviance L, :math:`\log a - \psi(a) = L`, as those of squared error profile the variance out; as there it is not
    counted as a parameter, except by AICc.

    References
    ----------
    McCullagh & Nelder (1989), Generalized Linear Models, chapter 8.

    Examples
    --------
    >>> Gamma().value(np.array([1.0, 2.0]), np.array([0.0, 0.0]))
    array([0.        , 0.30685282])
    """

    name: ClassVar[str] = "gamma"
    concordant: ClassVar[bool] = True
    estimated_scale: ClassVar[bool] = True
    curvature_bound: ClassVar[float] = float("inf")

    def value(self, y, eta):
        with np.errstate(over="ignore"):  # an infinite value is what a line search must see
            return np.exp(np.log(y) - eta) - (np.log(y) - eta) - 1.0

    def gradient(self, y, eta):
        with np.errstate(over="ignore"):
            return 1.0 - y * np.exp(-eta)

    def curvature(self, y, eta):
        with np.errstate(over="ignore"):
            return y * np.exp(-eta)

    def conjugate(self, y, u):
        t = 1.0 - u
        inside = t >= 0
        t = np.where(inside, t, 1.0)
        return np.where(inside, xlogy(t, t) - t + 1.0 + u * np.log(y), np.inf)

    def inverse_link(self, eta):
        return np.exp(eta)

    def link(self, mean):
        return np.log(mean)

    def saturated_nll(self, y):
        return 1.0 + np.log(y)  # of shape one, the exponential distribution

    def twice_nll(self, mean, n_samples, saturated_nll):
        if mean == 0.0:
            return -np.inf
        shape = _root(lambda a: _log_less_digamma(a) - mean, 0.499 / mean, 1.001 / mean)
        each = shape * mean + _log_gamma_less_its_peak(shape) - 1.0  # beyond that of shape one
        return 2.0 * (n_samples * each + saturated_nll)

    def clip_dual(self, y, u):
        return np.minimum(u, 1.0)

    def check_target(self, y):
        checks.positive_target(y)


def _log_less_digamma(a: float) -> float:
    """Difference of logarithm and digamma function, by its series where it would lose digits."""
    return 1 / (2 * a) + 1 / (12 * a**2) - 1 / (120 * a**4) if a > 100 else float(np.log(a) - digamma(a))


def _log_gamma_less_its_peak(a: float) -> float:
    """Value of a - a log a + log Gamma(a), by Stirling's series where it would lose digits."""
    if a > 100:
        return 0.5 * float(np.log(2 * np.pi / a)) + 1 / (12 * a) - 1 / (360 * a**3) + 1 / (1260 * a**5)
    return float(a - a * np.log(a) + gammaln(a))


@dataclass(frozen=True, slots=True)
class Huber(Loss):
    r"""Huber's loss, :math:`\tfrac12 r^2` for residuals r up to delta, :math:`\delta |r| - \tfrac12 \delta^2` beyond.

    Conjugate :math:`f^*(u) = \tfrac12 u^2 + u y` for :math:`|u| \le \delta`. No scale is estimated with the
    coefficients: delta is in units of y. The criteria take Huber's density, :math:`\propto e^{-f/s^2}`, with the scale
    s that the likelihood likes best; it is not counted as a parameter, except by AICc.

    Parameters
    ----------
    delta : float, default=1.345
        Residual, > 0 and in units of y, from which the loss grows linearly. 1.345 times the deviation of the noise
        costs 5 % of precision where the noise is normal; the default suits noise of deviation one.

    Raises
    ------
    ArgumentError
        `delta` is not a finite number > 0.

    References
    ----------
    Huber (1964), "Robust estimation of a location parameter", Annals of Mathematical Statistics 35.

    Examples
    --------
    >>> Huber(delta=1.0).value(np.array([0.5, 3.0]), np.zeros(2))
    array([0.125, 2.5  ])
    """

    name: ClassVar[str] = "huber"
    curvature_bound: ClassVar[float] = 1.0
    estimated_scale: ClassVar[bool] = True
    kinked: ClassVar[bool] = True
    delta: float = 1.345

    def __post_init__(self):
        checks.finite_positive("delta", self.delta)

    def value(self, y, eta):
        size = np.abs(y - eta)
        near = np.minimum(size, self.delta)
        return near * (size - 0.5 * near)

    def gradient(self, y, eta):
        return np.clip(eta - y, -self.delta, self.delta)

    def curvature(self, y, eta):
        return (np.abs(y - eta) <= self.delta).astype(np.float64)

    def conjugate(self, y, u):
        return np.where(np.abs(u) <= self.delta, u * (0.5 * u + y), np.inf)

    def inverse_link(self, eta):
        return eta

    def link(self, mean):
        return mean

    def saturated_nll(self, y):
        return np.zeros_like(y)  # the scale is profiled out

    def twice_nll(self, mean, n_samples, saturated_nll):
        if mean == 0.0:
            return -np.inf
        delta = self.delta

        def integral(u):  # of the density with scale one and threshold u, and its part in the tails
            tails = 2.0 / u * np.exp(-0.5 * u * u)
            return np.sqrt(2.0 * np.pi) * erf(u / np.sqrt(2.0)) + tails, tails

        def excess(u):  # of the loss that the scale delta / u expects over the one there is
            whole, tails = integral(u)
            return 0.5 * (delta / u) ** 2 * (1.0 + tails / whole) - mean

        least = delta / np.sqrt(2.0 * mean)
        u = _root(excess, 0.999 * least, 1.42 * least)
        return 2.0 * n_samples * float(mean * (u / delta) ** 2 + np.log(delta / u * integral(u)[0]))

    def clip_dual(self, y, u):
        return np.clip(u, -self.delta, self.delta)

    def check_target(self, y):
        checks.finite("y", y)

    def null_intercept(self, y, weight):
        return _least_constant(self, y, weight)


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


@dataclass(frozen=True, eq=False)
class Offset(Loss):
    r"""A loss at the linear predictor plus a known number a row, :math:`f(y, \eta + o)`.

    Conjugate :math:`f^*(u) - u o`. What the loss says of itself (its name, its kind) is what the one within says.

    Parameters
    ----------
    base : Loss
    offset : ndarray of shape (n_samples,)

    References
    ----------
    McCullagh & Nelder (1989), Generalized Linear Models, section 6.3.2.

    Examples
    --------
    >>> Offset(Poisson(), np.log([2.0, 4.0])).gradient(np.array([2.0, 4.0]), np.zeros(2)).round(12)
    array([0., 0.])
    """

    base: Loss
    offset: Vector

    def __post_init__(self):
        for fact in FACTS:
            object.__setattr__(self, fact, getattr(self.base, fact))

    @property
    def unbound(self):
        return self.base.unbound

    def sample_size(self, weight):
        return self.base.sample_size(weight)

    def predictor(self, eta):
        return eta + self.offset

    def value(self, y, eta):
        return self.base.value(y, eta + self.offset)

    def gradient(self, y, eta):
        return self.base.gradient(y, eta + self.offset)

    def curvature(self, y, eta):
        return self.base.curvature(y, eta + self.offset)

    def conjugate(self, y, u):
        return self.base.conjugate(y, u) - u * self.offset

    def inverse_link(self, eta):
        return self.base.inverse_link(eta + self.offset)

    def link(self, mean):
        return self.base.link(mean) - self.offset

    def saturated_nll(self, y):
        return self.base.saturated_nll(y)

    def clip_dual(self, y, u):
        return self.base.clip_dual(y, u)

    def check_target(self, y):
        self.base.check_target(y)

    def mean(self, y, eta, weight):
        return self.base.mean(y, eta + self.offset, weight)

    def mean_gradient(self, y, eta, weight):
        return self.base.mean_gradient(y, eta + self.offset, weight)

    def mean_hessian_times(self, y, eta, weight, directions):
        return self.base.mean_hessian_times(y, eta + self.offset, weight, directions)

    def null_intercept(self, y, weight):
        return _least_constant(self, y, weight)

    def twice_nll(self, mean, n_samples, saturated_nll):
        return self.base.twice_nll(mean, n_samples, saturated_nll)


def _least_constant(loss: Loss, y, weight) -> float:
    """Constant linear predictor of least mean loss: where the gradient, which grows with it, changes its sign."""

    def slope(constant):
        return float(np.sum(loss.mean_gradient(y, np.full(y.size, constant), weight)))

    step = 1.0
    while slope(-step) > 0 or slope(step) < 0:
        step *= 2.0
    return _root(slope, -step, step)


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function of one number changes its sign, to the last digits."""
    root: Any = brentq(function, low, high, xtol=1e-300)  # of two types, says its stub
    return float(root)


@dataclass(frozen=True, slots=True, eq=False)
class Cox(Loss):
    r"""Negative log partial likelihood of proportional hazards, over the number of events.

    With d the events, R(t) the rows at risk at a time (in the same stratum) and Breslow's treatment of ties,

    .. math:: L(\eta) = \sum_i w_i d_i \Bigl[\log\sum_{j \in R(t_i)} w_j e^{\eta_j} - \eta_i\Bigr] \Big/ \sum_i w_i d_i.

    It is no mean over rows, and has no intercept. The n of the criteria is the number of events. A row with an integer
    weight is a repeated row with Breslow's ties; with Efron's it shares them less. Weights below one are first divided
    by the smallest, so that L is never negative: that adds a constant.

    Parameters
    ----------
    ties : {"breslow", "efron"}, default="breslow"
        What events at the same time count; the same where there are none.
    strata : array-like of shape (n_samples,), optional
        Labels; only rows with the same one are at risk together.

    Raises
    ------
    ArgumentError
        `ties` is neither, or `strata` has another length than the target.

    References
    ----------
    Cox (1972), "Regression models and life-tables", JRSS B 34; Breslow (1974), Biometrics 30; Efron (1977), JASA 72.

    Examples
    --------
    >>> y, loss = Cox().bound_to(np.array([[1.0, 1.0], [2.0, 0.0]]), np.ones(2))
    >>> loss.mean(y, np.zeros(2), np.ones(2))
    0.6931471805599453
    """

    name: ClassVar[str] = "cox"
    curvature_bound: ClassVar[float] = float("inf")
    attained: ClassVar[bool] = False
    by_rows: ClassVar[bool] = False
    censored: ClassVar[bool] = True
    ties: str = "breslow"
    strata: Any = None

    def __post_init__(self):
        checks.one_of("ties", self.ties, ("breslow", "efron"))

    @property
    def unbound(self):
        return Cox(self.ties)

    def at_rows(self, rows):
        return self if self.strata is None else Cox(self.ties, np.asarray(self.strata)[rows])

    def check_target(self, y):
        checks.survival(y)
        if self.strata is not None:
            checks.strata(np.shape(self.strata), len(y))

    def bound_to(self, y, weight):
        """Target as 0 and 1, and the loss with the risk sets."""
        labels = np.zeros(len(y)) if self.strata is None else self.strata
        strata = np.unique(np.asarray(labels), return_inverse=True)[1]
        risk = RiskSets.of(y[:, 0], y[:, 1], weight / min(1.0, weight.min()), strata, self.ties == "efron")
        return y[:, 1].copy(), BoundCox(self.ties, self.strata, risk=risk, events=float(weight @ y[:, 1]))

    def value(self, y, eta):
        raise checks.not_by_rows(self.name)

    def gradient(self, y, eta):
        raise checks.not_by_rows(self.name)

    def curvature(self, y, eta):
        raise checks.not_by_rows(self.name)

    def conjugate(self, y, u):
        raise checks.not_by_rows(self.name)

    def clip_dual(self, y, u):
        raise checks.not_by_rows(self.name)

    def inverse_link(self, eta):
        return np.exp(eta)  # hazard relative to that of a row whose linear predictor is zero

    def link(self, mean):
        return np.log(mean)

    def saturated_nll(self, y):
        return np.zeros_like(y)

    def null_intercept(self, y, weight):
        return 0.0


@dataclass(frozen=True, slots=True, eq=False)
class BoundCox(Cox):
    """The loss `Cox` with the risk sets of its rows; y and weights are in these already.

    Parameters
    ----------
    ties, strata
        As in `Cox`.
    risk : RiskSets
    events : float
        Weight of all events, as given.
    """

    risk: RiskSets = field(kw_only=True)
    events: float = field(kw_only=True)

    def mean(self, y, eta, weight):
        return self.risk.value(eta) / self._share

    def mean_gradient(self, y, eta, weight):
        return self.risk.gradient(eta) / self._share

    def mean_hessian_times(self, y, eta, weight, directions):
        return self.risk.hessian_times(eta, directions) / self._share

    def sample_size(self, weight):
        return self.events

    @property
    def _share(self) -> float:
        return float(self.risk.dead_weight.sum())


LOSSES = (SquaredError, Logistic, Poisson, Gamma, Huber, SquaredHinge)  # those that are sums over rows
SEVERAL = (Multinomial,)  # of a target with several columns


def as_loss(loss: str | Loss) -> Loss:
    """Loss object of a name."""
    if isinstance(loss, Loss):
        return loss
    known = {cls.name: cls for cls in (*LOSSES, *SEVERAL, Cox)}
    return known[checks.one_of("loss", loss, list(known))]()
