"""Each solver as a function of a case: what is prepared before the clock starts, and the call that the clock covers.

A preparation returns ``(run, tell)``: ``run(limit)`` is timed, ``tell(outcome)`` turns what it returned into

    sizes: one {k, support, values, objective, bound} a size;   nodes;   done: whether the gap asked for was reached.

Objective and bound are the solver's own words, on the sum scale.
"""

import functools
import importlib
import json
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np

from .cases import coefficients, load

HERE = Path(__file__).resolve().parent


def _entry(case, coef, objective, bound=None, k=None):
    support = np.flatnonzero(coef)
    return {
        "k": case["k"] if k is None else k,
        "support": [int(j) for j in support],
        "values": [float(v) for v in np.asarray(coef)[support]],
        "objective": float(objective),
        "bound": None if bound is None else float(bound),
    }


# --- ellzero ---------------------------------------------------------------------------------------------------------


def _question(case, X, y):
    """The case in ellzero's units: mean loss, so strengths divided by n; labels 0 and 1."""
    n = X.shape[0]
    limits = {} if case["M"] is None else {"lower": -case["M"], "upper": case["M"]}
    target = y if case["loss"] == "squared" else (y > 0).astype(float)
    price = {} if case["l0"] is None else {"l0": case["l0"] / n}
    return target, {
        **price, **limits, "l2": case["l2"] / n, "loss": case["loss"], "standardize": False,
        "fit_intercept": case["intercept"],
    }  # fmt: skip


def _told(case, X, target, results, certificate, trees=None):
    """Facts of ellzero's results, each answer passed through the checker."""
    started = time.process_time()
    accepted = None
    if certificate is not None:
        try:
            certificate.verify(X, target)
            accepted = True
        except Exception as refusal:  # the reason goes into the table
            accepted = f"{type(refusal).__name__}: {refusal}"
    n = X.shape[0]
    sizes = [
        _entry(case, r.coef, n * r.objective, None if r.lower_bound is None else n * r.lower_bound, k)
        for k, r in results
    ]
    return {
        "sizes": sizes,
        "nodes": max(r.n_nodes for _, r in results),
        "done": all(r.status.value == "optimal" for _, r in results),
        "status": results[-1][1].status.value,
        "gap": max((1.0 if r.gap is None else r.gap) for _, r in results),
        "accepted": accepted,
        "verify": time.process_time() - started,
    }


def prepared(case, X, y):
    """A fresh problem with what does not depend on the search: moments, scaled columns, correlations with y."""
    import ellzero as ez

    target, question = _question(case, X, y)
    problem = ez.Problem.from_data(X, target, k=case["k"], **question)
    _ = problem.moments, problem.constant, problem.normal, problem.usable, problem.null_loss
    if case["loss"] == "squared":
        _ = problem.correlations  # X'y; the Gram matrix is formed within the clock
    return problem, target


def ellzero(case, limit_jobs=None):
    import ellzero as ez

    X, y = load(case)

    def prepare():
        problem, target = prepared(case, X, y)
        start = None if case["solver"] != "branch" else case["support"]

        def run(limit):
            return ez.solve(
                problem, case["solver"], gap=case["gap"], start=start, time_limit=limit, n_jobs=limit_jobs or 1
            )

        return run, lambda r: _told(case, X, target, [(case["k"], r)], r.certificate)

    return prepare


def ellzero_threads(case):
    return ellzero(case, case["jobs"])


def ellzero_end_to_end(case):
    import ellzero as ez

    X, y = load(case)
    target, question = _question(case, X, y)

    def prepare():
        def run(limit):
            return ez.best_subset(
                X, target, k=case["k"], **question, solver=case["solver"], gap=case["gap"], time_limit=limit
            )

        return run, lambda r: _told(case, X, target, [(case["k"], r)], r.certificate)

    return prepare


def ellzero_path(case):
    """All sizes up to k, end to end."""
    import ellzero as ez

    X, y = load(case)
    target, question = _question(case, X, y)

    def prepare():
        def run(limit):
            return ez.path(X, target, k=case["sizes"], **question, certify=True, gap=case["gap"], time_limit=limit)

        return run, lambda p: _told(case, X, target, [(k, p[k]) for k in p.sizes], p.certificate)

    return prepare


# --- rivals ----------------------------------------------------------------------------------------------------------


def el0ps(case, screening=True):
    # no MPI library is needed for one process, but pyomo and pybnb would load one where mpi4py can be imported
    sys.modules["mpi4py"] = None
    import pybnb
    from el0ps.compilation import compiled_clone
    from el0ps.datafit import Leastsquares, Logistic
    from el0ps.penalty import BigmL2norm, L2norm
    from el0ps.solver import BnbSolver

    pybnb.Solver = functools.partial(pybnb.Solver, comm=None)
    X, y = load(case)
    fit = compiled_clone((Leastsquares if case["loss"] == "squared" else Logistic)(y))
    penalty = compiled_clone(L2norm(case["l2"]) if case["M"] is None else BigmL2norm(case["M"], case["l2"]))
    start = coefficients(case, case["support"], case["values"])
    # pybnb divides the gap by max(1, |objective|): undone, so that the gap is relative for all
    gap = case["gap"] * min(1.0, case["value"]) if case["value"] < 1.0 else case["gap"]

    def prepare():
        def run(limit):
            solver = BnbSolver(time_limit=limit, relative_gap=gap, screening=screening)
            return solver.solve(fit, penalty, X, case["l0"], x_init=start.copy())

        def tell(r):
            done = str(r.status) == "optimal"
            return {"sizes": [_entry(case, r.x, r.objective_value)], "nodes": int(r.iter_count), "done": done}

        return run, tell

    return prepare


