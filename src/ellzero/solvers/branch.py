"""Branch and bound on the perspective relaxation: best-first, anytime, with a certificate."""

import heapq
import os
from dataclasses import dataclass, field
from itertools import count
from typing import ClassVar

import numpy as np

from .. import _checks as checks
from .._kernels.relax import FREE, IN, OUT
from .._linear import solve_positive
from .._progress import Clock
from ..certificate import Tree
from ..problem import Problem, node_charge
from ..result import Status
from .base import Answer, Solver, checked_bounds, state_of
from .bounds import root_bound
from .checkpoint import Checkpoint
from .exchange import best_state, penalised
from .gramsearch import Best, GramSearch, searches, splits
from .hits import Hits
from .moves import State, moves_for
from .refit import fit_support
from .relaxation import Bound, Relaxation, dual_tree, relaxation_for, relaxes, starting_point
from .subtree import LAZY

CHECKABLE = 20_000  # most nodes of a tree whose bound is taken from the checker


@dataclass(slots=True, eq=False)
class Node:
    """An open node: what is decided, the best bound known, and where its descent starts."""

    state: np.ndarray
    bound: float
    point: int
    place: int


@dataclass(slots=True, eq=False)
class Evidence:
    """The tree as it grows: a place is a leaf with a point until it branches on a unit."""

    unit: list[int] = field(default_factory=list)
    children: list[tuple[int, int]] = field(default_factory=list)
    point: list[int] = field(default_factory=list)

    def leaf(self, point: int) -> int:
        self.unit.append(-1)
        self.children.append((-1, -1))
        self.point.append(point)
        return len(self.unit) - 1

    def branch(self, place: int, unit: int, point: int) -> tuple[int, int]:
        """Places of the child without the unit and of the child with it."""
        pair = self.leaf(point), self.leaf(point)
        self.unit[place], self.children[place] = unit, pair
        return pair

    def preorder(self) -> tuple[list[int], list[int]]:
        """Unit of each node (-1 for a leaf) and point of each leaf."""
        units, points, waiting = [], [], [0]
        while waiting:
            place = waiting.pop()
            units.append(self.unit[place])
            if self.unit[place] < 0:
                points.append(self.point[place])
            else:
                out, in_ = self.children[place]
                waiting += [in_, out]
        return units, points


