"""Leaps and bounds over all sizes at once, and plain enumeration of small sizes where columns outnumber rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from typing import ClassVar

import numpy as np
from scipy import linalg

from .. import _checks as checks
from .._kernels.leaps import LEAF, leaps, offer, triples
from .._linear import least_squares, solve_positive
from .._progress import Clock
from ..certificate import Tree
from ..problem import Problem
from ..result import Status
from .base import Answer, Solver, checked_bounds
from .bounds import bounded_by_supersets
from .exchange import most_units, path_engine, penalised
from .refit import fit_support

BURST = 2000  # nodes between two looks at the clock
TIE = 1e-10  # supports closer than this, relative, count as equal
PRACTICAL = 40  # units up to which a complete search is usual
COARSE = 1e-8  # share of a value that rounding may take without a second look
CHECKABLE = 4_000_000
STREAM_LIMIT = 2**27  # numbers of a tree that is kept as a certificate
NEARLY = 1e-4  # a column that keeps less of its squared norm beside others is nearly dependent on them
COPY = 1e-12  # largest difference of a scaled column from the one it copies
FITTED = 1e-7  # share of a value by which two ways to fit nearly dependent columns may differ
SPARE = 1000  # supports listed beyond those that will be kept, between two passes of sorting
SKIPPED = 50_000  # most supports with nearly dependent columns that are fitted one by one
SCORED = 20_000_000  # supports between two looks at the clock
ENUMERABLE = 3e10  # triples, pairs or single columns that are still enumerated


@dataclass(slots=True, eq=False)
class Sizes:
    """Best supports by size, the bound common to what was not looked at, and the evidence."""

    best: dict[int, tuple[int, ...]]
    lower: dict[int, float]
    status: Status
    n_nodes: int
    tree: Tree | None
    hits: list[tuple[tuple[int, ...], float]]
    complete: bool = True


class LeapsAndBounds:
    """One run of the tree search; the kernel's arrays live here between bursts."""

    def __init__(self, problem: Problem, largest: int, margin: float = TIE):
        rules = problem.rules
        self.problem, self.largest, self.margin = problem, largest, margin
        self.units = np.flatnonzero(problem.usable)
        self.columns = rules.columns(self.units)
        local = np.full(problem.n_features, -1)
        local[self.columns] = np.arange(self.columns.size)
        self.ptr = np.zeros(rules.n_units + 1, np.int64)
        usable = [rules.units[u] if problem.usable[u] else np.empty(0, np.intp) for u in range(rules.n_units)]
        self.ptr[1:] = np.cumsum([unit.size for unit in usable])
        self.members = local[np.concatenate(usable)] if self.units.size else np.empty(0, np.int64)
        self.gram = problem.gram.rows(self.columns)[:, self.columns] if self.units.size else np.empty((0, 0))
        self.gram = self.gram + np.diag(2.0 * problem.normal.penalty.l2[self.columns])
        self._allocate()

    def _allocate(self):
        problem, q = self.problem, self.columns.size
        forced = problem.rules.forced
        free = [u for u in self.units if not forced[u]]
        levels = len(free) + 1
        self.A, self.b = np.zeros((levels, q, q)), np.zeros((levels, q))
        self.column, self.free = np.zeros((levels, q), np.int64), np.zeros((levels, max(1, len(free))), np.int64)
        self.rise = np.zeros((levels, max(1, len(free))))
        self.count, self.rss = np.zeros((levels, 4), np.int64), np.zeros(levels)
        corr = problem.gram.corr[self.columns]
        self.A[0] = linalg.inv(self.gram, check_finite=False) if q else 0.0
        self.b[0] = self.A[0] @ corr
        self.rss[0] = problem.gram.yy - corr @ self.b[0]
        self.column[0], self.free[0, : len(free)] = np.arange(q), free
        self.count[0] = q, int(forced.sum()), len(free), 0

    def run(self, clock: Clock, cut, shared: bool, keep: int = 0, stage: str = "exhaustive") -> Sizes:
        """Search; `cut` holds twice the value that each size has to beat, `keep` how many supports below it to list."""
        q = self.columns.size
        best, chosen = np.full(self.largest + 1, np.inf), np.full((self.largest + 1, max(1, q)), -1)
        room = 2 * keep + SPARE if keep else 0
        hits, hit_rss, hit_columns = np.zeros(1, np.int64), np.zeros(room), np.full((room, max(1, q)), -1)
        stream, state, reach = np.empty(4096, np.int32), np.zeros(3, np.int64), np.zeros(1)
        price = 2.0 * self.problem.l0
        self._offer_root(best, chosen, cut, price, shared, keep, hits, hit_rss, hit_columns)
        status = Status.OPTIMAL
        while state[0] >= 0:
            try:
                clock.tick(stage, message="leaps and bounds", n_nodes=int(state[2]))
                if clock.stopped:
                    status = Status.INTERRUPTED if clock.interrupted else Status.TIME_LIMIT
                    break
                leaps(
                    self.ptr, self.members, self.A, self.b, self.column, self.free, self.rise, self.count, self.rss,
                    best, chosen, cut, price, shared, self.margin, keep > 0, hits, hit_rss, hit_columns,
                    stream, state, reach, BURST,
                )  # fmt: skip
            except KeyboardInterrupt:
                clock.interrupted, status = True, Status.INTERRUPTED
                break
            if keep and hits[0] >= room:
                self._keep_best(keep, cut, hits, hit_rss, hit_columns)
            if state[1] + BURST * 4 > stream.size:
                stream = np.concatenate([stream, np.empty_like(stream)])
        open_rss = self._close(stream, state)
        self.b1 = float(reach[0])
        tree = Tree.plain("superset", stream[: state[1]]) if state[1] < STREAM_LIMIT else None
        lower = {k: 0.5 * min(cut[k], open_rss) for k in range(self.largest + 1)}
        supports = {k: self._units_of(chosen[k]) for k in range(self.largest + 1) if np.isfinite(best[k])}
        listed = [(self._units_of(hit_columns[i]), 0.5 * float(hit_rss[i])) for i in range(int(hits[0]))]
        return Sizes(supports, lower, status, int(state[2]), tree, listed, status is Status.OPTIMAL)

    def proved(self, sizes: Sizes, bounds: dict[int, float], wanted: Sequence[int | None]) -> list[float]:
        """Bounds less what rounding may take; where collinear columns make that too much, those the checker finds."""
        slack = self.problem.rounding * (np.sqrt(self.problem.gram.yy) + self.b1) ** 2
        lowest = min((value for value in bounds.values() if np.isfinite(value)), default=0.0)
        if sizes.tree is not None and sizes.tree.branch.size <= CHECKABLE and slack > COARSE * max(lowest, 0.0):
            return checked_bounds(self.problem, sizes.tree, wanted)
        return [value * (1.0 - 4.0 * TIE) - slack for value in bounds.values()]

    def _keep_best(self, keep, cut, hits, hit_rss, hit_columns) -> None:
        """Keep the best of the supports listed, and ask the rest of the search for better ones only."""
        units = np.array([len(self._units_of(columns)) for columns in hit_columns[: hits[0]]])
        objective = 0.5 * hit_rss[: hits[0]] + self.problem.l0 * units
        best = np.argsort(objective, kind="stable")[:keep]
        hit_rss[:keep], hit_columns[:keep], hits[0] = hit_rss[best], hit_columns[best], keep
        np.minimum(cut, 2.0 * (objective[best[-1]] - self.problem.l0 * np.arange(cut.size)), out=cut)

    def _offer_root(self, best, chosen, cut, price, shared, keep, hits, hit_rss, hit_columns):
        size = int(self.count[0, 1] + self.count[0, 2])
        n, column = self.columns.size, self.column[0]
        offer(self.rss[0], size, n, column, best, chosen, cut, price, shared, keep > 0, hits, hit_rss, hit_columns)

    def _close(self, stream, state) -> float:
        """End an unfinished tree: what is open becomes leaves, bounded by supersets. Returns the smallest bound."""
        open_rss = np.inf
        length = int(state[1])
        for level in range(int(state[0]), -1, -1):
            if length + 1 > stream.size:
                stream.resize(length + 4096, refcheck=False)
            open_rss = min(open_rss, self.rss[level])
            stream[length] = LEAF
            length += 1
        state[1] = length
        return float(open_rss)

    def _units_of(self, columns) -> tuple[int, ...]:
        of_column = self.problem.rules.unit_of_column
        return tuple(int(u) for u in np.unique(of_column[self.columns[columns[columns >= 0]]]))


