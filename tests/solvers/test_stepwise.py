"""Stepwise as R's ``step`` goes: each move is the best one by the criterion, and the walk ends where none improves."""

import itertools

import numpy as np
import pytest

import ellzero as ez
from ellzero import _progress
from ellzero._progress import Clock
from ellzero.solvers import modelled, moves
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


# ---- the clock


class Looks(Clock):
    """A clock that stands still, counts how often it is looked at, and stops at a given look."""

    def __init__(self, most):
        super().__init__()
        self.most, self.looks = most, 0

    @property
    def remaining(self):
        self.looks += 1
        return float(self.most - self.looks)


def backward(problem, clock, criterion="aic"):
    """The answer, and how many columns were added and supports fitted on the way."""
    done = {"added": 0, "fitted": 0}
    add, fit = moves.GramMoves._add, modelled.fit_support

    def counted_add(self, state, j):
        done["added"] += 1
        return add(self, state, j)

    def counted_fit(*words):
        done["fitted"] += 1
        return fit(*words)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moves.GramMoves, "_add", counted_add)
        patch.setattr(modelled, "fit_support", counted_fit)
        answer = ez.solvers.Stepwise("backward", criterion).search(problem, clock)
    return answer, done


@pytest.mark.parametrize("most", [2, 7, 19, 38, 44])
@pytest.mark.parametrize("dependent", [False, True])
def test_the_start_of_a_backward_walk_looks_at_the_clock(most, dependent):
    q = make_question(3, n=80, p=37)
    X = np.column_stack([q.X, q.X[:, 0] - q.X[:, 36]]) if dependent else q.X
    problem = ez.Problem.from_data(X, q.y, k=3, forced=[5])
    answer, done = backward(problem, Looks(most))
    assert answer.status is ez.Status.TIME_LIMIT
    assert done["added"] <= most + 4  # one a look, and those of the support that is kept
    assert 5 in answer.units
    assert len(answer.units) <= 3
    assert answer.trace[-1].k == len(answer.units)


def test_a_backward_walk_that_is_stopped_keeps_what_would_be_missed_most():
    q = make_question(3, n=80, p=37)
    problem = ez.Problem.from_data(q.X, q.y, k=4)
    answer, _ = backward(problem, Looks(39))  # all columns are in, none has left
    design = np.column_stack([np.ones(80), q.X])
    full = np.linalg.lstsq(design, q.y, rcond=None)[0][1:]
    worth = full**2 / np.diag(np.linalg.inv(design.T @ design))[1:]  # what the residuals grow by when one leaves
    assert sorted(answer.units) == sorted(np.argsort(-worth)[:4].tolist())
    result = ez.solvers.Stepwise("backward").solve(problem)
    assert result.status is ez.Status.HEURISTIC
    assert result.k <= 4


@pytest.mark.parametrize("most", [2, 9, 30])
def test_fits_of_other_losses_look_at_the_clock(most):
    q = make_question(3, n=80, p=11)
    problem = ez.Problem.from_data(q.X, (q.y > np.median(q.y)).astype(float), k=3, loss="logistic", l2=0.037)
    answer, done = backward(problem, Looks(most))
    assert answer.status is ez.Status.TIME_LIMIT
    assert done["fitted"] <= most + 2
    assert len(answer.units) <= 3


@pytest.mark.parametrize("rules", [False, True])
@pytest.mark.parametrize("most", [1, 4, 19, 37])
def test_a_keyboard_interrupt_is_heard_in_the_start(monkeypatch, most, rules):
    q = make_question(3, n=80, p=37)
    seen = []

    def press(event):
        seen.append(event)
        if len(seen) == most:
            raise KeyboardInterrupt

    monkeypatch.setattr(_progress, "SHOW_EVERY", 0.0)
    question = {"constraints": [ez.constraints.AtMostOne([2, 3])]} if rules else {}
    problem = ez.Problem.from_data(q.X, q.y, k=3, **question)
    result = ez.solvers.Stepwise("backward").solve(problem, on_progress=press)
    assert result.status is ez.Status.INTERRUPTED
    assert len(seen) == most
    assert result.k <= 3
    assert not {2, 3} <= set(result.support.tolist())
