"""Moves at a support, on Gram rows: a unit more, a unit less, one for another, and the best exchange of all."""

import math
from typing import NamedTuple

import numpy as np

from .compiled import inner, kernel

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
    d: np.ndarray  # (p,) what each column adds to the span, ridge included; 0 for members and for what may not enter
    value: np.ndarray  # (1,) half the residual sum of squares, ridge included


class Rows(NamedTuple):
    """Gram rows that have been computed, and what is known of every column."""

    store: np.ndarray  # (cap, p)
    slot: np.ndarray  # (p,) place of a row in the store, or -1
    corr: np.ndarray  # (p,)
    norm: np.ndarray  # (p,) with the ridge
    stays: np.ndarray  # (p,) bool: may not leave
    tiny: float  # a column that adds less than this share of its norm is dependent


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


@inner
def shift(store, places, weights, step, share, c, d):
    """With h the sum of weighted rows: c += step h and d += share h^2, block by block."""
    h = np.empty(BLOCK)
    for low in range(0, c.size, BLOCK):
        part = h[: min(BLOCK, c.size - low)]
        part[:] = 0.0
        add_block(store, places, weights, low, part)
        for j in range(part.size):
            c[low + j] += step * part[j]
            d[low + j] += share * part[j] * part[j]


@kernel
def drop(rows, fit, k, s):
    """Take the member at position s out; returns k - 1. The last one takes its position."""
    A, b, members = fit.A, fit.b, fit.members
    places, a, pivot, left = np.empty(k, np.int64), A[s, :k].copy(), A[s, s], members[s]
    for t in range(k):
        places[t] = rows.slot[members[t]]
    step = b[s] / pivot
    shift(rows.store, places, a, step, 1.0 / pivot, fit.c, fit.d)
    fit.value[0] += 0.5 * step * b[s]
    for t in range(k):
        b[t] -= step * a[t]
        for e in range(k):
            A[t, e] -= a[t] * (a[e] / pivot)
    k -= 1
    members[s], b[s] = members[k], b[k]
    for t in range(k):
        A[s, t] = A[t, s] = A[k, t]
    A[s, s] = A[k, k]
    fit.c[left], fit.d[left] = step, 1.0 / pivot
    for t in range(k):
        fit.c[members[t]] = fit.d[members[t]] = 0.0
    return k


@kernel
def enter(rows, fit, k, j):
    """Add column j; returns k + 1, or k with nothing changed where it depends on the members."""
    A, b, members = fit.A, fit.b, fit.members
    places, z, g = np.empty(k + 1, np.int64), np.zeros(k + 1), np.empty(k)
    row, rest, fresh = rows.store[rows.slot[j]], rows.norm[j], rows.corr[j]
    for t in range(k):
        places[t], g[t] = rows.slot[members[t]], row[members[t]]
    for t in range(k):
        for e in range(k):
            z[t] -= A[t, e] * g[e]
        rest += z[t] * g[t]
        fresh -= g[t] * b[t]
    if rest < rows.tiny * rows.norm[j]:
        return k
    places[k], z[k] = rows.slot[j], 1.0
    step = fresh / rest
    shift(rows.store, places, z, -step, -1.0 / rest, fit.c, fit.d)
    fit.value[0] -= 0.5 * fresh * step
    for t in range(k):
        b[t] += step * z[t]
        for e in range(k):
            A[t, e] += z[t] * (z[e] / rest)
        A[t, k] = A[k, t] = z[t] / rest
    members[k], b[k], A[k, k] = j, step, 1.0 / rest
    for t in range(k + 1):
        fit.c[members[t]] = fit.d[members[t]] = 0.0
    return k + 1


@kernel
def gains(rows, fit, out):
    """Decrease of the residual sum of squares by each column, 0 where it cannot enter; returns the largest."""
    top = 0.0
    for j in range(out.size):
        c, d = fit.c[j], fit.d[j]
        out[j] = c * c / d if d > rows.tiny * rows.norm[j] else 0.0
        top = max(top, out[j])
    return top


