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


@pytest.fixture
def chosen(run):
    """Run `select --json` and return the document."""

    def call(*words, **more):
        ran = run("select", *words, "--json", **more)
        assert ran.code == 0, ran.err
        return json.loads(ran.out)

    return call


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


# ---- several classes

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


# ---- times until an event


def patients(n=67, seed=12):
    """Times that depend on age, some of them not seen to the end, some tied."""
    rng = np.random.default_rng(seed)
    rows = houses(n)
    time = np.ceil(rng.exponential(19 / np.exp(0.03 * rows["age"])) * 3.7)
    return {name: rows[name] for name in NAMES} | {"months": time, "died": rng.choice([0, 1, 1], n)}


def partial(columns, time, event):
    """Least negative log partial likelihood over events, Breslow's ties, summed event by event."""
    X = np.column_stack([*((c - np.mean(c)) / np.std(c) for c in columns), np.zeros(len(time))])

    def loss(b):
        eta = X @ b
        terms = [np.log(np.exp(eta[time >= time[i]]).sum()) - eta[i] for i in np.flatnonzero(event)]
        return np.mean(terms)

    return minimize(loss, np.zeros(X.shape[1]), method="BFGS", options={"gtol": 1e-8}).fun


def test_hazards_are_the_best_of_all_sets(chosen, write):
    rows = patients()
    document = chosen(write("p.csv", csv_of(rows)), "--time", "months", "--event", "died")
    target = {"column": "months", "task": "cox", "levels": None, "event": "died", "ties": "breslow", "strata": None}
    assert document["target"] == target
    assert document["formula"].startswith("log hazard(months) = ")
    n_events = rows["died"].sum()
    for size in document["sizes"]:
        sets = itertools.combinations(NAMES, size["size"])
        best = min(partial([rows[name] for name in names], rows["months"], rows["died"]) for names in sets)
        assert size["loss"] == pytest.approx(best, rel=1e-6)
        bic = 2 * n_events * best + size["size"] * np.log(n_events)
        assert size["criteria"]["bic"] == pytest.approx(bic, rel=1e-6)
        assert size["status"] == "heuristic"


@pytest.mark.parametrize("offset", [None, "rooms"])
def test_relative_hazards(run, write, tmp_path, offset):
    rows = patients() | {"died": np.where(patients()["died"], "true", "false")}
    words = ["--time", "months", "--event", "died", "--k", "2", "--model", "m.json", "--certificate", "c.npz"]
    words += ["--offset", offset] if offset else []
    ran = run("select", write("p.csv", csv_of(rows)), *words)
    assert ran.code == 0, ran.err
    assert "cox: hazard of died over months" in ran.out
    assert "note: no certificate was written: for --task cox nothing can be proven." in ran.err
    assert not (tmp_path / "c.npz").exists()
    with open("m.json", encoding="utf-8") as file:
        model = json.load(file)
    assert (model["task"], model["target"], model["event"], model["intercept"]) == ("cox", "months", "died", 0)
    new = {"area": [90, 33, 151.9], "rooms": [2, 0.37, 1], "age": [3.7, 74, 19]}
    ran = run("predict", "m.json", write("new.csv", csv_of(new)))
    eta = np.array(new["rooms"] if offset else [0, 0, 0])
    eta = eta + sum(value * np.array(new[name]) for name, value in model["coefficients"].items())
    header, *lines = ran.out.split()
    assert header == "relative_hazard"
    np.testing.assert_allclose([float(v) for v in lines], np.exp(eta), rtol=1e-12)


def stratified(columns, time, event, strata, ties):
    """Least negative log partial likelihood over events, stratum by stratum and event time by event time."""
    X = np.column_stack([*((c - np.mean(c)) / np.std(c) for c in columns), np.zeros(len(time))])

    def loss(b):
        eta, total = X @ b, 0.0
        for stratum in np.unique(strata):
            mine = strata == stratum
            for at in np.unique(time[mine & (event == 1)]):
                dying = mine & (event == 1) & (time == at)
                d = int(dying.sum())
                shares = np.arange(d) / d if ties == "efron" else np.zeros(d)
                at_risk, own = np.exp(eta[mine & (time >= at)]).sum(), np.exp(eta[dying]).sum()
                total += np.log(at_risk - shares * own).sum() - eta[dying].sum()
        return total / event.sum()

    return minimize(loss, np.zeros(X.shape[1]), method="BFGS", options={"gtol": 1e-8}).fun


WARDS = np.array(["north", "south", "west"])[np.arange(67) % 3]


