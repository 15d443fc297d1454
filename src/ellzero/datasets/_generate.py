"""Data drawn from a model whose few coefficients are known."""

from collections.abc import Sequence

import numpy as np

from .. import _checks as checks
from . import _messages as messages

CORRELATIONS = ("independent", "toeplitz", "constant", "blocks")
PATTERNS = ("ones", "alternating", "decay", "normal")
PLACES = ("even", "first", "random")

LOGISTIC_VARIANCE = np.pi**2 / 3  # of the standard logistic distribution


def make_regression(
    n_samples: int = 100,
    n_features: int = 50,
    *,
    k: int = 5,
    correlation: str = "independent",
    rho: float = 0.5,
    block_size: int = 10,
    snr: float = 5.0,
    pattern: str | Sequence[float] = "ones",
    place: str | Sequence[int] = "even",
    intercept: float = 0.0,
    random_state=None,
):
    r"""Draw a linear model with k nonzero coefficients: :math:`y = \alpha + X\beta + \sigma\varepsilon`.

    Rows of X are Gaussian with mean 0 and covariance :math:`\Sigma` of unit diagonal, :math:`\varepsilon` is standard
    normal, and :math:`\sigma^2 = \beta^\top \Sigma \beta / \mathrm{snr}`: the signal-to-noise ratio holds in the
    population, not exactly in the sample.

    Parameters
    ----------
    n_samples, n_features : int, >= 1
        Shape of X.
    k : int in [0, n_features]
        Number of nonzero coefficients.
    correlation : {"independent", "toeplitz", "constant", "blocks"}
        :math:`\Sigma_{ij}` for i != j: 0; :math:`\rho^{|i-j|}`; :math:`\rho`; or :math:`\rho` inside blocks of
        `block_size` neighbouring columns and 0 between blocks.
    rho : float
        Correlation: in (-1, 1) for "toeplitz", in [0, 1) for "constant" and "blocks".
    block_size : int, >= 1
        Columns in a block; the last may be smaller.
    snr : float, > 0
        Variance of :math:`X\beta` over variance of the noise; infinite for no noise.
    pattern : {"ones", "alternating", "decay", "normal"} or k numbers
        The nonzero coefficients: 1; 1, -1, 1, ...; falling geometrically from 1 to 0.1; drawn from the standard normal
        distribution; or the numbers given.
    place : {"even", "first", "random"} or k indices
        Where they are: spread evenly, in the first columns, drawn at random, or at the indices given.
    intercept : float
        :math:`\alpha`.
    random_state : None, int or numpy.random.Generator
        Source of randomness; None is the seed 0.

    Returns
    -------
    data : sklearn.utils.Bunch
        With ``X`` (n_samples, n_features), also called ``data``; ``y`` (n_samples,), also called ``target``; the
        truth in ``coef`` (n_features,), ``support`` (k sorted indices), ``intercept`` and ``sigma``, the standard
        deviation of the noise; ``feature_names`` and ``DESCR``.

    Raises
    ------
    ArgumentError
        If an argument is outside its range.

    References
    ----------
    Hazimeh & Mazumder (2020), "Fast best subset selection", Operations Research 68, section 5.1, draw data so.

    Examples
    --------
    >>> from ellzero.datasets import make_regression
    >>> data = make_regression(200, 30, k=3, correlation="toeplitz", rho=0.9, random_state=37)
    >>> data.support, data.X.shape
    (array([ 0, 14, 29]), (200, 30))
    """
    rng, X, coef, spread = _drawn(n_samples, n_features, k, correlation, rho, block_size, pattern, place, random_state)
    sigma = spread / np.sqrt(checks.positive("snr", snr))
    y = intercept + X @ coef + sigma * rng.standard_normal(len(X))
    return _with_truth(X, y, coef, float(intercept), float(sigma), "A linear model")


