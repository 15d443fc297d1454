"""The dense networks that everything else is compared with, and what an epoch costs.

python -m benchmarks.nn.dense lenet300 lenet5                # choose on the validation rows
python -m benchmarks.nn.dense lenet300 lenet5 --final        # all 60,000 rows, one look at the test set
python -m benchmarks.nn.dense --speed                        # seconds an epoch, setting by setting
"""

import argparse
import itertools
import statistics
from dataclasses import replace

import torch

from ellzero.nn import networks

from .data import mnist
from .train import Recipe, adam, evaluate, one_cycle, sgd, train

# Chosen on the validation rows; Adam at 1e-3, as in the papers.
RECIPES = {
    "lenet300": (networks.LeNet300, Recipe(epochs=20, batch=100, average=0.999)),
    "lenet5": (networks.LeNet5, Recipe(epochs=12, schedule=one_cycle)),
}


def baseline(name, seed, final, log=print, **changes):
    """A dense network and its errors: on the validation rows, or on the test set after training on all rows.

    ``changes`` are to the recipe, such as ``epochs=3``.
    """
    make, recipe = RECIPES[name]
    data = mnist(validation=0 if final else 10_000)
    torch.manual_seed(seed)
    model = make()
    recipe = replace(recipe, random_state=seed, **changes)
    records = train(model, data.training, recipe, validation=data.validation, log=log)
    judged = evaluate(model, data.test if final else data.validation)
    seconds = statistics.median(record["cpu"] for record in records)
    print(f"{name} seed {seed}: {'test' if final else 'validation'} error {100 * judged['error']:.2f} %, "
          f"loss {judged['heldout']:.4f}, {seconds:.2f} CPU s an epoch", flush=True)  # fmt: skip
    return model, judged, seconds


OPTIMISERS = {
    "Adam": adam(lr=1e-3, fused=False),
    "Adam, fused": adam(lr=1e-3),
    "SGD, fused": sgd(lr=0.05),
}
WORD = {False: "no", True: "yes"}


def speed(rows=12_800, turns=3):
    """Median CPU seconds of an epoch over 60,000 rows, from turns over a part of them."""
    split = mnist(rows=rows).training
    lenet300 = itertools.product(("lenet300",), (100, 128), OPTIMISERS, (False,), (True,))
    lenet5 = itertools.product(("lenet5",), (100, 128), ("Adam, fused",), (False, True), (False, True))
    for name, batch, optimiser, last, mkldnn in (*lenet300, *lenet5):
        make, recipe = RECIPES[name]
        recipe = replace(
            recipe, epochs=turns + 1, batch=batch, optimiser=OPTIMISERS[optimiser], channels_last=last, average=None
        )
        with torch.backends.mkldnn.flags(enabled=mkldnn):
            records = train(make(), split, recipe, log=None)
        seconds = statistics.median(record["cpu"] for record in records[1:]) * 60_000 / rows
        print(f"| {name} | {batch} | {optimiser} | {WORD[last]} | {WORD[mkldnn]} | {seconds:.2f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(RECIPES)}; none: all")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--final", action="store_true")
    parser.add_argument("--speed", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.speed:
        speed()
        return
    for name in options.names or RECIPES:
        for seed in options.seeds:
            baseline(name, seed, options.final)


if __name__ == "__main__":
    main()
