"""Averages over rivals: where several supports explain the data alike, none of them is the model."""

from dataclasses import dataclass
from functools import cached_property
from inspect import signature
from math import comb, exp, inf, log

import numpy as np

from .. import _checks as checks
from .. import criteria
from ..losses import Multinomial
from ..operators import as_operator
from ..result import Result, Table
from .keywords import known
from .rivals import Rivals, rivals

WEIGHING = ("bic", "ebic", "aic", "aicc", "gic")  # criteria that are minus twice a log-likelihood, with a price


@dataclass(frozen=True, eq=False)
class Average:
    r"""Models near the best one, weighted.

    Attributes
    ----------
    results : tuple of Result
        The models, the heaviest first.
    weights : ndarray of shape (n_models,)
        :math:`\exp(-c_m/2) / \sum_i \exp(-c_i/2)` with c the criterion.
    criterion : str
    rivals : Rivals
        The list that was averaged, with its statement on completeness.
    left_out : float or None
        Bound on the share of the weight that unlisted models of at most k columns would have; None where none is known.
    """

    results: tuple[Result, ...]
    weights: np.ndarray
    criterion: str
    rivals: Rivals
    left_out: float | None

    @property
    def complete(self) -> bool:
        """Whether the list is provably all models within the fraction."""
        return self.rivals.complete

    @cached_property
    def coef(self) -> np.ndarray:
        """Weighted mean of the coefficients, zero where a model lacks the column; shaped as a model's."""
        return np.tensordot(self.weights, np.array([r.coef for r in self.results]), axes=1)

    @cached_property
    def intercept(self) -> float | np.ndarray:
        mean = np.tensordot(self.weights, np.array([r.intercept for r in self.results]), axes=1)
        return mean if mean.ndim else float(mean)

    @cached_property
    def inclusion(self) -> np.ndarray:
        """Weight of the models that have the column. Shape (n_features,)."""
        return self.weights @ np.array([np.isin(np.arange(len(r.names)), r.support) for r in self.results], dtype=float)

    def _mean(self, X) -> np.ndarray:
        op, names = as_operator(X)
        first = self.results[0]
        checks.same_columns(op.shape[1], names, first.names)
        used = np.flatnonzero(self.inclusion)
        columns = op.columns(used)
        eta = np.array([columns @ r.coef[used] + r.intercept for r in self.results])
        return np.tensordot(self.weights, first.sample.loss.inverse_link(eta), axes=1)

    def predict(self, X) -> np.ndarray:
        """Weighted mean of the models' mean responses; of classes the likelier."""
        mean, loss = self._mean(X), self.results[0].sample.loss
        if isinstance(loss, Multinomial):
            return np.array(loss.labels)[mean.argmax(axis=1)]
        return (mean > 0.5).astype(int) if loss.classifies else mean

    def predict_proba(self, X) -> np.ndarray:
        """Weighted mean of the models' probabilities, a column a class."""
        if self.results[0].sample.loss.name not in ("logistic", "multinomial"):
            raise checks.no_probabilities(self.results[0].sample.loss.name)
        mean = self._mean(X)
        return mean if mean.ndim == 2 else np.column_stack([1.0 - mean, mean])

    def table(self) -> Table:
        """One row a column that some model has: how much weight has it, and its mean coefficient."""
        order = sorted(np.flatnonzero(self.inclusion).tolist(), key=lambda j: (-self.inclusion[j], j))
        names = self.results[0].names
        rows = [[names[j], float(self.inclusion[j]), *np.atleast_1d(self.coef[j]).tolist()] for j in order]
        outputs = self.results[0].outputs or ("coefficient (mean)",)
        return Table(["column", "inclusion", *outputs], rows)

    def models(self) -> Table:
        """One row a model: its weight, its criterion, its columns."""
        rows = [
            [float(w), r.criterion(self.criterion), r.k, ", ".join(r.names_in_support)]
            for w, r in zip(self.weights, self.results, strict=True)
        ]
        return Table(["weight", criteria.TITLES[self.criterion], "size", "support"], rows)

    @property
    def statement(self) -> str:
        """What was averaged, and what may be missing, in words."""
        count = checks.plural(len(self.results), "model")
        text = f"{count}, weighted by exp(-{criteria.TITLES[self.criterion]}/2). {self.rivals.statement}"
        if self.left_out is None:
            return text
        share = f"{100 * self.left_out:.2g} %"
        return f"{text} All others of at most this size together would have at most {share} of the weight."

    def __str__(self) -> str:
        return f"{self.table()}\n{self.statement}"


