"""Honest intervals and p-values: some rows choose the columns, the others judge them."""

from dataclasses import dataclass
from math import floor, log

import numpy as np
from scipy import linalg, stats

from .. import _checks as checks
from .. import _threads as threads
from .._progress import Clock
from ..problem import Problem
from ..result import Table
from ..solvers.refit import fit_support
from .keywords import QUESTION, known
from .resampling import Choice, Rows, seeds
from .subset import problem_of

JUDGED = ("squared", "logistic", "poisson")  # losses with a textbook standard error
LEAST_SHARE = 0.05  # the smallest share of splits that may decide, gamma_min of the paper
DETERMINED = 1e-9  # columns with less of their norm than this outside the span of the others are not told apart


@dataclass(frozen=True, slots=True, eq=False)
class Inference:
    """What rows that did not choose say about the columns that others chose.

    Attributes
    ----------
    names : tuple of str
        Columns chosen in any split, as they stand in X.
    coef : ndarray of shape (n_names,)
        Coefficient in data units, without penalties and limits; with many splits the median over those that chose it.
    std_error : ndarray of shape (n_names,) or None
        Standard error; None with many splits.
    lower, upper : ndarray of shape (n_names,) or None
        Interval of the level; None with many splits.
    p_value : ndarray of shape (n_names,) or None
        Of one coefficient alone; None with many splits.
    adjusted : ndarray of shape (n_names,)
        p-value that holds for all columns together (family-wise).
    frequency : ndarray of shape (n_names,)
        Share of the splits that chose the column.
    level : float
        Confidence level of the intervals.
    n_splits : int
        Splits that were finished.
    n_choosing, n_judging : int
        Rows that choose, and rows that judge, in a split.
    interrupted : bool
        Whether Ctrl-C or the time limit ended the splits early, or Ctrl-C the choice of the only one.
    """

    names: tuple[str, ...]
    coef: np.ndarray
    std_error: np.ndarray | None
    lower: np.ndarray | None
    upper: np.ndarray | None
    p_value: np.ndarray | None
    adjusted: np.ndarray
    frequency: np.ndarray
    level: float
    n_splits: int
    n_choosing: int
    n_judging: int
    interrupted: bool = False

    def table(self) -> Table:
        """One row a column: with one split intervals, with many how often it was chosen."""
        if self.std_error is None or self.lower is None or self.upper is None or self.p_value is None:
            facts = zip(self.coef, self.frequency, self.adjusted, strict=True)
            head = ["column", "coefficient (median)", "chosen", "adjusted p"]
        else:
            facts = zip(
                self.coef, self.std_error, self.lower, self.upper, self.p_value, self.adjusted, strict=True
            )  # fmt: skip
            head = ["column", "coefficient", "std error", "lower", "upper", "p", "adjusted p"]
        rows = [[name, *map(float, row)] for name, row in zip(self.names, facts, strict=True)]
        return Table(head, rows)

    @property
    def statement(self) -> str:
        """What was done, in words."""
        rows = f"{self.n_choosing} rows chose the columns, {self.n_judging} others judged them"
        if self.std_error is not None:
            return f"{rows}; intervals of {100 * self.level:g} %, each for itself."
        return f"{rows}, in {self.n_splits} random splits; p-values are aggregated over the splits."

    def __str__(self) -> str:
        early = f"\nInterrupted: {checks.plural(self.n_splits, 'split')} counted." if self.interrupted else ""
        return f"{self.table()}\n{self.statement}{early}"


