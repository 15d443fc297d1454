"""From a network and data to a smaller network in one call: training with gates, surgery, and training on."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .. import _checks as checks
from .._progress import Clock, OnProgress, deferred_interrupt
from ..result import Status
from . import export
from .attach import Gates, attach
from .budget import Budget, keep_best
from .gates import Gate, TopK
from .graph import evaluating
from .latency import measure_latency
from .masks import Masks
from .plan import Plan
from .report import Report, name_of, report
from .selectors import Selector
from .sites import LAYER, WEIGHT
from .surgery import compress, make_plan
from .target import Target

Loss = Callable[[Any, Any], Tensor]
MakeOptimizer = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]

WARMUP = 0.4  # of the steps with gates, in which the size wanted goes down
WAY = 15.0  # how far the logits of gates must be able to travel: from open to closed, and back again
GATE_LR = 0.1  # the least learning rate of gates
BY_GATES, BY_SCORE = 0.25, 0.5  # of the epochs, after the cut
GAP_BATCHES = 8  # batches on which the loss with drawn and with decided gates is compared


@dataclass(frozen=True, eq=False)
class Sparsified:
    """A smaller network and how it came about.

    Attributes
    ----------
    network : torch.nn.Module
        The smaller network, in evaluation mode, plain: nothing of ellzero is in it.
    report : Report
        Before and after.
    plan : Plan
        What was cut; with the weights it restores the network from a dense one.
    gates : Gates
        Detached from the network that was trained, which has all its weights as they were when the cut was made.
    status : Status
        ``HEURISTIC`` where all epochs were trained, ``TIME_LIMIT`` and ``INTERRUPTED`` where the network is what there
        was at that moment: cut as far as the gates had come, or not yet trained to the end after the cut.
    losses : tuple of float
        Mean loss of each epoch that was begun, in training mode, before and after the cut.
    """

    network: nn.Module
    report: Report
    plan: Plan
    gates: Gates
    status: Status
    losses: tuple[float, ...]

    def save(self, folder: str | Path) -> None:
        """Write plan and weights, for `load`; see `ellzero.nn.save`."""
        export.save(self.network, folder, self.plan)

    def __str__(self) -> str:
        return f"{self.report}\nstatus: {self.status.value}"

    def _repr_html_(self) -> str:
        return self.report._repr_html_() + f"<p>status: {self.status.value}</p>"


def sparsify(
    model: nn.Module, loader: Iterable, loss: Loss, *,
    flops: float | None = None, params: float | None = None, kept: Mapping[str, float] | None = None,
    latency: float | None = None, epochs: int = 10, pretrain: int = 0, finetune: float | None = None,
    optimizer: MakeOptimizer | None = None, selector: Selector | None = None, gate: Gate | None = None,
    gate_lr: float | None = None, warmup: int | None = None, example=None,
    metric: Callable[[nn.Module], float] | None = None, device: str | torch.device | None = None,
    time_limit: float = float("inf"), on_progress: OnProgress | None = None, threads: int | None = 1,
    random_state: int = 0,
) -> Sparsified:  # fmt: skip
    r"""Train a network until it is as small as asked, cut it, and train what is left a little more.

    Gates are attached and trained with the weights while the size allowed goes down from all to the share wanted, over
    the first two fifths of their steps (`Target`). Then closed units are cut out for good, and the smaller network is
    trained for the last `finetune` of the epochs, at a rate that goes down to zero linearly. With a `TopK` gate that
    follows a score, ``TopK(score=magnitude)``, the network is trained as it is in the first part, and the units of the
    highest scores are kept, in all groups together, as many as the size allows.

    Parameters
    ----------
    model : torch.nn.Module
        The network. Its weights are trained in place.
    loader : iterable
        Of batches (inputs, target), gone through once an epoch: a list or a ``DataLoader``, not a generator. Inputs may
        be a tensor, a tuple or a dict.
    loss : callable
        ``loss(model(inputs), target)``, a mean over the batch, such as `torch.nn.functional.cross_entropy`.
    flops, params, kept : float, float, mapping
        The size wanted, one of them, as of `Target`. With `n_of_m` alone none: the pattern says it.
    latency : float, optional
        In their place, the share in (0, 1] of the time of one forward on `example`, measured before the training
        (`measure_latency`); give an example of the size that will be used. The report says what the smaller network
        takes.
    epochs : int, default=10
        Epochs with gates and after the cut together, >= 1.
    pretrain : int, default=0
        Epochs of plain training before them, for a network that is not trained yet, >= 0.
    finetune : float, optional
        Share of the epochs after the cut, in [0, 1); 1/4 with gates that are trained, 1/2 with a score, whose cut is
        sudden.
    optimizer : callable, optional
        Makes an optimiser of parameters, ``functools.partial(torch.optim.SGD, lr=0.1)`` for instance: weights change
        with the cut, so a finished one would hold those of before. Adam with its default rate of 0.001 without it.
    selector : Selector, optional
        Which units; all channels, neurons and heads without it.
    gate : Gate, optional
        `HardConcrete()` without it.
    gate_lr : float, optional
        Learning rate of the gates; by default 0.1, and more where the steps are so few that gates could not close.
    warmup : int, optional
        Steps in which the size goes down.
    example : tensor, tuple, list or mapping, optional
        Inputs of one forward, on which operations are counted and time is measured; by default the first two of the
        first batch.
    metric : callable, optional
        Takes a network in evaluation mode and returns a number for the report; called before (after `pretrain`) and at
        the end.
    device : str or torch.device, optional
        Where to train; by default where the network is. Batches are moved there.
    time_limit : float
        Seconds of training, > 0; then the network is cut as far as the gates have come.
    on_progress : callable, optional
        Receives an `ellzero.Event` about ten times a second.
    threads : int or None, default=1
        Threads of torch while time is measured, before and after; None leaves them as they are, as the training does.
    random_state : int
        Seed of the gates and, during the call, of torch's random numbers, which are put back afterwards.

    Returns
    -------
    Sparsified
        With `network`, `report`, `plan`, `gates` and `status`. Ctrl-C ends the training and returns it, too.

    Raises
    ------
    ArgumentError
        If the loader can be iterated only once, the size cannot be reached, or an argument is out of its range.
    DataError
        If the loader is empty, its batches are no pairs, or the loss is no longer a finite number.
    UnsupportedError
        If the network cannot be exported, or no smaller instance of its class exists, which is tried out at the start.

    Examples
    --------
    >>> import torch.nn.functional as F
    >>> generator = torch.Generator().manual_seed(0)
    >>> x = torch.randn(370, 7, generator=generator)
    >>> loader = [(part, part[:, :1] - part[:, 1:2].relu()) for part in x.split(37)]
    >>> model = nn.Sequential(nn.Linear(7, 190), nn.ReLU(), nn.Linear(190, 1))
    >>> found = sparsify(model, loader, F.mse_loss, flops=0.1, epochs=8)
    >>> found.network[0]
    Linear(in_features=7, out_features=19, bias=True)
    """
    work = _Work(model, loader, loss, optimizer or torch.optim.Adam, time_limit, on_progress)
    epochs = checks.integer_in("epochs", epochs, 1, 10**9)
    pretrain = checks.integer_in("pretrain", pretrain, 0, 10**9)
    usual = BY_SCORE if isinstance(gate, TopK) else BY_GATES
    tuned = usual if finetune is None else checks.share_below_one("finetune", finetune)
    seed = checks.integer_in("random_state", random_state, 0, 2**63 - 1)
    if device is not None:
        model.to(device)
    size = {"flops": flops, "params": params, "kept": kept, "latency": latency}
    if latency is not None:
        checks.share("latency", latency)
    with torch.random.fork_rng(work.forked()), deferred_interrupt(work.interrupt):
        torch.manual_seed(seed)
        work.count()
        tune = round(tuned * epochs * work.batches)
        steps = epochs * work.batches - tune
        example = work.first_two() if example is None else moved(example, work.device)
        gates = attach(model, example, selector, gate=_open(gate), random_state=seed)
        if latency is not None:
            _rehearse(gates)  # before the clock runs what was cut
            size["latency"] = measure_latency(gates, threads=threads).at(latency)
        choice = _choice(gates, gate, size, steps, gate_lr, warmup)
        if latency is None:
            _rehearse(gates)
        with gates.detached():
            work.train(model, pretrain * work.batches, "before")
            before = work.value(metric, model)
        with gates.detached(choice.plain):
            work.train(model, steps, "with gates", choice)
        choice.decide()
        small, plan = compress(model, gates), make_plan(gates)
        gates.detach()
        some = list(islice(work.pairs(), GAP_BATCHES))
        work.train(small, tune, "after the cut", _Zeros(small, gates), falling=True)
        found = report(
            model, small, example, gates=gates, loss=lambda network: work.mean_loss(network, some), threads=threads
        )
        after = work.value(metric, small)
    found = replace(
        found,
        before=replace(found.before, metric=before),
        after=replace(found.after, metric=after),
        metric_name=name_of(metric),
        gap=None if choice.plain else found.gap,
    )
    return Sparsified(small, found, plan, gates, work.status, tuple(work.losses))


def _open(gate: Gate | None) -> Gate | None:
    """Gates that follow a score are open until it is decided what the size allows."""
    if isinstance(gate, TopK) and gate.score is not None and gate.pattern is None:
        return TopK(kept=1.0, score=gate.score)  # with its score, which sites of a pattern keep
    return gate


def _rehearse(gates: Gates) -> None:
    """Cut one unit of every group, on trial: a network that cannot be cut is told before the training, not after."""
    sites = {name: site for name, site in gates.sites.items() if site.group is not None and site.count > 1}
    masks = {n: torch.ones(s.shape, dtype=torch.bool, device=gates.device) for n, s in gates.sites.items()}
    for name in sites:
        masks[name][-1] = False
    rule, gates.rule = gates.rule, lambda _: masks
    try:
        compress(gates.model, gates)
    finally:
        gates.rule = rule


# -- training ----------------------------------------------------------------------------------------------------------
class _Beside:
    """What goes on beside the steps of the weights: nothing."""

    def step(self, progress: float) -> None:
        """After each step of the weights."""

    @property
    def said(self) -> str:
        """A few words for who watches."""
        return ""


class _Work:
    """Data, loss and clock of one call, and the loop over them."""

    def __init__(self, model: nn.Module, loader, loss: Loss, optimizer: MakeOptimizer, time_limit, on_progress):
        checks.network(model)
        self.model, self.loader, self.loss, self.optimizer = model, loader, loss, optimizer
        self.clock = Clock(checks.positive("time_limit", time_limit), on_progress)
        self.losses: list[float] = []
        self.batches = 0

    def count(self) -> None:
        """Number of batches in an epoch; a loader that is asked for its batches may draw random numbers."""
        checks.batches(self.loader)
        try:
            self.batches = len(self.loader)
        except TypeError:  # an iterable that does not know its length
            self.batches = sum(1 for _ in self.loader)
        if not self.batches:
            raise checks.empty_loader()

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.model.parameters()).device

    def interrupt(self) -> None:
        """Stop after this step."""
        self.clock.interrupted = True

    @property
    def status(self) -> Status:
        if self.clock.interrupted:
            return Status.INTERRUPTED
        return Status.TIME_LIMIT if self.clock.expired else Status.HEURISTIC

    def forked(self) -> list[torch.device]:
        """Devices whose random numbers are put back afterwards."""
        return [] if self.device.type == "cpu" else [self.device]

    def pairs(self) -> Iterator[tuple[Any, Any]]:
        """Batches of one epoch, on the device."""
        for batch in self.loader:
            checks.batch(batch)
            yield moved(batch[0], self.device), moved(batch[1], self.device)

    def first_two(self):
        """Two samples of the first batch: an example of the inputs."""
        for inputs, _ in self.pairs():
            return first(inputs, 2)
        raise checks.empty_loader()

    def train(self, network: nn.Module, steps: int, phase: str, beside: _Beside | None = None, falling=False) -> None:
        """So many steps, through the loader again and again, unless the clock says stop."""
        if not steps or self.clock.stopped:
            return
        beside = beside or _Beside()
        optimizer = self.optimizer([p for p in network.parameters() if p.requires_grad])
        rate = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: 1 - done / steps if falling else 1.0)
        network.train()
        try:
            self._steps(network, steps, phase, beside, optimizer, rate)
        except KeyboardInterrupt:  # by the watcher
            self.interrupt()
        finally:
            optimizer.zero_grad()
            network.eval()

    def _steps(self, network, steps, phase, beside, optimizer, rate) -> None:
        done = 0
        while done < steps and not self.clock.stopped:
            total = count = 0
            for inputs, target in self.pairs():
                value = _call_loss(self.loss, network, inputs, target)
                number = float(value.detach())
                if number - number != 0:  # NaN or infinite
                    raise checks.training_diverged(f"the training {phase}", done, number)
                value.backward()
                optimizer.step()
                beside.step((done + 1) / steps)
                optimizer.zero_grad()
                rate.step()
                done, count, total = done + 1, count + 1, total + number
                words = f"epoch {len(self.losses) + 1}, loss {total / count:.4g}{beside.said}"
                self.clock.tick(f"training {phase}", message=words, done=done, total=steps, objective=total / count)
                if done == steps or self.clock.stopped:
                    break
            self.losses.append(total / max(count, 1))

    @torch.no_grad()
    def mean_loss(self, network: nn.Module, pairs: Sequence[tuple[Any, Any]]) -> float:
        """Mean loss over some batches."""
        return sum(float(_call_loss(self.loss, network, *pair)) for pair in pairs) / len(pairs)

    @torch.no_grad()
    def value(self, metric, network: nn.Module) -> float | None:
        """What the caller's function says of a network in evaluation mode."""
        if metric is None:
            return None
        with evaluating(network):
            return float(metric(network))


