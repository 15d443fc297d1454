"""Honest inference: one split against textbook formulas, aggregation against its definition, coverage by simulation."""

import numpy as np
import pytest
from scipy import stats

import ellzero as ez
from ellzero.selection.inference import _classical, aggregated
from strategies import design


def halves(n, seed, share=0.5):
    """The rows that choose and those that judge, drawn as documented."""
    (rng,) = np.random.default_rng(seed).spawn(1)
    order, n_choosing = rng.permutation(n), round(share * n)
    return np.sort(order[:n_choosing]), np.sort(order[n_choosing:])


def textbook(X, y, loss, intercept=True):
    """Coefficients and standard errors by Newton steps on the plain likelihood, and the degrees of freedom."""
    Z = np.column_stack([np.ones(len(y)), X]) if intercept else X
    if loss == "squared":
        b = np.linalg.lstsq(Z, y, rcond=None)[0]
        room = len(y) - Z.shape[1]
        error = np.sqrt(np.diag(np.linalg.inv(Z.T @ Z)) * ((y - Z @ b) ** 2).sum() / room)
        return b[intercept:], error[intercept:], room
    b = np.zeros(Z.shape[1])
    for _ in range(50):
        mean = 1 / (1 + np.exp(-Z @ b)) if loss == "logistic" else np.exp(Z @ b)
        variance = mean * (1 - mean) if loss == "logistic" else mean
        information = Z.T @ (variance[:, None] * Z)
        b = b + np.linalg.solve(information, Z.T @ (y - mean))
    return b[intercept:], np.sqrt(np.diag(np.linalg.inv(information)))[intercept:], np.inf


def data(loss, seed=5, n=120, p=7):
    rng = np.random.default_rng(seed)
    X = design(rng, n, p, 0.3)
    eta = ((X - X.mean(0)) / X.std(0))[:, :2] @ [0.9, -0.7]
    if loss == "squared":
        return X, eta + 0.37 * rng.standard_normal(n)
    return X, (rng.random(n) < 1 / (1 + np.exp(-eta))) * 1.0 if loss == "logistic" else rng.poisson(np.exp(eta)) * 1.0


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("loss", ["squared", "logistic", "poisson"])
def test_the_judging_half_is_judged_by_the_textbook(loss, intercept):
    X, y = data(loss)
    X = X if intercept else X - X.mean(0)
    found = ez.honest(X, y, k=3, share=0.37, loss=loss, random_state=19, fit_intercept=intercept, solver="exchange")
    choosing, judging = halves(120, 19, 0.37)
    chosen = ez.best_subset(X[choosing], y[choosing], k=3, loss=loss, fit_intercept=intercept, solver="exchange")
    assert found.names == chosen.names_in_support
    coef, error, room = textbook(X[np.ix_(judging, chosen.support)], y[judging], loss, intercept)
    np.testing.assert_allclose(found.coef, coef, rtol=1e-6)
    np.testing.assert_allclose(found.std_error, error, rtol=1e-6)
    p = 2 * stats.t.sf(np.abs(coef / error), room)
    np.testing.assert_allclose(found.p_value, p, rtol=1e-4)
    np.testing.assert_allclose(found.adjusted, np.minimum(1, 3 * p), rtol=1e-4)
    reach = stats.t.ppf(0.975, room) * error
    np.testing.assert_allclose(found.lower, coef - reach, rtol=1e-5)
    np.testing.assert_allclose(found.upper, coef + reach, rtol=1e-5)
    assert (found.n_choosing, found.n_judging) == (44, 76)


@pytest.mark.parametrize("loss", ["squared", "logistic", "poisson"])
def test_an_integer_weight_is_a_repeated_row(loss):
    X, y = data(loss)
    times = np.random.default_rng(3).integers(1, 4, 120)
    columns = np.array([0, 1, 4])
    one = _classical(ez.Problem.from_data(X, y, loss=loss, sample_weight=times.astype(float)), columns)
    coef, error, room = textbook(np.repeat(X, times, axis=0)[:, columns], np.repeat(y, times), loss)
    np.testing.assert_allclose(one.coef, coef, rtol=1e-6)
    np.testing.assert_allclose(one.error, error, rtol=1e-6)
    assert one.room == pytest.approx(room)


