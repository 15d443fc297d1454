"""Pruning: exact counts, scores against finite differences and loops, the schedule."""

import copy
import itertools

import numpy as np
import pytest
import torch
from torch import nn

from ellzero.nn import Gradual, Grasp, Masks, Random, Snip, SynFlow, Wanda, prune


def net(seed=37, dtype=torch.float32):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Tanh(), nn.Flatten(), nn.Linear(4 * 5 * 5, 3)
    ).to(dtype)


def flat(model, names=("0.weight", "4.weight")):
    return torch.cat([model.get_parameter(name).detach().reshape(-1) for name in names])


def flat_mask(masks):
    return torch.cat([mask.reshape(-1) for mask in masks.values()])


@pytest.mark.parametrize("kept", [0.37, 0.019, 1.0, 0, 19, 372])
def test_global_magnitude_keeps_the_largest(kept):
    model = net()
    weights = flat(model).abs().numpy()
    count = kept if isinstance(kept, int) else round(kept * weights.size)
    masks = prune(model, kept)
    assert masks.kept == count
    wanted = np.zeros(weights.size, bool)
    wanted[np.argsort(-weights, kind="stable")[:count]] = True
    np.testing.assert_array_equal(flat_mask(masks), wanted)


@pytest.mark.parametrize("scope", ["layer", "row"])
def test_local_budgets(scope):
    model = net()
    masks = prune(model, 0.37, scope=scope)
    for name, mask in masks.items():
        weight = model.get_parameter(name).detach().abs()
        blocks = (
            (mask.reshape(len(mask), -1), weight.reshape(len(weight), -1))
            if scope == "row"
            else (mask[None], weight[None])
        )
        for kept, size in zip(*(block.reshape(len(block), -1) for block in blocks), strict=True):
            assert int(kept.sum()) == round(0.37 * kept.numel())
            assert size[kept].min() >= size[~kept].max()


def test_ties_go_to_the_first():
    model = net()
    for parameter in model.parameters():
        nn.init.constant_(parameter, 1.9)
    assert flat_mask(prune(model, 19)).nonzero().ravel().tolist() == list(range(19))
    assert prune(model, "1:4", spare="0.*")["4.weight"].nonzero()[:, 1].unique().tolist() == list(range(0, 100, 4))


def test_patterns_and_mappings():
    model = net()
    masks = prune(model, {"4.weight": "2:4", "0.*": 0.37})  # biases, too, where they are named
    assert {name: counts[0] for name, counts in masks.counts.items()} == {
        "0.weight": round(0.37 * 72), "0.bias": round(0.37 * 4), "4.weight": 150,
    }  # fmt: skip
    blocks, sizes = masks["4.weight"].reshape(-1, 4), model[4].weight.detach().abs().reshape(-1, 4)
    assert (blocks.sum(1) == 2).all()
    best = max(itertools.combinations(range(4), 2), key=lambda pair: float(sizes[7, list(pair)].sum()))
    assert blocks[7].nonzero().ravel().tolist() == sorted(best)
    assert prune(model, {"0.weight": 7, "*.weight": 0.19}, spare="1.*").counts["0.weight"] == (7, 72)
    assert list(prune(model, 0.5, spare=["4.*"])) == ["0.weight"]


def test_within_is_kept_within():
    model = net()
    first = prune(model, 0.5, score="random")
    second = prune(model, 0.37, within=first)
    assert second.kept == round(0.37 * 372)
    assert not (flat_mask(second) & ~flat_mask(first)).any()
    assert second != prune(model, 0.37)
    third = prune(model, 0.19, score=Random(1), within=first)  # a score that zeros do not lower
    assert third.kept == round(0.19 * 372)
    assert not (flat_mask(third) & ~flat_mask(first)).any()


def test_random_is_uniform_and_repeats():
    model = nn.Linear(100, 100)
    masks = [prune(model, 0.37, score=Random(seed)) for seed in (0, 0, 1)]
    assert masks[0] == masks[1] != masks[2]
    by_row = masks[0]["weight"].sum(1).double()
    assert by_row.mean() == 37.0
    assert 15 < by_row.var() < 35  # 23.3 for draws without replacement


# ---- scores

LOSSES = {
    "sum": lambda model, batch: model(batch[0]).mul(batch[1]).pow(2).mean(),
    "entropy": lambda model, batch: nn.functional.cross_entropy(model(batch[0]), batch[1].argmax(1)),
}


def batches(dtype=torch.float64):
    generator = torch.Generator().manual_seed(19)
    return [
        tuple(torch.randn(6, *shape, generator=generator, dtype=dtype) for shape in ((2, 5, 5), (3,))) for _ in "ab"
    ]


@pytest.mark.parametrize("name", LOSSES)
def test_snip_is_the_slope_of_the_loss_in_the_mask(name):
    model, loss = net(dtype=torch.float64), LOSSES[name]
    scores = Snip(batches(), loss)(model, ["0.weight", "4.weight"])
    for key, place in (("0.weight", (3, 1, 2, 0)), ("4.weight", (1, 37))):
        weight, values = model.get_parameter(key).detach(), []
        for factor in (1 + 1e-6, 1 - 1e-6):
            trial = copy.deepcopy(model)
            trial.get_parameter(key).data[place] = float(weight[place]) * factor
            values.append(np.mean([float(loss(trial, batch).detach()) for batch in batches()]))
        np.testing.assert_allclose(float(scores[key][place]), abs(values[0] - values[1]) / 2e-6, rtol=1e-5)


