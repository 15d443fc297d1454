"""Whether the compiled kernels are kept on this machine, as numba's own records say."""

import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules


def cached() -> tuple[int, int]:
    """Number of kernels whose compiled form is kept on disk, and number of kernels.

    Returns
    -------
    kept, all : int
        Both 0 where compilation is switched off.
    """
    from numba.core.dispatcher import Dispatcher

    from .. import _kernels

    kept = total = 0
    for module in iter_modules(_kernels.__path__):
        for name, kernel in vars(import_module(f"{_kernels.__name__}.{module.name}")).items():
            if isinstance(kernel, Dispatcher) and kernel.__module__.endswith(f".{module.name}"):
                if kernel.targetoptions.get("inline") == "always":  # compiled as a part of its caller
                    continue
                total += 1
                kept += any(Path(str(kernel.stats.cache_path)).glob(f"{module.name}.{name}-*.nbi"))
    return kept, total


def describe() -> str:
    """The state in words, for `ellzero doctor`."""
    kept, total = cached()
    if total == 0:
        return f"not compiled: NUMBA_DISABLE_JIT={os.environ.get('NUMBA_DISABLE_JIT', '')}"
    hint = "" if kept == total else "; `ellzero doctor --warm` compiles the rest"
    return f"{kept} of {total} compiled{hint}"


def first_run() -> bool:
    """Whether kernels are going to be compiled because none is kept."""
    kept, total = cached()
    return kept == 0 and total > 0


def compile_all() -> Iterator[str]:
    """Use every kernel once on small problems; yields what is being compiled."""
    import numpy as np
    from scipy.sparse import random_array

    from ..constraints import AtMostOne, StrongHierarchy
    from ..geometry import count_zeros
    from ..penalties import ElasticNet, Lp
    from ..selection import path, penalty_path

    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 6))
    mean = X[:, 0] + rng.normal(size=30)
    yield "compiling: enumeration"
    path(rng.normal(size=(7, 9)), rng.normal(size=7), k=3, certify=True, random_state=0)
    # columns that lie together have kernels of their own
    path(np.asfortranarray(X), (mean > 0).astype(float), k=2, loss="logistic", l2=0.1, random_state=0)
    yield "compiling: swap search, in both precisions"
    path(X, mean, k=3, solver="exchange", random_state=0)
    path(rng.normal(size=(30, 1000)), mean, k=3, solver="exchange", random_state=0)
    yield "compiling: rules"
    rules = [StrongHierarchy({0: [1]}), AtMostOne([2, 3])]
    path(X, mean, k=4, l2=0.1, constraints=rules, solver="branch", certify=True, random_state=0)
    yield "compiling: risk sets"
    path(X, np.column_stack([rng.exponential(size=30), np.ones(30)]), k=2, loss="cox", random_state=0)
    yield "compiling: geometry"
    for penalty in (1.0, ElasticNet(0.5, 0.5), Lp(1.0, 0.5)):
        count_zeros(penalty, 4, draws=2)
    yield "compiling: penalties"
    for penalty, groups in (("l1", None), ("mcp", None), ("group_l1", range(90))):
        penalty_path(rng.normal(size=(30, 90)), mean, penalty=penalty, groups=groups, n_strengths=9)
    penalty_path(rng.normal(size=(7, 1100)), mean[:7], penalty="elastic_net", l1_ratio=1e-4, strengths=[0.01])
    stored = random_array((300, 400), density=0.05, rng=rng, format="csc")
    penalty_path(stored, rng.normal(size=300), n_strengths=5)
    targets = {"squared": mean, "logistic": (mean > 0).astype(float), "poisson": rng.poisson(np.exp(0.3 * mean))}
    for loss, y in targets.items():
        for l2 in (0.0, 0.1) if loss == "squared" else (0.1,):
            yield f"compiling: {loss} loss{', ridge' if l2 else ''}"
            path(X, y, k=4, loss=loss, l2=l2, certify=True, random_state=0)
            path(X, y, k=4, loss=loss, l2=l2, lower=-1.0, upper=1.0, certify=True, random_state=0)
