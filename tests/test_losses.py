"""Gamma, Huber and squared hinge: fits against SciPy and scikit-learn, criteria against likelihoods, no proof."""

from functools import partial

import numpy as np
import pytest
from scipy import integrate, optimize, stats
from sklearn.linear_model import GammaRegressor
from sklearn.svm import LinearSVC

import ellzero as ez
from ellzero.losses import Gamma, Huber, SquaredHinge
from ellzero.problem import Problem
from ellzero.solvers.refit import fit_support
from ellzero.solvers.relaxation import relaxes

TARGETS = {
    "gamma": lambda eta, rng: np.exp(0.37 * eta) * rng.gamma(1.9, size=eta.size) + 1e-3,
    "huber": lambda eta, rng: 1.9 * eta + rng.standard_t(1.5, size=eta.size),
    "squared_hinge": lambda eta, rng: (eta + rng.logistic(size=eta.size) > 0).astype(float),
}
LOSSES = {"gamma": Gamma(), "huber": Huber(0.37), "squared_hinge": SquaredHinge()}
every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=lambda loss: loss.name)


def data(loss, seed=0, n=120, p=6):
    rng = np.random.default_rng([seed, 37])
    X = (rng.normal(size=(n, p)) + 0.7 * rng.normal(size=(n, 1))) * np.geomspace(0.19, 7, p) + 1.9
    eta = 1.1 * (X[:, 1] - 1.9) / np.geomspace(0.19, 7, p)[1] - 0.7 * (X[:, 4] - 1.9) / np.geomspace(0.19, 7, p)[4]
    return X, TARGETS[loss.name](eta, rng), rng.integers(0, 4, n).astype(float)


def least(loss, X, y, weight, l2=0.0, limits=None):
    """Minimum over all coefficients by SciPy, from the loss's value alone; columns are scaled beforehand."""
    share = weight / weight.sum()
    centre = share @ X
    Z = (X - centre) / np.sqrt(share @ (X - centre) ** 2)
    design = np.column_stack([Z, np.ones(len(y))])

    def objective(v):
        eta = design @ v
        slope = design.T @ (share * loss.gradient(y, eta)) + 2 * l2 * np.append(v[:-1], 0.0)
        return share @ loss.value(y, eta) + l2 * v[:-1] @ v[:-1], slope

    start = np.append(np.zeros(Z.shape[1]), loss.null_intercept(y, share))
    bounds = None if limits is None else [limits] * Z.shape[1] + [(None, None)]
    options = {"ftol": 1e-15, "gtol": 1e-11, "maxiter": 20000, "maxfun": 40000}
    return optimize.minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).fun


@every_loss
@pytest.mark.parametrize("l2", [0.0, 0.019])
@pytest.mark.parametrize("seed", range(3))
def test_a_fit_is_the_minimum(loss, l2, seed):
    X, y, weight = data(loss, seed)
    problem = Problem.from_data(X, y, loss=loss, l2=l2, sample_weight=weight)
    cold = fit_support(problem, np.arange(6))
    warm = fit_support(problem, np.arange(6), fit_support(problem, [0, 1, 2]))
    known = least(loss, X, y, weight, l2)
    assert [cold.value, warm.value] == pytest.approx([known, known], rel=1e-9)
    coef, intercept = cold.coefficients(problem)
    step = problem.gradient(coef, intercept) / problem.normal.scale + 2 * l2 * coef * problem.normal.scale
    assert np.abs(step).max() <= 1e-6 * problem.null_loss


@every_loss
@pytest.mark.parametrize("seed", range(3))
def test_a_fit_within_limits_is_the_minimum(loss, seed):
    X, y, _ = data(loss, seed)
    X = (X - X.mean(0)) / X.std(0)
    problem = Problem.from_data(X, y, loss=loss, lower=-0.37, upper=0.19)
    known = least(loss, X, y, np.ones(len(y)), limits=(-0.37, 0.19))
    assert fit_support(problem, np.arange(6)).value == pytest.approx(known, rel=1e-9)


