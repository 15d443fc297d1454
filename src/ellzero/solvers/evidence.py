"""What a search has proved, piece by piece, and the certificate's tree made of it."""

from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np

from .._kernels.search import GOES_ON, LEAF, RECORDS, Log
from ..certificate import Tree
from ..problem import Problem


@dataclass(slots=True, eq=False)
class Piece:
    """The log of one part of the tree, in columns of its own.

    Attributes
    ----------
    columns : ndarray of int
        Column of the problem behind each local one.
    log : Log
    n_records : int
    diag : int
        Number of the diagonal that the points of this piece use, -1 for none.
    links : dict
        Record at which another piece goes on.
    """

    columns: np.ndarray
    log: Log
    n_records: int
    diag: int = -1
    links: dict[int, "Piece"] = field(default_factory=dict)
    boxes: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Evidence:
    """All pieces of one search in the order they were begun; the first holds the root."""

    pieces: list[Piece] = field(default_factory=list)
    diagonals: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)

    def diagonal(self, columns, values) -> int:
        """Number of a new diagonal."""
        self.diagonals.append((columns, values))
        return len(self.diagonals) - 1
