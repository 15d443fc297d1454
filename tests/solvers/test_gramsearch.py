"""The exact search for squared error without groups, judged by brute force and by its own certificates."""

import sys
import threading
import time

import numpy as np
import pytest

import ellzero as ez
from ellzero.errors import ArgumentError, UnsupportedError
from ellzero.operators import gram
from ellzero.problem import Problem
from ellzero.solvers import gramsearch
from judging import describe, judge_answer, judge_certificate, judge_claim, judge_optimal, judge_proof
from oracles import Fit, Question, every_fit, fit_support, null_objective, optimum
from strategies import hard_question, make_question, ruled_question

SQUARES = {"losses": ("squared",), "grouped": False}


def branch(q, **options):
    return ez.best_subset(q.X, q.y, **q.arguments(), solver="branch", **options)


def problem_of(q):
    return Problem.from_data(q.X, q.y, **q.arguments())


def each(questions, judge):
    """Judge each (seed, question); a failure names its seed."""
    for seed, q in questions:
        try:
            judge(q)
        except Exception as error:
            error.add_note(f"seed {seed}: {describe(q)}")
            raise


def as_fit(result):
    """A proved answer in the place of brute force, where that would list too many supports."""
    value = result.objective
    return Fit(tuple(result.support), result.k, result.coef, result.intercept, result.loss, value, value)


def searched(seed=1, **changes):
    """A problem of some seconds: hundreds of nodes at the root, subtrees with a matrix of their own."""
    kind = {"n": 40, "p": 60, "correlation": 0.5, "l2": 0.0037} | changes
    return make_question(seed, **kind).asked(k=6)


def middling(seed=1, **changes):
    """A problem of some hundredths of a second that the root does not close."""
    kind = {"n": 30, "p": 30, "correlation": 0.5, "l2": 0.0037} | changes
    return make_question(seed, **kind).asked(k=5)


# ---- one answer, against every support


def judge_hard(q, **options):
    """The optimum, proved, with a certificate; only next to a perfect fit may rounding keep the two apart."""
    result, best = branch(q, **options), optimum(q)
    judge_answer(q, result)
    judge_proof(q, result, best)
    judge_certificate(q, result, best.objective)
    if best.objective > 1e-4 * null_objective(q):
        assert result.status is ez.Status.OPTIMAL
    assert result.objective <= best.objective * (1 + 1e-6) + 1e-9 * null_objective(q)


@pytest.mark.parametrize("start", range(0, 120, 30))
def test_equals_brute_force_and_verifies(start):
    each([(seed, hard_question(seed)) for seed in range(start, start + 30)], judge_hard)


@pytest.mark.slow
@pytest.mark.parametrize("start", range(1000, 2000, 100))
def test_equals_brute_force_on_a_thousand(start):
    each([(seed, hard_question(seed)) for seed in range(start, start + 100)], judge_hard)


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


def best_of_sizes(q):
    """Best objective with at most so many units, for every size that the rules allow."""
    fits = every_fit(q.asked(k=None))
    best = {}
    for size in range(len(q.units) + 1):
        allowed = [fit for fit in fits if fit.units <= size]
        if allowed:
            best[size] = min(allowed, key=lambda fit: fit.objective)
    return best


def judge_path(q, **options):
    """Every size that exists is proved, and verified with all others by one certificate."""
    q = q.asked(k=None)
    found = ez.path(q.X, q.y, k=q.n_columns, certify=True, solver="branch", **q.arguments(), **options)
    best, most = best_of_sizes(q), max(size for _, size in q.supports())
    assert list(found.sizes) == list(range(min(best), found.sizes[-1] + 1))
    assert most <= found.sizes[-1] <= q.n_columns
    claims = found.certificate.verify(q.X, q.y)
    assert len(claims) == len(found)
    for size, result, claim in zip(found.sizes, found, claims, strict=True):
        sized = q.asked(k=size)
        judge_answer(sized, result)
        assert result.status is ez.Status.OPTIMAL, size
        judge_proof(sized, result, best[size])
        judge_claim(sized, claim, result, best[size].objective)
    return found


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


def near(q, within):
    """Supports whose objective lies within a fraction of the best; those with a unit at zero are a smaller one."""
    fits = [fit for fit in every_fit(q) if q.n_units(fit.coef) == fit.units]
    return {fit.columns: fit.objective for fit in fits if fit.objective <= fits[0].objective * (1 + within)}


