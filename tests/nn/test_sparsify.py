"""From a network and digits to a smaller network in one call: sizes, phases, interrupts and refusals."""

import functools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

import ellzero
from ellzero import nn as ez
from ellzero.errors import ArgumentError, DataError, UnsupportedError
from ellzero.nn import networks


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    X, y = torch.tensor(X / 16, dtype=torch.float32).reshape(-1, 1, 8, 8), torch.tensor(y)
    order = torch.randperm(len(X), generator=torch.Generator().manual_seed(37))
    X, y = X[order], y[order]
    train = list(zip(X[:1300].split(50), y[:1300].split(50), strict=True))
    return train, X[1300:], y[1300:]


def lenet(seed=0):
    torch.manual_seed(seed)
    return networks.LeNet300(64, (60, 30))


def accuracy_on(X, y):
    def accuracy(network):
        return float((network(X).argmax(1) == y).float().mean())

    return accuracy


def tiny(n=120):
    generator = torch.Generator().manual_seed(19)
    x = torch.randn(n, 7, generator=generator)
    return [(part, part[:, :1] - 1.9 * part[:, 1:2].relu()) for part in x.split(20)]


def mlp(width=23, seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(7, width), nn.ReLU(), nn.Linear(width, 1))


# -- what comes out


@pytest.mark.parametrize(
    ("gate", "least"), [(None, 0.85), (ez.TopK(score=ez.magnitude), 0.85)], ids=["gates", "magnitude"]
)
def test_digits_at_a_quarter_of_the_operations(digits, gate, least):
    train, X, y = digits
    model = lenet()
    found = ez.sparsify(
        model, train, F.cross_entropy, flops=0.25, epochs=14, pretrain=2, gate=gate, metric=accuracy_on(X, y),
        optimizer=functools.partial(torch.optim.Adam, lr=2e-3),
    )  # fmt: skip
    full = 2 * 2 * (64 * 60 + 60 * 30 + 30 * 10)
    share = ez.count_flops(found.network, X[:2]) / full
    assert 0.23 < share <= 0.25
    assert found.report.after.metric == pytest.approx(accuracy_on(X, y)(found.network))
    assert found.report.after.metric > least
    assert found.report.metric_name == "accuracy"
    assert found.status is ellzero.Status.HEURISTIC
    assert type(found.network) is networks.LeNet300
    assert not found.network.training
    assert len(found.losses) == (17 if gate is None else 16)  # the cut comes within an epoch, or between two
    assert (found.report.gap is None) == (gate is not None)
    assert not any(module._forward_pre_hooks for module in (*model.modules(), *found.network.modules()))


def test_the_plan_and_the_folder_restore_it(tmp_path):
    found = ez.sparsify(mlp(), tiny(), F.mse_loss, params=0.37, epochs=5)
    found.save(tmp_path)
    x = torch.randn(5, 7)
    assert torch.equal(ez.load(tmp_path, mlp)(x), found.network(x))
    assert sum(p.numel() for p in found.network.parameters()) <= 0.37 * (23 * 9 + 1)
    assert "status: heuristic" in str(found)
    assert "<p>status: heuristic</p>" in found._repr_html_()


def test_what_is_cut_first_and_trained_later_is_what_the_gates_say():
    """Without epochs after the cut the smaller network is the gated one, in evaluation."""
    model, x = mlp(), torch.randn(11, 7)
    found = ez.sparsify(model, tiny(), F.mse_loss, kept={"neuron": 0.37}, epochs=4, finetune=0.0)
    with found.gates.detached(False):
        assert torch.allclose(model.eval()(x), found.network(x), atol=1e-5)
    assert found.network[0].out_features == int(0.37 * 23)
    assert not torch.allclose(model(x), found.network(x), atol=1e-2)  # detached again


def test_the_last_steps_train_the_cut_network_alone():
    model = mlp()
    found = ez.sparsify(model, tiny(), F.mse_loss, kept={"neuron": 0.37}, epochs=8, finetune=0.5)
    small, kept = found.network, found.gates.kept()["0"]
    assert torch.equal(found.gates.hard()["0"] > 0, kept)
    assert not torch.allclose(small[0].weight, model[0].weight[kept])
    assert found.losses[-1] < found.losses[4]


def test_magnitude_keeps_the_units_of_the_largest_weights():
    model = mlp()
    found = ez.sparsify(
        model, tiny(), F.mse_loss, kept={"neuron": 0.37}, epochs=2, finetune=0.0, gate=ez.TopK(score=ez.magnitude)
    )
    norms = model[0].weight.detach().square().sum(1)
    expected = np.sort(norms.argsort(descending=True)[: int(0.37 * 23)].numpy())
    assert found.plan.cuts["0.weight"][0][1] == expected.tolist()


