r"""Scalar fields: losses, penalties and their sums as functions on :math:`\mathbb R^n`, the same as the solvers use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _checks as checks
from ..penalties import Folded, Grouped, Penalty, Separable
from ..problem import Problem
from .profiles import LeastSquares, Profiled

STEP = 6e-6  # of central differences, about the cube root of the unit


@dataclass(frozen=True, eq=False)
class Field:
    r"""A function :math:`f:\mathbb R^n \to \mathbb R`, of many points at once.

    Attributes
    ----------
    function : callable
        Points of shape (m, n) to values of shape (m,).
    n : int
        Number of variables.
    gradient : callable or None
        Points of shape (m, n) to gradients of shape (m, n); without it `slope` takes central differences.
    hessian : callable or None
        One point of shape (n,) to a matrix of shape (n, n).
    label : str
        What it is called in messages and legends.
    names : tuple of str
        Names of the variables.
    convex : bool
        Whether it is known to be convex everywhere, as losses of problems are; what is seen on samples is not known.

    Notes
    -----
    Fields add and take factors: ``loss + 0.3 * penalty``.

    Examples
    --------
    >>> bowl = as_field(lambda x: (x**2).sum(axis=-1), n=2)
    >>> bowl([[3.0, 4.0], [0.0, 0.5]])
    array([25.  ,  0.25])
    """

    function: Callable[[np.ndarray], Any]
    n: int
    gradient: Callable[[np.ndarray], np.ndarray] | None = None
    hessian: Callable[[np.ndarray], np.ndarray] | None = None
    label: str = "the field"
    names: tuple[str, ...] = ()
    convex: bool = False

    def __post_init__(self):
        checks.dimension(self.n)
        if not self.names:
            object.__setattr__(self, "names", tuple(f"x{j + 1}" for j in range(self.n)))

    def __call__(self, points) -> np.ndarray:
        """Values at points, shape (..., n) to (...); may be infinite, never NaN."""
        points = self._points(points)
        flat = points.reshape(-1, self.n)
        values = np.asarray(self.function(flat))
        if values.shape != flat.shape[:1]:
            raise checks.not_scalar(self.label, flat.shape, values.shape)
        if values.dtype.kind not in "fiub":
            raise checks.not_numbers(self.label)
        values = values.astype(float)
        if np.isnan(values).any():
            raise checks.field_is_nan(self.label, int(np.isnan(values).sum()), flat[np.isnan(values)][0])
        return values.reshape(points.shape[:-1])

    def slope(self, points) -> np.ndarray:
        """Gradients at points, shape (..., n) to (..., n); not finite beside a border of the domain."""
        points = self._points(points)
        flat = points.reshape(-1, self.n)
        if self.gradient is not None:
            slopes = np.asarray(self.gradient(flat), float)
            if slopes.shape != flat.shape:
                raise checks.not_gradient(self.label, flat.shape, slopes.shape)
            return slopes.reshape(points.shape)
        out = np.empty_like(flat)
        for j in range(self.n):
            step = STEP * np.maximum(1.0, np.abs(flat[:, j]))
            ahead, behind = flat.copy(), flat.copy()
            ahead[:, j] += step
            behind[:, j] -= step
            with np.errstate(invalid="ignore"):
                out[:, j] = (self(ahead) - self(behind)) / (ahead[:, j] - behind[:, j])
        return out.reshape(points.shape)

    def __add__(self, other) -> Field:
        other = as_field(other, self.n)
        if other.n != self.n:
            raise checks.fields_differ(self.n, other.n)
        both = (self.gradient, other.gradient), (self.hessian, other.hessian)
        gradient, hessian = (_summed(*pair) for pair in both)
        return Field(
            lambda x: self.function(x) + other.function(x), self.n, gradient, hessian,
            f"{self.label} + {other.label}", self.names, self.convex and other.convex,
        )  # fmt: skip

    __radd__ = __add__

    def __mul__(self, factor) -> Field:
        c = checks.finite_number("factor", factor)
        g, h = self.gradient, self.hessian
        return Field(
            lambda x: c * np.asarray(self.function(x)), self.n,
            None if g is None else lambda x: c * g(x), None if h is None else lambda x: c * h(x),
            f"{c:g} {self.label}", self.names, self.convex and c >= 0,
        )  # fmt: skip

    __rmul__ = __mul__

    def on_plane(self, point, directions, names=()) -> Field:
        r"""The field on the plane :math:`\{a + D^\top s\}`, in the coordinates s.

        Parameters
        ----------
        point : array-like of shape (n,)
            Where s = 0.
        directions : array-like of shape (m, n)
            Independent vectors, one a row.
        names : sequence of str, optional
            Names of the m coordinates.

        Returns
        -------
        Field of m variables

        Raises
        ------
        ArgumentError
            The directions depend on each other, or have another length.
        """
        a, D = checks.point(point, self.n), checks.directions(directions, self.n)
        g, h = self.gradient, self.hessian
        return Field(
            lambda s: self.function(a + s @ D), len(D),
            None if g is None else lambda s: g(a + s @ D) @ D.T,
            None if h is None else lambda s: D @ h(a + s @ D) @ D.T,
            self.label, tuple(names) or tuple(f"s{i + 1}" for i in range(len(D))), self.convex,
        )  # fmt: skip

    def slice(self, held: Mapping[int | str, float | None], at=None) -> Field:
        """The field with some variables held: an axis slice.

        Parameters
        ----------
        held : mapping from axis (number or name) to float or None
            Values of the variables that do not move; None takes the one of `at`.
        at : array-like of shape (n,), optional
            A point that the slice may go through, such as a minimiser; 0 by default. Of it only the entries are taken
            that `held` leaves to it.

        Returns
        -------
        Field of the other variables, under their names and in their own coordinates

        Raises
        ------
        ArgumentError
            There is no such axis, or none is left.

        Examples
        --------
        >>> bowl = as_field(lambda x: (x**2).sum(axis=-1), n=3)
        >>> bowl.slice({"x3": 2.0})([1.0, 1.0])
        array(6.)
        >>> bowl.slice({"x2": None, "x3": None}, at=[9.0, 1.0, 2.0])([3.0])
        array(14.)
        """
        through = np.zeros(self.n) if at is None else checks.point(at, self.n)
        fixed = {checks.axis(name, self.names): value for name, value in held.items()}
        origin = np.zeros(self.n)
        for j, value in fixed.items():
            origin[j] = through[j] if value is None else checks.finite_number(f"held[{self.names[j]}]", value)
        free = [j for j in range(self.n) if j not in fixed]
        if not free:
            raise checks.no_axis_left(self.n)
        return self.on_plane(origin, np.eye(self.n)[free], [self.names[j] for j in free])

    def _points(self, points) -> np.ndarray:
        points = checks.vectors("points", points)
        if points.shape[-1] != self.n:
            raise checks.other_dimension(self.label, self.n, points.shape[-1])
        return points


def _summed(one, other):
    return None if one is None or other is None else lambda x: one(x) + other(x)


def as_field(thing, n: int | None = None) -> Field:
    r"""A scalar field of whatever has a value at every point.

    Parameters
    ----------
    thing : Field, Penalty, Problem or callable
        A `Problem` stands for its loss, see `loss_field`; a callable takes points of shape (m, n) to values of shape
        (m,).
    n : int, optional
        Number of variables, for callables and for penalties that do not say it by their groups or strengths.

    Returns
    -------
    Field

    Raises
    ------
    ArgumentError
        It is nothing of the kind, n is missing, or it is not that of the penalty.

    Examples
    --------
    >>> from ellzero.penalties import L1
    >>> (as_field(L1(0.5), n=2) + (lambda x: x[:, 0] ** 2))([2.0, -1.0])
    array(5.5)
    """
    if isinstance(thing, Field):
        return thing
    if isinstance(thing, Problem):
        return loss_field(thing)
    if isinstance(thing, Penalty):
        own = _coordinates(thing)
        n = own if n is None else n
        if n is None:
            raise checks.need_dimension(type(thing).__name__)
        if own not in (None, n):
            raise checks.other_dimension(repr(thing), own, n)
        return Field(thing.values, n, label=repr(thing))
    if not callable(thing):
        raise checks.no_field(thing)
    if n is None:
        raise checks.need_dimension("a function")
    return Field(thing, n, label=getattr(thing, "__name__", "the field").replace("<lambda>", "the field"))


def _coordinates(penalty: Penalty) -> int | None:
    """Number of variables that a penalty is made for; None where it takes any."""
    if isinstance(penalty, Grouped):
        return penalty.group_of.size
    parts = penalty.base if isinstance(penalty, Folded) else penalty
    if not isinstance(parts, Separable):
        return None
    size = np.broadcast(parts.l0, parts.l1, parts.l2, parts.lower, parts.upper)
    return size.size if size.ndim else None


def quadratic(H, centre, floor=0.0) -> Field:
    r"""Quadratic loss :math:`\tfrac12 (x - c)^\top H (x - c) + f_0`, whose level sets are ellipses.

    Parameters
    ----------
    H : array-like of shape (n, n)
        Symmetric; positive definite for a loss.
    centre : array-like of shape (n,)
        c, the minimiser.
    floor : float, default=0.0
        Value there.

    Returns
    -------
    Field
        With gradient and Hessian.

    Raises
    ------
    ArgumentError
        H is not symmetric, or the shapes differ.

    Examples
    --------
    >>> quadratic([[2.0, 0.0], [0.0, 1.0]], [1.0, 0.5])([0.0, 0.0])
    array(1.125)
    """
    H = checks.square_matrix("H", H)
    c, floor = checks.point(centre, len(H)), checks.finite_number("floor", floor)
    return Field(
        lambda x: floor + 0.5 * np.einsum("...i,ij,...j->...", x - c, H, x - c), len(H),
        lambda x: (x - c) @ H, lambda x: H, "a quadratic loss",
    )  # fmt: skip


def quartic(floor=0.4) -> Field:
    r"""Textbook quartic :math:`x^4 + y^4 + z^4 - (x^2 + y^2 + z^2 - f_0)`.

    Parameters
    ----------
    floor : float, default=0.4
        :math:`f_0`.

    Returns
    -------
    Field of 3 variables

    Notes
    -----
    For :math:`\tfrac14 < f_0 < \tfrac12` the level set at 0 is a hollow rounded cube, with an opening in each of its
    six faces.

    Examples
    --------
    >>> quartic()([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    array([0.4, 0.4])
    """
    floor = checks.finite_number("floor", floor)
    return Field(
        lambda x: (x**4 - x**2).sum(axis=-1) + floor, 3,
        lambda x: 4.0 * x**3 - 2.0 * x, lambda x: np.diag(12.0 * x**2 - 2.0), "a quartic", ("x", "y", "z"),
    )  # fmt: skip


def loss_field(problem: Problem) -> Field:
    r"""Loss of a problem as a function of its coefficients, the intercept at its best for every point.

    Parameters
    ----------
    problem : Problem
        With one response. Its own strengths and size play no part: add a penalty to have them.

    Returns
    -------
    Field
        In data units, the variables under the names of the columns.

    Raises
    ------
    ArgumentError
        There are several responses.

    Examples
    --------
    >>> X = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 1.0], [0.0, -2.0]])
    >>> loss_field(Problem.from_data(X, [1.0, 2.0, 0.0, 1.0]))([0.0, 0.0])
    array(0.25)
    """
    if problem.n_outputs > 1:
        raise checks.one_output(problem.n_outputs)
    of = LeastSquares(problem) if problem.loss.least_squares else Profiled(problem)
    return Field(
        of.value, problem.n_features, of.gradient, of.hessian, f"the {problem.loss.name} loss", problem.names, True
    )
