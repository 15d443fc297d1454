# ruff: noqa: D103 - the sentence of each function says what it is
"""Every sentence of the command's errors and notices: what, where, what to do, in the words the user typed.

Functions that name an error return the `Stop` to raise; the others return text.
"""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from .exits import Exit, Stop

# ---- small words


def count(number: int, noun: str = "", plural: str = "") -> str:
    """Write a number with thin groups and its noun: ``1 460 rows``.

    Examples
    --------
    >>> count(1460, "row"), count(1, "row")
    ('1 460 rows', '1 row')
    """
    digits = f"{number:_}".replace("_", " ")
    return f"{digits} {noun if number == 1 else plural or noun + 's'}" if noun else digits


def quoted(names: Iterable[str], most: int = 5, last: str = "and") -> str:
    """Write names as ``"a", "b" and "c"``, with the number of those left out."""
    return listed((f'"{name}"' for name in names), most, last)


def listed(names: Iterable[str], most: int, last: str) -> str:
    """Write names as ``a, b and c``, with the number of those left out."""
    names = list(names)
    if len(names) > most:
        names = [*names[:most], f"{count(len(names) - most)} more"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}"


def meant(name: str, known: Sequence[str]) -> str:
    """Suggest the known name that is most like the one typed."""
    lowered = {other.lower(): other for other in reversed(known)}
    close = get_close_matches(name.lower(), lowered, n=1, cutoff=0.65)
    return f' Did you mean "{lowered[close[0]]}"?' if close else ""


def percent(fraction: float) -> str:
    """Write a fraction as ``2.5 %``."""
    return f"{100 * fraction:.3g} %"


def forbid(names: Iterable[str]) -> str:
    """Flags that leave these columns out."""
    return " ".join(f'--forbidden "{name}"' if " " in name else f"--forbidden {name}" for name in names)


# ---- reading


def no_file(path: str) -> Stop:
    return Stop(Exit.DATA, f'no file "{path}". Check the name, or write - to read standard input.')


def unreadable(path: str, reason: str) -> Stop:
    return Stop(Exit.DATA, f'cannot read "{path}": {reason}.')


def empty_file(source: str) -> Stop:
    return Stop(Exit.DATA, f"{source} is empty. A table has a line of column names and one line for each row.")


def no_rows(source: str, n_columns: int) -> Stop:
    return Stop(Exit.DATA, f"{source} has {count(n_columns, 'column')} but no rows.")


def not_text(source: str, line: int) -> Stop:
    return Stop(Exit.DATA, f"{source} is not UTF-8 text (line {line}). Save it as CSV in UTF-8, or as Parquet.")


def no_header(source: str, header: Sequence[str]) -> Stop:
    shown = ", ".join(header[:4])
    return Stop(Exit.DATA, f"the first line of {source} holds numbers, not column names: {shown}. Add a line of names.")


def unnamed_first_column(source: str) -> str:
    return f"the first column of {source} has no name; taken as row names and left out."


def unnamed_column(source: str, position: int) -> Stop:
    return Stop(Exit.DATA, f"column {position} of {source} has no name. Name it or remove it.")


def duplicate_name(source: str, name: str) -> Stop:
    return Stop(Exit.DATA, f'{source} has two columns named "{name}". Rename or remove one.')


def ragged(source: str, line: int, got: int, expected: int, delimiter: str) -> Stop:
    return Stop(
        Exit.DATA,
        f"line {line} of {source} has {count(got, 'field')}, its header {expected}. "
        f"Fields are cut at {delimiter}; one inside a field needs quotes around the field.",
    )


def bad_quotes(source: str, line: int, reason: str) -> Stop:
    return Stop(Exit.DATA, f"the quotes are broken near line {line} of {source} ({reason}).")


def needs_pyarrow(source: str) -> Stop:
    return Stop(Exit.EXTRA, f'{source} is a Parquet or Arrow file. To read it: pip install "ellzero[data]"')


# ---- columns


