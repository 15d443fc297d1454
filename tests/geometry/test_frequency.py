"""Counts of zeros beside closed forms, contact points one by one, and scans."""

import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate

import ellzero as ez
from ellzero.geometry import (
    contact,
    count_zeros,
    dense_family,
    density_margin,
    norm,
    quadratic,
    random_losses,
    sparsity_table,
)
from ellzero.geometry.frequency import PENALTIES, constrained, secular
from ellzero.penalties import MCP, ElasticNet, Lp


def test_random_losses():
    one, two, rough = (list(random_losses(4, condition=c, draws=3, random_state=37)) for c in (19.0, 19.0, 1.9))
    for (H, centre), (again, same), (other, _) in zip(one, two, rough, strict=True):
        assert np.array_equal(H, again)
        assert np.array_equal(centre, same)
        assert np.allclose(np.linalg.eigvalsh(H), np.geomspace(1, 19, 4))
        assert np.allclose(np.linalg.eigh(H)[1].T @ other @ np.linalg.eigh(H)[1], np.diag(np.geomspace(1, 1.9, 4)))
    turned = np.array([H[0, 0] for H, _ in random_losses(3, condition=3.7, draws=4000)])
    assert abs(turned.mean() - np.geomspace(1, 3.7, 3).mean()) < 4 * turned.std() / np.sqrt(4000)  # no axis is special


@pytest.mark.parametrize("n", [1, 2, 3, 6])
@pytest.mark.parametrize("share", [0.19, 0.5, 0.9])
def test_fast_ways_are_contact_points(n, share):
    for H, centre in random_losses(n, condition=37.0, draws=6, random_state=n):
        for p in (1, 2):
            touch = contact(quadratic(H, centre), p, share * float(norm(centre, p)))
            assert np.abs(constrained(H, centre, p, share) - touch.point).max() < 1e-8
        net = ElasticNet(0.37, 0.19)
        touch = contact(quadratic(H, centre), net, share * net.value(centre))
        assert np.abs(constrained(H, centre, net, share) - touch.point).max() < 1e-8
        k = max(int(share * n), 1)
        assert np.abs(constrained(H, centre, 0, share) - contact(quadratic(H, centre), 0, k).point).max() < 1e-8


@pytest.mark.parametrize(("n", "p", "most"), [(2, 0.3, 0), (2, 0.5, 0), (3, 0.5, 0), (2, 0.8, 2)])
def test_tangent_steps_find_what_a_scan_finds(n, p, most):
    """Never below, and seldom above: near p = 1 a narrow minimum beside an axis may be missed."""
    missed = 0
    for H, centre in random_losses(n, condition=19.0, draws=30 if n == 2 else 6, random_state=19):
        t = 0.5 * float(norm(centre, p))
        field, touch = quadratic(H, centre), contact(quadratic(H, centre), p, t)
        x = constrained(H, centre, p, 0.5)
        assert float(field(x)) > touch.value - 1e-9
        assert norm(x, p) <= t * (1 + 1e-9)
        same = abs(float(field(x)) - touch.value) < 1e-7
        assert not same or np.array_equal(x == 0, touch.point == 0)
        missed += not same
        assert np.abs(constrained(H, centre, Lp(1.9, p), 0.5**p) - x).max() < 1e-9  # a share of the power
    assert missed <= most


def test_isotropic_losses_in_the_plane():
    """L1: a zero where the smaller entry is below (1 - s)/(1 + s) of the larger: 1 - 4/pi arctan s of the circle."""
    for share in (0.25, 0.5, 0.75):
        found = count_zeros(1, 2, budget=share, condition=1.0, draws=4000)
        assert abs(found.share - (1.0 - 4.0 / np.pi * np.arctan(share))) < 4 * found.error
        assert abs(found.share - (1.0 - np.arctan(share))) > 4 * found.error  # a broken twin


def test_isotropic_elastic_net_in_the_plane():
    """By integration: along the axis t = l1 x + l2 x^2, and the smaller entry must not beat the multiplier there."""
    l1, l2, share = 0.5, 0.5, 0.5

    def on_axis(small, large):
        t = share * (l1 * (small + large) + l2 * (small**2 + large**2))
        x = (np.sqrt(l1 * l1 + 4 * l2 * t) - l1) / (2 * l2)
        return small <= l1 * (large - x) / (l1 + 2 * l2 * x)

    def density(angle, radius):
        a, b = radius * np.sin(angle), radius * np.cos(angle)
        return on_axis(a, b) * radius * np.exp(-radius * radius / 2) * 4 / np.pi

    angle, radius = np.linspace(0, np.pi / 4, 501), np.linspace(0, 9, 601)
    values = density(angle[:, None], radius[None, :])
    expected = integrate.trapezoid(integrate.trapezoid(values, radius, axis=1), angle)
    found = count_zeros(ElasticNet(l1, l2), 2, condition=1.0, draws=4000)
    assert abs(found.share - expected) < 4 * found.error


def test_isotropic_losses_in_space():
    """L1 zeros draw by draw from the soft threshold of the projection."""
    counts = np.zeros(6, int)
    for _, c in random_losses(5, condition=1.0, draws=300, random_state=37):
        size = np.sort(np.abs(c))[::-1]
        excess = (np.cumsum(size) - 0.37 * size.sum()) / np.arange(1, 6)
        counts[5 - int((size > excess).sum())] += 1
    found = count_zeros(1, 5, budget=0.37, condition=1.0, draws=300, random_state=37)
    assert np.array_equal(found.counts, counts)


