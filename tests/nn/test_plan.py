"""Plans: saved, loaded, replayed, refused."""

import json

import pytest
import torch
from torch import nn

import ellzero.nn as ez
from ellzero.errors import ArgumentError, DataError
from ellzero.nn import networks
from ellzero.nn.plan import drop_layers
from zoo import CLOSED, MLP, OPEN, ZOO, draw_gates, gates_everywhere, n_params, output, set_all


def planned(seed=3):
    model, example = MLP().eval(), torch.randn(5, 7)
    gates = draw_gates(gates_everywhere(model, example), seed)
    return model, example, gates, ez.make_plan(gates)


def test_round_trip(tmp_path):
    plan = planned()[-1]
    plan.save(tmp_path / "plan.json")
    assert ez.Plan.load(tmp_path / "plan.json") == plan
    assert ez.Plan.load(str(tmp_path / "plan.json")).network == "MLP"
    assert "ellzero_plan" in json.loads((tmp_path / "plan.json").read_text())


@pytest.mark.parametrize("name", ["resnet20-pad", "unet", "vit", "bert", "llama-gqa-tied"])
def test_round_trip_of_every_size(name, tmp_path):
    case = ZOO[name]
    gates = draw_gates(gates_everywhere(case.model(), case.example()), 3)
    plan = ez.make_plan(gates)
    plan.save(tmp_path / "p.json")
    again = ez.Plan.load(tmp_path / "p.json")
    a, b = plan.apply(case.model()), again.apply(case.model())
    assert {n: p.shape for n, p in a.named_parameters()} == {n: p.shape for n, p in b.named_parameters()}
    assert n_params(a) == gates.params_kept()
    assert repr(a) == repr(b)
    assert torch.equal(output(a, case.example()), output(b, case.example()))


def test_cuts_are_the_survivors():
    model, _, gates, plan = planned()
    kept = gates.kept()["a"].nonzero()[:, 0].tolist()
    assert plan.cuts["a.weight"] == {0: (19, kept)}
    assert plan.cuts["bn.running_mean"] == {0: (19, kept)}
    assert plan.cuts["b.weight"][1] == (19, kept)
    assert plan.sizes["a"] == {"out_features": len(kept), "in_features": 7}
    small = plan.apply(model)
    assert small is model
    assert small.bn.num_features == len(kept)


def test_nothing_is_changed_by_a_plan_for_another():
    plan = planned()[-1]
    model = MLP()
    model.c = nn.Linear(12, 3)
    state = {k: v.clone() for k, v in model.state_dict().items()}
    with pytest.raises(ArgumentError, match=r"the plan is for a dense MLP in which axis 1 of c\.weight has length 11"):
        plan.apply(model)
    assert all(torch.equal(v, state[k]) for k, v in model.state_dict().items())
    with pytest.raises(ArgumentError, match=r"in this LeNet300 it does not exist\. Nothing was changed"):
        plan.apply(networks.LeNet300())
    cut = plan.apply(MLP())
    with pytest.raises(ArgumentError, match="has shape"):
        plan.apply(cut)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "3",
        '{"ellzero_plan": 1}',
        '{"ellzero_plan": 1, "cuts": {"a": 3}}',
        '{"ellzero_plan": 1, "cuts": {}, "dropped": [], "network": "a", "sizes": {}, "x": 1}',
    ],
)
def test_no_plan(tmp_path, text):
    (tmp_path / "p.json").write_text(text)
    with pytest.raises(DataError, match=r"p\.json is no plan of ellzero"):
        ez.Plan.load(tmp_path / "p.json")


def test_newer_plan(tmp_path):
    planned()[-1].save(tmp_path / "p.json")
    stored = json.loads((tmp_path / "p.json").read_text()) | {"ellzero_plan": 19}
    (tmp_path / "p.json").write_text(json.dumps(stored))
    with pytest.raises(DataError, match="a plan of version 19; this ellzero reads version 1"):
        ez.Plan.load(tmp_path / "p.json")
    with pytest.raises(FileNotFoundError):
        ez.Plan.load(tmp_path / "nowhere.json")


def test_dropped_layers_are_renumbered():
    class Layer(nn.Linear):
        def __init__(self, k):
            super().__init__(3, 3)
            self.layer_idx = k

    model = nn.ModuleDict({"a": nn.ModuleList(Layer(k) for k in range(4)), "b": nn.Sequential(Layer(0), Layer(1))})
    kept = [model["a"][k] for k in (1, 3)]
    drop_layers(model, ("a.2", "b.1", "a.0"))
    assert list(model["a"]) == kept
    assert [layer.layer_idx for layer in model["a"]] == [0, 1]
    assert isinstance(model["b"][1], nn.Identity)


def test_open_gates_cut_nothing():
    _, _, gates, _ = planned()
    set_all(gates, OPEN)
    plan = ez.make_plan(gates)
    assert plan.cuts == {}
    assert plan.sizes == {}
    assert plan.config == {}
    set_all(gates, CLOSED)
    assert {len(at) for axes in ez.make_plan(gates).cuts.values() for _, at in axes.values()} == {1}
