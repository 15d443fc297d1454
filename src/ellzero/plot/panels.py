r"""What a picture of a ball shows, as arrays: its boundary, contours of the loss, where the two touch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .. import _checks as checks
from .. import geometry as geo
from ..geometry import Contact, Field, LevelSet
from ..penalties import L0, L1, L2, ElasticNet, GroupL0, GroupL2, LogSum, Lp, Penalty
from ..problem import Problem

STEPS = (1 / 3, 2 / 3, 4 / 3, 5 / 3, 2.0, 7 / 3)
"""Contours beside the touching one, by distance from the minimiser: even where the loss is quadratic."""
SHEET = 24
"""Squares along each side of a plane in space, small enough for it to be seen through another."""
SHARE = 0.5
"""Usual radius, in lengths of the loss's minimiser."""


NAMES = {ElasticNet: "elastic net", LogSum: "log sum", GroupL0: "group L0", GroupL2: "group L2"}


@dataclass(frozen=True, eq=False)
class Panel:
    r"""One ball, and the loss that is minimised on it; or a loss alone.

    Attributes
    ----------
    title : str
        Which ball it is.
    ball : LevelSet or None
        Its boundary; where nonzeros are counted, as much of the axes, of the planes through them, or of everything as
        lies within the limits.
    budget : float or None
        Radius of the ball, number of nonzeros, or value of the penalty.
    limits : ndarray of shape (n, 2)
        What is shown of every variable; the same in all panels of a picture.
    names : tuple of str
        Names of the variables.
    contours : tuple of LevelSet
        Of the loss, by rising level, without the touching one.
    touching : LevelSet or None
        The level of the loss at the contact point.
    contact : Contact or None
        The minimiser of the loss on the ball.
    centre : ndarray of shape (n,) or None
        The minimiser of the loss without a budget.
    order, radius : float or None
        p and t of a ball :math:`\|x\|_p \le t`, also where a penalty stated it; None for other sets.
    """

    title: str
    ball: LevelSet | None
    budget: float | None
    limits: np.ndarray
    names: tuple[str, ...]
    contours: tuple[LevelSet, ...] = ()
    touching: LevelSet | None = None
    contact: Contact | None = None
    centre: np.ndarray | None = None
    order: float | None = None
    radius: float | None = None

    @property
    def n(self) -> int:
        """Number of variables."""
        return len(self.names)

    @property
    def counts(self) -> bool:
        """Whether the budget is a number of nonzeros."""
        return self.order == 0

    @property
    def lines_only(self) -> bool:
        """Whether the ball is no more than the axes: one nonzero is allowed."""
        return self.counts and self.radius == 1

    @property
    def words(self) -> str:
        """Where the contact point lies, in words; empty without a loss."""
        if self.contact is None:
            return ""
        return coordinates(self.contact.point, self.names)

    @property
    def below(self) -> str:
        """The sentence under the panel: where the loss touches the ball; empty without a loss."""
        return "" if self.contact is None else below(self.contact, self.names)

    def to_dict(self) -> dict[str, Any]:
        """All arrays as lists, for JSON."""
        shown: dict[str, Any] = {
            "title": self.title,
            "budget": self.budget,
            "order": self.order,
            "radius": self.radius,
            "names": list(self.names),
            "limits": self.limits.tolist(),
        }
        if self.ball is not None:
            shown["ball"] = mesh_dict(self.ball)
        if self.contact is not None:
            shown["contact"] = {
                "point": self.contact.point.tolist(),
                "value": self.contact.value,
                "multiplier": self.contact.multiplier,
                "used": self.contact.used,
                "inside": bool(self.contact.inside),
                "n_zeros": int(self.contact.n_zeros),
                "kind": self.contact.kind,
                "guarantee": self.contact.guarantee,
            }
        if self.centre is not None:
            shown["centre"] = self.centre.tolist()
        if self.touching is not None:
            shown["touching"] = mesh_dict(self.touching)
        shown["contours"] = [mesh_dict(level) for level in self.contours]
        return shown


def mesh_dict(mesh: LevelSet) -> dict[str, Any]:
    """Points, cells, normals and level of a level set as lists."""
    return {
        "level": mesh.level,
        "points": mesh.points.tolist(),
        "cells": mesh.cells.tolist(),
        "normals": mesh.normals.tolist(),
    }


def coordinates(point, names) -> str:
    """Coordinates in words, in which only an exact zero is written 0.

    Examples
    --------
    >>> coordinates([0.0, 0.6181, 1e-9], ("x1", "x2", "x3"))
    'x1 = 0, x2 = 0.618, x3 = 1e-09'
    """
    return ", ".join(f"{name} = {number(value)}" for name, value in zip(names, point, strict=True))


