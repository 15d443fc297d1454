"""One solver of convex paths in a process of its own: a line on stdin is a tolerance, a line of JSON the timed path.

    python convex_worker.py SOLVER DATA.npz

Every answer has CPU seconds, the objective at every strength, and the largest duality gap as a share of the empty
model's loss, judged here alike for all solvers. The first answer is the warm-up and says which versions ran.
"""

import importlib.metadata
import json
import sys
import time
import warnings

import numpy as np
from scipy import sparse

warnings.filterwarnings("ignore")


class Judge:
    """Objective and duality gap of a path without intercept: half the mean square, or the mean logistic loss."""

    def __init__(self, X, y, strengths, share, logistic):
        self.X, self.y, self.strengths, self.share, self.logistic = X, y, strengths, share, logistic
        self.n = y.size
        self.null = np.log(2.0) if logistic else 0.5 * float(y @ y) / self.n

    def _loss(self, eta):
        if self.logistic:
            return float(np.mean(np.logaddexp(0.0, -self.y * eta)))
        return 0.5 * float(np.mean((self.y - eta) ** 2))

    def _dual(self, r):
        """Dual value of the loss at minus the derivative of each row."""
        if self.logistic:
            t = np.clip(self.y * r, 1e-300, 1 - 1e-16)
            return -float(np.mean(t * np.log(t) + (1 - t) * np.log1p(-t)))
        return float(np.mean(r * (self.y - 0.5 * r)))

    def __call__(self, coefs):
        objectives, worst = [], 0.0
        for coef, strength in zip(coefs, self.strengths, strict=True):
            l1, l2 = strength * self.share, 0.5 * strength * (1 - self.share)
            eta = self.X @ coef
            r = self.y / (1 + np.exp(self.y * eta)) if self.logistic else self.y - eta
            c = self.X.T @ r / self.n
            value = self._loss(eta) + l1 * float(np.abs(coef).sum()) + l2 * float(coef @ coef)
            scale = min(1.0, l1 / float(np.abs(c).max()))
            bounds = [self._dual(scale * r)]
            if l2 > 0:
                bounds.append(self._dual(r) - float((np.maximum(np.abs(c) - l1, 0) ** 2).sum()) / (4 * l2))
            objectives.append(value)
            worst = max(worst, (value - max(bounds)) / self.null)
        return objectives, worst


def ellzero(X, y, strengths, share, logistic):
    import ellzero as ez

    target, loss = ((y + 1) / 2, "logistic") if logistic else (y, "squared")
    penalty = {"penalty": "l1"} if share == 1 else {"penalty": "elastic_net", "l1_ratio": share}
    question = {"loss": loss, "strengths": strengths, "fit_intercept": False, "standardize": False, "time_limit": 1e4}
    return lambda tol: ez.penalty_path(X, target, tolerance=tol, **penalty, **question).coefs


def celer(X, y, strengths, share, logistic):
    from celer import celer_path

    kind, scale = ("logreg", y.size) if logistic else ("lasso", 1.0)

    def run(tol):
        options = {} if share == 1 else {"l1_ratio": share}
        _, coefs, _ = celer_path(
            X, y, kind, alphas=strengths * scale, tol=tol, max_iter=200, max_epochs=100000, **options
        )
        return coefs.T

    return run


def skglm(X, y, strengths, share, logistic):
    from skglm.datafits import Logistic, Quadratic
    from skglm.penalties import L1, L1_plus_L2
    from skglm.solvers import AndersonCD, ProxNewton

    def run(tol):
        penalty = L1(1.0) if share == 1 else L1_plus_L2(1.0, share)
        if not logistic:
            solver = AndersonCD(max_iter=200, max_epochs=100000, tol=tol, fit_intercept=False, warm_start=True)
            return solver.path(X, y, Quadratic(), penalty, strengths)[1].T
        # proximal Newton has no path: one fit after another, each from the last
        solver, datafit = ProxNewton(tol=tol, max_iter=200, fit_intercept=False, warm_start=True), Logistic()
        coefs, w, Xw = [], np.zeros(X.shape[1]), np.zeros(X.shape[0])
        for strength in strengths:
            penalty.alpha = strength
            w = solver.solve(X, y, datafit, penalty, w, Xw)[0].copy()
            Xw = X @ w
            coefs.append(w)
        return np.array(coefs)

    return run


def scikit_learn(X, y, strengths, share, logistic):
    from sklearn.linear_model import LogisticRegression, enet_path

    def run(tol):
        if not logistic:
            return enet_path(X, y, l1_ratio=share, alphas=strengths, tol=tol, max_iter=10**6)[1].T
        coefs = []
        for strength in strengths:
            model = LogisticRegression(
                C=1 / (strength * y.size), l1_ratio=1, solver="liblinear", tol=tol, fit_intercept=False, max_iter=10**5
            )
            coefs.append(model.fit(X, y).coef_[0])
        return np.array(coefs)

    return run


SOLVERS = {"ellzero": ellzero, "celer": celer, "skglm": skglm, "scikit-learn": scikit_learn}


def main():
    name, file = sys.argv[1:]
    data = np.load(file)
    share, logistic = float(data["share"]), bool(data["logistic"])
    if "indptr" in data:
        X = sparse.csc_matrix((data["data"], data["indices"], data["indptr"]), shape=data["shape"])
    else:
        X = np.asfortranarray(data["XT"].T)
    y, strengths = data["y"], data["strengths"]
    run, judge = SOLVERS[name](X, y, strengths, share, logistic), Judge(X, y, strengths, share, logistic)
    packages = {name, "numpy"} | ({"numba"} if name in ("ellzero", "skglm") else set())
    versions = {package: importlib.metadata.version(package) for package in sorted(packages)}
    for line in sys.stdin:
        start = time.process_time()
        coefs = run(float(line))
        cpu = time.process_time() - start
        objectives, worst = judge(np.asarray(coefs))
        nonzero = int(np.count_nonzero(coefs[-1]))
        answer = {"cpu": cpu, "objectives": objectives, "gap": worst, "nonzero": nonzero, "versions": versions}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
