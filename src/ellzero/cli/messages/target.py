# ruff: noqa: D103 - the sentence of each function says what it is
"""The target, times and events, weights and offsets."""

from collections.abc import Sequence

from ..exits import Exit, Stop
from .words import count, listed


def text_target(name: str, task: str, n_levels: int, stray: str) -> Stop:
    two = " A column with two values can be explained with --task logistic." if n_levels == 2 else ""
    return Stop(Exit.DATA, f'the target "{name}" is not numeric, as --task {task} needs. {stray}It is text.{two}')


def many_level_target(name: str, n_levels: int, stray: str, classes: bool) -> Stop:
    hint = " For the probability of each level: ellzero select --task multinomial." if classes and not stray else ""
    return Stop(
        Exit.DATA,
        f'the target "{name}" is not numeric: it is text with {count(n_levels, "level")}. {stray}'
        f"ellzero explains numbers, counts and columns with two values.{hint}",
    )


def not_two_valued(name: str, n_levels: int) -> Stop:
    return Stop(
        Exit.DATA, f'--task logistic needs a target with two values; "{name}" has {count(n_levels, "different value")}.'
    )


def no_target() -> Stop:
    return Stop(
        Exit.USAGE,
        "nothing to explain. Give --target COLUMN, or --time COLUMN and --event COLUMN for times until an event.",
    )


def cox_without_time() -> Stop:
    return Stop(
        Exit.USAGE, "--task cox explains times until an event. Give --time COLUMN and --event COLUMN, no --target."
    )


def target_and_time(name: str) -> Stop:
    return Stop(Exit.USAGE, f"--target {name} is given beside --time or --event, which take its place. Leave one out.")


def half_survival(given: str, absent: str) -> Stop:
    return Stop(Exit.USAGE, f"{given} is given without {absent}. Times until an event need both columns.")


def time_without_cox(task: str) -> Stop:
    return Stop(Exit.USAGE, f"--time and --event are for --task cox, and the task is {task}. Leave --task out.")


def flag_of_times(flag: str) -> Stop:
    return Stop(Exit.USAGE, f"{flag} is for --task cox. Give --time COLUMN and --event COLUMN, or leave {flag} out.")


def lone_strata(name: str) -> Stop:
    return Stop(
        Exit.DATA,
        f'--strata {name}: "{name}" is different in every row used, so no two rows are compared. Leave it out, or join '
        "values.",
    )


def text_time(name: str, stray: str) -> Stop:
    return Stop(Exit.DATA, f'--time {name}: times are numbers, and "{name}" is not. {stray}'.rstrip())


def negative_time(name: str, value: float, place: str) -> Stop:
    return Stop(Exit.DATA, f"--time {name}: the time is {value:g} in {place}. Times are 0 or more.")


def not_an_event(name: str, odd: Sequence[str]) -> Stop:
    return Stop(
        Exit.DATA,
        f"--event {name}: events are 1 (it happened at that time) and 0 (not seen until then), or true and false; "
        f'"{name}" has {listed(odd, 3, "and")}. Code it so.',
    )


def no_events(name: str) -> Stop:
    return Stop(Exit.DATA, f"--event {name}: there is no event in the rows used, so there is nothing to explain.")


def few_classes(name: str, n_levels: int) -> Stop:
    return Stop(
        Exit.DATA,
        f'--task multinomial needs a target with three values or more; "{name}" has '
        f"{count(n_levels, 'different value')} in the rows used. For two values: --task logistic.",
    )


def many_classes(name: str, n_levels: int, most: int) -> Stop:
    return Stop(
        Exit.DATA,
        f'--task multinomial takes a target with at most {most} values; "{name}" has '
        f"{count(n_levels, 'different value')}. Join rare values, or choose another task for numbers.",
    )


def offset_of_classes(name: str) -> Stop:
    return Stop(
        Exit.USAGE,
        f"--offset {name}: --task multinomial has a linear predictor a class, and takes no offset. Leave it out.",
    )


def constant_target(name: str, value: object) -> Stop:
    return Stop(Exit.DATA, f'the target "{name}" is {value} in every row used: there is nothing to explain.')


def negative_count(name: str, value: float, place: str) -> Stop:
    return Stop(Exit.DATA, f'--task poisson counts: "{name}" is {value:g} in {place}. Counts are 0 or more.')


def no_amount(name: str, value: float, place: str) -> Stop:
    return Stop(
        Exit.DATA,
        f'--task gamma explains amounts greater than 0: "{name}" is {value:g} in {place}. '
        "Correct the value, or choose --task linear or huber.",
    )


def delta_without_huber(task: str) -> Stop:
    return Stop(
        Exit.USAGE, f"--huber-delta is for --task huber, and the task is {task}. Leave it out, or change the task."
    )


def text_offset(name: str) -> Stop:
    return Stop(Exit.DATA, f'--offset {name}: an offset is added to the linear predictor, and "{name}" is text.')


def text_weight(name: str) -> Stop:
    return Stop(Exit.DATA, f'--sample-weight {name}: weights are numbers, and "{name}" is text.')


def negative_weight(name: str, value: float, place: str) -> Stop:
    return Stop(Exit.DATA, f"--sample-weight {name}: the weight is {value:g} in {place}. Weights are 0 or more.")


def zero_weights(name: str) -> Stop:
    return Stop(Exit.DATA, f"--sample-weight {name}: all weights are zero, so no row counts.")


def zero_weight_rows(number: int) -> str:
    return f"left out, their weight is 0: {count(number, 'row')}."