class Search:
    """One run: incumbent, heap of open nodes, and the evidence."""

    def __init__(self, problem: Problem, relaxation: Relaxation, clock: Clock, gap: float, start: State):
        self.problem, self.relaxation, self.clock, self.gap = problem, relaxation, clock, gap
        self.threshold: float | None = None  # where set, every support up to it is collected
        self.hits = Hits()
        self.moves = moves_for(problem)
        self.units, self.objective = start.units, penalised(problem, start)
        self.tried: set[frozenset[int]] = {start.key}
        self.evidence, self.points = Evidence(), []
        self.lower, self.n_nodes = np.inf, 0
        self.heap: list[tuple[float, int, Node]] = []
        self.order = count()

    @property
    def cut(self) -> float:
        """Bounds from here on prune: the incumbent less the gap, or the threshold for supports that are collected."""
        if self.threshold is not None:
            return self.threshold
        return self.objective - self.gap * max(self.objective, 1e-12 * self.problem.null_loss) * 0.99

    def push(self, state, bound, point, place):
        rules = self.problem.rules
        if rules.restricted and not rules.propagate(state):
            return
        if self.problem.k is not None and (state == IN).sum() > self.problem.k:
            return
        heapq.heappush(self.heap, (bound, next(self.order), Node(state, bound, point, place)))

    def close(self, bound):
        self.lower = min(self.lower, bound)

    def run(self, node_limit: float) -> Status:
        rules = self.problem.rules
        root = np.where(rules.forced, IN, np.where(self.problem.usable, FREE, OUT)).astype(np.int8)
        self.points.append(starting_point(self.problem))
        self.push(root, -np.inf, 0, self.evidence.leaf(0))
        try:
            while self.heap:
                bound = self.heap[0][0]
                self._tell(max(bound, 0.0))
                if self.clock.interrupted:
                    return Status.INTERRUPTED
                if self.n_nodes and self.clock.expired:
                    return Status.TIME_LIMIT
                if self.n_nodes >= node_limit:
                    return Status.NODE_LIMIT
                self.visit(heapq.heappop(self.heap)[2])
        except KeyboardInterrupt:
            self.clock.interrupted = True
            return Status.INTERRUPTED
        return Status.OPTIMAL

    def _tell(self, bound: float) -> None:
        self.clock.tick(
            "branch",
            message="branch and bound",
            k=self.problem.k,
            objective=self.objective,
            lower_bound=bound,
            gap=self.problem.gap(self.objective, bound),
            n_nodes=self.n_nodes,
        )

    def visit(self, node: Node) -> None:
        """Bound a node; close it, or fix what it allows and branch."""
        if node.bound >= self.cut:
            self.close(node.bound)
            return
        state = node.state
        full = self.problem.k is not None and int((state == IN).sum()) >= self.problem.k
        outside = state != IN if full else state == OUT  # with every place taken, what is free is out
        if full and self.problem.rules.restricted and not self.problem.rules.allows(np.flatnonzero(state == IN)):
            return
        try:
            # the root is solved to the end: its bound is what a heuristic answer is judged by
            cut, lazy = (self.cut, LAZY) if self.n_nodes else (np.inf, 0.0)
            solved = self.relaxation.solve(state == IN, outside, self.points[node.point], cut, lazy, self.clock)
        except KeyboardInterrupt:  # the node stays open with the bound it has
            self.push(node.state, node.bound, node.point, node.place)
            raise
        self.n_nodes += 1
        if solved.value >= node.bound:
            self.points.append(solved.point)
            node.point, node.bound = len(self.points) - 1, solved.value
            self.evidence.point[node.place] = node.point
        if node.bound < self.cut:
            self.round(state, solved)
        if node.bound >= self.cut or full or not (state == FREE).any():
            self.close(node.bound)
            if self.threshold is not None and node.bound < self.cut:
                units = tuple(int(u) for u in np.flatnonzero(state == IN))
                self.threshold = self.hits.add(units, self.value(units), self.threshold)
            return
        self.branch(node, solved)

    def branch(self, node: Node, solved: Bound) -> None:
        """Fix units by reduced cost, then split on the free unit whose relaxed coefficients are largest."""
        state, place = node.state.copy(), node.place
        # else a parent's dual vector is the better one, and knows nothing of the children
        inherits = solved.value == node.bound
        if_in, if_out = self.child_bounds(state, solved)
        fixed = (state == FREE) & (np.maximum(if_in, if_out) >= self.cut) & inherits
        for u in np.flatnonzero(fixed):  # what is fixed agrees with the dual vector, so the other bounds do not move
            out, in_ = self.evidence.branch(place, int(u), node.point)
            self.close(max(if_in[u], if_out[u]))
            place, state[u] = (out, OUT) if if_in[u] >= self.cut else (in_, IN)
        free = state == FREE
        if not free.any():
            self.push(state, node.bound, node.point, place)
            return
        fractional = free & (solved.share > 1e-9) & (solved.share < 1 - 1e-9)
        chosen = fractional if fractional.any() else free
        ranking = np.where(chosen, solved.size + 1e-12 * solved.scores, -1.0)
        u = int(ranking.argmax())
        out, in_ = self.evidence.branch(place, u, node.point)
        for child, sign, bound in ((out, OUT, if_out[u]), (in_, IN, if_in[u])):
            branched = state.copy()
            branched[u] = sign
            self.push(branched, max(node.bound, bound) if inherits else node.bound, node.point, child)

    def child_bounds(self, state, solved: Bound):
        """Bounds of the node with each unit put in, and with each left out, all at the node's dual vector."""
        problem = self.problem
        charge, last_in, first_out = node_charge(solved.scores, state == IN, state == OUT, problem.l0, problem.k)
        rise = np.maximum(solved.scores - problem.l0, 0.0)
        if_in = solved.base - charge + np.maximum(rise, last_in) - (solved.scores - problem.l0)
        if_out = solved.base - charge + np.maximum(rise - first_out, 0.0)
        return if_in, if_out

    def round(self, state, solved: Bound) -> None:
        """Try the support that the relaxation suggests, and improve the incumbent by swaps where it is better."""
        inside = np.flatnonzero(state == IN)
        free = state == FREE
        if self.problem.k is None:
            chosen = np.flatnonzero(free & (solved.share > 0.5))
        else:
            ranked = np.argsort(-np.where(free, solved.size, 0.0), kind="stable")
            chosen = np.array(
                [u for u in ranked[: self.problem.k - inside.size] if solved.size[u] > 0 and free[u]], dtype=int
            )
        self.offer(tuple(int(u) for u in np.sort(np.concatenate([inside, chosen]))))

    def offer(self, units: tuple[int, ...]) -> None:
        if frozenset(units) in self.tried:
            return
        self.tried.add(frozenset(units))
        if self.problem.rules.restricted and not self.problem.rules.allows(units):
            return
        value = self.value(units)
        if value < self.objective:
            self.units, self.objective = units, value
            self.polish()

    def value(self, units) -> float:
        """Objective of the best fit on a support."""
        problem = self.problem
        columns = problem.rules.columns(units)
        if not problem.closed_form:
            return fit_support(problem, columns).value + problem.l0 * len(units)
        corr = problem.gram.corr[columns]
        G = problem.gram.rows(columns)[:, columns] + np.diag(2.0 * problem.normal.penalty.l2[columns])
        explained = float(corr @ solve_positive(G, corr)) if columns.size else 0.0
        return 0.5 * (problem.gram.yy - explained) + problem.l0 * len(units)

    def polish(self) -> None:
        """Descend by swaps from the incumbent."""
        state = self.moves.at(self.units)
        while state is not None:
            swapped = self.moves.swap(state)
            if swapped is None:
                return
            state = swapped
            if penalised(self.problem, state) < self.objective:
                self.units, self.objective = state.units, penalised(self.problem, state)
            self.tried.add(state.key)

    def finish(self) -> tuple[float, Tree]:
        """Bound over closed and open leaves, and the tree of all leaves."""
        lower = min([self.lower, *(entry[0] for entry in self.heap)])
        branch, leaf_points = self.evidence.preorder()
        used, compact = np.unique(leaf_points, return_inverse=True)
        return max(lower, 0.0), dual_tree(self.problem, branch, compact, [self.points[i] for i in used])


