"""Threads: how many a call may use, in a search and in linear algebra."""

import os
from functools import cache

from . import _checks as checks


def number(n_jobs) -> int:
    """Number of threads that `n_jobs` stands for."""
    wanted = checks.threads(n_jobs)
    return (os.cpu_count() or 1) if wanted is None else wanted


@cache
def _controller():
    """Looking for the libraries takes a millisecond: once a process is enough."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def limit(n_jobs):
    """Context in which linear algebra uses at most so many threads."""
    return _controller().limit(limits=checks.threads(n_jobs))
