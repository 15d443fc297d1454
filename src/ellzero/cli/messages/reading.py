# ruff: noqa: D103 - the sentence of each function says what it is
"""Reading a table."""

from collections.abc import Sequence

from ..exits import Exit, Stop
from .words import count


def no_file(path: str) -> Stop:
    return Stop(Exit.DATA, f'no file "{path}". Check the name, or write - to read standard input.')


def unreadable(path: str, reason: str) -> Stop:
    return Stop(Exit.DATA, f'cannot read "{path}": {reason}.')


def empty_file(source: str) -> Stop:
    return Stop(Exit.DATA, f"{source} is empty. A table has a line of column names and one line for each row.")


def no_rows(source: str, n_columns: int) -> Stop:
    return Stop(Exit.DATA, f"{source} has {count(n_columns, 'column')} but no rows.")


def not_text(source: str, line: int) -> Stop:
    return Stop(Exit.DATA, f"{source} is not UTF-8 text (line {line}). Save it as CSV in UTF-8, or as Parquet.")


def no_header(source: str, header: Sequence[str]) -> Stop:
    shown = ", ".join(header[:4])
    return Stop(Exit.DATA, f"the first line of {source} holds numbers, not column names: {shown}. Add a line of names.")


def unnamed_first_column(source: str) -> str:
    return f"the first column of {source} has no name; taken as row names and left out."


def unnamed_column(source: str, position: int) -> Stop:
    return Stop(Exit.DATA, f"column {position} of {source} has no name. Name it or remove it.")


def duplicate_name(source: str, name: str) -> Stop:
    return Stop(Exit.DATA, f'{source} has two columns named "{name}". Rename or remove one.')


def ragged(source: str, line: int, got: int, expected: int, delimiter: str) -> Stop:
    return Stop(
        Exit.DATA,
        f"line {line} of {source} has {count(got, 'field')}, its header {expected}. "
        f"Fields are cut at {delimiter}; one inside a field needs quotes around the field.",
    )


def bad_quotes(source: str, line: int, reason: str) -> Stop:
    return Stop(Exit.DATA, f"the quotes are broken near line {line} of {source} ({reason}).")


def needs_pyarrow(source: str) -> Stop:
    return Stop(Exit.EXTRA, f'{source} is a Parquet or Arrow file. To read it: pip install "ellzero[data]"')
