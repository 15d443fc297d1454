"""What the faces share: from checked data to a question, and from the answer to fitted attributes."""

import warnings
from abc import abstractmethod
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from .. import _checks as checks
from .. import _threads as threads
from .. import criteria
from .._progress import Clock
from ..errors import EllzeroWarning
from ..losses import Loss
from ..operators.adapters import as_vector
from ..problem import Problem
from ..result import Result
from ..selection.path import Path, search_path
from ..selection.validation import cross_validate, fit_chosen
from ..solvers import solve
from . import _messages as messages

RIDGE = 1e-3  # l2 of a classifier that was told none
DEPTH = 5  # frames from a warning here up to whoever called fit


class Face(BaseEstimator):
    """Parameters that every face takes and attributes that every fitted one has.

    Subclasses say which loss they have, how the target is coded, and how a support is found.
    """

    def __init__(
        self, *, l1, l2, lower, upper, groups, forced, forbidden, constraints, fit_intercept, standardize, certify,
        solver, gap, time_limit, n_jobs, random_state, on_progress,
    ):  # fmt: skip
        self.l1 = l1
        self.l2 = l2
        self.lower = lower
        self.upper = upper
        self.groups = groups
        self.forced = forced
        self.forbidden = forbidden
        self.constraints = constraints
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.certify = certify
        self.solver = solver
        self.gap = gap
        self.time_limit = time_limit
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.on_progress = on_progress

    n_features_in_: int

    @abstractmethod
    def _loss(self) -> Loss:
        """Loss of the linear predictor."""

    @abstractmethod
    def _coded(self, y, sample_weight) -> np.ndarray:
        """Target as the loss takes it."""

    @abstractmethod
    def _search(self, X, y, sample_weight, **rows) -> Result:
        """Answer the question; sets what only this way of choosing leaves behind."""

    def _fit(self, X, y, sample_weight, **rows):
        messages.given(self, y)
        X, y = validate_data(
            self, X, y, accept_sparse=("csc", "csr"), dtype=np.float64, y_numeric=not self._loss().classifies,
            multi_output=self._loss().least_squares, ensure_min_samples=2,
        )  # fmt: skip
        if sample_weight is not None:
            sample_weight = as_vector("sample_weight", sample_weight, len(y))
        result = self._search(X, self._coded(y, sample_weight), sample_weight, **rows)
        self._keep(result)
        return self

    def _question(self) -> dict[str, Any]:
        """Arguments of `Problem.from_data` but for data and size."""
        names = vars(self).get("feature_names_in_")
        return {
            "loss": self._loss(),
            "l1": self.l1,
            "l2": self.l2,
            "lower": self.lower,
            "upper": self.upper,
            "groups": self.groups,
            "forced": self.forced,
            "forbidden": self.forbidden,
            "constraints": self.constraints,
            "fit_intercept": self.fit_intercept,
            "standardize": self.standardize,
            "names": None if names is None else tuple(names),
        }

    def _problem(self, X, y, sample_weight, offset=None, **size) -> Problem:
        question = self._question() | size
        problem = Problem.from_data(X, y, sample_weight=sample_weight, offset=offset, **question)
        if problem.constant_columns:
            warnings.warn(checks.constant_columns(problem.constant_columns), EllzeroWarning, stacklevel=DEPTH)
        if problem.dependent_columns:
            warnings.warn(checks.collinear_columns(problem.dependent_columns), EllzeroWarning, stacklevel=DEPTH)
        return problem

    def _limits(self) -> dict[str, Any]:
        """Arguments of a search but for the solver."""
        return {
            "gap": self.gap,
            "time_limit": self.time_limit,
            "n_jobs": self.n_jobs,
            "random_state": self.random_state,
            "on_progress": self.on_progress,
        }

    def _solve(self, problem: Problem) -> Result:
        """Answer for one size or price: by swaps unless a proof or a solver is asked for, or rows need another."""
        swaps = isinstance(self.solver, str) and self.solver == "auto" and not (self.certify or problem.linear)
        return solve(problem, "exchange" if swaps else self.solver, **self._limits())

    def _keep(self, result: Result) -> None:
        self.lower_bound_ = result.lower_bound
        self.gap_ = result.gap
        self.result_ = result if self.certify else result.without_data()
        self.coef_ = result.coef.T
        self.intercept_ = result.intercept
        self.support_ = result.support
        self.k_ = result.k
        self.objective_ = result.objective
        self.status_ = result.status
        self.certificate_ = self.result_.certificate

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.required = True
        return tags


class Sized(Face):
    """A face that is told the size or the price of a column, or chooses the size by a criterion."""

    k: Any
    l0: Any
    criterion: Any
    max_k: Any

    def _search(self, X, y, sample_weight, **rows) -> Result:
        self.path_: Path | None = None
        self.criterion_: str | None = None
        given = "k" if self.k is not None else "l0" if self.l0 is not None else None
        if given is None:
            return self._choose(self._problem(X, y, sample_weight, **rows))
        for name in ("criterion", "max_k"):
            if getattr(self, name) is not None:
                raise messages.size_given_twice(name, given)
        return self._solve(self._problem(X, y, sample_weight, k=self.k, l0=self.l0, **rows))

    def _choose(self, problem: Problem) -> Result:
        if self.max_k is not None:
            checks.size("max_k", self.max_k, problem.rules.n_units, "group" if problem.rules.grouped else "column")
        path = search_path(problem, self.max_k, certify=self.certify, solver=self.solver, **self._limits())
        self.criterion_ = criteria.named(self.criterion, path.sample)
        best = path.best(self.criterion_)
        self.path_ = path if self.certify else path.without_data()
        return best


class CrossValidated(Face):
    """A face that chooses the size by held-out loss."""

    k: Any
    cv: Any
    rule: Any

    def _question(self):
        given = super()._question()
        return given | {name: 0.0 for name in ("l1", "l2") if given[name] is None}

    def _search(self, X, y, sample_weight, **rows) -> Result:
        checks.one_of("rule", self.rule, ("best", "1se"))
        problem = self._problem(X, y, sample_weight, rows.get("offset"))
        question = self._question()
        proves = self.certify or self.solver != "auto"  # then the question has to be known before it is answered
        if not (proves or problem.linear):
            question |= {"l1": self.l1, "l2": self.l2}
        found = cross_validate(
            X, y, k=self.k, cv=self.cv, sample_weight=sample_weight, time_limit=self.time_limit, n_jobs=self.n_jobs,
            random_state=self.random_state, on_progress=self.on_progress, **question, **rows,
        )  # fmt: skip
        if found.sizes.size == 0:
            raise messages.no_common_size(found.fold_weights.size)
        self.cross_validation_ = found
        k = found.k_best if self.rule == "best" else found.k_1se
        if proves or problem.linear:
            return self._solve(problem.with_size(k))
        with threads.limit(self.n_jobs):
            return fit_chosen(problem, found, k, Clock(self.time_limit, self.on_progress), self.random_state)
