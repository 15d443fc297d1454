"""Gates on a network as it is: what a forward computes, what a backward reaches, and what is left afterwards."""

import copy
import io
import pickle

import pytest
import torch
import torch._dynamo
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

import ellzero.nn as ez
from ellzero.errors import ArgumentError, UnsupportedError
from ellzero.nn import networks
from zoo import CLOSED, MLP, OPEN, ZOO, draw_gates, gates_everywhere, n_params, off, output, set_all

EVERY = ["mlp", "lenet5", "resnet20-pad", "mobilenet", "vit", "unet", "odd", "llama-gqa-tied"]


def only_decided(gates):
    """Logits at which hard concrete gates are 0 or 1 whatever is drawn, up to 1e-8 or so."""
    with torch.no_grad():
        for logits in gates.parameters():
            logits.copy_(torch.where(logits > 0, 40.0, -40.0))
    return gates


# -- norms
class Around(nn.Module):
    """A stream that a norm reads."""

    def __init__(self, norm, width=12):
        super().__init__()
        self.a, self.norm, self.b = nn.Linear(5, width), norm, nn.Linear(width, 3)

    def forward(self, x):
        return self.b(self.norm(self.a(x) + 0.37))


def norms():
    from transformers.models.gemma.modeling_gemma import GemmaRMSNorm
    from transformers.models.llama.modeling_llama import LlamaRMSNorm
    from transformers.models.t5.modeling_t5 import T5LayerNorm

    return {
        "layer": nn.LayerNorm(12),
        "layer-plain": nn.LayerNorm(12, bias=False),
        "layer-eps": nn.LayerNorm(12, eps=0.37),
        "rms": nn.RMSNorm(12),
        "rms-eps": nn.RMSNorm(12, eps=0.37),
        "llama": LlamaRMSNorm(12, eps=0.19),
        "t5": T5LayerNorm(12, eps=0.19),
        "gemma": GemmaRMSNorm(12, eps=0.19),
    }


@pytest.mark.parametrize("name", ["layer", "layer-plain", "layer-eps", "rms", "rms-eps", "llama", "t5", "gemma"])
@pytest.mark.parametrize("training", [True, False])
def test_norm_over_the_survivors(name, training):
    """Written out: statistics of the units kept alone, the others zero; gradients, too. Norms may begin at weight 0."""
    model = Around(norms()[name]).double()
    nn.init.zeros_(model.norm.weight)
    x = torch.randn(6, 5, dtype=torch.float64)
    gates = ez.attach(model, x, ez.hidden())
    with torch.no_grad():
        for p in model.norm.parameters():
            p.uniform_(0.3, 1.3)
    kept = torch.tensor([0, 3, 4, 7, 11])
    with torch.no_grad():
        for logits in gates.parameters():
            logits.fill_(-40.0)[kept] = 40.0
    model.train(training)
    found = model(x)

    plain = copy.deepcopy(model.norm)
    plain._forward_hooks.clear()
    plain._forward_pre_hooks.clear()
    for parameter in plain.parameters():
        parameter.data = parameter.data[kept]
    plain.normalized_shape = (5,)
    expected = plain((model.a(x) + 0.37)[:, kept]) @ model.b.weight[:, kept].T + model.b.bias
    assert off(found.detach(), expected.detach()) <= (1e-6 if training else 1e-7)  # some take means in float32
    (mine,), (theirs,) = (torch.autograd.grad(y.square().sum(), model.a.weight) for y in (found, expected))
    assert off(mine, theirs) <= 1e-6
    assert not mine[[1, 2, 5]].abs().max() > 1e-6


@pytest.mark.parametrize("name", EVERY)
def test_training_forward_is_that_of_the_smaller_network(name):
    """With gates that are drawn open or closed for certain, in training mode (batch norms held by their statistics)."""
    case = ZOO[name]
    model, example = case.model(torch.float64), case.example(torch.float64)
    gates = only_decided(draw_gates(gates_everywhere(model, example), 3))
    small = ez.compress(model, gates)
    model.train()
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._NormBase | nn.LSTM):
            module.eval()
    out = model(**example) if isinstance(example, dict) else model(example)
    out = out if isinstance(out, torch.Tensor) else out[0]
    assert off(out.detach(), output(small, example)) <= 1e-6


