"""Expected sizes against exact sums over all masks, and against means of random ones."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import ellzero.nn as ez
from ellzero.nn import networks
from ellzero.nn.attach import certain
from zoo import ZOO, draw_gates, flops, gates_everywhere, n_params


class Tiny(nn.Module):
    """A channel group that is a factor twice (a stream), a norm of groups and a flattened image."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.bn = nn.Conv2d(1, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3)
        self.c, self.d = nn.Linear(12, 4), nn.Linear(4, 2)

    def forward(self, x):
        x = self.a(x)
        x = x + self.bn(self.b(F.relu(x)))
        return self.d(torch.tanh(self.c(F.max_pool2d(x, 2).flatten(1))))


@pytest.mark.parametrize("what", ["params", "flops"])
def test_expectation_is_the_exact_sum(what):
    """Over all 2^7 masks, each weighted by its probability and counted on its own; the gradient, too."""
    gates = gates_everywhere(Tiny(), torch.zeros(2, 1, 4, 4))
    assert [site.count for site in gates.sites.values()] == [3, 4]
    draw_gates(gates, 3, closed=0.0, fractions=1.0)
    cost = getattr(gates.costs, what)
    p = {name: v.double().detach().requires_grad_() for name, v in gates.probabilities().items()}
    flat = torch.cat(list(p.values()))
    exact = torch.zeros((), dtype=torch.float64)
    for mask in itertools.product((0.0, 1.0), repeat=7):
        z = torch.tensor(mask, dtype=torch.float64)
        exact = exact + (z * flat + (1 - z) * (1 - flat)).prod() * cost(dict(zip(p, z.split([3, 4]), strict=True)))
    expected = cost(p)
    torch.testing.assert_close(expected, exact, rtol=1e-12, atol=0)
    for mine, theirs in zip(*(torch.autograd.grad(y, list(p.values())) for y in (expected, exact)), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-9)


def test_every_mask_is_counted_by_torch():
    model, x = Tiny(), torch.randn(2, 1, 4, 4)
    gates = gates_everywhere(model, x)
    for mask in itertools.product((0, 1), repeat=7):
        if any(mask[:3]) and any(mask[3:]) and sum(mask) % 3 == 0:
            with torch.no_grad():
                for logits, part in zip(gates.parameters(), torch.tensor(mask).split([3, 4]), strict=True):
                    logits.copy_(10.0 * part - 5)
            small = ez.compress(model, gates)
            assert gates.params_kept() == n_params(small)
            assert gates.flops_kept() == flops(small, x)


@pytest.mark.parametrize("name", ["lenet5", "wrn-narrow", "mobilenet", "vit", "unet"])
def test_expectation_is_the_mean_of_draws(name):
    """Within five standard errors of 1,000 Bernoulli draws of all gates."""
    case = ZOO[name]
    gates = draw_gates(gates_everywhere(case.model(), case.example()), 3, closed=0.0, fractions=1.0)
    p = {name: v.detach().double() for name, v in gates.probabilities().items()}
    generator = torch.Generator().manual_seed(19)
    for cost in (gates.costs.params, gates.costs.flops):
        draws = torch.stack(
            [cost({n: torch.bernoulli(v, generator=generator) for n, v in p.items()}) for _ in range(1000)]
        )
        error = draws.std() / 1000**0.5
        assert abs(float(draws.mean() - cost(p))) <= 5 * float(error)
        assert float(draws.std()) > 0


def test_layers_times_units():
    """A layer counts with the probability that it is kept, times what its units cost."""
    model, x = networks.ResNet(2, (4, 4, 4)), torch.zeros(2, 3, 8, 8)
    gates = ez.attach(model, x, ez.layers() + ez.channels())
    p = {name: torch.ones(site.shape, dtype=torch.float64) for name, site in gates.sites.items()}
    whole = float(gates.costs.params(p))
    assert whole == n_params(model)
    layers = [site.name for site in gates.sites.values() if site.kind == "layer"]
    for path in layers:
        inside = n_params(model.get_submodule(path))
        assert float(gates.costs.params(p | {path: torch.tensor([0.37])})) == pytest.approx(whole - 0.63 * inside)
    assert float(gates.costs.flops(p)) == flops(model, x)


def test_weights_times_units_times_layers():
    """P(weight) P(row's unit) P(column's unit) P(layer), summed."""
    model, x = networks.ViT(8, 4, 6, 2, 2, 5), torch.zeros(2, 3, 8, 8)
    gates = ez.attach(model, x, ez.layers() + ez.neurons() + ez.weights("blocks.0.fc1.weight"))
    draw_gates(gates, 3, closed=0.0, fractions=1.0)
    p = {name: v.detach().double() for name, v in gates.probabilities().items()}
    others = gates.costs.params(p | {"blocks.0.fc1.weight": torch.zeros(5, 6, dtype=torch.float64)})
    weights = (p["blocks.0.fc1.weight"] * p["blocks.0.fc1"][:, None] * p["blocks.0"]).sum()
    assert float(gates.costs.params(p) - others) == pytest.approx(float(weights))


def test_dense_costs_are_torch_counts():
    for case in ZOO.values():
        if not case.slow and "llama" not in case.name:
            model, example = case.model(), case.example()
            gates = gates_everywhere(model, example)
            kept = certain({n: torch.ones(s.shape, dtype=torch.bool) for n, s in gates.sites.items()})
            assert float(gates.costs.params(kept)) == n_params(model), case.name
            assert float(gates.costs.flops(kept)) == flops(model, example), case.name


def test_operations_without_a_rule_are_counted():
    """The matrix products of a recurrent layer stay, and so does their cost."""
    case = ZOO["odd"]
    gates = gates_everywhere(case.model(), case.example())
    lstm = [work for work in gates.graph.walk.work if work.path == "lstm"]
    assert sum(work.count for work in lstm) == flops(nn.LSTM(12, 5, batch_first=True), torch.zeros(2, 64, 12))


def test_no_rounding_at_larger_sizes():
    model, x = networks.WideResNet(10, 4), torch.zeros(1, 3, 8, 8)
    gates = gates_everywhere(model, x)
    kept = {n: torch.ones(s.shape) for n, s in gates.sites.items()}
    assert float(gates.costs.params(kept)) == n_params(model)
    assert gates.params_kept() == round(float(gates.costs.params(certain(gates.kept()))))
