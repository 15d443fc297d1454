r"""Nonconvex penalties by coordinate descent: MCP, SCAD, Lp, log-sum, and prices of nonzeros beside l1 and l2.

At a point where descent ends every coordinate is at the global minimum of the objective along its axis (squared error),
or of a quadratic model that lies above it (other losses); nothing more is claimed. Swaps lead on from there: one
column out, one in, where that lowers the objective.

References
----------
Breheny & Huang (2011), "Coordinate descent algorithms for nonconvex penalized regression";
Mazumder, Friedman & Hastie (2011), "SparseNet: coordinate descent with nonconvex penalties";
Hazimeh & Mazumder (2020), "Fast best subset selection: coordinate descent and local combinatorial optimization".
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .._progress import Clock
from ..problem import Problem
from .working import Terms, Working, bent

CHECKS = 100
BELOW = 0.99  # share of the price at which the next column would enter that is tried next
FURTHER = 0.9  # the same for losses whose models are approximate
LOWERS = 1e-12  # share of the empty model's loss by which a swap has to lower the objective


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """Coefficients of the scaled columns, intercept and objective."""

    coef: np.ndarray
    intercept: float
    objective: float


class Coordinatewise:
    """Descends to coordinate-wise minimisers of one penalty after another on the same data."""

    def __init__(self, problem: Problem, clock: Clock):
        self.problem, self.clock = problem, clock
        self.work = Working(problem)
        self.available = np.flatnonzero(self.work.available)
        self.curvature = np.ones(problem.n_features)

    def products(self) -> np.ndarray:
        """Products of all columns with the residual; beside them the curvature of every column's model."""
        work, problem = self.work, self.problem
        work.centre()
        if not work.squared:
            h = bent(problem, work.y, work.eta)
            self.curvature = np.maximum(problem.normal.Z.mean_square(h), 1e-300)
        return work.store.all_products(work.weight * work.residual())

    def solve(self, terms: Terms, tol: float, greedy: bool = False) -> Point:
        """Descend from the current point until no coordinate, at work or not, wants to move."""
        work = self.work
        for _ in range(CHECKS):
            work.descend(terms, tol, greedy)
            gains = self.gains(terms, self.products())
            entering = np.flatnonzero(gains > 0)
            if not entering.size or self.clock.stopped:
                break
            room = max(50, np.count_nonzero(work.b))
            if entering.size > room:
                entering = entering[np.argpartition(-gains[entering], room)[:room]]
            work.add(entering)
        return self.point(terms)

    def point(self, terms: Terms) -> Point:
        work = self.work
        return Point(work.coefficients(), work.intercept, work.loss() + terms.value(work.b, work.columns))

    def gains(self, terms: Terms, c) -> np.ndarray:
        """What each column outside would take off its model by entering alone; 0 for those at work."""
        outside = self.available[self.work.place[self.available] < 0]
        gains = np.zeros(c.size)
        gains[outside] = self.worth(terms, c[outside], outside)
        return gains

    def worth(self, terms, v, columns) -> np.ndarray:
        """Largest fall of ``a t^2 / 2 - v t + penalty(t)`` below its value at 0, where another t than 0 is best."""
        a = self.curvature[columns]
        t = terms.minimisers(v, a, columns)
        worth = t * (v - 0.5 * a * t) - terms.each(t, columns)
        return np.where(t != 0, np.maximum(worth, 1e-300), 0.0)

    def outside(self) -> np.ndarray:
        """Columns whose coefficient is zero."""
        full = np.zeros(self.problem.n_features, bool)
        full[self.work.columns] = self.work.b != 0
        return self.available[~full[self.available]]

    def go_to(self, point: Point) -> None:
        self.work.take_up(point.coef, point.intercept)

    def best_from(self, starts, terms: Terms, tol: float, greedy: bool = True) -> Point:
        """Best of the descents from several points; the last descent's point is left for the best one."""
        found = []
        for start in starts:
            self.go_to(start)
            found.append(self.solve(terms, tol, greedy))
        best = min(found, key=lambda point: point.objective)
        if best is not found[-1]:
            self.go_to(best)
        return best

    def swapped(self, terms: Terms, tol: float) -> Point:
        """Swap single columns while that lowers the objective (squared error), descending after each swap."""
        point = self.point(terms)
        while not self.clock.stopped and self._swap(terms):
            trial = self.solve(terms, tol, greedy=True)
            if not trial.objective < point.objective - LOWERS * self.problem.null_loss:
                self.go_to(point)
                break
            point = trial
        return point

    def _swap(self, terms) -> bool:
        """Make the best exchange of one column, the others as they are; whether one lowers the objective."""
        work = self.work
        c, inside = self.products(), np.flatnonzero(work.b)
        outside = self.outside()
        best, least = None, -LOWERS * self.problem.null_loss
        if not outside.size:
            return False
        for place in inside:
            i, t = work.columns[place], work.b[place]
            column = self.problem.normal.Z.columns([i])[:, 0]
            cross = work.store.all_products(work.weight * column)
            loss = t * (c[i] + 0.5 * t) - terms.value(work.b[[place]], work.columns[[place]])
            worth = self.worth(terms, c[outside] + t * cross[outside], outside)
            j = int(np.argmax(worth))
            if loss - worth[j] < least:
                least, best = loss - worth[j], (place, outside[j], c[outside[j]] + t * cross[outside[j]])
        if best is None:
            return False
        place, entering, v = best
        work.add(np.array([entering]))
        work.b[place] = 0.0
        work.b[work.place[entering]] = terms.minimisers(
            np.array([v]), self.curvature[[entering]], np.array([entering])
        )[0]  # fmt: skip
        work.refresh()
        return True


def next_price(engine: Coordinatewise, terms: Terms, price: float) -> float:
    """A price just below the one at which the first column would enter, and below the present one."""
    free, c = replace(terms, l0=0.0 * terms.l0), engine.products()
    outside = engine.outside()
    worth = engine.worth(free, c[outside], outside)
    below = BELOW if engine.work.squared else FURTHER  # there a model is no promise that the column enters
    return below * min(price, float(worth.max(initial=0.0)))
