"""Language models pruned in one shot: block by block, each layer for the inputs that it is fed."""

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn

from .. import _checks as checks
from .._progress import Clock, OnProgress, deferred_interrupt
from ..result import Status, Table
from .layerwise import InputGram, Kept, LayerMethod, checked_weight, layer_method
from .stack import Feed, feeds, find_stack


@dataclass(frozen=True)
class LayerReport:
    r"""What became of one layer.

    Parameters
    ----------
    name : str
        Of the module, from the model's root.
    kept : float
        Share of its weights that differ from zero.
    error : float
        Relative error of its outputs on the batches, :math:`\|X (B - W^\top)\|_F / \|X W^\top\|_F`.
    seconds : float
        Time of the method, without forwards; what layers share counts for the first of them.
    """

    name: str
    kept: float
    error: float
    seconds: float


@dataclass(frozen=True)
class OneShotReport:
    """What `prune_llm` did.

    Parameters
    ----------
    layers : tuple of LayerReport
        In the order of the model.
    method : LayerMethod
        With all its options.
    kept : float or str
        As it was asked for.
    propagate : bool
        Whether later blocks saw the outputs of the pruned ones.
    blocks, blocks_in_all : int
        Blocks that are pruned, and blocks that there are.
    n_tokens : int
        Tokens of the batches that count, padding left out.
    seconds : float
        Of the whole call.
    peak_memory : int or None
        Bytes: on an accelerator the most that was held on it during the call, else the largest size the process has had
        so far; None where the system does not tell.
    status : Status
        ``HEURISTIC`` when all is done, ``INTERRUPTED`` when blocks are left as they were.
    """

    layers: tuple[LayerReport, ...]
    method: LayerMethod
    kept: float | str
    propagate: bool
    blocks: int
    blocks_in_all: int
    n_tokens: int
    seconds: float
    peak_memory: int | None
    status: Status

    def table(self) -> Table:
        """One row a layer."""
        rows = [[layer.name, layer.kept, layer.error, layer.seconds] for layer in self.layers]
        return Table(["layer", "kept", "output error", "seconds"], rows, self.sentence())

    def sentence(self) -> str:
        """What was done, in a line or two."""
        memory = "" if self.peak_memory is None else f", peak memory {self.peak_memory / 2**30:.2f} GiB"
        done = (
            f"{self.method.name}, kept {self.kept}: {checks.plural(len(self.layers), 'layer')} in {self.blocks} of "
            f"{checks.plural(self.blocks_in_all, 'block')}, {self.n_tokens} tokens, {self.seconds:.1f} s{memory}."
        )
        if self.status is Status.INTERRUPTED:
            done += f" Interrupted: the other {self.blocks_in_all - self.blocks} are as they were."
        return done

    def __str__(self) -> str:
        return self.table().to_text()

    def _repr_html_(self) -> str:
        return self.table().to_html()


def _linear_kinds() -> tuple[type[nn.Module], ...]:
    """Modules that multiply their input by a matrix; Conv1D, of GPT-2, holds it the other way round."""
    transformers = sys.modules.get("transformers")
    if transformers is None:
        return (nn.Linear,)
    from transformers.pytorch_utils import Conv1D

    return (nn.Linear, Conv1D)


def _weight(layer: Any) -> Tensor:
    """Weight as (outputs, inputs)."""
    return layer.weight if isinstance(layer, nn.Linear) else layer.weight.T


Layers = dict[str, nn.Module]  # by full name


def _chosen(name: str, blocks: nn.ModuleList, include: Sequence[str], exclude: Sequence[str]) -> list[Layers]:
    """Layers of every block by their full names, those that the patterns leave."""
    kinds, every, seen = _linear_kinds(), [], {}
    chosen: list[Layers] = []
    for number, block in enumerate(blocks):
        chosen.append({})
        for inner, layer in block.named_modules():
            full = f"{name}.{number}.{inner}"
            if not isinstance(layer, kinds):
                continue
            every.append(full)
            if any(fnmatchcase(full, p) for p in include) and not any(fnmatchcase(full, p) for p in exclude):
                if (other := seen.setdefault(id(layer.weight), full)) != full:
                    raise checks.shared_weight(other, full)
                chosen[-1][full] = layer
    if not any(chosen):
        raise checks.no_layers(include, exclude, every)
    return chosen


