"""`ellzero geometry`: its flags; the work is in `picture.py`."""

from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from .options import (
    OUTPUT,
    Flag,
    Name,
    NoColor,
    Quiet,
    Verbose,
    Whole,
    converter,
    each,
    flag,
    parse_held,
    parse_limits,
)

SHOWN = Group("What is shown", sort_key=1)
HOW = Group("How", sort_key=2)

Numbers = Annotated[list[float], flag("NUMBER", consume_multiple=True)]
Slices = Annotated[list[dict[str, float]], flag("AXIS=VALUE,…", converter=each(parse_held), n_tokens=1)]
Limits = Annotated[
    tuple[float, float] | None,
    flag("LOW,HIGH", converter=converter(parse_limits), n_tokens=1, allow_leading_hyphen=True),
]


def geometry(
    *,
    p: Annotated[Numbers, Parameter(group=SHOWN)] = [],  # noqa: B006 - never changed
    loss: Annotated[str | None, flag("WHAT", group=SHOWN)] = None,
    target: Annotated[Name | None, Parameter(name=["--target", "-y"], group=SHOWN)] = None,
    budget: Annotated[Numbers, Parameter(group=SHOWN)] = [],  # noqa: B006
    levels: Annotated[Numbers, Parameter(group=SHOWN)] = [],  # noqa: B006
    slice: Annotated[Slices, Parameter(group=SHOWN)] = [],  # noqa: B006
    dimension: Annotated[Whole | None, Parameter(group=SHOWN, show_default=False)] = None,
    limits: Annotated[Limits, Parameter(group=SHOWN)] = None,
    resolution: Annotated[Whole | None, Parameter(group=HOW, show_default=False)] = None,
    random_state: Annotated[Whole, Parameter(name=["--random-state", "--seed"], group=HOW)] = 0,
    output: Annotated[Path | None, flag("FILE", name=["--output", "-o"], group=OUTPUT)] = None,
    json: Annotated[Flag, Parameter(group=OUTPUT)] = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
    no_color: NoColor = False,
) -> int:
    """Draw balls of norms, and where a loss touches them: why some penalties give zeros and others do not.

    Parameters
    ----------
    p
        Orders of norms, 0 to inf, one panel each: --p 2 1 .5 0. Without --loss this is the default.
    loss
        What is minimised on the balls, or is drawn alone without --p: quadratic, quartic, a table (with --target), or
        MODULE:NAME or FILE.py:NAME, a function of points of shape (m, n) or a Field; its code is run.
    target
        Column of the table that is explained; the loss is that of `ellzero select`, in coefficients of standardised
        columns.
    budget
        Radius of the balls, one for all or one for each; for p = 0 the number of nonzeros. Default: about half the
        length of the loss's minimiser, 1 without a loss.
    levels
        Levels of the loss at which contours or surfaces are drawn.
    slice
        Hold variables, for more than three of them: x3=0,x4=.2. Can be repeated where --p is not given.
    dimension
        Number of variables, before slicing, where the loss does not say it. Default: 2.
    limits
        What is shown of every variable. Default: as much as is needed.
    resolution
        Of the grids and curves.
    random_state
        Seed of the search on balls that are not convex.
    output
        Write the picture as FILE.svg, .png or .html (this one needs plotly).
    json
        Print all arrays of the picture as JSON and nothing else.
    quiet
        Print nothing but where the loss touches.
    verbose
        -vv adds a traceback to errors.
    no_color
        No colours on the screen; the variable NO_COLOR does the same.
    """
    from .console import Console
    from .picture import Request, run

    request = Request(tuple(p), loss, target, tuple(budget), tuple(levels), tuple(slice), dimension, limits, resolution,
                      random_state)  # fmt: skip
    return run(request, output, json, Console(quiet, verbose, not no_color))
