"""Norms, scalar fields, level sets, balls, contact points, paths and descent, as arrays; `ellzero.plot` draws them."""

from .fields import Field, as_field, loss_field, quadratic, quartic
from .norms import norm, power_sum

__all__ = ["Field", "as_field", "loss_field", "norm", "power_sum", "quadratic", "quartic"]
