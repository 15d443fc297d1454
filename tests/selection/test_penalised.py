"""Paths of penalties: convex ones against scikit-learn and their gaps, the others against brute force along axes."""

import copy
import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from scipy import optimize
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression, Ridge

import ellzero as ez
from ellzero.penalties import L0, L1, L2, MCP, SCAD, Box, GroupL0, GroupL2, LogSum, Lp

EXACT = {"tolerance": 1e-13, "standardize": False}
CONVEX = ("l1", "elastic_net", "adaptive_l1", "ridge", "group_l1")
NONCONVEX = ("reweighted_l1", "log_sum", "mcp", "scad", "lp", "l0", "l0l1", "l0l2", "group_l0")
GROUPS = [j // 3 for j in range(17)]


def data(n=60, p=17, seed=37, loss="squared"):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) * rng.uniform(0.37, 1.9, p) + rng.standard_normal(p)
    X[:, 1] += 0.7 * X[:, 0]
    eta = X[:, [0, 1, 4, 8]] @ [1.1, -0.7, 0.37, 0.9] - 0.37
    if loss == "squared":
        return X, eta + 0.7 * rng.standard_normal(n)
    if loss == "logistic":
        return X, (eta + 1.9 * rng.logistic(size=n) > 0).astype(float)
    return X, rng.poisson(np.exp(0.37 * eta)).astype(float)


def mean_loss(loss, y, eta, w=None):
    w = np.full(y.size, 1 / y.size) if w is None else w / w.sum()
    return ez.losses.as_loss(loss).mean(y, eta, w)


def asked(name, loss="squared", **options):
    X, y = data(loss=loss)
    if name.startswith("group"):
        options["groups"] = GROUPS
    return X, y, ez.penalty_path(X, y, penalty=name, loss=loss, **options)


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
    path = ez.penalty_path(X, y, penalty=name, loss="logistic", strengths=[0.09, 0.037], l1_ratio=share or 0.5, **EXACT)
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
    options = {"penalty": name, "loss": loss, "n_strengths": 5, "ratio": 0.1, "l2": 1e-2, "tolerance": 1e-11}
    if name.startswith("group"):
        options["groups"] = GROUPS
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


