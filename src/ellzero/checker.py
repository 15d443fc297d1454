r"""The certificate checker: plain NumPy, no solver code, written to be read by whoever doubts a claim.

Everything is done in columns z_j = (x_j - m_j) / s_j of unit weighted deviation (about zero without an intercept), rows
weighted by w with sum one. With :math:`v = Z^\top W r` and, for each unit, :math:`H_u = \sum_{j \in u} h^*_j(v_j)`,

.. math:: -\sum_i w_i f^*(y_i, -r_i) - \sum_{u\ in} (H_u - \lambda_0) - \sum_{u\ free} [H_u - \lambda_0]_+

is at most the objective of every support of the leaf (weak duality); for at most k units the last sum runs over the
k - \|in\| largest. Floating-point error is charged to the bounds: a dot product of n terms errs by at most
:math:`\gamma_n |x|^\top |y|` with :math:`\gamma_n = nu/(1 - nu)`.

References
----------
Higham (2002), "Accuracy and Stability of Numerical Algorithms", section 3.1; Furnival & Wilson (1974), "Regressions by
leaps and bounds"; Rump (2006), "Verification of positive definiteness".
"""

from dataclasses import replace
from itertools import combinations

import numpy as np

from .errors import CertificateError

UNIT = 2.0**-53
CONSTANT = 1e-9  # a column whose deviation is below this share of its size is constant, and as good as absent
OBJECTIVE_TOLERANCE = 1e-9
DEPENDENT = 1e-8  # enumeration skips a column with less than this share of its norm outside the others
CHUNK = 2**22  # numbers handled together


