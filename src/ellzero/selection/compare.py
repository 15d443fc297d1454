"""Every solver on the same question, in one table: what it found, what that is worth, what it cost."""

import html
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from .. import _checks as checks
from .. import _threads as threads
from .._progress import Clock, Compilation
from ..errors import EllzeroError, MissingExtraError, UnsupportedError
from ..problem import Problem
from ..result import Result, Status, Table
from ..solvers import SOLVERS, Auto, Solver, Stepwise, make_solver
from .keywords import QUESTION, known
from .subset import problem_of

WALKS = "stepwise"  # the name that stands for its directions
STOPPED = (Status.TIME_LIMIT, Status.NODE_LIMIT, Status.INTERRUPTED)


@dataclass(frozen=True, slots=True, eq=False)
class Contender:
    """One solver's answer and what it cost.

    Attributes
    ----------
    name : str
    result : Result
    seconds, cpu_seconds : float
        Wall clock, and processor time of all threads; without what was spent on compiling kernels, which happens once
        a machine.
    guarantee : str
        What is known about the answer, in words.
    """

    name: str
    result: Result
    seconds: float
    cpu_seconds: float
    guarantee: str


@dataclass(frozen=True, slots=True)
class Absence:
    """A solver without an answer, and the sentence that says why."""

    name: str
    reason: str


@dataclass(frozen=True, eq=False)
class Comparison:
    """Answers of several solvers to one question, the least objective first.

    Attributes
    ----------
    contenders : tuple of Contender
    absent : tuple of Absence
        Solvers that refuse the question, failed, or were not reached in time.
    interrupted : bool
        Whether Ctrl-C ended the comparison.
    """

    contenders: tuple[Contender, ...]
    absent: tuple[Absence, ...]
    interrupted: bool = False

    def __len__(self) -> int:
        return len(self.contenders)

    def __getitem__(self, name: str) -> Result:
        return self.results[checks.one_of("name", name, tuple(self.results))]

    @cached_property
    def results(self) -> dict[str, Result]:
        """The answers by the solver's name, best first."""
        return {c.name: c.result for c in self.contenders}

    @property
    def best(self) -> Result:
        """The answer of least objective."""
        return self.contenders[0].result

    @property
    def optimum(self) -> float | None:
        """Objective that is proved to be the least, up to the gap; None where no solver proved one."""
        return min((r.objective for r in self.results.values() if r.status is Status.OPTIMAL), default=None)

    @cached_property
    def lower_bound(self) -> float | None:
        """The best bound that a search proved, else the root's: it holds for all of them."""
        searched = (r.lower_bound for r in self.results.values() if not callable(r.proved))
        known = [bound for bound in searched if bound is not None]
        return max(known) if known else self.best.lower_bound

    def gap(self, result: Result) -> float | None:
        """Gap of an answer to the best bound; None where none is known."""
        bound = self.lower_bound
        return None if bound is None else max(0.0, result.objective - bound) / max(result.objective, 1e-300)

    @property
    def reference(self) -> float | None:
        """What the excess is measured from: the proved optimum, else the best bound."""
        return self.lower_bound if self.optimum is None else self.optimum

    def table(self) -> Table:
        """One row a solver; excesses and gaps in per cent, times in seconds."""
        over = "over optimum %" if self.optimum is not None else "over bound %"
        head = ["solver", "objective", "loss", over, "over best %", "shared", "size", "gap %", "status", "guarantee",
                "seconds", "CPU seconds"]  # fmt: skip
        rows = []
        for contender in self.contenders:
            result, gap = contender.result, self.gap(contender.result)
            rows.append([
                contender.name, result.objective, result.loss, excess(result.objective, self.reference),
                excess(result.objective, self.best.objective), shared(result.support, self.best.support), result.k,
                gap if gap is None else 100.0 * gap, result.status.value, contender.guarantee,
                contender.seconds, contender.cpu_seconds,
            ])  # fmt: skip
        return Table(head, rows)

    @property
    def statement(self) -> str:
        """What is known about the optimum, in words."""
        if self.optimum is not None:
            provers = [name for name, r in self.results.items() if r.status is Status.OPTIMAL]
            return f"The optimum is proved ({', '.join(provers)}): {self.optimum:.10g}."
        if self.lower_bound is None:
            return "No solver proved the optimum, and no bound is known: the excess is over the best found."
        known = f"at least {self.lower_bound:.10g} and at most {self.best.objective:.10g}"
        return f"No solver proved the optimum, which is {known}."

    @property
    def facts(self) -> list[str]:
        """Sentences about the optimum and about the solvers without an answer."""
        facts = [self.statement, *(f"No answer of {a.name}: {a.reason}" for a in self.absent)]
        if self.interrupted:
            facts.append("The comparison was interrupted; these are the answers until then.")
        return facts

    def __str__(self) -> str:
        return "\n".join([str(self.table()), *self.facts])

    def _repr_html_(self) -> str:
        return self.table().to_html() + "".join(f"<p>{html.escape(fact)}</p>" for fact in self.facts)