def all_sizes(problem: Problem, largest: int, clock: Clock, random_state=None) -> Sizes:
    """Best support of every size up to `largest`, by leaps and bounds, with one tree for all."""
    warm = path_engine(problem, clock, random_state, for_start=True).run(largest)
    search = LeapsAndBounds(problem, largest)
    cut = np.full(largest + 1, np.inf)
    for k, state in warm.items():
        cut[k] = 2.0 * state.value
    cut[: min(warm)] = -np.inf  # sizes below the forced ones do not exist
    sizes = search.run(clock, cut, shared=False)
    supports = {k: state.units for k, state in warm.items()} | sizes.best
    sizes.best = supports
    price = problem.l0 * int(problem.rules.forced.sum())  # what every support pays; the checker counts it, too
    least = np.minimum.accumulate([sizes.lower[k] for k in sorted(supports)]) + price
    running = dict(zip(sorted(supports), least, strict=True))
    sizes.lower.update(zip(running, search.proved(sizes, running, list(running)), strict=True))
    return sizes


@dataclass(frozen=True)
class Exhaustive(Solver):
    """All supports, most of them skipped by bounds: provably optimal, practical to about 40 units.

    For at most three columns beyond the forced ones, and more columns than rows, all supports are enumerated instead.

    References
    ----------
    Furnival & Wilson (1974), "Regressions by leaps and bounds", Technometrics 16.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(50, 8))
    >>> problem = Problem.from_data(X, X[:, 2] - 3 * X[:, 5] + 0.1 * X[:, 0] ** 2, k=2)
    >>> Exhaustive().solve(problem).status
    <Status.OPTIMAL: 'optimal'>
    """

    name: ClassVar[str] = "exhaustive"
    proves: ClassVar[bool] = True
    gap: float = 1e-6
    random_state: object = None

    def refuses(self, problem):
        if problem.n_outputs > 1:
            return checks.ONE_RESPONSE
        if not problem.loss.provable:
            return checks.no_proof(problem.loss.name)
        if not problem.closed_form:
            return "leaps and bounds need squared error without l1 and limits. Hint: branch, with l2 > 0 or limits."
        if problem.rules.restricted:
            return (
                "leaps and bounds cannot keep rules on which columns go together. "
                "Hint: branch, with l2 > 0 (1e-3 is a small ridge) or limits."
            )
        if enumerates(problem):
            return None
        if not bounded_by_supersets(problem):
            return (
                f"the {int(problem.usable.sum())} columns are collinear or outnumber the rows, so supersets prove "
                "nothing. Hint: l2=1e-3 is a small ridge; k <= 3 can be enumerated."
            )
        return None

    def search(self, problem, clock):
        if not bounded_by_supersets(problem):
            return enumerate_supports(problem, clock)
        warm = path_engine(problem, clock, self.random_state, for_start=True).run(most_units(problem))
        state = min(warm.values(), key=lambda s: (penalised(problem, s), s.size))
        objective = penalised(problem, state)
        largest = most_units(problem)
        search = LeapsAndBounds(problem, largest)
        cut = 2.0 * (objective - problem.l0 * np.arange(largest + 1))
        sizes = search.run(clock, cut, shared=True)
        units = min(
            [state.units, *sizes.best.values()],
            key=lambda s: (_objective(problem, search.gram, search.columns, s), len(s)),
        )
        if sizes.complete:
            lower = min(sizes.lower[k] + problem.l0 * k for k in range(largest + 1))
        else:
            lower = _open_bound(problem, sizes)
        bound = search.proved(sizes, {largest: lower}, [problem.k])[0]
        return Answer(units, bound, sizes.status, sizes.n_nodes, sizes.tree, tolerance=self.gap)


