"""`ellzero verify`: on the user's own table, in another process, and refusing whatever was changed."""

import io
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from ellzero.certificate import Certificate
from tables import csv_of, houses


@pytest.fixture
def certified(run, table):
    """Write c.npz for a target of houses.csv."""

    def prove(*words, target="price", **changes):
        ran = run("select", table(**changes), "--target", target, "--certificate", "c.npz", *words)
        assert ran.code == 0, ran.err
        return Certificate.load("c.npz")

    return prove


def holes(rows, name, every):
    return [None if i % every == 2 else v for i, v in enumerate(rows[name])]


def test_in_another_process(certified):
    certified()
    words = [sys.executable, "-m", "ellzero", "verify", "c.npz", "--data", "houses.csv"]
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("linear: mean of price; 8 candidates, 37 of 37 rows of houses.csv")
    assert ran.stdout.rstrip().splitlines()[-1].startswith("verified: 9 claims hold for houses.csv.")


@pytest.mark.parametrize("missing", ["drop", "impute", "indicator"])
@pytest.mark.parametrize("target", ["price", "sold"])
def test_every_coding_is_rebuilt(run, certified, missing, target):
    rows = houses()
    words = ["--missing", missing, "--sample-weight", "w", "--forced", "zone", "--forbidden", "visits", "--max-k", "3"]
    words += ["--l2", "0.01"] if target == "sold" else []
    certified(*words, target=target, area=holes(rows, "area", 5), zone=holes(rows, "zone", 7), same=[1.9] * 37)
    ran = run("verify", "c.npz", "--data", "houses.csv")
    assert ran.code == 0, ran.err
    assert "forced: zone" in ran.out
    assert "not among the candidates: visits" in ran.out
    assert "weights: w" in ran.out
    assert ("ridge: l2 = 0.01" in ran.out) == (target == "sold")


def test_order_of_columns_and_columns_that_came_later_do_not_matter(run, certified, write):
    certified("--forbidden", "visits")
    rows = houses()
    shuffled = {"later": range(37), **{name: rows[name] for name in reversed(rows) if name != "visits"}}
    assert run("verify", "c.npz", "--data", write("other.csv", csv_of(shuffled, ";"))).code == 0
    assert run("verify", "c.npz", "--data", "-", stdin=csv_of(rows)).code == 0


def test_the_same_table_as_parquet(run, certified, write):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet

    certified()
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pa.table({name: pa.array(list(cells)) for name, cells in houses().items()}), sink)
    assert run("verify", "c.npz", "--data", write("houses.parquet", sink.getvalue())).code == 0


def test_quiet(run, certified):
    certified()
    assert run("verify", "c.npz", "--data", "houses.csv", "-q").out == ""


def changed(rows):
    """Tables that are not the certified one, and what gives them away."""
    one = rows["area"].copy()
    one[11] += 0.1
    price = rows["price"].copy()
    price[3] *= 1.001
    zone = rows["zone"].copy()
    zone[4] = "west"
    weight = rows["w"].copy()
    weight[0] += 1
    return {
        "a number": {"area": one},
        "the target": {"price": price},
        "a level": {"zone": zone},
        "a weight": {"w": weight},
        "a missing value": {"age": holes(rows, "age", 30)},
        "a column gone": {"rooms": None},
    }


@pytest.mark.parametrize("what", changed(houses()))
def test_other_data_are_refused(run, certified, table, what):
    certified("--sample-weight", "w", "--missing", "drop", "--forbidden", "sold", "--forbidden", "visits")
    ran = run("verify", "c.npz", "--data", table("other.csv", **changed(houses())[what]))
    assert (ran.code, ran.out) == (1, "")


def test_fewer_rows_are_refused(run, certified, write):
    certified()
    ran = run("verify", "c.npz", "--data", write("other.csv", csv_of({k: v[:-1] for k, v in houses().items()})))
    assert ran.code == 1
    assert ran.error == "refused: other.csv is not the table that was certified. It has 36 rows, not 37."


