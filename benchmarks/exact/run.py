"""The bars of exact search, measured in one run.

    python -m benchmarks.exact [--rows E1 E4] [--seeds 0 1] [--solvers ellzero sketch] [--cap 60] [--resume]

Run it from the root of the repository, with the interpreter that ellzero is installed in. Every solver is a process of
its own, all pinned to one core; they take turns. Each turn is a line of benchmarks/.cache/exact/NAME.jsonl, from which
the tables in benchmarks/results are written; --resume keeps the turns that an interrupted run left there, --report
writes the tables and measures nothing.
"""

import argparse
import json
import os
import shlex
import shutil
import sys
import time
import zlib
from pathlib import Path
from types import SimpleNamespace

from ..turns import Worker, environment
from . import cases, conduct, enumeration, report
from .rows import ROWS
from .solvers import SOLVERS

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RIVALS = HERE.parent / ".rivals-exact"
REQUIREMENTS = ("numpy<2", "l0bnb==1.0.0", "el0ps==0.0.4", "okridge==0.1.1", "requests", "psutil", "scikit-learn")
FROM_RIVALS = ("el0ps", "el0ps no screening", "l0bnb", "okridge")
SPEND = 0.05  # CPU seconds of a turn below which the solver is asked again, at most 20 times; the median counts
LONG = 5.0  # CPU seconds of a turn after which the solver takes no further turn of the case


def small_case(case, context):
    """What a process solves before its first turn at a case: a small problem of the same form."""
    if case["loss"] == "logistic":
        return cases.logistic_smoke(context.instances) | {"gap": case["gap"]}
    if case.get("sizes") is not None or case["solver"] != "branch" or case["l2"] == 0:
        return None
    small = cases.smoke(context.instances)
    if case["l0"] is None:
        value = small["value"] - small["l0"] * len(small["support"])
        small |= {"l0": None, "M": None, "k": len(small["support"]), "value": value}
    return small | {key: case[key] for key in ("jobs", "sketches", "gap") if key in case}


class Office:
    """The processes, one a solver, started when they are first needed and again where they ended."""

    def __init__(self, options):
        self.options, self.workers = options, {}

    def ask(self, name, case, small, request, patience):
        """One turn of a solver on a case; the process is kept for the next."""
        text = json.dumps([case, small])
        file = cases.CACHE / f"case-{os.getpid()}-{zlib.crc32(text.encode())}.json"
        if not file.exists():
            file.write_text(text)
        cores, jobs = ("0,1", case["jobs"]) if "jobs" in case else (self.options.core, 1)
        if (name, jobs) not in self.workers:
            self.workers[name, jobs] = self.start(name, cores, jobs)
        answer = self.workers[name, jobs].ask(json.dumps(request | {"case": str(file)}), patience)
        if answer is None:
            self.workers.pop((name, jobs)).close()
            return {"error": "the process ended or said nothing"}
        return answer

    def start(self, name, cores, jobs):
        python = environment(RIVALS, REQUIREMENTS) if name in FROM_RIVALS else sys.executable
        extra = {"NUMBA_CACHE_DIR": str(cases.CACHE / "numba")} if name == "sketch" else {}
        extra |= dict.fromkeys(("NUMBA_NUM_THREADS", "OMP_NUM_THREADS"), str(jobs)) if jobs > 1 else {}
        return Worker([python, "-m", "benchmarks.exact.worker", name], cores, extra, ROOT)

    def end(self, name):
        """End a solver's process, so that its next turn finds a new one."""
        for key in [key for key in self.workers if key[0] == name]:
            self.workers.pop(key).close()

    def close(self):
        for worker in self.workers.values():
            worker.close()
        for file in cases.CACHE.glob(f"case-{os.getpid()}*.json"):
            file.unlink()


def compare(row_name, row, case, solvers, context, log):
    """Turns of all solvers on one case: a warm-up each, then as many timed ones as are asked for."""
    options = context.options
    cap = row.cap if options.cap is None else options.cap
    case = case | {"gap": row.gap, "sketches": str(options.sketches)}
    small = small_case(case, context)
    X, y = cases.load(case)
    tired = set()
    for turn in range(options.reps + 1):
        for name in (name for name in solvers if name not in tired):
            limit = cap if turn else min(cap, options.warm)
            request = {"limit": limit, "spend": SPEND}
            answer = context.office.ask(name, case, small, request, 20 * cap + 600)
            for size in answer.get("sizes", ()):
                size["value"] = cases.objective(case, X, y, size["support"], size.pop("values"))
                size["refit"] = cases.refit(case, X, y, size["support"])
            record = {"row": row_name, "case": case["name"], "seed": case["seed"], "solver": name, "turn": turn}
            facts = {"gap asked": row.gap, "limit": limit, "question": cases.question(case), "k": case["k"]}
            facts |= {"given": case["value"], "expected": case.get("expected")}
            log(record | facts | answer)
            if "error" in answer or (turn and answer["cpu"] > LONG):
                tired.add(name)


