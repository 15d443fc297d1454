"""Sweeps over the sizes of a path: from the best support of each size, a move and swaps until none improves."""

from typing import NamedTuple

import numpy as np

from .compiled import inlined, inner, kernel
from .exchange import best_swap, exchange, farthest, losses, product

GROW, SHRINK, KICK, PURSUE, SETTLE = range(5)  # kinds of sweeps
# places of the numbers of a plan
POSITION, ACTIVE, SIZE, DROPS, ADDS, BANNED, LEAVES, JOINS, WANTED, WORK, DOUBTED = range(11)
KICKED = 7  # most members that a kick replaces
DOUBTS = 8  # exchanges in a row that may prove to be rounding before a support counts as settled


class Sizes(NamedTuple):
    """The best support known of every size; what belongs to size k begins at start[k] in A, in row k elsewhere."""

    members: np.ndarray  # (K + 1, K + 1)
    A: np.ndarray  # (sum of k^2,)
    start: np.ndarray  # (K + 2,)
    b: np.ndarray  # (K + 1, K + 1)
    c: np.ndarray  # (K + 1, p)
    d: np.ndarray  # (K + 1, p)
    value: np.ndarray  # (K + 1,) ``inf`` where none is known
    changes: np.ndarray  # (K + 1,) how often it was improved
    used: np.ndarray  # (2, K + 1) its changes when a neighbour was last made from it


class Plan(NamedTuple):
    """How far a sweep has come, and its work space."""

    at: np.ndarray  # (11,) see the places above
    seed: np.ndarray  # (1,) uint64
    banned: np.ndarray  # (K + 1,) members that a kick has taken out
    wanted: np.ndarray  # (cap,) columns whose Gram rows are missing
    seen: np.ndarray  # (2^n + 1,) uint64: supports that were met; the last entry counts them
    bound: np.ndarray  # (p,)
    lost: np.ndarray  # (K + 1,)
    doubted: np.ndarray  # (DOUBTS,) columns whose exchange was rounding
    hidden: np.ndarray  # (DOUBTS,) their d, which is 0 meanwhile
    reach: np.ndarray  # (1,) members that lose less than this may leave in a kick


