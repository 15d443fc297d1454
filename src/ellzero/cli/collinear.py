"""Columns that no data can tell apart: equal up to shift and scale, or an exact combination of others."""

import numpy as np

from . import messages
from .recipe import Recipe

EQUAL = 1e-13  # 1 - |correlation| at or below this is equality but for rounding
DEPENDENT = 1e-8  # part of a unit column that the others leave unexplained
BLOCK = 1024  # columns correlated at a time: bounds the memory of wide tables


def check(X: np.ndarray, recipe: Recipe) -> None:
    """Refuse a design with columns that cannot be told apart, naming them and the flags that resolve it.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        No column is constant.
    recipe : Recipe
        Names of the columns.
    """
    units = X - X.mean(axis=0)
    units /= np.linalg.norm(units, axis=0)
    pairs = equal_pairs(units)
    if pairs:
        named = [(recipe.terms[i], recipe.terms[j], r) for i, j, r in pairs]
        raise messages.collinear_pairs(named, columns_of([j for _, j, _ in pairs], recipe))
    n_samples, n_features = X.shape
    if n_features < n_samples - 1:  # more columns than that always depend on each other
        found = combination(units)
        if found is not None:
            j, others = found
            raise messages.collinear_sum(recipe.terms[j], [recipe.terms[i] for i in others], columns_of([j], recipe))


def columns_of(terms: list[int], recipe: Recipe) -> list[str]:
    """Columns of the table that these terms come from, each once."""
    return list(dict.fromkeys(recipe.part_of(j).column for j in terms))


def equal_pairs(units: np.ndarray) -> list[tuple[int, int, float]]:
    """All pairs i < j of unit columns with a correlation of 1 or -1."""
    pairs = []
    for start in range(0, units.shape[1], BLOCK):
        block = units[:, start : start + BLOCK]
        correlation = block.T @ units[:, start:]
        rows, columns = np.nonzero(np.abs(correlation) >= 1 - EQUAL)
        pairs += [
            (int(start + i), int(start + j), float(correlation[i, j]))
            for i, j in zip(rows, columns, strict=True)
            if i < j
        ]
    return pairs


def combination(units: np.ndarray) -> tuple[int, list[int]] | None:
    """First column that a pivoted QR finds to depend on others, with those it depends on."""
    from scipy.linalg import qr, solve_triangular

    R, order = (np.asarray(part) for part in qr(units, mode="r", pivoting=True, check_finite=False))
    diagonal = np.abs(np.diag(R))
    rank = int(np.count_nonzero(diagonal > DEPENDENT))
    if rank == units.shape[1]:
        return None
    weights = solve_triangular(R[:rank, :rank], R[:rank, rank])
    return int(order[rank]), [int(order[i]) for i in range(rank) if abs(weights[i]) > 1e-6]
