"""Tables read without pandas, and the numeric design made of them."""

import csv
import gzip
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from ._messages import needs

MISSING = ("", "NA", "NaN")

Table = dict[str, np.ndarray]


def read_table(path: Path) -> Table:
    """Columns of a CSV (also .gz) or Parquet file: numbers with NaN for missing ones, or text with None."""
    if path.suffix == ".parquet":
        columns = needs("pyarrow.parquet", f"reading {path.name}").read_table(path).to_pydict()
        return {name: np.array(values) for name, values in columns.items()}
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as lines:
        header, *rows = csv.reader(lines)
    return {name: column(cells) for name, cells in zip(header, zip(*rows, strict=True), strict=True)}


def column(cells: Iterable[str]) -> np.ndarray:
    """Cells as float64 with NaN for what is missing, or as text with None for it."""
    known = [None if cell in MISSING else cell for cell in cells]
    try:
        return np.array([np.nan if cell is None else float(cell) for cell in known])
    except ValueError:
        return np.array(known, dtype=object)


def design(table: Mapping[str, np.ndarray], columns: Iterable[str], categorical: Iterable[str] = ()):
    """The numeric design (n_samples, n_features) in Fortran order, and the names of its columns.

    Numeric columns come first, in the order of the table; then 0/1 columns for the levels of each text column, the
    first level in sorted order left out. `categorical` names numeric columns that are codes and get such columns too.
    A missing level is NaN in all columns of its factor.
    """
    columns, categorical = list(columns), set(categorical)
    factors = [name for name in columns if name in categorical or table[name].dtype.kind not in "fiu"]
    parts = {name: table[name] for name in columns if name not in factors}
    for name in factors:
        parts.update(dummies(name, table[name]))
    return np.array(list(parts.values()), dtype=float).T, list(parts)


def dummies(name: str, values: np.ndarray) -> Table:
    """0/1 columns of all levels but the first: "League_N" for text, "race2" for codes."""
    code = values.dtype.kind in "fiu"
    missing = np.isnan(values) if code else np.array([value is None for value in values])
    _, *levels = sorted(set(values[~missing].tolist()))
    label = (lambda level: f"{name}{level:g}") if code else (lambda level: f"{name}_{level}")
    return {label(level): np.where(missing, np.nan, values == level) for level in levels}
