"""Trainings of small models: gradients, fixed points, zeros counted, and what is recorded."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from ellzero.errors import ArgumentError
from ellzero.geometry.descent import (
    METHODS,
    LinearModel,
    TanhNetwork,
    digits_runs,
    digits_table,
    split_digits,
    strongest,
    train,
)

RATE, LAM = 0.37, 0.019


def toy(seed=0, n=119, p=7, idle=0):
    """Three classes that need few of the columns; the last `idle` columns are 0."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    y = (X[:, [0, 1, 3]] + 0.37 * rng.standard_normal((n, 3))).argmax(axis=1)
    return np.column_stack([X, np.zeros((n, idle))]), y


def soft(v, t):
    return np.sign(v) * np.maximum(np.abs(v) - t, 0.0)


class WithoutSlopeOfTanh(TanhNetwork):
    """A broken twin: back-propagation that forgets the derivative of tanh."""

    def gradient(self, parameters, X, Y):
        out = np.empty(self.n_parameters)
        values, layers, slopes = self.activations(parameters, X), self.layers(parameters), self.layers(out)
        back = super().gradient(parameters, X, Y)
        last = self.layers(back)
        slopes[1][0][:], slopes[1][1][:] = last[1]
        scores = values[-1] - values[-1].max(axis=1)[:, None]
        wrong = (np.exp(scores) / np.exp(scores).sum(axis=1)[:, None] - Y) / len(X) @ layers[1][0].T
        slopes[0][0][:], slopes[0][1][:] = X.T @ wrong, wrong.sum(axis=0)
        return out


def check_gradient(model):
    X, y = toy()
    Y = np.eye(3)[y]
    at = model.start(19) + 0.19 * np.random.default_rng(1).standard_normal(model.n_parameters)
    found = model.gradient(at, X, Y)
    step = 1e-5
    for j, slope in enumerate(found):
        e = step * (np.arange(model.n_parameters) == j)
        assert slope == pytest.approx((model.loss(at + e, X, Y) - model.loss(at - e, X, Y)) / (2 * step), abs=1e-8)


@pytest.mark.parametrize("model", [LinearModel(7, 3), TanhNetwork(7, 4, 3)], ids=["linear", "tanh"])
def test_gradients_are_those_of_differences(model):
    check_gradient(model)


def test_a_gradient_without_the_slope_of_tanh_is_found_out():
    with pytest.raises(AssertionError):
        check_gradient(WithoutSlopeOfTanh(7, 4, 3))


def test_the_loss_of_the_network_is_what_it_says():
    model, (X, y) = TanhNetwork(7, 4, 3), toy()
    at = model.start(3)
    (W1, b1), (W2, b2) = model.layers(at)
    assert (W1.shape, b1.shape, W2.shape, b2.shape) == ((7, 4), (4,), (4, 3), (3,))
    total = 0.0
    for row, label in zip(X, y, strict=True):
        odds = np.exp(np.tanh(row @ W1 + b1) @ W2 + b2)
        total -= np.log(odds[label] / odds.sum())
    assert model.loss(at, X, np.eye(3)[y]) == pytest.approx(total / len(y), rel=1e-12)


def test_names_and_inputs_of_weights_belong_to_their_entries():
    model = TanhNetwork(7, 4, 3)
    parameters = np.arange(float(model.n_parameters))
    (W1, _), (W2, _) = model.layers(parameters)
    names, reads = model.names(), model.reads
    assert names[int(W1[5, 2])] == "x5 to unit 2"
    assert names[int(W2[3, 1])] == "unit 3 to class 1"
    assert reads[int(W1[5, 2])] == 5
    assert reads[int(W2[3, 1])] == -1
    assert LinearModel(7, 3).names()[4] == "x1 to class 1"


# ---- single steps, by hand


def one_step(method, model, X, y, **options):
    start = model.start(19)
    g = model.gradient(start, X, np.eye(3)[y])
    run = train(model, X, y, method, epochs=1, rate=RATE, start=start, **options)
    return start, g, run.parameters


