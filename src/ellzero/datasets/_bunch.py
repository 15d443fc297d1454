"""The one form in which data are handed over."""

import numpy as np

from ._messages import needs


def handed_over(X, y, names, *, frame=None, rows=None, return_X_y: bool, as_frame: bool, **about):
    """Bunch of X and y, or the bare pair; with `as_frame` pandas objects, and `frame` the table they come from.

    `frame` is a function that makes the table (pandas is loaded only where it is wanted), by default X and y side by
    side; `rows` are the rows of that table that are in X.
    """
    names = [str(name) for name in names]
    table = None
    if as_frame:
        pandas = needs("pandas", "as_frame=True")
        X = framed(pandas, X, names, rows)
        y = (
            pandas.DataFrame(y, index=rows)
            if y.dtype.names
            else pandas.Series(y, index=rows, name=about.get("target_name"))
        )
        table = frame(pandas) if frame else pandas.concat([X, y], axis=1)
    if return_X_y:
        return X, y
    from sklearn.utils import Bunch

    return Bunch(X=X, y=y, data=X, target=y, feature_names=names, frame=table, **about)


def framed(pandas, X, names, rows):
    """X as a pandas frame, a sparse one if X is sparse."""
    if isinstance(X, np.ndarray):
        return pandas.DataFrame(X, index=rows, columns=names)
    return pandas.DataFrame.sparse.from_spmatrix(X, index=rows, columns=names)
