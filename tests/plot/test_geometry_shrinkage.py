"""What penalties take off, as it is drawn."""

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure

from ellzero import errors, plot
from ellzero import geometry as geo

TRUTH = np.array([1.9, -0.37, 0.0])


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(37)
    X = rng.normal(size=(61, 3))
    return X, X @ TRUTH + 0.19 * rng.normal(size=61)


@pytest.mark.parametrize("truth", [TRUTH, None])
def test_estimates_stand_over_what_they_should_be(rows, truth):
    found = geo.shrinkage(*rows, l0=0.037, l1=0.19, l2=0.37, truth=truth)
    ax = plot.shrinkage(found, ax=Figure().subplots())
    drawn = {line.get_label(): line.get_xydata() for line in ax.lines}
    aim = found.least_squares if truth is None else truth
    order = np.argsort(aim)
    for label, estimate in {"L0": found.l0, "L1": found.l1, "L2": found.l2}.items():
        np.testing.assert_array_equal(drawn[label], np.column_stack([aim, estimate])[order])
    assert ("least squares" in drawn) is (truth is not None)
    assert np.ptp(drawn["nothing taken off"] @ [1, -1]) == 0  # the diagonal
    low, high = ax.get_xlim()
    assert ax.get_ylim() == (low, high)
    every = np.concatenate([drawn[name].ravel() for name in ("L0", "L1", "L2")])
    assert low < every.min()
    assert high > every.max()
    assert "true" in ax.get_xlabel() or truth is None
    told = [text.get_text() for text in ax.get_legend().get_texts()]
    assert set(told) == {line.get_label() for line in ax.lines if not line.get_label().startswith("_")}


def test_a_figure_of_its_own_has_the_house_s_style(rows):
    before = dict(pyplot.rcParams)
    ax = plot.shrinkage(geo.shrinkage(*rows, l0=0.037, l1=0.19, l2=0.37))
    assert not ax.spines["top"].get_visible()
    assert ax.xaxis.label.get_fontsize() == 9.0
    assert dict(pyplot.rcParams) == before
    pyplot.close(ax.figure)
    with pytest.raises(errors.ArgumentError, match="two dimensions"):
        plot.shrinkage(geo.shrinkage(*rows, l0=0.037, l1=0.19, l2=0.37), ax=Figure().add_subplot(projection="3d"))
