"""Stepwise as R's ``step`` goes: each move is the best one by the criterion, and the walk ends where none improves."""

import itertools

import numpy as np
import pytest

import ellzero as ez
from known_data import classic, hitters
from oracles import criterion, rss
from strategies import make_question


def value(X, y, support, name):
    n, p = X.shape
    return criterion(name, n=n, k=len(support), fit_intercept=True, p=p, rss=rss(X, y, support))


def walk(X, y, direction, name, most=None):
    """The textbook: from nothing (forward, both) or everything (backward), the best single move while it improves."""
    p = X.shape[1]
    support = frozenset(range(p) if direction == "backward" else ())
    steps = []
    while True:
        here = value(X, y, sorted(support), name)
        moves = []
        if direction != "backward":
            moves += [support | {j} for j in set(range(p)) - support if most is None or len(support) < most]
        if direction != "forward":
            moves += [support - {j} for j in support]
        if not moves:
            return sorted(support), steps
        best = min(moves, key=lambda move: value(X, y, sorted(move), name))
        if value(X, y, sorted(best), name) >= here:
            return sorted(support), steps
        steps.append((sorted(best - support), sorted(support - best)))
        support = best


def stepwise(X, y, direction, name):
    solver = ez.solvers.Stepwise(direction=direction, criterion=name)
    return ez.best_subset(X, y, k=X.shape[1], solver=solver)


def judge_walk(X, y, direction, name):
    support, steps = walk(X, y, direction, name)
    result = stepwise(X, y, direction, name)
    assert list(result.support) == support
    names = result.names
    trace = [([names.index(x) for x in step.entered], [names.index(x) for x in step.left]) for step in result.trace]
    moved = [step for step in trace if step != ([], [])]
    if direction == "backward" and moved and len(moved[0][0]) > 1:
        moved = moved[1:]
    assert moved == steps
    return result


@pytest.mark.parametrize("direction", ["forward", "backward", "both"])
@pytest.mark.parametrize("name", ["aic", "bic"])
@pytest.mark.parametrize("seed", range(5))
def test_walks_as_r_does(direction, name, seed):
    q = make_question(seed, n=40, p=8, correlation=0.7)
    judge_walk(q.X, q.y, direction, name)


@pytest.mark.parametrize("direction", ["forward", "backward", "both"])
def test_hitters_by_aic(expected, data_dir, direction):
    X, y, _ = hitters(data_dir)
    result = judge_walk(X, y, direction, "aic")
    best = min(row["aic"] for row in expected("hitters")["sizes"])
    assert result.criterion("aic") >= best - 1e-6


def test_mtcars_backward_by_aic_is_the_textbook_model(expected, data_dir):
    """``step(lm(mpg ~ ., mtcars))`` ends at wt + qsec + am."""
    names = expected("classics")["mtcars"]["names"]
    X, y = classic(data_dir, "mtcars", names)
    result = judge_walk(X, y, "backward", "aic")
    assert {names[j] for j in result.support} == {"wt", "qsec", "am"}


def test_values_in_the_trace_are_the_criterion():
    q = make_question(3, n=40, p=8, correlation=0.7)
    result = stepwise(q.X, q.y, "both", "bic")
    support = set()
    for step in result.trace:
        support = (support | {result.names.index(x) for x in step.entered}) - {result.names.index(x) for x in step.left}
        assert step.k == len(support)
        # The part of the criterion that does not depend on the model may be dropped, as R does.
        assert step.criterion == "bic"
    differences = np.diff([step.value for step in result.trace])
    supports = list(itertools.accumulate(result.trace, _after, initial=frozenset()))[1:]
    direct = np.diff([value(q.X, q.y, [result.names.index(x) for x in sorted(names)], "bic") for names in supports])
    np.testing.assert_allclose(differences, direct, rtol=1e-8)


def _after(names, step):
    return (names | set(step.entered)) - set(step.left)


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_by_loss_every_size_up_to_k(direction):
    """By loss the walk goes on to exactly k, each step the best single move."""
    q = make_question(5, n=40, p=8, correlation=0.7)
    result = ez.best_subset(q.X, q.y, k=4, solver=ez.solvers.Stepwise(direction=direction, criterion="loss"))
    support = set() if direction == "forward" else set(range(8))
    while len(support) != 4:
        moves = (
            [support | {j} for j in set(range(8)) - support]
            if direction == "forward"
            else [support - {j} for j in support]
        )
        support = min(moves, key=lambda move: rss(q.X, q.y, sorted(move)))
    assert list(result.support) == sorted(support)
    assert result.status is ez.Status.HEURISTIC


def test_limit_on_the_size_is_kept():
    q = make_question(5, n=60, p=8)
    y = q.X @ (1 / q.X.std(0)) + 0.1 * np.random.default_rng(0).standard_normal(60)
    for direction in ("forward", "both"):
        solver = ez.solvers.Stepwise(direction=direction, criterion="aic")
        result = ez.best_subset(q.X, y, k=3, solver=solver)
        assert list(result.support) == walk(q.X, y, direction, "aic", most=3)[0]


def test_forced_and_forbidden_columns_stay_as_they_are():
    q = make_question(11, n=40, p=8, correlation=0.5)
    for direction in ("forward", "backward", "both"):
        solver = ez.solvers.Stepwise(direction=direction, criterion="bic")
        result = ez.best_subset(q.X, q.y, k=5, forced=[2], forbidden=[0, 4], solver=solver)
        assert 2 in result.support
        assert not {0, 4} & set(result.support)
