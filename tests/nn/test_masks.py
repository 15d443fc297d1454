"""Masks: what they count, and that what is out stays at zero under any optimiser."""

import copy

import pytest
import torch
from torch import nn

from ellzero.nn import Masks, prune

OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.037, momentum=0.9, weight_decay=0.19),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.037, momentum=0.9, nesterov=True),
    "adam": lambda p: torch.optim.Adam(p, lr=0.037, weight_decay=0.19),
    "amsgrad": lambda p: torch.optim.Adam(p, lr=0.037, amsgrad=True),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.037, weight_decay=0.19),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.037, momentum=0.9),
}


def net(seed=37):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(7, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 3))


def train(model, optimizer, steps, after=lambda: None):
    generator = torch.Generator().manual_seed(19)
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.randn(11, 7, generator=generator)).pow(2).sum().backward()
        optimizer.step()
        after()


def revived(model, masks):
    return sum(int((parameter[~mask] != 0).sum()) for parameter, mask in masks.on(model))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_zeros_stay_under_any_optimiser_whose_moments_are_warm(name):
    model = net()
    optimizer = OPTIMIZERS[name](model.parameters())
    train(model, optimizer, 5)  # momentum and second moments of weights that will be out
    masks = prune(model, 0.37)
    free = copy.deepcopy(model)
    broken = OPTIMIZERS[name](free.parameters())
    broken.load_state_dict(optimizer.state_dict())
    masks.apply(free)
    train(free, broken, 1)
    assert revived(free, masks) > 0  # what a mask that is applied once does not do
    counts = []
    with masks.hold(model, optimizer):
        train(model, optimizer, 9, lambda: counts.append(revived(model, masks)))
    assert counts == [0] * 9
    assert sum(int((p != 0).sum()) for p, _ in masks.on(model)) == masks.kept  # the others have been trained on


def test_without_an_optimiser_forward_passes_and_step_see_zeros():
    model, seen = net(), []
    optimizer = OPTIMIZERS["adam"](model.parameters())
    train(model, optimizer, 5)
    masks = prune(model, 0.37)
    held = masks.hold(model)
    model[0].register_forward_pre_hook(lambda *_: seen.append(revived(model, masks)))
    after = []
    train(model, optimizer, 4, lambda: after.append(revived(model, masks)))
    assert seen == [0] * 4
    assert max(after) > 0  # old moments, until the next forward pass
    held.step()
    assert revived(model, masks) == 0
    train(model, optimizer, 1)
    held.release()
    assert revived(model, masks) == 0
    train(model, optimizer, 1)
    assert revived(model, masks) > 0  # let go


def test_gradients_of_what_is_out_are_zero_and_of_the_rest_are_untouched():
    model, free = net(), net()
    masks = prune(model, 0.37)
    masks.apply(free)
    x = torch.randn(11, 7)
    with masks.hold(model):
        for _ in range(2):  # accumulated, too
            model(x).pow(2).sum().backward()
            free(x).pow(2).sum().backward()
    for (parameter, mask), (other, _) in zip(masks.on(model), masks.on(free), strict=True):
        assert (parameter.grad[~mask] == 0).all()
        torch.testing.assert_close(parameter.grad[mask], other.grad[mask], rtol=0, atol=0)
        assert (other.grad[~mask] != 0).any()


def test_two_forward_passes_before_one_backward():
    model = net().eval()
    with prune(model, 0.37).hold(model):
        first, second = model(torch.ones(2, 7)), model(torch.zeros(2, 7))
        (first * second).sum().backward()
    assert model[0].weight.grad is not None


def test_counts_and_table():
    masks = Masks({"a": torch.tensor([[1, 0], [0, 0]]), "bc": torch.ones(3, dtype=torch.bool)})
    assert (masks.kept, masks.size, masks.share) == (4, 7, 4 / 7)
    assert masks.counts == {"a": (1, 4), "bc": (3, 3)}
    assert masks.table().splitlines() == [
        "parameter  kept  of   share",
        "a             1   4   25.0%",
        "bc            3   3  100.0%",
        "all           4   7   57.1%",
    ]


def test_masks_are_a_frozen_copy():
    source = torch.ones(3, dtype=torch.bool)
    masks = Masks({"a": source})
    source[0] = False
    assert masks.kept == 3
    with pytest.raises(TypeError):
        masks["a"] = source  # type: ignore[index]


def test_agreement_is_the_jaccard_index():
    torch.manual_seed(19)
    a, b = (Masks({"a": torch.rand(37, 3) < 0.3, "b": torch.rand(19) < 0.7}) for _ in range(2))
    sets = [
        {(name, i) for name, m in masks.items() for i in m.reshape(-1).nonzero().ravel().tolist()} for masks in (a, b)
    ]
    assert a.agreement(b) == len(sets[0] & sets[1]) / len(sets[0] | sets[1])
    assert (a & b).kept == len(sets[0] & sets[1])
    assert a.agreement(a) == 1.0
    assert a != b


def test_saved_and_loaded(tmp_path):
    masks = prune(net(), 0.37)
    masks.save(tmp_path / "masks.safetensors")
    assert Masks.load(tmp_path / "masks.safetensors") == masks
    assert [path.name for path in tmp_path.iterdir()] == ["masks.safetensors"]


def test_nonzero_by_pattern():
    model = net()
    model[0].weight.data[0, :3] = 0.0
    assert Masks.nonzero(model).counts == {"0.weight": (32, 35), "3.weight": (15, 15)}
    assert list(Masks.nonzero(model, "*.bias")) == ["0.bias", "1.bias", "3.bias"]


def test_tied_weights_by_either_name():
    model = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    model[1].weight = model[0].weight
    Masks({"1.weight": torch.eye(3)}).apply(model)
    assert int((model[0].weight != 0).sum()) == 3