def judge_rivals(q, within=0.37, **options):
    found = ez.rivals(q.X, q.y, within=within, solver="branch", **q.arguments(), **options)
    expected = near(q, within)
    limit = min(expected.values()) * (1 + within)
    edge = {columns for columns, value in expected.items() if abs(value / limit - 1) < 1e-9}
    assert found.complete
    assert len(set(found.supports)) == len(found.supports)
    assert set(found.supports) - edge == set(expected) - edge
    assert list(found.objectives) == sorted(found.objectives)
    for columns, value in zip(found.supports, found.objectives, strict=True):
        assert value == pytest.approx(expected[columns], rel=1e-8)


RIVALS = {
    "ridge": {},
    "wide": {"n": 6},
    "price": {"form": "both"},
    "weights": {"weighted": True, "standardize": False, "fit_intercept": False},
    "limits": {"boxed": True},
    "forced": {"forced": True, "forbidden": True},
}


def rivals_question(seed, kind, p=7):
    q = make_question(seed, **({"n": 25, "p": p, "correlation": 0.9, "l2": 0.0037} | RIVALS[kind]))
    return q.asked(k=3)


@pytest.mark.parametrize("kind", RIVALS)
def test_rivals_are_complete(kind):
    each([(seed, rivals_question(seed, kind)) for seed in range(3)], judge_rivals)
    each([(3, rivals_question(3, kind))], lambda q: judge_rivals(q, within=0.0))


@pytest.mark.slow
@pytest.mark.parametrize("kind", RIVALS)
def test_rivals_are_complete_often(kind):
    each([(seed, rivals_question(seed, kind, p=9)) for seed in range(100, 115)], judge_rivals)


def fitting(q):
    """The question with a k that some support keeps."""
    least = min(size for _, size in q.asked(k=None).supports())
    return q.asked(k=max(least, q.k))


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


# ---- threads