@pytest.mark.parametrize("model", [LinearModel(7, 3), TanhNetwork(7, 4, 3)], ids=["linear", "tanh"])
def test_one_step_of_each_method_is_its_formula(model):
    X, y = toy()
    n = model.n_weights
    laws = {
        "l1 subgradient": lambda w, g: w - RATE * (g + LAM * np.sign(w)),
        "l1 proximal": lambda w, g: soft(w - RATE * g, RATE * LAM),
        "l2": lambda w, g: (w - RATE * g) / (1 + 2 * RATE * LAM),
    }
    for method, law in laws.items():
        start, g, end = one_step(method, model, X, y, strength=LAM)
        np.testing.assert_allclose(end[:n], law(start[:n], g[:n]), rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(end[n:], start[n:] - RATE * g[n:], rtol=1e-12)
    start, g, end = one_step("hard threshold", model, X, y, k=5, dense=0.0)
    moved = start[:n] - RATE * g[:n]
    kept = np.sort(np.argsort(-np.abs(moved))[:5])
    np.testing.assert_array_equal(np.flatnonzero(end[:n]), kept)
    np.testing.assert_allclose(end[:n][kept], moved[kept], rtol=1e-12)


# ---- where they end


def test_proximal_steps_end_where_the_optimality_conditions_of_l1_hold():
    model, (X, y) = LinearModel(7, 3), toy()
    run = train(model, X, y, "l1 proximal", strength=LAM, epochs=6000, rate=RATE)
    g = model.gradient(run.parameters, X, np.eye(3)[y])
    w, slope = run.parameters[:21], g[:21]
    zero = w == 0
    assert 0 < zero.sum() == run.n_zeros < 21
    assert (np.abs(slope[zero]) <= LAM + 1e-7).all()
    np.testing.assert_allclose(slope[~zero], -LAM * np.sign(w[~zero]), atol=1e-7)
    np.testing.assert_allclose(g[21:], 0.0, atol=1e-7)


def test_subgradient_steps_on_the_same_objective_leave_small_weights_and_no_zeros():
    model, (X, y) = LinearModel(7, 3), toy()
    question = {"strength": LAM, "epochs": 3000, "rate": 0.019}
    plain, proximal = (train(model, X, y, f"l1 {how}", **question) for how in ("subgradient", "proximal"))
    assert plain.n_zeros == 0
    where = proximal.parameters[:21] == 0
    assert where.sum() == proximal.n_zeros > 3
    assert (np.abs(plain.parameters[:21][where]) <= 2 * 0.019 * LAM).all()
    np.testing.assert_allclose(plain.parameters[:21], proximal.parameters[:21], atol=2 * 0.019 * LAM)
    assert plain.n_small >= where.sum()
    assert proximal.n_small == 0


def test_l2_ends_at_scikit_learns_answer_and_has_no_zeros():
    model, (X, y) = LinearModel(7, 3), toy()
    run = train(model, X, y, "l2", strength=LAM, epochs=3000, rate=RATE)
    rival = LogisticRegression(C=1.0 / (2 * LAM * len(y)), tol=1e-10, max_iter=10_000).fit(X, y)
    np.testing.assert_allclose(run.parameters[:21].reshape(7, 3), rival.coef_.T, atol=1e-5)
    assert run.n_zeros == 0


def test_hard_thresholding_keeps_k_and_ends_stationary_on_them():
    model, (X, y) = LinearModel(7, 3), toy()
    run = train(model, X, y, "hard threshold", k=6, epochs=6000, rate=RATE)
    assert run.n_nonzero == 6
    assert run.n_zeros == 15
    support = np.flatnonzero(run.parameters[:21])
    g = model.gradient(run.parameters, X, np.eye(3)[y])
    np.testing.assert_allclose(g[support], 0.0, atol=5e-5)
    assert np.abs(g[:21]).max() > 0.01  # off the support the loss would still like to move
    assert set(model.reads[support].tolist()) == {0, 1, 3}  # the columns that the classes were made of


def test_hard_thresholding_waits_for_its_share_of_dense_epochs():
    X, y = toy()
    run = train(LinearModel(7, 3), X, y, "hard threshold", k=6, epochs=40, dense=0.5)
    assert (run.zeros[run.epochs <= 20] == 0).all()
    assert (run.zeros[run.epochs > 20] == 15).all()
    plain = train(LinearModel(7, 3), X, y, "l2", strength=0.0, epochs=20)
    assert run.losses[20] == plain.losses[-1]


def test_small_batches_hide_the_threshold_in_the_noise_of_the_gradient():
    X, y = toy(n=419)
    question = {"strength": LAM, "epochs": 300, "rate": 0.19}
    full = train(LinearModel(7, 3), X, y, **question)
    few = train(LinearModel(7, 3), X, y, batch=7, **question)
    assert few.zeros[-50:].mean() < 0.6 * full.zeros[-50:].mean()


# ---- idle inputs


def test_weights_of_inputs_that_are_always_zero_are_counted_apart():
    X, y = toy(idle=2)
    model = LinearModel(9, 3)
    runs = {m: train(model, X, y, m, strength=LAM, epochs=2000, rate=RATE) for m in METHODS[:3]}
    assert runs["l1 proximal"].idle.tolist() == [False] * 21 + [True] * 6
    assert [runs[m].n_idle_zeros for m in METHODS[:3]] == [0, 6, 0]
    for run in runs.values():
        assert run.n_live == 21
        last = run.parameters[:21]
        assert run.n_zeros == (last == 0).sum()
        assert run.n_small == ((last != 0) & (np.abs(last) < 1e-3)).sum()
    kept = train(model, X, y, "hard threshold", k=27, epochs=40)
    assert kept.n_idle_zeros == 0  # nothing is cut, and no gradient has moved them:
    np.testing.assert_array_equal(kept.weights[-1][21:], kept.weights[0][21:])


@pytest.mark.parametrize("method", METHODS)
def test_a_column_of_zeros_changes_no_count(method):
    option = {"k": 9} if method == "hard threshold" else {"strength": LAM}
    X, y = toy()
    start = LinearModel(7, 3).start(5)
    wide = np.concatenate([start[:21], np.full(6, 1e-9), start[21:]])  # so small that hard thresholding cuts them
    one = train(LinearModel(7, 3), X, y, method, start=start, epochs=190, **option)
    other = train(LinearModel(9, 3), *toy(idle=2), method, start=wide, epochs=190, **option)
    np.testing.assert_array_equal(one.zeros, other.zeros)
    np.testing.assert_array_equal(one.small, other.small)
    np.testing.assert_allclose(one.losses, other.losses, rtol=1e-12)


# ---- the record


def test_the_record_agrees_with_itself():
    X, y = toy()
    model = TanhNetwork(7, 4, 3)
    run = train(model, X, y, strength=LAM, epochs=419, follow=[2, 30, 39], snapshots=4, test=toy(1))
    assert run.epochs[0] == 0
    assert run.epochs[-1] == 419
    assert len(run.epochs) == 201
    assert run.snapshots.tolist() == [0, 104, 209, 314, 419]
    assert run.weights.shape == (5, 40)
    np.testing.assert_array_equal(run.weights[-1], run.parameters[:40])
    np.testing.assert_array_equal(run.weights[0], model.start(0)[:40])
    np.testing.assert_array_equal(run.trajectories[-1], run.weights[-1][[2, 30, 39]])
    np.testing.assert_array_equal(run.trajectories[0], run.weights[0][[2, 30, 39]])
    assert run.losses[-1] == model.loss(run.parameters, X, np.eye(3)[y])
    assert run.zeros[-1] == (run.parameters[:40] == 0).sum()
    X_test, y_test = toy(1)
    assert run.test_error == np.mean(model.predict(run.parameters, X_test) != y_test)
    assert np.isnan(train(model, X, y, strength=LAM, epochs=1).test_error)


def test_the_same_seed_gives_the_same_run_and_all_methods_the_same_start():
    X, y = toy()
    model = TanhNetwork(7, 4, 3)
    question = {"epochs": 19, "batch": 37, "random_state": 3}
    one, other = (train(model, X, y, strength=LAM, **question) for _ in range(2))
    np.testing.assert_array_equal(one.parameters, other.parameters)
    ridge, cut = train(model, X, y, "l2", strength=1.9, **question), train(model, X, y, METHODS[3], k=7, **question)
    for run in (ridge, cut):
        np.testing.assert_array_equal(run.weights[0], one.weights[0])
    assert (one.weights[0] != 0).all()
    another = train(model, X, y, strength=LAM, **question | {"random_state": 4})
    assert not np.array_equal(one.parameters, another.parameters)


def test_ctrl_c_gives_the_run_as_far_as_it_came():
    X, y = toy()
    seen = []

    def watch(event):
        seen.append(event)
        raise KeyboardInterrupt

    question = {"strength": LAM, "random_state": 2}
    cut = train(LinearModel(7, 3), X, y, epochs=500, on_progress=watch, **question)
    assert not cut.finished
    (event,) = seen
    assert (event.stage, event.total) == ("descent", 500)
    short = train(LinearModel(7, 3), X, y, epochs=event.done, **question)
    assert short.finished
    np.testing.assert_array_equal(cut.parameters, short.parameters)
    assert cut.epochs[-1] == event.done == cut.snapshots[-1]
    assert cut.losses[-1] == short.losses[-1]


# ---- digits


def test_the_digits_are_split_without_loss():
    from sklearn.datasets import load_digits

    parts = split_digits(3)
    rows = np.concatenate([X for X, _ in (parts.train, parts.validation, parts.test)])
    assert sorted(map(tuple, rows * 16)) == sorted(map(tuple, load_digits().data))
    assert not np.array_equal(split_digits(4).train[1], parts.train[1])


def test_the_rule_takes_the_largest_strength_within_one_standard_error():
    data, model = split_digits(0), LinearModel(64, 10)
    strengths, options = (0.19, 0.0037, 0.037), {"epochs": 60, "rate": 0.19}
    chosen = strongest(model, data, "l1 proximal", strengths, **options)
    wrong = {}
    for s in strengths:
        run = train(model, *data.train, strength=s, **options)
        wrong[s] = np.mean(model.predict(run.parameters, data.validation[0]) != data.validation[1])
    least = min(wrong.values())
    allowed = [s for s in strengths if wrong[s] <= least + np.sqrt(least * (1 - least) / 359)]
    assert 0 < len(allowed) < 3  # else the rule would have nothing to decide
    assert chosen.strength == max(allowed)


def test_the_table_says_what_the_runs_did():
    table = digits_table([3, 5], models=[LinearModel(64, 10)], epochs=60)
    rows = {row["training"]: row for row in table.to_dicts()}
    runs = [digits_runs(LinearModel(64, 10), seed, epochs=60) for seed in (3, 5)]
    for name, row in rows.items():
        a, b = (run[name].n_zeros for run in runs)
        assert row["exact zeros"] == f"{(a + b) / 2:.1f} ± {abs(a - b) / 2:.1f}"
        a, b = (100 * run[name].test_error for run in runs)
        assert row["test error, %"] == f"{(a + b) / 2:.2f} ± {abs(a - b) / 2:.2f}"
    for run in runs:
        assert run["hard threshold"].k == run["l1 proximal"].n_nonzero == run["hard threshold"].n_nonzero
        assert run["l1 subgradient"].strength == run["l1 proximal"].strength


@pytest.mark.slow
@pytest.mark.parametrize("model", [LinearModel(64, 10), TanhNetwork(64, 16, 10)], ids=["linear", "tanh"])
def test_on_digits_subgradients_leave_small_weights_where_proximal_steps_leave_zeros(model):
    runs = digits_runs(model, 7)
    plain, proximal = runs["l1 subgradient"], runs["l1 proximal"]
    assert plain.n_zeros == runs["l2"].n_zeros == runs["no penalty"].n_zeros == 0
    assert plain.n_idle_zeros == 0
    assert proximal.n_zeros > 0.3 * proximal.n_live
    assert plain.n_small > 0.8 * proximal.n_zeros
    assert proximal.n_small < 0.02 * proximal.n_live
    assert plain.losses[-1] == pytest.approx(proximal.losses[-1], rel=0.01)
    assert runs["hard threshold"].n_nonzero == proximal.n_nonzero
    for run in runs.values():
        assert run.test_error < 0.12


def test_a_rate_that_is_too_large_is_told_in_words():
    X, y = toy()
    with pytest.raises(ArgumentError, match="left the finite numbers in epoch 1 at `rate` 1e\\+300"):
        train(LinearModel(7, 3), X * 1e10, y, "l2", strength=0.0, rate=1e300, epochs=19)
