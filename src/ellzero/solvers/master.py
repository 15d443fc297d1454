"""The integer program over the indicators of the units, as rows that HiGHS, SCIP and Gurobi read alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..problem import Problem
from .rows import Rows


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """``lower <= coefficients @ (z, further indicators, value) <= upper``, sparse."""

    index: np.ndarray
    coefficient: np.ndarray
    lower: float
    upper: float

    @classmethod
    def of(cls, dense, lower=-np.inf, upper=np.inf) -> Row:
        dense = np.asarray(dense, float)
        index = np.flatnonzero(dense)
        return cls(index, dense[index], float(lower), float(upper))


@dataclass(frozen=True, slots=True, eq=False)
class Master:
    """Least ``value + l0 * units`` over binary z under the rules of the support.

    Attributes
    ----------
    n_units : int
        The first variables are the indicators of the units; then comes one for each set of an "at most so many sets"
        rule, and last the value.
    lower, upper : ndarray of shape (n_variables,)
    cost : ndarray of shape (n_variables,)
    rows : tuple of Row
    """

    n_units: int
    lower: np.ndarray
    upper: np.ndarray
    cost: np.ndarray
    rows: tuple[Row, ...]

    @classmethod
    def of(cls, problem: Problem, indicator_rows: Rows, unit: float) -> Master:
        """The rules of a problem; objectives are divided by `unit`."""
        rules = problem.rules
        n = rules.n_units
        sets = [units for _, group in rules.at_most for units in group]
        size = n + len(sets) + 1
        rows = []

        def add(entries: Iterable[tuple[int, float]], lower=-np.inf, upper=np.inf):
            dense = np.zeros(size)
            for place, coefficient in entries:
                dense[place] += coefficient
            rows.append(Row.of(dense, lower, upper))

        if problem.k is not None:
            add(((u, 1.0) for u in range(n)), upper=problem.k)
        for unit_, needed in rules.requires:
            add([(unit_, -1.0), *((u, 1.0) for u in needed)], lower=0.0)
        place = n
        for most, group in rules.at_most:
            add(((place + i, 1.0) for i in range(len(group))), upper=most)
            for units in group:
                for u in units:
                    add([(place, 1.0), (u, -1.0)], lower=0.0)
                place += 1
        for i in range(indicator_rows.count):
            add(enumerate(indicator_rows.indicator[i]), indicator_rows.lower[i], indicator_rows.upper[i])
        lower = np.concatenate([rules.forced, np.zeros(len(sets) + 1)])
        upper = np.concatenate([problem.usable, np.ones(len(sets)), [np.inf]])
        cost = np.concatenate([np.full(n, problem.l0 / unit), np.zeros(len(sets)), [1.0]])
        return cls(n, lower, upper, cost, tuple(rows))

    @property
    def size(self) -> int:
        return self.cost.size

    def row(self, slopes, value=0.0, lower=-np.inf, upper=np.inf) -> Row:
        """A row in the indicators of the units and the value."""
        dense = np.zeros(self.size)
        dense[: self.n_units], dense[-1] = slopes, value
        return Row.of(dense, lower, upper)

    def below(self, cutoff: float) -> Row:
        """Objectives up to the cutoff only."""
        return Row.of(self.cost, upper=cutoff)
