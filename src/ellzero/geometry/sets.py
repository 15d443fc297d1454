r"""Curves and surfaces as arrays: points, cells between them, normals at them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .. import _checks as checks


@dataclass(frozen=True, eq=False)
class LevelSet:
    r"""The set :math:`\{x : f(x) = c\}` in two or three dimensions, as segments or triangles.

    Attributes
    ----------
    points : ndarray of shape (m, n)
        n is 2 or 3.
    cells : ndarray of int, shape (c, 2) or (c, 3)
        Numbers of the points of each segment or triangle, in the order that makes the normal point to larger values:
        a segment has them on its right, a triangle on the side from which it runs counter-clockwise.
    normals : ndarray of shape (m, n)
        Unit vectors in the direction of the field's gradient; 0 at points without one (corners, ends of spikes).
    level : float
        c.
    label : str
        What the field is called.
    names : tuple of str
        Names of the variables.

    Examples
    --------
    >>> square = LevelSet(
    ...     np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 1.0], [0.0, 1.0]]),
    ...     np.array([[0, 1], [1, 2], [2, 3], [3, 0]]),
    ...     np.zeros((4, 2)), 1.0, "a field", ("x1", "x2"),
    ... )  # fmt: skip
    >>> square.closed, square.content(), square.measure()
    (True, 2.0, 6.0)
    """

    points: np.ndarray
    cells: np.ndarray
    normals: np.ndarray
    level: float
    label: str
    names: tuple[str, ...]

    @property
    def n(self) -> int:
        """Number of variables."""
        return self.points.shape[1]

    @cached_property
    def closed(self) -> bool:
        """Whether there is no border: as many cells leave each point, or each edge, as arrive at it."""
        if self.cells.shape[1] < self.n:
            return False
        balance = np.zeros(len(self.points), int)
        if self.n == 2:
            np.add.at(balance, self.cells[:, 0], 1)
            np.add.at(balance, self.cells[:, 1], -1)
            return not balance.any()
        edges = self.cells[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
        turn = np.where(edges[:, 0] < edges[:, 1], 1, -1)
        _, which = np.unique(np.sort(edges, axis=1), axis=0, return_inverse=True)
        return not np.bincount(which.ravel(), turn).any()

    def curves(self) -> list[np.ndarray]:
        """Segments chained into polylines.

        Returns
        -------
        list of ndarray of shape (k, n)
            Closed curves repeat their first point at the end.

        Raises
        ------
        ArgumentError
            The set is a surface.
        """
        if self.cells.shape[1] != 2:
            raise checks.no_segments(self.n)
        after: dict[int, list[int]] = {}
        arriving = np.bincount(self.cells[:, 1], minlength=len(self.points))
        for a, b in self.cells[::-1].tolist():
            after.setdefault(a, []).append(b)
        open_ends = [a for a in after if arriving[a] < len(after[a])]
        chains = []
        for start in sorted(open_ends) + sorted(after):
            while after.get(start):
                chain = [start]
                while after.get(chain[-1]):
                    chain.append(after[chain[-1]].pop())
                    if chain[-1] == start:
                        break
                chains.append(self.points[chain])
        return chains

    def content(self) -> float:
        r"""Area or volume enclosed, :math:`\frac1n \int x \cdot \nu \, dS` (divergence theorem), of the flat cells.

        Returns
        -------
        float
            Area or volume of where the field is below the level. Parts that enclose larger values count negative: so a
            hollow is taken off, and the set is negative where only larger values are inside.

        Raises
        ------
        ArgumentError
            The set has a border: it was cut by the limits of its grid, or is a cross of segments.
        """
        if not self.closed:
            raise checks.open_level_set(self.label)
        middle = self.points.mean(axis=0)
        corners = self.points[self.cells] - middle
        return float(np.linalg.det(corners).sum() / (2.0 if self.n == 2 else 6.0))

    def measure(self) -> float:
        """Length of the segments, or area of the triangles."""
        corners = self.points[self.cells]
        sides = corners[:, 1:] - corners[:, :1]
        if self.cells.shape[1] == 2:
            return float(np.linalg.norm(sides[:, 0], axis=1).sum())
        return float(0.5 * np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1).sum())


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows at length 1; those that are 0 or not finite become 0."""
    vectors = np.where(np.isfinite(vectors).all(axis=1, keepdims=True), vectors, 0.0)
    largest = np.abs(vectors).max(axis=1, keepdims=True)
    scaled = vectors / np.where(largest > 0, largest, 1.0)
    return scaled / np.maximum(np.linalg.norm(scaled, axis=1, keepdims=True), 1.0)
