"""What a gated network costs, in closed form: parameters and floating-point operations as polynomials in units kept."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from torch import Tensor, nn

from .graph import Graph, varying_axis
from .groups import Group
from .labels import without
from .sites import LAYER, WEIGHT, Site, Spread, laid_shape


@dataclass(frozen=True, eq=False)
class Cost:
    r"""A sum of products of sizes.

    .. math::
       c(N) = \sum_t a_t \prod_{l \ni t} g_l \prod_{f} \Big(b_{tf} + \sum_i m_{tfi} N_i\Big)

    where :math:`N_i` is how many units of group i are kept, :math:`g_l` whether layer l is, :math:`a_t` what cannot be
    cut, and each factor the size of one axis, of which :math:`m_{tfi}` coordinates belong to each unit of group i.

    Parameters
    ----------
    numbers : Tensor of shape (terms,)
        :math:`a_t`.
    base : Tensor of shape (terms, factors)
        :math:`b_{tf}`; 1 where a term has fewer factors.
    multiples : Tensor of shape (terms, factors, groups)
        :math:`m_{tfi}`.
    inside : Tensor of shape (terms, layers)
        Whether a term is spent inside a layer.
    """

    numbers: Tensor
    base: Tensor
    multiples: Tensor
    inside: Tensor

    def to(self, device: torch.device) -> "Cost":
        """The same on another device."""
        return Cost(*(t.to(device) for t in (self.numbers, self.base, self.multiples, self.inside)))

    def __call__(self, mean: Tensor, variance: Tensor, layers: Tensor) -> Tensor:
        r"""Expected cost where the gates are independent.

        Parameters
        ----------
        mean, variance : Tensor of shape (groups,)
            Of the number of units kept; for units kept or not for certain the variance is 0.
        layers : Tensor of shape (layers,)
            Probabilities that layers are kept.

        Returns
        -------
        Tensor
            The expected value, exact unless one group is a factor of a term three times. A group that is a factor twice
            adds :math:`m_{t1i} m_{t2i} \mathrm{Var} N_i`.
        """
        sizes = self.base + self.multiples @ mean
        total = sizes.prod(dim=1)
        count = self.base.shape[1]
        for one in range(count):
            for other in range(one + 1, count):
                rest = [f for f in range(count) if f not in (one, other)]
                both = (self.multiples[:, one] * self.multiples[:, other]) @ variance
                total = total + both * sizes[:, rest].prod(dim=1)
        kept = torch.where(self.inside, layers, torch.ones_like(layers)).prod(dim=1)
        return (self.numbers * kept * total).sum()


Factor = tuple[
    int, Mapping[int, int]
]  # what cannot be cut of an axis, and how many coordinates a unit of each group has


class Sizes:
    """Sizes of axes as linear forms in the units kept of each group."""

    def __init__(self, graph: Graph, groups: Sequence[Group]):
        self.graph = graph
        self._counts = [group.size for group in groups]
        self._owner = np.full(len(graph.walk.units.parent), -1)
        for i, group in enumerate(groups):
            self._owner[group.roots] = i

    def of_labels(self, labels: np.ndarray) -> Factor:
        """The size of an axis with these labels."""
        owner = self._owner[self.graph.walk.units.find(labels)]
        found, counts = np.unique(owner[owner >= 0], return_counts=True)
        units = {i: n // self._counts[i] for i, n in zip(found.tolist(), counts.tolist(), strict=True)}
        return int((owner < 0).sum()), units

    def of_parameter(self, name: str, axis: int, size: int) -> Factor:
        """The size of an axis of a parameter."""
        labels = self.graph.walk.axes.get((name, axis))
        return (size, {}) if labels is None else self.of_labels(labels)

    def of_axis(self, array: np.ndarray, axis: int) -> Factor:
        """The size of one axis of a tensor: units go along the outermost axis on which they differ."""
        if varying_axis(self.graph.walk, array) != axis:
            return array.shape[axis], {}
        others = [k for k in range(array.ndim) if k != axis]
        return self.of_labels(without(others, array).ravel())


class Costs:
    """What the network costs as gates open and close, by probabilities or by decisions.

    Parameters
    ----------
    model : torch.nn.Module
        The network.
    graph : Graph
        Its couplings.
    sites : sequence of Site
        Where its gates sit.
    device : torch.device
        Where the gates live.
    """

    def __init__(self, model: nn.Module, graph: Graph, sites: Sequence[Site], device: torch.device):
        self._groups = [site for site in sites if site.group is not None]
        self._layers = [site.name for site in sites if site.kind == LAYER]
        self._weights = [site.name for site in sites if site.kind == WEIGHT]
        self._spread = Spread(graph, sites, device)
        self._device = device
        sizes = Sizes(graph, [site.group for site in self._groups if site.group is not None])
        tensors = [
            (name, 1, [sizes.of_parameter(name, axis, size) for axis, size in enumerate(parameter.shape)])
            for name, parameter in model.named_parameters()
            if name not in self._weights
        ]
        work = [(w.path, w.count, [sizes.of_axis(array, axis) for array, axis in w.axes]) for w in graph.walk.work]
        self._tensors = _assembled(tensors, len(self._groups), self._layers).to(device)
        self._work = _assembled(work, len(self._groups), self._layers).to(device)

    def flops(self, probabilities: Mapping[str, Tensor]) -> Tensor:
        """Floating-point operations of one forward on the example, as torch's counter counts them."""
        return self._evaluate(self._work, probabilities)

    def params(self, probabilities: Mapping[str, Tensor]) -> Tensor:
        """Parameters, each shared tensor once; where gates sit on single weights, those that are not closed."""
        total = self._evaluate(self._tensors, probabilities)
        vectors = self._spread.vectors(probabilities) if self._weights else {}
        for name in self._weights:
            active = probabilities[name].double()
            for axis in range(active.ndim):
                if (name, axis) in vectors:
                    active = active * vectors[name, axis].double().reshape(laid_shape(axis, active.ndim))
            for layer in self._layers:
                if name.startswith(f"{layer}."):
                    active = active * probabilities[layer].double()
            total = total + active.sum()
        return total

    def _evaluate(self, cost: Cost, probabilities: Mapping[str, Tensor]) -> Tensor:
        def vector(numbers):
            return torch.stack(numbers) if numbers else torch.zeros(0, dtype=torch.float64, device=self._device)

        units = [probabilities[site.name].double() for site in self._groups]
        layers = [probabilities[path].double().reshape(()) for path in self._layers]
        return cost(vector([p.sum() for p in units]), vector([(p * (1 - p)).sum() for p in units]), vector(layers))


def _assembled(terms: Iterable[tuple[str, int, list[Factor]]], n_groups: int, layers: Sequence[str]) -> Cost:
    """Terms with the same factors inside the same layers are added up."""
    added: dict[tuple, int] = {}
    for path, number, factors in terms:
        number *= prod(base for base, units in factors if not units)
        open_factors = sorted((base, tuple(units.items())) for base, units in factors if units)
        inside = tuple(path == layer or path.startswith(f"{layer}.") for layer in layers)
        added[tuple(open_factors), inside] = added.get((tuple(open_factors), inside), 0) + number
    width = max((len(factors) for factors, _ in added), default=0)
    base = torch.ones(len(added), width, dtype=torch.float64)
    multiples = torch.zeros(len(added), width, n_groups, dtype=torch.float64)
    for t, (factors, _) in enumerate(added):
        for f, (constant, units) in enumerate(factors):
            base[t, f] = constant
            for group, count in units:
                multiples[t, f, group] = count
    numbers = torch.tensor(list(added.values()), dtype=torch.float64)
    inside = torch.tensor([inside for _, inside in added], dtype=torch.bool).reshape(len(added), len(layers))
    return Cost(numbers, base, multiples, inside)
