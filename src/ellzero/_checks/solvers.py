"""What a solver refuses, and what it did not find."""

from ..errors import ArgumentError, InfeasibleError, UnsupportedError
from .words import listed


def rows_refused(solver: str) -> UnsupportedError:
    return refused(solver, 'linear rows need a mixed-integer solver. Hint: solver="mip".')


def one_size_only() -> UnsupportedError:
    return UnsupportedError(
        'linear rows are answered for one size or price at a time. Hint: best_subset(..., solver="mip").'
    )


def no_proof(loss: str) -> str:
    return (
        f"exact search knows squared error, the logistic and the Poisson loss, and has no bound for the {loss} loss. "
        'Hint: solver="exchange" searches without a proof.'
    )


def refused(solver: str, reason: str) -> UnsupportedError:
    return UnsupportedError(f"solver {solver!r} refuses this problem: {reason}")


def rows_contradict() -> InfeasibleError:
    return InfeasibleError(
        "no support satisfies the linear conditions together with the size, the rules and the limits. "
        "Hint: a larger `k`, wider limits, or fewer conditions."
    )


def no_support_found() -> InfeasibleError:
    return InfeasibleError(
        "no support that satisfies the linear conditions was found before the search ended; whether there is one is "
        "not known. Hint: a longer `time_limit`, or a larger `k`."
    )


def backend_failed(backend: str, reason: str) -> UnsupportedError:
    return UnsupportedError(
        f'{backend} did not take the problem: {reason.rstrip(".")}. Hint: backend="highs" needs no licence.'
    )


def start_refused(solver: str) -> UnsupportedError:
    return UnsupportedError(f'{solver} cannot begin from a known support. Hint: solver="branch" takes `start`.')


def start_breaks_rules(names) -> ArgumentError:
    return ArgumentError(
        f"`start` ({listed(names)}) is no support of this question: it breaks a rule, or has more than k columns."
    )
