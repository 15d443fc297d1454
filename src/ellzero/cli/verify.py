"""`ellzero verify`: a certificate checked against the user's own table."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from .options import NoColor, Quiet, Verbose


def verify(
    file: Path,
    /,
    *,
    data: Annotated[str, Parameter(name="--data", metavar="TABLE")],
    quiet: Quiet = False,
    verbose: Verbose = 0,
    no_color: NoColor = False,
) -> int:
    """Check a certificate against a table.

    Parameters
    ----------
    file
        Certificate written by `ellzero select --certificate`.
    data
        The table that it is about; - reads standard input.
    quiet
        Print nothing; the exit code tells.
    verbose
        -vv adds a traceback to errors.
    no_color
        No colours.
    """
    from ..certificate import Certificate
    from . import messages
    from .console import Console
    from .reading import read_table
    from .rebuild import rebuild

    console = Console(quiet, verbose, not no_color)
    if not file.exists():
        raise messages.no_certificate_file(str(file))
    certificate = Certificate.load(file)
    table = read_table(data)
    design = rebuild(certificate, table, str(file))
    claims = certificate.verify(design.X, design.y)
    if not quiet:
        report(claims, certificate, design, table, console)
    return 0


def report(claims, certificate, design, table, console) -> None:
    """Print what has been proved, and of which columns and rows nothing is said."""
    from . import messages, screen

    recipe, source = design.recipe, table.source
    console.data(
        f"{design.target.describe(design.target.task)}; {messages.count(len(recipe.parts), 'candidate')}, "
        f"{messages.count(len(design.y))} of {messages.count(recipe.n_rows, 'row')} of {source}"
    )
    known = {*recipe.question.roles.values(), *(part.column for part in recipe.parts)}
    others = [name for name in table.names if name not in known]
    for rule, names in (("forced", recipe.question.forced), ("not among the candidates", others)):
        if names:
            console.data(f"{rule}: {', '.join(names)}")
    if recipe.question.hierarchy:
        console.data(f"hierarchy: {recipe.question.hierarchy}")
    for names in recipe.question.at_most_one:
        console.data(f"at most one of: {', '.join(names)}")
    if recipe.question.missing:
        console.data(f"missing values: {recipe.question.missing}")
    if recipe.question.weight:
        console.data(f"weights: {recipe.question.weight}")
    if recipe.question.offset:
        console.data(f"offset: {recipe.question.offset}")
    if certificate.question.l2:
        console.data(f"ridge: l2 = {certificate.question.l2:g}")
    header = ["size", "objective", "lower bound", "gap", "columns"]
    rows = [
        [
            "any" if claim.k is None else str(claim.k),
            f"{claim.objective:.10g}",
            f"{claim.lower_bound:.10g}",
            screen.gap(claim.gap),
            " + ".join(part.label for part in recipe.parts_of(claim.support)),
        ]
        for claim in claims
    ]
    for line in screen.aligned([header, *rows]):
        console.data(f"  {line}")
    for condition in certificate.conditions:
        console.data(f"condition: {condition}")
    console.data(
        f"verified: {messages.count(len(claims), 'claim')} hold{'s' if len(claims) == 1 else ''} for {source}. "
        "No model of a size above has an objective below its lower bound."
    )
