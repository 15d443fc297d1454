"""What a path of penalties says of itself: strengths, limits, units of the response, small data, copies."""

import copy
import pickle

import numpy as np
import pytest
from scipy import optimize

import ellzero as ez
from ellzero.penalties import L0, L1, L2, MCP, Box, GroupL0, Lp
from paths import CONVEX, EXACT, GROUPS, NONCONVEX, asked, data


def test_a_path_has_what_it_says():
    X, y = data()
    path = ez.penalty_path({f"c{j}": X[:, j] for j in range(17)}, y, n_strengths=12)
    assert len(path) == 12
    assert path.coefs.shape == (12, 17)
    np.testing.assert_array_equal(path.nonzeros, (path.coefs != 0).sum(1))
    np.testing.assert_allclose(
        path.losses, [0.5 * np.mean((y - X @ b - c) ** 2) for b, c in zip(path.coefs, path.intercepts, strict=True)]
    )
    chosen = path.best("aic")
    values = path.criteria("aic")
    assert chosen.criterion("aic") == pytest.approx(np.nanmin(values))
    assert set(chosen.names_in_support) <= {f"c{j}" for j in range(17)}
    np.testing.assert_allclose(
        chosen.predict({f"c{j}": X[:, j] for j in range(17)}), X @ chosen.coef + chosen.intercept
    )
    assert path.at(path.strengths[4] * 1.001).objective == path.objectives[4]
    table = path.table("bic")
    assert table.columns == ["strength", "nonzeros", "RSS", "R2", "BIC", "gap"]
    assert len(table.rows) == 12
    assert "optimal" in repr(path)


def test_at_takes_the_nearest_gamma_first():
    _, _, path = asked("l0l2", gammas=[0.37, 0.019], n_strengths=5)
    i = int(np.flatnonzero(path.gammas == 0.019)[2])
    assert path.at(path.strengths[i], 0.018).objective == path.objectives[i]
    assert "gamma 0.019" in path.at(path.strengths[i], 0.018).notes[0]


def test_the_first_strength_is_where_the_first_column_enters():
    for name in ("l1", "elastic_net", "mcp", "scad", "lp", "log_sum", "group_l1", "group_l0"):
        _, _, path = asked(name, n_strengths=3)
        assert path.nonzeros[0] == 0
        _, _, below = asked(name, strengths=[0.99 * path.strengths[0]])
        assert below.nonzeros[0] > 0


def test_interrupts_and_limits_keep_what_is_done():
    X, y = data()
    seen = []

    def stop(event):
        seen.append(event)
        raise KeyboardInterrupt

    path = ez.penalty_path(X, y, n_strengths=19, on_progress=stop)
    assert path.status is ez.Status.INTERRUPTED
    assert 1 <= len(path) < 19
    assert seen[0].stage == "penalties"
    full = ez.penalty_path(X, y, n_strengths=19)
    np.testing.assert_array_equal(path.strengths, full.strengths[: len(path)])
    np.testing.assert_allclose(path.coefs, full.coefs[: len(path)], atol=1e-6)
    short = ez.penalty_path(X, y, n_strengths=19, time_limit=1e-9)
    assert short.status is ez.Status.TIME_LIMIT
    assert len(short) == 1


def test_max_nonzeros_ends_a_path():
    _, _, path = asked("l1", n_strengths=50, max_nonzeros=4)
    assert (path.nonzeros[:-1] <= 4).all()
    assert path.nonzeros[-1] > 4
    _, _, crossed = asked("l0l2", gammas=[0.37, 0.019], max_nonzeros=3)
    for gamma in (0.37, 0.019):
        sizes = crossed.nonzeros[crossed.gammas == gamma]
        assert (sizes[:-1] <= 3).all()


def test_constant_columns_stay_out():
    X, y = data()
    X = np.column_stack([X, np.full(60, 1.9)])
    with pytest.warns(ez.errors.EllzeroWarning):
        path = ez.penalty_path(X, y, n_strengths=4)
    assert (path.coefs[:, -1] == 0).all()
    assert path.status is ez.Status.OPTIMAL


