"""Selection of few columns, for what comes next in a pipeline."""

import numpy as np
from sklearn.feature_selection import SelectorMixin
from sklearn.utils import ClassifierTags
from sklearn.utils.validation import check_is_fitted

from .. import _checks as checks
from ..losses import LOSSES, SEVERAL, as_loss
from ._base import RIDGE, Sized
from ._predictors import as_labels, as_two_labels


class L0Selector(SelectorMixin, Sized):
    r"""Keep the few columns that explain y best.

    Minimises :math:`L(\beta) + \lambda_0 \|\beta\|_0 + \lambda_1 \|\beta\|_1 + \lambda_2 \|\beta\|_2^2`, with at most k
    nonzeros where k is given; L is half the weighted mean deviance, :math:`\|y - X\beta\|^2/(2n)` for squared error.
    Where neither `k` nor `l0` is given, a criterion chooses among the best models of every size. A group stays or goes
    whole.

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
    loss : {"squared", "logistic", "multinomial", "poisson", "gamma", "huber", "squared_hinge"}, default="squared"
        What explaining means: squared error of a number, or of several outputs (robust with ``huber``, of one), the
        likelihood of one of two classes or of more (labels of any type), of a count or of a positive number, or a
        margin between two classes.
    l1 : float, default=0.0
        Strength of the absolute values, >= 0, on columns of unit standard deviation unless ``standardize=False``.
    l2 : float, optional
        Strength of the squares, >= 0: as in `L0Classifier` 1e-3 where there are classes, else 0.
    lower, upper, groups, forced, forbidden, constraints, fit_intercept, standardize
        As in `L0Regressor`.
    certify, solver, gap, time_limit, n_jobs, random_state, on_progress
        As in `L0Regressor`.

    Attributes
    ----------
    coef_, intercept_, criterion_, path_, support_, k_, objective_, lower_bound_, gap_, status_, certificate_, result_
        As in `L0Regressor`.
    n_features_in_, feature_names_in_
        As in `L0Regressor`.

    See Also
    --------
    L0Regressor, L0Classifier : Predict as well.

    References
    ----------
    Hazimeh & Mazumder (2020), "Fast best subset selection: coordinate descent and local combinatorial optimization".

    Examples
    --------
    >>> import ellzero as ez
    >>> data = ez.datasets.load_hitters()
    >>> selector = ez.L0Selector(k=3).fit(data.X, data.y)
    >>> selector.get_feature_names_out(data.feature_names)
    array(['Hits', 'CRBI', 'PutOuts'], dtype=object)
    >>> selector.transform(data.X).shape
    (263, 3)
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
        self.l0 = l0
        self.criterion = criterion
        self.max_k = max_k
        self.loss = loss

    def _loss(self):
        return as_loss(checks.one_of("loss", self.loss, [cls.name for cls in (*LOSSES, *SEVERAL)]))

    def _coded(self, y, sample_weight):
        if self.loss == "multinomial":
            classes, coded = as_labels(y, sample_weight)
            return classes[coded]
        return as_two_labels(y, sample_weight) if self.loss == "logistic" else y

    def _question(self):
        ridge = RIDGE if self._loss().classifies else 0.0
        return super()._question() | {"l2": ridge if self.l2 is None else self.l2}

    def fit(self, X, y, sample_weight=None):
        """Find the support and its coefficients.

        Parameters
        ----------
        X : array-like, data frame (pandas, polars) or scipy.sparse matrix of shape (n_samples, n_features)
            Finite numbers; sparse data are not densified.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Numbers, classes or counts, as the loss wants; several outputs for squared error only.
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

    def _get_support_mask(self):  # pyright: ignore[reportIncompatibleMethodOverride] - the base is inferred to give None
        check_is_fitted(self)
        mask = np.zeros(self.n_features_in_, dtype=bool)
        mask[self.support_] = True
        return mask

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = self.loss in ("poisson", "gamma")
        tags.target_tags.multi_output = self.loss == "squared"
        if self.loss in ("logistic", "squared_hinge", "multinomial"):
            tags.classifier_tags = ClassifierTags(multi_class=self.loss == "multinomial")
        return tags
