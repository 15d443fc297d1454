"""The search of `select`: every size, the choice among them, and the rivals of the chosen one."""

import warnings
from dataclasses import dataclass, replace

from .._progress import Clock, OnProgress
from ..errors import EllzeroWarning
from ..result import Status
from . import kernels, messages, together
from .answer import Answer, Near
from .coding import Design
from .console import Console

LARGEST = 20  # sizes looked at unless told
SHARE = 0.1  # of the time limit that the count of rivals has at least
VALIDATED = ("cv", "cv-1se")


@dataclass(frozen=True, slots=True)
class Search:
    """How to search and what chooses, in the words of the flags."""

    k: int | None = None
    max_k: int | None = None
    criterion: str | None = None
    l2: float = 0.0
    time_limit: float = 60.0
    gap: float = 1e-6
    within: float = 0.01
    random_state: int = 0
    n_jobs: int = 1

    def sizes(self, design: Design) -> list[int]:
        """Sizes to solve: one, or all from the forced columns up."""
        n_rows = len(design.y)
        n_units, n_forced = len(design.recipe.parts), len(together.rules(design.recipe).completed() or ())
        flag, asked = ("--k", self.k) if self.k is not None else ("--max-k", self.max_k)
        if asked is None:
            return list(range(n_forced, max(n_forced, min(n_units, LARGEST, (design.n_told - 1) // 3)) + 1))
        if asked < 0:
            raise messages.k_negative(flag, asked)
        if asked > min(n_units, n_rows - 2):
            raise messages.k_too_large(flag, asked, n_units, n_rows)
        if asked < n_forced:
            raise messages.k_below_forced(flag, asked, n_forced, n_forced - design.recipe.n_forced)
        return [asked] if self.k is not None else list(range(n_forced, asked + 1))

    def problem(self, design: Design) -> dict:
        """What the design and the flags say to the library, for every search alike."""
        return {
            "loss": design.target.loss,
            "l2": self.l2,
            "groups": design.recipe.groups,
            "forced": design.recipe.forced,
            "forbidden": together.orphans(design.recipe),
            "constraints": together.constraints(design.recipe),
            "sample_weight": design.weight,
            "offset": design.offset,
            "random_state": self.random_state,
            "n_jobs": self.n_jobs,
        }


def solve(source: str, design: Design, asked: str, search: Search, console: Console) -> Answer:
    """Solve every size, choose one and count its rivals; Ctrl-C keeps what there is.

    Parameters
    ----------
    source : str
        Name of the data.
    design : Design
        What to explain by what.
    asked : str
        The task as typed.
    search : Search
        How to search.
    console : Console
        Who is told.
    """
    from ..selection import path

    sizes, clock = search.sizes(design), Clock(search.time_limit)
    if kernels.first_run():
        console.note(messages.COMPILING)
    with console.notes_for_warnings(), console.progress() as listen:
        solved = path(
            design.columns,
            design.y,
            k=sizes,
            certify=True,
            gap=search.gap,
            time_limit=search.time_limit,
            on_progress=listen,
            **search.problem(design),
        )
        first = choose(solved, default_criterion(design) if search.criterion in VALIDATED else search.criterion, search)
        answer = Answer(source, design, asked, search, solved, *first)
        if any(result.status is Status.INTERRUPTED for result in solved):
            return replace(answer, interrupted=True)
        try:
            if search.criterion in VALIDATED:
                answer = validate(answer, search.criterion, left(clock), listen)
            return count_rivals(answer, left(clock), listen)
        except KeyboardInterrupt:
            return replace(answer, interrupted=True)


def left(clock: Clock) -> float:
    """Seconds that are left, and a share at least."""
    return max(clock.remaining, SHARE * clock.time_limit)


def default_criterion(design: Design) -> str:
    """The criterion that suits the shape."""
    n_samples, n_features = design.X.shape
    return "ebic" if n_features > n_samples else "bic"


def choose(solved, criterion: str | None, search: Search) -> tuple[str, dict[int, float], int]:
    """Score every size by an information criterion and pick one: the criterion, values by size, the size."""
    criterion = criterion or solved.default_criterion
    scores = dict(solved.criteria(criterion))
    if search.k is not None:
        return criterion, scores, solved.sizes[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EllzeroWarning)  # a size at the end of the path: said in the user's words
        best = solved.best(criterion)
    return criterion, scores, next(k for k, result in zip(solved.sizes, solved, strict=True) if result is best)


def validate(answer: Answer, criterion: str, seconds: float, listen: OnProgress | None) -> Answer:
    """Score every size by cross-validation and pick one."""
    from ..selection import cross_validate

    validated = cross_validate(
        answer.design.columns,
        answer.design.y,
        k=list(answer.path.sizes),
        time_limit=seconds,
        on_progress=listen,
        **answer.search.problem(answer.design),
    )
    sizes = [int(k) for k in validated.sizes]
    scores = dict(zip(sizes, validated.mean.tolist(), strict=True))
    spread = dict(zip(sizes, validated.standard_error.tolist(), strict=True))
    size = validated.k_best if criterion == "cv" else validated.k_1se
    if answer.search.k is not None:
        size = answer.size
    return replace(answer, criterion=criterion, scores=scores, spread=spread, size=size)


def count_rivals(answer: Answer, seconds: float, listen: OnProgress | None) -> Answer:
    """Add all models of the chosen size or smaller that do nearly as well; a better one takes the answer's place."""
    from ..selection import rivals

    design, search = answer.design, answer.search
    found = rivals(
        design.columns,
        design.y,
        k=answer.size,
        within=search.within,
        time_limit=seconds,
        on_progress=listen,
        **search.problem(design),
    )
    if found.best.objective < answer.chosen.objective:
        answer = replace(answer, path=answer.path.with_result(answer.size, found.best))
    own = set(found.best.support.tolist())
    others = [([int(j) for j in s], float(v)) for s, v in zip(found.supports, found.objectives, strict=True)]
    near = Near(search.within, found.complete, [pair for pair in others if set(pair[0]) != own])
    return replace(answer, near=near, interrupted=found.status is Status.INTERRUPTED)
