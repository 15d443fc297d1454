"""Data with known answers, and data made with known truth.

`load_*` ship with ellzero, `fetch_*` read a folder of data sets that the environment variable ELLZERO_DATA names,
`make_*` draw data whose coefficients are known.  All return a `sklearn.utils.Bunch` with ``X`` and ``y``.
"""

from . import _fetch
from ._fetch import *  # noqa: F403 - one name a data set; the list is there
from ._generate import make_classification, make_regression
from ._shipped import load_diabetes, load_hitters

__all__ = ["load_diabetes", "load_hitters", "make_classification", "make_regression"]
__all__ += _fetch.__all__
