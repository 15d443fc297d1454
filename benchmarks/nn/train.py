"""One training loop for the benchmarks of all methods, with places where gates, targets and pruners hook in."""

import os
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import cos, pi
from pathlib import Path

import torch
import torch.nn.functional as F


def constant(progress):
    return 1.0


def cosine(progress):
    return (1 + cos(pi * progress)) / 2


def one_cycle(progress, warm=0.2):
    """Up from a twentieth of the rate in a share ``warm`` of the training, then down to zero along a cosine."""
    return 0.05 + 0.95 * progress / warm if progress < warm else cosine((progress - warm) / (1 - warm))


def steps(progress, at=(0.3, 0.6, 0.8), factor=0.2):
    """The schedule of wide residual networks: x 0.2 at epochs 60, 120 and 160 of 200."""
    return factor ** sum(progress >= place for place in at)


adam = partial(
    partial, torch.optim.Adam, fused=True
)  # adam(lr=1e-3) makes an optimiser of parameters; fused is the fastest
sgd = partial(partial, torch.optim.SGD, fused=True, momentum=0.9, nesterov=True)
ADAM = adam(lr=1e-3)


@dataclass(frozen=True)
class Recipe:
    """How a network is trained; the same for every method that is compared.

    ``average`` is the decay of an exponential average of weights and buffers, which then is what is judged and handed
    over. ``channels_last`` stores filters with channels innermost, the fastest for convolutions on processors.
    """

    epochs: int
    batch: int = 128
    optimiser: Callable = ADAM
    schedule: Callable[[float], float] = cosine
    average: float | None = None
    augment: Callable | None = None
    channels_last: bool = True
    random_state: int = 0


@dataclass(frozen=True)
class Moment:
    """Where the training stands after a step: ``step`` of ``steps``, at ``factor`` times the learning rate."""

    epoch: int
    step: int
    steps: int
    factor: float
    loss: torch.Tensor

    @property
    def progress(self):
        return self.step / self.steps


class Average:
    """Exponential average of tensors; a plain mean at first, so that the start is forgotten."""

    def __init__(self, tensors, decay):
        self.tensors, self.decay, self.count = list(tensors), decay, 0
        self.values = [tensor.detach().clone() for tensor in self.tensors]

    @torch.no_grad()
    def update(self):
        self.count += 1
        share = max(1 - self.decay, 1 / self.count)
        torch._foreach_lerp_(self.values, [tensor.detach() for tensor in self.tensors], share)

    @torch.no_grad()
    def swap(self):
        for tensor, value in zip(self.tensors, self.values, strict=True):
            kept = tensor.clone()
            tensor.copy_(value)
            value.copy_(kept)

    @contextmanager
    def in_place(self):
        """The averages are the weights, for a while."""
        self.swap()
        try:
            yield
        finally:
            self.swap()

    def state_dict(self):
        return {"values": self.values, "count": self.count}

    def load_state_dict(self, state):
        self.count = state["count"]
        for value, saved in zip(self.values, state["values"], strict=True):
            value.copy_(saved)


class NoAverage:
    """The weights themselves."""

    def update(self):
        pass

    swap = update

    @contextmanager
    def in_place(self):
        yield

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass


