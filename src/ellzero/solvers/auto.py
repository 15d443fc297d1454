"""The solver that fits the problem: proof where it is practical, the swap search where it is not."""

from dataclasses import dataclass
from typing import ClassVar

from .._progress import Clock
from ..problem import Problem
from .base import Answer, Solver
from .branch import Branch
from .exchange import Exchange
from .exhaustive import Exhaustive, enumerates, practical
from .mip import Mip
from .moves import State


@dataclass(frozen=True)
class Auto(Solver):
    """Pick a solver by the problem.

    Parameters
    ----------
    gap : float, default=1e-6
        Relative gap at which an answer counts as optimal.
    random_state : int, Generator or None, default=None

    Notes
    -----
    Squared error without l1 and limits: leaps and bounds up to about 40 units, enumeration for at most three columns;
    otherwise branch and bound where a ridge or limits give it a bound; otherwise the swap search, which proves nothing.
    Leaps and bounds and enumeration take no rules on which units go together; linear rows go to the integer
    program.
    """

    name: ClassVar[str] = "auto"
    proves: ClassVar[bool] = True
    takes_rows: ClassVar[bool] = True
    takes_start: ClassVar[bool] = True
    gap: float = 1e-6
    random_state: object = None
    n_jobs: int = 1

    def choose(self, problem: Problem) -> Solver:
        """The solver that will be used."""
        if problem.linear:
            return Mip(gap=self.gap, random_state=self.random_state)
        exhaustive = Exhaustive(self.gap, self.random_state)
        branch = Branch(self.gap, None, self.random_state, self.n_jobs)
        if exhaustive.refuses(problem) is None and (practical(problem) or enumerates(problem)):
            return exhaustive
        if branch.refuses(problem) is None:
            return branch
        if exhaustive.refuses(problem) is None:
            return exhaustive  # until the time limit, with a true gap
        return Exchange(random_state=self.random_state)

    def refuses(self, problem):
        return self.choose(problem).refuses(problem) if problem.linear else None

    def search(self, problem: Problem, clock: Clock, start: State | None = None) -> Answer:
        chosen = self.choose(problem)
        if start is not None and isinstance(chosen, Branch):
            return chosen.search(problem, clock, start)
        return chosen.search(problem, clock)
