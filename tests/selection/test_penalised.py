"""Paths of penalties: convex ones against scikit-learn and their gaps, the others against brute force along axes."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression, Ridge

import ellzero as ez
from ellzero.penalties import L0, L1, L2, MCP, SCAD, GroupL0, GroupL2, LogSum, Lp
from paths import CONVEX, EXACT, GROUPS, NONCONVEX, asked, data, mean_loss

# ---- convex, beside scikit-learn


@pytest.mark.parametrize("shape", [(60, 17), (19, 37)])
def test_lasso_and_elastic_net_are_scikit_learns(shape):
    X, y = data(*shape)
    for share, model in ((1.0, Lasso), (0.37, ElasticNet)):
        name, options = ("l1", {}) if share == 1 else ("elastic_net", {"l1_ratio": share})
        path = ez.penalty_path(X, y, penalty=name, strengths=[0.7, 0.19, 0.037], **options, **EXACT)
        assert path.status is ez.Status.OPTIMAL
        for i, alpha in enumerate([0.7, 0.19, 0.037]):
            other = model(alpha=alpha, tol=1e-13, max_iter=10**6, **options).fit(X, y)
            l1, l2 = alpha * share, 0.5 * alpha * (1 - share)
            theirs = (
                mean_loss("squared", y, other.predict(X))
                + l1 * np.abs(other.coef_).sum()
                + l2 * other.coef_ @ other.coef_
            )
            assert path.objectives[i] == pytest.approx(theirs, rel=1e-10)
            np.testing.assert_allclose(path.coefs[i], other.coef_, atol=1e-5)
            assert path.intercepts[i] == pytest.approx(other.intercept_, abs=1e-5)


def test_ridge_is_scikit_learns():
    for shape in ((60, 17), (19, 37)):
        X, y = data(*shape)
        path = ez.penalty_path(X, y, penalty="ridge", strengths=[1.9, 0.037], **EXACT)
        for i, strength in enumerate([1.9, 0.037]):
            other = Ridge(alpha=2 * y.size * strength).fit(X, y)
            np.testing.assert_allclose(path.coefs[i], other.coef_, rtol=1e-9, atol=1e-12)
        Z, inner = X - X.mean(0), 2 * y.size * np.eye(X.shape[1])
        for strength, freedom in zip(path.strengths, path.freedoms, strict=True):
            hat = Z @ np.linalg.solve(Z.T @ Z + strength * inner, Z.T)
            assert freedom == pytest.approx(np.trace(hat), rel=1e-9)


@pytest.mark.parametrize("share", [1.0, 0.37, 0.0])
@pytest.mark.parametrize("shape", [(60, 17), (30, 37)])
def test_penalised_logistic_regression_is_scikit_learns(share, shape):
    X, y = data(*shape, loss="logistic")
    X = X - X.mean(0)
    name = {1.0: "l1", 0.37: "elastic_net", 0.0: "ridge"}[share]
    shape = {"l1_ratio": share} if name == "elastic_net" else {}
    path = ez.penalty_path(X, y, penalty=name, loss="logistic", strengths=[0.09, 0.037], **shape, **EXACT)
    for i, strength in enumerate(path.strengths):
        l1, l2 = (0.0, strength) if share == 0 else (share * strength, 0.5 * (1 - share) * strength)
        C, ratio = 1 / (y.size * (l1 + 2 * l2)), l1 / (l1 + 2 * l2)
        other = LogisticRegression(C=C, l1_ratio=ratio, solver="saga", tol=1e-11, max_iter=10**5, random_state=0).fit(
            X, y
        )
        b = other.coef_[0]
        theirs = mean_loss("logistic", y, X @ b + other.intercept_[0]) + l1 * np.abs(b).sum() + l2 * b @ b
        assert path.objectives[i] <= theirs + 1e-12
        assert path.objectives[i] == pytest.approx(theirs, rel=1e-8)


@pytest.mark.parametrize("loss", ["squared", "logistic", "poisson"])
@pytest.mark.parametrize("name", CONVEX)
def test_no_point_nearby_is_below_the_bound(name, loss):
    """The gap is the objective less a bound: random points, and the optimum of a tighter run, are above the bound."""
    _, _, rough = asked(name, loss, tolerance=1e-3, n_strengths=4, ratio=0.037)
    _, _, fine = asked(name, loss, tolerance=1e-11, n_strengths=4, ratio=0.037)
    np.testing.assert_allclose(rough.strengths, fine.strengths)
    null = rough.null_loss
    assert (rough.gaps >= 0).all()
    assert (rough.gaps <= 1e-3 * null).all()
    assert (fine.gaps <= 1e-11 * null).all()
    assert (fine.objectives >= rough.objectives - rough.gaps - 1e-13).all()
    assert (fine.objectives <= rough.objectives + 1e-11).all()


@pytest.mark.parametrize("loss", ["squared", "logistic", "poisson"])
@pytest.mark.parametrize("limits", [(0.0, None), (-0.19, 0.37), (None, 0.07)])
@pytest.mark.parametrize("name", ["l1", "ridge", "group_l1"])
def test_limits_hold_and_the_answer_is_stationary(name, limits, loss):
    lower, upper = limits
    X, y, path = asked(name, loss, lower=lower, upper=upper, strengths=[0.037], **EXACT)
    beta, intercept = path.coefs[0], path.intercepts[0]
    low, high = -np.inf if lower is None else lower, np.inf if upper is None else upper
    assert ((beta >= low) & (beta <= high)).all()
    assert path.gaps[0] <= 1e-12
    penalty = {"l1": L1(0.037), "ridge": L2(0.037), "group_l1": GroupL2(0.037, GROUPS)}[name]
    best = mean_loss(loss, y, X @ beta + intercept) + penalty.value(beta)
    assert path.objectives[0] == pytest.approx(best, rel=1e-11)
    rng = np.random.default_rng(19)
    for _ in range(200):
        other = np.clip(beta + 0.037 * rng.standard_normal(beta.size) * rng.integers(0, 2, beta.size), low, high)
        there = intercept + 0.037 * rng.standard_normal()
        assert mean_loss(loss, y, X @ other + there) + penalty.value(other) >= best - 1e-12


@pytest.mark.parametrize("loss", ["squared", "logistic", "poisson"])
@pytest.mark.parametrize("name", [*CONVEX, *NONCONVEX])
def test_sparse_data_give_the_dense_answer(name, loss):
    X, y = data(loss=loss)
    X = np.where(np.abs(X) > 0.9, X, 0.0)
    options = {"penalty": name, "loss": loss, "n_strengths": 5, "ratio": 0.1, "tolerance": 1e-11}
    if name.startswith("group"):
        options["groups"] = GROUPS
    elif name != "ridge":
        options["l2"] = 1e-2
    dense, thin = ez.penalty_path(X, y, **options), ez.penalty_path(sp.csr_matrix(X), y, **options)
    np.testing.assert_allclose(thin.objectives, dense.objectives, rtol=1e-8)
    np.testing.assert_allclose(thin.coefs, dense.coefs, atol=1e-5)


@pytest.mark.parametrize("name", [*CONVEX, *NONCONVEX])
def test_whole_weights_are_repeated_rows(name):
    X, y = data()
    w = np.random.default_rng(3).integers(0, 3, y.size)
    options = {"penalty": name, "n_strengths": 5, "ratio": 0.1, "tolerance": 1e-11}
    if name.startswith("group"):
        options["groups"] = GROUPS
    weighted = ez.penalty_path(X, y, sample_weight=w, **options)
    repeated = ez.penalty_path(np.repeat(X, w, axis=0), np.repeat(y, w), **options)
    np.testing.assert_allclose(weighted.objectives, repeated.objectives, rtol=1e-9)
    np.testing.assert_allclose(weighted.coefs, repeated.coefs, atol=1e-5)


def test_many_columns_take_the_residual_form(monkeypatch):
    """With more columns at work than a Gram matrix is worth the answer is the same."""
    from ellzero.solvers import working

    X, y = data(30, 170)
    options = {"penalty": "elastic_net", "l1_ratio": 0.07, "n_strengths": 6, "ratio": 0.019, "tolerance": 1e-10}
    usual = ez.penalty_path(X, y, **options)
    monkeypatch.setattr(working, "GRAM_COLUMNS", 5)
    monkeypatch.setattr(working, "WIDE", 0.1)
    other = ez.penalty_path(X, y, **options)
    assert other.nonzeros.max() > 30
    np.testing.assert_allclose(other.objectives, usual.objectives, rtol=1e-9)
    assert other.status is ez.Status.OPTIMAL


@pytest.mark.parametrize("steps", [30, 2])
def test_screening_loses_nothing(monkeypatch, steps):
    """Wide data, most columns never looked at, beside a run that looks at all; one long step takes several checks."""
    from ellzero.solvers import convex

    X, y = data(60, 1900)
    options = {"n_strengths": steps, "ratio": 0.07, "tolerance": 1e-10}
    lazy = ez.penalty_path(X, y, **options)
    monkeypatch.setattr(convex, "PROMISING", -1.0)
    eager = ez.penalty_path(X, y, **options)
    np.testing.assert_allclose(lazy.objectives, eager.objectives, rtol=1e-9)
    Z, b = X - X.mean(0), lazy.coefs[-1]
    Z /= Z.std(0)
    c = Z.T @ (y - y.mean() - (X - X.mean(0)) @ b) / y.size
    assert np.abs(c).max() <= lazy.strengths[-1] * (1 + 1e-6)


def test_factors_weigh_columns_and_zero_frees_them():
    X, y = data()
    f = np.where(np.arange(17) % 3 == 1, 0.37, 1.9)
    f[5] = 0.0
    path = ez.penalty_path(X, y, factors=f, **EXACT, n_strengths=5, ratio=0.1)
    assert np.count_nonzero(path.coefs[0]) == 1
    assert path.coefs[0][5] != 0
    for strength, b, c in zip(path.strengths, path.coefs, path.intercepts, strict=True):
        slope = X.T @ (y - X @ b - c) / y.size
        assert (np.abs(slope) <= strength * f + 1e-6).all()
        inside = b != 0
        np.testing.assert_allclose(slope[inside], (strength * f * np.sign(b))[inside], atol=1e-6)


def test_adaptive_lasso_is_a_lasso_of_other_columns():
    X, y = data()
    initial = np.random.default_rng(1).uniform(0.1, 1.9, 17)
    path = ez.penalty_path(X, y, penalty="adaptive_l1", initial=initial, strengths=[0.19], **EXACT)
    plain = ez.penalty_path(X * initial, y, strengths=[0.19], **EXACT)
    np.testing.assert_allclose(path.coefs[0], plain.coefs[0] * initial, atol=1e-6)
    assert path.objectives[0] == pytest.approx(plain.objectives[0], rel=1e-10)


def test_groups_of_one_column_are_the_lasso():
    X, y = data()
    lasso = ez.penalty_path(X, y, strengths=[0.37, 0.07], **EXACT)
    groups = ez.penalty_path(X, y, penalty="group_l1", groups=range(17), strengths=[0.37, 0.07], **EXACT)
    np.testing.assert_allclose(groups.objectives, lasso.objectives, rtol=1e-10)


@pytest.mark.parametrize("standardize", [True, False])
def test_group_lasso_is_stationary(standardize):
    X, y, path = asked("group_l1", standardize=standardize, tolerance=1e-13, n_strengths=5, ratio=0.07)
    scale = X.std(0) if standardize else np.ones(17)
    weights, groups = np.sqrt(np.bincount(GROUPS)), np.array(GROUPS)
    assert len(set(np.bincount(GROUPS))) == 2  # sizes are unequal
    for strength, b, c in zip(path.strengths, path.coefs, path.intercepts, strict=True):
        slope = X.T @ (y - X @ b - c) / y.size / scale
        for g in range(weights.size):
            norm = np.linalg.norm((b * scale)[groups == g])
            if norm == 0:
                assert np.linalg.norm(slope[groups == g]) <= strength * weights[g] * (1 + 1e-7)
            else:
                expected = strength * weights[g] * (b * scale)[groups == g] / norm
                np.testing.assert_allclose(slope[groups == g], expected, atol=1e-6)


# ---- not convex: minimisers along every axis


def penalty_of(name, strength, gamma):
    return {
        "mcp": lambda: MCP(strength, 1.9),
        "scad": lambda: SCAD(strength, 2.7),
        "lp": lambda: Lp(strength, 0.5),
        "log_sum": lambda: LogSum(0.37 * strength, 0.37),
        "l0": lambda: L0(strength),
        "l0l1": lambda: L0(strength) + L1(gamma),
        "l0l2": lambda: L0(strength) + L2(gamma),
    }[name]()


FOLDED, PRICES = ("mcp", "scad", "lp", "log_sum"), ("l0", "l0l1", "l0l2")
SHAPES = {"mcp": {"gamma": 1.9}, "scad": {"gamma": 2.7}, "log_sum": {"epsilon": 0.37}}
SHAPES |= {name: {"gammas": [0.07, 0.0037]} for name in ("l0l1", "l0l2")}


@pytest.mark.parametrize("limits", [None, (-0.37, 0.7)])
@pytest.mark.parametrize(("name", "swaps"), [*((n, False) for n in FOLDED + PRICES), *((n, True) for n in PRICES)])
def test_no_move_along_an_axis_helps(name, limits, swaps):
    """Each coordinate against a fine grid, the intercept following; correlated columns, in data units."""
    X, y = data()
    lower, upper = limits or (None, None)
    path = ez.penalty_path(
        X, y, penalty=name, **SHAPES.get(name, {}), n_strengths=8, ratio=0.019,
        lower=lower, upper=upper, swaps=swaps, tolerance=1e-10, standardize=False,
    )  # fmt: skip
    Z, t = X - X.mean(0), y - y.mean()
    grid = np.unique(np.append(np.linspace(-1.9, 1.9, 381), 0.0))
    if limits:
        grid = np.append(grid[(grid >= lower) & (grid <= upper)], limits)
    for strength, gamma, b, value in zip(path.strengths, path.gammas, path.coefs, path.objectives, strict=True):
        penalty = penalty_of(name, strength, gamma)
        r, prices = t - Z @ b, np.array([penalty.value(np.array([x])) for x in grid])
        assert value == pytest.approx(0.5 * np.mean(r**2) + penalty.value(b), rel=1e-9)
        for j in range(17):
            rest, others = r + Z[:, j] * b[j], penalty.value(np.delete(b, j))
            errors = 0.5 * np.mean((rest[:, None] - np.outer(Z[:, j], grid)) ** 2, axis=0)
            assert value <= (errors + prices).min() + others + 1e-9


def test_swaps_leave_no_swap_that_helps():
    rng = np.random.default_rng(19)
    helped = 0
    for seed in range(5):
        X, y = data(30, 19, seed=seed)
        X = X + 1.9 * rng.standard_normal((30, 1))
        plain = ez.penalty_path(X, y, penalty="l0", n_strengths=12)
        path = ez.penalty_path(X, y, penalty="l0", strengths=plain.strengths, swaps=True)
        helped += int((path.objectives < plain.objectives - 1e-9).sum())
        Z, t = (X - X.mean(0)) / X.std(0), y - y.mean()
        b = path.coefs * X.std(0)
        for row, strength, value in zip(b, path.strengths, path.objectives, strict=True):
            r = t - Z @ row
            for i in np.flatnonzero(row):
                rest = r + Z[:, i] * row[i]
                without = 0.5 * np.mean(rest**2) - 0.5 * (Z.T @ rest / t.size) ** 2  # the best column to come in
                without[row != 0] = np.inf
                assert value <= without.min() + strength * np.count_nonzero(row) + 1e-8
    assert helped > 0


@pytest.mark.parametrize("loss", ["logistic", "poisson"])
@pytest.mark.parametrize("name", NONCONVEX)
def test_other_losses_descend_below_the_null_model(name, loss):
    """Objectives are what they say, and no rescaled or emptied coordinate does better."""
    options = {"l2": 0.037} if name != "group_l0" else {}
    if name in ("l0l1", "l0l2"):
        options["gammas"] = [0.019]
    X, y, path = asked(name, loss, n_strengths=6, ratio=0.1, tolerance=1e-9, standardize=False, **options)
    epsilon = None
    for strength, gamma, b, c, value in zip(
        path.strengths, path.gammas, path.coefs, path.intercepts, path.objectives, strict=True
    ):
        if name in ("l0", "l0l1", "l0l2"):
            penalty = penalty_of(name, strength, gamma) + L2(0.037)
        elif name == "lp":
            penalty = Lp(strength, 0.5) + L2(0.037)
        elif name == "group_l0":
            penalty = GroupL0(strength, GROUPS)
        elif name in ("mcp", "scad"):
            penalty = (MCP(strength) if name == "mcp" else SCAD(strength)) + L2(0.037)
        else:
            weight = np.full(y.size, 1 / y.size)
            model = ez.losses.as_loss(loss)
            eta = np.full(y.size, model.null_intercept(y, weight))
            slope = np.abs((X - X.mean(0)).T @ model.gradient(y, eta)) / y.size
            epsilon = 0.1 * (slope / X.var(0)).max() / model.curvature(y, eta).mean()
            penalty = LogSum(strength * epsilon, epsilon) + L2(0.037)
        assert value == pytest.approx(mean_loss(loss, y, X @ b + c) + penalty.value(b), rel=1e-8)
        assert value <= path.null_loss + 1e-12
        for j in np.flatnonzero(b):
            for share in (0.97, 1.03):
                other = b.copy()
                other[j] *= share
                assert mean_loss(loss, y, X @ other + c) + penalty.value(other) >= value - 1e-9


def test_reweighting_ends_below_the_lasso_it_began_with():
    X, y = data()
    options = {"strengths": [0.37, 0.19, 0.07], **EXACT}
    rounds = ez.penalty_path(X, y, penalty="reweighted_l1", epsilon=0.19, **options)
    lasso = ez.penalty_path(X, y, **options)
    for i, strength in enumerate(rounds.strengths):
        penalty, b = LogSum(0.19 * strength, 0.19), lasso.coefs[i]
        start = 0.5 * np.mean((y - X @ b - lasso.intercepts[i]) ** 2) + penalty.value(b)
        assert rounds.objectives[i] < start - 1e-6
        b = rounds.coefs[i]
        assert rounds.objectives[i] == pytest.approx(
            0.5 * np.mean((y - X @ b - rounds.intercepts[i]) ** 2) + penalty.value(b), rel=1e-10
        )
        slope = X.T @ (y - X @ b - rounds.intercepts[i]) / y.size
        inside = b != 0
        expected = strength * 0.19 / (0.19 + np.abs(b)) * np.sign(b)
        np.testing.assert_allclose(slope[inside], expected[inside], atol=1e-3)


def test_group_prices_are_best_along_every_group():
    """In squared error a group's move is exact: each group against its least squares with the others as they are."""
    X, y = data()
    weights = [1.9, 0.37, 0.7, 1.1, 0.9, 1.3]
    path = ez.penalty_path(X, y, penalty="group_l0", groups=GROUPS, group_weights=weights, n_strengths=8, ratio=0.0037)
    Z, t, groups = X - X.mean(0), y - y.mean(), np.array(GROUPS)
    seen = set()
    for strength, b, value in zip(path.strengths, path.coefs, path.objectives, strict=True):
        penalty = GroupL0(strength, GROUPS, weights)
        seen.add(np.count_nonzero(penalty.norms(b)))
        assert value == pytest.approx(0.5 * np.mean((t - Z @ b) ** 2) + penalty.value(b), rel=1e-9)
        for g in range(6):
            rest = t - Z[:, groups != g] @ b[groups != g]
            fit = np.linalg.lstsq(Z[:, groups == g], rest)[0]
            others = penalty.value(np.where(groups == g, 0.0, b))
            inside = 0.5 * np.mean((rest - Z[:, groups == g] @ fit) ** 2) + strength * weights[g]
            assert value <= min(inside, 0.5 * np.mean(rest**2)) + others + 1e-8
    assert len(seen) > 2


@pytest.mark.parametrize("name", ["l0", "l0l2"])
def test_prices_are_never_below_the_proved_optimum(name):
    """Ten tiny problems: never below, and with swaps mostly at it."""
    equal = total = 0
    for seed in range(10):
        X, y = data(24, 9, seed=seed)
        l2, options = (0.037, {"gammas": [0.037]}) if name == "l0l2" else (0.0, {})
        path = ez.penalty_path(X, y, penalty=name, n_strengths=6, swaps=True, tolerance=1e-10, **options)
        for strength, value in zip(path.strengths, path.objectives, strict=True):
            best = ez.best_subset(X, y, l0=float(strength), l2=l2)
            assert value >= best.objective - 1e-9
            equal += value <= best.objective + 1e-8
            total += 1
    assert equal >= 0.7 * total
