r"""Penalties on weights with proximal steps, which give exact zeros, and the subgradient of L1, which gives none.

The formulas of a prox are those of `ellzero.penalties`, which take tensors. What belongs to networks is here: which
step an optimiser has taken, and groups that are slices of a weight.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer

from .. import _checks as checks
from ..penalties import Folded, Grouped, GroupL2, Penalty, Separable
from .masks import Masks, chosen

METRICS = ("optimizer", "euclidean")


@dataclass(frozen=True)
class Slices:
    r"""Groups of a weight: its slices along one axis, with the penalty :math:`\lambda \sum_g w_g \|W_g\|_2`.

    Along axis 0 of a ``Linear`` or convolution a slice is what leads to one neuron or filter; along axis 1 what one
    input is multiplied by.

    Parameters
    ----------
    strength : float, >= 0
        :math:`\lambda`, in units of the loss.
    dim : int, default=0
        Axis that the slices are along.
    groups : sequence, optional
        Label of each slice; slices of one label form a group. Without it each is one.
    weights : array-like of shape (n_groups,), >= 0, optional
        :math:`w_g` in the order of the labels' first appearance; those of `kind` by default.
    kind : type, default=GroupL2
        `GroupL2`: the norm, whose default weights are :math:`\sqrt{\text{entries of the group}}`; or `GroupL0`: a price
        for every group that is in.

    References
    ----------
    Wen, Wu, Wang, Chen & Li (2016), "Learning structured sparsity in deep neural networks".

    Examples
    --------
    >>> layer = torch.nn.Linear(2, 2, bias=False)
    >>> _ = layer.weight.data.copy_(torch.tensor([[3.0, 4.0], [0.3, 0.4]]))
    >>> slices = Slices(1.0, weights=[1.0, 1.0]).of("weight", layer.weight)
    >>> slices.prox(layer.weight.detach(), 1.0).tolist()
    [[2.4000000953674316, 3.200000047683716], [0.0, 0.0]]
    """

    strength: float
    dim: int = 0
    groups: Sequence[Any] | None = None
    weights: Any = None
    kind: type[Grouped] = GroupL2

    def of(self, name: str, parameter: Tensor) -> _Bound:
        """The penalty of one parameter."""
        if not -parameter.ndim <= self.dim < parameter.ndim:
            raise checks.no_slices(name, self.dim, parameter.ndim)
        n_slices = parameter.shape[self.dim]
        labels = list(range(n_slices) if self.groups is None else self.groups)
        if len(labels) != n_slices:
            raise checks.slice_labels(name, len(labels), n_slices)
        penalty = self.kind(self.strength, labels, self.weights)
        weights = penalty.weights
        if self.weights is None:
            weights = self.kind.usual(np.bincount(penalty.group_of) * (parameter.numel() // n_slices))
        return _Bound(penalty, self.dim, torch.as_tensor(penalty.strength * weights))


class Proximal:
    r"""Proximal steps after the steps of an optimiser: exact zeros for L0, L1, elastic net and groups.

    After ``optimizer.step()`` has moved the weights to :math:`v`, `step` sets them to

    .. math:: \arg\min_w \; \tfrac12 \sum_j \frac{(w_j - v_j)^2}{\eta_j} + \phi(w),

    where :math:`\eta_j` is the rate at which a lasting gradient moves weight :math:`j` at the moment. Then what stands
    still is a stationary point of loss plus :math:`\phi`. That rate is, with ``metric="optimizer"``,

    * ``SGD``: :math:`\eta (1 - d) / (1 - \mu)` with momentum :math:`\mu` and dampening :math:`d`, for momentum
      multiplies every gradient so many times;
    * ``Adam``, ``AdamW``: :math:`\eta / (\sqrt{\hat v_j} + \epsilon)` with the optimiser's own second moments, the
      metric of the step it has taken. A step of :math:`\eta` alone would penalise weight :math:`j` by
      :math:`(\sqrt{\hat v_j} + \epsilon)\,\phi` in the end.

    ``metric="euclidean"`` takes the learning rate alone, for any optimiser.

    Parameters
    ----------
    model : Module
    optimizer : Optimizer
        Without weight decay of its own on these weights, unless it is meant beside the penalty.
    penalties : mapping of str to Penalty or Slices
        Patterns of names of parameters, of which the first that matches counts. L0, L1, L2, ElasticNet, Box, sums of
        them, and `Slices` run where the weights are; Lp, MCP, SCAD and LogSum go through NumPy on the processor.
    metric : {"optimizer", "euclidean"}, default="optimizer"

    Raises
    ------
    ArgumentError
        A pattern matches nothing, or a parameter that the optimiser does not hold.
    UnsupportedError
        No prox for tensors, strengths that are arrays, or an optimiser whose metric is not known.

    Notes
    -----
    Call `step` right after the optimiser's, before a scheduler changes the rate. For L0 and the concave
    penalties, and for any network, the limit is a stationary point, not more. In the metric of Adam the prox of a
    group's norm has no closed form: it is a scalar equation for each group, solved by Newton's method.

    References
    ----------
    Parikh & Boyd (2014), "Proximal algorithms"; Yun, Lozano & Yang (2021), "Adaptive proximal gradient methods for
    structured neural networks".

    Examples
    --------
    >>> from ellzero.penalties import L1
    >>> layer = torch.nn.Linear(2, 1, bias=False)
    >>> _ = layer.weight.data.copy_(torch.tensor([[0.5, -2.0]]))
    >>> optimizer = torch.optim.SGD(layer.parameters(), lr=1.0)
    >>> proximal = Proximal(layer, optimizer, {"*": L1(1.0)})
    >>> proximal.step()
    >>> layer.weight.tolist(), proximal.value()
    ([[0.0, -1.0]], 1.0)
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        penalties: Mapping[str, Penalty | Slices],
        *,
        metric: str = "optimizer",
    ):
        self.model, self.optimizer = model, optimizer
        self._euclidean = checks.one_of("metric", metric, METRICS) == "euclidean"
        if not self._euclidean and not isinstance(optimizer, SGD | Adam):
            raise checks.no_metric(type(optimizer).__name__, ("SGD", "Adam", "AdamW"))
        if not isinstance(penalties, Mapping) or not penalties:
            raise checks.no_penalties(penalties)
        self._parts: dict[str, tuple[nn.Parameter, _Elementwise | _Bound]] = {}
        for glob, penalty in penalties.items():
            for name, parameter in chosen(model, (glob,), "penalties").items():
                if name not in self._parts:
                    self._parts[name] = parameter, _bound(name, parameter, penalty)
        held = {id(parameter): group for group in optimizer.param_groups for parameter in group["params"]}
        if lost := [name for name, (parameter, _) in self._parts.items() if id(parameter) not in held]:
            raise checks.not_optimised(lost)
        self._groups = held

    @torch.no_grad()
    def step(self) -> None:
        """Apply the prox, right after ``optimizer.step()``.

        Raises
        ------
        ArgumentError
            Adam has not made a step of a parameter yet.
        """
        for name, (parameter, penalty) in self._parts.items():
            group = self._groups[id(parameter)]
            step = float(group["lr"]) if self._euclidean else self._rate(name, parameter, group)
            parameter.copy_(penalty.prox(parameter, step))

    def value(self) -> float:
        """The penalty at the present weights."""
        return sum(penalty.value(parameter.detach()) for parameter, penalty in self._parts.values())

    def masks(self) -> Masks:
        """Masks of the weights that are not zero, of the parameters with a penalty."""
        return Masks({name: parameter.detach() != 0 for name, (parameter, _) in self._parts.items()})

    def _rate(self, name: str, parameter: Tensor, group: dict[str, Any]) -> float | Tensor:
        """How far a lasting gradient of 1 moves each weight in a step."""
        if isinstance(self.optimizer, SGD):
            momentum = group["momentum"]
            return float(group["lr"]) * ((1 - group["dampening"]) / (1 - momentum) if momentum else 1.0)
        state = self.optimizer.state.get(parameter)
        if not state:
            raise checks.before_the_step(name)
        second = state["max_exp_avg_sq"] if group["amsgrad"] else state["exp_avg_sq"]
        corrected = second / (1 - group["betas"][1] ** float(state["step"]))
        return float(group["lr"]) / (corrected.sqrt() + group["eps"])


