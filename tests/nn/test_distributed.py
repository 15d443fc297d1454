"""Two ranks on gloo: the same masks everywhere, checkpoints that one process reads."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import ranks
import torch

from ellzero.nn import neurons, weights

SCRIPT = Path(ranks.__file__)


def run(case, folder):
    """Both ranks' summaries."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(SCRIPT)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run([*command, case, str(folder)], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return [torch.load(folder / f"rank{rank}.pt", weights_only=True) for rank in range(2)]


def same(one, other, **tolerance):
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name], **tolerance)


@pytest.mark.slow
def test_replicas_hold_the_same_gates_as_one_process_with_all_rows(tmp_path):
    first, second = run("replicas", tmp_path)
    same(first["logits"], second["logits"], rtol=0, atol=0)
    same(first["kept"], second["kept"])
    model = ranks.network()
    gates = ranks.gated(model, neurons())
    ranks.train(model, model.parameters(), gates)
    same(first["logits"], ranks.summary(gates), rtol=1e-9, atol=1e-9)
    same(first["model"], model.state_dict(), rtol=1e-9, atol=1e-9)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:torch.distributed is disabled")  # a single process is what is meant
@pytest.mark.parametrize(("case", "selector"), [("sharded", neurons()), ("sharded weights", weights())])
def test_one_process_goes_on_from_what_two_saved(case, selector, tmp_path):
    first, second = run(case, tmp_path)
    same(first["logits"], second["logits"], rtol=0, atol=0)
    same(first["kept"], second["kept"])
    torch.testing.assert_close(first["output"], second["output"])
    alone = ranks.resharded(tmp_path, selector)
    same(first["logits"], alone["logits"], rtol=0, atol=0)
    same(first["kept"], alone["kept"])
    torch.testing.assert_close(first["output"], alone["output"])
    torch.testing.assert_close(alone["output"], alone["small"])
    model = ranks.network()
    gates = ranks.gated(model, selector)
    ranks.train(model, model.parameters(), gates)
    same(first["logits"], ranks.summary(gates), rtol=1e-9, atol=1e-9)
