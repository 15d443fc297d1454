"""Integer programs against brute force: plain problems, linear conditions, refusals, limits and what is said."""

import itertools
import subprocess
import sys

import clarabel
import numpy as np
import pytest
from scipy import optimize, sparse

import ellzero as ez
from ellzero.constraints import AtMost, Linear, StrongHierarchy
from judging import describe, judge_answer, judge_optimal
from oracles import Question, null_objective, optimum
from strategies import make_question, random_question


def mip(q, *rules, backend="highs", **options):
    return ez.best_subset(
        q.X, q.y, **q.arguments(), constraints=rules, solver=ez.solvers.Mip(backend=backend), **options
    )


# Plain problems: the same judgement as of branch and bound.


@pytest.mark.parametrize(
    ("losses", "seeds"),
    [(["squared"], range(0, 45)), (["squared"], range(45, 90)), (["logistic"], range(15)), (["poisson"], range(12))],
)
def test_equals_brute_force(losses, seeds):
    for seed in seeds:
        q = random_question(seed, losses)
        try:
            judge_optimal(q, mip(q))
        except Exception as error:
            error.add_note(f"seed {seed}: {describe(q)}")
            raise


@pytest.mark.slow
@pytest.mark.parametrize("start", range(100, 1300, 100))
def test_equals_brute_force_on_a_thousand(start):
    for seed in range(start, start + 100):
        q = random_question(seed, ["squared", "squared", "logistic", "poisson"])
        try:
            judge_optimal(q, mip(q))
        except Exception as error:
            error.add_note(f"seed {seed}: {describe(q)}")
            raise


@pytest.mark.parametrize("seed", range(6))
def test_needs_neither_ridge_nor_limits_where_columns_are_independent(seed):
    q = make_question(seed, n=20, p=6, correlation=0.5, form="k")
    judge_optimal(q, mip(q))


# Linear conditions: every set of units is listed, its coefficients are one convex program.


def least(q, columns, rows):
    """Least value on some columns under rows ``low <= a @ coef <= high``; None where nothing satisfies them."""
    if q.loss == "squared":
        return _conic(q, columns, rows)
    return _sequential(q, columns, rows)


def _conic(q, columns, rows):
    S = list(columns)
    root = np.sqrt(q.weights)
    centre = q.weights @ q.X if q.fit_intercept else np.zeros(q.n_columns)
    mean = q.weights @ q.y if q.fit_intercept else 0.0
    unit = np.sqrt(q.weights @ (q.y - mean) ** 2)
    Z = (q.X - centre)[:, S] / q.scale[S] * root[:, None]
    target = root * (q.y - mean) / unit
    strength = (q.penalty_scale / q.scale)[S]
    m = len(S)
    # variables: coefficients over unit / scale, then their absolute values
    P = sparse.block_diag([Z.T @ Z + 2 * q.l2 * np.diag(strength**2), np.zeros((m, m))])
    c = np.concatenate([-Z.T @ target, q.l1 * strength / unit])
    eye, none = np.eye(m), np.zeros((m, m))
    A, b = [np.hstack([eye, -eye]), np.hstack([-eye, -eye])], [np.zeros(2 * m)]
    lower, upper = (limit[S] * q.scale[S] / unit for limit in q.box)
    for sign, limit in ((1, upper), (-1, -lower)):
        finite = np.isfinite(limit)
        A.append(np.hstack([sign * eye, none])[finite])
        b.append(limit[finite])
    for a, low, high in rows:
        a = a[S] / q.scale[S] * unit
        size = max(np.linalg.norm(a), 1e-300)
        if m == 0 or np.linalg.norm(a) == 0:
            if low > 1e-9 or high < -1e-9:
                return None
            continue
        for sign, limit in ((1, high), (-1, -low)):
            if np.isfinite(limit):
                A.append(np.concatenate([sign * a / size, np.zeros(m)])[None])
                b.append(np.array([limit / size]))
    if m == 0:
        return 0.5 * float(target @ target) * unit**2
    A, b = np.vstack(A), np.concatenate(b)
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-12
    cones = [clarabel.NonnegativeConeT(len(b))]
    solved = clarabel.DefaultSolver(
        sparse.csc_matrix(sparse.triu(P)), c, sparse.csc_matrix(A), b, cones, settings
    ).solve()
    if "Infeasible" in str(solved.status):
        return None
    assert "Solved" in str(solved.status), solved.status
    return (solved.obj_val + 0.5 * float(target @ target)) * unit**2


