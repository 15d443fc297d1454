r"""The perspective relaxation at a node of the search tree, solved by working sets; any point of it gives a bound.

At a node some units are in, some out. The others carry the convex envelope of their price and penalty; with at most k
units the price is raised above :math:`\lambda_0` until the relaxed count fits. Descent runs on the working set only
(units that are nonzero, in, or violate optimality); one pass over all columns a round gives the dual bound and the
violators.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from .._kernels.coordinate import descend
from .._linear import solve_definite
from .._progress import Clock
from ..certificate import Tree
from ..penalties import Separable
from ..problem import Problem, node_charge

ROUNDS = 200
SWEEPS = 100
CREEPING = 25  # sweeps after which an exact step is worth its price
WORK = 2e7  # multiplications a node: what converges more slowly branches, with the bound it has
ROOT_WORK = 3e8
SWEEP_OVERHEAD = 1000
PRICE_STEPS = 12
COUNT_SLACK = 0.02  # relative error of the relaxed count at which the price rests
FINE = 1e-8  # rounding may take this share of the loss before the slower, finer form is used
ENTRANTS = 0.2  # violators below this share of the worst wait a round: a flood of them would stall the descent


Four = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@dataclass(slots=True, eq=False)
class Point:
    """A primal point in scaled columns: what a dual bound comes from, and where descent starts.

    Attributes
    ----------
    columns, gamma : ndarrays
        Sparse coefficients.
    intercept : float
    price : float
        Price of a unit that balances the count.
    """

    columns: np.ndarray
    gamma: np.ndarray
    intercept: float
    price: float


@dataclass(slots=True, eq=False)
class Bound:
    """A bound at a node with all that follows from it.

    Attributes
    ----------
    value : float
        Valid lower bound of every support of the node.
    base : float
        Value before the charge of the units, less the error of everything.
    point : Point
    scores : ndarray of shape (n_units,)
        Upper bounds of :math:`h^*_u` at the dual vector.
    share : ndarray of shape (n_units,)
        Relaxed indicators z.
    size : ndarray of shape (n_units,)
        Norm of each unit's coefficients.
    primal : float
        Value of the relaxation at the point.
    """

    value: float
    base: float
    point: Point
    scores: np.ndarray
    share: np.ndarray
    size: np.ndarray
    primal: float


class Relaxation(ABC):
    """Working-set descent; subclasses know how the loss is modelled and how its dual value is had."""

    def __init__(self, problem: Problem):
        self.problem, self.penalty = problem, problem.normal.penalty
        self.of_column = problem.rules.unit_of_column
        self.work_left = 0.0
        self.scale = np.sqrt(max(problem.null_loss, 1e-300))

    @abstractmethod
    def model(self, columns, gamma, intercept) -> tuple[np.ndarray, np.ndarray]:
        """Curvature matrix of the columns and negative gradient, at a point."""

    @abstractmethod
    def advance(self, columns, old, new, intercept, penalty_change) -> tuple[np.ndarray, float]:
        """Coefficients and intercept after moving from old towards new."""

    @abstractmethod
    def dual(self, columns, gamma, intercept) -> tuple[float, float, np.ndarray, float, float]:
        """Loss at the point, base of the dual value, correlations of all columns, and the errors of both."""

    def solve(self, inside, outside, start: Point, cut: float, lazy: float, clock: Clock | None = None) -> Bound:
        """Bound a node.

        Parameters
        ----------
        inside, outside : ndarray of shape (n_units,), bool
        start : Point
        cut : float
            Bounds from here on prune; the descent ends as soon as one is reached.
        lazy : float
            Share of the room below the cut in which the descent need not be exact; 0 for the root.
        clock : Clock, optional
            Where it stops, the bound so far is returned.
        """
        problem, units = self.problem, self.problem.rules.units
        gamma = np.zeros(problem.n_features)
        gamma[start.columns] = start.gamma
        gamma[outside[self.of_column]] = 0.0
        active = inside.copy()
        active[self.of_column[np.flatnonzero(gamma)]] = True
        price, intercept, best = max(start.price, problem.l0), start.intercept, None
        tolerance, rounds = 1e-3, 0
        self.work_left = WORK if lazy else ROOT_WORK
        while True:
            rounds += 1
            working = np.flatnonzero(active)
            columns = np.concatenate([units[u] for u in working]) if working.size else np.empty(0, np.intp)
            old = gamma[columns]
            moved = self._descend(working, columns, old, intercept, inside, price, tolerance, lazy == 0.0)
            new, share, price, before, after = moved
            gamma[columns], intercept = self.advance(columns, old, new, intercept, after - before)
            bound, primal, violation = self._bound(columns, gamma, intercept, working, share, inside, outside, price)
            if best is None or bound.value > best.value:
                best = bound
            stopped = clock is not None and clock.stopped
            if best.value >= cut or self.work_left <= 0 or rounds == ROUNDS or stopped:
                return best
            idle = problem.k is not None and not (active & ~inside).any()
            if idle and self._entry_price(bound.scores, inside, outside) < price:
                # nothing is in yet at this price: go to the one at which as many units enter as there are places
                price = self._entry_price(bound.scores, inside, outside)
                active |= (bound.scores > price) & ~outside
                continue
            slack = primal - best.value
            near = primal < cut and slack <= lazy * (cut - primal)
            if near or slack <= 1e-9 * max(abs(primal), 1e-9 * problem.null_loss):
                return best
            violation[active | outside] = 0.0
            entrants = violation > max(ENTRANTS * violation.max(initial=0.0), 1e-12 * price)
            step = np.abs(gamma[columns] - old).max(initial=0.0)
            if entrants.any():
                active |= entrants
            elif tolerance < 1e-12 and not step > 1e-13 * np.abs(old).max(initial=0.0):
                return best
            tolerance = max(tolerance * (0.3 if entrants.any() else 0.1), 1e-13)

    def _entry_price(self, scores, inside, outside) -> float:
        """Highest price at which the places left would all be taken, judged by the scores."""
        free = np.sort(scores[~(inside | outside)])
        places = max(1, (self.problem.k or 0) - int(inside.sum()))
        entering = 0.999 * float(free[-places]) if places <= free.size else 0.0
        return max(entering, self.problem.l0)

    def _descend(self, working, columns, old, intercept, inside, price, tolerance, exact):
        """Minimise the model over the working set, with the price that the count asks for."""
        problem, units = self.problem, self.problem.rules.units
        G, slope = self.model(columns, old, intercept)
        ptr = np.zeros(working.size + 1, np.int64)
        ptr[1:] = np.cumsum([units[u].size for u in working])
        lip = np.array([self._lipschitz(G, first, last) for first, last in pairwise(ptr)])
        penalty = self.penalty
        local = penalty.l1[columns], penalty.l2[columns], penalty.lower[columns], penalty.upper[columns]
        is_in, free = inside[working], ~inside[working]
        share, work = np.zeros(working.size), np.empty(columns.size)
        places = np.inf if problem.k is None else problem.k - int(inside.sum())
        new, g = old.copy(), slope.copy()
        low = high = None
        slack, steps = (1e-9, 5 * PRICE_STEPS) if exact else (COUNT_SLACK, PRICE_STEPS)
        least, following = max(problem.l0, 1e-12 * problem.null_loss), price
        for _ in range(steps):
            price = following
            lines = Separable(price, *local).envelope_lines()
            self._settle(G, g, new, share, work, ptr, is_in, lip, price, local, lines, tolerance)
            count = float(share[free].sum())
            fits = count <= places * (1.0 + slack)
            tight = price <= least or count >= places * (1.0 - slack)
            if not free.any() or (fits and tight):
                break
            following, low, high = self._next_price(price, low, high, count, places)
        before = self._penalty_value(
            old, self._shares_of(old, working, ptr, is_in, price, local), working, ptr, is_in, price
        )
        after = self._penalty_value(new, share, working, ptr, is_in, price)
        return new, share, price, before, after

    def _settle(self, G, g, new, share, work, ptr, is_in, lip, price, local: Four, lines: Four, tolerance):
        """Descend; where descent creeps, as on collinear columns, take exact steps in between."""
        while self.work_left > 0:
            sweeps = descend(
                G, g, new, share, work, ptr, is_in, np.maximum(lip, 1e-300), price, *local, *lines,
                tolerance * self.scale, SWEEPS,
            )  # fmt: skip
            self.work_left -= sweeps * (SWEEP_OVERHEAD + g.size**2)
            if sweeps < CREEPING:
                return
            self._exact_step(G, g, new, share, ptr, is_in, local, lines)

    def _exact_step(self, G, g, new, share, ptr, is_in, local, lines):
        """Minimise over the coordinates that lie inside a piece of the penalty, as far as all of them stay on it."""
        l1, l2, lower, upper = local
        up, up_end, down, down_end = lines
        width = np.diff(ptr)
        held, single = np.repeat(is_in, width), np.repeat(width == 1, width)
        moving = np.flatnonzero((new != 0) & (held | single) & (new > lower) & (new < upper))
        if moving.size == 0:
            return
        t, sign, held = new[moving], np.sign(new[moving]), held[moving]
        end = np.where(t > 0, up_end[moving], down_end[moving])
        limit = np.where(t > 0, upper[moving], -lower[moving])
        curved = held | (np.abs(t) > end)
        slope = np.where(curved, l1[moving], np.where(t > 0, up[moving], down[moving])) * sign
        ridge = np.where(curved, 2.0 * l2[moving], 0.0)
        hessian = G[np.ix_(moving, moving)] + np.diag(ridge)
        step = solve_definite(hessian, g[moving] - slope - ridge * t)
        if step is None:
            return
        # the piece of each coordinate, outwards: [0 or end, end or limit]; without l1 a held one may change sign
        nearest = np.where(
            held,
            np.where(l1[moving] > 0, 0.0, -np.where(t > 0, -lower[moving], upper[moving])),
            np.where(curved, end, 0.0),
        )
        farthest = np.where(curved, limit, end)
        outward = step * sign
        with np.errstate(divide="ignore", invalid="ignore"):
            room = np.where(
                outward > 0,
                (farthest - np.abs(t)) / outward,
                np.where(outward < 0, (nearest - np.abs(t)) / outward, np.inf),
            )
        length = min(1.0, float(room.min()))
        new[moving] = np.where(room <= length, sign * np.where(outward > 0, farthest, nearest), t + length * step)
        g -= G[:, moving] @ (new[moving] - t)
        free = ~is_in & (width == 1)
        at = ptr[:-1][free]
        free_end = np.where(new[at] > 0, up_end[at], down_end[at])
        share[free] = np.where(new[at] == 0, 0.0, np.minimum(1.0, np.abs(new[at]) / np.maximum(free_end, 1e-300)))

    def _lipschitz(self, G, first, last) -> float:
        """Largest eigenvalue of a unit's block of the curvature, or a hair more."""
        if last - first == 1:
            return float(G[first, first])
        return float(np.linalg.eigvalsh(G[first:last, first:last])[-1]) * (1.0 + 1e-12)

    def _next_price(self, price, low, high, count, places):
        """A higher price where too many units are in, a lower one where too few are; bracketed once both were seen."""
        if count > places:  # a first careful step, then strides until the other side is seen
            stride = 1.02 if low is None else 2.0
            low = price
            floor = max(price, 1e-9 * self.problem.null_loss)
            guess = floor * min(4.0, max(stride, (count / max(places, 0.25)) ** 1.5))
        else:
            stride = 0.98 if high is None else 0.5
            high = price
            guess = price * max(0.25, min(stride, (max(count, 1e-3) / places) ** 1.5))
        if low is not None and high is not None:
            guess = 0.5 * (low + high)
        return max(guess, self.problem.l0), low, high

    def _shares_of(self, gamma, working, ptr, is_in, price, local):
        """Smallest-value indicators of a given point: where the old point stood before the descent."""
        _, up_end, _, down_end = Separable(price, *local).envelope_lines()
        end = np.where(gamma > 0, up_end, down_end)
        column = np.where(gamma != 0, np.minimum(1.0, np.abs(gamma) / np.maximum(end, 1e-300)), 0.0)
        share = np.maximum.reduceat(column, ptr[:-1]) if working.size else np.empty(0)
        root = np.sqrt(np.add.reduceat(local[1] * gamma**2, ptr[:-1])) if working.size else share
        grouped = np.minimum(1.0, np.maximum(share, root / np.sqrt(max(price, 1e-300))))
        return np.where(is_in, 1.0, np.where(np.diff(ptr) > 1, grouped, share))

    def _penalty_value(self, gamma, share, working, ptr, is_in, price) -> float:
        """Relaxed penalty of the working set: price z + l1 |t| + l2 t^2 / z, units that are in without the price."""
        if working.size == 0:
            return 0.0
        columns = np.concatenate([self.problem.rules.units[u] for u in working])
        z = np.repeat(share, np.diff(ptr))
        ridge = np.divide(self.penalty.l2[columns] * gamma**2, z, out=np.zeros_like(gamma), where=z > 0)
        return float(price * share[~is_in].sum() + self.penalty.l1[columns] @ np.abs(gamma) + ridge.sum())

    def _bound(self, columns, gamma, intercept, working, share, inside, outside, price):
        """Dual bound and relaxed value at a point, and by how much each unit violates optimality."""
        problem = self.problem
        loss, base, v, v_error, base_error = self.dual(columns, gamma[columns], intercept)
        lifted = np.copysign(np.abs(v) + v_error, v)
        scores = problem.unit_conjugates(lifted)
        charge, _, _ = node_charge(scores, inside, outside, problem.l0, problem.k)
        charge_error = 8 * problem.rules.n_units * 2.0**-53 * (float(scores[~outside].sum()) + problem.l0)
        ptr = np.zeros(working.size + 1, np.int64)
        ptr[1:] = np.cumsum([problem.rules.units[u].size for u in working])
        primal = loss + self._penalty_value(gamma[columns], share, working, ptr, inside[working], price)
        primal += problem.l0 * int(inside.sum())
        if problem.k is not None:
            primal -= (price - problem.l0) * (problem.k - int(inside.sum()))
        nonzero = np.flatnonzero(gamma)
        point = Point(nonzero, gamma[nonzero], intercept, price)
        shares, size = np.zeros(problem.rules.n_units), np.zeros(problem.rules.n_units)
        shares[working] = share
        np.add.at(size, self.of_column[nonzero], gamma[nonzero] ** 2)
        base -= base_error + charge_error
        bound = Bound(base - charge, base, point, scores, shares, np.sqrt(size), primal)
        return bound, primal, np.maximum(scores - price, 0.0)


