"""Threshold curves against textbook formulas, and jumps against closed forms and brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ellzero.geometry import threshold
from ellzero.penalties import L0, L1, L2, MCP, SCAD, Box, ElasticNet, GroupL0, GroupL2, LogSum, Lp, Separable

LAMBDA = 0.37


def curve(penalty, **options):
    """The curve without its breaks."""
    found = threshold(penalty, **options)
    whole = np.isfinite(found.t)
    return found.v[whole], found.t[whole], found.jumps


def half_jump(strength):
    """Where the prox of strength |t|^(1/2) jumps, Xu, Chang, Xu & Zhang (2012): (3/2) strength^(2/3)."""
    return 1.5 * strength ** (2 / 3)


def power_jump(strength, p):
    """For any p in (0, 1): with b = (2 (1 - p) strength)^(1/(2 - p)) the jump is at b + strength p b^(p - 1)."""
    b = (2 * (1 - p) * strength) ** (1 / (2 - p))
    return b + strength * p * b ** (p - 1)


JUMPS = [
    (L0(LAMBDA), 1.0, np.sqrt(2 * LAMBDA)),
    (L0(LAMBDA), 1.9, np.sqrt(2 * 1.9 * LAMBDA)),
    (L0(LAMBDA) + L1(0.19), 1.0, 0.19 + np.sqrt(2 * LAMBDA)),
    (L0(LAMBDA) + L2(0.19), 1.0, np.sqrt(2 * LAMBDA * (1 + 2 * 0.19))),
    (Lp(LAMBDA, 0.5), 1.0, half_jump(LAMBDA)),
    (Lp(LAMBDA, 0.5), 1.9, half_jump(1.9 * LAMBDA)),
    (Lp(LAMBDA, 2 / 3), 1.0, power_jump(LAMBDA, 2 / 3)),
    (Lp(LAMBDA, 0.3), 1.0, power_jump(LAMBDA, 0.3)),
    (MCP(LAMBDA, 0.5), 1.0, LAMBDA * np.sqrt(0.5)),
    (MCP(LAMBDA, 1.9), 3.0, np.sqrt(3.0 * 1.9) * LAMBDA),
    (SCAD(LAMBDA, 1.9), 1.0, LAMBDA * (1.9 + 1) / 2 + LAMBDA / 2),
    (GroupL0(LAMBDA, [0, 0]), 1.0, np.sqrt(2 * LAMBDA)),
    (GroupL0(LAMBDA, [0, 0, 1], [1.9, 1.9]), 1.0, np.sqrt(2 * 1.9 * LAMBDA)),
]


@pytest.mark.parametrize(("penalty", "step", "jump"), JUMPS)
def test_jumps_in_closed_form(penalty, step, jump):
    assert threshold(penalty, step=step).jumps == pytest.approx(np.array([-jump, jump]), rel=1e-12)


CONTINUOUS = [
    (L1(LAMBDA), lambda v: np.sign(v) * np.maximum(np.abs(v) - LAMBDA, 0)),
    (L2(LAMBDA), lambda v: v / (1 + 2 * LAMBDA)),
    (ElasticNet(LAMBDA, 0.19), lambda v: np.sign(v) * np.maximum(np.abs(v) - LAMBDA, 0) / 1.38),
    (Box(-1.0, 0.37), lambda v: np.clip(v, -1.0, 0.37)),
    (GroupL2(LAMBDA, [0, 0], [1.0]), lambda v: np.sign(v) * np.maximum(np.abs(v) - LAMBDA, 0)),
    (MCP(LAMBDA, 3.0), lambda v: np.where(
        np.abs(v) <= 3 * LAMBDA, np.sign(v) * np.maximum(np.abs(v) - LAMBDA, 0) / (1 - 1 / 3), v)),
    (SCAD(LAMBDA, 3.7), lambda v: np.select(
        [np.abs(v) <= 2 * LAMBDA, np.abs(v) <= 3.7 * LAMBDA],
        [np.sign(v) * np.maximum(np.abs(v) - LAMBDA, 0), (2.7 * v - np.sign(v) * 3.7 * LAMBDA) / 1.7], v)),
]  # fmt: skip


@pytest.mark.parametrize(("penalty", "formula"), CONTINUOUS)
def test_continuous_thresholds(penalty, formula):
    v, t, jumps = curve(penalty)
    assert not jumps.size
    assert t == pytest.approx(formula(v), abs=1e-13)


def test_the_hard_threshold():
    v, t, (low, high) = curve(L0(0.5))
    assert (low, high) == (-1.0, 1.0)
    assert (t[np.abs(v) < 1] == 0).all()
    assert np.array_equal(t[np.abs(v) > 1], v[np.abs(v) > 1])
    assert t[v == 1.0].tolist() == pytest.approx([0.0, 1.0])


def test_the_largest_zero_and_the_smallest_survivor_of_the_half_power():
    """The jump goes up to two thirds of its place."""
    found = threshold(Lp(LAMBDA, 0.5))
    at = np.flatnonzero(np.isnan(found.t))[1]
    assert found.v[at - 1 : at + 2] == pytest.approx(np.full(3, half_jump(LAMBDA)), rel=1e-12)
    assert found.t[at - 1] == 0
    assert found.t[at + 1] == pytest.approx(2 / 3 * half_jump(LAMBDA), rel=1e-9)


@pytest.mark.parametrize(
    "penalty", [L0(LAMBDA), Lp(LAMBDA, 0.37), MCP(LAMBDA, 0.7), SCAD(LAMBDA, 1.37), LogSum(LAMBDA, 0.1),
                L0(0.1) + L1(0.2) + Box(-0.7, 1.9), LogSum(0.037, 0.5), L1(LAMBDA)],
    ids=repr,
)  # fmt: skip
def test_curves_are_minimisers_and_rise_and_break_at_their_jumps(penalty):
    found = threshold(penalty, resolution=61)
    v, t, jumps = curve(penalty, resolution=61)
    assert (np.diff(v) >= 0).all()
    assert (np.diff(t) >= -1e-12).all()
    assert np.isnan(found.t).sum() == len(jumps)
    assert found.v[np.isnan(found.t)].tolist() == jumps.tolist()
    # brute force: a fine scan of t, whose objective is no better than the curve's
    scan = np.append(np.linspace(-3.1, 3.1, 6201), 0.0)
    costs = penalty.values(scan[:, None])
    for at, value in zip(v, t, strict=True):
        mine = 0.5 * (value - at) ** 2 + penalty.value(np.array([value]))
        assert mine <= (0.5 * (scan - at) ** 2 + costs).min() + 1e-9
    # between neighbours the curve is continuous, but for its jumps
    dense = curve(penalty, resolution=60_001)
    steps = np.diff(dense[1])
    assert len(jumps) == (steps > 0.05).sum()


@settings(max_examples=30)
@given(st.floats(1e-13, 4.0), st.floats(0.1, 3.0), st.integers(3, 90))
def test_jumps_do_not_depend_on_the_grid(strength, step, resolution):
    place = np.sqrt(2 * step * strength)
    found = threshold(L0(strength), limit=3.7, step=step, resolution=resolution)
    assert found.jumps == pytest.approx(np.array([-place, place]) if place < 3.7 else np.array([]), rel=1e-12)


def test_one_sided_limits_jump_on_one_side():
    penalty = Separable(l0=LAMBDA, lower=0.0)
    assert threshold(penalty).jumps == pytest.approx(np.array([np.sqrt(2 * LAMBDA)]))
