"""The multinomial fit on a given support: damped Newton steps on all classes together."""

import numpy as np
from scipy import linalg

from .._linear import solve_positive
from ..problem import Problem
from .refit import FLAT, NEWTON_STEPS, TIGHT, Fit

ROWS = 1024  # rows whose part of the Hessian is formed together
JITTER = 1e-7  # share of the trace that hides rounding
FAR = 14.0  # log-odds within a row below which no curvature is lost to separation


def fit_classes(problem: Problem, columns, Z, start: Fit | None) -> Fit:
    r"""Minimise the multinomial loss plus ridge over the coefficients of some columns and the intercepts.

    With probabilities :math:`\pi_i` the Hessian is :math:`\sum_i w_i (\mathrm{diag}(\pi_i) - \pi_i\pi_i^\top) \otimes
    z_i z_i^\top`, singular along what is common to all classes. Gradients have nothing there, so that adding
    :math:`\tfrac1C 11^\top \otimes I` makes it definite without changing a step: coefficients that start at a sum of
    zero keep it, which is the least norm.

    Parameters
    ----------
    problem : Problem
    columns : ndarray of shape (k,)
    Z : ndarray of shape (n_samples, k)
        The scaled columns.
    start : Fit or None
        Where to start from.

    Returns
    -------
    Fit
        With coefficients of shape (k, n_classes).

    References
    ----------
    Boehning (1992), "Multinomial logistic regression algorithm".
    """
    loss, y, weight = problem.loss, problem.y, problem.weight
    ridge = 2.0 * problem.normal.penalty.l2[columns]
    design, point = Z, _starting_point(problem, columns, start)
    if problem.fit_intercept:
        design, ridge = np.column_stack([Z, np.ones(len(Z))]), np.append(ridge, 0.0)
    else:
        point = point[:-1]

    def valued(point):
        eta = design @ point
        return eta, loss.mean(y, eta, weight) + 0.5 * float((ridge @ (point * point)).sum())

    eta, value = valued(point)
    for _ in range(NEWTON_STEPS if point.size else 0):
        gradient = design.T @ loss.mean_gradient(y, eta, weight) + ridge[:, None] * point
        step = solve_positive(_hessian(problem, design, eta, ridge), gradient.T.ravel()).reshape(gradient.T.shape).T
        step -= step.mean(axis=1)[:, None]  # rounding only
        decrement = float(np.vdot(gradient, step))
        if decrement <= 0.01 * TIGHT * max(value, 1e-300):
            break
        length = 1.0
        while True:
            trial = point - length * step
            trial_eta, trial_value = valued(trial)
            if trial_value <= value - 1e-4 * length * decrement or length < 1e-10:
                break
            length *= 0.5
        if not trial_value < value:
            break
        moved = float(np.ptp(trial_eta - eta, axis=1).max())
        point, eta, value = trial, trial_eta, trial_value
        # the third derivative of a row is at most the spread of its predictors times the second, as `refit` needs it
        if length == 1.0 and moved < 0.5 and moved * moved * decrement <= 0.01 * TIGHT * value:
            break
    gamma, intercept = point[: columns.size], point[-1] if problem.fit_intercept else np.zeros(y.shape[1])
    far = not ridge[: columns.size].all() and np.ptp(eta, axis=1).max() > FAR
    return Fit(columns, gamma, intercept, eta, value, bool(far and _runs_away(problem, design, eta)))


def _starting_point(problem: Problem, columns, start: Fit | None) -> np.ndarray:
    """Coefficients and intercepts to start from, one row more than columns."""
    point = np.zeros((columns.size + 1, problem.n_outputs))
    if start is None:
        point[-1] = problem.null_intercept
        return point
    _, here, there = np.intersect1d(columns, start.columns, return_indices=True)
    point[here], point[-1] = start.gamma[there], start.intercept
    return point


def _hessian(problem: Problem, design, eta, ridge) -> np.ndarray:
    """Curvature of loss and ridge in the coefficients, class by class, made definite along what classes share."""
    m, C = design.shape[1], eta.shape[1]
    inner, blocks = np.zeros((C * m, C * m)), np.zeros((C, m, m))
    for low in range(0, design.shape[0], ROWS):
        rows = slice(low, low + ROWS)
        part, weight = design[rows], problem.weight[rows]
        chance = np.ascontiguousarray(problem.loss.inverse_link(eta[rows]).T)
        # rows last, where the products of single columns and classes are long
        spread = ((weight * chance)[:, None, :] * np.ascontiguousarray(part.T)).reshape(C * m, weight.size)
        blocks += (spread @ part).reshape(C, m, m)
        spread /= np.sqrt(weight)
        inner -= spread @ spread.T
    hessian = inner.reshape(C, m, C, m)
    each = np.arange(C)
    hessian[each, :, each, :] += blocks + np.diag(ridge)
    hessian[:, np.arange(m), :, np.arange(m)] += 1.0 / C
    return inner


def _runs_away(problem: Problem, design, eta) -> bool:
    """Whether the likelihood is flat, against the null model, along some direction of the design."""
    nothing = np.zeros(design.shape[1])
    null = np.broadcast_to(problem.null_intercept, eta.shape)
    now, then = (_hessian(problem, design, at, nothing) for at in (eta, null))
    # directions that are flat in both, as those of collinear columns are, come out at FLAT
    jitter = JITTER * np.trace(then) * np.eye(then.shape[0])
    least = linalg.eigh(now + FLAT * jitter, then + jitter, eigvals_only=True, subset_by_index=[0, 0])[0]
    return bool(least < 0.5 * FLAT)
