"""`ellzero select` from the table to the files, against known answers and hand-made cases."""

import csv
import io
import itertools
import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest

from ellzero.cli.console import Console
from tables import csv_of, houses

NUMERIC = {"zone": None, "garage": None, "w": None, "sold": None, "visits": None}


def rss(columns, y, weight=None):
    """Residual sum of squares of a least-squares fit with an intercept."""
    weight = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=float)
    design = np.column_stack([np.ones(len(y)), *columns])
    root = np.sqrt(weight)
    coef = np.linalg.lstsq(design * root[:, None], np.asarray(y) * root, rcond=None)[0]
    return float(weight @ (y - design @ coef) ** 2)


def test_hitters_agrees_with_the_known_answers(chosen, expected, data_dir):
    document = chosen(data_dir / "hitters" / "hitters.csv", "--target", "Salary", "--missing", "drop")
    known = expected("hitters")["sizes"]
    assert len(document["sizes"]) == len(known) == 20
    for found, row in zip(document["sizes"], known, strict=True):
        assert found["size"] == row["k"]
        assert set(found["terms"]) == set(row["features"])
        assert found["rss"] == pytest.approx(row["rss"], rel=1e-9)
        assert found["criteria"]["bic"] == pytest.approx(row["bic"], rel=1e-9)
        assert found["criteria"]["aic"] == pytest.approx(row["aic"], rel=1e-9)
        assert found["criteria"]["cp"] == pytest.approx(row["cp_mallows"], rel=1e-6, abs=1e-6)
        assert found["criteria"]["adjr2"] == pytest.approx(row["adj_r2"], rel=1e-9)
        assert found["status"] == "proven"
        assert found["gap"] <= 1e-6
    assert document["chosen"] == 6
    assert document["data"]["rows_read"] == 322
    assert document["data"]["rows_used"] == 263
    assert document["data"]["rows_lost_to"] == {"Salary": 59}
    assert document["rivals"]["complete"]
    assert document["rivals"]["models"][0]["columns"] == sorted(
        known[6]["runner_up"]["features"], key=document["data"]["terms"].index
    )


def test_criteria_choose_their_sizes(run, expected, data_dir):
    for criterion, size in (("cp", 10), ("adjr2", 11)):
        words = ("--target", "Salary", "--missing", "drop", "--criterion", criterion, "--within", "0")
        ran = run("select", data_dir / "hitters" / "hitters.csv", *words)
        assert f": size {size}." in ran.out


def test_the_screen(run, table):
    ran = run("select", table(**NUMERIC), "--target", "price", "--max-k", "3", "--within", "50%")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0] == "read 37 rows of houses.csv, used 37; 3 columns -> 3 terms"
    assert lines[1] == "linear: mean of price"
    assert lines[2].split() == ["size", "RSS", "R2", "BIC", "gap", "status", "seconds", "±", "in/out"]
    rows = lines[3:7]
    assert [row[0] for row in rows].count(">") == 1
    assert re.fullmatch(r"  +0 +\S+ +0\.0000 +\S+ +0 % +proven +\d+\.\d", rows[0])
    assert rows[1].endswith("+ area")
    assert rows[2].endswith("+ age")
    assert lines[7].startswith("chosen by BIC: size 2.")
    assert any("other model" in line for line in lines[8:])
    assert any(line.startswith("formula  price = ") for line in lines)
    assert any(line.startswith("caution: ") for line in lines)


def test_without_near_rivals(run, table):
    ran = run("select", table(**NUMERIC), "--target", "price", "--k", "2", "--within", "0.1%")
    assert "size 2, as asked." in ran.out
    assert "no other model of this size or smaller lies within 0.1 %." in ran.out


def test_quiet_prints_the_formula_and_json_is_data_only(run, table):
    name = table(**NUMERIC, same=[1] * 37)
    ran = run("select", name, "--target", "price", "-q")
    assert ran.err == ""
    assert ran.out.startswith("price = ")
    assert len(ran.out.splitlines()) == 1
    ran = run("select", name, "--target", "price", "--json")
    assert json.loads(ran.out)["formula"] + "\n" == run("select", name, "--target", "price", "-q").out
    assert ran.err == "note: left out, the same value in every row used: same.\n"


def test_same_seed_same_bytes(run, table):
    name = table()
    first, again = (run("select", name, "--target", "price", "--json", "--random-state", "7") for _ in range(2))
    seconds = re.compile(r'"seconds": [\d.e-]+')
    assert seconds.sub("", first.out) == seconds.sub("", again.out)