def test_what_is_counted():
    found = count_zeros(1, 3, draws=200, random_state=37)
    assert found.counts.sum() == found.draws == 200
    assert found.counts.shape == (4,)
    assert found.share == pytest.approx(found.counts[1:].sum() / 200)
    assert found.error == pytest.approx(np.sqrt(found.share * (1 - found.share) / 200))
    assert found.vertices == found.counts[2] / 200
    assert found.mean == pytest.approx((found.counts * np.arange(4)).sum() / 200)
    values = np.repeat(np.arange(4), found.counts)
    assert found.mean_error == pytest.approx(values.std(ddof=1) / np.sqrt(200))
    assert np.array_equal(found.counts, count_zeros(1, 3, draws=200, random_state=37).counts)
    assert np.array_equal(count_zeros(0, 5, draws=20).counts, [0, 0, 0, 20, 0, 0])
    assert np.array_equal(count_zeros(2, 5, draws=20).counts, [20, 0, 0, 0, 0, 0])
    bent, one_by_one = MCP(0.37, 1.9), np.zeros(3, int)
    for H, centre in random_losses(2, draws=9):
        one_by_one[contact(quadratic(H, centre), bent, 0.5 * bent.value(centre)).n_zeros] += 1
    assert np.array_equal(count_zeros(bent, 2, draws=9).counts, one_by_one)
    assert one_by_one[1] > 0
    assert count_zeros(1.5, 2, draws=3).counts[0] == 3


def test_paths_that_cannot_be_followed_are_no_answers():
    saddle = np.array([[0.0, 1.0], [1.0, 0.0]])
    for penalty in (1, ElasticNet(0.37, 0.19)):
        with pytest.raises(ez.errors.DataError, match="could not be followed"):
            constrained(saddle, np.array([1.9, 0.37]), penalty, 0.37)
    with pytest.raises(ez.errors.ArgumentError, match="condition"):
        count_zeros(1, 3, condition=1e11)
    assert count_zeros(1, 6, condition=1e10, draws=50).draws == 50


def test_table():
    table = sparsity_table([2, 4], draws=60, random_state=3)
    assert [row[0] for row in table.rows] == [2, 4]
    assert len(table.columns) == 1 + 2 * len(PENALTIES)
    rows = table.to_dicts()
    assert all(row["L0"] == 1.0 and row["L2"] == 0.0 for row in rows)
    assert rows[1]["L1"] == count_zeros(1, 4, draws=60, random_state=3).share
    assert rows[1]["L1 error"] == count_zeros(1, 4, draws=60, random_state=3).error


def test_secular_equation():
    for H, centre in random_losses(4, condition=37.0, draws=5):
        for radius in (1e-3, 0.37, 100.0):
            x = secular(H, H @ centre, radius)
            g = -H @ (x - centre)
            if radius > 10:
                assert np.allclose(x, centre, atol=1e-12)
            else:
                assert abs(np.linalg.norm(x) - radius) < 1e-12 * radius
                assert np.allclose(g, x * (g @ x) / (x @ x), atol=1e-11)


@pytest.mark.parametrize("n", [2, 3, 7])
def test_dense_family(n):
    family = dense_family(n, budget=1.9, condition=37.0, draws=8, random_state=5)
    for one in family:
        touch = contact(quadratic(one.H, one.centre), 1, 1.9)
        assert np.abs(touch.point - one.point).max() < 1e-8
        assert touch.n_zeros == 0
        assert not touch.inside
        assert touch.multiplier == pytest.approx(one.multiplier, abs=1e-8)
        assert one.margin == pytest.approx(np.abs(one.point).min(), abs=1e-10)
        assert one.margin > 0


def test_density_margin_tells_dense_from_sparse():
    """For isotropic losses its sign is the answer; for others the largest over all signs is."""
    rng = np.random.default_rng(37)
    seen = set()
    for _ in range(60):
        c = rng.normal(size=3)
        t = 0.8 * float(np.abs(c).sum())
        margin = density_margin(np.eye(3), c, t)
        assert margin == pytest.approx(np.abs(c).min() - (np.abs(c).sum() - t) / 3)
        dense = contact(quadratic(np.eye(3), c), 1, t).n_zeros == 0
        assert dense == (margin > 0)
        seen.add(dense)
    for H, c in random_losses(3, condition=19.0, draws=60):
        t = 0.8 * float(np.abs(c).sum())
        signs = [np.array(s) for s in product([-1.0, 1.0], repeat=3) if np.array(s) @ c > t]
        best = max((density_margin(H, c, t, s) for s in signs), default=-1.0)
        dense = contact(quadratic(H, c), 1, t).n_zeros == 0
        assert dense == (best > 0)
        seen.add(dense)
    assert seen == {True, False}


def test_refusals():
    with pytest.raises(ez.errors.ArgumentError, match="condition"):
        count_zeros(1, 3, condition=0.37)
    with pytest.raises(ez.errors.ArgumentError, match="budget"):
        count_zeros(1, 3, budget=1.9)
    with pytest.raises(ez.errors.ArgumentError, match="beyond the facet"):
        density_margin(np.eye(2), [0.37, 0.19], 1.9)


def test_the_pages_tables_are_those_of_the_benchmark():
    root = Path(__file__).parents[2]

    def rows(file):
        found = re.findall(r"^\|\s*\d.*\|$", (root / file).read_text(encoding="utf-8"), re.MULTILINE)
        return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in found]

    page, measured = rows("docs/explanation/how-often-sparse.md"), rows("benchmarks/results/zeros.md")
    assert len(page) == 18  # two tables, n = 2 ... 10
    assert set(page) <= set(measured)
    for line in page[:2]:  # n = 2 and 3: what the code says today
        zeros = count_zeros(1.0, int(line[0]))
        assert line[2] == f"{zeros.share:.3f} ± {zeros.error:.3f}"
