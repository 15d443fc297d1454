"""The tables of `mnist` from the lines that its cells wrote."""

import json
import statistics
from math import sqrt
from pathlib import Path

RESULT = Path(__file__).parents[1] / "results" / "nn-mnist.md"
TITLES = {"lenet5": "LeNet-5-Caffe (20-50-800-500)", "lenet300": "LeNet-300-100 (784-300-100)"}


HEAD = """# MNIST: networks of gates, sparse weights, tickets and ADMM beside magnitude pruning

- command: `python -m benchmarks.nn.mnist run FOLDER`, then `python -m benchmarks.nn.mnist report FOLDER`; the lines of
  the cells are in `nn-mnist.jsonl`, which as `FOLDER/cells.jsonl` lets a run go on
- trained on all 60,000 rows, one look at the 10,000 of the test set; settings were chosen on validation rows, seed 0
- operations are **multiply-adds** of one image and nonzero weights, without biases (torch's counter says twice as
  many); dense LeNet-5-Caffe has 2,293,000 of them and LeNet-300-100 266,200
- `+-` is the standard error over seeds; with one seed there is none, and the one of drawing 10,000 images is
  0.09 to 0.14 points between 0.8 and 2 %: smaller differences between single runs say nothing
- all methods of a network have the same epochs unless the table says otherwise: gates and magnitude share the first
  phase's and the second phase's epochs, batches and rates
"""

NOTES = {
    "lenet5": """Published after 200 epochs with hard concrete gates (Louizos et al.): 0.9 % at 1.3 M operations,
1.0 % at 403 K; by ADMM (Zhang et al.): 0.8 % with 6.05 K weights. *magnitude*: the same share of the units of every
layer, by the L2 norm of their weights, cut at once after the first phase. *ADMM*: from the dense network of the
table, whose epochs count.""",
    "lenet300": """Published after 200 epochs with hard concrete gates (Louizos et al.): 219-214-100, 1.4 %;
266-88-33, 1.8 %. Their gates sit on pixels, too; here hidden units and, in the rows called *weights*, single
weights have gates, and all 784 pixels go in; for those rows the first of the widths counts the pixels that are
still read. *magnitude*: as for LeNet-5; *magnitude, weights*: over all layers, by the cubic schedule of Zhu &
Gupta.""",
}  # fmt: skip


def write(folder):
    """The report, also printed."""
    lines = [json.loads(line) for line in (Path(folder) / "cells.jsonl").read_text().splitlines()]
    text = "\n".join(part for part in (HEAD, *_sections(lines)) if part)
    RESULT.write_text(text.rstrip() + "\n", encoding="utf-8")
    print(text)


def _sections(lines):
    for network, title in TITLES.items():
        groups = _grouped([line for line in lines if line["network"] == network and "error" in line["rows"][0]
                           and "round" not in line["rows"][0]])  # fmt: skip
        if groups:
            yield f"\n## {title}\n\n{_sizes(groups)}\n\n{NOTES[network]}\n"
    with_gap = _grouped([line for line in lines if "soft_loss" in line["rows"][0]])
    if with_gap:
        yield f"\n## The discrete-continuous gap, when the gates are decided\n\n{_gaps(with_gap)}\n\n{GAP}\n"
    special = {
        "tickets": ("Tickets of LeNet-300-100: test error %", _tickets, TICKETS),
        "latency": ("Latency of LeNet-5 on one thread", _latency, LATENCY),
    }
    for method, (title, table, note) in special.items():
        for line in lines:
            if line["method"] == method:
                yield f"\n## {title}\n\n{table(line['rows'])}\n\n{note.format(**line['rows'][0])}\n"
    yield f"\n## What it cost\n\n{_cost(lines)}\n"


def _grouped(lines):
    """Rows of all seeds by network, method and setting."""
    groups = {}
    for line in lines:
        groups.setdefault((line["network"], line["method"], line["setting"]), []).append(line)
    return groups