@pytest.mark.parametrize("command", ["select", "compare"])
@pytest.mark.parametrize(
    ("ties", "wards"), [("efron", None), ("efron", WARDS), ("breslow", WARDS), (None, np.arange(67) % 5)]
)
def test_ties_and_strata(run, write, command, ties, wards):
    rows = patients() | ({} if wards is None else {"ward": wards})
    words = [*(["--ties", ties] if ties else []), *(["--strata", "ward"] if wards is not None else [])]
    words += ["--solver", "exchange", "--solver", "stepwise"] if command == "compare" else []
    ran = run(command, write("p.csv", csv_of(rows)), *BOTH, "--k", 2, *words, "--json")
    assert ran.code == 0, ran.err
    document = json.loads(ran.out)
    target = {name: document["target"][name] for name in ("event", "ties", "strata")}
    assert target == {"event": "died", "ties": ties or "breslow", "strata": None if wards is None else "ward"}
    groups = np.zeros(67) if wards is None else wards
    best = min(
        stratified([rows[name] for name in names], rows["months"], rows["died"], groups, ties or "breslow")
        for names in itertools.combinations(NAMES, 2)
    )
    found = document["sizes"][0]["loss"] if command == "select" else min(m["loss"] for m in document["methods"])
    assert found == pytest.approx(best, rel=1e-6)
    plain = stratified([rows[name] for name in NAMES[:2]], rows["months"], rows["died"], np.zeros(67), "breslow")
    assert abs(best - plain) > 1e-4  # ties and strata are in it
    shown = run(command, "p.csv", *BOTH, "--k", 2, *words).out
    assert ("cox: hazard of died over months" + (", ties by Efron" if ties == "efron" else "")) in shown
    assert ("; each of the" in shown) is (wards is not None)


def test_rows_of_no_stratum_are_missing(run, write):
    wards = WARDS.tolist()
    wards[3] = None
    rows = patients() | {"ward": wards}
    ran = run("select", write("p.csv", csv_of(rows)), *BOTH, "--strata", "ward", "--k", 1)
    assert ran.code == 3
    assert ran.error.startswith("1 of 67 rows miss ward (1.49 %). Choose --missing drop.")
    kept = np.array([ward is not None for ward in wards])
    short = {name: np.asarray(values)[kept] for name, values in rows.items()}
    dropped = run("select", "p.csv", *BOTH, "--strata", "ward", "--k", 1, "--missing", "drop", "-q")
    without = run("select", write("s.csv", csv_of(short)), *BOTH, "--strata", "ward", "--k", 1, "-q")
    assert dropped.code == without.code == 0
    assert dropped.out == without.out


def test_validation_keeps_the_strata(run, write):
    ran = run("select", write("p.csv", csv_of(patients() | {"ward": WARDS})), *BOTH, "--strata", "ward",
              "--criterion", "cv", "--json")  # fmt: skip
    assert ran.code == 0, ran.err
    assert "ward" not in json.loads(ran.out)["formula"]


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


BOTH = ["--time", "months", "--event", "died"]
ODD = "events are 1 (it happened at that time) and 0 (not seen until then), or true and false; "


@pytest.mark.parametrize(
    ("changes", "words", "code", "message"),
    [
        ({}, [], 2,
         "nothing to explain. Give --target COLUMN, or --time COLUMN and --event COLUMN for times until an event."),
        ({}, ["--time", "months"], 2, "--time is given without --event. Times until an event need both columns."),
        ({}, ["--event", "died"], 2, "--event is given without --time. Times until an event need both columns."),
        ({}, [*BOTH, "-y", "age"], 2,
         "--target age is given beside --time or --event, which take its place. Leave one out."),
        ({}, [*BOTH, "--task", "linear"], 2,
         "--time and --event are for --task cox, and the task is linear. Leave --task out."),
        ({}, ["--task", "cox", "-y", "age"], 2,
         "--task cox explains times until an event. Give --time COLUMN and --event COLUMN, no --target."),
        ({}, ["-y", "age", "--ties", "efron"], 2,
         "--ties is for --task cox. Give --time COLUMN and --event COLUMN, or leave --ties out."),
        ({}, ["-y", "age", "--strata", "rooms"], 2,
         "--strata is for --task cox. Give --time COLUMN and --event COLUMN, or leave --strata out."),
        ({"ward": np.arange(67)}, [*BOTH, "--strata", "ward"], 3,
         '--strata ward: "ward" is different in every row used, so no two rows are compared. Leave it out, or join '
         "values."),
        ({}, [*BOTH, "--strata", "ward"], 3, 'no column "ward" in p.csv. The file has 5 columns.'),
        ({}, [*BOTH, "--strata", "died"], 2,
         '"died" is named by --event and by --strata. It can be only one of them.'),
        ({}, ["--time", "months", "--event", "months"], 2,
         '"months" is named by --time and by --event. It can be only one of them.'),
        ({"died": [1, 2, *[1] * 65]}, BOTH, 3, f'--event died: {ODD}"died" has 2. Code it so.'),
        ({"died": ["no", "yes", *["no"] * 65]}, BOTH, 3, f'--event died: {ODD}"died" has "no" and "yes". Code it so.'),
        ({"died": [0] * 67}, BOTH, 3,
         "--event died: there is no event in the rows used, so there is nothing to explain."),
        ({"months": [3, -1.9, *[4] * 65]}, BOTH, 3,
         "--time months: the time is -1.9 in line 3. Times are 0 or more."),
        ({"months": [3, "long", *[4] * 65]}, BOTH, 3,
         "--time months: times are numbers, and \"months\" is not. All but 1 of its values are numbers: 'long' in line "
         "3 is not."),
        ({"months": [None, *[4] * 66]}, [*BOTH, "--missing", "impute"], 3,
         '1 of 67 rows miss the time "months", and --missing impute fills in candidates only. Remove these rows, or '
         "choose --missing drop."),
    ],
)  # fmt: skip
def test_refusals_of_times(run, write, changes, words, code, message):
    for command in ("select", "compare"):
        sized = [*words, "--k", 1] if command == "compare" else words
        ran = run(command, write("p.csv", csv_of(patients() | changes)), *sized)
        assert (ran.code, ran.error, ran.out) == (code, message, "")
