"""The k-path engine: for every size a support that no swap improves, by sweeps over the sizes and random kicks."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .. import _checks as checks
from .._progress import Clock
from ..problem import Problem
from ..result import Status
from .base import Answer, Solver
from .bounds import bound_when_asked
from .moves import GramMoves, Moves, State, moves_for
from .refit import fit_support
from .relaxation import relaxes

LOOK_AHEAD = 10  # sizes tried beyond the best before a penalised search ends
PATIENCE = 0.25  # further ones, as a share of the best size, where moves need refits
KICK = 7  # most units that a perturbation replaces
FEW = 1000  # columns up to which a start is found without the compiled sweeps
THOROUGH = 4  # effort from which on there are more starts, and pairs are exchanged, too
SMALL = 1e6  # rows times columns up to which perturbing is cheap where moves need refits
BEYOND = 10  # one size in so many is added past the largest: shrinking larger supports is what improves the last sizes


class KPath:
    """Best state known for every size, improved until nothing moves.

    Forward sweeps grow size k into k + 1, backward sweeps shrink k + 1 into k, and every new state descends by swaps to
    a swap optimum. A size is revisited only when its neighbour has changed since, so the sweeps end by themselves; then
    every size is perturbed at random and the sweeps start again, `effort` times.
    """

    def __init__(self, moves: Moves, clock: Clock, random_state=None, effort: int = 1):
        self.moves, self.clock, self.effort = moves, clock, effort
        self.rng = checks.random_state(random_state)
        self.best: dict[int, State] = {}
        self.changes: dict[int, int] = {}
        self.seen: dict[frozenset[int], float] = {}
        self.paired: dict[int, int] = {}

    def run(self, largest: int, worthwhile=None, hopeful=lambda best, k: True) -> dict[int, State]:
        """Fill the sizes up to `largest`.

        `worthwhile(best, k)` may end the first forward sweep earlier, `hopeful(best, k)` says which sizes to perturb.
        """
        start = self.moves.start()
        self.best[start.size], self.changes[start.size] = start, 1
        try:
            self._first_sweep(max(self.past(largest), largest), worthwhile)
            self._settle()
            if self.effort:
                self._start_elsewhere()
                self._settle()
            for _ in range(self.effort):
                if self._perturb(hopeful):
                    self._settle()
            while self.effort >= THOROUGH and self._exchange_pairs(hopeful):
                self._settle()
        except KeyboardInterrupt:
            self.clock.interrupted = True
        return {k: state for k, state in sorted(self.best.items()) if k <= largest}

    def past(self, largest: int) -> int:
        """Largest size that is searched for the sake of those up to `largest`."""
        return min(largest + -(-largest // BEYOND), int(self.moves.problem.usable.sum()))

    def _first_sweep(self, largest, worthwhile):
        self.used, self.limit = {"forward": {}, "backward": {}}, largest
        k = min(self.best)
        while k < largest and (worthwhile is None or worthwhile(self.best, k)):
            if self.clock.stopped and k > min(self.best):
                break
            self.clock.tick("path", message=f"size {k + 1} of {largest}", done=k + 1, total=largest, k=k + 1)
            if not self._forward(k):
                break
            k = min(size for size in self.best if size > k)  # rules may leave a size out
        self.largest = max(self.best)

    def _forward(self, k) -> bool:
        """Grow size k; False where no independent unit is left."""
        self.used["forward"][k] = self.changes[k]
        state = self.best[k]
        grown = self.moves.grow(state)
        if grown is not None:
            self._offer(grown)
        for other in self.moves.together(state, self.limit - k):
            self._offer(other)
        return grown is not None

    def _backward(self, k):
        self.used["backward"][k] = self.changes[k]
        state = self.best[k]
        shrunk = self.moves.shrink(state)
        if shrunk is not None:
            self._offer(shrunk)
        for other in self.moves.apart(state):
            self._offer(other)

    def _settle(self):
        """Sweep forward and backward until no size improves."""
        moving = True
        while moving and not self.clock.stopped:
            before, sizes = dict(self.changes), sorted(self.best)
            for k in sizes[:-1]:
                if self.used["forward"].get(k) != self.changes[k] and not self.clock.stopped:
                    self._forward(k)
            for k in reversed(sizes[1:]):
                if self.used["backward"].get(k) != self.changes[k] and not self.clock.stopped:
                    self._backward(k)
            self.clock.tick("path", message="sweeping", done=self.largest, total=self.largest)
            moving = before != self.changes

    def _start_elsewhere(self):
        """Offer supports that the sweeps do not come from."""
        if self.effort >= THOROUGH:
            from .starts import starts

            for state in starts(self.moves, self.largest, self.clock):
                self._offer(state)

    def _perturb(self, hopeful) -> bool:
        """Replace a few random units at every size that is hopeful; True if some size improved."""
        improved = False
        for k in sorted(self.best):
            free = k - len(self.moves.forced)
            if free < 2 or self.clock.stopped or not hopeful(self.best, k):
                continue
            state, out = self.best[k], set()
            reach = self.moves.reach(state)  # those that no exchange could replace stay
            for _ in range(min(free - 1, 2 + int(self.rng.integers(max(1, min(free // 3, KICK - 1)))))):
                where = self.moves.replaceable(state, reach)
                if where.size == 0:
                    break
                loss = self.moves.drop_losses(state)
                a, b = self.rng.choice(where, 2)
                unit = state.units[a if loss[a] < loss[b] else b]  # the weaker of two tries
                out.add(unit)
                state = self.moves.remove(state, unit)
            for other in self.moves.together(state, k - state.size, frozenset(out)):
                improved |= self._offer(other)
            while state is not None and state.size < k:
                state = self.moves.grow(state, frozenset(out))
            if state is not None and out:
                improved |= self._offer(state)
            self.clock.tick("path", message=f"perturbing size {k}", done=k, total=self.largest, k=k)
        return improved

    def _exchange_pairs(self, hopeful) -> bool:
        """Exchange two units at once at every size that is hopeful; True if some size improved."""
        improved = False
        for k in sorted(self.best):
            if self.clock.stopped or self.paired.get(k) == self.changes[k] or not hopeful(self.best, k):
                continue
            self.paired[k] = self.changes[k]
            for state in self.moves.pairs(self._state(k)):
                if min(self.best) <= state.size <= max(self.best):
                    improved |= self._offer(state)
            self.clock.tick("path", message=f"exchanging pairs at size {k}", done=k, total=self.largest, k=k)
        return improved

    def _state(self, k: int) -> State:
        """The best state of a size, with its facts."""
        return self.best[k]

    def _offer(self, state: State) -> bool:
        """Descend from a state by swaps and keep the end if it is the best of its size."""
        size = state.size
        while state.key not in self.seen:
            self.seen[state.key] = state.value
            if self._better(state):  # kept at once, so that an interrupt loses nothing
                self._keep(state)
            swapped = None if self.clock.stopped else self.moves.swap(state)
            if swapped is None:
                break
            state = swapped
        return size in self.best and self.best[size] is state

    def _better(self, state) -> bool:
        best = self.best.get(state.size)
        return best is None or state.value < best.value - 0.5 * self.moves.tolerance

    def _keep(self, state):
        self.best[state.size] = state
        self.changes[state.size] = self.changes.get(state.size, 0) + 1


def penalised(problem: Problem, state: State) -> float:
    """Objective of a state: its value and the price of its units."""
    return state.value + problem.l0 * state.size


def affordable(problem: Problem):
    """Rule that ends a forward sweep where the price alone exceeds the best objective, or looks back too far."""
    share = 1.0 if _may_fall_late(problem) else PATIENCE

    def worthwhile(best, k):
        if problem.l0 == 0:
            return True
        values = {size: penalised(problem, state) for size, state in best.items()}
        leader = min(values, key=values.__getitem__)
        return problem.l0 * (k + 1) < values[leader] and k < leader + LOOK_AHEAD + share * leader

    return worthwhile


def hopeful_sizes(problem: Problem):
    """Rule that says of which sizes the best may still be improved by more than it lags behind.

    A size lags too far where it would not be the best even with the value of the next larger one.
    """
    all_sizes = problem.l0 == 0 or _may_fall_late(problem)

    def hopeful(best, k):
        if all_sizes:
            return True
        larger = min((size for size in best if size > k), default=k)
        lowest = min(best[k].value, best[larger].value) + problem.l0 * k
        return lowest < min(penalised(problem, state) for state in best.values())

    return hopeful


def _may_fall_late(problem: Problem) -> bool:
    """Whether values are watched at all sizes: moves are cheap, or a loss may fall to zero where classes separate."""
    return problem.loss.name == "squared" or not relaxes(problem)


def most_units(problem: Problem) -> int:
    """Largest size worth a look: k, the usable units, and the rows where nothing else limits the fit."""
    most = int(problem.usable.sum())
    if problem.k is not None:
        most = min(most, problem.k)
    return most


def usual_effort(problem: Problem) -> int:
    """Rounds of perturbations where nobody says: one, but none of many columns whose moves need refits."""
    return 1 if problem.closed_form or problem.y.shape[0] * problem.n_features <= SMALL else 0


def path_engine(
    problem: Problem, clock: Clock, random_state=None, effort: int | None = None, for_start: bool = False
) -> KPath:
    """The engine that fits the problem.

    With `for_start` a search begins from what it finds: on few columns that is found long before the sweeps would be
    compiled.
    """
    effort = usual_effort(problem) if effort is None else effort
    small = for_start and problem.n_features <= FEW
    if not small and problem.closed_form and not problem.rules.coupled:
        return _sweeps(problem, clock, random_state, effort)
    return KPath(moves_for(problem), clock, random_state, effort)


def best_state(
    problem: Problem, clock: Clock, random_state=None, effort: int | None = None, for_start: bool = True
) -> State:
    """Best support of at most k units that the path engine finds."""
    if for_start and _only_limits(problem):
        state = _where_no_limit_binds(problem, clock, random_state, effort)
        if state is not None:
            return state
    walk = path_engine(problem, clock, random_state, effort, for_start)
    return _best(problem, walk)


def _best(problem: Problem, walk: KPath) -> State:
    """The best of all sizes, fitted once more: beside columns that lie close together moves lose digits."""
    path = walk.run(most_units(problem), affordable(problem), hopeful_sizes(problem))
    found = min(path.values(), key=lambda state: (penalised(problem, state), state.size))
    fit = fit_support(problem, problem.rules.columns(found.units))
    return State(tuple(sorted(found.units)), fit.value, {"given": fit})


def _only_limits(problem: Problem) -> bool:
    """Whether limits are all that keeps the compiled sweeps, which know none, from many columns."""
    wide = problem.loss.name == "squared" and problem.n_features > FEW
    return wide and problem.penalty.limited and problem.penalty.l1 == 0 and not problem.rules.coupled


def _where_no_limit_binds(problem: Problem, clock: Clock, random_state, effort: int | None) -> State | None:
    """What the compiled sweeps find without the limits, if it keeps them."""
    found = _best(problem, _sweeps(problem, clock, random_state, effort))
    fit, penalty = found.facts["given"], problem.normal.penalty
    lower, upper = (np.broadcast_to(side, problem.n_features)[fit.columns] for side in (penalty.lower, penalty.upper))
    return None if ((fit.gamma <= lower) | (fit.gamma >= upper)).any() else found


def _sweeps(problem: Problem, clock: Clock, random_state, effort: int | None) -> KPath:
    from .grampath import GramPath

    effort = usual_effort(problem) if effort is None else effort
    return GramPath(GramMoves(problem, problem.quick_gram), clock, random_state, effort)


@dataclass(frozen=True)
class Exchange(Solver):
    """Swap search over all sizes: fast, good, without proof.

    Parameters
    ----------
    effort : int, optional
        Rounds of random perturbations after the sweeps: 0 is quick; 1 is usual (but 0 where moves need refits and rows
        times columns exceed a million), and begins from matching pursuit, too, where moves are linear solves; from 4 on
        marginal screening, least angle regression and splicing are starts, too, and pairs of units are exchanged;
        8 is thorough.
    random_state : int, Generator or None, default=None
        Seed of the perturbations; None is seed 0.

    References
    ----------
    Hazimeh & Mazumder (2020), "Fast best subset selection: coordinate descent and local combinatorial optimization".

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(50, 8))
    >>> problem = Problem.from_data(X, X[:, 2] - 3 * X[:, 5], k=2)
    >>> Exchange().solve(problem).support
    array([2, 5])
    """

    name: ClassVar[str] = "exchange"
    guarantee: ClassVar[str] = "no swap that was tried improves it, no proof"
    effort: int | None = None
    random_state: object = None

    def __post_init__(self):
        if self.effort is not None:
            checks.integer_in("effort", self.effort, 0, 10**6)

    def refuses(self, problem):
        return None

    def search(self, problem, clock):
        state = best_state(problem, clock, self.random_state, self.effort, for_start=False)
        status = Status.HEURISTIC
        if clock.interrupted:
            status = Status.INTERRUPTED
        elif clock.expired:
            status = Status.TIME_LIMIT
        return Answer(state.units, bound_when_asked(problem, penalised(problem, state)), status)
