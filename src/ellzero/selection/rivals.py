"""What would do as well: every support whose objective lies near the optimum."""

from dataclasses import dataclass, replace

import numpy as np

from .. import _checks as checks
from .. import _threads as threads
from .._progress import Clock
from ..problem import Problem
from ..result import Result, Status, Table
from ..solvers import make_solver
from ..solvers.base import Answer, describe
from ..solvers.bounds import bounded_by_supersets
from ..solvers.branch import Search
from ..solvers.exchange import KPath, most_units
from ..solvers.exhaustive import LeapsAndBounds, enumerated_sizes, enumerates, practical
from ..solvers.gramsearch import Best, GramSearch, searches, splits
from ..solvers.moves import State, moves_for
from ..solvers.refit import fit_support
from ..solvers.relaxation import relaxation_for, relaxes
from .keywords import known
from .membership import Substitutes, membership, substitutes
from .subset import problem_of

ENUMERATED = 100_000  # supports that an enumeration lists before the best are kept
GAP = 1e-6  # precision asked of the Gram matrix
EQUAL = 1e-12  # relative slack at the threshold, so that ties count


@dataclass(frozen=True, slots=True, eq=False)
class Rivals:
    """Supports near the optimum, best first; the first is the optimum itself.

    Attributes
    ----------
    supports : list of tuple of int
        Columns of each support.
    objectives : ndarray
    results : list of Result
        Each support with its coefficients.
    within : float
        Fraction of the optimum.
    complete : bool
        Whether these are provably all.
    statement : str
        What is known about completeness, in words.
    status : Status
        That of the optimum, or INTERRUPTED where the list was.
    best : Result
        The optimum that the others are measured against.
    """

    supports: list[tuple[int, ...]]
    objectives: np.ndarray
    results: list[Result]
    within: float
    complete: bool
    statement: str
    status: Status
    best: Result

    def __len__(self) -> int:
        return len(self.supports)

    @property
    def membership(self) -> np.ndarray:
        """Whether a column is in a support: bool of shape (n_supports, n_features)."""
        return membership(self.supports, len(self.best.names))

    @property
    def share(self) -> np.ndarray:
        """Share of the supports that hold each column, shape (n_features,)."""
        return self.membership.mean(axis=0)

    def substitutes(self) -> Substitutes:
        """Which columns stand in for which: pairs of supports that differ in one column.

        Examples
        --------
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(60, 6))
        >>> X[:, 5] = X[:, 3] + 0.01 * rng.normal(size=60)
        >>> near = rivals(X, X[:, 3] + 0.1 * rng.normal(size=60), k=1, within=0.1)
        >>> near.substitutes().pairs()
        [('x3', 'x5')]
        """
        return substitutes(self.supports, self.objectives, self.best.names)

    def plot(self, kind: str = "substitutes", ax=None, **options):
        """Draw the rivals with matplotlib; needs the extra ``plot``.

        Parameters
        ----------
        kind : {"substitutes", "squares"}, default="substitutes"
            Which columns stand in for which, or which columns are in which support.
        ax : matplotlib axes, optional
            Those of a new figure by default.
        **options
            Those of `ellzero.plot.rivals` and `ellzero.plot.squares`.

        Returns
        -------
        matplotlib axes

        Raises
        ------
        ArgumentError, DataError
            As the two raise.
        MissingExtraError
            matplotlib is not installed.
        """
        from .. import plot

        kinds = {"substitutes": plot.rivals, "squares": plot.squares}
        return kinds[checks.one_of("kind", kind, tuple(kinds))](self, ax=ax, **options)

    def table(self) -> Table:
        """One row a support: objective, excess over the best, names."""
        names = self.best.names
        rows = [
            [len(support), value, self._excess(value), ", ".join(names[j] for j in support)]
            for support, value in zip(self.supports, self.objectives.tolist(), strict=True)
        ]
        return Table(["columns", "objective", "excess", "support"], rows)

    def _excess(self, value: float) -> str:
        return f"{100 * (value / self.objectives[0] - 1):.3g} %" if self.objectives[0] > 0 else ""

    def __str__(self) -> str:
        return f"{self.table()}\n{self.statement}"


