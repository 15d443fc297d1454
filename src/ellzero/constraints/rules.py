"""The rules that a user gives as ``constraints=``, and what they mean in units."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from numbers import Integral
from typing import Any

import numpy as np

from .. import _checks as checks

MOST_FACTORS = 10  # factors of an interaction whose name is read


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Names, units and group labels, for rules that speak of columns.

    Parameters
    ----------
    names : sequence of str
        Names of all columns.
    unit : ndarray of shape (n_features,), int
        Unit of each column.
    labels : dict or None
        Unit of each group label; None without groups.
    """

    names: Sequence[str]
    unit: np.ndarray
    labels: Mapping[Any, int] | None

    def indices(self, columns) -> list[int]:
        """Columns by name or index; one of them, or several."""
        if not isinstance(columns, str | Integral | Iterable):
            raise checks.no_columns(columns)
        return checks.column_indices("constraints", columns, self.names)

    def units(self, columns) -> list[int]:
        """Units of columns, each once."""
        return sorted({int(self.unit[j]) for j in self.indices(columns)})

    def set_units(self, members) -> list[int]:
        """Units of a set: a list of columns; a single label is that of a group where there are groups."""
        if self.labels is None or not isinstance(members, str | Integral):
            return self.units(members)
        if members not in self.labels:
            raise checks.no_group(members, self.labels)
        return [self.labels[members]]

    def numbers(self, name: str, values) -> np.ndarray:
        """One number a column, from an array or a mapping that leaves zeros out."""
        if values is None:
            return np.zeros(len(self.names))
        if isinstance(values, Mapping):
            whole = np.zeros(len(self.names))
            whole[self.indices(list(values))] = checks.coefficients(name, list(values.values()))
            return whole
        whole = checks.coefficients(name, values)
        checks.length_of(name, whole.size, len(self.names))
        return whole


@dataclass(frozen=True, slots=True, eq=False)
class LinearRow:
    """A linear condition: ``lower <= coef @ beta + indicator @ z <= upper``.

    Parameters
    ----------
    coef : ndarray of shape (n_features,)
        Weights of the coefficients, in data units.
    indicator : ndarray of shape (n_units,)
        Weights of the units: z is 1 for a unit that is in, else 0.
    lower, upper : float
    """

    coef: np.ndarray
    indicator: np.ndarray
    lower: float
    upper: float


class Rule:
    """What the argument ``constraints`` holds; a rule says what it means in units."""

    def requires(self, columns: Columns) -> list[tuple[int, tuple[int, ...]]]:
        """Pairs (unit, units) of which the first needs one of the second."""
        return []

    def at_most(self, columns: Columns) -> list[tuple[int, list[list[int]]]]:
        """Pairs (q, sets of units) of which at most q sets may be used."""
        return []

    def rows(self, columns: Columns, absent: np.ndarray) -> list[LinearRow]:
        """Linear conditions, with no weight on columns that are absent."""
        return []


@dataclass(frozen=True)
class StrongHierarchy(Rule):
    r"""A column needs all its parents: :math:`z_{child} \le z_{parent}` for each of them.

    Parameters
    ----------
    parents : mapping from column to the column or columns that it needs, optional
        Columns by name or index. Without it names are read: ``"a:b"`` is an interaction and needs ``"a"`` and ``"b"``;
        ``"a:b:c"`` needs ``"a"``, ``"b"``, ``"c"`` and those of ``"a:b"``, ``"a:c"``, ``"b:c"`` that are columns of X.

    Raises
    ------
    ArgumentError
        A column does not exist; no name is that of an interaction; an interaction lacks a main effect.

    Notes
    -----
    What a forced column needs is forced, too, and counts in k. A parent that is forbidden or constant is out, so its
    children are out. A name of which no part is a column is no interaction.

    References
    ----------
    Bien, Taylor & Tibshirani (2013), "A lasso for hierarchical interactions".

    Examples
    --------
    >>> import ellzero as ez
    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.normal(size=(2, 50))
    >>> X = {"a": a, "b": b, "a:b": a * b}
    >>> ez.best_subset(X, 2 * a * b + a, k=2, l2=0.01).names_in_support
    ('a', 'a:b')
    >>> result = ez.best_subset(X, 2 * a * b + a, k=3, l2=0.01, constraints=[ez.constraints.StrongHierarchy()])
    >>> result.names_in_support
    ('a', 'b', 'a:b')
    """

    parents: Mapping | None = None

    def requires(self, columns):
        family = parents_of(columns, self.parents, strong=True)
        return [(child, (unit,)) for child, units in family for unit in units if unit != child]


