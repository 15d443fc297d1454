"""Every law fails on a twin that is broken in the way the law is there to catch."""

import dataclasses

import numpy as np
import pytest

import ellzero as ez
import laws
from ellzero.losses import Logistic, Poisson, SquaredError
from ellzero.operators import Dense, Standardised, check_adjoint
from ellzero.penalties import L0, L1, Box, ElasticNet
from ellzero.problem import Problem
from judging import judge_answer, judge_proof
from oracles import null_objective, optimum
from strategies import make_question
from test_laws import SUMS


class WrongThreshold(L0):
    """sqrt(2 t l0) written as t l0, the slip found in a published package."""

    def prox(self, v, step):
        return np.where(np.abs(v) > step * self.l0, v, 0.0)


class TieKept(L0):
    """Ties go to v instead of 0."""

    def prox(self, v, step):
        return np.where(v * v >= 2 * step * self.l0, v, 0.0)


class ForgetsTheStep(L1):
    """Soft threshold at l1 instead of step times l1."""

    def prox(self, v, step):
        return np.sign(v) * np.maximum(np.abs(v) - self.l1, 0.0)


class RidgeOnTheWrongScale(ElasticNet):
    """v / (1 + l2) for a penalty of l2 b^2: a factor of two, as when l2/2 was meant."""

    def prox(self, v, step):
        return np.sign(v) * np.maximum(np.abs(v) - step * self.l1, 0.0) / (1 + step * self.l2)

    def conjugate(self, v):
        return np.maximum(np.abs(v) - self.l1, 0.0) ** 2 / (2 * self.l2)


class ConjugateTooSmall(Box):
    """The conjugate of a box taken at its middle."""

    def conjugate(self, v):
        return np.abs(v) * (self.upper - self.lower) / 4


class OneSidedSubdifferential(L1):
    """The subdifferential at zero reduced to the sign of zero, and doubled elsewhere."""

    def subdifferential(self, beta):
        return 2 * self.l1 * np.sign(beta), 2 * self.l1 * np.sign(beta)


class LosesATerm(L0):
    """A sum that keeps only the second term."""

    def __add__(self, other):
        return other


@pytest.mark.parametrize(
    ("law", "twin", "point"),
    [
        (laws.prox_minimises, WrongThreshold(0.37), (0.9, 1.9)),
        (laws.prox_minimises, ForgetsTheStep(0.37), (1.1, 1.9)),
        (laws.prox_minimises, RidgeOnTheWrongScale(0.37, 0.19), (1.9, 0.7)),
        (laws.ties_go_to_zero, TieKept(2.0), (2.0, 1.0)),
        (laws.fenchel_young, RidgeOnTheWrongScale(0.37, 0.019), (-0.37 - 0.1,)),
        (laws.fenchel_young, ConjugateTooSmall(-0.7, 1.9), (1.9,)),
        (laws.subgradients_support, OneSidedSubdifferential(0.37), (0.7,)),
        (laws.sum_adds_up, LosesATerm(0.37), (L1(0.19), np.array([1.9, 0.0]))),
    ],
    ids=lambda value: getattr(value, "__name__", None) or type(value).__name__,
)
def test_a_broken_penalty_is_caught(law, twin, point):
    with pytest.raises(AssertionError):
        law(twin, *point)


def test_a_wrong_envelope_is_caught():
    twin = SUMS[0]

    class Lasso(type(twin)):
        def envelope(self, beta):
            return self.l0 * np.abs(beta)

    with pytest.raises(AssertionError):
        laws.envelope_is_the_biconjugate(Lasso(l0=0.37, l2=0.11), 1.9)
    laws.envelope_is_the_biconjugate(twin, 1.9)


class TwiceTheLoss(SquaredError):
    """The whole square instead of half of it."""

    def value(self, y, eta):
        return (y - eta) ** 2


class SignedLabels(Logistic):
    """The curvature of labels -1 and 1 with a factor lost."""

    def curvature(self, y, eta):
        return 4 * super().curvature(y, eta)


class WithoutSaturation(Poisson):
    """exp(eta) - y eta, without the saturated model's likelihood: not a deviance, and negative."""

    def value(self, y, eta):
        return np.exp(eta) - y * eta


