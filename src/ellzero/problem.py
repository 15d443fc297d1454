"""The question: data, loss, penalty, size and support rules, with the numbers every solver starts from."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy import linalg

from . import _checks as checks
from ._linear import pivoted_cholesky, solve_positive
from .constraints import LinearRow, SupportRules
from .constraints.support import linear_rows
from .losses import Loss, Offset
from .operators import Dense, GramRows, Operator, Standardised, as_operator
from .operators.adapters import as_vector
from .operators.gram import SINGLE_FEATURES, is_small
from .penalties import Separable
from .responses import read_response

FAR = 1e3  # distance of a column from zero, in deviations, beyond which a centred copy is made
CHECKED_FEATURES = 2000  # beyond so many columns no eigenvalue is computed
UNIT = 2.0**-53
CONSTANT = 1e-9  # a column whose deviation is below this share of its size is constant
DEPENDENT = 1e-12  # squared part of a unit column that the others leave unexplained
DEPENDENCE_FEATURES = 1000
DEPENDENCE_WORK = 2e10  # rows times squared columns: about a second
# what is computed once: from the data alone, and with the strengths, whatever the size
OF_DATA = ("moments", "constant", "usable", "gram", "quick_gram", "correlations", "null_intercept")


@dataclass(frozen=True, eq=False)
class NormalForm:
    """The problem in columns of unit weighted deviation: ``gamma = coef * scale``.

    Attributes
    ----------
    Z : Standardised
        Scaled columns, centred when there is an intercept.
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Target, centred where the intercept is profiled out (squared error).
    penalty : Separable
        Strengths and limits for gamma, one number a column.
    """

    Z: Standardised
    y: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    penalty: Separable


@dataclass(frozen=True, eq=False)
class Problem:
    r"""Minimise :math:`L(\beta) + \lambda_0 \#units + \lambda_1\|\beta\|_1 + \lambda_2\|\beta\|_2^2`.

    There may be a limit of k units, and rules on which are in. Build one with `Problem.from_data`; the fields below are
    what it holds.

    Attributes
    ----------
    X : Operator of shape (n_samples, n_features)
        Rows of weight zero are left out.
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
    loss : Loss
    penalty : Separable
        Strengths on the user's scale, limits in data units.
    k : int or None
        At most so many units (columns, or groups where there are groups); forced ones count.
    rules : SupportRules
    weight : ndarray of shape (n_samples,)
        Weights divided by their sum.
    n_samples : float
        Sum of the weights, an integer weight is a repeated row; of those of the events for `Cox`.
    fit_intercept, standardize : bool
    names : tuple of str
    all_weights : ndarray
        The weights as given, zeros included; a certificate keeps them.
    linear : tuple of LinearRow
        Linear conditions; few solvers take them.
    outputs : tuple of str
        Names of the outputs where there are several: coefficients then have one column each, and a unit is in with its
        rows of them. Such problems have no limits, no l1 and no linear conditions.
    offset : ndarray or None
        Offsets as given. They are taken off y for squared error, and are part of the loss otherwise.

    Notes
    -----
    L is half the weighted mean deviance. With ``standardize`` the strengths l1 and l2 act on columns scaled to unit
    weighted standard deviation (about zero when there is no intercept); coefficients, lower and upper stay in data
    units.
    """

    X: Operator
    y: np.ndarray
    loss: Loss
    penalty: Separable
    k: int | None
    rules: SupportRules
    weight: np.ndarray
    n_samples: float
    fit_intercept: bool
    standardize: bool
    names: tuple[str, ...]
    all_weights: np.ndarray
    linear: tuple[LinearRow, ...] = ()
    outputs: tuple[str, ...] = ()
    offset: np.ndarray | None = None

    @classmethod
    def from_data(
        cls,
        X,
        y,
        *,
        k=None,
        l0=None,
        l1=0.0,
        l2=0.0,
        loss="squared",
        lower=None,
        upper=None,
        groups=None,
        forced=(),
        forbidden=(),
        constraints=(),
        sample_weight=None,
        offset=None,
        fit_intercept=True,
        standardize=True,
        names=None,
    ) -> "Problem":
        """Check the data and the question.

        Parameters
        ----------
        X, y, k, l0, l1, l2, loss, lower, upper
            As in `best_subset`.
        groups, forced, forbidden, constraints, sample_weight, offset, fit_intercept, standardize
            As in `best_subset`.
        names : sequence of str, optional
            Column names, where X does not bring its own.

        Raises
        ------
        ArgumentError, DataError, InfeasibleError
            The message says what must hold, what was got and what to do.
        """
        op, own_names = as_operator(X)
        names = own_names if names is None else tuple(names)
        n, p = op.shape
        response = read_response(loss, y, n)
        loss, target = response.loss, response.y
        if np.isfinite(target).all() and not loss.censored:  # of times only the order counts
            checks.magnitude("y", float(np.abs(target).max()))
        weight = np.ones(n) if sample_weight is None else as_vector("sample_weight", sample_weight, n)
        checks.sample_weight(weight)
        checks.magnitude("sample_weight", float(weight.max()))
        all_weights = weight
        shift = None if offset is None else _offset(offset, n)
        all_offsets = shift
        if (weight == 0).any():
            counted = np.flatnonzero(weight)
            op, target, weight = op.rows(counted), target[counted], weight[counted]
            shift = None if shift is None else shift[counted]
            loss = loss.at_rows(counted)
        loss.check_target(target)
        target, loss = loss.bound_to(target, weight)
        if shift is not None and loss.name == "squared":
            target = (target.T - shift).T
        elif shift is not None:
            if response.names:
                raise checks.one_response("offsets of this loss need")
            loss = Offset(loss, shift)
        rules = SupportRules.build(names, groups, forced, forbidden, constraints)
        if k is not None:
            k = checks.size("k", k, rules.n_units, "column" if not rules.grouped else "group")
            if rules.forced.sum() > k:
                raise checks.too_many_forced(int(rules.forced.sum()), k)
        penalty = Separable(
            0.0 if l0 is None else checks.non_negative("l0", l0),
            checks.non_negative("l1", l1),
            checks.non_negative("l2", l2),
            _limit("lower", lower, -np.inf, p),
            _limit("upper", upper, np.inf, p),
        )
        if response.names:
            _refuse_with_several(penalty)
        total = float(weight.sum())
        problem = cls(
            op,
            target,
            loss,
            penalty,
            k,
            rules,
            weight / total,
            loss.sample_size(weight),
            bool(fit_intercept) and loss.by_rows,
            bool(standardize),
            names,
            all_weights,
            outputs=response.names,
            offset=all_offsets,
        )
        if problem.constant.any():
            problem = replace(problem, rules=rules.without(problem.constant))
        _ = problem.usable  # a forced column that is constant is refused here, before any search
        return problem.restricted_by(constraints)

    def restricted_by(self, constraints) -> "Problem":
        """The problem with what its rules imply forced and forbidden, and with the linear rows of the constraints."""
        linear = linear_rows(self.names, self.rules, constraints)
        if linear and self.n_outputs > 1:
            raise checks.one_response("linear conditions need")
        if not (self.rules.restricted or linear):
            return self
        rules = self.rules.closed(self.names)
        problem = replace(self, rules=rules, linear=linear)
        if self.k is not None and problem.least_size > self.k:
            needed = rules.unit_names(rules.completed(), self.names)
            raise checks.forced_need_more(problem.least_size, self.k, needed)
        return problem

    def with_penalty(self, l1: float, l2: float) -> "Problem":
        """The same problem with other strengths; what was computed from the data alone is shared."""
        own = self.penalty
        if (l1, l2) == (own.l1, own.l2):
            return self
        return self.changed(OF_DATA, penalty=Separable(own.l0, l1, l2, own.lower, own.upper))

    def with_size(self, k: int | None) -> "Problem":
        """The same problem with another k; what was computed is shared, none of it depends on k."""
        twin = object.__new__(Problem)  # `replace` costs more than a small fit
        twin.__dict__.update(self.__dict__, k=k)
        return twin

    def changed(self, shared, **fields) -> "Problem":
        """The same problem with other fields; of what was computed, the names in `shared` are taken over."""
        twin = replace(self, **fields)
        twin.__dict__.update({name: self.__dict__[name] for name in shared if name in self.__dict__})
        return twin

    @property
    def n_features(self) -> int:
        return self.X.shape[1]

    @property
    def n_outputs(self) -> int:
        """Columns of the coefficients."""
        return max(len(self.outputs), 1)

    @property
    def centred(self) -> bool:
        """Whether columns are taken about their means: there is an intercept, or none could be told from zero."""
        return self.fit_intercept or not self.loss.by_rows

    @property
    def l0(self) -> float:
        return float(self.penalty.l0)

    @cached_property
    def least_size(self) -> int:
        """Units in the smallest support that keeps the rules: the forced ones and what they need."""
        return len(self.rules.completed() or ())

    @property
    def least_squares(self) -> bool:
        """Whether a fit on a given support is one linear solve: squared error with at most a ridge."""
        return self.loss.least_squares and self.penalty.l1 == 0 and not self.penalty.limited

    @property
    def closed_form(self) -> bool:
        """The same for a single output: what compiled searches and proofs are made for."""
        return self.least_squares and self.n_outputs == 1

    @cached_property
    def null_intercept(self) -> Any:
        """Intercept of the empty model, one an output."""
        return self.loss.null_intercept(self.y, self.weight) if self.fit_intercept else 0.0

    @cached_property
    def null_loss(self) -> float:
        """Objective of the empty model: the unit of absolute tolerances."""
        eta = 0.0 if self.loss.least_squares else self.null_intercept
        return self.loss.mean(self.normal.y, np.broadcast_to(eta, self.y.shape), self.weight)

    @cached_property
    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Weighted mean and variance of the columns."""
        return self.X.moments(self.weight)

    @cached_property
    def constant(self) -> np.ndarray:
        """Columns without variation (without an intercept: columns that are zero). Shape (n_features,), bool."""
        mean, spread = self.moments
        square = spread if self.centred else spread + mean * mean
        return np.sqrt(square) <= CONSTANT * np.sqrt(spread + mean * mean)

    @cached_property
    def normal(self) -> NormalForm:
        """The problem in scaled columns."""
        mean, spread = self.moments
        centre = mean if self.centred else np.zeros_like(mean)
        square = spread if self.centred else spread + mean * mean
        scale = np.where(self.constant, 1.0, np.sqrt(square))
        divide = np.ones_like(scale) if self.standardize else scale
        penalty = Separable(
            self.penalty.l0,
            self.penalty.l1 / divide,
            self.penalty.l2 / divide**2,
            np.broadcast_to(self.penalty.lower, scale.shape) * scale,
            np.broadcast_to(self.penalty.upper, scale.shape) * scale,
        )
        y = self.y
        if self.loss.least_squares and self.fit_intercept:
            y = y - y[0]
            y = y - self.weight @ y
        base, offset = self.X, centre
        if (
            isinstance(base, Dense) and np.max(np.abs(centre) / scale) > FAR
        ):  # far from zero, products would lose digits
            base, offset = Dense(base.array - centre), np.zeros_like(centre)
        return NormalForm(Standardised(base, offset, scale), y, centre, scale, penalty)

    @cached_property
    def usable(self) -> np.ndarray:
        """Units that may be in: not forbidden, and without constant columns. Shape (n_units,), bool."""
        usable = np.array([unit.size > 0 for unit in self.rules.units])
        lost = self.rules.forced & ~usable
        if lost.any():
            raise checks.forced_constant([self.names[j] for j in np.flatnonzero(lost[self.rules.unit_of_column])])
        return usable & ~self.rules.forbidden

    @cached_property
    def constant_columns(self) -> tuple[str, ...]:
        return tuple(self.names[j] for j in np.flatnonzero(self.constant))

    @cached_property
    def dependent_columns(self) -> tuple[str, ...]:
        """Columns that are combinations of others, where rows outnumber columns; sought only where a second will do."""
        varying = np.flatnonzero(~self.constant)
        small = varying.size <= DEPENDENCE_FEATURES and self.weight.size * varying.size**2 <= DEPENDENCE_WORK
        if not (small and 2 <= varying.size < self.weight.size - self.fit_intercept):
            return ()
        gram = self.gram.rows(varying)[:, varying]
        _, order, rank = pivoted_cholesky(gram, DEPENDENT)
        return tuple(self.names[j] for j in np.sort(varying[order[rank:]]))

    @cached_property
    def gram(self) -> GramRows:
        """Gram rows of the scaled columns (squared error)."""
        return GramRows(self.normal.Z, self.weight, self.normal.y)

    @cached_property
    def quick_gram(self) -> GramRows:
        """Gram rows for a search that scores by them: in single precision where columns are many."""
        n, p = self.normal.Z.shape
        if "gram" in self.__dict__ or p < SINGLE_FEATURES or is_small(n, p):
            return self.gram
        return GramRows(self.normal.Z, self.weight, self.normal.y, single=True)

    @cached_property
    def correlations(self) -> np.ndarray:
        """Correlations of the scaled columns with the target (squared error), shape (n_features,)."""
        if "gram" in self.__dict__:
            return self.gram.corr
        return self.normal.Z.adjoint(self.weight * self.normal.y)

    def gram_of(self, columns) -> np.ndarray:
        """Gram matrix of some scaled columns."""
        if "gram" in self.__dict__ and self.gram.full:
            return np.ascontiguousarray(self.gram.store[np.ix_(columns, columns)])
        A = self.normal.Z.columns(columns) * np.sqrt(self.weight)[:, None]
        return A.T @ A

    @cached_property
    def rounding(self) -> float:
        """Share of ``(|y| + |b|_1)^2`` that rounding may take from a least-squares value; the checker's charge."""
        gamma = 8 * (self.y.size + 64) * UNIT
        return 2.5 * gamma

    @cached_property
    def least_eigenvalue(self) -> float:
        """Proven lower bound of the least eigenvalue of the ridged Gram matrix of all usable columns.

        ``-inf`` where it cannot be positive, or where there are too many columns to look.
        """
        columns = self.rules.columns(np.flatnonzero(self.usable))
        ridge = 2.0 * self.normal.penalty.l2[columns]
        if columns.size == 0:
            return 1.0
        if columns.size > CHECKED_FEATURES or (columns.size >= self.y.size and not ridge.all()):
            return -np.inf
        gram = self.gram.rows(columns)[:, columns] + np.diag(ridge)
        error = 2.0 * self.n_features * (self.rounding + 8 * UNIT * (np.trace(gram) + self.n_features))
        return float(linalg.eigh(gram, eigvals_only=True, subset_by_index=[0, 0], check_finite=False)[0]) - error

    @cached_property
    def full_value(self) -> float:
        """Lower bound of every support's value: that of all usable columns together, less rounding (squared error)."""
        columns = self.rules.columns(np.flatnonzero(self.usable))
        gram = self.gram.rows(columns)[:, columns] + np.diag(2.0 * self.normal.penalty.l2[columns])
        corr = self.gram.corr[columns]
        b = solve_positive(gram, corr)
        slack = self.rounding * (np.sqrt(self.gram.yy) + np.abs(b).sum()) ** 2
        return max(0.0, 0.5 * (self.gram.yy - float(corr @ b)) - slack)

    def predictor(self, coef, intercept) -> np.ndarray:
        """Linear predictor of each row."""
        support = nonzero_rows(coef)
        return self.X.columns(support) @ coef[support] + intercept

    def loss_value(self, coef, intercept=0.0) -> float:
        """Half the weighted mean deviance."""
        return self.loss.mean(self.y, self.predictor(coef, intercept), self.weight)

    def gradient(self, coef, intercept=0.0) -> np.ndarray:
        """Gradient of the loss in the coefficients, data units."""
        eta = self.predictor(coef, intercept)
        return self.X.adjoint(self.loss.mean_gradient(self.y, eta, self.weight))

    def convex_penalty(self, coef) -> float:
        """Value of l1, l2 and the limits, on the user's scale."""
        return float(np.sum(self.normal.penalty.convex_value(coef.T * self.normal.scale)))

    def objective(self, coef, intercept=0.0) -> float:
        """Loss plus penalty, units counted as the rules say."""
        return self.loss_value(coef, intercept) + self.convex_penalty(coef) + self.l0 * self.count_units(coef)

    def count_units(self, coef) -> int:
        """Number of units that are in."""
        return self.units_in(coef).size

    def units_in(self, coef) -> np.ndarray:
        """Units that are in: those with a nonzero coefficient, the forced ones, and the fewest that these need."""
        inside = self.rules.forced.copy()
        inside[self.rules.unit_of_column[nonzero_rows(coef)]] = True
        units = np.flatnonzero(inside)
        completed = self.rules.completed(units) if self.rules.requires else None
        return units if completed is None else np.array(completed, dtype=np.intp)

    def dual_bound(self, r, inside, outside) -> float:
        r"""Lower bound of the problem from any dual vector, by `METHODS` of weak duality.

        Parameters
        ----------
        r : ndarray of shape (n_samples,)
            Dual vector a row, a residual for squared error: the bound is
            :math:`-\sum_i w_i f^*(y_i, -r_i) - \sum_{in} (h^*_u - \lambda_0) - \sum_{free} [h^*_u - \lambda_0]_+`
            with :math:`h^*_u = \sum_{j \in u} h^*_j(z_j^\top W r)`, the last sum over the k - \|in\| largest where k is
            given.
        inside, outside : ndarray of shape (n_units,), bool
            Units that are in, and that are out.

        Returns
        -------
        float
            At most the optimum of the problem restricted to the node; ``-inf`` where r is outside the domain, or not
            orthogonal to the intercept.
        """
        moved = self.weight * r
        if self.fit_intercept and abs(moved.sum()) > 1e-9 * (np.abs(moved).sum() + 1e-300):
            return float("-inf")
        target = self.normal.y if self.loss.name == "squared" else self.y
        base = -float(self.weight @ self.loss.conjugate(target, -r))
        scores = self.unit_conjugates(self.normal.Z.adjoint(moved))
        return base - node_charge(scores, inside, outside, self.l0, self.k)[0]

    def unit_conjugates(self, v) -> np.ndarray:
        """:math:`h^*_u` of each unit at correlations v of the scaled columns."""
        conjugate = self.normal.penalty.convex_conjugate(v)
        return np.bincount(self.rules.unit_of_column, conjugate, self.rules.n_units)

    def gap(self, upper: float, lower: float) -> float:
        """Relative gap of an objective and a bound; 0 where the bound reaches the objective."""
        return relative_gap(upper, lower, self.null_loss)