@pytest.mark.parametrize("gate", [None, ez.TopK(score=ez.magnitude)], ids=["gates", "magnitude"])
def test_a_share_of_measured_time(gate, monkeypatch):
    """The clock is replaced by one that counts parameters of the first layer, so that the share is a width."""

    def clock(nets, *_):
        return [type("Latency", (), {"median": float(net[0].out_features)})() for net in nets]

    monkeypatch.setattr("ellzero.nn.latency.latencies", clock)
    found = ez.sparsify(mlp(40), tiny(), F.mse_loss, latency=0.37, epochs=9, gate=gate)
    assert 13 <= found.network[0].out_features <= 14  # .37 of 40 is 14.8, and the table is read between its points


def test_single_weights_stay_zero_while_the_rest_is_trained():
    model = mlp()
    found = ez.sparsify(
        model, tiny(), F.mse_loss, params=0.5, epochs=6, finetune=0.5, selector=ez.weights(),
        optimizer=functools.partial(torch.optim.SGD, lr=0.05, momentum=0.9, weight_decay=0.01),
    )  # fmt: skip
    nonzero = sum(int(p.count_nonzero()) for p in found.network.parameters())
    assert nonzero <= 0.5 * (23 * 9 + 1)
    closed = found.gates.hard()["0.weight"] == 0
    assert bool((found.network[0].weight[closed] == 0).all())


def test_a_pattern_says_its_own_size():
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(8, 12), nn.ReLU(), nn.Linear(12, 1))
    loader = [(torch.randn(20, 8), torch.randn(20, 1)) for _ in range(3)]
    found = ez.sparsify(model, loader, F.mse_loss, epochs=4, selector=ez.n_of_m(2, 4), gate=ez.TopK(score=ez.magnitude))
    assert ez.two_of_four(found.network) == ("0", "2")
    assert int(found.network[0].weight.count_nonzero()) == 8 * 12 // 2


# -- the same again


def test_the_same_seed_gives_the_same_network_whatever_was_drawn_before():
    def once(seed, salt):
        torch.manual_seed(5)
        model = nn.Sequential(nn.Linear(7, 23), nn.Dropout(0.37), nn.ReLU(), nn.Linear(23, 1))
        rows = [(x, y) for xs, ys in tiny() for x, y in zip(xs, ys, strict=True)]
        loader = torch.utils.data.DataLoader(rows, batch_size=17, shuffle=True)
        torch.manual_seed(salt)
        expected = torch.rand(1)
        torch.manual_seed(salt)
        found = ez.sparsify(model, loader, F.mse_loss, flops=0.37, epochs=3, random_state=seed)
        assert torch.equal(torch.rand(1), expected)  # draws of the caller's go on where they were
        return found

    one, two, other = once(37, 1), once(37, 2), once(19, 1)
    assert all(torch.equal(a, b) for a, b in zip(one.network.parameters(), two.network.parameters(), strict=True))
    assert one.losses == two.losses != other.losses


def test_inputs_may_be_several_and_named_and_the_length_unknown():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.out = nn.Linear(7, 11), nn.Linear(3, 11), nn.Linear(11, 1)

        def forward(self, x, z):
            return self.out(torch.relu(self.a(x) + self.b(z)))

    class Endless:
        """Batches without a length."""

        def __init__(self, named):
            self.named = named

        def __iter__(self):
            for x, y in tiny():
                yield ({"z": x[:, :3], "x": x} if self.named else (x, x[:, :3])), y

    for named in (False, True):
        found = ez.sparsify(Two(), Endless(named), F.mse_loss, kept={"neuron": 0.5}, epochs=3)
        assert found.network.out.in_features == 5
        assert len(found.losses) == 4  # the cut comes within the third epoch


# -- stopping


def test_an_interrupt_keeps_what_there_is():
    events = []

    def watch(event):
        events.append(event)
        if event.done and event.done >= 40:
            raise KeyboardInterrupt

    found = ez.sparsify(mlp(), tiny(), F.mse_loss, flops=0.37, epochs=50_000, warmup=5, on_progress=watch)
    assert found.status is ellzero.Status.INTERRUPTED
    assert events[-1].stage == "training with gates"
    assert "of 23 gates open" in events[-1].message
    assert events[-1].total == 50_000 * 6 - 75_000
    assert 0 < found.report.after.flops <= 0.37 * found.report.before.flops


def test_ctrl_c_in_a_forward_finishes_the_step(monkeypatch):
    import os
    import signal

    class Pressing(nn.Sequential):
        calls = 0

        def forward(self, x):
            Pressing.calls += self.training
            if Pressing.calls == 9:
                os.kill(os.getpid(), signal.SIGINT)
            return super().forward(x)

    torch.manual_seed(0)
    model = Pressing(nn.Linear(7, 23), nn.ReLU(), nn.Linear(23, 1))
    found = ez.sparsify(model, tiny(), F.mse_loss, flops=0.37, epochs=1000)
    assert found.status is ellzero.Status.INTERRUPTED
    assert len(found.losses) == 2
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_time_limit_ends_the_training_and_the_cut_is_as_far_as_the_gates():
    found = ez.sparsify(mlp(), tiny(), F.mse_loss, flops=0.37, epochs=10**6, time_limit=1e-9)
    assert found.status is ellzero.Status.TIME_LIMIT
    assert found.losses == ()
    assert found.report.after.flops == found.report.before.flops


