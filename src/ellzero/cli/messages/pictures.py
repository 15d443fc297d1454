# ruff: noqa: D103 - the sentence of each function says what it is
"""Pictures of norms and losses."""

from collections.abc import Sequence

from ..exits import Exit, Stop
from .words import count, meant


def no_picture_file(endings: Sequence[str]) -> Stop:
    return Stop(
        Exit.USAGE, f"-o is needed: a file that ends in {', '.join(endings)}. --json prints the arrays instead."
    )


def needs_loss(flag: str) -> Stop:
    return Stop(Exit.USAGE, f"{flag} says something about a loss: it needs --loss.")


def needs_p(flag: str) -> Stop:
    return Stop(Exit.USAGE, f"{flag} says something about balls: it needs --p.")


def one_slice(number: int) -> Stop:
    return Stop(Exit.USAGE, f"balls are drawn in one slice, got {number}. Several are for --loss without --p.")


def other_count(flag: str, got: int, wanted: int) -> Stop:
    return Stop(Exit.USAGE, f"{flag} takes one number or one for each of {count(wanted, 'ball')}, got {got}.")


def no_axis(name: str, known: Sequence[str]) -> Stop:
    return Stop(
        Exit.USAGE, f'--slice: no axis "{name}"; there are {count(len(known))}: {", ".join(known)}.{meant(name, known)}'
    )


def slice_misses_ball(p: float, radius: float) -> Stop:
    return Stop(
        Exit.USAGE, f"--slice misses the ball: what it holds is more than p = {p:g} allows at radius {radius:g}."
    )


def unknown_loss(text: str) -> Stop:
    return Stop(
        Exit.USAGE,
        f'--loss "{text}" is no loss: write quadratic, quartic, a table such as FILE.csv, or FILE.py:NAME.',
    )


def other_loss_dimension(asked: int, has: int) -> Stop:
    return Stop(Exit.USAGE, f"--dimension {asked} contradicts --loss, which has {count(has, 'variable')}.")


def needs_target(source: str) -> Stop:
    return Stop(Exit.USAGE, f'--target is needed: the column of "{source}" that the loss is about.')
