"""The answer does not depend on units, order, repetition or the number of processors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ellzero as ez
from strategies import make_question

SOLVERS = ["exhaustive", "branch", "exchange", "splicing", "stepwise"]


def question(seed, solver, **changes):
    """One that the solver accepts: branch and bound needs a ridge, exhaustive search does without."""
    settings = {"n": 31, "p": 7, "correlation": 0.5, "form": "k", "l2": 0.019 if solver == "branch" else 0.0} | changes
    return make_question(seed, **settings).asked(k=3)


def solve(q, solver, **options):
    return ez.best_subset(q.X, q.y, **q.arguments(), solver=solver, random_state=37, **options)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("factor", [1e3, 1e-3, -1.9])
def test_units_of_the_response(solver, factor):
    q = question(5, solver)
    plain, scaled = solve(q, solver), solve(q.asked(y=q.y * factor), solver)
    assert list(plain.support) == list(scaled.support)
    np.testing.assert_allclose(
        scaled.coef, plain.coef * factor, rtol=1e-7, atol=1e-11 * np.abs(plain.coef * factor).max()
    )
    assert scaled.objective == pytest.approx(plain.objective * factor**2, rel=1e-9)
    if plain.gap is not None:
        assert scaled.gap == pytest.approx(plain.gap, abs=1e-6)


@pytest.mark.parametrize("solver", SOLVERS)
@settings(max_examples=25)
@given(data=st.data())
def test_units_of_the_columns(solver, data):
    q = question(data.draw(st.integers(0, 50)), solver)
    factor = np.array(data.draw(st.lists(st.sampled_from([1e3, 1e-3, -1.9, 0.37, 1.0]), min_size=7, max_size=7)))
    plain, scaled = solve(q, solver), solve(q.asked(X=q.X * factor), solver)
    assert scaled.objective == pytest.approx(plain.objective, rel=1e-8)
    assert list(plain.support) == list(scaled.support)


@pytest.mark.parametrize("solver", SOLVERS)
@settings(max_examples=25)
@given(data=st.data())
def test_order_of_rows_and_columns(solver, data):
    q = question(data.draw(st.integers(0, 50)), solver)
    rows = np.array(data.draw(st.permutations(range(31))))
    columns = np.array(data.draw(st.permutations(range(7))))
    plain, mixed = solve(q, solver), solve(q.asked(X=q.X[np.ix_(rows, columns)], y=q.y[rows]), solver)
    assert mixed.objective == pytest.approx(plain.objective, rel=1e-9)
    assert set(columns[mixed.support]) == set(plain.support)


@pytest.mark.parametrize("loss", ["squared", "logistic", "poisson"])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_a_whole_weight_is_a_repeated_row(loss, fit_intercept):
    q = make_question(8, n=40, p=5, loss=loss, form="k", l2=0.019, fit_intercept=fit_intercept).asked(k=2)
    times = np.random.default_rng(8).integers(0, 4, 40)
    times[:2] = 1
    weighted = solve(q.asked(sample_weight=times.astype(float)), "auto")
    repeated = solve(q.asked(X=np.repeat(q.X, times, 0), y=np.repeat(q.y, times)), "auto")
    assert weighted.objective == pytest.approx(repeated.objective, rel=1e-9)
    assert list(weighted.support) == list(repeated.support)
    np.testing.assert_allclose(weighted.coef, repeated.coef, rtol=1e-6)
    assert weighted.n_samples == repeated.n_samples == times.sum()
    for name in ("aic", "aicc", "bic", "ebic", "gic"):
        assert weighted.criterion(name) == pytest.approx(repeated.criterion(name), rel=1e-9), name


@pytest.mark.parametrize("solver", SOLVERS)
def test_same_seed_same_answer_for_any_number_of_jobs(solver):
    q = question(13, solver)
    answers = [solve(q, solver, n_jobs=jobs) for jobs in (1, 2, 1)]
    for answer in answers[1:]:
        np.testing.assert_array_equal(answer.coef, answers[0].coef)
        assert answer.objective == answers[0].objective


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("change", ["float32", "fortran", "integers", "strided", "readonly"])
def test_memory_layout_and_number_type(solver, change):
    q = question(21, solver)
    X = np.round(q.X * 37 / np.abs(q.X).max(0)).astype(float)
    plain = solve(q.asked(X=X), solver)
    other = {
        "float32": lambda: X.astype(np.float32),
        "fortran": lambda: np.asfortranarray(X),
        "integers": lambda: X.astype(np.int64),
        "strided": lambda: np.repeat(X, 2, axis=0)[::2],
        "readonly": lambda: X.copy(),
    }[change]()
    other.flags.writeable = change != "readonly"
    answer = solve(q.asked(X=other), solver)
    assert list(answer.support) == list(plain.support)
    assert answer.objective == pytest.approx(plain.objective, rel=1e-9)
    np.testing.assert_array_equal(other, X)


@pytest.mark.parametrize("solver", SOLVERS)
def test_other_data_give_the_other_answer(solver):
    """Nothing is remembered from one call to the next."""
    q, other = question(2, solver), question(3, solver)
    first = solve(q, solver)
    solve(other, solver)
    again = solve(q, solver)
    np.testing.assert_array_equal(first.coef, again.coef)
