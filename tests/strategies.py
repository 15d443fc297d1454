"""Random small problems, from a seed alone or drawn by hypothesis."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

import ellzero as ez
from oracles import Question

FORMS = ("k", "l0", "both")


def design(rng, n, p, correlation):
    """Columns that share a factor, in units that differ by powers of ten and with means away from zero."""
    X = rng.standard_normal((n, p)) * np.sqrt(1 - correlation)
    X += np.sqrt(correlation) * rng.standard_normal((n, 1)) * rng.choice([-1.0, 1.0], p)
    return (X + rng.choice([0.0, 0.37, 19.0], p)) * 10.0 ** rng.integers(-2, 3, p)


def target(rng, X, loss):
    """A response that a few of the columns explain in part."""
    n, p = X.shape
    beta = np.where(rng.random(p) < 0.5, rng.choice([-1.9, -0.7, 0.37, 1.1], p), 0.0)
    eta = ((X - X.mean(0)) / X.std(0)) @ beta
    if loss == "squared":
        return (eta + rng.standard_normal(n) * rng.choice([0.3, 1.9])) * 10.0 ** rng.integers(-2, 3) + rng.choice(
            [0, 37]
        )
    if loss == "logistic":
        y = (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(float)
        y[:2] = [0.0, 1.0]
        return y
    return rng.poisson(np.exp(np.clip(0.5 * eta + 0.37, -3, 3))).astype(float) + (np.arange(n) == 0)


def units_of(groups, p):
    labels = range(p) if groups is None else groups
    units = {}
    for j, label in enumerate(labels):
        units.setdefault(label, []).append(j)
    return list(units.values())


def make_question(
    seed,
    *,
    n,
    p,
    correlation=0.0,
    loss="squared",
    form="k",
    l1=0.0,
    l2=0.0,
    weighted=False,
    grouped=False,
    boxed=False,
    forced=False,
    forbidden=False,
    fit_intercept=True,
    standardize=True,
):
    """One problem; numbers come from the seed, the kind of problem from the arguments.

    Strengths are given for data of unit variance and put on the data's scale here.
    """
    rng = np.random.default_rng(seed)
    X = design(rng, n, p, correlation)
    y = target(rng, X, loss)
    unit = y.std() if loss == "squared" else 1.0
    groups = rng.integers(0, max(2, p // 2 + 1), p).tolist() if grouped else None
    units = units_of(groups, p)
    units = [units[u] for u in rng.permutation(len(units))]
    inside = tuple(units[0]) if forced else ()
    outside = tuple(units[-1]) if forbidden and len(units) > 1 else ()
    k = int(rng.integers(1, len(units) + 1)) if form != "l0" else None
    weights = None
    if weighted:
        weights = rng.uniform(0.1, 3.0, n) * (rng.random(n) < 0.9)
        weights[:2] = 1.9
    lower = upper = None
    if boxed:
        size = unit / X.std(0)
        lower = -size * rng.choice([0.0, 0.19, 0.7], p)
        upper = size * rng.choice([0.11, 0.37, 1.9], p)
    scale = np.ones(p) if standardize else X.std(0)
    return Question(
        X,
        y,
        k=k,
        l0=None if form == "k" else float(rng.choice([0.003, 0.019, 0.11])) * unit**2,
        l1=l1 * unit / float(np.median(scale)),
        l2=l2 / float(np.median(scale)) ** 2,
        loss=loss,
        lower=lower,
        upper=upper,
        groups=groups,
        forced=inside,
        forbidden=outside,
        sample_weight=weights,
        fit_intercept=fit_intercept,
        standardize=standardize,
    )


def random_question(seed, losses=("squared",), max_columns=7, **fixed):
    """A problem of a random kind that branch and bound accepts: a ridge, a box, or both."""
    rng = np.random.default_rng([seed, 37])
    p = int(rng.integers(2, max_columns + 1))
    loss = str(rng.choice(losses))
    shortest = 3 if loss == "squared" else 8
    n = int(rng.integers(shortest, p + 2)) if rng.random() < 0.35 and p + 2 > shortest else int(rng.integers(p + 3, 30))
    boxed = bool(rng.random() < 0.3)
    kind = {
        "n": n,
        "p": p,
        "correlation": float(rng.choice([0.0, 0.5, 0.95])),
        "loss": loss,
        "form": str(rng.choice(FORMS)),
        "l1": float(rng.choice([0.0, 0.0, 0.0, 0.037])),
        "l2": float(rng.choice([0.0, 0.019] if boxed else [0.0037, 0.019, 0.37])),
        "weighted": bool(rng.random() < 0.3),
        "grouped": bool(rng.random() < 0.3),
        "boxed": boxed,
        "forced": bool(rng.random() < 0.2),
        "forbidden": bool(rng.random() < 0.2),
        "fit_intercept": bool(rng.random() < 0.75),
        "standardize": bool(rng.random() < 0.75),
    }
    return make_question(seed, **(kind | fixed))


def random_rules(rng, p):
    """Rules on p columns, given by index: hierarchies in both directions, overlapping sets, chains."""
    constraints = ez.constraints

    def some(most):
        return sorted(rng.choice(p, size=int(rng.integers(1, min(most, p) + 1)), replace=False).tolist())

    def family():
        pairs = {int(child): [j for j in some(3) if j != child] for child in some(3)}
        return {child: parents for child, parents in pairs.items() if parents}

    makers = [
        lambda: constraints.StrongHierarchy(family()),
        lambda: constraints.WeakHierarchy(family()),
        lambda: constraints.AtMostOne(some(4)),
        lambda: constraints.AtMost(int(rng.integers(0, 3)), [some(3) for _ in range(int(rng.integers(1, 5)))]),
    ]
    return tuple(makers[i]() for i in rng.integers(0, len(makers), int(rng.integers(1, 4))))


def ruled_question(seed, **fixed):
    """A problem of a random kind with rules that some support keeps."""
    rng = np.random.default_rng([seed, 19])
    while True:
        q = random_question(int(rng.integers(0, 100_000)), **fixed)
        q = q.asked(constraints=random_rules(rng, q.n_columns))
        if any(True for _ in q.supports()):
            return q


@st.composite
def questions(draw, losses=("squared",), max_columns=6, ridge=(0.0037, 0.019, 0.37), **fixed):
    """The same for hypothesis, which shrinks towards few rows and columns and a plain problem."""
    kind = {
        "n": draw(st.integers(8, 30)),
        "p": draw(st.integers(1, max_columns)),
        "correlation": draw(st.sampled_from([0.0, 0.5, 0.95])),
        "loss": draw(st.sampled_from(losses)),
        "form": draw(st.sampled_from(FORMS)),
        "l1": draw(st.sampled_from([0.0, 0.037])),
        "l2": draw(st.sampled_from(ridge)),
    }
    flags = ("weighted", "grouped", "boxed", "forced", "forbidden")
    kind |= {flag: draw(st.booleans()) for flag in flags}
    kind |= {flag: not draw(st.booleans()) for flag in ("fit_intercept", "standardize")}
    return make_question(draw(st.integers(0, 10_000)), **(kind | fixed))


SHAPES = ("plain", "plain", "close", "copies", "scales", "exact")
LIMITS = ("none", "none", "none", "both", "sign", "one side", "mixed")


def hard_question(seed, max_columns=7, **fixed):
    """Squared error without groups, of a kind that is hard on arithmetic or on the bookkeeping of limits.

    Columns that are nearly or exactly the same, in units that differ by twelve powers of ten, responses that a few
    columns fit to a millionth; limits on both sides, on one side, of a sign; ridges from strong to next to nothing.
    """
    rng = np.random.default_rng([seed, 41])
    p = int(rng.integers(2, max_columns + 1))
    wide = rng.random() < 0.4
    kind = {
        "n": int(rng.integers(3, p + 2)) if wide else int(rng.integers(p + 3, 30)),
        "p": p,
        "correlation": float(rng.choice([0.0, 0.5, 0.95])),
        "form": str(rng.choice(FORMS)),
        "l1": float(rng.choice([0.0, 0.0, 0.0, 0.037])),
        "l2": float(rng.choice([1e-6, 0.0037, 0.019, 0.37])),
        "weighted": bool(rng.random() < 0.3),
        "forced": bool(rng.random() < 0.2),
        "forbidden": bool(rng.random() < 0.2),
        "fit_intercept": bool(rng.random() < 0.75),
        "standardize": bool(rng.random() < 0.75),
    }
    shape, limits = str(rng.choice(SHAPES)), str(rng.choice(LIMITS))
    q = make_question(seed, **(kind | fixed))
    return limited(rng, reshaped(rng, q, shape), limits)


def reshaped(rng, q, shape):
    """The question on columns and a response of a special shape."""
    X, y = q.X.copy(), q.y
    n, p = X.shape
    if shape == "close":
        X = X.mean(0) + X.std(0) * (X[:, :1] / X[:, 0].std() + 0.03 * rng.standard_normal((n, p)))
    elif shape == "copies":
        for j in rng.choice(p, size=int(rng.integers(1, p)), replace=False):
            X[:, j] = X[:, rng.integers(p)] * rng.choice([1.0, 1.0, -1.9, 1e3])
    elif shape == "exact":
        some = rng.choice(p, size=min(p, 2), replace=False)
        unit = X[:, some] / X[:, some].std(0)
        y = (unit @ rng.choice([-1.9, 0.7, 1.1], some.size) + 1e-6 * rng.standard_normal(n)) * y.std()
    elif shape == "scales" and q.standardize:
        X = X * 10.0 ** rng.integers(-6, 7, p)
    return q.asked(X=X, y=y)


def limited(rng, q, limits):
    """The question with limits; those of a sign leave the other side open."""
    if limits == "none":
        return q
    p, inf = q.n_columns, np.inf
    size = q.y.std() / q.X.std(0)
    low = -size * rng.choice([0.0, 0.19, 0.7], p)
    high = size * rng.choice([0.0, 0.11, 0.37, 1.9], p)
    if limits == "sign":
        return q.asked(lower=0.0, upper=inf) if rng.random() < 0.5 else q.asked(lower=-inf, upper=0.0)
    if limits == "one side":
        return q.asked(lower=low, upper=inf) if rng.random() < 0.5 else q.asked(upper=high)
    if limits == "mixed":
        low, high = np.where(rng.random(p) < 0.5, low, -inf), np.where(rng.random(p) < 0.5, high, inf)
    return q.asked(lower=low, upper=high, l2=float(rng.choice([0.0, q.l2])) if limits == "both" else q.l2)
