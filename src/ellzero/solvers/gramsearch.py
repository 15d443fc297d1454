"""Exact search for squared error with single columns: a root on the data, subtrees on compact Gram matrices."""

import heapq
from dataclasses import dataclass
from itertools import count

import numpy as np

from .._kernels.relax import FREE, IN, NOWHERE, OUT, Columns, half_inverse, judge
from .._kernels.store import Gram, Target, Terms
from .._progress import Clock, deferred_interrupt
from ..problem import Problem, node_charge
from ..result import Status
from .checkpoint import Checkpoint
from .crew import Crew
from .descent import Bound, Point
from .evidence import Evidence, Piece
from .extraction import even, extract
from .hits import Hits
from .moves import moves_for
from .peeling import peel
from .refit import fit_support
from .relaxation import relaxes
from .root import Root, root_piece
from .saved import Saved
from .subtree import LAZY, LOCAL, SPIN, Start, Subtree

COMPACT = 3000  # most live columns whose Gram matrix is formed
WIDE_SPIN = 600  # where rows are read one by one, so many live columns get a matrix of their own
COPY = 1e-12  # largest difference of scaled columns that count as equal
ROUGH = 0.02  # share of the gap that rounding may take
PROBES = 3
ROOT_LAZY = 0.02
FIRST_PRICE = 0.025  # of the largest gain of one column: where the price of a place is sought from
PAYS = 0.002  # rise of the bound, in shares of the objective, for which one more probe is worth it
FEWER = 0.7  # share of the columns, since a diagonal was sought last, at which another is sought
UNLIMITED = 1 << 40
FETCH = 1_000_000_000  # multiplications for Gram rows, about, between two looks at the clock
ROOM = 512  # complete supports that are collected between two looks
GATE = 0.03  # relative gap above which a diagonal is sought


@dataclass(slots=True, eq=False)
class Best:
    """A support and its objective."""

    units: tuple[int, ...]
    value: float


@dataclass(slots=True, eq=False)
class Job:
    """A subtree with its piece of the evidence."""

    subtree: Subtree
    piece: int
    diagonal: np.ndarray
    share: int  # live columns when the diagonal was sought last
    number: int = -1  # of the diagonal
    counted: int = 0  # nodes that have been counted
    floor: float = -NOWHERE  # bound of its open nodes when its burst began


