r"""Planes to cut fields of many variables with."""

from __future__ import annotations

import numpy as np

from .. import _checks as checks
from .fields import Field, as_field

BENT = 1e-4  # step of differences of slopes


def random_plane(n, m=2, random_state=None) -> np.ndarray:
    """Orthonormal directions of a random plane, uniform over all of them.

    Parameters
    ----------
    n : int >= 1
        Number of variables.
    m : int in [1, n], default=2
        Number of directions.
    random_state : None, int or Generator, default=None
        None is 0.

    Returns
    -------
    ndarray of shape (m, n)
        For `Field.on_plane`.

    Raises
    ------
    ArgumentError
        m is not in [1, n].

    References
    ----------
    Mezzadri (2007), "How to generate random matrices from the classical compact groups".

    Examples
    --------
    >>> D = random_plane(5)
    >>> np.abs(D @ D.T - np.eye(2)).max() < 1e-12
    np.True_
    """
    n = checks.dimension(n)
    m = checks.plane_size(m, n)
    return haar(checks.random_state(random_state), n, m).T


def haar(rng: np.random.Generator, n: int, m: int) -> np.ndarray:
    """Orthonormal columns, shape (n, m), uniform over all: QR of normal numbers, R with a positive diagonal."""
    Q, R = np.linalg.qr(rng.normal(size=(n, m)))
    return Q * np.where(np.diag(R) < 0, -1.0, 1.0)


def principal_plane(field, m=2, at=None) -> np.ndarray:
    r"""Orthonormal directions in which a field bends the most: leading eigenvectors of its Hessian.

    Parameters
    ----------
    field : Field, Problem or array-like of shape (n, n)
        A symmetric matrix stands for its quadratic form. Where a field has no Hessian, differences of its slopes are
        taken.
    m : int in [1, n], default=2
        Number of directions.
    at : array-like of shape (n,), optional
        Where the Hessian is taken; 0 by default.

    Returns
    -------
    ndarray of shape (m, n)
        For `Field.on_plane`, by falling size of the eigenvalue; the largest entry of each is positive.

    Raises
    ------
    ArgumentError
        m is not in [1, n], or the matrix is not symmetric.

    Examples
    --------
    >>> principal_plane([[1.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 2.0]])
    array([[0., 1., 0.],
           [0., 0., 1.]])
    """
    if isinstance(field, (list, tuple, np.ndarray)):
        H = checks.square_matrix("field", field)
    else:
        field = as_field(field)
        point = np.zeros(field.n) if at is None else checks.point(at, field.n)
        H = _hessian(field, point) if field.hessian is None else np.asarray(field.hessian(point), float)
    m = checks.plane_size(m, len(H))
    values, vectors = np.linalg.eigh(H)
    leading = vectors[:, np.argsort(-np.abs(values), kind="stable")[:m]].T
    largest = np.take_along_axis(leading, np.abs(leading).argmax(axis=1)[:, None], axis=1)
    return leading * np.where(largest < 0, -1.0, 1.0) + 0.0


def _hessian(field: Field, point: np.ndarray) -> np.ndarray:
    steps = BENT * np.maximum(1.0, np.abs(point)) * np.eye(field.n)
    H = (field.slope(point + steps) - field.slope(point - steps)) / (2.0 * np.diag(steps)[:, None])
    return 0.5 * (H + H.T)
