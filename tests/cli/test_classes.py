"""`--task multinomial` on the command: against fits that scipy makes of every set of columns."""

import itertools
import json

import numpy as np
import pytest
from scipy.optimize import minimize

from tables import csv_of, houses

NAMES = ("area", "rooms", "age")
KINDS = ["brick", "stone", "wood"]


def buildings(n=73, seed=8, names=KINDS):
    """Classes that depend on area and age."""
    rng = np.random.default_rng(seed)
    rows = houses(n)
    pull = np.column_stack([0.03 * rows["area"], 0.05 * rows["age"], np.full(n, 2.9)])
    kind = np.array(names, dtype=object)[np.argmax(pull + rng.gumbel(size=(n, 3)), axis=1)]
    return {name: rows[name] for name in NAMES} | {"kind": kind}


def multinomial(columns, classes):
    """Least mean negative log-likelihood, the first class as reference."""
    X = np.column_stack([np.ones(len(classes)), *((c - np.mean(c)) / np.std(c) for c in columns)])
    labels, codes = np.unique(classes, return_inverse=True)

    def loss(b):
        eta = np.column_stack([np.zeros(len(X)), X @ b.reshape(X.shape[1], -1)])
        return np.mean(np.log(np.exp(eta).sum(axis=1)) - eta[np.arange(len(X)), codes])

    return minimize(loss, np.zeros(X.shape[1] * (len(labels) - 1)), method="BFGS", options={"gtol": 1e-9}).fun


def test_classes_are_the_best_of_all_sets(chosen, write):
    rows = buildings()
    document = chosen(write("b.csv", csv_of(rows)), "--target", "kind", "--task", "multinomial")
    assert document["target"] == {"column": "kind", "task": "multinomial", "levels": KINDS}
    for size in document["sizes"]:
        sets = itertools.combinations(NAMES, size["size"])
        best = min(multinomial([rows[name] for name in names], rows["kind"].astype(str)) for names in sets)
        assert size["loss"] == pytest.approx(best, rel=1e-6)
        assert size["status"] == "heuristic"
        for values in size["coefficients"].values():
            assert len(values) == 3
            assert sum(values) == pytest.approx(0, abs=1e-9)
    assert [line.split(" = ")[0] for line in document["formula"].splitlines()] == KINDS


@pytest.mark.parametrize("names", [KINDS, [10, 2, 3]])
def test_probabilities_of_classes(run, write, tmp_path, names):
    rows = buildings(names=names)
    words = ("--target", "kind", "--task", "multinomial", "--k", "2", "--model", "m.json", "-o", "b.md", "-o", "b.csv")
    words += ("-o", "b.html", "-o", "b.tex", "--certificate", "c.npz")
    ran = run("select", write("b0.csv", csv_of(rows)), *words)
    assert ran.code == 0, ran.err
    levels = sorted(names)
    shown = '"brick", "stone" or "wood"' if names is KINDS else "2, 3 or 10"
    assert f"multinomial: probability that kind is {shown}" in ran.out
    assert ran.out.count("\nformula  ") == 3
    assert "note: no certificate was written: for --task multinomial nothing can be proven." in ran.err
    assert not (tmp_path / "c.npz").exists()
    assert "deviance" in (tmp_path / "b.csv").read_text()
    assert (tmp_path / "b.md").read_text().count(" + ") > 3
    with open("m.json", encoding="utf-8") as file:
        model = json.load(file)
    assert model["levels"] == levels
    new = {"area": [90, 33, 151.9], "rooms": [2, 3, 1], "age": [3.7, 74, 19]}
    ran = run("predict", "m.json", write("new.csv", csv_of(new)))
    assert (ran.code, ran.err) == (0, "")
    header, *lines = (line.split(",") for line in ran.out.splitlines())
    assert header == [*(f"probability_{level}" for level in levels), "label"]
    eta = np.array([model["intercept"]] * 3) + sum(
        np.outer(new[name], values) for name, values in model["coefficients"].items()
    )
    expected = np.exp(eta) / np.exp(eta).sum(axis=1)[:, None]
    np.testing.assert_allclose([[float(v) for v in line[:3]] for line in lines], expected, rtol=1e-12)
    assert [line[3] for line in lines] == [str(levels[i]) for i in expected.argmax(axis=1)]
    ran = run("predict", "m.json", write("gap.csv", csv_of(new | {"age": [3.7, None, 19]})), "--missing", "blank")
    assert ran.out.splitlines()[2] == ",,,"
    write("bad.json", json.dumps(model | {"intercept": model["intercept"][:2]}))
    ran = run("predict", "bad.json", "new.csv")
    assert ran.code == 3
    assert "it contradicts itself (the number of classes)" in ran.error


