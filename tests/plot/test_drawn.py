"""The numbers in what is drawn are those of the arrays."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

import ellzero as ez
from ellzero import errors
from ellzero.plot.labels import short, spread, while_in
from ellzero.plot.models import squares_of


def named(ax, label):
    (line,) = [line for line in ax.get_lines() if line.get_label() == label]
    return line


@pytest.mark.parametrize("standardized", [True, False])
def test_path(path, hitters, ax, standardized):
    ez.plot.path(path, ax, standardized=standardized, most=19)
    scale = hitters.X.to_numpy(float).std(axis=0) if standardized else np.ones(19)
    for j, name in enumerate(path.names):
        expected = np.array([result.coef[j] for result in path]) * scale[j]
        x, y = named(ax, name).get_data()
        assert x.tolist() == list(path.sizes)
        drawn = ~np.isnan(y)
        np.testing.assert_allclose(y[drawn], expected[drawn], rtol=1e-10)
        assert not expected[~drawn].any()
        assert named(ax, name).get_markevery() == np.flatnonzero(expected).tolist()


def test_path_names_the_largest_and_leaves_the_others_grey(path, ax):
    ez.plot.path(path, ax, most=5)
    largest = np.abs(path.standardized).max(axis=0)
    expected = {path.names[j] for j in np.argsort(-largest)[:5]}
    assert {t.get_text() for t in ax.texts} - {"BIC: 6"} == expected
    grey = [line for line in ax.get_lines() if line.get_label().startswith("_") and line.get_label()[1:] in path.names]
    assert len(grey) == 19 - 5
    assert len({line.get_color() for line in grey}) == 1


def test_path_marks_the_choice(path, ax):
    ez.plot.path(path, ax, criterion="aic")
    assert f"AIC: {path.best('aic').k}" in [t.get_text() for t in ax.texts]


@pytest.mark.parametrize("criterion", ["bic", "adjr2"])
def test_criteria(path, ax, criterion):
    ez.plot.criteria(path, ax, criterion=criterion)
    curve, ring = ax.get_lines()
    np.testing.assert_allclose(curve.get_ydata(), [result.criterion(criterion) for result in path])
    best = path.best(criterion)
    assert ring.get_xdata()[0] == best.k
    assert ring.get_ydata()[0] == best.criterion(criterion)


def test_several_criteria_lie_above_their_best(path, ax):
    ez.plot.criteria(path, ax, criterion=["bic", "aic"])
    for name, curve in zip(["bic", "aic"], ax.get_lines()[::2], strict=True):
        values = np.array([result.criterion(name) for result in path])
        np.testing.assert_allclose(curve.get_ydata(), values - values.min(), atol=1e-9)
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["BIC, chooses 6", "AIC, chooses 10"]


def test_held_out_losses_with_their_errors(folds, ax):
    folds.plot(ax)
    (bars,) = ax.containers
    line, _, (lines,) = bars.lines
    np.testing.assert_allclose(line.get_ydata(), folds.mean)
    ends = np.array(lines.get_segments())[:, :, 1]
    np.testing.assert_allclose(ends[:, 0], folds.mean - folds.standard_error)
    np.testing.assert_allclose(ends[:, 1], folds.mean + folds.standard_error)
    limit = named(ax, "smallest mean + one standard error").get_ydata()[0]
    assert limit == pytest.approx((folds.mean + folds.standard_error)[folds.mean.argmin()])
    chosen = named(ax, f"one-standard-error choice: {folds.k_1se}").get_data()
    assert chosen[0][0] == folds.k_1se == folds.sizes[folds.mean <= limit][0]
    assert named(ax, f"smallest mean: {folds.k_best}").get_ydata()[0] == folds.mean.min()


def test_the_model_of_all_columns_is_a_line(hitters, ax):
    """With shrinkage to choose, sizes end before all columns, which have no place on the axis of sizes."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 30))
    found = ez.cross_validate(X, X[:, :20].sum(axis=1) + 0.37 * rng.normal(size=40), l1=None, l2=None, random_state=0)
    assert found.sizes[-1] > found.searched
    found.plot(ax)
    assert named(ax, "all columns, shrunken").get_ydata()[0] == found.mean[-1]
    assert ax.containers[0].lines[0].get_xdata().max() <= found.searched