def _call_loss(loss: Loss, network: nn.Module, inputs, target) -> Tensor:
    value = loss(forward(network, inputs), target)
    if not isinstance(value, Tensor) or value.numel() != 1:
        raise checks.not_a_loss(getattr(value, "shape", None), type(value).__name__)
    return value


def forward(network: nn.Module, inputs):
    """One forward on the inputs of a batch: a tensor, several in a tuple, or by name."""
    if isinstance(inputs, Mapping):
        return network(**inputs)
    return network(*inputs) if isinstance(inputs, tuple | list) else network(inputs)


def moved(value, device: torch.device):
    """Inputs on a device: a tensor, or several in a tuple, a list or by name."""
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, Mapping):
        return {key: moved(item, device) for key, item in value.items()}
    return type(value)(moved(item, device) for item in value) if isinstance(value, tuple | list) else value


def first(value, count: int):
    """The first samples of inputs."""
    if isinstance(value, Tensor):
        return value[:count]
    if isinstance(value, Mapping):
        return {key: first(item, count) for key, item in value.items()}
    return type(value)(first(item, count) for item in value) if isinstance(value, tuple | list) else value


# -- which gates stay open ---------------------------------------------------------------------------------------------
class _Choice(_Beside):
    """How gates come to be closed; `plain` where the network is trained without them."""

    plain = False

    def decide(self) -> None:
        """Settle it, before the cut."""