def test_magnitude_has_its_size_even_when_stopped_at_once():
    found = ez.sparsify(
        mlp(), tiny(), F.mse_loss, flops=0.37, epochs=10**6, time_limit=1e-9, gate=ez.TopK(score=ez.magnitude)
    )
    assert found.status is ellzero.Status.TIME_LIMIT
    assert found.report.after.flops <= 0.37 * found.report.before.flops


# -- refusals


class Uncuttable(nn.Module):
    """A forward that ties its sizes together, so that no smaller instance exists."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(7, 12), nn.Linear(12, 1)

    def forward(self, x):
        return self.b(self.a(x).reshape(len(x), 12))


REFUSED = [
    (lambda: ez.sparsify(mlp(), tiny(), F.mse_loss, latency=1.9), ArgumentError,
     "`latency` must be a share in (0, 1], got 1.9."),
    (lambda: ez.sparsify(mlp(), tiny(), F.mse_loss, latency=0.37, params=0.37), ArgumentError,
     "Give exactly one of `flops`, `params`, `kept`, `latency`, got `params` and `latency`."),
    (lambda: ez.sparsify(mlp(), iter(tiny()), F.mse_loss, flops=0.37), ArgumentError,
     "`loader` can be gone through only once (list_iterator); every epoch goes through it anew. "
     "Hint: list(loader), or a torch DataLoader."),
    (lambda: ez.sparsify(mlp(), (b for b in tiny()), F.mse_loss, flops=0.37), ArgumentError,
     "`loader` can be gone through only once (generator); every epoch goes through it anew. "
     "Hint: list(loader), or a torch DataLoader."),
    (lambda: ez.sparsify(mlp(), 37, F.mse_loss, flops=0.37), ArgumentError,
     "`loader` must give batches of (inputs, target) when iterated, got int."),
    (lambda: ez.sparsify(mlp(), [], F.mse_loss, flops=0.37), DataError, "`loader` gives no batch at all."),
    (lambda: ez.sparsify(mlp(), [torch.ones(3, 7)], F.mse_loss, flops=0.37), DataError,
     "every batch of `loader` must be a pair (inputs, target), got a Tensor. "
     "Hint: several inputs go into a tuple or a dict as the first of the two."),
    (lambda: ez.sparsify(mlp(), [(1, 2, 3)], F.mse_loss, flops=0.37), DataError,
     "every batch of `loader` must be a pair (inputs, target), got a tuple of 3. "
     "Hint: several inputs go into a tuple or a dict as the first of the two."),
    (lambda: ez.sparsify(mlp(), tiny(), lambda out, y: (out - y).square(), flops=0.37), ArgumentError,
     "`loss` must return a tensor with one number for a batch, got a tensor of shape (20, 1)."),
    (lambda: ez.sparsify(mlp(), tiny(), lambda out, y: 0.37, flops=0.37), ArgumentError,
     "`loss` must return a tensor with one number for a batch, got float."),
    (lambda: ez.sparsify(mlp(), tiny(), lambda out, y: (out - y).sum() * float("nan"), flops=0.37), DataError,
     "the loss became nan in step 0 of the training with gates. Hint: a smaller learning rate of the weights, or "
     "inputs on a common scale."),
    (lambda: ez.sparsify(mlp(), tiny(), F.mse_loss, flops=0.37, finetune=1.0), ArgumentError,
     "`finetune` must be a share in [0, 1), got 1.0."),
    (lambda: ez.sparsify(mlp(), tiny(), F.mse_loss), ArgumentError,
     "Give exactly one of `flops`, `params`, `kept`, `latency`, got none."),
    (lambda: ez.sparsify(mlp(), tiny(), F.mse_loss, flops=0.37, gate=ez.TopK(kept=0.5)), ArgumentError,
     "sparsify finds out which gates to close, and TopK gates keep a number of their own. "
     "Hint: gate=HardConcrete() is trained to the size, gate=TopK(score=magnitude) cuts by a score of the weights."),
    (lambda: ez.sparsify(mlp(), tiny(), F.mse_loss, flops=0.37, epochs=0), ArgumentError,
     "`epochs` must be an integer in [1, 1000000000], got 0."),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "message"), REFUSED)
def test_refusals(call, kind, message):
    with pytest.raises(kind) as error:
        call()
    assert str(error.value) == message


def test_a_network_that_cannot_be_cut_is_refused_before_it_is_trained():
    trained = []
    with pytest.raises(UnsupportedError, match="ties sizes together"):
        ez.sparsify(Uncuttable(), tiny(), lambda out, y: trained.append(1), flops=0.37)
    assert not trained


def test_whole_layers_have_no_magnitude():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(7, 7), nn.Linear(7, 7)

        def forward(self, x):
            return x + self.b(torch.relu(self.a(x)))

    model = nn.Sequential(Block(), Block(), nn.Linear(7, 1))
    with pytest.raises(ArgumentError, match=r"a score of weights says nothing of whole layers \(0, 1\)"):
        ez.sparsify(model, tiny(), F.mse_loss, flops=0.5, selector=ez.layers(), gate=ez.TopK(score=ez.magnitude))
