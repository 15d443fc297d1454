"""Lottery tickets: the loop against one written out, resuming bit for bit, controls, tickets from gates."""

import copy
import itertools
from dataclasses import replace

import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from ellzero.nn import GateTicket, Masks, Random, Ticket, lottery, prune
from ellzero.nn.gates import ContinuousSparsification, HardConcrete

STEPS = 12


def build():
    return nn.Sequential(nn.Linear(5, 6), nn.Dropout(0.1), nn.Tanh(), nn.Linear(6, 2))


def net():
    torch.manual_seed(37)
    return build()


class Training:
    """Regression on noise that torch's own generator draws, under Adam; it counts its calls."""

    def __init__(self, stop_after=None):
        self.runs, self.stop_after, self.log = [], stop_after, []

    def __call__(self, run):
        if len(self.runs) == self.stop_after:
            raise KeyboardInterrupt
        self.runs.append(run)
        self.log.append((run.round, run.kind, run.begin, run.end))
        optimizer = torch.optim.Adam(run.model.parameters(), lr=0.037, weight_decay=0.019)
        for _ in range(run.begin, STEPS if run.end is None else run.end):
            x = torch.randn(19, 5)
            optimizer.zero_grad()
            loss = (run.model(x) - x[:, :2] * x[:, 2:4]).pow(2).mean()
            loss.backward()
            optimizer.step()
        return float(loss.detach())


QUESTION = {"rounds": 3, "kept_per_round": 0.63, "rewind_to": 5, "controls": ("reinit", "random"), "fresh": build}


def same(a, b):
    assert a.rows == b.rows
    assert a.masks == b.masks
    assert a.start.keys() == b.start.keys()
    assert all(torch.equal(a.start[name], b.start[name]) for name in a.start)


def test_the_loop():
    model, train = net(), Training()
    before = copy.deepcopy(model.state_dict())
    tickets = lottery(model, train, **QUESTION)
    kinds = [(0, "rewinding", 0, 5), (0, "ticket", 5, None)]
    for number in (1, 2, 3):
        kinds += [(number, "ticket", 5, None), (number, "reinit", 0, None), (number, "random", 5, None)]
    assert train.log == kinds
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert [masks.kept for masks in tickets.masks] == [round(42 * 0.63**number) for number in range(4)]
    for outer, inner in itertools.pairwise(tickets.masks):
        assert (outer & inner) == inner
    by_kind = {(run.round, run.kind): run for run in train.runs}
    for number in (1, 2, 3):
        ticket, random, reinit = (by_kind[number, kind] for kind in ("ticket", "random", "reinit"))
        assert ticket.masks == tickets.masks[number] == reinit.masks
        assert random.masks != ticket.masks
        assert random.masks.counts == ticket.masks.counts
        assert ticket.start is tickets.start is random.start
        assert not torch.equal(reinit.start["0.weight"], before["0.weight"])
        assert tickets.masks[number] == prune(
            by_kind[number - 1, "ticket"].model, round(42 * 0.63**number), within=tickets.masks[number - 1]
        )
        for run in (ticket, random, reinit):
            assert Masks.nonzero(run.model) == run.masks  # zeros stayed, the others are there
    assert len({run.random_state for run in train.runs}) == len(train.runs)


def test_a_ticket_written_out():
    model, train = net(), Training()
    tickets = lottery(model, train, **QUESTION)
    run = next(run for run in train.runs if (run.round, run.kind) == (2, "ticket"))
    again = copy.deepcopy(model)
    again.load_state_dict(tickets.start)
    torch.manual_seed(run.random_state)
    masks = tickets.masks[2]
    optimizer = torch.optim.Adam(again.parameters(), lr=0.037, weight_decay=0.019)
    for _ in range(5, STEPS):
        masks.apply(again)
        x = torch.randn(19, 5)
        optimizer.zero_grad()
        loss = (again(x) - x[:, :2] * x[:, 2:4]).pow(2).mean()
        loss.backward()
        optimizer.step()
    row = next(row for row in tickets.rows if (row.round, row.kind) == (2, "ticket"))
    assert row.metric == float(loss.detach())
    assert (row.kept, row.share) == (masks.kept, masks.kept / 42)


def test_the_global_generator_is_left_alone():
    model = net()
    state = torch.get_rng_state()
    lottery(model, Training(), **QUESTION)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("stop_after", [0, 1, 2, 4, 7, 10])
def test_cut_off_and_resumed_equals_one_go(tmp_path, stop_after):
    whole = lottery(net(), Training(), **QUESTION)
    with pytest.raises(KeyboardInterrupt):
        lottery(net(), Training(stop_after), **QUESTION, folder=tmp_path / "runs")
    rest = Training()
    same(lottery(net(), rest, **QUESTION, folder=tmp_path / "runs"), whole)
    begun = {0: 0, 1: 1, 2: 2, 4: 2, 7: 5, 10: 8}[stop_after]  # what whole rounds had been saved before
    assert len(rest.log) == 11 - begun
    idle = Training(0)
    same(lottery(net(), idle, **QUESTION, folder=tmp_path / "runs"), whole)
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == [
        *(f"round-00{number}.safetensors" for number in range(4)), "start.safetensors",
    ]  # fmt: skip


def test_more_rounds_go_on(tmp_path):
    short = QUESTION | {"rounds": 1}
    lottery(net(), Training(), **short, folder=tmp_path)
    train = Training()
    same(lottery(net(), train, **QUESTION, folder=tmp_path), lottery(net(), Training(), **QUESTION))
    assert train.log[0] == (1, "ticket", 5, None)  # whose trained weights were not kept


