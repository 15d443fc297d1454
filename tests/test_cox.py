"""Cox's partial likelihood: against its definition term by term, known answers, and what makes it run away."""

from itertools import combinations

import numpy as np
import pytest
from scipy import optimize

import ellzero as ez
from ellzero.errors import DataError
from ellzero.losses import Cox, Offset
from ellzero.problem import Problem
from ellzero.solvers.modelled import ModelMoves
from ellzero.solvers.refit import fit_support
from known_data import read

KINDS = [("breslow", False), ("breslow", True), ("efron", False), ("efron", True)]
every_kind = pytest.mark.parametrize(("ties", "stratified"), KINDS)


def sample(seed, n=40, p=5, distinct=9):
    """Times with many ties, about a third censored; odd weights and four strata."""
    rng = np.random.default_rng([seed, 37])
    X = rng.normal(size=(n, p)) @ (np.eye(p) + 0.37) * np.geomspace(0.19, 7, p) + 1.9
    signal = 0.7 * (X[:, 1] - 1.9) / X[:, 1].std() - 0.37 * (X[:, 3] - 1.9) / X[:, 3].std()
    time = np.ceil(distinct * rng.exponential(np.exp(-signal)) / 3)
    y = np.column_stack([time, rng.random(n) < 0.7])
    return X, y, rng.uniform(1.0, 3.7, n), rng.integers(0, 4, n)


def by_definition(eta, y, weight, strata, ties):
    """The sum of the terms, one event time after the other."""
    total = 0.0
    for stratum in np.unique(strata):
        mine = strata == stratum
        t, d, e, w = y[mine, 0], y[mine, 1] == 1, eta[mine], weight[mine]
        for at in np.unique(t[d]):
            now, risk = d & (t == at), (w * np.exp(e))[t >= at].sum()
            dying, count = (w * np.exp(e))[now].sum(), int(now.sum())
            shares = np.arange(count) / count if ties == "efron" else np.zeros(count)
            total += w[now].mean() * np.log(risk - shares * dying).sum() - (w * e)[now].sum()
    return total / weight[y[:, 1] == 1].sum()


def hessian_by_definition(eta, y, weight, strata, ties):
    """Every term is the logarithm of a sum: the covariance of the rows at risk, in the masses that they have in it."""
    total = np.zeros((len(eta), len(eta)))
    for i in np.flatnonzero(y[:, 1] == 1):
        at_risk = np.flatnonzero((strata == strata[i]) & (y[:, 0] >= y[i, 0]))
        now = (y[at_risk, 1] == 1) & (y[at_risk, 0] == y[i, 0])
        mass = weight[at_risk] * np.exp(eta[at_risk] - eta[at_risk].max())
        place = np.count_nonzero(at_risk[now] < i) / now.sum() if ties == "efron" else 0.0
        share = np.where(now, 1.0 - place, 1.0) * mass
        share /= share.sum()
        omega = weight[at_risk][now].mean()
        total[np.ix_(at_risk, at_risk)] += omega * (np.diag(share) - np.outer(share, share))
    return total / weight[y[:, 1] == 1].sum()


def bound(y, weight, strata, ties, stratified):
    return Cox(ties, strata if stratified else None).bound_to(y, weight)


@every_kind
@pytest.mark.parametrize("seed", range(3))
def test_value_and_derivatives(ties, stratified, seed):
    _, y, weight, strata = sample(seed)
    event, loss = bound(y, weight, strata, ties, stratified)
    rng = np.random.default_rng(seed)
    eta, V, share = 1.9 * rng.normal(size=40), rng.normal(size=(40, 3)), weight / weight.sum()
    alone = strata if stratified else np.zeros(40)
    assert loss.mean(event, eta, share) == pytest.approx(by_definition(eta, y, weight, alone, ties), rel=1e-13)
    step = 1e-5
    for j in range(3):
        up, down = eta + step * V[:, j], eta - step * V[:, j]
        slope = (by_definition(up, y, weight, alone, ties) - by_definition(down, y, weight, alone, ties)) / (2 * step)
        assert loss.mean_gradient(event, eta, share) @ V[:, j] == pytest.approx(slope, rel=1e-7, abs=1e-9)
        change = (loss.mean_gradient(event, up, share) - loss.mean_gradient(event, down, share)) / (2 * step)
        assert loss.mean_hessian_times(event, eta, share, V)[:, j] == pytest.approx(change, rel=1e-6, abs=1e-9)
    squares = loss.mean_hessian_squares(event, eta, share, V)
    assert squares == pytest.approx(np.diag(V.T @ loss.mean_hessian_times(event, eta, share, V)))
    assert loss.sample_size(weight) == pytest.approx(weight[y[:, 1] == 1].sum(), rel=1e-14)


