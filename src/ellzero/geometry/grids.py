"""Regular grids: their nodes, and a field's values on them."""

from __future__ import annotations

import numpy as np

from .. import _checks as checks
from .fields import Field

PIECE = 200_000  # points that are handed to a field at once


def grid_axes(limits, n: int, resolution, most: dict[int, int]) -> tuple[np.ndarray, ...]:
    """Nodes along each axis; a node within rounding of 0 is 0, since there fields have their corners and jumps."""
    count, pairs = checks.nodes(resolution, most[n]), checks.limits_of_axes(limits, n)
    axes = (np.linspace(low, high, count) for low, high in pairs)
    return tuple(np.where(np.abs(t) < 1e-12 * (t[-1] - t[0]), 0.0, t) for t in axes)


def values_on(field: Field, axes: tuple[np.ndarray, ...]) -> np.ndarray:
    """Values of a field, one axis of the array for each variable."""
    shape = tuple(map(len, axes))
    values = np.empty(np.prod(shape))
    for start in range(0, values.size, PIECE):
        which = np.unravel_index(np.arange(start, min(start + PIECE, values.size)), shape)
        values[start : start + PIECE] = field(np.column_stack([t[i] for t, i in zip(axes, which, strict=True)]))
    return values.reshape(shape)