def train(model, split, recipe, *, validation=None, penalty=None, after_backward=None, after_epoch=None,
          companions=None, checkpoint=None, log=print):  # fmt: skip
    """Train in place on the cross-entropy and return a record an epoch.

    penalty : () -> tensor added to the loss, such as ``lambda: lam * gates.expected_l0()``
    after_backward : Moment -> None, after the gradients are there and the optimiser has stepped: the place of
        ``lambda moment: target.step()``, of proximal steps and of masks
    after_epoch : () -> dict, what is added to the record, such as what is kept
    companions : dict of what is saved beside the model (gates, targets, optimisers of their own), each with state_dict
        and load_state_dict; the parameters of those that are modules are averaged, too
    checkpoint : a file, written after each epoch; where it exists, the training goes on from it

    Validation is judged after each epoch; nobody here sees a test set. Dropout draws from torch's own generator, which
    is seeded; rows and augmentation have one to themselves, so that all methods see the same batches.
    """
    companions = dict(companions or {})
    if recipe.channels_last:
        model.to(memory_format=torch.channels_last)
    torch.manual_seed(recipe.random_state)
    rows = torch.Generator().manual_seed(recipe.random_state)
    optimiser = recipe.optimiser(model.parameters())
    rates = [group["lr"] for group in optimiser.param_groups]
    average = _average(model, companions, recipe.average)
    parts = {"model": model, "optimiser": optimiser, "average": average, **companions}
    records = _resumed(checkpoint, recipe, len(split), parts, rows)
    in_epoch = -(-len(split) // recipe.batch)
    for epoch in range(len(records) + 1, recipe.epochs + 1):
        model.train()
        wall, processor, total = time.perf_counter(), time.process_time(), 0.0
        for i, (x, y) in enumerate(split.batches(recipe.batch, rows), start=(epoch - 1) * in_epoch):
            factor = recipe.schedule(i / (recipe.epochs * in_epoch))
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = rate * factor
            x = recipe.augment(x, rows) if recipe.augment else x
            loss = F.cross_entropy(model(_formatted(x, recipe)), y)
            total += len(y) * loss.detach()
            optimiser.zero_grad()
            (loss if penalty is None else loss + penalty()).backward()
            optimiser.step()
            if after_backward is not None:
                after_backward(Moment(epoch, i + 1, recipe.epochs * in_epoch, factor, loss.detach()))
            average.update()
        record = {"epoch": epoch, "loss": float(total) / len(split)}
        record |= {"wall": time.perf_counter() - wall, "cpu": time.process_time() - processor}
        if not torch.isfinite(torch.as_tensor(total)):
            raise FloatingPointError(f"the training loss of epoch {epoch} is not finite; a smaller rate may help.")
        with average.in_place():
            if validation is not None and len(validation):
                record |= evaluate(model, validation)
            record |= after_epoch() if after_epoch is not None else {}
        records.append(record)
        _save(checkpoint, recipe, len(split), parts, rows, records)
        if log is not None:
            log("  ".join(f"{key}={_short(value)}" for key, value in record.items()), flush=True)
    average.swap()
    model.eval()
    return records


@torch.no_grad()
def evaluate(model, split, batch=1000):
    """Mean cross-entropy and share of errors in eval mode; the mode is then as it was."""
    training = model.training
    model.eval()
    loss = errors = torch.zeros((), device=split.labels.device)
    for x, y in split.batches(batch):
        scores = model(x)
        loss = loss + F.cross_entropy(scores, y, reduction="sum")
        errors = errors + (scores.argmax(1) != y).sum()
    model.train(training)
    return {"heldout": float(loss) / len(split), "error": float(errors) / len(split)}


def _average(model, companions, decay):
    if decay is None:
        return NoAverage()
    modules = [model, *(part for part in companions.values() if isinstance(part, torch.nn.Module))]
    tensors = [tensor for module in modules for tensor in (*module.parameters(), *module.buffers())]
    return Average([tensor for tensor in tensors if tensor.is_floating_point()], decay)


def _formatted(x, recipe):
    return x.contiguous(memory_format=torch.channels_last) if recipe.channels_last and x.ndim == 4 else x


def _question(recipe, n):
    return {"n": n, "epochs": recipe.epochs, "batch": recipe.batch, "random_state": recipe.random_state}


def _save(file, recipe, n, parts, rows, records):
    if file is None:
        return
    file = Path(file)
    state = {name: part.state_dict() for name, part in parts.items()}
    draws = {"rows": rows.get_state(), "torch": torch.get_rng_state()}
    if torch.cuda.is_available():
        draws["cuda"] = torch.cuda.get_rng_state()
    unfinished = file.with_name(file.name + ".part")
    torch.save({"question": _question(recipe, n), "records": records, "draws": draws, "state": state}, unfinished)
    os.replace(unfinished, file)


def _resumed(file, recipe, n, parts, rows):
    """The records of the epochs that are behind us, all parts put back to the end of them."""
    if file is None or not Path(file).exists():
        return []
    saved = torch.load(file, map_location="cpu", weights_only=True)
    if saved["question"] != _question(recipe, n):
        raise ValueError(f"{file} is of another training: {saved['question']}, not {_question(recipe, n)}.")
    for name, part in parts.items():
        part.load_state_dict(saved["state"][name])
    rows.set_state(saved["draws"]["rows"])
    torch.set_rng_state(saved["draws"]["torch"])
    if "cuda" in saved["draws"] and torch.cuda.is_available():
        torch.cuda.set_rng_state(saved["draws"]["cuda"])
    return saved["records"]


def _short(value):
    return format(value, ".4g") if isinstance(value, float) else str(value)
