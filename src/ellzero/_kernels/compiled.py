"""How functions that only kernels call are compiled."""

from collections.abc import Callable
from typing import Any

from numba import njit


def inner(function: Callable) -> Any:
    """Compile a function for other kernels alone: without wrappers for Python that takes half the time."""
    options: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}  # numba's stub lacks them
    return njit(cache=True, nogil=True, **options)(function)


def inlined(function: Callable) -> Any:
    """Compile a function into the only one that calls it.

    To pass a few dozen arrays costs a second of compilation at each level, and each level is optimised once more with
    all that it calls.
    """
    options: dict[str, Any] = {"inline": "always", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return njit(cache=True, nogil=True, **options)(function)
