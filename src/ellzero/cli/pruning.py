"""The work of `prune`: make, train, cut, measure, write."""

import html
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import _checks as checks
from .. import nn as ez
from ..errors import DataError
from ..nn.export import PLAN, WEIGHTS
from ..nn.graph import Graph, trace
from ..nn.sparsify import first, forward, moved
from ..nn.weightfile import read_tensors
from ..result import Status
from . import document, messages, network, output
from .console import Console
from .exits import Exit

FORMAT = "ellzero pruning 1"
PROGRAMS: dict[str, Callable[..., None]] = {"onnx": ez.export_onnx, "pt2": ez.export_program}


@dataclass(frozen=True, slots=True)
class Aim:
    """How small, where, and by which method."""

    flops: float | None
    params: float | None
    latency: float | None
    keep: tuple[tuple[str, float], ...]
    select: str | None
    method: str

    def goals(self) -> dict[str, Any]:
        """The size asked for, as the library takes it."""
        given = {"flops": self.flops, "params": self.params, "kept": dict(self.keep) or None, "latency": self.latency}
        return {name: value for name, value in given.items() if value is not None}

    def check(self) -> None:
        """Refuse none and several."""
        goals = self.goals()
        if len(goals) > 1:
            raise messages.several_goals([f"--{'keep' if name == 'kept' else name}" for name in goals])
        patterned = self.select is not None and all(item.strip()[:1].isdigit() for item in self.select.split(","))
        if not goals and not (patterned and self.method == "magnitude"):
            raise messages.no_goal()

    @property
    def words(self) -> str:
        """The size asked for, for people."""
        shares = {"flops": self.flops, "params": self.params, "latency": self.latency} | dict(self.keep)
        asked = [f"{name} {100 * share:g} %" for name, share in shares.items() if share is not None]
        return ", ".join(asked) or f"{self.select}"


@dataclass(frozen=True, slots=True)
class Training:
    """How to train, and on what to judge."""

    loss: str
    pretrain: int
    epochs: int
    finetune: float | None
    lr: float
    batch_size: int
    held_out: float
    time_limit: float | None
    random_state: int
    threads: int
    device: str | None

    def check(self) -> None:
        """Refuse what the library would refuse later, in the words of the flags."""
        for flag, value, least in (
            ("--epochs", self.epochs, 1), ("--pretrain", self.pretrain, 0), ("--batch-size", self.batch_size, 1),
            ("--threads", self.threads, 1), ("--random-state", self.random_state, 0),
        ):  # fmt: skip
            if value < least:
                raise messages.too_small(flag, value, least)
        if not 0 < self.lr < float("inf"):
            raise messages.not_positive("--lr", self.lr)


