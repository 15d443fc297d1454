"""Answers under rules on which columns go together, judged by listing every support that keeps them."""

import numpy as np
import pytest

import ellzero as ez
from ellzero._progress import Clock
from ellzero.constraints import AtMostOne, Linear, StrongHierarchy, WeakHierarchy
from ellzero.errors import UnsupportedError
from ellzero.problem import Problem
from ellzero.solvers.exchange import KPath
from ellzero.solvers.modelled import ModelMoves
from ellzero.solvers.moves import GramMoves, moves_for
from ellzero.solvers.ruled import RuledMoves
from ellzero.solvers.stepwise import Stepwise
from judging import judge_answer, judge_certificate, judge_optimal, tolerance
from oracles import best_by_size, near_optimal, optimum
from strategies import ruled_question

LOSSES = ("squared", "squared", "logistic", "poisson")


def fitting(q):
    """The question with a k that some support keeps, or None."""
    least = min(size for _, size in q.asked(k=None).supports())
    return q.asked(k=least) if q.k is not None and q.k < least else q


@pytest.mark.parametrize("seed", range(120))
def test_branch_and_bound_is_right(seed):
    q = fitting(ruled_question(seed, losses=LOSSES, max_columns=6))
    result, best = ez.best_subset(q.X, q.y, solver="branch", **q.arguments()), optimum(q)
    judge_optimal(q, result, best)
    judge_certificate(q, result, best.objective)


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("solver", ["exchange", "stepwise"])
def test_heuristics_keep_the_rules(seed, solver):
    q = fitting(ruled_question(seed, losses=LOSSES, max_columns=6))
    result = ez.best_subset(q.X, q.y, solver=solver, **q.arguments())
    judge_answer(q, result)
    assert result.lower_bound is None or result.lower_bound <= optimum(q).objective * (1 + 1e-9)


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("seed", range(20))
def test_stepwise_starts_and_ends_within_the_rules(seed, direction):
    q = fitting(ruled_question(seed, max_columns=6))
    problem = Problem.from_data(q.X, q.y, **q.arguments())
    judge_answer(q, Stepwise(direction).solve(problem))


@pytest.mark.parametrize("seed", range(60))
def test_every_state_of_the_path_engine_is_allowed(seed):
    """Also the states that it only passes through, with exact moves and with modelled ones."""
    q = ruled_question(seed, losses=("squared",), max_columns=7, form="l0")
    problem = Problem.from_data(q.X, q.y, **q.arguments())
    inner = GramMoves if problem.closed_form and not problem.rules.grouped else ModelMoves
    for moves in (moves_for(problem), RuledMoves(inner(problem)), RuledMoves(ModelMoves(problem))):
        engine = KPath(moves, Clock(float("inf"), None))
        kept = engine.run(int(problem.usable.sum()))
        seen = [sorted(units) for units in {*engine.seen, *(state.key for state in kept.values())}]
        assert all(problem.rules.allows(units) for units in seen)
        columns = {tuple(problem.rules.columns(units).tolist()) for units in seen}
        assert columns <= {columns for columns, _ in q.supports()}


def test_swaps_find_nearly_always_the_optimum():
    """Small problems are easy: the search that proves nothing is right in all but a few of them."""
    missed = 0
    for seed in range(40):
        q = fitting(ruled_question(seed, max_columns=7))
        best = optimum(q).objective
        found = ez.best_subset(q.X, q.y, solver="exchange", **q.arguments()).objective
        missed += found > best + 10 * tolerance(q, best)
    assert missed <= 2


def test_an_interaction_enters_with_its_parents():
    """Neither parent helps alone, so that single steps never get there."""
    rng = np.random.default_rng(37)
    mains = {f"x{j}": rng.normal(size=90) for j in range(9)}
    names = list(mains)
    data = mains | {f"{a}:{b}": mains[a] * mains[b] for i, a in enumerate(names) for b in names[i + 1 :]}
    y = 1.9 * data["x2:x7"] + 0.37 * rng.normal(size=90)
    for rule, support in ((StrongHierarchy(), ("x2", "x7", "x2:x7")), (WeakHierarchy(), ("x7", "x2:x7"))):
        result = ez.best_subset(data, y, k=len(support), solver="exchange", constraints=[rule])
        assert set(result.names_in_support) >= {"x2:x7"}
        assert result.k == len(support)


