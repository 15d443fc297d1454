"""What must not matter to the exact search, and what may stop it: threads, memory, units, starts, limits, Ctrl-C."""

import threading
import time

import numpy as np
import pytest

import ellzero as ez
from ellzero._kernels.store import OPEN
from ellzero._progress import Clock
from ellzero.errors import ArgumentError, UnsupportedError
from ellzero.operators import gram
from ellzero.solvers import gramsearch
from ellzero.solvers.subtree import Subtree
from judging import judge_answer, judge_certificate, judge_claim
from oracles import fit_support
from searches import (
    branch,
    each,
    judge_hard,
    judge_path,
    judge_rivals,
    judge_same,
    middling,
    problem_of,
    rivals_question,
    searched,
)
from strategies import hard_question, make_question


@pytest.fixture(scope="module", autouse=True)
def _compiled():
    """Kernels that no time limit of a test has to pay for."""
    branch(middling(), time_limit=600)


# ---- threads


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


@pytest.fixture(scope="module")
def whole_path():
    q = searched()
    whole = ez.path(q.X, q.y, k=6, certify=True, solver="branch", l2=q.l2)
    assert all(result.status is ez.Status.OPTIMAL for result in whole)
    return q, whole


@pytest.mark.parametrize("way", ["time", "interrupt"])
def test_a_path_that_is_stopped_keeps_true_bounds(whole_path, way):
    q, whole = whole_path

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


def test_rows_that_move_while_threads_read_them(wide_memory, monkeypatch):
    """A better support is polished by swaps, whose rows make the store grow, or take the places of others.

    A race: the reader that saw other rows failed in one of thirty such runs.
    """
    monkeypatch.setattr(gramsearch, "WIDE_SPIN", 0)
    for seed in range(1, 5):
        q = make_question(seed, n=40, p=200, correlation=0.5, l2=0.1).asked(k=4)
        best = branch(q)
        for first in (0, 50, 100, 150, 196) * 4:
            start = range(first, first + 4)
            result = ez.solve(problem_of(q), ez.solvers.Branch(n_jobs=4), start=list(start))
            assert list(result.support) == list(best.support)
            assert result.status is ez.Status.OPTIMAL
        judge_certificate(q, result, best.objective)


def test_rows_come_in_portions(wide_memory, monkeypatch):
    monkeypatch.setattr(gramsearch, "FETCH", 1)
    judge_hard_wide(middling(1))


@pytest.mark.parametrize("wide_memory", ["rows"], indirect=True)
def test_an_interrupt_is_answered_between_two_portions_of_rows(wide_memory, monkeypatch):
    monkeypatch.setattr(gramsearch, "FETCH", 1)
    q = make_question(1, n=40, p=200, correlation=0.5, l2=0.05).asked(k=4)
    known = branch(q)  # no better support is found on the way, to be polished by swaps that read rows, too
    clock, asked, ensure = Clock(), [], gram.GramRows.ensure

    def watched(rows, wanted, keep=()):
        asked.append(list(wanted))
        clock.interrupted = len(asked) >= 3
        ensure(rows, wanted, keep)

    monkeypatch.setattr(gram.GramRows, "ensure", watched)
    best = gramsearch.Best(tuple(known.support.tolist()), known.objective)
    search = gramsearch.GramSearch(problem_of(q), best, clock, 1e-6)
    assert search.run() is ez.Status.INTERRUPTED
    assert [len(wanted) for wanted in asked] == [1, 1, 1]


def test_a_bound_holds_while_nodes_are_being_bounded(long_search, monkeypatch):
    """A node that a thread is at work on is in no heap, and yet open."""
    q, optimal = long_search
    problem, seen, burst = problem_of(q), [], Subtree.burst

    def watched(subtree, terms, signal):
        if search.running:
            before, n_open = subtree.open_bound(), int(subtree.nodes.size[OPEN])
            subtree.nodes.size[OPEN] = 0  # as far as anybody else can see
            seen.append((search.bound(), before))
            subtree.nodes.size[OPEN] = n_open
        burst(subtree, terms, signal)

    monkeypatch.setattr(Subtree, "burst", watched)
    best = gramsearch.Best(tuple(branch(q, time_limit=1e-9).support.tolist()), 1.9 * optimal)
    search = gramsearch.GramSearch(problem, best, Clock(), 1e-6, n_threads=2)
    assert search.run() is ez.Status.OPTIMAL
    assert len(seen) > 2
    assert all(bound <= before for bound, before in seen)


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
