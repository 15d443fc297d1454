"""What a training does to the weights besides following the gradient of the loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...penalties import Penalty

if TYPE_CHECKING:
    from ...solvers.thresholding import Allowance


class Rule:
    """A way to sparse weights, or to small ones; the two places in a step where it can act."""

    def slope(self, weights) -> np.ndarray | float:
        """What is added to the gradient of the loss."""
        return 0.0

    def settle(self, weights, rate: float, progress: float) -> np.ndarray:
        """The weights after a gradient step of the size `rate`; `progress` is the share of epochs done."""
        return weights


@dataclass(frozen=True)
class Subgradient(Rule):
    r"""Adds a subgradient of the penalty to the gradient, which is the plain way and gives no zeros.

    Of the interval at a kink it is the middle: :math:`\lambda\,\mathrm{sign}(w)` for L1, with sign(0) = 0.
    """

    penalty: Penalty

    def slope(self, weights):
        low, high = self.penalty.subdifferential(weights)
        return 0.5 * (low + high)


@dataclass(frozen=True)
class Proximal(Rule):
    r"""The penalty's proximal operator after each gradient step, :math:`w \leftarrow \mathrm{prox}_{\eta\phi}(w)`."""

    penalty: Penalty

    def settle(self, weights, rate, progress):
        return self.penalty.prox(weights, rate)


@dataclass(frozen=True)
class KeepLargest(Rule):
    """Projects on the allowed supports after each gradient step, once the share `since` of the epochs is done."""

    allowance: Allowance
    since: float

    def settle(self, weights, rate, progress):
        return self.allowance.project(weights)[0] if progress >= self.since else weights
