"""Cross-validation over the sizes of the k-path and over shrinkage, with the one-standard-error rule."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from numbers import Integral
from typing import Any

import numpy as np

from .. import _checks as checks
from .. import _threads as threads
from .._progress import Clock
from ..losses import Loss
from ..operators import Operator, as_operator
from ..operators.adapters import as_vector
from ..problem import Problem
from ..responses import read_response
from ..result import Result, Status, Table
from ..solvers.base import Answer, describe, sample_of
from ..solvers.refit import fit_support
from .keywords import QUESTION, known
from .path import Path, solve_path, wanted_sizes
from .shrinkage import RIDGES, dense, shrunken, usual_strengths

# sizes by default where coefficients are shrunken: one by one, then in strides
LARGEST, CLOSELY, STRIDE = 100, 40, 8


@dataclass(frozen=True, slots=True, eq=False)
class CrossValidation:
    """Held-out loss of every size, at the strengths of least held-out loss.

    Attributes
    ----------
    sizes : ndarray of shape (n_sizes,)
    losses : ndarray of shape (n_sizes, n_folds)
        Half the weighted mean deviance on each fold's held-out rows.
    fold_weights : ndarray of shape (n_folds,)
        Weight of each fold's held-out rows.
    l1, l2 : float
        Strengths on the coefficients; chosen, where they were not given.
    ridge : float
        Strength of l2 under which supports were searched; chosen, where l2 was not given.
    searched : int
        Largest size that was searched. A larger one stands for all columns, without a limit on their number.
    tried : Table
        Least held-out loss, and its size, for every ridge and pair of strengths that was tried.
    """

    sizes: np.ndarray
    losses: np.ndarray
    fold_weights: np.ndarray
    l1: float
    l2: float
    ridge: float
    searched: int
    tried: Table

    @property
    def mean(self) -> np.ndarray:
        """Weighted mean over the folds."""
        return self.losses @ self.fold_weights / self.fold_weights.sum()

    @property
    def standard_error(self) -> np.ndarray:
        r"""Standard error of the mean: :math:`\sqrt{\sum_f v_f (l_f - \bar l)^2 / (F - 1)}`, weights v of sum one."""
        v = self.fold_weights / self.fold_weights.sum()
        spread = ((self.losses - self.mean[:, None]) ** 2) @ v
        return np.sqrt(spread / (self.fold_weights.size - 1))

    @property
    def k_best(self) -> int:
        """Size of smallest mean loss; the smaller one at a tie."""
        return int(self.sizes[self.mean.argmin()])

    @property
    def k_1se(self) -> int:
        """Smallest size whose mean loss is within one standard error of the smallest (Breiman et al. 1984)."""
        best = int(self.mean.argmin())
        return int(self.sizes[np.flatnonzero(self.mean <= self.mean[best] + self.standard_error[best])[0]])

    def plot(self, ax=None, **options):
        """Draw the held-out losses with matplotlib; needs the extra ``plot``.

        Parameters
        ----------
        ax : matplotlib axes, optional
            Those of a new figure by default.
        **options
            Those of `ellzero.plot.criteria`.

        Returns
        -------
        matplotlib axes

        Raises
        ------
        MissingExtraError
            matplotlib is not installed.
        """
        from .. import plot

        return plot.criteria(self, ax=ax, **options)

    def table(self) -> Table:
        """One row a size."""
        rows = [
            [int(k), float(m), float(s)] for k, m, s in zip(self.sizes, self.mean, self.standard_error, strict=True)
        ]
        return Table(["size", "held-out loss", "standard error"], rows)

    def __str__(self) -> str:
        return str(self.table())


@known(*QUESTION, "l0")
def cross_validate(
    X,
    y,
    *,
    k=None,
    cv=5,
    fold_groups=None,
    sample_weight=None,
    offset=None,
    loss="squared",
    l1=0.0,
    l2=0.0,
    time_limit=60.0,
    n_jobs=1,
    random_state=None,
    on_progress=None,
    **question,
) -> CrossValidation:
    r"""Held-out loss of every size of the k-path, and of shrinkage where it is to be chosen.

    On every fold's training rows supports of all sizes are searched, under each ridge that is tried, and on each of
    them the coefficients are fitted with every strength of l1 that is tried. Size, ridge and l1 are those of least
    weighted mean of the held-out losses.

    Parameters
    ----------
    X, y
        As in `best_subset`.
    k : int or iterable of int, optional
        Sizes as in `path`; by default those that the smallest training set allows, at most 20, or with shrinkage to
        choose up to a quarter of the rows and 100, from 40 on every eighth, and all columns at once.
    cv : int, splitter or iterable of (train, test), default=5
        As scikit-learn takes it; an integer means shuffled folds seeded by `random_state`, stratified for
        classes, and grouped folds where `fold_groups` is given.
    fold_groups : array-like of shape (n_samples,), optional
        Rows with the same label stay in the same fold.
    sample_weight, offset, loss
        As in `best_subset`.
    l1, l2 : float or None, default=0.0
        As in `best_subset`; None chooses (squared error with a single response; elsewhere None is 0). l1 shrinks the
        coefficients on the support found: one of 13 strengths down to 0. l2 is 0 or half of l1 for the coefficients,
        and 0 or 3 for the search.
    time_limit : float, default=60.0
        Seconds for all folds together.
    n_jobs : int, default=1
        Threads of the search and of linear algebra; the answer does not depend on it.
    random_state : int or None, default=None
        Seed of the folds and of the searches.
    on_progress : callable, optional
        Receives an `Event` now and then.
    **question
        lower, upper, groups, forced, forbidden, constraints, fit_intercept, standardize, as in `best_subset`;
        and names, of the columns, where X does not bring its own.

    Returns
    -------
    CrossValidation

    Raises
    ------
    ArgumentError, DataError
        As in `best_subset`; also where a fold has no held-out weight.

    References
    ----------
    Hastie, Tibshirani & Tibshirani (2020), "Best subset, forward stepwise or lasso? Analysis and recommendations based
    on extensive comparisons", Statistical Science 35; Mazumder, Radchenko & Dedieu (2023), "Subset selection with
    shrinkage: sparse linear modeling when the SNR is low", Operations Research 71.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(80, 6))
    >>> y = 2 * X[:, 3] - X[:, 5] + 0.3 * rng.normal(size=80)
    >>> cross_validate(X, y, k=4, random_state=0).k_1se
    2
    """
    checks.no_price("cross_validate", question.get("l0"))
    op, names = as_operator(X)
    n = op.shape[0]
    response = read_response(loss, y, n)
    loss, target = response.loss, response.y
    checks.finite("y", target)
    weight = np.ones(n) if sample_weight is None else as_vector("sample_weight", sample_weight, n)
    checks.sample_weight(weight)
    shift = np.zeros(n) if offset is None else as_vector("offset", offset, n)
    question = {"names": names, **question}
    folds = list(splitter(cv, n, _strata(loss, target), loss.classifies, fold_groups, random_state))
    chooses = (l1 is None or l2 is None) and loss.least_squares and target.ndim == 1
    sizes = _common_sizes(k, op.shape[1], folds, weight, chooses)
    clock = Clock(checks.positive("time_limit", time_limit), on_progress)
    ridges = RIDGES if l2 is None and chooses else (0.0 if l2 is None else l2,)
    # the strengths of the coefficients, as far as they are not chosen
    fixed = {"l1": 0.0 if l1 is None else l1, "l2": 0.0 if l2 is None else l2}
    strengths, all_columns = np.array([[fixed["l1"], fixed["l2"]]]), False
    if l1 is None and chooses:
        rows: dict[str, Any] = {"loss": loss, "offset": offset}
        whole = Problem.from_data(op, target, sample_weight=weight, **rows, **fixed, **question)
        strengths = usual_strengths(whole, l2)
        all_columns = (
            k is None and _listed(sizes)[-1] < op.shape[1] and not (whole.rules.coupled or whole.rules.forced.any())
        )
    losses, weights = [], []
    with threads.limit(n_jobs):
        for i, (train, test) in enumerate(folds):
            clock.tick("cross-validation", message=f"fold {i + 1} of {len(folds)}", done=i, total=len(folds))
            if not weight[test].sum() > 0:
                raise checks.empty_fold(i)
            rows = {"loss": loss.at_rows(train), "offset": None if offset is None else shift[train]}
            problem = Problem.from_data(
                op.rows(train), target[train], sample_weight=weight[train], **rows, **fixed, **question
            )
            test = np.arange(n)[test][weight[test] > 0]
            own, there = loss.at_rows(test), target[test]
            if own.censored:
                own.check_target(there)
            there, own = own.bound_to(there, weight[test])
            held_out = HeldOut(op.rows(test), there, weight[test] / weight[test].sum(), shift[test], own)
            found = []
            for j, ridge in enumerate(ridges):
                left = len(ridges) * (len(folds) - i) - j
                share = Clock(max(clock.remaining, 1e-3) / left, on_progress)
                searched = problem.with_penalty(fixed["l1"], ridge)
                solutions = solve_path(
                    searched, wanted_sizes(problem, sizes), share, None, 1e-6, random_state, bounded=False
                )
                if share.interrupted:  # sizes of folds that were cut short cannot be compared
                    raise KeyboardInterrupt
                as_found = searched is problem and len(strengths) == 1
                tried = None if as_found else strengths
                found.append([held_out.of_size(problem, solutions, k, tried) for k in _listed(sizes).tolist()])
            if all_columns:
                share = Clock(max(clock.remaining, 1e-3) / (len(folds) - i), on_progress)
                everything = held_out.of_all(problem, strengths, share)
                found = [[*by_size, everything] for by_size in found]
            losses.append(found)
            weights.append(own.sample_size(weight[test]))
    table = np.moveaxis(np.array(losses), 0, -1)  # ridges, sizes, strengths, folds
    searched = _listed(sizes)
    offered = np.append(searched, op.shape[1]) if all_columns else searched
    kept = ~np.isnan(table).any(axis=(0, 2, 3))
    return _chosen(offered[kept], int(searched[-1]), table[:, kept], np.array(weights), ridges, strengths)


def _chosen(sizes, searched: int, table, weights, ridges, strengths) -> CrossValidation:
    """The losses at the ridge and the strengths with the least mean; the first of them at a tie."""
    means = table @ (weights / weights.sum())
    head, rows, best = ["ridge", "l1", "l2", "size", "held-out loss"], [], (np.inf, 0, 0)
    for i, m in np.ndindex(len(ridges), len(strengths)):
        mean = means[i, :, m]
        if mean.size:
            at = int(mean.argmin())
            rows.append([float(ridges[i]), *strengths[m].tolist(), int(sizes[at]), float(mean[at])])
            best = min(best, (float(mean[at]), i, m))
    _, i, m = best
    losses, (l1, l2) = table[i, :, m], strengths[m].tolist()
    possible = np.isfinite(losses).all(axis=1)  # without l1 there is no model of all columns
    return CrossValidation(
        sizes[possible], losses[possible], weights, l1, l2, float(ridges[i]), searched, Table(head, rows)
    )


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Rows that judge.

    Attributes
    ----------
    op : Operator of shape (n_samples, n_features)
    y, weight, offset : ndarray of shape (n_samples,)
        Weights sum to one.
    loss : Loss
    """

    op: Operator
    y: np.ndarray
    weight: np.ndarray
    offset: np.ndarray
    loss: Loss

    def of_size(self, problem: Problem, solutions: Path, k: int, strengths) -> list[float]:
        """Mean loss of one size for each strength of l1 on its support; NaN where the path lacks the size.

        Without strengths, of the model that the search found.
        """
        if k not in solutions.sizes:
            return [np.nan] * (1 if strengths is None else len(strengths))
        model = solutions[k]
        if strengths is None:
            return [self._mean(self.op.forward(model.coef) + model.intercept)]
        coef, intercept = shrunken(problem, model.support, strengths)
        eta = self.op.columns(model.support) @ coef + intercept
        return [self._mean(one) for one in eta.T]

    def of_all(self, problem: Problem, strengths, clock: Clock) -> list[float]:
        """Mean loss without a limit on the size for each pair of strengths; infinite where there is no l1."""
        models = dense(problem, strengths, clock)
        return [np.inf if m is None else self._mean(self.op.forward(m[0]) + m[1]) for m in models]

    def _mean(self, eta) -> float:
        return self.loss.mean(self.y, (eta.T + self.offset).T, self.weight)


