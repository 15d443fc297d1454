"""The questions: data in arrays on disk, and what every solver is told besides.

A case is a dictionary that JSON carries: files of the design (columns as rows, so that the mapped array is in Fortran
order) and the target, strengths on the sum scale

    0.5 |y - X b|^2 (logistic: sum_i log(1 + exp(-y_i x_i'b))) + l0 |b|_0 + l2 |b|^2,    |b_j| <= M,   |b|_0 <= k,

and the incumbent that all start from. What takes long (the designs of 10^5 columns, the incumbents) is made once.
"""

import json
import sys
from pathlib import Path

import numpy as np

CACHE = Path(__file__).resolve().parents[1] / ".cache" / "exact"
LOGISTIC_M = 3.0


def instances_from(peers):
    """The module of seeded instances in the folder ``peers``."""
    sys.path.insert(0, str(peers))
    import instances

    return instances


def cached(name, make):
    """JSON that is made once."""
    file = CACHE / f"{name}.json"
    if not file.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(make()))
    return json.loads(file.read_text())


def stored(name, make):
    """Files of a design and its target, made once."""
    design, target = CACHE / f"{name}.XT.npy", CACHE / f"{name}.y.npy"
    if not target.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        X, y = make()
        np.save(design, np.ascontiguousarray(X.T))
        np.save(target, y)
    return {"X": str(design), "y": str(target)}


def load(case):
    """Design in Fortran order and target; mapped where it is large, private so that nobody needs to be careful."""
    mapped = "c" if Path(case["X"]).stat().st_size > 2e8 else None
    return np.asarray(np.load(case["X"], mmap_mode=mapped)).T, np.load(case["y"])


def coefficients(case, support, values):
    coef = np.zeros(np.load(case["X"], mmap_mode="r").shape[0])
    coef[support] = values
    return coef


def objective(case, X, y, support, values):
    """Objective of coefficients, from the data and nothing else."""
    values = np.asarray(values, float)
    eta = X[:, support] @ values
    fit = 0.5 * (y - eta) @ (y - eta) if case["loss"] == "squared" else np.logaddexp(0.0, -y * eta).sum()
    return float(fit + case["l2"] * values @ values + (case["l0"] or 0.0) * np.count_nonzero(values))


def refit(case, X, y, support):
    """Objective of the best coefficients on a support; None where a limit binds."""
    A = X[:, support]
    if case["loss"] == "logistic":
        values = newton(A, y, case["l2"])
    elif case["l2"] > 0:
        values = np.linalg.solve(A.T @ A + 2 * case["l2"] * np.eye(len(support)), A.T @ y)
    else:
        values = np.linalg.lstsq(A, y, rcond=None)[0]
    if case["M"] is not None and np.abs(values).max(initial=0.0) > case["M"]:
        return None
    return objective(case, X, y, support, values)


def question(case):
    """What a case asks, size aside: answers to the same question can be compared."""
    return f"{Path(case['X']).name} l2={case['l2']} l0={case['l0']}"


def _case(name, files, **facts):
    usual = {"loss": "squared", "l0": None, "M": None, "k": None, "l2": 0.0, "solver": "branch", "intercept": False}
    return {"name": name, **files, **usual, **facts}


def synthetic(instances, family, seed, l2, k=10):
    """Families b, c and d of AR(1) designs, priced so that size k is on the lower hull of the incumbents."""
    n, p = {"b": (500, 1000), "c": (1000, 10_000), "d": (1000, 100_000), "s": (100, 100)}[family[0]]
    rho = {"b": family[1:], "s": 0.3}.get(family[0], 0.1)
    k = 5 if family == "s" else k
    files = stored(f"{family}-{seed}", lambda: instances.synth(n, p, k, float(rho), 5.0, seed)[:2])

    def incumbent():
        X, y = load(files)
        path = instances.heuristic_path(X, y, k + 1, l2, passes=3 if p <= 2000 else 1)
        value, support = path[k]
        values = instances.ridge_obj(X, y, support, l2)[1]
        M = 1.5 * float(np.abs(values).max())
        l0 = instances.l0_for_k(path, k)
        return {"l0": l0, "M": M, "support": [int(j) for j in support], "values": list(values), "value": float(value)}

    found = cached(f"{family}-{seed}-{l2}-{k}", incumbent)
    found["value"] += found["l0"] * k
    return _case(f"{family} l2={l2}", files, seed=seed, l2=l2, **found)


def smoke(instances):
    """The small problem that every process solves first, for the sake of its compilers."""
    return synthetic(instances, "s", 0, 0.01) | {"gap": 1e-6}


