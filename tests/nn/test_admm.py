"""Splitting: least squares with an orthogonal design is hard thresholding; gaps, duals and budgets."""

import numpy as np
import pytest
import torch
from torch import nn

from ellzero.nn import ADMM, PenaltyDecomposition, prune

RNG = np.random.default_rng(37)
Q = np.linalg.qr(RNG.normal(size=(30, 12)))[0]  # orthonormal columns
Y = Q @ RNG.normal(size=12) + 0.19 * RNG.normal(size=30)
BEST = Q.T @ Y


def linear(start=0.0):
    model = nn.Linear(12, 1, bias=False, dtype=torch.float64)
    model.weight.data.fill_(start)
    return model


def loss_of(model):
    return 0.5 * ((model(torch.from_numpy(Q))[:, 0] - torch.from_numpy(Y)) ** 2).sum()


def descend(model, split, steps, lr=0.37):
    for _ in range(steps):
        model.weight.grad = model.weight.detach() - torch.from_numpy(BEST)  # of the loss, the columns being orthonormal
        split.penalise()
        model.weight.data -= lr / (1 + split.rho) * model.weight.grad
        split.step()


def hard_threshold(k):
    wanted = BEST.copy()
    wanted[np.argsort(-np.abs(BEST))[k:]] = 0.0
    return wanted


SPLITS = {
    "admm": lambda m, k: ADMM(m, k, rho=1.9, every=20, scope="global"),
    "growing": lambda m, k: ADMM(m, k, rho=0.37, every=20, growth=1.1, scope="global"),
    "balanced": lambda m, k: ADMM(m, k, rho=1.9, every=20, balance=10.0, scope="global"),
    "decomposition": lambda m, k: PenaltyDecomposition(m, k, rho=0.019, every=20, growth=1.15, scope="global"),
    "inner": lambda m, k: PenaltyDecomposition(m, k, rho=0.19, every=10, growth=1.3, inner=3, scope="global"),
}


@pytest.mark.parametrize("k", [1, 5, 11])
@pytest.mark.parametrize("name", SPLITS)
def test_orthogonal_least_squares_is_hard_thresholding(name, k):
    model = linear()
    split = SPLITS[name](model, k)
    descend(model, split, 2000)
    gap = split.gap(lambda m: float(loss_of(m).detach()))
    assert gap.distance < 0.01
    assert gap.kept == k
    assert gap.loss == pytest.approx(gap.projected, abs=0.02)
    masks = split.finish()
    assert masks.kept == k
    np.testing.assert_allclose(model.weight.detach().numpy()[0], hard_threshold(k), atol=0.01)


def test_admm_beats_magnitude_where_columns_cancel():
    """Two columns that nearly cancel have the largest weights of the whole fit, and are not the best two."""
    x = np.random.default_rng(19).normal(size=(200, 12))
    x[:, 1] = x[:, 0] + 0.19 * x[:, 1]
    y = 1.9 * (x[:, 0] - x[:, 1]) + 0.73 * x[:, 3] + 0.73 * x[:, 5]
    gram, c = torch.from_numpy(x.T @ x / 200), torch.from_numpy(x.T @ y / 200)
    model = linear()
    model.weight.data[0] = torch.linalg.solve(gram, c)
    assert prune(model, 2)["weight"][0].nonzero().ravel().tolist() == [0, 1]
    admm = ADMM(model, 2, rho=0.03, growth=1.1, scope="global")
    for _ in range(200):  # the weights' problem solved exactly: (G + rho) w = c + rho (Z - U)
        model.zero_grad()
        model.weight.data.zero_()
        admm.penalise()
        model.weight.data[0] = torch.linalg.solve(
            gram + admm.rho * torch.eye(12, dtype=torch.float64), c - model.weight.grad[0]
        )
        admm.step()
    assert admm.finish()["weight"][0].nonzero().ravel().tolist() == [3, 5]


def test_penalty_and_penalise_agree():
    torch.manual_seed(19)
    model = nn.Sequential(nn.Linear(5, 7), nn.Linear(7, 3))
    admm = ADMM(model, 0.37, rho=0.19, every=1)
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    admm.step()
    admm.penalty().backward()
    by_loss = [parameter.grad for parameter in (model[0].weight, model[1].weight)]
    model.zero_grad()
    admm.penalise()
    for gradient, parameter in zip(by_loss, (model[0].weight, model[1].weight), strict=True):
        torch.testing.assert_close(parameter.grad, gradient)
        assert gradient.abs().max() > 0
    assert model[0].bias.grad is None


def test_updates_as_written_down():
    """Z, U, residuals and rho of one update, by hand."""
    model = nn.Linear(3, 1, bias=False)
    model.weight.data = torch.tensor([[1.0, -2.0, 0.5]])
    admm = ADMM(model, 1, rho=0.5, every=2, growth=1.9, scope="global")
    model.weight.data = torch.tensor([[3.0, -2.0, 0.5]])
    admm.step()
    assert admm.updates == 0
    admm.step()
    assert admm.masks["weight"].tolist() == [[True, False, False]]
    assert admm.rho == pytest.approx(0.95)
    assert admm.primal == pytest.approx(np.hypot(2.0, 0.5))
    assert admm.dual == pytest.approx(0.5 * np.hypot(3.0, 2.0))
    admm.penalise()  # rho (W - Z + U) with U = (W - Z) / 1.9
    np.testing.assert_allclose(
        model.weight.grad.numpy(), [[0.0, -2.0 * 0.95 * 2.9 / 1.9, 0.5 * 0.95 * 2.9 / 1.9]], rtol=1e-6
    )


def test_balancing_raises_rho_and_never_lowers_it():
    model = nn.Linear(2, 1, bias=False)
    model.weight.data = torch.tensor([[1.0, 0.9]])
    admm = ADMM(model, 1, rho=0.5, balance=10.0, scope="global")
    admm.update()  # Z stays, W is apart
    assert (admm.dual, admm.rho) == (0.0, 1.0)
    model.weight.data = torch.tensor([[100.0, 0.0]])
    admm.update()  # Z moves far
    assert admm.dual > 10 * admm.primal
    assert admm.rho == 1.0


def test_budgets_are_those_of_prune():
    torch.manual_seed(19)
    model = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 4))
    for kept in (0.37, {"0.weight": 7, "1.weight": "2:4"}, "1:4"):
        assert ADMM(model, kept).masks == prune(model, kept, scope="layer")
    assert list(ADMM(model, 0.37, spare="0.*").masks) == ["1.weight"]


def test_a_gap_leaves_the_weights():
    model = linear(1.0)
    admm = ADMM(model, 3, scope="global")
    before, seen = model.weight.detach().clone(), []
    gap = admm.gap(lambda m: seen.append(int((m.weight != 0).sum())) or 0.37)
    assert seen == [12, 3]
    assert gap.distance == pytest.approx(np.sqrt(9 / 12))
    assert gap.by_parameter == {"weight": gap.distance}
    assert torch.equal(model.weight, before)
