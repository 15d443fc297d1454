"""The path engine on Gram rows: the sweeps of `KPath` in compiled kernels, for squared error with single columns."""

import numpy as np

from .._kernels.exchange import Fitted, Rows
from .._kernels.sweep import (
    ACTIVE,
    DOUBTS,
    GROW,
    JOINS,
    KICK,
    LEAVES,
    POSITION,
    PURSUE,
    SETTLE,
    SHRINK,
    SIZE,
    WANTED,
    Plan,
    Sizes,
    sweep,
)  # fmt: skip
from .exchange import KPath
from .moves import PREFETCH, GramMoves, State

BUDGET = 3e7  # multiplications, about, between two looks at the clock
MEMORY = 1 << 17  # supports that are remembered, twice
ROOM = 64  # sizes that there is room for at first


class GramPath(KPath):
    """`KPath` for `GramMoves`."""

    moves: GramMoves

    def run(self, largest, worthwhile=None, hopeful=lambda best, k: True):
        start, p = self.moves.start(), self.moves.gram.p
        self.sizes = _sizes(max(start.size, min(self.past(largest), ROOM)), p)
        self.seed = np.array([self.rng.integers(2**63)], np.uint64)
        self.met = np.zeros(2 * MEMORY + 1, np.uint64)
        self._make_room(0)
        k, sizes = start.size, self.sizes
        sizes.members[k, :k], sizes.b[k, :k], sizes.value[k] = start.units, start.facts["b"], start.value
        sizes.A[sizes.start[k] : sizes.start[k + 1]] = start.facts["A"].ravel()
        sizes.c[k], sizes.d[k], sizes.changes[k] = start.facts["c"], start.facts["d"], 1
        self.known = sizes.changes.copy()
        return super().run(largest, worthwhile, hopeful)

    def _make_room(self, k: int) -> None:
        """Stores that hold supports of size k."""
        p, known = self.moves.gram.p, self.sizes.value.size
        if k >= known:
            larger = _sizes(2 * k, p)
            for old, new in zip(self.sizes, larger, strict=True):
                new[tuple(slice(n) for n in old.shape)] = old
            larger.start[:] = _starts(2 * k)
            self.sizes, self.known = larger, np.append(self.known, np.zeros(larger.value.size - known, np.int64))
        cap = self.sizes.value.size
        self.fit = Fitted(
            np.zeros(cap, np.int64), np.zeros((cap, cap)), np.zeros(cap), np.empty(p), np.empty(p), np.zeros(1)
        )
        self.plan = Plan(
            np.zeros(11, np.int64), self.seed, np.empty(cap, np.int64), np.empty(cap, np.int64), self.met,
            np.empty(p), np.empty(cap), np.empty(DOUBTS, np.int64), np.empty(DOUBTS),
            np.empty(1),
        )  # fmt: skip

    def _pass(self, order, kind: int) -> None:
        """One sweep over sizes."""
        self.plan.at[:] = 0
        self._go_on(order, kind)

    def _go_on(self, order, kind: int) -> None:
        at, moves = self.plan.at, self.moves
        order = np.asarray(order, np.int64)
        try:
            while not self.clock.stopped:
                done = sweep(
                    rows_of(moves), self.fit, self.sizes, self.plan, order, kind, len(moves.forced), moves.tolerance,
                    BUDGET,
                )  # fmt: skip
                self.clock.tick("path", message="sweeping", done=int(at[POSITION]), total=order.size)
                if done:
                    break
                if at[WANTED]:
                    self._fetch(self.plan.wanted[: at[WANTED]].tolist())
                    at[WANTED] = 0
        finally:
            self._known()
        at[ACTIVE] = 0

    def _fetch(self, wanted: list[int]) -> None:
        """Compute the rows that a move waits for, together with those of the next likely entrants."""
        gram, members = self.moves.gram, self.fit.members[: self.plan.at[SIZE]].tolist()
        if len(wanted) == 1:
            gain = np.where(gram.slot < 0, self.fit.c**2 / np.where(self.fit.d > 0, self.fit.d, np.inf), 0.0)
            likely = np.argpartition(-gain, PREFETCH)[:PREFETCH] if gain.size > PREFETCH else np.arange(gain.size)
            wanted = list(dict.fromkeys([*wanted, *likely[gain[likely] > 0].tolist()]))[:PREFETCH]
        gram.ensure(wanted, keep=members)

    def _known(self) -> None:
        """Take the supports over that the kernels have found."""
        sizes = self.sizes
        for k in np.flatnonzero(sizes.changes != self.known).tolist():
            units = tuple(sizes.members[k, :k].tolist())
            self.best[k], self.changes[k] = State(units, float(sizes.value[k])), int(sizes.changes[k])
        self.known = sizes.changes.copy()

    def _first_sweep(self, largest, worthwhile):
        if worthwhile is not None:
            super()._first_sweep(largest, worthwhile)
            return
        if largest >= self.sizes.value.size:
            self._make_room(largest)
        self._pass(np.arange(len(self.moves.forced), largest), GROW)
        self.largest = max(self.best)

    def _forward(self, k) -> bool:
        if k + 1 >= self.sizes.value.size:
            self._make_room(k + 1)
        self._pass([k], GROW)
        return k + 1 in self.best

    def _settle(self):
        least, most = len(self.moves.forced), max(self.best)
        moving = True
        while moving and not self.clock.stopped:
            before = self.sizes.changes.copy()
            self._pass(np.arange(least, most), GROW)
            self._pass(np.arange(most, least, -1), SHRINK)
            moving = bool((before != self.sizes.changes).any())

    def _start_elsewhere(self):
        before = self.sizes.changes.copy()
        self._pass([len(self.moves.forced)], PURSUE)
        self._pass(np.flatnonzero(before != self.sizes.changes), SETTLE)
        super()._start_elsewhere()

    def _state(self, k):
        sizes = self.sizes
        A = sizes.A[sizes.start[k] : sizes.start[k + 1]].reshape(k, k)
        return State(
            self.best[k].units, self.best[k].value, {"A": A, "b": sizes.b[k, :k], "c": sizes.c[k], "d": sizes.d[k]}
        )

    def _offer(self, state):
        """Descend by swaps from a state that moves in Python have made."""
        k, f, fit, at = state.size, state.facts, self.fit, self.plan.at
        before = self.changes.get(k)
        fit.members[:k], fit.A[:k, :k], fit.b[:k], fit.value[0] = state.units, f["A"], f["b"], state.value
        fit.c[:], fit.d[:] = f["c"], f["d"]
        at[:] = 0
        at[ACTIVE], at[SIZE], at[LEAVES], at[JOINS] = 1, k, -1, -1
        self.moves.gram.ensure(state.units, keep=state.units)
        self._go_on([k], GROW)
        return self.changes.get(k) != before

    def _perturb(self, hopeful) -> bool:
        before = self.sizes.changes.copy()
        self._pass([k for k in sorted(self.best) if hopeful(self.best, k)], KICK)
        return bool((before != self.sizes.changes).any())


def rows_of(moves: GramMoves) -> Rows:
    """The Gram rows that are there, as the kernels read them."""
    gram, stays = moves.gram, np.zeros(moves.gram.p, bool)
    stays[list(moves.forced)] = True
    return Rows(gram.store, gram.slot, gram.columns, gram.corr, moves.norm, stays, moves.tiny)


def _starts(most: int) -> np.ndarray:
    """Where the matrix of each size begins, and of the first beyond."""
    return np.concatenate([[0], np.cumsum(np.arange(most + 1) ** 2)])


def _sizes(most: int, p: int) -> Sizes:
    """Stores for supports up to a size; memory is taken by what is written."""
    K, starts = most + 1, _starts(most)
    return Sizes(
        np.empty((K, K), np.int64), np.empty(starts[-1]), starts, np.empty((K, K)), np.empty((K, p)), np.empty((K, p)),
        np.full(K, np.inf), np.zeros(K, np.int64), np.zeros((2, K), np.int64),
    )  # fmt: skip
