"""Selection on some of the rows, folds, and knockoffs."""

from collections.abc import Sequence

import numpy as np

from ..errors import DataError, UnsupportedError
from .words import listed, plural


def split_rows(share: float, n_samples: int) -> int:
    """Rows that choose; both parts need some."""
    n_choosing = round(share * n_samples)
    if not 2 <= n_choosing <= n_samples - 2:
        raise DataError(
            f"{plural(n_samples, 'row')} cannot be split into {n_choosing} that choose and "
            f"{n_samples - n_choosing} that judge: both need two at least."
        )
    return n_choosing


def enough_to_halve(n_samples: int) -> None:
    if n_samples < 2:
        raise DataError(f"stability needs two rows that count at least, to choose on parts of them; got {n_samples}.")


def not_judged(loss: str, n_outputs: int, known: Sequence[str]) -> UnsupportedError:
    got = f"{n_outputs} of the {loss} loss" if n_outputs > 1 else f"the {loss} loss"
    return UnsupportedError(
        f"honest has standard errors for a single response and the losses {', '.join(known)}, got {got}. "
        "Hint: `stability` takes every loss and several outputs."
    )


def too_few_judges(n_samples: float, n_coef: int) -> DataError:
    return DataError(
        f"{n_samples:g} rows are left to judge {plural(n_coef, 'coefficient')}, which leaves no room for an error. "
        "Hint: a smaller `k` or `share`."
    )


def not_told_apart(names: Sequence[str]) -> DataError:
    return DataError(
        f"the rows that judge do not tell {listed(names)} apart: one of them is constant there, or a combination of "
        "others. Hint: another `random_state`, a smaller `share`, or many splits."
    )


def too_few_for_knockoffs(n_samples: int, n_features: int, intercept: bool) -> DataError:
    least = 2 * n_features + intercept
    return DataError(
        f"knockoffs of {plural(n_features, 'column')} need {least} rows at least, X has {n_samples}. "
        "Hint: fewer columns, or `stability`."
    )


def dependent_for_knockoffs(names: Sequence[str]) -> DataError:
    return DataError(
        f"{listed(names)}: constant, or a combination of each other, so that no knockoff can be told from its column. "
        "Hint: leave one of them out."
    )


def empty_fold(fold: int) -> DataError:
    return DataError(f"fold {fold + 1} has no held-out row that counts. Hint: fewer folds, or other weights.")


def class_sizes(y, cv: int) -> None:
    most = int(np.unique(y, return_counts=True)[1].max())
    if most < cv:
        raise DataError(
            f"no class has as many rows as there are folds: {most} rows, {cv} folds. "
            "Hint: fewer folds, or an information criterion."
        )
