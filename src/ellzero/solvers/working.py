"""What descent over columns keeps: the columns at work, their Gram matrix, coefficients, and the linear predictor.

Everything is in the normal form of `Problem`: columns of unit weighted deviation, centred where there is an intercept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._kernels.cyclic import some_products, sweep_gram, sweep_rows
from .._kernels.threshold import LOG, MCP, PLAIN, POWER, SCAD, concaves, thresholds
from .._linear import solve_definite
from ..operators import Dense
from ..problem import Problem

FIRST_ROOM = 64  # columns that the stores have room for at first
GRAM_COLUMNS = 1000  # up to so many columns at work the Gram matrix is always formed
WIDE = 2  # beyond so many times as many columns as rows, residuals are cheaper than Gram rows
BURST = 12  # sweeps before the minimiser on the face is looked for
CHEAP = 16  # nonzero coefficients for one more sweep
FACES = 60  # faces tried in one descent
BURSTS = 150  # of sweeps alone, where no face helps
ROUNDS = 100  # quadratic models in one fit
SETTLED = 1e-15  # relative fall of the objective at which quadratic models end
ROUNDING = 4e-16  # what rounding may add to an objective
BACK = 40  # halvings of a step
PROMISING = 0.5  # share of the columns beyond which all products are taken at once, by BLAS


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """Penalty of every scaled column, as numbers a column; what they mean is in `_kernels.threshold`."""

    kind: int
    l0: np.ndarray
    l1: np.ndarray
    l2: np.ndarray
    scale: np.ndarray
    first: np.ndarray
    second: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    @classmethod
    def of(cls, problem: Problem, *, kind=PLAIN, l0: Any = 0.0, l1: Any = 0.0, l2: Any = 0.0, concave: Any = None):
        """Terms of strengths on the user's scale: on scaled columns, or on columns in data units.

        `concave` is (scale, first, second) of the concave part; in data units its argument is t over the column's
        scale.
        """
        normal = problem.normal
        p, penalty = problem.n_features, normal.penalty
        divide = np.ones(p) if problem.standardize else normal.scale

        def wide(x):
            return np.broadcast_to(np.asarray(x, float), p).copy()

        scale, first, second = (wide(0.0),) * 3 if concave is None else concave(divide)
        return cls(
            kind,
            wide(l0),
            wide(l1) / divide,
            wide(l2) / divide**2,
            wide(scale),
            wide(first),
            wide(second),
            wide(penalty.lower),
            wide(penalty.upper),
        )

    def some(self, columns) -> tuple[np.ndarray, ...]:
        """The arrays of some columns, as the kernels take them."""
        fields = (self.l0, self.l1, self.l2, self.scale, self.first, self.second, self.lower, self.upper)
        return tuple(field[columns] for field in fields)

    def each(self, b, columns) -> np.ndarray:
        """Penalty of each coefficient of some columns; the limits are taken as met."""
        l0, l1, l2, *bend, _, _ = self.some(columns)
        total = l0 * (b != 0) + l1 * np.abs(b) + l2 * (b * b)
        if self.kind != PLAIN:
            out = np.empty(b.size)
            concaves(self.kind, b, *bend, out)
            total += out
        return total

    def value(self, b, columns) -> float:
        """Penalty of the coefficients of some columns."""
        return float(self.each(b, columns).sum())

    def minimisers(self, v, a, columns) -> np.ndarray:
        """Global minimiser of ``a t^2 / 2 - v t`` plus the penalty, for each of some columns."""
        out = np.empty(v.size)
        thresholds(self.kind, v, a, *self.some(columns), out)
        return out

    def minimise(self, G, g, b, columns, tol, greedy=False) -> None:
        """Minimise a quadratic model plus the penalty, in place: sweeps, and the minimiser on the face they settle on.

        G may have room for more rows than b has entries; g is the negative gradient at b. With `greedy` the coordinate
        of the largest gradient goes first.
        """
        some = self.some(columns)
        order = np.argsort(-np.abs(g), kind="stable") if greedy else np.arange(b.size)
        for _ in range(FACES):
            burst = BURST + np.count_nonzero(b) // CHEAP  # a solve costs as much as some sweeps
            if sweep_gram(self.kind, G, g, b, order, *some, tol, burst) < burst:
                return
            _face(self.kind, G, g, b, some)
        for _ in range(BURSTS):  # in bursts, between which Ctrl-C is heard
            if sweep_gram(self.kind, G, g, b, order, *some, tol, BURST) < BURST:
                return


class DenseStore:
    """Columns at work of dense data, as rows of one array; the data are read by columns."""

    def __init__(self, problem: Problem):
        self.normal, self.n = problem.normal, problem.y.size
        base = problem.normal.Z.base
        assert isinstance(base, Dense)
        self.by_columns = np.ascontiguousarray(base.array.T)  # no copy where columns are contiguous
        self.rows, self.m = np.empty((FIRST_ROOM, self.n)), 0

    def add(self, columns) -> None:
        need = self.m + columns.size
        if need > self.rows.shape[0]:
            grown = np.empty((max(need, 2 * self.rows.shape[0]), self.n))
            grown[: self.m] = self.rows[: self.m]
            self.rows = grown
        centre, scale = self.normal.Z.centre[columns], self.normal.Z.scale[columns]
        self.rows[self.m : need] = (self.by_columns[columns] - centre[:, None]) / scale[:, None]
        self.m = need

    def keep(self, places) -> None:
        self.rows[: places.size] = self.rows[places]
        self.m = places.size

    def scaled(self, h, start=0, centred=True):
        """Columns from `start` on, about their means under the weights h, times the roots of h."""
        part = self.rows[start : self.m]
        if centred:
            part = part - (part @ h / h.sum())[:, None]
        return part * np.sqrt(h)

    def gram(self, h, start=0, centred=True) -> np.ndarray:
        """Rows of the Gram matrix from column `start` on."""
        if start == 0:
            A = self.scaled(h, 0, centred)
            return A @ A.T
        if centred:
            raise AssertionError("rows are only added where the weights stay")
        return (self.rows[start : self.m] * h) @ self.rows[: self.m].T

    def forward(self, b) -> np.ndarray:
        support = np.flatnonzero(b)
        if 2 * support.size < self.m:
            return self.rows[support].T @ b[support]
        return self.rows[: self.m].T @ b

    def adjoint(self, moved) -> np.ndarray:
        return self.rows[: self.m] @ moved

    def means(self, h) -> np.ndarray:
        return self.adjoint(h) / h.sum()

    def products(self, moved, chosen, out) -> None:
        """Products of the scaled columns `chosen` of all with a vector a row."""
        Z = self.normal.Z
        some_products(self.by_columns, chosen, moved, out)
        out[chosen] = (out[chosen] - Z.centre[chosen] * moved.sum()) / Z.scale[chosen]

    def all_products(self, moved) -> np.ndarray:
        Z = self.normal.Z
        return (self.by_columns @ moved - Z.centre * moved.sum()) / Z.scale


class SparseStore:
    """Columns at work of sparse data; centring is implicit, and nothing is densified but Gram matrices."""

    def __init__(self, problem: Problem):
        self.normal, self.n = problem.normal, problem.y.size
        self.csc: Any = problem.normal.Z.base.csc  # type: ignore[attr-defined]
        self.columns, self.m = np.empty(0, np.intp), 0
        self.part = self.csc[:, self.columns]

    def add(self, columns) -> None:
        self.columns = np.concatenate([self.columns, columns])
        self.part, self.m = self.csc[:, self.columns], self.columns.size

    def keep(self, places) -> None:
        self.columns, self.m = self.columns[places], places.size
        self.part = self.csc[:, self.columns]

    def gram(self, h, start=0, centred=True) -> np.ndarray:
        Z, new = self.normal.Z, self.part[:, start:]
        cross = (new.T.multiply(h[None, :]).tocsr() @ self.part).toarray()
        total, sums = h.sum(), self.part.T @ h
        centre = sums / total if centred else Z.centre[self.columns]
        # (x - c)'H(x - c); about the mean under h the cross terms are one
        cross -= np.outer(sums[start:], centre) + np.outer(centre[start:], sums)
        cross += total * np.outer(centre[start:], centre)
        scale = Z.scale[self.columns]
        return cross / np.outer(scale[start:], scale)

    def forward(self, b) -> np.ndarray:
        Z = self.normal.Z
        gamma = b / Z.scale[self.columns]
        return self.part @ gamma - float(Z.centre[self.columns] @ gamma)

    def adjoint(self, moved) -> np.ndarray:
        Z = self.normal.Z
        return (self.part.T @ moved - Z.centre[self.columns] * moved.sum()) / Z.scale[self.columns]

    def means(self, h) -> np.ndarray:
        return self.adjoint(h) / h.sum()

    def products(self, moved, chosen, out) -> None:
        out[chosen] = self.all_products(moved)[chosen]

    def all_products(self, moved) -> np.ndarray:
        Z = self.normal.Z
        return (self.csc.T @ moved - Z.centre * moved.sum()) / Z.scale


class Working:
    """The columns at work and the fit on them.

    Attributes
    ----------
    columns : ndarray of shape (m,)
        Columns at work, in the order in which they came.
    b : ndarray of shape (m,)
        Their coefficients; all others are zero.
    eta : ndarray of shape (n_samples,)
        Linear predictor; of the centred target for squared error.
    """

    def __init__(self, problem: Problem):
        self.problem = problem
        self.squared = problem.loss.name == "squared"
        self.y, self.weight = problem.normal.y, problem.weight
        self.dense = isinstance(problem.normal.Z.base, Dense)
        self.store: Any = DenseStore(problem) if self.dense else SparseStore(problem)
        self.columns, self.b = np.empty(0, np.intp), np.empty(0)
        self.place = np.full(problem.n_features, -1)
        self.G = np.empty((FIRST_ROOM, FIRST_ROOM))
        self.in_gram = 0  # columns whose rows G has, where the weights stay
        self.intercept = 0.0 if self.squared else problem.null_intercept
        self.eta = np.full(problem.y.size, self.intercept)
        self.available = problem.usable[problem.rules.unit_of_column] & ~problem.constant

    # ---- columns

    def add(self, columns) -> None:
        """Take further columns in, with coefficient zero."""
        columns = columns[self.place[columns] < 0]
        if columns.size:
            self.place[columns] = np.arange(self.columns.size, self.columns.size + columns.size)
            self.columns = np.concatenate([self.columns, columns])
            self.b = np.concatenate([self.b, np.zeros(columns.size)])
            self.store.add(columns)

    def drop(self, places_kept) -> None:
        """Leave only some of the places; what leaves must have coefficient zero."""
        self.place[self.columns] = -1
        self.columns, self.b = self.columns[places_kept], self.b[places_kept]
        self.place[self.columns] = np.arange(self.columns.size)
        if self.in_gram == self.store.m:
            self.G[: places_kept.size, : places_kept.size] = self.G[np.ix_(places_kept, places_kept)]
            self.in_gram = places_kept.size
        else:
            self.in_gram = 0
        self.store.keep(places_kept)

    def take_up(self, coef, intercept) -> None:
        """Go to a point that was found before."""
        self.b[:] = 0.0
        support = np.flatnonzero(coef)
        self.add(support)
        self.b[self.place[support]] = coef[support]
        self.intercept = intercept
        self.refresh()

    def coefficients(self) -> np.ndarray:
        """Coefficients of all scaled columns."""
        full = np.zeros(self.problem.n_features)
        full[self.columns] = self.b
        return full

    # ---- values

    def refresh(self) -> None:
        """Linear predictor of the coefficients, afresh."""
        self.eta = self.store.forward(self.b) + self.intercept

    def residual(self) -> np.ndarray:
        """Negative gradient of the loss of each row, the weight not in it."""
        return -self.problem.loss.gradient(self.y, self.eta)

    def loss(self) -> float:
        return self.problem.loss.mean(self.y, self.eta, self.weight)

    # ---- descent

    def gram_of_all(self) -> np.ndarray:
        """Gram matrix of the columns at work under the weights of the rows, kept and grown."""
        m = self.store.m
        if m > self.G.shape[0]:
            grown = np.empty((2 * m, 2 * m))
            grown[: self.in_gram, : self.in_gram] = self.G[: self.in_gram, : self.in_gram]
            self.G = grown
        if self.in_gram < m:
            rows = self.store.gram(self.weight, self.in_gram, centred=False)
            self.G[self.in_gram : m, :m] = rows
            self.G[: self.in_gram, self.in_gram : m] = rows[:, : self.in_gram].T
            self.in_gram = m
        return self.G

    def descend(self, terms, tol: float, greedy: bool = False) -> None:
        """Minimise over the columns at work, up to steps of `tol`."""
        if not self.columns.size:
            return
        if self.squared:
            self._descend_squared(terms, tol, greedy)
            self.refresh()
            return
        before = np.inf
        for _ in range(ROUNDS):
            fall, largest = self._model_step(terms, tol, greedy)
            # where the objective is flat to rounding, steps that still shrink are Newton's last
            if largest <= tol or (fall <= 0.0 and not largest < 0.5 * before):
                break
            before = largest

    def _descend_squared(self, terms, tol, greedy) -> None:
        m, n = self.columns.size, self.y.size
        moved = self.weight * self.residual()
        if self.dense and isinstance(terms, Terms) and m > max(GRAM_COLUMNS, WIDE * n):
            A = self.store.scaled(self.weight, 0, centred=False)
            r = np.sqrt(self.weight) * self.residual()
            norms, order = np.einsum("ij,ij->i", A, A), np.arange(m)
            for _ in range(BURSTS):
                some = terms.some(self.columns)
                if sweep_rows(terms.kind, A, r, self.b, norms, order, *some, tol, BURST) < BURST:
                    break
            return
        terms.minimise(self.gram_of_all(), self.store.adjoint(moved), self.b, self.columns, tol, greedy)

    def _model_step(self, terms, tol, greedy) -> tuple[float, float]:
        """One quadratic model of another loss and a step on it; how far the objective fell, and the step.

        A model whose step does not lower the objective is made steeper until one does: then it lies above the loss.
        """
        problem, loss = self.problem, self.problem.loss
        r = self.residual()
        moved, h = self.weight * r, np.maximum(self.weight * loss.curvature(self.y, self.eta), 1e-300)
        G, g, shift, means = self.store.gram(h, 0, problem.fit_intercept), self.store.adjoint(moved), 0.0, 0.0
        if problem.fit_intercept:
            means = self.store.means(h)  # the intercept follows the step
            shift = float(moved.sum() / h.sum())
            g = g - means * moved.sum()
        before, b, eta, intercept = self.loss() + terms.value(self.b, self.columns), self.b, self.eta, self.intercept
        steep = 1.0
        for _ in range(BACK):
            trial = b.copy()
            terms.minimise(steep * G, g.copy(), trial, self.columns, tol, greedy)
            move = shift / steep - (float(means @ (trial - b)) if problem.fit_intercept else 0.0)
            self.b, self.intercept = trial, intercept + move
            self.refresh()
            value = self.loss() + terms.value(trial, self.columns)
            if value <= before * (1.0 + ROUNDING):
                largest = max(float(np.abs(trial - b).max(initial=0.0)), abs(move))
                return before * (1.0 - SETTLED) - value, largest
            steep *= 2.0 if steep > 1.0 else 1.5
        self.b, self.eta, self.intercept = b, eta, intercept
        return 0.0, 0.0

    def centre(self) -> None:
        """Minimise over the intercept alone, so that residuals sum to zero."""
        if self.squared or not self.problem.fit_intercept:
            return
        loss = self.problem.loss
        for _ in range(50):
            slope = float(self.weight @ loss.gradient(self.y, self.eta))
            step = slope / max(float(self.weight @ loss.curvature(self.y, self.eta)), 1e-300)
            step = min(max(step, -1.0), 1.0)
            self.intercept -= step
            self.eta = self.eta - step
            if abs(step) <= 1e-15 * (1.0 + abs(self.intercept)):
                break


def _face(kind, G, g, b, some) -> None:
    """Go to the minimiser on the face of the nonzero coordinates, or as far towards it as signs and limits allow.

    Concave parts are pieces of quadratics there, or taken for one near the point; the step stops where a piece ends.
    """
    _, l1, l2, *bend, lower, upper = some
    S = np.flatnonzero((b != 0) & (b > lower) & (b < upper))
    if not S.size:
        return
    at, sign = b[S], np.sign(b[S])
    slope, curvature, low, high = _piece(kind, np.abs(at), *(part[S] for part in bend))
    hessian, rise = G[np.ix_(S, S)], 2.0 * l2[S]
    hessian.flat[:: S.size + 1] += rise + curvature
    step = solve_definite(hessian, g[S] - (l1[S] + slope) * sign - rise * at)
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
    change = G[: b.size, : b.size][:, S] @ (moved - at)
    if kind != PLAIN:
        before, after = np.empty(S.size), np.empty(S.size)
        concaves(kind, at, *(part[S] for part in bend), before)
        concaves(kind, moved, *(part[S] for part in bend), after)
        added = after.sum() - before.sum() + l1[S] @ (np.abs(moved) - np.abs(at)) + l2[S] @ (moved * moved - at * at)
        if (moved - at) @ (0.5 * change[S] - g[S]) + added >= 0.0:
            return  # only a model of the concave part promised a descent, or rounding is all that is left
    b[S] = moved
    g -= change


def _piece(kind, t, scale, first, second):
    """Slope and curvature of the concave part at t > 0, and the ends of the piece where they hold."""
    zero, endless = np.zeros(t.size), np.full(t.size, np.inf)
    if kind == MCP:
        inside = t < first
        slope, curvature = scale * np.maximum(1.0 - t / first, 0.0), np.where(inside, -scale / first, 0.0)
        return slope, curvature, np.where(inside, 0.0, first), np.where(inside, first, endless)
    if kind == SCAD:
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
