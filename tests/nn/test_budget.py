"""Structured pruning by scores: decisions within a budget, and first-order saliency against finite differences."""

from itertools import product

import pytest
import torch
from torch import nn

from ellzero.errors import ArgumentError
from ellzero.nn import TopK, attach, channels, compress, keep_best, layers, magnitude, neurons, saliency
from ellzero.nn.budget import Budget


def network():
    torch.manual_seed(37)
    return nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2)).double()


def opened(model, selector, example):
    return attach(model, example, selector, gate=TopK(kept=1.0))


@pytest.fixture
def example():
    return torch.randn(7, 5, generator=torch.Generator().manual_seed(19), dtype=torch.float64)


def squares(model, batch):
    return (model(batch) ** 2).sum(1).mean()


def test_a_decision_is_the_longest_list_of_the_best_that_fits(example):
    gates = opened(network(), neurons(), example)
    ranking = {"0": torch.tensor([0.37, 1.9, 0.19, 0.73]), "2": torch.tensor([0.91, 0.11, 0.55])}
    for share in (0.3, 0.5, 0.73, 1.0):
        budget = Budget(gates, params=share)
        decided = budget.decide(ranking)
        order = sorted(
            ((float(v), name, i) for name, values in ranking.items() for i, v in enumerate(values)), reverse=True
        )
        inside: list[tuple[str, int]] = []
        longest = None
        for _, name, i in order:
            if parameters([*inside, (name, i)]) <= share * budget.full:
                inside.append((name, i))
            elif longest is None:
                longest = len(inside)
        kept = {(name, i) for name, values in decided.items() for i in range(len(values)) if values[i]}
        assert kept == set(inside)


def parameters(inside):
    """Parameters of 5-a-b-2 with biases, a layer keeping one unit at least."""
    a, b = (max(1, sum(name == layer for name, _ in inside)) for layer in ("0", "2"))
    return 5 * a + a + a * b + b + 2 * b + 2


def test_saliency_is_the_slope_of_the_loss_in_each_gate(example):
    model = network()
    gates = opened(model, neurons(), example)
    batches = [example[:3], example[3:]]
    scores = saliency(gates, batches, squares)
    gates.detach()
    step = 1e-6
    for name, reader in (("0", 2), ("2", 4)):
        slopes = []
        for unit in range(len(scores[name])):
            total = 0.0
            for batch in batches:
                ends = []
                for sign in (-1, 1):
                    changed = network()
                    changed[reader].weight.data[:, unit] *= 1 + sign * step
                    ends.append(squares(changed, batch).item())
                total += abs(ends[1] - ends[0]) / (2 * step)
            slopes.append(total)
        expected = torch.tensor(slopes, dtype=scores[name].dtype)
        torch.testing.assert_close(scores[name], expected / expected.norm(), rtol=1e-6, atol=1e-7)


def test_saliency_leaves_the_network_as_it_was(example):
    model = nn.Sequential(network(), nn.BatchNorm1d(2).double(), nn.Dropout(0.37)).train()
    model[0][0].weight.requires_grad_(False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    gates = opened(model, neurons(), example)
    first, second = (saliency(gates, [example], squares) for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model.training
    assert [p.requires_grad for p in model[0][0].parameters()] == [False, True]
    assert all(p.grad is None for p in model.parameters())


def test_layers_are_compared_with_each_other():
    class Residual(nn.Module):
        def __init__(self, strength):
            super().__init__()
            self.inner = nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, 5)).double()
            self.outer = nn.Linear(5, 5).double()
            with torch.no_grad():
                self.outer.weight.mul_(strength)
                self.outer.bias.zero_()

        def forward(self, x):
            return x + self.outer(self.inner(x))

    torch.manual_seed(7)
    model = nn.Sequential(*(Residual(s) for s in (1.9, 0.037, 0.91)))
    x = torch.randn(4, 5, dtype=torch.float64)
    gates = opened(model, layers(), x)
    scores = saliency(gates, [x], squares)
    assert min(scores, key=lambda name: float(scores[name])) == "1"
    keep_best(gates, scores, kept={"layer": 0.67})
    small = compress(model, gates)
    assert isinstance(small[1], nn.Identity)
    torch.testing.assert_close(small(x), model[2](model[0](x)))


@pytest.mark.parametrize(("share", "word"), list(product((0.37, 0.73), ("flops", "params"))))
def test_the_best_by_magnitude_stay_within_the_share(share, word):
    torch.manual_seed(3)
    model = nn.Sequential(nn.Conv2d(1, 9, 3), nn.ReLU(), nn.Conv2d(9, 7, 3), nn.Flatten(), nn.Linear(7 * 16, 3)).eval()
    x = torch.randn(2, 1, 8, 8)
    gates = opened(model, channels(), x)
    scores = gates.scores(magnitude)
    torch.testing.assert_close(scores["0"], model[0].weight.detach().flatten(1).norm(dim=1))
    full = {"flops": gates.flops_kept(), "params": gates.params_kept()}
    keep_best(gates, scores, **{word: share})
    assert {"flops": gates.flops_kept(), "params": gates.params_kept()}[word] <= share * full[word]
    torch.testing.assert_close(compress(model, gates)(x), model(x))


def test_a_budget_is_one_question(example):
    gates = opened(network(), neurons(), example)
    with pytest.raises(ArgumentError, match="exactly one of `flops`, `params`, `kept`, `latency`"):
        keep_best(gates, gates.scores(magnitude), flops=0.5, params=0.5)
