"""Pictures of balls, fields, paths and training: what they cannot draw."""

from ..errors import ArgumentError
from .numbers import is_real


def number_of_axes(wanted: int, got: int) -> ArgumentError:
    return ArgumentError(
        f"`ax` must hold one axes for each of {wanted} panels, got {got}. Hint: plt.subplots(1, {wanted})."
    )


def drawable(what: str, n: int) -> int:
    """A dimension that can be drawn."""
    if n not in (2, 3):
        raise ArgumentError(
            f"{what} has {n} variables, and pictures have 2 or 3. Hint: Field.slice holds the others, "
            "Field.on_plane lays a plane."
        )
    return n


def budgets(budget, count: int) -> list[float | None]:
    """One positive budget for each ball, or none at all."""
    if budget is None:
        return [None] * count
    given = [budget] * count if is_real(budget) else list(budget)
    if len(given) != count or not all(is_real(b) and 0 < b < float("inf") for b in given):
        each = f", or one for each of {count} balls" if count > 1 else ""
        raise ArgumentError(f"`budget` must be a finite number > 0{each}, got {budget!r}.")
    return [float(b) for b in given]


def nonzeros(budget: float, n: int) -> float:
    """A budget of nonzeros beside a picture of n variables."""
    if budget != budget // 1 or not 1 <= budget <= n:
        raise ArgumentError(
            f"`budget` for p = 0 counts nonzeros and must be an integer from 1 to {n}, got {budget:g}. "
            "Hint: give one budget for each ball."
        )
    return budget


def needs_budget(penalty: str) -> ArgumentError:
    return ArgumentError(f"`budget` is needed for {penalty}: how much of it there may be.")


def no_runs(kind: str) -> ArgumentError:
    return ArgumentError(f"`runs` must be runs of geometry.descent.train or a mapping of labels to them, got {kind}.")


def empty_picture(name: str) -> ArgumentError:
    return ArgumentError(f"`{name}` is empty, so there is nothing to draw.")


def envelope_in_space(n: int) -> ArgumentError:
    return ArgumentError(f"an envelope is drawn in 1 or 2 variables, got {n}. Hint: its arrays are there in up to 3.")
