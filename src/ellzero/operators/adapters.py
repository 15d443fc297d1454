"""From what users hold (arrays, frames, sparse matrices) to an operator and column names.

This is the one place that looks at foreign objects.
"""

from collections.abc import Mapping

import numpy as np
from scipy import sparse

from .. import _checks as checks
from .base import Operator
from .dense import Dense
from .sparse import Sparse


def _frame_columns(X):
    """Names and float columns of a data frame of any make or of a mapping of columns, or None if X is neither."""
    if isinstance(X, Mapping):
        columns = [_as_float(f'column "{name}"', values) for name, values in X.items()]
        return tuple(str(name) for name in X), np.column_stack(columns) if columns else np.empty((0, 0))
    if isinstance(X, np.ndarray | list | tuple):
        return None
    import narwhals.stable.v2 as nw

    if nw.dependencies.is_pandas_dataframe(X) and not (
        X.columns.is_unique and all(isinstance(c, str) for c in X.columns)
    ):
        X = X.set_axis([str(label) for label in X.columns], axis=1)  # labels may be numbers or tuples
        checks.unique_names(X.columns)
    if nw.dependencies.is_polars_lazyframe(X):
        raise checks.lazy_frame()
    frame = nw.from_native(X, pass_through=True, eager_only=True)
    if not isinstance(frame, nw.DataFrame):
        return None
    columns = []
    for name in frame.columns:
        column = frame[name]
        if not (column.dtype.is_numeric() or column.dtype == nw.Boolean):
            values = np.asarray(column.to_numpy())
            if values.dtype != object:
                raise checks.not_numeric(f'column "{name}"', str(column.dtype).lower())
            columns.append(_as_float(f'column "{name}"', values))
        else:
            columns.append(np.asarray(column.cast(nw.Float64).to_numpy(), dtype=np.float64))
    names = tuple(str(name) for name in frame.columns)
    return names, np.column_stack(columns) if columns else np.empty((len(frame), 0))


def _as_float(name: str, values) -> np.ndarray:
    """Float64 array of anything array-like that holds real numbers."""
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise checks.masked(name, int(np.ma.count_masked(values)))
    array = np.asarray(values)
    if np.iscomplexobj(array):
        raise checks.complex_data(name)
    if array.dtype.kind in "USM":
        raise checks.not_numeric(name, "dates" if array.dtype.kind == "M" else "text")
    try:
        return array.astype(np.float64, copy=False)
    except (TypeError, ValueError):
        kinds = sorted({type(v).__name__ for v in array.ravel().tolist()} - {"int", "float", "bool"})
        raise checks.not_numeric(name, ", ".join(kinds)) from None


def as_operator(X) -> tuple[Operator, tuple[str, ...]]:
    """Operator of a design matrix, and its column names (``x0, x1, ...`` where it has none).

    Parameters
    ----------
    X : array-like, data frame (pandas, polars, Arrow, ...), mapping of names to columns, scipy.sparse or Operator
        Shape (n_samples, n_features); finite real numbers.

    Returns
    -------
    op : Operator
    names : tuple of str

    Raises
    ------
    DataError
        X is not two-dimensional, is empty, or holds something other than finite real numbers.
    """
    if isinstance(X, Operator):
        return X, _numbered(X.shape[1])
    if sparse.issparse(X):
        if X.dtype.kind == "c":
            raise checks.complex_data("X")
        checks.matrix_shape(X.shape)
        matrix = Sparse(X)
        checks.finite("X", matrix.csc.data)
        checks.magnitude("X", float(np.abs(matrix.csc.data).max(initial=0.0)))
        return matrix, _numbered(X.shape[1])
    names, array = _frame_columns(X) or (None, _as_float("X", X))
    checks.matrix_shape(array.shape)
    names = names or _numbered(array.shape[1])
    checks.finite("X", array, names)
    largest = np.maximum(array.max(axis=0), -array.min(axis=0))
    for j in np.flatnonzero(checks.out_of_range(largest)).tolist():
        checks.magnitude(f'column "{names[j]}"', float(largest[j]))
    return Dense(array), names


def _numbered(p: int) -> tuple[str, ...]:
    return tuple([f"x{j}" for j in range(p)])


def as_labels(name: str, values, n: int) -> np.ndarray:
    """Classes of n rows as a vector of one kind, numbers or text; a single column counts as a vector."""
    checks.given(name, values)
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise checks.masked(name, int(np.ma.count_masked(values)))
    labels = np.asarray(values)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    checks.one_dimensional(name, labels.shape)
    checks.same_length(name, labels.size, n)
    checks.class_labels(name, labels)
    return labels


def as_matrix(name: str, values, n: int) -> tuple[tuple[str, ...], np.ndarray]:
    """Column names and float64 array of n rows; a vector counts as a single column. Columns of frames bring names."""
    checks.given(name, values)
    names, array = _frame_columns(values) or (None, _as_float(name, values))
    if array.ndim == 1:
        array = array[:, None]
    checks.one_or_two_dimensional(name, array.shape)
    checks.same_length(name, array.shape[0], n)
    return names or tuple(f"{name}{j}" for j in range(array.shape[1])), array


def as_survival(y, n: int) -> np.ndarray:
    """Times and events of n rows, shape (n_samples, 2), from two columns or a structured array of a number and a bool.

    Raises
    ------
    DataError
        It is neither, holds something else than numbers, or has another number of rows.
    """
    checks.given("y", y)
    if isinstance(y, np.ndarray) and y.dtype.names is not None:
        events = [name for name in y.dtype.names if y.dtype[name].kind == "b"]
        times = [name for name in y.dtype.names if y.dtype[name].kind in "iuf"]
        if not len(events) == len(times) == 1 == y.ndim:
            raise checks.not_survival(f"the fields {checks.listed(y.dtype.names)}")
        array = np.column_stack([y[times[0]].astype(np.float64), y[events[0]]])
    else:
        array = (_frame_columns(y) or (None, _as_float("y", y)))[1]
    if array.ndim != 2 or array.shape[1] != 2:
        raise checks.not_survival(f"shape {array.shape}")
    checks.same_length("y", len(array), n)
    return array


def as_vector(name: str, values, n: int) -> np.ndarray:
    """Float64 vector of length n; a single column counts as a vector."""
    checks.given(name, values)
    array = _as_float(name, values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    checks.one_dimensional(name, array.shape)
    checks.same_length(name, array.size, n)
    return array
