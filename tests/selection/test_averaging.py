"""Averages over rivals, against all models listed one by one."""

import itertools

import numpy as np
import pytest

import ellzero as ez
from oracles import criterion as score_of
from oracles import rss
from strategies import make_question


def everything(X, y, k, name):
    """Support, loss and weight (up to a factor) of every model of at most k columns."""
    n, p = X.shape
    models = []
    for size in range(k + 1):
        for columns in itertools.combinations(range(p), size):
            squares = rss(X, y, columns)
            models.append((columns, squares / 2 / n, score_of(name, n=n, k=size, fit_intercept=True, p=p, rss=squares)))
    least = min(score for *_, score in models)
    return [(columns, loss, np.exp(-(score - least) / 2)) for columns, loss, score in models]


def question(seed=3):
    q = make_question(seed, n=40, p=7, correlation=0.8)
    return q.X, q.y


@pytest.mark.parametrize("name", ["bic", "aic", "ebic"])
def test_weights_inclusion_and_coefficients_by_enumeration(name):
    X, y = question()
    mixed = ez.average(X, y, k=3, within=0.37, criterion=name)
    models = everything(X, y, 3, name)
    best = min(loss for _, loss, _ in models)
    near = [m for m in models if m[1] <= best * 1.37]
    assert mixed.complete
    assert len(mixed.results) == len(near)
    total = sum(mass for *_, mass in near)
    inclusion, coef, mean = np.zeros(7), np.zeros(7), np.zeros(len(y))
    for columns, _, mass in near:
        columns = list(columns)
        Z = np.column_stack([np.ones(len(y)), X[:, columns]])
        b = np.linalg.lstsq(Z / Z.std(0).clip(1), y, rcond=None)[0] / Z.std(0).clip(1)
        inclusion[columns] += mass / total
        coef[columns] += b[1:] * mass / total
        mean += Z @ b * mass / total
    np.testing.assert_allclose(mixed.inclusion, inclusion, rtol=1e-7)
    np.testing.assert_allclose(mixed.coef, coef, rtol=1e-6, atol=1e-12 * np.abs(coef).max())
    np.testing.assert_allclose(mixed.predict(X), mean, rtol=1e-7)
    np.testing.assert_allclose(mixed.predict(X), X @ mixed.coef + mixed.intercept, rtol=1e-9)
    assert mixed.weights.sum() == pytest.approx(1.0)
    assert (np.diff(mixed.weights) <= 0).all()


@pytest.mark.parametrize("within", [0.037, 0.19, 0.7])
@pytest.mark.parametrize("seed", range(4))
def test_unlisted_models_have_no_more_weight_than_said(seed, within):
    X, y = question(seed)
    mixed = ez.average(X, y, k=3, within=within)
    models = everything(X, y, 3, "bic")
    listed = {tuple(r.support.tolist()) for r in mixed.results}
    left = sum(mass for columns, _, mass in models if columns not in listed) / sum(mass for *_, mass in models)
    assert mixed.left_out is not None
    assert left <= mixed.left_out <= 1
    worst = 2 * len(y) * min(loss for _, loss, _ in models) * (1 + within)  # at least that for each that is not listed
    least = min(r.criterion("bic") for r in mixed.results)
    rest = [score_of("bic", n=40, k=len(columns), fit_intercept=True, p=7, rss=worst) for columns, *_ in models
            if columns not in listed]  # fmt: skip
    rest = np.exp(-(np.array(rest) - least) / 2).sum()
    own = sum(np.exp(-(r.criterion("bic") - least) / 2) for r in mixed.results)
    assert mixed.left_out == pytest.approx(rest / (rest + own), rel=1e-9)
    assert "would have at most" in str(mixed)


def test_the_bound_is_no_formality():
    """Half of it would be wrong somewhere."""
    shares = []
    for seed in range(8):
        X, y = question(seed)
        mixed = ez.average(X, y, k=3, within=0.037)
        listed = {tuple(r.support.tolist()) for r in mixed.results}
        models = everything(X, y, 3, "bic")
        left = sum(mass for columns, _, mass in models if columns not in listed) / sum(mass for *_, mass in models)
        shares.append(left / mixed.left_out)
    assert max(shares) > 0.5


def test_a_short_list_is_not_called_complete():
    X, y = question()
    mixed = ez.average(X, y, k=3, within=0.7, max_rivals=3)
    assert not mixed.complete
    assert mixed.left_out is None
    assert len(mixed.results) == 3
    assert "Raise max_rivals" in str(mixed)


def test_penalties_and_rules_leave_the_rest_unknown():
    X, y = question()
    for asked in ({"l2": 0.037}, {"forced": [0]}, {"groups": [0, 0, 1, 1, 2, 2, 3]}):
        assert ez.average(X, y, k=2, within=0.19, **asked).left_out is None


def test_probabilities_are_averaged_and_classes_follow():
    q = make_question(5, n=80, p=5, loss="logistic", correlation=0.5)
    mixed = ez.average(q.X, q.y, k=2, within=0.1, loss="logistic", l2=0.0019)
    mean = sum(w * r.predict_proba(q.X)[:, 1] for w, r in zip(mixed.weights, mixed.results, strict=True))
    assert len(mixed.results) > 1
    np.testing.assert_allclose(mixed.predict_proba(q.X)[:, 1], mean, rtol=1e-9)
    np.testing.assert_array_equal(mixed.predict(q.X), mean > 0.5)


def test_exact_fits_share_the_weight():
    rng = np.random.default_rng(3)
    X = rng.standard_normal((30, 4))
    X[:, 3] = 1.9 * X[:, 1]
    mixed = ez.average(X, 0.37 * X[:, 1], k=1, within=0.1)
    assert {tuple(r.support.tolist()) for r in mixed.results} <= {(1,), (3,)}
    assert mixed.weights.sum() == pytest.approx(1.0)


def test_both_tables():
    X, y = question()
    mixed = ez.average(X, y, k=3, within=0.19)
    assert mixed.table().columns == ["column", "inclusion", "coefficient (mean)"]
    assert [row[0] for row in mixed.models().rows] == pytest.approx(mixed.weights.tolist())
