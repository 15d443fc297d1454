r"""Hard thresholding on a Gram matrix with many responses: what may be kept, the refit of it, and the iteration.

The question, shared with `splitting.py`, is

.. math:: \min_{B \in S} \; f(B) = \tfrac12 \operatorname{tr}\,(B - W)^\top G\,(B - W),

with G (p, p) symmetric and positive semidefinite, W (p, q) the answer without a limit, and S the arrays whose nonzeros
obey an `Allowance`. Everything is written on the Array API: NumPy, PyTorch and CuPy arrays, on any device.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import ceil, floor, sqrt
from typing import Any

from array_api_compat import array_namespace

SAMPLED = 2**15  # arrays longer than this are searched by way of a sample
SAMPLE = 2**13
PATIENCE = 3  # steps of little gain in a row; a single one may be a halved step before better ones
TINY = 1e-30  # keeps steps of columns that are solved already from dividing 0 by 0


def _kth_largest(flat, k: int):
    """The k-th largest entry of a vector; a sample brackets it, so that only few entries are sorted."""
    xp, n = array_namespace(flat), flat.shape[0]
    if n > SAMPLED:
        sample = xp.sort(flat[:: n // SAMPLE])
        size, share = sample.shape[0], (n - k) / n
        spread = 4 * sqrt(share * (1 - share) * size) + 4  # four standard deviations of a rank in the sample
        low = sample[max(0, floor(share * size - spread))]
        high = sample[min(size - 1, ceil(share * size + spread))]
        above = int(xp.count_nonzero(flat > high))
        inside = flat[(flat >= low) & (flat <= high)]
        if above < k <= above + inside.shape[0]:
            return xp.sort(inside)[inside.shape[0] - (k - above)]
    return xp.sort(flat)[n - k]


def largest(scores, k: int):
    """Where the k largest entries of an array are; of equal ones the first. Shape and device of `scores`."""
    xp = array_namespace(scores)
    flat = xp.reshape(scores, (-1,))
    if k <= 0 or k >= flat.shape[0]:
        return xp.full_like(scores, k > 0, dtype=xp.bool)
    threshold = _kth_largest(flat, k)
    above, ties = flat > threshold, flat == threshold
    wanted = k - int(xp.count_nonzero(above))
    if int(xp.count_nonzero(ties)) > wanted:
        ties = ties & (xp.cumulative_sum(xp.astype(ties, xp.int64)) <= wanted)
    return xp.reshape(above | ties, scores.shape)


class Allowance(ABC):
    """How many entries of a (p, q) array may differ from zero, and where: a set with a projection."""

    @abstractmethod
    def mask(self, scores) -> Any:
        """Boolean array (p, q): the entries of largest scores (>= 0) that may be kept together."""

    def project(self, values) -> tuple[Any, Any]:
        """The nearest array of the set, and its mask."""
        xp = array_namespace(values)
        mask = self.mask(xp.abs(values))
        return xp.where(mask, values, xp.zeros_like(values)), mask


@dataclass(frozen=True)
class InAll(Allowance):
    """At most `k` entries of the whole array.

    Examples
    --------
    >>> import numpy as np
    >>> InAll(2).project(np.array([[3.0, -1.0], [0.5, -2.0]]))[0]
    array([[ 3.,  0.],
           [ 0., -2.]])
    """

    k: int

    def mask(self, scores):
        return largest(scores, self.k)


@dataclass(frozen=True)
class InEachColumn(Allowance):
    """At most `k` entries of every column.

    Examples
    --------
    >>> import numpy as np
    >>> InEachColumn(1).project(np.array([[3.0, -1.0], [0.5, -2.0]]))[0]
    array([[ 3.,  0.],
           [ 0., -2.]])
    """

    k: int

    def mask(self, scores):
        xp, p = array_namespace(scores), scores.shape[0]
        if self.k <= 0 or self.k >= p:
            return xp.full_like(scores, self.k > 0, dtype=xp.bool)
        threshold = xp.sort(scores, axis=0)[p - self.k, :]
        above, ties = scores > threshold, scores == threshold
        wanted = self.k - xp.sum(xp.astype(above, xp.int64), axis=0)
        return above | (ties & (xp.cumulative_sum(xp.astype(ties, xp.int64), axis=0) <= wanted))


@dataclass(frozen=True)
class InEachRun(Allowance):
    """At most `n` of every `m` consecutive entries of a column; m divides the number of rows.

    Examples
    --------
    >>> import numpy as np
    >>> InEachRun(1, 2).project(np.array([[3.0, -1.0], [0.5, -2.0]]))[0]
    array([[ 3.,  0.],
           [ 0., -2.]])
    """

    n: int
    m: int

    def mask(self, scores):
        xp, (p, q) = array_namespace(scores), scores.shape
        runs = xp.reshape(scores, (p // self.m, self.m, q))
        kept = []
        for i in range(self.m):  # an entry stays when fewer than n of its run come before it; earlier ones win ties
            one = runs[:, i, :]
            before = xp.zeros_like(one, dtype=xp.int32)
            for j in range(self.m):
                if j != i:
                    ahead = runs[:, j, :] >= one if j < i else runs[:, j, :] > one
                    before = before + xp.astype(ahead, xp.int32)
            kept.append(before < self.n)
        return xp.reshape(xp.stack(kept, axis=1), (p, q))


def value(gram, target, coef) -> float:
    """:math:`f(B)`, computed as it stands, so that it is never negative by rounding of large terms."""
    xp = array_namespace(coef)
    change = coef - target
    return 0.5 * float(xp.sum(change * (gram @ change)))


def refit(gram, target, mask, start, *, max_iter: int = 20, tolerance: float = 1e-4):
    """Least f over arrays whose nonzeros lie in `mask`, by conjugate gradients in all columns at once.

    Columns are problems of their own and have steps of their own; the diagonal of G preconditions.

    Parameters
    ----------
    gram : array (p, p)
        Symmetric positive semidefinite.
    target : array (p, q)
        Minimiser without a limit.
    mask : bool array (p, q)
        Where nonzeros may be.
    start : array (p, q)
        First guess; what lies outside the mask is dropped.
    max_iter : int, default=20
        Most products with G after the first.
    tolerance : float, default=1e-4
        Stops where the gradient, in the norm of the preconditioner, is at most this share of that of the target.

    Returns
    -------
    array (p, q)

    Examples
    --------
    >>> import numpy as np
    >>> G, W = np.array([[2.0, 1.0], [1.0, 2.0]]), np.array([[1.0], [1.0]])
    >>> refit(G, W, np.array([[True], [False]]), np.zeros((2, 1)))
    array([[1.5],
           [0. ]])
    """
    xp = array_namespace(target)
    diagonal = xp.linalg.diagonal(gram)
    inverse = xp.where(diagonal > 0, 1 / xp.where(diagonal > 0, diagonal, xp.ones_like(diagonal)), 0.0)[:, None]
    inside = xp.astype(mask, target.dtype)
    coef = start * inside
    scale = float(xp.sum((gram @ target) ** 2 * inverse))
    residual = (gram @ (target - coef)) * inside
    direction = inverse * residual
    size = xp.sum(residual * direction, axis=0)
    for _ in range(max_iter):
        if float(xp.sum(size)) <= tolerance**2 * scale:
            break
        image = (gram @ direction) * inside
        step = size / (xp.sum(direction * image, axis=0) + TINY)
        coef = coef + step * direction
        residual = residual - step * image
        before, conditioned = size, inverse * residual
        size = xp.sum(residual * conditioned, axis=0)
        direction = conditioned + (size / (before + TINY)) * direction
    return coef


def threshold_gram(gram, target, allowance: Allowance, *, max_iter: int = 50, tolerance=1e-4, refit_iter=20):
    r"""Normalised iterative hard thresholding on a Gram matrix, and the refit of what it keeps.

    .. math:: B \leftarrow P_S(B - \mu \nabla f(B)), \qquad
       \mu_j = \|g_j\|^2 / \langle g_j, G g_j\rangle, \quad g = \nabla f(B) \text{ on the nonzeros of } B,

    from :math:`B = P_S(W)`, with a step of its own for each column j. Steps that would raise f are halved; the
    iteration ends where none lowers it, or three in a row not by more than the share `tolerance`.

    Parameters
    ----------
    gram : array (p, p)
        Symmetric positive semidefinite; best with a diagonal of ones, for entries are compared across rows.
    target : array (p, q)
        Minimiser without a limit.
    allowance : Allowance
        The set S.
    max_iter : int, default=50
        Most steps.
    tolerance : float, default=1e-4
        Least gain of a step, as a share of f.
    refit_iter : int, default=20
        Most steps of the refit.

    Returns
    -------
    coef : array (p, q)
    mask : bool array (p, q)
        What was kept; an entry of it may be zero.

    References
    ----------
    Blumensath & Davies (2010), "Normalized iterative hard thresholding", IEEE J. Sel. Topics Signal Process. 4(2).

    Examples
    --------
    >>> import numpy as np
    >>> G, W = np.array([[1.0, 0.9], [0.9, 1.0]]), np.array([[1.0], [1.1]])
    >>> threshold_gram(G, W, InAll(1))[0]
    array([[0.],
           [2.]])
    """
    xp = array_namespace(target)
    coef, mask = allowance.project(target)
    gradient = gram @ (coef - target)
    now = 0.5 * float(xp.sum((coef - target) * gradient))
    idle = 0
    for _ in range(max_iter):
        inside = gradient * xp.astype(mask, target.dtype)
        length = xp.sum(inside**2, axis=0)
        step = length / (xp.sum(inside * (gram @ inside), axis=0) + TINY)
        step = xp.where(length > 0, step, xp.ones_like(step))  # stationary on its support: is there a better one?
        for _ in range(20):
            tried, kept = allowance.project(coef - step * gradient)
            slope = gram @ (tried - target)
            then = 0.5 * float(xp.sum((tried - target) * slope))
            if then < now:
                break
            step = step / 2
        else:
            break
        gained = now - then
        coef, mask, gradient, now = tried, kept, slope, then
        idle = idle + 1 if gained <= tolerance * now else 0
        if idle == PATIENCE:
            break
    return refit(gram, target, mask, coef, max_iter=refit_iter), mask