def l0bnb(case):
    from l0bnb.tree import BNBTree

    X, y = load(case)
    start = coefficients(case, case["support"], case["values"])

    def prepare():
        tree = BNBTree(X, y, rel_tol=min(1e-4, case["gap"]))  # column norms, outside the clock as for the others

        def run(limit):
            M = 1e3 if case["M"] is None else case["M"]
            return tree.solve(case["l0"], case["l2"], M, gap_tol=case["gap"], time_limit=limit, warm_start=start.copy())

        def tell(s):
            empty = tree.bfs_queue.qsize() + tree.dfs_queue.qsize() == 0
            entry = _entry(case, np.asarray(s.beta), s.cost)
            return {"sizes": [entry], "nodes": tree.number_of_nodes, "done": bool(s.gap <= case["gap"] or empty)}

        return run, tell

    return prepare


def okridge(case):
    """Takes no incumbent; its objective lacks the constant y'y, so its gap is rescaled to the common one."""
    from okridge.tree import BNBTree

    X, y = load(case)
    scale = 2 * case["value"] / abs(2 * case["value"] - float(y @ y))

    def prepare():
        tree = BNBTree(X, y, lambda2=2 * case["l2"], max_memory_GB=8)

        def run(limit):
            return tree.solve(k=case["k"], gap_tol=case["gap"] * scale, time_limit=limit)

        def tell(answer):
            upper, coef, gap, lower, _ = answer
            half = 0.5 * float(y @ y)
            entry = _entry(case, np.asarray(coef), 0.5 * upper + half, 0.5 * lower + half)
            return {"sizes": [entry], "nodes": tree.number_of_nodes, "done": bool(gap <= case["gap"] * scale)}

        return run, tell

    return prepare


def sketch(case):
    """The one-file branch and bound that the bars were set with: a floor and no package."""
    if case["sketches"] not in sys.path:
        sys.path.insert(0, case["sketches"])
    module = importlib.import_module("exact_bnb")
    X, y = load(case)
    warm = coefficients(case, case["support"], case["values"])
    k = -1 if case["k"] is None or case["l0"] is not None else case["k"]
    M = np.inf if case["M"] is None else case["M"]

    def prepare():
        def run(limit):
            return module.solve(
                X, y, l0=case["l0"], l2=case["l2"], M=M, k=k, gap=case["gap"], warm=warm.copy(), ub=case["value"],
                time_limit=limit,
            )  # fmt: skip

        def tell(r):
            done = r["ub"] - r["lb"] <= 1.0001 * case["gap"] * abs(r["ub"])
            return {"sizes": [_entry(case, r["b"], r["ub"], r["lb"])], "nodes": int(r["nodes"]), "done": bool(done)}

        return run, tell

    return prepare


def leaps(case):
    """R's leaps, in a process of R; its own CPU seconds are what counts."""
    X, y = load(case)
    file = Path(case["X"]).with_suffix(".csv")
    np.savetxt(file, np.column_stack([X, y]), delimiter=",", fmt="%.17g")
    process = subprocess.Popen(
        ["Rscript", str(HERE / "leaps.R"), str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def prepare():
        def run(limit):
            process.stdin.write("go\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        def tell(told):
            sizes = []
            for k, support in enumerate(told["supports"], 1):
                support = np.atleast_1d(support) - 1
                values = np.linalg.lstsq(X[:, support], y, rcond=None)[0]
                sizes.append(_entry(case, coefficients(case, support, values), 0.5 * told["rss"][k - 1], None, k))
            return {"sizes": sizes, "done": True, "cpu": told["cpu"], "versions": told["versions"]}

        return run, tell

    return prepare


SOLVERS = {
    "ellzero": (ellzero, ("ellzero", "numpy", "numba", "scipy")),
    "ellzero end to end": (ellzero_end_to_end, ("ellzero", "numpy", "numba", "scipy")),
    "ellzero path": (ellzero_path, ("ellzero", "numpy", "numba", "scipy")),
    "ellzero threads": (ellzero_threads, ("ellzero", "numpy", "numba", "scipy")),
    "sketch": (sketch, ("numpy", "numba", "scipy")),
    "el0ps": (el0ps, ("el0ps", "numpy", "numba")),
    "el0ps no screening": (functools.partial(el0ps, screening=False), ("el0ps", "numpy", "numba")),
    "l0bnb": (l0bnb, ("l0bnb", "numpy", "numba")),
    "okridge": (okridge, ("okridge", "numpy")),
    "R leaps": (leaps, ()),
}
warnings.filterwarnings("ignore")
