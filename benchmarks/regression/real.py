"""Real data: cost of a path, the losses at its sizes, the size chosen, and how the choice does on held-out rows.

    python -m benchmarks.regression.real [--cases flights ...] [--solvers ellzero abess ...] [--limit 60] [--report]

Run it from the root of the repository. A solver has a process of its own a case, on one core, with one thread and a
limit of wall seconds for a path, for a fit, and for the fits of all folds together. Every task is a line of
benchmarks/.cache/regression/NAME.jsonl; tasks that are there are not taken again. --report writes the tables from the
log.
"""

import argparse
import csv
import os
import sys
import time
from pathlib import Path

import numpy as np

from ..turns import Worker, environment, machine
from . import cases, convex
from .logbook import CACHE, RESULTS, SHARED, Logbook, command, markdown
from .tracking import TRACKERS
from .worker import SOLVERS

ROOT = Path(__file__).resolve().parents[2]
RIVALS = ROOT / "benchmarks" / ".rivals"
REQUIREMENTS = ("numpy<2", "abess==0.4.11", "fastsparsegams==0.2.0", "scikit-learn==1.9.1", "numba", "scipy")
TASKS = ("path", "score", "track")
RETURNS = tuple(case.name for case in cases.CASES if case.nonnegative)


def interpreter(name):
    """Python of the environment that has the package."""
    if name.startswith("abess"):
        return environment(RIVALS, REQUIREMENTS)
    return environment(convex.RIVALS, convex.REQUIREMENTS) if name == "skglm" else sys.executable


class Process:
    """A worker that is started again where it was given up."""

    def __init__(self, name, file, options):
        self.name, self.file, self.options, self.worker = name, file, options, None

    def ask(self, request, patience):
        """The answer, or what became of it."""
        if self.worker is None:
            line = [interpreter(self.name), "-m", "benchmarks.regression.worker", self.name, self.file]
            quiet = {"PYTHONWARNINGS": "ignore"}
            self.worker = Worker([*line, self.options.limit], self.options.core, quiet, ROOT)
        answer = self.worker.ask(request, patience)
        if answer is not None:
            return answer
        self.close()
        signal = self.worker.process.returncode
        self.worker = None
        return {"error": "out of time" if signal == -9 else f"the process ended with status {signal}"}

    def close(self):
        if self.worker is not None:
            self.worker.close()


def take(process, case, task, options):
    """Answer to a task, split by split where it has splits, until one fails or the time for all is over."""
    fits = len(case.sizes) + 1 if task == "track" else 1
    patience, total = fits * (1.5 * options.limit + 30), fits * options.total
    if task == "path":
        return process.ask("path", patience)
    done, start, number = [], time.perf_counter(), len(case.tests) or cases.FOLDS
    more = {}
    for place in range(number):
        left = total - (time.perf_counter() - start)
        answer = process.ask(f"{task} {place}", min(patience, left)) if left > 0 else {"error": "out of time"}
        if "error" in answer:
            more = {"error": answer["error"]}
            break
        done.append(answer)
    if done:
        more |= {"parts": done, "versions": done[0]["versions"]}
    return more | {"splits": number}


def turns(case, name, tasks, options):
    """One record a task."""
    file = cases.files(case, options.data)
    X, y = cases.load(file)
    facts = {"case": case.name, "solver": name, "limit": options.limit, "total": options.total, "loss": case.loss}
    facts |= {"n": X.shape[0], "p": X.shape[1]}
    del X, y
    process = Process(name, file, options)
    for task in tasks:
        yield facts | {"task": task} | take(process, case, task, options)
    process.close()


def rows(log, options):
    """One row a case and solver, both tasks side by side."""
    found = {(r["case"], r["solver"], r["task"]): r for r in log.records}
    for case in (cases.BY_NAME[name] for name in options.cases):
        mine = {name: [found.get((case.name, name, task)) for task in ("path", "score")] for name in SOLVERS}
        paths = [path["losses"] for path, _ in mine.values() if path and "losses" in path]
        lowest = {k: min((v[str(k)] for v in paths if v[str(k)] is not None), default=None) for k in case.sizes}
        for name, (path, score) in mine.items():
            if path or score:
                yield row(case, name, path or {}, score or {}, lowest)