@dataclass
class _Watch:
    """Grams of a block's layers, filled by hooks; layers that get the very same tensor share one."""

    layers: Layers
    grams: dict[str, InputGram] = field(default_factory=dict)
    leader: dict[str, str] = field(default_factory=dict)
    mask: Tensor | None = None
    _seen: list[tuple[Tensor, str]] = field(default_factory=list)  # inputs of this forward; held, so that ids stay

    def hook(self, name: str):
        def see(layer, args, kwargs):
            inputs = args[0] if args else next(iter(kwargs.values()))
            held = next((other for tensor, other in self._seen if tensor is inputs), None)
            # Who leads is settled at a layer's first call: experts may be fed in some forwards only.
            leader = self.leader.setdefault(name, held or name)
            if leader != held:
                self._seen.append((inputs, leader))
                if leader not in self.grams:
                    wide = torch.promote_types(layer.weight.dtype, torch.float32)
                    self.grams[leader] = InputGram(inputs.shape[-1], wide, inputs.device)
                self.grams[leader].add(inputs, self.mask)

        return see

    def begin(self, mask: Tensor | None) -> None:
        """The next forward: which tokens count, and no input seen yet."""
        self.mask, self._seen = mask, []

    @contextmanager
    def hooked(self):
        hooks = [
            layer.register_forward_pre_hook(self.hook(name), with_kwargs=True) for name, layer in self.layers.items()
        ]
        try:
            yield self
        finally:
            for hook in hooks:
                hook.remove()


@dataclass
class _Run:
    """One call of `prune_llm` at work: what it was asked, and what is done so far."""

    method: LayerMethod
    kept: Kept
    propagate: bool
    device: torch.device
    clock: Clock
    total: int  # layers in all
    done: int = 0  # blocks
    told: int = 0  # layers, those of the block at work among them
    n_tokens: int = 0
    reports: list[LayerReport] = field(default_factory=list)

    def walk(self, fed: list[Feed], blocks: nn.ModuleList, layers: list[Layers]) -> None:
        """Block after block; a KeyboardInterrupt leaves here between two of them."""
        self.n_tokens = sum(f.hidden.shape[:2].numel() if f.mask is None else int(f.mask.sum()) for f in fed)
        for number, (block, own) in enumerate(zip(blocks, layers, strict=True)):
            with _on(block, self.device):
                watch, dense = self.watched(block, own, number, fed)
                found = list(self.pruned(own, watch))
                late: list[bool] = []  # Ctrl-C while weights are written: heeded when all of them are
                with deferred_interrupt(lambda late=late: late.append(True)):
                    for weight, report in found:
                        _weight(own[report.name]).copy_(weight)
                        self.reports.append(report)
                    self.done += 1
                if self.done == len(blocks):
                    return
                if late:
                    raise KeyboardInterrupt
                if self.propagate:
                    dense = [self.forward(block, number, feed) for feed in fed]
                for feed, hidden in zip(fed, dense, strict=True):
                    feed.hidden = hidden

    def forward(self, block: nn.Module, number: int, feed: Feed) -> Tensor:
        """Hidden states after the block, where those before it are."""
        return feed.calls[number].run(block, feed.hidden, self.device).to(feed.hidden.device)

    def watched(self, block: nn.Module, layers: Layers, number: int, fed: list[Feed]) -> tuple[_Watch, list[Tensor]]:
        """Gram matrices of the layers, and the outputs of the block as it is, where they are needed."""
        watch, outputs = _Watch(layers), []
        with watch.hooked():
            for feed in fed:
                watch.begin(None if feed.mask is None else feed.mask.to(self.device))
                hidden = self.forward(block, number, feed)
                if not self.propagate:
                    outputs.append(hidden)
        watch.begin(None)
        return watch, outputs

    def pruned(self, layers: Layers, watch: _Watch) -> Iterator[tuple[Tensor, LayerReport]]:
        """New weights; layers of one Gram matrix come one after the other, so that what they share is held once."""
        for name in layers:
            if name not in watch.leader or not watch.grams[watch.leader[name]].n_tokens:
                raise checks.layer_unused(name)
        for leader, gram in watch.grams.items():
            start = time.perf_counter()
            if not bool(torch.isfinite(gram.matrix).all()):
                raise checks.not_finite_gram(leader)
            prepared = self.method.prepare(gram)
            for name in (n for n, first in watch.leader.items() if first == leader):
                held = _weight(layers[name])
                weight = checked_weight(name, held, held.shape[1], self.kept)
                found = self.method.prune(weight, prepared, self.kept)[0].to(held.dtype)
                kept = int(torch.count_nonzero(found)) / found.numel()
                error, now = gram.error(weight, found.to(weight.dtype)), time.perf_counter()
                yield found, LayerReport(name, kept, error, now - start)
                self.told += 1
                self.clock.tick("one-shot", message=name, done=self.told, total=self.total)
                start = time.perf_counter()


