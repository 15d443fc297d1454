"""Rivals: every support whose objective lies within the fraction, and none beyond."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ellzero as ez
from known_data import hitters
from oracles import every_fit, near_optimal
from strategies import make_question

KINDS = {
    "plain": {},
    "weighted": {"weighted": True, "fit_intercept": False},
    "ridge": {"l2": 0.037, "standardize": False},
    "box": {"l2": 0.0037, "boxed": True},
    "groups": {"l2": 0.019, "grouped": True},
    "rules": {"forced": True, "forbidden": True},
    "logistic": {"loss": "logistic", "l2": 0.019},
}


def rivals_of(q, k, within, **options):
    return ez.rivals(q.X, q.y, within=within, **(q.asked(k=None, l0=None).arguments() | {"k": k}), **options)


def brute_force(q, k, within):
    """Supports of at most k units near the best of them, with their objectives.

    Columns whose best fit leaves a unit at zero (where a box or l1 holds it) are the smaller support, not another one.
    """
    fits = near_optimal(q.asked(k=k, l0=None), within)
    return {fit.columns: fit.objective for fit in fits if q.n_units(fit.coef) == fit.units}


def judge(found, expected, within):
    """Equal but for supports that rounding puts on either side of the limit."""
    best = min(expected.values())
    on_the_edge = {columns for columns, value in expected.items() if abs(value / best - 1 - within) < 1e-9}
    supports = [tuple(int(j) for j in columns) for columns in found.supports]
    assert len(set(supports)) == len(supports)
    assert set(supports) - on_the_edge == set(expected) - on_the_edge
    for columns, value in zip(supports, found.objectives, strict=True):
        assert value == pytest.approx(expected[columns], rel=1e-8)
    assert list(found.objectives) == sorted(found.objectives)
    assert found.complete
    assert found.within == within


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("within", [0.0, 0.037, 0.37])
def test_complete_against_brute_force(kind, within):
    for seed in range(4):
        q = make_question(seed, n=30, p=7, correlation=0.9, **KINDS[kind])
        allowed = [size for size in (2, 3) if any(fit.units == size for fit in every_fit(q.asked(k=size, l0=None)))]
        for k in allowed:
            expected = brute_force(q, k, within)
            try:
                judge(rivals_of(q, k, within), expected, within)
            except AssertionError as error:
                error.add_note(f"{kind} seed {seed} k {k}: expected {expected}")
                raise


@given(seed=st.integers(0, 500), k=st.integers(1, 4), within=st.floats(0, 1.9))
def test_complete_on_what_hypothesis_finds(seed, k, within):
    q = make_question(seed, n=25, p=6, correlation=0.9)
    judge(rivals_of(q, k, within), brute_force(q, k, within), within)


def test_a_cap_that_is_hit_is_said(expected, data_dir):
    X, y, _ = hitters(data_dir)
    found = ez.rivals(X, y, k=6, within=0.02, max_rivals=5)
    assert len(found.supports) == 5
    assert not found.complete
    assert "5" in str(found.table())


def test_runner_up_of_hitters_is_the_published_one(expected, data_dir):
    X, y, names = hitters(data_dir)
    for row in expected("hitters")["sizes"][1:12]:
        found = ez.rivals(X, y, k=row["k"], within=row["runner_up"]["rss"] / row["rss"] - 1 + 1e-9)
        assert [names[j] for j in found.supports[1]] == row["runner_up"]["features"], row["k"]
        assert 2 * 263 * found.objectives[1] == pytest.approx(row["runner_up"]["rss"], rel=1e-9)
        assert len(found.supports) == 2


@pytest.mark.slow
def test_equal_columns_of_finemap_tie(expected, data_dir):
    """Of so many nearly dependent supports not all are fitted, and it is said; the tie is found all the same."""
    data = np.load(data_dir / "finemap_n3" / "data.npz")
    X, y = np.asarray(data["X"], float), np.asarray(data["Y"], float)[:, 0]
    row = expected("finemap_n3")["Y0"]["sizes"][3]
    found = ez.rivals(X, y, k=3, within=1e-9, solver="exhaustive", time_limit=600.0)
    assert [list(support) for support in found.supports] == [row["index"], row["runner_up"]["features"]]
    assert 2 * 574 * found.objectives[1] == pytest.approx(row["runner_up"]["rss"], rel=1e-9)
    assert not found.complete


def test_each_rival_is_a_full_result():
    q = make_question(5, n=30, p=7, correlation=0.9)
    found = rivals_of(q, 2, 0.37)
    assert [tuple(result.support) for result in found.results] == found.supports
    for result, value in zip(found.results, found.objectives, strict=True):
        assert result.objective == pytest.approx(value, rel=1e-9)
        assert result.predict(q.X).shape == (30,)


def test_exact_ties_are_all_there():
    q = make_question(3, n=23, p=4)
    X = np.column_stack([q.X, q.X[:, 0], q.X[:, 0] * -1.9])
    twin = q.asked(X=X)
    judge(rivals_of(twin, 1, 1e-6), brute_force(twin, 1, 1e-6), 1e-6)
