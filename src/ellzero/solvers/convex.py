r"""Convex penalties: lasso, elastic net and their weighted kin, by coordinate descent on working sets with a gap.

Minimises :math:`L(\beta) + \sum_j \lambda_{1j}|\beta_j| + \lambda_{2j}\beta_j^2` on limits. With the residual r (the
negative gradient of each row's loss), :math:`c_j = z_j^\top W r` and a scale :math:`s \in [0, 1]`,

.. math:: D(s) = -\sum_i w_i f^*(y_i, -s r_i) - \sum_j h_j^*(s c_j)

bounds the optimum from below; the gap of a point is its objective less the better of D(1) and D at the largest scale
that leaves every conjugate finite.

Two facts spare most products of columns with residuals. Columns have unit norm under the weights, so from products
with an earlier residual :math:`r_0`, :math:`|c_j| \le |\rho c_{0j}| + \|r - \rho r_0\|_W`, and a column whose bound is
below its strength needs no look. And with a gap the optimal residual is within :math:`\sqrt{2\kappa\,gap}` of
:math:`s r` (:math:`\kappa` bounds the curvature of the loss), so a column with
:math:`|s c_j| + \sqrt{2\kappa\,gap} < \lambda_{1j}` is zero at the optimum and leaves for good.

References
----------
Friedman, Hastie & Tibshirani (2010), "Regularization paths for generalized linear models via coordinate descent";
Ndiaye, Fercoq, Gramfort & Salmon (2017), "Gap safe screening rules for sparsity enforcing penalties";
Massias, Gramfort & Salmon (2018), "Celer: a fast solver for the lasso with dual extrapolation".
"""

from __future__ import annotations

import numpy as np

from .._progress import Clock
from ..penalties import Separable
from ..problem import Problem
from .working import PROMISING, Terms, Working

CHECKS = 100  # working sets at one strength
LEAST_STEP = 1e-15
SLACK = 1e-10  # what rounding may do to a product, beside a residual of norm one
PRUNE = 400  # columns at work without a coefficient that may wait


