"""Keywords that a public function does not take are refused in its own name, whatever it hands them on to."""

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, signature
from typing import ParamSpec, TypeVar

from .. import _checks as checks

P = ParamSpec("P")
R = TypeVar("R")

QUESTION = (
    "l1", "l2", "loss", "lower", "upper", "groups", "forced", "forbidden", "constraints", "sample_weight", "offset",
    "fit_intercept", "standardize", "names",
)  # fmt: skip  # what a problem is made of, beside data and size


def known(*further: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorator of a function that names what it does not take, and what was probably meant.

    Parameters
    ----------
    *further : str
        Keywords that the function takes through ``**question``.

    Examples
    --------
    >>> @known("offset")
    ... def fit(X, *, sample_weight=None, **question): ...
    >>> fit([1.9], offsets=0.37)
    Traceback (most recent call last):
    TypeError: fit() got an unexpected keyword argument 'offsets'. Did you mean 'offset'?
    """

    def of(function: Callable[P, R]) -> Callable[P, R]:
        own = [name for name, p in signature(function).parameters.items() if p.kind is not Parameter.VAR_KEYWORD]
        words = tuple(dict.fromkeys([*own, *further]))

        @wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            for name in kwargs:
                if name not in words:
                    raise checks.unknown_keyword(function.__name__, name, words)
            return function(*args, **kwargs)

        return called

    return of
