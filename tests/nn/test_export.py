"""Networks written and read back, as plans, programs and ONNX, against the network itself."""

import json
import os

import pytest
import torch
from torch import nn

from ellzero import nn as ez
from ellzero.errors import ArgumentError, DataError, OutputError, UnsupportedError
from ellzero.nn import networks


def dense(seed=37):
    torch.manual_seed(seed)
    return networks.ResNet(1, (4, 6, 8), "projection")


IMAGES = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(19))


@pytest.fixture(scope="module")
def cut():
    """A residual network, its gates and the smaller one, with fractions folded into the weights."""
    model = dense().eval()
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.uniform_(-0.37, 0.37)
            layer.running_var.uniform_(0.37, 1.9)
    gates = ez.attach(model, IMAGES)
    with torch.no_grad():
        for logits in gates.parameters():
            logits.uniform_(-3.7, 3.7)
    small, plan = ez.compress(model, gates), ez.make_plan(gates)
    gates.detach()
    return small, plan


def same(one, other):
    return bool((one == other).all())


# -- plan and weights


def test_a_saved_network_comes_back_bit_by_bit(cut, tmp_path):
    small, plan = cut
    ez.save(small, tmp_path / "made" / "here", plan)
    again = ez.load(tmp_path / "made" / "here", lambda: dense(19))
    assert not again.training
    assert type(again) is networks.ResNet
    with torch.no_grad():
        assert same(again(IMAGES), small(IMAGES))
    assert sorted(os.listdir(tmp_path / "made" / "here")) == ["model.safetensors", "plan.json"]


def test_the_dtype_of_the_file_comes_back(cut, tmp_path):
    small, plan = cut
    ez.save(nn.Module.to(small, torch.float64), tmp_path, plan)
    again = ez.load(tmp_path, dense)
    assert {t.dtype for t in again.state_dict().values()} == {torch.float64, torch.int64}
    with torch.no_grad():
        assert same(again(IMAGES.double()), small(IMAGES.double()))
    small.to(torch.float32)


def test_tied_weights_are_stored_once_and_stay_tied(tmp_path):
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.up = nn.Embedding(110, 12), nn.Linear(12, 190)
            self.down, self.head = nn.Linear(190, 12), nn.Linear(12, 110, bias=False)
            self.head.weight = self.table.weight

        def forward(self, ids):
            return self.head(self.down(torch.relu(self.up(self.table(ids)))))

    model, ids = Tied(), torch.arange(14).reshape(2, 7)
    gates = ez.attach(model, ids, ez.neurons(), gate=ez.TopK(kept=0.37))
    small = ez.compress(model, gates)
    ez.save(small, tmp_path, ez.make_plan(gates))
    again = ez.load(tmp_path, Tied)
    assert again.head.weight is again.table.weight
    assert same(again(ids), small(ids))
    assert (tmp_path / "model.safetensors").stat().st_size < 4 * (sum(p.numel() for p in small.parameters()) + 300)


def test_nothing_is_unpickled(cut, tmp_path, monkeypatch):
    import pickle

    small, plan = cut
    ez.save(small, tmp_path, plan)
    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, None)
    monkeypatch.setattr(torch, "load", None)
    ez.load(tmp_path, dense)


def test_a_plan_and_weights_of_two_calls_are_refused(cut, tmp_path):
    small, plan = cut
    ez.save(small, tmp_path, plan)
    stored = json.loads((tmp_path / "plan.json").read_text())
    stored["dropped"] = ["layer3"]
    (tmp_path / "plan.json").write_text(json.dumps(stored))
    with pytest.raises(DataError, match="are not of the same network"):
        ez.load(tmp_path, dense)


def test_a_failing_write_leaves_the_files_of_before(cut, tmp_path, monkeypatch):
    small, plan = cut
    ez.save(small, tmp_path, plan)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ellzero.nn.weightfile.save_file", full)
    with pytest.raises(OutputError, match="No space left on device"):
        ez.save(small, tmp_path, plan)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_what_load_refuses(cut, tmp_path):
    small, plan = cut
    with pytest.raises(DataError, match=r"holds no network of ellzero.nn.save: there is no plan.json"):
        ez.load(tmp_path, dense)
    ez.save(small, tmp_path, plan)
    with pytest.raises(ArgumentError, match="the plan is for a dense ResNet"):
        ez.load(tmp_path, lambda: networks.ResNet(1, (5, 6, 8), "projection"))
    with pytest.raises(ArgumentError, match=r"`model` must be a torch\.nn\.Module, got int"):
        ez.load(tmp_path, lambda: 37)
    (tmp_path / "model.safetensors").write_bytes(b"no such thing")
    with pytest.raises(DataError, match="is no safetensors file that can be read"):
        ez.load(tmp_path, dense)


