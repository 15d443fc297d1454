"""Balls of every order against Gamma functions; spikes, corners, edges, normals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gamma, loggamma

from ellzero.geometry import Field, ball, ball_content, level_set, norm

ORDERS = [0.3, 0.37, 0.5, 2 / 3, 0.8, 1, 1.2, 1.5, 2, 3, 7.3, 19, np.inf]


@pytest.mark.parametrize("n", [1, 2, 3, 7])
@pytest.mark.parametrize("p", [p for p in ORDERS if p < 40])
def test_content_in_closed_form(p, n):
    assert ball_content(p, n, 1.9) == pytest.approx((2 * 1.9 * gamma(1 + 1 / p)) ** n / gamma(1 + n / p), rel=1e-12)


def test_known_contents():
    assert ball_content(np.inf, 5, 0.5) == 1.0
    assert ball_content(1, 4) == pytest.approx(2**4 / 24)
    assert ball_content(2, 4) == pytest.approx(np.pi**2 / 2)
    assert [ball_content(p, 2) for p in (0, 5e-324, 1e-3)] == [0, 0, pytest.approx(0, abs=1e-300)]
    assert [ball_content(p, 1) for p in (0, 5e-324, 0.3)] == [2, 2, pytest.approx(2)]
    assert ball_content(2, 3, 1e200) == np.inf


def test_contents_of_many_dimensions_are_their_limits():
    """Each factor overflows or underflows there, and their product is 0."""
    assert [ball_content(p, 10**6) for p in (0.37, 1.0, 2.0)] == [0.0, 0.0, 0.0]
    assert ball_content(np.inf, 10**6) == np.inf
    exact = 300 * np.log(2 * 37.0) - loggamma(301)  # p = 1
    assert ball_content(1, 300, 37.0) == pytest.approx(np.exp(exact), rel=1e-10)


def test_content_by_monte_carlo():
    x = np.random.default_rng(37).uniform(-1, 1, (200_000, 3))
    for p in (0.5, 0.8, 1.9):
        share = ball_content(p, 3) / 8
        assert (norm(x, p) < 1).mean() == pytest.approx(share, abs=5 * np.sqrt(share * (1 - share) / len(x)))


@pytest.mark.parametrize("p", ORDERS)
@pytest.mark.parametrize("n", [2, 3])
def test_meshes_have_the_content_and_converge(n, p):
    steps = (8, 16, 32) if n == 2 else (4, 8, 16)
    exact = ball_content(p, n, 1.9)
    errors = np.array([ball(p, n, 1.9, k).content() / exact - 1 for k in steps])
    if p in (1, np.inf):
        assert np.abs(errors).max() < 1e-14
        return
    assert (np.sign(errors) == (1 if p < 1 else -1)).all()  # chords lie inside a convex ball, outside a hollowed one
    assert np.abs(errors[-1]) < (3e-3 if n == 2 else 3e-2)
    expected = 2.0 if p < 19 else 2.5  # at p = 19 the rounding of the corners is not resolved yet
    assert np.log2(errors[-2] / errors[-1]) == pytest.approx(expected, abs=0.6)


@pytest.mark.parametrize("p", [0.01, *ORDERS, 1e6])
@pytest.mark.parametrize("n", [2, 3])
def test_meshes_are_closed_and_on_the_ball(n, p):
    mesh = ball(p, n, 0.37, resolution=7)
    assert mesh.closed
    assert norm(mesh.points, p) == pytest.approx(0.37, rel=1e-12)
    if n == 3:
        edges = np.sort(mesh.cells[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
        _, count = np.unique(edges, axis=0, return_counts=True)
        assert (count == 2).all()
        assert len(mesh.points) - len(count) + len(mesh.cells) == 2  # a sphere
    else:
        (curve,) = mesh.curves()
        assert len(curve) == len(mesh.points) + 1
    assert len(np.unique(mesh.cells)) == len(mesh.points)


@pytest.mark.parametrize("p", [p for p in ORDERS if p >= 0.5])
@pytest.mark.parametrize("n", [2, 3])
def test_cells_look_outwards(n, p):
    mesh = ball(p, n, resolution=5)
    corners = mesh.points[mesh.cells]
    assert (np.linalg.det(corners) > 0).all()  # as seen from the middle, which sees every ball whole


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 1, 2, np.inf])
def test_the_ends_on_the_axes_are_points(p):
    for n in (2, 3):
        mesh = ball(p, n, 1.9, resolution=9)
        for axis in range(n):
            for side in (-1.9, 1.9):
                assert (mesh.points == side * np.eye(n)[axis]).all(axis=1).any()


def test_spikes_are_sharp():
    """Along the spike there are points all the way, in steps below a tenth, on its ridges and beside them."""
    mesh = ball(0.3, 3)
    assert (mesh.points == [1.0, 0.0, 0.0]).all(axis=1).any()
    ridge = np.sort(mesh.points[(mesh.points[:, 2] == 0) & (mesh.points[:, 0] > 0) & (mesh.points[:, 1] > 0), 0])
    assert np.diff([*ridge, 1.0]).max() < 0.15
    assert np.isclose(ridge, 2 ** (-1 / 0.3)).any()
    assert np.isclose(mesh.points, 3 ** (-1 / 0.3)).all(axis=1).any()


def test_corners_of_the_cube_and_of_the_diamond_are_exact():
    for n in (2, 3):
        cube, diamond = ball(np.inf, n, 1.9, 5), ball(1, n, 1.9, 5)
        signs = np.array(np.meshgrid(*[[-1.9, 1.9]] * n)).reshape(n, -1).T
        assert all((cube.points == corner).all(axis=1).any() for corner in signs)
        # flat cells: every one lies in a single face
        of = cube.points[cube.cells]
        assert ((np.abs(of) == 1.9).all(axis=1) & (np.ptp(of, axis=1) == 0)).any(axis=1).all()
        middles = diamond.points[diamond.cells].mean(axis=1)
        assert norm(middles, 1) == pytest.approx(1.9, rel=1e-14)
    assert ball(np.inf, 3).measure() == pytest.approx(24.0, rel=1e-13)
    assert ball(1, 3).measure() == pytest.approx(4 * np.sqrt(3), rel=1e-13)
    assert ball(1).measure() == pytest.approx(4 * np.sqrt(2), rel=1e-13)
    assert ball(2, radius=1.9).measure() == pytest.approx(2 * np.pi * 1.9, rel=1e-4)


@pytest.mark.parametrize("p", ORDERS)
@pytest.mark.parametrize("n", [2, 3])
def test_normals_are_the_gradients_where_there_are_any(n, p):
    mesh = ball(p, n, resolution=6)
    size = np.sort(np.abs(mesh.points), axis=1)
    apart = size[:, -1] - size[:, -2] > 1e-9
    smooth = apart if p == np.inf else (size[:, 0] > 0) | (p > 1)
    assert (np.linalg.norm(mesh.normals[~smooth], axis=1) == 0).all()
    assert np.linalg.norm(mesh.normals[smooth], axis=1) == pytest.approx(1.0)
    inside = smooth & ((size[:, 0] > 1e-2) | (p == np.inf))
    slopes = Field(lambda x: norm(x, p), n).slope(mesh.points[inside])
    slopes /= np.linalg.norm(slopes, axis=1, keepdims=True)
    assert mesh.normals[inside] == pytest.approx(slopes, abs=1e-6)


def test_normals_on_the_axes_of_a_round_ball():
    mesh = ball(1.5, 3, resolution=4)
    tip = (mesh.points == [0.0, -1.0, 0.0]).all(axis=1)
    assert mesh.normals[tip].tolist() == [[0.0, -1.0, 0.0]]


@settings(max_examples=40)
@given(st.floats(0.05, 60.0), st.integers(2, 3), st.floats(1e-6, 1e6), st.integers(1, 9))
def test_laws_over_orders_and_scales(p, n, radius, resolution):
    mesh, one = ball(p, n, radius, resolution), ball(p, n, 1.0, resolution)
    assert mesh.points == pytest.approx(radius * one.points, rel=1e-15)
    assert mesh.content() == pytest.approx(radius**n * one.content(), rel=1e-9)
    assert norm(mesh.points, p) == pytest.approx(radius, rel=1e-9)
    for axis in range(n):  # the mesh is symmetric in every coordinate
        mirrored = one.points * np.where(np.arange(n) == axis, -1.0, 1.0)
        assert np.array_equal(np.unique(mirrored + 0.0, axis=0), np.unique(one.points + 0.0, axis=0))


def test_balls_grow_with_p():
    for n in (2, 3):
        contents = [ball(p, n, resolution=12).content() for p in ORDERS]
        assert (np.diff(contents) > 0).all()
        assert (np.diff([ball_content(p, n) for p in ORDERS]) > 0).all()


def test_the_closed_form_and_the_level_set_agree():
    for p in (0.8, 1.9):
        mesh = ball(p, 3, 0.9)
        found = level_set(lambda x, p=p: norm(x, p), 0.9, n=3, resolution=48)
        assert found.content() == pytest.approx(mesh.content(), rel=0.04)


def test_at_0_it_is_the_axes():
    cross = ball(0, 3, 1.9)
    assert cross.cells.shape == (3, 2)
    assert norm(cross.points, 0).tolist() == [1] * 6
    assert cross.measure() == pytest.approx(3 * 2 * 1.9)
    assert [c.tolist() for c in ball(0, 2).curves()] == [[[-1, 0], [1, 0]], [[0, -1], [0, 1]]]
    assert not cross.closed
    assert not cross.normals.any()