class GramSearch:
    """One search.

    Parameters
    ----------
    problem : Problem
        Squared error, every unit a single column (see `searches`), with a bounded relaxation or independent columns.
    best : Best
        A support to begin from.
    clock : Clock
    gap : float
        Relative gap at which the answer counts as optimal.
    threshold : float, optional
        Collect every support with an objective up to here instead of looking for the best.
    n_threads : int, default=1
    checkpoint : Checkpoint, optional
        Where to save the search, and to go on from.
    """

    def __init__(
        self, problem: Problem, best: Best, clock: Clock, gap: float, threshold=None, n_threads: int = 1,
        checkpoint: Checkpoint | None = None,
    ):  # fmt: skip
        self.problem, self.clock, self.gap, self.n_threads = problem, clock, gap, n_threads
        self.checkpoint = checkpoint
        self.normal, self.rules, self.penalty = problem.normal, problem.rules, problem.normal.penalty
        self.bounded = relaxes(problem)  # whether no diagonal is needed for a bound
        self.best, self.p = best, problem.n_features
        self.floor = max(1e-12 * problem.null_loss, 1e-300)
        self.yy = 2.0 * problem.null_loss
        self.terms = Terms(
            self.yy, problem.l0, UNLIMITED if problem.k is None else problem.k, problem.rounding, LAZY, gap, self.floor,
            threshold is not None,
        )  # fmt: skip
        self.target = Target(
            np.array([self._cut(best.value) if threshold is None else threshold]), np.array([best.value]),
            np.empty(1, np.int64), np.zeros(1, np.int64), np.full(1, NOWHERE),
            np.empty((0 if threshold is None else ROOM, 1), np.int64),
        )  # fmt: skip
        self.signal = np.zeros(1, np.int64)
        self.evidence = Evidence()
        self.closed, self.lower, self.n_nodes = NOWHERE, 0.0, 0
        self.hits = Hits()
        self.jobs: list[tuple[float, int, Job]] = []
        self.running: dict[int, Job] = {}
        self.order = count()
        each = np.ones(self.p)
        self.limits = self.penalty.lower * each, self.penalty.upper * each

    def _cut(self, value: float) -> float:
        return value - 0.99 * self.gap * max(value, self.floor)

    @property
    def cut(self) -> float:
        """Bounds from here on prune."""
        return float(self.target.cut[0])

    # ---- the run

    def run(self, node_limit: float = np.inf) -> Status:
        """Search until everything is proved, or a limit."""
        self.node_limit = node_limit
        try:
            with deferred_interrupt(self._interrupt):
                status = self._run()
                if self.checkpoint is not None:
                    self.checkpoint.finish(self, status)
        except KeyboardInterrupt:  # where it may break in anywhere: nothing that is half done is saved
            self._interrupt()
            status = Status.INTERRUPTED
        if status is Status.OPTIMAL:
            self._canonise()
        return status

    def _interrupt(self):
        self.clock.interrupted = True
        self.signal[0] = 1

    def _run(self) -> Status:
        if self.checkpoint is not None and self.checkpoint.saved is not None:
            self._resume(self.checkpoint.saved)
        else:
            self._root()
        self.tell()
        bursts = 0
        while self.jobs:
            status = self.stopped()
            if status is not None:
                return status
            if bursts and self.n_threads > 1:  # what one burst settles is not worth a thread
                return Crew(self, self.n_threads).run()
            _, _, job = heapq.heappop(self.jobs)
            self.begin(job)
            self.work(job)
            self.absorb(job)
            self.tell()
            bursts += 1
            if self.checkpoint is not None and self.checkpoint.due:
                self.checkpoint.save(self)
        return Status.OPTIMAL

    def _resume(self, saved: Saved):
        """Go on from where another run was."""
        self.evidence, self.closed, self.lower, self.n_nodes = saved.evidence, saved.closed, saved.lower, saved.n_nodes
        self.node_limit += saved.n_nodes  # a limit counts the nodes of one run
        if saved.value < self.best.value:
            self._improve(saved.units, saved.value)
        for part in saved.parts:
            ids, number = part.columns, part.diagonal
            gram = self._full(self.problem.gram_of(ids)) if part.full else self._by_rows()
            diagonal = self.evidence.diagonals[number][1] if number >= 0 else np.zeros(ids.size)
            self._open(
                self.evidence.pieces[part.piece], ids, part.starts, part.records, gram, diagonal,
                SPIN if part.full else WIDE_SPIN / self.p, number=number, share=part.share,
            )  # fmt: skip

    def _canonise(self):
        """Of columns that are equal, or opposite, the first stands for all: threads may meet them in any order."""
        corr, Z = self.problem.correlations, self.normal.Z
        units, size = list(self.best.units), np.abs(corr)
        alike = np.abs(size[units][:, None] - size) <= COPY * np.sqrt(self.yy)
        if alike.sum() == len(units):  # each is like itself only
            return
        for at, unit in enumerate(units):
            for other in np.flatnonzero(alike[at, :unit] & self.problem.usable[:unit]).tolist():
                pair = Z.columns(np.array([other, unit]))
                sign = float(np.sign(pair[:, 0] @ pair[:, 1]))
                copies = np.abs(pair[:, 0] - sign * pair[:, 1]).max() <= COPY
                swapped = sorted([*units[:at], other, *units[at + 1 :]])
                if copies and other not in units and self._interchangeable(other, unit, sign, swapped):
                    units[at] = other
                    break
        self.best = Best(tuple(sorted(units)), self.best.value)

    def _interchangeable(self, one: int, other: int, sign: float, units) -> bool:
        """Whether the penalty, the limits and the rules treat two columns, equal up to the sign, alike."""
        penalty = self.penalty  # its own limits: those that were peeled may differ by rounding
        lower, upper = (np.broadcast_to(side, self.p) for side in (penalty.lower, penalty.upper))
        limits = (lower[other], upper[other]) if sign > 0 else (-upper[other], -lower[other])
        same = all(part[one] == part[other] for part in (penalty.l1, penalty.l2))
        same = same and (lower[one], upper[one]) == limits
        return same and not self.rules.forced[other] and (not self.rules.restricted or self.rules.allows(units))

    def stopped(self) -> Status | None:
        if self.clock.interrupted:
            return Status.INTERRUPTED
        if self.clock.expired:
            return Status.TIME_LIMIT
        return Status.NODE_LIMIT if self.n_nodes >= self.node_limit else None

    def begin(self, job: Job):
        """Make ready for a burst: what it changes while others look on is noted before."""
        job.floor = job.subtree.open_bound()
        if not job.subtree.full:  # rows may have moved since, and may again while the burst runs
            job.subtree.read(self.problem.gram.store, self.problem.gram.slot.copy())

    def work(self, job: Job):
        """One burst."""
        job.subtree.burst(self.terms, self.signal)

    def absorb(self, job: Job):
        """Take over what a burst has found, and queue what is left."""
        subtree = job.subtree
        self.n_nodes += subtree.n_nodes - job.counted
        job.counted = subtree.n_nodes
        if subtree.target.value[0] < self.best.value:
            members = subtree.target.members[: subtree.target.n_members[0]]
            self._improve(tuple(sorted(subtree.ids[members].tolist())), float(subtree.target.value[0]))
        self.closed = min(self.closed, float(subtree.target.lower[0]))
        for row in subtree.collected():
            units = tuple(sorted(subtree.ids[row[row >= 0]].tolist()))
            self.target.cut[0] = self.hits.add(units, self.value(units), self.cut)
        if subtree.wants:
            self._fetch(subtree)
        for live, starts, records in subtree.spun():
            self._below(job, live, starts, records)
        piece = self.evidence.pieces[job.piece]
        piece.log, piece.n_records = subtree.log, subtree.n_records
        if subtree.open:
            self._queue(job)

    def _improve(self, units, value: float):
        """Take a better support, or where swaps lead from it."""
        best = Best(units, value)
        by_rows = any(not job.subtree.full for job in self.running.values())  # reads the rows that swaps would move
        if not self.rules.restricted and self.problem.closed_form and not by_rows:
            moves = moves_for(self.problem)
            state = moves.at(units)
            while state is not None:
                polished = Best(tuple(sorted(state.units)), state.value + self.problem.l0 * state.size)
                best = polished if polished.value < best.value else best
                state = moves.swap(state)
        if best.value < self.best.value:
            self.best = best
            self.target.value[0] = best.value
            if not self.terms.collects:
                self.target.cut[0] = min(self.cut, self._cut(best.value))

    def value(self, units) -> float:
        """Objective of the best fit on a support."""
        return fit_support(self.problem, self.rules.columns(units)).value + self.problem.l0 * len(units)

    def split(self, job: Job):
        """Give half of the open nodes of a job to another one."""
        subtree = job.subtree
        starts, records = subtree.halve()
        if starts:
            self._open(
                self.evidence.pieces[job.piece], subtree.ids, starts, records, subtree.gram, job.diagonal,
                number=job.number, share=job.share,
            )  # fmt: skip

    def _queue(self, job: Job):
        heapq.heappush(self.jobs, (job.subtree.open_bound(), next(self.order), job))

    def _fetch(self, subtree: Subtree):
        """Compute the rows that a node waits for, some at a time; what a limit leaves out is asked for again."""
        wanted, warm = subtree.wants, subtree.warm_columns()
        some = max(1, FETCH // self.problem.normal.Z.shape[0] // self.p)
        for first in range(0, len(wanted), some):
            if self.clock.stopped:
                break
            self.problem.gram.ensure(wanted[first : first + some], keep=[*warm, *wanted])
        subtree.fetched()

    def bound(self) -> float:
        """Proven bound of every support; it never falls."""
        open_ = [job.subtree.open_bound() for *_, job in self.jobs]
        open_ += [job.floor for job in self.running.values()]  # a node that is being bounded is in no heap
        self.lower = max(self.lower, min([self.closed, self.best.value, *open_]))
        return self.lower

    def tell(self):
        """Report progress."""
        if not self.clock.listening:
            return
        bound = self.bound()
        try:
            self.clock.tick(
                "branch", message="branch and bound", k=self.problem.k, objective=self.best.value, lower_bound=bound,
                gap=self.problem.gap(self.best.value, bound), n_nodes=self.n_nodes,
            )  # fmt: skip
        except KeyboardInterrupt:  # by the watcher
            self._interrupt()

    # ---- the root, on the data themselves

    def _root(self):
        """Relax on all columns in residual form, fix what that allows, and go on with the columns that are left."""
        state = self.rules.state()
        state[~self.problem.usable] = OUT
        start = Start(state, np.zeros(self.p), -NOWHERE, self._first_price())
        if not self.rules.propagate(state):
            self.evidence.add(root_piece(state, empty=True))
            return
        if self.bounded:
            empty = self._relax_root(start)
            if start.bound >= self.cut:
                self.closed = min(self.closed, start.bound)
                return
            if empty:
                return
        else:
            self.evidence.add(root_piece(state))
        live = np.flatnonzero(state != OUT)
        below = Start(state[live], start.value[live], start.bound, start.price)
        self._descend(live, below, self.evidence.pieces[0].n_records - 1)

    def _relax_root(self, start: Start) -> bool:
        """Bound the root and fix units, in place; returns whether no support is left."""
        state, p = start.state, self.p
        l1, l2 = self.penalty.l1, self.penalty.l2
        columns = Columns(self.problem.correlations, np.zeros(p), l1, l2, half_inverse(l2), *self.limits)
        root = Root(self.problem, columns, state, self.terms, self.clock, self.best.units)
        n_in, free = int((state == IN).sum()), np.flatnonzero(state == FREE)
        taken = free if n_in == self.terms.size else free[:0]  # every place is taken: the others are out
        state[taken] = OUT
        n_free = free.size - taken.size
        places = min(self.terms.size - n_in, p)
        lazy = 0.0 if self.node_limit < np.inf else ROOT_LAZY  # a limit may make the root all there is
        self.n_nodes += 1
        price, bound, last_in, first_out = root.relax(places, places < n_free, start.price, self.cut, lazy)
        place, b = root.local.place[: root.m].copy(), root.local.b[: root.m].copy()
        start.bound, start.price, start.value[place] = bound, price, b
        fixes, empty = -(taken + 1), False
        if bound < self.cut:
            verdict = np.empty(p, np.int8)
            judge(state, root.local.score, self.terms.l0, bound, last_in, first_out, self.cut, verdict)
            at = np.flatnonzero(verdict)
            state[at], fixes = verdict[at], np.concatenate([fixes, verdict[at] * (at + 1)])
            if at.size:
                self.closed = min(self.closed, self.cut)
            empty = not self.rules.propagate(state) or (state == IN).sum() > self.terms.size
            start.value[state == OUT] = 0.0
        kept = b != 0.0
        piece = root_piece(state, (place[kept], b[kept]), fixes, empty)
        self.evidence.add(piece)
        if not empty and self._gap(start) > GATE:  # where the tree is small, narrower limits do not pay
            self._peel(start, root, piece)
        return empty

    def _peel(self, start: Start, root: Root, piece: Piece):
        """Narrow the limits to what the root's dual vector leaves, and log what is narrower."""
        inside, outside, error = start.state == IN, start.state == OUT, self.terms.rounding * root.reach
        score = np.where(outside, 0.0, root.local.score)
        base = start.bound + node_charge(score, inside, outside, self.terms.l0, self.problem.k)[0]
        found = Bound(
            start.bound, base, Point(np.empty(0, np.intp), np.empty(0), 0.0, 0.0), score, score, score, 0.0,
            root.local.gradient, error,
        )  # fmt: skip
        lower, upper = peel(self.problem, found, inside, outside, self.cut, *self.limits)
        narrower = np.flatnonzero(((lower > self.limits[0]) | (upper < self.limits[1])) & ~outside)
        if narrower.size:
            piece.boxes[0] = narrower, lower[narrower], upper[narrower]
            self.closed = min(self.closed, self.cut)
            self.limits = lower, upper
            start.value[:] = np.clip(start.value, lower, upper)

    def _first_price(self) -> float:
        if self.problem.k is None:
            return self.problem.l0
        return max(self.problem.l0, FIRST_PRICE * float(np.max(self.problem.correlations**2, initial=0.0)))

    # ---- subtrees

    def _descend(self, live, start: Start, record: int):
        """Begin the subtree of all live columns; its Gram matrix is formed, or read by rows where there are many."""
        problem, root = self.problem, self.evidence.pieces[0]
        unread = self.bounded and self.clock.stopped  # a matrix is not formed for nobody
        if live.size > COMPACT or unread:
            everything = np.arange(self.p)
            state, value = np.full(self.p, OUT, np.int8), np.zeros(self.p)
            state[live], value[live] = start.state, start.value
            start = Start(state, value, start.bound, start.price)
            self._open(root, everything, [start], [record], self._by_rows(), np.zeros(self.p), WIDE_SPIN / self.p)
            return
        gram = problem.gram_of(live)
        diagonal = np.zeros(live.size) if self.bounded else even(gram, self.terms)
        parent, ids = root, live
        for _ in range(PROBES):  # bound, split a diagonal off, and bound again, while that pays
            if self.n_nodes >= self.node_limit or self.clock.stopped:
                break
            before = start.bound
            if self._gap(start) > GATE and ids.size <= 0.9 * problem.y.size and start.value.any():
                diagonal = self._stronger(gram, ids, start, diagonal)
            elif self.bounded:
                break
            probe = self._open(parent, ids, [start], [record], self._full(gram), diagonal, 1.0, queue=False)
            self.work(probe)
            (group,) = probe.subtree.spun() or [None]
            self.absorb(probe)
            if group is None:
                return
            parent, (places, (start,), (record,)) = self.evidence.pieces[probe.piece], group
            gram, ids, diagonal = np.ascontiguousarray(gram[np.ix_(places, places)]), ids[places], diagonal[places]
            if start.bound - before <= PAYS * self.best.value:
                break
        self._open(parent, ids, [start], [record], self._full(gram), diagonal)

    def _full(self, gram) -> Gram:
        return Gram(gram, np.arange(gram.shape[0]), np.empty(LOCAL, np.int64))

    def _by_rows(self) -> Gram:
        return Gram(self.problem.gram.store, self.problem.gram.slot, np.empty(LOCAL, np.int64))

    def _gap(self, start: Start) -> float:
        """Relative gap of a node."""
        return 1.0 - start.bound / max(self.best.value, self.floor)

    def _stronger(self, gram, ids, start, diagonal):
        """A diagonal for these columns; the present one where none is found."""
        own = self._own(ids)
        sought = extract(gram, self.problem.correlations[ids], start, own, diagonal, self.terms)
        if sought is None or not (self.bounded or (sought > 0).all()):
            return diagonal
        return sought

    def _own(self, ids):
        penalty = self.penalty
        return penalty.l1[ids], penalty.l2[ids], self.limits[0][ids], self.limits[1][ids]

    def _below(self, job: Job, live, starts, records):
        """Begin a subtree on fewer columns below another one."""
        source = job.subtree
        ids = source.ids[live]
        formed = np.ix_(live, live)
        gram = np.ascontiguousarray(source.gram.rows[formed]) if source.full else self.problem.gram_of(ids)
        diagonal = job.diagonal[live]
        if self._gap(starts[0]) > GATE and live.size <= 0.9 * self.problem.y.size and live.size <= FEWER * job.share:
            diagonal = self._stronger(gram, ids, starts[0], diagonal)
        self._open(self.evidence.pieces[job.piece], ids, starts, records, self._full(gram), diagonal)

    def _open(
        self, parent: Piece, ids, starts, records, gram, diagonal, spin=SPIN, queue=True, number=None, share=None
    ) -> Job:
        """A subtree whose evidence hangs below records of another piece."""
        if number is None:
            number = self.evidence.diagonal(ids, diagonal) if diagonal.any() else -1
        rules = self.rules.within(ids) if self.rules.restricted else self.rules
        subtree = Subtree(
            ids, starts, gram, self.problem.correlations[ids], self._own(ids), diagonal if number >= 0 else None,
            self.target, self.terms.size, rules, spin,
        )  # fmt: skip
        child = self.evidence.add(Piece(ids, subtree.log, subtree.n_records, number))
        for r, record in enumerate(records):
            parent.links[record] = (child, r)
        job = Job(subtree, child, diagonal, ids.size if share is None else share, number)
        if queue:
            self._queue(job)
        return job


def searches(problem: Problem, objective: float, gap: float) -> bool:
    """Whether this search takes a problem: squared error, single columns, a Gram matrix precise enough for the gap."""
    if problem.loss.name != "squared" or problem.rules.grouped:
        return False
    return 8.0 * problem.rounding * problem.null_loss <= ROUGH * max(gap, 1e-9) * objective


def splits(problem: Problem) -> bool:
    """Whether a diagonal split off the Gram matrix bounds a relaxation that nothing else bounds."""
    single = problem.loss.name == "squared" and problem.n_outputs == 1
    return single and not problem.rules.grouped and problem.least_eigenvalue > 0
