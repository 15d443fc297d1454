"""Callbacks: a real Trainer of transformers, a real one of Lightning where it is installed, and its calls by hand."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ellzero import nn as ez
from ellzero.errors import ArgumentError, DataError, MissingExtraError, UnsupportedError
from ellzero.nn import integrations


def data(n=192):
    generator = torch.Generator().manual_seed(37)
    x = torch.randn(n, 7, generator=generator)
    return x, x[:, :1] - 1.9 * x[:, 1:2].relu()


class Net(nn.Module):
    """Answers as Trainers want it: a loss first, where there are labels."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(7, 29), nn.Linear(29, 1)

    def forward(self, x, labels=None):
        out = self.b(torch.relu(self.a(x)))
        return {"logits": out} if labels is None else {"loss": F.mse_loss(out, labels), "logits": out}


def network():
    torch.manual_seed(19)
    model = Net()
    return model, ez.attach(model, {"x": torch.zeros(2, 7)})


def test_nothing_is_imported_before_it_is_asked_for():
    code = (
        "import sys; from ellzero.nn import integrations; "
        "sys.exit(str({'transformers', 'lightning', 'pytorch_lightning'} & set(sys.modules) or 0) "
        "if {'transformers', 'lightning', 'pytorch_lightning'} & set(sys.modules) else 0)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert dir(integrations) == ["LightningCallback", "TrainerCallback"]
    with pytest.raises(AttributeError, match="no attribute 'KerasCallback'"):
        _ = integrations.KerasCallback


# -- the Trainer of transformers


@pytest.fixture
def no_datasets(monkeypatch):
    """transformers takes the folder of tests called datasets for the package of that name."""
    import transformers.trainer

    monkeypatch.setattr(transformers.trainer, "is_datasets_available", lambda: False)


def train(folder, callback, model, **more):
    from torch.utils.data import Dataset
    from transformers import Trainer, TrainingArguments

    class Rows(Dataset):
        def __init__(self):
            self.x, self.y = data()

        def __len__(self):
            return len(self.x)

        def __getitem__(self, i):
            return {"x": self.x[i], "labels": self.y[i]}

    resume = more.pop("resume", None)
    usual = {"per_device_train_batch_size": 16, "learning_rate": 5e-3, "max_grad_norm": 1.0, "save_strategy": "no",
             "logging_strategy": "no", "report_to": [], "disable_tqdm": True, "use_cpu": True, "seed": 37}  # fmt: skip
    arguments = TrainingArguments(output_dir=str(folder), **(usual | more))
    trainer = Trainer(model, arguments, train_dataset=Rows(), callbacks=[callback])
    trainer.train(resume_from_checkpoint=resume)
    return trainer


@pytest.mark.filterwarnings("ignore")  # of transformers and accelerate among themselves
def test_a_real_trainer_reaches_the_size(tmp_path, no_datasets):
    model, gates = network()
    goal = ez.Target(gates, flops=0.37, warmup=40)
    train(tmp_path, integrations.TrainerCallback(goal), model, num_train_epochs=10)
    assert goal.steps == 10 * 192 // 16
    assert gates.progress == 1.0
    assert float(gates.expected_flops().detach()) / goal.budget.full < 0.45
    small = ez.compress(model, gates)
    assert small.a.out_features == int(0.37 * 29)
    x, y = data()
    dense = float(y.var())
    assert float(small(x, y)["loss"]) < 0.3 * dense


@pytest.mark.filterwarnings("ignore")
def test_accumulated_batches_make_one_step(tmp_path, no_datasets):
    model, gates = network()
    goal = ez.Target(gates, flops=0.37)
    train(tmp_path, integrations.TrainerCallback(goal), model, num_train_epochs=1, gradient_accumulation_steps=4)
    assert goal.steps == 192 // 16 // 4


@pytest.mark.filterwarnings("ignore")
def test_a_checkpoint_of_the_trainer_has_the_gates_and_gives_them_back(tmp_path, no_datasets):
    model, gates = network()
    goal = ez.Target(gates, flops=0.37, warmup=10)
    callback = integrations.TrainerCallback(goal)
    train(tmp_path, callback, model, max_steps=24, save_strategy="steps", save_steps=12)
    whole = {name: logits.detach().clone() for name, logits in gates.logits.items()}

    model, gates = network()
    goal = ez.Target(gates, flops=0.37, warmup=10)
    callback = integrations.TrainerCallback(goal)
    callback.load(tmp_path / "checkpoint-12")
    assert goal.steps == 12
    train(tmp_path, callback, model, max_steps=24, resume=str(tmp_path / "checkpoint-12"))
    assert goal.steps == 24
    for name, logits in gates.logits.items():
        assert torch.allclose(logits, whole[name], atol=1e-5)
    with pytest.raises(DataError, match="holds no state of gates"):
        callback.load(tmp_path)


def test_fp16_and_several_processes_are_refused():
    _, gates = network()
    callback = integrations.TrainerCallback(ez.Target(gates, flops=0.37))
    for more, message in (
        ({"fp16": True}, "the Trainer trains with fp16 and a gradient scaler that gates are not part of"),
        ({"world_size": 3}, "in one process, got 3"),
        ({"n_gpu": 2}, "in one process, got 2"),
    ):
        arguments = SimpleNamespace(**({"fp16": False, "world_size": 1, "n_gpu": 0} | more))
        with pytest.raises(UnsupportedError, match=message):
            callback.on_train_begin(arguments, None, None)
    with pytest.raises(ArgumentError, match="`goal` must be a Target, got Gates"):
        integrations.TrainerCallback(gates)


# -- Lightning


def lightning():
    """Lightning, or a base class without anything in the place of its Callback: its calls are then made by hand."""
    pytest.importorskip("lightning", reason="lightning is not installed")
    import lightning.pytorch

    return lightning.pytorch


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_real_lightning_reaches_the_size(tmp_path):
    pl = lightning()
    model, gates = network()

    class Module(pl.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = model

        def training_step(self, batch, _):
            return self.net(*batch)["loss"]

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), lr=5e-3)

    goal = ez.Target(gates, flops=0.37, warmup=40)
    callback = integrations.LightningCallback(goal)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*data()), batch_size=16)
    trainer = pl.Trainer(
        max_epochs=20, accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
        accumulate_grad_batches=2, default_root_dir=tmp_path, enable_checkpointing=False,
    )  # fmt: skip
    trainer.callbacks.append(callback)
    trainer.fit(Module(), loader)
    assert goal.steps == 20 * 192 // 16 // 2
    assert gates.progress == 1.0
    assert ez.compress(model, gates).a.out_features == int(0.37 * 29)
    trainer.save_checkpoint(tmp_path / "all.ckpt")
    stored = torch.load(tmp_path / "all.ckpt", weights_only=False)["callbacks"]
    (state,) = [s for key, s in stored.items() if "LightningCallback" in key]
    assert state["goal"]["steps"] == goal.steps