@pytest.mark.parametrize("penalty", ["l1", "mcp"])
def test_a_pickled_path_is_the_same_and_holds_no_data(penalty):
    rng = np.random.default_rng(37)
    X = rng.standard_normal((1900, 7))
    y = X[:, 1] - 0.37 * X[:, 4] + rng.standard_normal(1900)
    path = ez.penalty_path(X, y, penalty=penalty, n_strengths=7)
    sent = pickle.dumps(path)
    assert len(sent) < y.nbytes
    back = pickle.loads(sent)
    assert str(back) == str(path)
    assert str(back[3]) == str(path[3])
    assert back.best("aic").names_in_support == path.best("aic").names_in_support
    np.testing.assert_array_equal(copy.deepcopy(path).best().predict(X), path.best().predict(X))
    assert len(pickle.dumps(path[3])) < y.nbytes


@pytest.mark.parametrize(
    "penalty",
    [
        L0(0.37) + L2(1.9), Box(-0.37, np.inf), L1(np.array([0.37, 1.9, 0.0])), MCP(0.37, 1.9), Lp(0.37, 0.19),
        GroupL0(0.37, [0, 0, 1]),
    ],
)  # fmt: skip
def test_penalties_are_pickled_and_copied(penalty):
    b = np.array([1.9, -0.0, 0.37])
    b = np.abs(b) if penalty.value(-b) == np.inf else b
    for twin in (pickle.loads(pickle.dumps(penalty)), copy.deepcopy(penalty), copy.copy(penalty)):
        assert type(twin) is type(penalty)
        assert repr(twin) == repr(penalty)
        assert twin.value(b) == penalty.value(b)
        with pytest.raises(AttributeError, match="immutable"):
            twin.l0 = 1.9


@pytest.mark.parametrize("rows", [1, 19])
def test_a_ridge_without_a_column_that_varies_is_the_mean(rows):
    y = 0.37 * np.arange(rows) + 1.9
    with pytest.warns(ez.errors.EllzeroWarning, match="constant"):
        path = ez.penalty_path(np.full((rows, 3), 1.9), y, penalty="ridge", strengths=[0.37])
    assert not path.coefs.any()
    assert path[0].intercept == pytest.approx(y.mean())


# ---- another unit of the response


@pytest.mark.parametrize("c", [0.019, 19.0])
@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize(
    ("name", "power"),
    [("l1", 1), ("adaptive_l1", 1), ("reweighted_l1", 1), ("log_sum", 1), ("mcp", 1), ("scad", 1), ("group_l1", 1),
     ("ridge", 0), ("l0", 2), ("group_l0", 2), ("lp", 1.5)],
)  # fmt: skip
def test_another_unit_of_the_response_is_another_strength(name, power, c, standardize):
    X, y = data()
    strengths = np.array([0.19, 0.037])
    options = {"penalty": name, "standardize": standardize, "tolerance": 1e-11}
    options |= {"groups": GROUPS} if name.startswith("group") else {}
    if name == "adaptive_l1":  # weights of a fit that moves with y: the penalty is in units of its own then
        options["initial"] = np.linspace(0.37, 1.9, X.shape[1])
    one = ez.penalty_path(X, y, strengths=strengths, **options)
    other = ez.penalty_path(X, c * y, strengths=c**power * strengths, **options)
    assert one.nonzeros.all()
    np.testing.assert_allclose(other.coefs, c * one.coefs, atol=1e-5 * c)
    np.testing.assert_allclose(other.objectives, c**2 * one.objectives, rtol=1e-8)


