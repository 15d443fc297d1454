r"""Solution paths in the plane: the penalised minimiser of a loss of two variables as the strength falls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .. import _checks as checks
from ..penalties import L0, L1, L2, MCP, SCAD, ElasticNet, Folded, Lp, Penalty, Separable
from .constrained import FLAT, Smooth, least, smooth
from .fields import as_field

GRID = 241  # points along each axis; odd, so that 0 is one of them
CANDIDATES = 12
LINE = 4001  # points on a line through the minimiser
ON_LINE = 3
DIRECTIONS = 720
MARGIN = 1.01
LEAST = 1e-6  # half a side where 0 is the minimiser already
NEWTON = 60
DIFFERENCE = 1e-6
BISECTIONS = 40
ROUNDS = 60
NEAR = 1e-7  # relative distance of the first strength from the one at which 0 is left
HALVINGS = 20
STRENGTHS = 60
RATIO = 1e-3
TIE = 1e-12  # of the objective's range: closer ones count as equal, and the sparser is taken

FAMILIES: dict[str, Callable[[float], Penalty]] = {
    "l0": L0,
    "l1": L1,
    "l2": L2,
    "elastic_net": lambda strength: ElasticNet(0.5 * strength, 0.25 * strength),
    "lp": lambda strength: Lp(strength, 0.5),
    "mcp": MCP,
    "scad": SCAD,
}


@dataclass(frozen=True, eq=False)
class PlanePath:
    """Penalised minimisers in the plane.

    Attributes
    ----------
    strengths : ndarray of shape (m,)
        Falling.
    points : ndarray of shape (m, 2)
    zeros : ndarray of shape (m,)
        Exact zeros of each.
    label : str
    """

    strengths: np.ndarray
    points: np.ndarray
    zeros: np.ndarray
    label: str


def solution_path(loss, family: str | Callable[[float], Penalty] = "l1", strengths=None, *, label=None) -> PlanePath:
    r"""Minimisers of :math:`L(x) + P_\lambda(x)` over the plane for falling :math:`\lambda`.

    Parameters
    ----------
    loss : Field of two variables with gradient and Hessian, or Problem of two columns
        Convex, with a minimiser.
    family : {"l0", "l1", "l2", "elastic_net", "lp", "mcp", "scad"} or callable, default="l1"
        A callable takes a strength to a `Penalty` of single variables. The elastic net has ``l1_ratio`` 1/2, `Lp`
        p = 1/2, `MCP` and `SCAD` their usual shapes.
    strengths : sequence of float, optional
        > 0, taken from large to small. By default sixty on the logarithmic scale down from where 0 is left (for a
        ridge, from a hundred times the largest curvature).
    label : str, optional
        The family's name by default.

    Returns
    -------
    PlanePath

    Raises
    ------
    ArgumentError
        The loss has not two variables, is not convex or has no Hessian; the family or a strength is unknown.
    UnsupportedError
        A penalty of groups.

    Notes
    -----
    Each is the global minimiser as far as a grid of 241 x 241 points tells, on a square that holds all points no worse
    than 0, and finer grids of the two lines through the loss's minimiser along which it bends least and most: a valley
    may be narrower than the square's cells. From the lowest points among their neighbours, and on the axes, coordinate
    steps by the penalty's prox and Newton's method lead to a minimum. Where two do equally well, the sparser is taken.

    Examples
    --------
    >>> from ellzero.geometry import quadratic
    >>> path = solution_path(quadratic(np.eye(2), [1.0, 0.37]), "l1", [0.5, 0.19])
    >>> path.points.round(3)
    array([[0.5 , 0.  ],
           [0.81, 0.18]])
    """
    field = as_field(loss)
    if field.n != 2:
        raise checks.need_plane(field.n)
    make = FAMILIES[checks.one_of("family", family, list(FAMILIES))] if isinstance(family, str) else family
    plane = _Plane(smooth(field, 1.0))
    if strengths is None:
        strengths = _usual(plane, make)
    chosen = np.sort(checks.strengths("strengths", strengths, positive=True))[::-1]
    points = np.array([plane.minimiser(make(float(strength))) for strength in chosen])
    name = family if isinstance(family, str) else getattr(family, "__name__", "penalty")
    return PlanePath(chosen, points, (points == 0).sum(axis=1), name if label is None else label)


def _usual(plane: _Plane, make) -> np.ndarray:
    """Strengths down from the least that keeps both variables at 0, where there is one."""
    high = max(float(np.abs(plane.loss.gradient(np.zeros(2))).max()), 1e-12)
    if not _kinked(make(high)):
        high = 100.0 * float(np.linalg.eigvalsh(plane.loss.hessian(np.zeros(2)))[-1])
        return np.geomspace(high, RATIO**2 * high, STRENGTHS)
    while plane.minimiser(make(high)).any():
        high *= 2.0
    low = 0.0
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        if high - low <= NEAR * high:
            break
        low, high = (middle, high) if plane.minimiser(make(middle)).any() else (low, middle)
    return np.geomspace(high, RATIO * high, STRENGTHS)


class _Plane:
    """Values of the loss on a grid, computed once for all penalties."""

    def __init__(self, loss: Smooth):
        self.loss = loss
        centre = least(loss, np.zeros(2))
        half = _reach(loss, centre)
        side = np.linspace(-half, half, GRID)
        side[GRID // 2] = 0.0
        self.points = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)
        self.values = _many(loss, self.points)
        self.axes = [np.outer(side, unit) for unit in np.eye(2)]
        _, bends = np.linalg.eigh(loss.hessian(centre))
        self.lines = [centre + np.outer(np.linspace(-3.0 * half, 3.0 * half, LINE), bend) for bend in bends.T]

    def minimiser(self, penalty: Penalty) -> np.ndarray:
        if not isinstance(penalty, Separable | Folded):
            raise checks.no_group_budget(type(penalty).__name__)
        one, other = (penalty.values(points) for points in self.axes)  # penalties are sums over the variables
        total = self.values + (one[:, None] + other).ravel()
        grid = np.pad(total.reshape(GRID, GRID), 1, constant_values=np.inf)
        lowest = np.ones((GRID, GRID), bool)
        for i in (-1, 0, 1):
            for j in (-1, 0, 1):
                if i or j:
                    lowest &= grid[1:-1, 1:-1] <= grid[1 + i : GRID + 1 + i, 1 + j : GRID + 1 + j]
        rows = np.flatnonzero(lowest.ravel() & np.isfinite(total))
        rows = rows[np.argsort(total[rows], kind="stable")][:CANDIDATES]
        middle = GRID // 2
        axes = [middle * GRID + np.arange(GRID), np.arange(GRID) * GRID + middle]
        rows = [*rows, *(axis[int(np.argmin(total[axis]))] for axis in axes)]
        starts = [*self.points[rows], *(start for line in self.lines for start in self._lowest(line, penalty))]
        found = [np.zeros(2), *(_settled(self.loss, penalty, start) for start in starts)]
        worth = np.array([self.loss.value(x) + penalty.value(x) for x in found])
        margin = TIE * _kinked(penalty) * max(float(np.ptp(worth)), abs(float(worth.min())))
        near = [x for x, value in zip(found, worth, strict=True) if value <= worth.min() + margin]
        return min(near, key=np.count_nonzero) + 0.0

    def _lowest(self, line, penalty: Penalty) -> np.ndarray:
        """Lowest points among their neighbours on a line."""
        with np.errstate(over="ignore"):
            values = np.pad(_many(self.loss, line) + penalty.values(line), 1, constant_values=np.inf)
        rows = np.flatnonzero((values[1:-1] <= values[:-2]) & (values[1:-1] <= values[2:]) & np.isfinite(values[1:-1]))
        return line[rows[np.argsort(values[1:-1][rows], kind="stable")][:ON_LINE]]


def _reach(loss: Smooth, centre) -> float:
    """Half the side of a square beyond which the loss is above that of 0: no penalised minimiser lies outside.

    For a quadratic the box of an ellipse. For others the edge of the level set is sought from the minimiser, in
    directions that are even in the metric of the Hessian there.

    Raises
    ------
    DataError
        The loss is flat in some direction.
    """
    H = loss.hessian(centre)
    values, vectors = np.linalg.eigh(H)
    if values[0] <= FLAT * values[-1]:
        raise checks.no_minimiser()
    roots = vectors / np.sqrt(values)
    if loss.matrix is not None:
        sides = np.abs(centre) + np.sqrt(float(centre @ H @ centre)) * np.linalg.norm(roots, axis=1)
        return max(float(sides.max()) * MARGIN, LEAST)
    angles = np.linspace(0.0, 2.0 * np.pi, DIRECTIONS, endpoint=False)
    away = np.column_stack([np.cos(angles), np.sin(angles)]) @ roots.T
    top = loss.value(np.zeros(2))
    low, high = np.zeros(DIRECTIONS), np.full(DIRECTIONS, LEAST)
    with np.errstate(over="ignore"):
        while (short := _many(loss, centre + high[:, None] * away) <= top).any():
            if high.max() > 1e12:
                raise checks.no_minimiser()
            high = np.where(short, 2.0 * high, high)
        for _ in range(BISECTIONS):
            middle = 0.5 * (low + high)
            short = _many(loss, centre + middle[:, None] * away) <= top
            low, high = np.where(short, middle, low), np.where(short, high, middle)
    return max(float(np.abs(centre + high[:, None] * away).max()) * MARGIN, LEAST)


def _many(loss: Smooth, points) -> np.ndarray:
    return np.array([loss.value(x) for x in points]) if loss.many is None else loss.many(points)


def _kinked(penalty: Penalty) -> bool:
    """Whether 0 is more than a smooth point of the penalty."""
    low, high = penalty.subdifferential(np.zeros(2))
    return bool((high > low).any())


def _settled(loss: Smooth, penalty: Separable | Folded, x) -> np.ndarray:
    """Coordinate steps, which decide what is 0, and Newton's method on the rest, until neither does better."""
    for _ in range(ROUNDS):
        before = x
        x = _newton(loss, penalty, _swept(loss, penalty, x))
        if np.abs(x - before).max() <= 1e-14 * np.abs(x).max():
            break
    return x


