"""A NumPy array as an operator."""

import numpy as np

from .base import Operator

BLOCK = 4096  # rows handled together where a full-size temporary would double the memory
TILE = 1 << 16  # numbers handled together where a temporary should stay in the cache


class Dense(Operator):
    """A two-dimensional float64 array."""

    __slots__ = ("array",)

    def __init__(self, array):
        self.array = np.asarray(array, dtype=np.float64)

    @property
    def shape(self) -> tuple[int, int]:
        n, p = self.array.shape
        return n, p

    def forward(self, beta):
        return self.array @ beta

    def adjoint(self, r):
        return self.array.T @ r

    def columns(self, indices):
        return np.asfortranarray(self.array[:, indices])

    def rows(self, indices):
        return Dense(self.array[indices])

    def blocks(self):
        """Slices of rows, small enough for temporaries."""
        for start in range(0, self.shape[0], BLOCK):
            yield slice(start, start + BLOCK)

    def moments(self, weight):
        # the mean is taken about the first row, so that a large common offset costs no digits
        origin = self.array[0].copy()
        mean = origin.copy()
        for rows, columns in self._tiles():
            mean[columns] += weight[rows] @ (self.array[rows, columns] - origin[columns])
        return mean, self.squares_about(mean, weight)

    def squares_about(self, origin, weight):
        out = np.zeros(self.shape[1])
        for rows, columns in self._tiles():
            part = self.array[rows, columns] - origin[columns]
            part *= part
            out[columns] += weight[rows] @ part
        return out

    def _tiles(self):
        """Slices of rows and of columns, in the order in which the numbers lie in memory."""
        n, p = self.shape
        by_rows = self.array.flags.c_contiguous
        height = max(1, TILE // p) if by_rows else BLOCK
        width = p if by_rows else max(1, TILE // min(n, BLOCK))
        for top in range(0, n, height):
            for left in range(0, p, width):
                yield slice(top, top + height), slice(left, left + width)

    def quick_squares_about(self, origin, weight):
        from .._kernels.columns import squares_by_columns, squares_by_rows

        out = np.zeros(self.shape[1])
        if self.array.flags.f_contiguous:
            squares_by_columns(self.array.T, origin, np.ascontiguousarray(weight), out)
        else:
            squares_by_rows(np.ascontiguousarray(self.array), origin, np.ascontiguousarray(weight), out)
        return out
