"""How often constrained minimisers have exact zeros, and how many.

Run from the repository's root: ``python -m benchmarks.geometry.zeros``. Writes benchmarks/results/zeros.md.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from ellzero.geometry import Zeros, contact, count_zeros, norm, quadratic, random_losses
from ellzero.geometry.frequency import PENALTIES, constrained
from ellzero.result import Table

DIMENSIONS = range(2, 11)
SPREAD = (3, 5, 10)  # dimensions whose whole distribution is shown
CROSSED = (2, 3, 5)  # dimensions at other budgets and conditions
SCANNED = 400  # losses whose answer below order 1 is compared with a scan
VARIED = ("L1", "L1/2", "elastic net")  # L0 and L2 have the same zeros in every draw
CONDITIONS, BUDGETS = (1.0, 10.0, 100.0), (0.25, 0.5, 0.75)
OUT = Path(__file__).parents[1] / "results" / "zeros.md"


def shown(value: float, error: float, draws: int) -> str:
    """A share; where no draw or every draw has it, the count says what a standard error of 0 would hide."""
    return f"{value:.3f} ± {error:.3f}" if error > 0 else f"{round(value * draws)} of {draws}"


def share(zeros: Zeros) -> str:
    return shown(zeros.share, zeros.error, zeros.draws)


def vertex(zeros: Zeros) -> str:
    return shown(zeros.vertices, zeros.vertex_error, zeros.draws)


def mean(zeros: Zeros) -> str:
    return f"{zeros.mean:.3f} ± {zeros.mean_error:.3f}" if zeros.mean_error > 0 else f"always {zeros.mean:g}"


def scanned(p: float, losses: int) -> int:
    """How many losses in the plane have a better point on a fine scan of the ball's boundary than the search finds."""
    better = 0
    for H, centre in random_losses(2, draws=losses):
        touch = contact(quadratic(H, centre), p, 0.5 * float(norm(centre, p)))
        found = float(quadratic(H, centre)(constrained(H, centre, p, 0.5)))
        better += touch.value < found - 1e-9 * max(found, 1.0)
    return better


def by_dimension(found: dict[tuple[int, str], Zeros], cell) -> Table:
    rows = [[n, *(cell(found[n, label]) for label in PENALTIES)] for n in DIMENSIONS]
    return Table(["n", *PENALTIES], rows)


def distribution(found: dict[tuple[int, str], Zeros], n: int) -> Table:
    rows = []
    for label in PENALTIES:
        zeros = found[n, label]
        pairs = zip(zeros.shares[:n], zeros.errors[:n], strict=True)
        rows.append([label, *(shown(s, e, zeros.draws) for s, e in pairs)])
    return Table(["penalty", *(f"{k} zeros" if k != 1 else "1 zero" for k in range(n))], rows)


def crossed(draws: int) -> Table:
    rows = []
    for n in CROSSED:
        for condition in CONDITIONS:
            for budget in BUDGETS:
                row: list[object] = [n, f"{condition:g}", budget]
                for label in VARIED:
                    zeros = count_zeros(PENALTIES[label], n, budget=budget, condition=condition, draws=draws)
                    row += [share(zeros), vertex(zeros), mean(zeros)]
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
    scans = Table(["p", "losses", "a scan finds better"], [[p, SCANNED, scanned(p, SCANNED)] for p in (0.5, 0.8)])
    parts = [
        "# Exact zeros of constrained minimisers over random losses\n",
        f"`python -m benchmarks.geometry.zeros --draws {options.draws}`: {time.process_time() - start:.0f} s of one "
        f"core, {options.draws} losses a cell, the same for every penalty; ± one standard error; where no draw or "
        "every draw counts, their number. Condition 10 and a budget of half the penalty at the centre, but in the "
        "table by condition and budget. The penalties are exact but for L1/2, whose minimisers are the "
        "best that a search from many starts finds.\n",
        "## Share with at least one exact zero\n",
        by_dimension(found, share).to_markdown(),
        "\n## Share at a vertex: one nonzero\n",
        by_dimension(found, vertex).to_markdown(),
        "\n## Mean number of exact zeros\n",
        by_dimension(found, mean).to_markdown(),
    ]
    for n in SPREAD:
        parts += [f"\n## Share by number of zeros, n = {n}\n", distribution(found, n).to_markdown()]
    parts += ["\n## By condition and budget\n", cross.to_markdown()]
    parts += ["\n## The search below order 1 beside a scan of the boundary, in the plane\n", scans.to_markdown()]
    options.output.write_text("\n".join(parts) + "\n")


if __name__ == "__main__":
    main()