@known(*signature(rivals).parameters)
def average(X, y, *, k, within=0.1, criterion=None, max_rivals=1000, **question) -> Average:
    r"""Average over the models near the best one.

    Parameters
    ----------
    X, y
        As in `best_subset`.
    k : int
        At most so many columns (groups, where there are groups).
    within : float, default=0.1
        Fraction >= 0: models whose objective is up to so much above the optimum are averaged.
    criterion : {"bic", "ebic", "aic", "aicc", "gic"}, optional
        What weighs: with BIC the weights approximate posterior probabilities of the models under equal prior ones, with
        AIC they are Akaike weights. By default BIC; EBIC where columns outnumber rows.
    max_rivals : int, default=1000
        As in `rivals`.
    **question
        Everything else that `rivals` takes.

    Returns
    -------
    Average

    Raises
    ------
    ArgumentError, DataError, InfeasibleError, UnsupportedError
        As in `rivals`; also where every model is saturated.

    Notes
    -----
    Models are listed by objective and weighed by criterion: a smaller model with a larger loss may have more weight
    than a listed one. Where the list is complete, every unlisted model of s columns has a loss above
    :math:`T = (1 + w) L^*`, so that all of them together have at most
    :math:`\sum_{s \le k} (\binom{p}{s} - n_s) \exp(-c(T, s)/2)`, with :math:`n_s` the number listed. The statement
    gives that as a share; it is known where there are no penalties, groups and rules. A larger `within` makes it
    smaller.

    References
    ----------
    Madigan & Raftery (1994), "Model selection and accounting for model uncertainty in graphical models using Occam's
    window"; Raftery (1995), "Bayesian model selection in social research"; Burnham & Anderson (2002), Model Selection
    and Multimodel Inference, section 2.9.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(60, 6))
    >>> X[:, 5] = X[:, 3] + 0.3 * rng.normal(size=60)
    >>> mixed = average(X, X[:, 3] + rng.normal(size=60), k=1, within=0.3)
    >>> [(name, round(float(mixed.inclusion[j]), 2)) for j, name in enumerate(mixed.results[0].names) if j in (3, 5)]
    [('x3', 0.96), ('x5', 0.04)]
    """
    if criterion is not None:
        checks.one_of("criterion", criterion, WEIGHING)
    near = rivals(X, y, k=k, within=within, max_rivals=max_rivals, **question)
    return averaged(near, criterion, _plain(question), int(k))


def averaged(near: Rivals, criterion: str | None, plain: bool, k: int) -> Average:
    """Average of a list of rivals; `plain` says whether their objective is the loss of any k columns."""
    sample = near.best.sample
    name = criterion or criteria.default_criterion(sample)
    kept = [r for r in near.results if criteria.offered(r.loss, int(r.support.size), sample)]
    if not kept:
        raise checks.no_size_for_criterion(criteria.TITLES[name], sample.n_samples)
    scores = np.array([r.criterion(name) for r in kept])
    least = scores.min()
    # several exact fits, of criterion -inf, share the weight alike
    mass = (scores == least).astype(float) if least == -inf else np.exp(-0.5 * (scores - least))
    order = np.argsort(-mass, kind="stable")
    left_out = _left_out(near, kept, name, float(least), float(mass.sum()), k) if plain else None
    return Average(tuple(kept[i] for i in order), mass[order] / mass.sum(), name, near, left_out)


def _plain(question) -> bool:
    """Whether the question has neither penalties nor rules."""
    usual = {"l1": 0.0, "l2": 0.0}
    others = ("l0", "lower", "upper", "groups")
    empty = ("forced", "forbidden", "constraints")
    return (
        all(question.get(name, value) == value for name, value in usual.items())
        and all(question.get(name) is None for name in others)
        and all(len(np.atleast_1d(question.get(name, ()))) == 0 for name in empty)
    )


def _left_out(near: Rivals, kept, name: str, least: float, listed: float, k: int) -> float | None:
    """Bound on the share of the weight that unlisted models would have."""
    if not near.complete or least == -inf:
        return None
    sample, threshold = near.best.sample, near.best.objective * (1.0 + near.within)
    sizes = [int(r.support.size) for r in kept]
    rest = 0.0
    for size in range(k + 1):
        others = comb(sample.n_features, size) - sizes.count(size)
        if others <= 0:
            continue
        score = criteria.evaluate(name, threshold, size, sample)
        if score < inf:
            rest += exp(min(log(others) - 0.5 * (score - least), 700.0))
    return rest / (rest + listed)
