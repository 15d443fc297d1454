"""Contact points beside the house's solvers, general optimisers, scans and closed forms."""

import numpy as np
import pytest
from scipy import optimize

import ellzero as ez
from ellzero import penalties
from ellzero.errors import DataError
from ellzero.geometry import Field, contact, loss_field, norm, quadratic, quartic
from ellzero.penalties import MCP, SCAD, Box, ElasticNet, LogSum, Lp
from ellzero.problem import Problem

ALL = [1, 2, 3, 5, 8, 10]


def bowl(n, seed=37, condition=19.0):
    rng = np.random.default_rng([seed, n])
    Q, _ = np.linalg.qr(rng.normal(size=(n, n)))
    return (Q * np.geomspace(0.37, 0.37 * condition, n)) @ Q.T, rng.normal(size=n)


def rows_of(H, centre):
    """Data whose loss is that of H: (1/2n)|y - Xb|^2 with X = sqrt(n) R, R'R = H."""
    R = np.linalg.cholesky(H).T
    X = np.sqrt(len(H)) * R
    return X, X @ centre


def kkt(H, centre, touch, p):
    """Violation of the optimality condition on the ball of p >= 1: minus the gradient attains its dual norm at x."""
    g = -H @ (touch.point - centre)
    q = np.inf if p == 1 else 1.0 if np.isinf(p) else p / (p - 1.0)
    return abs(g @ touch.point - norm(g, q) * touch.budget), abs(touch.multiplier - norm(g, q))


@pytest.mark.parametrize("n", ALL)
@pytest.mark.parametrize("p", [1, 1.1, 1.5, 2, 3, 10, np.inf])
def test_balls_meet_the_dual_norm(n, p):
    H, centre = bowl(n)
    touch = contact(quadratic(H, centre), p, 0.37 * float(norm(centre, p)))
    assert max(kkt(H, centre, touch, p)) < 1e-10
    assert touch.used <= touch.budget * (1 + 1e-13)
    assert not touch.inside
    assert touch.guarantee == "global"
    twin = type(touch)(**{**vars(touch), "point": touch.point * (1 - 1e-6)})  # a point just off the boundary
    assert max(kkt(H, centre, twin, p)) > 1e-9
    if n > 1:  # another one on it
        turned = touch.point + 1e-4 * np.roll(touch.point + 0.1, 1)
        twin = type(touch)(**{**vars(touch), "point": turned * touch.budget / float(norm(turned, p))})
        assert max(kkt(H, centre, twin, p)) > 1e-7


@pytest.mark.parametrize("n", ALL)
@pytest.mark.parametrize("share", [0.05, 0.37, 0.9])
def test_lasso_and_elastic_net_paths(n, share):
    """The penalised minimiser is the constrained one of its own penalty, and the strength the multiplier."""
    H, centre = bowl(n)
    X, y = rows_of(H, centre)
    largest = float(np.abs(H @ centre).max())
    plain = {"fit_intercept": False, "standardize": False, "tolerance": 1e-15}
    lasso = ez.penalty_path(X, y, penalty="l1", strengths=[share * largest], **plain).coefs[0]
    touch = contact(quadratic(H, centre), 1, float(np.abs(lasso).sum()))
    assert np.abs(touch.point - lasso).max() < 1e-8
    assert abs(touch.multiplier - share * largest) < 1e-8 * largest
    assert touch.face_dimension == np.count_nonzero(lasso) - 1
    assert touch.n_zeros == n - np.count_nonzero(lasso)
    net = ez.penalty_path(X, y, penalty="elastic_net", strengths=[share * largest], l1_ratio=0.37, **plain).coefs[0]
    penalty = ElasticNet(0.37, 0.5 * 0.63)
    touch = contact(quadratic(H, centre), penalty, penalty.value(net))
    assert np.abs(touch.point - net).max() < 1e-8
    assert abs(touch.multiplier - share * largest) < 1e-7 * largest
    ridge = ez.penalty_path(X, y, penalty="ridge", strengths=[share], **plain).coefs[0]
    touch = contact(quadratic(H, centre), 2, float(np.linalg.norm(ridge)))
    assert np.abs(touch.point - ridge).max() < 1e-8
    assert abs(touch.multiplier - 2.0 * share * np.linalg.norm(ridge)) < 1e-8  # by norm, not by its square