def test_weights_that_do_not_fit_change_nothing(tmp_path):
    from ellzero.nn.weightfile import read_tensors, write_tensors

    for other, message in (
        (nn.Sequential(nn.Linear(7, 4)), r"0.bias of shape \(4,\); the network's has \(3,\)"),
        (nn.Sequential(nn.Linear(7, 3), nn.Linear(3, 1)), "has a tensor 1.bias that the network does not have"),
        (nn.Sequential(nn.Linear(7, 3, bias=False)), "has no tensor 0.bias, which the network needs"),
    ):
        write_tensors(other, tmp_path / "w.safetensors")
        model = nn.Sequential(nn.Linear(7, 3))
        before = model[0].weight.clone()
        with pytest.raises(DataError, match=message):
            read_tensors(model, tmp_path / "w.safetensors")
        assert same(model[0].weight, before)


@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")  # torch's own, when a program is copied
def test_the_graph_form_has_no_plan_to_go_back_by(tmp_path):
    model, x = nn.Sequential(nn.Linear(7, 19), nn.ReLU(), nn.Linear(19, 3)), torch.randn(5, 7)
    gates = ez.attach(model, x, gate=ez.TopK(kept=0.37))
    small = ez.compress(model, gates, form="graph")
    with pytest.raises(ArgumentError, match="the plan is for a Sequential, got a GraphModule"):
        ez.save(small, tmp_path, ez.make_plan(gates))
    assert not list(tmp_path.iterdir())


# -- programs


def test_a_program_runs_without_the_class_for_any_batch(cut, tmp_path):
    small, _ = cut
    ez.export_program(small, IMAGES, tmp_path / "small.pt2")
    program = torch.export.load(tmp_path / "small.pt2").module()
    more = torch.randn(7, 3, 32, 32)
    with torch.no_grad():
        assert torch.allclose(program(more), small(more), atol=1e-6)


def test_a_program_of_a_fixed_batch_takes_no_other(cut, tmp_path):
    small, _ = cut
    ez.export_program(small, IMAGES, tmp_path / "small.pt2", any_batch=False)
    program = torch.export.load(tmp_path / "small.pt2").module()
    with torch.no_grad():
        assert torch.allclose(program(IMAGES), small(IMAGES), atol=1e-6)
        with pytest.raises(Exception, match=r"shape|Guard failed: x.size\(\)\[0\] == 3"):
            program(torch.randn(7, 3, 32, 32))


def test_a_forward_that_fixes_the_batch_is_told(tmp_path):
    class Fixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(7, 3)

        def forward(self, x):
            return self.layer(x).reshape(3, 5)

    with pytest.raises(UnsupportedError, match=r"Fixed cannot be exported .* Hint: any_batch=False"):
        ez.export_program(Fixed(), torch.randn(5, 7), tmp_path / "x.pt2")
    assert not list(tmp_path.iterdir())


def test_inputs_by_name_have_a_free_batch_too(tmp_path):
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(7, 3), nn.Linear(5, 3)

        def forward(self, x, y):
            return self.a(x) + self.b(y)

    model = Two()
    ez.export_program(model, {"y": torch.randn(2, 5), "x": torch.randn(2, 7)}, tmp_path / "two.pt2")
    x, y = torch.randn(4, 7), torch.randn(4, 5)
    program = torch.export.load(tmp_path / "two.pt2").module()
    assert torch.allclose(program(y=y, x=x), model(x, y), atol=1e-6)


