"""The work of `select`: read, code, search, write."""

from dataclasses import dataclass
from pathlib import Path

from ..result import Status
from . import document, messages, model, output, screen
from .answer import Answer
from .coding import encode
from .console import Console
from .exits import Exit
from .reading import read_table
from .recipe import Question
from .search import Search, solve
from .target import check_question

PERFECT = 1 - 1e-12  # an R2 above it is a perfect fit but for rounding


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
    check_question(question)
    files.check(data)
    table = read_table(data)
    design = encode(table, question)
    for note in design.notes:
        console.note(note)
    answer = solve(table.source, design, question.task, search, console)
    if not answer.interrupted and len(answer.sizes) > 1 and answer.size == max(answer.sizes) < len(design.recipe.parts):
        console.note(messages.chosen_at_the_end(screen.criterion_name(answer.criterion), answer.size))
    ruled = bool(question.hierarchy or question.at_most_one)
    heuristic = any(result.status is Status.HEURISTIC for result in answer.path)
    if heuristic and not design.target.loss.provable:
        console.note(messages.no_bound_known(design.target.task))
    elif heuristic and not search.l2:
        console.note(messages.needs_ridge(len(design.recipe.terms), len(design.y), answer.linear, ruled))
    perfect = [line.size for line in answer.lines() if line.explained > PERFECT]
    if perfect:
        console.note(messages.perfect_fit(perfect[0]))
    written = write(answer, files, console)
    if files.json:
        console.data(output.to_json(document.as_json(answer)))
    elif console.quiet:
        console.data(screen.formula(answer.chosen, answer.design))
    else:
        screen.show(answer, written, console)
    return Exit.INTERRUPTED if answer.interrupted else Exit.DONE


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
        if not answer.design.target.loss.provable:
            console.note(messages.nothing_to_certify(answer.design.target.task))
        elif certificate is None:
            console.note(messages.no_certificate(answer.chosen.status.value))
        else:
            certificate.with_recipe(answer.design.recipe.to_json()).save(files.certificate)
            written.append(files.certificate)
    return written
