"""Fetchers: the coding of each set against pandas and the known answers, and the errors where data are absent."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from conftest import data_root
from ellzero import datasets
from ellzero.datasets import fetch
from ellzero.datasets._registry import SETS
from ellzero.errors import ArgumentError, DataError, MissingExtraError

HEAVY = {"flights", "gwas_chr10"}
TABLES = [name for name, source in SETS.items() if source.read is None and name not in HEAVY]


def rss(X, y, columns):
    A = np.column_stack([np.ones(len(y)), X[:, columns]])
    return float(np.sum((y - A @ np.linalg.lstsq(A, y, rcond=None)[0]) ** 2))


def assert_known(data, answer, rows=slice(None)):
    """Names and residual sums of squares are those of the answer; the 1e-7 is for longley's condition number."""
    X, y = data.X[rows], data.y[rows]
    assert X.shape == (answer["n"], answer["p"])
    assert data.feature_names == answer.get("names", data.feature_names)
    np.testing.assert_allclose(np.sum((y - y.mean()) ** 2), answer["tss"], rtol=1e-12)
    for size in answer["sizes"]:
        np.testing.assert_allclose(rss(X, y, size["index"]), size["rss"], rtol=1e-7)


# ---- the coding


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow if n in HEAVY else ()) for n in SETS])
def test_every_set_is_what_its_page_says(name, data_dir):
    source, data = SETS[name], getattr(datasets, f"fetch_{name}")()
    assert data.X.shape == source.shape
    assert len(data.y) == source.shape[0]
    assert len(data.feature_names) == len(set(data.feature_names)) == source.shape[1]
    assert data.license == source.licence
    assert source.licence in data.DESCR
    assert source.citation in data.DESCR
    if source.task in ("binary", "multiclass"):
        np.testing.assert_array_equal(np.unique(data.y), np.arange(len(data.target_names)))
    elif source.task == "count":
        assert (data.y >= 0).all()
        np.testing.assert_array_equal(data.y, np.round(data.y))
    elif source.task == "survival":
        assert data.y["time"].min() >= 0
        assert 0 < data.y["event"].sum() < len(data.y)
    else:
        assert np.isfinite(data.y).all()
    assert np.isfinite(data.X.data if sparse.issparse(data.X) else data.X).mean() > 0.8


@pytest.mark.parametrize("name", TABLES)
def test_design_of_a_table_is_that_of_pandas(name, data_dir):
    """Read by another reader and coded by another library: the same numbers, and NaN in the same places."""
    source, data = SETS[name], fetch(name)
    frame = pd.read_csv(data_dir / source.file)
    frame = frame.drop(columns=[c for c in (source.target, source.event, *source.drop) if c])
    text = [c for c in frame if not pd.api.types.is_numeric_dtype(frame[c])]
    coded = pd.get_dummies(frame, columns=[*text, *source.categorical], drop_first=True, dtype=float)
    theirs = coded.to_numpy(dtype=float)
    for column in text:
        theirs[np.ix_(frame[column].isna(), [c.startswith(f"{column}_") for c in coded])] = np.nan
    np.testing.assert_allclose(data.X, theirs, rtol=1e-11)  # pandas 2 reads decimals to within a few bits
    theirs_named = [f"{c[:4]}{c[5]}" if c.startswith("race_") else c for c in coded]
    assert data.feature_names == theirs_named


@pytest.mark.parametrize("name", ["longley", "swiss", "mtcars", "stackloss", "attitude", "UScrime", "Boston"])
def test_classics_have_their_known_answers(name, data_dir, expected):
    assert_known(fetch(name.lower()), expected("classics")[name])


def test_prostate_has_its_known_answers(data_dir, expected):
    data, answer = datasets.fetch_prostate(), expected("prostate")
    assert_known(data, answer, rows=data.train)
    assert_known(data, answer["all97"])


def test_spectra_and_genes_have_their_known_answers(data_dir, expected):
    gasoline, answer = datasets.fetch_gasoline_nir(), expected("gasoline_nir")
    assert_known(gasoline, answer)
    assert all([gasoline.feature_names[j] for j in size["index"]] == size["features"] for size in answer["sizes"])
    genes, answer = datasets.fetch_finemap_n3(), expected("finemap_n3")["Y0"]
    assert_known(genes, answer)
    assert np.flatnonzero(genes.true_coef[:, 0]).tolist() == answer["true_index"]
    golub, answer = datasets.fetch_golub38(), expected("golub38")
    for j, name in zip(answer["index"], answer["gene_id"], strict=True):
        assert golub.feature_names[j] == name
        low, high = np.sort([[golub.X[golub.y == c, j].min(), golub.X[golub.y == c, j].max()] for c in (0, 1)], axis=0)
        assert low[1] < high[0] or golub.X[golub.y == 1, j].min() > golub.X[golub.y == 0, j].max()


@pytest.mark.parametrize(
    ("folder", "file", "name"),
    [
        ("classics", "expected_logistic.json", "birthwt"),
        ("counts_small", "expected.json", "bioChemists"),
        ("counts_small", "expected.json", "DoctorVisits"),
        ("surv_small", "expected.json", "gbsg2"),
        ("surv_small", "expected.json", "veteran"),
    ],
)
def test_columns_stand_where_the_known_supports_have_them(folder, file, name, data_dir, expected):
    data = fetch({"DoctorVisits": "doctor_visits"}.get(name, name.lower()))
    answer = expected(folder, file)[name]
    assert data.X.shape == (answer["n"], answer["p"])
    for size in answer["sizes"]:
        assert [data.feature_names[j] for j in size["index"]] == size["features"]
    if "events" in answer:
        assert data.y["event"].sum() == answer["events"]


