"""What a call may say, and with what."""

from collections.abc import Sequence
from difflib import get_close_matches

from ..errors import ArgumentError, MissingExtraError, UnsupportedError
from .numbers import is_integer
from .words import listed


def need_groups(penalty: str) -> ArgumentError:
    return ArgumentError(f'`penalty` "{penalty}" needs `groups`: one label a column.')


def no_option(option: str, penalty: str, penalties: Sequence[str]) -> ArgumentError:
    return ArgumentError(
        f"`{option}` has no meaning for the penalty {penalty}; it belongs to {', '.join(penalties)}. "
        "Hint: leave it out, or choose one of these."
    )


def no_swaps(penalty: str, loss: str) -> UnsupportedError:
    return UnsupportedError(
        f"swaps are for the penalties l0, l0l1 and l0l2 and squared error; here penalty is {penalty}, loss {loss}."
    )


def unknown_keyword(function: str, name: str, known: Sequence[str]) -> TypeError:
    """As Python says it itself, which would name the function that got the keyword in the end."""
    near = get_close_matches(name, known, 1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return TypeError(f"{function}() got an unexpected keyword argument '{name}'.{hint}")


def no_price(function: str, l0) -> None:
    if l0 is not None:
        raise ArgumentError(
            f"`l0`, the price of a column, has no meaning in {function}, which goes by sizes; got {l0!r}. "
            "Hint: `k` is the size."
        )


def need_k_or_l0(k, l0) -> None:
    if k is None and l0 is None:
        raise ArgumentError("Give `k` (at most so many columns), `l0` (the price of a column), or both. Got neither.")


def callback(value) -> None:
    if value is not None and not callable(value):
        raise ArgumentError(f"`on_progress` must be a function of one event, got {value!r}.")


def missing_extra(what: str, package: str, extra: str) -> MissingExtraError:
    return MissingExtraError(f"{what} needs {package}. Install it with: pip install 'ellzero[{extra}]'")


def problem_alone(question) -> None:
    given = [name for name, value in question.items() if value is not None]
    if given:
        raise ArgumentError(
            f"a Problem brings its whole question; {listed(f'`{name}`' for name in given)} cannot be given beside it. "
            "Hint: Problem.from_data takes them."
        )


def no_solvers(value) -> ArgumentError:
    return ArgumentError(
        f"`solvers` must hold names or solvers, such as ['exchange', ez.solvers.Branch()], got {value!r}."
    )


def threads(n_jobs) -> int | None:
    """Number of threads; None for all of them."""
    if n_jobs is None:  # as scikit-learn has it
        return 1
    if not is_integer(n_jobs) or n_jobs == 0 or n_jobs < -1:
        raise ArgumentError(f"`n_jobs` must be an integer >= 1, or -1 for all cores, got {n_jobs!r}.")
    return None if n_jobs == -1 else int(n_jobs)
