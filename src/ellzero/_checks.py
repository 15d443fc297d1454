"""Argument checks, and every message that the library raises.

A check returns the value in the form the library uses, or raises. Messages say what must hold, what was got and, where
it is known, what to do; the command composes its own in the words its user typed.
"""

import math
import os
from collections.abc import Hashable, Iterable, Sequence
from difflib import get_close_matches
from numbers import Integral, Real
from pathlib import Path
from typing import TypeGuard

import numpy as np

from .errors import ArgumentError, DataError, InfeasibleError, MissingExtraError, OutputError, UnsupportedError

LARGEST = 1e140  # absolute values beyond it, or below its inverse, have squares that overflow or vanish
SHOWN = 5  # names listed before "and N more"


def plural(n, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def listed(names: Iterable) -> str:
    names = [str(name) for name in names]
    tail = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + tail


# ---- numbers


def _real(value) -> TypeGuard[float]:
    return isinstance(value, Real) and not isinstance(value, bool)


def _integer(value) -> TypeGuard[int]:
    return isinstance(value, Integral) and not isinstance(value, bool)


def non_negative(name: str, value) -> float:
    if not _real(value) or not math.isfinite(value) or value < 0:
        raise ArgumentError(f"`{name}` must be a finite number >= 0, got {value!r}.")
    return float(value)


def negative_strengths(name: str) -> ArgumentError:
    return ArgumentError(f"every entry of `{name}` must be a finite number >= 0.")


def positive(name: str, value) -> float:
    if not _real(value) or not value > 0:
        raise ArgumentError(f"`{name}` must be a number > 0, got {value!r}.")
    return float(value)


def finite_positive(name: str, value) -> float:
    if not _real(value) or not math.isfinite(value) or not value > 0:
        raise ArgumentError(f"`{name}` must be a finite number > 0, got {value!r}.")
    return float(value)


def fraction(name: str, value) -> float:
    if not _real(value) or not math.isfinite(value) or value < 0:
        raise ArgumentError(f"`{name}` must be a fraction >= 0 (0.01 is 1 %), got {value!r}.")
    return float(value)


def share(name: str, value) -> float:
    if not _real(value) or not 0 < value <= 1:
        raise ArgumentError(f"`{name}` must be a share in (0, 1], got {value!r}.")
    return float(value)


def open_share(name: str, value) -> float:
    if not _real(value) or not 0 < value < 1:
        raise ArgumentError(f"`{name}` must be a share in (0, 1), got {value!r}.")
    return float(value)


def above(name: str, value, low: float) -> float:
    if not _real(value) or not math.isfinite(value) or not value > low:
        raise ArgumentError(f"`{name}` must be a finite number > {low}, got {value!r}.")
    return float(value)


def power(value) -> float:
    if not _real(value) or not 0 < value < 1:
        raise ArgumentError(f"`p` must be a number in (0, 1), got {value!r}. Hint: L1 is p = 1, L0 is p = 0.")
    return float(value)


def factors(name: str, values, count: int, noun: str) -> np.ndarray:
    """Factors of a penalty, one a column or one a group."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.empty((0, 0))
    if array.shape != (count,) or not (np.isfinite(array) & (array >= 0)).all():
        raise ArgumentError(f"`{name}` must hold one finite number >= 0 for each of {plural(count, noun)}.")
    return array


def strengths(name: str, values, positive: bool) -> np.ndarray:
    """Strengths of a penalty, from large to small."""
    try:
        array = np.unique(np.asarray(values, dtype=np.float64).ravel())[::-1]
    except (TypeError, ValueError):
        array = np.empty(0)
    if not array.size or not (np.isfinite(array) & ((array > 0) | (not positive and array == 0))).all():
        raise ArgumentError(f"`{name}` must be finite numbers {'>' if positive else '>='} 0, got {values!r}.")
    return array


def one_a_column(name: str, values, p: int) -> np.ndarray:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.empty((0, 0))
    if array.shape != (p,) or not np.isfinite(array).all():
        raise ArgumentError(f"`{name}` must hold one finite number for each of {plural(p, 'column')}.")
    return array


def need_groups(penalty: str) -> ArgumentError:
    return ArgumentError(f'`penalty` "{penalty}" needs `groups`: one label a column.')


def no_swaps(penalty: str, loss: str) -> UnsupportedError:
    return UnsupportedError(
        f"swaps are for the penalties l0, l0l1 and l0l2 and squared error; here penalty is {penalty}, loss {loss}."
    )


def integer_in(name: str, value, low: int, high: int, why: str = "") -> int:
    if not _integer(value) or not low <= value <= high:
        raise ArgumentError(f"`{name}` must be an integer in [{low}, {high}], got {value!r}.{why and ' ' + why}")
    return int(value)


def size(name: str, value, n_units: int, noun: str = "column") -> int:
    return integer_in(name, value, 0, n_units, f"X has {plural(n_units, noun)}.")


def one_of(name: str, value, choices: Sequence[str]) -> str:
    if value not in choices:
        near = get_close_matches(str(value), choices, 1)
        hint = f' Did you mean "{near[0]}"?' if near else ""
        raise ArgumentError(f"`{name}` must be one of {', '.join(choices)}, got {value!r}.{hint}")
    return value


def unknown_keyword(function: str, name: str, known: Sequence[str]) -> TypeError:
    """As Python says it itself, which would name the function that got the keyword in the end."""
    near = get_close_matches(name, known, 1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return TypeError(f"{function}() got an unexpected keyword argument '{name}'.{hint}")


def no_price(function: str, l0) -> None:
    if l0 is not None:
        raise ArgumentError(
            f"`l0`, the price of a column, has no meaning in {function}, which goes by sizes; got {l0!r}. "
            "Hint: `k` is the size."
        )


def place(value, n: int) -> int:
    """Place of one model on a path; from the end where it is negative."""
    if not _integer(value) or not -n <= value < n:
        raise ArgumentError(
            f"a path of {plural(n, 'model')} is read one at a time, by an integer in [{-n}, {n - 1}], got {value!r}. "
            "Hint: list(path) takes slices."
        )
    return int(value) % n


def need_k_or_l0(k, l0) -> None:
    if k is None and l0 is None:
        raise ArgumentError("Give `k` (at most so many columns), `l0` (the price of a column), or both. Got neither.")


def random_state(value) -> np.random.Generator:
    if value is None or (_integer(value) and value >= 0):
        return np.random.default_rng(0 if value is None else int(value))
    if isinstance(value, np.random.Generator):
        return value
    if isinstance(value, np.random.RandomState):
        return np.random.default_rng(value.randint(2**31))
    raise ArgumentError(f"`random_state` must be None, an integer >= 0 or a NumPy generator, got {value!r}.")


# ---- data


def finite(name: str, values, names: Sequence[str] | None = None) -> None:
    bad = ~np.isfinite(values)
    if not bad.any():
        return
    count, where = int(bad.sum()), ""
    if names is not None and values.ndim == 2:
        where = f" in {listed(names[j] for j in np.flatnonzero(bad.any(axis=0)).tolist())}"
    rows = int(bad.any(axis=1).sum()) if values.ndim == 2 else count
    raise DataError(
        f"{name} has {plural(count, 'value')} that {'is' if count == 1 else 'are'} NaN or infinite{where} "
        f"({plural(rows, 'row')}). "
        "Hint: drop or impute them first; nothing was fitted."
    )


def magnitude(name: str, largest: float) -> None:
    """Squares and their sums must neither overflow nor vanish."""
    if largest > LARGEST or 0 < largest < 1 / LARGEST:
        raise DataError(
            f"{name} has {largest:.3g} as its largest absolute value; squares of it leave the range of floating point. "
            "Hint: change its unit."
        )


def not_numeric(name: str, got: str) -> DataError:
    return DataError(
        f"{name} must hold numbers, got {got}. Hint: code text columns as 0/1 columns that form one group."
    )


def matrix_shape(shape) -> None:
    if len(shape) != 2:
        raise DataError(f"X must have two dimensions (n_samples, n_features), got shape {tuple(shape)}.")
    if 0 in shape:
        raise DataError(f"X must have at least one row and one column, got shape {tuple(shape)}.")


def complex_data(name: str) -> DataError:
    return DataError(f"{name} is complex. Complex data not supported.")


def unique_names(names: Iterable) -> None:
    names = list(names)
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise DataError(f"X has more than one column named {listed(twice)}. Hint: rename them.")


def lazy_frame() -> DataError:
    return DataError("X is a lazy frame, which holds no data yet. Hint: X.collect().")


def masked(name: str, count: int) -> DataError:
    return DataError(f"{name} is a masked array with {plural(count, 'masked value')}. Hint: fill or drop them first.")


def callback(value) -> None:
    if value is not None and not callable(value):
        raise ArgumentError(f"`on_progress` must be a function of one event, got {value!r}.")


def given(name: str, values) -> None:
    if values is None:
        raise DataError(f"{name} must hold what belongs to each row of X, got None. Hint: give it beside X.")


def same_length(name: str, length: int, n: int) -> None:
    if length != n:
        raise DataError(
            f"{name} has {plural(length, 'entry') if length == 1 else f'{length} entries'}, X has {plural(n, 'row')}."
        )


def one_dimensional(name: str, shape) -> None:
    if len(shape) != 1:
        raise DataError(f"{name} must have one dimension, got shape {tuple(shape)}.")


def one_or_two_dimensional(name: str, shape) -> None:
    if len(shape) != 2 or 0 in shape:
        raise DataError(f"{name} must have one dimension, or one column an output, got shape {tuple(shape)}.")


def no_penalty_path(loss: str, n_outputs: int) -> UnsupportedError:
    got = f"{n_outputs} of the {loss} loss" if n_outputs > 1 else f"the {loss} loss"
    return UnsupportedError(
        f"penalty_path takes a single response and losses that are sums over rows, got {got}. "
        "Hint: `path` takes several outputs, several classes and survival times."
    )


def one_response(what: str) -> UnsupportedError:
    return UnsupportedError(
        f"{what} a single response. Hint: l2, groups, forced and forbidden go with several outputs or classes."
    )


ONE_RESPONSE = "it proves answers for a single response only. Hint: exchange or stepwise, which prove nothing."


def sample_weight(values) -> None:
    finite("sample_weight", values)
    if (values < 0).any():
        raise DataError(f"sample_weight must be >= 0, got {values.min():g} as the smallest.")
    if not (values > 0).any():
        raise DataError("sample_weight is zero for every row; at least one row must count.")


def class_labels(name: str, labels: np.ndarray) -> None:
    """Whole numbers, text or truth values, without gaps."""
    if labels.dtype.kind == "f":
        finite(name, labels)
        if not (labels == np.round(labels)).all():
            raise DataError(f"{name} must hold classes for the multinomial loss, got numbers with fractions.")
    elif labels.dtype.kind == "O":
        kinds = sorted({type(label).__name__ for label in labels.tolist()})
        if len(kinds) > 1 or kinds[0] not in ("str", "int", "bool"):
            raise DataError(f"{name} must hold classes of one kind, all text or all numbers, got {', '.join(kinds)}.")


def several_classes(labels: Sequence) -> None:
    if len(labels) < 2:
        raise DataError(f"y is {labels[0]!s} in every row; the multinomial loss needs at least two classes.")


def every_class_counts(lost: Sequence) -> None:
    if lost:
        raise DataError(f"no row that counts has the class {listed(lost)}. Hint: leave out its rows, or fewer folds.")


def unknown_classes(labels: Sequence) -> DataError:
    return DataError(f"y has classes that the loss does not know: {listed(labels)}.")


def two_classes(y, loss: str) -> None:
    finite("y", y)
    classes = np.unique(y)
    if not np.isin(classes, (0, 1)).all():
        raise DataError(f"y must be 0 or 1 for the {loss} loss, got {listed(f'{v:g}' for v in classes)}.")
    if classes.size < 2:
        raise DataError(f"y is {classes[0]:g} in every row that counts; the {loss} loss needs both classes.")


def positive_target(y) -> None:
    finite("y", y)
    if (y <= 0).any():
        raise DataError(f"y must be > 0 for the gamma loss, got {y.min():g}.")


def counts(y) -> None:
    finite("y", y)
    if (y < 0).any():
        raise DataError(f"y must be counts >= 0 for the Poisson loss, got {y.min():g}.")
    if not (y > 0).any():
        raise DataError("y is 0 in every row that counts; the Poisson loss needs at least one positive count.")


def survival(y) -> None:
    """Times and events, one row each."""
    finite("y", y)
    if (y[:, 0] < 0).any():
        raise DataError(f"the times in y must be >= 0, got {y[:, 0].min():g}.")
    if not np.isin(y[:, 1], (0, 1)).all():
        odd = np.unique(y[:, 1])
        raise DataError(
            f"the events in y must be 0 or 1, got {listed(f'{v:g}' for v in odd)}. "
            "Hint: y has the columns time and event, in this order."
        )
    if not y[:, 1].any():
        raise DataError("no row that counts has an event; the partial likelihood needs at least one.")


def not_survival(got: str) -> DataError:
    return DataError(
        f"y must hold a time and an event a row: two columns (time, event), or a structured array with a number and a "
        f"bool, got {got}."
    )


def strata(shape, n: int) -> None:
    if tuple(shape) != (n,):
        raise ArgumentError(f"`strata` must hold one label a row, got shape {tuple(shape)} for {plural(n, 'row')}.")


def not_by_rows(loss: str) -> UnsupportedError:
    return UnsupportedError(f"the {loss} loss is no sum over rows, so a row has no value, derivative or conjugate.")


def no_maximum(names: Sequence[str]) -> DataError:
    return DataError(
        f"with {listed(names)} the partial likelihood has no maximum: some coefficient grows without end, as where a "
        "group has no event. Hint: l2=1e-3 is a small ridge, or give `lower` and `upper`."
    )


def separable(names: Sequence[str]) -> DataError:
    return DataError(
        f"the classes are separated perfectly by {listed(names)}: without a ridge the coefficients grow without end. "
        "Hint: l2=1e-3 is a small ridge, or give `lower` and `upper`."
    )


def separable_classes(names: Sequence[str]) -> DataError:
    return DataError(
        f"some classes are separated perfectly by {listed(names)}: without a ridge the coefficients grow without end. "
        "Hint: l2=1e-3 is a small ridge."
    )


def diverging_counts(names: Sequence[str]) -> DataError:
    return DataError(
        f"with {listed(names)} the Poisson likelihood has no maximum: some coefficient grows without end. "
        "Hint: l2=1e-3 is a small ridge, or give `lower` and `upper`."
    )


# ---- columns and rules


def column_indices(name: str, columns, names: Sequence[str]) -> list[int]:
    """Indices of columns given by name or by index."""
    if columns is None:
        return []
    if isinstance(columns, str | Integral):
        columns = [columns]
    columns = list(columns)
    place = {column: j for j, column in enumerate(names)} if any(isinstance(c, str) for c in columns) else {}
    found, count = [], f"X has {plural(len(names), 'column')}."
    for column in columns:
        if isinstance(column, str):
            if column not in place:
                near = get_close_matches(column, list(names), 1)
                hint = f' Did you mean "{near[0]}"?' if near else ""
                raise ArgumentError(f'`{name}`: no column "{column}".{hint} {count}')
            found.append(place[column])
        else:
            found.append(integer_in(name, column, 0, len(names) - 1, count))
    return found


def limit(name: str, value) -> np.ndarray:
    """Limits as numbers; beyond all magnitudes that are allowed they are none."""
    try:
        value = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ArgumentError(f"`{name}` must be a number or one number a column, got {value!r}.") from None
    return np.where(np.abs(value) > LARGEST, np.copysign(np.inf, value), value)


def group_labels(groups) -> list:
    """One label a column, each usable as a name of a group."""
    labels = groups.tolist() if isinstance(groups, np.ndarray) else list(groups)
    for label in labels:
        if not isinstance(label, Hashable) or label != label:
            raise ArgumentError(
                f"`groups` must hold one label a column (a number or a text), got {label!r} as a label."
            )
    return labels


def bounds(lower, upper) -> None:
    if (lower > 0).any() or (upper < 0).any():
        raise ArgumentError(
            "`lower` must be <= 0 and `upper` >= 0: a column that is left out has the coefficient 0. "
            "Hint: use `forced` for a column that must be in."
        )
    if np.isnan(lower).any() or np.isnan(upper).any():
        raise ArgumentError("`lower` and `upper` must not be NaN; use infinities for no limit.")


def length_of(name: str, length: int, n_features: int) -> None:
    if length != n_features:
        raise ArgumentError(f"`{name}` has {length} entries, X has {plural(n_features, 'column')}.")


def forced_and_forbidden(names: Sequence[str]) -> InfeasibleError:
    return InfeasibleError(f"{listed(names)} is both forced and forbidden.")


def too_many_forced(n_forced: int, k: int) -> InfeasibleError:
    return InfeasibleError(f"{plural(n_forced, 'forced column')} do not fit into k = {k}; forced columns count in k.")


def forced_constant(names: Sequence[str]) -> InfeasibleError:
    return InfeasibleError(f"{listed(names)} is forced but constant, so its coefficient is not determined.")


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


def quota(value) -> int:
    if not _integer(value) or value < 0:
        raise ArgumentError(f"`q` must be an integer >= 0, got {value!r}.")
    return int(value)


def coefficients(name: str, values) -> np.ndarray:
    """Weights of a linear row; a copy."""
    try:
        numbers = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ArgumentError(f"`{name}` of a linear row must hold numbers, got {values!r}.") from None
    if numbers.ndim != 1 or not np.isfinite(numbers).all():
        raise ArgumentError(f"`{name}` of a linear row must hold one finite number a column, got {values!r}.")
    return numbers


def row_limits(lower, upper) -> tuple[float, float]:
    if not (_real(lower) and _real(upper) and lower <= upper) or not (math.isfinite(lower) or math.isfinite(upper)):
        raise ArgumentError(
            f"a linear row needs `lower` <= `upper`, at least one of them finite, got {lower!r} and {upper!r}."
        )
    return float(lower), float(upper)


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


def rows_refused(solver: str) -> UnsupportedError:
    return refused(solver, 'linear rows need a mixed-integer solver. Hint: solver="mip".')


def one_size_only() -> UnsupportedError:
    return UnsupportedError(
        'linear rows are answered for one size or price at a time. Hint: best_subset(..., solver="mip").'
    )


def no_proof(loss: str) -> str:
    return (
        f"exact search knows squared error, the logistic and the Poisson loss, and has no bound for the {loss} loss. "
        'Hint: solver="exchange" searches without a proof.'
    )


def refused(solver: str, reason: str) -> UnsupportedError:
    return UnsupportedError(f"solver {solver!r} refuses this problem: {reason}")


def rows_contradict() -> InfeasibleError:
    return InfeasibleError(
        "no support satisfies the linear conditions together with the size, the rules and the limits. "
        "Hint: a larger `k`, wider limits, or fewer conditions."
    )


def no_support_found() -> InfeasibleError:
    return InfeasibleError(
        "no support that satisfies the linear conditions was found before the search ended; whether there is one is "
        "not known. Hint: a longer `time_limit`, or a larger `k`."
    )


def backend_failed(backend: str, reason: str) -> UnsupportedError:
    return UnsupportedError(
        f'{backend} did not take the problem: {reason.rstrip(".")}. Hint: backend="highs" needs no licence.'
    )


def missing_extra(what: str, package: str, extra: str) -> MissingExtraError:
    return MissingExtraError(f"{what} needs {package}. Install it with: pip install 'ellzero[{extra}]'")


def problem_alone(question) -> None:
    given = [name for name, value in question.items() if value is not None]
    if given:
        raise ArgumentError(
            f"a Problem brings its whole question; {listed(f'`{name}`' for name in given)} cannot be given beside it. "
            "Hint: Problem.from_data takes them."
        )


def no_solvers(value) -> ArgumentError:
    return ArgumentError(
        f"`solvers` must hold names or solvers, such as ['exchange', ez.solvers.Branch()], got {value!r}."
    )


def split_rows(share: float, n_samples: int) -> int:
    """Rows that choose; both parts need some."""
    n_choosing = round(share * n_samples)
    if not 2 <= n_choosing <= n_samples - 2:
        raise DataError(
            f"{plural(n_samples, 'row')} cannot be split into {n_choosing} that choose and "
            f"{n_samples - n_choosing} that judge: both need two at least."
        )
    return n_choosing


def enough_to_halve(n_samples: int) -> None:
    if n_samples < 2:
        raise DataError(f"stability needs two rows that count at least, to choose on parts of them; got {n_samples}.")


def not_judged(loss: str, n_outputs: int, known: Sequence[str]) -> UnsupportedError:
    got = f"{n_outputs} of the {loss} loss" if n_outputs > 1 else f"the {loss} loss"
    return UnsupportedError(
        f"honest has standard errors for a single response and the losses {', '.join(known)}, got {got}. "
        "Hint: `stability` takes every loss and several outputs."
    )


def too_few_judges(n_samples: float, n_coef: int) -> DataError:
    return DataError(
        f"{n_samples:g} rows are left to judge {plural(n_coef, 'coefficient')}, which leaves no room for an error. "
        "Hint: a smaller `k` or `share`."
    )


def not_told_apart(names: Sequence[str]) -> DataError:
    return DataError(
        f"the rows that judge do not tell {listed(names)} apart: one of them is constant there, or a combination of "
        "others. Hint: another `random_state`, a smaller `share`, or many splits."
    )


def too_few_for_knockoffs(n_samples: int, n_features: int, intercept: bool) -> DataError:
    least = 2 * n_features + intercept
    return DataError(
        f"knockoffs of {plural(n_features, 'column')} need {least} rows at least, X has {n_samples}. "
        "Hint: fewer columns, or `stability`."
    )


def dependent_for_knockoffs(names: Sequence[str]) -> DataError:
    return DataError(
        f"{listed(names)}: constant, or a combination of each other, so that no knockoff can be told from its column. "
        "Hint: leave one of them out."
    )


# ---- warnings


def constant_columns(names: Sequence[str]) -> str:
    return f"constant columns never enter: {listed(names)}."


def collinear_columns(names: Sequence[str]) -> str:
    return (
        f"columns depend linearly on others, so no data can tell them apart: {listed(names)}. "
        "The answer uses one of the equivalent supports."
    )


def chosen_at_the_end(criterion: str, k: int) -> str:
    return f"{criterion} chose size {k}, the largest on the path: a larger `k` may do better."


# ---- answers


def same_columns(n_features: int, names: Sequence[str], fitted: Sequence[str]) -> None:
    if n_features != len(fitted):
        raise DataError(f"X has {plural(n_features, 'column')}, the model was fitted on {len(fitted)}.")
    anonymous = all(name == f"x{j}" for j, name in enumerate(names))
    if not anonymous and not all(name == f"x{j}" for j, name in enumerate(fitted)) and tuple(names) != tuple(fitted):
        wrong = [new for new, old in zip(names, fitted, strict=True) if new != old]
        raise DataError(f"the columns of X differ from the model's: {listed(wrong)}. Hint: same names, same order.")


def no_probabilities(loss: str) -> UnsupportedError:
    return UnsupportedError(f"probabilities need the logistic loss, this model has the {loss} loss.")


def no_full_model(loss: str, n_parameters: int, n_samples: float) -> DataError:
    if loss != "squared":
        return squared_error_only("cp", loss)
    return DataError(
        f"Mallows' Cp needs the error variance of the full model: {n_parameters} parameters on {n_samples:g} rows "
        "leave none. Hint: criterion ebic."
    )


def squared_error_only(criterion: str, loss: str) -> DataError:
    return DataError(
        f"criterion {criterion} is defined for squared error, this model has the {loss} loss. Hint: bic or aic."
    )


def single_response_criterion(criterion: str) -> DataError:
    return DataError(f"criterion {criterion} is defined for a single response. Hint: bic or aic.")


def is_size(value, sizes: Sequence[int]) -> bool:
    """Whether a path has it; True and 1.0 are no sizes, though they are equal to one."""
    return _integer(value) and value in sizes


def no_such_size(size, sizes) -> ArgumentError:
    return ArgumentError(f"the path has no size {size!r}; it has the sizes {listed(sizes)}.")


def no_size_for_criterion(criterion: str, n_samples: float) -> DataError:
    return DataError(
        f"no size leaves {criterion} enough rows: every model on the path is saturated, the weights count as "
        f"{n_samples:g} rows. Hint: more rows, a smaller k, or weights that sum to the number of rows."
    )


def sizes(value, low: int, high: int, noun: str) -> list[int]:
    """Sizes of a path: an integer K stands for low...K."""
    if _integer(value):
        return list(range(low, integer_in("k", value, low, high, f"X has {plural(high, noun)}.") + 1))
    if isinstance(value, Iterable) and not isinstance(value, str):
        value = list(value)
        if not value:
            raise ArgumentError("`k` names no size at all, got an empty list.")
        return sorted({integer_in("k", k, 0, high, f"X has {plural(high, noun)}.") for k in value})
    raise ArgumentError(f"`k` must be an integer or an iterable of integers, got {value!r}.")


def threads(n_jobs) -> int | None:
    """Number of threads; None for all of them."""
    if n_jobs is None:  # as scikit-learn has it
        return 1
    if not _integer(n_jobs) or n_jobs == 0 or n_jobs < -1:
        raise ArgumentError(f"`n_jobs` must be an integer >= 1, or -1 for all cores, got {n_jobs!r}.")
    return None if n_jobs == -1 else int(n_jobs)


def start_refused(solver: str) -> UnsupportedError:
    return UnsupportedError(f'{solver} cannot begin from a known support. Hint: solver="branch" takes `start`.')


def start_breaks_rules(names) -> ArgumentError:
    return ArgumentError(
        f"`start` ({listed(names)}) is no support of this question: it breaks a rule, or has more than k columns."
    )


NOT_SAVED = (
    "only a search for squared error without groups can be saved to a checkpoint. "
    "Hint: leave `checkpoint` out, and give the time that the search needs."
)
NOT_SAVED_CLOSE = (
    "the fit is so close that the general search has to prove it, which cannot be saved to a checkpoint. "
    "Hint: leave `checkpoint` out."
)


def file_name(name: str, value) -> Path:
    if not isinstance(value, str | os.PathLike) or not str(value):
        raise ArgumentError(f"`{name}` must be the name of a file, got {value!r}.")
    return Path(value)


def no_folder(path) -> OutputError:
    return OutputError(f"cannot write {path}: its folder does not exist. Hint: make it first; nothing was searched.")


def not_saved(path, reason: str) -> str:
    return f"the search goes on, but cannot be saved to {path}: {reason}. What was saved there before is as it was."


def no_checkpoint(path, reason: str) -> ArgumentError:
    return ArgumentError(
        f"`checkpoint`: {path} is damaged, or no checkpoint at all ({reason}); it was left as it is. "
        "Hint: remove it to begin anew, or name another file."
    )


def other_checkpoint(path, got, wanted: str) -> ArgumentError:
    return ArgumentError(
        f"`checkpoint`: {path} has the format {got!r}, this version reads {wanted!r}; it was left as it is. "
        "Hint: remove it to begin anew, or name another file."
    )


def another_question(path, differences: Sequence[str]) -> ArgumentError:
    return ArgumentError(
        f"`checkpoint`: {path} belongs to another question, these differ: {listed(differences)}. It was left as it is. "
        "Hint: ask the same question of the same data, or name another file."
    )


def smaller_gap(path, there: float, here: float) -> ArgumentError:
    return ArgumentError(
        f"`checkpoint`: {path} was searched to a gap of {there:g}, and what was closed there is not proved to "
        f"{here:g}. Hint: gap={there:g} or more, or another file."
    )


def empty_fold(fold: int) -> DataError:
    return DataError(f"fold {fold + 1} has no held-out row that counts. Hint: fewer folds, or other weights.")


def class_sizes(y, cv: int) -> None:
    most = int(np.unique(y, return_counts=True)[1].max())
    if most < cv:
        raise DataError(
            f"no class has as many rows as there are folds: {most} rows, {cv} folds. "
            "Hint: fewer folds, or an information criterion."
        )
