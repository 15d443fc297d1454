"""Every block of code on the pages on pruning and on gates, and in the README's section on networks, runs."""

import re
import sys
from pathlib import Path

import pytest
import torch

from ellzero.cli import main

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "how-to" / "prune-a-network.md").read_text(encoding="utf-8")
EXPLAINED = (ROOT / "docs" / "explanation" / "gates.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"(<!-- not run -->\n)?```(\w*)\n(.*?)```", re.DOTALL)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "net", raising=False)
    with torch.random.fork_rng():
        yield tmp_path
    sys.modules.pop("net", None)


@pytest.mark.slow
def test_the_blocks_of_the_page_run_in_their_order(folder, capsys):
    names, commands, left = {}, [], 0
    for unrun, kind, code in BLOCK.findall(PAGE):
        if unrun:
            left += 1
            compile(code, "unrun", "exec")
        elif kind == "python":
            exec(compile(code, "page", "exec"), names)
        else:
            commands += code.strip().splitlines()
    assert left == 1
    found, plain = names["found"], names["plain"]
    for one in (found, plain):
        assert one.report.after.flops <= 0.3 * one.report.before.flops
        assert one.report.after.metric > 0.8
    assert names["accuracy"](names["again"]) > 0.8
    capsys.readouterr()
    for command in commands:
        program, *words = command.split()
        assert program == "ellzero"
        assert main(words) == 0, capsys.readouterr().err
    assert (folder / "small" / "model.pt2").exists()
    assert (folder / "magnitude.html").exists()


def test_what_the_explanation_asserts_holds():
    names = {}
    with torch.random.fork_rng():
        for _, kind, code in BLOCK.findall(EXPLAINED):
            assert kind == "python"
            exec(compile(code, "gates.md", "exec"), names)
    assert sum(code.count("assert ") for _, _, code in BLOCK.findall(EXPLAINED)) >= 7


@pytest.mark.slow
def test_the_section_of_the_readme_runs(folder, capsys):
    section = README.partition("## Networks")[2].partition("\n## ")[0]
    blocks = [code for _, kind, code in BLOCK.findall(section) if kind == "python"]
    assert blocks
    data = [(torch.randn(8, 1, 28, 28), torch.randint(0, 10, (8,))) for _ in range(3)]
    names = {"loader": data}
    for code in blocks:
        exec(compile(code, "README", "exec"), names)
    assert names["found"].report.after.flops <= 0.3 * names["found"].report.before.flops
