"""Selection on some of the rows: what stability, honest inference and their like repeat."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _checks as checks
from .. import criteria
from .._progress import Clock
from ..errors import EllzeroWarning
from ..losses import Loss
from ..operators import Operator, as_operator
from ..operators.adapters import as_vector
from ..problem import Problem
from ..responses import read_response
from ..result import Result, Status
from ..solvers import Solver, make_solver
from .path import solve_path, wanted_sizes


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Data of a question, from which problems on some of the rows are made.

    Attributes
    ----------
    op : Operator of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
    weight : ndarray of shape (n_samples,)
    offset : ndarray of shape (n_samples,) or None
    loss : Loss
    names : tuple of str
    question : mapping
        Keyword arguments of `Problem.from_data` that do not speak of rows, the names of the columns among them.
    """

    op: Operator
    y: np.ndarray
    weight: np.ndarray
    offset: np.ndarray | None
    loss: Loss
    names: tuple[str, ...]
    question: Mapping[str, Any]

    @classmethod
    def of(cls, X, y, sample_weight, loss, question: Mapping[str, Any]) -> "Rows":
        """Data as a public call gets them."""
        op, names = as_operator(X)
        n = op.shape[0]
        weight = np.ones(n) if sample_weight is None else as_vector("sample_weight", sample_weight, n)
        response = read_response(loss, y, n)
        names = tuple(question.get("names") or names)
        asked = {**question, "names": names}
        offset = asked.pop("offset", None)
        shift = None if offset is None else as_vector("offset", offset, n)
        return cls(op, response.y, weight, shift, response.loss, names, asked)

    @property
    def counted(self) -> np.ndarray:
        """Rows that have weight."""
        return np.flatnonzero(self.weight)

    def problem(self, rows=None, weight=None) -> Problem:
        """The problem on some rows, with other weights on request."""
        rows = self.counted if rows is None else rows
        weight = self.weight[rows] if weight is None else weight
        return self._of(rows, weight, self.question)

    def unpenalised(self, rows) -> Problem:
        """The problem on some rows without penalties, limits and rules."""
        kept = {name: self.question[name] for name in ("names", "fit_intercept") if name in self.question}
        return self._of(rows, self.weight[rows], kept)

    def _of(self, rows, weight, question) -> Problem:
        about: dict[str, Any] = {
            "loss": self.loss.at_rows(rows),
            "offset": None if self.offset is None else self.offset[rows],
            "sample_weight": weight,
        }
        return Problem.from_data(self.op.rows(rows), self.y[rows], **about, **question)


@dataclass(frozen=True, slots=True)
class Choice:
    """How a support is chosen: at most k units, or the size of least criterion up to k.

    Attributes
    ----------
    k : int or None
        The size; with a criterion the largest one, as in `path`.
    criterion : str or None
    solver : Solver
    random_state : object
    """

    k: int | None
    criterion: str | None
    solver: Solver
    random_state: object

    @classmethod
    def of(cls, k, criterion, solver, gap, random_state, n_jobs) -> "Choice":
        """A choice as a public call words it; without size and criterion BIC chooses, EBIC where columns are many."""
        if criterion is not None:
            checks.one_of("criterion", criterion, tuple(criteria.CRITERIA))
        return cls(k, criterion, make_solver(solver, gap=gap, random_state=random_state, n_jobs=n_jobs), random_state)

    def make(self, problem: Problem, clock: Clock) -> Result:
        """The choice on one problem; the clock learns of an interrupt that the search kept to itself."""
        result = self._made(problem, clock)
        clock.interrupted |= result.status is Status.INTERRUPTED
        return result

    def _made(self, problem: Problem, clock: Clock) -> Result:
        if self.k is not None and self.criterion is None:
            return self._sized(problem, clock)
        sizes = wanted_sizes(problem, None if self.k is None else min(self.k, self._most(problem)))
        solver = None if self.solver.name == "exchange" else self.solver
        found = solve_path(problem, sizes, clock, solver, 1e-6, self.random_state, bounded=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", EllzeroWarning)  # a choice at the end of the path is the caller's to tell
            return found.best(self.criterion)

    def _sized(self, problem: Problem, clock: Clock) -> Result:
        size = min(int(self.k or 0), self._most(problem))
        if self.solver.name == "exchange" and not problem.linear:  # its bound is not asked for here
            found = solve_path(problem, [size], clock, None, 1e-6, self.random_state, bounded=False).results
            if found:  # else the time was up before so many were in
                return found[0]
        return self.solver.solve(problem.with_size(size), max(clock.remaining, 1e-3), clock.on_progress)

    @staticmethod
    def _most(problem: Problem) -> int:
        """Units that may be in; on some rows a column may be constant."""
        return int(problem.usable.sum())


def chosen_units(problem: Problem, result: Result) -> np.ndarray:
    """Units of an answer that somebody chose: forced ones are no choice."""
    units = problem.units_in(result.coef)
    return units[~problem.rules.forced[units]]


def unit_labels(problem: Problem, units) -> tuple[str, ...]:
    """One name a unit: that of its column, or those of all its columns."""
    return tuple(" + ".join(problem.rules.unit_names([u], problem.names)) for u in units)


def seeds(random_state, n: int) -> list[np.random.Generator]:
    """Independent generators, one a draw: a draw does not depend on how many others there are."""
    return checks.random_state(random_state).spawn(n)
