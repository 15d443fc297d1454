"""The path of ellzero beside its rivals: times, losses, and their ratios, in one run on one core.

    python benchmarks/run.py [--instances S1 D64 T1] [--seeds 0 1 2] [--reps 3] [--cap 60] [--resume]

Every solver is a process of its own, pinned to the same core; they take turns, so that a busy machine slows all alike.
Times are CPU seconds of one path over the sizes 1 to 2 k0, medians over the turns after a warm-up. Every support is
refitted here, by one judge for all, so that the losses compare supports only. Finished solvers are logged in
benchmarks/.cache/paths, a line each; --resume keeps what is there and takes only what is missing, --report takes
nothing and writes the tables.
"""

import argparse
import json
import os
import shlex
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import refits
import report
from scipy import sparse
from turns import Worker, environment

HERE = Path(__file__).resolve().parent
RIVALS = HERE / ".rivals"
REQUIREMENTS = ("numpy<2", "abess==0.4.11", "fastsparsegams==0.2.0", "scikit-learn==1.9.1", "numba", "scipy")
SOLVERS = (*report.OWN, "abess", "fastsparsegams CD", "scikit-learn OMP", "reference swaps")
INSTANCES = ("S1", "S2", "S3", "S4", "S5", "D64", "W1", "SP1", "T1", "G1", "G2")
SMALL = 3e6  # rows times columns up to which the thorough setting is shown
ONLY_DENSE = ("scikit-learn OMP",)
ONLY_SQUARES = ("scikit-learn OMP", "reference swaps")
# fastsparsegams reads past the end of its arrays on wide data and crashes; a padded heap lets it finish.
PADDED_HEAP = {"MALLOC_TOP_PAD_": "2000000000", "MALLOC_MMAP_THRESHOLD_": "4000000000"}
ONCE = 15.0  # CPU seconds of a first turn that is not repeated, and counts
ALL_SIZES = 3.0  # CPU seconds of a path up to which a solver of one model a call is asked for every size compared


