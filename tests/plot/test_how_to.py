"""The page on pictures runs as it stands, and the arrays that it promises need no matplotlib."""

import re
import sys
from pathlib import Path

import pytest
from matplotlib import pyplot as plt

import ellzero as ez

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "plots.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Pictures")[2].partition("\n## ")[0]


def run(text, blocks):
    """Run the blocks of Python of a text, of which there must be so many, one after the other."""
    names, found = {}, re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(found) == blocks
    for block in found:
        exec(block, names)
        plt.close("all")


@pytest.mark.slow
def test_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(PAGE, 8)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["criteria.png", "sizes.pdf"]


@pytest.mark.slow
def test_the_section_of_the_readme_runs():
    run(README, 1)


def test_arrays_without_matplotlib(path, near, folds, lasso, proved, stable, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert path.coefs.shape == path.standardized.shape == path.membership.shape == (20, 19)
    assert near.substitutes().count.any()
    assert near.share.max() == 1.0
    assert ez.plot.squares_of(path, "bic").inside.shape == (20, 19)
    assert ez.plot.squares_of(near).inside.shape[0] == len(near)
    assert proved.closing().gap[-1] <= 1e-6
    assert proved.standardized.shape == (19,)
    assert lasso.standardized.shape == (len(lasso), 19)
    assert folds.standard_error.size == folds.sizes.size
    assert stable.frequency.size == 10
