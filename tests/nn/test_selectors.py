"""Selectors by kind and name, joined and reduced."""

import pytest
import torch
from torch import nn

import ellzero.nn as ez
from ellzero.errors import ArgumentError
from ellzero.nn import networks
from ellzero.nn.graph import trace
from zoo import ZOO


@pytest.fixture(scope="module")
def vit():
    model = networks.ViT(8, 4, 12, 2, 3, 19)
    return model, trace(model, torch.zeros(2, 3, 8, 8))


def names(selector, network):
    found = selector.pick(*network)
    return {*found.groups, *found.layers, *found.weights}


def test_kinds(vit):
    assert names(ez.neurons(), vit) == {"blocks.0.fc1", "blocks.1.fc1"}
    assert names(ez.heads(), vit) == {"blocks.0.qkv", "blocks.1.qkv"}
    assert names(ez.hidden(), vit) == {"token"}
    assert names(ez.layers(), vit) == {"blocks.0", "blocks.1"}
    assert names(ez.weights(), vit) == {
        "patches.weight",
        "head.weight",
        "token",
        "position",
        *(f"blocks.{k}.{n}.weight" for k in (0, 1) for n in ("qkv", "proj", "fc1", "fc2")),
    }


def test_globs_over_writers_and_readers(vit):
    assert names(ez.neurons("blocks.1.*"), vit) == {"blocks.1.fc1"}
    assert names(ez.neurons("*.fc2"), vit) == {"blocks.0.fc1", "blocks.1.fc1"}
    assert names(ez.heads("*.0.proj", "*.1.*"), vit) == {"blocks.0.qkv", "blocks.1.qkv"}
    assert names(ez.layers("*.1"), vit) == {"blocks.1"}
    assert names(ez.weights("*.fc?"), vit) == {f"blocks.{k}.fc{n}.weight" for k in (0, 1) for n in (1, 2)}
    assert names(ez.weights("head.weight"), vit) == {"head.weight"}


def test_sums_and_differences(vit):
    both = ez.neurons() + ez.heads()
    assert names(both, vit) == {f"blocks.{k}.{n}" for k in (0, 1) for n in ("fc1", "qkv")}
    assert names(both - ez.heads("blocks.0.*"), vit) == {"blocks.0.fc1", "blocks.1.fc1", "blocks.1.qkv"}
    assert names(both + ez.layers() - ez.layers("*.0") - ez.neurons(), vit) == {
        "blocks.0.qkv",
        "blocks.1.qkv",
        "blocks.1",
    }
    assert names(ez.weights() - ez.weights("*.fc?", "*.qkv", "*.proj", "head", "patches"), vit) == {"token", "position"}
    assert names(ez.weights() + ez.neurons() - ez.weights(), vit) == names(ez.neurons(), vit)
    assert str(both - ez.heads("blocks.0.*")) == "neurons() + heads() - heads('blocks.0.*')"
    assert str(ez.n_of_m(2, 4, "*.fc1")) == "n_of_m(2, 4, '*.fc1')"


def test_pattern_of_weights(vit):
    found = (ez.weights("*.fc2") + ez.n_of_m(2, 4, "*.fc1")).pick(*vit)
    assert set(found.weights.values()) == {None, (2, 4)}
    assert found.weights["blocks.0.fc1.weight"] == (2, 4)


def test_embeddings_are_picked_by_name_only():
    case = ZOO["bert"]
    network = case.model(), trace(case.model(), case.example())
    assert not any("embeddings.word" in name for name in names(ez.weights(), network))
    assert names(ez.weights("*word_embeddings*"), network) == {"bert.embeddings.word_embeddings.weight"}


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        (ez.channels(), r"channels\(\) matches nothing: the network has no channels that may be cut"),
        (
            ez.neurons("nowhere.*"),
            r"neurons\('nowhere\.\*'\) matches nothing\. There is: blocks\.0\.fc1, blocks\.1\.fc1",
        ),
        (ez.layers("head"), r"layers\('head'\) matches nothing\. There is: blocks\.0, blocks\.1"),
        (ez.weights("*.bias"), r"weights\('\*\.bias'\) matches nothing\. There is: "),
        (ez.heads() + ez.channels(), r"channels\(\) matches nothing"),
        (ez.heads() - ez.heads(), r"heads\(\) - heads\(\) picks nothing"),
        (ez.heads() - ez.neurons("nowhere"), "matches nothing"),
        (
            ez.n_of_m(2, 4, "*.fc2"),
            r"2 of 4 needs rows whose length 4 divides; those of blocks\.0\.fc2\.weight have 19",
        ),
    ],
)
def test_nothing_matches(vit, selector, message):
    with pytest.raises(ArgumentError, match=message):
        selector.pick(*vit)


def test_nothing_to_cut_says_why():
    model = nn.Sequential(nn.Linear(4, 6), nn.Softmax(-1), nn.Linear(6, 2))
    with pytest.raises(ArgumentError, match=r"neurons\(\) matches nothing.*softmax over it"):
        ez.attach(model, torch.zeros(2, 4), ez.neurons())
    with pytest.raises(ArgumentError, match=r"(?s)Sequential has no channels, neurons or heads.*softmax over it"):
        ez.attach(model, torch.zeros(2, 4))


def test_default_is_channels_neurons_and_heads():
    for name, kinds in (("lenet5", {"channel", "neuron"}), ("vit", {"neuron", "head"}), ("vgg", {"channel"})):
        case = ZOO[name]
        assert {s.kind for s in ez.attach(case.model(), case.example()).sites.values()} == kinds
