"""Several outputs: a column enters for all of them. Brute force by NumPy's least squares, and laws."""

import itertools
import pickle
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import ellzero as ez
from ellzero import constraints as rules
from ellzero.problem import Problem
from ellzero.solvers.moves import GramMoves, squares_of_sums
from ellzero.solvers.outputs import OutputMoves
from ellzero.solvers.refit import fit_support


def make(seed, n=37, p=6, q=3, noise=1.9):
    rng = np.random.default_rng(seed)
    X = (rng.normal(size=(n, p)) + rng.normal(size=(n, 1))) * rng.uniform(0.37, 19, p) + rng.normal(size=p)
    B = rng.normal(size=(p, q)) * (rng.random((p, 1)) < 0.5) / X.std(axis=0)[:, None]
    weight = rng.integers(0, 4, n)
    return SimpleNamespace(X=X, Y=X @ B + noise * rng.normal(size=(n, q)) + 7, weight=weight, n=n, p=p, q=q)


def fitted(data, columns, l2=0.0, weight=None, fit_intercept=True, standardize=True):
    """Coefficients, intercept and objective by least squares on rows of their own for the ridge."""
    w = np.ones(data.n) if weight is None else weight
    w = w / w.sum()
    X, Y, columns = data.X, data.Y, list(columns)
    centre, mean = (w @ X, w @ Y) if fit_intercept else (np.zeros(data.p), np.zeros(Y.shape[1]))
    scale = np.sqrt(w @ (X - centre) ** 2) if standardize else np.ones(data.p)
    Z, root = (X - centre)[:, columns], np.sqrt(w)[:, None]
    A = np.vstack([root * Z, np.sqrt(2 * l2) * np.diag(scale[columns])])
    T = np.vstack([root * (Y - mean), np.zeros((len(columns), Y.shape[1]))])
    b = np.linalg.lstsq(A, T, rcond=None)[0]
    coef = np.zeros((data.p, Y.shape[1]))
    coef[columns] = b
    return SimpleNamespace(coef=coef, intercept=mean - centre @ coef, objective=0.5 * np.sum((T - A @ b) ** 2))


