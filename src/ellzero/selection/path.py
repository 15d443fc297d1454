"""The k-path: the best model of every size, and the choice among them."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import pairwise

import numpy as np

from .. import _checks as checks
from .. import _threads as threads
from .. import criteria
from .._progress import Clock
from ..certificate import Certificate
from ..criteria import Sample
from ..errors import EllzeroWarning
from ..problem import Problem
from ..result import Proved, Result, Status, Table
from ..solvers import Auto, Branch, Exhaustive, Solver, make_solver
from ..solvers.base import Answer, certify, describe, fits_of, sample_of
from ..solvers.bounds import bound_when_asked
from ..solvers.exchange import Exchange, path_engine, penalised
from ..solvers.exhaustive import all_sizes, enumerates, practical
from ..solvers.relaxation import relaxes
from .keywords import known
from .membership import membership
from .subset import problem_of

DEFAULT_SIZE = 20


@dataclass(frozen=True, eq=False)
class Path:
    """Best model of each size, smallest first.

    Iterating gives `Result` objects; ``path[k]`` is the one for size k. Sizes need not be nested.

    Attributes
    ----------
    results : tuple of Result
    sizes : tuple of int
        Size asked of each result; limits or l1 may leave a result smaller.
    described : Sample or callable
        What the criteria need to know of the data, or what finds it out when it is first asked for.
    proof : Certificate, callable or None
        The certificate, or what makes it when it is first asked for.
    n_units : int
        Units that could be in.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(60, 10))
    >>> solutions = path(X, 2 * X[:, 3] - X[:, 7] + 0.1 * X[:, 0] ** 2, k=4)
    >>> [int(j) for j in solutions.best("bic").support]
    [3, 7]
    """

    results: tuple[Result, ...]
    sizes: tuple[int, ...]
    described: Sample | Callable[[], Sample]
    proof: Certificate | Callable[[], Certificate | None] | None
    n_units: int

    @cached_property
    def sample(self) -> Sample:
        """What the criteria need to know of the data."""
        return self.described() if callable(self.described) else self.described

    @cached_property
    def certificate(self) -> Certificate | None:
        """One certificate with a claim for every size that has a bound; None where there is none."""
        return self.proof() if callable(self.proof) else self.proof

    def __getstate__(self):  # what makes a certificate, or a sample, holds the data
        return {**self.__dict__, "proof": self.certificate, "described": self.sample}

    def without_data(self) -> "Path":
        """The path without what holds the data: its certificate, and bounds that nobody has asked for yet."""
        results = tuple(result.without_data() for result in self.results)
        return replace(self, results=results, described=self.sample, proof=None)

    def __iter__(self) -> Iterator[Result]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def __getitem__(self, k: int) -> Result:
        if not checks.is_size(k, self.sizes):
            raise checks.no_such_size(k, self.sizes)
        return self.results[self.sizes.index(k)]

    @cached_property
    def default_criterion(self) -> str:
        """BIC; EBIC where columns outnumber rows."""
        return criteria.default_criterion(self.sample)

    def criteria(self, name: str | None = None) -> dict[int, float]:
        """Criterion of each size that it is offered; saturated models are left out."""
        name = criteria.named(name, self.sample)
        return {k: r.criterion(name) for k, r in zip(self.sizes, self.results, strict=True) if self._offered(r)}

    def _offered(self, result: Result) -> bool:
        return criteria.offered(result.loss, int(result.support.size), self.sample)

    def chosen(self, criterion: str | None = None) -> int:
        """Size that a criterion chooses, the smaller one at a tie; of what `best` warns, nothing is said here.

        Raises
        ------
        DataError
            No size leaves the criterion enough rows.
        """
        name = criteria.named(criterion, self.sample)
        values = {k: criteria.key(name, value) for k, value in self.criteria(name).items()}
        if not values:
            raise checks.no_size_for_criterion(criteria.TITLES[name], self.sample.n_samples)
        return min(values, key=lambda k: (values[k], k))

    def best(self, criterion: str | None = None) -> Result:
        """Model that a criterion chooses.

        Parameters
        ----------
        criterion : {"bic", "ebic", "aic", "aicc", "gic", "cp", "adjr2"}, optional
            BIC by default; EBIC where columns outnumber rows.

        Raises
        ------
        DataError
            No size leaves the criterion enough rows.

        Warns
        -----
        EllzeroWarning
            The choice is the last size of the path although larger ones exist.
        """
        name = criteria.named(criterion, self.sample)
        chosen = self.chosen(name)
        if chosen == self.sizes[-1] < self.n_units and len(self.sizes) > 1:
            warnings.warn(checks.chosen_at_the_end(criteria.TITLES[name], chosen), EllzeroWarning, stacklevel=2)
        return self[chosen]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all columns."""
        return self.results[0].names

    @property
    def coefs(self) -> np.ndarray:
        """Coefficients in data units, shape (n_sizes, n_features), or (n_sizes, n_features, n_outputs)."""
        return np.array([result.coef for result in self.results])

    @property
    def standardized(self) -> np.ndarray:
        """Coefficients times the standard deviations of their columns, of the shape of `coefs`."""
        return np.array([result.standardized for result in self.results])

    @property
    def membership(self) -> np.ndarray:
        """Whether a column is in the model of a size: bool of shape (n_sizes, n_features)."""
        return membership([result.support for result in self.results], len(self.names))

    def plot(self, kind: str = "coefficients", ax=None, **options):
        """Draw the path with matplotlib; needs the extra ``plot``.

        Parameters
        ----------
        kind : {"coefficients", "criteria", "squares"}, default="coefficients"
            Coefficients by size, a criterion by size, or which columns are in which model.
        ax : matplotlib axes, optional
            Those of a new figure by default.
        **options
            Those of `ellzero.plot.path`, `ellzero.plot.criteria` and `ellzero.plot.squares`.

        Returns
        -------
        matplotlib axes

        Raises
        ------
        ArgumentError, DataError, UnsupportedError
            As the three raise.
        MissingExtraError
            matplotlib is not installed.
        """
        from .. import plot

        kinds = {"coefficients": plot.path, "criteria": plot.criteria, "squares": plot.squares}
        return kinds[checks.one_of("kind", kind, tuple(kinds))](self, ax=ax, **options)

    def table(self, criterion: str | None = None) -> Table:
        """One row a size: loss, criterion, gap, status, what enters and leaves."""
        name = criteria.named(criterion, self.sample)
        values = self.criteria(name)
        squared = self.sample.loss.name == "squared"
        rows, before = [], frozenset()
        for k, result in zip(self.sizes, self.results, strict=True):
            n = self.sample.n_samples
            fit = [2 * n * result.loss, self._explained(result)]
            now = frozenset(result.names_in_support)
            steps = [*(f"+ {v}" for v in sorted(now - before)), *(f"- {v}" for v in sorted(before - now))]
            gap = None if result.gap is None else f"{100 * result.gap:.2g} %"
            rows.append([k, *fit, values.get(k), gap, result.status.value, " ".join(steps)])
            before = now
        head = ["size", "RSS" if squared else "deviance", "R2" if squared else "explained", criteria.TITLES[name]]
        return Table([*head, "gap", "status", "in/out"], rows)

    def _explained(self, result: Result) -> float | None:
        return self.sample.explained(result.loss, result.support.size)

    def with_result(self, k: int, result: Result) -> "Path":
        """The path with a better model of one size; what was proved about that size stays proved."""
        kept = self[k]
        gap = kept.gap
        if kept.lower_bound is not None:
            gap = max(0.0, result.objective - kept.lower_bound) / max(result.objective, 1e-300)
        result = replace(result, proved=Proved(kept.lower_bound, gap), status=kept.status)
        certificate, support = self.certificate, result.support
        if certificate is not None:
            facts = {"objective": result.objective, "support": support, "values": result.coef[support]}
            claims = [replace(c, intercept=result.intercept, **facts) if c.k == k else c for c in certificate.claims]
            certificate = replace(certificate, claims=tuple(claims))
        results = tuple(result if size == k else old for size, old in zip(self.sizes, self.results, strict=True))
        return replace(self, results=results, proof=certificate)

    def hull(self) -> list[tuple[float, Result]]:
        """The penalised path: models that some price makes optimal, each with the largest such price.

        The first has the price ``inf``. A size above the lower convex envelope of the objective is reached by no price
        and is missing here.
        """
        corners: list[Result] = []
        for result in self.results:
            if corners and (result.k <= corners[-1].k or result.objective >= corners[-1].objective):
                continue  # limits may leave a larger size no larger, or no better
            while len(corners) > 1 and self._price(corners[-2], corners[-1]) <= self._price(corners[-1], result):
                corners.pop()
            corners.append(result)
        prices = [float("inf"), *(self._price(a, b) for a, b in pairwise(corners))]
        return list(zip(prices, corners, strict=True))

    @staticmethod
    def _price(small: Result, large: Result) -> float:
        """Price of a unit at which two models tie."""
        return (small.objective - large.objective) / (large.k - small.k)

    def __str__(self) -> str:
        return str(self.table())

    def _repr_html_(self) -> str:
        return self.table().to_html()


