"""The rows: what is asked, of whom, and the bar that the figures are held against."""

from collections.abc import Callable
from dataclasses import dataclass

from . import cases

EL0PS = ("el0ps", "el0ps no screening")
OURS = ("ellzero", "ellzero end to end")
SIZES = tuple(range(1, 11))


@dataclass(frozen=True)
class Row:
    """One row of the table.

    ``cases(context, seed)`` gives the questions of a seed; ``ratios`` says how many times faster than a rival ellzero
    shall be (bar, stretch); ``limit`` is the most CPU seconds that ellzero may take, over all its cases of a seed;
    ``reach`` is the gap hoped for where the time will not do.
    """

    title: str
    cases: Callable
    solvers: tuple[str, ...]
    gap: float = 1e-6
    cap: float = 60.0
    ratios: tuple[tuple[str, float, float | None], ...] = ()
    limit: tuple[str, float] | None = None
    reach: float | None = None
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    cores: str | None = None


def _synthetic(*families, l2):
    return lambda context, seed: [cases.synthetic(context.instances, f, seed, l2) for f in families]


def _diabetes(sizes, l2=0.001):
    return lambda context, seed: cases.diabetes(context.instances, l2, sizes)


def _diabetes_path(most, l2=0.001):
    def make(context, seed):
        (case,) = cases.diabetes(context.instances, l2, (most,))
        return [case | {"name": f"diabetes k=1..{most} l2={l2}", "sizes": list(range(1, most + 1)), "solver": "auto"}]

    return make


def _threads(context, seed):
    case = cases.synthetic(context.instances, "b0.9", seed, 0.01)
    return [case | {"name": f"{case['name']} {jobs} threads", "jobs": jobs} for jobs in (1, 2, 4)]


def _real(l2, solver):
    def make(context, seed):
        if not (context.data / "gasoline_nir").exists():
            print(f"no gasoline_nir in {context.data}: row left out (--data or ELLZERO_DATA names the folder)")
            return []
        found = cases.real(context.instances, context.data, "gasoline_nir", None, l2, solver)
        for response in (0, 1):
            found += cases.real(context.instances, context.data, "finemap_n3", response, l2, solver)
        return found

    return make


ROWS = {
    "E1": Row(
        "(b) rho .1/.5, l2 .1", _synthetic("b0.1", "b0.5", l2=0.1), (*OURS, "sketch", *EL0PS, "l0bnb"),
        ratios=(("el0ps no screening", 30, 60), ("el0ps", 30, 60)),
    ),
    "E2": Row(
        "(b) rho .9, l2 .1", _synthetic("b0.9", l2=0.1), (*OURS, "sketch", *EL0PS, "l0bnb"),
        ratios=(("el0ps no screening", 8, 15), ("el0ps", 8, 15)),
    ),
    "E3": Row(
        "(b) rho .1/.5, l2 .01", _synthetic("b0.1", "b0.5", l2=0.01), (*OURS, "sketch", *EL0PS, "l0bnb"),
        ratios=(("el0ps no screening", 8, 15), ("el0ps", 8, 15), ("l0bnb", 40, 60)),
    ),
    "E4": Row(
        "(b) rho .9, l2 .01", _synthetic("b0.9", l2=0.01), (*OURS, "sketch", *EL0PS),
        ratios=(("el0ps no screening", 12, 25), ("el0ps", 12, 25)),
    ),
    "E5": Row(
        "(c) 1000 x 10000, l2 .1", _synthetic("c", l2=0.1), (*OURS, "sketch", *EL0PS, "l0bnb"),
        ratios=(("l0bnb", 8, None), ("el0ps no screening", 30, None), ("el0ps", 30, None)),
    ),
    "E6": Row(
        "(d) 1000 x 100000, l2 .1", _synthetic("d", l2=0.1), (*OURS, "sketch"), limit=("ellzero", 2.0)
    ),
    "E6c": Row("(c) 1000 x 10000, l2 .01, 60 s", _synthetic("c", l2=0.01), ("ellzero",), reach=1e-2),
    "E7": Row(
        "diabetes, k = 1..10 size by size, l2 .001", _diabetes(SIZES), (*OURS, "sketch"), gap=1e-4,
        limit=("ellzero", 3.0), seeds=(0,),
    ),
    "E7path": Row(
        "diabetes, k = 1..10 in one call, l2 .001", _diabetes_path(10), ("ellzero path",), gap=1e-4,
        limit=("ellzero path", 3.0), seeds=(0,),
    ),
    "E7k5": Row(
        "diabetes, k = 5, l2 .001", _diabetes((5,)), (*OURS, "sketch", "okridge"), gap=1e-4,
        ratios=(("okridge", 500, None),), seeds=(0,),
    ),
    "E7k10": Row(
        "diabetes, k = 10 to 1e-6, l2 .001", _diabetes((10,)), (*OURS, "sketch"), limit=("ellzero", 1.0), seeds=(0,)
    ),
    "E7k20": Row(
        "diabetes, k = 1..20 in one call, l2 .001", _diabetes_path(20), ("ellzero path",), gap=1e-4,
        limit=("ellzero path", 60.0), seeds=(0,),
    ),
    "E7l0": Row(
        "diabetes, k = 1..8 in one call, l2 0", _diabetes_path(8, 0.0), ("ellzero path",), gap=1e-4,
        limit=("ellzero path", 60.0), seeds=(0,),
    ),
    "E8": Row(
        "(e) logistic 500 x 200, l2 .1, 1 %", lambda context, seed: [cases.logistic(context.instances, seed)],
        (*OURS, *EL0PS), gap=1e-2, ratios=(("el0ps no screening", 3, 10), ("el0ps", 3, 10)),
    ),
    "E9": Row(
        "p = 30, l2 0, all k", lambda context, seed: [cases.narrow(context.instances, seed)],
        ("ellzero path", "R leaps"), ratios=(("R leaps", 1, 3),), seeds=tuple(range(20)),
    ),
    "E11": Row("threads on (b) rho .9, l2 .01", _threads, ("ellzero threads",), cores="0,1"),
    "real": Row("gasoline_nir, finemap_n3, k = 1..3", _real(0.0, "exhaustive"), ("ellzero end to end",), seeds=(0,)),
    "real ridge": Row("gasoline_nir, finemap_n3, k = 1..3, l2 .001", _real(0.001, "branch"), OURS, seeds=(0,)),
}  # fmt: skip
