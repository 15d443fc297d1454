"""A diagonal split off the Gram matrix: the rest stays positive semidefinite, and every ridge gains its share."""

import numpy as np
from scipy.linalg import get_lapack_funcs

from .._kernels.extraction import spare
from .._kernels.relax import FREE

PASSES = 4
BARRIER, SHRINK = 0.1, 0.3
EVEN = 0.15  # share of the weights that is the same for all columns
SMALL = 100  # up to so many live columns all free ones get a diagonal, beyond that those with a coefficient
SAFE = 1e-9  # least margin of the proof that the rest is positive semidefinite


def extract(gram, corr, start, penalty, present, terms):
    r"""Diagonal d >= 0 with G - diag(d) positive semidefinite, large where the relaxed coefficients are fractional.

    Only the free columns S share in it; with R the others, d_S is taken from the Schur complement
    :math:`G_{SS} - G_{SR} G_{RR}^{-1} G_{RS}`, weighted by :math:`b_i^2 (1/z_i - 1)/2`, the derivative of the bound.
    Each factorisation is of the matrix less a margin, so that success of the last one proves what is claimed.

    Returns
    -------
    ndarray or None
        None where the columns are dependent, or nothing can be spared.
    """
    dpotrf, dpotri, dtrtrs = get_lapack_funcs(("potrf", "potri", "trtrs"), (gram,))
    m = corr.size
    margin = max(SAFE, 8.0 * m * terms.rounding)
    inside = (start.state == FREE) & ((start.value != 0) | (m <= SMALL))
    S, R = np.flatnonzero(inside), np.flatnonzero(~inside)
    if S.size == 0:
        return None
    C = gram[np.ix_(S, S)]
    if R.size:
        rest = gram[np.ix_(R, R)] - margin * np.eye(R.size)
        factor, failed = dpotrf(rest, lower=1)
        if failed:
            return None
        half = dtrtrs(factor, gram[np.ix_(R, S)], lower=1)[0]
        C = C - half.T @ half
    C = np.ascontiguousarray(C - margin * np.eye(S.size))
    factor, failed = dpotrf(C - 10.0 * margin * np.eye(S.size), lower=1)
    if failed:
        return None
    inverse = dpotri(dpotrf(C, lower=1)[0], lower=1)[0]
    inverse = np.ascontiguousarray(np.tril(inverse) + np.tril(inverse, -1).T)
    spared = spare(inverse, _weights(start, penalty, present, S, terms), BARRIER, PASSES, SHRINK)
    spared = np.maximum(spared * (1.0 - 1e-6) - 1e-8, 0.0)
    if dpotrf(C - np.diag(spared), lower=1)[1]:
        return None
    d = np.zeros(m)
    d[S] = spared
    return d


def even(gram, terms):
    """The same diagonal for all columns, 0 where they are dependent: nine tenths of the least eigenvalue."""
    margin = max(SAFE, 8.0 * gram.shape[0] * terms.rounding)
    least = float(np.linalg.eigvalsh(gram)[0]) - 2.0 * margin
    return np.full(gram.shape[0], 0.9 * max(least, 0.0))


def _weights(start, penalty, present, S, terms):
    """How much each unit of diagonal raises the bound, mixed with a constant."""
    _, l2, lower, upper = penalty
    price = max(start.price, 1e-300)
    strength = np.maximum(l2[S] + 0.5 * present[S], 1e-300)
    x = np.abs(start.value[S])
    limit = np.where(start.value[S] > 0, upper[S], -lower[S])
    end = np.minimum(np.sqrt(price / strength), limit)  # up to here the envelope is a line
    weight = 0.5 * x * np.maximum(end - x, 0.0)
    mean = weight.mean()
    return EVEN + (1.0 - EVEN) * weight / mean if mean > 0 else np.ones(S.size)
