"""The scalar problem behind every penalty that separates: one coordinate on a quadratic model, solved to its optimum.

Every penalty here is ``l0 1[t != 0] + l1 |t| + l2 t^2`` on [lower, upper] plus at most one concave part, given by its
kind and three numbers, scale, first and second, for t >= 0:

=======  ====================================================================================================
PLAIN    nothing
FIRM     slope ``scale (1 - t / first)`` up to first, then constant
CLIPPED  slope scale up to first, then falling to 0 at second, then constant
POWER    ``scale t^first`` with 0 < first < 1
LOG      ``scale log(1 + t / first)``
=======  ====================================================================================================
"""

import math

from .compiled import inner, kernel
from .kinds import CLIPPED, FIRM, LOG, PLAIN, POWER

TIE = 2e-15  # a gain below this share of v t is rounding, and ties go to 0


@inner
def concave(kind, t, scale, first, second):
    """Value of the concave part at t >= 0."""
    if kind == FIRM:
        return scale * (t - 0.5 * t * t / first) if t < first else 0.5 * scale * first
    if kind == CLIPPED:
        if t <= first:
            return scale * t
        u = min(t, second)
        return scale * (first + (second * (u - first) - 0.5 * (u * u - first * first)) / (second - first))
    if kind == POWER:
        return scale * t**first if t > 0.0 else 0.0
    if kind == LOG:
        return scale * math.log1p(t / first)
    return 0.0


@inner
def piece(c, x, low, high):
    """Minimiser of c t^2 / 2 - x t on [low, high], a bounded piece unless c > 0."""
    if c > 0.0:
        return min(max(x / c, low), high)
    return high if 0.5 * c * (high + low) < x else low


@inner
def power_root(c, x, scale, p):
    """Larger root of c t - x + scale p t^(p - 1), where the scalar objective has its valley; 0 where it has none.

    A cubic in the square root at p = 1/2 (Xu, Chang, Xu & Zhang 2012), a quartic in the cube root at p = 2/3 (Cao, Sun
    & Xu 2013); else Newton from the right, where the function is convex and increasing, so that no step overshoots.
    """
    turn = (scale * p * (1.0 - p) / c) ** (1.0 / (2.0 - p))
    if turn == 0.0:
        return x / c
    if c * turn - x + scale * p * turn ** (p - 1.0) >= 0.0:
        return 0.0
    t = x / c
    if p == 0.5:
        angle = math.acos(max(-1.0, -0.75 * scale / x * math.sqrt(3.0 * c / x)))
        t = 4.0 * x / (3.0 * c) * math.cos(angle / 3.0) ** 2
    elif p == 2.0 / 3.0:
        B, C = x / c, 2.0 * scale / (3.0 * c)
        ratio = 0.5 * B * B / (4.0 * C / 3.0) ** 1.5
        z = 2.0 * math.sqrt(4.0 * C / 3.0) * math.cosh(math.acosh(max(ratio, 1.0)) / 3.0)
        m = math.sqrt(z)
        t = (0.5 * (m + math.sqrt(max(2.0 * B / m - z, 0.0)))) ** 3
    for _ in range(100):  # at most one step polishes a closed form
        slope = c - scale * p * (1.0 - p) * t ** (p - 2.0)
        if slope <= 0.0:
            break
        step = (c * t - x + scale * p * t ** (p - 1.0)) / slope
        t = max(t - step, turn)
        if abs(step) <= 4e-16 * t:
            break
    return t


@inner
def threshold(kind, v, a, l0, l1, l2, scale, first, second, lower, upper):
    """Global minimiser over t in [lower, upper] of a t^2 / 2 - v t + penalty(t); ties go to 0."""
    limit, x, c = upper if v > 0.0 else -lower, abs(v) - l1, a + 2.0 * l2
    if x <= 0.0 or limit <= 0.0:
        return 0.0
    if kind == PLAIN:
        t = min(x / c, limit) if c > 0.0 else limit
        if l0 > 0.0 and t * (x - 0.5 * c * t) <= l0:
            return 0.0
        return math.copysign(t, v)
    best, least = 0.0, 0.0
    for part in range(3):
        t = 0.0
        if kind == FIRM:
            if part == 0:
                t = piece(c - scale / first, x - scale, 0.0, min(first, limit))
            elif part == 1 and limit > first:
                t = piece(c, x, first, limit)
        elif kind == CLIPPED:
            if part == 0:
                t = piece(c, x - scale, 0.0, min(first, limit))
            elif part == 1 and limit > first:
                bend = scale / (second - first)
                t = piece(c - bend, x - bend * second, first, min(second, limit))
            elif part == 2 and limit > second:
                t = piece(c, x, second, limit)
        elif part == 0 and c > 0.0:
            if kind == POWER:
                t = min(power_root(c, x, scale, first), limit)
            else:
                half = 0.5 * (x - c * first)
                room = half * half - c * (scale - x * first)
                t = min(max((half + math.sqrt(room)) / c, 0.0), limit) if room > 0.0 else 0.0
        elif part == 0:
            t = limit
        if t > 0.0:
            value = t * (0.5 * c * t - x) + l0 + concave(kind, t, scale, first, second)
            if value < least and value < -TIE * (abs(v) * t):
                best, least = t, value
    return math.copysign(best, v)


@kernel
def thresholds(kind, v, a, l0, l1, l2, scale, first, second, lower, upper, out):
    """The same for every entry; all but the kind are arrays of one length."""
    for j in range(v.size):
        out[j] = threshold(
            kind, v[j], a[j], l0[j], l1[j], l2[j], scale[j], first[j], second[j], lower[j], upper[j]
        )  # fmt: skip


@kernel
def concaves(kind, t, scale, first, second, out):
    """Value of the concave part at every entry, whatever its sign."""
    for j in range(t.size):
        out[j] = concave(kind, abs(t[j]), scale[j], first[j], second[j])