def excess(value: float, reference: float | None) -> float | None:
    """By how many per cent a value exceeds a reference; None where the reference is zero or unknown."""
    if reference is None or reference <= 0:
        return 0.0 if value == reference else None
    return 100.0 * (value / reference - 1.0)


def shared(support, other) -> float:
    r"""Jaccard index of two supports, :math:`|A \cap B| / |A \cup B|`; 1 where both are empty."""
    a, b = set(support.tolist()), set(other.tolist())
    return len(a & b) / len(a | b) if a | b else 1.0


@known(*QUESTION)
def compare(
    X,
    y=None,
    *,
    k=None,
    l0=None,
    solvers=None,
    certify=True,
    gap=1e-6,
    time_limit=60.0,
    n_jobs=1,
    random_state=None,
    on_progress=None,
    **question,
) -> Comparison:
    """Answer one question by every solver that takes it, and say what each answer is worth.

    Parameters
    ----------
    X : array-like, data frame, scipy.sparse matrix or Problem
        As in `best_subset`; or a problem, which brings y, k, l0 and the rest of the question.
    y : array-like of shape (n_samples,), optional
        As in `best_subset`; left out beside a problem.
    k, l0 : int and float, optional
        As in `best_subset`.
    solvers : sequence or mapping, optional
        Names and `Solver` instances, or a mapping from the row's name to either. ``"stepwise"`` stands for its three
        directions. By default every solver there is; ``auto`` is left out, being one of the others.
    certify : bool, default=True
        Whether the solvers that prove are among the default ones. Where `solvers` names none of them, ``auto`` runs,
        too, so that the excess is measured from a proved optimum where there is one.
    gap : float, default=1e-6
        As in `best_subset`.
    time_limit : float, default=60.0
        Seconds for the whole call. Each solver has an equal share of what is left when it begins; those without proof
        begin.
    n_jobs, random_state, on_progress
        As in `best_subset`.
    **question
        l1, l2, loss, lower, upper, groups, forced, forbidden, constraints, sample_weight, offset, fit_intercept,
        standardize, as in `best_subset`; and names, of the columns, where X does not bring its own.

    Returns
    -------
    Comparison
        Interrupted, it holds the answers until then.

    Raises
    ------
    ArgumentError, DataError, InfeasibleError
        As in `best_subset`; also where a problem is given together with parts of a question.
    UnsupportedError
        Every solver refuses the question.

    Notes
    -----
    Nothing that one solver computed from the data is handed to another, so that the times can be compared. Loading a
    library for the first time counts for the solver that needs it: about half a second for HiGHS.

    Forward and backward stepwise search go to exactly k columns by the loss alone; the third one, ``stepwise both``,
    adds and drops by AIC and ends where that ends, with k columns at most.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(60, 10))
    >>> y = 2 * X[:, 3] - X[:, 7] + 0.1 * X[:, 0] ** 2
    >>> found = compare(X, y, k=2, solvers=["exchange", "exhaustive"])
    >>> [(row["solver"], row["shared"], row["guarantee"]) for row in found.table().to_dicts()]
    [('exhaustive', 1.0, 'proved, with certificate'), ('exchange', 1.0, 'no swap that was tried improves it, no proof')]
    """
    if isinstance(X, Problem):
        checks.problem_alone({"y": y, "k": k, "l0": l0, **question})
        problem = X
    else:
        checks.need_k_or_l0(k, l0)
        problem = problem_of(X, y, k=k, l0=l0, **question)
    options = {"gap": checks.fraction("gap", gap), "random_state": random_state, "n_jobs": threads.number(n_jobs)}
    chosen = _chosen(problem, solvers, bool(certify), options)
    clock = Clock(checks.positive("time_limit", time_limit), on_progress)
    with threads.limit(n_jobs):
        return _run(problem, chosen, clock)


def offered(problem: Problem, options: Mapping) -> dict[str, Solver]:
    """Every solver by its name, stepwise search once a direction."""
    found: dict[str, Solver] = {}
    for cls in SOLVERS:
        if cls is not Stepwise:
            found[cls.name] = make_solver(cls.name, **options)
            continue
        by_loss = problem.k is not None and problem.l0 == 0
        for direction in ("forward", "backward"):
            found[f"{WALKS} {direction}"] = Stepwise(direction, "loss" if by_loss else "aic")
        found[f"{WALKS} both"] = Stepwise("both", "aic")
    return found


