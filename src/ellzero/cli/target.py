"""What the target column asks for: a number, one of two values, a count, or an amount."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ..losses import Cox, Huber, Loss, Multinomial, as_loss
from . import messages
from .exits import Stop
from .recipe import Question
from .table import Column, Table, is_number

Task = Literal["linear", "logistic", "poisson", "gamma", "huber", "multinomial", "cox"]
LOSS = {"linear": "squared", **{task: task for task in ("logistic", "poisson", "gamma", "huber", "multinomial", "cox")}}
MIN_CLASSES, MAX_CLASSES = 3, 20  # two are logistic; what has more is hardly a class
MEANS = {"linear": "mean of", "poisson": "expected count of", "gamma": "expected amount of", "huber": "robust mean of"}


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """The coded target.

    Parameters
    ----------
    name : str
        Column of the table.
    task : {"linear", "logistic", "poisson", "gamma", "huber", "multinomial"}
        What is fitted.
    y : ndarray of shape (n_rows,)
        Coded values, NaN where missing.
    levels : tuple or None
        For logistic, what is coded 0 and what is coded 1; for multinomial, what is coded 0, 1, 2, ...
    delta : float or None
        For huber, the error beyond which the loss is linear.
    event : str or None
        For cox, the column of events; y has the columns time and event.
    ties : {"breslow", "efron"}
        For cox, what events at the same time count.
    stratified : str or None
        For cox, the column of strata.
    strata : ndarray of shape (n_rows,) or None
        Number of each row's stratum, NaN where missing.
    """

    name: str
    task: Task
    y: np.ndarray
    levels: tuple | None = None
    delta: float | None = None
    event: str | None = None
    ties: str = "breslow"
    stratified: str | None = None
    strata: np.ndarray | None = None

    @property
    def loss(self) -> Loss:
        """Loss of the library."""
        if self.task == "multinomial":
            return Multinomial(self.classes)
        if self.event is not None:
            return Cox(self.ties, self.strata)
        return as_loss(LOSS[self.task]) if self.delta is None else Huber(self.delta)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the levels."""
        return tuple(plain(level) for level in self.levels or ())

    def response(self, used: np.ndarray) -> "tuple[Target, np.ndarray]":
        """What the library is to explain in these rows, and the target with the classes that are among them."""
        y = self.y[used]
        if self.event is not None and not y[:, 1].any():
            raise messages.no_events(self.event)
        if self.strata is not None:
            strata = np.unique(self.strata[used], return_inverse=True)[1]
            if strata.max() + 1 == strata.size:
                raise messages.lone_strata(self.stratified or "")
            return replace(self, strata=strata), y
        if self.levels is None or self.task != "multinomial":
            return self, y
        present, codes = np.unique(y.astype(int), return_inverse=True)
        if len(present) < MIN_CLASSES:
            raise messages.few_classes(self.name, len(present))
        return replace(self, levels=tuple(self.levels[code] for code in present)), np.eye(len(present))[codes]

    def describe(self, asked: str) -> str:
        """Say what is fitted, which value counts as 1, and whether the data decided."""
        if self.event is not None:
            ties = ", ties by Efron" if self.ties == "efron" else ""
            strata = (
                ""
                if self.strata is None
                else f"; each of the {self.strata.max() + 1} values of {self.stratified} apart"
            )
            return f"cox: hazard of {self.event} over {self.name}{ties}{strata}"
        chosen = ", chosen because the target has two values" if asked == "auto" and self.levels else ""
        if self.task == "multinomial":
            return (
                f"multinomial: probability that {self.name} is {messages.listed(map(show, self.levels or ()), 8, 'or')}"
            )
        if self.levels:
            no, yes = (show(level) for level in self.levels)
            return f"logistic: probability that {self.name} is {yes} and not {no}{chosen}"
        limit = f"; beyond an error of {self.delta:g} the loss is linear" if self.delta is not None else ""
        return f"{self.task}: {MEANS[self.task]} {self.name}{limit}"


def show(level: object) -> str:
    """Write a level as in the file: text in quotes, numbers bare."""
    return f'"{level}"' if isinstance(level, str) else f"{level:g}"


def check_question(question: Question) -> None:
    """There is one thing to explain: a target, or a time and an event, and a task that fits it."""
    survival = [name for name in (question.time, question.event) if name is not None]
    if not survival:
        for flag, value in (("--ties", question.ties), ("--strata", question.strata)):
            if value is not None:
                raise messages.flag_of_times(flag)
        if question.task == "cox":
            raise messages.cox_without_time()
        if question.target is None:
            raise messages.no_target()
    elif question.target is not None:
        raise messages.target_and_time(question.target)
    elif len(survival) == 1:
        raise messages.half_survival("--time" if question.time else "--event", "--event" if question.time else "--time")
    elif question.task not in ("auto", "cox"):
        raise messages.time_without_cox(question.task)