@known(*QUESTION, "l0")
def honest(
    X,
    y,
    *,
    k=None,
    criterion=None,
    share=0.5,
    n_splits=1,
    level=0.95,
    loss="squared",
    sample_weight=None,
    solver="auto",
    gap=1e-6,
    time_limit=60.0,
    n_jobs=1,
    random_state=None,
    on_progress=None,
    **question,
) -> Inference:
    r"""Intervals and p-values that know of the selection.

    The rows that choose columns make the columns look better than they are; so a random part of the rows chooses, and
    the classical inference of the chosen model is made on the others, which know nothing of the choice.

    Parameters
    ----------
    X, y
        As in `best_subset`.
    k : int, optional
        Columns (groups, where there are groups) to choose; with a criterion the largest size.
    criterion : {"bic", "ebic", "aic", "aicc", "gic", "cp", "adjr2"}, optional
        What chooses the size. Without `k` and `criterion`: BIC, or EBIC where columns outnumber the rows that choose.
    share : float in (0, 1), default=0.5
        Share of the rows that chooses.
    n_splits : int, default=1
        With many splits the answer does not hang on one of them: p-values are aggregated, and there are no intervals.
    level : float in (0, 1), default=0.95
        Confidence level of each interval.
    loss : {"squared", "logistic", "poisson"}, default="squared"
    sample_weight : array-like of shape (n_samples,), optional
        As in `best_subset`: an integer weight is a repeated row.
    solver, gap : default="auto" and 1e-6
        What chooses; as in `best_subset`.
    time_limit : float, default=60.0
        Seconds; at the limit, and at Ctrl-C, the splits that are finished count.
    n_jobs : int, default=1
        Threads of the search and of linear algebra.
    random_state : int, Generator or None, default=None
        Seed of the splits and of the searches.
    on_progress : callable, optional
        Receives an `Event` now and then.
    **question
        l1, l2, lower, upper, groups, forced, forbidden, constraints, offset, fit_intercept, standardize, as in
        `best_subset`, for the choice. The inference is made without penalties and limits, with the offset; forced
        columns are judged, too.

    Returns
    -------
    Inference

    Raises
    ------
    ArgumentError, DataError, InfeasibleError, UnsupportedError
        As in `best_subset`; also where the judging rows are too few for the columns chosen, or do not tell them apart,
        and for other losses than these and several outputs.

    Notes
    -----
    For squared error the intervals are those of least squares, with Student's distribution on n - K degrees of freedom;
    else Wald's, from the Fisher information, which need many rows. They are about the coefficients of the model with
    the chosen columns: of a column that was left out they say nothing. They hold where that model does: for squared
    error, errors of equal variance that the chosen columns do not predict.

    Of one split p-values are multiplied by the number of columns chosen (Bonferroni). Of B splits, with those
    :math:`p_j^{(b)}` and 1 where j was not chosen,

    .. math:: P_j = \min\Bigl(1, (1 - \log \gamma_0) \inf_{\gamma \in (\gamma_0, 1)} Q_j(\gamma)\Bigr), \qquad
       Q_j(\gamma) = \min\bigl(1, q_\gamma(\{p_j^{(b)} / \gamma\}_b)\bigr), \qquad \gamma_0 = 0.05,

    with :math:`q_\gamma` the empirical quantile. The chance that any column without effect has
    :math:`P_j \le \alpha` is at most :math:`\alpha` where every split chooses all columns with an effect.

    References
    ----------
    Wasserman & Roeder (2009), "High-dimensional variable selection"; Meinshausen, Meier & Bühlmann (2009), "p-values
    for high-dimensional regression", JASA 104.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(120, 12))
    >>> y = 2 * X[:, 3] - X[:, 7] + 0.5 * rng.normal(size=120)
    >>> found = honest(X, y, k=3)
    >>> [name for name, p in zip(found.names, found.adjusted) if p < 0.01]
    ['x3', 'x7']
    >>> bool((found.lower < found.coef).all() and (found.coef < found.upper).all())
    True
    """
    checks.no_price("honest", question.get("l0"))
    share, level = checks.open_share("share", share), checks.open_share("level", level)
    n_splits = checks.integer_in("n_splits", n_splits, 1, 10**6)
    full = problem_of(
        X, y, k=k if criterion is None else None, loss=loss, sample_weight=sample_weight, **question
    )  # fmt: skip
    if full.n_outputs > 1 or full.loss.name not in JUDGED:
        raise checks.not_judged(full.loss.name, full.n_outputs, JUDGED)
    data = Rows.of(X, y, sample_weight, loss, question)
    n_choosing = checks.split_rows(share, data.counted.size)
    seed = 0 if random_state is None or isinstance(random_state, np.random.Generator) else random_state
    choice = Choice.of(k, criterion, solver, checks.fraction("gap", gap), seed, threads.number(n_jobs))
    clock = Clock(checks.positive("time_limit", time_limit), on_progress)
    judged: list[_Judged] = []
    with threads.limit(n_jobs):
        try:
            for rng in seeds(random_state, n_splits):
                clock.tick("honest", message=f"split {len(judged) + 1} of {n_splits}", done=len(judged), total=n_splits)
                one = _split(data, choice, n_choosing, rng, clock, alone=n_splits == 1)
                if judged and clock.stopped:
                    break
                judged.append(one)
                if clock.interrupted:
                    break
        except KeyboardInterrupt:
            if not judged:
                raise
    n_judging = data.counted.size - n_choosing
    early = len(judged) < n_splits
    if n_splits == 1:
        return _single(judged[0], full, level, n_choosing, n_judging, clock.interrupted)
    return _many(judged, full, level, n_choosing, n_judging, early)


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """Coefficients of one split; room is the degrees of freedom, inf for the normal distribution."""

    columns: np.ndarray
    coef: np.ndarray
    error: np.ndarray
    room: float

    @property
    def p_value(self) -> np.ndarray:
        """Two-sided p-values; 1 where the rows do not determine a coefficient."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(np.isfinite(self.error), np.abs(self.coef) / self.error, 0.0)
        return 2.0 * stats.t.sf(np.where(np.isnan(ratio), 0.0, ratio), self.room)

    @property
    def adjusted(self) -> np.ndarray:
        """Bonferroni's, over the columns of the split."""
        return np.minimum(1.0, self.p_value * max(self.columns.size, 1))


