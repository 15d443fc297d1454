"""Integer programs against brute force: plain problems, linear conditions, refusals, limits and what is said."""

import itertools
import subprocess
import sys
from itertools import combinations

import clarabel
import numpy as np
import pytest
from scipy import sparse
from scipy.special import xlogy

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
    [(["squared"], range(0, 35)), (["squared"], range(35, 70)), (["logistic"], range(15)), (["poisson"], range(12))],
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


class UndecidedError(Exception):
    """The convex solver behind the oracle gave up."""


def least(q, columns, rows):
    """Least value on some columns under rows ``low <= a @ coef <= high``; None where nothing satisfies them."""
    if q.loss == "squared":
        return _conic(q, columns, rows)
    return _exponential(q, columns, rows)


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
    cones = [clarabel.NonnegativeConeT(len(b))]
    for tolerance in (1e-12, 1e-10, 1e-9, 1e-8):  # the oracle may not get as far as it is asked to
        settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = tolerance
        solved = clarabel.DefaultSolver(
            sparse.csc_matrix(sparse.triu(P)), c, sparse.csc_matrix(A), b, cones, settings
        ).solve()
        if "Solved" in str(solved.status) or "Infeasible" in str(solved.status):
            break
    if "Infeasible" in str(solved.status):
        return None
    if "Solved" not in str(solved.status):
        raise UndecidedError(str(solved.status))
    return (solved.obj_val + 0.5 * float(target @ target)) * unit**2


def _exponential(q, columns, rows):
    """Logistic and Poisson losses as exponential cones; no l1 and no limits."""
    S, n = list(columns), len(q.y)
    Z = q.X[:, S] / q.scale[S]
    Z = np.column_stack([Z, np.ones(n)]) if q.fit_intercept else Z
    m = Z.shape[1]
    ridge = np.append(2 * q.l2 * (q.penalty_scale / q.scale)[S] ** 2, [0.0] * q.fit_intercept)
    logistic = q.loss == "logistic"
    # variables: coefficients, t >= loss of a row without its linear part, and for the logistic loss u + v <= 1
    size = m + (3 if logistic else 1) * n
    t, u, v = (m + i * n for i in range(3))
    A, b, cones = [], [], []
    for a, low, high in rows:
        a = a[S] / q.scale[S]
        if not a.any():
            if low > 1e-9 or high < -1e-9:
                return None
            continue
        for sign, limit in ((1, high), (-1, -low)):
            if np.isfinite(limit):
                A.append(np.append(sign * a, np.zeros(size - len(a))))
                b.append(limit)
    if logistic:
        for i in range(n):
            A.append(np.zeros(size))
            A[-1][[u + i, v + i]] = 1.0
            b.append(1.0)
    if b:
        cones.append(clarabel.NonnegativeConeT(len(b)))
    for i in range(n):
        for predictor, top in ((Z[i], u + i), (0.0, v + i)) if logistic else ((Z[i], t + i),):
            first, last = np.zeros(size), np.zeros(size)
            first[:m], last[top] = -predictor, -1.0
            first[t + i] += 1.0 * logistic
            A += [first, np.zeros(size), last]
            b += [0.0, 1.0, 0.0]
            cones.append(clarabel.ExponentialConeT())
    cost = np.zeros(size)
    cost[:m], cost[t : t + n] = -Z.T @ (q.weights * q.y), q.weights
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-10
    P = sparse.diags(np.append(ridge, np.zeros(size - m)), format="csc")
    solved = clarabel.DefaultSolver(P, cost, sparse.csc_matrix(np.array(A)), np.array(b), cones, settings).solve()
    if "Infeasible" in str(solved.status):
        return None
    assert "Solved" in str(solved.status), solved.status
    return float(solved.obj_val) - (0.0 if logistic else float(q.weights @ (q.y - xlogy(q.y, q.y))))


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
    size = q.y.std() if q.loss == "squared" else 1.0
    nonzero = np.array([np.any(result.coef[list(unit)]) or bool(set(unit) & set(q.forced)) for unit in q.units])

    def kept(z):
        values = [
            (a @ result.coef + b @ z, 1e-8 * (np.linalg.norm(a / q.scale) * size + np.abs(b) @ z)) for a, b, *_ in rows
        ]
        return all(low - room <= v <= high + room for (v, room), (*_, low, high) in zip(values, rows, strict=True))

    # a unit may be in with a coefficient of zero: result.k of them are
    others = np.flatnonzero(~nonzero)
    extra = [list(more) for more in combinations(others, result.k - int(nonzero.sum()))]
    assert any(kept(np.isin(np.arange(nonzero.size), more) | nonzero) for more in extra)
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


