"""One solver in a process of its own: answers every line on stdin with a line of JSON.

    python worker.py SOLVER DATA.npz K KIND SEED PEERS

KIND is `ls` or `logit`. Requests: `load`, answered once the data are there; `path`, CPU and wall seconds of what a user
calls for one path up to K columns, the memory it held above what was there, and the supports found; `size k`, untimed,
the support at one size of a solver that returns one model a call. The first path is the warm-up (compilation, first
touch of memory).
"""

import importlib.metadata
import json
import os
import sys
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np
from scipy import sparse

warnings.filterwarnings("ignore")
RIDGE = 5e-4  # on the sum of the logistic losses: the ridge of the refits, which count the loss twice


def ellzero(X, y, K, kind, seed, effort=None):
    import ellzero as ez

    options = {"loss": "logistic", "l2": RIDGE / len(y), "standardize": False} if kind == "logit" else {}
    options |= {} if effort is None else {"solver": ez.solvers.Exchange(effort=effort)}
    return lambda: [result.support for result in ez.path(X, y, k=K, random_state=seed, **options)]


def abess_model(X, y, kind, sizes, criterion):
    import abess

    if kind == "logit":
        model = abess.LogisticRegression(support_size=sizes, ic_type=criterion)
    else:
        tall = X.shape[0] > 100 * X.shape[1]  # without the Gram matrix it takes minutes there
        model = abess.LinearRegression(support_size=sizes, ic_type=criterion, covariance_update=tall)
    return np.flatnonzero(model.fit(X, y, sparse_matrix=sparse.issparse(X)).coef_)


def abess(X, y, K, kind, seed):
    return lambda: [abess_model(X, y, kind, list(range(1, K + 1)), "ebic")]


def fastsparsegams(X, y, K, kind, seed):
    import fastsparsegams as fsg

    loss = {"ls": "SquaredError", "logit": "Logistic"}[kind]

    def run():
        fit = fsg.fit(X, y, loss=loss, penalty="L0", algorithm="CD", max_support_size=K)
        found = []
        for coefs in fit.coeffs:
            C = sparse.csc_matrix(coefs[1:] if coefs.shape[0] == X.shape[1] + 1 else coefs)
            found += [C.indices[C.indptr[i] : C.indptr[i + 1]] for i in range(C.shape[1])]
        return found

    return run


def omp(X, y, K, kind, seed):
    from sklearn.linear_model import orthogonal_mp

    def run():
        Z = X - X.mean(0)
        Z /= np.sqrt((Z * Z).sum(0))
        coefs = orthogonal_mp(Z, y - y.mean(), n_nonzero_coefs=K, return_path=True).reshape(X.shape[1], -1)
        return [np.flatnonzero(coef) for coef in coefs.T]

    return run


def reference(X, y, K, kind, seed):
    import reference as bar

    return lambda: bar.path({"X": X, "y": y}, K, 2)


SOLVERS = {
    "ellzero": (ellzero, ("ellzero", "numpy", "numba")),
    "ellzero quick": (partial(ellzero, effort=0), ("ellzero", "numpy", "numba")),
    "ellzero thorough": (partial(ellzero, effort=4), ("ellzero", "numpy", "numba")),
    "abess": (abess, ("abess", "numpy")),
    "fastsparsegams CD": (fastsparsegams, ("fastsparsegams", "numpy")),
    "scikit-learn OMP": (omp, ("scikit-learn", "numpy")),
    "reference swaps": (reference, ("numba", "numpy")),
}


def load(file):
    with np.load(file) as data:
        if "indptr" not in data:
            return data["XT"].T, data["y"]
        parts = data["data"], data["indices"], data["indptr"]
        return sparse.csc_matrix(parts, shape=tuple(data["shape"])), data["y"]


def memory(name):
    """MB of this process, from the kernel: VmRSS is what it holds, VmHWM the most since it was reset.

    Not ru_maxrss, which starts with the memory of the process that started this one.
    """
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(name)), float("nan"))


def main():
    name, file, K, kind, seed, peers = sys.argv[1:]
    sys.path.insert(0, peers)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # abess prints from C++
    X, y = load(file)
    prepare, packages = SOLVERS[name]
    run = prepare(X, y, int(K), kind, int(seed))
    if Path("/proc/self/clear_refs").exists():
        Path("/proc/self/clear_refs").write_text("5")
    held = memory("VmRSS")
    for request in sys.stdin:
        if request.startswith("load"):
            print("{}", file=answers, flush=True)
            continue
        try:
            cpu, wall = time.process_time(), time.perf_counter()
            if request.startswith("size"):
                supports = [abess_model(X, y, kind, list(range(1, int(request.split()[1]) + 1)), "loss")]
            else:
                supports = run()
            answer = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
            answer["extra MB"] = memory("VmHWM") - held
            answer["supports"] = [sorted(map(int, support)) for support in supports]
        except Exception as error:  # whatever a package raises is what the table says of it
            answer = {"error": f"{type(error).__name__}: {error}"[:200]}
        answer["versions"] = {package: importlib.metadata.version(package) for package in packages}
        print(json.dumps(answer), file=answers, flush=True)


main()
