"""Classification with few columns."""

from ._base import RIDGE, CrossValidated, Sized
from ._predictors import Classification


class L0Classifier(Classification, Sized):
    r"""The few columns that tell classes apart best, by logistic regression or, two classes, with the squared hinge.

    Minimises :math:`L(\beta) + \lambda_0 \|\beta\|_0 + \lambda_1 \|\beta\|_1 + \lambda_2 \|\beta\|_2^2`, with at most k
    nonzeros where k is given; L is the weighted mean of the loss, the negative
    log-likelihood for the logistic one. Where neither `k` nor `l0` is given, a
    criterion chooses among the best models of every size. With more than two classes the loss is multinomial and a
    column enters for all of them: its coefficients add up to zero over the classes, nothing is proved, and l1, limits
    and linear conditions are refused.

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
    loss : {"logistic", "squared_hinge"} or Loss, default="logistic"
        What a wrong or doubtful class costs. The squared hinge is that of linear support vector machines: it gives no
        probabilities, and no proof is known for it.
    l1 : float, default=0.0
        Strength of the absolute values, >= 0, on columns of unit standard deviation unless ``standardize=False``.
    l2 : float, default=1e-3
        Strength of the squares, >= 0. Not zero, as few columns often separate the classes perfectly, and without a
        ridge their coefficients grow without end.
    lower, upper, groups, forced, forbidden, constraints, fit_intercept, standardize
        As in `L0Regressor`.
    certify, solver, gap, time_limit, n_jobs, random_state, on_progress
        As in `L0Regressor`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted; of two, `decision_function` is positive for the second.
    coef_ : ndarray of shape (1, n_features), or (n_classes, n_features) where there are more than two
        Coefficients in data units, zero off the support.
    intercept_ : ndarray of shape (1,) or (n_classes,)
    criterion_ : str or None
        What chose the size; None where `k` or `l0` was given.
    path_ : Path or None
        Best model of every size, where a criterion chose.
    certificate_ : Certificate or None
        Proof for anyone who has the data, of two classes; ``certificate_.verify(X, y == classes_[1])`` re-checks it.
    support_, k_, objective_, lower_bound_, gap_, status_, result_, n_features_in_, feature_names_in_
        As in `L0Regressor`.

    See Also
    --------
    L0ClassifierCV : Chooses the size by cross-validation.
    ellzero.best_subset : The same question as a function, without the ridge.

    References
    ----------
    Dedieu, Hazimeh & Mazumder (2021), "Learning sparse classifiers: continuous and mixed integer optimization
    perspectives".

    Examples
    --------
    >>> import numpy as np
    >>> import ellzero as ez
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(120, 6))
    >>> y = np.where(2 * X[:, 1] - X[:, 4] + rng.logistic(size=120) > 0, "yes", "no")
    >>> model = ez.L0Classifier().fit(X, y)
    >>> model.support_, model.classes_
    (array([1, 4]), array(['no', 'yes'], dtype='<U3'))
    """

    def __init__(
        self,
        k=None,
        *,
        l0=None,
        criterion=None,
        max_k=None,
        loss="logistic",
        l1=0.0,
        l2=RIDGE,
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

    def fit(self, X, y, sample_weight=None):
        """Find the support and its coefficients.

        Parameters
        ----------
        X : array-like, data frame (pandas, polars) or scipy.sparse matrix of shape (n_samples, n_features)
            Finite numbers; sparse data are not densified.
        y : array-like of shape (n_samples,)
            Classes, labels of any type.
        sample_weight : array-like of shape (n_samples,), optional
            Weights >= 0; an integer weight is a repeated row.

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
        return self._fit(X, y, sample_weight)


class L0ClassifierCV(Classification, CrossValidated):
    r"""Logistic regression with few columns, their number chosen by cross-validation.

    For every fold the best model of each size is found on the training rows; the size with the smallest weighted mean
    of the held-out negative log-likelihood is fitted to all rows. With ``rule="1se"`` it is the smallest size whose
    mean lies within one standard error of the smallest, :math:`\sqrt{\sum_f v_f (l_f - \bar l)^2 / (F - 1)}`, v the
    folds' shares of the weight.

    Parameters
    ----------
    k : int or iterable of int, optional
        Sizes to choose from; an integer K stands for 0...K. By default those that the smallest training set allows, at
        most 20.
    cv : int, splitter or iterable of (train, test), default=5
        As scikit-learn takes it; an integer means shuffled folds, stratified, seeded by `random_state`.
    rule : {"best", "1se"}, default="best"
        Size of the smallest held-out loss, or the smallest size within one standard error of it.
    loss, l1, l2, lower, upper, groups, forced, forbidden, constraints, fit_intercept, standardize, certify, solver, gap
        As in `L0Classifier`.
    time_limit : float, default=60.0
        Seconds for all folds together, and again for the final fit.
    n_jobs : int, default=1
        As in `L0Classifier`.
    random_state : int, Generator or None, default=None
        Seed of the folds and of the random restarts; None is seed 0.
    on_progress : callable, optional
        As in `L0Classifier`.

    Attributes
    ----------
    cross_validation_ : CrossValidation
        Held-out loss of every size on every fold.
    classes_, coef_, intercept_, support_, k_, objective_, lower_bound_, gap_, status_, certificate_, result_
        As in `L0Classifier`.
    n_features_in_, feature_names_in_
        As in `L0Classifier`.

    See Also
    --------
    L0Classifier : Chooses by a criterion, or is told the size.
    ellzero.cross_validate : Held-out losses alone.

    References
    ----------
    Breiman, Friedman, Olshen & Stone (1984), "Classification and regression trees", section 3.4.3.

    Examples
    --------
    >>> import numpy as np
    >>> import ellzero as ez
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(120, 6))
    >>> y = 2 * X[:, 1] - X[:, 4] + rng.logistic(size=120) > 0
    >>> ez.L0ClassifierCV(k=range(5), cv=10, rule="1se").fit(X, y).support_
    array([1, 4])
    """

    def __init__(
        self,
        k=None,
        *,
        cv=5,
        rule="best",
        loss="logistic",
        l1=0.0,
        l2=RIDGE,
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

    def fit(self, X, y, sample_weight=None, fold_groups=None):
        """Find the support and its coefficients.

        Parameters
        ----------
        X : array-like, data frame (pandas, polars) or scipy.sparse matrix of shape (n_samples, n_features)
            Finite numbers; sparse data are not densified.
        y : array-like of shape (n_samples,)
            Classes, labels of any type.
        sample_weight : array-like of shape (n_samples,), optional
            Weights >= 0; an integer weight is a repeated row, also in the held-out losses.
        fold_groups : array-like of shape (n_samples,), optional
            Rows with the same label stay in the same fold; under metadata routing,
            ``set_fit_request(fold_groups="groups")`` takes what others call groups.

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
        return self._fit(X, y, sample_weight, fold_groups=fold_groups)
