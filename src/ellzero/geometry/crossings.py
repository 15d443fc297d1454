"""Points of marching squares and cubes, moved onto the level itself."""

from __future__ import annotations

import numpy as np

from .fields import Field

NEAR = 1e-3  # share of a step within which a point is taken to be at a node; single precision is 3e-5
HALVINGS = 60  # of a bracket
INSIDE = 4  # Newton steps of the few points inside cubes


def on_level(field: Field, level: float, axes, values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Points at the crossings of grid edges that places, counted in grid steps, are next to.

    Parameters
    ----------
    field : Field
    level : float
    axes : tuple of ndarray
        Nodes along each axis.
    values : ndarray
        Field less level at the nodes.
    places : ndarray of shape (m, n)
        Points on grid edges, to single precision, and a few inside cubes.

    Returns
    -------
    ndarray of shape (m, n)
        Never further than one cell from where they were, and on the same grid edge.
    """
    n = len(axes)
    moved = np.column_stack([np.interp(places[:, j], np.arange(len(axes[j])), axes[j]) for j in range(n)])
    off = np.abs(places - np.round(places))
    axis, base = off.argmax(axis=1), np.round(places).astype(int)
    rows = np.arange(len(places))
    base[rows, axis] = np.floor(places[rows, axis]).astype(int)
    inside = (off > NEAR).sum(axis=1) > 1
    at_node = (off <= NEAR).all(axis=1)
    for i in np.flatnonzero(at_node):
        axis[i], base[i] = _nearest_edge(values, np.round(places[i]).astype(int))
    last = np.array(values.shape) - 1
    base[rows, axis] = np.minimum(base[rows, axis], last[axis] - 1)
    ahead = base.copy()
    ahead[rows, axis] += 1
    start, end = values[tuple(base.T)], values[tuple(ahead.T)]
    crossed = (start * end <= 0) & np.isfinite(start) & np.isfinite(end) & ~inside
    ends = [np.column_stack([axes[j][which[:, j]] for j in range(n)]) for which in (base, ahead)]
    pick = np.flatnonzero(crossed)
    share = _roots(field, level, ends[0][pick], ends[1][pick], start[pick], end[pick])
    moved[pick] = ends[0][pick] + share[:, None] * (ends[1][pick] - ends[0][pick])
    if inside.any():
        step = min(float(t[1] - t[0]) for t in axes)
        pulled = _pulled(field, level, moved[inside], step)
        cubes = np.minimum(np.floor(places[inside]).astype(int), last - 1)
        moved[inside] = _towards_corners(field, level, axes, values, cubes, pulled)
    return moved


def _nearest_edge(values, node):
    """Axis and first node of the edge at a node whose crossing is nearest to it."""
    here, best = values[tuple(node)], (np.inf, 0, node)
    for j in range(len(node)):
        for side in (-1, 1):
            other = node.copy()
            other[j] += side
            if not 0 <= other[j] < values.shape[j]:
                continue
            there = values[tuple(other)]
            if np.isfinite(there) and here * there <= 0 and here != there:
                far = abs(here / (here - there))
                if far < best[0]:
                    best = far, j, np.minimum(node, other)
    return best[1], best[2]


def _roots(field, level, one, other, start, end):
    """Share of the way from one end to the other at which the field crosses the level, by Illinois steps.

    The value of an end that stays twice is halved, and each third step halves the bracket itself, so that jumps and
    corners are found too.
    """
    a, b = np.zeros(len(one)), np.ones(len(one))
    fa, fb = start.copy(), end.copy()
    root, stayed = np.where(fa == 0, 0.0, 1.0), np.zeros(len(one))  # 1: the second end stayed last, -1: the first
    live = np.flatnonzero((fa != 0) & (fb != 0))
    size = np.abs(fa) + np.abs(fb)
    for turn in range(3 * HALVINGS):
        if not live.size:
            break
        p, q, fp, fq = a[live], b[live], fa[live], fb[live]
        with np.errstate(invalid="ignore", divide="ignore"):
            t = (p * fq - q * fp) / (fq - fp)
        middle = 0.5 * (p + q)
        t = np.where((t > p) & (t < q) & (turn % 3 < 2), t, middle)
        f = field(one[live] + t[:, None] * (other[live] - one[live])) - level
        same = np.sign(f) == np.sign(fp)
        fa[live] = np.where(same, f, np.where(stayed[live] < 0, 0.5 * fp, fp))
        fb[live] = np.where(same, np.where(stayed[live] > 0, 0.5 * fq, fq), f)
        stayed[live] = np.where(same, 1.0, -1.0)
        a[live], b[live], root[live] = np.where(same, t, p), np.where(same, q, t), t
        done = (np.abs(f) <= 4e-16 * (size[live] + abs(level))) | (b[live] - a[live] <= 4e-16)
        live = live[~done]
    return root


def _towards_corners(field, level, axes, values, cubes, points):
    """Points inside cubes that Newton steps did not bring to the level: a cube has corners on both sides of it."""
    here = field(points) - level
    corners = cubes[:, None, :] + np.array(list(np.ndindex(*[2] * len(axes))))
    there = values[tuple(np.moveaxis(corners, -1, 0))]
    with np.errstate(invalid="ignore", divide="ignore"):
        far = np.where(here[:, None] * there <= 0, np.abs(here[:, None] / (here[:, None] - there)), np.inf)
    which = np.nan_to_num(far, nan=np.inf).argmin(axis=1)
    rows = np.arange(len(points))
    pick = np.flatnonzero((np.abs(here) > 1e-12 * (1.0 + abs(level))) & np.isfinite(far[rows, which]))
    ends = np.column_stack([t[corners[pick, which[pick], j]] for j, t in enumerate(axes)])
    share = _roots(field, level, points[pick], ends, here[pick], there[pick, which[pick]])
    points = points.copy()
    points[pick] += share[:, None] * (ends - points[pick])
    return points


def _pulled(field, level, points, step):
    """Newton steps along the gradient, kept while they come closer and stay within half a grid step."""
    best = points.copy()
    error = np.abs(field(best) - level)
    for _ in range(INSIDE):
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            slope = field.slope(best)
            after = best - ((field(best) - level) / (slope**2).sum(axis=1))[:, None] * slope
        near = np.isfinite(after).all(axis=1) & (np.abs(after - points).max(axis=1) <= 0.5 * step)
        after = np.where(near[:, None], after, best)
        left = np.abs(field(after) - level)
        closer = left < error
        best[closer], error[closer] = after[closer], left[closer]
    return best
