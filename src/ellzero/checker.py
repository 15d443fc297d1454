r"""The certificate checker: plain NumPy, no solver code, written to be read by whoever doubts a claim.

Columns z_j = (x_j - m_j) / s_j have unit weighted deviation (about zero without an intercept), the weights w sum one.
Let b be any vector, r = t - Zb, q = Z'Wr, and D any diagonal with Z'WZ - D positive semidefinite. Then squared error is
at least |r|^2/2 + sum_j [(b_j - x_j) q_j + d_j (x_j - b_j)^2 / 2] at every x, and with l1 and l2 the columns part:

.. math:: \phi_j(x) = (b_j - x) q_j + \tfrac12 d_j (x - b_j)^2 + \lambda_1 |x| + \lambda_2 x^2

A unit that is in costs :math:`\lambda_0` and the least value of its :math:`\phi_j` within the limits, one that is out
:math:`\phi_j(0)`; at most k units are in, so of the free ones only the k - \|in\| count that lower the sum most. Other
losses have b = 0, D = 0 and :math:`-\sum_i w_i f^*(y_i, -r_i)` for the first term (weak duality). Rounding
is charged to the bounds: a dot product of n terms errs by at most :math:`\gamma_n |x|^\top |y|`.

References
----------
Higham (2002), "Accuracy and Stability of Numerical Algorithms", section 3.1; Furnival & Wilson (1974), "Regressions by
leaps and bounds"; Rump (2006), "Verification of positive definiteness".
"""

from dataclasses import dataclass, replace
from itertools import combinations, islice

import numpy as np

from .errors import CertificateError

UNIT = 2.0**-53
CONSTANT = 1e-9  # a column whose deviation is below this share of its size is constant, and as good as absent
OBJECTIVE_TOLERANCE = 1e-9
FINE = 1e-9  # rounding may take this share of a value before the slower, finer form is used
NEARLY = 1e-4  # a column that keeps less of its squared norm beside others is nearly dependent on them
ROUNDED = 1e-12  # relative error of limits that others have put on the scale of the columns
COPY = 1e-12  # largest difference of a scaled column from the one it copies
APART = 100_000  # most supports with nearly dependent columns that are fitted one by one
RANK = 1e-12  # singular values below this share of the largest are rounding
CHUNK = 2**17  # numbers handled together
NONE = np.empty(0, np.int64)


@dataclass(slots=True, eq=False)
class Visit:
    """A node as the walk meets it: units (1 in, -1 out, 0 free), limits, what its point decides, bounds known."""

    node: int
    state: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    fixes: np.ndarray
    boxes: np.ndarray
    leaf: bool
    parent: "Visit | None"
    best: np.ndarray | None = None


