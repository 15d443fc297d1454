"""Counts of a report against closed forms and torch's own storage, and the gap between drawn and decided gates."""

import json

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ellzero import nn as ez
from ellzero.errors import ArgumentError
from ellzero.nn import networks
from ellzero.nn.report import latencies, measure_gap


def mlp(width=19):
    return nn.Sequential(nn.Linear(7, width), nn.ReLU(), nn.Linear(width, 3))


def cut(kept=0.37):
    torch.manual_seed(37)
    model, x = mlp(), torch.randn(5, 7)
    gates = ez.attach(model, x, ez.neurons(), gate=ez.TopK(kept=kept))
    return model, gates, ez.compress(model, gates), x


class Attention(nn.Module):
    """One attention whose products are counted by hand below."""

    def __init__(self, width=12, heads=3):
        super().__init__()
        self.heads, self.qkv, self.out = heads, nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


def test_flops_of_a_convolution_are_those_of_its_definition():
    layer = nn.Conv2d(3, 5, (2, 3), stride=2, padding=1, groups=1)
    x = torch.zeros(7, 3, 9, 8)
    rows, columns = (9 + 2 - 2) // 2 + 1, (8 + 2 - 3) // 2 + 1
    assert ez.count_flops(layer, x) == 2 * 7 * rows * columns * 5 * 3 * 2 * 3


def test_attention_is_counted_with_its_two_products():
    """The CPU's fused kernel is not in torch's registry: a counter that runs it counts nothing for it."""
    batch, length, width = 2, 5, 12
    linear = 2 * batch * length * width * (3 * width + width)
    products = 2 * 2 * batch * length * length * width
    assert ez.count_flops(Attention(), torch.zeros(batch, length, width)) == linear + products


def test_counting_leaves_mode_and_gradients_alone():
    model = nn.Sequential(nn.Linear(7, 5), nn.BatchNorm1d(5)).train()
    mean = model[1].running_mean.clone()
    ez.count_flops(model, torch.randn(3, 7))
    assert model.training
    assert model[0].weight.grad is None
    assert torch.equal(model[1].running_mean, mean)


def test_a_report_agrees_with_counts_by_hand():
    model, gates, small, x = cut()
    with torch.no_grad():
        small[0].weight[0, :3] = 0.0
    found = ez.report(model, small, x, gates=gates, repeats=2, warmup=0)
    sizes = [7 * 19 + 19 + 19 * 3 + 3, 7 * 7 + 7 + 7 * 3 + 3]
    assert [found.before.params, found.after.params] == sizes
    assert found.after.nonzeros == sizes[1] - 3
    assert [found.before.flops, found.after.flops] == [2 * 5 * (7 * 19 + 19 * 3), 2 * 5 * (7 * 7 + 7 * 3)]
    assert [found.before.tensor_bytes, found.after.tensor_bytes] == [4 * size for size in sizes]
    assert found.layers.to_dicts() == [{"group": "0", "kind": "neuron", "kept": 7, "of": 19, "share": 7 / 19}]


def test_the_file_has_the_bytes_that_are_reported(tmp_path):
    from safetensors.torch import save_file

    model, gates, small, x = cut()
    found = ez.report(model, small, x, repeats=2, warmup=0)
    save_file(small.state_dict(), tmp_path / "by_hand.safetensors", {"format": "pt"})
    assert found.after.file_bytes == (tmp_path / "by_hand.safetensors").stat().st_size
    gates.detach()


def test_shared_tensors_and_buffers_are_counted_once():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(110, 40)
            self.head = nn.Linear(40, 110, bias=False)
            self.head.weight = self.table.weight
            self.register_buffer("scale", torch.ones(3))

        def forward(self, ids):
            return self.head(self.table(ids)) * self.scale[0]

    model = Tied()
    found = ez.report(model, model, torch.zeros(2, 5, dtype=torch.long), repeats=2, warmup=0)
    assert found.before.params == 4400
    assert found.before.tensor_bytes == 4 * (4400 + 3)
    assert found.before.file_bytes < 1.5 * 4 * 4400


def test_the_dense_network_is_measured_without_its_gates():
    model, gates, small, x = cut()
    dense = mlp()
    with gates.detached():
        dense.load_state_dict(model.state_dict())

    def output(network):
        return float(network(x).sum().detach())

    found = ez.report(model, small, x, gates=gates, metric=output, repeats=2, warmup=0)
    assert found.before.metric == pytest.approx(output(dense))
    assert found.after.metric == pytest.approx(output(model.eval()), abs=1e-5)  # the gates are on again
    assert found.before.metric != pytest.approx(found.after.metric, abs=1e-3)
    assert found.metric_name == "output"


