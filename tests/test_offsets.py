"""Offsets: what the linear predictor has beforehand, in fits, searches, proofs and predictions."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from scipy import optimize
from sklearn.linear_model import PoissonRegressor

import ellzero as ez
from ellzero.errors import CertificateError
from ellzero.losses import LOSSES, Offset, as_loss

SHIFTED = ("squared", "logistic", "poisson")


def data(loss, seed=0, n=70, p=5):
    rng = np.random.default_rng([seed, 19])
    X = rng.normal(size=(n, p)) @ (np.eye(p) + 0.19) + 0.7
    offset = rng.normal(0.37, 1.1, n)
    eta = 0.7 * X[:, 1] - 0.37 * X[:, 3] + offset
    y = {
        "squared": lambda: eta + rng.normal(size=n),
        "logistic": lambda: (eta + rng.logistic(size=n) > 0).astype(float),
        "poisson": lambda: rng.poisson(np.exp(eta - 0.7)).astype(float),
    }[loss]()
    return X, y, offset, rng.integers(0, 4, n).astype(float)


def least(loss, X, y, offset, weight, columns, l2):
    """Minimum on a support by SciPy, the ridge on columns of unit deviation; with its coefficients."""
    share, chosen = weight / weight.sum(), X[:, columns]
    Z = (chosen - share @ chosen) / np.sqrt(share @ (chosen - share @ chosen) ** 2)
    design, own = np.column_stack([Z, np.ones(len(y))]), as_loss(loss)

    def objective(v):
        eta = design @ v + offset
        slope = design.T @ (share * own.gradient(y, eta)) + 2 * l2 * np.append(v[:-1], 0.0)
        return share @ own.value(y, eta) + l2 * v[:-1] @ v[:-1], slope

    options = {"ftol": 1e-15, "gtol": 1e-10, "maxiter": 5000}
    return optimize.minimize(objective, np.zeros(design.shape[1]), jac=True, method="L-BFGS-B", options=options).fun


@pytest.mark.parametrize("question", [{}, {"l2": 0.019}, {"l1": 0.037, "l2": 0.019}, {"lower": -0.37, "upper": 0.37}])
def test_of_squared_error_is_a_shift_of_the_response(question):
    X, y, offset, weight = data("squared")
    ours = ez.best_subset(X, y, k=2, offset=offset, sample_weight=weight, **question)
    moved = ez.best_subset(X, y - offset, k=2, sample_weight=weight, **question)
    for name in ("coef", "intercept", "objective", "lower_bound", "status"):
        assert np.array_equal(getattr(ours, name), getattr(moved, name))
    assert ours.criterion("bic") == moved.criterion("bic")
    assert ours.predict(X, offset) == pytest.approx(moved.predict(X) + offset)
    assert ours.certificate is not None
    (claim,) = ours.certificate.verify(X, y)
    assert claim.gap <= 1e-6
    with pytest.raises(CertificateError):
        ours.certificate.verify(X, y - offset)


@pytest.mark.parametrize("loss", ["logistic", "poisson"])
@pytest.mark.parametrize("seed", range(4))
def test_every_support_is_listed(loss, seed):
    """The answer is the best of all supports, its bound is below it, and a stranger can check that."""
    X, y, offset, weight = data(loss, seed)
    question = {"k": 2, "l2": 0.019, "loss": loss, "sample_weight": weight, "offset": offset}
    best = min(least(loss, X, y, offset, weight, list(two), 0.019) for two in combinations(range(5), 2))
    result = ez.best_subset(X, y, **question)
    assert result.objective == pytest.approx(best, rel=1e-9)
    assert result.status is ez.Status.OPTIMAL
    assert result.certificate is not None
    (claim,) = result.certificate.verify(X, y)
    assert result.lower_bound <= claim.lower_bound <= best * (1 + 1e-12)
    assert claim.gap <= 1e-6
    by_cuts = ez.best_subset(X, y, solver="mip", **question)
    assert by_cuts.objective == pytest.approx(best, rel=1e-9)
    assert by_cuts.lower_bound <= best


@pytest.mark.parametrize("loss", SHIFTED)
@pytest.mark.parametrize("options", [{}, {"fit_intercept": False}, {"lower": -1.9, "upper": 0.7, "l2": 0.0}])
def test_a_changed_offset_is_found_out(loss, options, tmp_path):
    X, y, offset, _ = data(loss, 7)
    result = ez.best_subset(X, y, **({"k": 2, "l2": 0.019, "loss": loss, "offset": offset} | options))
    assert result.certificate is not None
    result.certificate.save(tmp_path / "proof.npz")
    certificate = ez.Certificate.load(tmp_path / "proof.npz")
    assert np.array_equal(certificate.question.offset, offset)
    certificate.verify(X, y)
    for other in (offset * 1.001, offset + 0.019 * (np.arange(offset.size) == 7), np.zeros(1)):
        with pytest.raises(CertificateError, match="objective"):
            replace(certificate, question=replace(certificate.question, offset=other)).verify(X, y)
    for malformed in (offset[1:], np.full(offset.size, np.nan), offset.astype(int)):
        with pytest.raises(CertificateError, match="malformed"):
            replace(certificate, question=replace(certificate.question, offset=malformed)).verify(X, y)


@pytest.mark.parametrize("loss", ["logistic", "poisson"])
def test_a_bound_that_forgets_the_offset_is_refused(loss):
    """The bound of the same data without offsets, claimed with them: each direction that is higher must fail."""
    X, y, offset, _ = data(loss, 3)
    question = {"k": 2, "l2": 0.019, "loss": loss}
    proofs = [ez.best_subset(X, y, offset=o, **question).certificate for o in (None, offset)]
    bounds = [proof.claims[0].lower_bound for proof in proofs]
    low, high = np.argsort(bounds)
    claim = replace(proofs[low].claims[0], lower_bound=bounds[high])
    with pytest.raises(CertificateError, match="less than"):
        replace(proofs[low], claims=(claim,)).verify(X, y)


def test_a_file_without_offsets_is_as_it_was(tmp_path):
    X, y, _, _ = data("squared")
    certificate = ez.best_subset(X, y, k=2).certificate
    assert certificate is not None
    certificate.save(tmp_path / "proof.npz")
    with np.load(tmp_path / "proof.npz") as file:
        assert "question_offset" not in file.files
    ez.Certificate.load(tmp_path / "proof.npz").verify(X, y)


def test_exposures_are_weights_of_rates():
    """Counts with the logarithm of the exposure as offset: rates weighted by exposures, as scikit-learn fits them."""
    X, y, offset, _ = data("poisson", 5)
    ours = ez.best_subset(X, y, k=5, loss="poisson", offset=offset)
    rate = PoissonRegressor(alpha=0.0, tol=1e-10, max_iter=10000, solver="newton-cholesky")
    rate.fit(X, y * np.exp(-offset), np.exp(offset))
    assert ours.coef == pytest.approx(rate.coef_, rel=1e-6)
    assert ours.predict(X, offset) == pytest.approx(rate.predict(X) * np.exp(offset), rel=1e-6)


def test_of_gamma_is_a_scale_of_the_response():
    X, _, offset, _ = data("squared")
    y = np.exp(X[:, 1]) * np.random.default_rng(7).gamma(1.9, size=70)
    ours = ez.best_subset(X, y, k=2, loss="gamma", offset=offset)
    scaled = ez.best_subset(X, y * np.exp(-offset), k=2, loss="gamma")
    assert ours.coef == pytest.approx(scaled.coef, rel=1e-7)
    assert ours.objective == pytest.approx(scaled.objective, rel=1e-10)


@pytest.mark.parametrize("kind", LOSSES, ids=lambda kind: kind.name)
def test_a_constant_offset_goes_into_the_intercept(kind):
    X, y, _, _ = data("logistic")
    y = y + 0.37 if kind.name == "gamma" else y
    with_it, without = (
        ez.best_subset(X, y, k=2, loss=kind(), offset=o, l2=0.019, solver="exchange") for o in (np.full(70, 1.9), None)
    )
    assert with_it.coef == pytest.approx(without.coef, rel=1e-6, abs=1e-9)
    assert with_it.intercept == pytest.approx(without.intercept - 1.9, rel=1e-6)


def test_the_derivatives_of_a_shifted_loss_are_its_own():
    loss, y, weight = (
        Offset(as_loss("poisson"), np.array([0.37, -1.9, 0.7])),
        np.array([0.0, 3.0, 1.0]),
        np.full(3, 1 / 3),
    )
    eta, along, step = np.array([0.19, 1.1, -0.7]), np.array([[0.7], [-0.37], [1.9]]), 1e-5
    up, down = (loss.mean_gradient(y, eta + sign * step * along[:, 0], weight) for sign in (1, -1))
    product = loss.mean_hessian_times(y, eta, weight, along)[:, 0]
    assert (up - down) / (2 * step) == pytest.approx(product, rel=1e-8)
    bent = along[:, 0] @ product
    assert loss.mean_hessian_form(y, eta, weight, along) == pytest.approx(np.array([[bent]]))
    assert loss.mean_hessian_squares(y, eta, weight, along) == pytest.approx([bent])
    u = loss.gradient(y, eta)
    assert loss.value(y, eta) + loss.conjugate(y, u) == pytest.approx(u * eta, rel=1e-9)


def test_paths_rivals_and_held_out_losses_take_them():
    X, y, offset, _ = data("squared")
    pairs = [
        (ez.path(X, y, offset=offset, k=3), ez.path(X, y - offset, k=3)),
        (ez.rivals(X, y, offset=offset, k=2, within=0.19), ez.rivals(X, y - offset, k=2, within=0.19)),
    ]
    for with_it, moved in pairs:
        assert [r.objective for r in with_it.results] == [r.objective for r in moved.results]
    held_out = ez.cross_validate(X, y, offset=offset, k=3, random_state=0)
    assert held_out.losses == pytest.approx(ez.cross_validate(X, y - offset, k=3, random_state=0).losses)


def test_the_regressor_takes_them():
    X, y, offset, _ = data("poisson")
    model = ez.L0Regressor(k=2, loss="poisson").fit(X, y, offset=offset)
    known = ez.best_subset(X, y, k=2, loss="poisson", offset=offset)
    assert model.coef_ == pytest.approx(known.coef)
    assert model.predict(X, offset=offset) == pytest.approx(known.predict(X, offset))
    assert model.predict(X) == pytest.approx(known.predict(X))
    by_folds = ez.L0RegressorCV(k=3, loss="poisson", random_state=0).fit(X, y, offset=offset)
    known = ez.cross_validate(X, y, k=3, loss="poisson", offset=offset, random_state=0)
    assert by_folds.cross_validation_.losses == pytest.approx(known.losses)


@pytest.mark.parametrize("with_offset", [False, True])
@pytest.mark.parametrize("loss", ["logistic", "poisson"])
@pytest.mark.parametrize("seed", range(4))
def test_a_claim_that_is_made_can_be_checked(loss, with_offset, seed):
    """With hardly a ridge, rounding of residuals that have to sum to zero weighs more than it looks."""
    X, y, offset, _ = data(loss, seed, n=40)
    y = y * 190.0**seed if loss == "poisson" else y
    result = ez.best_subset(X, y, k=2, l2=1e-4, loss=loss, offset=3.0 * offset if with_offset else None)
    assert result.certificate is not None
    (claim,) = result.certificate.verify(X, y)
    assert claim.lower_bound >= result.lower_bound
    assert result.status in (ez.Status.OPTIMAL, ez.Status.NOT_CONVERGED)


# ---- paths of penalties

NAMES = ("l1", "elastic_net", "adaptive_l1", "ridge", "group_l1", "reweighted_l1", "log_sum", "mcp", "scad", "lp", "l0",
         "l0l1", "l0l2", "group_l0")  # fmt: skip
FAMILIES: dict[str, dict] = {name: {"groups": [0, 0, 1, 1, 1]} if name.startswith("group") else {} for name in NAMES}


@pytest.mark.parametrize("name", FAMILIES)
def test_of_a_penalty_path_of_squared_error_is_a_shift_of_the_response(name):
    X, y, offset, weight = data("squared")
    question = {"penalty": name, "sample_weight": weight, "n_strengths": 7, **FAMILIES[name]}
    ours = ez.penalty_path(X, y, offset=offset, **question)
    moved = ez.penalty_path(X, y - offset, **question)
    for field in ("strengths", "coefs", "intercepts", "losses", "objectives", "gaps", "freedoms"):
        assert np.array_equal(getattr(ours, field), getattr(moved, field), equal_nan=True)
    assert np.abs(ours.coefs[-1] - ez.penalty_path(X, y, **question).coefs[-1]).max() > 0.019
    assert ours[-1].predict(X, offset) == pytest.approx(moved[-1].predict(X) + offset)


@pytest.mark.parametrize("name", [name for name in FAMILIES if name != "scad"])  # its bend is in units of its own
def test_of_a_penalty_path_of_counts_is_an_exposure(name):
    """Counts with the offset log e are rates y/e of weight e, the strengths in units of another mean."""
    X, y, offset, _ = data("poisson")
    exposure = np.exp(offset)
    share, strengths = exposure.mean(), np.array([0.37, 0.037])
    question = {"penalty": name, "loss": "poisson", "standardize": False, "tolerance": 1e-12}
    question |= FAMILIES[name]
    if name in ("reweighted_l1", "log_sum"):
        question["epsilon"] = 0.37
    if name == "adaptive_l1":
        question["initial"] = np.linspace(0.37, 1.9, 5)
    shape = {"mcp": "gamma", "l0l1": "gammas", "l0l2": "gammas"}.get(name)
    one, other = ({}, {}) if shape is None else ({shape: 0.37}, {shape: 0.37 * (share if name == "mcp" else 1 / share)})
    ours = ez.penalty_path(X, y, offset=offset, strengths=strengths, **question, **one)
    rates = ez.penalty_path(X, y / exposure, sample_weight=exposure, strengths=strengths / share, **question, **other)
    np.testing.assert_allclose(ours.coefs, rates.coefs, atol=1e-5)
    np.testing.assert_allclose(ours.intercepts, rates.intercepts, atol=1e-5)
    assert np.abs(ours.coefs).max() > 0.1
    if name == "ridge":
        for i, strength in enumerate(strengths):
            theirs = PoissonRegressor(alpha=2 * strength / share, tol=1e-12, max_iter=10**5)
            theirs.fit(X, y / exposure, sample_weight=exposure)
            np.testing.assert_allclose(ours.coefs[i], theirs.coef_, atol=1e-4)


@pytest.mark.parametrize("loss", [cls.name for cls in LOSSES])
def test_of_a_ridge_path_is_in_the_predictor(loss):
    X, y, offset, weight = data(loss if loss in SHIFTED else "logistic" if loss == "squared_hinge" else "squared")
    y = np.exp(0.37 * y) if loss == "gamma" else y
    path = ez.penalty_path(X, y, penalty="ridge", loss=loss, offset=offset, sample_weight=weight, strengths=[0.037])
    assert path.objectives[0] == pytest.approx(least(loss, X, y, offset, weight, list(range(5)), 0.037), rel=1e-6)
    share, own = weight / weight.sum(), as_loss(loss)
    eta = X @ path.coefs[0] + path.intercepts[0] + offset
    assert path.losses[0] == pytest.approx(share @ own.value(y, eta), rel=1e-9)
