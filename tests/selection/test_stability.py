"""Stability selection: frequencies against enumeration on the same rows, bounds against linear programs."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog

import ellzero as ez
from oracles import best_squares
from strategies import make_question


def drawn(n, n_draws, seed, draws="pairs"):
    """The rows of every sample, each as often as it counts, drawn as documented: one generator a draw."""
    samples = []
    for rng in np.random.default_rng(seed).spawn(n_draws):
        if draws == "pairs":
            order = rng.permutation(n)
            samples += [np.sort(order[: n // 2]), np.sort(order[n // 2 : 2 * (n // 2)])]
        else:
            samples.append(np.sort(rng.integers(n, size=n)))
    return samples


@pytest.mark.parametrize("draws", ["pairs", "bootstrap"])
def test_frequencies_are_those_of_the_best_subsets_of_the_samples(draws):
    q = make_question(3, n=41, p=6, correlation=0.5)
    found = ez.stability(q.X, q.y, k=2, n_draws=7, draws=draws, random_state=19)
    chosen = []
    for rows in drawn(41, 7, 19, draws):
        support = best_squares(q.X[rows], q.y[rows])[2][0]
        chosen.append(np.isin(np.arange(6), support))
    np.testing.assert_allclose(found.frequency, np.mean(chosen, axis=0))
    assert found.size == pytest.approx(2.0)
    if draws == "pairs":
        np.testing.assert_allclose(found.both, np.mean(np.array(chosen[::2]) & np.array(chosen[1::2]), axis=0))
    else:
        assert found.both is None
        assert found.bound() is None
        assert "no bound" in found.statement


def test_a_criterion_chooses_the_size_on_each_sample():
    q = make_question(3, n=60, p=7, correlation=0.2)
    found = ez.stability(q.X, q.y, k=5, criterion="aic", n_draws=4, random_state=1)
    sizes, counts = [], np.zeros(7)
    for rows in drawn(60, 4, 1):
        best = ez.path(q.X[rows], q.y[rows], k=5, certify=True)
        support = min(best, key=lambda r: r.criterion("aic")).support
        counts[support] += 1
        sizes.append(support.size)
    np.testing.assert_allclose(found.frequency, counts / 8)
    assert found.size == pytest.approx(np.mean(sizes))


def test_forced_columns_are_no_choice_and_groups_are_units():
    q = make_question(3, n=60, p=7, correlation=0.2)
    found = ez.stability(q.X, q.y, k=3, n_draws=3, forced=[0], forbidden=[6])
    assert found.names == ("x1", "x2", "x3", "x4", "x5")
    assert found.size == pytest.approx(2.0)
    grouped = ez.stability(q.X, q.y, k=1, n_draws=3, groups=[0, 0, 1, 1, 2, 2, 2])
    assert grouped.names == ("x0 + x1", "x2 + x3", "x4 + x5 + x6")
    assert grouped.frequency.sum() == pytest.approx(1.0)


def test_the_seed_decides_and_nothing_else():
    q = make_question(5, n=50, p=9, correlation=0.8)
    first = ez.stability(q.X, q.y, k=3, n_draws=6, random_state=37)
    for again in (
        ez.stability(q.X, q.y, k=3, n_draws=6, random_state=37, n_jobs=2),
        ez.stability(q.X, q.y, k=3, n_draws=6, random_state=np.random.default_rng(37)),
    ):
        np.testing.assert_array_equal(first.frequency, again.frequency)
    other = ez.stability(q.X, q.y, k=3, n_draws=6, random_state=38)
    assert (first.frequency != other.frequency).any()


def largest_tail(mean, pairs, level, unimodal):
    """The largest chance of X >= level for X on 0, 1/B, ..., 1 of at most this mean, by linear programs."""
    grid = np.arange(pairs + 1) / pairs
    goal = -(grid >= level - 1e-12).astype(float)
    best = 0.0
    for mode in range(pairs + 1) if unimodal else [0]:
        rows, right = [grid], [mean]
        for i in range(pairs) if unimodal else []:
            step = np.zeros(pairs + 1)
            step[i], step[i + 1] = (1.0, -1.0) if i < mode else (-1.0, 1.0)
            rows.append(step)
            right.append(0.0)
        solved = linprog(goal, A_ub=np.array(rows), b_ub=right, A_eq=np.ones((1, pairs + 1)), b_eq=[1.0])
        best = max(best, -solved.fun if solved.success else 0.0)
    return best


def of_size(size, n_names, pairs):
    return ez.Stability(
        tuple(f"x{j}" for j in range(n_names)), np.zeros(n_names), np.zeros(n_names), pairs, size, 0.9
    )  # fmt: skip


@pytest.mark.parametrize("unimodal", [False, True])
@pytest.mark.parametrize("pairs", [7, 19])
@pytest.mark.parametrize("threshold", [0.63, 0.74, 0.81, 0.93])
def test_bounds_hold_for_the_worst_distribution(threshold, pairs, unimodal):
    """All columns chosen with the same chance: a column passes only if its share of pairs is at least 2 tau - 1."""
    for size in (1.9, 3.7):
        bound = of_size(size, 37, pairs).bound(threshold, unimodal)
        if bound is None:
            assert unimodal
            continue
        worst = 37 * largest_tail((size / 37) ** 2, pairs, 2 * threshold - 1, unimodal)
        assert worst <= bound * (1 + 1e-9) + 1e-9
        assert worst >= 0.3 * bound  # and it is not far from what can happen


def test_a_bound_too_small_by_half_is_caught():
    bound = of_size(3.7, 37, 19).bound(0.81)
    assert 37 * largest_tail((3.7 / 37) ** 2, 19, 0.62, False) > 0.5 * bound


def test_bounds_that_do_not_hold_are_not_given():
    assert of_size(3.7, 37, 19).bound(0.5) is None
    assert of_size(30.0, 37, 19).bound(0.9, unimodal=True) is None
    assert of_size(30.0, 37, 19).bound(0.51) == 37.0


def test_an_interrupt_keeps_finished_draws():
    q = make_question(5, n=50, p=9, correlation=0.8)
    seen = []

    def watch(event):
        seen.append(event)
        if event.stage == "stability" and event.done == 3:
            raise KeyboardInterrupt

    from ellzero import _progress

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_progress, "SHOW_EVERY", 0.0)
        found = ez.stability(q.X, q.y, k=3, n_draws=9, random_state=37, on_progress=watch)
    assert found.n_draws == 3
    assert found.interrupted
    np.testing.assert_array_equal(found.frequency, ez.stability(q.X, q.y, k=3, n_draws=3, random_state=37).frequency)
    assert "ended early, after 3" in str(found)
    assert ez.stability(q.X, q.y, k=3, n_draws=9, time_limit=1e-9).n_draws == 1


@pytest.mark.parametrize("solver", ["exchange", "splicing"])
def test_an_interrupt_before_the_first_draw_is_passed_on(solver):
    q = make_question(5, n=50, p=9, correlation=0.8)

    def watch(event):
        if event.stage != "stability":
            raise KeyboardInterrupt

    from ellzero import _progress

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_progress, "SHOW_EVERY", 0.0)
        with pytest.raises(KeyboardInterrupt):
            ez.stability(q.X, q.y, k=3, n_draws=9, solver=solver, on_progress=watch)


@pytest.mark.slow
def test_columns_without_effect_pass_as_seldom_as_the_bound_says():
    """19 columns, none with an effect: the mean number that passes all the same, over 60 data sets."""
    rng, passed, bounds = np.random.default_rng(5), [], []
    for seed in range(60):
        found = ez.stability(
            rng.standard_normal((40, 19)), rng.standard_normal(40), k=3, n_draws=20, threshold=0.6, random_state=seed
        )
        passed.append(len(found.selected))
        bounds.append((found.bound(), found.bound(unimodal=True)))
    assert bounds[0] == pytest.approx((9 / 0.2 / 19, 3 * (3 / 19) / (2 * (0.2 - 1 / 40))))
    assert 0.1 < np.mean(passed) <= min(bounds[0])


def chosen_by_hand(X, k, ask, rows_of, n_draws=4):
    """How often each column is chosen on the halves that are documented, by `best_subset` on them."""
    times = np.zeros(X.shape[1])
    for rng in np.random.default_rng(37).spawn(n_draws):
        order = rng.permutation(len(X))
        for rows in (np.sort(order[: len(X) // 2]), np.sort(order[len(X) // 2 :])):
            times[ez.best_subset(X[rows], k=k, solver="exchange", **rows_of(rows), **ask).support] += 1
    return times / (2 * n_draws)


@pytest.mark.parametrize("case", ["offset", "outputs", "cox", "strata", "multinomial"])
def test_every_target_is_cut_to_the_rows_of_a_draw(case):
    rng = np.random.default_rng(19)
    X = rng.standard_normal((90, 7))
    y = X[:, 1] - 0.37 * X[:, 4] + rng.standard_normal(90)
    ask: dict[str, Any] = {}
    loss, shift = "squared", None
    if case == "offset":
        loss, shift = "poisson", 1.9 * rng.standard_normal(90)
        y = rng.poisson(np.exp(0.37 * y + shift)).astype(float)
    elif case == "outputs":
        y = np.column_stack([y, X[:, 2] + rng.standard_normal(90)])
    elif case == "multinomial":
        y, loss, ask = np.digitize(y, [-0.7, 0.7]), "multinomial", {"l2": 0.037}
    else:
        y = np.column_stack([np.exp(-y), rng.random(90) < 0.7])
        loss = ez.losses.Cox(strata=np.arange(90) % 3) if case == "strata" else "cox"

    def rows_of(rows):
        own = ez.losses.Cox(strata=(np.arange(90) % 3)[rows]) if case == "strata" else loss
        return {"y": y[rows], "loss": own, "offset": None if shift is None else shift[rows]}

    question: dict[str, Any] = {"loss": loss, "offset": shift, **ask}
    found = ez.stability(X, y, k=2, n_draws=4, random_state=37, **question)
    np.testing.assert_allclose(found.frequency, chosen_by_hand(X, 2, ask, rows_of))
    assert found.frequency.max() > 0
    assert found.frequency.min() < 1