@known()
def rivals(
    X,
    y,
    *,
    k,
    within,
    max_rivals=1000,
    l0=None,
    l1=0.0,
    l2=0.0,
    loss="squared",
    lower=None,
    upper=None,
    groups=None,
    forced=(),
    forbidden=(),
    constraints=(),
    sample_weight=None,
    offset=None,
    fit_intercept=True,
    standardize=True,
    solver="auto",
    gap=1e-6,
    time_limit=60.0,
    n_jobs=1,
    random_state=None,
    on_progress=None,
) -> Rivals:
    """Every support of at most k columns whose objective is within a fraction of the optimum.

    Parameters
    ----------
    X, y
        As in `best_subset`.
    k : int
        At most so many columns (groups, where there are groups).
    within : float
        Fraction >= 0: 0.01 lists supports up to 1 % worse than the best.
    max_rivals : int, default=1000
        At most so many supports are listed; where there are more, the statement says so.
    l0, l1, l2, loss, lower, upper, groups, forced, forbidden, constraints, sample_weight, offset, fit_intercept,
    standardize
        As in `best_subset`.
    solver, gap, time_limit, n_jobs, random_state, on_progress
        As in `best_subset`.

    Returns
    -------
    Rivals
        Complete where the optimum is proved and the search ended; else those that the swap search met.

    Raises
    ------
    ArgumentError, DataError, InfeasibleError, UnsupportedError
        As in `best_subset`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(60, 6))
    >>> X[:, 5] = X[:, 3] + 0.01 * rng.normal(size=60)
    >>> near = rivals(X, X[:, 3] + 0.1 * rng.normal(size=60), k=1, within=0.1)
    >>> near.supports, near.complete
    ([(3,), (5,)], True)
    """
    problem = problem_of(
        X, y, k=k, l0=l0, l1=l1, l2=l2, loss=loss, lower=lower, upper=upper, groups=groups, forced=forced,
        forbidden=forbidden, constraints=constraints, sample_weight=sample_weight, offset=offset,
        fit_intercept=fit_intercept, standardize=standardize,
    )  # fmt: skip
    if problem.linear:
        raise checks.one_size_only()
    checks.integer_in("max_rivals", max_rivals, 1, 10**7)
    within = checks.fraction("within", within)
    chosen = make_solver(
        solver, gap=checks.fraction("gap", gap), random_state=random_state, n_jobs=threads.number(n_jobs)
    )
    clock = Clock(checks.positive("time_limit", time_limit), on_progress)
    with threads.limit(n_jobs):
        best = chosen.solve(problem, max(clock.remaining, 1e-3), on_progress)
        return near_optimal(problem, best, within, max_rivals, clock)


