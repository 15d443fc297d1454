"""All subsets, against brute force and against the known answers of real data."""

import numpy as np
import pytest
from hypothesis import given

import ellzero as ez
from ellzero import _progress
from ellzero.solvers import exhaustive
from judging import describe, judge_answer, judge_optimal
from known_data import CLASSICS, classic, hitters, prostate, simple
from oracles import Question, best_by_size, best_squares, criterion, rss
from strategies import make_question, questions

PLAIN = {"losses": ("squared",), "l2": 0.0, "l1": 0.0, "boxed": False, "grouped": False}


def judge_path(path, best, X, y):
    """Every size is the best of its size, proved, with residuals right to 1e-9."""
    for size, (columns, value) in best.items():
        result = path[size]
        assert 2 * len(y) * result.loss == pytest.approx(value, rel=1e-9), size
        assert rss(X, y, result.support) == pytest.approx(value, rel=1e-9), size
        assert tuple(result.support) == tuple(columns), size
        assert result.status is ez.Status.OPTIMAL
        assert result.gap <= 1e-6
        assert result.lower_bound <= result.objective * (1 + 1e-12)


def judge_known(path, known, X, y):
    """Supports, residual sums of squares, criteria and chosen sizes as published in ``expected.json``."""
    sizes = known["sizes"]
    judge_path(path, {row["k"]: (row["index"], row["rss"]) for row in sizes}, X, y)
    columns = {"aic": "aic", "bic": "bic", "adjr2": "adj_r2", "cp": "cp_mallows"}
    for name, column in columns.items():
        for row in sizes:
            if column in row:
                assert path[row["k"]].criterion(name) == pytest.approx(row[column], rel=1e-9, abs=1e-7), (
                    name,
                    row["k"],
                )
        if f"best_k_{column.removesuffix('_mallows')}" in known.get("selected", {}):
            assert path.best(name).k == known["selected"][f"best_k_{column.removesuffix('_mallows')}"]


@pytest.mark.parametrize("start", range(0, 200, 50))
def test_equals_brute_force(start):
    for seed in range(start, start + 50):
        rng = np.random.default_rng([seed, 19])
        p = int(rng.integers(1, 8))
        q = make_question(
            seed,
            n=p + int(rng.integers(3, 25)),
            p=p,
            correlation=float(rng.choice([0.0, 0.5, 0.99])),
            form=str(rng.choice(["k", "l0", "both"])),
            weighted=rng.random() < 0.3,
            forced=rng.random() < 0.3,
            forbidden=rng.random() < 0.3,
            fit_intercept=rng.random() < 0.75,
        )
        try:
            judge_optimal(q, ez.best_subset(q.X, q.y, **q.arguments(), solver="exhaustive"))
        except Exception as error:
            error.add_note(f"seed {seed}: {describe(q)}")
            raise


@given(q=questions(**PLAIN, form="k", weighted=False, forced=False, forbidden=False, fit_intercept=True))
def test_every_size_equals_brute_force(q):
    path = ez.path(q.X, q.y, k=q.n_columns, certify=True)
    for size, fit in best_by_size(q.asked(k=None)).items():
        assert path[size].loss == pytest.approx(fit.loss, rel=1e-9, abs=1e-13 * path[0].loss)


def test_hitters(expected, data_dir):
    X, y, names = hitters(data_dir)
    known = expected("hitters")
    assert names == known["names"]
    path = ez.path(X, y, k=19, certify=True)
    judge_known(path, known, X, y)
    assert [names[j] for j in path[3].support] == ["Hits", "CRBI", "PutOuts"]


def test_shipped_hitters_are_the_same_design(expected, data_dir):
    X, y, names = hitters(data_dir)
    shipped = ez.datasets.load_hitters()
    np.testing.assert_array_equal(shipped.X, X)
    np.testing.assert_array_equal(shipped.y, y)
    assert list(shipped.feature_names) == names


def test_prostate(expected, data_dir):
    X, y, names = prostate(data_dir)
    known = expected("prostate")
    assert names == known["names"]
    path = ez.path(X, y, k=8, certify=True)
    judge_known(path, known, X, y)
    everyone = prostate(data_dir, train=False)[0]
    for row in known["sizes"]:
        # Printed for columns standardised over all 97 men.
        result, support = path[row["k"]], row["index"]
        found = [result.intercept + result.coef @ everyone.mean(0), *(result.coef * everyone.std(0, ddof=1))[support]]
        np.testing.assert_allclose(found, row["coef_intercept_first"], rtol=1e-9)
    X, y, _ = prostate(data_dir, train=False)
    judge_known(ez.path(X, y, k=8, certify=True), known["all97"], X, y)


