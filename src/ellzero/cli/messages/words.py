"""Small words that sentences are made of."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


def count(number: int, noun: str = "", plural: str = "") -> str:
    """Write a number with thin groups and its noun: ``1 460 rows``.

    Examples
    --------
    >>> count(1460, "row"), count(1, "row")
    ('1 460 rows', '1 row')
    """
    digits = f"{number:_}".replace("_", " ")
    return f"{digits} {noun if number == 1 else plural or noun + 's'}" if noun else digits


def quoted(names: Iterable[str], most: int = 5, last: str = "and") -> str:
    """Write names as ``"a", "b" and "c"``, with the number of those left out."""
    return listed((f'"{name}"' for name in names), most, last)


def listed(names: Iterable[str], most: int, last: str) -> str:
    """Write names as ``a, b and c``, with the number of those left out."""
    names = list(names)
    if len(names) > most:
        names = [*names[:most], f"{count(len(names) - most)} more"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}"


def meant(name: str, known: Sequence[str]) -> str:
    """Suggest the known name that is most like the one typed."""
    lowered = {other.lower(): other for other in reversed(known)}
    close = get_close_matches(name.lower(), lowered, n=1, cutoff=0.65)
    return f' Did you mean "{lowered[close[0]]}"?' if close else ""


def percent(fraction: float) -> str:
    """Write a fraction as ``2.5 %``."""
    return f"{100 * fraction:.3g} %"


def forbid(names: Iterable[str]) -> str:
    """Flags that leave these columns out."""
    return " ".join(f'--forbidden "{name}"' if " " in name else f"--forbidden {name}" for name in names)
