"""How many exact zeros minimisers have, over random losses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import _checks as checks
from ..geometry import Zeros
from .grids import in_house_style
from .labels import labelled
from .panels import called
from .style import INK, OKABE_ITO, new_axes

HATCHES = ("", "///", "...", "\\\\\\", "xx", "--", "++", "oo")
"""What tells bars apart in grey."""


@in_house_style
def zeros(found, ax=None) -> Any:
    """Draw the share of losses whose minimiser has so many exact zeros, with standard errors.

    Parameters
    ----------
    found : Zeros, sequence of Zeros, or mapping of labels to Zeros
        From `geometry.count_zeros`.
    ax : matplotlib axes, optional
        Of a new figure by default.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ArgumentError
        There is nothing to draw.
    MissingExtraError
        matplotlib is not installed.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from ellzero.geometry import count_zeros
    >>> ax = zeros([count_zeros(p, 2, draws=37) for p in (1, 2)], ax=Figure().subplots())
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['p = 1', 'p = 2']
    """
    chosen = _by_label(found if isinstance(found, (Zeros, Mapping)) else list(found))
    if not chosen:
        raise checks.empty_picture("found")
    most = max(one.n for one in chosen.values())
    width = 0.84 / len(chosen)
    ax = new_axes(ax, size=(max(4.6, 1.0 + 0.3 * len(chosen) * (most + 1)), 3.6))
    for i, (label, one) in enumerate(chosen.items()):
        places = np.arange(one.n + 1) + (i - (len(chosen) - 1) / 2) * width
        ax.bar(places, one.shares, width, color=OKABE_ITO[i % len(OKABE_ITO)], hatch=HATCHES[i % len(HATCHES)],
               edgecolor="white", linewidth=0.4, label=label)  # fmt: skip
        drawn = one.errors > 0
        ax.errorbar(
            places[drawn], one.shares[drawn], one.errors[drawn], fmt="none", ecolor=INK, elinewidth=0.9, capsize=2
        )
    ax.set(
        xlabel="exact zeros of the minimiser", ylabel="share of the losses", xticks=np.arange(most + 1), ylim=(0, 1.06)
    )
    ax.legend(frameon=False, loc="best")
    return ax


def _by_label(found) -> dict[str, Zeros]:
    """Under their penalties, with whatever else tells them apart."""
    several = list(found.values()) if isinstance(found, Mapping) else [found] if isinstance(found, Zeros) else found
    told = [what for what in ("n", "budget", "condition") if len({getattr(one, what) for one in several}) > 1]

    def name(one: Zeros) -> str:
        penalty = f"p = {one.penalty:g}" if isinstance(one.penalty, (int, float)) else called(one.penalty)
        return ", ".join([penalty, *(f"{what} = {getattr(one, what):g}" for what in told)])

    return labelled(found, (Zeros,), name)
