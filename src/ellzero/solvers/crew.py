"""Threads that share the subtrees of one search: an idle one takes the most promising, or half of what another has."""

import heapq
import threading
from typing import TYPE_CHECKING

from ..result import Status

if TYPE_CHECKING:
    from .checkpoint import Checkpoint
    from .gramsearch import GramSearch

PATIENCE = 0.05  # seconds between two looks at the clock


class Crew:
    """Workers on one search; kernels run without the interpreter's lock, everything else under one lock of its own."""

    def __init__(self, search: "GramSearch", n_threads: int):
        self.search, self.n_threads = search, n_threads
        self.turn = threading.Condition()
        self.idle, self.ended, self.paused = 0, False, False
        self.failure: BaseException | None = None

    def run(self) -> Status:
        """Work until nothing is left or the search has to stop."""
        threads = [threading.Thread(target=self._guarded, daemon=True) for _ in range(self.n_threads)]
        for thread in threads:
            thread.start()
        status = None
        try:
            with self.turn:
                while not self.ended:
                    self.turn.wait(PATIENCE)
                    self.search.tell()
                    status = self.search.stopped()
                    if status is not None:
                        self._end()
                    elif self.search.checkpoint is not None and self.search.checkpoint.due:
                        self._save(self.search.checkpoint)
        finally:  # Ctrl-C, too, leaves no thread behind
            with self.turn:
                self._end()
            for thread in threads:
                thread.join()
        if self.failure is not None:
            raise self.failure
        return Status.OPTIMAL if status is None else status

    def _save(self, checkpoint: "Checkpoint"):
        """Have all bursts end, save what they leave, and go on."""
        search = self.search
        self.paused, search.signal[0] = True, 1
        while search.running and not self.ended:
            self.turn.wait()
        if not self.ended:
            checkpoint.save(search)
            search.signal[0] = search.clock.interrupted
        self.paused = False
        self.turn.notify_all()

    def _end(self):
        self.ended = True
        self.search.signal[0] = 1
        self.turn.notify_all()

    def _guarded(self):
        try:
            self._work()
        except BaseException as failure:
            with self.turn:
                self.failure = failure
                self._end()

    def _work(self):
        search = self.search
        while True:
            with self.turn:
                job = self._next()
                if job is None:
                    return
                search.begin(job)
                search.running[id(job)] = job
            search.work(job)
            with self.turn:
                search.absorb(job)
                del search.running[id(job)]
                shared = job.subtree.full and job.subtree.n_open > 1  # rows that come one by one are for one reader
                if self.idle and shared and not search.jobs[1:]:
                    search.split(job)
                self.turn.notify_all()

    def _next(self):
        """The most promising subtree; None once there is nothing left to do."""
        search = self.search
        self.idle += 1
        while not self.ended and (self.paused or (not search.jobs and search.running)):
            self.turn.wait()
        self.idle -= 1
        if self.ended or not search.jobs:
            self.ended = True
            self.turn.notify_all()
            return None
        return heapq.heappop(search.jobs)[2]