def _chosen(problem: Problem, solvers, certify: bool, options: Mapping) -> dict[str, Solver]:
    """The contenders by name, in the order in which they run: those without proof first."""
    every = offered(problem, options)
    if solvers is None:
        chosen = {name: s for name, s in every.items() if not isinstance(s, Auto) and (certify or not s.proves)}
    else:
        chosen = _named(solvers, every, options)
        if certify and not any(solver.proves for solver in chosen.values()):
            chosen["auto"] = every["auto"]
    favourite = Auto().choose(problem).name
    rank = {name: (s.proves, s.proves and s.name != favourite) for name, s in chosen.items()}
    return dict(sorted(chosen.items(), key=lambda item: rank[item[0]]))


def _named(solvers, every: Mapping[str, Solver], options: Mapping) -> dict[str, Solver]:
    """Contenders that somebody named."""
    if isinstance(solvers, str | Solver):
        solvers = [solvers]
    if isinstance(solvers, Mapping):
        pairs = list(solvers.items())
    elif isinstance(solvers, Iterable):
        pairs = [(None, solver) for solver in solvers]
    else:
        raise checks.no_solvers(solvers)
    found: dict[str, Solver] = {}
    for label, solver in pairs:
        for name, instance in _meant(solver, every, options).items():
            given = name if label is None else str(label)
            while given in found:
                given += "'"
            found[given] = instance
    if not found:
        raise checks.no_solvers(solvers)
    return found


def _meant(solver, every: Mapping[str, Solver], options: Mapping) -> dict[str, Solver]:
    """What one entry of `solvers` stands for."""
    if isinstance(solver, Solver):
        return {solver.name: make_solver(solver, **options)}
    if solver == WALKS:
        return {name: walk for name, walk in every.items() if isinstance(walk, Stepwise)}
    return {solver: every[checks.one_of("solvers", solver, [*every, WALKS])]}


def _run(problem: Problem, chosen: Mapping[str, Solver], clock: Clock) -> Comparison:
    """Run one contender after the other; the clock and Ctrl-C keep what is done."""
    contenders: list[Contender] = []
    absent: list[Absence] = []
    refusal: EllzeroError | None = None
    for i, (name, solver) in enumerate(chosen.items()):
        if clock.interrupted or (clock.expired and contenders):
            absent.append(Absence(name, "not reached before the end."))
            continue
        share = max(clock.remaining, 1e-3) / (len(chosen) - i)
        try:
            clock.tick("compare", message=f"{name}, {i + 1} of {len(chosen)}", done=i, total=len(chosen))
            contenders.append(_timed(name, solver, problem, share, clock))
            clock.interrupted |= contenders[-1].result.status is Status.INTERRUPTED
        except KeyboardInterrupt:
            clock.interrupted = True
            absent.append(Absence(name, "interrupted before it had an answer."))
        except EllzeroError as error:
            absent.append(Absence(name, str(error)))
            if refusal is None or isinstance(refusal, UnsupportedError | MissingExtraError):
                refusal = error
    if not contenders:
        raise KeyboardInterrupt if refusal is None else refusal
    # equal but for rounding, what is proved comes first; times must not decide
    contenders.sort(key=lambda c: (float(f"{c.result.objective:.10g}"), c.result.status is not Status.OPTIMAL))
    return Comparison(tuple(contenders), tuple(absent), clock.interrupted)


def _timed(name: str, solver: Solver, problem: Problem, seconds: float, clock: Clock) -> Contender:
    """One contender on a copy of the problem that shares nothing computed with the others."""
    own = replace(problem)
    compiled, began, worked = Compilation.seconds, time.perf_counter(), time.process_time()
    result = solver.solve(own, seconds, clock.on_progress)
    spent, cpu = time.perf_counter() - began, time.process_time() - worked
    compiled = Compilation.seconds - compiled
    return Contender(name, result, max(spent - compiled, 0.0), max(cpu - compiled, 0.0), guarantee(solver, result))


def guarantee(solver: Solver, result: Result) -> str:
    """What is known about an answer, in words."""
    if result.status is Status.OPTIMAL:
        return "proved, with certificate" if result.proof is not None else "proved by the bound of the integer program"
    if result.status in STOPPED:
        return "stopped early, no proof"
    if result.status is Status.NOT_CONVERGED:
        return "rounding kept the bound from the answer, no proof"
    return solver.guarantee
