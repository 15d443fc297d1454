r"""The certificate checker: plain NumPy, no solver code, written to be read by whoever doubts a claim.

Columns z_j = (x_j - m_j) / s_j have unit weighted deviation (about zero without an intercept), weights w sum to one.
Let b be any vector, r = t - Zb, q = Z'Wr, and D any diagonal with Z'WZ - D positive semidefinite. Then squared error is
at least |r|^2/2 + sum_j [(b_j - x_j) q_j + d_j (x_j - b_j)^2 / 2] at every x, and with l1 and l2 the columns part:

.. math:: \phi_j(x) = (b_j - x) q_j + \tfrac12 d_j (x - b_j)^2 + \lambda_1 |x| + \lambda_2 x^2

A unit that is in costs :math:`\lambda_0` and the least of its :math:`\phi_j` within the limits, one that is out
:math:`\phi_j(0)`; at most k units are in, so of the free ones only the k - \|in\| that lower the sum most. Other losses
have b = 0, D = 0 and :math:`-\sum_i w_i [f^*(y_i, -r_i) + r_i o_i]` for the first term, o_i the offset (weak duality).
Rounding is charged to the bounds: a dot product of n terms errs by at most :math:`\gamma_n |x|^\top |y|` (Higham 2002,
section 3.1).

References
----------
Higham (2002), "Accuracy and Stability of Numerical Algorithms"; Furnival & Wilson (1974), "Regressions by leaps and
bounds"; Rump (2006), "Verification of positive definiteness".
"""

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from .errors import CertificateError

UNIT, CHUNK = 2.0**-53, 2**20  # unit of rounding; numbers handled together
CONSTANT = 1e-9  # a column whose deviation is below this share of its size is constant, and as good as absent
TOLERANCE, ROUNDED = 1e-9, 1e-12  # relative errors of claimed objectives, and of limits on the scale of the columns
APART, RANK, FINE = 100_000, 1e-12, 1e-9  # most supports fitted one by one; rank and relative error of these fits


