"""What is asked of an answer: sizes, criteria, probabilities."""

from collections.abc import Iterable, Sequence

from ..errors import ArgumentError, DataError, UnsupportedError
from .numbers import integer_in, is_integer
from .words import listed, plural


def place(value, n: int) -> int:
    """Place of one model on a path; from the end where it is negative."""
    if not is_integer(value) or not -n <= value < n:
        raise ArgumentError(
            f"a path of {plural(n, 'model')} is read one at a time, by an integer in [{-n}, {n - 1}], got {value!r}. "
            "Hint: list(path) takes slices."
        )
    return int(value) % n


def chosen_at_the_end(criterion: str, k: int) -> str:
    return f"{criterion} chose size {k}, the largest on the path: a larger `k` may do better."


def no_probabilities(loss: str) -> UnsupportedError:
    return UnsupportedError(f"probabilities need the logistic loss, this model has the {loss} loss.")


def no_full_model(loss: str, n_parameters: int, n_samples: float) -> DataError:
    if loss != "squared":
        return squared_error_only("cp", loss)
    return DataError(
        f"Mallows' Cp needs the error variance of the full model: {n_parameters} parameters on {n_samples:g} rows "
        "leave none. Hint: criterion ebic."
    )


def squared_error_only(criterion: str, loss: str) -> DataError:
    return DataError(
        f"criterion {criterion} is defined for squared error, this model has the {loss} loss. Hint: bic or aic."
    )


def single_response_criterion(criterion: str) -> DataError:
    return DataError(f"criterion {criterion} is defined for a single response. Hint: bic or aic.")


def is_size(value, sizes: Sequence[int]) -> bool:
    """Whether a path has it; True and 1.0 are no sizes, though they are equal to one."""
    return is_integer(value) and value in sizes


def no_such_size(size, sizes) -> ArgumentError:
    return ArgumentError(f"the path has no size {size!r}; it has the sizes {listed(sizes)}.")


def no_size_for_criterion(criterion: str, n_samples: float) -> DataError:
    return DataError(
        f"no size leaves {criterion} enough rows: every model on the path is saturated, the weights count as "
        f"{n_samples:g} rows. Hint: more rows, a smaller k, or weights that sum to the number of rows."
    )


def sizes(value, low: int, high: int, noun: str) -> list[int]:
    """Sizes of a path: an integer K stands for low...K."""
    if is_integer(value):
        return list(range(low, integer_in("k", value, low, high, f"X has {plural(high, noun)}.") + 1))
    if isinstance(value, Iterable) and not isinstance(value, str):
        value = list(value)
        if not value:
            raise ArgumentError("`k` names no size at all, got an empty list.")
        return sorted({integer_in("k", k, 0, high, f"X has {plural(high, noun)}.") for k in value})
    raise ArgumentError(f"`k` must be an integer or an iterable of integers, got {value!r}.")