def fit_chosen(problem: Problem, found: CrossValidation, k: int, clock: Clock, random_state) -> Result:
    """Model of a chosen size: the support from a path over all sizes that were compared, on all rows.

    The larger sizes help: what shrinks into a size is often better than what grows into it.
    """
    same = (problem.penalty.l1, problem.penalty.l2) == (found.l1, found.l2)
    asked = problem.with_penalty(found.l1, found.l2).with_size(k)
    if k > found.searched:
        ((coef, _),) = (model for model in dense(problem, [(found.l1, found.l2)], clock) if model is not None)
        status, solver = Status.HEURISTIC, "convex"
    else:
        searched = problem.with_penalty(problem.penalty.l1, found.ridge)
        as_found, sizes = same and searched is problem, found.sizes[found.sizes <= found.searched].tolist()
        solutions = solve_path(searched, wanted_sizes(problem, sizes), clock, None, 1e-6, random_state, as_found)
        model = solutions[k] if k in solutions.sizes else solutions.results[-1]
        if as_found:
            return model
        coef, status, solver = model.coef, model.status, model.solver
    units = asked.units_in(coef)
    fit = fit_support(asked, asked.rules.columns(units))
    answer = Answer(units.tolist(), None, status)
    return describe(asked, answer, fit, clock.elapsed, solver, partial(sample_of, asked))


