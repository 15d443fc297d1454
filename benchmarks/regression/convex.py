"""Paths of convex penalties beside celer, skglm and scikit-learn: CPU times at the same accuracy, in one run.

    python -m benchmarks.regression.convex [--cases lasso-1000x5000 ...] [--reps 3]

Every solver is a process of its own, pinned to the same core; they take turns. A solver's tolerance is loosened or
tightened, untimed, until its worst duality gap on the path, judged in one place, is at most 1e-6 of the empty model's
loss: so all stop at the same accuracy. Times are CPU seconds of one path of 100 strengths, medians over turns after a
warm-up.
"""

import argparse
import csv
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from scipy import sparse

from ..turns import Worker, environment, machine
from .logbook import command

HERE = Path(__file__).resolve().parent
RIVALS = HERE.parent / ".rivals-convex"
REQUIREMENTS = ("celer==0.7.4", "skglm==0.5", "scikit-learn==1.9.1", "numba", "scipy")
SOLVERS = ("ellzero", "celer", "skglm", "scikit-learn")
TARGET = 1e-6
TOLERANCES = [10.0 ** (-0.5 * half) for half in range(4, 25)]
STARTS = {"ellzero": 1e-5, "celer": 3e-7, "skglm": 3e-7, "scikit-learn": 1e-6}
# rows, columns, correlation of neighbours, last strength over the first, share of l1, kind
CASES = {
    "lasso-1000x5000": (1000, 5000, 0.5, 1e-2, 1.0, "squared"),
    "lasso-1000x5000-correlated": (1000, 5000, 0.9, 1e-2, 1.0, "squared"),
    "lasso-500x10000": (500, 10000, 0.5, 1e-2, 1.0, "squared"),
    "lasso-500x10000-short": (500, 10000, 0.5, 1e-1, 1.0, "squared"),
    "lasso-5000x1000": (5000, 1000, 0.5, 1e-3, 1.0, "squared"),
    "elastic-net-1000x5000": (1000, 5000, 0.5, 1e-2, 0.5, "squared"),
    "elastic-net-500x10000": (500, 10000, 0.5, 1e-2, 0.5, "squared"),
    "logistic-1000x5000": (1000, 5000, 0.5, 5e-2, 1.0, "logistic"),
    "sparse-lasso-2000x20000": (2000, 20000, 0.0, 1e-2, 1.0, "sparse"),
    "sparse-logistic-1000x5000": (1000, 5000, 0.0, 5e-2, 1.0, "sparse logistic"),
}


def instance(case, seed):
    """Data of a case: neighbours correlated, 20 coefficients of plus or minus one, a signal five times the noise."""
    n, p, rho, ratio, share, kind = CASES[case]
    rng = np.random.default_rng(seed)
    thin, binary = kind.startswith("sparse"), kind.endswith("logistic")
    if thin:
        X = sparse.random(n, p, density=0.01, random_state=rng, format="csc", data_rvs=rng.standard_normal)
    else:
        X = rng.standard_normal((n, p))
        for j in range(1, p):
            X[:, j] = rho * X[:, j - 1] + np.sqrt(1 - rho**2) * X[:, j]
        X -= X.mean(0)
    coef = np.zeros(p)
    coef[rng.choice(p, 20, replace=False)] = rng.choice([-1.0, 1.0], 20)
    signal = X @ coef
    y = signal + rng.standard_normal(n) * np.sqrt(signal.var() / 5)
    y = np.where(y > 0, 1.0, -1.0) if binary else y - y.mean()
    slope = 0.5 if binary else 1.0
    largest = slope * float(np.abs(X.T @ y).max()) / n / share
    strengths = np.geomspace(largest, ratio * largest, 100)
    facts = {"y": y, "strengths": strengths, "share": share, "logistic": binary}
    if thin:
        return facts | {"data": X.data, "indices": X.indices, "indptr": X.indptr, "shape": X.shape}
    return facts | {"XT": np.ascontiguousarray(X.T)}


def tuned(worker, start, patience):
    """Loosest tolerance of the list at which the worst gap is within the target, beginning the search at `start`."""
    place = min(range(len(TOLERANCES)), key=lambda i: abs(np.log(TOLERANCES[i] / start)))
    answer = worker.ask(repr(TOLERANCES[place]), patience)
    if answer is None:
        return None
    step = -1 if answer["gap"] <= TARGET else 1
    found = TOLERANCES[place] if step < 0 else None
    while 0 <= place + step < len(TOLERANCES):
        place += step
        answer = worker.ask(repr(TOLERANCES[place]), patience)
        if answer is None:
            return None
        if (answer["gap"] <= TARGET) != (step < 0):
            return TOLERANCES[place] if step > 0 else found
        found = TOLERANCES[place]
    return found if step < 0 else None


