"""What all pictures share: colours that the colour-blind tell apart, lines that read in grey, axes to draw on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .. import _checks as checks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe & Ito (2008), "Color universal design"; the yellow comes last, because it is faint as a line on white.
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
GREY = "#9A9A9A"
"""What stands back: lines without a name of their own."""
INK = "#222222"
"""Marks that belong to no category: choices, bars of errors, frames."""
FIELD_MAP = "cividis"
"""Colours of a field: even steps of lightness for all eyes, and in grey."""
LINE_STYLES = ("-", "--", "-.", ":", (0, (7, 2)), (0, (3, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (9, 2, 2, 2)))
MARKERS = ("o", "s", "^", "D", "v", "X", "P", "*")
SIZE = (6.4, 4.2)
"""Inches of a figure that no one gave."""

RULES: Any = {
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.labelsize": 9.0,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "legend.title_fontsize": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "lines.linewidth": 1.6,
    "lines.markersize": 4.5,
    "figure.constrained_layout.use": True,
    "svg.fonttype": "none",
}
"""Settings of the figures that are made here; those of axes that were given are left alone."""


def needs_matplotlib(what: str) -> Any:
    """The package, or the one line that installs it.

    Parameters
    ----------
    what : str
        What needs it, as the message says.

    Returns
    -------
    module
        ``matplotlib``.

    Raises
    ------
    MissingExtraError
        It is not installed.

    Examples
    --------
    >>> needs_matplotlib("this example").__name__
    'matplotlib'
    """
    try:
        import matplotlib
    except ImportError as error:
        raise checks.missing_extra(what, "matplotlib", "plot") from error
    return matplotlib


@contextmanager
def house_rules() -> Iterator[None]:
    """The house's settings while a figure is made, whatever the user's are outside."""
    import matplotlib

    with matplotlib.rc_context(RULES):
        yield


def new_axes(ax: Axes | None, three: bool = False, size: tuple[float, float] | None = None) -> Any:
    """The axes given, or those of a new figure.

    A new figure belongs to pyplot, so that notebooks display it; it is never shown from here.

    Parameters
    ----------
    ax : matplotlib axes or None
        Given back as they are.
    three : bool, default=False
        Whether axes in three dimensions are wanted.
    size : tuple of float, optional
        Width and height of a new figure, in inches.

    Returns
    -------
    matplotlib axes
        Of projection ``3d`` where three dimensions are wanted.

    Raises
    ------
    ArgumentError
        What was given are no axes, or have two dimensions where three are wanted, or three where two are.
    MissingExtraError
        matplotlib is not installed.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> new_axes(ax) is ax
    True
    """
    needs_matplotlib("a picture")
    if ax is not None:
        return _checked(ax, three)
    from matplotlib import pyplot

    with house_rules():
        figure = pyplot.figure(figsize=size or SIZE)
        return figure.add_subplot(projection="3d" if three else None)


def _checked(ax, three: bool):
    from matplotlib.axes import Axes

    if not isinstance(ax, Axes):
        raise checks.no_axes(type(ax).__name__)
    if (ax.name == "3d") is not three:
        raise checks.other_projection(three)
    return ax


def look(i: int) -> dict[str, Any]:
    """Colour, line style and marker of the i-th category: no two of 56 are alike, nor the first eight in grey.

    Examples
    --------
    >>> look(0) == {"color": "#0072B2", "linestyle": "-", "marker": "o"}
    True
    """
    n = len(OKABE_ITO) - 1  # yellow is too faint on white for a line
    turn = i // n  # a second round has the colours again, beside other lines and markers
    return {
        "color": OKABE_ITO[i % n],
        "linestyle": LINE_STYLES[i % len(LINE_STYLES)],
        "marker": MARKERS[(i + 2 * turn) % len(MARKERS)],
    }
