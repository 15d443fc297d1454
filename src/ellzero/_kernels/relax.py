r"""The relaxation of one node of a search tree, on a few local columns; any point of it gives a bound.

A node relaxes the price of a unit to its convex envelope. With :math:`Q = G - \mathrm{diag}(d)` positive semidefinite,
each column's ridge strengthened by d/2, and :math:`g = c - Qb`, every b gives

.. math:: \tfrac12 y'y - \tfrac12 b'Qb - \sum_{in} (h^*_i(g_i) - \lambda_0) - \sum_{free} [h^*_i(g_i) - \lambda_0]_+

as a lower bound; with at most k units the last sum runs over the k - \|in\| largest. So no descent has to be accurate.

Shapes: p live columns (`state`, `score`, `g` have p entries), of which m local ones, those that are nonzero, in or
violating, listed in ``place[:m]``; arrays with m entries are indexed by the position in that list.
"""

import math
from typing import NamedTuple

import numpy as np

from .compiled import inlined, inner, kernel
from .coordinate import envelope_step, shrink

FREE, IN, OUT = 0, 1, -1
SWEEPS = 100
CREEPING = 30  # sweeps after which an exact step is worth its price
PRICE_STEPS = 12
COUNT_SLACK = 0.02  # relative error of the relaxed count at which the price rests
CHEAPEST = 1e-10  # least price of a place, in squared norms of the target
ENTRANTS = 0.2  # violators below this share of the worst wait a round: a flood of them would stall the descent
NOWHERE = 1e300


class Columns(NamedTuple):
    """Live columns: correlations with the target, the diagonal handed over, and the penalty.

    `l2` holds the ridge with half the diagonal added, `inverse` its `half_inverse`; each array has shape (p,).
    """

    corr: np.ndarray
    diag: np.ndarray
    l1: np.ndarray
    l2: np.ndarray
    inverse: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


def half_inverse(l2) -> np.ndarray:
    """1/(2 l2), finite without a ridge: times zero it is zero."""
    with np.errstate(divide="ignore"):
        return np.minimum(0.5 / l2, NOWHERE)


class Local(NamedTuple):
    """Work space of one node: the local columns, and scores of all live ones."""

    place: np.ndarray  # (cap,) which live column
    rows: np.ndarray  # (cap,) where the Gram rows of the nonzeros are
    held: np.ndarray  # (cap,) bool: in
    b: np.ndarray  # (cap,)
    g: np.ndarray  # (cap,) negative gradient; work space between descents
    Q: np.ndarray  # (cap, cap)
    penalty: np.ndarray  # (4, cap) l1, l2, lower, upper
    lines: np.ndarray  # (4, cap) slope and end of the envelope upwards, then downwards
    gradient: np.ndarray  # (p,)
    score: np.ndarray  # (p,) h* at the gradient, raised by its error
    top: np.ndarray  # (most + 2,) largest rises above the price


def local_space(p: int, cap: int, most: int) -> Local:
    """Work space for p live columns, of which `cap` may be local, and at most `most` places."""
    return Local(
        np.empty(cap, np.int64), np.empty(cap, np.int64), np.empty(cap, np.bool_), np.zeros(cap), np.empty(cap),
        np.empty((cap, cap)), np.empty((4, cap)), np.empty((4, cap)), np.empty(p), np.empty(p),
        np.empty(min(p, most) + 2),
    )  # fmt: skip


@inner
def conjugate(v, columns, i):
    """Max over t in [lower, upper] of v t - l1 |t| - l2 t^2 for column i."""
    excess, limit = abs(v) - columns.l1[i], columns.upper[i] if v > 0.0 else -columns.lower[i]
    if excess <= 0.0 or limit == 0.0:
        return 0.0
    t = min(excess * columns.inverse[i], limit)
    return excess * t - columns.l2[i] * t * t


@inner
def line(price, l1, l2, limit):
    """Slope and end of the envelope's line towards a limit; a closed side has an infinite slope."""
    if limit <= 0.0:
        return NOWHERE, 0.0
    end = limit
    if price <= 0.0:
        end = 0.0
    elif l2 * limit * limit > price:
        end = math.sqrt(price / l2)
    slope = l1 + l2 * end
    if end > 0.0:
        slope += price / end
    return slope, end


@inner
def draw_lines(local, m, price):
    """Envelope lines of the local columns at a price."""
    for a in range(m):
        l1, l2, lower, upper = local.penalty[0, a], local.penalty[1, a], local.penalty[2, a], local.penalty[3, a]
        local.lines[0, a], local.lines[1, a] = line(price, l1, l2, upper)
        if lower == -upper:
            local.lines[2, a], local.lines[3, a] = local.lines[0, a], local.lines[1, a]
        else:
            local.lines[2, a], local.lines[3, a] = line(price, l1, l2, -lower)


