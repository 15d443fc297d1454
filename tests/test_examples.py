"""The scripts in examples/ run, and find what enumeration finds."""

import runpy
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

import ellzero as ez

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def shares_by_enumeration(stocks, index, k):
    """Least half mean square of index - stocks @ b with b >= 0, sum b = 1 and at most k nonzeros, and its support.

    On the support of the optimum no share is zero, so only the sum binds: the equations of every support are solved,
    and those with a negative share are no candidates.
    """
    n, p = stocks.shape
    gram, corr, square = stocks.T @ stocks / n, stocks.T @ index / n, index @ index / n
    best = (np.inf, ())
    for size in range(1, k + 1):
        supports = np.array(list(combinations(range(p), size)))
        for chunk in np.array_split(supports, max(1, len(supports) // 20_000)):
            system = np.zeros((len(chunk), size + 1, size + 1))
            system[:, :size, :size] = gram[chunk[:, :, None], chunk[:, None, :]]
            system[:, size, :size] = system[:, :size, size] = gram[0, 0]  # scaled like the rest
            right = np.column_stack([corr[chunk], np.full(len(chunk), gram[0, 0])])
            b = np.linalg.solve(system, right[:, :, None])[:, :size, 0]
            moved = np.einsum("ij,ijk,ik->i", b, system[:, :size, :size], b)
            value = 0.5 * (square - 2 * (b * corr[chunk]).sum(axis=1) + moved)
            value[(b < 0).any(axis=1)] = np.inf
            at = int(value.argmin())
            best = min(best, (float(value[at]), tuple(chunk[at].tolist())))
    return best


@pytest.mark.slow
def test_the_portfolio_is_the_best_of_all_that_keep_the_conditions(data_dir, capsys, monkeypatch):
    script = EXAMPLES / "index_portfolio.py"
    module = runpy.run_path(str(script))
    names, (stocks, index), _ = module["load"](data_dir)
    result = module["track"](names, stocks, index)
    value, support = shares_by_enumeration(stocks, index, module["SIZE"])
    assert result.status is ez.Status.OPTIMAL
    assert tuple(result.support.tolist()) == support
    assert result.objective == pytest.approx(value, rel=1e-6)
    assert result.coef.sum() == pytest.approx(1.0, abs=1e-9)
    assert (result.coef >= 0).all()
    assert result.k == 10
    best, other = (module["error"](b, stocks, index) for b in (result.coef, module["rescaled"](names, stocks, index)))
    assert best < other
    monkeypatch.setattr(sys, "argv", [str(script), str(data_dir)])
    runpy.run_path(str(script), run_name="__main__")
    assert "shares that sum to one" in capsys.readouterr().out


@pytest.mark.slow
def test_gates_leave_as_many_weights_as_asked_for(capsys):
    pytest.importorskip("torch")
    found = runpy.run_path(str(EXAMPLES / "digits_with_gates.py"))["main"]()
    assert found["gates"] == found["proximal"] > 400
    assert max(found["errors"]) < 0.06
    assert f"L0 gates                              {found['gates']}" in capsys.readouterr().out
