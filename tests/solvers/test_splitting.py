"""ADMM on a Gram matrix: against all supports, against thresholding, and the same on NumPy and PyTorch."""

import numpy as np
import pytest
import torch

from ellzero.solvers.splitting import Schedule, Spectrum, split_gram
from ellzero.solvers.thresholding import InAll, InEachColumn, InEachRun, refit, threshold_gram, value

from .test_thresholding import closed_form, optimum, question


def test_the_resolvent_is_the_inverse():
    gram, _ = question(5, p=9)
    expected = np.linalg.inv(gram + 0.37 * np.eye(9))
    np.testing.assert_allclose(Spectrum.of(gram).resolvent(0.37), expected, atol=1e-12)


def test_splitting_never_beats_the_optimum_and_mostly_finds_it():
    found = 0
    for seed in range(30):
        gram, target = question(seed)
        best = optimum(gram, target, 4)
        got = value(gram, target, split_gram(Spectrum.of(gram), target, InAll(4), refit_iter=60)[0])
        assert got >= best * (1 - 1e-9)
        found += got <= best * (1 + 1e-6)
    assert found >= 14  # 58 of the first 100, thresholding 39


@pytest.mark.parametrize("allowance", [InAll(84), InEachColumn(12), InEachRun(3, 10)])
def test_splitting_is_better_than_thresholding_and_that_than_the_largest(allowance):
    values = []
    for seed in range(12):
        gram, target = question(seed, p=40, q=7, n=90)
        coef, mask = split_gram(Spectrum.of(gram), target, allowance)
        assert mask.sum() == 84
        assert not coef[~mask].any()
        exact = closed_form(gram, target, mask)
        assert value(gram, target, coef) <= value(gram, target, exact) * (1 + 1e-4)
        plain, kept = allowance.project(target)
        rivals = threshold_gram(gram, target, allowance)[0], refit(gram, target, kept, plain)
        values.append([value(gram, target, found) for found in (coef, *rivals)])
        assert values[-1][0] <= values[-1][2] * (1 + 1e-6)
    split, threshold, largest = np.mean(values, axis=0)
    assert split < threshold < largest


def test_everything_kept_is_the_target_and_nothing_kept_is_zero():
    gram, target = question(2, p=12, q=3)
    spectrum = Spectrum.of(gram)
    np.testing.assert_allclose(split_gram(spectrum, target, InAll(36))[0], target, atol=1e-9)
    coef, mask = split_gram(spectrum, target, InAll(0))
    assert not coef.any()
    assert not mask.any()


def test_a_singular_gram_matrix_is_no_trouble():
    gram, target = question(11, p=40, q=5, n=9)  # rank 9 of 40: 9 weights a column can do everything
    coef, mask = split_gram(Spectrum.of(gram), target, InEachColumn(17))
    assert np.isfinite(coef).all()
    assert mask.sum() == 17 * 5
    assert value(gram, target, coef) < 1e-3 * value(gram, target, np.zeros_like(target))


def test_the_penalty_grows_by_how_much_of_the_support_changes():
    schedule = Schedule(rho=0.1)
    changes = [(0.37, 1.3), (0.019, 1.2), (0.0001, 1.1), (0.0, 1.0)]
    for changed, factor in changes:
        assert schedule.grown(1.9, changed, 9) == pytest.approx(1.9 * factor)
    assert schedule.grown(1.9, 0.0, schedule.every) == pytest.approx(1.9 / 5)


def test_a_large_penalty_that_freezes_the_support_is_taken_back():
    gram, target = question(8, p=40, q=7, n=90)
    spectrum, frozen = Spectrum.of(gram), InAll(84).mask(np.abs(target))
    _, mask = split_gram(spectrum, target, InAll(84), Schedule(rho=19.0))
    assert (mask != frozen).any()


@pytest.mark.parametrize("allowance", [InAll(84), InEachColumn(12), InEachRun(3, 10)])
def test_numpy_and_torch_agree(allowance):
    gram, target = question(7, p=40, q=7, n=90)
    ours, kept = split_gram(Spectrum.of(gram), target, allowance)
    theirs, held = split_gram(Spectrum.of(torch.tensor(gram)), torch.tensor(target), allowance)
    np.testing.assert_array_equal(kept, held.numpy())
    np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-9)