def test_another_seed_is_another_lottery():
    one, other = (lottery(net(), Training(), rounds=1, random_state=seed) for seed in (0, 1))
    assert one.rows != other.rows


def test_scores_and_scopes():
    tickets = lottery(net(), Training(), rounds=2, kept_per_round=0.5, score=Random(3), scope="layer", controls=())
    counts = [[count for count, _ in masks.counts.values()] for masks in tickets.masks]
    assert counts == [[30, 12], [15, 6], [8, 3]]
    assert list(lottery(net(), Training(), rounds=1, spare="3.*").masks[1]) == ["0.weight"]


def test_a_score_that_changes_opens_nothing_again():
    generator = torch.Generator().manual_seed(19)

    def noise(model, names):
        return {name: torch.rand(model.get_parameter(name).shape, generator=generator) for name in names}

    tickets = lottery(net(), Training(), rounds=3, score=noise, controls=())
    for outer, inner in itertools.pairwise(tickets.masks):
        assert (outer & inner) == inner


def test_a_table():
    tickets = lottery(net(), Training(), **QUESTION)
    lines = tickets.table().splitlines()
    assert lines[0].split() == ["round", "kept", "share", "ticket", "reinit", "random"]
    assert lines[1].split()[:3] == ["0", "42", "100.0%"]
    assert len(lines) == 5
    assert lines[4].split()[3:] == [f"{row.metric:.4f}" for row in tickets.rows[-3:]]


# ---- tickets of their own


class Alternating(Ticket):
    """Keeps the even places of what is there."""

    def __call__(self, run, kept):
        return Masks({n: m & (m.reshape(-1).cumsum(0).reshape(m.shape) % 2 == 1) for n, m in run.masks.items()})


def test_a_ticket_of_ones_own():
    tickets = lottery(net(), Training(), rounds=2, score=Alternating(), controls=())
    assert [masks.kept for masks in tickets.masks] == [42, 21, 11]


TRUE = torch.tensor([1.9, 0.0, -1.2, 0.0, 0.0, 0.73, 0.0, 0.0])


def line_fit(run, gates=None, lam=0.05):
    """Least squares with known zeros; with gates, weights and logits are trained together."""
    generator = torch.Generator().manual_seed(run.random_state % 2**31)
    sets = [{"params": run.model.parameters(), "lr": 0.05}]
    sets += [{"params": gates.parameters(), "lr": 0.1}] if gates is not None else []
    optimizer = torch.optim.Adam(sets)
    for t in range(300):
        x = torch.randn(50, 8, generator=generator)
        loss = (run.model(x)[:, 0] - x @ TRUE).pow(2).mean()
        if gates is not None:
            gates.progress = t / 300
            loss = loss + lam * gates.expected_l0()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return float(loss.detach())


@pytest.mark.parametrize("gate", [HardConcrete(), ContinuousSparsification()], ids=["l0", "continuous"])
def test_tickets_from_gates_find_the_true_weights(gate):
    torch.manual_seed(37)
    model = nn.Linear(8, 1, bias=False)
    ticket = GateTicket(line_fit, torch.zeros(2, 8), gate)
    tickets = lottery(model, line_fit, rounds=1, score=ticket, controls=())
    assert tickets.masks[1]["weight"][0].tolist() == (TRUE != 0).tolist()
    assert tickets.rows[1].metric < 1e-6
    shut = replace(ticket, fit=lambda run, gates: line_fit(run, gates, 0.0))  # no penalty, nothing closes
    if isinstance(gate, HardConcrete):
        assert lottery(model, line_fit, rounds=1, score=shut, controls=()).masks[1].kept == 8


def test_gates_leave_what_is_out():
    torch.manual_seed(37)
    model = nn.Linear(8, 1, bias=False)
    seen = []

    def fit(run, gates):
        if not seen:  # in the second round all gates stay as open as they begin
            line_fit(run, gates)
        seen.append((Masks.nonzero(run.model).kept, run.masks.kept))

    tickets = lottery(model, line_fit, rounds=2, score=GateTicket(fit, torch.zeros(2, 8), HardConcrete()), controls=())
    assert tickets.masks[1].kept == 3
    assert tickets.masks[2] == tickets.masks[1]
    assert seen == [(8, 8), (3, 3)]


@pytest.mark.slow
def test_tickets_on_digits_beat_their_controls():
    """At 12 % of the weights of a small network a ticket is better than the same masks on fresh weights."""
    digits = load_digits()
    x, y = torch.tensor(digits.data / 16, dtype=torch.float32), torch.tensor(digits.target)

    def dense():
        return nn.Sequential(nn.Linear(64, 60), nn.ReLU(), nn.Linear(60, 30), nn.ReLU(), nn.Linear(30, 10))

    def train(run):
        optimizer = torch.optim.Adam(run.model.parameters(), lr=0.0037)
        for _ in range(run.begin, 400 if run.end is None else run.end):
            rows = torch.randint(0, 1200, (60,))
            optimizer.zero_grad()
            nn.functional.cross_entropy(run.model(x[rows]), y[rows]).backward()
            optimizer.step()
        with torch.no_grad():
            return float((run.model(x[1200:]).argmax(1) == y[1200:]).float().mean())

    torch.manual_seed(37)
    tickets = lottery(
        dense(), train, rounds=8, kept_per_round=0.72, rewind_to=20, controls=("reinit", "random"), fresh=dense
    )
    late = [row for row in tickets.rows if row.round >= 6]
    means = {kind: sum(r.metric for r in late if r.kind == kind) / 3 for kind in ("ticket", "reinit", "random")}
    assert means["ticket"] > means["reinit"] + 0.01
    assert means["ticket"] > means["random"] + 0.01
    assert means["ticket"] > tickets.rows[0].metric - 0.02
