"""Labels of coordinates: what the walk over a network computes with in place of numbers.

Every coordinate of every parameter axis has an integer label. A tensor carries *label arrays* of its own rank, of size
1 along each axis on which the label does not depend: a feature map (B, C, H, W) carries (1, C, 1, 1), a projection
viewed as heads (B, T, H, D) carries (1, 1, H, D). So views, permutations, slices and repeats of tensors are the NumPy
calls of the same names on label arrays.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np


class Units:
    """Classes of labels that must go together: union-find on integers, vectorised."""

    def __init__(self):
        self.parent = np.empty(0, np.int64)

    def fresh(self, count: int) -> np.ndarray:
        """`count` new labels, each a class of its own."""
        labels = np.arange(len(self.parent), len(self.parent) + count)
        self.parent = np.concatenate([self.parent, labels])
        return labels

    def find(self, labels: np.ndarray) -> np.ndarray:
        """Representatives, the smallest labels of their classes."""
        roots = self.parent[labels]
        while not np.array_equal(up := self.parent[roots], roots):
            roots = up
        return roots

    def union(self, first: np.ndarray, second: np.ndarray) -> None:
        """Unite the labels that meet when the two arrays are broadcast against each other."""
        first, second = (a.ravel() for a in np.broadcast_arrays(first, second))
        while True:
            first, second = self.find(first), self.find(second)
            apart = first != second
            if not apart.any():
                return
            first, second = first[apart], second[apart]
            # of several smaller partners of one root the least is taken now, the others in the next round
            np.minimum.at(self.parent, np.maximum(first, second), np.minimum(first, second))


class Value(NamedTuple):
    """A tensor as the walk sees it: its shape, its label arrays, and whether it is a view of a parameter.

    The label arrays of a tensor vary along disjoint sets of axes.
    """

    shape: tuple[int, ...]
    labels: tuple[np.ndarray, ...] = ()
    static: bool = False

    def along(self, axis: int) -> np.ndarray | None:
        """The label array that varies along an axis, or None."""
        return next((a for a in self.labels if a.shape[axis] > 1), None)

    def shrunk(self, axis: int) -> "Value":
        """The same with size 1 along an axis and without the labels that varied along it."""
        shape = list(self.shape)
        shape[axis] = 1
        return Value(tuple(shape), tuple(a for a in self.labels if a.shape[axis] == 1), self.static)


def support(array: np.ndarray) -> set[int]:
    """The axes along which a label array varies."""
    return {axis for axis, size in enumerate(array.shape) if size > 1}


def lift(array: np.ndarray, ndim: int) -> np.ndarray:
    """The array with axes of size 1 put before its own, as broadcasting does."""
    return array.reshape((1,) * (ndim - array.ndim) + array.shape)


def first(array: np.ndarray, axis: int) -> np.ndarray:
    """The first slice along an axis, which is kept with size 1."""
    return array.take([0], axis)


def resized(array: np.ndarray, shape: Sequence[int], axes: Iterable[int]) -> np.ndarray:
    """The array with the sizes of a shape along axes on which it is one unit, where it varies along them at all."""
    for axis in axes:
        if array.shape[axis] > 1:
            array = first(array, axis).repeat(shape[axis], axis)
    return array


def laid(vector: np.ndarray, axis: int, ndim: int) -> np.ndarray:
    """A vector laid along one axis of an array of `ndim` axes."""
    return vector.reshape([-1 if k == axis % ndim else 1 for k in range(ndim)])


def without(axes: Iterable[int], array: np.ndarray) -> np.ndarray:
    """The array at the first coordinate of every axis named."""
    for axis in axes:
        array = first(array, axis)
    return array
