"""Forward, backward and bidirectional stepwise selection, by loss or by criterion."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from .. import _checks as checks
from .. import criteria
from ..criteria import Sample
from ..problem import Problem
from ..result import Status, TraceStep
from .base import Answer, Solver, sample_of
from .bounds import bound_when_asked
from .exchange import most_units, penalised
from .moves import Moves, State, moves_for, unwatched

DIRECTIONS = ("forward", "backward", "both")
STAGE = "stepwise"
SLACK = 1e-10  # smallest improvement of a criterion that makes a step, as 1e-7 in R's `step` guards against cycling


class TimeUp(Exception):
    """The clock stopped in the middle of a step; what was there before the step stands."""


@dataclass(frozen=True)
class Stepwise(Solver):
    """One unit in or out at a time, whichever improves most; greedy, without proof.

    Parameters
    ----------
    direction : {"both", "forward", "backward"}, default="both"
        ``forward`` starts from the forced units, ``backward`` from all; ``both`` starts from the forced units and may
        drop again what it took.
    criterion : {"aic", "bic", "ebic", "aicc", "gic", "cp", "adjr2", "loss"}, default="aic"
        What a step must improve. With ``loss`` the search goes on to exactly ``problem.k`` units.

    Notes
    -----
    As R's ``step``: every unit that may enter or leave is scored exactly, the best step is taken while it improves the
    criterion; above ``problem.k`` units it goes on down in any case. With a ridge the penalised loss takes the place of
    the loss. Under rules a unit enters or leaves where the rules allow it: an interaction not before what it needs.

    The clock and Ctrl-C are heard between additions of columns and between fits, also while the model of all units is
    made. A backward walk that is stopped above ``problem.k`` units keeps those that would be missed most.

    References
    ----------
    Efroymson (1960), "Multiple regression analysis".

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(50, 6))
    >>> problem = Problem.from_data(X, X[:, 2] - 3 * X[:, 5] + 0.1 * X[:, 0] ** 2, k=6)
    >>> for step in Stepwise(criterion="bic").solve(problem).trace[:3]:
    ...     print(step.k, step.entered, step.left)
    0 () ()
    1 ('x5',) ()
    2 ('x2',) ()
    """

    name: ClassVar[str] = "stepwise"
    guarantee: ClassVar[str] = "greedy, no proof"
    direction: Literal["both", "forward", "backward"] = "both"
    criterion: str = "aic"

    def __post_init__(self):
        checks.one_of("direction", self.direction, DIRECTIONS)
        checks.one_of("criterion", self.criterion, (*criteria.CRITERIA, "loss"))

    def refuses(self, problem):
        if self.criterion == "loss" and problem.k is None:
            return "by loss alone the largest model always wins. Hint: give k, or a criterion."
        return None

    def search(self, problem, clock):
        moves, sample = moves_for(problem), sample_of(problem)
        walk = _Walk(problem, moves, sample, self)

        def watch():
            clock.tick(STAGE, message="between two steps")
            if clock.stopped:
                raise TimeUp

        state, status = moves.start(), Status.HEURISTIC
        trace = [walk.step(state, None)]
        try:
            moves.watched_by(watch)
            if self.direction == "backward":
                state = self._all(problem, moves)
                trace = [walk.step(state, None)]
            while not clock.stopped:
                clock.tick(STAGE, message=f"{state.size} units", k=state.size, objective=penalised(problem, state))
                following = walk.best_step(state)
                if following is None:
                    break
                trace.append(walk.step(following, state))
                state = following
        except TimeUp:
            pass
        except KeyboardInterrupt:
            clock.interrupted = True
        moves.watched_by(unwatched)  # what follows is short
        if clock.stopped:
            status = Status.INTERRUPTED if clock.interrupted else Status.TIME_LIMIT
            kept = self._cut(problem, moves, state)
            trace += [walk.step(kept, state)] if kept is not state else []
            state = kept
        bound = bound_when_asked(problem, penalised(problem, state))
        return Answer(state.units, bound, status, trace=tuple(trace))

    def _all(self, problem, moves: Moves) -> State:
        """All usable units, or as many independent ones as there are."""
        state = moves.at(tuple(int(u) for u in np.flatnonzero(problem.usable)))
        if state is not None:
            return state
        state = moves.start()
        while (grown := moves.grow(state)) is not None:
            moves.watch()
            state = grown
        return state

    def _cut(self, problem, moves: Moves, state: State) -> State:
        """A state of no more units than are allowed: those that cost most when they leave alone, else the first one."""
        most = most_units(problem)
        if state.size <= most:
            return state
        loss = moves.drop_losses(state)
        order = sorted(range(state.size), key=lambda s: (-loss[s], s))[:most]
        kept = moves.at(tuple(state.units[s] for s in sorted(order)))
        return moves.start() if kept is None else kept


@dataclass(frozen=True)
class _Walk:
    """Scores of neighbours and the choice among them."""

    problem: Problem
    moves: Moves
    sample: Sample
    options: Stepwise

    def score(self, value: float, units) -> float:
        """What is minimised, at a value and a support."""
        if self.options.criterion == "loss":
            return value + self.problem.l0 * len(units)
        n_coef = sum(self.problem.rules.units[u].size for u in units)
        if not criteria.offered(value, n_coef, self.sample):
            return np.inf
        number = criteria.CRITERIA[self.options.criterion](value, n_coef, self.sample)
        return criteria.key(self.options.criterion, number)

    def best_step(self, state: State) -> State | None:
        """The best neighbour, or None where the walk ends."""
        entering, leaving = self._allowed(state)
        choices = []
        if entering:
            for u, value in enumerate(self.moves.add_values(state)):
                choices.append((float(value), (*state.units, u), u, False))
        if leaving:
            for u, value in zip(state.units, self.moves.drop_values(state), strict=True):
                choices.append((float(value), tuple(v for v in state.units if v != u), u, True))
        scored = [
            (self.score(value, units), value, drops, u) for value, units, u, drops in choices if np.isfinite(value)
        ]
        too_large = state.size > most_units(self.problem)
        if not scored:  # rules may let units leave together only
            return self.moves.shrink(state) if too_large and leaving else None
        score, _, drops, u = min(scored)
        now = self.score(state.value, state.units)
        saturated = now == np.inf and drops  # nothing is offered yet: go on to smaller models
        improves = saturated or score < now - SLACK * (1.0 + abs(now))
        if self.options.criterion != "loss" and not (improves or (drops and too_large)):
            return None
        return self.moves.remove(state, u) if drops else self.moves.at((*state.units, u))

    def _allowed(self, state: State) -> tuple[bool, bool]:
        """Whether units may enter, and whether they may leave."""
        direction, most = self.options.direction, most_units(self.problem)
        if self.options.criterion == "loss":
            return direction != "backward" and state.size < most, direction == "backward" and state.size > most
        return direction != "backward" and state.size < most, direction != "forward" or state.size > most

    def step(self, state: State, before: State | None) -> TraceStep:
        """Trace entry of a step."""
        old, new = frozenset() if before is None else before.key, state.key
        value = self.score(state.value, state.units)
        if self.options.criterion != "loss":
            value = criteria.key(self.options.criterion, value)
        return TraceStep(
            state.size, self._names(new - old) if before else (), self._names(old - new), value, self.options.criterion
        )

    def _names(self, units) -> tuple[str, ...]:
        return tuple(self.problem.names[j] for j in self.problem.rules.columns(sorted(units)))
