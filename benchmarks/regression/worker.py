"""One solver on one real data set, in a process of its own.

    python -m benchmarks.regression.worker SOLVER TASK FILE LIMIT

Answers a line on stdin with a line of JSON. Task `path`: what a user calls for all sizes, its CPU and wall seconds, the
memory it took above what was there, the support of each size compared and the size that the package's criterion
chooses. Task `score`: the package's own choice of size, fitted to the training rows of each split and judged on the
rest.
"""

import importlib.metadata
import json
import os
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from scipy import sparse

from . import cases, judge

warnings.filterwarnings("ignore")
TWICE = 30.0  # seconds of a path below which it is asked again, with everything compiled and loaded
MB = 2**20


class Ellzero:
    packages = ("ellzero", "numpy")

    def __init__(self, case, limit):
        import ellzero as ez

        self.ez, self.case, self.limit = ez, case, limit
        self.question = {"forced": case.forced, "time_limit": limit}
        self.question |= {"lower": 0.0} if case.nonnegative else {}

    def path(self, X, y):
        k = max(self.case.sizes)
        found = self.ez.path(X, y, k=k, loss=self.case.loss, l2=self.case.l2, **self.question)
        criterion = found.default_criterion
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            chosen = found.best(criterion)
        facts = {"criterion": criterion, "chosen": int(chosen.k), "status": found.results[-1].status.value}
        facts["objectives"] = {int(k): r.objective for k, r in zip(found.sizes, found, strict=True)}
        return [r.support for r in found], facts

    def fit(self, X, y):
        ez = self.ez
        regressor, classifier = self.faces(ez)
        if self.case.loss == "logistic":
            model = classifier(**self.question).fit(X, y)
        else:
            model = regressor(loss=self.case.loss, **self.question).fit(X, y)
        return np.ravel(model.coef_), float(np.ravel(model.intercept_)[0])

    def faces(self, ez):
        return ez.L0Regressor, ez.L0Classifier


class EllzeroCV(Ellzero):
    def faces(self, ez):
        return ez.L0RegressorCV, ez.L0ClassifierCV


class Abess:
    """One model a call: the clock covers its one call over all sizes; what it has at a size costs another call."""

    packages, cv = ("abess", "numpy"), 1

    def __init__(self, case, limit):
        import abess

        named = {"squared": "LinearRegression", "logistic": "LogisticRegression", "poisson": "PoissonRegression"}
        self.case, self.model = case, getattr(abess, named[case.loss])
        self.always = {"always_select": list(case.forced)} if case.forced else {}

    def _fit(self, X, y, **options):
        limits = {"beta_low": 0.0} if self.case.nonnegative else {}
        return self.model(**self.always, **options).fit(X, y, sparse_matrix=sparse.issparse(X), **limits)

    def path(self, X, y):
        sizes = list(range(max(len(self.case.forced), 1), max(self.case.sizes) + 1))
        model = self._fit(X, y, support_size=sizes, ic_type="ebic")
        return [np.flatnonzero(model.coef_)], {"criterion": "ebic", "chosen": int(np.count_nonzero(model.coef_))}

    def more(self, X, y):
        """Supports at the sizes compared."""
        found = []
        for k in self.case.sizes:
            sizes = list(range(max(len(self.case.forced), 1), k + 1))
            found.append(np.flatnonzero(self._fit(X, y, support_size=sizes, ic_type="loss").coef_))
        return found

    def fit(self, X, y):
        model = self._fit(X, y, cv=self.cv, ic_type="ebic")
        return np.ravel(model.coef_), float(np.ravel(model.intercept_)[0])


class AbessCV(Abess):
    cv = 5


