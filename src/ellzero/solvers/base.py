"""What every solver shares: refusal, timing, interruption and the making of a `Result`."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Protocol
from weakref import WeakKeyDictionary

import numpy as np
from scipy import linalg

from .. import _checks as checks
from .._linear import pivoted_cholesky
from .._progress import Clock, Moment, OnProgress
from ..certificate import Certificate, Claim, Question, Tree
from ..checker import Checker
from ..criteria import Sample
from ..problem import Problem, nonzero_rows
from ..result import Proved, Result, Status, TraceStep
from .refit import Fit, fit_support, fit_supports

if TYPE_CHECKING:
    from .moves import State

RANK_FEATURES = 1000  # beyond so many columns the rank and the full model are not computed
RANK_TOLERANCE = 1e-10
CAUTION = 1e-10
CONSTANT = "columns whose deviation is below 1e-9 of their size count as constant, and as absent"
LIMITED = "the proof holds among coefficients within the limits that were given"
NOTHING = 1e-13  # a bound below this share of the empty model's objective is rounding


class Grown(Protocol):
    """The record of a search, from which a tree can be written out when somebody asks."""

    def tree(self, problem: Problem) -> Tree: ...


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a search found: a support with its bound and evidence.

    Attributes
    ----------
    units : sequence of int
    lower_bound : float, callable or None
        Bound of the objective, price of the units included; or what finds it and its evidence when it is asked for.
    tree : Tree or None
        Evidence for the bound.
    tolerance : float
        Relative gap up to which the answer may be called optimal.
    fit : Fit or None
        Coefficients that satisfy conditions which a plain fit of the units would not; None for the plain fit.
    notes : tuple of str
        Sentences about what the answer rests on.
    moments : tuple of Moment
        What the search knew on its way.
    """

    units: Sequence[int]
    lower_bound: float | Callable[[], "tuple[float | None, Tree | None]"] | None
    status: Status
    n_nodes: int = 0
    tree: "Tree | Grown | None" = None
    trace: tuple[TraceStep, ...] = field(default=())
    tolerance: float = 1e-6
    fit: Fit | None = None
    notes: tuple[str, ...] = ()
    moments: tuple[Moment, ...] = ()


@dataclass(frozen=True)
class Solver(ABC):
    """An algorithm with its options as fields.

    Subclasses give `name`, `refuses` and `search`; `solve` adds timing, interruption and the refit.
    """

    name: ClassVar[str]
    takes_rows: ClassVar[bool] = False  # whether linear rows may be among the constraints
    takes_start: ClassVar[bool] = False  # whether `search` can begin from a known support
    proves: ClassVar[bool] = False  # whether it goes on until its answer is proved, where it has the time
    guarantee: ClassVar[str] = "no proof"  # what holds of an answer that it ended with, and that is not proved

    @abstractmethod
    def refuses(self, problem: Problem) -> str | None:
        """One sentence that says why the problem cannot be treated, or None."""

    @abstractmethod
    def search(self, problem: Problem, clock: Clock) -> Answer:
        """Find a support for ``problem.k`` and ``problem.l0``; stop where `clock.stopped` says so."""

    def solve(
        self,
        problem: Problem,
        time_limit: float = float("inf"),
        on_progress: OnProgress | None = None,
        start: Sequence[int] | None = None,
    ) -> Result:
        """Solve one problem.

        Parameters
        ----------
        problem : Problem
        time_limit : float, default=inf
            Seconds.
        on_progress : callable, optional
            Receives an `Event` now and then.
        start : sequence of int, optional
            Columns of a known support that the search begins from.

        Returns
        -------
        Result

        Raises
        ------
        UnsupportedError
            The solver refuses the problem, or a start; the message is its `refuses` sentence.
        ArgumentError
            The start breaks a rule of the question.
        """
        if problem.linear and not self.takes_rows:
            raise checks.rows_refused(self.name)
        reason = self.refuses(problem)
        if reason is not None:
            raise checks.refused(self.name, reason)
        if start is not None and not self.takes_start:
            raise checks.start_refused(self.name)
        clock = Clock(time_limit, on_progress)
        known = () if start is None else (state_of(problem, start),)
        return make_result(problem, self.search(problem, clock, *known), clock, self.name)


