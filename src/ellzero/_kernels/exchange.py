"""Swaps at a support: scored from Gram quantities, moved by reading Gram rows."""

from .compiled import kernel

BLOCK = 1024  # columns handled together: the accumulator stays in the first cache


@kernel
def combine(store, places, weights, out):
    """Add the sum over t of weights[t] * store[places[t]] to `out`, block by block, four rows at a time."""
    k = places.size
    for low in range(0, out.size, BLOCK):
        high = min(low + BLOCK, out.size)
        acc = out[low:high]
        for t in range(0, k - 3, 4):
            a, b = store[places[t], low:high], store[places[t + 1], low:high]
            c, d = store[places[t + 2], low:high], store[places[t + 3], low:high]
            e, f, g, h = weights[t], weights[t + 1], weights[t + 2], weights[t + 3]
            for j in range(acc.size):
                acc[j] += e * a[j] + f * b[j] + g * c[j] + h * d[j]
        for t in range(k - k % 4, k):
            a, e = store[places[t], low:high], weights[t]
            for j in range(acc.size):
                acc[j] += e * a[j]


@kernel
def best_swap(corr, norm2, U, beta, inv_diag, floor, tiny):
    """Best exchange of one support member for one outsider, scored exactly.

    Dropping member s changes the correlations to ``corr + beta[s]/A_ss * U[s]`` and the residual norms to
    ``norm2 + U[s]**2/A_ss``, where ``A = inv(X_S'X_S)``, ``inv_diag = diag(A)`` and ``U = A X_S'X``; both are read off
    without a solve. Outsiders whose residual norm ends below `tiny` are skipped.

    Returns (gain, s, j): the decrease of the residual sum of squares, rows and columns of U.
    """
    gain, best_s, best_j = floor, -1, -1
    for s in range(beta.size):
        f, q = beta[s] / inv_diag[s], 1.0 / inv_diag[s]
        loss = beta[s] * f
        for j in range(corr.size):
            u = U[s, j]
            d = norm2[j] + q * u * u
            c = corr[j] + f * u
            if d > tiny and c * c > (gain + loss) * d:
                gain, best_s, best_j = c * c / d - loss, s, j
    return gain, best_s, best_j
