"""Coordinate descent on the stored entries of sparse columns, centred only in thought.

Shapes: m columns at work of n rows; the entries of column j are `data[starts[j]:starts[j + 1]]`, in the rows `rows` of
the same places, scaled and times the roots of the weights of their rows. `unit` has those roots, of norm one; the
centred column is the stored one less `mean[j] * unit`, and mean is zero where nothing is centred. r is a residual that
goes with the stored columns, and `along[0]` its product with unit: as centred columns have none, their products with r
are ``stored'r - mean * along``, whatever r has along unit, and a step costs what its column stores.
"""

import math

import numpy as np

from .compiled import inner, kernel
from .threshold import threshold


@kernel
def weigh(starts, rows, raw, scale, root, unit, centred, data, mean, a):
    """Entries over their column's scale times the roots of weights; means, and squared norms of centred columns."""
    for j in range(scale.size):
        m, size, seen = 0.0, 0.0, 0.0
        for e in range(starts[j], starts[j + 1]):
            data[e] = raw[e] * root[rows[e]] / scale[j]
            m += data[e] * unit[rows[e]]
        mean[j] = m if centred else 0.0
        for e in range(starts[j], starts[j + 1]):  # about the mean, for a difference of squares loses digits
            u = unit[rows[e]]
            size += (data[e] - mean[j] * u) ** 2
            seen += u * u
        if starts[j + 1] - starts[j] < unit.size:
            size += mean[j] * mean[j] * max(1.0 - seen, 0.0)
        a[j] = size


@inner
def product(j, starts, rows, data, mean, r, along):
    """Product of a centred column with a residual."""
    total = 0.0
    for e in range(starts[j], starts[j + 1]):
        total += data[e] * r[rows[e]]
    return total - mean[j] * along[0]


@inner
def take(j, step, starts, rows, data, mean, r, along):
    """Take a multiple of a column off a residual."""
    for e in range(starts[j], starts[j + 1]):
        r[rows[e]] -= step * data[e]
    along[0] -= step * mean[j]


@kernel
def sweep_entries(
    kind, starts, rows, data, mean, r, along, b, a, order, l0, l1, l2, scale, first, second, lower, upper, tol,
    max_sweeps,
):  # fmt: skip
    """Sweep in the given order until no step exceeds `tol`; between full sweeps only nonzero coordinates are visited.

    Returns the number of sweeps, `max_sweeps` where the tolerance was not reached.
    """
    full = True
    for sweep in range(max_sweeps):
        largest = 0.0
        for j in order:
            if (not full and b[j] == 0.0) or a[j] == 0.0:
                continue
            v = product(j, starts, rows, data, mean, r, along) + a[j] * b[j]
            t = threshold(
                kind, v, a[j], l0[j], l1[j], l2[j], scale[j], first[j], second[j], lower[j], upper[j]
            )  # fmt: skip
            e = t - b[j]
            if e != 0.0:
                b[j] = t
                take(j, e, starts, rows, data, mean, r, along)
                largest = max(largest, abs(e) * math.sqrt(a[j]))
        if largest <= tol:
            if full:
                return sweep
            full = True
        else:
            full = False
    return max_sweeps


@kernel
def products(chosen, starts, rows, data, mean, r, along, out):
    """Products of some centred columns with a residual."""
    for k in range(chosen.size):
        out[k] = product(chosen[k], starts, rows, data, mean, r, along)


@kernel
def take_all(chosen, steps, starts, rows, data, mean, r, along):
    """Take a combination of some columns off a residual."""
    for k in range(chosen.size):
        take(chosen[k], steps[k], starts, rows, data, mean, r, along)


@kernel
def conjugate(chosen, rise, right, starts, rows, data, mean, a, n, near, most, x):
    """Conjugate gradients for ``(C'C + diag(rise)) x = right``, C the centred columns `chosen`; from x = 0.

    Preconditioned by the diagonal; ends where the residual's norm has fallen to the share `near`. Returns whether
    every direction curved upwards.
    """
    m = chosen.size
    left, z, d, image = right.copy(), np.empty(m), np.empty(m), np.empty(m)
    v, along, old, start = np.empty(n), np.empty(1), 0.0, 0.0
    x[:] = 0.0
    for turn in range(most):
        new = 0.0
        for k in range(m):
            diagonal = a[chosen[k]] + rise[k]
            if diagonal <= 0.0:
                return False
            z[k] = left[k] / diagonal
            new += z[k] * left[k]
        if turn == 0:
            start = new
        if new <= near * near * start or new == 0.0:
            break
        v[:] = 0.0
        along[0] = 0.0
        for k in range(m):
            d[k] = z[k] + (new / old * d[k] if turn > 0 else 0.0)
            take(chosen[k], -d[k], starts, rows, data, mean, v, along)
        curving = 0.0
        for k in range(m):
            image[k] = product(chosen[k], starts, rows, data, mean, v, along) + rise[k] * d[k]
            curving += d[k] * image[k]
        if curving <= 0.0:
            return False
        length = new / curving
        for k in range(m):
            x[k] += length * d[k]
            left[k] -= length * image[k]
        old = new
    return True
