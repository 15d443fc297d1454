"""What was won: parameters, operations, bytes and measured time of a network before and after, and what it cost.

Time is measured on both networks in turns, so that whatever else the machine does meets both; medians and quartiles are
stated, and the number of threads. A network that is smaller on paper need not be faster on a machine.
"""

import html
import json
import math
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from .. import _checks as checks
from ..result import Table
from .attach import Gates
from .graph import as_inputs, evaluating, without_cache
from .weightfile import write_tensors

SHORTEST_TURN = 1e-3  # seconds: shorter forwards are repeated within a turn, so that the clock's own cost is no part
MOST_IN_A_TURN = 1000


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds of one forward over several turns: the median and the quartiles."""

    median: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Measured:
    """What was counted and measured of one network.

    Attributes
    ----------
    params, nonzeros : int
        Numbers in its parameters, shared ones once, and those that are not zero.
    flops : int
        Floating-point operations of one forward on the example; a multiplication with its addition counts 2.
    tensor_bytes, file_bytes : int
        Bytes of parameters and buffers in memory, and of a safetensors file of them.
    latency : Latency
        Seconds of one forward on the example.
    metric : float or None
        What the caller's function says of the network.
    """

    params: int
    nonzeros: int
    flops: int
    tensor_bytes: int
    file_bytes: int
    latency: Latency
    metric: float | None = None


@dataclass(frozen=True, slots=True)
class GateGap:
    """The gap between gates as they are trained, drawn at random, and as they are used, decided.

    Attributes
    ----------
    expected_l0 : float
        Expected number of nonzero parameters under the gates' probabilities.
    hard_l0 : int
        Number of parameters that the decided gates leave.
    soft_loss, hard_loss : float or None
        Loss with drawn gates, the mean of several draws, and with decided ones; everything else, dropout and batch
        norms for instance, as in evaluation.
    soft_spread : float or None
        Standard deviation of the loss over the draws.
    """

    expected_l0: float
    hard_l0: int
    soft_loss: float | None = None
    soft_spread: float | None = None
    hard_loss: float | None = None


@dataclass(frozen=True)
class Report:
    """A network before and after: what it has, what it takes, and what it is still worth.

    Attributes
    ----------
    before, after : Measured
    layers : Table
        What is kept, by group of units where gates were given, else by parameter.
    gap : GateGap or None
        Where gates were given.
    threads, turns : int
        Threads of torch during the measurements, and how often each network had its turn.
    inputs, device : str
        Shapes of the example, and where it ran.
    metric_name : str
        Name of the caller's function.
    """

    before: Measured
    after: Measured
    layers: Table
    gap: GateGap | None
    threads: int
    turns: int
    inputs: str
    device: str
    metric_name: str = "metric"

    def table(self) -> Table:
        """One row a quantity: before, after, and their ratio."""
        one, two = self.before, self.after
        pairs = [
            ("parameters", one.params, two.params),
            ("nonzero parameters", one.nonzeros, two.nonzeros),
            ("FLOPs", one.flops, two.flops),
            ("bytes of tensors", one.tensor_bytes, two.tensor_bytes),
            ("bytes of file", one.file_bytes, two.file_bytes),
            ("latency ms", 1e3 * one.latency.median, 1e3 * two.latency.median),
        ]
        rows: list[Sequence[object]] = [[name, a, b, b / a if a else None] for name, a, b in pairs]
        rows += [
            ["latency ms, lower quartile", 1e3 * one.latency.lower, 1e3 * two.latency.lower, None],
            ["latency ms, upper quartile", 1e3 * one.latency.upper, 1e3 * two.latency.upper, None],
        ]
        if one.metric is not None or two.metric is not None:
            rows.append([self.metric_name, one.metric, two.metric, None])
        return Table(["", "before", "after", "after / before"], rows)

    @property
    def facts(self) -> list[str]:
        """Sentences beside the table: how time was measured, and the gap between drawn and decided gates."""
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        facts = [
            f"Latency of one forward on {self.inputs}, {self.device}, {threads}: "
            f"medians of {self.turns} turns, the networks in alternation."
        ]
        if self.gap is not None:
            facts.append(f"Expected L0 of the gates {self.gap.expected_l0:.1f}, decided {self.gap.hard_l0}.")
            if self.gap.soft_loss is not None and self.gap.hard_loss is not None:
                facts.append(
                    f"Loss with drawn gates {self.gap.soft_loss:.6g} (standard deviation {self.gap.soft_spread:.2g} "
                    f"over draws), with decided gates {self.gap.hard_loss:.6g}."
                )
        return facts

    def to_dict(self) -> dict[str, object]:
        """Everything as plain dictionaries, lists, numbers and text."""
        return {
            "before": asdict(self.before),
            "after": asdict(self.after),
            "layers": self.layers.to_dicts(),
            "gap": None if self.gap is None else asdict(self.gap),
            "threads": self.threads,
            "turns": self.turns,
            "inputs": self.inputs,
            "device": self.device,
            "metric_name": self.metric_name,
        }

    def to_json(self) -> str:
        """JSON of `to_dict`; a metric or loss that is not finite becomes null."""
        return json.dumps(_finite(self.to_dict()), indent=1, ensure_ascii=False, allow_nan=False)

    def to_csv(self) -> str:
        """The table as comma-separated values at full precision."""
        return self.table().to_csv()

    def to_text(self) -> str:
        """Both tables and the facts in plain text."""
        return "\n".join([self.table().to_text(), "", self.layers.to_text(), "", *self.facts])

    def to_markdown(self) -> str:
        """Both tables and the facts in GitHub Markdown."""
        return "\n\n".join([self.table().to_markdown(), self.layers.to_markdown(), *self.facts])

    def to_latex(self) -> str:
        """The table as a booktabs tabular, the facts as comments."""
        return "\n".join([self.table().to_latex(), *(f"% {fact}" for fact in self.facts)])

    def to_html(self) -> str:
        """Both tables and the facts as HTML."""
        facts = "".join(f"<p>{html.escape(fact)}</p>" for fact in self.facts)
        return self.table().to_html() + self.layers.to_html() + facts

    def __str__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        return self.to_html()


def report(
    model: nn.Module, small: nn.Module, example, *, gates: Gates | None = None,
    metric: Callable[[nn.Module], float] | None = None, loss: Callable[[nn.Module], float] | None = None,
    threads: int | None = 1, repeats: int = 20, warmup: int = 3, draws: int = 8,
) -> Report:  # fmt: skip
    """Count and measure a network before and after.

    Parameters
    ----------
    model, small : torch.nn.Module
        The dense network and the smaller one, on the same device.
    example : tensor, tuple, list or mapping
        Inputs of one forward, as for `attach`. FLOPs and latency are of this forward, its batch size included.
    gates : Gates, optional
        Those of `model`: what is kept is then told by group, and the gap between drawn and decided gates is stated. The
        dense network is measured without them.
    metric : callable, optional
        Takes a network in evaluation mode and returns a number, an accuracy for instance.
    loss : callable, optional
        The same for the loss with drawn and with decided gates; needs `gates`.
    threads : int or None, default=1
        Threads of torch during the measurements, >= 1; None leaves them as they are.
    repeats : int, default=20
        Turns of each network, >= 2.
    warmup : int, default=3
        Turns before that are not counted, >= 0.
    draws : int, default=8
        Draws of the gates for the loss, >= 2.

    Returns
    -------
    Report
        It prints as text, HTML, Markdown, LaTeX, JSON and CSV.

    Raises
    ------
    ArgumentError
        If an argument is out of its range, or `loss` is given without `gates`.

    Examples
    --------
    >>> from ellzero.nn import TopK, attach, compress, neurons
    >>> model = nn.Sequential(nn.Linear(7, 19), nn.ReLU(), nn.Linear(19, 3))
    >>> x = torch.randn(5, 7)
    >>> gates = attach(model, x, neurons(), gate=TopK(kept=0.37))
    >>> found = report(model, compress(model, gates), x, gates=gates)
    >>> found.before.params, found.after.params
    (212, 80)
    >>> found.before.flops, found.after.flops
    (1900, 700)
    >>> print(found.layers)
    group    kind      kept    of     share
    -------  ------  ------  ----  --------
    0        neuron       7    19  0.368421
    """
    for network in (model, small):
        checks.network(network)
    turns = checks.integer_in("repeats", repeats, 2, 10**6)
    warmup = checks.integer_in("warmup", warmup, 0, 10**6)
    draws = checks.integer_in("draws", draws, 2, 10**6)
    if loss is not None and gates is None:
        raise checks.loss_needs_gates()
    layers = _tensors_kept(model, small) if gates is None else _units_kept(gates)
    gap = None if gates is None else measure_gap(gates, loss, draws)
    with _without(gates), on_threads(threads) as used, evaluating(model), evaluating(small):
        one, two = latencies([model, small], example, turns, warmup)
        before, after = _measured(model, example, one, metric), _measured(small, example, two, metric)
    device = _device_name(next(model.parameters()).device)
    return Report(before, after, layers, gap, used, turns, _shapes(example), device, name_of(metric))


@contextmanager
def _without(gates: Gates | None) -> Iterator[None]:
    if gates is None:
        yield
    else:
        with gates.detached():
            yield


@contextmanager
def on_threads(count: int | None) -> Iterator[int]:
    """So many threads of torch for a while; None leaves them as they are."""
    usual = torch.get_num_threads()
    torch.set_num_threads(usual if count is None else checks.integer_in("threads", count, 1, 10**6))
    try:
        yield torch.get_num_threads()
    finally:
        torch.set_num_threads(usual)


# -- counting ----------------------------------------------------------------------------------------------------------
def count_flops(model: nn.Module, example) -> int:
    """Floating-point operations of one forward, as torch's counter counts them.

    Parameters
    ----------
    model : torch.nn.Module
        In any mode; it is run in evaluation mode.
    example : tensor, tuple, list or mapping
        Inputs of one forward; the count is of this batch.

    Returns
    -------
    int
        Matrix products, convolutions and attention; a multiplication with its addition counts 2, and what works number
        by number nothing. Attention is counted by its plain form: the fused one of CPUs is not in torch's registry and
        would count nothing.

    Examples
    --------
    >>> count_flops(nn.Linear(7, 19), torch.zeros(3, 7)) == 2 * 3 * 7 * 19
    True
    """
    args, kwargs = as_inputs(example)
    counter = FlopCounterMode(display=False)
    with evaluating(model), without_cache(model), torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
        model(*args, **kwargs)
    return counter.get_total_flops()


def _measured(model: nn.Module, example, latency: Latency, metric) -> Measured:
    parameters = list(model.parameters())
    storages = {t.untyped_storage().data_ptr(): t for t in chain(parameters, model.buffers()) if t.numel()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.safetensors"
        write_tensors(model, path)
        size = path.stat().st_size
    return Measured(
        sum(p.numel() for p in parameters),
        sum(int(p.count_nonzero()) for p in parameters),
        count_flops(model, example),
        sum(t.numel() * t.element_size() for t in storages.values()),
        size,
        latency,
        None if metric is None else float(metric(model)),
    )


def name_of(metric) -> str:
    """What the row of a metric is called: the name of its function, where it has one."""
    name = getattr(metric, "__name__", "metric")
    return name.replace("_", " ") if name.isidentifier() else "metric"


def _units_kept(gates: Gates) -> Table:
    rows = []
    for name, kept in gates.kept().items():
        site, count = gates.sites[name], int(kept.sum())
        rows.append([name, site.kind, count, site.count, count / site.count])
    return Table(["group", "kind", "kept", "of", "share"], rows)


def _tensors_kept(model: nn.Module, small: nn.Module) -> Table:
    left = dict(small.named_parameters())
    rows = []
    for name, parameter in model.named_parameters():
        nonzeros = int(left[name].count_nonzero()) if name in left else 0
        shape = _shape(left[name].shape) if name in left else "gone"
        rows.append([name, _shape(parameter.shape), shape, nonzeros, parameter.numel(), nonzeros / parameter.numel()])
    return Table(["parameter", "shape", "shape after", "kept", "of", "share"], rows)


def _shape(shape: Sequence[int]) -> str:
    return "x".join(str(size) for size in shape)


def _shapes(example) -> str:
    args, kwargs = as_inputs(example)
    tensors = [t for t in (*args, *kwargs.values()) if isinstance(t, torch.Tensor)]
    return "inputs of " + ", ".join(_shape(t.shape) or "one number" for t in tensors)


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type.upper()


# -- time --------------------------------------------------------------------------------------------------------------
def latencies(networks: Sequence[nn.Module], example, turns: int, warmup: int) -> list[Latency]:
    """Seconds of one forward of each network, measured in alternation.

    Parameters
    ----------
    networks : sequence of torch.nn.Module
        In the mode in which they shall run, on one device.
    example : tensor, tuple, list or mapping
        Inputs of one forward.
    turns, warmup : int
        Turns that count, and turns before them.

    Returns
    -------
    list of Latency
        Median and quartiles over the turns.
    """
    args, kwargs = as_inputs(example)
    on_host = next(networks[0].parameters()).device.type == "cpu"

    def seconds(network: nn.Module, number: int) -> float:
        begin = time.perf_counter()
        for _ in range(number):
            network(*args, **kwargs)
        if not on_host:  # the device works behind the back of the clock
            torch.accelerator.synchronize()
        return (time.perf_counter() - begin) / number

    with torch.inference_mode():
        for network in networks:
            seconds(network, 1)
        once = [max(seconds(network, 1), 1e-9) for network in networks]
        numbers = [min(MOST_IN_A_TURN, math.ceil(SHORTEST_TURN / duration)) for duration in once]
        found: list[list[float]] = [[] for _ in networks]
        for turn in range(warmup + turns):
            order = range(len(networks)) if turn % 2 else reversed(range(len(networks)))
            for i in order:
                duration = seconds(networks[i], numbers[i])
                if turn >= warmup:
                    found[i].append(duration)
    return [Latency(*(float(q) for q in np.quantile(durations, (0.5, 0.25, 0.75)))) for durations in found]


# -- drawn and decided gates -------------------------------------------------------------------------------------------
@torch.no_grad()
def measure_gap(gates: Gates, loss: Callable[[nn.Module], float] | None = None, draws: int = 8) -> GateGap:
    """Size and loss with gates as they are drawn in training and as they are decided afterwards.

    Parameters
    ----------
    gates : Gates
        Attached or detached; they are left as they were, with the state of their random numbers.
    loss : callable, optional
        Takes the network and returns its loss.
    draws : int, default=8
        Draws over which the loss is averaged.

    Returns
    -------
    GateGap
        Without `loss` the sizes alone.
    """
    expected, hard = float(gates.expected_l0()), gates.params_kept()
    if loss is None:
        return GateGap(expected, hard)
    model, state = gates.model, gates.get_extra_state()
    with gates.detached(False), evaluating(model):
        decided = float(loss(model))
        drawn = []
        for _ in range(draws):
            model.training = True  # of the network itself, which decides on the gates; its parts go on in evaluation
            drawn.append(float(loss(model)))
            model.training = False
    gates.set_extra_state(state)
    return GateGap(expected, hard, float(np.mean(drawn)), float(np.std(drawn, ddof=1)), decided)


def _finite(data):
    """The same with None for numbers that are not finite."""
    if isinstance(data, dict):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_finite(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data
