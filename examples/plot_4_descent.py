"""Lesson 4 of 6: gradient descent does not find the zeros by itself.

The minimiser under an L1 penalty has exact zeros. Does training with one? Here softmax regression reads 8 by 8 pixels
of handwritten digits, with one objective, the mean loss plus strength times the sum of |w|, and two ways to go down
on it.

The plain way adds strength times sign(w) to the gradient: that is what automatic differentiation does, and what most
books print. A weight that belongs at 0 is pushed over it, then back, and over it again: it ends within twice rate
times strength of 0, and almost never on it. The other way takes the gradient step of the loss and then applies the
soft threshold, the proximal operator of the penalty: what is then within rate times strength of 0 becomes 0. It stays
there as long as its slope of the loss is no larger than the strength, and leaves again if that grows. Both reach the
same loss and the same test error; only one of the two has zeros.

Pixels at the margin are 0 in every image. Their weights have no gradient, so that any of the penalties could drop
them for free: they are counted apart.

    python examples/plot_4_descent.py [FOLDER]     saves its figures into FOLDER
"""

import sys

import numpy as np
from lesson import save, tell

from ellzero.geometry.descent import LinearModel, split_digits, train

STRENGTH, RATE, EPOCHS = 0.002, 0.3, 1000
NAMES = {
    "l1 subgradient": "L1, subgradient", "l1 proximal": "L1, proximal", "l2": "L2", "hard threshold": "hard threshold",
}  # fmt: skip


def main(folder=None):
    data, model = split_digits(0), LinearModel(64, 10)
    usual = {"epochs": EPOCHS, "rate": RATE, "test": data.test, "follow": 24}
    runs = {
        m: train(model, *data.train, m, strength=STRENGTH, **usual) for m in ("l1 subgradient", "l1 proximal", "l2")
    }
    proximal = runs["l1 proximal"]
    runs["hard threshold"] = train(model, *data.train, "hard threshold", k=proximal.n_nonzero, **usual)
    tell("weights", proximal.n_live)
    tell("weights of pixels that are always 0", int(proximal.idle.sum()))
    for name, run in runs.items():
        tell(f"{name}: exact zeros", run.n_zeros)
        tell(f"{name}: smaller than 0.001 and not 0", run.n_small)
        tell(f"{name}: loss", f"{run.losses[-1]:.4f}")
        tell(f"{name}: test error", f"{100 * run.test_error:.1f} %")
    at_zero = (proximal.weights[-1] == 0) & ~proximal.idle
    left = np.abs(runs["l1 subgradient"].weights[-1][at_zero]).max()
    tell("twice rate times strength", f"{2 * RATE * STRENGTH:.4f}")
    tell("largest weight of the subgradient run where the proximal run has 0", f"{left:.4f}")
    noisy = train(model, *data.train, "l1 proximal", strength=STRENGTH, **usual | {"epochs": 60}, batch=64)
    tell("l1 proximal, steps on 64 rows: exact zeros", noisy.n_zeros)
    if folder:
        from ellzero import plot

        named = {NAMES[method]: run for method, run in runs.items()}
        l1 = [NAMES["l1 subgradient"], NAMES["l1 proximal"]]
        save(plot.trajectories({name: named[name] for name in l1}), folder, "plot_4_descent.svg")
        # the next 20 steps of both, one by one, of three weights that the proximal run has at 0
        further = {"epochs": 20, "rate": RATE, "follow": np.flatnonzero(at_zero)[[40, 170, 300]].tolist()}
        steps = {
            f"{NAMES[m]}: 20 more steps": train(
                model, *data.train, m, strength=STRENGTH, start=runs[m].parameters, **further
            )
            for m in ("l1 subgradient", "l1 proximal")
        }
        save(plot.trajectories(steps), folder, "plot_4_descent_steps.svg")
        save(plot.weights(named), folder, "plot_4_descent_weights.png")


if __name__ == "__main__":
    main(*sys.argv[1:2])