@contextmanager
def _as_evaluated(model: nn.Module):
    """Evaluation mode without gradients; the modes of all modules come back."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes.items():
            module.training = mode


@contextmanager
def _on(block: nn.Module, device: torch.device):
    """The block on a device, and back where it was."""
    home = next(block.parameters()).device
    block.to(device)
    try:
        yield
    finally:
        block.to(home)


def _peak_memory(device: torch.device) -> int | None:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def prune_llm(
    model: nn.Module,
    batches: Iterable,
    kept: float | str = 0.5,
    method: str | LayerMethod = "admm",
    *,
    include: Sequence[str] = ("*",),
    exclude: Sequence[str] = (),
    propagate: bool = True,
    device: str | torch.device | None = None,
    on_progress: OnProgress | None = None,
) -> OneShotReport:
    r"""Prune a language model in place, block by block, without training.

    Every linear layer of the stack of decoder blocks is pruned for the inputs X that the batches bring it,

    .. math:: \min_B \|X (B - W^\top)\|_F^2 \quad \text{with the share } kept \text{ of the entries of B nonzero,}

    from :math:`X^\top X` alone. Embeddings and the head are left as they are. One block at a time is on `device`; the
    others stay where they are, so a model need not fit on the accelerator.

    Parameters
    ----------
    model : nn.Module
        A causal language model in the manner of Hugging Face: its forward takes ``input_ids`` and calls a stack of
        blocks of one class, one after the other. Changed in place.
    batches : iterable of Tensor or of mappings
        Token numbers, shape (sequences, length), or mappings with them as ``"input_ids"`` beside other keywords of the
        forward. Tokens where ``"attention_mask"`` is 0 do not count.
    kept : float or str, default=0.5
        Share of each layer that stays, in (0, 1], or ``"n:m"``: n of every m consecutive inputs of each output,
        1 <= n < m.
    method : str or LayerMethod, default="admm"
        ``"admm"`` (most accurate), ``"sparsegpt"``, ``"wanda"`` (fastest that looks at inputs), ``"iht"``,
        ``"magnitude"``, or one with options, such as ``ADMM(scope="row")``.
    include, exclude : sequence of str
        Patterns (``*``, ``?``, ``[...]``) of full module names: a layer is pruned when one of `include` and none of
        `exclude` matches.
    propagate : bool, default=True
        Whether a block is pruned for the outputs of the pruned blocks before it, or of the dense ones. False saves a
        forward of each block.
    device : str or torch.device, optional
        Where the work is done; by default where the model's first parameter is.
    on_progress : callable, optional
        Receives an `Event` after each layer, about ten times a second at most.

    Returns
    -------
    OneShotReport
        Kept share, output error and time of each layer; prints as a table. At Ctrl-C the blocks finished so far are
        pruned, the others as they were, and the report says so.

    Raises
    ------
    ArgumentError
        `kept` or `method` is not known, a pattern n:m does not divide a layer's width, no layer is chosen.
    DataError
        No batches, batches without tokens, values that are not finite.
    UnsupportedError
        No stack of blocks was found, it is not called in order, or layers share a weight.

    References
    ----------
    Frantar & Alistarh (2023), "SparseGPT: Massive language models can be accurately pruned in one-shot", ICML.
    Meng, Behdin, Wang & Mazumder (2024), "ALPS: Improved optimization for highly sparse one-shot pruning for large
    language models", NeurIPS.

    Examples
    --------
    >>> import torch
    >>> from transformers import LlamaConfig, LlamaForCausalLM
    >>> seeded = torch.manual_seed(0)
    >>> shape = dict(hidden_size=16, intermediate_size=32, num_attention_heads=2, num_key_value_heads=1)
    >>> model = LlamaForCausalLM(LlamaConfig(vocab_size=37, num_hidden_layers=2, **shape))
    >>> report = prune_llm(model, [torch.randint(37, (2, 19))], kept="2:4")
    >>> report.blocks, len(report.layers), report.layers[0].name, report.layers[0].kept
    (2, 14, 'model.layers.0.self_attn.q_proj', 0.5)
    """
    wanted, chosen = Kept.of(kept), layer_method(method)
    name, blocks = find_stack(model)
    layers = _chosen(name, blocks, include, exclude)
    if wanted.pattern is not None:
        for full, layer in (item for block in layers for item in block.items()):
            checks.pattern_fits(full, _weight(layer).shape[1], *wanted.pattern)
    where = next(model.parameters()).device if device is None else torch.device(device)
    run = _Run(chosen, wanted, propagate, where, Clock(on_progress=on_progress), sum(len(block) for block in layers))
    if where.type == "cuda":
        torch.cuda.reset_peak_memory_stats(where)
    status = Status.HEURISTIC
    with _as_evaluated(model):
        try:
            run.walk(feeds(model, name, blocks, batches), blocks, layers)
        except KeyboardInterrupt:
            status = Status.INTERRUPTED
    return OneShotReport(
        tuple(run.reports), chosen, kept, propagate, run.done, len(blocks), run.n_tokens, run.clock.elapsed,
        _peak_memory(where), status,
    )  # fmt: skip
