r"""Training towards a number of weights by splitting: ADMM and penalty decomposition.

Both look for few weights by a copy :math:`Z` that has few, and pull the network's weights :math:`W` towards it while
they are trained. They converge to a stationary point at best; the distance between the two is reported, never assumed
away.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .. import _checks as checks
from .masks import Masks, swapped
from .prune import Kept, budget, select


@dataclass(frozen=True)
class Gap:
    r"""How far the weights are from those that are few.

    Parameters
    ----------
    distance : float
        :math:`\|W - Z\| / \|W\|` over all parameters that are split.
    by_parameter : dict of str to float
        The same of each.
    rho : float
    loss, projected : float or None
        Loss with :math:`W` and with :math:`Z` in its place; None where no loss was given.
    kept : int
        Nonzeros of :math:`Z`.
    """

    distance: float
    by_parameter: dict[str, float]
    rho: float
    loss: float | None
    projected: float | None
    kept: int


class _Splitting(ABC):
    """Weights of a model, a copy of them with few nonzeros, and the pull between the two."""

    def __init__(self, model: nn.Module, kept: Kept, rho: float, every: int, scope: str, spare: str | Sequence[str]):
        self.model = model
        self.rho = checks.finite_positive("rho", rho)
        self.every = checks.integer_in("every", every, 1, 2**31 - 1)
        self._weights, self._blocks = budget(model, kept, scope, spare)
        self._duals = {name: torch.zeros_like(w) for name, w in self._weights.items()}
        self.steps = self.updates = 0
        self.masks, self._few = self._projection()

    @torch.no_grad()
    def penalise(self) -> None:
        r"""Add the gradient :math:`\rho (W - Z + U)` of the pull, after ``loss.backward()``.

        Instead of adding `penalty` to the loss; a parameter without a gradient gets one.
        """
        for name, w in self._weights.items():
            pull = self.rho * (w - self._few[name] + self._duals[name])
            w.grad = pull if w.grad is None else w.grad.add_(pull)

    def penalty(self) -> Tensor:
        r"""The pull :math:`\tfrac\rho2 \|W - Z + U\|^2`, to be added to the loss instead of `penalise`."""
        parts = [(w - self._few[name] + self._duals[name]).pow(2).sum() for name, w in self._weights.items()]
        return 0.5 * self.rho * torch.stack(parts).sum()

    def step(self) -> None:
        """Count a step, after the optimiser's; update the copy each `every` steps."""
        self.steps += 1
        if self.steps % self.every == 0:
            self.update()

    @torch.no_grad()
    def update(self) -> None:
        """Project anew now, and adapt what pulls."""
        self.updates += 1
        before = self._few
        self.masks, self._few = self._projection()
        self._adapt(before)

    def gap(self, loss: Callable[[nn.Module], float] | None = None) -> Gap:
        """Distance of the weights from their copy, and what it costs.

        Parameters
        ----------
        loss : callable, optional
            ``loss(model)``, a number; called with the weights and with the copy in their place.

        Returns
        -------
        Gap
        """
        squares = {n: (float((w.detach() - self._few[n]).pow(2).sum()), float(w.detach().pow(2).sum()))
                   for n, w in self._weights.items()}  # fmt: skip
        soft = hard = None
        if loss is not None:
            soft = float(loss(self.model))
            with swapped(self.model, self._few):
                hard = float(loss(self.model))
        total = tuple(sum(part) for part in zip(*squares.values(), strict=True))
        by_parameter = {name: _ratio(*pair) for name, pair in squares.items()}
        kept = sum(int((few != 0).sum()) for few in self._few.values())
        return Gap(_ratio(*total), by_parameter, self.rho, soft, hard, kept)

    @torch.no_grad()
    def finish(self) -> Masks:
        """Project the weights themselves, in place: the nearest that are few.

        Returns
        -------
        Masks
            To be held while the weights that are left are trained on.
        """
        masks = select({name: w.detach().abs() for name, w in self._weights.items()}, self._blocks)
        masks.apply(self.model)
        return masks

    @torch.no_grad()
    def _projection(self) -> tuple[Masks, dict[str, Tensor]]:
        at = {name: w.detach() + self._duals[name] for name, w in self._weights.items()}
        masks = select({name: v.abs() for name, v in at.items()}, self._blocks)
        return masks, {name: v.masked_fill(~masks[name].to(v.device), 0.0) for name, v in at.items()}

    @abstractmethod
    def _adapt(self, before: dict[str, Tensor]) -> None:
        """Dual variables and the strength of the pull, after the copy has moved from `before`."""