@inner
def piece(t, held, l1, l2, lower, upper, slope, end, other_limit):
    """Slope, curvature and reach of the penalty's piece around t > 0: (slope, ridge, nearest, farthest)."""
    if held:
        return l1, 2.0 * l2, (0.0 if l1 > 0.0 else -other_limit), upper
    if t > end:
        return l1, 2.0 * l2, end, upper
    return slope, 0.0, 0.0, end


@inner
def exact_step(Q, m, b, g, held, penalty, lines):
    """Minimise over the coordinates inside a piece of the penalty, as far as all of them stay on theirs.

    What descent does slowly on nearly collinear columns, one linear solve does at once.
    """
    moving, n = np.empty(m, np.int64), 0
    for i in range(m):
        if b[i] != 0.0 and penalty[2, i] < b[i] < penalty[3, i]:
            moving[n] = i
            n += 1
    H, step = np.empty((n, n)), np.empty(n)
    near, far = np.empty(n), np.empty(n)
    for a in range(n):
        i = moving[a]
        up = b[i] > 0.0
        sign, row = (1.0, 0) if up else (-1.0, 2)
        limit, other = (penalty[3, i], -penalty[2, i]) if up else (-penalty[2, i], penalty[3, i])
        slope, ridge, near[a], far[a] = piece(
            abs(b[i]), held[i], penalty[0, i], penalty[1, i], 0.0, limit, lines[row, i], lines[row + 1, i], other
        )
        for e in range(a + 1):
            t = Q[i, moving[e]] + (ridge if e == a else 0.0)
            for q in range(e):
                t -= H[a, q] * H[e, q]
            if e < a:
                H[a, e] = t / H[e, e]
            elif t <= 1e-13:
                return
            else:
                H[a, a] = math.sqrt(t)
        t = g[i] - sign * slope - ridge * b[i]
        for q in range(a):
            t -= H[a, q] * step[q]
        step[a] = t / H[a, a]
    length = 1.0
    for a in range(n - 1, -1, -1):
        t = step[a]
        for q in range(a + 1, n):
            t -= H[q, a] * step[q]
        step[a] = t / H[a, a]
    for a in range(n):
        x, outwards = abs(b[moving[a]]), math.copysign(1.0, b[moving[a]]) * step[a]
        if outwards > 0.0 and x + length * outwards > far[a]:
            length = (far[a] - x) / outwards
        elif outwards < 0.0 and x + length * outwards < near[a]:
            length = (near[a] - x) / outwards
    for a in range(n):
        i = moving[a]
        t = b[i] + max(length, 0.0) * step[a]
        if held[i]:
            t = min(max(t, penalty[2, i]), penalty[3, i])
        move = t - b[i]
        b[i] = t
        for j in range(m):
            g[j] -= move * Q[i, j]


@inner
def settle(Q, m, b, g, held, penalty, lines, tolerance, sweeps):
    """Sweeps of exact coordinate minimisation over the local columns; g is kept current. Returns the sweeps made."""
    for sweep in range(sweeps):
        largest = 0.0
        for i in range(m):
            old, a = b[i], max(Q[i, i], 1e-12)
            v = g[i] + a * old
            if held[i]:
                t = shrink(v, a, penalty[0, i], penalty[1, i], penalty[2, i], penalty[3, i])
            else:
                side = 0 if v > 0.0 else 2
                if old == 0.0 and abs(v) <= lines[side, i]:
                    continue
                t = envelope_step(
                    v, a, penalty[0, i], penalty[1, i], penalty[2, i], penalty[3, i],
                    lines[0, i], lines[1, i], lines[2, i], lines[3, i],
                )  # fmt: skip
            if t != old:
                step = t - old
                for j in range(m):
                    g[j] -= step * Q[i, j]
                b[i] = t
                largest = max(largest, abs(step))
        if largest <= tolerance:
            return sweep + 1
        if sweep % CREEPING == CREEPING - 1:
            exact_step(Q, m, b, g, held, penalty, lines)
    return sweeps


@inner
def relaxed_count(local, m):
    """Sum of the relaxed indicators of the local columns that are not in."""
    count = 0.0
    for a in range(m):
        x = local.b[a]
        if x != 0.0 and not local.held[a]:
            end = local.lines[1, a] if x > 0.0 else local.lines[3, a]
            count += min(1.0, abs(x) / end) if end > 0.0 else 1.0
    return count


