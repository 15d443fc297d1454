"""Convex envelopes: of the count of nonzeros it is the L1 norm; others by hulls and by linear programming."""

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.spatial import ConvexHull

from ellzero.geometry import as_field, convex_envelope, norm, quadratic
from ellzero.penalties import L0, L2, MCP, Lp


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_count_of_nonzeros_becomes_the_l1_norm(n):
    found = convex_envelope(lambda x: norm(x, 0), n=n)
    assert np.abs(found.envelope - norm(found.grid, 1)).max() < 1e-12
    assert np.array_equal(found.values, norm(found.grid, 0))
    assert found.grid.shape == (*found.values.shape, n)


@pytest.mark.parametrize("radius", [0.37, 1.9])
def test_on_another_box_its_slope_is_one_over_the_width(radius):
    found = convex_envelope(L0(1.0), (-radius, radius), n=2)
    assert np.abs(found.envelope - norm(found.grid, 1) / radius).max() < 1e-12
    lopsided = convex_envelope(L0(1.0), (-radius, 2 * radius), n=1, resolution=31)
    x = lopsided.axes[0]
    assert lopsided.envelope == pytest.approx(np.where(x < 0, -x / radius, x / (2 * radius)), abs=1e-12)


@pytest.mark.parametrize("penalty", [Lp(1.0, 0.5), MCP(1.0, 0.7), L0(0.37) + L2(1.9)])
@pytest.mark.parametrize("n", [1, 2])
def test_separable_penalties_have_the_sum_of_their_envelopes(penalty, n):
    found = convex_envelope(penalty, n=n, resolution=101)
    x = found.axes[0]
    curve = penalty.values(x[:, None])
    hull = ConvexHull(np.column_stack([x, curve]))
    below = hull.equations[hull.equations[:, 1] < -1e-12]  # lower facets: y >= -(a x + c) / b
    one = (-(below[:, :1] * x + below[:, 2:]) / below[:, 1:2]).max(axis=0)
    whole = one if n == 1 else one[:, None] + one[None, :]
    assert found.envelope == pytest.approx(whole, abs=1e-9)


def test_the_librarys_own_envelope_of_price_and_ridge():
    penalty = L0(0.37) + L2(1.9)
    boxed = penalty.envelope(np.linspace(-1, 1, 401))
    assert convex_envelope(penalty, n=1).envelope == pytest.approx(boxed, abs=2e-5)  # its line ends between nodes


def brute_force(points, values):
    """Least convex combination of values whose points average to each point."""
    conditions = np.vstack([points.T, np.ones(len(points))])
    return np.array([linprog(values, A_eq=conditions, b_eq=[*x, 1.0], bounds=(0, None)).fun for x in points])


@pytest.mark.parametrize(
    "function",
    [lambda x: np.sin(3.7 * x[:, 0]) * np.cos(1.9 * x[:, 1]) + x[:, 0] * x[:, 1], lambda x: -np.abs(x[:, 0] - x[:, 1])],
)
def test_functions_that_do_not_separate(function):
    """Never above the envelope of the grid's values, and below it by at most what the spacing of slopes allows."""
    found = convex_envelope(function, n=2, resolution=13)
    exact = brute_force(found.grid.reshape(-1, 2), found.values.ravel()).reshape(found.values.shape)
    short = exact - found.envelope
    slopes = [np.diff(found.values, axis=j) / np.diff(found.axes[0])[0] for j in (0, 1)]
    allowed = sum(np.ptp(s) for s in slopes) / 12  # the spacing of 13 slopes times half the width, 1
    assert short.min() > -1e-9
    assert short.max() < allowed
    finer = convex_envelope(function, n=2, resolution=25).envelope[::2, ::2]
    assert np.abs(finer - exact).max() < np.abs(short).max() + 0.1


def test_convex_functions_are_their_own():
    bowl = quadratic([[1.9, 0.0], [0.0, 0.37]], [0.3, -0.2])
    found = convex_envelope(bowl, resolution=31)
    assert found.envelope == pytest.approx(found.values, abs=1e-12)
    tilted = convex_envelope(quadratic([[1.9, 0.5], [0.5, 0.37]], [0.3, -0.2]), resolution=31)
    assert tilted.envelope == pytest.approx(tilted.values, abs=5e-3)


def test_a_large_constant_does_no_harm():
    lifted = as_field(lambda x: norm(x, 0) + 1e6, n=2)
    found = convex_envelope(lifted)
    assert found.envelope - 1e6 == pytest.approx(norm(found.grid, 1), abs=1e-8)


def test_biconjugates_are_convex_and_below():
    rng = np.random.default_rng(37)
    table = rng.normal(size=(9, 9))
    field = as_field(lambda x: table[tuple(np.round(4 * x + 4).astype(int).T)], n=2)
    found = convex_envelope(field, resolution=9)
    assert (found.envelope <= found.values).all()
    env = found.envelope
    for step in ((1, 0), (0, 1), (1, 1), (1, -1), (2, 1)):
        for i in range(9):
            for j in range(9):
                a, b = (i - step[0], j - step[1]), (i + step[0], j + step[1])
                if min(*a, *b) >= 0 and max(*a, *b) < 9:
                    assert env[i, j] <= 0.5 * (env[a] + env[b]) + 1e-9


def test_slopes_that_differ_by_rounding_do_not_crowd_out_the_others():
    """Left of 0 all numbers are dyadic, so each slope occurs once; on the right each line has its own rounding."""
    lopsided = as_field(lambda x: np.where(x[:, 0] < 0, 1.0, 0.37 * np.pi) * x[:, 0] ** 4 + x[:, 1] ** 2, n=2)
    found = convex_envelope(lopsided, resolution=65)
    assert found.envelope == pytest.approx(found.values, abs=1e-12)
