"""Splicing: a few members of a support are exchanged for as many outsiders at once, size by size."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from math import log
from typing import ClassVar

import numpy as np

from .. import _checks as checks
from ..problem import Problem
from ..result import Status
from .base import Answer, Solver
from .bounds import bound_when_asked
from .exchange import affordable, most_units, penalised
from .moves import GAIN, Moves, State, moves_for


def splice(moves: Moves, state: State, most: int, least: float) -> State | None:
    """The best exchange of 1 to `most` units at once, or None where none lowers the value by more than `least`.

    For each number C the C units that are cheapest to leave out go, and the C most promising outsiders come.
    """
    inside, usable = list(state.units), moves.problem.usable
    loss = moves.drop_losses(state)
    gain = np.where(usable, moves.add_gains(state), -np.inf)
    gain[inside] = -np.inf
    leaving = [inside[s] for s in np.argsort(loss, kind="stable") if np.isfinite(loss[s])][:most]
    entering = [int(u) for u in np.argsort(-gain, kind="stable")[:most] if gain[u] > 0]
    best = state
    for count in range(1, min(len(leaving), len(entering)) + 1):
        gone = set(leaving[:count])
        tried = moves.at((*(u for u in inside if u not in gone), *entering[:count]))
        if tried is not None and tried.value < best.value:
            best = tried
    return best if best.value < state.value - least else None


def spliced(moves: Moves, most: int, c_max: int, threshold, clock, worthwhile=lambda size: True) -> Iterator[State]:
    """States on the way of splicing, from the smallest size up; each size begins where the one before ended.

    `threshold(size)` is the gain that a splice must exceed, `worthwhile(size)` says whether to go beyond a size.
    """
    state = moves.start()
    while state.size < most and not clock.stopped and worthwhile(state.size):
        grown = moves.grow(state)
        if grown is None or grown.size > most:
            return
        state = grown
        yield state
        while not clock.stopped and (better := splice(moves, state, c_max, threshold(state.size))) is not None:
            state = better
            yield state


@dataclass(frozen=True)
class Splicing(Solver):
    r"""Exchange of several units at once, from the smallest size up; fast, without proof.

    At the support A, with I the columns outside it, leaving out and taking in are ranked by

    .. math::
       \xi_j = L(\hat\beta^{A \setminus \{j\}}) - L(\hat\beta^A), \quad j \in A, \qquad
       \zeta_j = L(\hat\beta^A) - L(\hat\beta^{A \cup \{j\}}), \quad j \in I,

    the backward and the forward sacrifice. For :math:`C = 1, \dots, C_{\max}` the C members of least :math:`\xi` are
    exchanged for the C outsiders of largest :math:`\zeta`; the best of these supports is kept where its objective is
    lower by more than :math:`\tau_s`, and the next splice begins there. The fixed point of size s, with its most
    promising outsider added, is where size s + 1 begins.

    Parameters
    ----------
    c_max : int, default=2
        Most units that one splice exchanges, >= 1.
    tau : float, default=0.01
        Least gain of a splice, >= 0: :math:`\tau_s = \tau\, s \log p \log\log n / n`, in shares of the empty model's
        loss, so that it does not depend on the unit of y. With 0 every gain beyond rounding counts.

    Notes
    -----
    The paper computes both sacrifices with the other coefficients held fixed. Here the others are fitted again: exactly
    for squared error with at most a ridge, by a quadratic model for other losses, groups, l1 and limits. The supports
    that a splice makes are always fitted exactly.

    Forced and forbidden columns and the rules on which columns go together are kept: a splice that would break one is
    not made. Where units may move together only, as under a hierarchy, that leaves few splices, and ``exchange`` finds
    more.

    References
    ----------
    Zhu, Wen, Zhu, Zhang & Wang (2020), "A polynomial algorithm for best-subset selection problem", PNAS 117(52),
    algorithms 1 to 3.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(50, 8))
    >>> problem = Problem.from_data(X, X[:, 2] - 3 * X[:, 5], k=2)
    >>> Splicing().solve(problem).support
    array([2, 5])
    """

    name: ClassVar[str] = "splicing"
    guarantee: ClassVar[str] = "no splice improves it by more than the threshold, no proof"
    c_max: int = 2
    tau: float = 0.01

    def __post_init__(self):
        checks.integer_in("c_max", self.c_max, 1, 10**6)
        checks.non_negative("tau", self.tau)

    def refuses(self, problem):
        return None

    def threshold(self, problem: Problem, size: int) -> float:
        """Gain that a splice of a support of this size must exceed."""
        n = problem.n_samples
        growth = log(max(problem.rules.n_units, 1)) * log(max(log(max(n, 1.0)), 1.0))
        return max(self.tau * size * growth / n * problem.null_loss, GAIN * problem.null_loss)

    def search(self, problem, clock):
        moves, worthwhile = moves_for(problem), affordable(problem)
        start = moves.start()
        best = {start.size: start}
        walk = spliced(
            moves, most_units(problem), self.c_max, partial(self.threshold, problem), clock,
            lambda size: worthwhile(best, size),
        )  # fmt: skip
        try:
            for state in walk:
                best[state.size] = state
                clock.tick("splicing", message=f"size {state.size}", k=state.size, objective=penalised(problem, state))
        except KeyboardInterrupt:
            clock.interrupted = True
        status = Status.HEURISTIC
        if clock.interrupted:
            status = Status.INTERRUPTED
        elif clock.expired:
            status = Status.TIME_LIMIT
        found = min(best.values(), key=lambda s: (penalised(problem, s), s.size))
        return Answer(found.units, bound_when_asked(problem, penalised(problem, found)), status)
