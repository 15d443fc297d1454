"""`ellzero compare`: the table, the files and the exit codes, against the library's own solvers and hand-made cases."""

import csv
import io
import itertools
import json

import numpy as np
import pytest

from ellzero.cli.console import Console
from oracles import rss as least
from tables import csv_of, houses

QUICK = [word for name in ("stepwise", "exchange", "exhaustive") for word in ("--solver", name)]
NUMERIC = {"zone": None, "garage": None, "w": None, "sold": None, "visits": None}
NAMES = {"stepwise forward", "stepwise backward", "stepwise both", "exchange", "exhaustive"}


def rss(columns, y):
    X = np.column_stack([*columns, np.zeros(len(y))])
    return least(X, np.asarray(y), range(len(columns)))


@pytest.fixture
def compared(run):
    """Run `compare --json` and return the document."""

    def call(*words, **more):
        ran = run("compare", *words, "--json", **more)
        assert ran.code == 0, ran.err
        return json.loads(ran.out)

    return call


def test_every_method_is_judged_by_its_own_residuals(compared, table):
    document = compared(table(**NUMERIC), "-y", "price", "--k", 2, *QUICK)
    columns = {name: values for name, values in houses().items() if name in ("area", "rooms", "age")}
    price = houses()["price"]
    every = [
        rss([columns[name] for name in names], price)
        for k in range(3)
        for names in itertools.combinations(columns, k)
    ]  # fmt: skip
    assert {m["method"] for m in document["methods"]} == NAMES
    assert document["optimum"] == pytest.approx(min(every) / 2 / len(price), rel=1e-9)
    for method in document["methods"]:
        own = rss([columns[name] for name in method["columns"]], price)
        assert method["loss"] == pytest.approx(own / 2 / len(price), rel=1e-9)
        assert method["size"] == len(method["columns"]) <= 2
        assert (method["known"] == "proved, with certificate") is (method["method"] == "exhaustive")


def test_the_screen_says_what_the_document_says(run, compared, table):
    words = (table(), "-y", "price", "--k", 3, *QUICK)
    ran, document = run("compare", *words), compared(*words)
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0].startswith("read 37 rows of houses.csv, used 37; 8 columns -> 9 terms in 8 groups")
    shown = [line for line in lines if line.startswith(tuple(NAMES))]
    assert len(shown) == len(document["methods"])
    assert any(line.startswith("best found  price = ") for line in lines)
    for absent in document["absent"]:
        assert any(line.startswith(f"No answer of {absent['method']}: ") for line in lines)
    quiet = run("compare", *words, "-q")
    assert "best found" not in quiet.out
    assert quiet.err == ""


@pytest.mark.parametrize("ending", ["json", "csv", "md", "tex", "html"])
def test_files(run, table, tmp_path, ending):
    ran = run("compare", table(**NUMERIC), "-y", "price", "--k", 2, *QUICK, "-o", f"found.{ending}")
    assert ran.code == 0
    assert f"wrote found.{ending}" in ran.out
    text = (tmp_path / f"found.{ending}").read_text(encoding="utf-8")
    for name in NAMES:
        assert name in text
    if ending == "csv":
        rows = list(csv.DictReader(io.StringIO(text)))
        assert {row["solver"] for row in rows} == NAMES
        assert all(float(row["over optimum %"]) >= -1e-6 for row in rows)
        assert {row["columns"] for row in rows if row["solver"] == "exhaustive"} == {"area + age"}
    if ending == "html":
        assert text.count("<tr>") == 1 + len(NAMES)


def test_refusals_in_the_words_of_the_command(compared, table):
    document = compared(table(**{**NUMERIC, "sold": houses()["sold"]}), "-y", "sold", "--k", 2, "--solver", "branch",
                        "--solver", "splicing")  # fmt: skip
    assert [a["method"] for a in document["absent"]] == ["branch"]
    assert document["optimum"] is None
    shown = compared(table(**{**NUMERIC, "sold": houses()["sold"]}), "-y", "sold", "--k", 2, "--l2", 0.019,
                     "--solver", "branch", "--solver", "splicing")  # fmt: skip
    assert shown["absent"] == []
    assert shown["optimum"] is not None


def test_without_proof(compared, table):
    document = compared(table(**NUMERIC), "-y", "price", "--k", 2, "--no-proof")
    assert document["optimum"] is None
    assert document["lower_bound"] is not None
    assert {m["status"] for m in document["methods"]} == {"heuristic"}


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--k", 9], 2, "--k 9 is too large: there are 3 candidates, so the largest size is 3."),
        (["--k", 2, "--solver", "trunk"], 2, "--solver must be one of auto, exhaustive, branch"),
        (["--k", 2, "-o", "found.txt"], 2, 'the format of "found.txt" is told by its ending'),
        (["--k", 2, "-o", "nowhere/found.md"], 7, 'cannot write "nowhere/found.md"'),
        (["--k", 2, "--forced", "garden"], 3, 'no column "garden" in houses.csv.'),
        ([], 2, "parameter --k requires an argument"),
    ],
)
def test_errors(run, table, words, code, sentence):
    ran = run("compare", table(**NUMERIC), "-y", "price", *words)
    assert ran.code == code
    assert sentence in ran.error
    assert ran.out == ""


def test_ctrl_c_keeps_what_is_done(run, table, monkeypatch, tmp_path):
    from contextlib import contextmanager

    from ellzero import _progress

    @contextmanager
    def pressed(self):
        seen = set()

        def listen(event):
            seen.add(event.stage)
            if "path" in seen:
                raise KeyboardInterrupt

        yield listen

    monkeypatch.setattr(Console, "progress", pressed)
    monkeypatch.setattr(_progress, "SHOW_EVERY", 0.0)
    ran = run("compare", table(**NUMERIC), "-y", "price", "--k", 2, *QUICK, "-o", "found.json")
    assert ran.code == 130
    document = json.loads((tmp_path / "found.json").read_text())
    assert document["interrupted"]
    assert {a["method"] for a in document["absent"]} == {"exhaustive"}
    assert "The comparison was interrupted" in ran.out


def test_help(run):
    text = " ".join(run("compare", "--help").out.replace("│", " ").split())
    for word in ("--solver", "--no-proof", "--time-limit", "[default: 60s]", "Can be repeated"):
        assert word in text


def test_weights_are_repeated_rows(compared, table, write):
    words = ("-y", "price", "--k", 2, *QUICK)
    weighted = compared(table(**{**NUMERIC, "w": houses()["w"]}), "--sample-weight", "w", *words)
    w = np.array(houses()["w"])
    kept = ("area", "rooms", "age", "price")
    columns = {name: np.repeat(values, w) for name, values in houses().items() if name in kept}
    repeated = compared(write("long.csv", csv_of(columns)), *words)
    assert weighted["optimum"] == pytest.approx(repeated["optimum"], rel=1e-9)
