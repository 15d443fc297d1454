# ruff: noqa: F401 - what comes in here is handed on
"""Argument checks, and every message that the library raises.

A check returns the value in the form the library uses, or raises. Messages say what must hold, what was got and, where
it is known, what to do; the command composes its own in the words its user typed. Each room has one reason to change;
the rest of the library sees this door only.
"""

from .answers import (
    chosen_at_the_end,
    is_size,
    no_full_model,
    no_probabilities,
    no_size_for_criterion,
    no_such_size,
    place,
    single_response_criterion,
    sizes,
    squared_error_only,
)
from .arguments import (
    callback,
    missing_extra,
    need_groups,
    need_k_or_l0,
    no_price,
    no_solvers,
    no_swaps,
    problem_alone,
    threads,
    unknown_keyword,
)
from .checkpoints import (
    NOT_SAVED,
    NOT_SAVED_CLOSE,
    another_question,
    file_name,
    no_checkpoint,
    no_folder,
    not_saved,
    other_checkpoint,
    smaller_gap,
)
from .columns import (
    bounds,
    column_indices,
    forced_and_forbidden,
    forced_constant,
    group_labels,
    length_of,
    too_many_forced,
)
from .data import (
    collinear_columns,
    complex_data,
    constant_columns,
    finite,
    given,
    lazy_frame,
    magnitude,
    masked,
    matrix_shape,
    not_numeric,
    one_dimensional,
    one_or_two_dimensional,
    out_of_range,
    same_columns,
    same_length,
    sample_weight,
    unique_names,
)
from .networks import wide_depth
from .numbers import (
    LARGEST,
    above,
    coefficients,
    factors,
    finite_positive,
    fraction,
    integer_in,
    is_integer,
    is_real,
    limit,
    negative_strengths,
    non_negative,
    one_a_column,
    one_of,
    open_share,
    positive,
    power,
    quota,
    random_state,
    row_limits,
    share,
    size,
    strengths,
)
from .resampling import (
    class_sizes,
    dependent_for_knockoffs,
    empty_fold,
    enough_to_halve,
    not_judged,
    not_told_apart,
    split_rows,
    too_few_for_knockoffs,
    too_few_judges,
)
from .rules import (
    empty_row,
    forced_need_more,
    no_columns,
    no_group,
    no_interactions,
    no_main_effect,
    no_mapping,
    no_rule,
    own_parent,
    parents_out,
    rules_contradict,
    too_many_sets,
)
from .solvers import (
    backend_failed,
    no_proof,
    no_support_found,
    one_size_only,
    refused,
    rows_contradict,
    rows_refused,
    start_breaks_rules,
    start_refused,
)
from .targets import (
    ONE_RESPONSE,
    class_labels,
    counts,
    diverging_counts,
    every_class_counts,
    no_maximum,
    no_penalty_path,
    not_by_rows,
    not_survival,
    one_response,
    positive_target,
    separable,
    separable_classes,
    several_classes,
    strata,
    survival,
    two_classes,
    unknown_classes,
)
from .words import (
    SHOWN,
    listed,
    plural,
)
