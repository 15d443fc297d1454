"""`ellzero select`: which few columns explain this one, how sure is that, and what else would do as well."""

from typing import Annotated, Literal

from cyclopts import Parameter

from .options import (
    OUTPUT,
    QUESTION,
    SEARCH,
    File,
    Files,
    Flag,
    Fraction,
    Name,
    Names,
    NoColor,
    Number,
    Quiet,
    Seconds,
    Sets,
    Task,
    Ties,
    Verbose,
    Whole,
)

Criterion = Literal["bic", "ebic", "aic", "aicc", "gic", "cp", "adjr2", "cv", "cv-1se"]


def select(
    data: str,
    /,
    *,
    target: Annotated[Name | None, Parameter(name=["--target", "-y"], group=QUESTION)] = None,
    time: Annotated[Name | None, Parameter(group=QUESTION)] = None,
    event: Annotated[Name | None, Parameter(group=QUESTION)] = None,
    ties: Annotated[Ties | None, Parameter(group=QUESTION)] = None,
    strata: Annotated[Name | None, Parameter(group=QUESTION)] = None,
    task: Annotated[Task, Parameter(group=QUESTION)] = "auto",
    max_k: Annotated[Whole | None, Parameter(group=QUESTION, show_default=False)] = None,
    k: Annotated[Whole | None, Parameter(group=QUESTION, show_default=False)] = None,
    criterion: Annotated[Criterion | None, Parameter(group=QUESTION)] = None,
    forced: Annotated[Names, Parameter(group=QUESTION)] = [],  # noqa: B006 - never changed
    forbidden: Annotated[Names, Parameter(group=QUESTION)] = [],  # noqa: B006
    hierarchy: Annotated[Literal["strong", "weak"] | None, Parameter(group=QUESTION)] = None,
    at_most_one: Annotated[Sets, Parameter(group=QUESTION)] = [],  # noqa: B006
    missing: Annotated[Literal["drop", "impute", "indicator"] | None, Parameter(group=QUESTION)] = None,
    max_levels: Annotated[Whole | None, Parameter(group=QUESTION, show_default=False)] = None,
    sample_weight: Annotated[Name | None, Parameter(group=QUESTION)] = None,
    offset: Annotated[Name | None, Parameter(group=QUESTION)] = None,
    huber_delta: Annotated[Number | None, Parameter(group=QUESTION)] = None,
    l2: Annotated[float, Parameter(group=SEARCH)] = 0.0,
    time_limit: Annotated[Seconds, Parameter(group=SEARCH)] = 60.0,
    gap: Annotated[Fraction, Parameter(group=SEARCH)] = 1e-6,
    within: Annotated[Fraction, Parameter(group=SEARCH)] = 0.01,
    random_state: Annotated[Whole, Parameter(group=SEARCH)] = 0,
    n_jobs: Annotated[Whole, Parameter(group=SEARCH)] = 1,
    output: Annotated[Files, Parameter(name=["--output", "-o"], group=OUTPUT)] = [],  # noqa: B006
    json: Annotated[Flag, Parameter(group=OUTPUT)] = False,
    certificate: Annotated[File, Parameter(group=OUTPUT)] = None,
    model: Annotated[File, Parameter(group=OUTPUT)] = None,
    quiet: Quiet = False,
    verbose: Verbose = 0,
    no_color: NoColor = False,
) -> int:
    """Choose the few columns of DATA that explain the target best, with proof.

    Parameters
    ----------
    data
        Table with a header: CSV, TSV, Parquet or Arrow; - reads standard input. Missing are empty cells and NA, N/A,
        #N/A, NaN, NULL, None, ? and a lone point.
    target
        Column to explain.
    time
        In the place of a target: column of the time until an event, or until the row was last seen. Needs --event.
    event
        Column that is 1 where the time ended with the event, and 0 where it was not seen until then.
    ties
        For --time: what events at the same time count. Default: breslow.
    strata
        For --time: column of groups of rows; only rows of the same group are compared. It is no candidate.
    task
        auto is logistic for a target with two values, else linear. poisson is for counts, gamma for amounts greater
        than 0, both with factors as effects; huber is linear with less weight on outlying rows. multinomial is for
        a target with 3 to 20 values. cox is what --time and --event ask for.
        Nothing is proven for gamma, huber, multinomial and cox.
    max_k
        Largest size; all sizes up to it are solved. Default: the number of candidates, at most 20, and fewer where the
        rows cannot tell more from noise. A text column counts once, however many levels it has.
    k
        This size only.
    criterion
        What chooses the size. Default: bic, or ebic where there are more terms than rows.
    forced
        Column that is always in. Can be repeated; a text column is meant with all its levels.
    forbidden
        Column to leave out, before anything else is looked at. Can be repeated.
    hierarchy
        For columns named like "a:b": strong lets such a column in only beside all columns of lower order ("a" and
        "b"), weak only beside one of them. What a forced column needs is forced, too.
    at_most_one
        Columns, a,b,c, of which at most one may be in a model. Can be repeated.
    missing
        What to do with missing values; without it they are an error. drop: leave the row out. impute: fill in the mean,
        or the most frequent text. indicator: impute numbers and add a 0/1 candidate COLUMN_missing (one for all columns
        that miss the same rows); for text, missing becomes a level.
    max_levels
        Most levels of a text column. Default: 50, or half the rows where that is less.
    sample_weight
        Column of row weights; a weight of 2 counts as two equal rows.
    offset
        Column that is added to the linear predictor, with no coefficient: for counts, the logarithm of the exposure.
    huber_delta
        For huber: errors beyond it, in units of the target, count linearly. Default: 1.345.
    l2
        Ridge penalty on standardised columns, in units of the mean loss.
    time_limit
        For the search: 60, 60s, 2m. The count of rivals has what is left of it, at least a tenth.
    gap
        A size counts as proven when its gap is at most this: 1% or 0.01.
    within
        Models of the chosen size or smaller whose loss is at most this much higher are counted as rivals.
    random_state
        Seed of the search and of cross-validation.
    n_jobs
        Processor cores to use.
    output
        Write the result as FILE.json, .csv, .md, .tex or .html. Can be repeated.
    json
        Print the result as JSON and nothing else.
    certificate
        Write the proof, for `ellzero verify`.
    model
        Write the chosen model as JSON, for `ellzero predict`.
    quiet
        Print the formula only.
    verbose
        Say on standard error what the search does; -vv adds a traceback to errors.
    no_color
        No colours; the variable NO_COLOR does the same.
    """
    from .console import Console
    from .job import Files as Written
    from .job import run
    from .recipe import Question
    from .search import Search

    question = Question(target, task, sample_weight, missing, tuple(forced), tuple(forbidden), max_levels,
                        hierarchy, tuple(at_most_one), offset, huber_delta, time, event, ties, strata)  # fmt: skip
    search = Search(k, max_k, criterion, l2, time_limit, gap, within, random_state, n_jobs)
    files = Written(tuple(output), certificate, model, json)
    return run(data, question, search, files, Console(quiet, verbose, not no_color))
