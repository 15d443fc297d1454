"""Solution paths in the plane beside closed forms, the house's solvers and brute force; shrinkage in closed form."""

import numpy as np
import pytest
from scipy import optimize

import ellzero as ez
from ellzero import penalties
from ellzero.geometry import Field, quadratic, shrinkage, solution_path
from ellzero.geometry.planes import FAMILIES
from ellzero.penalties import MCP, Lp
from ellzero.problem import Problem

H = np.array([[1.0, 0.6], [0.6, 1.9]])
CENTRE = np.array([1.0, 0.7])


@pytest.mark.parametrize("family", list(FAMILIES))
def test_isotropic_losses_are_thresholds(family):
    """With H = I a path is the prox of the centre."""
    strengths = [1.9, 0.73, 0.37, 0.19, 0.019]
    path = solution_path(quadratic(np.eye(2), [1.3, -0.7]), family, strengths)
    for strength, point in zip(path.strengths, path.points, strict=True):
        assert np.abs(point - FAMILIES[family](strength).prox(np.array([1.3, -0.7]), 1.0)).max() < 1e-9
    assert np.array_equal(path.zeros, (path.points == 0).sum(axis=1))
    assert path.label == family


@pytest.mark.parametrize("family", ["l0", "lp", "mcp", "scad"])
def test_no_better_point(family):
    """Against local searches from many places, and every point of a grid."""
    field, rng = quadratic(H, CENTRE), np.random.default_rng(37)
    grid = rng.uniform(-2.5, 2.5, (40_000, 2))
    grid = np.vstack([grid, grid * [1, 0], grid * [0, 1], [[0.0, 0.0]]])
    path = solution_path(field, family, [0.9, 0.37, 0.19, 0.05])
    for strength, point in zip(path.strengths, path.points, strict=True):
        penalty = FAMILIES[family](strength)
        value = float(field(point)) + penalty.value(point)
        assert value <= float((field(grid) + penalty.values(grid)).min()) + 1e-12
        for start in grid[:8]:
            rival = optimize.minimize(lambda x, p=penalty: float(field(x)) + p.value(x), start, method="Nelder-Mead")
            assert value <= rival.fun + 1e-9


def test_lasso_path_of_the_house():
    X = np.sqrt(2) * np.linalg.cholesky(H).T
    y = X @ CENTRE
    strengths = [1.3, 0.37, 0.05]
    house = ez.penalty_path(X, y, penalty="l1", strengths=strengths, fit_intercept=False, standardize=False,
                            tolerance=1e-15)  # fmt: skip
    problem = Problem.from_data(X, y, fit_intercept=False, standardize=False)
    assert np.abs(solution_path(problem, "l1", strengths).points - house.coefs).max() < 1e-9
    ridge = solution_path(problem, "l2", strengths)
    for strength, point in zip(strengths, ridge.points, strict=True):
        assert np.abs(point - np.linalg.solve(H + 2 * strength * np.eye(2), H @ CENTRE)).max() < 1e-12
    assert not ridge.zeros.any()


@pytest.mark.slow
def test_usual_strengths():
    field = quadratic(H, CENTRE)
    for family in ("l0", "l1", "lp", "mcp"):
        path = solution_path(field, family)
        assert path.zeros[0] == 2
        assert path.zeros[1] < 2
        assert path.zeros[-1] == 0
        assert (np.diff(path.strengths) < 0).all()
        assert path.points.shape == (60, 2)
    lasso = solution_path(field, "l1")
    assert lasso.strengths[0] == pytest.approx(np.abs(H @ CENTRE).max(), rel=1e-5)
    assert not solution_path(field, "l2").zeros.any()


def test_families_of_ones_own_and_curved_losses():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(90, 2))
    y = (X @ [1.9, 0.37] + rng.logistic(size=90) > 0).astype(float)
    problem = Problem.from_data(X, y, loss="logistic")
    path = solution_path(problem, "l1", [0.1, 0.03])
    house = ez.penalty_path(X, y, penalty="l1", strengths=[0.1, 0.03], loss="logistic", standardize=False,
                            tolerance=1e-15)  # fmt: skip
    assert np.abs(path.points - house.coefs).max() < 1e-8
    own = solution_path(quadratic(H, CENTRE), lambda s: MCP(s, 1.9) + penalties.L2(0.1), [0.37], label="firm")
    assert own.label == "firm"
    side = np.linspace(-1.5, 1.5, 1201)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    sharp = solution_path(quadratic(H, CENTRE), lambda s: Lp(s, 0.3), [0.37])
    for path, penalty in ((own, MCP(0.37, 1.9) + penalties.L2(0.1)), (sharp, Lp(0.37, 0.3))):
        total = quadratic(H, CENTRE) + penalty
        (point,) = path.points
        assert float(total(point)) <= float(total(grid).min()) + 1e-12
        assert float(total(point)) > float(total(grid).min()) - 1e-4
        assert float(total(1.01 * point + 0.01)) > float(total(point))


