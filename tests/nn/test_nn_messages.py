"""Every message of gates on networks, in one list: what must hold, what was got, what to do."""

import copy
import io
import json

import pytest
import torch
from torch import nn

import ellzero.nn as ez
from ellzero import errors
from ellzero.nn import networks
from zoo import CLOSED, MLP, OPEN, MinGPT, draw_gates, set_all

X = torch.zeros(2, 4)


class Branch(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 4)

    def forward(self, x):
        if x.sum() > 0:
            return self.a(x)
        return x


class Stubborn(nn.Module):
    """Writes a width down in its forward, where nobody finds it."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(4, 6)

    def forward(self, x):
        return self.inner(x).view(-1, 6)


class Divided(nn.Module):
    """Divides by a width that it stores."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.width = nn.Linear(4, 6), nn.Linear(6, 2), 6

    def forward(self, x):
        x = torch.relu(self.a(x))
        return self.b(x * 6 / x.shape[1])


def plain():
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2))


def frozen():
    return nn.Sequential(nn.Linear(4, 6), nn.Softmax(-1), nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))


def attached(model=None, selector=None, x=X, **options):
    return ez.attach(plain() if model is None else model, x, selector, **options)


def cut(model, form="class", x=X, selector=None):
    gates = draw_gates(attached(model, selector, x), seed=0)
    set_all(gates, OPEN)
    with torch.no_grad():
        next(gates.parameters())[0] = CLOSED
    return ez.compress(model, gates, form=form)


def twice():
    model = plain()
    attached(model)
    attached(nn.Sequential(model, nn.ReLU()))


def no_layers():
    model = networks.ViT(8, 4, 6, 2, 2, 5)
    gates = attached(model, ez.layers(), torch.zeros(2, 3, 8, 8))
    set_all(gates, CLOSED, "blocks.0")
    ez.compress(model, gates, form="graph")


def planned():
    gates = attached()
    set_all(gates, CLOSED)
    return ez.make_plan(gates)


def not_finite():
    gates = attached()
    goal = ez.Target(gates, flops=0.5)
    for parameter in gates.parameters():
        parameter.grad = torch.full_like(parameter, float("nan"))
    goal.step()


def loaded(tmp_path, **changes):
    planned().save(tmp_path / "p.json")
    (tmp_path / "p.json").write_text(json.dumps(json.loads((tmp_path / "p.json").read_text()) | changes))
    ez.Plan.load(tmp_path / "p.json")


