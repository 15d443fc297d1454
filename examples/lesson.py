"""What the five scripts of the lesson share: numbers told under a label, and pictures saved where a folder is named."""

from io import BytesIO
from pathlib import Path


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


def save(figure, folder, name, dpi=130):
    """Save a figure as a PNG of few colours, which is small, and the same each time."""
    from PIL import Image

    raw = BytesIO()
    figure.savefig(raw, format="png", dpi=dpi, bbox_inches="tight", metadata={"Software": None})
    raw.seek(0)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    Image.open(raw).convert("RGB").quantize(160).save(folder / f"{name}.png", optimize=True)