def relative_gap(upper: float, lower: float, null_loss: float) -> float:
    """Relative gap of an objective and a bound beside the objective of the empty model."""
    return max(0.0, upper - lower) / max(upper, 1e-12 * null_loss, 1e-300)


def nonzero_rows(coef) -> np.ndarray:
    """Columns of X with a nonzero coefficient for some output."""
    return (coef if coef.ndim == 1 else coef.any(axis=1)).nonzero()[0]


def _refuse_with_several(penalty: Separable) -> None:
    """Penalties that are defined for a single output only."""
    for name, used in (("l1 needs", penalty.l1 > 0), ("`lower` and `upper` need", penalty.limited)):
        if used:
            raise checks.one_response(name)


def node_charge(scores, inside, outside, l0, k) -> tuple[float, float, float]:
    r"""What the units take off the dual value at a node, and the prices at the edge of the last place.

    Returns the charge :math:`\sum_{in}(h^* - \lambda_0) + \sum_{top} [h^* - \lambda_0]_+`, the smallest term that still
    has a place and the largest that has none (both 0 where places are left).
    """
    charge = float(np.sum(scores[inside])) - l0 * int(inside.sum())
    free = np.maximum(scores[~(inside | outside)] - l0, 0.0)
    places = free.size if k is None else k - int(inside.sum())
    if places >= free.size:
        return charge + float(free.sum()), 0.0, 0.0
    if places <= 0:
        return charge, float("inf"), float(free.max(initial=0.0))
    ordered = np.partition(free, (free.size - places - 1, free.size - places))
    return (
        charge + float(ordered[free.size - places :].sum()),
        float(ordered[free.size - places]),
        float(ordered[free.size - places - 1]),
    )


def _offset(offset, n: int) -> np.ndarray:
    offset = as_vector("offset", offset, n)
    checks.finite("offset", offset)
    checks.magnitude("offset", float(np.abs(offset).max()))
    return offset


def _limit(name: str, value, default: float, p: int):
    """A limit as a float or an array of one number a column."""
    if value is None:
        return default
    value = checks.limit(name, value)
    if value.ndim:
        checks.length_of(name, value.size, p)
        return value.ravel()
    return float(value)
