"""Grids, level sets, balls, planes, thresholds and envelopes."""

from typing import Any

import numpy as np

from ..errors import ArgumentError, DataError
from .numbers import integer_in


def two_or_three(what: str, n: int) -> int:
    """A number of variables that a curve or a surface can show."""
    if n not in (2, 3):
        raise ArgumentError(
            f"{what} needs 2 or 3 variables, got {n}. Hint: take Field.slice or Field.on_plane of more."
        )
    return n


def at_most_three(what: str, n: int) -> int:
    if n > 3:
        raise ArgumentError(f"{what} takes at most 3 variables, got {n}. Hint: Field.slice holds some of them.")
    return n


def limits_of_axes(limits, n: int) -> Any:
    """Limits of a grid, one pair an axis: shape (n, 2)."""
    pairs = np.asarray(limits, float)
    pairs = np.broadcast_to(pairs, (n, 2)) if pairs.shape in ((2,), (n, 2)) else np.empty((0, 2))
    if not len(pairs) or not np.isfinite(pairs).all() or not (pairs[:, 0] < pairs[:, 1]).all():
        raise ArgumentError(f"`limits` must be one pair (low, high), low < high, or one for each of {n} axes.")
    return pairs


def nodes(resolution, most: int) -> int:
    """Grid points along one axis."""
    return integer_in("resolution", resolution, 3, most, "It is the number of grid points along each axis.")


def level_outside(label: str, level: float, low: float, high: float) -> ArgumentError:
    return ArgumentError(
        f"`level` must lie strictly between {low:.6g} and {high:.6g}, the least and the largest value of {label} on "
        f"this grid, got {level:g}. Hint: widen the limits, or choose another level."
    )


def nowhere_finite(label: str) -> DataError:
    return DataError(f"{label} is finite nowhere on this grid. Hint: move the limits into its domain.")


def not_finite_on_grid(label: str, count: int) -> DataError:
    return DataError(f"{label} is infinite at {count} grid points. Hint: move the limits into its domain.")


def open_level_set(label: str) -> ArgumentError:
    return ArgumentError(f"the level set of {label} is not closed, so it encloses nothing. Hint: widen the limits.")


def no_segments(n: int) -> ArgumentError:
    return ArgumentError(f"curves are chains of segments; this level set is a surface in {n} dimensions.")


def plane_size(m, n: int) -> int:
    return integer_in("m", m, 1, n, f"There are {n} variables.")


def one_for_all(what: str) -> ArgumentError:
    return ArgumentError(f"a threshold curve needs a penalty with one strength for all coordinates, got {what}.")


def no_threshold(value) -> ArgumentError:
    return ArgumentError(f"`penalty` must be a Penalty, got {type(value).__name__}.")
