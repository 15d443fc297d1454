"""The exact search for squared error without groups, judged by brute force and by its own certificates."""

import numpy as np
import pytest

import ellzero as ez
from ellzero.errors import UnsupportedError
from judging import judge_answer, judge_certificate, judge_claim, judge_optimal, judge_proof
from oracles import Question, optimum
from searches import (
    RIVALS,
    as_fit,
    branch,
    each,
    fitting,
    judge_hard,
    judge_path,
    judge_rivals,
    middling,
    near,
    rivals_question,
)
from strategies import hard_question, make_question, ruled_question

SQUARES = {"losses": ("squared",), "grouped": False}


@pytest.fixture(scope="module", autouse=True)
def _compiled():
    """Kernels that no time limit of a test has to pay for."""
    branch(middling(), time_limit=600)


# ---- one answer, against every support


@pytest.mark.parametrize("start", range(0, 120, 30))
def test_equals_brute_force_and_verifies(start):
    each([(seed, hard_question(seed)) for seed in range(start, start + 30)], judge_hard)


@pytest.mark.slow
@pytest.mark.parametrize("start", range(1000, 3000, 200))
def test_equals_brute_force_on_thousands(start):
    each([(seed, hard_question(seed)) for seed in range(start, start + 200)], judge_hard)


@pytest.mark.parametrize("p", [1, 2])
def test_one_and_two_columns(p):
    for k in range(p + 1):
        judge_hard(make_question(p, n=9, p=p, l2=0.019).asked(k=k))


@pytest.mark.parametrize("factor", [1e-9, 1e9])
@pytest.mark.parametrize("column", [1e-9, 1e9])
def test_scales_at_the_ends(factor, column):
    """Whatever the units of the response and the columns, limits and price in the same units."""
    q = make_question(2, n=25, p=7, correlation=0.5, l2=0.019, form="both", boxed=True).asked(k=3)
    size = factor / column
    q = q.asked(X=q.X * column, y=q.y * factor, l0=q.l0 * factor**2, lower=q.lower * size, upper=q.upper * size)
    judge_hard(q)


def test_a_response_that_is_constant_or_explained_by_one_column():
    q = make_question(4, n=25, p=7, l2=0.0037)
    constant = branch(q.asked(y=np.full(25, 37.0), k=3))
    assert constant.k == 0
    assert constant.objective == pytest.approx(0.0, abs=1e-20)
    q = q.asked(y=q.X[:, 4].copy(), k=3)
    judge_answer(q, branch(q))
    judge_proof(q, branch(q), optimum(q))


# ---- every size


PATHS = {
    "plain": {},
    "wide": {"n": 5},
    "price": {"form": "both"},
    "weights": {"weighted": True, "standardize": False},
    "limits": {"boxed": True, "l1": 0.011},
    "forced": {"forced": True, "forbidden": True, "fit_intercept": False},
}