def compare(case, options):
    folder = HERE.parent / ".cache"
    folder.mkdir(exist_ok=True)
    file = folder / f"{case}.npz"
    np.savez(file, **instance(case, options.seed))
    rivals = options.python or environment(RIVALS, REQUIREMENTS)
    workers, tolerances, answers, versions = {}, {}, {}, {}
    for name in options.solvers:
        python = sys.executable if name == "ellzero" else rivals
        workers[name] = Worker([python, HERE / "convex_worker.py", name, file], options.core)
        first = workers[name].ask(repr(STARTS[name]), options.patience)
        if first is not None:
            versions[name] = " ".join(f"{package} {version}" for package, version in first["versions"].items())
            tolerances[name] = tuned(workers[name], STARTS[name], options.patience)
        answers[name] = []
    for _ in range(options.reps):
        for name, tolerance in tolerances.items():
            if tolerance is not None:
                answers[name].append(workers[name].ask(repr(tolerance), options.patience))
    rows = []
    for name, worker in workers.items():
        worker.close()
        row = {"case": case, "solver": name, "versions": versions.get(name, "")}
        timed = [answer for answer in answers[name] if answer is not None]
        if timed:
            row["cpu"] = statistics.median(answer["cpu"] for answer in timed)
            row |= {"tolerance": tolerances[name], "worst gap": timed[-1]["gap"], "nonzero": timed[-1]["nonzero"]}
            row |= {"objective 50": timed[-1]["objectives"][49], "objective 100": timed[-1]["objectives"][-1]}
        rows.append(row)
    file.unlink()
    ours = next((row["cpu"] for row in rows if row["solver"] == "ellzero" and "cpu" in row), None)
    for row in rows:
        if ours and "cpu" in row:
            row["times ellzero"] = row["cpu"] / ours
    return rows


FORMATS = {
    "case": "", "solver": "", "cpu": ".3f", "times ellzero": ".2f", "worst gap": ".1e", "objective 50": ".10g",
    "objective 100": ".10g", "nonzero": "d", "tolerance": ".1e",
}  # fmt: skip


def cell(row, field):
    if field not in row:
        return "not reached" if field == "cpu" else ""
    return format(row[field], FORMATS.get(field, ""))


def write(rows, options):
    options.out.mkdir(parents=True, exist_ok=True)
    with open(options.out / f"{options.name}.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*FORMATS, "versions"])
        writer.writerows([cell(row, field) for field in [*FORMATS, "versions"]] for row in rows)
    versions = sorted({f"{row['solver']} ({row['versions']})" for row in rows if row["versions"]})
    lines = [
        "# Convex paths beside their rivals",
        "",
        f"- command: `{command('convex')}`",
        f"- machine: {machine()}; one core, one thread",
        f"- date: {time.strftime('%Y-%m-%d')}",
        f"- versions: {'; '.join(versions)}",
        f"- cpu: seconds for a path of 100 strengths, median of {options.reps} turns after a warm-up; times ellzero:",
        "  the solver's CPU time over ellzero's. No intercept, no standardising, centred data, columns contiguous.",
        "- every solver has the loosest tolerance (in steps of a root of ten) at which its worst gap is within",
        f"  {TARGET:g} of the empty model's loss; a solver that never gets there, or not in time, is `not reached`.",
        "- objective 50, 100: at the 50th and the last strength; nonzero: coefficients at the last strength.",
        "",
        "| " + " | ".join(FORMATS) + " |",
        "|" + "---|" * len(FORMATS),
        *("| " + " | ".join(cell(row, field) for field in FORMATS) + " |" for row in rows),
        "",
    ]
    (options.out / f"{options.name}.md").write_text("\n".join(lines), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=list(CASES))
    parser.add_argument("--solvers", nargs="+", default=list(SOLVERS), choices=SOLVERS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reps", type=int, default=3, help="timed turns")
    parser.add_argument("--core", type=int, default=0, help="core to pin every process to; -1: none")
    parser.add_argument("--patience", type=float, default=120.0, help="seconds after which a solver is given up")
    parser.add_argument("--python", help="interpreter of an environment that has the rivals")
    parser.add_argument("--out", type=Path, default=HERE.parent / "results")
    parser.add_argument("--name", default="convex", help="name of the tables")
    options = parser.parse_args()
    rows = []
    for case in options.cases:
        rows += compare(case, options)
        for row in rows[-len(options.solvers) :]:
            print("  ".join(cell(row, field) for field in FORMATS), flush=True)
        write(rows, options)


if __name__ == "__main__":
    main()
