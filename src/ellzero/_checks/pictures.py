"""Pictures: what they are drawn on, and what they need to be drawn from."""

from ..errors import ArgumentError, DataError, UnsupportedError


def no_axes(kind: str) -> ArgumentError:
    return ArgumentError(f"`ax` must be matplotlib axes or None, got {kind}. Hint: figure.add_subplot() makes them.")


def other_projection(three: bool) -> ArgumentError:
    if three:
        return ArgumentError("`ax` must be axes in three dimensions. Hint: figure.add_subplot(projection='3d').")
    return ArgumentError("`ax` must be axes in two dimensions, got some in three.")


def no_moments(solver: str) -> DataError:
    return DataError(
        f"the search that gave this result ({solver}) kept no bounds on its way. "
        "Hint: solver 'branch' and solver 'mip' keep them."
    )


def one_output_pictured(n: int) -> UnsupportedError:
    return UnsupportedError(
        f"a picture of coefficients needs a single response, the model has {n} outputs. "
        "Hint: `coef` holds a column for each; a path can be drawn as squares."
    )


def cannot_draw(what: str, expected: str, got) -> ArgumentError:
    return ArgumentError(f"{what} draws {expected}, got {type(got).__name__}.")


def nothing_to_draw(what: str, hint: str = "") -> DataError:
    return DataError(f"there is nothing to draw: {what}.{f' Hint: {hint}.' if hint else ''}")


def not_fitted_with(estimator: str, what: str, hint: str) -> ArgumentError:
    return ArgumentError(f"this {estimator} keeps no {what}. Hint: {hint}.")


def no_criterion_of_folds(criterion) -> ArgumentError:
    return ArgumentError(
        f"`criterion` is for a path, got {criterion!r} with a cross-validation. "
        "Hint: leave it out, as held-out losses choose."
    )


def adjr2_alone() -> ArgumentError:
    return ArgumentError(
        "criterion adjr2 has a scale of its own and cannot be drawn beside others. Hint: draw it alone."
    )
