"""Losses of a problem as functions of its coefficients, of many points at once."""

from __future__ import annotations

import numpy as np

from ..problem import Problem

CHUNK = 4_000_000  # rows times points that are held at once
NEWTON = 80  # steps at most for an intercept; halving alone needs so many


class LeastSquares:
    r"""Squared error, reduced to :math:`\tfrac12\|R\beta - z\|^2 + f_0` by one QR factorisation."""

    def __init__(self, problem: Problem):
        root, X = np.sqrt(problem.weight), _columns(problem)
        y = problem.y
        if problem.fit_intercept:
            X, y = X - problem.weight @ X, y - problem.weight @ y
        triangle = np.asarray(np.linalg.qr(root[:, None] * np.column_stack([X, y]), mode="r"))
        p = problem.n_features
        self.R, self.z = triangle[:p, :p], triangle[:p, p]
        self.floor = 0.5 * float((triangle[p:, p] ** 2).sum())

    def value(self, points):
        return self.floor + 0.5 * ((points @ self.R.T - self.z) ** 2).sum(axis=1)

    def gradient(self, points):
        return (points @ self.R.T - self.z) @ self.R

    def hessian(self, point):
        return self.R.T @ self.R


class Profiled:
    """Any other loss, with the intercept that is best for each point."""

    def __init__(self, problem: Problem):
        self.problem, self.X = problem, _columns(problem)

    def value(self, points):
        q = self.problem
        if q.loss.by_rows:
            return self._in_chunks(points, lambda eta: q.loss.value(q.y, eta) @ q.weight)
        return self._in_chunks(points, lambda eta: np.array([q.loss.mean(q.y, row, q.weight) for row in eta]))

    def gradient(self, points):
        q = self.problem
        if q.loss.by_rows:
            return self._in_chunks(points, lambda eta: (q.weight * q.loss.gradient(q.y, eta)) @ self.X)
        return self._in_chunks(
            points, lambda eta: np.array([q.loss.mean_gradient(q.y, row, q.weight) @ self.X for row in eta])
        )

    def hessian(self, point):
        q, eta = self.problem, self._predictors(point[None])[0]
        wide = np.column_stack([self.X, np.ones(len(self.X))]) if q.fit_intercept else self.X
        H = q.loss.mean_hessian_form(q.y, eta, q.weight, wide)
        if not q.fit_intercept:
            return H
        return H[:-1, :-1] - np.outer(H[:-1, -1], H[-1, :-1]) / max(H[-1, -1], 1e-300)  # the intercept follows

    def _in_chunks(self, points, function):
        rows = max(CHUNK // len(self.X), 1)
        return np.concatenate([function(self._predictors(points[i : i + rows])) for i in range(0, len(points), rows)])

    def _predictors(self, points):
        eta = points @ self.X.T
        return eta + self._intercepts(eta)[:, None] if self.problem.fit_intercept else eta

    def _intercepts(self, eta):
        """Roots of the mean gradient, which rises with the intercept: Newton steps inside a bracket."""
        q = self.problem
        b = np.full(len(eta), float(q.null_intercept)) - eta @ q.weight

        def rise(b):
            return q.loss.gradient(q.y, eta + b[:, None]) @ q.weight

        low, high, width = b - 1.0, b + 1.0, 1.0
        while (open_ := rise(low) > 0).any() and width < 1e6:
            low, width = np.where(open_, low - width, low), 2.0 * width
        width = 1.0
        while (open_ := rise(high) < 0).any() and width < 1e6:
            high, width = np.where(open_, high + width, high), 2.0 * width
        for _ in range(NEWTON):
            g = rise(b)
            low, high = np.where(g < 0, b, low), np.where(g > 0, b, high)
            bend = q.loss.curvature(q.y, eta + b[:, None]) @ q.weight
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                step = b - g / bend
            inside = (step >= low) & (step <= high)
            after = np.where(g == 0, b, np.where(inside, step, 0.5 * (low + high)))
            settled = np.abs(after - b) <= 1e-15 * (1.0 + np.abs(b))
            b = after
            if settled.all():
                break
        return b


def _columns(problem: Problem) -> np.ndarray:
    return np.asarray(problem.X.columns(np.arange(problem.n_features)), float)