def test_dependent_parents_can_be_in():
    """Parents that are copies of each other have no inverse Gram matrix; a forced child needs both all the same."""
    rng = np.random.default_rng(19)
    a, c, d = rng.normal(size=(3, 40))
    data = {"a": a, "b": a, "c": c, "d": d}
    rule = StrongHierarchy({"c": ["a", "b"]})
    result = ez.best_subset(data, c + 0.37 * a + 0.019 * d, k=3, solver="exchange", forced=["c"], constraints=[rule])
    assert result.k == 3
    assert {"a", "b", "c"} >= set(result.names_in_support) >= {"c"}


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("certify", [False, True])
def test_paths_keep_the_rules(seed, certify):
    q = ruled_question(seed, max_columns=6, form="l0").asked(l0=None)
    found = ez.path(q.X, q.y, k=len(q.units), certify=certify, **q.arguments())
    best = best_by_size(q)
    for k, result in zip(found.sizes, found, strict=True):
        judge_answer(q.asked(k=k), result)
        if certify:
            assert result.objective == pytest.approx(best[k].value, rel=2e-6, abs=tolerance(q, best[k].value))
    assert found.sizes[0] == min(best)


@pytest.mark.parametrize("seed", range(12))
def test_rivals_keep_the_rules(seed):
    q = fitting(ruled_question(seed, max_columns=6, form="k", l1=0.0, boxed=False, l2=0.019, grouped=False))
    found = ez.rivals(q.X, q.y, within=0.37, **q.arguments())
    assert found.complete
    expected = {fit.columns for fit in near_optimal(q, 0.37)}
    assert set(found.supports) == expected


def test_rivals_without_proof_keep_the_rules():
    rng = np.random.default_rng(37)
    X = rng.normal(size=(5, 6))
    y = X[:, 0] + X[:, 1] + 0.37 * rng.normal(size=5)
    found = ez.rivals(X, y, k=2, within=19.0, constraints=[AtMostOne([0, 1])])
    assert not found.complete
    assert len(found) > 1
    assert not any({0, 1} <= set(support) for support in found.supports)


def test_folds_keep_the_rules():
    rng = np.random.default_rng(37)
    X = rng.normal(size=(60, 5))
    y = X[:, 0] + X[:, 1] + 0.37 * rng.normal(size=60)
    found = ez.cross_validate(X, y, k=3, random_state=0, constraints=[AtMostOne([0, 1])])
    free = ez.cross_validate(X, y, k=3, random_state=0)
    assert found.sizes.tolist() == [0, 1, 2, 3]
    assert found.mean[2] > 1.9 * free.mean[2]


ROW = [Linear({0: 1.0}, upper=1.0)]
PAIR = [AtMostOne([0, 1])]


@pytest.mark.parametrize("solver", ["exhaustive", "branch", "stepwise", "exchange"])
def test_linear_rows_are_refused(solver):
    X = np.random.default_rng(0).normal(size=(19, 3))
    with pytest.raises(UnsupportedError, match=r"linear rows need a mixed-integer solver"):
        ez.best_subset(X, X[:, 0], k=1, l2=0.1, solver=solver, constraints=ROW)


def test_leaps_and_bounds_refuse_rules_and_auto_goes_elsewhere():
    X = np.random.default_rng(0).normal(size=(19, 3))
    with pytest.raises(UnsupportedError, match=r"leaps and bounds cannot keep rules"):
        ez.best_subset(X, X[:, 0], k=1, solver="exhaustive", constraints=PAIR)
    auto = ez.solvers.Auto()
    assert auto.choose(Problem.from_data(X, X[:, 0], k=1, l2=0.1, constraints=PAIR)).name == "branch"
    assert auto.choose(Problem.from_data(X, X[:, 0], k=1, constraints=PAIR)).name == "branch"
    assert auto.choose(Problem.from_data(X[:2], X[:2, 0], k=1, constraints=PAIR)).name == "exchange"
