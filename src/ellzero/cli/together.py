"""Which columns of the table go together: --hierarchy and --at-most-one in the terms of the design."""

from ..constraints import AtMostOne, Rule, StrongHierarchy, SupportRules, WeakHierarchy
from ..constraints.rules import interactions
from . import messages
from .recipe import Recipe


def rules(recipe: Recipe) -> SupportRules:
    """What holds for the parts of a design, with all that follows from it.

    Raises
    ------
    Stop, ArgumentError, InfeasibleError
        A hierarchy finds no interactions, or no model keeps the rules.
    """
    units = SupportRules.build(recipe.terms, recipe.groups, recipe.forced, orphans(recipe), constraints(recipe))
    return units.closed(recipe.terms)


def constraints(recipe: Recipe) -> list[Rule]:
    """Rules on the columns of X; the first term of a part stands for all of them."""
    first = first_terms(recipe)
    found: list[Rule] = []
    family = {first[child]: [first[parent] for parent in kept] for child, kept in parents(recipe).items() if kept}
    if family:
        found.append((StrongHierarchy if recipe.question.hierarchy == "strong" else WeakHierarchy)(family))
    for names in recipe.question.at_most_one:
        found.append(AtMostOne([first[name] for name in names if name in first]))
    return found


def orphans(recipe: Recipe) -> list[int]:
    """Columns of X that can never be in, because columns that they need are forbidden or constant."""
    lost = orphaned(recipe)
    for child in lost:
        if child in recipe.question.forced:
            raise messages.forced_orphan(child)
    owners = [part.column if part.kind != "missing" else None for part in recipe.parts for _ in part.terms]
    return [j for j, owner in enumerate(owners) if owner in lost]


def orphaned(recipe: Recipe) -> list[str]:
    """Columns of the table that can never be in, because columns that they need are not candidates."""
    return [child for child, kept in parents(recipe).items() if not kept]


def parents(recipe: Recipe) -> dict[str, list[str]]:
    """Columns that each interaction needs, all or one of them; empty where what it needs is no candidate."""
    if recipe.question.hierarchy is None:
        return {}
    first, strong = first_terms(recipe), recipe.question.hierarchy == "strong"
    names = list(dict.fromkeys([*first, *recipe.constant, *recipe.question.forbidden]))
    family = {}
    for child, lower in interactions(names, strong).items():
        needed = [names[j] for j in lower]
        kept = [name for name in needed if name in first]
        if names[child] in first:
            family[names[child]] = [] if strong and len(kept) < len(needed) else kept
    return family


def first_terms(recipe: Recipe) -> dict[str, int]:
    """First column of X of each column of the table that is a candidate."""
    owners = [part.column if part.kind != "missing" else None for part in recipe.parts for _ in part.terms]
    return {owner: j for j, owner in reversed(list(enumerate(owners))) if owner is not None}
