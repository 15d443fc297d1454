r"""The penalties of `penalty_path` by name: which strengths a path has, and what is solved at each.

In all formulas d is the column's deviation where penalties act on data units (``standardize=False``), else 1: in scaled
columns a coefficient is d times the one that the penalty sees.

References
----------
Tibshirani (1996); Zou & Hastie (2005); Zou (2006), "The adaptive lasso and its oracle properties"; Candès, Wakin & Boyd
(2008); Hoerl & Kennard (1970); Yuan & Lin (2006); Zhang (2010); Fan & Li (2001); Xu et al. (2012); Hazimeh & Mazumder
(2020).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from .. import _checks as checks
from .._kernels.kinds import CLIPPED, FIRM, LOG, POWER
from .._progress import Clock
from ..problem import Problem
from .blocks import Blocks, unscaled
from .convex import Convex
from .penalised import Coordinatewise, Point, next_price
from .ridge import Ridge
from .working import Terms, bent

UNBOUNDED = 1e280  # a strength at which every penalised coefficient is zero
FIRMEST, LEAST = 1e2, 1e-4  # ridge strengths on columns of unit deviation
GAMMAS = 5
REWEIGHTINGS = 30
SETTLED = 1e-9  # relative change of the objective at which reweighting ends
LAST_PRICE = 1e-6  # share of the first price at which a path of prices ends
COLUMNS = ("l2", "factors")  # options of the penalties that act column by column


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """What is asked of a path, checked; None where the family chooses."""

    strengths: np.ndarray | None
    n_strengths: int
    ratio: float
    l1_ratio: float
    l2: float
    gammas: np.ndarray | None
    gamma: float | None
    power: float
    epsilon: float | None
    factors: np.ndarray
    initial: np.ndarray | None
    group_of: np.ndarray | None
    group_weights: np.ndarray | None
    swaps: bool
    most: int
    tolerance: float

    def below(self, largest: float) -> np.ndarray:
        """The strengths asked for, or as many down from the largest."""
        if self.strengths is not None:
            return self.strengths
        largest = largest if largest > 0 else 1.0
        return np.geomspace(largest, self.ratio * largest, self.n_strengths)


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One model of a path; gap and second strength are NaN where there is none."""

    strength: float
    gamma: float
    point: Point
    gap: float
    freedom: float


class Family(ABC):
    """One penalty: the strengths of its path and the models at them."""

    name: ClassVar[str]
    reads: ClassVar[tuple[str, ...]]  # the options that mean something to it, of those that not all families share
    convex: ClassVar[bool] = False
    grouped: ClassVar[bool] = False
    priced: ClassVar[bool] = False  # whether swaps of single columns are offered
    crossed: ClassVar[bool] = False  # whether it has a second strength

    @abstractmethod
    def steps(self, problem: Problem, request: Request, clock: Clock) -> Iterator[Step]:
        """Models one after another, each found from those before."""


def _step(strength, point, gap=float("nan"), gamma=float("nan")) -> Step:
    return Step(float(strength), gamma, point, gap, float(np.count_nonzero(point.coef)))


def _reachable(c, terms, available) -> np.ndarray:
    """Sizes of products, without the directions that limits close."""
    limit = np.where(c > 0, terms.upper, -terms.lower)
    return np.where((limit > 0) & available, np.abs(c), 0.0)


class ElasticNet(Family):
    r"""Elastic net, :math:`\lambda(\rho\|\beta\|_1 + \tfrac12(1-\rho)\|\beta\|_2^2)`, as scikit-learn states it."""

    name, convex = "elastic_net", True
    reads = (*COLUMNS, "l1_ratio")

    def share(self, request: Request) -> float:
        """Share of l1."""
        return request.l1_ratio

    def factors(self, problem: Problem, request: Request) -> np.ndarray:
        return request.factors

    def terms(self, problem, request, factors, strength) -> Terms:
        share = self.share(request)
        l2 = request.l2 + 0.5 * strength * (1.0 - share) * (factors > 0)
        with np.errstate(over="ignore"):
            return Terms.of(problem, l1=np.minimum(strength * share * factors, UNBOUNDED), l2=l2)

    def largest(self, engine: Convex, request, factors) -> float:
        """Smallest strength at which every coefficient that is penalised is zero."""
        problem, held = engine.problem, factors > 0
        nothing = Terms.of(problem, l1=np.where(held, UNBOUNDED, 0.0), l2=request.l2)
        if not held.all():
            engine.solve(nothing, request.tolerance * problem.null_loss)
        c = _reachable(engine.largest_products(), nothing, engine.work.available)
        divide = np.ones(c.size) if problem.standardize else problem.normal.scale
        return float((c[held] * divide[held] / factors[held]).max(initial=0.0)) / self.share(request)

    def steps(self, problem, request, clock):
        engine = Convex(problem, clock)
        factors = self.factors(problem, request)
        for strength in request.below(self.largest(engine, request, factors)):
            terms = self.terms(problem, request, factors, strength)
            gap = engine.solve(terms, request.tolerance * problem.null_loss)
            yield _step(strength, _point(engine, terms), gap)


