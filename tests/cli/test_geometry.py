"""`ellzero geometry`: pictures, arrays and exit codes, against closed forms and the library."""

import json
import re
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest

from ellzero import geometry as geo
from tables import houses

LOSS = """import numpy as np
from ellzero.geometry import quadratic

def nowhere(x):
    return x[:, 0] * np.nan

def bowl(x):
    return (x**2).sum(axis=-1)

def broken(x):
    return x[:, 7]

def matrix(x):
    return x

number = 37
loss = quadratic([[1.0, 0.37], [0.37, 0.8]], [0.45, 1.9])
"""


@pytest.fixture
def code(write):
    write("losses.py", LOSS)
    return lambda name: f"losses.py:{name}"


@pytest.fixture
def arrays(run):
    """Run `geometry --json` and return its panels."""

    def call(*words):
        ran = run("geometry", *words, "--json")
        assert ran.code == 0, ran.err
        document = json.loads(ran.out)
        assert document["format"] == "ellzero geometry 1"
        return document["panels"]

    return call


@pytest.mark.parametrize(("ending", "start"), [("svg", b"<?xml"), ("png", b"\x89PNG")])
def test_pictures_are_written_and_are_the_same_again(run, write, tmp_path, ending, start):
    write("old", "")
    words = ("geometry", "--p", 2, 1, ".5", 0, "--loss", "quadratic", "-o", f"a.{ending}")
    ran = run(*words)
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[-1] == f"wrote a.{ending}"
    first = (tmp_path / f"a.{ending}").read_bytes()
    assert first.startswith(start)
    assert run(*words, "-q").out.count("\n") == 4
    assert (tmp_path / f"a.{ending}").read_bytes() == first
    assert {path.name for path in tmp_path.iterdir()} == {"old", f"a.{ending}"}


def test_sentences_are_closed_forms(run, write):
    write("old", "")
    ran = run("geometry", "--p", "inf", 1.9, 0.37, "--budget", 0.7, "-o", "a.svg")
    areas = [float(area) for area in re.findall(r"radius 0.7: area (\S+)", ran.out)]
    assert areas == [pytest.approx(geo.ball_content(p, 2, 0.7), rel=1e-3) for p in (np.inf, 1.9, 0.37)]


def test_arrays_are_the_library_s(arrays, code):
    for panel, p in zip(arrays("--p", 2, 1, 0.5, "--loss", code("loss"), "--budget", 0.7), (2, 1, 0.5), strict=True):
        loss = geo.quadratic([[1.0, 0.37], [0.37, 0.8]], [0.45, 1.9])
        assert panel["contact"]["point"] == pytest.approx(geo.contact(loss, p, 0.7).point.tolist(), abs=1e-12)
        np.testing.assert_allclose(geo.norm(panel["ball"]["points"], p), 0.7, rtol=1e-9)
        np.testing.assert_allclose(loss(panel["touching"]["points"]), panel["contact"]["value"], rtol=1e-8)
        assert panel["names"] == ["x1", "x2"]


def test_a_slice_of_a_ball_is_a_smaller_ball(arrays):
    (panel,) = arrays("--p", 0.7, "--dimension", 4, "--slice", "x4=.2,x2=-.1", "--budget", 1.9)
    points = np.array(panel["ball"]["points"])
    whole = np.column_stack([points[:, 0], np.full(len(points), -0.1), points[:, 1], np.full(len(points), 0.2)])
    np.testing.assert_allclose(geo.norm(whole, 0.7), 1.9, rtol=1e-9)
    assert panel["names"] == ["x1", "x3"]


def test_a_loss_alone_in_slices(arrays):
    panels = arrays("--loss", "quartic", "--slice", "z=0", "--slice", "z=.4", "--levels", 0.3, 0.7)
    for panel, z in zip(panels, (0.0, 0.4), strict=True):
        assert panel["title"] == f"z = {z:g}"
        for line, level in zip(panel["contours"], (0.3, 0.7), strict=True):
            points = np.column_stack([line["points"], np.full(len(line["points"]), z)])
            np.testing.assert_allclose(geo.quartic()(points), level, rtol=1e-9)


