"""What regressors share, and what classifiers share: the coding of the target and the predictions."""

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from .. import _checks as checks
from ..losses import LOSSES, Logistic, Multinomial, as_loss
from . import _messages as messages
from ._base import Face


def linear_predictor(model: Face, X) -> np.ndarray:
    """Linear predictor of each row of X, which is checked against what was fitted; one column a row of `coef_`."""
    check_is_fitted(model)
    X = validate_data(model, X, accept_sparse=("csr", "csc"), dtype=np.float64, reset=False)
    return np.asarray(X @ model.coef_.T + model.intercept_)


def plain(model: Face, twin, **fitted):
    """A scikit-learn model that is given the fitted attributes instead of fitting."""
    kept = {name: value for name, value in vars(model).items() if name in ("n_features_in_", "feature_names_in_")}
    vars(twin).update(kept, coef_=model.coef_.copy(), **fitted)
    return twin


def as_labels(y, sample_weight):
    """The classes, and the target as their indices; labels of any type."""
    check_classification_targets(y)
    classes, coded = np.unique(y, return_inverse=True)
    present = np.unique(coded if sample_weight is None else coded[sample_weight > 0])
    if present.size == 1:
        raise messages.one_class(classes[present[0]])
    return classes, coded


def as_two_labels(y, sample_weight) -> np.ndarray:
    """The target as 0 and 1."""
    classes, coded = as_labels(y, sample_weight)
    if classes.size > 2:
        raise messages.not_binary(type_of_target(y, input_name="y"), classes.size)
    return coded.astype(np.float64)


class Regression(RegressorMixin, Face):
    """Faces that predict a mean response."""

    loss: str

    def _loss(self):
        return as_loss(checks.one_of("loss", self.loss, [cls.name for cls in LOSSES if not cls.classifies]))

    def _coded(self, y, sample_weight):
        return y

    def predict(self, X) -> np.ndarray:
        """Mean response of each row of X.

        Parameters
        ----------
        X : array-like, data frame or scipy.sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            ``X @ coef_.T + intercept_`` for squared error, its exponential for the Poisson loss.
        """
        return self._loss().inverse_link(linear_predictor(self, X))

    def to_sklearn(self):
        """Plain scikit-learn model with the same coefficients, for tools that know only those.

        Returns
        -------
        LinearRegression or PoissonRegressor
            Fitted; predicts the same. Fitting it again would use all columns.
        """
        check_is_fitted(self)
        if self._loss().name == "squared":
            return plain(self, LinearRegression(fit_intercept=self.fit_intercept), intercept_=self.intercept_)
        twin = PoissonRegressor(alpha=0.0, fit_intercept=self.fit_intercept)
        return plain(self, twin, intercept_=self.intercept_, _base_loss=twin._get_loss())

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = self.loss == "poisson"
        tags.target_tags.multi_output = self.loss == "squared"
        return tags


class Classification(ClassifierMixin, Face):
    """Faces that tell classes apart."""

    classes_: np.ndarray

    def _loss(self):
        classes = vars(self).get("classes_", ())
        return Multinomial(tuple(classes.tolist())) if len(classes) > 2 else Logistic()

    def _coded(self, y, sample_weight):
        self.classes_, coded = as_labels(y, sample_weight)
        return np.eye(self.classes_.size)[coded] if self.classes_.size > 2 else coded.astype(np.float64)

    def _keep(self, result):
        super()._keep(result)
        self.coef_ = np.atleast_2d(self.coef_)
        self.intercept_ = np.atleast_1d(self.intercept_)

    def decision_function(self, X) -> np.ndarray:
        """Log-odds of the second of two classes, ``classes_[1]``; of more classes, log-odds against their mean.

        Parameters
        ----------
        X : array-like, data frame or scipy.sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        eta = linear_predictor(self, X)
        return eta[:, 0] if self.classes_.size == 2 else eta

    def predict_proba(self, X) -> np.ndarray:
        """Probabilities of the classes, in the order of ``classes_``.

        Parameters
        ----------
        X : array-like, data frame or scipy.sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        chance = self._loss().inverse_link(self.decision_function(X))
        return chance if self.classes_.size > 2 else np.column_stack([1.0 - chance, chance])

    def predict(self, X) -> np.ndarray:
        """Likeliest class of each row of X; the first at a tie.

        Parameters
        ----------
        X : array-like, data frame or scipy.sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        eta = self.decision_function(X)
        return self.classes_[eta.argmax(axis=1) if self.classes_.size > 2 else (eta > 0).astype(int)]

    def to_sklearn(self) -> LogisticRegression:
        """Plain scikit-learn model with the same coefficients, for tools that know only those.

        Returns
        -------
        LogisticRegression
            Fitted; predicts the same. Fitting it again would use all columns.
        """
        check_is_fitted(self)
        twin = LogisticRegression(fit_intercept=self.fit_intercept)
        return plain(
            self, twin, intercept_=self.intercept_.copy(), classes_=self.classes_.copy(), n_iter_=np.zeros(1, int)
        )
