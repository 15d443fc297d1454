"""The compiled path engine: its moves against direct algebra, in both precisions, and what it answers."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.sparse import csc_array

import ellzero.operators.gram as gram
from ellzero import Problem, _progress
from ellzero._kernels.exchange import Fitted, best_swap, exchange
from ellzero._progress import Clock
from ellzero.solvers.exchange import KPath, best_state, path_engine
from ellzero.solvers.grampath import GramPath, rows_of
from ellzero.solvers.moves import GramMoves
from ellzero.solvers.refit import fit_support


def correlated(seed, n, p, rho=0.7, noise=1.0, k=6):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) + np.sqrt(rho / (1 - rho)) * rng.normal(size=(n, 1))
    beta = np.zeros(p)
    beta[rng.choice(p, k, replace=False)] = rng.choice([-1.0, 1.0], k)
    return X, X @ beta + noise * rng.normal(size=n)


def problem_of(X, y, **options):
    options.setdefault("l2", 0.0)
    return Problem.from_data(X, y, **options)


def moves_of(problem, single):
    rows = gram.GramRows(problem.normal.Z, problem.weight, problem.normal.y, single=True) if single else problem.gram
    return GramMoves(problem, rows)


def fitted(state, more=0):
    """A copy of a state as the kernels take it, with room for more members."""
    f, k = state.facts, state.size
    members, b, A = np.zeros(k + more, np.int64), np.zeros(k + more), np.zeros((k + more, k + more))
    members[:k], b[:k], A[:k, :k] = state.units, f["b"], f["A"]
    return Fitted(members, A, b, f["c"].copy(), f["d"].copy(), np.array([state.value]))


def by_hand(problem, members):
    """A, b, value, c and d of a support, from the scaled columns."""
    root = np.sqrt(problem.weight)
    Z = root[:, None] * problem.normal.Z.columns(np.arange(problem.n_features))
    ridge, y = 2.0 * problem.normal.penalty.l2, root * problem.normal.y
    S = list(members)
    A = np.linalg.inv(Z[:, S].T @ Z[:, S] + np.diag(ridge[S]))
    b = A @ (Z[:, S].T @ y)
    U = A @ (Z[:, S].T @ Z)
    c = Z.T @ (y - Z[:, S] @ b)
    d = (Z * Z).sum(axis=0) + ridge - ((Z[:, S].T @ Z) * U).sum(axis=0)
    value = 0.5 * (y @ y - b @ (Z[:, S].T @ y))
    c[S] = d[S] = 0.0
    return A, b, value, c, d, U


def swap_gains(problem, members):
    """By how much twice the value falls when each member goes for each column; also the columns' own gains."""
    A, b, _, c, d, U = by_hand(problem, members)
    pivot, inside = np.diag(A)[:, None], list(members)
    U[:, inside], d[inside] = 0.0, 1.0
    after = (c + b[:, None] / pivot * U) ** 2 / (d + U**2 / pivot) - b[:, None] ** 2 / pivot
    after[:, inside] = -np.inf
    return after, c * c / d


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("l2", [0.0, 0.03])
def test_moves_keep_what_a_direct_solve_gives(single, l2):
    X, y = correlated(0, 60, 150)
    problem = problem_of(X, y, l2=l2, sample_weight=np.random.default_rng(1).uniform(0.5, 2, 60))
    moves, rng = moves_of(problem, single), np.random.default_rng(2)
    moves.gram.ensure(range(150))
    fit, k = fitted(moves.start(), 12), 0
    for turn in range(60):
        outside = np.setdiff1d(np.arange(150), fit.members[:k])
        kind = "add" if k < 2 else "drop" if k == 11 else rng.choice(["add", "drop", "swap"])
        s = int(rng.integers(k)) if kind != "add" else -1
        j = int(rng.choice(outside)) if kind != "drop" else -1
        expected = {int(m) for t, m in enumerate(fit.members[:k]) if t != s} | ({j} if j >= 0 else set())
        k = exchange(rows_of(moves), fit, k, s, j)
        assert {int(m) for m in fit.members[:k]} == expected, (turn, kind)
        A, b, value, c, d, _ = by_hand(problem, fit.members[:k])
        np.testing.assert_allclose(fit.A[:k, :k], A, rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(fit.b[:k], b, rtol=1e-8, atol=1e-10)
        assert fit.value[0] == pytest.approx(value, rel=1e-9)
        room = 1e-5 if single else 1e-9
        np.testing.assert_allclose(fit.c, c, atol=room)
        np.testing.assert_allclose(fit.d, d, atol=room)


@pytest.mark.parametrize("single", [False, True])
def test_a_dependent_column_does_not_enter(single):
    X, y = correlated(3, 40, 20)
    X[:, 7] = 2.0 * X[:, 3] - X[:, 5]
    moves = moves_of(problem_of(X, y), single)
    moves.gram.ensure(range(20))
    fit = fitted(moves.at((3, 5)), 2)
    before = fit.A.copy(), fit.value.copy()
    assert exchange(rows_of(moves), fit, 2, -1, 7) == 2
    np.testing.assert_array_equal(fit.A, before[0])
    assert fit.value[0] == before[1][0]
    assert exchange(rows_of(moves), fit, 2, 0, 7) == 2  # of one of the two it does not depend
    assert set(fit.members[:2].tolist()) == {5, 7}


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("single", [False, True])
def test_best_swap_is_the_best_of_all(seed, single):
    """More columns than are scored together, random supports: most exchanges could pay."""
    X, y = correlated(seed, 50, 1300, rho=0.1 if seed % 2 else 0.9)
    problem = problem_of(X, y, l2=0.02 if seed % 3 == 0 else 0.0)
    moves, rng = moves_of(problem, single), np.random.default_rng(seed)
    units = tuple(rng.choice(1300, 7, replace=False).tolist())
    state = moves.at(units)
    after, own = swap_gains(problem, units)
    s, j = best_swap(rows_of(moves), fitted(state), 7, 0.0, np.empty(1300), np.empty(7))
    found = after[list(units).index(state.units[s]), j]
    # those with a large gain of their own come first: what it takes is an improvement, and the best of those
    near = own > 0.4 * own.max()
    assert found > 0
    assert found == pytest.approx(after[:, near].max(), rel=1e-4)


@pytest.mark.parametrize("single", [False, True])
def test_no_swap_is_left_out_at_a_swap_optimum(single):
    """Where the shortlist has nothing to offer, all columns that could matter are looked at."""
    X, y = correlated(11, 80, 1100, rho=0.8)
    problem = problem_of(X, y)
    moves = moves_of(problem, single)
    engine = GramPath(moves, Clock(), 0)
    for k, state in engine.run(9).items():
        if k == 0:
            continue
        assert state.value == pytest.approx(by_hand(problem, state.units)[2], rel=1e-9)
        assert swap_gains(problem, state.units)[0].max() <= 1e-6 * problem.null_loss, k


def test_columns_are_many_or_few():
    X, y = correlated(5, 30, 2200)
    wide, narrow = problem_of(X, y), problem_of(X[:, :40], y)
    assert wide.quick_gram.single
    assert wide.quick_gram.store.dtype == np.float32
    assert not narrow.quick_gram.single
    assert isinstance(path_engine(wide, Clock(), for_start=True), GramPath)
    assert type(path_engine(narrow, Clock(), for_start=True)) is KPath
    assert isinstance(path_engine(narrow, Clock()), GramPath)


def test_both_precisions_find_the_same_path():
    X, y = correlated(6, 120, 1500, rho=0.5)
    problem = problem_of(X, y)
    single = GramPath(moves_of(problem, True), Clock(), 0).run(12)
    double = GramPath(moves_of(problem, False), Clock(), 0).run(12)
    for k in range(13):
        assert single[k].value == pytest.approx(double[k].value, rel=1e-9), k


def test_sparse_columns_give_what_dense_ones_give():
    """Sparse data are centred implicitly; their rows are in single precision, too, where columns are many."""
    rng = np.random.default_rng(5)
    X = np.where(rng.random((60, 1100)) < 0.19, rng.normal(loc=0.37, size=(60, 1100)), 0.0)
    y = X[:, :6] @ [1.0, -1.9, 0.37, 1.0, -1.0, 1.9] + 0.37 * rng.normal(size=60)
    sparse, dense = problem_of(csc_array(X), y), problem_of(X, y)
    assert sparse.quick_gram.single
    found, expected = (path_engine(p, Clock(), 0).run(8) for p in (sparse, dense))
    for k in range(9):
        assert found[k].key == expected[k].key, k
        assert found[k].value == pytest.approx(expected[k].value, rel=1e-9), k


def test_a_kick_spares_what_no_exchange_could_replace():
    """Two columns carry all the signal: what is drawn to leave are the others."""
    X, y = correlated(7, 60, 30, rho=0.1, noise=1.0)
    y = y + 19.0 * X[:, 4] - 19.0 * X[:, 9]
    moves = GramMoves(problem_of(X, y))
    state = moves.at((4, 9, 1, 2, 3))
    weak = {state.units[s] for s in moves.replaceable(state, moves.reach(state))}
    assert weak
    assert not weak & {4, 9}
    after, _ = swap_gains(moves.problem, state.units)
    assert {state.units[s] for s in np.flatnonzero(after.max(axis=1) > 0)} <= weak


def test_data_without_noise_are_explained_in_single_precision():
    X, y = correlated(7, 60, 2000, rho=0.3, noise=0.0, k=8)
    states = path_engine(problem_of(X, y), Clock(), 0).run(8)
    problem = problem_of(X, y)
    assert states[8].value <= 1e-12 * problem.null_loss
    assert states[7].value > 1e-4 * problem.null_loss


def test_copies_and_forbidden_columns_stay_out_in_single_precision():
    X, y = correlated(8, 70, 1100, rho=0.4)
    X[:, 550:] = X[:, :550] * np.linspace(-3, 3, 550)  # each column twice, in another unit
    best = np.argsort(-np.abs(X[:, :550].T @ (y - y.mean())))[:20]
    problem = problem_of(X, y, forbidden=best.tolist())
    for k, state in path_engine(problem, Clock(), 0).run(15).items():
        kinds = [u % 550 for u in state.units]
        assert len(set(kinds)) == k
        assert not set(state.units) & set(best.tolist())


def test_an_exchange_that_was_rounding_ends_no_descent():
    """Copies of members look a little useful in single precision; the exchanges behind them are found all the same."""
    X, y = correlated(15, 90, 1400, rho=0.95, k=20)
    X[:, 700:] = X[:, :700] * np.linspace(0.5, 2.0, 700)
    problem = problem_of(X, y)
    doubtful = GramMoves(problem, gram.GramRows(problem.normal.Z, problem.weight, problem.normal.y, single=True))
    compute, rng = doubtful.gram._compute, np.random.default_rng(0)

    def astray(at, out):
        """Rows with errors that lead scores astray."""
        compute(at, out)
        out *= 1 + 1e-4 * rng.normal(size=out.shape).astype(np.float32)

    doubtful.gram._compute = astray
    rough = GramPath(doubtful, Clock(), 0).run(20)
    exact = GramPath(moves_of(problem, False), Clock(), 0).run(20)
    for k in range(1, 21):
        assert rough[k].value == pytest.approx(by_hand(problem, rough[k].units)[2], rel=1e-7)
        assert rough[k].value <= 1.1 * exact[k].value, k


def test_the_seed_decides():
    X, y = correlated(9, 60, 400, rho=0.9)
    paths = [path_engine(problem_of(X, y), Clock(), 4, effort=2).run(20) for _ in range(2)]
    assert [s.units for s in paths[0].values()] == [s.units for s in paths[1].values()]


def test_sizes_beyond_the_first_room():
    X, y = correlated(10, 200, 300)
    problem = problem_of(X, y)
    states = path_engine(problem, Clock(), 0).run(90)
    assert sorted(states) == list(range(91))
    values = [states[k].value for k in range(91)]
    assert all(later < earlier for earlier, later in pairwise(values))
    for k in (63, 64, 65, 90):
        assert states[k].value == pytest.approx(by_hand(problem, states[k].units)[2], rel=1e-8)


@pytest.mark.parametrize("p", [400, 1200])
def test_forgotten_rows_change_nothing(monkeypatch, p):
    """Room for fewer rows than the supports of all sizes have columns: rows are read again."""
    X, y = correlated(12, 60, p, rho=0.6)
    free = path_engine(problem_of(X, y), Clock(), 0).run(30)
    monkeypatch.setattr(gram, "LEAST_ROWS", 48)
    monkeypatch.setattr(gram, "CACHE_BYTES", 1)
    engine = path_engine(problem_of(X, y), Clock(), 0)
    tight = engine.run(30)
    assert engine.moves.gram.store.shape[0] < 30 * 4
    for k in range(31):
        assert tight[k].value == pytest.approx(free[k].value, rel=1e-6), k


def test_an_interrupt_keeps_what_was_found(monkeypatch):
    X, y = correlated(13, 100, 1500, rho=0.9)
    calls = []
    monkeypatch.setattr(_progress, "SHOW_EVERY", 0.0)

    def interrupt(event):
        calls.append(event)
        if len(calls) == 8:
            raise KeyboardInterrupt

    clock = Clock(on_progress=interrupt)
    states = path_engine(problem_of(X, y), clock, 0).run(40)
    assert clock.interrupted
    assert max(states) >= 5
    for state in states.values():
        assert np.isfinite(state.value)


@pytest.mark.parametrize("limit", [0.02, 50.0])
def test_a_start_keeps_limits(limit):
    """The sweeps know no limits: what they find counts only where none binds."""
    X, y = correlated(14, 60, 2100)
    problem, free = problem_of(X, y, k=5, lower=-limit, upper=limit), problem_of(X, y, k=5)
    state, without = best_state(problem, Clock(), 0), best_state(free, Clock(), 0)
    coef, _ = fit_support(problem, np.array(sorted(state.units))).coefficients(problem)
    assert np.abs(coef).max() <= limit
    assert state.value == pytest.approx(fit_support(problem, np.array(sorted(state.units))).value, rel=1e-12)
    assert (state.value == pytest.approx(without.value, rel=1e-9)) == (limit == 50.0)
    assert set(state.units) == set(without.units) or limit == 0.02


@pytest.mark.parametrize("seed", range(6))
def test_the_sweeps_are_those_of_the_engine_in_numpy(seed):
    """Without random parts, and with so few columns that none waits for a shortlist, both take the same way."""
    X, y = correlated(seed, 50, 60, rho=0.8)
    problem = problem_of(X, y, l2=0.01 if seed % 2 else 0.0, forced=(3,) if seed % 3 == 0 else ())
    compiled = GramPath(moves_of(problem, False), Clock(), 0, effort=0).run(15)
    plain = KPath(moves_of(problem, False), Clock(), 0, effort=0).run(15)
    assert compiled.keys() == plain.keys()
    for k, state in plain.items():
        assert set(compiled[k].units) == set(state.units), k
        assert compiled[k].value == pytest.approx(state.value, rel=1e-9)
