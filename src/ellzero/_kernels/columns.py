"""Sums over the rows of a dense array, in one pass and without temporaries."""

from numba import njit

from .compiled import CALLED


@njit(**CALLED, fastmath={"reassoc", "contract"})
def squares_by_columns(columns, origin, weight, out):
    """Weighted squares of each column about its origin; row j of `columns` is column j."""
    for j in range(columns.shape[0]):
        total, centre = 0.0, origin[j]
        for i in range(columns.shape[1]):
            e = columns[j, i] - centre
            total += weight[i] * e * e
        out[j] = total


@njit(**CALLED, fastmath={"contract"})
def squares_by_rows(rows, origin, weight, out):
    """The same, row i of `rows` being a row; `out` comes with zeros."""
    for i in range(rows.shape[0]):
        w = weight[i]
        for j in range(rows.shape[1]):
            e = rows[i, j] - origin[j]
            out[j] += w * e * e
