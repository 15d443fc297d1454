"""A plan of surgery: what is cut where, in names and numbers alone, so that it can be saved and replayed."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from .. import _checks as checks
from .._files import write_whole

VERSION = 1


@dataclass(frozen=True)
class Plan:
    """Everything that turns a dense network into its smaller one, but for the values of the weights.

    Parameters
    ----------
    network : str
        Name of the network's class.
    cuts : dict
        For each parameter and buffer, by axis, its old length and the coordinates that stay.
    sizes : dict
        For each module the numbers that it stores beside its tensors and that change.
    dropped : tuple of str
        Layers that are passed by.
    config : dict
        Fields of the network's configuration (of Hugging Face models) that change; None where no field could say it,
        because widths differ from layer to layer.

    Examples
    --------
    >>> from ellzero.nn.attach import attach
    >>> from ellzero.nn import compress, make_plan, neurons
    >>> def dense():
    ...     return nn.Sequential(nn.Linear(7, 19), nn.ReLU(), nn.Linear(19, 3))
    >>> model = dense()
    >>> gates = attach(model, torch.zeros(2, 7), neurons())
    >>> plan, small = make_plan(gates), compress(model, gates)
    >>> again = plan.apply(dense())
    >>> again.load_state_dict(small.state_dict())
    <All keys matched successfully>
    """

    network: str
    cuts: dict[str, dict[int, tuple[int, list[int]]]]
    sizes: dict[str, dict[str, Any]] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    config: dict[str, Any] | None = field(default_factory=dict)

    def apply(self, model: nn.Module) -> nn.Module:
        """Cut a dense network of the same architecture, in place.

        Parameters
        ----------
        model : torch.nn.Module
            A dense network: the plan's own, or a fresh instance whose weights are loaded afterwards.

        Returns
        -------
        torch.nn.Module
            The same object.

        Raises
        ------
        ArgumentError
            If a tensor that the plan cuts is missing or has another shape; nothing is changed then.
        """
        tensors = dict(model.named_parameters(remove_duplicate=False)) | dict(
            model.named_buffers(remove_duplicate=False)
        )
        for name, axes in self.cuts.items():
            found = tuple(tensors[name].shape) if name in tensors else None
            for axis, (length, _) in axes.items():
                if found is None or found[axis : axis + 1] != (length,):
                    raise checks.other_network(self.network, type(model).__name__, name, axis, length, found)
        done: dict[int, torch.Tensor] = {}
        for name in self.cuts:
            path, _, leaf = name.rpartition(".")
            tensor = tensors[name]
            if id(tensor) not in done:  # a shared tensor stays shared
                done[id(tensor)] = self._cut(name, tensor)
            setattr(model.get_submodule(path), leaf, done[id(tensor)])
        for path, numbers in self.sizes.items():
            for name, value in numbers.items():
                setattr(model.get_submodule(path), name, value)
        drop_layers(model, self.dropped)
        for name, value in (self.config or {}).items():
            setattr(model.config, name, value)
        return model

    def _cut(self, name: str, tensor: torch.Tensor) -> torch.Tensor:
        data = tensor.detach()
        for axis, (_, kept) in self.cuts[name].items():
            data = data.index_select(axis, torch.tensor(kept, device=data.device))
        return nn.Parameter(data, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else data

    def save(self, path: str | Path) -> None:
        """Write the plan as JSON, whole or not at all."""
        text = json.dumps({"ellzero_plan": VERSION} | asdict(self))
        write_whole(Path(path), lambda place: place.write_text(text, encoding="utf-8"))

    @classmethod
    def load(cls, path: str | Path) -> "Plan":
        """Read a plan back.

        Raises
        ------
        DataError
            If the file is no plan, or one of a newer version.
        """
        try:
            stored = json.loads(Path(path).read_text(encoding="utf-8"))
            version = stored.pop("ellzero_plan")
            cuts = {n: {int(a): (int(c[0]), c[1]) for a, c in axes.items()} for n, axes in stored.pop("cuts").items()}
            sizes = {  # JSON knows no tuples
                path: {name: tuple(v) if isinstance(v, list) else v for name, v in numbers.items()}
                for path, numbers in stored.pop("sizes").items()
            }
            plan = cls(cuts=cuts, sizes=sizes, dropped=tuple(stored.pop("dropped")), **stored)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise checks.no_plan(path) from error
        if version != VERSION:
            raise checks.newer_plan(path, version, VERSION)
        return plan


def drop_layers(model: nn.Module, paths: tuple[str, ...]) -> None:
    """Remove layers: from module lists altogether, with the layers behind renumbered, elsewhere by passing them by."""
    lists: dict[str, list[int]] = {}
    for path in paths:
        parent, _, name = path.rpartition(".")
        container = model.get_submodule(parent)
        if isinstance(container, nn.ModuleList):
            lists.setdefault(parent, []).append(int(name))
        else:
            setattr(container, name, nn.Identity())
    for parent, gone in lists.items():
        container = cast(nn.ModuleList, model.get_submodule(parent))
        for index in sorted(gone, reverse=True):
            del container[index]
        for index, layer in enumerate(container):
            for module in layer.modules():
                if isinstance(getattr(module, "layer_idx", None), int):  # where caches of keys and values are kept
                    setattr(module, "layer_idx", index)  # noqa: B010 - no attribute of every module


def kept_coordinates(vectors: Mapping[tuple[str, int], torch.Tensor]) -> dict[str, dict[int, tuple[int, list[int]]]]:
    """Cuts of tensors from what is kept along their axes; axes that stay whole are left out."""
    cuts: dict[str, dict[int, tuple[int, list[int]]]] = {}
    for (name, axis), kept in vectors.items():
        if not bool(kept.all()):
            cuts.setdefault(name, {})[axis] = (len(kept), kept.nonzero()[:, 0].tolist())
    return cuts
