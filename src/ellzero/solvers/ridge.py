r"""Ridge: :math:`L(\beta) + \lambda\|\beta\|_2^2` for many strengths, from one eigendecomposition where there is one.

References
----------
Hoerl & Kennard (1970), "Ridge regression: biased estimation for nonorthogonal problems";
Hastie & Tibshirani (2004), "Efficient quadratic regularization for expression arrays".
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg

from ..penalties import Separable
from ..problem import Problem
from .penalised import Point
from .refit import Fit, fit_support

KEPT = ("moments", "constant", "usable", "null_intercept")  # what a strength does not change


class Ridge:
    """Ridge fits of one strength after another."""

    def __init__(self, problem: Problem):
        self.problem = problem
        self.columns = problem.rules.columns(np.flatnonzero(problem.usable))
        self.divide = np.ones(problem.n_features) if problem.standardize else problem.normal.scale
        self.closed = problem.loss.name == "squared" and not problem.penalty.limited
        self.before: Fit | None = None
        self.rotated: tuple[Problem, np.ndarray] | None = None
        wide = self.columns.size > problem.y.size and not problem.penalty.limited
        if self.closed or wide:
            self._decompose(wide)

    def _decompose(self, wide) -> None:
        """Columns in the units of the penalty as U s V', from the smaller of the two Gram matrices."""
        problem = self.problem
        A = problem.normal.Z.columns(self.columns) * np.sqrt(problem.weight)[:, None]
        A *= self.divide[self.columns]
        values, vectors = linalg.eigh(A @ A.T if wide else A.T @ A)
        kept = values > 1e-14 * max(values.max(initial=0.0), 1e-300)
        self.squares, vectors = values[kept], vectors[:, kept]
        # V and U' y s, whichever side the vectors are of
        self.V = (A.T @ vectors) / np.sqrt(self.squares) if wide else vectors
        self.right = self.V.T @ (A.T @ (np.sqrt(problem.weight) * problem.normal.y))
        if not self.closed:
            rows = (vectors * np.sqrt(self.squares)) / np.sqrt(problem.weight)[:, None]
            question: dict[str, Any] = {"loss": problem.loss, "fit_intercept": problem.fit_intercept}
            turned = Problem.from_data(rows, problem.y, sample_weight=problem.weight, standardize=False, **question)
            self.rotated = turned, self.V

    def solve(self, strength: float) -> tuple[Point, float, float]:
        """Point, duality gap and effective degrees of freedom."""
        coef, intercept = np.zeros(self.problem.n_features), 0.0
        if self.closed:
            coef[self.columns] = self.divide[self.columns] * (self.V @ (self.right / (self.squares + 2 * strength)))
        elif self.rotated is not None:
            turned, V = self.rotated
            fit = fit_support(_at(turned, strength), np.arange(turned.n_features), self.before)
            self.before = fit
            beta, intercept = fit.coefficients(turned)
            coef[self.columns] = self.divide[self.columns] * (V @ beta)
        else:
            fit = fit_support(_at(self.problem, strength), self.columns, self.before)
            self.before = fit
            coef[fit.columns], intercept = fit.gamma, fit.intercept
        return self._judged(coef, intercept, strength)

    def _judged(self, coef, intercept, strength):
        problem, normal = self.problem, self.problem.normal
        eta = normal.Z.forward(coef) + intercept
        l2 = strength / self.divide**2
        value = problem.loss.mean(normal.y, eta, problem.weight) + float(l2 @ (coef * coef))
        r = -problem.loss.gradient(normal.y, eta)
        if problem.fit_intercept:
            r = problem.loss.clip_dual(normal.y, -(r - problem.weight @ r)) * -1.0
        c = normal.Z.adjoint(problem.weight * r)
        h = Separable(0.0, 0.0, l2, normal.penalty.lower, normal.penalty.upper)
        bound = -float(problem.weight @ problem.loss.conjugate(normal.y, -r)) - float(h.convex_conjugate(c).sum())
        h_now = problem.weight * problem.loss.curvature(normal.y, eta)
        return Point(coef, intercept, value), max(value - bound, 0.0), self._freedom(h_now, strength)

    def _freedom(self, h, strength) -> float:
        """Trace of the hat matrix; of the coefficients of squared error where that is known in closed form."""
        if self.closed:
            return float((self.squares / (self.squares + 2 * strength)).sum())
        if self.rotated is not None:
            A = self.rotated[0].X.columns(np.arange(self.rotated[0].n_features))
        else:
            A = self.problem.normal.Z.columns(self.columns) * self.divide[self.columns]
        if self.problem.fit_intercept:
            A = A - (h @ A) / max(float(h.sum()), 1e-300)  # no row may bend the loss: all far out, or well classified
        values = linalg.eigvalsh(A.T @ (h[:, None] * A))
        return float((np.maximum(values, 0.0) / (np.maximum(values, 0.0) + 2 * strength)).sum())


def _at(problem: Problem, strength: float) -> Problem:
    """The problem with a ridge; what its strength does not change is shared."""
    penalty = problem.penalty
    return problem.changed(KEPT, penalty=Separable(0.0, 0.0, strength, penalty.lower, penalty.upper))