@pytest.mark.parametrize(("n", "k"), [(1, 1), (3, 1), (5, 2), (8, 3), (10, 5)])
def test_best_subset(n, k):
    H, centre = bowl(n)
    X, y = rows_of(H, centre)
    best = ez.best_subset(X, y, k=k, fit_intercept=False, standardize=False)
    touch = contact(quadratic(H, centre), 0, k)
    assert np.abs(touch.point - best.coef).max() < 1e-8
    assert abs(touch.value - best.loss) < 1e-10
    priced = contact(quadratic(H, centre), penalties.L0(0.37), 0.37 * k + 0.19)
    assert np.array_equal(priced.point, touch.point)
    assert priced.used == pytest.approx(0.37 * k)


def test_logistic_loss():
    """Of a problem: the same as the house's lasso, by data units, with the intercept at its best."""
    rng = np.random.default_rng(19)
    X = rng.normal(size=(120, 3))
    y = (X @ [1.9, -0.37, 0.0] + rng.logistic(size=120) > 0.37).astype(float)
    problem = Problem.from_data(X, y, loss="logistic")
    path = ez.penalty_path(X, y, penalty="l1", strengths=[0.05], loss="logistic", standardize=False, tolerance=1e-15)
    touch = contact(problem, 1, float(np.abs(path.coefs[0]).sum()))
    assert np.abs(touch.point - path.coefs[0]).max() < 1e-8
    assert abs(touch.multiplier - 0.05) < 1e-8
    assert abs(touch.value - path.losses[0]) < 1e-12
    free = contact(problem, 1, 1000.0)
    assert free.inside
    assert free.kind == "inside"
    assert free.multiplier == 0
    assert np.abs(loss_field(problem).slope(free.point)).max() < 1e-12
    two = contact(problem, 0, 2)
    listed = ez.best_subset(X, y, k=2, loss="logistic", standardize=False)
    assert np.array_equal(two.point != 0, listed.coef != 0)
    assert np.abs(two.point - listed.coef).max() < 1e-6  # as far as the search's own fit goes
    signs, kept = np.where(y > 0, 1.0, -1.0), np.flatnonzero(listed.coef)
    rows = np.column_stack([np.ones(len(y)), X[:, kept]])
    fit = np.zeros(3)
    for _ in range(30):  # Newton's method on the support, written out
        risk = 1.0 / (1.0 + np.exp(signs * (rows @ fit)))
        fit += np.linalg.solve((rows.T * (risk * (1.0 - risk))) @ rows, rows.T @ (signs * risk))
    assert np.abs(two.point[kept] - fit[1:]).max() < 1e-8
    spike = contact(problem, 0.5, 1.9)
    assert spike.guarantee == "scan"
    assert spike.used == pytest.approx(1.9, rel=1e-10)


