"""How far the answer depends on settings, on three real sets; and what L0, L1 and L2 do, measured.

    python -m benchmarks.regression.sensitivity [--data FOLDER] [--out FOLDER]

Run it from the root of the repository. One setting is changed at a time from the defaults of `best_subset` by the swap
search. Every support is refitted by least squares here; the held-out loss is that of the same question in five folds.
"""

import argparse
import os
import time
import warnings
from math import comb, log
from pathlib import Path

import numpy as np

from ..turns import machine
from .logbook import RESULTS, SHARED, command, markdown

SEEDS = range(1, 11)


# --- the three sets --------------------------------------------------------------------------------------------------


def diabetes(_):
    """442 x 64: ten variables, their products and squares."""
    from sklearn.datasets import load_diabetes

    X, y = load_diabetes(return_X_y=True)
    pairs = [(i, j) for i in range(10) for j in range(i, 10) if not i == j == 1]  # sex is its own square
    return np.column_stack([X, *(X[:, i] * X[:, j] for i, j in pairs)]), y, 8


def gasoline(root):
    stored = np.load(root / "gasoline_nir" / "data.npz")
    return stored["X"], stored["y"], 5


def hitters(_):
    import ellzero as ez

    data = ez.datasets.load_hitters()
    return data.X, data.y, 6


SETS = {"diabetes, products": diabetes, "gasoline": gasoline, "hitters": hitters}


# --- settings --------------------------------------------------------------------------------------------------------


def rss(X, y, support):
    Z = X[:, support] - X[:, support].mean(0)
    t = y - y.mean()
    if len(support):
        Z = Z / np.sqrt((Z * Z).sum(0))
        t = t - Z @ np.linalg.lstsq(Z, t, rcond=None)[0]
    return float(t @ t)


def held_out(X, y, k, **question):
    import ellzero as ez

    return float(ez.cross_validate(X, y, k=[k], **question).mean[0] / np.var(y) * 2)