@pytest.mark.parametrize("c", [0.019, 19.0])
def test_another_unit_of_the_response_is_another_l1_ratio_of_an_elastic_net(c):
    X, y = data()
    strength, share = 0.19, 0.37
    mixed = c * share + 1 - share
    one = ez.penalty_path(X, y, penalty="elastic_net", strengths=[strength], l1_ratio=share, **EXACT)
    other = ez.penalty_path(
        X, c * y, penalty="elastic_net", strengths=[strength * mixed], l1_ratio=c * share / mixed, **EXACT
    )
    np.testing.assert_allclose(other.coefs, c * one.coefs, atol=1e-5 * c)
    for power in np.linspace(-0.37, 2.37, 19):  # and no strength of the same share does
        wrong = ez.penalty_path(
            X, c * y, penalty="elastic_net", strengths=[strength * c**power], l1_ratio=share, **EXACT
        )
        assert np.abs(wrong.coefs - c * one.coefs).max() > 0.01 * c * np.abs(one.coefs).max()


# ---- small data, and how a path is read


@pytest.mark.parametrize("loss", ["huber", "squared_hinge"])
@pytest.mark.parametrize("name", [*CONVEX, *NONCONVEX])
def test_rows_that_do_not_bend_the_loss_leave_a_path(name, loss):
    """Two rows far beyond Huber's delta, or beyond the margin: the curvature is 0 in every row."""
    for seed in range(7):
        rng = np.random.default_rng(seed)
        X, y = rng.normal(size=(2, 12)), 37 * rng.normal(size=2)
        options = {"groups": np.arange(12) // 3} if name.startswith("group") else {}
        y = y if loss == "huber" else np.array([0.0, 1.0])
        path = ez.penalty_path(X, y, penalty=name, loss=loss, n_strengths=7, **options)
        assert np.isfinite(path.coefs).all()
        assert np.isfinite(path.freedoms).all()
        assert (path.objectives <= path.null_loss * (1 + 1e-9)).all()
        if name in CONVEX:
            assert path.status is ez.Status.OPTIMAL
            assert path.losses[-1] < 1e-3 * path.null_loss


def test_a_ridge_of_rows_far_out_is_the_minimum():
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(2, 12)), 10 * rng.normal(size=2)
    loss, strengths = ez.losses.Huber(), [19.0, 1.9, 0.037]
    path = ez.penalty_path(X, y, penalty="ridge", loss="huber", strengths=strengths, standardize=False)
    assert path.freedoms[0] == 0.0  # no row bends the loss there

    for i, strength in enumerate(strengths):

        def objective(v, strength=strength):
            return loss.value(y, X @ v[1:] + v[0]).mean() + strength * v[1:] @ v[1:]

        found = optimize.minimize(objective, np.append(path.intercepts[i], path.coefs[i]), method="Powell")
        assert path.objectives[i] <= found.fun * (1 + 1e-6)


def test_a_path_is_read_by_whole_numbers():
    _, _, path = asked("l1", n_strengths=7)
    assert np.array_equal(path[-1].coef, path[6].coef)
    assert np.array_equal(path[np.int64(2)].coef, path.coefs[2])
    for wrong in (slice(1, 3), 1.9, 7, -8, "1", None, True, [1]):
        with pytest.raises(ez.errors.ArgumentError, match=r"7 models is read one at a time, .* \[-7, 6\]"):
            path[wrong]


@pytest.mark.parametrize("loss", ["squared", "logistic", "poisson"])
@pytest.mark.parametrize("seed", range(7))
def test_nothing_is_explained_by_nothing(loss, seed):
    X, y = data(seed=seed, loss=loss)
    question = {"loss": loss, "sample_weight": np.linspace(0.37, 1.9, 60)}
    for path in (ez.penalty_path(X, y, strengths=[37.0, 0.019], **question), ez.path(X, y, k=1, **question)):
        fit = "R2" if loss == "squared" else "explained"
        shares = [row[fit] for row in path.table().to_dicts()]
        assert str(shares[0]) == "0.0"
        assert all(share > 0.0 for share in shares[1:])


def test_a_criterion_without_a_name_is_none():
    for path in (asked("l1", n_strengths=7)[2], ez.path(*data(), k=2)):
        for call in (path.best, path.criteria, path.table):
            with pytest.raises(ez.errors.ArgumentError, match=r"`criterion` must be one of bic, .* got ''"):
                call("")
