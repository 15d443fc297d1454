"""Centred and scaled columns, without a copy of the data."""

import numpy as np

from .base import Operator

BLOCK = 1 << 17  # numbers copied at a time


class Standardised(Operator):
    """Columns ``(x_j - centre_j) / scale_j`` of another operator."""

    __slots__ = ("base", "centre", "scale")

    def __init__(self, base: Operator, centre, scale):
        self.base, self.centre, self.scale = base, centre, scale

    @property
    def shape(self) -> tuple[int, int]:
        return self.base.shape

    def forward(self, beta):
        gamma = beta / self.scale
        return self.base.forward(gamma) - self.centre @ gamma

    def adjoint(self, r):
        """Product of the transpose with a vector, or with the columns of a matrix."""
        total = np.multiply.outer(self.centre, r.sum(axis=0))
        return ((self.base.adjoint(r) - total).T / self.scale).T

    def columns(self, indices):
        columns = self.base.columns(indices)
        columns -= self.centre[indices]
        columns /= self.scale[indices]
        return columns

    def copied(self, dtype, factor=None) -> np.ndarray:
        """All columns in an array of their own, each row times its factor; made of a few columns at a time."""
        n, p = self.shape
        copy, step = np.empty((n, p), dtype, order="F"), max(1, BLOCK // n)
        for low in range(0, p, step):
            part = self.columns(np.arange(low, min(low + step, p)))
            copy[:, low : low + step] = part if factor is None else factor[:, None] * part
        return copy

    def rows(self, indices):
        return Standardised(self.base.rows(indices), self.centre, self.scale)

    def moments(self, weight):
        mean, spread = self.base.moments(weight)
        return (mean - self.centre) / self.scale, spread / self.scale**2

    def mean_square(self, weight):
        """Weighted sums of the squared entries of each column."""
        return self.base.quick_squares_about(self.centre, weight) / self.scale**2

    def squares_about(self, origin, weight):
        return self.base.squares_about(self.centre + self.scale * origin, weight) / self.scale**2