MESSAGES = [
    (lambda: ez.attach(3, X), errors.ArgumentError, "`model` must be a torch.nn.Module, got int."),
    (lambda: attached(nn.ReLU()), errors.ArgumentError, "`model` must have parameters; ReLU has none."),
    (
        lambda: attached(selector="fc*"),
        errors.ArgumentError,
        "`selector` must be made of channels(), neurons(), heads(), hidden(), layers(), weights() and n_of_m(), "
        "got 'fc*'.",
    ),
    (lambda: ez.neurons(3), errors.ArgumentError, "neurons() takes glob patterns such as 'layer1.*', got 3."),
    (lambda: ez.weights(""), errors.ArgumentError, "weights() takes glob patterns such as 'layer1.*', got ''."),
    (
        lambda: attached(selector=ez.n_of_m(2, 4, "2")),
        errors.ArgumentError,
        "2 of 4 needs rows whose length 4 divides; those of 2.weight have 6. "
        "Hint: n_of_m(2, 4) - weights('2.weight') leaves it out.",
    ),
    (
        lambda: attached(selector=ez.n_of_m(1, 2)),
        errors.ArgumentError,
        "n_of_m(1, 2) needs gates that keep an exact number; HardConcrete gates do not. Hint: gate=TopK(score=magnitude).",  # noqa: E501
    ),
    (lambda: attached(selector=ez.neurons("c")), errors.ArgumentError, "neurons('c') matches nothing. There is: 0."),
    (
        lambda: attached(selector=ez.channels()),
        errors.ArgumentError,
        "channels() matches nothing: the network has no channels that may be cut. Kept because: 0.weight[1]: a fixed tensor "  # noqa: E501
        "is read, or an axis shared by several in 0, 2.weight[0]: model output, 2.bias[0]: model output.",
    ),
    (
        lambda: attached(selector=ez.neurons() - ez.neurons()),
        errors.ArgumentError,
        "neurons() - neurons() picks nothing: what the one side picks, the other takes away again.",
    ),
    (
        lambda: attached(nn.Sequential(nn.Linear(4, 6), nn.Softmax(-1))),
        errors.ArgumentError,
        "Sequential has no channels, neurons or heads that may be cut:\n"
        "frozen 0.weight[0], 0.bias[0]: model output; softmax over it in 1\n"
        "frozen 0.weight[1]: a fixed tensor is read, or an axis shared by several in 0",
    ),
    (
        twice,
        errors.ArgumentError,
        "this Sequential has gates already, on its module '0', and a second set would gate what the first one does. "
        "Hint: join selectors with +, or call detach() on the gates that are there.",
    ),
    (
        lambda: torch.save(attached(), io.BytesIO()),
        errors.UnsupportedError,
        "a Sequential cannot be pickled while gates are attached. Hint: save model.state_dict() and gates.state_dict(), "  # noqa: E501
        "whose keys are those of the plain network, or call detach() first.",
    ),
    (
        lambda: attached(Branch()),
        errors.UnsupportedError,
        "Branch cannot be exported by torch.export, so nothing is known of its couplings: GuardOnDataDependentSymNode: Could "  # noqa: E501
        "not guard on data-dependent expression Eq(u0, 1) (unhinted: Eq(u0, 1)).  (Size-like symbols: none) "
        f"At {__file__}, line {Branch.forward.__code__.co_firstlineno + 1}, in forward. "
        "Hint: a forward may not branch on data; torch.export.export(model, inputs, strict=False) shows the place in full.",  # noqa: E501
    ),
    (
        lambda: ez.compress(plain(), attached()),
        errors.ArgumentError,
        "these gates are attached to another network than this Sequential. Hint: gates.model is theirs.",
    ),
    (no_layers, errors.UnsupportedError, 'form="graph" cannot drop whole layers. Hint: form="class" can.'),
    (
        lambda: cut(nn.Sequential(Stubborn(), nn.Linear(6, 2))),
        errors.UnsupportedError,
        "the smaller Sequential does not run: module '0' ties sizes together, so that no smaller instance of the class "
        "exists (RuntimeError: shape '[-1, 6]' is invalid for input of size 10). "
        'Hint: compress(..., form="graph") cuts the exported program instead.',
    ),
    (
        lambda: cut(MinGPT().eval(), x=torch.zeros(2, 7, dtype=torch.long), selector=ez.heads()),
        errors.UnsupportedError,
        "the smaller MinGPT does not run: its own forward ties sizes together, so that no smaller instance of the class "  # noqa: E501
        "exists (ValueError: not enough values to unpack (expected 3, got 2)). "
        'Hint: compress(..., form="graph") cuts the exported program instead.',
    ),
    (
        lambda: cut(Divided()),
        errors.UnsupportedError,
        "the smaller Divided differs from the gated one by 2.2e-02 of the largest output, so it is not handed over: some "  # noqa: E501
        "module stores a size that depends on the cut. "
        'Hint: compress(..., form="graph") cuts the exported program instead.',
    ),
    (
        lambda: planned().apply(nn.Sequential(nn.Linear(4, 7), nn.ReLU(), nn.Linear(7, 2))),
        errors.ArgumentError,
        "the plan is for a dense Sequential in which axis 0 of 0.weight has length 6; in this Sequential it has shape (7, 4). "  # noqa: E501
        "Nothing was changed.",
    ),
    (
        lambda: planned().apply(MLP()),
        errors.ArgumentError,
        "the plan is for a dense Sequential in which axis 0 of 0.weight has length 6; in this MLP it does not exist. "
        "Nothing was changed.",
    ),
    (
        lambda: ez.Target(attached()),
        errors.ArgumentError,
        "Give exactly one of `flops`, `params`, `kept`, `latency`, got none.",
    ),
    (
        lambda: ez.Target(attached(), flops=0.5, kept={}),
        errors.ArgumentError,
        "Give exactly one of `flops`, `params`, `kept`, `latency`, got `flops` and `kept`.",
    ),
    (
        lambda: ez.Target(attached(), kept={"head": 0.5}),
        errors.ArgumentError,
        "`kept` names 'head', which is no kind and matches no name of these gates. Kinds: neuron. Names: 0.",
    ),
    (
        lambda: ez.Target(attached(frozen()), params=0.1),
        errors.ArgumentError,
        "`params` must be at least 0.394 here, got 0.1: so much is left with every gate closed. What cannot be cut: "
        "0.weight[0]: softmax over it in 1, 0.bias[0]: softmax over it in 1, 2.weight[1]: softmax over it in 1, "
        "0.weight[1]: a fixed tensor is read, or an axis shared by several in 0, 4.weight[0]: model output and 1 more. "
        "Hint: gates.explain() lists what is frozen; more selectors in attach() reach further.",
    ),
    (
        not_finite,
        errors.DataError,
        "a gradient of the gates is not finite. With a gradient scaler for half precision, call step(scaler=scaler); "
        "without one, look at the loss. Nothing was changed.",
    ),
]


@pytest.mark.parametrize(("call", "kind", "text"), MESSAGES, ids=range(len(MESSAGES)))
def test_message(call, kind, text):
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == text


def test_messages_of_plans(tmp_path):
    path = tmp_path / "p.json"
    for changes, text in (
        ({"ellzero_plan": 19}, f"{path} is a plan of version 19; this ellzero reads version 1. Update ellzero."),
        ({"cuts": 3}, f"{path} is no plan of ellzero."),
    ):
        with pytest.raises(errors.DataError) as caught:
            loaded(tmp_path, **changes)
        assert str(caught.value) == text


def test_failed_attachments_leave_nothing():
    model = plain()
    hooks = copy.copy(model[2]._forward_pre_hooks)
    for selector in (ez.channels(), ez.n_of_m(1, 2)):
        with pytest.raises(errors.ArgumentError):
            attached(model, selector)
    assert model[2]._forward_pre_hooks == hooks
    assert not model._forward_pre_hooks
