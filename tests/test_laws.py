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
from ellzero.penalties import L0, L1, L2, PENALTIES, Box, ElasticNet
from ellzero.problem import Problem
from oracles import every_fit, null_objective
from strategies import questions

ARGUMENTS = {
    L0: {"l0": 0.37},
    L1: {"l1": 0.7},
    L2: {"l2": 0.11},
    ElasticNet: {"l1": 0.37, "l2": 0.19},
    Box: {"lower": -0.7, "upper": 1.9},
}
SUMS = [
    L0(0.37) + L2(0.11),
    L0(0.37) + L1(0.7),
    L0(0.19) + ElasticNet(0.11, 0.37) + Box(-1.1, 1.9),
    L0(0.7) + Box(0.0, 1.9),
    L0(0.7) + Box(-0.37, 0.37) + L1(0.11),
    L2(0.37) + Box(-1.9, 0.0),
]
EVERY = [penalty(**ARGUMENTS[penalty]) for penalty in PENALTIES] + SUMS
CONVEX = [penalty for penalty in EVERY if penalty.l0 == 0]
numbers = st.floats(-5, 5)
steps = st.floats(0.05, 3)
every_loss = pytest.mark.parametrize("loss", [loss() for loss in LOSSES], ids=lambda loss: loss.name)
every_penalty = pytest.mark.parametrize("penalty", EVERY, ids=repr)


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


@pytest.mark.parametrize("penalty", [one for one in EVERY if np.any(one.l2) or one.boxed], ids=repr)
@given(t=numbers)
def test_envelope(penalty, t):
    if np.isfinite(penalty.value(np.array([t]))):
        laws.envelope_is_the_biconjugate(penalty, t)


@pytest.mark.parametrize("penalty", CONVEX, ids=repr)
@given(t=st.one_of(numbers, st.just(0.0)))
def test_subdifferential(penalty, t):
    if np.isfinite(penalty.value(np.array([t]))):
        laws.subgradients_support(penalty, t)


@given(first=st.sampled_from(EVERY), second=st.sampled_from(EVERY), beta=st.lists(st.sampled_from([0, 0.1, -0.3, 1.4])))
def test_sums_add_up(first, second, beta):
    laws.sum_adds_up(first, second, np.array(beta, float))


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
