"""Checkpoints: the state of an exact search in a file, from which a run that was killed goes on.

The file is an npz archive with a JSON header. It holds the evidence so far and all open nodes, so that what was proved
is not proved again; whole or not at all, whenever the run may end.
"""

import hashlib
import json
import time
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import _checks as checks
from .._files import write_whole
from ..errors import ArgumentError, EllzeroWarning
from ..operators import Sparse
from ..problem import Problem
from ..result import Status
from .saved import Saved, packed, unpacked

if TYPE_CHECKING:
    from .gramsearch import GramSearch

FORMAT = "ellzero checkpoint 1"
SHARE = 0.05  # of the time, at most, that goes into saving
BLOCK = 256  # columns that are read together


class Checkpoint:
    """A file that a search is saved to, and what it held at the beginning.

    Parameters
    ----------
    path : str or path
    every : float
        Seconds between two savings.
    problem : Problem
    gap : float
        Of the search: what was closed at a larger one is not proved to a smaller one.

    Raises
    ------
    ArgumentError
        The file belongs to another question, or is no readable checkpoint; it is left as it is.
    OutputError
        There is no folder to write it to.
    """

    def __init__(self, path, every: float, problem: Problem, gap: float):
        self.path, self.gap = checks.file_name("checkpoint", path), gap
        self.every = checks.positive("checkpoint_every", every)
        self.question = _question(problem)
        self.saved = self._load() if self.path.exists() else None
        if not self.path.resolve().parent.is_dir():
            raise checks.no_folder(self.path)
        self._next = time.monotonic() + self.every

    @property
    def due(self) -> bool:
        return time.monotonic() >= self._next

    def save(self, search: "GramSearch") -> None:
        """Write the state while no subtree is at work; a full disk is no reason to lose the search."""
        began = time.monotonic()
        numbers, arrays = packed(search)
        header = {"format": FORMAT, "question": self.question, "gap": self.gap, "numbers": numbers}

        def fill(draft: Path) -> None:
            with open(draft, "wb") as out:
                np.savez(out, header=np.frombuffer(json.dumps(header).encode(), np.uint8), **arrays)

        try:
            write_whole(self.path, fill)
        except OSError as error:
            warnings.warn(checks.not_saved(self.path, error.strerror or str(error)), EllzeroWarning, stacklevel=2)
        now = time.monotonic()
        self._next = now + max(self.every, (now - began) / SHARE)

    def finish(self, search: "GramSearch", status: Status) -> None:
        """Save what a limit or an interrupt left open; of a search that is complete the certificate is the record."""
        if status is Status.OPTIMAL:
            self.path.unlink(missing_ok=True)
        else:
            self.save(search)

    def _load(self) -> Saved:
        try:
            with open(self.path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            header = json.loads(arrays.pop("header").tobytes().decode())
            if header["format"] != FORMAT:
                raise checks.other_checkpoint(self.path, header["format"], FORMAT)
            self._compare(header)
            return unpacked(header["numbers"], arrays)
        except ArgumentError:
            raise
        except (
            OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, zipfile.BadZipFile, zlib.error,
        ) as error:  # fmt: skip
            raise checks.no_checkpoint(self.path, type(error).__name__) from None

    def _compare(self, header: dict) -> None:
        """Whether the file answers this question, to this gap."""
        there, here = header["question"], self.question
        differ = [name for name in here if there[name] != here[name]]
        if differ:
            got = [f"{name} ({there[name]!r} there, {here[name]!r} here)" if name in PLAIN else name for name in differ]
            raise checks.another_question(self.path, got)
        if self.gap < header["gap"]:
            raise checks.smaller_gap(self.path, header["gap"], self.gap)


# ---- the question

PLAIN = ("k", "l0", "l1", "l2", "fit_intercept", "standardize")


def _question(problem: Problem) -> dict:
    """What a search is about: numbers, and a hash of everything that is longer."""
    penalty, rules = problem.penalty, problem.rules
    each = np.ones(problem.n_features)
    return {
        "X": _hash(*_blocks(problem.X)),
        "y": _hash(problem.y),
        "sample_weight": _hash(problem.weight),
        "the names of the columns": _hash(json.dumps(problem.names).encode()),
        "k": problem.k,
        "l0": problem.l0,
        "l1": float(penalty.l1),
        "l2": float(penalty.l2),
        "lower": _hash(penalty.lower * each),
        "upper": _hash(penalty.upper * each),
        "fit_intercept": problem.fit_intercept,
        "standardize": problem.standardize,
        "the forced columns": _hash(rules.forced),
        "the forbidden columns": _hash(rules.forbidden),
        "the constraints": _hash(json.dumps([rules.requires, rules.at_most]).encode()),
    }


def _blocks(X) -> Iterator[np.ndarray]:
    if isinstance(X, Sparse):
        yield from (np.asarray(X.shape), X.csc.indptr.astype(np.int64), X.csc.indices.astype(np.int64), X.csc.data)
        return
    yield np.asarray(X.shape)
    for first in range(0, X.shape[1], BLOCK):
        yield X.columns(np.arange(first, min(first + BLOCK, X.shape[1]))).T


def _hash(*parts) -> str:
    sha = hashlib.sha256()
    for part in parts:
        sha.update(np.ascontiguousarray(part).data if isinstance(part, np.ndarray) else part)
    return sha.hexdigest()
