"""What is to be explained: from what users hold to the array a loss takes, one column a response."""

from dataclasses import dataclass

import numpy as np

from . import _checks as checks
from .losses import Loss, Multinomial, as_loss
from .operators.adapters import as_labels, as_matrix, as_survival, as_vector


@dataclass(frozen=True, slots=True, eq=False)
class Response:
    """A target that has been read.

    Attributes
    ----------
    loss : Loss
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
    names : tuple of str
        Names of the outputs, or classes; empty where there is one.
    """

    loss: Loss
    y: np.ndarray
    names: tuple[str, ...] = ()


def read_response(loss: str | Loss, y, n: int) -> Response:
    """Target of a loss.

    Parameters
    ----------
    loss : str or Loss
    y : array-like of shape (n_samples,), or (n_samples, n_outputs) for squared error
        Times and events for a censored loss.
        A single column counts as a vector. The multinomial loss takes classes, or, where it has its labels, their
        indicators.
    n : int
        Rows of X.

    Returns
    -------
    Response

    Raises
    ------
    ArgumentError, DataError
        The loss is unknown, or the target has another shape or type than the loss takes.

    Examples
    --------
    >>> read_response("squared", [[1.9, 0.37], [3.0, 4.0]], 2).names
    ('y0', 'y1')
    """
    loss = as_loss(loss)
    if isinstance(loss, Multinomial):
        return _indicators(loss, y, n)
    if loss.least_squares:
        names, array = as_matrix("y", y, n)
        return Response(loss, array[:, 0]) if len(names) == 1 else Response(loss, array, names)
    return Response(loss, as_survival(y, n) if loss.censored else as_vector("y", y, n))


def _indicators(loss: Multinomial, y, n: int) -> Response:
    """One column a class, 1 where a row has it."""
    if loss.labels and np.ndim(y) == 2 and np.shape(y)[1] == len(loss.labels):
        return Response(loss, as_matrix("y", y, n)[1], tuple(str(label) for label in loss.labels))
    found = as_labels("y", y, n)
    classes = np.array(loss.labels) if loss.labels else np.unique(found)
    checks.several_classes(classes.tolist())
    unknown = np.setdiff1d(found, classes)
    if unknown.size:
        raise checks.unknown_classes(unknown.tolist())
    labels = tuple(classes.tolist())
    indicators = (found[:, None] == classes[None, :]).astype(np.float64)
    return Response(Multinomial(labels), indicators, tuple(str(label) for label in labels))
