"""Quadratic losses of few variables under a budget: the lasso's path followed exactly, and what is built on it.

The loss is ``x' H x / 2 - q' x``. Paths follow Osborne, Presnell & Turlach (2000), "A new approach to variable
selection in least squares problems": the minimiser of the loss plus ``strength |x|_1`` moves on lines as the strength
falls, and turns where a variable enters or leaves.
"""

import numpy as np

from .compiled import inner, kernel

TURNS = 60  # turns of a path at most, for each variable; there are about as many as variables
HALVINGS = 200
TANGENTS = 400
SLACK = 1e-9  # share of the budget, and of the largest pull, that counts as none
SETTLED = 1e-6  # change of a tangent step, relative to the largest entry, at which they end


@inner
def direction(H, active, count, signs, out):
    """Solve ``H_AA out = signs_A`` by Cholesky on the first `count` entries of active; False where H_AA is singular."""
    low = np.empty((count, count))
    for i in range(count):
        a = active[i]
        for j in range(i + 1):
            rest = H[a, active[j]]
            for k in range(j):
                rest -= low[i, k] * low[j, k]
            if i == j:
                if rest <= 1e-14 * H[a, a] or rest <= 0.0:
                    return False
                low[i, i] = np.sqrt(rest)
            else:
                low[i, j] = rest / low[j, j]
    for i in range(count):
        rest = signs[active[i]]
        for k in range(i):
            rest -= low[i, k] * out[k]
        out[i] = rest / low[i, i]
    for i in range(count - 1, -1, -1):
        rest = out[i]
        for k in range(i + 1, count):
            rest -= low[k, i] * out[k]
        out[i] = rest / low[i, i]
    return True


@kernel
def lasso_to(H, q, budget, floor, x):
    """Follow the lasso's path until the l1 norm reaches the budget or the strength its floor; x is overwritten.

    Returns the strength there; NaN where the path cannot be followed, for H is singular on its support.
    """
    n = q.size
    x[:] = 0.0
    slope = q.copy()
    signs = np.zeros(n)
    active = np.empty(n, np.int64)
    step = np.empty(n)
    rise = np.empty(n)
    count, left, used = 0, -1, 0.0
    first = 0
    for j in range(n):
        if abs(slope[j]) > abs(slope[first]):
            first = j
    strength = abs(slope[first])
    if strength <= floor or budget <= 0.0:
        return strength
    active[0], count = first, 1
    signs[first] = np.sign(slope[first])
    for _ in range(TURNS * n):
        if not direction(H, active, count, signs, step):
            return np.nan
        for j in range(n):
            total = 0.0
            for i in range(count):
                total += H[j, active[i]] * step[i]
            rise[j] = total
        gain = 0.0
        for i in range(count):
            gain += signs[active[i]] * step[i]
        move, event, who = strength - floor, 0, -1
        if (budget - used) < move * gain:
            move = max((budget - used) / gain, 0.0)
        for j in range(n):
            if signs[j] != 0.0:
                continue
            for side in (1.0, -1.0):
                closing = 1.0 - side * rise[j]
                if j == left and slope[j] * side > 0.0:  # it would enter again at once, on the side that it came from
                    continue
                if closing > 0.0:
                    at = max((strength - side * slope[j]) / closing, 0.0)
                    if at < move:
                        move, event, who = at, 1, j
        for i in range(count):
            a = active[i]
            if x[a] * step[i] < 0.0:
                at = -x[a] / step[i]
                if at < move:
                    move, event, who = at, 2, i
        for i in range(count):
            x[active[i]] += move * step[i]
        for j in range(n):
            slope[j] -= move * rise[j]
        strength -= move
        used = 0.0
        for i in range(count):
            used += abs(x[active[i]])
        left = -1
        if event == 0:
            return strength
        if event == 1:
            active[count] = who
            count += 1
            signs[who] = np.sign(slope[who])
        else:
            left = active[who]
            x[left], signs[left] = 0.0, 0.0
            for i in range(who, count - 1):
                active[i] = active[i + 1]
            count -= 1
            if count == 0:
                return strength
    return np.nan


