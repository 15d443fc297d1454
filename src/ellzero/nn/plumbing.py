"""Hooks that put gates at the readers of a network, and take them off again."""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from .. import _checks as checks
from .graph import Graph, evaluating
from .sites import LAYER, WEIGHT, Site, Spread, laid_shape
from .walk import Axis

CONVOLUTIONS = {getattr(nn, f"Conv{turned}{n}d").forward for turned in ("", "Transpose") for n in (1, 2, 3)}
NOTHING = torch.empty(0)  # the values between forwards


class Draw(Protocol):
    """What gives the values of a forward."""

    always: bool  # whether they are drawn in evaluation mode, too

    def __call__(self, training: bool, /) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Values, and what is kept as 0 and 1."""
        ...


class Plumbing:
    r"""Everything that acts on the network while gates are attached.

    Where the module that owns a reading weight is itself called, its input is multiplied, so that its weight stays a
    plain tensor. A weight that is read by a module around it, or that has gates on its single weights, becomes a
    property of its module that gives the product; the parameter stays where it was, under its name.

    A norm over a gated axis takes its statistics over the units kept. In training that needs no second norm and no
    other shapes: with :math:`s = \sqrt{n / n'}`, n' of n units kept, the norm of s times the input, zero outside the
    kept units and centred on their mean where the norm centres, is s times the norm over the kept units, its eps
    included. In evaluation the kept units are gathered, so that rounding is that of the smaller network, too.

    Parameters
    ----------
    model : torch.nn.Module
        The network.
    graph : Graph
        Its couplings.
    sites : dict of str to Site
        Where gates sit.
    spread : Spread
        How they spread over coordinates.
    draw : callable
        Gives the values of a forward and which units are kept, and is told whether the network is in training mode.
    """

    def __init__(self, model: nn.Module, graph: Graph, sites: dict[str, Site], spread: Spread, draw: Draw):
        self.model, self.graph, self.sites, self.spread, self.draw = model, graph, sites, spread, draw
        self._hooks, self._properties = [], []
        self._training, self._inside = False, False
        self._values: dict[str, Tensor] = {}
        self._flat, self._kept = NOTHING, NOTHING

    @property
    def connected(self) -> bool:
        """Whether the hooks are attached."""
        return bool(self._hooks)

    @property
    def acting(self) -> bool:
        """Whether weights are asked for by a forward, which a backward repeats where activations are recomputed."""
        return self._inside or (self._flat is not NOTHING and torch._C._current_graph_task_id() != -1)

    def __deepcopy__(self, memo):
        """A copy of the network made meanwhile keeps to the same gates."""
        return self

    def __reduce_ex__(self, protocol):
        raise checks.not_pickled_gated(type(self.model).__name__)

    # -- on and off ------------------------------------------------------------------------------------------------
    def connect(self, wanted: bool = True) -> None:
        """Attach all hooks, or take them off; nothing happens where that is so."""
        if not wanted:
            self.disconnect()
        if self._hooks or not wanted:
            return
        self._hooks.append(self.model.register_forward_pre_hook(self._before))
        self._hooks.append(self.model.register_forward_hook(self._after, always_call=True))
        masked: dict[str, list[int]] = {}
        for name, axis in self.spread.axes:
            if "read" in self.graph.walk.roles.get((name, axis), ()):
                readers = self._readers(name, axis)
                if readers is None:
                    masked.setdefault(name, []).append(axis)
                for module, dim in readers or ():
                    hook = partial(self._reader, (name, axis), dim)
                    self._hooks.append(module.register_forward_pre_hook(hook, with_kwargs=True))
        for site in self.sites.values():
            if site.kind == WEIGHT:
                masked.setdefault(site.name, [])
        for name, axes in masked.items():
            self._mask(name, axes)
        for path in self.graph.walk.norms:
            key = (self.graph.alias[f"{path}.weight"], 0)
            if key in self.spread.axes:
                self._hooks += self._norm(self.model.get_submodule(path), key)
        for site in self.sites.values():
            if site.kind == LAYER:
                hook = partial(self._layer, site.name)
                self._hooks.append(self.model.get_submodule(site.name).register_forward_hook(hook))

    def disconnect(self) -> None:
        """Take everything off."""
        for hook in self._hooks:
            hook.remove()
        for module, original in reversed(self._properties):
            module.__class__ = original
        self._hooks, self._properties = [], []
        self._values, self._flat, self._kept = {}, NOTHING, NOTHING

    def _names(self, name: str) -> list[str]:
        """All names of a tensor, which is shared where there are several."""
        return [other for other, one in self.graph.alias.items() if one == name]

    def _readers(self, name: str, axis: int) -> list[tuple[nn.Module, int]] | None:
        """Modules that read this axis, and the axis of their input it meets; None where only the weight can be masked.

        A module may read a child's weight without calling the child, whose hook would then never fire: the call sites
        of the graph decide.
        """
        owners = {other.rpartition(".")[0]: other.rpartition(".")[2] for other in self._names(name)}
        readers = []
        for path in self.graph.walk.sites.get((name, axis), set()):
            module = self.model.get_submodule(path)
            forward = type(module).forward  # that of a subclass may use its input in other ways, too
            if forward is nn.Linear.forward:
                dim, own = -1, 1
            elif isinstance(module, nn.modules.conv._ConvNd) and forward in CONVOLUTIONS:
                dim, own = 1, 0 if module.transposed else 1
            else:
                return None
            if owners.get(path) != "weight" or axis != own:
                return None
            readers.append((module, dim))
        return readers

    # -- what happens in a forward ---------------------------------------------------------------------------------
    def _before(self, model: nn.Module, _inputs) -> None:
        """Before each forward: the values it uses, from the outside of any compiled graph."""
        self._training = model.training or self.draw.always
        self._values, kept = self.draw(self._training)  # scores are of the weights as they are, not as they are gated
        self._flat, self._kept = self.spread.flat(self._values), self.spread.flat(kept)
        self._inside = True

    def _after(self, *_) -> None:
        """After each forward, failed ones too: whoever asks a module for its weight gets the parameter again."""
        self._inside = False

    def _reader(self, key: Axis, dim: int, _module, inputs, named):
        x, back = _entering(inputs, named)
        vector = self.spread.vector(key, self._flat).to(x.dtype)
        return back(x * vector.reshape(laid_shape(dim % x.ndim, x.ndim)))

    def _layer(self, path: str, _module, inputs, output):
        value = self._values[path]
        if isinstance(output, tuple):
            return (inputs[0] + value.to(output[0].dtype) * (output[0] - inputs[0]), *output[1:])
        return inputs[0] + value.to(output.dtype) * (output - inputs[0])

    def _norm(self, module: nn.Module, key: Axis):
        """Hooks by which a norm sees the units kept alone."""
        centred = _centres(module)

        def scale(x):
            kept = self.spread.vector(key, self._kept).to(x.dtype)
            count = kept.sum().clamp(min=1.0)
            return kept, count, (len(kept) / count).sqrt()

        def before(module, inputs, named):  # of a copy of the network it is another than the one here
            if not self._training:
                return None
            x, back = _entering(inputs, named)
            kept, count, s = scale(x)
            if centred:
                x = x - (x * kept).sum(-1, keepdim=True) / count
            return back(x * (kept * s))

        def after(module, inputs, named, y):
            if not self._training:
                kept = self.spread.vector(key, self._kept).nonzero()[:, 0]
                return _norm_of(module, _entering(inputs, named)[0], kept)
            _, _, s = scale(y)
            bias: Any = getattr(module, "bias", None)
            return y / s if bias is None else y / s + bias * (1 - 1 / s)

        return [
            module.register_forward_pre_hook(before, with_kwargs=True),
            module.register_forward_hook(after, with_kwargs=True),
        ]

    def _mask(self, name: str, axes: list[int]) -> None:
        """Turn a weight, under all its names, into a property that gives it masked; the parameter stays where it is."""
        for other in self._names(name):
            path, _, leaf = other.rpartition(".")
            self._mask_in(self.model.get_submodule(path), leaf, name, axes)

    def _mask_in(self, module: nn.Module, leaf: str, name: str, axes: list[int]) -> None:
        plumbing = self

        def masked(owner):
            weight = owner._parameters[leaf]
            if not plumbing.acting or isinstance(weight, DTensor):  # between forwards, when it may be sharded, too
                return weight
            product = weight * plumbing._values[name].to(weight.dtype) if name in plumbing._values else weight
            for axis in axes:
                vector = plumbing.spread.vector((name, axis), plumbing._flat).to(weight.dtype)
                product = product * vector.reshape(laid_shape(axis, weight.ndim))
            return product

        original = type(module)
        place = {leaf: property(masked), "__module__": original.__module__}
        module.__class__ = type(original.__name__, (original,), place)
        self._properties.append((module, original))


def gated_at(model: nn.Module) -> str | None:
    """Path of the first module with gates on it, or None."""
    for path, module in model.named_modules():
        for hook in (*module._forward_pre_hooks.values(), *module._forward_hooks.values()):
            function = hook.func if isinstance(hook, partial) else hook
            if isinstance(getattr(function, "__self__", None), Plumbing):
                return path
    return None


def _entering(inputs: tuple, named: dict) -> tuple[Tensor, Callable]:
    """The tensor that enters a module of one input, by position or by name, and how to hand on another in its place."""
    if inputs:
        return inputs[0], lambda x: ((x, *inputs[1:]), named)
    name = next(iter(named))
    return named[name], lambda x: ((), named | {name: x})


def _norm_of(module: nn.Module, x: Tensor, kept: Tensor) -> Tensor:
    """A norm over the kept coordinates of the last axis, zero elsewhere."""
    small: Any = copy.copy(module)
    small._parameters = {name: None if p is None else p[kept] for name, p in module._parameters.items()}
    if isinstance(module, nn.LayerNorm | nn.RMSNorm):
        small.normalized_shape = (len(kept),)
    y = small.forward(x[..., kept])
    return torch.zeros(x.shape, dtype=y.dtype, device=y.device).index_copy(-1, kept, y)


def _centres(module: nn.Module) -> bool:
    """Whether a norm subtracts the mean, so that a constant gives nothing but the bias; T5's "LayerNorm" does not."""
    with torch.no_grad(), evaluating(module):  # with weights of its own it could be 0 for all it does
        plain = {name: torch.full_like(p, float(name == "weight")) for name, p in module.named_parameters()}
        answer = torch.func.functional_call(module, plain, (torch.ones_like(plain["weight"]),))
        return bool(answer.abs().max() < 1e-6)
