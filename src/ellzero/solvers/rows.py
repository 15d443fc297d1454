"""The convex problem on a given support under linear rows, and the multipliers that prove its value."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from .._linear import least_squares, solve_definite
from ..problem import Problem
from .refit import Fit

NEWTON_STEPS = 100
TIGHT = 1e-15
FEASIBLE = 1e-9  # rows of unit norm may be missed by so much, in deviations of y
ABSENT = 1e-9  # units with a smaller share are left out
NEAR = (1e-6, 1e-9)  # coefficients this close to a limit are tried as being there
REFINEMENTS = 3
PRECISE = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Linear rows in scaled columns: ``lower <= coef @ gamma + indicator @ z <= upper``, each coef of unit norm.

    Attributes
    ----------
    coef : ndarray of shape (n_rows, n_features)
    indicator : ndarray of shape (n_rows, n_units)
    lower, upper : ndarray of shape (n_rows,)
    """

    coef: np.ndarray
    indicator: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    @classmethod
    def of(cls, problem: Problem) -> tuple["Rows", "Rows"]:
        """Rows of a problem that touch coefficients, and those that touch indicators only."""
        linear = problem.linear
        coef = np.array([row.coef for row in linear]).reshape(len(linear), problem.n_features) / problem.normal.scale
        coef[:, problem.rules.absent] = 0.0
        indicator = np.array([row.indicator for row in linear]).reshape(len(linear), problem.rules.n_units)
        lower, upper = np.array([row.lower for row in linear]), np.array([row.upper for row in linear])
        norm = np.linalg.norm(coef, axis=1)
        on = norm > 0
        each = np.where(on, norm, 1.0)
        rows = coef / each[:, None], indicator / each[:, None], lower / each, upper / each
        return cls(*(part[on] for part in rows)), cls(*(part[~on] for part in rows))

    @property
    def count(self) -> int:
        return self.lower.size

    def supported(self, multipliers) -> float:
        """Least value of ``multipliers @ row`` over all that satisfy the rows."""
        limit = np.where(multipliers > 0, self.lower, self.upper)
        return float(multipliers[multipliers != 0] @ limit[multipliers != 0])

    def usable(self, multipliers) -> np.ndarray:
        """Multipliers without those that push against a side that has no limit: rounding, in any true solution."""
        limit = np.where(multipliers > 0, self.lower, self.upper)
        return np.where(np.isfinite(limit), multipliers, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Inner:
    """Minimiser at given shares of the units, with the multipliers of the rows.

    Attributes
    ----------
    fit : Fit
        ``fit.value`` is the value of the perspective: each unit's ``h`` scaled by its share.
    multipliers : ndarray of shape (n_rows,)
    """

    fit: Fit
    multipliers: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """The penalty and the rows on some columns at given shares."""

    columns: np.ndarray
    l1: np.ndarray
    ridge: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    coef: np.ndarray
    row_lower: np.ndarray
    row_upper: np.ndarray

    @classmethod
    def at(cls, problem: Problem, rows: Rows, share, diagonal) -> "Piece":
        of = problem.rules.unit_of_column
        columns = problem.rules.columns(np.flatnonzero(share > ABSENT))
        z, penalty = share[of[columns]], problem.normal.penalty
        moved = rows.indicator @ share
        return cls(
            columns,
            penalty.l1[columns],
            (2.0 * penalty.l2[columns] + diagonal[columns]) / z - diagonal[columns],
            penalty.lower[columns] * z,
            penalty.upper[columns] * z,
            rows.coef[:, columns],
            rows.lower - moved,
            rows.upper - moved,
        )

    @property
    def plain(self) -> bool:
        """Whether nothing but a ridge restricts the coefficients."""
        limited = np.isfinite(self.lower).any() or np.isfinite(self.upper).any()
        return not (self.row_lower.size or self.l1.any() or limited)

    def value(self, gamma) -> float:
        return float(self.l1 @ np.abs(gamma) + 0.5 * self.ridge @ (gamma * gamma))


def fit_shares(problem: Problem, rows: Rows, share, diagonal) -> Inner | None:
    r"""Minimise the perspective :math:`L(\gamma) + \sum_u z_u h_u(\gamma_u / z_u)` under the rows.

    Parameters
    ----------
    problem : Problem
    rows : Rows
    share : ndarray of shape (n_units,)
        Shares z in [0, 1]; at 0 and 1 this is the fit of a support.
    diagonal : ndarray of shape (n_features,)
        Curvature d of the loss that is handed to the penalty: ``d/2 (1/z - 1) gamma^2`` is added.

    Returns
    -------
    Inner or None
        None where no coefficients satisfy the rows, or none were found.
    """
    piece = Piece.at(problem, rows, share, diagonal)
    if problem.loss.name == "squared":
        return _squares(problem, piece)
    return _newton(problem, piece)


def _squares(problem: Problem, piece: Piece) -> Inner | None:
    columns = piece.columns
    hessian = problem.gram.rows(columns)[:, columns] + np.diag(piece.ridge)
    solved = quadratic(hessian, problem.gram.corr[columns], piece)
    if solved is None:
        return None
    gamma, multipliers = solved
    eta = problem.normal.Z.columns(columns) @ gamma
    value = problem.loss.mean(problem.normal.y, eta, problem.weight) + piece.value(gamma)
    return Inner(Fit(columns, gamma, 0.0, eta, value), multipliers)


def _newton(problem: Problem, piece: Piece) -> Inner | None:
    """Newton's method, each quadratic model minimised under the rows; the intercept follows in closed form."""
    loss, y, weight = problem.loss, problem.y, problem.weight
    Z = problem.normal.Z.columns(piece.columns)
    gamma, intercept, value = np.zeros(piece.columns.size), problem.null_intercept, np.inf
    multipliers = np.zeros(piece.row_lower.size)
    for _ in range(NEWTON_STEPS):
        eta = Z @ gamma + intercept
        curvature, slope = weight * loss.curvature(y, eta), -weight * loss.gradient(y, eta)
        total = max(float(curvature.sum()), 1e-300)
        centre = (curvature @ Z) / total if problem.fit_intercept else np.zeros(gamma.size)
        centred = Z - centre
        hessian = (centred * curvature[:, None]).T @ centred
        solved = quadratic(hessian + np.diag(piece.ridge), centred.T @ slope + hessian @ gamma, piece)
        if solved is None:
            return None
        step, multipliers = solved[0] - gamma, solved[1]
        shift = slope.sum() / total - centre @ step if problem.fit_intercept else 0.0
        length, before = 1.0, value
        while True:
            trial, new_intercept = gamma + length * step, intercept + length * shift
            value = loss.mean(y, Z @ trial + new_intercept, weight) + piece.value(trial)
            if (value <= before and np.isfinite(value)) or length < 1e-10:
                break
            length *= 0.5
        if not value <= before:
            break
        gamma, intercept = trial, new_intercept
        if before - value <= TIGHT * abs(value):
            break
        if np.isinf(before) and length < 1.0:  # the start need not satisfy the rows: a whole step does, at any value
            value = np.inf
    intercept = _level(problem, Z @ gamma, intercept)
    eta = Z @ gamma + intercept
    return Inner(Fit(piece.columns, gamma, intercept, eta, loss.mean(y, eta, weight) + piece.value(gamma)), multipliers)


def _level(problem: Problem, eta, intercept: float) -> float:
    """The intercept at which the residuals sum to zero: only there does the gradient bound every support."""
    if not problem.fit_intercept:
        return intercept
    loss, y, weight = problem.loss, problem.y, problem.weight
    for _ in range(20):
        step = (weight @ loss.gradient(y, eta + intercept)) / (weight @ loss.curvature(y, eta + intercept))
        intercept -= float(step)
        if abs(step) <= 1e-14 * (1.0 + abs(intercept)):
            break
    return intercept


def quadratic(hessian, linear, piece: Piece) -> tuple[np.ndarray, np.ndarray] | None:
    """Minimise ``g'Hg/2 - linear'g + l1|g|`` under limits and rows; minimiser and multipliers of the rows.

    None where there is none, or where the solver of quadratic programs fails.
    """
    if piece.plain:
        solved = solve_definite(hessian, linear)
        if solved is not None:
            return solved, np.empty(0)
    if piece.columns.size == 0:
        met = (piece.row_lower <= 0).all() and (piece.row_upper >= 0).all()
        return (np.empty(0), np.zeros(piece.row_lower.size)) if met else None
    # a unit diagonal, coefficients about one, rows of unit norm: tolerances are absolute
    root = np.sqrt(np.maximum(np.diag(hessian), 1e-12))
    size = float(np.abs(linear / root).max()) or 1.0
    coef = piece.coef / root
    norm = np.maximum(np.linalg.norm(coef, axis=1), 1e-300)
    scaled = Piece(
        piece.columns,
        piece.l1 / (root * size),
        piece.ridge,
        piece.lower * root / size,
        piece.upper * root / size,
        coef / norm[:, None],
        piece.row_lower / (norm * size),
        piece.row_upper / (norm * size),
    )
    hessian, linear = hessian / np.outer(root, root), linear / (root * size)
    found = _program(hessian, linear, scaled)
    if found is None:
        return None
    gamma, multipliers = polished(hessian, linear, scaled, *found)
    return gamma * size / root, multipliers * size / norm


def _program(hessian, linear, piece: Piece) -> tuple[np.ndarray, np.ndarray] | None:
    """The quadratic program by HiGHS."""
    split = bool(piece.l1.any())  # |g| = positive part + negative part
    both = np.array([1.0, -1.0]) if split else np.ones(1)
    lower, upper = piece.lower, piece.upper
    if split:
        lower, upper = (
            np.concatenate([np.maximum(lower, 0.0), np.maximum(-upper, 0.0)]),
            np.concatenate([np.maximum(upper, 0.0), np.maximum(-lower, 0.0)]),
        )
    cost = np.kron(both, -linear) + np.tile(piece.l1, both.size)
    model = _model(cost, lower, upper, np.kron(both, piece.coef), piece.row_lower, piece.row_upper)
    _set_hessian(model, np.kron(np.outer(both, both), hessian))
    solver = _solved(model)
    if solver is None:
        return None
    solution = solver.getSolution()
    return both @ np.asarray(solution.col_value).reshape(both.size, -1), np.asarray(solution.row_dual)


def polished(hessian, linear, piece: Piece, gamma, multipliers) -> tuple[np.ndarray, np.ndarray]:
    """The optimality conditions solved exactly on the face that the solution suggests, where that is better.

    The solver's own tolerance is enough for the value, not for the bound that the multipliers prove: a weak ridge
    multiplies its error.
    """
    best, error = (gamma, multipliers), misfit(hessian, linear, piece, gamma, multipliers)
    for close in NEAR:
        g, mu = gamma.copy(), multipliers.copy()
        at_lower, at_upper = g - piece.lower <= close, piece.upper - g <= close
        zero = (piece.l1 > 0) & (np.abs(g) <= close)
        g[at_lower], g[at_upper], g[zero] = piece.lower[at_lower], piece.upper[at_upper], 0.0
        free = np.flatnonzero(~(at_lower | at_upper | zero))
        held = np.flatnonzero((np.abs(mu) > close) | (piece.row_upper - piece.row_lower <= close))
        mu[np.setdiff1d(np.arange(mu.size), held)] = 0.0
        goal = np.where(mu > 0, piece.row_lower, piece.row_upper)[held]
        sides = piece.coef[np.ix_(held, free)]
        system = np.block([[hessian[np.ix_(free, free)], -sides.T], [sides, np.zeros((held.size, held.size))]])
        for _ in range(REFINEMENTS if system.size else 0):
            slope = linear - hessian @ g + piece.coef.T @ mu - piece.l1 * np.sign(g)
            move = least_squares(system, np.concatenate([slope[free], goal - piece.coef[held] @ g]))
            g[free] += move[: free.size]
            mu[held] += move[free.size :]
        g = np.clip(g, piece.lower, piece.upper)
        new = misfit(hessian, linear, piece, g, mu)
        if new < error:
            best, error = (g, mu), new
    return best


def misfit(hessian, linear, piece: Piece, gamma, multipliers) -> float:
    """Largest violation of the optimality conditions and of the rows."""
    slope = linear - hessian @ gamma + piece.coef.T @ multipliers
    low = np.where(gamma <= piece.lower, -np.inf, np.where(gamma > 0, piece.l1, -piece.l1))
    high = np.where(gamma >= piece.upper, np.inf, np.where(gamma < 0, -piece.l1, piece.l1))
    value = piece.coef @ gamma
    pushed = np.where(multipliers > 0, value - piece.row_lower, piece.row_upper - value)
    slack = np.where(multipliers != 0, np.minimum(np.abs(multipliers), np.abs(pushed)), 0.0)
    wrong = [slope - high, low - slope, value - piece.row_upper, piece.row_lower - value, slack]
    return float(np.max(np.concatenate(wrong), initial=0.0))


def nearest_violation(piece: Piece, unit: float) -> np.ndarray | None:
    """Multipliers that prove that no coefficients satisfy the rows at the piece's shares, or None.

    The rows are relaxed by slacks of least sum; their duals separate.
    """
    m, columns = piece.row_lower.size, piece.columns.size
    slack = np.hstack([piece.coef, np.eye(m), -np.eye(m)])
    model = _model(
        np.concatenate([np.zeros(columns), np.ones(2 * m)]),
        np.concatenate([piece.lower / unit, np.zeros(2 * m)]),
        np.concatenate([piece.upper / unit, np.full(2 * m, np.inf)]),
        slack,
        piece.row_lower / unit,
        piece.row_upper / unit,
    )
    solver = _solved(model)
    if solver is None or solver.getInfo().objective_function_value <= FEASIBLE:
        return None
    return np.asarray(solver.getSolution().row_dual)


def _model(cost, lower, upper, matrix, row_lower, row_upper):
    """A HiGHS model of a linear program."""
    import highspy

    model = highspy.HighsModel()
    lp, by_row = model.lp_, sparse.csr_array(matrix)
    lp.num_col_, lp.num_row_ = cost.size, row_lower.size
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = cost, lower, upper
    lp.row_lower_, lp.row_upper_ = row_lower, row_upper
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_, lp.a_matrix_.index_ = by_row.indptr.astype(np.int32), by_row.indices.astype(np.int32)
    lp.a_matrix_.value_ = np.asarray(by_row.data, float)
    return model


def _set_hessian(model, hessian) -> None:
    import highspy

    lower = sparse.csc_matrix(np.tril(hessian))
    model.hessian_.dim_, model.hessian_.format_ = len(hessian), highspy.HessianFormat.kTriangular
    model.hessian_.start_, model.hessian_.index_, model.hessian_.value_ = lower.indptr, lower.indices, lower.data


def _solved(model):
    """The solver at the model's optimum; None where the model has none."""
    import highspy

    solver = highspy.Highs()
    solver.silent()
    for option, value in PRECISE.items():
        solver.setOptionValue(option, value)
    solver.passModel(model)
    solver.run()
    return solver if solver.getModelStatus() == highspy.HighsModelStatus.kOptimal else None
