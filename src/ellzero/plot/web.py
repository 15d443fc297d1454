"""The same panels as one HTML file that turns and zooms, with plotly inside it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from .. import _checks as checks
from ..geometry import LevelSet
from .panels import Panel, number
from .style import INK, OKABE_ITO

ACROSS, HIGH = 420, 460
"""Pixels of a panel."""


def needs_plotly(what: str) -> Any:
    """The package, or the one line that installs it.

    Parameters
    ----------
    what : str
        What needs it, as the message says.

    Returns
    -------
    module
        ``plotly``.

    Raises
    ------
    MissingExtraError
        It is not installed.
    """
    try:
        import plotly  # pyright: ignore[reportMissingImports]
        import plotly.graph_objects  # pyright: ignore[reportMissingImports]
        import plotly.subplots  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise checks.missing_extra(what, "plotly", "web") from error
    return plotly


def figure(shown: Sequence[Panel]) -> Any:
    """Panels as a plotly figure.

    Parameters
    ----------
    shown : sequence of Panel
        From `panels` or `field_panels`; all of the same dimension.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    ArgumentError
        There is no panel.
    MissingExtraError
        plotly is not installed.
    """
    plotly = needs_plotly("an interactive picture")
    if not shown:
        raise checks.empty_picture("shown")
    three = shown[0].n == 3
    drawn = plotly.subplots.make_subplots(
        1, len(shown), subplot_titles=[_title(panel) for panel in shown], horizontal_spacing=0.06 / len(shown) + 0.02,
        specs=[[{"type": "scene" if three else "xy"}] * len(shown)],
    )  # fmt: skip
    shared = sorted({line.level for panel in shown for line in panel.contours})  # the same colours in all panels
    for column, panel in enumerate(shown, 1):
        for trace in (_traces_in_space if three else _traces_in_plane)(plotly.graph_objects, panel, shared):
            drawn.add_trace(trace, 1, column)
        if three:
            drawn.update_scenes(_scene(panel), row=1, col=column)
        else:
            _axes(drawn, panel, column)
    drawn.update_layout(
        template="simple_white", showlegend=False, width=ACROSS * len(shown) + 40, height=HIGH,
        margin={"l": 50, "r": 20, "t": 80, "b": 50},
    )  # fmt: skip
    return drawn


def page(shown: Sequence[Panel], title: str = "ellzero geometry") -> str:
    """Panels as one HTML page that opens without a network: plotly's script is inside it, about 5 MB.

    Parameters
    ----------
    shown : sequence of Panel
        From `panels` or `field_panels`.
    title : str, default="ellzero geometry"
        Of the page.

    Returns
    -------
    str
        The same for the same panels.

    Raises
    ------
    MissingExtraError
        plotly is not installed.
    """
    inside = figure(shown).to_html(full_html=False, include_plotlyjs=True, div_id="picture")
    words = "".join(f"<li>{escape(_title(panel, ': '))}</li>" for panel in shown)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{escape(title)}</title></head>\n'
        f'<body style="font-family: sans-serif">\n{inside}\n<ul>{words}</ul>\n</body>\n</html>\n'
    )


def _title(panel: Panel, between: str = "<br>") -> str:
    if panel.contact is None:
        return panel.title
    return f"{panel.title}{between}{panel.below}"


# -- the plane ---------------------------------------------------------------------------------------------------------
def _traces_in_plane(go, panel: Panel, shared: list[float]) -> list[Any]:
    traces = []
    if panel.ball is not None:
        style = {"color": OKABE_ITO[0], "width": 4 if panel.lines_only else 2}
        inside = None if panel.lines_only else "toself"
        traces.append(_curve(go, panel.ball, style, panel.title, fill=inside, fillcolor="rgba(86, 180, 233, 0.35)"))
    for line in panel.contours:
        style = {"color": _shade(shared.index(line.level), len(shared)), "width": 1 if panel.ball is not None else 2}
        traces.append(_curve(go, line, style, f"{line.label} = {number(line.level)}"))
    if panel.touching is not None:
        style = {"color": OKABE_ITO[1], "width": 3}
        traces.append(_curve(go, panel.touching, style, f"{panel.touching.label} = {number(panel.touching.level)}"))
    for name, where, symbol in _marks(panel):
        x, y = ([float(value)] for value in where)
        marker = {"color": INK, "size": 10, "symbol": symbol}
        traces.append(go.Scatter(x=x, y=y, mode="markers", marker=marker, name=name))
    return traces


def _curve(go, line: LevelSet, style, name: str, **more) -> Any:
    """All pieces of a level set as one line with gaps."""
    gap = np.full((1, line.points.shape[1]), np.nan)
    points = np.concatenate([part for curve in line.curves() for part in (curve, gap)] or [gap])[:-1]
    return go.Scatter(x=points[:, 0], y=points[:, 1], mode="lines", line=style, name=name, hoverinfo="name+x+y", **more)


def _shade(i: int, count: int) -> str:
    """Hex colour of the i-th of some levels, on cividis."""
    from plotly.colors import sample_colorscale  # pyright: ignore[reportMissingImports]

    return sample_colorscale("Cividis", [0.15 + 0.6 * i / max(count - 1, 1)])[0]


def _axes(drawn, panel: Panel, column: int) -> None:
    x, y = panel.limits.tolist()
    anchor = "x" if column == 1 else f"x{column}"
    drawn.update_xaxes(range=x, title_text=panel.names[0], zeroline=True, row=1, col=column)
    drawn.update_yaxes(range=y, title_text=panel.names[1], zeroline=True, scaleanchor=anchor, row=1, col=column)


def _marks(panel: Panel):
    if panel.centre is not None:
        yield "minimiser without a budget", panel.centre, "x"
    if panel.contact is not None:
        yield panel.below, panel.contact.point, "circle"


# -- space -------------------------------------------------------------------------------------------------------------
def _traces_in_space(go, panel: Panel, shared: list[float]) -> list[Any]:
    traces = []
    if panel.ball is not None and panel.lines_only:
        for curve in panel.ball.curves():
            style = {"color": OKABE_ITO[0], "width": 8}
            traces.append(go.Scatter3d(**_xyz(curve), mode="lines", line=style, name=panel.title))
    elif panel.ball is not None:
        traces.append(_mesh(go, panel.ball, OKABE_ITO[5], 0.3 if panel.counts else 1.0, panel.title))
    for i, surface in enumerate(panel.contours):
        colour = (OKABE_ITO[5], OKABE_ITO[4], OKABE_ITO[3], OKABE_ITO[2])[min(shared.index(surface.level), 3)]
        solid = panel.ball is None and i == 0
        traces.append(_mesh(go, surface, colour, 1.0 if solid else 0.3, f"{surface.label} = {number(surface.level)}"))
    if panel.touching is not None:
        name = f"{panel.touching.label} = {number(panel.touching.level)}"
        traces.append(_mesh(go, panel.touching, OKABE_ITO[4], 0.45, name))
    for name, where, symbol in _marks(panel):
        marker = {"color": INK, "size": 5, "symbol": symbol}
        traces.append(go.Scatter3d(**_xyz(np.reshape(where, (1, 3))), mode="markers", marker=marker, name=name))
    return traces


def _xyz(points: np.ndarray) -> dict[str, np.ndarray]:
    return {"x": points[:, 0], "y": points[:, 1], "z": points[:, 2]}


def _mesh(go, mesh: LevelSet, colour: str, opacity: float, name: str) -> Any:
    i, j, k = mesh.cells.T
    light = {"ambient": 0.55, "diffuse": 0.6, "specular": 0.2, "roughness": 0.5}
    return go.Mesh3d(**_xyz(mesh.points), i=i, j=j, k=k, color=colour, opacity=opacity, name=name, lighting=light,
                     flatshading=False, hoverinfo="name+x+y+z")  # fmt: skip


def _scene(panel: Panel) -> dict[str, Any]:
    axes = {}
    for letter, (low, high), name in zip("xyz", panel.limits.tolist(), panel.names, strict=True):
        axes[f"{letter}axis"] = {"range": [low, high], "title": {"text": name}, "showbackground": False}
    return {**axes, "aspectmode": "cube" if np.ptp(np.ptp(panel.limits, axis=1)) == 0 else "data"}