# -- what is left --------------------------------------------------------------------------------------------------------  # noqa: E501
@pytest.mark.parametrize("name", EVERY)
def test_attach_and_detach_leave_no_trace(name):
    case = ZOO[name]
    model, example = case.model(), case.example()
    before, state = output(model, example), {k: v.clone() for k, v in model.state_dict().items()}
    classes, modes = [type(m) for m in model.modules()], [m.training for m in model.modules()]
    gates = draw_gates(gates_everywhere(model, example), 3)
    assert list(model.state_dict()) == list(state)
    assert dict(model.named_parameters()).keys() == {n for n, _ in case.model().named_parameters()}
    gated = output(model, example)
    assert not torch.equal(gated, before)
    assert torch.equal(output(model, example), gated)  # evaluation draws nothing
    gates.detach()
    assert torch.equal(output(model, example), before)
    assert [type(m) for m in model.modules()] == classes
    assert [m.training for m in model.modules()] == modes
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert all(torch.equal(v, state[k]) for k, v in model.state_dict().items())
    with gates.detached(False):
        assert torch.equal(output(model, example), gated)
    assert torch.equal(output(model, example), before)


def test_training_draws_and_the_seed_decides():
    model, example = MLP(), torch.randn(5, 7)
    runs = []
    for seed in (0, 0, 1):
        gates = ez.attach(model, example, random_state=seed, gate=ez.HardConcrete(p_init=0.5))
        model.train()
        model.bn.eval()
        runs.append([model(example).detach() for _ in range(3)])
        gates.detach()
    assert all(torch.equal(a, b) for a, b in zip(runs[0], runs[1], strict=True))
    assert not torch.equal(runs[0][0], runs[2][0])
    assert not torch.equal(runs[0][0], runs[0][1])


def test_gates_follow_a_checkpoint():
    """Logits, progress and random numbers: the next draws are the same."""
    model, example = MLP(), torch.randn(5, 7)
    model.bn.eval()
    gates = ez.attach(model, example, gate=ez.HardConcrete(p_init=0.5))
    gates.progress = 0.37
    model(example)
    state = pickle.loads(pickle.dumps(gates.state_dict()))
    expected = gates.sample()
    gates.detach()
    again = ez.attach(model, example, gate=ez.HardConcrete(p_init=0.5), random_state=5)
    again.load_state_dict(state)
    assert again.progress == 0.37
    assert all(torch.equal(v, expected[k]) for k, v in again.sample().items())


class Rechecked(nn.Module):
    """An inner part whose activations are perhaps computed again in the backward."""

    def __init__(self):
        super().__init__()
        self.a, self.c = nn.Linear(5, 8), nn.Linear(8, 3)
        self.b = nn.Sequential(nn.Linear(8, 9), nn.ReLU(), nn.Linear(9, 8))
        self.again = False

    def forward(self, x):
        x = torch.relu(self.a(x))
        return self.c(checkpoint(self.b, x, use_reentrant=False) if self.again else self.b(x))


def test_activations_computed_again():
    model, x, found = Rechecked().double(), torch.randn(4, 5, dtype=torch.float64), []
    gates = ez.attach(model, x, ez.neurons() + ez.weights("b.0.weight"), gate=ez.HardConcrete(p_init=0.5))
    for model.again in (False, True):
        gates._generator.manual_seed(3)
        model.train().zero_grad()
        gates.zero_grad()
        model(x).square().sum().backward()
        found.append([p.grad.clone() for p in [*model.parameters(), *gates.parameters()]])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
    assert all(g.abs().sum() > 0 for g in found[0])


