"""Classes, more than two: brute force by scikit-learn's logistic regression, derivatives by differences, laws."""

import itertools
import pickle
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression

import ellzero as ez
from ellzero.losses import Multinomial
from ellzero.problem import Problem
from ellzero.solvers import multinomial
from ellzero.solvers.multinomial import _hessian, fit_classes
from ellzero.solvers.outputs import OutputMoves
from ellzero.solvers.refit import fit_support

NAMES = np.array(["oak", "ash", "elm", "yew"])


def make(seed, n=80, p=6, C=3, weighted=False):
    rng = np.random.default_rng(seed)
    X = (rng.normal(size=(n, p)) + 0.37 * rng.normal(size=(n, 1))) * rng.uniform(0.37, 19, p) + rng.normal(size=p)
    B = rng.normal(size=(p, C)) * (rng.random((p, 1)) < 0.6) / X.std(axis=0)[:, None]
    y = NAMES[(X @ B + 1.9 * rng.gumbel(size=(n, C))).argmax(axis=1)]
    weight = rng.integers(0, 4, n) if weighted else np.ones(n, int)
    return SimpleNamespace(X=X, y=y, weight=weight, n=n, p=p)


def fitted(data, columns, l2=0.0, fit_intercept=True, standardize=True):
    """Coefficients, intercepts and objective by scikit-learn, on columns scaled by hand."""
    w, columns = data.weight / data.weight.sum(), list(columns)
    scale = np.sqrt(w @ (data.X - fit_intercept * (w @ data.X)) ** 2) if standardize else np.ones(data.p)
    C = 1 / (2 * l2 * data.weight.sum()) if l2 else np.inf
    Z = data.X[:, columns] / scale[columns]
    model = LogisticRegression(C=C, tol=1e-9, max_iter=10_000, fit_intercept=fit_intercept, solver="newton-cg")
    model.fit(Z, data.y, sample_weight=data.weight)
    raw = model.coef_ if len(model.classes_) > 2 else np.vstack([-model.coef_, model.coef_]) / 2
    chance = model.predict_proba(Z)[np.arange(data.n), np.searchsorted(model.classes_, data.y)]
    coef = np.zeros((data.p, len(raw)))
    coef[columns] = (raw / scale[columns]).T
    return SimpleNamespace(coef=coef - coef.mean(axis=1)[:, None], objective=-w @ np.log(chance) + l2 * np.sum(raw**2))


@pytest.mark.parametrize(("seed", "options"), [
    (0, {}), (1, {"l2": 0.019}), (2, {"l2": 0.037, "standardize": False}), (3, {"l2": 0.019, "fit_intercept": False})
])  # fmt: skip
@pytest.mark.parametrize("weighted", [False, True])
def test_every_size_is_the_best_of_all_supports(seed, options, weighted):
    data = make(seed, p=5, C=3 + seed % 2, weighted=weighted)
    path = ez.path(data.X, data.y, k=5, loss="multinomial", sample_weight=data.weight, **options)
    for k, result in zip(path.sizes[1:], path.results[1:], strict=True):
        best = min((fitted(data, S, **options).objective, S) for S in itertools.combinations(range(5), k))
        assert result.objective == pytest.approx(best[0], rel=1e-7)
        assert tuple(result.support) == best[1]
        np.testing.assert_allclose(result.coef, fitted(data, best[1], **options).coef, rtol=2e-3, atol=1e-4)
        assert result.gap is None
        assert result.certificate is None
        assert result.status is ez.Status.HEURISTIC


