"""Lesson 6 of 6: what a penalty takes off the coefficients that it keeps.

A corner explains which coefficients are 0. What about the others? The same slope that holds small coefficients at 0
pulls at the large ones, too. If the columns are orthogonal and of length sqrt(n), everything can be written down: with
b the coefficient by least squares, L1 takes its strength off the size of each, L2 divides each by 1 + 2 strength, and
L0, which prices being there and not being large, keeps b as it is where b^2 / 2 is more than its strength.

Here 200 rows are drawn from twelve known coefficients, six of them 0, so that the truth is known, too. Strengths are
such that L0 and L1 keep about the same columns.

One warning: L0 is unbiased for columns named in advance. Columns chosen on the same rows are those that noise made
large, so that a weak one, once chosen, is too large on average.

    python examples/plot_6_shrinkage.py [FOLDER]     saves its figure into FOLDER
"""

import sys

import numpy as np
from lesson import save, tell, tell_table

import ellzero as ez
from ellzero import geometry as geo
from ellzero.result import Table

TRUTH = np.array([3.0, -2.4, 1.8, -1.2, 0.9, -0.6, 0, 0, 0, 0, 0, 0])
STRENGTHS = {"l0": 0.05, "l1": 0.4, "l2": 0.2}


def drawn(rows=200, seed=0):
    """Rows with columns that are nearly orthogonal, and a response of the truth and noise."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, len(TRUTH)))
    return X, X @ TRUTH + rng.normal(size=rows)


def orthogonal(rows=200, seed=0):
    """The same with columns that are exactly orthogonal to each other and to the ones, of length sqrt(rows)."""
    rng = np.random.default_rng(seed)
    columns = np.linalg.qr(np.column_stack([np.ones(rows), rng.normal(size=(rows, len(TRUTH)))]))[0]
    X = np.sqrt(rows) * columns[:, 1:]
    return X, X @ TRUTH + rng.normal(size=rows)


def main(folder=None):
    usual = STRENGTHS | {"truth": TRUTH, "standardize": False}
    found = geo.shrinkage(*drawn(), **usual)
    tell("strengths of L0, L1 and L2", ", ".join(f"{strength:g}" for strength in found.strengths))
    estimates = {"least squares": found.least_squares, "L0": found.l0, "L1": found.l1, "L2": found.l2}
    rows = []
    for name, b in estimates.items():
        towards = ((b - TRUTH) * np.sign(TRUTH))[TRUTH != 0]
        rows.append([name, int((b != 0).sum()), f"{towards.mean():+.2f}", f"{b[0]:.2f}", f"{b[4]:.2f}"])
    columns = ["estimate", "kept of 12", "mean of the six less the truth", "where 3 is true", "where 0.9 is true"]
    tell_table("the same rows", Table(columns, rows))
    plain = geo.shrinkage(*orthogonal(), **usual)
    b, (l0, l1, l2) = plain.least_squares, plain.strengths
    formulas = (
        np.where(b**2 / 2 > l0, b, 0), np.sign(b) * np.maximum(np.abs(b) - l1, 0), b / (1 + 2 * l2),
    )  # fmt: skip
    off = max(np.abs(a - f).max() for a, f in zip((plain.l0, plain.l1, plain.l2), formulas, strict=True))
    tell("orthogonal columns: largest distance from the formulas", f"{off:.6f}")
    if folder:
        save(ez.plot.shrinkage(found), folder, "plot_6_shrinkage.svg")


if __name__ == "__main__":
    main(*sys.argv[1:2])
