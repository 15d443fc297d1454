"""Fields against the objects they stand for: problems with their best intercept, penalties, sums, slices, planes."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

import ellzero as ez
from ellzero import errors
from ellzero import penalties as pen
from ellzero.geometry import Field, as_field, loss_field, norm, quadratic, quartic
from ellzero.problem import Problem

RNG = np.random.default_rng(37)
N, P = 43, 3
X = RNG.normal(size=(N, P)) * [1.0, 0.37, 1.9] + [0.0, 3.7, -1.0]
ETA = (X - X.mean(axis=0)) @ [0.7, -1.9, 0.37]
TARGETS = {
    "squared": ETA + RNG.normal(size=N),
    "huber": ETA + RNG.standard_t(2, size=N),
    "logistic": (RNG.random(N) < 1 / (1 + np.exp(-ETA))).astype(float),
    "squared_hinge": (RNG.random(N) < 1 / (1 + np.exp(-ETA))).astype(float),
    "poisson": RNG.poisson(np.exp(0.37 * ETA + 1.0)).astype(float),
    "gamma": RNG.gamma(1.9, np.exp(0.37 * ETA)),
    "cox": np.column_stack([RNG.exponential(np.exp(-0.5 * ETA)).round(1) + 0.1, RNG.random(N) < 0.7]),
}
WEIGHTS = RNG.integers(0, 4, N).astype(float)
OFFSETS = 0.37 * RNG.normal(size=N)
FORMS = [{}, {"sample_weight": WEIGHTS}, {"offset": OFFSETS}, {"fit_intercept": False}, {"standardize": False}]


def problem(loss, **form):
    return Problem.from_data(X, TARGETS[loss], loss=loss, k=2, **form)


def best_over_the_intercept(question, coef):
    """By scipy's bracketing search, of the problem's own loss."""
    if not question.fit_intercept:
        return question.loss_value(coef, 0.0)
    near = float(np.mean(question.y)) if question.loss.least_squares else 0.0
    at = near - float(question.weight @ question.predictor(coef, 0.0))
    found = minimize_scalar(lambda b: question.loss_value(coef, b), bracket=(at - 3.7, at + 3.7), tol=1e-12)
    return float(found.fun)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: next(iter(form), "plain"))
@pytest.mark.parametrize("loss", TARGETS)
def test_the_loss_is_the_problems_own_with_the_best_intercept(loss, form):
    question = problem(loss, **form)
    field = loss_field(question)
    points = RNG.normal(size=(7, P))
    expected = [best_over_the_intercept(question, beta) for beta in points]
    assert field(points) == pytest.approx(np.array(expected), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("form", FORMS[:4], ids=lambda form: next(iter(form), "plain"))
@pytest.mark.parametrize("loss", TARGETS)
def test_gradients_and_hessians_are_the_limits_of_differences(loss, form):
    field = loss_field(problem(loss, **form))
    points = RNG.normal(size=(5, P))
    rough = Field(field.function, P)
    assert field.slope(points) == pytest.approx(rough.slope(points), rel=1e-6, abs=1e-7)
    if loss in ("huber", "squared_hinge"):
        return  # their curvature jumps
    for point in points:
        step = 1e-5 * np.eye(P)
        differences = (field.slope(point + step) - field.slope(point - step)) / 2e-5
        assert field.hessian(point) == pytest.approx(differences, rel=1e-5, abs=1e-6)
        assert np.linalg.eigvalsh(field.hessian(point)).min() > 0


@pytest.mark.parametrize("loss", ["huber", "squared_hinge"])
def test_hessians_where_the_curvature_jumps(loss):
    """The intercept follows its coefficients, so bends are shared between the rows that bend at the point."""
    field = loss_field(problem(loss))
    for point in RNG.normal(size=(9, P)):
        step = 1e-7 * np.eye(P)
        differences = (field.slope(point + step) - field.slope(point - step)) / 2e-7
        assert field.hessian(point) == pytest.approx(differences, rel=1e-3, abs=1e-5)


def test_fewer_rows_than_variables():
    question = Problem.from_data(X[:3], TARGETS["squared"][:3], k=2)
    field = loss_field(question)
    for beta in RNG.normal(size=(5, P)):
        assert field(beta) == pytest.approx(best_over_the_intercept(question, beta), rel=1e-9)


def test_the_solvers_minimum_is_the_fields():
    result = ez.best_subset(X, TARGETS["logistic"], k=3, loss="logistic")
    field = loss_field(problem("logistic"))
    assert field(result.coef) == pytest.approx(result.loss, rel=1e-9)
    assert np.abs(field.slope(result.coef)).max() < 1e-6


def test_points_in_pieces(monkeypatch):
    from ellzero.geometry import profiles

    for loss in ("poisson", "cox"):
        field, points = loss_field(problem(loss)), RNG.normal(size=(19, P))
        whole, slopes = field(points), field.slope(points)
        monkeypatch.setattr(profiles, "CHUNK", 2 * N + 1)
        assert field(points) == pytest.approx(whole, rel=1e-14)
        assert field.slope(points) == pytest.approx(slopes, rel=1e-12)
        monkeypatch.undo()


def test_names_come_from_the_data():
    frame = {"price": X[:, 0], "area": X[:, 1], "year": X[:, 2]}
    question = Problem.from_data(frame, TARGETS["squared"], k=1)
    assert as_field(question).names == ("price", "area", "year")
    assert as_field(question).slice({"area": 0.37}).names == ("price", "year")


@pytest.mark.parametrize(
    "penalty",
    [pen.L0(0.37), pen.L1(0.37) + pen.L2(1.9), pen.Lp(0.37, 0.3), pen.MCP(0.37, 1.9), pen.SCAD(0.37, 3.7),
     pen.LogSum(0.37, 0.19), pen.GroupL2(0.37, [0, 1, 0]), pen.Separable(l1=np.array([0.1, 0.2, 0.37]))],
    ids=lambda penalty: type(penalty).__name__,
)  # fmt: skip
def test_penalties_are_fields(penalty):
    points = RNG.normal(size=(11, 3)) * (RNG.random((11, 3)) < 0.6)
    assert as_field(penalty, 3)(points) == pytest.approx([penalty.value(x) for x in points], rel=1e-14)


def test_penalties_that_say_their_dimension():
    assert as_field(pen.GroupL0(0.37, [0, 0, 1])).n == 3
    assert as_field(pen.Separable(l1=np.array([0.1, 0.37]))).n == 2
    with pytest.raises(errors.ArgumentError, match="field of 3 variables, got points of 2"):
        as_field(pen.GroupL0(0.37, [0, 0, 1]), 2)


def test_sums_and_factors():
    bowl = quadratic([[1.9, 0.37], [0.37, 1.0]], [0.5, -1.0], floor=0.3)
    both = bowl + 0.37 * as_field(pen.L1(1.0), 2)
    points = RNG.normal(size=(5, 2))
    assert both(points) == pytest.approx(bowl(points) + 0.37 * norm(points, 1))
    assert both.gradient is None
    smooth = 1.9 * bowl + bowl
    assert smooth.slope(points) == pytest.approx(2.9 * bowl.slope(points))
    assert smooth.hessian(points[0]) == pytest.approx(2.9 * np.array([[1.9, 0.37], [0.37, 1.0]]))
    assert (as_field(pen.Box(-1.0, 1.0), 2) + bowl)([1.9, 0.0]) == np.inf


@pytest.mark.parametrize("field", [quartic(), quadratic(np.diag([1.0, 0.37, 1.9]), [0.1, 0.2, 0.3])])
def test_closed_form_fields(field):
    points = RNG.normal(size=(7, 3))
    assert field.slope(points) == pytest.approx(Field(field.function, 3).slope(points), rel=1e-6, abs=1e-7)
    step = 1e-5 * np.eye(3)
    for point in points:
        differences = (field.slope(point + step) - field.slope(point - step)) / 2e-5
        assert field.hessian(point) == pytest.approx(differences, rel=1e-6, abs=1e-6)


def test_planes_and_slices():
    field = loss_field(problem("poisson"))
    a, D = RNG.normal(size=P), RNG.normal(size=(2, P))
    plane, s = field.on_plane(a, D), RNG.normal(size=(5, 2))
    assert plane(s) == pytest.approx(field(a + s @ D), rel=1e-13)
    assert plane.slope(s) == pytest.approx(Field(plane.function, 2).slope(s), rel=1e-5, abs=1e-6)
    assert plane.hessian(s[0]) == pytest.approx(D @ field.hessian(a + s[0] @ D) @ D.T, rel=1e-10)
    cut = field.slice({1: 0.37}, at=[9.0, 9.0, 9.0])
    assert cut([0.1, 0.2]) == pytest.approx(field([0.1, 0.37, 0.2]), rel=1e-13)  # free axes keep their coordinates
    through = field.slice({1: None, 2: 0.37}, at=[9.0, 1.9, 9.0])
    assert through([0.1]) == pytest.approx(field([0.1, 1.9, 0.37]), rel=1e-13)


def test_a_slope_beside_the_border_of_the_domain_does_not_warn():
    field = as_field(lambda x: np.where(x[:, 0] > 1.0, np.inf, x[:, 0]), n=1)
    slopes = field.slope([[1.0], [1.9], [0.37]])
    assert not np.isfinite(slopes[:2]).any()
    assert slopes[2] == pytest.approx(1.0)


def test_a_gradient_of_another_shape_is_refused():
    field = Field(lambda x: x.sum(axis=1), 2, gradient=lambda x: np.ones(2))
    with pytest.raises(errors.DataError, match=r"must have the shape of the points, \(3, 2\), got \(2,\)"):
        field.slope(np.zeros((3, 2)))
