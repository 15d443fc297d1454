"""Splitting: the alternating direction method of multipliers for L0 least squares on a Gram matrix."""

from dataclasses import dataclass
from typing import Any

from array_api_compat import array_namespace

from .thresholding import Allowance, refit, value


@dataclass(frozen=True)
class Spectrum:
    """A Gram matrix with its eigenvalues and eigenvectors: what problems with the same G share.

    Parameters
    ----------
    gram : array (p, p)
        Symmetric positive semidefinite.
    values : array (p,)
        Eigenvalues; what rounding made negative is zero.
    vectors : array (p, p)
        Eigenvectors in columns.
    """

    gram: Any
    values: Any
    vectors: Any

    @staticmethod
    def of(gram) -> "Spectrum":
        xp = array_namespace(gram)
        values, vectors = xp.linalg.eigh(gram)
        return Spectrum(gram, xp.clip(values, 0.0, None), vectors)

    def resolvent(self, rho: float):
        r""":math:`(G + \rho I)^{-1}`."""
        xp = array_namespace(self.gram)
        return (self.vectors / (self.values + rho)) @ xp.matrix_transpose(self.vectors)


@dataclass(frozen=True)
class Schedule:
    """How the penalty of a splitting grows while the support settles.

    Every `every` iterations rho grows by `fast`, `medium` or `slow`: where more than 10 %, more than 0.5 %, or any of
    the support has changed. Growth forces the two copies together, so that a support is chosen at all; slow growth lets
    it be a good one. Where nothing has changed at the very first look, rho was too large and is divided by 5.

    Parameters
    ----------
    rho : float, default=0.1
        First penalty, > 0, in units of the diagonal of G.
    fast, medium, slow : float
        Factors of growth, > 1.
    every : int, default=3
        Iterations with the same penalty, >= 1.
    settled : float, default=3e-4
        Ends where a smaller share of the support than this changed.
    min_iter, max_iter : int
        Least and most iterations, >= 1.
    """

    rho: float = 0.1
    fast: float = 1.3
    medium: float = 1.2
    slow: float = 1.1
    every: int = 3
    settled: float = 3e-4
    min_iter: int = 30
    max_iter: int = 300

    def grown(self, rho: float, changed: float, iteration: int) -> float:
        if changed > 0.1:
            return rho * self.fast
        if changed > 0.005:
            return rho * self.medium
        if changed > 0:
            return rho * self.slow
        return rho / 5 if iteration == self.every else rho


def split_gram(
    spectrum: Spectrum, target, allowance: Allowance, schedule: Schedule = Schedule(), *, refit_iter: int = 20
):  # fmt: skip
    r"""L0 least squares on a Gram matrix by ADMM with a growing penalty, and the refit of what it keeps.

    The array is split into B, which lowers f, and D, which lies in the set S of `allowance`:

    .. math::
       B &\leftarrow (G + \rho I)^{-1} (G W - V + \rho D) \\
       D &\leftarrow P_S(B + V / \rho) \\
       V &\leftarrow V + \rho (B - D)

    from :math:`D = W, V = 0`. The support of the last D is refitted by conjugate gradients. Where that is no better
    than the refit of :math:`P_S(W)`, the latter is the answer, so that the method never loses to plain thresholding.

    Parameters
    ----------
    spectrum : Spectrum
        G with its eigenvectors; best with a diagonal of ones, for entries are compared across rows.
    target : array (p, q)
        W, the minimiser without a limit.
    allowance : Allowance
        The set S.
    schedule : Schedule, optional
        Growth of the penalty, and when to stop.
    refit_iter : int, default=20
        Most steps of the refit.

    Returns
    -------
    coef : array (p, q)
    mask : bool array (p, q)
        What was kept; an entry of it may be zero.

    References
    ----------
    Boyd, Parikh, Chu, Peleato & Eckstein (2011), "Distributed optimization and statistical learning via the alternating
    direction method of multipliers", Found. Trends Mach. Learn. 3(1), section 9.1.
    Meng, Behdin, Wang & Mazumder (2024), "ALPS: Improved optimization for highly sparse one-shot pruning for large
    language models", NeurIPS, algorithm 1 and section 3.2.

    Examples
    --------
    >>> import numpy as np
    >>> from ellzero.solvers.thresholding import InAll
    >>> G, W = np.array([[1.0, 0.9], [0.9, 1.0]]), np.array([[1.0], [1.1]])
    >>> split_gram(Spectrum.of(G), W, InAll(1))[0]
    array([[0.],
           [2.]])
    """
    xp, gram = array_namespace(target), spectrum.gram
    pull, split, dual = gram @ target, target, xp.zeros_like(target)
    first = mask = allowance.mask(xp.abs(target))
    kept = max(int(xp.count_nonzero(mask)), 1)
    rho, held, resolvent = schedule.rho, mask, spectrum.resolvent(schedule.rho)
    for iteration in range(1, schedule.max_iter + 1):
        coef = resolvent @ (pull - dual + rho * split)
        split, mask = allowance.project(coef + dual / rho)
        dual = dual + rho * (coef - split)
        if iteration % schedule.every == 0:
            changed = int(xp.count_nonzero(mask & ~held)) / kept
            if changed < schedule.settled and iteration >= schedule.min_iter:
                break
            held, grown = mask, schedule.grown(rho, changed, iteration)
            if grown != rho:
                rho, resolvent = grown, spectrum.resolvent(grown)
    found = refit(gram, target, mask, split, max_iter=refit_iter)
    plain = refit(gram, target, first, target, max_iter=refit_iter)
    return (found, mask) if value(gram, target, found) <= value(gram, target, plain) else (plain, first)
