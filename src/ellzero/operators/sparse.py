"""A sparse matrix as an operator; never densified."""

import numpy as np
from scipy import sparse

from .base import Operator


class Sparse(Operator):
    """A scipy.sparse matrix or array, kept by columns."""

    __slots__ = ("_shape", "csc", "csr")

    def __init__(self, matrix):
        self.csc = sparse.csc_array(matrix, dtype=np.float64)
        self.csc.sum_duplicates()
        self.csr = self.csc.tocsr()
        n, p = matrix.shape
        self._shape = n, p

    @property
    def shape(self) -> tuple[int, int]:
        return self._shape

    def forward(self, beta):
        return self.csr @ beta

    def adjoint(self, r):
        return self.csc.T @ r

    def columns(self, indices):
        return np.asfortranarray(self.csc[:, indices].toarray())

    def rows(self, indices):
        return Sparse(self.csr[indices])

    def moments(self, weight):
        mean = self.csc.T @ weight
        return mean, np.maximum(self.squares_about(mean, weight), 0.0)

    def squares_about(self, origin, weight):
        # sum of w (x - o)^2 = sum over stored entries of w ((x - o)^2 - o^2), plus o^2 times the sum of the weights
        csc = self.csc
        origin_of_entry = np.repeat(origin, np.diff(csc.indptr))
        stored = sparse.csc_array(
            ((csc.data - 2.0 * origin_of_entry) * csc.data, csc.indices, csc.indptr), shape=csc.shape
        )
        return stored.T @ weight + origin**2 * weight.sum()
