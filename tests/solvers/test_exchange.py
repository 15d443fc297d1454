"""Exchange: nothing that one swap could improve is left, judged by refitting every swap."""

import itertools

import numpy as np
import pytest

import ellzero as ez
from judging import describe, judge_answer, judge_proof
from oracles import best_by_size, fit_support, null_objective, optimum
from strategies import make_question, random_question


def exchange(q, **options):
    return ez.best_subset(q.X, q.y, **q.arguments(), solver="exchange", random_state=37, **options)


def swaps(q, inside):
    """Supports that differ from the given units by one exchange."""
    free = [u for u, unit in enumerate(q.units) if not set(unit) & (set(q.forced) | set(q.forbidden))]
    for leaving in set(inside) & set(free):
        for entering in set(free) - set(inside):
            chosen = (set(inside) - {leaving}) | {entering}
            yield sorted(column for u in chosen for column in q.units[u])


def judge_swap_optimal(q, result):
    inside = [u for u, unit in enumerate(q.units) if set(unit) & (set(result.support) | set(q.forced))]
    room = 1e-8 * result.objective + 1e-10 * null_objective(q)
    for columns in swaps(q, inside):
        assert fit_support(q, columns, len(inside)).objective >= result.objective - room, columns


@pytest.mark.parametrize("seed", range(12))
def test_no_single_swap_improves(seed):
    q = make_question(seed, n=40, p=19, correlation=0.7, weighted=seed % 3 == 0, forced=seed % 4 == 1).asked(k=4)
    result = exchange(q)
    judge_answer(q, result)
    judge_swap_optimal(q, result)
    assert result.k == 4


@pytest.mark.parametrize("seed", range(6))
def test_no_single_swap_improves_on_wide_data(seed):
    q = make_question(seed, n=19, p=60, correlation=0.5, l2=0.0 if seed % 2 else 0.019).asked(k=5)
    result = exchange(q)
    judge_answer(q, result)
    judge_swap_optimal(q, result)


@pytest.mark.parametrize("loss", ["logistic", "poisson"])
@pytest.mark.parametrize("seed", range(3))
def test_no_single_swap_improves_for_generalised_models(loss, seed):
    q = make_question(seed, n=50, p=9, loss=loss, correlation=0.5, l2=0.019).asked(k=3)
    result = exchange(q)
    judge_answer(q, result)
    judge_swap_optimal(q, result)


@pytest.mark.parametrize("seed", range(40))
def test_rules_are_kept_and_the_answer_is_never_below_the_optimum(seed):
    """All kinds of problem: groups, boxes, l1, penalised form."""
    q = random_question(seed, ["squared", "squared", "logistic"])
    result = exchange(q)
    try:
        judge_answer(q, result)
        best = optimum(q)
        assert result.objective >= best.objective * (1 - 1e-9) - 1e-12 * null_objective(q)
        if result.lower_bound is not None:
            judge_proof(q, result, best)
    except AssertionError as error:
        error.add_note(f"seed {seed}: {describe(q)}")
        raise


def test_it_is_not_called_optimal():
    q = make_question(4, n=30, p=12).asked(k=3)
    result = exchange(q)
    assert result.status is ez.Status.HEURISTIC
    assert "optimal" not in str(result).lower()
    if result.certificate is not None:
        # The root's bound may be stated with its evidence; it claims the gap and no more.
        claim = next(iter(result.certificate.verify(q.X, q.y)))
        assert claim.gap == pytest.approx(result.gap, rel=1e-6)
        assert claim.lower_bound <= optimum(q).objective * (1 + 1e-12)


@pytest.mark.parametrize("shape", [(50, 12), (9, 23)])
def test_every_size_is_reached(shape):
    n, p = shape
    q = make_question(7, n=n, p=p, correlation=0.5)
    sizes = range(min(n - 2, p) + 1)
    path = ez.path(q.X, q.y, k=sizes)
    assert [result.k for result in path] == list(sizes)
    assert list(path.sizes) == list(sizes)
    assert len(path) == len(sizes)
    losses = [result.loss for result in path]
    assert all(after <= before * (1 + 1e-12) for before, after in itertools.pairwise(losses))


@pytest.mark.parametrize("seed", range(6))
def test_path_is_swap_optimal_at_every_size(seed):
    q = make_question(seed, n=40, p=15, correlation=0.9)
    for result in ez.path(q.X, q.y, k=8, random_state=1):
        judge_swap_optimal(q.asked(k=result.k), result)


def test_path_of_small_problems_is_the_best_path():
    """Ten problems of nine columns at every size: a good heuristic finds nearly all and never beats the best."""
    missed = total = 0
    for seed in range(10):
        q = make_question(seed, n=30, p=9, correlation=0.5)
        best = best_by_size(q.asked(k=None))
        for result in ez.path(q.X, q.y, k=9, random_state=seed):
            value = best[result.k].loss
            assert result.loss >= value * (1 - 1e-9)
            missed += result.loss > value * (1 + 1e-8)
            total += 1
    assert missed <= 0.02 * total


def test_nested_truth_is_found():
    rng = np.random.default_rng(37)
    X = rng.standard_normal((60, 200))
    truth = [3, 19, 37, 111, 190]
    y = X[:, truth] @ [1.9, -1.9, 1.1, -1.1, 3.7] + 0.37 * rng.standard_normal(60)
    assert list(ez.best_subset(X, y, k=5, solver="exchange").support) == truth