def _open_bound(problem, sizes) -> float:
    """Bound of an unfinished search: every open leaf has at least the forced units."""
    return min(sizes.lower.values()) + problem.l0 * int(problem.rules.forced.sum())


def _objective(problem, gram, columns, units) -> float:
    at = np.searchsorted(columns, problem.rules.columns(units))
    corr = problem.gram.corr[columns[at]]
    value = 0.5 * problem.gram.yy
    if at.size:
        value -= 0.5 * float(corr @ solve_positive(gram[np.ix_(at, at)], corr))
    return value + problem.l0 * len(units)


# ---- plain enumeration


def enumerates(problem: Problem) -> bool:
    """Whether all supports are few enough to be scored one by one."""
    if not problem.closed_form or problem.rules.grouped or problem.rules.restricted or problem.k is None:
        return False
    p, size = int(problem.usable.sum()), problem.k - int(problem.rules.forced.sum())
    return size <= 3 and sum(comb(p, s) for s in range(size + 1)) <= ENUMERABLE and p * p <= 4e8


def enumerate_supports(problem: Problem, clock: Clock) -> Answer:
    """Score every support of at most three columns beyond the forced ones."""
    found = enumerated_sizes(problem, clock)
    size = min(found.values, key=lambda s: (found.values[s] + problem.l0 * s, s))
    bound, tree = min(v + problem.l0 * s for s, v in found.values.items()) - found.slack, Tree.plain("enumeration")
    try:
        if found.settled and not clock.stopped and found.slack > COARSE * (found.values[size] + problem.l0 * size):
            bound = checked_bounds(problem, tree, [problem.k])[0]
    except KeyboardInterrupt:
        clock.interrupted = True
    if clock.stopped:
        status = Status.INTERRUPTED if clock.interrupted else Status.TIME_LIMIT
    else:
        status = Status.OPTIMAL if found.settled else Status.HEURISTIC
    if not found.settled:
        return Answer(found.supports[size], None, status)
    return Answer(found.supports[size], bound, status, len(found.values), tree)


