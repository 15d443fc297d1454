"""Training of small models, step by step."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError, DataError
from .numbers import is_integer, is_real

WIDEST = 10**6  # units of a layer that is held as a matrix of its own


def rows_of_model(name: str, X, inputs: int) -> Any:
    """Finite rows with one column for each input of a model."""
    X = np.asarray(X, float)
    if X.ndim != 2 or X.shape[1] != inputs or len(X) == 0:
        raise DataError(f"`{name}` must have a column for each of the model's {inputs} inputs, got shape {X.shape}.")
    if not np.isfinite(X).all():
        raise DataError(f"`{name}` has {int((~np.isfinite(X)).sum())} entries that are NaN or infinite.")
    return X


def class_numbers(name: str, y, n: int, classes: int) -> Any:
    """One class a row, by number."""
    y = np.asarray(y)
    if y.shape != (n,) or y.dtype.kind not in "iub" or (y < 0).any() or (y >= classes).any():
        numbers = y.size and y.dtype.kind in "iub"
        seen = f" Seen: {y.min()} to {y.max()}." if numbers else ""
        raise DataError(
            f"`{name}` must hold {n} integers, the classes 0 to {classes - 1}, got shape {y.shape} of {y.dtype}.{seen}"
        )
    return y.astype(int)


def first_parameters(values, n: int) -> Any:
    """Parameters to begin with; a copy."""
    values = np.array(values, float)
    if values.shape != (n,) or not np.isfinite(values).all():
        raise ArgumentError(f"`start` must hold {n} finite numbers, got shape {values.shape}.")
    return values


def weight_numbers(name: str, values, n: int) -> list[int]:
    """Weights by number."""
    values = list(values)
    if not all(is_integer(j) and 0 <= j < n for j in values):
        raise ArgumentError(f"`{name}` must hold numbers of weights, integers in [0, {n - 1}], got {values!r}.")
    return [int(j) for j in values]


def within_one(name: str, value) -> float:
    if not is_real(value) or not 0 <= value <= 1:
        raise ArgumentError(f"`{name}` must be a share in [0, 1], got {value!r}.")
    return float(value)


def needs(option: str, method: str) -> ArgumentError:
    return ArgumentError(f'the method "{method}" needs `{option}`.')


def not_for(option: str, method: str, methods: Sequence[str]) -> ArgumentError:
    return ArgumentError(f'`{option}` has no meaning for the method "{method}"; it belongs to {", ".join(methods)}.')


def descent_diverged(epoch: int, rate: float) -> ArgumentError:
    return ArgumentError(
        f"the training left the finite numbers in epoch {epoch} at `rate` {rate:g}. Hint: a smaller rate."
    )


def two_seeds(count: int) -> ArgumentError:
    return ArgumentError(f"`seeds` must hold at least two, for a standard error; got {count}.")
