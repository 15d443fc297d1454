"""The integer program over the indicators of the units, as rows that HiGHS, SCIP and Gurobi read alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import ClassVar

import numpy as np

from .. import _checks as checks
from .._progress import Clock
from ..problem import Problem
from .rows import Rows

FEASIBLE = 1e-9  # rows and integers may be missed by so much; the value is scaled to be about one


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """``lower <= coefficients @ (z, further indicators, value) <= upper``, sparse."""

    index: np.ndarray
    coefficient: np.ndarray
    lower: float
    upper: float

    @classmethod
    def of(cls, dense, lower=-np.inf, upper=np.inf) -> "Row":
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
    def of(cls, problem: Problem, indicator_rows: Rows, unit: float) -> "Master":
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


Separate = Callable[[np.ndarray], list[Row]]


@dataclass(slots=True)
class Progress:
    """What a backend's tree knows while it runs: called now and then, with the bound and the nodes so far.

    `stop` is true where the clock or the user says so; no exception leaves a callback.
    """

    clock: Clock
    tell: Callable[[float, int], None]
    bound: float = -np.inf
    nodes: int = 0
    before: int = 0  # nodes of the trees that are done

    def __call__(self, bound: float, nodes: int) -> bool:
        self.bound, self.nodes = max(self.bound, bound), self.before + nodes
        try:
            self.tell(self.bound, self.nodes)
        except KeyboardInterrupt:
            self.clock.interrupted = True
        return self.clock.stopped


class Backend(ABC):
    """A solver of mixed-integer programs that cuts as it goes."""

    name: ClassVar[str]
    package: ClassVar[str]

    @abstractmethod
    def version(self) -> str:
        """Name and version, for people."""

    @abstractmethod
    def search(self, master: Master, rows: list[Row], separate: Separate, progress: Progress) -> bool:
        """Prove that no z satisfies the rows and all that `separate` returns, or stop where `progress` says so.

        `separate` is asked at integer points and gives rows that cut them off, always; the cutoff is a row among
        them. True where the proof is complete; ``progress.bound`` is the bound otherwise.
        """


class HighsTree:
    """The rows in HiGHS, which keeps its factorisation from one linear program to the next."""

    def __init__(self, master: Master, rows: Iterable[Row]):
        import highspy

        self.master, self.highspy, self.solver = master, highspy, highspy.Highs()
        solver = self.solver
        solver.silent()
        for option in ("primal_feasibility_tolerance", "dual_feasibility_tolerance", "mip_feasibility_tolerance"):
            solver.setOptionValue(option, FEASIBLE)
        empty = np.empty(0)
        for cost, low, high in zip(master.cost, master.lower, master.upper, strict=True):
            solver.addCol(cost, low, high, 0, empty.astype(np.int32), empty)
        for row in rows:
            self.add(row)

    def add(self, row: Row) -> None:
        self.solver.addRow(row.lower, row.upper, row.index.size, row.index.astype(np.int32), row.coefficient)

    def relax(self) -> tuple[np.ndarray, float] | None:
        """Optimum of the linear relaxation, None where it is infeasible."""
        self.solver.run()
        if self.solver.getModelStatus() != self.highspy.HighsModelStatus.kOptimal:
            return None
        info, solution = self.solver.getInfo(), self.solver.getSolution()
        return np.asarray(solution.col_value), float(info.objective_function_value)

    def integral(self) -> None:
        n = self.master.size - 1
        kinds = np.full(n, self.highspy.HighsVarType.kInteger)
        self.solver.changeColsIntegrality(n, np.arange(n, dtype=np.int32), kinds)
        self.solver.setOptionValue("mip_rel_gap", 0.0)
        self.solver.setOptionValue("mip_abs_gap", 0.0)

    def branch(self, progress: Progress) -> tuple[list[np.ndarray], bool]:
        """Integer points that the tree met, and whether it ended by itself."""
        met, types = [], self.highspy.cb.HighsCallbackType

        def watch(kind, message, out, in_, data):
            try:
                if kind == types.kCallbackMipImprovingSolution:
                    met.append(np.array(out.mip_solution))
                elif progress(out.mip_dual_bound, out.mip_node_count):
                    in_.user_interrupt = True
            except KeyboardInterrupt:  # no exception may pass through the library
                progress.clock.interrupted = True
                in_.user_interrupt = True

        self.solver.setOptionValue("time_limit", self.solver.getRunTime() + max(progress.clock.remaining, 0.01))
        self.solver.setCallback(watch, None)
        for kind in (types.kCallbackMipImprovingSolution, types.kCallbackMipInterrupt):
            self.solver.startCallback(kind)
        self.solver.run()
        status, info = self.solver.getModelStatus(), self.solver.getInfo()
        statuses = self.highspy.HighsModelStatus
        if status == statuses.kOptimal:
            met.append(np.asarray(self.solver.getSolution().col_value))
        ended = status in (statuses.kOptimal, statuses.kInfeasible)
        if status != statuses.kInfeasible:
            progress(info.mip_dual_bound, info.mip_node_count)
        progress.before = progress.nodes
        return met, ended


class Highs(Backend):
    """HiGHS: one tree after the other, each cut by the points that the last one met."""

    name = "highs"
    package = "highspy"

    def version(self):
        import highspy

        return f"HiGHS {highspy.Highs().version()}"

    def search(self, master, rows, separate, progress):
        tree = HighsTree(master, [*master.rows, *rows])
        tree.integral()
        seen = set()
        while not progress.clock.stopped:
            met, ended = tree.branch(progress)
            if ended and not met:
                return True
            fresh = False
            for point in met:
                z = np.rint(point[: master.n_units])
                if z.tobytes() not in seen:
                    seen.add(z.tobytes())
                    fresh = True
                    for row in separate(z):
                        tree.add(row)
            if not fresh:
                return False
        return False


BACKENDS: dict[str, type[Backend]] = {backend.name: backend for backend in (Highs,)}


def load(name: str) -> Backend:
    """Backend of a name; its package is looked for here, and loaded when it works."""
    backend = BACKENDS[name]()
    if find_spec(backend.package) is None:
        raise checks.missing_extra(f"solver 'mip' with backend {name!r}", backend.package, name)
    return backend
