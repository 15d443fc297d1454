"""Test error of the default `L0RegressorCV` beside scikit-learn's lasso and elastic net, on rows that no fit has seen.

    python -m benchmarks.regression.lowsignal [--instances S4 S5 S3 S1 S2] [--seeds 0 1 ... 9] [--report]

Run it from the root of the repository. All are fitted with their defaults, five folds and one thread, on the same rows.
The test error is the mean squared error on fresh rows of the law that drew the training rows. The excess risk needs no
rows: (b - beta)' Sigma (b - beta) plus the squared intercept, the part of the expected error that a better fit could
avoid. Each fit is a line of benchmarks/.cache/regression/NAME.jsonl and is not repeated; --report writes the tables
again.
"""

import argparse
import importlib.metadata
import os
import sys
import time
import warnings
from pathlib import Path

import numpy as np

from ..turns import machine
from .logbook import RESULTS, SHARED, Logbook, command, markdown

INSTANCES = ("S4", "S5", "S3", "S1", "S2")  # the dear ones last
FRESH, CHUNK = 10_000, 1000  # rows to test on, and how many of them are in memory at once


def ellzero(X, y):
    import ellzero as ez

    model = ez.L0RegressorCV(time_limit=600.0).fit(X, y)
    return model.coef_, model.intercept_


def lasso(X, y):
    from sklearn.linear_model import LassoCV

    model = LassoCV().fit(X, y)
    return model.coef_, model.intercept_


def elastic_net(X, y):
    from sklearn.linear_model import ElasticNetCV

    model = ElasticNetCV().fit(X, y)
    return model.coef_, model.intercept_


SOLVERS = {"ellzero": ellzero, "LassoCV": lasso, "ElasticNetCV": elastic_net}
PACKAGES = ("ellzero", "scikit-learn", "numpy")


