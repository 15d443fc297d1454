"""What penalties take off coefficients, on the same data."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..geometry import Shrinkage
from .grids import in_house_style
from .style import GREY, look, new_axes


@in_house_style
def shrinkage(result: Shrinkage, ax=None) -> Any:
    r"""Draw coefficients under L0, L1 and L2 against those that they should be.

    Across is the truth where it is known, and else least squares. On the dotted diagonal nothing is taken off; a point
    between the diagonal and the level line is shrunken towards 0, and one on that line is exactly 0.

    Parameters
    ----------
    result : Shrinkage
        From `geometry.shrinkage`.
    ax : matplotlib axes, optional
        Of a new figure by default.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ArgumentError
        The axes are none, or three-dimensional.
    MissingExtraError
        matplotlib is not installed.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from ellzero.geometry import Shrinkage
    >>> b = np.array([1.9, -0.37])
    >>> ax = shrinkage(
    ...     Shrinkage(("a", "b"), b, b * [1, 0], b - [0.37, -0.37], b / 1.37, (0.1, 0.37, 0.185)),
    ...     ax=Figure().subplots(),
    ... )
    >>> ax.get_xlabel(), [line.get_label() for line in ax.lines[-3:]]
    ('coefficient by least squares', ['L0', 'L1', 'L2'])
    """
    ax = new_axes(ax, size=(5.6, 4.2))
    known = result.truth is not None
    aim = result.least_squares if result.truth is None else result.truth
    order = np.argsort(aim, kind="stable")
    estimates = {"least squares": result.least_squares} if known else {}
    estimates |= {"L0": result.l0, "L1": result.l1, "L2": result.l2}
    every = np.concatenate([aim, *estimates.values()])
    low, high = min(float(every.min()), 0.0), max(float(every.max()), 0.0)
    spare = 0.06 * max(high - low, 1e-300)
    window = (low - spare, high + spare)
    ax.axhline(0, color="#BBBBBB", linewidth=0.8, zorder=0.5)
    ax.plot(window, window, color=GREY, linestyle=":", linewidth=1.2, zorder=0.8, label="nothing taken off")
    # the same look with and without the truth; open marks, so that those that coincide are all seen
    for label, estimate in estimates.items():
        style = look(("L0", "L1", "L2", "least squares").index(label))
        ax.plot(aim[order], estimate[order], **{**style, "linestyle": ""}, markersize=7 if label == "L0" else 5.5,
                markerfacecolor="none", markeredgewidth=1.4, label=label)  # fmt: skip
    ax.set(
        xlim=window, ylim=window, aspect="equal", ylabel="estimate",
        xlabel="true coefficient" if known else "coefficient by least squares",
    )  # fmt: skip
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1.01, 0.5))
    return ax
