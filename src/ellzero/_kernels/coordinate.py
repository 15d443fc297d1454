"""Coordinate descent on a quadratic model with perspective penalties.

Shapes: m local columns in ``n_units`` contiguous units, unit u being columns ``ptr[u]:ptr[u + 1]``; G is (m, m).
"""

import math

from .compiled import kernel


@kernel
def shrink(v, a, l1, l2, lower, upper):
    """Minimiser of a t^2 / 2 - v t + l1 |t| + l2 t^2 on [lower, upper]."""
    t = max(abs(v) - l1, 0.0) / (a + 2.0 * l2)
    return min(max(math.copysign(t, v), lower), upper)


@kernel
def convex_conjugate(v, l1, l2, lower, upper):
    """Max over t in [lower, upper] of v t - l1 |t| - l2 t^2."""
    excess, limit = abs(v) - l1, upper if v > 0 else -lower
    if excess <= 0.0 or limit == 0.0:
        return 0.0
    t = min(excess / (2.0 * l2), limit) if l2 > 0.0 else limit
    return excess * t - l2 * t * t


@kernel
def envelope_step(v, a, l1, l2, lower, upper, up, up_end, down, down_end):
    """Minimiser of a t^2 / 2 - v t + envelope(t), the envelope given by its lines (see `penalties.Separable`)."""
    slope, end = (up, up_end) if v > 0 else (down, down_end)
    t = (abs(v) - slope) / a
    if t <= 0.0:
        return 0.0
    if t <= end:
        return math.copysign(t, v)
    return shrink(v, a, l1, l2, lower, upper)


@kernel
def share(v, lip, first, last, price, l1, l2, lower, upper):
    """Best share z in [0, 1] of one unit of several columns.

    For a fixed z the columns separate, t_j(z) = shrink(v_j; lip, l1, l2/z, z lower, z upper), and the value is convex
    in z with derivative price - sum_j h*_j(v_j - lip t_j(z)); its root is bracketed by bisection.
    """
    low, high, z = 0.0, 1.0, 1.0
    for step in range(54):
        rise = price
        for j in range(first, last):
            t = shrink(v[j], lip, l1[j], l2[j] / z, lower[j] * z, upper[j] * z)
            rise -= convex_conjugate(v[j] - lip * t, l1[j], l2[j], lower[j], upper[j])
        if step == 0:
            if rise <= 0.0:
                return 1.0
            at_zero = price
            for j in range(first, last):
                at_zero -= convex_conjugate(v[j], l1[j], l2[j], lower[j], upper[j])
            if at_zero >= 0.0:
                return 0.0
        elif rise > 0.0:
            high = z
        else:
            low = z
        if step == 0:
            high = 1.0
        z = 0.5 * (low + high)
    return z


@kernel
def descend(G, g, b, z, v, ptr, inside, lip, price, l1, l2, lower, upper, up, up_end, down, down_end, tol, max_sweeps):
    """Sweep over the units until no step exceeds `tol`; b, z and g (the negative gradient) are kept current.

    Minimises -g'(t - b) + (t - b)'G(t - b)/2 + sum over units of the convex envelope of price 1[unit in] + h, or h
    alone for units that are inside. `lip` bounds the largest eigenvalue of each unit's block of G; `v` is work space.
    Returns the number of sweeps.
    """
    n_units = ptr.size - 1
    for sweep in range(max_sweeps):
        largest = 0.0
        for u in range(n_units):
            first, last = ptr[u], ptr[u + 1]
            a = lip[u]
            if last - first > 1:
                for j in range(first, last):
                    v[j] = g[j] + a * b[j]
                z[u] = 1.0 if inside[u] else share(v, a, first, last, price, l1, l2, lower, upper)
            for j in range(first, last):
                if last - first > 1:
                    t = 0.0
                    if z[u] > 0.0:
                        t = shrink(v[j], a, l1[j], l2[j] / z[u], lower[j] * z[u], upper[j] * z[u])
                elif inside[u]:
                    t, z[u] = shrink(g[j] + a * b[j], a, l1[j], l2[j], lower[j], upper[j]), 1.0
                else:
                    t = envelope_step(
                        g[j] + a * b[j], a, l1[j], l2[j], lower[j], upper[j], up[j], up_end[j], down[j], down_end[j]
                    )
                    end = up_end[j] if t > 0 else down_end[j]
                    z[u] = 0.0 if t == 0.0 else (min(1.0, abs(t) / end) if end > 0.0 else 1.0)
                e = t - b[j]
                if e != 0.0:
                    b[j] = t
                    for i in range(g.size):
                        g[i] -= e * G[j, i]
                    largest = max(largest, abs(e) * math.sqrt(a))
        if largest <= tol:
            return sweep + 1
    return max_sweeps
