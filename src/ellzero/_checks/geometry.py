"""Norms, fields, level sets and contact points. Nothing here imports a library for pictures."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError, DataError
from .numbers import is_integer, is_real

PER_DEVIATION = " × sd"  # behind the names of coefficients of standardised columns


def exponent(p) -> float:
    """The p of a norm: 0, positive or infinite."""
    if not is_real(p) or not p >= 0:
        raise ArgumentError(
            f"`p` must be a number in [0, inf], got {p!r}. Hint: 0 counts nonzeros, inf takes the largest."
        )
    return float(p)


def finite_exponent(p) -> float:
    """The p of a power."""
    if not is_real(p) or not 0 <= p < float("inf"):
        raise ArgumentError(f"`p` must be a finite number >= 0, got {p!r}.")
    return float(p)


def finite_number(name: str, value) -> float:
    if not is_real(value) or not abs(value) < float("inf"):
        raise ArgumentError(f"`{name}` must be a finite number, got {value!r}.")
    return float(value)


def _numbers(what: str, x) -> Any:
    try:
        if not np.iscomplexobj(x):
            return np.asarray(x, float)
    except (TypeError, ValueError, OverflowError):
        pass
    raise DataError(f"{what} must hold real numbers in a regular array, got {type(x).__name__}.")


def point(x, n: int) -> Any:
    """One finite point."""
    x = _numbers("a point", x)
    if x.shape != (n,):
        raise ArgumentError(f"a point here must be {n} finite numbers, got shape {x.shape}.")
    if not np.isfinite(x).all():
        raise ArgumentError(f"a point here must be {n} finite numbers, got {x.tolist()}.")
    return x


def vectors(name: str, x) -> Any:
    """Finite vectors along the last axis."""
    x = _numbers(f"`{name}`", x)
    if x.ndim == 0 or x.shape[-1] == 0:
        raise DataError(f"`{name}` must hold vectors along its last axis, got shape {x.shape}.")
    if not np.isfinite(x).all():
        raise DataError(f"`{name}` has {int((~np.isfinite(x)).sum())} entries that are NaN or infinite.")
    return x


def dimension(n) -> int:
    if not is_integer(n) or n < 1:
        raise ArgumentError(f"`n`, the number of variables, must be an integer >= 1, got {n!r}.")
    return int(n)


def need_dimension(what: str) -> ArgumentError:
    return ArgumentError(f"`n` is needed: {what} does not say how many variables it has.")


def no_field(value) -> ArgumentError:
    return ArgumentError(
        f"a field must be a function of points, a Penalty, a Problem or a Field, got {type(value).__name__}."
    )


def not_scalar(label: str, points: tuple, values: tuple) -> DataError:
    return DataError(
        f"{label} is not a scalar field: points of shape {points} gave values of shape {values}, expected "
        f"{points[:-1]}. Hint: take points along the last axis and return one number for each."
    )


def not_numbers(label: str) -> DataError:
    return DataError(f"{label} is not a scalar field: its values are not real numbers.")


def not_gradient(label: str, points: tuple, slopes: tuple) -> DataError:
    return DataError(f"the gradient of {label} must have the shape of the points, {points}, got {slopes}.")


def field_is_nan(label: str, count: int, where) -> DataError:
    at = ", ".join(f"{v:.4g}" for v in where)
    return DataError(f"{label} is NaN at {count} points, such as ({at}). Hint: use inf outside its domain.")


def other_dimension(label: str, n: int, got: int) -> ArgumentError:
    return ArgumentError(f"{label} is a field of {n} variables, got points of {got}.")


def fields_differ(one: int, other: int) -> ArgumentError:
    return ArgumentError(f"fields add only in the same space; one has {one} variables, the other {other}.")


def one_output(n: int) -> ArgumentError:
    return ArgumentError(f"a field of the coefficients needs one response, the problem has {n}.")


def square_matrix(name: str, H) -> Any:
    """A symmetric matrix without NaN."""
    H = _numbers(f"`{name}`", H)
    if H.ndim != 2 or H.shape[0] != H.shape[1] or not H.size:
        raise ArgumentError(f"`{name}` must be a square matrix, got shape {H.shape}.")
    if not np.isfinite(H).all():
        raise ArgumentError(f"`{name}` has {int((~np.isfinite(H)).sum())} entries that are NaN or infinite.")
    if not np.allclose(H, H.T, rtol=1e-10, atol=1e-12 * max(float(np.abs(H).max()), 1e-300)):
        raise ArgumentError(f"`{name}` must be symmetric.")
    return 0.5 * (H + H.T)


def axis(name, names: Sequence[str]) -> int:
    """Number of an axis given by number or by name, which may lack the unit that coefficients are drawn in."""
    if is_integer(name) and 0 <= name < len(names):
        return int(name)
    for known in (list(names), [other.removesuffix(PER_DEVIATION) for other in names]):
        if isinstance(name, str) and name in known:
            return known.index(name)
    raise ArgumentError(f"no axis {name!r}; there are {len(names)}: {', '.join(names[:9])}.")


def no_axis_left(n: int) -> ArgumentError:
    return ArgumentError(f"all {n} axes are held, so no variable is left. Hint: hold fewer.")


def directions(D, n: int) -> Any:
    """Independent directions of a plane through a point, one a row."""
    D = np.atleast_2d(np.asarray(D, float))
    if D.shape[1] != n or not np.isfinite(D).all() or np.linalg.matrix_rank(D) < len(D):
        raise ArgumentError(f"`directions` must be independent vectors of length {n}, one a row; got shape {D.shape}.")
    return D