def near_optimal(problem: Problem, best: Result, within: float, most: int, clock: Clock) -> Rivals:
    """Rivals of a solved problem."""
    clock.interrupted |= best.status is Status.INTERRUPTED
    threshold = best.objective * (1.0 + within) * (1.0 + EQUAL) + EQUAL * problem.null_loss
    leaps = bounded_by_supersets(problem) and not problem.rules.restricted
    if leaps and (practical(problem) or not relaxes(problem)):
        hits, finished = _by_leaps(problem, threshold, most, clock)
    elif relaxes(problem) or splits(problem):
        hits, finished = _by_branching(problem, best, threshold, most, clock)
    elif enumerates(problem):
        room = max(most, ENUMERATED)
        found = enumerated_sizes(problem, clock, threshold, room)
        hits, finished = found.near, found.settled and len(found.near) <= room
    else:
        hits, finished = _by_exchange(problem, threshold, clock), False
    own = _units(problem, best)
    hits[own] = min(best.objective, hits.get(own, np.inf))
    ranked = sorted(hits, key=lambda units: (hits[units], units))
    capped = len(ranked) > most
    ranked = ranked[:most]
    complete = finished and best.status is Status.OPTIMAL and not capped
    fitted = [_result(problem, units, best) for units in ranked]
    distinct = {_units(problem, r): r for r in fitted}.values()  # zeros leave twins
    results = sorted(distinct, key=lambda r: (r.objective, r.status is not best.status))
    if results[0].objective < best.objective:  # what was not proved may be beaten here: then it is not the best
        if (
            best.status is Status.OPTIMAL
        ):  # what was proved is met by rounding or the gap only: the proof holds for both
            results[0] = replace(results[0], status=Status.OPTIMAL)
        best = results[0]
        results = [r for r in results if r.objective <= best.objective * (1.0 + within) * (1.0 + EQUAL)]
    supports = [tuple(int(j) for j in r.support) for r in results]
    statement = _statement(len(results), within, complete, capped, finished, most)
    status = Status.INTERRUPTED if clock.interrupted else best.status
    objectives = np.array([r.objective for r in results])
    return Rivals(supports, objectives, results, within, complete, statement, status, best)


def _result(problem: Problem, units, best: Result) -> Result:
    """A rival as a result: the optimum's bound holds for it, too."""
    answer = Answer(units, best.lower_bound, best.status if units == _units(problem, best) else Status.HEURISTIC)
    return describe(
        problem, answer, fit_support(problem, problem.rules.columns(units)), best.elapsed, best.solver, best.sample
    )


def _units(problem: Problem, result: Result) -> tuple[int, ...]:
    if problem.rules.requires:  # with the columns that others need, be their coefficients zero
        return tuple(problem.units_in(result.coef).tolist())
    return tuple(int(u) for u in np.unique(problem.rules.unit_of_column[result.support]))


def _statement(count, within, complete, capped, finished, most) -> str:
    share = f"{100 * within:g} %"
    if complete:
        return f"These {count} are provably all supports within {share} of the optimum."
    if capped:
        which = "the best of them" if finished else "the best that the search met"
        return f"More than {most} supports lie within {share}; these are {which}. Raise max_rivals for more."
    if finished:
        return f"All supports within {share} of the best found, which is not proved to be the optimum."
    return f"Supports within {share} that the search met; there may be more."


def _by_leaps(problem, threshold, most, clock):
    largest = most_units(problem)
    search = LeapsAndBounds(problem, largest)
    cut = 2.0 * (threshold - problem.l0 * np.arange(largest + 1))
    found = search.run(clock, cut, shared=True, keep=most + 1, stage="rivals")
    return {units: value + problem.l0 * len(units) for units, value in found.hits}, found.complete


def _by_branching(problem, best, threshold, most, clock):
    start = State(_units(problem, best), best.objective - problem.l0 * best.k)
    if searches(problem, best.objective, GAP):
        own = Best(start.units, best.objective)
        gram_search = GramSearch(problem, own, clock, 0.0, threshold)
        gram_search.hits.most = most + 1
        status = gram_search.run()
        return dict(gram_search.hits.values), status is Status.OPTIMAL
    if not relaxes(problem):
        return {}, False
    search = Search(problem, relaxation_for(problem), clock, 0.0, start)
    search.threshold, search.hits.most = threshold, most + 1
    status = search.run(np.inf)
    return dict(search.hits.values), status is Status.OPTIMAL


def _by_exchange(problem, threshold, clock):
    walk = KPath(moves_for(problem), clock)
    walk.run(most_units(problem))
    most = most_units(problem)  # the walk looks a few sizes further
    values = {tuple(sorted(u)): value + problem.l0 * len(u) for u, value in walk.seen.items() if len(u) <= most}
    return {units: value for units, value in values.items() if value <= threshold}
