"""Isolines and isosurfaces against closed forms: on the level, closed, oriented, converging, and open where cut."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.interpolate import RegularGridInterpolator
from scipy.special import ellipe

from ellzero import errors
from ellzero.geometry import (
    LevelSet,
    as_field,
    ball_content,
    level_set,
    loss_field,
    norm,
    principal_plane,
    quadratic,
    quartic,
    random_plane,
)
from ellzero.penalties import L0, L1, Box
from ellzero.problem import Problem

H2 = np.array([[1.9, 0.37], [0.37, 1.0]])
H3 = np.array([[1.9, 0.37, 0.1], [0.37, 1.0, -0.2], [0.1, -0.2, 1.3]])


def edge_counts(surface):
    """How often each directed edge occurs, and each undirected one."""
    directed = surface.cells[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    count = {k: np.unique(e, axis=0, return_counts=True)[1] for k, e in
             {"directed": directed, "both": np.sort(directed, axis=1)}.items()}  # fmt: skip
    return count["directed"], count["both"]


def euler_characteristic(surface):
    return len(surface.points) - len(edge_counts(surface)[1]) + len(surface.cells)


def ratios(errors_):
    return np.log2(np.abs(np.array(errors_[:-1]) / np.array(errors_[1:])))


def test_ellipses_have_their_area_and_length():
    level, found = 0.37, []
    area = 2 * np.pi * level / np.sqrt(np.linalg.det(H2))
    for resolution in (41, 81, 161, 321):
        curve = level_set(quadratic(H2, [0.1, -0.2]), level, resolution=resolution)
        found.append(curve.content() / area - 1)
    assert np.abs(found[-1]) < 1e-4
    assert ratios(found).mean() == pytest.approx(2.0, abs=0.2)
    a, b = np.sqrt(2 * level / np.linalg.eigvalsh(H2))  # the longer first
    assert curve.measure() == pytest.approx(4 * a * ellipe(1 - (b / a) ** 2), rel=1e-4)


def test_ellipsoids_have_their_volume():
    level, found = 0.37, []
    volume = 4 / 3 * np.pi * (2 * level) ** 1.5 / np.sqrt(np.linalg.det(H3))
    for resolution in (12, 23, 45):
        found.append(level_set(quadratic(H3, [0.1, -0.2, 0.0]), level, resolution=resolution).content() / volume - 1)
    assert np.abs(found[-1]) < 5e-3
    assert ratios(found).mean() == pytest.approx(2.0, abs=0.25)


@pytest.mark.parametrize("n", [2, 3])
def test_every_point_is_on_the_level_and_normals_are_the_gradients(n):
    field = quadratic(H2 if n == 2 else H3, np.full(n, 0.19)) + (lambda x: 0.19 * np.sin(3.7 * x[:, 0]) * x[:, 1])
    surface = level_set(field, 0.37, (-2.0, 2.0), resolution=37)
    assert np.abs(field(surface.points) - 0.37).max() < 1e-13
    middle = surface.points[surface.cells].mean(axis=1)
    assert np.abs(field(middle) - 0.37).max() < 0.02  # half the bend times the square of the grid's step
    slopes = field.slope(surface.points)
    assert surface.normals == pytest.approx(slopes / np.linalg.norm(slopes, axis=1, keepdims=True), abs=1e-12)


def test_cells_turn_towards_larger_values():
    for sign in (1.0, -1.0):
        curve = level_set(sign * quadratic(H2, [0.1, -0.2]), sign * 0.37)
        a, b = curve.points[curve.cells[:, 0]], curve.points[curve.cells[:, 1]]
        right = np.column_stack([(b - a)[:, 1], -(b - a)[:, 0]])
        assert ((right * curve.normals[curve.cells[:, 0]]).sum(axis=1) > 0).all()
        assert np.sign(curve.content()) == sign
        surface = level_set(sign * quadratic(H3, np.zeros(3)), sign * 0.37, resolution=19)
        p, q, r = (surface.points[surface.cells[:, i]] for i in range(3))
        outwards = np.cross(q - p, r - p)
        assert ((outwards * surface.normals[surface.cells[:, 0]]).sum(axis=1) >= 0).mean() > 0.99
        assert np.sign(surface.content()) == sign


def volume_of_the_quartic():
    """Where x^4 + y^4 + z^4 - x^2 - y^2 - z^2 + 0.4 < 0: the distribution of t^4 - t^2, convolved by quadrature."""

    def longest(c):
        """Measure of {t: t^4 - t^2 < c}."""
        if c <= -0.25:
            return 0.0
        root = np.sqrt(0.25 + c)
        return 2 * (np.sqrt(0.5 + root) - np.sqrt(max(0.5 - root, 0.0)))

    def area(c):
        """Measure of {(s, t): s^4 - s^2 + t^4 - t^2 < c}."""
        kinks = [np.sqrt(max(0.5 + w * np.sqrt(max(0.25 + b, 0.0)), 0.0)) for w in (-1, 1) for b in (c + 0.25, c)]
        return 2 * quad(lambda s: longest(c - s**4 + s**2), 0, 1.5, points=sorted(kinks), limit=200)[0]

    return 2 * quad(lambda s: area(-0.4 - s**4 + s**2), 0, 1.2, limit=200, epsabs=1e-6)[0]


def test_the_textbook_quartic():
    """A hollow rounded cube with a window in each face: closed, in one piece, of genus five."""
    field, found = quartic(), []
    for resolution in (24, 47):
        surface = level_set(field, 0.0, (-1.2, 1.2), resolution=resolution)
        assert np.abs(field(surface.points)).max() < 1e-14
        directed, both = edge_counts(surface)
        assert (directed == 1).all()
        assert (both == 2).all()
        assert surface.closed
        assert euler_characteristic(surface) == 2 - 2 * 5
        found.append(surface.content())
    volume = volume_of_the_quartic()
    assert found[1] == pytest.approx(volume, rel=5e-3)
    assert ratios(np.array(found) - volume) == pytest.approx(2.0, abs=0.3)
    assert surface.names == ("x", "y", "z")


@pytest.mark.parametrize("p", [0.5, 1, 1.9, np.inf])
def test_balls_as_level_sets(p):
    curve = level_set(lambda x: norm(x, p), 1.0, resolution=200, n=2)
    assert np.abs(norm(curve.points, p) - 1.0).max() < 1e-12
    assert curve.content() == pytest.approx(ball_content(p, 2), rel=0.02 if p < 1 else 2e-4)


def test_the_diamond_whose_corners_are_on_the_grid_is_exact():
    for n in (2, 3):
        found = level_set(L1(1.0), 0.75, n=n, resolution=25)
        assert found.closed
        assert found.content() == pytest.approx(ball_content(1, n, 0.75), rel=1e-12)


@settings(max_examples=25)
@given(
    st.integers(2, 3), st.integers(5, 23), st.floats(0.1, 1.4), st.lists(st.floats(-0.3, 0.3), min_size=3, max_size=3)
)
def test_closed_and_on_the_level_on_every_grid(n, resolution, radius, centre):
    """Spheres inside the box or cut by it, through nodes or not."""
    centre = np.array(centre[:n])
    field = as_field(lambda x: ((x - centre) ** 2).sum(axis=1), n)
    try:
        surface = level_set(field, radius**2, resolution=resolution)
    except errors.ArgumentError:
        h = 3.0 / (resolution - 1)
        assert radius <= h * np.sqrt(n) / 2 * (1 + 1e-9)  # between the nodes
        return
    assert np.abs(field(surface.points) - radius**2).max() < 1e-9
    if np.abs(centre).max() + radius < 1.5:
        assert surface.closed
        assert 0 <= surface.content() <= ball_content(2, n, radius) * (1 + 1e-9)


def test_values_equal_to_the_level_at_nodes():
    surface = level_set(lambda x: np.abs(x).max(axis=1), 1.0, (-2.0, 2.0), resolution=9, n=3)
    assert surface.closed
    assert np.isfinite(surface.points).all()
    assert np.abs(np.abs(surface.points).max(axis=1) - 1.0).max() < 1e-12
    assert surface.content() == pytest.approx(8.0, rel=0.05)


def waves(seed, n):
    """A field that turns within a few cells of its grid, so that cubes of every kind occur; large at the border."""
    rng = np.random.default_rng(seed)
    K, c, phase = rng.normal(size=(8, n)) * rng.uniform(2, 9), rng.normal(size=8), rng.uniform(0, 6, 8)
    return as_field(lambda x: np.maximum(np.cos(x @ K.T + phase) @ c, 8 * (np.abs(x).max(axis=1) - 1.2)), n)


@pytest.mark.parametrize("seed", range(12))
def test_rough_fields_on_coarse_grids(seed):
    """Points inside cubes, which stand on no grid edge, among them."""
    for n, resolution in ((2, 11 + seed), (3, 9 + seed)):
        field = waves(seed, n)
        found = level_set(field, 0.37, resolution=resolution)
        assert found.closed
        assert np.abs(field(found.points) - 0.37).max() < 1e-10
        if n == 3:
            assert (edge_counts(found)[1] == 2).all()
        else:
            assert all((c[0] == c[-1]).all() for c in found.curves())


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n", [2, 3])
def test_fields_that_are_often_equal_to_the_level_at_nodes(seed, n):
    table = np.full((7,) * n, 1.0)
    table[(slice(1, -1),) * n] = np.random.default_rng(seed).integers(-1, 2, (5,) * n)
    axes = [np.linspace(-1.5, 1.5, 7)] * n
    field = as_field(RegularGridInterpolator(axes, table, bounds_error=False, fill_value=1.0), n)
    found = level_set(field, 0.0, resolution=7)
    assert found.closed
    assert np.abs(field(found.points)).max() < 1e-10


def test_curves_are_chains():
    at = np.array([0.7, 0.0])
    two = level_set(lambda x: np.minimum(norm(x - at), norm(x + at)), 0.37, n=2)
    curves = two.curves()
    assert len(curves) == 2
    assert all((c[0] == c[-1]).all() for c in curves)
    assert sum(np.linalg.norm(np.diff(c, axis=0), axis=1).sum() for c in curves) == pytest.approx(two.measure())
    assert sum(len(c) - 1 for c in curves) == len(two.cells)
    line = level_set(lambda x: x[:, 0] - 0.37 * x[:, 1], 0.1, resolution=19, n=2)
    (chain,) = line.curves()
    assert not line.closed
    assert len(chain) == len(line.points)
    assert np.abs(np.diff(chain[:, 1])).max() < 0.2  # in order along the line
    assert abs(chain[0, 1] - chain[-1, 1]) == pytest.approx(3.0)


def test_hollows_are_taken_off():
    ring = level_set(lambda x: (norm(x) - 1.0) ** 2, 0.04, n=2)
    assert len(ring.curves()) == 2
    assert ring.content() == pytest.approx(np.pi * (1.2**2 - 0.8**2), rel=1e-3)


def test_an_infinite_part_is_left_out():
    for n, resolution in ((2, 61), (3, 31)):
        half = quadratic(np.eye(n), np.zeros(n)) + as_field(Box(-np.inf, 0.4), n)
        cut = level_set(half, 0.5, resolution=resolution)
        assert not cut.closed
        assert cut.points.max() < 0.4 + 1e-12
        assert np.abs(norm(cut.points) - 1.0).max() < 1e-12
        with pytest.raises(errors.ArgumentError, match="is not closed"):
            cut.content()


def test_counts_of_nonzeros_jump_and_have_level_sets_all_the_same():
    cross = level_set(L0(1.0), 1.5, n=2, resolution=31)
    assert np.abs(cross.points).min(axis=1).max() < 1e-12  # on the axes, to rounding


def test_losses_in_data_units():
    rng = np.random.default_rng(37)
    X = rng.normal(size=(43, 2)) * [1.0, 19.0]
    y = (rng.random(43) < 1 / (1 + np.exp(-X @ [1.0, 0.037]))).astype(float)
    field = loss_field(Problem.from_data(X, y, loss="logistic", k=2))
    curve = level_set(field, 0.66, [(-2.0, 4.0), (-0.2, 0.3)], resolution=61)
    assert curve.closed
    assert np.abs(field(curve.points) - 0.66).max() < 1e-12
    assert curve.label == "the logistic loss"


def test_a_slice_of_many_variables():
    field = as_field(lambda x: (x**2).sum(axis=1), n=5).slice({"x2": 0.3, "x4": 0.4, "x5": 0.0})
    assert level_set(field, 1.0).content() == pytest.approx(0.75 * np.pi, rel=1e-3)
    assert level_set(field, 1.0).names == ("x1", "x3")


def test_random_planes_are_orthonormal_and_uniform():
    planes = np.array([random_plane(3, 1, seed)[0] for seed in range(1900)])
    assert np.linalg.norm(planes, axis=1) == pytest.approx(1.0)
    assert np.abs(planes.mean(axis=0)).max() < 5 * np.sqrt(1 / 3 / 1900)
    for share in (0.37, 0.7):  # Archimedes: heights on the sphere are uniform
        assert (np.abs(planes[:, 2]) < share).mean() == pytest.approx(share, abs=5 * np.sqrt(0.25 / 1900))
    assert np.array_equal(random_plane(6, 3, 37), random_plane(6, 3, 37))
    D = random_plane(6, 3, np.random.default_rng(1))
    assert np.abs(D @ D.T - np.eye(3)).max() < 1e-14


def test_principal_planes():
    rng = np.random.default_rng(37)
    Q = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    H = Q @ np.diag([0.37, 3.0, 1.9, 0.1]) @ Q.T
    for thing in (H, quadratic(H, np.ones(4)), as_field(lambda x: 0.5 * ((x @ H) * x).sum(axis=1), n=4)):
        D = principal_plane(thing)
        assert np.abs(D @ Q) == pytest.approx(np.array([[0, 1, 0, 0], [0, 0, 1, 0]]), abs=1e-6)
        assert (np.take_along_axis(D, np.abs(D).argmax(axis=1)[:, None], 1) > 0).all()
    quarter = principal_plane(quartic(), at=[1.9, 0.0, 0.0], m=1)
    assert quarter == pytest.approx(np.array([[1.0, 0.0, 0.0]]))


def test_a_broken_twin_is_seen():
    """A surface that is turned inside out or has lost a triangle is neither closed nor of that volume."""
    whole = level_set(quadratic(H3, np.zeros(3)), 0.37, resolution=19)
    twin = LevelSet(whole.points, whole.cells[1:], whole.normals, 0.37, "a torn one", whole.names)
    assert whole.closed
    assert not twin.closed
    one = whole.cells.copy()
    one[0] = one[0, ::-1]
    assert not LevelSet(whole.points, one, whole.normals, 0.37, "a knotted one", whole.names).closed
    turned = LevelSet(whole.points, whole.cells[:, ::-1], whole.normals, 0.37, "a turned one", whole.names)
    assert turned.content() == pytest.approx(-whole.content())


def test_importing_loads_no_mesher_and_no_picture():
    heavy = ("contourpy", "skimage", "matplotlib")
    code = f"import sys, ellzero.geometry; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("n", "module", "text"),
    [(2, "contourpy", "an isoline needs contourpy."), (3, "skimage.measure", "an isosurface needs scikit-image.")],
)
def test_a_missing_mesher_is_named_with_what_installs_it(monkeypatch, n, module, text):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(errors.MissingExtraError) as caught:
        level_set(L1(1.0), 0.37, n=n, resolution=9)
    assert str(caught.value) == f"{text} Install it with: pip install 'ellzero[geometry]'"
