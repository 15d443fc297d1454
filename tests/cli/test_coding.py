"""From a table to X and y, by hand-computed values; and what the coding refuses."""

import json

import numpy as np
import pytest

from ellzero.cli.coding import encode
from ellzero.cli.exits import Exit, Stop
from ellzero.cli.reading import read_table
from ellzero.cli.recipe import Question, Recipe
from tables import csv_of, houses


@pytest.fixture
def coded(write):
    """Code a table given by columns."""

    def code(question, **columns):
        return encode(read_table(write("t.csv", csv_of(columns))), question)

    return code


@pytest.fixture
def refusal(coded):
    def refuse(question, **columns):
        with pytest.raises(Stop) as caught:
            coded(question, **columns)
        return caught.value.exit, str(caught.value)

    return refuse


X5, Y5 = [1.9, 0.37, 4.1, -2.2, 7.3], [3, 1, 4, 1.5, 9]


def test_numbers_booleans_and_text(coded):
    design = coded(
        Question("y", max_levels=3),
        a=X5,
        b=["true", "FALSE", "true", "true", "false"],
        c=list("vuuvw"),
        y=Y5,
        forced_=[1, 2, 4, 8, 17],
    )
    assert design.recipe.terms == ("a", "b", "c_v", "c_w", "forced_")
    np.testing.assert_array_equal(design.X[:, 1], [1, 0, 1, 1, 0])
    np.testing.assert_array_equal(design.X[:, 2], [1, 0, 0, 1, 0])
    np.testing.assert_array_equal(design.X[:, 3], [0, 0, 0, 0, 1])
    np.testing.assert_array_equal(design.y, Y5)
    assert design.recipe.groups.tolist() == [0, 1, 2, 2, 3]
    assert design.X.flags.f_contiguous


def test_text_with_two_levels_needs_no_groups(coded):
    design = coded(Question("y", forced=("c",)), a=X5, c=list("NANAA"), y=Y5)
    assert design.recipe.terms == ("a", "c_N")
    assert design.recipe.groups is None
    assert (design.recipe.forced, design.recipe.n_forced) == ([1], 1)


def test_forced_text_is_forced_with_all_levels(coded):
    design = coded(Question("y", forced=("c",), max_levels=3), a=X5, c=list("xyzyx"), y=Y5)
    assert (design.recipe.forced, design.recipe.n_forced) == ([1, 2], 1)


def test_forbidden_columns_are_not_even_looked_at(coded):
    design = coded(Question("y", forbidden=("id", "bad")), id=list("abcde"), a=X5, bad=[1, None, "inf", 2, 3], y=Y5)
    assert design.recipe.terms == ("a",)


@pytest.mark.parametrize("task", ["auto", "logistic"])
@pytest.mark.parametrize(
    ("values", "levels", "coded_as"),
    [
        (["won", "lost", "won", "lost", "lost"], ("lost", "won"), [1, 0, 1, 0, 0]),
        ([2, 1, 1, 2, 1], (1.0, 2.0), [1, 0, 0, 1, 0]),
        (["false", "true", "true", "false", "true"], (0.0, 1.0), [0, 1, 1, 0, 1]),
    ],
)
def test_two_valued_target(coded, task, values, levels, coded_as):
    design = coded(Question("y", task=task), a=X5, y=values)
    assert design.target.task == "logistic"
    assert design.recipe.target_levels == levels
    np.testing.assert_array_equal(design.y, coded_as)


def test_tasks_are_said(coded):
    design = coded(Question("y"), a=X5, y=["won", "lost", "won", "lost", "lost"])
    assert design.target.describe("auto") == (
        'logistic: probability that y is "won" and not "lost", chosen because the target has two values'
    )
    assert coded(Question("y"), a=X5, y=Y5).target.describe("auto") == "linear: mean of y"
    counts = coded(Question("y", task="poisson"), a=X5, y=[0, 3, 1, 1, 2])
    assert counts.target.describe("poisson") == "poisson: expected count of y"
    assert counts.recipe.question.task == "poisson"


def test_two_valued_numbers_can_be_linear(coded):
    assert coded(Question("y", task="linear"), a=X5, y=[0, 1, 1, 0, 1]).target.task == "linear"


