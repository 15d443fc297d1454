"""`ellzero predict`: the stored model gives the numbers that the chosen coefficients give by hand."""

import json

import numpy as np
import pytest

from tables import csv_of, houses


@pytest.fixture
def model(run, table):
    """Write m.json for a target and return what is in it."""

    def fit(target="price", *words, **changes):
        ran = run("select", table(**changes), "--target", target, "--model", "m.json", *words)
        assert ran.code == 0, ran.err
        with open("m.json", encoding="utf-8") as file:
            return json.load(file)

    return fit


def by_hand(model, rows):
    """Linear predictor from the raw columns."""
    eta = np.full(len(next(iter(rows.values()))), model["intercept"])
    for term, coefficient in model["coefficients"].items():
        column, _, level = term.rpartition("_")
        eta += coefficient * (np.array(rows[column]) == level if column in ("zone", "garage") else np.array(rows[term]))
    return eta


NEW = {
    "zone": ["south", "north", "east", "south"],
    "age": [3.7, 0.37, 44.1, 19],
    "unknown": ["z", "z", "z", "q"],
    "area": [90.1, 33, 151.9, 77],
    "rooms": [2, 3, 1, 9],
    "garage": ["yes", "yes", "yes", "yes"],
    "w": [1, 1, 1, 2],
}


def test_linear(run, model, write):
    fitted = model("price", "--k", "3", sold=None, visits=None)
    assert {"zone_south", "zone_north"} <= set(fitted["coefficients"])
    ran = run("predict", "m.json", write("new.csv", csv_of(NEW)))
    assert (ran.code, ran.err) == (0, "")
    header, *rows = ran.out.splitlines()
    assert header == "prediction"
    np.testing.assert_allclose([float(row) for row in rows], by_hand(fitted, NEW), rtol=1e-12)


def test_logistic_gives_probability_and_label(run, model, write):
    fitted = model("sold", "--k", "2", "--l2", "0.01", visits=None, price=None)
    ran = run("predict", "m.json", write("new.csv", csv_of(NEW)))
    rows = [line.split(",") for line in ran.out.splitlines()]
    assert rows[0] == ["probability", "label"]
    probability = 1 / (1 + np.exp(-by_hand(fitted, NEW)))
    np.testing.assert_allclose([float(row[0]) for row in rows[1:]], probability, rtol=1e-12)
    assert [row[1] for row in rows[1:]] == ["yes" if p > 0.5 else "no" for p in probability]


def test_numbers_as_labels_and_poisson(run, model, write):
    model("sold", "--k", "1", "--l2", "0.01", sold=np.where(houses()["sold"] == "yes", 7, 2), visits=None, price=None)
    labels = [
        line.split(",")[1] for line in run("predict", "m.json", write("new.csv", csv_of(NEW))).out.splitlines()[1:]
    ]
    assert set(labels) <= {"2", "7"}
    fitted = model("visits", "--task", "poisson", "--k", "1", sold=None, price=None)
    ran = run("predict", "m.json", "new.csv")
    np.testing.assert_allclose([float(v) for v in ran.out.split()[1:]], np.exp(by_hand(fitted, NEW)), rtol=1e-12)


def test_output_file_and_standard_input(run, model, tmp_path):
    model()
    ran = run("predict", "m.json", "-", "-o", "p.csv", stdin=csv_of({**houses(), **{"price": ["?"] * 37}}))
    assert (ran.code, ran.out) == (0, "")
    assert len((tmp_path / "p.csv").read_text().splitlines()) == 38


def test_filled_as_in_training(run, model, write):
    rows = houses()
    area = [None if i % 5 == 2 else v for i, v in enumerate(rows["area"])]
    fitted = model("price", "--forced", "area", "--missing", "impute", "--k", "1", area=area)
    mean = np.mean([v for v in area if v is not None])
    ran = run("predict", "m.json", write("new.csv", csv_of({**NEW, "area": [90.1, None, 151.9, 77]})))
    expected = by_hand(fitted, {**NEW, "area": [90.1, mean, 151.9, 77]})
    np.testing.assert_allclose([float(v) for v in ran.out.split()[1:]], expected, rtol=1e-12)


