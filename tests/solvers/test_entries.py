"""Descent on the stored entries of sparse columns: the dense answer, within limits, and by what optimality asks."""

import numpy as np
import pytest
import scipy.sparse as sp

import ellzero as ez
from ellzero._kernels import entries
from ellzero.penalties import MCP, SCAD, LogSum, Lp
from ellzero.solvers import quadratic, working
from ellzero.solvers.quadratic import EntriesModel

OPTIONS = {"n_strengths": 5, "ratio": 0.037, "tolerance": 1e-12}


@pytest.fixture(autouse=True)
def on_entries(monkeypatch):
    """All models of sparse data are on entries, however few columns are at work; counts them."""
    made = []

    def counted(*args):
        made.append(args)
        return EntriesModel(*args)

    monkeypatch.setattr(working, "FEW", 0)
    monkeypatch.setattr(working, "SCATTERED", 0.0)
    monkeypatch.setattr(working, "EntriesModel", counted)
    return made


def data(loss="squared", n=60, p=37, seed=19):
    """Columns of few entries, of unequal scale and far from centred."""
    rng = np.random.default_rng(seed)
    X = np.where(rng.random((n, p)) < 0.37, rng.standard_normal((n, p)) + rng.uniform(0.0, 1.9, p), 0.0)
    X *= rng.uniform(0.37, 1.9, p)
    eta = X[:, [0, 1, 4, 8]] @ [1.1, -0.7, 0.37, 0.9] - 0.37
    if loss == "squared":
        y = eta + 0.7 * rng.standard_normal(n)
    elif loss == "logistic":
        y = (eta + 1.9 * rng.logistic(size=n) > 0).astype(float)
    else:
        y = rng.poisson(np.exp(0.37 * eta)).astype(float)
    return X, y, rng.uniform(0.19, 1.9, n)


def both(loss="squared", weighted=False, **options):
    X, y, w = data(loss)
    options = OPTIONS | {"loss": loss, "sample_weight": w if weighted else None} | options
    return ez.penalty_path(X, y, **options), ez.penalty_path(sp.csc_array(X), y, **options)


def assert_alike(dense, thin):
    np.testing.assert_allclose(thin.strengths, dense.strengths, rtol=1e-12)
    np.testing.assert_allclose(thin.objectives, dense.objectives, rtol=1e-10)
    np.testing.assert_allclose(thin.coefs, dense.coefs, atol=1e-5)


