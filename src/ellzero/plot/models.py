"""Which columns are in which model: one row a model, black squares where a column is in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _checks as checks
from ..criteria import TITLES, key
from ..selection import Path, Rivals
from .grids import in_house_style
from .labels import LETTERS, letters, short
from .style import new_axes

FAINTEST = 0.72
"""Shade of the worst model's squares; the best one's are black."""
ROWS = 40
"""Models that are drawn, the best ones."""


@dataclass(frozen=True, slots=True, eq=False)
class Squares:
    """Models as rows, best last, as the picture stacks them; made by `squares_of`.

    Attributes
    ----------
    inside : ndarray of shape (n_models, n_columns)
        Whether a column is in a model.
    values : ndarray of shape (n_models,)
        What the models are sorted by.
    labels : tuple of str
        Each model beside its row.
    names : tuple of str
        Columns that are in some model, in the order of the data.
    shades : ndarray of shape (n_models,)
        Grey of each row's squares: 0, black, for the best.
    title : str
        What the values are.
    """

    inside: np.ndarray
    values: np.ndarray
    labels: tuple[str, ...]
    names: tuple[str, ...]
    shades: np.ndarray
    title: str


def squares_of(found: Path | Rivals, criterion: str | None = None, most: int = ROWS) -> Squares:
    """Rows of the picture, without drawing it; the parameters are those of `squares`.

    Examples
    --------
    >>> import ellzero as ez
    >>> data = ez.datasets.load_diabetes(as_frame=True)
    >>> rows = squares_of(ez.path(data.X, data.y, k=4), "bic")
    >>> rows.names, rows.inside[-1].tolist()
    (('bmi', 'bp', 's1', 's5'), [True, True, True, True])
    """
    most = checks.integer_in("most", most, 1, 10**6)
    if isinstance(found, Path):
        title, values, sizes = _of_path(found, criterion)
        inside = found.membership[[found.sizes.index(k) for k in sizes]]
        names = found.names
    elif isinstance(found, Rivals):
        title, values = _of_rivals(found, criterion)
        inside, names = found.membership, found.best.names
    else:
        raise checks.cannot_draw("squares", "a Path or Rivals", found)
    keys = np.array([key(criterion, v) if criterion else v for v in values])
    order = np.argsort(keys, kind="stable")[:most][::-1]
    inside, values, keys = inside[order], np.asarray(values)[order], keys[order]
    ever = np.flatnonzero(inside.any(axis=0))
    if ever.size == 0:
        raise checks.nothing_to_draw("no column is in any model")
    decimals = _decimals(values)
    labels = tuple(f"{value:.{decimals}f}" for value in values)
    return Squares(inside[:, ever], values, labels, tuple(names[j] for j in ever), _shades(keys), title)


@in_house_style
def squares(found: Path | Rivals, ax=None, *, criterion: str | None = None, most: int = ROWS) -> Any:
    """The picture of best subsets that users of R's ``leaps`` know: one row a model, the best on top.

    A square says that a column is in; rows are sorted by the criterion, and shaded in its order, from black for the
    best model to grey for the worst that is drawn.

    Parameters
    ----------
    found : Path or Rivals
        Best models of all sizes, or the models near the optimum.
    ax : matplotlib axes, optional
        Those of a new figure by default, with room for all names.
    criterion : str, optional
        What sorts; of a path that of `Path.best` by default, of rivals the objective.
    most : int, default=40
        Models that are drawn, the best ones.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ArgumentError, DataError
        What is given is neither, or no axes; the criterion is unknown or has no size that leaves it enough rows; no
        column is in any model.
    MissingExtraError
        matplotlib is not installed.

    References
    ----------
    Lumley, based on code by Miller, "leaps: regression subset selection", an R package: ``plot.regsubsets``.

    Examples
    --------
    >>> import ellzero as ez
    >>> from matplotlib.figure import Figure
    >>> data = ez.datasets.load_diabetes(as_frame=True)
    >>> ax = ez.plot.squares(ez.path(data.X, data.y, k=4), Figure().subplots(), criterion="bic")
    >>> len(ax.collections[0].get_paths())  # 1 + 2 + 3 + 4 columns are in
    10
    """
    rows = squares_of(found, criterion, most)
    n_models, n_columns = rows.inside.shape
    given = ax is not None
    ax = new_axes(ax, size=(max(4.0, 1.6 + 0.2 * n_columns), max(2.6, 1.6 + 0.2 * n_models)))
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    from .ticks import name_places

    at = np.argwhere(rows.inside)
    patches = [Rectangle((j - 0.46, i - 0.44), 0.92, 0.88) for i, j in at.tolist()]
    ax.add_collection(
        PatchCollection(patches, facecolors=[str(rows.shades[i]) for i in at[:, 0]], edgecolors="none"), autolim=False
    )
    ax.vlines(np.arange(n_columns), -0.5, n_models - 0.5, color="0.88", linewidth=0.6, zorder=0.5)
    ax.set_xlim(-0.6, n_columns - 0.4)
    ax.set_ylim(-0.6, n_models - 0.4)
    names = short(rows.names, letters(ax, across=True) if given else LETTERS)
    name_places(ax.xaxis, names, rotation=90)
    name_places(ax.yaxis, rows.labels, from_last=True)  # the best one is always named
    ax.spines[:].set_visible(False)
    ax.set_ylabel(rows.title)
    return ax


def _of_path(path: Path, criterion: str | None) -> tuple[str, list[float], list[int]]:
    name = path.default_criterion if criterion is None else criterion
    path.chosen(name)  # says what is wrong with the criterion
    values = path.criteria(name)
    return _title(name), list(values.values()), list(values)


def _of_rivals(rivals: Rivals, criterion: str | None) -> tuple[str, list[float]]:
    if criterion is None:
        return "objective", rivals.objectives.tolist()
    checks.one_of("criterion", criterion, tuple(TITLES))
    return _title(criterion), [result.criterion(criterion) for result in rivals.results]


def _title(criterion: str) -> str:
    return TITLES[criterion].replace("R2", "R²")


def _decimals(values: np.ndarray) -> int:
    """Decimals that tell neighbours apart, as far as six digits go."""
    finite = np.unique(values[np.isfinite(values)])
    if finite.size < 2:
        return 1
    wanted = np.ceil(-np.log10(np.diff(finite).min()))
    before = np.floor(np.log10(max(np.abs(finite).max(), 1e-300))) + 1.0
    return int(np.clip(wanted, 0, np.clip(6.0 - before, 0, 8)))


def _shades(keys: np.ndarray) -> np.ndarray:
    """Black for the best, grey for the worst, in even steps: by values, one poor model leaves all others black."""
    _, rank = np.unique(keys, return_inverse=True)
    return FAINTEST * rank / max(rank.max(), 1)
