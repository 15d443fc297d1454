"""`ellzero prune` on scikit-learn's digits, as a user types it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

import ellzero
from ellzero import nn as ez
from ellzero.nn import networks

CODE = """
import torch
from ellzero.nn import networks

def make():
    return networks.LeNet300(64, (60, 30))

def with_example():
    return make(), torch.zeros(2, 1, 8, 8)

def images():
    return networks.VGG(((4, 6), (8,)), 1)

def loaders():
    x = torch.randn(60, 64, generator=torch.Generator().manual_seed(37))
    y = (x[:, 0] > 0.37).long()
    return list(zip(x[:40].split(10), y[:40].split(10))), [(x[40:], y[40:])]

def regression():
    return torch.nn.Sequential(torch.nn.Linear(7, 19), torch.nn.ReLU(), torch.nn.Linear(19, 1))

def needs(width):
    return width

def seven():
    return 7

def broken():
    raise RuntimeError("the dog ate it")

constant = 37
"""


@pytest.fixture
def here(write, monkeypatch):
    """A working directory with net.py and digits.npz; torch's threads and the import path are put back."""
    write("net.py", CODE)
    X, y = load_digits(return_X_y=True)
    np.savez("digits.npz", X=(X / 16).astype("f4").reshape(-1, 1, 8, 8), y=y)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "net", raising=False)
    yield
    sys.modules.pop("net", None)


SHORT = ["--epochs", 6, "--pretrain", 2, "--lr", "0.004"]


def test_digits_from_a_file_to_a_folder(run, here):
    ran = run("prune", "net:make", "--data", "digits.npz", "--flops", "25%", *SHORT, "-o", "out",
              "--report", "r.md", "--report", "r.html", "--report", "r.csv", "--report", "r.tex",
              "--report", "r.json", "--export", "pt2")  # fmt: skip
    assert ran.code == 0, ran.err
    assert ran.out.startswith("LeNet300 of net:make, gates: flops 25 %\n")
    for word in (
        "parameters",
        "FLOPs",
        "latency ms",
        "accuracy",
        "359 samples that were held out",
        "wrote out/plan.json",
    ):
        assert word in ran.out
    assert sorted(os.listdir("out")) == ["model.pt2", "model.safetensors", "plan.json", "report.json"]
    small = ez.load("out", lambda: networks.LeNet300(64, (60, 30)))
    document = json.loads(Path("out/report.json").read_text())
    assert document["after"]["params"] == sum(p.numel() for p in small.parameters())
    assert (
        document["after"]["flops"]
        == ez.count_flops(small, torch.zeros(2, 1, 8, 8))
        <= 0.25 * document["before"]["flops"]
    )
    assert document["asked"] == {"flops": 0.25, "select": None, "method": "gates"}
    assert json.loads(Path("r.json").read_text()) == document
    assert Path("r.md").read_text().startswith("# LeNet300 of net:make")
    assert Path("r.html").read_text().startswith("<!doctype html>")
    full, after = 60 * 65 + 30 * 61 + 310, document["after"]["params"]
    assert Path("r.csv").read_text().splitlines()[1] == f"parameters,{full},{after},{after / full}"
    assert "\\begin{tabular}" in Path("r.tex").read_text()
    X, y = np.load("digits.npz")["X"], np.load("digits.npz")["y"]
    program = torch.export.load("out/model.pt2").module()
    with torch.no_grad():
        found = float((program(torch.from_numpy(X)).argmax(1).numpy() == y).mean())
    assert found == pytest.approx(document["after"]["metric"], abs=0.1)
    assert found > 0.75


def test_json_alone_goes_to_standard_output_and_is_the_same_again(run, here):
    words = ("prune", "net:regression", "--data", "numbers.npz", "--params", "0.5",
             "--epochs", 2, "--json", "--method", "magnitude", "--random-state", 3)  # fmt: skip
    x = np.random.default_rng(19).normal(size=(50, 7))
    np.savez("numbers.npz", X=x, y=x[:, 0] * 1.9, X_test=x[:5], y_test=x[:5, 0])
    one, two = (json.loads(run(*words).out) for _ in range(2))
    for document in (one, two):
        for side in ("before", "after"):
            document[side].pop("latency")
    assert one == two
    assert one["metric_name"] == "mean squared error"
    assert one["data"]["judged_on"] == "X_test and y_test"
    assert one["after"]["params"] <= 0.5 * one["before"]["params"]