def solvers_of(row, options):
    wanted = [name for name in row.solvers if options.solvers is None or name in options.solvers]
    missing = "R leaps" if shutil.which("Rscript") is None else None
    return [name for name in wanted if name != missing]


def measure(context, log, kept):
    """Every row that was asked for, in order."""
    options = context.options
    for name, row in ROWS.items():
        solvers = solvers_of(row, options)
        if name not in options.rows or not solvers:
            continue
        for seed in row.seeds if options.seeds is None else [s for s in options.seeds if s in row.seeds]:
            for case in row.cases(context, seed):
                left = [s for s in solvers if (name, case["name"], case["seed"], s) not in kept]
                if left:
                    compare(name, row, case, left, context, log)
            if name == "E9" and options.enumerate:
                log(enumeration.record(name, row.cases(context, seed)[0]))
    for name, part in conduct.PARTS.items():
        if name in options.rows and (name, "", 0, "") not in kept:
            for record in part(context):
                log({"row": name} | record)


def arguments():
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.exact", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared = ROOT.parent / "shared"
    every = [*ROWS, *conduct.PARTS]
    parser.add_argument("--peers", type=Path, default=Path(os.environ.get("ELLZERO_EXACT", shared / "peers" / "exact")))
    parser.add_argument("--sketches", type=Path, default=Path(os.environ.get("ELLZERO_SKETCHES", shared / "sketches")))
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("ELLZERO_DATA", shared / "data")))
    parser.add_argument("--rows", nargs="+", default=every, choices=every)
    parser.add_argument("--seeds", nargs="+", type=int, help="of those that a row has")
    parser.add_argument("--solvers", nargs="+", choices=SOLVERS)
    parser.add_argument("--reps", type=int, default=3, help="timed turns after the warm-up")
    parser.add_argument("--cap", type=float, help="seconds that a turn may take, in place of the row's")
    parser.add_argument("--warm", type=float, default=3.0, help="seconds that a warm-up turn may take")
    parser.add_argument("--core", default="0", help="core to pin every process to; -1: none")
    parser.add_argument("--out", type=Path, default=HERE.parent / "results")
    parser.add_argument("--name", default="exact", help="name of the log and the tables")
    parser.add_argument("--resume", action="store_true", help="keep the turns of an interrupted run")
    parser.add_argument("--report", action="store_true", help="write the tables from the log, measure nothing")
    parser.add_argument("--no-enumeration", dest="enumerate", action="store_false", help="leave out 2^30 fits a seed")
    options = parser.parse_args()
    if not (options.peers / "instances.py").exists():
        parser.error(f"no instances.py in {options.peers}: name the folder with --peers or ELLZERO_EXACT")
    return options


def command():
    """The command of this run, without the folders of this machine."""
    words, folders = sys.argv[1:], ("--peers", "--sketches", "--data", "--out")
    kept = [w for i, w in enumerate(words) if w not in folders and (i == 0 or words[i - 1] not in folders)]
    return shlex.join(["python", "-m", "benchmarks.exact", *kept])


def main():
    options = arguments()
    context = SimpleNamespace(options=options, data=options.data, instances=cases.instances_from(options.peers))
    cases.CACHE.mkdir(parents=True, exist_ok=True)
    file = cases.CACHE / f"{options.name}.jsonl"
    if not (options.resume or options.report):
        file.unlink(missing_ok=True)

    def log(record):
        record["time"] = time.strftime("%Y-%m-%d %H:%M:%S")
        record["load"] = round(os.getloadavg()[0], 2)
        with open(file, "a", encoding="utf-8") as out:
            out.write(json.dumps(record) + "\n")
        print(report.line(record), flush=True)

    if not options.report:
        records = report.read(file)
        kept = {(r["row"], r.get("case", ""), r.get("seed", 0), r.get("solver", "")) for r in records}
        log({"row": "run", "command": command()})
        context.office = Office(options)
        try:
            measure(context, log, kept)
        finally:
            context.office.close()
    wrong = report.write(report.read(file), options)
    for text in wrong:
        print(f"DISAGREEMENT: {text}", file=sys.stderr)
    sys.exit(bool(wrong))
