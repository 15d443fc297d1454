"""Arbitrary linear side conditions: an integer program over the supports, cut by convex fits."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from .. import _checks as checks
from .._progress import Clock
from ..problem import Problem
from ..result import Status
from .backends import BACKENDS, FEASIBLE, HighsTree, Progress, load
from .base import Answer, Solver
from .cuts import Cut, Oracle, transferable
from .exchange import best_state
from .master import Master, Row
from .refit import Fit, fit_support
from .rows import Rows, fit_shares

ROOT_CUTS = 300  # most cuts of the relaxation
STALLED = 20  # cuts in a row that raise the bound by little
LITTLE = 1e-4
WEIGHINGS = 6  # most choices of the curvature that is handed to the penalty
WORTHWHILE = 0.02  # share of the gap that another choice must close to be followed by a third
SWAPS = 500  # most fits in the search for a better support
TOLERANCE = 20 * FEASIBLE  # of the bound, in shares of the objective: what rows met to FEASIBLE may hide
NOTHING = 1e-14  # coefficients below it, in deviations of y, are rounding
AGREES = 1e-7  # relative difference of objectives above which the answer does not count as confirmed


class CuttingPlanes:
    """One run: incumbent, cuts and bounds.

    The bound is the least of two: that of supports which were fitted one by one and then excluded, and that of the
    integer program for all others.
    """

    def __init__(self, problem: Problem, clock: Clock, gap: float):
        self.problem, self.clock, self.gap = problem, clock, gap
        self.rows, self.indicator_rows = Rows.of(problem)
        self.oracle = Oracle(problem, self.rows)
        self.cuts: list[Cut] = []
        self.units: tuple[int, ...] | None = None
        self.objective, self.excluded = np.inf, np.inf
        self.unit = max(problem.null_loss, 1e-300)  # objectives are divided by it in the integer program
        self.seen: set[bytes] = set()
        self.free_subsets = problem.l0 == 0 and not self.rows.indicator.any()

    @property
    def cutoff(self) -> float:
        """Supports from here on need not be found."""
        least = 1e-12 * self.problem.null_loss
        return self.objective - 0.5 * self.gap * max(self.objective, least)

    def indicators(self, units) -> np.ndarray:
        """1 for units that are in, else 0."""
        z = np.zeros(self.problem.rules.n_units)
        z[np.asarray(units, dtype=np.intp)] = 1.0
        return z

    def admits(self, z) -> bool:
        """Whether a support keeps the size, the rules and the rows in indicators."""
        rows, value = self.indicator_rows, self.indicator_rows.indicator @ z
        k = self.problem.k
        return (
            bool((value >= rows.lower - FEASIBLE).all() and (value <= rows.upper + FEASIBLE).all())
            and (k is None or z.sum() <= k)
            and self.problem.rules.allows(np.flatnonzero(z > 0.5))
        )

    def cut(self, z) -> tuple[float, Cut | None]:
        """Value at shares z (infinite where the rows cannot be met) and the cut there, which is kept."""
        inner, cut = self.oracle.ask(z)
        if cut is not None:
            self.cuts.append(cut)
        return np.inf if inner is None else inner.fit.value + self.problem.l0 * float(z.sum()), cut

    def offer(self, z) -> tuple[float, Cut | None]:
        """Fit a support and keep it where it is the best so far."""
        value, cut = self.cut(z)
        if value < self.objective:
            self.objective, self.units = value, tuple(np.flatnonzero(z > 0.5).tolist())
        return value, cut

    def begin(self, random_state) -> None:
        """A first support, and a floor under all values."""
        problem = self.problem
        for units in (best_state(problem, self.clock, random_state).units, problem.rules.completed() or ()):
            z = self.indicators(units)
            if not np.isfinite(self.objective) and self.admits(z):
                self.offer(z)
        everything = problem.usable.astype(float)
        _, cut = self.cut(everything)
        if cut is not None and cut.values:
            self.oracle.floor = max(0.0, cut.bound - float(np.maximum(cut.slopes, 0.0).sum()))

    def tighten(self) -> float:
        """Bound of the relaxation, cut again with curvature handed over where it counts, while that helps."""
        bound, share = self.relax()
        if share is not None:
            self.round(share)
        for _ in range(WEIGHINGS):
            weight = None if share is None or self.clock.stopped else self.oracle.need(share)
            if weight is None or bound >= self.cutoff:
                break
            self.oracle.weigh(weight)
            before, (bound, share) = bound, self.relax()
            if bound - before <= WORTHWHILE * abs(self.cutoff - bound):
                break
        if share is not None:
            self.round(share)
        return bound

    def relax(self) -> tuple[float, np.ndarray | None]:
        """Cut until the linear relaxation settles; its bound and the best shares met.

        Each cut is taken between the relaxation's optimum and the best point so far, which keeps the points from
        jumping about.
        """
        problem, master = self.problem, Master.of(self.problem, self.indicator_rows, self.unit)
        tree = HighsTree(master, [*master.rows, *(self.as_row(master, cut, self.unit) for cut in self.cuts)])
        bound, best, inner, stalled = -np.inf, np.inf, None, 0
        for _ in range(ROOT_CUTS):
            solved = tree.relax()
            if solved is None:
                raise checks.rows_contradict()
            point, value = solved[0][: master.n_units], solved[1] * self.unit
            stalled = 0 if value > bound + LITTLE * abs(value) else stalled + 1
            bound = max(bound, value)
            self.tell(bound, 0)
            if self.clock.stopped or stalled > STALLED or bound >= min(best, self.cutoff) * (1 - LITTLE):
                break
            between = point if inner is None or stalled > STALLED // 2 else 0.5 * (point + inner)
            reached, cut = self.cut(np.clip(between, 0.0, 1.0))
            if cut is not None:
                tree.add(self.as_row(master, cut, self.unit))
            if reached < best:
                best, inner = reached, between
            elif cut is None or (between is point and cut.at(point) + problem.l0 * point.sum() <= value):
                break
        return bound, inner

    def round(self, share) -> None:
        """Try the supports of the units with the largest shares, and swaps from the best support."""
        order = np.argsort(-share, kind="stable")
        for size in range(int(min(np.sum(share > 1e-6), 50)) + 1):
            z = self.problem.rules.forced.astype(float)
            z[order[:size]] = 1.0
            if self.clock.stopped:
                return
            if self.admits(z):
                self.offer(z)
        if self.rows.count + self.indicator_rows.count:  # elsewhere the exchange search has been here
            self.swap(share)

    def swap(self, share) -> None:
        """Replace one unit of the best support at a time, likely ones first, while that improves it."""
        tries, improved = SWAPS, self.units is not None
        while improved and not self.clock.stopped:
            improved, best = False, self.indicators(self.units or ()) > 0.5
            leaving = [u for u in np.argsort(share, kind="stable") if best[u] and not self.problem.rules.forced[u]]
            entering = [u for u in np.argsort(-share, kind="stable") if not best[u] and self.problem.usable[u]]
            for u, v in ((u, v) for u in leaving for v in entering):
                z = best.astype(float)
                z[u], z[v] = 0.0, 1.0
                if not self.admits(z):
                    continue
                tries -= 1
                inner = fit_shares(self.problem, self.rows, z, self.oracle.diagonal)
                if inner is not None and inner.fit.value + self.problem.l0 * z.sum() < self.objective:
                    improved = True
                    self.offer(z)
                    break
                if not tries or self.clock.stopped:
                    return

    def as_row(self, master: Master, cut: Cut, unit: float) -> Row:
        if cut.values:
            return master.row(cut.slopes / unit, 1.0, lower=cut.bound / unit)
        size = max(float(np.abs(cut.slopes).max()), abs(cut.bound))
        return master.row(cut.slopes / size, lower=cut.bound / size)

    def search(self, backend, bound: float) -> tuple[bool, float, int]:
        """The tree: whether it was finished, the bound of all that was not fitted, and nodes."""
        if np.isfinite(self.objective):
            self.unit = max(self.objective, 1e-9 * self.problem.null_loss, 1e-300)
        unit, master = self.unit, Master.of(self.problem, self.indicator_rows, self.unit)
        progress = Progress(self.clock, lambda value, nodes: self.tell(value * unit, nodes), bound / unit)
        rows = [self.as_row(master, cut, unit) for cut in self.cuts]
        if np.isfinite(self.objective):
            rows.append(master.below(self.cutoff / unit))

        def separate(z) -> list[Row]:
            before = self.objective
            value, cut = self.offer(z)
            found = [self.exclude(master, z)]
            if cut is not None:
                found.append(self.as_row(master, cut, unit))
            # what is proved for the support: by its multipliers, should the fit be inexact, or that it keeps no rows
            proved = np.inf
            if cut is None:
                proved = bound
            elif cut.values:
                proved = cut.at(z) + self.problem.l0 * float(z.sum())
            self.excluded = min(self.excluded, proved, value)
            if self.objective < before:
                found.append(master.below(self.cutoff / unit))
            return found

        finished = backend.search(master, rows, separate, progress)
        # supports beyond the cutoff are not sought, so the bound ends there
        rest = np.inf if finished else progress.bound * unit
        return finished, min(rest, self.cutoff) - TOLERANCE * unit, progress.nodes

    def exclude(self, master: Master, z) -> Row:
        """All supports but this one; where size is free, all but its subsets, which are no better."""
        inside = z > 0.5
        if self.free_subsets:
            return master.row(~inside, lower=1.0)
        return master.row(np.where(inside, -1.0, 1.0), lower=1.0 - inside.sum())

    def trimmed(self) -> list[int]:
        """Units of the answer without those whose coefficients are zero and that no rule needs."""
        z = self.indicators(self.units or ())
        coef = self.refit(np.flatnonzero(z)).coefficients(self.problem)[0]
        for u in np.flatnonzero((z > 0.5) & ~self.problem.rules.forced):
            without = np.where(np.arange(z.size) == u, 0.0, z)
            if (
                not coef[self.problem.rules.units[u]].any()
                and not self.rows.indicator[:, u].any()
                and self.admits(without)
            ):
                z = without
        return np.flatnonzero(z).tolist()

    def refit(self, units) -> Fit:
        """Final coefficients of a support: the library's fit, or under rows the one that keeps them."""
        if self.rows.count == 0:
            return fit_support(self.problem, self.problem.rules.columns(units))
        inner = fit_shares(self.problem, self.rows, self.indicators(units), self.oracle.diagonal)
        assert inner is not None, "a support that was fitted before"
        tiny = np.abs(inner.fit.gamma) <= NOTHING * self.oracle.unit
        return replace(inner.fit, gamma=np.where(tiny, 0.0, inner.fit.gamma))

    def faults(self, fit: Fit, units) -> tuple[str, ...]:
        """What the final coefficients do not keep: sentences, none where all is as it should be."""
        problem, found = self.problem, []
        coef, intercept = fit.coefficients(problem)
        objective = problem.loss_value(coef, intercept) + problem.convex_penalty(coef) + problem.l0 * len(units)
        if abs(objective - self.objective) > AGREES * (self.objective + 1e-6 * problem.null_loss):
            found.append(
                f"The objective of the final coefficients, {objective:.10g}, is not that of the search, "
                f"{self.objective:.10g}."
            )
        z = self.indicators(units)
        if not self.admits(z):
            found.append("The support breaks a rule.")
        for i, row in enumerate(problem.linear):
            value = float(row.coef @ coef + row.indicator @ z)
            reach = np.linalg.norm(row.coef / problem.normal.scale) * self.oracle.unit
            room = 10 * FEASIBLE * (reach + np.abs(row.coef) @ np.abs(coef) + np.abs(row.indicator) @ z)
            if not row.lower - room <= value <= row.upper + room:
                found.append(f"Linear condition {i + 1} is {value:.10g}, outside [{row.lower:g}, {row.upper:g}].")
        return tuple(found)

    def tell(self, bound: float, nodes: int) -> None:
        lower = max(0.0, min(bound, self.excluded, self.objective))
        known = np.isfinite(self.objective)
        self.clock.tick(
            "mip",
            message=f"integer program, {checks.plural(len(self.cuts), 'cut')}",
            k=self.problem.k,
            objective=self.objective if known else None,
            lower_bound=lower,
            gap=self.problem.gap(self.objective, lower) if known else None,
            n_nodes=nodes,
        )


