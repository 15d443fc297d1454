"""Lesson 1 of 6: what a norm measures, and the shapes of its balls.

A linear model has one coefficient a column, and "keep the coefficients small" needs a way to measure them. The p-norm
adds powers, ||x||_p = (sum |x_i|^p)^(1/p): p = 2 is the distance of everyday life, p = 1 the walk along the streets
of a grid, p = infinity the largest entry alone, and p = 0, by convention, counts what is not 0.

All points of norm at most 1 are the unit ball. It is round for p = 2, a diamond for p = 1, and for p < 1 a star that
caves in between its spikes. Its corners lie where coordinates are exactly 0; the rest of the lesson is about them. At
p = 0 there is no ball to speak of: the points with at most one nonzero are the axes, without an end.

Two warnings that are often left out. Below p = 1 these are no norms: the triangle inequality fails. And the count is
no norm even in name: twice a vector has twice the norm, and the same count.

    python examples/plot_1_norms.py [FOLDER]     saves its figure into FOLDER
"""

import sys

import numpy as np
from lesson import save, tell

import ellzero as ez
from ellzero import geometry as geo

ORDERS = (2, 1, 0.5, 0)


def main(folder=None):
    for p in ORDERS:
        tell(f"norm of (2, 2), p = {p:g}", f"{float(geo.norm([2.0, 2.0], p)):.4g}")
    tell("norm of (1, 0) + (0, 1), p = 0.5", f"{float(geo.norm([1.0, 1.0], 0.5)):.4g}")
    tell("sum of the two norms, p = 0.5", f"{float(geo.norm(np.eye(2), 0.5).sum()):.4g}")
    for p in (0.5, 0.1, 0.01):
        tell(f"sum of |x_i|^p at (2, 2), p = {p:g}", f"{float(geo.power_sum([2.0, 2.0], p)):.4g}")
    for p in (np.inf, 2, 1, 0.5):
        tell(f"area of the curve drawn, p = {p:g}", f"{geo.ball(p).content():.4f}")
        tell(f"area by the formula, p = {p:g}", f"{geo.ball_content(p, 2):.4f}")
    for n in (2, 3, 10):
        share = geo.ball_content(1, n) / geo.ball_content(np.inf, n)
        tell(f"share of the box that the diamond fills, n = {n}", f"{share:.3g}")
    count = geo.convex_envelope(ez.penalties.L0(1.0), n=2)
    distance = np.abs(count.envelope - np.abs(count.grid).sum(axis=-1)).max()
    tell("largest distance of the count's envelope on [-1, 1]^2 from |x| + |y|", f"{distance:.6f}")
    if folder:
        save(ez.plot.balls(ORDERS, limits=(-1.2, 1.2)), folder, "plot_1_norms.svg")


if __name__ == "__main__":
    main(*sys.argv[1:2])