def test_a_level_that_looks_like_a_number(run, model, write):
    code = np.where(np.arange(37) % 3 == 0, "1a", "2")
    fitted = model("price", "--forced", "code", "--k", "1", code=code)
    ran = run("predict", "m.json", write("new.csv", csv_of({"code": [2, 2]})))
    expected = fitted["intercept"] + fitted["coefficients"]["code_2"]
    np.testing.assert_allclose([float(v) for v in ran.out.split()[1:]], [expected] * 2, rtol=1e-12)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"area": None}, 'the model uses the column "area", not in new.csv.'),
        (
            {"area": None, "Area": [1, 2, 3, 4]},
            'the model uses the column "area", not in new.csv. Did you mean "Area"?',
        ),
        ({"area": None, "zone": None}, 'the model uses the columns "area" and "zone", not in new.csv.'),
        (
            {"zone": ["south", "souht", "east", "east"]},
            '"zone" is \'souht\' in line 3, which the model has not seen. Did you mean "south"? '
            'It knows "east", "north" and "south".',
        ),
        ({"area": [1, 2, "x", 4]}, "the model knows \"area\" as numbers; new.csv has 'x' in line 4."),
        (
            {"area": [1, None, 3, None], "zone": ["south", None, "east", "east"]},
            "2 of 4 rows miss a value that the model needs: area 2, zone 1. "
            "Fill them in, or choose --missing blank for empty predictions.",
        ),
        (
            {"area": [1, "inf", 3, 4]},
            '"area" has 1 infinite value, first in line 3. Correct the value, or leave the cell empty to call it '
            "missing.",
        ),
    ],
)
def test_rows_that_do_not_fit_the_model(run, model, write, changes, message):
    model("price", "--k", "2", "--forced", "area", "--forced", "zone")
    columns = {name: cells for name, cells in {**NEW, **changes}.items() if cells is not None}
    ran = run("predict", "m.json", write("new.csv", csv_of(columns)))
    assert (ran.code, ran.error, ran.out) == (3, message, "")


def test_blank_predictions(run, model, write):
    model("price", "--k", "2", "--forced", "area", "--forced", "zone")
    new = {**NEW, "area": [1, None, 3, 4], "zone": ["south", "east", "east", None]}
    ran = run("predict", "m.json", write("new.csv", csv_of(new)), "--missing", "blank")
    assert ran.code == 0
    assert ran.err == "note: empty prediction, a value is missing: 2 rows.\n"
    assert [bool(line.strip('"')) for line in ran.out.splitlines()[1:]] == [True, False, True, False]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("not json", "it is not JSON"),
        ("[1, 2]", "it has no format"),
        ('{"format": "other 3"}', 'its format is "other 3", not "ellzero model 1"'),
        ('{"format": "ellzero model 1", "task": "linear"}', "it is incomplete (KeyError: 'target')"),
    ],
)
def test_files_that_are_no_models(run, write, text, reason):
    write("a.csv", "x\n1\n")
    ran = run("predict", write("m.json", text), "a.csv")
    assert (ran.code, ran.error) == (3, f'"m.json" is not a model file of `ellzero select --model`: {reason}.')


def test_models_that_contradict_themselves(run, model, write):
    fitted = model("price", "--k", "1")
    fitted["coefficients"]["other"] = 1.9
    write("new.csv", csv_of(NEW))
    ran = run("predict", write("bad.json", json.dumps(fitted)), "new.csv")
    assert ran.code == 3
    assert "it contradicts itself (other)" in ran.error


def test_the_model_is_not_overwritten(run, model, write):
    model("price", "--k", "1")
    ran = run("predict", "m.json", write("new.csv", csv_of(NEW)), "-o", "new.csv")
    assert ran.code == 2
