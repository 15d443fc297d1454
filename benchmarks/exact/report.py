"""From the log of a run to its tables: what was measured, held against the bars, and every disagreement."""

import csv
import json
import math
import statistics
from collections import defaultdict

from ..turns import machine
from .rows import ROWS

AGREE = 1e-9  # relative: two objectives of one support
FIELDS = (
    "row", "case", "seed", "solver", "cpu", "wall", "nodes", "done", "value", "excess %", "gap", "accepted",
    "verify", "first", "memory MB", "turns", "limit", "versions",
)  # fmt: skip


def read(file):
    return [json.loads(text) for text in file.read_text().splitlines()] if file.exists() else []


def line(record):
    """What the terminal shows of a record."""
    hidden = ("sizes", "versions", "time", "load", "given", "expected", "gap asked", "limit", "question")
    return "  ".join(f"{k}={_short(v)}" for k, v in record.items() if k not in hidden and v is not None)


def _short(value):
    return format(value, ".4g") if isinstance(value, float) else str(value)


def geometric(values):
    values = [v for v in values if v > 0]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


class Run:
    """Turns of a log, grouped by row, case, seed and solver; warm-up turns are left out of the times only."""

    def __init__(self, records):
        self.records = records
        self.groups = defaultdict(list)
        for r in records:
            if "solver" in r:
                self.groups[r["row"], r["case"], r["seed"], r["solver"]].append(r)
        self.best = {}
        for r in records:
            for size in r.get("sizes", ()):
                if size["k"] is None or len(size["support"]) <= size["k"]:
                    self._know(r, size["k"], size["value"], size.get("refit"))
            if "given" in r:
                self._know(r, r["k"], r["given"], r.get("expected"))

    def _know(self, r, k, *values):
        key = r.get("question"), k
        self.best[key] = min([self.best.get(key, math.inf), *(v for v in values if v is not None)])

    def timed(self, key):
        return [r for r in self.groups[key] if r["turn"] > 0 and "error" not in r]

    def cpu(self, key):
        turns = self.timed(key)
        return statistics.median(r["cpu"] for r in turns) if turns else None

    def done(self, key):
        turns = self.timed(key)
        return bool(turns) and all(r["done"] for r in turns)

    def wrong(self, r):
        """An answer called optimal that is worse than the best known by more than the gap it was asked for."""
        return r["done"] and any(
            s["value"] * (1 - r.get("gap asked", 0.0)) > self.best[r["question"], s["k"]] * (1 + AGREE)
            for s in r["sizes"]
        )

    def keys(self, row, solver=None):
        return [key for key in self.groups if key[0] == row and solver in (None, key[3])]

    def ratio(self, row, solver, ours):
        """Geometric mean of a solver's CPU time over ours, and whether it is exact, at least or at most that."""
        pairs = []
        for key in self.keys(row, solver):
            mine = (*key[:3], ours)
            if self.cpu(key) and self.cpu(mine):
                pairs.append((self.cpu(key) / self.cpu(mine), self.done(key), self.done(mine)))
        if not pairs:
            return None, ""
        sign = "" if all(d and m for _, d, m in pairs) else "<=" if not all(m for *_, m in pairs) else ">="
        return geometric([p[0] for p in pairs]), sign

    def total(self, row, solver):
        """CPU seconds over all cases of a seed, geometric mean over the seeds; None where any is missing."""
        sums = defaultdict(float)
        for key in self.keys(row, solver):
            sums[key[2]] += self.cpu(key) if self.cpu(key) else math.inf
        total = geometric(sums.values()) if sums else None
        return total if total is not None and math.isfinite(total) else None

    def disagreements(self):
        """Every case where objectives, bounds or the checker contradict each other."""
        for r in self.records:
            if "sizes" not in r:
                continue
            where = f"{r['row']}, {r['case']}, seed {r['seed']}, {r['solver']}"
            ours = r["solver"].startswith("ellzero")
            if ours and r["accepted"] not in (True, None):
                yield f"{where}: refused by the checker: {r['accepted']}"
            for s in r["sizes"]:
                if s["k"] is not None and len(s["support"]) > s["k"]:
                    yield f"{where}: {len(s['support'])} columns where {s['k']} were asked for"
                    continue
                best = self.best[r["question"], s["k"]]
                if s.get("bound") is not None and s["bound"] > best * (1 + AGREE):
                    yield f"{where}: k={s['k']}: bound {s['bound']:.12g} above {best:.12g}, which was found"
                if ours and abs(s["objective"] - s["value"]) > AGREE * s["value"]:
                    yield f"{where}: k={s['k']}: objective {s['objective']:.12g}, coefficients give {s['value']:.12g}"
                if ours and s.get("refit") is not None and abs(s["refit"] - s["value"]) > AGREE * s["value"]:
                    yield f"{where}: k={s['k']}: {s['value']:.12g}, a fit of its columns gives {s['refit']:.12g}"
            if ours and self.wrong(r):
                yield f"{where}: called optimal, and worse than the best known by more than its gap"

    def behind(self):
        """Answers of ellzero that others beat: within the gap that was asked for, or where the time was up."""
        for r in self.records:
            if r.get("solver", "").startswith("ellzero") and "sizes" in r and r["turn"] > 0:
                for s in r["sizes"]:
                    over = s["value"] / self.best[r["question"], s["k"]] - 1
                    if over > AGREE:
                        where = f"{r['row']}, {r['case']}, seed {r['seed']}, {r['solver']}, k={s['k']}"
                        yield f"{where}: {over:.2g} above the best known, {'optimal' if r['done'] else 'time up'}"


