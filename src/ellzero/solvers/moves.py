"""Moves at a support (grow, shrink, swap), with exact Gram scores where a fit is one linear solve.

`moves_for(problem)` picks one of two: `GramMoves` for squared error with at most a ridge and no groups, where every
add, drop and swap is scored exactly without a refit, and `ModelMoves` for everything else, where a quadratic model
ranks the moves and the few best are refitted exactly. Both speak the same small language, so that searches are written
once.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import numpy as np

from .._kernels.exchange import best_swap, combine
from ..problem import Problem
from .refit import Fit, fit_support

DEPENDENT = 1e-8  # a column with less than this share of its norm outside the span of the others cannot enter
GAIN = 1e-10  # smallest decrease, relative to the empty model, that counts
PREFETCH = 16  # Gram rows computed together: one product for many costs little more than for one
SHORTLIST = 128
TRIES = 4  # moves refitted exactly where a model ranks them


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


class Moves(ABC):
    """What a search may do at a support; every move returns a new state, or None where there is none."""

    def __init__(self, problem: Problem):
        self.problem = problem
        self.tolerance = GAIN * problem.null_loss
        self.forced = frozenset(np.flatnonzero(problem.rules.forced).tolist())

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
    def replaceable(self, state: State) -> np.ndarray:
        """Positions in the state that some exchange might replace with profit."""

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
    only.

    References
    ----------
    Hazimeh & Mazumder (2020), "Fast best subset selection: coordinate descent and local combinatorial optimization".
    """

    def __init__(self, problem: Problem):
        super().__init__(problem)
        self.gram = problem.gram
        self.norm = 1.0 + 2.0 * problem.normal.penalty.l2
        self.allowed = problem.usable

    def start(self) -> State:
        norm = np.where(self.allowed, self.norm, 0.0)
        facts = {"A": np.empty((0, 0)), "b": np.empty(0), "c": self.gram.corr.copy(), "d": norm}
        state = State((), 0.5 * self.gram.yy, facts)
        for j in sorted(self.forced):
            grown = self._add(state, j)
            state = grown if grown is not None else state
        return state

    def at(self, units):
        state = self.start()
        for j in units:
            if j not in self.forced and state is not None:
                state = self._add(state, j)
        return state

    def add(self, state, units):
        grown: State | None = state
        for j in units:
            grown = None if grown is None else self._add(grown, j)
        return grown

    def _rows_at(self, columns):
        self.gram.ensure(columns, keep=columns)
        return self.gram.slot[list(columns)]

    def _add(self, state: State, j: int) -> State | None:
        S, f = list(state.units), state.facts
        if self.gram.slot[j] < 0:
            self._prefetch(state, j)
        places = self._rows_at([*S, j])
        row = self.gram.store[places[-1]]
        g = row[S]
        z = f["A"] @ g
        e = self.norm[j] - g @ z
        if e < DEPENDENT * self.norm[j]:
            return None
        c_j = self.gram.corr[j] - g @ f["b"]
        h = row.copy()
        combine(self.gram.store, places[:-1], -z, h)
        step, k = c_j / e, len(S)
        A = np.empty((k + 1, k + 1))
        A[:k, :k] = f["A"] + np.outer(z, z / e)
        A[k, :k] = A[:k, k] = -z / e
        A[k, k] = 1.0 / e
        c, d = f["c"] - step * h, f["d"] - h * (h / e)
        members = [*S, j]
        c[members] = d[members] = 0.0
        facts = {"A": A, "b": np.append(f["b"] - step * z, step), "c": c, "d": d}
        return State((*state.units, j), state.value - 0.5 * c_j * step, facts)

    def _prefetch(self, state: State, j: int) -> None:
        """Compute the row of j together with those of the next likely entrants."""
        gain = self._add_gains(state)
        likely = np.argpartition(-gain, PREFETCH)[:PREFETCH] if gain.size > PREFETCH else np.arange(gain.size)
        wanted = [j, *(int(i) for i in likely if gain[i] > 0)]
        self.gram.ensure(wanted[:PREFETCH], keep=state.units)

    def _drop(self, state: State, s: int) -> State:
        S, f = list(state.units), state.facts
        a, pivot = f["A"][:, s], f["A"][s, s]
        h = np.zeros(self.gram.p)
        combine(self.gram.store, self._rows_at(S), a, h)
        step = f["b"][s] / pivot
        c, d = f["c"] + step * h, f["d"] + h * (h / pivot)
        rest = np.arange(len(S)) != s
        A = (f["A"] - np.outer(a, a / pivot))[np.ix_(rest, rest)]
        left, units = S[s], tuple(u for u in state.units if u != S[s])
        members = list(units)
        c[members] = d[members] = 0.0
        c[left], d[left] = step, 1.0 / pivot
        d[~self.allowed] = 0.0
        facts = {"A": A, "b": f["b"][rest] - step * a[rest], "c": c, "d": d}
        return State(units, state.value + 0.5 * f["b"][s] * step, facts)

    def _add_gains(self, state: State) -> np.ndarray:
        """Decrease of the residual sum of squares by adding each column; 0 where it cannot enter."""
        c, d = state.facts["c"], state.facts["d"]
        return np.divide(c * c, d, out=np.zeros_like(c), where=d > DEPENDENT * self.norm)

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
        for j in np.flatnonzero(state.facts["d"] > DEPENDENT * self.norm):
            if int(j) not in banned and (grown := self._add(state, int(j))) is not None:
                return grown
        return None

    def drop_losses(self, state):
        loss = 0.5 * state.facts["b"] ** 2 / np.diagonal(state.facts["A"])
        return np.where([u in self.forced for u in state.units], np.inf, loss)

    def add_gains(self, state):
        return 0.5 * self._add_gains(state)

    def add_values(self, state, banned=frozenset()):
        gain = self._add_gains(state)
        enters = self.allowed & (state.facts["d"] > DEPENDENT * self.norm)
        enters[list(banned)] = False
        return np.where(enters, state.value - 0.5 * gain, np.inf)

    def drop_values(self, state):
        return state.value + self.drop_losses(state)

    def shrink(self, state):
        loss = self.drop_losses(state)
        return self._drop(state, int(loss.argmin())) if loss.size and np.isfinite(loss.min()) else None

    def remove(self, state, unit):
        return self._drop(state, state.units.index(unit))

    def _swap_bounds(self, state) -> np.ndarray:
        """B_j^2 / 2: only members whose loss is below it can yield to j."""
        c, d = state.facts["c"], state.facts["d"]
        usable = d > DEPENDENT * self.norm
        reach = np.abs(c) * (np.sqrt(self.norm) + np.sqrt(np.maximum(self.norm - d, 0.0)))
        bound = np.divide(reach, d, out=np.zeros_like(c), where=usable)
        return 0.5 * bound * bound

    def replaceable(self, state):
        return np.flatnonzero(self.drop_losses(state) < self._swap_bounds(state).max(initial=0.0))

    def swap(self, state, pairs=None):
        if pairs is not None:
            return self._swap_among(state, pairs)
        loss, bound = self.drop_losses(state), self._swap_bounds(state)
        candidates = np.flatnonzero(bound > loss.min(initial=np.inf))
        shortened = candidates.size > SHORTLIST
        while candidates.size:
            some = candidates
            if shortened:  # first only columns whose own gain, a bound of the swap's, is near the best
                gain = self._add_gains(state)[candidates]
                some = candidates[gain > 0.4 * gain.max()]
            found = self._best_swap(state, some, loss, bound[some].max())
            if found is not None:
                swapped = self._exchange(state, *found)
                if swapped is not None:
                    return swapped
            if not shortened:
                return None
            shortened = False
        return None

    def _best_swap(self, state, columns, loss, top):
        f, S = state.facts, list(state.units)
        weak = np.flatnonzero(loss < top)
        G = self.gram.store[np.ix_(self._rows_at(S), columns)]
        U = f["A"][weak] @ G
        diagonal = np.ascontiguousarray(np.diagonal(f["A"])[weak])
        tiny = DEPENDENT * float(self.norm.min())
        _, s, j = best_swap(f["c"][columns], f["d"][columns], U, f["b"][weak], diagonal, 2.0 * self.tolerance, tiny)
        return (int(weak[s]), int(columns[j])) if s >= 0 else None

    def _swap_among(self, state, pairs):
        """The best of some exchanges, all of them scored."""
        f, columns = state.facts, np.flatnonzero(pairs.any(axis=0))
        if columns.size == 0:
            return None
        U = f["A"] @ self.gram.store[np.ix_(self._rows_at(state.units), columns)]
        b, pivot = f["b"][:, None], np.diagonal(f["A"])[:, None]
        c, d = f["c"][columns] + b / pivot * U, f["d"][columns] + U * U / pivot
        enters = pairs[:, columns] & (d > DEPENDENT * self.norm[columns])
        gain = np.divide(c * c, d, out=np.full_like(d, -np.inf), where=enters) - b * b / pivot
        s, j = np.unravel_index(int(gain.argmax()), gain.shape)
        return self._exchange(state, int(s), int(columns[j])) if gain[s, j] > 2.0 * self.tolerance else None

    def _exchange(self, state, s, j):
        swapped = self._add(self._drop(state, s), j)
        return swapped if swapped is not None and swapped.value < state.value - 0.5 * self.tolerance else None


