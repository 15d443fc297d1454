"""Compressed equals gated: on a zoo of networks, on random ones, after saving and loading, with layers dropped."""

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import nn

import ellzero.nn as ez
from ellzero.errors import ArgumentError, UnsupportedError
from ellzero.nn import networks
from random_networks import RandomNetwork
from zoo import (
    CLOSED,
    LLAMA,
    MLP,
    OPEN,
    ZOO,
    Encoder,
    MinGPT,
    draw_gates,
    flops,
    gates_everywhere,
    n_params,
    off,
    output,
    set_all,
)

FORMS = ("class", "graph")
LIMIT = {torch.float32: 1e-5, torch.float64: 1e-10}
ALL = [pytest.param(c, id=name, marks=[pytest.mark.slow] * c.slow) for name, c in ZOO.items()]
CLASS = [p for p in ALL if p.values[0].class_form]


def hugging(name, **fields):
    import transformers

    return getattr(transformers, f"{name}ForCausalLM")(getattr(transformers, f"{name}Config")(**fields)).eval()


def check(model, gates, form, example, other, limit):
    """Run on another input than the one surgery compared on, and counted by somebody else."""
    small = ez.compress(model, gates, form=form)
    assert off(output(small, other), output(model, other)) <= limit
    assert n_params(small) == gates.params_kept() <= n_params(model)
    assert flops(small, example) == gates.flops_kept() <= flops(model, example)
    return small


@pytest.mark.parametrize("case", ALL)
def test_compressed_equals_gated(case):
    """In float64, both forms; a forward that ties sizes together is refused as a class and works as a graph."""
    dtype = torch.float64 if case.double else torch.float32
    model, example, other = case.model(dtype), case.example(dtype), case.example(dtype, seed=1)
    gates = draw_gates(gates_everywhere(model, example), seed=19)
    assert case.kinds <= {site.kind for site in gates.sites.values()}
    for form in FORMS:
        if form == "class" and not case.class_form:
            with pytest.raises(UnsupportedError, match=r'ties sizes together.*form="graph"'):
                ez.compress(model, gates, form=form)
        else:
            check(model, gates, form, example, other, LIMIT[dtype])


@pytest.mark.parametrize("case", [p for p in ALL if p.id != "wrn-28-10"])
def test_single_precision(case):
    model, example, other = case.model(seed=19), case.example(), case.example(seed=2)
    gates = gates_everywhere(model, example)
    for seed, closed in ((3, 0.5), (4, 0.8)):
        draw_gates(gates, seed, closed)
        check(model, gates, "class" if case.class_form else "graph", example, other, 1e-5)


@pytest.mark.parametrize("case", CLASS)
def test_plan_and_safetensors_reload(case, tmp_path):
    """Into a fresh instance with other weights, without pickles; shared tensors stay shared."""
    model, example, other = case.model(), case.example(), case.example(seed=1)
    gates = draw_gates(gates_everywhere(model, example), seed=5)
    small = ez.compress(model, gates)
    ez.make_plan(gates).save(tmp_path / "plan.json")
    first = {}
    state = {k: v for k, v in small.state_dict().items() if first.setdefault(v.data_ptr(), k) == k}
    save_file(state, tmp_path / "weights.safetensors")

    fresh = ez.Plan.load(tmp_path / "plan.json").apply(case.model(seed=5))
    missing, unexpected = fresh.load_state_dict(load_file(tmp_path / "weights.safetensors"), strict=False)
    assert not unexpected
    assert set(missing) == set(small.state_dict()) - set(state)
    assert torch.equal(output(fresh, other), output(small, other))
    assert off(output(fresh, other), output(model, other)) <= 1e-5
    assert type(fresh) is type(model)
    assert not any("ellzero" in type(m).__module__ and "networks" not in type(m).__module__ for m in fresh.modules())


@pytest.mark.parametrize("name", ["mlp", "lenet5", "resnet20-pad", "mobilenet", "vit", "unet", "llama-gqa-tied"])
def test_all_closed(name):
    """One unit stays of every group, with the value 0, so that the output is that of closed gates."""
    case = ZOO[name]
    model, example = case.model(torch.float64), case.example(torch.float64)
    gates = gates_everywhere(model, example)
    set_all(gates, CLOSED)
    assert all(not value.any() for value in gates.hard().values())
    for form in FORMS:
        small = ez.compress(model, gates, form=form)
        other = case.example(torch.float64, seed=1)
        assert off(output(small, other), output(model, other)) <= 1e-10
        assert n_params(small) == gates.params_kept()
    for site in gates.sites.values():
        group = site.group
        for key in group.members:
            assert group.members[key].shape[0] == site.count


