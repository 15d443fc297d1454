"""What the scripts of the lesson share: numbers told under a label, and pictures saved where a folder is named."""

import re
from pathlib import Path

import numpy as np

PATHS = re.compile(r' d="[^"]*"')
LONG = re.compile(r"-?\d+\.\d{3,}")
"""Places of a path with more decimals than two: a hundredth of a point is nowhere to be seen."""


def tell(label, value):
    """Print a number under the label that the page of the lesson finds it by."""
    print(f"{label}: {value}")


def tell_table(label, table):
    """Print a table under its label; an empty line ends it."""
    print(f"{label}:\n{table.to_markdown()}\n")


def point(x, digits=3):
    """A point as people write it, without the sign of a zero."""
    return "(" + ", ".join(f"{value + 0.0:.{digits}f}".rstrip("0").rstrip(".") for value in x) + ")"


def give_or_take(value, error, digits=1):
    """A share in per cent, with its standard error; none where all draws agree, for that error would be 0."""
    if value in (0, 1):
        return f"{100 * value:.0f} %"
    return f"{100 * value:.{digits}f} ± {100 * error:.{digits}f} %"


def save(axes, folder, name, dpi=200):
    """Save the figure of axes, the same each time: lines as SVG, which is sharp at every size, surfaces as PNG."""
    from matplotlib import pyplot, rc_context

    figure = np.ravel(axes)[0].figure
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    made = {"Date": None, "Creator": None} if name.endswith(".svg") else {"Software": None}
    # letters as outlines: a viewer has another font, whose words are as long as they please
    with rc_context({"svg.fonttype": "path", "svg.hashsalt": name}):
        figure.savefig(folder / name, dpi=dpi, bbox_inches="tight", metadata=made)
    pyplot.close(figure)
    if name.endswith(".png"):
        from PIL import Image

        with Image.open(folder / name) as full:  # 256 colours, none of them mixed by dots: half of the bytes
            few = full.convert("RGB").quantize(256, dither=Image.Dither.NONE)
        few.save(folder / name, optimize=True)
    else:
        text = (folder / name).read_text(encoding="utf-8")
        (folder / name).write_text(PATHS.sub(lambda path: LONG.sub(_rounded, path[0]), text), encoding="utf-8")


def _rounded(number):
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")
