"""Dense linear algebra as the searches need it: quiet on ill-conditioned matrices, explicit about singular ones."""

from typing import Any

import numpy as np
from scipy import linalg

POSV, POTRF, POCON, POTRI, POTRS = linalg.get_lapack_funcs(
    ("posv", "potrf", "pocon", "potri", "potrs"), dtype=np.float64
)
ILL = 1e-10  # reciprocal condition from which on the eigenvalues have to be looked at
SINGULAR = 1e-12  # eigenvalues below this share of the largest are rounding


def solve_positive(matrix, right) -> np.ndarray:
    """Solution with a positive definite matrix; where it is singular, of least norm."""
    solution = solve_definite(matrix, right)
    return least_squares(matrix, right) if solution is None else solution


def solve_definite(matrix, right) -> np.ndarray | None:
    """Solution with a positive definite matrix by Cholesky; None where it is singular."""
    if not len(matrix):
        return np.asarray(right)
    _, solution, failed = POSV(matrix, right)  # at once: what wraps it takes longer than a small system
    return None if failed else solution


def solve_well(matrix, right, condition: float) -> np.ndarray | None:
    """Solution with a positive definite matrix; None where its reciprocal condition is not above `condition`."""
    if not len(matrix):
        return np.asarray(right)
    factor, failed = POTRF(matrix, lower=1)
    if failed or not POCON(factor, np.abs(matrix).sum(axis=0).max(), uplo="L")[0] > condition:
        return None
    return POTRS(factor, right, lower=1)[0]


def inverse_positive(matrix) -> np.ndarray:
    """Inverse of a positive definite matrix by Cholesky; where it is nearly singular, the pseudoinverse."""
    if not len(matrix):
        return np.empty_like(matrix)
    factor, failed = POTRF(matrix, lower=1, clean=1)
    if not failed and POCON(factor, np.abs(matrix).sum(axis=0).max(), uplo="L")[0] > ILL:
        inverse, _ = POTRI(factor, lower=1, overwrite_c=1)
        return inverse + np.tril(inverse, -1).T
    return np.linalg.pinv(matrix, rcond=SINGULAR, hermitian=True)


def least_squares(matrix, right, driver: str = "gelsd", rank: float | None = None) -> np.ndarray:
    """Least-squares solution of smallest norm, by a LAPACK driver; `rank` is the share below which it sees zeros."""
    found: Any = linalg.lstsq(
        matrix, right, cond=rank, lapack_driver=driver, check_finite=False
    )  # a tuple; inferred, maybe None
    return found[0]


def pivoted_cholesky(gram, tolerance: float) -> tuple[np.ndarray, np.ndarray, int]:
    """Lower factor of a Gram matrix, the order of its columns, and its rank."""
    (pstrf,) = linalg.get_lapack_funcs(("pstrf",), (gram,))
    factor, pivots, rank, _ = pstrf(gram, tol=tolerance, lower=1)
    return factor, pivots - 1, int(rank)