class GramRelaxation(Relaxation):
    """Squared error: the model is exact and everything is read from Gram rows."""

    def __init__(self, problem):
        super().__init__(problem)
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


class ModelRelaxation(Relaxation):
    """Other losses: a quadratic model a round, a step along it that lowers the value, residuals as dual vectors."""

    def __init__(self, problem):
        super().__init__(problem)
        self.error = problem.rounding
        self.reach = self._reach()

    def _reach(self) -> float:
        """Largest entry of a scaled column: what a residual that does not sum to zero can move a correlation by."""
        some = np.array_split(np.arange(self.problem.n_features), 1 + self.problem.n_features // 512)
        return max(float(np.abs(self.problem.normal.Z.columns(part)).max()) for part in some)

    def _predictor(self, columns, gamma, intercept):
        return self.problem.normal.Z.columns(columns) @ gamma + intercept

    def model(self, columns, gamma, intercept):
        problem = self.problem
        self.Z = problem.normal.Z.columns(columns)
        self.eta = self.Z @ gamma + intercept
        curvature = problem.weight * problem.loss.curvature(problem.y, self.eta)
        slope = -problem.weight * problem.loss.gradient(problem.y, self.eta)
        self.tilt, self.shift = np.zeros(columns.size), 0.0
        if problem.fit_intercept:  # the intercept follows the step
            self.tilt, self.shift = curvature @ self.Z / curvature.sum(), slope.sum() / curvature.sum()
        centred = self.Z - self.tilt
        return np.ascontiguousarray(centred.T @ (curvature[:, None] * centred)), centred.T @ slope

    def advance(self, columns, old, new, intercept, penalty_change):
        problem = self.problem
        move, follow = new - old, self.shift - float(self.tilt @ (new - old))
        along = self.Z @ move + (follow if problem.fit_intercept else 0.0)
        value, length = problem.loss.mean(problem.y, self.eta, problem.weight), 1.0
        while length > 1e-8:
            trial = problem.loss.mean(problem.y, self.eta + length * along, problem.weight)
            if trial + length * penalty_change <= value + 1e-15 * abs(value):  # the penalty is convex along the step
                break
            length *= 0.5
        gamma = old + length * move
        return gamma, self._centred_intercept(columns, gamma, intercept + length * follow)

    def _centred_intercept(self, columns, gamma, intercept):
        """Intercept at which the residuals sum to zero."""
        problem = self.problem
        if not problem.fit_intercept:
            return 0.0
        eta = self.Z @ gamma
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
        eta = self._predictor(columns, gamma, intercept)
        r = -problem.loss.gradient(problem.y, eta)
        weighted = problem.weight * r
        loose = abs(float(weighted.sum())) if problem.fit_intercept else 0.0
        loose += self.error * float(np.abs(weighted).sum()) * problem.fit_intercept
        terms = problem.loss.conjugate(problem.y, -r)
        v = problem.normal.Z.adjoint(weighted)
        size = float(np.sqrt(problem.weight @ r**2))
        v_error = self.error * size + loose * (1.0 + self.reach)
        base_error = self.error * float(problem.weight @ np.abs(terms)) + loose * (2.0 + float(np.abs(eta).max()))
        return problem.loss.mean(problem.y, eta, problem.weight), -float(problem.weight @ terms), v, v_error, base_error


def relaxes(problem: Problem) -> bool:
    """Whether the dual bound of every node is finite: a ridge, or limits on both sides, at every usable column."""
    penalty, columns = problem.normal.penalty, problem.rules.columns(np.flatnonzero(problem.usable))
    bounded = np.isfinite(penalty.lower[columns]) & np.isfinite(penalty.upper[columns])
    return bool(((penalty.l2[columns] > 0) | bounded).all())


def relaxation_for(problem: Problem) -> Relaxation:
    """The relaxation of a problem that has one (see `relaxes`)."""
    return GramRelaxation(problem) if problem.loss.name == "squared" else ModelRelaxation(problem)


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
