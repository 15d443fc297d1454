"""MNIST: gates, continuous sparsification, tickets and ADMM beside magnitude pruning at equal epochs.

python -m benchmarks.nn.mnist run FOLDER                     # all cells in order; those in FOLDER are not run again
python -m benchmarks.nn.mnist run FOLDER --only 'lenet5 hard concrete*' --validation   # to choose: 50,000 rows
python -m benchmarks.nn.mnist report FOLDER                  # benchmarks/results/nn-mnist.md from the lines in FOLDER

A cell is a method on a network with a setting and a seed. Each writes one line of JSON when it is through.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F

from ellzero.nn import (
    ADMM,
    ContinuousSparsification,
    Gradual,
    HardConcrete,
    Masks,
    Target,
    Ticket,
    TopK,
    attach,
    channels,
    compress,
    lottery,
    magnitude,
    networks,
    neurons,
    prune,
    weights,
)

from . import mnist_report
from .data import Split, mnist
from .train import Recipe, adam, constant, cosine, evaluate, one_cycle, sgd, train

MAKE = {"lenet300": networks.LeNet300, "lenet5": networks.LeNet5}
UNITS = {"lenet300": neurons(), "lenet5": channels() + neurons()}


@dataclass(frozen=True)
class Phases:
    """Epochs before the decision what stays, epochs of the network that is left, and the weights' optimiser.

    The same for gates and for magnitude pruning. The rate rises to its value in the first tenth, stays there until the
    decision and then goes down along a cosine.
    """

    before: int
    after: int
    batch: int
    optimiser: Callable

    @property
    def epochs(self):
        return self.before + self.after

    def first(self, seed):
        return Recipe(self.before, self.batch, self.optimiser, _rising, random_state=seed)

    def second(self, seed):
        return Recipe(self.after, self.batch, self.optimiser, cosine, average=0.999, random_state=seed + 1000)


def _rising(progress):
    return min(1.0, 0.05 + 9.5 * progress)


FIVE = Phases(3, 9, 256, adam(lr=2e-3))
DENSE_5 = replace(FIVE, before=2, after=4)
UNITS_300 = Phases(10, 10, 128, sgd(lr=0.1, weight_decay=5e-4))
WEIGHTS_300 = Phases(6, 14, 128, adam(lr=1e-3))


@dataclass(frozen=True)
class Cell:
    """One line of the output: what is run, and with which data and folder it is called."""

    network: str
    method: str
    setting: str
    seed: int
    run: Callable

    @property
    def name(self):
        return f"{self.network} {self.method} {self.setting} {self.seed}"


@dataclass(frozen=True)
class Bench:
    """What all cells share: rows to train on, rows to be judged by, and where to put networks."""

    training: Split
    judged: Split
    folder: Path

    @classmethod
    def of(cls, folder, validation, rows=None):
        data = mnist(rows=rows, validation=10_000 if validation else 0)
        return cls(data.training, data.validation if validation else data.test, folder)

    @property
    def example(self):
        return self.training.images[:1]


# -- what is measured --------------------------------------------------------------------------------------------------
@torch.no_grad()
def multiply_adds(model, example):
    """Multiply-adds of one image that meet a weight that is not zero; half of torch's count where none is."""
    total = 0

    def count(module, _, output):
        nonlocal total
        positions = output[0, 0].numel() if output.ndim == 4 else 1
        total += int((module.weight != 0).sum()) * positions

    layers = [m for m in model.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    model.eval()(example)
    for hook in hooks:
        hook.remove()
    return total


def widths(model):
    """Units of each layer with a weight that is not zero, before them the pixels that are read where all are apart."""
    tensors = [p.detach() != 0 for p in model.parameters() if p.ndim > 1]
    pixels = [int(tensors[0].any(0).sum())] if tensors[0].ndim == 2 else []
    return "-".join(map(str, pixels + [int(t.flatten(1).any(1).sum()) for t in tensors[:-1]]))


def facts(model, bench):
    """Size and error of a network without gates."""
    model.eval()
    tensors = list(model.parameters())
    judged = evaluate(model, bench.judged)
    return {
        "error": judged["error"],
        "heldout": judged["heldout"],
        "parameters": sum(p.numel() for p in tensors),
        "nonzeros": sum(int((p != 0).sum()) for p in tensors),
        "weights": sum(int((p != 0).sum()) for p in tensors if p.ndim > 1),
        "multiply_adds": multiply_adds(model, bench.example),
        "widths": widths(model),
    }


@torch.no_grad()
def gap(model, gates, split, draws=20):
    """The discrete-continuous gap: sizes expected and hard, training loss of gates as drawn (mean) and as decided."""
    part = split[slice(0, 2000)]
    model.train()
    soft = [float(F.cross_entropy(model(part.images), part.labels)) for _ in range(draws)]
    model.eval()
    hard = float(F.cross_entropy(model(part.images), part.labels))
    return {
        "expected_l0": float(gates.expected_l0()),
        "hard_l0": gates.params_kept(),
        "expected_multiply_adds": float(gates.expected_flops()) / 2,
        "hard_multiply_adds": gates.flops_kept() // 2,
        "soft_loss": statistics.mean(soft),
        "hard_loss": hard,
    }


# -- methods -----------------------------------------------------------------------------------------------------------
def fresh(network, seed):
    torch.manual_seed(seed)
    return MAKE[network]()


def dense(cell, bench, phases):
    """The whole network under the same schedule; kept for those that start from it."""
    model = fresh(cell.network, cell.seed)
    recipe = replace(phases.first(cell.seed), epochs=phases.epochs, schedule=one_cycle)
    train(model, bench.training, recipe, log=None)
    torch.save(model.state_dict(), bench.folder / f"dense-{cell.network}.pt")
    return [facts(model, bench) | {"epochs": phases.epochs}]


def gated(cell, bench, phases, goal, single=False, lr=0.1, p_init=0.9, warmup=0.6):
    """Hard concrete gates under a target, then surgery, then the smaller network is trained on as it is."""
    model = fresh(cell.network, cell.seed)
    gates = attach(model, bench.example, weights() if single else UNITS[cell.network],
                   gate=HardConcrete(p_init=p_init), random_state=cell.seed)  # fmt: skip
    in_all = phases.before * -(-len(bench.training) // phases.batch)
    target = Target(gates, **goal, warmup=round(warmup * in_all), lr=lr)
    train(model, bench.training, phases.first(cell.seed), after_backward=lambda moment: target.step(), log=None)
    return _finished(cell, bench, phases, model, gates)


def continuous(cell, bench, phases, s0, lr=1.0, lam=1e-8):
    """Continuous sparsification of single weights: SGD on the logits, a small price, then masks held."""
    model = fresh(cell.network, cell.seed)
    gates = attach(model, bench.example, weights(), gate=ContinuousSparsification(s0=s0), random_state=cell.seed)
    logits = torch.optim.SGD(gates.parameters(), lr=lr, momentum=0.9)

    def step(moment):
        logits.step()
        logits.zero_grad()
        gates.progress = moment.progress

    train(model, bench.training, phases.first(cell.seed), penalty=lambda: lam * gates.expected_open(),
          after_backward=step, log=None)  # fmt: skip
    return _finished(cell, bench, phases, model, gates)


def _finished(cell, bench, phases, model, gates):
    """The gap, surgery, and the second phase."""
    between = gap(model, gates, bench.training)
    small = compress(model, gates)
    between |= {"error_before_tuning": evaluate(small, bench.judged)["error"]}
    with Masks.nonzero(small).hold(small):
        train(small, bench.training, phases.second(cell.seed), log=None)
    torch.save(small.state_dict(), bench.folder / f"{cell.name.replace(' ', '-')}.pt")
    return [facts(small, bench) | between | {"epochs": phases.epochs}]


def by_norm(model, example, selector, share):
    """Gates that leave the same share of the units of every layer, by the L2 norm of their weights, within a cost."""
    low, high = 0.0, 1.0
    best = None
    for _ in range(10):
        middle = (low + high) / 2
        gates = attach(model, example, selector, gate=TopK(kept=middle, score=magnitude))
        gates.detach()
        if gates.flops_kept() <= share * gates.costs.flops(_opened(gates)):
            low, best = middle, middle
        else:
            high = middle
    if best is None:
        raise ValueError(f"no share of units keeps within {share} of the operations.")
    return attach(model, example, selector, gate=TopK(kept=best, score=magnitude))


def _opened(gates):
    return {name: torch.ones(site.shape) for name, site in gates.sites.items()}


def norm_pruned(cell, bench, phases, share):
    """The usual structured baseline: train, cut units of small norm, train on."""
    model = fresh(cell.network, cell.seed)
    train(model, bench.training, phases.first(cell.seed), log=None)
    gates = by_norm(model, bench.example, UNITS[cell.network], share)
    small = compress(model, gates)
    before = evaluate(small, bench.judged)["error"]
    train(small, bench.training, phases.second(cell.seed), log=None)
    return [facts(small, bench) | {"error_before_tuning": before, "epochs": phases.epochs}]


def gradual(cell, bench, phases, kept):
    """Magnitude pruning of single weights over all layers, its share falling by the cubic schedule."""
    model = fresh(cell.network, cell.seed)
    in_epoch = -(-len(bench.training) // phases.batch)
    recipe = replace(phases.first(cell.seed), epochs=phases.epochs, schedule=one_cycle)
    pruner = Gradual(model, kept, begin=in_epoch, end=round(0.7 * phases.epochs * in_epoch), every=in_epoch // 4)
    train(model, bench.training, recipe, after_backward=lambda moment: pruner.step(), log=None)
    pruner.release()
    return [facts(model, bench) | {"epochs": phases.epochs}]


# -- tickets -----------------------------------------------------------------------------------------------------------
LEVELS = (0.46, 0.21, 0.135, 0.07, 0.036)
EARLY = 500  # iterations of 60 images


@dataclass(frozen=True)
class ByLevel(Ticket):
    """Magnitude, layer by layer, at the shares of a list; the layer of the classes at half the rate."""

    levels: tuple[float, ...]

    def __call__(self, run, kept):
        share = self.levels[run.round]
        return prune(run.model, {"hidden.*.weight": share, "head.weight": share**0.472}, within=run.masks)


def tickets(cell, bench, epochs):
    """Iterative magnitude pruning, rewound to the start, beside other weights at the start and masks at random."""
    folder = bench.folder / f"lottery-{cell.seed}"
    folder.mkdir(exist_ok=True)

    def run_training(run):
        recipe = Recipe(epochs, 60, adam(lr=1.2e-3), constant, random_state=run.random_state % 2**31)
        seen = {}

        def look(moment):
            if moment.step == EARLY:
                seen.update(evaluate(run.model, bench.judged))

        train(run.model, bench.training, recipe, after_backward=look, log=None)
        row = {"round": run.round, "kind": run.kind, "early": seen["error"]} | facts(run.model, bench)
        with open(folder / "rows.jsonl", "a") as file:
            file.write(json.dumps(row) + "\n")
        return row["error"]

    lottery(fresh(cell.network, cell.seed), run_training, rounds=len(LEVELS), score=ByLevel(LEVELS),
            controls=("reinit", "random"), fresh=MAKE[cell.network], folder=folder, random_state=cell.seed)  # fmt: skip
    rows = {
        (row["round"], row["kind"]): row for row in map(json.loads, (folder / "rows.jsonl").read_text().splitlines())
    }
    shares = (1.0, *LEVELS)
    return [row | {"share": shares[row["round"]], "epochs": epochs} for row in rows.values()]


# -- ADMM and latency --------------------------------------------------------------------------------------------------
ZHANG = {"conv1.weight": 100, "conv2.weight": 2000, "fc1.weight": 3600, "fc2.weight": 350}


def split(cell, bench, epochs, rho=1e-3, growth=1.5, updates=3):
    """ADMM from the trained network to the counts of Zhang et al., projection, and training of what is left."""
    model = _trained(cell, bench)
    first, second = epochs
    admm = ADMM(model, ZHANG, rho=rho, every=-(-len(bench.training) // FIVE.batch) // updates, growth=growth)
    recipe = Recipe(first, FIVE.batch, adam(lr=1e-3), constant, random_state=cell.seed)
    train(model, bench.training, recipe, penalty=admm.penalty, after_backward=lambda moment: admm.step(), log=None)
    distance = admm.gap().distance
    return _retrained(cell, bench, model, admm.finish(), second, DENSE_5.epochs + first, {"distance": distance})


def at_once(cell, bench, epochs):
    """Magnitude pruning of the trained network to the same counts, and training of what is left."""
    model = _trained(cell, bench)
    masks = prune(model, ZHANG)
    masks.apply(model)
    return _retrained(cell, bench, model, masks, epochs, DENSE_5.epochs, {})


def _trained(cell, bench):
    model = fresh(cell.network, cell.seed)
    model.load_state_dict(torch.load(bench.folder / f"dense-{cell.network}.pt", weights_only=True))
    return model


def _retrained(cell, bench, model, masks, epochs, done, found):
    before = evaluate(model, bench.judged)["error"]
    recipe = Recipe(epochs, FIVE.batch, adam(lr=2e-3), cosine, average=0.999, random_state=cell.seed + 1000)
    with masks.hold(model):
        train(model, bench.training, recipe, log=None)
    return [facts(model, bench) | {"error_before_tuning": before, "epochs": done + epochs} | found]


def latency(cell, bench, turns=40, seconds=0.02):
    """Processor time (others use the cores) of a forward on one thread, dense and compressed in turns."""
    nets = {"dense": networks.LeNet5()}
    for setting in ("1.3M", "0.4M"):
        state = torch.load(bench.folder / f"lenet5-hard-concrete-{setting}-0.pt", weights_only=True)
        conv1, conv2, fc1 = (len(state[f"{name}.bias"]) for name in ("conv1", "conv2", "fc1"))
        nets[setting] = networks.LeNet5(channels=(conv1, conv2), hidden=fc1)
        nets[setting].load_state_dict(state)
    rows = []
    for batch in (1, 64):
        x = bench.judged.images[:batch]
        calls = {name: _calls(net.eval(), x, seconds) for name, net in nets.items()}
        taken = {name: [] for name in nets}
        for _ in range(turns):
            for name, net in nets.items():
                taken[name].append(_seconds(net, x, calls[name]))
        for name, each in taken.items():
            low, middle, high = (1e6 * q for q in statistics.quantiles(each, n=4))
            ratio = statistics.median(a / b for a, b in zip(taken["dense"], each, strict=True))
            rows.append({"net": name, "batch": batch, "median_us": middle, "low_us": low, "high_us": high,
                         "times_faster": ratio, "turns": turns, "widths": widths(nets[name])})  # fmt: skip
    return rows


@torch.no_grad()
def _seconds(net, x, calls):
    start = time.process_time()
    for _ in range(calls):
        net(x)
    return (time.process_time() - start) / calls


def _calls(net, x, seconds):
    """How many calls take so long, after a warm-up."""
    _seconds(net, x, 20)
    return max(1, round(seconds / _seconds(net, x, 20)))


# -- the cells, the most telling first ---------------------------------------------------------------------------------
def five(method, millions, seed):
    """Units of LeNet-5 within so many million multiply-adds."""
    run = {"hard concrete": partial(gated, goal={"flops": millions / 2.293}),
           "magnitude": partial(norm_pruned, share=millions / 2.293)}[method]  # fmt: skip
    return Cell("lenet5", method, f"{millions}M", seed, partial(run, phases=FIVE))


def three(method, share, seed):
    """Units of LeNet-300-100 within a share of the multiply-adds."""
    run = {"hard concrete": partial(gated, goal={"flops": share}), "magnitude": partial(norm_pruned, share=share)}
    return Cell("lenet300", method, f"{share:.0%} of the operations", seed, partial(run[method], phases=UNITS_300))


def single(method, share, seed):
    """Single weights of LeNet-300-100 within a share of the parameters."""
    run = {"hard concrete": partial(gated, goal={"params": share}, single=True),
           "magnitude": partial(gradual, kept=share)}[method]  # fmt: skip
    return Cell("lenet300", f"{method}, weights", f"{share:.0%} of the weights", seed, partial(run, phases=WEIGHTS_300))


def continued(s0):
    return Cell("lenet300", "continuous sparsification, weights", f"s0 = {s0}", 0,
                partial(continuous, s0=s0, phases=WEIGHTS_300))  # fmt: skip


def cells():
    yield five("hard concrete", 0.4, 0)
    yield five("magnitude", 0.4, 0)
    yield five("hard concrete", 1.3, 0)
    yield three("hard concrete", 0.25, 0)
    yield three("magnitude", 0.25, 0)
    yield Cell("lenet300", "dense", "-", 0, partial(dense, phases=UNITS_300))
    yield Cell("lenet300", "tickets", "-", 0, partial(tickets, epochs=3))
    yield five("magnitude", 1.3, 0)
    yield single("hard concrete", 0.05, 0)
    yield single("magnitude", 0.05, 0)
    yield from map(continued, (-0.03, -0.1, -0.2))
    yield five("hard concrete", 0.4, 1)
    yield Cell("lenet5", "dense", "-", 0, partial(dense, phases=DENSE_5))
    yield Cell("lenet5", "latency", "-", 0, latency)
    yield Cell("lenet5", "ADMM, weights", "71x", 0, partial(split, epochs=(5, 5)))
    yield five("hard concrete", 0.4, 2)
    for seed in (1, 2):
        yield three("hard concrete", 0.25, seed)
        yield five("hard concrete", 1.3, seed)
    for seed in (1, 2):
        yield single("hard concrete", 0.05, seed)
    yield Cell("lenet5", "magnitude, weights", "71x", 0, partial(at_once, epochs=10))
    yield three("magnitude", 0.5, 0)
    for seed in (0, 1, 2):
        yield three("hard concrete", 0.5, seed)


def run(options):
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "cells.jsonl"
    done = {json.loads(line)["cell"] for line in file.read_text().splitlines()} if file.exists() else set()
    bench = Bench.of(folder, options.validation)
    for cell in cells():
        if cell.name in done or not fnmatchcase(cell.name, options.only):
            continue
        wall, processor = time.perf_counter(), time.process_time()
        line = {"cell": cell.name, "network": cell.network, "method": cell.method, "setting": cell.setting}
        line |= {"seed": cell.seed, "rows": cell.run(cell, bench)}
        line |= {"wall": time.perf_counter() - wall, "cpu": time.process_time() - processor}
        with file.open("a") as out:
            out.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)


def parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "report"])
    parser.add_argument("folder", help="where the lines and the networks are")
    parser.add_argument("--only", default="*", help="glob over names of cells: network, method, setting, seed")
    parser.add_argument("--validation", action="store_true", help="train on 50,000 rows, judge by the other 10,000")
    return parser


def main():
    options = parser().parse_args()
    torch.set_num_threads(1)
    run(options) if options.what == "run" else mnist_report.write(options.folder)


if __name__ == "__main__":
    main()
