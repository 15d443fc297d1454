"""Messages of masks, pruning, proximal steps, splitting and tickets: what must hold, what was got, what to do."""

import numpy as np
import pytest
import torch
from torch import nn

from ellzero import errors
from ellzero.nn import (
    ADMM,
    Gradual,
    Grasp,
    Masks,
    PenaltyDecomposition,
    Proximal,
    Slices,
    Snip,
    SubgradientL1,
    SynFlow,
    Ticket,
    Wanda,
    lottery,
    prune,
)
from ellzero.penalties import L1, GroupL2


def net():
    return nn.Sequential(nn.Linear(6, 3), nn.Tanh(), nn.Linear(3, 2, bias=False))


def sgd(model):
    return torch.optim.SGD(model.parameters(), lr=0.1)


NET = net()
EYE = Masks({"w": torch.eye(2)})
NAMES = "0.weight, 0.bias, 2.weight"


def fitted(penalties, **options):
    model = net()
    return Proximal(model, sgd(model), penalties, **options)


def no_step_yet():
    model = net()
    Proximal(model, torch.optim.Adam(model.parameters()), {"0.weight": L1(0.37)}).step()


def not_held():
    model = net()
    Proximal(model, torch.optim.SGD(model[0].parameters(), lr=0.1), {"*": L1(0.37)})


def nan_weight():
    model = net()
    model[0].weight.data[0, :2] = torch.nan
    prune(model, 0.37)


def unread():
    model = net()
    model.extra = nn.Bilinear(2, 2, 2)  # Sequential calls it last
    Wanda([torch.zeros(1, 6)], lambda m, x: m[2](m[1](m[0](x))))(model, ["0.weight", "extra.weight"])


class Opening(Ticket):
    def __call__(self, run, kept):
        return Masks({name: torch.ones_like(mask) for name, mask in run.masks.items()})


def spoiled(folder, **question):
    model = net()
    lottery(model, lambda run: 0.37, 1, folder=folder)
    if question:
        lottery(model, lambda run: 0.37, 1, folder=folder, **question)
    (folder / "round-000.safetensors").write_bytes(b"1.9")
    lottery(model, lambda run: 0.37, 1, folder=folder)