def _point(engine: Convex, terms) -> Point:
    work = engine.work
    return Point(work.coefficients(), work.intercept, work.loss() + terms.value(work.b, work.columns))


class L1(ElasticNet):
    r"""Lasso, :math:`\lambda \sum_j f_j |\beta_j|`."""

    name = "l1"
    reads = COLUMNS

    def share(self, request):
        return 1.0


class AdaptiveL1(L1):
    r"""Adaptive lasso: factors :math:`1/|\hat\beta_j|` of an initial fit, by default least squares or a ridge."""

    name = "adaptive_l1"
    reads = (*COLUMNS, "initial")
    firm, loose = 0.1, 1e-3  # ridge of the initial fit: columns that outnumber rows, and rows that outnumber columns

    def factors(self, problem, request):
        if request.initial is not None:
            size = np.abs(request.initial)
            if problem.standardize:
                size = size * problem.normal.scale
        else:
            wide = problem.n_features >= problem.y.size
            point, _, _ = Ridge(problem).solve(self.firm if wide else self.loose)
            size = np.abs(point.coef) / (1.0 if problem.standardize else problem.normal.scale)
        least = 1e-6 * size.max(initial=0.0)
        return request.factors / np.maximum(size, max(least, 1e-300))


class ReweightedL1(L1):
    r"""Log-sum :math:`\lambda\varepsilon\sum_j \log(1 + |\beta_j|/\varepsilon)` by lasso fits of its tangents.

    Each round's factors are :math:`\varepsilon/(|\beta_j| + \varepsilon)` at the last fit, so that no round raises the
    objective; every strength begins from the lasso.
    """

    name, convex = "reweighted_l1", False
    reads = (*COLUMNS, "epsilon")

    def steps(self, problem, request, clock):
        engine = Convex(problem, clock)
        largest = self.largest(engine, request, request.factors)
        epsilon = _epsilon(engine, request)
        divide = np.ones(problem.n_features) if problem.standardize else problem.normal.scale
        lasso = np.zeros(problem.n_features), engine.work.intercept
        for strength in request.below(largest):
            target, factors = LogSum().terms(problem, request, strength, epsilon), request.factors
            engine.work.take_up(*lasso)
            best: Point | None = None
            for round in range(REWEIGHTINGS):
                terms = self.terms(problem, request, factors, strength)
                engine.solve(terms, request.tolerance * problem.null_loss)
                work = engine.work
                if round == 0:
                    lasso = work.coefficients(), work.intercept
                value = work.loss() + target.value(work.b, work.columns)
                before, best = best, Point(work.coefficients(), work.intercept, value)
                if before is not None and before.objective - value <= SETTLED * problem.null_loss:
                    best = before if before.objective < value else best
                    break
                if clock.stopped:
                    break
                factors = request.factors * epsilon / (np.abs(best.coef) / divide + epsilon)
            assert best is not None
            yield _step(strength, best)


def _epsilon(engine, request) -> float:
    """A tenth of the largest coefficient that a single column would have, unless one is given."""
    if request.epsilon is not None:
        return request.epsilon
    problem = engine.problem
    divide = np.ones(problem.n_features) if problem.standardize else problem.normal.scale
    loss = problem.loss
    eta = np.full(problem.y.size, 0.0 if loss.name == "squared" else problem.null_intercept)
    curvature = float(bent(problem, problem.normal.y, eta).sum())
    c = problem.normal.Z.adjoint(-problem.weight * loss.gradient(problem.normal.y, eta))
    return max(0.1 * float(np.abs(c / divide).max()) / max(curvature, 1e-300), 1e-300)


class RidgeFamily(Family):
    r"""Ridge, :math:`\lambda\|\beta\|_2^2`."""

    name, convex = "ridge", True
    reads = ()

    def steps(self, problem, request, clock):
        scale = 1.0 if problem.standardize else float(np.mean(problem.normal.scale**2))
        strengths = request.strengths
        if strengths is None:
            strengths = scale * np.geomspace(FIRMEST, LEAST, request.n_strengths)
        engine = Ridge(problem)
        for strength in strengths:
            point, gap, freedom = engine.solve(float(strength))
            yield Step(float(strength), float("nan"), point, gap, freedom)