def edit(recipe, *path, value):
    """A copy of the recipe with one entry changed."""
    copy = json.loads(json.dumps(recipe))
    place = copy
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return copy


RECIPES = {
    "drops a row": ("dropped", [5]),
    "another target": ("question", "target", "age"),
    "another fill": ("parts", 0, "fill", 0.37),
    "fewer rows": ("n_rows", 36),
    "forced": ("question", "forced", ["age"]),
    "no weights": ("question", "weight", None),
    "another task": ("question", "task", "poisson"),
    "a missing column": ("parts", 0, "column", "nowhere"),
    "swapped levels": ("parts", 3, "levels", ["north", "east", "south"]),
    "another format": ("format", 9),
    "nonsense": ("parts", 3),
}


@pytest.mark.parametrize("how", RECIPES)
def test_tampered_recipes_are_refused(run, certified, how):
    certificate = certified("--sample-weight", "w", "--forbidden", "sold", "--forbidden", "visits")
    *path, value = RECIPES[how]
    certificate.with_recipe(edit(certificate.recipe, *path, value=value)).save("bad.npz")
    ran = run("verify", "bad.npz", "--data", "houses.csv")
    assert ran.code == 1, ran.err
    assert ran.out == ""


QUESTIONS = {
    "names": lambda q: {"names": ("other", *q.names[1:])},
    "groups": lambda q: {"unit": np.arange(len(q.names))},
    "forced": lambda q: {"forced": np.arange(len(q.forced)) == 0},
    "forbidden": lambda q: {"forbidden": np.arange(len(q.forbidden)) == 1},
    "limits": lambda q: {"upper": np.full_like(q.upper, 1e9)},
    "weights": lambda q: {"weight": q.weight[::-1].copy()},
    "a price": lambda q: {"l0": 0.37},
    "a lasso": lambda q: {"l1": 0.37},
    "other units": lambda q: {"standardize": False},
    "intercept": lambda q: {"fit_intercept": False},
    "loss": lambda q: {"loss": "poisson"},
}


@pytest.mark.parametrize("how", QUESTIONS)
def test_a_proof_of_another_question_is_refused(run, certified, how):
    certificate = certified("--sample-weight", "w", "--forbidden", "sold", "--forbidden", "visits")
    question = replace(certificate.question, **QUESTIONS[how](certificate.question))
    replace(certificate, question=question).save("bad.npz")
    ran = run("verify", "bad.npz", "--data", "houses.csv")
    assert ran.code == 1, ran.err
    assert ran.error.startswith('refused: the proof in "bad.npz" does not answer the question')


def test_a_bound_that_was_raised_is_refused(run, certified):
    certificate = certified(**{"zone": None, "sold": None})
    claims = [replace(c, lower_bound=c.lower_bound * 1.001) if i == 2 else c for i, c in enumerate(certificate.claims)]
    replace(certificate, claims=tuple(claims)).save("bad.npz")
    assert run("verify", "bad.npz", "--data", "houses.csv").code == 1


def test_unreadable_certificates(run, certified, write, tmp_path):
    certificate = certified()
    ran = run("verify", "none.npz", "--data", "houses.csv")
    assert ran.code == 3
    assert ran.error == 'no certificate "none.npz". `ellzero select ... --certificate FILE` writes one.'
    assert run("verify", write("text.npz", "hello"), "--data", "houses.csv").code == 1
    whole = (tmp_path / "c.npz").read_bytes()
    assert run("verify", write("cut.npz", whole[: len(whole) // 2]), "--data", "houses.csv").code == 1
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 0xFF
    assert run("verify", write("damaged.npz", bytes(damaged)), "--data", "houses.csv").code == 1
    replace(certificate, recipe={}).save("bare.npz")
    ran = run("verify", "bare.npz", "--data", "houses.csv")
    assert ran.code == 1
    assert "does not say how its data were coded" in ran.error
    assert run("verify", "c.npz", "--data", "nowhere.csv").code == 3