@dataclass(frozen=True)
class Branch(Solver):
    """Branch and bound on the perspective relaxation.

    Parameters
    ----------
    gap : float, default=1e-6
        Relative gap at which the answer counts as optimal.
    node_limit : int or None, default=None
        Most nodes to solve.
    random_state : int, Generator or None, default=None
        Seed of the search for the first incumbent.
    n_jobs : int, default=1
        Threads that search (squared error without groups). The answer does not depend on it, the number of nodes does.
    checkpoint : str or path, optional
        File that the search is saved to now and then, and at a limit or Ctrl-C; where it exists, the search goes on
        from it, and `node_limit` counts what is added. It is removed when the search is complete. Squared error without
        groups only.
    checkpoint_every : float, default=30.0
        Seconds between two savings, which take at most a twentieth of the time.

    Notes
    -----
    Needs a finite dual bound: a ridge, limits on both sides of every coefficient, or, for squared error without groups,
    independent columns, of whose Gram matrix a diagonal is split off.

    References
    ----------
    Bertsimas, King & Mazumder (2016), "Best subset selection via a modern optimization lens"; Hazimeh, Mazumder & Saab
    (2022), "Sparse regression at scale: branch-and-bound rooted in first-order optimization".

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(20, 30))
    >>> problem = Problem.from_data(X, X[:, 2] - 3 * X[:, 5], k=2, l2=0.01)
    >>> Branch().solve(problem).status
    <Status.OPTIMAL: 'optimal'>
    """

    name: ClassVar[str] = "branch"
    proves: ClassVar[bool] = True
    takes_start: ClassVar[bool] = True
    gap: float = 1e-6
    node_limit: int | None = None
    random_state: object = None
    n_jobs: int = 1
    checkpoint: str | os.PathLike | None = None
    checkpoint_every: float = 30.0

    def refuses(self, problem):
        if problem.n_outputs > 1:
            return checks.ONE_RESPONSE
        if self.checkpoint is not None and (problem.loss.name != "squared" or problem.rules.grouped):
            return checks.NOT_SAVED
        if not problem.loss.provable:
            return checks.no_proof(problem.loss.name)
        if relaxes(problem) or splits(problem):
            return None
        return (
            "branch and bound needs l2 > 0, limits on both sides of every coefficient, or, for squared error without "
            "groups, independent columns: without them its relaxation has no finite dual bound and proves nothing. "
            "Hint: l2=1e-3 is a small ridge."
        )

    def search(self, problem, clock, start: State | None = None):
        """Search from the best state known, or from what the path engine finds."""
        checkpoint = None
        if self.checkpoint is not None:
            checkpoint = Checkpoint(self.checkpoint, self.checkpoint_every, problem, self.gap)
        if start is None and checkpoint is not None and checkpoint.saved is not None:
            start = state_of(problem, problem.rules.columns(checkpoint.saved.units).tolist())
        state = best_state(problem, clock, self.random_state) if start is None else start
        if searches(problem, penalised(problem, state), self.gap):
            return self._by_gram(problem, state, clock, checkpoint)
        if checkpoint is not None:
            raise checks.refused(self.name, checks.NOT_SAVED_CLOSE)
        if not relaxes(problem):  # the columns are independent, but the fit is too close for their Gram matrix
            bound, tree = root_bound(problem, penalised(problem, state), clock)
            return Answer(state.units, bound, Status.HEURISTIC, tree=tree, tolerance=self.gap)
        search = Search(problem, relaxation_for(problem), clock, self.gap, state)
        status = search.run(np.inf if self.node_limit is None else self.node_limit)
        lower, tree = search.finish()
        if problem.loss.name == "squared" and tree.branch.size <= CHECKABLE:
            # a fit so close, or groups: only the checker knows what rounding leaves
            lower = min(lower, max(0.0, checked_bounds(problem, tree, [problem.k])[0]))
        return Answer(search.units, lower, status, search.n_nodes, tree, tolerance=self.gap)

    def _by_gram(self, problem, state: State, clock, checkpoint: Checkpoint | None) -> Answer:
        search = GramSearch(
            problem, Best(state.units, penalised(problem, state)), clock, self.gap, n_threads=self.n_jobs,
            checkpoint=checkpoint,
        )  # fmt: skip
        clock.keep(clock.elapsed, search.best.value, 0.0, search.n_nodes)
        status = search.run(np.inf if self.node_limit is None else self.node_limit)
        # the checker multiplies out what the search reads off a Gram matrix, and rounds a little differently
        lower = max(0.0, search.bound() - problem.rounding * problem.null_loss)
        fit = state.facts.get("given") if search.best.units == state.units else None
        return Answer(
            search.best.units, lower, status, search.n_nodes, search.evidence, tolerance=self.gap, fit=fit
        )  # fmt: skip
