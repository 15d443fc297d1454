"""One solver in a process of its own: answers every line on stdin, a JSON request, with one timed turn.

    python -m benchmarks.exact.worker SOLVER

A request names a file with the case, the time limit in seconds, perhaps the seconds below which the answer is repeated,
and perhaps that the heap be dirtied. A new case is prepared, and a small problem of the same form solved, before its
first turn; that is outside the clock.
"""

import contextlib
import importlib.metadata
import io
import json
import resource
import statistics
import sys
import time
from pathlib import Path

import numpy as np

from .solvers import SOLVERS

MOST = 20  # answers in one turn


def dirty(seed):
    """Leave arrays of noise behind in the heap: what reads memory that it did not write will see it."""
    rng = np.random.default_rng(seed)
    junk = [10.0 * rng.standard_normal((int(rng.integers(900, 1100)), 3)) for _ in range(50)]
    return len(junk)


def once(prepare, limit):
    run, tell = prepare()
    cpu, wall = time.process_time(), time.perf_counter()
    outcome = run(limit)
    spent = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    return spent | tell(outcome)


def turn(prepare, request):
    """One answer; a short one is repeated, and its times are the medians."""
    if "dirty" in request:
        dirty(request["dirty"])
    answers = [once(prepare, request["limit"])]
    while sum(a["cpu"] for a in answers) < request.get("spend", 0.0) and len(answers) < MOST:
        answers.append(once(prepare, request["limit"]))
    times = {clock: statistics.median(a[clock] for a in answers) for clock in ("cpu", "wall")}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return answers[-1] | times | {"answers": len(answers), "memory MB": round(peak)}


class Desk:
    """The solver with the case that it is at."""

    def __init__(self, build):
        self.build, self.file, self.prepare = build, None, None

    def answer(self, request):
        extra = {}
        if request["case"] != self.file:
            started = time.process_time()
            case, small = json.loads(Path(request["case"]).read_text())
            if small is not None:
                turn(self.build(small), {"limit": 60.0})
            extra["first"] = time.process_time() - started
            self.prepare, self.file = self.build(case), request["case"]
        return extra | turn(self.prepare, request)


def main():
    build, packages = SOLVERS[sys.argv[1]]
    words, desk = sys.stdout, Desk(build)
    versions = {package: importlib.metadata.version(package) for package in packages}
    for line in sys.stdin:
        with contextlib.redirect_stdout(io.StringIO()):
            try:
                answer = {"versions": versions} | desk.answer(json.loads(line))
            except Exception as error:  # the table says so, the others go on
                answer = {"error": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(answer), file=words, flush=True)


if __name__ == "__main__":
    main()
