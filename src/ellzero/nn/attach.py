"""Gates on a network as it is: its class, its forward and the keys of its state dict stay what they are.

A gate sits at the *readers* of a dimension. On the writer's side it would be undone: a channel whose weights are zero
still emits what the batch norm behind it adds. At all readers a zero makes the unit irrelevant whatever it computes, so
that cutting it out leaves the output unchanged (`surgery.py`).
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from .. import _checks as checks
from .cost import Costs
from .distributed import average_gradients, replicated
from .gates import Gate, HardConcrete
from .graph import Graph, trace
from .plumbing import Plumbing, gated_at
from .selectors import Selection, Selector, channels, heads, neurons
from .sites import Site, Spread, sites_of

Rule = Callable[[Mapping[str, Tensor]], dict[str, Tensor]]  # decides from P(active) which gates stay open


class Gates(nn.Module):
    """Gates attached to a network, a module of their own.

    In training mode of the network every forward draws them, in evaluation mode their hard values hold. Its parameters
    are the logits: give them an optimiser of their own, with a learning rate far above that of the weights (`Target`
    does), and no weight decay.

    Parameters
    ----------
    model : torch.nn.Module
        The network.
    graph : Graph
        Its couplings.
    selection : Selection
        Where the gates sit.
    gate : Gate
        Their law.
    random_state : int
        Seed of their draws.

    Attributes
    ----------
    sites : dict of str to Site
        Where gates sit, by name.
    progress : float
        Share of the training that is over, in [0, 1], for laws with a schedule.
    costs : Costs
        Parameters and operations as functions of the gates.
    always : bool
        Whether the gates are drawn in evaluation mode of the network, too.
    rule : callable or None
        Decides in place of the law's own threshold which gates stay open; a `Target` sets it.
    """

    def __init__(self, model: nn.Module, graph: Graph, selection: Selection, gate: Gate, random_state: int = 0):
        super().__init__()
        self._model = (model,)  # in a tuple, so that the network does not become a part of its gates
        self.graph, self.progress = graph, 0.0
        self.rule: Rule | None = None
        self.always = False
        parameter = next(model.parameters())
        device, dtype = parameter.device, torch.promote_types(parameter.dtype, torch.float32)
        self.device = device
        self._generator = torch.Generator(device).manual_seed(random_state)
        self.sites = sites_of(model, selection, gate)
        self._logits = nn.ParameterDict()
        for name, site in self.sites.items():
            if site.score is None:  # half precision would lose the small steps of a logit
                start = site.law.initial(site.shape, generator=self._generator, dtype=dtype, device=device)
                self._logits[_key(name)] = nn.Parameter(start)
        self.spread = Spread(graph, self.sites.values(), device)
        self.costs = Costs(model, graph, list(self.sites.values()), device)
        self._plumbing = Plumbing(model, graph, self.sites, self.spread, self)
        self._plumbing.connect()

    # -- state -----------------------------------------------------------------------------------------------------
    @property
    def model(self) -> nn.Module:
        """The network."""
        return self._model[0]

    @property
    def logits(self) -> dict[str, Tensor]:
        """Logits by name; of gates that follow a score of the weights, the score."""
        return {
            name: replicated(self._logits[_key(name)]) if site.score is None else self._scores(site, site.score)
            for name, site in self.sites.items()
        }

    def scores(self, score: Callable[..., Tensor]) -> dict[str, Tensor]:
        """A score of all weights or units, such as `magnitude`: of units by all that writes them."""
        return {name: self._scores(site, score) for name, site in self.sites.items()}

    def _scores(self, site: Site, score: Callable[..., Tensor]) -> Tensor:
        """Scores of weights, or of units by all that writes them."""
        if site.group is None:
            return score(replicated(self.model.get_parameter(site.name).detach()))
        tensors = []
        for name, axis in site.group.of_role("write"):
            weight = replicated(self.model.get_parameter(name).detach()).movedim(axis, 0)
            members = torch.as_tensor(site.group.members[name, axis], device=weight.device)
            tensors.append(weight[members].reshape(site.group.size, -1))
        return score(torch.cat(tensors, dim=1), axis=0)

    def law(self, site: Site) -> Gate:
        """The law of a site at this point of the training."""
        return site.law.at(self.progress)

    def get_extra_state(self):
        """Progress and the state of the random numbers, for checkpoints."""
        return {"progress": self.progress, "generator": self._generator.get_state()}

    def set_extra_state(self, state):
        """Take progress and the state of the random numbers from a checkpoint."""
        self.progress = state["progress"]
        self._generator.set_state(state["generator"].cpu())

    # -- values ----------------------------------------------------------------------------------------------------
    def sample(self) -> dict[str, Tensor]:
        """Draws in [0, 1], differentiable in the logits."""
        logits = self.logits
        return {name: self.law(site).sample(logits[name], self._generator) for name, site in self.sites.items()}

    def probabilities(self) -> dict[str, Tensor]:
        """P(active) of every gate, differentiable in the logits."""
        logits = self.logits
        return {name: self.law(site).p_active(logits[name]) for name, site in self.sites.items()}

    @torch.no_grad()
    def hard(self) -> dict[str, Tensor]:
        """Values of evaluation, with exact zeros.

        Where fractions could not be folded into weights by surgery, at layers and at tied weights, they are 0 or 1.
        """
        logits = self.logits
        values = {name: self.law(site).hard(logits[name]) for name, site in self.sites.items()}
        if self.rule is not None:
            decided = self.rule(self.probabilities())
            for name, value in values.items():
                mean = self.law(self.sites[name]).mean(logits[name])
                values[name] = torch.where(decided[name], torch.where(value > 0, value, mean), 0.0)
        return {name: (v > 0).to(v) if self.sites[name].binary else v for name, v in values.items()}

    @torch.no_grad()
    def kept(self) -> dict[str, Tensor]:
        """Which units, layers and weights stay, as booleans.

        A group keeps one unit at least: no network has an axis of size 0. Where all its gates are closed that is the
        one most likely active, and it is kept with the value 0, so that the output is that of the closed group.
        """
        return self._kept(self.hard())

    def _kept(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return at_least_one(self.sites, {n: v > 0 for n, v in values.items()}, self.logits)

    def forward(self, training: bool) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Values of one forward of the network, drawn where it is in training mode, and what is kept, as 0 and 1."""
        values = self.sample() if training else self.hard()
        with torch.no_grad():
            dtype = next(iter(values.values())).dtype
            return values, {name: kept.to(dtype) for name, kept in self._kept(values).items()}

    @torch.no_grad()
    def rewind(self) -> None:
        """Put the logits where a next round begins, as their law says."""
        for name, site in self.sites.items():
            if site.score is None:
                logits = self._logits[_key(name)]
                logits.copy_(self.law(site).rewind(logits))
        self.progress = 0.0

    def average_gradients(self, group=None) -> None:
        """Average the gradients of the logits over the ranks of a process group; `Target` does so at each step."""
        average_gradients(self.parameters(), group)

    @torch.no_grad()
    def clamp(self) -> None:
        """Put logits back inside their law's limits; to be called after a step of their optimiser."""
        for name, site in self.sites.items():
            if site.score is None:
                self._logits[_key(name)].clamp_(*site.law.limits)

    # -- sizes -----------------------------------------------------------------------------------------------------
    def expected_l0(self) -> Tensor:
        r"""Expected number of nonzero parameters of the network, :math:`E\|\theta\|_0`, differentiable in the logits.

        Returns
        -------
        Tensor
            A number. Where gates sit on several axes of a tensor their probabilities multiply. Add
            ``lam * gates.expected_l0()`` to a mean loss: ``lam = 1 / n`` is AIC and ``log(n) / (2 n)`` BIC, for a mean
            over n samples of the negative log-likelihood.
        """
        return self.costs.params(self.probabilities())

    def expected_flops(self) -> Tensor:
        """Expected floating-point operations of one forward on the example, as torch's counter counts them."""
        return self.costs.flops(self.probabilities())

    def expected_open(self) -> Tensor:
        """Expected number of open gates."""
        return torch.stack([p.sum() for p in self.probabilities().values()]).sum()

    @torch.no_grad()
    def params_kept(self) -> int:
        """Number of parameters, nonzero ones where gates sit on single weights, once the closed gates are cut out."""
        return round(float(self.costs.params(certain(self.kept()))))

    @torch.no_grad()
    def flops_kept(self) -> int:
        """Floating-point operations of one forward on the example once the closed gates are cut out."""
        return round(float(self.costs.flops(certain(self.kept()))))

    # -- attachment ------------------------------------------------------------------------------------------------
    def detach(self) -> None:
        """Take the gates off; the network is what it was, with all its weights."""
        self._plumbing.disconnect()

    @contextmanager
    def detached(self, detached: bool = True) -> Iterator[None]:
        """The network without gates inside the block; or with them, where ``detached=False``."""
        connected = self._plumbing.connected
        self._plumbing.connect(not detached)
        try:
            yield
        finally:
            self._plumbing.connect(connected)

    def explain(self) -> str:
        """What may be cut, in groups, and why the rest may not."""
        return self.graph.explain()

    def __repr__(self):
        kinds: dict[str, list[int]] = {}
        for site in self.sites.values():
            kinds.setdefault(site.kind, []).append(site.count)
        return f"Gates({', '.join(f'{kind}: {sum(n)} in {len(n)}' for kind, n in kinds.items())})"