@pytest.mark.parametrize("name", CLASSICS)
def test_classics(expected, data_dir, name):
    known = expected("classics")[name]
    X, y = classic(data_dir, name, known["names"])
    judge_known(ez.path(X, y, k=X.shape[1], certify=True), known, X, y)


def test_diabetes(expected, data_dir):
    X, y, names = simple(data_dir, "diabetes", "diabetes_raw.csv", "target")
    known = expected("diabetes")
    assert names == known["names"]
    judge_known(ez.path(X, y, k=10, certify=True), known, X, y)


def test_bodyfat(expected, data_dir):
    X, y, _ = simple(data_dir, "bodyfat", "bodyfat.csv", "DEXfat")
    judge_path(ez.path(X, y, k=9, certify=True), best_squares(X, y), X, y)


def judge_perturbed_hitters(data_dir, seed):
    X, y, _ = hitters(data_dir)
    rng = np.random.default_rng(seed)
    rows = rng.choice(263, 211, replace=False)
    X, y = X[rows], y[rows] * rng.uniform(0.7, 1.4, 211) + 37 * rng.standard_normal(211)
    columns = rng.permutation(19)
    judge_path(ez.path(X[:, columns], y, k=19, certify=True), best_squares(X[:, columns], y), X[:, columns], y)


def test_perturbed_hitters_against_brute_force(expected, data_dir):
    """No known answer is read: other rows, another salary, another order give the other answer."""
    judge_perturbed_hitters(data_dir, 37)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_more_perturbed_hitters_against_brute_force(expected, data_dir, seed):
    judge_perturbed_hitters(data_dir, seed)


# More columns than rows, no ridge, no box: plain enumeration of at most three columns.


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_enumeration_equals_brute_force(k, seed):
    q = make_question(seed, n=11, p=17, correlation=0.5, weighted=seed % 2, fit_intercept=seed < 2).asked(k=k)
    judge_optimal(q, ez.best_subset(q.X, q.y, **q.arguments(), solver="exhaustive"))


@pytest.mark.parametrize("k", [1, 2])
def test_gasoline_nir(expected, data_dir, k):
    data = np.load(data_dir / "gasoline_nir" / "data.npz")
    row = expected("gasoline_nir")["sizes"][k]
    result = ez.best_subset(data["X"], data["y"], k=k)
    assert tuple(result.support) == tuple(row["index"])
    assert 2 * 60 * result.loss == pytest.approx(row["rss"], rel=1e-9)
    assert result.status is ez.Status.OPTIMAL


@pytest.mark.slow
def test_gasoline_nir_three_columns(expected, data_dir):
    data = np.load(data_dir / "gasoline_nir" / "data.npz")
    row = expected("gasoline_nir")["sizes"][3]
    result = ez.best_subset(data["X"], data["y"], k=3, time_limit=300)
    assert tuple(result.support) == tuple(row["index"])
    assert 2 * 60 * result.loss == pytest.approx(row["rss"], rel=1e-9)
    assert result.status is ez.Status.OPTIMAL


@pytest.mark.parametrize("k", [1, 2, 3])
def test_diabetes_with_squares_and_products(expected, data_dir, k):
    X, y, _ = simple(data_dir, "diabetes", "diabetes_raw.csv", "target")
    known = expected("diabetes")["quadratic64"]
    Z = (X - X.mean(0)) / X.std(0)
    squares = [Z[:, j] ** 2 for j in range(10) if j != 1]
    Z = np.column_stack([Z, *squares, *(Z[:, i] * Z[:, j] for i in range(10) for j in range(i + 1, 10))])
    result = ez.best_subset(Z, y, k=k)
    assert tuple(result.support) == tuple(known["sizes"][k]["index"])
    assert 2 * 442 * result.loss == pytest.approx(known["sizes"][k]["rss"], rel=1e-9)
    assert result.status is ez.Status.OPTIMAL