def test_weights_between_forwards_are_the_parameters():
    """Also after a forward that failed."""
    model, x = Rechecked(), torch.randn(4, 5)
    gates = ez.attach(model, x, ez.neurons() + ez.weights("b.0.weight"))
    parameter = dict(model.named_parameters())["b.0.weight"]
    for good in (x, torch.randn(4, 6), x):
        if good is x:
            model(good)
        else:
            with pytest.raises(RuntimeError, match="shapes"):
                model(good)
        assert model.b[0].weight is parameter
    with torch.no_grad():
        model.b[0].weight.fill_(0.37)
    assert torch.equal(parameter, torch.full_like(parameter, 0.37))
    set_all(gates, CLOSED, "b.0.weight")
    assert torch.equal(output(model, x), output(model, -x * 0 + x))


def test_a_copy_keeps_to_the_same_gates():
    """As averaged weights want it; its own weights are read, those of norms, too."""
    case = ZOO["vit"]
    model, example = case.model(), case.example()
    gates = draw_gates(ez.attach(model, example, ez.hidden() + ez.heads() + ez.weights("*.fc1.weight")), 3)
    twin = copy.deepcopy(model)
    assert torch.equal(output(twin, example), output(model, example))
    before = output(model, example)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.mul_(1.9)
    changed = output(twin, example)
    assert torch.equal(output(model, example), before)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.9)
    assert torch.equal(output(model, example), changed)
    assert n_params(ez.compress(model, gates)) < n_params(model)


def test_pickling_says_what_to_save():
    model, example = MLP(), torch.randn(5, 7)
    gates = ez.attach(model, example)
    for thing in (model, gates):
        with pytest.raises(UnsupportedError, match=r"MLP cannot be pickled while gates are attached.*state_dict"):
            torch.save(thing, io.BytesIO())
    gates.detach()
    assert off(output(pickle.loads(pickle.dumps(model)), example), output(model, example)) == 0


def test_second_attachment():
    model, example = nn.Sequential(MLP(), nn.Linear(3, 2)), torch.randn(5, 7)
    gates = ez.attach(model[0], example)
    with pytest.raises(ArgumentError, match=r"Sequential has gates already, on its module '0'.*detach"):
        ez.attach(model, example)
    gates.detach()
    assert len(ez.attach(model, example).sites) == 3
    with pytest.raises(ArgumentError, match="MLP has gates already"):
        ez.attach(model[0], example)


# -- gradients -------------------------------------------------------------------------------------------------------------  # noqa: E501
@pytest.mark.parametrize("name", EVERY)
def test_gradients_reach_logits_and_weights(name):
    case = ZOO[name]
    model, example = case.model(), case.example()
    frozen = next(iter(dict(model.named_parameters())))
    model.get_parameter(frozen).requires_grad_(False)
    gates = gates_everywhere(model, example, ez.HardConcrete(p_init=0.5))
    model.train()
    for _ in range(5):
        out = model(**example) if isinstance(example, dict) else model(example)
        (out if isinstance(out, torch.Tensor) else out[0]).square().sum().backward()
    for parameter in [*model.parameters(), *gates.parameters()]:
        assert parameter.grad is None or parameter.grad.isfinite().all()
    assert all(p.grad.abs().sum() > 0 for p in gates.parameters())
    assert model.get_parameter(frozen).grad is None


def test_gradient_of_a_gate_by_hand():
    """y = sum_j z_j v_j h_j, so that dy / dz_j = v_j h_j."""
    model, x = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 1)).double(), torch.randn(3, 4).double()
    gates = ez.attach(model, x, ez.neurons(), gate=ez.TopK(kept=4))
    model.train()
    model(x).sum().backward()
    expected = (model[1](F.linear(x, model[0].weight, model[0].bias)) * model[2].weight).sum(0)
    torch.testing.assert_close(gates.logits["0"].grad, expected.detach())


def test_accumulation_is_the_sum():
    """Micro-batches that see the same draws add up to the batch."""
    model, x = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 1)).double(), torch.randn(6, 4).double()
    gates = ez.attach(model, x, ez.neurons(), gate=ez.TopK(kept=4))
    model.train()
    model(x).sum().backward()
    whole = gates.logits["0"].grad.clone()
    gates.zero_grad()
    for part in x.split(2):
        model(part).sum().backward()
    torch.testing.assert_close(gates.logits["0"].grad, whole)


