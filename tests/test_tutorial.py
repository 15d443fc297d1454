"""The lesson's page says what its scripts print, and its figures are there."""

import re
import runpy
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import ellzero as ez

ROOT = Path(__file__).resolve().parents[1]
BUILD = runpy.run_path(str(ROOT / "docs" / "build_tutorial.py"))
PAGE = BUILD["PAGE"].read_text(encoding="utf-8")
WORDS = re.compile(r"<!-- ([^>]+) -->")  # SVG has the texts of a figure beside their outlines
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e-?\d+)?")
TRAINED = {"4": 0.03, "5": 0.03}  # a thousand steps are not the same to the last weight on every machine
SCRIPTS = ["1", "2", "3", "6", *(pytest.param(number, marks=pytest.mark.slow) for number in TRAINED)]


@cache
def printed(number):
    return BUILD["printed"](BUILD["scripts"]()[number])


def on_page(page, number):
    return [(m[2], m[3]) for m in BUILD["MARKED"].finditer(page) if m[1] == number]


def check(page, number):
    """Each number of a script on the page is the one printed; of trainings to a few per cent."""
    told, found = printed(number), on_page(page, number)
    assert {label for label, _ in found} == set(told)
    for label, text in found:
        if number not in TRAINED:
            assert text == told[label], label
            continue
        assert NUMBER.sub("#", text) == NUMBER.sub("#", told[label]), label
        for mine, theirs in zip(NUMBER.findall(text), NUMBER.findall(told[label]), strict=True):
            if "0" in (mine, theirs):
                assert mine == theirs, label  # none is none, and not a few
            decimals = len(mine.partition(".")[2])
            slack = max(TRAINED[number] * float(theirs), 4 * 10.0**-decimals)
            assert float(mine) == pytest.approx(float(theirs), abs=slack), label


@pytest.mark.parametrize("number", SCRIPTS)
def test_the_numbers_are_those_that_the_scripts_print(number, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check(PAGE, number)
    assert not list(tmp_path.iterdir())  # nothing is saved where no folder is named


@pytest.mark.parametrize("number", SCRIPTS)
def test_another_number_on_the_page_is_found_out(number):
    changed = 0
    for m in BUILD["MARKED"].finditer(PAGE):
        if m[1] != number:
            continue
        digit = NUMBER.search(m[3])
        at = m.start(3) + digit.start()
        broken = PAGE[:at] + str((int(PAGE[at]) + 5) % 10) + PAGE[at + 1 :]
        if number in TRAINED and "." not in digit[0] and 0 < float(digit[0]) < 10:
            continue  # a count of few but some, within the slack
        changed += 1
        with pytest.raises(AssertionError):
            check(broken, number)
    assert changed >= 3 if number == "6" else 4


@pytest.mark.slow
@pytest.mark.parametrize("few", ["1", "3"])
def test_a_few_zeros_are_not_none(few):
    label = "<!-- 4: l1 subgradient: exact zeros -->"
    broken = PAGE.replace(f"{label}0<", f"{label}{few}<")
    assert broken != PAGE
    with pytest.raises(AssertionError):
        check(broken, "4")


def test_a_label_that_no_script_prints_is_found_out():
    with pytest.raises(AssertionError):
        check(PAGE.replace("<!-- 1: norm of (2, 2), p = 1 -->", "<!-- 1: norm of (3, 3), p = 1 -->"), "1")


def test_filling_the_page_is_reversible():
    numbers = {(m[1], m[2]): m[3] for m in BUILD["MARKED"].finditer(PAGE)}
    empty = BUILD["filled"](PAGE, dict.fromkeys(numbers, "?"))
    assert empty != PAGE
    assert BUILD["filled"](empty, numbers) == PAGE
    assert "?<!-- -->" not in PAGE


def test_numbers_and_tables_are_read_back():
    text = "one: two: 3 %\na table:\n| a |\n|---|\n| 4 |\n\nlast: (0, 1)\n"
    assert BUILD["parsed"](text) == {
        "one: two": "3 %", "a table": "\n\n| a |\n|---|\n| 4 |\n\n", "last": "(0, 1)",
    }  # fmt: skip


@pytest.mark.parametrize("folder", BUILD["FIGURES"].values(), ids=lambda folder: folder.parent.name)
def test_the_figures_are_shown_and_small(folder):
    pages = "".join(page.read_text(encoding="utf-8") for page in folder.parent.glob("*.md"))
    shown = re.findall(r"!\[[^\]]+\]\(figures/([^)]+)\)", pages)
    assert sorted(shown) == sorted(path.name for path in folder.iterdir())
    for name in shown:
        assert 0 < (folder / name).stat().st_size < 120_000, name


@pytest.mark.slow
def test_the_scripts_save_the_pages_figures_where_they_are_told(tmp_path):
    for number, script in BUILD["scripts"]().items():
        told = BUILD["printed"](script, tmp_path / "tutorials")
        assert told == printed(number)
    for script in BUILD["OTHERS"]:
        assert BUILD["printed"](script, tmp_path / "how-to") == BUILD["printed"](script)
    for room, folder in BUILD["FIGURES"].items():
        saved = {path.name: path for path in (tmp_path / room).iterdir()}
        assert set(saved) == {path.name for path in folder.iterdir()}
        for name, path in saved.items():
            words = [WORDS.findall((place / name).read_text()) for place in (tmp_path / room, folder) if "svg" in name]
            assert len(words) == 0 or words[0] == words[1] != [], path


def test_the_other_scripts_print_what_is_true(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    quartic, planes = (BUILD["printed"](script) for script in BUILD["OTHERS"])
    assert quartic["lowest point"] == "(0.707, 0.707, 0.707), value -0.35"  # three times 1/4 - 1/2, and 0.4
    assert [quartic[f"curves of level 0 at z = {z}"] for z in ("0", "0.5")] == ["4", "2"]
    x = np.random.default_rng(37).uniform(-1.5, 1.5, (400_000, 3))
    assert float(quartic["volume where the field is below 0"]) == pytest.approx(
        27.0 * np.mean((x**4 - x**2).sum(axis=1) + 0.4 < 0), abs=0.06
    )
    X = ez.datasets.load_diabetes().X
    curved = np.linalg.eigvalsh(np.corrcoef(X.T))
    assert planes["curvatures of the bowl"] == f"{curved[0]:.3f} to {curved[-1]:.2f}"
    assert planes["curvatures, the two steepest directions"] == f"{curved[-2]:.2f} and {curved[-1]:.2f}"
    assert not list(tmp_path.iterdir())
