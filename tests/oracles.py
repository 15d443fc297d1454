"""Slow, obvious answers that share nothing with the library: every support is listed and fitted on its own.

The objective is the one of the documentation: half the weighted mean deviance, plus ``l0`` for every unit (column or
group) that is in, plus ``l1`` and ``l2`` on columns of unit weighted standard deviation (about the mean with an
intercept, about zero without one).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import comb, inf, log

import numpy as np
from scipy.special import gammaln, xlogy


@dataclass(frozen=True, eq=False)
class Question:
    """The arguments of one call of ``best_subset``, with the sums that the objective needs."""

    X: np.ndarray
    y: np.ndarray
    k: int | None = None
    l0: float | None = None
    l1: float = 0.0
    l2: float = 0.0
    loss: str = "squared"
    lower: np.ndarray | float | None = None
    upper: np.ndarray | float | None = None
    groups: Sequence[int] | None = None
    forced: tuple[int, ...] = ()
    forbidden: tuple[int, ...] = ()
    constraints: tuple = ()
    sample_weight: np.ndarray | None = None
    fit_intercept: bool = True
    standardize: bool = True

    def arguments(self) -> dict:
        """Keyword arguments of ``best_subset``: only what differs from the defaults, so that these are tested too."""
        plain = Question(self.X, self.y)
        names = [name for name in self.__dataclass_fields__ if name not in ("X", "y")]
        return {name: getattr(self, name) for name in names if getattr(self, name) is not getattr(plain, name)}

    def asked(self, **changes) -> Question:
        return replace(self, **changes)

    @property
    def n_columns(self) -> int:
        return self.X.shape[1]

    @cached_property
    def weights(self) -> np.ndarray:
        """Weights that sum to one."""
        w = np.ones(len(self.y)) if self.sample_weight is None else np.asarray(self.sample_weight, float)
        return w / w.sum()

    @property
    def n_samples(self) -> float:
        return float(len(self.y) if self.sample_weight is None else np.sum(self.sample_weight))

    @cached_property
    def scale(self) -> np.ndarray:
        """The weighted standard deviation of each column (root mean square without an intercept)."""
        centre = self.weights @ self.X if self.fit_intercept else 0.0
        return np.sqrt(self.weights @ (self.X - centre) ** 2)

    @property
    def penalty_scale(self) -> np.ndarray:
        return self.scale if self.standardize else np.ones(self.n_columns)

    @cached_property
    def box(self) -> tuple[np.ndarray, np.ndarray]:
        lower = -inf if self.lower is None else self.lower
        upper = inf if self.upper is None else self.upper
        return np.broadcast_to(lower, self.n_columns).astype(float), np.broadcast_to(upper, self.n_columns).astype(
            float
        )

    @cached_property
    def units(self) -> list[tuple[int, ...]]:
        """Columns that enter or leave together."""
        labels = range(self.n_columns) if self.groups is None else self.groups
        members: dict[object, list[int]] = {}
        for column, label in enumerate(labels):
            members.setdefault(label, []).append(column)
        return [tuple(columns) for columns in members.values()]

    def supports(self) -> Iterable[tuple[tuple[int, ...], int]]:
        """Every admissible support of at most ``k`` units, as (columns, number of units)."""
        most = len(self.units) if self.k is None else self.k
        for size in range(most + 1):
            for chosen in itertools.combinations(self.units, size):
                columns = tuple(sorted(itertools.chain.from_iterable(chosen)))
                forced = set(self.forced) <= set(columns) and not set(self.forbidden) & set(columns)
                if forced and keeps(self.constraints, set(columns), self.units):
                    yield columns, size

    def deviance(self, eta: np.ndarray) -> float:
        """Half the weighted mean deviance at the linear predictor ``eta``."""
        y, w = self.y, self.weights
        if self.loss == "squared":
            return float(w @ (y - eta) ** 2) / 2
        if self.loss == "logistic":
            return float(w @ (np.logaddexp(0, eta) - y * eta))
        with np.errstate(over="ignore"):
            return float(w @ (np.exp(eta) - y * eta - (y - xlogy(y, y))))

    def value(self, coef: np.ndarray, intercept: float) -> float:
        """Loss, ``l1`` and ``l2`` at the given coefficients (everything but the count)."""
        scaled = coef * self.penalty_scale
        return (
            self.deviance(self.X @ coef + intercept) + self.l1 * np.abs(scaled).sum() + self.l2 * float(scaled @ scaled)
        )

    def n_units(self, coef: np.ndarray) -> int:
        """Units that are in: those with a nonzero coefficient, and the forced ones whatever their coefficients.

        Where rules hold, the smallest support that has them: a column that another needs is in, be it zero.
        """
        nonzero = set(np.flatnonzero(coef).tolist())
        if self.constraints:
            return min(size for columns, size in self.supports() if nonzero <= set(columns))
        return sum(bool(nonzero & set(unit) or set(unit) & set(self.forced)) for unit in self.units)

    def objective(self, coef: np.ndarray, intercept: float) -> float:
        return self.value(coef, intercept) + (self.l0 or 0.0) * self.n_units(coef)


@dataclass(frozen=True, eq=False)
class Fit:
    """The best coefficients on one support; ``value`` leaves the count out, ``objective`` has it."""

    columns: tuple[int, ...]
    units: int
    coef: np.ndarray
    intercept: float
    loss: float
    value: float
    objective: float


def keeps(constraints, columns: set[int], units) -> bool:
    """Whether a set of columns keeps all rules, read as their documentation words them; columns are given by index."""

    def drawn_in(wanted):
        return any(set(unit) & wanted and set(unit) <= columns for unit in units)

    def kept(rule) -> bool:
        name = type(rule).__name__
        if name == "StrongHierarchy":
            return all(set(parents) <= columns for child, parents in rule.parents.items() if child in columns)
        if name == "WeakHierarchy":
            return all(set(parents) & columns for child, parents in rule.parents.items() if child in columns)
        if name == "AtMostOne":
            return sum(bool(set(unit) & set(rule.columns) and set(unit) <= columns) for unit in units) <= 1
        if name == "AtMost":
            return sum(drawn_in(set(members)) for members in rule.sets) <= rule.q
        raise ValueError(name)

    return all(map(kept, constraints))


# Fitting one support.


def stationary(b, gradient, t, lower, upper, tolerance) -> bool:
    """Whether no coordinate can move downhill: one-sided derivatives of the sum with ``t|b|`` inside the box."""
    right = gradient + np.where(b >= 0, t, -t)
    left = -gradient + np.where(b <= 0, t, -t)
    return bool(np.all((right >= -tolerance) | (b >= upper)) and np.all((left >= -tolerance) | (b <= lower)))


def quadratic(G, c, t, lower, upper) -> np.ndarray:
    """Minimise ``b'Gb/2 - c'b + sum(t |b|)`` over a box.

    A sweep over the coordinates leaves faces, steps to the minimiser of the face (stopped where the face ends) settle
    on one, and the optimality conditions decide.
    """
    unit = np.sqrt(np.where(np.diag(G) > 0, np.diag(G), 1.0))
    return _quadratic(G / np.outer(unit, unit), c / unit, t / unit, lower * unit, upper * unit) / unit


def _quadratic(G, c, t, lower, upper) -> np.ndarray:
    """The same with a unit diagonal."""
    b = np.clip(np.linalg.lstsq(G, c, rcond=None)[0], lower, upper)
    tolerance = 1e-12 * (1 + np.abs(c).max(initial=0.0))
    for _ in range(3000):
        for _ in range(2 * len(b) + 1):
            reached = _towards_face_minimum(b, G, c, t, lower, upper)
            if reached:
                break
        if stationary(b, G @ b - c, t, lower, upper, tolerance):
            return b
        for j in np.flatnonzero(np.diag(G) > 0):
            partial = c[j] - G[j] @ b + G[j, j] * b[j]
            b[j] = np.clip(np.sign(partial) * max(abs(partial) - t[j], 0.0) / G[j, j], lower[j], upper[j])
    raise AssertionError("the oracle's quadratic did not converge")


def _towards_face_minimum(b, G, c, t, lower, upper) -> bool:
    """Move ``b`` within the box and the signs it has; whether the face's minimiser was reached."""
    held = (b == lower) | (b == upper) | ((b == 0) & (t > 0))
    free = np.flatnonzero(~held)
    right = c[free] - t[free] * np.sign(b[free]) - G[np.ix_(free, held)] @ b[held]
    square = G[np.ix_(free, free)]
    goal = np.linalg.lstsq(square, right, rcond=1e-13)[0]
    slope = right - square @ goal
    if np.abs(slope).max(initial=0.0) > 1e-9 * np.abs(right).max(initial=0.0):
        # Flat in a direction that goes downhill: only the end of the face stops it.
        goal = b[free] + 1e9 * slope / np.abs(slope).max()
    low = np.where((t[free] > 0) & (b[free] > 0), np.maximum(lower[free], 0), lower[free])
    high = np.where((t[free] > 0) & (b[free] < 0), np.minimum(upper[free], 0), upper[free])
    ends = np.where(goal < low, low, np.where(goal > high, high, np.nan))
    if np.all(np.isnan(ends)):
        b[free] = goal
        return True
    part = (ends - b[free]) / (goal - b[free])
    first = int(np.nanargmin(part))
    b[free] = np.clip(b[free] + part[first] * (goal - b[free]), low, high)
    b[free[first]] = ends[first]
    return False


