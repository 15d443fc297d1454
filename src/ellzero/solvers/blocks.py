r"""Penalties of whole groups: the group lasso, and a price of every group that is in, by descent over groups.

Group lasso: :math:`L(\beta) + \lambda \sum_g w_g \|\beta_g\|_2`, with a duality gap. Group L0:
:math:`L(\beta) + \lambda \sum_g w_g 1[\beta_g \ne 0]`; where no limits are set each group moves to its exact minimiser.

References
----------
Yuan & Lin (2006), "Model selection and estimation in regression with grouped variables";
Hazimeh, Mazumder & Radchenko (2023), "Grouped variable selection with discrete optimization".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy import linalg

from .._kernels.cyclic import sweep_blocks
from .._linear import least_squares, solve_definite
from .._progress import Clock
from ..operators import Standardised
from ..penalties import Separable
from ..problem import NormalForm, Problem
from .penalised import Point
from .quadratic import BURST
from .working import BURSTS, FACES, Working, bent

CHECKS = 100
RANK = 1e-10  # eigenvalues of a group below this share of its largest are rounding
ENTER = 20  # groups that may enter at once, or as many as are in


def unscaled(problem: Problem) -> Problem:
    """The problem with columns in data units where the penalty is stated in them: norms of groups are not separable."""
    if problem.standardize:
        return problem
    twin, normal = replace(problem), problem.normal
    one = np.ones_like(normal.scale)
    base = Standardised(normal.Z.base, normal.Z.centre, one)
    penalty = Separable(0.0, 0.0, 0.0, normal.penalty.lower / normal.scale, normal.penalty.upper / normal.scale)
    twin.__dict__["normal"] = NormalForm(base, normal.y, normal.centre, one, penalty)
    return twin


@dataclass(frozen=True, slots=True, eq=False)
class BlockTerms:
    """Price of each group: of its norm, or of its being in where groups are `counted`; with limits a column."""

    counted: bool
    price: np.ndarray
    group_of: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    @property
    def limited(self) -> bool:
        return bool(np.isfinite(self.lower).any() or np.isfinite(self.upper).any())

    def norms(self, b, columns) -> np.ndarray:
        return np.sqrt(np.bincount(self.group_of[columns], b * b, self.price.size))

    def value(self, b, columns) -> float:
        norms = self.norms(b, columns)
        return float(self.price @ ((norms > 0) if self.counted else norms))

    def minimise(self, G, g, b, columns, tol, greedy=False) -> None:
        """Minimise a quadratic model plus the penalty, in place, over whole groups of columns, side by side."""
        m = b.size
        ids = self.group_of[columns]
        ptr = np.append(np.flatnonzero(np.append(True, ids[1:] != ids[:-1])), m)
        price, lower, upper = self.price[ids[ptr[:-1]]], self.lower[columns], self.upper[columns]
        G = np.ascontiguousarray(G[:m, :m])
        if self.counted and not self.limited:
            self._exactly(G, g, b, ptr, price, tol)
            return
        lip = np.array([linalg.eigvalsh(G[i:j, i:j])[-1] for i, j in pairwise(ptr)])
        lip = np.maximum(lip, 1e-300)
        for _ in range(0 if self.counted or self.limited else FACES):
            if _sweep(G, g, b, ptr, lip, False, price, lower, upper, tol, BURST) < BURST:
                return
            _newton(G, g, b, ptr, price)
        _sweep(G, g, b, ptr, lip, self.counted, price, lower, upper, tol)

    def _exactly(self, G, g, b, ptr, price, tol) -> None:
        """The same in columns that are orthonormal inside each group: there the block step is its minimiser."""
        turn = np.zeros_like(G)
        back = np.zeros_like(G)
        for i, j in pairwise(ptr):
            values, vectors = linalg.eigh(G[i:j, i:j])
            kept = values > RANK * max(values[-1], 0.0)
            root = np.sqrt(np.where(kept, values, 1.0))
            turn[i:j, i:j] = vectors * np.where(kept, 1.0 / root, 0.0)
            back[i:j, i:j] = (vectors * np.where(kept, root, 0.0)).T
        turned, free = back @ b, np.full(b.size, np.inf)
        ones = np.ones(ptr.size - 1)
        _sweep(turn.T @ G @ turn, turn.T @ g, turned, ptr, ones, True, price, -free, free, tol)
        b[:] = turn @ turned


def _sweep(G, g, b, ptr, lip, counted, price, lower, upper, tol, most=BURST * BURSTS) -> int:
    nothing = np.zeros(ptr.size - 1)
    return sweep_blocks(
        np.ascontiguousarray(G), g, b, ptr, lip, counted, price, nothing, lower, upper, np.empty(b.size), tol, most
    )


def _newton(G, g, b, ptr, price) -> None:
    """A Newton step on the groups that are not zero, where norms are smooth, shortened until it descends."""
    norms = np.sqrt(np.add.reduceat(b * b, ptr[:-1]))
    block = np.repeat(np.arange(norms.size), np.diff(ptr))
    S = np.flatnonzero(norms[block] > 0)
    if not S.size:
        return
    bend, norm = price[block[S]], norms[block[S]]
    unit = b[S] / norm
    same = block[S][:, None] == block[S][None, :]
    hessian = G[np.ix_(S, S)] - np.where(same, np.outer(unit * bend / norm, unit), 0.0)
    hessian.flat[:: S.size + 1] += bend / norm
    slope = g[S] - bend * unit
    step = solve_definite(hessian, slope)
    if step is None:
        return
    whole = np.zeros(b.size)
    whole[S] = step
    change = G @ whole
    length = 1.0
    while length > 1e-6:
        after = np.sqrt(np.add.reduceat((b + length * whole) ** 2, ptr[:-1]))
        rise = length * (0.5 * length * (whole @ change) - whole @ g) + price @ (after - norms)
        if rise < 0.0:
            b += length * whole
            g -= length * change
            return
        length *= 0.5


class Blocks:
    """Solves one group problem after another on the same data, each from where the last one ended."""

    def __init__(self, problem: Problem, clock: Clock, group_of):
        self.problem, self.clock, self.group_of = problem, clock, np.asarray(group_of)
        self.work = Working(problem)
        self.n_groups = int(self.group_of.max()) + 1
        self.members = [
            np.flatnonzero((self.group_of == u) & self.work.available) for u in range(self.n_groups)
        ]  # constant columns stay out
        self.inside = np.zeros(self.n_groups, bool)

    def terms(self, counted: bool, prices) -> BlockTerms:
        penalty = self.problem.normal.penalty
        wide = np.ones(self.problem.n_features)
        return BlockTerms(counted, np.asarray(prices, float), self.group_of, penalty.lower * wide, penalty.upper * wide)

    def add(self, groups) -> None:
        for u in groups:
            if not self.inside[u]:
                self.inside[u] = True
                self.work.add(self.members[u])

    def products(self) -> np.ndarray:
        self.work.centre()
        return self.work.store.all_products(self.work.weight * self.work.residual())

    def reachable_norms(self, c, terms) -> np.ndarray:
        """Norm of each group's products, without directions that the limits close."""
        limit = np.where(c > 0, terms.upper, -terms.lower)
        open_ = np.where((limit > 0) & self.work.available, c, 0.0)
        return np.sqrt(np.bincount(self.group_of, open_ * open_, self.n_groups))

    def worths(self, terms, c) -> np.ndarray:
        """What a group may take off its quadratic model by entering alone, its price not counted."""
        work, problem = self.work, self.problem
        h = work.weight if work.squared else bent(problem, work.y, work.eta)
        found, root = np.zeros(self.n_groups), np.sqrt(h)[:, None]
        for u in np.flatnonzero(~self.inside):
            members = self.members[u]
            if not members.size:
                continue
            A = root * problem.normal.Z.columns(members)
            G, v = A.T @ A, c[members]
            if terms.limited:
                a = float(linalg.eigvalsh(G)[-1])
                t = np.clip(v / a, terms.lower[members], terms.upper[members])
                found[u] = float(t @ (v - 0.5 * a * t))
            else:
                found[u] = 0.5 * float(v @ least_squares(G, v, rank=RANK))
        return found

    def solve(self, terms: BlockTerms, tolerance: float) -> tuple[Point, float]:
        """Minimise; returns the point and, for norms, its duality gap (NaN for counts)."""
        tol, gap = np.sqrt(tolerance) * 1e-2, float("nan")
        before = np.inf
        for _ in range(CHECKS):
            self.work.descend(terms, tol)
            c = self.products()
            if terms.counted:
                excess = np.where(self.inside, 0.0, self.worths(terms, c) - terms.price)
            else:
                excess = np.where(self.inside, 0.0, self.reachable_norms(c, terms) - terms.price)
                gap = self._gap(terms, c)
                if gap <= tolerance:
                    break
            entering = np.flatnonzero(excess > 0)
            if self.clock.stopped:
                break
            if entering.size:
                entering = entering[np.argsort(-excess[entering], kind="stable")]
                self.add(entering[: max(ENTER, int(self.inside.sum()))])
            elif terms.counted or tol < 1e-15 or gap >= before:
                break
            else:
                tol, before = 0.01 * tol, gap
        work = self.work
        value = work.loss() + terms.value(work.b, work.columns)
        return Point(work.coefficients(), work.intercept, value), max(gap, 0.0) if gap == gap else gap

    def _gap(self, terms, c) -> float:
        r"""Duality gap with the residual scaled until every group's conjugate is finite.

        The conjugate of a group's norm on limits is at most
        :math:`\sum_j \max_{t \in [l_j, u_j]} (v_j - a_j) t` for any a with :math:`\|a\| \le \lambda w_g`;
        a is v where limits are infinite, and points along the group elsewhere.
        """
        work, loss, held = self.work, self.problem.loss, terms.price > 0
        endless = np.isinf(np.where(c > 0, terms.upper, -terms.lower)) & work.available & held[self.group_of]
        needed = self._norms(np.where(endless, c, 0.0))
        over = needed > terms.price
        scale = float((terms.price[over & held] / needed[over & held]).min(initial=1.0))
        v = scale * np.where(work.available & held[self.group_of], c, 0.0)
        a = np.where(endless, v, self._along(terms, v))
        # what room the endless columns leave is shared by the others
        room = np.sqrt(np.maximum(terms.price**2 - self._norms(np.where(endless, a, 0.0)) ** 2, 0.0))
        taken = self._norms(np.where(endless, 0.0, a))
        with np.errstate(divide="ignore", invalid="ignore"):
            fit = np.where(taken > room, room / taken, 1.0)
        rest = np.where(endless, 0.0, v - fit[self.group_of] * a)
        limit = np.where(rest > 0, terms.upper, terms.lower)
        rest = np.where(np.isinf(limit), 0.0, rest)  # there v is nearer to 0 than a, and may take its place
        charge = float((np.where(rest != 0, limit, 0.0) * rest).sum())
        bound = -float(work.weight @ loss.conjugate(work.y, -scale * work.residual())) - charge
        unheld = ~held[self.group_of[work.columns]]
        left = float(np.abs(c[work.columns] * work.b)[unheld].sum())  # unpenalised groups are at their optimum
        return work.loss() + terms.value(work.b, work.columns) - bound + left

    def _along(self, terms, v) -> np.ndarray:
        """Vectors within each group's price: along its coefficients, or its products where it has none."""
        b = self.work.coefficients()
        norms, own = self._norms(b)[self.group_of], np.maximum(self._norms(v), 1e-300)[self.group_of]
        price = terms.price[self.group_of]
        return np.where(norms > 0, price * b / np.maximum(norms, 1e-300), v * np.minimum(1.0, price / own))

    def _norms(self, v) -> np.ndarray:
        return np.sqrt(np.bincount(self.group_of, v * v, self.n_groups))
