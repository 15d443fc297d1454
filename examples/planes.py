"""A loss of ten coefficients, seen through planes: how to look at what has too many variables to draw.

The mean squared error of a linear model of diabetes is a bowl in ten dimensions. A picture has two. Any plane through
the lowest point shows ellipses; which ones, depends on the plane. The two directions in which the bowl bends the most,
the leading eigenvectors of its Hessian, show its steepest walls; a plane drawn at random shows what is usual. Levels,
by how much the loss is above its lowest value, and limits are the same: lines lie close where the loss is steep.

    python examples/planes.py [FOLDER]     saves its figure into FOLDER
"""

import sys
from dataclasses import replace

import numpy as np
from lesson import save, tell

import ellzero as ez
from ellzero import geometry as geo


def main(folder=None):
    data = ez.datasets.load_diabetes()
    X = (data.X - data.X.mean(axis=0)) / data.X.std(axis=0)
    names = data.feature_names
    loss = geo.loss_field(ez.Problem.from_data(X, data.y, k=1, standardize=False))
    best = np.linalg.lstsq(X, data.y - data.y.mean(), rcond=None)[0]
    H = np.asarray(loss.hessian(best), float)
    planes = {
        "the two steepest directions": (geo.principal_plane(loss, at=best), ("steepest", "second steepest")),
        "a random plane": (geo.random_plane(loss.n, random_state=0), ("one direction", "another one")),
        f"columns {names[4]} and {names[5]}": (np.eye(loss.n)[[4, 5]], names[4:6]),
    }
    tell("loss at the lowest point", f"{float(loss(best)):.1f}")
    tell("curvatures of the bowl", f"{np.linalg.eigvalsh(H).min():.3f} to {np.linalg.eigvalsh(H).max():.2f}")
    floor = float(loss(best))
    above = replace(loss, function=lambda b: loss.function(b) - floor)
    shown = []
    for name, (directions, called) in planes.items():
        ends = np.linalg.eigvalsh(directions @ H @ directions.T)
        tell(f"curvatures, {name}", f"{ends[0]:.2f} and {ends[1]:.2f}")
        part = above.on_plane(best, directions, called)
        (panel,) = ez.plot.field_panels(part, [{}], [25, 100, 225, 400], limits=(-40, 40))
        shown.append(replace(panel, title=name))
    if folder:
        save(ez.plot.draw_slices(shown), folder, "planes.svg")


if __name__ == "__main__":
    main(*sys.argv[1:2])