@dataclass(frozen=True)
class WeakHierarchy(Rule):
    r"""A column needs at least one of its parents: :math:`z_{child} \le \sum_{parents} z_{parent}`.

    Parameters
    ----------
    parents : mapping from column to the column or columns of which it needs one, optional
        Columns by name or index. Without it names are read: ``"a:b"`` needs ``"a"`` or ``"b"``; ``"a:b:c"`` needs one
        column of lower order, ``"a"``, ``"b"``, ``"c"``, ``"a:b"``, ``"a:c"`` or ``"b:c"``.

    Raises
    ------
    ArgumentError
        A column does not exist; no name is that of an interaction; a column has no parents.

    See Also
    --------
    StrongHierarchy : All parents are needed; how forced, forbidden and constant columns are treated.

    References
    ----------
    Bien, Taylor & Tibshirani (2013), "A lasso for hierarchical interactions".

    Examples
    --------
    >>> import ellzero as ez
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> rule = ez.constraints.WeakHierarchy({2: [0, 1]})
    >>> ez.best_subset(X, X[:, 2] + 0.1 * X[:, 1], k=2, l2=0.01, constraints=[rule]).support
    array([1, 2])
    """

    parents: Mapping | None = None

    def requires(self, columns):
        family = parents_of(columns, self.parents, strong=False)
        return [(child, tuple(units)) for child, units in family if child not in units]


@dataclass(frozen=True)
class AtMostOne(Rule):
    r"""At most one of some columns may be in: :math:`\sum_{j} z_j \le 1`.

    Parameters
    ----------
    columns : sequence of str or int
        Columns by name or index; columns of the same group count as one.

    Raises
    ------
    ArgumentError
        A column does not exist.

    Examples
    --------
    >>> import ellzero as ez
    >>> X = np.random.default_rng(0).normal(size=(50, 4))
    >>> y = 2 * X[:, 0] + X[:, 1] + 0.1 * X[:, 3]
    >>> ez.best_subset(X, y, k=2, l2=0.01, constraints=[ez.constraints.AtMostOne([0, 1])]).support
    array([0, 3])
    """

    columns: Sequence[str | int]

    def at_most(self, columns):
        return [(1, [[unit] for unit in columns.units(self.columns)])]


@dataclass(frozen=True)
class AtMost(Rule):
    r"""At most q of some sets of columns may be used; a set is used where any column of it is in.

    Parameters
    ----------
    q : int, >= 0
        How many sets may be used.
    sets : sequence of sequences of str or int
        Sets of columns by name or index; they may overlap. With ``groups=``, a single number or text instead of a list
        is the label of a group.

    Raises
    ------
    ArgumentError
        `q` is no integer >= 0, or a column or a group does not exist.

    Examples
    --------
    >>> import ellzero as ez
    >>> X = np.random.default_rng(0).normal(size=(50, 6))
    >>> y = X @ [2.0, 1.0, 1.5, 0.0, 0.7, 0.0]
    >>> rule = ez.constraints.AtMost(2, [[0, 1], [2, 3], [4, 5]])
    >>> ez.best_subset(X, y, k=4, l2=1e-5, l0=1e-3, constraints=[rule]).support
    array([0, 1, 2])
    """

    q: int
    sets: Sequence

    def at_most(self, columns):
        return [(checks.quota(self.q), [columns.set_units(members) for members in self.sets])]