def test_linear_conditions_equal_brute_force():
    bests = [judge_random_rows(seed, ["squared"]) for seed in range(40)]
    assert 1 <= np.isinf(bests).sum() < 20  # both outcomes are met


@pytest.mark.slow
@pytest.mark.parametrize("start", range(100, 500, 100))
def test_linear_conditions_equal_brute_force_on_hundreds(start):
    undecided = []
    for seed in range(start, start + 100):
        try:
            judge_random_rows(seed, ["squared"])
        except UndecidedError:  # conditions that leave next to no room are too much for the oracle
            undecided.append(seed)
    assert len(undecided) <= 2, undecided


def test_linear_conditions_equal_brute_force_for_other_losses():
    for seed in range(12):
        judge_random_rows(seed, ["logistic", "poisson"], p=4, boxed=False, l1=0.0, l2=0.019)


def test_an_answer_that_breaks_a_row_or_is_worse_is_caught():
    """The judge of rows is not blind: two answers that it must refuse."""
    q = make_question(5, n=25, p=5, l2=0.0037, form="k").asked(k=3)
    rows = [(q.scale, np.zeros(5), q.y.std() / 2, q.y.std() / 2)]
    best = brute(q, rows)
    good = mip(q, *as_rules(q, rows))
    judge_rows(q, rows, good, best)
    with pytest.raises(AssertionError):
        judge_rows(q, rows, mip(q), best)
    with pytest.raises(AssertionError):
        judge_rows(q, rows, good, 0.9 * best)


