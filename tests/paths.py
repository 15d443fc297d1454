"""Data and questions for paths of penalties."""

import numpy as np

import ellzero as ez

EXACT = {"tolerance": 1e-13, "standardize": False}
CONVEX = ("l1", "elastic_net", "adaptive_l1", "ridge", "group_l1")
NONCONVEX = ("reweighted_l1", "log_sum", "mcp", "scad", "lp", "l0", "l0l1", "l0l2", "group_l0")
GROUPS = [j // 3 for j in range(17)]


def data(n=60, p=17, seed=37, loss="squared"):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) * rng.uniform(0.37, 1.9, p) + rng.standard_normal(p)
    X[:, 1] += 0.7 * X[:, 0]
    eta = X[:, [0, 1, 4, 8]] @ [1.1, -0.7, 0.37, 0.9] - 0.37
    if loss == "squared":
        return X, eta + 0.7 * rng.standard_normal(n)
    if loss == "logistic":
        return X, (eta + 1.9 * rng.logistic(size=n) > 0).astype(float)
    return X, rng.poisson(np.exp(0.37 * eta)).astype(float)


def mean_loss(loss, y, eta, w=None):
    w = np.full(y.size, 1 / y.size) if w is None else w / w.sum()
    return ez.losses.as_loss(loss).mean(y, eta, w)


def asked(name, loss="squared", **options):
    X, y = data(loss=loss)
    if name.startswith("group"):
        options["groups"] = GROUPS
    return X, y, ez.penalty_path(X, y, penalty=name, loss=loss, **options)
