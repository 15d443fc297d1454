"""A slow prover that shares nothing with the library: random dual trees, and what each of them proves, by listing sets.

Every bound is the least value over all unit sets of a node of a sum that the point makes separable; nothing is sorted,
and no two cases of a formula are told apart, so that the checker's arithmetic has something to be compared with.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace

import numpy as np

from ellzero.certificate import Certificate, Claim, Tree
from ellzero.certificate import Question as Asked
from oracles import Fit, Question, fit_support


@dataclass
class Prover:
    """Grows one tree. With `honest`, only what beats the optimum is given up, and a complete tree proves it."""

    q: Question
    sizes: tuple[int | None, ...]
    seed: int
    requires: tuple = ()
    at_most: tuple = ()
    honest: bool = True
    diagonals: bool = True
    nodes: list[dict] = field(default_factory=list)
    spared: list[tuple[list[int], np.ndarray]] = field(default_factory=list)

    def __post_init__(self):
        q = self.q
        self.rng = np.random.default_rng(self.seed)
        w = q.weights
        centre = w @ q.X if q.fit_intercept else 0.0
        self.Z = (q.X - centre) / q.scale
        self.t = q.y - (w @ q.y if q.fit_intercept else 0.0)
        self.G, self.c = self.Z.T @ (w[:, None] * self.Z), self.Z.T @ (w * self.t)
        self.l1, self.l2 = q.l1 * q.penalty_scale / q.scale, q.l2 * (q.penalty_scale / q.scale) ** 2
        self.limits = q.box[0] * q.scale, q.box[1] * q.scale
        self.l0 = q.l0 or 0.0
        self.units = q.units
        self.unit_of = {j: u for u, unit in enumerate(self.units) for j in unit}
        self.forced = {self.unit_of[j] for j in q.forced}
        self.forbidden = {self.unit_of[j] for j in q.forbidden}
        self.fits = {s: self.fit(s) for s in self.sets_of({})}
        self.optima = {k: min(self.admissible(k), key=lambda s: self.fits[s].objective) for k in self.sizes}
        self.result = dict.fromkeys(self.sizes, np.inf)
        self.largest = 0.0  # of all bounds: what their rounding is judged by
        self.grow(self.root(), self.limits, dict.fromkeys(self.sizes, -np.inf), 0)

    # ---- the truth

    def fit(self, units) -> Fit:
        return fit_support(self.q, sorted(j for u in units for j in self.units[u]), len(units))

    def keeps(self, s) -> bool:
        """Whether a set of units keeps the rules."""
        return (
            self.forced <= s
            and not self.forbidden & s
            and all(a not in s or s & set(b) for a, b in self.requires)
            and all(sum(bool(s & set(one)) for one in sets) <= most for most, sets in self.at_most)
        )

    def sets_of(self, state) -> list[frozenset]:
        """All sets of units that agree with what is decided and keep the rules."""
        every = itertools.chain.from_iterable(
            itertools.combinations(range(len(self.units)), m) for m in range(len(self.units) + 1)
        )
        return [s for s in map(frozenset, every) if self.keeps(s) and all((u in s) == v for u, v in state.items())]

    def admissible(self, k):
        return [s for s in self.fits if k is None or len(s) <= k]

    def optimum(self, k) -> float:
        return self.fits[self.optima[k]].objective

    # ---- one point

    def root(self):
        return self.propagated(dict.fromkeys(self.forced, True) | dict.fromkeys(self.forbidden, False))

    def propagated(self, state):
        """What the rules decide, one rule at a time; None where they contradict."""
        state, changed = dict(state), True
        while changed:
            changed = False
            for a, b in self.requires:
                open_ = [u for u in set(b) if state.get(u) is not False]
                if not open_ and state.get(a) is True:
                    return None
                new = {a: False} if not open_ else {open_[0]: True} if len(open_) == 1 and state.get(a) else {}
                changed |= any(state.get(u) is not v for u, v in new.items())
                state |= new
            for most, sets in self.at_most:
                used = [any(state.get(u) for u in s) for s in sets]
                if sum(used) > most:
                    return None
                if sum(used) == most:
                    new = {u: False for s, yes in zip(sets, used, strict=True) if not yes for u in s}
                    changed |= any(state.get(u) is not v for u, v in new.items())
                    state |= new
        return state

    def least(self, j, b, d, corr, low, high) -> float:
        """Least value of column j's part of the sum between limits: at a limit, at zero or where it is flat."""

        def value(x):
            ridge = 0.0 if self.l2[j] == 0 else self.l2[j] * x**2
            return (b[j] - x) * corr[j] + d[j] * (x - b[j]) ** 2 / 2 + self.l1[j] * abs(x) + ridge

        curve = 2 * self.l2[j] + d[j]
        flat = [(corr[j] + d[j] * b[j] - sign * self.l1[j]) / curve for sign in (-1, 1)] if curve > 1e-15 else []
        if not flat and not np.isfinite([low, high]).all():
            return -np.inf
        return min(value(x) for x in [low, high, 0.0, *flat] if low <= x <= high and np.isfinite(x))

    def bound(self, state, k, parts, must=None, swap=None) -> float:
        """Least sum over all sets of at most k units that agree with the state (and the unit `must`)."""
        base, cost, idle = parts
        free = [u for u in range(len(self.units)) if u not in state]
        start = {u for u, v in state.items() if v}
        best = np.inf
        for m in range(len(free) + 1):
            for extra in itertools.combinations(free, m):
                s = start | set(extra)
                if (k is not None and len(s) > k) or (must is not None and (must[0] in s) != must[1]):
                    continue
                total = base + self.l0 * len(s)
                total += sum((swap or {}).get(u, cost[u]) if u in s else idle[u] for u in range(len(self.units)))
                best = min(best, total)
        self.largest = max(self.largest, abs(best) if np.isfinite(best) else 0.0)
        return best

    def parts(self, b, d, limits):
        r = self.t - self.Z @ b
        corr = self.Z.T @ (self.q.weights * r)
        cost = [sum(self.least(j, b, d, corr, limits[0][j], limits[1][j]) for j in unit) for unit in self.units]
        idle = [sum(self.least(j, b, d, corr, 0.0, 0.0) for j in unit) for unit in self.units]
        return (0.5 * float(self.q.weights @ r**2), cost, idle), corr

    def point(self, state, limits, last):
        """A ridge fit of some columns of the node, or the best fit itself where all is decided."""
        inside = [u for u in range(len(self.units)) if state.get(u) is not False]
        if not last and self.rng.random() < 0.5:
            inside = [u for u in inside if state.get(u) or self.rng.random() < 0.5]
        b = np.zeros(self.q.n_columns)
        if last or self.rng.random() < 0.9:
            boxed = replace(self.q, lower=limits[0] / self.q.scale, upper=limits[1] / self.q.scale)
            S = sorted(j for u in inside for j in self.units[u])
            b = fit_support(boxed, S).coef * self.q.scale
        return b

    def diagonal(self, state):
        """A random diagonal, negative here and there, as large as the Gram matrix can spare."""
        S = [j for j in range(self.q.n_columns) if state.get(self.unit_of[j]) is not False]
        direction = self.rng.uniform(0.2, 1.0, len(S))
        negative = np.where(self.rng.random(len(S)) < 0.15, -np.minimum(1.9 * self.l2[S], 0.5), 0.0)
        low, high = 0.0, 6.0
        for _ in range(40):
            size = (low + high) / 2
            d = np.where(negative < 0, negative, size * direction)
            room = np.linalg.eigvalsh(self.G[np.ix_(S, S)] - np.diag(d))[0] if S else 1.0
            low, high = (size, high) if room > 1e-9 else (low, size)
        values = np.where(negative < 0, negative, low * direction)
        if not S or np.linalg.eigvalsh(self.G[np.ix_(S, S)] - np.diag(values))[0] < 1e-9:
            return -1, np.zeros(self.q.n_columns)
        self.spared.append((S, values))
        d = np.zeros(self.q.n_columns)
        d[S] = values
        return len(self.spared) - 1, d

    # ---- the tree

    def grow(self, state, limits, best, depth):
        """One node and its subtree, in preorder."""
        node = {"branch": -1, "point": None, "fixes": [], "boxes": [], "diag": -1}
        self.nodes.append(node)
        if state is None or all(k is not None and sum(state.values()) > k for k in self.sizes):
            return
        free, exact, below = [u for u in range(len(self.units)) if u not in state], False, best
        if not free or depth == 0 or self.rng.random() < 0.8:
            exact = not free
            state, limits, best, below = self.tell(node, state, limits, best, last=exact)
            if state is None:
                return
            free = [u for u in free if u not in state]
        done = all(best[k] >= self.optimum(k) * (1 - 1e-7) for k in self.sizes)
        if done or exact or (not self.honest and depth > 2):
            for k in self.sizes:
                if k is None or sum(state.values()) <= k:
                    self.result[k] = min(self.result[k], best[k])
        elif not free or node["fixes"] or self.rng.random() < 0.1:
            node["branch"] = -2
            self.grow(self.propagated(state), limits, below, depth + 1)
        else:
            u = node["branch"] = int(self.rng.choice(free))
            for side in (False, True):
                self.grow(self.propagated(state | {u: side}), limits, below, depth + 1)

    def tell(self, node, state, limits, best, last):
        """Give the node a point, and fixes and boxes by it."""
        b = node["point"] = self.point(state, limits, last)
        d = np.zeros(self.q.n_columns)
        if self.diagonals and not last and self.rng.random() < 0.5:
            node["diag"], d = self.diagonal(state)
        parts, corr = self.parts(b, d, limits)
        best = {k: max(best[k], self.bound(state, k, parts)) for k in self.sizes}
        fixed, below = {}, best
        for u in [u for u in range(len(self.units)) if u not in state]:
            side = bool(self.rng.random() < 0.5)
            given_up = {k: max(best[k], self.bound(state, k, parts, (u, not side))) for k in self.sizes}
            if self.worth(given_up):
                node["fixes"].append((u + 1) * (1 if side else -1))
                fixed[u] = side
                self.give_up(given_up)
        if fixed:  # boxes are judged where the fixes have been made
            state = self.propagated(state | fixed)
            if state is None:
                return None, limits, best, below
            best = {k: max(best[k], self.bound(state, k, parts)) for k in self.sizes}
        limits = limits[0].copy(), limits[1].copy()
        before = limits[0].copy(), limits[1].copy()
        for u, unit in enumerate(self.units):
            if len(unit) == 1 and state.get(u) is not False and self.rng.random() < 0.7:
                self.tighten(node, unit[0], u, state, before, limits, best, parts, (b, d, corr))
        return state, limits, best, best if node["boxes"] else below  # without boxes the checker looks only once

    def tighten(self, node, j, u, state, before, limits, best, parts, at):
        low, high = before[0][j], before[1][j]
        reach = 3 * abs(self.c[j]) + 1e-3
        inner = max(low, -reach * self.rng.random() * 2), min(high, reach * self.rng.random() * 2)
        tried = {}
        for side, (a, z) in enumerate(((low, inner[0]), (inner[1], high))):
            given_up = dict.fromkeys(self.sizes, np.inf)
            if a < z:
                swap = {u: self.least(j, *at, a, z)}
                given_up = {k: max(best[k], self.bound(state, k, parts, (u, True), swap)) for k in self.sizes}
            tried[side] = given_up
        keep = [self.worth(tried[side]) for side in (0, 1)]
        if any(keep):
            limits[0][j], limits[1][j] = inner[0] if keep[0] else low, inner[1] if keep[1] else high
            node["boxes"].append((j, limits[0][j], limits[1][j]))
            for side in (0, 1):
                if keep[side]:
                    self.give_up(tried[side])

    def worth(self, given_up) -> bool:
        if not self.honest:
            return bool(self.rng.random() < 0.15)
        return all(given_up[k] >= self.optimum(k) * (1 - 1e-7) for k in self.sizes)

    def give_up(self, bounds):
        for k in self.sizes:
            self.result[k] = min(self.result[k], bounds[k])

    # ---- the file

    def tree(self) -> Tree:
        nodes, n = self.nodes, len(self.nodes)
        rows = [np.flatnonzero(node["point"]) if node["point"] is not None else [] for node in nodes]
        values = [node["point"][row] / self.q.scale[row] for node, row in zip(nodes, rows, strict=True) if len(row)]
        boxes = [box for node in nodes for box in node["boxes"]]

        def ends(parts):
            return np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)

        def flat(parts, kind):
            return np.array([x for part in parts for x in part], kind)

        return Tree(
            "dual",
            np.array([node["branch"] for node in nodes], np.int32),
            np.array([node["point"] is not None for node in nodes]),
            ends(rows), flat(rows, np.int32), flat(values, float), np.zeros(self.seed % 2 * n),
            ends([node["fixes"] for node in nodes]), flat([node["fixes"] for node in nodes], np.int32),
            ends([node["boxes"] for node in nodes]),
            np.array([box[0] for box in boxes], np.int32), np.array([box[1] for box in boxes], float),
            np.array([box[2] for box in boxes], float),
            np.array([node["diag"] for node in nodes], np.int32),
            ends([S for S, _ in self.spared]), flat([S for S, _ in self.spared], np.int32),
            flat([values for _, values in self.spared], float),
        )  # fmt: skip

    def certificate(self, bounds=None) -> Certificate:
        """All sizes on one tree; the bounds claimed are those given, or what the listing of sets found."""
        q, n_units = self.q, len(self.units)
        weight = np.ones(1) if q.sample_weight is None else np.asarray(q.sample_weight, float)
        unit = np.array([self.unit_of[j] for j in range(q.n_columns)])
        question = Asked(
            q.loss, self.l0, q.l1, q.l2, q.fit_intercept, q.standardize, tuple(f"x{j}" for j in range(q.n_columns)),
            q.box[0], q.box[1], unit, np.isin(np.arange(n_units), list(self.forced)),
            np.isin(np.arange(n_units), list(self.forbidden)), weight, len(q.y), self.requires, self.at_most,
        )  # fmt: skip
        claims = []
        for k in self.sizes:
            fit = self.fits[self.optima[k]]
            support = np.array(fit.columns, np.int64)
            bound = max(0.0, self.result[k] * (1 - 1e-9)) if bounds is None else bounds[k]
            claims.append(
                Claim(0, k, fit.objective, min(bound, fit.objective), support, fit.coef[support], fit.intercept)
            )
        return Certificate(question, tuple(claims), (self.tree(),), {})