class Folded(Family):
    """A concave function of each coefficient's size; its strength is the slope at zero, except for powers."""

    kind: ClassVar[int]

    @abstractmethod
    def bend(self, request, strengths, divide, epsilon) -> tuple[Any, Any, Any]:
        """Scale, first and second number of each scaled column; `strengths` has one a column."""

    def terms(self, problem, request, strength, epsilon) -> Terms:
        strengths = np.minimum(strength * request.factors, UNBOUNDED)
        return Terms.of(
            problem, kind=self.kind, l2=request.l2, concave=lambda d: self.bend(request, strengths, d, epsilon)
        )

    def steps(self, problem, request, clock):
        engine = Coordinatewise(problem, clock)
        epsilon = _epsilon(engine, request)
        tol = request.tolerance * np.sqrt(problem.null_loss)
        for strength in request.below(self._largest(engine, request, epsilon)):
            point = engine.solve(self.terms(problem, request, strength, epsilon), tol)
            yield _step(strength, point)

    def _largest(self, engine, request, epsilon) -> float:
        """Smallest strength, by bisection, at which no coordinate that is penalised leaves zero."""
        problem, held = engine.problem, np.flatnonzero((request.factors > 0) & engine.work.available)
        if held.size < engine.available.size:
            engine.solve(self.terms(problem, request, UNBOUNDED, epsilon), np.sqrt(problem.null_loss) * 1e-8)
        c = engine.products()[held]

        def quiet(strength):
            terms = self.terms(problem, request, strength, epsilon)
            return not terms.minimisers(c, engine.curvature[held], held).any()

        high = max(float(np.abs(c).max(initial=0.0)), 1e-300)
        while not quiet(high):
            high *= 2.0
        low = 0.5 * high
        while quiet(low) and low > 1e-300:
            low, high = 0.5 * low, low
        for _ in range(50):
            middle = 0.5 * (low + high)
            low, high = (low, middle) if quiet(middle) else (middle, high)
        return high


class Mcp(Folded):
    r"""Minimax concave penalty of slope :math:`\lambda` at 0, flat from :math:`\gamma\lambda` on."""

    name, kind = "mcp", FIRM
    reads = (*COLUMNS, "gamma")

    def bend(self, request, strengths, divide, epsilon):
        gamma = 3.0 if request.gamma is None else checks.positive("gamma", request.gamma)
        return strengths / divide, np.maximum(gamma * strengths * divide, 1e-300), 0.0


class Scad(Folded):
    r"""Smoothly clipped absolute deviation, flat from :math:`\gamma\lambda` on."""

    name, kind = "scad", CLIPPED
    reads = (*COLUMNS, "gamma")

    def bend(self, request, strengths, divide, epsilon):
        gamma = 3.7 if request.gamma is None else checks.above("gamma", request.gamma, 1)
        first = np.maximum(strengths * divide, 1e-300)
        return strengths / divide, first, gamma * first


class Power(Folded):
    r"""Power :math:`\lambda\sum_j|\beta_j|^p`."""

    name, kind = "lp", POWER
    reads = (*COLUMNS, "power")

    def bend(self, request, strengths, divide, epsilon):
        return strengths * divide**-request.power, request.power, 0.0


class LogSum(Folded):
    r"""Log-sum :math:`\lambda\varepsilon\sum_j\log(1 + |\beta_j|/\varepsilon)`, of slope :math:`\lambda` at 0."""

    name, kind = "log_sum", LOG
    reads = (*COLUMNS, "epsilon")

    def bend(self, request, strengths, divide, epsilon):
        return strengths * epsilon, epsilon * divide, 0.0


class L0(Family):
    r"""Price of a nonzero, :math:`\lambda_0\|\beta\|_0`, each next price just below where the support changes."""

    name, priced = "l0", True
    reads = COLUMNS

    def gammas(self, engine: Coordinatewise, request) -> np.ndarray:
        """Values of the second strength."""
        return np.array([np.nan])

    def terms(self, problem, request, price, gamma) -> Terms:
        return Terms.of(problem, l0=price * request.factors, l2=request.l2)

    def steps(self, problem, request, clock):
        engine = Coordinatewise(problem, clock)
        tol = request.tolerance * np.sqrt(problem.null_loss)
        empty = engine.point(self.terms(problem, request, 0.0, 0.0))
        beside: list[Step] = []
        for gamma in self.gammas(engine, request):
            engine.go_to(empty)
            along: list[Step] = []
            for price in self._prices(engine, request, gamma):
                terms = self.terms(problem, request, price, gamma)
                here = Point(engine.work.coefficients(), engine.work.intercept, np.inf)
                point = engine.best_from([here, *_nearest(beside, price)], terms, tol)
                if request.swaps:
                    point = engine.swapped(terms, tol)
                step = _step(price, point, gamma=float(gamma))
                along.append(step)
                yield step
                if np.count_nonzero(point.coef) > request.most:
                    break
            beside = along

    def _prices(self, engine, request, gamma) -> Iterator[float]:
        """The prices asked for, or those at which the data change the support; read when the next one is needed."""
        if request.strengths is not None:
            yield from map(float, request.strengths)
            return
        first = price = np.inf
        for _ in range(request.n_strengths):
            price = next_price(engine, self.terms(engine.problem, request, 1.0, gamma), price)
            first = min(first, price) if np.isinf(first) else first
            if not price > LAST_PRICE * first:
                return
            yield price


