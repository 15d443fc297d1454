"""The convex problem on a given support: what every search asks at every support it looks at."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import linalg

from .._kernels.coordinate import descend
from .._linear import least_squares, solve_definite, solve_positive, solve_well
from ..operators.gram import is_small
from ..problem import Problem

NEWTON_STEPS = 100
KINKED_STEPS = 1000  # where the curvature jumps: as few rows as coefficients may have any
SATURATED = 1e-6  # share of the empty model's loss at which nothing is left
JUMP = 1e-6  # share of the largest curvature that Newton's model has everywhere, where the loss's own may vanish
APART = 15.0  # log hazards this far apart make one look whether the partial likelihood has a maximum
FLAT = 1e-7  # a curvature below this share of that at the null model means that a coefficient runs away
TIGHT = 1e-13
WELL = 1e-6  # reciprocal condition from which normal equations, refined once, are as good as a factorisation
VERY_WELL = 1e-4  # the same for a Gram matrix alone, where it leaves at least the share PLAIN of the target unexplained
PLAIN = 1e-3
MANY_ROWS = 20_000
TOGETHER = 1 << 23  # numbers in the columns of several supports that are fitted at once
SOLVED = 1e-10  # residual, relative to the right side, of a solution that is taken
RANK = 1e-12  # singular values below this share of the largest are rounding: collinear columns share their coefficient


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Minimiser on a support, in scaled columns.

    Attributes
    ----------
    columns : ndarray of shape (k,)
    gamma : ndarray of shape (k,) or (k, n_outputs)
        Coefficients of the scaled columns.
    intercept : float or ndarray of shape (n_outputs,)
        Intercept that goes with the scaled columns (0 where it is profiled out).
    eta : ndarray of shape (n_samples,) or (n_samples, n_outputs), or None
        Linear predictor (of the centred target for squared error); None where only a Gram matrix was looked at.
    value : float
        Loss plus convex penalty; the price of the units is not in it.
    runaway : bool
        Whether a coefficient grows without end: classes are separable, or a partial likelihood is monotone.
    """

    columns: np.ndarray
    gamma: np.ndarray
    intercept: Any
    eta: Any
    value: float
    runaway: bool = False

    def loss(self, problem: Problem) -> float:
        """Half the weighted mean deviance: read off the centred fit, which far from zero keeps more digits."""
        if self.eta is None:
            return self.value - float(np.sum(problem.normal.penalty.l2[self.columns] @ (self.gamma * self.gamma)))
        return problem.loss.mean(problem.normal.y, self.eta, problem.weight)

    def coefficients(self, problem: Problem) -> tuple[np.ndarray, Any]:
        """Coefficients of all columns and intercept, in data units."""
        normal, outputs = problem.normal, self.gamma.shape[1:]
        coef = np.zeros((problem.n_features, *outputs))
        coef[self.columns] = (self.gamma.T / normal.scale[self.columns]).T
        # scaling back may overshoot by a rounding
        coef = np.clip(coef.T, problem.penalty.lower, problem.penalty.upper).T
        if not problem.fit_intercept:
            return coef, np.zeros(outputs) if outputs else 0.0
        intercept = problem.null_intercept if problem.loss.least_squares else self.intercept
        intercept = intercept - normal.centre @ coef
        return coef, intercept if outputs else float(intercept)


def fit_support(problem: Problem, columns, start: Fit | None = None) -> Fit:
    """Minimise loss plus convex penalty over the coefficients of `columns`.

    Parameters
    ----------
    problem : Problem
    columns : array of int
        Columns that may be nonzero; sorted in the answer.
    start : Fit, optional
        Where to start from; only speed depends on it.

    Returns
    -------
    Fit
    """
    columns = np.sort(np.asarray(columns, dtype=np.intp))
    if problem.least_squares:
        return _least_squares(problem, [columns])[0]
    Z = problem.normal.Z.columns(columns)
    if problem.n_outputs > 1:
        from .multinomial import fit_classes

        return fit_classes(problem, columns, Z, start)
    if problem.loss.name == "squared" and problem.penalty.l1 == 0:  # limits that do not bind change nothing
        free, penalty = _least_squares(problem, [columns])[0], problem.normal.penalty
        if ((free.gamma >= penalty.lower[columns]) & (free.gamma <= penalty.upper[columns])).all():
            return free
    gamma, intercept = _starting_point(problem, columns, start)
    if problem.penalty.l1 > 0 or problem.penalty.limited:
        return _descent(problem, columns, Z, gamma, intercept)
    return _newton(problem, columns, Z, gamma, intercept)


