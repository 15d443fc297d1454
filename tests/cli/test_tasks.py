"""Tasks besides linear and logistic, and offsets: against fits that scipy makes of every set of columns."""

import itertools
import json

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import gammaln, xlogy

from ellzero.certificate import Certificate
from tables import csv_of, houses

NAMES = ("area", "rooms", "age")
NUMERIC = {"zone": None, "garage": None, "w": None, "sold": None}


def plots(n=61, seed=4):
    """Counts and amounts with a known exposure beside the columns of houses."""
    rng = np.random.default_rng(seed)
    rows = houses(n)
    exposure = np.log(rng.uniform(0.37, 4, n)).round(4)
    mean = np.exp(0.2 * rows["rooms"] - 0.007 * rows["age"] + exposure)
    columns = {name: rows[name] for name in NAMES}
    hits, cost = rng.poisson(mean), (rng.gamma(1.9, mean / 1.9) + 1e-3).round(4)
    level = rows["price"] + 19 * exposure + 190 * (rng.random(n) < 0.1)
    return columns | {"logsize": exposure, "hits": hits, "cost": cost, "level": level.round(3)}


def poisson(y, eta):
    return np.mean(np.exp(eta) - y * eta + xlogy(y, y) - y)


def gamma(y, eta):
    return np.mean(y * np.exp(-eta) + eta - 1 - np.log(y))


def huber(delta):
    def loss(y, eta):
        size = np.abs(y - eta)
        return np.mean(np.where(size <= delta, size**2 / 2, delta * size - delta**2 / 2))

    return loss


def squared(y, eta):
    return np.mean((y - eta) ** 2) / 2


def least(loss, columns, y, offset):
    """Least mean loss over the coefficients of these columns and an intercept."""
    design = np.column_stack([np.ones(len(y)), *((c - np.mean(c)) / np.std(c) for c in columns)])
    start = np.zeros(design.shape[1])
    found = minimize(lambda b: loss(y, design @ b + offset), start, method="BFGS", options={"gtol": 1e-9})
    return found.fun


CASES = [
    ("hits", ["--task", "poisson"], poisson),
    ("cost", ["--task", "gamma"], gamma),
    ("level", ["--task", "huber", "--huber-delta", "11"], huber(11)),
    ("level", ["--task", "linear"], squared),
]


@pytest.mark.parametrize(("target", "words", "loss"), CASES)
@pytest.mark.parametrize("shifted", [True, False])
def test_every_size_is_the_best_of_all_sets(chosen, write, target, words, loss, shifted):
    rows = plots()
    kept = {name: cells for name, cells in rows.items() if name in (*NAMES, target, *(["logsize"] * shifted))}
    offset = rows["logsize"] if shifted else 0.0
    words = [*words, *(["--offset", "logsize"] if shifted else [])]
    document = chosen(write("plots.csv", csv_of(kept)), "--target", target, *words)
    assert document["data"]["offset"] == ("logsize" if shifted else None)
    for size in document["sizes"]:
        sets = itertools.combinations(NAMES, size["size"])
        best = min(least(loss, [rows[name] for name in names], rows[target], offset) for names in sets)
        assert size["loss"] == pytest.approx(best, rel=1e-6)
    assert len(document["sizes"]) == 4
    left = target if words[1] in ("linear", "huber") else f"log({target})"
    assert document["formula"].startswith(f"{left} = ")
    assert document["formula"].endswith(" + logsize") == shifted


def test_counts_are_those_of_the_full_likelihood(chosen, write):
    """BIC with all constants, from the Poisson probabilities themselves."""
    rows = {name: cells for name, cells in plots().items() if name not in ("cost", "level")}
    words = ("--target", "hits", "--task", "poisson", "--offset", "logsize", "--k", "0")
    (size,) = chosen(write("plots.csv", csv_of(rows)), *words)["sizes"]
    y, mean = rows["hits"], np.exp(rows["logsize"]) * rows["hits"].sum() / np.exp(rows["logsize"]).sum()
    nll = np.sum(mean - y * np.log(mean) + gammaln(y + 1))
    assert size["criteria"]["bic"] == pytest.approx(2 * nll + np.log(61), rel=1e-9)