@pytest.fixture
def duck(monkeypatch):
    """The callback on a base class that has nothing, where Lightning is not installed or not wanted."""
    import types

    package, inner = types.ModuleType("lightning.pytorch"), types.ModuleType("lightning.pytorch.callbacks")
    inner.Callback = object
    root = types.ModuleType("lightning")
    for name, module in (
        ("lightning", root), ("lightning.pytorch", package), ("lightning.pytorch.callbacks", inner),
    ):  # fmt: skip
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "ellzero.nn.integrations.lightning", raising=False)
    yield integrations.LightningCallback
    sys.modules.pop("ellzero.nn.integrations.lightning", None)


def test_the_calls_that_lightning_makes(duck):
    model, gates = network()
    goal = ez.Target(gates, flops=0.37, warmup=20)
    callback = duck(goal)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    trainer = SimpleNamespace(
        world_size=1, global_step=0, estimated_stepping_batches=100, precision_plugin=SimpleNamespace()
    )
    x, y = data()
    callback.on_train_start(trainer, None)
    for step in range(100):
        model(x, y)["loss"].backward()
        callback.on_before_optimizer_step(trainer, None, optimizer)
        optimizer.step()
        optimizer.zero_grad()
        trainer.global_step = step + 1
    assert goal.steps == 100
    assert gates.progress == 1.0
    assert gates.flops_kept() <= 0.37 * goal.budget.full

    _, others = network()
    again = duck(ez.Target(others, flops=0.37, warmup=20))
    again.load_state_dict(callback.state_dict())
    assert again.goal.steps == 100
    assert all(torch.equal(a, b) for a, b in zip(gates.parameters(), others.parameters(), strict=True))
    with pytest.raises(UnsupportedError, match="in one process, got 2"):
        callback.on_train_start(SimpleNamespace(world_size=2), None)


def test_the_scaler_of_half_precision_is_handed_on(duck):
    """The gates move as they do without scaling: their gradients are divided by the scale."""
    x, y = data()
    moved = []
    for scale in (1.0, 4096.0):
        model, gates = network()
        goal = ez.Target(gates, flops=0.37, optimizer=torch.optim.SGD(gates.parameters(), lr=0.37))
        scaler = SimpleNamespace(get_scale=lambda scale=scale: scale)
        trainer = SimpleNamespace(global_step=0, estimated_stepping_batches=float("inf"),
                                  precision_plugin=SimpleNamespace(scaler=scaler))  # fmt: skip
        (scale * model(x, y)["loss"]).backward()
        duck(goal).on_before_optimizer_step(trainer, None, None)
        moved.append(gates.logits["a"].detach().clone())
        assert gates.progress == 0.0
    assert torch.allclose(*moved, atol=1e-5)


def test_without_lightning_the_line_to_install_it_is_said(monkeypatch):
    for name in ("lightning", "lightning.pytorch", "lightning.pytorch.callbacks", "pytorch_lightning"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "ellzero.nn.integrations.lightning", raising=False)
    with pytest.raises(MissingExtraError, match="LightningCallback needs lightning"):
        _ = integrations.LightningCallback
    assert "ellzero.nn.integrations.lightning" not in sys.modules
