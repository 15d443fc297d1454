"""The page on pictures runs as it stands, and the arrays that it promises need no matplotlib."""

import re
import sys
from pathlib import Path

import pytest
from matplotlib import pyplot as plt

import ellzero as ez

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "plots.md"


@pytest.mark.slow
def test_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 8
    for block in blocks:
        exec(block, names)
        plt.close("all")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["criteria.png", "sizes.pdf"]


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