class ModelMoves(Moves):
    r"""Moves ranked by a quadratic model at the current fit, the few best refitted exactly.

    At the optimum on S the loss is modelled by its gradient c and curvature :math:`H = Z^\top W f''(\eta) Z`; adding
    unit u gains about :math:`\tfrac12 c_u^\top D_u^{-1} c_u` (the score test), dropping s costs about
    :math:`\tfrac12 b_s^\top (A_{ss})^{-1} b_s` (the Wald test).
    """

    def __init__(self, problem: Problem):
        super().__init__(problem)
        self.allowed = problem.usable
        self.fits: dict[frozenset[int], Fit] = {}

    def start(self):
        return self._state(tuple(sorted(self.forced)), None)

    def at(self, units):
        return self._state(units, None)

    def fit(self, units, start: Fit | None) -> Fit:
        key = frozenset(units)
        if key not in self.fits:
            self.fits[key] = fit_support(self.problem, self.problem.rules.columns(units), start)
        return self.fits[key]

    def _state(self, units, start):
        fit = self.fit(units, start)
        return State(tuple(units), fit.value, {"fit": fit})

    def _model(self, state) -> dict:
        """Gradient, inverse curvature and the coupling of all columns to the support, computed once a state."""
        facts = state.facts
        if "c" in facts:
            return facts
        problem, fit = self.problem, facts["fit"]
        target, Z = problem.normal.y, problem.normal.Z
        slope = -problem.weight * problem.loss.gradient(target, fit.eta)
        curvature = problem.weight * problem.loss.curvature(target, fit.eta)
        inside = Z.columns(fit.columns)
        ridge = 2.0 * problem.normal.penalty.l2
        if problem.fit_intercept and problem.loss.name != "squared":
            inside = np.column_stack([inside, np.ones(target.size)])
        coupling = Z.adjoint(curvature[:, None] * inside)
        hessian = inside.T @ (curvature[:, None] * inside)
        hessian[np.arange(fit.columns.size), np.arange(fit.columns.size)] += ridge[fit.columns]
        A = np.linalg.pinv(hessian, rcond=1e-12, hermitian=True)
        norm = Z.mean_square(curvature) + ridge
        d = norm - np.einsum("ij,ij->i", coupling @ A, coupling)
        d[d <= DEPENDENT * norm] = np.inf
        facts |= {"c": Z.adjoint(slope), "d": d, "A": A, "coupling": coupling, "curvature": curvature}
        return facts

    def add(self, state, units):
        return self._state((*state.units, *units), state.facts["fit"])

    def add_gains(self, state):
        """Modelled decrease by adding each unit; ``-inf`` for units that cannot enter."""
        facts, penalty, rules = self._model(state), self.problem.normal.penalty, self.problem.rules
        c, d = facts["c"], facts["d"]
        excess = np.maximum(np.abs(c) - penalty.l1, 0.0)
        t = np.minimum(excess / d, np.where(c > 0, penalty.upper, -penalty.lower))
        column = excess * t - 0.5 * np.where(np.isfinite(d), d, 0.0) * t * t
        gains = np.array([column[unit[0]] if unit.size == 1 else self._group_gain(facts, unit) for unit in rules.units])
        gains[~self.allowed] = -np.inf
        gains[list(state.units)] = -np.inf
        return gains

    def _group_gain(self, facts, unit):
        Z, l2 = self.problem.normal.Z, self.problem.normal.penalty.l2[unit]
        columns = Z.columns(unit)
        block = columns.T @ (facts["curvature"][:, None] * columns) + np.diag(2.0 * l2)
        block -= facts["coupling"][unit] @ facts["A"] @ facts["coupling"][unit].T
        c = facts["c"][unit]
        return 0.5 * float(c @ np.linalg.pinv(block, rcond=1e-10, hermitian=True) @ c)

    def drop_losses(self, state):
        facts, rules = self._model(state), self.problem.rules
        fit, loss = facts["fit"], []
        for u in state.units:
            at = np.searchsorted(fit.columns, rules.units[u])
            b = fit.gamma[at]
            loss.append(np.inf if u in self.forced else 0.5 * float(b @ np.linalg.pinv(facts["A"][np.ix_(at, at)]) @ b))
        return np.array(loss)

    def add_values(self, state, banned=frozenset()):
        candidates = self.allowed.copy()
        candidates[[*state.units, *banned]] = False
        start = state.facts["fit"]
        return np.array(
            [self.fit((*state.units, u), start).value if free else np.inf for u, free in enumerate(candidates)]
        )

    def drop_values(self, state):
        start = state.facts["fit"]

        def without(unit):
            return self.fit(tuple(u for u in state.units if u != unit), start).value

        return np.array([np.inf if u in self.forced else without(u) for u in state.units])

    def _best_of(self, trials, state):
        """The best exact refit among some supports."""
        tried = [self._state(units, state.facts["fit"]) for units in trials]
        return min(tried, key=lambda t: t.value, default=None)

    def grow(self, state, banned=frozenset()):
        gains = self.add_gains(state)
        gains[list(banned)] = -np.inf
        best = [int(u) for u in np.argsort(-gains, kind="stable")[:TRIES] if gains[u] > -np.inf]
        return self._best_of([(*state.units, u) for u in best], state)

    def shrink(self, state):
        loss = self.drop_losses(state)
        weak = [state.units[s] for s in np.argsort(loss, kind="stable")[:TRIES] if np.isfinite(loss[s])]
        return self._best_of([tuple(v for v in state.units if v != u) for u in weak], state)

    def remove(self, state, unit):
        return self._state(tuple(u for u in state.units if u != unit), state.facts["fit"])

    def replaceable(self, state):
        gains = self.add_gains(state)
        return np.flatnonzero(self.drop_losses(state) < 4.0 * gains.max(initial=0.0))

    def swap(self, state, pairs=None):
        if not state.units:
            return None
        score = self._swap_scores(state)
        if pairs is not None:
            score[~pairs] = -np.inf
        entrant = score.argmax(axis=1)
        ranked = np.argsort(-score[np.arange(entrant.size), entrant], kind="stable")[:TRIES]
        for s in ranked:
            if score[s, entrant[s]] == -np.inf:
                continue
            units = (*(u for u in state.units if u != state.units[s]), int(entrant[s]))
            swapped = self._state(units, state.facts["fit"])
            if swapped.value < state.value - self.tolerance:
                return swapped
        return None

    def _swap_scores(self, state) -> np.ndarray:
        """Modelled decrease for every pair (member, outsider)."""
        gains, loss = self.add_gains(state), self.drop_losses(state)
        score = gains[None, :] - loss[:, None]
        if self.problem.rules.grouped:
            return score
        facts = state.facts
        order = np.searchsorted(facts["fit"].columns, state.units)
        U = (facts["A"] @ facts["coupling"].T)[order]
        pivot, b = np.diagonal(facts["A"])[order, None], facts["fit"].gamma[order, None]
        with np.errstate(invalid="ignore"):
            c, d = facts["c"] + b / pivot * U, facts["d"] + U * U / pivot
            exact = 0.5 * (c * c / d - b * b / pivot)
        return np.where(np.isfinite(score) & np.isfinite(exact), exact, score)


def moves_for(problem: Problem) -> Moves:
    """Exact Gram moves where they apply, modelled moves elsewhere; both within the rules where there are any."""
    exact = problem.closed_form and not problem.rules.grouped
    if not problem.rules.restricted:
        return GramMoves(problem) if exact else ModelMoves(problem)
    from .ruled import RuledMoves

    if exact:
        moves, units = GramMoves(problem), problem.rules.completed() or ()
        start = moves.at(units)
        if start is not None and start.size == len(units):  # else parents are dependent, which modelled moves can take
            return RuledMoves(moves)
    return RuledMoves(ModelMoves(problem))
