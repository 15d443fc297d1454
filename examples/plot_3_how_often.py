"""Lesson 3 of 6: how often is the answer sparse, and how sparse?

Books say that the contact is "typically" at a corner. That is a probability, so it can be measured: draw losses from a
stated law, find each one's minimiser within the budget, and count the zeros. For L1, L2 and the elastic net it is the
exact one; below p = 1 it is the best that a search from many starts finds. Here a loss is a bowl whose axes point
anywhere, whose longest axis is steeper than its flattest by a stated factor, with its lowest point drawn from a normal
law; the budget is half of what the lowest point itself would use.

Four things come out. With L2 there is never a zero. With L1 and two variables, the case of every picture, it is nearer
to a coin toss. The more variables, the likelier some zero, and the rarer the corner, all zeros but one: the answer
lies on an edge or a face. And the law matters: for any bowl there are lowest points from which L1 gives no zero at
all. Take a point x inside a side of the diamond, with signs s, and put the lowest point at x + m H^-1 s for some m > 0:
then the slope at x is -m s, which points straight out of that side, and x is the answer.

    python examples/plot_3_how_often.py [FOLDER]     saves its figure into FOLDER
"""

import sys

import numpy as np
from lesson import give_or_take, save, tell

from ellzero import geometry as geo
from ellzero.penalties import ElasticNet, Lp

DIMENSIONS = (2, 3, 5, 10)
DRAWS, FEW = 1000, 100  # few where the ball is not convex, which takes a search


def main(folder=None):
    counted = {n: geo.count_zeros(1, n, draws=DRAWS, random_state=0) for n in DIMENSIONS}
    tell("losses drawn for each number of variables", DRAWS)
    for n, found in counted.items():
        tell(f"L1, {n} variables: share with a zero", give_or_take(found.share, found.error))
        tell(f"L1, {n} variables: share at a corner", give_or_take(found.vertices, found.vertex_error))
        tell(f"L1, {n} variables: mean number of zeros", f"{found.mean:.2f} ± {found.mean_error:.2f}")
    by_penalty = {"L2": geo.count_zeros(2, 10, draws=DRAWS, random_state=0)}
    tell("L2, 10 variables: share with a zero", give_or_take(by_penalty["L2"].share, by_penalty["L2"].error))
    others = {"elastic net": (ElasticNet(0.5, 0.5), DRAWS), "L1/2": (Lp(1.0, 0.5), FEW)}
    for name, (penalty, draws) in others.items():
        found = by_penalty[name] = geo.count_zeros(penalty, 10, draws=draws, random_state=0)
        tell(f"{name}, 10 variables: mean number of zeros", f"{found.mean:.2f} ± {found.mean_error:.2f}")
    dense = geo.dense_family(10, draws=50, random_state=0)
    zeros = [geo.contact(geo.quadratic(loss.H, loss.centre), 1, loss.budget).n_zeros for loss in dense]
    tell("losses made to touch a side, 10 variables", len(dense))
    tell("exact zeros in all of their minimisers", int(np.sum(zeros)))
    if folder:
        from ellzero import plot

        ordered = {name: by_penalty[name] for name in ("L2", "elastic net")} | {"L1": counted[10]}
        ordered |= {"L1/2": by_penalty["L1/2"]}
        ax = plot.zeros({f"{name}, {found.draws} losses": found for name, found in ordered.items()})
        most = max(int(np.flatnonzero(found.counts).max()) for found in ordered.values())
        ax.set_xlim(-0.6, most + 0.6)  # none has more zeros than that
        ax.figure.set_size_inches(7.6, 3.6)
        save(ax, folder, "plot_3_how_often.png")


if __name__ == "__main__":
    main(*sys.argv[1:2])
