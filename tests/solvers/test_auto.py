"""The default solver: whatever is asked, the answer is true, and it says how sure it is."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp

import ellzero as ez
from judging import describe, judge_answer, judge_proof
from oracles import null_objective, optimum
from strategies import FORMS, make_question


def any_question(seed):
    """Any kind at all: also without ridge and box, on wide data, with l1, where nothing but a heuristic may be left."""
    rng = np.random.default_rng([seed, 3])
    p = int(rng.integers(1, 8))
    loss = str(rng.choice(["squared", "squared", "logistic", "poisson"]))
    flags = ("weighted", "grouped", "boxed", "forced", "forbidden")
    kind = {flag: bool(rng.random() < 0.3) for flag in flags}
    if loss != "squared" and not kind["boxed"]:
        kind["l2"] = float(rng.choice([0.0037, 0.37]))
    else:
        kind["l2"] = float(rng.choice([0.0, 0.0, 0.019]))
    return make_question(
        seed,
        n=int(rng.integers(8, 25)) if rng.random() < 0.7 or loss != "squared" else int(rng.integers(3, p + 3)),
        p=p,
        loss=loss,
        correlation=float(rng.choice([0.0, 0.9])),
        form=str(rng.choice(FORMS)),
        l1=float(rng.choice([0.0, 0.0, 0.037])),
        fit_intercept=bool(rng.random() < 0.75),
        standardize=bool(rng.random() < 0.75),
        **kind,
    )


def judge_auto(seed):
    q = any_question(seed)
    try:
        result = ez.best_subset(q.X, q.y, **q.arguments())
        judge_answer(q, result)
        best = optimum(q)
        assert result.objective >= best.objective - 1e-9 * best.objective - 1e-12 * null_objective(q)
        assert result.status in (ez.Status.OPTIMAL, ez.Status.HEURISTIC)
        if result.lower_bound is not None:
            judge_proof(q, result, best)
        else:
            assert result.status is ez.Status.HEURISTIC
        if q.l2 > 0 or q.lower is not None or (len(q.y) > q.n_columns + 1 and q.loss == "squared" and q.l1 == 0):
            assert result.status is ez.Status.OPTIMAL
    except Exception as error:
        error.add_note(f"seed {seed}: {describe(q)}")
        raise


@pytest.mark.parametrize("start", range(0, 150, 50))
def test_any_kind_of_problem(start):
    for seed in range(start, start + 50):
        judge_auto(seed)


@pytest.mark.slow
@pytest.mark.parametrize("start", range(1000, 2000, 250))
def test_any_kind_of_problem_a_thousand_times(start):
    for seed in range(start, start + 250):
        judge_auto(seed)


def test_wide_data_without_ridge_and_box_is_a_heuristic_beyond_enumeration():
    q = make_question(2, n=15, p=60).asked(k=6)
    result = ez.best_subset(q.X, q.y, k=6)
    judge_answer(q, result)
    assert result.status is ez.Status.HEURISTIC
    assert result.lower_bound is None or result.lower_bound <= result.objective


@pytest.mark.parametrize("solver", ["auto", "exhaustive", "branch", "exchange", "stepwise"])
def test_sparse_and_frames_are_the_array(solver):
    q = make_question(5, n=40, p=7, l2=0.019 if solver == "branch" else 0.0, correlation=0.5)
    X = np.where(np.abs(q.X - q.X.mean(0)) > 0.5 * q.X.std(0), q.X, 0.0)
    names = [f"column {j}" for j in range(7)]
    options = {"k": 3, "l2": q.l2, "solver": solver}
    plain = ez.best_subset(X, q.y, **options)
    others = {
        "csc": ez.best_subset(sp.csc_matrix(X), q.y, **options),
        "csr": ez.best_subset(sp.csr_array(X), q.y, **options),
        "pandas": ez.best_subset(pd.DataFrame(X, columns=names), pd.Series(q.y), **options),
        "polars": ez.best_subset(pl.DataFrame(dict(zip(names, X.T, strict=True))), pl.Series(q.y), **options),
        "list": ez.best_subset(X.tolist(), q.y.tolist(), **options),
    }
    for kind, other in others.items():
        assert list(other.support) == list(plain.support), kind
        np.testing.assert_allclose(other.coef, plain.coef, rtol=1e-9, atol=1e-12, err_msg=kind)
        assert other.objective == pytest.approx(plain.objective, rel=1e-11)
    assert others["pandas"].names == others["polars"].names == tuple(names)
    assert plain.names == tuple(f"x{j}" for j in range(7))
    np.testing.assert_allclose(others["csc"].predict(sp.csc_matrix(X)), plain.predict(X), rtol=1e-9)


def test_columns_by_name_and_by_number():
    q = make_question(5, n=40, p=6, correlation=0.5)
    frame = pd.DataFrame(q.X, columns=list("abcdef"))
    named = ez.best_subset(frame, q.y, k=3, forced=["c"], forbidden=["a", "e"])
    numbered = ez.best_subset(q.X, q.y, k=3, forced=[2], forbidden=[0, 4])
    assert list(named.support) == list(numbered.support)
    labels = {"a": "one", "b": "one", "c": "two", "d": "two", "e": "three", "f": "three"}
    by_name = ez.best_subset(frame, q.y, k=2, groups=labels)
    by_number = ez.best_subset(q.X, q.y, k=2, groups=[1, 1, 2, 2, 3, 3])
    assert list(by_name.support) == list(by_number.support)
    assert by_name.k == 2


def test_a_constant_column_is_never_the_answer():
    """With an intercept it explains nothing; without one it is a column like any other."""
    q = make_question(5, n=40, p=5)
    X = np.column_stack([q.X[:, :2], np.full(40, 3.7), q.X[:, 2:]])
    for k in (1, 3, 5):
        with pytest.warns(ez.errors.EllzeroWarning, match="x2"):
            result = ez.best_subset(X, q.y, k=k)
        assert 2 not in result.support
        assert result.objective == pytest.approx(ez.best_subset(q.X, q.y, k=k).objective, rel=1e-10)
    y = q.y - q.y.mean() + 1000.0
    assert 2 in ez.best_subset(X - X.mean(0) + [0, 0, 3.7, 0, 0, 0], y, k=1, fit_intercept=False).support


def test_what_is_given_is_not_changed():
    q = make_question(5, n=40, p=5, weighted=True, boxed=True, l2=0.019)
    arguments = q.arguments()
    copies = {name: value.copy() for name, value in arguments.items() if isinstance(value, np.ndarray)}
    X, y = q.X.copy(), q.y.copy()
    ez.best_subset(X, y, **arguments)
    np.testing.assert_array_equal(X, q.X)
    np.testing.assert_array_equal(y, q.y)
    for name, value in copies.items():
        np.testing.assert_array_equal(arguments[name], value)
