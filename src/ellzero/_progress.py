"""One protocol for progress, time limits and interruption.

A solver owns a `Clock`, calls `clock.tick(...)` at least every 50 ms and stops where `clock.stopped` says so. Whoever
wants to watch passes `on_progress`, a plain callable that receives an `Event`; a KeyboardInterrupt, from the keyboard
or raised by the callable, stops the work and keeps the best answer.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from . import _checks as checks

SHOW_EVERY = 0.1  # seconds between two events
STRETCH, SHORTEST = 1.03, 1e-3  # bounds are kept at times that lie so far apart: some hundred in a search of an hour


@dataclass(frozen=True, slots=True)
class Event:
    """What long work tells its watcher.

    Parameters
    ----------
    stage : str
        What is running: ``"path"``, ``"exhaustive"``, ``"branch"``, ``"rivals"``, ``"cross-validation"``,
        ``"penalties"``, ``"descent"``.
    message : str
        One short sentence for people.
    done, total : int or None
        Steps made and steps in all, where the number is known.
    k : int or None
        Size of the support at work.
    objective, lower_bound, gap : float or None
        Value of the best answer so far, the proven bound and the relative gap between them.
    n_nodes : int or None
        Nodes of the search tree opened so far.
    elapsed : float
        Seconds since the work began.
    """

    stage: str
    message: str = ""
    done: int | None = None
    total: int | None = None
    k: int | None = None
    objective: float | None = None
    lower_bound: float | None = None
    gap: float | None = None
    n_nodes: int | None = None
    elapsed: float = 0.0


OnProgress = Callable[[Event], object]


@dataclass(frozen=True, slots=True)
class Moment:
    """What a search knew at a time: seconds since it began, its best answer, the proven bound, the nodes opened."""

    elapsed: float
    objective: float
    lower_bound: float
    n_nodes: int


class Compilation:
    """Seconds that this process has compiled kernels, which happens once a machine and is no part of any limit.

    `compiled.py` among the kernels counts them; here they are known without loading a compiler.
    """

    seconds: float = 0.0


class Clock:
    """Start, limit and interruption of one piece of work; phases of it share the clock."""

    def __init__(self, time_limit: float = float("inf"), on_progress: OnProgress | None = None):
        self.start, self._compiled = time.perf_counter(), Compilation.seconds
        self.time_limit = time_limit
        checks.callback(on_progress)
        self.on_progress = on_progress
        self.interrupted = False
        self.moments: list[Moment] = []
        self._shown, self._kept_next = float("-inf"), 0.0

    @property
    def elapsed(self) -> float:
        return time.perf_counter() - self.start

    @property
    def remaining(self) -> float:
        """Seconds left; what was spent on compiling meanwhile does not count."""
        return self.time_limit - self.elapsed + (Compilation.seconds - self._compiled)

    @property
    def expired(self) -> bool:
        return self.remaining <= 0

    @property
    def stopped(self) -> bool:
        return self.interrupted or self.expired

    @property
    def listening(self) -> bool:
        """Whether anybody would read a bound now: a watcher, or the record of moments."""
        return self.on_progress is not None or self.elapsed >= self._kept_next

    def tick(self, stage: str, **facts) -> None:
        """Keep the bounds among the facts, ever further apart in time; tell the watcher, ten times a second at most."""
        now = time.perf_counter()
        self.keep(now - self.start, **facts)
        if self.on_progress is None:
            return
        if now - self._shown >= SHOW_EVERY:
            self._shown = now
            self.on_progress(Event(stage, elapsed=now - self.start, **facts))

    def keep(self, elapsed: float, objective=None, lower_bound=None, n_nodes=None, **_) -> None:
        """Keep what is known of the bounds, and tell nobody."""
        if objective is None or lower_bound is None or elapsed < self._kept_next:
            return
        self.moments.append(Moment(elapsed, float(objective), float(lower_bound), int(n_nodes or 0)))
        self._kept_next = max(STRETCH * elapsed, elapsed + SHORTEST)


@contextmanager
def deferred_interrupt(stop: Callable[[], object]) -> Iterator[None]:
    """Within it Ctrl-C calls `stop` instead of breaking in anywhere: what is half done is finished first.

    Only where Ctrl-C has its usual meaning, and in the main thread, which alone receives it.
    """
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not usual or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: stop())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
