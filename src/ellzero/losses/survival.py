"""The loss of survival times: partial likelihood, which ties the rows together."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from .. import _checks as checks
from .._risk import RiskSets
from .base import Loss


@dataclass(frozen=True, slots=True, eq=False)
class Cox(Loss):
    r"""Negative log partial likelihood of proportional hazards, over the number of events.

    With d the events, R(t) the rows at risk at a time (in the same stratum) and Breslow's treatment of ties,

    .. math:: L(\eta) = \sum_i w_i d_i \Bigl[\log\sum_{j \in R(t_i)} w_j e^{\eta_j} - \eta_i\Bigr] \Big/ \sum_i w_i d_i.

    It is no mean over rows, and has no intercept. The n of the criteria is the number of events. A row with an integer
    weight is a repeated row with Breslow's ties; with Efron's it shares them less. Weights below one are first divided
    by the smallest, so that L is never negative: that adds a constant.

    Parameters
    ----------
    ties : {"breslow", "efron"}, default="breslow"
        What events at the same time count; the same where there are none.
    strata : array-like of shape (n_samples,), optional
        Labels; only rows with the same one are at risk together.

    Raises
    ------
    ArgumentError
        `ties` is neither, or `strata` has another length than the target.

    References
    ----------
    Cox (1972), "Regression models and life-tables", JRSS B 34; Breslow (1974), Biometrics 30; Efron (1977), JASA 72.

    Examples
    --------
    >>> y, loss = Cox().bound_to(np.array([[1.0, 1.0], [2.0, 0.0]]), np.ones(2))
    >>> loss.mean(y, np.zeros(2), np.ones(2))
    0.6931471805599453
    """

    name: ClassVar[str] = "cox"
    curvature_bound: ClassVar[float] = float("inf")
    attained: ClassVar[bool] = False
    by_rows: ClassVar[bool] = False
    censored: ClassVar[bool] = True
    ties: str = "breslow"
    strata: Any = None

    def __post_init__(self):
        checks.one_of("ties", self.ties, ("breslow", "efron"))

    @property
    def unbound(self):
        return Cox(self.ties)

    def at_rows(self, rows):
        return self if self.strata is None else Cox(self.ties, np.asarray(self.strata)[rows])

    def check_target(self, y):
        checks.survival(y)
        if self.strata is not None:
            checks.strata(np.shape(self.strata), len(y))

    def bound_to(self, y, weight):
        """Target as 0 and 1, and the loss with the risk sets."""
        labels = np.zeros(len(y)) if self.strata is None else self.strata
        strata = np.unique(np.asarray(labels), return_inverse=True)[1]
        risk = RiskSets.of(y[:, 0], y[:, 1], weight / min(1.0, weight.min()), strata, self.ties == "efron")
        return y[:, 1].copy(), BoundCox(self.ties, self.strata, risk=risk, events=float(weight @ y[:, 1]))

    def value(self, y, eta):
        raise checks.not_by_rows(self.name)

    def gradient(self, y, eta):
        raise checks.not_by_rows(self.name)

    def curvature(self, y, eta):
        raise checks.not_by_rows(self.name)

    def conjugate(self, y, u):
        raise checks.not_by_rows(self.name)

    def clip_dual(self, y, u):
        raise checks.not_by_rows(self.name)

    def inverse_link(self, eta):
        return np.exp(eta)  # hazard relative to that of a row whose linear predictor is zero

    def link(self, mean):
        return np.log(mean)

    def saturated_nll(self, y):
        return np.zeros_like(y)

    def null_intercept(self, y, weight):
        return 0.0


@dataclass(frozen=True, slots=True, eq=False)
class BoundCox(Cox):
    """The loss `Cox` with the risk sets of its rows; y and weights are in these already.

    Parameters
    ----------
    ties, strata
        As in `Cox`.
    risk : RiskSets
    events : float
        Weight of all events, as given.
    """

    risk: RiskSets = field(kw_only=True)
    events: float = field(kw_only=True)

    def mean(self, y, eta, weight):
        return self.risk.value(eta) / self._share

    def mean_gradient(self, y, eta, weight):
        return self.risk.gradient(eta) / self._share

    def mean_hessian_times(self, y, eta, weight, directions):
        return self.risk.hessian(eta).times(directions) / self._share

    def mean_hessian_form(self, y, eta, weight, directions):
        return self.risk.hessian(eta).form(directions) / self._share

    def mean_hessian_squares(self, y, eta, weight, directions):
        return self.risk.hessian(eta).squares(directions) / self._share

    def sample_size(self, weight):
        return self.events

    @property
    def _share(self) -> float:
        return float(self.risk.dead_weight.sum())