def below(contact: Contact, names) -> str:
    """The sentence under a panel: where the loss touches the ball."""
    return f"{'minimiser inside:' if contact.inside else 'touches at'} {coordinates(contact.point, names)}"


def wrapped(text: str, width: int) -> str:
    r"""A list of coordinates in lines of about this many letters, broken after commas.

    Examples
    --------
    >>> wrapped("touches at x1 = 0, x2 = 0.371", 20)
    'touches at x1 = 0,\nx2 = 0.371'
    """
    lines = [""]
    for part in text.split(", "):
        if lines[-1] and len(lines[-1]) + len(part) > width:
            lines.append(part)
        else:
            lines[-1] = f"{lines[-1]}, {part}" if lines[-1] else part
    return ",\n".join(lines)


def number(value: float) -> str:
    """Three digits with a true minus; "0" only for what is 0."""
    return "0" if value == 0 else f"{value:.3g}".replace("-", "−") if abs(value) >= 1e-3 else f"{value:.0e}"


def loss_of(loss, n: int | None = None) -> Field:
    r"""The loss as it is drawn: that of a problem which standardises in :math:`\beta_j s_j`, as its penalties see it.

    Parameters
    ----------
    loss : Field, Problem, callable
        See `as_field`.
    n : int, optional
        Number of variables of a callable.

    Returns
    -------
    Field
    """
    field = geo.as_field(loss, n)
    if isinstance(loss, Problem) and loss.standardize:
        scale = np.asarray(loss.normal.scale, float)
        names = tuple(f"{name}{checks.PER_DEVIATION}" for name in field.names)
        return replace(field.on_plane(np.zeros(field.n), np.diag(1.0 / scale), names), label=field.label)
    return field


def panels(
    ps, loss=None, budget=None, *, n=None, limits=None, levels=None, names=None, resolution=None, random_state=0
) -> list[Panel]:
    r"""Arrays of the picture that `balls` draws.

    Parameters
    ----------
    ps : float in [0, inf], Penalty, or several of them
        Orders of norms, or penalties.
    loss : Field, Problem or callable, optional
        What is minimised on each ball. A problem that standardises is shown in coefficients of standardised columns.
    budget : float or one for each ball, optional
        Radius :math:`\|x\|_p \le t`, or value of a penalty; for p = 0 a number of nonzeros.
        By default half the length of the loss's minimiser, rounded to two digits; 1 without a loss, and one nonzero. A
        penalty has by default half its value at the minimiser.
    n : {2, 3}, optional
        Number of variables, where there is no loss that says it; 2 by default.
    limits : pair of float or one pair for each variable, optional
        What is shown; by default all of the balls and the minimiser of the loss.
    levels : sequence of float, optional
        Levels of the loss at which there are contours in all panels, besides the touching one; by default some at even
        distances from its minimiser, and none in space.
    names : sequence of str, optional
        Names of the variables, where there is no loss that has them.
    resolution : int, optional
        Grid points along each axis for contours, see `level_set`; balls have a third of it, see `ball`.
    random_state : int, default=0
        For starts of the search on balls that are not convex.

    Returns
    -------
    list of Panel

    Raises
    ------
    ArgumentError
        p is negative, a budget is not positive, or for p = 0 no whole number of the variables; there are more than
        three of them.

    Examples
    --------
    >>> loss = geo.quadratic([[1.0, 0.0], [0.0, 1.0]], [1.0, 0.2])
    >>> [panel.words for panel in panels([2, 1], loss, budget=0.5)]
    ['x1 = 0.49, x2 = 0.0981', 'x1 = 0.5, x2 = 0']
    """
    chosen = _listed(ps)
    field = None if loss is None else loss_of(loss, n)
    dimension = checks.drawable("the loss", field.n) if field is not None else checks.drawable("a ball", n or 2)
    budgets = checks.budgets(budget, len(chosen))
    # as many nonzeros as there are variables: no limit
    centre = None if field is None else geo.contact(field, 0, field.n).point
    usual = 1.0 if centre is None else float(f"{SHARE * np.linalg.norm(centre):.2g}") or 1.0
    asked = [_budget(p, given, usual, centre, dimension) for p, given in zip(chosen, budgets, strict=True)]
    reaches = [_reach(p, b, usual) for p, b in zip(chosen, asked, strict=True)]
    if field is None or centre is None:
        named = tuple(names or (f"x{j + 1}" for j in range(dimension)))
        frame = _Frame(_window(limits, np.zeros((1, dimension)), max(reaches), 0.0), named, resolution)
        return [_bare(p, b, frame) for p, b in zip(chosen, asked, strict=True)]
    found = [geo.contact(field, p, b, random_state=random_state) for p, b in zip(chosen, asked, strict=True)]
    seen = np.concatenate(
        [[centre], *([one.point] if dimension == 2 else _extent(field, centre, one) for one in found)]
    )
    window = _window(limits, seen, max(reaches), 0.45 if dimension == 2 else 0.05)
    frame = _Frame(window, field.names, resolution)
    wanted = _levels(field, centre, found, window) if levels is None else sorted(levels)
    return [
        _with_loss(_bare(p, b, frame), field, centre, one, frame, wanted)
        for p, b, one in zip(chosen, asked, found, strict=True)
    ]


