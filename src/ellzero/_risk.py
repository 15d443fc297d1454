r"""Risk sets of a survival sample, sorted once: partial likelihood, gradient and Hessian from running sums.

Rows are sorted by stratum and inside by time, the latest first, so the rows at risk at a time are a beginning of their
stratum. A time with events gives terms :math:`\omega \log(S - \varphi D)` with :math:`S = \sum w e^\eta` over the rows
at risk and D the same over its events. Breslow has one term, of the events' weight and with :math:`\varphi = 0`; Efron
has one for each of d events, which share the weight, with :math:`\varphi = 0, 1/d, \dots, (d-1)/d`.

With :math:`\ell = 1 - \varphi D / S`, :math:`\bar v` the mean of some v over the rows at risk, weighted by
:math:`w e^\eta`, and :math:`\tilde v` the events' part of that mean, the curvature along v is

.. math:: \sum_i e_i v_i^2 - \sum \frac{\omega}{\ell^2} (\bar v - \varphi \tilde v)^2,

where :math:`e_i` is how many events row i is expected to have. The terms of one time are parabolas in :math:`\bar v`
and add up to :math:`a (\bar v - f \tilde v)^2 + b \tilde v^2`: a is the sum of :math:`\omega / \ell^2`, f the mean of
:math:`\varphi` with these as weights, and b is a times its variance. So the Hessian is a diagonal minus
:math:`K^\top K`, K having one row a time, and another one where a time has several terms. Strata do not show in it.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Indices = NDArray[np.intp]


class Running(NamedTuple):
    """Running sums that are read at some rows, as `_kernels.atrisk` says: a matrix, and its transpose."""

    order: Indices
    share: Vector
    kept: Vector
    ends: Indices

    def of(self, columns) -> Matrix:
        """Sums of each row of `columns`, shape (m, n_samples), at each end."""
        from ._kernels.atrisk import collect

        found = np.empty((len(columns), self.ends.size))
        collect(columns, *self, found)
        return found

    def hand_out(self, values, out) -> None:
        """Add the transpose times `values`, shape (m, n_ends), to `out`, shape (m, n_samples)."""
        from ._kernels.atrisk import hand_out

        hand_out(values, *self, out)


class Sums(NamedTuple):
    """What value and derivatives need at one linear predictor.

    `at_risk` takes means over the rows at risk, `total` is log S a time with events, `dying` the share of S of each
    event, `left` 1 - phi D/S a term.
    """

    at_risk: Running
    total: Vector
    dying: Vector
    left: Vector


@dataclass(frozen=True, slots=True, eq=False)
class RiskSets:
    """The order of the rows, and the terms of the likelihood.

    Attributes
    ----------
    order : ndarray of shape (n_samples,)
        Rows as they are sorted here; all that follows counts sorted rows.
    strata : ndarray of shape (n_strata + 1,)
        First row of each stratum, and the number of rows.
    first : ndarray of bool of shape (n_samples,)
        Whether a row is the first of its stratum.
    time, log_weight : ndarray of shape (n_samples,)
    ends : ndarray of shape (n_times,)
        Last row at risk at each time with events.
    dead, dead_time, dead_first, dead_weight
        Rows with an event, the number of the time of each, the first of each time, and their weights.
    term_time, term_first, omega, phi
        The number of the time of each term, the first of each time, and the terms' weights and shares.
    """

    order: Indices
    strata: Indices
    first: NDArray[np.bool_]
    time: Vector
    log_weight: Vector
    ends: Indices
    dead: Indices
    dead_time: Indices
    dead_first: Indices
    dead_weight: Vector
    term_time: Indices
    term_first: Indices
    omega: Vector
    phi: Vector

    @classmethod
    def of(cls, time, event, weight, strata, efron: bool) -> "RiskSets":
        """Sort rows; `event` is 0 or 1 and somewhere 1, `strata` are integers, weights are positive."""
        order = np.lexsort((-time, strata))
        time, weight, strata = time[order], weight[order], strata[order]
        new_stratum = np.diff(strata, prepend=strata[0] - 1) != 0
        new_time = new_stratum | (np.diff(time, prepend=time[0]) != 0)
        last = np.append(np.flatnonzero(new_time)[1:], time.size) - 1
        dead = np.flatnonzero(event[order])
        times, dead_first, count = np.unique(np.cumsum(new_time)[dead] - 1, return_index=True, return_counts=True)
        each = np.arange(times.size)
        repeats = count if efron else np.ones_like(count)
        term_time, term_first = np.repeat(each, repeats), np.cumsum(repeats) - repeats
        mass = np.add.reduceat(weight[dead], dead_first) / repeats
        place = np.arange(term_time.size) - term_first[term_time]
        return cls(
            order,
            np.append(np.flatnonzero(new_stratum), time.size),
            new_stratum,
            time,
            np.log(weight),
            last[times],
            dead,
            np.repeat(each, count),
            dead_first,
            weight[dead],
            term_time,
            term_first,
            mass[term_time],
            place / repeats[term_time],
        )

    def value(self, eta) -> float:
        """Negative log partial likelihood."""
        eta = eta[self.order]
        sums = self.sums(eta)
        return float(self.omega @ (sums.total[self.term_time] + np.log(sums.left)) - self.dead_weight @ eta[self.dead])

    def gradient(self, eta) -> Vector:
        """Gradient of the value in the linear predictor."""
        slope = self.expected(self.sums(eta[self.order]))
        slope[self.order[self.dead]] -= self.dead_weight
        return slope

    def hessian(self, eta) -> "Hessian":
        """Hessian of the value in the linear predictor."""
        return Hessian.of(self, self.sums(eta[self.order]))

    def hazard(self, eta) -> tuple[Indices, Vector, Vector]:
        """Stratum, time and log increment of the baseline hazard at each time with events, the last time first."""
        sums = self.sums(eta[self.order])
        mass = np.add.reduceat(self.omega / sums.left, self.term_first)
        stratum = np.searchsorted(self.strata, self.ends, side="right") - 1
        return stratum, self.time[self.ends], np.log(mass) - sums.total

    def sums(self, eta) -> Sums:
        """What all else is made of; `eta` is sorted."""
        from ._kernels.atrisk import add_up

        size = eta + self.log_weight
        total, share, kept = np.empty(self.ends.size), np.empty_like(size), np.empty_like(size)
        add_up(size, self.first, self.ends, total, share, kept)
        dying = np.exp(size[self.dead] - total[self.dead_time])
        of_time = np.add.reduceat(dying, self.dead_first)
        at_risk = Running(self.order, share, kept, self.ends)
        return Sums(at_risk, total, dying, 1.0 - self.phi * of_time[self.term_time])

    def expected(self, sums: Sums) -> Vector:
        """Events that each row, unsorted, is expected to have: its shares of those at the times it is at risk."""
        rate = self.omega / sums.left
        found = np.zeros((1, self.order.size))
        sums.at_risk.hand_out(np.add.reduceat(rate, self.term_first)[None], found)
        spared = np.add.reduceat(self.phi * rate, self.term_first)
        found[0, self.order[self.dead]] -= sums.dying * spared[self.dead_time]
        return found[0]


@dataclass(frozen=True, slots=True, eq=False)
class Hessian:
    """The Hessian at one linear predictor: a diagonal minus K'K. Directions have shape (n_samples, m).

    Attributes
    ----------
    diagonal : ndarray of shape (n_samples,)
    at_risk : Running
        Means over the rows at risk at each time.
    root : ndarray of shape (n_times,)
        Root of a.
    tied : ndarray of int
        Numbers of the times with several terms.
    dying : Running
        What their events have in these means.
    tilt, extra : ndarray
        f and the root of b at these times.
    """

    diagonal: Vector
    at_risk: Running
    root: Vector
    tied: Indices
    dying: Running
    tilt: Vector
    extra: Vector

    @classmethod
    def of(cls, risk: RiskSets, sums: Sums) -> "Hessian":
        """Add the terms of each time up."""
        bend = risk.omega / sums.left**2
        a = np.add.reduceat(bend, risk.term_first)
        f = np.add.reduceat(bend * risk.phi, risk.term_first) / a
        b = np.add.reduceat(bend * (risk.phi - f[risk.term_time]) ** 2, risk.term_first)
        tied = np.flatnonzero(f > 0)
        events = np.flatnonzero(f[risk.dead_time] > 0)
        same_time = np.diff(risk.dead_time[events], prepend=-1) == 0
        ends = np.flatnonzero(~np.append(same_time[1:], False)) if tied.size else tied
        dying = Running(risk.order[risk.dead[events]], sums.dying[events], same_time.astype(float), ends)
        return cls(risk.expected(sums), sums.at_risk, np.sqrt(a), tied, dying, f[tied], np.sqrt(b[tied]))

    def times(self, directions) -> Matrix:
        """Product with directions."""
        V = np.ascontiguousarray(directions.T)
        rows, more = self._roots(V)
        pull = np.zeros_like(V)
        self.at_risk.hand_out(self.root * rows, pull)
        self.dying.hand_out(self.extra * more - self.tilt * self.root[self.tied] * rows[:, self.tied], pull)
        return (self.diagonal * V - pull).T

    def form(self, directions) -> Matrix:
        """Directions from both sides, shape (m, m)."""
        V = np.ascontiguousarray(directions.T)
        rows, more = self._roots(V)
        return (self.diagonal * V) @ V.T - rows @ rows.T - more @ more.T

    def squares(self, directions) -> Vector:
        """The diagonal of `form`."""
        from ._kernels.columns import squares_by_columns

        V = np.ascontiguousarray(directions.T)
        found = np.empty(len(V))
        squares_by_columns(V, np.zeros(len(V)), self.diagonal, found)
        for part in self._roots(V):
            found -= np.einsum("jg,jg->j", part, part)
        return found

    def _roots(self, V) -> tuple[Matrix, Matrix]:
        """K times directions: one row a time, and the additional ones."""
        rows, more = self.at_risk.of(V), self.dying.of(V)
        rows[:, self.tied] -= self.tilt * more
        rows *= self.root
        more *= self.extra
        return rows, more
