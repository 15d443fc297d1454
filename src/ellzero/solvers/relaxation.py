"""Relaxations by loss, the bound of the root, and trees of points."""

from dataclasses import dataclass, replace

import numpy as np

from .._progress import Clock
from ..certificate import Tree
from ..problem import Problem
from .descent import Bound, Point, Relaxation

__all__ = [
    "Bound",
    "GramRelaxation",
    "ModelRelaxation",
    "Point",
    "Relaxation",
    "dual_tree",
    "relaxation_for",
    "relaxes",
    "root_relaxation",
    "starting_point",
]

FINE = 1e-8  # rounding may take this share of the loss before the slower, finer form is used
STORED = 2**25  # most numbers in a copy of the scaled columns
MODELLED = 2000  # at most so many columns: their curvature matrix is kept from node to node
DRIFT = 0.2  # share of the curvature that may have changed before it is taken anew
SERVES = 1.5  # factor by which the loss may bend more or less than the model along a step


class GramRelaxation(Relaxation):
    """Squared error: the model is exact and everything is read from Gram rows."""

    def __init__(self, problem, lower=None, upper=None):
        super().__init__(problem, lower, upper)
        self.gram, self.error = problem.gram, problem.rounding

    def _correlations(self, columns, gamma):
        used = gamma != 0
        return self.gram.corr - (gamma[used] @ self.gram.rows(columns[used]) if used.any() else 0.0)

    def model(self, columns, gamma, intercept):
        G = np.ascontiguousarray(self.gram.rows(columns)[:, columns]) if columns.size else np.empty((0, 0))
        return G, self.gram.corr[columns] - G @ gamma

    def advance(self, columns, old, new, intercept, penalty_change):
        return new, 0.0

    def dual(self, columns, gamma, intercept):
        v = self._correlations(columns, gamma)
        explained = float(gamma @ (self.gram.corr[columns] - v[columns]))  # b'Gb
        reach = np.sqrt(self.gram.yy) + float(np.abs(gamma).sum())
        loss = 0.5 * (self.gram.yy - float(gamma @ (self.gram.corr[columns] + v[columns])))
        if self.error * reach**2 > FINE * loss:
            return self._from_residual(columns, gamma)
        return loss, 0.5 * (self.gram.yy - explained), v, self.error * reach, self.error * reach**2

    def _from_residual(self, columns, gamma):
        """The same from the residual, whose own rounding does no harm: any vector is a dual vector."""
        normal, weight = self.problem.normal, self.problem.weight
        r = normal.y - normal.Z.columns(columns) @ gamma
        square, size = float(weight @ (r * r)), float(np.sqrt(weight @ (r * r)))
        base = float(weight @ (r * (normal.y - 0.5 * r)))
        return (
            0.5 * square,
            base,
            normal.Z.adjoint(weight * r),
            self.error * size,
            1.5 * self.error * size * (np.sqrt(self.gram.yy) + size),
        )


@dataclass(slots=True, eq=False)
class Curved:
    """Curvature of the loss at some point.

    Attributes
    ----------
    rows : ndarray of shape (n_samples,)
        Weighted second derivative of each row.
    total : float
        Their sum.
    matrix : ndarray of shape (n_features, n_features)
        The curvature matrix of the columns, as far as it is known; empty where there are too many columns to keep it.
    known : ndarray of shape (n_features,), bool
        Columns whose part of the matrix has been computed.
    """

    rows: np.ndarray
    total: float
    matrix: np.ndarray
    known: np.ndarray