def squares_drawn(ax):
    """Rows and columns of the squares, and their greys."""
    (collection,) = [c for c in ax.collections if len(c.get_facecolors())]
    boxes = [path.get_extents() for path in collection.get_paths()]
    at = [(round((b.y0 + b.y1) / 2), round((b.x0 + b.x1) / 2)) for b in boxes]
    return dict(zip(at, collection.get_facecolors()[:, 0], strict=True))


@pytest.mark.parametrize("criterion", ["bic", "aic", "adjr2"])
def test_squares_of_a_path(path, ax, criterion):
    ez.plot.squares(path, ax, criterion=criterion)
    drawn = squares_drawn(ax)
    assert len(drawn) == sum(result.support.size for result in path)
    better = -1 if criterion == "adjr2" else 1
    ranked = sorted(path, key=lambda result: -better * result.criterion(criterion))  # the best one last, on top
    ever = np.flatnonzero(np.any([result.coef != 0 for result in path], axis=0))
    expected = {(i, int(np.flatnonzero(ever == j)[0])) for i, r in enumerate(ranked) for j in r.support}
    assert set(drawn) == expected
    shades = [drawn[next(at for at in drawn if at[0] == i)] for i, r in enumerate(ranked) if r.support.size]
    assert shades[-1] == 0.0
    assert np.all(np.diff(shades) < 0)
    assert [label.get_text() for label in ax.get_xticklabels()] == [path.names[j] for j in ever]


def test_squares_of_rivals(near, ax):
    near.plot("squares", ax)
    rows = squares_of(near)
    assert len(squares_drawn(ax)) == sum(map(len, near.supports))
    np.testing.assert_array_equal(rows.values, near.objectives[::-1])
    assert rows.title == "objective"
    assert squares_of(near, "bic").values[-1] == min(result.criterion("bic") for result in near.results)


def test_squares_keep_the_best_rows(path):
    rows = squares_of(path, "bic", most=3)
    assert rows.values.tolist() == sorted(path.criteria("bic").values())[:3][::-1]


def test_rivals(near, ax):
    near.plot(ax=ax)
    found = near.substitutes()
    (mesh,) = [c for c in ax.collections if c.get_array() is not None]
    np.testing.assert_allclose(np.ma.filled(mesh.get_array(), np.nan), 100 * found.excess)
    assert [label.get_text() for label in ax.get_xticklabels()] == list(found.names)
    written = {(round(t.get_position()[1]), round(t.get_position()[0])): float(t.get_text()) for t in ax.texts}
    assert set(written) == {tuple(at) for at in np.argwhere(found.count).tolist()}
    for (i, j), value in written.items():
        assert value == pytest.approx(100 * found.excess[i, j], abs=0.06)


def test_gap(proved, ax):
    proved.plot("gap", ax)
    closing = proved.closing()
    np.testing.assert_array_equal(named(ax, "best answer").get_ydata(), closing.objective)
    np.testing.assert_array_equal(named(ax, "proven bound").get_ydata(), closing.lower_bound)
    np.testing.assert_array_equal(named(ax, "proven bound").get_xdata(), closing.elapsed)
    assert ax.get_xscale() == "linear"
    assert ez.plot.gap(proved, ax, log=True).get_xscale() == "log"


@pytest.mark.parametrize("standardized", [True, False])
def test_coefficients(proved, hitters, ax, standardized):
    ez.plot.coefficients(proved, ax, standardized=standardized)
    scale = hitters.X.to_numpy(float).std(axis=0) if standardized else np.ones(19)
    expected = {proved.names[j]: proved.coef[j] * scale[j] for j in proved.support}
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == sorted(expected, key=lambda name: abs(expected[name]))
    drawn = {}
    for line in (named(ax, "positive"), named(ax, "negative")):
        drawn |= {labels[int(y)]: x for x, y in zip(*line.get_data(), strict=True)}
    assert drawn == pytest.approx(expected)
    assert all(x > 0 for x in named(ax, "positive").get_xdata())