def code_survival(table: Table, time: str, event: str, ties: str | None = None, strata: str | None = None) -> Target:
    """Code times and events as two columns, and strata as numbers; NaN where missing."""
    times, events = table.column(time), table.column(event)
    if not times.numeric:
        raise messages.text_time(time, strays(table, times))
    negative = np.flatnonzero(times.values < 0).tolist()
    if negative:
        raise messages.negative_time(time, float(times.values[negative[0]]), table.place(negative[0]))
    odd = [level for level in events.levels() if level not in (0, 1)]
    if not events.numeric or odd:
        raise messages.not_an_event(event, [show(level) for level in odd])
    groups = None if strata is None else code_strata(table.column(strata))
    y = np.column_stack([times.values, events.values])
    return Target(time, "cox", y, event=event, ties=ties or "breslow", stratified=strata, strata=groups)


def code_strata(column: Column) -> np.ndarray:
    """Number the values of a column, of numbers or text, in sorted order."""
    if column.kind == "other":
        raise messages.unusable_type(column.name, column.type)
    return numbered(column, column.levels())


def numbered(column: Column, levels: list) -> np.ndarray:
    """Place of each value among the levels; NaN where missing."""
    code = {level: float(i) for i, level in enumerate(levels)}
    return np.array([code.get(value, np.nan) for value in column.values.tolist()])


def plain(level: object) -> str:
    """Name of a level, as in the file."""
    return level if isinstance(level, str) else f"{level:g}"


def code_target(table: Table, name: str, task: str, delta: float | None = None) -> Target:
    """Code the target for a task; ``auto`` is logistic for a column with two values, else linear.

    Parameters
    ----------
    table : Table
        The user's table.
    name : str
        The target's column.
    task : {"auto", "linear", "logistic", "poisson", "gamma", "huber", "multinomial"}
        What was asked for.
    delta : float or None
        For huber, the error beyond which the loss is linear; None: the library's.

    Returns
    -------
    Target
        Values of all rows, the missing ones NaN. Of two values the later one in sorted order is 1.
    """
    if delta is not None and task != "huber":
        raise messages.delta_without_huber(task)
    column = table.column(name)
    if column.kind == "other":
        raise messages.unusable_type(name, column.type)
    levels = column.levels()
    if len(levels) == 0:
        raise messages.all_missing(name)
    if len(levels) == 1:
        raise messages.constant_target(name, show(levels[0]))
    if task == "logistic" or (task == "auto" and len(levels) == 2):
        return two_valued(column, levels)
    if task == "multinomial":
        return several_valued(column, levels)
    if not column.numeric:
        raise not_numeric(table, column, levels, task)
    if task == "poisson":
        check_counts(table, column)
        return Target(name, "poisson", column.values)
    if task == "gamma":
        check_amounts(table, column)
        return Target(name, "gamma", column.values)
    if task == "huber":
        return Target(name, "huber", column.values, delta=Huber().delta if delta is None else Huber(delta).delta)
    return Target(name, "linear", column.values)


def two_valued(column: Column, levels: list) -> Target:
    """Code the smaller value 0 and the larger 1."""
    if len(levels) != 2:
        raise messages.not_two_valued(column.name, len(levels))
    y = (column.values == levels[1]).astype(float)
    y[column.missing] = np.nan
    return Target(column.name, "logistic", y, tuple(levels))


def several_valued(column: Column, levels: list) -> Target:
    """Code the values 0, 1, 2, ... in sorted order."""
    if len(levels) < MIN_CLASSES:
        raise messages.few_classes(column.name, len(levels))
    if len(levels) > MAX_CLASSES:
        raise messages.many_classes(column.name, len(levels), MAX_CLASSES)
    return Target(column.name, "multinomial", numbered(column, levels), tuple(levels))


def not_numeric(table: Table, column: Column, levels: list, task: str) -> Stop:
    """Name the first value that is no number, where most are."""
    stray = strays(table, column)
    if task == "auto":
        return messages.many_level_target(column.name, len(levels), stray, len(levels) <= MAX_CLASSES)
    return messages.text_target(column.name, task, len(levels), stray)


def strays(table: Table, column: Column) -> str:
    """Where most values of a text column are numbers, point at the first that is not."""
    present = np.flatnonzero(~column.missing).tolist()
    odd = [row for row in present if not is_number(column.values[row])]
    if not odd or len(odd) > len(present) / 2:
        return ""
    return messages.stray_text(column.values[odd[0]], table.place(odd[0]), len(odd))


def check_counts(table: Table, column: Column) -> None:
    """Counts are not negative."""
    negative = np.flatnonzero(column.values < 0).tolist()
    if negative:
        raise messages.negative_count(column.name, float(column.values[negative[0]]), table.place(negative[0]))


def check_amounts(table: Table, column: Column) -> None:
    """Amounts are positive."""
    bad = np.flatnonzero(column.values <= 0).tolist()
    if bad:
        raise messages.no_amount(column.name, float(column.values[bad[0]]), table.place(bad[0]))
