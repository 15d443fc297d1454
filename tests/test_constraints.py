"""Rules on which columns go together: what they mean, what follows from them, and what contradicts them."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

import ellzero as ez
from ellzero._kernels.rules import entrants
from ellzero.constraints import AtMost, AtMostOne, Linear, StrongHierarchy, SupportRules, WeakHierarchy
from ellzero.constraints.rules import interactions
from ellzero.errors import ArgumentError, InfeasibleError
from ellzero.problem import Problem
from oracles import keeps
from strategies import random_rules

X = np.random.default_rng(19).normal(size=(37, 4))
Y = X[:, 0] - 1.9 * X[:, 3] + 0.37 * X[:, 1] ** 2
NAMED = {name: X[:, j] for j, name in enumerate("abc")} | {"a:b": X[:, 0] * X[:, 1]}


def build(p, constraints, groups=None, forced=(), forbidden=()):
    return SupportRules.build([f"x{j}" for j in range(p)], groups, forced, forbidden, constraints)


def random_case(seed):
    """Rules, with or without groups, forced and forbidden columns, and all supports that keep them, as 0/1 rows."""
    rng = np.random.default_rng(seed)
    p = int(rng.integers(2, 7))
    groups = rng.integers(0, p, p).tolist() if rng.random() < 0.3 else None
    some = rng.permutation(p).tolist()
    forced, forbidden = some[: int(rng.integers(0, 2))], some[2 : 2 + int(rng.integers(0, 2))]
    constraints = random_rules(rng, p)
    try:
        rules = build(p, constraints, groups, forced, forbidden)
    except InfeasibleError:  # a group that is both forced and forbidden
        return random_case(seed + 100_000)
    units = [tuple(unit.tolist()) for unit in rules.units]
    kept = []
    for row in product((0, 1), repeat=len(units)):
        columns = {j for unit, inside in zip(units, row, strict=True) if inside for j in unit}
        fits = set(forced) <= columns and not set(forbidden) & columns
        if fits and keeps(constraints, columns, units):
            kept.append(row)
    return rules, np.array(kept).reshape(-1, len(units)) == 1


def completions(supports, state):
    """Supports that agree with what is decided."""
    return supports[((supports | (state != 1)) & ~(supports & (state == -1))).all(axis=1)]


@pytest.mark.parametrize("seed", range(300))
def test_propagation_keeps_every_completion(seed):
    rules, supports = random_case(seed)
    rng = np.random.default_rng(seed)
    for _ in range(20):
        state = rules.state()
        for u in np.flatnonzero(state == 0):
            state[u] = rng.choice([-1, 0, 0, 1])
        before = completions(supports, state)
        consistent = rules.propagate(state)
        if not consistent:
            assert before.size == 0
            continue
        assert np.array_equal(before, completions(supports, state))
        again = state.copy()
        assert rules.propagate(again)
        assert np.array_equal(again, state)


@pytest.mark.parametrize("seed", range(300))
def test_complete_states_are_judged_right(seed):
    rules, supports = random_case(seed)
    listed = {tuple(row) for row in supports.tolist()}
    base = rules.state()
    for row in product((False, True), repeat=rules.n_units):
        state = np.where(row, 1, -1).astype(np.int8)
        assert rules.allows(np.flatnonzero(row)) == (row in listed)
        if not np.any(base * state == -1):
            assert rules.propagate(state) == (row in listed)


@pytest.mark.parametrize("seed", range(300))
def test_the_smallest_completion_is_smallest(seed):
    rules, supports = random_case(seed)
    rng = np.random.default_rng(seed)
    given = np.flatnonzero((rng.random(rules.n_units) < 0.3) & (rules.state() >= 0))
    found = rules.completed(given)
    fitting = supports[supports[:, given].all(axis=1)]
    if not fitting.size:
        assert found is None
        return
    assert rules.allows(found)
    assert set(given.tolist()) <= set(found)
    assert len(found) == fitting.sum(axis=1).min()


@pytest.mark.parametrize("seed", range(300))
def test_closing_forces_only_what_follows(seed):
    rules, supports = random_case(seed)
    names = [f"x{j}" for j in range(rules.unit_of_column.size)]
    if not supports.size:
        with pytest.raises(InfeasibleError):
            rules.closed(names)
        return
    closed = rules.closed(names)
    assert not (closed.forced & ~supports.all(axis=0)).any()
    assert not (closed.forbidden & supports.any(axis=0)).any()
    assert (closed.forced >= rules.forced).all()


@pytest.mark.parametrize("seed", range(300))
def test_units_that_may_enter(seed):
    """The mask of entrants is what trying each unit gives."""
    rules, _ = random_case(seed)
    free = replace(rules, forced=np.zeros(rules.n_units, bool), forbidden=np.zeros(rules.n_units, bool))
    rng = np.random.default_rng(seed)
    for _ in range(10):
        inside = (rng.random(rules.n_units) < 0.4).astype(np.int8)
        allowed, count = np.empty(rules.n_units, bool), np.zeros(rules.n_units, np.int32)
        entrants(inside, rules.tables, count, allowed)
        tried = [not inside[u] and free.allows(np.flatnonzero((inside > 0) | (np.arange(inside.size) == u)))
                 for u in range(rules.n_units)]  # fmt: skip
        assert allowed.tolist() == tried
        assert not count.any()


def test_names_of_interactions():
    names = ["a", "b", "c", "a:b", "b:a:c", "c:b", "12:30"]
    assert interactions(names, strong=True) == {3: [0, 1], 4: [0, 1, 2, 3, 5], 5: [1, 2]}
    assert interactions(["a", "a:b"], strong=False) == {1: [0]}
    assert interactions(["a", "a:a"], strong=True) == {1: [0]}


def test_rules_in_units():
    rules = SupportRules.build(list(NAMED), constraints=[StrongHierarchy(), WeakHierarchy({"c": "a"})])
    assert rules.requires == ((2, (0,)), (3, (0,)), (3, (1,)))
    rules = SupportRules.build(list(NAMED), constraints=WeakHierarchy())
    assert rules.requires == ((3, (0, 1)),)
    rules = SupportRules.build(list("abcd"), [7, 7, 8, 9], constraints=[AtMost(1, [7, ["c", "a"], 9])])
    assert rules.at_most == ((1, ((0,), (0, 1), (2,))),)
    rules = SupportRules.build(list("abcd"), {"a": "g", "b": "g"}, constraints=[AtMostOne(["a", "b", "d"])])
    assert rules.at_most == ((1, ((0,), (2,))),)
    inside = SupportRules.build(list("abcd"), [0, 0, 1, 2], constraints=[StrongHierarchy({"a": ["b", "d"]})])
    assert inside.requires == ((0, (2,)),)


def test_a_rule_that_says_nothing_is_no_rule():
    assert not build(4, [AtMost(2, [[0], [1]]), AtMostOne([2])]).restricted
    assert not build(4, [WeakHierarchy({0: [1, 2]})], groups=[0, 0, 1, 2]).restricted


def test_a_forced_child_forces_its_parents():
    problem = Problem.from_data(NAMED, Y, k=3, forced=["a:b"], constraints=[StrongHierarchy()])
    assert problem.rules.forced.tolist() == [True, True, False, True]
    problem = Problem.from_data(NAMED, Y, k=3, forced=["a:b"], forbidden=["a"], constraints=[WeakHierarchy()])
    assert problem.rules.forced.tolist() == [False, True, False, True]
    assert problem.least_size == 2


def test_a_constant_parent_is_out():
    data = NAMED | {"b": np.ones(37)}
    problem = Problem.from_data(data, Y, k=3, constraints=[StrongHierarchy()])
    assert problem.rules.forbidden.tolist() == [False, False, False, True]
    with pytest.raises(InfeasibleError, match=r"^a:b must be in and needs b, which cannot be in"):
        Problem.from_data(data, Y, k=3, forced=["a:b"], constraints=[StrongHierarchy()])


def test_a_needed_column_counts_though_its_coefficient_is_zero():
    """With a limit at zero the parent's coefficient vanishes; it is in, and paid for, all the same."""
    data = {"a": X[:, 0], "b": X[:, 1]}
    question = {"lower": [0.0, -9.0], "upper": 9.0, "l0": 0.001, "constraints": [StrongHierarchy({"b": ["a"]})]}
    result = ez.best_subset(data, X[:, 1] - X[:, 0], **question)
    assert result.names_in_support == ("b",)
    assert result.k == 2
    assert result.objective == pytest.approx(result.loss + 0.002, rel=1e-9)