@inner
def mixed(x):
    """Bits of a number, well mixed (the finaliser of splitmix64)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@inner
def random_below(seed, n):
    """A random integer from 0 to n - 1."""
    seed[0] += np.uint64(0x9E3779B97F4A7C15)
    return np.int64(mixed(seed[0]) % np.uint64(n))


@inlined
def met(seen, members, k):
    """Whether a support was met before; it is noted."""
    h = np.uint64(k + 1)
    for t in range(k):
        h += mixed(np.uint64(members[t] + 1) * np.uint64(0x9E3779B97F4A7C15))
    room = np.uint64(seen.size - 1)
    if seen[-1] > room // np.uint64(2):
        seen[:] = np.uint64(0)
    i = h % room
    while seen[i] != np.uint64(0):
        if seen[i] == h:
            return True
        i = (i + np.uint64(1)) % room
    seen[i] = h
    seen[-1] += np.uint64(1)
    return False


@inlined
def begin(rows, fit, sizes, plan, k, kind, n_stay):
    """Load the support of size k and say what is to be done with it; False where nothing is."""
    at = plan.at
    if sizes.changes[k] == 0:
        return False
    if kind == KICK:
        free = k - n_stay
        if free < 2:
            return False
        at[DROPS] = min(free - 1, 2 + random_below(plan.seed, max(1, min(free // 3, KICKED - 1))))
        at[ADDS] = at[DROPS]
    elif kind == PURSUE:
        at[DROPS], at[ADDS] = 0, sizes.value.size - 1 - k
    elif kind == SETTLE:
        at[DROPS], at[ADDS] = 0, 0
    else:
        if sizes.used[kind, k] == sizes.changes[k]:
            return False
        sizes.used[kind, k] = sizes.changes[k]
        at[DROPS], at[ADDS] = kind, 1 - kind
    at[ACTIVE], at[SIZE], at[BANNED], at[LEAVES], at[JOINS], at[DOUBTED] = 1, k, 0, -1, -1, 0
    for t in range(k):
        fit.members[t], fit.b[t] = sizes.members[k, t], sizes.b[k, t]
        if rows.slot[fit.members[t]] < 0:
            plan.wanted[at[WANTED]] = fit.members[t]
            at[WANTED] += 1
        low = sizes.start[k] + t * k
        for e in range(k):
            fit.A[t, e] = sizes.A[low + e]
    for j in range(fit.c.size):
        fit.c[j], fit.d[j] = sizes.c[k, j], sizes.d[k, j]
    fit.value[0] = sizes.value[k]
    if kind == KICK:
        plan.reach[0] = farthest(rows, fit)
    return True


@inlined
def keep(fit, sizes, k):
    """Make this support the best of its size."""
    for t in range(k):
        sizes.members[k, t], sizes.b[k, t] = fit.members[t], fit.b[t]
        low = sizes.start[k] + t * k
        for e in range(k):
            sizes.A[low + e] = fit.A[t, e]
    for j in range(fit.c.size):
        sizes.c[k, j], sizes.d[k, j] = fit.c[j], fit.d[j]
    sizes.value[k] = fit.value[0]
    sizes.changes[k] += 1


@inlined
def leaver(rows, fit, plan, k, kind):
    """Position of the weakest member; in a kick, the weaker of two that may leave. -1: none."""
    least, n, found = losses(rows, fit, k, plan.lost), 0, -1
    if kind != KICK:
        for s in range(k if least < np.inf else 0):
            if plan.lost[s] == least:
                found = s
        return found
    top = plan.reach[0]
    for s in range(k):
        n += plan.lost[s] < top
    if n == 0:
        return -1
    one, other = random_below(plan.seed, n), random_below(plan.seed, n)
    q = 0
    for s in range(k):
        if plan.lost[s] < top:
            if q in (one, other) and (found < 0 or plan.lost[s] < plan.lost[found]):
                found = s
            q += 1
    return found


@inlined
def entrant(rows, fit, plan, kind):
    """The column that lowers the value most; where none does, a sweep still takes the first that is independent.

    A pursuit takes the column that would lower it most if all others kept their coefficients.
    """
    top, found, first = 0.0, -1, -1
    for j in range(fit.d.size):
        c, d = fit.c[j], fit.d[j]
        if d > rows.tiny * rows.norm[j]:
            first = j if first < 0 else first
            d = rows.norm[j] if kind == PURSUE else d
            if c * c > top * d:
                allowed = True
                for q in range(plan.at[BANNED]):
                    allowed &= plan.banned[q] != j
                if allowed:
                    top, found = c * c / d, j
    return first if found < 0 and kind == GROW else found


@inlined
def value_after(rows, fit, k, s, j):
    """Value after member s is exchanged for column j; ``inf`` where j depends on the others."""
    A, b, g = fit.A, fit.b, np.empty(k)
    inside, lost, rest, fresh = 0.0, b[s] / A[s, s], rows.norm[j], rows.corr[j]
    for t in range(k):
        g[t] = product(rows, fit.members[t], j) if t != s else 0.0
        inside += A[s, t] * g[t]
    for t in range(k):
        if t != s:
            z = -A[s, t] / A[s, s] * inside
            for e in range(k):
                z += A[t, e] * g[e]
            rest -= g[t] * z
            fresh -= g[t] * (b[t] - A[s, t] * lost)
    if rest < rows.tiny * rows.norm[j]:
        return np.inf
    return fit.value[0] + 0.5 * lost * b[s] - 0.5 * fresh * fresh / rest


@inlined
def descend(rows, fit, sizes, plan, kind, tolerance, end):
    """Go on with the support at work; False where rows are wanted, or time is up."""
    at = plan.at
    while at[WANTED] == 0 and at[WORK] < end:
        k, settled = at[SIZE], False
        at[WORK] += (k + 8) * fit.c.size
        if at[LEAVES] < 0 and at[JOINS] < 0:  # decide what to do
            if at[DROPS] > 0:
                at[LEAVES] = leaver(rows, fit, plan, k, kind)
                if at[LEAVES] < 0:
                    return True
                at[DROPS] -= 1
                if kind == KICK:  # what was taken out does not come straight back
                    plan.banned[at[BANNED]] = fit.members[at[LEAVES]]
                    at[BANNED] += 1
            elif at[ADDS] > 0:
                at[JOINS] = entrant(rows, fit, plan, kind)
                if at[JOINS] < 0:
                    return True
            elif kind == PURSUE:
                return True
            else:
                if at[DOUBTED] == 0 and met(plan.seen, fit.members, k):
                    return True
                at[LEAVES], at[JOINS] = best_swap(rows, fit, k, 2.0 * tolerance, plan.bound, plan.lost)
                if at[LEAVES] < 0:
                    settled = True
        s, j = at[LEAVES], at[JOINS]
        if j >= 0 and rows.slot[j] < 0:
            plan.wanted[0], at[WANTED] = j, 1
            break
        if s >= 0 and j >= 0 and value_after(rows, fit, k, s, j) > fit.value[0] - 0.5 * tolerance:
            # the exchange was rounding: the column is looked over until another proves better
            if at[DOUBTED] < DOUBTS:
                plan.doubted[at[DOUBTED]], plan.hidden[at[DOUBTED]], fit.d[j] = j, fit.d[j], 0.0
                at[DOUBTED] += 1
                at[LEAVES], at[JOINS] = -1, -1
                continue
            settled = True
        for q in range(at[DOUBTED]):
            fit.d[plan.doubted[q]] = plan.hidden[q]
        at[DOUBTED] = 0
        if settled:
            if fit.value[0] < sizes.value[k] - 0.5 * tolerance:
                keep(fit, sizes, k)
            return True
        at[SIZE] = exchange(rows, fit, k, s, j)
        if j >= 0 and at[SIZE] == k - (s >= 0):  # dependent after all
            fit.d[j] = 0.0
        elif j >= 0 and s < 0:
            at[ADDS] -= 1
            if kind == PURSUE and sizes.changes[at[SIZE]] == 0:  # beyond the sizes that are searched
                at[ADDS] = 0
            elif kind == PURSUE and fit.value[0] < sizes.value[at[SIZE]] - 0.5 * tolerance:
                keep(fit, sizes, at[SIZE])
        at[LEAVES], at[JOINS] = -1, -1
    return False


@kernel
def sweep(rows, fit, sizes, plan, order, kind, n_stay, tolerance, budget):
    """Visit the sizes of `order`, as far as the budget and the Gram rows reach; returns whether all were visited."""
    at = plan.at
    end = at[WORK] + budget
    while at[POSITION] < order.size and at[WORK] < end:
        if at[ACTIVE] == 0 and not begin(rows, fit, sizes, plan, order[at[POSITION]], kind, n_stay):
            at[POSITION] += 1
            continue
        if not descend(rows, fit, sizes, plan, kind, tolerance, end):
            return False
        at[ACTIVE] = 0
        at[POSITION] += 1
    return at[POSITION] >= order.size
