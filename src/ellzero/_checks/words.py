"""Small words that messages are made of."""

from collections.abc import Iterable

SHOWN = 5  # names listed before "and N more"


def plural(n, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def listed(names: Iterable) -> str:
    names = [str(name) for name in names]
    tail = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + tail