def _split(data: Rows, choice: Choice, n_choosing: int, rng, clock: Clock, alone: bool) -> _Judged:
    """One split: its first rows choose, the others judge."""
    order = rng.permutation(data.counted)
    chosen = choice.make(data.problem(np.sort(order[:n_choosing])), clock)
    rows = np.sort(order[n_choosing:])
    columns = chosen.support
    problem = data.unpenalised(rows)
    n_coef = columns.size + problem.fit_intercept
    n_judging = min(problem.n_samples, float(problem.y.size))
    if n_judging <= n_coef:
        raise checks.too_few_judges(n_judging, n_coef)
    judged = _classical(problem, columns)
    if alone and not np.isfinite(judged.error).all():
        raise checks.not_told_apart([data.names[j] for j in columns])
    return judged


def _classical(problem: Problem, columns: np.ndarray) -> _Judged:
    """Unpenalised fit of given columns with its standard errors, ``inf`` where the columns are dependent."""
    if not columns.size:
        return _Judged(columns, np.empty(0), np.empty(0), np.inf)
    fit = fit_support(problem, columns)
    if fit.runaway:
        raise (checks.separable if problem.loss.classifies else checks.diverging_counts)(
            [problem.names[j] for j in columns]
        )
    coef, _ = fit.coefficients(problem)
    design, n = problem.X.columns(columns) / problem.normal.scale[columns], problem.n_samples
    if problem.fit_intercept:
        design = np.column_stack(
            [np.ones(len(design)), design - (problem.normal.centre / problem.normal.scale)[columns]]
        )
    curvature = n * problem.weight * problem.loss.curvature(problem.y, fit.eta)
    spread, room = 1.0, np.inf
    if problem.loss.estimated_scale:
        room = n - design.shape[1]
        spread = 2.0 * n * fit.value / room
    triangle = linalg.qr(design * np.sqrt(curvature)[:, None], mode="r")[0][: design.shape[1]]
    error = np.full(columns.size, np.inf)
    pivot = np.abs(np.diagonal(triangle))
    norm = np.linalg.norm(triangle, axis=0)
    if (pivot > DETERMINED * norm).all():
        inverse = linalg.solve_triangular(triangle, np.eye(len(triangle)))
        error = np.sqrt(spread * (inverse**2).sum(axis=1))[-columns.size :] / problem.normal.scale[columns]
    return _Judged(columns, coef[columns], error, room)


def _single(one: _Judged, full: Problem, level, n_choosing, n_judging, early: bool) -> Inference:
    """The inference of one split."""
    reach = stats.t.ppf(0.5 + 0.5 * level, one.room) * one.error
    names = tuple(full.names[j] for j in one.columns)
    return Inference(
        names, one.coef, one.error, one.coef - reach, one.coef + reach, one.p_value, one.adjusted,
        np.ones(one.columns.size), level, 1, n_choosing, n_judging, early,
    )  # fmt: skip


def _many(judged: list[_Judged], full: Problem, level, n_choosing, n_judging, early: bool) -> Inference:
    """The inference of many splits."""
    columns = np.unique(np.concatenate([one.columns for one in judged]))
    p = np.ones((len(judged), columns.size))
    coef = np.full((len(judged), columns.size), np.nan)
    for row, one in enumerate(judged):
        at = np.searchsorted(columns, one.columns)
        p[row, at], coef[row, at] = one.adjusted, one.coef
    chosen = ~np.isnan(coef)
    median = np.array([np.median(coef[chosen[:, j], j]) for j in range(columns.size)])
    names = tuple(full.names[j] for j in columns)
    return Inference(
        names, median, None, None, None, None, aggregated(p), chosen.mean(axis=0), level, len(judged), n_choosing,
        n_judging, early,
    )  # fmt: skip


def aggregated(p_values: np.ndarray, least: float = LEAST_SHARE) -> np.ndarray:
    r"""Aggregated p-values of many splits, shape (n_splits, n_columns) to (n_columns,).

    Between two steps of the empirical quantile :math:`q_\gamma/\gamma` falls in :math:`\gamma`, so the infimum is found
    at the steps, :math:`\gamma = i/B`.
    """
    p_values = np.sort(np.asarray(p_values, dtype=float), axis=0)
    n = len(p_values)
    if n == 1:
        return p_values[0]
    first = min(floor(least * n + 1e-12) + 1, n)  # the first step beyond the smallest share
    steps = np.arange(first, n + 1) / n
    quantiles = np.minimum(1.0, p_values[first - 1 :] / steps[:, None])
    return np.minimum(1.0, (1.0 - log(least)) * quantiles.min(axis=0))
