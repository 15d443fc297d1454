"""From the user's table to X and y: dummies for text, a stated rule for missing values, checks that name the column."""

from dataclasses import dataclass, replace

import numpy as np

from . import collinear, messages, together
from .recipe import ROLES, Part, Question, Recipe
from .table import Column, Table
from .target import Target, code_survival, code_target, show, strays

MAX_LEVELS = 50
MIN_ROWS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """What the search receives.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        One column for each term, no column constant, none a combination of others.
    y : ndarray of shape (n_samples,) or (n_samples, n_columns)
        Coded target; for multinomial one 0/1 column a class, for cox the columns time and event.
    weight : ndarray of shape (n_samples,) or None
        Positive row weights.
    target : Target
        How y is coded.
    recipe : Recipe
        How all of it follows from the table.
    lost : dict of str to int
        Rows lost to missing values, by column.
    notes : tuple of str
        What was left out, for the user to know.
    offset : ndarray of shape (n_samples,) or None
        Added to the linear predictor.
    """

    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None
    target: Target
    recipe: Recipe
    lost: dict[str, int]
    notes: tuple[str, ...]
    offset: np.ndarray | None = None

    @property
    def n_told(self) -> int:
        """Rows that tell something by themselves: all, or those with an event."""
        return len(self.y) if self.target.event is None else int(self.y[:, 1].sum())

    @property
    def columns(self) -> dict[str, np.ndarray]:
        """Columns of X by name, the form in which the library takes names."""
        return dict(zip(self.recipe.terms, self.X.T, strict=True))


def encode(table: Table, question: Question) -> Design:
    """Turn a table into a design.

    Parameters
    ----------
    table : Table
        The user's table.
    question : Question
        Target, task, weights, treatment of missing values, columns forced in and left out.

    Returns
    -------
    Design
        X, y, weights, offset and the recipe to build them again.
    """
    candidates = find_candidates(table, question)
    target = target_of(table, question)
    weight = code_weight(table, question.weight)
    if question.offset and target.task == "multinomial":
        raise messages.offset_of_classes(question.offset)
    offset = code_offset(table, question.offset)
    involved = [*candidates, *(table.column(name) for name in question.roles.values())]
    check_finite(table, involved)
    used, lost = rows_used(table, involved, candidates, question)
    notes = list(table.notes)
    if weight is not None:
        notes += [messages.zero_weight_rows(int(np.sum(used & (weight == 0))))] if np.any(weight[used] == 0) else []
        used &= weight > 0
    if used.sum() < MIN_ROWS:
        raise messages.too_few_rows(int(used.sum()), table.n_rows, lost)
    y = target.y[used]
    if y.ndim == 1 and np.all(y == y[0]):
        raise messages.constant_target(target.name, show(target.levels[int(y[0])] if target.levels else y[0]))
    target, y = target.response(used)
    parts, constant = make_parts(table, candidates, used, question)
    notes += [messages.constant_columns(constant)] if constant else []
    recipe = Recipe(
        question=replace(question, task=target.task),
        target_levels=target.levels,
        parts=tuple(parts),
        constant=tuple(constant),
        n_rows=table.n_rows,
        dropped=tuple(np.flatnonzero(~used).tolist()),
    )
    orphaned = together.orphaned(recipe)
    notes += [messages.orphaned(orphaned)] if orphaned else []
    X = np.concatenate([part.code(table.column(part.column))[used] for part in parts], axis=1)
    collinear.check(X, recipe)
    weight, offset = (None if values is None else values[used] for values in (weight, offset))
    return Design(np.asfortranarray(X), y, weight, target, recipe, lost, tuple(notes), offset)


def target_of(table: Table, question: Question) -> Target:
    """What is to be explained: a column, or times and events."""
    if question.time is not None and question.event is not None:
        if question.delta is not None:
            raise messages.delta_without_huber("cox")
        return code_survival(table, question.time, question.event, question.ties, question.strata)
    if question.target is None:
        raise messages.no_target()
    return code_target(table, question.target, question.task, question.delta)


def find_candidates(table: Table, question: Question) -> list[Column]:
    """Columns that may enter a model; every name that was typed must exist and play one role."""
    roles: dict[str, str] = {}
    named = [(ROLES[role], [name]) for role, name in question.roles.items()]
    for flag, names in [*named, ("--forced", question.forced), ("--forbidden", question.forbidden)]:
        for name in dict.fromkeys(names):
            table.column(name)
            if name in roles:
                raise messages.contradiction(name, roles[name], flag)
            roles[name] = flag
    for name in (name for names in question.at_most_one for name in names):
        table.column(name)
        if roles.get(name) in ROLES.values():
            raise messages.contradiction(name, roles[name], "--at-most-one")
    candidates = [column for column in table.columns if roles.get(column.name, "--forced") == "--forced"]
    if not candidates:
        raise messages.no_candidates(table.source)
    for column in candidates:
        if column.kind == "other":
            raise messages.unusable_type(column.name, column.type)
    return candidates


