"""Numbers at which a function changes its sign: intercepts and scales that have no closed form."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import brentq

from .base import Loss


def least_constant(loss: Loss, y, weight) -> float:
    """Constant linear predictor of least mean loss: where the gradient, which grows with it, changes its sign."""

    def slope(constant):
        return float(np.sum(loss.mean_gradient(y, np.full(y.size, constant), weight)))

    step = 1.0
    while slope(-step) > 0 or slope(step) < 0:
        step *= 2.0
    return root(slope, -step, step)


def root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function of one number changes its sign, to the last digits."""
    found: Any = brentq(function, low, high, xtol=1e-300)  # of two types, says its stub
    return float(found)
