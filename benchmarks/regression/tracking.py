"""Portfolios of few stocks, nothing sold short, that follow an index: shares that sum to one, or are made to.

Errors are the root of the mean square of the daily difference, in per cent a year of 252 days.
"""

import time

import numpy as np

YEAR = 252
MOST = 60  # stocks that the integer program looks at, where there are more


def error(shares, X, y):
    return float(100.0 * np.sqrt(YEAR * np.mean((y - X @ shares) ** 2)))


class Tracker:
    """One portfolio a size, from the days given."""

    packages = ("ellzero", "numpy")

    def __init__(self, case, limit):
        self.sizes, self.limit = case.sizes, limit

    def track(self, X, y, tests, later):
        """Errors on the days that choose and on those after, a size each."""
        answers = {}
        start = time.process_time()
        for k, (shares, facts) in zip(self.sizes, self.shares(X, y), strict=True):
            answers[k] = {
                "in": error(shares, X, y), "out": error(shares, tests, later), "sum": float(shares.sum()),
                "stocks": int(np.count_nonzero(shares)), "cpu": time.process_time() - start,
            } | facts  # fmt: skip
            start = time.process_time()
        return answers


class LongOnly(Tracker):
    """ellzero's path with a lower limit of zero; the sum is as it comes."""

    def path(self, X, y):
        import ellzero as ez

        return ez.path(X, y, k=max(self.sizes), lower=0.0, fit_intercept=False, time_limit=self.limit)

    def shares(self, X, y):
        found = self.path(X, y)
        for k in self.sizes:
            yield found[k].coef, {"status": found[k].status.value}


def summing(X, y, columns, k, limit):
    """Best k of some columns under the condition that shares sum to one, by the integer program."""
    import ellzero as ez
    from ellzero.constraints import Linear

    one = Linear(coef=np.ones(len(columns)), lower=1.0, upper=1.0)
    best = ez.best_subset(
        X[:, columns], y, k=k, lower=0.0, fit_intercept=False, constraints=[one], solver="mip", time_limit=limit
    )
    shares = np.zeros(X.shape[1])
    shares[columns] = best.coef
    return shares, best


class Refitted(LongOnly):
    """Stocks of the long-only path, their shares fitted again so that they sum to one."""

    def shares(self, X, y):
        found = self.path(X, y)
        for k in self.sizes:
            columns = found[k].support
            yield summing(X, y, columns, len(columns), self.limit)[0], {}


class Summing(LongOnly):
    """Stocks and shares together, by the integer program; of many stocks those that the long-only path ever takes."""

    def shares(self, X, y):
        columns = np.arange(X.shape[1])
        if len(columns) > MOST:
            found = self.path(X, y)
            taken = np.array([np.isin(columns, r.support) for r in found]).sum(0)
            columns = np.sort(np.argsort(-taken, kind="stable")[: min(MOST, np.count_nonzero(taken))])
        for k in self.sizes:
            shares, best = summing(X, y, columns, k, self.limit)
            yield shares, {"status": best.status.value, "gap": best.gap, "offered": len(columns)}


class RescaledLasso(Tracker):
    """scikit-learn's lasso path with positive coefficients; the last of each size, divided by its sum."""

    packages = ("scikit-learn", "numpy")

    def along(self, X, y):
        """Coefficients of each size, or of the largest smaller one."""
        from sklearn.linear_model import lasso_path

        coefs = lasso_path(np.asfortranarray(X), y, positive=True, eps=1e-4, alphas=300)[1].T
        counts = np.count_nonzero(coefs, axis=1)
        return [coefs[np.flatnonzero(counts == counts[counts <= k].max())[-1]] for k in self.sizes]

    def shares(self, X, y):
        for coef in self.along(X, y):
            yield coef / coef.sum(), {}


class RefittedLasso(RescaledLasso):
    """Stocks of that path, their shares fitted again, by ellzero, so that they sum to one."""

    packages = ("scikit-learn", "ellzero", "numpy")

    def shares(self, X, y):
        for coef in self.along(X, y):
            columns = np.flatnonzero(coef)
            yield summing(X, y, columns, len(columns), self.limit)[0], {}


TRACKERS = {
    "ellzero, sum to one": Summing,
    "ellzero path, shares refitted to sum to one": Refitted,
    "ellzero path, no sum": LongOnly,
    "positive lasso, rescaled to sum to one": RescaledLasso,
    "positive lasso, shares refitted to sum to one": RefittedLasso,
}