def _sequential(q, columns, rows):
    S = list(columns)
    m = len(S)

    def whole(b):
        coef = np.zeros(q.n_columns)
        coef[S] = b[:m] / q.scale[S]
        return coef, b[m] if q.fit_intercept else 0.0

    Z = q.X[:, S] / q.scale[S]
    Z = np.column_stack([Z, np.ones(len(Z))]) if q.fit_intercept else Z
    ridge = np.append(2 * q.l2 * (q.penalty_scale / q.scale)[S] ** 2, [0.0] * q.fit_intercept)

    def mean(b):
        return 1 / (1 + np.exp(-(Z @ b))) if q.loss == "logistic" else np.exp(Z @ b)

    def value(b):
        return q.value(*whole(b))

    def slope(b):
        return Z.T @ (q.weights * (mean(b) - q.y)) + ridge * b

    def curvature(b):
        spread = mean(b) * (1 - mean(b)) if q.loss == "logistic" else mean(b)
        return Z.T @ ((q.weights * spread)[:, None] * Z) + np.diag(ridge)

    conditions = []
    for a, low, high in rows:
        a = np.append(a[S] / q.scale[S], [0.0] * q.fit_intercept)
        if not a.any():
            if low > 1e-9 or high < -1e-9:
                return None
            continue
        conditions.append(optimize.LinearConstraint(a[None], low, high))
    start = np.zeros(m + q.fit_intercept)
    if not start.size:
        return value(start)
    found = optimize.minimize(value, start, jac=slope, hess=curvature, method="trust-constr", constraints=conditions,
                              options={"gtol": 1e-9, "xtol": 1e-11, "maxiter": 2000})
    return float(found.fun)


def brute(q, rows, admitted=lambda z: True):
    """Least objective over all supports; ``rows`` are (coef, indicator of each unit, lower, upper)."""
    best = np.inf
    most = len(q.units) if q.k is None else q.k
    for size in range(most + 1):
        for chosen in itertools.combinations(range(len(q.units)), size):
            columns = sorted(j for u in chosen for j in q.units[u])
            z = np.isin(np.arange(len(q.units)), chosen).astype(float)
            if not set(q.forced) <= set(columns) or set(q.forbidden) & set(columns) or not admitted(z):
                continue
            here = [(a, low - b @ z, high - b @ z) for a, b, low, high in rows]
            value = least(q, columns, here)
            if value is not None:
                best = min(best, value + (q.l0 or 0.0) * size)
    return best


def judge_rows(q, rows, result, best):
    """The answer keeps every row, is as good as the best, and is proved to be."""
    z, size = np.zeros(len(q.units)), q.y.std() if q.loss == "squared" else 1.0
    for u, unit in enumerate(q.units):
        z[u] = np.any(result.coef[list(unit)]) or bool(set(unit) & set(q.forced))
    for a, b, low, high in rows:
        value = a @ result.coef + b @ z
        room = 1e-8 * (np.linalg.norm(a / q.scale) * size + np.abs(b) @ z)
        assert low - room <= value <= high + room
    null = null_objective(q)
    assert result.status is ez.Status.OPTIMAL
    assert result.objective == pytest.approx(best, rel=3e-6, abs=1e-9 * null)
    assert result.lower_bound <= best * (1 + 1e-7) + 1e-9 * null
    assert result.gap <= 1e-6
    assert result.certificate is None


def random_rows(q, rng):
    """A few conditions of every kind, some of them tight."""
    p, n_units, size = q.n_columns, len(q.units), q.y.std() if q.loss == "squared" else 1.0
    rows = []
    for kind in rng.permutation(4)[: rng.integers(1, 3)]:
        weights = np.round(rng.standard_normal(p), 1) * q.scale * (rng.random(p) < 0.7)
        zeros = np.zeros(n_units)
        reach = size * 0.3
        if kind == 0:
            rows.append((weights, zeros, 0.0, reach))
        elif kind == 1:
            rows.append((weights, zeros, reach, reach))
        elif kind == 2:
            rows.append((np.zeros(p), np.round(rng.standard_normal(n_units), 1), -np.inf, 0.5))
        else:
            rows.append((weights, reach * np.round(rng.standard_normal(n_units), 1), -reach, np.inf))
    rows = [row for row in rows if row[0].any() or row[1].any()]
    return rows or random_rows(q, rng)


def as_rules(q, rows):
    first = [unit[0] for unit in q.units]
    return [
        Linear(coef=a, indicator={j: b[u] for u, j in enumerate(first)}, lower=low, upper=high)
        for a, b, low, high in rows
    ]


def judge_random_rows(seed, losses, **fixed):
    q = random_question(seed, losses, max_columns=6, **fixed)
    rows = random_rows(q, np.random.default_rng([seed, 19]))
    best = brute(q, rows)
    try:
        if np.isinf(best):
            with pytest.raises(ez.errors.InfeasibleError, match="linear conditions"):
                mip(q, *as_rules(q, rows))
        else:
            judge_rows(q, rows, mip(q, *as_rules(q, rows)), best)
    except Exception as error:
        error.add_note(f"seed {seed}: {describe(q)}: best {best}, rows {rows}")
        raise
    return best


@pytest.mark.parametrize("start", [0, 25])
def test_linear_conditions_equal_brute_force(start):
    bests = [judge_random_rows(seed, ["squared"]) for seed in range(start, start + 25)]
    assert 1 <= np.isinf(bests).sum() < 20  # both outcomes are met
