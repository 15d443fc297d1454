"""Real data: cost of a path, the losses at its sizes, the size chosen, and how the choice does on held-out rows.

    python -m benchmarks.regression.real [--cases flights ...] [--solvers ellzero abess ...] [--limit 120] [--report]

Run it from the root of the repository. Every turn is a process of its own on one core, with one thread and a limit of
wall seconds, and a line of benchmarks/.cache/regression/NAME.jsonl; turns that are there are not taken again. --report
writes the tables from the log.
"""

import argparse
import csv
import os
import sys
from pathlib import Path

import numpy as np

from ..turns import Worker, environment, machine
from . import cases
from .logbook import CACHE, RESULTS, SHARED, Logbook, command, markdown
from .worker import SOLVERS

ROOT = Path(__file__).resolve().parents[2]
RIVALS = ROOT / "benchmarks" / ".rivals"
REQUIREMENTS = ("numpy<2", "abess==0.4.11", "fastsparsegams==0.2.0", "scikit-learn==1.9.1", "numba", "scipy")


def known_losses():
    """Losses that this version of ellzero has."""
    from ellzero.losses import LOSSES

    return {loss().name for loss in LOSSES} | {"squared"}


def turn(case, name, task, options):
    """One answer, or why there is none."""
    record = {"case": case.name, "solver": name, "task": task, "limit": options.limit}
    if case.loss not in known_losses() or case.name not in cases.READERS:
        return record | {"skipped": f"no {case.loss} loss yet"}
    file = cases.files(case, options.data)
    python = environment(RIVALS, REQUIREMENTS) if name.startswith("abess") else sys.executable
    line = [python, "-m", "benchmarks.regression.worker", name, task, file, options.limit]
    worker = Worker(line, options.core, {"PYTHONWARNINGS": "ignore"}, ROOT)
    patience = 1.5 * options.limit * (1 if task == "path" else cases.FOLDS) + 30
    answer = worker.ask("go", patience)
    worker.close()
    if answer is None:
        signal = worker.process.returncode
        answer = {"error": "out of time" if signal == -9 else f"the process ended with status {signal}"}
    X, _ = cases.load(file)
    return record | {"n": X.shape[0], "p": X.shape[1], "loss": case.loss} | answer


def rows(log, options):
    """One row a case and solver, both tasks side by side."""
    turns = {(r["case"], r["solver"], r["task"]): r for r in log.records}
    for case in (cases.BY_NAME[name] for name in options.cases):
        mine = {name: [turns.get((case.name, name, task)) for task in ("path", "score")] for name in SOLVERS}
        found = [path["losses"] for path, _ in mine.values() if path and "losses" in path]
        lowest = {k: min((v[str(k)] for v in found if v[str(k)] is not None), default=None) for k in case.sizes}
        for name, (path, score) in mine.items():
            if path or score:
                yield row(case, name, path or {}, score or {}, lowest)


def row(case, name, path, score, lowest):
    facts = {"case": case.name, "loss": case.loss, "solver": name}
    shape = path if "n" in path else score
    if "n" in shape:
        facts["n x p"] = f"{shape['n']} x {shape['p']}"
    if "cpu" in path:
        facts |= {"path CPU s": f"{path['cpu']:.3g}", "first": f"{path['first']:.3g}"}
        facts["extra MB (data)"] = f"{path['extra MB']:.0f} ({path['data MB']:.0f})"
        over = []
        for k in case.sizes:
            value = path["losses"].get(str(k))
            over.append("-" if value is None else f"{100 * (value / lowest[k] - 1):.2f}")
        facts["excess % at sizes"] = " / ".join(over)
        facts["sizes"] = " / ".join(map(str, case.sizes))
        if "chosen" in path:
            facts["chosen"] = f"{path['chosen']} ({path['criterion']})"
    if "explained" in score:
        spread = np.std(score["splits"], ddof=1) / np.sqrt(len(score["splits"]))
        facts["explained %"] = f"{100 * score['explained']:.2f} ({100 * spread:.2f})"
        facts["columns"] = f"{np.mean(score['columns']):.1f}"
        facts["score CPU s"] = f"{score['cpu']:.3g}"
    notes = [f"{task}: {r[key]}" for task, r in (("path", path), ("score", score)) for key in ("error", "skipped")
             if key in r]  # fmt: skip
    if path.get("status") == "time_limit":
        notes.append("path stopped by its time limit")
    facts["note"] = "; ".join(dict.fromkeys(note.split(": ", 1)[1] if "skipped" in path else note for note in notes))
    return facts


FIELDS = ("case", "n x p", "loss", "solver", "path CPU s", "first", "extra MB (data)", "sizes", "excess % at sizes",
          "chosen", "explained %", "columns", "score CPU s", "note")  # fmt: skip


def write(log, options):
    """The table twice: CSV for machines, Markdown for people."""
    table = list(rows(log, options))
    options.out.mkdir(parents=True, exist_ok=True)
    with open(options.out / f"{options.name}.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS, restval="")
        writer.writeheader()
        writer.writerows(table)
    versions = sorted({f"{p} {v}" for r in log.records for p, v in r.get("versions", {}).items()})
    lines = [
        "# Real data",
        "",
        f"- command: `{command('real')}`",
        f"- machine: {machine()}; one core, one thread",
        f"- time: {log.when()}",
        f"- versions: {', '.join(versions)}",
        "- path CPU s: all sizes up to the largest compared, warm where a path takes less than thirty seconds; first:",
        "  the process's first, what numba loads or compiles included. abess has one model a call: its call over all",
        "  sizes is timed. extra MB: the most memory held above what the process had with the data loaded",
        "- excess %: of the loss at each size over the lowest of the solvers, supports refitted in one place (with",
        "  the ridge 0.001 for two classes, nonnegative for returns); -: no support of that size",
        "- chosen: columns by the package's criterion on all rows; explained %: deviance explained on held-out rows,",
        "  by the package's own choice on the others, five folds (returns: later years), standard error over folds;",
        "  columns: mean number in those fits",
        "",
        *markdown(FIELDS, [[facts.get(field, "") for field in FIELDS] for facts in table]),
        "",
    ]
    (options.out / f"{options.name}.md").write_text("\n".join(lines), encoding="utf-8")


def arguments():
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.regression.real",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("ELLZERO_DATA", SHARED / "data")))
    parser.add_argument("--cases", nargs="+", default=list(cases.BY_NAME), choices=cases.BY_NAME)
    parser.add_argument("--solvers", nargs="+", default=list(SOLVERS), choices=SOLVERS)
    parser.add_argument("--tasks", nargs="+", default=["path", "score"], choices=("path", "score"))
    parser.add_argument("--limit", type=float, default=120.0, help="wall seconds of a path or a fit")
    parser.add_argument("--core", default="-1", help="core to pin every process to; -1: none")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--name", default="real", help="name of the log and the tables")
    parser.add_argument("--report", action="store_true", help="write the tables from the log, measure nothing")
    return parser.parse_args()


def main():
    options = arguments()
    CACHE.mkdir(parents=True, exist_ok=True)
    log = Logbook(options.name, ("case", "solver", "task"))
    for name in () if options.report else options.cases:
        for solver in options.solvers:
            for task in (task for task in SOLVERS[solver][1] if task in options.tasks):
                if not log.has(name, solver, task):
                    log.write(turn(cases.BY_NAME[name], solver, task, options))
        write(log, options)
    write(log, options)


if __name__ == "__main__":
    main()
