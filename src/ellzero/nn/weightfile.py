"""Tensors of a network in a safetensors file: no pickles, shared tensors once."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from .. import _checks as checks


def distinct_tensors(model: nn.Module) -> dict[str, Tensor]:
    """The state dict without second names of the same tensor, each tensor in one piece of its own."""
    seen: dict[tuple, str] = {}
    tensors: dict[str, Tensor] = {}
    for name, tensor in model.state_dict().items():
        place = (tensor.data_ptr(), tuple(tensor.shape), tensor.stride(), tensor.dtype)
        if tensor.numel() and seen.setdefault(place, name) != name:
            continue
        own = tensor.untyped_storage().nbytes() == tensor.numel() * tensor.element_size()
        tensors[name] = tensor.contiguous() if own else tensor.contiguous().clone()
    return tensors


def write_tensors(model: nn.Module, path: Path, notes: Mapping[str, str] | None = None) -> None:
    """Write parameters and buffers to a file, with notes in its header."""
    save_file(distinct_tensors(model), path, {"format": "pt"} | dict(notes or {}))


@torch.no_grad()
def read_tensors(model: nn.Module, path: Path) -> None:
    """Fill a network of the right sizes from a file; dtypes become those of the file.

    Raises
    ------
    DataError
        If the file is none, or tensors are missing, too many, or of another shape; nothing is changed then.
    """
    try:
        with safe_open(path, "pt") as file:
            stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
    except (SafetensorError, OSError) as error:
        raise checks.no_weights(path, str(error)) from error
    own = model.state_dict(keep_vars=True)
    reached = {id(own[name]) for name in stored if name in own}
    for name in stored:
        if name not in own:
            raise checks.other_weights(path, name, tuple(stored[name].shape), None)
        if own[name].shape != stored[name].shape:
            raise checks.other_weights(path, name, tuple(stored[name].shape), tuple(own[name].shape))
    for name, tensor in own.items():
        if id(tensor) not in reached:
            raise checks.other_weights(path, name, None, tuple(tensor.shape))
    for name, tensor in stored.items():
        own[name].data = tensor.to(own[name].device)


def notes_of(path: Path) -> dict[str, str]:
    """Notes in the header of a file."""
    try:
        with safe_open(path, "pt") as file:
            return file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise checks.no_weights(path, str(error)) from error