def test_drop(coded):
    design = coded(Question("y", missing="drop"), a=[1.9, None, 4.1, -2.2, 7.3], b=list("uvuvv"), y=[3, 1, 4, 7, None])
    np.testing.assert_array_equal(design.y, [3, 4, 7])
    assert design.recipe.dropped == (1, 4)
    assert design.lost == {"a": 1, "y": 1}


def test_impute_mean_and_most_frequent(coded):
    design = coded(Question("y", missing="impute"), a=[1, None, 2, 6, None], b=["u", "v", None, "v", "u"], y=Y5)
    np.testing.assert_array_equal(design.X[:, 0], [1, 3, 2, 6, 3])
    np.testing.assert_array_equal(design.X[:, 1], [0, 1, 0, 1, 0])  # u and v tie, u is first
    assert design.recipe.dropped == ()


def test_indicator(coded):
    design = coded(
        Question("y", missing="indicator"),
        a=[1, None, 2, 6, None, 1.5],
        b=[4, None, 7, 1, None, 2],
        c=["u", "v", None, "v", "u", "u"],
        d=[1, 2, 3, 4, 5, None],
        y=[*Y5, 2],
    )
    assert design.recipe.terms == ("a", "a_missing", "b", "c_v", "c_missing", "d", "d_missing")
    np.testing.assert_array_equal(design.X[:, 1], [0, 1, 0, 0, 1, 0])
    np.testing.assert_array_equal(design.X[:, 3:5], [[0, 0], [1, 0], [0, 1], [1, 0], [0, 0], [0, 0]])
    assert design.recipe.groups.tolist() == [0, 1, 2, 3, 3, 4, 5]


def test_weights(coded):
    design = coded(Question("y", weight="w"), a=X5, w=[2, 0, 0.37, 1, 1], y=Y5)
    np.testing.assert_array_equal(design.weight, [2, 0.37, 1, 1])
    assert design.recipe.terms == ("a",)
    assert design.notes == ("left out, their weight is 0: 1 row.",)


def test_constant_columns_are_left_out_and_said(coded):
    design = coded(Question("y"), a=X5, one=[3.7] * 5, same=list("zzzzz"), y=Y5)
    assert design.recipe.terms == ("a",)
    assert design.notes == ("left out, the same value in every row used: one, same.",)


def test_levels_and_constants_are_those_of_the_rows_used(coded):
    design = coded(Question("y", missing="drop"), a=X5, b=list("uvuvw"), c=[1, 1, 1, 1, 2], y=[3, 1, 4, 1.5, None])
    assert design.recipe.terms == ("a", "b_v")
    assert design.recipe.constant == ("c",)


