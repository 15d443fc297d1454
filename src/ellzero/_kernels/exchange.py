"""Moves at a support, on Gram rows: a unit more, a unit less, one for another, and the best exchange of all."""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from .compiled import ALONE, inlined, inner, kernel

BLOCK = 1024  # columns handled together: the accumulators stay in the first cache
SHORTLIST = 128  # so many columns are all looked at; of more, those whose own gain is near the best come first
NEAR = 0.4
SOME = 512  # columns whose exchanges are scored together


class Fitted(NamedTuple):
    """A support of k columns S with A = (G_SS + R)^-1 and b = A c_S; room for more than k."""

    members: np.ndarray  # (cap,)
    A: np.ndarray  # (cap, cap)
    b: np.ndarray  # (cap,)
    c: np.ndarray  # (p,) correlations of the residual, 0 for members
    d: np.ndarray  # (p,) what each column adds to the span, ridge included; 0 for members
    value: np.ndarray  # (1,) half the residual sum of squares, ridge included


class Rows(NamedTuple):
    """Gram rows that have been computed, and what is known of every column."""

    store: np.ndarray  # (cap, p) in double or single precision
    slot: np.ndarray  # (p,) place of a row in the store, or -1
    columns: np.ndarray  # (cap, n) the columns themselves where the store is in single precision, else (0, 0)
    corr: np.ndarray  # (p,)
    norm: np.ndarray  # (p,) with the ridge; ``inf`` for columns that may not enter
    stays: np.ndarray  # (p,) bool: may not leave
    tiny: float  # a column that adds less than this share of its norm is dependent


@njit(**ALONE, fastmath={"reassoc", "contract"})  # a sum in any order, for several terms at once
def dot(a, b):
    """Product of two vectors."""
    total = 0.0
    for i in range(a.size):
        total += a[i] * b[i]
    return total


@inner
def product(rows, i, j):
    """Entry of the Gram matrix in double precision; both rows are there."""
    if rows.columns.size == 0:
        return np.float64(rows.store[rows.slot[j], i])
    return dot(rows.columns[rows.slot[i]], rows.columns[rows.slot[j]])


@inner
def add_block(store, places, weights, low, out):
    """Add the sum over t of weights[t] * store[places[t], low : low + out.size] to `out`, four rows at a time."""
    k, high = places.size, low + out.size
    for t in range(0, k - 3, 4):
        a, b = store[places[t], low:high], store[places[t + 1], low:high]
        c, d = store[places[t + 2], low:high], store[places[t + 3], low:high]
        e, f, g, h = weights[t], weights[t + 1], weights[t + 2], weights[t + 3]
        for j in range(out.size):
            out[j] += e * a[j] + f * b[j] + g * c[j] + h * d[j]
    for t in range(k - k % 4, k):
        a, e = store[places[t], low:high], weights[t]
        for j in range(out.size):
            out[j] += e * a[j]


@inner
def combine(store, places, weights, out):
    """Add the sum over t of weights[t] * store[places[t]] to `out`."""
    for low in range(0, out.size, BLOCK):
        add_block(store, places, weights, low, out[low : low + BLOCK])


@inlined
def shift(rows, fit, places, weights, steps, shares):
    """For each row of weights, with h the sum of rows so weighted: c += step h and d += share h^2.

    Block by block: of two sums the second finds the rows in the cache.
    """
    store, c, d = rows.store, fit.c, fit.d
    weights = weights.astype(store.dtype)
    h = np.empty(BLOCK, store.dtype)
    for low in range(0, c.size, BLOCK):
        part = h[: min(BLOCK, c.size - low)]
        for w in range(steps.size):
            part[:] = 0.0
            add_block(store, places, weights[w], low, part)
            for j in range(part.size):
                c[low + j] += steps[w] * part[j]
                d[low + j] += shares[w] * part[j] * part[j]


