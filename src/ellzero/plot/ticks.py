"""Ticks with names, as many as there is room for when they are drawn. Loaded by the pictures that need it."""

from collections.abc import Sequence

from matplotlib.axis import Axis, XAxis
from matplotlib.ticker import FuncFormatter, Locator, MaxNLocator

from .labels import every, plain

EACH = 1.24
"""What a name takes across its line, in sizes of its font."""


class Places(Locator):
    """The places 0 to count - 1, every second or third of them where axes are small.

    Parameters
    ----------
    count : int
    from_last : bool
        Whether the last place is always among them, or the first.
    """

    def __init__(self, count: int, from_last: bool):
        self.count, self.from_last = count, from_last

    def __call__(self) -> list[float]:
        axis = self.axis
        assert isinstance(axis, Axis)
        box = axis.axes.get_window_extent()
        room = (box.width if isinstance(axis, XAxis) else box.height) * 72.0 / axis.axes.figure.dpi
        low, high = sorted(axis.get_view_interval())
        size = axis.get_major_ticks(1)[0].label1.get_fontsize()
        stride = every(self.count, room * self.count / max(high - low, 1e-9), EACH * size)
        first = (self.count - 1) % stride if self.from_last else 0
        return [float(place) for place in range(first, self.count, stride)]

    def tick_values(self, vmin, vmax) -> list[float]:
        return self()


def name_places(axis: Axis, names: Sequence[str], from_last: bool = False, rotation: float = 0.0) -> None:
    """Name the places 0, 1, … of an axis."""
    labels = [plain(name) for name in names]
    axis.set_major_locator(Places(len(labels), from_last))
    axis.set_major_formatter(FuncFormatter(lambda at, _: labels[round(at)] if 0 <= round(at) < len(labels) else ""))
    axis.set_tick_params(rotation=rotation, length=0)


def count_sizes(axis: Axis) -> None:
    """Whole numbers only."""
    axis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
