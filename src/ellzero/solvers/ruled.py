"""Moves within the rules on which units go together: every state that they offer is an allowed support."""

import numpy as np

from .._kernels.rules import entrants, unmet
from .modelled import TRIES
from .moves import Moves, State

CANDIDATES = 256  # units that are considered together with those that they need


class RuledMoves(Moves):
    """Moves of another kind, those left out that break a rule.

    Single units enter and leave where the rules allow it, and pairs are exchanged of which the result is allowed.
    `together` lets a unit enter with those that it needs, `apart` lets one leave with those that need it.

    Parameters
    ----------
    inner : Moves
        What scores and fits; it knows no rules.
    """

    def __init__(self, inner: Moves):
        super().__init__(inner.problem)
        self.inner, self.rules, self.usable = inner, inner.problem.rules, inner.problem.usable
        self.count = np.zeros(self.rules.n_units, np.int32)
        self.needs: dict[int, list[tuple[int, ...]]] = {}
        for child, needed in self.rules.requires:
            self.needs.setdefault(child, []).append(needed)

    def watched_by(self, watch):
        super().watched_by(watch)
        self.inner.watched_by(watch)

    def start(self):
        units = self.rules.completed() or ()
        state = self.inner.at(units)
        return self.inner.start() if state is None else state

    def at(self, units):
        return self.inner.at(units) if self.rules.allows(units) else None

    def add(self, state, units):
        return self.inner.add(state, units) if self.rules.allows((*state.units, *units)) else None

    def add_gains(self, state):
        return np.where(self._entrants(state.units), self.inner.add_gains(state), -np.inf)

    def add_values(self, state, banned=frozenset()):
        return self.inner.add_values(state, self._barred(state, banned))

    def grow(self, state, banned=frozenset()):
        """One unit more where one alone may enter, else the fewest that may enter together."""
        grown = self.inner.grow(state, self._barred(state, banned))
        if grown is not None:
            return grown
        return min(self.together(state, self.rules.n_units, banned), key=lambda found: found.size, default=None)

    def shrink(self, state):
        """One unit less where one alone may leave, else the fewest that may leave together."""
        loss = self.drop_losses(state)
        weak = [state.units[s] for s in np.argsort(loss, kind="stable")[:TRIES] if np.isfinite(loss[s])]
        shrunk = [self.inner.remove(state, u) for u in weak]
        if shrunk:
            return min(shrunk, key=lambda found: found.value)
        return max(self.apart(state), key=lambda found: found.size, default=None)

    def remove(self, state, unit):
        """The state without a unit and without those that need it."""
        for u in self._leaving(state.units, unit) or ():
            state = self.inner.remove(state, u)
        return state

    def swap(self, state, pairs=None):
        allowed = np.zeros((state.size, self.rules.n_units), bool)
        for s, unit in enumerate(state.units):
            if unit not in self.forced:
                allowed[s] = self._entrants(tuple(u for u in state.units if u != unit))
                allowed[s, unit] = False
        return self.inner.swap(state, allowed if pairs is None else allowed & pairs)

    def drop_values(self, state):
        return np.where(self._droppable(state.units), self.inner.drop_values(state), np.inf)

    def drop_losses(self, state):
        return np.where(self._droppable(state.units), self.inner.drop_losses(state), np.inf)

    def reach(self, state):
        return np.inf

    def replaceable(self, state, reach):
        """Positions of the units that may leave, with those that need them."""
        return np.array([s for s, u in enumerate(state.units) if self._leaving(state.units, u)], dtype=np.intp)

    def together(self, state, most, banned=frozenset()):
        gains = np.where(self.usable, np.maximum(self.inner.add_gains(state), 0.0), 0.0)
        lone = self.usable & ~self._entrants(state.units)
        candidates = [u for u in self.needs if lone[u] and u not in banned and u not in state.units]
        candidates.sort(key=lambda u: (-gains[u], u))
        trials = set()
        for u in candidates[:CANDIDATES]:
            company = self._company(state, u, gains, banned)
            if company is not None and 1 < len(company) <= most:
                trials.add(tuple(sorted(company)))
        return self._best_of_each(trials, lambda units: -sum(gains[u] for u in units), lambda u: self.add(state, u))

    def apart(self, state):
        loss = dict(zip(state.units, self.inner.drop_losses(state).tolist(), strict=True))
        trials = set()
        for u in state.units:
            leaving = self._leaving(state.units, u)
            if leaving is not None and len(leaving) > 1:
                trials.add(tuple(sorted(leaving)))
        return self._best_of_each(trials, lambda units: sum(loss[u] for u in units), lambda u: self._without(state, u))

    def _best_of_each(self, trials, rank, make) -> list[State]:
        """The best state for each number of units that move, of the few best ranked."""
        best: dict[int, State] = {}
        tried: dict[int, int] = {}
        for units in sorted(trials, key=lambda units: (rank(units), units)):
            size = len(units)
            if tried.get(size, 0) >= TRIES:
                continue
            state = make(units)
            if state is None:
                continue
            tried[size] = tried.get(size, 0) + 1
            if size not in best or state.value < best[size].value:
                best[size] = state
        return list(best.values())

    def _company(self, state: State, unit: int, gains, banned) -> set[int] | None:
        """A unit and what it needs beside the state, the most promising where there is a choice."""
        company, waiting = {unit}, [unit]
        inside = set(state.units)
        while waiting:
            for needed in self.needs.get(waiting.pop(), ()):
                if any(u in inside or u in company for u in needed):
                    continue
                open_ = [u for u in needed if self.usable[u] and u not in banned]
                if not open_:
                    return None
                parent = max(open_, key=lambda u: (gains[u], -u))
                company.add(parent)
                waiting.append(parent)
        return company

    def _leaving(self, units, unit) -> list[int] | None:
        """A unit and those that lack something without it; None where a forced one is among them."""
        inside, leaving = self._inside(units), [unit]
        inside[unit] = 0
        while (row := unmet(inside, self.rules.tables)) >= 0:
            leaving.append(self.rules.requires[row][0])
            inside[leaving[-1]] = 0
        return None if self.forced & set(leaving) else leaving

    def _without(self, state: State, units) -> State:
        for u in units:
            state = self.inner.remove(state, u)
        return state

    def _inside(self, units) -> np.ndarray:
        inside = np.zeros(self.rules.n_units, np.int8)
        inside[list(units)] = 1
        return inside

    def _entrants(self, units) -> np.ndarray:
        """Units of which each makes a support that the rules allow together with some units."""
        allowed = np.empty(self.rules.n_units, np.bool_)
        entrants(self._inside(units), self.rules.tables, self.count, allowed)
        return allowed & self.usable

    def _barred(self, state: State, banned) -> frozenset[int]:
        return banned | frozenset(np.flatnonzero(~self._entrants(state.units)).tolist())

    def _droppable(self, units) -> np.ndarray:
        """Which units of a state may leave alone."""
        return np.array([self._leaving(units, u) == [u] for u in units], dtype=bool)
