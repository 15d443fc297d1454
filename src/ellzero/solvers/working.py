"""What descent over columns keeps: the columns at work, their Gram matrix, coefficients, and the linear predictor.

Everything is in the normal form of `Problem`: columns of unit weighted deviation, centred where there is an intercept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._kernels.cyclic import some_products, sweep_rows
from .._kernels.kinds import PLAIN
from .._kernels.threshold import concaves, thresholds
from ..operators import Dense
from ..problem import Problem
from .quadratic import BURST, EntriesModel, GramModel, to_face
from .refit import JUMP

FIRST_ROOM = 64  # columns that the stores have room for at first
GRAM_COLUMNS = 1000  # up to so many columns at work the Gram matrix is always formed
WIDE = 2  # beyond so many times as many columns as rows, residuals are cheaper than Gram rows
FACES = 60  # faces tried in one descent
BURSTS = 150  # of sweeps alone, where no face helps
ROUNDS = 100  # quadratic models in one fit
SETTLED = 1e-15  # relative fall of the objective at which quadratic models end
ROUNDING = 4e-16  # what rounding may add to an objective
BACK = 40  # halvings of a step
SCATTERED = 1.0  # a stored entry costs as much as so many of a Gram matrix, which has to be formed first
FEW = 64  # columns at work up to which a Gram matrix is always formed
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
        """Minimise a quadratic model plus the penalty, in place.

        G may have room for more rows than b has entries; g is the negative gradient at b. With `greedy` the coordinate
        of the largest gradient goes first.
        """
        self.minimise_model(GramModel(G, g), b, columns, tol, greedy)

    def minimise_model(self, model, b, columns, tol, greedy=False) -> None:
        """The same on a model of either form: sweeps, and the minimiser on the face they settle on."""
        some = self.some(columns)
        order = np.argsort(-np.abs(model.gradient()), kind="stable") if greedy else np.arange(b.size)
        for _ in range(FACES):
            burst = model.burst(b)
            if model.sweep(self.kind, b, order, some, tol, burst) < burst:
                return
            to_face(self.kind, model, b, some)
        for _ in range(BURSTS):  # in bursts, between which Ctrl-C is heard
            if model.sweep(self.kind, b, order, some, tol, BURST) < BURST:
                return


def bent(problem: Problem, y, eta) -> np.ndarray:
    """Curvature of each row in a quadratic model, times its weight: never flat where the loss may be and yet slope."""
    loss = problem.loss
    curvature = loss.curvature(y, eta)
    return problem.weight * (curvature + JUMP * loss.curvature_bound if loss.kinked else curvature)


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

    def spares_gram(self, terms) -> bool:
        """Whether a sweep over the entries of the columns at work costs less than one on their Gram matrix."""
        return isinstance(terms, Terms) and self.m > FEW and SCATTERED * self.part.nnz < self.m**2

    def model(self, h, moved, centred) -> EntriesModel:
        return EntriesModel(self.part, self.normal.Z.scale[self.columns], h, moved, centred)

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
        if not self.dense and self.store.spares_gram(terms):
            model = self.store.model(self.weight, moved, self.problem.fit_intercept)
            terms.minimise_model(model, self.b, self.columns, tol, greedy)
            return
        terms.minimise(self.gram_of_all(), self.store.adjoint(moved), self.b, self.columns, tol, greedy)

    def _model_step(self, terms, tol, greedy) -> tuple[float, float]:
        """One quadratic model of another loss and a step on it; how far the objective fell, and the step.

        A model whose step does not lower the objective is made steeper until one does: then it lies above the loss.
        """
        problem = self.problem
        r = self.residual()
        moved, h = self.weight * r, np.maximum(bent(problem, self.y, self.eta), 1e-300)
        minimise, shift, means = self._minimiser(terms, h, moved), 0.0, 0.0
        if problem.fit_intercept:
            means = self.store.means(h)  # the intercept follows the step
            shift = float(moved.sum() / h.sum())
        before, b, eta, intercept = self.loss() + terms.value(self.b, self.columns), self.b, self.eta, self.intercept
        steep = 1.0
        for _ in range(BACK):
            trial = b.copy()
            minimise(steep, trial, tol, greedy)
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

    def _minimiser(self, terms, h, moved):
        """What minimises a quadratic model plus the penalty from some coefficients; the model may be made steeper."""
        centred = self.problem.fit_intercept
        if not self.dense and self.store.spares_gram(terms):

            def minimise(steep, b, tol, greedy):
                terms.minimise_model(self.store.model(steep * h, moved, centred), b, self.columns, tol, greedy)

            return minimise
        G, g = self.store.gram(h, 0, centred), self.store.adjoint(moved)
        if centred:
            g = g - self.store.means(h) * moved.sum()
        return lambda steep, b, tol, greedy: terms.minimise(steep * G, g.copy(), b, self.columns, tol, greedy)

    def centre(self) -> None:
        """Minimise over the intercept alone, so that residuals sum to zero."""
        if self.squared or not self.problem.fit_intercept:
            return
        loss = self.problem.loss
        for _ in range(50):
            slope = float(self.weight @ loss.gradient(self.y, self.eta))
            step = slope / max(float(bent(self.problem, self.y, self.eta).sum()), 1e-300)
            step = min(max(step, -1.0), 1.0)
            self.intercept -= step
            self.eta = self.eta - step
            if abs(step) <= 1e-15 * (1.0 + abs(self.intercept)):
                break
