"""Modelled moves: exact where the loss is a quadratic, near the best model elsewhere."""

import numpy as np
import pytest

import ellzero as ez
from ellzero._linear import inverse_positive
from ellzero.operators import Dense, Standardised
from ellzero.problem import Problem
from ellzero.solvers.modelled import ModelMoves
from ellzero.solvers.refit import fit_support
from oracles import fit_support as oracle_fit
from oracles import optimum
from strategies import make_question


@pytest.mark.parametrize("groups", [None, [0, 0, 1, 2, 2, 2, 3, 4, 4]])
def test_the_model_of_squared_error_is_exact(groups):
    """With a ridge the value is a quadratic: what the model says of entering and leaving is what a refit finds."""
    rng = np.random.default_rng(37)
    X = rng.standard_normal((40, 9)) + rng.standard_normal((40, 1))
    y = X[:, 1] - X[:, 4] + 0.3 * rng.standard_normal(40)
    moves = ModelMoves(Problem.from_data(X, y, l2=0.019, groups=groups))
    state = moves.at((1, 2, 3))
    assert state is not None
    assert moves.drop_losses(state) == pytest.approx(moves.drop_values(state) - state.value, rel=1e-7)
    outside = [u for u in range(moves.problem.rules.n_units) if u not in state.units]
    gains = state.value - moves.add_values(state)[outside]
    assert moves.add_gains(state)[outside] == pytest.approx(gains, rel=1e-7, abs=1e-12)


@pytest.mark.parametrize("loss", ["logistic", "poisson"])
@pytest.mark.parametrize("limited", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_a_priced_search_finds_the_best_model(loss, limited, seed):
    limits = {"lower": -0.5, "upper": 0.5} if limited else {}
    q = make_question(seed, n=60, p=9, loss=loss, correlation=0.5, l2=0.003).asked(l0=0.019, **limits)
    result = ez.best_subset(q.X, q.y, **q.arguments(), solver="exchange")
    assert result.objective == pytest.approx(optimum(q).objective, rel=1e-7)


@pytest.mark.parametrize("loss", ["logistic", "poisson"])
@pytest.mark.parametrize("options", [{}, {"lower": -0.3, "upper": 0.3}, {"l1": 0.019}])
@pytest.mark.parametrize("seed", range(3))
def test_a_fit_is_the_minimum_wherever_it_starts(loss, options, seed):
    """The step that ends a fit early leaves nothing: cold and warm starts agree with an independent minimum."""
    q = make_question(seed, n=60, p=7, loss=loss, correlation=0.7, l2=0.0019).asked(k=5, **options)
    arguments = {name: value for name, value in q.arguments().items() if name != "k"}
    problem = Problem.from_data(q.X, q.y, **arguments)
    inside = [0, 1, 3, 5, 6]
    cold = fit_support(problem, inside)
    warm = fit_support(problem, inside, fit_support(problem, [1, 2, 4]))
    known = oracle_fit(q, inside, 0).objective
    assert [cold.value, warm.value] == pytest.approx([known, known], rel=1e-10)


@pytest.mark.parametrize("order", ["C", "F"])
def test_squares_in_one_pass(order):
    rng = np.random.default_rng(19)
    array, weight = np.array(rng.standard_normal((37, 11)) + 3.0, order=order), rng.random(37)
    Z = Standardised(Dense(array), array.mean(axis=0), array.std(axis=0))
    entries = (array - array.mean(axis=0)) / array.std(axis=0)
    assert Z.mean_square(weight) == pytest.approx(weight @ entries**2, rel=1e-13)


@pytest.mark.parametrize("rank", [6, 4])
def test_inverse_of_a_curvature(rank):
    """The inverse where there is one, else the pseudoinverse: judged by the Moore-Penrose conditions."""
    factor = np.random.default_rng(3).standard_normal((6, rank))
    matrix = factor @ factor.T
    inverse = inverse_positive(matrix)
    assert matrix @ inverse @ matrix == pytest.approx(matrix, abs=1e-9)
    assert inverse @ matrix @ inverse == pytest.approx(inverse, rel=1e-6, abs=1e-9)
    assert inverse == pytest.approx(inverse.T, abs=1e-12)