@pytest.mark.parametrize(
    ("question", "columns", "code", "message"),
    [
        (
            Question("prise"),
            {"price": Y5, "a": X5},
            3,
            'no column "prise" in t.csv. Did you mean "price"? The file has 2 columns.',
        ),
        (Question("y", forced=("b",)), {"a": X5, "y": Y5}, 3, 'no column "b" in t.csv. The file has 2 columns.'),
        (
            Question("y", weight="A"),
            {"a": X5, "y": Y5},
            3,
            'no column "A" in t.csv. Did you mean "a"? The file has 2 columns.',
        ),
        (
            Question("y", forced=("y",)),
            {"a": X5, "y": Y5},
            2,
            '"y" is named by --target and by --forced. It can be only one of them.',
        ),
        (
            Question("y", forced=("a",), forbidden=("a",)),
            {"a": X5, "y": Y5},
            2,
            '"a" is named by --forced and by --forbidden. It can be only one of them.',
        ),
        (
            Question("y", forbidden=("a",)),
            {"a": X5, "y": Y5},
            3,
            "no column of t.csv is left to choose from, besides the target and those left out.",
        ),
        (
            Question("y"),
            {"a": X5, "y": [2.5] * 5},
            3,
            'the target "y" is 2.5 in every row used: there is nothing to explain.',
        ),
        (
            Question("y"),
            {"a": X5, "y": ["no"] * 5},
            3,
            'the target "y" is "no" in every row used: there is nothing to explain.',
        ),
        (
            Question("y", missing="drop"),
            {"a": [1, 2, 3, None], "y": ["no", "no", "no", "yes"]},
            3,
            'the target "y" is "no" in every row used: there is nothing to explain.',
        ),
        (
            Question("y"),
            {"a": X5, "y": list("abcab")},
            3,
            'the target "y" is not numeric: it is text with 3 levels. ellzero explains numbers, counts and '
            "columns with two "
            "values. For the probability of each level: ellzero select --task multinomial.",
        ),
        (
            Question("y", task="linear"),
            {"a": X5, "y": [1, 2, "three", 4, 5]},
            3,
            'the target "y" is not numeric, as --task linear needs. All but 1 of its values are numbers: '
            "'three' in line 4 is "
            "not. It is text.",
        ),
        (
            Question("y", task="linear"),
            {"a": X5, "y": list("abbab")},
            3,
            'the target "y" is not numeric, as --task linear needs. It is text. A column with two values can be '
            "explained with "
            "--task logistic.",
        ),
        (
            Question("y", task="logistic"),
            {"a": X5, "y": Y5},
            3,
            '--task logistic needs a target with two values; "y" has 5 different values.',
        ),
        (
            Question("y", task="poisson"),
            {"a": X5, "y": [1, 0, 3, -2, 1]},
            3,
            '--task poisson counts: "y" is -2 in line 5. Counts are 0 or more.',
        ),
        (
            Question("y"),
            {"a": [1, 2, "inf", 4, "-inf"], "y": Y5},
            3,
            '"a" has 2 infinite values, first in line 4. Correct the value, or leave the cell empty to call it '
            "missing.",
        ),
        (
            Question("y"),
            {"a": X5, "y": [1, "inf", 3, 4, 5]},
            3,
            '"y" has 1 infinite value, first in line 3. Correct the value, or leave the cell empty to call it missing.',
        ),
        (
            Question("y"),
            {"a": [1, None, 3, None, 2], "y": Y5},
            3,
            "2 of 5 rows miss a (40 %). Choose --missing drop | impute | indicator. Nothing was fitted.",
        ),
        (
            Question("y"),
            {"a": [1, None, 3, None, 2], "b": [None, None, 4, 1, 2], "y": Y5},
            3,
            "3 of 5 rows have missing values (60 %): a 2, b 2. Choose --missing drop | impute | indicator. "
            "Nothing was fitted.",
        ),
        (
            Question("y", missing="impute"),
            {"a": X5, "y": [1, None, 3, 4, 5]},
            3,
            '1 of 5 rows miss the target "y", and --missing impute fills in candidates only. Remove these rows, '
            "or choose "
            "--missing drop.",
        ),
        (
            Question("y", missing="impute"),
            {"a": X5, "b": [None] * 5, "y": Y5},
            3,
            '"b" has no values at all. Leave it out: --forbidden b',
        ),
        (
            Question("y", missing="drop"),
            {"a": [1, None, 3, None, None], "y": Y5},
            3,
            "2 of 5 rows can be used; at least 3 are needed. Most are lost to a (3).",
        ),
        (
            Question("y", weight="w"),
            {"a": X5, "w": [0] * 5, "y": Y5},
            3,
            "--sample-weight w: all weights are zero, so no row counts.",
        ),
        (
            Question("y", weight="w"),
            {"a": X5, "w": [1, 1, -0.5, 1, 1], "y": Y5},
            3,
            "--sample-weight w: the weight is -0.5 in line 4. Weights are 0 or more.",
        ),
        (
            Question("y", weight="w"),
            {"a": X5, "w": list("abcde"), "y": Y5},
            3,
            '--sample-weight w: weights are numbers, and "w" is text.',
        ),
        (
            Question("y"),
            {"a": X5, "zip": list("pqrst"), "y": Y5},
            3,
            '"zip" has 5 levels in 5 rows; as dummies it has more terms than is useful. Leave it out with '
            "--forbidden zip, or "
            "allow it with --max-levels 5.",
        ),
        (
            Question("y"),
            {"a": [1, 2, 3, "4,5", 6], "y": Y5},
            3,
            '"a" has 5 levels in 5 rows; as dummies it has more terms than is useful. All but 1 of its values '
            "are numbers: "
            "'4,5' in line 5 is not. Leave it out with --forbidden a, or allow it with --max-levels 5.",
        ),
        (
            Question("y", forced=("one",)),
            {"a": X5, "one": [1] * 5, "y": Y5},
            3,
            "--forced one: the column has the same value in every row used, so it explains nothing.",
        ),
        (
            Question("y"),
            {"one": [1] * 5, "y": Y5},
            3,
            "every candidate column of t.csv has the same value in all rows used: nothing to choose from.",
        ),
        (
            Question("y"),
            {"a": X5, "c": list("uvuvv"), "c_v": [1, 2, 4, 8, 9], "y": Y5},
            3,
            'the column "c" would get a term named "c_v", and there is one of that name. Rename one of them.',
        ),
    ],
)
def test_refusals(refusal, question, columns, code, message):
    columns = {
        name: [f'"{v}"' if isinstance(v, str) and "," in v else v for v in values] for name, values in columns.items()
    }
    assert refusal(question, **columns) == (code, message)


