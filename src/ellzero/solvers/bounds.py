"""The bound of a problem without branching."""

from collections.abc import Callable
from functools import partial

from .._progress import Clock
from ..certificate import Tree
from ..problem import Problem
from .relaxation import relaxes, root_relaxation

BOUND_SECONDS = 10.0  # most time for a bound that is asked for when the search is over


def root_bound(problem: Problem, objective: float, clock: Clock) -> tuple[float | None, Tree | None]:
    """Bound of the whole problem at the root, and its evidence; (None, None) where none is defined.

    With a ridge or limits on both sides it is the perspective relaxation's; for squared error with independent columns
    the value of the model with all of them. `objective` is that of the answer: bounds beyond it are not needed. Once
    the clock has stopped, no relaxation is begun.
    """
    if problem.n_outputs > 1:
        return None, None
    if relaxes(problem):
        return (None, None) if clock.stopped else root_relaxation(problem, objective, clock)
    if problem.loss.name == "squared" and problem.least_eigenvalue > 0:  # l1 and limits only raise what is above it
        return problem.full_value + problem.l0 * int(problem.rules.forced.sum()), Tree.plain("superset", [-1])
    return None, None


def bound_when_asked(problem: Problem, objective: float) -> Callable[[], tuple[float | None, Tree | None]]:
    """What finds the root bound: where nobody asked for a proof, it may take many times as long as the search."""
    return partial(_bound, problem, objective)


def _bound(problem: Problem, objective: float) -> tuple[float | None, Tree | None]:
    return root_bound(problem, objective, Clock(BOUND_SECONDS))


def bounded_by_supersets(problem: Problem) -> bool:
    """Whether the least-squares value of a superset bounds its subsets provably."""
    return problem.closed_form and problem.least_eigenvalue > 0
