r"""Cuts in the indicators: linear bounds of the best value that each support can reach.

Let :math:`V(z)` be the least loss plus convex penalty of the support z under the linear rows. For every point b with
residuals r (the negative gradient of the loss in the predictor, orthogonal to the intercept), every diagonal d that
leaves :math:`G - D` positive semidefinite and all multipliers :math:`\mu` of rows :math:`l \le A\gamma + Bz \le u`,

.. math:: V(z) \ge L(b) + b^\top v_0 + \tfrac12 b^\top D b + \sigma(\mu) - \sum_u z_u (h^*_u(v) + (B^\top \mu)_u),
   \qquad v_0 = Z^\top W r, \quad v = v_0 + Db + A^\top \mu,

where :math:`\sigma(\mu) = \sum_i \mu_i^+ l_i - \mu_i^- u_i` and the ridge in :math:`h^*` is larger by d/2. No limit of
the coefficients is needed where a ridge, a diagonal or the user's own limits make :math:`h^*` finite; where it is not,
the unit's slope is what takes the bound down to one that holds for every support.

References
----------
Bertsimas & Van Parys (2020), "Sparse high-dimensional regression: exact scalable algorithms and phase transitions";
Geoffrion (1972), "Generalized Benders decomposition".
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from ..penalties import Separable
from ..problem import CHECKED_FEATURES, UNIT, Problem
from .rows import Inner, Piece, Rows, fit_shares, nearest_violation

EXTRACTED = 400  # beyond so many columns the least eigenvalue has to do
SPREAD = 0.1
BARRIERS = tuple(0.1 * 0.35**i for i in range(8))
ROUNDING = 1e-12  # a multiplier's reach below this share is rounding


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """``value + slopes @ z >= bound``, or without the value where it cuts off supports that satisfy no rows."""

    values: bool
    slopes: np.ndarray
    bound: float

    def at(self, z) -> float:
        """Lower bound of the value at z."""
        return self.bound - float(self.slopes @ z)


class Oracle:
    """Values of supports, and the cuts they give."""

    def __init__(self, problem: Problem, rows: Rows):
        self.problem, self.rows = problem, rows
        self.floor = 0.0  # lower bound of the value of every support
        self.weigh(None)

    def weigh(self, weight) -> None:
        """Choose the curvature that is handed to the penalty; cuts made before stay valid."""
        penalty, self.diagonal = self.problem.normal.penalty, transferable(self.problem, weight)
        self.penalty = Separable(0.0, penalty.l1, penalty.l2 + 0.5 * self.diagonal, penalty.lower, penalty.upper)

    def need(self, share) -> np.ndarray | None:
        """What each entry of the diagonal would add to the value at fractional shares: weights for another choice."""
        inner = fit_shares(self.problem, self.rows, share, self.diagonal)
        if inner is None or not self.diagonal.any():
            return None
        columns, weight = inner.fit.columns, np.zeros(self.problem.n_features)
        z = share[self.problem.rules.unit_of_column[columns]]
        weight[columns] = 0.5 * inner.fit.gamma**2 * (1.0 / z - 1.0)
        return weight if weight.any() else None

    @property
    def unit(self) -> float:
        """Size of a scaled coefficient."""
        return float(np.sqrt(self.problem.gram.yy)) if self.problem.loss.name == "squared" else 1.0

    def ask(self, share) -> tuple[Inner | None, Cut | None]:
        """Fit at given shares, and its cut; where the rows cannot be met no fit, and a cut that proves it if found."""
        inner = fit_shares(self.problem, self.rows, share, self.diagonal)
        if inner is not None:
            return inner, self._value_cut(inner)
        multipliers = nearest_violation(Piece.at(self.problem, self.rows, share, self.diagonal), self.unit)
        return None, None if multipliers is None else self._row_cut(multipliers, share)

    def _value_cut(self, inner: Inner) -> Cut:
        problem, fit, rows = self.problem, inner.fit, self.rows
        y, weight = problem.normal.y, problem.weight
        b = np.zeros(problem.n_features)
        b[fit.columns] = fit.gamma
        v = problem.normal.Z.adjoint(-weight * problem.loss.gradient(y, fit.eta))
        v[problem.rules.absent] = 0.0
        multipliers = rows.usable(inner.multipliers)
        base = problem.loss.mean(y, fit.eta, weight) + float(b @ v) + 0.5 * float(self.diagonal @ (b * b))
        v = v + self.diagonal * b + multipliers @ rows.coef
        of, n_units = problem.rules.unit_of_column, problem.rules.n_units
        slopes = np.bincount(of, self.penalty.convex_conjugate(v), n_units) + multipliers @ rows.indicator
        slopes[~problem.usable] = 0.0
        base += rows.supported(multipliers)
        # no support is below the floor, so no unit needs to take the bound further down than that
        return Cut(True, np.minimum(slopes, max(base - np.minimum(slopes, 0.0).sum() - self.floor, 0.0)), base)

    def _row_cut(self, multipliers, share) -> Cut | None:
        """The rows cannot be met unless the supports reach far enough in the direction of the multipliers."""
        problem, rows = self.problem, self.rows
        multipliers = rows.usable(multipliers)
        v = multipliers @ rows.coef
        inside = share[problem.rules.unit_of_column] > 1e-9
        v = np.where(inside & (np.abs(v) <= ROUNDING * np.abs(multipliers).sum()), 0.0, v)
        limit = np.where(v > 0, self.penalty.upper, self.penalty.lower)
        reach = np.where(v == 0, 0.0, v * np.where(v == 0, 0.0, limit))
        reach = np.bincount(problem.rules.unit_of_column, reach, problem.rules.n_units) + multipliers @ rows.indicator
        reach[~problem.usable] = 0.0
        need = rows.supported(multipliers)
        least = float(np.minimum(reach, 0.0).sum())
        reach = np.where(np.isfinite(reach), reach, max(need - least, 0.0))
        cut = Cut(False, reach, need)
        return cut if cut.at(share) > 0 else None


def transferable(problem: Problem, weight=None) -> np.ndarray:
    r"""Curvature that squared error can hand to the penalty: ``G - diag(d)`` stays positive semidefinite.

    Parameters
    ----------
    problem : Problem
    weight : ndarray of shape (n_features,), optional
        How much each entry is worth; all the same without it.

    Returns
    -------
    ndarray of shape (n_features,)
        Zeros for other losses, and where columns are not independent.

    Notes
    -----
    Coordinate ascent on :math:`\sum_j w_j d_j + \mu \log\det(G - D)`: with P the inverse of G - D, the best step of
    one entry is :math:`1/P_{jj} - \mu/w_j`. The least eigenvalue of what is left then says how far to step back.

    References
    ----------
    Dong, Chen & Linderoth (2015), "Regularization vs. relaxation: a conic optimization perspective of statistical
    variable selection".
    """
    d, columns = np.zeros(problem.n_features), problem.rules.columns(np.flatnonzero(problem.usable))
    if problem.loss.name != "squared" or not 0 < columns.size <= min(CHECKED_FEATURES, problem.y.size - 1):
        return d
    gram = problem.gram.rows(columns)[:, columns]
    error = 2.0 * columns.size * (problem.rounding + 8 * UNIT * columns.size)
    least = _least_eigenvalue(gram) - error
    even = d[columns] = np.full(columns.size, 0.9 * max(least, 0.0))
    if least <= 0 or columns.size > EXTRACTED:
        return d
    found = _ascend(gram, even.copy(), np.ones(columns.size) if weight is None else weight[columns])
    # mixed with the even one, which leaves 0.1 of the least eigenvalue to make up for what is missing, and keeps every
    # entry positive: with it the conjugates are finite
    missing = max(error - _least_eigenvalue(gram - np.diag(found)), 0.0)
    share = max(SPREAD, missing / (missing + 0.1 * least))
    d[columns] = (1.0 - share) * found + share * even
    return d


def _ascend(gram, d, weight) -> np.ndarray:
    weight = weight / weight.mean()
    weight = 0.85 * weight + 0.15
    inverse = np.linalg.inv(gram - np.diag(d))
    for barrier in BARRIERS:
        for j in range(d.size):
            step = 1.0 / inverse[j, j] - barrier / weight[j]
            step = max(step, -d[j])
            inverse += np.outer(inverse[j], inverse[j]) * (step / (1.0 - step * inverse[j, j]))
            d[j] += step
    return d


def _least_eigenvalue(matrix) -> float:
    return float(linalg.eigh(matrix, eigvals_only=True, subset_by_index=[0, 0], check_finite=False)[0])
