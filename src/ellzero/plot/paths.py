"""Coefficients along a path: by size, and by the strength of a penalty."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _checks as checks
from ..criteria import TITLES
from ..selection import Path, PenaltyPath
from .grids import in_house_style
from .labels import NAMED, draw_lines
from .style import GREY, INK, new_axes

SIZE = (6.8, 4.2)
STANDARDIZED = "standardised coefficient"
IN_DATA_UNITS = "coefficient"


@in_house_style
def path(path: Path, ax=None, *, standardized: bool = True, criterion: str | None = None, most: int = NAMED) -> Any:
    """Coefficients by size.

    Best models of neighbouring sizes need not be nested, so a line may return to zero.

    Parameters
    ----------
    path : Path
    ax : matplotlib axes, optional
        Those of a new figure by default. Names are written to the right of it.
    standardized : bool, default=True
        Whether coefficients are those per standard deviation of their columns, `Path.standardized`, or those in data
        units, `Path.coefs`.
    criterion : str, optional
        What marks its choice; by default that of `Path.best`.
    most : int, default=12
        Lines, those with the largest coefficients, that are named; the others are grey.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ArgumentError, DataError, UnsupportedError
        What is given is no path or no axes, no column is ever in, the model has several outputs, or the criterion is
        unknown.
    MissingExtraError
        matplotlib is not installed.

    Examples
    --------
    >>> import ellzero as ez
    >>> from matplotlib.figure import Figure
    >>> data = ez.datasets.load_diabetes(as_frame=True)
    >>> ax = ez.plot.path(ez.path(data.X, data.y, k=5), Figure(layout="constrained").subplots())
    >>> [line.get_label() for line in ax.get_lines()][1:-1]  # between zero and the choice
    ['sex', 'bmi', 'bp', 's1', 's3', 's5']
    """
    if not isinstance(path, Path):
        raise checks.cannot_draw("path", "a Path", path)
    values = path.standardized if standardized else path.coefs
    ever = np.flatnonzero(_one_output(values).any(axis=0))
    if ever.size == 0:
        raise checks.nothing_to_draw("no column is in any model of the path")
    most = checks.integer_in("most", most, 0, 10**6)
    chosen = _chosen_size(path, criterion)
    from .ticks import count_sizes

    ax = new_axes(ax, size=SIZE)
    sizes = np.array(path.sizes)
    ax.axhline(0.0, color=INK, linewidth=0.8, zorder=1)
    draw_lines(ax, sizes, values[:, ever], [path.names[j] for j in ever], most, marked=sizes.size <= 25)
    if chosen is not None:
        name, k = chosen
        mark_choice(ax, k, f"{name}: {k}")
    count_sizes(ax.xaxis)
    ax.set_xlabel("size of the model")
    ax.set_ylabel(STANDARDIZED if standardized else IN_DATA_UNITS)
    return ax


@in_house_style
def penalty_path(
    path: PenaltyPath, ax=None, *, standardized: bool = True, gamma: float | None = None, most: int = NAMED
) -> Any:
    """Coefficients by strength, which falls from left to right; the axis above counts nonzeros.

    Parameters
    ----------
    path : PenaltyPath
    ax : matplotlib axes, optional
        Those of a new figure by default. Names are written to the right of it.
    standardized : bool, default=True
        As in `path`.
    gamma : float, optional
        Second strength of the models that are drawn, see `PenaltyPath.of_gamma`.
    most : int, default=12
        As in `path`.

    Returns
    -------
    matplotlib axes
        The one with the coefficients.

    Raises
    ------
    ArgumentError, DataError
        What is given is no such path or no axes, or no coefficient is ever nonzero.
    MissingExtraError
        matplotlib is not installed.

    Examples
    --------
    >>> import ellzero as ez
    >>> from matplotlib.figure import Figure
    >>> data = ez.datasets.load_diabetes(as_frame=True)
    >>> lasso = ez.penalty_path(data.X, data.y)
    >>> ax = ez.plot.penalty_path(lasso, Figure(layout="constrained").subplots())
    >>> ax.get_xscale()
    'log'
    """
    if not isinstance(path, PenaltyPath):
        raise checks.cannot_draw("penalty_path", "a PenaltyPath", path)
    rows = path.of_gamma(gamma)
    rows = rows[path.strengths[rows] > 0]  # a strength of nothing has no place on the scale
    values = (path.standardized if standardized else path.coefs)[rows]
    ever = np.flatnonzero(values.any(axis=0))
    if ever.size == 0:
        raise checks.nothing_to_draw("no coefficient on the path is nonzero")
    most = checks.integer_in("most", most, 0, 10**6)
    ax = new_axes(ax, size=SIZE)
    strengths = path.strengths[rows]
    ax.set_xscale("log")
    ax.axhline(0.0, color=INK, linewidth=0.8, zorder=1)
    draw_lines(ax, strengths, values[:, ever], [path.names[j] for j in ever], most, marked=False)
    if strengths.size > 1:
        ax.set_xlim(strengths.max() * 1.05, strengths.min() / 1.05)
    ax.set_xlabel("strength, falling" + _second(path, rows))
    ax.set_ylabel(STANDARDIZED if standardized else IN_DATA_UNITS)
    _count_above(ax, strengths, path.nonzeros[rows])
    return ax


def _second(path: PenaltyPath, rows) -> str:
    value = path.gammas[rows[0]]
    return "" if np.isnan(value) else f" (gamma {value:.3g})"


def _count_above(ax: Any, strengths: np.ndarray, nonzeros: np.ndarray) -> None:
    """Nonzeros on the axis above, where strengths lie evenly on the scale."""
    top = ax.twiny()
    top.set_xscale("log")
    top.set_xlim(ax.get_xlim())
    ends = np.log(strengths.max()), np.log(strengths.min())
    wanted = np.linspace(*ends, 7)
    places: list[int] = []
    for place in sorted({int(np.abs(np.log(strengths) - value).argmin()) for value in wanted}):
        apart = np.inf if not places else np.log(strengths[places[-1]] / strengths[place])
        if apart > 0.09 * (ends[0] - ends[1]):
            places.append(place)
    top.set_xticks(strengths[places], [str(int(nonzeros[i])) for i in places])
    top.minorticks_off()
    top.set_xlabel("nonzero coefficients")
    top.spines["right"].set_visible(ax.spines["right"].get_visible())
    ax.figure.sca(ax)


def mark_choice(ax: Any, x: float, text: str) -> None:
    """A thin line at what was chosen, with its name above the axes."""
    ax.axvline(x, color=GREY, linewidth=1.0, linestyle=(0, (4, 2)), zorder=1)
    ax.annotate(
        text,
        xy=(x, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(0, 3),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=8.5,
        color=INK,
    )


def _chosen_size(path: Path, criterion: str | None) -> tuple[str, int] | None:
    """Title and size of a criterion's choice; None where nobody asked and there is none."""
    if criterion is None and not path.criteria(path.default_criterion):
        return None
    name = path.default_criterion if criterion is None else criterion
    return TITLES.get(name, name), path.chosen(name)


def _one_output(values: np.ndarray) -> np.ndarray:
    if values.ndim > 2:
        raise checks.one_output_pictured(values.shape[2])
    return values