def judge_same(answers):
    """The answer is that of the first, whatever else took part in the search."""
    first, *others = answers
    assert first.status is ez.Status.OPTIMAL
    for other in others:
        assert other.status is ez.Status.OPTIMAL
        assert other.objective == pytest.approx(first.objective, rel=1e-9)
        assert list(other.support) == list(first.support)
        assert other.lower_bound <= first.objective * (1 + 1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_any_number_of_threads_gives_the_answer(seed):
    q = middling(seed)
    answers = [branch(q, n_jobs=jobs) for jobs in (1, 2, 4)]
    judge_same(answers)
    for answer in answers:
        judge_certificate(q, answer, answers[0].objective)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_any_number_of_threads_gives_the_answer_of_a_long_search(seed):
    q = searched(seed)
    answers = [branch(q, n_jobs=jobs) for jobs in (1, 2, 4)]
    judge_same(answers)
    judge_certificate(q, answers[-1], answers[0].objective)


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_the_first_of_equal_columns_stands_for_all(jobs):
    q = middling(2)
    best = branch(q)
    copies = best.support[:3]
    X = np.column_stack([q.X, q.X[:, copies], q.X[:, best.support[3]] * -1.9 + 3.7])
    twin = q.asked(X=X)
    result = branch(twin, n_jobs=jobs)
    assert result.status is ez.Status.OPTIMAL
    assert result.objective == pytest.approx(best.objective, rel=1e-9)
    assert list(result.support) == list(best.support)
    judge_certificate(twin, result, best.objective)
    front = twin.asked(X=X[:, ::-1].copy())
    mirrored = branch(front, n_jobs=jobs)
    assert mirrored.objective == pytest.approx(best.objective, rel=1e-9)
    where = {int(j): int(np.flatnonzero(_equal(front.X, X[:, j]))[0]) for j in best.support}
    assert list(mirrored.support) == sorted(where.values())


def _equal(X, column):
    """Columns that are the given one up to a linear map."""
    Z = (X - X.mean(0)) / X.std(0)
    return np.abs(Z.T @ (column - column.mean()) / column.std()) > len(X) * (1 - 1e-9)


def judge_quiet(monkeypatch, q):
    """More threads were allowed, none was started."""

    def refuse(*arguments):
        raise AssertionError("a thread was started")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    result = branch(q, n_jobs=4)
    assert result.status is ez.Status.OPTIMAL
    return result


@pytest.mark.parametrize("k", [0, 1, 2])
def test_no_thread_is_started_where_the_root_closes(monkeypatch, k):
    q = make_question(3, n=60, p=12, l2=0.37).asked(k=k)
    assert judge_quiet(monkeypatch, q).n_nodes <= 3


def test_threads_end_with_the_search():
    before = threading.active_count()
    branch(middling(), n_jobs=4)
    assert threading.active_count() == before


@pytest.mark.parametrize("jobs", [2, 4])
def test_path_and_rivals_with_threads(jobs):
    judge_path(make_question(3, n=25, p=7, correlation=0.5, l2=0.0037), n_jobs=jobs)
    judge_rivals(rivals_question(2, "ridge"), n_jobs=jobs)
    q = middling(3)
    one, more = (ez.path(q.X, q.y, k=6, certify=True, solver="branch", l2=q.l2, n_jobs=n) for n in (1, jobs))
    for a, b in zip(one, more, strict=True):
        judge_same([a, b])
    one, more = (ez.rivals(q.X, q.y, k=4, within=0.19, solver="branch", l2=q.l2, n_jobs=n) for n in (1, jobs))
    assert one.complete
    assert more.complete
    assert set(one.supports) == set(more.supports)


# ---- what must not matter


def litter(rng):
    """Memory that the next allocation is handed: nothing may be read before it is written."""
    held = [np.full(int(size), rng.choice([np.nan, 1e300, -1.0])) for size in rng.integers(1, 30_000, 60)]
    del held[::2]


def test_the_same_run_in_dirty_memory():
    rng, q = np.random.default_rng(0), middling(4)
    first = branch(q)
    for _ in range(25):
        litter(rng)
        again = branch(q)
        assert (again.n_nodes, again.gap, again.objective) == (first.n_nodes, first.gap, first.objective)
        np.testing.assert_array_equal(again.coef, first.coef)


@pytest.mark.parametrize("factor", [1e3, 1e-3, -1.9])
def test_units_of_the_response(factor):
    q = middling(5, boxed=True, form="both")
    low, high = sorted([q.lower * factor, q.upper * factor], key=lambda limit: limit.sum())
    plain = branch(q)
    judge_scaled(branch(q.asked(y=q.y * factor, l0=q.l0 * factor**2, lower=low, upper=high)), plain, factor)


def judge_scaled(scaled, plain, factor):
    assert list(scaled.support) == list(plain.support)
    assert scaled.objective == pytest.approx(plain.objective * factor**2, rel=1e-9)
    assert scaled.status is plain.status is ez.Status.OPTIMAL
    assert scaled.gap == pytest.approx(plain.gap, abs=1e-6)


def test_units_of_the_columns():
    q = middling(6, boxed=True)
    unit = 10.0 ** np.random.default_rng(1).integers(-4, 5, q.n_columns)
    scaled = branch(q.asked(X=q.X * unit, lower=q.lower / unit, upper=q.upper / unit))
    judge_scaled(scaled, branch(q), 1.0)


def test_order_of_the_columns():
    q = middling(7, boxed=True)
    plain = branch(q)
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(q.n_columns)
        mixed = branch(q.asked(X=q.X[:, order], lower=q.lower[order], upper=q.upper[order]))
        assert sorted(order[mixed.support]) == list(plain.support)
        assert mixed.objective == pytest.approx(plain.objective, rel=1e-9)
        assert mixed.status is ez.Status.OPTIMAL


# ---- a start


def test_the_answer_does_not_depend_on_the_start():
    q = middling(8)
    plain = branch(q)
    worst = np.argsort(np.abs(np.corrcoef(q.X.T, q.y)[-1, :-1]))[:5]
    for start in (worst, worst[:1], [], plain.support):
        result = ez.solve(problem_of(q), "branch", start=[int(j) for j in start])
        judge_same([plain, result])


def test_a_search_begins_from_its_start():
    """At once, before anything else can be found: the answer is the start or better."""
    q = searched()
    start = [3, 14, 15, 19, 26, 37]
    value = fit_support(q, start).objective
    result = ez.solve(problem_of(q), "branch", start=start, time_limit=1e-9)
    judge_answer(q, result)
    assert result.objective <= value * (1 + 1e-9)
    best = ez.solve(problem_of(q), "exchange")
    begun = ez.solve(problem_of(q), "branch", start=[int(j) for j in best.support], time_limit=1e-9)
    assert begun.objective <= best.objective * (1 + 1e-9)


BAD_STARTS = {
    "too many": ({}, [0, 1, 2, 3]),
    "forbidden": ({"forbidden": (1,)}, [0, 1]),
    "no room for the forced": ({"forced": (2,)}, [0, 1, 3]),
    "against a rule": ({"constraints": (ez.constraints.AtMostOne([0, 1]),)}, [0, 1]),
}


@pytest.mark.parametrize("kind", BAD_STARTS)
def test_a_start_that_is_no_support_is_refused(kind):
    changes, start = BAD_STARTS[kind]
    q = make_question(1, n=25, p=7, l2=0.019).asked(k=3, **changes)
    with pytest.raises(ArgumentError, match=r"is no support of this question"):
        ez.solve(problem_of(q), "branch", start=start)


@pytest.mark.parametrize("start", [[7], [-8], [0.37], ["x99"]])
def test_a_start_that_is_no_column_is_refused(start):
    q = make_question(1, n=25, p=7, l2=0.019).asked(k=3)
    with pytest.raises(ArgumentError, match=r"start"):
        ez.solve(problem_of(q), "branch", start=start)


@pytest.mark.parametrize("solver", ["stepwise", "exchange", "exhaustive"])
def test_solvers_that_take_no_start_say_so(solver):
    q = make_question(1, n=25, p=7).asked(k=3)
    with pytest.raises(UnsupportedError, match=rf"{solver} cannot begin from a known support.*branch"):
        ez.solve(problem_of(q), solver, start=[1])


# ---- limits of time, interrupts, progress


def judge_stopped(q, result, optimal, statuses):
    """The best so far, with a bound that holds and that its certificate proves."""
    judge_answer(q, result)
    assert result.status in statuses
    assert result.objective >= optimal * (1 - 1e-9)
    assert result.lower_bound <= optimal * (1 + 1e-12)
    judge_certificate(q, result, optimal)


@pytest.fixture(scope="module")
def long_search():
    """A search of about a second with its proved optimum."""
    q = searched()
    result = branch(q)
    assert result.status is ez.Status.OPTIMAL
    return q, result.objective


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("seconds", [1e-9, 0.03, 0.2])
def test_a_time_limit_keeps_a_true_bound(long_search, seconds, jobs):
    q, optimal = long_search
    began = time.perf_counter()
    result = branch(q, time_limit=seconds, n_jobs=jobs)
    assert time.perf_counter() - began < seconds + 2.0
    judge_stopped(q, result, optimal, [ez.Status.TIME_LIMIT])
    assert result.gap > 1e-6


@pytest.mark.parametrize("nodes", [1, 2, 3, 10, 100])
def test_a_node_limit_keeps_a_true_bound(long_search, nodes):
    q, optimal = long_search
    judge_stopped(q, branch_limited(q, nodes), optimal, [ez.Status.NODE_LIMIT])


def branch_limited(q, nodes):
    return ez.best_subset(q.X, q.y, **q.arguments(), solver=ez.solvers.Branch(node_limit=nodes))


def test_more_nodes_never_prove_less(long_search):
    q, _ = long_search
    bounds = [branch_limited(q, nodes).lower_bound for nodes in (1, 30, 300)]
    assert bounds == sorted(bounds)


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("after", [0, 1, 3])
def test_an_interrupt_keeps_a_true_bound(long_search, after, jobs):
    q, optimal = long_search
    before, events = threading.active_count(), []

    def stop(event):
        events.append(event)
        if len(events) > after:
            raise KeyboardInterrupt

    result = branch(q, on_progress=stop, n_jobs=jobs)
    judge_stopped(q, result, optimal, [ez.Status.INTERRUPTED])
    assert threading.active_count() == before


def test_an_interrupt_from_the_keyboard(long_search):
    """Ctrl-C at any place of the search, not only where it asks its watcher."""
    import _thread

    q, optimal = long_search
    for seconds in (0.02, 0.11, 0.31):
        timer = threading.Timer(seconds, _thread.interrupt_main)
        timer.start()
        result = branch(q)
        timer.join()
        judge_stopped(q, result, optimal, [ez.Status.INTERRUPTED])


@pytest.mark.parametrize("jobs", [1, 2])
def test_progress_closes_in_on_the_answer(long_search, jobs):
    q, optimal = long_search
    events = []
    result = branch(q, on_progress=events.append, n_jobs=jobs)
    known = [event for event in events if event.lower_bound is not None]
    assert len(known) > 2
    bounds = [event.lower_bound for event in known]
    values = [event.objective for event in known]
    assert bounds == sorted(bounds)
    assert values == sorted(values, reverse=True)
    assert max(bounds) <= optimal * (1 + 1e-9)
    assert result.lower_bound >= max(bounds) * (1 - 1e-9)
    assert [event.n_nodes for event in known] == sorted(event.n_nodes for event in known)


@pytest.mark.parametrize("way", ["time", "interrupt"])
def test_a_path_that_is_stopped_keeps_true_bounds(way):
    q = searched()
    whole = ez.path(q.X, q.y, k=6, certify=True, solver="branch", l2=q.l2)
    assert all(result.status is ez.Status.OPTIMAL for result in whole)

    def stop(event):
        if event.stage == "branch":
            raise KeyboardInterrupt

    options = {"time_limit": 0.19} if way == "time" else {"on_progress": stop}
    found = ez.path(q.X, q.y, k=6, certify=True, solver="branch", l2=q.l2, **options)
    assert found.sizes == whole.sizes
    claims = {claim.k: claim for claim in found.certificate.verify(q.X, q.y)}
    stopped = ez.Status.TIME_LIMIT if way == "time" else ez.Status.INTERRUPTED
    for result, proved in zip(found, whole, strict=True):
        judge_answer(q.asked(k=proved.k), result)
        assert result.objective >= proved.objective * (1 - 1e-9)
        assert result.status in (ez.Status.OPTIMAL, stopped)
        if result.lower_bound is None:
            assert result.status is stopped
        else:
            judge_claim(q.asked(k=proved.k), claims[proved.k], result, proved.objective)
    assert found[6].status is stopped


def test_rivals_that_are_stopped_are_not_called_complete():
    q = searched()
    found = ez.rivals(q.X, q.y, k=6, within=0.19, solver="branch", l2=q.l2, time_limit=0.19)
    assert not found.complete
    for support, value in zip(found.supports, found.objectives, strict=True):
        assert value == pytest.approx(fit_support(q, support).objective, rel=1e-9)

    seen = []

    def stop(event):
        seen.append(event)
        if event.objective is not None and len(seen) > 3:
            raise KeyboardInterrupt

    found = ez.rivals(q.X, q.y, k=6, within=0.37, solver="branch", l2=q.l2, on_progress=stop)
    assert not found.complete
    assert found.status is ez.Status.INTERRUPTED


# ---- more columns than a matrix is formed for


@pytest.fixture(params=["rows", "few rows kept", "whole"])
def wide_memory(request, monkeypatch):
    """Gram rows that are read one by one, kept while there is room; the limits are lowered for small problems."""
    monkeypatch.setattr(gramsearch, "COMPACT", 10)
    if request.param != "whole":
        monkeypatch.setattr(gram, "FULL_FEATURES", 5)
        monkeypatch.setattr(gram, "TALL_FEATURES", 5)
    if request.param == "few rows kept":
        monkeypatch.setattr(gram, "CACHE_BYTES", 0)
    return request.param


def test_rows_read_one_by_one_give_the_same_answer(wide_memory):
    for seed in (1, 2):
        q = middling(seed)
        judge_hard_wide(q)
    judge_hard_wide(middling(3, boxed=True))
    judge_hard_wide(middling(4, form="both", l1=0.011))


def judge_hard_wide(q):
    """Against the search on a whole matrix."""
    result = branch(q)
    with pytest.MonkeyPatch.context() as patch:
        for module, name in ((gramsearch, "COMPACT"), (gram, "FULL_FEATURES"), (gram, "TALL_FEATURES")):
            patch.setattr(module, name, 10_000)
        plain = branch(q)
    judge_same([plain, result])
    judge_certificate(q, result, plain.objective)


def test_rows_read_one_by_one_against_brute_force(wide_memory, monkeypatch):
    monkeypatch.setattr(gramsearch, "COMPACT", 3)
    monkeypatch.setattr(gramsearch, "WIDE_SPIN", 2)
    each([(seed, hard_question(seed)) for seed in range(500, 515)], judge_hard)
    judge_path(make_question(3, n=25, p=7, correlation=0.5, l2=0.0037))
    judge_rivals(rivals_question(2, "ridge"))


def test_rows_read_one_by_one_by_threads(wide_memory):
    q = middling(1)
    judge_same([branch(q, n_jobs=jobs) for jobs in (1, 2)])


@pytest.mark.slow
def test_thousands_of_columns_return_at_the_limit():
    q = make_question(1, n=100, p=4000, correlation=0.5, l2=0.0037).asked(k=8)
    began = time.perf_counter()
    result = branch(q, time_limit=5)
    assert time.perf_counter() - began < 12
    judge_answer(q, result)
    assert result.status in (ez.Status.TIME_LIMIT, ez.Status.OPTIMAL)
    assert 0 <= result.gap <= 1
    judge_certificate(q, result, result.objective)


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


@pytest.mark.slow
@pytest.mark.parametrize("start", range(1000, 1200, 50))
def test_certificates_under_rules_verify_often(start):
    each([(seed, ruled_question(seed, **SQUARES)) for seed in range(start, start + 50)], judge_ruled)


@pytest.mark.skipif(sys.gettrace() is not None, reason="tracing slows the search beyond its limits")
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
