r"""Sets below a budget, :math:`\{x : G(x) \le t\}`, as a search for minimisers over them needs to know them."""

from abc import ABC, abstractmethod

import numpy as np

from ..penalties import Folded, Separable
from .norms import norm
from .projections import TINY, onto_l1, onto_power, onto_separable

TIGHT = 1e-9  # share of the budget that may be left where it counts as spent
DIFFERENCE = 1e-6  # relative step of a central difference of slopes


class Face(ABC):
    """A set that a separable function bounds, near one of its points.

    `held` says which coordinates the piece of the set under a point keeps where they are; along the others it is
    smooth, and `slope` and `bend` are the derivatives of the function that is at most `budget`.
    """

    n: int
    budget: float
    kinked = True  # whether the set has corners or flats, so that its pieces are worth a name
    round = False  # whether its boundary bends outwards everywhere, so that a minimiser on it is the only one
    counts_once = True  # whether the budget is one equation; in a cube it is the limits themselves

    @abstractmethod
    def spent(self, x) -> float:
        """Value of the function that the budget limits."""

    @abstractmethod
    def held(self, x) -> np.ndarray:
        """Coordinates that a corner or a limit holds, bool of shape (n,)."""

    @abstractmethod
    def slope(self, x) -> np.ndarray:
        """Derivatives of that function, coordinate by coordinate."""

    @abstractmethod
    def bend(self, x) -> np.ndarray:
        """Second derivatives."""

    def price(self, x, gradient) -> float:
        """Multiplier of the budget at a minimiser: on what moves, minus the gradient is so many slopes."""
        free = ~self.held(x)
        slope = self.slope(x)[free]
        square = float(slope @ slope)
        return max(float(-gradient[free] @ slope) / square, 0.0) if square > 0 else float("nan")

    def tight(self, x) -> bool:
        """Whether the budget is spent."""
        return self.spent(x) >= self.budget * (1.0 - TIGHT)

    def limited(self, x) -> bool:
        """Whether x lies at a limit other than the budget."""
        return False

    def dimension(self, x) -> int:
        """Dimension of the smooth piece of the set, boundary or interior, that the point lies on."""
        free = int((~self.held(x)).sum())
        return max(free - (1 if self.tight(x) and self.counts_once else 0), 0)


class Region(Face):
    """A convex one, onto which points can be projected."""

    @property
    @abstractmethod
    def reach(self) -> float:
        """Largest size of a coordinate within it, ``inf`` where there is no limit."""

    @abstractmethod
    def project(self, v) -> np.ndarray:
        """Nearest point of the set."""


class Weighted(Region):
    r"""A convex separable penalty within a budget: :math:`\sum_j w_j|x_j| + c_j x_j^2 \le t`, between limits."""

    def __init__(self, penalty: Separable, n: int, budget: float):
        self.n, self.budget = n, budget
        wide = (np.broadcast_to(np.asarray(s, float), (n,)).copy() for s in (penalty.l1, penalty.l2))
        self.l1, self.l2 = wide
        self.lower, self.upper = (np.broadcast_to(np.asarray(s, float), (n,)) for s in (penalty.lower, penalty.upper))
        self.penalty = Separable(0.0, self.l1, self.l2, self.lower, self.upper)
        self.plain = not self.l2.any() and not self.penalty.limited
        self.kinked = bool(self.l1.any()) or self.penalty.limited
        self.round = bool((self.l2 > 0).all()) and not self.penalty.limited

    @property
    def reach(self):
        free = np.full(self.n, np.inf)
        sizes = np.divide(self.budget, self.l1, out=free.copy(), where=self.l1 > 0)
        squares = np.divide(self.budget, self.l2, out=free, where=self.l2 > 0)
        paid = np.minimum(sizes, np.sqrt(squares))
        return float(np.minimum(paid, np.maximum(-self.lower, self.upper)).max())

    def project(self, v):
        return onto_l1(v, self.l1, self.budget) if self.plain else onto_separable(v, self.penalty, self.budget)

    def spent(self, x):
        return float((self.l1 * np.abs(x) + self.l2 * x * x).sum())

    def tight(self, x):
        return bool(self.l1.any() or self.l2.any()) and super().tight(x)

    def held(self, x):
        return ((x == 0) & (self.l1 > 0)) | (x <= self.lower) | (x >= self.upper)

    def limited(self, x):
        return bool(((x <= self.lower) | (x >= self.upper)).any())

    def slope(self, x):
        return self.l1 * np.sign(x) + 2.0 * self.l2 * x

    def bend(self, x):
        return 2.0 * self.l2