def incumbents(instances, files, most, l2):
    """The supports up to size `most` that all solvers start from, with their ridge fits."""
    X, y = load(files)
    path = instances.heuristic_path(X, y, most, max(l2, 1e-9))
    fits = [instances.ridge_obj(X, y, support, l2) for _, support in path]
    return [
        {"support": [int(j) for j in support], "values": list(values), "value": float(value)}
        for (_, support), (value, values) in zip(path, fits, strict=True)
    ]


def diabetes(instances, l2, sizes):
    """Ten columns with squares and products, 442 x 64: at most k columns, for each k of ``sizes``; no limits."""
    files = stored("diabetes", instances.diabetes_quad)

    found = cached(f"diabetes-{l2}", lambda: incumbents(instances, files, 21, l2))
    return [_case(f"diabetes k={k} l2={l2}", files, seed=0, l2=l2, k=k, **found[k]) for k in sizes]


def logistic(instances, seed, l2=0.1):
    """Two classes, 500 x 200; the incumbent is a forward search with Newton fits."""
    files = stored(f"logit-{seed}", lambda: instances.synth_logistic(500, 200, 10, 0.1, 1.0, seed)[:2])
    l0 = 0.5 * float(np.log(500))

    def incumbent():
        X, y = load(files)
        support, best = [], (len(y) * np.log(2.0), [], [])
        for _ in range(20):
            values = newton(X[:, support], y, l2)
            slope = y / (1.0 + np.exp(y * (X[:, support] @ values)))
            score = np.abs(X.T @ slope)
            score[support] = -1.0
            support = [*support, int(score.argmax())]
            values = newton(X[:, support], y, l2)
            value = objective({"loss": "logistic", "l0": l0, "l2": l2}, X, y, support, values)
            if value < best[0]:
                best = (value, list(support), list(values))
        return {"value": best[0], "support": best[1], "values": best[2]}

    found = cached(f"logit-{seed}-{l2}", incumbent)
    return _case(f"logit l2={l2}", files, seed=seed, loss="logistic", l0=l0, l2=l2, M=LOGISTIC_M, **found)


def logistic_smoke(instances):
    """Ten columns and two classes."""
    X, y = load(logistic(instances, 0))
    files = stored("logit-small", lambda: (X[:, :10], y))
    given = {"support": [], "values": [], "value": float(len(y) * np.log(2.0))}
    return _case("logit smoke", files, seed=0, loss="logistic", l0=1.0, l2=0.1, M=LOGISTIC_M, **given)


def newton(A, y, l2, steps=50):
    """Ridged logistic fit by damped Newton steps."""
    b = np.zeros(A.shape[1])

    def value(b):
        return np.logaddexp(0.0, -y * (A @ b)).sum() + l2 * b @ b

    for _ in range(steps if b.size else 0):
        share = 1.0 / (1.0 + np.exp(y * (A @ b)))
        slope = -A.T @ (y * share) + 2 * l2 * b
        step = np.linalg.solve((A.T * (share * (1 - share))) @ A + 2 * l2 * np.eye(b.size), slope)
        length = 1.0
        while value(b - length * step) > value(b) and length > 1e-8:
            length /= 2
        b = b - length * step
        if np.abs(step).max() < 1e-12:
            break
    return b


def narrow(instances, seed, n=120, p=30):
    """Thirty columns, no ridge, every size: what leaps and bounds are for."""
    rho = (0.1, 0.5, 0.9)[seed % 3]
    files = stored(f"narrow-{seed}", lambda: instances.synth(n, p, 6, rho, 1.0, seed)[:2])
    facts = {"sizes": list(range(1, p + 1)), "solver": "auto", "support": [], "values": [], "value": 0.5}
    return _case("p=30 l2=0", files, seed=seed, k=p, **facts)


def real(instances, data, name, response, l2, solver):
    """Measured columns with many near twins, sizes up to 3."""
    z = np.load(Path(data) / name / "data.npz")
    y = (z["Y"][:, response] if response is not None else z["y"]).astype(float)
    tag = name if response is None else f"{name}-Y{response}"
    files = stored(tag, lambda: instances.unit(z["X"].astype(float), y))
    expected = json.loads((Path(data) / name / "expected.json").read_text())
    expected = expected[f"Y{response}"] if response is not None else expected.get("gasoline_nir", expected)
    sizes = expected["sizes"][:4]
    total = sizes[0]["rss"]

    found = cached(f"{tag}-{l2}", lambda: incumbents(instances, files, 4, l2))
    cases = []
    for k in (1, 2, 3):
        known = {"expected": 0.5 * sizes[k]["rss"] / total} if l2 == 0 else {}
        cases.append(_case(f"{tag} k={k} l2={l2}", files, seed=0, l2=l2, k=k, solver=solver, **known, **found[k]))
    return cases
