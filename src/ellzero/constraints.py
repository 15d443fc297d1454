"""Support rules: which columns may, must and must not be in, and which go together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from . import _checks as checks


@dataclass(frozen=True, slots=True, eq=False)
class SupportRules:
    """Units (columns that enter or leave together) and those that are forced or forbidden.

    Parameters
    ----------
    units : tuple of ndarray
        Column indices of each unit; together they are all columns.
    forced, forbidden : ndarray of shape (n_units,), bool
        Units that every support contains, and units that none contains.
    unit_of_column : ndarray of shape (n_features,), int
        Unit of each column.
    absent : ndarray of shape (n_features,), bool
        Columns that can contribute nothing and are passed over; `units` do not list them.

    Notes
    -----
    Without groups every column is a unit of its own. ``k`` and ``l0`` count units; a group of which one column is
    forced (forbidden) is forced (forbidden) whole.
    """

    units: tuple[np.ndarray, ...]
    forced: np.ndarray
    forbidden: np.ndarray
    unit_of_column: np.ndarray
    absent: np.ndarray

    @classmethod
    def build(cls, names: Sequence[str], groups=None, forced=(), forbidden=()) -> "SupportRules":
        """Rules from what a user gives: group labels, and columns by name or index.

        Parameters
        ----------
        names : sequence of str
            Names of all columns.
        groups : sequence of length n_features, mapping from name to label, or None
            Columns with the same label form one unit; a mapping may leave columns out, which then stand alone.
        forced, forbidden : sequences of str or int
            Columns by name or index.

        Raises
        ------
        ArgumentError
            A column does not exist, or `groups` has the wrong length.
        InfeasibleError
            A unit is both forced and forbidden.
        """
        p = len(names)
        if groups is None:
            labels = list(range(p))
        elif isinstance(groups, Mapping):
            checks.column_indices("groups", list(groups), names)
            labels = [("group", groups[name]) if name in groups else ("column", name) for name in names]
        else:
            labels = checks.group_labels(groups)
            checks.length_of("groups", len(labels), p)
        place = {label: u for u, label in enumerate(dict.fromkeys(labels))}
        of_column = np.array([place[label] for label in labels])
        order = np.argsort(of_column, kind="stable")
        units = tuple(np.split(order, np.cumsum(np.bincount(of_column))[:-1]))
        must, must_not = np.zeros(len(units), bool), np.zeros(len(units), bool)
        must[of_column[checks.column_indices("forced", forced, names)]] = True
        must_not[of_column[checks.column_indices("forbidden", forbidden, names)]] = True
        if (must & must_not).any():
            both = np.flatnonzero((must & must_not)[of_column])
            raise checks.forced_and_forbidden([names[j] for j in both.tolist()])
        return cls(units, must, must_not, of_column, np.zeros(p, bool))

    @property
    def n_units(self) -> int:
        return len(self.units)

    @property
    def grouped(self) -> bool:
        """Whether any unit has more than one column."""
        return self.n_units < self.unit_of_column.size

    def columns(self, units) -> np.ndarray:
        """Sorted columns of a set of units."""
        inside = np.zeros(self.n_units, bool)
        inside[np.asarray(units, dtype=np.intp)] = True
        return np.flatnonzero(inside[self.unit_of_column] & ~self.absent)

    def without(self, absent) -> "SupportRules":
        """The same rules with some columns passed over; units keep their numbers."""
        units = tuple(unit[~absent[unit]] for unit in self.units)
        return replace(self, units=units, absent=absent)
