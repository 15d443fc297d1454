"""What the walk couples, freezes and says, on networks whose couplings are known by thought."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ellzero.errors import UnsupportedError
from ellzero.nn import networks
from ellzero.nn.graph import as_inputs, trace
from zoo import ZOO, Encoder, Odd


def groups(model, *example):
    return {g.name: g for g in trace(model, example).groups}


def small_resnet():
    return networks.ResNet(1, (4, 4, 6))


def test_explain_a_residual_network():
    """The stem and the second convolutions of the first two stages share a stream, the projection joins it."""
    assert trace(small_resnet(), torch.zeros(2, 3, 8, 8)).explain() == EXPLAINED_RESNET


EXPLAINED_RESNET = """\
channel conv x 4: written by conv.weight[0], stages.0.conv2.weight[0]; read by stages.0.conv1.weight[1], \
stages.1.conv1.weight[1], stages.1.shortcut.0.weight[1]; also cut: bn.weight[0], bn.bias[0], \
stages.0.bn2.weight[0], stages.0.bn2.bias[0], bn.running_mean[0], bn.running_var[0], \
stages.0.bn2.running_mean[0], stages.0.bn2.running_var[0]
channel stages.0.conv1 x 4: written by stages.0.conv1.weight[0]; read by stages.0.conv2.weight[1]; also cut: \
stages.0.bn1.weight[0], stages.0.bn1.bias[0], stages.0.bn1.running_mean[0], stages.0.bn1.running_var[0]
channel stages.1.conv1 x 4: written by stages.1.conv1.weight[0]; read by stages.1.conv2.weight[1]; also cut: \
stages.1.bn1.weight[0], stages.1.bn1.bias[0], stages.1.bn1.running_mean[0], stages.1.bn1.running_var[0]
channel stages.1.conv2 x 4: written by stages.1.conv2.weight[0], stages.1.shortcut.0.weight[0]; read by \
stages.2.conv1.weight[1], stages.2.shortcut.0.weight[1]; also cut: stages.1.bn2.weight[0], stages.1.bn2.bias[0], \
stages.1.shortcut.1.weight[0], stages.1.shortcut.1.bias[0], stages.1.bn2.running_mean[0], \
stages.1.bn2.running_var[0], stages.1.shortcut.1.running_mean[0], stages.1.shortcut.1.running_var[0]
channel stages.2.conv1 x 6: written by stages.2.conv1.weight[0]; read by stages.2.conv2.weight[1]; also cut: \
stages.2.bn1.weight[0], stages.2.bn1.bias[0], stages.2.bn1.running_mean[0], stages.2.bn1.running_var[0]
channel stages.2.conv2 x 6: written by stages.2.conv2.weight[0], stages.2.shortcut.0.weight[0]; read by \
head.weight[1]; also cut: stages.2.bn2.weight[0], stages.2.bn2.bias[0], stages.2.shortcut.1.weight[0], \
stages.2.shortcut.1.bias[0], stages.2.bn2.running_mean[0], stages.2.bn2.running_var[0], \
stages.2.shortcut.1.running_mean[0], stages.2.shortcut.1.running_var[0]
frozen conv.weight[1]: a fixed tensor is read, or an axis shared by several in conv
frozen head.weight[0], head.bias[0]: model output"""


def test_explain_a_transformer():
    assert trace(networks.ViT(8, 4, 6, 1, 2, 5), torch.zeros(2, 3, 8, 8)).explain() == EXPLAINED_VIT


EXPLAINED_VIT = """\
hidden token x 6: written by token[2], position[2], patches.weight[0], blocks.0.proj.weight[0], \
blocks.0.fc2.weight[0]; read by blocks.0.qkv.weight[1], blocks.0.fc1.weight[1], head.weight[1]; also cut: \
patches.bias[0], blocks.0.norm1.weight[0], blocks.0.norm1.bias[0], blocks.0.proj.bias[0], \
blocks.0.norm2.weight[0], blocks.0.norm2.bias[0], blocks.0.fc2.bias[0], norm.weight[0], norm.bias[0]
head blocks.0.qkv x 2: written by blocks.0.qkv.weight[0] x9; read by blocks.0.proj.weight[1] x3; also cut: \
blocks.0.qkv.bias[0] x9
neuron blocks.0.fc1 x 5: written by blocks.0.fc1.weight[0]; read by blocks.0.fc2.weight[1]; also cut: \
blocks.0.fc1.bias[0]
frozen position[1]: add with a fixed tensor in the model itself; attention sums over it in blocks.0
frozen patches.weight[1]: a fixed tensor is read, or an axis shared by several in patches
frozen head.weight[0], head.bias[0]: model output"""


def test_coupled_axes_of_a_llama():
    """With grouped queries a head of keys and values goes with its queries; the stream with the tied embedding."""
    case = ZOO["llama-gqa-tied"]
    found = {g.name: g for g in trace(case.model(), case.example()).groups}
    heads = [g for g in found.values() if g.kind == "head"]
    assert [g.size for g in heads] == [2, 2]
    widths = {name.split(".")[-2]: members.shape[1] for (name, _), members in heads[0].members.items()}
    assert widths == {"q_proj": 12, "k_proj": 6, "v_proj": 6, "o_proj": 12}
    assert heads[0].roles["model.layers.0.self_attn.o_proj.weight", 1] == {"read"}
    (stream,) = (g for g in found.values() if g.kind == "hidden")
    assert stream.size == 24
    assert stream.binary
    assert stream.roles["model.embed_tokens.weight", 1] == {"read", "write"}


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("mlp", {"neuron": 2}),
        ("lenet5", {"channel": 2, "neuron": 1}),
        ("vgg", {"channel": 3}),
        ("mobilenet", {"channel": 7}),
        ("vit", {"neuron": 2, "head": 2, "hidden": 1}),
        ("bert", {"neuron": 3, "head": 2, "hidden": 1}),
        ("mingpt", {"neuron": 1, "head": 1, "hidden": 1}),
    ],
)
def test_number_of_groups(name, kinds):
    case = ZOO[name]
    found = [g.kind for g in trace(case.model(), case.example()).groups]
    assert {kind: found.count(kind) for kind in found} == kinds


def test_flattened_channels_go_with_their_positions():
    group = groups(networks.LeNet5((4, 6), 19), torch.zeros(2, 1, 28, 28))["conv2"]
    assert group.size == 6
    members = group.members["fc1.weight", 1]
    assert members.tolist() == [list(range(16 * k, 16 * k + 16)) for k in range(6)]
    assert group.of_role("write") == [("conv2.weight", 0)]
    assert group.modules == ["conv2", "fc1"]


def test_grouped_convolution_loses_whole_groups():
    model = nn.Sequential(nn.Conv2d(3, 8, 1), nn.Conv2d(8, 12, 3, groups=4), nn.Conv2d(12, 2, 1))
    found = trace(model, torch.zeros(2, 3, 5, 5))
    assert [(g.size, g.members["0.weight", 0].tolist()[0]) for g in found.groups] == [(4, [0, 1])]
    assert found.groups[0].members["1.weight", 0].tolist()[1] == [3, 4, 5]
    assert "inside a convolution group" in found.frozen["1.weight", 1][0]


def test_every_reason_names_its_place():
    """A recurrent layer, a weight norm, a sort: frozen with the reason, the rest cut."""
    case = ZOO["odd"]
    graph = trace(Odd(), case.example())
    reasons = {name: " ".join(why) for (name, _), why in graph.frozen.items()}
    assert "no rule for lstm in lstm" in reasons["lstm.weight_ih_l0"]
    assert "no rule for lstm in lstm" in reasons["c.weight"]
    assert "no rule for _weight_norm" in reasons["e.parametrizations.weight.original1"]
    assert "no rule for pixel_shuffle" in reasons["shuffled.weight"]
    assert "no rule for sort" in reasons["f.weight"]
    assert "model output" in reasons["head.weight"]
    assert {g.name for g in graph.groups} == {"a", "b", "g"}
    for reason in ("no rule for lstm in lstm", "no rule for pixel_shuffle"):
        assert reason in graph.explain()


def test_rigid_reasons():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = nn.Linear(4, 6), nn.Linear(6, 8), nn.Linear(8, 2)
            self.scale = nn.Linear(4, 6)

        def forward(self, x):
            x = self.a(x).softmax(-1) + self.scale(x)
            return self.c(self.b(x)[:, :8].cumsum(-1))

    graph = trace(Net(), torch.zeros(2, 4))
    assert not graph.groups
    assert "softmax over it" in graph.frozen["a.weight", 0][0]
    assert any("cumsum over it" in why for why in graph.frozen["b.weight", 0])
    assert "softmax" in graph.frozen["scale.weight", 0][0]


def test_rule_that_fails_freezes(monkeypatch):
    from ellzero.nn.rules import RULES

    def broken(walk, node, *values):
        raise IndexError("nineteen")

    monkeypatch.setitem(RULES, "relu", broken)
    graph = trace(networks.LeNet300(9, (7, 5), 3), torch.zeros(2, 9))
    assert not graph.groups
    assert "the rule for relu failed (IndexError('nineteen'))" in graph.frozen["hidden.0.weight", 0][0]


def test_unknown_operation_keeps_only_what_it_touches():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = nn.Linear(4, 6), nn.Linear(6, 8), nn.Linear(8, 2)

        def forward(self, x):
            return self.c(torch.relu(self.b(torch.special.erfcx(self.a(x)))))

    assert list(groups(Net(), torch.zeros(2, 4))) == ["b"]


def test_norm_over_other_axes_is_not_taken_for_one_over_the_last():
    """Its class is called a layer norm, its weight is as long as the image is wide, but it acts on channels."""
    graph = trace(ZOO["convnext"].model(), torch.zeros(2, 3, 8, 8))
    assert "first" not in graph.walk.norms
    assert any("norm" in why for why in graph.frozen["stem.weight", 0])


def test_norm_called_twice_keeps_its_calls_apart():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.norm = nn.Linear(4, 6), nn.Linear(4, 6), nn.RMSNorm(3)
            self.c = nn.Linear(6, 2)

        def forward(self, x):
            a, b = (self.norm(y.unflatten(-1, (2, 3))).flatten(-2) for y in (self.a(x), self.b(x)))
            return torch.cat([self.c(a), self.c(b).tanh()], -1)

    found = trace(Net(), torch.zeros(5, 4))
    assert not any("failed" in why for reasons in found.frozen.values() for why in reasons)
    assert [(g.size, sorted({n for n, _ in g.members})) for g in found.groups] == [
        (2, ["a.bias", "a.weight", "b.bias", "b.weight", "c.weight"])
    ]


def test_torch_attention_keeps_its_heads():
    graph = trace(Encoder(), torch.zeros(2, 4, 5))
    assert any("nn.MultiheadAttention demands" in why for why in graph.frozen["layer.self_attn.in_proj_weight", 0])
    assert {g.kind for g in graph.groups} == {"neuron", "hidden"}


def test_padding_freezes_only_channels_that_meet_it():
    """Zero-padded shortcut: four of eight channels are joined to the stream before, four stand beside padding."""
    graph = trace(networks.ResNet(1, (4, 8, 8), "pad"), torch.zeros(2, 3, 8, 8))
    inner = {g.name: g.size for g in graph.groups}
    assert inner["stages.0.conv1"] == 4
    assert inner["stages.1.conv1"] == 8
    assert any("padded" in why for why in graph.frozen["stages.1.conv2.weight", 0])


def test_skippable_layers():
    assert trace(small_resnet(), torch.zeros(2, 3, 8, 8)).skippable == ("stages.0",)
    assert trace(networks.LeNet300(9), torch.zeros(2, 9)).skippable == ()


def test_branch_on_data_cannot_be_exported():
    class Branch(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Linear(4, 6)

        def forward(self, x):
            return self.a(x) if x.sum() > 0 else x

    with pytest.raises(UnsupportedError, match=r"Branch cannot be exported by torch\.export.*may not branch on data"):
        trace(Branch(), torch.zeros(2, 4))


def test_trace_changes_nothing():
    model = networks.ResNet(1, (4, 4, 6)).train()
    model.head.eval()
    state = {k: v.clone() for k, v in model.state_dict().items()}
    trace(model, torch.randn(2, 3, 8, 8))
    assert model.training
    assert not model.head.training
    assert all(torch.equal(v, state[k]) for k, v in model.state_dict().items())


def test_examples():
    x = torch.zeros(2, 4)
    assert as_inputs(x) == ((x,), {})
    assert as_inputs([x, 3]) == ((x, 3), {})
    assert as_inputs({"x": x}) == ((), {"x": x})

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 6), nn.Linear(6, 2)

        def forward(self, x, *, scale=None):
            return self.b(F.relu(self.a(x))) * scale

    assert trace(Two(), {"x": x, "scale": torch.ones(2)}).groups[0].size == 6
