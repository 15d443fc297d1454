"""What regressors share, and what classifiers share: the coding of the target and the predictions."""

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.linear_model import GammaRegressor, LinearRegression, LogisticRegression, PoissonRegressor
from sklearn.svm import LinearSVC
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from .. import _checks as checks
from ..losses import LOSSES, Loss, as_loss
from ..operators.adapters import as_vector
from . import _messages as messages
from ._base import Face


def linear_predictor(model: Face, X, offset=None) -> np.ndarray:
    """Linear predictor of each row of X, which is checked against what was fitted."""
    check_is_fitted(model)
    X = validate_data(model, X, accept_sparse=("csr", "csc"), dtype=np.float64, reset=False)
    eta = X @ np.ravel(model.coef_) + model.intercept_
    return eta if offset is None else eta + as_vector("offset", offset, len(eta))


def plain(model: Face, twin, **fitted):
    """A scikit-learn model that is given the fitted attributes instead of fitting."""
    kept = {name: value for name, value in vars(model).items() if name in ("n_features_in_", "feature_names_in_")}
    vars(twin).update(kept, coef_=model.coef_.copy(), **fitted)
    return twin


def as_labels(y, sample_weight):
    """Two classes, and the target as 0 and 1; labels of any type."""
    check_classification_targets(y)
    classes, coded = np.unique(y, return_inverse=True)
    if classes.size > 2:
        raise messages.not_binary(type_of_target(y, input_name="y"), classes.size)
    present = np.unique(coded if sample_weight is None else coded[sample_weight > 0])
    if present.size == 1:
        raise messages.one_class(classes[present[0]])
    return classes, coded.astype(np.float64)


def chosen_loss(loss: str | Loss, classifies: bool) -> Loss:
    """Loss of a parameter: of the kind that the face takes, by name or as an object."""
    names = [cls.name for cls in LOSSES if cls.classifies == classifies]
    return loss if isinstance(loss, Loss) and loss.name in names else as_loss(checks.one_of("loss", loss, names))


class Regression(RegressorMixin, Face):
    """Faces that predict a mean response."""

    loss: str | Loss

    def _loss(self):
        return chosen_loss(self.loss, classifies=False)

    def _coded(self, y, sample_weight):
        return y

    def predict(self, X, offset=None) -> np.ndarray:
        """Mean response of each row of X.

        Parameters
        ----------
        X : array-like, data frame or scipy.sparse matrix of shape (n_samples, n_features)
        offset : array-like of shape (n_samples,), optional
            Known part of the linear predictor.

        Returns
        -------
        ndarray of shape (n_samples,)
            ``X @ coef_ + intercept_`` for squared error and Huber's loss, its exponential for Poisson and gamma.
        """
        return np.asarray(self._loss().inverse_link(linear_predictor(self, X, offset)))

    def to_sklearn(self):
        """Plain scikit-learn model with the same coefficients, for tools that know only those.

        Returns
        -------
        LinearRegression, PoissonRegressor or GammaRegressor
            Fitted; predicts the same. Fitting it again would use all columns.
        """
        check_is_fitted(self)
        if self._loss().name in ("squared", "huber"):
            return plain(self, LinearRegression(fit_intercept=self.fit_intercept), intercept_=self.intercept_)
        kind = {"poisson": PoissonRegressor, "gamma": GammaRegressor}[self._loss().name]
        twin = kind(alpha=0.0, fit_intercept=self.fit_intercept)
        return plain(self, twin, intercept_=self.intercept_, _base_loss=twin._get_loss())

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = self.loss in ("poisson", "gamma")
        return tags


def _has_probabilities(model: "Classification") -> bool:
    if model._loss().name != "logistic":
        raise messages.no_probabilities(model._loss().name)
    return True


class Classification(ClassifierMixin, Face):
    """Faces that tell two classes apart."""

    loss: str | Loss

    def _loss(self):
        return chosen_loss(self.loss, classifies=True)

    def _coded(self, y, sample_weight):
        self.classes_, coded = as_labels(y, sample_weight)
        return coded

    def _keep(self, result):
        super()._keep(result)
        self.coef_ = result.coef[None, :]
        self.intercept_ = np.array([result.intercept])

    def decision_function(self, X) -> np.ndarray:
        """Linear predictor: positive for the second class, ``classes_[1]``; its log-odds for the logistic loss.

        Parameters
        ----------
        X : array-like, data frame or scipy.sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        return linear_predictor(self, X)

    @available_if(_has_probabilities)
    def predict_proba(self, X) -> np.ndarray:
        """Probabilities of the classes, in the order of ``classes_``; only with the logistic loss.

        Parameters
        ----------
        X : array-like, data frame or scipy.sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, 2)
        """
        second = self._loss().inverse_link(self.decision_function(X))
        return np.column_stack([1.0 - second, second])

    def predict(self, X) -> np.ndarray:
        """Likelier class of each row of X; the first at a tie.

        Parameters
        ----------
        X : array-like, data frame or scipy.sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        second = self.decision_function(X) > 0
        return self.classes_[second.astype(int)]

    def to_sklearn(self) -> LogisticRegression | LinearSVC:
        """Plain scikit-learn model with the same coefficients, for tools that know only those.

        Returns
        -------
        LogisticRegression or LinearSVC
            Fitted; predicts the same. Fitting it again would use all columns.
        """
        check_is_fitted(self)
        kind = LogisticRegression if self._loss().name == "logistic" else LinearSVC
        twin = kind(fit_intercept=self.fit_intercept)
        return plain(
            self, twin, intercept_=self.intercept_.copy(), classes_=self.classes_.copy(), n_iter_=np.zeros(1, int)
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        assert tags.classifier_tags is not None
        tags.classifier_tags.multi_class = False
        return tags
