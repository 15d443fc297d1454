"""What regressors share, and what classifiers share: the coding of the target and the predictions."""

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.linear_model import GammaRegressor, LinearRegression, LogisticRegression, PoissonRegressor
from sklearn.svm import LinearSVC
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from .. import _checks as checks
from ..losses import LOSSES, Loss, Multinomial, as_loss
from ..operators.adapters import as_vector
from . import _messages as messages
from ._base import Face


def linear_predictor(model: Face, X, offset=None) -> np.ndarray:
    """Linear predictor of each row of X, which is checked against what was fitted; one column a row of `coef_`."""
    check_is_fitted(model)
    X = validate_data(model, X, accept_sparse=("csr", "csc"), dtype=np.float64, reset=False)
    eta = np.asarray(X @ model.coef_.T + model.intercept_)
    return eta if offset is None else (eta.T + as_vector("offset", offset, len(eta))).T


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
        raise messages.not_binary(type_of_target(y, input_name="y"), classes.size, "multinomial")
    return coded.astype(np.float64)


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
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            ``X @ coef_.T + intercept_`` for squared error and Huber's loss, its exponential for Poisson and gamma.
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
        tags.target_tags.multi_output = self.loss == "squared"
        return tags


def _has_probabilities(model: "Classification") -> bool:
    if model._loss().name not in ("logistic", "multinomial"):
        raise messages.no_probabilities(model._loss().name)
    return True


class Classification(ClassifierMixin, Face):
    """Faces that tell classes apart."""

    classes_: np.ndarray

    loss: str | Loss

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = self.loss == "logistic"
        return tags

    def _loss(self):
        classes, loss = vars(self).get("classes_", ()), chosen_loss(self.loss, classifies=True)
        if len(classes) <= 2:
            return loss
        if loss.name != "logistic":
            raise messages.not_binary("multiclass", len(classes), "logistic")
        return Multinomial(tuple(classes.tolist()))

    def _coded(self, y, sample_weight):
        self.classes_, coded = as_labels(y, sample_weight)
        return np.eye(self.classes_.size)[coded] if self.classes_.size > 2 else coded.astype(np.float64)

    def _keep(self, result):
        super()._keep(result)
        self.coef_ = np.atleast_2d(self.coef_)
        self.intercept_ = np.atleast_1d(self.intercept_)

    def decision_function(self, X) -> np.ndarray:
        """Linear predictor: positive for the second of two classes, ``classes_[1]``; its log-odds if logistic.

        Of more classes, log-odds against their mean.

        Parameters
        ----------
        X : array-like, data frame or scipy.sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        eta = linear_predictor(self, X)
        return eta[:, 0] if self.classes_.size == 2 else eta

    @available_if(_has_probabilities)
    def predict_proba(self, X) -> np.ndarray:
        """Probabilities of the classes, in the order of ``classes_``; only with the logistic loss.

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

    def to_sklearn(self) -> LogisticRegression | LinearSVC:
        """Plain scikit-learn model with the same coefficients, for tools that know only those.

        Returns
        -------
        LogisticRegression or LinearSVC
            Fitted; predicts the same. Fitting it again would use all columns.
        """
        check_is_fitted(self)
        kind = LinearSVC if self._loss().name == "squared_hinge" else LogisticRegression
        twin = kind(fit_intercept=self.fit_intercept)
        return plain(
            self, twin, intercept_=self.intercept_.copy(), classes_=self.classes_.copy(), n_iter_=np.zeros(1, int)
        )
