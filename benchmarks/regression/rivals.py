"""The other packages on real data: abess, scikit-learn's lasso, and skglm."""

import numpy as np
from scipy import sparse

from . import judge
from .cases import folds


class Scaled:
    """Columns of unit deviation, dense ones centred, too; coefficients go back to data units."""

    def __init__(self, X):
        thin = sparse.issparse(X)
        mean = np.asarray(X.mean(0)).ravel()
        square = np.asarray(X.multiply(X).mean(0)).ravel() if thin else np.einsum("ij,ij->j", X, X) / len(X)
        deviation = np.sqrt(np.maximum(square - mean**2, 0.0))
        self.scale = np.where(deviation > 1e-12 * np.sqrt(square + 1e-300), deviation, np.inf)
        self.mean = np.zeros_like(mean) if thin else mean
        self.X = sparse.csc_matrix(X.multiply(1 / self.scale)) if thin else np.asfortranarray((X - mean) / self.scale)

    def back(self, coef, intercept):
        coef = (np.asarray(coef).T / self.scale).T
        return coef, np.asarray(intercept) - self.mean @ coef


def indicators(y):
    return np.eye(int(y.max()) + 1)[y.astype(int)]


ABESS = {
    "squared": "LinearRegression",
    "logistic": "LogisticRegression",
    "poisson": "PoissonRegression",
    "multinomial": "MultinomialRegression",
    "cox": "CoxPHSurvivalAnalysis",
}


class Abess:
    """One model a call: the clock covers its one call over all sizes; what it has at a size costs another call."""

    packages, cv = ("abess", "numpy"), 1

    def __init__(self, case, limit):
        import abess

        self.case, self.model = case, getattr(abess, ABESS[case.loss])
        self.always = {"always_select": list(case.forced)} if case.forced else {}

    def _fit(self, X, y, **options):
        limits = {"beta_low": 0.0} if self.case.nonnegative else {}
        return self.model(**self.always, **options).fit(X, y, sparse_matrix=sparse.issparse(X), **limits)

    def _support(self, model):
        coef = np.asarray(model.coef_)
        return np.flatnonzero(coef.any(axis=1) if coef.ndim == 2 else coef)

    def _sizes(self, k):
        return list(range(max(len(self.case.forced), 1), k + 1))

    def path(self, X, y):
        support = self._support(self._fit(X, y, support_size=self._sizes(max(self.case.sizes)), ic_type="ebic"))
        return [support], {"criterion": "ebic", "chosen": len(support)}

    def more(self, X, y):
        """Supports at the sizes compared."""
        return [self._support(self._fit(X, y, support_size=self._sizes(k), ic_type="loss")) for k in self.case.sizes]

    def fit(self, X, y):
        # by itself it begins at size zero, which leaves a forced column out
        more = {"support_size": self._sizes(max(20, *self.case.sizes))} if self.case.forced else {}
        model = self._fit(X, y, cv=self.cv, ic_type="ebic", **more)
        if self.case.loss == "multinomial":
            return np.asarray(model.coef_), np.ravel(model.intercept_)
        return np.ravel(model.coef_), 0.0 if self.case.loss == "cox" else float(np.ravel(model.intercept_)[0])


class AbessCV(Abess):
    cv = 5


class Lasso:
    """scikit-learn's lasso, standardised; two classes by liblinear. It cannot leave columns free.

    Of more classes the path is one class against the rest by liblinear, a column in where any has it: saga, the only
    solver of the multinomial lasso, does not find zeros in the time. The choice by folds is saga's.
    """

    packages = ("scikit-learn", "numpy")
    exponents = np.linspace(0.02, 3, 40)  # strengths of the path with classes, from where the first column enters

    def __init__(self, case, limit):
        if case.loss in ("poisson", "cox"):
            raise ValueError(f"scikit-learn has no l1 penalty for the {case.loss} loss")
        self.case = case
        self.options = {"solver": "liblinear", "intercept_scaling": 100.0}
        self.strengths = np.logspace(0.1, 3, 12)
        if case.loss == "multinomial":
            self.options = {"solver": "saga", "tol": 1e-3, "max_iter": 300, "random_state": 0}
            self.strengths = np.logspace(0.5, 2.5, 5)

    @staticmethod
    def _first(Z, y):
        """Strength C at which the first column enters."""
        share = indicators(y)
        return 1 / np.abs(Z.T @ (share - share.mean(0))).max()

    def path(self, X, y):
        from sklearn.linear_model import LogisticRegression, lasso_path

        Z = Scaled(X).X
        if self.case.loss == "squared":
            coefs = lasso_path(Z, y - y.mean(), positive=self.case.nonnegative)[1].T
            return [np.flatnonzero(coef) for coef in coefs], {}
        supports = []
        for exponent in self.exponents:
            model = LogisticRegression(
                C=self._first(Z, y) * 10**exponent, l1_ratio=1.0, solver="liblinear", intercept_scaling=100.0
            )
            rest = indicators(y).T if self.case.loss == "multinomial" else [y]
            supports.append(np.flatnonzero(np.any([model.fit(Z, one).coef_[0] for one in rest], axis=0)))
            if len(supports[-1]) > 1.5 * max(self.case.sizes):
                break
        return supports, {}

    def fit(self, X, y):
        from sklearn.linear_model import LassoCV, LogisticRegressionCV

        scaled = Scaled(X)
        if self.case.loss == "squared":
            model = LassoCV(positive=self.case.nonnegative).fit(scaled.X, y)
        else:
            inner = folds(y, int(min(5, np.unique(y, return_counts=True)[1].min())))
            model = LogisticRegressionCV(
                Cs=self._first(scaled.X, y) * self.strengths, l1_ratios=(1.0,), cv=inner,
                scoring="neg_log_loss", use_legacy_attributes=False, **self.options,
            ).fit(scaled.X, y)  # fmt: skip
        if self.case.loss == "multinomial":
            return scaled.back(model.coef_.T, model.intercept_)
        return scaled.back(np.ravel(model.coef_), float(np.ravel(model.intercept_)[0]))