def shapes():
    """Ties as they come, every row at its own time, all at one time, strata without events and of one row."""
    _, y, weight, strata = sample(3)
    yield "ties", y, weight, strata
    yield "no ties", np.column_stack([np.arange(40.0)[::-1] ** 2, y[:, 1]]), weight, strata
    yield "one time", np.column_stack([np.full(40, 1.9), y[:, 1]]), weight, strata
    yield "all events", np.column_stack([y[:, 0], np.ones(40)]), weight, strata
    lonely = np.where(np.arange(40) == 7, -1, strata)
    yield "idle strata", np.column_stack([y[:, 0], y[:, 1] * (strata != 2)]), weight, lonely
    yield "pairs", y, weight, np.arange(40) // 2


@every_kind
@pytest.mark.parametrize("spread", [0.0, 1.9, 70.0, 370.0])
@pytest.mark.parametrize("shape", list(shapes()), ids=lambda shape: shape[0])
def test_the_hessian_by_definition(ties, stratified, spread, shape):
    """From both sides, along single directions and times them, with any number of these and an offset, too."""
    _, y, weight, strata = shape
    event, loss = bound(y, weight, strata, ties, stratified)
    rng = np.random.default_rng(19)
    eta, offset, share = spread * rng.normal(size=40), 0.37 * rng.normal(size=40), weight / weight.sum()
    loss = Offset(loss, offset)
    known = hessian_by_definition(eta + offset, y, weight, strata if stratified else np.zeros(40), ties)
    for width in (0, 1, 2, 5, 8):
        V = rng.normal(size=(40, width)) + 0.7
        asked = event, eta, share, np.asfortranarray(V) if width % 2 else V
        assert loss.mean_hessian_times(*asked) == pytest.approx(known @ V, rel=1e-10, abs=1e-12)
        assert loss.mean_hessian_form(*asked) == pytest.approx(V.T @ known @ V, rel=1e-10, abs=1e-12)
        assert loss.mean_hessian_squares(*asked) == pytest.approx(np.diag(V.T @ known @ V), rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("far", [0.0, 900.0])
def test_pairs_are_a_logistic_regression(far):
    """Two rows a stratum, one event: the log hazards' difference decides; pairs may be any distance apart."""
    rng = np.random.default_rng(7)
    X, pairs = rng.normal(size=(74, 3)), np.arange(74) // 2
    y = np.column_stack([np.tile([1.0, 2.0], 37), np.tile([1.0, 0.0], 37)])
    event, loss = Cox(strata=pairs).bound_to(y, np.ones(74))
    eta = X @ [0.37, -1.9, 0.7]
    p, Z = 1 / (1 + np.exp(eta[1::2] - eta[::2])), X[::2] - X[1::2]
    apart = eta + far * rng.normal(size=37)[pairs]
    form = loss.mean_hessian_form(event, apart, np.ones(74) / 74, X)
    assert form == pytest.approx((p * (1 - p) * Z.T) @ Z / 37, rel=1e-9)
    assert loss.mean(event, apart, np.ones(74) / 74) == pytest.approx(-np.log(p).mean(), rel=1e-9)


@every_kind
def test_far_out_it_stays_finite_and_convex(ties, stratified):
    """A thousand apart, exponentials have vanished or overflow; the partial likelihood has not."""
    _, y, weight, strata = sample(3)
    event, loss = bound(y, weight, strata, ties, stratified)
    rng = np.random.default_rng(7)
    eta, along = 1000 * rng.normal(size=40), rng.normal(size=(40, 1))
    values = [loss.mean(event, eta + s * along[:, 0], weight) for s in (-1.9, 0.0, 1.9)]
    assert np.isfinite(values).all()
    assert values[1] <= (values[0] + values[2]) / 2 * (1 + 1e-12)
    assert np.isfinite(loss.mean_gradient(event, eta, weight)).all()
    assert np.isfinite(loss.mean_hessian_times(event, eta, weight, along)).all()
    assert loss.mean_hessian_squares(event, eta, weight, along)[0] >= -1e-10


@every_kind
def test_the_hessian_keeps_its_digits_far_out(ties, stratified):
    """Log hazards that rise by 35 with the time: against second differences of the definition."""
    _, y, weight, strata = sample(3)
    event, loss = bound(y, weight, strata, ties, stratified)
    eta = 35.0 * y[:, 0] + np.random.default_rng(7).normal(size=40)
    along = np.random.default_rng(3).normal(size=(40, 1))
    step, alone = 1e-3, strata if stratified else np.zeros(40)
    slopes = [by_definition(eta + s * step * along[:, 0], y, weight, alone, ties) for s in (-1, 0, 1)]
    second = (slopes[0] - 2 * slopes[1] + slopes[2]) / step**2
    found = loss.mean_hessian_squares(event, eta, weight, along)[0]
    assert found == pytest.approx(second, rel=1e-4, abs=1e-6)


def test_one_events_ratio_by_hand():
    """Three rows, the first to go has log 2: 2 / (2 + 1 + 1), then 1 / 2 or censored."""
    y = np.array([[1.0, 1], [2.0, 1], [3.0, 0]])
    event, loss = Cox().bound_to(y, np.ones(3))
    eta = np.array([np.log(2.0), 0.0, 0.0])
    assert loss.mean(event, eta, np.ones(3) / 3) == pytest.approx((np.log(2) + np.log(2)) / 2)


@pytest.mark.parametrize("ties", ["breslow", "efron"])
@pytest.mark.parametrize("l2", [0.0, 0.019])
@pytest.mark.parametrize("stratified", [False, True])
def test_a_fit_is_the_minimum(ties, l2, stratified):
    X, y, weight, strata = sample(5, n=60)
    problem = Problem.from_data(X, y, loss=Cox(ties, strata if stratified else None), l2=l2, sample_weight=weight)
    share = weight / weight.sum()
    Z = (X - share @ X) / np.sqrt(share @ (X - share @ X) ** 2)
    alone = strata if stratified else np.zeros(60)

    def objective(v):
        return by_definition(Z @ v, y, weight, alone, ties) + l2 * v @ v

    best = optimize.minimize(objective, np.zeros(5), method="BFGS", options={"gtol": 1e-8})
    fit = fit_support(problem, np.arange(5))
    assert fit.value == pytest.approx(best.fun, rel=1e-10)
    assert fit.gamma == pytest.approx(best.x, rel=1e-3, abs=1e-4)
    coef, intercept = fit.coefficients(problem)
    assert intercept == 0.0
    assert problem.objective(coef) == pytest.approx(fit.value, rel=1e-12)


@pytest.mark.parametrize("question", [{}, {"l2": 0.019}, {"lower": -0.37, "upper": 0.19}, {"groups": [0, 0, 1, 2, 2]}])
@pytest.mark.parametrize("ties", ["breslow", "efron"])
def test_the_search_finds_the_best_of_all_supports(question, ties):
    X, y, _, _ = sample(7, n=70)
    X = (X - X.mean(0)) / X.std(0)
    problem = Problem.from_data(X, y, loss=Cox(ties), k=2, **question)
    units = combinations(range(problem.rules.n_units), 2)
    best = min(fit_support(problem, problem.rules.columns(two)).value for two in units)
    result = ez.best_subset(X, y, loss=Cox(ties), k=2, **question)
    assert result.objective == pytest.approx(best, rel=1e-9)
    assert result.status is ez.Status.HEURISTIC
    assert result.gap is None


def test_l1_is_minimised():
    X, y, _, _ = sample(3, n=70)
    X = (X - X.mean(0)) / X.std(0)
    fit = fit_support(Problem.from_data(X, y, loss="cox", l1=0.037), np.arange(5))

    def objective(v):  # split in positive and negative parts, for a solver of smooth problems
        b = v[:5] - v[5:]
        return by_definition(X @ b, y, np.ones(70), np.zeros(70), "breslow") + 0.037 * v.sum()

    best = optimize.minimize(
        objective, np.full(10, 0.1), bounds=[(0, None)] * 10, options={"ftol": 1e-14, "gtol": 1e-9}
    )
    assert fit.value == pytest.approx(best.fun, rel=1e-8)
    assert fit.value <= best.fun * (1 + 1e-12)


def test_modelled_squares_are_those_of_the_hessian(monkeypatch):
    """In parts of any width; the diagonal that ranks moves is z' H z of every column."""
    monkeypatch.setattr("ellzero.solvers.modelled.TOGETHER", 100)
    X, y, weight, strata = sample(9)
    problem = Problem.from_data(X, y, loss=Cox("efron", strata), sample_weight=weight)
    moves, eta = ModelMoves(problem), np.random.default_rng(3).normal(size=40)
    Z = problem.normal.Z.columns(np.arange(5))
    direct = [z @ problem.loss.mean_hessian_times(problem.y, eta, problem.weight, z[:, None])[:, 0] for z in Z.T]
    assert moves._squares(eta) == pytest.approx(direct)


def test_repeated_rows_are_integer_weights():
    """With Breslow's ties; and only then: Efron's share what is at risk among the repeats."""
    X, y, _, strata = sample(1)
    times = np.random.default_rng(19).integers(1, 4, 40)
    for ties, same in (("breslow", True), ("efron", False)):
        weighted = ez.best_subset(X, y, k=2, loss=Cox(ties, strata), sample_weight=times)
        repeated = ez.best_subset(X.repeat(times, 0), y.repeat(times, 0), k=2, loss=Cox(ties, strata.repeat(times)))
        assert (weighted.objective == pytest.approx(repeated.objective, rel=1e-9)) == same
        assert weighted.n_samples == repeated.n_samples == times @ y[:, 1]


def test_small_weights_only_add_a_constant():
    X, y, weight, _ = sample(2)
    whole = ez.best_subset(X, y, k=2, loss="cox", sample_weight=weight / weight.min())
    small = ez.best_subset(X, y, k=2, loss="cox", sample_weight=weight / 190)
    assert small.coef == pytest.approx(whole.coef, rel=1e-8)
    assert small.loss == pytest.approx(whole.loss, rel=1e-12)
    assert small.loss > 0


def test_rows_of_weight_zero_do_not_count():
    X, y, weight, strata = sample(4)
    weight[::3] = 0
    kept = weight > 0
    ours = ez.best_subset(X, y, k=2, loss=Cox("efron", strata), sample_weight=weight, offset=X[:, 2])
    theirs = ez.best_subset(
        X[kept], y[kept], k=2, loss=Cox("efron", strata[kept]), sample_weight=weight[kept], offset=X[kept, 2]
    )
    assert ours.coef == pytest.approx(theirs.coef)


def test_an_offset_is_a_coefficient_of_one():
    X, y, weight, strata = sample(6)
    event, loss = bound(y, weight, strata, "efron", True)
    shifted, eta = Offset(loss, X[:, 0]), np.random.default_rng(2).normal(size=40)
    assert shifted.mean(event, eta, weight) == loss.mean(event, eta + X[:, 0], weight)
    full = ez.best_subset(X, y, k=1, forced=[2], loss="cox")
    rest = ez.best_subset(X, y, k=0, offset=full.decision_function(X), loss="cox")
    assert rest.loss == pytest.approx(full.loss, rel=1e-12)


def test_no_intercept_and_no_scale():
    """A shift of columns changes nothing, a constant column never enters, and n is the number of events."""
    X, y, _, _ = sample(8)
    result = ez.best_subset(X, y, k=2, l2=0.019, loss="cox")
    moved = ez.best_subset(X + 190.0, y, k=2, l2=0.019, loss="cox", fit_intercept=False)
    assert moved.coef == pytest.approx(result.coef, rel=1e-6)
    assert result.n_samples == y[:, 1].sum()
    assert result.n_parameters == 2
    assert result.criterion("bic") == pytest.approx(2 * result.n_samples * result.loss + 2 * np.log(y[:, 1].sum()))
    with pytest.warns(ez.errors.EllzeroWarning, match="constant columns never enter: x5"):
        assert 5 not in ez.best_subset(np.column_stack([X, np.ones(40)]), y, k=2, loss="cox").support


def test_targets_of_all_makes():
    X, y, _, _ = sample(1)
    pandas = pytest.importorskip("pandas")
    structured = np.array(list(zip(y[:, 1] == 1, y[:, 0], strict=True)), dtype=[("died", "?"), ("days", "<i4")])
    frame = pandas.DataFrame({"days": y[:, 0], "died": y[:, 1] == 1})
    known = ez.best_subset(X, y, k=2, loss="cox").objective
    for target in (structured, frame, y.tolist()):
        assert ez.best_subset(X, target, k=2, loss="cox").objective == known


@pytest.mark.parametrize("unit", [1e-300, 1e-150, 1e150, 1e307])
def test_only_the_order_of_the_times_counts(unit):
    X, y, weight, strata = sample(3)
    scaled = np.column_stack([unit * y[:, 0], y[:, 1]])
    for loss in (Cox(), Cox("efron", strata)):
        one, other = (ez.best_subset(X, times, k=2, loss=loss, sample_weight=weight) for times in (y, scaled))
        assert np.array_equal(one.coef, other.coef)
        assert one.objective == other.objective
    model = ez.L0Cox(k=2).fit(X, scaled)
    plain = ez.L0Cox(k=2).fit(X, y)
    assert np.array_equal(model.coef_, plain.coef_)
    assert model.score(X, scaled) == plain.score(X, y)
    at = np.array([1.9, 3.0])
    assert np.array_equal(model.predict_survival(X, unit * at), plain.predict_survival(X, at))


def test_monotone_likelihoods_are_explained():
    """A group without events: its coefficient goes to minus infinity while the loss stays where it is."""
    X, y, _, _ = sample(1, n=70)
    group = (np.arange(70) % 5 == 0).astype(float)
    y = np.column_stack([y[:, 0], y[:, 1] * (1 - group)])
    data = np.column_stack([X, group])
    with pytest.raises(DataError, match="with x1, x5 the partial likelihood has no maximum"):
        ez.best_subset(data, y, k=2, forced=[1, 5], loss="cox")
    assert ez.best_subset(data, y, k=2, forced=[1, 5], loss="cox", l2=0.0019).loss > 0.1
    ordered = np.column_stack([np.arange(70.0), np.ones(70)])  # the loss itself goes to nothing
    with pytest.raises(DataError, match="no maximum"):
        ez.best_subset(-np.arange(70.0)[:, None], ordered, k=1, loss="cox")


def test_collinear_columns_and_large_effects_are_no_monotone_likelihoods():
    rng = np.random.default_rng(37)
    X = rng.normal(size=(400, 3))
    time = rng.exponential(np.exp(-7 * X[:, 0]))
    y = np.column_stack([time, np.ones(400)])
    result = ez.best_subset(np.column_stack([X, X[:, 0] + X[:, 1]]), y, k=4, forced=[0, 1, 3], loss="cox")
    assert np.ptp(result.decision_function(np.column_stack([X, X[:, 0] + X[:, 1]]))) > 20
    assert result.loss == pytest.approx(ez.best_subset(X, y, k=3, loss="cox").loss, rel=1e-6)


def test_held_out_losses():
    """Each fold's own partial likelihood over its events, by definition."""
    X, y, weight, strata = sample(2, n=60)
    folds = [(np.arange(60) % 3 != f, np.arange(60) % 3 == f) for f in range(3)]
    folds = [(np.flatnonzero(a), np.flatnonzero(b)) for a, b in folds]
    found = ez.cross_validate(X, y, loss=Cox("efron", strata), k=2, cv=folds, sample_weight=weight)
    for f, (train, test) in enumerate(folds):
        fitted = ez.path(X[train], y[train], loss=Cox("efron", strata[train]), k=2, sample_weight=weight[train])
        held = by_definition(X[test] @ fitted[2].coef, y[test], weight[test], strata[test], "efron")
        assert found.losses[2, f] == pytest.approx(held, rel=1e-9)
        assert found.fold_weights[f] == pytest.approx(weight[test] @ y[test, 1])


SETS = {  # time, event, columns as known answers name them
    "gbsg2": ("time", "cens", ("horTh", "menostat", "tgrade")),
    "veteran": ("time", "status", ("celltype",)),
}


def known_set(root, name, wanted):
    """Columns in the order of the known answers: numbers, and dummies named ``column_level``."""
    rows = read(root / "surv_small" / f"{name}.csv")
    time, event, factors = SETS[name]
    y = np.array([[float(row[time]), float(row[event])] for row in rows])
    columns = {}
    for column in rows[0]:
        if column in (time, event):
            continue
        if column in factors:
            for level in sorted({row[column] for row in rows}):
                columns[f"{column}_{level}"] = [float(row[column] == level) for row in rows]
        else:
            columns[column] = [float(row[column]) for row in rows]
    return np.column_stack([columns[feature] for feature in wanted]), y


@pytest.mark.parametrize("name", SETS)
def test_known_answers(name, data_dir, expected):
    known = expected("surv_small")[name]
    largest = max(known["sizes"], key=lambda size: size["k"])
    wanted = [feature for _, feature in sorted(zip(largest["index"], largest["features"], strict=True))]
    assert len(wanted) == known["p"]
    X, y = known_set(data_dir, name, wanted)
    assert (len(y), y[:, 1].sum()) == (known["n"], known["events"])
    solutions = ez.path(X, y, k=known["p"], loss=Cox(known["ties"]))
    for size in known["sizes"]:
        result = solutions[size["k"]]
        assert sorted(result.support.tolist()) == sorted(size["index"])
        assert -known["events"] * result.loss == pytest.approx(size["partial_loglik"], rel=1e-9)
        assert result.criterion("bic") == pytest.approx(size["bic_events"], rel=1e-9)
        assert result.criterion("aic") == pytest.approx(size["aic"], rel=1e-9)
    least = min(known["sizes"], key=lambda size: size["bic_events"])
    assert sorted(solutions.best("bic").support.tolist()) == sorted(least["index"])
