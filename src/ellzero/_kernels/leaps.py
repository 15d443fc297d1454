"""Leaps and bounds: all subsets by deletion, whole branches skipped by the bound of their superset.

Work arrays have one row a level (a level is one deletion deeper), so that the search can stop anywhere and go on:

    A (levels, q, q), b (levels, q)   inverse Gram matrix and coefficients of the columns still in, compacted
    column (levels, q)                which column each position holds
    free (levels, m)                  units that may still go, those whose loss is largest first
    rise (levels, m)                  increase of the residual sum of squares when each goes
    count (levels, 4)                 columns, units inside, free units, next child
    rss (levels,)
"""

import numpy as np

from .compiled import kernel

LEAF = -1


@kernel
def deletion_rise(A, b, where, size):
    """Increase of the residual sum of squares when the columns at `where[:size]` leave: b_g'(A_gg)^-1 b_g."""
    if size == 1:
        j = where[0]
        return b[j] * b[j] / A[j, j]
    L = np.empty((size, size))
    x = np.empty(size)
    total = 0.0
    for i in range(size):
        for j in range(i + 1):
            t = A[where[i], where[j]]
            for q in range(j):
                t -= L[i, q] * L[j, q]
            L[i, j] = np.sqrt(max(t, 1e-300)) if i == j else t / L[j, j]
        t = b[where[i]]
        for q in range(i):
            t -= L[i, q] * x[q]
        x[i] = t / L[i, i]
        total += x[i] * x[i]
    return total


@kernel
def delete_column(A, b, column, size, j, A_out, b_out, column_out):
    """Inverse and coefficients without position j; in place if the outputs are the inputs."""
    pivot, b_j = A[j, j], b[j]
    a = A[j, :size].copy()
    r = 0
    for i in range(size):
        if i == j:
            continue
        f = a[i] / pivot
        s = 0
        for t in range(size):
            if t != j:
                A_out[r, s] = A[i, t] - f * a[t]
                s += 1
        b_out[r] = b[i] - f * b_j
        column_out[r] = column[i]
        r += 1


@kernel
def hopeless(rss, smallest, largest, cut):
    """Whether no size in [smallest, largest] can still beat its cut."""
    k, last = smallest, min(largest, cut.size - 1)
    while k <= last and not rss < cut[k]:
        k += 1
    return k > last


@kernel
def order_free(ptr, members, A, b, column, count, free, rise):
    """Score the deletion of every free unit of a level, and sort them, the dearest first."""
    where = np.empty(members.size, np.int64)
    for i in range(count[2]):
        u, size = free[i], 0
        for t in range(ptr[u], ptr[u + 1]):
            for position in range(count[0]):
                if column[position] == members[t]:
                    where[size] = position
                    size += 1
        r, j = deletion_rise(A, b, where, size), i
        while j > 0 and rise[j - 1] < r:
            rise[j], free[j] = rise[j - 1], free[j - 1]
            j -= 1
        rise[j], free[j] = r, u


@kernel
def offer(rss, size, n, column, best, best_columns, cut, price, shared, keep, hits, hit_rss, hit_columns):
    """Compare one subset, `column[:n]`, with the best of its size; `shared` compares all sizes through the price."""
    if size >= cut.size or not rss < cut[size]:
        return
    if keep:
        if hits[0] < hit_rss.size:
            hit_rss[hits[0]] = rss
            hit_columns[hits[0], :] = -1
            for i in range(n):
                hit_columns[hits[0], i] = column[i]
        hits[0] += 1
        return
    best[size] = rss
    best_columns[size, :] = -1
    for i in range(n):
        best_columns[size, i] = column[i]
    if shared:
        for k in range(cut.size):
            cut[k] = min(cut[k], rss + price * (size - k))
    else:
        cut[size] = rss


