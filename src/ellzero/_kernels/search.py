"""Best-first branch and bound on the Gram matrix of a few live columns, in compiled bursts.

A burst works on one subtree: p live columns, open nodes in a heap, and a log of everything that is proved.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from .compiled import inner
from .coordinate import shrink
from .relax import (
    CHEAPEST,
    COUNT_SLACK,
    ENTRANTS,
    FREE,
    IN,
    NOWHERE,
    OUT,
    PRICE_STEPS,
    SWEEPS,
    Columns,
    Local,
    balance,
    draw_lines,
    evaluate,
    judge,
    rank,
    settle,
)  # fmt: skip
from .rules import propagate

ROUNDS = 40
REPEATS = 4  # descents at one node after what was fixed has moved a nonzero
FINEST = 1e-11
LEAF, GOES_ON = -1, -2
STUBBORN = 40  # nodes after which a small subtree is handed back, to be searched with a diagonal of its own
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
def head_sum(values, n):
    """Sum of the first n values."""
    total = 0.0
    for q in range(n):
        total += values[q]
    return total


@inner
def gradient(gram, columns, local, m):
    """Negative gradient c - (G - D) b of all live columns."""
    out = local.gradient
    for j in range(out.size):
        out[j] = columns.corr[j]
    for a in range(m):
        x = local.b[a]
        if x != 0.0:
            row = gram.rows[gram.slot[local.place[a]]]
            for j in range(out.size):
                out[j] -= x * row[j]
    for a in range(m):
        i = local.place[a]
        out[i] += columns.diag[i] * local.b[a]


@inner
def load(gram, columns, state, local, first, m, count):
    """Copy the columns at positions first to m into the local problem; rows that are missing are noted as wanted."""
    for a in range(first, m):
        if gram.slot[local.place[a]] < 0:
            gram.wanted[count[WANTED]] = local.place[a]
            count[WANTED] += 1
    for a in range(first, m if count[WANTED] == 0 else 0):
        i = local.place[a]
        row = gram.rows[gram.slot[i]]
        for e in range(a + 1):
            x = row[local.place[e]]
            local.Q[a, e] = x
            local.Q[e, a] = x
        local.Q[a, a] -= columns.diag[i]
        local.penalty[0, a], local.penalty[1, a] = columns.l1[i], columns.l2[i]
        local.penalty[2, a], local.penalty[3, a] = columns.lower[i], columns.upper[i]
        local.held[a] = state[i] == IN


@inner
def gather(gram, columns, state, b, local, count):
    """Make the nonzero and the in columns of b local; returns their number."""
    m = 0
    for i in range(state.size):
        if m < local.place.size and (state[i] == IN or (state[i] == FREE and b[i] != 0.0)):
            local.place[m], local.b[m] = i, b[i]
            m += 1
        b[i] = 0.0
    load(gram, columns, state, local, 0, m, count)
    return m


@inner
def admit(gram, columns, state, local, m, price, is_local, count):
    """Add the worst violators to the local columns, zeros making room; returns the new number of them."""
    worst = 0.0
    for a in range(m):
        is_local[local.place[a]] = True
    for i in range(state.size):
        if state[i] == FREE and not is_local[i]:
            worst = max(worst, local.score[i] - price)
    kept = m
    if worst > 1e-12 * price:
        if m > local.place.size // 2:
            kept = 0
            for a in range(m):
                i = local.place[a]
                is_local[i] = local.b[a] != 0.0 or local.held[a]
                if is_local[i]:
                    local.place[kept], local.b[kept] = i, local.b[a]
                    kept += 1
            load(gram, columns, state, local, 0, kept, count)
        m = kept
        for i in range(state.size):
            violates = state[i] == FREE and not is_local[i] and local.score[i] - price > ENTRANTS * worst
            if violates and m < local.place.size:
                local.place[m], local.b[m] = i, 0.0
                m += 1
        load(gram, columns, state, local, kept, m, count)
    for i in range(state.size):
        is_local[i] = False
    return m


@inner
def relax(gram, columns, state, local, m, places, limited, price, cut, terms, count, is_local):
    """Solve the relaxation for one target until its bound reaches the cut or plainly cannot.

    Ends where the bound reaches the cut; where the relaxed value is below it and what is missing to that value is less
    than `lazy` times the room; or where nothing moves. Returns (local columns, price, bound, and the prices
    at the edge of the last place: smallest rise that has one, largest that has none).
    """
    yy, l0 = terms.yy, terms.l0
    scale, tolerance = np.sqrt(yy), 1e-3
    bound, most = -NOWHERE, max(places, 0) if limited else 0
    for _ in range(ROUNDS):
        for a in range(m):
            local.g[a] = columns.corr[local.place[a]]
        for a in range(m):
            if local.b[a] != 0.0:
                for e in range(m):
                    local.g[e] -= local.b[a] * local.Q[a, e]
        if limited and places > 0:
            price = balance(
                local, m, price, max(l0, CHEAPEST * yy), places, tolerance * scale, COUNT_SLACK, PRICE_STEPS
            )
        else:
            price = l0
            draw_lines(local, m, price)
            settle(local.Q, m, local.b, local.g, local.held, local.penalty, local.lines, tolerance * scale, SWEEPS)
        gradient(gram, columns, local, m)
        base, primal, taken = evaluate(columns, state, local, m, yy, l0, price, terms.rounding)
        total = rank(state, local.score, l0, most, local.top)
        bound = base - (head_sum(local.top, most) if limited else total)
        if limited:
            primal -= (price - l0) * places
            primal += (price - l0) * max(0.0, places - taken)
        count[WORK] += 200 + m * m * 4 + 12 * state.size
        if bound >= cut or (primal < cut and primal - bound <= terms.lazy * (cut - primal)):
            break
        if primal - bound <= 1e-9 * abs(primal):
            break
        before = m
        m = admit(gram, columns, state, local, m, price, is_local, count)
        if count[WANTED] > 0:
            break
        if m == before:
            if tolerance < FINEST:
                break
            tolerance *= 0.1
    if not limited:
        return m, price, bound, 0.0, 0.0
    return m, price, bound, NOWHERE if places == 0 else local.top[places - 1], local.top[max(places, 0)]


@inner
def fit(gram, columns, l0, yy, members, n, L, x):
    """Objective of the best fit on some columns, coefficients in x: Cholesky, then descent where limits or l1 ask."""
    plain = True
    for i in range(n):
        p = members[i]
        for j in range(i + 1):
            t = gram.rows[gram.slot[p], members[j]]
            if i == j:
                t += 2.0 * columns.l2[p] - columns.diag[p]
            for q in range(j):
                t -= L[i, q] * L[j, q]
            L[i, j] = np.sqrt(max(t, 1e-300)) if i == j else t / L[j, j]
        t = columns.corr[p]
        for q in range(i):
            t -= L[i, q] * x[q]
        x[i] = t / L[i, i]
        plain &= columns.l1[p] == 0.0
    value = 0.5 * yy + l0 * n
    for i in range(n):
        value -= 0.5 * x[i] * x[i]
    for i in range(n - 1, -1, -1):
        t = x[i]
        for q in range(i + 1, n):
            t -= L[q, i] * x[q]
        x[i] = t / L[i, i]
        plain &= columns.lower[members[i]] <= x[i] <= columns.upper[members[i]]
    return value if plain else descend_fit(gram, columns, l0, yy, members, n, x)


@inner
def descend_fit(gram, columns, l0, yy, members, n, x):
    """The same by coordinate descent from x, clipped; any point gives a valid upper bound."""
    for i in range(n):
        x[i] = min(max(x[i], columns.lower[members[i]]), columns.upper[members[i]])
    scale = np.sqrt(yy)
    for _ in range(2000):
        largest = 0.0
        for i in range(n):
            p = members[i]
            row = gram.rows[gram.slot[p]]
            v = columns.corr[p] + row[p] * x[i]
            for j in range(n):
                v -= row[members[j]] * x[j]
            t = shrink(v, row[p], columns.l1[p], columns.l2[p] - 0.5 * columns.diag[p], columns.lower[p],
                       columns.upper[p])  # fmt: skip
            largest = max(largest, abs(t - x[i]))
            x[i] = t
        if largest <= 1e-12 * scale:
            break
    value = 0.5 * yy + l0 * n
    for i in range(n):
        p = members[i]
        value += columns.l1[p] * abs(x[i]) + (columns.l2[p] - 0.5 * columns.diag[p]) * x[i] * x[i]
        v = 2.0 * columns.corr[p]
        for j in range(n):
            v -= gram.rows[gram.slot[p], members[j]] * x[j]
        value -= 0.5 * x[i] * v
    return value


@inner
def suggest(state, local, m, places, limited, trial, members):
    """Support that a relaxed point suggests: the in units, with z > 1/2 or with the largest |b|; returns its size."""
    n = 0
    for i in range(state.size):
        if state[i] == IN:
            members[n] = i
            n += 1
    base = n
    for a in range(m):
        x = abs(local.b[a])
        if local.held[a] or x == 0.0:
            continue
        end = local.lines[1, a] if local.b[a] > 0.0 else local.lines[3, a]
        if not limited and x <= 0.5 * end:
            continue
        q = n
        if limited and n - base == places:
            if places == 0 or abs(local.b[a]) <= trial[n - 1]:
                continue
            q = n - 1
        else:
            n += 1
        while q > base and trial[q - 1] < x:
            members[q], trial[q] = members[q - 1], trial[q - 1]
            q -= 1
        members[q], trial[q] = local.place[a], x
    return n


@inner
def obey(state, members, n, most, rules, work):
    """Rework a suggested support until the rules hold; returns its size, -1 where that failed.

    Units enter one by one, the largest first; one that contradicts those before it stays out.
    """
    copy(state, work)
    saved = np.empty(work.size, np.int8)
    for q in range(n):
        i = members[q]
        if work[i] == FREE:
            copy(work, saved)
            work[i] = IN
            if not propagate(work, rules) or numbers(work)[0] > most:
                copy(saved, work)
                work[i] = OUT
                if not propagate(work, rules):
                    return -1
    for i in range(work.size):
        if work[i] == FREE:
            work[i] = OUT
    if not propagate(work, rules):
        return -1
    n = 0
    for i in range(work.size):
        if work[i] == IN:
            members[n] = i
            n += 1
    return n if n <= most else -1


@inner
def fingerprint(members, n):
    """Hash of a set of columns, whatever their order."""
    total = np.uint64(n)
    for q in range(n):
        t = np.uint64(members[q] + 1) * np.uint64(0x9E3779B97F4A7C15)
        t ^= t >> np.uint64(29)
        total += t * np.uint64(0xBF58476D1CE4E5B9)
    return total


@njit(cache=True, nogil=True)
def take(nodes):
    """A free slot."""
    nodes.size[SLOTS] -= 1
    return nodes.free[nodes.size[SLOTS]]


@inner
def release(nodes, slot):
    """Give a slot back."""
    nodes.free[nodes.size[SLOTS]] = slot
    nodes.size[SLOTS] += 1


@njit(cache=True, nogil=True)
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
def offer(target, value, members, n, terms, ids):
    """Note a support that beats the best; the cut follows."""
    if not value < target.value[0] - 1e-12 * target.value[0]:
        return False
    target.value[0], target.n_members[0] = value, n
    for q in range(n):
        target.members[q] = ids[members[q]]
    if not terms.collects:
        target.cut[0] = min(target.cut[0], value - 0.99 * terms.gap * max(value, terms.floor))
    return True


@inner
def numbers(state):
    """How many units are in, and how many free."""
    n_in = n_free = 0
    for i in range(state.size):
        n_in += state[i] == IN
        n_free += state[i] == FREE
    return n_in, n_free


@inner
def close(target, bound):
    """Note a bound with which part of a node is given up."""
    target.lower[0] = min(target.lower[0], bound)


@inner
def round_point(gram, columns, rules, target, state, local, m, places, limited, terms, count, scratch, ids):
    """Fit the support that the point suggests, unless it was fitted before."""
    members = scratch.members
    n = suggest(state, local, m, places, limited, scratch.trial, members)
    if rules.child.size + rules.quota.size > 0:
        n = obey(state, members, n, terms.size, rules, scratch.trial_state)
    if not 0 <= n <= scratch.fitted.size:
        return
    for q in range(n):
        if gram.slot[members[q]] < 0:
            return
    key = fingerprint(members, n)
    where = np.int64(key >> np.uint64(54))
    if scratch.seen[where] != key:
        scratch.seen[where] = key
        value = fit(gram, columns, terms.l0, terms.yy, members, n, scratch.factor, scratch.fitted)
        if offer(target, value, members, n, terms, ids):
            count[FOUND] += 1


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
def visit(gram, columns, rules, target, log, local, count, terms, scratch, record, bound, price, ids):
    """Bound a node, fix what that allows, and repeat while a nonzero is fixed.

    Returns (still open, last record, local columns, bound, price); the node's state is in `scratch`.
    """
    state, m = scratch.state, 0
    value, last_in, first_out = bound, 0.0, 0.0
    consistent = propagate(state, rules)  # what the last branching implies must not be fixed once more
    n_in, n_free = numbers(state)
    if not consistent or n_in > terms.size:
        return False, record, m, bound, price
    if n_in == terms.size and n_free > 0:  # every place is taken
        if log.point_size[record] >= 0:  # a node that waited: what its record has fixed stays there
            log.branch[record], log.child[record] = GOES_ON, count[RECORDS]
            record = new_record(log, count)
        put_out_free(state, log, count, record, ids)
        n_free = 0
        if not propagate(state, rules):
            if log.point_size[record] < 0:  # fixes need a point; that of the empty model will do
                log.point_at[record], log.point_size[record] = count[VALUES], 0
            return end_empty(log, count, record), record, m, bound, price
    for again in range(REPEATS + 1):
        m = gather(gram, columns, state, scratch.b, local, count)
        places = terms.size - n_in
        limited = places < n_free
        if count[WANTED] == 0:
            m, price, value, last_in, first_out = relax(
                gram, columns, state, local, m, places, limited, price, target.cut[0], terms, count, scratch.is_local
            )
        for a in range(m):
            scratch.b[local.place[a]] = local.b[a]
        if count[WANTED] > 0:
            break
        if log.point_size[record] >= 0:
            log.branch[record], log.child[record] = GOES_ON, count[RECORDS]
            record = new_record(log, count)
        write_point(log, count, record, local, m, ids)
        bound = max(bound, value)
        if bound < target.cut[0]:
            round_point(gram, columns, rules, target, state, local, m, places, limited, terms, count, scratch, ids)
        if bound >= target.cut[0]:
            close(target, bound)
            return False, record, m, bound, price
        judge(state, local.score, terms.l0, value, last_in, first_out, target.cut[0], scratch.verdict)
        if apply_fixes(state, scratch.verdict, log, count, record, ids) > 0:
            close(target, target.cut[0])
        if not propagate(state, rules):
            return end_empty(log, count, record), record, m, bound, price
        n_in, n_free = numbers(state)
        if n_in > terms.size:
            return end_empty(log, count, record), record, m, bound, price
        moved = False
        for a in range(m):
            i = local.place[a]
            moved |= (state[i] == OUT and local.b[a] != 0.0) or (state[i] == IN and not local.held[a])
        if not moved or (again == REPEATS - 1 and n_free > 0):
            break
    return True, record, m, bound, price


@inner
def branching_unit(state, local, m):
    """Free unit with the largest coefficient, else the largest score; -1 where none is free."""
    unit, largest = -1, 0.0
    for a in range(m):
        i = local.place[a]
        if state[i] == FREE and abs(local.b[a]) > largest:
            largest, unit = abs(local.b[a]), i
    if unit >= 0:
        return unit
    largest = -1.0
    for i in range(state.size):
        if state[i] == FREE and local.score[i] > largest:
            largest, unit = local.score[i], i
    return unit


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


@inner
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


@inner
def live_columns(state):
    """Places that are not out."""
    live, q = np.empty(state.size, np.int64), 0
    for i in range(state.size):
        if state[i] != OUT:
            live[q] = i
            q += 1
    return live[:q]


@inner
def enter(nodes, inner, compact, live, q):
    """Make a spun node the root of the small subtree."""
    slot = nodes.spun[0]
    for s in range(INNER):
        inner.free[s] = INNER - 1 - s
    inner.size[OPEN], inner.size[SLOTS], inner.size[SPUN] = 0, INNER, 0
    root = take(compact)
    move(nodes, slot, compact, root, live, q, True)
    push(compact, root)
    release(nodes, slot)
    nodes.size[SPUN] = 0


@inner
def leave(nodes, compact, live, q, count):
    """Hand the open nodes of a small subtree back as one group of spun nodes."""
    while compact.size[OPEN] > 0:
        rest, place = pop(compact), take(nodes)
        move(compact, rest, nodes, place, live, q, False)
        nodes.spun[nodes.size[SPUN]], nodes.group[place] = place, count[GROUPS]
        nodes.size[SPUN] += 1
    count[GROUPS] += 1


@njit(cache=True, nogil=True)
def search(gram, columns, rules, target, nodes, log, local, count, terms, spin, inner, budget, signal):
    """Work on open nodes until none is left, the budget is spent, a store is full, or `signal[0]` is raised.

    A node with at most `spin` live columns is finished on compact data at once; where rules couple the columns, or the
    small subtree proves stubborn, nodes are left in `nodes.spun`.
    """
    p, cap = columns.corr.size, local.place.size
    scratch = Scratch(
        np.empty(p, np.int8), np.empty(p, np.int8), np.zeros(p), np.empty(p, np.int8), np.zeros(p, np.bool_),
        np.empty(p + 1, np.int64), np.empty(p + 1), np.empty((cap, cap)), np.empty(cap), np.zeros(1024, np.uint64),
    )  # fmt: skip
    small = max(spin, 1) if inner else 1
    nz = min(small, nodes.place.shape[1])
    store, rows = np.empty(small * small), np.empty((7, small))
    within = Nodes(
        np.empty(INNER * small, np.int8), np.empty((INNER, nz), np.int32), np.empty((INNER, nz)), np.empty(INNER),
        np.empty(INNER), np.empty(INNER, np.int32), np.empty(INNER, np.int64), np.empty(INNER, np.int64),
        np.empty(INNER, np.int64), np.empty(INNER, np.int64), np.zeros(3, np.int64),
    )  # fmt: skip
    all_ids, end, everything = np.arange(p), count[WORK] + budget, 1 << 40
    live, is_small = all_ids, False
    now_gram, now_columns, now_nodes, now_local, now_scratch, ids = gram, columns, nodes, local, scratch, all_ids
    while count[WORK] < end and signal[0] == 0:
        enough = nodes.size[SLOTS] >= INNER + 2 and has_room(target, nodes, log, local, count, terms, p)
        if not enough or nodes.size[OPEN] == 0:
            break
        most = everything
        while True:
            explore(now_gram, now_columns, rules, target, now_nodes, log, now_local, count, terms, now_scratch, ids,
                    -1 if is_small else spin, most, end, signal)  # fmt: skip
            if is_small or nodes.size[SPUN] == 0 or not inner:
                break
            live = live_columns(nodes.state[nodes.spun[0]])
            q = live.size
            now_gram, now_columns = shrunk(gram, columns, live, q, store, rows)
            now_nodes = Nodes(
                within.state[: INNER * q].reshape((INNER, q)), within.place, within.value, within.bound, within.price,
                within.record, within.heap, within.free, within.spun, within.group, within.size,
            )  # fmt: skip
            now_local = Local(
                local.place, local.held, local.b, local.g, local.Q, local.penalty, local.lines, local.gradient[:q],
                local.score[:q], local.top,
            )  # fmt: skip
            now_scratch = Scratch(
                scratch.state[:q], scratch.trial_state[:q], scratch.b[:q], scratch.verdict[:q], scratch.is_local[:q],
                scratch.members, scratch.trial, scratch.factor, scratch.fitted, scratch.seen,
            )  # fmt: skip
            for i in range(scratch.seen.size):
                scratch.seen[i] = 0
            enter(nodes, within, now_nodes, live, q)
            ids, is_small, most = live, True, STUBBORN
        if is_small:
            leave(nodes, now_nodes, live, live.size, count)
            now_gram, now_columns, now_nodes, now_local = gram, columns, nodes, local
            now_scratch, ids, is_small = scratch, all_ids, False
        elif nodes.size[SPUN] > 0:
            nodes.group[nodes.spun[0]] = count[GROUPS]
            count[GROUPS] += 1
        if nodes.size[SPUN] > 0 or count[WANTED] > 0:
            break