@dataclass(frozen=True, slots=True)
class Outputs:
    """What to write, and whether standard output is for JSON."""

    folder: Path | None
    programs: tuple[str, ...]
    reports: tuple[Path, ...]
    json: bool

    def check(self, data: str | None) -> None:
        """Refuse what cannot be written, before the training."""
        if self.programs and self.folder is None:
            raise messages.export_needs_folder()
        for path in self.reports:
            if path.suffix.lower() not in WRITERS:
                raise messages.unknown_ending(str(path), list(WRITERS))
        output.check_targets([("--report", path) for path in self.reports], data or "")
        if self.folder is not None:
            if self.folder.exists() and not self.folder.is_dir():
                raise messages.folder_is_a_file(str(self.folder))
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise messages.cannot_write(str(self.folder), error.strerror or str(error)) from error


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was found, and the question it answers."""

    factory: str
    data: str
    judged_on: str
    aim: Aim
    found: ez.Sparsified

    @property
    def title(self) -> str:
        """One line that says what was done to what."""
        return f"{self.found.plan.network} of {self.factory}, {self.aim.method}: {self.aim.words}"

    @property
    def facts(self) -> list[str]:
        """Sentences below the tables."""
        report = self.found.report
        return [*report.facts, f"{report.metric_name} on {self.judged_on}; status: {self.found.status.value}."]


def run(
    factory: str, data: str | None, shape: tuple[int, ...] | None, weights: Path | None, explain: bool, aim: Aim,
    training: Training, outputs: Outputs, console: Console,
) -> Exit:  # fmt: skip
    """Do the whole of `prune` and return the exit code."""
    training.check()
    if not explain:
        aim.check()
        if data is None:
            raise messages.no_data()
    outputs.check(data)
    selector = network.selector(aim.select)
    with _threads(training.threads), torch.random.fork_rng():
        torch.manual_seed(training.random_state)
        model, example = network.make_network(factory)
        if weights is not None:
            _fill(model, weights)
        _move(model, training.device)
        if shape is not None:
            example = torch.randn(shape)
        found = None if data is None else network.read_data(data, training.batch_size, training.held_out,
                                                            training.random_state)  # fmt: skip
        if explain:
            return _explain(model, _example(example, found, model), outputs, console)
        assert data is not None  # checked above
        assert found is not None
        pruned = Pruned(
            factory, data, found.judged_on, aim,
            _sparsified(model, example, found, selector, aim, training, console),
        )  # fmt: skip
    written = _write(pruned, _example(example, found, model), outputs)
    if pruned.found.status is not Status.HEURISTIC:
        report = pruned.found.report
        console.note(messages.cut_early(pruned.found.status.value, report.after.flops / max(report.before.flops, 1)))
    if outputs.json:
        console.data(as_json(pruned))
    elif console.quiet:
        console.data(str(pruned.found.report.table()))
    else:
        _show(pruned, written, console)
    return Exit.INTERRUPTED if pruned.found.status is Status.INTERRUPTED else Exit.DONE


def _sparsified(model, example, data: network.Data, selector, aim: Aim, training: Training, console: Console):
    loss, metric = _judges(training.loss, data)
    with console.notes_for_warnings(), console.progress() as listen:
        return ez.sparsify(
            model,
            data.train,
            loss,
            **aim.goals(),
            epochs=training.epochs,
            pretrain=training.pretrain,
            finetune=training.finetune,
            optimizer=partial(torch.optim.Adam, lr=training.lr),
            selector=selector,
            gate=ez.TopK(score=ez.magnitude) if aim.method == "magnitude" else None,
            example=example,
            metric=metric,
            time_limit=float("inf") if training.time_limit is None else training.time_limit,
            on_progress=listen,
            threads=training.threads,
            random_state=training.random_state,
        )


# -- loss and metric ---------------------------------------------------------------------------------------------------
def _judges(name: str, data: network.Data) -> tuple[Callable, Callable]:
    """The loss, and what the report calls the metric."""
    if name == "auto":
        first = next(iter(data.train), None)
        target = first[1] if isinstance(first, tuple | list) and len(first) == 2 else None
        floats = isinstance(target, Tensor) and target.is_floating_point()
        name = "mse" if floats else "cross-entropy"
    if name == "mse":

        def mean_squared_error(network: nn.Module) -> float:
            return _mean(network, data.test, lambda out, y: (_like(out, y) - y).square())

        return lambda out, y: F.mse_loss(_like(out, y), y), mean_squared_error

    def accuracy(network: nn.Module) -> float:
        return _mean(network, data.test, lambda out, y: (_classes(out, y).argmax(1) == y).float())

    return lambda out, y: F.cross_entropy(_classes(out, y), y), accuracy


def _classes(out: Tensor, y: Tensor) -> Tensor:
    """Outputs with a score for every class of the targets."""
    if out.ndim < 2 or out[:, 0].shape != y.shape or y.is_floating_point():
        raise messages.outputs_do_not_fit(tuple(out.shape), tuple(y.shape))
    if int(y.min()) < 0 or int(y.max()) >= out.shape[1]:
        raise messages.labels_do_not_fit(int(y.min()), int(y.max()), out.shape[1])
    return out


def _like(out: Tensor, y: Tensor) -> Tensor:
    """Outputs in the shape of the targets: one number a sample may come as a column."""
    if out.numel() != y.numel() or not y.is_floating_point():
        raise messages.outputs_do_not_fit(tuple(out.shape), tuple(y.shape))
    return out.reshape(y.shape)


def _mean(model: nn.Module, batches, value: Callable[[Tensor, Tensor], Tensor]) -> float:
    """Mean over all samples."""
    place = next(model.parameters()).device
    total, count = 0.0, 0
    for inputs, y in batches:
        y = y.to(place)
        values = value(forward(model, moved(inputs, place)), y)
        total, count = total + float(values.sum()), count + values.numel()
    return total / max(count, 1)


# -- small steps -------------------------------------------------------------------------------------------------------
@contextmanager
def _threads(count: int):
    usual = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(usual)


def _fill(model: nn.Module, path: Path) -> None:
    """Weights of the dense network."""
    if not path.is_file():
        raise messages.no_code_file(str(path), "--weights")
    try:
        read_tensors(model, path)
    except DataError as error:
        raise messages.no_dense_weights(str(path), str(error)) from error


def _move(model: nn.Module, name: str | None) -> None:
    if name is None:
        return
    try:
        model.to(torch.device(name))
    except (RuntimeError, AssertionError) as error:
        raise messages.no_such_device(name, str(error).splitlines()[0]) from error


def _example(example, data: network.Data | None, model: nn.Module):
    """Inputs of one forward, where the network is."""
    if example is None:
        if data is None:
            raise messages.no_example()
        batch: Any = next(iter(data.train), None)
        checks.batch(batch)
        example = first(batch[0], 2)
    return moved(example, next(model.parameters()).device)


def _explain(model: nn.Module, example, outputs: Outputs, console: Console) -> Exit:
    """What may be cut, and why the rest may not."""
    graph = trace(model, example)
    console.data(output.to_json(_groups(graph)) if outputs.json else graph.explain())
    return Exit.DONE


def _groups(graph: Graph) -> dict[str, Any]:
    groups = [{"name": g.name, "kind": g.kind, "units": g.size, "parameters": [[n, axis] for n, axis in g.members]}
              for g in graph.groups]  # fmt: skip
    frozen = [{"parameter": name, "axis": axis, "why": list(why)} for (name, axis), why in graph.frozen.items()]
    return {"format": FORMAT, "groups": groups, "layers": list(graph.skippable), "frozen": frozen}


# -- what comes out ----------------------------------------------------------------------------------------------------
def _write(pruned: Pruned, example, outputs: Outputs) -> list[Path]:
    """Write what was asked for; the files written."""
    for path in outputs.reports:
        output.write_text(path, WRITERS[path.suffix.lower()](pruned))
    written = list(outputs.reports)
    if outputs.folder is not None:
        pruned.found.save(outputs.folder)
        output.write_text(outputs.folder / "report.json", as_json(pruned))
        written += [outputs.folder / name for name in (PLAN, WEIGHTS, "report.json")]
        for form in outputs.programs:
            path = outputs.folder / f"model.{form}"
            PROGRAMS[form](pruned.found.network, example, path)
            written.append(path)
    return written


def _show(pruned: Pruned, written: list[Path], console: Console) -> None:
    report = pruned.found.report
    for line in (pruned.title, "", str(report.table()), "", str(report.layers), "", *pruned.facts):
        console.data(line)
    for path in written:
        console.data(f"wrote {path}")


def as_json(pruned: Pruned) -> str:
    """Everything found, in plain lists, numbers and text."""
    found = pruned.found
    return output.to_json({
        "format": FORMAT,
        "ellzero": document.version(),
        "factory": pruned.factory,
        "network": found.plan.network,
        "data": {"source": pruned.data, "judged_on": pruned.judged_on},
        "asked": {**pruned.aim.goals(), "select": pruned.aim.select, "method": pruned.aim.method},
        "status": found.status.value,
        "losses": found.losses,
        **found.report.to_dict(),
    })  # fmt: skip


def as_csv(pruned: Pruned) -> str:
    """The table before and after."""
    return pruned.found.report.to_csv() + "\n"


def as_markdown(pruned: Pruned) -> str:
    """A page of Markdown."""
    report = pruned.found.report
    parts = [f"# {pruned.title}", report.table().to_markdown(), report.layers.to_markdown(), *pruned.facts]
    return "\n\n".join(parts) + "\n"


def as_latex(pruned: Pruned) -> str:
    """A table to input into a paper that loads booktabs."""
    notes = [f"% {sentence}" for sentence in (pruned.title, *pruned.facts)]
    return "\n".join([*notes, pruned.found.report.table().to_latex()]) + "\n"


def as_html(pruned: Pruned) -> str:
    """One page that needs nothing else."""
    report, title = pruned.found.report, html.escape(pruned.title)
    facts = "\n".join(f"<p>{html.escape(sentence)}</p>" for sentence in pruned.facts)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        f"<style>{document.STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n{report.table().to_html()}\n"
        f"{report.layers.to_html()}\n{facts}\n</body>\n</html>\n"
    )


WRITERS = {".json": as_json, ".csv": as_csv, ".md": as_markdown, ".tex": as_latex, ".html": as_html}
