"""Everything `select` found out, for the screen and the files alike."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..result import Result, Status
from .coding import Design

if TYPE_CHECKING:
    from ..selection import Path
    from .recipe import Part
    from .search import Search

MANY, FEW = 10, 3  # beyond so many changes, so many of each kind are named
WORDS = {
    Status.OPTIMAL: "proven",
    Status.TIME_LIMIT: "time",
    Status.NODE_LIMIT: "nodes",
    Status.INTERRUPTED: "stopped",
    Status.HEURISTIC: "heuristic",
    Status.NOT_CONVERGED: "not converged",
}


@dataclass(frozen=True, slots=True, eq=False)
class Near:
    """Models of the chosen size or smaller whose loss is within a fraction of the best.

    Parameters
    ----------
    within : float
        The fraction.
    complete : bool
        Whether these are all of them.
    others : list of (support, objective)
        All but the chosen model.
    """

    within: float
    complete: bool
    others: list[tuple[list[int], float]]


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One size in the table."""

    size: int
    result: Result
    fit: float  # residual sum of squares or deviance
    explained: float  # R2, or the share of the deviance
    score: float | None
    word: str
    entered: tuple[str, ...]
    left: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What was found.

    Parameters
    ----------
    source : str
        Name of the data.
    design : Design
        What was solved.
    asked : str
        The task as typed.
    search : Search
        How it was solved.
    path : Path
        The best model of each size.
    criterion : str
        What chose.
    scores : dict of int to float
        Value of the criterion by size.
    size : int
        The size chosen.
    spread : dict of int to float
        Standard error of the cross-validated loss by size.
    near : Near or None
        Rivals of the model chosen; None when the search was interrupted.
    interrupted : bool
        Whether Ctrl-C ended the search.
    """

    source: str
    design: Design
    asked: str
    search: "Search"
    path: "Path"
    criterion: str
    scores: dict[int, float]
    size: int
    spread: dict[int, float] = field(default_factory=dict)
    near: Near | None = None
    interrupted: bool = False

    @property
    def sizes(self) -> list[int]:
        """Sizes solved."""
        return list(self.path.sizes)

    @property
    def chosen(self) -> Result:
        """The model of the chosen size."""
        return self.path[self.size]

    @property
    def linear(self) -> bool:
        """Whether the loss is the squared error."""
        return self.design.target.task == "linear"

    def worse(self, objective: float) -> float:
        """By which fraction an objective is higher than that of the chosen model; infinite above a perfect fit."""
        best = self.chosen.objective
        return objective / best - 1 if best > 0 else float("inf")

    def labels(self, support: Iterable[int]) -> tuple[str, ...]:
        """Names of the parts in a support."""
        return tuple(part.label for part in self.design.recipe.parts_of(support))

    def change(self, old: Iterable[int], new: Iterable[int]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What enters and what leaves from one support to another."""
        before, after = (self.design.recipe.parts_of(support) for support in (old, new))
        return labels(part for part in after if part not in before), labels(
            part for part in before if part not in after
        )

    def lines(self) -> list[Line]:
        """The table: one line for each size."""
        lines = []
        before: Iterable[int] = ()
        for size, result in zip(self.sizes, self.path, strict=True):
            entered, left = self.change(before, result.support)
            before = result.support
            fit = 2 * result.n_samples * result.loss
            explained = result.sample.explained(result.loss, result.support.size) or 0.0
            score = self.scores.get(size)
            lines.append(Line(size, result, fit, explained, score, WORDS[result.status], entered, left))
        return lines


def labels(parts: Iterable["Part"]) -> tuple[str, ...]:
    """Names on the screen."""
    return tuple(part.label for part in parts)


def swap(entered: Sequence[str], left: Sequence[str]) -> str:
    """Write what leaves and what enters, the first few where they are many.

    Examples
    --------
    >>> swap(["Runs"], ["AtBat"])
    '- AtBat + Runs'
    >>> swap(["a", "b", "c", "d", "e", "f"], ["g", "h", "i", "j", "k"])
    '- g - h - i - 2 more + a + b + c + 3 more'
    """
    short = len(entered) + len(left) > MANY
    signed = []
    for sign, names in (("-", left), ("+", entered)):
        shown = names[:FEW] if short and len(names) > FEW + 1 else names
        signed += [f"{sign} {name}" for name in shown]
        signed += [f"{sign} {len(names) - len(shown)} more"] if len(shown) < len(names) else []
    return " ".join(signed)
