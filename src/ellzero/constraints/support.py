"""Support rules in units: which may, must and must not be in, and which go together."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from .. import _checks as checks
from .rules import Columns, LinearRow, columns_of, given


class Tables(NamedTuple):
    """Rules as plain arrays for kernels; see `_kernels.rules`."""

    child: np.ndarray
    need_ptr: np.ndarray
    need: np.ndarray
    quota: np.ndarray
    set_ptr: np.ndarray
    unit_ptr: np.ndarray
    unit: np.ndarray


def tables_of(requires, at_most) -> Tables:
    """Arrays of rules in units."""
    needs = [needed for _, needed in requires]
    sets = [members for _, sets in at_most for members in sets]
    return Tables(
        child=_ints([child for child, _ in requires]),
        need_ptr=_pointers(needs),
        need=_ints([unit for needed in needs for unit in needed]),
        quota=_ints([q for q, _ in at_most]),
        set_ptr=_pointers([sets for _, sets in at_most]),
        unit_ptr=_pointers(sets),
        unit=_ints([unit for members in sets for unit in members]),
    )


def _pointers(lists) -> np.ndarray:
    """Where each of some lists begins when they are laid end to end, and where the last ends."""
    return _ints(np.cumsum([0, *map(len, lists)]))


def _ints(values) -> np.ndarray:
    return np.array(values, dtype=np.int32)


@dataclass(frozen=True, eq=False)
class SupportRules:
    """Units (columns that enter or leave together) and what holds for a set of units.

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
    requires : tuple of (int, tuple of int)
        Pairs (unit, units): the unit may be in only if at least one of the units is in.
    at_most : tuple of (int, tuple of tuple of int)
        Pairs (q, sets): at most q of the sets may have a unit that is in.

    Attributes
    ----------
    tables : Tables
        `requires` and `at_most` as plain arrays.

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
    requires: tuple[tuple[int, tuple[int, ...]], ...] = ()
    at_most: tuple[tuple[int, tuple[tuple[int, ...], ...]], ...] = ()
    tables: Tables = field(init=False, repr=False)

    def __post_init__(self):
        object.__setattr__(self, "tables", tables_of(self.requires, self.at_most))

    @classmethod
    def build(cls, names: Sequence[str], groups=None, forced=(), forbidden=(), constraints=()) -> "SupportRules":
        """Rules from what a user gives: group labels, columns by name or index, and rules on what goes together.

        Parameters
        ----------
        names : sequence of str
            Names of all columns.
        groups : sequence of length n_features, mapping from name to label, or None
            Columns with the same label form one unit; a mapping may leave columns out, which then stand alone.
        forced, forbidden : sequences of str or int
            Columns by name or index.
        constraints : sequence of Rule
            Linear rows among them are no matter of the support alone and are passed over, see `linear_rows`.

        Raises
        ------
        ArgumentError
            A column does not exist, `groups` has the wrong length, or a rule is malformed.
        InfeasibleError
            A unit is both forced and forbidden.
        """
        columns = columns_of(names, groups)
        of_column = columns.unit
        order, width = np.argsort(of_column, kind="stable"), np.bincount(of_column)
        alone = (width == 1).all()  # rows of one matrix are ten times as quick as pieces of a vector
        units = tuple(order[:, None] if alone else np.split(order, np.cumsum(width)[:-1]))
        must, must_not = np.zeros(len(units), bool), np.zeros(len(units), bool)
        must[of_column[checks.column_indices("forced", forced, names)]] = True
        must_not[of_column[checks.column_indices("forbidden", forbidden, names)]] = True
        if (must & must_not).any():
            both = np.flatnonzero((must & must_not)[of_column])
            raise checks.forced_and_forbidden([names[j] for j in both.tolist()])
        rules = given(constraints)
        requires = {(child, tuple(sorted(set(need)))) for rule in rules for child, need in rule.requires(columns)}
        limits = {
            (q, tuple(sorted(tuple(sorted(set(members))) for members in sets if members)))
            for rule in rules
            for q, sets in rule.at_most(columns)
        }
        at_most = tuple(sorted((q, sets) for q, sets in limits if q < len(sets)))
        absent = np.zeros(len(names), bool)
        return cls(units, must, must_not, of_column, absent, tuple(sorted(requires)), at_most)

    @property
    def n_units(self) -> int:
        return len(self.units)

    @property
    def grouped(self) -> bool:
        """Whether any unit has more than one column."""
        return self.n_units < self.unit_of_column.size

    @property
    def restricted(self) -> bool:
        """Whether there are rules beyond forced and forbidden units."""
        return bool(self.requires or self.at_most)

    @property
    def coupled(self) -> bool:
        """Whether some columns enter together, or depend on others."""
        return self.grouped or self.restricted

    def columns(self, units) -> np.ndarray:
        """Sorted columns of a set of units."""
        inside = np.zeros(self.n_units, bool)
        inside[np.asarray(units, dtype=np.intp)] = True
        return (inside[self.unit_of_column] & ~self.absent).nonzero()[0]

    def without(self, absent) -> "SupportRules":
        """The same rules with some columns passed over; units keep their numbers."""
        units = tuple(unit[~absent[unit]] for unit in self.units)
        return replace(self, units=units, absent=absent)

    def within(self, units) -> "SupportRules":
        """The rules among some units, numbered anew; all others are out.

        Parameters
        ----------
        units : ndarray of int
        """
        place = {int(u): i for i, u in enumerate(units)}
        requires = tuple(
            (place[child], tuple(place[u] for u in needed if u in place))
            for child, needed in self.requires
            if child in place
        )
        at_most = tuple(
            (q, tuple(tuple(place[u] for u in members if u in place) for members in sets)) for q, sets in self.at_most
        )
        return replace(
            self,
            units=tuple(self.units[u] for u in units),
            forced=self.forced[units],
            forbidden=self.forbidden[units],
            requires=requires,
            at_most=at_most,
        )

    def state(self, inside=()) -> np.ndarray:
        """What is decided before any search: 1 for units that are in, -1 for those that are out, 0 for free ones.

        Parameters
        ----------
        inside : sequence of int
            Units that are in beside the forced ones.

        Returns
        -------
        ndarray of shape (n_units,), int8
        """
        state = self._decided.copy()
        state[np.asarray(inside, dtype=np.intp)] = 1
        return state

    @cached_property
    def _decided(self) -> np.ndarray:
        """State with no unit in beside the forced ones."""
        present = np.bincount(self.unit_of_column[~self.absent], minlength=self.n_units) > 0
        state = np.where(present & ~self.forbidden, 0, -1).astype(np.int8)
        state[self.forced] = 1
        return state

    def propagate(self, state) -> bool:
        """Decide what follows from the rules; False where they contradict the state.

        Parameters
        ----------
        state : ndarray of shape (n_units,), int8
            1 in, -1 out, 0 free; changed in place.
        """
        from .._kernels.rules import propagate

        return not self.restricted or bool(propagate(state, self.tables))

    def allows(self, units) -> bool:
        """Whether a set of units keeps every rule, forced, forbidden and absent units included."""
        state = np.full(self.n_units, -1, np.int8)
        state[np.asarray(units, dtype=np.intp)] = 1
        return not np.any(self._decided * state == -1) and self.propagate(state)

    def completed(self, units=()) -> tuple[int, ...] | None:
        """Fewest units with these, and the forced ones, among them that the rules allow; None where there are none.

        Without rules these are the units given and the forced ones.

        Parameters
        ----------
        units : sequence of int
            None of them forbidden or absent.
        """
        from .._kernels.rules import unmet

        fewest, waiting = None, [self.state(units)]
        while waiting:
            state = waiting.pop()
            if self.restricted and not self.propagate(state):
                continue
            row = unmet(state, self.tables) if self.restricted else -1
            inside = np.flatnonzero(state == 1)
            if fewest is not None and inside.size + (row >= 0) >= len(fewest):
                continue
            if row < 0:
                fewest = tuple(inside.tolist())
                continue
            for parent in self.requires[row][1]:  # with this parent, then without it
                if state[parent] == 0:
                    child = state.copy()
                    child[parent], state[parent] = 1, -1
                    waiting.append(child)
        return fewest

    def closed(self, names: Sequence[str]) -> "SupportRules":
        """The same rules with what follows from them at once forced and forbidden.

        Parameters
        ----------
        names : sequence of str
            Names of all columns, for messages.

        Raises
        ------
        InfeasibleError
            No support keeps the rules.
        """
        if not self.restricted:
            return self
        state = self.state()
        if not self.propagate(state):
            raise self._contradiction(state, names)
        out = np.array([state[u] < 0 and unit.size > 0 for u, unit in enumerate(self.units)])
        rules = replace(self, forced=state > 0, forbidden=out)
        if rules.completed() is None:
            raise checks.rules_contradict(self.unit_names(np.flatnonzero(rules.forced), names))
        return rules

    def unit_names(self, units, names: Sequence[str]) -> list[str]:
        """Names of all columns of some units."""
        return [names[j] for j in np.flatnonzero(np.isin(self.unit_of_column, units)).tolist()]

    def _contradiction(self, state, names) -> Exception:
        """The error that says which rule a contradictory state breaks."""
        for child, needed in self.requires:
            if state[child] > 0 and all(state[parent] < 0 for parent in needed):
                return checks.parents_out(self.unit_names([child], names), self.unit_names(needed, names))
        for q, sets in self.at_most:
            used = [[u for u in members if state[u] > 0] for members in sets]
            if sum(map(bool, used)) > q:
                return checks.too_many_sets(q, self.unit_names([u for members in used for u in members], names))
        raise AssertionError("no rule is broken")


def linear_rows(names: Sequence[str], rules: SupportRules, constraints) -> tuple[LinearRow, ...]:
    """Linear conditions among the constraints."""
    columns = Columns(names, rules.unit_of_column, None)
    return tuple(row for rule in given(constraints) for row in rule.rows(columns, rules.absent))
