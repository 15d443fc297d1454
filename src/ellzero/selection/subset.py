"""One question, one answer: the best few columns."""

import warnings

from .. import _checks as checks
from ..errors import EllzeroWarning
from ..problem import Problem
from ..result import Result
from ..solvers import solve
from .keywords import known


def problem_of(X, y, **question) -> Problem:
    """Problem of a public call, which is dressed by `known`; what is odd about the data is said as a warning."""
    problem = Problem.from_data(X, y, **question)
    if problem.constant_columns:
        warnings.warn(checks.constant_columns(problem.constant_columns), EllzeroWarning, stacklevel=4)
    return problem


@known()
def best_subset(
    X,
    y,
    *,
    k=None,
    l0=None,
    l1=0.0,
    l2=0.0,
    loss="squared",
    lower=None,
    upper=None,
    groups=None,
    forced=(),
    forbidden=(),
    constraints=(),
    sample_weight=None,
    offset=None,
    fit_intercept=True,
    standardize=True,
    solver="auto",
    gap=1e-6,
    time_limit=60.0,
    n_jobs=1,
    random_state=None,
    on_progress=None,
) -> Result:
    r"""Find the few columns that explain y best, and say how sure it is that no others do better.

    Minimises :math:`L(\beta) + \lambda_0 \|\beta\|_0 + \lambda_1 \|\beta\|_1 + \lambda_2 \|\beta\|_2^2`, with at most k
    nonzeros where k is given; L is half the weighted mean deviance, :math:`\|y - X\beta\|^2/(2n)` for squared error.

    Parameters
    ----------
    X : array-like, data frame (pandas, polars, Arrow) or scipy.sparse matrix of shape (n_samples, n_features)
        Finite numbers. Names are taken from a frame.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Numbers; 0 or 1 for the logistic loss and the squared hinge; counts for the Poisson, > 0 for the gamma loss;
        classes, numbers or text, for the multinomial loss; for ``cox`` times and events, as two columns or a structured
        array of a number and a bool. With several outputs (squared error) or classes a column of X enters with a row
        of coefficients, one for each: the answer is heuristic, without bound, and l1, limits and linear conditions are
        refused.
    k : int, optional
        At most so many columns (groups, where there are groups); forced ones count, the intercept does not.
    l0 : float, optional
        Price of a column, >= 0, in units of the mean loss. One of `k` and `l0` is required; both may be given.
    l1, l2 : float, default=0.0
        Further strengths, >= 0, on columns of unit standard deviation unless ``standardize=False``.
    loss : {"squared", "logistic", "poisson", "gamma", "huber", "squared_hinge", "multinomial", "cox"} or Loss
        By name or with its options, ``ez.losses.Huber(delta=1.9)``, ``ez.losses.Cox(ties="efron", strata=labels)``;
        "squared" by default. Exact search is for the first three.
    lower, upper : float or array-like of shape (n_features,), optional
        Limits of the coefficients in data units, ``lower <= 0 <= upper``.
    groups : sequence of length n_features or mapping from name to label, optional
        Columns with the same label enter and leave together and count as one.
    forced, forbidden : sequences of str or int, default=()
        Columns, by name or index, that must be in or out.
    constraints : sequence of rules, default=()
        What goes together, from `ellzero.constraints`: `StrongHierarchy`, `WeakHierarchy`, `AtMostOne`, `AtMost`, and
        `Linear`, which only ``solver="mip"`` takes. Columns that a forced one needs are forced, too.
    sample_weight : array-like of shape (n_samples,), optional
        Weights >= 0; an integer weight is a repeated row.
    offset : array-like of shape (n_samples,), optional
        Known part of the linear predictor: the logarithm of the exposure for counts.
    fit_intercept, standardize : bool, default=True
    solver : {"auto", "exhaustive", "branch", "stepwise", "exchange", "splicing", "mip"} or Solver, default="auto"
        ``auto`` proves where that is practical; ``mip``, an integer program, takes linear conditions, too, and proves
        by HiGHS's bound, without a certificate.
    gap : float, default=1e-6
        Relative gap at which the answer counts as optimal.
    time_limit : float, default=60.0
        Seconds; at the limit, and at Ctrl-C, the best answer so far is returned with its true gap.
    n_jobs : int, default=1
        Threads of the search and of linear algebra; the answer does not depend on it.
    random_state : int, Generator or None, default=None
        Seed of random restarts; None is seed 0.
    on_progress : callable, optional
        Receives an `Event` about ten times a second.

    Returns
    -------
    Result
        Coefficients, support, objective, lower bound, gap, status and certificate.

    Raises
    ------
    ArgumentError
        An option is outside its range, or neither `k` nor `l0` is given.
    DataError
        The data hold something other than finite numbers, or cannot answer the question.
    InfeasibleError
        The rules contradict each other.
    UnsupportedError
        A named solver refuses the problem.

    References
    ----------
    Furnival & Wilson (1974); Bertsimas, King & Mazumder (2016); Hazimeh, Mazumder & Saab (2022).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(60, 10))
    >>> y = 2 * X[:, 3] - X[:, 7] + 0.1 * X[:, 0] ** 2
    >>> result = best_subset(X, y, k=2)
    >>> result.support, result.status
    (array([3, 7]), <Status.OPTIMAL: 'optimal'>)
    """
    checks.need_k_or_l0(k, l0)
    problem = problem_of(
        X, y, k=k, l0=l0, l1=l1, l2=l2, loss=loss, lower=lower, upper=upper, groups=groups, forced=forced,
        forbidden=forbidden, constraints=constraints, sample_weight=sample_weight, offset=offset,
        fit_intercept=fit_intercept, standardize=standardize,
    )  # fmt: skip
    return solve(
        problem,
        solver,
        gap=gap,
        time_limit=time_limit,
        n_jobs=n_jobs,
        random_state=random_state,
        on_progress=on_progress,
    )
