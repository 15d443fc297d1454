"""CIFAR-10 on processors: accuracy against measured latency for gates, group L1 and magnitude pruning.

    python -m benchmarks.nn.cifar [--out rows.jsonl] [--table table.md] [--only PATTERN]

ResNet-20 and a small VGG on a balanced prefix of the images, which were encoded anew, so methods are judged against
each other. All methods have the same epochs and batches. Gates are trained under a `Target` from the first epoch; group
L1 takes proximal steps on filters and prunes, magnitude prunes what was trained plainly, both at half time and to the
same operations, by the lengths of filters; the epochs left train what is left. Resumable: one line of JSON a cell.
"""

import argparse
import json
import statistics
import time
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import torch

from ellzero.nn import (
    HardConcrete,
    Proximal,
    Slices,
    Target,
    TopK,
    attach,
    channels,
    compress,
    keep_best,
    magnitude,
    networks,
)  # fmt: skip

from .data import cifar10, crops_and_flips
from .train import Recipe, cosine, evaluate, sgd, train

PER_CLASS, EPOCHS, TURNS = 200, 16, 15
NETWORKS = {"resnet20": networks.ResNet, "vgg": networks.VGG}
SHARES = (0.25, 0.5)
RECIPE = Recipe(EPOCHS, 64, sgd(lr=0.05, weight_decay=5e-4), cosine, augment=crops_and_flips)
STRENGTH = 5e-5  # of group L1, of a mean loss; the square root of a filter's entries multiplies it


def data():
    return cifar10(PER_CLASS, validation_per_class=100)


def dense(make, parts, seed):
    model = fresh(make, seed)
    train(model, parts.training, replace(RECIPE, random_state=seed), log=None)
    return model


def fresh(make, seed):
    torch.manual_seed(seed)
    return make()


def gates(make, parts, share, seed):
    """Gates from the first epoch, the share wanted reached at half time, the network cut at three quarters."""
    model = fresh(make, seed)
    gated = attach(model, parts.training.images[:1], channels(), gate=HardConcrete(), random_state=seed)
    first, last = halves(0.75, seed)
    steps = first.epochs * -(-len(parts.training) // first.batch)
    goal = Target(gated, flops=share, warmup=int(steps * 2 / 3))
    train(model, parts.training, first, after_backward=lambda _: goal.step(), log=None)
    return tuned(compress(model, gated), parts, last)


def group_l1(make, parts, share, seed):
    model = fresh(make, seed)
    optimisers = []

    def optimiser(parameters):
        optimisers.append(RECIPE.optimiser(parameters))
        return optimisers[0]

    first, last = halves(0.5, seed)
    step = []

    def after(_):
        if not step:
            filters = {name: Slices(STRENGTH) for name, p in model.named_parameters() if p.ndim == 4}
            step.append(Proximal(model, optimisers[0], filters))
        step[0].step()

    train(model, parts.training, replace(first, optimiser=optimiser), after_backward=after, log=None)
    return tuned(by_length(model, parts, share), parts, last)


def by_magnitude(make, parts, share, seed):
    model = fresh(make, seed)
    first, last = halves(0.5, seed)
    train(model, parts.training, first, log=None)
    return tuned(by_length(model, parts, share), parts, last)


def halves(share, seed):
    """The recipe before and after the cut: a constant rate, then a cosine to zero."""
    before = round(EPOCHS * share)
    first = replace(RECIPE, epochs=before, schedule=lambda _: 1.0, random_state=seed)
    return first, replace(RECIPE, epochs=EPOCHS - before, random_state=seed + 1000)


def by_length(model, parts, share):
    """What is left when filters of the least length, beside the mean of their layer, are cut out."""
    gated = attach(model, parts.training.images[:1], channels(), gate=TopK(kept=1.0))
    scores = {name: score / score.mean().clamp(min=1e-30) for name, score in gated.scores(magnitude).items()}
    keep_best(gated, scores, flops=share)
    return compress(model, gated)


def tuned(model, parts, recipe):
    train(model, parts.training, recipe, log=None)
    return model


METHODS = {"gates": gates, "group L1": group_l1, "magnitude": by_magnitude}


@torch.no_grad()
def latency(models, example):
    """Seconds of CPU time of a forward, for each network the median and quartiles over turns of them all."""
    seconds = [[] for _ in models]
    for turn in range(TURNS + 2):
        for times, model in zip(seconds, models, strict=True):
            start = time.process_time()
            model(example)
            if turn > 1:
                times.append(time.process_time() - start)
    return [statistics.quantiles(times, n=4) for times in seconds]


def measure(name, method, share, seed):
    parts, make = data(), NETWORKS[name]
    start = time.process_time()
    model = dense(make, parts, seed) if method == "dense" else METHODS[method](make, parts, share, seed)
    row = {"network": name, "method": method, "share": share, "seed": seed, "cpu": time.process_time() - start}
    model.eval()
    images = parts.test.images[:64].contiguous(memory_format=torch.channels_last)
    reference = fresh(make, seed).eval().to(memory_format=torch.channels_last)
    (low, median, high), (_, whole, _) = latency([model.to(memory_format=torch.channels_last), reference], images)
    row |= {"milliseconds": [1e3 * v / 64 for v in (low, median, high)], "speedup": whole / median}
    row |= {"parameters": sum(p.numel() for p in model.parameters()), "torch": torch.__version__}
    return row | {"error": evaluate(model, parts.test)["error"]}


def cells():
    yield from ((name, "dense", 1.0, 0) for name in NETWORKS)
    yield from ((name, method, share, 0) for share in SHARES for name in NETWORKS for method in METHODS)


def table(rows):
    lines = [
        "# CIFAR-10: accuracy against measured latency", "",
        f"The first {PER_CLASS} images a class of a copy encoded anew; {EPOCHS} epochs, the same batches for all; test "
        "error on all 10,000 test images. Milliseconds of CPU time an image in batches of 64, one thread, medians with "
        f"quartiles over {TURNS} turns with the dense network. torch {rows[0]['torch']}. Written by "
        "`python -m benchmarks.nn.cifar`.", "",
        "| network | method | operations kept | parameters | test error | ms an image | times the dense |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]  # fmt: skip
    for row in sorted(rows, key=lambda row: (row["network"], -row["share"], row["method"])):
        low, median, high = row["milliseconds"]
        lines.append(
            f"| {row['network']} | {row['method']} | {row['share']:.0%} | {row['parameters']:,} | {row['error']:.2%} | "
            f"{median:.2f} ({low:.2f} to {high:.2f}) | {row['speedup']:.2f} |"
        )
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("cifar.jsonl"))
    parser.add_argument("--table", type=Path)
    parser.add_argument("--only", default="*")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = [json.loads(line) for line in options.out.read_text().splitlines()] if options.out.exists() else []
    done = {(row["network"], row["method"], row["share"], row["seed"]) for row in rows}
    for cell in cells():
        if cell not in done and fnmatchcase(" ".join(map(str, cell)), options.only):
            rows.append(measure(*cell))
            with options.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(rows[-1]) + "\n")
        if options.table is not None and rows:
            options.table.write_text(table(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
