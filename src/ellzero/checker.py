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
FINE = 1e-9  # rounding may take this share of a value before the slower, finer form is used
NEARLY = 1e-4  # a column that keeps less of its squared norm beside others is nearly dependent on them
COPY = 1e-12  # largest difference of a scaled column from the one it copies
APART = 100_000  # most supports with nearly dependent columns that are fitted one by one
RANK = 1e-12  # singular values below this share of the largest are rounding
UNBOUNDED = 1e300
CHUNK = 2**22  # numbers handled together


class Checker:
    """Re-computes the claims of one certificate from X and y."""

    def __init__(self, certificate, X, y):
        self.certificate, self.q = certificate, certificate.question
        self._question()
        X = X.toarray() if hasattr(X, "toarray") else np.asarray(X, dtype=np.float64)
        y = np.asarray(y, dtype=np.float64).ravel()
        p, n = len(self.q.names), self.q.weight.size
        if X.shape != (n, p) or y.shape != (n,):
            raise CertificateError(
                f"the certificate is about {n} rows and {p} columns, X has shape {X.shape}, y {y.shape}."
            )
        if not (np.isfinite(X).all() and np.isfinite(y).all()):
            raise CertificateError("X and y must be finite numbers.")
        counted = self.q.weight > 0
        self.X, self.y = X[counted], y[counted]
        self.w = self.q.weight[counted] / self.q.weight.sum()
        self._standardise()

    def _question(self):
        """Units, and what the rules leave undecided. Types are checked, too: an integer is no mask."""
        q, p = self.q, len(self.q.names)
        typed = (
            q.loss in ("squared", "logistic", "poisson")
            and all(_number(strength) and strength >= 0 for strength in (q.l0, q.l1, q.l2))
            and isinstance(q.fit_intercept, bool)
            and isinstance(q.standardize, bool)
            and all(_array(limit, "f", p) for limit in (q.lower, q.upper))
            and _array(q.unit, "i", p)
            and _array(q.weight, "f", q.weight.size)
            and np.isfinite(q.weight).all()
            and (q.weight >= 0).all()
            and q.weight.any()
            and p > 0
        )
        self.n_units = int(q.unit.max()) + 1 if typed else 0
        sound = (
            typed
            and np.array_equal(np.unique(q.unit), np.arange(self.n_units))
            and all(_array(mask, "b", self.n_units) for mask in (q.forced, q.forbidden))
            and not (q.forced & q.forbidden).any()
            and (q.lower <= 0).all()
            and (q.upper >= 0).all()
        )
        if not sound:
            raise CertificateError("the question in the certificate is malformed, or contradicts itself.")
        self.member = np.zeros((p, self.n_units))
        self.member[np.arange(p), q.unit] = 1.0

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
        if q.fit_intercept:  # any constant may be subtracted; a second pass leaves means at rounding level
            self.Z -= w @ self.Z
        self.gamma = 8 * (self.X.shape[0] + 64) * UNIT
        self.column_error = 2 * self.gamma  # of a product with a column of norm one
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
        claims, trees = self.certificate.claims, self.certificate.trees
        if not claims:
            raise CertificateError("the certificate claims nothing.")
        if not all(self._sound_claim(claim) for claim in claims):
            raise CertificateError("a claim of the certificate is malformed.")
        bounds = {}
        for t, tree in enumerate(trees):
            sizes = sorted({c.k for c in claims if c.tree == t}, key=lambda k: -1 if k is None else k)
            bounds |= {(t, k): bound for k, bound in zip(sizes, self.tree_bounds(tree, sizes), strict=True)}
        with np.errstate(all="ignore"):  # what overflows is refused below, not warned of
            return tuple(self._claim(claim, bounds) for claim in claims)

    def tree_bounds(self, tree, sizes):
        """Bound that a tree proves for each size; evidence on which the arithmetic fails proves nothing."""
        if not _array(tree.branch, "i", tree.branch.size):
            raise CertificateError("a tree of the certificate is malformed.")
        try:
            with np.errstate(all="ignore"):
                bounds = self._bounds_of(tree, sizes)
        except np.linalg.LinAlgError:
            raise CertificateError("the evidence is numerically singular, and proves nothing.") from None
        return [-np.inf if np.isnan(bound) else float(bound) for bound in bounds]

    def _sound_claim(self, claim):
        return (
            (claim.k is None or (isinstance(claim.k, int) and not isinstance(claim.k, bool) and claim.k >= 0))
            and all(_number(value) for value in (claim.objective, claim.lower_bound, claim.intercept))
            and _array(claim.support, "i", claim.support.size)
            and _array(claim.values, "f", claim.support.size)
            and np.isfinite(claim.values).all()
            and np.unique(claim.support).size == claim.support.size
        )

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
        # huge coefficients that cancel cost digits in anybody's arithmetic: allow for what their products round to
        rounded = 4 * (claim.support.size + 8) * UNIT * (np.abs(self.X) @ np.abs(coef) + abs(claim.intercept))
        slack = OBJECTIVE_TOLERANCE * max(objective, 1e-3 * self.null)
        slack += float(np.sqrt(2.0 * max(objective, 0.0)) * np.sqrt(self.w @ rounded**2))
        if not (np.isfinite(objective) and np.isfinite(slack) and abs(objective - claim.objective) <= slack):
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
        reached = max(claim.objective, objective)
        gap = max(0.0, reached - bound) / max(reached, 1e-12 * self.null, 1e-300)
        return replace(claim, lower_bound=min(bound, claim.objective), gap=gap)

    # ---- trees

    def _bounds_of(self, tree, sizes):
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
                    bounds[i] = np.minimum(bounds[i], np.min(base - charge - slack))  # which keeps a NaN
        return bounds

    def _sound_points(self, tree, n_leaves):
        """Whether every leaf names a point, and every point is a finite vector."""
        n_points = tree.intercepts.size
        return (
            all(_array(part, "i", part.size) for part in (tree.point, tree.indptr, tree.indices))
            and all(_array(part, "f", part.size) for part in (tree.values, tree.intercepts))
            and tree.point.shape == (n_leaves,)
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
        root[[bool(self.constant[self.q.unit == u].all()) for u in range(self.n_units)]] = -1
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
        both = np.nan_to_num(both, nan=UNBOUNDED, posinf=UNBOUNDED)  # so that 0 * inf cannot hide an infinite charge
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
        p, gam = c.size, self.column_error
        allowed = (states >= 0)[:, self.q.unit] & ~self.constant
        used = np.flatnonzero(allowed.any(axis=0))
        least = 1.0
        if used.size:
            least = np.linalg.eigvalsh(A[np.ix_(used, used)])[0] - p * (gam + 8 * UNIT * np.trace(A))
        if not least > 0:
            raise CertificateError("columns are collinear to rounding, so least-squares leaves prove nothing here.")
        inside = (states == 1).sum(axis=1)
        value = np.empty(len(states))
        for size in np.unique(allowed.sum(axis=1)):
            group = np.flatnonzero(allowed.sum(axis=1) == size)
            for some in np.array_split(group, 1 + group.size * (size * size + self.y.size) // CHUNK):
                S = np.nonzero(allowed[some])[1].reshape(some.size, size)
                G, rhs = A[S[:, :, None], S[:, None, :]], c[S]
                b = np.linalg.solve(G, rhs[:, :, None])[:, :, 0] if size else np.zeros((some.size, 0))
                e = rhs - np.einsum("lij,lj->li", G, b)
                error = gam * (np.sqrt(yy) + np.abs(b).sum(axis=1)) ** 2 + (e * e).sum(axis=1) / least
                rough = 0.5 * (yy - np.einsum("li,li->l", b, rhs + e) - error)
                coarse = np.flatnonzero(~(error <= FINE * rough))
                rough[coarse] = self._residual_bounds(S[coarse], b[coarse], least)
                value[some] = rough
        value += self.q.l0 * inside
        return [float(np.min(value[inside <= (self.n_units if k is None else k)], initial=np.inf)) for k in sizes]

    def _residual_bounds(self, S, b, least):
        """The same from the residual itself, which stays exact where large coefficients of collinear columns cancel."""
        gamma = np.zeros((self.scale.size, len(S)))
        np.put_along_axis(gamma, S.T, b.T, axis=0)
        r = self.t[:, None] - self.Z @ gamma
        square = self.w @ r**2
        ridge = 2.0 * self.l2[:, None] * gamma
        e = np.abs(self.Z.T @ (self.w[:, None] * r) - ridge)
        e += self.column_error * np.sqrt(square) + self.gamma * np.abs(ridge)
        missed = np.take_along_axis(e, S.T, axis=0)
        value = 0.5 * square + 0.5 * (gamma * ridge).sum(axis=0)
        return (1.0 - self.gamma) * value - 0.5 * (missed**2).sum(axis=0) / least

    def _enumerate(self, sizes):
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


def _number(value):
    return (
        isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool) and np.isfinite(value)
    )


def _array(value, kind, size):
    """Whether a value is a vector of a kind ("b" bool, "i" integer, "f" float) and a size."""
    return isinstance(value, np.ndarray) and value.shape == (size,) and value.dtype.kind == kind