class Law:
    """What an instance draws from: training rows of a seed, and fresh rows."""

    def __init__(self, instances, name, seed):
        self.instances, self.name, self.seed = instances, name, seed
        self.data = instances.load(name, seed)
        _, self.p, self.k0, self.correlation, self.rho, snr, _ = instances.SYN[name]
        self.quad, self.beta = self.data["sigma"], self.data["beta"]
        self.noise = self.quad(self.beta) / snr  # variance

    def fresh(self):
        """Chunks of new rows and their targets; a stream of their own, the same at every call."""
        rng = np.random.default_rng([self.seed, sum(map(ord, self.name)), 1])
        for _ in range(FRESH // CHUNK):
            X = self.instances.design(rng, CHUNK, self.p, self.correlation, self.rho)
            yield X, X @ self.beta + np.sqrt(self.noise) * rng.standard_normal(CHUNK)

    def test_error(self, coef, intercept):
        return float(np.mean([np.mean((y - X @ coef - intercept) ** 2) for X, y in self.fresh()]))

    def excess_risk(self, coef, intercept):
        return self.quad(coef - self.beta) + intercept**2


def turn(law, name, solve):
    """One fit, its cost and its errors."""
    X, y = law.data["X"], law.data["y"]
    cpu, wall = time.process_time(), time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of unfinished coordinate descent at the end of scikit-learn's paths
        coef, intercept = solve(X, y)
    cost = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    return {
        "instance": law.name,
        "seed": law.seed,
        "solver": name,
        **cost,
        "columns": int(np.count_nonzero(coef)),
        "true": int(np.count_nonzero(coef * law.beta)),
        "k0": law.k0,
        "test": law.test_error(coef, intercept),
        "risk": law.excess_risk(coef, intercept),
        "noise": law.noise,
        "versions": {package: importlib.metadata.version(package) for package in PACKAGES},
    }


def standard_error(values):
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def compared(records, instance):
    """Rows of one instance: means of every solver, and the paired differences of ours from the rivals."""
    fits = {(r["solver"], r["seed"]): r for r in records if r["instance"] == instance}
    for name in dict.fromkeys(solver for solver, _ in fits):
        mine = [fits[name, seed] for solver, seed in sorted(fits) if solver == name]
        mean = {f: float(np.mean([r[f] for r in mine])) for f in ("test", "noise", "risk", "columns", "true", "cpu")}
        row = {"instance": instance, "solver": name, "seeds": len(mine), "k0": mine[0]["k0"], **mean}
        if name != "ellzero":
            pairs = [(fits["ellzero", r["seed"]], r) for r in mine if ("ellzero", r["seed"]) in fits]
            differences = [(own["test"] - theirs["test"]) / theirs["noise"] for own, theirs in pairs]
            if differences:
                row["paired"] = float(np.mean(differences)), standard_error(differences), len(differences)
        yield row


def write(log, options):
    """The table as Markdown."""
    order = [name for name in options.instances if any(r["instance"] == name for r in log.records)]
    rows = [row for name in order for row in compared(log.records, name)]
    fields = ("instance", "solver", "seeds", "columns (of k0)", "true", "test error", "excess risk", "CPU s")
    fields += ("ellzero minus it", "not worse")
    cells = []
    for r in rows:
        cell = [r["instance"], r["solver"], str(r["seeds"]), f"{r['columns']:.1f} ({r['k0']})", f"{r['true']:.1f}"]
        cell += [f"{r['test'] / r['noise']:.4f}", f"{r['risk'] / r['noise']:.4f}", f"{r['cpu']:.2f}"]
        difference, error, pairs = r.get("paired", (None, None, 0))
        told = "" if difference is None else f"{difference:+.4f} ({error:.4f}, {pairs} seeds)"
        cell += [told, "" if difference is None else "yes" if difference <= error else "NO"]
        cells.append(cell)
    versions = sorted({f"{package} {v}" for r in log.records for package, v in r["versions"].items()})
    lines = [
        "# Test error at high and low signal",
        "",
        f"- command: `{command('lowsignal')}`",
        f"- machine: {machine()}; one thread",
        f"- time: {log.when()}",
        f"- versions: {', '.join(versions)}",
        f"- test error: mean squared error on {FRESH} fresh rows, mean over the seeds, in units of the noise variance,",
        "  so that 1 is the best that anybody can do; excess risk: its expectation, less 1; defaults of all",
        "- minus it: mean over the seeds of the paired differences of test error, in parentheses its standard error;",
        "  not worse: at most one standard error above zero",
        "",
        *markdown(fields, cells),
        "",
    ]
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / f"{options.name}.md").write_text("\n".join(lines), encoding="utf-8")


def arguments():
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.regression.lowsignal",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--peers", type=Path, default=Path(os.environ.get("ELLZERO_PEERS", SHARED / "peers")))
    parser.add_argument("--instances", nargs="+", default=list(INSTANCES), choices=INSTANCES)
    parser.add_argument("--seeds", nargs="+", type=int, default=list(range(10)))
    parser.add_argument("--solvers", nargs="+", default=list(SOLVERS), choices=SOLVERS)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--name", default="lowsignal", help="name of the log and the table")
    parser.add_argument("--report", action="store_true", help="write the table from the log, measure nothing")
    options = parser.parse_args()
    if not (options.peers / "instances.py").exists():
        parser.error(f"no instances.py in {options.peers}: name the folder with --peers or ELLZERO_PEERS")
    return options


def main():
    options = arguments()
    sys.path.insert(0, str(options.peers))
    import instances

    log = Logbook(options.name, ("instance", "seed", "solver"))
    if not options.report:
        for name in options.instances:
            for seed in options.seeds:
                left = [solver for solver in options.solvers if not log.has(name, seed, solver)]
                law = Law(instances, name, seed) if left else None
                for solver in left:
                    log.write(turn(law, solver, SOLVERS[solver]))
    write(log, options)


if __name__ == "__main__":
    main()
