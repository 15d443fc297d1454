"""Parquet and Arrow files, through pyarrow."""

import io
from typing import Any

import numpy as np

from . import messages
from .table import Column, Table


def table_of_arrow(data: bytes, source: str) -> Table:
    """Turn the bytes of a Parquet file, an Arrow (Feather) file or an Arrow stream into a table."""
    try:
        import pyarrow as pa
        import pyarrow.feather
        import pyarrow.parquet
    except ImportError:
        raise messages.needs_pyarrow(source) from None
    try:
        if data.startswith(b"PAR1"):
            frame = pyarrow.parquet.read_table(io.BytesIO(data))
        elif data.startswith(b"ARROW1"):
            frame = pyarrow.feather.read_table(io.BytesIO(data))
        else:
            frame = pa.ipc.open_stream(data).read_all()
    except (pa.ArrowException, OSError) as error:
        raise messages.unreadable(source, str(error).splitlines()[0]) from None
    if frame.num_columns == 0:
        raise messages.empty_file(source)
    return Table(source, tuple(column_of_arrow(name, frame.column(i)) for i, name in enumerate(frame.column_names)))


def column_of_arrow(name: str, values: Any) -> Column:
    """Turn one Arrow column into numbers, booleans or text; nulls, NaN and empty text are missing."""
    import pyarrow as pa

    kind = values.type
    if pa.types.is_dictionary(kind):
        values = values.cast(kind.value_type)
        kind = values.type
    if pa.types.is_boolean(kind):
        return Column(name, "boolean", floats(values.cast(pa.uint8())), "booleans")
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return Column(name, "number", floats(values), "numbers")
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        text = np.empty(len(values), dtype=object)
        text[:] = [value.strip() or None if value else None for value in values.to_pylist()]
        return Column(name, "text", text, "text")
    return Column(name, "other", np.full(len(values), None, dtype=object), str(kind))


def floats(values: Any) -> np.ndarray:
    """Float64 array of an Arrow column of numbers, NaN for null."""
    import pyarrow as pa

    return values.cast(pa.float64(), safe=False).to_numpy().astype(float)
