"""What may stay of a network: shares of its operations, parameters or gates, and which gates stay open within them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Protocol

import torch
from torch import Tensor

from .. import _checks as checks
from .attach import Gates, at_least_one, certain
from .graph import evaluating
from .sites import LAYER

FILL = 64  # gates behind the first that does not fit which are tried, too: some units are cheaper than others


@dataclass(frozen=True, eq=False)
class Constraint:
    """A share of a cost that may be used, and the sites whose gates decide it.

    Parameters
    ----------
    word : str
        What the user called it.
    share : float
        In (0, 1].
    sites : tuple of str
        Names of the sites.
    cost : callable
        Share of the full cost, from the probabilities that gates are open.
    """

    word: str
    share: float
    sites: tuple[str, ...]
    cost: Callable[[Mapping[str, Tensor]], Tensor]


class Goal(Protocol):
    """A share of a cost that somebody else measured."""

    @property
    def share(self) -> float:
        """In (0, 1]."""
        ...

    def share_of(self, probabilities: Mapping[str, Tensor]) -> Tensor:
        """Share of the full cost where gates are open with these probabilities."""
        ...


class Budget:
    """Shares that may stay, and the decision which gates stay open within them.

    Parameters
    ----------
    gates : Gates
        Attached to a network.
    flops, params : float, optional
        Share in (0, 1] of the operations of one forward, or of the parameters.
    kept : mapping, optional
        Shares in (0, 1] of gates, by kind (``"channel"``, ``"neuron"``, ``"head"``, ``"hidden"``, ``"layer"``,
        ``"weight"``) or by a glob pattern over names.
    latency : LatencyGoal, optional
        A share of measured time, ``measure_latency(gates).at(share)``.

    Attributes
    ----------
    constraints : list of Constraint
        One for `flops` or `params`, one for each entry of `kept`.
    full : int
        Operations, parameters or gates with every gate open; 1 for latency.

    Raises
    ------
    ArgumentError
        If not exactly one of the four is given, or a share is below what is left with every gate
        closed; the message names what is frozen.
    """

    @torch.no_grad()
    def __init__(
        self, gates: Gates, *, flops: float | None = None, params: float | None = None,
        kept: Mapping[str, float] | None = None, latency: Goal | None = None,
    ):  # fmt: skip
        checks.one_goal(flops=flops, params=params, kept=kept, latency=latency)
        self.gates = gates
        names = tuple(gates.sites)
        if kept is not None:
            self.full = sum(site.count for site in gates.sites.values())
            self.constraints = [self._of_gates(pattern, share) for pattern, share in kept.items()]
        elif latency is not None:
            self.full = 1
            self.constraints = [Constraint("latency", latency.share, names, latency.share_of)]
        else:
            word, share = ("flops", flops) if params is None else ("params", params)
            cost = gates.costs.flops if params is None else gates.costs.params
            opened = {name: torch.ones(site.shape, device=gates.device) for name, site in gates.sites.items()}
            self.full = full = round(float(cost(opened)))
            self.constraints = [Constraint(word, checks.share(word, share), names, lambda p: cost(p) / full)]
        self._check_reach()

    def _of_gates(self, pattern: str, share: float) -> Constraint:
        sites = self.gates.sites
        found = tuple(n for n, s in sites.items() if s.kind == pattern or fnmatchcase(n, pattern))
        if not found:
            raise checks.nothing_to_keep(pattern, sorted({s.kind for s in sites.values()}), tuple(sites))
        count, word = sum(sites[name].count for name in found), f"kept[{pattern!r}]"

        def cost(probabilities):
            return torch.stack([probabilities[name].double().sum() for name in found]).sum() / count

        return Constraint(word, checks.share(word, share), found, cost)

    def _check_reach(self) -> None:
        gates = self.gates
        closed = {n: torch.zeros(site.shape, dtype=torch.bool, device=gates.device) for n, site in gates.sites.items()}
        least = certain(at_least_one(gates.sites, closed, {n: v.float() for n, v in closed.items()}))
        for constraint in self.constraints:
            floor = float(constraint.cost(least))
            if floor > constraint.share:
                frozen = [f"{name}[{axis}]: {why[0]}" for (name, axis), why in gates.graph.frozen.items() if why]
                raise checks.out_of_reach(constraint.word, constraint.share, floor, frozen)

    @torch.no_grad()
    def decide(self, ranking: Mapping[str, Tensor], shares: Sequence[float] | None = None) -> dict[str, Tensor]:
        """Which gates stay open: those that rank highest, as many as the shares allow.

        Parameters
        ----------
        ranking : dict of str to Tensor
            A number for every gate, comparable across sites; the first of equal ones goes first.
        shares : sequence of float, optional
            One for each constraint; their own without it.

        Returns
        -------
        dict of str to Tensor
            Booleans of the gates' shapes. A gate behind the first that does not fit may stay where it does fit.
        """
        opened = {name: torch.ones_like(values, dtype=torch.bool) for name, values in ranking.items()}
        for constraint, share in zip(self.constraints, shares or [c.share for c in self.constraints], strict=True):
            opened = self._within(constraint, share, opened, ranking)
        return opened

    def _within(self, constraint: Constraint, share: float, opened, ranking) -> dict[str, Tensor]:
        """Close the gates that rank lowest until the cost is within the share, then open those that still fit."""
        sites, names = self.gates.sites, constraint.sites
        flat = torch.cat([ranking[name].flatten() for name in names])
        order = flat.argsort(descending=True, stable=True)
        candidates = order[torch.cat([opened[name].flatten() for name in names])[order]]

        def first(count: int, extra: Sequence[int] = ()) -> dict[str, Tensor]:
            mask = torch.zeros(len(flat), dtype=torch.bool, device=flat.device)
            mask[candidates[:count]] = True
            mask[list(extra)] = True
            parts = mask.split([sites[name].count for name in names])
            return opened | {n: part.reshape(sites[n].shape) for n, part in zip(names, parts, strict=True)}

        def fits(kept: dict[str, Tensor]) -> bool:
            return float(constraint.cost(certain(at_least_one(sites, kept, ranking)))) <= share + 1e-9

        low, high = 0, len(candidates)
        while low < high:  # the largest count that fits
            middle = (low + high + 1) // 2
            low, high = (middle, high) if fits(first(middle)) else (low, middle - 1)
        extra: list[int] = []
        for index in candidates[low + 1 : low + 1 + FILL].tolist():
            if fits(first(low, [*extra, index])):
                extra.append(index)
        return first(low, extra)


def keep_best(gates: Gates, scores: Mapping[str, Tensor], **shares) -> None:
    """Let the gates with the highest scores stay open, for good: structured pruning without training the gates.

    Parameters
    ----------
    gates : Gates
        Best attached with ``gate=TopK(kept=1.0)``, whose values are 1 where a gate is open.
    scores : dict of str to Tensor
        A number for every gate, from `saliency` or ``gates.scores(magnitude)``, comparable across sites.
    **shares
        Exactly one of `flops`, `params`, `kept` and `latency`, as of `Target`.

    Raises
    ------
    ArgumentError
        As of `Target`.

    Examples
    --------
    >>> from torch import nn
    >>> from ellzero.nn import TopK, magnitude, neurons
    >>> from ellzero.nn.attach import attach
    >>> model = nn.Sequential(nn.Linear(7, 190), nn.ReLU(), nn.Linear(190, 1))
    >>> gates = attach(model, torch.zeros(2, 7), neurons(), gate=TopK(kept=1.0))
    >>> keep_best(gates, gates.scores(magnitude), params=0.37)
    >>> gates.params_kept(), sum(p.numel() for p in model.parameters())
    (631, 1711)
    """
    decided = Budget(gates, **shares).decide(scores)
    gates.rule = lambda _: decided


def saliency(gates: Gates, batches, loss: Callable) -> dict[str, Tensor]:
    r"""First-order saliency of every gate: what closing it would change of the loss.

    .. math::
       s_j = \frac{1}{B} \sum_{b=1}^{B} \Big|\frac{\partial L_b}{\partial z_j}\Big|_{z = 1}

    with the loss :math:`L_b` of each of B batches and the gate values z, all open. The scores of each group of units
    are divided by their Euclidean length, which makes groups comparable, and so are those of all layers together.

    Parameters
    ----------
    gates : Gates
        Attached with ``gate=TopK(kept=1.0)``: all open, with a gradient.
    batches : iterable
        What `loss` takes.
    loss : callable
        ``loss(model, batch)``, a number with a gradient.

    Returns
    -------
    dict of str to Tensor
        Scores >= 0.

    Raises
    ------
    ArgumentError
        If the gates follow a score of the weights: they have no gradient of their own.

    References
    ----------
    Michel, Levy & Neubig (2019), "Are sixteen heads really better than one?", NeurIPS; Molchanov, Mallya, Tyree, Frosio
    & Kautz (2019), "Importance estimation for neural network pruning", CVPR.
    """
    if any(site.score is not None for site in gates.sites.values()):
        raise checks.no_slope_in_scores()
    totals = {name: torch.zeros(site.shape, device=gates.device) for name, site in gates.sites.items()}
    weights = [p for p in gates.model.parameters() if p.requires_grad]
    for weight in weights:  # only the gates' gradients are wanted
        weight.requires_grad_(False)
    gates.always = True
    try:
        with evaluating(gates.model):  # no dropout, no new statistics
            for batch in batches:
                gates.zero_grad()
                loss(gates.model, batch).backward()
                for name, logits in gates.logits.items():
                    if logits.grad is not None:
                        totals[name] += logits.grad.abs()
    finally:
        gates.always = False
        gates.zero_grad()
        for weight in weights:
            weight.requires_grad_(True)
    lengths = {name: total.norm() for name, total in totals.items()}
    of_layers = torch.stack([lengths[n] for n, s in gates.sites.items() if s.kind == LAYER] or [torch.ones(())]).norm()
    lengths |= {name: of_layers for name, site in gates.sites.items() if site.kind == LAYER}
    return {name: total / lengths[name].clamp(min=torch.finfo(total.dtype).tiny) for name, total in totals.items()}