def test_onnx_computes_the_same(cut, tmp_path):
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    pytest.importorskip("onnxscript", reason="onnxscript is not installed")
    from onnx.reference import ReferenceEvaluator

    model, x = nn.Sequential(nn.Linear(7, 19), nn.ReLU(), nn.Linear(19, 3)), torch.randn(5, 7)
    gates = ez.attach(model, x, gate=ez.TopK(kept=0.37))
    small = ez.compress(model, gates)
    ez.export_onnx(small, x, tmp_path / "small.onnx")
    assert os.listdir(tmp_path) == ["small.onnx"]
    read = onnx.load(tmp_path / "small.onnx")
    (name,) = [i.name for i in read.graph.input]
    more = torch.randn(11, 7)
    (found,) = ReferenceEvaluator(read).run(None, {name: more.numpy()})
    assert torch.allclose(torch.from_numpy(found), small(more), atol=1e-5)


def test_without_onnx_the_line_to_install_it_is_said(cut, tmp_path, monkeypatch):
    import sys

    from ellzero.errors import MissingExtraError

    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'ellzero\[export\]'"):
        ez.export_onnx(cut[0], IMAGES, tmp_path / "small.onnx")


# -- 2:4


def two_four():
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 64), nn.Linear(64, 10))
    x = torch.randn(5, 128)
    gates = ez.attach(model, x, ez.n_of_m(2, 4, "0", "3"), gate=ez.TopK(score=ez.magnitude))
    return ez.compress(model, gates)


def test_layers_of_two_in_four_are_found():
    assert ez.two_of_four(two_four()) == ("0", "3")
    layer = nn.Linear(8, 3)
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[:, 2:5] = 0.37  # two in the first four, one in the second
    assert ez.two_of_four(nn.Sequential(layer)) == ("0",)
    with torch.no_grad():
        layer.weight[1, 1] = -1.9
    assert ez.two_of_four(nn.Sequential(layer)) == ()


def test_sparse_tensor_cores_need_a_gpu():
    with pytest.raises(UnsupportedError, match="the network is on cpu"):
        ez.to_semi_structured(two_four())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_sparse_tensor_cores_compute_the_same():
    small = two_four().to("cuda", torch.float16)
    x = torch.randn(64, 128, device="cuda", dtype=torch.float16)
    with torch.no_grad():
        before = small(x)
        assert ez.to_semi_structured(small) == ("0",)  # 10 rows are no multiple of 32
        assert torch.allclose(small(x), before, atol=2e-2, rtol=2e-2)
    with pytest.raises(UnsupportedError, match="none of the 1 linear layers"):
        ez.to_semi_structured(nn.Sequential(nn.Linear(64, 64)).to("cuda", torch.float16))


# -- Hugging Face


def llama():
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(19)
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=37, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=32,
    )).eval()  # fmt: skip


IDS = torch.arange(10).reshape(2, 5)


def llama_cut(kept):
    model = llama()
    gates = ez.attach(model, {"input_ids": IDS}, ez.neurons(), gate=ez.TopK(kept=1.0))
    ez_rule = {name: torch.arange(40) < count for name, count in zip(gates.sites, kept, strict=True)}
    gates.rule = lambda _: ez_rule
    return ez.compress(model, gates)


def test_uniform_widths_are_read_by_from_pretrained(tmp_path):
    small = llama_cut((15, 15))
    ez.save_pretrained(small, tmp_path)
    again = type(small).from_pretrained(tmp_path).eval()
    assert again.config.intermediate_size == 15
    with torch.no_grad():
        assert torch.allclose(again(IDS).logits, small(IDS).logits, atol=1e-6)


def test_other_widths_are_refused_by_the_layers_names(tmp_path):
    with pytest.raises(UnsupportedError) as error:
        ez.save_pretrained(llama_cut((15, 19)), tmp_path)
    message = str(error.value)
    assert "model.layers.0.mlp.gate_proj.weight (15, 24) for (40, 24)" in message
    assert "and 1 more" in message  # six tensors in all
    assert not list(tmp_path.iterdir())


def test_another_network_has_no_from_pretrained(cut, tmp_path):
    with pytest.raises(ArgumentError, match="ResNet is no Hugging Face model"):
        ez.save_pretrained(cut[0], tmp_path)


def test_a_folder_that_cannot_be_written(cut, tmp_path):
    small, plan = cut
    (tmp_path / "file").write_text("37")
    with pytest.raises(OutputError, match="cannot write"):
        ez.save(small, tmp_path / "file", plan)
    with pytest.raises(OutputError, match="cannot write"):
        ez.export_program(nn.Linear(7, 3), torch.randn(2, 7), tmp_path / "nowhere" / "x.pt2")