def test_equal_columns_are_named(refusal):
    code, message = refusal(
        Question("y"),
        a=X5,
        twin=[3 - 2 * v for v in X5],
        **{"a b": [5 * v + 1 for v in X5]},
        y=Y5,
    )
    assert code == Exit.DATA
    assert message == (
        "a and twin are equal up to shift and scale (correlation -1.0000). No data can tell them apart. So are 2 "
        "more pairs. "
        'Leave out: --forbidden twin --forbidden "a b"'
    )


def test_exact_combinations_are_named(refusal):
    rng = np.random.default_rng(3)
    a, b, c = rng.normal(size=(3, 17))
    code, message = refusal(Question("y"), a=a, b=b, total=0.37 * a + 1.9 * b + 4, c=c, y=rng.normal(size=17))
    assert code == Exit.DATA
    named = {
        word.strip('"')
        for word in message.split(". ")[0].replace(",", "").split()
        if word.strip('"') in ["a", "b", "c", "total"]
    }
    assert named == {"a", "b", "total"}
    assert "is an exact combination of" in message
    assert "--forbidden" in message


def test_nearly_equal_columns_pass(coded):
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(2, 17))
    design = coded(Question("y"), a=a, almost=a + 1e-5 * b, y=rng.normal(size=17))
    assert design.recipe.terms == ("a", "almost")


def test_more_columns_than_rows_pass(coded):
    rng = np.random.default_rng(5)
    columns = {f"x{j}": rng.normal(size=7) for j in range(11)}
    assert coded(Question("y"), **columns, y=rng.normal(size=7)).X.shape == (7, 11)


def test_dummies_of_the_same_text_are_collinear(refusal):
    code, message = refusal(Question("y"), a=X5, b=list("uvuvv"), c=list("pqpqq"), y=Y5)
    assert code == Exit.DATA
    assert message.startswith("b_v and c_q are equal up to shift and scale")
    assert message.endswith("--forbidden c")


@pytest.mark.parametrize("missing", ["drop", "impute", "indicator"])
@pytest.mark.parametrize("target", ["price", "sold", "visits"])
def test_a_recipe_survives_json_and_codes_the_same(write, missing, target):
    rows = houses()
    rng = np.random.default_rng(8)
    for name in ("area", "zone"):
        rows[name] = [None if hole else v for v, hole in zip(rows[name], rng.random(37) < 0.2, strict=True)]
    question = Question(target, weight="w", missing=missing, forced=("zone",), forbidden=("garage",))
    design = encode(read_table(write("h.csv", csv_of(rows))), question)
    recipe = Recipe.from_json(json.loads(json.dumps(design.recipe.to_json())))
    assert recipe == design.recipe
    table = read_table("h.csv")
    used = np.setdiff1d(np.arange(37), recipe.dropped)
    again = np.concatenate([part.code(table.column(part.column))[used] for part in recipe.parts], axis=1)
    np.testing.assert_array_equal(again, design.X)
    np.testing.assert_array_equal(encode(table, recipe.question).X, design.X)


def test_hitters_has_the_known_terms(expected, data_dir):
    design = encode(read_table(str(data_dir / "hitters" / "hitters.csv")), Question("Salary", missing="drop"))
    assert sorted(design.recipe.terms) == sorted(expected("hitters")["names"])
    assert design.X.shape == (263, 19)
    assert len(design.recipe.dropped) == 59
