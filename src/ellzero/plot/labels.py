"""Names beside lines and ticks, so that none lies on another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .style import GREY, INK, look

NAMED = 12
"""Lines that get a name and a look of their own; the others are grey."""
LETTERS = 22
"""Letters of a name that are shown."""
LETTER = 5.0
"""Points that a letter takes along its line."""
LEADING = 1.3
"""Height of a line of text, in font sizes."""


def short(names: Sequence[str], most: int = LETTERS) -> list[str]:
    """Names of at most so many letters, of which no two are alike.

    A long one loses its middle; where names become alike by that, they show the place where they begin to differ. Names
    that differ nowhere in sight are numbered in brackets.

    Examples
    --------
    >>> short(["age", "a_very_long_name_of_a_column_1", "a_very_long_name_of_a_column_2"], 12)
    ['age', 'a_ver…lumn_1', 'a_ver…lumn_2']
    >>> short(["first_of_many_here", "first_x_of_many_here"], 9)
    ['fir…of_m…', 'fir…x_of…']
    """
    names = [str(name) for name in names]
    cut = [_without_middle(name, most) for name in names]
    alike: dict[str, list[int]] = {}
    for at, label in enumerate(cut):
        alike.setdefault(label, []).append(at)
    for places in alike.values():
        letters = zip(*(names[at] for at in places), strict=False)
        differ = next((i for i, several in enumerate(letters) if len(set(several)) > 1), None)
        for at in places:
            if differ is not None and len(names[at]) > most:
                cut[at] = f"{names[at][: most - most // 2 - 2]}…{names[at][differ : differ + most // 2]}…"
    return numbered(cut)


def _without_middle(name: str, most: int) -> str:
    head = (most - 1) // 2
    return name if len(name) <= most else f"{name[:head]}…{name[head + 1 - most :]}"


def plain(text: str) -> str:
    """Text that matplotlib does not read as mathematics."""
    return text.replace("$", r"\$")


def numbered(labels: Sequence[str]) -> list[str]:
    """Labels of which no two are alike.

    Examples
    --------
    >>> numbered(["L1", "L1", "L0", "L1"])
    ['L1', 'L1 (2)', 'L0', 'L1 (3)']
    """
    out: list[str] = []
    for label in labels:
        new, copies = label, 1
        while new in out:
            copies += 1
            new = f"{label} ({copies})"
        out.append(new)
    return out


def labelled(things: Any, kinds: tuple[type, ...], name: Callable[[Any], str]) -> dict[str, Any]:
    """One thing, several, or a mapping of labels to them, as a mapping that holds them all.

    Parameters
    ----------
    things : one of the kinds, iterable of them, or mapping of labels to them
    kinds : tuple of type
        What one thing is.
    name : callable
        Label of a thing that comes without one; equal ones are numbered.

    Examples
    --------
    >>> labelled([0.37, 1.9, 0.4], (float,), lambda x: f"{x:.0f}")
    {'0': 0.37, '2': 1.9, '0 (2)': 0.4}
    """
    if isinstance(things, Mapping):
        return dict(zip(numbered([str(label) for label in things]), things.values(), strict=True))
    several = [things] if isinstance(things, kinds) else list(things)
    return dict(zip(numbered([name(thing) for thing in several]), several, strict=True))


def spread(wanted: Sequence[float] | np.ndarray, apart: float, low: float, high: float) -> np.ndarray:
    """Positions near the wanted ones, in their order, at least so far apart, within limits as far as there is room.

    The least sum of squared moves: where neighbours would overlap, they share a block whose mean stays.

    Examples
    --------
    >>> spread([0.5, 0.5, 0.9], 0.2, 0.0, 1.0).round(3)
    array([0.4, 0.6, 0.9])
    """
    ends = np.asarray(wanted, float)
    if ends.size == 0:
        return ends
    apart = min(apart, (high - low) / max(ends.size - 1, 1))
    order = np.argsort(ends, kind="stable")
    free = ends[order] - apart * np.arange(ends.size)  # what is left is to be monotone: pool what is not
    blocks: list[list[float]] = []  # mean and size
    for value in free:
        blocks.append([value, 1.0])
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            (a, m), (b, n) = blocks[-2:]
            blocks[-2:] = [[(a * m + b * n) / (m + n), m + n]]
    placed = np.concatenate([np.full(int(n), mean) for mean, n in blocks])
    placed = np.clip(placed, low, high - apart * (ends.size - 1)) + apart * np.arange(ends.size)
    positions = np.empty_like(ends)
    positions[order] = placed
    return positions


def height_in_points(ax: Any) -> float:
    """Height of axes in points; where a layout may still take some of it, what is likely left."""
    left = 1.0 if ax.figure.get_layout_engine() is None else 0.85
    return left * ax.get_window_extent().height * 72.0 / ax.figure.dpi


def letters(ax: Any, across: bool) -> int:
    """Letters of a name beside axes that were given: with names below or beside, most of the room is the picture's."""
    box = ax.get_window_extent()
    room = (box.height if across else box.width) * 72.0 / ax.figure.dpi
    return int(np.clip(0.3 * room / LETTER, 8, LETTERS))


