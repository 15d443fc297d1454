"""A part of the search tree on compact data: the Gram matrix of the columns that are still alive."""

import numpy as np

from .._kernels.relax import NOWHERE, OUT, Columns, half_inverse, local_space
from .._kernels.search import search, work_space
from .._kernels.store import (
    FIXES,
    HITS,
    INNER,
    NODES,
    OPEN,
    RECORDS,
    REPEATS,
    SLOTS,
    SPUN,
    VALUES,
    WANTED,
    Log,
    Nodes,
    Terms,
)

LOCAL = 600  # most columns that are nonzero or violating at one node
WARM = 256  # nonzeros of a warm start that are kept
BUDGET = 3e7  # multiplications, about, between two looks at the clock
SPIN = 0.3  # a node with at most this share of the live columns is searched on compact data of its own
SPIN_LEAST = 40
ROOMY = 128  # records that a log has room for at first
LAZY = 0.3  # a node's descent may stop this far, in shares of the room below the cut, from its optimum


class Start:
    """A node as another part of the tree takes it over: states, bound, price and warm start of some columns."""

    __slots__ = ("bound", "price", "state", "value")

    def __init__(self, state, value, bound: float, price: float):
        self.state, self.value, self.bound, self.price = state, value, bound, price


class Subtree:
    """Open nodes on the columns of a start, with the log of what was proved.

    Parameters
    ----------
    columns : ndarray of int
        The live columns, by their number in the problem.
    starts : list of Start, or another iterable of known length
    gram, corr : ndarrays
        Of the live columns.
    penalty : tuple of ndarrays
        l1, l2, lower and upper of the live columns.
    diagonal : ndarray or None
        What is split off the Gram matrix.
    """

    def __init__(self, columns, starts, gram, corr, penalty, diagonal, target, size, rules, spin: float = SPIN):
        p = columns.size
        l1, l2, lower, upper = penalty
        diag = np.zeros(p) if diagonal is None else diagonal
        strengthened = l2 + 0.5 * diag if diagonal is not None else l2
        self.ids, self.gram = columns, gram
        self.rules = rules.tables if rules.restricted else None
        self.columns = Columns(corr, diag, l1, strengthened, half_inverse(strengthened), lower, upper)
        self.spin = int(spin * p) if p > SPIN_LEAST or spin >= 1 else -1
        self.full = np.array_equal(gram.slot, np.arange(p))  # a store of p rows may still wait for some
        self.inner = not rules.restricted and spin < 1 and self.full
        self.target = target._replace(
            value=target.value.copy(),
            members=np.empty(p, np.int64),
            n_members=np.zeros(1, np.int64),
            lower=np.full(1, NOWHERE),
            hits=np.empty((target.hits.shape[0], p), np.int64),
        )
        cap, nz = min(p, LOCAL), min(p, WARM)
        self.local = local_space(p, cap, size)
        room = 2 * INNER + len(starts)
        self.nodes = Nodes(
            np.empty((room, p), np.int8), np.empty((room, nz), np.int32), np.empty((room, nz)), np.empty(room),
            np.empty(room), np.empty(room, np.int32), np.empty(room, np.int64), np.arange(room - 1, -1, -1),
            np.empty(INNER, np.int64), np.empty(room, np.int64), np.array([0, room, 0]),
        )  # fmt: skip
        records, values = len(starts) + ROOMY, ROOMY * cap // 2
        self.log = Log(
            np.empty(records, np.int32), np.empty(records, np.int32), np.empty(records, np.int64),
            np.empty(records, np.int32), np.empty(records, np.int64), np.empty(records, np.int32),
            np.empty(values, np.int32), np.empty(values), np.empty(16 * p + 16, np.int32),
        )  # fmt: skip
        self.count = np.zeros(9, np.int64)
        self._begin(starts)

    def _begin(self, starts):
        """Open the nodes, each with a record of its own; sorted by their bounds they are a heap."""
        nodes, log, n = self.nodes, self.log, len(starts)
        self.count[RECORDS] = n
        log.branch[:n] = log.child[:n] = log.point_size[:n] = -1
        log.point_at[:n] = log.fix_at[:n] = log.fix_size[:n] = 0
        for slot, start in enumerate(starts):  # the slot is the number of the record
            warm = np.flatnonzero(start.value)[: nodes.place.shape[1]]
            nodes.state[slot], nodes.bound[slot], nodes.price[slot] = start.state, start.bound, start.price
            nodes.place[slot, : warm.size], nodes.value[slot, : warm.size] = warm, start.value[warm]
            nodes.place[slot, warm.size :] = -1
        nodes.record[:n] = np.arange(n)
        nodes.heap[:n] = np.argsort(nodes.bound[:n], kind="stable")
        room = nodes.bound.size
        nodes.free[: room - n] = np.arange(room - 1, n - 1, -1)
        nodes.size[OPEN], nodes.size[SLOTS] = n, room - n

    @property
    def open(self) -> bool:
        """Whether nodes are left to be bounded."""
        return self.nodes.size[OPEN] > 0

    @property
    def n_open(self) -> int:
        return int(self.nodes.size[OPEN])

    def halve(self) -> tuple[list[Start], list[int]]:
        """Take every second open node out: starts and records for a subtree on the same columns."""
        nodes = self.nodes
        heap = nodes.heap[: nodes.size[OPEN]].copy()
        heap = heap[np.argsort(nodes.bound[heap], kind="stable")]
        given, kept = heap[1::2], heap[::2]
        everything = np.arange(self.ids.size)
        starts = [self._start_of(slot, everything) for slot in given.tolist()]
        records = nodes.record[given].tolist()
        nodes.heap[: kept.size] = kept  # sorted, and so a heap
        nodes.size[OPEN] = kept.size
        nodes.free[nodes.size[SLOTS] : nodes.size[SLOTS] + given.size] = given
        nodes.size[SLOTS] += given.size
        return starts, records

    @property
    def n_nodes(self) -> int:
        return int(self.count[NODES])

    def burst(self, terms: Terms, signal) -> None:
        """Work for some milliseconds."""
        self._make_room()
        spin = max(self.spin, 1) if self.inner else 1
        scratch, small = work_space(self.ids.size, self.local.place.size, spin, self.nodes.place.shape[1])
        search(
            self.gram, self.columns, self.rules, self.target, self.nodes, self.log, self.local, self.count, terms,
            scratch, small, self.spin, self.inner, BUDGET, signal,
        )  # fmt: skip

    def _make_room(self):
        """Double what may not suffice for the next nodes."""
        nodes, log, count, p = self.nodes, self.log, self.count, self.columns.corr.size
        if nodes.size[SLOTS] < INNER + 2:
            room = nodes.bound.size
            free = np.concatenate(
                [nodes.free[: nodes.size[SLOTS]], np.arange(2 * room - 1, room - 1, -1), np.zeros(room, np.int64)]
            )
            by_slot = ("state", "place", "value", "bound", "price", "record", "heap", "group")
            nodes.size[SLOTS] += room
            self.nodes = nodes._replace(free=free[: 2 * room], **_doubled(nodes, by_slot))
        records = REPEATS + 6
        if count[RECORDS] + records > log.branch.size:
            by_record = ("branch", "child", "point_at", "point_size", "fix_at", "fix_size")
            log = log._replace(**_doubled(log, by_record))
        while count[VALUES] + records * self.local.place.size > log.value.size:
            log = log._replace(**_doubled(log, ("place", "value")))
        while count[FIXES] + 2 * p > log.fix.size:
            log = log._replace(**_doubled(log, ("fix",)))
        self.log = log

    @property
    def n_records(self) -> int:
        return int(self.count[RECORDS])

    @property
    def wants(self) -> list[int]:
        """Columns whose Gram rows a node is waiting for."""
        return self.gram.wanted[: self.count[WANTED]].tolist()

    def fetched(self) -> None:
        """Go on: the rows that were wanted are there."""
        self.count[WANTED] = 0

    def read(self, rows, slot) -> None:
        """Read Gram rows from here in the next burst."""
        self.gram = self.gram._replace(rows=rows, slot=slot)

    def warm_columns(self) -> list[int]:
        """Columns of the warm start of the next node."""
        place = self.nodes.place[self.nodes.heap[0]]
        return place[: int(np.argmax(place < 0)) if (place < 0).any() else place.size].tolist()

    def _waiting(self) -> np.ndarray:
        nodes = self.nodes
        return np.concatenate([nodes.heap[: nodes.size[OPEN]], nodes.spun[: nodes.size[SPUN]]])

    def open_bound(self) -> float:
        """Smallest bound of an open node."""
        return float(self.nodes.bound[self._waiting()].min(initial=NOWHERE))

    def opened(self) -> tuple[np.ndarray, ...]:
        """Nodes that are open: states, bounds, prices, records, sizes of the warm starts, their places and values."""
        nodes, slots = self.nodes, self._waiting()
        place = nodes.place[slots]
        warm = np.logical_and.accumulate(place >= 0, axis=1)  # beyond the first -1 nothing was written
        return (
            nodes.state[slots], nodes.bound[slots], nodes.price[slots], nodes.record[slots], warm.sum(axis=1),
            place[warm], nodes.value[slots][warm],
        )  # fmt: skip

    def collected(self) -> np.ndarray:
        """Complete supports since the last look."""
        hits = self.target.hits[: self.count[HITS]].copy()
        self.count[HITS] = 0
        return hits

    def spun(self) -> list[tuple[np.ndarray, list[Start], list[int]]]:
        """Groups of nodes that are better searched apart: places of their live columns, starts, and their records."""
        nodes, groups = self.nodes, {}
        for slot in nodes.spun[: nodes.size[SPUN]].tolist():
            groups.setdefault(int(nodes.group[slot]), []).append(slot)
            nodes.free[nodes.size[SLOTS]] = slot
            nodes.size[SLOTS] += 1
        nodes.size[SPUN] = 0
        out = []
        for slots in groups.values():
            live = np.flatnonzero((nodes.state[slots] != OUT).any(axis=0))
            starts = [self._start_of(slot, live) for slot in slots]
            out.append((live, starts, nodes.record[slots].tolist()))
        return out

    def _start_of(self, slot: int, live) -> Start:
        nodes = self.nodes
        place, value = nodes.place[slot], np.zeros(self.ids.size)
        size = int(np.argmax(place < 0)) if (place < 0).any() else place.size
        value[place[:size]] = nodes.value[slot, :size]
        return Start(nodes.state[slot, live], value[live], float(nodes.bound[slot]), float(nodes.price[slot]))


def _doubled(stores, parts) -> dict[str, np.ndarray]:
    """Twice the room in some parts of a store."""
    arrays = {part: getattr(stores, part) for part in parts}
    return {part: np.concatenate([array, np.empty_like(array)]) for part, array in arrays.items()}