def _sizes(groups):
    rows = []
    by_work = sorted(groups.items(), key=lambda group: -group[1][0]["rows"][0]["multiply_adds"])
    for (_, method, setting), lines in by_work:
        cells = [line["rows"][0] for line in lines]
        rows.append([
            method, setting, cells[0]["epochs"], len(cells), f"{_mean(cells, 'parameters'):,.0f}",
            f"{_mean(cells, 'nonzeros'):,.0f}", f"{_mean(cells, 'multiply_adds'):,.0f}", _error(cells, "error"),
            _error(cells, "error_before_tuning"), ", ".join(cell["widths"] for cell in cells),
        ])  # fmt: skip
    titles = ["method", "setting", "epochs", "seeds", "parameters", "nonzeros", "multiply-adds", "test error %",
              "when decided", "widths"]  # fmt: skip
    return _table(titles, rows)


def _gaps(groups):
    rows = []
    for (network, method, setting), lines in groups.items():
        cells = [line["rows"][0] for line in lines]
        sizes = [f"{_mean(cells, key):,.0f}" for key in ("expected_l0", "hard_l0")]
        work = [f"{_mean(cells, key):,.0f}" for key in ("expected_multiply_adds", "hard_multiply_adds")]
        losses = [f"{_mean(cells, key):.4f}" for key in ("soft_loss", "hard_loss")]
        structured = method == "hard concrete"  # single weights save no operations of a dense layer
        rows.append([network, method, setting, len(cells), *sizes, *(work if structured else "--"), *losses])
    titles = ["network", "method", "setting", "seeds", "expected L0", "hard count", "expected multiply-adds", "hard",
              "loss, soft gates", "loss, hard gates"]  # fmt: skip
    return _table(titles, rows)


GAP = """Losses are of the first 2,000 rows trained on; soft: gates as in training (of hard concrete the mean of 20
draws), hard: as decided. L0 counts parameters with biases. Under a `Target` the decision fills the share with the
gates most likely active."""

TICKETS = """*early*: after 500 iterations of 60 images, Adam 1.2e-3 as Frankle & Carbin; the end: after {epochs}
epochs, where they train 50 (50,000 iterations) and average five runs. Magnitude layer by layer, the layer of the
classes at half the rate, through 46 %, 21 %, 13.5 %, 7 % and 3.6 % instead of 20 % a round; weights rewound to the
start. *other mask*: as many weights of each layer, anywhere, with the ticket's start. One seed."""

LATENCY = """Median and quartiles of processor time of a forward over {turns} turns, in which the networks
alternate; each turn repeats a forward for about 20 ms, after a warm-up. Processor time, because other work shared
the cores. *times faster*: median of the ratios within a turn."""


def _tickets(rows):
    kinds = ("ticket", "reinit", "random")
    by_round = {}
    for row in rows:
        by_round.setdefault(row["round"], {})[row["kind"]] = row
    out = []
    for found in by_round.values():
        ticket = found["ticket"]
        cells = [
            f"{100 * found[kind][key]:.2f}" if kind in found else "" for key in ("early", "error") for kind in kinds
        ]
        out.append([f"{ticket['share']:.1%}", f"{ticket['weights']:,}", *cells])
    words = ("ticket", "other start", "other mask")
    titles = ["share", "weights", *(f"{when}: {word}" for when in ("early", "end") for word in words)]
    return _table(titles, out)


def _latency(rows):
    def micro(row):
        return f"{row['median_us']:,.0f} ({row['low_us']:,.0f} to {row['high_us']:,.0f})"

    return _table(
        ["network", "widths", "batch", "microseconds", "times faster"],
        [[row["net"], row["widths"], row["batch"], micro(row), f"{row['times_faster']:.2f}"] for row in rows],
    )


def _cost(lines):
    words = ("network", "method", "setting", "seed")
    rows = [[*(line[word] for word in words), f"{line['cpu']:.0f}", f"{line['wall']:.0f}"] for line in lines]
    return _table([*words, "CPU s", "wall s"], rows)


def _mean(cells, key):
    return statistics.mean(cell[key] for cell in cells)


def _error(cells, key):
    values = [100 * cell[key] for cell in cells if key in cell]
    if not values:
        return ""
    spread = f" +- {statistics.stdev(values) / sqrt(len(values)):.2f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.2f}{spread}"


def _table(titles, rows):
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
