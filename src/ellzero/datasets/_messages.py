"""The messages of this room, and its checks of arguments that no other room takes."""

from importlib import import_module
from numbers import Integral, Real

import numpy as np

from .._checks import plural
from ..errors import ArgumentError, DataError, MissingExtraError


def needs(module: str, what: str, extra: str = "data"):
    """Import an optional dependency, or say which extra brings it."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != package:
            raise
        raise MissingExtraError(f"{what} needs {package}. Install it with: pip install 'ellzero[{extra}]'") from None


# ---- where data are


def not_set(name: str, file: str, variable: str) -> DataError:
    return DataError(
        f"the data set {name!r} does not ship with ellzero, and {variable} is not set. "
        f"Set it to the folder that holds {file}, or give that folder as `data_home`."
    )


def no_folder(name: str, file: str, variable: str, folder) -> DataError:
    return DataError(
        f"the data set {name!r} does not ship with ellzero, and there is no folder {folder}. "
        f"Set {variable} to the folder that holds {file}, or give that folder as `data_home`."
    )


def no_file(name: str, file: str, variable: str, folder) -> DataError:
    return DataError(
        f"the data set {name!r} does not ship with ellzero, and there is no file {file} in {folder}. "
        f"Set {variable} to the folder that holds it, or give that folder as `data_home`."
    )


# ---- arguments of the generators


def correlation(value, negative: bool) -> float:
    """`rho` as a number below 1, and above -1 or not below 0."""
    number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else np.nan
    if not (-1 < number < 1 if negative else 0 <= number < 1):
        raise ArgumentError(f"`rho` must be a number in {'(-1' if negative else '[0'}, 1), got {value!r}.")
    return number


def finite_ratio(value: float) -> float:
    if not np.isfinite(value):
        raise ArgumentError(f"`snr` must be finite here: logistic coefficients grow with it, got {value!r}.")
    return value


def places(values, k: int, p: int) -> np.ndarray:
    """`place` as k different indices of columns."""
    values = list(values)
    whole = all(isinstance(j, Integral) and not isinstance(j, bool) and 0 <= int(j) < p for j in values)
    if not whole or len(values) != k or len(set(values)) != k:
        raise ArgumentError(f"`place` must hold k = {k} different integers in [0, {p - 1}], got {values}.")
    return np.array(values, dtype=int)


def nonzero_numbers(values, k: int) -> np.ndarray:
    """`pattern` as k numbers."""
    numbers = np.asarray(values)
    if numbers.dtype.kind not in "fiu" or numbers.shape != (k,) or not np.isfinite(numbers).all() or not numbers.all():
        raise ArgumentError(f"`pattern` must hold k = {plural(k, 'finite number')} other than 0, got {list(values)}.")
    return numbers.astype(float)