@pytest.mark.parametrize(("target", "words", "mean"), [
    ("hits", ["--task", "poisson"], np.exp),
    ("cost", ["--task", "gamma"], np.exp),
    ("level", ["--task", "huber"], np.asarray),
    ("level", [], np.asarray),
])  # fmt: skip
def test_predict_reads_the_offset(run, write, target, words, mean):
    rows = plots()
    kept = {name: rows[name] for name in (*NAMES, "logsize", target)}
    words = [*words, "--offset", "logsize", "--k", "2", "--model", "m.json"]
    assert run("select", write("plots.csv", csv_of(kept)), "--target", target, *words).code == 0
    with open("m.json", encoding="utf-8") as file:
        model = json.load(file)
    assert model["offset"] == "logsize"
    new = {"logsize": [0.37, -1.9, 0], "area": [90, 33, 151.9], "rooms": [2, 3, 1], "age": [3.7, 44, 19]}
    ran = run("predict", "m.json", write("new.csv", csv_of(new)))
    assert ran.code == 0, ran.err
    eta = model["intercept"] + np.array(new["logsize"])
    eta = eta + sum(value * np.array(new[name]) for name, value in model["coefficients"].items())
    np.testing.assert_allclose([float(v) for v in ran.out.split()[1:]], mean(eta), rtol=1e-12)

    ran = run("predict", "m.json", write("none.csv", csv_of({k: v for k, v in new.items() if k != "logsize"})))
    assert (ran.code, ran.error) == (3, 'the model uses the column "logsize", not in none.csv.')
    name = write("gap.csv", csv_of(new | {"logsize": [0.37, None, 0]}))
    ran = run("predict", "m.json", name)
    assert ran.code == 3
    assert "1 of 3 rows miss a value that the model needs: logsize 1." in ran.error
    ran = run("predict", "m.json", name, "--missing", "blank")
    assert [bool(line.strip('"')) for line in ran.out.splitlines()[1:]] == [True, False, True]
    ran = run("predict", "m.json", write("odd.csv", csv_of(new | {"logsize": [0.37, "-inf", 0]})))
    assert ran.code == 3
    assert '"logsize" has 1 infinite value, first in line 3.' in ran.error


def test_the_screen_of_tasks_without_proof(run, write, tmp_path):
    rows = plots()
    kept = {name: rows[name] for name in (*NAMES, "logsize", "cost")}
    words = ("--target", "cost", "--task", "gamma", "--offset", "logsize", "--certificate", "c.npz")
    ran = run("select", write("plots.csv", csv_of(kept)), *words)
    assert ran.code == 0
    assert "gamma: expected amount of cost" in ran.out
    assert ran.out.count(" heuristic ") == 4
    assert "proven " not in ran.out
    assert ran.err.splitlines()[-2:] == [
        "note: heuristic sizes are not proven: no bound is known for --task gamma. A search of exchanges found them.",
        "note: no certificate was written: for --task gamma nothing can be proven.",
    ]
    assert not (tmp_path / "c.npz").exists()
    level = write("plots.csv", csv_of({name: rows[name] for name in (*NAMES, "level")}))
    ran = run("select", level, "--target", "level", "--task", "huber")
    assert "huber: robust mean of level; beyond an error of 1.345 the loss is linear" in ran.out


def test_huber_is_not_pulled_by_outliers(chosen, write):
    rows = plots()
    kept = {name: rows[name] for name in ("area", "age", "logsize", "level")}
    words = ("--target", "level", "--k", "3")
    found = [chosen(write("p.csv", csv_of(kept)), *words, "--task", task) for task in ("huber", "linear")]
    robust, plain = (abs(document["sizes"][0]["coefficients"]["logsize"] - 19) for document in found)
    assert robust < plain
    assert found[0]["target"]["delta"] == 1.345
    assert "delta" not in found[1]["target"]


