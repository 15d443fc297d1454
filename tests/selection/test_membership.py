"""Arrays behind the pictures: which columns are in, which stand in for which, and how a gap closed."""

import pickle
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ellzero as ez
from ellzero import errors
from ellzero.result import Status
from ellzero.selection.membership import membership, substitutes

supports = st.sets(st.frozensets(st.integers(0, 6), max_size=4), min_size=1, max_size=19)


def brute_force(listed, objectives):
    """Exchanges found by comparing every two supports."""
    met = {}
    for a, b in combinations(range(len(listed)), 2):
        one, other = set(listed[a]) - set(listed[b]), set(listed[b]) - set(listed[a])
        if len(one) == len(other) == 1:
            met.setdefault(frozenset(one | other), []).append(max(objectives[a], objectives[b]))
    return {pair: (len(values), min(values) / objectives[0] - 1) for pair, values in met.items()}


@given(supports)
def test_substitutes_against_all_pairs(drawn):
    listed = sorted(tuple(sorted(s)) for s in drawn)
    objectives = 1.9 + 0.37 * np.arange(len(listed))
    names = [f"v{j}" for j in range(7)]
    found, expected = substitutes(listed, objectives, names), brute_force(listed, objectives)
    pairs = {}
    for i, j in combinations(range(found.columns.size), 2):
        if found.count[i, j]:
            pairs[frozenset((int(found.columns[i]), int(found.columns[j])))] = found.count[i, j], found.excess[i, j]
    assert set(pairs) == set(expected)
    for pair, (count, excess) in expected.items():
        assert pairs[pair] == (count, pytest.approx(excess))
    np.testing.assert_array_equal(found.count, found.count.T)
    np.testing.assert_array_equal(found.excess, found.excess.T)
    np.testing.assert_array_equal(np.isnan(found.excess), found.count == 0)
    for j, share in zip(found.columns, found.share, strict=True):
        assert share == pytest.approx(sum(j in s for s in listed) / len(listed))
    assert len(found.pairs()) == len(expected) == len(found.table().rows)


@given(supports)
def test_membership_against_the_lists(drawn):
    listed = [tuple(s) for s in drawn]
    inside = membership(listed, 7)
    assert inside.shape == (len(listed), 7)
    assert [set(np.flatnonzero(row).tolist()) for row in inside] == [set(s) for s in listed]


def test_substitutes_of_an_exact_fit():
    found = substitutes([(0,), (1,), (2,)], np.array([0.0, 0.0, 0.37]), ["a", "b", "c"])
    assert found.excess[0, 1] == 0.0
    assert found.excess[0, 2] == np.inf


def test_rivals_of_copies_stand_in_for_each_other():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 5))
    X[:, 4] = X[:, 1] + 0.0037 * rng.normal(size=60)
    near = ez.rivals(X, X[:, 1] + X[:, 2] + 0.37 * rng.normal(size=60), k=2, within=0.05)
    assert near.substitutes().pairs() == [("x1", "x4")]
    assert near.membership.sum() == 4
    np.testing.assert_allclose(near.share, [0, 0.5, 1, 0, 0.5])
    excess = near.objectives[1] / near.objectives[0] - 1
    assert near.substitutes().excess[0, 1] == pytest.approx(excess)
    assert "stands in for" in str(near.substitutes())


WEIGHTS = np.where(np.arange(40) % 3, 1.0, 1.9)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weight", [None, WEIGHTS])
def test_standardised_coefficients(fit_intercept, weight):
    rng = np.random.default_rng(37)
    X = 1.9 + rng.normal(size=(40, 5)) * np.array([0.37, 1, 19, 1, 1])
    y = X[:, 0] + X[:, 2] + rng.normal(size=40)
    path = ez.path(X, y, k=4, fit_intercept=fit_intercept, sample_weight=weight)
    w = np.ones(40) if weight is None else weight
    centre = np.average(X, axis=0, weights=w) if fit_intercept else 0.0
    scale = np.sqrt(np.average((X - centre) ** 2, axis=0, weights=w))
    np.testing.assert_allclose(path.standardized, path.coefs * scale, rtol=1e-10)
    np.testing.assert_allclose(path[3].standardized, path[3].coef * scale, rtol=1e-10)
    assert path.coefs.shape == (5, 5)
    np.testing.assert_array_equal(path.membership, path.coefs != 0)
    lasso = ez.penalty_path(X, y, fit_intercept=fit_intercept, sample_weight=weight, n_strengths=5)
    np.testing.assert_allclose(lasso.standardized, lasso.coefs * scale, rtol=1e-10)


