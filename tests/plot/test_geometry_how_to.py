"""The page on geometry: its code runs, its commands run, and the numbers that it shows are theirs."""

import re
import shlex
from pathlib import Path

import pytest

from ellzero.cli import main

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "geometry.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_its_code_runs():
    from matplotlib import pyplot

    code = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    assert len(code) == 2
    exec("\n".join(code), {})
    pyplot.close("all")


@pytest.mark.slow
def test_its_commands_run_and_print_its_numbers(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    commands, shown = re.findall(r"^```\n(.*?)```", re.sub(r"```python.*?```", "", PAGE, flags=re.S), re.S | re.M)
    printed = []
    for line in commands.splitlines():
        words = shlex.split(line.split(">")[0], comments=True)
        assert words[0] == "ellzero"
        assert main(words[1:]) == 0, line
        printed.append(capsys.readouterr().out)
    assert printed[1].splitlines()[:-1] == shown.splitlines()
