"""How kernels are compiled."""

import threading
import time
from collections.abc import Callable
from typing import Any

from numba import njit
from numba.core import event

from .._progress import Compilation

# dictionaries, for numba's stub lacks the wrappers
CALLED: dict[str, Any] = {"cache": True, "nogil": True, "no_cfunc_wrapper": True}
ALONE: dict[str, Any] = CALLED | {"no_cpython_wrapper": True}


def kernel(function: Callable) -> Any:
    """Compile a function for Python and for other kernels, without the wrapper for C that takes time, too."""
    return njit(**CALLED)(function)


def inner(function: Callable) -> Any:
    """Compile a function for other kernels alone: without wrappers for Python that takes half the time."""
    return njit(**ALONE)(function)


def inlined(function: Callable) -> Any:
    """Compile a function into the only one that calls it.

    To pass a few dozen arrays costs a second of compilation at each level, and each level is optimised once more with
    all that it calls.
    """
    return njit(inline="always", **ALONE)(function)


class _Stopwatch(event.Listener):
    """Counts the seconds of compilation; a kernel that is compiled for another one counts once."""

    def __init__(self):
        self.thread = threading.local()

    def on_start(self, event):
        self.thread.depth = max(getattr(self.thread, "depth", 0), 0) + 1  # an end may come that began before this
        if self.thread.depth == 1:
            self.thread.start = time.perf_counter()

    def on_end(self, event):
        self.thread.depth = getattr(self.thread, "depth", 0) - 1
        if self.thread.depth == 0:
            Compilation.seconds += time.perf_counter() - self.thread.start


event.register("numba:compile", _Stopwatch())
