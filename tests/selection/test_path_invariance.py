"""The path and its criterion do not depend on how the same data are written down, nor on how columns are multiplied."""

import numpy as np
import pytest
from scipy import sparse

import ellzero as ez
from ellzero.operators import gram
from strategies import make_question

SIZE = 4


every_loss = pytest.mark.parametrize(
    ("loss", "seed"), [("squared", 3), ("squared", 8), ("logistic", 3), ("poisson", 8)]
)


def question(seed, loss="squared", **changes):
    return make_question(seed, **({"n": 53, "p": 11, "correlation": 0.5, "loss": loss, "form": "k"} | changes)).asked(
        k=None
    )


def path(q, **changes):
    """With a ridge for classes only, which few columns may separate."""
    ridge = 0.0 if q.loss == "squared" else 0.0037
    return ez.path(q.X, q.y, k=SIZE, loss=q.loss, sample_weight=q.sample_weight, **({"l2": ridge} | changes))


def same(one, other, factor=1.0):
    """Equal supports, objectives, coefficients and criteria; columns of the other are so many times as large."""
    for mine, theirs in zip(one, other, strict=True):
        coef = theirs.coef * factor
        assert list(np.flatnonzero(coef)) == list(mine.support)
        assert theirs.objective == pytest.approx(mine.objective, rel=1e-8)
        np.testing.assert_allclose(coef, mine.coef, rtol=1e-5, atol=1e-8 * np.abs(mine.coef).max(initial=0.0))
        assert theirs.criterion("bic") == pytest.approx(mine.criterion("bic"), rel=1e-7)


@every_loss
def test_order_of_rows(loss, seed):
    q = question(seed, loss)
    rows = np.random.default_rng(seed).permutation(len(q.y))
    same(path(q), path(q.asked(X=q.X[rows], y=q.y[rows])))


@every_loss
def test_a_whole_weight_is_a_repeated_row(loss, seed):
    q = question(seed, loss)
    times = np.random.default_rng(seed).integers(0, 4, len(q.y))
    times[:2] = 1
    weighted = path(q.asked(sample_weight=times.astype(float)))
    same(weighted, path(q.asked(X=np.repeat(q.X, times, 0), y=np.repeat(q.y, times))))


@every_loss
def test_units_of_the_columns(loss, seed):
    """A ridge on standardised columns does not see them, none on plain columns neither."""
    q = question(seed, loss)
    factor = np.random.default_rng(seed).choice([1e3, 0.037, -1.9], q.n_columns)
    scaled = q.asked(X=q.X * factor)
    same(path(q), path(scaled), factor)
    if loss != "logistic":
        plain = {"standardize": False, "l2": 0.0}
        same(path(q, **plain), path(scaled, **plain), factor)


def holed(q, seed):
    """The question with two of three entries zero."""
    return q.asked(X=np.where(np.random.default_rng(seed).random(q.X.shape) < 0.37, q.X / np.abs(q.X).max(0), 0.0))


@every_loss
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_sparse_columns_are_the_array(loss, seed, fit_intercept):
    q = holed(question(seed, loss), seed)
    dense = path(q, fit_intercept=fit_intercept)
    same(dense, path(q.asked(X=sparse.csc_matrix(q.X)), fit_intercept=fit_intercept))


@pytest.mark.parametrize("seed", [3, 8])
@pytest.mark.parametrize("weighted", [False, True])
def test_whole_gram_matrix_rows_of_it_and_single_precision(monkeypatch, seed, weighted):
    q = holed(question(seed, weighted=weighted), seed)
    forms = [q, q.asked(X=sparse.csc_matrix(q.X))]

    def problem(q):
        return ez.Problem.from_data(q.X, q.y, sample_weight=q.sample_weight)

    assert all(problem(form).gram.full for form in forms)
    whole = path(q)
    monkeypatch.setattr(gram, "FULL_FEATURES", 0)
    monkeypatch.setattr(gram, "TALL_FEATURES", 0)
    assert not any(problem(form).gram.full for form in forms)
    for form in forms:
        same(whole, path(form))
    monkeypatch.setattr("ellzero.problem.SINGLE_FEATURES", 1)
    assert problem(q).quick_gram.single
    same(whole, path(q))


@every_loss
def test_one_thread_and_many(loss, seed):
    q = question(seed, loss)
    one, two = path(q, n_jobs=1), path(q, n_jobs=2)
    same(one, two)
    for mine, theirs in zip(one, two, strict=True):
        np.testing.assert_array_equal(mine.coef, theirs.coef)


def test_the_laws_can_fail():
    """A ridge on columns as they are does see their units, and a weight of one and a half is no repeated row."""
    q = question(3)
    factor = np.where(np.arange(q.n_columns) < 8, 1e3, 0.037)
    with pytest.raises(AssertionError):
        same(path(q, l2=0.37, standardize=False), path(q.asked(X=q.X * factor), l2=0.37, standardize=False), factor)
    times = np.where(np.arange(len(q.y)) % 3, 1, 2)
    with pytest.raises(AssertionError):
        same(
            path(q.asked(sample_weight=times / 1.9)),
            path(q.asked(X=np.repeat(q.X, times, 0)[::-1], y=np.repeat(q.y, times))),
        )