@pytest.mark.parametrize("correlation", [-0.9, 0.37, 0.99])
def test_elastic_net_path_of_the_house_on_correlated_losses(correlation):
    bent = np.array([[1.0, correlation], [correlation, 1.0]])
    X = np.sqrt(2) * np.linalg.cholesky(bent).T
    strengths = [0.9, 0.37, 0.19, 0.05, 0.005]
    house = ez.penalty_path(X, X @ CENTRE, penalty="elastic_net", l1_ratio=0.5, strengths=strengths,
                            fit_intercept=False, standardize=False, tolerance=1e-15)  # fmt: skip
    points = solution_path(quadratic(bent, CENTRE), "elastic_net", strengths).points
    assert np.abs(points - house.coefs).max() < 1e-8


@pytest.mark.parametrize("family", ["l0", "l1", "lp", "mcp"])
def test_narrow_valleys(family):
    """A condition of a million: no better point along the valley or on the axes, far out as they lie."""
    angle = 0.7
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    narrow, centre = turn @ np.diag([1.0, 1e6]) @ turn.T, 10.0 * turn[:, 0]
    field = quadratic(0.5 * (narrow + narrow.T), centre)
    path = solution_path(field, family, [20.0, 3.7])
    steps = np.linspace(-30.0, 30.0, 60_001)
    places = np.vstack([centre + np.outer(steps, turn[:, 0]), *(np.outer(steps, unit) for unit in np.eye(2))])
    for strength, point in zip(path.strengths, path.points, strict=True):
        total = field + FAMILIES[family](strength)
        assert float(total(point)) <= float(total(places).min()) + 1e-9


def test_curved_losses_far_from_0():
    """Of a loss that is not quadratic the square holds the level set of 0, however narrow."""
    v = np.array([np.cos(0.7), np.sin(0.7)])
    w, far = np.array([-v[1], v[0]]), 10.0
    field = Field(
        lambda x: np.sqrt(1.0 + (x @ v - far) ** 2) + 1e5 * (x @ w) ** 2, 2,
        lambda x: ((x @ v - far) / np.sqrt(1.0 + (x @ v - far) ** 2))[..., None] * v + 2e5 * (x @ w)[..., None] * w,
        lambda x: (1.0 + (x @ v - far) ** 2) ** -1.5 * np.outer(v, v) + 2e5 * np.outer(w, w),
    )  # fmt: skip
    (point,) = solution_path(field, "l1", [0.19]).points
    gradient = field.slope(point)
    assert np.abs(gradient + 0.19 * np.sign(point)).max() < 1e-8
    assert np.linalg.norm(point) > 9.0


def orthonormal(n=40, p=4):
    rng = np.random.default_rng(19)
    Q, _ = np.linalg.qr(np.column_stack([np.ones(n), rng.normal(size=(n, p))]))
    X = np.sqrt(n) * Q[:, 1:]
    return X, X @ [1.9, -0.37, 0.19, 0.0] + 0.1 * rng.normal(size=n)


def test_shrinkage_in_closed_form():
    """X'X = nI: L0 keeps, L1 subtracts, L2 divides."""
    X, y = orthonormal()
    b = X.T @ y / len(y)
    both = shrinkage(X, y, l0=0.037, l1=0.19, l2=0.37, truth=[1.9, -0.37, 0.19, 0.0])
    assert np.abs(both.least_squares - b).max() < 1e-12
    assert np.abs(both.l0 - np.where(0.5 * b * b > 0.037, b, 0.0)).max() < 1e-10
    assert np.abs(both.l1 - np.sign(b) * np.maximum(np.abs(b) - 0.19, 0.0)).max() < 1e-8
    assert np.abs(both.l2 - b / 1.74).max() < 1e-8
    assert np.count_nonzero(both.l0) == 2
    assert np.count_nonzero(both.l2) == 4
    assert both.table().columns == ["column", "truth", "least squares", "L0", "L1", "L2"]
    off = {row[0]: float(str(row[2])) for row in both.biases().rows}
    assert off["L1"] < -0.1 < off["L0"]
    bare = shrinkage(X, y, l0=0.037, l1=0.19, l2=0.37)
    off = {row[0]: float(str(row[2])) for row in bare.biases().rows}
    assert abs(off["L0"]) < 1e-10
    assert off["L1"] == pytest.approx(-0.19, abs=0.03)
    assert len(bare.table().columns) == 5


def test_shrinkage_without_survivors():
    X, y = orthonormal()
    none = shrinkage(X, y, l0=37.0, l1=37.0, l2=0.37).biases().to_dicts()
    assert none[0]["kept"] == none[1]["kept"] == 0
    assert none[0]["mean difference"] is None