def shares(seed=2, n=30, p=6):
    """A mixture: a few shares that are not negative and sum to one explain the target."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) + 1.9
    return X, X @ [0.5, 0.0, 0.37, 0.0, 0.13, 0.0] + 0.19 * rng.standard_normal(n)


def test_shares_sum_to_one_and_are_not_negative():
    X, y = shares()
    q = Question(X, y, k=3, lower=0.0, fit_intercept=False)
    rows = [(np.ones(6), np.zeros(6), 1.0, 1.0)]
    result = ez.best_subset(X, y, **q.arguments(), constraints=Linear(np.ones(6), lower=1.0, upper=1.0))
    assert result.solver == "auto"
    assert "HiGHS" in str(result)
    judge_rows(q, rows, result, brute(q, rows))
    assert result.coef.sum() == pytest.approx(1.0, abs=1e-12)
    assert (result.coef >= 0).all()


def test_if_one_then_the_other():
    """z0 <= z1 as a row in indicators says what the hierarchy rule says."""
    rng = np.random.default_rng(7)
    X = rng.standard_normal((40, 5))
    y = X @ [2.0, 0.0, 0.7, 0.37, 0.0] + 0.19 * rng.standard_normal(40)
    q = Question(X, y, k=2)
    assert list(mip(q).support) == [0, 2]
    implied = Linear(indicator={0: -1.0, 1: 1.0}, lower=0.0)
    row, rule = mip(q, implied), mip(q, StrongHierarchy({0: [1]}))
    best = brute(q, [], admitted=lambda z: z[0] <= z[1])
    assert list(row.support) == list(rule.support) == [0, 1]
    assert row.objective == pytest.approx(best, rel=1e-9)
    assert rule.objective == pytest.approx(best, rel=1e-9)


def test_at_most_so_many_sets():
    rng = np.random.default_rng(11)
    X = rng.standard_normal((40, 6))
    y = X @ [1.9, 0.7, 1.1, 0.0, 0.9, 0.37] + 0.37 * rng.standard_normal(40)
    q = Question(X, y, k=4, l2=0.0037)
    sets = [[0, 1], [2, 3], [4, 5]]
    result = mip(q, AtMost(2, sets))
    best = brute(q, [], admitted=lambda z: sum(bool(z[pair].any()) for pair in sets) <= 2)
    assert result.status is ez.Status.OPTIMAL
    assert result.objective == pytest.approx(best, rel=1e-9)


def test_a_unit_that_a_row_asks_for_counts_though_its_coefficient_is_zero():
    rng = np.random.default_rng(5)
    X = rng.standard_normal((30, 3))
    q = Question(X, X[:, 0] + 0.37 * rng.standard_normal(30), l0=0.019, upper=np.array([1.9, 0.0, 1.9]), lower=0.0)
    result = mip(q, Linear(indicator={1: 1.0}, lower=1.0))
    assert list(result.support) == [0]
    assert result.k == 2
    assert result.objective == pytest.approx(brute(q, [], admitted=lambda z: z[1] == 1), rel=1e-6)


# Refusals, and what cannot be.


def test_contradicting_conditions_are_named():
    q = make_question(1, n=20, p=4, l2=0.019, form="k")
    both = [Linear(indicator=np.ones(4), lower=3.0), Linear(indicator=np.ones(4), upper=1.9)]
    with pytest.raises(ez.errors.InfeasibleError, match="no support satisfies the linear conditions"):
        mip(q, *both)
    far = Linear(coef={0: 1.0}, lower=1.9 * q.y.std() / q.scale[0])
    with pytest.raises(ez.errors.InfeasibleError, match="no support satisfies the linear conditions"):
        mip(q.asked(upper=0.1 * q.y.std() / q.scale), far)


@pytest.mark.parametrize(("loss", "hint"), [("squared", "or columns that are independent"), ("logistic", "l2=1e-3")])
def test_no_limit_is_guessed(loss, hint):
    q = make_question(3, n=9, p=12, loss=loss, form="k")
    with pytest.raises(ez.errors.UnsupportedError, match="no limit is ever guessed") as refusal:
        mip(q)
    assert hint in str(refusal.value)
    with pytest.raises(ez.errors.UnsupportedError, match="no limit is ever guessed"):
        ez.best_subset(q.X, q.y, **q.arguments(), constraints=Linear(np.ones(12), upper=1.0))


def test_a_missing_backend_says_how_to_get_it():
    code = (
        "import sys; sys.modules['pyscipopt'] = None; import numpy as np, ellzero as ez\n"
        "X = np.eye(9)[:, :3] + 0.1 * np.arange(27).reshape(9, 3) % 7\n"
        "try: ez.best_subset(X, X[:, 0], k=1, l2=0.1, solver=ez.solvers.Mip('scip'))\n"
        "except ez.errors.MissingExtraError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (
        "backend 'scip' of solver 'mip' needs pyscipopt. Install it with: pip install 'ellzero[scip]'"
    )


def test_an_unknown_backend_is_named():
    with pytest.raises(ez.errors.ArgumentError, match="`backend` must be one of highs, scip, gurobi, got 'cplex'"):
        ez.solvers.Mip("cplex")


def test_solvers_load_without_any_solver_of_integer_programs():
    code = (
        "import sys, ellzero as ez; ez.solvers.Mip(); ez.best_subset\n"
        "print([name for name in ('highspy', 'pyscipopt', 'gurobipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# Limits, interruption, and what is said.


def hard():
    """More than a tree or two."""
    return make_question(4, n=40, p=30, correlation=0.5, l2=0.0019, form="k").asked(k=6)


@pytest.fixture(scope="module")
def optimum_of_hard():
    q = hard()
    proved = ez.best_subset(q.X, q.y, **q.arguments(), solver="branch")
    assert proved.status is ez.Status.OPTIMAL
    return proved.objective


@pytest.mark.parametrize("seconds", [1e-9, 0.4, 1.9])
def test_a_time_limit_returns_the_incumbent_with_its_true_gap(seconds, optimum_of_hard):
    q = hard()
    result = mip(q, time_limit=seconds)
    judge_answer(q, result)
    assert result.status in (ez.Status.TIME_LIMIT, ez.Status.OPTIMAL)
    assert 0 <= result.lower_bound <= optimum_of_hard * (1 + 1e-9) <= result.objective * (1 + 2e-9)
    assert result.gap == pytest.approx((result.objective - result.lower_bound) / result.objective, rel=1e-9)
    assert seconds > 1e-6 or result.status is ez.Status.TIME_LIMIT


def test_an_interrupt_returns_the_incumbent_with_its_true_gap(optimum_of_hard):
    q, events = hard(), []

    def stop(event):
        events.append(event)
        if event.stage == "mip":
            raise KeyboardInterrupt

    result = mip(q, on_progress=stop)
    judge_answer(q, result)
    assert events[-1].stage == "mip"
    assert result.status is ez.Status.INTERRUPTED
    assert result.lower_bound <= optimum_of_hard * (1 + 1e-9)


def test_without_time_nothing_is_claimed_about_conditions():
    q = hard()
    two = Linear(indicator=np.ones(30), lower=2.0, upper=2.9)
    with pytest.raises(ez.errors.InfeasibleError, match="whether there is one is not known"):
        mip(q, two, time_limit=1e-9)
    q = make_question(1, n=20, p=6, l2=0.019, form="k").asked(k=6)
    assert mip(q, Linear(indicator=np.ones(6), lower=2.0, upper=2.9)).k == 2


def test_notes_say_what_the_answer_rests_on():
    q = make_question(2, n=30, p=5, l2=0.019, form="k")
    text = str(mip(q, Linear(coef=q.scale, upper=0.37 * q.y.std())))
    for sentence in (
        "HiGHS", "in floating point", "No certificate re-checks it.", "No limit of the coefficients was assumed",
        "the ridge l2", "1 linear condition", "computed again",
    ):  # fmt: skip
        assert sentence in text
    assert "certificate proves" not in text
    plain = ez.best_subset(q.X, q.y, k=2)
    assert plain.notes == ()
    assert "The certificate proves it." in str(plain)


def test_an_objective_that_does_not_agree_is_no_optimum(monkeypatch):
    """The library's own fit judges the answer of the integer program."""
    # where pytest collects doctests it may load the module a second time: the class is that of the solver in use
    CuttingPlanes = ez.solvers.Mip.search.__globals__["CuttingPlanes"]
    search = CuttingPlanes.search

    def wrong(self, backend, bound):
        found = search(self, backend, bound)
        self.objective *= 1.019
        return found

    monkeypatch.setattr(CuttingPlanes, "search", wrong)
    q = make_question(2, n=30, p=5, l2=0.019, form="k")
    result = mip(q)
    assert result.status is ez.Status.NOT_CONVERGED
    assert "is not that of the search" in str(result)


@pytest.mark.parametrize("backend", ["scip", "gurobi"])
def test_other_backends_equal_brute_force(backend):
    pytest.importorskip({"scip": "pyscipopt", "gurobi": "gurobipy"}[backend])
    for seed in range(25):
        q = random_question(seed, ["squared", "logistic"])
        judge_optimal(q, mip(q, backend=backend))
        q = random_question(seed, max_columns=6)
        rows = random_rows(q, np.random.default_rng([seed, 19]))
        best = brute(q, rows)
        if np.isfinite(best):
            judge_rows(q, rows, mip(q, *as_rules(q, rows), backend=backend), best)
        else:
            with pytest.raises(ez.errors.InfeasibleError, match="linear conditions"):
                mip(q, *as_rules(q, rows), backend=backend)
    result = mip(hard(), backend=backend, time_limit=1e-9)
    assert result.status is ez.Status.TIME_LIMIT


def test_judgement_of_plain_problems_is_the_oracles():
    q = make_question(6, n=25, p=6, l2=0.0037, form="both")
    judge_optimal(q, mip(q), optimum(q))
