"""Coefficients of one model, and how often its columns are chosen on other rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _checks as checks
from ..result import Result
from ..selection import Stability
from .grids import in_house_style
from .labels import LETTERS, letters, short
from .paths import IN_DATA_UNITS, STANDARDIZED
from .style import GREY, INK, OKABE_ITO, new_axes

COLUMNS = 30
"""Columns that are drawn, the most frequent ones."""


@in_house_style
def coefficients(result: Result, ax=None, *, stability: Stability | None = None, standardized: bool = True) -> Any:
    """Coefficients of one model, the largest on top, and how often other samples of the rows choose the same columns.

    Parameters
    ----------
    result : Result
    ax : matplotlib axes, optional
        Those of a new figure by default.
    stability : Stability, optional
        Its frequencies are written to the right; ``forced`` stands beside a column that was not offered to the samples.
    standardized : bool, default=True
        Whether coefficients are those per standard deviation of their columns, `Result.standardized`, or in data units.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ArgumentError, DataError, UnsupportedError
        What is given is no result, no stability or no axes; no column is in; the model has several outputs.
    MissingExtraError
        matplotlib is not installed.

    Examples
    --------
    >>> import ellzero as ez
    >>> from matplotlib.figure import Figure
    >>> data = ez.datasets.load_diabetes(as_frame=True)
    >>> result = ez.best_subset(data.X, data.y, k=3)
    >>> ax = ez.plot.coefficients(result, Figure(layout="constrained").subplots())
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['bp', 's5', 'bmi']
    """
    if not isinstance(result, Result):
        raise checks.cannot_draw("coefficients", "a Result", result)
    if stability is not None and not isinstance(stability, Stability):
        raise checks.cannot_draw("`stability`", "a Stability", stability)
    if result.coef.ndim > 1:
        raise checks.one_output_pictured(result.coef.shape[1])
    if result.support.size == 0:
        raise checks.nothing_to_draw("no column is in the model")
    values = (result.standardized if standardized else result.coef)[result.support]
    order = np.argsort(np.abs(values), kind="stable")
    values, names = values[order], [result.names_in_support[i] for i in order]
    given = ax is not None
    ax = new_axes(ax, size=_size(len(names)))
    places = np.arange(len(names))
    ax.axvline(0.0, color=INK, linewidth=0.8, zorder=1)
    ax.hlines(places, 0.0, values, color=OKABE_ITO[0], linewidth=2.0)
    for sign, marker in ((1, "o"), (-1, "s")):  # the sign is told by the marker, too
        ax.plot(
            values[sign * values > 0], places[sign * values > 0], linestyle="none", marker=marker, color=OKABE_ITO[0],
            markersize=6, label="positive" if sign > 0 else "negative",
        )  # fmt: skip
    _name_rows(ax, names, given)
    ax.set_xlabel(STANDARDIZED if standardized else IN_DATA_UNITS)
    if stability is not None:
        _write_frequencies(ax, names, stability)
    return ax


@in_house_style
def stability(found: Stability, ax=None, *, most: int = COLUMNS) -> Any:
    """How often each column was chosen, the most frequent on top, with the threshold and what chance would give.

    Parameters
    ----------
    found : Stability
    ax : matplotlib axes, optional
        Those of a new figure by default.
    most : int, default=30
        Columns that are drawn.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ArgumentError, DataError
        What is given is no stability or no axes, or no column was offered.
    MissingExtraError
        matplotlib is not installed.

    Examples
    --------
    >>> import ellzero as ez
    >>> from matplotlib.figure import Figure
    >>> data = ez.datasets.load_diabetes(as_frame=True)
    >>> found = ez.stability(data.X, data.y, k=4, n_draws=9, random_state=0)
    >>> ax = ez.plot.stability(found, Figure().subplots())
    >>> [label.get_text() for label in ax.get_yticklabels()][-2:]
    ['s5', 'bmi']
    """
    if not isinstance(found, Stability):
        raise checks.cannot_draw("stability", "a Stability", found)
    if not found.names:
        raise checks.nothing_to_draw("no column was offered to the samples")
    most = checks.integer_in("most", most, 1, 10**6)
    order = np.argsort(-found.frequency, kind="stable")[:most][::-1]
    given = ax is not None
    ax = new_axes(ax, size=_size(order.size))
    stable = found.frequency[order] >= found.threshold - 1e-12
    places, values = np.arange(order.size), found.frequency[order]
    ax.barh(
        places, values, height=0.7, color=[OKABE_ITO[0] if s else "white" for s in stable], edgecolor=OKABE_ITO[0],
        linewidth=0.9,
    )  # fmt: skip
    ax.axvline(found.threshold, color=INK, linewidth=1.1, linestyle="--", label=f"threshold {found.threshold:g}")
    ax.axvline(found.chance, color=GREY, linewidth=1.3, linestyle=":", label=f"chance {found.chance:.2g}")
    _name_rows(ax, [found.names[j] for j in order], given)
    ax.set_xlim(0.0, 1.02)
    ax.set_xlabel(f"share of {_samples(found)}")
    ax.legend(frameon=False, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, borderaxespad=0.2)
    return ax


def _samples(found: Stability) -> str:
    return f"{found.n_draws} bootstrap samples" if found.both is None else f"{2 * found.n_draws} half samples"


def _size(n: int) -> tuple[float, float]:
    return (6.0, max(2.2, 1.1 + 0.24 * n))


def _name_rows(ax: Any, names: list[str], given: bool) -> None:
    from .ticks import name_places

    ax.set_ylim(-0.6, len(names) - 0.4)
    name_places(ax.yaxis, short(names, letters(ax, across=False) if given else LETTERS), from_last=True)


def _write_frequencies(ax: Any, names: list[str], stability: Stability) -> None:
    """Shares beside the rows, under one heading."""
    from .ticks import FONT, name_places

    known = dict(zip(stability.names, stability.frequency.tolist(), strict=True))
    shares = [f"{100 * known[name]:.0f} %" if name in known else "forced" for name in names]
    beside = ax.twinx()
    beside.set_ylim(ax.get_ylim())
    name_places(beside.yaxis, shares, from_last=True)
    for side in ("top", "right", "left"):
        beside.spines[side].set_visible(False)
    heading = {"xycoords": "axes fraction", "textcoords": "offset points", "annotation_clip": False}
    ax.annotate("chosen in", xy=(1.0, 1.0), xytext=(4, 2), ha="left", va="bottom", fontsize=FONT, **heading)
    ax.figure.sca(ax)