@pytest.mark.parametrize("options", [{}, {"l2": 0.019}, {"l2": 0.37, "fit_intercept": False}])
def test_two_classes_are_the_logistic_loss(options):
    """Half the coefficients with opposite signs, so half the ridge."""
    data = make(4, C=2)
    half = options | {"l2": options.get("l2", 0.0) / 2}
    binary = ez.path(data.X, data.y == "oak", k=4, loss="logistic", **half)
    both = ez.path(data.X, data.y, k=4, loss="multinomial", **options)
    for one, two in zip(binary, both, strict=True):
        assert two.objective == pytest.approx(one.objective, rel=1e-9)
        np.testing.assert_allclose(two.coef, np.column_stack([-one.coef, one.coef]) / 2, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(two.predict_proba(data.X), one.predict_proba(data.X), rtol=1e-6)
        assert two.n_parameters == one.n_parameters
        for criterion in ("aic", "bic", "ebic", "aicc", "gic"):
            assert two.criterion(criterion) == pytest.approx(one.criterion(criterion), rel=1e-8)
    assert (both[3].predict(data.X) == np.where(binary[3].predict(data.X) == 1, "oak", "ash")).all()


def test_the_model_of_two_classes_is_that_of_the_logistic_loss():
    data = make(4, C=2)
    one = ez.solvers.modelled.ModelMoves(Problem.from_data(data.X, data.y == "oak", loss="logistic", l2=0.019))
    two = OutputMoves(Problem.from_data(data.X, data.y, loss="multinomial", l2=0.038))
    states = [moves.at((1, 3)) for moves in (one, two)]
    np.testing.assert_allclose(two.add_gains(states[1]), one.add_gains(states[0]), rtol=1e-7)
    np.testing.assert_allclose(two.drop_losses(states[1]), one.drop_losses(states[0]), rtol=1e-7)
    for theirs, ours in zip(one._swap_scores(states[0]), two._swap_scores(states[1]), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-7)


@pytest.mark.parametrize("l2", [0.0, 0.019])
def test_coefficients_are_the_least_of_all_that_fit_alike(l2):
    data = make(5, C=4)
    result = ez.best_subset(data.X, data.y, k=3, l2=l2, loss="multinomial")
    assert np.abs(result.coef.sum(axis=1)).max() < 1e-12 * np.abs(result.coef).max()
    assert abs(np.sum(result.intercept)) < 1e-10 * np.abs(result.intercept).max()
    problem = Problem.from_data(data.X, data.y, l2=l2, loss="multinomial")
    assert problem.objective(result.coef, result.intercept) == pytest.approx(result.objective, rel=1e-12)
    assert problem.loss_value(result.coef + 0.37, result.intercept) == pytest.approx(result.loss, rel=1e-9)
    assert np.abs(problem.gradient(result.coef, result.intercept)[result.support]).max() < 1e-6 or l2


def test_derivatives_are_those_of_the_value():
    rng, loss = np.random.default_rng(6), Multinomial()
    eta, y, weight = rng.normal(size=(7, 4)), np.eye(4)[rng.integers(0, 4, 7)], rng.dirichlet(np.ones(7))
    direction, step = rng.normal(size=(7, 4)), 1e-5

    def along(function):
        return (function(eta + step * direction) - function(eta - step * direction)) / (2 * step)

    slope = np.sum(loss.mean_gradient(y, eta, weight) * direction)
    assert along(lambda at: loss.mean(y, at, weight)) == pytest.approx(slope, rel=1e-7)
    curved = loss.mean_hessian_times(y, eta, weight, direction[:, :, None])[:, :, 0]
    np.testing.assert_allclose(along(lambda at: loss.mean_gradient(y, at, weight)), curved, rtol=1e-6, atol=1e-9)
    spikes = loss.mean_hessian_times(y, eta, weight, np.broadcast_to(np.eye(4), (7, 4, 4)))
    diagonal = np.einsum("icc->ic", spikes)
    np.testing.assert_allclose(diagonal, weight[:, None] * loss.curvature(y, eta), rtol=1e-12)


def test_the_conjugate_is_the_largest_excess():
    """Fenchel and Young: f(eta) + f*(u) >= u eta, equal where u is the gradient; outside the simplex no bound."""
    rng, loss = np.random.default_rng(7), Multinomial()
    y, eta = np.eye(3)[rng.integers(0, 3, 19)], 1.9 * rng.normal(size=(19, 3))
    u = loss.gradient(y, 1.9 * rng.normal(size=(19, 3)))
    assert (loss.value(y, eta) + loss.conjugate(y, u) - (u * eta).sum(axis=1) > -1e-12).all()
    touching = loss.gradient(y, eta)
    gap = loss.value(y, eta) + loss.conjugate(y, touching) - (touching * eta).sum(axis=1)
    np.testing.assert_allclose(gap, 0, atol=1e-12)
    assert np.isinf(loss.conjugate(y, u + 0.37)).all()
    clipped = loss.clip_dual(y, u + rng.normal(size=u.shape))
    assert np.isfinite(loss.conjugate(y, clipped)).all()
    np.testing.assert_allclose(loss.clip_dual(y, u), u, atol=1e-12)
    far = u + 0.37 * rng.normal(size=u.shape)  # the nearest point: no other of the simplex is nearer
    others = rng.dirichlet(np.ones(3), size=200)[:, None, :] - y
    nearest = np.linalg.norm(loss.clip_dual(y, far) - far, axis=1)
    assert (nearest <= np.linalg.norm(others - far, axis=2).min(axis=0) + 1e-12).all()


def test_the_hessian_of_the_fit_is_that_of_the_loss():
    """In blocks of rows and class by class, against products with single directions."""
    data = make(8, n=5000, p=3)
    problem = Problem.from_data(data.X, data.y, loss="multinomial")
    design = problem.normal.Z.columns(np.arange(3))
    eta = np.random.default_rng(0).normal(size=(5000, 3))
    hessian = _hessian(problem, design, eta, np.array([0.37, 1.9, 0.0]))
    moved = np.einsum("ij,cd->icdj", design, np.eye(3)).reshape(5000, 3, 9)
    direct = np.einsum("ij,icm->cjm", design, problem.loss.mean_hessian_times(problem.y, eta, problem.weight, moved))
    shared = np.kron(np.full((3, 3), 1 / 3), np.eye(3)) + np.kron(np.eye(3), np.diag([0.37, 1.9, 0.0]))
    np.testing.assert_allclose(hessian, direct.reshape(9, 9) + shared, atol=1e-12)


def test_a_fit_is_the_same_wherever_it_starts():
    data = make(9, C=4)
    problem = Problem.from_data(data.X, data.y, loss="multinomial", l2=0.0019)
    columns = np.array([0, 1, 3, 4])
    cold = fit_support(problem, columns)
    warm = fit_classes(problem, columns, problem.normal.Z.columns(columns), fit_support(problem, [1, 2, 4]))
    assert warm.value == pytest.approx(cold.value, rel=1e-12)
    np.testing.assert_allclose(warm.gamma, cold.gamma, rtol=1e-5, atol=1e-7)
    assert cold.value == pytest.approx(fitted(data, columns, l2=0.0019).objective, rel=1e-8)


def test_weights_are_repeated_rows():
    data = make(10, weighted=True)
    repeated = np.repeat(np.arange(data.n), data.weight)
    weighted = ez.path(data.X, data.y, k=4, loss="multinomial", sample_weight=data.weight)
    copied = ez.path(data.X[repeated], data.y[repeated], k=4, loss="multinomial")
    for one, other in zip(weighted, copied, strict=True):
        np.testing.assert_allclose(one.coef, other.coef, rtol=1e-6, atol=1e-9)
        assert one.criterion("bic") == pytest.approx(other.criterion("bic"), rel=1e-9)


def test_order_and_unit_of_columns_and_order_of_classes_do_not_matter():
    data, order = make(11), [3, 0, 5, 1, 4, 2]
    unit = np.array([0.37, 1.9, 7, 190, 0.019, 1])
    plain = ez.best_subset(data.X, data.y, k=3, loss="multinomial")
    other = ez.best_subset((data.X * unit)[:, order], data.y, k=3, loss="multinomial")
    np.testing.assert_allclose(other.coef, (plain.coef / unit[:, None])[order], rtol=1e-6, atol=1e-10)
    number = np.array([7, 1, 5])[np.searchsorted(["ash", "elm", "oak"], data.y)]
    renamed = ez.best_subset(data.X, number, k=3, loss="multinomial")
    np.testing.assert_allclose(renamed.coef, plain.coef[:, [1, 2, 0]], rtol=1e-6, atol=1e-10)
    assert renamed.outputs == ("1", "5", "7")
    assert set(renamed.predict(data.X)) <= {1, 5, 7}


def test_groups_forced_and_forbidden():
    data, groups = make(12), [0, 0, 1, 2, 2, 3]
    result = ez.best_subset(
        data.X, data.y, k=2, groups=groups, forbidden=[5], loss="multinomial", l2=0.019, solver="exchange"
    )
    supports = [[0, 1], [2], [3, 4], [0, 1, 2], [0, 1, 3, 4], [2, 3, 4]]
    assert result.objective == pytest.approx(min(fitted(data, S, l2=0.019).objective for S in supports), rel=1e-8)
    forced = ez.best_subset(data.X, data.y, k=2, forced=[4], loss="multinomial")
    assert forced.objective == pytest.approx(min(fitted(data, [j, 4]).objective for j in (0, 1, 2, 3, 5)), rel=1e-8)


@pytest.mark.parametrize("solver", ["auto", "stepwise"])
def test_a_price_is_paid_once_for_all_classes(solver):
    data = make(13, p=5)
    result = ez.best_subset(data.X, data.y, l0=0.019, l2=0.0037, loss="multinomial", solver=solver)
    assert result.objective == pytest.approx(result.loss + _ridge(data, result, 0.0037) + 0.019 * result.k, rel=1e-9)
    if solver == "auto":
        supports = itertools.chain(*(itertools.combinations(range(5), k) for k in range(1, 6)))
        best = min(fitted(data, S, l2=0.0037).objective + 0.019 * len(S) for S in supports)
        assert result.objective == pytest.approx(best, rel=1e-8)


def _ridge(data, result, l2):
    return l2 * np.sum((result.coef * data.X.std(axis=0)[:, None]) ** 2)


def test_criteria_count_free_coefficients():
    data = make(14, C=4)
    result = ez.best_subset(data.X, data.y, k=2, loss="multinomial")
    deviance = 2 * data.n * result.loss
    assert result.n_parameters == 3 * 3
    assert result.criterion("aic") == pytest.approx(deviance + 2 * 9, rel=1e-12)
    assert result.criterion("bic") == pytest.approx(deviance + 9 * np.log(80), rel=1e-12)
    assert result.criterion("ebic") == pytest.approx(deviance + 9 * np.log(80) + np.log(15), rel=1e-12)
    assert result.criterion("aicc") == pytest.approx(deviance + 18 + 180 / 70, rel=1e-12)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_separated_classes_are_found_and_named(fit_intercept):
    """One class apart from the rest is enough: the others keep the loss from zero."""
    data = make(15)
    X = np.column_stack([data.X, np.where(data.y == "elm", 1.9, -0.37) * (1 + np.arange(80) % 7)])
    with pytest.raises(ez.errors.DataError, match=r"separated perfectly by x0, x6"):
        ez.best_subset(X, data.y, k=2, forced=[0, 6], loss="multinomial", fit_intercept=fit_intercept)
    kept = ez.best_subset(X, data.y, k=2, loss="multinomial", l2=0.019, fit_intercept=fit_intercept)
    assert 6 in kept.support
    assert np.isfinite(kept.coef).all()


def test_nearly_separated_classes_are_no_runaways():
    data = make(16, n=300)
    values = np.where(data.y == "elm", 7.0, -7.0)
    values[np.flatnonzero(data.y == "elm")[0]] = -7
    values[np.flatnonzero(data.y == "oak")[0]] = 7
    values[np.flatnonzero(data.y == "ash")[0]] = 7
    X = np.column_stack([data.X, values])
    assert ez.best_subset(X, data.y, k=1, loss="multinomial").support.tolist() == [6]


def test_collinear_columns_are_no_runaways(monkeypatch):
    """Without a ridge their coefficients are not determined, but the least of them are finite."""
    monkeypatch.setattr(multinomial, "FAR", 0.0)
    data = make(21)
    X = np.column_stack([data.X, data.X[:, 2], data.X[:, 2] - 1.9 * data.X[:, 3]])
    problem = Problem.from_data(X, data.y, loss="multinomial")
    alone, together = (fit_support(problem, columns) for columns in ([2, 3], [2, 3, 6, 7]))
    assert not alone.runaway
    assert not together.runaway
    assert together.value == pytest.approx(alone.value, rel=1e-10)


def test_sparse_columns_give_the_same():
    data = make(22)
    X = np.where(np.abs(data.X) < np.median(np.abs(data.X), axis=0), 0.0, data.X)
    dense, thin = (ez.path(A, data.y, k=4, l2=0.019, loss="multinomial") for A in (X, sparse.csr_array(X)))
    for one, other in zip(dense, thin, strict=True):
        np.testing.assert_allclose(one.coef, other.coef, rtol=1e-5, atol=1e-8)


def test_names_of_classes_are_shown():
    data = make(17)
    frame = pd.DataFrame(data.X, columns=list("abcdef"))
    result = ez.best_subset(frame, pd.Series(data.y), k=2, loss="multinomial")
    assert result.outputs == ("ash", "elm", "oak")
    assert list(result.summary().columns) == ["column", "ash", "elm", "oak"]
    assert [line.split(" = ")[0] for line in result.formula().split("\n")] == ["ash", "elm", "oak"]
    chance = result.predict_proba(frame)
    np.testing.assert_allclose(chance.sum(axis=1), 1)
    assert (result.predict(frame) == NAMES[[1, 2, 0]][chance.argmax(axis=1)]).all()
    again = pickle.loads(pickle.dumps(result))
    np.testing.assert_array_equal(again.predict(frame), result.predict(frame))


def test_held_out_loss():
    data = make(18)
    folds = [(np.flatnonzero(np.arange(80) % 4 != f), np.flatnonzero(np.arange(80) % 4 == f)) for f in range(4)]
    found = ez.cross_validate(data.X, data.y, k=range(3), cv=folds, loss="multinomial", l2=0.019)
    for k in range(3):
        for f, (train, test) in enumerate(folds):
            result = ez.best_subset(data.X[train], data.y[train], k=k, loss="multinomial", l2=0.019)
            chance = result.predict_proba(data.X[test])[
                np.arange(test.size), np.searchsorted(result.outputs, data.y[test])
            ]
            assert found.losses[k, f] == pytest.approx(-np.log(chance).mean(), rel=1e-9)
    assert ez.cross_validate(data.X, data.y, k=2, loss="multinomial", l2=0.019, random_state=3).losses.shape == (3, 5)


@pytest.mark.filterwarnings("ignore:The least populated class:UserWarning")
def test_a_fold_without_a_class_is_told():
    data = make(19)
    rows = np.flatnonzero(np.isin(data.y, ["oak", "ash"]))
    y = data.y[rows].copy()
    y[0] = "yew"
    with pytest.raises(ez.errors.DataError, match="no row that counts has the class yew"):
        ez.cross_validate(data.X[rows], y, k=2, loss="multinomial", l2=0.019, random_state=0)


def test_genes_that_tell_tumours_apart(data_dir):
    with np.load(data_dir / "khan" / "data.npz") as known:
        X, y = known["X_train"].astype(float), known["y_train"].ravel()
        unseen, truth = known["X_test"].astype(float), known["y_test"].ravel()
    path = ez.path(X, y, k=8, loss="multinomial", l2=1e-3)
    assert path[1].objective <= 0.672049 * (1 + 1e-5)
    assert path[4].objective <= 0.061886 * (1 + 1e-3)
    assert np.mean(path[8].predict(unseen) == truth) >= 0.9
