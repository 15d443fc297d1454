"""Survival models with few columns."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted, validate_data

from .. import _checks as checks
from ..losses import BoundCox, Cox
from ..operators.adapters import as_survival, as_vector
from . import _messages as messages
from ._base import Sized
from ._predictors import linear_predictor

PAIRS = 2**22  # pairs of rows that are compared at once


class L0Cox(Sized):
    r"""Proportional hazards with the few columns that tell best who has the event first.

    Minimises :math:`L(\beta) + \lambda_0 \|\beta\|_0 + \lambda_1 \|\beta\|_1 + \lambda_2 \|\beta\|_2^2`, with at most k
    nonzeros where k is given; L is the negative log partial likelihood over the number of events, see
    `ellzero.losses.Cox`. Where neither `k` nor `l0` is given, a criterion chooses among the best models of every size;
    its n is the number of events. The answer is that of the swap search: no proof is known for this loss.

    Parameters
    ----------
    k : int, optional
        At most so many columns (groups, where there are groups); forced ones count.
    l0 : float, optional
        Price of a column, >= 0, in units of L.
    criterion : {"bic", "ebic", "aic", "aicc", "gic"}, optional
        What chooses the size where neither `k` nor `l0` is given: BIC by default, EBIC where columns outnumber events.
    max_k : int, optional
        Largest size to choose from; ``min(n_features, 20, (n_events - 1) // 3)`` by default.
    ties : {"breslow", "efron"}, default="breslow"
        What events at the same time count.
    l1, l2, lower, upper, groups, forced, forbidden, constraints, standardize
        As in `L0Regressor`.
    solver : {"auto", "stepwise", "exchange"} or Solver, default="auto"
        What answers.
    time_limit, n_jobs, random_state, on_progress
        As in `L0Regressor`.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,)
        Coefficients in data units, zero off the support; the logarithms of hazard ratios.
    intercept_ : float
        Always 0: the baseline hazard holds it.
    strata_ : ndarray of shape (n_strata,)
        The labels of the strata, sorted; one where none were given.
    event_times_ : list of ndarray
        Times with events, ascending, a stratum each.
    log_cumulative_hazard_ : list of ndarray
        Logarithm of the baseline cumulative hazard (Breslow's estimate) just after each of these times.
    support_, k_, objective_, status_, criterion_, path_, result_, n_features_in_, feature_names_in_
        As in `L0Regressor`.

    See Also
    --------
    ellzero.best_subset : The same question as a function, ``loss="cox"``.

    References
    ----------
    Cox (1972), "Regression models and life-tables", JRSS B 34; Breslow (1972), JRSS B 34, 216-217.

    Examples
    --------
    >>> import numpy as np
    >>> import ellzero as ez
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 6))
    >>> time = rng.exponential(np.exp(X[:, 4] - X[:, 1]))
    >>> y = np.column_stack([np.minimum(time, 2.0), time < 2.0])
    >>> model = ez.L0Cox().fit(X, y)
    >>> model.support_
    array([1, 4])
    >>> model.predict_survival(X[:2], [0.5, 1.0]).shape
    (2, 2)
    """

    fit_intercept, certify, gap = False, False, 1e-6

    def __init__(
        self,
        k=None,
        *,
        l0=None,
        criterion=None,
        max_k=None,
        ties="breslow",
        l1=0.0,
        l2=0.0,
        lower=None,
        upper=None,
        groups=None,
        forced=(),
        forbidden=(),
        constraints=(),
        standardize=True,
        solver="auto",
        time_limit=60.0,
        n_jobs=1,
        random_state=None,
        on_progress=None,
    ):
        super().__init__(
            l1=l1, l2=l2, lower=lower, upper=upper, groups=groups, forced=forced, forbidden=forbidden,
            constraints=constraints, fit_intercept=False, standardize=standardize, certify=False, solver=solver,
            gap=1e-6, time_limit=time_limit, n_jobs=n_jobs, random_state=random_state, on_progress=on_progress,
        )  # fmt: skip
        del self.fit_intercept, self.certify, self.gap  # no parameters here: the class has their values
        self.k = k
        self.l0 = l0
        self.criterion = criterion
        self.max_k = max_k
        self.ties = ties

    def _loss(self):
        return Cox(self.ties)

    def _coded(self, y, sample_weight):
        return y

    def fit(self, X, y, sample_weight=None, strata=None, offset=None):
        """Find the support, its coefficients and the baseline hazard.

        Parameters
        ----------
        X : array-like, data frame (pandas, polars) or scipy.sparse matrix of shape (n_samples, n_features)
            Finite numbers; sparse data are not densified.
        y : array-like of shape (n_samples, 2) or structured array of shape (n_samples,)
            Times >= 0 and events (1 where it happened, 0 where the row was only seen until then), in this order; or a
            structured array with a number and a bool, as scikit-survival has it.
        sample_weight : array-like of shape (n_samples,), optional
            Weights >= 0; see `ellzero.losses.Cox`.
        strata : array-like of shape (n_samples,), optional
            Labels; each stratum has a baseline hazard of its own.
        offset : array-like of shape (n_samples,), optional
            Known part of the linear predictor.

        Returns
        -------
        self

        Raises
        ------
        ArgumentError, DataError, InfeasibleError, UnsupportedError
            As in `best_subset`; all are `ValueError`.

        Warns
        -----
        EllzeroWarning
            Columns are constant or combinations of others, or the size chosen is the largest offered.
        """
        return self._fit(X, y, sample_weight, strata=strata, offset=offset)

    def _fit(self, X, y, sample_weight, strata=None, **rows):
        messages.given(self, y)
        checked: Any = validate_data(self, X, accept_sparse=("csc", "csr"), dtype=np.float64, ensure_min_samples=2)
        X = checked  # of several types, as it is inferred
        y = as_survival(y, X.shape[0])
        if sample_weight is not None:
            sample_weight = as_vector("sample_weight", sample_weight, len(y))
        loss = Cox(self.ties, strata)
        self._keep(self._search(X, y, sample_weight, loss=loss, **rows))
        self._keep_baseline(loss, linear_predictor(self, X, rows["offset"]), y, sample_weight)
        return self

    def _keep_baseline(self, loss: Cox, eta, y, sample_weight) -> None:
        weight = np.ones(len(y)) if sample_weight is None else sample_weight
        counted = np.flatnonzero(weight)
        labels = np.zeros(len(y), int) if loss.strata is None else np.asarray(loss.strata)
        self.strata_ = np.unique(labels[counted])
        _, bound = loss.at_rows(counted).bound_to(y[counted], weight[counted])
        assert isinstance(bound, BoundCox)
        stratum, time, log_hazard = bound.risk.hazard(eta[counted])
        parts = [np.flatnonzero(stratum == s)[::-1] for s in range(self.strata_.size)]  # the first event first
        self.event_times_ = [time[part] for part in parts]
        self.log_cumulative_hazard_ = [np.logaddexp.accumulate(log_hazard[part]) for part in parts]

    def predict(self, X, offset=None) -> np.ndarray:
        """Logarithm of the hazard of each row, relative to the baseline: the higher, the sooner the event.

        Parameters
        ----------
        X : array-like, data frame or scipy.sparse matrix of shape (n_samples, n_features)
        offset : array-like of shape (n_samples,), optional
            Known part of the linear predictor.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        return linear_predictor(self, X, offset)

    def predict_survival(self, X, times, strata=None, offset=None) -> np.ndarray:
        r"""Probability of no event until some times, :math:`\exp(-H_0(t) e^\eta)`.

        Parameters
        ----------
        X : array-like, data frame or scipy.sparse matrix of shape (n_samples, n_features)
        times : array-like of shape (n_times,)
        strata : array-like of shape (n_samples,), optional
            Labels, where the model was fitted with strata.
        offset : array-like of shape (n_samples,), optional
            Known part of the linear predictor.

        Returns
        -------
        ndarray of shape (n_samples, n_times)
            1 before the first event of the stratum; after its last one as just after it.

        Raises
        ------
        ArgumentError
            The model has strata and none are given, or a label that was not there when it was fitted.
        DataError
            A time is not a number.
        """
        eta = linear_predictor(self, X, offset)
        times = np.atleast_1d(np.asarray(times, dtype=np.float64))
        if np.isnan(times).any():
            raise messages.no_times()
        if strata is None and self.strata_.size == 1:
            labels = np.full(eta.size, self.strata_[0])
        else:
            labels = np.asarray(strata)
            checks.strata(labels.shape, eta.size)
        unknown = np.setdiff1d(labels, self.strata_)
        if unknown.size:
            raise messages.unknown_strata(unknown)
        survival = np.ones((eta.size, times.size))
        for label, seen, log_hazard in zip(self.strata_, self.event_times_, self.log_cumulative_hazard_, strict=True):
            reached = np.append(-np.inf, log_hazard)[np.searchsorted(seen, times, side="right")]
            mine = labels == label
            survival[mine] = np.exp(-np.exp(eta[mine, None] + reached))
        return survival

    def score(self, X, y, sample_weight=None) -> float:
        """Harrell's concordance: share of comparable pairs in which the row with the higher hazard goes first.

        A pair is comparable where the one that leaves first has an event then; of two rows that leave together, one
        with an event goes before one without. Equal hazards count a half, a pair the product of its weights.

        Parameters
        ----------
        X : array-like, data frame or scipy.sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples, 2) or structured array of shape (n_samples,)
            As in `fit`.
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        float
            From 0 to 1; a half is chance.

        Raises
        ------
        DataError
            No pair can be compared.

        References
        ----------
        Harrell, Califf, Pryor, Lee & Rosati (1982), "Evaluating the yield of medical tests", JAMA 247.
        """
        check_is_fitted(self)
        eta = self.predict(X)
        y = as_survival(y, eta.size)
        weight = np.ones(eta.size) if sample_weight is None else as_vector("sample_weight", sample_weight, eta.size)
        return concordance(eta, y, weight)


def concordance(eta, y, weight) -> float:
    """Weighted share of comparable pairs that are in order; in blocks of rows, so that memory stays bounded."""
    time, event = y[:, 0], y[:, 1] == 1
    right = total = 0.0
    first = np.flatnonzero(event)
    for part in np.array_split(first, 1 + first.size * len(y) // PAIRS):
        later = (time > time[part, None]) | ((time == time[part, None]) & ~event)
        order = np.sign(eta[part, None] - eta)  # 1 where the one that goes first has the higher hazard
        total += float(weight[part] @ (later @ weight))
        right += float(weight[part] @ ((later * 0.5 * (1.0 + order)) @ weight))
    if total == 0:
        raise messages.no_pair()
    return right / total
