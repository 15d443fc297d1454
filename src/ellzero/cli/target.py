"""What the target column asks for: a number, one of two values, or a count."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from . import messages
from .exits import Stop
from .table import Column, Table, is_number

Task = Literal["linear", "logistic", "poisson"]
LOSS = {"linear": "squared", "logistic": "logistic", "poisson": "poisson"}


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """The coded target.

    Parameters
    ----------
    name : str
        Column of the table.
    task : {"linear", "logistic", "poisson"}
        What is fitted.
    y : ndarray of shape (n_rows,)
        Coded values, NaN where missing.
    levels : tuple or None
        For logistic, what is coded 0 and what is coded 1.
    """

    name: str
    task: Task
    y: np.ndarray
    levels: tuple | None = None

    @property
    def loss(self) -> str:
        """Name of the loss in the library."""
        return LOSS[self.task]

    def describe(self, asked: str) -> str:
        """Say what is fitted, which value counts as 1, and whether the data decided."""
        chosen = ", chosen because the target has two values" if asked == "auto" and self.levels else ""
        if self.levels:
            no, yes = (show(level) for level in self.levels)
            return f"logistic: probability that {self.name} is {yes} and not {no}{chosen}"
        return f"{self.task}: {'expected count of' if self.task == 'poisson' else 'mean of'} {self.name}"


def show(level: object) -> str:
    """Write a level as in the file: text in quotes, numbers bare."""
    return f'"{level}"' if isinstance(level, str) else f"{level:g}"


def code_target(table: Table, name: str, task: str) -> Target:
    """Code the target for a task; ``auto`` is logistic for a column with two values, else linear.

    Parameters
    ----------
    table : Table
        The user's table.
    name : str
        The target's column.
    task : {"auto", "linear", "logistic", "poisson"}
        What was asked for.

    Returns
    -------
    Target
        Values of all rows, the missing ones NaN. Of two values the later one in sorted order is 1.
    """
    column = table.column(name)
    if column.kind == "other":
        raise messages.unusable_type(name, column.type)
    levels = column.levels()
    if len(levels) == 0:
        raise messages.all_missing(name)
    if len(levels) == 1:
        raise messages.constant_target(name, show(levels[0]))
    if task == "logistic" or (task == "auto" and len(levels) == 2):
        return two_valued(column, levels)
    if not column.numeric:
        raise not_numeric(table, column, levels, task)
    if task == "poisson":
        check_counts(table, column)
        return Target(name, "poisson", column.values)
    return Target(name, "linear", column.values)


def two_valued(column: Column, levels: list) -> Target:
    """Code the smaller value 0 and the larger 1."""
    if len(levels) != 2:
        raise messages.not_two_valued(column.name, len(levels))
    y = (column.values == levels[1]).astype(float)
    y[column.missing] = np.nan
    return Target(column.name, "logistic", y, tuple(levels))


def not_numeric(table: Table, column: Column, levels: list, task: str) -> Stop:
    """Name the first value that is no number, where most are."""
    stray = strays(table, column)
    if task == "auto":
        return messages.many_level_target(column.name, len(levels), stray)
    return messages.text_target(column.name, task, len(levels), stray)


def strays(table: Table, column: Column) -> str:
    """Where most values of a text column are numbers, point at the first that is not."""
    present = np.flatnonzero(~column.missing).tolist()
    odd = [row for row in present if not is_number(column.values[row])]
    if not odd or len(odd) > len(present) / 2:
        return ""
    return messages.stray_text(column.values[odd[0]], table.place(odd[0]), len(odd))


def check_counts(table: Table, column: Column) -> None:
    """Counts are not negative."""
    negative = np.flatnonzero(column.values < 0).tolist()
    if negative:
        raise messages.negative_count(column.name, float(column.values[negative[0]]), table.place(negative[0]))