def brute(data, sizes, **options):
    """The best support of so many columns, all of them tried."""
    supports = (S for k in np.atleast_1d(sizes) for S in itertools.combinations(range(data.p), k))
    return min((fitted(data, S, **options).objective, S) for S in supports)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("options", [
    {}, {"l2": 0.019}, {"l2": 0.37, "standardize": False}, {"fit_intercept": False},
    {"l2": 0.019, "fit_intercept": False},
])  # fmt: skip
@pytest.mark.parametrize("seed", range(3))
def test_every_size_is_the_best_of_all_supports(seed, options, weighted):
    data = make(seed)
    weight = data.weight if weighted else None
    path = ez.path(data.X, data.Y, k=data.p, sample_weight=weight, **options)
    for k, result in zip(path.sizes, path, strict=True):
        objective, support = brute(data, k, weight=weight, **options)
        oracle = fitted(data, support, weight=weight, **options)
        assert result.objective == pytest.approx(objective, rel=1e-9)
        assert tuple(result.support) == support
        np.testing.assert_allclose(result.coef, oracle.coef, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(result.intercept, oracle.intercept, rtol=1e-6)
        assert result.lower_bound is None
        assert result.gap is None
        assert result.certificate is None
        assert result.status is ez.Status.HEURISTIC


@pytest.mark.parametrize("solver", ["auto", "exchange", "stepwise"])
def test_a_price_is_paid_once_for_all_outputs(solver):
    data = make(7)
    values = [brute(data, k)[0] + 0.37 * k for k in range(data.p + 1)]
    result = ez.best_subset(data.X, data.Y, l0=0.37, solver=solver)
    if solver != "stepwise":  # which stops by AIC
        assert result.objective == pytest.approx(min(values), rel=1e-9)
    assert result.objective == pytest.approx(result.loss + 0.37 * result.k, rel=1e-12)


def test_equal_outputs_are_one_output():
    data = make(11)
    for k in range(data.p + 1):
        one = ez.best_subset(data.X, data.Y[:, 0], k=k)
        three = ez.best_subset(data.X, np.repeat(data.Y[:, :1], 3, axis=1), k=k)
        assert three.objective == pytest.approx(3 * one.objective, rel=1e-9)
        np.testing.assert_allclose(three.coef, np.repeat(one.coef[:, None], 3, axis=1), rtol=1e-8, atol=1e-12)


def test_an_output_without_variation_changes_nothing():
    data = make(12)
    one = ez.best_subset(data.X, data.Y[:, 0], k=3)
    two = ez.best_subset(data.X, np.column_stack([data.Y[:, 0], np.full(data.n, 1.9)]), k=3)
    assert two.objective == pytest.approx(one.objective, rel=1e-9)
    np.testing.assert_allclose(two.coef, np.column_stack([one.coef, 0 * one.coef]), atol=1e-12)
    assert two.intercept[1] == pytest.approx(1.9)


def test_outputs_may_be_rotated():
    """The sum of squares knows no axes: with Y Q the answer is B Q."""
    data = make(13)
    Q = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    plain, turned = (ez.best_subset(data.X, Y, k=3, l2=0.019) for Y in (data.Y, data.Y @ Q))
    assert turned.objective == pytest.approx(plain.objective, rel=1e-9)
    np.testing.assert_allclose(turned.coef, plain.coef @ Q, rtol=1e-7, atol=1e-10)


def test_weights_are_repeated_rows():
    data = make(14)
    repeated = np.repeat(np.arange(data.n), data.weight)
    weighted = ez.path(data.X, data.Y, k=4, sample_weight=data.weight)
    copied = ez.path(data.X[repeated], data.Y[repeated], k=4)
    for one, other in zip(weighted, copied, strict=True):
        np.testing.assert_allclose(one.coef, other.coef, rtol=1e-8, atol=1e-11)
        assert one.criterion("bic") == pytest.approx(other.criterion("bic"), rel=1e-9)


def test_order_and_unit_of_columns_do_not_matter():
    data, order = make(15), [3, 0, 5, 1, 4, 2]
    unit = np.array([0.37, 1.9, 7, 190, 0.019, 1])
    plain = ez.best_subset(data.X, data.Y, k=3)
    other = ez.best_subset((data.X * unit)[:, order], data.Y, k=3)
    np.testing.assert_allclose(other.coef, (plain.coef / unit[:, None])[order], rtol=1e-7, atol=1e-11)
    assert other.objective == pytest.approx(plain.objective, rel=1e-9)


def test_sparse_columns_give_the_same():
    data = make(16, n=60)
    X = np.where(np.abs(data.X) < np.median(np.abs(data.X), axis=0), 0.0, data.X)
    dense, thin = (ez.path(A, data.Y, k=4, l2=0.019) for A in (X, sparse.csr_array(X)))
    for one, other in zip(dense, thin, strict=True):
        np.testing.assert_allclose(one.coef, other.coef, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("l2", [0.0, 0.019])
def test_scores_are_exact(l2):
    """Every add, drop and swap that the Gram matrix scores is what two refits say."""
    data = make(17)
    problem = Problem.from_data(data.X, data.Y, l2=l2)
    moves = GramMoves(problem)
    value = {S: fit_support(problem, S).value for k in (2, 3, 4) for S in itertools.combinations(range(data.p), k)}
    for S in itertools.combinations(range(data.p), 3):
        state = moves.at(S[::-1])
        assert state is not None
        assert state.value == pytest.approx(value[S], rel=1e-9)
        for j, after in enumerate(moves.add_values(state)):
            expected = np.inf if j in S else value[tuple(sorted((*S, j)))]
            assert after == pytest.approx(expected, rel=1e-9)
        for s, after in zip(state.units, moves.drop_values(state), strict=True):
            assert after == pytest.approx(value[tuple(u for u in S if u != s)], rel=1e-9)
            assert moves.remove(state, s).value == pytest.approx(after, rel=1e-9)
        swaps = {tuple(sorted((*(set(S) - {s}), j))) for s in S for j in set(range(data.p)) - set(S)}
        best, swapped = min(value[T] for T in swaps), moves.swap(state)
        if best < value[S] * (1 - 1e-7):
            assert swapped is not None
            assert swapped.value == pytest.approx(best, rel=1e-9)
        else:
            assert swapped is None


def test_squares_of_sums():
    rng = np.random.default_rng(37)
    c, b, lift = rng.normal(size=(5, 3)), rng.normal(size=(2, 3)), rng.normal(size=(2, 5))
    direct = [[np.sum((c[j] + lift[s, j] * b[s]) ** 2) for j in range(5)] for s in range(2)]
    np.testing.assert_allclose(squares_of_sums(c, b, lift), direct, rtol=1e-12)
    np.testing.assert_allclose(squares_of_sums(c[:, 0], b[:, 0], lift), (c[:, 0] + lift * b[:, :1]) ** 2, rtol=1e-12)


def test_rows_in_single_precision_do_not_lose_the_answer():
    rng = np.random.default_rng(18)
    X = rng.normal(size=(80, 1300)) + rng.normal(size=(80, 1))
    Y = X[:, [190, 370, 1019]] @ rng.normal(size=(3, 4)) + 0.37 * rng.normal(size=(80, 4))
    problem = Problem.from_data(X, Y)
    assert problem.quick_gram.single
    result = ez.best_subset(X, Y, k=3)
    assert result.support.tolist() == [190, 370, 1019]
    assert result.objective == pytest.approx(fit_support(problem, [190, 370, 1019]).value, rel=1e-12)


@pytest.mark.parametrize("l2", [0.0, 0.019])
@pytest.mark.parametrize("seed", range(3))
def test_groups_enter_for_all_outputs(seed, l2):
    data, groups = make(seed, p=8), [0, 0, 1, 2, 2, 2, 3, 4]
    for k in range(1, 5):
        result = ez.best_subset(data.X, data.Y, k=k, groups=groups, l2=l2)
        supports = [[j for j in range(8) if groups[j] in chosen] for chosen in itertools.combinations(range(5), k)]
        assert result.objective == pytest.approx(min(fitted(data, S, l2=l2).objective for S in supports), rel=1e-9)


def test_the_model_of_groups_is_exact():
    data = make(19, p=8)
    problem = Problem.from_data(data.X, data.Y, groups=[0, 0, 1, 2, 2, 2, 3, 4], l2=0.019)
    moves = OutputMoves(problem)
    state = moves.at((1, 2))
    assert state is not None
    assert moves.drop_losses(state) == pytest.approx(moves.drop_values(state) - state.value, rel=1e-7)
    outside = [0, 3, 4]
    gains = state.value - moves.add_values(state)[outside]
    assert moves.add_gains(state)[outside] == pytest.approx(gains, rel=1e-7)


def test_forced_forbidden_and_rules_are_kept():
    data = make(20)
    allowed = [S for S in itertools.combinations(range(6), 3) if 4 in S and 1 not in S and not {0, 2} <= set(S)]
    best = min((fitted(data, S).objective, S) for S in allowed)
    result = ez.best_subset(
        data.X, data.Y, k=3, forced=[4], forbidden=[1], constraints=[rules.AtMostOne([0, 2])], solver="exchange"
    )
    assert (result.objective, tuple(result.support)) == (pytest.approx(best[0], rel=1e-9), best[1])


def test_criteria_count_the_coefficients_of_all_outputs():
    data = make(21)
    result = ez.best_subset(data.X, data.Y, k=2)
    n, q, K = data.n, data.q, 3 * (2 + 1)
    rss = float(np.sum((data.Y - result.predict(data.X)) ** 2))
    deviance = n * q * np.log(rss / (n * q))
    assert result.n_parameters == K
    assert result.criterion("aic") == pytest.approx(deviance + 2 * K, rel=1e-9)
    assert result.criterion("bic") == pytest.approx(deviance + K * np.log(n), rel=1e-9)
    assert result.criterion("ebic") == pytest.approx(deviance + K * np.log(n) + np.log(15), rel=1e-9)
    assert result.criterion("gic") == pytest.approx(deviance + K * np.log(6) * np.log(np.log(n)), rel=1e-9)
    expected = deviance + 2 * K + 2 * (K + 1) * (K + 2) / (n * q - K - 2)
    assert result.criterion("aicc") == pytest.approx(expected, rel=1e-9)


def test_a_single_column_is_a_vector():
    data = make(22)
    one, flat = (ez.best_subset(data.X, y, k=2) for y in (data.Y[:, :1], data.Y[:, 0]))
    assert one.coef.shape == flat.coef.shape == (6,)
    np.testing.assert_array_equal(one.coef, flat.coef)
    assert isinstance(one.intercept, float)
    assert one.status is ez.Status.OPTIMAL


def test_names_of_outputs_are_shown():
    data = make(23)
    frame = pd.DataFrame(data.X, columns=list("abcdef"))
    result = ez.best_subset(frame, pd.DataFrame(data.Y, columns=["rent", "heat", "dust"]), k=2)
    assert result.outputs == ("rent", "heat", "dust")
    table = result.summary()
    assert list(table.columns) == ["column", "rent", "heat", "dust"]
    assert [row[0] for row in table.rows] == ["(intercept)", *result.names_in_support]
    np.testing.assert_allclose(table.rows[1][1:], result.coef[result.support[0]])
    lines = result.formula().split("\n")
    assert [line.split(" = ")[0] for line in lines] == ["rent", "heat", "dust"]
    assert f"{result.coef[result.support[0], 2]:.6g}".lstrip("-") in lines[2]
    assert result.predict(frame).shape == (37, 3)
    assert "dust" in str(result)
    assert "dust" in result._repr_html_()
    again = pickle.loads(pickle.dumps(result))
    np.testing.assert_array_equal(again.predict(frame), result.predict(frame))


def test_held_out_loss_and_rivals():
    data = make(24, noise=0.37)
    folds = [(np.arange(37) % 4 != f, np.arange(37) % 4 == f) for f in range(4)]
    found = ez.cross_validate(data.X, data.Y, k=range(4), cv=[tuple(map(np.flatnonzero, f)) for f in folds])
    for k in range(4):
        for f, (train, test) in enumerate(folds):
            result = ez.best_subset(data.X[train], data.Y[train], k=k)
            expected = 0.5 * np.mean(np.sum((data.Y[test] - result.predict(data.X[test])) ** 2, axis=1))
            assert found.losses[k, f] == pytest.approx(expected, rel=1e-9)
    near = ez.rivals(data.X, data.Y, k=2, within=0.37)
    assert not near.complete
    assert near.supports[0] == brute(data, [0, 1, 2])[1]


@pytest.mark.parametrize("q", [1, 3])
def test_the_same_seed_gives_the_same_answer(q):
    data = make(25, n=60, p=40, q=q)
    first, second = (ez.best_subset(data.X, data.Y, k=9, solver="exchange", random_state=7) for _ in range(2))
    np.testing.assert_array_equal(first.coef, second.coef)


def test_an_empty_model_and_targets_without_variation():
    data = make(26)
    empty = ez.best_subset(data.X, data.Y, k=0)
    np.testing.assert_allclose(empty.intercept, data.Y.mean(axis=0))
    assert empty.coef.shape == (6, 3)
    assert not empty.coef.any()
    assert "(intercept)" in str(empty)
    flat = ez.best_subset(data.X, np.full((37, 2), 1.9), k=2)
    np.testing.assert_allclose(flat.predict(data.X), 1.9)


def test_an_offset_is_taken_off_every_output():
    data, offset = make(27), np.random.default_rng(0).normal(size=37)
    plain = ez.best_subset(data.X, data.Y - offset[:, None], k=3)
    other = ez.best_subset(data.X, data.Y, k=3, offset=offset)
    np.testing.assert_allclose(other.coef, plain.coef, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(other.predict(data.X, offset=offset), plain.predict(data.X) + offset[:, None], rtol=1e-9)