def _starting_point(problem, columns, start):
    if start is None:
        return np.zeros(columns.size), problem.null_intercept
    _, here, there = np.intersect1d(columns, start.columns, return_indices=True)
    gamma = np.zeros(columns.size)
    gamma[here] = start.gamma[there]
    return gamma, start.intercept


def _value(problem, columns, gamma, eta):
    penalty = problem.normal.penalty
    target = problem.normal.y
    convex = penalty.l1[columns] @ np.abs(gamma) + penalty.l2[columns] @ (gamma * gamma)
    return problem.loss.mean(target, eta, problem.weight) + float(convex.sum())


def fit_supports(problem: Problem, supports) -> list[Fit]:
    """`fit_support` of several supports: linear solves share the products of their columns where these fit memory."""
    supports = [np.sort(np.asarray(columns, dtype=np.intp)) for columns in supports]
    if not problem.least_squares:
        return [fit_support(problem, columns) for columns in supports]
    found = [fit_by_gram(problem, columns) for columns in supports]
    left = [columns for columns, fit in zip(supports, found, strict=True) if fit is None]
    room = TOGETHER // problem.y.shape[0]
    if len(left) > 1 and np.unique(np.concatenate(left)).size <= room:
        fitted = iter(_least_squares(problem, left))
    else:
        fitted = (fit_support(problem, columns) for columns in left)
    return [next(fitted) if fit is None else fit for fit in found]


def _least_squares(problem, supports) -> list[Fit]:
    """Normal equations, or an orthogonal factorisation of the weighted columns where they would lose digits."""
    union = np.unique(np.concatenate(supports))
    Z, ridge = problem.normal.Z.columns(union), problem.normal.penalty.l2[union]
    places = [np.searchsorted(union, columns) for columns in supports]
    gammas = _normal_equations(problem, Z, ridge, places)
    shape = problem.y.shape[1:]
    together = np.zeros((union.size, len(supports), *shape))
    for i, (columns, place) in enumerate(zip(supports, places, strict=True)):
        together[place, i] = _orthogonal(problem, columns, Z[:, place]) if gammas[i] is None else gammas[i]
    etas = np.tensordot(Z, together, axes=1)
    fits = []
    for i, (columns, place) in enumerate(zip(supports, places, strict=True)):
        gamma, eta = together[place, i], np.ascontiguousarray(etas[:, i])
        fits.append(Fit(columns, gamma, 0.0, eta, _value(problem, columns, gamma, eta)))
    return fits


def _orthogonal(problem, columns, Z):
    """Least-squares coefficients by an orthogonal factorisation; collinear columns share theirs."""
    ridge, root = problem.normal.penalty.l2[columns], np.sqrt(problem.weight)
    A, target = root[:, None] * Z, (root * problem.normal.y.T).T
    if ridge.any():
        A = np.vstack([A, np.diag(np.sqrt(2.0 * ridge))])
        target = np.concatenate([target, np.zeros((columns.size, *target.shape[1:]))])
    return least_squares(A, target, "gelsy", RANK) if columns.size else np.empty((0, *target.shape[1:]))


def fit_by_gram(problem: Problem, columns) -> Fit | None:
    """As `fit_support` for many rows, from the Gram matrix instead of the rows; None where that would cost digits."""
    if not (problem.closed_form and problem.y.size >= MANY_ROWS and is_small(*problem.X.shape)):
        return None
    columns, gram = np.sort(np.asarray(columns, dtype=np.intp)), problem.gram
    matrix, right = gram.store[np.ix_(columns, columns)], gram.corr[columns]
    matrix.flat[:: columns.size + 1] += 2.0 * problem.normal.penalty.l2[columns]
    solution = solve_well(matrix, right, VERY_WELL)
    if solution is None:
        return None
    value = 0.5 * (gram.yy - float(np.vdot(right, solution)))
    return Fit(columns, solution, 0.0, None, value) if value >= PLAIN * gram.yy else None