def no_column(name: str, known: Sequence[str], source: str) -> Stop:
    return Stop(
        Exit.DATA, f'no column "{name}" in {source}.{meant(name, known)} The file has {count(len(known), "column")}.'
    )


def contradiction(name: str, first: str, second: str) -> Stop:
    return Stop(Exit.USAGE, f'"{name}" is named by {first} and by {second}. It can be only one of them.')


def no_candidates(source: str) -> Stop:
    return Stop(Exit.DATA, f"no column of {source} is left to choose from, besides the target and those left out.")


def unusable_type(name: str, kind: str) -> Stop:
    return Stop(
        Exit.DATA,
        f'"{name}" is neither numbers nor text but {kind}. Turn it into numbers, or leave it out: {forbid([name])}',
    )


def infinite(name: str, number: int, place: str) -> Stop:
    return Stop(
        Exit.DATA,
        f'"{name}" has {count(number, "infinite value")}, first in {place}. '
        "Correct the value, or leave the cell empty to call it missing.",
    )


def missing_values(rows: int, n_rows: int, by_column: dict[str, int], filled: bool) -> Stop:
    """Say which columns miss how many values, and what can be chosen: only candidates can be filled in."""
    if len(by_column) == 1:
        (name,) = by_column
        what = f"{rows} of {count(n_rows, 'row')} miss {name} ({percent(rows / n_rows)})."
    else:
        most = sorted(by_column.items(), key=lambda item: -item[1])
        listed = ", ".join(f"{name} {number}" for name, number in most[:8])
        more = f" and {len(most) - 8} more columns" if len(most) > 8 else ""
        what = f"{rows} of {count(n_rows, 'row')} have missing values ({percent(rows / n_rows)}): {listed}{more}."
    choice = "Choose --missing drop | impute | indicator" if filled else "Choose --missing drop"
    return Stop(Exit.DATA, f"{what} {choice}. Nothing was fitted.")


def missing_target(name: str, rows: int, n_rows: int, role: str, policy: str) -> Stop:
    return Stop(
        Exit.DATA,
        f'{rows} of {count(n_rows, "row")} miss the {role} "{name}", and --missing {policy} fills in candidates only. '
        "Remove these rows, or choose --missing drop.",
    )


def all_missing(name: str) -> Stop:
    return Stop(Exit.DATA, f'"{name}" has no values at all. Leave it out: {forbid([name])}')


def too_few_rows(used: int, n_rows: int, by_column: dict[str, int]) -> Stop:
    """Say how many rows are left, and which columns cost most of them."""
    most = sorted(by_column.items(), key=lambda item: -item[1])[:3]
    cost = f" Most are lost to {', '.join(f'{name} ({number})' for name, number in most)}." if most else ""
    return Stop(Exit.DATA, f"{used} of {count(n_rows, 'row')} can be used; at least 3 are needed.{cost}")


def too_many_levels(name: str, levels: int, rows: int, stray: str) -> Stop:
    return Stop(
        Exit.DATA,
        f'"{name}" has {count(levels, "level")} in {count(rows, "row")}; as dummies it has more terms than is useful. '
        f"{stray}Leave it out with {forbid([name])}, or allow it with --max-levels {levels}.",
    )


def stray_text(cell: str, place: str, number: int) -> str:
    return f"All but {number} of its values are numbers: {cell!r} in {place} is not. "


def taken_name(term: str, column: str) -> Stop:
    return Stop(
        Exit.DATA,
        f'the column "{column}" would get a term named "{term}", and there is one of that name. Rename one of them.',
    )


def constant_forced(name: str) -> Stop:
    return Stop(Exit.DATA, f"--forced {name}: the column has the same value in every row used, so it explains nothing.")


def forced_orphan(name: str) -> Stop:
    return Stop(Exit.INFEASIBLE, f"--forced {name}: by --hierarchy it needs a column that is forbidden or constant.")


def orphaned(names: Sequence[str]) -> str:
    return f"can never be in by --hierarchy, what they need is forbidden or constant: {', '.join(names)}."