def fit_support(q: Question, columns: Sequence[int], units: int | None = None) -> Fit:
    """Best coefficients with zeros outside ``columns``."""
    S = list(columns)
    usable = [j for j in S if q.scale[j] > 0]
    scale = q.scale[usable]
    Z = q.X[:, usable] / scale
    lower, upper = q.box[0][usable] * scale, q.box[1][usable] * scale
    weight = q.penalty_scale[usable] / scale
    plain = q.l1 == 0 and np.all(np.isinf(lower)) and np.all(np.isinf(upper))
    if q.loss == "squared":
        b, intercept = (_least_squares if plain else _boxed_squares)(q, Z, weight, lower, upper)
    else:
        b, intercept = _newton(q, Z, weight, lower, upper)
    coef = np.zeros(q.n_columns)
    coef[usable] = b / scale
    value = q.value(coef, intercept)
    count = units if units is not None else sum(bool(set(unit) & set(S)) for unit in q.units)
    loss = q.deviance(q.X @ coef + intercept)
    return Fit(tuple(S), count, coef, intercept, loss, value, value + (q.l0 or 0.0) * count)


def _centred(q, Z):
    if not q.fit_intercept:
        return Z, q.y, np.zeros(Z.shape[1]), 0.0
    centre, mean = q.weights @ Z, float(q.weights @ q.y)
    return Z - centre, q.y - mean, centre, mean