@inlined
def take_out(fit, k, s, weights):
    """Update a fit but for c and d when the member at position s leaves; the last one takes its position.

    Returns the step and the share for `shift`, with its weights, which are those of the members as they stood.
    """
    A, b, members = fit.A, fit.b, fit.members
    pivot = A[s, s]
    for t in range(k):
        weights[t] = A[s, t]
    step = b[s] / pivot
    fit.value[0] += 0.5 * step * b[s]
    for t in range(k):
        b[t] -= step * weights[t]
        for e in range(k):
            A[t, e] -= weights[t] * (weights[e] / pivot)
    members[s], b[s] = members[k - 1], b[k - 1]
    for t in range(k - 1):
        A[s, t] = A[t, s] = A[k - 1, t]
    A[s, s] = A[k - 1, k - 1]
    return step, 1.0 / pivot


@inlined
def put_in(rows, fit, k, j, weights):
    """Update a fit but for c and d when column j enters.

    Returns the step and the share for `shift`; 0 and 0, with nothing changed, where it depends on the members.
    """
    A, b, members = fit.A, fit.b, fit.members
    g, rest, fresh = np.empty(k), rows.norm[j], rows.corr[j]
    for t in range(k):
        g[t] = product(rows, members[t], j)
    for t in range(k):
        z = 0.0
        for e in range(k):
            z -= A[t, e] * g[e]
        weights[t] = z
        rest += z * g[t]
        fresh -= g[t] * b[t]
    if rest < rows.tiny * rows.norm[j]:
        return 0.0, 0.0
    weights[k] = 1.0
    step = fresh / rest
    fit.value[0] -= 0.5 * fresh * step
    for t in range(k):
        b[t] += step * weights[t]
        for e in range(k):
            A[t, e] += weights[t] * (weights[e] / rest)
        A[t, k] = A[k, t] = weights[t] / rest
    members[k], b[k], A[k, k] = j, step, 1.0 / rest
    return -step, -1.0 / rest


@kernel
def exchange(rows, fit, k, s, j):
    """Take the member at position s out and put column j in, either of them where it is not -1; returns the new size.

    A column that depends on the members does not enter.
    """
    places, weights = np.empty(k + 1, np.int64), np.zeros((2, k + 1))
    steps, shares, before = np.zeros(2), np.zeros(2), k
    for t in range(k):
        places[t] = rows.slot[fit.members[t]]
    left = fit.members[s] if s >= 0 else -1
    if s >= 0:
        steps[0], shares[0] = take_out(fit, k, s, weights[0])
        k -= 1
    if j >= 0:
        steps[1], shares[1] = put_in(rows, fit, k, j, weights[1])
        if s >= 0:  # the last member stands at s now, but its row where it stood
            weights[1, before], weights[1, k], weights[1, s] = weights[1, k], weights[1, s], 0.0
        places[before] = rows.slot[j]
        k += shares[1] != 0.0
    first, last = 0 if s >= 0 else 1, 2 if shares[1] != 0.0 else 1
    places = places[: before + 1] if last == 2 else places[:before]
    if s >= 0:  # what the sum of its own rows, 1 less its ridge's part, leaves to be added
        h = 1.0 - (rows.norm[left] - 1.0) / shares[0]
        fit.c[left], fit.d[left] = steps[0] * (1.0 - h), shares[0] * (1.0 - h * h)
    shift(rows, fit, places, weights[first:last], steps[first:last], shares[first:last])
    for t in range(k):
        fit.c[fit.members[t]] = fit.d[fit.members[t]] = 0.0
    return k


@inner
def reach(c, d, norm):
    """B^2: only members whose loss is below it can yield to the column (see `GramMoves`)."""
    root = abs(c) * (math.sqrt(norm) + math.sqrt(max(norm - d, 0.0))) / d
    return root * root


@inner
def farthest(rows, fit):
    """Largest reach of a column."""
    top = 0.0
    for j in range(fit.d.size):
        if fit.d[j] > rows.tiny * rows.norm[j]:
            top = max(top, reach(fit.c[j], fit.d[j], rows.norm[j]))
    return top


