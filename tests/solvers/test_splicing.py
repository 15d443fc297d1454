"""Splicing: no exchange of the cheapest members for the most promising outsiders is left, judged by refitting all."""

from math import log

import numpy as np
import pytest

import ellzero as ez
from ellzero.solvers import Splicing, splicing
from ellzero.solvers.moves import moves_for
from judging import judge_answer
from oracles import fit_support, optimum
from strategies import design, make_question


def solve(q, **options):
    return ez.best_subset(q.X, q.y, **q.arguments(), solver=Splicing(**options))


def value(q, columns):
    return fit_support(q, sorted(columns), len(columns)).objective


def splices(q, inside, c_max):
    """Supports after one splice, by the paper's formulas: sacrifices are differences of refitted objectives."""
    here, inside = value(q, inside), set(inside)
    outside = set(range(q.n_columns)) - inside - set(q.forbidden)
    backward = {j: value(q, inside - {j}) - here for j in inside - set(q.forced)}
    forward = {j: here - value(q, inside | {j}) for j in outside}
    least = sorted(backward, key=backward.__getitem__)
    most = sorted(forward, key=forward.__getitem__, reverse=True)
    for c in range(1, min(c_max, len(least), len(most)) + 1):
        yield (inside - set(least[:c])) | set(most[:c])


def judge_fixed_point(q, result, c_max, tau):
    null, n, p, s = value(q, ()), q.n_samples, q.n_columns, len(result.support)
    threshold = tau * s * log(p) * log(log(n)) / n * null + 1e-9 * null
    for chosen in splices(q, result.support.tolist(), c_max):
        assert value(q, chosen) >= result.objective - threshold, chosen


@pytest.mark.parametrize("tau", [0.0, 0.037])
@pytest.mark.parametrize("c_max", [1, 3])
@pytest.mark.parametrize("seed", range(8))
def test_no_splice_improves_by_more_than_the_threshold(seed, c_max, tau):
    q = make_question(seed, n=40, p=13, correlation=0.8, weighted=seed % 3 == 0, forced=seed % 4 == 1,
                      forbidden=seed % 4 == 2, l2=0.019 * (seed % 2)).asked(k=4)  # fmt: skip
    result = solve(q, c_max=c_max, tau=tau)
    judge_answer(q, result)
    assert result.k == 4
    judge_fixed_point(q, result, c_max, tau)


def test_the_threshold_is_the_papers_in_shares_of_the_empty_models_loss():
    q = make_question(3, n=41, p=13, correlation=0.8, weighted=True)
    problem = ez.Problem.from_data(q.X, q.y, k=4, sample_weight=q.sample_weight)
    n = q.sample_weight.sum()
    expected = 0.37 * 3 * log(13) * log(log(n)) / n * value(q, ())
    assert Splicing(tau=0.37).threshold(problem, 3) == pytest.approx(expected, rel=1e-9)
    assert 0 < Splicing(tau=0.0).threshold(problem, 3) < 1e-8 * value(q, ())


def test_only_gains_beyond_the_threshold_are_taken():
    """From a bad start: the best splice is taken with a threshold just below its gain, and not with one just above."""
    q = make_question(5, n=40, p=9, correlation=0.5).asked(k=2)
    problem = ez.Problem.from_data(q.X, q.y, k=2)
    moves = moves_for(problem)
    start = min((moves.at((a, b)) for a in range(9) for b in range(a)), key=lambda state: -state.value)
    best = min(value(q, chosen) for chosen in splices(q, start.units, 2))
    gain = value(q, start.units) - best
    assert gain > 0
    assert splicing.splice(moves, start, 2, 0.99 * gain).value == pytest.approx(best, rel=1e-9)
    assert splicing.splice(moves, start, 2, 1.01 * gain) is None


def test_a_walk_without_splices_is_no_fixed_point(monkeypatch):
    """The law above can fail: forward selection alone breaks it."""
    questions = [make_question(seed, n=40, p=13, correlation=0.8).asked(k=4) for seed in range(30)]
    monkeypatch.setattr(splicing, "splice", lambda *_: None)
    broken = 0
    for q in questions:
        try:
            judge_fixed_point(q, solve(q, tau=0.0), 3, 0.0)
        except AssertionError:
            broken += 1
    assert broken > 0


