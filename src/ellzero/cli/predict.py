"""`ellzero predict`: a stored model applied to new rows."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from .options import File, NoColor, Quiet, Verbose


def predict(
    model: Path,
    data: str,
    /,
    *,
    output: Annotated[File, Parameter(name=["--output", "-o"])] = None,
    missing: Literal["error", "blank"] = "error",
    quiet: Quiet = False,
    verbose: Verbose = 0,
    no_color: NoColor = False,
) -> int:
    """Apply a model to new rows.

    Parameters
    ----------
    model
        File written by `ellzero select --model`.
    data
        Table with the columns that the model uses, its offset too, by name and in any order; - reads standard input.
    output
        Write a CSV file instead of printing.
    missing
        What to do with rows that miss a value the model needs and was not told how to fill: blank leaves the prediction
        empty.
    quiet
        No notes.
    verbose
        -vv adds a traceback to errors.
    no_color
        No colours.
    """
    from . import messages
    from . import model as files
    from . import output as writing
    from .console import Console
    from .reading import read_table

    console = Console(quiet, verbose, not no_color)
    if output is not None:
        if output.suffix.lower() != ".csv":
            raise messages.unknown_ending(str(output), [".csv"])
        writing.check_targets([("-o", output), ("MODEL", model)], data)
    fitted = files.load(model)
    table = read_table(data, as_text=fitted.text)
    check_columns(fitted, table)
    blank = check_missing(fitted, table, missing)
    if blank:
        console.note(messages.blank_predictions(blank))
    text = predictions(fitted, table)
    if output is None:
        console.data(text)
    else:
        writing.write_text(output, text)
    return 0


def check_columns(fitted, table) -> None:
    """Every column the model needs is there, of the kind it was fitted on, with levels it has seen."""
    import numpy as np

    from . import messages
    from .table import is_number

    absent = [name for name in fitted.columns if name not in table.names]
    if absent:
        raise messages.model_columns(table.source, absent, table.names)
    for part in fitted.inputs:
        column = table.column(part.column)
        if part.kind != "text" and not column.numeric:
            if column.missing.all() and column.kind == "text":
                continue
            row = next(i for i, cell in enumerate(column.values) if cell is not None and not is_number(cell))
            raise messages.model_kind(part.column, table.source, "numbers", column.values[row], table.place(row))
        if part.kind == "text" and column.kind != "text":
            raise messages.model_kind(part.column, table.source, "text", column.values[0], table.place(0))
        if part.kind != "text" and np.isinf(column.values).any():
            row = int(np.flatnonzero(np.isinf(column.values))[0])
            raise messages.infinite(part.column, int(np.isinf(column.values).sum()), table.place(row))
        if part.kind == "text":
            for row, level in enumerate(column.values):
                if level is not None and level not in part.levels:
                    known = [name for name in part.levels if name is not None]
                    raise messages.unknown_level(part.column, level, table.place(row), known)


def check_missing(fitted, table, policy: str) -> int:
    """Rows that cannot be predicted; refused unless they may stay blank."""
    import numpy as np

    from . import messages

    gaps = {part.column: part.missing(table.column(part.column)) for part in fitted.inputs}
    gaps = {name: mask for name, mask in gaps.items() if mask.any()}
    rows = int(np.logical_or.reduce(list(gaps.values())).sum()) if gaps else 0
    if rows and policy == "error":
        raise messages.missing_in_predict(rows, table.n_rows, {name: int(mask.sum()) for name, mask in gaps.items()})
    return rows


def predictions(fitted, table) -> str:
    """CSV with one line for each row."""
    import numpy as np

    from ..result import Table

    mean = fitted.mean(table)
    if fitted.task == "multinomial":
        return classes(fitted, mean)
    known = ~np.isnan(mean)
    if fitted.task != "logistic":
        title = "relative_hazard" if fitted.task == "cox" else "prediction"
        return Table([title], [[float(m) if ok else None] for m, ok in zip(mean, known, strict=True)]).to_csv()
    rows = [[float(m), fitted.levels[int(m > 0.5)]] if ok else [None, None] for m, ok in zip(mean, known, strict=True)]
    return Table(["probability", "label"], [[p, level(name)] for p, name in rows]).to_csv()


def classes(fitted, mean) -> str:
    """CSV with the probability of each class and the likeliest of them, the first in a tie."""
    import numpy as np

    from ..result import Table

    rows = []
    for row in mean:
        known = not np.isnan(row).any()
        rows.append([*row.tolist(), level(fitted.levels[int(row.argmax())])] if known else [None] * (len(row) + 1))
    return Table([*(f"probability_{level(name)}" for name in fitted.levels), "label"], rows).to_csv()


def level(value: object) -> object:
    """A level as in the file: 1, not 1.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