@dataclass(frozen=True)
class Linear(Rule):
    r"""A linear condition on coefficients and on which columns are in.

    ``lower <= coef @ beta + indicator @ z <= upper``, beta in data units, z_j = 1 where column j is in and 0 where it
    is out. Only ``solver="mip"`` takes it.

    Parameters
    ----------
    coef, indicator : mapping from column to number, or array-like of shape (n_features,), optional
        Weights; a mapping leaves out those that are zero.
    lower, upper : float, default=-inf, inf

    Raises
    ------
    ArgumentError
        A column does not exist, a weight is not finite, or the condition says nothing.

    Notes
    -----
    Constant columns are out and their coefficients zero; columns of a group are in together.

    Examples
    --------
    >>> budget = Linear(indicator={"scan": 120.0, "blood": 15.0}, upper=130.0)
    >>> sums_to_one = Linear(coef=[1.0, 1.0, 1.0], lower=1.0, upper=1.0)
    """

    coef: Any = None
    indicator: Any = None
    lower: float = -np.inf
    upper: float = np.inf

    def rows(self, columns, absent):
        lower, upper = checks.row_limits(self.lower, self.upper)
        coef, indicator = columns.numbers("coef", self.coef), columns.numbers("indicator", self.indicator)
        if not (coef.any() or indicator.any()):
            raise checks.empty_row()
        coef[absent] = indicator[absent] = 0.0
        return [LinearRow(coef, np.bincount(columns.unit, indicator), lower, upper)]


def parents_of(columns: Columns, parents: Mapping | None, strong: bool) -> list[tuple[int, list[int]]]:
    """Units that each child's unit needs, all of them or one of them, from a mapping or from names."""
    if parents is None:
        family = interactions(columns.names, strong)
        return [(int(columns.unit[j]), columns.units(found)) for j, found in family.items()]
    if not isinstance(parents, Mapping):
        raise checks.no_mapping(parents)
    pairs = []
    for child, needed in parents.items():
        (j,) = columns.indices([child])
        found = columns.indices(needed)
        if not found or j in found:
            raise checks.own_parent(columns.names[j], none=not found)
        pairs.append((int(columns.unit[j]), columns.units(found)))
    return pairs


def interactions(names: Sequence[str], strong: bool) -> dict[int, list[int]]:
    """Columns of lower order that belong to each interaction, read from names such as ``"a:b"``.

    Parameters
    ----------
    names : sequence of str
        Names of all columns; the order of the factors in a name does not matter.
    strong : bool
        Whether every factor of an interaction has to be a column.

    Returns
    -------
    dict
        Indices of the columns whose factors are some of the interaction's, by the interaction's index.

    Raises
    ------
    ArgumentError
        No name is that of an interaction, or a factor is missing that has to be there.

    Examples
    --------
    >>> interactions(["a", "b", "a:b", "12:30"], strong=True)
    {2: [0, 1]}
    """
    place: dict[tuple[str, ...], list[int]] = {}
    for j, name in enumerate(names):
        place.setdefault(tuple(sorted(name.split(":"))), []).append(j)
    family = {}
    for factors, own in place.items():
        if not 1 < len(factors) <= MOST_FACTORS:
            continue
        parts = {part for size in range(1, len(factors)) for part in combinations(factors, size)}
        found = sorted(j for part in parts for j in place.get(part, ()))
        lost = sorted({factor for factor in factors if (factor,) not in place})
        if found and lost and strong:
            raise checks.no_main_effect(names[own[0]], lost)
        family |= {j: found for j in own if found}
    if not family:
        raise checks.no_interactions()
    return dict(sorted(family.items()))


def columns_of(names: Sequence[str], groups) -> Columns:
    """Units and labels from groups as the user gives them."""
    if groups is None:
        return Columns(names, np.arange(len(names)), None)
    if isinstance(groups, Mapping):
        checks.column_indices("groups", list(groups), names)
        labels = [("group", groups[name]) if name in groups else ("column", name) for name in names]
        known = {("group", label): label for label in groups.values()}
    else:
        labels = checks.group_labels(groups)
        checks.length_of("groups", len(labels), len(names))
        known = {label: label for label in labels}
    place = {label: u for u, label in enumerate(dict.fromkeys(labels))}
    by_label = {label: place[key] for key, label in known.items()}
    return Columns(names, np.array([place[label] for label in labels]), by_label)


def given(constraints) -> tuple[Rule, ...]:
    """Rules as given: one, or a sequence of them."""
    rules = (constraints,) if isinstance(constraints, Rule) else constraints
    if rules is None:
        return ()
    if not isinstance(rules, Iterable):
        raise checks.no_rule(rules)
    rules = tuple(rules)
    for rule in rules:
        if not isinstance(rule, Rule):
            raise checks.no_rule(rule)
    return rules
