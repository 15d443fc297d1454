"""The clock of long work: what counts towards a limit."""

import time
from itertools import pairwise

import numba
import numpy as np
import pytest

import ellzero as ez
from ellzero import _progress, errors
from ellzero._kernels import compiled
from ellzero._progress import Clock, Compilation


def spend(seconds):
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


def test_a_limit_is_wall_time():
    clock = Clock(0.02)
    assert not clock.expired
    spend(0.03)
    assert clock.expired
    assert clock.remaining < 0
    assert clock.elapsed >= 0.03


def test_compiling_does_not_count(monkeypatch):
    clock = Clock(5.0)
    monkeypatch.setattr(Compilation, "seconds", Compilation.seconds + 100.0)
    assert 100.0 < clock.remaining <= 105.0
    assert Clock(5.0).remaining <= 5.0  # only what is compiled while it runs


def test_compiling_is_noticed():
    """A kernel that is compiled for another one counts once."""
    before, start = Compilation.seconds, time.perf_counter()

    @compiled.inner
    def within(x):
        return x + 1.0

    @numba.njit(no_cfunc_wrapper=True)
    def function(x):
        return within(x) + within(2.0 * x)

    clock = Clock(60.0)
    assert function(3.0) == 11.0
    spent = time.perf_counter() - start
    assert 0.0 < Compilation.seconds - before <= spent
    assert clock.remaining > 60.0 - 0.5 * spent


def test_an_event_that_began_before_is_passed_over():
    watch, before = compiled._Stopwatch(), Compilation.seconds
    watch.on_end(None)
    watch.on_start(None)
    watch.on_start(None)
    watch.on_end(None)
    assert Compilation.seconds == before
    watch.on_end(None)
    assert Compilation.seconds > before


def test_the_watcher_must_be_callable():
    with pytest.raises(errors.ArgumentError, match="on_progress"):
        _progress.Clock(1.0, on_progress=3)


def test_moments_lie_ever_further_apart(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(_progress.time, "perf_counter", lambda: now[0])
    clock = Clock()
    for i in range(200_000):
        now[0] = i * 0.01
        clock.tick("branch", objective=1.9, lower_bound=min(1.9, 1e-6 * i), n_nodes=i)
    times = [moment.elapsed for moment in clock.moments]
    assert times[0] == 0.0
    assert 100 < len(times) < 400
    assert all(b >= a * _progress.STRETCH for a, b in pairwise(times))
    assert clock.moments[7].n_nodes == round(times[7] / 0.01)


def test_ticks_without_bounds_are_no_moments():
    clock = Clock()
    clock.tick("path", message="sweeping", objective=1.9)
    clock.tick("branch", lower_bound=0.37)
    assert clock.moments == []


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_a_watcher_that_interrupts_at_once_gets_the_answer_so_far(loss):
    """The very first word of a search may come before the loop that would catch an interrupt."""
    rng = np.random.default_rng(37)
    X = rng.normal(size=(60, 40))
    y = X[:, :6].sum(axis=1) + 1.9 * rng.normal(size=60)

    def stop(event):
        raise KeyboardInterrupt

    target = y if loss == "squared" else (y > 0).astype(float)
    found = ez.best_subset(X, target, k=6, l2=0.019, loss=loss, solver="branch", on_progress=stop)
    assert found.status is ez.Status.INTERRUPTED
    assert found.support.size <= 6