def state_of(problem: Problem, columns: Sequence[int]) -> "State":
    """The state of a support that a user knows; forced units are added."""
    from .moves import State

    chosen = checks.column_indices("start", columns, problem.names)
    units = sorted({*problem.rules.unit_of_column[chosen].tolist(), *np.flatnonzero(problem.rules.forced).tolist()})
    if not problem.rules.allows(units) or (problem.k is not None and len(units) > problem.k):
        raise checks.start_breaks_rules([problem.names[j] for j in chosen])
    fit = fit_support(problem, problem.rules.columns(units))
    return State(tuple(units), fit.value, {"given": fit})


def make_result(problem: Problem, answer: Answer, clock: Clock, solver: str) -> Result:
    """Refit the support, and tie bound, gap and certificate to it."""
    (fit,) = fits_of(problem, [answer])
    answer = replace(answer, moments=tuple(clock.moments))
    return describe(problem, answer, fit, clock.elapsed, solver, partial(sample_of, problem))


def fits_of(problem: Problem, answers: Iterable[Answer]) -> list[Fit]:
    """The fits that answers bring along, or those of their units."""
    answers = list(answers)
    plain = fit_supports(problem, [problem.rules.columns(answer.units) for answer in answers if answer.fit is None])
    fitted = iter(plain)
    return [next(fitted) if answer.fit is None else answer.fit for answer in answers]


def describe(
    problem: Problem,
    answer: Answer,
    fit: Fit,
    elapsed: float,
    solver: str,
    sample: Sample | Callable[[], Sample],
) -> Result:
    """A `Result` from an answer and its fit."""
    if fit.runaway:
        why = {
            "logistic": checks.separable,
            "multinomial": checks.separable_classes,
            "poisson": checks.diverging_counts,
            "cox": checks.no_maximum,
        }
        raise why[problem.loss.name]([problem.names[j] for j in fit.columns])
    coef, intercept = fit.coefficients(problem)
    loss = fit.loss(problem)
    # a linear condition may ask for a unit whose coefficient is zero
    n_units = len(answer.units) if problem.linear else problem.count_units(coef)
    objective = loss + problem.convex_penalty(coef) + problem.l0 * n_units
    proved, status = partial(_proved, problem, answer, objective, coef, intercept), answer.status
    if not callable(answer.lower_bound):
        proved = proved()
        if status is Status.OPTIMAL and proved.gap is not None and not proved.gap <= answer.tolerance:
            status = Status.NOT_CONVERGED
    return Result(
        coef, intercept, nonzero_rows(coef), n_units, objective, loss, proved, status, answer.n_nodes,
        elapsed, problem.names, sample, solver, answer.trace, answer.notes, problem.outputs, answer.moments,
    )  # fmt: skip


def _proved(problem: Problem, answer: Answer, objective: float, coef, intercept: float) -> Proved:
    """What an answer proves of its objective."""
    found, tree = answer.lower_bound() if callable(answer.lower_bound) else (answer.lower_bound, answer.tree)
    if found is None:
        return Proved()
    # no objective is negative; the checker may round a little more cautiously
    lower = min(found, objective) - CAUTION * objective
    lower = lower if lower > NOTHING * problem.null_loss else 0.0
    gap = problem.gap(objective, lower)
    if tree is None:
        return Proved(lower, gap)
    held = np.flatnonzero(coef)
    if problem.rules.requires:  # a column that another needs is part of the claim, though its coefficient be zero
        held = np.union1d(held, problem.rules.columns(problem.units_in(coef)))
    claim = Claim(0, problem.k, objective, lower, held, coef[held], intercept)
    return Proved(lower, gap, partial(_certificate, problem, claim, tree))


def _certificate(problem: Problem, claim: Claim, tree: "Tree | Grown") -> Certificate:
    """Certificate of one claim; a tree that is still a search's own record is written out."""
    return certify(problem, [claim], [written(problem, tree)])


def written(problem: Problem, tree: "Tree | Grown") -> Tree:
    """A tree as a certificate holds it."""
    return tree if isinstance(tree, Tree) else tree.tree(problem)