class Convex:
    """Solves one convex problem after another on the same data, each from where the last one ended."""

    def __init__(self, problem: Problem, clock: Clock):
        self.problem, self.clock = problem, clock
        self.work = Working(problem)
        p = problem.n_features
        self.c = np.zeros(p)  # products with the residual; where they were not looked at, from an earlier one
        self.reference: tuple[np.ndarray, np.ndarray] | None = None  # residual, and all products with it
        self.available = np.flatnonzero(self.work.available)

    def largest_products(self) -> np.ndarray:
        """Products of all columns with the residual at the current point."""
        self.work.centre()
        self._all_products(self.work.residual())
        return self.c

    def solve(self, terms: Terms, tolerance: float) -> float:
        """Minimise up to a duality gap of `tolerance`; returns the gap reached."""
        work, tol = self.work, np.sqrt(max(tolerance, 0.0)) * 1e-2
        self.hopeful, gap = self.available, np.inf
        self._foresee(terms)
        before = np.inf
        for _ in range(CHECKS):
            size = float(np.abs(work.b).sum())
            tol = max(min(tol, 0.1 * tolerance / size if size else tol), LEAST_STEP)
            work.descend(terms, tol)
            work.centre()
            gap, entering = self._check(terms)
            if gap <= tolerance or self.clock.stopped:
                break
            if entering.size:
                work.add(entering)
            elif gap >= before and tol <= LEAST_STEP:
                break  # rounding
            else:
                tol, before = 0.01 * tol, gap
        return max(gap, 0.0)

    def _foresee(self, terms) -> None:
        """Columns that the sequential strong rule expects; those at work that have long been zero leave."""
        work = self.work
        waiting = np.flatnonzero(work.b == 0)
        if waiting.size > PRUNE + work.b.size // 2:
            near = np.abs(self.c[work.columns]) >= terms.l1[work.columns]
            work.drop(np.flatnonzero((work.b != 0) | near))
        near = self.available[work.place[self.available] < 0]
        beyond = self._reach(near, terms)
        near = near[(np.abs(self.c[near]) >= terms.l1[near]) & beyond]
        work.add(self._largest(near))

    def _largest(self, columns) -> np.ndarray:
        """At most as many columns as have coefficients, those of the largest products."""
        room = max(50, 2 * np.count_nonzero(self.work.b))
        if columns.size <= room:
            return columns
        return columns[np.argpartition(-np.abs(self.c[columns]), room)[:room]]

    def _reach(self, columns, terms) -> np.ndarray:
        """Whether the limits leave a column anywhere to go in the direction of its product."""
        limit = np.where(self.c[columns] > 0, terms.upper[columns], -terms.lower[columns])
        return limit > 0

    def _all_products(self, r) -> None:
        self.c = self.work.store.all_products(self.work.weight * r)
        self.reference = r.copy(), self.c.copy()

    def _products(self, r, terms) -> np.ndarray:
        """Products with a residual where they may matter; returns the columns looked at."""
        hopeful = self.hopeful
        if self.reference is None:
            self._all_products(r)
            return hopeful
        weight, (r0, c0) = self.work.weight, self.reference
        norm0 = float(weight @ (r0 * r0))
        rho = float(weight @ (r * r0)) / norm0 if norm0 > 0 else 0.0
        rest = r - rho * r0
        distance = np.sqrt(float(weight @ (rest * rest))) + SLACK * np.sqrt(norm0)
        looked = hopeful[np.abs(rho * c0[hopeful]) + distance >= terms.l1[hopeful]]
        if looked.size > PROMISING * self.available.size:
            self._all_products(r)
            return hopeful
        self.work.store.products(weight * r, looked, self.c)
        return looked

    def _check(self, terms) -> tuple[float, np.ndarray]:
        """Duality gap of the current point, and the columns outside that would lower the objective."""
        work, loss = self.work, self.problem.loss
        r = work.residual()
        looked = self._products(r, terms)
        c, l1 = self.c[looked], terms.l1[looked]
        h = Separable(0.0, l1, terms.l2[looked], terms.lower[looked], terms.upper[looked])
        free = l1 == 0.0  # what nothing holds is at its optimum, up to the product that is charged below
        held = ~free | (terms.l2[looked] > 0)
        primal = work.loss() + terms.value(work.b, work.columns)
        best, scale = -np.inf, 1.0
        for s in (1.0, self._dual_scale(c, l1, terms, looked, held)):
            base = -float(work.weight @ loss.conjugate(work.y, -s * r))
            value = base - float(np.where(held, h.convex_conjugate(s * c), 0.0).sum())
            if value > best:
                best, scale = value, s
        charged = looked[~held]
        at = np.where(work.place[charged] >= 0, work.b[work.place[charged]], 0.0)
        gap = primal - best + float(np.abs(self.c[charged] * at).sum())
        outside = looked[work.place[looked] < 0]
        entering = outside[(np.abs(self.c[outside]) > terms.l1[outside]) & self._reach(outside, terms)]
        if np.isfinite(loss.curvature_bound) and gap >= 0:
            radius = np.sqrt(2.0 * loss.curvature_bound * gap)
            bound = np.abs(scale * self.c[looked]) + radius < terms.l1[looked]
            hopeless = looked[bound & (work.place[looked] < 0)]
            if hopeless.size:
                keep = np.ones(self.problem.n_features, bool)
                keep[hopeless] = False
                self.hopeful = self.hopeful[keep[self.hopeful]]
        return gap, self._largest(entering)

    def _dual_scale(self, c, l1, terms, looked, held) -> float:
        """Largest scale of the residual that leaves every conjugate finite."""
        limit = np.where(c > 0, terms.upper[looked], -terms.lower[looked])
        bounds = np.isinf(limit) & (np.abs(c) > l1) & held & (l1 > 0)
        return float((l1[bounds] / np.abs(c[bounds])).min(initial=1.0))
