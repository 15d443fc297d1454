"""`ellzero compare`: every method on the user's own data, what each finds, what that is worth and what it costs."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from .options import (
    OUTPUT,
    QUESTION,
    SEARCH,
    Files,
    Flag,
    Fraction,
    Name,
    Names,
    NoColor,
    Number,
    Quiet,
    Seconds,
    Sets,
    Task,
    Ties,
    Verbose,
    Whole,
)

if TYPE_CHECKING:
    from ..result import Table
    from ..selection import Comparison
    from .coding import Design

FORMAT = "ellzero comparison 1"


def compare(
    data: str,
    /,
    *,
    target: Annotated[Name | None, Parameter(name=["--target", "-y"], group=QUESTION)] = None,
    k: Annotated[Whole, Parameter(group=QUESTION, show_default=False)],
    time: Annotated[Name | None, Parameter(group=QUESTION)] = None,
    event: Annotated[Name | None, Parameter(group=QUESTION)] = None,
    ties: Annotated[Ties | None, Parameter(group=QUESTION)] = None,
    strata: Annotated[Name | None, Parameter(group=QUESTION)] = None,
    task: Annotated[Task, Parameter(group=QUESTION)] = "auto",
    forced: Annotated[Names, Parameter(group=QUESTION)] = [],  # noqa: B006 - never changed
    forbidden: Annotated[Names, Parameter(group=QUESTION)] = [],  # noqa: B006
    hierarchy: Annotated[Literal["strong", "weak"] | None, Parameter(group=QUESTION)] = None,
    at_most_one: Annotated[Sets, Parameter(group=QUESTION)] = [],  # noqa: B006
    missing: Annotated[Literal["drop", "impute", "indicator"] | None, Parameter(group=QUESTION)] = None,
    max_levels: Annotated[Whole | None, Parameter(group=QUESTION, show_default=False)] = None,
    sample_weight: Annotated[Name | None, Parameter(group=QUESTION)] = None,
    offset: Annotated[Name | None, Parameter(group=QUESTION)] = None,
    huber_delta: Annotated[Number | None, Parameter(group=QUESTION)] = None,
    l2: Annotated[float, Parameter(group=SEARCH)] = 0.0,
    solver: Annotated[list[str], Parameter(group=SEARCH, negative=(), show_default=False)] = [],  # noqa: B006
    no_proof: Annotated[Flag, Parameter(group=SEARCH)] = False,
    time_limit: Annotated[Seconds, Parameter(group=SEARCH)] = 60.0,
    gap: Annotated[Fraction, Parameter(group=SEARCH)] = 1e-6,
    random_state: Annotated[Whole, Parameter(group=SEARCH)] = 0,
    n_jobs: Annotated[Whole, Parameter(group=SEARCH)] = 1,
    output: Annotated[Files, Parameter(name=["--output", "-o"], group=OUTPUT)] = [],  # noqa: B006
    json: Annotated[Flag, Parameter(group=OUTPUT)] = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
    no_color: NoColor = False,
) -> int:
    """Answer one question about DATA by every method that takes it, in one table.

    Parameters
    ----------
    data
        Table with a header: CSV, TSV, Parquet or Arrow; - reads standard input.
    target
        Column to explain.
    k
        At most so many columns; a text column counts once.
    time
        In the place of a target, with --event: column of the time until an event, as in `ellzero select`.
    event
        Column that is 1 where the time ended with the event, and 0 where it was not seen until then.
    ties
        For --time: what events at the same time count. Default: breslow.
    strata
        For --time: column of groups of rows; only rows of the same group are compared. It is no candidate.
    task
        auto is logistic for a target with two values, else linear; the others as in `ellzero select`.
    forced
        Column that is always in. Can be repeated.
    forbidden
        Column to leave out. Can be repeated.
    hierarchy
        As in `ellzero select`.
    at_most_one
        As in `ellzero select`. Can be repeated.
    missing
        What to do with missing values, as in `ellzero select`.
    max_levels
        Most levels of a text column. Default: 50, or half the rows where that is less.
    sample_weight
        Column of row weights.
    offset
        Column that is added to the linear predictor, with no coefficient.
    huber_delta
        For huber: errors beyond it, in units of the target, count linearly. Default: 1.345.
    l2
        Ridge penalty on standardised columns, in units of the mean loss.
    solver
        Method to run: exhaustive, branch, exchange, splicing, stepwise, mip, ... Can be repeated. Default: all.
    no_proof
        Leave out the methods that prove; the excess is then over the best bound that the others have.
    time_limit
        For all methods together: 60, 60s, 2m.
    gap
        An answer counts as proven when its gap is at most this: 1% or 0.01.
    random_state
        Seed of the searches.
    n_jobs
        Processor cores to use.
    output
        Write the table as FILE.json, .csv, .md, .tex or .html. Can be repeated.
    json
        Print the comparison as JSON and nothing else.
    quiet
        Print the table only.
    verbose
        Say on standard error what the searches do; -vv adds a traceback to errors.
    no_color
        No colours; the variable NO_COLOR does the same.
    """
    from . import messages
    from . import output as writing
    from .coding import encode
    from .console import Console
    from .exits import Exit
    from .reading import read_table
    from .recipe import Question
    from .search import Search
    from .target import check_question

    question = Question(target, task, sample_weight, missing, tuple(forced), tuple(forbidden), max_levels, hierarchy,
                        tuple(at_most_one), offset, huber_delta, time, event, ties, strata)  # fmt: skip
    check_question(question)
    for path in output:
        if path.suffix.lower() not in WRITERS:
            raise messages.unknown_ending(str(path), list(WRITERS))
    writing.check_targets([("-o", path) for path in output], data)
    console = Console(quiet, verbose, not no_color)
    table = read_table(data)
    design = encode(table, question)
    for note in design.notes:
        console.note(note)
    search = Search(k=k, l2=l2, time_limit=time_limit, gap=gap, random_state=random_state, n_jobs=n_jobs)
    found = run(design, search, solver, not no_proof, console)
    document = {"source": table.source, "design": design, "asked": task, "found": found}
    for path in output:
        writing.write_text(path, WRITERS[path.suffix.lower()](**document))
    if json:
        console.data(as_json(**document))
    elif quiet:
        console.data(str(short(found, design)))
    else:
        show(console, **document)
        for path in output:
            console.data(f"wrote {path}")
    return Exit.INTERRUPTED if found.interrupted else Exit.DONE


def run(design: "Design", search, solvers, certify: bool, console) -> "Comparison":
    """Ask every method; Ctrl-C keeps the answers until then."""
    from .. import selection
    from . import kernels, messages

    (size,) = search.sizes(design)
    if kernels.first_run():
        console.note(messages.COMPILING)
    with console.notes_for_warnings(), console.progress() as listen:
        return selection.compare(
            design.columns,
            design.y,
            k=size,
            solvers=solvers or None,
            certify=certify,
            gap=search.gap,
            time_limit=search.time_limit,
            on_progress=listen,
            **search.problem(design),
        )


def opening(source: str, design: "Design", asked: str) -> list[str]:
    """Sentences before the table."""
    from . import screen

    return [screen.data_line(source, design), design.target.describe(asked)]


def closing(found: "Comparison", design: "Design") -> list[str]:
    """Sentences after the table: what is proved, who is missing, the best model."""
    from . import screen
    from .messages import in_flags

    best = screen.formula(found.best, design).splitlines()  # several classes have one each
    return [*(in_flags(fact) for fact in found.facts), *(f"best found  {line}" for line in best)]


def short(found: "Comparison", design: "Design") -> "Table":
    """The table as it fits on a screen."""
    from ..result import Table
    from . import screen

    fit = "RSS" if design.target.task == "linear" else "deviance"
    over = next(title for title in found.table().columns if title.startswith("over"))
    rows = [
        [
            row["solver"],
            2 * found[str(row["solver"])].n_samples * found[str(row["solver"])].loss,
            None if row[over] is None else f"{row[over]:.3g} %",
            f"{row['shared']:.2f}",
            row["size"],
            screen.gap(found.gap(found[str(row["solver"])])),
            f"{row['seconds']:.2f}",
            f"{row['CPU seconds']:.2f}",
            row["guarantee"],
        ]
        for row in found.table().to_dicts()
    ]
    return Table(["method", fit, over.rstrip(" %"), "shared", "size", "gap", "seconds", "CPU", "what is known"], rows)


def show(console, source: str, design: "Design", asked: str, found: "Comparison") -> None:
    """Print everything."""
    from . import messages

    for line in [*opening(source, design, asked), str(short(found, design)), *closing(found, design), messages.CAUTION]:
        console.data(line)


def as_json(source: str, design: "Design", asked: str, found: "Comparison") -> str:
    """Everything found, in plain lists, numbers and text."""
    from . import document, model, output

    recipe = design.recipe
    methods: list[dict[str, Any]] = []
    for contender in found.contenders:
        result = contender.result
        methods.append({
            "method": contender.name,
            "columns": [part.label for part in recipe.parts_of(result.support)],
            "terms": list(result.names_in_support),
            "intercept": model.number(result.intercept),
            "coefficients": {result.names[j]: model.number(result.coef[j]) for j in result.support},
            "objective": result.objective,
            "loss": result.loss,
            "lower_bound": found.lower_bound,
            "gap": found.gap(result),
            "size": result.k,
            "status": result.status.value,
            "known": contender.guarantee,
            "seconds": contender.seconds,
            "cpu_seconds": contender.cpu_seconds,
        })  # fmt: skip
    return output.to_json({
        "format": FORMAT,
        "ellzero": document.version(),
        "data": {"source": source, "rows_read": recipe.n_rows, "rows_used": len(design.y), "terms": list(recipe.terms)},
        "target": {**document.target_json(design.target), "asked": asked},
        "optimum": found.optimum,
        "lower_bound": found.lower_bound,
        "methods": methods,
        "absent": [{"method": a.name, "reason": a.reason} for a in found.absent],
        "interrupted": found.interrupted,
    })  # fmt: skip


def as_csv(source: str, design: "Design", asked: str, found: "Comparison") -> str:
    """One tidy row for each method."""
    from ..result import Table

    full = found.table()
    labels = [" + ".join(part.label for part in design.recipe.parts_of(c.result.support)) for c in found.contenders]
    rows = [[*row, names] for row, names in zip(full.rows, labels, strict=True)]
    return Table([*full.columns, "columns"], rows).to_csv() + "\n"


def as_markdown(source: str, design: "Design", asked: str, found: "Comparison") -> str:
    """A page of Markdown."""
    parts = [f"# {design.target.name} in {source}", *opening(source, design, asked), found.table().to_markdown()]
    return "\n\n".join([*parts, *closing(found, design)]) + "\n"


def as_latex(source: str, design: "Design", asked: str, found: "Comparison") -> str:
    """A table to input into a paper that loads booktabs."""
    before, after = opening(source, design, asked), closing(found, design)
    return "\n".join([*(f"% {s}" for s in before), found.table().to_latex(), *(f"% {s}" for s in after)]) + "\n"


def as_html(source: str, design: "Design", asked: str, found: "Comparison") -> str:
    """One page that needs nothing else."""
    import html

    from .document import STYLE

    title = html.escape(f"{design.target.name} in {source}")
    before, after = (
        "\n".join(f"<p>{html.escape(sentence)}</p>" for sentence in sentences)
        for sentences in (opening(source, design, asked), closing(found, design))
    )
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n{before}\n{found.table().to_html()}\n{after}\n"
        "</body>\n</html>\n"
    )


WRITERS = {".json": as_json, ".csv": as_csv, ".md": as_markdown, ".tex": as_latex, ".html": as_html}