@pytest.mark.parametrize("n_splits", [2, 7, 20, 50])
def test_aggregation_is_the_infimum_over_all_quantiles(n_splits):
    rng = np.random.default_rng(n_splits)
    p = rng.random((n_splits, 5)) ** [1, 2, 4, 8, 19]
    grid = np.concatenate([np.linspace(0.05, 1, 3001)[1:-1], np.arange(1, n_splits) / n_splits])
    grid = grid[grid > 0.05]
    for j in range(5):
        quantiles = [min(1.0, np.quantile(p[:, j] / g, g, method="inverted_cdf")) for g in [*grid, 1 - 1e-9]]
        expected = min(1.0, (1 - np.log(0.05)) * min(quantiles))
        assert aggregated(p)[j] == pytest.approx(expected, rel=1e-6)


def test_many_splits_are_put_together_from_single_ones():
    X, y = data("squared")
    many = ez.honest(X, y, k=3, n_splits=7, random_state=37)
    assert many.std_error is None
    p, coef = {}, {}
    for rng in np.random.default_rng(37).spawn(7):
        order = rng.permutation(120)
        choosing, judging = np.sort(order[:60]), np.sort(order[60:])
        support = ez.best_subset(X[choosing], y[choosing], k=3).support
        b, error, room = textbook(X[np.ix_(judging, support)], y[judging], "squared")
        for j, value, spread in zip(support, b, error, strict=True):
            p.setdefault(f"x{j}", []).append(min(1.0, 3 * 2 * stats.t.sf(abs(value / spread), room)))
            coef.setdefault(f"x{j}", []).append(value)
    assert set(many.names) == set(p)
    for name, median, share, adjusted in zip(many.names, many.coef, many.frequency, many.adjusted, strict=True):
        assert share == pytest.approx(len(p[name]) / 7)
        assert median == pytest.approx(np.median(coef[name]), rel=1e-7)
        padded = np.array(p[name] + [1.0] * (7 - len(p[name])))[:, None]
        assert adjusted == pytest.approx(aggregated(padded)[0], rel=1e-5)
    assert "7 random splits" in str(many)


def test_columns_that_the_judging_rows_do_not_tell_apart_prove_nothing():
    """A split in which a chosen column is constant counts as a p-value of one."""
    rng = np.random.default_rng(3)
    X = rng.standard_normal((40, 3))
    X[:, 2] = np.arange(40) == 7
    y = X[:, 0] + 9 * X[:, 2] + 0.37 * rng.standard_normal(40)
    found = ez.honest(X, y, k=2, n_splits=9, random_state=1)
    (rare,) = (p for name, p in zip(found.names, found.adjusted, strict=True) if name == "x2")
    assert rare == 1.0


def test_an_interrupt_keeps_finished_splits():
    X, y = data("squared")

    def watch(event):
        if event.stage == "honest" and event.done == 3:
            raise KeyboardInterrupt

    from ellzero import _progress

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_progress, "SHOW_EVERY", 0.0)
        found = ez.honest(X, y, k=3, n_splits=9, random_state=37, on_progress=watch)
    assert (found.n_splits, found.interrupted) == (3, True)
    np.testing.assert_allclose(found.adjusted, ez.honest(X, y, k=3, n_splits=3, random_state=37).adjusted)


@pytest.mark.parametrize("solver", ["exchange", "splicing"])
def test_an_interrupt_inside_a_search_ends_the_splits(solver):
    X, y = data("squared")
    seen = []

    def watch(event):
        seen.append(event.stage)
        if seen.count("honest") == 2 and event.stage != "honest":
            raise KeyboardInterrupt

    from ellzero import _progress

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_progress, "SHOW_EVERY", 0.0)
        found = ez.honest(X, y, k=3, n_splits=9, random_state=37, solver=solver, on_progress=watch)
    assert (found.n_splits, found.interrupted) == (1, True)
    assert "1 split counted" in str(found)