@dataclass(frozen=True)
class Mip(Solver):
    r"""Integer program over the supports, for arbitrary linear conditions on coefficients and indicators.

    A solver of integer programs (HiGHS, SCIP or Gurobi) proposes supports; a convex fit of each gives its value and a
    cut that bounds every other support. Fits at fractional shares first bring the cuts to the perspective relaxation.
    No limit of the coefficients ("big M") is ever assumed.

    Parameters
    ----------
    backend : {"highs", "scip", "gurobi"}, default="highs"
        HiGHS comes with ellzero; SCIP and Gurobi, which cut within one tree, are extras.
    gap : float, default=1e-6
        Relative gap at which the answer counts as optimal.
    random_state : int, Generator or None, default=None
        Seed of the search for the first incumbent.

    Raises
    ------
    ArgumentError
        There is no such backend.
    MissingExtraError
        The backend is not installed; raised by `solve`.

    Notes
    -----
    The bound is the backend's, in floating point: there is no certificate. ``Result.notes`` says what was assumed. Of
    use for side conditions up to about 50 columns; `Branch` is far faster for what both can treat.

    References
    ----------
    Bertsimas & Van Parys (2020), "Sparse high-dimensional regression: exact scalable algorithms and phase transitions";
    Günlük & Linderoth (2010), "Perspective reformulations of mixed integer nonlinear programs with indicator
    variables".

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(30, 5))
    >>> problem = Problem.from_data(X, X[:, 2] - 3 * X[:, 4], k=2)
    >>> Mip().solve(problem).support
    array([2, 4])
    """

    name: ClassVar[str] = "mip"
    proves: ClassVar[bool] = True
    takes_rows: ClassVar[bool] = True
    backend: str = "highs"
    gap: float = 1e-6
    random_state: object = None

    def __post_init__(self):
        checks.one_of("backend", self.backend, list(BACKENDS))

    def refuses(self, problem):
        if problem.n_outputs > 1:
            return checks.ONE_RESPONSE
        if not problem.loss.provable:
            return checks.no_proof(problem.loss.name)
        if unlimited(problem).size == 0:
            return None
        columns = checks.listed(problem.names[j] for j in unlimited(problem))
        other = ", or columns that are independent" if problem.loss.name == "squared" else ""
        return (
            f"nothing limits the coefficients of {columns}: its cuts need l2 > 0, or limits on both sides{other}, and "
            "no limit is ever guessed. Hint: l2=1e-3 is a small ridge, or give `lower` and `upper`."
        )

    def search(self, problem: Problem, clock: Clock) -> Answer:
        backend = load(self.backend)
        run = CuttingPlanes(problem, clock, self.gap)
        finished, bound, nodes = False, 0.0, 0
        try:
            run.begin(self.random_state)
            bound = run.tighten()
            finished, bound, nodes = run.search(backend, bound)
        except KeyboardInterrupt:
            clock.interrupted = True
        if run.units is None:
            raise checks.rows_contradict() if finished and np.isinf(run.excluded) else checks.no_support_found()
        status = Status.OPTIMAL if finished else Status.NOT_CONVERGED
        if not finished and clock.stopped:
            status = Status.INTERRUPTED if clock.interrupted else Status.TIME_LIMIT
        return self.answer(run, min(run.excluded, bound), status, nodes, backend.version())

    def answer(self, run: CuttingPlanes, bound: float, status: Status, nodes: int, solver: str) -> Answer:
        """The support, refitted and judged by the library's own objective."""
        problem = run.problem
        units = tuple(run.trimmed())
        fit = run.refit(units)
        faults = run.faults(fit, units)
        if faults:
            status = Status.NOT_CONVERGED
        notes = (
            f"{solver} proved the bound, in floating point, with {checks.plural(len(run.cuts), 'cut')} from convex "
            f"fits; {TOLERANCE:.0e} of the objective is taken off for its tolerance of {FEASIBLE:.0e}. No certificate "
            "re-checks it.",
            limits_of(problem, run.oracle),
            *(faults or (confirmed(problem),)),
        )
        own = fit if problem.linear else None
        return Answer(units, max(bound, 0.0), status, nodes, tolerance=self.gap, fit=own, notes=notes)


