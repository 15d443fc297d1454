"""What a loss says of itself, and what follows from it: means over weighted rows, likelihoods, the null model."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

# what a loss around another one repeats of it
FACTS = (
    "name", "curvature_bound", "estimated_scale", "classifies", "concordant", "provable", "attained", "kinked",
    "by_rows", "censored",
)  # fmt: skip


class Loss(ABC):
    r"""A convex, differentiable loss of one row.

    Subclasses give `value, gradient, curvature, conjugate, clip_dual, link, inverse_link, saturated_nll`, all
    elementwise, and `check_target`. `curvature_bound` is the supremum of the second derivative, ``inf`` where there is
    none.
    """

    name: ClassVar[str]
    curvature_bound: ClassVar[float]
    estimated_scale: ClassVar[bool] = False  # True where the criteria profile a scale out
    classifies: ClassVar[bool] = False
    least_squares: ClassVar[bool] = False  # True where a fit is a linear solve, for any number of outputs
    # whether the third derivative is nowhere above the second: then a Newton step says how far off it ends
    concordant: ClassVar[bool] = False
    provable: ClassVar[bool] = False  # whether the exact searches and the checker know its dual bound
    attained: ClassVar[bool] = True  # whether some finite coefficients reach the minimum, whatever the data
    kinked: ClassVar[bool] = False  # whether the curvature jumps, and may vanish where the gradient does not
    by_rows: ClassVar[bool] = True  # whether it is a sum over rows; then there is an intercept to speak of, too
    censored: ClassVar[bool] = False  # whether the target is a time and an event

    @abstractmethod
    def value(self, y, eta) -> Vector:
        """Half the deviance of each row."""

    @abstractmethod
    def gradient(self, y, eta) -> Vector:
        r"""Derivative in :math:`\eta` of each row."""

    @abstractmethod
    def curvature(self, y, eta) -> Vector:
        r"""Second derivative in :math:`\eta` of each row."""

    @abstractmethod
    def conjugate(self, y, u) -> Vector:
        r"""Convex conjugate :math:`f^*(u) = \sup_\eta u\eta - f(\eta)` of each row, ``inf`` outside its domain."""

    @abstractmethod
    def inverse_link(self, eta) -> Vector:
        r"""Mean response :math:`E[y]` at the linear predictor."""

    @abstractmethod
    def link(self, mean) -> Vector:
        """Linear predictor of a mean response."""

    @abstractmethod
    def saturated_nll(self, y) -> Vector:
        """Negative log-likelihood of the saturated model for each row, all constants included."""

    @abstractmethod
    def clip_dual(self, y, u) -> Vector:
        """Nearest point of the closed domain of the conjugate."""

    @abstractmethod
    def check_target(self, y) -> None:
        """Raise `DataError` where the target is outside the loss's range."""

    def mean(self, y, eta, weight) -> float:
        r"""Weighted mean :math:`\sum_i w_i f(y_i, \eta_i) / \sum_i w_i`, outputs added; `weight` must sum to one."""
        return float((weight @ self.value(y, eta)).sum())

    def mean_gradient(self, y, eta, weight) -> Vector:
        """Gradient of the mean in the linear predictor."""
        return (weight * self.gradient(y, eta).T).T

    def mean_hessian_times(self, y, eta, weight, directions) -> Vector:
        """Product of the Hessian of the mean in the linear predictor with some directions, shape (n_samples, m)."""
        return (weight * self.curvature(y, eta))[:, None] * directions

    def mean_hessian_form(self, y, eta, weight, directions) -> Vector:
        """Second derivatives of the mean along some directions, shape (n_samples, m), and between them: (m, m)."""
        return self.mean_hessian_times(y, eta, weight, directions).T @ directions

    def mean_hessian_squares(self, y, eta, weight, directions) -> Vector:
        """Second derivative of the mean along each of some directions, shape (n_samples, m)."""
        return np.einsum("ij,ij->j", directions, self.mean_hessian_times(y, eta, weight, directions))

    def null_intercept(self, y, weight) -> Any:
        """Intercept of the model without columns, one an output; `weight` must sum to one."""
        link = self.link(weight @ y)
        return link if np.ndim(link) else float(link)

    def at_rows(self, rows) -> "Loss":
        """The loss for some of the rows."""
        return self

    def bound_to(self, y, weight) -> tuple[Vector, "Loss"]:
        """Target as a vector, and the loss with what it has to know of all rows; raises where it cannot know it."""
        return y, self

    def sample_size(self, weight) -> float:
        """The n of the criteria: sum of the weights as given, or of those of the events."""
        return float(weight.sum())

    @property
    def unbound(self) -> "Loss":
        """The loss without what ties it to the rows that were fitted."""
        return self

    def predictor(self, eta) -> Vector:
        """Linear predictor with what the rows add to it."""
        return eta

    def twice_nll(self, mean, n_samples, saturated_nll) -> float:
        """Twice the total negative log-likelihood of a model, for the criteria.

        Parameters
        ----------
        mean : float
            Mean half deviance of the model.
        n_samples : float
            Sum of the weights.
        saturated_nll : float
            Weighted sum of `saturated_nll` over the rows.
        """
        return 2.0 * (n_samples * mean + saturated_nll)
