"""Starts of the path engine: orders of entrance against scikit-learn, and what they do for the engine."""

import numpy as np
import pytest
from sklearn.linear_model import lars_path, orthogonal_mp

from ellzero import Problem
from ellzero._progress import Clock
from ellzero.solvers.exchange import KPath, path_engine
from ellzero.solvers.moves import GramMoves, moves_for
from ellzero.solvers.refit import fit_support
from ellzero.solvers.splicing import spliced
from ellzero.solvers.starts import least_angles, screened, starts


def data(seed, n=60, p=25, rho=0.0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) + np.sqrt(rho / (1 - rho)) * rng.normal(size=(n, 1))
    X = X * rng.uniform(0.37, 1.9, p) + 0.19
    return X, X[:, :5] @ rng.normal(size=5) + 1.9 * rng.normal(size=n)


def scaled(X, y):
    return (X - X.mean(axis=0)) / X.std(axis=0), y - y.mean()


@pytest.mark.parametrize("seed", range(8))
def test_least_angles_are_those_of_scikit_learn(seed):
    X, y = data(seed)
    moves = GramMoves(Problem.from_data(X, y))
    Z, centred = scaled(X, y)
    _, order, _ = lars_path(Z, centred, method="lar", max_iter=14)
    assert least_angles(moves, 14) == [int(j) for j in order]


@pytest.mark.parametrize("seed", range(4))
def test_least_angles_with_a_ridge_are_those_of_the_data_with_more_rows(seed):
    X, y = data(seed, p=8)
    problem = Problem.from_data(X, y, l2=0.37)
    Z, centred = scaled(X, y)
    more = np.vstack([Z / np.sqrt(60.0), np.diag(np.sqrt(2.0 * problem.normal.penalty.l2))])
    _, order, _ = lars_path(more, np.append(centred / np.sqrt(60.0), np.zeros(8)), method="lar", max_iter=8)
    assert least_angles(GramMoves(problem), 8) == [int(j) for j in order]


def test_least_angles_begin_beside_forced_columns():
    """Those are fitted first: the order is that of data from which they are projected out."""
    X, y = data(3)
    moves = GramMoves(Problem.from_data(X, y, forced=[7]))
    order = least_angles(moves, 6)
    assert order[0] == 7
    Z, centred = scaled(X, y)
    first = int(np.abs(Z.T @ (centred - Z[:, 7] * (Z[:, 7] @ centred) / 60.0)).argmax())
    assert order[1] == first
    assert len(set(order)) == 6


def test_least_angles_end_where_nothing_is_left():
    X, _ = data(0)
    moves = GramMoves(Problem.from_data(X, X[:, 3] - 1.9 * X[:, 4]))
    assert set(least_angles(moves, 20)[:2]) == {3, 4}


def test_screening_orders_by_marginal_correlation():
    X, y = data(1, rho=0.5)
    Z, centred = scaled(X, y)
    moves = moves_for(Problem.from_data(X, y))
    assert screened(moves) == np.argsort(-np.abs(Z.T @ centred), kind="stable").tolist()


@pytest.mark.parametrize("loss", ["squared", "logistic"])
@pytest.mark.parametrize("options", [{}, {"groups": [j // 2 for j in range(24)]}, {"forced": [3], "forbidden": [4]}])
def test_starts_are_fits_of_their_supports(loss, options):
    X, y = data(2, p=24)
    y = (y > 0).astype(float) if loss == "logistic" else y
    problem = Problem.from_data(X, y, loss=loss, l2=0.0019, **options)
    sizes = set()
    for state in starts(moves_for(problem), 4, Clock()):
        assert problem.rules.allows(sorted(state.units))
        assert state.value == pytest.approx(fit_support(problem, problem.rules.columns(state.units)).value, rel=1e-9)
        sizes.add(state.size)
    assert sizes >= {3, 4}


def test_splicing_never_leaves_a_size_worse_than_it_came():
    X, y = data(5, p=40, rho=0.9)
    last = {}
    for state in spliced(moves_for(Problem.from_data(X, y)), 8, 2, lambda size: 0.0, Clock()):
        assert state.value <= last.get(state.size, np.inf)
        last[state.size] = state.value
    assert sorted(last) == list(range(1, 9))


@pytest.mark.parametrize("seed", range(6))
def test_with_matching_pursuit_no_size_is_worse_than_its_support(seed):
    """The sweeps alone may be; random parts are taken out, so that nothing else can help."""
    X, y = data(seed, n=120, p=1200, rho=0.9)
    problem = Problem.from_data(X, y)
    engine = path_engine(problem, Clock(), 0, effort=1)
    engine._perturb = lambda hopeful: False
    found = engine.run(16)
    Z, centred = scaled(X, y)
    for k in range(1, 17):
        support = np.flatnonzero(orthogonal_mp(Z, centred, n_nonzero_coefs=k))
        assert found[k].value <= fit_support(problem, support).value * (1.0 + 1e-9)


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_thorough_search_is_never_worse_than_a_start(loss):
    X, y = data(7, n=80, p=30, rho=0.9)
    y = (y > 0).astype(float) if loss == "logistic" else y
    problem = Problem.from_data(X, y, loss=loss, l2=0.0019)
    found = KPath(moves_for(problem), Clock(), 0, effort=4).run(6)
    for state in starts(moves_for(problem), 6, Clock()):
        assert found[state.size].value <= state.value * (1.0 + 1e-9)