def certify(problem: Problem, claims, trees) -> Certificate:
    """Certificate of claims about one problem."""
    each, weight = np.ones(problem.n_features), problem.all_weights
    question = Question(
        loss=problem.loss.name,
        l0=problem.l0,
        l1=float(problem.penalty.l1),
        l2=float(problem.penalty.l2),
        fit_intercept=problem.fit_intercept,
        standardize=problem.standardize,
        names=problem.names,
        lower=problem.penalty.lower * each,
        upper=problem.penalty.upper * each,
        unit=problem.rules.unit_of_column,
        forced=problem.rules.forced,
        forbidden=problem.rules.forbidden,
        weight=weight[:1] if (weight == weight[0]).all() else weight,
        n_samples=weight.size,
        requires=problem.rules.requires,
        at_most=problem.rules.at_most,
        offset=np.zeros(1) if problem.offset is None else problem.offset,
    )
    conditions = [CONSTANT]
    if np.isfinite(question.lower).any() or np.isfinite(question.upper).any():
        conditions.append(LIMITED)
    return Certificate(question, tuple(claims), tuple(trees), {}, tuple(conditions))


def checked_bounds(problem: Problem, tree: Tree, sizes: Sequence[int | None]) -> list[float]:
    """Bounds that the checker finds for a tree: where columns are collinear, only it knows what rounding leaves."""
    certificate = certify(problem, [], [tree])
    rows = {"weight": problem.weight, "n_samples": problem.weight.size, "offset": np.zeros(1)}  # y is shifted already
    question = replace(certificate.question, **rows)
    certificate = replace(certificate, question=question)
    X = problem.X.columns(np.arange(problem.n_features))
    return list(Checker(certificate, X, problem.y).tree_bounds(tree, sizes))


SAMPLES: WeakKeyDictionary[Problem, Sample] = WeakKeyDictionary()


def sample_of(problem: Problem) -> Sample:
    """What the criteria need to know of the data; found once a problem."""
    if problem not in SAMPLES:
        SAMPLES[problem] = _sample(problem)
    return SAMPLES[problem]


def _sample(problem: Problem) -> Sample:
    full_loss, rank = _full_model(problem)
    return Sample(
        loss=problem.loss.unbound,
        n_samples=problem.n_samples,
        n_features=problem.n_features,
        fit_intercept=problem.fit_intercept,
        null_loss=problem.null_loss,
        saturated_nll=problem.n_samples * float((problem.weight @ problem.loss.saturated_nll(problem.y)).sum()),
        full_loss=full_loss,
        full_rank=rank,
        n_outputs=problem.n_outputs,
        deviations=np.where(problem.constant, 0.0, problem.normal.scale),
    )


def _full_model(problem: Problem) -> tuple[float | None, int]:
    """Loss of the model with every usable column, and the rank of those columns (a bound of it where they are many)."""
    columns = problem.rules.columns(np.flatnonzero(problem.usable))
    if problem.weight.size <= columns.size:
        return None, min(_distinct_rows(problem, columns) - int(problem.fit_intercept), columns.size)
    if problem.loss.name != "squared" or columns.size > RANK_FEATURES or columns.size == 0:
        return None, columns.size
    gram = problem.gram.rows(columns)[:, columns]
    factor, pivots, rank = pivoted_cholesky(gram, RANK_TOLERANCE)
    if problem.n_outputs > 1:
        return None, rank
    keep = columns[pivots[:rank]]
    if problem.y.size * rank**2 < 2e9:
        root = np.sqrt(problem.weight)
        target = root * problem.normal.y
        q, _ = np.linalg.qr(root[:, None] * problem.normal.Z.columns(np.sort(keep)))
        residual = target - q @ (q.T @ target)
        return 0.5 * float(residual @ residual), rank
    (trtrs,) = linalg.get_lapack_funcs(("trtrs",), (factor,))
    solved = trtrs(factor[:rank, :rank], problem.gram.corr[keep], lower=1)[0]
    return 0.5 * (problem.gram.yy - float(solved @ solved)), rank


def _distinct_rows(problem: Problem, columns) -> int:
    """Number of different rows, told apart by one random combination of the columns."""
    mixture = np.zeros(problem.n_features)
    mixture[columns] = np.random.default_rng(0).standard_normal(columns.size)
    value = np.sort(problem.normal.Z.forward(mixture))
    return 1 + int(np.sum(np.diff(value) > RANK_TOLERANCE * np.sqrt(columns.size)))