def test_a_module_called_twice():
    """Gates of what it reads act at both calls."""

    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = nn.Linear(4, 6), nn.Linear(6, 6), nn.Linear(6, 2)

        def forward(self, x):
            x = torch.tanh(self.a(x))
            return self.c(self.b(torch.tanh(self.b(x))))

    model, x = Twice().double().eval(), torch.randn(3, 4).double()
    gates = draw_gates(ez.attach(model, x), 0)
    (z,) = gates.hard().values()
    h = torch.tanh(model.a._call_impl(x))
    for last in (False, True):
        h = F.linear(h * z, model.b.weight, model.b.bias)
        h = h if last else torch.tanh(h)
    torch.testing.assert_close(output(model, x), F.linear(h * z, model.c.weight, model.c.bias).detach())


def test_input_by_name():
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.norm, self.b = nn.Linear(4, 6), nn.LayerNorm(6), nn.Linear(6, 2)

        def forward(self, x):
            return self.b(input=self.norm(input=self.a(input=x)))

    model, x = Named().double().eval(), torch.randn(3, 4).double()
    gates = draw_gates(ez.attach(model, x, ez.hidden()), 1)
    assert off(output(ez.compress(model, gates), x), output(model, x)) <= 1e-10
    model.train()(x)


def test_a_layer_that_uses_its_input_otherwise():
    """A subclass of a linear layer may read it twice: then the weight is masked, not the input."""

    class Two(nn.Linear):
        def __init__(self):
            super().__init__(6, 2)
            self.second = nn.Parameter(torch.randn(2, 6))

        def forward(self, x):
            return super().forward(x) + F.linear(x, self.second)

    model, x = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), Two()).double().eval(), torch.randn(3, 4).double()
    gates = draw_gates(ez.attach(model, x), 1)
    (z,) = gates.hard().values()
    h = torch.tanh(F.linear(x, model[0].weight, model[0].bias)) * z
    expected = F.linear(h, model[2].weight + model[2].second, model[2].bias)
    torch.testing.assert_close(output(model, x), expected.detach())
    assert off(output(ez.compress(model, gates), x), output(model, x)) <= 1e-10


# -- precision and compilation -----------------------------------------------------------------------------------------------  # noqa: E501
def test_bfloat16_model():
    """Logits are kept in single precision."""
    model, example = networks.ViT(8, 4, 12, 1, 3, 19).bfloat16(), torch.randn(2, 3, 8, 8, dtype=torch.bfloat16)
    gates = ez.attach(model, example, ez.heads() + ez.neurons() + ez.hidden())
    assert {p.dtype for p in gates.parameters()} == {torch.float32}
    out = model.train()(example)
    assert out.dtype is torch.bfloat16
    out.float().square().sum().backward()
    assert all(p.grad.isfinite().all() for p in gates.parameters())