@dataclass(slots=True, eq=False)
class Enumeration:
    """Value and support of the best of each size, supports near the optimum, and how sure the values are.

    Attributes
    ----------
    near : dict
        Objectives of the supports up to the threshold; where there are more than asked for, one more than that.
    settled : bool
        Whether every support was scored; False where too many are nearly dependent, or the clock stopped it.
    slack : float
        What rounding may take from a value.
    """

    values: dict[int, float]
    supports: dict[int, tuple[int, ...]]
    near: dict[tuple[int, ...], float]
    settled: bool
    slack: float


def enumerated_sizes(problem: Problem, clock: Clock, threshold: float | None = None, most: int = 0) -> Enumeration:
    """Best of every size up to k by enumeration, and all supports with an objective of at most `threshold`.

    The clock may end it early, with the best so far; it takes up to a tenth of a second to notice.

    Forced columns are projected out first. Columns that are nearly dependent lose their digits in a Gram matrix:
    supports with such columns are fitted on the data themselves, and exact copies of a column stand for each other.
    """
    forced = np.flatnonzero(problem.rules.forced)
    free, G, corr, rest, whole = _projected(problem, forced)
    size = most_units(problem) - forced.size
    base = tuple(int(u) for u in forced)
    if threshold is None:
        first = ~_copies(problem, free, G)
        free, G, corr = free[first], np.ascontiguousarray(G[np.ix_(first, first)]), corr[first]
    need = np.full(4, np.inf)
    if threshold is not None:
        price = 2.0 * problem.l0
        need[1 : size + 1] = rest + price * (forced.size + np.arange(1, size + 1)) - 2.0 * threshold
    gains, members, hits = np.zeros(4), np.full((4, 3), -1), np.zeros(1, np.int64)
    hit_gain, hit_members = np.zeros(most + 1), np.full((most + 1, 3), -1)
    skipped, skipped_members = np.zeros(1, np.int64), np.full((SKIPPED, 3), -1)
    norm, done = np.diagonal(G).copy(), 0
    try:
        while size and done < free.size and not (clock.stopped and done):
            last = min(free.size, done + 1 + SCORED // (free.size - done) ** (size - 1))
            triples(
                G, corr, norm, NEARLY, done, last, size, gains, members, need, hits, hit_gain, hit_members, skipped,
                skipped_members,
            )  # fmt: skip
            done = last
            clock.tick("exhaustive", message="enumerating", done=done, total=free.size)
    except KeyboardInterrupt:
        clock.interrupted = True

    def support(at):
        return base + tuple(int(free[j]) for j in at if j >= 0)

    reached = [s for s in range(size + 1) if s == 0 or members[s, 0] >= 0]
    values = {forced.size + s: 0.5 * (rest - gains[s]) for s in reached}
    supports = {forced.size + s: support(members[s]) for s in reached}
    near = {}
    for i in range(min(int(hits[0]), most + 1)):
        units = support(hit_members[i])
        near[tuple(sorted(units))] = 0.5 * (rest - float(hit_gain[i])) + problem.l0 * len(units)
    if threshold is not None and 0.5 * rest + problem.l0 * forced.size <= threshold:
        near[base] = 0.5 * rest + problem.l0 * forced.size
    for i in range(min(int(skipped[0]), SKIPPED)):
        if clock.stopped:
            break
        units = support(skipped_members[i])
        value = fit_support(problem, problem.rules.columns(units)).value
        if value < values.get(len(units), np.inf):
            values[len(units)], supports[len(units)] = value, units
        if threshold is not None and value + problem.l0 * len(units) <= threshold:
            near[tuple(sorted(units))] = value + problem.l0 * len(units)
    settled = bool(whole and skipped[0] <= SKIPPED and not clock.stopped)
    slack = (problem.rounding / NEARLY) * problem.null_loss
    if skipped[0]:  # fits with huge coefficients differ a little from one factorisation to another
        slack += FITTED * min(values.values())
    return Enumeration(values, supports, near, settled, slack)


def _projected(problem: Problem, forced):
    """Free columns, their Gram matrix, correlations and what is left of y, beside the forced columns.

    Columns that the forced ones explain add nothing to them and are left out; the last value says whether that is all
    that was left out, or some are explained nearly, which a Gram matrix cannot tell from rounding.
    """
    free = np.flatnonzero(problem.usable & ~problem.rules.forced)
    ridge = 2.0 * problem.normal.penalty.l2
    G = problem.gram.rows(free)[:, free] + np.diag(ridge[free])
    corr, rest = problem.gram.corr[free], problem.gram.yy
    if forced.size:
        cross = problem.gram.rows(forced)
        own = cross[:, forced] + np.diag(ridge[forced])
        solved = least_squares(own, np.column_stack([cross[:, free], problem.gram.corr[forced]]))
        G = G - cross[:, free].T @ solved[:, :-1]
        corr, rest = corr - cross[:, free].T @ solved[:, -1], rest - float(problem.gram.corr[forced] @ solved[:, -1])
    kept = np.diagonal(G)
    left = kept > NEARLY
    whole = not ((kept > NEARLY**2) & ~left).any()
    return free[left], np.ascontiguousarray(G[np.ix_(left, left)]), corr[left], rest, whole


def _copies(problem: Problem, free, G) -> np.ndarray:
    """Columns that are an earlier one up to sign, to the last digits of the data."""
    copy = np.zeros(free.size, bool)
    scale = np.sqrt(np.diagonal(G))
    for i in range(free.size):
        near = i + 1 + np.flatnonzero(np.abs(G[i, i + 1 :]) > (1.0 - NEARLY) * scale[i] * scale[i + 1 :])
        if copy[i] or not near.size or problem.normal.penalty.l2[free].any():
            continue
        pair = problem.normal.Z.columns(free[np.concatenate([[i], near])])
        signs = np.sign(G[i, near])
        copy[near] |= np.abs(pair[:, 1:] * signs - pair[:, :1]).max(axis=0) <= COPY
    return copy


def practical(problem: Problem) -> bool:
    """Whether a complete search by leaps and bounds is usual at this size."""
    return int(problem.usable.sum()) <= PRACTICAL