def test_linear_rows_in_units():
    rows = [Linear({"x1": 1.9}, {2: 0.37}, upper=1.0), Linear(indicator=[1.0, 2.0, 4.0, 8.0], lower=0.19)]
    problem = Problem.from_data(X, Y, k=2, groups=[0, 0, 1, 1], constraints=rows)
    first, second = problem.linear
    assert (first.coef.tolist(), first.indicator.tolist()) == ([0.0, 1.9, 0.0, 0.0], [0.0, 0.37])
    assert (first.lower, first.upper) == (-np.inf, 1.0)
    assert (second.coef.tolist(), second.indicator.tolist()) == ([0.0] * 4, [3.0, 12.0])
    assert not problem.rules.restricted
    flat = np.where(np.arange(4) == 1, 1.0, X)
    (first, second) = Problem.from_data(flat, Y, k=2, constraints=rows).linear
    assert not first.coef.any()
    assert second.indicator.tolist() == [1.0, 0.0, 4.0, 8.0]


def test_the_problem_of_another_size_keeps_its_rows():
    problem = Problem.from_data(X, Y, k=2, constraints=[Linear({0: 1.0}, upper=1.0)])
    assert problem.with_size(3).linear is problem.linear


@pytest.mark.parametrize("rule", [AtMost(-1, []), AtMost(1.0, [[0], [1]]), AtMost(True, [[0]]), AtMostOne(None)])
def test_malformed_rules(rule):
    with pytest.raises(ArgumentError):
        build(4, [rule])


@pytest.mark.parametrize(
    "rule", [Linear({0: np.nan}, upper=1), Linear([1.0, 2.0], upper=1), Linear({0: 1.0}, lower=2, upper=1)]
)
def test_malformed_rows(rule):
    with pytest.raises(ArgumentError):
        Problem.from_data(X, Y, k=1, constraints=[rule])
