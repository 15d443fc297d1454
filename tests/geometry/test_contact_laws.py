"""Laws of contact points on random losses and scales: the optimality condition, the budget, no better point."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ellzero.geometry import Contact, contact, norm, quadratic
from ellzero.penalties import L0, L1, MCP, SCAD, Box, ElasticNet, LogSum, Lp


@st.composite
def losses(draw, least=1, most=6):
    """A quadratic loss of random rotation, condition and scale."""
    n, seed = draw(st.integers(least, most)), draw(st.integers(0, 2**32 - 1))
    scale, curvature = 10.0 ** draw(st.integers(-6, 6)), 10.0 ** draw(st.integers(-6, 6))
    rng = np.random.default_rng(seed)
    Q, _ = np.linalg.qr(rng.normal(size=(n, n)))
    H = curvature * (Q * np.geomspace(1.0, draw(st.sampled_from([1.0, 1.9, 37.0])), n)) @ Q.T
    return 0.5 * (H + H.T), scale * rng.normal(size=n), rng


def missed(H, centre, touch: Contact, p, rng) -> list[str]:
    """What a contact point on a ball falls short of."""
    field, t = quadratic(H, centre), touch.budget
    out = []
    if norm(touch.point, p) > t * (1 + 1e-12):
        out.append("budget")
    around = rng.normal(size=(400, len(centre))) * np.abs(centre).max()
    near = touch.point * (1 + 0.01 * rng.normal(size=(400, len(centre))))
    rivals = np.vstack([around, near])
    rivals *= np.minimum(1.0, t / norm(rivals, p))[:, None]
    if float(field(touch.point)) > float(field(rivals).min()) + 1e-12 * float(field(np.zeros(len(centre)))):
        out.append("value")
    if p >= 1:
        g = -H @ (touch.point - centre)
        q = np.inf if p == 1 else 1.0 if np.isinf(p) else p / (p - 1.0)
        start = float(norm(H @ centre, q))
        if abs(g @ touch.point - norm(g, q) * t) > 1e-9 * start * t:
            out.append("dual norm")
        if abs(touch.multiplier - norm(g, q)) > 1e-8 * start:
            out.append("multiplier")
    return out


ORDERS = st.sampled_from([1, 1.001, 1.1, 1.5, 2, 3, 19.0, 100, 1e3, 1e4, np.inf]) | st.floats(1.05, 37.0)


@settings(max_examples=60)
@given(losses(), ORDERS, st.floats(0.05, 0.95))
def test_contact_points_on_balls(loss, p, share):
    H, centre, rng = loss
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no overflow, whatever the order
        touch = contact(quadratic(H, centre), p, share * float(norm(centre, p)))
    assert not missed(H, centre, touch, p, rng)
    assert touch.guarantee == "global"


@settings(max_examples=15)
@given(losses(2, 2), st.floats(0.2, 0.95), st.floats(0.05, 0.95))
def test_contact_points_on_spikes(loss, p, share):
    H, centre, rng = loss
    touch = contact(quadratic(H, centre), p, share * float(norm(centre, p)))
    assert not missed(H, centre, touch, p, rng)


@pytest.mark.parametrize("p", [0.5, 1, 1.5, np.inf])
def test_points_beside_are_found_out(p):
    """The laws tell a point that is a little off, inside or outside."""
    H, centre = np.array([[1.0, 0.6], [0.6, 1.9]]), np.array([1.9, -0.37])
    touch = contact(quadratic(H, centre), p, 1.0)
    rng = np.random.default_rng(37)
    assert not missed(H, centre, touch, p, rng)
    for factor, law in ((1 + 1e-6, "budget"), (0.9, "value")):
        twin = Contact(**{**vars(touch), "point": factor * touch.point})
        assert law in missed(H, centre, twin, p, rng)
    if p >= 1:
        twin = Contact(**{**vars(touch), "point": (1 - 1e-6) * touch.point, "multiplier": 1.001 * touch.multiplier})
        assert {"dual norm", "multiplier"} <= set(missed(H, centre, twin, p, rng))


FOLDED = [Lp(0.37, 0.5), MCP(0.37, 1.9), SCAD(0.37), LogSum(0.37, 0.19), MCP(1.0, 3.0), Lp(1.0, 0.5)]


@pytest.mark.parametrize("penalty", FOLDED, ids=repr)
@pytest.mark.parametrize("share", [0.19, 0.9, 1.9])
def test_concave_budgets_between_limits(penalty, share):
    """No point of a fine grid between the limits and within the budget does better."""
    both = penalty + Box(-0.1, 0.19)
    H, centre = np.array([[1.0, 0.37], [0.37, 1.9]]), np.array([2.0, 1.5])
    t = share * both.value(np.array([0.19, 0.19]))
    touch = contact(quadratic(H, centre), both, t)
    side = np.linspace(-0.1, 0.19, 581)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    within = grid[both.values(grid) <= t]
    assert both.value(touch.point) <= t * (1 + 1e-12)
    assert touch.value <= float(quadratic(H, centre)(within).min()) + 1e-10
    assert (touch.guarantee == "global") == (share > 1)
    assert not touch.inside


def test_limits_hold_whatever_the_budget():
    for penalty in (Lp(1.0, 0.5), MCP(1.0, 3.0)):
        touch = contact(quadratic(np.eye(2), [2.0, 1.5]), penalty + Box(-0.1, 0.1), 1.0)
        assert np.allclose(touch.point, 0.1, atol=1e-12)
        assert touch.guarantee == "global"
        assert touch.kind == "vertex"


def test_prices_that_take_the_whole_budget():
    one = contact(quadratic(np.eye(2), [2.0, 1.5]), L0(0.5) + Box(-1.0, 1.0), 0.5)
    assert np.array_equal(one.point, [1.0, 0.0])
    three = contact(quadratic(np.eye(3), [2.0, 1.5, 1.0]), L0(0.1) + Box(-1.0, 1.0), 0.3)  # 0.1 + 0.1 + 0.1 > 0.3
    assert np.array_equal(three.point, [1.0, 1.0, 1.0])
    sized = contact(quadratic(np.eye(2), [2.0, 1.5]), L0(0.5) + L1(0.37) + Box(-1.0, 1.0), 0.5)
    assert np.array_equal(sized.point, [0.0, 0.0])  # nothing is left for a size


def test_flat_sides_of_boxes_are_faces():
    bowl = quadratic(np.eye(3), [1.9, 0.37, 0.19])
    held = contact(bowl, ElasticNet(0.37, 0.19) + Box(-1.0, 0.5), 37.0)
    assert (held.kind, held.face_dimension) == ("face", 2)
    assert contact(quadratic(np.eye(3), [1.9, 1.7, 1.5]), ElasticNet(0.37, 0.19), 1.0).kind == "smooth"
