# ruff: noqa: D103 - the sentence of each function says what it is
"""Words that `explain` does not know."""

from collections.abc import Sequence

from ..exits import Exit, Stop
from .words import meant


def no_term(term: str, known: Sequence[str]) -> Stop:
    return Stop(Exit.USAGE, f'no entry "{term}".{meant(term, known)} `ellzero explain` lists all of them.')