def _choice(gates: Gates, gate: Gate | None, size: Mapping[str, Any], steps: int, gate_lr, warmup) -> _Choice:
    if isinstance(gate, TopK):
        if gate.score is None:
            raise checks.counts_of_its_own(type(gate).__name__)
        return _ByScore(gates, gate.score, size)
    checks.one_goal(**size)
    lr = max(GATE_LR, WAY / steps) if gate_lr is None else gate_lr
    return _ByTarget(Target(gates, **size, lr=lr, warmup=round(WARMUP * steps) if warmup is None else warmup))


class _ByTarget(_Choice):
    """Gates trained at a price until the network has the size."""

    def __init__(self, goal: Target):
        self.goal, self.gates = goal, goal.gates

    def step(self, progress: float) -> None:
        self.goal.step()
        self.gates.progress = progress

    @property
    def said(self) -> str:
        with torch.no_grad():
            return f", {float(self.gates.expected_open()):.0f} of {_count(self.gates)} gates open"


class _ByScore(_Choice):
    """The units of the highest scores of the weights as they are in the end, in all groups together."""

    plain = True

    def __init__(self, gates: Gates, score: Callable[..., Tensor], size: Mapping[str, Any]):
        self.gates, self.score, self.size = gates, score, size
        layers = [name for name, site in gates.sites.items() if site.kind == LAYER]
        if layers:
            raise checks.no_score_of_layers(layers)
        patterned = all(isinstance(s.law, TopK) and s.law.pattern is not None for s in gates.sites.values())
        self.asked = not patterned or any(value is not None for value in size.values())
        if self.asked:
            checks.one_goal(**size)
            Budget(gates, **size)  # before the training: a size that cannot be reached is told at once

    def decide(self) -> None:
        if self.asked:
            keep_best(self.gates, self.gates.scores(self.score), **self.size)


class _Zeros(_Beside):
    """Single weights that were cut stay zero while the rest is trained."""

    def __init__(self, small: nn.Module, gates: Gates):
        names = [name for name, p in small.named_parameters() if p.ndim > 1 and bool((p == 0).any())]
        single = any(site.kind == WEIGHT for site in gates.sites.values())
        self.masks = Masks.nonzero(small, *names) if single and names else None
        self.small = small

    def step(self, progress: float) -> None:
        if self.masks is not None:
            self.masks.apply(self.small)


def _count(gates: Gates) -> int:
    return sum(site.count for site in gates.sites.values())
