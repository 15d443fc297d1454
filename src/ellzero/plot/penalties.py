"""What penalties do: to one number, along a path, and on a box."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _checks as checks
from .. import geometry as geo
from ..geometry import Envelope, PlanePath, Threshold
from ..penalties import Penalty
from .fields import window_of
from .grids import in_house_style
from .labels import labelled
from .panels import called, loss_of
from .style import FIELD_MAP, GREY, INK, OKABE_ITO, look, new_axes
from .surfaces import dress

JUMP = 3.0
"""How much longer than its neighbours a step of a path is where the path jumps."""


SPOKEN = {
    "l0": "L0", "l1": "L1", "l2": "L2", "elastic_net": "elastic net", "lp": "Lp, p = ½", "mcp": "MCP", "scad": "SCAD",
}  # fmt: skip
"""Names of families in legends."""


def name_of(thing) -> str:
    """What a legend calls a penalty, or something that carries a label."""
    return called(thing) if isinstance(thing, Penalty) else str(thing.label)


@in_house_style
def thresholds(penalties, limit=3.0, *, step=1.0, resolution=601, ax=None) -> Any:
    r"""Draw what a penalty's prox makes of a number: :math:`v \mapsto \arg\min_t \tfrac12 (t - v)^2 + s\,\phi(t)`.

    The dotted diagonal is no penalty at all. Where a curve jumps it is open, with a ring at the value that is not taken
    and a dot at the one that is.

    Parameters
    ----------
    penalties : Penalty, Threshold, sequence of them, or mapping of labels to them
        Whose prox.
    limit : float, default=3.0
        v goes from minus this to this.
    step : float, default=1.0
        s.
    resolution : int, default=601
        Number of values of v.
    ax : matplotlib axes, optional
        Of a new figure by default.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ArgumentError
        The limit or the step is not positive, or there is no penalty.
    MissingExtraError
        matplotlib is not installed.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from ellzero.penalties import L0, L1
    >>> ax = thresholds({"hard": L0(0.5), "soft": L1(0.37)}, ax=Figure().subplots())
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['hard', 'soft']
    """
    chosen = labelled(penalties, (Penalty, Threshold), name_of)
    if not chosen:
        raise checks.empty_picture("penalties")
    curves = {
        label: thing if isinstance(thing, Threshold) else geo.threshold(thing, limit, step, resolution)
        for label, thing in chosen.items()
    }
    ax = new_axes(ax, size=(4.6, 4.4))
    reach = max(float(np.nanmax(np.abs(curve.v))) for curve in curves.values())
    ax.axhline(0, color="#CCCCCC", linewidth=0.6, zorder=0.5)
    ax.axvline(0, color="#CCCCCC", linewidth=0.6, zorder=0.5)
    ax.plot([-reach, reach], [-reach, reach], color=GREY, linestyle=":", linewidth=1.0, zorder=1)
    for i, (label, curve) in enumerate(curves.items()):
        style = {**look(i), "marker": ""}
        ax.plot(curve.v, curve.t, label=label, zorder=2 + 0.1 * i, **style)
        _jumps(ax, curve, style["color"])
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xlabel="v", ylabel="prox of v")
    ax.legend(frameon=False, loc="upper left")
    return ax


def _jumps(ax, curve: Threshold, colour: str) -> None:
    """Both ends of each jump: a dot at 0 side, which the library takes, a ring at the other."""
    for jump in np.atleast_1d(curve.jumps):
        before = curve.t[curve.v < jump]
        after = curve.t[curve.v > jump]
        ends = [end[np.isfinite(end)] for end in (before, after)]
        if not all(end.size for end in ends):
            continue
        pair = float(ends[0][-1]), float(ends[1][0])
        small, large = sorted(pair, key=abs)
        ax.plot(jump, small, marker="o", color=colour, markersize=4, linestyle="", zorder=4)
        ax.plot(
            jump,
            large,
            marker="o",
            markerfacecolor="white",
            markeredgecolor=colour,
            markersize=4,
            linestyle="",
            zorder=4,
        )


@in_house_style
def solution_paths(loss, penalties=("l0", "l1", "l2"), *, limits=None, levels=6, ax=None) -> Any:
    r"""Draw the minimisers of loss plus penalty in the plane, as the strength falls from where all is 0.

    Points with an exact zero lie on an axis. A path that jumps has a gap, and a marker where it stays between jumps.

    Parameters
    ----------
    loss : Field, Problem or callable
        Of two variables.
    penalties : sequence of str or of PlanePath, or mapping of labels to them, default=("l0", "l1", "l2")
        Families that `geometry.solution_path` knows, or paths that are there already.
    limits : pair of float or one pair for each variable, optional
        What is shown; by default all paths.
    levels : int, default=6
        Number of contours of the loss behind them; 0 for none.
    ax : matplotlib axes, optional
        Of a new figure by default.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ArgumentError
        The loss has not two variables, or a family is unknown.
    MissingExtraError
        matplotlib or contourpy is not installed.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from ellzero.geometry import quadratic
    >>> loss = quadratic([[1.0, 0.3], [0.3, 0.5]], [0.37, 1.9])
    >>> ax = solution_paths(loss, ["l1", "l2"], levels=0, ax=Figure().subplots())
    >>> len(ax.get_legend().get_texts())
    2
    """
    field = loss_of(loss, 2)
    if field.n != 2:
        raise checks.other_dimension(field.label, field.n, 2)
    paths = _paths(field, penalties)
    if not paths:
        raise checks.empty_picture("penalties")
    every = np.concatenate([path.points for path in paths.values()] + [np.zeros((1, 2))])
    if limits is None:
        low, high = every.min(axis=0), every.max(axis=0)
        side = 1.25 * max(float((high - low).max()), 1e-300)
        limits = np.column_stack([(low + high - side) / 2, (low + high + side) / 2])
    window = window_of(limits, 2)
    behind = _behind(field, every[np.argmin(field(every))], window, levels)
    ax = new_axes(ax, size=(5.6, 4.2))
    for curve in behind:
        ax.plot(*curve.T, color="#C8C8C8", linewidth=0.8, zorder=0.8)
    ax.axhline(0, color="#BBBBBB", linewidth=0.6, zorder=0.5)
    ax.axvline(0, color="#BBBBBB", linewidth=0.6, zorder=0.5)
    for i, (label, path) in enumerate(paths.items()):
        _one_path(ax, path, label, i, len(paths))
    ax.set(xlim=window[0], ylim=window[1], aspect="equal", xlabel=field.names[0], ylabel=field.names[1])
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1.01, 0.5), handlelength=3.0)
    return ax


def _paths(field, penalties) -> dict[str, PlanePath]:
    found = labelled(penalties, (str, PlanePath), lambda one: SPOKEN.get(label := getattr(one, "label", one), label))
    return {label: one if isinstance(one, PlanePath) else geo.solution_path(field, one) for label, one in found.items()}


def _behind(field, bottom, window, levels: int) -> list[np.ndarray]:
    """Contours of the loss at even distances from its minimiser, out to 0."""
    floor, top = float(field(bottom)), float(field(np.zeros(2)))
    every = [floor + (top - floor) * (i / levels) ** 2 for i in range(1, levels + 1)]
    return [curve for level in every if level > floor for curve in geo.level_set(field, level, limits=window).curves()]


def _one_path(ax, path: PlanePath, label: str, i: int, count: int) -> None:
    """Lines where the path goes on, gaps where it jumps, markers where it stays at a point between jumps."""
    style = look(i)
    width = 1.4 + 0.45 * (count - 1 - i)  # paths share stretches: the wider ones lie below
    mark = {"marker": style["marker"], "markersize": 6.5, "linestyle": ""}
    legend: dict[str, Any] = {"linestyle": ""}  # what was drawn of the path, and no more
    for piece in pieces(path.points):
        alone = np.ptp(piece, axis=0).max() == 0
        how = mark if alone else {"linestyle": style["linestyle"], "linewidth": width}
        legend |= {key: value for key, value in how.items() if key != "linestyle" or value}
        ax.plot(*(piece[:1] if alone else piece).T, color=style["color"], zorder=2 + 0.1 * i + alone, **how)
    ax.plot([], [], color=style["color"], label=label, **legend)


def pieces(points: np.ndarray) -> list[np.ndarray]:
    """A path cut where it jumps: where one step is longer by far than those before and after it.

    Examples
    --------
    >>> [len(piece) for piece in pieces(np.array([[0.0, 0], [0, 0.1], [0, 0.2], [1, 1], [1, 1.1]]))]
    [3, 2]
    """
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    around = np.maximum(np.append(0.0, steps[:-1]), np.append(steps[1:], 0.0))
    large = steps > 0.05 * max(float(np.ptp(points, axis=0).max(initial=0.0)), 1e-300)
    return np.split(points, np.flatnonzero(large & (steps > JUMP * around)) + 1)


@in_house_style
def envelope(of, limits=(-1.0, 1.0), *, resolution=None, n=1, ax=None) -> Any:
    r"""Draw a field and its convex envelope, the largest convex function below it, on a box.

    Of two variables the envelope is drawn alone. The count of nonzeros on :math:`[-1, 1]^n` has the envelope
    :math:`\|x\|_1`: why L1 stands in for L0.

    Parameters
    ----------
    of : Envelope, Field, Penalty or callable
        Of one or two variables.
    limits : pair of float or one pair for each variable, default=(-1.0, 1.0)
        The box; without meaning for an `Envelope`.
    resolution : int, optional
        Of the grid.
    n : {1, 2}, default=1
        Number of variables of a penalty or a callable.
    ax : matplotlib axes, optional
        Of projection ``3d`` for two variables.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ArgumentError
        There are more than two variables.
    MissingExtraError
        matplotlib is not installed.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from ellzero.penalties import L0
    >>> ax = envelope(L0(1.0), ax=Figure().subplots())
    >>> [line.get_label() for line in ax.lines[:2]]
    ['L0', 'its convex envelope']
    """
    found = of if isinstance(of, Envelope) else geo.convex_envelope(of, limits, resolution, n)
    label = called(of) if isinstance(of, Penalty) else found.label
    if len(found.axes) > 2:
        raise checks.envelope_in_space(len(found.axes))
    return _over_a_line(found, label, ax) if len(found.axes) == 1 else _over_a_plane(found, label, ax)


def _over_a_line(found: Envelope, label: str, ax) -> Any:
    ax = new_axes(ax, size=(4.6, 3.6))
    (grid,), values = found.axes, found.values
    apart = np.abs(np.diff(values)) > 0.2 * max(float(np.ptp(values)), 1e-300)
    lone = np.concatenate([[True], apart]) & np.concatenate([apart, [True]])  # points that no line belongs to
    line = np.where(lone, np.nan, values)
    before = np.flatnonzero(apart & ~lone[1:] & ~lone[:-1]) + 1
    ax.plot(np.insert(grid, before, grid[before]), np.insert(line, before, np.nan), color=OKABE_ITO[0], linestyle="-",
            linewidth=1.6, label=label)  # fmt: skip
    ax.plot(grid, found.envelope, color=OKABE_ITO[1], linestyle="--", linewidth=2.0, label="its convex envelope")
    ax.plot(grid[lone], values[lone], marker="o", color=OKABE_ITO[0], markersize=5, linestyle="", zorder=4)
    for i in np.flatnonzero(lone[1:-1]) + 1:
        ax.plot(grid[i], 0.5 * (values[i - 1] + values[i + 1]), marker="o", markerfacecolor="white", linestyle="",
                markeredgecolor=OKABE_ITO[0], markersize=5, zorder=4)  # fmt: skip
    ax.set(xlabel=found.names[0], xlim=(grid[0], grid[-1]))
    ax.margins(y=0.08)
    ax.legend(frameon=False, loc="best")
    return ax


def _over_a_plane(found: Envelope, label: str, ax) -> Any:
    ax = new_axes(ax, three=True, size=(4.6, 4.4))
    x, y = np.meshgrid(*found.axes, indexing="ij")
    ax.plot_surface(x, y, found.envelope, cmap=FIELD_MAP, rcount=24, ccount=24, linewidth=0.3, edgecolor=INK, alpha=1.0)
    window = [(axis[0], axis[-1]) for axis in found.axes]
    bottom, top = float(found.envelope.min()), float(found.envelope.max())
    dress(ax, [*window, (bottom, top if top > bottom else bottom + 1.0)], (*found.names, ""))
    ax.set_box_aspect((1.0, 1.0, 0.75), zoom=0.95)
    ax.set_title(f"convex envelope of {label}", y=0.98)
    return ax