@kernel
def net_to(H, q, l1, l2, budget, x):
    """Minimiser under ``l1 |x|_1 + l2 |x|_2^2 <= budget``, by halving the multiplier's range on lasso paths.

    Returns the multiplier; NaN where a path cannot be followed.
    """
    n = q.size
    high = 0.0
    for j in range(n):
        high = max(high, abs(q[j]) / l1)
    low = 0.0
    bent = H.copy()
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        if middle <= low or middle >= high:
            break
        for j in range(n):
            bent[j, j] = H[j, j] + 2.0 * middle * l2
        if np.isnan(lasso_to(bent, q, np.inf, middle * l1, x)):
            return np.nan
        used = 0.0
        for j in range(n):
            used += l1 * abs(x[j]) + l2 * x[j] * x[j]
        if used > budget:
            low = middle
        else:
            high = middle
    return high


@inner
def widened(H, q, p, budget, point):
    """Let one more variable in where budget is left, which no minimiser leaves unless its slope is 0; False if none."""
    n = q.size
    room = budget
    for j in range(n):
        if point[j] != 0.0:
            room -= abs(point[j]) ** p
    if room <= SLACK * budget:
        return False
    who, steepest, pull = -1, 0.0, 0.0
    for j in range(n):
        pull = max(pull, abs(q[j]))
        if point[j] == 0.0:
            slope = q[j]
            for i in range(n):
                slope -= H[j, i] * point[i]
            if abs(slope) > abs(steepest):
                who, steepest = j, slope
    if who < 0 or abs(steepest) <= SLACK * pull:
        return False
    point[who] = np.sign(steepest) * min(abs(steepest) / H[who, who], (0.5 * room) ** (1.0 / p))
    return True


@kernel
def tangents_to(H, q, p, budget, starts, x):
    """Best point of tangent steps from each start under ``sum |x|^p <= budget`` with 0 < p < 1; returns its loss.

    Above a concave function lie its tangents: the set below the budget with ``|x|^p`` replaced by its tangent at a
    point is a weighted l1 ball inside, on which the path is followed. So the loss falls from step to step, and what is
    0 stays 0 until budget is left over. Starts are rows; their sizes are scaled onto the budget.
    """
    n = q.size
    point, inverse = np.empty(n), np.empty(n)
    scaled, pull, z = np.empty((n, n)), np.empty(n), np.empty(n)
    best = np.inf
    for row in range(starts.shape[0]):
        total = 0.0
        for j in range(n):
            if starts[row, j] != 0.0:
                total += abs(starts[row, j]) ** p
        if total == 0.0:
            continue
        shrink = (budget / total) ** (1.0 / p)
        for j in range(n):
            point[j] = starts[row, j] * shrink
        for _ in range(TANGENTS):
            room, largest = budget, 0.0
            for j in range(n):
                inverse[j] = 0.0
                if point[j] != 0.0:
                    size = abs(point[j])
                    inverse[j] = size ** (1.0 - p) / p
                    room += (p - 1.0) * size**p
                    largest = max(largest, size)
            for i in range(n):
                pull[i] = q[i] * inverse[i]
                for j in range(n):
                    scaled[i, j] = H[i, j] * inverse[i] * inverse[j]
            if np.isnan(lasso_to(scaled, pull, room, 0.0, z)):
                break
            change = 0.0
            for j in range(n):
                after = z[j] * inverse[j]
                change = max(change, abs(after - point[j]))
                point[j] = after
            if change <= SETTLED * largest and not widened(H, q, p, budget, point):
                break
        value = 0.0
        for i in range(n):
            value -= q[i] * point[i]
            for j in range(n):
                value += 0.5 * point[i] * H[i, j] * point[j]
        if value < best:
            best = value
            x[:] = point
    return best