@pytest.mark.parametrize("delta", [100.0, 0.37, 1e-3])
def test_huber_from_least_squares_to_least_absolute_values(delta):
    """Nearly all curvature may be gone; the optimum is where the slopes cancel to rounding."""
    X, y, _ = data(LOSSES["huber"], 7)
    problem = Problem.from_data(X, 190.0 * y + 1000.0, loss=Huber(delta))
    coef, intercept = fit_support(problem, np.arange(6)).coefficients(problem)
    slope = problem.gradient(coef, intercept) / problem.normal.scale / delta
    assert np.abs(slope).max() <= 1e-5


def test_gamma_is_scikit_learns():
    X, y, weight = data(LOSSES["gamma"], 3)
    ours = ez.best_subset(X, y, k=6, loss="gamma", sample_weight=weight)
    theirs = GammaRegressor(alpha=0.0, tol=1e-10, max_iter=10000, solver="newton-cholesky").fit(X, y, weight)
    assert ours.coef == pytest.approx(theirs.coef_, rel=1e-6)
    assert ours.predict(X) == pytest.approx(theirs.predict(X), rel=1e-6)


def test_squared_hinge_is_scikit_learns():
    """Their ridge is on the sum of the whole squares, and holds the intercept, too: it is made too small to matter."""
    X, y, _ = data(LOSSES["squared_hinge"], 3)
    X = np.column_stack([(X - X.mean(0)) / X.std(0)])
    C, n = 0.37, len(y)
    theirs = LinearSVC(C=C, loss="squared_hinge", dual=False, tol=1e-10, max_iter=100000, fit_intercept=False).fit(X, y)
    ours = ez.best_subset(X, y, k=6, loss="squared_hinge", l2=1 / (4 * C * n), fit_intercept=False, standardize=False)
    assert ours.coef == pytest.approx(theirs.coef_[0], rel=1e-5)
    assert np.array_equal(ours.predict(X), theirs.predict(X))


@every_loss
@pytest.mark.parametrize("seed", range(3))
def test_the_swap_search_finds_the_best_support(loss, seed):
    X, y, _ = data(loss, seed)
    problem = Problem.from_data(X, y, loss=loss, k=2)
    values = [fit_support(problem, [i, j]).value for i in range(6) for j in range(i)]
    assert ez.best_subset(X, y, k=2, loss=loss).objective == pytest.approx(min(values), rel=1e-9)


@every_loss
def test_nothing_is_proved(loss):
    """A ridge and limits would give the other losses a bound; these have none that the checker knows."""
    X, y, _ = data(loss)
    question = {"k": 2, "loss": loss, "l2": 0.19, "lower": -1.9, "upper": 1.9}
    problem = Problem.from_data(X, y, **question)
    assert not relaxes(problem)
    for result in (ez.best_subset(X, y, **question), ez.path(X, y, certify=True, **question)[2]):
        assert result.status is ez.Status.HEURISTIC
        assert result.gap is result.lower_bound is result.certificate is None
    found = ez.rivals(X, y, within=0.019, **question)
    assert not found.complete
    assert "there may be more" in found.statement
    for solver in ("branch", "exhaustive", "mip"):
        with pytest.raises(ez.errors.UnsupportedError, match=f"has no bound for the {loss.name} loss"):
            ez.best_subset(X, y, solver=solver, **question)


def test_classes_that_separate_have_a_squared_hinge_of_zero():
    """Many coefficients reach it; none has to grow without end."""
    X = np.random.default_rng(19).normal(size=(37, 4))
    result = ez.best_subset(X, (X[:, 2] > 0).astype(float), k=2, loss="squared_hinge")
    assert result.loss <= 1e-12
    assert 2 in result.support
    with pytest.raises(ez.errors.UnsupportedError, match="probabilities need the logistic loss"):
        result.predict_proba(X)


