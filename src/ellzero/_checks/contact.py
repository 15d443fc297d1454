"""Contact points, counts of zeros and shrinkage."""

from ..errors import ArgumentError, DataError, UnsupportedError
from .numbers import is_real


def budget(value) -> float:
    """A budget that leaves more than the origin."""
    if not is_real(value) or not 0 < value < float("inf"):
        raise ArgumentError(
            f"`budget` must be a finite number > 0, got {value!r}. Hint: only the origin lies within a budget of 0."
        )
    return float(value)


def count_budget(value, n: int) -> int:
    """A budget of nonzeros."""
    if not is_real(value) or value != value // 1 or not 1 <= value <= n:
        raise ArgumentError(
            f"`budget` for p = 0 counts nonzeros and must be an integer in [1, {n}], got {value!r}. There are {n} "
            "variables."
        )
    return int(value)


def no_derivatives(label: str) -> ArgumentError:
    return ArgumentError(
        f"a contact point needs the gradient and the Hessian of {label}. Hint: Field(..., gradient=, hessian=), or a "
        "Problem."
    )


def not_convex(label: str, least: float, point) -> ArgumentError:
    at = ", ".join(f"{v:.4g}" for v in point)
    return ArgumentError(
        f"{label} is not convex: its curvature at ({at}) is as low as {least:.4g}. Contact points are those of convex "
        "losses."
    )


def no_minimiser() -> DataError:
    return DataError("the loss has no minimiser: it falls on without end. Hint: give a ridge, or a norm with p > 0.")


def not_settled(residual: float) -> DataError:
    return DataError(
        f"no contact point was settled: a projected gradient step still moves the best one by {residual:.3g}. "
        "Hint: variables on scales that differ less."
    )


def no_group_budget(name: str) -> UnsupportedError:
    return UnsupportedError(f"a budget is taken in norms and in penalties of single variables, got {name}.")


def price_and_concave() -> UnsupportedError:
    return UnsupportedError("a budget takes a price of nonzeros or a concave penalty, not both in one penalty.")


def too_many_supports(n: int, most: int) -> ArgumentError:
    return ArgumentError(f"supports are listed for at most {most} variables, got {n}. Hint: `best_subset` searches.")


def condition(value) -> float:
    if not is_real(value) or not 1 <= value <= 1e10:
        raise ArgumentError(
            f"`condition` must be a number in [1, 1e10], got {value!r}. Hint: beyond, rounding decides what is 0."
        )
    return float(value)


def no_path() -> DataError:
    return DataError(
        "the path to the budget could not be followed: the loss is flat on one of its supports. "
        "Hint: a smaller `condition`."
    )


def not_definite(name: str, least: float) -> ArgumentError:
    return ArgumentError(f"`{name}` must be positive definite; its least eigenvalue is {least:.3g}.")


def not_beyond(reach: float, t: float) -> ArgumentError:
    return ArgumentError(
        f"the centre must lie beyond the facet, with signs @ centre > {t:g}, got {reach:g}: its minimiser is not there."
    )


def need_plane(n: int) -> ArgumentError:
    return ArgumentError(f"a solution path in the plane needs a loss of 2 variables, got {n}. Hint: Field.slice.")