@dataclass(frozen=True, eq=False)
class _Frame:
    """What all panels of a picture share."""

    window: np.ndarray
    names: tuple[str, ...]
    resolution: int | None


def _listed(ps) -> list[Any]:
    several = isinstance(ps, Iterable) and not isinstance(ps, str)
    chosen: list[Any] = list(ps) if several else [ps]
    if not chosen:
        raise checks.empty_picture("ps")
    return [p if isinstance(p, Penalty) else checks.exponent(p) for p in chosen]


def _order(p, budget: float) -> tuple[float, float] | None:
    """The order and radius of a ball with a closed form, whoever stated it; None for other penalties."""
    if not isinstance(p, Penalty):
        return p, budget
    strength = {L0: "l0", L1: "l1", L2: "l2"}.get(type(p))
    if strength is not None and np.ndim(getattr(p, strength)) == 0:
        share = budget / float(getattr(p, strength))
        return {L0: (0.0, max(np.floor(share), 1.0)), L1: (1.0, share), L2: (2.0, np.sqrt(share))}[type(p)]
    if type(p) is Lp:
        strength, power, _ = p.bend
        return power, (budget / strength) ** (1.0 / power)
    return None


def _budget(p, given: float | None, usual: float, centre, n: int) -> float:
    if isinstance(p, Penalty):
        if given is None and centre is None:
            raise checks.needs_budget(repr(p))
        return SHARE * p.value(centre) if given is None else given
    if p == 0:
        return 1.0 if given is None else checks.nonzeros(given, n)
    return usual if given is None else given


def _reach(p, budget: float, usual: float) -> float:
    """How far the ball goes along an axis."""
    order = _order(p, budget)
    if order is not None:
        return usual if order[0] == 0 else order[1]
    steps = np.linspace(0.0, 8.0 * usual, 801)
    inside = p.values(np.column_stack([steps, np.zeros_like(steps)])) <= budget
    return float(steps[inside].max()) if inside.any() and not inside.all() else usual


def _window(limits, seen: np.ndarray, reach: float, margin: float) -> np.ndarray:
    """Limits that hold the balls, and all points to be seen with a margin; in the plane as long for both variables."""
    if limits is not None:
        return checks.limits_of_axes(limits, seen.shape[1]).copy()
    flat = seen.shape[1] == 2
    around = 1.2 if flat else 1.02  # in space an empty shell of the box makes everything in it small
    low = np.minimum(-around * reach, seen.min(axis=0) - margin * reach)
    high = np.maximum(around * reach, seen.max(axis=0) + margin * reach)
    if not flat:
        return np.column_stack([low, high])
    spare = (np.max(high - low) - (high - low))[:, None] / 2
    return np.column_stack([low, high]) + spare * [-1, 1]


def _extent(field: Field, centre: np.ndarray, found: Contact) -> np.ndarray:
    """Corners of a box about the touching surface, as if the loss were quadratic; no longer than the way to 0."""
    rise = max(found.value - float(field(centre)), 0.0)
    H = np.asarray(field.hessian(centre), float) if field.hessian is not None else np.eye(field.n)
    half = np.sqrt(2.0 * rise * np.maximum(np.diag(np.linalg.pinv(H)), 0.0))
    half = np.minimum(half, np.linalg.norm(centre))
    return np.array([centre - half, centre + half, found.point])