@pytest.mark.parametrize("kind", PATHS)
def test_every_size(kind):
    settings = {"n": 25, "p": 7, "correlation": 0.5, "l2": 0.019} | PATHS[kind]
    each([(seed, make_question(seed, **settings)) for seed in range(3)], judge_path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", PATHS)
def test_every_size_often(kind):
    settings = {"n": 25, "p": 8, "correlation": 0.5, "l2": 0.0037} | PATHS[kind]
    each([(seed, make_question(seed, **settings)) for seed in range(100, 115)], judge_path)


def signed(seed):
    q = make_question(seed, n=25, p=7, correlation=0.5, l2=0.019)
    return q.asked(lower=0.0, upper=np.inf)


def test_every_size_with_coefficients_of_a_sign():
    each([(seed, signed(seed)) for seed in range(6)], judge_path)


def test_every_size_under_rules():
    questions = [(seed, ruled_question(seed, l2=0.019, **SQUARES)) for seed in range(12)]
    each(questions, judge_path)


def test_some_sizes_only_and_in_any_order():
    q = middling()
    some = ez.path(q.X, q.y, k=[5, 2], certify=True, solver="branch", l2=q.l2)
    assert some.sizes == (2, 5)
    for result, claim in zip(some, some.certificate.verify(q.X, q.y), strict=True):
        judge_claim(q.asked(k=claim.k), claim, result, branch(q.asked(k=claim.k)).objective)


def test_a_path_has_the_answers_of_single_searches():
    q = middling(3)
    whole = ez.path(q.X, q.y, k=7, certify=True, solver="branch", l2=q.l2)
    for k in range(8):
        single = branch(q.asked(k=k))
        assert whole[k].objective == pytest.approx(single.objective, rel=1e-9)
        assert list(whole[k].support) == list(single.support)


# ---- rivals


@pytest.mark.parametrize("kind", RIVALS)
def test_rivals_are_complete(kind):
    each([(seed, rivals_question(seed, kind)) for seed in range(3)], judge_rivals)
    each([(3, rivals_question(3, kind))], lambda q: judge_rivals(q, within=0.0))


@pytest.mark.slow
@pytest.mark.parametrize("kind", RIVALS)
def test_rivals_are_complete_often(kind):
    each([(seed, rivals_question(seed, kind, p=9)) for seed in range(100, 115)], judge_rivals)


def test_rivals_under_rules():
    plain = {"l1": 0.0, "l2": 0.019, "boxed": False, "form": "k"} | SQUARES
    each([(seed, fitting(ruled_question(seed, **plain))) for seed in range(100, 112)], judge_rivals)


def test_rivals_of_copies_are_all_listed():
    """One column stands for its copies in the search, and each of them in the list."""
    q = make_question(3, n=23, p=4, l2=0.0037)
    twin = q.asked(X=np.column_stack([q.X, q.X[:, 0], q.X[:, 0] * -1.9, q.X[:, 1]]), k=2)
    judge_rivals(twin, within=1e-6)
    judge_rivals(twin, within=0.37)


@pytest.mark.parametrize("most", [1, 2, 7])
def test_a_cap_on_rivals(most):
    """What is listed is right, never more than was allowed, and never called all there is."""
    q = rivals_question(1, "ridge")
    expected = near(q, 1.9)
    assert len(expected) > 7
    found = ez.rivals(q.X, q.y, within=1.9, max_rivals=most, solver="branch", **q.arguments())
    assert len(found.supports) == most
    assert not found.complete
    assert str(most) in found.statement
    assert found.objectives[0] == pytest.approx(min(expected.values()), rel=1e-9)
    for columns, value in zip(found.supports, found.objectives, strict=True):
        assert value == pytest.approx(expected[columns], rel=1e-9)
    if "these are the best of them" in found.statement:
        assert list(found.objectives) == pytest.approx(sorted(expected.values())[:most], rel=1e-9)


# ---- no ridge, no limits: a diagonal is split off the Gram matrix


def independent(seed, p, **changes):
    settings = {"n": p + 12, "p": p, "correlation": 0.5, "form": ("k", "l0", "both")[seed % 3]} | changes
    return make_question(seed, **settings)


@pytest.mark.parametrize("p", range(3, 10))
def test_independent_columns_without_ridge(p):
    seeds = range(10 * p, 10 * p + (4 if p < 8 else 2))
    each([(seed, independent(seed, p, weighted=seed % 4 == 1)) for seed in seeds], judge_hard)


def test_nearly_dependent_columns_without_ridge():
    each([(seed, independent(seed, 6, correlation=0.999)) for seed in range(8)], judge_hard)


@pytest.mark.slow
@pytest.mark.parametrize("p", range(3, 10))
def test_independent_columns_without_ridge_often(p):
    seeds = range(1000 + 100 * p, 1000 + 100 * p + 15)
    each([(seed, independent(seed, p, l1=0.011 * (seed % 2), forced=seed % 5 == 0)) for seed in seeds], judge_hard)


def test_every_size_and_all_rivals_without_ridge():
    each([(seed, independent(seed, 6)) for seed in range(6)], judge_path)
    each([(seed, independent(seed, 7).asked(k=3)) for seed in range(6)], judge_rivals)


def test_equals_leaps_and_bounds_where_brute_force_is_too_slow():
    q = make_question(7, n=120, p=45, correlation=0.5, form="k")
    for k in (2, 4):
        exhaustive = ez.best_subset(q.X, q.y, k=k, solver="exhaustive")
        assert exhaustive.status is ez.Status.OPTIMAL
        result = branch(q.asked(k=k))
        judge_optimal(q.asked(k=k), result, as_fit(exhaustive))
        judge_certificate(q.asked(k=k), result, exhaustive.objective)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_equals_leaps_and_bounds_often(seed):
    q = make_question(seed, n=90, p=45, correlation=0.5, form="k").asked(k=5)
    exhaustive = ez.best_subset(q.X, q.y, k=5, solver="exhaustive")
    assert exhaustive.status is ez.Status.OPTIMAL
    judge_optimal(q, branch(q), as_fit(exhaustive))


DEPENDENT = {
    "copy": lambda X: np.column_stack([X, X[:, 0]]),
    "sum": lambda X: np.column_stack([X, X[:, 0] - 1.9 * X[:, 1] + 3.7]),
    "wide": lambda X: np.column_stack([X, *[X[:, :1] ** i for i in range(2, 9)]])[:9],
}


@pytest.mark.parametrize("kind", DEPENDENT)
def test_dependent_columns_without_ridge_are_refused(kind):
    """Nothing bounds the relaxation there: a sentence that names the way out, instead of a search without end."""
    q = make_question(5, n=25, p=5)
    X = DEPENDENT[kind](q.X)
    with pytest.raises(UnsupportedError, match=r"l2 > 0, limits on both sides"):
        branch(Question(X, q.y[: len(X)], k=2))


# ---- rules


def judge_ruled(q, **options):
    q = q if q.k is None else fitting(q)
    result, best = branch(q, **options), optimum(q)
    judge_optimal(q, result, best)
    judge_certificate(q, result, best.objective)


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("start", [0, 20])
def test_certificates_under_rules_verify(start, jobs):
    questions = [(seed, ruled_question(seed, **SQUARES)) for seed in range(start, start + 20)]
    each(questions, lambda q: judge_ruled(q, n_jobs=jobs))


def test_a_column_that_the_rules_put_in_counts_in_the_bound_of_its_leaf():
    judge_ruled(ruled_question(5367, max_columns=8, **SQUARES))


@pytest.mark.slow
@pytest.mark.parametrize("start", range(1000, 1200, 50))
def test_certificates_under_rules_verify_often(start):
    each([(seed, ruled_question(seed, **SQUARES)) for seed in range(start, start + 50)], judge_ruled)


def test_rules_on_a_longer_search():
    """Interactions under both hierarchies: the strong optimum is no better than the weak, nor that than the free."""
    rng = np.random.default_rng(37)
    mains = rng.normal(size=(50, 6))
    pairs = [(a, b) for a in range(6) for b in range(a + 1, 6)]
    X = np.column_stack([mains, *[mains[:, a] * mains[:, b] for a, b in pairs]])
    y = X[:, 7] + 0.7 * X[:, 12] - 0.7 * X[:, 3] + rng.normal(size=50)
    parents = {6 + i: list(pair) for i, pair in enumerate(pairs)}
    rules = [(ez.constraints.StrongHierarchy(parents),), (ez.constraints.WeakHierarchy(parents),), ()]
    values = []
    for constraints in rules:
        q = Question(X, y, k=4, l2=0.0037, constraints=constraints)
        result = branch(q, n_jobs=2)
        assert result.status is ez.Status.OPTIMAL
        values.append(result.objective)
    assert values == sorted(values, reverse=True)
    assert values[0] > values[2]