def every(count: int, room: float, each: float) -> int:
    """Stride at which so many labels fit into a room, each taking so much.

    Examples
    --------
    >>> every(20, 100.0, 10.0)
    2
    """
    return max(1, int(np.ceil(count * each / max(room, 1e-9))))


def name_at_the_end(ax: Any, x: float, ends: np.ndarray, names: Sequence[str], colours: Sequence[Any]) -> None:
    """Write names to the right of where lines end, apart from each other, with a thin lead to each line.

    The limits of the y axis must be settled before.
    """
    size = 8.5
    low, high = ax.get_ylim()
    at = (ends - low) / (high - low)
    apart = LEADING * size / height_in_points(ax)
    for end, place, name, colour in zip(ends, spread(at, apart, 0.0, 1.0), names, colours, strict=True):
        ax.annotate(
            plain(name),
            xy=(x, end),
            xycoords="data",
            xytext=(1.04, place),
            textcoords="axes fraction",
            ha="left",
            va="center",
            fontsize=size,
            color=INK,
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": colour,
                "linewidth": 0.8,
                "shrinkA": 1,
                "shrinkB": 1,
                "relpos": (0, 0.5),
            },
        )


def looks(weight: np.ndarray, at_once: int = NAMED) -> list[dict[str, Any] | None]:
    """A look for each of the lines with the largest weights, in the order of the lines; None for one in grey."""
    order = np.argsort(-weight, kind="stable")[:at_once]
    chosen = sorted(int(j) for j in order if weight[j] > 0)
    styles: list[dict[str, Any] | None] = [None] * weight.size
    for i, j in enumerate(chosen):
        styles[j] = look(i)
    return styles


def while_in(values: np.ndarray) -> np.ndarray:
    """A coefficient where it is not zero, and one step before and after; NaN elsewhere, so that no line lies on zero.

    Examples
    --------
    >>> while_in(np.array([0.0, 0.0, 1.9, 0.0, 0.0]))
    array([nan, 0. , 1.9, 0. , nan])
    """
    inside = values != 0
    near = inside.copy()
    near[1:] |= inside[:-1]
    near[:-1] |= inside[1:]
    return np.where(near, values, np.nan)


BEHIND: dict[str, Any] = {"color": GREY, "linewidth": 0.7, "zorder": 1.5}
"""Lines without a name."""


def draw_lines(ax: Any, x, values: np.ndarray, names: Sequence[str], most: int, marked: bool) -> None:
    """One line a column of coefficients, named at the last x; the largest stand out, the others are grey.

    Parameters
    ----------
    ax : matplotlib axes
    x : ndarray of shape (n,)
    values : ndarray of shape (n, n_lines)
    names : sequence of str
    most : int
        Lines that are named.
    marked : bool
        Whether each point gets a marker; else some do, so that a line is known in grey.
    """
    styles = looks(np.abs(values).max(axis=0, initial=0.0), most)
    labels = short(names)
    step = max(1, len(x) // 8)
    for j, style in enumerate(styles):
        if style is None:
            ax.plot(x, while_in(values[:, j]), label=f"_{names[j]}", **BEHIND)
            continue
        at = np.flatnonzero(values[:, j])  # zeros are no coefficients: they get no marker
        if not marked:
            at = at[(at + j) % step == 0]  # those of neighbours do not meet
        ax.plot(x, while_in(values[:, j]), label=plain(labels[j]), markevery=at.tolist(), **style)
    named = [j for j, style in enumerate(styles) if style is not None]
    ax.margins(y=0.06)
    ax.autoscale_view()
    ax.set_ylim(ax.get_ylim())
    if named:
        colours = [ax.lines[len(ax.lines) - len(styles) + j].get_color() for j in named]
        name_at_the_end(ax, x[-1], values[-1, named], [labels[j] for j in named], colours)
