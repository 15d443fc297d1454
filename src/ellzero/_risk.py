r"""Risk sets of a survival sample, sorted once: partial likelihood, gradient and Hessian as running sums.

Rows are sorted by stratum and inside by time, the latest first, so the rows at risk at a time are a beginning of their
stratum. A time with events gives terms :math:`\omega \log(S - \varphi D)` with :math:`S = \sum w e^\eta` over the rows
at risk and D the same over its events. Breslow has one term, of the events' weight and with :math:`\varphi = 0`; Efron
has one for each of d events, which share the weight, with :math:`\varphi = 0, 1/d, \dots, (d-1)/d`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BAND = 500.0  # exponents that far apart are summed in one unit
Vector = NDArray[np.float64]
Indices = NDArray[np.intp]


class Sums(NamedTuple):
    """What value and derivatives need at one linear predictor, rows sorted.

    `size` is log(w e^eta) a row, `total` log S a time with events, `share` of S an event, `left` 1 - phi D/S a term.
    """

    size: Vector
    total: Vector
    share: Vector
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
        sums = self._sums(eta)
        return float(self.omega @ (sums.total[self.term_time] + np.log(sums.left)) - self.dead_weight @ eta[self.dead])

    def gradient(self, eta) -> Vector:
        """Gradient of the value in the linear predictor."""
        slope = self._expected(self._sums(eta[self.order]))
        slope[self.dead] -= self.dead_weight
        return self._unsorted(slope)

    def hessian_times(self, eta, directions) -> NDArray[np.float64]:
        """Hessian of the value in the linear predictor times some directions, shape (n_samples, m)."""
        sums, V = self._sums(eta[self.order]), directions[self.order]
        at_risk = self._by_stratum(_scaled_sums, np.column_stack([sums.size, np.ones_like(sums.size), V]))[self.ends]
        mean = at_risk[:, 2:] / at_risk[:, 1:2]
        share, left, phi = sums.share[:, None], sums.left[:, None], self.phi[:, None]
        own = np.add.reduceat(share * V[self.dead], self.dead_first, axis=0)
        term = self.omega[:, None] * (mean[self.term_time] - phi * own[self.term_time]) / left**2
        pull = np.zeros((len(V), 1 + V.shape[1]))
        pull[:, 0] = -np.inf
        pull[self.ends] = np.column_stack([-sums.total, np.add.reduceat(term, self.term_first, axis=0)])
        pull = self._by_stratum(_scaled_sums, pull, backward=True)
        product = self._expected(sums)[:, None] * V - np.exp(sums.size + pull[:, 0])[:, None] * pull[:, 1:]
        product[self.dead] += share * np.add.reduceat(phi * term, self.term_first, axis=0)[self.dead_time]
        return self._unsorted(product)

    def hazard(self, eta) -> tuple[Indices, Vector, Vector]:
        """Stratum, time and log increment of the baseline hazard at each time with events, the last time first."""
        sums = self._sums(eta[self.order])
        mass = np.add.reduceat(self.omega / sums.left, self.term_first)
        stratum = np.searchsorted(self.strata, self.ends, side="right") - 1
        return stratum, self.time[self.ends], np.log(mass) - sums.total

    def _sums(self, eta) -> Sums:
        size = eta + self.log_weight
        total = self._by_stratum(np.logaddexp.accumulate, size)[self.ends]
        share = np.exp(size[self.dead] - total[self.dead_time])
        of_time = np.add.reduceat(share, self.dead_first)
        return Sums(size, total, share, 1.0 - self.phi * of_time[self.term_time])

    def _expected(self, sums: Sums) -> Vector:
        """Events that each row is expected to have: its size times the sum of the rates while it is at risk."""
        rate = np.full(self.order.size, -np.inf)
        rate[self.ends] = np.log(np.add.reduceat(self.omega / sums.left, self.term_first)) - sums.total
        expected = np.exp(sums.size + self._by_stratum(np.logaddexp.accumulate, rate, backward=True))
        spared = np.add.reduceat(self.phi * self.omega / sums.left, self.term_first)
        expected[self.dead] -= sums.share * spared[self.dead_time]
        return expected

    def _by_stratum(self, accumulate: Callable[..., np.ndarray], values, backward: bool = False) -> np.ndarray:
        """Running sums inside each stratum."""
        found, step = np.empty_like(values), -1 if backward else 1
        for start, end in zip(self.strata[:-1], self.strata[1:], strict=True):
            found[start:end] = accumulate(values[start:end][::step])[::step]
        return found

    def _unsorted(self, values) -> np.ndarray:
        found = np.empty_like(values)
        found[self.order] = values
        return found


def _scaled_sums(parts) -> np.ndarray:
    """Running sums of values (the later columns) times the exponential of a level (the first).

    The first column of the answer is the running maximum of the level, and the sums are over its exponential: nothing
    overflows or vanishes, however far the levels are apart.
    """
    level, values = parts[:, 0], parts[:, 1:]
    top = np.maximum.accumulate(level)
    if top[-1] == -np.inf:
        return np.zeros_like(parts)
    top = np.where(top > -np.inf, top, top[top > -np.inf][0])
    found = np.column_stack([top, values])
    before, carried = top[0], np.zeros(values.shape[1])
    ends = np.append(np.flatnonzero(np.diff(np.floor((top - top[0]) / BAND))) + 1, top.size)
    for start, end in zip(np.append(0, ends[:-1]), ends, strict=True):
        unit = top[end - 1]
        sums = np.cumsum(np.exp(level[start:end] - unit)[:, None] * values[start:end], axis=0)
        sums += np.exp(before - unit) * carried
        found[start:end, 1:] = np.exp(unit - top[start:end])[:, None] * sums
        before, carried = unit, sums[-1]
    return found
