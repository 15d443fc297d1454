"""Scalar fields: contours in the plane, surfaces in space, slices of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import _checks as checks
from .. import geometry as geo
from ..geometry import Field, LevelSet
from .grids import axes_for, in_house_style, one_or_all
from .panels import Panel, loss_of, number
from .style import FIELD_MAP, OKABE_ITO, new_axes
from .surfaces import AZIMUTH, ELEVATION, Skin, draw_surfaces, dress

USUAL = (-1.5, 1.5)
"""What is shown of every variable."""
LEVELS = 9
GRID = 121


@in_house_style
def contours(field, levels=None, limits=(-1.5, 1.5), *, resolution=200, bar=True, ax=None) -> Any:
    r"""Draw isolines :math:`\{x : f(x) = c\}` of a field in the plane.

    Parameters
    ----------
    field : Field, Problem or callable
        Of two variables.
    levels : sequence of float, optional
        By default nine within the range of the field, at even shares of the area.
    limits : pair of float or one pair for each variable, default=(-1.5, 1.5)
        What is shown.
    resolution : int, default=200
        Of the grid on which isolines are found.
    bar : bool, default=True
        Whether a bar beside the axes says which line has which level.
    ax : matplotlib axes, optional
        Of a new figure by default.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ArgumentError
        The field has not two variables, or a level is outside its range.
    DataError
        The field is NaN somewhere, or not scalar.
    MissingExtraError
        matplotlib or contourpy is not installed.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from ellzero.geometry import quadratic
    >>> contours(quadratic([[1.0, 0.3], [0.3, 0.5]], [0.3, 0.2]), [0.1, 0.4], ax=Figure().subplots()).get_xlabel()
    'x1'
    """
    field = loss_of(field, 2)
    if field.n != 2:
        raise checks.other_dimension(field.label, field.n, 2)
    (panel,) = field_panels(field, [{}], levels, limits, resolution=resolution)
    ax = new_axes(ax, size=(5.0, 4.2))
    draw_lines(ax, panel.contours, panel.limits, panel.names, bar)
    return ax


def field_panels(field, held, levels=None, limits=(-1.5, 1.5), *, at=None, resolution=None) -> list[Panel]:
    """Arrays of the pictures that `contours`, `isosurface` and `slices` draw.

    Parameters
    ----------
    field : Field or Problem
        Of n variables.
    held : sequence of mappings from axis (number or name) to float
        One panel for each: what it holds; an empty mapping holds nothing.
    levels : sequence of float, optional
        The same for all panels, and within the range of one at least; where a panel does not reach a level it is left
        out. By default nine in the plane, and in space the one below which half of the box lies.
    limits : pair of float or one pair for each variable that is left, default=(-1.5, 1.5)
        What is shown.
    at : array-like of shape (n,), optional
        A point whose entries are the values of variables that `held` holds at None; 0 by default.
    resolution : int, optional
        Of the grid; by default 200 in the plane and 64 in space.

    Returns
    -------
    list of Panel
        Without balls.

    Raises
    ------
    ArgumentError
        There is no such axis, neither two nor three are left, or no panel reaches a level.

    Examples
    --------
    >>> (panel,) = field_panels(geo.quartic(), [{"z": 0.0}], [0.2, 0.4])
    >>> [line.level for line in panel.contours], panel.title
    ([0.2, 0.4], 'z = 0')
    """
    field = loss_of(field)
    parts = [field.slice(one, at) if one else field for one in held]
    if not parts:
        raise checks.empty_picture("held")
    n = checks.drawable("a picture", parts[0].n)
    for part in parts:
        if part.n != n:
            raise checks.fields_differ(n, part.n)
    window, values = window_of(limits, n), [_values(part, limits, GRID if n == 2 else 33) for part in parts]
    wanted = _shared_levels(np.concatenate([v.ravel() for v in values]), levels, n)
    if not len(wanted):
        if not any(np.isfinite(v).any() for v in values):
            raise checks.nowhere_finite(field.label)
        raise checks.nothing_to_draw(f"{field.label} has the same value everywhere within the limits")
    out = []
    for one, part, inside in zip(held, parts, values, strict=True):
        # with one panel the level set itself says what is wrong with a level
        there = wanted if len(parts) == 1 else [level for level in wanted if inside.min() < level < inside.max()]
        sets = [geo.level_set(part, float(level), limits=limits, resolution=resolution) for level in there]
        fixed = {checks.axis(name, field.names): value for name, value in one.items()}
        fixed = {j: (0.0 if at is None else at[j]) if value is None else value for j, value in fixed.items()}
        title = ", ".join(f"{field.names[j]} = {number(value)}" for j, value in fixed.items())
        out.append(Panel(title, None, None, window, part.names, contours=tuple(sets)))
    for level in wanted:
        if not any(line.level == level for panel in out for line in panel.contours):
            low, high = min(float(v.min()) for v in values), max(float(v.max()) for v in values)
            raise checks.level_outside(field.label, float(level), low, high)
    return out


def _shared_levels(values: np.ndarray, levels, n: int) -> np.ndarray:
    """Levels of all panels: those asked for, or those below which even shares of what is shown lie."""
    if levels is not None:
        return np.array(sorted(checks.finite_number("level", level) for level in np.atleast_1d(levels)))
    values = values[np.isfinite(values)]
    if not values.size:
        return values
    shares = np.arange(1, LEVELS + 1) / (LEVELS + 1.0) if n == 2 else [0.5]
    found = np.unique(np.quantile(values, shares))
    return found[(found > values.min()) & (found < values.max())]


def _values(field: Field, limits, grid: int = GRID) -> np.ndarray:
    axes = np.meshgrid(*(np.linspace(low, high, grid) for low, high in window_of(limits, field.n)), indexing="ij")
    return field(np.stack(axes, axis=-1))


def window_of(limits, n: int) -> np.ndarray:
    """Limits as one pair for each variable."""
    return checks.limits_of_axes(limits, n)


def draw_lines(ax, lines: Sequence[LevelSet], window, names, bar: bool, shared: Sequence[float] | None = None) -> None:
    """Isolines, coloured by rank: levels are seldom evenly spaced, and neighbours must differ.

    Parameters
    ----------
    ax : matplotlib axes
    lines : sequence of LevelSet
    window : ndarray of shape (2, 2)
        Limits of both axes.
    names : pair of str
        Of the axes.
    bar : bool
        Whether the levels are named beside the axes.
    shared : sequence of float, optional
        Levels of all panels of the picture, for the same colours in each.
    """
    from matplotlib import colormaps

    levels = sorted({line.level for line in lines} if shared is None else set(shared))
    paint = {level: colormaps[FIELD_MAP](0.9 * i / max(len(levels) - 1, 1)) for i, level in enumerate(levels)}
    for line in lines:
        for curve in line.curves():
            ax.plot(*curve.T, color=paint[line.level], linewidth=1.3, label=f"{line.level:.6g}")
    ax.set(xlim=window[0], ylim=window[1], aspect="equal", xlabel=names[0], ylabel=names[1])
    few_ticks(ax)
    if bar and levels:
        _name_levels(ax, paint)


def _name_levels(ax, paint: Mapping[float, Any]) -> None:
    """Which line has which level, the highest first."""
    from matplotlib.lines import Line2D

    lines = {
        number(level): Line2D([], [], color=colour, linewidth=2.2) for level, colour in reversed(list(paint.items()))
    }
    ax.legend(lines.values(), lines.keys(), title="level", loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False,
              handlelength=1.2, alignment="left")  # fmt: skip


def few_ticks(ax) -> None:
    """Ticks at few round numbers."""
    from matplotlib.ticker import MaxNLocator

    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))


@in_house_style
def isosurface(field, level=0.0, limits=None, *, resolution=64, viewpoint=(ELEVATION, AZIMUTH), ax=None) -> Any:
    r"""Draw the surface :math:`\{x : f(x) = c\}` of a field in space.

    Parameters
    ----------
    field : Field, Problem, callable or LevelSet
        Of three variables; a level set is drawn as it is.
    level : float, default=0.0
        c; without meaning for a level set.
    limits : pair of float or one pair for each variable, optional
        The box in which the surface is looked for, and which is shown. By default -1.5 to 1.5, or all of a level set.
    resolution : int, default=64
        Of the grid on which the surface is found.
    viewpoint : pair of float, default=(22.0, -58.0)
        Elevation and azimuth of the viewer, in degrees.
    ax : matplotlib axes of projection ``3d``, optional
        Of a new figure by default.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ArgumentError
        The field has not three variables, or the level is outside its range.
    DataError
        The field is NaN somewhere, or not scalar.
    MissingExtraError
        matplotlib or scikit-image is not installed.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from ellzero.geometry import quartic
    >>> ax = isosurface(quartic(), 0.0, resolution=16, ax=Figure().add_subplot(projection="3d"))
    >>> ax.get_zlabel()
    'z'
    """
    if isinstance(field, LevelSet):
        surface = field
        if surface.points.shape[1] != 3:
            raise checks.other_dimension(surface.label, surface.points.shape[1], 3)
        half = 1.05 * np.abs(surface.points).max(initial=1e-300)
        window = window_of((-half, half) if limits is None else limits, 3)
    else:
        field = loss_of(field, 3)
        if field.n != 3:
            raise checks.other_dimension(field.label, field.n, 3)
        window = window_of(USUAL if limits is None else limits, 3)
        surface = geo.level_set(field, level, limits=window, resolution=resolution)
    ax = new_axes(ax, three=True, size=(4.6, 4.4))
    draw_surfaces(ax, [Skin(surface, OKABE_ITO[5])], *viewpoint)
    dress(ax, window, surface.names)
    ax.set_title(f"{surface.label}, level {number(surface.level)}", y=0.98)
    return ax


@in_house_style
def slices(field, held, levels=None, limits=(-1.5, 1.5), *, at=None, resolution=None, ax=None) -> Any:
    r"""Draw slices of a field of more variables, side by side, with the same limits and levels.

    Parameters
    ----------
    field : Field or Problem
        Of n variables.
    held : mapping, or sequence of mappings, from axis (number or name) to float
        One slice for each: what it holds. Two variables left are drawn as contours, three as a surface.
    levels : sequence of float, optional
        The same for all slices; a level that one slice does not reach is left out there. By default nine in the plane,
        and in space the one below which half of the boxes lies.
    limits : pair of float or one pair for each variable that is left, default=(-1.5, 1.5)
        What is shown.
    at : array-like of shape (n,), optional
        A point whose entries are the values of variables that `held` holds at None; 0 by default.
    resolution : int, optional
        Of the grid; by default 200 in the plane and 64 in space.
    ax : matplotlib axes or sequence of them, optional
        One for each slice.

    Returns
    -------
    matplotlib axes, or an ndarray of them where there are several slices

    Raises
    ------
    ArgumentError
        There is no such axis, neither two nor three are left, or no slice reaches a level.
    MissingExtraError
        matplotlib, contourpy or scikit-image is not installed.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from ellzero.geometry import quartic
    >>> axes = slices(quartic(), [{"z": 0.0}, {"z": 0.37}], [0.2, 0.4], ax=Figure().subplots(1, 2))
    >>> [ax.get_title() for ax in axes]
    ['z = 0', 'z = 0.37']
    """
    several = not isinstance(held, Mapping)
    shown = field_panels(field, list(held) if several else [held], levels, limits, at=at, resolution=resolution)
    return draw_slices(shown, ax, several)


@in_house_style
def draw_slices(shown: Sequence[Panel], ax=None, several: bool = True) -> Any:
    """Draw panels of fields whose arrays are there already.

    Parameters
    ----------
    shown : sequence of Panel
        Of the same dimension.
    ax : matplotlib axes or sequence of them, optional
        One for each panel.
    several : bool, default=True
        Whether an array is given back.

    Returns
    -------
    matplotlib axes or ndarray of them

    Raises
    ------
    ArgumentError
        There is no panel, or another number of axes.
    MissingExtraError
        matplotlib is not installed.
    """
    if not shown:
        raise checks.empty_picture("shown")
    three = shown[0].n == 3
    axes = axes_for(ax, len(shown), three, (3.6, 3.6) if three else (3.1, 3.1))
    shared = [line.level for panel in shown for line in panel.contours]
    for i, (one, panel) in enumerate(zip(axes, shown, strict=True)):
        if three:
            _surfaces(one, panel)
        else:
            draw_lines(one, panel.contours, panel.limits, panel.names, i == len(shown) - 1, shared)
        one.set_title(panel.title if panel.contours else f"{panel.title}\n(no such level here)")
    return one_or_all(axes, several)


def _surfaces(ax, panel: Panel) -> None:
    """Nested surfaces: the lowest level solid, the others like glass."""
    if panel.contours:
        colours = [OKABE_ITO[5], OKABE_ITO[4], OKABE_ITO[3], OKABE_ITO[2]]
        skins = [Skin(s, colours[min(i, 3)], 1.0 if i == 0 else 0.25) for i, s in enumerate(panel.contours)]
        draw_surfaces(ax, skins)
    dress(ax, panel.limits, panel.names)
