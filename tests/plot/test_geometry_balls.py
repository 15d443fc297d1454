"""Balls, losses and contact points as they are drawn: what is on the axes is what the arrays say."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d.art3d import Poly3DCollection

import ellzero as ez
from ellzero import errors, plot
from ellzero import geometry as geo
from ellzero.penalties import L0, L1, L2, MCP, Lp
from ellzero.plot.balls import draw_panels
from ellzero.plot.panels import coordinates, wrapped
from ellzero.plot.surfaces import DARKEST, shades

BOWL = geo.quadratic([[1.0, 0.37], [0.37, 0.8]], [0.45, 1.9])


def lines(ax, label):
    return [line.get_xydata() for line in ax.lines if line.get_label() == label]


def test_the_axes_given_are_the_axes_drawn_on():
    axes = Figure().subplots(1, 3)
    assert all(one is other for one, other in zip(plot.balls([2, 1, 0], ax=axes), axes, strict=True))
    ax = Figure().subplots()
    assert plot.balls(0.37, ax=ax) is ax
    assert plot.balls([1], ax=list(axes[:1])).shape == (1,)


@pytest.mark.parametrize("p", [0.37, 1, 1.9, np.inf])
def test_drawn_points_are_those_of_the_panel(p):
    (panel,) = plot.panels(p, BOWL, 0.7)
    ax = plot.balls(p, BOWL, 0.7, ax=Figure().subplots())
    drawn = np.concatenate(lines(ax, "ball"))
    np.testing.assert_allclose(geo.norm(drawn, p), 0.7, rtol=1e-9)
    np.testing.assert_array_equal(drawn, np.concatenate(panel.ball.curves()))
    touching = np.concatenate(lines(ax, "touching"))
    np.testing.assert_allclose(BOWL(touching), panel.contact.value, rtol=1e-9)
    np.testing.assert_array_equal(lines(ax, "contact")[0][0], geo.contact(BOWL, p, 0.7).point)
    np.testing.assert_allclose(lines(ax, "minimiser")[0][0], [0.45, 1.9], rtol=1e-12)
    assert len(lines(ax, "contour")) >= len(panel.contours) > 2
    assert panel.below in ax.get_xlabel().replace("\n", " ")


def test_contours_lie_at_even_distances():
    (panel,) = plot.panels(2, BOWL, 0.7)
    rise = panel.contact.value - float(BOWL([0.45, 1.9]))
    steps = np.sqrt([line.level / rise for line in panel.contours])
    np.testing.assert_allclose(steps * 3, np.round(steps * 3), atol=1e-9)
    (chosen,) = plot.panels(2, BOWL, 0.7, levels=[0.37, 0.19])
    assert [line.level for line in chosen.contours] == [0.19, 0.37]


def test_the_same_loss_looks_the_same_in_each_panel():
    shown = plot.panels([2, 1, 0.5, 0], BOWL, [0.7, 0.7, 0.7, 1])
    touching = {panel.contact.value for panel in shown}
    levels = [{line.level for line in panel.contours} for panel in shown]
    assert all(set.union(*levels) - own <= {panel.contact.value} for own, panel in zip(levels, shown, strict=True))
    assert max(touching) in set.union(*levels)
    axes = plot.balls([2, 1, 0.5, 0], BOWL, [0.7, 0.7, 0.7, 1], ax=Figure().subplots(1, 4))
    colours = {}
    for ax in axes:
        for line in ax.lines:
            if line.get_label() == "contour":
                level = round(float(BOWL(line.get_xydata()[0])), 9)
                assert colours.setdefault(level, tuple(line.get_color())) == tuple(line.get_color())
    assert len(set(colours.values())) == len(colours) == len(set.union(*levels))


def test_panels_share_their_limits_and_hold_what_they_show():
    shown = plot.panels([2, 0.5, 0], BOWL)
    for panel in shown:
        np.testing.assert_array_equal(panel.limits, shown[0].limits)
        for point in (panel.contact.point, panel.centre):
            assert ((panel.limits[:, 0] < point) & (point < panel.limits[:, 1])).all()
    assert np.ptp(np.ptp(shown[0].limits, axis=1)) < 1e-12
    axes = plot.balls([2, 0.5, 0], BOWL, limits=(-1.9, 2.3), ax=Figure().subplots(1, 3))
    assert {ax.get_xlim() for ax in axes} == {(-1.9, 2.3)}
    assert all(ax.get_aspect() == 1.0 for ax in axes)


def test_one_line_from_a_problem_in_standardised_coefficients():
    rng = np.random.default_rng(37)
    X = rng.normal(size=(41, 2)) * [19.0, 0.37]
    y = X @ [0.1, 1.9] + rng.normal(size=41)
    problem = ez.Problem.from_data({"area": X[:, 0], "rooms": X[:, 1]}, y, k=1)
    axes = ez.plot.balls([2, 1, 0.5, 0], loss=problem)
    centred, target = X - X.mean(axis=0), y - y.mean()
    coef = np.linalg.lstsq(centred, target, rcond=None)[0]
    for ax in axes:
        np.testing.assert_allclose(lines(ax, "minimiser")[0][0], coef * X.std(axis=0), rtol=1e-7)
    assert axes[0].get_xlabel().startswith("area × sd")
    plain = ez.Problem.from_data({"area": X[:, 0], "rooms": X[:, 1]}, y, k=1, standardize=False)
    (panel,) = plot.panels(2, plain)
    np.testing.assert_allclose(panel.centre, coef, rtol=1e-7)
    assert panel.names == ("area", "rooms")
    from matplotlib import pyplot

    pyplot.close("all")


def test_few_nonzeros_are_all_of_axes_and_planes():
    (axes,) = plot.panels(0, n=2)
    np.testing.assert_array_equal(axes.ball.points, [[-1.2, 0], [1.2, 0], [0, -1.2], [0, 1.2]])
    np.testing.assert_array_equal(axes.limits, [[-1.2, 1.2]] * 2)
    (plane,) = plot.panels(0, None, 2, limits=(-1.9, 0.37))
    assert plane.ball.content() == pytest.approx(2.27**2)
    (planes,) = plot.panels(0, None, 2, n=3, limits=(-1.9, 0.37))
    assert (np.count_nonzero(planes.ball.points, axis=1) <= 2).all()
    assert planes.ball.measure() == pytest.approx(3 * 2.27**2)
    (space,) = plot.panels(0, None, 3, n=3, limits=(-1.9, 0.37))
    assert space.ball.measure() == pytest.approx(6 * 2.27**2)


def test_at_most_one_nonzero_is_the_axes():
    (panel,) = plot.panels(0, BOWL)
    assert panel.counts
    assert panel.title == "p = 0: at most 1 nonzero"
    assert (np.count_nonzero(panel.ball.points, axis=1) == 1).all()
    assert np.count_nonzero(panel.contact.point) == 1
    assert panel.words.startswith("x1 = 0, ")


@pytest.mark.parametrize(
    ("penalty", "p", "radius"),
    [(L1(0.5), 1, 0.76), (L2(0.5), 2, np.sqrt(0.76)), (Lp(0.5, 0.7), 0.7, 0.76 ** (1 / 0.7)), (L0(0.19), 0, 2)],
)
def test_penalties_that_are_norms_have_their_closed_form(penalty, p, radius):
    (panel,) = plot.panels(penalty, None, 0.38)
    assert (panel.order, panel.radius) == (p, pytest.approx(radius))
    if p:
        np.testing.assert_allclose(penalty.values(panel.ball.points), 0.38, rtol=1e-9)


def test_other_penalties_have_level_sets():
    penalty = MCP(0.7, 3.0)
    ax = plot.balls(penalty, BOWL, ax=Figure().subplots())
    drawn = np.concatenate(lines(ax, "ball"))
    np.testing.assert_allclose(penalty.values(drawn), 0.5 * penalty.value([0.45, 1.9]), rtol=1e-9)
    assert ax.get_title().startswith("MCP ≤ ")


def test_inside_nothing_touches():
    (panel,) = plot.panels(1, BOWL, 19.0)
    assert panel.touching is None
    assert panel.below.startswith("minimiser inside: x1 = 0.45")


def test_in_space():
    H = 0.37 ** np.abs(np.subtract.outer(np.arange(3), np.arange(3)))
    loss = geo.quadratic(H, [0.2, 0.4, 1.9])
    figure = Figure()
    axes = [figure.add_subplot(1, 2, i + 1, projection="3d") for i in range(2)]
    plot.balls([1, 0], loss, [0.7, 1], resolution=19, ax=axes)
    (panel, counted) = plot.panels([1, 0], loss, [0.7, 1], resolution=19)
    assert axes[0].azim == axes[1].azim
    assert abs(np.sin(np.deg2rad(2 * axes[0].azim))) > 0.9  # no axis end-on
    (surface,) = [part for part in axes[0].collections if isinstance(part, Poly3DCollection)]
    assert len(panel.ball.cells) + len(panel.touching.cells) == len(surface._faces)
    where = [np.array(line.get_data_3d()).ravel() for line in axes[0].lines if line.get_label() == "contact"]
    np.testing.assert_array_equal(where[0], panel.contact.point)
    assert len([line for line in axes[1].lines if line.get_label() == "ball"]) == 3
    assert (counted.ball.points >= counted.limits[:, 0]).all()
    assert axes[0].get_zlabel() == "x3"


def test_levels_in_space_are_drawn():
    loss = geo.quadratic(np.eye(3), [0.2, 0.4, 1.9])
    (panel,) = plot.panels(1, loss, 0.7, levels=[0.37, 0.9], resolution=19)
    ax = plot.balls(1, loss, 0.7, levels=[0.37, 0.9], resolution=19, ax=Figure().add_subplot(projection="3d"))
    parts = (panel.ball, panel.touching, *panel.contours)
    assert len(panel.contours) == 2
    assert len(ax.collections[0]._faces) == sum(len(part.cells) for part in parts)


def test_triangles_behind_do_not_fringe_the_outline():
    ax = plot.balls(1, n=3, resolution=9, ax=Figure().add_subplot(projection="3d"))
    edges = ax.collections[0].get_edgecolor()
    assert 0.3 < (edges[:, 3] == 0).mean() < 0.7


def test_given_axes_keep_the_sizes_of_the_user():
    import matplotlib

    with matplotlib.rc_context({"axes.labelsize": 13.7, "xtick.labelsize": 11.9, "legend.fontsize": 12.3}):
        figure = Figure()
        flat, space = figure.add_subplot(1, 2, 1), figure.add_subplot(1, 2, 2, projection="3d")
        plot.contours(BOWL, [0.37], ax=flat)
        plot.isosurface(geo.quartic(), resolution=11, ax=space)
    assert flat.get_legend().get_texts()[0].get_fontsize() == 12.3
    assert space.xaxis.label.get_fontsize() == 13.7
    assert space.xaxis.get_major_ticks()[0].label1.get_fontsize() == 11.9


def test_light_comes_from_true_normals():
    sphere = geo.ball(2, 3, resolution=9)
    diffuse, highlight = shades(sphere, 0.0, 0.0)
    middle = sphere.points[sphere.cells].mean(axis=1)
    middle /= np.linalg.norm(middle, axis=1, keepdims=True)
    seen = middle * np.where(middle[:, :1] < 0, -1.0, 1.0)
    e, a = np.deg2rad([32.0, -38.0])
    lamp = np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])
    clear = np.abs(middle[:, 0]) > 0.05
    wanted = DARKEST + (1 - DARKEST) * np.maximum(seen @ lamp, 0.0)
    np.testing.assert_allclose(diffuse[clear], wanted[clear], atol=0.02)
    assert highlight.max() <= 0.22
    assert diffuse.min() >= DARKEST


def test_words():
    assert coordinates([0.0, -0.37, 3e-17], "xyz") == "x = 0, y = −0.37, z = 3e-17"
    assert wrapped("touches at x1 = 0.371, x2 = 0.594", 20) == "touches at x1 = 0.371,\nx2 = 0.594"


def test_arrays_as_lists():
    (panel,) = plot.panels(1, BOWL, 0.7)
    shown = panel.to_dict()
    np.testing.assert_array_equal(shown["ball"]["points"], panel.ball.points)
    assert shown["contact"]["n_zeros"] == 1
    assert len(shown["contours"]) == len(panel.contours)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: plot.panels(-1), r"`p` must be a number in \[0, inf\], got -1"),
        (lambda: plot.panels([]), "`ps` is empty"),
        (lambda: plot.panels(1, BOWL, 0), "`budget` must be a finite number > 0, got 0"),
        (lambda: plot.panels(0, BOWL, 1.9), "must be an integer from 1 to 2, got 1.9. Hint: give one budget for each"),
        (lambda: plot.panels(0, BOWL, 5), "must be an integer from 1 to 2, got 5"),
        (lambda: plot.panels([1, 2], BOWL, [0.37]), "or one for each of 2 balls"),
        (lambda: plot.panels(MCP(0.37, 3.0)), "`budget` is needed for MCP"),
        (lambda: plot.panels(1, n=4), "pictures have 2 or 3"),
        (lambda: plot.panels(1, geo.quadratic(np.eye(5), np.ones(5))), "the loss has 5 variables, and pictures"),
        (lambda: plot.balls([1, 2], ax=Figure().subplots(1, 3)), "one axes for each of 2 panels, got 3"),
        (lambda: plot.balls(1, ax="axes"), "must be matplotlib axes or None, got str"),
        (lambda: plot.balls(1, n=3, ax=Figure().subplots()), "must be axes in three dimensions"),
        (lambda: draw_panels([]), "`shown` is empty"),
        (lambda: plot.panels(1, BOWL, levels=[99.0]), "`level` must lie strictly between"),
    ],
)
def test_what_cannot_be_drawn_is_said(call, sentence):
    with pytest.raises(errors.ArgumentError, match=sentence):
        call()