def naive(X, y, k):
    """What is usually done: the rows that chose the columns judge them as well."""
    support = ez.best_subset(X, y, k=k, solver="exchange").support
    coef, error, room = textbook(X[:, support], y, "squared")
    reach = stats.t.ppf(0.9, room) * error
    return support, coef - reach, coef + reach


@pytest.mark.slow
def test_intervals_cover_as_often_as_they_say_and_naive_ones_do_not():
    """200 data sets, 4 of 19 independent columns chosen, one with an effect: the target is the true coefficient.

    The columns are independent, so the coefficients of the model with the chosen columns are those of the whole one.
    """
    rng, covered, fooled = np.random.default_rng(37), [], []
    beta = np.zeros(19)
    beta[3] = 0.37
    for seed in range(200):
        X = rng.standard_normal((80, 19))
        y = X @ beta + 1.9 * rng.standard_normal(80)
        found = ez.honest(X, y, k=4, level=0.8, random_state=seed, solver="exchange")
        true = beta[[int(name[1:]) for name in found.names]]
        covered += list((found.lower <= true) & (true <= found.upper))
        support, lower, upper = naive(X, y, 4)
        fooled += list((lower <= beta[support]) & (beta[support] <= upper))
    assert stats.binomtest(sum(covered), len(covered), 0.8).pvalue > 1e-4, np.mean(covered)
    assert np.mean(fooled) < 0.5


@pytest.mark.slow
def test_false_claims_of_many_splits_are_as_rare_as_they_say():
    """80 data sets without any effect: the share in which some column has an aggregated p of at most 0.2."""
    rng, false = np.random.default_rng(37), 0
    for seed in range(80):
        X, y = rng.standard_normal((60, 9)), rng.standard_normal(60)
        found = ez.honest(X, y, k=3, n_splits=9, random_state=seed, solver="exchange")
        false += (found.adjusted <= 0.2).any()
    assert stats.binomtest(int(false), 80, 0.2, alternative="greater").pvalue > 1e-4


def test_an_offset_is_that_of_the_rows_that_judge():
    rng = np.random.default_rng(19)
    X, y = data("squared")
    offset = 1.9 * rng.standard_normal(120)
    found = ez.honest(X, y, k=2, random_state=37)
    shifted = ez.honest(X, y + offset, k=2, offset=offset, random_state=37)
    assert shifted.names == found.names
    np.testing.assert_allclose(shifted.coef, found.coef, rtol=1e-9)
    np.testing.assert_allclose(shifted.std_error, found.std_error, rtol=1e-9)
    X, offset = (X - X.mean(0)) / X.std(0), 0.37 * offset  # so that Newton steps from zero arrive
    counts = rng.poisson(np.exp(0.37 * X[:, 0] + offset)).astype(float)
    found = ez.honest(X, counts, k=1, loss="poisson", forced=[0], offset=offset, random_state=37)
    judging = halves(120, 37)[1]
    Z = np.column_stack([np.ones(judging.size), X[judging, 0]])
    b = np.zeros(2)
    for _ in range(50):
        mean = np.exp(Z @ b + offset[judging])
        information = Z.T @ (mean[:, None] * Z)
        b = b + np.linalg.solve(information, Z.T @ (counts[judging] - mean))
    np.testing.assert_allclose(found.coef, b[1:], rtol=1e-6)
    np.testing.assert_allclose(found.std_error, np.sqrt(np.diag(np.linalg.inv(information)))[1:], rtol=1e-6)


@pytest.mark.parametrize("loss", ["gamma", "huber", "squared_hinge", "multinomial", "cox"])
def test_losses_without_a_textbook_error_are_refused(loss):
    X, y = data("squared")
    target = {
        "gamma": np.exp(y), "huber": y, "squared_hinge": (y > 0) * 1.0, "multinomial": np.digitize(y, [-0.37, 0.37]),
        "cox": np.column_stack([np.exp(y), np.ones(120)]),
    }  # fmt: skip
    with pytest.raises(ez.errors.UnsupportedError, match=f"got the {loss} loss|of the {loss} loss"):
        ez.honest(X, target[loss], k=2, loss=loss)
