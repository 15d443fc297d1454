"""One solver on one real data set, in a process of its own.

    python -m benchmarks.regression.worker SOLVER FILE LIMIT

Answers a line on stdin with a line of JSON. `path`: what a user calls for all sizes, its CPU and wall seconds, the
memory it took above what was there, the support of each size compared and the size that the package's criterion
chooses. `score I`: the package's own choice of size, fitted to the training rows of split I and judged on the rest.
`track I`: portfolios from the training rows of split I.
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
from .ours import Ellzero, EllzeroCV
from .rivals import Abess, AbessCV, Lasso, Skglm
from .tracking import TRACKERS

warnings.filterwarnings("ignore")
TWICE = 30.0  # seconds of a path below which it is asked again, with everything compiled and loaded
MB = 2**20
SOLVERS = {
    "ellzero": (Ellzero, ("path", "score")),
    "ellzero CV": (EllzeroCV, ("score",)),
    "abess": (Abess, ("path", "score")),
    "abess CV": (AbessCV, ("score",)),
    "lasso": (Lasso, ("path", "score")),
    "skglm": (Skglm, ("path", "score")),
    **{name: (tracker, ("track",)) for name, tracker in TRACKERS.items()},
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
    # the lasso may leave out what the others must take
    supports = [{*map(int, support), *case.forced} for support in supports]
    values = {}
    for k in case.sizes:
        fits = {tuple(sorted(s)) for s in supports if len(s) <= k}
        near = [s for s in fits if len(s) == max(map(len, fits))]
        values[k] = min((judge.refit(case.question(), X, y, s) for s in near), default=None)
    return cost | facts | {"losses": values, "data MB": size_of(X)}


def parts(case, X, y, place):
    """Training and held-out rows of a split."""
    train, test = case.splits(y)[place]
    if sparse.issparse(X):
        rows = X.tocsr()
        return sparse.csc_matrix(rows[train]), y[train], rows[test], y[test]
    return X[train], y[train], X[test], y[test]


def take_score(solver, case, X, y, place):
    """Held-out deviance of the package's own choice on one split."""
    X, y, tests, truth = parts(case, X, y, place)
    cpu, wall = time.process_time(), time.perf_counter()
    coef, intercept = solver.fit(X, y)
    cost = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    eta = tests @ coef + intercept
    model, base = judge.explained(case.loss, y, truth, eta)
    columns = int(np.count_nonzero(coef.any(axis=1) if coef.ndim == 2 else coef))
    return cost | {"model": model, "base": base, "plain": judge.plain(case.loss, truth, eta), "columns": columns}


def take_track(solver, case, X, y, place):
    return {"portfolios": solver.track(*parts(case, X, y, place))}


def main():
    name, file, limit = sys.argv[1:]
    X, y = cases.load(file)
    case = cases.BY_NAME[Path(file).stem]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # abess prints from C++
    for line in sys.stdin:
        task, *place = line.split()
        try:
            solver = SOLVERS[name][0](case, float(limit))
            take = {"path": take_path, "score": take_score, "track": take_track}[task]
            answer = take(solver, case, X, y, *map(int, place))
            answer["versions"] = {package: importlib.metadata.version(package) for package in solver.packages}
        except Exception as error:  # whatever a package raises is what the table says of it
            answer = {"error": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
