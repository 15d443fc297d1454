r"""Information criteria: prices of a parameter that make sizes comparable.

With n the sum of the weights, K the number of coefficients in plus one for an intercept, p the number of columns
offered and

.. math::

   D = n \log(\mathrm{RSS}/n) \quad\text{(squared error, variance profiled out; } n(\log 2\pi + 1) \text{ dropped)},
   \qquad D = 2\,\mathrm{nll} \quad\text{(other losses, all constants kept)},

where a distribution has a shape or scale of its own (`Gamma`, `Huber`), it is profiled out, too,

With q outputs, RSS is their sum and one variance is profiled out of all, as the objective has it: :math:`D = nq
\log(\mathrm{RSS}/(nq))`. A column then has q coefficients, or one less than there are classes, and K counts them all,
those of the intercept, too; aicc has nq in the place of n, as there are so many squares.

======  ==============================================================================================
aic     :math:`D + 2K`
aicc    AIC :math:`+ 2(K+1)(K+2)/(n-K-2)` where a scale is profiled out (it counts), :math:`+ 2K(K+1)/(n-K-1)` else
bic     :math:`D + K \log n`
ebic    BIC :math:`+ 2\gamma \log\binom{p}{k}` with :math:`\gamma = 0.5`, k the number of columns in
gic     :math:`D + K \log p \cdot \log\log n`
cp      :math:`\mathrm{RSS}/\hat\sigma^2 - n + 2K`, :math:`\hat\sigma^2` of the full model; squared error only
adjr2   :math:`1 - \frac{\mathrm{RSS}/(n-K)}{\mathrm{TSS}/(n-1)}`, largest is best; squared error only
======  ==============================================================================================

Groups count with all their coefficients. k in ebic is the number of columns in: it counts supports.

References
----------
Akaike (1974); Hurvich & Tsai (1989); Schwarz (1978); Chen & Chen (2008); Zhu et al. (2020), "A polynomial algorithm for
best-subset selection problem"; Mallows (1973).
"""

from dataclasses import dataclass
from math import comb, inf, log

import numpy as np

from . import _checks as checks
from .losses import Loss

SATURATED = 1e-13  # a loss below this share of the empty model's is rounding: the fit is exact, its criterion -inf


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """What the information criteria need to know of the data.

    Attributes
    ----------
    loss : Loss
    n_samples : float
        Sum of the weights.
    n_features : int
        Number of columns offered, before any screening.
    fit_intercept : bool
    null_loss : float
        Loss of the empty model.
    saturated_nll : float
        Total negative log-likelihood of the saturated model (0 for squared error).
    full_loss : float or None
        Loss of the model with every column, where that is determined; for Mallows' Cp.
    full_rank : int
        Number of linearly independent columns.
    n_outputs : int
        Columns of the coefficients.
    deviations : ndarray of shape (n_features,) or None
        Weighted standard deviation of each column, about zero where there is no intercept, 0 for constant columns.
    """

    loss: Loss
    n_samples: float
    n_features: int
    fit_intercept: bool
    null_loss: float
    saturated_nll: float
    full_loss: float | None
    full_rank: int
    n_outputs: int = 1
    deviations: np.ndarray | None = None

    def explained(self, loss: float, n_columns: int) -> float | None:
        """Share of the empty model's loss that a model explains, R squared for squared error; None where there is none.

        Exactly 0 without columns, whatever rounding makes of the loss of that model when it is found in another way.
        """
        if not self.null_loss > 0:
            return None
        return 1.0 - loss / self.null_loss if n_columns else 0.0

    @property
    def n_values(self) -> float:
        """Squares that an estimated variance rests on, or rows."""
        return self.n_samples * (self.n_outputs if self.loss.least_squares else 1)

    def n_parameters(self, n_columns: int) -> int:
        """Free parameters of a model: those of its columns and of the intercept; classes have one less than outputs."""
        free = self.n_outputs - (self.n_outputs > 1 and self.loss.classifies)
        return free * (n_columns + self.fit_intercept)


def _deviance(loss: float, sample: Sample) -> float:
    if sample.loss.estimated_scale and loss <= SATURATED * sample.null_loss:
        return -inf
    if sample.n_outputs > 1 and sample.loss.least_squares:
        return sample.n_values * log(2.0 * loss / sample.n_outputs)
    return sample.loss.twice_nll(loss, sample.n_samples, sample.saturated_nll)


def aic(loss: float, n_coef: int, sample: Sample) -> float:
    """Akaike's criterion."""
    return _deviance(loss, sample) + 2.0 * sample.n_parameters(n_coef)


