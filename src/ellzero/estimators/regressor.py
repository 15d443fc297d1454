"""Regression with few columns."""

from ._base import CrossValidated, Sized
from ._predictors import Regression


class L0Regressor(Regression, Sized):
    r"""Linear, Poisson, gamma or robust regression with the few columns that explain y best.

    Minimises :math:`L(\beta) + \lambda_0 \|\beta\|_0 + \lambda_1 \|\beta\|_1 + \lambda_2 \|\beta\|_2^2`, with at most k
    nonzeros where k is given; L is half the weighted mean deviance, :math:`\|y - X\beta\|^2/(2n)` for squared error.
    Where neither `k` nor `l0` is given, a criterion chooses among the best models of every size.

    Parameters
    ----------
    k : int, optional
        At most so many columns (groups, where there are groups); forced ones count, the intercept does not.
    l0 : float, optional
        Price of a column, >= 0, in units of the mean loss.
    criterion : {"bic", "ebic", "aic", "aicc", "gic", "cp", "adjr2"}, optional
        What chooses the size where neither `k` nor `l0` is given: BIC by default, EBIC where columns outnumber rows.
    max_k : int, optional
        Largest size to choose from; ``min(n_features, 20, (n_samples - 1) // 3)`` by default.
    loss : {"squared", "poisson", "gamma", "huber"} or Loss, default="squared"
        Squared error; the Poisson deviance with a log link for counts, the gamma deviance with one for positive
        numbers; or Huber's loss, which outliers pull less: ``ez.losses.Huber(delta=1.9)``, delta in units of y.
    l1, l2 : float, default=0.0
        Further strengths, >= 0, on columns of unit standard deviation unless ``standardize=False``.
    lower, upper : float or array-like of shape (n_features,), optional
        Limits of the coefficients in data units, ``lower <= 0 <= upper``.
    groups : sequence of length n_features or mapping from name to label, optional
        Columns with the same label enter and leave together and count as one.
    forced, forbidden : sequences of str or int, default=()
        Columns, by name or index, that must be in or out.
    constraints : sequence of rules, default=()
        What goes together, from `ellzero.constraints`, such as ``[StrongHierarchy()]``.
    fit_intercept, standardize : bool, default=True
    certify : bool, default=False
        Prove the answer, or say how far from proved it is when the time is up. Without it the swap search answers:
        fast, seldom improvable, with the gap of the root bound.
    solver : {"auto", "exhaustive", "branch", "stepwise", "exchange", "splicing", "mip"} or Solver, default="auto"
        What answers; ``auto`` is the swap search unless `certify` asks for a proof.
    gap : float, default=1e-6
        Relative gap at which an answer counts as proved.
    time_limit : float, default=60.0
        Seconds; the best answer so far is kept, with its true gap.
    n_jobs : int, default=1
        Threads of the search and of linear algebra, -1 for all cores; the answer does not depend on it.
    random_state : int, Generator or None, default=None
        Seed of the random restarts; None is seed 0.
    on_progress : callable, optional
        Receives an `Event` now and then.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_outputs, n_features)
        Coefficients in data units, zero off the support.
    intercept_ : float or ndarray of shape (n_outputs,)
    support_ : ndarray of shape (n_nonzero,)
        Sorted indices of the columns that are in.
    k_ : int
        Units in: columns, or groups where there are groups.
    objective_ : float
        Loss plus penalties.
    lower_bound_, gap_ : float or None
        Proven bound of the objective, and ``(objective_ - lower_bound_) / objective_``; None where nothing is known.
    status_ : Status
    criterion_ : str or None
        What chose the size; None where `k` or `l0` was given.
    path_ : Path or None
        Best model of every size, where a criterion chose.
    certificate_ : Certificate or None
        Proof for anyone who has the data, ``certificate_.verify(X, y)``; with ``certify=True``.
    result_ : Result
        All of this in one object that prints itself.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Where X had column names that are all strings.

    See Also
    --------
    L0RegressorCV : Chooses the size by cross-validation.
    ellzero.best_subset : The same question as a function.

    References
    ----------
    Hazimeh & Mazumder (2020), "Fast best subset selection: coordinate descent and local combinatorial optimization";
    Furnival & Wilson (1974).

    Examples
    --------
    >>> import ellzero as ez
    >>> data = ez.datasets.load_hitters()
    >>> model = ez.L0Regressor(k=3, certify=True).fit(data.X, data.y)
    >>> model.status_.value, [data.feature_names[j] for j in model.support_]
    ('optimal', ['Hits', 'CRBI', 'PutOuts'])
    >>> model = ez.L0Regressor().fit(data.X, data.y)
    >>> model.k_, model.criterion_
    (6, 'bic')
    """

    def __init__(
        self,
        k=None,
        *,
        l0=None,
        criterion=None,
        max_k=None,
        loss="squared",
        l1=0.0,
        l2=0.0,
        lower=None,
        upper=None,
        groups=None,
        forced=(),
        forbidden=(),
        constraints=(),
        fit_intercept=True,
        standardize=True,
        certify=False,
        solver="auto",
        gap=1e-6,
        time_limit=60.0,
        n_jobs=1,
        random_state=None,
        on_progress=None,
    ):
        super().__init__(
            l1=l1, l2=l2, lower=lower, upper=upper, groups=groups, forced=forced, forbidden=forbidden,
            constraints=constraints, fit_intercept=fit_intercept, standardize=standardize, certify=certify,
            solver=solver, gap=gap, time_limit=time_limit, n_jobs=n_jobs, random_state=random_state,
            on_progress=on_progress,
        )  # fmt: skip
        self.k = k
        self.l0 = l0
        self.criterion = criterion
        self.max_k = max_k
        self.loss = loss

    def fit(self, X, y, sample_weight=None, offset=None):
        """Find the support and its coefficients.

        Parameters
        ----------
        X : array-like, data frame (pandas, polars) or scipy.sparse matrix of shape (n_samples, n_features)
            Finite numbers; sparse data are not densified.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Numbers; counts for the Poisson loss, > 0 for the gamma loss. With several outputs a column of X enters for
            all of them, nothing is proved, and l1, limits and linear conditions are refused.
        sample_weight : array-like of shape (n_samples,), optional
            Weights >= 0; an integer weight is a repeated row.
        offset : array-like of shape (n_samples,), optional
            Known part of the linear predictor: the logarithm of the exposure for counts.

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
        return self._fit(X, y, sample_weight, offset=offset)


class L0RegressorCV(Regression, CrossValidated):
    r"""Regression with few columns, their number chosen by cross-validation.

    For every fold the best model of each size is found on the training rows; the size with the smallest weighted mean
    of half the held-out deviance is fitted to all rows. Coefficients of columns that a search has chosen lie too far
    from zero, the more the lower the signal: unless told not to, it chooses on the same folds how far to shrink them,

    .. math:: \hat\beta = \arg\min_{\beta_j = 0, j \notin S} L(\beta) + \lambda_1 \|\beta\|_1 +
       \lambda_2 \|\beta\|_2^2,

    S the support found, or all columns. With ``rule="1se"`` it is the smallest size whose mean lies
    within one standard error of the smallest, :math:`\sqrt{\sum_f v_f (l_f - \bar l)^2 / (F - 1)}`, v the folds' shares
    of the weight.

    Parameters
    ----------
    k : int or iterable of int, optional
        Sizes to choose from; an integer K stands for 0...K. By default up to a quarter of the smallest training set and
        100, from 40 on every eighth, and all columns at once: the lasso, or the elastic net, as one more size. At most
        20 where no shrinkage is chosen.
    cv : int, splitter or iterable of (train, test), default=5
        As scikit-learn takes it; an integer means shuffled folds, seeded by `random_state`.
    rule : {"best", "1se"}, default="best"
        Size of the smallest held-out loss, or the smallest size within one standard error of it.
    loss : {"squared", "poisson", "gamma", "huber"} or Loss, default="squared"
    l1, l2 : float, optional
        As in `L0Regressor`. None, for squared error with a single response: chosen on the same folds. l1 shrinks the
        coefficients on the support found, by one of 13 strengths down to 0; l2 is 0 or half of l1 for the coefficients,
        and 0 or 3 for the search. Otherwise, and where `certify` or `solver` asks for a proof, None is 0.
    lower, upper, groups, forced, forbidden, constraints, fit_intercept, standardize, certify, solver, gap
        As in `L0Regressor`.
    time_limit : float, default=60.0
        Seconds for all folds together, and again for the final fit.
    n_jobs : int, default=1
        As in `L0Regressor`.
    random_state : int, Generator or None, default=None
        Seed of the folds and of the random restarts; None is seed 0.
    on_progress : callable, optional
        As in `L0Regressor`.

    Attributes
    ----------
    cross_validation_ : CrossValidation
        Held-out loss of every size on every fold.
    coef_, intercept_, support_, k_, objective_, lower_bound_, gap_, status_, certificate_, result_
        As in `L0Regressor`.
    n_features_in_, feature_names_in_
        As in `L0Regressor`.

    See Also
    --------
    L0Regressor : Chooses by a criterion, or is told the size.
    ellzero.cross_validate : Held-out losses alone.

    References
    ----------
    Breiman, Friedman, Olshen & Stone (1984), "Classification and regression trees", section 3.4.3.

    Examples
    --------
    >>> import numpy as np
    >>> import ellzero as ez
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(80, 6))
    >>> y = 2 * X[:, 3] - X[:, 5] + 0.3 * rng.normal(size=80)
    >>> ez.L0RegressorCV(k=range(5), rule="1se").fit(X, y).support_
    array([3, 5])
    """

    def __init__(
        self,
        k=None,
        *,
        cv=5,
        rule="best",
        loss="squared",
        l1=None,
        l2=None,
        lower=None,
        upper=None,
        groups=None,
        forced=(),
        forbidden=(),
        constraints=(),
        fit_intercept=True,
        standardize=True,
        certify=False,
        solver="auto",
        gap=1e-6,
        time_limit=60.0,
        n_jobs=1,
        random_state=None,
        on_progress=None,
    ):
        super().__init__(
            l1=l1, l2=l2, lower=lower, upper=upper, groups=groups, forced=forced, forbidden=forbidden,
            constraints=constraints, fit_intercept=fit_intercept, standardize=standardize, certify=certify,
            solver=solver, gap=gap, time_limit=time_limit, n_jobs=n_jobs, random_state=random_state,
            on_progress=on_progress,
        )  # fmt: skip
        self.k = k
        self.cv = cv
        self.rule = rule
        self.loss = loss

    def fit(self, X, y, sample_weight=None, fold_groups=None, offset=None):
        """Find the support and its coefficients.

        Parameters
        ----------
        X : array-like, data frame (pandas, polars) or scipy.sparse matrix of shape (n_samples, n_features)
            Finite numbers; sparse data are not densified.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Numbers; counts for the Poisson loss, > 0 for the gamma loss. With several outputs a column of X enters for
            all of them, nothing is proved, and l1, limits and linear conditions are refused.
        sample_weight : array-like of shape (n_samples,), optional
            Weights >= 0; an integer weight is a repeated row, also in the held-out losses.
        fold_groups : array-like of shape (n_samples,), optional
            Rows with the same label stay in the same fold; under metadata routing,
            ``set_fit_request(fold_groups="groups")`` takes what others call groups.
        offset : array-like of shape (n_samples,), optional
            Known part of the linear predictor: the logarithm of the exposure for counts.

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
            Columns are constant or combinations of others.
        """
        return self._fit(X, y, sample_weight, fold_groups=fold_groups, offset=offset)