@pytest.mark.parametrize(
    "gate",
    [
        ez.HardConcrete(evaluation="paper"),
        ez.HardConcrete(evaluation="expected"),
        ez.ContinuousSparsification(),
        ez.TopK(kept=0.37),
        ez.TopK(kept=0.37, score=ez.magnitude),
    ],
    ids=["paper", "expected", "continuous", "top-k", "magnitude"],
)
@pytest.mark.parametrize("name", ["lenet5", "resnet20-projection", "vit", "llama-gqa-tied"])
def test_every_law(name, gate):
    case = ZOO[name]
    model, example, other = case.model(torch.float64), case.example(torch.float64), case.example(torch.float64, seed=1)
    gates = draw_gates(gates_everywhere(model, example, gate), seed=7)
    check(model, gates, "class", example, other, 1e-10)


def test_magnitude_closes_the_smallest_units():
    """By the norm of all that writes a unit: of a linear layer its row."""
    model = nn.Sequential(nn.Linear(7, 10), nn.ReLU(), nn.Linear(10, 3))
    gates = ez.attach(model, torch.zeros(2, 7), ez.neurons(), gate=ez.TopK(kept=4, score=ez.magnitude))
    largest = model[0].weight.norm(dim=1).topk(4).indices.sort().values
    assert gates.kept()["0"].nonzero()[:, 0].tolist() == largest.tolist()


def test_wide_resnet_narrower_by_hand():
    """The smaller network is the one that its constructor would have made with these widths."""
    model = networks.LeNet5((20, 50), 500).eval()
    example = torch.randn(1, 1, 28, 28)
    gates = gates_everywhere(model, example)
    set_all(gates, OPEN)
    with torch.no_grad():
        for name, kept in (("conv1", 9), ("conv2", 18), ("fc1", 65)):
            gates.logits[name][kept:] = CLOSED
    small = ez.compress(model, gates)
    again = networks.LeNet5((9, 18), 65)
    again.load_state_dict(small.state_dict())
    assert torch.equal(output(again, example), output(small, example))
    assert (small.conv2.in_channels, small.conv2.out_channels, small.fc1.in_features) == (9, 18, 18 * 16)
    assert "9, 18" in repr(small)


# -- random networks ---------------------------------------------------------------------------------------------------
TIES = ("view", "hard", "split", "Multihead", "LSTM", "GRU", "shuffle", "to image")  # sizes written down in a forward


def compare_random(seed):
    """Both forms of one random network. True where something could be cut."""
    model = RandomNetwork(seed).double()
    example, other = model.example(), model.example(seed=1)
    before = output(model, other)
    try:
        gates = gates_everywhere(model, example)
    except StopIteration:
        return False
    if not gates.sites:
        return False
    assert torch.equal(output(model, other).isfinite(), before.isfinite())
    draw_gates(gates, seed)
    if not output(model, other).isfinite().all():
        return False
    for form in FORMS:
        try:
            check(model, gates, form, example, other, 1e-10)
        except UnsupportedError as error:
            if form == "graph" or not any(word in name for name in model.names for word in TIES):
                raise AssertionError(f"network {seed}: {model.names}") from error
    return True


def test_random_networks():
    assert sum(compare_random(seed) for seed in range(15)) > 8


@pytest.mark.slow
@pytest.mark.parametrize("start", range(1000, 1200, 50))
def test_many_random_networks(start):
    assert sum(compare_random(seed) for seed in range(start, start + 50)) > 30


# -- layers ------------------------------------------------------------------------------------------------------------
def test_resnet_blocks_are_passed_by():
    model = networks.ResNet(3, (4, 6, 8)).eval()
    example = torch.randn(2, 3, 16, 16)
    gates = ez.attach(model, example, ez.layers() + ez.channels())
    assert [name for name in gates.sites if name.startswith("stages.")][-1] == "stages.8"
    draw_gates(gates, 3)
    set_all(gates, CLOSED, "stages.1", "stages.5")
    set_all(gates, OPEN, "stages.2", "stages.4", "stages.7", "stages.8")
    small = check(model, gates, "class", example, torch.randn(3, 3, 16, 16), 1e-5)
    assert isinstance(small.stages[1], nn.Identity)
    assert isinstance(small.stages[5], nn.Identity)
    assert not any(isinstance(small.stages[k], nn.Identity) for k in (2, 4, 7, 8))
    with pytest.raises(UnsupportedError, match="cannot drop whole layers"):
        ez.compress(model, gates, form="graph")


