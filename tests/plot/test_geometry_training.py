"""Training as it is drawn, and what all pictures of this room have in common."""

import os
import subprocess
import sys

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure

from ellzero import errors, plot
from ellzero import geometry as geo
from ellzero.geometry.descent import LinearModel, train
from ellzero.penalties import L1

X = np.random.default_rng(37).standard_normal((61, 5))
Y = (X[:, 1] - 0.37 * X[:, 3] > 0).astype(int)


@pytest.fixture(scope="module")
def runs():
    model, common = LinearModel(5, 2), {"epochs": 90, "rate": 0.37, "follow": 4}
    return [
        train(model, X, Y, "l1 subgradient", strength=0.07, **common),
        train(model, X, Y, "l1 proximal", strength=0.07, **common),
    ]


def test_descent_draws_losses_and_both_counts(runs):
    axes = plot.descent(runs, ax=Figure().subplots(1, 3))
    for i, run in enumerate(runs):
        for ax, values in zip(axes, (run.losses, run.zeros, run.small), strict=True):
            np.testing.assert_array_equal(ax.lines[i].get_xydata(), np.column_stack([run.epochs, values]))
    alone = plot.descent({"mine": runs[1]}, ax=Figure().subplots())
    np.testing.assert_array_equal(alone.lines[0].get_ydata(), runs[1].zeros)
    assert alone.get_legend().get_texts()[0].get_text() == "mine"


def test_trajectories_tell_zeros_by_line_and_colour(runs):
    axes = plot.trajectories(runs, ax=Figure().subplots(1, 2))
    for ax, run in zip(axes, runs, strict=True):
        for line, path in zip(ax.lines, run.trajectories.T, strict=False):
            np.testing.assert_array_equal(line.get_ydata(), path)
            assert (line.get_linestyle() == "-") is bool(path[-1] == 0)
    assert {line.get_linestyle() for line in axes[1].lines[:4]} == {"-", "--"}


def test_few_steps_are_marked_one_by_one(runs):
    steps = train(LinearModel(5, 2), X, Y, strength=0.07, epochs=19, rate=0.37, follow=[1, 7, 3])
    ax = plot.trajectories(steps)
    try:
        assert len({line.get_marker() for line in ax.lines[:3]}) == 3
        told = [text.get_text() for text in ax.figure.legends[0].get_texts()]
        assert told == ["ends at exactly 0", "does not", "weight 1", "weight 7", "weight 3"]
    finally:
        pyplot.close(ax.figure)
    many = plot.trajectories(runs[0], ax=Figure().subplots())  # 90 steps in a row
    assert {line.get_marker() for line in many.lines} == {"None"}


def test_lines_that_coincide_are_both_seen(runs):
    ax = plot.descent({"one": runs[0], "again": runs[0]}, ax=Figure().subplots(1, 3))[0]
    below, above = ax.lines
    assert below.get_linewidth() > above.get_linewidth()
    assert below.get_zorder() < above.get_zorder()


def test_histograms_count_every_weight_once(runs):
    axes = plot.weights(runs, ax=Figure().subplots(1, 2))
    for ax, run in zip(axes, runs, strict=True):
        heights = [bar.get_height() for bar in ax.patches]
        assert heights[-1] == run.n_zeros
        assert sum(heights) == run.n_live
        assert f"{run.n_zeros} of 10 exactly 0" in ax.get_title()


def test_what_are_no_runs_is_said(runs):
    with pytest.raises(errors.ArgumentError, match=r"`runs` must be runs of geometry.descent.train .* got int"):
        plot.descent([37])
    with pytest.raises(errors.ArgumentError, match="`runs` is empty"):
        plot.weights([])
    with pytest.raises(errors.ArgumentError, match="one axes for each of 3 panels, got 2"):
        plot.descent(runs, ax=Figure().subplots(1, 2))


PICTURES = [
    lambda runs: plot.balls([1, 0.5]),
    lambda runs: plot.draw_panels(plot.panels(1)),
    lambda runs: plot.draw_slices(plot.field_panels(geo.quadratic(np.eye(2), [0.37, 0.0]), [{}])),
    lambda runs: plot.contours(geo.quadratic(np.eye(2), [0.37, 0.0])),
    lambda runs: plot.isosurface(geo.quartic(), resolution=11),
    lambda runs: plot.slices(geo.quartic(), [{"z": 0.37}]),
    lambda runs: plot.thresholds(L1(0.37)),
    lambda runs: plot.solution_paths(geo.quadratic(np.eye(2), [0.37, 1.9]), ["l1"]),
    lambda runs: plot.envelope(L1(0.37)),
    lambda runs: plot.zeros(geo.Zeros(1.0, 2, 0.5, 19.0, np.array([1, 2, 3]))),
    plot.descent, plot.trajectories, plot.weights,
]  # fmt: skip


@pytest.mark.parametrize("draw", PICTURES)
def test_new_figures_are_never_shown_and_leave_settings_alone(draw, runs, monkeypatch):
    import matplotlib

    def show(*args, **options):
        raise AssertionError("shown")

    monkeypatch.setattr(pyplot, "show", show)
    monkeypatch.setattr(Figure, "show", show)
    before = dict(matplotlib.rcParams)
    ax = np.atleast_1d(draw(runs)).flat[0]
    assert dict(matplotlib.rcParams) == before
    assert ax.figure.number in pyplot.get_fignums()
    assert ax.xaxis.label.get_fontsize() == 9.0
    ax.figure.canvas.draw()
    pyplot.close(ax.figure)


@pytest.mark.slow
def test_without_a_display_and_without_a_backend_named(tmp_path):
    code = (
        "import numpy as np; import ellzero as ez; from ellzero import geometry as geo, plot; bowl = geo.quadratic("
        "np.eye(2), [.37, 1.9]); l1 = ez.penalties.L1(.37)\n"
        "for ax in (plot.balls([1, 0], bowl), plot.contours(bowl), plot.isosurface(geo.quartic(), resolution=9), "
        "plot.slices(geo.quartic(), [{'z': .37}]), plot.thresholds(l1), plot.solution_paths(bowl), plot.envelope(l1), "
        "plot.zeros(geo.Zeros(1.0, 2, .5, 19.0, np.array([1, 2, 3])))):\n"
        "    np.atleast_1d(ax).flat[0].figure.savefig('picture.png')"
    )
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "MPLBACKEND")}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env=environment)
    assert (tmp_path / "picture.png").stat().st_size > 1000


@pytest.mark.parametrize("draw", PICTURES)
def test_without_matplotlib_there_is_one_line_of_advice(draw, runs, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(
        errors.MissingExtraError, match=r"needs matplotlib. Install it with: pip install 'ellzero\[plot\]'"
    ):
        draw(runs)


@pytest.mark.parametrize(
    ("package", "call"),
    [
        ("contourpy", lambda: plot.panels(1, geo.quadratic(np.eye(2), [0.37, 1.9]))),
        ("skimage.measure", lambda: plot.field_panels(geo.quartic(), [{}], [0.37])),
    ],
)
def test_without_contours_too(package, call, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(errors.MissingExtraError, match=r"pip install 'ellzero\[geometry\]'"):
        call()


def test_arrays_and_import_need_no_matplotlib():
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import ellzero as ez\n"
        "panels = ez.plot.panels([2, 1, .5, 0], ez.geometry.quadratic([[1, .37], [.37, 1]], [.2, 1.9]))\n"
        "print(*(panel.words for panel in panels), sep='; ')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.count("x1 = 0,") == 3