def rows_of(run):
    """One line a row, case, seed and solver."""
    for key, turns in run.groups.items():
        timed = run.timed(key)
        row = dict(zip(("row", "case", "seed", "solver"), key, strict=True)) | {"turns": len(timed)}
        if not timed:
            yield row | {"done": turns[-1].get("error", "no turn")}
            continue
        last = timed[-1]
        excess = [100 * (s["value"] / run.best[last["question"], s["k"]] - 1) for s in last["sizes"]]
        yield row | {
            "cpu": run.cpu(key),
            "wall": statistics.median(r.get("wall", r["cpu"]) for r in timed),
            "nodes": last.get("nodes"),
            "done": last["done"],
            "value": last["sizes"][-1]["value"],
            "excess %": max(excess),
            "gap": last.get("gap"),
            "accepted": last.get("accepted"),
            "verify": last.get("verify"),
            "first": turns[0].get("first"),
            "memory MB": last.get("memory MB"),
            "limit": last.get("limit"),
            "versions": " ".join(f"{p} {v}" for p, v in last.get("versions", {}).items()),
        }


def table(head, rows):
    rows = [["" if v is None else _short(v) for v in row] for row in rows]
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *("| " + " | ".join(r) + " |" for r in rows), ""]


def bars(run):
    """The bars of each row, and what was measured."""
    for name, row in ROWS.items():
        if not run.keys(name):
            continue
        for rival, bar, stretch in row.ratios:
            ours = row.solvers[0]
            ratio, sign = run.ratio(name, rival, ours)
            if ratio is not None:
                met = _met(ratio >= bar and sign != "<=")
                more = f"{bar}x ({stretch}x)" if stretch else f"{bar}x"
                yield name, row.title, f"{rival} / {ours} >= {more}", f"{sign}{ratio:.3g}x", met
        if row.limit and run.keys(name, row.limit[0]):
            solver, limit = row.limit
            total = run.total(name, solver)
            done = all(run.done(key) for key in run.keys(name, solver))
            shown = "failed" if total is None else f"{total:.3g} s" + ("" if done else ", gap left")
            yield name, row.title, f"{solver} <= {limit} s", shown, _met(total and done and total <= limit)
        if row.reach:
            gaps = [turn["gap"] for key in run.keys(name, "ellzero") for turn in run.timed(key)]
            failed = any("error" in turn for key in run.keys(name, "ellzero") for turn in run.groups[key])
            shown = "failed" if failed or not gaps else f"gaps {min(gaps):.2g} to {max(gaps):.2g}"
            yield name, row.title, f"an answer with its gap (stretch: {row.reach:g})", shown, _met(gaps and not failed)


