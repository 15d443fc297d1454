r"""Scores of single weights: how much each is worth keeping, before anything is pruned.

A score is a callable ``score(model, names)`` that returns a tensor of the parameter's shape for every name; larger is
kept. Anything that answers so may stand in its place. The model is left as it was: its weights, gradients, buffers and
mode.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from .. import _checks as checks

Loss = Callable[[nn.Module, Any], Tensor]


class Score(ABC):
    """What each weight is worth; larger is kept."""

    @abstractmethod
    def __call__(self, model: nn.Module, names: Sequence[str]) -> Mapping[str, Tensor]:
        """A tensor of the parameter's shape for every name."""


@dataclass(frozen=True)
class Magnitude(Score):
    r"""Size of a weight, :math:`|w|`.

    References
    ----------
    Han, Pool, Tran & Dally (2015), "Learning both weights and connections for efficient neural networks".

    Examples
    --------
    >>> layer = torch.nn.Linear(2, 1)
    >>> _ = layer.weight.data.copy_(torch.tensor([[0.5, -2.0]]))
    >>> Magnitude()(layer, ["weight"])["weight"].tolist()
    [[0.5, 2.0]]
    """

    def __call__(self, model, names):
        known = dict(model.named_parameters())
        return {name: known[name].detach().abs() for name in names}


@dataclass(frozen=True)
class Random(Score):
    """Uniform numbers: the control that any score has to beat.

    Parameters
    ----------
    random_state : int, >= 0
        The same numbers at every call.

    Examples
    --------
    >>> layer = torch.nn.Linear(2, 1)
    >>> torch.equal(*(Random(37)(layer, ["weight"])["weight"] for _ in range(2)))
    True
    """

    random_state: int = 0

    def __call__(self, model, names):
        generator = torch.Generator().manual_seed(checks.integer_in("random_state", self.random_state, 0, 2**63 - 1))
        known = dict(model.named_parameters())
        return {name: torch.rand(known[name].shape, generator=generator).to(known[name].device) for name in names}


@dataclass(frozen=True)
class Snip(Score):
    r"""Sensitivity of the loss to a weight's connection, :math:`|w \, \partial L / \partial w|`.

    With a factor :math:`c` on every weight this is :math:`|\partial L / \partial c|` at :math:`c = 1`, where :math:`L`
    is the mean over the batches.

    Parameters
    ----------
    batches : sequence
        Whatever `loss` takes; gone through once.
    loss : callable
        ``loss(model, batch)``, a scalar tensor.

    References
    ----------
    Lee, Ajanthan & Torr (2019), "SNIP: single-shot network pruning based on connection sensitivity".

    Examples
    --------
    >>> layer = torch.nn.Linear(2, 1, bias=False)
    >>> _ = layer.weight.data.copy_(torch.tensor([[0.5, -2.0]]))
    >>> Snip([torch.tensor([[3.0, 0.25]])], lambda model, x: model(x).sum())(layer, ["weight"])["weight"].tolist()
    [[1.5, 0.5]]
    """

    batches: Iterable
    loss: Loss

    def __call__(self, model, names):
        weights = _weights(model, names)
        with _as_it_was(model):
            gradients = _gradients(model, weights, self.batches, self.loss, "Snip")
        return {name: (w.detach() * g).abs() for (name, w), g in zip(weights.items(), gradients, strict=True)}