@pytest.mark.parametrize("loss", ["squared", "logistic", "poisson"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("standardize", [False, True])
def test_entries_give_the_dense_answer(loss, weighted, fit_intercept, standardize, on_entries):
    dense, thin = both(loss, weighted, fit_intercept=fit_intercept, standardize=standardize)
    assert_alike(dense, thin)
    assert len(on_entries) >= 5


@pytest.mark.parametrize("loss", ["squared", "logistic"])
@pytest.mark.parametrize("limits", [(0.0, None), (-0.19, 0.37), (None, 0.07)])
def test_limits_hold_on_entries(loss, limits, on_entries):
    lower, upper = limits
    dense, thin = both(loss, True, lower=lower, upper=upper)
    assert_alike(dense, thin)
    assert thin.coefs.min() >= (-np.inf if lower is None else lower)
    assert thin.coefs.max() <= (np.inf if upper is None else upper)
    assert on_entries


@pytest.mark.parametrize("name", ["elastic_net", "adaptive_l1", "ridge"])
def test_other_convex_penalties_on_entries(name, on_entries):
    assert_alike(*both(penalty=name, weighted=True))
    assert on_entries or name == "ridge"  # which has a solver of its own


PENALTIES = {
    "mcp": lambda strength: MCP(strength, 1.9),
    "scad": lambda strength: SCAD(strength, 2.7),
    "lp": lambda strength: Lp(strength, 0.5),
    "log_sum": lambda strength: LogSum(0.37 * strength, 0.37),
}
SHAPES = {"mcp": {"gamma": 1.9}, "scad": {"gamma": 2.7}, "log_sum": {"epsilon": 0.37}}


@pytest.mark.parametrize("name", PENALTIES)
def test_no_move_along_an_axis_helps_on_entries(name, on_entries):
    """Each coordinate of a nonconvex descent against a fine grid, the intercept following."""
    X, y, _ = data()
    path = ez.penalty_path(
        sp.csc_array(X), y, penalty=name, **SHAPES.get(name, {}), n_strengths=5, ratio=0.037, tolerance=1e-10,
        standardize=False,
    )  # fmt: skip
    assert on_entries
    Z, t, grid = X - X.mean(0), y - y.mean(), np.append(np.linspace(-1.9, 1.9, 381), 0.0)
    for strength, beta, objective in zip(path.strengths, path.coefs, path.objectives, strict=True):
        penalty = PENALTIES[name](strength)
        r, prices = t - Z @ beta, np.array([penalty.value(np.array([x])) for x in grid])
        assert objective == pytest.approx(0.5 * np.mean(r * r) + penalty.value(beta), rel=1e-10)
        for j in range(beta.size):
            rest, others = r + Z[:, j] * beta[j], penalty.value(np.delete(beta, j))
            errors = 0.5 * np.mean((rest[:, None] - np.outer(Z[:, j], grid)) ** 2, axis=0)
            assert objective <= (errors + prices).min() + others + 1e-9
    assert path.nonzeros.max() > 5


def test_rows_without_weight_say_nothing():
    X, y, w = data("logistic")
    w[::7] = 0.0
    twin = y.copy()
    twin[::7] = 1.0 - twin[::7]
    options = OPTIONS | {"loss": "logistic", "sample_weight": w}
    one, other = ez.penalty_path(sp.csc_array(X), y, **options), ez.penalty_path(sp.csc_array(X), twin, **options)
    np.testing.assert_allclose(one.objectives, other.objectives, rtol=1e-12)


def explicit(X, h, centred):
    """Columns as the model has them, in full: about their means under h, times the roots of h."""
    Z = X - (h @ X) / h.sum() if centred else X
    return Z * np.sqrt(h)[:, None]


@pytest.mark.parametrize("centred", [False, True])
def test_model_is_that_of_centred_columns(centred):
    X, y, h = data()
    scale = np.random.default_rng(3).uniform(0.37, 1.9, X.shape[1])
    moved = h * (y - 0.37)
    model = EntriesModel(sp.csc_array(X), scale, h, moved, centred)
    C, S = explicit(X / scale, h, centred), np.arange(1, 37, 3)
    np.testing.assert_allclose(model.a, np.einsum("ij,ij->j", C, C), rtol=1e-12)
    gradient = C.T @ (moved / np.sqrt(h))
    np.testing.assert_allclose(model.gradient(), gradient, atol=1e-12)
    step = np.random.default_rng(7).standard_normal(S.size)
    inside, change = model.change(S, step)
    np.testing.assert_allclose(inside, C[:, S].T @ C[:, S] @ step, atol=1e-12)
    model.accept(change)
    np.testing.assert_allclose(model.gradient(), gradient - C.T @ C[:, S] @ step, atol=1e-12)


@pytest.mark.parametrize("centred", [False, True])
def test_step_on_a_face_is_the_solution_of_its_system(centred, monkeypatch):
    monkeypatch.setattr(quadratic, "NEAR", 1e-13)
    X, y, h = data()
    S = np.arange(1, 37, 3)
    rise = np.random.default_rng(5).uniform(0.0, 0.37, S.size)
    model = EntriesModel(sp.csc_array(X), np.ones(37), h, h * y, centred)
    C = explicit(X, h, centred)[:, S]
    right = np.random.default_rng(11).standard_normal(S.size)
    expected = np.linalg.solve(C.T @ C + np.diag(rise), right)
    step = model.solve(S, rise, right)
    assert step is not None
    np.testing.assert_allclose(step, expected, rtol=1e-9, atol=1e-12)
    assert model.solve(S, np.full(S.size, -1.9 * model.a.max()), right) is None  # curves downwards
    least, smallest = np.linalg.eigvalsh(C.T @ C)[0], model.a[S].min()
    between = np.full(S.size, -0.5 * (least + smallest))  # a direction curves downwards, no coordinate does
    assert least < smallest
    assert model.solve(S, between, right) is None


def test_a_column_far_from_zero_keeps_its_norm():
    """A difference of squares would leave none of sixteen digits."""
    rng = np.random.default_rng(2)
    x, h = 1.9e8 + rng.standard_normal(370), np.full(370, 1 / 370)
    model = EntriesModel(sp.csc_array(x[:, None]), np.ones(1), h, h * x, True)
    assert model.a[0] == pytest.approx(x.var(), rel=1e-6)


def test_a_model_whose_means_are_wrong_is_found_out(monkeypatch):
    """The law on centred columns can fail."""

    def halved(*args):
        entries.weigh(*args)
        args[8][:] *= 0.5

    monkeypatch.setattr(quadratic, "weigh", halved)
    with pytest.raises(AssertionError):
        test_model_is_that_of_centred_columns(True)


def test_a_model_whose_scales_are_wrong_is_found_out(monkeypatch):
    """The law on the dense answer can fail, and the gap tells as much."""
    monkeypatch.setattr(working, "EntriesModel", lambda part, scale, *rest: EntriesModel(part, 0.9 * scale, *rest))
    for loss in ("squared", "logistic"):
        dense, thin = both(loss, n_strengths=2)
        with pytest.raises(AssertionError):
            assert_alike(dense, thin)
        assert thin.gaps[-1] > 1e-6 * thin.null_loss
        assert thin.status is not ez.Status.OPTIMAL