def code_weight(table: Table, name: str | None) -> np.ndarray | None:
    """Row weights, none negative and not all zero."""
    if name is None:
        return None
    column = table.column(name)
    if not column.numeric:
        raise messages.text_weight(name)
    negative = np.flatnonzero(column.values < 0).tolist()
    if negative:
        raise messages.negative_weight(name, float(column.values[negative[0]]), table.place(negative[0]))
    if not np.any(column.values > 0):
        raise messages.zero_weights(name)
    return column.values


def code_offset(table: Table, name: str | None) -> np.ndarray | None:
    """What is added to the linear predictor: numbers."""
    if name is None:
        return None
    column = table.column(name)
    if not column.numeric:
        raise messages.text_offset(name)
    return column.values


def check_finite(table: Table, columns: list[Column]) -> None:
    """Infinite values are refused: they are neither numbers to fit nor declared missing."""
    for column in columns:
        infinite = np.flatnonzero(np.isinf(column.values)) if column.numeric else []
        if len(infinite):
            raise messages.infinite(column.name, len(infinite), table.place(infinite[0]))


def rows_used(
    table: Table, involved: list[Column], candidates: list[Column], question: Question
) -> tuple[np.ndarray, dict[str, int]]:
    """Mask of the rows to use, and the rows lost to each column; refuses where no rule for missing values was given."""
    gaps = {column.name: column.missing for column in involved if column.missing.any()}
    if not gaps:
        return np.ones(table.n_rows, dtype=bool), {}
    counts = {name: int(mask.sum()) for name, mask in gaps.items()}
    incomplete = np.logical_or.reduce(list(gaps.values()))
    if question.missing is None:
        filled = not counts.keys() & set(question.roles.values())
        raise messages.missing_values(int(incomplete.sum()), table.n_rows, counts, filled)
    if question.missing == "drop":
        return ~incomplete, counts
    for role, name in question.roles.items():
        if name in counts:
            raise messages.missing_target(name, counts[name], table.n_rows, role, question.missing)
    for column in candidates:
        if counts.get(column.name) == table.n_rows:
            raise messages.all_missing(column.name)
    return np.ones(table.n_rows, dtype=bool), {}


def make_parts(
    table: Table, candidates: list[Column], used: np.ndarray, question: Question
) -> tuple[list[Part], list[str]]:
    """Parts of all candidates that vary over the rows used, and the names of those that do not."""
    indicators = indicator_parts(candidates, used) if question.missing == "indicator" else {}
    parts: list[Part] = []
    constant: list[str] = []
    for column in candidates:
        part = number_part(column, used, question) if column.numeric else text_part(table, column, used, question)
        if part is not None:
            parts.append(part)
        elif column.name in question.forced:
            raise messages.constant_forced(column.name)
        else:
            constant.append(column.name)
        if column.name in indicators:
            parts.append(indicators[column.name])
    if not parts:
        raise messages.only_constant(table.source)
    check_terms(parts, table)
    return parts, constant


def check_terms(parts: list[Part], table: Table) -> None:
    """Terms made here must not have the name of a column or of each other."""
    taken = set(table.names)
    for part in parts:
        for term in part.terms if part.kind != "number" else ():
            if term in taken:
                raise messages.taken_name(term, part.column)
            taken.add(term)


def number_part(column: Column, used: np.ndarray, question: Question) -> Part | None:
    """A number or boolean as it is, missing values filled with the mean if they are to be; None if constant."""
    values = column.values[used]
    present = values[~np.isnan(values)]
    if len(present) == 0 or np.ptp(present) <= 1e-13 * np.max(np.abs(present)):
        return None
    fill = None if question.missing in (None, "drop") else float(np.mean(present))
    return Part(column.name, "number", (column.name,), fill=fill)


def text_part(table: Table, column: Column, used: np.ndarray, question: Question) -> Part | None:
    """One 0/1 term for each level but the first; None if there is one level only.

    Missing text is filled with the most frequent level (the first of them in a tie), or is a level of its own.
    """
    levels: list[str | None] = list(column.levels(used))
    rows = int(used.sum())
    if len(levels) > (question.max_levels or min(MAX_LEVELS, max(2, rows // 2))):
        raise messages.too_many_levels(column.name, len(levels), rows, strays(table, column))
    fill = None
    if question.missing == "indicator" and column.missing[used].any():
        levels.append(None)
    elif question.missing in ("impute", "indicator"):
        present = column.values[used & ~column.missing].tolist()
        fill = max(levels, key=present.count)
    if len(levels) < 2:
        return None
    terms = tuple(f"{column.name}_{'missing' if level is None else level}" for level in levels[1:])
    return Part(column.name, "text", terms, tuple(levels), fill)


def indicator_parts(candidates: list[Column], used: np.ndarray) -> dict[str, Part]:
    """One 0/1 term for each distinct set of rows in which numeric columns miss values, named after the first of them.

    Columns that miss the same rows share a term: two equal terms could not be told apart.
    """
    parts: dict[str, Part] = {}
    patterns: set[bytes] = set()
    for column in candidates:
        if not column.numeric:
            continue
        gaps = column.missing[used]
        pattern = gaps.tobytes()
        if gaps.any() and pattern not in patterns:
            patterns.add(pattern)
            parts[column.name] = Part(column.name, "missing", (f"{column.name}_missing",))
    return parts