def gamma_nll(y, mean, weight, shape):
    return -weight @ stats.gamma.logpdf(y, shape, scale=mean / shape)


@pytest.mark.parametrize("noise", [0.19, 1.1, 190.0])
def test_the_criterion_of_gamma_profiles_the_shape(noise):
    rng = np.random.default_rng(37)
    X = rng.normal(size=(70, 3))
    y, weight = np.exp(X[:, 0]) * rng.gamma(noise, size=70) + 1e-9, rng.integers(1, 4, 70)
    result = ez.best_subset(X, y, k=2, loss="gamma", sample_weight=weight)
    nll = partial(gamma_nll, y, result.predict(X), weight)
    best = optimize.minimize_scalar(lambda a: nll(np.exp(a)), bounds=(-9, 9), options={"xatol": 1e-9})
    assert result.criterion("aic") == pytest.approx(2 * best.fun + 2 * 3, rel=1e-9)


def test_the_shape_of_gamma_keeps_its_digits():
    """Where the fit is close, the shape is large; by the normal distribution that gamma then is, to first order."""
    for mean in (1e-3, 1e-6, 1e-9):
        normal = 100 * (np.log(2 * np.pi * 2 * mean) + 1)
        assert Gamma().twice_nll(mean, 100, 100) == pytest.approx(normal, rel=mean)


@pytest.mark.parametrize("delta", [0.19, 1.9, 190.0])
def test_the_criterion_of_huber_profiles_the_scale(delta):
    rng = np.random.default_rng(19)
    X = rng.normal(size=(70, 3))
    y = X[:, 0] + 1.9 * rng.standard_t(3, size=70)
    loss = Huber(delta)
    result = ez.best_subset(X, y, k=1, loss=loss)
    values = loss.value(y, result.predict(X))

    def nll(log_scale):
        scale = np.exp(log_scale)
        reach = 40 * max(scale, scale**2 / delta)
        density = lambda r: np.exp(-loss.value(np.zeros(1), np.array([r]))[0] / scale**2)  # noqa: E731
        whole = integrate.quad(density, -reach, reach, points=[-delta, 0.0, delta], limit=200)[0]
        return values.sum() / scale**2 + 70 * np.log(whole)

    best = optimize.minimize_scalar(nll, bounds=(-2, 3), options={"xatol": 1e-7})
    assert result.criterion("bic") == pytest.approx(2 * best.fun + 2 * np.log(70), rel=1e-8)


def test_huber_with_a_large_threshold_is_squared_error():
    X, y, _ = data(LOSSES["huber"])
    huber, squared = (ez.best_subset(X, y, k=3, loss=loss, solver="exchange") for loss in (Huber(1e6), "squared"))
    assert huber.coef == pytest.approx(squared.coef, rel=1e-8)
    constant = len(y) * (np.log(2 * np.pi) + 1)  # which the criteria of squared error leave out
    assert huber.criterion("bic") == pytest.approx(squared.criterion("bic") + constant, rel=1e-9)
    assert huber.criterion("aicc") == pytest.approx(squared.criterion("aicc") + constant, rel=1e-9)


def test_the_classifier_with_a_squared_hinge():
    X, y, _ = data(LOSSES["squared_hinge"])
    model = ez.L0Classifier(k=2, loss="squared_hinge").fit(X, np.where(y > 0, "yes", "no"))
    with pytest.raises(AttributeError):
        model.predict_proba(X)
    twin = model.to_sklearn()
    assert twin.decision_function(X) == pytest.approx(model.decision_function(X))
    assert np.array_equal(twin.predict(X), model.predict(X))


def test_regressors_with_these_losses():
    for name in ("gamma", "huber"):
        X, y, _ = data(LOSSES[name])
        model = ez.L0Regressor(k=2, loss=LOSSES[name]).fit(X, y)
        assert model.predict(X) == pytest.approx(model.to_sklearn().predict(X))
        assert model.coef_ == pytest.approx(ez.best_subset(X, y, k=2, loss=LOSSES[name]).coef)