def answers(X, y, k):
    """Setting, value, supports that it gave, and what of the setting a held-out loss can be asked with."""
    import ellzero as ez
    from ellzero.solvers import Exchange

    def subset(size=k, solver="exchange", **question):
        return ez.best_subset(X, y, k=size, solver=solver, **question).support

    yield "default", f"k={k}", [subset()], {"size": k}
    for l2 in (1e-4, 1e-3, 1e-2, 0.1):
        yield "l2", f"{l2:g}", [subset(l2=l2)], {"size": k, "l2": l2}
    for effort in (0, 2, 8):
        yield "effort", str(effort), [subset(solver=Exchange(effort=effort))], {"size": k}
    yield "random_state", f"1 to {len(SEEDS)}", [subset(random_state=seed) for seed in SEEDS], {"size": k}
    rng = np.random.default_rng(0)
    orders = [rng.permutation(X.shape[1]) for _ in SEEDS]
    found = [np.sort(order[ez.best_subset(X[:, order], y, k=k, solver="exchange").support]) for order in orders]
    yield "column order", f"{len(orders)} random ones", found, {"size": k}
    yield "standardize", "False", [subset(standardize=False)], {"size": k, "standardize": False}
    yield "solver", "stepwise", [subset(solver="stepwise")], {"size": k}
    path = ez.path(X, y, k=min(20, X.shape[1], (len(y) - 1) // 3))
    for gamma in (0.0, 0.25, 0.5, 0.75, 1.0):
        ebic = {r.k: r.criterion("bic") + 2 * gamma * log(comb(X.shape[1], r.k)) for r in path}
        size = min(ebic, key=lambda k: ebic[k])
        yield "gamma of EBIC", f"{gamma:g}", [path[size].support], {"size": size}


def jaccard(one, other):
    one, other = set(map(int, one)), set(map(int, other))
    return len(one & other) / max(len(one | other), 1)


def settings(root):
    """A row a setting: supports against the default's, losses against it, held-out loss."""
    for name, load in SETS.items():
        X, y, k = load(root)
        default = None
        for setting, value, found, question in answers(X, y, k):
            size = question.pop("size")
            default = found[0] if default is None else default
            losses = [rss(X, y, support) for support in found]
            base = rss(X, y, default)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                score = held_out(X, y, size, **question)
            yield [
                name, setting, value, str(size), str(len({tuple(map(int, s)) for s in found})),
                f"{min(jaccard(s, default) for s in found):.2f}",
                f"{100 * (min(losses) / base - 1):+.2f} to {100 * (max(losses) / base - 1):+.2f}"
                if len(found) > 1 else f"{100 * (losses[0] / base - 1):+.2f}",
                f"{score:.4f}",
            ]  # fmt: skip


# --- what the penalties do -------------------------------------------------------------------------------------------


def orthogonal(n, p, rng):
    """Columns with X'X = n I and mean zero."""
    Z = rng.standard_normal((n, p))
    return np.linalg.qr(Z - Z.mean(0))[0] * np.sqrt(n)


def properties():
    """Textbook claims, each with its measurement."""
    import ellzero as ez

    rng = np.random.default_rng(0)
    n, p, strong, runs = 400, 40, 8, 200
    penalties = {"L0": ez.penalties.L0(0.037), "L1": ez.penalties.L1(0.19), "L2": ez.penalties.L2(0.37)}
    pairs = rng.standard_normal((2, 10_000, 3)) * (rng.random((2, 10_000, 3)) < 0.5)
    beta = np.where(np.arange(p) < strong, 1.0, 0.0)
    X = orthogonal(n, p, rng)
    estimates = {name: [] for name in penalties}
    for _ in range(runs):
        y = X @ beta + 1.9 * rng.standard_normal(n)
        for name, penalty in penalties.items():
            estimates[name].append(penalty.prox(X.T @ y / n, 1.0))
    for name, penalty in penalties.items():
        values = {
            which: [penalty.value(b) for b in points]
            for which, points in (("a", pairs[0]), ("b", pairs[1]), ("middle", pairs.mean(0)))
        }
        above = np.mean(np.array(values["middle"]) > (np.array(values["a"]) + values["b"]) / 2 + 1e-12)
        fits = np.array(estimates[name])
        kept = fits[:, :strong][fits[:, :strong] != 0]
        noise = np.abs(fits[:, strong:][fits[:, strong:] != 0])
        step = 1e-6
        slopes = [(penalty.value(np.array([s * step])) - penalty.value(np.zeros(1))) / (s * step) for s in (-1, 1)]
        yield [
            name, f"{100 * above:.1f} %", f"{np.mean(fits == 0) * p:.1f} of {p - strong}",
            f"{kept.mean() - 1:+.3f}", EXPECTED[name](penalty), f"{noise.mean() if noise.size else 0:.3f}",
            " / ".join(f"{s:.3g}" for s in slopes),
        ]  # fmt: skip


EXPECTED = {
    "L0": lambda penalty: "0",
    "L1": lambda penalty: "-0.190 (minus the strength)",
    "L2": lambda penalty: f"{1 / (1 + 2 * 0.37) - 1:+.3f} (divided by 1 + 2 l2)",
}


def cost():
    """CPU seconds of a path on one design of 500 rows and 1000 columns, the second of two calls."""
    from sklearn.linear_model import Ridge, lasso_path

    import ellzero as ez

    rng = np.random.default_rng(0)
    X = np.asfortranarray(rng.standard_normal((500, 1000)))
    y = X[:, ::50].sum(1) + 2 * rng.standard_normal(500)
    calls = {
        "L0": ("ez.path, 41 sizes", lambda: ez.path(X, y, k=40)),
        "L1": ("scikit-learn's lasso_path, 100 strengths", lambda: lasso_path(X - X.mean(0), y - y.mean())),
        "L2": (
            "scikit-learn's Ridge, 100 strengths",
            lambda: [Ridge(alpha=a).fit(X, y) for a in np.geomspace(1e-2, 1e4, 100)],
        ),
    }
    for name, (what, call) in calls.items():
        call()
        before = time.process_time()
        call()
        yield [name, what, f"{time.process_time() - before:.3f}"]


def main():
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.regression.sensitivity",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("ELLZERO_DATA", SHARED / "data")))
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    lines = [
        "# How far the answer depends on settings",
        "",
        f"- command: `{command('sensitivity')}`",
        f"- machine: {machine()}; one thread",
        f"- date: {time.strftime('%Y-%m-%d')}",
        "- one setting differs from the default at a time; supports: different ones among the answers; Jaccard: least",
        "  similarity with the default's support; loss %: refitted residual sum of squares over the default's, of the",
        "  best to the worst answer (a change of size changes it, too); held out: mean squared error in five folds",
        "  over the variance of the target",
        "",
        *markdown(
            ("set", "setting", "value", "size", "supports", "Jaccard", "loss %", "held out"), settings(options.data)
        ),
        "",
        "# What the penalties do",
        "",
        "400 x 40, orthogonal columns, 8 coefficients of one, noise 1.9, 200 draws; strengths 0.037 (L0), 0.19 (L1)",
        "and 0.37 (L2). Not convex: share of 10000 random pairs whose midpoint lies above the chord. Bias: mean of the",
        "true coefficients that are not zero, less one, and what the formula says. Noise kept: mean size of the",
        "coefficients that should be zero and are not: selection keeps the large ones. Slopes: difference",
        "quotients at zero from the left and from the right, step 1e-6: a function with two of them has no derivative.",
        "",
        *markdown(("penalty", "not convex", "zeros", "bias", "formula", "noise kept", "slopes"), properties()),
        "",
        "CPU seconds of a path, 500 x 1000, 20 true columns:",
        "",
        *markdown(("penalty", "call", "CPU s"), cost()),
        "",
    ]
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "sensitivity.md").write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
