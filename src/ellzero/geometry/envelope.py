r"""Convex envelope of a field on a box: the largest convex function below it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .. import _checks as checks
from .fields import as_field
from .grids import grid_axes, values_on

USUAL = {1: 401, 2: 101, 3: 41}  # nodes along one axis; odd, so that the middle is one of them
MOST = {1: 5_000, 2: 401, 3: 101}
ROUNDING = 1e-15  # of the largest value, over a step: slopes closer than a few of these are one


@dataclass(frozen=True, eq=False)
class Envelope:
    """A field and its convex envelope on a grid.

    Attributes
    ----------
    axes : tuple of ndarray
        Nodes along each axis.
    values, envelope : ndarray of shape (resolution, ..., resolution)
        One axis for each variable.
    label : str
        What the field is called.
    names : tuple of str
        Names of the variables.
    """

    axes: tuple[np.ndarray, ...]
    values: np.ndarray
    envelope: np.ndarray
    label: str
    names: tuple[str, ...]

    @property
    def grid(self) -> np.ndarray:
        """The points, shape (resolution, ..., resolution, n)."""
        return np.stack(np.meshgrid(*self.axes, indexing="ij"), axis=-1)


def convex_envelope(field, limits=(-1.0, 1.0), resolution=None, n=None) -> Envelope:
    r"""Convex envelope of a field on a box, as its biconjugate :math:`f^{**}(x) = \sup_s s^\top x - f^*(s)` on a grid.

    Parameters
    ----------
    field : Field, Penalty, Problem or callable
        Of 1, 2 or 3 variables; see `as_field`.
    limits : pair of float, or one pair for each variable, default=(-1, 1)
        The box.
    resolution : int >= 3, optional
        Grid points along each axis; 401, 101 or 41 by default. An odd number has the middle of the box on the grid,
        where the count of nonzeros has its only zero.
    n : int, optional
        Number of variables, for penalties and callables.

    Returns
    -------
    Envelope
        Of the values at the grid points. It is never above their convex envelope. For a sum of functions of single
        variables it is that envelope to rounding; elsewhere it is short of it by at most the spacing of the slopes
        times half the width of the box, summed over the axes.

    Raises
    ------
    ArgumentError
        The field has more than 3 variables, or limits or resolution make no grid.
    DataError
        The field is NaN or infinite on the grid, or not scalar.

    Notes
    -----
    Two Legendre transforms, each taken one axis after another. Slopes along an axis are those of the convex envelopes
    of the lines of the grid along it, and as many regular ones between the least and the largest of them.

    The convex envelope of the count of nonzeros on :math:`[-1, 1]^n` is :math:`\|x\|_1`: what makes the lasso a
    relaxation of the best subset.

    References
    ----------
    Lucet (1997), "Faster than the fast Legendre transform, the linear-time Legendre transform"; Fazel (2002), "Matrix
    rank minimization with applications", section 5.1.4.

    Examples
    --------
    >>> from ellzero.geometry import norm
    >>> relaxed = convex_envelope(lambda x: norm(x, 0), n=2, resolution=21)
    >>> float(np.abs(relaxed.envelope - norm(relaxed.grid, 1)).max().round(12))
    0.0
    """
    field = as_field(field, n)
    checks.at_most_three("a convex envelope", field.n)
    axes = grid_axes(limits, field.n, USUAL[field.n] if resolution is None else resolution, MOST)
    values = values_on(field, axes)
    if not np.isfinite(values).all():
        raise checks.not_finite_on_grid(field.label, int((~np.isfinite(values)).sum()))
    slopes = tuple(_slopes(t, np.moveaxis(values, j, -1).reshape(-1, len(t))) for j, t in enumerate(axes))
    below = _conjugate(slopes, axes, _conjugate(axes, slopes, values))
    return Envelope(axes, values, np.minimum(below, values), field.label, field.names)


def _conjugate(at, to, values):
    """Legendre transform of values at the grid `at`, on the grid `to`: the largest <x, s> - f(x), axis after axis."""
    out = -values
    for j, (x, s) in enumerate(zip(at, to, strict=True)):
        lines = np.moveaxis(out, j, 0)
        flat = lines.reshape(len(x), -1)
        best = np.stack([(flat + (slope * x)[:, None]).max(axis=0) for slope in s])
        out = np.moveaxis(best.reshape(len(s), *lines.shape[1:]), 0, j)
    return out


def _slopes(x, lines):
    """Slopes along an axis that the envelope may have: those of each line's own, and regular ones between them."""
    found = np.unique(np.concatenate([_hull_slopes(x, line) for line in np.unique(lines, axis=0)]))
    noise = ROUNDING * np.abs(lines).max() / np.diff(x).min()
    found = found[np.concatenate([[True], np.diff(found) > 8.0 * noise])]
    if len(found) > len(x):
        found = found[np.unique(np.round(np.linspace(0, len(found) - 1, len(x))).astype(int))]
    return np.union1d(found, np.linspace(found[0], found[-1], len(x)))


def _hull_slopes(x, line):
    """Slopes of the lower convex hull of the points (x, line)."""
    hull: list[int] = []
    for i in range(len(x)):
        while len(hull) > 1:
            a, b = hull[-2:]
            if (line[b] - line[a]) * (x[i] - x[a]) < (line[i] - line[a]) * (x[b] - x[a]):
                break
            hull.pop()
        hull.append(i)
    return np.diff(line[hull]) / np.diff(x[hull])