class Checker:
    """Re-computes the claims of one well-formed certificate from X and y."""

    def __init__(self, certificate, X, y):
        self.certificate, self.q = certificate, certificate.question
        X = X.toarray() if hasattr(X, "toarray") else np.asarray(X, dtype=np.float64)
        y = np.asarray(y, dtype=np.float64).ravel()
        p, n = len(self.q.names), self.q.n_samples
        if X.shape != (n, p) or y.shape != (n,):
            raise CertificateError(
                f"the certificate is about {n} rows and {p} columns, X has shape {X.shape}, y {y.shape}."
            )
        if not (np.isfinite(X).all() and np.isfinite(y).all()):
            raise CertificateError("X and y must be finite numbers.")
        weight = np.broadcast_to(self.q.weight, n)
        counted = weight > 0
        self.X, self.y, self.w = X[counted], y[counted], weight[counted] / weight.sum()
        self.n_units, self.by_unit = self.q.forced.size, np.argsort(self.q.unit, kind="stable")
        self.rules = [_flat(s for _, s in self.q.requires), _flat(s for _, sets in self.q.at_most for s in sets)]
        self._standardise()
        self.spared = {}  # diagonals that were proved

    def _standardise(self):
        q, w = self.q, self.w
        origin = self.X[0]
        mean = origin + w @ (self.X - origin)
        centre = mean if q.fit_intercept else np.zeros_like(mean)
        scale = np.sqrt(w @ (self.X - centre) ** 2)
        self.constant = scale <= CONSTANT * np.sqrt(w @ (self.X - mean) ** 2 + mean**2)
        self.scale = np.where(self.constant, 1.0, scale)
        self.Z = np.where(self.constant, 0.0, (self.X - centre) / self.scale)
        if q.fit_intercept:  # any constant may be subtracted; a second pass leaves means at rounding level
            self.Z -= w @ self.Z
        self.gamma = 8 * (self.X.shape[0] + 64) * UNIT
        self.column_error = 2 * self.gamma  # of a product with a column of norm one
        divide = 1.0 if q.standardize else self.scale
        self.l1, self.l2 = q.l1 / divide * np.ones_like(scale), q.l2 / divide**2 * np.ones_like(scale)
        self.limits = q.lower * self.scale, q.upper * self.scale
        if q.loss == "squared":
            self.t = self.y - self.y[0] - (w @ (self.y - self.y[0]) if q.fit_intercept else -self.y[0])
            self.null = 0.5 * float(w @ self.t**2)
        else:
            mu = float(w @ self.y) if q.fit_intercept else {"logistic": 0.5, "poisson": 1.0}[q.loss]
            self.null = float(w @ self._deviance(np.full(self.y.size, mu)))

    def run(self):
        """Check every claim; returns them with the bounds found here."""
        claims, bounds = self.certificate.claims, {}
        if not claims:
            raise CertificateError("the certificate claims nothing.")
        for t, tree in enumerate(self.certificate.trees):
            sizes = sorted({c.k for c in claims if c.tree == t}, key=lambda k: -1 if k is None else k)
            bounds |= {(t, k): bound for k, bound in zip(sizes, self.tree_bounds(tree, sizes), strict=True)}
        with np.errstate(all="ignore"):  # what overflows is refused below, not warned of
            return tuple(self._claim(claim, bounds[claim.tree, claim.k]) for claim in claims)

    def tree_bounds(self, tree, sizes):
        """Bound that a tree proves for each size; evidence on which the arithmetic fails proves nothing."""
        kinds = {"enumeration": self._enumerate, "superset": self._superset_bounds, "dual": self._dual_bounds}
        try:
            with np.errstate(all="ignore"):
                bounds = kinds[tree.kind](tree, sizes)
        except np.linalg.LinAlgError:
            raise CertificateError("the evidence is numerically singular, and proves nothing.") from None
        return [-np.inf if np.isnan(bound) else float(bound) for bound in bounds]

    # ---- incumbents

    def _deviance(self, mu):
        """Half the deviance of each row at the mean mu."""
        y = self.y
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.q.loss == "logistic":
                return -np.log(np.where(y > 0.5, mu, 1.0 - mu))
            return mu - y + np.where(y > 0, y * np.log(np.where(y > 0, y, 1.0) / mu), 0.0)

    def _mean(self, eta):
        return 1.0 / (1.0 + np.exp(-eta)) if self.q.loss == "logistic" else np.exp(eta)

    def _claim(self, claim, bound):
        q, coef = self.q, np.zeros(len(self.q.names))
        size = "any size" if claim.k is None else f"size at most {claim.k}"
        coef[claim.support] = claim.values
        units = q.forced.copy()  # a forced unit counts, also where its coefficients happen to be zero
        units[q.unit[claim.support]] = True
        keeps_rules = (
            (claim.k is None or units.sum() <= claim.k)
            and not (units & q.forbidden).any()
            and all(not units[unit] or units[list(needed)].any() for unit, needed in q.requires)
            and all(sum(units[list(s)].any() for s in sets) <= most for most, sets in q.at_most)
            and (coef >= (1.0 + ROUNDED) * q.lower).all()
            and (coef <= (1.0 + ROUNDED) * q.upper).all()
            and (q.fit_intercept or claim.intercept == 0)
        )
        if not keeps_rules:
            raise CertificateError(f"the support claimed for {size} breaks the rules of the question.")
        eta = self.X @ coef + claim.intercept
        loss = 0.5 * (self.y - eta) ** 2 if q.loss == "squared" else self._deviance(self._mean(eta))
        gamma = coef * self.scale
        objective = float(self.w @ loss + self.l1 @ np.abs(gamma) + self.l2 @ gamma**2 + q.l0 * units.sum())
        # huge coefficients that cancel cost digits in anybody's arithmetic: allow for what their products round to
        rounded = 4 * (claim.support.size + 8) * UNIT * (np.abs(self.X) @ np.abs(coef) + abs(claim.intercept))
        slack = OBJECTIVE_TOLERANCE * max(objective, 1e-3 * self.null)
        slack += float(np.sqrt(2.0 * max(objective, 0.0)) * np.sqrt(self.w @ rounded**2))
        if not (np.isfinite(objective) and np.isfinite(slack) and abs(objective - claim.objective) <= slack):
            raise CertificateError(
                f"the support claimed for {size} has the objective {objective:.12g} on these data, "
                f"not {claim.objective:.12g}."
            )
        bound = max(0.0, bound)  # losses and penalties are never negative
        if not claim.lower_bound <= bound:
            raise CertificateError(
                f"the evidence for {size} proves the bound {bound:.15g}, less than the {claim.lower_bound:.15g} "
                "that is claimed."
            )
        reached = max(claim.objective, objective)
        gap = max(0.0, reached - bound) / max(reached, 1e-12 * self.null, 1e-300)
        return replace(claim, lower_bound=min(bound, claim.objective), gap=gap)

    # ---- the walk

    def _walk(self, tree, most):
        """Every node that a support of at most `most` units reaches, in preorder; with fixes and boxes, twice."""
        root = np.where(self.q.forced, 1, np.where(self.q.forbidden, -1, 0)).astype(np.int8)
        root[np.setdiff1d(np.arange(self.n_units), self.q.unit[~self.constant])] = -1
        if (self.q.forced & (root < 0)).any():
            raise CertificateError("a forced column is constant on these data.")
        waiting, dual = [(root, *self.limits, None)], tree.kind == "dual"
        for node, unit in enumerate(tree.branch.tolist()):
            if not waiting:
                raise CertificateError("a tree of the certificate goes on after its last leaf.")
            state, lower, upper, visit = waiting.pop()
            for fixes, boxes, last in _parts(tree, node) if dual or unit < 0 else ():
                state = self._propagated(state, most)
                if state is None:  # no support is left: what follows has to be a tree, and that is all
                    break
                visit = Visit(node, state, lower, upper, fixes, boxes, last and unit == -1, visit)
                yield visit
                state, lower, upper = _decided(tree, visit)
            if unit == -2:
                waiting.append((state, lower, upper, visit))
            elif unit >= 0:  # the branch that leaves the unit out comes first
                inside = outside = state
                if state is not None and state[unit] == 0:
                    inside, outside = state.copy(), state.copy() if dual else state
                    inside[unit], outside[unit] = 1, -1
                elif state is not None:  # what is decided already has no other side
                    inside, outside = (state, None) if state[unit] > 0 else (None, state)
                waiting += [(inside, lower, upper, visit), (outside, lower, upper, visit)]
        if waiting:
            raise CertificateError("a tree of the certificate lacks a leaf: its evidence does not cover all supports.")

    def _propagated(self, state, most):
        """The state with all that the rules decide, or None where no support of the size is left."""
        (needed, need_at, need_of), (sets, set_at, set_of) = self.rules
        before = None
        while state is not None and (needed.size or sets.size) and not np.array_equal(state, before):
            before, state = state, state.copy()
            if needed.size:
                units = np.array([unit for unit, _ in self.q.requires])
                possible = np.add.reduceat((state >= 0)[needed].astype(int), need_at)
                if (state[units[possible == 0]] == 1).any():
                    return None
                state[units[possible == 0]] = -1
                last = (possible == 1) & (state[units] == 1)
                state[needed[last[need_of] & (state[needed] == 0)]] = 1
            if sets.size:
                used = np.logical_or.reduceat((state == 1)[sets], set_at)
                rule = np.repeat(np.arange(len(self.q.at_most)), [len(s) for _, s in self.q.at_most])
                room = np.array([m for m, _ in self.q.at_most]) - np.bincount(rule, used)
                if (room < 0).any():
                    return None
                state[sets[((room[rule] == 0) & ~used)[set_of]]] = -1
        return None if state is None or (most < self.n_units and (state == 1).sum() > most) else state

    # ---- dual evidence

    def _dual_bounds(self, tree, sizes):
        """Least bound over all leaves, and over all that fixes and boxes give up, for each size."""
        k = np.array([self.n_units if k is None else k for k in sizes])[:, None]
        lower, upper = (
            limit[tree.box_column] for limit in self.limits
        )  # what repeats these, but for rounding, is no box
        low = np.where(tree.box_lower <= (1.0 - ROUNDED) * lower, lower, tree.box_lower)
        high = np.where(tree.box_upper >= (1.0 - ROUNDED) * upper, upper, tree.box_upper)
        tree = replace(tree, box_lower=low, box_upper=high)
        walk, result = self._walk(tree, k.max()), np.full(len(sizes), np.inf)
        while visits := list(islice(walk, max(1, CHUNK // max(self.X.shape)))):
            told = [visit for visit in visits if tree.has_point[visit.node]]
            bounds, given_up, giver = self._bounds_at(tree, told, k) if told else (np.empty((k.size, 0)), 0.0, [])
            known = {id(visit): bound for visit, bound in zip(told, bounds.T, strict=True)}
            for visit in visits:
                inherited = np.full(k.size, -np.inf) if visit.parent is None else visit.parent.best
                visit.best = np.fmax(inherited, known.get(id(visit), -np.inf))  # what is no number says nothing
                visit.parent = None
                if visit.leaf:
                    result = np.minimum(result, np.where((visit.state == 1).sum() > k[:, 0], np.inf, visit.best))
            if len(giver):
                best = np.column_stack([visit.best for visit in told])[:, giver]
                result = np.minimum(result, np.fmax(best, given_up).min(axis=1))
        return result

    def _bounds_at(self, tree, visits, k):
        """Bound of each visit's supports by its point, and bounds of what is given up there, for each size."""
        node = np.array([visit.node for visit in visits])
        state = np.array([visit.state for visit in visits])
        row, at = _gather(tree.indptr, node)
        seen = (state >= 0).any(axis=0)[self.q.unit]
        seen[tree.indices[at]] = True
        cols = self.by_unit[seen[self.by_unit]]
        units, first = np.unique(self.q.unit[cols], return_index=True)
        place = np.full(seen.size, -1)
        place[cols] = np.arange(cols.size)
        coef = np.zeros((node.size, cols.size))
        coef[row, place[tree.indices[at]]] = tree.values[at]
        base, q, e, b, lost = self._points(cols, coef, tree.intercepts[node] if tree.intercepts.size else 0.0)
        d = self._diagonal(tree, tree.diag[node], cols, state, b)
        limits = [_stacked(visits, side, cols) for side in ("lower", "upper")]
        cost = self._least(cols, b, q, e, d, *limits)
        idle = np.zeros(b.shape)  # a column that is out leaves phi(0), which is nothing where b is nothing
        i, j = np.nonzero(b)
        idle[i, j] = self._least(cols[j], b[i, j], q[i, j], e[i, 0], d[i, j], 0.0, 0.0)
        cost_u, idle_u = (np.add.reduceat(part, first, axis=1) for part in (cost, idle))
        inside, free = state[:, units] == 1, state[:, units] == 0
        cost_u, rise = cost_u + self.q.l0, idle_u - cost_u - self.q.l0
        fixed = np.where(inside, cost_u, idle_u)
        places = np.minimum(k - (state == 1).sum(axis=1), units.size)
        ranked = np.maximum(_largest(np.where(free, rise, -np.inf), places.max() + 1), 0.0)
        took = np.concatenate([np.zeros((node.size, 1)), np.cumsum(ranked, axis=1)], axis=1)
        each, room = np.arange(node.size), np.maximum(places, 0)
        taken = took[each, room]
        size = np.abs(base) + np.abs(fixed).sum(axis=1) + taken
        value = base + fixed.sum(axis=1) - taken - 4 * (cols.size + 64) * UNIT * size
        value = np.where(np.isfinite(value), value, -np.inf)
        last = np.where(places > 0, ranked[each, room - 1], np.inf)
        beyond = ranked[each, room]

        def put_in(m, u):
            """Bound with a unit in."""
            enters = np.maximum(np.maximum(rise[m, u], 0.0), last[:, m]) - rise[m, u]
            return value[:, m] + np.where(inside[m, u], 0.0, enters)

        m, fix = _listed(visits, "fixes")
        u = np.searchsorted(units, np.abs(fix) - 1)
        left_out = value[:, m] + np.maximum(np.maximum(rise[m, u], 0.0) - beyond[:, m], 0.0)
        given_up, giver = [np.where(fix > 0, left_out, put_in(m, u))], [m]
        m, box = _listed(visits, "boxes")
        kept = state[m, self.q.unit[tree.box_column[box]]] >= 0  # a unit that is out needs no limits
        m, box = m[kept], box[kept]
        column = tree.box_column[box]
        j, u = place[column], np.searchsorted(units, self.q.unit[column])
        low, high = (np.broadcast_to(limit, q.shape)[m, j] for limit in limits)
        inner = tree.box_lower[box], tree.box_upper[box]
        for start, stop in ((low, inner[0]), (inner[1], high)):
            cut = np.flatnonzero(start < stop)
            i, v = m[cut], j[cut]
            part = self._least(column[cut], b[i, v], q[i, v], e[i, 0], d[i, v], start[cut], stop[cut])
            given_up.append(put_in(i, u[cut]) + part - cost[i, v])
            giver.append(i)
        giver = np.concatenate(giver)
        value = np.where(places < 0, np.inf, _settled(value, lost))
        return value, _settled(np.concatenate(given_up, axis=1), lost[giver]), giver

    def _least(self, cols, b, q, e, d, low, high):
        """Least value of phi for x from low to high, rounded down; q may be wrong by e."""
        l1, l2 = self.l1[cols], self.l2[cols]
        ridge, e, least = 2.0 * l2 + d, e + 4 * UNIT * np.abs(d * b), np.inf
        for correlation in (q - e, q + e):  # right above and below b; phi is convex, so its least point can be clipped
            v = correlation + d * b
            over = np.abs(v) - l1
            x = np.where(over > 0, over / ridge, 0.0)
            x = np.clip(np.copysign(x, v), low, high)
            terms = (b - x) * correlation, 0.5 * d * (x - b) ** 2, l1 * np.abs(x), l2 * x**2
            value = sum(terms) - 8 * UNIT * sum(np.abs(term) for term in terms)
            least = np.minimum(least, np.where(np.isnan(value), -np.inf, value))
        return least

    def _diagonal(self, tree, which, cols, state, b):
        """Diagonals of some points, each proved once: what is left of the Gram matrix has a Cholesky factor."""
        if (which < 0).all():
            return np.zeros((1, 1)) * b
        if self.q.loss != "squared":
            raise CertificateError("a diagonal is given for another loss than squared error.")
        d = np.zeros(b.shape)
        for g in np.unique(which[which >= 0]).tolist():
            if g not in self.spared:
                part = slice(tree.diag_indptr[g], tree.diag_indptr[g + 1])
                self.spared[g] = self._spared(tree.diag_columns[part], tree.diag_values[part])
            covered, values = self.spared[g]
            mine = which == g
            needed = (state[mine] >= 0)[:, self.q.unit[cols]] | (b[mine] != 0)
            if (needed & ~(covered | self.constant)[cols]).any():
                raise CertificateError("a diagonal is used at a node that allows columns outside its set.")
            d[mine] = values[cols]
        return d

    def _spared(self, columns, values):
        root = np.sqrt(self.w)[:, None] * self.Z[:, columns]
        m = columns.size
        # rounding of the Gram matrix and of its factor (Rump 2006)
        margin = m * (self.column_error + 4 * (m + 4) * UNIT * (1.0 + np.abs(values).max(initial=0.0)))
        proved = np.unique(columns).size == m and (values >= -2.0 * self.l2[columns]).all()
        try:
            np.linalg.cholesky(root.T @ root - np.diag(values + margin))
        except np.linalg.LinAlgError:
            proved = False
        if not proved:
            raise CertificateError("the Gram matrix cannot spare a diagonal that the certificate takes from it.")
        covered, diagonal = np.zeros(self.scale.size, bool), np.zeros(self.scale.size)
        covered[columns], diagonal[columns] = True, values
        return covered, diagonal

    def _points(self, cols, coef, intercept):
        """For some points, a row each: the first term, correlations, their error, b, and the error of the residuals.

        Any vector is a dual vector: a residual that is wrong by a vector of norm `lost` is right for other data.
        """
        if self.q.loss != "squared":
            return self._other_points(cols, coef, intercept)
        b = np.where(self.constant[cols], 0.0, coef * self.scale[cols])
        used = (b != 0).any(axis=0)
        r = self.t - b[:, used] @ self.Z[:, cols[used]].T
        square = r**2 @ self.w
        lost = self.gamma * np.sqrt(2 * self.null) + 4 * ((b != 0).sum(axis=1) + 16) * UNIT * np.abs(b).sum(axis=1)
        e = self.column_error * np.sqrt(square)
        return 0.5 * (1.0 - self.gamma) * square, (r * self.w) @ self.Z[:, cols], e[:, None], b, lost

    def _other_points(self, cols, coef, intercept):
        """The same for logistic and Poisson regression: means are moved until the residuals sum to zero."""
        w, y, used = self.w, self.y, (coef != 0).any(axis=0)
        mu = self._mean(coef[:, used] @ self.X[:, cols[used]].T + np.reshape(intercept, (-1, 1)))
        if self.q.fit_intercept and self.q.loss == "poisson":
            mu = mu * (w @ y) / (mu @ w)[:, None]
        elif self.q.fit_intercept:
            logit, shift = np.log(mu) - np.log1p(-mu), np.zeros((len(mu), 1))
            for _ in range(60):
                mu = 1.0 / (1.0 + np.exp(-logit - shift))
                step = ((y - mu) @ w) / np.maximum((mu * (1 - mu)) @ w, 1e-300)
                shift += np.clip(step, -2.0, 2.0)[:, None]
                if (np.abs(step) < self.gamma).all():
                    break
        r = y - mu
        mu = y - r
        entropy = np.where(mu > 0, mu * np.log(mu), 0.0)
        if self.q.loss == "logistic":
            terms = -entropy - np.where(mu < 1, (1 - mu) * np.log1p(-mu), 0.0)
        else:
            terms = -entropy + mu - y + np.where(y > 0, y * np.log(np.where(y > 0, y, 1.0)), 0.0)
        loose = (np.abs(r @ w) + self.gamma * (np.abs(r) @ w)) * self.q.fit_intercept
        loose *= 1.0 + np.abs(terms).max(axis=1)
        e = self.column_error * np.sqrt(r**2 @ w) + loose * (1.0 + np.abs(self.Z).max())
        base = terms @ w - loose - self.gamma * (np.abs(terms) @ w)
        return base, (r * w) @ self.Z[:, cols], e[:, None], np.zeros(coef.shape), np.zeros(len(coef))

    # ---- least-squares evidence

    def _normal_equations(self):
        if self.q.loss != "squared":
            raise CertificateError("least-squares evidence is given for another loss.")
        root = np.sqrt(self.w)[:, None] * self.Z
        A = root.T @ root + np.diag(2.0 * self.l2 + self.constant)
        return A, root.T @ (np.sqrt(self.w) * self.t), float(self.w @ self.t**2)

    def _superset_bounds(self, tree, sizes):
        """Dual bound at the least-squares fit of all columns that a leaf allows, with D from the least eigenvalue."""
        A, c, yy = self._normal_equations()
        states = np.array([visit.state for visit in self._walk(tree, self.n_units) if visit.leaf]).reshape(
            -1, self.n_units
        )
        allowed = (states >= 0)[:, self.q.unit] & ~self.constant
        used = np.flatnonzero(allowed.any(axis=0))
        mu = 1.0
        if used.size:
            mu = np.linalg.eigvalsh(A[np.ix_(used, used)])[0] - c.size * (self.column_error + 8 * UNIT * np.trace(A))
        if not mu > 0:
            raise CertificateError("columns are collinear to rounding, so least-squares leaves prove nothing here.")
        limits, d = self.limits, mu - 2.0 * self.l2
        value, inside = np.empty(len(states)), (states == 1).sum(axis=1)
        for size in np.unique(allowed.sum(axis=1)):
            group = np.flatnonzero(allowed.sum(axis=1) == size)
            for some in np.array_split(group, 1 + group.size * (size * size + self.y.size) // (16 * CHUNK)):
                S = np.nonzero(allowed[some])[1].reshape(some.size, size)
                G, rhs, ridge = A[S[:, :, None], S[:, None, :]], c[S], 2.0 * self.l2[S]
                b = np.linalg.solve(G, rhs[:, :, None])[:, :, 0] if size else np.zeros((some.size, 0))
                missed, reach = rhs - np.einsum("lij,lj->li", G, b), np.sqrt(yy) + np.abs(b).sum(axis=1)
                e = self.column_error * reach[:, None] + self.gamma * np.abs(ridge * b)
                q = missed + ridge * b
                error = self.column_error * reach**2 + ((np.abs(missed) + e) ** 2).sum(axis=1) / mu
                rough = 0.5 * (yy - np.einsum("li,li->l", b, rhs + q) - self.column_error * reach**2)
                rough += self._least(S, b, q, e, d[S], limits[0][S], limits[1][S]).sum(axis=1)
                value[some], coarse = rough, np.flatnonzero(~(error <= FINE * rough))
                if not coarse.size:
                    continue
                S = S[coarse]
                gamma = np.zeros((coarse.size, c.size))
                np.put_along_axis(gamma, S, b[coarse], axis=1)
                base, q, e, gamma, lost = self._points(np.arange(c.size), gamma / self.scale, 0.0)
                b, q = (np.take_along_axis(part, S, axis=1) for part in (gamma, q))
                base += self._least(S, b, q, e, d[S], limits[0][S], limits[1][S]).sum(axis=1)
                value[some[coarse]] = _settled(base, lost)
        value += self.q.l0 * inside
        return [np.min(value[inside <= (self.n_units if k is None else k)], initial=np.inf) for k in sizes]

    def _enumerate(self, _, sizes):
        """Least-squares value of every support of at most three columns beyond the forced ones."""
        A, c, yy = self._normal_equations()
        forced = np.flatnonzero(self.q.forced)
        free = np.flatnonzero(~self.q.forced & ~self.q.forbidden & ~self.constant)
        top = max((k for k in sizes if k is not None), default=0) - forced.size
        if self.n_units != c.size or None in sizes or not 0 <= top <= 3:
            raise CertificateError("enumeration is given for sizes or groups that it cannot settle.")
        right = np.column_stack([A[np.ix_(forced, free)], c[forced]])
        F = np.linalg.lstsq(A[np.ix_(forced, forced)], right)[0]
        G = A[np.ix_(free, free)] - A[np.ix_(free, forced)] @ F[:, :-1]
        corr, rest = c[free] - A[np.ix_(free, forced)] @ F[:, -1], yy - float(c[forced] @ F[:, -1])
        kept = (np.diagonal(G) > NEARLY) & ~self._copies(free, A)
        free, G, corr = free[kept], G[np.ix_(kept, kept)], corr[kept]
        error = 0.5 * yy * self.column_error / NEARLY  # of a value read off the Gram matrix
        rough, exact, apart = [0.5 * rest], [np.inf] * (top + 1), []
        for size in range(1, top + 1):
            gain, nearly = _largest_gain(G, corr, size) if size <= free.size else (0.0, [])
            if error > FINE * 0.5 * (rest - gain) and size <= free.size:  # too much: set the best ones apart as well
                gain, nearly = gain - 4 * error, _largest_gain(G, corr, size, gain - 4 * error)[1]
            rough.append(0.5 * (rest - gain))
            apart += [(size, at) for at in nearly]
        if len(apart) > APART:
            raise CertificateError("too many supports have nearly dependent columns for enumeration to settle them.")
        for size, at in apart:  # fitted on the data, where no digits are lost
            exact[size] = min(exact[size], self._fitted([*forced, *free[list(at)]]))
        loss = np.minimum.accumulate(np.minimum(np.array(rough) - error, (1.0 - FINE) * np.array(exact)))
        return [float(min(loss[j] + self.q.l0 * (j + forced.size) for j in range(k - forced.size + 1))) for k in sizes]

    def _copies(self, free, A):
        """Columns that equal an earlier one up to sign: supports with both are no better than with one."""
        copy = np.zeros(free.size, bool)
        for i in range(free.size if not self.l2.any() else 0):
            later = i + 1 + np.flatnonzero(np.abs(A[free[i], free[i + 1 :]]) > 1.0 - NEARLY)
            signs = np.sign(A[free[i], free[later]])
            copy[later] |= np.abs(self.Z[:, free[later]] * signs - self.Z[:, [free[i]]]).max(axis=0) <= COPY
        return copy

    def _fitted(self, columns):
        """Least-squares value of some columns, ridge included, from the data themselves."""
        root = np.sqrt(self.w)
        design = np.vstack([root[:, None] * self.Z[:, columns], np.diag(np.sqrt(2.0 * self.l2[columns]))])
        target = np.concatenate([root * self.t, np.zeros(len(columns))])
        residual = target - design @ np.linalg.lstsq(design, target, rcond=RANK)[0]
        return 0.5 * float(residual @ residual)


def _largest_gain(G, c, size, floor=np.inf):
    """Largest decrease of the sum of squares by `size` columns; apart, subsets nearly dependent or beyond `floor`."""
    best, apart = 0.0, []
    for head in combinations(range(c.size), size - 1):
        corr, left = c, np.diagonal(G)
        gain, rows = 0.0, []
        first = head[-1] + 1 if head else 0
        for j in head:
            row = G[j] - sum(r[j] * r for r in rows) if rows else G[j]
            if row[j] <= NEARLY * G[j, j]:
                apart += [(*head, last) for last in range(first, c.size)]
                break
            row = row / np.sqrt(row[j])
            step = corr[j] / row[j]
            gain, corr, left = gain + step * step, corr - step * row, left - row * row
            rows.append(row)
        else:
            nearly = left[first:] <= NEARLY * np.diagonal(G)[first:]
            scores = np.where(nearly, 0.0, corr[first:] ** 2 / np.where(nearly, 1.0, left[first:]))
            best = max(best, gain + float(np.max(scores, initial=0.0)))
            apart += [(*head, first + int(last)) for last in np.flatnonzero(nearly | (gain + scores >= floor))]
    return best, apart


def _parts(tree, node):
    """What a node's point decides: fixes first, then boxes; what a leaf is left with is looked at again, too."""
    if tree.kind != "dual":
        return ((NONE, NONE, True),)
    fixes = tree.fixes[tree.fix_indptr[node] : tree.fix_indptr[node + 1]]
    boxes = np.arange(tree.box_indptr[node], tree.box_indptr[node + 1])
    twice = fixes.size and (boxes.size or tree.branch[node] == -1)
    return ((fixes, NONE, False), (NONE, boxes, True)) if twice else ((fixes, boxes, True),)


def _decided(tree, visit):
    """State and limits below a visit."""
    state, lower, upper = visit.state, visit.lower, visit.upper
    if visit.fixes.size:
        units = np.abs(visit.fixes) - 1
        if state[units].any() or np.unique(units).size < units.size:
            raise CertificateError("a tree of the certificate fixes a unit that is decided already.")
        state = state.copy()
        state[units] = np.sign(visit.fixes)
    if visit.boxes.size:
        at, low, high = (part[visit.boxes] for part in (tree.box_column, tree.box_lower, tree.box_upper))
        lower, upper = lower.copy(), upper.copy()
        lower[at], upper[at] = np.maximum(lower[at], low), np.minimum(upper[at], high)
    return state, lower, upper


def _flat(sets):
    """Members of some sets, where each set begins, and the set of each member."""
    sets = [list(s) for s in sets]
    sizes = np.array([len(s) for s in sets], np.intp)
    members = np.array([u for s in sets for u in s], np.intp)
    return members, np.cumsum(sizes) - sizes, np.repeat(np.arange(sizes.size), sizes)


def _gather(indptr, rows):
    """Number of the row and position of every entry of some rows."""
    sizes = indptr[rows + 1] - indptr[rows]
    row = np.repeat(np.arange(rows.size), sizes)
    return row, np.arange(row.size) - np.repeat(np.cumsum(sizes) - sizes - indptr[rows], sizes)


def _listed(visits, name):
    """Visit and value of every fix or box."""
    parts = [getattr(visit, name) for visit in visits]
    return np.repeat(np.arange(len(parts)), [part.size for part in parts]), np.concatenate(parts)


def _stacked(visits, name, cols):
    """Limits of each visit; one row where all have the same."""
    first = getattr(visits[0], name)
    if all(getattr(visit, name) is first for visit in visits):
        return first[None, cols]
    return np.array([getattr(visit, name)[cols] for visit in visits])


def _largest(values, count):
    """The `count` largest of each row in falling order; zeros where there are fewer."""
    count = max(count, 1)
    if count < values.shape[1]:
        values = -np.partition(-values, count - 1, axis=1)[:, :count]
    values = -np.sort(-values, axis=1)
    return np.concatenate([values, np.zeros((len(values), count + 1 - values.shape[1]))], axis=1)[:, :count]


def _settled(value, lost):
    """A bound for data moved by `lost`, lowered until it holds for the data themselves."""
    lowered = value - lost * np.sqrt(2.0 * np.maximum(value, 0.0)) - 8 * UNIT * np.abs(value)
    return np.where(np.isposinf(value), value, lowered)  # no support at all
