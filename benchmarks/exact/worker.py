"""One solver in a process of its own: answers every line on stdin, a JSON request, with one timed turn.

    python -m benchmarks.exact.worker SOLVER CASE.json

A request names the time limit in seconds and may ask for a dirtied heap. Before the first turn a small problem of the
same kind is solved, so that compilers have done their work; how long that took is in the first answer.
"""

import contextlib
import importlib.metadata
import io
import json
import sys
import time
from pathlib import Path

import numpy as np

from .solvers import SOLVERS


def dirty(seed):
    """Leave arrays of noise behind in the heap: what reads memory that it did not write will see it."""
    rng = np.random.default_rng(seed)
    junk = [10.0 * rng.standard_normal((int(rng.integers(900, 1100)), 3)) for _ in range(50)]
    return len(junk)


def turn(prepare, request):
    if "dirty" in request:
        dirty(request["dirty"])
    run, tell = prepare()
    cpu, wall = time.process_time(), time.perf_counter()
    outcome = run(request["limit"])
    spent = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    return spent | tell(outcome)


def main():
    name, file = sys.argv[1:]
    case, small = json.loads(Path(file).read_text())
    build, packages = SOLVERS[name]
    words = sys.stdout
    extra = {"versions": {package: importlib.metadata.version(package) for package in packages}}
    prepare = None
    for line in sys.stdin:
        request = json.loads(line)
        with contextlib.redirect_stdout(io.StringIO()):
            try:
                if prepare is None:
                    started = time.process_time()
                    if small is not None:
                        turn(build(small), {"limit": 60.0})
                    extra["first"] = time.process_time() - started
                    prepare = build(case)
                answer = extra | turn(prepare, request)
            except Exception as error:  # the table says so, the others go on
                answer = {"error": f"{type(error).__name__}: {error}"[:300]}
        extra = {}
        print(json.dumps(answer), file=words, flush=True)


main()