class SubgradientL1:
    r"""Plain L1 regularisation: :math:`\lambda\,\mathrm{sign}(w)` is added to the gradient.

    For comparison with `Proximal`: a weight whose best value is 0 jumps over it at each step, by about the learning
    rate, and is never exactly zero.

    Parameters
    ----------
    model : Module
    strengths : mapping of str to float, >= 0
        Patterns of names of parameters, of which the first that matches counts.

    Raises
    ------
    ArgumentError
        A strength that is negative, or a pattern that matches nothing.

    Examples
    --------
    >>> layer = torch.nn.Linear(2, 1, bias=False)
    >>> _ = layer.weight.data.copy_(torch.tensor([[0.5, -2.0]]))
    >>> layer(torch.zeros(1, 2)).sum().backward()
    >>> SubgradientL1(layer, {"weight": 0.25}).penalise()
    >>> layer.weight.grad.tolist()
    [[0.25, -0.25]]
    """

    def __init__(self, model: nn.Module, strengths: Mapping[str, float]):
        self._parts: dict[str, tuple[nn.Parameter, float]] = {}
        for glob, strength in checks.mapping("strengths", strengths).items():
            number = checks.non_negative("strengths", strength)
            for name, parameter in chosen(model, (glob,), "strengths").items():
                self._parts.setdefault(name, (parameter, number))

    @torch.no_grad()
    def penalise(self) -> None:
        """Add the subgradient, after ``loss.backward()``; parameters without a gradient are passed over."""
        for parameter, strength in self._parts.values():
            if parameter.grad is not None:
                parameter.grad.add_(parameter.sign(), alpha=strength)


