"""Meshes in space: lit by true normals, nearer triangles before farther ones, whatever surface they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .labels import plain

if TYPE_CHECKING:
    from ..geometry import LevelSet

ELEVATION, AZIMUTH = 22.0, -58.0
"""Where the viewer stands, in degrees, unless a picture has reason to choose another place."""
DARKEST = 0.55
"""Share of the light that reaches what is turned away from the lamp."""
SHINE, GLOSS = 0.22, 24.0
"""Strength and narrowness of the highlight."""


@dataclass(frozen=True, eq=False)
class Skin:
    """A mesh and its paint.

    Attributes
    ----------
    mesh : LevelSet
        Points, triangles and normals.
    colour : str
        Of a lit face.
    alpha : float
        Opacity.
    """

    mesh: LevelSet
    colour: str
    alpha: float = 1.0


def towards_viewer(elevation: float, azimuth: float) -> np.ndarray:
    """Unit vector from the origin to the viewer.

    Examples
    --------
    >>> towards_viewer(0.0, 0.0).round(12).tolist()
    [1.0, 0.0, 0.0]
    """
    e, a = np.deg2rad([elevation, azimuth])
    return np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])


def shades(mesh: LevelSet, elevation: float = ELEVATION, azimuth: float = AZIMUTH) -> tuple[np.ndarray, np.ndarray]:
    r"""Light on every triangle: :math:`a + (1 - a) \max(0, \bar n \cdot l)` and the highlight.

    Parameters
    ----------
    mesh : LevelSet
        In space; :math:`\bar n` is the mean of the normals at a triangle's corners, turned to the viewer, because a
        hollow is seen from inside. Where the corners have none it is that of the flat triangle.
    elevation, azimuth : float
        Where the viewer stands, in degrees. The lamp hangs to the left above.

    Returns
    -------
    diffuse : ndarray of shape (c,)
        In [DARKEST, 1].
    highlight : ndarray of shape (c,)
        In [0, SHINE].
    """
    view = towards_viewer(elevation, azimuth)
    lamp = towards_viewer(elevation + 32.0, azimuth - 38.0)
    normals = face_normals(mesh)
    normals = normals * np.where(normals @ view < 0, -1.0, 1.0)[:, None]
    halfway = (lamp + view) / np.linalg.norm(lamp + view)
    diffuse = DARKEST + (1.0 - DARKEST) * np.maximum(normals @ lamp, 0.0)
    return diffuse, SHINE * np.maximum(normals @ halfway, 0.0) ** GLOSS


def face_normals(mesh: LevelSet) -> np.ndarray:
    """Unit normals of triangles: means of those at their corners, or of the flat triangle where these cancel."""
    flat = _unit(outward_normals(mesh))
    mean = np.nan_to_num(mesh.normals)[mesh.cells].mean(axis=1)
    return np.where((np.linalg.norm(mean, axis=1) > 0.3)[:, None], _unit(mean), flat)


def outward_normals(mesh: LevelSet) -> np.ndarray:
    """Normals of the flat triangles, not of unit length, out of what the mesh encloses."""
    corners = mesh.points[mesh.cells]
    return np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])


def closed(mesh: LevelSet) -> bool:
    """Whether each edge belongs to two triangles, so that no side is seen from inside."""
    edges = np.sort(mesh.cells[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    _, count = np.unique(edges, axis=0, return_counts=True)
    return bool((count == 2).all())


def _unit(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(length > 0, length, 1.0)


def draw_surfaces(ax, skins: list[Skin], elevation: float = ELEVATION, azimuth: float = AZIMUTH) -> Any:
    """Draw all meshes as one collection, because matplotlib puts triangles in order only within one.

    Parameters
    ----------
    ax : matplotlib axes in three dimensions
        Turned to the viewer's place.
    skins : list of Skin
        At least one.
    elevation, azimuth : float
        Where the viewer stands, in degrees.

    Returns
    -------
    Poly3DCollection
        Already on the axes.
    """
    from matplotlib.colors import to_rgb
    from mpl_toolkits.mplot3d.art3d import Poly3DCollection

    triangles, paint, hidden = [], [], []
    view = towards_viewer(elevation, azimuth)
    for skin in skins:
        diffuse, highlight = shades(skin.mesh, elevation, azimuth)
        rgb = np.clip(np.array(to_rgb(skin.colour)) * diffuse[:, None] + highlight[:, None], 0.0, 1.0)
        triangles.append(skin.mesh.points[skin.mesh.cells])
        paint.append(np.column_stack([rgb, np.full(len(rgb), skin.alpha)]))
        hidden.append(closed(skin.mesh) & (outward_normals(skin.mesh) @ view < 0))
    faces = np.concatenate(paint)
    # opaque triangles overlap by a hair, else the page shines through; of those behind it would fringe the outline
    edges = np.where((faces[:, 3:] < 1.0) | np.concatenate(hidden)[:, None], 0.0, faces)
    drawn = Poly3DCollection(np.concatenate(triangles), facecolors=faces, edgecolors=edges, linewidths=0.5)
    drawn.set_rasterized(True)  # in an SVG, tens of thousands of triangles would be megabytes
    ax.add_collection3d(drawn)
    ax.view_init(elev=elevation, azim=azimuth)
    ax.set_proj_type("ortho")
    return drawn


def dress(ax, limits, names) -> None:
    """Equal scales, white walls, few ticks, none of them where two axes meet."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

    limits = np.asarray(limits, float)
    ax.set(xlim=limits[0], ylim=limits[1], zlim=limits[2])
    ax.set_box_aspect(np.ptp(limits, axis=1), zoom=0.87)
    ax.grid(False)
    places = MaxNLocator(4, steps=[1, 2, 5, 10])
    for axis, (low, high), name in zip((ax.xaxis, ax.yaxis, ax.zaxis), limits, names, strict=True):
        first, last = low + 0.1 * (high - low), high - 0.1 * (high - low)
        ticks = np.asarray(places.tick_values(first, last))
        axis.set_pane_color((1.0, 1.0, 1.0, 0.0))
        axis.line.set_color("#777777")
        axis.set_major_locator(FixedLocator(ticks[(ticks >= first) & (ticks <= last)].tolist()))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", "−")))
        axis.set_tick_params(pad=-1, color="#777777")
        axis.set_label_text(plain(name))
        axis.labelpad = -5 if axis is ax.zaxis else -1