MESSAGES = [
    (lambda: Masks([1]), "masks must be a mapping from names of parameters to tensors of 0 and 1, got [1]."),
    (lambda: Masks({"w": torch.tensor([0.37])}), "the mask of w must hold 0 and 1 only."),
    (lambda: EYE.apply(NET), f"no parameter of the model is called w; it has {NAMES}."),
    (lambda: Masks({"0.bias": torch.ones(4)}).hold(NET), "the mask of 0.bias has the shape (4,), the parameter (3,)."),
    (lambda: EYE & Masks({"v": torch.eye(2)}), "only masks of the same parameters can be compared, got w and v."),
    (lambda: EYE.agreement(Masks({"w": torch.eye(3)})), "the mask of w has the shape (3, 3), the parameter (2, 2)."),
    (lambda: Masks.load("nowhere.safetensors"),
     "nowhere.safetensors holds no masks (FileNotFoundError). Hint: `Masks.save` writes them."),
    (lambda: prune(NET, 1.9),
     '`kept` must be a share in (0, 1], a count >= 0, a pattern such as "2:4", or a mapping of patterns of names to '
     "these, got 1.9."),
    (lambda: prune(NET, "5:4"),
     '`kept` must be a share in (0, 1], a count >= 0, a pattern such as "2:4", or a mapping of patterns of names to '
     "these, got '5:4'."),
    (lambda: prune(NET, {}), "`kept` must be a mapping of patterns of names, got {}."),
    (lambda: prune(NET, 37), "`kept` asks for 37 weights of the model, which has 24 to choose from."),
    (lambda: prune(NET, {"0.weight": 19}), "`kept` asks for 19 weights of 0.weight, which has 18 to choose from."),
    (lambda: prune(NET, 7, within=prune(NET, 3)),
     "`kept` asks for 7 weights of 0.weight, 2.weight, which has 3 to choose from."),
    (lambda: prune(NET, 7, scope="layer"),
     "a count belongs to scope='global' or to one name, kept={'name': count}; with scope='layer' give a share."),
    (lambda: prune(NET, "2:4"),
     "0.weight has rows of 6 weights, which is no multiple of 4. Hint: name it in `spare`."),
    (lambda: prune(NET, {"0.bias": 0.37}, scope="row"),
     "0.bias has a single axis and no rows, which scope='row' needs. Hint: name it in `spare`."),
    (lambda: prune(NET, 0.37, scope="layers"),
     "`scope` must be one of global, layer, row, got 'layers'. Did you mean \"layer\"?"),
    (lambda: prune(NET, 0.37, spare="head.*"),
     f"`spare`: 'head.*' matches no parameter of the model; it has {NAMES}."),
    (lambda: prune(NET, 0.37, spare=19), "`spare` must hold patterns of names such as 'head.*', got 19."),
    (lambda: prune(NET, 0.37, spare="*.weight"),
     "the model has no parameter of two or more axes beside '*.weight', so there is nothing to prune. "
     "Hint: kept={'name': share} names parameters of any shape."),
    (lambda: prune(NET, 0.37, within=EYE),
     "`within` has no mask of 0.weight, 2.weight. Hint: name what it leaves out in `spare`."),
    (lambda: prune(NET, 0.37, score="snip"),
     "`score` must be one of magnitude, random, or a callable (model, names), got 'snip'."),
    (lambda: prune(NET, 0.37, score=lambda model, names: {}),
     "the score says nothing of 0.weight, 2.weight. Hint: it must return a tensor for every name."),
    (lambda: prune(NET, 0.37, score=lambda model, names: dict.fromkeys(names, torch.ones(2))),
     "the score of 0.weight has the shape (2,), the parameter (3, 6)."),
    (nan_weight, "the score of 0.weight has 2 values that are NaN or infinite; nothing was pruned. "
     "Hint: look at the weights, the batches and the loss."),
    (lambda: Snip([], lambda model, x: model(x).sum())(NET, ["0.weight"]),
     "Snip got no batches. Hint: a list of batches, or a DataLoader; not an exhausted iterator."),
    (lambda: Grasp(iter([torch.ones(2, 6)]), lambda model, x: model(x).pow(2).sum())(NET, ["0.weight"]),
     "Grasp got no batches. Hint: a list of batches, or a DataLoader; not an exhausted iterator."),
    (lambda: Wanda([])(NET, ["0.weight"]),
     "Wanda got no batches. Hint: a list of batches, or a DataLoader; not an exhausted iterator."),
    (lambda: Snip([torch.ones(2, 6)], lambda model, x: model[0](x).sum())(NET, ["0.weight", "2.weight"]),
     "the loss does not depend on 2.weight, so Snip has no score for it. Hint: name it in `spare`."),
    (lambda: SynFlow(torch.ones(1, 6))(NET, ["v"]), f"no parameter of the model is called v; it has {NAMES}."),
    (unread, "Wanda saw no input of extra.weight: it knows the weights of Linear and Conv2d layers that run in the "
     "forward pass. Hint: name the others in `spare`."),
    (lambda: Wanda([torch.ones(1, 1, 3, 3)])(nn.Conv2d(1, 1, 3, padding="same"), ["weight"]),
     "Wanda knows convolutions padded with zeros by a number; weight is another one."),
    (lambda: Gradual(NET, 0.37, 5, 5, 1),
     "`begin`, `end` and `every` must be integers with 0 <= begin < end and every >= 1, got 5, 5 and 1."),
    (lambda: Gradual(NET, 7, 0, 5, 1), "`kept` must be a share in (0, 1] here, got 7."),
    (lambda: fitted(L1(0.37)),
     "`penalties` must map patterns of names to penalties such as {'*.weight': L1(1e-4)}, got L1(l1=0.37)."),
    (lambda: fitted({"*": L1(np.ones(3))}),
     "the penalty of 0.weight must have single numbers as strengths and limits. "
     "Hint: several patterns give layers different ones."),
    (lambda: fitted({"2.*": GroupL2(0.37, [0, 0, 1, 1, 2, 2])}),
     "the prox of GroupL2 for 2.weight has no form for tensors. Hint: L0, L1, L2, ElasticNet, Box, their sums, and "
     "Slices for groups."),
    (lambda: fitted({"*": Slices(0.37, dim=1)}), "`dim` = 1 of the slices of 0.bias does not exist: it has 1 axis."),
    (lambda: fitted({"0.weight": Slices(0.37, groups="ab")}),
     "`groups` must hold one group for each of 3 slices of 0.weight, got 2."),
    (not_held, "the optimizer does not hold 2.weight, so its steps are unknown. Hint: another pattern."),
    (lambda: Proximal(NET, torch.optim.RMSprop(NET.parameters()), {"*": L1(0.37)}),
     "the metric of RMSprop is not known; it is of SGD, Adam, AdamW. Hint: metric='euclidean' takes the learning rate "
     "alone as the step, whose limit solves another problem under a preconditioner."),
    (no_step_yet, "the optimizer has no state of 0.weight yet. Hint: call step() after optimizer.step()."),
    (lambda: SubgradientL1(NET, {"*": -0.37}), "`strengths` must be a finite number >= 0, got -0.37."),
    (lambda: ADMM(NET, 0.37, rho=0), "`rho` must be a finite number > 0, got 0."),
    (lambda: ADMM(NET, 0.37, growth=0.5), "`growth` must be a finite number > 1, got 0.5."),
    (lambda: PenaltyDecomposition(NET, 0.37, growth=1), "`growth` must be a finite number > 1, got 1."),
    (lambda: lottery(NET, lambda run: None, 1),
     "`train` must return the metric of the trained network, one number, got None."),
    (lambda: lottery(NET, lambda run: 0.37, 1, controls=["reinit"]),
     "the control 'reinit' needs a network with other weights. Hint: fresh=lambda: Net(), or controls=('random',)."),
    (lambda: lottery(NET, lambda run: 0.37, 1, controls=["reinit"], fresh=lambda: nn.Linear(6, 3)),
     "`fresh` must build the same network again; 0.weight differs in name or shape."),
    (lambda: lottery(NET, lambda run: 0.37, 1, controls=["reinit"], fresh=lambda: NET),
     "`fresh` built a network with the very weights of `model`, which is no control. Hint: do not seed in it; torch's "
     "generators are seeded before it is called."),
    (lambda: lottery(NET, lambda run: 0.37, 1, kept_per_round=1.0),
     "`kept_per_round` must be a share in (0, 1), got 1.0."),
    (lambda: lottery(NET, lambda run: 0.37, 2, score=Opening(), controls=()), None),
]  # fmt: skip