def test_a_table_s_loss_is_that_of_select(arrays, table):
    columns = {name: None for name in houses() if name not in ("area", "age", "price")}
    (panel,) = arrays("--p", 1, "--loss", table(**columns), "-y", "price")
    X = np.column_stack([houses()["area"], houses()["age"]]).astype(float)
    y = np.array(houses()["price"], float)
    coef = np.linalg.lstsq(X - X.mean(axis=0), y - y.mean(), rcond=None)[0]
    assert panel["names"] == ["area × sd", "age × sd"]
    assert panel["centre"] == pytest.approx((coef * X.std(axis=0)).tolist(), rel=1e-7)


def test_the_seed_decides_and_has_two_names(arrays):
    words = ("--p", 0.5, "--loss", "quadratic", "--dimension", 3)
    assert arrays(*words, "--seed", 3) == arrays(*words, "--random-state", 3)


@pytest.mark.parametrize(
    ("words", "exit", "sentence"),
    [
        (["--p", "-1"], 2, "--p must be a number in [0, inf], got -1.0."),
        (["--p", "nan"], 2, "--p must be a number in [0, inf], got nan."),
        (["--p", "1", "--loss", "quadratic", "--budget", "0"], 2, "--budget must be a finite number > 0, got 0.0."),
        (
            ["--p", "1", "2", "--budget", "1", "2", "3"],
            2,
            "--budget takes one number or one for each of 2 balls, got 3.",
        ),
        (["--loss", "quartic", "--levels", "99"], 2, "--levels must lie strictly between"),
        (["--levels", "1"], 2, "--levels says something about a loss: it needs --loss."),
        (["--loss", "quartic", "--budget", "1"], 2, "--budget says something about balls: it needs --p."),
        (["--loss", "quartic", "--slice", "w=0"], 2, "no axis 'w'; there are 3: x, y, z."),
        (["--p", "1", "--slice", "x9=0"], 2, '--slice: no axis "x9"; there are 3: x1, x2, x3.'),
        (["--p", "1", "--slice", "x3=1.9"], 2, "--slice misses the ball"),
        (["--p", "1", "--slice", "x3"], 2, '"x3" holds no axis: write x3=0 or x3=0,x4=.2.'),
        (["--p", "1", "--slice", "x3=0", "--slice", "x4=0"], 2, "balls are drawn in one slice, got 2."),
        (["--p", "1", "--limits", "2,1"], 2, '"2,1" are no limits: write LOW,HIGH such as -1,2.'),
        (["--p", "1", "--dimension", "4"], 2, "a ball has 4 variables, and pictures have 2 or 3."),
        (["--loss", "quartic", "--dimension", "2"], 2, "--dimension 2 contradicts --loss, which has 3 variables."),
        (["--loss", "cubic"], 2, '--loss "cubic" is no loss: write quadratic, quartic, a table'),
        (["--loss", "houses.csv"], 2, '--target is needed: the column of "houses.csv"'),
        (["--loss", "nothing.csv", "-y", "price"], 3, 'no file "nothing.csv"'),
        (["--loss", "losses.py:nowhere"], 3, "is NaN at"),
        (["--loss", "losses.py:matrix"], 3, "is not a scalar field"),
        (["--loss", "losses.py:broken"], 3, '"losses.py:broken" failed: IndexError'),
        (["--loss", "losses.py:number"], 3, '"losses.py:number" is a int, not a function or a class.'),
        (["--loss", "losses.py:absent"], 3, '"losses.py" has no "absent".'),
        (["--p", "1", "--loss", "losses.py:bowl"], 2, "a contact point needs the gradient and the Hessian of bowl."),
    ],
)
def test_what_cannot_be_is_one_sentence(run, write, words, exit, sentence):
    write("losses.py", LOSS)
    write("houses.csv", "price,area\n1,2\n")
    ran = run("geometry", *words, "-o", "a.svg")
    assert (ran.code, ran.out) == (exit, "")
    assert sentence in ran.error
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("file", "exit", "sentence"),
    [
        ("a.pdf", 2, 'the format of "a.pdf" is told by its ending, one of .svg, .png, .html.'),
        ("nowhere/a.svg", 7, 'cannot write "nowhere/a.svg": there is no folder "nowhere".'),
        ("-", 2, 'the format of "-" is told by its ending'),
    ],
)
def test_files_that_cannot_be_written(run, write, file, exit, sentence):
    write("old", "")
    ran = run("geometry", "-o", file)
    assert ran.code == exit
    assert sentence in ran.error
    assert run("geometry").error.startswith("-o is needed: a file that ends in .svg, .png, .html.")


