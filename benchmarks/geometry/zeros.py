"""How often constrained minimisers have exact zeros, and how many.

Run from the repository's root: ``python -m benchmarks.geometry.zeros``. Writes benchmarks/results/zeros.md.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from ellzero.geometry import Zeros, count_zeros
from ellzero.geometry.frequency import PENALTIES
from ellzero.result import Table

DIMENSIONS = range(2, 11)
SPREAD = (3, 5, 10)  # dimensions whose whole distribution is shown
CROSSED = (2, 3, 5)  # dimensions at other budgets and conditions
VARIED = ("L1", "L1/2", "elastic net")  # L0 and L2 have the same zeros in every draw
CONDITIONS, BUDGETS = (1.0, 10.0, 100.0), (0.25, 0.5, 0.75)
OUT = Path(__file__).parents[1] / "results" / "zeros.md"


def shown(value: float, error: float) -> str:
    return f"{value:.3f} ± {error:.3f}"


def by_dimension(found: dict[tuple[int, str], Zeros], cell) -> Table:
    rows = [[n, *(cell(found[n, label]) for label in PENALTIES)] for n in DIMENSIONS]
    return Table(["n", *PENALTIES], rows)


def distribution(found: dict[tuple[int, str], Zeros], n: int) -> Table:
    rows = []
    for label in PENALTIES:
        zeros = found[n, label]
        rows.append([label, *(shown(s, e) for s, e in zip(zeros.shares[:n], zeros.errors[:n], strict=True))])
    return Table(["penalty", *(f"{k} zeros" if k != 1 else "1 zero" for k in range(n))], rows)


def crossed(draws: int) -> Table:
    rows = []
    for n in CROSSED:
        for condition in CONDITIONS:
            for budget in BUDGETS:
                row: list[object] = [n, f"{condition:g}", budget]
                for label in VARIED:
                    zeros = count_zeros(PENALTIES[label], n, budget=budget, condition=condition, draws=draws)
                    row += [shown(zeros.share, zeros.error), shown(zeros.vertices, zeros.vertex_error)]
                    row += [shown(zeros.mean, zeros.mean_error)]
                rows.append(row)
    heads = [f"{label}: {what}" for label in VARIED for what in ("some zero", "vertex", "zeros")]
    return Table(["n", "condition", "budget", *heads], rows)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("-o", "--output", type=Path, default=OUT)
    options = parser.parse_args(arguments)
    start = time.process_time()
    found = {}
    for n in DIMENSIONS:
        for label, penalty in PENALTIES.items():
            found[n, label] = count_zeros(penalty, n, draws=options.draws)
        print(f"n = {n}: {time.process_time() - start:.0f} s", flush=True)
    cross = crossed(options.draws)
    share = by_dimension(found, lambda zeros: shown(zeros.share, zeros.error))
    vertices = by_dimension(found, lambda zeros: shown(zeros.vertices, zeros.vertex_error))
    mean = by_dimension(found, lambda zeros: shown(zeros.mean, zeros.mean_error))
    parts = [
        "# Exact zeros of constrained minimisers over random losses\n",
        f"`python -m benchmarks.geometry.zeros --draws {options.draws}`: {time.process_time() - start:.0f} s of one "
        f"core, {options.draws} losses a cell, the same for every penalty; ± one standard error. Condition 10 and a "
        "budget of half the penalty at the centre, but in the last table.\n",
        "## Share with at least one exact zero\n",
        share.to_markdown(),
        "\n## Share at a vertex: one nonzero\n",
        vertices.to_markdown(),
        "\n## Mean number of exact zeros\n",
        mean.to_markdown(),
    ]
    for n in SPREAD:
        parts += [f"\n## Share by number of zeros, n = {n}\n", distribution(found, n).to_markdown()]
    parts += ["\n## By condition and budget\n", cross.to_markdown()]
    options.output.write_text("\n".join(parts) + "\n")


if __name__ == "__main__":
    main()