class Checker:
    """Re-computes the claims of one well-formed certificate from X and y."""

    @np.errstate(all="ignore")  # what overflows is refused, not warned of
    def __init__(self, certificate, X, y):
        self.certificate, self.q = certificate, certificate.question
        q, p, weight = self.q, X.shape[1], np.broadcast_to(self.q.weight, y.shape)
        shift, squared = np.broadcast_to(q.offset, y.shape), q.loss == "squared"  # a shift of y, or of the predictor
        y, self.shift = (y - shift, 0.0 * y[weight > 0]) if squared else (y, shift[weight > 0])
        self.X, self.y, w = X[weight > 0], y[weight > 0], weight[weight > 0] / weight.sum()
        mean = self.X[0] + w @ (self.X - self.X[0])
        centre = mean if q.fit_intercept else np.zeros(p)
        scale = np.sqrt(w @ (self.X - centre) ** 2)
        self.constant = scale <= CONSTANT * np.sqrt(w @ (self.X - mean) ** 2 + mean**2)
        self.w, self.scale = w, np.where(self.constant, 1.0, scale)
        Z = np.where(self.constant, 0.0, (self.X - centre) / self.scale)
        t = self.y - self.y[0] - (w @ (self.y - self.y[0]) if q.fit_intercept else -self.y[0])
        if q.fit_intercept:  # any constant may be subtracted; a second pass leaves means at rounding level
            Z -= w @ Z
        self.Z, self.t = np.sqrt(w)[:, None] * Z, np.sqrt(w) * t
        self.gamma = 8 * (w.size + 64) * UNIT
        self.error = 2 * self.gamma  # of a product with a column of norm one
        divide = np.ones(p) if q.standardize else self.scale
        self.l1, self.l2, self.limits = q.l1 / divide, q.l2 / divide**2, (q.lower * self.scale, q.upper * self.scale)
        mu = w @ self.y if q.fit_intercept else {"logistic": 0.5, "poisson": 1.0}.get(q.loss)
        loss = self.t**2 / (2 * w) if q.loss == "squared" else self._deviance(self.y, np.full(w.size, mu))
        self.null = float(w @ loss)  # of the empty model

    @np.errstate(all="ignore")
    def run(self):
        """Check every claim; returns them with the bounds found here."""
        claims, bounds = self.certificate.claims, {}
        if not claims:
            raise CertificateError("the certificate claims nothing.")
        for t, tree in enumerate(self.certificate.trees):
            sizes = list({c.k for c in claims if c.tree == t})
            bounds |= {(t, k): bound for k, bound in zip(sizes, self.tree_bounds(tree, sizes), strict=True)}
        return tuple(self._claim(claim, max(0.0, bounds[claim.tree, claim.k])) for claim in claims)

    @np.errstate(all="ignore")
    def tree_bounds(self, tree, sizes):
        """Bound that a tree proves for each size; evidence on which the arithmetic fails proves nothing."""
        check = {"enumeration": self._enumerated, "superset": self._superset, "dual": self._dual}[tree.kind]
        most = self.q.forced.size
        try:
            bounds = check(tree, np.array([most if k is None else min(k, most) for k in sizes], int))
        except np.linalg.LinAlgError:
            raise CertificateError("a matrix that has to be positive cannot spare what the evidence takes.") from None
        return [-np.inf if np.isnan(bound) else float(bound) * (1.0 - 16 * UNIT) for bound in bounds]

    def _claim(self, claim, bound):
        q, coef, units = self.q, np.zeros(self.scale.size), self.q.forced.copy()  # forced units count, zero or not
        coef[claim.support], units[q.unit[claim.support]] = claim.values, True
        size, most = ("any size", units.size) if claim.k is None else (f"size at most {claim.k}", claim.k)
        keeps_rules = (
            self._propagated(np.where(units, 1, -1), most)
            and not (units & q.forbidden).any()
            and (coef >= (1.0 + ROUNDED) * q.lower).all()
            and (coef <= (1.0 + ROUNDED) * q.upper).all()
            and (q.fit_intercept or claim.intercept == 0)
        )
        if not keeps_rules:
            raise CertificateError(f"the support claimed for {size} breaks the rules of the question.")
        eta, gamma = self.X @ coef + claim.intercept + self.shift, coef * self.scale
        loss = 0.5 * (self.y - eta) ** 2 if q.loss == "squared" else self._deviance(self.y, self._mean(eta))
        objective = float(self.w @ loss + self.l1 @ np.abs(gamma) + self.l2 @ gamma**2 + q.l0 * units.sum())
        # huge coefficients that cancel cost digits in anybody's arithmetic: allow for what their products round to
        sizes = np.abs(self.X) @ np.abs(coef) + abs(claim.intercept) + np.abs(self.shift)
        rounded = 4 * (claim.support.size + 8) * UNIT * sizes
        slack = TOLERANCE * max(objective, 1e-3 * self.null) + np.sqrt(2 * max(objective, 0.0) * (self.w @ rounded**2))
        if not (np.isfinite(objective) and np.isfinite(slack) and abs(objective - claim.objective) <= slack):
            found = f"the objective {objective:.12g} on these data, not {claim.objective:.12g}"
            raise CertificateError(f"the support claimed for {size} has {found}.")
        if not claim.lower_bound <= bound:
            found = f"the bound {bound:.15g}, less than the {claim.lower_bound:.15g} that is claimed"
            raise CertificateError(f"the evidence for {size} proves {found}.")
        reached = max(claim.objective, objective)
        gap = max(0.0, reached - bound) / max(reached, 1e-12 * self.null, 1e-300)
        return replace(claim, lower_bound=min(bound, claim.objective), gap=gap)

    # ---- points: what any coefficients make of the columns

    def _mean(self, eta):
        return 1.0 / (1.0 + np.exp(-eta)) if self.q.loss == "logistic" else np.exp(eta)

    def _deviance(self, y, mu):
        """Half the deviance at the mean mu, a row each; with mu in the place of y, it is minus the conjugate."""
        if self.q.loss == "logistic":
            return -_log(y, mu) - _log(1.0 - y, 1.0 - mu)
        return mu - self.y + _log(self.y, self.y) - _log(y, mu)

    def _points(self, coef, intercept):
        """For coefficients, a row each: the first term, the error of the residuals, b, q, and the error of q."""
        used = coef.any(axis=0)
        if self.q.loss == "squared":
            b = np.where(self.constant, 0.0, coef * self.scale)
            r = self.t - b[:, used] @ self.Z[:, used].T
            norm = np.sqrt((r**2).sum(axis=1))
            lost = self.gamma * np.sqrt(2 * self.null) + 4 * ((b != 0).sum(axis=1) + 16) * UNIT * np.abs(b).sum(axis=1)
            return 0.5 * (1.0 - self.gamma) * norm**2, lost, b, r @ self.Z, self.error * norm
        w, y = self.w, self.y
        mu = self._mean(coef[:, used] @ self.X[:, used].T + np.reshape(intercept, (-1, 1)) + self.shift)
        if self.q.fit_intercept:  # residuals have to sum to zero: shrink the means, or what they lack to one
            wanted, total = w @ y, (mu @ w)[:, None]
            raised = 1.0 - (1.0 - mu) * ((1.0 - wanted) / (1.0 - total))
            mu = np.where((total < wanted) & (self.q.loss == "logistic"), raised, mu * (wanted / total))
        r = y - mu
        terms, moved = self._deviance(y - r, y - r), r * self.shift
        # what the sum still is: it moves the logarithms, too, and what the shift adds
        steep = 1.0 + np.abs(terms).max(axis=1) + np.abs(self.shift).max()
        loose = self.q.fit_intercept * (np.abs(r @ w) + self.gamma * (np.abs(r) @ w)) * steep
        lost = self.gamma * ((1.0 + np.abs(terms) + np.abs(moved)) @ w)
        base, b = (terms - moved) @ w - loose - lost, np.zeros(coef.shape)
        return base, b[:, 0], b, (r * np.sqrt(w)) @ self.Z, self.error * np.sqrt(r**2 @ w) + 2 * loose

    def _least(self, j, point, low, high):
        """Least phi of columns j for x from low to high, rounded down; it is concave in q, so the ends of q +- e do."""
        b, q, e, d = point
        b, q, d, l1, l2 = b[..., j], q[..., j], d[j], self.l1[j], self.l2[j]
        e = e[..., None] + 4 * UNIT * np.abs(d * b)
        correlation = np.array([q - e, q + e])
        v = correlation + d * b
        x = np.where(np.abs(v) > l1, (np.abs(v) - l1) / (2.0 * l2 + d), 0.0)
        x = np.clip(np.copysign(x, v), low, high)  # phi is convex
        terms = (b - x) * correlation, 0.5 * d * (x - b) ** 2, l1 * np.abs(x), l2 * x**2
        value = sum(terms) - 8 * UNIT * sum(np.abs(term) for term in terms)
        return np.where(np.isnan(value), -np.inf, value).min(axis=0)

    # ---- trees, in preorder: -1 is a leaf, -2 goes on; a unit has the subtree without it first, then that with it

    def _walk(self, tree, most, judge):
        """Yield what holds at leaves: units (1 in, -1 out, 0 free), limits, best bound; `judge` changes it at nodes."""
        q, root = self.q, np.full(self.q.forced.size, -1, np.int8)
        root[q.unit[~self.constant]] = 0
        root[q.forbidden], root[q.forced] = -1, 1
        waiting: list[Any] = [(root, *self.limits, -np.inf)]
        for node, unit in enumerate(tree.branch.tolist()):
            if not waiting:
                raise CertificateError("a tree of the certificate goes on after its last leaf.")
            at = waiting.pop()  # None where no support is left: what follows has to be a tree, and that is all
            at = judge(node, *at) if at is not None and self._propagated(at[0], most) else None
            if unit == -1 and at is not None:
                yield at
            if unit == -2:
                waiting.append(at)
            for side in (1, -1) if unit >= 0 else ():
                waiting.append(None if at is None or at[0][unit] == -side else (at[0].copy(), *at[1:]))
                if waiting[-1] is not None:
                    waiting[-1][0][unit] = side
        if waiting:
            raise CertificateError("a tree of the certificate lacks a leaf: its evidence does not cover all supports.")

    def _propagated(self, state, most):
        """Whether supports of at most `most` units may be left, after the state has all that the rules decide."""
        before: Any = None if self.q.requires or self.q.at_most else state
        while before is not state and not np.array_equal(state, before):
            before = state.copy()
            for unit, needed in self.q.requires:
                possible = {u for u in needed if state[u] >= 0}
                if state[unit] == 1 and not possible:
                    return False
                if state[unit] == 1 and len(possible) == 1:
                    state[possible.pop()] = 1
                elif not possible:
                    state[unit] = -1
            for places, sets in self.q.at_most:
                unused = [list(s) for s in sets if (state[list(s)] < 1).all()]
                if len(sets) - len(unused) > places:
                    return False
                if len(sets) - len(unused) == places:
                    state[[u for s in unused for u in s]] = -1
        return (state == 1).sum() <= most

    def _dual(self, tree, k):
        """Least bound over all leaves, and over all that fixes and boxes give up, for each size."""
        batch, p, result = max(1, CHUNK // max(self.X.shape)), self.scale.size, np.full(k.size, np.inf)
        spared = lru_cache(None)(lambda g: self._spared(tree, slice(*tree.diag_indptr[g : g + 2])))

        @lru_cache(1)
        def points(first):
            ends = tree.indptr[first : first + batch + 1]
            coef, part = np.zeros((ends.size - 1, p)), slice(ends[0], ends[-1])
            coef[np.repeat(np.arange(ends.size - 1), np.diff(ends)), tree.indices[part]] = tree.values[part]
            return self._points(coef, tree.intercepts[first : first + batch] if tree.intercepts.size else 0.0)

        def judge(node, *at):
            if not tree.has_point[node]:
                return at
            g, point = tree.diag[node], [part[node % batch] for part in points(node - node % batch)]
            return self._judged(tree, node, k, result, [*point, spared(g) if g >= 0 else np.zeros(p)], *at)

        for state, *_, best in self._walk(tree, k.max(initial=0), judge):
            np.minimum(result, np.where((state == 1).sum() > k, np.inf, best), out=result)
        return result

    def _judged(self, tree, node, k, result, point, state, lower, upper, best):
        """What holds below a node with a point; what its fixes and boxes give up lowers the result."""
        (base, lost, *point), unit = point, self.q.unit
        allowed, used = np.flatnonzero(state[unit] >= 0), np.flatnonzero(point[0])
        if np.isnan(point[-1][allowed]).any() or np.isnan(point[-1][used]).any():
            raise CertificateError("a diagonal is used at a node that allows columns outside its set.")
        least = self._least(allowed, point, lower[allowed], upper[allowed])
        cost = np.bincount(unit[allowed], least, state.size) + self.q.l0  # of each unit, when it is in
        idle = np.bincount(unit[used], self._least(used, point, 0.0, 0.0), state.size)  # and when it is out
        value, inside, outside = self._sums(state, k, base, cost, idle)
        best = np.fmax(best, _settled(value, lost))  # what is no number says nothing
        fixes = tree.fixes[tree.fix_indptr[node] : tree.fix_indptr[node + 1]]
        if fixes.size:
            u = np.abs(fixes) - 1
            if state[u].any() or np.unique(u).size < u.size:
                raise CertificateError("a tree of the certificate fixes a unit that is decided already.")
            given_up = np.where(fixes > 0, outside[:, u], inside[:, u])
            np.minimum(result, np.fmax(best, _settled(given_up.T, lost)).min(axis=0), out=result)
            state[u] = np.sign(fixes)
            if not self._propagated(state, k.max(initial=0)):
                return None
            value, inside, outside = self._sums(state, k, base, cost, idle)
            best = np.fmax(best, _settled(value, lost))
        box = slice(tree.box_indptr[node], tree.box_indptr[node + 1])
        if box.start < box.stop:
            j, low, high = tree.box_column[box], tree.box_lower[box], tree.box_upper[box]
            low = np.where(low <= (1.0 - ROUNDED) * lower[j], lower[j], low)  # what repeats a limit, but for rounding,
            high = np.where(high >= (1.0 - ROUNDED) * upper[j], upper[j], high)  # is that limit
            for start, end in ((lower[j], low), (high, upper[j])):  # the unit is in, and has no other column
                given_up = inside[:, unit[j]] + self._least(j, point, start, end) + self.q.l0 - cost[unit[j]]
                given_up = np.where((start < end) & (state[unit[j]] >= 0), given_up, np.inf)
                np.minimum(result, np.fmax(best, _settled(given_up.T, lost)).min(axis=0), out=result)
            lower, upper = lower.copy(), upper.copy()
            lower[j], upper[j] = low, high
        return state, lower, upper, best

    def _sums(self, state, k, base, cost, idle):
        """Least sum at a node for each size; also with each unit in, and with each unit out."""
        rise, terms, n_inside = idle - cost, np.where(state == 1, cost, idle), (state == 1).sum()
        useful = np.maximum(rise, 0.0)
        ranked = np.concatenate([[np.inf], -np.sort(-useful[state == 0]), [0.0]])
        room = np.clip(k - n_inside, 0, ranked.size - 2)  # places that are left
        taken = np.array([ranked[1 : places + 1].sum() for places in room])
        value = base + terms.sum() - taken
        value -= 4 * (self.scale.size + 64) * UNIT * (np.abs(base) + np.abs(terms).sum() + taken)
        value = np.where(n_inside > k, np.inf, np.where(np.isfinite(value), value, -np.inf))[:, None]
        enters = np.where(state == 1, 0.0, np.maximum(useful, ranked[room, None]) - rise)  # in the last of the places
        return value[:, 0], value + enters, value + np.maximum(useful - ranked[room + 1, None], 0.0)

    def _spared(self, tree, part):
        """A diagonal, proved to leave the Gram matrix of its columns positive semidefinite; elsewhere no numbers."""
        columns, values, d = tree.diag_columns[part], tree.diag_values[part], np.where(self.constant, 0.0, np.nan)
        root, m, d[columns] = self.Z[:, columns], columns.size, values
        if np.unique(columns).size < m or (values < -2.0 * self.l2[columns]).any() or self.q.loss != "squared":
            raise CertificateError("a diagonal names a column twice, is below the ridge, or is given for another loss.")
        # rounding of the Gram matrix and of its factor (Rump 2006)
        margin = m * (self.error + 4 * (m + 4) * UNIT * (1.0 + np.abs(values).max(initial=0.0)))
        np.linalg.cholesky(root.T @ root - np.diag(values + margin))
        return d

    # ---- least squares: all columns that a leaf allows, or all supports of at most three columns

    def _superset(self, tree, k):
        """Bound at the least-squares fit of all columns that a leaf allows, with D from the least eigenvalue."""
        p, bounds, n_units = self.scale.size, [np.empty(0)], self.q.forced.size
        leaves = self._walk(tree, n_units, lambda node, *at: at)
        states = np.array([state for state, *_ in leaves], np.int8).reshape(-1, n_units)
        allowed = (states >= 0)[:, self.q.unit] & ~self.constant
        S = np.flatnonzero(allowed.any(axis=0))
        A, c = self.Z[:, S].T @ self.Z[:, S] + np.diag(2.0 * self.l2[S]), self.Z[:, S].T @ self.t
        mu = np.linalg.eigvalsh(A).min(initial=1.0) - p * (self.error + 8 * UNIT * np.trace(A))
        if not (mu > 0 and self.q.loss == "squared"):
            raise CertificateError("columns are collinear to rounding, so least-squares leaves prove nothing here.")
        for some in np.array_split(allowed, 1 + len(allowed) * (S.size**2 + p + self.t.size) // CHUNK):
            mine, coef = some[:, S], np.zeros(some.shape)  # what is not allowed is a fit of its own, to nothing
            normal = np.where(mine[:, :, None] & mine[:, None, :], A, np.eye(S.size))
            coef[:, S] = np.linalg.solve(normal, (mine * c)[:, :, None])[:, :, 0] / self.scale[S]
            base, lost, *point = self._points(coef, 0.0)
            least = self._least(slice(None), (*point, mu - 2.0 * self.l2), *self.limits)
            bounds.append(_settled(base + np.where(some, least, 0.0).sum(axis=1), lost))
        inside = (states == 1).sum(axis=1)
        bounds = np.concatenate(bounds) + self.q.l0 * inside
        return [np.min(bounds[inside <= size], initial=np.inf) for size in k]

    def _enumerated(self, _, k):
        """Least-squares value of every support of at most three columns beyond the forced ones.

        Columns are projected out one after the other; a copy of an earlier one is passed over. What is left of a column
        of norm s has an error of about 1/s units of rounding, or 1/s^2 where it is read off a Gram matrix, and is
        nothing below RANK; all that could be the best of its size is fitted once more.
        """
        q, forced, top = self.q, np.flatnonzero(self.q.forced), k.max(initial=0) - self.q.forced.sum()
        if q.forced.size != self.scale.size or not 0 <= top <= 3 or q.loss != "squared":
            raise CertificateError("enumeration is given for sizes or groups that it cannot settle.")
        design = np.vstack([self.Z, np.diag(np.sqrt(2.0 * self.l2))[self.l2 > 0]])
        target = np.append(self.t, np.zeros(len(design) - self.t.size))

        def fit(columns, of):
            b = np.linalg.lstsq(design[:, columns], of, rcond=RANK)[0]
            return of - design[:, columns] @ b, b

        def fitted(columns):
            r, b = fit(columns, target)  # huge coefficients that cancel show the rounding of the columns
            return 0.5 * max(np.sqrt(r @ r) - 8 * UNIT * np.abs(b).sum(), 0.0) ** 2

        free = np.flatnonzero(~q.forced & ~q.forbidden & ~self.constant)
        P, r = fit(forced, design[:, free])[0], fit(forced, target)[0]
        Q, alone = P / np.maximum(np.linalg.norm(P, axis=0), RANK), np.ones(free.size, bool)
        for i, j in np.argwhere(np.triu(np.abs(Q.T @ Q) > 1.0 - FINE, 1)):
            alone[j] &= np.linalg.norm(P[:, j] - Q[:, i] * (Q[:, i] @ P[:, j])) > RANK
        free = free[alone]
        least, fits = [fitted(forced), np.inf, np.inf, np.inf], 0  # by size
        for head, value, norm in _scored(P[:, alone], r, top) if top else ():
            size, error = len(head) + 1, 64 * self.error * self.null / norm
            for i in np.flatnonzero(value - error <= least[size]):
                least[size] = min(least[size], fitted([*forced, *free[[*head, free.size - value.size + i]]]))
                fits += 1
            if fits > APART:
                raise CertificateError(
                    "too many supports have nearly dependent columns for enumeration to settle them."
                )
        bounds = (1.0 - FINE) * np.array(least) + q.l0 * (forced.size + np.arange(4))
        return [bounds[: max(0, most - forced.size) + 1].min() for most in k]


def _scored(P, r, top, head=(), share=1.0):
    """Supports of up to `top` columns: all but the last, and values and norms for all that can be the last.

    P is what the first columns leave of all later ones, r what they leave of the target. The last of three columns is
    read off a Gram matrix: nothing as long as a column is touched for a pair of first ones.
    """
    norm = np.sqrt((P**2).sum(axis=0))
    norm[norm <= RANK] = np.inf  # nothing is left
    Q, first = P / norm, head[-1] + 1 if head else 0
    step = r @ Q
    yield head, 0.5 * (r @ r - step**2), share * norm
    places = np.flatnonzero(np.isfinite(norm))
    if head and top == 3:
        G, c, total = P.T @ P, r @ P, r @ r
        for i in places:
            u = G[i, i + 1 :] / norm[i]
            left = np.maximum(np.diagonal(G)[i + 1 :] - u**2, 1e-300)
            value = 0.5 * (total - step[i] ** 2 - (c[i + 1 :] - step[i] * u) ** 2 / left)
            yield (*head, first + i), value, share * norm[i] ** 2 * left
        return
    for i in places if len(head) + 1 < top else ():
        later = P[:, i + 1 :] - np.outer(Q[:, i], Q[:, i] @ P[:, i + 1 :])
        yield from _scored(later, r - step[i] * Q[:, i], top, (*head, first + i), share * norm[i])


def _settled(value, lost):
    """A bound for data moved by a vector of norm `lost`, for which the residuals are right, as one for the data."""
    return np.where(value < np.inf, value - lost * np.sqrt(2.0 * np.maximum(value, 0.0)), np.inf)


def _log(a, b):
    """Compute a log b, nothing where a is nothing."""
    return np.where(a > 0, a * np.log(b), 0.0)