def test_without_gates_kept_is_told_by_parameter():
    model, gates, small, x = cut()
    gates.detach()
    rows = ez.report(model, small, x, repeats=2, warmup=0).layers.to_dicts()
    assert [(row["parameter"], row["shape"], row["shape after"]) for row in rows] == [
        ("0.weight", "19x7", "7x7"), ("0.bias", "19", "7"), ("2.weight", "3x19", "3x7"), ("2.bias", "3", "3"),
    ]  # fmt: skip
    assert rows[0]["share"] == 49 / 133


def test_the_gap_is_between_an_average_over_draws_and_the_decision():
    torch.manual_seed(19)
    model, x = mlp(5).eval(), torch.randn(37, 7)
    gates = ez.attach(model, x, ez.neurons())

    def loss(network):
        return float(network(x).square().mean().detach())

    state = gates.get_extra_state()["generator"].clone()
    gap = measure_gap(gates, loss, draws=400)
    assert torch.equal(gates.get_extra_state()["generator"], state)
    assert gap.expected_l0 == pytest.approx(float(gates.expected_l0().detach()))
    assert gap.hard_l0 == gates.params_kept()
    assert gap.hard_loss == pytest.approx(loss(model))
    # by hand: with z the gates' draws, the output is W2 (z * h) + b, whose mean square is a sum over moments of z
    with gates.detached(), torch.no_grad():
        h = torch.relu(model[0](x))
        draws = torch.stack([gates.sample()["0"] for _ in range(4000)])
        by_hand = torch.stack([F.linear(h * z, model[2].weight, model[2].bias).square().mean() for z in draws])
    noise = 4 * (gap.soft_spread / 20 + float(by_hand.std()) / 4000**0.5)
    assert gap.soft_loss == pytest.approx(float(by_hand.mean()), abs=noise)
    assert gap.soft_spread == pytest.approx(float(by_hand.std()), rel=0.2)
    assert not model.training


def test_dropout_is_off_while_the_gap_is_measured():
    x = torch.ones(3, 7)
    model = nn.Sequential(nn.Linear(7, 5), nn.ReLU(), nn.Dropout(0.9), nn.Linear(5, 1))
    gates = ez.attach(model, x, ez.neurons(), gate=ez.TopK(kept=1.0))  # gates without chance
    gap = measure_gap(gates, lambda network: float(network(x).sum().detach()), draws=5)
    assert gap.soft_spread == 0.0
    assert gap.soft_loss == pytest.approx(gap.hard_loss)


def test_every_form_of_a_report_holds_its_numbers():
    model, gates, small, x = cut()
    found = ez.report(model, small, x, gates=gates, metric=lambda _: 0.37, loss=lambda _: float("nan"), repeats=2)
    data = json.loads(found.to_json())
    assert data["after"]["params"] == 80
    assert data["gap"]["hard_loss"] is None  # not a number
    assert data["threads"] == 1
    for text in (found.to_text(), found.to_markdown(), found.to_html(), found._repr_html_(), found.to_csv()):
        assert "parameters" in text
        assert "0.37" in text
    assert "inputs of 5x7, CPU, 1 thread" in str(found)
    assert str(found.to_latex()).startswith("\\begin{tabular}")


def test_networks_take_turns_and_threads_are_put_back():
    order = []

    class Watched(nn.Module):
        def __init__(self, name):
            super().__init__()
            self.name, self.p = name, nn.Parameter(torch.ones(1))

        def forward(self, x):
            order.append(self.name)
            return x * self.p

    before = torch.get_num_threads()
    one, _ = latencies([Watched("a"), Watched("b")], torch.ones(1), 3, 1)
    runs = [name for name, previous in zip(order, ["", *order], strict=False) if name != previous]
    assert len(runs) >= 5  # each turn has both, the order being reversed from turn to turn
    assert 0 < one.lower <= one.median <= one.upper
    ez.report(Watched("c"), Watched("d"), torch.ones(1), threads=1, repeats=2)
    assert torch.get_num_threads() == before


def test_networks_of_the_paper_have_their_published_operations():
    assert ez.count_flops(networks.LeNet300(), torch.zeros(1, 1, 28, 28)) == 2 * 266_200


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"repeats": 1}, "`repeats` must be an integer in [2, 1000000], got 1."),
        ({"threads": 0}, "`threads` must be an integer in [1, 1000000], got 0."),
        ({"loss": len}, "`loss` is for the gap between drawn and decided gates; give `gates`, or use `metric`."),
    ],
)
def test_bad_arguments(more, message):
    with pytest.raises(ArgumentError) as error:
        ez.report(mlp(), mlp(5), torch.ones(2, 7), **more)
    assert str(error.value) == message
