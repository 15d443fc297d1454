r"""What L0, L1 and L2 do to coefficients on the same data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _checks as checks
from ..problem import Problem
from ..result import Table
from .constrained import least, smooth
from .fields import loss_field

GAP = 1e-12


@dataclass(frozen=True, eq=False)
class Shrinkage:
    """Coefficients of the same data under three penalties.

    Attributes
    ----------
    names : tuple of str
        Columns.
    least_squares, l0, l1, l2 : ndarray of shape (n_features,)
        Coefficients in data units: without a penalty, with a price of nonzeros, with a lasso, with a ridge.
    strengths : tuple of three floats
        Of the three penalties.
    truth : ndarray of shape (n_features,) or None
    """

    names: tuple[str, ...]
    least_squares: np.ndarray
    l0: np.ndarray
    l1: np.ndarray
    l2: np.ndarray
    strengths: tuple[float, float, float]
    truth: np.ndarray | None = None

    def table(self) -> Table:
        """One row a column, one column an estimate."""
        known = [] if self.truth is None else [self.truth]
        estimates = [*known, self.least_squares, self.l0, self.l1, self.l2]
        rows = [[name, *(float(e[j]) for e in estimates)] for j, name in enumerate(self.names)]
        return Table(["column", *(["truth"] * len(known)), "least squares", "L0", "L1", "L2"], rows)

    def biases(self) -> Table:
        """Estimates less the truth where it is known, else less least squares, on the columns that each keeps.

        Each row has the columns kept, the mean of the difference in the direction of what it is compared with
        (negative: shrunken towards 0) and the root of its mean square.
        """
        aim = self.least_squares if self.truth is None else self.truth
        rows = []
        for name, estimate in (("L0", self.l0), ("L1", self.l1), ("L2", self.l2)):
            kept = estimate != 0
            off = ((estimate - aim) * np.where(aim == 0, np.sign(estimate), np.sign(aim)))[kept]
            mean, root = (float(off.mean()), float(np.sqrt((off**2).mean()))) if kept.any() else (None, None)
            rows.append([name, int(kept.sum()), mean, root])
        return Table(["penalty", "kept", "mean difference", "root mean square"], rows)


def shrinkage(
    X, y, *, l0=0.1, l1=0.1, l2=0.1, truth=None, fit_intercept=True, standardize=True, time_limit=60.0
) -> Shrinkage:
    r"""Coefficients of least squares and under L0, L1 and L2, on the same data.

    With :math:`X^\top X = nI` each has a closed form in the least-squares coefficients b: L0 keeps :math:`b_j` where
    :math:`\tfrac12 b_j^2 > \lambda_0` and takes nothing off it, L1 takes :math:`\lambda_1` off every size, L2 divides
    all by :math:`1 + 2\lambda_2`.

    Parameters
    ----------
    X, y
        As in `best_subset`; one response.
    l0, l1, l2 : float > 0, default=0.1
        Strengths, in units of the mean loss.
    truth : array-like of shape (n_features,), optional
        Coefficients that made the data.
    fit_intercept, standardize
        As in `best_subset`.
    time_limit : float, default=60.0
        Seconds of each search.

    Returns
    -------
    Shrinkage

    Raises
    ------
    ArgumentError, DataError
        As in `best_subset`.

    Notes
    -----
    That L0 takes nothing off is said of a support that is given. Coefficients of a support that was chosen on the same
    rows lie too far from 0 on average, because those were chosen that noise made large.

    References
    ----------
    Fan & Li (2001), "Variable selection via nonconcave penalized likelihood and its oracle properties", section 2.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> y = X @ [1.9, 0.0, -0.37] + 0.1 * np.random.default_rng(1).normal(size=200)
    >>> both = shrinkage(X, y, l0=0.19, l1=0.37, l2=0.37, truth=[1.9, 0.0, -0.37])
    >>> [int(np.count_nonzero(b)) for b in (both.l0, both.l1, both.l2)]
    [1, 2, 3]
    """
    l0, l1, l2 = (checks.positive(name, value) for name, value in (("l0", l0), ("l1", l1), ("l2", l2)))
    ways: dict[str, Any] = {"fit_intercept": fit_intercept, "standardize": standardize}
    problem = Problem.from_data(X, y, **ways)
    if problem.n_outputs > 1:
        raise checks.one_output(problem.n_outputs)
    known = None if truth is None else checks.one_a_column("truth", truth, problem.n_features)
    search: dict[str, Any] = {"time_limit": time_limit, **ways}
    from ..selection import best_subset, penalty_path  # the solvers come with them, and the rest of the room needs none

    counted = best_subset(X, y, l0=l0, **search)
    lasso = penalty_path(X, y, penalty="l1", strengths=[l1], tolerance=GAP, **search)
    ridge = penalty_path(X, y, penalty="ridge", strengths=[l2], tolerance=GAP, **search)
    plain = least(smooth(loss_field(problem), 1.0), np.zeros(problem.n_features))
    return Shrinkage(problem.names, plain, counted.coef, lasso.coefs[0], ridge.coefs[0], (l0, l1, l2), known)
