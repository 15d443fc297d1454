"""Exchanges of two units: against every exchange there is, and what they add to a search."""

from itertools import combinations

import numpy as np
import pytest

import ellzero as ez
from ellzero import Problem
from ellzero._progress import Clock
from ellzero.operators import GramRows
from ellzero.solvers.exchange import KPath, path_engine
from ellzero.solvers.moves import GramMoves
from ellzero.solvers.pairs import pair_exchanges
from ellzero.solvers.refit import fit_support


def question(seed, n=40, p=13, rho=0.8, **options):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) + np.sqrt(rho / (1 - rho)) * rng.normal(size=(n, 1))
    return Problem.from_data(X, X @ rng.normal(size=p) + 1.9 * rng.normal(size=n), **options)


def best_by_hand(problem, units, n_out, n_in, stays=()):
    """Least value after an exchange of so many, every support fitted."""
    outside = [j for j in range(problem.n_features) if j not in units]
    return min(
        fit_support(problem, [u for u in units if u not in out] + list(into)).value
        for out in combinations([u for u in units if u not in stays], n_out)
        for into in combinations(outside, n_in)
    )


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("options", [{}, {"l2": 0.037}, {"forced": [3]}], ids=str)
@pytest.mark.parametrize("seed", range(4))
def test_the_best_exchanges_are_found(seed, options, single):
    problem = question(seed, **options)
    rows = GramRows(problem.normal.Z, problem.weight, problem.normal.y, single=True) if single else problem.gram
    moves = GramMoves(problem, rows)
    state = moves.at(moves.start().units + tuple(j for j in (1, 5, 6, 11, 8) if j not in problem.rules.forced))
    stays = [3] if "forced" in options else []
    found = {(len(set(state.units) - s.key), len(s.key - set(state.units))): s for s in pair_exchanges(moves, state)}
    assert set(found) == {(2, 2), (2, 1), (1, 2)}
    for (n_out, n_in), after in found.items():
        assert after.value == pytest.approx(best_by_hand(problem, state.units, n_out, n_in, stays), rel=1e-6)
        assert set(stays) <= after.key


def test_dependent_columns_do_not_enter_together():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(30, 6))
    X[:, 5] = X[:, 4] - 0.37 * X[:, 1]
    moves = GramMoves(Problem.from_data(X, X[:, 5] + X[:, 4] + 0.1 * rng.normal(size=30)))
    for after in pair_exchanges(moves, moves.at((1, 2, 3))):
        assert not {1, 4, 5} <= after.key


@pytest.mark.parametrize("compiled", [False, True])
def test_they_find_what_single_swaps_cannot(compiled):
    """Two columns that explain the target together and nothing alone, beside two that each explain a part."""
    rng = np.random.default_rng(0)
    a, b, noise = rng.normal(size=(3, 400))
    y = a + 0.019 * noise
    X = np.column_stack([a + 19.0 * b, b, a + 0.9 * rng.normal(size=400), a + 0.9 * rng.normal(size=400)])
    X = np.column_stack([X, rng.normal(size=(400, 3))])
    problem = Problem.from_data(X, y)
    engine = path_engine if compiled else lambda *args: KPath(GramMoves(args[0]), *args[1:])
    # sweeps from size 1 and 3 may find the pair, too: hold the search to one size
    found = {}
    for effort in (1, 4):
        walk = engine(problem, Clock(), 3, effort)
        found[effort] = walk.run(2)[2].key
    assert found[4] == {0, 1}


def test_effort_is_heard_by_the_path():
    rng = np.random.default_rng(4)
    X = rng.normal(size=(50, 200)) + 3.0 * rng.normal(size=(50, 1))
    y = X[:, :9] @ rng.choice([-1.0, 1.0], 9) + rng.normal(size=50)
    losses = [[r.loss for r in ez.path(X, y, k=12, solver=ez.solvers.Exchange(effort=effort))] for effort in (0, 1, 8)]
    assert all(more <= less + 1e-12 for less, more in zip(losses[1], losses[2], strict=True))
    assert sum(losses[2]) < sum(losses[0])
    again = ez.path(X, y, k=12, solver=ez.solvers.Exchange(effort=8))
    assert [r.loss for r in again] == losses[2]
    with pytest.raises(ez.errors.ArgumentError, match="effort"):
        ez.solvers.Exchange(effort=-1)
