"""Quadratic models of the columns at work, on a Gram matrix or on the entries of sparse columns, and steps on them.

A model has a negative gradient at coefficients b, and keeps it, or what gives it, while b moves.
"""

from __future__ import annotations

import numpy as np

from .._kernels.cyclic import sweep_gram
from .._kernels.entries import conjugate, products, sweep_entries, take_all, weigh
from .._kernels.kinds import CLIPPED, FIRM, LOG, PLAIN, POWER
from .._kernels.threshold import concaves
from .._linear import solve_definite

BURST = 12  # sweeps before the minimiser on the face is looked for
CHEAP = 16  # nonzero coefficients for one more sweep before a Gram matrix is factored
NEAR = 1e-2  # share to which conjugate gradients bring the gradient on a face
MOST = 100  # of their iterations
TINY = 1e-290  # weight of a row from which on its root may be divided by


class GramModel:
    """The model by its Gram matrix, which may have room for more rows than there are columns, and its gradient."""

    def __init__(self, G, g):
        self.G, self.g = G, g

    def gradient(self) -> np.ndarray:
        return self.g

    def burst(self, b) -> int:
        return BURST + int(np.count_nonzero(b)) // CHEAP  # a solve costs as much as some sweeps

    def sweep(self, kind, b, order, some, tol, most) -> int:
        return sweep_gram(kind, self.G, self.g, b, order, *some, tol, most)

    def slope(self, S) -> np.ndarray:
        return self.g[S]

    def solve(self, S, rise, right) -> np.ndarray | None:
        """Step of the coordinates S where the diagonal is raised; None where the model does not curve upwards."""
        hessian = self.G[np.ix_(S, S)]
        hessian.flat[:: S.size + 1] += rise
        return solve_definite(hessian, right)

    def change(self, S, step) -> tuple[np.ndarray, np.ndarray]:
        """What a step takes off the gradient on S, and what `accept` needs to take it off everywhere."""
        change = self.G[: self.g.size, : self.g.size][:, S] @ step
        return change[S], change

    def accept(self, change) -> None:
        self.g -= change


class EntriesModel:
    """The model by the entries of its columns and a residual; see `_kernels.entries`.

    Parameters
    ----------
    part : csc_array of shape (n, m)
        The columns, not centred.
    scale : ndarray of shape (m,)
        Their scales.
    h, moved : ndarray of shape (n,)
        Weights of the rows in the model, and the negative gradient of the loss of each row.
    centred : bool
        Whether columns are taken about their means under h.
    """

    def __init__(self, part, scale, h, moved, centred: bool):
        h = np.maximum(h, TINY)
        root = np.sqrt(h)
        unit = root / np.sqrt(h.sum())
        starts, rows = part.indptr.astype(np.int64), part.indices.astype(np.int32, copy=False)
        data, mean, self.a = np.empty(rows.size), np.empty(scale.size), np.empty(scale.size)
        weigh(starts, rows, part.data, scale, root, unit, centred, data, mean, self.a)
        self.columns = starts, rows, data, mean
        self.r = moved / root
        self.along = np.array([self.r @ unit])

    def gradient(self) -> np.ndarray:
        return self.slope(np.arange(self.a.size))

    def burst(self, b) -> int:
        return BURST

    def sweep(self, kind, b, order, some, tol, most) -> int:
        return sweep_entries(kind, *self.columns, self.r, self.along, b, self.a, order, *some, tol, most)

    def slope(self, S) -> np.ndarray:
        return self._products(S, self.r, self.along)

    def solve(self, S, rise, right) -> np.ndarray | None:
        """Step of the coordinates S by conjugate gradients; None where the model does not curve upwards."""
        step = np.empty(S.size)
        if conjugate(S, rise, right, *self.columns, self.a, self.r.size, NEAR, MOST, step):
            return step
        return None

    def change(self, S, step) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        image, along = np.zeros_like(self.r), np.zeros(1)
        take_all(S, -step, *self.columns, image, along)
        return self._products(S, image, along), (image, along)

    def accept(self, change) -> None:
        self.r -= change[0]
        self.along -= change[1]

    def _products(self, S, r, along) -> np.ndarray:
        out = np.empty(S.size)
        products(S, *self.columns, r, along, out)
        return out


def to_face(kind, model, b, some) -> None:
    """Go to the minimiser on the face of the nonzero coordinates, or as far towards it as signs and limits allow.

    Concave parts are pieces of quadratics there, or taken for one near the point; the step stops where a piece ends.
    """
    _, l1, l2, *bend, lower, upper = some
    S = np.flatnonzero((b != 0) & (b > lower) & (b < upper))
    if not S.size:
        return
    at, sign = b[S], np.sign(b[S])
    slope, curvature, low, high = _piece(kind, np.abs(at), *(part[S] for part in bend))
    rise, falling = 2.0 * l2[S], model.slope(S)
    step = model.solve(S, rise + curvature, falling - (l1[S] + slope) * sign - rise * at)
    if step is None:
        return
    # a coordinate stops at zero only where the penalty bends there
    through = (kind == PLAIN) & (l1[S] == 0)
    nearest, farthest = np.where(through, -np.inf, low), np.where(through, np.inf, high)
    floor = np.maximum(np.where(at > 0, nearest, -farthest), lower[S])
    ceiling = np.minimum(np.where(at > 0, farthest, -nearest), upper[S])
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(step > 0, (ceiling - at) / step, np.where(step < 0, (floor - at) / step, np.inf))
    length = min(1.0, float(room.min()))
    moved = np.where(room <= length, np.where(step > 0, ceiling, floor), at + length * step)
    if length == 1.0:
        moved = at + step
    inside, change = model.change(S, moved - at)
    if kind != PLAIN:
        before, after = np.empty(S.size), np.empty(S.size)
        concaves(kind, at, *(part[S] for part in bend), before)
        concaves(kind, moved, *(part[S] for part in bend), after)
        added = after.sum() - before.sum() + l1[S] @ (np.abs(moved) - np.abs(at)) + l2[S] @ (moved * moved - at * at)
        if (moved - at) @ (0.5 * inside - falling) + added >= 0.0:
            return  # only a model of the concave part promised a descent, or rounding is all that is left
    b[S] = moved
    model.accept(change)


def _piece(kind, t, scale, first, second):
    """Slope and curvature of the concave part at t > 0, and the ends of the piece where they hold."""
    zero, endless = np.zeros(t.size), np.full(t.size, np.inf)
    if kind == FIRM:
        inside = t < first
        slope, curvature = scale * np.maximum(1.0 - t / first, 0.0), np.where(inside, -scale / first, 0.0)
        return slope, curvature, np.where(inside, 0.0, first), np.where(inside, first, endless)
    if kind == CLIPPED:
        falling = (t > first) & (t < second)
        slope = scale * np.clip((second - t) / (second - first), 0.0, 1.0)
        ends = np.where(t <= first, 0.0, np.where(falling, first, second))
        return (
            slope,
            np.where(falling, -scale / (second - first), 0.0),
            ends,
            np.where(t <= first, first, np.where(falling, second, endless)),
        )
    if kind == POWER:
        return scale * first * t ** (first - 1.0), scale * first * (first - 1.0) * t ** (first - 2.0), 0.5 * t, 2.0 * t
    if kind == LOG:
        return scale / (first + t), -scale / (first + t) ** 2, 0.5 * t, 2.0 * t
    return zero, zero, zero, endless
