"""Data sets read from a folder that the user names; nothing is downloaded."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from .. import _checks as checks
from . import _messages as messages
from ._arrays import censored
from ._bunch import handed_over
from ._registry import SETS, Source
from ._table import Table, design, read_table

VARIABLE = "ELLZERO_DATA"


def fetch(name: str, *, data_home=None, return_X_y: bool = False, as_frame: bool = False):
    """Read a data set from the folder of data sets.

    ``fetch("boston")`` and ``fetch_boston()`` are the same.  Numeric columns come first, in the order of the table;
    then 0/1 columns for the levels of each text column, the first level in sorted order left out ("League_N").
    Missing values are NaN: nothing is dropped or filled.

    Parameters
    ----------
    name : str
        Name of the set; an unknown one raises an error that lists the near ones.
    data_home : path, optional
        Folder with one folder a data set.  Default: the environment variable ``ELLZERO_DATA``.
    return_X_y : bool, default False
        Return the pair ``(X, y)`` instead of a bunch.
    as_frame : bool, default False
        ``X`` and ``y`` are pandas objects, and ``frame`` is the table as it is in the file, text columns included;
        for a set that is stored as arrays, X and y side by side.

    Returns
    -------
    data : sklearn.utils.Bunch
        With ``X`` (n_samples, n_features), also called ``data``; ``y`` (n_samples,), also called ``target``;
        ``feature_names``, ``target_name``, ``frame``, ``DESCR`` and ``license``; ``target_names`` for classes, which
        are coded 0, 1, ...  For survival data y is a structured array with the fields ``event`` and ``time``.

    Raises
    ------
    ArgumentError
        If there is no set of this name.
    DataError
        If the folder is not named, does not exist, or lacks the file.
    MissingExtraError
        If pandas or pyarrow is needed and not installed.

    Examples
    --------
    >>> from ellzero.datasets import fetch
    >>> fetch("boston").X.shape  # doctest: +SKIP
    (506, 13)
    """
    source = SETS[checks.one_of("name", name, tuple(SETS))]
    path = located(source, data_home)
    X, y, names, more = from_table(source, path) if source.read is None else from_arrays(source, path)
    return handed_over(
        X,
        y,
        names,
        frame=None if source.read else partial(raw_frame, path=path),
        return_X_y=return_X_y,
        as_frame=as_frame,
        target_name=source.target,
        DESCR=described(source),
        license=source.licence,
        **more,
    )


# ---- where the file is


def located(source: Source, data_home=None) -> Path:
    """Path of the set's file, or an error that says which folder, which file and what to set."""
    named = os.environ.get(VARIABLE) if data_home is None else data_home
    if not named:
        raise messages.not_set(source.name, source.file, VARIABLE)
    folder = Path(named).expanduser()
    if not folder.is_dir():
        raise messages.no_folder(source.name, source.file, VARIABLE, folder)
    path = folder / source.file
    if not path.is_file():
        raise messages.no_file(source.name, source.file, VARIABLE, folder)
    return path


# ---- what is in it


def from_table(source: Source, path: Path):
    """X, y, names and what else belongs into the bunch, from a CSV or Parquet table."""
    table = read_table(path)
    aside = {source.target, source.event, *source.drop}
    X, names = design(table, [name for name in table if name not in aside], source.categorical)
    y, labels = answer(source, table)
    more = {"train": table["train"] == "True"} if "train" in source.drop else {}
    return X, y, names, more | labels


def answer(source: Source, table: Table):
    """The target column in the form its task asks for, and the names of its classes."""
    y = table[source.target]
    if source.event is not None:
        return censored(table[source.event] == source.event_code, y), {}
    if source.task in ("binary", "multiclass"):
        return classes(y, source.positive)
    return y.astype(float), {}


def from_arrays(source: Source, path: Path):
    """The same from a file of arrays."""
    assert source.read is not None
    with np.load(path, allow_pickle=False) as z:
        X, y, names, more = source.read(z)
    if source.target_names:
        y, more = y.astype(int), more | {"target_names": list(source.target_names)}
    elif source.task in ("binary", "multiclass"):
        y, labels = classes(y, source.positive)
        more |= labels
    return X, y, [f"x{j}" for j in range(X.shape[1])] if names is None else names, more


def classes(y, positive):
    """Codes 0, 1, ... of sorted labels, `positive` last; and the labels."""
    labels = sorted(set(y.tolist()), key=lambda label: (label == positive, label))
    code = {label: place for place, label in enumerate(labels)}
    shown = [f"{label:g}" if isinstance(label, float) else str(label) for label in labels]
    return np.array([code[label] for label in y.tolist()]), {"target_names": shown}


def raw_frame(pandas, path: Path):
    """The table as it is in the file."""
    if path.suffix == ".parquet":
        messages.needs("pyarrow", f"reading {path.name}")
        return pandas.read_parquet(path)
    return pandas.read_csv(path)


# ---- names


CODING = {
    "regression": "y is {0}, a number.",
    "binary": "y is 0 or 1, from {0}.",
    "multiclass": "y is 0, 1, ... for the classes of {0} in sorted order.",
    "count": "y is {0}, a count.",
    "survival": "y has the fields event (True: seen, False: censored) and time ({0}).",
}