@pytest.mark.parametrize("tied", [False, True])
def test_llama_loses_layers_and_generates(tied):
    """Layers are renumbered, so that the cache of keys and values holds; the configuration says what is there."""
    model = hugging("Llama", **LLAMA | {"num_hidden_layers": 4}, tie_word_embeddings=tied)
    ids = torch.randint(3, 37, (2, 7))
    gates = ez.attach(model, {"input_ids": ids}, ez.layers())
    assert list(gates.sites) == [f"model.layers.{k}" for k in range(4)]
    set_all(gates, OPEN)
    set_all(gates, CLOSED, "model.layers.0", "model.layers.2")
    example = {"input_ids": ids}
    small = check(model, gates, "class", example, {"input_ids": ids.flip(1)}, 1e-5)
    assert small.config.num_hidden_layers == len(small.model.layers) == 2
    generates(small, ids)
    rebuilt = type(small)(small.config)
    rebuilt.load_state_dict(small.state_dict())
    assert torch.equal(output(rebuilt.eval(), example), output(small, example))


def generates(small, ids):
    tokens = [
        small.generate(
            ids,
            max_new_tokens=9,
            min_new_tokens=9,
            do_sample=False,
            use_cache=cache,
            attention_mask=torch.ones_like(ids),
        )
        for cache in (True, False)
    ]
    assert torch.equal(*tokens)
    assert tokens[0].shape == (2, 16)


def test_llama_of_uniform_widths_is_its_configuration(tmp_path):
    """Heads, neurons and hidden units cut alike everywhere: the configuration alone rebuilds the network."""
    model = hugging("Llama", **LLAMA, tie_word_embeddings=True)
    ids = torch.randint(3, 37, (2, 7))
    gates = gates_everywhere(model, {"input_ids": ids})
    set_all(gates, OPEN)
    with torch.no_grad():
        for name, site in gates.sites.items():
            gates.logits[name][: {"head": 1, "neuron": 8, "hidden": 12}[site.kind]] = CLOSED
    small = check(model, gates, "class", {"input_ids": ids}, {"input_ids": ids.flip(1)}, 1e-5)
    config = small.config
    assert (config.hidden_size, config.intermediate_size, config.num_attention_heads) == (12, 11, 2)
    assert (config.num_key_value_heads, config.head_dim) == (1, 6)
    generates(small, ids)
    small.save_pretrained(tmp_path)
    again = type(small).from_pretrained(tmp_path).eval()
    assert torch.equal(output(again, {"input_ids": ids}), output(small, {"input_ids": ids}))


def test_llama_of_other_widths_generates():
    model = hugging("Llama", **LLAMA)
    ids = torch.randint(3, 37, (2, 7))
    gates = draw_gates(gates_everywhere(model, {"input_ids": ids}), seed=2)
    generates(ez.compress(model, gates), ids)
    assert ez.make_plan(gates).config is None


# -- what cannot be, and what must not happen ------------------------------------------------------------------------------  # noqa: E501
def test_tied_forward_names_the_way_out():
    model, ids = MinGPT().eval(), torch.randint(0, 19, (2, 7))
    gates = ez.attach(model, ids, ez.heads())
    set_all(gates, OPEN)
    with torch.no_grad():
        next(gates.parameters())[0] = CLOSED
    with pytest.raises(UnsupportedError, match=r'MinGPT.*its own forward.*form="graph"'):
        ez.compress(model, gates)
    assert off(output(ez.compress(model, gates, form="graph"), ids), output(model, ids)) <= 1e-5


