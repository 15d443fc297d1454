"""The path engine on Gram rows: the sweeps of `KPath` in compiled kernels, for squared error with single columns."""

import numpy as np

from .._kernels.exchange import Fitted
from .._kernels.sweep import ACTIVE, GROW, KICK, POSITION, SHRINK, WANTED, Plan, Sizes, sweep
from .exchange import KPath
from .moves import PREFETCH, GramMoves, State

BUDGET = 3e7  # multiplications, about, between two looks at the clock
MEMORY = 1 << 17  # supports that are remembered, twice


class GramPath(KPath):
    """`KPath` for `GramMoves`."""

    moves: GramMoves

    def run(self, largest, worthwhile=lambda best, k: True, hopeful=lambda best, k: True):
        self._lay_out(largest)
        return super().run(largest, worthwhile, hopeful)

    def _lay_out(self, largest: int) -> None:
        p = self.moves.gram.p
        K = max(self.past(largest), largest, len(self.moves.forced))
        width = np.arange(K + 1)
        self.sizes = Sizes(
            np.full((K + 1, K + 1), -1), np.empty(int((width**2).sum())),
            np.concatenate([[0], np.cumsum(width**2)]), np.zeros((K + 1, K + 1)), np.empty((K + 1, p)),
            np.empty((K + 1, p)), np.full(K + 1, np.inf), np.zeros(K + 1, np.int64), np.zeros((2, K + 1), np.int64),
        )  # fmt: skip
        cap = K + 1
        self.fit = Fitted(
            np.zeros(cap, np.int64), np.zeros((cap, cap)), np.zeros(cap), np.empty(p), np.empty(p), np.zeros(1)
        )
        self.plan = Plan(
            np.zeros(10, np.int64), np.array([self.rng.integers(2**63)], np.uint64), np.empty(cap, np.int64),
            np.empty(cap, np.int64), np.zeros(2 * MEMORY + 1, np.uint64), np.empty(p), np.empty(p), np.empty(cap),
        )  # fmt: skip
        self.signal = np.zeros(1, np.int64)
        start = self.moves.start()
        k, facts = start.size, start.facts
        sizes = self.sizes
        sizes.members[k, :k], sizes.b[k, :k], sizes.value[k], sizes.changes[k] = start.units, facts["b"], start.value, 1
        sizes.A[sizes.start[k] : sizes.start[k + 1]] = facts["A"].ravel()
        sizes.c[k], sizes.d[k] = facts["c"], facts["d"]

    def _pass(self, order, kind: int) -> None:
        """One sweep over sizes."""
        at, gram = self.plan.at, self.moves.gram
        at[:] = 0
        order = np.asarray(order, np.int64)
        while not self.clock.stopped:
            done = sweep(
                self.moves.rows, self.fit, self.sizes, self.plan, order, kind, len(self.moves.forced),
                self.moves.tolerance, BUDGET, self.signal,
            )  # fmt: skip
            if done:
                break
            if at[WANTED]:
                self._fetch(gram, self.plan.wanted[: at[WANTED]].tolist())
                at[WANTED] = 0
            self.clock.tick("path", message="sweeping", done=int(at[POSITION]), total=order.size)
        at[ACTIVE] = 0

    def _fetch(self, gram, wanted: list[int]) -> None:
        """Compute the rows that a move waits for, together with those of the next likely entrants."""
        members = self.fit.members[: self.plan.at[2]].tolist()
        if len(wanted) == 1:
            gain = np.where(gram.slot < 0, self.fit.c**2 / np.where(self.fit.d > 0, self.fit.d, np.inf), 0.0)
            likely = np.argpartition(-gain, PREFETCH)[:PREFETCH] if gain.size > PREFETCH else np.arange(gain.size)
            wanted = list(dict.fromkeys([*wanted, *likely[gain[likely] > 0].tolist()]))[:PREFETCH]
        gram.ensure(wanted, keep=members)

    def _known(self) -> None:
        """Take the supports over that the kernels have found."""
        sizes = self.sizes
        for k in np.flatnonzero(sizes.changes):
            k = int(k)
            if self.changes.get(k) != sizes.changes[k]:
                units = tuple(int(j) for j in sizes.members[k, :k])
                self.best[k], self.changes[k] = State(units, float(sizes.value[k])), int(sizes.changes[k])

    def _forward(self, k) -> bool:
        self._pass([k], GROW)
        self._known()
        return k + 1 in self.best

    def _settle(self):
        while not self.clock.stopped:
            before = self.sizes.changes.copy()
            largest = self.sizes.value.size - 1
            self._pass(np.arange(largest), GROW)
            self._pass(np.arange(largest, len(self.moves.forced), -1), SHRINK)
            if (before == self.sizes.changes).all():
                break
        self._known()

    def _perturb(self, hopeful) -> bool:
        before = self.sizes.changes.copy()
        self._pass([k for k in sorted(self.best) if hopeful(self.best, k)], KICK)
        self._known()
        return bool((before != self.sizes.changes).any())
