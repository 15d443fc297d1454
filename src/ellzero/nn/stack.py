"""The stack of decoder blocks of a language model: found, fed, and run one block after the other."""

from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .. import _checks as checks


def find_stack(model: nn.Module) -> tuple[str, nn.ModuleList]:
    """Name and list of the decoder blocks: the longest `ModuleList` of one class that is in no other `ModuleList`."""
    found: dict[str, nn.ModuleList] = {}
    lists = [(name, module) for name, module in model.named_modules() if isinstance(module, nn.ModuleList)]
    for name, module in lists:
        inner = any(name.startswith(f"{other}.") for other, _ in lists)  # experts of a block, not blocks
        if len(module) and not inner and len({type(member) for member in module}) == 1:
            found[name] = module
    if not found:
        raise checks.no_blocks(type(model).__name__)
    return max(found.items(), key=lambda item: len(item[1]))


@dataclass
class Call:
    """How the model called one block on one batch, without the hidden states: the first argument or a keyword of it."""

    args: tuple
    kwargs: dict[str, Any]

    def run(self, block: nn.Module, hidden: Tensor, device: torch.device) -> Tensor:
        args, kwargs = moved(self.args, device), moved(self.kwargs, device)
        return states(block(hidden.to(device), *args, **kwargs))


@dataclass
class Feed:
    """One batch on its way through the stack."""

    hidden: Tensor
    calls: list[Call]
    mask: Tensor | None  # (sequences, tokens): False where a token is padding


def states(output) -> Tensor:
    """Hidden states among what a block returns."""
    return output[0] if isinstance(output, tuple | list) else output


def moved(value, device: torch.device) -> Any:
    """The same nest of tuples, lists and dictionaries with its tensors on another device."""
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {key: moved(item, device) for key, item in value.items()}
    if type(value) in (tuple, list):
        return type(value)(moved(item, device) for item in value)
    return value


class _Reached(Exception):
    """The last block has been called; what comes after the stack need not run."""


class _Recorder:
    """Stands in for the blocks during one forward: notes the calls and hands the hidden states on as they are."""

    def __init__(self, blocks: nn.ModuleList):
        self.blocks, self.calls, self.hidden = blocks, [], None
        self.original = blocks[0].forward
        self.wrapped: bool | None = None  # whether blocks return a tuple: learned from a true run of the first

    def stand_in(self, number: int):
        def forward(*args, **kwargs):
            hidden = args[0] if args else kwargs.pop("hidden_states", None)
            if number != len(self.calls) or not isinstance(hidden, Tensor):
                raise _OutOfOrder
            if number == 0:
                self.hidden = hidden
            self.calls.append(Call(args[1:], kwargs))
            if number == len(self.blocks) - 1:
                raise _Reached
            if self.wrapped is None:
                self.wrapped = isinstance(self.original(hidden, *args[1:], **kwargs), tuple)
            return (hidden,) if self.wrapped else hidden

        return forward

    @contextmanager
    def in_place(self):
        """The blocks' `forward` replaced on the instances, and given back whatever happens."""
        for number, block in enumerate(self.blocks):
            block.forward = self.stand_in(number)
        try:
            yield self
        finally:
            for block in self.blocks:
                del block.forward


class _OutOfOrder(Exception):
    """The model does not call its blocks one after the other."""


def _tokens(number: int, batch) -> dict[str, Any]:
    """The keywords of the model's call."""
    inputs = dict(batch) if isinstance(batch, Mapping) else {"input_ids": batch}
    ids = inputs.get("input_ids")
    if not isinstance(ids, Tensor):
        raise checks.no_tokens(number, type(ids).__name__)
    if ids.is_floating_point() or ids.dtype is torch.bool or ids.ndim != 2 or not ids.numel():
        raise checks.no_tokens(number, f"{ids.dtype} of shape {tuple(ids.shape)}")
    return inputs


def feeds(model: nn.Module, name: str, blocks: nn.ModuleList, batches: Iterable) -> list[Feed]:
    """What reaches the first block, and how every block is called, for each batch; no block but the first is run."""
    device, recorder, found = next(model.parameters()).device, _Recorder(blocks), []
    for number, batch in enumerate(batches):
        inputs = moved(_tokens(number, batch), device)
        recorder.calls, recorder.hidden = [], None
        reached = False
        with recorder.in_place():
            try:
                model(**{"use_cache": False} | inputs)
            except _Reached:
                reached = True
            except _OutOfOrder:
                pass
        if not reached or recorder.hidden is None:
            raise checks.blocks_not_called(type(model).__name__, name)
        mask = inputs.get("attention_mask")
        counted = mask.bool() if isinstance(mask, Tensor) and mask.ndim == 2 else None
        found.append(Feed(recorder.hidden, recorder.calls, counted))
    if not found:
        raise checks.no_calibration()
    return found
