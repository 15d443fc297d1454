"""Data that are there without a folder of data sets."""

from importlib.resources import as_file, files
from typing import Any

import numpy as np

from ._bunch import handed_over
from ._table import design, read_table

HITTERS = """Hitters: salaries of baseball players

322 players of the 1986 and 1987 seasons, 263 of them with a known salary.  X is the 263 x 19 design of those: 16
numeric columns in the order of the table, then League_N, Division_W and NewLeague_N (1 for N, W and N).  y is Salary
in 1000 dollars of 1987.

References
    James, Witten, Hastie, Tibshirani (2013), An Introduction to Statistical Learning, section 6.5.
    Collected for the 1988 poster session of the American Statistical Association; StatLib, Carnegie Mellon University.
"""

DIABETES = """Diabetes: progression of disease one year after baseline

442 patients, age, sex, body mass index, mean blood pressure and six blood serum measurements (s1 to s6).  y is a
quantitative measure of disease progression.  {columns}

References
    Efron, Hastie, Johnstone, Tibshirani (2004), Least angle regression, Annals of Statistics 32.
"""

SCALED = "The columns are centred and have length 1, as in scikit-learn."
INTERACTIONS = (
    "The ten columns are standardised (mean 0, standard deviation 1); nine squares (all but the binary sex) and the 45 "
    "products of two columns follow."
)


def load_hitters(*, return_X_y: bool = False, as_frame: bool = False):
    """Salaries of 263 baseball players and 19 columns that may explain them.

    Parameters
    ----------
    return_X_y : bool, default False
        Return the pair ``(X, y)`` instead of a bunch.
    as_frame : bool, default False
        ``X`` is a pandas DataFrame and ``y`` a Series, and ``frame`` is the raw table: 322 players and 20 columns,
        text columns and missing salaries included. ``X.index`` are the rows of that table with a known salary.

    Returns
    -------
    data : sklearn.utils.Bunch
        With ``X`` (263, 19), also called ``data``; ``y`` (263,), also called ``target``, in 1000 dollars;
        ``feature_names``, ``target_name``, ``frame``, ``DESCR`` and ``license``.

    Raises
    ------
    MissingExtraError
        If `as_frame` is asked for and pandas is not installed.

    References
    ----------
    James, Witten, Hastie & Tibshirani (2013), "An Introduction to Statistical Learning", section 6.5.

    Examples
    --------
    >>> import ellzero as ez
    >>> data = ez.datasets.load_hitters()
    >>> data.X.shape, data.feature_names[16:]
    ((263, 19), ['League_N', 'Division_W', 'NewLeague_N'])
    """
    with as_file(files("ellzero.datasets") / "hitters.csv") as path:
        table = read_table(path)
    rows = np.flatnonzero(~np.isnan(table["Salary"]))
    X, names = design(
        {name: values[rows] for name, values in table.items()}, [name for name in table if name != "Salary"]
    )
    return handed_over(
        X,
        table["Salary"][rows],
        names,
        rows=rows,
        frame=raw_hitters,
        target_name="Salary",
        DESCR=HITTERS,
        license="BSD-3-Clause (the table as distributed with the Python package ISLP)",
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


def raw_hitters(pandas):
    """The table as it is in the file, read by pandas."""
    with as_file(files("ellzero.datasets") / "hitters.csv") as path:
        return pandas.read_csv(path)


def load_diabetes(*, interactions: bool = False, return_X_y: bool = False, as_frame: bool = False):
    """Progression of diabetes in 442 patients, 10 columns or 64 with squares and products.

    Parameters
    ----------
    interactions : bool, default False
        Append the squares of all columns but the binary ``sex``, then the products of every two columns, to the ten
        columns standardised to mean 0 and standard deviation 1: 64 columns, named ``bmi^2`` and ``age:sex`` for
        instance.
    return_X_y : bool, default False
        Return the pair ``(X, y)`` instead of a bunch.
    as_frame : bool, default False
        ``X``, ``y`` and ``frame`` are pandas objects.

    Returns
    -------
    data : sklearn.utils.Bunch
        With ``X`` (442, 10) or (442, 64), also called ``data``; ``y`` (442,), also called ``target``;
        ``feature_names``, ``target_name``, ``frame``, ``DESCR`` and ``license``.

    Raises
    ------
    MissingExtraError
        If `as_frame` is asked for and pandas is not installed.

    References
    ----------
    Efron, Hastie, Johnstone & Tibshirani (2004), "Least angle regression", Annals of Statistics 32, 407-499.

    Examples
    --------
    >>> import ellzero as ez
    >>> ez.datasets.load_diabetes(interactions=True).X.shape
    (442, 64)
    """
    from sklearn.datasets import load_diabetes as load

    source: Any = load(scaled=not interactions)
    X, names = source.data, list(source.feature_names)
    if interactions:
        X, names = with_interactions(X, names, binary=("sex",))
    return handed_over(
        np.asfortranarray(X),
        source.target,
        names,
        target_name="target",
        DESCR=DIABETES.format(columns=INTERACTIONS if interactions else SCALED),
        license="BSD-3-Clause (as distributed with scikit-learn)",
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


def with_interactions(X, names, binary):
    """Standardised columns, their squares but for binary ones, and their products i < j."""
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    squares = [j for j, name in enumerate(names) if name not in binary]
    first, second = np.triu_indices(len(names), k=1)
    grown = np.column_stack([Z, Z[:, squares] ** 2, Z[:, first] * Z[:, second]])
    squared = [f"{names[j]}^2" for j in squares]
    products = [f"{names[i]}:{names[j]}" for i, j in zip(first, second, strict=True)]
    return grown, [*names, *squared, *products]
