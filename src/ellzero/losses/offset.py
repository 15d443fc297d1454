"""A loss around another one: known numbers that the rows add to the linear predictor."""

from dataclasses import dataclass

from .base import FACTS, Loss, Vector
from .roots import least_constant


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
    >>> import numpy as np
    >>> from ellzero.losses import Poisson
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

    def mean_hessian_form(self, y, eta, weight, directions):
        return self.base.mean_hessian_form(y, eta + self.offset, weight, directions)

    def mean_hessian_squares(self, y, eta, weight, directions):
        return self.base.mean_hessian_squares(y, eta + self.offset, weight, directions)

    def null_intercept(self, y, weight):
        return least_constant(self, y, weight)

    def twice_nll(self, mean, n_samples, saturated_nll):
        return self.base.twice_nll(mean, n_samples, saturated_nll)
