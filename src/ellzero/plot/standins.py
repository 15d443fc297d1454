"""Which columns stand in for which among the models near the optimum."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _checks as checks
from ..selection import Rivals
from .grids import in_house_style
from .labels import LETTERS, letters, short
from .style import FIELD_MAP, GREY, INK, new_axes

COLUMNS = 30
"""Columns that are drawn, those in the most supports."""
WRITTEN = 12
"""Up to so many columns, each cell says its number."""


@in_house_style
def rivals(rivals: Rivals, ax=None, *, most: int = COLUMNS) -> Any:
    """Which columns stand in for which: a cell for every pair of supports that differ in one column.

    The colour is the least excess over the best objective at which both supports are listed, in per cent: the darker,
    the better one column does in the place of the other. Beside each name stands the share of the supports that hold
    the column; columns that nothing stands in for are not drawn.

    Parameters
    ----------
    rivals : Rivals
        `Rivals.substitutes` has the arrays.
    ax : matplotlib axes, optional
        Those of a new figure by default. A bar of colours is set beside it.
    most : int, default=30
        Columns that are drawn, those in the most supports.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ArgumentError, DataError
        What is given are no rivals or no axes, or no two supports differ in one column.
    MissingExtraError
        matplotlib is not installed.

    Examples
    --------
    >>> import ellzero as ez
    >>> from matplotlib.figure import Figure
    >>> data = ez.datasets.load_diabetes(as_frame=True)
    >>> near = ez.rivals(data.X, data.y, k=4, within=0.02)
    >>> ax = ez.plot.rivals(near, Figure(layout="constrained").subplots())
    >>> [label.get_text() for label in ax.get_xticklabels()]
    ['sex', 's1', 's2', 's3']
    """
    if not isinstance(rivals, Rivals):
        raise checks.cannot_draw("rivals", "Rivals", rivals)
    found = rivals.substitutes()
    if found.columns.size == 0:
        raise checks.nothing_to_draw(
            "no two supports of the list differ in one column", 'a larger `within`, or plot("squares")'
        )
    most = checks.integer_in("most", most, 2, 10**6)
    n = min(most, found.columns.size)
    from .ticks import FONT, name_places

    given = ax is not None
    ax = new_axes(ax, size=(max(4.4, 3.0 + 0.3 * n), max(3.2, 2.0 + 0.28 * n)))
    excess, edges = 100.0 * found.excess[:n, :n], np.arange(n + 1) - 0.5
    image = ax.pcolormesh(
        edges, edges, excess, cmap=FIELD_MAP, vmin=0.0, vmax=max(100 * rivals.within, 1e-9),
        edgecolors="white", linewidth=1.0,
    )  # fmt: skip
    if n <= WRITTEN:
        _write(ax, excess, 100 * rivals.within)
    names = short(found.names[:n], letters(ax, across=True) if given else LETTERS)
    beside = short(found.names[:n], letters(ax, across=False) if given else LETTERS)
    shares = [f"{name} ({100 * share:.0f} %)" for name, share in zip(beside, found.share[:n], strict=True)]
    ax.plot(np.arange(n), np.arange(n), linestyle="none", marker=".", markersize=3, color=GREY)
    name_places(ax.xaxis, names, rotation=90)
    name_places(ax.yaxis, shares)
    ax.set_xlim(-0.5, n - 0.5)
    ax.set_ylim(n - 0.5, -0.5)
    ax.set_xlabel("column that stands in")
    ax.set_ylabel("column replaced (share of models)")
    ax.spines[:].set_visible(False)
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.8)
    bar.set_label("excess over the best objective, %")
    bar.ax.tick_params(labelsize=FONT)
    return ax


def _write(ax: Any, excess: np.ndarray, largest: float) -> None:
    digits = int(np.clip(1 - np.floor(np.log10(max(largest, 1e-9))), 0, 4))
    for i, j in np.argwhere(~np.isnan(excess)).tolist():
        value = float(excess[i, j])
        ax.text(
            j, i, f"{value:.{digits}f}", ha="center", va="center", fontsize=8,
            color="white" if value < 0.6 * largest else INK,
        )  # fmt: skip