class ModelRelaxation(Relaxation):
    """Other losses: a quadratic model, a step along it that lowers the value, residuals as dual vectors.

    The curvature of the model may be that of an earlier point, of an earlier node even: the line search keeps the
    descent honest, and the curvature is taken anew where the old one has served badly.
    """

    laziness = 1 / 3  # a round costs little here beside the nodes that a loose bound leaves open

    def __init__(self, problem, lower=None, upper=None):
        super().__init__(problem, lower, upper)
        self.error = problem.rounding
        n, p = problem.normal.Z.shape
        parts = np.array_split(np.arange(p), 1 + p // 512)
        self.rows = None  # the scaled columns, as rows, so that any of them are read in one go
        if n * p <= STORED:
            self.rows = np.vstack([problem.normal.Z.columns(part).T for part in parts])
        # the largest entry of a scaled column: what a residual that does not sum to zero can move a correlation by
        self.reach = max(float(np.abs(self._columns(part)).max()) for part in parts)
        room = p if p <= MODELLED else 0
        self.curved = Curved(np.zeros(n), 0.0, np.empty((room, room)), np.zeros(p, bool))
        self.at, self.stale = (np.empty(0), np.empty(0)), True  # predictor and slope of each row, where descent is

    def begin(self, gamma, intercept):
        """A start that fits worse than the empty model, or not at all, is no start."""
        columns = np.flatnonzero(gamma)
        eta, slope = self._look(self._columns(columns), gamma[columns], intercept)
        with np.errstate(invalid="ignore"):
            usable = self.problem.loss.mean(self.problem.y, eta, self.problem.weight) <= self.problem.null_loss
        if usable or not columns.size:
            self.at = eta, slope
            return gamma, intercept
        return self.begin(np.zeros_like(gamma), self.problem.null_intercept)

    def _columns(self, columns):
        """Columns, as rows."""
        return self.problem.normal.Z.columns(columns).T if self.rows is None else self.rows[columns]

    def _look(self, Zt, gamma, intercept):
        """Predictor, and weighted negative derivative, of each row."""
        problem = self.problem
        eta = gamma @ Zt + intercept
        with np.errstate(over="ignore"):
            return eta, -problem.weight * problem.loss.gradient(problem.y, eta)

    def model(self, columns, gamma, intercept):
        problem, (eta, slope) = self.problem, self.at
        self.Zt = self._columns(columns)
        self._choose(problem.weight * problem.loss.curvature(problem.y, eta))
        G, corr = self._hessian(columns), self.Zt @ slope
        self.tilt, self.shift = np.zeros(columns.size), 0.0
        if problem.fit_intercept:  # the intercept follows the step
            total = self.curved.total
            self.tilt, self.shift = self.Zt @ self.curved.rows / total, float(slope.sum()) / total
            G -= np.multiply.outer(self.tilt * total, self.tilt)
            corr -= self.tilt * float(slope.sum())
        return G, corr

    def _choose(self, curvature):
        """Take this curvature, unless the one in use is near and has served well."""
        used = self.curved
        if self.stale or not used.matrix.size or np.abs(used.rows - curvature).sum() > DRIFT * used.total:
            used.rows, used.total = curvature, max(float(curvature.sum()), 1e-300)
            used.known[:] = False
            self.stale = False

    def _hessian(self, columns):
        """Curvature matrix of some columns; what has been computed of it is kept."""
        matrix, known, curvature = self.curved.matrix, self.curved.known, self.curved.rows
        if not known.any():
            bent = self.Zt * np.sqrt(curvature)
            G = bent @ bent.T
            if matrix.size:
                known[columns] = True
                matrix[np.ix_(columns, columns)] = G
            return G
        missing = columns[~known[columns]]
        if missing.size:
            known[missing] = True
            both = np.flatnonzero(known)
            block = (self._columns(missing) * curvature) @ self._columns(both).T
            matrix[np.ix_(missing, both)] = block
            matrix[np.ix_(both, missing)] = block.T
        return matrix[np.ix_(columns, columns)]

    def advance(self, columns, old, new, intercept, penalty_change):
        problem, (eta, slope) = self.problem, self.at
        move, follow = new - old, self.shift - float(self.tilt @ (new - old))
        along = move @ self.Zt + (follow if problem.fit_intercept else 0.0)
        value, change, length = problem.loss.mean(problem.y, eta, problem.weight), 0.0, 1.0
        foreseen = penalty_change - float(slope @ along)  # to first order; the penalty is convex along the step
        rounding = 1e-15 * abs(value)
        while length > 1e-8:
            change = problem.loss.mean(problem.y, eta + length * along, problem.weight) - value
            if change + length * penalty_change <= 0.01 * length * foreseen + rounding:
                break
            length *= 0.5
        bend = 0.5 * float(self.curved.rows @ along**2)  # the model's departure from first order
        kept = (change + length * float(slope @ along)) / max(length * length * bend, 1e-300)
        self.stale = length < 1.0 or (bend > 1e3 * rounding and not 1.0 / SERVES <= kept <= SERVES)
        gamma = old + length * move
        return gamma, self._centred_intercept(gamma, intercept + length * follow)

    def _centred_intercept(self, gamma, intercept):
        """Intercept at which the residuals sum to zero."""
        problem = self.problem
        if not problem.fit_intercept:
            return 0.0
        eta = gamma @ self.Zt
        for _ in range(50):
            slope = -float(problem.weight @ problem.loss.gradient(problem.y, eta + intercept))
            curvature = float(problem.weight @ problem.loss.curvature(problem.y, eta + intercept))
            step = float(np.clip(slope / max(curvature, 1e-300), -1.0, 1.0))
            intercept += step
            if abs(step) < 1e-15 * (1.0 + abs(intercept)):
                break
        return intercept

    def dual(self, columns, gamma, intercept):
        problem = self.problem
        self.at = eta, weighted = self._look(self.Zt, gamma, intercept)
        r = -problem.loss.gradient(problem.y, eta)
        loose = abs(float(weighted.sum())) if problem.fit_intercept else 0.0
        loose += self.error * float(np.abs(weighted).sum()) * problem.fit_intercept
        terms = problem.loss.conjugate(problem.y, -r)
        v = problem.normal.Z.adjoint(weighted) if self.rows is None else self.rows @ weighted
        size = float(np.sqrt(weighted @ r))
        whole = problem.loss.predictor(eta)
        lifted = np.abs(r * (whole - eta))  # what offsets add to the conjugate, which cancels there
        # the checker cannot make residuals sum to zero but by changing them: what that does to logarithms, it charges
        steep = 1.0 + float((np.abs(terms) + lifted).max()) + float(np.abs(whole - eta).max())
        v_error = self.error * size + loose * (1.0 + self.reach + steep)
        base_error = self.error * float(problem.weight @ (1.0 + np.abs(terms) + lifted))
        base_error += loose * (2.0 + float(np.abs(whole).max()) + steep)
        return problem.loss.mean(problem.y, eta, problem.weight), -float(problem.weight @ terms), v, v_error, base_error


def relaxes(problem: Problem) -> bool:
    """Whether the dual bound of every node is known and finite: a ridge, or limits on both sides, at usable columns."""
    if problem.n_outputs > 1:
        return False
    penalty = problem.normal.penalty
    if not problem.loss.provable:
        return False
    if (penalty.l2 > 0).all():
        return True
    columns = problem.rules.columns(np.flatnonzero(problem.usable))
    bounded = np.isfinite(penalty.lower[columns]) & np.isfinite(penalty.upper[columns])
    return bool(((penalty.l2[columns] > 0) | bounded).all())


def relaxation_for(problem: Problem, lower=None, upper=None) -> Relaxation:
    """The relaxation of a problem that has one (see `relaxes`), within other limits where some are given."""
    kind = GramRelaxation if problem.loss.name == "squared" else ModelRelaxation
    return kind(problem, lower, upper)


def starting_point(problem: Problem) -> Point:
    """The empty model, with a price at which few units would enter."""
    intercept = 0.0 if problem.loss.name == "squared" else problem.null_intercept
    return Point(
        np.empty(0, np.intp),
        np.empty(0),
        intercept,
        max(problem.l0, 0.05 * problem.null_loss * (problem.k is not None)),
    )


def root_relaxation(problem: Problem, objective: float, clock: Clock | None = None) -> tuple[float, Tree]:
    """Bound of the perspective relaxation, and its one-leaf tree."""
    relaxation = relaxation_for(problem)
    inside, outside = problem.rules.forced, ~problem.usable
    bound = relaxation.solve(inside, outside, starting_point(problem), objective, 0.0, clock)
    return bound.value, dual_tree(problem, [-1], [0], [bound.point])


def dual_tree(problem: Problem, branch, leaf_points, points) -> Tree:
    """Tree with a point at every leaf, in data units."""
    normal = problem.normal
    own = [points[i] for i in leaf_points]
    leaf = np.asarray(branch) == -1
    columns = np.concatenate([point.columns for point in own])
    gamma = np.concatenate([point.gamma for point in own])
    intercepts = np.zeros(leaf.size)
    intercepts[leaf] = [
        point.intercept - float(normal.centre[point.columns] @ (point.gamma / normal.scale[point.columns]))
        for point in own
    ]
    sizes = np.zeros(leaf.size, np.int64)
    sizes[leaf] = [point.columns.size for point in own]
    return replace(
        Tree.plain("dual", branch),
        has_point=leaf,
        indptr=np.concatenate([[0], np.cumsum(sizes)]),
        indices=columns.astype(np.int32),
        values=gamma / normal.scale[columns],
        intercepts=intercepts,
    )
