"""Hard thresholding on a Gram matrix: projections against sorting, refits against closed forms, answers against all."""

from itertools import combinations, pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ellzero.solvers.thresholding import InAll, InEachColumn, InEachRun, largest, refit, threshold_gram, value


def question(seed, p=12, q=1, n=37, rho=0.6):
    """A Gram matrix with ones on its diagonal, of correlated inputs, and targets."""
    draw = np.random.default_rng(seed)
    X = draw.normal(size=(n, p)) @ np.linalg.cholesky(rho ** np.abs(np.subtract.outer(np.arange(p), np.arange(p)))).T
    X /= np.linalg.norm(X, axis=0)
    return X.T @ X, draw.normal(size=(p, q))


def closed_form(gram, target, mask):
    """Column by column, the equations of the support solved directly."""
    coef = np.zeros_like(target)
    for j in range(target.shape[1]):
        S = np.flatnonzero(mask[:, j])
        coef[S, j] = np.linalg.solve(gram[np.ix_(S, S)], (gram @ target[:, j])[S])
    return coef


def optimum(gram, target, k):
    """Least f with k nonzeros in one column, over all supports."""
    values = []
    for support in combinations(range(len(gram)), k):
        mask = np.zeros(target.shape, dtype=bool)
        mask[list(support), 0] = True
        values.append(value(gram, target, closed_form(gram, target, mask)))
    return min(values)


@given(st.lists(st.sampled_from([0.0, 0.37, 1.9, 1.9001, 5.0]), min_size=1, max_size=40), st.integers(0, 41))
def test_the_largest_are_those_of_a_stable_sort(scores, k):
    scores = np.array(scores)
    first = np.argsort(-scores, kind="stable")[:k]
    np.testing.assert_array_equal(np.flatnonzero(largest(scores, k)), np.sort(first))


@pytest.mark.parametrize("share", [0.0003, 0.1, 0.5, 0.97, 0.99999])
@pytest.mark.parametrize("kind", ["smooth", "few values", "sorted", "periodic"])
def test_the_sample_of_a_long_array_never_changes_the_answer(kind, share):
    draw = np.random.default_rng(37)
    scores = np.abs(draw.normal(size=70_001))
    scores = {
        "smooth": scores, "few values": np.round(scores), "sorted": np.sort(scores),
        "periodic": scores * (np.arange(70_001) % 8 + 0.37),  # the stride of the sample is 8: it sees one phase only
    }[kind]  # fmt: skip
    k = round(share * scores.size)
    expected = np.zeros(scores.size, dtype=bool)
    expected[np.argsort(-scores, kind="stable")[:k]] = True
    np.testing.assert_array_equal(largest(scores, k), expected)


@given(st.integers(0, 2**31), st.integers(0, 9))
def test_each_column_keeps_its_own_largest(seed, k):
    scores = np.round(np.abs(np.random.default_rng(seed).normal(size=(7, 4))), 1)  # rounded: ties
    mask = InEachColumn(k).mask(scores)
    for j in range(4):
        np.testing.assert_array_equal(mask[:, j], largest(scores[:, j], k))


@given(st.integers(0, 2**31), st.sampled_from([(1, 2), (2, 4), (3, 8), (1, 4)]))
def test_each_run_keeps_its_own_largest(seed, pattern):
    n, m = pattern
    scores = np.round(np.abs(np.random.default_rng(seed).normal(size=(24, 3))), 1)
    mask = InEachRun(n, m).mask(scores)
    for j in range(3):
        for start in range(0, 24, m):
            run = slice(start, start + m)
            np.testing.assert_array_equal(mask[run, j], largest(scores[run, j], n))


@pytest.mark.parametrize("allowance", [InAll(20), InEachColumn(4), InEachRun(1, 3)])
def test_a_projection_is_the_nearest_array_of_its_set(allowance):
    values = np.random.default_rng(19).normal(size=(12, 5))
    nearest, mask = allowance.project(values)
    assert mask.sum() == 20
    np.testing.assert_array_equal(nearest, np.where(mask, values, 0))
    lost = np.sum((values - nearest) ** 2)
    for seed in range(37):  # no other member, drawn at random, is nearer
        other = allowance.mask(np.random.default_rng(seed).random((12, 5)))
        assert lost <= np.sum(values[~other] ** 2) + 1e-12


@pytest.mark.parametrize("scale", [1.0, 0.0037])
def test_the_refit_is_the_closed_form_on_the_support(scale):
    gram, target = question(3, p=17, q=6)
    unit = np.geomspace(scale, 1.9, 17)  # a badly scaled diagonal, which the preconditioner takes away
    gram = gram * unit[:, None] * unit
    mask = np.random.default_rng(1).random((17, 6)) < 0.37
    mask[:, 2] = False
    found = refit(gram, target, mask, target, max_iter=200, tolerance=1e-12)
    np.testing.assert_allclose(found, closed_form(gram, target, mask), rtol=1e-7, atol=1e-9)
    assert not found[~mask].any()


def test_an_input_that_is_always_zero_keeps_its_weight():
    gram, target = question(4, p=9, q=2)
    gram[3] = gram[:, 3] = 0
    found = refit(gram, target, np.ones((9, 2), dtype=bool), np.zeros((9, 2)), max_iter=99, tolerance=1e-12)
    assert np.isfinite(found).all()
    assert value(gram, target, found) < 1e-12


def test_thresholding_never_beats_the_optimum_and_often_finds_it():
    found = 0
    for seed in range(30):
        gram, target = question(seed)
        best = optimum(gram, target, 4)
        got = value(gram, target, threshold_gram(gram, target, InAll(4), refit_iter=60)[0])
        assert got >= best * (1 - 1e-9)
        found += got <= best * (1 + 1e-6)
    assert found >= 8  # 39 of the first 100; keeping the largest targets finds 18 of them


def test_thresholding_is_better_than_the_refit_of_the_largest():
    ratios = []
    for seed in range(12):
        gram, target = question(seed, p=40, q=7, n=90)
        coef, mask = threshold_gram(gram, target, InAll(84))
        assert mask.sum() == 84
        assert not coef[~mask].any()
        plain, kept = InAll(84).project(target)
        ratios.append(value(gram, target, coef) / value(gram, target, refit(gram, target, kept, plain)))
    assert max(ratios) <= 1 + 1e-6
    assert np.mean(ratios) < 0.97


@pytest.mark.parametrize("allowance", [InAll(84), InEachColumn(12), InEachRun(3, 10)])
def test_no_step_raises_the_value(allowance):
    for seed in range(5):
        gram, target = question(seed, p=40, q=7, n=90, rho=0.95)  # steps that fit the support overshoot off it
        values = [
            value(gram, target, threshold_gram(gram, target, allowance, max_iter=steps, tolerance=0, refit_iter=0)[0])
            for steps in range(12)
        ]
        assert all(later <= before * (1 + 1e-12) for before, later in pairwise(values))
        assert values[-1] < 0.9 * values[0]


@pytest.mark.parametrize("allowance", [InAll(84), InEachColumn(12), InEachRun(3, 10)])
def test_numpy_and_torch_agree(allowance):
    gram, target = question(7, p=40, q=7, n=90)
    ours, kept = threshold_gram(gram, target, allowance)
    theirs, held = threshold_gram(torch.tensor(gram), torch.tensor(target), allowance)
    np.testing.assert_array_equal(kept, held.numpy())
    np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-10)