def conduct_bars(run):
    """The bars that are no ratio."""
    for solver, sizes, worse in narrow(run):
        yield "E9", "p = 30, l2 0, all k", f"{solver} = all subsets", f"{worse} of {sizes} differ", _met(worse == 0)
    judged = [r["accepted"] for r in run.records if r.get("accepted") is not None and "solver" in r]
    if judged:
        refused = sum(answer is not True for answer in judged)
        yield "E10", "all rows", "the checker accepts", f"{refused} of {len(judged)} refused", _met(refused == 0)
    found = list(threads(run))
    if found:
        speed = geometric([row[4] for row in found if row[1] == 2 and row[4]])
        yield "E11", ROWS["E11"].title, "2 threads >= 1.6x, wall", f"{speed or 0:.3g}x", _met((speed or 0) >= 1.6)
        off = max(row[-1] for row in found if row[-1] is not None)
        same = all(row[-2] for row in found) and off <= AGREE
        yield "E11", ROWS["E11"].title, "same support and bound for 1, 2, 4", f"bound off by {off:.2g}", _met(same)
    for r in run.records:
        if r["row"] == "E12":
            sound = not any((r["late"], r["raised"], r["log steps back"], r["refused by the checker"], r["error"]))
            worst = r["worst delay"] or 0.0
            met = _met(sound and r["bound above incumbent"] == 0 and r["cut short"] > 0)
            yield "E12", r["case"], f"{r['how']}: returns in 0.2 s, sound", f"at most {worst:.3g} s", met
        if r["row"] == "same" and "nodes" in r:
            steady = r["nodes"] == [r["nodes of the first"]] or not r["how"].startswith("repeat")  # ties fall otherwise
            whole = r["other supports"] == 0 and steady and r["gap off by"] <= AGREE and r["accepted"]
            shown = f"{r['other supports']} other supports, gap off by {r['gap off by']:.2g}, nodes {r['nodes']}"
            yield "same", r["case"], r["how"], shown, _met(whole and r["objective off by"] <= AGREE)
        if r["row"] == "cold" and r["how"] == "nothing compiled":
            spent = r.get("cpu", math.inf)
            yield "cold", r["case"], "first call <= 20 s CPU", f"{spent:.3g} s", _met(spent <= 20.0)


def _met(holds):
    return "yes" if holds else "no"


def summary(run):
    """One line a row and solver."""
    for name, row in ROWS.items():
        for solver in (*row.solvers, "enumeration"):
            keys = run.keys(name, solver)
            if not keys:
                continue
            turns = [t for key in keys for t in run.timed(key)]
            cpu = geometric([run.cpu(key) for key in keys if run.cpu(key)])
            ratio, sign = run.ratio(name, solver, row.solvers[0])
            nodes = geometric([t["nodes"] for t in turns if t.get("nodes")])
            gaps = [t["gap"] for t in turns if t.get("gap") is not None]
            checked = [t["accepted"] is True for t in turns if t.get("accepted") is not None]
            yield (
                name, row.title, solver, cpu, None if ratio is None else f"{sign}{ratio:.3g}", nodes,
                f"{sum(map(run.done, keys))} of {len(keys)}", sum(map(run.wrong, turns)), max(gaps, default=None),
                f"{sum(checked)} of {len(checked)}" if checked else None,
            )  # fmt: skip


def threads(run):
    """E11: wall and CPU by threads, and whether the answers agree."""
    by = defaultdict(dict)
    for key in run.keys("E11"):
        _, case, seed, _ = key
        turns = run.timed(key)
        if turns:
            jobs = int(case.split()[-2])
            by[seed][jobs] = (statistics.median(t["wall"] for t in turns), run.cpu(key), turns[-1]["sizes"][0])
    for seed, found in sorted(by.items()):
        one = found.get(1)
        for jobs, (wall, cpu, size) in sorted(found.items()):
            off = None if one is None else abs(size["bound"] / one[2]["bound"] - 1)
            same = None if one is None else size["support"] == one[2]["support"]
            yield seed, jobs, wall, cpu, None if one is None else one[0] / wall, size["objective"], same, off


