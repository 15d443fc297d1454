"""Generators: the truth they claim is the truth of what they draw."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ellzero.datasets import make_classification, make_regression
from ellzero.errors import ArgumentError

CASES = [("independent", 0.37), ("toeplitz", 0.9), ("toeplitz", -0.6), ("constant", 0.37), ("blocks", 0.7)]


def population(p, correlation, rho, block):
    """The covariance matrix, written out entry by entry."""
    sigma = np.eye(p)
    for i in range(p):
        for j in range(p):
            if i != j and correlation == "toeplitz":
                sigma[i, j] = rho ** abs(i - j)
            if i != j and (correlation == "constant" or (correlation == "blocks" and i // block == j // block)):
                sigma[i, j] = rho
    return sigma


@pytest.mark.parametrize(("correlation", "rho"), CASES)
def test_columns_correlate_as_asked(correlation, rho):
    n, p, block = 60_000, 7, 3
    data = make_regression(n, p, k=2, correlation=correlation, rho=rho, block_size=block, random_state=37)
    np.testing.assert_allclose(np.cov(data.X.T), population(p, correlation, rho, block), atol=5 / np.sqrt(n))
    np.testing.assert_allclose(data.X.mean(axis=0), 0, atol=5 / np.sqrt(n))


@pytest.mark.parametrize(("correlation", "rho"), CASES)
@pytest.mark.parametrize("pattern", ["ones", "alternating", "decay", "normal"])
def test_signal_to_noise_ratio_is_that_of_the_population(correlation, rho, pattern):
    data = make_regression(
        19, 11, k=4, correlation=correlation, rho=rho, block_size=3, pattern=pattern, snr=1.9, random_state=5
    )
    signal = data.coef @ population(11, correlation, rho, 3) @ data.coef
    np.testing.assert_allclose(data.sigma**2, signal / 1.9, rtol=1e-12)


def test_noise_has_the_stated_deviation():
    data = make_regression(60_000, 9, k=3, snr=0.37, intercept=1.9, random_state=3)
    noise = data.y - data.X @ data.coef - 1.9
    np.testing.assert_allclose(noise.std(), data.sigma, rtol=0.02)
    np.testing.assert_allclose(noise.mean(), 0, atol=5 * data.sigma / np.sqrt(len(noise)))


def test_no_noise_where_the_ratio_is_infinite():
    data = make_regression(37, 9, k=3, snr=np.inf, intercept=1.9)
    assert data.sigma == 0
    np.testing.assert_allclose(data.y, data.X @ data.coef + 1.9)


def test_classes_follow_the_logistic_model():
    data = make_classification(60_000, 9, k=3, correlation="toeplitz", rho=0.7, snr=1.9, intercept=0.37, random_state=3)
    signal = data.coef @ population(9, "toeplitz", 0.7, 1) @ data.coef
    np.testing.assert_allclose(signal, 1.9 * np.pi**2 / 3, rtol=1e-12)
    np.testing.assert_allclose(data.sigma, np.pi / np.sqrt(3))
    chance = 1 / (1 + np.exp(-(0.37 + data.X @ data.coef)))
    for low in np.arange(0, 1, 0.1):  # calibrated in every tenth of the probabilities
        rows = (chance >= low) & (chance < low + 0.1)
        np.testing.assert_allclose(data.y[rows].mean(), chance[rows].mean(), atol=2.5 / np.sqrt(rows.sum()))


@given(p=st.integers(1, 60), part=st.floats(0, 1), place=st.sampled_from(["even", "first", "random"]))
def test_exactly_k_coefficients_are_nonzero(p, part, place):
    k = int(part * p)
    data = make_regression(3, p, k=k, place=place, pattern="normal", random_state=p)
    assert np.count_nonzero(data.coef) == len(data.support) == k
    np.testing.assert_array_equal(data.support, np.flatnonzero(data.coef))


def test_places_and_coefficients_as_given():
    data = make_regression(5, 11, k=3, place=[9, 0, 4], pattern=[0.37, -1.9, 2.3])
    np.testing.assert_array_equal(data.support, [0, 4, 9])
    np.testing.assert_array_equal(data.coef[[9, 0, 4]], [0.37, -1.9, 2.3])
    np.testing.assert_allclose(make_regression(5, 11, k=3, pattern="decay").coef[[0, 5, 10]], [1, np.sqrt(0.1), 0.1])


@pytest.mark.parametrize("make", [make_regression, make_classification])
def test_the_seed_decides(make):
    first, same, other = make(random_state=37), make(random_state=37), make(random_state=38)
    np.testing.assert_array_equal(first.X, same.X)
    np.testing.assert_array_equal(first.y, same.y)
    assert (first.X != other.X).any()
    generator = np.random.default_rng(37)
    np.testing.assert_array_equal(make(random_state=generator).X, first.X)
    assert (make(random_state=generator).X != first.X).any()


@pytest.mark.parametrize("make", [make_regression, make_classification])
def test_form(make):
    data = make(19, 7, k=0)
    assert data.data is data.X
    assert data.target is data.y
    assert data.X.shape == (19, 7)
    assert data.X.flags.f_contiguous
    assert data.feature_names == [f"x{j}" for j in range(7)]
    assert not data.coef.any()


@pytest.mark.parametrize("make", [make_regression, make_classification])
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"k": 51}, r"`k` must be an integer in \[0, 50\], got 51\. X has 50 columns\."),
        ({"n_samples": 0}, "`n_samples` must be an integer"),
        ({"correlation": "toplitz"}, 'Did you mean "toeplitz"'),
        ({"correlation": "toeplitz", "rho": -1}, r"`rho` must be a number in \(-1, 1\), got -1\."),
        ({"correlation": "blocks", "rho": -0.37}, r"`rho` must be a number in \[0, 1\), got -0\.37\."),
        ({"correlation": "constant", "rho": np.nan}, r"`rho` must be a number in \[0, 1\), got nan\."),
        ({"snr": 0}, "`snr` must be a number > 0, got 0"),
        ({"pattern": "one"}, 'Did you mean "ones"'),
        ({"pattern": [1.9, 0.37]}, "`pattern` must hold k = 5 finite numbers other than 0"),
        ({"k": 2, "pattern": [1.9, 0.0]}, "`pattern` must hold k = 2 finite numbers other than 0"),
        ({"place": "last"}, "`place` must be one of even, first, random"),
        ({"k": 2, "place": [3, 3]}, r"`place` must hold k = 2 different integers in \[0, 49\], got \[3, 3\]\."),
        ({"random_state": -1}, "`random_state` must be"),
    ],
)
def test_wrong_arguments_are_named(make, wrong, message):
    with pytest.raises(ArgumentError, match=message):
        make(**wrong)


def test_classes_need_a_finite_ratio():
    with pytest.raises(ArgumentError, match="`snr` must be finite here"):
        make_classification(snr=np.inf)
