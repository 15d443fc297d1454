"""Times until an event on the command: against partial likelihoods that scipy maximises for every set."""

import itertools
import json

import numpy as np
import pytest
from scipy.optimize import minimize

from tables import csv_of, houses

NAMES = ("area", "rooms", "age")


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