def test_grasp_is_the_slope_of_the_gradients_norm():
    model, loss = net(dtype=torch.float64).eval(), LOSSES["entropy"]
    names = ["0.weight", "4.weight"]
    score = Grasp(batches(), loss)(model, names)["4.weight"][1, 37]

    def flow(factor):
        trial = copy.deepcopy(model)
        trial[4].weight.data[1, 37] *= factor
        total = sum(loss(trial, batch) for batch in batches()) / 2
        slopes = torch.autograd.grad(total, [trial.get_parameter(name) for name in names])
        return float(sum(slope.pow(2).sum() for slope in slopes))

    np.testing.assert_allclose(float(score), (flow(1 + 1e-5) - flow(1 - 1e-5)) / 4e-5, rtol=1e-5)


def test_synflow_sums_the_products_along_paths():
    torch.manual_seed(37)
    model = nn.Sequential(nn.Linear(3, 4, bias=False), nn.ReLU(), nn.Linear(4, 2, bias=False))
    first, second = (model[i].weight.detach().double().abs() for i in (0, 2))
    paths = {(i, j, k): first[j, i] * second[k, j] for i in range(3) for j in range(4) for k in range(2)}
    scores = SynFlow(torch.zeros(1, 3))(model, ["0.weight", "2.weight"])
    for j, i in itertools.product(range(4), range(3)):
        assert float(scores["0.weight"][j, i]) == pytest.approx(float(sum(paths[i, j, k] for k in range(2))))
    for k, j in itertools.product(range(2), range(4)):
        assert float(scores["2.weight"][k, j]) == pytest.approx(float(sum(paths[i, j, k] for i in range(3))))


def test_synflow_in_rounds_empties_no_layer():
    torch.manual_seed(37)
    wide = nn.Sequential(*(layer for _ in range(6) for layer in (nn.Linear(30, 30, bias=False), nn.ReLU())))
    model = nn.Sequential(wide, nn.Linear(30, 2, bias=False))
    score = SynFlow(torch.zeros(1, 30))
    once, slowly = (prune(model, 25, score=score, rounds=rounds) for rounds in (1, 50))
    assert once.kept == slowly.kept == 25
    assert min(count for count, _ in once.counts.values()) == 0
    assert min(count for count, _ in slowly.counts.values()) > 0


@pytest.mark.parametrize("groups", [1, 2])
def test_wanda_by_loops(groups):
    torch.manual_seed(19)
    conv = nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2), groups=groups)
    model = nn.Sequential(conv, nn.Flatten(), nn.Linear(6 * 3 * 3, 2))
    data = [torch.randn(n, 4, 5, 5) for n in (3, 1)]
    scores = Wanda(data)(model, ["0.weight", "2.weight"])
    x = nn.functional.pad(torch.cat(data).double(), (0, 0, 1, 1))
    for o, c, a, b in itertools.product(range(6), range(4 // groups), range(3), range(2)):
        channel = o // (6 // groups) * (4 // groups) + c
        seen = [x[:, channel, 2 * i + a, j + 2 * b] for i in range(3) for j in range(3)]
        norm = float(torch.stack(seen).pow(2).sum().sqrt())
        weight = abs(float(conv.weight[o, c, a, b].detach()))
        assert float(scores["0.weight"][o, c, a, b]) == pytest.approx(weight * norm, rel=1e-5)
    inputs = nn.Sequential(*model[:2])(torch.cat(data)).detach()
    torch.testing.assert_close(scores["2.weight"], model[2].weight.detach().abs() * inputs.norm(dim=0))


@pytest.mark.parametrize("score", [
    "random", Snip(batches(torch.float32), LOSSES["sum"]), Grasp(batches(torch.float32), LOSSES["sum"]),
    SynFlow(torch.zeros(1, 2, 5, 5)), Wanda([batch[0] for batch in batches(torch.float32)]),
], ids=["random", "snip", "grasp", "synflow", "wanda"])  # fmt: skip
def test_a_score_leaves_the_model_as_it_was(score):
    model = net().train()
    model[2].eval()
    model[0].weight.requires_grad_(False)
    before = copy.deepcopy(model.state_dict())
    masks = prune(model, 0.19, score=score, rounds=3)
    assert masks.kept == round(0.19 * 372)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert [module.training for module in model] == [True, True, False, True, True]
    assert all(parameter.grad is None for parameter in model.parameters())
    assert [p.requires_grad for p in model.parameters()] == [False] + [True] * 5
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_a_callable_is_a_score():
    model = net()
    masks = prune(model, 7, score=lambda model, names: {name: -model.get_parameter(name).abs() for name in names})
    smallest = flat(model).abs().argsort()[:7]
    assert sorted(smallest.tolist()) == flat_mask(masks).nonzero().ravel().tolist()


# ---- gradual


def test_the_schedule_is_cubic_and_exact():
    model = net()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.037)
    gradual = Gradual(model, 0.037, begin=3, end=22, every=8, initial=0.9, optimizers=[optimizer])
    kept, masks = [], [gradual.masks]
    for _ in range(25):
        optimizer.zero_grad()
        model(torch.randn(6, 2, 5, 5)).pow(2).sum().backward()
        optimizer.step()
        gradual.step()
        kept.append(gradual.masks.kept)
        masks.append(gradual.masks)
        assert sum(int((model.get_parameter(name) != 0).sum()) for name in gradual.masks) == kept[-1]
    out = {t: 0.963 + (0.1 - 0.963) * (1 - (t - 3) / 19) ** 3 for t in (3, 11, 19, 22)}
    wanted, last = [], 372
    for t in range(25):
        last = round((1 - out[t]) * 372) if t in out else last
        wanted.append(last)
    assert kept == wanted
    assert kept[-1] == round(0.037 * 372)
    for before, after in itertools.pairwise(masks):
        assert not (flat_mask(after) & ~flat_mask(before)).any()
    gradual.release()
    assert isinstance(gradual.masks, Masks)
