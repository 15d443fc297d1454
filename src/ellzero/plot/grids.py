"""Rows of axes for small multiples."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, ParamSpec

import numpy as np

from .. import _checks as checks
from .style import house_rules, needs_matplotlib, new_axes

P = ParamSpec("P")


def in_house_style(draw: Callable[P, Any]) -> Callable[P, Any]:
    """Have a picture drawn with the house's settings where it makes its own figure, and with the user's where not.

    Examples
    --------
    >>> in_house_style(lambda ax=None: ax)("axes of the user's")
    "axes of the user's"
    """
    signature = inspect.signature(draw)

    @wraps(draw)
    def drawn(*args: P.args, **options: P.kwargs) -> Any:
        needs_matplotlib("a picture")
        if signature.bind(*args, **options).arguments.get("ax") is not None:
            return draw(*args, **options)
        with house_rules():
            return draw(*args, **options)

    return drawn


def axes_for(
    ax, count: int, three: bool = False, panel: tuple[float, float] = (3.0, 3.2), across: int = 4
) -> np.ndarray:
    """As many axes as there are panels: those given, or a new figure's.

    Parameters
    ----------
    ax : matplotlib axes, sequence of them, or None
        Given back as they are.
    count : int
        Number of panels.
    three : bool, default=False
        Whether axes in three dimensions are wanted.
    panel : tuple of float, default=(3.0, 3.2)
        Width and height of one panel of a new figure, in inches.
    across : int, default=4
        Most panels in a row of a new figure.

    Returns
    -------
    ndarray of shape (count,)

    Raises
    ------
    ArgumentError
        Too few or too many axes were given, or of another projection.
    MissingExtraError
        matplotlib is not installed.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes_for(Figure().subplots(1, 2), 2).shape
    (2,)
    """
    needs_matplotlib("a picture")
    out = np.empty(count, object)
    if ax is not None:
        given = given_axes(ax)
        if len(given) != count:
            raise checks.number_of_axes(count, len(given))
        out[:] = [new_axes(one, three) for one in given]
        return out
    from matplotlib import pyplot

    rows = math.ceil(count / across)
    columns = math.ceil(count / rows)
    with house_rules():
        # compressed: beside axes of equal scales the usual layout forgets titles and labels
        figure = pyplot.figure(figsize=(panel[0] * columns, panel[1] * rows), layout="compressed")
        projection = "3d" if three else None
        out[:] = [figure.add_subplot(rows, columns, i + 1, projection=projection) for i in range(count)]
    return out


def given_axes(ax) -> list[Any]:
    """One or several axes as a flat list."""
    if isinstance(ax, np.ndarray):
        return list(ax.ravel())
    return list(ax) if isinstance(ax, Sequence) and not isinstance(ax, str) else [ax]


def one_or_all(axes: np.ndarray, several: bool) -> Any:
    """The axes of a single panel by themselves, those of several as an array."""
    return axes if several else axes[0]
