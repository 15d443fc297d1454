"""What starting costs: the import, the command's help, and the first and second run of the demonstration.

    python benchmarks/startup.py [--reps 7]

CPU seconds (user and system) of whole processes, medians of processes that take turns; the demonstration in wall
seconds, as a user waits for it, first with an empty cache of compiled kernels. Targets: import 0.15 s above numpy,
help 0.5 s of CPU, first demonstration 30 s, second 3 s.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
COMMAND = [sys.executable, "-m", "ellzero"]


def run(command, **environment):
    """CPU and wall seconds of one process."""
    before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, time.perf_counter() - wall


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reps", type=int, default=7)
    parser.add_argument("--out", type=Path, default=HERE / "results")
    options = parser.parse_args()
    processes = {
        "nothing": [sys.executable, "-c", ""],
        "numpy": [sys.executable, "-c", "import numpy"],
        "ellzero": [sys.executable, "-c", "import ellzero"],
        "ready": [sys.executable, "-c", "from ellzero import best_subset"],
        "help": [*COMMAND, "--help"],
    }
    turns = [{name: run(command) for name, command in processes.items()} for _ in range(options.reps + 1)][1:]
    cpu = {name: statistics.median(turn[name][0] for turn in turns) for name in processes}
    wall = {name: statistics.median(turn[name][1] for turn in turns) for name in processes}
    with tempfile.TemporaryDirectory() as cache:
        first = run([*COMMAND, "demo"], NUMBA_CACHE_DIR=cache)
        second = run([*COMMAND, "demo"], NUMBA_CACHE_DIR=cache)
    sys.path.insert(0, str(HERE))
    from turns import machine

    rows = [
        ("import ellzero above import numpy, CPU s", cpu["ellzero"] - cpu["numpy"], 0.15),
        ("import ellzero above import numpy, wall s", wall["ellzero"] - wall["numpy"], 0.15),
        ("(from ellzero import best_subset above import numpy, CPU s)", cpu["ready"] - cpu["numpy"], None),
        ("ellzero --help, CPU s", cpu["help"], 0.5),
        ("ellzero demo, empty kernel cache, wall s", first[1], 30),
        ("ellzero demo, second run, wall s", second[1], 3),
        ("(import numpy, CPU s)", cpu["numpy"], None),
        ("(bare interpreter, CPU s)", cpu["nothing"], None),
    ]
    lines = [
        "# Starting",
        "",
        f"- command: `python benchmarks/startup.py`, medians of {options.reps}",
        f"- machine: {machine()}",
    ]
    lines += [f"- date: {time.strftime('%Y-%m-%d')}", "", "| what | measured | target |", "|---|---|---|"]
    lines += [f"| {what} | {value:.3f} | {'' if target is None else target} |" for what, value, target in rows]
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "startup.md").write_text("\n".join([*lines, ""]), encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