@kernel
def reaches(rows, fit, out):
    """B_j^2: only members whose loss is below it can yield to j (see `GramMoves`); returns the largest."""
    top = 0.0
    for j in range(out.size):
        c, d, norm = fit.c[j], fit.d[j], rows.norm[j]
        if d > rows.tiny * norm:
            reach = abs(c) * (math.sqrt(norm) + math.sqrt(max(norm - d, 0.0))) / d
            out[j] = reach * reach
        else:
            out[j] = 0.0
        top = max(top, out[j])
    return top


@kernel
def losses(rows, fit, k, out):
    """Increase of the residual sum of squares when each member leaves (``inf`` for those that stay)."""
    least = np.inf
    for s in range(k):
        out[s] = np.inf if rows.stays[fit.members[s]] else fit.b[s] * fit.b[s] / fit.A[s, s]
        least = min(least, out[s])
    return least


@inner
def best_exchange(rows, fit, k, columns, weak, floor):
    """Best exchange of a weak member for one of some columns, scored exactly; gain, position and column.

    Dropping s changes c to ``c + b[s] / A[s, s] * U[s]`` and d to ``d + U[s]^2 / A[s, s]``, with ``U = A G_S``; both are
    read off without a solve.
    """
    gain, best_s, best_j = floor, -1, -1
    H, u = np.empty((k, min(columns.size, SOME))), np.empty(min(columns.size, SOME))
    for low in range(0, columns.size, SOME):
        some = columns[low : low + SOME]
        m = some.size
        for t in range(k):
            row = rows.store[rows.slot[fit.members[t]]]
            for i in range(m):
                H[t, i] = row[some[i]]
        for s in weak:
            u[:m] = 0.0
            for t in range(k):
                a = fit.A[s, t]
                for i in range(m):
                    u[i] += a * H[t, i]
            q = 1.0 / fit.A[s, s]
            f = fit.b[s] * q
            loss = fit.b[s] * f
            for i in range(m):
                j = some[i]
                d = fit.d[j] + q * u[i] * u[i]
                c = fit.c[j] + f * u[i]
                if d > rows.tiny * rows.norm[j] and c * c > (gain + loss) * d:
                    gain, best_s, best_j = c * c / d - loss, s, j
    return gain, best_s, best_j


@kernel
def best_swap(rows, fit, k, floor, bound, lost):
    """Position and column of the best exchange that gains more than `floor`; position -1 where there is none.

    Only columns that some member might yield to are looked at; where they are many, those first whose own gain, a bound
    of the exchange's, is near the best. `bound` (p,) and `lost` (cap,) are work space.
    """
    least = losses(rows, fit, k, lost)
    top = reaches(rows, fit, bound)
    if top <= least:
        return -1, -1
    candidates, n, largest = np.empty(bound.size, np.int64), 0, 0.0
    for j in range(bound.size):
        if bound[j] > least:
            candidates[n] = j
            n += 1
            largest = max(largest, fit.c[j] * fit.c[j] / fit.d[j])
    candidates = candidates[:n]
    near, m, high = np.empty(n, np.int64), 0, 0.0
    if n > SHORTLIST:
        for j in candidates:
            if fit.c[j] * fit.c[j] > NEAR * largest * fit.d[j]:
                near[m], high = j, max(high, bound[j])
                m += 1
    weak, place = np.empty(k, np.int64), -1
    for again in range(2):
        columns = near[:m] if again == 0 else candidates
        high = high if again == 0 else top
        if columns.size > 0:
            w = 0
            for s in range(k):
                if lost[s] < high:
                    weak[w] = s
                    w += 1
            gain, place, column = best_exchange(rows, fit, k, columns, weak[:w], floor)
            if place >= 0:
                return place, column
    return -1, -1
