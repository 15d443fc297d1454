"""Contours, surfaces, slices, threshold curves, paths, envelopes and counts: drawn numbers are those of the arrays."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from ellzero import errors, plot
from ellzero import geometry as geo
from ellzero.penalties import L0, L1, L2, Lp
from ellzero.plot.penalties import pieces

BOWL = geo.quadratic([[1.0, 0.37], [0.37, 0.8]], [0.45, 0.9])


def axes3():
    return Figure().add_subplot(projection="3d")


def test_contours_are_level_sets():
    ax = plot.contours(BOWL, [0.19, 0.37], ax=Figure().subplots())
    for line, level in zip(ax.lines, (0.19, 0.37), strict=True):
        np.testing.assert_allclose(BOWL(line.get_xydata()), level, rtol=1e-9)
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["0.37", "0.19"]


def test_usual_levels_are_shares_of_the_area():
    (panel,) = plot.field_panels(BOWL, [{}])
    levels = [line.level for line in panel.contours]
    x = np.random.default_rng(37).uniform(-1.5, 1.5, (20_000, 2))
    shares = [(BOWL(x) < level).mean() for level in levels]
    np.testing.assert_allclose(shares, np.arange(1, 10) / 10, atol=0.02)


def test_slices_share_levels_and_leave_out_what_they_do_not_reach():
    bowl = geo.as_field(lambda x: (x**2).sum(axis=-1), n=3)
    axes = plot.slices(bowl, [{"x3": 0.0}, {2: 1.9}], [0.37, 5.0], ax=Figure().subplots(1, 2))
    assert [ax.get_title() for ax in axes] == ["x3 = 0", "x3 = 1.9"]
    levels = [{round(float(v), 9) for line in ax.lines for v in (line.get_xydata() ** 2).sum(axis=1)} for ax in axes]
    assert levels[0] == {0.37}  # 5 is beyond the corners at 4.5
    assert levels[1] == {round(5.0 - 1.9**2, 9)}


def test_a_slice_of_four_variables_is_a_surface():
    field = geo.as_field(lambda x: (x**2).sum(axis=-1), n=4)
    ax = plot.slices(field, {"x4": 0.6}, [1.0], resolution=19, ax=axes3())
    (surface,) = ax.collections
    np.testing.assert_allclose((np.concatenate(surface._faces) ** 2).sum(axis=-1), 0.64, rtol=1e-9)


def test_surfaces():
    surface = geo.level_set(geo.quartic(), 0.0, resolution=19)
    for thing in (geo.quartic(), surface):
        ax = plot.isosurface(thing, 0.0, resolution=19, ax=axes3())
        assert len(ax.collections[0]._faces) == len(surface.cells)
    assert ax.get_title() == "a quartic, level 0"


def test_thresholds_are_the_library_s_prox():
    penalties = {"hard": L0(0.5), "soft": L1(0.37), "root": Lp(0.7, 0.5)}
    ax = plot.thresholds(penalties, 1.9, step=0.8, ax=Figure().subplots())
    curves = {line.get_label(): line.get_xydata() for line in ax.lines if line.get_label() in penalties}
    for label, penalty in penalties.items():
        curve = geo.threshold(penalty, 1.9, 0.8)
        np.testing.assert_array_equal(curves[label], np.column_stack([curve.v, curve.t]))
        clear = np.abs(curve.v[:, None] - np.append(curve.jumps, 99.0)).min(axis=1) > 1e-9
        np.testing.assert_allclose(curve.t[clear], penalty.prox(curve.v[clear], 0.8), atol=1e-12)
    rings = [line for line in ax.lines if line.get_markerfacecolor() == "white"]
    assert sorted(abs(float(line.get_xdata()[0])) for line in rings)[:2] == pytest.approx([np.sqrt(0.8)] * 2)
    assert sorted(abs(float(line.get_ydata()[0])) for line in rings)[:1] != [0.0]


def test_what_differs_is_said_and_nothing_is_lost():
    counts = np.array([37, 19, 44])
    found = [geo.Zeros(1.0, 2, budget, 19.0, counts) for budget in (0.25, 0.5, 0.5)]
    ax = plot.zeros(found, ax=Figure().subplots())
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["p = 1, budget = 0.25", "p = 1, budget = 0.5", "p = 1, budget = 0.5 (2)"]
    assert len(ax.patches) == 9
    loss = geo.quadratic([[1.0, 0.37], [0.37, 0.8]], [0.45, 1.9])
    ax = plot.solution_paths(loss, ["l1", geo.solution_path(loss, "l1")], levels=0, ax=Figure().subplots())
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["L1", "L1 (2)"]


def test_a_legend_shows_what_is_drawn_of_a_path():
    points = np.array([[0.0, 0.0], [0.0, 1.9], [0.45, 1.9]])
    jumps = geo.PlanePath(np.array([3.0, 2.0, 1.0]), points, np.array([2, 1, 0]), "l0")
    ax = plot.solution_paths(BOWL, {"hops": jumps, "lasso": geo.solution_path(BOWL, "l1")}, levels=0,
                             ax=Figure().subplots())  # fmt: skip
    hops, lasso = ax.get_legend().get_lines()
    assert (hops.get_linestyle(), hops.get_marker()) == ("None", "o")
    assert (lasso.get_linestyle(), lasso.get_marker()) == ("--", "None")


def test_limits_may_be_an_array():
    box = np.tile([-1.9, 1.9], (3, 1))
    for thing in (geo.quartic(), geo.level_set(geo.quartic(), 0.0, resolution=11)):
        assert plot.isosurface(thing, 0.0, box, resolution=11, ax=axes3()).get_xlim() == (-1.9, 1.9)


def test_equal_labels_are_numbered():
    ax = plot.thresholds([L1(0.37), L1(0.9)], ax=Figure().subplots())
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["L1", "L1 (2)"]


def test_paths_are_drawn_whole_and_cut_at_jumps():
    loss = geo.quadratic([[1.0, 0.37], [0.37, 0.8]], [0.45, 1.9])
    path = geo.solution_path(loss, "l1")
    ax = plot.solution_paths(loss, {"lasso": path}, levels=0, ax=Figure().subplots())
    drawn = [line.get_xydata() for line in ax.lines[2:-1]]
    np.testing.assert_array_equal(np.concatenate(drawn), path.points)
    assert len(drawn) == 1
    jumping = geo.PlanePath(
        np.array([3.0, 2.0, 1.0]), np.array([[0.0, 0], [0, 1.9], [0.45, 1.9]]), np.array([2, 1, 0]), "l0"
    )
    assert len(pieces(jumping.points)) >= 2
    ax = plot.solution_paths(loss, jumping, ax=Figure().subplots())
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["L0"]


def test_envelopes():
    ax = plot.envelope(L0(1.0), resolution=41, ax=Figure().subplots())
    field, envelope = ax.lines[:2]
    np.testing.assert_allclose(envelope.get_ydata(), np.abs(envelope.get_xdata()), atol=1e-12)
    values = field.get_ydata()
    assert np.isnan(values).sum() == 1
    assert (values[~np.isnan(values)] == 1.0).all()
    assert ax.lines[2].get_xydata().tolist() == [[0.0, 0.0]]
    assert plot.envelope(L0(1.0), n=2, resolution=11, ax=axes3()).get_title() == "convex envelope of L0"
    with pytest.raises(errors.ArgumentError, match="an envelope is drawn in 1 or 2 variables, got 3"):
        plot.envelope(L2(1.0), n=3, resolution=5)


def test_zeros_are_shares_with_their_errors():
    found = geo.Zeros(1.0, 3, 0.5, 19.0, np.array([37, 19, 44, 0]))
    ax = plot.zeros({"lasso": found}, ax=Figure().subplots())
    assert [bar.get_height() for bar in ax.patches] == [0.37, 0.19, 0.44, 0.0]
    (bars,) = ax.containers[1][2]
    half = [np.ptp(segment[:, 1]) / 2 for segment in bars.get_segments()]
    np.testing.assert_allclose(half, np.sqrt(np.array([0.37 * 0.63, 0.19 * 0.81, 0.44 * 0.56]) / 100), rtol=1e-9)


@pytest.mark.parametrize(
    ("call", "kind", "sentence"),
    [
        (lambda: plot.contours(lambda x: x[:, 0] * np.nan), errors.DataError, "is NaN at"),
        (lambda: plot.contours(lambda x: x), errors.DataError, "is not a scalar field"),
        (lambda: plot.contours(BOWL, [99.0]), errors.ArgumentError, "`level` must lie strictly between"),
        (lambda: plot.contours(geo.quartic()), errors.ArgumentError, "a quartic is a field of 3 variables, got"),
        (lambda: plot.isosurface(BOWL), errors.ArgumentError, "is a field of 2 variables, got"),
        (lambda: plot.isosurface(geo.quartic(), -99.0), errors.ArgumentError, "`level` must lie strictly between"),
        (lambda: plot.isosurface(geo.ball(1, 2)), errors.ArgumentError, "is a field of 2 variables, got"),
        (lambda: plot.draw_slices([]), errors.ArgumentError, "`shown` is empty"),
        (lambda: plot.solution_paths(BOWL, limits=(1.9, 0.37)), errors.ArgumentError, "`limits` must be one pair"),
        (lambda: plot.isosurface(geo.ball(1, 3), 0.0, (1.9, 0.37)), errors.ArgumentError, "`limits` must be one pair"),
        (lambda: plot.slices(geo.quartic(), []), errors.ArgumentError, "`held` is empty"),
        (lambda: plot.slices(geo.quartic(), {"w": 0.37}), errors.ArgumentError, "no axis 'w'"),
        (lambda: plot.slices(geo.quartic(), [{"x": 0.0}, {"x": 0.1}], [99.0]), errors.ArgumentError, "got 99"),
        (lambda: plot.slices(BOWL, {"x1": 0.0}), errors.ArgumentError, "pictures have 2 or 3"),
        (lambda: plot.contours(BOWL, limits=(1.9, 0.37)), errors.ArgumentError, "`limits` must be one pair"),
        (lambda: plot.thresholds([]), errors.ArgumentError, "`penalties` is empty"),
        (lambda: plot.solution_paths(geo.quartic()), errors.ArgumentError, "is a field of 3 variables, got"),
        (lambda: plot.zeros([]), errors.ArgumentError, "`found` is empty"),
    ],
)
def test_what_cannot_be_drawn_is_said(call, kind, sentence):
    with pytest.raises(kind, match=sentence):
        call()  # no figure is left behind: the fixture of this room sees to it
