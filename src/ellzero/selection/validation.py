"""Cross-validation over the sizes of the k-path, with the one-standard-error rule."""

from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np

from .. import _checks as checks
from .. import _threads as threads
from .._progress import Clock
from ..operators import as_operator
from ..operators.adapters import as_vector
from ..problem import Problem
from ..responses import read_response
from ..result import Table
from .path import solve_path, wanted_sizes


@dataclass(frozen=True, slots=True, eq=False)
class CrossValidation:
    """Held-out loss of every size.

    Attributes
    ----------
    sizes : ndarray of shape (n_sizes,)
    losses : ndarray of shape (n_sizes, n_folds)
        Half the weighted mean deviance on each fold's held-out rows.
    fold_weights : ndarray of shape (n_folds,)
        Weight of each fold's held-out rows.
    """

    sizes: np.ndarray
    losses: np.ndarray
    fold_weights: np.ndarray

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

    def table(self) -> Table:
        """One row a size."""
        rows = [
            [int(k), float(m), float(s)] for k, m, s in zip(self.sizes, self.mean, self.standard_error, strict=True)
        ]
        return Table(["size", "held-out loss", "standard error"], rows)

    def __str__(self) -> str:
        return str(self.table())


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
    time_limit=60.0,
    n_jobs=1,
    random_state=None,
    on_progress=None,
    **question,
) -> CrossValidation:
    """Held-out loss of every size of the k-path.

    Parameters
    ----------
    X, y
        As in `best_subset`.
    k : int or iterable of int, optional
        Sizes as in `path`; by default those that the smallest training set allows.
    cv : int, splitter or iterable of (train, test), default=5
        As scikit-learn takes it; an integer means shuffled folds seeded by `random_state`, stratified for
        classes, and grouped folds where `fold_groups` is given.
    fold_groups : array-like of shape (n_samples,), optional
        Rows with the same label stay in the same fold.
    sample_weight, offset, loss
        As in `best_subset`.
    time_limit : float, default=60.0
        Seconds for all folds together.
    n_jobs : int, default=1
        Threads of the search and of linear algebra; the answer does not depend on it.
    random_state : int or None, default=None
        Seed of the folds and of the searches.
    on_progress : callable, optional
        Receives an `Event` now and then.
    **question
        l1, l2, lower, upper, groups, forced, forbidden, constraints, fit_intercept, standardize, as in `best_subset`;
        and names, of the columns, where X does not bring its own.

    Returns
    -------
    CrossValidation

    Raises
    ------
    ArgumentError, DataError
        As in `best_subset`; also where a fold has no held-out weight.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(80, 6))
    >>> y = 2 * X[:, 3] - X[:, 5] + 0.3 * rng.normal(size=80)
    >>> cross_validate(X, y, k=4, random_state=0).k_1se
    2
    """
    op, names = as_operator(X)
    n = op.shape[0]
    response = read_response(loss, y, n)
    loss, target = response.loss, response.y
    weight = np.ones(n) if sample_weight is None else as_vector("sample_weight", sample_weight, n)
    shift = np.zeros(n) if offset is None else as_vector("offset", offset, n)
    question = {"names": names, **question}
    folds = list(splitter(cv, n, _strata(loss, target), loss.classifies, fold_groups, random_state))
    sizes = _common_sizes(k, op.shape[1], folds, weight)
    clock = Clock(checks.positive("time_limit", time_limit), on_progress)
    losses, weights = [], []
    with threads.limit(n_jobs):
        for i, (train, test) in enumerate(folds):
            clock.tick("cross-validation", message=f"fold {i + 1} of {len(folds)}", done=i, total=len(folds))
            if not weight[test].sum() > 0:
                raise checks.empty_fold(i)
            rows = {"loss": loss.at_rows(train), "offset": None if offset is None else shift[train]}
            problem = Problem.from_data(op.rows(train), target[train], sample_weight=weight[train], **rows, **question)
            share = Clock(max(clock.remaining, 1e-3) / (len(folds) - i), on_progress)
            solutions = solve_path(
                problem, wanted_sizes(problem, sizes), share, None, 1e-6, random_state, bounded=False
            )
            test = np.arange(n)[test][weight[test] > 0]
            own, there = loss.at_rows(test), target[test]
            if own.censored:
                own.check_target(there)
            there, own = own.bound_to(there, weight[test])
            losses.append(_held_out(solutions, sizes, op.rows(test), there, weight[test], shift[test], own))
            weights.append(own.sample_size(weight[test]))
    table = np.array(losses).T
    kept = np.isfinite(table).all(axis=1)
    return CrossValidation(_listed(sizes)[kept], table[kept], np.array(weights))


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


def _common_sizes(k, p, folds, weight):
    """Sizes to compare; by default those that the smallest training set allows."""
    if k is not None:
        return tuple(k) if isinstance(k, Iterator) else k  # every fold reads them
    rows = min(float(weight[train].sum()) for train, _ in folds)
    return min(p, 20, max(int((rows - 1) // 3), 1))


def _listed(sizes) -> np.ndarray:
    """Sizes one by one; an integer K stands for 0...K."""
    return np.arange(sizes + 1) if isinstance(sizes, int | np.integer) else np.array(sorted(set(sizes)))


def _held_out(solutions, sizes, op, y, weight, shift, loss):
    """Mean held-out loss of each size; NaN for a size that a fold's path lacks."""
    values = dict(zip(solutions.sizes, solutions, strict=True))
    share = weight / weight.sum()
    return [
        loss.mean(y, ((op.forward(values[k].coef) + values[k].intercept).T + shift).T, share) if k in values else np.nan
        for k in _listed(sizes).tolist()
    ]
