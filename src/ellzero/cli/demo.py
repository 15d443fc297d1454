"""`ellzero demo`: the main job on data that ship with ellzero."""

from .options import NoColor, Quiet, Verbose

INTRODUCTION = """Salaries of 263 major league baseball players in 1987, explained by 19 columns of their records.
The same on your own table: ellzero select TABLE.csv --target COLUMN

$ ellzero select hitters.csv --target Salary --missing drop
"""

EXPLANATION = """
What it shows: for each size the best of all models with so many columns (2^19 models in all), "proven" when no other
can be better. Best models need not contain each other: see which columns leave on the way. BIC chooses the marked size;
the models nearby are listed because data seldom single out one set of columns.
Next: ellzero explain certificate | ellzero select --help"""


def demo(*, quiet: Quiet = False, verbose: Verbose = 0, no_color: NoColor = False) -> int:
    """Run `select` on the shipped Hitters data.

    Parameters
    ----------
    quiet
        Print the formula only.
    verbose
        Say on standard error what the search does.
    no_color
        No colours.
    """
    from importlib.resources import as_file, files

    from .console import Console
    from .job import Files, run
    from .recipe import Question
    from .search import Search

    console = Console(quiet, verbose, not no_color)
    if not quiet:
        console.data(INTRODUCTION)
    with as_file(files("ellzero.datasets") / "hitters.csv") as path:
        code = run(str(path), Question("Salary", missing="drop"), Search(), Files(), console)
    if not quiet:
        console.data(EXPLANATION)
    return code