def row(case, name, path, score, lowest):
    shape = path or score
    facts = {"case": case.name, "loss": case.loss, "solver": name, "n x p": f"{shape['n']} x {shape['p']}"}
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
    if "parts" in score:
        facts |= held_out(score["parts"])
    facts["note"] = "; ".join(notes(path, score))
    return facts


def held_out(parts):
    """Mean over the splits that were done."""
    shares = [1 - part["model"] / part["base"] for part in parts]
    pooled = 1 - sum(part["model"] for part in parts) / sum(part["base"] for part in parts)
    plain = [part["plain"] for part in parts if part["plain"] is not None]
    return {
        "explained %": f"{100 * pooled:.2f}{spread(shares, 2)}",
        "wrong %, concordance %": f"{100 * np.mean(plain):.1f}{spread(plain, 1)}" if plain else "",
        "columns": f"{np.mean([part['columns'] for part in parts]):.1f}",
        "fit CPU s": f"{np.median([part['cpu'] for part in parts]):.3g}",
    }


def spread(values, digits):
    """Standard error of the mean, in per cent and parentheses; nothing where there is one value."""
    if len(values) < 2:
        return ""
    return f" ({100 * np.std(values, ddof=1) / np.sqrt(len(values)):.{digits}f})"


def notes(path, score):
    """Why a figure is missing."""
    errors = {"path": path.get("error"), "score": score.get("error")}
    if errors["path"] == "out of time":
        errors["path"] += f" (limit {path['limit']:g} s)"
    if errors["score"] == "out of time":
        errors["score"] += f" (limit {score['limit']:g} s a fit, {score['total']:g} s all)"
    if "splits" in score and len(score.get("parts", ())) < score["splits"]:
        errors["score"] = f"{errors['score']} after {len(score.get('parts', ()))} of {score['splits']} fits"
    told = {task: error for task, error in errors.items() if error}
    reasons = [error.removeprefix("ValueError: ") for error in told.values()]
    if len(reasons) == 2 and reasons[1].startswith(reasons[0]) and "time" not in reasons[0]:
        return [f"not run: {reasons[0]}"]
    found = [f"{task}: {reason}" for task, reason in zip(told, reasons, strict=True)]
    return found + (["path stopped by its time limit"] if path.get("status") == "time limit" else [])


LACKING = {("lasso", "poisson"), ("lasso", "cox"), ("skglm", "multinomial")}  # no such loss there


def unasked(log, options):
    """A line a case that was not put to every solver and task."""
    asked = {(r["case"], r["solver"], r["task"]) for r in log.records}
    for name in options.cases:
        missing = [
            f"{solver} ({', '.join(tasks)})"
            for solver, (_, offered) in SOLVERS.items()
            if solver not in TRACKERS
            and (solver, cases.BY_NAME[name].loss) not in LACKING
            and (tasks := [task for task in offered if (name, solver, task) not in asked])
        ]
        if missing:
            yield f"- {name}: {', '.join(missing)}"


def portfolios(log, options):
    """One row a case, size and way to a portfolio: its errors over the splits."""
    found = {(r["case"], r["solver"]): r for r in log.records if r["task"] == "track"}
    for case in (cases.BY_NAME[name] for name in options.cases if name in RETURNS):
        for name in TRACKERS:
            record = found.get((case.name, name), {})
            for k in case.sizes if record.get("parts") else ():
                parts = [part["portfolios"][str(k)] for part in record["parts"]]
                gaps = [part["gap"] for part in parts if part.get("gap") is not None]
                yield {
                    "case": case.name, "stocks": str(k), "way": name,
                    "error where chosen": " / ".join(f"{part['in']:.2f}" for part in parts),
                    "error after": " / ".join(f"{part['out']:.2f}" for part in parts),
                    "mean after": f"{np.mean([part['out'] for part in parts]):.2f}",
                    "sum": " / ".join(f"{part['sum']:.3f}" for part in parts),
                    "in": " / ".join(str(part["stocks"]) for part in parts),
                    "largest gap %": f"{100 * max(gaps):.2g}" if gaps else "",
                    "CPU s": f"{np.mean([part['cpu'] for part in parts]):.3g}",
                    "note": record.get("error", "") or offered(parts, record),
                }  # fmt: skip
            if record.get("error") and not record.get("parts"):
                yield {"case": case.name, "way": name, "note": record["error"]}


