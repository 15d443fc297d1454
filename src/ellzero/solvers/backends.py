"""Solvers of integer programs that cut as they go: HiGHS tree after tree, SCIP and Gurobi within one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

import numpy as np

from .. import _checks as checks
from .._progress import Clock
from .master import Master, Row

FEASIBLE = 1e-9  # rows and integers may be missed by so much; the value is scaled to be about one

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
                    point = np.array(out.mip_solution)
                    if point.ndim:  # before HiGHS 1.9 it is no array; the optimum is then the only point met
                        met.append(point)
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


class Points:
    """The integer points of one tree: each is fitted once, and its rows are given again where it turns up again."""

    def __init__(self, master: Master, separate: Separate, progress: Progress, stop: Callable[[], object]):
        self.master, self.separate, self.progress, self.stop = master, separate, progress, stop
        self.rows: dict[bytes, list[Row]] = {}

    def cut(self, point) -> list[Row]:
        """Rows that cut the point off; none, and the tree is stopped, where an interrupt came first."""
        z = np.rint(np.asarray(point)[: self.master.n_units])
        try:
            if z.tobytes() not in self.rows:
                self.rows[z.tobytes()] = self.separate(z)
        except KeyboardInterrupt:  # no exception may pass through the library
            self.progress.clock.interrupted = True
            self.stop()
            return []
        return self.rows[z.tobytes()]

    def look(self, bound: float, nodes: int) -> None:
        if self.progress(bound, nodes):
            self.stop()


class Scip(Backend):
    """SCIP: one tree, in which a handler of constraints cuts off every integer point."""

    name = "scip"
    package = "pyscipopt"

    def version(self):
        return f"SCIP {import_module(self.package).Model().version()}"

    def search(self, master, rows, separate, progress):
        scip = import_module(self.package)
        model = scip.Model()
        settings: dict[str, Any] = {
            "numerics/feastol": FEASIBLE,
            "numerics/dualfeastol": FEASIBLE,
            "misc/catchctrlc": False,
            "misc/allowstrongdualreds": False,
            "misc/allowweakdualreds": False,
            "limits/time": float(min(max(progress.clock.remaining, 0.01), 1e15)),
        }
        model.hideOutput()
        for name, value in settings.items():
            model.setParam(name, value)
        variables = self._variables(model, master)

        def add(row: Row) -> None:
            terms = scip.quicksum(float(c) * variables[i] for i, c in zip(row.index, row.coefficient, strict=True))
            low, high = (None if np.isinf(limit) else limit for limit in (row.lower, row.upper))
            if row.index.size:
                model.addCons(scip.scip.ExprCons(terms, low, high))
            elif row.lower > 0 or row.upper < 0:  # nothing is left
                model.addCons(variables[-1] <= -1.0)

        for row in [*master.rows, *rows]:
            add(row)
        points = Points(master, separate, progress, model.interruptSolve)
        handler = self._handler(scip, points, variables, add)
        model.includeConshdlr(
            handler, "fits", "convex fits of supports", enfopriority=-10, chckpriority=-10, needscons=False
        )
        model.includeEventhdlr(self._watcher(scip, points), "clock", "progress, time and interruption")
        model.optimize()
        if model.getStatus() == "infeasible":
            return True
        progress(model.getDualbound(), model.getNTotalNodes())
        return False

    @staticmethod
    def _variables(model, master: Master) -> list:
        upper = [None if np.isinf(high) else float(high) for high in master.upper]
        return [
            model.addVar(vtype="C" if i == master.size - 1 else "B", lb=float(low), ub=upper[i], obj=float(cost))
            for i, (cost, low) in enumerate(zip(master.cost, master.lower, strict=True))
        ]

    @staticmethod
    def _handler(scip, points: Points, variables, add):
        class Handler(scip.Conshdlr):
            def enforce(self):
                found = points.cut([self.model.getSolVal(None, variable) for variable in variables])
                for row in found:
                    add(row)
                return {"result": scip.SCIP_RESULT.CONSADDED if found else scip.SCIP_RESULT.INFEASIBLE}

            def consenfolp(self, constraints, nusefulconss, solinfeasible):
                return self.enforce()

            def consenfops(self, constraints, nusefulconss, solinfeasible, objinfeasible):
                return self.enforce()

            def conscheck(self, constraints, solution, checkintegrality, checklprows, printreason, completely):
                return {"result": scip.SCIP_RESULT.INFEASIBLE}

            def conslock(self, constraint, locktype, nlockspos, nlocksneg):
                for variable in variables:  # a point that is cut off may lie in any direction
                    self.model.addVarLocks(variable, nlockspos + nlocksneg, nlockspos + nlocksneg)

        return Handler()

    @staticmethod
    def _watcher(scip, points: Points):
        class Watcher(scip.Eventhdlr):
            def eventinit(self):
                self.model.catchEvent(scip.SCIP_EVENTTYPE.NODESOLVED, self)

            def eventexit(self):
                self.model.dropEvent(scip.SCIP_EVENTTYPE.NODESOLVED, self)

            def eventexec(self, event):
                points.look(self.model.getDualbound(), self.model.getNTotalNodes())
                return {}

        return Watcher()


class Gurobi(Backend):
    """Gurobi: one tree, in which a callback cuts off every integer point by lazy constraints."""

    name = "gurobi"
    package = "gurobipy"

    def version(self):
        return f"Gurobi {'.'.join(map(str, import_module(self.package).gurobi.version()))}"

    def search(self, master, rows, separate, progress):
        gurobipy = import_module(self.package)
        try:
            return self._search(gurobipy, master, rows, separate, progress)
        except gurobipy.GurobiError as error:
            raise checks.backend_failed("Gurobi", str(error)) from None

    @staticmethod
    def _search(gurobipy, master, rows, separate, progress):
        GRB = gurobipy.GRB
        settings = {"OutputFlag": 0, "LazyConstraints": 1, "FeasibilityTol": FEASIBLE, "IntFeasTol": FEASIBLE}
        settings |= {"OptimalityTol": FEASIBLE, "MIPGap": 0.0, "MIPGapAbs": 0.0, "Threads": 1}
        settings["TimeLimit"] = min(max(progress.clock.remaining, 0.01), 1e15)
        with gurobipy.Env(params={"OutputFlag": 0}) as environment, gurobipy.Model(env=environment) as model:
            for name, value in settings.items():
                model.setParam(name, value)
            variables = [
                model.addVar(low, high, cost, GRB.CONTINUOUS if i == master.size - 1 else GRB.BINARY)
                for i, (low, high, cost) in enumerate(zip(master.lower, master.upper, master.cost, strict=True))
            ]

            def add(row: Row, to) -> None:
                terms = gurobipy.LinExpr(row.coefficient.tolist(), [variables[i] for i in row.index])
                if np.isfinite(row.lower):
                    to(terms >= row.lower)
                if np.isfinite(row.upper):
                    to(terms <= row.upper)

            for row in [*master.rows, *rows]:
                add(row, model.addConstr)
            points = Points(master, separate, progress, model.terminate)

            def watch(model, where):
                if where == GRB.Callback.MIPSOL:
                    for row in points.cut(model.cbGetSolution(variables)):
                        add(row, model.cbLazy)
                elif where == GRB.Callback.MIP:
                    nodes = int(model.cbGet(GRB.Callback.MIP_NODCNT))
                    points.look(model.cbGet(GRB.Callback.MIP_OBJBND), nodes)

            model.optimize(watch)
            if model.Status == GRB.INFEASIBLE:
                progress(progress.bound, int(model.NodeCount))
                return True
            progress(model.ObjBound, int(model.NodeCount))
            return False


BACKENDS: dict[str, type[Backend]] = {backend.name: backend for backend in (Highs, Scip, Gurobi)}


def load(name: str) -> Backend:
    """Backend of a name; its package is loaded here."""
    backend = BACKENDS[name]()
    try:
        import_module(backend.package)
    except ModuleNotFoundError as error:
        if error.name != backend.package:
            raise
        raise checks.missing_extra(f"backend {name!r} of solver 'mip'", backend.package, name) from None
    return backend