@inner
def losses(rows, fit, k, out):
    """Increase of the residual sum of squares when each member leaves (``inf`` for those that stay)."""
    least = np.inf
    for s in range(k):
        out[s] = np.inf if rows.stays[fit.members[s]] else fit.b[s] * fit.b[s] / fit.A[s, s]
        least = min(least, out[s])
    return least


@inlined
def best_exchange(rows, fit, k, columns, bound, lost, floor):
    """Best exchange of a member for one of some columns, scored exactly; its position and column.

    Dropping s changes c to ``c + b[s] / A[s, s] * U[s]`` and d to ``d + U[s]^2 / A[s, s]``, with ``U = A G_S``; both
    are read off without a solve. Members whose loss is above all bounds of a block of columns are passed over.
    """
    kind, width, order = rows.store.dtype, min(columns.size, SOME), np.arange(k)
    A, H, u = fit.A[:k, :k].astype(kind), np.empty((k, width), kind), np.empty(width, kind)
    c, d, least = np.empty(width, kind), np.empty(width, kind), np.empty(width, kind)
    gain, best_s, best_j = floor, -1, -1
    for low in range(0, columns.size, SOME):
        some = columns[low : low + SOME]
        m, top = some.size, 0.0
        for i in range(m):
            j = some[i]
            c[i], d[i], least[i], top = fit.c[j], fit.d[j], rows.tiny * rows.norm[j], max(top, bound[j])
        for t in range(k):
            row = rows.store[rows.slot[fit.members[t]]]
            for i in range(m):
                H[t, i] = row[some[i]]
        for s in range(k):
            if lost[s] >= top:
                continue
            u[:m] = 0.0
            add_block(H, order, A[s], order[0], u[:m])  # a constant 0 would be compiled apart
            q, f = kind.type(1.0 / fit.A[s, s]), kind.type(fit.b[s] / fit.A[s, s])
            loss, better = fit.b[s] * fit.b[s] / fit.A[s, s], 0
            lowest = kind.type(gain + loss)
            for i in range(m):  # without branches, for several columns at once
                e, g = d[i] + q * u[i] * u[i], c[i] + f * u[i]
                better += (e > least[i]) & (g * g > lowest * e)
            for i in range(m if better > 0 else 0):
                e, g = d[i] + q * u[i] * u[i], c[i] + f * u[i]
                if e > least[i] and g * g > (gain + loss) * e:
                    gain, best_s, best_j = g * g / e - loss, s, some[i]
    return best_s, best_j


@kernel
def best_swap(rows, fit, k, floor, bound, lost):
    """Position and column of the best exchange that gains more than `floor`; position -1 where there is none.

    Only columns that some member might yield to are looked at; where they are many, those first whose own gain, a bound
    of the exchange's, is near the best. `bound` (p,) and `lost` (cap,) are work space.
    """
    least, n, largest = losses(rows, fit, k, lost), 0, 0.0
    candidates = np.empty(bound.size, np.int64)
    for j in range(bound.size):
        c, d, norm = fit.c[j], fit.d[j], rows.norm[j]
        if 4.0 * c * c * norm > least * d * d and d > rows.tiny * norm:  # a bound of the reach without roots
            bound[j] = reach(c, d, norm)
            if bound[j] > least:
                candidates[n] = j
                n += 1
                largest = max(largest, c * c / d)
    near, m = candidates[:n].copy(), 0
    for j in near:
        if fit.c[j] * fit.c[j] > NEAR * largest * fit.d[j]:
            near[m] = j
            m += 1
    place, column = -1, -1
    for again in range(0 if n > SHORTLIST else 1, 2):
        columns = near[:m] if again == 0 else candidates[:n]
        place, column = best_exchange(rows, fit, k, columns, bound, lost, floor)
        if place >= 0:
            break
    return place, column
