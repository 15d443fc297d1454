"""Moves at a support (grow, shrink, swap), with exact Gram scores where a fit is one linear solve.

`moves_for(problem)` picks one of two: `GramMoves` for squared error with at most a ridge and no groups, where every
add, drop and swap is scored exactly without a refit, and `ModelMoves` for everything else, where a quadratic model
ranks the moves and the few best are refitted exactly. Both speak the same small language, so that searches are written
once.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..operators import GramRows
from ..problem import Problem

DEPENDENT = 1e-8  # a column with less than this share of its norm outside the span of the others cannot enter
NEARLY = 1e-6  # the same where rows are in single precision
GAIN = 1e-10  # smallest decrease, relative to the empty model, that counts
PREFETCH = 24  # Gram rows computed together: one product for many costs little more than for one


@dataclass(slots=True, eq=False)
class State:
    """A support (units) and the value of its fit: loss plus convex penalty."""

    units: tuple[int, ...]
    value: float
    facts: dict = field(default_factory=dict)

    @property
    def size(self) -> int:
        return len(self.units)

    @property
    def key(self) -> frozenset[int]:
        return frozenset(self.units)


def unwatched() -> None:
    """What watches where nobody does."""


class Moves(ABC):
    """What a search may do at a support; every move returns a new state, or None where there is none."""

    def __init__(self, problem: Problem):
        self.problem = problem
        self.tolerance = GAIN * problem.null_loss
        self.forced = frozenset(np.flatnonzero(problem.rules.forced).tolist())
        self.watch: Callable[[], None] = unwatched

    def watched_by(self, watch: Callable[[], None]) -> None:
        """Call something before every step of moves that take many; it may raise to end them."""
        self.watch = watch

    @abstractmethod
    def start(self) -> State:
        """The forced units."""

    @abstractmethod
    def at(self, units: tuple[int, ...]) -> State | None:
        """The state of given units, forced ones among them; None where they are linearly dependent."""

    @abstractmethod
    def grow(self, state: State, banned: frozenset[int] = frozenset()) -> State | None:
        """The state with the unit added that lowers the value most."""

    @abstractmethod
    def shrink(self, state: State) -> State | None:
        """The state without the unit that raises the value least; forced units stay."""

    @abstractmethod
    def remove(self, state: State, unit: int) -> State:
        """The state without one given unit."""

    @abstractmethod
    def add(self, state: State, units: tuple[int, ...]) -> State | None:
        """The state with some units more; None where they are linearly dependent."""

    @abstractmethod
    def swap(self, state: State, pairs: np.ndarray | None = None) -> State | None:
        """The state after the best improving exchange, or None at a swap optimum.

        `pairs` says which members may go for which units, shape (size, n_units); all may where it is None.
        """

    @abstractmethod
    def add_gains(self, state: State) -> np.ndarray:
        """Decrease of the value by adding each unit, exact or modelled, for ranking. Shape (n_units,)."""

    def pairs(self, state: State) -> list[State]:
        """States after the best exchanges of two units; none where only single ones are scored."""
        return []

    @abstractmethod
    def add_values(self, state: State, banned: frozenset[int] = frozenset()) -> np.ndarray:
        """Exact value after adding each unit; ``inf`` for units that cannot enter. Shape (n_units,)."""

    @abstractmethod
    def drop_values(self, state: State) -> np.ndarray:
        """Exact value after each unit of the state leaves; ``inf`` for forced ones. Shape (size,)."""

    @abstractmethod
    def drop_losses(self, state: State) -> np.ndarray:
        """By how much the value rises when each unit of the state leaves (``inf`` for forced ones)."""

    @abstractmethod
    def reach(self, state: State) -> float:
        """Members that lose less than this are those that some exchange might replace with profit."""

    def replaceable(self, state: State, reach: float) -> np.ndarray:
        """Positions in the state of members that may leave and lose less than that."""
        return np.flatnonzero(self.drop_losses(state) < reach)

    def together(self, state: State, most: int, banned: frozenset[int] = frozenset()) -> list[State]:
        """States with a unit and those that it needs, at most so many; none where every unit may enter alone."""
        return []

    def apart(self, state: State) -> list[State]:
        """States without a unit and those that need it; none where every unit may leave alone."""
        return []


class GramMoves(Moves):
    r"""Exact scores from the Gram matrix.

    With :math:`A = (G_{SS} + R)^{-1}` (R the ridge), :math:`b = A c_S`, :math:`U = A G_{S\cdot}`, residual correlations
    c and residual norms d, dropping s and adding j lowers the residual sum of squares by

    .. math:: \frac{(c_j + b_s U_{sj}/A_{ss})^2}{d_j + U_{sj}^2/A_{ss}} - \frac{b_s^2}{A_{ss}}.

    Cauchy-Schwarz gives a bound that needs no U: the swap can pay only if :math:`|b_s|/\sqrt{A_{ss}} < B_j =
    |c_j|(\sqrt{g_j} + \sqrt{g_j - d_j})/d_j`, with :math:`g_j` the norm of column j; so U is formed for a few columns
    only. With several outputs b and c have a column each, and products of them are sums over the outputs: a unit enters
    for all of them.

    Parameters
    ----------
    problem : Problem
    gram : GramRows, optional
        Its rows in another precision.

    References
    ----------
    Hazimeh & Mazumder (2020), "Fast best subset selection: coordinate descent and local combinatorial optimization".
    """

    def __init__(self, problem: Problem, gram: GramRows | None = None):
        super().__init__(problem)
        self.gram = problem.gram if gram is None else gram
        self.allowed = problem.usable
        self.norm = np.where(self.allowed, 1.0 + 2.0 * problem.normal.penalty.l2, np.inf)
        self.tiny = NEARLY if self.gram.single else DEPENDENT

    def start(self) -> State:
        norm = np.where(self.allowed, self.norm, 0.0)
        corr = self.gram.corr
        facts = {"A": np.empty((0, 0)), "b": np.empty((0, *corr.shape[1:])), "c": corr.copy(), "d": norm}
        state = State((), 0.5 * self.gram.yy, facts)
        for j in sorted(self.forced):
            grown = self._add(state, j)
            state = grown if grown is not None else state
        return state

    def at(self, units):
        state = self.start()
        for j in units:
            if j not in self.forced and state is not None:
                self.watch()
                state = self._add(state, j)
        return state

    def add(self, state, units):
        grown: State | None = state
        for j in units:
            grown = None if grown is None else self._add(grown, j)
        return grown

    def _products(self, columns: Sequence[int], j: int) -> np.ndarray:
        """Entries of the Gram matrix, in double precision."""
        gram = self.gram
        gram.ensure([*columns, j], keep=[*columns, j])
        at = list(columns)
        return gram.columns[gram.slot[at]] @ gram.columns[gram.slot[j]] if gram.single else gram.store[gram.slot[j], at]

    def _combined(self, columns: Sequence[int], weights) -> np.ndarray:
        """Sum of weighted Gram rows."""
        return weights @ self.gram.rows(list(columns))

    def _add(self, state: State, j: int) -> State | None:
        if self.gram.slot[j] < 0:
            self._prefetch(state, j)
        S, f, k = list(state.units), state.facts, state.size
        g = self._products(S, j)
        z = f["A"] @ g
        rest = self.norm[j] - g @ z
        if rest < self.tiny * self.norm[j]:
            return None
        fresh = self.gram.corr[j] - g @ f["b"]
        step = fresh / rest
        h = self._combined([*S, j], np.append(-z, 1.0))
        A = np.empty((k + 1, k + 1))
        A[:k, :k] = f["A"] + np.outer(z, z / rest)
        A[k, :k] = A[:k, k] = -z / rest
        A[k, k] = 1.0 / rest
        c, d = f["c"] - np.multiply.outer(h, step), f["d"] - h * (h / rest)
        c[[*S, j]] = d[[*S, j]] = 0.0
        b = np.concatenate([f["b"] - np.multiply.outer(z, step), step[None]])
        return State(
            (*state.units, j), state.value - 0.5 * float(np.dot(fresh, step)), {"A": A, "b": b, "c": c, "d": d}
        )

    def _prefetch(self, state: State, j: int) -> None:
        """Compute the row of j together with those of the next likely entrants."""
        gain = self._add_gains(state)
        likely = np.argpartition(-gain, PREFETCH)[:PREFETCH] if gain.size > PREFETCH else np.arange(gain.size)
        wanted = [j, *(int(i) for i in likely if gain[i] > 0)]
        self.gram.ensure(wanted[:PREFETCH], keep=state.units)

    def _drop(self, state: State, s: int) -> State:
        f, left, rest = state.facts, state.units[s], np.arange(state.size) != s
        a, pivot = f["A"][s], f["A"][s, s]
        leaving = f["b"][s]
        step, h = leaving / pivot, self._combined(state.units, a)
        units = tuple(u for u in state.units if u != left)
        c, d = f["c"] + np.multiply.outer(h, step), f["d"] + h * (h / pivot)
        c[list(units)] = d[list(units)] = 0.0
        c[left], d[left] = step, 1.0 / pivot
        A = (f["A"] - np.outer(a, a / pivot))[np.ix_(rest, rest)]
        facts = {"A": A, "b": f["b"][rest] - np.multiply.outer(a[rest], step), "c": c, "d": d}
        return State(units, state.value + 0.5 * float(np.dot(leaving, step)), facts)

    def _add_gains(self, state: State) -> np.ndarray:
        """Decrease of the residual sum of squares by adding each column; 0 where it cannot enter."""
        square, d = squares(state.facts["c"]), state.facts["d"]
        return np.divide(square, d, out=np.zeros_like(d), where=d > self.tiny * self.norm)

    def grow(self, state, banned=frozenset()):
        gain = self._add_gains(state)
        gain[list(banned)] = 0.0
        while True:
            j = int(gain.argmax())
            if gain[j] <= 0.0:
                return self._add_useless(state, banned)
            grown = self._add(state, j)
            if grown is not None:
                return grown
            gain[j] = 0.0  # dependent after all

    def _add_useless(self, state, banned):
        """Where no column lowers the value, the first independent one still makes the next size."""
        for j in np.flatnonzero(state.facts["d"] > self.tiny * self.norm):
            if int(j) not in banned and (grown := self._add(state, int(j))) is not None:
                return grown
        return None

    def drop_losses(self, state):
        loss = 0.5 * squares(state.facts["b"]) / np.diagonal(state.facts["A"])
        return np.where([u in self.forced for u in state.units], np.inf, loss)

    def add_gains(self, state):
        return 0.5 * self._add_gains(state)

    def add_values(self, state, banned=frozenset()):
        gain = self._add_gains(state)
        enters = self.allowed & (state.facts["d"] > self.tiny * self.norm)
        enters[list(banned)] = False
        return np.where(enters, state.value - 0.5 * gain, np.inf)

    def drop_values(self, state):
        return state.value + self.drop_losses(state)

    def shrink(self, state):
        loss = self.drop_losses(state)
        return self._drop(state, int(loss.argmin())) if loss.size and np.isfinite(loss.min()) else None

    def remove(self, state, unit):
        return self._drop(state, state.units.index(unit))

    def swap_bounds(self, state) -> np.ndarray:
        """B_j^2 / 2: only members whose loss is below it can yield to j."""
        c, d = state.facts["c"], state.facts["d"]
        usable = d > self.tiny * self.norm
        norm = np.where(usable, self.norm, 0.0)
        reach = np.sqrt(squares(c)) * (np.sqrt(norm) + np.sqrt(np.maximum(norm - d, 0.0)))
        bound = np.divide(reach, d, out=np.zeros_like(d), where=usable)
        return 0.5 * bound * bound

    def reach(self, state):
        return float(self.swap_bounds(state).max(initial=0.0))

    def swap(self, state, pairs=None):
        if pairs is None:  # whoever might leave for whatever might come
            loss, bound = self.drop_losses(state), self.swap_bounds(state)
            members = np.flatnonzero(loss < bound.max(initial=0.0))
            columns = np.flatnonzero(bound > loss.min(initial=np.inf))
        else:
            members, columns = np.arange(state.size), np.flatnonzero(pairs.any(axis=0))
        if members.size == 0 or columns.size == 0:
            return None
        f = state.facts
        U = f["A"][members] @ self.gram.rows(list(state.units))[:, columns]
        b, pivot = f["b"][members], np.diagonal(f["A"])[members, None]
        lift = U / pivot
        square, d = squares_of_sums(f["c"][columns], b, lift), f["d"][columns] + U * lift
        enters = d > self.tiny * self.norm[columns]
        if pairs is not None:
            enters &= pairs[:, columns]
        gain = np.divide(square, d, out=np.full_like(d, -np.inf), where=enters) - squares(b)[:, None] / pivot
        s, j = np.unravel_index(int(gain.argmax()), gain.shape)
        if gain[s, j] <= 2.0 * self.tolerance:
            return None
        return self._exchange(state, int(members[s]), int(columns[j]))

    def pairs(self, state):
        from .pairs import pair_exchanges

        return pair_exchanges(self, state) if state.facts["c"].ndim == 1 else []

    def _exchange(self, state, s, j):
        swapped = self._add(self._drop(state, s), j)
        return swapped if swapped is not None and swapped.value < state.value - 0.5 * self.tolerance else None


def squares(rows) -> np.ndarray:
    """Square of each number, or squared norm of each row."""
    return rows * rows if rows.ndim == 1 else np.einsum("ij,ij->i", rows, rows)


def squares_of_sums(c, b, lift) -> np.ndarray:
    """Squared norm of ``c_j + lift_sj b_s`` for every pair, shape (s, j)."""
    if c.ndim == 1:
        return (c + b[:, None] * lift) ** 2
    return squares(c) + lift * (2.0 * (b @ c.T) + squares(b)[:, None] * lift)


def moves_for(problem: Problem) -> Moves:
    """Exact Gram moves where they apply, modelled moves elsewhere; both within the rules where there are any."""
    from .modelled import ModelMoves
    from .outputs import OutputMoves

    exact = problem.least_squares and not problem.rules.grouped
    modelled = ModelMoves if problem.n_outputs == 1 else OutputMoves
    if not problem.rules.restricted:
        if exact and problem.n_outputs > 1:  # without compiled sweeps: rows of half the size serve here
            return GramMoves(problem, problem.quick_gram)
        return GramMoves(problem) if exact else modelled(problem)
    from .ruled import RuledMoves

    if exact:
        moves, units = GramMoves(problem), problem.rules.completed() or ()
        start = moves.at(units)
        if start is not None and start.size == len(units):  # else parents are dependent, which modelled moves can take
            return RuledMoves(moves)
    return RuledMoves(modelled(problem))
