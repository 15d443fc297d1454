"""How kernels are compiled."""

from collections.abc import Callable
from typing import Any

from numba import njit

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
