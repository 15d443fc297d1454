"""Moves where a fit is an iteration: ranked by a quadratic model, the few best refitted exactly."""

from functools import cached_property

import numpy as np

from .._linear import inverse_positive
from ..operators import Dense
from ..operators.gram import CACHE_BYTES, SINGLE_FEATURES
from ..problem import Problem
from .moves import DEPENDENT, NEARLY, Moves, State
from .probing import probe
from .refit import Fit, fit_support

TRIES = 4  # moves refitted exactly where a model ranks them
DOUBT = 0.1  # least relative error that a modelled change is taken to have
FADING = 0.98  # how fast a large error is forgotten, a refit
MODELS = 4  # models of all columns that are kept
FITS = 2**23  # numbers in the predictors of the fits that are kept
TOGETHER = 2**22  # entries of the columns whose second derivatives are found at once, where they need the columns
ASTRAY = 0.3  # relative error of modelled changes beyond which entrants are looked at more closely
PROBED = 64  # so many of them
ROOM = 1 << 21  # most entries of their columns
HOPELESS = 0.1  # an exchange whose modelled gain is below zero by this share of what leaving costs is not refitted


class ModelMoves(Moves):
    r"""Moves ranked by a quadratic model at the current fit, the few best refitted exactly.

    At the optimum on S the loss is modelled by its gradient c and curvature :math:`H = Z^\top W f''(\eta) Z`; adding
    unit u gains about :math:`\tfrac12 c_u^\top D_u^{-1} c_u` (the score test), dropping s costs about
    :math:`\tfrac12 b_s^\top (A_{ss})^{-1} b_s` (the Wald test). Where the loss is not squared, what the model rules
    out is not refitted: a move that falls behind another by more than the model was wrong of late. Where the model
    went far astray, as it does where few columns nearly separate the classes, the units that it ranks first are ranked
    anew by what each does while the other coefficients stay (see `probe`).
    """

    def __init__(self, problem: Problem):
        super().__init__(problem)
        self.allowed = problem.usable
        self.fits: dict[frozenset[int], Fit] = {}
        self.models: list[dict] = []  # facts of the states that were modelled last
        self.most_fits = max(MODELS, FITS // max(problem.y.size, 1))
        self.selective = problem.loss.name != "squared"
        self.tries = TRIES
        self.doubt = 1.0  # relative error of modelled changes, as large as it was of late
        self.astray = np.inf  # the same at the last state that grew
        units, penalty = problem.rules.units, problem.penalty
        plain = not problem.rules.grouped and penalty.l1 == 0 and not penalty.limited
        self.probes = self.selective and plain and problem.loss.by_rows and problem.n_outputs == 1
        self.lone = np.array([u for u, unit in enumerate(units) if unit.size == 1], dtype=np.intp)
        self.column = np.array([unit[0] for unit in units if unit.size == 1], dtype=np.intp)
        self.broad: dict[int, list[int]] = {}  # usable units of several columns, by how many
        for u, unit in enumerate(units):
            if unit.size > 1 and self.allowed[u]:
                self.broad.setdefault(unit.size, []).append(u)

    def start(self):
        return self._state(tuple(sorted(self.forced)), None)

    def at(self, units):
        return self._state(units, None)

    def fit(self, units, start: Fit | None) -> Fit:
        key = frozenset(units)
        if key not in self.fits:
            self.watch()
            if len(self.fits) >= self.most_fits:  # the oldest is forgotten
                del self.fits[next(iter(self.fits))]
            self.fits[key] = fit_support(self.problem, self.problem.rules.columns(units), start)
        return self.fits[key]

    def _state(self, units, start):
        fit = self.fit(units, start)
        return State(tuple(units), fit.value, {"fit": fit})

    def _curvature(self, state) -> dict:
        """Curvature of a state's own columns and its inverse, computed once a state."""
        facts = state.facts
        if "A" in facts:
            return facts
        problem, fit = self.problem, facts["fit"]
        loss, y, weight = problem.loss, problem.normal.y, problem.weight
        inside, m = problem.normal.Z.columns(fit.columns), fit.columns.size
        if problem.fit_intercept and problem.loss.name != "squared":
            inside = np.vstack([inside.T, np.ones(fit.eta.size)]).T
        weighted = loss.mean_hessian_times(y, fit.eta, weight, inside)
        hessian = inside.T @ weighted
        hessian[np.arange(m), np.arange(m)] += 2.0 * problem.normal.penalty.l2[fit.columns]
        facts |= {"H": hessian, "A": inverse_positive(hessian), "weighted": weighted}
        return facts

    def _model(self, state) -> dict:
        """Gradient, residual curvature and regression on the support of all columns; of the last few states kept."""
        facts = self._curvature(state)
        if "c" in facts:
            return facts
        problem = self.problem
        slope = -problem.loss.mean_gradient(problem.normal.y, facts["fit"].eta, problem.weight)
        products = self._products(np.column_stack([facts.pop("weighted"), slope]))
        coupling, c = products[:, :-1], products[:, -1].copy()
        U = coupling @ facts["A"]
        norm = self._squares(facts["fit"].eta) + 2.0 * problem.normal.penalty.l2
        d = norm - np.einsum("ij,ij->i", U, coupling)
        d[d <= self._tiny * norm] = np.inf
        facts |= {"c": c, "d": d, "U": U}
        self._remember(facts)
        return facts

    def _products(self, directions) -> np.ndarray:
        """All columns times some directions of the predictor."""
        if self._single is None:
            return self.problem.normal.Z.adjoint(directions)
        return (self._single.T @ directions.astype(np.float32)).astype(float)

    @cached_property
    def _single(self) -> np.ndarray | None:
        """All columns in single precision where they are many: a model only ranks, and half the memory is read."""
        Z = self.problem.normal.Z
        n, p = Z.shape
        few = p < SINGLE_FEATURES or 4 * n * p > CACHE_BYTES
        return None if few or not isinstance(Z.base, Dense) else Z.copied(np.float32)

    @property
    def _tiny(self) -> float:
        """A column with less than this share of its curvature left is dependent."""
        return DEPENDENT if self._single is None else NEARLY

    def _remember(self, facts: dict) -> None:
        """Forget the oldest model: one is as large as the support times all columns."""
        self.models.append(facts)
        if len(self.models) > MODELS:
            oldest = self.models.pop(0)
            for name in set(oldest) - {"fit"}:
                del oldest[name]

    def _bent(self, eta, directions) -> np.ndarray:
        """Hessian of the loss in the predictor times some directions."""
        problem = self.problem
        return problem.loss.mean_hessian_times(problem.normal.y, eta, problem.weight, directions)

    def _squares(self, eta) -> np.ndarray:
        """Second derivatives of the loss along all columns."""
        problem, Z = self.problem, self.problem.normal.Z
        if problem.loss.by_rows:
            return Z.mean_square(problem.weight * problem.loss.curvature(problem.normal.y, eta))
        parts = np.array_split(np.arange(Z.shape[1]), 1 + Z.shape[0] * Z.shape[1] // TOGETHER)
        fixed = problem.normal.y, eta, problem.weight
        return np.concatenate([problem.loss.mean_hessian_squares(*fixed, Z.columns(part)) for part in parts])

    def add(self, state, units):
        return self._state((*state.units, *units), state.facts["fit"])

    def add_gains(self, state):
        """Modelled decrease by adding each unit; ``-inf`` for units that cannot enter."""
        facts, penalty, columns = self._model(state), self.problem.normal.penalty, self.column
        c, d = facts["c"][columns], facts["d"][columns]
        excess = np.maximum(np.abs(c) - penalty.l1[columns], 0.0)
        t = np.minimum(excess / d, np.where(c > 0, penalty.upper[columns], -penalty.lower[columns]))
        gains = np.full(self.problem.rules.n_units, -np.inf)
        gains[self.lone] = excess * t - 0.5 * np.where(np.isfinite(d), d, 0.0) * t * t
        for size, units in self.broad.items():
            gains[units] = self._group_gains(facts, units, size)
        gains[~self.allowed] = -np.inf
        gains[list(state.units)] = -np.inf
        return gains

    def _group_gains(self, facts, units, size) -> np.ndarray:
        """Modelled decrease by adding each of some units of the same number of columns."""
        columns = np.concatenate([self.problem.rules.units[u] for u in units])
        at = columns.reshape(-1, size)
        Z = self.problem.normal.Z.columns(columns).T.reshape(len(units), size, -1)
        bent = self._bent(facts["fit"].eta, Z.reshape(columns.size, -1).T)
        blocks = Z @ bent.T.reshape(Z.shape).transpose(0, 2, 1)
        blocks -= facts["U"][at] @ facts["H"] @ facts["U"][at].transpose(0, 2, 1)
        blocks[:, np.arange(size), np.arange(size)] += 2.0 * self.problem.normal.penalty.l2[at]
        c = facts["c"][at]
        return 0.5 * np.einsum("us,ust,ut->u", c, np.linalg.pinv(blocks, rcond=1e-10, hermitian=True), c)

    def drop_losses(self, state):
        facts, rules = self._curvature(state), self.problem.rules
        fit, loss = facts["fit"], np.zeros(state.size)
        width = np.array([rules.units[u].size for u in state.units], dtype=np.intp)
        for size in np.unique(width):
            places = np.flatnonzero(width == size)
            at = np.searchsorted(fit.columns, np.array([rules.units[state.units[s]] for s in places]))
            b, blocks = fit.gamma[at], facts["A"][at[:, :, None], at[:, None, :]]
            if size == 1:
                pivot = blocks[:, :, 0]
                inner = np.divide(b, pivot, out=np.zeros_like(b), where=pivot > 0)
            else:
                inner = np.einsum("ust,ut->us", np.linalg.pinv(blocks, hermitian=True), b)
            loss[places] = 0.5 * np.einsum("us,us->u", b, inner)
        loss[[u in self.forced for u in state.units]] = np.inf
        return loss

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

    def _best_of(self, state, trials):
        """The best exact refit among some supports, given with their modelled changes of the value, best first."""
        best, self.error = None, 0.0
        for units, change in trials:
            if best is not None and self.selective and state.value + change - self.doubt * abs(change) > best.value:
                continue
            tried = self._state(units, state.facts["fit"])
            error = abs(tried.value - state.value - change) / max(abs(change), self.tolerance)
            self.error, self.doubt = max(self.error, error), max(DOUBT, error, FADING * self.doubt)
            if best is None or tried.value < best.value:
                best = tried
        return best

    def grow(self, state, banned=frozenset()):
        gains = self.add_gains(state)
        gains[list(banned)] = -np.inf
        if self.probes and self.astray > ASTRAY:
            best, changes = self._probed(state, gains)
            errors = np.abs(changes + gains[best]) / np.maximum(np.abs(gains[best]), self.tolerance)
            self.astray = float(errors.max(initial=0.0))
            return self._best_of(state, [((*state.units, u), c) for u, c in zip(best, changes, strict=True)])
        best = _top(gains, self.tries)
        grown = self._best_of(state, [((*state.units, u), -gains[u]) for u in best])
        self.astray = self.error
        return grown

    def _probed(self, state, gains) -> tuple[list[int], np.ndarray]:
        """The best units to enter of those that the model ranks first, and their changes of the value."""
        units = _top(gains, min(PROBED, max(self.tries, ROOM // self.problem.y.size)))
        columns = np.array([self.problem.rules.units[u][0] for u in units], dtype=np.intp)
        changes = probe(self.problem, state.facts["fit"], columns) - state.value
        order = np.argsort(changes, kind="stable")[: self.tries]
        return [units[i] for i in order], changes[order]

    def shrink(self, state):
        loss = self.drop_losses(state)
        weak = [s for s in np.argsort(loss, kind="stable")[: self.tries] if np.isfinite(loss[s])]
        return self._best_of(state, [(state.units[:s] + state.units[s + 1 :], loss[s]) for s in weak])

    def remove(self, state, unit):
        return self._state(tuple(u for u in state.units if u != unit), state.facts["fit"])

    def reach(self, state):
        return 4.0 * float(self.add_gains(state).max(initial=0.0))

    def swap(self, state, pairs=None):
        if not state.units:
            return None
        score, loss = self._swap_scores(state)
        if pairs is not None:
            score[~pairs] = -np.inf
        scores, entrant = score, score.argmax(axis=1)
        score = score[np.arange(entrant.size), entrant]
        least = np.full(loss.size, -np.inf)
        if self.selective and not self.problem.rules.grouped:
            least = -HOPELESS * loss
        for s in np.argsort(-score, kind="stable")[: self.tries]:
            if score[s] == -np.inf or score[s] < least[s]:
                continue
            units = (*(u for u in state.units if u != state.units[s]), int(entrant[s]))
            if self.probes and self.astray > ASTRAY:
                less = self.remove(state, state.units[s])
                best, _ = self._probed(less, scores[s])
                units = (*less.units, best[0])
            swapped = self._state(units, state.facts["fit"])
            if swapped.value < state.value - self.tolerance:
                return swapped
        return None

    def _swap_scores(self, state) -> tuple[np.ndarray, np.ndarray]:
        """Modelled decrease for every pair (member, outsider), and what each member costs when it leaves."""
        gains, loss = self.add_gains(state), self.drop_losses(state)
        score = gains[None, :] - loss[:, None]
        if self.problem.rules.grouped:
            return score, loss
        facts = state.facts
        order = np.searchsorted(facts["fit"].columns, state.units)
        U = facts["U"].T[order]
        pivot, b = np.diagonal(facts["A"])[order, None], facts["fit"].gamma[order, None]
        with np.errstate(invalid="ignore"):
            c, d = facts["c"] + b / pivot * U, facts["d"] + U * U / pivot
            exact = 0.5 * (c * c / d - b * b / pivot)
        return np.where(np.isfinite(score) & np.isfinite(exact), exact, score), loss


def _top(gains, most: int) -> list[int]:
    """Units of the largest gains, at most so many of those that can enter."""
    return [int(u) for u in np.argsort(-gains, kind="stable")[:most] if gains[u] > -np.inf]