@dataclass(frozen=True)
class Grasp(Score):
    r"""What a weight adds to the flow of gradients, :math:`w \odot H g`, with gradient and Hessian of the mean loss.

    Taking out a weight changes :math:`\|g\|^2` by :math:`-2 w (Hg)` to first order: where that is a gain, the weight
    goes.

    Parameters
    ----------
    batches : sequence
        Whatever `loss` takes; gone through twice, so no iterator.
    loss : callable
        ``loss(model, batch)``, a scalar tensor; twice differentiable.

    References
    ----------
    Wang, Zhang & Grosse (2020), "Picking winning tickets before training by preserving gradient flow".

    Examples
    --------
    >>> layer = torch.nn.Linear(2, 1, bias=False)
    >>> _ = layer.weight.data.copy_(torch.tensor([[0.5, -2.0]]))
    >>> Grasp([torch.eye(2)], lambda model, x: 0.5 * (model(x) ** 2).sum())(layer, ["weight"])["weight"].tolist()
    [[0.25, 4.0]]
    """

    batches: Iterable
    loss: Loss

    def __call__(self, model, names):
        weights = _weights(model, names)
        held = list(weights.values())
        with _as_it_was(model):
            gradients = _gradients(model, weights, self.batches, self.loss, "Grasp")
            products, count = [torch.zeros_like(w) for w in held], 0
            for batch in self.batches:
                slopes = torch.autograd.grad(self.loss(model, batch), held, create_graph=True)
                along = torch.stack([(slope * g).sum() for slope, g in zip(slopes, gradients, strict=True)]).sum()
                bends = torch.autograd.grad(along, held, allow_unused=True)  # a weight may enter linearly
                products = [p if b is None else p + b for p, b in zip(products, bends, strict=True)]
                count += 1
        if not count:
            raise checks.no_batches("Grasp")
        return {name: w.detach() * p / count for (name, w), p in zip(weights.items(), products, strict=True)}


@dataclass(frozen=True)
class SynFlow(Score):
    r"""Synaptic flow, :math:`|w| \, \partial R / \partial |w|` with :math:`R` the sum of outputs at an input of ones.

    All weights and buffers are taken at their absolute values, in double precision and in eval mode, so that :math:`R`
    sums the products of weights along all paths. No data enter. Pruned in one go the score may empty a layer; the
    method is ``prune(..., rounds=100)``, which takes it anew on what is left.

    Parameters
    ----------
    example : Tensor
        An input, for its shape.

    References
    ----------
    Tanaka, Kunin, Yamins & Ganguli (2020), "Pruning neural networks without any data by iteratively conserving synaptic
    flow".

    Examples
    --------
    >>> layer = torch.nn.Linear(2, 1, bias=False)
    >>> _ = layer.weight.data.copy_(torch.tensor([[0.5, -2.0]]))
    >>> SynFlow(torch.zeros(1, 2))(layer, ["weight"])["weight"].tolist()
    [[0.5, 2.0]]
    """

    example: Tensor

    def __call__(self, model, names):
        _weights(model, names)
        with _as_it_was(model):
            model.eval()
            state = {name: p.detach().double().abs() for name, p in model.named_parameters()}
            state |= {n: b.double().abs() for n, b in model.named_buffers() if b.is_floating_point()}
            weights = [state[name].requires_grad_() for name in names]
            flow = functional_call(model, state, (torch.ones_like(self.example, dtype=torch.float64),)).sum()
            slopes = _slopes(flow, dict(zip(names, weights, strict=True)), "SynFlow")
        return {name: (w * g).detach() for name, w, g in zip(names, weights, slopes, strict=True)}


