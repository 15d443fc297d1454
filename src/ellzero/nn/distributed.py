"""Gates on several ranks.

Structured gates are thousands of numbers: every rank holds all of them, draws the same values from the same seed, and
their gradients are averaged. Gates on single weights are as many as the weights: shard them with
``torch.distributed.fsdp.fully_shard(gates)``, and they are gathered for the draw alone. Attach first, then shard.
"""

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor


def replicated(tensor: Tensor) -> Tensor:
    """A sharded tensor in one piece, differentiably; any other as it is."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def average_gradients(parameters: Iterable[torch.nn.Parameter], group=None) -> None:
    """Average gradients over the ranks of a process group; sharding averages those of sharded parameters itself."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return
    ranks = torch.distributed.get_world_size(group)
    for parameter in parameters:
        if ranks > 1 and not isinstance(parameter, DTensor):
            if parameter.grad is None:  # a rank that has none waits for the others all the same
                parameter.grad = torch.zeros_like(parameter)
            torch.distributed.all_reduce(parameter.grad, group=group)
            parameter.grad.div_(ranks)
