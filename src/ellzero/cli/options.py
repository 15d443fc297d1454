"""Flags that several commands share, and how a percentage or a time is read."""

import csv
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Group, Parameter

STDIN = "<standard input>"  # what "-" becomes before parsing: a lone hyphen is no option

QUESTION = Group("The question", sort_key=1)
SEARCH = Group("The search", sort_key=2)
OUTPUT = Group("What comes out", sort_key=3)

Task = Literal["auto", "linear", "logistic", "poisson", "gamma", "huber", "multinomial", "cox"]
Ties = Literal["breslow", "efron"]

UNITS = {"": 1.0, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def parse_fraction(text: str) -> float:
    """Read ``1%`` or ``0.01`` as 0.01.

    Examples
    --------
    >>> parse_fraction("1%"), parse_fraction("0.01"), parse_fraction("0.5 %")
    (0.01, 0.01, 0.005)
    """
    number = text.strip()
    percent = number.endswith("%")
    try:
        value = float(number.removesuffix("%")) / (100 if percent else 1)
    except ValueError:
        value = float("nan")
    if not 0 <= value < float("inf"):
        raise ValueError(f'"{text}" is not a fraction: write 1% or 0.01.')
    return value


def parse_whole(text: str) -> int:
    """Read a whole number, and nothing that would have to be rounded to one.

    Examples
    --------
    >>> parse_whole("6"), parse_whole("1_000")
    (6, 1000)
    """
    try:
        return int(text)
    except ValueError:
        raise ValueError(f'"{text}" is not a whole number.') from None


def parse_seconds(text: str) -> float:
    """Read ``90``, ``90s``, ``2m`` or ``1h`` as seconds.

    Examples
    --------
    >>> parse_seconds("90"), parse_seconds("2m"), parse_seconds("1.5 h")
    (90.0, 120.0, 5400.0)
    """
    match = re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*([a-z]*)\s*", text.lower())
    if match is None or match[2] not in UNITS or float(match[1]) == 0:
        raise ValueError(f'"{text}" is not a time: write 60, 60s, 2m or 1h.')
    return float(match[1]) * UNITS[match[2]]


def parse_columns(text: str) -> tuple[str, ...]:
    """Read ``a,b,c`` as column names; names that have a comma themselves stand in quotes, as in a CSV file.

    Examples
    --------
    >>> parse_columns("age, rooms"), parse_columns('age,"rooms, small"')
    (('age', 'rooms'), ('age', 'rooms, small'))
    """
    names = tuple(name for row in csv.reader([text], skipinitialspace=True) for name in map(str.strip, row) if name)
    if len(set(names)) < 2:
        raise ValueError(f'"{text}" names fewer than two columns: write a,b,c.')
    return names


def parse_shape(text: str) -> tuple[int, ...]:
    """Read ``2x1x28x28`` as a shape.

    Examples
    --------
    >>> parse_shape("2x1x28x28"), parse_shape("5,7")
    ((2, 1, 28, 28), (5, 7))
    """
    if re.fullmatch(r"\s*[1-9]\d*(\s*[x,]\s*[1-9]\d*)*\s*", text) is None:
        raise ValueError(f'"{text}" is not a shape: write 2x1x28x28.')
    return tuple(int(size) for size in re.split("[x,]", text))


def parse_share_of(text: str) -> tuple[str, float]:
    """Read ``head=50%`` as a name and a share.

    Examples
    --------
    >>> parse_share_of("head=50%")
    ('head', 0.5)
    """
    name, sign, share = text.rpartition("=")
    if not sign or not name.strip():
        raise ValueError(f'"{text}" is no share of anything: write head=50%.')
    return name.strip(), parse_fraction(share)


def parse_held(text: str) -> dict[str, float]:
    """Read ``x3=0,x4=.2`` as values of axes.

    Examples
    --------
    >>> parse_held("x3=0, x4=.2")
    {'x3': 0.0, 'x4': 0.2}
    """
    held = {}
    for item in text.split(","):
        name, sign, value = item.rpartition("=")
        try:
            held[name.strip()] = float(value)
        except ValueError:
            sign = ""
        if not sign or not name.strip():
            raise ValueError(f'"{text}" holds no axis: write x3=0 or x3=0,x4=.2.')
    return held


def parse_limits(text: str) -> tuple[float, float]:
    """Read ``-1,2`` as two numbers, the smaller first.

    Examples
    --------
    >>> parse_limits("-1,2.5")
    (-1.0, 2.5)
    """
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        low = high = float("nan")
    if not float("-inf") < low < high < float("inf"):
        raise ValueError(f'"{text}" are no limits: write LOW,HIGH such as -1,2.')
    return low, high


def converter(parse: Callable[[str], Any]) -> Callable[[Any, Sequence[Any]], Any]:
    """Dress a parser of text as cyclopts wants it."""
    return lambda _type, tokens: parse(tokens[0].value)


def each(parse: Callable[[str], Any]) -> Callable[[Any, Sequence[Any]], Any]:
    """The same for a flag that can be repeated."""
    return lambda _type, tokens: [parse(token.value) for token in tokens]


def flag(metavar: str = "", show: Callable[[Any], str] | bool = False, **more: Any) -> Parameter:
    """Describe a flag of one value: what the help calls it, and how it shows the default."""
    return Parameter(negative=(), show_default=show, **({"metavar": metavar} if metavar else {}), **more)


def show_fraction(value: float) -> str:
    """Write 0.01 as 1%."""
    return f"{100 * value:g}%"


def show_seconds(value: float) -> str:
    """Write 60 as 60s."""
    return f"{value:g}s"


Whole = Annotated[int, flag("N", True, converter=converter(parse_whole), n_tokens=1)]
Fraction = Annotated[float, flag("SHARE", show_fraction, converter=converter(parse_fraction), n_tokens=1)]
Seconds = Annotated[float, flag("TIME", show_seconds, converter=converter(parse_seconds), n_tokens=1)]
Number = Annotated[float, flag("NUMBER")]
Name = Annotated[str, flag("COLUMN")]
Names = Annotated[list[str], flag("COLUMN")]
Sets = Annotated[list[tuple[str, ...]], flag("COLUMNS", converter=each(parse_columns), n_tokens=1)]
File = Annotated[Path | None, flag("FILE")]
Files = Annotated[list[Path], flag("FILE")]
Flag = Annotated[bool, flag()]
Quiet = Annotated[bool, flag(name=["-q", "--quiet"], group=OUTPUT)]
Verbose = Annotated[int, flag(name=["-v", "--verbose"], count=True, group=OUTPUT)]
NoColor = Annotated[bool, flag(name="--no-color", group=OUTPUT)]