def test_text_enters_whole(chosen, table):
    document = chosen(table(), "--target", "price", "--forbidden", "sold", "--forbidden", "visits")
    rows = houses()
    south, north = (rows["zone"] == level for level in ("south", "north"))
    parts = {
        **{name: [rows[name]] for name in ("area", "rooms", "age", "w")},
        "zone": [north, south],
        "garage_yes": [rows["garage"] == "yes"],
    }
    for size in document["sizes"]:
        best = min(
            rss([column for name in names for column in parts[name]], rows["price"])
            for names in itertools.combinations(parts, size["size"])
        )
        assert size["rss"] == pytest.approx(best, rel=1e-9)
        assert ("zone" in size["columns"]) == ("zone_south" in size["terms"]) == ("zone_north" in size["terms"])
    assert document["sizes"][-1]["size"] == 6


def test_forced_and_forbidden(chosen, table):
    words = ("--target", "price", "--forced", "zone", "--forced", "rooms", "--forbidden", "area", "--forbidden", "sold")
    document = chosen(table(), *words)
    assert [size["size"] for size in document["sizes"]] == list(range(2, 7))
    for size in document["sizes"]:
        assert {"zone", "rooms"} <= set(size["columns"])
        assert not {"area", "sold_yes"} & set(size["columns"])


def test_weights_count_as_repeated_rows(chosen, table):
    rows = houses()
    weighted = chosen(table(**(NUMERIC | {"w": rows["w"]})), "--target", "price", "--sample-weight", "w")
    repeated = {name: np.repeat(rows[name], rows["w"]) for name in ("area", "rooms", "age", "price")}
    plain = chosen(table("r.csv", **(dict.fromkeys(rows) | repeated)), "--target", "price")
    assert weighted["chosen"] == plain["chosen"]
    for one, other in zip(weighted["sizes"], plain["sizes"], strict=True):
        assert one["terms"] == other["terms"]
        assert one["rss"] == pytest.approx(other["rss"], rel=1e-9)
        assert one["criteria"]["bic"] == pytest.approx(other["criteria"]["bic"], rel=1e-9)


@pytest.mark.parametrize("missing", ["drop", "impute", "indicator"])
def test_missing_values(chosen, table, missing):
    area = [None if i % 5 == 2 else v for i, v in enumerate(houses()["area"])]
    document = chosen(table(**NUMERIC, area=area), "--target", "price", "--missing", missing)
    assert document["data"]["rows_used"] == (30 if missing == "drop" else 37)
    assert document["data"]["terms"] == ["area", *(["area_missing"] if missing == "indicator" else []), "rooms", "age"]
    assert document["data"]["missing"] == missing


def test_logistic_and_poisson(chosen, table):
    document = chosen(table(visits=None), "--target", "sold", "--max-k", "2", "--l2", "0.001")
    assert document["target"] == {"column": "sold", "task": "logistic", "levels": ["no", "yes"]}
    assert document["formula"].startswith("logit(sold) = ")
    counts = chosen(table(sold=None), "--target", "visits", "--task", "poisson", "--max-k", "2", "--l2", "0.001")
    assert counts["target"]["task"] == "poisson"
    for found in (document, counts):
        deviances = [size["deviance"] for size in found["sizes"]]
        assert deviances == sorted(deviances, reverse=True)
        assert all(size["status"] == "proven" for size in found["sizes"])


@pytest.mark.parametrize("criterion", ["cv", "cv-1se"])
def test_cross_validation(chosen, table, criterion):
    document = chosen(table(**NUMERIC), "--target", "price", "--criterion", criterion)
    scores = {size["size"]: size["criteria"] for size in document["sizes"]}
    best = min(scores, key=lambda k: scores[k]["cv"])
    limit = scores[best]["cv"] + scores[best]["cv_standard_error"]
    expected = best if criterion == "cv" else min(k for k in scores if scores[k]["cv"] <= limit)
    assert document["chosen"] == expected


def test_more_terms_than_rows_is_ebic(chosen, write):
    rng = np.random.default_rng(11)
    columns = {f"x{j}": rng.normal(size=23).round(3) for j in range(31)}
    columns["y"] = (3.7 * columns["x4"] - 1.9 * columns["x9"] + 0.37 * rng.normal(size=23)).round(3)
    document = chosen(write("wide.csv", csv_of(columns)), "--target", "y", "--max-k", "3")
    assert document["criterion"] == "ebic"
    assert document["sizes"][2]["columns"] == ["x4", "x9"]


