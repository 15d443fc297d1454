r"""The perspective relaxation at a node of the search tree, by descent on working sets; any point of it gives a bound.

At a node some units are in, some out. The others carry the convex envelope of their price and penalty; with at most k
units the price is raised above :math:`\lambda_0` until the relaxed count fits. Descent runs on the working set only
(units that are nonzero, in, or violate optimality); one pass over all columns a round gives the dual bound and the
violators.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np

from .._kernels.coordinate import descend
from .._linear import solve_definite
from .._progress import Clock
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
    slopes : ndarray of shape (n_features,)
        Correlations v of the columns with the dual vector.
    slope_error : float
        What rounding may have taken from them.
    """

    value: float
    base: float
    point: Point
    scores: np.ndarray
    share: np.ndarray
    size: np.ndarray
    primal: float
    slopes: np.ndarray
    slope_error: float


class Relaxation(ABC):
    """Working-set descent; subclasses know how the loss is modelled and how its dual value is had.

    Parameters
    ----------
    problem : Problem
    lower, upper : ndarray of shape (n_features,), optional
        Limits of the scaled columns that take the place of the problem's (see `narrow`).

    Attributes
    ----------
    laziness : float
        Share of the laziness asked for that suits the loss.
    """

    laziness: ClassVar[float] = 1.0

    def __init__(self, problem: Problem, lower=None, upper=None):
        self.problem, self.of_column = problem, problem.rules.unit_of_column
        own = problem.normal.penalty
        self.narrow(own.lower if lower is None else lower, own.upper if upper is None else upper)
        self.work_left = 0.0
        self.scale = np.sqrt(max(problem.null_loss, 1e-300))
        self.width = np.array([unit.size for unit in problem.rules.units])
        self.single = bool((self.width <= 1).all())
        self.first = np.array([unit[0] if unit.size else -1 for unit in problem.rules.units])

    def narrow(self, lower, upper) -> None:
        """Take other limits from here on.

        Bounds then hold for the solutions within them: whoever narrows must have proved the rest away (see `peeling`).
        """
        own = self.problem.normal.penalty
        self.penalty = Separable(own.l0, own.l1, own.l2, np.asarray(lower, float), np.asarray(upper, float))
        self._priced: tuple[float, Four] | None = None

    def _locate(self, working) -> tuple[np.ndarray, np.ndarray]:
        """Columns of some units, and where each unit begins among them."""
        if self.single:
            return self.first[working], np.arange(working.size + 1)
        ptr = np.zeros(working.size + 1, np.int64)
        ptr[1:] = np.cumsum(self.width[working])
        units = self.problem.rules.units
        return (np.concatenate([units[u] for u in working]) if working.size else np.empty(0, np.intp)), ptr

    def _lines(self, price, columns, local: Four) -> Four:
        """Lines of the envelopes of some columns; without a limit on the size, the price never moves."""
        if self.problem.k is not None:
            return Separable(price, *local).envelope_lines()
        if self._priced is None or self._priced[0] != price:
            own = self.penalty
            self._priced = price, Separable(price, own.l1, own.l2, own.lower, own.upper).envelope_lines()
        up, up_end, down, down_end = self._priced[1]
        return up[columns], up_end[columns], down[columns], down_end[columns]

    def begin(self, gamma, intercept) -> tuple[np.ndarray, float]:
        """Where a node's descent begins, when it is to begin at a point."""
        return gamma, intercept

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
        problem = self.problem
        gamma = np.zeros(problem.n_features)
        gamma[start.columns] = np.clip(
            start.gamma, self.penalty.lower[start.columns], self.penalty.upper[start.columns]
        )
        gamma[outside[self.of_column]] = 0.0
        gamma, intercept = self.begin(gamma, start.intercept)
        active = inside.copy()
        active[self.of_column[np.flatnonzero(gamma)]] = True
        price, best = max(start.price, problem.l0), None
        tolerance, rounds = 1e-3, 0
        self.work_left = WORK if lazy else ROOT_WORK
        while True:
            rounds += 1
            working = np.flatnonzero(active)
            columns, ptr = self._locate(working)
            old = gamma[columns]
            moved = self._descend(working, columns, ptr, old, intercept, inside, price, tolerance, lazy == 0.0)
            new, share, price, before, after = moved
            gamma[columns], intercept = self.advance(columns, old, new, intercept, after - before)
            bound, violation = self._bound(columns, ptr, gamma, intercept, working, share, inside, outside, price)
            primal = bound.primal
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
            near = primal < cut and slack <= self.laziness * lazy * (cut - primal)
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

    def _descend(self, working, columns, ptr, old, intercept, inside, price, tolerance, exact):
        """Minimise the model over the working set, with the price that the count asks for."""
        problem, penalty = self.problem, self.penalty
        G, slope = self.model(columns, old, intercept)
        lip = np.diagonal(G) if self.single else np.array([_lipschitz(G, *ends) for ends in pairwise(ptr)])
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
            lines = self._lines(price, columns, local)
            self._settle(G, g, new, share, work, ptr, is_in, lip, price, local, lines, tolerance)
            count = float(share[free].sum())
            fits = count <= places * (1.0 + slack)
            tight = price <= least or count >= places * (1.0 - slack)
            if not free.any() or (fits and tight):
                break
            following, low, high = self._next_price(price, low, high, count, places)
        before = self._penalty_value(
            columns, old, self._shares_of(columns, old, ptr, is_in, price, local), ptr, is_in, price
        )
        after = self._penalty_value(columns, new, share, ptr, is_in, price)
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

    def _shares_of(self, columns, gamma, ptr, is_in, price, local):
        """Smallest-value indicators of a given point: where the old point stood before the descent."""
        _, up_end, _, down_end = self._lines(price, columns, local)
        end = np.where(gamma > 0, up_end, down_end)
        column = np.where(gamma != 0, np.minimum(1.0, np.abs(gamma) / np.maximum(end, 1e-300)), 0.0)
        if self.single or not columns.size:
            return np.where(is_in, 1.0, column)
        share = np.maximum.reduceat(column, ptr[:-1])
        root = np.sqrt(np.add.reduceat(local[1] * gamma**2, ptr[:-1]))
        grouped = np.minimum(1.0, np.maximum(share, root / np.sqrt(max(price, 1e-300))))
        return np.where(is_in, 1.0, np.where(np.diff(ptr) > 1, grouped, share))

    def _penalty_value(self, columns, gamma, share, ptr, is_in, price) -> float:
        """Relaxed penalty of the working set: price z + l1 |t| + l2 t^2 / z, units that are in without the price."""
        z = share if self.single else np.repeat(share, np.diff(ptr))
        ridge = np.divide(self.penalty.l2[columns] * gamma**2, z, out=np.zeros_like(gamma), where=z > 0)
        return float(price * share[~is_in].sum() + self.penalty.l1[columns] @ np.abs(gamma) + ridge.sum())

    def _bound(self, columns, ptr, gamma, intercept, working, share, inside, outside, price):
        """Dual bound at a point, and by how much each unit violates optimality."""
        problem, n_units = self.problem, self.problem.rules.n_units
        loss, base, v, v_error, base_error = self.dual(columns, gamma[columns], intercept)
        scores = self.penalty.convex_conjugate(np.copysign(np.abs(v) + v_error, v))
        scores = np.bincount(self.of_column, scores, n_units)
        charge, _, _ = node_charge(scores, inside, outside, problem.l0, problem.k)
        charge_error = 8 * n_units * 2.0**-53 * (float(scores[~outside].sum()) + problem.l0)
        primal = loss + self._penalty_value(columns, gamma[columns], share, ptr, inside[working], price)
        primal += problem.l0 * int(inside.sum())
        if problem.k is not None:
            primal -= (price - problem.l0) * (problem.k - int(inside.sum()))
        nonzero = np.flatnonzero(gamma)
        point = Point(nonzero, gamma[nonzero], intercept, price)
        shares = np.zeros(n_units)
        shares[working] = share
        size = np.sqrt(np.bincount(self.of_column[nonzero], gamma[nonzero] ** 2, n_units))
        base -= base_error + charge_error
        bound = Bound(base - charge, base, point, scores, shares, size, primal, v, v_error)
        return bound, np.maximum(scores - price, 0.0)


def _lipschitz(G, first, last) -> float:
    """Largest eigenvalue of a unit's block of the curvature, or a hair more."""
    if last - first == 1:
        return float(G[first, first])
    return float(np.linalg.eigvalsh(G[first:last, first:last])[-1]) * (1.0 + 1e-12)