def test_frequencies_beside_the_coefficients(diabetes, stable, ax):
    result = ez.best_subset(diabetes.X, diabetes.y, k=4)
    result.plot(ax=ax, stability=stable)
    (beside,) = [other for other in ax.figure.axes if other is not ax]
    labels = [label.get_text() for label in ax.get_yticklabels()]
    shares = [label.get_text() for label in beside.get_yticklabels()]
    known = dict(zip(stable.names, stable.frequency, strict=True))
    assert shares == [f"{100 * known[name]:.0f} %" for name in labels]


def test_forced_columns_have_no_frequency(diabetes, ax):
    question = {"k": 3, "forced": ["age"]}
    stable = ez.stability(diabetes.X, diabetes.y, n_draws=3, random_state=0, **question)
    ez.best_subset(diabetes.X, diabetes.y, **question).plot(ax=ax, stability=stable)
    (beside,) = [other for other in ax.figure.axes if other is not ax]
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert [t.get_text() for t in beside.get_yticklabels()][labels.index("age")] == "forced"


def test_stability(stable, ax):
    stable.plot(ax)
    assert [bar.get_width() for bar in ax.patches] == sorted(stable.frequency)
    filled = [bar for bar in ax.patches if bar.get_facecolor()[:3] != to_rgb("white")]
    assert len(filled) == len(stable.selected) > 0
    assert named(ax, "threshold 0.8").get_xdata()[0] == 0.8
    (chance,) = [line for line in ax.get_lines() if line.get_label().startswith("chance")]
    assert chance.get_xdata()[0] == pytest.approx(stable.chance)


def test_penalty_path(lasso, ax):
    ez.plot.penalty_path(lasso, ax, most=19)
    for j, name in enumerate(lasso.names):
        x, y = named(ax, name).get_data()
        np.testing.assert_array_equal(x, lasso.strengths)
        drawn = ~np.isnan(y)
        np.testing.assert_allclose(y[drawn], (lasso.coefs * lasso.sample.deviations)[drawn, j])
        assert not lasso.coefs[~drawn, j].any()
    (top,) = [other for other in ax.figure.axes if other is not ax]
    assert top.get_xlim() == ax.get_xlim()
    assert ax.get_xlim()[0] > ax.get_xlim()[1]
    for at, label in zip(top.get_xticks(), top.get_xticklabels(), strict=True):
        assert int(label.get_text()) == np.count_nonzero(lasso.at(at).coef)


def test_penalty_path_of_one_gamma(diabetes, ax):
    path = ez.penalty_path(diabetes.X, diabetes.y, penalty="l0l2", gammas=[0.037, 0.37])
    ez.plot.penalty_path(path, ax, gamma=0.4)
    rows = np.flatnonzero(path.gammas == 0.37)
    assert 0 < rows.size < len(path)
    x, y = named(ax, "bmi").get_data()
    np.testing.assert_array_equal(x, path.strengths[rows])
    drawn = ~np.isnan(y)
    np.testing.assert_allclose(y[drawn], path.standardized[rows][drawn, path.names.index("bmi")])


