"""What a compiled search keeps: open nodes in a heap, the log of what is proved, and the node at work.

The containers hold plain arrays, so that Python makes and reads them; functions here move things between them.
"""

from typing import NamedTuple

import numpy as np

from .compiled import inlined, inner
from .relax import FREE, IN, OUT

REPEATS = 4  # descents at one node after what was fixed has moved a nonzero
LEAF, GOES_ON = -1, -2
INNER = 64  # open nodes of a small subtree
# places in `count`
NODES, RECORDS, VALUES, FIXES, WORK, FOUND, HITS, GROUPS, WANTED = range(9)
# places in `Nodes.size`
OPEN, SLOTS, SPUN = range(3)


class Gram(NamedTuple):
    """Rows of a Gram matrix; a kernel that misses some notes them and stops."""

    rows: np.ndarray  # (rows, p)
    slot: np.ndarray  # (p,) row of each column, -1 where it is missing
    wanted: np.ndarray  # (room,)


class Nodes(NamedTuple):
    """Open nodes by slot; a slot's warm start is sparse and may be cut short, which costs speed only."""

    state: np.ndarray  # (cap, p)
    place: np.ndarray  # (cap, nz) columns of the warm start, -1 after the last
    value: np.ndarray  # (cap, nz)
    bound: np.ndarray  # (cap,)
    price: np.ndarray  # (cap,) at which the relaxed count takes the places
    record: np.ndarray  # (cap,) where the log goes on
    heap: np.ndarray  # (cap,) slots
    free: np.ndarray  # (cap,) slots
    spun: np.ndarray  # (cap,) slots left to be searched on fewer columns
    group: np.ndarray  # (cap,) spun nodes of one group are searched together
    size: np.ndarray  # (3,) how many are in the heap, free and spun


class Log(NamedTuple):
    """What was proved: records form the tree; a record may have a point and fixes that the point justifies."""

    branch: np.ndarray  # (records,) unit, LEAF or GOES_ON
    child: np.ndarray  # (records,) first child
    point_at: np.ndarray
    point_size: np.ndarray  # -1: no point
    fix_at: np.ndarray
    fix_size: np.ndarray
    place: np.ndarray  # (values,)
    value: np.ndarray
    fix: np.ndarray  # (fixes,) i + 1 put in, -(i + 1) put out


class Terms(NamedTuple):
    """Numbers of the question and of the search."""

    yy: float  # squared norm of the target
    l0: float
    size: int  # most units; more than all columns where there is no limit
    rounding: float  # error of a product of scaled columns
    lazy: float  # a descent may stop this far, in shares of the room below the cut, from its optimum
    gap: float
    floor: float  # objectives below it count as zero in a gap
    collects: bool  # whether every complete support below the cut is wanted


class Scratch(NamedTuple):
    """Work space for one node of p live columns."""

    state: np.ndarray  # (p,)
    trial_state: np.ndarray  # (p,)
    b: np.ndarray  # (p,) zero between nodes
    verdict: np.ndarray  # (p,) IN or OUT for a free unit that can be fixed
    is_local: np.ndarray  # (p,) bool, false between uses
    members: np.ndarray  # (p + 1,)
    trial: np.ndarray  # (p + 1,)
    factor: np.ndarray  # (cap, cap)
    fitted: np.ndarray  # (cap,)
    seen: np.ndarray  # (1024,) fingerprints of supports that were fitted


class Target(NamedTuple):
    """What bounds have to reach, and what has been found; arrays of one entry are cells that searches share."""

    cut: np.ndarray  # (1,) bounds from here on prune
    value: np.ndarray  # (1,) best objective
    members: np.ndarray  # (p,) its columns
    n_members: np.ndarray  # (1,)
    lower: np.ndarray  # (1,) smallest bound of what is closed
    hits: np.ndarray  # (room, p) complete supports below the cut, as columns, -1 after the last


@inner
def copy(source, target):
    """Copy a vector; a loop compiles faster than an assignment of arrays."""
    for i in range(source.size):
        target[i] = source[i]