def _strata(loss, target) -> np.ndarray:
    """What folds share out evenly: the classes themselves, where they are held as indicators."""
    return target.argmax(axis=1) if loss.classifies and target.ndim == 2 else target


def splitter(cv, n, y, classifies, fold_groups, random_state):
    """Train and test rows of each fold, as scikit-learn splits them."""
    from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold, check_cv

    rows = np.zeros((n, 1))
    if isinstance(cv, Integral):
        n_folds = checks.integer_in("cv", cv, 2, n, f"There are {n} rows.")
        if classifies and fold_groups is None:
            checks.class_sizes(y, n_folds)
        seed = random_state or 0
        if not isinstance(seed, Integral):  # scikit-learn's splitters take no generator
            seed = int(checks.random_state(seed).integers(2**31))
        if fold_groups is not None:
            return GroupKFold(n_folds).split(rows, y, fold_groups)
        return (StratifiedKFold if classifies else KFold)(n_folds, shuffle=True, random_state=seed).split(rows, y)
    given: Any = check_cv(cv, y, classifier=classifies)  # any splitter, though scikit-learn's default suggests an int
    return given.split(rows, y, fold_groups)


def _common_sizes(k, p, folds, weight, shrinks):
    """Sizes to compare; by default those that the smallest training set allows."""
    if k is not None:
        return tuple(k) if isinstance(k, Iterator) else k  # every fold reads them
    rows = min(float(weight[train].sum()) for train, _ in folds)
    if not shrinks:
        return min(p, 20, max(int((rows - 1) // 3), 1))
    most = min(p, LARGEST, max(int((rows - 1) // 4), 1))
    return [*range(min(most, CLOSELY) + 1), *range(CLOSELY + STRIDE, most + 1, STRIDE)]


def _listed(sizes) -> np.ndarray:
    """Sizes one by one; an integer K stands for 0...K."""
    return np.arange(sizes + 1) if isinstance(sizes, int | np.integer) else np.array(sorted(set(sizes)))