def _bare(p, budget: float, frame: _Frame) -> Panel:
    """A ball without a loss."""
    (order, radius), n = _order(p, budget) or (None, None), len(frame.names)
    if order is None or radius is None:
        shape = geo.level_set(p, budget, frame.window, frame.resolution, n=n)
    elif order == 0:
        shape = _counting(min(int(radius), n), frame.window)
    else:
        shape = geo.ball(order, n, radius, None if frame.resolution is None else max(frame.resolution // 3, 1))
    return Panel(title_of(p, budget), shape, budget, frame.window, frame.names, order=order, radius=radius)


def _counting(k: int, window: np.ndarray) -> LevelSet:
    """What of the points with at most k nonzeros lies within the limits: of axes, of planes through them, or all."""
    n = len(window)
    shape = geo.ball(0, n)
    if k == 1:
        return replace(shape, points=np.repeat(np.eye(n), 2, axis=0) * window.ravel()[:, None])
    if n == 2:
        corners = np.array([window[0, [0, 1, 1, 0]], window[1, [0, 0, 1, 1]]]).T
        return replace(
            shape, points=corners, cells=np.array([[0, 1], [1, 2], [2, 3], [3, 0]]), normals=np.zeros((4, 2))
        )
    steps = [np.linspace(low, high, SHEET + 1) for low, high in window]
    # k = 2: the planes where one variable is 0; k = 3: the sides of the box, because all of it is allowed
    sheets = [(axis, at) for axis in range(3) for at in ((0.0,) if k == 2 else window[axis])]
    number = np.arange((SHEET + 1) ** 2).reshape(SHEET + 1, SHEET + 1)
    a, b, c, d = (part.ravel() for part in (number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]))
    square = np.concatenate([np.column_stack([a, b, c]), np.column_stack([a, c, d])])
    points, cells, normals = [], [], []
    for i, (axis, at) in enumerate(sheets):
        across = [(axis + 1) % 3, (axis + 2) % 3]
        sheet = np.full((number.size, 3), float(at))
        sheet[:, across] = np.stack(np.meshgrid(*(steps[j] for j in across), indexing="ij"), axis=-1).reshape(-1, 2)
        points.append(sheet)
        cells.append(square + i * number.size)
        normals.append(np.tile(np.eye(3)[axis], (number.size, 1)))
    return replace(shape, points=np.concatenate(points), cells=np.concatenate(cells), normals=np.concatenate(normals))


def _with_loss(panel: Panel, field: Field, centre, found: Contact, frame: _Frame, levels) -> Panel:
    """The panel with the contact point and the contours."""
    level = float(found.value)
    drawn = {"limits": frame.window, "resolution": frame.resolution}
    return replace(
        panel,
        centre=centre,
        contact=found,
        touching=None if found.inside else geo.level_set(field, level, **drawn),
        contours=tuple(geo.level_set(field, side, **drawn) for side in levels if found.inside or side != level),
    )


def _levels(field: Field, centre, found: list[Contact], window: np.ndarray) -> list[float]:
    """The usual levels, the same for all panels, so that the same loss looks the same in each; in space none."""
    if field.n == 3:
        return []
    bottom, values = float(field(centre)), field(_grid(window))
    touching = [float(one.value) for one in found if not one.inside]
    # where nothing touches, the contours are spaced over what is shown
    rise = max(touching) - bottom if touching else (float(values.max()) - bottom) / (STEPS[-1] + 1 / 3) ** 2
    every = [bottom + rise * step**2 for step in STEPS]
    if touching:
        every = sorted([*every, max(touching)])
    return [level for level in every if values.min() < level < values.max()]


def _grid(window: np.ndarray, steps: int = 41) -> np.ndarray:
    axes = np.meshgrid(*(np.linspace(low, high, steps) for low, high in window), indexing="ij")
    return np.stack(axes, axis=-1)


def title_of(p, budget: float) -> str:
    """The name of a ball.

    Examples
    --------
    >>> title_of(0.5, 1.0), title_of(np.inf, 2.0), title_of(0.0, 1.0)
    ('p = 0.5', 'p = ∞', 'p = 0: at most 1 nonzero')
    """
    if isinstance(p, Penalty):
        return f"{called(p)} ≤ {budget:.3g}"
    if p == 0:
        return f"p = 0: at most {budget:.0f} nonzero{'s' if budget > 1 else ''}"
    return "p = ∞" if np.isinf(p) else f"p = {p:g}"


def called(penalty: Penalty) -> str:
    """A penalty in few letters, without its strength.

    Examples
    --------
    >>> called(Lp(0.37, 0.5)), called(L1(1.9)), called(ElasticNet(0.37, 1.9))
    ('Lp, p = 0.5', 'L1', 'elastic net')
    """
    kind = type(penalty)
    return f"Lp, p = {penalty.bend[1]:g}" if isinstance(penalty, Lp) else NAMES.get(kind, kind.__name__)