def _key(name: str) -> str:
    """A name as keys of parameter dictionaries may be: without dots."""
    return name.replace(".", "/")


def certain(kept: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Decisions as probabilities."""
    return {name: value.to(torch.float64) for name, value in kept.items()}


def at_least_one(sites: Mapping[str, Site], kept: dict[str, Tensor], rank: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same with the unit of the highest rank in every group that would lose them all."""
    return {
        name: value if sites[name].group is None else value | (~value.any() & _is_first(rank[name]))
        for name, value in kept.items()
    }


def _is_first(rank: Tensor) -> Tensor:
    return torch.arange(len(rank), device=rank.device) == rank.argmax()


def attach(
    model: nn.Module, example, selector: Selector | None = None, *, gate: Gate | None = None, random_state: int = 0
) -> Gates:
    """Put gates on a network, as it is.

    Parameters
    ----------
    model : torch.nn.Module
        Any network that `torch.export` can export. Its class, its forward and the keys of its state dict stay.
    example : tensor, tuple, list or mapping
        Inputs of one forward, positional or by name. Operations are counted for inputs of this size.
    selector : Selector, optional
        Where: `channels`, `neurons`, `heads`, `hidden`, `layers`, `weights` and `n_of_m`, joined with ``+`` and reduced
        with ``-``. Without it, all channels, neurons and heads that may go.
    gate : Gate, optional
        The law of the gates; `HardConcrete()` without it.
    random_state : int
        Seed of the gates' start and draws.

    Returns
    -------
    Gates
        A module of its own, with `expected_l0()` and the rest.

    Raises
    ------
    ArgumentError
        If a selector picks nothing, where the message lists what there is, or the network has gates already.
    UnsupportedError
        If the network cannot be exported.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(7, 19), nn.ReLU(), nn.Linear(19, 3))
    >>> gates = attach(model, torch.zeros(2, 7), neurons())
    >>> gates
    Gates(neuron: 19 in 1)
    >>> list(model.state_dict())
    ['0.weight', '0.bias', '2.weight', '2.bias']
    """
    checks.network(model)
    if (path := gated_at(model)) is not None:
        raise checks.gated_already(type(model).__name__, path)
    graph = trace(model, example)
    if selector is None:
        selection = _everything(model, graph)
    else:
        checks.selector(selector)
        selection = selector.pick(model, graph)
    return Gates(model, graph, selection, HardConcrete() if gate is None else gate, random_state)


def _everything(model: nn.Module, graph: Graph) -> Selection:
    kinds = {group.kind for group in graph.groups}
    selectors = {"channel": channels(), "neuron": neurons(), "head": heads()}
    found = Selection({}, (), {})
    for kind, selector in selectors.items():
        if kind in kinds:
            found = found | selector.pick(model, graph)
    if not found:
        raise checks.nothing_to_cut(type(model).__name__, graph.explain())
    return found
