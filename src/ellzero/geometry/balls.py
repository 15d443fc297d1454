r"""Balls :math:`\|x\|_p \le r` of every order, as curves and meshes in closed form."""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy.special import gammaln

from .. import _checks as checks
from .norms import norm
from .sets import LevelSet, unit

USUAL = {2: 64, 3: 24}  # cells from an axis to the diagonal
MOST = {2: 100_000, 3: 256}


def ball(p, n=2, radius=1.0, resolution=None) -> LevelSet:
    r"""Boundary of the ball :math:`\{x : \|x\|_p \le r\}` in closed form, :math:`r(d) = r\,d/\|d\|_p` in direction d.

    Parameters
    ----------
    p : float in [0, inf]
        Order. At p = 0 there is no boundary; what is within reach with at most one nonzero is returned, the segments
        of the axes from -r to r.
    n : {2, 3}, default=2
        Dimension.
    radius : float > 0, default=1.0
        r.
    resolution : int >= 1, optional
        Cells from an axis to the diagonal; 64 in the plane (512 segments) and 24 in space (27648 triangles) by default.

    Returns
    -------
    LevelSet
        Of `norm` at level r. Its points are on the ball to rounding (p below 0.01: as far as coordinates, powers of
        order 1/p, do not underflow), and among them are the ends on the axes and the diagonals; so the flat cells are
        the ball itself at p = 1 and p = inf, and elsewhere their content is short of (p < 1: above) that of the ball
        by an error of second order in 1 / resolution.

    Raises
    ------
    ArgumentError
        p is negative or NaN, n is not 2 or 3, the radius is not positive, or the resolution is not in its range.

    Notes
    -----
    Directions are :math:`(1, g(s), g(t))`, for s and t on a regular grid of [-1, 1], and those with the axes exchanged:
    the grid of a cube's faces. For :math:`p \ge 1`, g(s) = s. For p < 1 the ball has spikes along the axes, and
    :math:`g(s) = \pm|s|^{1/p}` makes steps along them of equal shares of :math:`|x_j|^p`. Edges of p = 1, where some
    coordinate is 0, and of p = inf, where the largest two are equal, are edges of this grid.

    Examples
    --------
    >>> diamond = ball(1)
    >>> round(diamond.content(), 12), round(float(diamond.points.max()), 12)
    (2.0, 1.0)
    >>> spikes = ball(0.3, n=3)
    >>> bool((spikes.points == [1.0, 0.0, 0.0]).all(axis=1).any()), spikes.closed
    (True, True)
    """
    p, radius = checks.exponent(p), checks.finite_positive("radius", radius)
    n = checks.two_or_three("a ball", checks.dimension(n))
    label, names = f"p = {p:g}".replace("inf", "∞"), tuple(f"x{j + 1}" for j in range(n))
    if p == 0:
        points = radius * np.repeat(np.eye(n), 2, axis=0) * np.tile([-1.0, 1.0], n)[:, None]
        return LevelSet(points, np.arange(2 * n).reshape(n, 2), np.zeros((2 * n, n)), radius, label, names)
    k = USUAL[n] if resolution is None else resolution
    k = checks.integer_in("resolution", k, 1, MOST[n], "It is the number of cells from an axis to the diagonal.")
    lattice, cells = _cube(k, n)
    points = _on_unit_ball(lattice / k, p)
    return LevelSet(radius * points, cells, _normals(points, p), radius, label, names)


