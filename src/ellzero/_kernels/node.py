"""One node of a compiled search: its relaxation, its bound, and what that decides."""

import numpy as np

from .compiled import inlined, inner
from .exchange import combine
from .incumbent import round_point
from .relax import (
    COUNT_SLACK,
    ENTRANTS,
    FREE,
    IN,
    NOWHERE,
    OUT,
    PRICE_STEPS,
    bounded,
    descend,
    judge,
)
from .rules import follow
from .store import (
    GOES_ON,
    RECORDS,
    REPEATS,
    VALUES,
    WANTED,
    WORK,
    apply_fixes,
    close,
    end_empty,
    new_record,
    numbers,
    put_out_free,
    write_point,
)

ROUNDS = 40
FINEST = 1e-11


@inner
def gradient(gram, columns, local, m):
    """Negative gradient c - (G - D) b of all live columns."""
    out, n = local.gradient, 0
    for j in range(out.size):
        out[j] = columns.corr[j]
    for a in range(m):
        if local.b[a] != 0.0:
            local.rows[n], local.g[n] = gram.slot[local.place[a]], -local.b[a]
            n += 1
    combine(gram.rows, local.rows[:n], local.g[:n], out)
    for a in range(m):
        i = local.place[a]
        out[i] += columns.diag[i] * local.b[a]


@inlined
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
def gather(state, b, local):
    """Make the nonzero and the in columns of b local; returns their number."""
    m = 0
    for i in range(state.size):
        if m < local.place.size and (state[i] == IN or (state[i] == FREE and b[i] != 0.0)):
            local.place[m], local.b[m] = i, b[i]
            m += 1
        b[i] = 0.0
    return m


@inner
def admit(state, local, m, price, is_local):
    """Add the worst violators to the local columns, zeros making room.

    Returns the new number of local columns, and how many of them stand where they stood.
    """
    worst = 0.0
    for a in range(m):
        is_local[local.place[a]] = True
    for i in range(state.size):
        if state[i] == FREE and not is_local[i]:
            worst = max(worst, local.score[i] - price)
    kept = stand = m
    if worst > 1e-12 * price:
        if m > local.place.size // 2:
            kept = stand = 0
            for a in range(m):
                i = local.place[a]
                is_local[i] = local.b[a] != 0.0 or local.held[a]
                if is_local[i]:
                    local.place[kept], local.b[kept] = i, local.b[a]
                    kept += 1
        m = kept
        for i in range(state.size):
            violates = state[i] == FREE and not is_local[i] and local.score[i] - price > ENTRANTS * worst
            if violates and m < local.place.size:
                local.place[m], local.b[m] = i, 0.0
                m += 1
    for i in range(state.size):
        is_local[i] = False
    return m, stand


@inlined
def relax(gram, columns, state, local, m, places, limited, price, cut, terms, count, is_local):
    """Solve the relaxation for one target until its bound reaches the cut or plainly cannot.

    Ends where the bound reaches the cut; where the relaxed value is below it and what is missing to that value is less
    than `lazy` times the room; or where nothing moves. Returns (local columns, price, bound, and the prices
    at the edge of the last place: smallest rise that has one, largest that has none).
    """
    yy, l0 = terms.yy, terms.l0
    scale, tolerance = np.sqrt(yy), 1e-3
    bound, stand = -NOWHERE, 0
    for again in range(ROUNDS):
        load(gram, columns, state, local, stand, m, count)
        if count[WANTED] > 0:
            break
        for a in range(m):
            local.g[a] = columns.corr[local.place[a]]
        for a in range(m):
            if local.b[a] != 0.0:
                for e in range(m):
                    local.g[e] -= local.b[a] * local.Q[a, e]
        price = descend(local, m, price, l0, yy, places, limited, tolerance * scale, COUNT_SLACK, np.int64(PRICE_STEPS))
        gradient(gram, columns, local, m)
        bound, primal, _ = bounded(columns, state, local, m, yy, l0, price, terms.rounding, places, limited)
        count[WORK] += 200 + m * m * 4 + 12 * state.size
        if bound >= cut or (primal < cut and primal - bound <= terms.lazy * (cut - primal)):
            break
        if primal - bound <= 1e-9 * abs(primal) or again == ROUNDS - 1:
            break
        before = m
        m, stand = admit(state, local, m, price, is_local)
        if m == before:
            if tolerance < FINEST:
                break
            tolerance *= 0.1
    if not limited:
        return m, price, bound, 0.0, 0.0
    return m, price, bound, NOWHERE if places == 0 else local.top[places - 1], local.top[max(places, 0)]


@inlined
def visit(gram, columns, rules, target, log, local, count, terms, scratch, record, bound, price, ids):
    """Bound a node, fix what that allows, and repeat while a nonzero is fixed.

    Returns (still open, last record, local columns, bound, price); the node's state is in `scratch`.
    """
    state, m = scratch.state, 0
    value, last_in, first_out = bound, 0.0, 0.0
    consistent = follow(state, rules)  # what the last branching implies must not be fixed once more
    n_in, n_free = numbers(state)
    if not consistent or n_in > terms.size:
        return False, record, m, bound, price
    if n_in == terms.size and n_free > 0:  # every place is taken
        if log.point_size[record] >= 0:  # a node that waited: what its record has fixed stays there
            log.branch[record], log.child[record] = GOES_ON, count[RECORDS]
            record = new_record(log, count)
        put_out_free(state, log, count, record, ids)
        n_free = 0
        if not follow(state, rules):
            if log.point_size[record] < 0:  # fixes need a point; that of the empty model will do
                log.point_at[record], log.point_size[record] = count[VALUES], 0
            return end_empty(log, count, record), record, m, bound, price
    for again in range(REPEATS + 1):
        m = gather(state, scratch.b, local)
        places = terms.size - n_in
        limited = places < n_free
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
        if not follow(state, rules):
            return end_empty(log, count, record), record, m, bound, price
        n_in, n_free = numbers(state)
        if n_in > terms.size:
            return end_empty(log, count, record), record, m, bound, price
        moved, known = False, 0
        for a in range(m):
            i = local.place[a]
            known += state[i] == IN
            moved |= (state[i] == OUT and local.b[a] != 0.0) or (state[i] == IN and not local.held[a])
        moved |= known < n_in  # the rules put columns in that are not local yet
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
