"""Algorithms, one field-standard name a file, and the one door to them."""

from dataclasses import fields, replace

from .. import _checks as checks
from .. import _threads as threads
from ..problem import Problem
from ..result import Result
from .auto import Auto
from .base import Solver
from .branch import Branch
from .exchange import Exchange
from .exhaustive import Exhaustive
from .mip import Mip
from .splicing import Splicing
from .stepwise import Stepwise

USUAL = {"gap": 1e-6, "random_state": None, "n_jobs": 1}
SOLVERS = (Auto, Exhaustive, Branch, Stepwise, Exchange, Splicing, Mip)

__all__ = [
    "SOLVERS",
    "Auto",
    "Branch",
    "Exchange",
    "Exhaustive",
    "Mip",
    "Solver",
    "Splicing",
    "Stepwise",
    "make_solver",
    "solve",
]


def make_solver(solver: str | Solver, **options) -> Solver:
    """Solver of a name with those of the options that it has; an instance keeps its own where they are as usual."""
    if isinstance(solver, Solver):
        given = {name: value for name, value in options.items() if value != USUAL[name]}
        return replace(solver, **{f.name: given[f.name] for f in fields(solver) if f.name in given})
    cls = {cls.name: cls for cls in SOLVERS}[checks.one_of("solver", solver, [cls.name for cls in SOLVERS])]
    known = {f.name for f in fields(cls)}
    return cls(**{name: value for name, value in options.items() if name in known})


def solve(
    problem: Problem,
    solver: str | Solver = "auto",
    *,
    gap=1e-6,
    time_limit=60.0,
    n_jobs=1,
    random_state=None,
    on_progress=None,
    start=None,
) -> Result:
    """Solve a problem; `best_subset` builds one from data and calls this.

    Parameters
    ----------
    problem : Problem
    solver : {"auto", "exhaustive", "branch", "stepwise", "exchange", "splicing", "mip"} or Solver, default="auto"
        A name, or a solver with its own options, ``ez.solvers.Branch(node_limit=100)``.
    gap : float, default=1e-6
        Relative gap at which an answer counts as optimal.
    time_limit : float, default=60.0
        Seconds; the best answer so far is returned with its true gap.
    n_jobs : int, default=1
        Threads of the search and of linear algebra; the answer does not depend on it. -1: all.
    random_state : int, Generator or None, default=None
        Seed of the random restarts; None is seed 0.
    on_progress : callable, optional
        Receives an `Event` about ten times a second.
    start : sequence of int, optional
        Columns of a known support that the search begins from (``auto`` and ``branch``).

    Returns
    -------
    Result

    Raises
    ------
    UnsupportedError
        The named solver refuses the problem; the message says why.
    ArgumentError
        An option is outside its range.
    """
    chosen = make_solver(
        solver, gap=checks.fraction("gap", gap), random_state=random_state, n_jobs=threads.number(n_jobs)
    )
    with threads.limit(n_jobs):
        return chosen.solve(problem, checks.positive("time_limit", time_limit), on_progress, start)