@pytest.mark.parametrize("limits", [None, (-0.37, 0.7)])
@pytest.mark.parametrize(("name", "swaps"), [*((n, False) for n in FOLDED + PRICES), *((n, True) for n in PRICES)])
def test_no_move_along_an_axis_helps(name, limits, swaps):
    """Each coordinate against a fine grid, the intercept following; correlated columns, in data units."""
    X, y = data()
    shape = {"mcp": 1.9, "scad": 2.7}.get(name)
    lower, upper = limits or (None, None)
    path = ez.penalty_path(
        X, y, penalty=name, gamma=shape, epsilon=0.37, n_strengths=8, ratio=0.019, gammas=[0.07, 0.0037],
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
    X, y, path = asked(
        name, loss, n_strengths=6, ratio=0.1, gammas=[0.019], tolerance=1e-9, standardize=False, **options
    )
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
    options = {"strengths": [0.37, 0.19, 0.07], "epsilon": 0.19, **EXACT}
    rounds, lasso = ez.penalty_path(X, y, penalty="reweighted_l1", **options), ez.penalty_path(X, y, **options)
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
        l2 = 0.037 if name == "l0l2" else 0.0
        path = ez.penalty_path(X, y, penalty=name, gammas=[0.037], n_strengths=6, swaps=True, tolerance=1e-10)
        for strength, value in zip(path.strengths, path.objectives, strict=True):
            best = ez.best_subset(X, y, l0=float(strength), l2=l2)
            assert value >= best.objective - 1e-9
            equal += value <= best.objective + 1e-8
            total += 1
    assert equal >= 0.7 * total


# ---- the face


def test_a_path_has_what_it_says():
    X, y = data()
    path = ez.penalty_path({f"c{j}": X[:, j] for j in range(17)}, y, n_strengths=12)
    assert len(path) == 12
    assert path.coefs.shape == (12, 17)
    np.testing.assert_array_equal(path.nonzeros, (path.coefs != 0).sum(1))
    np.testing.assert_allclose(
        path.losses, [0.5 * np.mean((y - X @ b - c) ** 2) for b, c in zip(path.coefs, path.intercepts, strict=True)]
    )
    chosen = path.best("aic")
    values = path.criteria("aic")
    assert chosen.criterion("aic") == pytest.approx(np.nanmin(values))
    assert set(chosen.names_in_support) <= {f"c{j}" for j in range(17)}
    np.testing.assert_allclose(
        chosen.predict({f"c{j}": X[:, j] for j in range(17)}), X @ chosen.coef + chosen.intercept
    )
    assert path.at(path.strengths[4] * 1.001).objective == path.objectives[4]
    table = path.table("bic")
    assert table.columns == ["strength", "nonzeros", "RSS", "R2", "BIC", "gap"]
    assert len(table.rows) == 12
    assert "optimal" in repr(path)


def test_at_takes_the_nearest_gamma_first():
    _, _, path = asked("l0l2", gammas=[0.37, 0.019], n_strengths=5)
    i = int(np.flatnonzero(path.gammas == 0.019)[2])
    assert path.at(path.strengths[i], 0.018).objective == path.objectives[i]
    assert "gamma 0.019" in path.at(path.strengths[i], 0.018).notes[0]


def test_the_first_strength_is_where_the_first_column_enters():
    for name in ("l1", "elastic_net", "mcp", "scad", "lp", "log_sum", "group_l1", "group_l0"):
        _, _, path = asked(name, n_strengths=3)
        assert path.nonzeros[0] == 0
        _, _, below = asked(name, strengths=[0.99 * path.strengths[0]])
        assert below.nonzeros[0] > 0


def test_interrupts_and_limits_keep_what_is_done():
    X, y = data()
    seen = []

    def stop(event):
        seen.append(event)
        raise KeyboardInterrupt

    path = ez.penalty_path(X, y, n_strengths=19, on_progress=stop)
    assert path.status is ez.Status.INTERRUPTED
    assert 1 <= len(path) < 19
    assert seen[0].stage == "penalties"
    full = ez.penalty_path(X, y, n_strengths=19)
    np.testing.assert_array_equal(path.strengths, full.strengths[: len(path)])
    np.testing.assert_allclose(path.coefs, full.coefs[: len(path)], atol=1e-6)
    short = ez.penalty_path(X, y, n_strengths=19, time_limit=1e-9)
    assert short.status is ez.Status.TIME_LIMIT
    assert len(short) == 1


def test_max_nonzeros_ends_a_path():
    _, _, path = asked("l1", n_strengths=50, max_nonzeros=4)
    assert (path.nonzeros[:-1] <= 4).all()
    assert path.nonzeros[-1] > 4
    _, _, crossed = asked("l0l2", gammas=[0.37, 0.019], max_nonzeros=3)
    for gamma in (0.37, 0.019):
        sizes = crossed.nonzeros[crossed.gammas == gamma]
        assert (sizes[:-1] <= 3).all()


def test_constant_columns_stay_out():
    X, y = data()
    X = np.column_stack([X, np.full(60, 1.9)])
    with pytest.warns(ez.errors.EllzeroWarning):
        path = ez.penalty_path(X, y, n_strengths=4)
    assert (path.coefs[:, -1] == 0).all()
    assert path.status is ez.Status.OPTIMAL


@pytest.mark.parametrize("penalty", ["l1", "mcp"])
def test_a_pickled_path_is_the_same_and_holds_no_data(penalty):
    rng = np.random.default_rng(37)
    X = rng.standard_normal((1900, 7))
    y = X[:, 1] - 0.37 * X[:, 4] + rng.standard_normal(1900)
    path = ez.penalty_path(X, y, penalty=penalty, n_strengths=7)
    sent = pickle.dumps(path)
    assert len(sent) < y.nbytes
    back = pickle.loads(sent)
    assert str(back) == str(path)
    assert str(back[3]) == str(path[3])
    assert back.best("aic").names_in_support == path.best("aic").names_in_support
    np.testing.assert_array_equal(copy.deepcopy(path).best().predict(X), path.best().predict(X))
    assert len(pickle.dumps(path[3])) < y.nbytes


@pytest.mark.parametrize(
    "penalty",
    [
        L0(0.37) + L2(1.9), Box(-0.37, np.inf), L1(np.array([0.37, 1.9, 0.0])), MCP(0.37, 1.9), Lp(0.37, 0.19),
        GroupL0(0.37, [0, 0, 1]),
    ],
)  # fmt: skip
def test_penalties_are_pickled_and_copied(penalty):
    b = np.array([1.9, -0.0, 0.37])
    b = np.abs(b) if penalty.value(-b) == np.inf else b
    for twin in (pickle.loads(pickle.dumps(penalty)), copy.deepcopy(penalty), copy.copy(penalty)):
        assert type(twin) is type(penalty)
        assert repr(twin) == repr(penalty)
        assert twin.value(b) == penalty.value(b)
        with pytest.raises(AttributeError, match="immutable"):
            twin.l0 = 1.9


@pytest.mark.parametrize("rows", [1, 19])
def test_a_ridge_without_a_column_that_varies_is_the_mean(rows):
    y = 0.37 * np.arange(rows) + 1.9
    with pytest.warns(ez.errors.EllzeroWarning, match="constant"):
        path = ez.penalty_path(np.full((rows, 3), 1.9), y, penalty="ridge", strengths=[0.37])
    assert not path.coefs.any()
    assert path[0].intercept == pytest.approx(y.mean())


# ---- another unit of the response


@pytest.mark.parametrize("c", [0.019, 19.0])
@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize(
    ("name", "power"),
    [("l1", 1), ("adaptive_l1", 1), ("reweighted_l1", 1), ("log_sum", 1), ("mcp", 1), ("scad", 1), ("group_l1", 1),
     ("ridge", 0), ("l0", 2), ("group_l0", 2), ("lp", 1.5)],
)  # fmt: skip
def test_another_unit_of_the_response_is_another_strength(name, power, c, standardize):
    X, y = data()
    strengths = np.array([0.19, 0.037])
    options = {"penalty": name, "standardize": standardize, "tolerance": 1e-11}
    options |= {"groups": GROUPS} if name.startswith("group") else {}
    if name == "adaptive_l1":  # weights of a fit that moves with y: the penalty is in units of its own then
        options["initial"] = np.linspace(0.37, 1.9, X.shape[1])
    one = ez.penalty_path(X, y, strengths=strengths, **options)
    other = ez.penalty_path(X, c * y, strengths=c**power * strengths, **options)
    assert one.nonzeros.all()
    np.testing.assert_allclose(other.coefs, c * one.coefs, atol=1e-5 * c)
    np.testing.assert_allclose(other.objectives, c**2 * one.objectives, rtol=1e-8)


@pytest.mark.parametrize("c", [0.019, 19.0])
def test_another_unit_of_the_response_is_another_l1_ratio_of_an_elastic_net(c):
    X, y = data()
    strength, share = 0.19, 0.37
    mixed = c * share + 1 - share
    one = ez.penalty_path(X, y, penalty="elastic_net", strengths=[strength], l1_ratio=share, **EXACT)
    other = ez.penalty_path(
        X, c * y, penalty="elastic_net", strengths=[strength * mixed], l1_ratio=c * share / mixed, **EXACT
    )
    np.testing.assert_allclose(other.coefs, c * one.coefs, atol=1e-5 * c)
    for power in np.linspace(-0.37, 2.37, 19):  # and no strength of the same share does
        wrong = ez.penalty_path(
            X, c * y, penalty="elastic_net", strengths=[strength * c**power], l1_ratio=share, **EXACT
        )
        assert np.abs(wrong.coefs - c * one.coefs).max() > 0.01 * c * np.abs(one.coefs).max()


# ---- small data, and how a path is read


@pytest.mark.parametrize("loss", ["huber", "squared_hinge"])
@pytest.mark.parametrize("name", [*CONVEX, *NONCONVEX])
def test_rows_that_do_not_bend_the_loss_leave_a_path(name, loss):
    """Two rows far beyond Huber's delta, or beyond the margin: the curvature is 0 in every row."""
    for seed in range(7):
        rng = np.random.default_rng(seed)
        X, y = rng.normal(size=(2, 12)), 37 * rng.normal(size=2)
        options = {"groups": np.arange(12) // 3} if name.startswith("group") else {}
        y = y if loss == "huber" else np.array([0.0, 1.0])
        path = ez.penalty_path(X, y, penalty=name, loss=loss, n_strengths=7, **options)
        assert np.isfinite(path.coefs).all()
        assert np.isfinite(path.freedoms).all()
        assert (path.objectives <= path.null_loss * (1 + 1e-9)).all()
        if name in CONVEX:
            assert path.status is ez.Status.OPTIMAL
            assert path.losses[-1] < 1e-3 * path.null_loss


def test_a_ridge_of_rows_far_out_is_the_minimum():
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(2, 12)), 10 * rng.normal(size=2)
    loss, strengths = ez.losses.Huber(), [19.0, 1.9, 0.037]
    path = ez.penalty_path(X, y, penalty="ridge", loss="huber", strengths=strengths, standardize=False)
    assert path.freedoms[0] == 0.0  # no row bends the loss there

    for i, strength in enumerate(strengths):

        def objective(v, strength=strength):
            return loss.value(y, X @ v[1:] + v[0]).mean() + strength * v[1:] @ v[1:]

        found = optimize.minimize(objective, np.append(path.intercepts[i], path.coefs[i]), method="Powell")
        assert path.objectives[i] <= found.fun * (1 + 1e-6)


def test_a_path_is_read_by_whole_numbers():
    _, _, path = asked("l1", n_strengths=7)
    assert np.array_equal(path[-1].coef, path[6].coef)
    assert np.array_equal(path[np.int64(2)].coef, path.coefs[2])
    for wrong in (slice(1, 3), 1.9, 7, -8, "1", None, True, [1]):
        with pytest.raises(ez.errors.ArgumentError, match=r"7 models is read one at a time, .* \[-7, 6\]"):
            path[wrong]


@pytest.mark.parametrize("loss", ["squared", "logistic", "poisson"])
@pytest.mark.parametrize("seed", range(7))
def test_nothing_is_explained_by_nothing(loss, seed):
    X, y = data(seed=seed, loss=loss)
    question = {"loss": loss, "sample_weight": np.linspace(0.37, 1.9, 60)}
    for path in (ez.penalty_path(X, y, strengths=[37.0, 0.019], **question), ez.path(X, y, k=1, **question)):
        fit = "R2" if loss == "squared" else "explained"
        shares = [row[fit] for row in path.table().to_dicts()]
        assert str(shares[0]) == "0.0"
        assert all(share > 0.0 for share in shares[1:])


def test_a_criterion_without_a_name_is_none():
    for path in (asked("l1", n_strengths=7)[2], ez.path(*data(), k=2)):
        for call in (path.best, path.criteria, path.table):
            with pytest.raises(ez.errors.ArgumentError, match=r"`criterion` must be one of bic, .* got ''"):
                call("")