class ConjugateOfAnotherSign(SquaredError):
    """u^2/2 - u y: the conjugate for the residual's sign turned round."""

    def conjugate(self, y, u):
        return u * (0.5 * u - y)


class WholeLine(Logistic):
    """Duals left where they were, outside the domain of the entropy."""

    def clip_dual(self, y, u):
        return u


@pytest.mark.parametrize(
    ("law", "twin", "point"),
    [
        (laws.derivatives_fit, TwiceTheLoss(), (0.37, 1.9)),
        (laws.derivatives_fit, SignedLabels(), (1.0, 0.7)),
        (laws.never_negative_and_zero_at_saturation, WithoutSaturation(), (7.0, 1.1)),
        (laws.conjugate_touches, ConjugateOfAnotherSign(), (0.37, 1.9, -0.7)),
        (laws.clipped_duals_are_in_the_domain, WholeLine(), (1.0, 3.7)),
    ],
    ids=lambda value: getattr(value, "__name__", None) or type(value).__name__,
)
def test_a_broken_loss_is_caught(law, twin, point):
    with pytest.raises(AssertionError):
        law(twin, *point)


def test_a_broken_adjoint_is_caught():
    A = np.random.default_rng(3).standard_normal((9, 4)) + 1.9

    class ForgetsTheCentre(Standardised):
        def adjoint(self, r):
            return self.base.adjoint(r) / self.scale

    with pytest.raises(AssertionError):
        check_adjoint(ForgetsTheCentre(Dense(A), A.mean(0), A.std(0)))


class TooHopeful:
    """A bound that charges one conjugate too few."""

    def __init__(self, problem):
        self.problem = dataclasses.replace(problem, k=problem.k - 1)

    def dual_bound(self, r, inside, outside):
        return self.problem.dual_bound(r, inside, outside)


def test_a_bound_above_the_optimum_is_caught():
    q = make_question(3, n=30, p=6, l2=0.37, form="k").asked(k=2)
    best, null = optimum(q), null_objective(q)
    problem = Problem.from_data(q.X, q.y, **q.arguments())
    r = q.y - q.X @ best.coef - best.intercept
    nothing = np.zeros(6, bool)
    laws.bound_holds(problem, r, nothing, nothing, best.objective, null)
    with pytest.raises(AssertionError):
        laws.bound_holds(TooHopeful(problem), r, nothing, nothing, best.objective, null)


@pytest.fixture
def answered():
    q = make_question(8, n=30, p=6, l2=0.019, form="both").asked(k=3)
    return q, ez.best_subset(q.X, q.y, **q.arguments())


@pytest.mark.parametrize(
    "change",
    [
        lambda result: {"objective": result.objective * (1 - 1e-6)},
        lambda result: {"loss": result.loss * 2},
        lambda result: {"coef": result.coef * 1.001},
        lambda result: {"intercept": result.intercept + 0.037},
        lambda result: {"support": result.support[::-1]},
        lambda result: {"support": result.support[1:]},
        lambda result: {"k": result.k + 1},
    ],
    ids=["objective", "loss", "coefficients", "intercept", "unsorted", "support", "size"],
)
def test_a_wrong_answer_is_caught(answered, change):
    q, result = answered
    judge_answer(q, result)
    with pytest.raises(AssertionError):
        judge_answer(q, dataclasses.replace(result, **change(result)))


@pytest.mark.parametrize(
    "change",
    [
        lambda result: {"proved": dataclasses.replace(result.proved, lower_bound=result.objective * (1 + 1e-9))},
        lambda result: {"proved": dataclasses.replace(result.proved, gap=0.37)},
        lambda result: {"proved": dataclasses.replace(result.proved, lower_bound=0.9 * result.objective, gap=0.1)},
        lambda result: {"objective": 0.999 * result.objective},
    ],
    ids=["bound above", "another gap", "optimal with a gap", "better than the best"],
)
def test_a_wrong_proof_is_caught(answered, change):
    q, result = answered
    judge_proof(q, result, optimum(q))
    with pytest.raises(AssertionError):
        judge_proof(q, dataclasses.replace(result, **change(result)), optimum(q))
