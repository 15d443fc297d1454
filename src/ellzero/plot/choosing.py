"""What chooses the size: information criteria, and held-out losses with their standard errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _checks as checks
from ..criteria import TITLES
from ..selection import CrossValidation, Path
from .grids import in_house_style
from .style import GREY, INK, look, new_axes

SIZE = (6.0, 3.8)
MARKS = 30
"""Points of a curve that are marked, about."""


@in_house_style
def criteria(found: Path | CrossValidation, ax=None, *, criterion: str | Sequence[str] | None = None) -> Any:
    """A criterion by size with its choice marked; held-out losses with one standard error to each side.

    Of a cross-validation two sizes are marked: that of the smallest mean loss, and the smallest size whose mean is
    within one standard error of it, where the dashed line lies.

    Parameters
    ----------
    found : Path or CrossValidation
    ax : matplotlib axes, optional
        Those of a new figure by default.
    criterion : str or sequence of str, optional
        Of a path: ``bic``, ``ebic``, ``aic``, ``aicc``, ``gic``, ``cp`` or ``adjr2``; that of `Path.best` by default.
        Several are drawn above their best values, as they have no zero in common; ``adjr2`` has a scale of its own, and
        stands alone.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ArgumentError, DataError
        What is given is neither, or no axes; a criterion is unknown, given with a cross-validation, or has no size that
        leaves it enough rows.
    MissingExtraError
        matplotlib is not installed.

    References
    ----------
    Breiman, Friedman, Olshen & Stone (1984), "Classification and regression trees", section 3.4.3.

    Examples
    --------
    >>> import ellzero as ez
    >>> from matplotlib.figure import Figure
    >>> data = ez.datasets.load_diabetes(as_frame=True)
    >>> ax = ez.plot.criteria(ez.path(data.X, data.y), Figure().subplots(), criterion="bic")
    >>> ax.get_ylabel()
    'BIC'
    """
    if isinstance(found, CrossValidation):
        if criterion is not None:
            raise checks.no_criterion_of_folds(criterion)
        if found.sizes.size == 0:
            raise checks.nothing_to_draw("the folds have no size in common")
        return _held_out(found, new_axes(ax, size=SIZE))
    if not isinstance(found, Path):
        raise checks.cannot_draw("criteria", "a Path or a CrossValidation", found)
    names = [found.default_criterion] if criterion is None else [criterion] if isinstance(criterion, str) else criterion
    if len(names) > 1 and "adjr2" in names:
        raise checks.adjr2_alone()
    curves = [(name, found.chosen(name), found.criteria(name)) for name in names]
    if not curves:
        raise checks.nothing_to_draw("no criterion is named")
    return _curves(curves, new_axes(ax, size=SIZE))


def _curves(curves, ax: Any) -> Any:
    alone = len(curves) == 1
    for i, (name, chosen, values) in enumerate(curves):
        sizes = np.array(sorted(values))
        y = np.array([values[k] for k in sizes.tolist()])
        if not alone:
            y = y - y[sizes == chosen][0]
        y = np.where(np.isfinite(y), y, np.nan)  # an exact fit has no place on the scale
        title = TITLES[name].replace("R2", "R²")
        style = look(i)
        label, marks = title if alone else f"{title}, chooses {chosen}", max(1, sizes.size // MARKS)
        ax.plot(sizes, y, label=label, markevery=marks, **style)
        ring(ax, chosen, y[sizes == chosen][0], style["color"])
        if alone:
            _say(ax, chosen, y[sizes == chosen][0], f"{title} chooses {chosen}", upside=name == "adjr2")
            ax.set_ylabel(title)
    if not alone:
        ax.set_ylabel("above the best of each criterion")
        ax.legend(frameon=False)
    _axis_of_sizes(ax)
    return ax


def _held_out(found: CrossValidation, ax: Any) -> Any:
    listed = found.sizes <= found.searched
    sizes, mean, error = found.sizes[listed], found.mean[listed], found.standard_error[listed]
    style = look(0)
    ax.errorbar(
        sizes,
        mean,
        yerr=error,
        markevery=max(1, sizes.size // MARKS),
        ecolor=GREY,
        elinewidth=1.0,
        capsize=2.5,
        label="mean ± one standard error",
        **style,
    )
    best = int(found.mean.argmin())
    limit = float(found.mean[best] + found.standard_error[best])
    ax.axhline(limit, color=INK, linewidth=0.9, linestyle=(0, (4, 2)), label="smallest mean + one standard error")
    if not listed.all():
        value = float(found.mean[~listed][0])
        ax.axhline(value, color=look(1)["color"], linewidth=1.2, linestyle=":", label="all columns, shrunken")
    for k, name, marker in ((found.k_best, "smallest mean", "o"), (found.k_1se, "one-standard-error choice", "D")):
        at = found.sizes == k
        if k <= found.searched:
            label = f"{name}: {k}"
            size = 11 if marker == "o" else 12
            ring(ax, k, float(found.mean[at][0]), INK, marker, size, label)
    ax.set_ylabel("held-out loss, mean of the folds")
    handles, labels = ax.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda i: "±" not in labels[i])
    ax.legend([handles[i] for i in order], [labels[i] for i in order], frameon=False)
    _axis_of_sizes(ax)
    return ax


def ring(ax: Any, x: float, y: float, colour: str, marker: str = "o", size: float = 11, label: str = "") -> None:
    """An open mark around a point."""
    ax.plot(
        [x], [y], linestyle="none", marker=marker, markersize=size, markerfacecolor="none", markeredgecolor=colour,
        markeredgewidth=1.4, label=label or "_choice", zorder=4,
    )  # fmt: skip


def _say(ax: Any, x: float, y: float, text: str, upside: bool) -> None:
    """Words beside the choice, on the side of the curve where nothing lies."""
    ax.annotate(
        text, xy=(x, y), xytext=(0, 12 if upside else -12), textcoords="offset points", ha="center",
        va="bottom" if upside else "top", fontsize=8.5, color=INK,
    )  # fmt: skip
    ax.margins(y=0.16)


def _axis_of_sizes(ax: Any) -> None:
    from .ticks import count_sizes

    count_sizes(ax.xaxis)
    ax.set_xlabel("size of the model")
