"""A surface and its slices: x^4 + y^4 + z^4 - (x^2 + y^2 + z^2 - 0.4), the quartic of many textbooks.

Its level set at 0 is a hollow cube with rounded corners and a round opening in each face. One picture shows it from
outside; what it looks like within is shown by slices z = constant: three levels, the same in each slice.

    python examples/quartic.py [FOLDER]     saves its figures into FOLDER
"""

import sys

from lesson import point, save, tell

import ellzero as ez
from ellzero import geometry as geo

HEIGHTS = (0.0, 0.5, 0.9)


def main(folder=None):
    field = geo.quartic()
    surface = geo.level_set(field, 0.0)
    tell("area of the surface", f"{surface.measure():.2f}")
    tell("volume where the field is below 0", f"{surface.content():.2f}")
    corner = [0.5**0.5] * 3
    tell("lowest point", f"{point(corner)}, value {float(field(corner)):.2f}")
    for z in HEIGHTS:
        curves = geo.level_set(field.slice({"z": z}), 0.0).curves()
        tell(f"curves of level 0 at z = {z:g}", len(curves))
    if folder:
        save(ez.plot.isosurface(field, 0.0), folder, "quartic.png")
        slices = ez.plot.slices(field, [{"z": z} for z in HEIGHTS], [-0.2, 0.0, 0.2])
        save(slices, folder, "quartic_slices.svg")


if __name__ == "__main__":
    main(*sys.argv[1:2])
