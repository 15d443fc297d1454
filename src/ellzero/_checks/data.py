"""X, weights and what stands beside them: shapes, types and magnitudes."""

from collections.abc import Iterable, Sequence

import numpy as np

from ..errors import DataError
from .numbers import LARGEST
from .words import listed, plural


def finite(name: str, values, names: Sequence[str] | None = None) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(np.sum(values)):  # in one pass, without a copy; what overflows is looked at below
            return
    bad = ~np.isfinite(values)
    if not bad.any():
        return
    count, where = int(bad.sum()), ""
    if names is not None and values.ndim == 2:
        where = f" in {listed(names[j] for j in np.flatnonzero(bad.any(axis=0)).tolist())}"
    rows = int(bad.any(axis=1).sum()) if values.ndim == 2 else count
    raise DataError(
        f"{name} has {plural(count, 'value')} that {'is' if count == 1 else 'are'} NaN or infinite{where} "
        f"({plural(rows, 'row')}). "
        "Hint: drop or impute them first; nothing was fitted."
    )


def out_of_range(largest):
    """Whether squares of so large a number, or their sums, overflow or vanish; elementwise."""
    return (largest > LARGEST) | ((largest > 0) & (largest < 1 / LARGEST))


def magnitude(name: str, largest: float) -> None:
    """Squares and their sums must neither overflow nor vanish."""
    if out_of_range(largest):
        raise DataError(
            f"{name} has {largest:.3g} as its largest absolute value; squares of it leave the range of floating point. "
            "Hint: change its unit."
        )


def not_numeric(name: str, got: str) -> DataError:
    return DataError(
        f"{name} must hold numbers, got {got}. Hint: code text columns as 0/1 columns that form one group."
    )


def matrix_shape(shape) -> None:
    if len(shape) != 2:
        raise DataError(f"X must have two dimensions (n_samples, n_features), got shape {tuple(shape)}.")
    if 0 in shape:
        raise DataError(f"X must have at least one row and one column, got shape {tuple(shape)}.")


def complex_data(name: str) -> DataError:
    return DataError(f"{name} is complex. Complex data not supported.")


def unique_names(names: Iterable) -> None:
    names = list(names)
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise DataError(f"X has more than one column named {listed(twice)}. Hint: rename them.")


def lazy_frame() -> DataError:
    return DataError("X is a lazy frame, which holds no data yet. Hint: X.collect().")


def masked(name: str, count: int) -> DataError:
    return DataError(f"{name} is a masked array with {plural(count, 'masked value')}. Hint: fill or drop them first.")


def given(name: str, values) -> None:
    if values is None:
        raise DataError(f"{name} must hold what belongs to each row of X, got None. Hint: give it beside X.")


def same_length(name: str, length: int, n: int) -> None:
    if length != n:
        raise DataError(
            f"{name} has {plural(length, 'entry') if length == 1 else f'{length} entries'}, X has {plural(n, 'row')}."
        )


def one_dimensional(name: str, shape) -> None:
    if len(shape) != 1:
        raise DataError(f"{name} must have one dimension, got shape {tuple(shape)}.")


def one_or_two_dimensional(name: str, shape) -> None:
    if len(shape) != 2 or 0 in shape:
        raise DataError(f"{name} must have one dimension, or one column an output, got shape {tuple(shape)}.")


def sample_weight(values) -> None:
    finite("sample_weight", values)
    if (values < 0).any():
        raise DataError(f"sample_weight must be >= 0, got {values.min():g} as the smallest.")
    if not (values > 0).any():
        raise DataError("sample_weight is zero for every row; at least one row must count.")


def constant_columns(names: Sequence[str]) -> str:
    return f"constant columns never enter: {listed(names)}."


def collinear_columns(names: Sequence[str]) -> str:
    return (
        f"columns depend linearly on others, so no data can tell them apart: {listed(names)}. "
        "The answer uses one of the equivalent supports."
    )


def same_columns(n_features: int, names: Sequence[str], fitted: Sequence[str]) -> None:
    if n_features != len(fitted):
        raise DataError(f"X has {plural(n_features, 'column')}, the model was fitted on {len(fitted)}.")
    anonymous = all(name == f"x{j}" for j, name in enumerate(names))
    if not anonymous and not all(name == f"x{j}" for j, name in enumerate(fitted)) and tuple(names) != tuple(fitted):
        wrong = [new for new, old in zip(names, fitted, strict=True) if new != old]
        raise DataError(f"the columns of X differ from the model's: {listed(wrong)}. Hint: same names, same order.")
