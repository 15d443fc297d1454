"""`ellzero select` with --hierarchy and --at-most-one."""

import json

import numpy as np
import pytest

from tables import csv_of


@pytest.fixture
def products(write):
    """A table with products of columns, a text column and a constant one."""

    def make(**changes):
        rng = np.random.default_rng(37)
        a, b, c = rng.normal(size=(3, 60)).round(3)
        zone = rng.choice(["east", "north", "west"], 60)
        columns = {"a": a, "b": b, "c": c, "zone": zone, "one": np.ones(60), "a:b": a * b, "b:c": b * c}
        columns["y"] = (1.9 * a * b + 0.7 * c + 0.37 * rng.normal(size=60)).round(4)
        chosen = {name: values for name, values in {**columns, **changes}.items() if values is not None}
        return write("t.csv", csv_of(chosen, ","))

    return make


def columns_of(ran, size):
    found = {line["size"]: line["columns"] for line in json.loads(ran.out)["sizes"]}
    return set(found[size])


def asked(run, name, *words):
    ran = run("select", name, "--target", "y", "--json", *([] if "--l2" in words else ["--l2", "0.001"]), *words)
    assert ran.code == 0, ran.err
    return ran


def test_strong_and_weak(run, products):
    name = products()
    assert columns_of(asked(run, name, "--k", "2"), 2) == {"c", "a:b"}
    assert columns_of(asked(run, name, "--k", "3", "--hierarchy", "strong"), 3) == {"a", "b", "a:b"}
    weak = columns_of(asked(run, name, "--k", "2", "--hierarchy", "weak"), 2)
    assert "a:b" in weak
    assert weak & {"a", "b"}


def test_without_a_ridge_nothing_is_proven_and_that_is_said(run, products):
    ran = asked(run, products(), "--k", "2", "--at-most-one", "a,b", "--l2", "0")
    assert "with --hierarchy or --at-most-one a proof needs a ridge. --l2 0.001 is a small one." in ran.err


def test_at_most_one_with_a_text_column(run, products):
    ran = asked(run, products(), "--k", "3", "--at-most-one", "c,a:b", "--at-most-one", "zone,a, b")
    found = columns_of(ran, 3)
    assert len(found & {"c", "a:b"}) <= 1
    assert len(found & {"zone", "a", "b"}) <= 1
    assert json.loads(ran.out)["data"]["at_most_one"] == [["c", "a:b"], ["zone", "a", "b"]]


def test_forced_columns_bring_what_they_need(run, products):
    ran = asked(run, products(), "--hierarchy", "strong", "--forced", "b:c", "--max-k", "4")
    sizes = json.loads(ran.out)["sizes"]
    assert [line["size"] for line in sizes] == [3, 4]
    assert all({"b", "c", "b:c"} <= set(line["columns"]) for line in sizes)


def test_a_column_whose_parent_is_left_out_never_enters(run, products):
    ran = asked(run, products(), "--hierarchy", "strong", "--forbidden", "a")
    assert all("a:b" not in line["columns"] for line in json.loads(ran.out)["sizes"])
    assert "can never be in by --hierarchy, what they need is forbidden or constant: a:b." in ran.err
    kept = asked(run, products(), "--hierarchy", "weak", "--forbidden", "a")
    assert any("a:b" in line["columns"] for line in json.loads(kept.out)["sizes"])


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--k", "1", "--hierarchy", "strong", "--forced", "a:b"], 4,
         "--k 1 leaves no room for the 1 forced column and the 2 that it needs. Use --k 3 or more."),
        (["--hierarchy", "strong", "--forced", "a:b", "--forbidden", "a"], 4,
         "--forced a:b: by --hierarchy it needs a column that is forbidden or constant."),
        (["--at-most-one", "a,b", "--forced", "a", "--forced", "b"], 4,
         "at most 1 of a, b may be in, but all of them must be."),
        (["--at-most-one", "a,bb"], 3, 'no column "bb" in t.csv. Did you mean "b"? The file has 8 columns.'),
        (["--at-most-one", "a,y"], 2, '"y" is named by --target and by --at-most-one. It can be only one of them.'),
        (["--at-most-one", "a"], 2,
         'Invalid value for --at-most-one: "a" names fewer than two columns: write a,b,c. '
         "See: ellzero select --help"),
    ],
)  # fmt: skip
def test_errors(run, products, words, code, sentence):
    ran = run("select", products(), "--target", "y", *words)
    assert (ran.code, ran.error) == (code, sentence)


def test_errors_in_the_words_of_the_command(run, products):
    nothing = run("select", products(**{"a:b": None, "b:c": None}), "--target", "y", "--hierarchy", "weak")
    assert nothing.code == 2
    assert nothing.error == (
        'no column has a name like "a:b" with columns "a" or "b" beside it, so a hierarchy has nothing to act on.'
    )
    lost = run("select", products(c=None), "--target", "y", "--hierarchy", "strong")
    assert (lost.code, lost.error) == (2, "\"b:c\" has no column 'c' to be its parent. Hint: add the column.")