def narrow(run):
    """E9: sizes where a solver's answer is above the enumeration's."""
    truth = {
        r["seed"]: {s["k"]: s["value"] for s in r["sizes"]} for r in run.records if r.get("solver") == "enumeration"
    }
    for solver in ROWS["E9"].solvers:
        sizes = worse = 0
        for key in run.keys("E9", solver):
            turns = run.timed(key)
            for s in turns[-1]["sizes"] if turns and key[2] in truth else ():
                sizes += 1
                worse += abs(s["value"] - truth[key[2]][s["k"]]) > AGREE * s["value"]
        if sizes:
            yield solver, sizes, worse


def facts(records, row):
    """A table of what the parts of `conduct` said."""
    told = [
        {k: v for k, v in r.items() if k not in ("row", "time", "load", "sizes")} for r in records if r["row"] == row
    ]
    head = list(dict.fromkeys(k for t in told for k in t))
    return table(head, [[t.get(k) for k in head] for t in told]) if told else []


def heading(run, options):
    turns = [r for r in run.records if "solver" in r]
    versions = sorted({f"{r['solver']} ({' '.join(f'{p} {v}' for p, v in r['versions'].items())})"
                       for r in turns if r.get("versions")})  # fmt: skip
    commands = list(dict.fromkeys(r["command"] for r in run.records if "command" in r))
    loads = [r["load"] for r in run.records] or [0.0]
    return [
        "# Exact search beside its rivals",
        "",
        *(f"- command: `{command}`" for command in commands),
        f"- machine: {machine()}; one core, one thread, but for E11",
        f"- time: {run.records[0]['time'] if run.records else ''} to {run.records[-1]['time'] if run.records else ''};"
        f" load {min(loads):g} to {max(loads):g}, median {statistics.median(loads):g}",
        f"- versions: {'; '.join(versions)}",
        "- what the clock covers, what is prepared and what the columns mean: README.md of benchmarks/exact",
        "",
    ]


def write(records, options):
    """The table twice: CSV for machines, Markdown with command, versions and machine for people."""
    run = Run(records)
    options.out.mkdir(parents=True, exist_ok=True)
    with open(options.out / f"{options.name}.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows_of(run))
    wrong = list(dict.fromkeys(run.disagreements()))
    lines = [
        *heading(run, options),
        "## Bars",
        "",
        *table(("row", "question", "bar (stretch)", "measured", "met"), [*bars(run), *conduct_bars(run)]),
        "## Solvers",
        "",
        *table(
            ("row", "question", "solver", "CPU s", "over ellzero", "nodes", "done", "wrong", "gap", "checked"),
            summary(run),
        ),
        "## Disagreements",
        "",
        *([f"- {text}" for text in wrong] or ["None."]),
        "",
        "Answers that others beat, within the gap asked for or with the time up:",
        "",
        *([f"- {text}" for text in dict.fromkeys(run.behind())] or ["None."]),
        "",
    ]
    parts = {
        "Every size against enumeration (E9)": table(("solver", "sizes", "not the optimum"), narrow(run)),
        "Threads (E11)": table(
            ("seed", "threads", "wall s", "CPU s", "speed-up", "objective", "same support", "bound off by"),
            threads(run),
        ),
        "Interrupted, out of time (E12)": facts(records, "E12"),
        "The same question put otherwise": facts(records, "same"),
        "Cold start": facts(records, "cold"),
        "el0ps asked 25 times": facts(records, "dirty"),
    }
    for title, body in parts.items():
        lines += [f"## {title}", "", *body] if len(body) > 3 else []
    (options.out / f"{options.name}.md").write_text("\n".join(lines), encoding="utf-8")
    return wrong
