"""Lesson 5 of 6: a sparse network.

The last step from a diamond to what people train. A network with 16 tanh units reads the same digits; its loss is not
convex, so that there is no contact point to speak of, but near each minimum the argument of the first lessons holds,
weight by weight: 0 is where a weight stays whose gradient is smaller than the strength.

Four trainings start at the same weights and take the same number of steps. The strength is chosen on rows that are
not the test's. The subgradient run has the proximal run's strength, and hard thresholding, which keeps the k largest
weights after each step, its number of weights.

What zeros are worth: fewer numbers to store and pixels that nobody reads. A dense matrix product is not faster for
them; for that whole units must go (`examples/digits_with_gates.py`, and the page on pruning a network).

    python examples/plot_5_sparse_network.py [FOLDER]     saves its figure into FOLDER
"""

import sys

from lesson import save, tell, tell_table

from ellzero.geometry.descent import TanhNetwork, split_digits, strongest, train
from ellzero.result import Table

STRENGTHS = (0.0003, 0.001, 0.003)


def main(folder=None):
    data, model = split_digits(0), TanhNetwork(64, 16, 10)
    usual = {"epochs": 1000, "test": data.test}
    proximal = strongest(model, data, "l1 proximal", STRENGTHS, epochs=1000)
    runs = {
        "no penalty": train(model, *data.train, "l2", strength=0.0, **usual),
        "L1, subgradient": train(model, *data.train, "l1 subgradient", strength=proximal.strength, **usual),
        "L1, proximal": proximal,
        "hard threshold": train(model, *data.train, "hard threshold", k=proximal.n_nonzero, **usual),
    }
    tell("strength chosen", f"{proximal.strength:g}")
    tell("weights", proximal.n_live)
    rows = [
        [name, run.n_zeros, run.n_small, run.n_nonzero, f"{100 * run.test_error:.1f} %"] for name, run in runs.items()
    ]
    columns = ["training", "exact zeros", "below 0.001, not 0", "weights to store", "test error"]
    tell_table("the four trainings", Table(columns, rows))
    first, last = (weights for weights, _ in model.layers(proximal.parameters))
    tell("pixels of 64 that no unit reads", int((first == 0).all(axis=1).sum()))
    tell("units of 16 that no class reads", int((last == 0).all(axis=1).sum()))
    if folder:
        from ellzero import plot

        save(plot.descent(runs), folder, "plot_5_sparse_network.svg")


if __name__ == "__main__":
    main(*sys.argv[1:2])
