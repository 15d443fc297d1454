r"""How often a constrained minimiser has exact zeros, and how many, over random losses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _checks as checks
from ..penalties import ElasticNet, Lp, Penalty, Separable
from ..result import Table
from .concave import support_starts
from .constrained import Smooth, best_of_size
from .contact import contact
from .cuts import haar
from .fields import quadratic
from .norms import norm

HALVINGS = 200
PENALTIES: dict[str, float | Penalty] = {
    "L0": 0.0, "L1": 1.0, "L1/2": Lp(1.0, 0.5), "elastic net": ElasticNet(0.5, 0.5), "L2": 2.0,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Zeros:
    """Numbers of exact zeros of constrained minimisers over random losses.

    Attributes
    ----------
    penalty : float or Penalty
    n : int
        Number of variables.
    budget : float
        Share of the penalty at the loss's centre.
    condition : float
        Largest over smallest eigenvalue of the losses.
    counts : ndarray of shape (n + 1,)
        Draws by number of exact zeros.
    """

    penalty: float | Penalty
    n: int
    budget: float
    condition: float
    counts: np.ndarray

    @property
    def draws(self) -> int:
        return int(self.counts.sum())

    @property
    def shares(self) -> np.ndarray:
        """Share of draws by number of zeros, shape (n + 1,)."""
        return self.counts / self.draws

    @property
    def errors(self) -> np.ndarray:
        """Standard errors of the shares; 0 for a share of 0 or 1, which says nothing of how sure that is."""
        return np.sqrt(self.shares * (1.0 - self.shares) / self.draws)

    @property
    def share(self) -> float:
        """Share of draws with at least one exact zero."""
        return float(self.counts[1:].sum() / self.draws)

    @property
    def error(self) -> float:
        """Standard error of that share."""
        return float(self.errors[0])

    @property
    def vertices(self) -> float:
        """Share of draws with a single nonzero: a vertex of the ball."""
        return float(self.shares[self.n - 1])

    @property
    def vertex_error(self) -> float:
        """Standard error of that share."""
        return float(self.errors[self.n - 1])

    @property
    def mean(self) -> float:
        """Mean number of exact zeros."""
        return float(self.shares @ np.arange(self.n + 1))

    @property
    def mean_error(self) -> float:
        """Standard error of the mean."""
        places = np.arange(self.n + 1)
        return float(np.sqrt(self.shares @ (places - self.mean) ** 2 / max(self.draws - 1, 1)))


def random_losses(n, *, condition=10.0, draws=1000, random_state: Any = 0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    r"""Random quadratic losses :math:`\tfrac12(x-c)^\top H(x-c)`.

    :math:`H = Q\,\mathrm{diag}(1, \dots, \kappa)\,Q^\top` with a rotation Q drawn from the Haar measure and eigenvalues
    spaced geometrically; c is standard normal.

    Parameters
    ----------
    n : int
        Number of variables.
    condition : float in [1, 1e10], default=10.0
        :math:`\kappa`; another one gives the same rotations and centres.
    draws : int, default=1000
    random_state : int or Generator, default=0

    Yields
    ------
    H : ndarray of shape (n, n)
    centre : ndarray of shape (n,)

    References
    ----------
    Mezzadri (2007), "How to generate random matrices from the classical compact groups".

    Examples
    --------
    >>> H, centre = next(random_losses(3, condition=19.0))
    >>> bool(np.isclose(np.linalg.cond(H), 19.0))
    True
    """
    n, condition = checks.dimension(n), checks.condition(condition)
    rng = checks.random_state(random_state)
    values = np.geomspace(1.0, condition, n) if n > 1 else np.ones(1)
    for _ in range(checks.integer_in("draws", draws, 1, 10**9)):
        Q = haar(rng, n, n)
        yield (Q * values) @ Q.T, rng.normal(size=n)


def count_zeros(penalty, n, *, budget=0.5, condition=10.0, draws=1000, random_state=0) -> Zeros:
    r"""Exact zeros of :math:`\arg\min L(x)` subject to :math:`P(x) \le s\,P(c)`, over random losses L with minimiser c.

    Parameters
    ----------
    penalty : float in [0, inf] or Penalty
        p of a norm, or a penalty. For p = 0 the budget is s n nonzeros, rounded down, at least 1.
    n : int
        Number of variables, at most 15 for p = 0.
    budget : float in (0, 1), default=0.5
        s.
    condition, draws, random_state
        As in `random_losses`: the same losses for every penalty.

    Returns
    -------
    Zeros

    Raises
    ------
    ArgumentError
        An argument is out of its range, or the penalty is 0 at a centre.

    Notes
    -----
    The penalty of `Lp` is a power sum: half of it is :math:`2^{-1/p}` of the quasi-norm.

    L1: the lasso's path is followed exactly to its budget. Elastic net: lasso paths at the multiplier that spends the
    budget. 0 < p < 1: tangent steps from the minimiser of every support. p = 0: all supports. p = 2: the secular
    equation. Others: `contact`.

    References
    ----------
    Osborne, Presnell & Turlach (2000), "On the LASSO and its dual".

    Examples
    --------
    >>> flat = count_zeros(1, 2, condition=1.0, draws=2000)
    >>> bool(abs(flat.share - (1 - 4 / np.pi * np.arctan(0.5))) < 4 * flat.error)
    True
    """
    share = checks.open_share("budget", budget)
    penalty = penalty if isinstance(penalty, Penalty) else checks.exponent(penalty)
    counts = np.zeros(checks.dimension(n) + 1, np.int64)
    for H, centre in random_losses(n, condition=condition, draws=draws, random_state=random_state):
        counts[n - np.count_nonzero(constrained(H, centre, penalty, share))] += 1
    return Zeros(penalty, n, share, float(condition), counts)


def constrained(H, centre, penalty, share) -> np.ndarray:
    """Minimiser of one loss within a share of the penalty at its centre, by the fastest way that is as good as any.

    It is exact but for concave penalties, whose minimisers are the best of a search from many starts.

    Raises
    ------
    DataError
        A path cannot be followed, for H is singular to rounding.
    """
    q, n = H @ centre, len(centre)
    if isinstance(penalty, Separable) and _is_net(penalty):
        return _net(H, q, penalty, share * penalty.value(centre))
    if isinstance(penalty, Lp) and penalty.bend[0] > 0:
        p = penalty.bend[1]
        return _power(H, q, p, share * float((np.abs(centre) ** p).sum()))
    if not isinstance(penalty, Penalty):
        if penalty == 0:
            return best_of_size(_bowl(H, q), max(int(share * n), 1))[0]
        if penalty == 1:
            return _net(H, q, Separable(l1=1.0), share * float(np.abs(centre).sum()))
        if penalty == 2:
            return secular(H, q, share * float(np.linalg.norm(centre)))
        if penalty < 1:
            return _power(H, q, penalty, float((np.abs(centre) ** penalty).sum()) * share**penalty)
        return contact(quadratic(H, centre), penalty, share * float(norm(centre, penalty))).point
    return contact(quadratic(H, centre), penalty, share * penalty.value(centre)).point


def _is_net(penalty: Separable) -> bool:
    if penalty.limited or np.any(penalty.l0) or np.ndim(penalty.l1) or np.ndim(penalty.l2):
        return False
    return bool(penalty.l1 > 0)


def secular(H, q, radius) -> np.ndarray:
    r"""Minimiser of :math:`\tfrac12 x^\top H x - q^\top x` in the ball of a radius, H positive definite.

    It is :math:`(H+\nu I)^{-1}q` at the root :math:`\nu` of the secular equation :math:`\|(H+\nu I)^{-1}q\| = r`.

    References
    ----------
    Moré & Sorensen (1983), "Computing a trust region step".
    """
    values, vectors = np.linalg.eigh(H)
    pull = vectors.T @ q
    low, high = 0.0, float(np.linalg.norm(pull)) / radius
    if np.linalg.norm(pull / values) <= radius:
        return vectors @ (pull / values)
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        if not low < middle < high:
            break
        low, high = (middle, high) if np.linalg.norm(pull / (values + middle)) > radius else (low, middle)
    return vectors @ (pull / (values + high))


def _net(H, q, penalty: Separable, budget) -> np.ndarray:
    from .._kernels.homotopy import lasso_to, net_to

    x = np.zeros(len(q))
    if penalty.l2 > 0:
        end = net_to(H, q, float(penalty.l1), float(penalty.l2), budget, x)
    else:
        end = lasso_to(H, q, budget / float(penalty.l1), 0.0, x)
    return _followed(end, x)


def _power(H, q, p, budget) -> np.ndarray:
    from .._kernels.homotopy import tangents_to

    x = np.zeros(len(q))
    return _followed(tangents_to(H, q, p, budget, support_starts(H, q, np.random.default_rng(0)), x), x)


def _followed(end: float, x) -> np.ndarray:
    """The point at the end of paths, where there is one."""
    if not np.isfinite(end):
        raise checks.no_path()
    return x


def _bowl(H, q) -> Smooth:
    return Smooth(lambda x: 0.5 * x @ H @ x - q @ x, lambda x: H @ x - q, lambda x: H, len(q), H, q)


def sparsity_table(
    dimensions: Iterable[int] = range(2, 11),
    *,
    penalties: Mapping[str, float | Penalty] | None = None,
    budget=0.5,
    condition=10.0,
    draws=1000,
    random_state=0,
) -> Table:
    """Share of constrained minimisers with at least one exact zero, by number of variables and penalty.

    A standard error of 0, where no draw or every draw has a zero, is no certainty: by the rule of three the share is
    then within 3 / draws of what was counted, at a level of 95 %. For a concave penalty the shares are those of the
    best points that a search from many starts finds.

    Parameters
    ----------
    dimensions : iterable of int, default=range(2, 11)
    penalties : mapping from label to penalty, optional
        L0, L1, L1/2, elastic net and L2 by default.
    budget, condition, draws, random_state
        As in `count_zeros`; every penalty sees the same losses.

    Returns
    -------
    Table
        One row a dimension; a column for each share and one for its standard error.

    Raises
    ------
    ArgumentError
        As in `count_zeros`.

    Examples
    --------
    >>> print(sparsity_table([2], penalties={"L1": 1, "L2": 2}, condition=1.0, draws=400).to_csv())
    n,L1,L1 error,L2,L2 error
    2,0.3775,0.02423807696579908,0.0,0.0
    """
    chosen = dict(PENALTIES if penalties is None else penalties)
    rows = []
    for n in dimensions:
        row: list[float] = [n]
        for penalty in chosen.values():
            found = count_zeros(penalty, n, budget=budget, condition=condition, draws=draws, random_state=random_state)
            row += [found.share, found.error]
        rows.append(row)
    title = f"Share with at least one exact zero: budget {budget:g}, condition {condition:g}, {draws} draws"
    return Table(["n", *(name for label in chosen for name in (label, f"{label} error"))], rows, title)