def test_explain_prints_the_groups_and_trains_nothing(run, here):
    ran = run("prune", "net:images", "--explain", "--example", "2x1x8x8")
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[0].startswith("channel features.0 x 4: written by features.0.weight[0]; read by")
    assert "frozen" in ran.out
    document = json.loads(run("prune", "net.py:with_example", "--explain", "--json").out)
    assert [(g["kind"], g["units"]) for g in document["groups"]] == [("neuron", 60), ("neuron", 30)]
    assert any("model output" in why for f in document["frozen"] for why in f["why"])


def test_loaders_of_the_user_and_shares_by_name(run, here):
    ran = run("prune", "net:make", "--data", "net.py:loaders", "--keep", "hidden.0=50%", "--keep", "hidden.2=20%",
              "--epochs", 2, "--json", "--select", "neurons")  # fmt: skip
    assert ran.code == 0, ran.err
    document = json.loads(ran.out)
    assert [(row["kept"], row["of"]) for row in document["layers"]] == [(30, 60), (6, 30)]
    assert document["data"]["judged_on"] == "the second of the loaders"


def test_a_pattern_needs_no_other_size(run, here):
    ran = run("prune", "net:make", "--data", "digits.npz", "--select", "2:4:hidden.*", "--method", "magnitude",
              "--epochs", 1, "--json")  # fmt: skip
    assert ran.code == 0, ran.err
    document = json.loads(ran.out)
    assert document["after"]["nonzeros"] <= 60 * 32 + 30 * 30 + 300 + 100
    assert document["after"]["params"] == document["before"]["params"]


def test_weights_of_the_dense_network(run, here):
    from ellzero.nn.weightfile import write_tensors

    write_tensors(networks.LeNet300(64, (60, 30)), "dense.safetensors")
    write_tensors(networks.LeNet300(64, (50, 30)), "other.safetensors")
    words = ("prune", "net:make", "--data", "digits.npz", "--flops", "50%", "--epochs", 1, "-q", "--weights")
    ran = run(*words, "dense.safetensors")
    assert (ran.code, ran.err) == (0, "")
    assert len(ran.out.splitlines()) == 2 + 9
    ran = run(*words, "other.safetensors")
    assert ran.code == 3
    assert ran.error.startswith('--weights "other.safetensors" do not fit the network:')


def test_an_interrupt_still_writes(run, here, monkeypatch):
    import ellzero.nn.sparsify  # noqa: F401 - the module behind the function

    module = sys.modules["ellzero.nn.sparsify"]
    steps = module._ByTarget.step

    def stop(self, progress):
        steps(self, progress)
        raise KeyboardInterrupt

    monkeypatch.setattr(module._ByTarget, "step", stop)
    ran = run("prune", "net:make", "--data", "digits.npz", "--flops", "25%", "--epochs", 3, "-o", "out")
    assert ran.code == 130
    assert "note: the training ended early (interrupted)" in ran.err
    assert ez.load("out", lambda: networks.LeNet300(64, (60, 30)))


def test_a_time_limit_is_no_error(run, here):
    ran = run("prune", "net:make", "--data", "digits.npz", "--flops", "25%", "--time-limit", "0.001s")
    assert ran.code == 0
    assert "the training ended early (time limit); the network has 100 % of the operations" in ran.err


def test_progress_in_lines(run, here):
    ran = run("prune", "net:make", "--data", "digits.npz", "--flops", "25%", "--epochs", 3, "-v")
    assert "training with gates: epoch 1, loss" in ran.err
    assert "gates open" in ran.err