def _normal_equations(problem, Z, ridge, places) -> list[np.ndarray | None]:
    """Solutions of the normal equations of some of the columns, refined once from the residual.

    `places` has the columns of each; None takes the place of a solution where their condition is bad.
    """
    weighted, y = problem.weight[:, None] * Z, problem.normal.y
    gram, right = Z.T @ weighted + np.diag(2.0 * ridge), weighted.T @ y
    systems = [gram[np.ix_(at, at)] for at in places]
    solved = [solve_well(system, right[at], WELL) for system, at in zip(systems, places, strict=True)]
    gamma = np.zeros((ridge.size, len(places), *y.shape[1:]))
    for i, (at, solution) in enumerate(zip(places, solved, strict=True)):
        gamma[at, i] = 0.0 if solution is None else solution
    rest = np.tensordot(weighted.T, y[:, None] - np.tensordot(Z, gamma, axes=1), axes=1)
    rest -= 2.0 * (ridge * gamma.T).T
    return [
        None if solution is None else solution + solve_positive(system, rest[at, i])
        for i, (at, system, solution) in enumerate(zip(places, systems, solved, strict=True))
    ]


def _newton(problem, columns, Z, gamma, intercept):
    """Damped Newton steps on coefficients and intercept together."""
    loss, y, weight = problem.loss, problem.y, problem.weight
    ridge = 2.0 * problem.normal.penalty.l2[columns]
    design = np.vstack([Z.T, np.ones(y.size)]).T if problem.fit_intercept else Z  # in Fortran order
    point = np.append(gamma, intercept) if problem.fit_intercept else gamma.copy()
    ridge = np.append(ridge, 0.0) if problem.fit_intercept else ridge
    eta = design @ point
    value = loss.mean(y, eta, weight) + 0.5 * float(ridge @ (point * point))
    for _ in range(KINKED_STEPS if loss.kinked else NEWTON_STEPS):
        gradient = design.T @ loss.mean_gradient(y, eta, weight) + ridge * point
        hessian = _bent(problem, y, eta, design)
        hessian.flat[:: point.size + 1] += ridge
        step = solve_positive(hessian, gradient)
        decrement = float(gradient @ step)
        if decrement <= TIGHT * max(value, 1e-300) * 0.01 or point.size == 0:
            break
        length = 1.0
        with np.errstate(over="ignore", invalid="ignore"):  # classes that separate ask for steps beyond all bounds
            while True:
                trial = point - length * step
                trial_eta = design @ trial
                trial_value = loss.mean(y, trial_eta, weight) + 0.5 * float(ridge @ (trial * trial))
                if trial_value <= value - 1e-4 * length * decrement or length < 1e-10:
                    break
                length *= 0.5
        if not trial_value < value:
            break
        moved = float(np.abs(trial_eta - eta).max())
        point, eta, value = trial, trial_eta, trial_value
        if length == 1.0 and _leaves(loss, moved, decrement) <= 0.01 * TIGHT * value:
            break
    gamma, intercept = (point[:-1], float(point[-1])) if problem.fit_intercept else (point, 0.0)
    doubtful = value <= SATURATED * problem.null_loss if loss.by_rows else columns.size > 0 and np.ptp(eta) > APART
    doubtful &= not (loss.attained or ridge[: columns.size].all())
    runaway = bool(doubtful) and _runs_away(problem, design, eta)
    return Fit(columns, gamma, intercept, eta, value, runaway)


def _bent(problem, y, eta, directions):
    """Hessian of a Newton model between some directions: never flat where the loss may be and yet slope."""
    loss, weight = problem.loss, problem.weight
    form = loss.mean_hessian_form(y, eta, weight, directions)
    return form + JUMP * loss.curvature_bound * (weight * directions.T) @ directions if loss.kinked else form


def _leaves(loss, moved, decrement) -> float:
    r"""Newton decrement that a full step leaves, when no row moves by more than `moved`.

    Where the third derivative is nowhere above the second, the curvature changes by a factor of at most :math:`e^m`
    along the step; the gradient left, in the norm of the curvature, is at most :math:`(e^m - 1 - m)/m` times the one
    before, and its square below :math:`m^2` times for m up to a half.
    """
    return (moved * moved if moved < 0.5 and loss.concordant else np.inf) * decrement


