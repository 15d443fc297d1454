"""Best-first branch and bound on the Gram matrix of a few live columns, in compiled bursts.

A burst works on one subtree: p live columns, open nodes in a heap, and a log of everything that is proved.
"""

from typing import NamedTuple

import numpy as np

from .compiled import inlined, kernel
from .node import branching_unit, visit
from .relax import Columns, Local
from .store import (
    GROUPS,
    INNER,
    NODES,
    OPEN,
    SLOTS,
    SPUN,
    WANTED,
    WORK,
    Gram,
    Nodes,
    Scratch,
    close,
    collect,
    copy,
    enter,
    has_room,
    keep,
    leave,
    live_columns,
    numbers,
    pop,
    push,
    release,
    split,
)

STUBBORN = 40  # nodes after which a small subtree is handed back, to be searched with a diagonal of its own


class Small(NamedTuple):
    """Stores of a subtree that is finished inside a burst."""

    nodes: Nodes
    store: np.ndarray  # (q * q,) for the Gram matrix
    rows: np.ndarray  # (7, q) for the columns
    ids: np.ndarray  # (p,) 0 to p - 1: the columns outside it


def work_space(p: int, cap: int, spin: int, warm: int) -> tuple[Scratch, Small]:
    """Work space of a burst on p live columns, `cap` of them local; subtrees of up to `spin` are finished inside."""
    scratch = Scratch(
        np.empty(p, np.int8), np.empty(p, np.int8), np.zeros(p), np.empty(p, np.int8), np.zeros(p, np.bool_),
        np.empty(p + 1, np.int64), np.empty(p + 1), np.empty((cap, cap)), np.empty(cap), np.zeros(1024, np.uint64),
    )  # fmt: skip
    nz = min(spin, warm)
    nodes = Nodes(
        np.empty(INNER * spin, np.int8), np.empty((INNER, nz), np.int32), np.empty((INNER, nz)), np.empty(INNER),
        np.empty(INNER), np.empty(INNER, np.int32), np.empty(INNER, np.int64), np.empty(INNER, np.int64),
        np.empty(INNER, np.int64), np.empty(INNER, np.int64), np.zeros(3, np.int64),
    )  # fmt: skip
    return scratch, Small(nodes, np.empty(spin * spin), np.empty((7, spin)), np.arange(p))


@inlined
def explore(gram, columns, rules, target, nodes, log, local, count, terms, scratch, ids, spin, most, end, signal):
    """Visit open nodes, best first, until none is left, one is spun, a store is full, or time or `most` are up."""
    p, last = columns.corr.size, count[NODES] + most
    while nodes.size[OPEN] > 0 and nodes.size[SPUN] == 0 and count[WORK] < end and count[NODES] < last:
        if signal[0] != 0 or not has_room(target, nodes, log, local, count, terms, p):
            break
        slot = pop(nodes)
        if nodes.bound[slot] >= target.cut[0]:
            close(target, nodes.bound[slot])
            release(nodes, slot)
            continue
        copy(nodes.state[slot], scratch.state)
        for q in range(nodes.place.shape[1]):
            if nodes.place[slot, q] < 0:
                break
            scratch.b[nodes.place[slot, q]] = nodes.value[slot, q]
        is_open, record, m, bound, price = visit(
            gram, columns, rules, target, log, local, count, terms, scratch, nodes.record[slot], nodes.bound[slot],
            nodes.price[slot], ids,
        )  # fmt: skip
        for i in range(p):
            scratch.b[i] = 0.0
        if count[WANTED] > 0:  # the node waits, as far as it has come, until the rows are there
            keep(nodes, slot, scratch, bound, price, local, m, record)
            push(nodes, slot)
            break
        count[NODES] += 1
        unit = branching_unit(scratch.state, local, m) if is_open else -1
        if unit < 0:
            if is_open:
                close(target, bound)
                if terms.collects:
                    collect(target, scratch.state, count, ids)
            release(nodes, slot)
            continue
        keep(nodes, slot, scratch, bound, price, local, m, record)
        n_in, n_free = numbers(scratch.state)
        if n_in + n_free <= spin:
            nodes.spun[0], nodes.size[SPUN] = slot, 1
            continue
        twin = split(nodes, slot, unit, log, count, ids)
        push(nodes, slot)
        push(nodes, twin)