def _swept(loss: Smooth, penalty: Separable | Folded, x) -> np.ndarray:
    """The prox of each variable on the loss's curvature, which is the exact minimum where the loss is quadratic."""
    value = loss.value(x) + penalty.value(x)
    for j in range(2):
        gradient, curvature = loss.gradient(x), float(loss.hessian(x)[j, j])
        for _ in range(HALVINGS):
            after = x.copy()
            after[j] = penalty.prox(x - gradient / curvature, 1.0 / curvature)[j]
            worth = loss.value(after) + penalty.value(after)
            if worth < value:
                x, value = after, worth
                break
            curvature *= 4.0
            if np.abs(after - x).max() == 0:
                break
    return x


def _newton(loss: Smooth, penalty: Separable | Folded, x) -> np.ndarray:
    """Newton's method on the variables that are not 0, with steps halved until the objective falls."""
    free = np.flatnonzero(x)
    value = loss.value(x) + penalty.value(x)
    for _ in range(NEWTON):
        if not free.size:
            return x
        slope = _slope(penalty, x)
        gradient = loss.gradient(x)[free] + slope[free]
        step_size = DIFFERENCE * np.abs(x)
        bend = (_slope(penalty, x + step_size) - _slope(penalty, x - step_size))[free] / (2.0 * step_size[free])
        H = loss.hessian(x)[np.ix_(free, free)] + np.diag(bend)
        if np.linalg.eigvalsh(H)[0] <= 0:
            H = loss.hessian(x)[np.ix_(free, free)] + np.diag(np.maximum(bend, 0.0))
        move = np.zeros(2)
        move[free] = np.linalg.lstsq(H, -gradient, rcond=None)[0]
        size = 1.0
        while size > 1e-10:
            after = x + size * move
            if (np.sign(after[free]) == np.sign(x[free])).all():
                worth = loss.value(after) + penalty.value(after)
                if worth <= value:
                    break
            size *= 0.5
        else:
            return x
        moved = np.abs(after - x).max()
        x, value = after, worth
        if moved <= 1e-15 * np.abs(x).max():
            break
    return x


def _slope(penalty: Separable | Folded, x) -> np.ndarray:
    """Derivatives away from 0; those at 0 are not asked for."""
    away = np.where(x == 0, 1.0, x)
    low, high = penalty.subdifferential(away)
    base = penalty.base if isinstance(penalty, Folded) else penalty
    at_limit = (away <= base.lower) | (away >= base.upper)
    with np.errstate(invalid="ignore"):
        return np.where(at_limit, 0.0, 0.5 * (low + high))
