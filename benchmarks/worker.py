"""One solver in a process of its own: answers every line on stdin with one timed path.

    python worker.py SOLVER DATA.npz K PEERS

Each answer is a JSON line: CPU and wall seconds of what a user calls for one path up to K columns, and the supports
found. The first answer is the warm-up (compilation, first touch of memory) and says which versions ran.
"""

import importlib.metadata
import json
import sys
import time
import warnings

import numpy as np

warnings.filterwarnings("ignore")


def ellzero(X, y, K):
    import ellzero as ez

    return lambda: [result.support for result in ez.path(X, y, k=K)]


def abess(X, y, K):
    from abess import LinearRegression

    def run():
        model = LinearRegression(support_size=list(range(1, K + 1)), ic_type="ebic")
        return [np.flatnonzero(model.fit(X, y).coef_)]

    return run


def abess_sizes(X, y, K):
    """Untimed: abess returns one model a call, so the sizes compared cost one each; `loss` keeps the largest."""
    from abess import LinearRegression

    found = []
    for k in (K // 2, K):
        model = LinearRegression(support_size=list(range(1, k + 1)), ic_type="loss")
        found.append(np.flatnonzero(model.fit(X, y).coef_))
    return found


def fastsparsegams(X, y, K):
    import fastsparsegams as fsg
    from scipy import sparse

    def run():
        fit = fsg.fit(X, y, loss="SquaredError", penalty="L0", algorithm="CD", max_support_size=K)
        found = []
        for coefs in fit.coeffs:
            C = sparse.csc_matrix(coefs[1:] if coefs.shape[0] == X.shape[1] + 1 else coefs)
            found += [C.indices[C.indptr[i] : C.indptr[i + 1]] for i in range(C.shape[1])]
        return found

    return run


def omp(X, y, K):
    from sklearn.linear_model import orthogonal_mp

    def run():
        Z = X - X.mean(0)
        Z /= np.sqrt((Z * Z).sum(0))
        coefs = orthogonal_mp(Z, y - y.mean(), n_nonzero_coefs=K, return_path=True).reshape(X.shape[1], -1)
        return [np.flatnonzero(coef) for coef in coefs.T]

    return run


def reference(X, y, K):
    import reference as bar

    return lambda: bar.path({"X": X, "y": y}, K, 2)


SOLVERS = {
    "ellzero": (ellzero, ("ellzero", "numpy", "numba")),
    "abess": (abess, ("abess", "numpy")),
    "fastsparsegams CD": (fastsparsegams, ("fastsparsegams", "numpy")),
    "scikit-learn OMP": (omp, ("scikit-learn", "numpy")),
    "reference swaps": (reference, ("numba", "numpy")),
}


def main():
    name, file, K, peers = sys.argv[1:]
    sys.path.insert(0, peers)
    data = np.load(file)
    X, y, K = data["XT"].T, data["y"], int(K)
    prepare, packages = SOLVERS[name]
    run = prepare(X, y, K)
    extra = None
    for _ in sys.stdin:
        cpu, wall = time.process_time(), time.perf_counter()
        supports = run()
        answer = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
        if extra is None:
            extra = abess_sizes(X, y, K) if name == "abess" else []
            answer["versions"] = {package: importlib.metadata.version(package) for package in packages}
        answer["supports"] = [sorted(map(int, support)) for support in [*supports, *extra]]
        print(json.dumps(answer), flush=True)


main()