def _nearest(steps: list[Step], price: float) -> list[Point]:
    """The model of the nearest price on the path beside, where there is one."""
    if not steps:
        return []
    return [min(steps, key=lambda step: abs(np.log(step.strength / price))).point]


class L0L1(L0):
    r"""Price beside the lasso, :math:`\lambda_0\|\beta\|_0 + \gamma\|\beta\|_1`."""

    name, crossed = "l0l1", True
    reads = (*COLUMNS, "gammas")

    def gammas(self, engine, request):
        if request.gammas is not None:
            return request.gammas
        problem = engine.problem
        divide = np.ones(problem.n_features) if problem.standardize else problem.normal.scale
        return float(np.abs(engine.products() * divide).max()) * np.geomspace(0.1, 0.001, GAMMAS)

    def terms(self, problem, request, price, gamma):
        return Terms.of(problem, l0=price * request.factors, l1=gamma, l2=request.l2)


class L0L2(L0):
    r"""Price beside a ridge, :math:`\lambda_0\|\beta\|_0 + \gamma\|\beta\|_2^2`."""

    name, crossed = "l0l2", True
    reads = (*COLUMNS, "gammas")

    def gammas(self, engine, request):
        if request.gammas is not None:
            return request.gammas
        problem = engine.problem
        scale = 1.0 if problem.standardize else float(np.mean(problem.normal.scale**2))
        return scale * np.geomspace(1.0, 1e-3, GAMMAS)

    def terms(self, problem, request, price, gamma):
        return Terms.of(problem, l0=price * request.factors, l2=request.l2 + gamma)


class GroupL1(Family):
    r"""Group lasso, :math:`\lambda\sum_g w_g\|\beta_g\|_2`; the weights are roots of the groups' sizes by default."""

    name, convex, grouped = "group_l1", True, True
    reads = ("groups", "group_weights")

    def _weights(self, engine: Blocks, request) -> np.ndarray:
        sizes = np.bincount(engine.group_of, minlength=engine.n_groups)
        return np.sqrt(sizes) if request.group_weights is None else request.group_weights

    def _largest(self, engine, weights) -> float:
        held = weights > 0
        return float(
            (engine.reachable_norms(engine.products(), engine.terms(False, weights))[held] / weights[held]).max()
        )

    def steps(self, problem, request, clock):
        scale, problem = problem.normal.scale, unscaled(problem)
        scale = scale / problem.normal.scale
        engine = Blocks(problem, clock, request.group_of)
        weights, tolerance = self._weights(engine, request), request.tolerance * problem.null_loss
        counted = not self.convex
        if not weights.all():
            engine.solve(engine.terms(counted, np.where(weights > 0, UNBOUNDED, 0.0)), tolerance)
        for strength in request.below(self._largest(engine, weights)):
            point, gap = engine.solve(engine.terms(counted, strength * weights), tolerance)
            point = replace(point, coef=point.coef * scale)  # back in the columns that all families speak of
            yield _step(strength, point, gap)


class GroupL0(GroupL1):
    r"""Price of a group, :math:`\lambda\sum_g w_g 1[\beta_g \ne 0]`; the weights are 1 by default."""

    name, convex = "group_l0", False

    def _weights(self, engine, request):
        return np.ones(engine.n_groups) if request.group_weights is None else request.group_weights

    def _largest(self, engine, weights):
        held = weights > 0
        worths = engine.worths(engine.terms(True, weights), engine.products())
        return float((worths[held] / weights[held]).max())


FAMILIES = (
    L1, ElasticNet, AdaptiveL1, ReweightedL1, RidgeFamily, Mcp, Scad, Power, LogSum, L0, L0L1, L0L2, GroupL1, GroupL0,
)  # fmt: skip


def as_family(penalty: str) -> Family:
    """Family of a name."""
    return {cls.name: cls for cls in FAMILIES}[checks.one_of("penalty", penalty, [cls.name for cls in FAMILIES])]()