def test_autocast():
    model, example = networks.ViT(8, 4, 12, 1, 3, 19), torch.randn(2, 3, 8, 8)
    gates = draw_gates(ez.attach(model, example, ez.heads() + ez.neurons() + ez.hidden()), 1)
    exact = output(model, example)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert off(output(model, example).float(), exact) <= 0.05
        model.train()(example).float().square().sum().backward()
    assert all(p.grad.isfinite().all() for p in gates.parameters())


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize(
    "selector",
    [
        ez.neurons() + ez.heads() + ez.hidden(),
        pytest.param(ez.neurons() + ez.weights("*.fc1.weight"), marks=pytest.mark.slow),
    ],
    ids=["structured", "weights"],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_compiled(backend, selector):
    """The same numbers, and after the first step nothing is compiled again though every step draws."""
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    case = ZOO["vit"]
    model, x = case.model(torch.float64), case.example(torch.float64)
    gates = draw_gates(ez.attach(model, x, selector), 1)
    compiled = torch.compile(model, backend=backend)
    found, graphs = [], []
    for run in (model, compiled):
        gates._generator.manual_seed(5)
        run.train()
        for _ in range(3):
            y = run(x)
            y.sum().backward()
            graphs.append(torch._dynamo.utils.counters["stats"]["unique_graphs"])
            found.append(y.detach())
    assert all(torch.equal(a, b) for a, b in zip(found[:3], found[3:], strict=True))
    assert graphs[2] == 0 < graphs[3] == graphs[5]
    expected = output(model, x)
    compiled.eval()
    assert off(compiled(x).detach(), expected) <= 1e-12
    torch._dynamo.reset()


# -- single weights ----------------------------------------------------------------------------------------------------------  # noqa: E501
def test_weights_and_channels_together():
    """Nonzero weights once the closed channels are cut; surgery multiplies both in."""
    case = ZOO["lenet5"]
    model, example = case.model(torch.float64), case.example(torch.float64)
    gates = draw_gates(ez.attach(model, example, ez.channels() + ez.neurons() + ez.weights()), 5)
    assert all(v.any() for v in gates.hard().values())
    assert {site.kind for site in gates.sites.values()} == {"channel", "neuron", "weight"}
    small = ez.compress(model, gates)
    assert off(output(small, example), output(model, example)) <= 1e-10
    nonzero = sum(int((p != 0).sum()) if p.ndim > 1 else p.numel() for p in small.parameters())
    assert nonzero == gates.params_kept()
    graph = ez.compress(model, gates, form="graph")
    assert off(output(graph, example), output(model, example)) <= 1e-10


def test_two_of_four():
    model, example = networks.LeNet300(64, (32, 16)), torch.randn(2, 64)
    gates = ez.attach(model, example, ez.n_of_m(2, 4), gate=ez.TopK(score=ez.magnitude))
    small = ez.compress(model, gates)
    for name, parameter in small.named_parameters():
        if parameter.ndim > 1:
            blocks = (parameter != 0).reshape(len(parameter), -1, 4).sum(-1)
            assert (blocks == 2).all(), name
            largest = model.get_parameter(name).abs().reshape(len(parameter), -1, 4).topk(2).values.sum(-1)
            torch.testing.assert_close(parameter.abs().reshape(len(parameter), -1, 4).sum(-1), largest)
    assert gates.params_kept() == sum(int((p != 0).sum()) if p.ndim > 1 else p.numel() for p in small.parameters())


def test_tied_weights_have_one_gate_each():
    case = ZOO["llama-gqa-tied"]
    model, example = case.model(torch.float64), case.example(torch.float64)
    with torch.no_grad():
        model.lm_head.weight.normal_()  # the row of padding was 0
    gates = draw_gates(ez.attach(model, example, ez.weights("*embed_tokens.weight") + ez.hidden()), 3)
    small = ez.compress(model, gates)
    assert off(output(small, example), output(model, example)) <= 1e-10
    assert small.lm_head.weight is small.model.embed_tokens.weight
    assert {site.kind for site in gates.sites.values()} == {"weight", "hidden"}
    nonzero = int((small.lm_head.weight != 0).sum()) + n_params(small) - small.lm_head.weight.numel()
    assert nonzero == gates.params_kept()


def test_expected_l0_and_open():
    """Of a network whose numbers are written down: rows and columns of two layers, P(active) each."""
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    gates = ez.attach(model, torch.zeros(1, 3), ez.neurons())
    p = gates.probabilities()["0"].detach()
    assert gates.expected_l0().item() == pytest.approx(2 + float(p.sum()) * (3 + 1 + 2))
    assert gates.expected_open().item() == pytest.approx(float(p.sum()))
    (slope,) = torch.autograd.grad(gates.expected_l0(), gates.logits["0"])
    torch.testing.assert_close(slope, 6 * p * (1 - p))
    set_all(gates, OPEN)
    assert gates.params_kept() == n_params(model)
    gates.rewind()
    assert gates.progress == 0.0