@pytest.mark.parametrize("seed", range(6))
def test_easy_designs_are_solved(seed):
    """Independent columns and a strong signal: the optimum, as enumeration finds it."""
    rng = np.random.default_rng(seed)
    X = design(rng, 60, 11, 0.0)
    beta = np.zeros(11)
    beta[rng.permutation(11)[:3]] = [1.9, -1.9, 3.7]
    q = make_question(seed, n=60, p=11).asked(X=X, y=(X / X.std(0)) @ beta + 0.37 * rng.standard_normal(60), k=3)
    best = optimum(q)
    result = solve(q)
    assert tuple(result.support) == best.columns
    assert result.objective == pytest.approx(best.objective, rel=1e-9)


@pytest.mark.parametrize("loss", ["squared", "logistic", "poisson"])
@pytest.mark.parametrize("seed", range(5))
def test_never_better_than_the_optimum(loss, seed):
    q = make_question(seed, n=40, p=8, loss=loss, correlation=0.7, l2=0.019, grouped=seed % 2 == 1)
    q = q.asked(k=min(3, len(q.units)))
    result, best = solve(q), optimum(q)
    judge_answer(q, result)
    assert result.status is not ez.Status.OPTIMAL
    assert result.objective >= best.objective * (1 - 1e-9)


def test_splices_reach_what_single_swaps_do_not():
    """Two columns that are useless alone, and one that stands in for their sum."""
    rng = np.random.default_rng(37)
    a, b, noise = rng.standard_normal((3, 200))
    total = a + b
    decoys = np.column_stack([total + 0.8 * noise, total - 0.8 * noise + 0.19 * rng.standard_normal(200)])
    problem = ez.Problem.from_data(np.column_stack([a, b, decoys]), 1.9 * total, k=2)
    moves = moves_for(problem)
    spliced = splicing.splice(moves, moves.at((2, 3)), 2, 0.0)
    assert set(spliced.units) == {0, 1}


@pytest.mark.parametrize("l0", [0.003, 0.037])
def test_a_price_ends_the_sizes(l0):
    q = make_question(5, n=60, p=9, form="l0").asked(l0=l0 * 1.9)
    result, best = solve(q, tau=0.0), optimum(q)
    assert result.objective >= best.objective * (1 - 1e-9)
    assert result.objective == pytest.approx(best.objective, rel=0.05)


def test_rules_are_kept():
    from ellzero.constraints import AtMostOne, StrongHierarchy

    for seed in range(8):
        q = make_question(seed, n=40, p=9, correlation=0.5, l2=0.019)
        q = q.asked(k=4, constraints=(StrongHierarchy({0: [1, 2]}), AtMostOne([3, 4, 5])))
        result = solve(q)
        judge_answer(q, result)
        assert result.k <= 4
        assert result.objective >= optimum(q).objective * (1 - 1e-9)


def test_a_name_everywhere(data_dir):
    data = ez.datasets.load_hitters()
    best = ez.path(data.X, data.y, k=8, certify=True)
    found = ez.path(data.X, data.y, k=8, solver="splicing")
    assert [r.solver for r in found] == ["splicing"] * 9
    excess = [a.objective / b.objective - 1 for a, b in zip(found, best, strict=True)]
    assert min(excess) >= -1e-9
    assert max(excess) < 0.05
    assert ez.best_subset(data.X, data.y, k=6, solver="splicing").k == 6


def test_time_and_interrupts_keep_the_best_so_far():
    q = make_question(3, n=60, p=19, correlation=0.5).asked(k=9)
    assert ez.best_subset(q.X, q.y, k=9, solver="splicing", time_limit=1e-9).status is ez.Status.TIME_LIMIT

    def interrupt(event):
        raise KeyboardInterrupt

    result = ez.best_subset(q.X, q.y, k=9, solver="splicing", on_progress=interrupt)
    assert result.status is ez.Status.INTERRUPTED
    assert result.k == 1