def _least_squares(q, Z, weight, lower, upper):
    Zc, yc, centre, mean = _centred(q, Z)
    root = np.sqrt(q.weights)
    A = np.vstack([root[:, None] * Zc, np.diag(np.sqrt(2 * q.l2) * weight)])
    b = np.linalg.lstsq(A, np.concatenate([root * yc, np.zeros(Z.shape[1])]), rcond=None)[0]
    return b, mean - float(centre @ b)


def _boxed_squares(q, Z, weight, lower, upper):
    Zc, yc, centre, mean = _centred(q, Z)
    G = Zc.T @ (q.weights[:, None] * Zc) + np.diag(2 * q.l2 * weight**2)
    b = quadratic(G, Zc.T @ (q.weights * yc), q.l1 * weight, lower, upper)
    return b, mean - float(centre @ b)


def _newton(q, Z, weight, lower, upper):
    """Newton's method with the box and ``l1`` kept in the quadratic model, and halved steps."""
    if q.fit_intercept:
        centre = q.weights @ Z
        Z = np.column_stack([np.ones(len(q.y)), Z - centre])
        weight = np.concatenate([[0.0], weight])
        lower, upper = np.concatenate([[-inf], lower]), np.concatenate([[inf], upper])
    t, ridge = q.l1 * weight, 2 * q.l2 * weight**2

    def value(b):
        return q.deviance(Z @ b) + t @ np.abs(b) + ridge @ b**2 / 2

    b = np.zeros(Z.shape[1])
    for _ in range(300):
        with np.errstate(over="ignore"):
            mean = 1 / (1 + np.exp(-(Z @ b))) if q.loss == "logistic" else np.exp(Z @ b)
        curvature = mean * (1 - mean) if q.loss == "logistic" else mean
        gradient = Z.T @ (q.weights * (mean - q.y)) + ridge * b
        H = Z.T @ ((q.weights * curvature)[:, None] * Z) + np.diag(ridge)
        step = quadratic(H, H @ b - gradient, t, lower, upper) - b
        slope = gradient @ step + t @ (np.abs(b + step) - np.abs(b))
        size, start = 1.0, value(b)
        if -slope <= 1e-14 * (1 + start):
            break
        while not value(b + size * step) <= start + 1e-4 * size * slope + 1e-16 and size > 1e-12:
            size /= 2
        b = np.clip(b + size * step, lower, upper)
    else:
        raise AssertionError("the oracle's Newton iteration did not converge; is there a finite minimiser?")
    return (b[1:], float(b[0] - centre @ b[1:])) if q.fit_intercept else (b, 0.0)


