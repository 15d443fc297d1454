"""How a raw table becomes a design: enough to rebuild it from the user's own file, and to code new rows."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from .table import Column

FORMAT = 1
# what a column can be besides a candidate, by field of `Question`, and the flag that says so
ROLES = {
    "target": "--target", "weight": "--sample-weight", "offset": "--offset", "time": "--time", "event": "--event",
    "strata": "--strata",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked of the table.

    Parameters
    ----------
    target : str or None
        Column to explain; None where there are a time and an event.
    task : {"auto", "linear", "logistic", "poisson", "gamma", "huber", "multinomial", "cox"}
        What to fit.
    weight : str or None
        Column of row weights.
    missing : {None, "drop", "impute", "indicator"}
        What to do where values are missing; None: refuse.
    forced, forbidden : tuple of str
        Columns that are always in, and those left out before anything else.
    max_levels : int or None
        Most levels of a text column; None: 50, or half the rows where these are fewer.
    hierarchy : {None, "strong", "weak"}
        Whether an interaction ``a:b`` needs all columns of lower order, or one of them.
    at_most_one : tuple of tuples of str
        Columns of which at most one may be in.
    offset : str or None
        Column that is added to the linear predictor.
    time, event : str or None
        For cox, columns of the time under observation, and of 1 where it ended with the event.
    ties : {None, "breslow", "efron"}
        For cox, what events at the same time count; None: breslow.
    strata : str or None
        For cox, column of the groups of rows that have a baseline hazard each.
    delta : float or None
        For huber, the error in units of the target beyond which the loss is linear; None: 1.345.
    """

    target: str | None
    task: str = "auto"
    weight: str | None = None
    missing: str | None = None
    forced: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    max_levels: int | None = None
    hierarchy: str | None = None
    at_most_one: tuple[tuple[str, ...], ...] = ()
    offset: str | None = None
    delta: float | None = None
    time: str | None = None
    event: str | None = None
    ties: str | None = None
    strata: str | None = None

    @property
    def roles(self) -> dict[str, str]:
        """Columns that are no candidates because they are something else, by role."""
        named = {role: getattr(self, role) for role in ROLES}
        return {role: name for role, name in named.items() if name is not None}


@dataclass(frozen=True, slots=True)
class Part:
    """What one column of the table contributes; its terms enter and leave a model together.

    Parameters
    ----------
    column : str
        Column of the table.
    kind : {"number", "text", "missing"}
        Numbers as they are; one 0/1 term for each level but the first; or one 0/1 term for "the value is missing".
    terms : tuple of str
        Names of the columns of X.
    levels : tuple of str or None
        Levels of a text column in sorted order, the first without a term; None, at the end, stands for missing.
    fill : float, str or None
        What a missing value is replaced by.
    """

    column: str
    kind: Literal["number", "text", "missing"]
    terms: tuple[str, ...]
    levels: tuple[str | None, ...] = ()
    fill: float | str | None = None

    @property
    def label(self) -> str:
        """Name on the screen: the term where there is one, else the column."""
        return self.terms[0] if len(self.terms) == 1 else self.column

    def missing(self, column: Column) -> np.ndarray:
        """Rows that cannot be coded because their value is missing."""
        if self.kind == "missing" or self.fill is not None or None in self.levels:
            return np.zeros(len(column.values), dtype=bool)
        return column.missing

    def code(self, column: Column) -> np.ndarray:
        """Columns of X, shape (n_rows, n_terms); rows that cannot be coded are NaN."""
        if self.kind == "missing":
            return column.missing[:, None].astype(float)
        values = column.values
        if self.fill is not None:
            values = np.where(column.missing, np.array(self.fill, dtype=values.dtype), values)
        if self.kind == "number":
            return values[:, None].astype(float)
        coded = np.stack([values == level for level in self.levels[1:]], axis=1).astype(float)
        coded[self.missing(column)] = np.nan
        return coded


@dataclass(frozen=True, slots=True)
class Recipe:
    """The whole coding.

    Parameters
    ----------
    question : Question
        What was asked, with the task that was decided on.
    target_levels : tuple or None
        What is coded 0 and 1, for logistic; what is coded 0, 1, 2, ..., for multinomial.
    parts : tuple of Part
        In the order of the columns of X.
    constant : tuple of str
        Columns left out because they do not vary.
    n_rows : int
        Rows of the table.
    dropped : tuple of int
        Rows left out, counted from 0.
    """

    question: Question
    target_levels: tuple | None
    parts: tuple[Part, ...]
    constant: tuple[str, ...]
    n_rows: int
    dropped: tuple[int, ...]

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the columns of X."""
        return tuple(term for part in self.parts for term in part.terms)

    @property
    def groups(self) -> np.ndarray | None:
        """Number of its part for each column of X; None where every part has one term."""
        if all(len(part.terms) == 1 for part in self.parts):
            return None
        return np.repeat(np.arange(len(self.parts)), [len(part.terms) for part in self.parts])

    @property
    def forced(self) -> list[int]:
        """Columns of X that are always in."""
        owners = [part.column if part.kind != "missing" else None for part in self.parts for _ in part.terms]
        return [j for j, owner in enumerate(owners) if owner in self.question.forced]

    @property
    def n_forced(self) -> int:
        """Number of parts that are always in."""
        return sum(part.kind != "missing" and part.column in self.question.forced for part in self.parts)

    @property
    def columns(self) -> list[str]:
        """Columns of the table that were read for this design, each once."""
        named = [part.column for part in self.parts]
        return list(dict.fromkeys([*named, *self.constant, *self.question.roles.values()]))

    def part_of(self, term: int) -> Part:
        """The part that a column of X belongs to."""
        return [part for part in self.parts for _ in part.terms][term]

    def parts_of(self, support: Iterable[int]) -> list[Part]:
        """The parts in a support, each once, in the order of X."""
        return list(dict.fromkeys(self.part_of(int(j)) for j in support))

    def to_json(self) -> dict[str, Any]:
        """Plain lists, numbers and text."""
        return {"format": FORMAT, **plain(asdict(self))}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Recipe":
        """Read what `to_json` wrote; KeyError, TypeError or ValueError where it is something else."""
        if data["format"] != FORMAT:
            raise ValueError(f"its coding has format {data['format']}, this version reads {FORMAT}")
        return cls(
            question=Question(**tuples(data["question"])),
            target_levels=None if data["target_levels"] is None else tuple(data["target_levels"]),
            parts=tuple(Part(**tuples(part)) for part in data["parts"]),
            constant=tuple(data["constant"]),
            n_rows=int(data["n_rows"]),
            dropped=tuple(data["dropped"]),
        )


def plain(value: Any) -> Any:
    """Turn tuples into lists, all the way down."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def tuples(fields: dict[str, Any]) -> dict[str, Any]:
    """Turn the lists among the fields into tuples, all the way down."""

    def frozen(value: Any) -> Any:
        return tuple(map(frozen, value)) if isinstance(value, list) else value

    return {key: frozen(value) for key, value in fields.items()}
