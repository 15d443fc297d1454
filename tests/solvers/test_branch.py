"""Branch and bound against brute force: the answer, the bound, the gap, and the bound at the root."""

import numpy as np
import pytest
from hypothesis import given

import ellzero as ez
from judging import describe, judge_answer, judge_optimal, judge_proof
from oracles import Fit, Question, null_objective, optimum
from relaxation import root_bound
from strategies import make_question, questions, random_question


def branch(q, **options):
    return ez.best_subset(q.X, q.y, **q.arguments(), solver="branch", **options)


def judge_seeds(seeds, losses):
    for seed in seeds:
        q = random_question(seed, losses)
        try:
            judge_optimal(q, branch(q))
        except Exception as error:
            error.add_note(f"seed {seed}: {describe(q)}")
            raise


@pytest.mark.parametrize("start", range(0, 320, 40))
def test_equals_brute_force(start):
    judge_seeds(range(start, start + 40), ["squared"])


@pytest.mark.parametrize("start", range(0, 60, 15))
def test_equals_brute_force_for_logistic_loss(start):
    judge_seeds(range(start, start + 15), ["logistic"])


def test_equals_brute_force_for_poisson_loss():
    judge_seeds(range(20), ["poisson"])


@pytest.mark.slow
@pytest.mark.parametrize("start", range(1000, 5000, 250))
def test_equals_brute_force_on_thousands(start):
    judge_seeds(range(start, start + 250), ["squared"])


@pytest.mark.slow
@pytest.mark.parametrize("start", range(1000, 2000, 125))
def test_equals_brute_force_on_a_thousand_generalised_models(start):
    judge_seeds(range(start, start + 125), ["logistic", "logistic", "poisson"])


@given(q=questions(losses=("squared", "logistic")))
def test_equals_brute_force_on_what_hypothesis_finds(q):
    judge_optimal(q, branch(q))


def judge_root(seeds, losses, slack):
    """The bound of an unopened root lies between the relaxation, less what it was left unsolved by, and the optimum."""
    for seed in seeds:
        q = random_question(seed, losses, standardize=True)
        result = ez.best_subset(q.X, q.y, **q.arguments(), solver=ez.solvers.Branch(node_limit=1), gap=0.0)
        null, best = null_objective(q), optimum(q)
        relaxed = min(root_bound(q), best.objective)
        note = f"seed {seed}: {describe(q)}: relaxation {relaxed}, optimum {best.objective}, null {null}"
        assert result.lower_bound <= best.objective * (1 + 1e-12) + 1e-14 * null, note
        if result.status is ez.Status.NODE_LIMIT:
            assert result.lower_bound == pytest.approx(relaxed, rel=slack, abs=slack * null), note


def test_root_bound_is_the_relaxation():
    judge_root(range(60), ["squared"], 1e-6)


def test_root_bound_is_the_relaxation_for_logistic_loss():
    judge_root(range(25), ["logistic"], 1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("losses", [["squared"], ["logistic"]])
def test_root_bound_is_the_relaxation_on_hundreds(losses):
    judge_root(range(100, 400), losses, 1e-5)


def wide(seed=4, n=25, p=40, **changes):
    """A search that takes more than a handful of nodes."""
    return make_question(seed, n=n, p=p, correlation=0.5, l2=0.019, form="k", **changes).asked(k=6)


@pytest.mark.parametrize("limits", [{"time_limit": 1e-9}, {"node_limit": 3}])
def test_a_limit_returns_the_incumbent_with_its_true_gap(limits):
    q = wide()
    node_limit = limits.pop("node_limit", None)
    solver = ez.solvers.Branch(node_limit=node_limit) if node_limit else "branch"
    result = ez.best_subset(q.X, q.y, **q.arguments(), solver=solver, **limits)
    judge_answer(q, result)
    assert result.status is (ez.Status.NODE_LIMIT if node_limit else ez.Status.TIME_LIMIT)
    proved = ez.best_subset(q.X, q.y, **q.arguments(), solver="branch")
    assert proved.status is ez.Status.OPTIMAL
    assert result.gap > 1e-6
    assert result.lower_bound <= proved.objective
    assert result.gap == pytest.approx((result.objective - result.lower_bound) / result.objective, rel=1e-9)


def test_an_interrupt_returns_the_incumbent_with_its_true_gap():
    q = wide(n=40, p=150, seed=5).asked(k=9)

    def stop(event):
        if event.n_nodes:
            raise KeyboardInterrupt

    result = branch(q, on_progress=stop)
    judge_answer(q, result)
    assert result.status is ez.Status.INTERRUPTED
    proved = ez.best_subset(q.X, q.y, **q.arguments(), solver="branch", time_limit=2.0)
    assert result.lower_bound <= proved.objective <= result.objective
    assert 1e-6 < result.gap <= 1


def test_an_interrupt_before_anything_happened_still_returns_an_answer():
    q = wide()

    def stop(event):
        raise KeyboardInterrupt

    result = branch(q, on_progress=stop)
    judge_answer(q, result)
    assert result.status is ez.Status.INTERRUPTED
    assert result.lower_bound is None or result.lower_bound <= branch(q).objective


def test_progress_reports_bounds_that_close_in():
    q, events = wide(), []
    result = branch(q, on_progress=events.append)
    bounds = [event.lower_bound for event in events if event.lower_bound is not None]
    values = [event.objective for event in events if event.objective is not None and event.lower_bound is not None]
    assert bounds == sorted(bounds)
    assert values == sorted(values, reverse=True)
    assert all(value >= result.lower_bound - 1e-12 for value in values)
    assert [event.elapsed for event in events] == sorted(event.elapsed for event in events)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_same_seed_same_answer(n_jobs):
    q = wide(seed=9)
    first, again = (branch(q, random_state=37, n_jobs=jobs) for jobs in (1, n_jobs))
    assert list(first.support) == list(again.support)
    np.testing.assert_array_equal(first.coef, again.coef)
    assert first.objective == again.objective


@pytest.mark.parametrize("gap", [0.19, 0.01])
def test_a_coarser_gap_stops_earlier_and_says_so(gap):
    q = wide(seed=11)
    coarse, fine = branch(q, gap=gap), branch(q)
    judge_proof(q, coarse, _as_fit(fine), gap=gap)
    assert coarse.status is ez.Status.OPTIMAL
    assert coarse.n_nodes <= fine.n_nodes


def _as_fit(result):
    """A proved answer in the place of brute force, where that would list too many supports."""
    value = result.objective
    return Fit(tuple(result.support), result.k, result.coef, result.intercept, result.loss, value, value)


def test_refuses_what_it_could_not_prove():
    """Without ridge and box its relaxation of wide data fits perfectly: it must say so rather than search for ever."""
    rng = np.random.default_rng(1)
    q = Question(rng.standard_normal((12, 19)), rng.standard_normal(12), k=4)
    with pytest.raises(ez.errors.UnsupportedError, match="l2"):
        branch(q)


def test_strengths_at_the_edges():
    q = make_question(3, n=20, p=6, l2=0.019, form="l0")
    everything = branch(q.asked(l0=0.0))
    assert everything.k == 6
    nothing = branch(q.asked(l0=1e9))
    assert nothing.k == 0
    assert nothing.objective == pytest.approx(null_objective(q), rel=1e-12)
    judge_optimal(q.asked(l0=None, k=0), branch(q.asked(l0=None, k=0)))