def test_classes_that_rows_dropped_had(chosen, write):
    rows = buildings()
    rows["kind"][:2] = "clay"
    rows["age"] = [None, None, *rows["age"][2:]]
    words = ("--target", "kind", "--task", "multinomial", "--missing", "drop", "--k", "1")
    assert chosen(write("b.csv", csv_of(rows)), *words)["target"]["levels"] == KINDS


@pytest.mark.parametrize(
    ("target", "words", "code", "message"),
    [
        (
            "kind",
            [],
            3,
            'the target "kind" is not numeric: it is text with 3 levels. ellzero explains numbers, counts and columns '
            "with two values. For the probability of each level: ellzero select --task multinomial.",
        ),
        (
            "two",
            ["--task", "multinomial"],
            3,
            '--task multinomial needs a target with three values or more; "two" has 2 different values in the rows '
            "used. For two values: --task logistic.",
        ),
        (
            "age",
            ["--task", "multinomial"],
            3,
            '--task multinomial takes a target with at most 20 values; "age" has 72 different values. '
            "Join rare values, or choose another task for numbers.",
        ),
        (
            "kind",
            ["--task", "multinomial", "--offset", "age"],
            2,
            "--offset age: --task multinomial has a linear predictor a class, and takes no offset. Leave it out.",
        ),
    ],
)
def test_refusals_of_classes(run, write, target, words, code, message):
    rows = buildings() | {"two": ["a", *["b"] * 72]}
    ran = run("select", write("b.csv", csv_of(rows)), "--target", target, *words)
    assert (ran.code, ran.error, ran.out) == (code, message, "")


def test_a_comparison_of_classes(run, write):
    rows = buildings()
    names = [name for name in rows if name in NAMES]
    table = {name: rows[name] for name in names} | {"kind": rows["kind"]}
    words = ["-y", "kind", "--task", "multinomial", "--k", 1, "--l2", 0.019]
    ran = run("compare", write("b.csv", csv_of(table)), *words, "--json")
    assert ran.code == 0, ran.err
    document = json.loads(ran.out)
    levels = sorted(set(rows["kind"]))
    assert document["target"]["levels"] == levels
    assert {"exchange", "stepwise forward"} <= {m["method"] for m in document["methods"]}
    assert {"exhaustive", "branch", "mip"} <= {a["method"] for a in document["absent"]}
    chosen = run("select", "b.csv", *words, "--json")
    best = json.loads(chosen.out)["sizes"][0]
    least = min(m["loss"] for m in document["methods"])
    assert least == pytest.approx(best["loss"], rel=1e-6)
    for method in document["methods"]:
        for each in method["coefficients"].values():
            assert len(each) == len(levels)
            assert sum(each) == pytest.approx(0.0, abs=1e-6)
    shown = run("compare", "b.csv", *words)
    assert sum(line.startswith("best found  ") for line in shown.out.splitlines()) == len(levels)
    for ending in ("csv", "md", "tex", "html"):
        assert run("compare", "b.csv", *words, "-o", f"found.{ending}").code == 0
