"""Coordinate descent on a quadratic model with a penalty that separates over columns, or over blocks of columns.

Shapes: m columns at work; G holds their Gram matrix in its first m rows and columns; b has their coefficients and g
the negative gradient of the model at b. Residual form: row j of A is column j, r the residual that goes with b.
"""

import math

import numpy as np

from .compiled import kernel
from .threshold import threshold

SHARE = 54  # halvings of the norm of a block with limits


@kernel
def sweep_gram(kind, G, g, b, order, l0, l1, l2, scale, first, second, lower, upper, tol, max_sweeps):
    """Sweep in the given order until no step exceeds `tol`; between full sweeps only nonzero coordinates are visited.

    Returns the number of sweeps, `max_sweeps` where the tolerance was not reached.
    """
    m, full = b.size, True
    for sweep in range(max_sweeps):
        largest = 0.0
        for j in order:
            if not full and b[j] == 0.0:
                continue
            a = G[j, j]
            t = threshold(
                kind, g[j] + a * b[j], a, l0[j], l1[j], l2[j], scale[j], first[j], second[j], lower[j], upper[j]
            )  # fmt: skip
            e = t - b[j]
            if e != 0.0:
                b[j] = t
                for i in range(m):
                    g[i] -= e * G[j, i]
                largest = max(largest, abs(e) * math.sqrt(a))
        if largest <= tol:
            if full:
                return sweep
            full = True
        else:
            full = False
    return max_sweeps


@kernel
def sweep_rows(kind, A, r, b, a, order, l0, l1, l2, scale, first, second, lower, upper, tol, max_sweeps):
    """The same in residual form, for more columns than a Gram matrix is worth; a has their squared norms."""
    n, full = r.size, True
    for sweep in range(max_sweeps):
        largest = 0.0
        for j in order:
            if (not full and b[j] == 0.0) or a[j] == 0.0:
                continue
            column = A[j]
            t = threshold(
                kind, np.dot(column, r) + a[j] * b[j], a[j], l0[j], l1[j], l2[j], scale[j], first[j], second[j],
                lower[j], upper[j],
            )  # fmt: skip
            e = t - b[j]
            if e != 0.0:
                b[j] = t
                for i in range(n):
                    r[i] -= e * column[i]
                largest = max(largest, abs(e) * math.sqrt(a[j]))
        if largest <= tol:
            if full:
                return sweep
            full = True
        else:
            full = False
    return max_sweeps


@kernel
def some_products(rows, chosen, r, out):
    """Products of some rows with a vector; the others are not read."""
    for j in chosen:
        out[j] = np.dot(rows[j], r)


@kernel
def sweep_blocks(G, g, b, ptr, lip, counted, price, l2, lower, upper, v, tol, max_sweeps):
    """Sweep over blocks of columns, each charged price times its norm, or price alone where blocks are `counted`.

    `lip` bounds the largest eigenvalue of each block's part of G: a block moves to the minimiser of that majorant, for
    a whole block at once. Returns the number of sweeps.
    """
    m = b.size
    for sweep in range(max_sweeps):
        largest = 0.0
        for u in range(ptr.size - 1):
            low, high = ptr[u], ptr[u + 1]
            a, norm = lip[u], 0.0
            c = a + 2.0 * l2[u]
            for j in range(low, high):
                v[j] = g[j] + a * b[j]
                norm += v[j] * v[j]
            norm = math.sqrt(norm)
            size, top = 1.0, 1.0  # share of v / c that is kept
            if counted:
                gain = 0.0
                for j in range(low, high):
                    t = min(max(v[j] / c, lower[j]), upper[j])
                    gain += t * (v[j] - 0.5 * c * t)
                size = 1.0 if gain > price[u] else 0.0
            elif norm <= price[u]:
                size = 0.0
            else:
                size = 1.0 - price[u] / norm
                bound = False
                for j in range(low, high):
                    t = size * v[j] / c
                    bound = bound or t < lower[j] or t > upper[j]
                if bound:
                    # with limits t_j(s) = clip(v_j s / (c s + price)), and s is the root of |t(s)| = s
                    bottom, top = 0.0, norm / c
                    for _ in range(SHARE):
                        s, total = 0.5 * (bottom + top), 0.0
                        for j in range(low, high):
                            t = min(max(v[j] * s / (c * s + price[u]), lower[j]), upper[j])
                            total += t * t
                        if math.sqrt(total) > s:
                            bottom = s
                        else:
                            top = s
                    size = c * bottom / (c * bottom + price[u])
            for j in range(low, high):
                t = min(max(size * v[j] / c, lower[j]), upper[j]) if size > 0.0 else 0.0
                e = t - b[j]
                if e != 0.0:
                    b[j] = t
                    for i in range(m):
                        g[i] -= e * G[j, i]
                    largest = max(largest, abs(e) * math.sqrt(a))
        if largest <= tol:
            return sweep
    return max_sweeps
