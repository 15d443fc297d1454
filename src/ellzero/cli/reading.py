"""Reading CSV, TSV, Parquet and Arrow files and standard input into a `Table`."""

import csv
import gzip
import io
import sys
import zlib
from collections.abc import Collection
from pathlib import Path

import numpy as np

from . import messages
from .options import STDIN
from .table import Table, column_of_text, is_number

PARQUET, ARROW, GZIP = b"PAR1", b"ARROW1", b"\x1f\x8b"
STREAM = b"\xff\xff\xff\xff"  # an Arrow IPC stream begins with this continuation mark
DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab"}
FIELD_LIMIT = 1 << 20  # characters in one cell: beyond it a quote was never closed


def read_table(path: str, as_text: Collection[str] = ()) -> Table:
    """Read a table, telling the format from the first bytes and the delimiter from the header.

    Parameters
    ----------
    path : str
        File, or `STDIN`.
    as_text : collection of str
        Columns to keep as text even where every value looks like a number.

    Returns
    -------
    Table
        At least one column and one row.
    """
    source = "standard input" if path == STDIN else Path(path).name
    data = read_bytes(path)
    if data.startswith(GZIP):
        data = unpack(data, path)
    if not data.strip():
        raise messages.empty_file(source)
    if data.startswith((PARQUET, ARROW, STREAM)):
        from .arrow import table_of_arrow

        table = table_of_arrow(data, source)
    else:
        table = table_of_csv(decode(data, source), source, as_text)
    check_names(table)
    if table.n_rows == 0:
        raise messages.no_rows(source, len(table.columns))
    return table


def read_bytes(path: str) -> bytes:
    """Read everything in the file or on standard input."""
    if path == STDIN:
        return sys.stdin.buffer.read()
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise messages.no_file(path) from None
    except OSError as error:
        raise messages.unreadable(path, error.strerror or str(error)) from None


def unpack(data: bytes, path: str) -> bytes:
    """Decompress a gzip file."""
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise messages.unreadable(path, str(error)) from None


def decode(data: bytes, source: str) -> str:
    """Text of the file; a byte order mark is dropped."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise messages.not_text(source, data.count(b"\n", 0, error.start) + 1) from None
    if "\0" in text:
        raise messages.not_text(source, text.count("\n", 0, text.index("\0")) + 1)
    return text


def table_of_csv(text: str, source: str, as_text: Collection[str]) -> Table:
    """Parse delimited text with a header line; every row must have as many fields as the header."""
    delimiter = delimiter_of(text, source)
    header, rows, lines = read_rows(text, source, delimiter)
    counted = [[str(j + first) for j in range(len(header))] for first in (0, 1)]  # numbers as names: 0, 1, 2, ...
    if all(is_number(name) for name in header) and header not in counted:
        raise messages.no_header(source, header)
    notes = []
    first = 0
    if not header[0] and len(header) > 1:  # row names, as R and pandas write them
        first = 1
        notes.append(messages.unnamed_first_column(source))
    columns = zip(*rows, strict=True) if rows else [()] * len(header)
    named = list(zip(header, columns, strict=True))[first:]
    return Table(
        source,
        tuple(column_of_text(name, cells, name in as_text) for name, cells in named),
        np.array(lines),
        tuple(notes),
    )


def delimiter_of(text: str, source: str) -> str:
    """Delimiter that cuts the header into most fields; in a tie the comma, in .tsv files the tab."""
    header = text.lstrip("\r\n").splitlines()[0]
    if source.lower().removesuffix(".gz").endswith((".tsv", ".tab")) and "\t" in header:
        return "\t"
    return max(DELIMITERS, key=lambda mark: len(next(csv.reader([header], delimiter=mark, skipinitialspace=True))))


def read_rows(text: str, source: str, delimiter: str) -> tuple[list[str], list[list[str]], list[int]]:
    """Header, rows and the line each row ends on; blank lines are skipped."""
    csv.field_size_limit(FIELD_LIMIT)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    header: list[str] = []
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        for row in reader:
            if not row:
                continue
            if not header:
                header = [name.strip() for name in row]
            elif len(row) != len(header):
                raise messages.ragged(source, reader.line_num, len(row), len(header), DELIMITERS[delimiter])
            else:
                rows.append(row)
                lines.append(reader.line_num)
    except csv.Error as error:
        raise messages.bad_quotes(source, lines[-1] + 1 if lines else 1, str(error)) from None
    return header, rows, lines


def check_names(table: Table) -> None:
    """Every column needs a name of its own."""
    seen: set[str] = set()
    for position, name in enumerate(table.names, start=1):
        if not name:
            raise messages.unnamed_column(table.source, position)
        if name in seen:
            raise messages.duplicate_name(table.source, name)
        seen.add(name)
