"""The path of ellzero beside its rivals: times, losses, and their ratios, in one run on one core.

    python benchmarks/run.py [--instances S1 S2 S3 S4 S5] [--seeds 0 1 2] [--reps 3]

Every solver is a process of its own, pinned to the same core; they take turns, so that a busy machine slows all alike.
Times are CPU seconds of one path over the sizes 1 to 2 k0, medians over the turns after a warm-up. Every support is
refitted here, by least squares with an intercept, so that the losses compare supports only.
"""

import argparse
import csv
import os
import shlex
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from turns import Worker, environment, machine

HERE = Path(__file__).resolve().parent
RIVALS = HERE / ".rivals"
REQUIREMENTS = ("numpy<2", "abess==0.4.11", "fastsparsegams==0.2.0", "scikit-learn==1.9.1", "numba", "scipy")
SOLVERS = ("ellzero", "abess", "fastsparsegams CD", "scikit-learn OMP", "reference swaps")
# fastsparsegams reads past the end of its arrays on wide data and crashes; a padded heap lets it finish.
PADDED_HEAP = {"MALLOC_TOP_PAD_": "2000000000", "MALLOC_MMAP_THRESHOLD_": "4000000000"}


def start(name, data, K, options):
    """The solver's process, pinned."""
    python = sys.executable if name == "ellzero" else environment(RIVALS, REQUIREMENTS)
    heap = PADDED_HEAP if name.startswith("fastsparsegams") else {}
    return Worker([python, HERE / "worker.py", name, data, K, options.peers], options.core, heap)


def rss(X, y, support):
    Z = X[:, support] - X[:, support].mean(0)
    residual = y - y.mean()
    if support:
        scale = np.sqrt((Z * Z).sum(0))
        residual = residual - Z @ (np.linalg.lstsq(Z / scale, residual, rcond=None)[0] / scale)
    return float(residual @ residual)


def losses(X, y, supports, sizes):
    """Lowest loss of a support of at most so many columns: a path that skips a size is charged its next smaller one."""
    fits = {tuple(support): rss(X, y, list(support)) for support in supports if len(support) <= max(sizes)}
    return [min(value for support, value in fits.items() if len(support) <= size) for size in sizes]


def compare(instance, seed, instances, options):
    """Rows of one instance, one a solver."""
    data = instances.load(instance, seed)
    X, y, k0 = data["X"], data["y"], data["k0"]
    folder = HERE / ".cache"
    folder.mkdir(exist_ok=True)
    file = folder / f"{instance}-{seed}.npz"
    np.savez(file, XT=X.T, y=y)
    workers = {name: start(name, file, 2 * k0, options) for name in options.solvers}
    answers = {name: [] for name in workers}
    for _ in range(options.reps + 1):
        for name, worker in workers.items():
            answers[name].append(worker.ask("path"))
    rows = []
    for name, worker in workers.items():
        worker.close()
        row = {"instance": instance, "seed": seed, "solver": name}
        if answers[name][-1] is not None:
            first, *timed = answers[name]
            row["versions"] = " ".join(f"{package} {version}" for package, version in first["versions"].items())
            row["cpu"] = statistics.median(answer["cpu"] for answer in timed)
            row["wall"] = statistics.median(answer["wall"] for answer in timed)
            supports = [[], *first["supports"], *timed[-1]["supports"]]
            row["loss k0"], row["loss 2k0"] = losses(X, y, supports, (k0, 2 * k0))
        rows.append(row)
    file.unlink()
    ran = [row for row in rows if "cpu" in row]
    ours = next((row["cpu"] for row in ran if row["solver"] == "ellzero"), None)
    for row in ran:
        for size in ("k0", "2k0"):
            best = min(other[f"loss {size}"] for other in ran)
            row[f"excess % {size}"] = 100 * (row[f"loss {size}"] / best - 1)
        if ours:
            row["times ellzero"] = row["cpu"] / ours
    return rows


FIELDS = (
    "instance",
    "seed",
    "solver",
    "cpu",
    "times ellzero",
    "loss k0",
    "excess % k0",
    "loss 2k0",
    "excess % 2k0",
    "wall",
    "versions",
)
FORMATS = {
    "cpu": ".4f",
    "times ellzero": ".2f",
    "loss k0": ".8g",
    "loss 2k0": ".8g",
    "excess % k0": ".2f",
    "excess % 2k0": ".2f",
    "wall": ".4f",
}


def cell(row, field):
    if field not in row:
        return "failed" if field == "cpu" else ""
    return format(row[field], FORMATS[field]) if field in FORMATS else str(row[field])


def write(rows, options):
    """The table twice: CSV for machines, Markdown with command, versions and machine for people."""
    options.out.mkdir(parents=True, exist_ok=True)
    with open(options.out / f"{options.name}.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(FIELDS)
        writer.writerows([cell(row, field) for field in FIELDS] for row in rows)
    shown = [field for field in FIELDS if field != "versions"]
    versions = sorted({f"{row['solver']} ({row['versions']})" for row in rows if "versions" in row})
    command = shlex.join(["python", "benchmarks/run.py", *sys.argv[1:]])
    lines = [
        "# The path beside its rivals",
        "",
        f"- command: `{command}`",
        f"- machine: {machine()}; one core, one thread",
        f"- date: {time.strftime('%Y-%m-%d')}",
        f"- versions: {'; '.join(versions)}",
        f"- cpu: seconds for one path over 1 to 2 k0 columns, median of {options.reps} turns; times ellzero: the",
        "  solver's CPU time over ellzero's. abess returns one model; its time is its one call over all sizes.",
        "- loss: residual sum of squares of the best support of at most k0 (2 k0) columns, refitted in one place;",
        "  excess: over the lowest of this run. reference swaps: forward selection with exhaustive swaps and sweeps,",
        "  a bar and no package.",
        "",
        "| " + " | ".join(shown) + " |",
        "|" + "---|" * len(shown),
        *("| " + " | ".join(cell(row, field) for field in shown) + " |" for row in rows),
        "",
    ]
    (options.out / f"{options.name}.md").write_text("\n".join(lines), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    beside = HERE.parents[1] / "shared" / "peers"
    parser.add_argument("--peers", type=Path, default=Path(os.environ.get("ELLZERO_PEERS", beside)))
    parser.add_argument("--instances", nargs="+", default=["S1", "S2", "S3", "S4", "S5"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--solvers", nargs="+", default=list(SOLVERS), choices=SOLVERS)
    parser.add_argument("--reps", type=int, default=3, help="timed turns after the warm-up")
    parser.add_argument("--core", type=int, default=0, help="core to pin every process to; -1: none")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    parser.add_argument("--name", default="paths", help="name of the tables")
    options = parser.parse_args()
    if not (options.peers / "instances.py").exists():
        parser.error(f"no instances.py in {options.peers}: name the folder with --peers or ELLZERO_PEERS")
    sys.path.insert(0, str(options.peers))
    import instances

    rows = []
    for instance in options.instances:
        for seed in options.seeds:
            rows += compare(instance, seed, instances, options)
            for row in rows[-len(options.solvers) :]:
                print("  ".join(cell(row, field) for field in FIELDS[:-1]), flush=True)
            write(rows, options)


if __name__ == "__main__":
    main()