@inner
def numbers(state):
    """How many units are in, and how many free."""
    n_in = n_free = 0
    for i in range(state.size):
        n_in += state[i] == IN
        n_free += state[i] == FREE
    return n_in, n_free


@inner
def take(nodes):
    """A free slot."""
    nodes.size[SLOTS] -= 1
    return nodes.free[nodes.size[SLOTS]]


@inner
def release(nodes, slot):
    """Give a slot back."""
    nodes.free[nodes.size[SLOTS]] = slot
    nodes.size[SLOTS] += 1


@inner
def push(nodes, slot):
    """Insert a slot into the heap."""
    heap, key = nodes.heap, nodes.bound
    i = nodes.size[OPEN]
    nodes.size[OPEN] += 1
    while i > 0:
        q = (i - 1) >> 1
        if key[heap[q]] <= key[slot]:
            break
        heap[i] = heap[q]
        i = q
    heap[i] = slot


@inner
def pop(nodes):
    """Remove and return the slot of smallest key."""
    heap, key = nodes.heap, nodes.bound
    nodes.size[OPEN] -= 1
    n = nodes.size[OPEN]
    first, last, i = heap[0], heap[n], 0
    while True:
        q = 2 * i + 1
        if q >= n:
            break
        if q + 1 < n and key[heap[q + 1]] < key[heap[q]]:
            q += 1
        if key[heap[q]] >= key[last]:
            break
        heap[i] = heap[q]
        i = q
    heap[i] = last
    return first


@inner
def write_point(log, count, record, local, m, ids):
    """Log the local point under a record, columns by their ids."""
    at = count[VALUES]
    log.point_at[record] = at
    for a in range(m):
        if local.b[a] != 0.0:
            log.place[at], log.value[at] = ids[local.place[a]], local.b[a]
            at += 1
    log.point_size[record] = at - count[VALUES]
    count[VALUES] = at


@inner
def new_record(log, count):
    """A record without a point: a leaf, until it becomes something else."""
    record = count[RECORDS]
    count[RECORDS] += 1
    log.branch[record], log.child[record] = LEAF, -1
    log.point_size[record], log.fix_size[record] = -1, 0
    log.point_at[record] = log.fix_at[record] = 0
    return record


@inner
def apply_fixes(state, verdict, log, count, record, ids):
    """Fix what can be, and log it; returns the number of units that were fixed."""
    first = count[FIXES]
    if log.fix_size[record] == 0:
        log.fix_at[record] = first
    for i in range(state.size):
        if state[i] == FREE and verdict[i] != FREE:
            state[i] = verdict[i]
            log.fix[count[FIXES]] = verdict[i] * (ids[i] + 1)
            count[FIXES] += 1
    fixed = count[FIXES] - first
    log.fix_size[record] += fixed
    return fixed


@inner
def put_out_free(state, log, count, record, ids):
    """Put all free units out, under a record."""
    log.fix_at[record] = count[FIXES]
    for i in range(state.size):
        if state[i] == FREE:
            state[i], log.fix[count[FIXES]] = OUT, -(ids[i] + 1)
            count[FIXES] += 1
    log.fix_size[record] = count[FIXES] - log.fix_at[record]


@inner
def end_empty(log, count, record):
    """End a node that no support belongs to any more: what its fixes imply shows at a record of its own."""
    log.branch[record], log.child[record] = GOES_ON, count[RECORDS]
    new_record(log, count)
    return False


@inner
def close(target, bound):
    """Note a bound with which part of a node is given up."""
    target.lower[0] = min(target.lower[0], bound)


@inner
def collect(target, state, count, ids):
    """Write a complete support down."""
    hit = target.hits[count[HITS]]
    n = 0
    for i in range(state.size):
        hit[i] = -1
    for i in range(state.size):
        if state[i] == IN:
            hit[n] = ids[i]
            n += 1
    count[HITS] += 1


