"""The layout of `select` on the screen: plain lines that stay the same from run to run, but for the seconds."""

from collections.abc import Sequence
from pathlib import Path

from ..result import Result
from . import messages
from .answer import Answer, Line, swap
from .coding import Design
from .console import Console

SHOWN_RIVALS = 5
NAMES = {"adjr2": "adj. R2", "cp": "Cp", "aicc": "AICc", "cv": "CV", "cv-1se": "CV (1-SE)"}


def show(answer: Answer, written: Sequence[Path], console: Console) -> None:
    """Print everything."""
    console.data(data_line(answer.source, answer.design))
    console.data(answer.design.target.describe(answer.asked))
    header, rows = size_table(answer.lines(), answer)
    lines = aligned([header, *rows])
    marked = answer.sizes.index(answer.size)
    for i, line in enumerate(lines):
        console.data(console.bold(f"> {line}") if i == marked + 1 else f"  {line}")
    console.data(choice(answer))
    if answer.near is not None:
        for line in rival_lines(answer):
            console.data(line)
    for line in formula(answer.chosen, answer.design).splitlines():
        console.data(f"formula  {line}")
    console.data(messages.CAUTION)
    for path in written:
        console.data(f"wrote {path} ({size_of(path)})")


def data_line(source: str, design: Design) -> str:
    """Rows read and used, columns and terms."""
    recipe, used = design.recipe, len(design.y)
    lost = [f"{column} ({number})" if len(design.lost) > 1 else column for column, number in design.lost.items()]
    missing = f": missing in {', '.join(lost)}" if lost else ""
    dropped = f" ({messages.count(len(recipe.dropped))} dropped{missing})" if recipe.dropped else ""
    columns = len(dict.fromkeys(part.column for part in recipe.parts))
    grouped = f" in {len(recipe.parts)} groups" if recipe.groups is not None else ""
    return (
        f"read {messages.count(recipe.n_rows, 'row')} of {source}, used {messages.count(used)}{dropped}; "
        f"{messages.count(columns, 'column')} -> {messages.count(len(recipe.terms), 'term')}{grouped}"
    )


def size_table(lines: Sequence[Line], answer: Answer) -> tuple[list[str], list[list[str]]]:
    """Header and cells of the table of sizes."""
    fit, explained = ("RSS", "R2") if answer.linear else ("deviance", "D2")
    header = ["size", fit, explained, criterion_name(answer.criterion), "gap", "status", "seconds", "± in/out"]
    rows = [
        [
            str(line.size),
            f"{line.fit:.6g}",
            f"{line.explained:.4f}",
            score(line.score),
            gap(line.result.gap),
            line.word,
            f"{line.result.elapsed:.1f}",
            swap(line.entered, line.left),
        ]
        for line in lines
    ]
    return header, rows


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Pad cells: numbers to the right, words to the left."""
    widths = [max(len(row[j]) for row in rows) for j in range(len(rows[0]))]
    words = {"status", "± in/out", "columns"}
    left = [title in words for title in rows[0]]
    return [
        "  ".join(
            cell.ljust(width) if is_left else cell.rjust(width)
            for cell, width, is_left in zip(row, widths, left, strict=True)
        ).rstrip()
        for row in rows
    ]


def choice(answer: Answer) -> str:
    """Which size was chosen, by what, and how sure it is to be the best of its size."""
    if answer.search.k is not None:
        return f"size {answer.size}, as asked."
    if len(answer.sizes) == 1:
        return f"size {answer.size}, the only one there is to choose."
    return f"chosen by {criterion_name(answer.criterion)}: size {answer.size}."


def rival_lines(answer: Answer) -> list[str]:
    """How many other models lie near, and the nearest of them."""
    near, chosen = answer.near, answer.chosen
    assert near is not None
    least = "" if near.complete else "at least "
    number, share = len(near.others), messages.percent(near.within)
    if number == 0 and near.complete:
        return [f"no other model of this size or smaller lies within {share}."]
    if number == 0:
        return [f"no other model of this size or smaller was met within {share}; there may be some."]
    noun = "other model of this size or smaller lies" if number == 1 else "other models of this size or smaller lie"
    lines = [f"{least}{messages.count(number)} {noun} within {share}:"]
    for support, objective in sorted(near.others, key=lambda pair: pair[1])[:SHOWN_RIVALS]:
        worse = messages.percent(answer.worse(objective))
        lines.append(f"  {swap(*answer.change(chosen.support, support))}  (loss + {worse})")
    if number > SHOWN_RIVALS:
        lines.append(f"  and {messages.count(number - SHOWN_RIVALS)} more (all of them with --json or -o FILE.json)")
    return lines


def formula(result: Result, design: Design) -> str:
    """The fitted equation, with the offset where there is one; for several classes one a line."""
    offset = design.recipe.question.offset
    return result.formula(design.target.name) + (f" + {offset}" if offset else "")


def criterion_name(name: str) -> str:
    """Name of a criterion as people write it."""
    return NAMES.get(name, name.upper())


def gap(value: float | None) -> str:
    """Gap in per cent; nothing is known without a bound."""
    if value is None:
        return "unknown"
    if value < 5e-9:
        return "0 %"
    return "<0.001 %" if value < 1e-5 else messages.percent(value)


def score(value: float | None) -> str:
    """Criterion to two decimals, in which models differ; empty where it is not defined."""
    if value is None:
        return ""
    return f"{value:.2f}" if 10 <= abs(value) < 1e7 else f"{value:.6g}"


def size_of(path: Path) -> str:
    """Size of a file for people."""
    size = path.stat().st_size
    return f"{size / 1000:.1f} kB" if size < 1e6 else f"{size / 1e6:.1f} MB"