def test_error_names_the_module_whose_forward_fails():
    """Not the last one that was called before."""

    class Stubborn(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.last = nn.Linear(5, 8), nn.ReLU()

        def forward(self, x):
            return self.last(self.inner(x)).view(-1, 8)

    model = nn.Sequential(Stubborn(), nn.Linear(8, 3)).eval()
    gates = ez.attach(model, torch.randn(2, 5), ez.neurons())
    set_all(gates, OPEN)
    with torch.no_grad():
        gates.logits["0.inner"][:3] = CLOSED
    with pytest.raises(UnsupportedError, match="module '0' ties sizes together"):
        ez.compress(model, gates)


def test_torch_encoder_layer_without_its_stream():
    """By default neither its stream nor its heads have gates, with which no smaller instance would exist."""
    model, example = Encoder().eval(), torch.randn(2, 4, 5)
    gates = draw_gates(ez.attach(model, example), seed=1)
    assert {site.kind for site in gates.sites.values()} == {"neuron"}
    check(model, gates, "class", example, torch.randn(3, 4, 5), 1e-5)


def test_model_is_left_as_it_was():
    model, example = MLP().eval(), torch.randn(5, 7)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    gates = draw_gates(gates_everywhere(model, example), 3)
    gated = output(model, example)
    ez.compress(model, gates)
    ez.compress(model, gates, form="graph")
    assert torch.equal(output(model, example), gated)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


def test_compressed_trains_on():
    """Plain: gradients, no hooks, deep copies; frozen parameters stay frozen."""
    model, example = ZOO["vit"].model(), ZOO["vit"].example()
    model.token.requires_grad_(False)
    gates = draw_gates(gates_everywhere(model, example), 3)
    small = ez.compress(model, gates)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in small.modules())
    small.train()(example).square().sum().backward()
    assert {n for n, p in small.named_parameters() if p.grad is None} == {"token"}


def test_other_network():
    gates = gates_everywhere(MLP(), torch.randn(5, 7))
    with pytest.raises(ArgumentError, match="attached to another network"):
        ez.compress(MLP(), gates)


def test_function_of_a_weight_is_not_folded_into():
    """exp(0) is 1: a gate on such a reader would not close it, so the axis stays."""

    class Exponential(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.w = nn.Linear(5, 8), nn.Parameter(torch.randn(3, 8))

        def forward(self, x):
            return F.linear(torch.tanh(self.a(x)), torch.exp(self.w))

    with pytest.raises(ArgumentError, match="no channels, neurons or heads"):
        ez.attach(Exponential(), torch.randn(2, 5))


def test_tied_autoencoder():
    """One weight writes and reads both of its axes: gates are 0 or 1."""

    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = nn.Linear(5, 8), nn.Linear(8, 6), nn.Linear(8, 3)

        def forward(self, x):
            x = torch.tanh(self.a(x))
            return self.c(F.linear(torch.tanh(self.b(x)), self.b.weight.t()))

    model, example = Tied().double().eval(), torch.randn(2, 5, dtype=torch.float64)
    gates = draw_gates(gates_everywhere(model, example), 3)
    assert all(site.binary for site in gates.sites.values())
    assert all(((v == 0) | (v == 1)).all() for v in gates.hard().values())
    for form in FORMS:
        check(model, gates, form, example, torch.randn(3, 5, dtype=torch.float64), 1e-10)


@pytest.mark.parametrize(
    "norm",
    [
        nn.GroupNorm(4, 8, affine=False),
        nn.BatchNorm2d(8, affine=False),
        nn.InstanceNorm2d(8),
        nn.BatchNorm2d(8, affine=False, track_running_stats=False),
    ],
)
def test_norms_without_parameters(norm):
    """They store how many channels and groups there are."""
    model = nn.Sequential(nn.Conv2d(3, 8, 3), norm, nn.Conv2d(8, 2, 1)).double().eval()
    example = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    gates = draw_gates(gates_everywhere(model, example), 1)
    for form in FORMS:
        small = check(model, gates, form, example, torch.randn(2, 3, 8, 8, dtype=torch.float64), 1e-10)
    small = ez.compress(model, gates)
    assert getattr(small[1], "num_features", getattr(small[1], "num_channels", None)) == small[0].out_channels < 8


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision(dtype):
    model, example = ZOO["lenet5"].model(dtype), ZOO["lenet5"].example(dtype)
    gates = draw_gates(gates_everywhere(model, example), 3)
    small = ez.compress(model, gates)
    assert off(output(small, example).float(), output(model, example).float()) <= 0.05
    assert next(small.parameters()).dtype is dtype