@pytest.mark.parametrize("p", [1.3, 4.0])
def test_against_slsqp(p):
    H, centre = bowl(4)
    t = 0.37 * float(norm(centre, p))
    field = quadratic(H, centre)
    rival = optimize.minimize(
        lambda x: float(field(x)), 0.1 * t * np.ones(4), jac=lambda x: field.slope(x), method="SLSQP",
        constraints={"type": "ineq", "fun": lambda x: t**p - (np.abs(x) ** p).sum(),
                     "jac": lambda x: -p * np.sign(x) * np.abs(x) ** (p - 1)},
        options={"ftol": 1e-15, "maxiter": 500},
    )  # fmt: skip
    touch = contact(field, p, t)
    assert touch.value <= rival.fun + 1e-12
    assert np.abs(touch.point - rival.x).max() < 1e-5


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("p", [0.3, 0.5, 0.9])
def test_spikes_against_a_scan(p, seed):
    """In the plane no point of the boundary does better, and on the surface the multiplier balances the gradient."""
    H, centre = bowl(2, seed)
    t = 0.5 * float(norm(centre, p))
    touch = contact(quadratic(H, centre), p, t)
    angle = np.linspace(0, 2 * np.pi, 400_001)
    rim = np.column_stack([np.cos(angle), np.sin(angle)])
    rim *= (t / norm(rim, p))[:, None]
    lowest = float(quadratic(H, centre)(rim).min())
    assert touch.value <= lowest + 1e-12
    assert lowest - touch.value < 1e-3 * (1 + lowest)
    g, on = -H @ (touch.point - centre), touch.point != 0
    slope = np.sign(touch.point[on]) * (np.abs(touch.point[on]) / t) ** (p - 1.0)  # gradient of the norm on its surface
    assert np.abs(g[on] - touch.multiplier * slope).max() < 1e-8 * max(1, touch.multiplier)
    assert touch.used == pytest.approx(t, rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("n", [3, 4, 5])
def test_spikes_against_general_optimisers(n):
    """No local search from any support and sign finds better."""
    for seed in range(4):
        H, centre = bowl(n, seed)
        budget = 0.5 * float(np.sqrt(np.abs(centre)).sum())
        touch = contact(quadratic(H, centre), 0.5, budget**2)
        rng = np.random.default_rng(seed)
        found = []
        for _ in range(60):  # x = u|u|^3 makes the ball's surface u'u-like and smooth
            u = rng.normal(size=n)
            u *= np.sqrt(budget / (u @ u))
            rival = optimize.minimize(
                lambda u, H=H, c=centre: 0.5 * (u**3 * np.abs(u) - c) @ H @ (u**3 * np.abs(u) - c), u, method="SLSQP",
                constraints={"type": "ineq", "fun": lambda u, b=budget: b - (u**2).sum()}, options={"maxiter": 300},
            )  # fmt: skip
            if budget - rival.x @ rival.x > -1e-9:
                found.append(rival.fun)
        assert touch.value <= min(found) + 1e-7


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("penalty", [Lp(0.37, 0.5), MCP(0.37, 1.9), SCAD(0.37), LogSum(0.37, 0.19)], ids=repr)
def test_concave_budgets(n, penalty):
    """No better point on a fine grid of the square."""
    H, centre = bowl(n)
    t = 0.5 * penalty.value(centre)
    touch = contact(quadratic(H, centre), penalty, t)
    side = np.linspace(-2.2, 2.2, 1201 if n == 2 else 111)
    grid = np.stack(np.meshgrid(*[side] * n), axis=-1).reshape(-1, n)
    within = grid[penalty.values(grid) <= t]
    assert touch.used <= t * (1 + 1e-12)
    assert touch.value <= float(quadratic(H, centre)(within).min()) + 1e-10


def test_closed_forms():
    """Isotropic losses: the projection; a cube clips; and the kinds of contact."""
    c = np.array([1.9, -0.37, 0.19])
    flat = quadratic(np.eye(3), c)
    assert np.allclose(contact(flat, 2, 1.0).point, c / np.linalg.norm(c), atol=1e-12)
    assert np.allclose(contact(flat, np.inf, 0.3).point, [0.3, -0.3, 0.19], atol=1e-12)
    assert contact(flat, np.inf, 0.3).kind == "edge"
    assert contact(flat, np.inf, 0.1).kind == "vertex"
    vertex, edge, face = (contact(flat, 1, t) for t in (1.0, 1.8, 2.3))
    assert [k.kind for k in (vertex, edge, face)] == ["vertex", "edge", "face"]
    assert [k.n_zeros for k in (vertex, edge, face)] == [2, 1, 0]
    assert np.allclose(edge.point, [1.9 - 0.235, -0.37 + 0.235, 0.0], atol=1e-12)
    assert edge.multiplier == pytest.approx(0.235, abs=1e-12)
    assert contact(flat, ElasticNet(0.37, 0.37), 0.37).n_zeros == 2
    inside = contact(flat, 1, 3.7)
    assert inside.inside
    assert inside.kind == "inside"
    assert inside.multiplier == 0
    assert inside.face_dimension == 3
    assert np.allclose(inside.point, c, atol=1e-12)
    assert contact(flat, 0, 2).kind == "face"
    assert np.isnan(contact(flat, 0, 2).multiplier)
    assert np.allclose(contact(flat, Box(-0.1, 1.0), 1.0).point, [1.0, -0.1, 0.19], atol=1e-12)
    assert contact(flat, 0.5, 1.0).kind == "vertex"
    assert contact(flat, 0.5, 99.0).inside


def test_the_multiplier_is_what_a_budget_is_worth():
    H, centre = bowl(3)
    field = quadratic(H, centre)
    for penalty in (0.5, 1, 1.5, 2, np.inf, ElasticNet(0.37, 0.19), Lp(0.37, 0.5), MCP(0.37, 3.7), penalties.L2(0.37)):
        known = isinstance(penalty, penalties.Penalty)
        t = 0.5 * (penalty.value(centre) if known else float(norm(centre, penalty)))
        more, less = (contact(field, penalty, t * (1 + d)).value for d in (1e-5, -1e-5))
        assert contact(field, penalty, t).multiplier == pytest.approx((less - more) / (2e-5 * t), rel=1e-3)


def test_flat_losses_say_that_others_do_as_well():
    v = np.array([1.0, 1.0])
    flat = quadratic(np.outer(v, v), [1.0, 1.0])
    tie = contact(flat, 1, 1.0)  # the whole edge
    assert tie.value == pytest.approx(0.5)
    assert tie.unique is False
    assert contact(flat, 2, 1.0).unique
    assert contact(quadratic(np.eye(2), v), 1, 1.0).unique
    assert contact(quadratic(np.eye(2), v), 0, 1).unique is False
    assert contact(quadratic(np.eye(2), v), 0.5, 1.0).unique is False  # two vertices
    assert contact(quadratic(np.eye(2), [1.0, 0.9]), 0.5, 1.0).unique
    assert contact(flat, np.inf, 3.7).unique is False
    assert contact(flat, np.inf, 3.7).inside


def test_scales_and_axes():
    """Powers of ten of the budget, the loss and the centre, and other orders of the variables, change nothing else."""
    H, centre = bowl(4)
    plain = contact(quadratic(H, centre), 1.5, 0.7)
    for by in (1e-6, 1e6):
        far = contact(quadratic(37.0 * H, by * centre), 1.5, 0.7 * by)
        assert np.abs(far.point / by - plain.point).max() < 1e-9
    order = [2, 0, 3, 1]
    for p in (0, 0.5, 1, 1.5, 2, np.inf):
        t = 2 if p == 0 else 0.7
        one, other = (
            contact(quadratic(H, centre), p, t),
            contact(quadratic(H[np.ix_(order, order)], centre[order]), p, t),
        )
        assert np.abs(one.point[order] - other.point).max() < 1e-8


def test_curved_losses():
    """A convex loss that is not quadratic, by a smooth field of its own."""
    c = np.array([1.9, 0.37])
    field = Field(
        lambda x: np.log(np.cosh(x - c)).sum(axis=-1), 2, lambda x: np.tanh(x - c),
        lambda x: np.diag(1.0 / np.cosh(x - c) ** 2),
    )  # fmt: skip
    for p in (1, 1.5, 2):
        touch = contact(field, p, 1.0)
        angle = np.linspace(0, 2 * np.pi, 200_001)
        rim = np.column_stack([np.cos(angle), np.sin(angle)])
        rim /= norm(rim, p)[:, None]
        assert touch.value <= field(rim).min() + 1e-13
        assert touch.residual < 1e-11


def test_random_state_and_refusals():
    H, centre = bowl(5)
    one, two = (contact(quadratic(H, centre), MCP(0.37, 1.9), 0.3, random_state=7) for _ in range(2))
    assert np.array_equal(one.point, two.point)
    with pytest.raises(ez.errors.ArgumentError, match="not convex"):
        contact(quartic(), 1, 1.0)
    with pytest.raises(ez.errors.ArgumentError, match="gradient and the Hessian"):
        contact(Field(lambda x: (x**2).sum(axis=-1), 2), 1, 1.0)


def waves():
    """Convex near 0 and near 2 pi, not between: the better minimum is the far one."""
    far = 2.0 * np.pi
    return Field(
        lambda x: (-np.cos(x) + 0.01 * (x - far) ** 2).sum(axis=-1), 2, lambda x: np.sin(x) + 0.02 * (x - far),
        lambda x: np.diag(np.cos(x) + 0.02),
    )  # fmt: skip


def test_what_is_proved_of_losses_of_ones_own():
    assert contact(waves(), 0, 2).guarantee == "convex as sampled"
    assert contact(waves(), 0, 2).unique is None
    assert contact(waves(), 0, 2).value > float(waves()([2.0 * np.pi, 2.0 * np.pi]))  # so "global" would be wrong
    c = np.array([1.9, 0.37])
    soft = Field(
        lambda x: np.log(np.cosh(x - c)).sum(axis=-1), 2, lambda x: np.tanh(x - c),
        lambda x: np.diag(1.0 / np.cosh(x - c) ** 2),
    )  # fmt: skip
    assert {contact(soft, p, 1).guarantee for p in (0, 1, 2)} == {"convex as sampled"}
    bump = Field(  # convex on [-1, 1], and bent down where its minimiser on a wide ball lies
        lambda x: np.where(np.abs(x) < 1.5, x**2 / 2 - 4 * x, -2.5 * np.abs(x) - 1.0 - 0.05 * x * x).sum(axis=-1), 1,
        lambda x: np.where(np.abs(x) < 1.5, x - 4.0, -2.5 - 0.1 * x),
        lambda x: np.diag(np.where(np.abs(x) < 1.5, 1.0, -0.1)),
    )  # fmt: skip
    with pytest.raises(ez.errors.ArgumentError, match="not convex"):
        contact(bump, penalties.L1(1.0), 3.7)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    problem = Problem.from_data(X, (X[:, 0] + rng.logistic(size=60) > 0).astype(float), loss="logistic")
    assert contact(problem, 0, 1).guarantee == contact(loss_field(problem) * 1.9, 1, 0.37).guarantee == "global"
    assert contact(loss_field(problem) * 1.9 + waves() * 0.01, 1, 0.37).guarantee == "convex as sampled"


def test_random_starts_come_from_one_generator():
    """A generator moves on, an integer starts anew, and what is neither is refused."""
    H, centre = bowl(11)
    rng = np.random.default_rng(7)
    before = rng.bit_generator.state
    contact(quadratic(H, centre), 0.5, 1.9, random_state=rng)
    assert rng.bit_generator.state != before
    one, two = (contact(quadratic(H, centre), 0.5, 1.9, random_state=7) for _ in range(2))
    assert np.array_equal(one.point, two.point)
    with pytest.raises(ez.errors.ArgumentError, match="random_state"):
        contact(quadratic(H, centre), 1, 1.9, random_state=-1)


def test_losses_that_are_flat_or_far_or_badly_scaled():
    """Each answer is known: a linear loss ends at the ball, one far away at its nearest face, a box at its corner."""
    linear = Field(lambda x: x.sum(-1), 2, np.ones_like, lambda x: np.zeros((2, 2)))
    for p, at in ((1.0, None), (1.5, 2 ** (-1 / 1.5)), (2.0, 0.5**0.5), (np.inf, 1.0)):
        found = contact(linear, p, 1.0)
        assert found.value == pytest.approx(-(2 ** (1 - 1 / p)), rel=1e-12)
        assert not found.inside
        if at is not None:
            assert found.point == pytest.approx([-at, -at], rel=1e-9)
    assert not contact(linear, 1.0, 1.0).unique
    with pytest.raises(DataError, match="falls on without end"):
        contact(linear, 0, 1)
    far = contact(quadratic(np.eye(2), [1e16, 1e16]), 1.0, 1.0)
    assert far.point == pytest.approx([0.5, 0.5])
    for flat in (1e-7, 1e-8, 1e-9, 1e-12):
        assert contact(quadratic(np.diag([flat, 1.0]), [1.9, 3.7]), np.inf, 1.0).point.tolist() == [1.0, 1.0]
    tiny = contact(quadratic([[2.0, 0.9], [0.9, 1.0]], [0.8, 1.7]), 1.0, 1e-12)
    assert tiny.used == pytest.approx(1e-12, rel=1e-12)
