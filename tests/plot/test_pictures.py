"""What all pictures keep to: axes in, axes out, nothing shown, nothing left open, nothing cut or overlapping."""

import os
import subprocess
import sys
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

import ellzero as ez
from ellzero import errors


def test_axes_given_come_back(picture, ax):
    assert picture(ax) is ax
    ax.figure.canvas.draw()  # whatever is wrong with an artist shows when it is drawn; warnings are errors
    assert plt.get_fignums() == []


def test_without_axes_one_figure_is_made(picture):
    ax = picture()
    assert plt.get_fignums() == [ax.figure.number]
    ax.figure.canvas.draw()
    plt.close(ax.figure)


def test_settings_of_the_user_stay(picture):
    before = dict(plt.rcParams)
    plt.close(picture().figure)
    assert dict(plt.rcParams) == before


def unseen_ticks(figure):
    """Labels of ticks that lie outside of the limits are not drawn."""
    hidden = set()
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
                inside = low - 1e-9 <= tick.get_loc() <= high + 1e-9
                hidden |= set() if inside else {id(tick.label1), id(tick.label2)}
    return hidden


def drawn_texts(figure):
    """Texts that are seen, and their boxes in pixels; a lead is no part of the text."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer, hidden = canvas.get_renderer(), unseen_ticks(figure)
    found = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]
    return [(t.get_text(), Text.get_window_extent(t, renderer)) for t in found if id(t) not in hidden]


def judge_texts(figure, cut=True):
    """No text lies on another or is cut by the figure's edge."""
    shown = drawn_texts(figure)
    assert len(shown) > 4
    for (a, one), (b, other) in combinations(shown, 2):
        over = min(one.x1, other.x1) - max(one.x0, other.x0), min(one.y1, other.y1) - max(one.y0, other.y0)
        assert min(over) <= 1.0, f"{a!r} lies on {b!r}"
    if cut:
        for text, box in shown:
            inside = box.x0 >= -1 and box.y0 >= -1 and box.x1 <= figure.bbox.x1 + 1 and box.y1 <= figure.bbox.y1 + 1
            assert inside, f"{text!r} is cut"


def test_no_text_overlaps_or_is_cut(picture):
    ax = picture()
    judge_texts(ax.figure)
    plt.close(ax.figure)


def test_overlaps_would_be_found(ax):
    for at in (0.5, 0.51):
        ax.text(at, 0.5, "one of two")
    with pytest.raises(AssertionError, match="lies on"):
        judge_texts(ax.figure)


@pytest.fixture(scope="module")
def wide():
    """Sixty columns with long names: what is drawn of them."""
    rng = np.random.default_rng(37)
    names = [f"a_very_long_name_of_a_measured_column_number_{j}" for j in range(60)]
    copies = np.repeat(rng.normal(size=(190, 6)), 10, axis=1)
    X = pd.DataFrame(rng.normal(size=(190, 60)), columns=names)
    near = pd.DataFrame(copies + 0.37 * rng.normal(size=(190, 60)), columns=names)
    y = X.to_numpy() @ rng.normal(size=60) + rng.normal(size=190)
    path = ez.path(X, y, k=60)
    rivals = ez.rivals(near, copies[:, ::10].sum(axis=1) + 1.9 * rng.normal(size=190), k=3, within=0.04)
    stable = ez.stability(X, y, k=20, n_draws=3, random_state=0)
    return {
        "path": lambda ax=None: path.plot(ax=ax),
        "criteria": lambda ax=None: path.plot("criteria", ax=ax),
        "squares": lambda ax=None: path.plot("squares", ax=ax, criterion="aic", most=61),
        "coefficients": lambda ax=None: path[57].plot(ax=ax, stability=stable),
        "stability": lambda ax=None: stable.plot(ax, most=60),
        "rivals": lambda ax=None: rivals.plot(ax=ax, most=60),
        "squares of rivals": lambda ax=None: rivals.plot("squares", ax=ax),
        "penalty path": lambda ax=None: ez.penalty_path(X, y, n_strengths=19).plot(ax),
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["path", "criteria", "squares", "coefficients", "stability", "rivals", "squares of rivals", "penalty path"]
)
def test_sixty_long_names(wide, name):
    ax = wide[name]()
    judge_texts(ax.figure)
    plt.close(ax.figure)
    small = Figure(figsize=(9, 7), layout="constrained")
    axes = small.subplots(2, 2)
    wide[name](axes[0, 1])
    judge_texts(small)


@pytest.mark.parametrize("three", [False, True])
def test_axes_of_the_other_kind_are_refused(picture, three):
    if three:
        with pytest.raises(errors.ArgumentError, match="two dimensions"):
            picture(Figure().add_subplot(projection="3d"))
    else:
        with pytest.raises(errors.ArgumentError, match="`ax` must be matplotlib axes or None, got Figure"):
            picture(Figure())


def test_without_matplotlib_one_line_says_what_to_install(picture, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(
        errors.MissingExtraError, match=r"^a picture needs matplotlib. .*pip install 'ellzero\[plot\]'$"
    ):
        picture()


def test_axes_in_three_dimensions():
    from ellzero.plot.style import new_axes

    ax = new_axes(None, three=True)
    assert ax.name == "3d"
    plt.close(ax.figure)
    with pytest.raises(errors.ArgumentError, match="three dimensions"):
        new_axes(Figure().subplots(), three=True)


def test_no_two_looks_are_alike_and_eight_differ_in_grey():
    from ellzero.plot.style import look

    seen = [(v["color"], str(v["linestyle"]), v["marker"]) for v in map(look, range(56))]
    assert len(set(seen)) == 56
    assert len({(line, marker) for _, line, marker in seen[:8]}) == 8


@pytest.mark.slow
def test_without_a_display_and_without_a_backend_named(tmp_path):
    code = (
        "import ellzero as ez; d = ez.datasets.load_diabetes(); "
        "ax = ez.path(d.X, d.y, k=3).plot(); ax.figure.savefig('picture.png'); print(len(ax.lines))"
    )
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "MPLBACKEND")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path, env=environment
    )
    assert int(done.stdout) >= 4
    assert (tmp_path / "picture.png").stat().st_size > 1000
