"""Latency as a goal: the table's arithmetic by hand, and a measured one that a target keeps to."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import ellzero.nn as ez
from ellzero.errors import ArgumentError

TABLE = ez.LatencyTable(1.9, {"a": ((1, 4, 9), (0.95, 1.33, 1.9)), "b": ((0, 1), (1.14, 1.9))})


def of(a, b):
    """Probabilities whose sums are these numbers of units."""
    return {"a": torch.full((9,), a / 9, dtype=torch.float64), "b": torch.tensor([b], dtype=torch.float64)}


@pytest.mark.parametrize(
    ("a", "b", "share"),
    [
        (9, 1, 1.0),
        (1, 1, 0.5),
        (4, 0, 0.7 + 0.6 - 1),
        (2.5, 0.37, 0.6 + (0.6 + 0.37 * 0.4) - 1),
        (6.5, 1, (0.7 + 1.0) / 2),
        (0.19, 1, 0.5),  # a group keeps one unit at least
    ],
)
def test_share_is_interpolated_and_added(a, b, share):
    assert TABLE.share_of(of(a, b)).item() == pytest.approx(share)


def test_slope_is_that_of_the_cell():
    probabilities = {name: p.requires_grad_() for name, p in of(6.5, 0.37).items()}
    TABLE.share_of(probabilities).backward()
    torch.testing.assert_close(probabilities["a"].grad, torch.full((9,), 0.3 / 5, dtype=torch.float64))
    torch.testing.assert_close(probabilities["b"].grad, torch.tensor([0.4], dtype=torch.float64))


def network():
    torch.manual_seed(37)
    return nn.Sequential(nn.Linear(7, 19), nn.ReLU(), nn.Linear(19, 19), nn.ReLU(), nn.Linear(19, 3))


def test_a_measured_table_has_every_group_once_for_each_footprint(monkeypatch):
    """The clock is replaced by one that counts parameters, so that the table is known exactly."""
    model = network()
    calls = []

    def clock(networks, example, turns, warmup):
        calls.append([sum(p.numel() for p in n.parameters()) for n in networks])
        return [type("Latency", (), {"median": float(count)})() for count in calls[-1]]

    monkeypatch.setattr("ellzero.nn.latency.latencies", clock)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    gates = ez.attach(model, torch.zeros(2, 7), ez.neurons())
    table = ez.measure_latency(gates, points=3)
    full = 7 * 19 + 19 + 19 * 19 + 19 + 19 * 3 + 3
    assert table.whole == full
    assert {name: counts for name, (counts, _) in table.points.items()} == {"0": (1, 10, 19), "2": (1, 10, 19)}
    first = [7 * n + n + n * 19 + 19 + 19 * 3 + 3 for n in (1, 10, 19)]
    second = [7 * 19 + 19 + 19 * n + n + n * 3 + 3 for n in (1, 10, 19)]
    assert table.points["0"][1] == pytest.approx(first)
    assert table.points["2"][1] == pytest.approx(second)
    assert len(calls) == 4
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_equal_footprints_are_measured_once(monkeypatch):
    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(7, 12), nn.ReLU(), nn.Linear(12, 7)) for _ in range(3))

        def forward(self, x):
            for block in self.blocks:
                x = x + block(x)
            return x

    calls = []

    def clock(networks, *_):
        calls.append(networks)
        return [type("Latency", (), {"median": value})() for value in (0.73, 1.9)]

    monkeypatch.setattr("ellzero.nn.latency.latencies", clock)
    table = ez.measure_latency(ez.attach(Residual(), torch.zeros(2, 7), ez.neurons()), points=2)
    assert len(calls) == 1
    assert list(table.points.values()) == [((1, 12), (pytest.approx(0.73), pytest.approx(1.9)))] * 3


def test_a_target_keeps_to_a_measured_time():
    model = network()
    x = torch.randn(37, 7, generator=torch.Generator().manual_seed(19))
    gates = ez.attach(model, x, ez.neurons())
    counts = tuple(range(1, 20))
    table = ez.LatencyTable(1.9, {n: (counts, tuple(1.9 * (0.62 + 0.02 * c) for c in counts)) for n in gates.sites})
    goal = ez.Target(gates, latency=table.at(0.73))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(60):
        F.mse_loss(model(x), x[:, :3]).backward()
        optimizer.step()
        optimizer.zero_grad()
        goal.step()
    share = table.share_of({name: kept.double() for name, kept in gates.kept().items()}).item()
    assert 0.71 - 1e-9 <= share <= 0.73 + 1e-9  # a unit costs .02
    assert ez.compress(model, gates)[0].out_features == int(gates.kept()["0"].sum())


def test_real_clocks_give_a_rising_table():
    gates = ez.attach(network(), torch.zeros(2, 7), ez.neurons("0"))
    table = ez.measure_latency(gates, points=3, turns=3, warmup=1)
    seconds = table.points["0"][1]
    assert list(seconds) == sorted(seconds)
    assert 0 < seconds[0] <= seconds[-1] == table.whole


def test_what_cannot_be_measured():
    gates = ez.attach(network(), torch.zeros(2, 7), ez.weights())
    with pytest.raises(ArgumentError, match="zeros take as long as other numbers"):
        ez.measure_latency(gates)
    with pytest.raises(ArgumentError, match="`points` must be an integer"):
        ez.measure_latency(gates, points=1)
    with pytest.raises(ArgumentError, match="`share` must be a share"):
        TABLE.at(1.9)


def test_gates_that_follow_a_score_have_no_saliency():
    gates = ez.attach(network(), torch.zeros(2, 7), ez.neurons(), gate=ez.TopK(score=ez.magnitude))
    with pytest.raises(ArgumentError, match="no gradient of their own"):
        ez.saliency(gates, [torch.zeros(2, 7)], lambda model, batch: model(batch).sum())