class Ball(Region):
    r"""The ball :math:`\|x\|_p \le t` for 1 < p < infinity.

    By the norm and not by its power, which overflows for large p.
    """

    kinked, round = False, True

    def __init__(self, p: float, n: int, radius: float):
        self.p, self.n, self.budget = p, n, radius

    @property
    def reach(self):
        return self.budget

    def project(self, v):
        return onto_power(v, self.p, self.budget)

    def spent(self, x):
        return float(norm(x, self.p))

    def held(self, x):
        return (x == 0) if self.p < 2 else np.zeros(self.n, bool)

    def dimension(self, x):
        return self.n - 1 if self.tight(x) else self.n

    def slope(self, x):
        return np.sign(x) * self._sizes(x) ** (self.p - 1.0)

    def bend(self, x):
        """The diagonal of the norm's Hessian less a multiple of its slope's square, which moves multipliers alone."""
        with np.errstate(divide="ignore"):
            power = self._sizes(x) ** (self.p - 2.0)
        return np.where(self.held(x), 0.0, (self.p - 1.0) * power) / max(self.spent(x), TINY)

    def price(self, x, gradient):
        return max(float(-gradient @ x) / max(self.spent(x), TINY), 0.0)  # a norm's slope times the point is the norm

    def _sizes(self, x):
        return np.abs(x) / max(self.spent(x), TINY)


class Cube(Region):
    r"""The cube :math:`\|x\|_\infty \le t`."""

    counts_once = False

    def __init__(self, n: int, radius: float):
        self.n, self.budget = n, radius

    @property
    def reach(self):
        return self.budget

    def project(self, v):
        return np.clip(v, -self.budget, self.budget)

    def spent(self, x):
        return float(np.abs(x).max())

    def held(self, x):
        return np.abs(x) >= self.budget

    def slope(self, x):
        return np.zeros(self.n)

    def bend(self, x):
        return np.zeros(self.n)

    def price(self, x, gradient):
        return float(np.abs(gradient[self.held(x)]).sum())


class Spikes(Face):
    r"""The ball :math:`\|x\|_p \le t` for 0 < p < 1, as :math:`\sum |x_j/t|^p \le 1`: convex in no orthant."""

    def __init__(self, p: float, n: int, radius: float):
        self.p, self.n, self.radius, self.budget = p, n, radius, 1.0

    def spent(self, x):
        return float((np.abs(x / self.radius) ** self.p).sum())

    def held(self, x):
        return x == 0

    def slope(self, x):
        size = np.where(x == 0, 1.0, np.abs(x / self.radius))
        return np.sign(x) * self.p * size ** (self.p - 1.0) / self.radius

    def bend(self, x):
        size = np.where(x == 0, 1.0, np.abs(x / self.radius))
        return self.p * (self.p - 1.0) * np.where(x == 0, 0.0, size ** (self.p - 2.0)) / self.radius**2

    def price(self, x, gradient):
        return max(float(-gradient @ x) / self.radius, 0.0)  # by budget of the quasi-norm, not of its power


class Bent(Face):
    """A folded penalty within a budget."""

    def __init__(self, penalty: Folded, n: int, budget: float):
        self.penalty, self.n, self.budget = penalty, n, budget

    def spent(self, x):
        return self.penalty.value(x)

    def held(self, x):
        return (x == 0) | (x <= self.penalty.lower) | (x >= self.penalty.upper)

    def limited(self, x):
        return bool(((x <= self.penalty.lower) | (x >= self.penalty.upper)).any())

    def slope(self, x):
        inside = np.where(self.held(x), 0.0, x)
        low, high = self.penalty.subdifferential(np.where(inside == 0, 1.0, inside))  # one number away from 0
        return np.where(inside == 0, 0.0, 0.5 * (low + high))

    def bend(self, x):
        step = DIFFERENCE * np.abs(x)
        return np.where(
            self.held(x), 0.0, (self.slope(x + step) - self.slope(x - step)) / np.where(x == 0, 1.0, 2 * step)
        )


def unit_ball(p: float, n: int, radius: float) -> Region:
    """The ball of a norm, p >= 1."""
    if p == 1:
        return Weighted(Separable(l1=1.0), n, radius)
    return Cube(n, radius) if np.isinf(p) else Ball(p, n, radius)