# Searching.


def every_fit(q: Question) -> list[Fit]:
    """Every admissible support, fitted, best objective first."""
    return sorted((fit_support(q, columns, units) for columns, units in q.supports()), key=lambda fit: fit.objective)


def optimum(q: Question) -> Fit:
    return every_fit(q)[0]


def null_objective(q: Question) -> float:
    """The objective of the empty model, which the gap is measured against."""
    return fit_support(q, (), 0).value


def best_by_size(q: Question) -> dict[int, Fit]:
    """Best fit with at most so many units, for every size that the forced columns allow."""
    best: dict[int, Fit] = {}
    fits = sorted(every_fit(q.asked(l0=None)), key=lambda fit: (fit.value, fit.units))
    for size in range(len(q.units) + 1 if q.k is None else q.k + 1):
        allowed = [fit for fit in fits if fit.units <= size]
        if allowed:
            best[size] = allowed[0]
    return best


def near_optimal(q: Question, within: float) -> list[Fit]:
    """Every support whose objective lies within a fraction of the best."""
    fits = every_fit(q)
    return [fit for fit in fits if fit.objective <= fits[0].objective * (1 + within)]


def rss(X: np.ndarray, y: np.ndarray, columns: Sequence[int]) -> float:
    """Residual sum of squares of ordinary least squares with an intercept."""
    Z = np.column_stack([np.ones(len(y)), X[:, list(columns)]])
    scale = np.sqrt((Z**2).mean(0))
    residual = y - Z @ (np.linalg.lstsq(Z / scale, y, rcond=None)[0] / scale)
    return float(residual @ residual)


def best_squares(X: np.ndarray, y: np.ndarray, chunk: int = 20_000) -> dict[int, tuple[tuple[int, ...], float]]:
    """Best subset of every size by least squares with an intercept, all 2^p listed: about four seconds for p = 19.

    Batches of normal equations rank the supports; the leaders of each size are refitted by QR.
    """
    Z = (X - X.mean(0)) / X.std(0)
    G, c = Z.T @ Z, Z.T @ (y - y.mean())
    found = {0: ((), rss(X, y, ()))}
    for size in range(1, X.shape[1] + 1):
        leaders: list[tuple[float, tuple[int, ...]]] = []
        combinations = itertools.combinations(range(X.shape[1]), size)
        while batch := list(itertools.islice(combinations, chunk)):
            index = np.array(batch)
            b = np.linalg.solve(G[index[:, :, None], index[:, None, :]], c[index][..., None])[..., 0]
            gain = (b * c[index]).sum(1)
            leaders += [(gain[i], batch[i]) for i in np.argsort(-gain)[:5]]
        refitted = [(rss(X, y, columns), columns) for _, columns in sorted(leaders, reverse=True)[:8]]
        value, columns = min(refitted)
        found[size] = (columns, value)
    return found


# Criteria, from their formulas.


def criterion(
    name: str, *, n: float, k: int, fit_intercept: bool, p: int, rss=None, nll=None, tss=None, sigma2=None, gamma=0.5
) -> float:
    """Value of a criterion; ``rss`` for squared error, otherwise the full negative log-likelihood ``nll``."""
    K = k + 1 if fit_intercept else k
    fit = n * log(rss / n) if nll is None else 2 * nll
    if name == "aic":
        return fit + 2 * K
    if name == "aicc":
        counted = K + 1 if nll is None else K
        left = n - counted - 1
        return fit + 2 * K + (2 * counted * (counted + 1) / left if left > 0 else inf)
    if name == "bic":
        return fit + K * log(n)
    if name == "ebic":
        return fit + K * log(n) + 2 * gamma * log(comb(p, k))
    if name == "gic":
        return fit + K * log(p) * log(log(n))
    if name == "cp":
        return rss / sigma2 - n + 2 * K
    if name == "adjr2":
        return 1 - (rss / (n - K)) / (tss / (n - 1))
    raise ValueError(name)


def negative_log_likelihood(q: Question, fit: Fit) -> float:
    """Total, with every constant (Poisson with ``log y!``)."""
    eta, w = q.X @ fit.coef + fit.intercept, q.weights * q.n_samples
    if q.loss == "logistic":
        return float(w @ (np.logaddexp(0, eta) - q.y * eta))
    return float(w @ (np.exp(eta) - q.y * eta + gammaln(q.y + 1)))