def described(source: Source) -> str:
    """A page about the set, for DESCR."""
    n, p = source.shape
    coding = CODING[source.task].format(source.target)
    if source.positive is not None:
        coding = f"y is 1 where {source.target} is {source.positive}, else 0."
    facts = f"X has {n} rows and {p} columns.  {coding}"
    note = f"\n\n{source.note}" if source.note else ""
    sections = (("File", source.file), ("Licence", source.licence), ("Reference", source.citation))
    return f"{source.title}\n\n{facts}{note}\n" + "".join(f"\n{head}\n    {text}\n" for head, text in sections)


def named(name: str) -> Callable:
    """The function ``fetch_NAME``."""

    def fetcher(*, data_home=None, return_X_y: bool = False, as_frame: bool = False):
        return fetch(name, data_home=data_home, return_X_y=return_X_y, as_frame=as_frame)

    page = described(SETS[name])
    fetcher.__name__ = fetcher.__qualname__ = f"fetch_{name}"
    fetcher.__doc__ = f"{page}\nParameters, result and errors are those of `ellzero.datasets.fetch`.\n"
    return fetcher


fetch_longley = named("longley")
fetch_swiss = named("swiss")
fetch_mtcars = named("mtcars")
fetch_stackloss = named("stackloss")
fetch_attitude = named("attitude")
fetch_uscrime = named("uscrime")
fetch_boston = named("boston")
fetch_prostate = named("prostate")
fetch_bodyfat = named("bodyfat")
fetch_growth_fls = named("growth_fls")
fetch_gasoline_nir = named("gasoline_nir")
fetch_meats_nir = named("meats_nir")
fetch_blood_brain = named("blood_brain")
fetch_finemap_n3 = named("finemap_n3")
fetch_flights = named("flights")
fetch_sp500_tracking = named("sp500_tracking")
fetch_birthwt = named("birthwt")
fetch_ad_data = named("ad_data")
fetch_caravan = named("caravan")
fetch_golub38 = named("golub38")
fetch_west_breast = named("west_breast")
fetch_all_leukemia = named("all_leukemia")
fetch_gwas_chr10 = named("gwas_chr10")
fetch_mdrr = named("mdrr")
fetch_musk = named("musk")
fetch_pd_speech = named("pd_speech")
fetch_madelon = named("madelon")
fetch_spambase = named("spambase")
fetch_spamassassin = named("spamassassin")
fetch_arrhythmia = named("arrhythmia")
fetch_khan = named("khan")
fetch_nci60 = named("nci60")
fetch_tissue_gene_expression = named("tissue_gene_expression")
fetch_biochemists = named("biochemists")
fetch_doctor_visits = named("doctor_visits")
fetch_nmes1988 = named("nmes1988")
fetch_badhealth = named("badhealth")
fetch_rwm5yr = named("rwm5yr")
fetch_bikeshare = named("bikeshare")
fetch_gbsg2 = named("gbsg2")
fetch_whas500 = named("whas500")
fetch_veteran = named("veteran")
fetch_pbc = named("pbc")
fetch_byar_prostate = named("byar_prostate")
fetch_surv_vdv = named("surv_vdv")
fetch_surv_dlbcl = named("surv_dlbcl")
fetch_surv_nki70 = named("surv_nki70")
fetch_surv_gse7390 = named("surv_gse7390")
fetch_surv_support2 = named("surv_support2")
fetch_surv_flchain = named("surv_flchain")

__all__ = [
    "fetch",
    "fetch_ad_data",
    "fetch_all_leukemia",
    "fetch_arrhythmia",
    "fetch_attitude",
    "fetch_badhealth",
    "fetch_bikeshare",
    "fetch_biochemists",
    "fetch_birthwt",
    "fetch_blood_brain",
    "fetch_bodyfat",
    "fetch_boston",
    "fetch_byar_prostate",
    "fetch_caravan",
    "fetch_doctor_visits",
    "fetch_finemap_n3",
    "fetch_flights",
    "fetch_gasoline_nir",
    "fetch_gbsg2",
    "fetch_golub38",
    "fetch_growth_fls",
    "fetch_gwas_chr10",
    "fetch_khan",
    "fetch_longley",
    "fetch_madelon",
    "fetch_mdrr",
    "fetch_meats_nir",
    "fetch_mtcars",
    "fetch_musk",
    "fetch_nci60",
    "fetch_nmes1988",
    "fetch_pbc",
    "fetch_pd_speech",
    "fetch_prostate",
    "fetch_rwm5yr",
    "fetch_sp500_tracking",
    "fetch_spamassassin",
    "fetch_spambase",
    "fetch_stackloss",
    "fetch_surv_dlbcl",
    "fetch_surv_flchain",
    "fetch_surv_gse7390",
    "fetch_surv_nki70",
    "fetch_surv_support2",
    "fetch_surv_vdv",
    "fetch_swiss",
    "fetch_tissue_gene_expression",
    "fetch_uscrime",
    "fetch_veteran",
    "fetch_west_breast",
    "fetch_whas500",
]
