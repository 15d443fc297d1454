"""Latency as a cost: how long a forward takes as a group of units shrinks, measured once and looked up in training."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .. import _checks as checks
from .attach import Gates
from .graph import evaluating
from .report import latencies, on_threads
from .sites import LAYER, Site
from .surgery import make_plan


@dataclass(frozen=True)
class LatencyTable:
    r"""Measured seconds of a forward, by the number of units that each group keeps while all others are whole.

    .. math::
       T(N) = T_0 + \sum_i (T_i(N_i) - T_0)

    with :math:`T_0` of the whole network and :math:`T_i` interpolated between the numbers of units that were measured:
    an additive model, so measure what comes out of it (`report`).

    Parameters
    ----------
    whole : float
        :math:`T_0`, in seconds.
    points : dict
        For each group or layer the numbers of units measured, ascending, and their seconds, never falling.
    """

    whole: float
    points: dict[str, tuple[tuple[int, ...], tuple[float, ...]]]

    def at(self, share: float) -> "LatencyGoal":
        """The goal of a share in (0, 1] of the whole network's time, for `Target`."""
        return LatencyGoal(self, checks.share("share", share))

    def share_of(self, probabilities: Mapping[str, Tensor]) -> Tensor:
        """Expected share of the whole time, from the probabilities that gates are open; differentiable in them."""
        total = torch.ones((), dtype=torch.float64, device=next(iter(probabilities.values())).device)
        for name, (counts, seconds) in self.points.items():
            expected = probabilities[name].double().sum()
            grid = torch.tensor(counts, dtype=torch.float64, device=expected.device)
            times = torch.tensor(seconds, dtype=torch.float64, device=expected.device) / self.whole
            cell = int((torch.searchsorted(grid, expected.detach()) - 1).clamp(0, len(counts) - 2))
            slope = (times[cell + 1] - times[cell]) / (grid[cell + 1] - grid[cell])
            total = total + times[cell] + slope * (expected - grid[cell]).clamp(min=0) - times[-1]
        return total


@dataclass(frozen=True)
class LatencyGoal:
    """A share of the time that a table was measured at; what ``Target(gates, latency=…)`` takes."""

    table: LatencyTable
    share: float

    def share_of(self, probabilities: Mapping[str, Tensor]) -> Tensor:
        """Expected share of the whole time, from the probabilities that gates are open."""
        return self.table.share_of(probabilities)


def measure_latency(
    gates: Gates, *, points: int = 5, turns: int = 15, warmup: int = 3, threads: int | None = 1
) -> LatencyTable:
    """Measure how the time of a forward on the gates' example falls as each group and layer shrinks alone.

    Parameters
    ----------
    gates : Gates
        Attached to a network; they stay as they are.
    points : int, default=5
        Numbers of units measured for each group, from one to all of them, >= 2.
    turns, warmup : int
        Turns that count, in alternation with the whole network, and turns before them.
    threads : int or None, default=1
        Threads of torch meanwhile; None leaves them as they are.

    Returns
    -------
    LatencyTable
        ``table.at(0.5)`` is a goal for `Target`. Groups of as many units of the same footprint are measured once.

    Raises
    ------
    ArgumentError
        If `points` is below 2, or the gates are on single weights alone, whose zeros take as long as other numbers.
    """
    checks.integer_in("points", points, 2, 10**6)
    checks.integer_in("turns", turns, 1, 10**6)
    shrinking = {n: s for n, s in gates.sites.items() if s.kind == LAYER or (s.group is not None and s.count > 1)}
    if not shrinking:  # zeros among weights take as long as any number
        raise checks.nothing_shrinks()
    with gates.detached():
        whole = copy.deepcopy(gates.model)
    seconds_whole: list[float] = []
    shares: dict[tuple, tuple[tuple[int, ...], tuple[float, ...]]] = {}
    with evaluating(whole), on_threads(threads):
        for name, site in shrinking.items():
            key = _footprint(whole, site)
            if key in shares:
                continue
            counts = np.unique(np.linspace(0 if site.kind == LAYER else 1, site.count, points).round().astype(int))
            found = []
            for count in counts[:-1].tolist():
                kept = {n: torch.ones(s.shape, dtype=torch.bool, device=gates.device) for n, s in gates.sites.items()}
                kept[name][count:] = False
                small = make_plan(gates, kept).apply(copy.deepcopy(whole))
                ours, base = latencies([small, whole], _example(gates), turns, warmup)
                found.append(min(1.0, ours.median / base.median))
                seconds_whole.append(base.median)
            shares[key] = tuple(counts.tolist()), tuple(np.maximum.accumulate([*found, 1.0]).tolist())
    base = float(np.median(seconds_whole))
    measured = {name: shares[_footprint(whole, site)] for name, site in shrinking.items()}
    return LatencyTable(base, {n: (counts, tuple(base * t for t in times)) for n, (counts, times) in measured.items()})


def _footprint(model: torch.nn.Module, site: Site) -> tuple:
    """What decides how long units take: shapes of the tensors they are cut from, and how often; a layer's own name."""
    if site.group is None:
        return (site.name,)
    tensors = dict(model.named_parameters()) | dict(model.named_buffers())
    members = site.group.members.items()
    return tuple(sorted((tuple(tensors[name].shape), axis, at.shape[1]) for (name, axis), at in members))


def _example(gates: Gates):
    args, kwargs = gates.graph.inputs
    return kwargs or args
