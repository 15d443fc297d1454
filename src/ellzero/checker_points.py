"""What the checker computes from the data: scaled columns, and the dual value of any point."""

import numpy as np

from .errors import CertificateError

UNIT = 2.0**-53
CONSTANT = 1e-9  # a column whose deviation is below this share of its size is constant, and as good as absent


class Points:
    """Data of a question on unit weighted deviation, and the sums that a point makes separable; see `checker`."""

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
        self._standardise()

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

    def _deviance(self, mu):
        """Half the deviance of each row at the mean mu."""
        y = self.y
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.q.loss == "logistic":
                return -np.log(np.where(y > 0.5, mu, 1.0 - mu))
            return mu - y + np.where(y > 0, y * np.log(np.where(y > 0, y, 1.0) / mu), 0.0)

    def _mean(self, eta):
        return 1.0 / (1.0 + np.exp(-eta)) if self.q.loss == "logistic" else np.exp(eta)

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


def settled(value, lost):
    """A bound for data moved by `lost`, lowered until it holds for the data themselves."""
    lowered = value - lost * np.sqrt(2.0 * np.maximum(value, 0.0)) - 8 * UNIT * np.abs(value)
    return np.where(np.isposinf(value), value, lowered)  # no support at all