class Log:
    """Finished solvers of a run, a line of JSON each."""

    def __init__(self, file, keep):
        file.parent.mkdir(parents=True, exist_ok=True)
        self.file = file
        if not keep:
            file.write_text("", encoding="utf-8")
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        self.rows = [json.loads(line) for line in text.splitlines()]

    def has(self, instance, seed, solver):
        return any((row["instance"], row["seed"], row["solver"]) == (instance, seed, solver) for row in self.rows)

    def slow(self, instance, solver):
        """Whether a solver has been stopped on this instance, with some seed."""
        return any((row["instance"], row["solver"]) == (instance, solver) and row.get("stopped") for row in self.rows)

    def write(self, row):
        row |= {"command": command(), "time": time.strftime("%Y-%m-%d %H:%M:%S"), "load": round(os.getloadavg()[0], 2)}
        with open(self.file, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        self.rows.append(json.loads(json.dumps(row)))
        print(
            "  ".join(f"{key}={row[key]}" for key in ("instance", "seed", "solver", "cpu", "note") if key in row),
            flush=True,
        )


def command():
    """The command of this run, without the folders of this machine."""
    words, folders = sys.argv[1:], ("--peers", "--out")
    words = [part for word in words for part in (word.split("=", 1) if word.startswith(folders) else [word])]
    kept = [word for i, word in enumerate(words) if word not in folders and (i == 0 or words[i - 1] not in folders)]
    return shlex.join(["python", "benchmarks/run.py", *kept])


def able(solver, data):
    """Whether a solver takes such data at all, and is asked to."""
    return not (
        (solver in ONLY_DENSE and sparse.issparse(data["X"]))
        or (solver in ONLY_SQUARES and data["kind"] == "logit")
        or (solver == "ellzero thorough" and np.prod(data["X"].shape) > SMALL)
    )


def store(data, file):
    X = data["X"]
    if sparse.issparse(X):
        np.savez(file, data=X.data, indices=X.indices, indptr=X.indptr, shape=X.shape, y=data["y"])
    else:
        np.savez(file, XT=X.T, y=data["y"])


class Turns:
    """One solver on one instance: its process, and what it has answered so far."""

    def __init__(self, name, file, data, seed, options):
        python = sys.executable if name in report.OWN else environment(RIVALS, REQUIREMENTS)
        heap = PADDED_HEAP if name.startswith("fastsparsegams") else {}
        words = [python, HERE / "worker.py", name, file, 2 * data["k0"], data["kind"], seed, options.peers]
        self.name, self.k0, self.cap = name, data["k0"], options.cap
        self.worker = Worker(words, options.core, heap)
        self.answers, self.note, self.stopped = [], None, False

    def ask(self, request):
        """An answer, or None after a failure, whose reason is kept."""
        started = time.perf_counter()
        answer = self.worker.ask(request, self.cap)
        if answer is None:
            late = time.perf_counter() - started >= self.cap
            self.stopped = late
            self.note = f"stopped after {self.cap:g} s" if late else "its process crashed"
        elif "error" in answer:
            self.note = answer["error"]
            answer = None
        return answer

    def take(self):
        """One turn, but for those who failed or are slow."""
        if self.note or (self.answers and self.answers[0]["cpu"] > ONCE):
            return
        answer = self.ask("path")
        if answer:
            self.answers.append(answer)

    def row(self, judge):
        """What the log says of it, with the refitted losses."""
        row = {"note": self.note, "stopped": self.stopped} if self.note else {}
        if self.note or not self.answers:
            self.worker.close()
            return row
        timed = self.answers[1:] or self.answers
        row["cpu"] = statistics.median(answer["cpu"] for answer in timed)
        row["wall"] = statistics.median(answer["wall"] for answer in timed)
        row["turns"] = len(timed)
        row["extra MB"] = max(answer["extra MB"] for answer in self.answers)
        row["versions"] = self.answers[0]["versions"]
        supports, asked = [support for answer in self.answers for support in answer["supports"]], refits.sizes(self.k0)
        if self.name == "abess":
            asked = asked if row["cpu"] < ALL_SIZES else [self.k0, 2 * self.k0]
            found = {size: self.ask(f"size {size}") for size in asked}
            asked = [size for size in asked if found[size]]
            supports += [support for size in asked for support in found[size]["supports"]]
            row |= {"note": f"a single size: {self.note}"} if self.note else {}
        self.worker.close()
        row["losses"] = refits.losses(judge, supports, asked, 2 * self.k0)
        return row


def compare(instance, seed, instances, log, options):
    """Turns of the solvers of one instance that the log has not got."""
    missing = [name for name in options.solvers if not log.has(instance, seed, name) and not log.slow(instance, name)]
    if not missing:
        return
    data = instances.load(instance, seed)
    n, p = data["X"].shape
    file = log.file.parent / f"{instance}-{seed}.npz"
    store(data, file)
    turns = [Turns(name, file, data, seed, options) for name in missing if able(name, data)]
    for turn in turns:
        turn.worker.ask("load")
    for _ in range(options.reps + 1):
        for turn in turns:
            turn.take()
    judge = refits.JUDGES[data["kind"]](data["X"], data["y"])
    for turn in turns:
        facts = {"instance": instance, "seed": seed, "solver": turn.name, "n": n, "p": p, "k0": data["k0"]}
        log.write(facts | turn.row(judge))
    file.unlink()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    beside = HERE.parents[1] / "shared" / "peers"
    parser.add_argument("--peers", type=Path, default=Path(os.environ.get("ELLZERO_PEERS", beside)))
    parser.add_argument("--instances", nargs="+", default=list(INSTANCES), choices=INSTANCES)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--solvers", nargs="+", default=list(SOLVERS), choices=SOLVERS)
    parser.add_argument("--reps", type=int, default=3, help="timed turns after the warm-up")
    parser.add_argument(
        "--cap", type=float, default=300.0, help="wall seconds of a turn, compiling included, reading the data not"
    )
    parser.add_argument("--core", type=int, default=0, help="core to pin every process to; -1: none")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    parser.add_argument("--name", default="paths", help="name of the log and the tables")
    parser.add_argument("--resume", action="store_true", help="keep what an earlier run logged")
    parser.add_argument("--report", action="store_true", help="write the tables from the log, measure nothing")
    options = parser.parse_args()
    log = Log(HERE / ".cache" / "paths" / f"{options.name}.jsonl", options.resume or options.report)
    if not options.report:
        if not (options.peers / "instances.py").exists():
            parser.error(f"no instances.py in {options.peers}: name the folder with --peers or ELLZERO_PEERS")
        sys.path.insert(0, str(options.peers))
        import instances

        for seed in options.seeds:
            for instance in options.instances:
                compare(instance, seed, instances, log, options)
                report.write(log.rows, options.out / options.name)
    report.write(log.rows, options.out / options.name)


if __name__ == "__main__":
    main()
