# ruff: noqa: D103 - the sentence of each function says what it is
"""Columns of the table: their values, roles and levels."""

from collections.abc import Sequence

from ..exits import Exit, Stop
from .words import count, forbid, meant, percent, quoted


def no_column(name: str, known: Sequence[str], source: str) -> Stop:
    return Stop(
        Exit.DATA, f'no column "{name}" in {source}.{meant(name, known)} The file has {count(len(known), "column")}.'
    )


def contradiction(name: str, first: str, second: str) -> Stop:
    return Stop(Exit.USAGE, f'"{name}" is named by {first} and by {second}. It can be only one of them.')


def no_candidates(source: str) -> Stop:
    return Stop(Exit.DATA, f"no column of {source} is left to choose from, besides the target and those left out.")


def unusable_type(name: str, kind: str) -> Stop:
    return Stop(
        Exit.DATA,
        f'"{name}" is neither numbers nor text but {kind}. Turn it into numbers, or leave it out: {forbid([name])}',
    )


def infinite(name: str, number: int, place: str) -> Stop:
    return Stop(
        Exit.DATA,
        f'"{name}" has {count(number, "infinite value")}, first in {place}. '
        "Correct the value, or leave the cell empty to call it missing.",
    )


def missing_values(rows: int, n_rows: int, by_column: dict[str, int], filled: bool) -> Stop:
    """Say which columns miss how many values, and what can be chosen: only candidates can be filled in."""
    if len(by_column) == 1:
        (name,) = by_column
        what = f"{rows} of {count(n_rows, 'row')} miss {name} ({percent(rows / n_rows)})."
    else:
        most = sorted(by_column.items(), key=lambda item: -item[1])
        listed = ", ".join(f"{name} {number}" for name, number in most[:8])
        more = f" and {len(most) - 8} more columns" if len(most) > 8 else ""
        what = f"{rows} of {count(n_rows, 'row')} have missing values ({percent(rows / n_rows)}): {listed}{more}."
    choice = "Choose --missing drop | impute | indicator" if filled else "Choose --missing drop"
    return Stop(Exit.DATA, f"{what} {choice}. Nothing was fitted.")


def missing_target(name: str, rows: int, n_rows: int, role: str, policy: str) -> Stop:
    return Stop(
        Exit.DATA,
        f'{rows} of {count(n_rows, "row")} miss the {role} "{name}", and --missing {policy} fills in candidates only. '
        "Remove these rows, or choose --missing drop.",
    )


def all_missing(name: str) -> Stop:
    return Stop(Exit.DATA, f'"{name}" has no values at all. Leave it out: {forbid([name])}')


def too_few_rows(used: int, n_rows: int, by_column: dict[str, int]) -> Stop:
    """Say how many rows are left, and which columns cost most of them."""
    most = sorted(by_column.items(), key=lambda item: -item[1])[:3]
    cost = f" Most are lost to {', '.join(f'{name} ({number})' for name, number in most)}." if most else ""
    return Stop(Exit.DATA, f"{used} of {count(n_rows, 'row')} can be used; at least 3 are needed.{cost}")


def too_many_levels(name: str, levels: int, rows: int, stray: str) -> Stop:
    return Stop(
        Exit.DATA,
        f'"{name}" has {count(levels, "level")} in {count(rows, "row")}; as dummies it has more terms than is useful. '
        f"{stray}Leave it out with {forbid([name])}, or allow it with --max-levels {levels}.",
    )


def stray_text(cell: str, place: str, number: int) -> str:
    return f"All but {number} of its values are numbers: {cell!r} in {place} is not. "


def taken_name(term: str, column: str) -> Stop:
    return Stop(
        Exit.DATA,
        f'the column "{column}" would get a term named "{term}", and there is one of that name. Rename one of them.',
    )


def constant_forced(name: str) -> Stop:
    return Stop(Exit.DATA, f"--forced {name}: the column has the same value in every row used, so it explains nothing.")


def forced_orphan(name: str) -> Stop:
    return Stop(Exit.INFEASIBLE, f"--forced {name}: by --hierarchy it needs a column that is forbidden or constant.")


def orphaned(names: Sequence[str]) -> str:
    return f"can never be in by --hierarchy, what they need is forbidden or constant: {', '.join(names)}."


def constant_columns(names: Sequence[str]) -> str:
    return f"left out, the same value in every row used: {', '.join(names)}."


def only_constant(source: str) -> Stop:
    return Stop(
        Exit.DATA, f"every candidate column of {source} has the same value in all rows used: nothing to choose from."
    )


def collinear_pairs(pairs: Sequence[tuple[str, str, float]], columns: Sequence[str]) -> Stop:
    """Name the first pair of equal columns, and the flags that resolve all pairs."""
    first, second, correlation = pairs[0]
    more = f" So are {count(len(pairs) - 1, 'more pair')}." if len(pairs) > 1 else ""
    return Stop(
        Exit.DATA,
        f"{first} and {second} are equal up to shift and scale (correlation {correlation:.4f}). "
        f"No data can tell them apart.{more} Leave out: {forbid(columns)}",
    )


def collinear_sum(term: str, others: Sequence[str], columns: Sequence[str]) -> Stop:
    return Stop(
        Exit.DATA,
        f"{term} is an exact combination of {quoted(others)}. No data can tell them apart. "
        f"Leave one of them out, for example: {forbid(columns)}",
    )
