"""Rules on which columns go together, and linear conditions."""

from collections.abc import Iterable, Sequence

from ..errors import ArgumentError, InfeasibleError
from .words import listed


def no_rule(value) -> ArgumentError:
    return ArgumentError(
        f"`constraints` must be a sequence of rules such as ez.constraints.StrongHierarchy(), got {value!r}."
    )


def no_columns(value) -> ArgumentError:
    return ArgumentError(f"a rule in `constraints` must name columns, by name or index, got {value!r}.")


def no_group(value, labels: Iterable) -> ArgumentError:
    return ArgumentError(
        f"`constraints`: no group {value!r}; the groups are {listed(labels)}. Hint: a list names columns, [{value!r}]."
    )


def no_mapping(value) -> ArgumentError:
    return ArgumentError(
        f"`parents` must be a mapping from a column to those it needs, {{child: [parents]}}, got {value!r}."
    )


def own_parent(name: str, none: bool) -> ArgumentError:
    return ArgumentError(
        f"`parents`: {name} has {'no parents' if none else 'itself as a parent'}. "
        "Hint: leave out columns that need no other."
    )


def no_interactions() -> ArgumentError:
    return ArgumentError(
        'no column of X has a name like "a:b" with columns "a" or "b" beside it, so a hierarchy has nothing to act on. '
        "Hint: parents={child: [parents]} names them."
    )


def no_main_effect(name: str, lost: Sequence[str]) -> ArgumentError:
    return ArgumentError(
        f'"{name}" has no column {listed(repr(part) for part in lost)} to be its parent. '
        "Hint: add the column, or name the parents with parents={child: [parents]}."
    )


def empty_row() -> ArgumentError:
    return ArgumentError("a linear row needs a weight that is not zero in `coef` or in `indicator`, got none.")


def parents_out(child: Sequence[str], parents: Sequence[str]) -> InfeasibleError:
    return InfeasibleError(
        f"{listed(child)} must be in and needs {listed(parents)}, which cannot be in: "
        "forbidden, constant, or ruled out by another rule."
    )


def too_many_sets(q: int, names: Sequence[str]) -> InfeasibleError:
    return InfeasibleError(f"at most {q} of {listed(names)} may be in, but all of them must be.")


def rules_contradict(names: Sequence[str]) -> InfeasibleError:
    return InfeasibleError(f"no support that contains {listed(names)} keeps all rules in `constraints`.")


def forced_need_more(n_units: int, k: int, names: Sequence[str]) -> InfeasibleError:
    return InfeasibleError(
        f"the forced columns and what they need are {n_units} ({listed(names)}) and do not fit into k = {k}."
    )