@pytest.mark.parametrize("words", [["--task", "poisson", "--l2", "0.001"], []])
def test_certificates_hold_the_offset(run, write, words):
    rows = plots()
    target = "hits" if words else "level"
    kept = {name: rows[name] for name in (*NAMES, "logsize", target)}
    write("plots.csv", csv_of(kept))
    words = ["--target", target, "--offset", "logsize", "--max-k", "2", *words, "--certificate", "c.npz"]
    ran = run("select", "plots.csv", *words)
    assert ran.code == 0, ran.err
    ran = run("verify", "c.npz", "--data", "plots.csv")
    assert ran.code == 0, ran.err
    assert "offset: logsize" in ran.out
    moved = kept | {"logsize": kept["logsize"] + 0.37 * (np.arange(61) == 5)}
    ran = run("verify", "c.npz", "--data", write("moved.csv", csv_of(moved)))
    assert ran.code == 1
    assert "its offsets are not those of the table" in ran.error
    certificate = Certificate.load("c.npz")
    question = {**certificate.recipe["question"], "offset": None, "forbidden": ["logsize"]}
    certificate.with_recipe({**certificate.recipe, "question": question}).save("c.npz")
    ran = run("verify", "c.npz", "--data", "plots.csv")
    assert ran.code == 1


@pytest.mark.parametrize(
    ("changes", "words", "code", "message"),
    [
        (
            {"price": [0, *range(1, 37)]},
            ["--task", "gamma"],
            3,
            '--task gamma explains amounts greater than 0: "price" is 0 in line 2. '
            "Correct the value, or choose --task linear or huber.",
        ),
        (
            {},
            ["--offset", "prise"],
            3,
            'no column "prise" in houses.csv. Did you mean "price"? The file has 5 columns.',
        ),
        (
            {},
            ["--offset", "price"],
            2,
            '"price" is named by --target and by --offset. It can be only one of them.',
        ),
        (
            {"zone": houses()["zone"]},
            ["--offset", "zone"],
            3,
            '--offset zone: an offset is added to the linear predictor, and "zone" is text.',
        ),
        (
            {"age": [None, *range(36)]},
            ["--offset", "age"],
            3,
            "1 of 37 rows miss age (2.7 %). Choose --missing drop. Nothing was fitted.",
        ),
        (
            {"age": [None, *range(36)]},
            ["--offset", "age", "--missing", "impute"],
            3,
            '1 of 37 rows miss the offset "age", and --missing impute fills in candidates only. '
            "Remove these rows, or choose --missing drop.",
        ),
        (
            {},
            ["--huber-delta", "1.9"],
            2,
            "--huber-delta is for --task huber, and the task is auto. Leave it out, or change the task.",
        ),
        ({}, ["--task", "huber", "--huber-delta", "0"], 2, "--huber-delta must be a finite number > 0, got 0.0."),
        (
            {"zone": houses()["zone"], "price": None},
            ["--target", "zone", "--task", "gamma"],
            3,
            'the target "zone" is not numeric, as --task gamma needs. It is text.',
        ),
    ],
)
def test_refusals(run, table, changes, words, code, message):
    words = words if "--target" in words else ["--target", "price", *words]
    ran = run("select", table(**NUMERIC | changes), *words)
    assert (ran.code, ran.error, ran.out) == (code, message, "")


def test_offset_of_rows_dropped(chosen, table):
    age = [None if i % 5 == 2 else v for i, v in enumerate(houses()["age"])]
    document = chosen(table(**NUMERIC, age=age), "--target", "price", "--offset", "age", "--missing", "drop")
    assert document["data"]["rows_used"] == 30
    assert "age" not in document["data"]["terms"]


def test_compare_takes_offsets_and_tasks(run, write):
    rows = plots()
    kept = {name: rows[name] for name in (*NAMES, "logsize", "cost")}
    words = ("--target", "cost", "--task", "gamma", "--offset", "logsize", "--k", "2", "--json")
    ran = run("compare", write("plots.csv", csv_of(kept)), *words)
    assert ran.code == 0, ran.err
    best = min(
        least(gamma, [rows[name] for name in names], rows["cost"], rows["logsize"])
        for names in itertools.combinations(NAMES, 2)
    )
    assert min(method["loss"] for method in json.loads(ran.out)["methods"]) == pytest.approx(best, rel=1e-6)
