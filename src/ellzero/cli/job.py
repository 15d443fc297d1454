"""The work of `select`: read, code, search, choose, count rivals, write."""

import time
import warnings
from dataclasses import dataclass
from pathlib import Path

from ..errors import EllzeroWarning
from ..result import Result, Status
from . import document, messages, model, output, screen
from .answer import Answer, Near
from .coding import Design, encode
from .console import Console
from .exits import Exit
from .reading import read_table
from .recipe import Question

LARGEST = 20  # sizes looked at unless told
SHARE = 0.1  # of the time limit that the count of rivals has at least
VALIDATED = {"cv": "min", "cv-1se": "1se"}


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
        n_units, n_forced = len(design.recipe.parts), design.recipe.n_forced
        flag, asked = ("--k", self.k) if self.k is not None else ("--max-k", self.max_k)
        if asked is None:
            return list(range(n_forced, max(n_forced, min(n_units, LARGEST, (n_rows - 1) // 3)) + 1))
        if asked < 0:
            raise messages.k_negative(flag, asked)
        if asked > min(n_units, n_rows - 2):
            raise messages.k_too_large(flag, asked, n_units, n_rows)
        if asked < n_forced:
            raise messages.k_below_forced(flag, asked, n_forced)
        return [asked] if self.k is not None else list(range(n_forced, asked + 1))

    def chooser(self, design: Design) -> str:
        """Criterion asked for, or the one that suits the shape."""
        n_samples, n_features = design.X.shape
        return self.criterion or ("ebic" if n_features > n_samples else "bic")

    def problem(self, design: Design) -> dict:
        """What the design and the flags say to the library, for every search alike."""
        return {
            "loss": design.target.loss,
            "l2": self.l2,
            "groups": design.recipe.groups,
            "forced": design.recipe.forced,
            "sample_weight": design.weight,
            "random_state": self.random_state,
            "n_jobs": self.n_jobs,
        }


@dataclass(frozen=True, slots=True)
class Files:
    """What to write, and whether standard output is for JSON."""

    output: tuple[Path, ...] = ()
    certificate: Path | None = None
    model: Path | None = None
    json: bool = False

    def check(self, data: str) -> None:
        """Refuse what cannot be written, before the search."""
        for path in self.output:
            if path.suffix.lower() not in document.WRITERS:
                raise messages.unknown_ending(str(path), list(document.WRITERS))
        named = [*(("-o", path) for path in self.output), ("--certificate", self.certificate), ("--model", self.model)]
        output.check_targets([(flag, path) for flag, path in named if path is not None], data)


def run(data: str, question: Question, search: Search, files: Files, console: Console) -> Exit:
    """Do the whole of `select` and return the exit code."""
    if search.k is not None and search.max_k is not None:
        raise messages.both_sizes()
    files.check(data)
    table = read_table(data)
    design = encode(table, question)
    for note in design.notes:
        console.note(note)
    answer = solve(table.source, design, question.task, search, console)
    if len(answer.sizes) > 1 and answer.chosen.k == max(answer.sizes) < len(design.recipe.parts):
        console.note(messages.chosen_at_the_end(screen.criterion_name(answer.criterion), answer.chosen.k))
    written = write(answer, files, console)
    if files.json:
        console.data(output.to_json(document.as_json(answer)))
    elif console.quiet:
        console.data(screen.formula(answer))
    else:
        screen.show(answer, written, console)
    return Exit.INTERRUPTED if answer.interrupted else Exit.DONE


def solve(source: str, design: Design, asked: str, search: Search, console: Console) -> Answer:
    """Solve every size, choose one and count its rivals."""
    from .. import path

    sizes, criterion = search.sizes(design), search.chooser(design)
    start = time.perf_counter()
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
        scores, spread, chosen = choose(solved, design, criterion, search, listen)
        interrupted = any(result.status is Status.INTERRUPTED for result in solved)
        left = search.time_limit - (time.perf_counter() - start)
        near = None
        if not interrupted:
            near = count_rivals(design, chosen, search, max(left, SHARE * search.time_limit), listen)
    return Answer(source, design, asked, search, solved, criterion, scores, spread, chosen, near, interrupted)


def choose(solved, design: Design, criterion: str, search: Search, listen) -> tuple[dict, dict, Result]:
    """Score every size and pick one: value by size, standard error by size, the result chosen."""
    if criterion not in VALIDATED:
        scores = dict(solved.criteria(criterion))
        if search.k is not None:
            return scores, {}, solved[search.k]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", EllzeroWarning)  # a size at the end of the path: said in the user's words
            return scores, {}, solved.best(criterion)
    from ..selection import cross_validate

    validated = cross_validate(
        design.columns, design.y, k=[result.k for result in solved], on_progress=listen, **search.problem(design)
    )
    return dict(validated.mean), dict(validated.standard_error), solved[validated.best(VALIDATED[criterion])]


def count_rivals(design: Design, chosen: Result, search: Search, seconds: float, listen) -> Near:
    """All other models of the chosen size, or smaller, that do nearly as well."""
    from .. import rivals

    found = rivals(
        design.columns,
        design.y,
        k=chosen.k,
        within=search.within,
        time_limit=seconds,
        on_progress=listen,
        **search.problem(design),
    )
    own = set(chosen.support.tolist())
    others = [(list(support), value) for support, value in zip(found.supports, found.objectives, strict=True)]
    return Near(search.within, found.complete, [pair for pair in others if set(pair[0]) != own])


def write(answer: Answer, files: Files, console: Console) -> list[Path]:
    """Write what was asked for; the files written."""
    for path in files.output:
        output.write_text(path, document.WRITERS[path.suffix.lower()](answer))
    written = list(files.output)
    if files.model is not None:
        output.write_text(files.model, output.to_json(model.as_json(answer)))
        written.append(files.model)
    if files.certificate is not None:
        certificate = answer.path.certificate
        if certificate is None:
            console.note(messages.no_certificate(answer.chosen.status.value))
        else:
            certificate.with_recipe(answer.design.recipe.to_json()).save(files.certificate)
            written.append(files.certificate)
    return written
