"""Norms of every order: closed forms, both ends, laws over p, n and scales, numbers at the ends of the range."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ellzero.geometry import norm, power_sum

ORDERS = st.one_of(st.floats(0.05, 12.0), st.sampled_from([0.3, 0.5, 1.0, 2.0, np.inf]))
VECTORS = st.integers(1, 7).flatmap(
    lambda n: arrays(float, n, elements=st.floats(-19.0, 19.0).map(lambda t: 0.0 if abs(t) < 1e-3 else t))
)


def test_the_textbook_values():
    assert norm([2.0, 2.0], 1) == 4
    assert norm([2.0, 2.0], 0) == 2
    assert norm([2.0, 2.0], 0.5) == 8
    assert norm([2.0, 2.0], np.inf) == 2
    assert norm([2.0, 2.0], 2) == pytest.approx(np.sqrt(8), rel=1e-15)


def test_both_ends_are_exact():
    x = np.array([[0.0, -0.37, 5e-324], [1.9, 0.0, -1.9], [0.0, 0.0, 0.0]])
    assert norm(x, 0).tolist() == [2, 2, 0] == power_sum(x, 0).tolist()
    assert norm(x, np.inf).tolist() == [0.37, 1.9, 0]
    assert norm(-x, np.inf).tolist() == [0.37, 1.9, 0]


@given(VECTORS, ORDERS)
def test_it_is_numpys_norm(x, p):
    with np.errstate(divide="ignore"):
        assert norm(x, p) == pytest.approx(np.linalg.norm(x, p), rel=1e-11)
    if np.isfinite(p):
        assert power_sum(x, p) == pytest.approx((np.abs(x) ** p).sum() if x.any() else 0.0, rel=1e-12)


@given(VECTORS, ORDERS, st.integers(-900, 900), st.floats(-1.9, 1.9).filter(lambda c: abs(c) > 0.01))
def test_homogeneous(x, p, power, c):
    assert norm(c * x, p) == pytest.approx(abs(c) * norm(x, p), rel=1e-9)
    assert norm(np.ldexp(x, power), p) == pytest.approx(np.ldexp(float(norm(x, p)), power), rel=1e-9)
    assert norm(c * x, 0) == norm(x, 0)


@given(VECTORS, ORDERS, ORDERS)
def test_it_falls_as_p_rises(x, p, q):
    small, large = min(p, q), max(p, q)
    assert norm(x, small) >= norm(x, large) * (1 - 1e-12)
    ends = [1 / r if np.isfinite(r) else 0.0 for r in (small, large)]
    assert norm(x, small) <= norm(x, large) * len(x) ** (ends[0] - ends[1]) * (1 + 1e-9)  # Hölder


@given(VECTORS, VECTORS, ORDERS)
def test_the_triangle_holds_from_1_on_and_for_powers_below(x, y, p):
    n = min(len(x), len(y))
    x, y = x[:n], y[:n]
    if p >= 1:
        assert norm(x + y, p) <= (norm(x, p) + norm(y, p)) * (1 + 1e-12)
    else:
        assert power_sum(x + y, p) <= (power_sum(x, p) + power_sum(y, p)) * (1 + 1e-12)


def test_the_triangle_fails_below_1():
    assert norm([1.0, 1.0], 0.37) > 1.9 * (norm([1.0, 0.0], 0.37) + norm([0.0, 1.0], 0.37))


@given(VECTORS)
def test_limits_in_p(x):
    count = np.count_nonzero(x)
    assert power_sum(x, 1e-9) == pytest.approx(count, abs=1e-6)
    assert norm(x, 3700.0) == pytest.approx(np.abs(x).max(), rel=2e-3)


@given(VECTORS.filter(lambda x: np.count_nonzero(x) > 1))
def test_the_root_of_the_power_has_no_limit_at_0(x):
    assert norm(x, 0.005) > 1e30 * np.abs(x).max()


@pytest.mark.parametrize("p", [0.37, 1, 1.9, 7.3])
def test_ends_of_the_range_of_numbers(p):
    assert norm([1e300, 1e300], p) == pytest.approx(1e300 * 2 ** (1 / p), rel=1e-14)
    assert norm([1e-300, 1e-300], p) == pytest.approx(1e-300 * 2 ** (1 / p), rel=1e-14)
    assert norm([5e-324, 0.0], p) == 5e-324
    assert norm([0.0, 0.0], p) == 0


def test_sizes_far_apart_are_not_lost_at_small_p():
    """The ratio of these entries underflows; its power, one half of the sum, does not."""
    assert norm([1e10, 1e-320], 0.01) == pytest.approx(1e10 * (1 + 10.0 ** (-330 * 0.01)) ** 100, rel=1e-4)


def test_the_root_may_overflow_where_the_norm_does_not():
    exact = Fraction(3) ** 700 / Fraction(10) ** 300
    assert norm([1e-300] * 3, 1 / 700) == pytest.approx(float(exact), rel=1e-9)
    assert norm([1e300] * 3, 1 / 700) == np.inf


def test_vectors_lie_along_the_last_axis():
    x = np.random.default_rng(37).normal(size=(3, 5, 4))
    assert norm(x, 0.7).shape == (3, 5)
    assert norm(x, 0.7)[2, 3] == norm(x[2, 3], 0.7)
