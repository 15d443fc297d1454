"""How ellzero behaves: interrupted, out of time, asked twice, asked in other units, started cold.

    python -m benchmarks.exact.conduct PART CASE.json

The parts run in processes of their own and print a line of JSON a try.
"""

import itertools
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from . import cases, solvers

ROOT = Path(__file__).resolve().parents[2]
TRIES = 20
REPEATS = 25
PROMPT = 0.2  # seconds in which an interrupted or timed-out search returns


# --- in a process of its own -----------------------------------------------------------------------------------------


def signal_after(delay):
    """A child process that interrupts this one after ``delay`` seconds and says through a pipe when it did."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        time.sleep(delay)
        os.write(into, repr(time.monotonic()).encode())
        os.kill(os.getppid(), signal.SIGINT)
        os._exit(0)
    os.close(into)
    return child, out


def _watched(case, limit, delay=None):
    """One search, watched: when it was told to stop, when it returned, and what it said on the way."""
    import ellzero as ez

    X, y = cases.load(case)
    problem, target = solvers.prepared(case, X, y)
    events, failure, result = [], None, None
    started = time.monotonic()
    sender = None if delay is None else signal_after(delay)
    try:
        result = ez.solve(
            problem, "branch", gap=case["gap"], start=case["support"], time_limit=limit, on_progress=events.append
        )
    except (Exception, KeyboardInterrupt) as error:  # both are failures of what is measured, and the others go on
        failure = f"{type(error).__name__}: {error}"
    returned = time.monotonic()
    asked = started + limit
    if sender is not None:
        child, out = sender
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        asked = float(os.read(out, 100))
        os.waitpid(child, 0)
        os.close(out)
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if failure is not None:
        return {"raised": failure}
    told = {"raised": None}
    told |= solvers._told(case, X, target, [(case["k"], result)], result.certificate)
    bounds = [e.lower_bound for e in events if e.lower_bound is not None]
    values = [e.objective for e in events if e.objective is not None]
    return told | {
        "delay": returned - asked,
        "took": returned - started,
        "stopped": returned > asked,
        "monotone": all(a <= b for a, b in itertools.pairwise(bounds))
        and all(a >= b for a, b in itertools.pairwise(values)),
        "events": len(events),
    }


def interrupt(case):
    """Ctrl-C, then the time limit, at random moments."""
    _watched(case, 3.0)
    rng = np.random.default_rng(0)
    longest = min(10.0, 0.9 * _watched(case, 20.0)["took"])
    for _ in range(TRIES):
        yield {"how": "Ctrl-C"} | _watched(case, 60.0, float(rng.uniform(0.0, longest)))
        yield {"how": "time limit"} | _watched(case, float(rng.uniform(0.01, longest)))


def _variants(case):
    """The same question put in other ways, with the factor that its objective has and the order of its columns."""
    X, y = cases.load(case)
    n, p = X.shape
    rng = np.random.default_rng(1)
    limits = np.full(p, case["M"])
    plain = {"l0": case["l0"] / n, "l2": case["l2"] / n, "standardize": False}
    for repeat in range(REPEATS):
        yield "repeat, dirtied heap", X, y, limits, plain, 1.0, None, repeat
    for factor in (1e3, 1e-3):
        yield (
            f"y * {factor:g}",
            X,
            y * factor,
            limits * factor,
            plain | {"l0": plain["l0"] * factor**2},
            factor,
            None,
            0,
        )
    order = rng.permutation(p)
    yield "columns permuted", X[:, order], y, limits, plain, 1.0, order, 0
    # strengths on standardised columns, which a change of units leaves alone
    scaled = {"l0": case["l0"] / n, "l2": case["l2"], "standardize": True}
    yield "standardised", X, y, limits, scaled, 1.0, None, 0
    units = 10.0 ** rng.uniform(-2, 2, p)
    yield "standardised, columns in other units", X * units, y, limits / units, scaled, 1.0, None, 0


def same(case):
    """One question asked in many ways: the answers, for the table to compare."""
    import ellzero as ez

    from .worker import dirty

    for how, X, y, limits, question, factor, order, seed in _variants(case):
        dirty(seed)
        start = case["support"] if order is None else np.flatnonzero(np.isin(order, case["support"]))
        problem = ez.Problem.from_data(X, y, **question, lower=-limits, upper=limits, fit_intercept=False)
        r = ez.solve(problem, "branch", gap=case["gap"], start=start)
        support = r.support if order is None else np.sort(order[r.support])
        yield {
            "how": how,
            "support": [int(j) for j in support],
            "objective": len(y) * r.objective / factor**2,
            "gap": r.gap,
            "nodes": r.n_nodes,
            "accepted": bool(r.certificate.verify(X, y)),
        }


def first(case):
    """What a user waits for: import, data in memory, one answer."""
    X, y = cases.load(case)
    before, wall = time.process_time(), time.perf_counter()
    import ellzero as ez

    n = len(y)
    ez.best_subset(
        X, y, l0=case["l0"] / n, l2=case["l2"] / n, lower=-case["M"], upper=case["M"], standardize=False,
        fit_intercept=False, solver="branch",
    )  # fmt: skip
    spent = {"cpu": time.process_time() - before, "wall": time.perf_counter() - wall}
    yield spent | {"memory MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def main():
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    part, file = sys.argv[1:]
    for told in {"interrupt": interrupt, "same": same, "first": first}[part](json.loads(Path(file).read_text())):
        print(json.dumps(told), flush=True)


# --- in the runner ---------------------------------------------------------------------------------------------------


def _asked(context, part, case, extra=None):
    """Lines that a part prints."""
    file = cases.CACHE / f"conduct-{os.getpid()}.json"
    file.write_text(json.dumps(case))
    core = context.options.core
    pin = [] if core == "-1" else ["taskset", "-c", core]
    command = [*pin, sys.executable, "-m", "benchmarks.exact.conduct", part, str(file)]
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    done = subprocess.run(command, cwd=ROOT, env=os.environ | one | (extra or {}), capture_output=True, text=True)
    file.unlink()
    if done.returncode:
        return [{"error": done.stderr.strip().splitlines()[-1][:300]}]
    return [json.loads(line) for line in done.stdout.splitlines()]


def _case(context, family, l2):
    return cases.synthetic(context.instances, family, 0, l2) | {"gap": 1e-6}


def promptness(context):
    """E12: delays, bounds that hold, and logs without a step back."""
    for family, l2 in (("b0.9", 0.01), ("c", 0.01)):
        case = _case(context, family, l2)
        told = _asked(context, "interrupt", case)
        for how in ("Ctrl-C", "time limit"):
            tries = [t for t in told if t.get("how") == how]
            cut = [t for t in tries if t.get("stopped")]
            yield {
                "case": case["name"],
                "how": how,
                "tries": len(tries),
                "cut short": len(cut),
                "raised": [t["raised"] for t in tries if t["raised"]],
                "worst delay": max((t["delay"] for t in cut), default=None),
                "median delay": statistics.median(t["delay"] for t in cut) if cut else None,
                "late": sum(t["delay"] > PROMPT for t in cut),
                "log steps back": sum(not t.get("monotone", True) for t in tries),
                "refused by the checker": sum(t.get("accepted", True) is not True for t in tries),
                "bound above incumbent": sum(
                    s["bound"] is not None and s["bound"] > case["value"] * (1 + 1e-12)
                    for t in tries
                    for s in t.get("sizes", ())
                ),
                "error": next((t["error"] for t in told if "error" in t), None),
            }


def sameness(context):
    """Item 4: the same answer, gap and node count however the question is put."""
    for family, l2 in (("b0.9", 0.1), ("b0.9", 0.01)):
        case = _case(context, family, l2)
        told = _asked(context, "same", case)
        answers = [t for t in told if "error" not in t]
        for how in dict.fromkeys(t["how"] for t in answers):
            reference = next(
                t for t in answers if t["how"].startswith("standardised") == how.startswith("standardised")
            )
            mine = [t for t in answers if t["how"] == how]
            yield {
                "case": case["name"],
                "how": how,
                "answers": len(mine),
                "other supports": sum(t["support"] != reference["support"] for t in mine),
                "objective off by": max(abs(t["objective"] / reference["objective"] - 1) for t in mine),
                "gap off by": max(abs(t["gap"] - reference["gap"]) for t in mine),
                "nodes": sorted({t["nodes"] for t in mine}),
                "nodes of the first": reference["nodes"],
                "accepted": all(t["accepted"] for t in mine),
            }
        for t in told:
            if "error" in t:
                yield {"case": case["name"], "how": "error", "error": t["error"]}


def cold(context):
    """Item 5: a first call with nothing compiled, and later processes."""
    case = _case(context, "b0.5", 0.1)
    with tempfile.TemporaryDirectory() as folder:
        for how in ("nothing compiled", "second process", "third process"):
            (told,) = _asked(context, "first", case, {"NUMBA_CACHE_DIR": folder})
            yield {"case": case["name"], "how": how} | told


def dirtied(context):
    """el0ps, 25 times on one question, with noise in the heap of a new process: it reads what it did not write."""
    case = _case(context, "b0.9", 0.1) | {"gap": 1e-2, "sketches": str(context.options.sketches)}
    X, y = cases.load(case)
    for name in ("el0ps", "el0ps no screening"):
        if context.options.solvers is not None and name not in context.options.solvers:
            continue
        context.office.end(name)
        answers = []
        for i in range(REPEATS):  # with the incumbent and without, in turn
            given = case if i % 2 else case | {"support": [], "values": []}
            answers.append(context.office.ask(name, given, None, {"limit": 60.0, "dirty": i}, 600))
        context.office.end(name)
        sizes = [a["sizes"][0] for a in answers if "error" not in a and a["done"]]
        values = [cases.objective(case, X, y, s["support"], s["values"]) for s in sizes]
        yield {
            "case": f"{case['name']}, 1 %",
            "how": name,
            "answers": len(values),
            "other values": len({round(v, 6) for v in values}),
            "wrong": sum(v * (1 - case["gap"]) > case["value"] * (1 + 1e-9) for v in values),
            "nodes": sorted({a["nodes"] for a in answers if "error" not in a}),
        }


PARTS = {"E12": promptness, "same": sameness, "cold": cold, "dirty": dirtied}

if __name__ == "__main__":
    main()
