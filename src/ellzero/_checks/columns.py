"""Columns by name or index, their groups and limits, and which are forced or forbidden."""

from collections.abc import Hashable, Sequence
from difflib import get_close_matches
from numbers import Integral

import numpy as np

from ..errors import ArgumentError, InfeasibleError
from .numbers import integer_in
from .words import listed, plural


def column_indices(name: str, columns, names: Sequence[str]) -> list[int]:
    """Indices of columns given by name or by index."""
    if columns is None:
        return []
    if isinstance(columns, str | Integral):
        columns = [columns]
    columns = list(columns)
    place = {column: j for j, column in enumerate(names)} if any(isinstance(c, str) for c in columns) else {}
    found, count = [], f"X has {plural(len(names), 'column')}."
    for column in columns:
        if isinstance(column, str):
            if column not in place:
                near = get_close_matches(column, list(names), 1)
                hint = f' Did you mean "{near[0]}"?' if near else ""
                raise ArgumentError(f'`{name}`: no column "{column}".{hint} {count}')
            found.append(place[column])
        else:
            found.append(integer_in(name, column, 0, len(names) - 1, count))
    return found


def group_labels(groups) -> list:
    """One label a column, each usable as a name of a group."""
    labels = groups.tolist() if isinstance(groups, np.ndarray) else list(groups)
    for label in labels:
        if not isinstance(label, Hashable) or label != label:
            raise ArgumentError(
                f"`groups` must hold one label a column (a number or a text), got {label!r} as a label."
            )
    return labels


def bounds(lower, upper) -> None:
    if (lower > 0).any() or (upper < 0).any():
        raise ArgumentError(
            "`lower` must be <= 0 and `upper` >= 0: a column that is left out has the coefficient 0. "
            "Hint: use `forced` for a column that must be in."
        )
    if np.isnan(lower).any() or np.isnan(upper).any():
        raise ArgumentError("`lower` and `upper` must not be NaN; use infinities for no limit.")


def length_of(name: str, length: int, n_features: int) -> None:
    if length != n_features:
        raise ArgumentError(f"`{name}` has {length} entries, X has {plural(n_features, 'column')}.")


def forced_and_forbidden(names: Sequence[str]) -> InfeasibleError:
    return InfeasibleError(f"{listed(names)} is both forced and forbidden.")


def too_many_forced(n_forced: int, k: int) -> InfeasibleError:
    return InfeasibleError(f"{plural(n_forced, 'forced column')} do not fit into k = {k}; forced columns count in k.")


def forced_constant(names: Sequence[str]) -> InfeasibleError:
    return InfeasibleError(f"{listed(names)} is forced but constant, so its coefficient is not determined.")
