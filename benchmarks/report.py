"""The tables of the paths: times and losses beside the lowest of the run, cell by cell, and what they add up to."""

import csv
import statistics

from turns import machine

OWN = ("ellzero", "ellzero quick", "ellzero thorough")
LEVEL = 1e-6  # relative difference of losses that counts as none
MEMORY = 1500  # MB above the data that ellzero may hold on W1 and SP1
FIELDS = ("instance", "seed", "solver", "cpu", "times ellzero", "loss k0", "excess % k0", "loss 2k0", "excess % 2k0",
          "sizes", "excess % at sizes", "extra MB", "wall", "turns", "note", "versions")  # fmt: skip
SHOWN = FIELDS[:-1]


def cells(rows):
    """Losses by (instance, seed, size): solver and loss."""
    found = {}
    for row in rows:
        for size, value in row.get("losses", {}).items():
            found.setdefault((row["instance"], row["seed"], int(size)), {})[row["solver"]] = value
    return found


def excess(value, lowest):
    """Percent over the lowest; bold where it is the lowest."""
    if value <= lowest * (1 + LEVEL):
        return "**0.00**"
    return f"{100 * (value / lowest - 1):.2g}"


def table(rows):
    """Rows of text, one a solver, instance and seed."""
    losses = cells(rows)
    cpu = {(row["instance"], row["seed"]): row["cpu"] for row in rows if row["solver"] == "ellzero" and "cpu" in row}
    for row in rows:
        question = row["instance"], row["seed"]
        text = {field: str(row[field]) for field in ("instance", "seed", "solver", "turns", "note") if field in row}
        if "cpu" in row:
            text |= {"cpu": f"{row['cpu']:.4g}", "wall": f"{row['wall']:.4g}", "extra MB": f"{row['extra MB']:.0f}"}
            text["versions"] = " ".join(f"{package} {version}" for package, version in row["versions"].items())
            if question in cpu:
                text["times ellzero"] = f"{row['cpu'] / cpu[question]:.2f}"
            over = {int(k): excess(v, min(losses[*question, int(k)].values())) for k, v in row["losses"].items()}
            for name, size in (("k0", row["k0"]), ("2k0", 2 * row["k0"])):
                if size in over:
                    text |= {f"loss {name}": f"{row['losses'][str(size)]:.9g}", f"excess % {name}": over[size]}
            text |= {"sizes": " / ".join(map(str, over)), "excess % at sizes": " / ".join(over.values())}
        yield {field: text.get(field, "failed" if field == "cpu" else "") for field in FIELDS}


def others(values):
    """The losses of a cell that are not ellzero's."""
    return {solver: value for solver, value in values.items() if solver not in OWN}


def contested(rows):
    """The cells in which ellzero and somebody else has a loss."""
    return {cell: values for cell, values in cells(rows).items() if "ellzero" in values and others(values)}


def quality(rows):
    """On how many cells ellzero is at or below all others, and where it is not."""
    mine = {cell: others(values) | {"ellzero": values["ellzero"]} for cell, values in contested(rows).items()}
    above = []
    for (instance, seed, size), values in mine.items():
        lowest = min(values, key=values.get)
        if values["ellzero"] > values[lowest] * (1 + LEVEL):
            over = 100 * (values["ellzero"] / values[lowest] - 1)
            above.append(
                f"  - {instance}, seed {seed}, size {size}: {values['ellzero']:.9g} against {values[lowest]:.9g} of "
                f"{lowest}, {over:.2g} % more"
            )
    below = sum(min(v for s, v in values.items() if s != "ellzero") > values["ellzero"] * (1 + LEVEL)
                for values in mine.values())  # fmt: skip
    yield (
        f"- **ellzero is at or below the lowest loss of the others, to {LEVEL:g} relative, on {len(mine) - len(above)} "
        f"of {len(mine)} cells** (instance, seed, size); strictly below on {below}."
    )
    yield from ["- Where it is not:", *above] if above else ["- There is no cell where it is not."]


def memory(rows):
    """What ellzero held above its data, where that is required."""
    for name in ("W1", "SP1"):
        held = [
            row["extra MB"] for row in rows if row["instance"] == name and row["solver"] == "ellzero" and "cpu" in row
        ]
        if held:
            met = "met" if max(held) < MEMORY else "NOT met"
            yield f"- memory of ellzero on {name}: {max(held):.0f} MB above the data (required: < {MEMORY}; {met})."


