"""Least-squares evidence: leaves bounded by all columns they allow, and supports that are enumerated."""

from itertools import combinations

import numpy as np

from .checker_points import UNIT, settled
from .checker_trees import CHUNK, Trees
from .errors import CertificateError

FINE = 1e-9  # rounding may take this share of a value before the slower, finer form is used
NEARLY = 1e-4  # a column that keeps less of its squared norm beside others is nearly dependent on them
COPY = 1e-12  # largest difference of a scaled column from the one it copies
APART = 100_000  # most supports with nearly dependent columns that are fitted one by one
RANK = 1e-12  # singular values below this share of the largest are rounding


class Squares(Trees):
    """Bounds that need nothing but the normal equations."""

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
                value[some[coarse]] = settled(base, lost)
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