@pytest.mark.parametrize(
    ("package", "file", "extra"),
    [("plotly", "a.html", "web"), ("matplotlib", "a.svg", "plot"), ("contourpy", "a.svg", "geometry")],
)
def test_a_missing_package_is_named_with_its_pip_line(run, write, monkeypatch, tmp_path, package, file, extra):
    write("old", "")
    monkeypatch.setitem(sys.modules, package, None)
    ran = run("geometry", "--p", 1, "--loss", "quadratic", "-o", file)
    assert ran.code == 6
    assert ran.error.endswith(f"pip install 'ellzero[{extra}]'")
    assert {path.name for path in tmp_path.iterdir()} == {"old"}


def test_the_callers_backend_stays_and_text_in_vectors_is_text(run, write):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    usual = matplotlib.get_backend()
    try:
        pyplot.switch_backend("svg")
        write("old", "")
        assert run("geometry", "--p", 1, "-o", "a.svg").code == 0
        assert matplotlib.get_backend() == "svg"
        assert pyplot.get_fignums() == []
    finally:
        pyplot.switch_backend(usual)
    assert "<text" in Path("a.svg").read_text()


def test_a_page_holds_the_picture_and_its_words(run, write, tmp_path):
    pytest.importorskip("plotly")
    write("old", "")
    ran = run("geometry", "--p", 1, 0, "--loss", "quadratic", "--budget", 0.7, 1, "-o", "a.html")
    assert ran.code == 0, ran.err
    text = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert "<li>p = 1: touches at x1 = 0, x2 = 0.7</li>" in text
    assert not re.findall(r'<script[^>]+src="http', text)


def test_help(run):
    text = " ".join(run("geometry", "--help").out.replace("│", " ").split())
    for word in (
        "--p",
        "--loss",
        "--levels",
        "--slice",
        "--budget",
        "--dimension",
        "--seed",
        "--json",
        "Can be repeated",
    ):
        assert word in text


def test_a_slice_of_a_tables_loss_stays_in_standardised_coefficients(run, write, tmp_path):
    """Columns on scales a hundred times apart; the slice holds a column that the answer leaves out."""
    rng = np.random.default_rng(37)
    a, b, c = 190.0 * rng.normal(size=60), rng.normal(size=60), rng.normal(size=60)
    y = 0.01 * a + b + 0.037 * rng.normal(size=60)
    write("t.csv", "a,b,c,y\n" + "\n".join(f"{i},{j},{k},{v}" for i, j, k, v in zip(a, b, c, y, strict=True)))
    words = ("geometry", "--loss", "t.csv", "--target", "y", "--p", 1, "--budget", 0.7, "-o", "t.svg")
    whole, held = run(*words), run(*words, "--slice", "c=0")
    assert whole.code == held.code == 0, held.err
    assert "c × sd = 0" in whole.out
    numbers = [re.search(r"a × sd = ([\d.]+), b × sd = ([\d.]+)", ran.out).groups() for ran in (whole, held)]
    assert numbers[0] == numbers[1]
    assert run(*words, "--slice", "d=0").code == 2
