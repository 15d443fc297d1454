# ruff: noqa: D103 - the sentence of each function says what it is
"""Files of models and certificates, and files to be written."""

from collections.abc import Sequence

from ..exits import Exit, Stop
from .words import count, meant, quoted


def not_a_model(path: str, reason: str) -> Stop:
    return Stop(Exit.DATA, f'"{path}" is not a model file of `ellzero select --model`: {reason}.')


def model_columns(source: str, absent: Sequence[str], known: Sequence[str]) -> Stop:
    hint = meant(absent[0], known) if len(absent) == 1 else ""
    noun = "the column" if len(absent) == 1 else "the columns"
    return Stop(Exit.DATA, f"the model uses {noun} {quoted(absent)}, not in {source}.{hint}")


def model_kind(name: str, source: str, needed: str, example: str, place: str) -> Stop:
    return Stop(Exit.DATA, f'the model knows "{name}" as {needed}; {source} has {example!r} in {place}.')


def unknown_level(name: str, level: str, place: str, known: Sequence[str]) -> Stop:
    return Stop(
        Exit.DATA,
        f'"{name}" is {level!r} in {place}, which the model has not seen.{meant(level, known)} '
        f"It knows {quoted(known, 8)}.",
    )


def missing_in_predict(rows: int, n_rows: int, by_column: dict[str, int]) -> Stop:
    listed = ", ".join(f"{name} {number}" for name, number in by_column.items())
    return Stop(
        Exit.DATA,
        f"{rows} of {count(n_rows, 'row')} miss a value that the model needs: {listed}. "
        "Fill them in, or choose --missing blank for empty predictions.",
    )


def blank_predictions(rows: int) -> str:
    return f"empty prediction, a value is missing: {count(rows, 'row')}."


def no_recipe(path: str) -> Stop:
    return Stop(
        Exit.REFUSED,
        f'"{path}" does not say how its data were coded, so a table cannot be checked against it. '
        "Only certificates of `ellzero select --certificate` do; others are checked with Certificate.verify(X, y).",
    )


def no_certificate_file(path: str) -> Stop:
    return Stop(Exit.DATA, f'no certificate "{path}". `ellzero select ... --certificate FILE` writes one.')


def other_data(source: str, reason: str) -> Stop:
    return Stop(Exit.REFUSED, f"refused: {source} is not the table that was certified. {reason}")


def broken_recipe(path: str, reason: str) -> Stop:
    return Stop(Exit.REFUSED, f'refused: "{path}" does not say properly how its data were coded ({reason}).')


def contradicts_itself(path: str, difference: str) -> Stop:
    return Stop(
        Exit.REFUSED, f'refused: the proof in "{path}" does not answer the question that the file states: {difference}.'
    )


def no_certificate(status: str) -> str:
    return f"no certificate was written: the search proved nothing ({status})."


def nothing_to_certify(task: str) -> str:
    return f"no certificate was written: for --task {task} nothing can be proven."


def unknown_ending(path: str, endings: Sequence[str]) -> Stop:
    return Stop(Exit.USAGE, f'the format of "{path}" is told by its ending, one of {", ".join(endings)}.')


def cannot_write(path: str, reason: str) -> Stop:
    return Stop(Exit.OUTPUT, f'cannot write "{path}": {reason}. Nothing was written there.')


def same_file_twice(path: str) -> Stop:
    return Stop(Exit.USAGE, f'"{path}" is named for two outputs, or is the data itself.')


def stdout_is_for_json(flag: str) -> Stop:
    return Stop(Exit.USAGE, f"{flag} - is not a file. For data on standard output use --json.")
