"""Peeled limits against brute force: nothing better than the cut is ever cut off, and a good deal else is."""

import numpy as np
import pytest

import ellzero as ez
from ellzero.solvers.descent import Point
from ellzero.solvers.peeling import peel
from ellzero.solvers.relaxation import relaxation_for, starting_point
from judging import describe
from oracles import Question, fit_support, null_objective, optimum
from strategies import random_question


def problem_of(q: Question) -> ez.Problem:
    return ez.Problem.from_data(q.X, q.y, **q.arguments())


def node_of(q: Question, problem, rng):
    """A random node: some units in, some out, as the rules allow."""
    state = rng.choice([0, 0, 0, 1, -1], len(q.units))
    state[problem.rules.forced], state[~problem.usable] = 1, -1
    free = np.flatnonzero((state == 1) & ~problem.rules.forced)
    if q.k is not None:
        state[free[max(0, q.k - int(problem.rules.forced.sum())) :]] = 0
    return state == 1, state == -1


def supports_of(q: Question, inside, outside):
    """Supports of a node; the price of the units that are in is due whatever their coefficients."""
    for columns, size in q.supports():
        chosen = np.array([set(unit) <= set(columns) for unit in q.units])
        if (chosen >= inside).all() and not (chosen & outside).any():
            yield columns, size


def peeled(q: Question, seed: int):
    """A node of a problem with a cut, its limits before and after in data units, and its supports."""
    rng, problem = np.random.default_rng(seed), problem_of(q)
    inside, outside = node_of(q, problem, rng)
    own, scale = problem.normal.penalty, problem.normal.scale
    relaxation = relaxation_for(problem)
    bound = relaxation.solve(inside, outside, starting_point(problem), np.inf, 0.0 if rng.random() < 0.5 else 0.9)
    if rng.random() < 0.3:  # any point will do
        some = np.flatnonzero(rng.random(q.n_columns) < 0.5)
        size = 0.3 * np.sqrt(2 * null_objective(q))
        shifted = Point(some, rng.normal(0, size, some.size), bound.point.intercept, bound.point.price)
        bound = relaxation.solve(inside, outside, shifted, -np.inf, 0.9)
    cut = optimum(q).objective * (1 + rng.choice([1e-9, 0.03, 0.3]))
    lower, upper = peel(problem, bound, inside, outside, cut, own.lower, own.upper)
    return cut, (own.lower / scale, own.upper / scale), (lower / scale, upper / scale), (inside, outside)


def judge_kept(q: Question, seed: int):
    """Best fits below the cut keep the limits; returns how many limits were peeled."""
    cut, before, after, node = peeled(q, seed)
    assert (after[0] >= before[0]).all()
    assert (after[1] <= before[1]).all()
    assert (after[0] <= 0).all()
    assert (after[1] >= 0).all()
    slack = 1e-9 * null_objective(q)
    for columns, size in supports_of(q, *node):
        fit = fit_support(q, columns, size)
        if fit.objective < cut - slack:
            reach = 1e-7 * np.abs(fit.coef)
            assert (fit.coef >= after[0] - reach).all()
            assert (fit.coef <= after[1] + reach).all()
    return int((after[0] > before[0]).sum() + (after[1] < before[1]).sum())


@pytest.mark.parametrize("losses", [["squared"], ["logistic"], ["poisson"]])
def test_no_better_fit_is_cut_off(losses):
    tightened = 0
    for seed in range(60 if losses == ["squared"] else 25):
        q = random_question(seed, losses, max_columns=6)
        try:
            tightened += judge_kept(q, seed)
        except Exception as error:
            error.add_note(f"seed {seed}: {describe(q)}")
            raise
    assert tightened > 60


def test_what_lies_beyond_a_limit_is_no_better_than_the_cut():
    """The best fit with a coefficient beyond its new limit, support by support, does not fall below the cut."""
    looked_at = 0
    for seed in range(40):
        q = random_question(seed, max_columns=5, grouped=False)
        cut, before, after, node = peeled(q, seed)
        for j in range(q.n_columns):
            for side in (0, 1):
                limit = abs(after[side][j])
                if not limit < abs(before[side][j]) or limit * q.scale[j] > 1e3 * np.sqrt(null_objective(q)):
                    continue  # far off, the oracle loses its digits
                lower, upper = before[0].copy(), before[1].copy()
                (upper if side == 0 else lower)[j] = after[side][j]
                beyond = q.asked(lower=lower, upper=upper)
                for columns, size in supports_of(q, *node):
                    if j in columns:
                        looked_at += 1
                        least = fit_support(beyond, columns, size).objective
                        assert least >= cut - 1e-8 * null_objective(q), f"seed {seed}, column {j}: {describe(q)}"
    assert looked_at > 300


def test_a_ridge_alone_gives_finite_limits():
    rng = np.random.default_rng(37)
    X = rng.standard_normal((40, 9))
    problem = ez.Problem.from_data(X, X[:, 2] - X[:, 4] + 0.3 * rng.standard_normal(40), k=2, l2=0.019)
    none = np.zeros(9, bool)
    bound = relaxation_for(problem).solve(none, none, starting_point(problem), np.inf, 0.0)
    answer = ez.solvers.Branch().solve(problem)
    own = problem.normal.penalty
    lower, upper = peel(problem, bound, none, none, answer.objective * 1.01, own.lower, own.upper)
    gamma = answer.coef * problem.normal.scale
    assert (lower <= gamma).all()
    assert (gamma <= upper).all()
    assert max(np.abs(lower).max(), np.abs(upper).max()) < 1.5 * np.abs(gamma).max()


@pytest.mark.parametrize("loss", ["squared", "logistic", "poisson"])
def test_narrower_limits_raise_the_bound_and_hold_within_them(loss):
    """A relaxation with limits of its own bounds the problem that has these limits, and is its relaxation."""
    for seed in range(8):
        q = random_question(seed, [loss], boxed=True, grouped=False, forbidden=False)
        problem = problem_of(q)
        own = problem.normal.penalty
        narrow = relaxation_for(problem, 0.5 * own.lower, 0.5 * own.upper)
        inside, outside = problem.rules.forced, ~problem.usable
        bound = narrow.solve(inside, outside, starting_point(problem), np.inf, 0.0)
        wide = relaxation_for(problem).solve(inside, outside, starting_point(problem), np.inf, 0.0)
        null = null_objective(q)
        assert bound.value >= wide.value - 1e-8 * null
        halved = q.asked(lower=0.5 * q.box[0], upper=0.5 * q.box[1])
        assert bound.value <= optimum(halved).objective + 1e-12 * null
        own_way = problem_of(halved)
        same = relaxation_for(own_way).solve(inside, outside, starting_point(own_way), np.inf, 0.0)
        assert bound.value == pytest.approx(same.value, rel=1e-6, abs=1e-8 * null)