@known()
def path(
    X,
    y,
    *,
    k=None,
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
    certify=False,
    solver="auto",
    gap=1e-6,
    time_limit=60.0,
    n_jobs=1,
    random_state=None,
    on_progress=None,
) -> Path:
    """Best model of every size.

    Parameters
    ----------
    X, y
        As in `best_subset`.
    k : int or iterable of int, optional
        Largest size, or the sizes wanted; by default at most ``min(p, 20, (n - 1) // 3, n / (log p log log n))``. Where
        `constraints` leave no good support of exactly one size, its result is the best smaller one.
    l0, l1, l2, loss, lower, upper, groups, forced, forbidden, constraints, sample_weight, offset, fit_intercept,
    standardize
        As in `best_subset`.
    certify : bool, default=False
        Search until every size is proved, or the time is up. Without it the swap search answers, with the gap of the
        root bound.
    solver : {"auto", "exhaustive", "branch", "stepwise", "exchange", "splicing", "mip"} or Solver, default="auto"
        With ``certify`` or a name other than ``auto``, what solves each size.
    gap : float, default=1e-6
        As in `best_subset`.
    time_limit : float, default=60.0
        Seconds for the whole call.
    n_jobs, random_state, on_progress
        As in `best_subset`.

    Returns
    -------
    Path

    Raises
    ------
    ArgumentError, DataError, InfeasibleError, UnsupportedError
        As in `best_subset`.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(60, 10))
    >>> solutions = path(X, 2 * X[:, 3] - X[:, 7] + 0.1 * X[:, 0] ** 2, k=3, certify=True)
    >>> [result.status.value for result in solutions]
    ['optimal', 'optimal', 'optimal', 'optimal']
    """
    problem = problem_of(
        X, y, l0=l0, l1=l1, l2=l2, loss=loss, lower=lower, upper=upper, groups=groups, forced=forced,
        forbidden=forbidden, constraints=constraints, sample_weight=sample_weight, offset=offset,
        fit_intercept=fit_intercept, standardize=standardize,
    )  # fmt: skip
    return search_path(
        problem,
        k,
        certify=certify,
        solver=solver,
        gap=gap,
        time_limit=time_limit,
        n_jobs=n_jobs,
        random_state=random_state,
        on_progress=on_progress,
    )