class Skglm:
    """skglm's minimax concave penalty for squares and two classes, its lasso for counts and survival, along a path.

    It has no path but for squares, and no choice among strengths: one fit starts from the last, and five folds choose.
    Its gamma is three over the largest curvature of a row, so that every step of a coordinate has one minimiser.
    """

    packages = ("skglm", "numpy", "numba")

    def __init__(self, case, limit):
        from skglm import datafits, penalties, solvers

        if case.loss == "multinomial":
            raise ValueError("skglm has no multinomial loss")
        self.case, self.intercept = case, case.loss != "cox"
        self.datafit = {
            "squared": datafits.Quadratic, "logistic": datafits.Logistic, "poisson": datafits.Poisson,
            "cox": datafits.Cox,
        }[case.loss]  # fmt: skip
        options = {"tol": 1e-4, "fit_intercept": self.intercept, "warm_start": True}
        if case.loss in ("squared", "logistic"):
            gamma = 3.0 if case.loss == "squared" else 12.0
            self.penalty = lambda strength: penalties.MCPenalty(strength, gamma, positive=case.nonnegative)
            self.solver = solvers.AndersonCD(max_iter=50, max_epochs=2000, **options)
        else:
            self.penalty = penalties.L1
            self.solver = solvers.ProxNewton(max_iter=50, max_pn_iter=50, **options)

    def _strengths(self, Z, y):
        n = len(y)
        if self.case.loss == "cox":
            datafit = self.datafit()
            datafit.initialize(Z, np.asfortranarray(y))
            gradient = datafit.raw_grad(np.asfortranarray(y), np.zeros(n))
        else:
            gradient = (y.mean() - y) / n
        return np.abs(Z.T @ gradient).max() * np.geomspace(1, 1e-3 if n > Z.shape[1] else 3e-2, 50)

    def _coefs(self, Z, y, strengths, most=np.inf):
        """Coefficients and intercept a strength, until more than so many columns are in."""
        target = np.where(y > 0, 1.0, -1.0) if self.case.loss == "logistic" else np.asfortranarray(y)
        w, Zw = np.zeros(Z.shape[1] + self.intercept), np.zeros(len(y))
        for strength in strengths:
            w = self.solver.solve(Z, target, self.datafit(), self.penalty(strength), w, Zw)[0].copy()
            coef, free = (w[:-1], float(w[-1])) if self.intercept else (w, 0.0)
            Zw = Z @ coef + free
            yield coef, free
            if np.count_nonzero(coef) > most:
                return

    def path(self, X, y):
        Z = Scaled(X).X
        most = 1.5 * max(self.case.sizes)
        return [np.flatnonzero(coef) for coef, _ in self._coefs(Z, y, self._strengths(Z, y), most)], {}

    def fit(self, X, y):
        scaled = Scaled(X)
        strengths = self._strengths(scaled.X, y)
        rows = X.tocsr() if sparse.issparse(X) else X
        held_out = []
        for train, test in folds(y if self.case.classes else np.zeros(len(y))):
            part = Scaled(rows[train])
            etas = (part.back(*found) for found in self._coefs(part.X, y[train], strengths))
            losses = [judge.loss_of(self.case.loss, y[test], rows[test] @ coef + free).sum() for coef, free in etas]
            held_out.append(losses)
        best = int(np.argmin(np.sum(held_out, axis=0)))
        *_, last = self._coefs(scaled.X, y, strengths[: best + 1])
        return scaled.back(*last)