def test_files(run, table, tmp_path):
    words = [f"-o=out.{ending}" for ending in ("json", "csv", "md", "tex", "html")]
    ran = run(
        "select",
        table(**NUMERIC),
        "--target",
        "price",
        "--within",
        "9000%",
        *words,
        "--model",
        "m.json",
        "--certificate",
        "c.npz",
    )
    assert ran.code == 0, ran.err
    written = sorted(path.name for path in tmp_path.iterdir() if path.name != "houses.csv")
    assert written == ["c.npz", "m.json", "out.csv", "out.html", "out.json", "out.md", "out.tex"]
    for name in written:
        assert re.search(rf"^wrote {name} \(\d+\.\d kB\)$", ran.out, re.MULTILINE)
    document = json.loads((tmp_path / "out.json").read_text())
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text())))
    assert [float(row["rss"]) for row in rows] == [size["rss"] for size in document["sizes"]]
    assert [row["size"] for row in rows if row["chosen"] == "1"] == [str(document["chosen"])]
    formula = document["formula"]
    for name, mark in (("out.md", "| size"), ("out.tex", r"\begin{tabular}"), ("out.html", "<table>")):
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert text.count(mark) == (1 if mark == "| size" else 3)
        assert "caution" in text
        assert "proven" in text
        assert "Chosen model: size 2" in text
        assert name == "out.tex" or formula in text


def test_html_is_escaped(run, table, tmp_path):
    name = table(**(NUMERIC | {"area": None, "<b>x": houses()["area"]}))
    assert run("select", name, "--target", "price", "-o", "out.html").code == 0
    text = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert "<b>" not in text
    assert "&lt;b&gt;x" in text


def test_standard_input(chosen):
    document = chosen("-", "--target", "price", stdin=csv_of({**houses(), "sold": houses()["area"] ** 2}))
    assert document["data"]["source"] == "standard input"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--k", "4"], 2, "--k 4 is too large: there are 3 candidates, so the largest size is 3."),
        (["--max-k", "60"], 2, "--max-k 60 is too large: there are 3 candidates, so the largest size is 3."),
        (["--max-k", "-1"], 2, "--max-k -1: a size is 0 or more."),
        (
            ["--k", "1", "--forced", "area", "--forced", "age"],
            4,
            "--k 1 leaves no room for the 2 forced columns. Use --k 2 or more.",
        ),
        (["--l2", "-1"], 2, "--l2 must be a finite number >= 0, got -1.0."),
        (["--n-jobs", "0"], 2, "--n-jobs must be an integer >= 1, or -1 for all cores, got 0."),
        (["-o", "no/out.csv"], 7, 'cannot write "no/out.csv": there is no folder "no". Nothing was written there.'),
        (["--target", "prize"], 3, 'no column "prize" in houses.csv. Did you mean "price"? The file has 4 columns.'),
    ],
)
def test_refusals(run, table, words, code, message):
    target = [] if "--target" in words else ["--target", "price"]
    ran = run("select", table(**NUMERIC), *target, *words)
    assert (ran.code, ran.error, ran.out) == (code, message, "")


def test_fewer_rows_than_the_size(run, write):
    rng = np.random.default_rng(2)
    columns = {f"x{j}": rng.normal(size=7).round(3) for j in range(9)}
    ran = run("select", write("a.csv", csv_of(columns)), "--target", "x0", "--k", "6")
    assert (ran.code, ran.error) == (2, "--k 6 is too large: there are only 7 rows, so the largest size is 5.")


def test_a_size_at_the_end_is_said(run, table):
    ran = run("select", table(**NUMERIC), "--target", "price", "--max-k", "1")
    assert ran.err == "note: BIC chose the largest size looked at; --max-k 2 would look further.\n"


def test_a_perfect_fit_is_said(run, write):
    rng = np.random.default_rng(3)
    a, b, c = rng.integers(-5, 5, size=(3, 29))
    name = write("exact.csv", csv_of({"a": a, "b": b, "c": c, "y": 2 * a - 3 * b + 1}))
    ran = run("select", name, "--target", "y")
    assert ran.code == 0
    assert "note: from size 2 on the fit is perfect but for rounding. --k 2 takes that model." in ran.err
    assert run("select", name, "--target", "y", "--k", "2", "-q").out == "y = 1 + 2*a - 3*b\n"


def test_the_only_size(run, write):
    ran = run("select", write("a.csv", "x,y\n1,2\n2,3\n3,5\n"), "--target", "y")
    assert "size 0, the only one there is to choose." in ran.out


def test_separable_classes(run, write):
    rng = np.random.default_rng(6)
    x, z = rng.normal(size=(2, 29)).round(3)
    name = write("s.csv", csv_of({"x": x, "z": z, "y": np.where(x > 0.37, "yes", "no")}))
    ran = run("select", name, "--target", "y")
    assert ran.code == 3
    assert "separated perfectly by x" in ran.error
    assert "--l2 0.001" in ran.error
    assert "l2=" not in ran.error
    assert run("select", name, "--target", "y", "--l2", "0.01").code == 0


