"""The path over sizes: complete, best at every size, and the penalised path read off its lower hull."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ellzero as ez
from judging import judge_answer, judge_proof
from oracles import best_by_size, null_objective, optimum
from strategies import make_question


def path_of(q, **options):
    arguments = {name: value for name, value in q.asked(k=None).arguments().items() if name != "l0"}
    return ez.path(q.X, q.y, **(arguments | options))


@pytest.mark.parametrize(
    "kind",
    [
        {},
        {"weighted": True, "fit_intercept": False},
        {"l2": 0.037, "boxed": True},
        {"l2": 0.019, "grouped": True, "standardize": False},
        {"forced": True, "forbidden": True},
        {"l1": 0.037, "l2": 0.0037},
        {"loss": "logistic", "l2": 0.019},
        {"loss": "poisson", "l2": 0.019, "forced": True},
    ],
    ids=lambda kind: "+".join(kind) or "plain",
)
@pytest.mark.parametrize("seed", range(3))
def test_certified_path_equals_brute_force(kind, seed):
    q = make_question(seed, n=30, p=6, correlation=0.5, **kind)
    best = best_by_size(q.asked(k=None, l0=None))
    path = path_of(q, k=range(min(best), max(best) + 1), certify=True)
    for result in path:
        at_most = q.asked(k=result.k if result.k in path.sizes else None, l0=None)
        judge_answer(at_most, result)
    for size in path.sizes:
        judge_proof(q.asked(k=size, l0=None), path[size], best[size])
        assert path[size].status is ez.Status.OPTIMAL
        assert path[size].objective == pytest.approx(best[size].objective, rel=2e-6, abs=1e-11 * null_objective(q))


def test_asks_for_single_sizes():
    q = make_question(4, n=40, p=9, correlation=0.5)
    everything, some = path_of(q, k=9, certify=True), path_of(q, k=[2, 5, 3], certify=True)
    assert list(some.sizes) == [2, 3, 5]
    assert len(some) == 3
    for k in some.sizes:
        assert list(some[k].support) == list(everything[k].support)
    with pytest.raises((KeyError, ValueError)):
        some[4]


def test_default_sizes():
    """Up to min(p, 20, (n - 1) // 3, n / (log p log log n))."""
    for n, p, most in ((40, 9, 9), (16, 9, 5), (130, 30, 20), (100, 30, 19), (30, 57, 6)):
        q = make_question(4, n=n, p=p)
        assert list(path_of(q).sizes) == list(range(most + 1))


def test_is_iterable_in_order_of_size():
    path = path_of(make_question(4, n=40, p=5), k=5)
    assert [result.k for result in path] == [0, 1, 2, 3, 4, 5]
    assert [result.k for result in path] == [0, 1, 2, 3, 4, 5]


@settings(max_examples=40)
@given(seed=st.integers(0, 200), columns=st.integers(2, 7))
def test_hull_is_the_penalised_path(seed, columns):
    """At every price brute force chooses a corner of the hull; each is listed with the largest such price."""
    q = make_question(seed, n=25, p=columns, correlation=0.5)
    best = best_by_size(q)
    corners = path_of(q, k=columns, certify=True).hull()
    prices = [l0 for l0, _ in corners]
    assert prices == sorted(prices, reverse=True)
    assert prices[0] == np.inf
    assert [result.k for _, result in corners] == sorted(result.k for _, result in corners)
    assert corners[0][1].k == 0
    room = 1e-9 * best[0].value
    for l0, result in corners[1:]:
        assert result.objective + l0 * result.k <= min(best[k].value + l0 * k for k in best) + room
    for l0 in np.geomspace(1e-5, 1.0, 19) * best[0].value:
        by_hull = min(result.objective + l0 * result.k for _, result in corners)
        assert by_hull == pytest.approx(optimum(q.asked(k=None, l0=l0)).objective, rel=1e-8, abs=room)


def test_table_has_a_row_for_every_size():
    q = make_question(4, n=40, p=5)
    path = path_of(q, k=5, certify=True)
    with pytest.warns(ez.errors.EllzeroWarning) if _ends(path) else _nothing():
        table = path.table("bic")
    assert len(table.rows) == 6
    assert len(table.to_dicts()) == 6
    for render in (table.to_text, table.to_markdown, table.to_html, table.to_latex, table.to_csv):
        assert render()


def _ends(path):
    return min(path.criteria("bic"), key=path.criteria("bic").get) == 5


class _nothing:
    def __enter__(self):
        return None

    def __exit__(self, *_):
        return False


def test_best_is_the_least_of_the_criterion():
    path = path_of(make_question(14, n=60, p=9, correlation=0.5), k=9)
    for name in ("aic", "aicc", "bic", "ebic", "gic", "cp"):
        values = path.criteria(name)
        least = min(values, key=values.get)
        if least < 9:
            assert path.best(name).k == least
    values = path.criteria("adjr2")
    assert path.best("adjr2").k == max(values, key=values.get)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_same_seed_same_path(n_jobs):
    q = make_question(5, n=40, p=60, correlation=0.7)
    first, again = path_of(q, k=9, random_state=3), path_of(q, k=9, random_state=3, n_jobs=n_jobs)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.coef, other.coef)


def test_interrupt_keeps_what_was_found():
    q = make_question(5, n=60, p=30, correlation=0.9)
    seen = []

    def stop(event):
        seen.append(event)
        raise KeyboardInterrupt

    path = path_of(q, k=9, certify=True, on_progress=stop)
    assert seen
    assert len(path) >= 1
    assert ez.Status.INTERRUPTED in {result.status for result in path}
    for result in path:
        assert result.gap is None or result.lower_bound <= result.objective * (1 + 1e-12)


def test_time_limit_is_for_the_whole_call_and_gaps_stay_true():
    q = make_question(5, n=60, p=24, correlation=0.9, l2=0.0037)
    path, full = path_of(q, k=6, certify=True, time_limit=1e-9), path_of(q, k=6, certify=True)
    for size in path.sizes:
        assert path[size].status is not ez.Status.OPTIMAL or path[size].gap <= 1e-6
        if path[size].lower_bound is not None:
            assert path[size].lower_bound <= full[size].objective * (1 + 1e-9)
