"""Supports beside each other: which columns are in, and which stand in for which."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ..result import Table


def membership(supports: Iterable[Sequence[int] | np.ndarray], n_features: int) -> np.ndarray:
    """Whether a column is in a support: bool of shape (n_supports, n_features).

    Examples
    --------
    >>> membership([(0, 2), ()], 3)
    array([[ True, False,  True],
           [False, False, False]])
    """
    rows = [np.asarray(support, dtype=np.intp) for support in supports]
    inside = np.zeros((len(rows), n_features), dtype=bool)
    for line, columns in zip(inside, rows, strict=True):
        line[columns] = True
    return inside


@dataclass(frozen=True, slots=True, eq=False)
class Substitutes:
    r"""Columns that stand in for each other in a list of supports.

    Two columns i and j do where the list has supports :math:`S \cup \{i\}` and :math:`S \cup \{j\}`, with neither in S.

    Attributes
    ----------
    columns : ndarray of shape (n_columns,)
        Columns that stand in for some other one, those in the most supports first.
    names : tuple of str
        Their names.
    share : ndarray of shape (n_columns,)
        Share of the supports that hold them.
    count : ndarray of shape (n_columns, n_columns)
        Number of such pairs of supports; symmetric, 0 on the diagonal.
    excess : ndarray of shape (n_columns, n_columns)
        Least excess over the best objective at which both of such a pair are listed: 0.01 is 1 %. NaN where there is no
        such pair; symmetric.
    """

    columns: np.ndarray
    names: tuple[str, ...]
    share: np.ndarray
    count: np.ndarray
    excess: np.ndarray

    def pairs(self) -> list[tuple[str, str]]:
        """Pairs that stand in for each other, the least excess first."""
        return [(self.names[i], self.names[j]) for i, j in self._order()]

    def _order(self) -> list[tuple[int, int]]:
        found = [(int(i), int(j)) for i, j in np.argwhere(np.triu(self.count)).tolist()]
        return sorted(found, key=lambda pair: (self.excess[pair], -self.count[pair], pair))

    def table(self) -> Table:
        """One row a pair, the least excess first."""
        rows = [
            [self.names[i], self.names[j], int(self.count[i, j]), f"{100 * self.excess[i, j]:.3g} %"]
            for i, j in self._order()
        ]
        return Table(["column", "stands in for", "pairs of supports", "least excess"], rows)

    def __str__(self) -> str:
        return str(self.table())


def substitutes(supports: Sequence[tuple[int, ...]], objectives, names: Sequence[str]) -> Substitutes:
    """Substitutes in a list of supports, the best first.

    Supports that differ in one column share what is left without it; so they are found by that, without comparing
    every two.
    """
    families = defaultdict(list)
    for place, support in enumerate(supports):
        for j in support:
            families[tuple(i for i in support if i != j)].append((int(j), place))
    met: dict[tuple[int, int], list[int]] = defaultdict(list)
    for family in families.values():
        for (i, one), (j, other) in combinations(family, 2):
            met[min(i, j), max(i, j)].append(max(one, other))  # objectives ascend with the place
    share = membership(supports, len(names)).mean(axis=0)
    columns = np.array(sorted({j for pair in met for j in pair}, key=lambda j: (-share[j], j)), dtype=np.intp)
    place_of = {int(j): at for at, j in enumerate(columns)}
    count = np.zeros((columns.size, columns.size), dtype=np.int64)
    excess = np.full(count.shape, np.nan)
    for (i, j), places in met.items():
        a, b = place_of[i], place_of[j]
        count[a, b] = count[b, a] = len(places)
        excess[a, b] = excess[b, a] = _excess(float(objectives[min(places)]), float(objectives[0]))
    return Substitutes(columns, tuple(str(names[j]) for j in columns), share[columns], count, excess)


def _excess(value: float, best: float) -> float:
    if value <= best:
        return 0.0
    return value / best - 1.0 if best > 0 else float("inf")
