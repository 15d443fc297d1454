"""A diagonal that a Gram matrix can spare: dense linear algebra on a few hundred columns."""

import numpy as np

from .compiled import kernel


@kernel
def spare(P, weight, barrier, passes, shrink):
    r"""Coordinate ascent on :math:`w'd + \mu \log\det(S - \mathrm{diag}(d))` over d >= 0, the barrier mu falling.

    P is the inverse of S and is kept up: the best step of coordinate i is t = 1/P_ii - mu/w_i, after which P gains
    t/(1 - t P_ii) P_i P_i'.
    """
    m = weight.size
    d, row = np.zeros(m), np.empty(m)
    for _ in range(passes):
        for i in range(m):
            t = max(1.0 / P[i, i] - barrier / weight[i], -d[i])
            rest = 1.0 - t * P[i, i]
            if abs(t) < 1e-12 or rest <= 1e-9:
                continue
            for j in range(m):
                row[j] = P[i, j]
            for j in range(m):
                factor = t / rest * row[j]
                for q in range(m):
                    P[j, q] += factor * row[q]
            d[i] += t
        barrier *= shrink
    return d