@dataclass(frozen=True)
class Wanda(Score):
    r"""Size of a weight times the norm of what it multiplies, :math:`|W_{ij}| \, \|x_j\|_2`.

    The norm runs over all rows (and all places of a convolution's window) of the batches. Known for ``Linear`` and
    ``Conv2d``. The paper compares within each output: ``prune(..., scope="row")``.

    Parameters
    ----------
    batches : iterable
        Whatever `forward` takes; gone through once, in eval mode.
    forward : callable, optional
        ``forward(model, batch)``; ``model(batch)`` by default.

    References
    ----------
    Sun, Liu, Bair & Kolter (2024), "A simple and effective pruning approach for large language models".

    Examples
    --------
    >>> layer = torch.nn.Linear(2, 1)
    >>> _ = layer.weight.data.copy_(torch.tensor([[0.5, -2.0]]))
    >>> Wanda([torch.tensor([[3.0, 1.0], [4.0, 0.0]])])(layer, ["weight"])["weight"].tolist()
    [[2.5, 2.0]]
    """

    batches: Iterable
    forward: Callable[[nn.Module, Any], object] = lambda model, batch: model(batch)

    def __call__(self, model, names):
        weights = _weights(model, names)
        name_of = {id(w): name for name, w in weights.items()}
        squares: dict[str, Tensor] = {}

        def saw(module: nn.Linear | nn.Conv2d, inputs: tuple[Tensor, ...]) -> None:
            name = name_of[id(module.weight)]
            squares[name] = squares.get(name, 0.0) + _energy(name, module, inputs[0].detach())

        layers = [m for m in model.modules() if isinstance(m, nn.Linear | nn.Conv2d) and id(m.weight) in name_of]
        hooks = [layer.register_forward_pre_hook(saw) for layer in layers]
        count = 0
        try:
            with _as_it_was(model), torch.no_grad():
                model.eval()
                for count, batch in enumerate(self.batches, 1):  # noqa: B007 - read below
                    self.forward(model, batch)
        finally:
            for hook in hooks:
                hook.remove()
        if not count:
            raise checks.no_batches("Wanda")
        if unseen := [name for name in names if name not in squares]:
            raise checks.not_read(unseen, "Wanda")
        return {name: w.detach().abs() * squares[name].sqrt().to(w.dtype) for name, w in weights.items()}


SCORES = {"magnitude": Magnitude, "random": Random}  # those that need nothing but the model


def _energy(name: str, module: nn.Linear | nn.Conv2d, x: Tensor) -> Tensor:
    """Sums of squares of what each weight of a layer multiplies, in a shape that broadcasts to the weight."""
    if isinstance(module, nn.Linear):
        return x.double().pow(2).reshape(-1, x.shape[-1]).sum(0)
    if module.padding_mode != "zeros" or isinstance(module.padding, str):
        raise checks.odd_padding(name, "Wanda")
    squares = x.double().pow(2)
    window = nn.functional.unfold(
        squares if x.ndim == 4 else squares[None], module.kernel_size, module.dilation, module.padding, module.stride
    )
    by_group = window.sum((0, 2)).reshape(module.groups, *module.weight.shape[1:])
    return by_group.repeat_interleave(module.out_channels // module.groups, 0)


def _weights(model: nn.Module, names: Sequence[str]) -> dict[str, nn.Parameter]:
    known = dict(model.named_parameters())
    if unknown := [name for name in names if name not in known]:
        raise checks.mask_unknown(unknown, known)
    return {name: known[name] for name in names}


def _gradients(
    model: nn.Module, weights: Mapping[str, Tensor], batches: Iterable, loss: Loss, what: str
) -> list[Tensor]:
    """Gradient of the mean loss over the batches."""
    sums, count = [torch.zeros_like(w) for w in weights.values()], 0
    for batch in batches:
        slopes = _slopes(loss(model, batch), weights, what)
        sums = [total + slope for total, slope in zip(sums, slopes, strict=True)]
        count += 1
    if not count:
        raise checks.no_batches(what)
    return [total / count for total in sums]


def _slopes(value: Tensor, weights: Mapping[str, Tensor], what: str) -> list[Tensor]:
    slopes = torch.autograd.grad(value, list(weights.values()), allow_unused=True)
    for name, slope in zip(weights, slopes, strict=True):
        if slope is None:
            raise checks.no_gradient(name, what)
    return list(slopes)


@contextmanager
def _as_it_was(model: nn.Module):
    """Buffers and modes come back: a score is a look at the model, with gradients on."""
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    modes = [(module, module.training) for module in model.modules()]
    frozen = [p for p in model.parameters() if not p.requires_grad and p.is_floating_point()]
    try:
        for parameter in frozen:
            parameter.requires_grad_(True)
        with torch.enable_grad():
            yield
    finally:
        for parameter in frozen:
            parameter.requires_grad_(False)
        for module, mode in modes:
            module.training = mode
        for name, buffer in model.named_buffers():
            buffer.data.copy_(buffers[name])
