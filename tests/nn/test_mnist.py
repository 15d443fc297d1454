"""The benchmark on MNIST in small: cells of `benchmarks.nn.mnist` on a part of the images."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

pytestmark = pytest.mark.slow
ROWS, JUDGED = 6000, 3000
SHARE = 0.4e6 / 2.293e6  # the smaller network of Louizos et al.


@pytest.fixture
def cells(monkeypatch, data_dir):
    monkeypatch.syspath_prepend(Path(__file__).parents[2])
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    from benchmarks.nn import mnist

    yield mnist
    torch.set_num_threads(before)


@pytest.fixture
def bench(cells, tmp_path):
    whole = cells.Bench.of(tmp_path, validation=True, rows=ROWS)
    return replace(whole, judged=whole.judged[slice(0, JUDGED)])


def cell(cells, network, method, seed=0):
    return cells.Cell(network, method, "in small", seed, None)


def test_gates_reach_the_operations_and_the_error_of_magnitude(cells, bench):
    phases = cells.Phases(before=3, after=3, batch=100, optimiser=cells.adam(lr=3e-3))
    gates = cells.gated(cell(cells, "lenet5", "hard concrete"), bench, phases, {"flops": SHARE})[0]
    by_size = cells.norm_pruned(cell(cells, "lenet5", "magnitude"), bench, phases, SHARE)[0]
    for row in (gates, by_size):
        assert row["multiply_adds"] <= 0.4e6
        assert row["error"] < 0.06
    assert gates["error"] <= by_size["error"] + 0.008  # two standard errors of the difference of two shares near 0.03
    assert gates["hard_multiply_adds"] == gates["multiply_adds"]
    assert gates["hard_l0"] == gates["parameters"]
    assert abs(gates["expected_multiply_adds"] / 0.4e6 - 1) < 0.15
    assert abs(gates["soft_loss"] - gates["hard_loss"]) < 0.1


def test_single_weights_keep_their_share_and_stay_zero(cells, bench):
    phases = cells.Phases(before=3, after=2, batch=64, optimiser=cells.adam(lr=2e-3))
    one = cell(cells, "lenet300", "single weights")
    gates = cells.gated(one, bench, phases, {"params": 0.1}, single=True)[0]
    continuous = cells.continuous(one, bench, phases, s0=-0.05)[0]
    gradual = cells.gradual(one, bench, phases, kept=0.1)[0]
    assert 0.09 * 266_610 < gates["nonzeros"] <= 0.1 * 266_610
    assert continuous["nonzeros"] <= continuous["hard_l0"] < 0.4 * 266_610
    assert gradual["weights"] == 26_620
    for row in (gates, continuous, gradual):
        assert row["error"] < 0.1
        assert row["multiply_adds"] == row["weights"]


def test_operations_are_half_of_what_torch_counts(cells, bench):
    from torch.utils.flop_counter import FlopCounterMode

    for make in cells.MAKE.values():
        model = make()
        with FlopCounterMode(display=False) as counter:
            model(bench.example)
        assert 2 * cells.multiply_adds(model, bench.example) == counter.get_total_flops()


def test_a_run_goes_on_where_it_stopped_and_is_reported(cells, bench, monkeypatch, tmp_path, capsys):
    """Cells that are in the folder are not run again; the report has one row for each method and setting."""
    calls = []

    def run(this, bench):
        calls.append(this.name)
        return [cells.facts(cells.fresh(this.network, this.seed), bench) | {"epochs": 0}]

    short = [cells.Cell("lenet300", "untrained", "-", seed, run) for seed in (0, 1, 2)]
    monkeypatch.setattr(cells, "cells", lambda: iter(short))
    monkeypatch.setattr(cells.Bench, "of", lambda *_: bench)
    options = cells.parser().parse_args(["run", str(tmp_path), "--only", "* 1"])
    cells.run(options)
    cells.run(replace_only(options))
    assert calls == [short[1].name, short[0].name, short[2].name]
    lines = (tmp_path / "cells.jsonl").read_text().splitlines()
    assert [json.loads(line)["cell"] for line in lines] == calls
    monkeypatch.setattr(cells.mnist_report, "RESULT", tmp_path / "table.md")
    cells.mnist_report.write(tmp_path)
    rows = [line for line in (tmp_path / "table.md").read_text().splitlines() if line.startswith("| untrained")]
    assert len(rows) == 1
    assert rows[0].startswith("| untrained | - | 0 | 3 | 266,610 | ")
    assert "266,200" in rows[0]


def replace_only(options):
    options.only = "*"
    return options
