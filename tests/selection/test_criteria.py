"""Criteria against their formulas, and sizes that no criterion may be offered."""

import warnings

import numpy as np
import pytest

import ellzero as ez
from known_data import classic, columns, read
from oracles import Question, criterion, fit_support, negative_log_likelihood, rss
from strategies import make_question

NAMES = ("aic", "aicc", "bic", "ebic", "gic", "cp", "adjr2")


@pytest.mark.parametrize(
    ("name", "fit_intercept"), [(name, True) for name in NAMES] + [(name, False) for name in NAMES if name != "adjr2"]
)
def test_squared_error(name, fit_intercept):
    q = make_question(4, n=31, p=7, fit_intercept=fit_intercept, weighted=True)
    path = ez.path(q.X, q.y, k=7, fit_intercept=fit_intercept, sample_weight=q.sample_weight)
    n = q.n_samples
    full = 2 * n * fit_support(q, range(7)).loss
    tss = 2 * n * fit_support(q, ()).loss
    for result in path:
        expected = criterion(
            name,
            n=n,
            k=len(result.support),
            fit_intercept=fit_intercept,
            p=7,
            rss=2 * n * fit_support(q, result.support).loss,
            tss=tss,
            sigma2=full / (n - 7 - fit_intercept),
        )
        assert result.criterion(name) == pytest.approx(expected, rel=1e-8, abs=1e-9), result.k


@pytest.mark.parametrize("loss", ["logistic", "poisson"])
@pytest.mark.parametrize("name", ["aic", "bic", "ebic", "gic"])
def test_other_losses_count_every_constant(loss, name):
    q = make_question(6, n=40, p=5, loss=loss, l2=0.0037, form="k")
    for k in (1, 3):
        result = ez.best_subset(q.X, q.y, k=k, loss=loss, l2=0.0037)
        fit = fit_support(q.asked(l2=0.0037), result.support)
        expected = criterion(name, n=40, k=k, fit_intercept=True, p=5, nll=negative_log_likelihood(q, fit))
        assert result.criterion(name) == pytest.approx(expected, rel=1e-7)


def test_groups_count_their_coefficients():
    q = make_question(6, n=40, p=6)
    result = ez.best_subset(q.X, q.y, k=1, groups=["a", "a", "a", "b", "b", "b"])
    assert result.k == 1
    assert len(result.support) == 3
    value = criterion("bic", n=40, k=3, fit_intercept=True, p=6, rss=rss(q.X, q.y, result.support))
    assert result.criterion("bic") == pytest.approx(value, rel=1e-9)


def test_birthwt(expected, data_dir):
    """All 512 logistic models of the published table."""
    known = expected("classics", "expected_logistic.json")["birthwt"]
    rows = read(data_dir / "classics" / "birthwt.csv")
    for row in rows:
        row |= {"race2": float(row["race"] == "2"), "race3": float(row["race"] == "3")}
    names = ["age", "lwt", "smoke", "ptl", "ht", "ui", "ftv", "race2", "race3"]
    X, y = columns(rows, names), columns(rows, ["low"])[:, 0]
    path = ez.path(X, y, k=9, loss="logistic", time_limit=30)
    for row in known["sizes"]:
        result = path[row["k"]]
        nll = 189 * result.loss
        assert nll == pytest.approx(-row["loglik"], rel=1e-8)
        assert tuple(result.support) == tuple(row["index"])
        assert result.criterion("aic") == pytest.approx(row["aic"], rel=1e-8)
        assert result.criterion("bic") == pytest.approx(row["bic"], rel=1e-8)
    assert path.best("aic").k == known["selected"]["best_k_aic"]
    assert path.best("bic").k == known["selected"]["best_k_bic"]


def test_penalties_on_the_scale_of_the_mean_loss():
    """With l0 = log(n) / (2n) a logistic model is the best one by BIC, with 1/n by AIC."""
    q = make_question(9, n=50, p=5, loss="logistic", form="k")
    # A wide box keeps separable supports finite without a ridge, so that the objective is the likelihood alone.
    box = {"lower": -50 / q.X.std(0), "upper": 50 / q.X.std(0)}
    by_size = ez.path(q.X, q.y, k=5, loss="logistic", certify=True, **box)
    for name, l0 in (("aic", 1 / 50), ("bic", np.log(50) / 100)):
        penalised = ez.best_subset(q.X, q.y, l0=l0, loss="logistic", **box)
        assert penalised.criterion(name) == pytest.approx(min(by_size.criteria(name).values()), rel=1e-6)


def test_saturated_sizes_are_not_offered():
    """Nine rows: with an intercept, seven columns are K = 8 = n - 1 parameters, where every criterion runs away."""
    rng = np.random.default_rng(37)
    path = ez.path(rng.standard_normal((9, 23)), rng.standard_normal(9), k=7)
    assert path[7].k == 7
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ez.errors.EllzeroWarning)
        for name in ("aic", "bic", "ebic", "aicc", "gic"):
            assert path.best(name).k <= 6


def test_a_size_at_the_end_of_the_path_is_said_so():
    q = make_question(1, n=60, p=8)
    y = q.X @ (1 / q.X.std(0)) + 0.1 * np.random.default_rng(0).standard_normal(60)
    path = ez.path(q.X, y, k=4)
    with pytest.warns(ez.errors.EllzeroWarning, match="4"):
        assert path.best("bic").k == 4


def test_the_default_criterion_of_wide_data_is_ebic():
    """With 200 columns BIC takes many; the default must be the one that counts how many there were to choose from."""
    q = make_question(1, n=40, p=200)
    path = ez.path(q.X, q.y, k=9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ez.errors.EllzeroWarning)
        assert ez.path(q.X, q.y).best().k == ez.path(q.X, q.y).best("ebic").k
        values = path.criteria("ebic")
    for k in (0, 3, 7):
        expected = criterion("ebic", n=40, k=k, fit_intercept=True, p=200, rss=rss(q.X, q.y, path[k].support))
        assert values[k] == pytest.approx(expected, rel=1e-9)


def test_cp_needs_a_full_model():
    rng = np.random.default_rng(3)
    result = ez.best_subset(rng.standard_normal((9, 23)), rng.standard_normal(9), k=2)
    with pytest.raises(ValueError, match=r"(?i)cp"):
        result.criterion("cp")


def test_unknown_names_are_refused_with_the_known_ones():
    result = ez.best_subset(np.random.default_rng(3).standard_normal((19, 3)), np.arange(19.0), k=1)
    with pytest.raises(ez.errors.ArgumentError, match="bic"):
        result.criterion("bicc")


def test_mtcars_by_bic(expected, data_dir):
    known = expected("classics")["mtcars"]
    X, y = classic(data_dir, "mtcars", known["names"])
    best = ez.path(X, y, k=10).best("bic")
    assert {known["names"][j] for j in best.support} == {"wt", "qsec", "am"}
    assert Question(X, y).n_samples == best.n_samples == 32