@inner
def keep(nodes, slot, scratch, bound, price, local, m, record):
    """Store the node just visited in a slot."""
    copy(scratch.state, nodes.state[slot])
    nodes.bound[slot], nodes.price[slot], nodes.record[slot] = bound, price, record
    q = 0
    for a in range(m):
        i = local.place[a]
        if scratch.state[i] != OUT and local.b[a] != 0.0 and q < nodes.place.shape[1]:
            nodes.place[slot, q], nodes.value[slot, q] = i, local.b[a]
            q += 1
    if q < nodes.place.shape[1]:
        nodes.place[slot, q] = -1


@inner
def split(nodes, slot, unit, log, count, ids):
    """Two children of the node in a slot, without and with a unit; returns the slot of the second."""
    out = new_record(log, count)
    inside = new_record(log, count)
    log.branch[nodes.record[slot]], log.child[nodes.record[slot]] = ids[unit], out
    twin = take(nodes)
    copy(nodes.state[slot], nodes.state[twin])
    copy(nodes.place[slot], nodes.place[twin])
    copy(nodes.value[slot], nodes.value[twin])
    nodes.bound[twin], nodes.price[twin] = nodes.bound[slot], nodes.price[slot]
    nodes.state[slot, unit], nodes.record[slot] = OUT, out
    nodes.state[twin, unit], nodes.record[twin] = IN, inside
    return twin


@inner
def has_room(target, nodes, log, local, count, terms, p):
    """Whether the next node fits into all stores, whatever it does."""
    records = REPEATS + 6
    return (
        nodes.size[SLOTS] >= 2
        and nodes.size[SPUN] < nodes.spun.size
        and count[HITS] + terms.collects <= target.hits.shape[0]
        and count[RECORDS] + records <= log.branch.size
        and count[FIXES] + 2 * p <= log.fix.size
        and count[VALUES] + records * local.place.size <= log.value.size
    )


@inner
def rank_of(live, q, i):
    """Place of i among the sorted live columns."""
    low, high = 0, q
    while low < high:
        middle = (low + high) >> 1
        if live[middle] < i:
            low = middle + 1
        else:
            high = middle
    return low


@inner
def move(source, slot, target, place, live, q, gather_live):
    """Copy a node between stores whose columns differ: `live` holds the larger one's places of the smaller one's."""
    target.bound[place], target.price[place] = source.bound[slot], source.price[slot]
    target.record[place] = source.record[slot]
    if gather_live:
        for i in range(q):
            target.state[place, i] = source.state[slot, live[i]]
    else:
        for i in range(target.state.shape[1]):
            target.state[place, i] = OUT
        for i in range(q):
            target.state[place, live[i]] = source.state[slot, i]
    n = 0
    for a in range(source.place.shape[1]):
        i = source.place[slot, a]
        if i < 0 or n == target.place.shape[1]:
            break
        j = rank_of(live, q, i) if gather_live else live[i]
        target.place[place, n], target.value[place, n] = j, source.value[slot, a]
        n += 1
    if n < target.place.shape[1]:
        target.place[place, n] = -1


@inlined
def live_columns(state):
    """Places that are not out."""
    live, q = np.empty(state.size, np.int64), 0
    for i in range(state.size):
        if state[i] != OUT:
            live[q] = i
            q += 1
    return live[:q]


@inlined
def enter(nodes, inner, compact, live, q):
    """Make a spun node the root of the small subtree."""
    slot = nodes.spun[0]
    for s in range(INNER):
        inner.free[s] = INNER - 1 - s
    inner.size[OPEN], inner.size[SLOTS], inner.size[SPUN] = 0, INNER, 0
    root = take(compact)
    move(nodes, slot, compact, root, live, q, np.bool_(True))
    push(compact, root)
    release(nodes, slot)
    nodes.size[SPUN] = 0


@inlined
def leave(nodes, compact, live, q, count):
    """Hand the open nodes of a small subtree back as one group of spun nodes."""
    while compact.size[OPEN] > 0:
        rest, place = pop(compact), take(nodes)
        move(compact, rest, nodes, place, live, q, np.bool_(False))
        nodes.spun[nodes.size[SPUN]], nodes.group[place] = place, count[GROUPS]
        nodes.size[SPUN] += 1
    count[GROUPS] += 1
