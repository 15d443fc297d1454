"""The result of `select` as a file: JSON, CSV, Markdown, LaTeX or HTML."""

import html
from collections.abc import Callable
from typing import Any

from ..result import Table
from . import messages, model, output, screen
from .answer import Answer, Line, swap
from .target import Target

FORMAT = "ellzero selection 1"
CRITERIA = ("aic", "aicc", "bic", "ebic", "gic", "cp", "adjr2")


def as_json(answer: Answer) -> dict[str, Any]:
    """Everything found, in plain lists, numbers and text."""
    design, recipe = answer.design, answer.design.recipe
    return {
        "format": FORMAT,
        "ellzero": version(),
        "data": {
            "source": answer.source,
            "rows_read": recipe.n_rows,
            "rows_used": len(design.y),
            "rows_lost_to": design.lost,
            "columns": len({part.column for part in recipe.parts}),
            "terms": list(recipe.terms),
            "left_out": {"constant": list(recipe.constant), "forbidden": list(recipe.question.forbidden)},
            "forced": list(recipe.question.forced),
            "hierarchy": recipe.question.hierarchy,
            "at_most_one": [list(names) for names in recipe.question.at_most_one],
            "weight": recipe.question.weight,
            "offset": recipe.question.offset,
            "missing": recipe.question.missing,
        },
        "target": target_json(design.target),
        "l2": answer.search.l2,
        "criterion": answer.criterion,
        "chosen": answer.size,
        "sizes": [size_json(line, answer) for line in answer.lines()],
        "rivals": rivals_json(answer),
        "formula": screen.formula(answer.chosen, answer.design),
        "caution": caution().removeprefix("caution: "),
        "interrupted": answer.interrupted,
    }


def target_json(target: Target) -> dict[str, Any]:
    """What is explained."""
    found: dict[str, Any] = {"column": target.name, "task": target.task, "levels": target.levels}
    found |= {} if target.delta is None else {"delta": target.delta}
    if target.event is None:
        return found
    return found | {"event": target.event, "ties": target.ties, "strata": target.stratified}


def size_json(line: Line, answer: Answer) -> dict[str, Any]:
    """One size."""
    result = line.result
    return {
        "size": line.size,
        "columns": list(answer.labels(result.support)),
        "terms": list(result.names_in_support),
        "intercept": model.number(result.intercept),
        "coefficients": {result.names[j]: model.number(result.coef[j]) for j in result.support},
        "rss" if answer.linear else "deviance": line.fit,
        "r2" if answer.linear else "d2": line.explained,
        "loss": result.loss,
        "objective": result.objective,
        "lower_bound": result.lower_bound,
        "gap": result.gap,
        "status": line.word,
        "criteria": criteria(result) | validated(line.size, answer),
        "entered": list(line.entered),
        "left": list(line.left),
        "nodes": result.n_nodes,
        "seconds": result.elapsed,
    }


def criteria(result) -> dict[str, float | None]:
    """Every information criterion, None where it is not defined."""
    from ..errors import EllzeroError

    values: dict[str, float | None] = {}
    for name in CRITERIA:
        try:
            values[name] = result.criterion(name)
        except EllzeroError:  # Cp needs more rows than columns, adjusted R2 a linear model
            values[name] = None
    return values


def validated(k: int, answer: Answer) -> dict[str, float | None]:
    """Cross-validated loss and its standard error, where that chose."""
    return {"cv": answer.scores.get(k), "cv_standard_error": answer.spread[k]} if k in answer.spread else {}


def rivals_json(answer: Answer) -> dict[str, Any] | None:
    """The models near the chosen one."""
    near = answer.near
    if near is None:
        return None
    return {
        "within": near.within,
        "complete": near.complete,
        "models": [
            {"columns": list(answer.labels(support)), "objective": value, "worse": answer.worse(value)}
            for support, value in sorted(near.others, key=lambda pair: pair[1])
        ],
    }


