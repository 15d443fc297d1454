"""Numbers, and arrays of numbers, within their ranges."""

import math
from collections.abc import Sequence
from difflib import get_close_matches
from numbers import Integral, Real
from typing import TypeGuard

import numpy as np

from ..errors import ArgumentError
from .words import plural

LARGEST = 1e140  # absolute values beyond it, or below its inverse, have squares that overflow or vanish


def is_real(value) -> TypeGuard[float]:
    return isinstance(value, Real) and not isinstance(value, bool)


def is_integer(value) -> TypeGuard[int]:
    return isinstance(value, Integral) and not isinstance(value, bool)


def non_negative(name: str, value) -> float:
    if not is_real(value) or not math.isfinite(value) or value < 0:
        raise ArgumentError(f"`{name}` must be a finite number >= 0, got {value!r}.")
    return float(value)


def negative_strengths(name: str) -> ArgumentError:
    return ArgumentError(f"every entry of `{name}` must be a finite number >= 0.")


def positive(name: str, value) -> float:
    if not is_real(value) or not value > 0:
        raise ArgumentError(f"`{name}` must be a number > 0, got {value!r}.")
    return float(value)


def finite_positive(name: str, value) -> float:
    if not is_real(value) or not math.isfinite(value) or not value > 0:
        raise ArgumentError(f"`{name}` must be a finite number > 0, got {value!r}.")
    return float(value)


def fraction(name: str, value) -> float:
    if not is_real(value) or not math.isfinite(value) or value < 0:
        raise ArgumentError(f"`{name}` must be a fraction >= 0 (0.01 is 1 %), got {value!r}.")
    return float(value)


def share(name: str, value) -> float:
    if not is_real(value) or not 0 < value <= 1:
        raise ArgumentError(f"`{name}` must be a share in (0, 1], got {value!r}.")
    return float(value)


def open_share(name: str, value) -> float:
    if not is_real(value) or not 0 < value < 1:
        raise ArgumentError(f"`{name}` must be a share in (0, 1), got {value!r}.")
    return float(value)


def above(name: str, value, low: float) -> float:
    if not is_real(value) or not math.isfinite(value) or not value > low:
        raise ArgumentError(f"`{name}` must be a finite number > {low}, got {value!r}.")
    return float(value)


def power(value) -> float:
    if not is_real(value) or not 0 < value < 1:
        raise ArgumentError(f"`p` must be a number in (0, 1), got {value!r}. Hint: L1 is p = 1, L0 is p = 0.")
    return float(value)


def factors(name: str, values, count: int, noun: str) -> np.ndarray:
    """Factors of a penalty, one a column or one a group."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.empty((0, 0))
    if array.shape != (count,) or not (np.isfinite(array) & (array >= 0)).all():
        raise ArgumentError(f"`{name}` must hold one finite number >= 0 for each of {plural(count, noun)}.")
    return array


def strengths(name: str, values, positive: bool) -> np.ndarray:
    """Strengths of a penalty, from large to small."""
    try:
        array = np.unique(np.asarray(values, dtype=np.float64).ravel())[::-1]
    except (TypeError, ValueError):
        array = np.empty(0)
    if not array.size or not (np.isfinite(array) & ((array > 0) | (not positive and array == 0))).all():
        raise ArgumentError(f"`{name}` must be finite numbers {'>' if positive else '>='} 0, got {values!r}.")
    return array


def one_a_column(name: str, values, p: int) -> np.ndarray:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.empty((0, 0))
    if array.shape != (p,) or not np.isfinite(array).all():
        raise ArgumentError(f"`{name}` must hold one finite number for each of {plural(p, 'column')}.")
    return array


def integer_in(name: str, value, low: int, high: int, why: str = "") -> int:
    if not is_integer(value) or not low <= value <= high:
        raise ArgumentError(f"`{name}` must be an integer in [{low}, {high}], got {value!r}.{why and ' ' + why}")
    return int(value)


def size(name: str, value, n_units: int, noun: str = "column") -> int:
    return integer_in(name, value, 0, n_units, f"X has {plural(n_units, noun)}.")


def one_of(name: str, value, choices: Sequence[str]) -> str:
    if value not in choices:
        near = get_close_matches(str(value), choices, 1)
        hint = f' Did you mean "{near[0]}"?' if near else ""
        raise ArgumentError(f"`{name}` must be one of {', '.join(choices)}, got {value!r}.{hint}")
    return value


def random_state(value) -> np.random.Generator:
    if value is None or (is_integer(value) and value >= 0):
        return np.random.default_rng(0 if value is None else int(value))
    if isinstance(value, np.random.Generator):
        return value
    if isinstance(value, np.random.RandomState):
        return np.random.default_rng(value.randint(2**31))
    raise ArgumentError(f"`random_state` must be None, an integer >= 0 or a NumPy generator, got {value!r}.")


def limit(name: str, value) -> np.ndarray:
    """Limits as numbers; beyond all magnitudes that are allowed they are none."""
    try:
        value = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ArgumentError(f"`{name}` must be a number or one number a column, got {value!r}.") from None
    return np.where(np.abs(value) > LARGEST, np.copysign(np.inf, value), value)


def quota(value) -> int:
    if not is_integer(value) or value < 0:
        raise ArgumentError(f"`q` must be an integer >= 0, got {value!r}.")
    return int(value)


def coefficients(name: str, values) -> np.ndarray:
    """Weights of a linear row; a copy."""
    try:
        numbers = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ArgumentError(f"`{name}` of a linear row must hold numbers, got {values!r}.") from None
    if numbers.ndim != 1 or not np.isfinite(numbers).all():
        raise ArgumentError(f"`{name}` of a linear row must hold one finite number a column, got {values!r}.")
    return numbers


def row_limits(lower, upper) -> tuple[float, float]:
    if not (is_real(lower) and is_real(upper) and lower <= upper) or not (math.isfinite(lower) or math.isfinite(upper)):
        raise ArgumentError(
            f"a linear row needs `lower` <= `upper`, at least one of them finite, got {lower!r} and {upper!r}."
        )
    return float(lower), float(upper)