class Lasso:
    """scikit-learn's lasso, standardised for two classes (liblinear has no standardising of its own)."""

    packages = ("scikit-learn", "numpy")

    def __init__(self, case, limit):
        if case.loss == "poisson":
            raise ValueError("scikit-learn has no Poisson regression with an l1 penalty")
        self.case = case

    def _scaled(self, X):
        from sklearn.preprocessing import StandardScaler

        scaler = StandardScaler(with_mean=False).fit(X)
        return scaler.transform(X), scaler.scale_

    def path(self, X, y):
        from sklearn.linear_model import LogisticRegression, lasso_path
        from sklearn.svm import l1_min_c

        Z, _ = self._scaled(X)
        if self.case.loss == "squared":
            Z = Z - Z.mean(0)
            coefs = lasso_path(Z, y - y.mean(), positive=self.case.nonnegative)[1].T
        else:
            start = l1_min_c(Z, y, loss="log")
            coefs = []
            for C in start * np.logspace(0.02, 3, 40):
                model = LogisticRegression(C=C, l1_ratio=1.0, solver="liblinear", intercept_scaling=100.0)
                coefs.append(model.fit(Z, y).coef_[0])
                if np.count_nonzero(coefs[-1]) > 1.5 * max(self.case.sizes):
                    break
        return [np.flatnonzero(coef) for coef in coefs], {}

    def fit(self, X, y):
        from sklearn.linear_model import LassoCV, LogisticRegressionCV

        Z, scale = self._scaled(X)
        if self.case.loss == "squared":
            model = LassoCV(positive=self.case.nonnegative).fit(Z, y)
        else:
            model = LogisticRegressionCV(
                l1_ratios=(1.0,), solver="liblinear", cv=5, intercept_scaling=100.0, scoring="neg_log_loss",
                use_legacy_attributes=False,
            ).fit(Z, y)  # fmt: skip
        return np.ravel(model.coef_) / scale, float(np.ravel(model.intercept_)[0])


SOLVERS = {
    "ellzero": (Ellzero, ("path", "score")),
    "ellzero CV": (EllzeroCV, ("score",)),
    "abess": (Abess, ("path", "score")),
    "abess CV": (AbessCV, ("score",)),
    "lasso": (Lasso, ("path", "score")),
}


def memory(name):
    """Of this process, from the kernel: VmRSS is what it holds, VmHWM the most since the last reset."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))


def timed(run):
    """What a call returns, its CPU and wall seconds, and the MB that it held above what was there before."""
    Path("/proc/self/clear_refs").write_text("5")
    before = memory("VmRSS")
    cpu, wall = time.process_time(), time.perf_counter()
    found = run()
    cost = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    return found, cost | {"extra MB": memory("VmHWM") - before}


def size_of(X):
    return (X.data.nbytes + X.indices.nbytes + X.indptr.nbytes if sparse.issparse(X) else X.nbytes) / MB


def take_path(solver, case, X, y):
    """One path, warm where that is cheap."""
    (supports, facts), cost = timed(lambda: solver.path(X, y))
    cost["first"] = cost["cpu"]
    if cost["wall"] < TWICE:
        (supports, facts), again = timed(lambda: solver.path(X, y))
        cost |= again
    supports = [*supports, *(solver.more(X, y) if isinstance(solver, Abess) else ())]
    values = {}
    for k in case.sizes:
        fits = {tuple(map(int, s)) for s in supports if len(s) <= k}
        near = [s for s in fits if len(s) == max(map(len, fits))]
        values[k] = min((judge.refit(case.question(), X, y, s) for s in near), default=None)
    return cost | facts | {"losses": values, "data MB": size_of(X)}


def take_score(solver, case, X, y):
    """Held-out deviance of the package's own choice, split by split."""
    rows = X.tocsr() if sparse.issparse(X) else X
    parts, columns = [], []
    cpu, wall = time.process_time(), time.perf_counter()
    for train, test in case.splits(len(y)):
        coef, intercept = solver.fit(sparse.csc_matrix(rows[train]) if sparse.issparse(X) else rows[train], y[train])
        parts.append(judge.explained(case.loss, y[train], y[test], rows[test] @ coef + intercept))
        columns.append(int(np.count_nonzero(coef)))
    cost = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    shares = [1 - model / base for model, base in parts]
    pooled = 1 - sum(m for m, _ in parts) / sum(b for _, b in parts)
    return cost | {"explained": pooled, "splits": shares, "columns": columns}


def main():
    name, task, file, limit = sys.argv[1:]
    X, y = cases.load(file)
    case = cases.BY_NAME[Path(file).stem]
    sys.stdin.readline()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # abess prints from C++
    try:
        solver = SOLVERS[name][0](case, float(limit))
        answer = {"path": take_path, "score": take_score}[task](solver, case, X, y)
        answer["versions"] = {package: importlib.metadata.version(package) for package in solver.packages}
    except Exception as error:  # whatever a package raises is what the table says of it
        answer = {"error": f"{type(error).__name__}: {error}"[:300]}
    print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
