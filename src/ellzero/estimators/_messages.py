"""The messages of this room: what only a scikit-learn user can get wrong."""

from .. import _checks as checks
from ..errors import ArgumentError, DataError


def given(model, y) -> None:
    if y is None:  # in the words that scikit-learn's checks look for
        raise DataError(
            f"y must hold what belongs to each row of X: {type(model).__name__} requires y to be passed, but the "
            "target y is None. Hint: fit(X, y)."
        )


def size_given_twice(name: str, given: str) -> ArgumentError:
    return ArgumentError(
        f"`{name}` chooses the size where neither `k` nor `l0` is given; got it with `{given}`. "
        "Hint: leave one of them out."
    )


def not_binary(kind: str, n_classes: int, loss: str) -> DataError:
    return DataError(
        f"Only binary classification is supported. The type of the target is {kind}: y has {n_classes} classes. "
        f'Hint: loss="{loss}" takes several.'
    )


def one_class(label) -> DataError:
    return DataError(f'y is "{label}" in every row that counts: a classifier needs two classes, got one class.')


def no_probabilities(loss: str) -> AttributeError:
    return AttributeError(f'the {loss} loss gives no probabilities. Hint: decision_function, or loss="logistic".')


def unknown_strata(labels) -> ArgumentError:
    return ArgumentError(f"`strata` has labels that were not there when the model was fitted: {checks.listed(labels)}.")


def no_times() -> DataError:
    return DataError("`times` must hold numbers, got NaN. Hint: inf is after the last event.")


def no_pair() -> DataError:
    return DataError("no pair of rows can be compared: each event needs a row that is seen for longer.")


def no_common_size(folds: int) -> DataError:
    return DataError(f"no size can be compared on all {folds} folds. Hint: fewer folds, or other sizes in `k`.")
