r"""Losses: half the mean deviance as a function of the linear predictor.

A loss is given by its value on one row, :math:`f(y, \eta)`, half the deviance, so never negative and zero where the
model is saturated. Everything else (means over weighted rows, likelihoods for criteria, the null model) is written once
in the base class. With weights :math:`w` the mean is :math:`\sum_i w_i f_i / \sum_i w_i`.
"""

from .base import FACTS, Loss
from .classes import Logistic, Multinomial, SquaredHinge
from .names import LOSSES, SEVERAL, as_loss
from .offset import Offset
from .positive import Gamma, Poisson
from .residuals import Huber, SquaredError
from .survival import BoundCox, Cox

__all__ = [
    "FACTS",
    "LOSSES",
    "SEVERAL",
    "BoundCox",
    "Cox",
    "Gamma",
    "Huber",
    "Logistic",
    "Loss",
    "Multinomial",
    "Offset",
    "Poisson",
    "SquaredError",
    "SquaredHinge",
    "as_loss",
]
