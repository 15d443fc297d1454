"""The user's table: named columns of numbers or text, with one stated rule for what is missing."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from . import messages

# What counts as a missing value in a text file, after stripping blanks; nothing else does.
MISSING = frozenset({"", "NA", "N/A", "#N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "?", "."})
TRUTH = {"true": 1.0, "false": 0.0}

Kind = Literal["number", "boolean", "text", "other"]


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One named column.

    Parameters
    ----------
    name : str
        Name in the header.
    kind : {"number", "boolean", "text", "other"}
        Numbers and booleans are float64 with NaN for missing, text is str with None for missing; other types (dates,
        lists) are known by name only and refused where they are used.
    values : ndarray of shape (n_rows,)
        The values.
    type : str
        Name of the type in the file, for messages.
    """

    name: str
    kind: Kind
    values: np.ndarray
    type: str = ""

    @property
    def numeric(self) -> bool:
        """Whether the values are float64."""
        return self.kind in ("number", "boolean")

    @property
    def missing(self) -> np.ndarray:
        """Which values are missing."""
        if self.numeric:
            return np.isnan(self.values)
        return np.array([value is None for value in self.values], dtype=bool)

    def levels(self, rows: np.ndarray | slice = slice(None)) -> list:
        """Distinct values present in these rows, sorted."""
        return sorted({value for value in self.values[rows].tolist() if value is not None and value == value})


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Columns of equal length and where they came from.

    Parameters
    ----------
    source : str
        File name, for messages.
    columns : tuple of Column
        In the order of the file.
    lines : ndarray of shape (n_rows,) or None
        Line of the file that each row ends on, in text files.
    notes : tuple of str
        What the reader left out, for the user to know.
    """

    source: str
    columns: tuple[Column, ...]
    lines: np.ndarray | None = None
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """Names of all columns."""
        return [column.name for column in self.columns]

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.columns[0].values)

    def column(self, name: str) -> Column:
        """Find the column of this name, or say which one may have been meant."""
        for column in self.columns:
            if column.name == name:
                return column
        raise messages.no_column(name, self.names, self.source)

    def select(self, names: Sequence[str]) -> "Table":
        """Keep the same rows with these columns only, in this order."""
        return replace(self, columns=tuple(self.column(name) for name in names))

    def place(self, row: int) -> str:
        """Where a row is: ``line 17`` of a text file, ``row 16`` of another."""
        return f"row {row + 1}" if self.lines is None else f"line {self.lines[row]}"


def column_of_text(name: str, cells: Iterable[str], as_text: bool = False) -> Column:
    """Turn the cells of a text file into numbers where all of them are numbers, else into text.

    Parameters
    ----------
    name : str
        Name of the column.
    cells : iterable of str
        Cells as read.
    as_text : bool
        Keep text even where all cells look like numbers, as a column that a model knows as text must be.
    """
    cells = [cell.strip() for cell in cells]
    if not as_text:
        truth = numbers_of(cells, lambda cell: TRUTH[cell.lower()])
        if truth is not None and not np.isnan(truth).all():
            return Column(name, "boolean", truth, "booleans")
        numbers = None if any("_" in cell for cell in cells) else numbers_of(cells, float)
        if numbers is not None:
            return Column(name, "number", numbers, "numbers")
    text = np.array([None if cell in MISSING else cell for cell in cells], dtype=object)
    return Column(name, "text", text, "text")


def numbers_of(cells: list[str], parse: Callable[[str], float]) -> np.ndarray | None:
    """Numbers of all cells, NaN where missing; None if one of them is no number."""
    try:
        return np.array([np.nan if cell in MISSING else parse(cell) for cell in cells], dtype=float)
    except (KeyError, ValueError):
        return None


def is_number(cell: str) -> bool:
    """Whether a cell is a number as CSV files write it; Python's 1_000 is not."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell
