"""What a search has proved, piece by piece, and the certificate's tree made of it."""

from dataclasses import dataclass, field, replace

import numpy as np

from .._kernels.store import GOES_ON, LEAF, Log
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
        Where a record goes on: another piece, and a record of it.
    boxes : dict
        Limits that the point of a record proves: columns of the problem, lower and upper limits.
    """

    columns: np.ndarray
    log: Log
    n_records: int
    diag: int = -1
    links: dict[int, tuple[int, int]] = field(default_factory=dict)
    boxes: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Evidence:
    """All pieces of one search; record 0 of the first is the root."""

    pieces: list[Piece] = field(default_factory=list)
    diagonals: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)
    _tree: Tree | None = None

    def add(self, piece: Piece) -> int:
        """Number of a new piece."""
        self.pieces.append(piece)
        return len(self.pieces) - 1

    def diagonal(self, columns, values) -> int:
        """Number of a new diagonal."""
        self.diagonals.append((columns, values))
        return len(self.diagonals) - 1

    def tree(self, problem: Problem) -> Tree:
        """The certificate's tree: preorder of all records, points in data units; written once."""
        if self._tree is None:
            self._tree = self._written(problem)
        return self._tree

    def _written(self, problem: Problem) -> Tree:
        first = np.concatenate([[0], np.cumsum([piece.n_records for piece in self.pieces])])
        branch, child = self._joined("branch"), self._joined("child")
        child += np.repeat(first[:-1], np.diff(first)) * (child >= 0)
        self._translate(branch, first)
        for p, piece in enumerate(self.pieces):
            for record, (other, entry) in piece.links.items():
                branch[first[p] + record], child[first[p] + record] = GOES_ON, first[other] + entry
        order, sizes, at = _preorder(branch, child), self._joined("point_size"), self._joined("point_at")
        told = (branch != GOES_ON) | (sizes >= 0) | (self._joined("fix_size") > 0)
        order = order[told[order]]  # a record that only leads from one piece to the next says nothing
        place, value = self._values(problem, sizes, at, first, order)
        fix_sizes, fixes = self._fixes(first, order)
        box_sizes, boxes = self._boxes(first, order)
        diag = np.repeat([piece.diag for piece in self.pieces], np.diff(first))[order]
        told = (sizes[order] >= 0) | (fix_sizes > 0)  # where all places are taken, the empty point justifies the fixes
        empty = np.empty(0)
        return replace(
            Tree.plain("dual", branch[order]),
            has_point=told,
            indptr=_pointers(np.maximum(sizes[order], 0)),
            indices=place,
            values=value,
            intercepts=empty,
            fix_indptr=_pointers(fix_sizes),
            fixes=fixes,
            box_indptr=_pointers(box_sizes),
            box_column=boxes[0],
            box_lower=boxes[1],
            box_upper=boxes[2],
            diag=np.where(told, diag, -1).astype(np.int32),
            diag_indptr=_pointers([columns.size for columns, _ in self.diagonals]),
            diag_columns=_together([columns for columns, _ in self.diagonals], np.int32),
            diag_values=_together([values for _, values in self.diagonals], np.float64),
        )

    def _joined(self, part: str) -> np.ndarray:
        return np.concatenate([getattr(piece.log, part)[: piece.n_records] for piece in self.pieces]).astype(np.int64)

    def _translate(self, branch, first):
        """Branching units from local columns to the problem's; a column is a unit here."""
        for p, piece in enumerate(self.pieces):
            part = branch[first[p] : first[p + 1]]
            part[part >= 0] = piece.columns[part[part >= 0]]

    def _values(self, problem, sizes, at, first, order):
        """Points in preorder, columns translated and values in data units."""
        offset, places, values = 0, [], []
        base = np.empty(len(self.pieces), np.int64)
        for p, piece in enumerate(self.pieces):
            used = slice(first[p], first[p + 1])
            end = int((at[used] + np.maximum(sizes[used], 0)).max(initial=0))
            places.append(piece.columns[piece.log.place[:end]])
            values.append(piece.log.value[:end])
            base[p], offset = offset, offset + end
        place, value = _together(places, np.int64), _together(values, np.float64)
        start = (at + np.repeat(base, np.diff(first)))[order]
        pick = _ranges(start, np.maximum(sizes[order], 0))
        place = place[pick]
        return place.astype(np.int32), value[pick] / problem.normal.scale[place]

    def _fixes(self, first, order):
        """Fixes in preorder, signed unit numbers."""
        offset, parts = 0, []
        base = np.empty(len(self.pieces), np.int64)
        sizes, at = self._joined("fix_size"), self._joined("fix_at")
        for p, piece in enumerate(self.pieces):
            used = slice(first[p], first[p + 1])
            end = int((at[used] + sizes[used]).max(initial=0))
            fix = piece.log.fix[:end].astype(np.int64)
            parts.append(np.sign(fix) * (piece.columns[np.abs(fix) - 1] + 1))
            base[p], offset = offset, offset + end
        start = (at + np.repeat(base, np.diff(first)))[order]
        return sizes[order], _together(parts, np.int32)[_ranges(start, sizes[order])]

    def _boxes(self, first, order):
        """Limits in preorder."""
        boxed = {first[p] + r: box for p, piece in enumerate(self.pieces) for r, box in piece.boxes.items()}
        where = np.flatnonzero(np.isin(order, np.fromiter(boxed, np.int64, len(boxed))))
        sizes = np.zeros(order.size, np.int64)
        found = [boxed[r] for r in order[where]]
        sizes[where] = [box[0].size for box in found]
        return sizes, (
            _together([box[0] for box in found], np.int32),
            _together([box[1] for box in found], np.float64),
            _together([box[2] for box in found], np.float64),
        )


def _preorder(branch, child) -> np.ndarray:
    """Records from the root on, the child without the unit first."""
    order, waiting = [], [0]
    branch, child = branch.tolist(), child.tolist()
    while waiting:
        record = waiting.pop()
        order.append(record)
        if branch[record] >= 0:
            waiting += [child[record] + 1, child[record]]
        elif branch[record] == GOES_ON:
            waiting.append(child[record])
        else:
            assert branch[record] == LEAF
    return np.array(order)


def _ranges(start, size) -> np.ndarray:
    """Indices of consecutive ranges."""
    total = int(size.sum())
    shift = np.repeat(start - np.concatenate([[0], np.cumsum(size)[:-1]]), size)
    return np.arange(total) + shift


def _pointers(sizes) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(np.asarray(sizes, np.int64))]).astype(np.int64)


def _together(parts, dtype) -> np.ndarray:
    return np.concatenate(parts).astype(dtype) if parts else np.empty(0, dtype)