def as_csv(answer: Answer) -> str:
    """One tidy row for each size."""
    fit, explained = ("rss", "r2") if answer.linear else ("deviance", "d2")
    columns = ["size", "chosen", fit, explained, answer.criterion, "lower_bound", "gap", "status", "seconds", "columns"]
    rows = [
        [
            line.size,
            int(line.size == answer.size),
            line.fit,
            line.explained,
            line.score,
            line.result.lower_bound,
            line.result.gap,
            line.word,
            line.result.elapsed,
            " + ".join(answer.labels(line.result.support)),
        ]
        for line in answer.lines()
    ]
    return Table(columns, rows).to_csv() + "\n"


def tables(answer: Answer) -> list[Table]:
    """Sizes, coefficients and rivals as three tables."""
    header, rows = screen.size_table(answer.lines(), answer)
    found = [Table(header, rows, "Best model of each size"), coefficients(answer)]
    if answer.near is not None and answer.near.others:
        nearest = sorted(answer.near.others, key=lambda pair: pair[1])
        swaps = [
            [swap(*answer.change(answer.chosen.support, s)), messages.percent(answer.worse(v))] for s, v in nearest
        ]
        found.append(Table(["swap", "loss higher by"], swaps, screen.rival_lines(answer)[0].rstrip(":")))
    return found


def coefficients(answer: Answer) -> Table:
    """The chosen model."""
    summary = answer.chosen.summary()
    return Table(summary.columns, summary.rows, f"Chosen model: size {answer.size}")


def caution() -> str:
    """The caution in one line."""
    return messages.CAUTION.replace("\n", " ")


def opening(answer: Answer) -> list[str]:
    """Sentences before the tables."""
    return [
        screen.data_line(answer.source, answer.design),
        answer.design.target.describe(answer.asked),
        screen.choice(answer),
    ]


def as_markdown(answer: Answer) -> str:
    """A page of Markdown."""
    parts = [f"# {answer.design.target.name} in {answer.source}", *opening(answer)]
    for table in tables(answer):
        parts += [f"## {table.title}", table.to_markdown()]
    return (
        "\n\n".join(
            [*parts, *(f"`{line}`" for line in screen.formula(answer.chosen, answer.design).splitlines()), caution()]
        )
        + "\n"
    )


def as_latex(answer: Answer) -> str:
    """Tables to input into a paper that loads booktabs."""
    parts = [f"% {sentence}" for sentence in opening(answer)]
    for table in tables(answer):
        parts += [f"% {table.title}", table.to_latex()]
    return "\n".join([*parts, f"% {caution()}"]) + "\n"


def as_html(answer: Answer) -> str:
    """One page that needs nothing else."""
    title = html.escape(f"{answer.design.target.name} in {answer.source}")
    equation = html.escape(screen.formula(answer.chosen, answer.design)).replace("\n", "<br>")
    paragraphs = "\n".join(f"<p>{html.escape(sentence)}</p>" for sentence in opening(answer))
    bodies = "\n".join(table.to_html() for table in tables(answer))
    closing = f"<p><code>{equation}</code></p>\n<p>{html.escape(caution())}</p>"
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n{paragraphs}\n{bodies}\n{closing}\n</body>\n</html>\n"
    )


STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#1a1a1a}"
    "table{border-collapse:collapse;margin:1.5em 0;font-variant-numeric:tabular-nums}"
    "caption{text-align:left;font-weight:600;padding:.3em 0}th,td{padding:.2em .8em;text-align:left}"
    "thead th{border-bottom:2px solid #1a1a1a}tbody td{border-bottom:1px solid #ddd}"
)


def version() -> str:
    """Version of the installed package."""
    from importlib.metadata import version

    return version("ellzero")


WRITERS: dict[str, Callable[[Answer], str]] = {
    ".json": lambda answer: output.to_json(as_json(answer)),
    ".csv": as_csv,
    ".md": as_markdown,
    ".tex": as_latex,
    ".html": as_html,
}
