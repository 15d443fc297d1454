"""The shipped data against their known answers."""

import subprocess
import sys

import numpy as np
import pytest

from ellzero.datasets import load_diabetes, load_hitters


def rss(X, y, columns):
    """Residual sum of squares of least squares with an intercept on some columns."""
    A = np.column_stack([np.ones(len(y)), X[:, columns]])
    return float(np.sum((y - A @ np.linalg.lstsq(A, y, rcond=None)[0]) ** 2))


def assert_known(data, answer):
    """Names, total sum of squares and the residual sum of squares of every known support are those of the answer."""
    assert data.X.shape == (answer["n"], answer["p"])
    assert list(data.feature_names) == answer["names"]
    np.testing.assert_allclose(np.sum((data.y - data.y.mean()) ** 2), answer["tss"], rtol=1e-12)
    for size in answer["sizes"]:
        assert [data.feature_names[j] for j in size["index"]] == size["features"]
        np.testing.assert_allclose(rss(data.X, data.y, size["index"]), size["rss"], rtol=1e-9)


def test_hitters_is_the_known_design(expected):
    answer = expected("hitters")
    assert [size["k"] for size in answer["sizes"]] == list(range(20))
    assert_known(load_hitters(), answer)


def test_diabetes_is_the_known_design(expected):
    answer = expected("diabetes")
    assert_known(load_diabetes(), answer)
    assert_known(load_diabetes(interactions=True), answer["quadratic64"])


def test_a_wrong_coding_is_caught(expected):
    """The comparison above fails where League is coded the other way round or two columns change places."""
    data = load_hitters()
    data.X = data.X[:, [1, 0, *range(2, 19)]]
    with pytest.raises(AssertionError):
        assert_known(data, expected("hitters"))


def test_diabetes_is_that_of_scikit_learn():
    from sklearn.datasets import load_diabetes as theirs

    np.testing.assert_array_equal(load_diabetes().X, theirs().data)
    np.testing.assert_array_equal(load_diabetes().y, theirs().target)


def test_interactions_are_products_of_standardised_columns():
    data = load_diabetes(interactions=True)
    place = {name: j for j, name in enumerate(data.feature_names)}
    np.testing.assert_allclose(data.X[:, :10].mean(axis=0), 0, atol=1e-13)
    np.testing.assert_allclose(data.X[:, :10].std(axis=0), 1, rtol=1e-13)
    np.testing.assert_array_equal(data.X[:, place["bmi^2"]], data.X[:, place["bmi"]] ** 2)
    np.testing.assert_array_equal(data.X[:, place["age:s6"]], data.X[:, place["age"]] * data.X[:, place["s6"]])
    assert "sex^2" not in place


@pytest.mark.parametrize("load", [load_hitters, load_diabetes])
def test_form_of_the_bunch(load):
    data = load()
    assert data.data is data.X
    assert data.target is data.y
    assert data.frame is None
    assert data.X.flags.f_contiguous
    assert "BSD-3" in data.license
    assert f"{data.X.shape[1]}" in data.DESCR or "columns" in data.DESCR
    X, y = load(return_X_y=True)
    np.testing.assert_array_equal(X, data.X)
    np.testing.assert_array_equal(y, data.y)


def test_hitters_as_frame_keeps_the_raw_table():
    plain, data = load_hitters(), load_hitters(as_frame=True)
    assert data.frame.shape == (322, 20)
    assert data.frame["Salary"].isna().sum() == 59
    assert set(data.frame["League"]) == {"A", "N"}
    assert list(data.X.columns) == plain.feature_names
    np.testing.assert_array_equal(data.X.to_numpy(), plain.X)
    np.testing.assert_array_equal(data.y.to_numpy(), plain.y)
    assert data.y.name == "Salary"
    rows = data.frame.loc[data.X.index]
    np.testing.assert_allclose(rows["Salary"], plain.y, rtol=1e-14)
    np.testing.assert_array_equal(rows["League"] == "N", data.X["League_N"] == 1)


def test_diabetes_as_frame():
    data = load_diabetes(as_frame=True)
    assert list(data.frame.columns) == [*data.feature_names, "target"]
    assert data.frame.shape == (442, 11)


@pytest.mark.parametrize("module", ["pandas", "sklearn", "pyarrow"])
def test_the_room_loads_nothing_heavy(module):
    code = f"import ellzero.datasets, sys; sys.exit({module!r} in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_hitters_needs_no_pandas():
    code = (
        "import sys; sys.modules['pandas'] = None\n"
        "from ellzero.datasets import load_hitters\n"
        "from ellzero.errors import MissingExtraError\n"
        "assert load_hitters().X.shape == (263, 19)\n"
        "try:\n    load_hitters(as_frame=True)\n"
        "except MissingExtraError as error:\n    assert \"pip install 'ellzero[data]'\" in str(error)\n"
        "else:\n    raise SystemExit(1)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
