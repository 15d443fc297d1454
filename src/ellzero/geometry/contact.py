r"""Contact points: where the lowest level of a loss that meets a ball, or a set below a budget, touches it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from .. import _checks as checks
from ..penalties import Folded, Lp, Penalty, Separable
from .concave import on_spikes, under
from .constrained import Smooth, best_of_size, convex_around, least, minimise, smooth, unique
from .fields import as_field
from .norms import norm
from .regions import Bent, Face, Region, Spikes, Weighted, unit_ball

LISTED = 15  # variables whose supports are listed
LISTED_CONVEX = 8  # the same, where on each of them a problem under a budget is solved
ROUNDING = 1e-14  # share of the largest coordinate
ZERO = 1e-12  # gradients below this share of the one at 0 are rounding


@dataclass(frozen=True, eq=False)
class Contact:
    r"""A constrained minimiser, and where on the set it lies.

    Attributes
    ----------
    point : ndarray of shape (n,)
    value : float
        Loss there.
    multiplier : float
        :math:`-\nabla L = \mu \cdot` a (sub)gradient of the norm or penalty; what one more unit of budget takes off the
        loss. 0 inside, NaN where nonzeros are counted.
    used, budget : float
        Norm or penalty of the point, and what it may be.
    inside : bool
        Whether the loss has its minimiser within the set, so that the budget does not matter.
    n_zeros : int
        Exact zeros.
    kind : {"inside", "vertex", "edge", "face", "smooth"}
        By the smooth piece of the set that the point lies on: of dimension 0, 1, or more; "smooth" on a boundary
        without corners or limits at this point.
    face_dimension : int
        Its dimension; n inside.
    guarantee : {"global", "convex as sampled", "scan", "best of starts"}
        "global": it is proved to be the minimiser (convex sets, and supports that were all listed, with a loss that is
        quadratic or that of a `Problem`). "convex as sampled": the same, if the loss is convex everywhere; of a `Field`
        of one's own that was seen at a few points, near 0 and about as far out as the answer. "scan": the best of a
        fine scan of the boundary (balls of order below 1 in at most three variables). "best of starts": of many.
    unique : bool or None
        Whether no other point does as well; None where that is not known.
    residual : float
        How far one projected gradient step still moves the point; NaN for sets that are not convex.
    """

    point: np.ndarray
    value: float
    multiplier: float
    used: float
    budget: float
    inside: bool
    n_zeros: int
    kind: str
    face_dimension: int
    guarantee: str
    unique: bool | None
    residual: float


def contact(loss, penalty, budget, *, random_state: Any = 0) -> Contact:
    r"""Minimiser of a convex loss within a budget: subject to :math:`\|x\|_p \le t` or :math:`P(x) \le t`.

    Parameters
    ----------
    loss : Field with gradient and Hessian, or Problem
        Convex; of a field that does not say so (`Field.convex`) Hessians are looked at in a few places. Of a `Problem`
        the loss alone, in data units.
    penalty : float in [0, inf] or Penalty
        p of a norm, or a penalty of single variables.
    budget : float > 0
        t; for p = 0 the number of nonzeros, an integer in [1, n].
    random_state : int or Generator, default=0
        Of the starts, where the set is not convex and there are more than three variables.

    Returns
    -------
    Contact

    Raises
    ------
    ArgumentError
        The budget is not positive, or for p = 0 no integer in [1, n]; the loss is not convex where it was looked at, or
        has no Hessian; there are too many variables for a count of nonzeros; `random_state` is none.
    UnsupportedError
        A penalty of groups, or a price of nonzeros beside a concave penalty.
    DataError
        The loss has no minimiser on a support.

    Notes
    -----
    Convex sets (:math:`p \ge 1`, `L1`, `L2`, `ElasticNet`, `Box`): accelerated projected gradient steps until the face
    is known, then Newton's method on the face; the answer counts when a projected step leaves it where it is. Counts of
    nonzeros: all supports. 0 < p < 1: the set is the complement of a convex one in each orthant, so that every support
    may hold a local minimum; tangent (reweighted l1) steps from a start on each support, up to three variables also a
    scan of the boundary, then Newton's method on the support's surface.

    A budget of 0 is refused: only the origin lies within it, whatever the loss.

    References
    ----------
    Osborne, Presnell & Turlach (2000), "On the LASSO and its dual"; Candès, Wakin & Boyd (2008).

    Examples
    --------
    >>> from ellzero.geometry import quadratic
    >>> bowl = quadratic([[1.0, 0.0], [0.0, 1.0]], [2.0, 0.5])
    >>> for p in (2, 1):
    ...     touch = contact(bowl, p, 1.0)
    ...     print(touch.kind, touch.point.round(3), round(touch.multiplier, 3))
    smooth [0.97  0.243] 1.062
    vertex [1. 0.] 1.0
    """
    rng, field = checks.random_state(random_state), as_field(loss)
    if isinstance(penalty, Penalty):
        t = checks.budget(budget)
        return _within_penalty(smooth(field, 1.0), penalty, t, rng)
    p, n = checks.exponent(penalty), field.n
    if p == 0:
        k = checks.count_budget(budget, n)
        return _counted(smooth(field, 1.0), k, float(k), lambda x: float(np.count_nonzero(x)))
    t = checks.budget(budget)
    convex = smooth(field, t)
    if p < 1:
        return _spiked(convex, p, t, rng)
    return _convex(convex, unit_ball(p, n, t), t, lambda x: float(norm(x, p)))


def _spiked(loss: Smooth, p: float, t: float, rng) -> Contact:
    def used(x):
        return float(norm(x, p))

    if loss.n == 1:
        return _convex(loss, unit_ball(1.0, 1, t), t, used)
    face = Spikes(p, loss.n, t)
    if loss.matrix is not None:
        free = least(loss, np.zeros(loss.n))
    else:
        free, _ = minimise(loss, unit_ball(1.0, loss.n, t))  # the l1 ball holds this one
    if face.spent(free) < 1.0 and _flat(loss, free):
        return _made(loss, face, free, t, used, "global", None, 0.0)
    x, alone, sure = on_spikes(loss, face, rng)
    return _made(loss, face, x, t, used, sure, alone, float("nan"))


def _within_penalty(loss: Smooth, penalty: Penalty, t: float, rng) -> Contact:
    if isinstance(penalty, Separable):
        if not np.any(penalty.l0):
            return _convex(loss, Weighted(penalty, loss.n, t), t, penalty.value)
        return _priced(loss, penalty, t)
    if not isinstance(penalty, Folded):
        raise checks.no_group_budget(type(penalty).__name__)
    if np.any(penalty.base.l0):
        raise checks.price_and_concave()
    if isinstance(penalty, Lp) and penalty.bend[0] > 0:  # the ball of the radius that the budget pays for
        strength, p, _ = penalty.bend
        radius = (t / strength) ** (1.0 / p)
        touch = _spiked(loss, p, radius, rng)
        rate = radius / (p * t)  # of the radius, by budget
        return replace(touch, budget=t, used=penalty.value(touch.point), multiplier=touch.multiplier * rate)
    face = Bent(penalty, loss.n, t)
    if penalty.base.limited:  # without the budget; where that holds it as well, no point within both does better
        free, _ = minimise(loss, Weighted(Separable(lower=penalty.lower, upper=penalty.upper), loss.n, t))
        if face.spent(free) < t:
            return _made(loss, face, free, t, penalty.value, "global", None, 0.0)
    elif loss.matrix is not None and face.spent(free := least(loss, np.zeros(loss.n))) < t:
        return _made(loss, face, free, t, penalty.value, "global", None, 0.0)
    x = under(loss, face, penalty, rng)
    return _made(loss, face, x, t, penalty.value, "best of starts", None, float("nan"))


def _convex(loss: Smooth, region: Region, t, used) -> Contact:
    x, residual = minimise(loss, region)
    return _made(loss, region, x, t, used, "global", unique(loss, region, x), residual)


def _counted(loss: Smooth, k: int, t: float, used) -> Contact:
    if loss.n > LISTED:
        raise checks.too_many_supports(loss.n, LISTED)
    x, alone = best_of_size(loss, k)
    inside = _flat(loss, x)
    dimension = loss.n if inside else int(np.count_nonzero(x))
    kind = "inside" if inside else ("vertex", "edge", "face")[min(dimension, 2)]
    zeros = loss.n - int(np.count_nonzero(x))
    multiplier = 0.0 if inside else float("nan")
    guarantee, alone = _guarantee(loss, x, "global", alone)
    return Contact(
        x, loss.value(x), multiplier, _within(used(x), t), t, inside, zeros, kind, dimension, guarantee, alone,
        float("nan"),
    )  # fmt: skip


def _priced(loss: Smooth, penalty: Separable, t: float) -> Contact:
    """Prices of nonzeros: on each support that can be paid the rest of the budget limits a convex penalty."""
    price = np.broadcast_to(np.asarray(penalty.l0, float), (loss.n,))
    bare = not (np.any(penalty.l1) or np.any(penalty.l2) or penalty.limited)
    if bare and np.ptp(price) == 0:
        return _counted(loss, min(int(t / price[0] + 1e-9), loss.n), t, penalty.value)
    if loss.n > LISTED_CONVEX:
        raise checks.too_many_supports(loss.n, LISTED_CONVEX)
    wide = [
        np.broadcast_to(np.asarray(s, float), (loss.n,)) for s in (penalty.l1, penalty.l2, penalty.lower, penalty.upper)
    ]
    by_size = (wide[0] > 0) | (wide[1] > 0)
    best, value = np.zeros(loss.n), loss.value(np.zeros(loss.n))
    for k in range(1, loss.n + 1):
        for support in combinations(range(loss.n), k):
            columns = np.array(support)
            rest = t - float(price[columns].sum())
            if rest <= 0 and (by_size[columns].any() or rest < -1e-12 * t):
                continue  # a price that takes the whole budget leaves nothing for sizes
            part = loss.on(columns)
            if bare:
                point = least(part, np.zeros(k))
            else:
                point, _ = minimise(part, Weighted(Separable(0.0, *(s[columns] for s in wide)), k, max(rest, 0.0)))
            if (after := part.value(point)) < value:
                best, value = np.zeros(loss.n), after
                best[columns] = point
    dimension, zeros = int(np.count_nonzero(best)), loss.n - int(np.count_nonzero(best))
    inside = _flat(loss, best)
    kind = "inside" if inside else ("vertex", "edge", "face")[min(dimension, 2)]
    guarantee, _ = _guarantee(loss, best, "global", None)
    return Contact(
        best, value, 0.0 if inside else float("nan"), _within(penalty.value(best), t), t, inside, zeros, kind,
        loss.n if inside else dimension, guarantee, None, float("nan"),
    )  # fmt: skip


def _within(used: float, t: float) -> float:
    assert used <= t * (1.0 + 1e-9), f"{used:g} spent of {t:g}"
    return used


def _guarantee(loss: Smooth, x, guarantee: str, alone: bool | None) -> tuple[str, bool | None]:
    """What is known of an answer, given what would be if the loss is convex."""
    convex_around(loss, x)
    if loss.proven:
        return guarantee, alone
    return "convex as sampled" if guarantee == "global" else guarantee, None


def _flat(loss: Smooth, x) -> bool:
    start = float(np.abs(loss.gradient(np.zeros(loss.n))).max())
    return float(np.abs(loss.gradient(x)).max()) <= 1e3 * ZERO * max(start, 1e-300)


def _made(loss: Smooth, face: Face, x, t, used, guarantee, alone, residual) -> Contact:
    if face.kinked:  # where zeros are corners and faces, rounding is none of a coordinate's size
        x = np.where(np.abs(x) <= ROUNDING * np.abs(x).max(), 0.0, x)
    x = x + 0.0  # no negative zeros
    inside = not face.tight(x) and not face.limited(x)
    gradient = loss.gradient(x)
    multiplier = face.price(x, gradient) if face.tight(x) else 0.0
    zeros = loss.n - int(np.count_nonzero(x))
    dimension = loss.n if inside else face.dimension(x)
    if inside:
        kind = "inside"
    elif dimension == 0:
        kind = "vertex"
    elif not face.kinked or (dimension == loss.n - 1 and not _flat_sided(face) and not face.limited(x)):
        kind = "smooth"
    else:
        kind = ("vertex", "edge", "face")[min(dimension, 2)]
    guarantee, alone = _guarantee(loss, x, guarantee, alone)
    return Contact(
        x, loss.value(x), multiplier, _within(used(x), t), t, inside, zeros, kind, dimension, guarantee, alone, residual
    )


def _flat_sided(face: Face) -> bool:
    """Whether the pieces of full dimension are flat: faces, and not smooth surfaces."""
    return not face.counts_once or (isinstance(face, Weighted) and not face.l2.any())