def ball_content(p, n, radius=1.0) -> float:
    r"""Area, volume or content of a ball in any dimension, :math:`(2r\,\Gamma(1 + 1/p))^n / \Gamma(1 + n/p)`.

    Parameters
    ----------
    p : float in [0, inf]
        Order; at both ends the limit, :math:`(2r)^n` for p = inf and, where n > 1, 0 for p = 0.
    n : int >= 1
        Dimension.
    radius : float > 0, default=1.0
        r.

    Returns
    -------
    float
        ``inf`` or 0 where it overflows or underflows.

    Raises
    ------
    ArgumentError
        p is negative or NaN, n is no dimension, or the radius is not positive.

    References
    ----------
    Dirichlet (1839), "Sur une nouvelle méthode pour la détermination des intégrales multiples"; Wang (2005), "Volumes
    of generalized unit balls".

    Examples
    --------
    >>> [round(ball_content(p, 3), 4) for p in (0, 0.5, 1, 2, np.inf)]
    [0.0, 0.0889, 1.3333, 4.1888, 8.0]
    """
    p, n, radius = checks.exponent(p), checks.dimension(n), checks.finite_positive("radius", radius)
    if p == 0:
        return 0.0 if n > 1 else 2.0 * radius
    q = 1.0 / p
    with np.errstate(over="ignore", under="ignore"):
        if np.isinf(q):
            return 0.0 if n > 1 else 2.0 * radius
        share, power = np.exp(n * gammaln(1.0 + q) - gammaln(1.0 + n * q)), np.float64(2.0 * radius) ** n
        if 0 < share < np.inf and 0 < power < np.inf:
            return float(share * power)
        return float(np.exp(n * (np.log(2.0 * radius) + gammaln(1.0 + q)) - gammaln(1.0 + n * q)))


def _cube(k: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Surface of the cube [-k, k]^n: its lattice points, and segments or triangles that run outwards round it."""
    steps = np.arange(-k, k + 1)
    corners, cells = [], []
    for axis, side in product(range(n), (-1, 1)):
        if n == 2:
            across = steps[None, :]
            flat = np.column_stack([np.arange(2 * k), np.arange(1, 2 * k + 1)])
        else:
            s, t = np.meshgrid(steps, steps, indexing="ij")
            across = np.stack([s.ravel(), t.ravel()])
            flat = _triangles(k)
        face = np.empty((across.shape[1], n), int)
        others = [(axis + 1) % n] if n == 2 else [(axis + 1) % n, (axis + 2) % n]
        face[:, axis], face[:, others] = side * k, across.T
        turned = (side > 0) if n == 3 else (side > 0) == (axis == 0)
        cells.append((flat if turned else flat[:, ::-1]) + len(corners) * len(face))
        corners.append(face)
    every = np.concatenate(corners)
    keys = (every + k) @ ((2 * k + 1) ** np.arange(n))
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    return every[first], which.ravel()[np.concatenate(cells)]


def _triangles(k: int) -> np.ndarray:
    """Two triangles for each square of a face, cut along the line from the middle of the face outwards."""
    number = np.arange((2 * k + 1) ** 2).reshape(2 * k + 1, 2 * k + 1)
    a, b, c, d = (part.ravel() for part in (number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]))
    i, j = (part.ravel() for part in np.indices((2 * k, 2 * k)))
    outward = ((i < k) == (j < k))[:, None]
    one = np.where(outward, np.column_stack([a, b, c]), np.column_stack([a, b, d]))
    two = np.where(outward, np.column_stack([a, c, d]), np.column_stack([b, c, d]))
    return np.concatenate([one, two])


def _on_unit_ball(d: np.ndarray, p: float) -> np.ndarray:
    """Points of the unit ball in directions d of the cube's surface, warped as `ball` says."""
    if p >= 1:
        return d / norm(d, p)[:, None]
    share = np.abs(d)
    with np.errstate(under="ignore"):
        return np.copysign((share / share.sum(axis=1, keepdims=True)) ** (1.0 / p), d)


def _normals(points: np.ndarray, p: float) -> np.ndarray:
    """Unit gradients of the norm, 0 where it has none."""
    size = np.abs(points)
    largest = size.max(axis=1, keepdims=True)
    if np.isinf(p):
        at = size == largest
        return np.where(at & (at.sum(axis=1, keepdims=True) == 1), np.sign(points), 0.0)
    if p > 1:
        with np.errstate(under="ignore"):
            return unit(np.sign(points) * (size / largest) ** (p - 1.0))
    smooth = (size > 0).all(axis=1, keepdims=True)
    least = np.where(smooth, size.min(axis=1, keepdims=True), 1.0)
    with np.errstate(under="ignore"):
        slope = np.where(smooth, np.where(size > 0, size, 1.0) / least, 1.0) ** (p - 1.0)
    return unit(np.where(smooth, np.sign(points) * slope, 0.0))
