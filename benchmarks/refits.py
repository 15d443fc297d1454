"""What supports are judged by: one refit for all, by least squares or by logistic regression with a small ridge."""

import numpy as np
from scipy import sparse

RIDGE = 1e-3  # on twice the logistic loss, in the units of the columns, the intercept free
TALL = 50_000  # rows from which on the Gram matrix of all columns is formed once


class Squares:
    """Residual sums of squares with an intercept."""

    def __init__(self, X, y):
        self.X, self.y = X, y - y.mean()
        self.gram = None
        if not sparse.issparse(X) and len(y) > TALL:
            mean, self.gram, self.cross = X.mean(0), np.zeros((X.shape[1],) * 2), np.zeros(X.shape[1])
            for start in range(0, len(y), TALL):
                part = X[start : start + TALL] - mean
                self.gram += part.T @ part
                self.cross += part.T @ self.y[start : start + TALL]

    def __call__(self, support):
        if not support:
            return float(self.y @ self.y)
        if self.gram is not None:
            coef = np.linalg.solve(self.gram[np.ix_(support, support)], self.cross[support])
            return float(self.y @ self.y - coef @ self.cross[support])
        Z = columns(self.X, support)
        Z = Z - Z.mean(0)
        scale = np.sqrt((Z * Z).sum(0))
        Z = Z[:, scale > 0] / scale[scale > 0]
        residual = self.y - Z @ np.linalg.lstsq(Z, self.y, rcond=None)[0]
        return float(residual @ residual)


class Logistic:
    """Twice the least logistic loss plus the ridge, by damped Newton steps."""

    def __init__(self, X, y):
        self.X, self.y = X, y

    def __call__(self, support):
        Z = np.column_stack([np.ones(len(self.y)), columns(self.X, support)])
        sign, ridge = 2 * self.y - 1, np.append(0.0, np.full(len(support), RIDGE))

        def value(coef):
            return 2 * float(np.logaddexp(0, -sign * (Z @ coef)).sum()) + float(ridge @ coef**2)

        coef = np.zeros(Z.shape[1])
        now = value(coef)
        for _ in range(100):
            mean = 0.5 * (1 + np.tanh(0.5 * (Z @ coef)))
            gradient = Z.T @ (mean - self.y) + ridge * coef
            step = np.linalg.solve((Z.T * (mean * (1 - mean))) @ Z + np.diag(ridge + 1e-12), gradient)
            size = 1.0
            while size > 1e-9 and value(coef - size * step) > now:
                size /= 2
            coef, before = coef - size * step, now
            now = value(coef)
            if before - now <= 1e-12 * now:
                break
        return now


def columns(X, support):
    """Columns as a dense array."""
    return X[:, support].toarray() if sparse.issparse(X) else np.asarray(X[:, support])


JUDGES = {"ls": Squares, "logit": Logistic}


def sizes(k0):
    """The sizes compared: from a quarter of k0 to twice k0."""
    return sorted({round(share * k0) for share in (0.25, 0.5, 0.75, 1, 1.25, 1.5, 2)})


def losses(judge, supports, asked, largest):
    """Lowest loss of a support of at most so many columns: a path that skips a size is charged its next smaller one."""
    fits = {support: judge(list(support)) for support in {(), *map(tuple, supports)} if len(support) <= largest}
    return {size: min(value for support, value in fits.items() if len(support) <= size) for size in asked}
