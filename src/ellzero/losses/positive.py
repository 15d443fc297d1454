"""Losses of counts and of positive targets."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import digamma, gammaln, xlogy

from .. import _checks as checks
from .base import Loss
from .roots import root


class LogLink(Loss):
    """A loss of a positive mean, whose logarithm is the linear predictor."""

    concordant: ClassVar[bool] = True
    curvature_bound: ClassVar[float] = float("inf")

    def inverse_link(self, eta):
        return np.exp(eta)

    def link(self, mean):
        return np.log(mean)


@dataclass(frozen=True, slots=True)
class Poisson(LogLink):
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
    provable: ClassVar[bool] = True
    attained: ClassVar[bool] = False

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

    def saturated_nll(self, y):
        return y - xlogy(y, y) + gammaln(y + 1)

    def clip_dual(self, y, u):
        return np.maximum(u, -y)

    def check_target(self, y):
        checks.counts(y)


@dataclass(frozen=True, slots=True)
class Gamma(LogLink):
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
    estimated_scale: ClassVar[bool] = True

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

    def saturated_nll(self, y):
        return 1.0 + np.log(y)  # of shape one, the exponential distribution

    def twice_nll(self, mean, n_samples, saturated_nll):
        if mean == 0.0:
            return -np.inf
        shape = root(lambda a: _log_less_digamma(a) - mean, 0.499 / mean, 1.001 / mean)
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