def search_path(problem: Problem, k, *, certify, solver, gap, time_limit, n_jobs, random_state, on_progress) -> Path:
    """Path of a problem; `path` builds one from data and calls this."""
    clock = Clock(checks.positive("time_limit", time_limit), on_progress)
    chosen = make_solver(
        solver, gap=checks.fraction("gap", gap), random_state=random_state, n_jobs=threads.number(n_jobs)
    )
    named = chosen.name != "auto"
    with threads.limit(n_jobs):
        sizes = wanted_sizes(problem, k)
        return solve_path(problem, sizes, clock, chosen if named or certify else None, gap, random_state)


def wanted_sizes(problem: Problem, k) -> list[int]:
    """Sizes of a path: those asked for that exist, or all up to a default."""
    n_units, low = problem.rules.n_units, problem.least_size
    most = int(problem.usable.sum())
    noun = "group" if problem.rules.grouped else "column"
    if k is None:
        k = max(low, min(most, DEFAULT_SIZE, _enough_rows(problem.n_samples, n_units)))
    sizes = checks.sizes(k, low, n_units, noun)
    return [size for size in sizes if low <= size <= most] or [low]


def _enough_rows(n: float, p: int) -> int:
    """Size up to which a criterion can tell columns from the best of many noises (Zhu et al. 2020, section 3)."""
    if p < 2 or n <= np.e:
        return 1
    return max(1, int(min((n - 1) // 3, n / (np.log(p) * max(np.log(np.log(n)), 1.0)))))


def solve_path(
    problem: Problem, sizes: Sequence[int], clock: Clock, solver: Solver | None, gap, random_state, bounded: bool = True
) -> Path:
    """Path by the swap search (solver None; without bounds on request), by one tree for all sizes, or size by size."""
    if problem.linear:
        raise checks.one_size_only()
    sample = partial(sample_of, problem)
    one_tree = Exhaustive(gap, random_state)
    if solver is None or isinstance(solver, Exchange):
        effort = None if solver is None else solver.effort
        seed = random_state if solver is None or solver.random_state is None else solver.random_state
        found = _by_exchange(problem, sizes, clock, sample, seed, bounded, effort)
    elif _takes_all_sizes(problem, solver, one_tree):
        found = _in_one_tree(problem, sizes, clock, sample, gap, random_state)
    else:
        found = _size_by_size(problem, sizes, clock, sample, solver, random_state)
    kept, results = found
    proof = partial(_certificate, problem, tuple(results))
    return Path(tuple(results), tuple(kept), sample, proof, int(problem.usable.sum()))


def _certificate(problem: Problem, results: Sequence[Result]) -> Certificate | None:
    """One certificate of the claims of all results."""
    trees, claims = [], []
    for result in results:
        if result.certificate is not None:
            (claim,), (tree,) = result.certificate.claims, result.certificate.trees
            if tree not in trees:
                trees.append(tree)
            claims.append(replace(claim, tree=trees.index(tree)))
    return certify(problem, claims, trees) if claims else None


def _takes_all_sizes(problem, solver, one_tree) -> bool:
    """Whether leaps and bounds settle all sizes at once."""
    if enumerates(problem) or one_tree.refuses(problem) is not None:
        return False
    if isinstance(solver, Exhaustive):
        return True
    return solver.name == "auto" and (practical(problem) or Branch().refuses(problem) is not None)


def _finish(problem, answers, elapsed, solver, sample):
    """Sizes and results of one answer a size."""
    results, sized = [], problem
    fits = fits_of(problem, answers.values())
    for (k, answer), fit, seconds in zip(answers.items(), fits, elapsed, strict=True):
        sized = sized.with_size(k)  # shares what the size before has found
        results.append(describe(sized, answer, fit, seconds, solver, sample))
    return list(answers), results


def _by_exchange(problem, sizes, clock, sample, random_state, bounded, effort):
    states = path_engine(problem, clock, random_state, effort).run(max(sizes))
    states = _within(problem, sizes, states)
    sizes = [k for k in sizes if k in states]
    status = Status.INTERRUPTED if clock.interrupted else Status.TIME_LIMIT if clock.expired else Status.HEURISTIC
    answers, relaxed = {}, relaxes(problem)
    for k in sizes:
        sized = problem.with_size(k) if relaxed else problem  # supersets bound all sizes alike, and once
        bound = bound_when_asked(sized, penalised(sized, states[k])) if bounded else None
        answers[k] = Answer(states[k].units, bound, status)
    return _finish(problem, answers, [clock.elapsed] * len(answers), "exchange", sample)


def _within(problem, sizes, states):
    """States by size; where rules leave a size out, the best smaller one takes its place."""
    if not problem.rules.restricted:
        return states
    filled = {}
    for k in (k for k in sizes if min(states) <= k <= max(states)):
        smaller = [state for size, state in states.items() if size <= k]
        filled[k] = min(smaller, key=lambda s: (penalised(problem, s), s.size))
    return filled


def _in_one_tree(problem, sizes, clock, sample, gap, random_state):
    solved = all_sizes(problem, max(sizes), clock, random_state)
    answers = {}
    for k in (k for k in sizes if k in solved.best):
        answers[k] = Answer(solved.best[k], solved.lower[k], solved.status, solved.n_nodes, solved.tree)
    return _finish(problem, answers, [clock.elapsed] * len(answers), "exhaustive", sample)


def _size_by_size(problem, sizes, clock, sample, solver, random_state):
    """One search a size, each from what the swap search found; interrupted, the sizes left keep that answer."""
    states = path_engine(problem, clock, random_state, for_start=True).run(max(sizes))
    answers, elapsed = {}, []
    for i, k in enumerate(sizes):
        sized, start = problem.with_size(k), clock.elapsed
        found = [state for size, state in states.items() if size <= k]
        state = min(found, key=lambda s: (penalised(problem, s), s.size))
        if clock.stopped:
            answers[k] = Answer(state.units, None, Status.INTERRUPTED if clock.interrupted else Status.TIME_LIMIT)
        else:
            reason = solver.refuses(sized)
            if reason is not None:
                raise checks.refused(solver.name, reason)
            share = Clock(max(clock.remaining, 0.0) / (len(sizes) - i), clock.on_progress)
            chosen = solver.choose(sized) if isinstance(solver, Auto) else solver
            branches = isinstance(chosen, Branch)
            answer = chosen.search(sized, share, state) if branches else chosen.search(sized, share)
            answers[k] = replace(answer, moments=tuple(share.moments))
            clock.interrupted = share.interrupted
        elapsed.append(clock.elapsed - start)
    return _finish(problem, answers, elapsed, solver.name, sample)
