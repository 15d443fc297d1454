"""The model file: JSON that `select --model` writes and `predict` reads; plain enough for other programs."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import messages
from .answer import WORDS, Answer
from .recipe import Part, plain, tuples
from .table import Table
from .target import LOSS

FORMAT = "ellzero model 1"


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A fitted model with the coding of its columns.

    Parameters
    ----------
    task : {"linear", "logistic", "poisson", "gamma", "huber", "multinomial", "cox"}
        What is predicted.
    target : str
        Column that was explained.
    levels : tuple or None
        For logistic, what 0 and 1 stand for; for multinomial, the classes.
    intercept : float or list of float
        Constant of the linear predictor; for multinomial one a class.
    parts : tuple of Part
        Columns in the model and how they are coded.
    coefficients : dict of str to float or list of float
        By term; for multinomial one a class.
    offset : str or None
        Column that is added to the linear predictor.
    """

    task: str
    target: str
    levels: tuple | None
    intercept: float | list[float]
    parts: tuple[Part, ...]
    coefficients: dict[str, float | list[float]]
    offset: str | None = None

    @property
    def columns(self) -> list[str]:
        """Columns of the table that the model needs."""
        return list(dict.fromkeys(part.column for part in self.inputs))

    @property
    def inputs(self) -> tuple[Part, ...]:
        """What is read of each row: the columns in the model, and the offset as a number that is never filled in."""
        return self.parts if self.offset is None else (*self.parts, Part(self.offset, "number", (self.offset,)))

    @property
    def text(self) -> set[str]:
        """Those of them that are text."""
        return {part.column for part in self.parts if part.kind == "text"}

    def mean(self, table: Table) -> np.ndarray:
        """Expected value of each row, NaN where a value is missing.

        For cox the hazard relative to that of a row whose linear predictor is 0; for logistic the probability of
        levels[1], for multinomial that of each class, shape (n_rows, n_classes).
        """
        from ..losses import as_loss

        eta = np.full((table.n_rows, *np.shape(self.intercept)), self.intercept)
        for part in self.parts:
            eta += part.code(table.column(part.column)) @ np.array([self.coefficients[term] for term in part.terms])
        if self.offset is not None:
            eta += table.column(self.offset).values.astype(float)
        return np.asarray(as_loss(LOSS[self.task]).inverse_link(eta))


def as_json(answer: Answer) -> dict[str, Any]:
    """The chosen model and how sure it is, in plain lists, numbers and text."""
    design, chosen = answer.design, answer.chosen
    return {
        "format": FORMAT,
        "task": design.target.task,
        "target": design.target.name,
        "event": design.target.event,
        "strata": design.target.stratified,
        "levels": design.target.levels,
        "intercept": number(chosen.intercept),
        "coefficients": {chosen.names[j]: number(chosen.coef[j]) for j in chosen.support},
        "parts": [plain(asdict(part)) for part in design.recipe.parts_of(chosen.support)],
        "offset": design.recipe.question.offset,
        "size": answer.size,
        "criterion": answer.criterion,
        "status": WORDS[chosen.status],
        "gap": chosen.gap,
        "objective": chosen.objective,
        "rows": len(design.y),
        "source": answer.source,
    }


def number(value: Any) -> Any:
    """A number as a float, or numbers as a list of floats."""
    return np.asarray(value, dtype=float).tolist()


def load(path: Path) -> Model:
    """Read a model file, or say what is wrong with it."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise messages.no_file(str(path)) from None
    except OSError as error:
        raise messages.unreadable(str(path), error.strerror or str(error)) from None
    except ValueError:
        raise messages.not_a_model(str(path), "it is not JSON") from None
    found = data.get("format") if isinstance(data, dict) else None
    if found != FORMAT:
        raise messages.not_a_model(
            str(path), f'its format is "{found}", not "{FORMAT}"' if found else "it has no format"
        )
    try:
        model = Model(
            task=data["task"],
            target=data["target"],
            levels=None if data["levels"] is None else tuple(data["levels"]),
            intercept=number(data["intercept"]),
            parts=tuple(Part(**tuples(part)) for part in data["parts"]),
            coefficients={
                term: number(data["coefficients"].get(term, number(np.zeros(np.shape(data["intercept"])))))
                for part in data["parts"]
                for term in part["terms"]
            },
            offset=data.get("offset"),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise messages.not_a_model(str(path), f"it is incomplete ({type(error).__name__}: {error})") from None
    unknown = sorted(set(data["coefficients"]) - set(model.coefficients))
    if model.task not in LOSS or unknown:
        raise messages.not_a_model(str(path), f"it contradicts itself ({', '.join(unknown) or model.task})")
    shape = (len(model.levels or ()),) if model.task == "multinomial" else ()
    if any(np.shape(value) != shape for value in (model.intercept, *model.coefficients.values())):
        raise messages.not_a_model(str(path), "it contradicts itself (the number of classes)")
    return model