class Checker:
    """Re-computes the claims of one certificate from X and y."""

    def __init__(self, certificate, X, y):
        self.certificate, self.q = certificate, certificate.question
        X = X.toarray() if hasattr(X, "toarray") else np.asarray(X, dtype=np.float64)
        y = np.asarray(y, dtype=np.float64).ravel()
        p, n = len(self.q.names), self.q.weight.size
        if X.shape != (n, p) or y.shape != (n,):
            raise CertificateError(
                f"the certificate is about {n} rows and {p} columns, X has shape {X.shape}, y {y.shape}."
            )
        if not (np.isfinite(X).all() and np.isfinite(y).all() and np.isfinite(self.q.weight).all()):
            raise CertificateError("X, y and the weights must be finite numbers.")
        counted = self.q.weight > 0
        self.X, self.y = X[counted], y[counted]
        self.w = self.q.weight[counted] / self.q.weight.sum()
        self._question()
        self._standardise()

    def _question(self):
        """Units, and what the rules leave undecided."""
        q = self.q
        self.n_units = int(q.unit.max()) + 1
        self.member = np.zeros((q.unit.size, self.n_units))
        self.member[np.arange(q.unit.size), q.unit] = 1.0
        sound = (
            q.loss in ("squared", "logistic", "poisson")
            and min(q.l0, q.l1, q.l2) >= 0
            and np.array_equal(np.unique(q.unit), np.arange(self.n_units))
            and q.forced.shape == q.forbidden.shape == (self.n_units,)
            and not (q.forced & q.forbidden).any()
            and (q.weight >= 0).all()
            and (q.lower <= 0).all()
            and (q.upper >= 0).all()
        )
        if not sound:
            raise CertificateError("the question in the certificate contradicts itself.")

    def _standardise(self):
        q, w = self.q, self.w
        origin = self.X[0]
        mean = origin + w @ (self.X - origin)
        centre = mean if q.fit_intercept else np.zeros_like(mean)
        scale = np.sqrt(w @ (self.X - centre) ** 2)
        size = np.sqrt(w @ (self.X - mean) ** 2 + mean**2)
        self.constant = scale <= CONSTANT * size
        self.scale = np.where(self.constant, 1.0, scale)
        self.Z = np.where(self.constant, 0.0, (self.X - centre) / self.scale)
        self.centre = centre
        # by how much the rounded centre and scale can move a unit column, against its norm of one
        self.gamma = 8 * (self.X.shape[0] + 64) * UNIT
        self.column_error = self.gamma * (1.0 + np.abs(centre) / self.scale)
        divide = 1.0 if q.standardize else self.scale
        self.l1, self.l2 = q.l1 / divide * np.ones_like(scale), q.l2 / divide**2 * np.ones_like(scale)
        self.lower, self.upper = q.lower * self.scale, q.upper * self.scale
        if q.loss == "squared":
            self.t = self.y - self.y[0] - (w @ (self.y - self.y[0]) if q.fit_intercept else -self.y[0])
            self.null = 0.5 * float(w @ self.t**2)
        else:
            mu = float(w @ self.y) if q.fit_intercept else {"logistic": 0.5, "poisson": 1.0}[q.loss]
            self.null = float(w @ self._deviance(np.full(self.y.size, mu)))

    def run(self):
        """Check every claim; returns them with the bounds found here."""
        if not self.certificate.claims:
            raise CertificateError("the certificate claims nothing.")
        bounds = {}
        for t, tree in enumerate(self.certificate.trees):
            sizes = sorted({c.k for c in self.certificate.claims if c.tree == t}, key=lambda k: -1 if k is None else k)
            bounds |= {(t, k): bound for k, bound in zip(sizes, self._tree_bounds(tree, sizes), strict=True)}
        return tuple(self._claim(claim, bounds) for claim in self.certificate.claims)

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

    def _claim(self, claim, bounds):
        q, coef = self.q, np.zeros(len(self.q.names))
        size = "any size" if claim.k is None else f"size at most {claim.k}"
        if claim.support.size and not (claim.support.min() >= 0 and claim.support.max() < coef.size):
            raise CertificateError(f"the claim for {size} names columns that do not exist.")
        coef[claim.support] = claim.values
        units = q.forced.copy()  # a forced unit counts, also where its coefficients happen to be zero
        units[q.unit[claim.support]] = True
        keeps_rules = (
            (claim.k is None or units.sum() <= claim.k)
            and not (units & q.forbidden).any()
            and (coef >= q.lower - 1e-12 * np.abs(q.lower)).all()
            and (coef <= q.upper + 1e-12 * np.abs(q.upper)).all()
            and (q.fit_intercept or claim.intercept == 0)
        )
        if not keeps_rules:
            raise CertificateError(f"the support claimed for {size} breaks the rules of the question.")
        eta = self.X @ coef + claim.intercept
        loss = 0.5 * (self.y - eta) ** 2 if q.loss == "squared" else self._deviance(self._mean(eta))
        gamma = coef * self.scale
        objective = float(self.w @ loss + self.l1 @ np.abs(gamma) + self.l2 @ gamma**2 + q.l0 * units.sum())
        floor = 1e-12 * self.null
        if not abs(objective - claim.objective) <= OBJECTIVE_TOLERANCE * max(objective, 1e-3 * self.null):
            raise CertificateError(
                f"the support claimed for {size} has the objective {objective:.12g} on these data, "
                f"not {claim.objective:.12g}."
            )
        bound = max(0.0, bounds.get((claim.tree, claim.k), 0.0))  # losses and penalties are never negative
        if not claim.lower_bound <= bound:
            raise CertificateError(
                f"the evidence for {size} proves the bound {bound:.15g}, less than the {claim.lower_bound:.15g} "
                "that is claimed."
            )
        gap = max(0.0, claim.objective - bound) / max(claim.objective, floor, 1e-300)
        return replace(claim, lower_bound=min(bound, claim.objective), gap=gap)

    # ---- trees

    def _tree_bounds(self, tree, sizes):
        if tree.kind == "enumeration":
            return self._enumerate(sizes)
        states = self._leaves(tree.branch)
        if tree.kind == "superset":
            return self._superset_bounds(states, sizes)
        if tree.kind != "dual" or not self._sound_points(tree, len(states)):
            raise CertificateError("a tree of the certificate is malformed.")
        bounds = np.full(len(sizes), np.inf)
        order = np.argsort(tree.point, kind="stable")
        points, starts = np.unique(tree.point[order], return_index=True)
        for point, leaves in zip(points, np.split(order, starts[1:]), strict=True):
            base, scores, slack = self._dual_point(tree, int(point))
            for some in np.array_split(leaves, 1 + leaves.size * self.n_units // CHUNK):
                for i, k in enumerate(sizes):
                    charge = self._charge(scores, states[some], k)
                    bounds[i] = min(bounds[i], float(np.min(base - charge - slack)))
        return bounds

    def _sound_points(self, tree, n_leaves):
        """Whether every leaf names a point, and every point is a finite vector."""
        n_points = tree.intercepts.size
        return (
            tree.point.shape == (n_leaves,)
            and ((tree.point >= 0) & (tree.point < n_points)).all()
            and tree.indptr.shape == (n_points + 1,)
            and (np.diff(tree.indptr) >= 0).all()
            and tree.indptr[0] == 0
            and tree.indptr[-1] == tree.values.size == tree.indices.size
            and ((tree.indices >= 0) & (tree.indices < len(self.q.names))).all()
            and np.isfinite(tree.values).all()
            and np.isfinite(tree.intercepts).all()
        )

    def _leaves(self, branch):
        """State of every unit at every leaf (1 in, -1 out, 0 free), by walking the preorder."""
        root = np.zeros(self.n_units, np.int8)
        root[self.q.forced], root[self.q.forbidden] = 1, -1
        root[[bool(self.constant[self.q.unit == u].any()) for u in range(self.n_units)]] = -1
        if (self.q.forced & (root < 0)).any():
            raise CertificateError("a forced column is constant on these data.")
        waiting, leaves = [root], []
        for unit in branch.tolist():
            if not waiting:
                raise CertificateError("a tree of the certificate goes on after its last leaf.")
            state = waiting.pop()
            if unit == -1:
                leaves.append(state)
                continue
            if not 0 <= unit < self.n_units or state[unit] != 0:
                raise CertificateError("a tree of the certificate branches on a unit that is decided already.")
            inside = state.copy()
            inside[unit], state[unit] = 1, -1
            waiting += [inside, state]  # the branch that leaves the unit out comes first
        if waiting:
            raise CertificateError("a tree of the certificate lacks a leaf: its evidence does not cover all supports.")
        return np.array(leaves)

    def _charge(self, scores, states, k):
        """What the units take off the dual value at each leaf; -inf where no support of the leaf has size k."""
        inside, free = states == 1, states == 0
        rounding = 4 * (self.n_units + 4) * UNIT
        charge = inside @ (scores - self.q.l0 + rounding * (scores + self.q.l0))
        rise = (1.0 + rounding) * np.maximum(scores - self.q.l0, 0.0)
        if k is None:
            return charge + free @ rise
        order = np.argsort(-rise, kind="stable")
        places = (k - inside.sum(axis=1))[:, None]
        taken = free[:, order] & (np.cumsum(free[:, order], axis=1) <= places)
        return np.where(places[:, 0] < 0, -np.inf, charge + taken @ rise[order])

    def _dual_point(self, tree, point):
        """Base of the dual value, score of each unit (raised by its error) and the error of the sums."""
        row = slice(int(tree.indptr[point]), int(tree.indptr[point + 1]))
        coef = np.zeros(len(self.q.names))
        coef[tree.indices[row]] = tree.values[row]
        gamma = np.where(self.constant, 0.0, coef * self.scale)
        w, y, q = self.w, self.y, self.q
        if q.loss == "squared":
            r = self.t - self.Z @ gamma
            terms = r * (self.t - 0.5 * r)
            loose = 0.0
        else:
            mu = self._mean(self.X @ coef + tree.intercepts[point])
            r, loose = self._repair(mu)
            mu = y - r
            with np.errstate(divide="ignore", invalid="ignore"):
                entropy = np.where(mu > 0, mu * np.log(mu), 0.0)
                if q.loss == "logistic":
                    terms = -entropy - np.where(mu < 1, (1 - mu) * np.log1p(-mu), 0.0)
                else:
                    terms = -entropy + mu - y + np.where(y > 0, y * np.log(np.where(y > 0, y, 1.0)), 0.0)
            loose *= 1.0 + float(np.abs(terms).max())
        size = float(np.sqrt(w @ r**2))
        v = np.abs(self.Z.T @ (w * r)) + self.column_error * size + loose * (1.0 + np.abs(self.Z).max())
        signed = np.copysign(v, self.Z.T @ (w * r))
        both = np.maximum(
            self._conjugate(signed),
            np.where(np.abs(signed) <= 2 * self.column_error * size, self._conjugate(-signed), 0),
        )
        base = float(w @ terms)
        scores = both @ self.member
        slack = loose + self.gamma * float(w @ np.abs(terms))
        if q.loss == "squared":
            slack += self.gamma * size * float(np.sqrt(w @ self.t**2))
        return base, scores, slack

    def _repair(self, mu):
        """Residual of means moved so that the intercept's condition holds, and the rounding left of it."""
        w, y = self.w, self.y
        if not self.q.fit_intercept:
            return y - mu, 0.0
        if self.q.loss == "poisson":
            mu = mu * (w @ y) / (w @ mu)
        else:
            with np.errstate(divide="ignore"):
                logit, shift = np.log(mu) - np.log1p(-mu), 0.0
            for _ in range(60):
                mu = 1.0 / (1.0 + np.exp(-logit - shift))
                step = (w @ (y - mu)) / max(float(w @ (mu * (1 - mu))), 1e-300)
                shift += float(np.clip(step, -2.0, 2.0))
                if abs(step) < 1e-15:
                    break
        r = y - mu
        return r, abs(float(w @ r)) + self.gamma * float(w @ np.abs(r))

    def _conjugate(self, v):
        """h*(v) of each column: the largest of v t - l1 |t| - l2 t^2 within the limits."""
        excess = np.maximum(np.abs(v) - self.l1, 0.0)
        limit = np.where(v > 0, self.upper, -self.lower)
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.minimum(np.where(excess > 0, excess / (2.0 * self.l2), 0.0), limit)
            value = np.where(t > 0, excess * t - np.where(self.l2 > 0, self.l2 * t * t, 0.0), 0.0)
        return value

    # ---- least-squares evidence

    def _normal_equations(self):
        if self.q.loss != "squared":
            raise CertificateError("least-squares evidence is given for another loss.")
        root = np.sqrt(self.w)[:, None] * self.Z
        A = root.T @ root + np.diag(2.0 * self.l2 + self.constant)
        return A, root.T @ (np.sqrt(self.w) * self.t), float(self.w @ self.t**2)

    def _superset_bounds(self, states, sizes):
        """Least-squares value of all columns still allowed, less what its inexactness can hide, leaf by leaf."""
        A, c, yy = self._normal_equations()
        p, gam = c.size, float(self.gamma + self.column_error.max())
        least = np.linalg.eigvalsh(A)[0] - p * (gam + 8 * UNIT * np.trace(A))
        if least <= 0:
            raise CertificateError("columns are collinear to rounding, so least-squares leaves prove nothing here.")
        allowed = (states >= 0)[:, self.q.unit] & ~self.constant
        inside = (states == 1).sum(axis=1)
        value = np.empty(len(states))
        for size in np.unique(allowed.sum(axis=1)):
            group = np.flatnonzero(allowed.sum(axis=1) == size)
            for some in np.array_split(group, 1 + group.size * size * size // CHUNK):
                S = np.nonzero(allowed[some])[1].reshape(some.size, size)
                G, rhs = A[S[:, :, None], S[:, None, :]], c[S]
                b = np.linalg.solve(G, rhs[:, :, None])[:, :, 0] if size else np.zeros((some.size, 0))
                e = rhs - np.einsum("lij,lj->li", G, b)
                b1 = np.abs(b).sum(axis=1)
                error = gam * (np.sqrt(yy) + b1) ** 2 + (e * e).sum(axis=1) / least
                value[some] = 0.5 * (yy - np.einsum("li,li->l", b, rhs + e) - error)
        value += self.q.l0 * inside
        return [float(np.min(value[inside <= (self.n_units if k is None else k)], initial=np.inf)) for k in sizes]

    def _enumerate(self, sizes):
        """Least-squares value of every support of at most three columns beyond the forced ones."""
        A, c, yy = self._normal_equations()
        forced = np.flatnonzero(self.q.forced)
        free = np.flatnonzero(~self.q.forced & ~self.q.forbidden & ~self.constant)
        top = max((k for k in sizes if k is not None), default=0) - forced.size
        if self.n_units != c.size or None in sizes or not 0 <= top <= 3:
            raise CertificateError("enumeration is given for sizes or groups that it cannot settle.")
        F = np.linalg.solve(A[np.ix_(forced, forced)], np.column_stack([A[np.ix_(forced, free)], c[forced]]))
        G = A[np.ix_(free, free)] - A[np.ix_(free, forced)] @ F[:, :-1]
        corr, rest = c[free] - A[np.ix_(free, forced)] @ F[:, -1], yy - float(c[forced] @ F[:, -1])
        best = [0.0, *(_largest_gain(G, corr, size) for size in range(1, min(top, free.size) + 1))]
        best += [best[-1]] * (top + 1 - len(best))
        loss = 0.5 * (rest - np.maximum.accumulate(best)) - 1e-10 * 0.5 * yy
        return [float(min(loss[j] + self.q.l0 * (j + forced.size) for j in range(k - forced.size + 1))) for k in sizes]


def _largest_gain(G, c, size):
    """Largest decrease of the sum of squares by `size` columns; one within rounding of the others is skipped."""
    best = 0.0
    for head in combinations(range(c.size), size - 1):
        corr, left = c, np.diagonal(G)
        gain, rows = 0.0, []
        for j in head:
            row = G[j] - sum(r[j] * r for r in rows) if rows else G[j]
            if row[j] <= DEPENDENT * G[j, j]:
                break
            row = row / np.sqrt(row[j])
            step = corr[j] / row[j]
            gain, corr, left = gain + step * step, corr - step * row, left - row * row
            rows.append(row)
        else:
            last = slice(head[-1] + 1 if head else 0, None)
            usable = left[last] > DEPENDENT * np.diagonal(G)[last]
            best = max(best, gain + float(np.max(corr[last][usable] ** 2 / left[last][usable], initial=0.0)))
    return best
