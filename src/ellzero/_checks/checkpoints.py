"""Searches that are saved to a file."""

import os
from collections.abc import Sequence
from pathlib import Path

from ..errors import ArgumentError, OutputError
from .words import listed

NOT_SAVED = (
    "only a search for squared error without groups can be saved to a checkpoint. "
    "Hint: leave `checkpoint` out, and give the time that the search needs."
)
NOT_SAVED_CLOSE = (
    "the fit is so close that the general search has to prove it, which cannot be saved to a checkpoint. "
    "Hint: leave `checkpoint` out."
)


def file_name(name: str, value) -> Path:
    if not isinstance(value, str | os.PathLike) or not str(value):
        raise ArgumentError(f"`{name}` must be the name of a file, got {value!r}.")
    return Path(value)


def no_folder(path) -> OutputError:
    return OutputError(f"cannot write {path}: its folder does not exist. Hint: make it first; nothing was searched.")


def not_saved(path, reason: str) -> str:
    return f"the search goes on, but cannot be saved to {path}: {reason}. What was saved there before is as it was."


def no_checkpoint(path, reason: str) -> ArgumentError:
    return ArgumentError(
        f"`checkpoint`: {path} is damaged, or no checkpoint at all ({reason}); it was left as it is. "
        "Hint: remove it to begin anew, or name another file."
    )


def other_checkpoint(path, got, wanted: str) -> ArgumentError:
    return ArgumentError(
        f"`checkpoint`: {path} has the format {got!r}, this version reads {wanted!r}; it was left as it is. "
        "Hint: remove it to begin anew, or name another file."
    )


def another_question(path, differences: Sequence[str]) -> ArgumentError:
    return ArgumentError(
        f"`checkpoint`: {path} belongs to another question, these differ: {listed(differences)}. It was left as it is. "
        "Hint: ask the same question of the same data, or name another file."
    )


def smaller_gap(path, there: float, here: float) -> ArgumentError:
    return ArgumentError(
        f"`checkpoint`: {path} was searched to a gap of {there:g}, and what was closed there is not proved to "
        f"{here:g}. Hint: gap={there:g} or more, or another file."
    )
