"""What a matrix must offer, and the law that ties its two products."""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


class Operator(ABC):
    """A real matrix of shape (n_samples, n_features), seen through its products."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """(n_samples, n_features)."""

    @abstractmethod
    def forward(self, beta) -> Vector:
        """Product with a vector of length n_features."""

    @abstractmethod
    def adjoint(self, r) -> Vector:
        """Product of the transpose with a vector of length n_samples."""

    @abstractmethod
    def columns(self, indices) -> Matrix:
        """The columns `indices` as a dense array in Fortran order."""

    @abstractmethod
    def rows(self, indices) -> "Operator":
        """The operator of the rows `indices` (indices or a mask)."""

    @abstractmethod
    def moments(self, weight) -> tuple[Vector, Vector]:
        """Weighted mean and weighted sum of squared deviations of each column; `weight` sums to one."""

    @abstractmethod
    def squares_about(self, origin, weight) -> Vector:
        """Weighted sum of ``(x_ij - origin_j)^2`` of each column; the weights may have any sum."""

    def quick_squares_about(self, origin, weight) -> Vector:
        """The same for sums that are wanted often: compiled where that pays, up to rounding."""
        return self.squares_about(origin, weight)


def check_adjoint(op: Operator, random_state: int = 0, tolerance: float = 1e-10) -> None:
    r"""Assert :math:`\langle X\beta, r \rangle = \langle \beta, X^\top r \rangle` for random vectors.

    Parameters
    ----------
    op : Operator
        What to check.
    random_state : int, default=0
        Seed of the two vectors.
    tolerance : float, default=1e-10
        Largest difference, relative to the size of the terms.

    Raises
    ------
    AssertionError
        The two products disagree; the message shows both numbers.

    Examples
    --------
    >>> from ellzero.operators import Dense
    >>> check_adjoint(Dense(np.array([[1.0, 2.0], [0.0, 3.0]])))
    """
    rng = np.random.default_rng(random_state)
    n, p = op.shape
    beta, r = rng.standard_normal(p), rng.standard_normal(n)
    left, right = float(op.forward(beta) @ r), float(beta @ op.adjoint(r))
    size = np.linalg.norm(op.forward(beta)) * np.linalg.norm(r) + np.linalg.norm(beta) * np.linalg.norm(op.adjoint(r))
    if abs(left - right) > tolerance * size:
        raise AssertionError(f"the adjoint is wrong: <X b, r> = {left!r} but <b, X'r> = {right!r}.")