# ---- penalties of one parameter


@dataclass(frozen=True)
class _Elementwise:
    """A sum over single weights."""

    penalty: Separable | Folded

    def prox(self, v: Tensor, step: float | Tensor) -> Tensor:
        if isinstance(self.penalty, Separable):
            return self.penalty.prox(v, step)  # type: ignore[return-value] - of tensors it is one
        steps = step.double().cpu().numpy() if isinstance(step, Tensor) else step
        return torch.from_numpy(self.penalty.prox(v.double().cpu().numpy(), steps)).to(v)

    def value(self, v: Tensor) -> float:
        return self.penalty.value(v.double().cpu().numpy())


@dataclass(frozen=True)
class _Bound:
    """Groups of slices of one parameter.

    Parameters
    ----------
    penalty : Grouped
        Over slices.
    dim : int
    prices : Tensor of shape (n_groups,)
        Strength times the weight of each group.
    """

    penalty: Grouped
    dim: int
    prices: Tensor

    def prox(self, v: Tensor, step: float | Tensor) -> Tensor:
        rows = v.movedim(self.dim, 0)
        prices, group_of = self.prices.to(v.device), torch.as_tensor(self.penalty.group_of, device=v.device)
        if not isinstance(step, Tensor):
            share = self.penalty.remains(self._sums(rows.double() ** 2).sqrt(), step * prices)
            factor = share[group_of].reshape(-1, *[1] * (rows.ndim - 1)).to(v.dtype)
        else:
            steps = step.movedim(self.dim, 0).double()
            of = group_of.reshape(-1, *[1] * (rows.ndim - 1))
            factor = self._in_metric(rows.double(), steps, prices, of).to(v.dtype)
        return torch.where(factor > 0, factor * rows, 0.0).movedim(0, self.dim)

    def _in_metric(self, v: Tensor, steps: Tensor, prices: Tensor, of: Tensor) -> Tensor:
        """Factors of the prox where every entry has a step of its own."""
        if not isinstance(self.penalty, GroupL2):  # a price: in or out by the distance in the metric
            return self.penalty.remains(self._sums(v * v / steps).sqrt(), prices)[of].double()
        # The minimiser is v / (1 + s * step) with s * its norm = price, or 0 where the norm of v / step is at most that
        pull = self._sums((v / steps) ** 2).sqrt()
        inside = pull > prices
        slack = torch.where(inside, pull - prices, 1.0)
        most = torch.zeros_like(prices).scatter_reduce(0, of.expand_as(v).reshape(-1), (1 / steps).reshape(-1), "amax")
        s = (
            prices * most / slack
        )  # at or right of the root, from where Newton's method on a concave function is monotone
        price = prices.clamp_min(torch.finfo(torch.float64).tiny)
        for _ in range(30):
            shrunk = v / (1 + s[of] * steps)
            norm = self._sums(shrunk**2).sqrt().clamp_min(torch.finfo(torch.float64).tiny)
            slope = self._sums(shrunk**2 * steps / (1 + s[of] * steps)) / norm**3 - 1 / price
            change = (1 / norm - s / price) / slope
            s = torch.where(inside & (slope < 0), s - change, s).clamp_min(0.0)
            if not (change.abs() > 1e-14 * s)[inside].any():
                break
        return torch.where(inside[of], 1 / (1 + s[of] * steps), 0.0)

    def value(self, v: Tensor) -> float:
        norms = self._sums(v.movedim(self.dim, 0).double() ** 2).sqrt()
        size = norms if isinstance(self.penalty, GroupL2) else (norms > 0).double()
        return float(self.prices.to(size) @ size)

    def _sums(self, rows: Tensor) -> Tensor:
        """Sum of each group's entries."""
        by_slice = rows.reshape(rows.shape[0], -1).sum(1)
        of = torch.as_tensor(self.penalty.group_of, device=rows.device)
        return torch.zeros(len(self.prices), dtype=rows.dtype, device=rows.device).index_add(0, of, by_slice)


def _bound(name: str, parameter: Tensor, penalty: Penalty | Slices) -> _Elementwise | _Bound:
    if isinstance(penalty, Slices):
        return penalty.of(name, parameter)
    if not isinstance(penalty, Separable | Folded):
        raise checks.no_tensor_prox(name, penalty)
    base = penalty.base if isinstance(penalty, Folded) else penalty
    if any(np.ndim(number) for number in (base.l0, base.l1, base.l2, base.lower, base.upper)):
        raise checks.scalar_penalty(name)
    return _Elementwise(penalty)
