"""The lesson's page says what its scripts print, and its figures are there."""

import re
import runpy
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BUILD = runpy.run_path(str(ROOT / "docs" / "build_tutorial.py"))
PAGE = BUILD["PAGE"].read_text(encoding="utf-8")
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e-?\d+)?")
TRAINED = {"4": 0.03, "5": 0.03}  # a thousand steps are not the same to the last weight on every machine
SCRIPTS = ["1", "2", "3", *(pytest.param(number, marks=pytest.mark.slow) for number in TRAINED)]


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
        if number in TRAINED and "." not in digit[0] and float(digit[0]) < 10:
            continue  # a count of few, within the slack
        changed += 1
        with pytest.raises(AssertionError):
            check(broken, number)
    assert changed >= 4


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


def test_the_figures_are_there_and_small():
    named = re.findall(r"!\[[^\]]+\]\((figures/[^)]+)\)", PAGE)
    assert len(named) == 7
    for name in named:
        assert 0 < (BUILD["PAGE"].parent / name).stat().st_size < 80_000, name


@pytest.mark.slow
def test_the_scripts_save_the_page_s_figures_where_they_are_told(tmp_path):
    for number, script in BUILD["scripts"]().items():
        told = BUILD["printed"](script, tmp_path / "figures")
        assert told == printed(number)
    saved = {path.name for path in (tmp_path / "figures").iterdir()}
    assert saved == {path.name for path in BUILD["FIGURES"].iterdir()}