@pytest.mark.parametrize("k", [2, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize("response", [0, 1])
def test_finemap(expected, data_dir, response, k):
    """120 million supports of three, many of columns that are nearly alike; columns 380 and 385 are equal."""
    data = np.load(data_dir / "finemap_n3" / "data.npz")
    X, y = np.asarray(data["X"], float), np.asarray(data["Y"], float)[:, response]
    row = expected("finemap_n3")[f"Y{response}"]["sizes"][k]
    result = ez.best_subset(X, y, k=k, time_limit=600.0)
    assert 2 * 574 * result.loss == pytest.approx(row["rss"], rel=1e-9)
    assert tuple(result.support) == tuple(row["index"])
    assert result.status is ez.Status.OPTIMAL
    if response == 0:
        (checked,) = result.certificate.verify(X, y)
        assert checked.gap <= 1e-8


@pytest.mark.parametrize("how", ["interrupt", "time limit", "interrupt in the check"])
def test_an_enumeration_can_be_stopped(monkeypatch, how):
    """What is scored between two looks at the clock is little here."""
    monkeypatch.setattr(exhaustive, "SCORED", 1)
    q = make_question(11, n=25, p=60, correlation=0.5).asked(k=3)
    seen = []

    def stop(event):
        seen.append(event)
        if how == "interrupt" and len(seen) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(_progress, "SHOW_EVERY", 0.0)
    if how == "interrupt in the check":

        def interrupted(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(exhaustive, "checked_bounds", interrupted)
        monkeypatch.setattr(exhaustive, "COARSE", 0.0)
    limit = 1e-9 if how == "time limit" else 60.0
    result = ez.best_subset(q.X, q.y, k=3, solver="exhaustive", on_progress=stop, time_limit=limit)
    judge_answer(q, result)
    assert seen
    assert result.status is (ez.Status.TIME_LIMIT if how == "time limit" else ez.Status.INTERRUPTED)
    if how == "interrupt in the check":  # all were scored: what rounding may take is all that is open
        assert result.gap <= 1e-6
        assert result.certificate.verify(q.X, q.y)[0].gap <= 1e-6
    else:
        assert len(seen) < 60
        assert result.lower_bound is None


def test_refuses_many_columns_of_wide_data():
    q = make_question(2, n=11, p=17).asked(k=5)
    with pytest.raises(ez.errors.UnsupportedError, match="exhaustive"):
        ez.best_subset(q.X, q.y, k=5, solver="exhaustive")


def test_interrupt_keeps_the_best_answer():
    """Forty columns of noise take long enough that there is something to interrupt."""
    q = make_question(37, n=60, p=40, correlation=0.5).asked(k=20)
    seen = []

    def stop(event):
        seen.append(event)
        raise KeyboardInterrupt

    result = ez.best_subset(q.X, q.y, k=20, solver="exhaustive", on_progress=stop)
    assert seen
    judge_answer(q, result)
    assert result.status is ez.Status.INTERRUPTED
    assert result.lower_bound is None or result.lower_bound <= result.objective
    everything = rss(q.X, q.y, range(40)) / 120
    assert result.lower_bound is None or result.lower_bound >= 0.99 * everything


def test_time_limit_keeps_a_true_gap(expected, data_dir):
    X, y, _ = hitters(data_dir)
    result = ez.best_subset(X, y, k=9, solver="exhaustive", time_limit=1e-9)
    known = expected("hitters")["sizes"][9]["rss"] / (2 * 263)
    assert result.status is ez.Status.TIME_LIMIT
    assert result.lower_bound is None or result.lower_bound <= known * (1 + 1e-9)
    assert result.objective >= known * (1 - 1e-9)


def test_criteria_of_hitters_from_their_formulas(expected, data_dir):
    X, y, _ = hitters(data_dir)
    path = ez.path(X, y, k=19)
    known = expected("hitters")
    given = {"n": 263, "fit_intercept": True, "p": 19, "tss": known["tss"]}
    given["sigma2"] = known["sizes"][19]["rss"] / (263 - 20)
    for row in known["sizes"]:
        for name in ("aic", "aicc", "bic", "ebic", "gic", "cp", "adjr2"):
            value = criterion(name, k=row["k"], rss=row["rss"], **given)
            assert path[row["k"]].criterion(name) == pytest.approx(value, rel=1e-8), (name, row["k"])


def test_duplicate_columns_leave_an_optimum_of_either():
    q = make_question(6, n=23, p=5)
    X = np.column_stack([q.X, q.X[:, 0]])
    twin = Question(X, q.y, k=3)
    result = ez.best_subset(X, q.y, k=3)
    assert result.loss == pytest.approx(best_by_size(twin)[3].loss, rel=1e-9)
    assert not {0, 5} <= set(result.support)
