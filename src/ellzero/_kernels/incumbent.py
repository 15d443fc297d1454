"""Supports that a relaxed point suggests: rounded, made to obey the rules, fitted, and kept if they are the best."""

import numpy as np

from .compiled import inner
from .coordinate import shrink
from .relax import FREE, IN, OUT
from .rules import propagate
from .store import FOUND, copy, numbers


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
def round_point(gram, columns, rules, target, state, local, m, places, limited, terms, count, scratch, ids):
    """Fit the support that the point suggests, unless it was fitted before."""
    members = scratch.members
    n = suggest(state, local, m, places, limited, scratch.trial, members)
    if rules is not None:
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