DATA = ["--data", "digits.npz"]
SIZE = ["--flops", "25%"]
REFUSED = [
    (["net:make"], 2, "say how small: one of --flops 30%, --params 30%, --latency 50% and --keep head=50%."),
    (["net:make", *SIZE], 2, "--data is needed to train: FILE.npz, FILE.safetensors or MODULE:NAME."),
    (["net:make", *DATA, *SIZE, "--params", "30%"], 2, "--flops and --params ask for different sizes."),
    (["net:make", *DATA, "--flops", "lots"], 2, '"lots" is not a fraction'),
    (["net:make", *DATA, "--keep", "head"], 2, '"head" is no share of anything: write head=50%.'),
    (["net:make", "--explain", "--example", "2x"], 2, '"2x" is not a shape: write 2x1x28x28.'),
    (["net:make", "--explain"], 2, "an example of the inputs is needed: --example 2x1x28x28, or --data"),
    (["net", *DATA, *SIZE], 2, 'FACTORY "net" names no function: write MODULE:NAME or FILE.py:NAME.'),
    (["nett:make", *DATA, *SIZE], 3, 'no module "nett" for FACTORY.'),
    (["nett.py:make", *DATA, *SIZE], 3, 'no file "nett.py" for FACTORY.'),
    (["net:mak", *DATA, *SIZE], 3, '"net" has no "mak". Did you mean "make"?'),
    (["net:constant", *DATA, *SIZE], 3, '"net:constant" is a int, not a function or a class.'),
    (["net:needs", *DATA, *SIZE], 3, '"net:needs" needs 1 argument without a default: "width".'),
    (["net:seven", *DATA, *SIZE], 3, '"net:seven" returned a int. It must return a torch.nn.Module'),
    (["net:broken", *DATA, *SIZE], 3, '"net:broken" failed: RuntimeError: the dog ate it. -vv shows where.'),
    (["net:make", "--data", "no.npz", *SIZE], 3, 'no file "no.npz".'),
    (["net:make", "--data", "digits", *SIZE], 2, '--data "digits" is neither FILE.npz nor FILE.safetensors nor'),
    (["net:make", "--data", "short.npz", *SIZE], 3, '"short.npz" has no array "y": X are the inputs, y the targets.'),
    (["net:make", "--data", "odd.npz", *SIZE], 3, '"odd.npz" has 3 rows in X and 2 in y.'),
    (["net:make", "--data", "nan.npz", *SIZE], 3, 'X of "nan.npz" has values that are not finite.'),
    (["net:make", "--data", "many.npz", *SIZE], 3, ", and the network has 10 scores: classes are numbered from 0 on."),
    (["net:make", "--data", "real.npz", *SIZE], 3, "the network's outputs have shape (2, 10) and the targets (2,)."),
    (["net:make", "--data", "pickled.npz", *SIZE], 3, '"pickled.npz" cannot be read as arrays of numbers:'),
    (["net:make", *DATA, *SIZE, "--held-out", "0%"], 2, "--held-out 0% of 1 797 samples leaves nothing to judge on."),
    (["net:make", *DATA, *SIZE, "--select", "neuron"], 2, '--select knows no "neuron". Did you mean "neurons"?'),
    (["net:make", *DATA, *SIZE, "--select", "-neurons"], 2, ""),
    (["net:make", *DATA, *SIZE, "--select", "heads"], 2, "heads() matches nothing: the network has no heads"),
    (["net:make", *DATA, "--flops", "0.1%"], 2, "--flops must be at least 0.013 here, got 0.001"),
    (["net:make", *DATA, *SIZE, "--epochs", "0"], 2, "--epochs must be a whole number >= 1, got 0."),
    (["net:make", *DATA, *SIZE, "--lr", "-1"], 2, "--lr must be a number > 0, got -1."),
    (["net:make", *DATA, *SIZE, "--device", "abacus"], 2, '--device "abacus" cannot be used:'),
    (["net:make", *DATA, *SIZE, "--export", "onnx"], 2, "--export writes into the folder of --output"),
    (["net:make", *DATA, *SIZE, "-o", "net.py"], 7, 'cannot write into "net.py": it is a file. Nothing was trained.'),
    (["net:make", *DATA, *SIZE, "--report", "r.doc"], 2, 'the format of "r.doc" is told by its ending'),
    (["net:images", *DATA, "--flops", "50%", "--select", "channels,-channels"], 2, "the other takes away again"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "code", "sentence"), REFUSED, ids=[" ".join(words) for words, *_ in REFUSED])
def test_what_is_refused_is_refused_in_one_sentence(run, here, words, code, sentence):
    np.savez("short.npz", X=np.ones((3, 64)))
    np.savez("odd.npz", X=np.ones((3, 64)), y=np.ones(2))
    np.savez("nan.npz", X=np.full((3, 64), np.nan), y=np.ones(3))
    np.savez("many.npz", X=np.ones((10, 64)), y=np.arange(10) * 4)
    np.savez("real.npz", X=np.ones((10, 64)), y=np.arange(10) * 0.37)
    np.savez("pickled.npz", X=np.array([{}]), y=np.ones(1))
    ran = run("prune", *words)
    assert (ran.code, ran.out) == (code, ""), ran.err
    assert sentence in ran.error
    assert "Traceback" not in ran.err


def test_without_torch_the_line_to_install_it_is_said(run, here, monkeypatch):
    for name in [
        name for name in sys.modules if name.startswith("ellzero.nn") or name.startswith("ellzero.cli.pruning")
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "ellzero.cli.network", raising=False)
    monkeypatch.delattr(ellzero, "nn", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    ran = run("prune", "net:make", *DATA, *SIZE)
    assert ran.code == 6
    assert "pip install 'ellzero[nn]'" in ran.error


def test_help_does_not_load_torch():
    code = (
        "import sys; from ellzero.cli import main; main(['--help']); main(['prune', '--help']); "
        "sys.exit('torch' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "--flops" in ran.stdout