@inlined
def shrunk(gram, columns, live, q, store, rows):
    """Gram matrix and columns of the live ones, in preallocated space."""
    small = store[: q * q].reshape((q, q))
    for i in range(q):
        for j in range(q):
            small[i, j] = gram.rows[gram.slot[live[i]], live[j]]
    for i in range(q):
        j = live[i]
        rows[0, i], rows[1, i], rows[2, i] = columns.corr[j], columns.diag[j], columns.l1[j]
        rows[3, i], rows[4, i] = columns.l2[j], columns.inverse[j]
        rows[5, i], rows[6, i] = columns.lower[j], columns.upper[j]
    return Gram(small, gram.slot[:q], gram.wanted), Columns(
        rows[0, :q], rows[1, :q], rows[2, :q], rows[3, :q], rows[4, :q], rows[5, :q], rows[6, :q]
    )  # fmt: skip


@inlined
def shrunk_stores(local, scratch, nodes, q):
    """Stores for q columns in the room of larger ones."""
    return Local(
        local.place, local.rows, local.held, local.b, local.g, local.Q, local.penalty, local.lines, local.gradient[:q],
        local.score[:q], local.top,
    ), Scratch(
        scratch.state[:q], scratch.trial_state[:q], scratch.b[:q], scratch.verdict[:q], scratch.is_local[:q],
        scratch.members, scratch.trial, scratch.factor, scratch.fitted, scratch.seen,
    ), Nodes(
        nodes.state[: INNER * q].reshape((INNER, q)), nodes.place, nodes.value, nodes.bound, nodes.price,
        nodes.record, nodes.heap, nodes.free, nodes.spun, nodes.group, nodes.size,
    )  # fmt: skip


@kernel
def search(
    gram, columns, rules, target, nodes, log, local, count, terms, scratch, small, spin, inner, budget, signal
):  # fmt: skip
    """Work on open nodes until none is left, the budget is spent, a store is full, or `signal[0]` is raised.

    A node with at most `spin` live columns is finished on compact data at once; where rules couple the columns, or the
    small subtree proves stubborn, nodes are left in `nodes.spun`.
    """
    end, compact = count[WORK] + budget, False
    while True:
        if not compact:
            if count[WORK] >= end or signal[0] != 0 or nodes.size[SLOTS] < INNER + 2 or nodes.size[OPEN] == 0:
                break
            if not has_room(target, nodes, log, local, count, terms, columns.corr.size):
                break
        # `explore` is compiled into this one place: what it works on is chosen here
        here, those, store, work, tree, ids, least, most = (
            gram, columns, local, scratch, nodes, small.ids, spin, np.int64(1 << 40)
        )  # fmt: skip
        if compact:  # the subtree of the node that was spun
            ids, least, most = live_columns(nodes.state[nodes.spun[0]]), np.int64(-1), np.int64(STUBBORN)
            here, those = shrunk(gram, columns, ids, ids.size, small.store, small.rows)
            store, work, tree = shrunk_stores(local, scratch, small.nodes, ids.size)
            scratch.seen[:] = 0
            enter(nodes, small.nodes, tree, ids, ids.size)
        explore(here, those, rules, target, tree, log, store, count, terms, work, ids, least, most, end, signal)
        if compact:  # nodes that are left are spun in its place
            leave(nodes, tree, ids, ids.size, count)
            compact = False
        elif nodes.size[SPUN] > 0 and inner:
            compact = True
            continue
        elif nodes.size[SPUN] > 0:
            nodes.group[nodes.spun[0]] = count[GROUPS]
            count[GROUPS] += 1
        if nodes.size[SPUN] > 0 or count[WANTED] > 0:
            break