def test_poisson_null_likelihood_is_the_known_one(data_dir, expected):
    from scipy.stats import poisson

    for name, key in (("biochemists", "bioChemists"), ("doctor_visits", "DoctorVisits")):
        y = fetch(name).y
        known = expected("counts_small")[key]["sizes"][0]["loglik"]
        np.testing.assert_allclose(poisson.logpmf(y, y.mean()).sum(), known, rtol=1e-10)


def test_positive_class_is_one(data_dir):
    assert datasets.fetch_spambase().target_names == ["nonspam", "spam"]
    assert datasets.fetch_spambase().y.sum() == 1813
    assert datasets.fetch_caravan().y.mean() == pytest.approx(0.06, abs=0.003)
    leukaemia = datasets.fetch_all_leukemia()
    assert leukaemia.target_names == ["NEG", "BCR/ABL"]
    assert np.bincount(leukaemia.y).tolist() == [42, 37]


def test_missing_cells_stay_missing(data_dir):
    data = datasets.fetch_surv_support2()
    assert np.isnan(data.X).sum() == 34726
    ekg = [j for j, name in enumerate(datasets.fetch_byar_prostate().feature_names) if name.startswith("fac_ekg")]
    assert np.isnan(datasets.fetch_byar_prostate().X[:, ekg]).all(axis=1).sum() == 8


# ---- the forms


def test_as_frame_gives_the_table_and_the_design(data_dir):
    data = datasets.fetch_birthwt(as_frame=True)
    assert list(data.frame.columns) == ["low", "age", "lwt", "race", "smoke", "ptl", "ht", "ui", "ftv", "bwt"]
    assert list(data.X.columns)[-2:] == ["race2", "race3"]
    assert data.y.name == "low"
    cox = datasets.fetch_gbsg2(as_frame=True)
    assert list(cox.y.columns) == ["event", "time"]
    text = datasets.fetch_spamassassin(as_frame=True)
    assert text.X.sparse.density < 0.01
    octane = datasets.fetch_gasoline_nir(as_frame=True)
    assert octane.frame.columns[-1] == "octane"


def test_return_x_y(data_dir):
    X, y = datasets.fetch_swiss(return_X_y=True)
    data = datasets.fetch_swiss()
    np.testing.assert_array_equal(X, data.X)
    np.testing.assert_array_equal(y, data.y)


def test_every_fetcher_is_public_and_documented():
    for name, source in SETS.items():
        function = getattr(datasets, f"fetch_{name}")
        assert function.__name__ == f"fetch_{name}"
        assert f"fetch_{name}" in datasets.__all__
        assert source.title in function.__doc__
        assert source.licence in function.__doc__


# ---- where data are absent


def test_unset_variable_says_what_to_set(monkeypatch):
    monkeypatch.delenv("ELLZERO_DATA", raising=False)
    with pytest.raises(DataError, match=r"'boston' does not ship with ellzero, and ELLZERO_DATA is not set\.") as error:
        datasets.fetch_boston()
    assert "classics/Boston.csv" in str(error.value)


def test_missing_folder_and_missing_file_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("ELLZERO_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match=r"no folder .*nowhere\. Set ELLZERO_DATA"):
        datasets.fetch_swiss()
    monkeypatch.setenv("ELLZERO_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"no file classics/swiss\.csv in "):
        datasets.fetch_swiss()


def test_data_home_stands_before_the_variable(monkeypatch, tmp_path):
    monkeypatch.setenv("ELLZERO_DATA", str(tmp_path / "nowhere"))
    (tmp_path / "classics").mkdir()
    (tmp_path / "classics" / "swiss.csv").write_text("Fertility,Zone,Hills\n1.9,a,0.37\n3.7,b,NA\n", encoding="utf-8")
    data = datasets.fetch_swiss(data_home=tmp_path)
    assert data.feature_names == ["Hills", "Zone_b"]
    np.testing.assert_array_equal(data.X, [[0.37, 0], [np.nan, 1]])
    np.testing.assert_array_equal(data.y, [1.9, 3.7])


def test_unknown_name_has_a_suggestion():
    with pytest.raises(ArgumentError, match='Did you mean "boston"'):
        fetch("bostn")


def test_parquet_needs_pyarrow(monkeypatch, tmp_path):
    (tmp_path / "flights").mkdir()
    (tmp_path / "flights" / "flights.parquet").touch()
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "pyarrow.parquet", raising=False)
    with pytest.raises(MissingExtraError, match=r"reading flights\.parquet needs pyarrow"):
        datasets.fetch_flights(data_home=tmp_path)


# ---- the law of the skipped test


def test_a_skipped_data_test_fails_where_data_exist(pytester, data_dir):
    """What conftest promises, on a test that skips although the folder is there."""
    assert data_root().is_dir()
    pytester.makeconftest((Path(__file__).parents[1] / "conftest.py").read_text(encoding="utf-8"))
    pytester.makepyfile("import pytest\ndef test_lazy(expected):\n    pytest.skip('no time')\n")
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(failed=1)
    pytester.makepyfile("import pytest\ndef test_other():\n    pytest.skip('no data needed')\n")
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(skipped=1)
