r"""Isolines and isosurfaces of scalar fields."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from .. import _checks as checks
from .crossings import on_level
from .fields import as_field
from .grids import grid_axes, values_on
from .sets import LevelSet, unit

USUAL = {2: 200, 3: 64}  # nodes along one axis
MOST = {2: 5_000, 3: 400}


def level_set(field, level, limits=(-1.5, 1.5), resolution=None, n=None) -> LevelSet:
    r"""Level set :math:`\{x : f(x) = c\}` of a field: an isoline for n = 2, an isosurface for n = 3.

    Parameters
    ----------
    field : Field, Penalty, Problem or callable
        Of 2 or 3 variables; see `as_field`.
    level : float
        c, strictly between the least and the largest value on the grid.
    limits : pair of float, or one pair for each variable, default=(-1.5, 1.5)
        Box in which the set is sought.
    resolution : int >= 3, optional
        Grid points along each axis; 200 in the plane and 64 in space by default.
    n : int, optional
        Number of variables, for penalties and callables.

    Returns
    -------
    LevelSet
        Its points lie on the level to rounding, where the field is continuous; between them the distance to the set
        falls with the square of the grid's spacing where the field is smooth, and linearly at its corners.

    Raises
    ------
    ArgumentError
        The field has not 2 or 3 variables, the level is outside its range, or limits or resolution make no grid.
    DataError
        The field is NaN on the grid, infinite all over it, or not scalar.
    MissingExtraError
        contourpy (in the plane) or scikit-image (in space) is not installed.

    Notes
    -----
    The topology is that of marching squares or cubes on the grid. Each of their points is then moved along its grid
    edge to the crossing itself, by a bracketing root finder, so that corners of the field do no harm. Cells of the
    grid at which the field is infinite are left out.

    References
    ----------
    Lorensen & Cline (1987), "Marching cubes: a high resolution 3D surface construction algorithm";
    Lewiner, Lopes, Vieira & Tavares (2003), "Efficient implementation of marching cubes' cases with topological
    guarantees".

    Examples
    --------
    >>> from ellzero.geometry import quadratic
    >>> ellipse = level_set(quadratic([[1.0, 0.0], [0.0, 4.0]], [0.0, 0.0]), 0.5)
    >>> round(ellipse.content(), 3)  # pi / 2
    1.571
    >>> from ellzero.penalties import L1
    >>> round(level_set(L1(1.0), 1.0, n=3, resolution=17).content(), 3)  # 4 / 3
    1.333
    """
    field = as_field(field, n)
    checks.two_or_three("a level set", field.n)
    level = checks.finite_number("level", level)
    axes = grid_axes(limits, field.n, USUAL[field.n] if resolution is None else resolution, MOST)
    values = values_on(field, axes) - level
    finite = np.isfinite(values)
    if not finite.any():
        raise checks.nowhere_finite(field.label)
    low, high = float(values[finite].min()), float(values[finite].max())
    if not low < 0 < high:
        raise checks.level_outside(field.label, level, level + low, level + high)
    trace = _isolines if field.n == 2 else _isosurface
    places, cells = trace(values, finite)
    if not len(cells):
        raise checks.level_outside(field.label, level, level + low, level + high)
    points = on_level(field, level, axes, values, places)
    if field.n == 2:
        points, cells = _without_empty(points, cells)
    return LevelSet(points, cells, unit(field.slope(points)), level, field.label, field.names)


def _isolines(values, finite):
    """Marching squares; places count in grid steps."""
    try:
        from contourpy import contour_generator
    except ImportError:
        raise checks.missing_extra("an isoline", "contourpy", "geometry") from None
    lines = contour_generator(z=np.ma.array(values, mask=~finite).T).lines(0.0)
    places, cells, start = [np.empty((0, 2))], [np.empty((0, 2), int)], 0
    for line in lines:
        line = np.asarray(line, float)[::-1]  # contourpy has larger values on the left
        count = len(line)
        number = start + np.arange(count)
        if (line[0] == line[-1]).all():
            count -= 1
            number[-1] = start
        places.append(line[:count])
        cells.append(np.column_stack([number[:-1], number[1:]]))
        start += count
    return np.concatenate(places), np.concatenate(cells)


def _without_empty(points, cells):
    """Segments of length 0, as they arise where the level passes through nodes, become one point each."""
    empty = (points[cells[:, 0]] == points[cells[:, 1]]).all(axis=1)
    if not empty.any():
        return points, cells
    count = len(points)
    links = coo_array((np.ones(empty.sum()), tuple(cells[empty].T)), shape=(count, count))
    _, which = connected_components(links, directed=False)
    _, first = np.unique(which, return_index=True)
    return points[first], which[cells[~empty]].astype(int)


def _isosurface(values, finite):
    """Marching cubes; places count in grid steps."""
    try:
        from skimage.measure import marching_cubes
    except ImportError:
        raise checks.missing_extra("an isosurface", "scikit-image", "geometry") from None
    # it works in single precision, and leaves holes where a node is on the level: what must survive is a sign
    scale = float(np.abs(values[finite]).max())
    single = np.where(finite, values, scale) / scale
    single = np.where(single > 0, 1.0, -1.0) * np.maximum(np.abs(single), 1e-30)
    places, cells, _, _ = marching_cubes(single.astype(np.float32), 0.0, gradient_direction="descent")
    places, cells = places.astype(float), cells.astype(int)
    if finite.all():
        return places, cells
    whole = np.ones(tuple(s - 1 for s in values.shape), bool)
    for corner in np.ndindex(2, 2, 2):
        whole &= finite[tuple(slice(c, s - 1 + c) for c, s in zip(corner, values.shape, strict=True))]
    cube = np.floor(places[cells].mean(axis=1)).astype(int)
    cells = cells[whole[tuple(np.minimum(cube, np.array(whole.shape) - 1).T)]]
    used, cells = np.unique(cells, return_inverse=True)
    return places[used], cells.reshape(-1, 3)