def test_bad_input_is_a_sentence(path, near, folds, proved, stable, lasso, hitters, ax):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 3))
    several = ez.path(X, X[:, :2] + 0.37, k=2)
    empty = ez.path(hitters.X, hitters.y, k=[0])
    lonely = ez.rivals(X, X[:, 0] + 0.037 * rng.normal(size=30), k=1, within=0.0)
    for draw, message in [
        (lambda: ez.plot.path(proved, ax), "path draws a Path, got Result."),
        (lambda: ez.plot.path(several, ax), "a picture of coefficients needs a single response"),
        (lambda: several[2].plot(ax=ax), "a picture of coefficients needs a single response"),
        (lambda: empty.plot(ax=ax), "there is nothing to draw: no column is in any model of the path."),
        (lambda: empty.plot("squares", ax), "there is nothing to draw: no column is in any model."),
        (lambda: empty[0].plot(ax=ax), "there is nothing to draw: no column is in the model."),
        (lambda: path[3].plot("gap", ax), r"the search that gave this result \(exchange\) kept no bounds"),
        (lambda: path.plot("circles", ax), "`kind` must be one of coefficients, criteria, squares, got 'circles'."),
        (lambda: path.plot(ax=ax, most=-1), "`most` must be an integer in"),
        (lambda: path.plot("criteria", ax, criterion="bik"), "`criterion` must be one of"),
        (lambda: path.plot("squares", ax, criterion="bik"), "`criterion` must be one of"),
        (lambda: path.plot("criteria", ax, criterion=["bic", "adjr2"]), "criterion adjr2 has a scale of its own"),
        (lambda: path.plot("criteria", ax, criterion=[]), "there is nothing to draw: no criterion is named."),
        (lambda: ez.plot.criteria(folds, ax, criterion="bic"), "`criterion` is for a path, got 'bic'"),
        (lambda: ez.plot.criteria(lasso, ax), "criteria draws a Path or a CrossValidation, got PenaltyPath."),
        (lambda: ez.plot.squares(lasso, ax), "squares draws a Path or Rivals, got PenaltyPath."),
        (lambda: ez.plot.rivals(path, ax), "rivals draws Rivals, got Path."),
        (lambda: lonely.plot(ax=ax), "there is nothing to draw: no two supports of the list differ in one column."),
        (lambda: ez.plot.gap(path, ax), "gap draws a Result, got Path."),
        (lambda: proved.plot(ax=ax, stability=path), "`stability` draws a Stability, got Path."),
        (lambda: ez.plot.stability(proved, ax), "stability draws a Stability, got Result."),
        (lambda: ez.plot.penalty_path(path, ax), "penalty_path draws a PenaltyPath, got Path."),
    ]:  # fmt: skip
        with pytest.raises((errors.ArgumentError, errors.DataError, errors.UnsupportedError), match=f"^{message}"):
            draw()


def test_squares_and_criteria_of_several_responses(ax):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 4))
    several = ez.path(X, X[:, :2] + 0.37 * rng.normal(size=(30, 2)), k=3)
    several.plot("squares", ax)
    assert len(squares_drawn(ax)) == 0 + 1 + 2 + 3


def test_names_with_dollars_are_no_mathematics(ax):
    import pandas as pd

    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(40, 3)), columns=["pay in $", "tax in $", "$x_{1$"])
    path = ez.path(X, X.sum(axis=1) + rng.normal(size=40), k=3)
    for kind in ("coefficients", "squares"):
        path.plot(kind, ax)
        ax.figure.canvas.draw()
        ax.clear()


def test_spread_is_the_least_move():
    """Against a solver of quadratic programs."""
    from scipy.optimize import minimize

    rng = np.random.default_rng(37)
    for _ in range(9):
        wanted = np.sort(rng.uniform(size=6))
        found = spread(wanted, 0.09, -9.0, 9.0)
        gaps = {"type": "ineq", "fun": lambda v: np.diff(v) - 0.09}
        best = minimize(lambda v, w=wanted: ((v - w) ** 2).sum(), wanted, constraints=gaps, options={"ftol": 1e-14})
        np.testing.assert_allclose(found, best.x, atol=1e-5)
        shuffled = rng.permutation(6)
        np.testing.assert_allclose(spread(wanted[shuffled], 0.09, -9.0, 9.0), found[shuffled])


def test_spread_stays_within_limits_and_apart():
    found = spread([0.95, 0.96, 0.97, 0.1], 0.19, 0.0, 1.0)
    assert found.min() >= 0.0
    assert found.max() <= 1.0 + 1e-12
    assert np.diff(np.sort(found)).min() >= 0.19 - 1e-12
    assert np.diff(np.sort(spread([0.5] * 37, 0.19, 0.0, 1.0))).min() == pytest.approx(1 / 36)


def test_short_names_stay_different():
    names = [f"{'x' * 19}{j}{'y' * 19}" for j in range(99)]
    assert len(set(short(names))) == 99
    assert short(["plain"]) == ["plain"]


def test_lines_leave_zero_alone():
    y = while_in(np.array([0.0, 0.0, 0.37, -1.9, 0.0, 0.0, 0.37]))
    np.testing.assert_array_equal(np.isnan(y), [True, False, False, False, False, False, False])
    assert np.isnan(while_in(np.zeros(3))).all()
