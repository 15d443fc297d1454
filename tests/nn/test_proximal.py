"""Proximal steps: the lasso as scikit-learn solves it, exact zeros where the subgradient has none, metrics."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from sklearn.linear_model import ElasticNet as SklearnNet
from sklearn.linear_model import Lasso
from torch import nn

from ellzero.nn import Proximal, Slices, SubgradientL1
from ellzero.penalties import L0, L1, L2, MCP, Box, ElasticNet, GroupL0, GroupL2

RNG = np.random.default_rng(37)
X = RNG.normal(size=(60, 9)) @ (np.eye(9) + 0.19)
Y = X @ np.array([1.9, 0, 0, -1.2, 0, 0, 0.37, 0, 0]) + 0.5 * RNG.normal(size=60)
STRENGTH = 0.19


def linear():
    model = nn.Linear(9, 1, bias=False, dtype=torch.float64)
    model.weight.data.copy_(torch.from_numpy(np.random.default_rng(19).normal(size=(1, 9))))
    return model


def descend(model, optimizer, after=lambda: None, before=lambda: None, steps=1500):
    gram, c = torch.from_numpy(X.T @ X / len(X)), torch.from_numpy(X.T @ Y / len(X))
    for _ in range(steps):
        model.weight.grad = model.weight.detach() @ gram - c  # of half the mean square
        before()
        optimizer.step()
        after()
    return model.weight.detach().numpy()[0]


def sgd(model, **options):
    return torch.optim.SGD(model.parameters(), **({"lr": 0.037} | options))


ADAM = {"lr": 0.0037, "betas": (0.9, 0.99)}
OPTIMIZERS = {
    "sgd": lambda m: sgd(m, lr=0.19),
    "momentum": lambda m: sgd(m, lr=0.019, momentum=0.9),
    "dampened": lambda m: sgd(m, lr=0.1, momentum=0.5, dampening=0.37),
    "nesterov": lambda m: sgd(m, lr=0.019, momentum=0.9, nesterov=True),
    "adam": lambda m: torch.optim.Adam(m.parameters(), **ADAM),
    "amsgrad": lambda m: torch.optim.Adam(m.parameters(), amsgrad=True, **(ADAM | {"lr": 0.037})),
    "adamw": lambda m: torch.optim.AdamW(m.parameters(), weight_decay=0.0, **ADAM),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_l1_is_the_lasso_under_every_optimiser(name):
    wanted = Lasso(STRENGTH, fit_intercept=False, tol=1e-12, max_iter=100_000).fit(X, Y).coef_
    model = linear()
    optimizer = OPTIMIZERS[name](model)
    got = descend(model, optimizer, Proximal(model, optimizer, {"weight": L1(STRENGTH)}).step, steps=3000)
    np.testing.assert_array_equal(got == 0, wanted == 0)
    assert 0 < (wanted == 0).sum() < 9
    np.testing.assert_allclose(got, wanted, atol=1e-6)


@pytest.mark.parametrize("name", ["momentum", "adam"])
def test_a_euclidean_step_solves_another_problem_there(name):
    wanted = Lasso(STRENGTH, fit_intercept=False, tol=1e-12).fit(X, Y).coef_
    model = linear()
    optimizer = OPTIMIZERS[name](model)
    got = descend(model, optimizer, Proximal(model, optimizer, {"weight": L1(STRENGTH)}, metric="euclidean").step)
    assert np.abs(got - wanted).max() > 0.01


def test_the_subgradient_leaves_small_weights_and_no_zeros():
    wanted = Lasso(STRENGTH, fit_intercept=False, tol=1e-12).fit(X, Y).coef_
    plain, proximal = linear(), linear()
    small = descend(plain, sgd(plain), before=SubgradientL1(plain, {"*": STRENGTH}).penalise)
    optimizer = sgd(proximal)
    exact = descend(proximal, optimizer, Proximal(proximal, optimizer, {"*": L1(STRENGTH)}).step)
    assert (small == 0).sum() == 0
    assert np.abs(small[wanted == 0]).max() < 0.037  # about a learning rate times the strength
    np.testing.assert_array_equal(exact == 0, wanted == 0)
    np.testing.assert_allclose(small, wanted, atol=0.02)


def test_elastic_net():
    wanted = SklearnNet(alpha=0.37, l1_ratio=0.5, fit_intercept=False, tol=1e-12, max_iter=100_000).fit(X, Y).coef_
    model = linear()
    optimizer = sgd(model)
    penalty = ElasticNet(0.37 * 0.5, 0.37 * 0.5 / 2)
    got = descend(model, optimizer, Proximal(model, optimizer, {"*": penalty}).step)
    np.testing.assert_array_equal(got == 0, wanted == 0)
    np.testing.assert_allclose(got, wanted, atol=1e-8)


def test_l0_keeps_what_is_above_the_threshold():
    model = nn.Linear(5, 1, bias=False)
    model.weight.data = torch.tensor([[0.5, -0.61, 0.62, 2.0, -0.1]])
    proximal = Proximal(model, sgd(model, lr=0.5), {"*": L0(0.37)})  # sqrt(2 * 0.5 * 0.37) = 0.608
    proximal.step()
    assert model.weight.tolist() == [[0.0, pytest.approx(-0.61), pytest.approx(0.62), 2.0, 0.0]]
    assert proximal.value() == pytest.approx(3 * 0.37)
    assert proximal.masks().kept == 3


@pytest.mark.parametrize("penalty", [
    L0(0.37), L1(0.37), L2(0.37), ElasticNet(0.37, 0.19), L0(0.19) + L1(0.1) + Box(-0.5, 1.9), MCP(0.37, 1.9),
], ids=repr)  # fmt: skip
def test_tensors_get_the_prox_of_arrays(penalty):
    v, steps = RNG.normal(size=(7, 11)), RNG.uniform(0.1, 1.9, size=(7, 11))
    model = nn.Linear(11, 7, bias=False, dtype=torch.float64)
    model.weight.data = torch.from_numpy(v.copy())
    Proximal(model, sgd(model, lr=0.73), {"*": penalty}).step()
    np.testing.assert_allclose(model.weight.detach().numpy(), penalty.prox(v, 0.73), atol=1e-15)
    if not isinstance(penalty, MCP):
        by_entry = penalty.prox(torch.from_numpy(v), torch.from_numpy(steps))
        np.testing.assert_allclose(by_entry.numpy(), penalty.prox(v, steps), atol=1e-15)


# ---- groups


def adam_after_a_step(shape, seed=19):
    """A layer whose second moments differ by entry."""
    torch.manual_seed(seed)
    model = nn.Conv2d(shape[1], shape[0], shape[2:], bias=False).double()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.37)
    model.weight.grad = torch.randn(shape, dtype=torch.float64) + 0.1
    optimizer.step()
    return model, optimizer, 0.37 / (model.weight.grad.abs() + 1e-8)


@pytest.mark.parametrize("kind", [GroupL2, GroupL0])
@pytest.mark.parametrize(("dim", "groups"), [(0, None), (1, None), (0, "abacb")])
def test_slices_are_groups_of_columns(kind, dim, groups):
    torch.manual_seed(37)
    model = nn.Conv2d(3, 5, 2, bias=False).double()
    v = model.weight.detach().numpy().copy()
    labels = list(groups) if groups else range(v.shape[dim])
    entries = np.moveaxis(v, dim, 0)
    columns = np.repeat(labels, entries[0].size)
    penalty = kind(0.1, columns.tolist())
    proximal = Proximal(model, sgd(model, lr=0.73), {"*": Slices(0.1, dim, groups, kind=kind)})
    assert proximal.value() == pytest.approx(penalty.value(entries.ravel()))
    proximal.step()
    wanted = penalty.prox(entries.ravel(), 0.73).reshape(entries.shape)
    np.testing.assert_allclose(model.weight.detach().numpy(), np.moveaxis(wanted, 0, dim), atol=1e-15)


@pytest.mark.parametrize("strength", [0.019, 0.19, 0.5, 1.9])
def test_the_group_norms_prox_in_adams_metric_minimises(strength):
    model, optimizer, steps = adam_after_a_step((4, 2, 2, 2))
    v = model.weight.detach().clone()
    Proximal(model, optimizer, {"*": Slices(strength)}).step()
    got, price = model.weight.detach().numpy().reshape(4, -1), strength * np.sqrt(8)
    for w, at, step in zip(got, v.numpy().reshape(4, -1), steps.numpy().reshape(4, -1), strict=True):

        def objective(t, at=at, step=step):
            return 0.5 * np.sum((t - at) ** 2 / step) + price * np.linalg.norm(t)

        if w.any():
            slope = (w - at) / step + price * w / np.linalg.norm(w)
            np.testing.assert_allclose(slope, 0, atol=1e-9)
        else:
            assert np.linalg.norm(at / step) <= price
        best = minimize(objective, at, method="Nelder-Mead", options={"maxiter": 4000, "maxfev": 4000}).fun
        assert objective(w) <= best + 1e-9
    assert (got.any(1).sum()) == {0.019: 4, 0.19: 4, 0.5: got.any(1).sum(), 1.9: 0}[strength]


def test_a_price_of_groups_in_adams_metric():
    model, optimizer, steps = adam_after_a_step((6, 2, 2, 1))
    v = model.weight.detach().clone()
    gain = (v**2 / (2 * steps)).sum((1, 2, 3))
    price = float(gain.median()) * 1.01
    Proximal(model, optimizer, {"*": Slices(price, kind=GroupL0)}).step()
    torch.testing.assert_close(model.weight.detach(), v * (gain > price)[:, None, None, None], rtol=0, atol=0)
    assert 0 < int((gain > price).sum()) < 6


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam"])
def test_group_lasso_at_its_stationary_point(name):
    torch.manual_seed(19)
    x = torch.from_numpy(X)
    y = torch.stack([torch.from_numpy(Y), x[:, 4] - 0.37 * x[:, 0]], 1)
    model = nn.Linear(9, 2, bias=False, dtype=torch.float64)
    optimizer = OPTIMIZERS[name](model)
    proximal = Proximal(model, optimizer, {"*": Slices(0.19, dim=1, weights=np.ones(9))})
    gram, c = x.T @ x / len(x), y.T @ x / len(x)
    for _ in range(2000):
        model.weight.grad = model.weight.detach() @ gram - c
        optimizer.step()
        proximal.step()
    w = model.weight.detach()
    slope = w @ gram - c
    norms = w.norm(dim=0)
    assert 0 < int((norms == 0).sum()) < 9
    assert float(slope[:, norms == 0].norm(dim=0).max()) <= 0.19
    torch.testing.assert_close(slope[:, norms > 0], -0.19 * (w / norms)[:, norms > 0], rtol=0, atol=1e-5)


def test_the_first_pattern_counts():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    for parameter in model.parameters():
        nn.init.constant_(parameter, 1.0)
    Proximal(model, sgd(model, lr=1.0), {"0.weight": L1(0.25), "*.weight": L1(0.5), "1.bias": L1(0.75)}).step()
    assert [float(p.detach().mean()) for p in model.parameters()] == [0.75, 1.0, 0.5, 0.25]
