"""Lesson 2 of 6: where a loss touches a ball.

To fit within a budget is to slide down a loss until the edge of a ball stops you: minimise L(x) subject to ||x||_p <=
t. The contours of the loss grow about its lowest point until they touch the ball, and where they touch is the answer.
On a diamond it is often a corner, and a corner has coordinates that are exactly 0. On a round ball it is some point
of the boundary, where no coordinate is 0 but by accident.

The condition says why. On the disc the downhill direction must point straight out of the ball at the contact, and
each point of the disc has one such direction. A corner of the diamond has a whole cone of them: move the loss a
little, and the corner stays the answer.

Often is not always. Where the loss is nearly round and its lowest point lies in the middle of a side, the diamond is
touched on the side, and nothing is 0. In three dimensions there are corners, edges and sides: two zeros, one, none.

    python examples/plot_2_contact.py [FOLDER]     saves its figures into FOLDER
"""

import sys
from dataclasses import replace

import numpy as np
from lesson import point, save, tell

from ellzero import geometry as geo

ORDERS = (2, 1, 0.5, 0)
BOWL, LOWEST = np.array([[1.0, 0.3], [0.3, 0.5]]), np.array([0.1, 1.9])
LONG = geo.quadratic(BOWL, LOWEST)
ROUND = geo.quadratic(np.eye(2), [1.3, 1.0])
SPACE = {
    "a corner": geo.quadratic(np.eye(3), [0.2, 0.15, 1.45]),
    "an edge": geo.quadratic(np.eye(3), [0.9, 0.2, 1.1]),
    "a side": geo.quadratic(np.eye(3), [0.8, 0.6, 0.9]),
}


def turned(degrees):
    """The loss with its lowest point carried about the origin."""
    a = np.deg2rad(degrees)
    return geo.quadratic(BOWL, np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) @ LOWEST)


def main(folder=None):
    for p in ORDERS:
        touch = geo.contact(LONG, p, 1)
        tell(f"contact, p = {p:g}", point(touch.point))
        tell(f"exact zeros, p = {p:g}", touch.n_zeros)
    for p in (2, 1):
        kept = [d for d in range(-40, 41) if geo.contact(turned(d), p, 1).n_zeros]
        tell(f"degrees of 81 the lowest point can be turned by with a zero left, p = {p:g}", len(kept))
    touch = geo.contact(ROUND, 1, 1)
    tell("contact of the round loss, p = 1", point(touch.point))
    tell("exact zeros of the round loss, p = 1", touch.n_zeros)
    for name, loss in SPACE.items():
        touch = geo.contact(loss, 1, 1)
        tell(f"in space, on {name}", f"{point(touch.point)}, exact zeros {touch.n_zeros}")
    if folder:
        from ellzero import plot

        save(plot.balls(ORDERS, loss=LONG, budget=1, limits=(-1.3, 2.5)), folder, "plot_2_contact.svg")
        shown = []
        for name, loss in SPACE.items():
            (panel,) = plot.panels(1, loss, budget=1, limits=(-1.05, 2.0))
            shown.append(replace(panel, title=f"on {name}"))
        save(plot.draw_panels(shown), folder, "plot_2_contact_space.png")


if __name__ == "__main__":
    main(*sys.argv[1:2])