@kernel
def leaps(
    ptr, members, A, b, column, free, rise, count, rss, best, best_columns, cut, price, shared, margin,
    keep, hits, hit_rss, hit_columns, stream, state, largest, budget,
):  # fmt: skip
    """Search until the tree is done, `budget` nodes are made, or a buffer is full.

    state: level (-1 when done), length of the stream, nodes. largest: largest sum of absolute coefficients met.
    The stream is the preorder of the tree: the unit of a branch, LEAF for a leaf.
    """
    spent = 0
    while state[0] >= 0 and spent < budget and state[1] + 4 < stream.size and hits[0] <= hit_rss.size - keep:
        level = state[0]
        c, f = count[level], free[level]
        n, inside, m, child = c[0], c[1], c[2], c[3]
        if child == 0:
            spent += 1
            state[2] += 1
            order_free(ptr, members, A[level], b[level], column[level], c, f, rise[level])
            total = 0.0
            for i in range(n):
                total += abs(b[level, i])
            largest[0] = max(largest[0], total)
        if child == m or inside + child >= cut.size:
            stream[state[1]] = LEAF  # what is left keeps everything, or has too many units
            state[1] += 1
            state[0] -= 1
            continue
        u = f[child]
        below = rss[level] + rise[level, child]
        stream[state[1]] = u
        state[1] += 1
        c[3] = child + 1
        if hopeless(below * (1.0 + margin), inside + child, inside + m - 1, cut):
            stream[state[1]] = LEAF
            state[1] += 1
            continue
        deep = level + 1
        source = level
        left = n
        for t in range(ptr[u], ptr[u + 1]):
            j = 0
            while column[source, j] != members[t]:
                j += 1
            delete_column(A[source], b[source], column[source], left, j, A[deep], b[deep], column[deep])
            source = deep
            left -= 1
        rss[deep] = below
        count[deep, 0], count[deep, 1], count[deep, 2], count[deep, 3] = left, inside + child, m - child - 1, 0
        for i in range(child + 1, m):
            free[deep, i - child - 1] = f[i]
        size = inside + m - 1
        offer(below, size, left, column[deep], best, best_columns, cut, price, shared, keep, hits, hit_rss, hit_columns)
        state[0] = deep


@kernel
def note(gain, size, i, j, t, best, members, need, hits, hit_gain, hit_members):
    """Keep a subset of an enumeration if it is the best of its size, and list it if it reaches what its size needs."""
    if gain > best[size]:
        best[size] = gain
        members[size, 0], members[size, 1], members[size, 2] = i, j, t
    if gain >= need[size]:
        if hits[0] < hit_gain.size:
            hit_gain[hits[0]] = gain
            hit_members[hits[0], 0], hit_members[hits[0], 1], hit_members[hits[0], 2] = i, j, t
        hits[0] += 1


@kernel
def skip(i, j, t, skipped, skipped_members):
    """Put a subset on the list of those that another method has to score, as long as the list has room."""
    if skipped[0] < skipped_members.shape[0]:
        skipped_members[skipped[0], 0], skipped_members[skipped[0], 1], skipped_members[skipped[0], 2] = i, j, t
    skipped[0] += 1


@kernel
def triples(
    G, c, norm, floor, first, last, size, best, members, need, hits, hit_gain, hit_members, skipped, skipped_members
):  # fmt: skip
    """All subsets of at most `size` <= 3 columns, the first of them from `first` to before `last`.

    G is the Gram matrix, norm its diagonal, c the correlations.

    best[s] is the largest decrease of the residual sum of squares by s columns, members[s] the columns (-1 where there
    are fewer); subsets that reach need[s] are listed. Subsets in which some column keeps less than
    `floor` of its norm are skipped here, where cancellation would spoil their scores, and listed apart.
    """
    p = c.size
    row_i, row_j = np.empty(p), np.empty(p)
    c_i, d_i = np.empty(p), np.empty(p)
    for i in range(first, last):
        gain_i = c[i] * c[i] / norm[i]
        note(gain_i, 1, i, -1, -1, best, members, need, hits, hit_gain, hit_members)
        if size < 2:
            continue
        root = np.sqrt(norm[i])
        for t in range(i + 1, p):
            row_i[t] = G[i, t] / root
            c_i[t] = c[t] - row_i[t] * (c[i] / root)
            d_i[t] = norm[t] - row_i[t] * row_i[t]
        for j in range(i + 1, p):
            if d_i[j] <= floor * norm[j]:
                skip(i, j, -1, skipped, skipped_members)
                for t in range(j + 1, p if size > 2 else 0):
                    skip(i, j, t, skipped, skipped_members)
                continue
            gain_j = gain_i + c_i[j] * c_i[j] / d_i[j]
            note(gain_j, 2, i, j, -1, best, members, need, hits, hit_gain, hit_members)
            if size < 3:
                continue
            root = np.sqrt(d_i[j])
            for t in range(j + 1, p):
                row_j[t] = (G[j, t] - row_i[j] * row_i[t]) / root
            step, goal = c_i[j] / root, min(best[3], need[3]) - gain_j
            for t in range(j + 1, p):
                d = d_i[t] - row_j[t] * row_j[t]
                r = c_i[t] - step * row_j[t]
                if d <= floor * norm[t]:
                    skip(i, j, t, skipped, skipped_members)
                elif r * r >= goal * d:
                    note(gain_j + r * r / d, 3, i, j, t, best, members, need, hits, hit_gain, hit_members)
                    goal = min(best[3], need[3]) - gain_j