def offered(parts, record):
    most = max(part.get("offered", record["p"]) for part in parts)
    return f"among {most} of {record['p']} stocks" if most < record["p"] else ""


FIELDS = ("case", "n x p", "loss", "solver", "path CPU s", "first", "extra MB (data)", "sizes", "excess % at sizes",
          "chosen", "explained %", "wrong %, concordance %", "columns", "fit CPU s", "note")  # fmt: skip
TRACKED = ("case", "stocks", "way", "error where chosen", "error after", "mean after", "sum", "in", "largest gap %",
           "CPU s", "note")  # fmt: skip


def save(file, fields, table):
    with open(file, "w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fields, restval="")
        writer.writeheader()
        writer.writerows(table)


def write(log, options):
    """Both tables twice: CSV for machines, Markdown for people."""
    table, tracked = list(rows(log, options)), list(portfolios(log, options))
    options.out.mkdir(parents=True, exist_ok=True)
    save(options.out / f"{options.name}.csv", FIELDS, table)
    save(options.out / f"{options.name}-tracking.csv", TRACKED, tracked)
    versions = sorted({f"{p} {v}" for r in log.records for p, v in r.get("versions", {}).items()})
    lines = [
        "# Real data",
        "",
        f"- command: `{command('real')}`",
        f"- machine: {machine()}; one core, one thread, at low priority",
        f"- time: {log.when()}; other work ran beside it, so that seconds are indicative",
        f"- versions: {', '.join(versions)}",
        "- a path or a fit, and the fits of all folds together, have limits of wall seconds; notes say which was met",
        "- path CPU s: all sizes up to the largest compared, warm where a path takes less than thirty seconds; first:",
        "  the process's first, what numba loads or compiles included. abess has one model a call: its call over all",
        "  sizes is timed. skglm and the lasso stop once half as many columns again as the largest size are in. extra",
        "  MB: the most memory held above what the process had with the data loaded",
        "- excess %: of the loss at each size over the lowest of the solvers, supports refitted in one place (with",
        "  the ridge 0.001 for classes, nonnegative for returns); a path without the size is charged its best smaller",
        "  support; -: it has none",
        "- chosen: columns by the package's criterion on all rows; explained %: deviance explained on held-out rows,",
        "  by the package's own choice on the others, five folds (returns: later years), standard error over folds;",
        "  for survival the partial likelihood (Breslow) with risk sets of the held-out rows. Beside it the held-out",
        "  rows whose class is wrong, or the concordance; columns: mean; fit CPU s: median of those fits",
        "- ellzero chooses by its criterion among sizes up to 20, or the largest compared where that is more; ellzero",
        "  CV and the others choose as they do by default. skglm: minimax concave penalty for squares and two classes,",
        "  lasso for counts and survival, its strength by five folds, as it has no choice of its own",
        "",
        *markdown(FIELDS, [[facts.get(field, "") for field in FIELDS] for facts in table]),
        "",
    ]
    if missing := list(unasked(log, options)):
        lines += ["Not asked in this run, for want of time (of those that have the loss):", "", *missing, ""]
    if tracked:
        lines += [
            "## Tracking an index with few stocks, nothing sold short",
            "",
            "Errors in per cent a year, one figure a split: on the days that choose, and on the year (sp500_tracking)",
            "or the thousand days (skfolio_sp500) after them. Sum, in: sum and number of the shares.",
            "CPU s: a path is charged to its first size. sp500_tracking is too wide for the integer program: it gets",
            "the stocks that the long-only path takes most often, and its gap is among those.",
            "",
            *markdown(TRACKED, [[facts.get(field, "") for field in TRACKED] for facts in tracked]),
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
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=TASKS)
    parser.add_argument("--limit", type=float, default=60.0, help="wall seconds of a path or a fit")
    parser.add_argument("--total", type=float, default=200.0, help="wall seconds of the fits of all folds")
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
        case = cases.BY_NAME[name]
        for solver in options.solvers:
            if solver in TRACKERS and name not in RETURNS:
                continue
            tasks = [task for task in SOLVERS[solver][1] if task in options.tasks and not log.has(name, solver, task)]
            if tasks:
                for record in turns(case, solver, tasks, options):
                    log.write(record)
        write(log, options)
    write(log, options)


if __name__ == "__main__":
    main()