def make_classification(
    n_samples: int = 100,
    n_features: int = 50,
    *,
    k: int = 5,
    correlation: str = "independent",
    rho: float = 0.5,
    block_size: int = 10,
    snr: float = 5.0,
    pattern: str | Sequence[float] = "ones",
    place: str | Sequence[int] = "even",
    intercept: float = 0.0,
    random_state=None,
):
    r"""Draw a logistic model with k nonzero coefficients: :math:`P(y = 1) = 1 / (1 + e^{-\alpha - X\beta})`.

    That is y = 1 where :math:`\alpha + X\beta + \varepsilon > 0` with standard logistic noise, whose variance is
    :math:`\pi^2/3`.  The coefficients of `pattern` are multiplied by one factor so that
    :math:`\beta^\top \Sigma \beta = \mathrm{snr}\,\pi^2/3`, and ``coef`` holds the product.

    Parameters
    ----------
    n_samples, n_features : int, >= 1
        Shape of X.
    k : int in [0, n_features]
        Number of nonzero coefficients.
    correlation : {"independent", "toeplitz", "constant", "blocks"}
        Correlation of the columns, as in `make_regression`.
    rho : float
        Correlation: in (-1, 1) for "toeplitz", in [0, 1) for "constant" and "blocks".
    block_size : int, >= 1
        Columns in a block; the last may be smaller.
    snr : float, > 0 and finite
        Variance of :math:`X\beta` over that of the logistic noise.
    pattern : {"ones", "alternating", "decay", "normal"} or k numbers
        The nonzero coefficients up to a common factor, as in `make_regression`.
    place : {"even", "first", "random"} or k indices
        Where they are, as in `make_regression`.
    intercept : float
        :math:`\alpha`; 0 makes the classes equally likely.
    random_state : None, int or numpy.random.Generator
        Source of randomness; None is the seed 0.

    Returns
    -------
    data : sklearn.utils.Bunch
        As from `make_regression`, with y of 0 and 1, and ``sigma`` the standard deviation of the logistic noise,
        :math:`\pi/\sqrt 3`.

    Raises
    ------
    ArgumentError
        If an argument is outside its range.

    References
    ----------
    Dedieu, Hazimeh & Mazumder (2021), "Learning sparse classifiers", Journal of Machine Learning Research 22,
    section 5, draw data so, with another scale.

    Examples
    --------
    >>> from ellzero.datasets import make_classification
    >>> data = make_classification(200, 30, k=3, snr=1.9, random_state=37)
    >>> sorted(set(data.y.tolist())), data.support
    ([0, 1], array([ 0, 14, 29]))
    """
    ratio = messages.finite_ratio(checks.positive("snr", snr))
    rng, X, coef, spread = _drawn(n_samples, n_features, k, correlation, rho, block_size, pattern, place, random_state)
    if spread > 0:  # k = 0 has no signal to scale
        coef *= np.sqrt(ratio * LOGISTIC_VARIANCE) / spread
    y = (intercept + X @ coef + rng.logistic(size=len(X)) > 0).astype(int)
    return _with_truth(X, y, coef, float(intercept), float(np.sqrt(LOGISTIC_VARIANCE)), "A logistic model")


def _drawn(n_samples, n_features, k, correlation, rho, block_size, pattern, place, random_state):
    """The design, the coefficients and the standard deviation of X @ coef in the population."""
    n = checks.integer_in("n_samples", n_samples, 1, 2**31)
    p = checks.integer_in("n_features", n_features, 1, 2**31)
    k = checks.integer_in("k", k, 0, p, f"X has {checks.plural(p, 'column')}.")
    checks.one_of("correlation", correlation, CORRELATIONS)
    block = checks.integer_in("block_size", block_size, 1, 2**31)
    rho = 0.0 if correlation == "independent" else messages.correlation(rho, negative=correlation == "toeplitz")
    rng = checks.random_state(random_state)
    X = _design(rng, n, p, correlation, rho, block)
    support = _support(rng, place, k, p)
    coef = np.zeros(p)
    coef[support] = _pattern(rng, pattern, k)
    inside = coef[support]
    spread = np.sqrt(inside @ _covariance(support, correlation, rho, block) @ inside)
    return rng, X, coef, spread


def _design(rng, n, p, correlation, rho, block):
    """Gaussian columns; each correlation has a factor that needs no p x p matrix."""
    Z = rng.standard_normal((p, n))
    if correlation == "toeplitz":  # an autoregression along the columns
        Z[1:] *= np.sqrt(1 - rho * rho)
        for j in range(1, p):
            Z[j] += rho * Z[j - 1]
    elif correlation in ("constant", "blocks"):  # one factor common to all columns, or to those of a block
        size = p if correlation == "constant" else block
        common = rng.standard_normal((-(-p // size), n))
        Z *= np.sqrt(1 - rho)
        for b, factor in enumerate(common):
            Z[b * size : (b + 1) * size] += np.sqrt(rho) * factor
    return Z.T


def _covariance(support, correlation, rho, block):
    """The covariance among the columns of the support."""
    distance = np.abs(np.subtract.outer(support, support))
    if correlation == "toeplitz":
        return float(rho) ** distance
    together = distance >= 0
    if correlation == "blocks":
        together = np.equal.outer(support // block, support // block)
    return np.where(distance == 0, 1.0, rho * together)


def _support(rng, place, k, p):
    if not isinstance(place, str):
        return messages.places(place, k, p)
    checks.one_of("place", place, PLACES)
    if place == "random":
        return np.sort(rng.choice(p, k, replace=False))
    return np.arange(k) if place == "first" else np.linspace(0, p - 1, k).astype(int)


def _pattern(rng, pattern, k):
    if not isinstance(pattern, str):
        return messages.nonzero_numbers(pattern, k)
    checks.one_of("pattern", pattern, PATTERNS)
    if pattern == "normal":
        return rng.standard_normal(k)
    if pattern == "decay":
        return np.geomspace(1.0, 0.1, k)
    return np.where(np.arange(k) % 2 == 1, -1.0, 1.0) if pattern == "alternating" else np.ones(k)


def _with_truth(X, y, coef, intercept, sigma, what):
    from sklearn.utils import Bunch

    support = np.flatnonzero(coef)
    n, p = X.shape
    return Bunch(
        X=X,
        y=y,
        data=X,
        target=y,
        coef=coef,
        support=support,
        intercept=intercept,
        sigma=sigma,
        feature_names=[f"x{j}" for j in range(p)],
        DESCR=f"{what} with {len(support)} of {p} coefficients nonzero, {n} rows, drawn by ellzero.",
    )