class ADMM(_Splitting):
    r"""Training by the alternating direction method of multipliers.

    The optimiser lowers :math:`L(W) + \tfrac\rho2 \|W - Z + U\|^2` for `every` steps, an epoch for instance; then
    :math:`Z` becomes the projection of :math:`W + U` on the budget, and :math:`U` grows by :math:`W - Z`.

    Parameters
    ----------
    model : Module
    kept : float, int, str or mapping
        Budget as for `prune`.
    rho : float, > 0, default=1e-3
        Strength of the pull, in units of the loss by squared weight.
    every : int >= 1, default=1
        Steps of the optimiser between two updates of :math:`Z` and :math:`U`.
    growth : float, >= 1, default=1.0
        Factor of `rho` at each update; :math:`U` shrinks by it, so that :math:`\rho U` stays.
    balance : float, > 1, optional
        Doubles `rho` where :math:`\|W - Z\|` is more than so many times :math:`\rho \|Z - Z_{\text{before}}\|` (10 is
        usual). It is never lowered: on a budget, which is no convex set, a pull that is too weak goes round in circles.
    scope, spare
        As for `prune`; a share of each layer by default.

    Attributes
    ----------
    masks : Masks
        Support of :math:`Z`.
    steps, updates : int
        Steps of the optimiser counted, and updates among them.
    primal, dual : float
        :math:`\|W - Z\|` and :math:`\rho \|Z - Z_{\text{before}}\|` of the last update; NaN before the first.

    Raises
    ------
    ArgumentError
        An argument outside its range, or a budget that does not fit the model.

    Notes
    -----
    The pull has the curvature `rho`: where it grows, plain gradient steps need a rate below ``2 / (L + rho)``, with
    :math:`L` the curvature of the loss.

    References
    ----------
    Boyd, Parikh, Chu, Peleato & Eckstein (2011), "Distributed optimization and statistical learning via the alternating
    direction method of multipliers", sections 3.4.1 and 9.1; Zhang, Ye, Zhang, Tang, Wen, Fardad & Wang (2018), "A
    systematic DNN weight pruning framework using alternating direction method of multipliers".

    Examples
    --------
    >>> model = torch.nn.Linear(3, 1, bias=False)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> admm = ADMM(model, kept=1, rho=1.9, every=10, scope="global")
    >>> for _ in range(900):
    ...     optimizer.zero_grad()
    ...     (0.5 * (model.weight - torch.tensor([[0.5, -2.0, 1.0]])) ** 2).sum().backward()
    ...     admm.penalise()
    ...     optimizer.step()
    ...     admm.step()
    >>> admm.gap().distance < 1e-3, admm.finish().kept, model.weight.detach().numpy().round(3)
    (True, 1, array([[ 0., -2.,  0.]], dtype=float32))
    """

    def __init__(
        self,
        model: nn.Module,
        kept: Kept,
        *,
        rho: float = 1e-3,
        every: int = 1,
        growth: float = 1.0,
        balance: float | None = None,
        scope: str = "layer",
        spare: str | Sequence[str] = (),
    ):
        self.growth = 1.0 if growth == 1 else checks.above("growth", growth, 1)
        self.balance = None if balance is None else checks.above("balance", balance, 1)
        self.primal = self.dual = float("nan")
        super().__init__(model, kept, rho, every, scope, spare)

    def _adapt(self, before):
        moved = {name: self._few[name] - old for name, old in before.items()}
        apart = {name: w.detach() - self._few[name] for name, w in self._weights.items()}
        self.primal, self.dual = _norm(apart), self.rho * _norm(moved)
        factor = self.growth
        if self.balance is not None and self.primal > self.balance * self.dual:
            factor *= 2.0
        self.rho *= factor
        for name, dual in self._duals.items():
            dual.add_(apart[name]).div_(factor)


class PenaltyDecomposition(_Splitting):
    r"""Training by penalty decomposition: the pull grows, without dual variables.

    The optimiser lowers :math:`L(W) + \tfrac\rho2 \|W - Z\|^2` for `every` steps, then :math:`Z` becomes the projection
    of :math:`W`; after `inner` such rounds `rho` grows.

    Parameters
    ----------
    model : Module
    kept : float, int, str or mapping
        Budget as for `prune`.
    rho : float, > 0, default=1e-3
        Strength of the pull at the start.
    every : int >= 1, default=1
        Steps of the optimiser between two projections.
    growth : float, > 1, default=1.5
        Factor of `rho`.
    inner : int >= 1, default=1
        Projections between two growths.
    scope, spare
        As for `prune`; a share of each layer by default.

    Attributes
    ----------
    masks : Masks
        Support of :math:`Z`.
    steps, updates : int
        Steps of the optimiser counted, and projections among them.

    Raises
    ------
    ArgumentError
        An argument outside its range, or a budget that does not fit the model.

    References
    ----------
    Lu & Zhang (2013), "Sparse approximation via penalty decomposition methods".

    Examples
    --------
    >>> model = torch.nn.Linear(3, 1, bias=False)
    >>> split = PenaltyDecomposition(model, kept=1, rho=0.1, every=3, scope="global")
    >>> split.penalise()
    >>> bool((model.weight.grad[split.masks["weight"]] == 0).all())
    True
    """

    def __init__(
        self,
        model: nn.Module,
        kept: Kept,
        *,
        rho: float = 1e-3,
        every: int = 1,
        growth: float = 1.5,
        inner: int = 1,
        scope: str = "layer",
        spare: str | Sequence[str] = (),
    ):
        self.growth = checks.above("growth", growth, 1)
        self.inner = checks.integer_in("inner", inner, 1, 2**31 - 1)
        super().__init__(model, kept, rho, every, scope, spare)

    def _adapt(self, before):
        if self.updates % self.inner == 0:
            self.rho *= self.growth


def _norm(tensors: dict[str, Tensor]) -> float:
    return sum(float(tensor.double().pow(2).sum()) for tensor in tensors.values()) ** 0.5


def _ratio(difference: float, size: float) -> float:
    return (difference / size) ** 0.5 if size else 0.0
