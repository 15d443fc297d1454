r"""Norms of every order from 0 to infinity."""

import numpy as np

from .. import _checks as checks


def norm(x, p=2.0) -> np.ndarray:
    r"""Norm :math:`\|x\|_p = (\sum_i |x_i|^p)^{1/p}` along the last axis, both ends included.

    :math:`\|x\|_0` is the number of nonzeros and :math:`\|x\|_\infty` the largest size. A norm for :math:`p \ge 1`, a
    quasi-norm for :math:`0 < p < 1` (the triangle inequality fails), and neither for p = 0, where
    :math:`\|cx\|_0 = \|x\|_0` for every :math:`c \ne 0`.

    Parameters
    ----------
    x : array-like of shape (..., n)
        Finite vectors along the last axis.
    p : float in [0, inf], default=2.0
        Order.

    Returns
    -------
    ndarray of shape (...)
        Zero-dimensional for a single vector; ``inf`` only where the norm itself overflows.

    Raises
    ------
    ArgumentError
        p is negative or NaN.
    DataError
        x is a number, is empty along the last axis, or has NaN or infinite entries.

    Notes
    -----
    Powers are taken relative to the largest entry, so that neither small nor large ones are lost. As p goes to 0 it is
    the power `power_sum` that tends to the count of nonzeros; its p-th root grows without limit as soon as two entries
    are nonzero.

    References
    ----------
    Hardy, Littlewood & Pólya (1934), "Inequalities", chapter 2.

    Examples
    --------
    >>> [float(norm([2.0, 2.0], p).round(4)) for p in (0, 0.5, 1, 2, np.inf)]
    [2.0, 8.0, 4.0, 2.8284, 2.0]
    """
    p, x = checks.exponent(p), np.abs(checks.vectors("x", x))
    if p == 0:
        return np.asarray(np.count_nonzero(x, axis=-1), float)
    largest = x.max(axis=-1)
    if np.isinf(p):
        return np.asarray(largest)
    scale = np.where(largest > 0, largest, 1.0)
    with np.errstate(under="ignore", over="ignore"):
        if p == 1:
            return np.asarray(x.sum(axis=-1))
        # below 1 a power never leaves the range of numbers, where a ratio may
        shares = x**p / scale[..., None] ** p if p < 1 else (x / scale[..., None]) ** p
        total = shares.sum(axis=-1)
        root = total ** (1.0 / p)
        far = np.exp(np.log(scale) + np.log(np.maximum(total, 1.0)) / p)  # the root overflows, its product need not
        return np.where(np.isinf(root), far, largest * np.where(np.isinf(root), 1.0, root))


def power_sum(x, p) -> np.ndarray:
    r"""Power :math:`\|x\|_p^p = \sum_i |x_i|^p` along the last axis: what tends to :math:`\|x\|_0` as p goes to 0.

    Parameters
    ----------
    x : array-like of shape (..., n)
        Finite vectors along the last axis.
    p : float in [0, inf)
        Order; 0 counts nonzeros.

    Returns
    -------
    ndarray of shape (...)

    Raises
    ------
    ArgumentError
        p is negative, NaN or infinite.
    DataError
        As in `norm`.

    Examples
    --------
    >>> [float(power_sum([2.0, -3.0, 0.0], p).round(3)) for p in (1, 0.1, 0.001, 0)]
    [5.0, 2.188, 2.002, 2.0]
    """
    p, x = checks.finite_exponent(p), np.abs(checks.vectors("x", x))
    with np.errstate(under="ignore", over="ignore"):
        return (x**p * (x > 0)).sum(axis=-1)
