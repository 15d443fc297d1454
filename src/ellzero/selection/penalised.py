"""The regularisation path of a penalty: a model at every strength, and the choice among them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from scipy import sparse

from .. import _checks as checks
from .. import _threads as threads
from .. import criteria
from .._progress import Clock
from ..criteria import Sample
from ..problem import Problem, relative_gap
from ..result import Proved, Result, Status, Table
from ..solvers.base import sample_of
from ..solvers.families import FAMILIES, Family, Request, Step, as_family
from .keywords import known
from .subset import problem_of


@dataclass(frozen=True, eq=False, repr=False)
class PenaltyPath:
    """Models at falling strengths of one penalty, as columns of numbers.

    Iterating gives `Result` objects; ``path[i]`` is the i-th model.

    Attributes
    ----------
    penalty : str
    strengths : ndarray of shape (n_models,)
        Strength of each model, in units of the mean loss.
    gammas : ndarray of shape (n_models,)
        Second strength of each model; NaN where the penalty has none.
    sparse_coefs : scipy.sparse.csr_array of shape (n_models, n_features)
        Coefficients in data units.
    intercepts, losses, objectives : ndarray of shape (n_models,)
    gaps : ndarray of shape (n_models,)
        Duality gap of each model, in units of the objective: none is further above the optimum. NaN where the penalty
        is not convex.
    freedoms : ndarray of shape (n_models,)
        Degrees of freedom for criteria: nonzero coefficients; for a ridge the trace of its hat matrix.
    status : Status
        ``OPTIMAL`` where every gap is within the tolerance, ``NOT_CONVERGED`` where one is not, ``HEURISTIC`` where the
        penalty is not convex, ``TIME_LIMIT`` or ``INTERRUPTED`` where strengths are missing.
    names : tuple of str
    n_asked : int or None
        Strengths asked for, where that was known.
    elapsed : float
        Seconds.
    null_loss : float
        Objective of the empty model.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(60, 10))
    >>> firm = penalty_path(X, 2 * X[:, 3] - X[:, 7] + 0.1 * X[:, 0] ** 2, penalty="mcp")
    >>> firm.best("bic").names_in_support
    ('x3', 'x7')
    """

    penalty: str
    strengths: np.ndarray
    gammas: np.ndarray
    sparse_coefs: sparse.csr_array
    intercepts: np.ndarray
    losses: np.ndarray
    objectives: np.ndarray
    gaps: np.ndarray
    freedoms: np.ndarray
    status: Status
    names: tuple[str, ...]
    n_asked: int | None
    elapsed: float
    null_loss: float
    described: Callable[[], Sample] | Sample

    def __len__(self) -> int:
        return self.strengths.size

    def __iter__(self) -> Iterator[Result]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, i: int) -> Result:
        i = checks.place(i, len(self))
        coef = self.sparse_coefs[[i]].toarray()[0]
        support = np.flatnonzero(coef)
        objective, gap = float(self.objectives[i]), float(self.gaps[i])
        known = bool(np.isfinite(gap))
        second = "" if np.isnan(self.gammas[i]) else f", gamma {self.gammas[i]:.6g}"
        if not known:
            status = Status.HEURISTIC
        else:
            status = Status.NOT_CONVERGED if self.status is Status.NOT_CONVERGED else Status.OPTIMAL
        return Result(
            coef=coef,
            intercept=float(self.intercepts[i]),
            support=support,
            k=int(support.size),
            objective=objective,
            loss=float(self.losses[i]),
            proved=Proved(objective - gap, relative_gap(objective, objective - gap, self.null_loss))
            if known
            else Proved(),
            status=status,
            n_nodes=0,
            elapsed=self.elapsed,
            names=self.names,
            described=self.described,
            solver=self.penalty,
            notes=(f"Penalty {self.penalty}, strength {self.strengths[i]:.6g}{second}.",),
        )

    @cached_property
    def coefs(self) -> np.ndarray:
        """Coefficients in data units, shape (n_models, n_features)."""
        return self.sparse_coefs.toarray()

    @property
    def standardized(self) -> np.ndarray:
        """Coefficients times the standard deviations of their columns, of the shape of `coefs`."""
        return self.coefs * self.sample.deviations

    def of_gamma(self, gamma: float | None = None) -> np.ndarray:
        """Places of the models with one second strength, those of falling strengths in their order.

        Parameters
        ----------
        gamma : float, optional
            The nearest one counts; by default that of the model which the criterion chooses. All models where the
            penalty has no second strength.

        Returns
        -------
        ndarray of shape (n_chosen,)
        """
        if np.isnan(self.gammas).any():
            return np.arange(len(self))
        if gamma is None:
            wanted = self.gammas[self.chosen()]
        else:
            gamma = checks.non_negative("gamma", gamma)
            wanted = self.gammas[np.abs(self.gammas - gamma).argmin()]
        return np.flatnonzero(self.gammas == wanted)

    def plot(self, ax=None, **options):
        """Draw coefficients by strength with matplotlib; needs the extra ``plot``.

        Parameters
        ----------
        ax : matplotlib axes, optional
            Those of a new figure by default.
        **options
            Those of `ellzero.plot.penalty_path`.

        Returns
        -------
        matplotlib axes

        Raises
        ------
        MissingExtraError
            matplotlib is not installed.
        """
        from .. import plot

        return plot.penalty_path(self, ax=ax, **options)

    @property
    def nonzeros(self) -> np.ndarray:
        """Nonzero coefficients of each model."""
        return np.diff(self.sparse_coefs.indptr)

    @cached_property
    def sample(self) -> Sample:
        """What the criteria need to know of the data."""
        return self.described() if callable(self.described) else self.described

    def __getstate__(self):  # what makes a sample holds the data
        return {**self.__dict__, "described": self.sample}

    @property
    def default_criterion(self) -> str:
        """BIC; EBIC where columns outnumber rows."""
        return criteria.default_criterion(self.sample)

    def at(self, strength: float, gamma: float | None = None) -> Result:
        """Model of the strength that is nearest to this one on the logarithmic scale; of the nearest gamma first."""
        strength = checks.positive("strength", strength)
        rows = np.arange(len(self))
        if gamma is not None and not np.isnan(self.gammas).any():
            apart = np.abs(self.gammas - checks.non_negative("gamma", gamma))
            rows = np.flatnonzero(apart == apart.min())
        with np.errstate(divide="ignore"):
            distance = np.abs(np.log(self.strengths[rows] / strength))
        return self[int(rows[np.argmin(distance)])]

    def criteria(self, name: str | None = None) -> np.ndarray:
        """Criterion of each model with its degrees of freedom; NaN where a model is too near to saturation for it."""
        name = criteria.named(name, self.sample)
        values = np.full(len(self), np.nan)
        for i, (loss, freedom) in enumerate(zip(self.losses, self.freedoms, strict=True)):
            count = int(np.ceil(freedom - 1e-9))
            if criteria.offered(float(loss), count, self.sample):
                values[i] = criteria.evaluate(name, float(loss), count, self.sample)
        return values

    def best(self, criterion: str | None = None) -> Result:
        """Model that a criterion chooses.

        Parameters
        ----------
        criterion : {"bic", "ebic", "aic", "aicc", "gic", "cp", "adjr2"}, optional
            BIC by default; EBIC where columns outnumber rows. The fits are the penalised ones, so criteria charge them
            for their shrinkage, too.

        Raises
        ------
        DataError
            No model leaves the criterion enough rows.
        """
        return self[self.chosen(criterion)]

    def chosen(self, criterion: str | None = None) -> int:
        """Place of the model that a criterion chooses.

        Raises
        ------
        DataError
            No model leaves the criterion enough rows.
        """
        name = criteria.named(criterion, self.sample)
        values = self.criteria(name)
        if np.isnan(values).all():
            raise checks.no_size_for_criterion(criteria.TITLES[name], self.sample.n_samples)
        return int(np.nanargmin([criteria.key(name, value) for value in values]))

    def table(self, criterion: str | None = None) -> Table:
        """One row a model: strength, nonzeros, loss, criterion and gap."""
        name = criteria.named(criterion, self.sample)
        squared, n = self.sample.loss.estimated_scale, self.sample.n_samples
        second = [] if np.isnan(self.gammas).all() else ["gamma"]
        rows = []
        for i, value in enumerate(self.criteria(name)):
            loss, gap = float(self.losses[i]), float(self.gaps[i])
            explained = self.sample.explained(loss, int(self.nonzeros[i]))
            head = [float(self.strengths[i]), *[float(self.gammas[i])] * len(second), int(self.nonzeros[i])]
            shown = [None if np.isnan(x) else float(x) for x in (value, gap)]
            rows.append([*head, 2 * n * loss, explained, *shown])
        fit = ["RSS" if squared else "deviance", "R2" if squared else "explained"]
        return Table(["strength", *second, "nonzeros", *fit, criteria.TITLES[name], "gap"], rows)

    def __repr__(self) -> str:
        return f"PenaltyPath({self.penalty}, {len(self)} models, {self.status.value})"

    def __str__(self) -> str:
        return str(self.table())

    def _repr_html_(self) -> str:
        return self.table().to_html()


@known()
def penalty_path(
    X,
    y,
    *,
    penalty="l1",
    strengths=None,
    n_strengths=100,
    ratio=1e-3,
    l1_ratio=0.5,
    l2=0.0,
    gammas=None,
    gamma=None,
    power=0.5,
    epsilon=None,
    factors=None,
    initial=None,
    groups=None,
    group_weights=None,
    swaps=False,
    max_nonzeros=None,
    loss="squared",
    lower=None,
    upper=None,
    sample_weight=None,
    offset=None,
    fit_intercept=True,
    standardize=True,
    tolerance=1e-6,
    time_limit=60.0,
    n_jobs=1,
    on_progress=None,
) -> PenaltyPath:
    r"""Regularisation path of a penalty: :math:`\min_\beta L(\beta) + P_\lambda(\beta)` for falling :math:`\lambda`.

    L is half the weighted mean deviance, :math:`\|y - X\beta\|^2/(2n)` for squared error. The intercept is never
    penalised, and with ``standardize`` penalties see columns of unit standard deviation.

    ================  ========================================================================================
    ``l1``            :math:`\lambda\sum_j f_j|\beta_j|`
    ``elastic_net``   :math:`\lambda\sum_j (\rho f_j|\beta_j| + \tfrac12(1-\rho)\beta_j^2)`
    ``adaptive_l1``   ``l1`` with :math:`f_j/|\hat\beta_j|` for an initial fit
    ``reweighted_l1`` :math:`\lambda\varepsilon\sum_j f_j\log(1 + |\beta_j|/\varepsilon)` by lasso fits of its tangents
    ``log_sum``       the same by coordinate descent
    ``ridge``         :math:`\lambda\|\beta\|_2^2`
    ``mcp``           slope :math:`\lambda f_j` at 0, falling to 0 at :math:`\gamma\lambda f_j`
    ``scad``          slope :math:`\lambda f_j` up to that size, falling to 0 at :math:`\gamma\lambda f_j`
    ``lp``            :math:`\lambda\sum_j f_j|\beta_j|^p`
    ``l0``            :math:`\lambda\sum_j f_j 1[\beta_j \ne 0]`
    ``l0l1, l0l2``    ``l0`` beside :math:`\gamma\|\beta\|_1` or :math:`\gamma\|\beta\|_2^2`, for several :math:`\gamma`
    ``group_l1``      :math:`\lambda\sum_g w_g\|\beta_g\|_2`
    ``group_l0``      :math:`\lambda\sum_g w_g 1[\beta_g \ne 0]`
    ================  ========================================================================================

    Parameters
    ----------
    X, y
        As in `best_subset`.
    penalty : str, default="l1"
        A name of the table.
    strengths : sequence of float, optional
        The :math:`\lambda`, > 0; taken from large to small. Without it a path begins where everything is zero; prices
        (``l0`` and its kin) then follow the data, each just below the one at which the support changes.
    n_strengths : int, default=100
        Number of strengths, for each gamma where there are several.
    ratio : float, default=1e-3
        Smallest strength over the largest.
    l1_ratio : float in (0, 1], default=0.5
        :math:`\rho` of the elastic net; another one where y is in another unit (see the notes).
    l2 : float, default=0.0
        A ridge beside any penalty of columns.
    gammas : sequence of float, optional
        Second strengths of ``l0l1`` and ``l0l2``, >= 0; five by default.
    gamma : float, optional
        Shape of ``mcp`` (> 0, 3 by default) and ``scad`` (> 1, 3.7 by default).
    power : float in (0, 1), default=0.5
        p of ``lp``.
    epsilon : float, optional
        Scale of ``reweighted_l1`` and ``log_sum``; by default a tenth of the largest coefficient of a single column.
    factors : array-like of shape (n_features,), optional
        :math:`f_j \ge 0`, 1 by default; 0 leaves a column without penalty.
    initial : array-like of shape (n_features,), optional
        Coefficients in data units that ``adaptive_l1`` starts from; a ridge fit by default.
    groups : sequence of length n_features or mapping from name to label, optional
        Labels, for the group penalties.
    group_weights : array-like of shape (n_groups,), optional
        :math:`w_g \ge 0`, in the order of the labels' first appearance; by default the root of the group's size for
        ``group_l1`` and 1 for ``group_l0``.
    swaps : bool, default=False
        Whether ``l0`` and its kin also exchange single columns (squared error).
    max_nonzeros : int, optional
        Ends the path, or that of one gamma, at the first model with more.
    loss, lower, upper, sample_weight, offset, fit_intercept, standardize
        As in `best_subset`.
    tolerance : float, default=1e-6
        Duality gap at which a convex model is done, in units of the empty model's loss; for others the size of the last
        step, in units of its root.
    time_limit : float, default=60.0
        Seconds; at the limit, and at Ctrl-C, the models that are finished are returned.
    n_jobs, on_progress
        As in `best_subset`.

    Returns
    -------
    PenaltyPath

    Raises
    ------
    ArgumentError, DataError
        As in `best_subset`; an option that means nothing to the penalty.
    UnsupportedError
        Swaps of another loss than squared error.

    Notes
    -----
    Convex paths end with a duality gap. Of the others each model is a coordinate-wise minimiser, found from the model
    before it; nothing more is claimed.

    scikit-learn's ``Lasso(alpha)`` is ``l1`` of strength alpha, ``ElasticNet(alpha, l1_ratio)`` is ``elastic_net``,
    ``Ridge(alpha)`` is ``ridge`` of strength alpha/(2n), ``LogisticRegression(C)`` is ``l1`` of strength 1/(Cn) or
    ``ridge`` of strength 1/(2Cn), all with ``standardize=False``.

    With squared error, c times y has c times the coefficients at c times the strength for ``l1``, ``group_l1``,
    ``mcp``, ``scad`` and the logarithmic penalties, at the same strength for ``ridge``, and at :math:`c^2` times the
    price for ``l0`` and ``group_l0``; an elastic net keeps them at no strength of the same ``l1_ratio``, but at
    :math:`\lambda(c\rho + 1 - \rho)` with :math:`c\rho/(c\rho + 1 - \rho)` in the place of :math:`\rho`.

    References
    ----------
    Friedman, Hastie & Tibshirani (2010); Ndiaye et al. (2017); Breheny & Huang (2011); Hazimeh & Mazumder (2020).

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(60, 10))
    >>> y = 2 * X[:, 3] - X[:, 7] + 0.1 * X[:, 0] ** 2
    >>> penalty_path(X, y, penalty="mcp", strengths=[0.2]).coefs[0].round(1)
    array([ 0.,  0.,  0.,  2.,  0.,  0.,  0., -1.,  0.,  0.])
    """
    family = as_family(penalty)
    if groups is None and family.grouped:
        raise checks.need_groups(family.name)
    given = {
        "l1_ratio": l1_ratio != 0.5, "l2": l2 != 0.0, "gammas": gammas is not None, "gamma": gamma is not None,
        "power": power != 0.5, "epsilon": epsilon is not None, "factors": factors is not None,
        "initial": initial is not None, "groups": groups is not None, "group_weights": group_weights is not None,
    }  # fmt: skip
    for option in (name for name, set_ in given.items() if set_ and name not in family.reads):
        raise checks.no_option(option, family.name, [cls.name for cls in FAMILIES if option in cls.reads])
    problem = problem_of(
        X, y, loss=loss, lower=lower, upper=upper, sample_weight=sample_weight, offset=offset,
        fit_intercept=fit_intercept, standardize=standardize,
    )  # fmt: skip
    if problem.n_outputs > 1 or not problem.loss.by_rows:
        raise checks.no_penalty_path(problem.loss.name, problem.n_outputs)
    if swaps and not (family.priced and problem.loss.name == "squared"):
        raise checks.no_swaps(family.name, problem.loss.name)
    group_of = None if groups is None else _group_of(problem, groups)
    p = problem.n_features
    request = Request(
        strengths=None if strengths is None else checks.strengths("strengths", strengths, positive=True),
        n_strengths=checks.integer_in("n_strengths", n_strengths, 1, 10**6),
        ratio=checks.share("ratio", ratio),
        l1_ratio=checks.share("l1_ratio", l1_ratio),
        l2=checks.non_negative("l2", l2),
        gammas=None if gammas is None else checks.strengths("gammas", gammas, positive=False),
        gamma=gamma,
        power=checks.power(power),
        epsilon=None if epsilon is None else checks.positive("epsilon", epsilon),
        factors=np.ones(p) if factors is None else checks.factors("factors", factors, p, "column"),
        initial=None if initial is None else checks.one_a_column("initial", initial, p),
        group_of=group_of,
        group_weights=_group_weights(group_weights, group_of),
        swaps=bool(swaps),
        most=p if max_nonzeros is None else checks.integer_in("max_nonzeros", max_nonzeros, 0, p),
        tolerance=checks.positive("tolerance", tolerance),
    )
    clock = Clock(checks.positive("time_limit", time_limit), on_progress)
    with threads.limit(n_jobs):
        steps, ended = _collect(family, problem, request, clock)
    return _path(family, problem, request, steps, ended, clock)


def _group_of(problem: Problem, groups) -> np.ndarray:
    """Number of each column's group, in the order of the labels' first appearance."""
    from ..constraints import SupportRules

    units = SupportRules.build(problem.names, groups, (), (), ()).unit_of_column
    _, first, inverse = np.unique(units, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]


def _group_weights(weights, group_of) -> np.ndarray | None:
    if weights is None or group_of is None:
        return None
    return checks.factors("group_weights", weights, int(group_of.max()) + 1, "group")


def _collect(family: Family, problem, request, clock: Clock) -> tuple[list[Step], bool]:
    """Finished models, and whether none is missing; a KeyboardInterrupt ends the work and keeps them."""
    steps: list[Step] = []
    total = None if request.strengths is None and family.priced else _total(request)
    try:
        for step in family.steps(problem, request, clock):
            if clock.stopped and steps:
                return steps, False  # a model on which time ran out may be unfinished
            steps.append(step)
            size = int(np.count_nonzero(step.point.coef))
            message = f"{family.name}: strength {step.strength:.4g}, {size} nonzero"
            clock.tick("penalties", message=message, done=len(steps), total=total, objective=step.point.objective)
            if size > request.most and not family.crossed:
                break
            if clock.stopped:
                return steps, False
    except KeyboardInterrupt:
        clock.interrupted = True
        if not steps:
            raise
        return steps, False
    return steps, True


def _total(request: Request) -> int:
    return request.n_strengths if request.strengths is None else int(request.strengths.size)


def _path(family, problem, request, steps: Sequence[Step], ended: bool, clock: Clock) -> PenaltyPath:
    gaps = np.array([step.gap for step in steps])
    if not ended:
        status = Status.INTERRUPTED if clock.interrupted else Status.TIME_LIMIT
    elif not family.convex:
        status = Status.HEURISTIC
    else:
        done = bool((gaps <= request.tolerance * problem.null_loss).all())
        status = Status.OPTIMAL if done else Status.NOT_CONVERGED
    coefs, intercepts = _in_data_units(problem, steps)
    losses = [problem.loss_value(coefs[[i]].toarray()[0], intercepts[i]) for i in range(len(steps))]
    return PenaltyPath(
        penalty=family.name,
        strengths=np.array([step.strength for step in steps]),
        gammas=np.array([step.gamma for step in steps]),
        sparse_coefs=coefs,
        intercepts=intercepts,
        losses=np.array(losses),
        objectives=np.array([step.point.objective for step in steps]),
        gaps=gaps,
        freedoms=np.array([step.freedom for step in steps]),
        status=status,
        names=problem.names,
        n_asked=_total(request) if request.strengths is not None or not family.priced else None,
        elapsed=clock.elapsed,
        null_loss=problem.null_loss,
        described=partial(sample_of, problem),
    )


def _in_data_units(problem: Problem, steps) -> tuple[sparse.csr_array, np.ndarray]:
    """Coefficients and intercepts of the columns as they were given."""
    normal = problem.normal
    rows, intercepts = [], []
    for step in steps:
        coef = step.point.coef / normal.scale
        coef = np.clip(coef, problem.penalty.lower, problem.penalty.upper)  # scaling back may overshoot by a rounding
        base = problem.null_intercept if problem.loss.name == "squared" else step.point.intercept
        intercepts.append(float(base - normal.centre @ coef) if problem.fit_intercept else 0.0)
        rows.append(sparse.csr_array(coef[None, :]))
    return sparse.csr_array(sparse.vstack(rows)), np.array(intercepts)
