"""The state of a walk over a network, and the words its rules are written in.

Between writers and readers a removable unit meets only operations that act on it alone, so a zero at all its readers
makes irrelevant whatever it computes, and cutting it everywhere leaves the output unchanged. The words below say what
an operation does to the labels that meet in it:

* `merge`: an elementwise operation unites them;
* `contract`: a sum against a parameter unites them and makes that parameter axis their *reader*;
* `rigid`: what mixes the coordinates of an axis without a parameter keeps the axis whole, all or nothing;
* `freeze`: an output, an index chosen by data or an operation without a rule keeps them for good.

Each keeps the reason, so that whoever asks why an axis cannot be cut is told.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from .labels import Units, Value, first, laid, lift, support

Axis = tuple[str, int]  # a parameter's name and one of its axes


@dataclass(frozen=True)
class Note:
    """Why labels are bound: for good where `frozen`, else only to each other."""

    labels: np.ndarray
    reason: str
    frozen: bool


@dataclass(frozen=True)
class Work:
    """Multiplications and additions of one operation: `count` times the sizes of these axes of these label arrays."""

    path: str
    count: int
    axes: tuple[tuple[np.ndarray, int], ...]


@dataclass
class Walk:
    """Labels of all parameter axes, and what the operations seen so far did to them.

    Parameters
    ----------
    units : Units
        Classes of labels that go together.
    axes : dict
        Labels of each parameter axis that is longer than 1.
    roles : dict
        For each parameter axis, a subset of ``{"read", "write"}``.
    sites : dict
        For each axis that reads, the paths of the modules in whose forward it does.
    notes : list of Note
        Reasons.
    kinds : dict
        Labels that were seen as channels of a convolution, as heads, and along a normalised axis.
    splits : list
        Module paths and label arrays of axes that were viewed as several: numbers that modules store beside tensors.
    plain : list
        Module paths and label arrays of normalised channels, whose number norms without parameters store, too.
    norms : dict
        Norm modules whose normalised axis has units of its own, and the labels of that axis.
    work : list of Work
        Operations that torch's counter of floating-point operations counts.
    """

    units: Units = field(default_factory=Units)
    axes: dict[Axis, np.ndarray] = field(default_factory=dict)
    roles: dict[Axis, set[str]] = field(default_factory=dict)
    sites: dict[Axis, set[str]] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    kinds: dict[str, list[np.ndarray]] = field(default_factory=lambda: {"channel": [], "head": [], "hidden": []})
    splits: list[tuple[str, np.ndarray]] = field(default_factory=list)
    plain: list[tuple[str, np.ndarray]] = field(default_factory=list)
    norms: dict[str, np.ndarray] = field(default_factory=dict)
    work: list[Work] = field(default_factory=list)
    node: object = None  # the operation at work
    path: str = ""  # and the module it belongs to
    _starts: list[int] = field(default_factory=list)
    _owners: list[Axis] = field(default_factory=list)
    _several: list[tuple[np.ndarray, str]] = field(default_factory=list)

    # -- parameters ------------------------------------------------------------------------------------------------
    def parameter(self, name: str, shape: Sequence[int]) -> Value:
        """A parameter or buffer met for the first time: one label for each coordinate of each of its axes."""
        labels = []
        for axis, size in enumerate(shape):
            if size > 1:
                fresh = self.axes[name, axis] = self.units.fresh(size)
                self._starts.append(int(fresh[0]))
                self._owners.append((name, axis))
                labels.append(laid(fresh, axis, len(shape)))
        return Value(tuple(shape), tuple(labels), static=True)

    def mark(self, array: np.ndarray, role: str) -> None:
        """The parameter axes that own these labels read, or write; labels of padding belong to none."""
        labels, starts = array.ravel(), np.array(self._starts)
        owner = np.searchsorted(starts, labels, side="right") - 1
        sizes = np.array([len(self.axes[key]) for key in self._owners])
        for k in np.unique(owner[labels < starts[owner] + sizes[owner]]):
            key = self._owners[k]
            self.roles.setdefault(key, set()).add(role)
            if role == "read":
                self.sites.setdefault(key, set()).add(self.path)

    def computed(self, value: Value) -> Value:
        """The same as a tensor that follows from a parameter but is no view of it: nothing can be folded into it."""
        if value.static:
            for array in value.labels:
                self.mark(array, "write")
        return value._replace(static=False)

    # -- binding ---------------------------------------------------------------------------------------------------
    def why(self, text: str) -> str:
        """A reason with the place it holds at."""
        return f"{text} in {self.path or 'the model itself'}"

    def freeze(self, array: np.ndarray, reason: str) -> None:
        """These labels stay."""
        self.notes.append(Note(np.unique(array), reason, frozen=True))

    def rigid(self, array: np.ndarray, axis: int, reason: str) -> None:
        """All or nothing along one axis; what remains varies along the other axes only."""
        if array.shape[axis] > 1:
            self.units.union(array, first(array, axis))
            self.notes.append(Note(np.unique(array), reason, frozen=False))

    def rigid_value(self, value: Value, axes: Iterable[int], reason: str) -> Value:
        """`rigid` for every label array of a tensor."""
        axes = list(axes)
        for array in value.labels:
            for axis in axes:
                self.rigid(array, axis, reason)
        return value._replace(labels=self.tidy(value.labels))

    def tidy(self, arrays: Iterable[np.ndarray]) -> tuple[np.ndarray, ...]:
        """Drop the axes along which the unit does not vary; an array over one axis stays, for it carries reasons on."""
        kept = []
        for array in arrays:
            roots = self.units.find(array)
            for axis in sorted(support(array), reverse=True):
                if len(support(array)) > 1 and (roots == first(roots, axis)).all():
                    array, roots = first(array, axis), first(roots, axis)
            if array.size > 1:
                kept.append(array)
        return tuple(kept)

    def seen(self, value: Value) -> None:
        """Remember the arrays over several axes, for `make_rectangular`."""
        reason = self.why("one axis viewed as several")
        self._several += [(array, reason) for array in value.labels if len(support(array)) > 1]

    def make_rectangular(self) -> None:
        """An array over several axes would lose a ragged set: keep the outermost axis and unite the others."""
        ragged = True
        while ragged:
            ragged = False
            for array, reason in self._several:
                roots = self.units.find(array)
                vary = [axis for axis in sorted(support(array)) if (roots != first(roots, axis)).any()]
                for axis in vary[1:]:
                    ragged = True
                    self.rigid(array, axis, reason)

    # -- combining -------------------------------------------------------------------------------------------------
    def merge(self, values: Sequence[Value], shape: Sequence[int], reason: str) -> tuple[np.ndarray, ...]:
        """Labels of an elementwise result. A partner of full size without labels is fixed there: the axis is rigid."""
        ndim = len(shape)
        lifted = [((1,) * (ndim - len(v.shape)) + tuple(v.shape), [lift(a, ndim) for a in v.labels]) for v in values]
        for i, (_, arrays) in enumerate(lifted):
            for j, (size, others) in enumerate(lifted):
                bare = {k for k in range(ndim) if size[k] > 1} - set().union(*map(support, others))
                for array in arrays if i != j else ():
                    for axis in support(array) & bare:
                        self.rigid(array, axis, reason)
        merged: list[np.ndarray] = []
        for array in (array for _, arrays in lifted for array in arrays):
            for other in [o for o in merged if support(o) & support(array)]:
                array = self._meet(array, other, reason)
                merged = [m for m in merged if m is not other]
            merged.append(array)
        return self.tidy(merged)

    def _meet(self, array: np.ndarray, other: np.ndarray, reason: str) -> np.ndarray:
        """One label array for two that vary along a common axis."""
        small, big = sorted((other, array), key=lambda a: len(support(a)))
        if min(support(big)) in support(small):
            self.units.union(big, small)
        else:  # one vector for all heads: their number may change, not their size
            for axis in support(small):
                self.rigid(small, axis, reason)
                self.rigid(big, axis, reason)
        return np.broadcast_arrays(big, small)[0]

    def contract(self, x: Value, i: int, y: Value, j: int) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
        """Sum over axis i of x and axis j of y; the labels that are left of each.

        A parameter on one side is a reader; without one the axis is rigid.
        """
        a, b = x.along(i), y.along(j)
        reads = x.static != y.static
        if reads and a is not None and b is not None and support(a) == {i} and support(b) == {j}:
            self.units.union(a.ravel(), b.ravel())
            self.mark(b if y.static else a, "read")
        else:
            reason = self.why("a fixed tensor is read, or an axis shared by several" if reads else "summed over")
            for value, array, axis in ((x, a, i), (y, b, j)):
                if array is not None:
                    self.rigid(array, axis, reason)
                    if reads and value.static:
                        self.mark(array, "read")
        left, right = ([first(q, k) for q in v.labels] for v, k in ((x, i), (y, j)))
        return self.tidy(left), self.tidy(right)

    def reshape(self, value: Value, shape: Sequence[int]) -> Value:
        """Spread label arrays out inside blocks of axes with equal products in both shapes, and reshape them."""
        source, target, blocks = value.shape, tuple(shape), _blocks(value.shape, tuple(shape))
        kept: list[np.ndarray] = []
        for array in value.labels:
            live = [any(n > 1 for n in array.shape[a:b]) for a, b, _, _ in blocks]
            full = tuple(n if on else 1 for on, (a, b, _, _) in zip(live, blocks, strict=True) for n in source[a:b])
            new = tuple(n if on else 1 for on, (_, _, c, d) in zip(live, blocks, strict=True) for n in target[c:d])
            array = np.broadcast_to(array, full).reshape(new)
            if any(support(other) & support(array) for other in kept):
                self.rigid(array.reshape(-1), 0, self.why("two axes that may be cut flattened into one"))
                continue
            if len(support(array)) > 1:
                self.splits.append((self.path, array))
            kept.append(array)
        return value._replace(shape=target, labels=self.tidy(kept))

    def concatenate(self, values: Sequence[Value], axis: int, shape: Sequence[int], reason: str) -> Value:
        """Labels side by side along an axis. A stretch that belongs to no parameter gets labels that stay."""
        static = all(v.static for v in values)
        values = values if static else [self.computed(v) for v in values]
        values = [
            self.rigid_value(v, [axis], reason) if any(a.shape[axis] > 1 < len(support(a)) for a in v.labels) else v
            for v in values
        ]
        own = [v.along(axis) for v in values]
        labelled = any(a is not None for a in own)
        for k, value in enumerate(values):
            if own[k] is None and labelled:
                own[k] = fresh = self.units.fresh(value.shape[axis])
                self.freeze(fresh, reason)
        across = tuple(1 if k == axis else n for k, n in enumerate(shape))
        labels = self.merge([v.shrunk(axis) for v in values], across, reason)
        if labelled:
            labels += (laid(np.concatenate([a.ravel() for a in own if a is not None]), axis, len(shape)),)
        return Value(tuple(shape), labels, static)

    def count(self, number: int, factors: Iterable[tuple[Value, int]]) -> None:
        """An operation that costs `number` times the sizes of these axes."""
        axes = []
        for value, axis in factors:
            array = value.along(axis)
            if array is None:
                number *= value.shape[axis]
            else:
                axes.append((array, axis))
        self.work.append(Work(self.path, number, tuple(axes)))


def _blocks(source: tuple[int, ...], target: tuple[int, ...]) -> list[tuple[int, int, int, int]]:
    """Ranges [a, b) of the source's and [c, d) of the target's axes with equal products, as short as possible."""
    blocks, i, j = [], 0, 0
    while i < len(source) or j < len(target):
        a, c, p, q = i, j, 1, 1
        while (i == a and i < len(source)) or (j == c and j < len(target)) or p != q:
            if i < len(source) and (p <= q or j >= len(target)):
                p, i = p * source[i], i + 1
            else:
                q, j = q * target[j], j + 1
        blocks.append((a, i, c, j))
    return blocks