def test_time_limit_is_no_error(run, table):
    assert run("select", table(), "--target", "price", "--time-limit", "0.001s", "--l2", "0.001").code == 0


def hard_problem(n, p):
    """Text of a table whose sizes take minutes to prove."""
    rng = np.random.default_rng(9)
    X = rng.normal(size=(n, p)) + 3 * rng.normal(size=(n, 1))
    columns = {f"x{j}": X[:, j].round(4) for j in range(p)}
    columns["y"] = (X[:, :10].sum(axis=1) + 9 * rng.normal(size=n)).round(4)
    return csv_of(columns)


def test_an_interrupt_keeps_the_best_so_far(run, write, monkeypatch, tmp_path):
    def stop(event):
        raise KeyboardInterrupt

    @contextmanager
    def progress(self):
        yield stop

    monkeypatch.setattr(Console, "progress", progress)
    name = write("hard.csv", hard_problem(60, 30))
    ran = run("select", name, "--target", "y", "--max-k", "9", "-o", "out.json", "--model", "m.json")
    assert ran.code == 130, ran.err
    document = json.loads((tmp_path / "out.json").read_text())
    assert document["interrupted"]
    assert document["rivals"] is None
    assert "stopped" in {size["status"] for size in document["sizes"]}
    assert "stopped" in ran.out
    assert json.loads((tmp_path / "m.json").read_text())["size"] == document["chosen"]
    for size in document["sizes"]:
        assert size["gap"] is None or size["lower_bound"] <= size["objective"]


def test_a_signal_from_the_keyboard(write, tmp_path):
    """Ctrl-C while the search runs in another process: files are whole, gaps are true, the certificate verifies."""
    words = [
        "select",
        write("hard.csv", hard_problem(150, 90)),
        "--target",
        "y",
        "-v",
        "-o",
        "out.json",
        "--certificate",
        "c.npz",
    ]
    command = [sys.executable, "-m", "ellzero"]
    with subprocess.Popen([*command, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while "branch and bound" not in (line := process.stderr.readline()):
            assert line, "the search ended early"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "stopped" in out
    document = json.loads((tmp_path / "out.json").read_text())
    assert document["interrupted"]
    assert {path.name for path in tmp_path.iterdir()} == {"hard.csv", "out.json", "c.npz"}
    ran = subprocess.run(
        [*command, "verify", "c.npz", "--data", "hard.csv"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


def test_verbose_says_what_happens(run, table):
    ran = run("select", table(), "--target", "price", "-v")
    assert ran.code == 0
    assert all(re.match(r" +\d+\.\d s  \S+: ", line) for line in ran.err.splitlines() if not line.startswith("note: "))


def test_a_criterion_that_the_loss_does_not_have(run, table):
    ran = run("select", table(), "--target", "visits", "--task", "poisson", "--criterion", "cp", "--max-k", "1")
    assert ran.code == 3
    assert "cp is defined for squared error" in ran.error


def test_nothing_proven_is_said(run, table):
    ran = run("select", table(), "--target", "visits", "--task", "poisson", "--max-k", "1")
    assert "note: heuristic sizes are not proven: for this kind of model a proof needs a ridge. --l2 0.001" in ran.err
    ran = run(
        "select", "houses.csv", "--target", "visits", "--task", "poisson", "--max-k", "1", "--certificate", "c.npz"
    )
    assert "note: no certificate was written" in ran.err
    assert not os.path.exists("c.npz")


@pytest.mark.slow
def test_the_first_run_says_that_it_compiles(table, tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache"), "NUMBA_DISABLE_JIT": "0"}
    command = [sys.executable, "-m", "ellzero", "select", table(**NUMERIC), "--target", "price"]
    notes = [
        subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stderr for _ in range(2)
    ]
    assert notes == ["note: compiling kernels once, seconds to half a minute; later runs start at once.\n", ""]


def test_demo(run):
    ran = run("demo")
    assert ran.code == 0
    assert "read 322 rows of hitters.csv, used 263 (59 dropped: missing in Salary); 19 columns -> 19 terms" in ran.out
    assert len(re.findall(r"^[> ] +\d+ .* proven ", ran.out, re.MULTILINE)) == 20
    assert "chosen by BIC: size 6." in ran.out
    assert re.search(r"^> +6 ", ran.out, re.MULTILINE)
    assert "What it shows" in ran.out