def constant_columns(names: Sequence[str]) -> str:
    return f"left out, the same value in every row used: {', '.join(names)}."


def only_constant(source: str) -> Stop:
    return Stop(
        Exit.DATA, f"every candidate column of {source} has the same value in all rows used: nothing to choose from."
    )


def collinear_pairs(pairs: Sequence[tuple[str, str, float]], columns: Sequence[str]) -> Stop:
    """Name the first pair of equal columns, and the flags that resolve all pairs."""
    first, second, correlation = pairs[0]
    more = f" So are {count(len(pairs) - 1, 'more pair')}." if len(pairs) > 1 else ""
    return Stop(
        Exit.DATA,
        f"{first} and {second} are equal up to shift and scale (correlation {correlation:.4f}). "
        f"No data can tell them apart.{more} Leave out: {forbid(columns)}",
    )


def collinear_sum(term: str, others: Sequence[str], columns: Sequence[str]) -> Stop:
    return Stop(
        Exit.DATA,
        f"{term} is an exact combination of {quoted(others)}. No data can tell them apart. "
        f"Leave one of them out, for example: {forbid(columns)}",
    )


# ---- target and weights


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


# ---- sizes


def k_too_large(flag: str, k: int, n_units: int, n_rows: int) -> Stop:
    limit = (
        f"there are {count(n_units, 'candidate')}"
        if n_units <= n_rows - 2
        else f"there are only {count(n_rows, 'row')}"
    )
    return Stop(Exit.USAGE, f"{flag} {k} is too large: {limit}, so the largest size is {min(n_units, n_rows - 2)}.")


def k_negative(flag: str, k: int) -> Stop:
    return Stop(Exit.USAGE, f"{flag} {k}: a size is 0 or more.")


def k_below_forced(flag: str, k: int, n_forced: int, n_needed: int) -> Stop:
    needed = f" and the {n_needed} that {'it needs' if n_forced - n_needed == 1 else 'they need'}" if n_needed else ""
    return Stop(
        Exit.INFEASIBLE,
        f"{flag} {k} leaves no room for the {count(n_forced - n_needed, 'forced column')}{needed}. "
        f"Use {flag} {n_forced} or more.",
    )


def both_sizes() -> Stop:
    return Stop(Exit.USAGE, "--k asks for one size and --max-k for all sizes up to one. Give one of them.")


def chosen_at_the_end(criterion: str, k: int) -> str:
    return f"{criterion} chose the largest size looked at; --max-k {2 * k} would look further."


def perfect_fit(k: int) -> str:
    return f"from size {k} on the fit is perfect but for rounding. --k {k} takes that model."


def no_bound_known(task: str) -> str:
    return f"heuristic sizes are not proven: no bound is known for --task {task}. A search of exchanges found them."


def needs_ridge(n_terms: int, n_rows: int, linear: bool, ruled: bool) -> str:
    why = "for this kind of model"
    if linear:
        why = "with --hierarchy or --at-most-one" if ruled else f"with {n_terms} terms for {n_rows} rows"
    return f"heuristic sizes are not proven: {why} a proof needs a ridge. --l2 0.001 is a small one."


ARGUMENTS = {
    "offset",
    "k",
    "l2",
    "gap",
    "within",
    "time_limit",
    "n_jobs",
    "random_state",
    "forced",
    "forbidden",
    "sample_weight",
}


def in_flags(sentence: str) -> str:
    """Say a sentence of the library in the words of the command: flags for arguments."""
    sentence = sentence.replace(", or give `lower` and `upper`", "; a smaller --max-k may do as well")
    sentence = re.sub(r"`?l2=1e-3`?", "--l2 0.001", sentence)
    sentence = (
        sentence.replace("`delta`", "--huber-delta")
        .replace("column of X", "column")
        .replace("`constraints`", "--hierarchy and --at-most-one")
    )
    sentence = sentence.replace("`solvers`", "--solver")
    sentence = re.sub(r"(, or name the parents with| Hint:) parents=.*$", ".", sentence).replace("..", ".")
    return re.sub(
        r"`(\w+)`", lambda name: "--" + name[1].replace("_", "-") if name[1] in ARGUMENTS else name[0], sentence
    )


