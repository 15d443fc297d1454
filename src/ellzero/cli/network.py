"""The network, its data and the units that may be cut, from what was typed."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .. import nn as ez
from . import messages
from .places import called

WORDS: dict[str, Callable[..., ez.Selector]] = {
    "channels": ez.channels,
    "neurons": ez.neurons,
    "heads": ez.heads,
    "hidden": ez.hidden,
    "layers": ez.layers,
    "weights": ez.weights,
}
ARRAYS = {".npz", ".safetensors"}


def make_network(place: str) -> tuple[nn.Module, Any]:
    """The network, and the example of its inputs if the factory gives one."""
    made = called(place, "FACTORY")
    network, example = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
    if not isinstance(network, nn.Module):
        raise messages.no_network(place, type(network).__name__)
    return network, example


# -- data --------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Data:
    """Batches to train on and to judge on; `judged_on` says on which the latter are."""

    train: Iterable
    test: Iterable
    judged_on: str


class Batches:
    """Batches of arrays, in a new order every time, the same orders for the same seed."""

    def __init__(self, inputs: Tensor, target: Tensor, size: int, random_state: int | None):
        self.inputs, self.target, self.size = inputs, target, size
        self._generator = None if random_state is None else torch.Generator().manual_seed(random_state)

    def __len__(self) -> int:
        return -(-len(self.inputs) // self.size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        if self._generator is None:
            order = torch.arange(len(self.inputs))
        else:
            order = torch.randperm(len(self.inputs), generator=self._generator)
        for rows in order.split(self.size):
            yield self.inputs[rows], self.target[rows]


def read_data(source: str, batch_size: int, held_out: float, random_state: int) -> Data:
    """Data from a file of arrays, or from code."""
    path = Path(source)
    if path.suffix.lower() in ARRAYS:
        return _from_arrays(_arrays(path), path, batch_size, held_out, random_state)
    if ":" not in source:
        raise messages.unknown_data(source)
    made = called(source, "--data")
    if isinstance(made, tuple) and len(made) == 2 and not any(isinstance(part, Tensor) for part in made):
        return Data(made[0], made[1], "the second of the loaders")
    return Data(made, made, "the data trained on, as none are held out")


def _arrays(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise messages.no_file(str(path))
    try:
        if path.suffix.lower() == ".npz":
            with np.load(path, allow_pickle=False) as file:
                return {name: torch.from_numpy(file[name]) for name in file.files}
        from safetensors.torch import load_file

        return load_file(path)
    except Exception as error:  # of any kind: what is wrong with a file is told by its reader
        raise messages.bad_arrays(str(path), error) from error


def _from_arrays(found: dict[str, Tensor], path: Path, batch_size: int, held_out: float, random_state: int) -> Data:
    for name in ("X", "y"):
        if name not in found:
            raise messages.no_array(name, str(path), list(found))
    train = _checked(found["X"], found["y"], "X", "y", path)
    if "X_test" in found and "y_test" in found:
        test, judged_on = _checked(found["X_test"], found["y_test"], "X_test", "y_test", path), "X_test and y_test"
    else:
        n = len(train[0])
        count = round(held_out * n)
        if not 0 < count < n:
            raise messages.nothing_held_out(held_out, n)
        order = torch.randperm(n, generator=torch.Generator().manual_seed(random_state))
        X, y = train
        test, train = (X[order[:count]], y[order[:count]]), (X[order[count:]], y[order[count:]])
        judged_on = f"{count} samples that were held out"
    return Data(Batches(*train, batch_size, random_state), Batches(*test, max(batch_size, 512), None), judged_on)


def _checked(inputs: Tensor, target: Tensor, one: str, other: str, path: Path) -> tuple[Tensor, Tensor]:
    if len(inputs) != len(target):
        raise messages.other_length(one, len(inputs), other, len(target), str(path))
    for name, array in ((one, inputs), (other, target)):
        if array.is_floating_point() and not bool(array.isfinite().all()):
            raise messages.not_finite(name, str(path))
    inputs = inputs.float() if inputs.dtype in (torch.float64, torch.float16) else inputs
    whole = not target.is_floating_point() and target.dtype != torch.bool
    return inputs, target.long() if whole or target.dtype == torch.bool else target.float()


# -- units -------------------------------------------------------------------------------------------------------------
def selector(text: str | None) -> ez.Selector | None:
    """Selectors from ``channels:layer1.*,-channels:*.conv2``."""
    if text is None:
        return None
    found: ez.Selector | None = None
    for item in filter(None, map(str.strip, text.split(","))):
        word = item.removeprefix("-")
        one = _one_selector(word, text)
        if item.startswith("-"):
            if found is None:
                raise messages.nothing_before_minus(item)
            found = found - one
        else:
            found = one if found is None else found + one
    if found is None:
        raise messages.no_selector(text, list(WORDS))
    return found


def _one_selector(item: str, text: str) -> ez.Selector:
    pattern = re.fullmatch(r"(\d+):(\d+)(?::(.+))?", item)
    if pattern:
        return ez.n_of_m(int(pattern[1]), int(pattern[2]), *filter(None, [pattern[3]]))
    word, _, glob = item.partition(":")
    if word not in WORDS:
        raise messages.no_selector(word, list(WORDS))
    return WORDS[word](*filter(None, [glob]))
