r"""Balls, the loss that is minimised on them, and the point where the two touch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .. import _checks as checks
from .fields import few_ticks
from .grids import axes_for, in_house_style, one_or_all
from .labels import LETTERS, plain, short
from .panels import Panel, below, panels, wrapped
from .style import FIELD_MAP, INK, OKABE_ITO
from .surfaces import AZIMUTH, ELEVATION, Skin, draw_surfaces, dress

BALL, LOSS = OKABE_ITO[5], OKABE_ITO[1]


@in_house_style
def balls(
    ps, loss=None, budget=None, *, n=None, limits=None, levels=None, resolution=None, random_state=0, ax=None
) -> Any:
    r"""Draw balls :math:`\{x : \|x\|_p \le t\}` side by side, and where a loss touches each of them.

    The contours of the loss are spaced evenly about its minimiser (a cross); the thick one is the lowest that meets the
    ball, and the dot is where. A student sees why a diamond has corners: there some coordinates are exactly 0.

    Parameters
    ----------
    ps : float in [0, inf], Penalty, or several of them
        Orders of norms, or penalties. Several make small multiples with the same limits.
    loss : Field, Problem or callable, optional
        What is minimised on each ball; its number of variables, 2 or 3, is that of the picture. A problem that
        standardises is shown in coefficients of standardised columns.
    budget : float or one for each ball, optional
        Radius t; see `panels` for what it is by default, for penalties and for p = 0.
    n : {2, 3}, optional
        Number of variables without a loss; 2 by default.
    limits : pair of float or one pair for each variable, optional
        What is shown.
    levels : sequence of float, optional
        Levels of the loss in place of the usual contours.
    resolution : int, optional
        Of balls and contours.
    random_state : int, default=0
        For starts of the search on balls that are not convex.
    ax : matplotlib axes or sequence of them, optional
        One for each ball; of projection ``3d`` for three variables.

    Returns
    -------
    matplotlib axes, or an ndarray of them where there are several balls

    Raises
    ------
    ArgumentError
        p is negative, a budget is not positive, or there are more than three variables.
    MissingExtraError
        matplotlib is not installed, or contourpy or scikit-image where there is a loss.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from ellzero.geometry import quadratic
    >>> axes = Figure().subplots(1, 2)
    >>> drawn = balls([2, 1], loss=quadratic([[1.0, 0.3], [0.3, 0.5]], [0.3, 1.2]), ax=axes)
    >>> [ax.get_title() for ax in drawn]
    ['p = 2', 'p = 1']
    """
    several = isinstance(ps, Iterable)
    shown = panels(
        ps, loss, budget, n=n, limits=limits, levels=levels, resolution=resolution, random_state=random_state
    )
    return draw_panels(shown, ax, several)


@in_house_style
def draw_panels(shown: list[Panel], ax=None, several: bool = True) -> Any:
    """Draw panels whose arrays are there already.

    Parameters
    ----------
    shown : list of Panel
        Of the same dimension.
    ax : matplotlib axes or sequence of them, optional
        One for each panel.
    several : bool, default=True
        Whether an array is given back.

    Returns
    -------
    matplotlib axes or ndarray of them
    """
    if not shown:
        raise checks.empty_picture("shown")
    three = shown[0].n == 3
    size = (3.5, 4.1) if three else (3.0, 3.6)
    axes = axes_for(ax, len(shown), three, size)
    ranks = {level: i for i, level in enumerate(sorted({line.level for panel in shown for line in panel.contours}))}
    paint = _paint(len(ranks), three)
    colours = {level: paint[i] for level, i in ranks.items()}
    place = _viewpoint(shown)
    rows = set()
    for panel, one in zip(shown, axes, strict=True):
        if three:
            _in_space(one, panel, colours, place)
        else:
            row = _row_of(one)
            _in_plane(one, panel, colours, first=row not in rows)
            rows.add(row)
    return one_or_all(axes, several)


def _row_of(ax) -> Any:
    """What axes side by side have in common; axes that were placed by hand are alone in their row."""
    spec = ax.get_subplotspec()
    return ax if spec is None else (spec.get_gridspec(), spec.rowspan.start)


def _paint(count: int, three: bool) -> list[Any]:
    """Colours of levels by rank, the same level in the same colour in all panels."""
    from matplotlib import colormaps

    if three:
        return [(OKABE_ITO[3], OKABE_ITO[2], OKABE_ITO[7])[i % 3] for i in range(count)]
    return list(colormaps[FIELD_MAP](np.linspace(0.15, 0.75, max(count, 1))))


def _letters(ax, size: float) -> int:
    """Letters that stand side by side below or above axes before they run into those of the neighbour."""
    spec, figure = ax.get_subplotspec(), ax.figure
    if spec is None or figure.get_layout_engine() is None:
        width = 1.2 * ax.get_window_extent().width
    else:  # a layout that is still to come gives each column its share
        width = 0.97 * figure.bbox.width / spec.get_gridspec().ncols
    return int(np.clip(width * 72.0 / figure.dpi / (0.47 * size), 16, 60))


def caption(panel: Panel, room: int) -> str:
    """Where the loss touches, in lines of so many letters, with names that leave room for the numbers."""
    if panel.contact is None:
        return ""
    names = short(panel.names, int(np.clip(room - 22, 7, LETTERS)))
    return plain(wrapped(below(panel.contact, names), room))


def _title(ax, panel: Panel, **where) -> None:
    title = ax.set_title(panel.title, **where)
    if len(panel.title) > 0.85 * _letters(ax, title.get_fontsize()):
        title.set_text(panel.title.replace("at most", "≤"))


# -- the plane ---------------------------------------------------------------------------------------------------------
def _in_plane(ax, panel: Panel, colours, first: bool) -> None:
    ax.axhline(0, color="#BBBBBB", linewidth=0.6, zorder=0.5)
    ax.axvline(0, color="#BBBBBB", linewidth=0.6, zorder=0.5)
    assert panel.ball is not None
    for curve in panel.ball.curves():
        if panel.lines_only:
            ax.plot(*curve.T, color=OKABE_ITO[0], linewidth=2.6, solid_capstyle="butt", zorder=2, label="ball")
        else:
            ax.fill(*curve.T, facecolor=BALL, alpha=0.35, linewidth=0, zorder=1)
            ax.plot(*curve.T, color=OKABE_ITO[0], linewidth=1.5, solid_joinstyle="miter", zorder=2, label="ball")
    for level in panel.contours:
        for curve in level.curves():
            ax.plot(*curve.T, color=colours[level.level], linewidth=0.8, zorder=1.5, label="contour")
    if panel.touching is not None:
        for curve in panel.touching.curves():
            ax.plot(*curve.T, color=LOSS, linewidth=1.9, zorder=3, label="touching")
    if panel.centre is not None and not (panel.contact is not None and panel.contact.inside):
        ax.plot(*panel.centre, marker="x", color=INK, markersize=6, markeredgewidth=1.4, linestyle="", zorder=4,
                label="minimiser")  # fmt: skip
    if panel.contact is not None:
        ax.plot(*panel.contact.point, marker="o", color=INK, markersize=7, markeredgecolor="white", markeredgewidth=1.2,
                linestyle="", zorder=5, label="contact")  # fmt: skip
    ax.set(xlim=panel.limits[0], ylim=panel.limits[1], aspect="equal")
    _title(ax, panel)
    x, y = (plain(name) for name in short(panel.names))
    ax.set_xlabel(f"{x}\n{caption(panel, _letters(ax, ax.xaxis.label.get_fontsize()))}".strip())
    if first:
        ax.set_ylabel(y)
    few_ticks(ax)


# -- space -------------------------------------------------------------------------------------------------------------
def _in_space(ax, panel: Panel, colours, place: tuple[float, float]) -> None:
    assert panel.ball is not None
    skins = [] if panel.lines_only else [Skin(panel.ball, BALL, 0.3 if panel.counts else 1.0)]
    if panel.touching is not None:
        skins.append(Skin(panel.touching, OKABE_ITO[4], 0.42))
    skins += [Skin(surface, colours[surface.level], 0.2) for surface in panel.contours]
    if skins:
        draw_surfaces(ax, skins, *place)
    if panel.lines_only:
        ax.view_init(*place)
        ax.set_proj_type("ortho")
        for curve in panel.ball.curves():
            ax.plot(*curve.T, color=OKABE_ITO[0], linewidth=3.2, solid_capstyle="butt", label="ball")
    dress(ax, panel.limits, short(panel.names))
    marks = [(panel.centre, "x", "minimiser", 6.5)]
    if panel.contact is not None:
        marks.append((panel.contact.point, "o", "contact", 7.0))
    ax.computed_zorder = False  # marks lie on the surfaces: hidden behind them they would say nothing
    for where, marker, label, size in marks:
        if where is not None:
            ax.plot(*np.reshape(where, (3, 1)), marker=marker, color=INK, markersize=size, linestyle="", label=label,
                    markeredgecolor="white" if marker == "o" else INK, markeredgewidth=1.3, zorder=10)  # fmt: skip
    _title(ax, panel, y=0.98)
    words = ax.text2D(0.5, -0.02, "", transform=ax.transAxes, ha="center", va="top")
    words.set_text(caption(panel, round(0.85 * _letters(ax, words.get_fontsize()))))


def _viewpoint(shown: list[Panel]) -> tuple[float, float]:
    """One place for all panels: where the side of the ball that the loss touches is seen, and beside it the loss.

    Of four places, none of which has an axis end-on, the one nearest to half a right angle and a little from the loss.
    """
    centre = next((panel.centre for panel in shown if panel.centre is not None), None)
    if shown[0].n == 2 or centre is None or not np.any(centre[:2]):
        return ELEVATION, AZIMUTH
    wanted = np.rad2deg(np.arctan2(centre[1], centre[0])) - 50.0
    places = np.array([-35.0, 35.0, 145.0, 215.0])
    return ELEVATION, float(places[np.argmin(np.abs((places - wanted + 180.0) % 360.0 - 180.0))])