@inlined
def evaluate(columns, state, local, m, yy, l0, price, rounding):
    """Score all live units at the local point.

    Returns the dual value before the free units are charged, less all rounding; the relaxed value at the price, less
    what the price adds for the places; and the relaxed count. A product of scaled columns errs by `rounding`, so each
    gradient errs by at most rounding (|y| + |b|_1), and b'Qb/2 by rounding (|y| + |b|_1)^2.
    """
    quad, linear, size, penalty, count = 0.0, 0.0, 0.0, 0.0, 0.0
    for a in range(m):
        i, x = local.place[a], local.b[a]
        if x == 0.0:
            continue
        quad += x * (columns.corr[i] - local.gradient[i])
        linear += columns.corr[i] * x
        side = 0 if x > 0.0 else 2
        x = abs(x)
        size += x
        if not local.held[a] and x <= local.lines[side + 1, a]:
            penalty += local.lines[side, a] * x
            count += x / local.lines[side + 1, a]
        else:
            penalty += local.penalty[0, a] * x + local.penalty[1, a] * x * x
            if not local.held[a]:
                penalty += price
                count += 1.0
    reach = math.sqrt(yy) + size
    error, charge, total = rounding * reach, 0.0, 0.0
    for i in range(state.size):  # without branches, for several columns at once
        v = local.gradient[i]
        excess = max(abs(v) + error - columns.l1[i], 0.0)
        t = min(excess * columns.inverse[i], columns.upper[i] if v > 0.0 else -columns.lower[i])
        local.score[i] = excess * t - columns.l2[i] * t * t
    for i in range(state.size):
        if state[i] == OUT:
            continue
        h, v = local.score[i], local.gradient[i]
        if abs(v) <= error:  # the sign is not known
            h = max(conjugate(v + error, columns, i), conjugate(v - error, columns, i))
        local.score[i] = h
        total += h
        if state[i] == IN:
            charge += h - l0
            penalty += l0
    base = 0.5 * yy - 0.5 * quad - charge - rounding * reach * reach - 1e-15 * state.size * (total + l0)
    return base, 0.5 * yy + 0.5 * quad - linear + penalty, count


@inlined
def rank(state, score, l0, most, top):
    """Rises of the free units above the price: the `most` + 1 largest, sorted, in `top`; returns the sum of all."""
    total = 0.0
    for q in range(most + 1):
        top[q] = 0.0
    for i in range(state.size):
        if state[i] == FREE and score[i] > l0:
            rise = score[i] - l0
            total += rise
            if rise > top[most]:
                q = most
                while q > 0 and top[q - 1] < rise:
                    top[q] = top[q - 1]
                    q -= 1
                top[q] = rise
    return total


@kernel
def descend(local, m, price, l0, yy, places, limited, tolerance, slack, steps):
    """Descend on the local columns: at the price of a unit, or where places are limited at the price that fills them.

    That price is one at which the relaxed count takes the places, or the least there is. Returns the price.
    """
    balanced = limited and places > 0
    least = max(l0, CHEAPEST * yy) if balanced else l0
    price = max(price, least) if balanced else l0
    low, high, bisects = 0.0, NOWHERE, steps > PRICE_STEPS  # strides are quicker, halves certain
    for _ in range(steps):
        draw_lines(local, m, price)
        settle(local.Q, m, local.b, local.g, local.held, local.penalty, local.lines, tolerance, SWEEPS)
        count = relaxed_count(local, m) if balanced else 0.0
        if not balanced or abs(count - places) <= slack * places or (count < places and price <= least):
            break
        if count > places:
            careful = 1.02 if low == 0.0 else 1.5  # a first step, then strides until the other side is seen
            low, stride = price, (count / places) ** 1.5
            if high == NOWHERE:
                price *= min(4.0, max(careful, stride))
            else:
                price = min(0.5 * (low + high), price * max(stride, 1.001))
        else:
            high, stride = price, (max(count, 1e-3) / places) ** 1.5
            if low > 0.0:
                price = max(0.5 * (low + high), price * min(stride, 0.999))
            else:
                price *= max(0.25, min(0.98, stride))
        if bisects and low > 0.0 and high < NOWHERE:
            price = 0.5 * (low + high)
        price = max(price, least)
    return price


@kernel
def bounded(columns, state, local, m, yy, l0, price, rounding, places, limited):
    """Bound of the local point, relaxed value, both at the price of a unit; scores of all live columns are left there.

    Where places are limited, `local.top` has the rises of those that would take them, and of the next.
    """
    base, primal, taken = evaluate(columns, state, local, m, yy, l0, price, rounding)
    most = max(places, 0) if limited else 0
    total = rank(state, local.score, l0, most, local.top)
    if not limited:
        return base - total, primal, taken
    head = 0.0
    for q in range(most):
        head += local.top[q]
    return base - head, primal + (price - l0) * (max(0.0, places - taken) - places), taken


@kernel
def judge(state, score, l0, bound, last_in, first_out, cut, verdict):
    """Say of each free unit whether its child with it (then OUT), or without it (then IN), reaches the cut.

    Putting i in costs max(0, last_in - rise) or l0 - score more than the bound, keeping it out rise - first_out more.
    """
    room = cut - bound
    for i in range(state.size):
        verdict[i] = FREE
        if state[i] == FREE:
            rise = max(score[i] - l0, 0.0)
            if max(rise, last_in) - (score[i] - l0) >= room:
                verdict[i] = OUT
            elif rise - first_out >= room:
                verdict[i] = IN
