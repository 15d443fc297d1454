"""Where gates sit, and how their values spread over the coordinates of parameters."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn

from .. import _checks as checks
from .gates import Gate, TopK
from .graph import Graph
from .groups import Group
from .selectors import Selection
from .walk import Axis

LAYER = "layer"  # kind of the gates on whole layers
WEIGHT = "weight"  # and of those on single weights


@dataclass(frozen=True, eq=False)
class Site:
    """Where one tensor of gates sits.

    Parameters
    ----------
    name : str
        Name of the group, path of the layer or name of the weight.
    kind : str
        Kind of the group, ``"layer"`` or ``"weight"``.
    shape : tuple of int
        Shape of the gates.
    law : Gate
        What their logits mean.
    group : Group or None
        The group, where it is one.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    law: Gate
    group: Group | None = None

    @property
    def score(self) -> Callable[..., Tensor] | None:
        """The score of the weights that the gates follow; then they have no logits of their own."""
        return self.law.score if isinstance(self.law, TopK) else None

    @property
    def count(self) -> int:
        """Number of gates."""
        return prod(self.shape)

    @property
    def binary(self) -> bool:
        """Whether the gates must be 0 or 1 in evaluation, because surgery could not fold a fraction in."""
        return self.kind == LAYER or (self.group is not None and self.group.binary)


def sites_of(model: nn.Module, selection: Selection, gate: Gate) -> dict[str, Site]:
    """One site for each group, layer and weight selected."""
    sites = [Site(name, group.kind, (group.size,), gate, group) for name, group in selection.groups.items()]
    sites += [Site(path, LAYER, (1,), gate) for path in selection.layers]
    for name, pattern in selection.weights.items():
        if pattern is not None and not isinstance(gate, TopK):
            raise checks.pattern_needs_top_k(pattern, type(gate).__name__)
        law = TopK(pattern=pattern, score=gate.score) if isinstance(gate, TopK) and pattern is not None else gate
        sites.append(Site(name, WEIGHT, tuple(model.get_parameter(name).shape), law))
    return {site.name: site for site in sites}


class Spread:
    """From one value a unit to one value a coordinate of each parameter axis."""

    def __init__(self, graph: Graph, sites: Iterable[Site], device: torch.device):
        self._groups = {site.name: site.group for site in sites if site.group is not None}
        self._index: dict[Axis, Tensor] = {}
        start = 1  # position 0 holds the value 1 of coordinates without a gate
        for group in self._groups.values():
            for key, members in group.members.items():
                index = self._index.setdefault(key, torch.zeros(len(graph.walk.axes[key]), dtype=torch.long))
                index[torch.as_tensor(members)] = start + torch.arange(group.size)[:, None]
            start += group.size
        self._index = {key: index.to(device) for key, index in self._index.items()}
        self._device = device

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The parameter axes on which gates act."""
        return tuple(self._index)

    def flat(self, values: Mapping[str, Tensor]) -> Tensor:
        """All values of groups in one vector, behind a 1."""
        tensors = [values[name] for name in self._groups]
        dtype = tensors[0].dtype if tensors else torch.float32
        return torch.cat([torch.ones(1, dtype=dtype, device=self._device), *tensors])

    def vector(self, key: Axis, flat: Tensor) -> Tensor:
        """Values along one parameter axis."""
        return flat[self._index[key]]

    def vectors(self, values: Mapping[str, Tensor]) -> dict[Axis, Tensor]:
        """Values along every axis on which gates act."""
        flat = self.flat(values)
        return {key: self.vector(key, flat) for key in self._index}


def laid_shape(axis: int, ndim: int) -> list[int]:
    """The shape in which a vector lies along one axis of `ndim`."""
    return [-1 if k == axis else 1 for k in range(ndim)]
