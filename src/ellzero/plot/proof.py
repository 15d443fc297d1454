"""How a search closed its gap."""

from __future__ import annotations

from typing import Any

from .. import _checks as checks
from ..result import Closing, Result, Status
from .grids import in_house_style
from .style import GREY, OKABE_ITO, new_axes

SIZE = (6.0, 3.8)


@in_house_style
def gap(result: Result, ax=None, *, log: bool | None = None) -> Any:
    """Bounds closing over time: best answer from above, proven bound from below, the gap between them shaded.

    Parameters
    ----------
    result : Result
        Of a search that bounds on its way; `Result.closing` has the arrays.
    ax : matplotlib axes, optional
        Those of a new figure by default.
    log : bool, optional
        Whether time runs on a logarithmic scale; by default where the search took a hundred times its first moment.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ArgumentError, DataError
        What is given is no result or no axes, or the search kept no bounds on its way.
    MissingExtraError
        matplotlib is not installed.

    Examples
    --------
    >>> import ellzero as ez
    >>> from matplotlib.figure import Figure
    >>> data = ez.datasets.load_diabetes(as_frame=True)
    >>> ax = ez.plot.gap(ez.best_subset(data.X, data.y, k=4, solver="branch"), Figure().subplots())
    >>> [line.get_label() for line in ax.get_lines()]
    ['best answer', 'proven bound']
    """
    if not isinstance(result, Result):
        raise checks.cannot_draw("gap", "a Result", result)
    closing = result.closing()
    ax = new_axes(ax, size=SIZE)
    t = closing.elapsed
    above, below = OKABE_ITO[1], OKABE_ITO[0]
    ax.fill_between(t, closing.lower_bound, closing.objective, step="post", color=GREY, alpha=0.25, linewidth=0)
    ax.step(t, closing.objective, where="post", color=above, linestyle="-", label="best answer")
    ax.step(t, closing.lower_bound, where="post", color=below, linestyle="--", label="proven bound")
    if log if log is not None else t[-1] > 100.0 * t[0] > 0:
        ax.set_xscale("log")
    else:
        ax.set_xlim(left=0.0)
    _look_closely(ax, closing)
    ax.set_xlabel("seconds")
    ax.set_ylabel("objective")
    ax.legend(frameon=False, loc="best")
    share = 100.0 * closing.gap[-1]
    end = "proved" if result.status is Status.OPTIMAL else f"gap {share:.2g} %"
    ax.set_title(f"{result.k} of {len(result.names)} columns: {end} after {result.n_nodes} nodes", loc="left")
    return ax


def _look_closely(ax: Any, closing: Closing) -> None:
    """Leave out of sight where nothing was proved yet: a bound of zero is no news, and would flatten all others."""
    bounds = closing.lower_bound[closing.lower_bound > 0]
    if bounds.size:
        top, bottom = float(closing.objective.max()), float(bounds.min())
        room = 0.08 * (top - bottom) or 0.08 * top
        ax.set_ylim(bottom - room, top + room)
