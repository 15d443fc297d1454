"""Targets of the losses, and fits that have no end because of them."""

from collections.abc import Sequence

import numpy as np

from ..errors import ArgumentError, DataError, UnsupportedError
from .data import finite
from .words import listed, plural


def no_penalty_path(loss: str, n_outputs: int) -> UnsupportedError:
    got = f"{n_outputs} of the {loss} loss" if n_outputs > 1 else f"the {loss} loss"
    return UnsupportedError(
        f"penalty_path takes a single response and losses that are sums over rows, got {got}. "
        "Hint: `path` takes several outputs, several classes and survival times."
    )


def one_response(what: str) -> UnsupportedError:
    return UnsupportedError(
        f"{what} a single response. Hint: l2, groups, forced and forbidden go with several outputs or classes."
    )


ONE_RESPONSE = "it proves answers for a single response only. Hint: exchange or stepwise, which prove nothing."


def class_labels(name: str, labels: np.ndarray) -> None:
    """Whole numbers, text or truth values, without gaps."""
    if labels.dtype.kind == "f":
        finite(name, labels)
        if not (labels == np.round(labels)).all():
            raise DataError(f"{name} must hold classes for the multinomial loss, got numbers with fractions.")
    elif labels.dtype.kind == "O":
        kinds = sorted({type(label).__name__ for label in labels.tolist()})
        if len(kinds) > 1 or kinds[0] not in ("str", "int", "bool"):
            raise DataError(f"{name} must hold classes of one kind, all text or all numbers, got {', '.join(kinds)}.")


def several_classes(labels: Sequence) -> None:
    if len(labels) < 2:
        raise DataError(f"y is {labels[0]!s} in every row; the multinomial loss needs at least two classes.")


def every_class_counts(lost: Sequence) -> None:
    if lost:
        raise DataError(f"no row that counts has the class {listed(lost)}. Hint: leave out its rows, or fewer folds.")


def unknown_classes(labels: Sequence) -> DataError:
    return DataError(f"y has classes that the loss does not know: {listed(labels)}.")


def two_classes(y, loss: str) -> None:
    finite("y", y)
    classes = np.unique(y)
    if not np.isin(classes, (0, 1)).all():
        raise DataError(f"y must be 0 or 1 for the {loss} loss, got {listed(f'{v:g}' for v in classes)}.")
    if classes.size < 2:
        raise DataError(f"y is {classes[0]:g} in every row that counts; the {loss} loss needs both classes.")


def positive_target(y) -> None:
    finite("y", y)
    if (y <= 0).any():
        raise DataError(f"y must be > 0 for the gamma loss, got {y.min():g}.")


def counts(y) -> None:
    finite("y", y)
    if (y < 0).any():
        raise DataError(f"y must be counts >= 0 for the Poisson loss, got {y.min():g}.")
    if not (y > 0).any():
        raise DataError("y is 0 in every row that counts; the Poisson loss needs at least one positive count.")


def survival(y) -> None:
    """Times and events, one row each."""
    finite("y", y)
    if (y[:, 0] < 0).any():
        raise DataError(f"the times in y must be >= 0, got {y[:, 0].min():g}.")
    if not np.isin(y[:, 1], (0, 1)).all():
        odd = np.unique(y[:, 1])
        raise DataError(
            f"the events in y must be 0 or 1, got {listed(f'{v:g}' for v in odd)}. "
            "Hint: y has the columns time and event, in this order."
        )
    if not y[:, 1].any():
        raise DataError("no row that counts has an event; the partial likelihood needs at least one.")


def not_survival(got: str) -> DataError:
    return DataError(
        f"y must hold a time and an event a row: two columns (time, event), or a structured array with a number and a "
        f"bool, got {got}."
    )


def strata(shape, n: int) -> None:
    if tuple(shape) != (n,):
        raise ArgumentError(f"`strata` must hold one label a row, got shape {tuple(shape)} for {plural(n, 'row')}.")


def not_by_rows(loss: str) -> UnsupportedError:
    return UnsupportedError(f"the {loss} loss is no sum over rows, so a row has no value, derivative or conjugate.")


def no_maximum(names: Sequence[str]) -> DataError:
    return DataError(
        f"with {listed(names)} the partial likelihood has no maximum: some coefficient grows without end, as where a "
        "group has no event. Hint: l2=1e-3 is a small ridge, or give `lower` and `upper`."
    )


def separable(names: Sequence[str]) -> DataError:
    return DataError(
        f"the classes are separated perfectly by {listed(names)}: without a ridge the coefficients grow without end. "
        "Hint: l2=1e-3 is a small ridge, or give `lower` and `upper`."
    )


def separable_classes(names: Sequence[str]) -> DataError:
    return DataError(
        f"some classes are separated perfectly by {listed(names)}: without a ridge the coefficients grow without end. "
        "Hint: l2=1e-3 is a small ridge."
    )


def diverging_counts(names: Sequence[str]) -> DataError:
    return DataError(
        f"with {listed(names)} the Poisson likelihood has no maximum: some coefficient grows without end. "
        "Hint: l2=1e-3 is a small ridge, or give `lower` and `upper`."
    )
