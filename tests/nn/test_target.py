"""A network trained to a size: the size is met, as torch counts it, and the network still learns."""

import copy
import functools
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

import ellzero.nn as ez
from ellzero.errors import ArgumentError, DataError
from ellzero.nn import networks
from zoo import MLP, flops, n_params, output

NETWORKS = {
    "mlp": lambda: networks.LeNet300(64, (128, 64)),
    "vgg": lambda: networks.VGG(((48,), (96, 96)), in_channels=1),  # one channel is a point at most
    "vit": lambda: networks.ViT(8, 4, 32, 2, 8, 96, in_channels=1),
}


@functools.cache
def digits():
    x, y = load_digits(return_X_y=True)
    return torch.tensor(x / 16, dtype=torch.float32).reshape(-1, 1, 8, 8), torch.tensor(y)


def selector(name):
    return {"vit": ez.neurons() + ez.heads() + ez.hidden(), "vgg": ez.channels(), "mlp": ez.neurons()}[name]


def trained(name, seed, steps=100, **goal):
    """A short run as a user would write it, and what the gates and the price did at every step."""
    torch.manual_seed(seed)
    model = NETWORKS[name]()
    x, y = digits()
    gates = ez.attach(model, x[:2], selector(name), random_state=seed)
    target = ez.Target(gates, warmup=steps // 3, **goal)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    order = torch.Generator().manual_seed(seed)
    model.train()
    prices = []
    for _ in range(steps):
        batch = torch.randint(len(x), (48,), generator=order)
        F.cross_entropy(model(x[batch]), y[batch]).backward()
        optimizer.step()
        optimizer.zero_grad()
        target.step()
        prices.append(float(target.multipliers[0]))
    return model, gates, target, prices


def reached(name, what, share, seed):
    model, gates, target, _ = trained(name, seed, **{what: share})
    x, y = digits()
    small = ez.compress(model, gates)
    count = flops if what == "flops" else lambda network, _: n_params(network)
    with gates.detached():
        full = count(model, x[:2])
    assert full == target.full
    assert share - 0.01 <= count(small, x[:2]) / full <= share + 1e-9
    expected = gates.expected_flops() if what == "flops" else gates.expected_l0()
    accuracy = float((output(small, x).argmax(1) == y).float().mean())
    return expected.item() / full, accuracy


def near(expected, share):
    """The expected size follows the size wanted, as far as a hundred steps go."""
    assert abs(expected - share) < 0.1


@pytest.mark.parametrize(
    ("name", "what", "share"),
    [
        ("mlp", "params", 0.1),
        ("mlp", "flops", 0.5),
        ("vgg", "flops", 0.3),
        ("vit", "params", 0.7),
    ],
)
def test_share_is_reached(name, what, share):
    expected, accuracy = reached(name, what, share, seed=0)
    near(expected, share)
    assert accuracy > 0.15


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("what", ["flops", "params"])
@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_every_share_is_reached(name, what, share):
    for seed in range(3):
        expected, accuracy = reached(name, what, share, seed)
        near(expected, share)
        if share >= 0.5:  # a hundred steps teach a tenth of a network little
            assert accuracy > 0.3


# -- the price
def test_multiplier_restarts_when_the_size_is_met():
    """It rises while the network is too large and falls to 0, not gradually, once it is not."""
    *_, prices = trained("mlp", 0, flops=0.3)
    falls = [(a, b) for a, b in pairwise(prices) if b < a]
    assert falls
    assert all(b == 0 < a for a, b in falls)
    assert max(prices) > 0.1


def simple(**goal):
    torch.manual_seed(0)
    model, x = MLP(), torch.randn(40, 7)
    gates = ez.attach(model, x)
    return model, x, gates, ez.Target(gates, **goal)


def test_first_step_by_hand():
    """Price 0 and share above the goal: the push is s rho g times the slope of g, with s = |dL| / |dg|."""
    model, x, gates, goal = simple(params=0.37, optimizer=None, rho=1.9)
    moved = []
    goal.optimizer.step = lambda: moved.append([p.grad.clone() for p in gates.parameters()])
    model(x).square().mean().backward()
    of_loss = [p.grad.clone() for p in gates.parameters()]
    share = gates.expected_l0() / goal.full
    slope = torch.autograd.grad(share, list(gates.parameters()))
    s = sum(g.abs().sum() for g in of_loss) / sum(g.abs().sum() for g in slope)
    excess = share.item() - 0.37
    goal.step()
    for found, loss, direction in zip(moved[0], of_loss, slope, strict=True):
        torch.testing.assert_close(found, loss + s * 1.9 * excess * direction, rtol=1e-4, atol=1e-8)
    assert float(goal.multipliers[0]) == pytest.approx(excess, rel=1e-5)
    assert goal.steps == 1
    assert all(p.grad is None for p in gates.parameters())


def test_warmup_is_linear():
    model, x, _, goal = simple(flops=0.2, warmup=4)
    wanted = []
    for _ in range(6):
        wanted += goal.wanted
        model(x).square().mean().backward()
        goal.step()
    assert wanted == pytest.approx([1.0, 0.8, 0.6, 0.4, 0.2, 0.2])


@pytest.mark.parametrize("kept", [{"neuron": 0.4}, {"a": 0.3, "b": 0.6}, {"*": 0.5}])
def test_kept_by_kind_and_by_name(kept):
    _, _, gates, _ = simple(kept=kept)
    count = gates.kept()
    for pattern, share in kept.items():
        names = [n for n in gates.sites if pattern in ("neuron", "*", n)]
        total = sum(gates.sites[n].count for n in names)
        assert sum(int(count[n].sum()) for n in names) == int(share * total + 1e-9)


def test_most_likely_active_stay():
    _, _, gates, goal = simple(kept={"neuron": 0.5})
    with torch.no_grad():
        for logits in gates.parameters():
            logits.uniform_(-2, 2)
    p, kept = gates.probabilities(), gates.kept()
    all_p, all_kept = (torch.cat(list(v.values())) for v in (p, kept))
    assert all_p[all_kept].min() >= all_p[~all_kept].max()
    assert all_kept.sum() == goal.full // 2


# -- checkpoints -------------------------------------------------------------------------------------------------------------  # noqa: E501
def test_resumed_equals_one_go():
    def run(start, stop, state=None):
        torch.manual_seed(0)
        model, x = nn.Sequential(nn.Linear(7, 19), nn.Tanh(), nn.Linear(19, 2)), torch.randn(40, 7)
        gates = ez.attach(model, x, gate=ez.HardConcrete(p_init=0.5))
        goal = ez.Target(gates, flops=0.37, warmup=6)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        for part, saved in zip((model, gates, goal, optimizer), state or (), strict=False):
            part.load_state_dict(saved)
        for k in range(start, stop):
            (model(x) - k * x[:, :2]).square().mean().backward()
            optimizer.step()
            optimizer.zero_grad()
            goal.step()
        return copy.deepcopy([part.state_dict() for part in (model, gates, goal, optimizer)]), gates.hard()

    whole, values = run(0, 12)
    again, resumed = run(5, 12, run(0, 5)[0])
    assert all(torch.equal(v, whole[0][k]) for k, v in again[0].items())
    assert all(torch.equal(v, values[k]) for k, v in resumed.items())
    assert torch.equal(again[2]["multipliers"], whole[2]["multipliers"])
    assert again[2]["steps"] == 12


def test_scaled_loss_moves_gates_alike():
    """With the scaler named the gates see the unscaled gradient; an overflow skips the step."""

    class Scaler:
        def get_scale(self):
            return 1024.0

    logits = []
    for scale, scaler in ((1.0, None), (1024.0, Scaler())):
        model, x, gates, goal = simple(flops=0.37)
        for _ in range(3):
            gates._generator.manual_seed(5)
            (scale * model(x).square().mean()).backward()
            goal.step(scaler=scaler)
        logits.append([p.detach().clone() for p in gates.parameters()])
    for a, b in zip(*logits, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)
    (model(x).square().mean() * float("inf")).backward()
    goal.step(scaler=Scaler())
    assert goal.steps == 3
    assert all(torch.equal(p, q) for p, q in zip(gates.parameters(), logits[1], strict=True))
    assert all(p.grad is None for p in gates.parameters())


# -- errors ----------------------------------------------------------------------------------------------------------------  # noqa: E501
def test_not_finite_gradient():
    model, x, gates, goal = simple(flops=0.37)
    before = [p.detach().clone() for p in gates.parameters()]
    (model(x).mean() * float("nan")).backward()
    with pytest.raises(DataError, match=r"a gradient of the gates is not finite.*step\(scaler=scaler\)"):
        goal.step()
    assert all(torch.equal(p, q) for p, q in zip(gates.parameters(), before, strict=True))
    assert goal.steps == 0


def test_below_reach_names_what_is_frozen():
    model = nn.Sequential(nn.Linear(4, 30), nn.Softmax(-1), nn.Linear(30, 8), nn.ReLU(), nn.Linear(8, 2))
    gates = ez.attach(model, torch.zeros(2, 4))
    with pytest.raises(ArgumentError, match=r"`flops` must be at least 0\.\d+ here, got 0\.1.*0\.weight\[0\].*softmax"):
        ez.Target(gates, flops=0.1)


@pytest.mark.parametrize(
    ("goal", "message"),
    [
        ({}, "Give exactly one of `flops`, `params`, `kept`, `latency`, got none"),
        ({"flops": 0.5, "params": 0.5}, "got `flops` and `params`"),
        ({"flops": 0.0}, "`flops`"),
        ({"params": 1.9}, "`params`"),
        ({"flops": "half"}, "`flops`"),
        (
            {"kept": {"head": 0.5}},
            r"`kept` names 'head', which is no kind and matches no name.*Kinds: neuron\. Names: a, b",
        ),
        ({"kept": {"neuron": 0.0}}, r"kept\['neuron'\]"),
        ({"flops": 0.5, "warmup": -1}, "`warmup`"),
        ({"flops": 0.5, "lr": 0.0}, "`lr`"),
        ({"flops": 0.5, "dual_lr": -1.0}, "`dual_lr`"),
        ({"flops": 0.5, "rho": float("nan")}, "`rho`"),
    ],
)
def test_wrong_goals(goal, message):
    with pytest.raises(ArgumentError, match=message):
        simple(**goal)


def test_price_of_a_parameter():
    assert ez.price("aic", 37) == 1 / 37
    assert ez.price("bic", 37) == pytest.approx(0.5 * 3.6109179126442243 / 37)
    for wrong in (("hic", 37), ("aic", 0)):
        with pytest.raises(ArgumentError):
            ez.price(*wrong)