def _runs_away(problem, design, eta) -> bool:
    """Whether the likelihood is flat, against the null model, along some direction of the design."""
    loss, y, weight = problem.loss, problem.y, problem.weight
    null = np.full(y.size, problem.null_intercept)
    now = loss.mean_hessian_form(y, eta, weight, design)
    then = loss.mean_hessian_form(y, null, weight, design)
    jitter = 1e-10 * np.trace(then) * np.eye(then.shape[0])
    if not loss.by_rows:  # much may be left of the loss: a direction without curvature at the start proves nothing
        jitter *= 1e-2
        now = now + (1.0 - FLAT) * jitter
    return bool(linalg.eigh(now + FLAT * jitter, then + jitter, eigvals_only=True, subset_by_index=[0, 0])[0] < FLAT)


def _descent(problem, columns, Z, gamma, intercept):
    """Coordinate descent on quadratic models, for l1 and limits; squared error needs one model."""
    loss, y, weight, penalty = problem.loss, problem.normal.y, problem.weight, problem.normal.penalty
    profiled = loss.name == "squared"
    intercept = 0.0 if profiled else intercept
    eta = Z @ gamma + intercept
    value = _value(problem, columns, gamma, eta)
    for _ in range(KINKED_STEPS if loss.kinked else NEWTON_STEPS):
        centred, slope, shift = Z, -loss.mean_gradient(y, eta, weight), 0.0
        if problem.fit_intercept and not profiled:
            curvature = loss.mean_hessian_times(y, eta, weight, np.ones((y.size, 1)))[:, 0]
            curvature += JUMP * loss.curvature_bound * weight if loss.kinked else 0.0
            centred = Z - (curvature @ Z) / curvature.sum()  # the intercept follows the step
            shift = slope.sum() / curvature.sum()
        hessian = _bent(problem, y, eta, centred)
        g = centred.T @ slope
        trial = None if profiled else _free_minimiser(hessian, g, gamma, penalty, columns)
        if trial is None:
            trial = gamma.copy()
            inside_descent(hessian, g, trial, penalty, columns)
        move = centred @ (trial - gamma) + shift
        length = 1.0
        while True:
            candidate = gamma + length * (trial - gamma)
            new_eta = eta + length * move
            new_value = _value(problem, columns, candidate, new_eta)
            if new_value <= value or length < 1e-10:
                break
            length *= 0.5
        done = not new_value < value - 1e-15 * abs(value)
        if not profiled and length == 1.0:
            decrement = float(_bent(problem, y, eta, move[:, None])[0, 0])
            done |= _leaves(loss, float(np.abs(move).max()), decrement) <= 0.01 * TIGHT * value
        if new_value <= value:
            gamma, eta, value = candidate, new_eta, new_value
        if done:
            break
    intercept = float(np.mean(eta - Z @ gamma)) if problem.fit_intercept and not profiled else 0.0
    return Fit(columns, gamma, intercept, eta, value)


def _free_minimiser(G, g, b, penalty, columns):
    """Minimiser of a quadratic model plus h, where no limit is met and the signs are as expected; else None."""
    l1, ridge = penalty.l1[columns], 2.0 * penalty.l2[columns]
    sign = np.where(b != 0, np.sign(b), np.sign(g))
    hessian, right = G + np.diag(ridge), g - ridge * b - l1 * sign
    step = solve_definite(hessian, right)
    if step is None or np.abs(hessian @ step - right).max(initial=0.0) > SOLVED * np.abs(right).max(initial=0.0):
        return None
    t = b + step
    allowed = (t >= penalty.lower[columns]) & (t <= penalty.upper[columns]) & ((l1 == 0) | (t * sign > 0))
    return t if allowed.all() else None


def inside_descent(G, g, b, penalty, columns) -> None:
    """Minimise a quadratic model plus h over columns that are all in; b and g are updated in place."""
    m = columns.size
    if m == 0:
        return
    unused = np.zeros(m)
    descend(
        np.ascontiguousarray(G), g, b, np.zeros(m), np.empty(m), np.arange(m + 1), np.ones(m, np.bool_),
        np.maximum(np.diag(G), 1e-300), 0.0, penalty.l1[columns], penalty.l2[columns], penalty.lower[columns],
        penalty.upper[columns], unused, unused, unused, unused, 1e-12, 20000,
    )  # fmt: skip
