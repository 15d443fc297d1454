"""Losses of a target that is any number: squared error, and Huber's for targets with outliers."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import erf

from .. import _checks as checks
from .base import Loss
from .roots import least_constant, root


class Residual(Loss):
    """A loss of the residual y - eta: the target is any number, and the link the identity."""

    curvature_bound: ClassVar[float] = 1.0
    estimated_scale: ClassVar[bool] = True

    def inverse_link(self, eta):
        return eta

    def link(self, mean):
        return mean

    def saturated_nll(self, y):
        return np.zeros_like(y)  # the variance, or the scale, is profiled out

    def check_target(self, y):
        checks.finite("y", y)


@dataclass(frozen=True, slots=True)
class SquaredError(Residual):
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

    def twice_nll(self, mean, n_samples, saturated_nll):
        return n_samples * float(np.log(2.0 * mean))  # without the constant n (log 2 pi + 1)

    def clip_dual(self, y, u):
        return u


@dataclass(frozen=True, slots=True)
class Huber(Residual):
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
        u = root(excess, 0.999 * least, 1.42 * least)
        return 2.0 * n_samples * float(mean * (u / delta) ** 2 + np.log(delta / u * integral(u)[0]))

    def clip_dual(self, y, u):
        return np.clip(u, -self.delta, self.delta)

    def null_intercept(self, y, weight):
        return least_constant(self, y, weight)