def test_standardised_coefficients_of_several_outputs_and_constant_columns():
    rng = np.random.default_rng(37)
    X = rng.normal(size=(40, 4))
    X[:, 1] = 1.9
    with pytest.warns(errors.EllzeroWarning):
        path = ez.path(X, X[:, [0, 2]] + 0.37 * rng.normal(size=(40, 2)), k=2)
    assert path.standardized.shape == (3, 4, 2)
    np.testing.assert_allclose(path.standardized, path.coefs * X.std(axis=0)[:, None], rtol=1e-10)


def test_the_choice_without_a_warning():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 5))
    path = ez.path(X, X.sum(axis=1) + 0.37 * rng.normal(size=40), k=3)
    assert path.chosen("bic") == 3
    with pytest.warns(errors.EllzeroWarning):
        assert path.best("bic").k == 3


def test_models_of_one_gamma():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 5))
    y = X[:, 0] + rng.normal(size=40)
    path = ez.penalty_path(X, y, penalty="l0l2", gammas=[0.037, 1.9])
    for gamma in (0.037, 1.9):
        rows = path.of_gamma(gamma + 0.1)
        assert (path.gammas[rows] == gamma).all()
        assert rows.size == (path.gammas == gamma).sum()
        assert (np.diff(path.strengths[rows]) < 0).all()
    assert path.chosen() in path.of_gamma()
    assert ez.penalty_path(X, y, n_strengths=7).of_gamma().tolist() == list(range(7))


def questions():
    rng = np.random.default_rng(19)
    X = rng.normal(size=(90, 30)) + 0.9 * rng.normal(size=(90, 1))
    y = X[:, :9] @ np.linspace(1, 0.37, 9) + 1.9 * rng.normal(size=90)
    return X, y


@pytest.mark.parametrize(
    ("options", "seconds"),
    [
        ({"solver": "branch"}, 60.0),
        ({"solver": "branch", "loss": "logistic", "l2": 0.037}, 1.9),
        ({"solver": "mip", "l2": 0.37}, 1.9),
    ],
)
def test_a_gap_closes(options, seconds):
    X, y = questions()
    y = (y > 0).astype(float) if options.get("loss") == "logistic" else y
    result = ez.best_subset(X, y, k=5, time_limit=seconds, **options)
    closing = result.closing()
    assert (np.diff(closing.elapsed) > 0).all()
    assert (np.diff(closing.objective) <= 0).all()
    assert (np.diff(closing.lower_bound) >= 0).all()
    assert (np.diff(closing.n_nodes) >= 0).all()
    assert closing.elapsed[-1] == result.elapsed
    assert closing.objective[-1] == result.objective
    assert closing.lower_bound[-1] == result.lower_bound
    assert closing.gap[-1] == pytest.approx(result.gap)
    assert closing.gap == pytest.approx((closing.objective - closing.lower_bound) / closing.objective)
    assert closing.n_nodes[-1] == result.n_nodes
    assert (closing.lower_bound <= closing.objective[-1]).all()  # a bound holds for what is found later, too
    assert len(closing.table().rows) == closing.elapsed.size
    again = pickle.loads(pickle.dumps(result)).closing()
    np.testing.assert_array_equal(again.lower_bound, closing.lower_bound)
    np.testing.assert_array_equal(result.without_data().closing().gap, closing.gap)


def test_bounds_on_the_way_are_bounds():
    """No moment claims more than the optimum, which enumeration knows."""
    X, y = questions()
    optimum = ez.best_subset(X, y, k=3, solver="exhaustive")
    closing = ez.best_subset(X, y, k=3, solver="branch").closing()
    assert (closing.lower_bound <= optimum.objective * (1 + 1e-12)).all()
    assert (closing.objective >= optimum.objective * (1 - 1e-12)).all()


def test_watching_does_not_change_the_answer():
    X, y = questions()
    plain = ez.best_subset(X, y, k=5, solver="branch")
    watched = ez.best_subset(X, y, k=5, solver="branch", on_progress=lambda event: None)
    assert plain.status is Status.OPTIMAL
    assert plain.objective == watched.objective
    assert plain.n_nodes == watched.n_nodes
    assert plain.lower_bound == watched.lower_bound


def test_each_size_of_a_path_has_its_own_moments():
    X, y = questions()
    path = ez.path(X, y, k=[2, 4], certify=True, solver="branch")
    for result in path:
        assert result.closing().objective[-1] == result.objective


def test_searches_without_bounds_say_so():
    X, y = questions()
    result = ez.best_subset(X, y, k=2, solver="exhaustive")
    with pytest.raises(errors.DataError, match=r"^the search that gave this result \(exhaustive\) kept no bounds"):
        result.closing()