def aicc(loss: float, n_coef: int, sample: Sample) -> float:
    """Akaike's criterion, corrected for small samples; ``inf`` where the correction is not positive."""
    K = sample.n_parameters(n_coef) + int(sample.loss.estimated_scale)
    room = sample.n_values - K - 1
    return aic(loss, n_coef, sample) + (2.0 * K * (K + 1) / room if room > 0 else inf)


def bic(loss: float, n_coef: int, sample: Sample) -> float:
    """Schwarz's criterion."""
    return _deviance(loss, sample) + sample.n_parameters(n_coef) * log(sample.n_samples)


def ebic(loss: float, n_coef: int, sample: Sample, gamma: float = 0.5) -> float:
    """Extended BIC: the number of supports of the size counts, too."""
    return bic(loss, n_coef, sample) + 2.0 * gamma * log(comb(sample.n_features, n_coef))


def gic(loss: float, n_coef: int, sample: Sample) -> float:
    """Generalised criterion of Zhu et al."""
    n, p = sample.n_samples, sample.n_features
    return _deviance(loss, sample) + sample.n_parameters(n_coef) * log(p) * log(max(log(max(n, 2.0)), 1e-12))


def cp(loss: float, n_coef: int, sample: Sample) -> float:
    """Mallows' Cp."""
    room = sample.n_samples - sample.full_rank - sample.fit_intercept
    if sample.n_outputs > 1 and sample.loss.least_squares:
        raise checks.single_response_criterion("cp")
    if sample.full_loss is None or sample.loss.name != "squared" or room < 1 or sample.full_loss <= 0:
        raise checks.no_full_model(sample.loss.name, sample.full_rank + sample.fit_intercept, sample.n_samples)
    variance = 2.0 * sample.n_samples * sample.full_loss / room
    K = n_coef + sample.fit_intercept
    return 2.0 * sample.n_samples * loss / variance - sample.n_samples + 2.0 * K


def adjr2(loss: float, n_coef: int, sample: Sample) -> float:
    """Adjusted R squared; TSS is about zero, over n, without an intercept."""
    if sample.loss.name != "squared":
        raise checks.squared_error_only("adjr2", sample.loss.name)
    if sample.n_outputs > 1:
        raise checks.single_response_criterion("adjr2")
    room = sample.n_samples - n_coef - sample.fit_intercept
    if room <= 0 or sample.null_loss == 0:
        return -inf
    return 1.0 - (loss / room) / (sample.null_loss / (sample.n_samples - sample.fit_intercept))


CRITERIA = {"bic": bic, "ebic": ebic, "aic": aic, "aicc": aicc, "gic": gic, "cp": cp, "adjr2": adjr2}
TITLES = {"bic": "BIC", "ebic": "EBIC", "aic": "AIC", "aicc": "AICc", "gic": "GIC", "cp": "Cp", "adjr2": "adjusted R2"}


def evaluate(name: str, loss: float, n_coef: int, sample: Sample) -> float:
    """Criterion of one model.

    Parameters
    ----------
    name : {"bic", "ebic", "aic", "aicc", "gic", "cp", "adjr2"}
    loss : float
        Half the weighted mean deviance of the model.
    n_coef : int
        Columns in, the intercept not counted.
    sample : Sample

    Raises
    ------
    ArgumentError
        The name is unknown.
    DataError
        Cp without a full model with spare rows, or a squared-error criterion of another loss.
    """
    return CRITERIA[checks.one_of("criterion", name, tuple(CRITERIA))](loss, n_coef, sample)


def key(name: str, value: float) -> float:
    """What is to be minimised: the criterion, or minus an adjusted R squared."""
    return -value if name == "adjr2" else value


def offered(loss: float, n_coef: int, sample: Sample) -> bool:
    """Whether a model is far enough from saturation for a criterion to mean something.

    It must have K < n - 1 and no more columns than the rank. A loss that is zero to rounding counts as saturated,
    unless at most half as many columns as the rank reach it: that is no accident but noise-free data, and the criterion
    is -inf.
    """
    spare = n_coef + sample.fit_intercept < sample.n_samples - 1 and n_coef <= sample.full_rank
    rounding = sample.loss.estimated_scale and loss <= SATURATED * sample.null_loss
    return spare and not (rounding and 2 * n_coef > sample.full_rank)


def named(name: str | None, sample: Sample) -> str:
    """The criterion that was asked for, checked; the default one for None."""
    return default_criterion(sample) if name is None else checks.one_of("criterion", name, tuple(CRITERIA))


def default_criterion(sample: Sample) -> str:
    """BIC; EBIC where columns outnumber rows."""
    return "ebic" if sample.n_features > sample.n_samples else "bic"
