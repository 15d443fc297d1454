"""Training step by step: losses, exact zeros, trajectories and histograms of weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import _checks as checks
from ..geometry.descent import Run
from .grids import axes_for, given_axes, in_house_style, one_or_all
from .style import GREY, INK, MARKERS, OKABE_ITO, look

SMALLEST = 1e-9
"""Sizes below it, other than 0, are counted in the first bin of a histogram."""
FEW = 41
"""Up to so many epochs in a row, each step of a weight is marked."""


def runs_by_label(runs) -> dict[str, Run]:
    """Runs under their methods, or under the labels of a mapping."""
    if isinstance(runs, Run):
        runs = [runs]
    if isinstance(runs, Mapping):
        out = {str(label): run for label, run in runs.items()}
    else:
        out = {}
        for run in runs:
            if not isinstance(run, Run):
                raise checks.no_runs(type(run).__name__)
            again = sum(label.split(" (")[0] == run.method for label in out)
            out[f"{run.method} ({again + 1})" if again else run.method] = run
    if not out:
        raise checks.empty_picture("runs")
    for run in out.values():
        if not isinstance(run, Run):
            raise checks.no_runs(type(run).__name__)
    return out


@in_house_style
def descent(runs, ax=None) -> Any:
    """Draw loss, exact zeros and almost-zeros of trainings over their epochs.

    In the middle are the weights that are exactly 0, on the right those that only look so: smaller than 1e-3 and not 0.
    Weights of idle inputs are not counted. Earlier runs have wider lines, so that those that coincide are both seen.

    Parameters
    ----------
    runs : Run, sequence of Run, or mapping of labels to Run
        From `geometry.descent.train`.
    ax : three matplotlib axes, or one, optional
        For the losses and the two counts; a single one is for the exact zeros.

    Returns
    -------
    ndarray of three matplotlib axes, or the one that was given

    Raises
    ------
    ArgumentError
        These are no runs, or there are neither one nor three axes.
    MissingExtraError
        matplotlib is not installed.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from ellzero.geometry.descent import LinearModel, train
    >>> X = np.random.default_rng(0).standard_normal((37, 3))
    >>> run = train(LinearModel(3, 2), X, (X[:, 0] > 0).astype(int), strength=0.37, epochs=19)
    >>> ax = descent(run, ax=Figure().subplots())
    >>> bool(ax.lines[0].get_ydata()[-1] == run.n_zeros)
    True
    """
    chosen = runs_by_label(runs)
    alone = ax is not None and len(given_axes(ax)) == 1
    axes = axes_for(ax, 1 if alone else 3, panel=(3.3, 3.3))
    counts = {"exactly 0": axes[0 if alone else 1]} | ({} if alone else {"smaller than 0.001, not 0": axes[2]})
    for i, (label, run) in enumerate(chosen.items()):
        wide = 1.4 + 0.6 * (len(chosen) - 1 - i)
        style = {**look(i), "marker": "", "label": label, "linewidth": wide, "zorder": 2 + 0.1 * i}
        for one, y in zip(counts.values(), (run.zeros, run.small), strict=False):
            one.plot(run.epochs, y, **style)
        if not alone:
            axes[0].plot(run.epochs, run.losses, **style)
    if not alone:
        axes[0].set(xlabel="epoch", ylabel="mean loss", title="training loss", yscale="log")
        _plain_decades(axes[0])
    live = {run.n_live for run in chosen.values()}
    top = max(int(np.max([run.zeros, run.small])) for run in chosen.values())
    for title, one in counts.items():
        one.set(xlabel="epoch", title=title, ylim=(-0.02 * max(top, 1), 1.08 * max(top, 1)))
        one.set_ylabel(f"weights of {next(iter(live))}" if len(live) == 1 else "weights")
    handles, labels = axes[0].get_legend_handles_labels()
    _explain(axes, handles, labels, ax is None)
    return one_or_all(axes, not alone)


def _explain(axes, handles, labels, own: bool) -> None:
    """The legend of all panels: under them in a figure of the house's, else within the first."""
    if own:
        wide = axes[0].figure.get_figwidth() * 72.0
        room = int(wide // (max(map(len, labels)) * 5.0 + 55.0))  # points of a label with its line
        axes[0].figure.legend(handles, labels, loc="outside lower center", frameon=False, handlelength=2.6,
                              ncols=min(len(labels), max(1, room)))  # fmt: skip
    else:
        axes[0].legend(handles, labels, frameon=False)


def _plain_decades(ax) -> None:
    """Few numbers that are read at once, in place of powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())


@in_house_style
def trajectories(runs, ax=None) -> Any:
    """Draw the weights that were followed over the epochs, one panel a run; those that end at exactly 0 are blue.

    Where every one of few epochs was recorded, each step is marked, with a marker of its own for each weight.

    Parameters
    ----------
    runs : Run, sequence of Run, or mapping of labels to Run
        From `geometry.descent.train`.
    ax : matplotlib axes or sequence of them, optional
        One for each run.

    Returns
    -------
    matplotlib axes, or an ndarray of them where there are several runs

    Raises
    ------
    ArgumentError
        These are no runs, or there is another number of axes.
    MissingExtraError
        matplotlib is not installed.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from ellzero.geometry.descent import LinearModel, train
    >>> X = np.random.default_rng(0).standard_normal((37, 3))
    >>> run = train(LinearModel(3, 2), X, (X[:, 0] > 0).astype(int), strength=0.37, epochs=19)
    >>> ax = trajectories(run, ax=Figure().subplots())
    >>> ax.get_title()
    'l1 proximal'
    """
    from matplotlib.lines import Line2D
    from matplotlib.ticker import MaxNLocator

    chosen = runs_by_label(runs)
    axes = axes_for(ax, len(chosen), panel=(3.4, 2.8))
    low = min(float(run.trajectories.min(initial=-1e-300)) for run in chosen.values())
    high = max(float(run.trajectories.max(initial=1e-300)) for run in chosen.values())
    spare = 0.05 * (high - low)
    kinds = {
        "ends at exactly 0": Line2D([], [], color=OKABE_ITO[0]),
        "does not": Line2D([], [], color=OKABE_ITO[1], linestyle="--"),
    }
    for i, (one, (label, run)) in enumerate(zip(axes, chosen.items(), strict=True)):
        each = len(run.epochs) <= FEW and bool((np.diff(run.epochs) == 1).all())
        for j, path in enumerate(run.trajectories.T):
            zero = path[-1] == 0
            (line,) = one.plot(run.epochs, path, color=OKABE_ITO[0] if zero else OKABE_ITO[1], linewidth=1.1,
                               linestyle="-" if zero else "--", zorder=2 + 0.01 * j)  # fmt: skip
            if each:  # weights that stay together at 0 are all seen: the later ones are smaller
                mark = {"marker": MARKERS[j % len(MARKERS)], "markersize": max(7.6 - 2.0 * j, 3.0)}
                line.set(**mark, markeredgecolor="white", markeredgewidth=0.5, linewidth=0.8)
                kinds[f"weight {run.followed[j]}"] = Line2D([], [], color=INK, linestyle="", **mark)
        one.axhline(0, color=GREY, linewidth=0.6, zorder=0.5)
        one.set(title=label, xlabel="epoch", ylim=(low - spare, high + spare))
        one.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        if i == 0 or ax is not None:
            one.set_ylabel("weight")
    _explain(axes, list(kinds.values()), list(kinds), ax is None)
    return one_or_all(axes, len(chosen) > 1 or not isinstance(runs, Run))


@in_house_style
def weights(runs, snapshot=-1, *, bins=24, ax=None) -> Any:
    """Draw how large the weights of trainings are, one panel a run; exact zeros have a bar of their own.

    A size of 0 has no logarithm, so that bar stands to the left of the axis.

    Parameters
    ----------
    runs : Run, sequence of Run, or mapping of labels to Run
        From `geometry.descent.train`.
    snapshot : int, default=-1
        Which of a run's snapshots; the last by default.
    bins : int, default=24
        Number of bins of equal width in the logarithm of the size.
    ax : matplotlib axes or sequence of them, optional
        One for each run.

    Returns
    -------
    matplotlib axes, or an ndarray of them where there are several runs

    Raises
    ------
    ArgumentError
        These are no runs, or there is another number of axes.
    MissingExtraError
        matplotlib is not installed.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from ellzero.geometry.descent import LinearModel, train
    >>> X = np.random.default_rng(0).standard_normal((37, 3))
    >>> run = train(LinearModel(3, 2), X, (X[:, 0] > 0).astype(int), strength=0.37, epochs=19)
    >>> ax = weights(run, ax=Figure().subplots())
    >>> ax.get_title() == f"l1 proximal: {run.n_zeros} of 6 exactly 0"
    True
    """
    chosen = runs_by_label(runs)
    axes = axes_for(ax, len(chosen), panel=(3.6, 2.6), across=2 if len(chosen) == 4 else 4)
    sizes = {label: np.abs(run.weights[snapshot][~run.idle]) for label, run in chosen.items()}
    alive = np.concatenate([size[size > 0] for size in sizes.values()])
    low = np.floor(np.log10(max(alive.min(initial=1.0), SMALLEST)))
    high = np.ceil(np.log10(max(alive.max(initial=0.1), 10.0 * 10.0**low)))
    edges = np.linspace(low, high, bins + 1)
    zero_at = low - 0.17 * (high - low)
    tallest = 0
    for one, (label, size) in zip(axes, sizes.items(), strict=True):
        logs = np.log10(np.maximum(size[size > 0], 10.0**low))
        counts, _ = np.histogram(logs, edges)
        none = int((size == 0).sum())
        one.bar(edges[:-1], counts, np.diff(edges), align="edge", color=OKABE_ITO[5], edgecolor="white", linewidth=0.4,
                label="not 0, by size")  # fmt: skip
        one.bar(zero_at, none, 0.07 * (high - low), color=OKABE_ITO[1], hatch="///", edgecolor="white", linewidth=0.4,
                label="exactly 0")  # fmt: skip
        one.set_title(f"{label}: {none} of {len(size)} exactly 0")
        tallest = max(tallest, none, int(counts.max(initial=0)))
    decades = np.arange(low, high + 1)[:: max(1, int(np.ceil((high - low) / 4)))]
    for i, one in enumerate(axes):
        one.set_xticks([zero_at, *decades], ["0", *(f"$10^{{{int(d)}}}$" for d in decades)])
        one.set(ylim=(0, 1.06 * tallest), xlabel="size of a weight")
        one.spines["bottom"].set_bounds(low, high)
        if i == 0 or ax is not None or (len(axes) == 4 and i == 2):
            one.set_ylabel("number of weights")
    handles, labels = axes[0].get_legend_handles_labels()
    _explain(axes, handles, labels, ax is None)
    return one_or_all(axes, len(chosen) > 1 or not isinstance(runs, Run))