# ---- model and certificate files


def not_a_model(path: str, reason: str) -> Stop:
    return Stop(Exit.DATA, f'"{path}" is not a model file of `ellzero select --model`: {reason}.')


def model_columns(source: str, absent: Sequence[str], known: Sequence[str]) -> Stop:
    hint = meant(absent[0], known) if len(absent) == 1 else ""
    noun = "the column" if len(absent) == 1 else "the columns"
    return Stop(Exit.DATA, f"the model uses {noun} {quoted(absent)}, not in {source}.{hint}")


def model_kind(name: str, source: str, needed: str, example: str, place: str) -> Stop:
    return Stop(Exit.DATA, f'the model knows "{name}" as {needed}; {source} has {example!r} in {place}.')


def unknown_level(name: str, level: str, place: str, known: Sequence[str]) -> Stop:
    return Stop(
        Exit.DATA,
        f'"{name}" is {level!r} in {place}, which the model has not seen.{meant(level, known)} '
        f"It knows {quoted(known, 8)}.",
    )


def missing_in_predict(rows: int, n_rows: int, by_column: dict[str, int]) -> Stop:
    listed = ", ".join(f"{name} {number}" for name, number in by_column.items())
    return Stop(
        Exit.DATA,
        f"{rows} of {count(n_rows, 'row')} miss a value that the model needs: {listed}. "
        "Fill them in, or choose --missing blank for empty predictions.",
    )


def blank_predictions(rows: int) -> str:
    return f"empty prediction, a value is missing: {count(rows, 'row')}."


def no_recipe(path: str) -> Stop:
    return Stop(
        Exit.REFUSED,
        f'"{path}" does not say how its data were coded, so a table cannot be checked against it. '
        "Only certificates of `ellzero select --certificate` do; others are checked with Certificate.verify(X, y).",
    )


def no_certificate_file(path: str) -> Stop:
    return Stop(Exit.DATA, f'no certificate "{path}". `ellzero select ... --certificate FILE` writes one.')


def other_data(source: str, reason: str) -> Stop:
    return Stop(Exit.REFUSED, f"refused: {source} is not the table that was certified. {reason}")


def broken_recipe(path: str, reason: str) -> Stop:
    return Stop(Exit.REFUSED, f'refused: "{path}" does not say properly how its data were coded ({reason}).')


def contradicts_itself(path: str, difference: str) -> Stop:
    return Stop(
        Exit.REFUSED, f'refused: the proof in "{path}" does not answer the question that the file states: {difference}.'
    )


def no_certificate(status: str) -> str:
    return f"no certificate was written: the search proved nothing ({status})."


def nothing_to_certify(task: str) -> str:
    return f"no certificate was written: for --task {task} nothing can be proven."


# ---- writing


def unknown_ending(path: str, endings: Sequence[str]) -> Stop:
    return Stop(Exit.USAGE, f'the format of "{path}" is told by its ending, one of {", ".join(endings)}.')


def cannot_write(path: str, reason: str) -> Stop:
    return Stop(Exit.OUTPUT, f'cannot write "{path}": {reason}. Nothing was written there.')


def same_file_twice(path: str) -> Stop:
    return Stop(Exit.USAGE, f'"{path}" is named for two outputs, or is the data itself.')


def stdout_is_for_json(flag: str) -> Stop:
    return Stop(Exit.USAGE, f"{flag} - is not a file. For data on standard output use --json.")


# ---- words


def no_term(term: str, known: Sequence[str]) -> Stop:
    return Stop(Exit.USAGE, f'no entry "{term}".{meant(term, known)} `ellzero explain` lists all of them.')


CAUTION = (
    "caution: the same rows chose the columns and fitted the coefficients, so p-values and intervals from these\n"
    "rows would be too optimistic. Judge the model on other rows."
)
COMPILING = "compiling kernels once, seconds to half a minute; later runs start at once."