def summary(rows):
    """By instance: medians over seeds of ellzero's time and of the ratios of the others, and ellzero's cells."""
    solvers = [name for name in dict.fromkeys(row["solver"] for row in rows) if name not in OWN]
    yield ["instance", "n x p", "k0", "seeds", "ellzero CPU s", *(f"{name} / ellzero" for name in solvers), "lowest"]
    losses = contested(rows)
    for instance in dict.fromkeys(row["instance"] for row in rows):
        here = [row for row in rows if row["instance"] == instance]
        ours = {row["seed"]: row["cpu"] for row in here if row["solver"] == "ellzero" and "cpu" in row}
        if not ours:
            continue
        ratios = []
        for name in solvers:
            asked = [row for row in here if row["solver"] == name]
            known = [row["cpu"] / ours[row["seed"]] for row in asked if "cpu" in row and row["seed"] in ours]
            ratios.append(f"{statistics.median(known):.2f}" if known else "failed" if asked else "-")
        mine = [values for (name, *_), values in losses.items() if name == instance]
        low = sum(values["ellzero"] <= min(others(values).values()) * (1 + LEVEL) for values in mine)
        shape = f"{here[0]['n']} x {here[0]['p']}"
        yield [instance, shape, str(here[0]["k0"]), str(len(ours)), f"{statistics.median(ours.values()):.3g}", *ratios,
               f"{low} of {len(mine)}"]  # fmt: skip


def settings(rows):
    """By instance and setting of ellzero: CPU time, cells at or below the others, and two rivals' times over it."""
    rivals = ("abess", "fastsparsegams CD")
    yield ["instance", "setting", "seeds", "CPU s", "lowest", *(f"{name} / it" for name in rivals)]
    losses, cpu = contested(rows), {(r["instance"], r["seed"], r["solver"]): r["cpu"] for r in rows if "cpu" in r}
    for instance in dict.fromkeys(row["instance"] for row in rows):
        for own in OWN:
            seeds = [seed for name, seed, solver in cpu if (name, solver) == (instance, own)]
            if not seeds:
                continue
            mine = [values for (name, *_), values in losses.items() if name == instance and own in values]
            low = sum(values[own] <= min(others(values).values()) * (1 + LEVEL) for values in mine)
            ratios = []
            for rival in rivals:
                both = [cpu[instance, s, rival] / cpu[instance, s, own] for s in seeds if (instance, s, rival) in cpu]
                ratios.append(f"{statistics.median(both):.2f}" if both else "-")
            times = statistics.median(cpu[instance, seed, own] for seed in seeds)
            name = own.removeprefix("ellzero").strip() or "default"
            yield [instance, name, str(len(seeds)), f"{times:.3g}", f"{low} of {len(mine)}", *ratios]


def _head_and_rows(table):
    head, *body = table
    return head, body


def markdown(head, body):
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *("| " + " | ".join(row) + " |" for row in body)]


def write(rows, stem):
    """The table twice: CSV for machines, Markdown with commands, versions and machine for people."""
    rows = sorted(rows, key=lambda row: (row["instance"], row["seed"]))
    if not rows:
        return
    stem.parent.mkdir(parents=True, exist_ok=True)
    body = list(table(rows))
    with open(f"{stem}.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows({field: text.replace("**", "") for field, text in row.items()} for row in body)
    commands = dict.fromkeys(row["command"] for row in sorted(rows, key=lambda row: row["time"]))
    times, loads = sorted(row["time"] for row in rows), sorted(row["load"] for row in rows)
    versions = sorted({f"{row['solver']} ({row['versions']})" for row in body if row["versions"]})
    head, *totals = summary(rows)
    lines = [
        "# The path beside its rivals",
        "",
        *(f"- command: `{text}`" for text in commands),
        f"- machine: {machine()}; one thread",
        f"- time: {times[0]} to {times[-1]}; load {loads[0]} to {loads[-1]}, median {statistics.median(loads)}",
        f"- versions: {'; '.join(versions)}",
        "- cpu: seconds for one path over 1 to 2 k0 columns, median of the turns; times ellzero: the solver's CPU time",
        "  over ellzero's. abess returns one model; its time is its one call over all sizes.",
        "- loss: of the best support of at most k0 (2 k0) columns, refitted in one place: residual sum of squares,",
        "  for G1 and G2 twice the logistic loss plus 0.001 times the squared coefficients; excess: over the lowest of",
        "  all solvers here, bold where it is the lowest. reference swaps: forward selection with exhaustive swaps",
        "  and sweeps, a bar and no package.",
        "- extra MB: the most memory that the process held in a path above what it held with its data loaded.",
        "",
        "## Quality",
        "",
        *quality(rows),
        *memory(rows),
        "",
        "## By instance",
        "",
        "CPU seconds of ellzero and what the others take in multiples of it, medians over seeds; lowest: cells where",
        "ellzero is at or below the lowest of the others.",
        "",
        *markdown(head, totals),
        "",
        "## Settings",
        "",
        "effort 0 (quick), the default, and effort 4 (thorough, on small data): medians over seeds; lowest: cells",
        "where the setting is at or below the lowest of the others; rival / it: the rival's CPU time over its own.",
        "",
        *markdown(*_head_and_rows(settings(rows))),
        "",
        "## All",
        "",
        *markdown(SHOWN, [[row[field] for field in SHOWN] for row in body]),
        "",
    ]
    stem.with_suffix(".md").write_text("\n".join(lines), encoding="utf-8")
