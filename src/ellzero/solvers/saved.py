"""The state of an exact search as plain arrays: the evidence so far, and every open node."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .._kernels.store import Log
from .evidence import Evidence, Piece
from .subtree import Start

if TYPE_CHECKING:
    from .gramsearch import GramSearch, Job

RECORDS = ("branch", "child", "point_at", "point_size", "fix_at", "fix_size")  # parts of a log, one entry a record


class Starts:
    """Open nodes of one subtree, written out one at a time: all at once they may not fit into memory."""

    def __init__(self, state, bound, price, warm, place, value):
        self.state, self.bound, self.price, self.place, self.value = state, bound, price, place, value
        self.warm, self.end = warm, np.cumsum(warm)

    def __len__(self):
        return self.bound.size

    def __iter__(self) -> Iterator[Start]:
        for i, (begin, end) in enumerate(zip(self.end - self.warm, self.end, strict=True)):
            value = np.zeros(self.state.shape[1])
            value[self.place[begin:end]] = self.value[begin:end]
            yield Start(self.state[i], value, float(self.bound[i]), float(self.price[i]))


@dataclass(frozen=True, slots=True, eq=False)
class OpenPart:
    """Open nodes of one subtree, the piece of evidence and the records that they hang below."""

    columns: np.ndarray
    starts: Starts
    records: list[int]
    piece: int
    diagonal: int
    share: int
    full: bool  # whether the Gram matrix of the columns is formed


@dataclass(frozen=True, slots=True, eq=False)
class Saved:
    """What a file holds."""

    units: tuple[int, ...]
    value: float
    closed: float
    lower: float
    n_nodes: int
    evidence: Evidence
    parts: list[OpenPart]


def packed(search: "GramSearch") -> tuple[dict, dict]:
    """Numbers and arrays of a search none of whose subtrees is at work."""
    numbers = {
        "units": [int(unit) for unit in search.best.units],
        "value": float(search.best.value),
        "closed": float(search.closed),
        "lower": float(search.lower),
        "n_nodes": int(search.n_nodes),
    }
    jobs = [job for *_, job in sorted(search.jobs, key=lambda entry: entry[:2])]
    return numbers, {**_evidence_arrays(search.evidence), **_open_arrays(jobs)}


def unpacked(numbers: dict, arrays: dict[str, np.ndarray]) -> Saved:
    """What `packed` packed."""
    return Saved(**{**numbers, "units": tuple(numbers["units"])}, evidence=_evidence(arrays), parts=_parts(arrays))


# ---- evidence


def _evidence_arrays(evidence: Evidence) -> dict[str, np.ndarray]:
    """All pieces in a row; of each log what is used."""
    pieces, diagonals = evidence.pieces, evidence.diagonals
    ends = np.array([_ends(piece) for piece in pieces], np.int64).reshape(-1, 2)
    links = [(p, record, *link) for p, piece in enumerate(pieces) for record, link in piece.links.items()]
    boxes = [(p, record, *box) for p, piece in enumerate(pieces) for record, box in piece.boxes.items()]
    records = {
        name: _joined([getattr(piece.log, name)[: piece.n_records] for piece in pieces], np.int64) for name in RECORDS
    }
    return {
        **records,
        "place": _joined([piece.log.place[:end] for piece, end in zip(pieces, ends[:, 0], strict=True)], np.int32),
        "value": _joined([piece.log.value[:end] for piece, end in zip(pieces, ends[:, 0], strict=True)], np.float64),
        "fix": _joined([piece.log.fix[:end] for piece, end in zip(pieces, ends[:, 1], strict=True)], np.int32),
        "piece_columns": _joined([piece.columns for piece in pieces], np.int64),
        # columns, records, values and fixes, and the diagonal
        "piece": np.array(
            [(p.columns.size, p.n_records, *end, p.diag) for p, end in zip(pieces, ends, strict=True)], np.int64
        ).reshape(-1, 5),
        "links": np.array(links, np.int64).reshape(-1, 4),
        "box": np.array([(p, record, columns.size) for p, record, columns, *_ in boxes], np.int64).reshape(-1, 3),
        "box_columns": _joined([box[2] for box in boxes], np.int64),
        "box_limits": _joined([np.concatenate(box[3:]) for box in boxes], np.float64),
        "diagonal_sizes": np.array([columns.size for columns, _ in diagonals], np.int64),
        "diagonal_columns": _joined([columns for columns, _ in diagonals], np.int64),
        "diagonal_values": _joined([values for _, values in diagonals], np.float64),
    }


def _ends(piece: Piece) -> tuple[int, int]:
    """How many values and fixes of a log its records use."""
    log, n = piece.log, piece.n_records
    values = (log.point_at[:n] + np.maximum(log.point_size[:n], 0)).max(initial=0)
    return int(values), int((log.fix_at[:n] + log.fix_size[:n]).max(initial=0))


def _evidence(arrays) -> Evidence:
    table = arrays["piece"]
    parts = {name: _divided(arrays[name], table[:, 1]) for name in RECORDS}
    parts |= {name: _divided(arrays[name], table[:, 2]) for name in ("place", "value")}
    parts["fix"] = _divided(arrays["fix"], table[:, 3])
    columns = _divided(arrays["piece_columns"], table[:, 0])
    pieces = [
        Piece(columns[p], Log(**{name: part[p] for name, part in parts.items()}), int(row[1]), int(row[4]))
        for p, row in enumerate(table)
    ]
    for piece, record, *link in arrays["links"].tolist():
        pieces[piece].links[record] = (link[0], link[1])
    sizes = arrays["box"][:, 2]
    boxed = zip(_divided(arrays["box_columns"], sizes), _divided(arrays["box_limits"], 2 * sizes), strict=True)
    for (piece, record, size), (at, limits) in zip(arrays["box"].tolist(), boxed, strict=True):
        pieces[piece].boxes[record] = at, limits[:size], limits[size:]
    sizes = arrays["diagonal_sizes"]
    diagonals = (_divided(arrays[f"diagonal_{name}"], sizes) for name in ("columns", "values"))
    return Evidence(pieces, list(zip(*diagonals, strict=True)))


# ---- open nodes


def _open_arrays(jobs: list["Job"]) -> dict[str, np.ndarray]:
    """Open nodes of all subtrees in a row."""
    nodes = [job.subtree.opened() for job in jobs]
    return {
        # columns, open nodes, piece, diagonal, share, and whether the Gram matrix is formed
        "open": np.array(
            [
                (job.subtree.ids.size, bound.size, job.piece, job.number, job.share, job.subtree.full)
                for job, (_, bound, *_) in zip(jobs, nodes, strict=True)
            ],
            np.int64,
        ).reshape(-1, 6),
        "open_columns": _joined([job.subtree.ids for job in jobs], np.int64),
        "open_state": _joined([part[0].ravel() for part in nodes], np.int8),
        "open_bound": _joined([part[1] for part in nodes], np.float64),
        "open_price": _joined([part[2] for part in nodes], np.float64),
        "open_record": _joined([part[3] for part in nodes], np.int64),
        "open_warm": _joined([part[4] for part in nodes], np.int64),
        "open_place": _joined([part[5] for part in nodes], np.int32),
        "open_value": _joined([part[6] for part in nodes], np.float64),
    }


def _parts(arrays) -> list[OpenPart]:
    table = arrays["open"]
    n_columns, n_nodes = table[:, 0], table[:, 1]
    columns = _divided(arrays["open_columns"], n_columns)
    state = _divided(arrays["open_state"], n_columns * n_nodes)
    bound, price, record, warm = (
        _divided(arrays[f"open_{name}"], n_nodes) for name in ("bound", "price", "record", "warm")
    )
    sizes = np.array([part.sum() for part in warm], np.int64)
    place, value = (_divided(arrays[f"open_{name}"], sizes) for name in ("place", "value"))
    parts = []
    for q, (width, height, piece, diagonal, share, full) in enumerate(table.tolist()):
        starts = Starts(state[q].reshape(height, width), bound[q], price[q], warm[q], place[q], value[q])
        parts.append(OpenPart(columns[q], starts, record[q].tolist(), piece, diagonal, share, bool(full)))
    return parts


def _joined(parts, dtype) -> np.ndarray:
    return np.concatenate(parts).astype(dtype, copy=False) if parts else np.empty(0, dtype)


def _divided(array, sizes) -> list[np.ndarray]:
    """Consecutive parts of these sizes, which must use all of the array up."""
    ends = np.cumsum(sizes)
    if array.shape[0] != (ends[-1] if ends.size else 0):
        raise ValueError("sizes do not fit")
    return np.split(array, ends[:-1]) if ends.size else []