def unlimited(problem: Problem) -> np.ndarray:
    """Usable columns whose coefficients no ridge, no pair of limits and no curvature of the loss holds."""
    penalty, columns = problem.normal.penalty, problem.rules.columns(np.flatnonzero(problem.usable))
    held = np.isfinite(penalty.lower) & np.isfinite(penalty.upper) | (penalty.l2 > 0)
    if not held[columns].all():
        held |= transferable(problem) > 0
    return columns[~held[columns]]


def limits_of(problem: Problem, oracle: Oracle) -> str:
    """What holds the coefficients, and so makes the cuts finite."""
    penalty, columns = problem.normal.penalty, problem.rules.columns(np.flatnonzero(problem.usable))
    means = []
    if (penalty.l2[columns] > 0).any():
        means.append("the ridge l2")
    if np.isfinite(penalty.lower[columns]).any() or np.isfinite(penalty.upper[columns]).any():
        means.append("the limits given")
    if (oracle.diagonal > 0).any():
        means.append(f"the least eigenvalue {oracle.diagonal.max():.3g} of the columns' correlation matrix")
    return (
        f"No limit of the coefficients was assumed; what bounds them is {' and '.join(means) or 'that there are none'}."
    )


def confirmed(problem: Problem) -> str:
    """What was computed again."""
    rows = f" and {checks.plural(len(problem.linear), 'linear condition')}" if problem.linear else ""
    return f"The objective{rows} and all rules were computed again from the final coefficients, and agree."