@pytest.mark.parametrize(("call", "text"), MESSAGES, ids=[str(text)[:48] for _, text in MESSAGES])
def test_message(call, text):
    if text is None:  # masks that open nothing that is out are taken
        call()
        return
    with pytest.raises(errors.EllzeroError) as caught:
        call()
    assert str(caught.value) == text


def test_masks_that_open_again_or_are_none():
    class Once(Ticket):
        def __call__(self, run, kept):
            masks = prune(run.model, 0.37) if run.round == 0 else prune(run.model, 1.0)
            return masks if run.round < 2 else None  # type: ignore[return-value]

    with pytest.raises(errors.ArgumentError) as caught:
        lottery(net(), lambda run: 0.37, 2, score=Once(), controls=())
    assert str(caught.value) == (
        "the next masks open weights of 0.weight again that are out. Hint: `run.masks & masks`."
    )

    class Nothing(Ticket):
        def __call__(self, run, kept):
            return None  # type: ignore[return-value]

    with pytest.raises(errors.ArgumentError, match=r"^`score` must return Masks of the pruned parameters, got None\.$"):
        lottery(net(), lambda run: 0.37, 1, score=Nothing())


def test_folders(tmp_path):
    with pytest.raises(errors.ArgumentError) as caught:
        spoiled(tmp_path / "one", random_state=19)
    assert str(caught.value) == (
        f"`folder`: {tmp_path / 'one' / 'start.safetensors'} belongs to another lottery, these differ: random_state. "
        "It was left as it is. Hint: the same arguments go on with it, another folder begins anew."
    )
    with pytest.raises(errors.ArgumentError) as caught:
        spoiled(tmp_path / "two")
    assert str(caught.value) == (
        f"`folder`: {tmp_path / 'two' / 'round-000.safetensors'} is damaged, or no file of a lottery "
        "(SafetensorError); it was left as it is. Hint: remove it to repeat what it held."
    )
    (tmp_path / "file").write_text("1.9")
    with pytest.raises(errors.OutputError, match=r"^cannot make the folder .*file \(FileExistsError\); nothing was tr"):
        lottery(net(), lambda run: 0.37, 1, folder=tmp_path / "file")
    with pytest.raises(errors.OutputError, match=r"nowhere/masks\.safetensors: its folder does not exist\. Hint: make"):
        EYE.save(tmp_path / "nowhere" / "masks.safetensors")
    (tmp_path / "masks.safetensors").write_bytes(b"1.9")
    with pytest.raises(errors.ArgumentError, match=r"holds no masks \(SafetensorError\)"):
        Masks.load(tmp_path / "masks.safetensors")
    with pytest.raises(errors.ArgumentError, match=r"holds no masks \(format 'ellzero lottery 1'\)"):
        Masks.load(tmp_path / "two" / "start.safetensors")
