"""The laws, for every loss, penalty and operator that the library lists."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import laws
from ellzero.losses import LOSSES
from ellzero.operators import Dense, Sparse, Standardised, check_adjoint
from ellzero.penalties import (
    L0,
    L1,
    L2,
    MCP,
    PENALTIES,
    SCAD,
    Box,
    ElasticNet,
    Folded,
    GroupL0,
    GroupL2,
    LogSum,
    Lp,
    Separable,
)
from ellzero.problem import Problem
from oracles import every_fit, null_objective
from strategies import questions

ARGUMENTS = {
    L0: {"l0": 0.37},
    L1: {"l1": 0.7},
    L2: {"l2": 0.11},
    ElasticNet: {"l1": 0.37, "l2": 0.19},
    Box: {"lower": -0.7, "upper": 1.9},
    Lp: {"strength": 0.37, "p": 0.5},
    MCP: {"strength": 0.37, "gamma": 1.9},
    SCAD: {"strength": 0.37, "gamma": 2.7},
    LogSum: {"strength": 0.37, "epsilon": 0.19},
    GroupL0: {"strength": 0.37, "groups": ["all"]},
    GroupL2: {"strength": 0.37, "groups": ["all"], "weights": [1.9]},
}
SUMS = [
    L0(0.37) + L2(0.11),
    L0(0.37) + L1(0.7),
    L0(0.19) + ElasticNet(0.11, 0.37) + Box(-1.1, 1.9),
    L0(0.7) + Box(0.0, 1.9),
    L0(0.7) + Box(-0.37, 0.37) + L1(0.11),
    L2(0.37) + Box(-1.9, 0.0),
]
FOLDED = [
    Lp(0.7, 2 / 3),
    Lp(0.37, 0.19),
    Lp(0.37, 0.9) + Box(-0.7, 1.1),
    Lp(1.9, 0.5) + L2(0.11),
    MCP(0.7, 0.37),
    MCP(0.37, 1.9) + L2(0.19) + L0(0.11),
    L1(0.19) + MCP(1.1, 1.1) + Box(-0.7, 1.9),
    SCAD(0.7, 1.1),
    SCAD(0.37, 3.7) + Box(0.0, 1.1),
    SCAD(0.37, 1.9) + ElasticNet(0.11, 0.19),
    LogSum(1.9, 0.037),
    LogSum(0.37, 1.9) + Box(-1.9, 0.7) + L1(0.11),
]
SUMMED = [penalty(**ARGUMENTS[penalty]) for penalty in PENALTIES if issubclass(penalty, Separable)] + SUMS
GROUPED = [GroupL0(**ARGUMENTS[GroupL0]), GroupL2(**ARGUMENTS[GroupL2])]
EVERY = SUMMED + [penalty(**ARGUMENTS[penalty]) for penalty in PENALTIES if issubclass(penalty, Folded)] + FOLDED
BROAD = EVERY + GROUPED
CONVEX = [penalty for penalty in SUMMED if penalty.l0 == 0]
numbers = st.floats(-5, 5)
steps = st.floats(0.05, 3)
every_loss = pytest.mark.parametrize("loss", [loss() for loss in LOSSES], ids=lambda loss: loss.name)
every_penalty = pytest.mark.parametrize("penalty", BROAD, ids=repr)


def response(loss, draw):
    by_name = {
        "squared": draw,
        "logistic": float(draw > 0),
        "poisson": float(abs(round(draw))),
        "gamma": 0.019 + abs(draw),
        "huber": draw,
        "squared_hinge": float(draw > 0),
    }
    return by_name[loss.name]


CANONICAL = ("squared", "logistic", "poisson")  # what is left of the mean is the gradient


@every_penalty
@given(v=numbers, step=steps)
def test_prox_minimises(penalty, v, step):
    laws.prox_minimises(penalty, v, step)
    laws.ties_go_to_zero(penalty, v, step)


def test_tie_of_the_hard_threshold_is_zero():
    """At v^2 = 2 t l0 exactly, in numbers that double precision holds: v = 2, t = 1, l0 = 2."""
    np.testing.assert_array_equal(L0(2.0).prox(np.array([2.0, -2.0, 2.0000001]), 1.0), [0.0, 0.0, 2.0000001])


@every_penalty
@given(v=numbers)
def test_conjugate(penalty, v):
    laws.fenchel_young(penalty, v)


@pytest.mark.parametrize("penalty", [one for one in SUMMED if np.any(one.l2) or one.boxed], ids=repr)
@given(t=numbers)
def test_envelope(penalty, t):
    if np.isfinite(penalty.value(np.array([t]))):
        laws.envelope_is_the_biconjugate(penalty, t)


@pytest.mark.parametrize("penalty", CONVEX, ids=repr)
@given(t=st.one_of(numbers, st.just(0.0)))
def test_subdifferential(penalty, t):
    if np.isfinite(penalty.value(np.array([t]))):
        laws.subgradients_support(penalty, t)


@given(
    first=st.sampled_from(EVERY), second=st.sampled_from(SUMMED), beta=st.lists(st.sampled_from([0, 0.1, -0.3, 1.4]))
)
def test_sums_add_up(first, second, beta):
    laws.sum_adds_up(first, second, np.array(beta, float))
    laws.sum_adds_up(second, first, np.array(beta, float))


@every_loss
@given(draw=numbers, eta=numbers, other=numbers)
def test_losses(loss, draw, eta, other):
    y = response(loss, draw)
    laws.derivatives_fit(loss, y, eta)
    laws.never_negative_and_zero_at_saturation(loss, y, eta)
    laws.conjugate_touches(loss, y, eta, other)
    laws.clipped_duals_are_in_the_domain(loss, y, other)
    at = np.array([eta])
    if loss.name in CANONICAL:
        assert loss.gradient(np.array([y]), at)[0] == pytest.approx(loss.inverse_link(at)[0] - y)
    expected = np.clip(eta, -1.0, 1.0) if loss.name == "squared_hinge" else eta
    assert loss.link(loss.inverse_link(at))[0] == pytest.approx(expected, abs=1e-9)


@every_loss
@given(seed=st.integers(0, 999))
def test_null_intercept_minimises(loss, seed):
    rng = np.random.default_rng(seed)
    y = np.array([response(loss, draw) for draw in [-1.9, 0.7, *rng.normal(0.37, 3.0, 7)]])
    weight = rng.random(9) + 0.019
    weight /= weight.sum()
    best = loss.null_intercept(y, weight)

    def value(constant):
        return loss.mean(y, np.full(9, constant), weight)

    for step in (1e-4, 0.37, 1.9):
        assert value(best) <= min(value(best - step), value(best + step)) * (1 + 1e-14)


@every_loss
@pytest.mark.parametrize("eta", [-300.0, 300.0])
def test_losses_far_out_stay_finite_where_they_are(loss, eta):
    """exp(300) is a number; the logistic loss must not overflow on its way to 300."""
    y = response(loss, 1.0)
    assert np.isfinite(loss.value(np.array([y]), np.array([eta]))[0])
    assert np.isfinite(loss.gradient(np.array([y]), np.array([eta]))[0])


def test_likelihoods_have_all_their_constants():
    """Half the deviance plus the saturated model's is the negative log-likelihood of SciPy's distributions."""
    eta = np.array([-1.9, 0.37, 1.1])
    by_name = {loss.name: loss() for loss in LOSSES}
    y = np.array([0.0, 1.0, 1.0])
    nll = by_name["logistic"].value(y, eta) + by_name["logistic"].saturated_nll(y)
    np.testing.assert_allclose(nll, -stats.bernoulli.logpmf(y, 1 / (1 + np.exp(-eta))), rtol=1e-12)
    y = np.array([0.0, 3.0, 7.0])
    nll = by_name["poisson"].value(y, eta) + by_name["poisson"].saturated_nll(y)
    np.testing.assert_allclose(nll, -stats.poisson.logpmf(y, np.exp(eta)), rtol=1e-12)


@pytest.mark.parametrize("make", [GroupL0, GroupL2])
@given(v=st.lists(numbers, min_size=3, max_size=3), step=steps)
def test_prox_of_groups(make, v, step):
    """Two columns in a group of weight 0.37, apart from each other, against a grid over the plane."""
    penalty, v = make(0.7, ["a", "b", "a"], weights=[0.37, 1.9]), np.array(v)
    at = penalty.prox(v, step)
    found = 0.5 * np.sum((at - v) ** 2) + step * penalty.value(at)
    line = np.linspace(-5, 5, 201)
    line = np.append(line, 0.0)
    one = 0.5 * (line - v[1]) ** 2 + step * np.array([penalty.value([0, t, 0]) for t in line])
    spread = np.array([0.0, 0.37, 0.5, 0.9, 1.0])[:, None] * v[[0, 2]]
    two = [0.5 * np.sum((t - v[[0, 2]]) ** 2) + step * penalty.value([t[0], 0, t[1]]) for t in spread]
    plane = [
        0.5 * ((x - v[0]) ** 2 + (z - v[2]) ** 2) + step * penalty.value([x, 0, z])
        for x in line[::8]
        for z in line[::8]
    ]
    assert found <= one.min() + min([*two, *plane]) + 1e-9


def test_conjugates_of_groups_are_indicators():
    penalty = GroupL2(0.7, ["a", "b", "a"], weights=[1.9, 0.37])
    np.testing.assert_array_equal(penalty.conjugate([0.7, 0.25, 1.1]), [0.0, 0.0])
    np.testing.assert_array_equal(penalty.conjugate([0.7, 0.27, 1.2]), [np.inf, np.inf])
    np.testing.assert_array_equal(GroupL0(0.7, [0, 1]).conjugate([0.0, 0.1]), [0.0, np.inf])


@pytest.mark.parametrize("penalty", [one for one in EVERY if isinstance(one, Folded)], ids=repr)
@given(t=st.floats(0.01, 5), side=st.sampled_from([-1, 1]))
def test_slopes_of_folded_penalties(penalty, t, side):
    """Off zero the subdifferential is the slope of the value, on both sides."""
    at, near = side * t, 1e-6 * t
    if not np.isfinite(penalty.value([at + near])) or not np.isfinite(penalty.value([at - near])):
        return
    low, high = (end[0] for end in penalty.subdifferential(np.array([at])))
    slope = (penalty.value([at + near]) - penalty.value([at - near])) / (2 * near)
    bent = 1e-5 * (1 + 1 / t) ** 2
    assert low - bent <= slope <= high + bent


def operators():
    rng = np.random.default_rng(37)
    A = np.where(rng.random((19, 7)) < 0.4, rng.standard_normal((19, 7)), 0.0)
    A[:, 6] += 1.9
    centre, scale = A.mean(0), A.std(0)
    dense, sparse = Dense(A), Sparse(sp.csc_matrix(A))
    return [
        (dense, A),
        (sparse, A),
        (Standardised(dense, centre, scale), (A - centre) / scale),
        (Standardised(sparse, centre, scale), (A - centre) / scale),
        (Standardised(sparse, centre, scale).rows(np.arange(3, 17)), ((A - centre) / scale)[3:17]),
    ]


@pytest.mark.parametrize(
    ("operator", "matrix"), operators(), ids=["dense", "sparse", "std dense", "std sparse", "rows"]
)
def test_operators_are_their_matrices(operator, matrix):
    rng = np.random.default_rng(19)
    n, p = matrix.shape
    beta, r, w = rng.standard_normal(p), rng.standard_normal(n), rng.random(n)
    w /= w.sum()
    assert operator.shape == matrix.shape
    check_adjoint(operator)
    np.testing.assert_allclose(operator.forward(beta), matrix @ beta, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(operator.adjoint(r), matrix.T @ r, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(operator.columns(np.array([4, 1])), matrix[:, [4, 1]], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(operator.rows(np.array([5, 2])).forward(beta), matrix[[5, 2]] @ beta, atol=1e-12)
    mean, spread = operator.moments(w)
    np.testing.assert_allclose(mean, w @ matrix, atol=1e-12)
    np.testing.assert_allclose(spread, w @ (matrix - w @ matrix) ** 2, rtol=1e-10, atol=1e-12)
    origin = rng.standard_normal(p)
    np.testing.assert_allclose(operator.squares_about(origin, w), w @ (matrix - origin) ** 2, rtol=1e-10)


@given(q=questions(losses=("squared", "logistic", "poisson"), max_columns=4), seed=st.integers(0, 99))
def test_any_dual_vector_bounds_any_node(q, seed):
    """Random residuals, repaired to the domain, against brute force of the node."""
    rng = np.random.default_rng(seed)
    problem = Problem.from_data(q.X, q.y, **q.arguments())
    side = rng.integers(0, 3, len(q.units))
    forced = np.array([bool(set(unit) & set(q.forced)) for unit in q.units])
    outside = np.array([bool(set(unit) & set(q.forbidden)) for unit in q.units]) | ((side == 2) & ~forced)
    inside = forced | ((side == 1) & ~outside)
    if q.k is not None and inside.sum() > q.k:
        return
    node = q.asked(
        forced=tuple(j for unit, taken in zip(q.units, inside, strict=True) if taken for j in unit),
        forbidden=tuple(j for unit, taken in zip(q.units, outside, strict=True) if taken for j in unit),
    )
    best = every_fit(node)[0].objective
    eta = q.X @ every_fit(node)[-1].coef * rng.choice([0.0, 0.7, 1.0])
    kept = slice(None) if q.sample_weight is None else q.sample_weight > 0
    r = -problem.loss.gradient(problem.y, eta[kept])
    if q.fit_intercept:
        r = r - problem.weight @ r
    assert problem.dual_bound(r, inside, outside) <= best + 1e-10 * null_objective(q)
