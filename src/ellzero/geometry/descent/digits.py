"""The four trainings on scikit-learn's digits: exact zeros and test error."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ... import _checks as checks
from ..._progress import Clock, OnProgress
from ...result import Table
from .models import LinearModel, Model, TanhNetwork
from .training import SMALL, Run, train

STRENGTHS = {
    "l1 proximal": (3e-4, 1e-3, 2e-3, 4e-3, 8e-3),
    "l2": (3e-4, 1e-3, 2e-3, 4e-3, 8e-3),
}
SHARES = 0.6, 0.2  # of the rows to train on and to choose strengths on; the rest is for the test
EPOCHS = 1000
ROWS, CLASSES = 8, 10  # of an image; of the digits
Rows = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class Digits:
    """Rows of scikit-learn's 1797 images of 8 by 8 pixels, grey values in [0, 1], in three parts."""

    train: Rows
    validation: Rows
    test: Rows


def split_digits(random_state=0) -> Digits:
    """The images split at random: 1078 rows to train on, 359 to choose strengths on, 360 for the test.

    Parameters
    ----------
    random_state : None, int or Generator, default=0

    Returns
    -------
    Digits

    References
    ----------
    Alpaydin & Kaynak (1998), "Optical recognition of handwritten digits", UCI Machine Learning Repository; the test
    set of it is what scikit-learn ships.

    Examples
    --------
    >>> parts = split_digits()
    >>> [len(y) for _, y in (parts.train, parts.validation, parts.test)]
    [1078, 359, 360]
    """
    from sklearn.datasets import load_digits

    images: Any = load_digits()
    X, y = images.data, images.target
    order = checks.random_state(random_state).permutation(len(y))
    first, second = (int(sum(SHARES[: i + 1]) * len(y)) for i in range(2))
    parts = order[:first], order[first:second], order[second:]
    return Digits(*((X[rows] / 16.0, y[rows]) for rows in parts))


def strongest(model: Model, data: Digits, method: str, strengths: Sequence[float], **options: Any) -> Run:
    """The run of the largest strength whose validation error is within one standard error of the least.

    Parameters
    ----------
    model : LinearModel or TanhNetwork
    data : Digits
        Its test rows are looked at only in ``Run.test_error`` of what comes back.
    method : str
        One that takes a strength.
    strengths : sequence of float
        To choose from.
    **options
        Of `train`.

    Returns
    -------
    Run

    References
    ----------
    Breiman, Friedman, Olshen & Stone (1984), "Classification and regression trees", section 3.4.3, for the rule.
    """
    X, y = data.validation
    runs = [train(model, *data.train, method, strength=s, test=data.test, **options) for s in sorted(strengths)]
    wrong = np.array([float((model.predict(run.parameters, X) != y).mean()) for run in runs])
    least = wrong.min()
    return runs[int(np.flatnonzero(wrong <= least + np.sqrt(least * (1.0 - least) / len(y))).max())]


def digits_runs(model: Model, random_state: int = 0, **options: Any) -> dict[str, Run]:
    """The trainings of one model on one split, from the same initial weights.

    Strengths of proximal L1 and of L2 are those of `strongest`. The subgradient run has the objective of the proximal
    one, so it has its strength, too; hard thresholding keeps as many weights as the proximal run did.

    Parameters
    ----------
    model : LinearModel or TanhNetwork
        Of 64 inputs and 10 classes.
    random_state : int, default=0
        Of the split and of the initial weights.
    **options
        Of `train`: `epochs`, `rate`, …

    Returns
    -------
    dict of str to Run
        ``"no penalty"``, ``"l2"``, ``"l1 subgradient"``, ``"l1 proximal"``, ``"hard threshold"``.
    """
    data = split_digits(random_state)
    options = {"epochs": EPOCHS, "random_state": random_state} | options
    usual: dict[str, Any] = options | {"test": data.test}
    proximal, ridge = (strongest(model, data, m, STRENGTHS[m], **options) for m in ("l1 proximal", "l2"))
    return {
        "no penalty": train(model, *data.train, "l2", strength=0.0, **usual),
        "l2": ridge,
        "l1 subgradient": train(model, *data.train, "l1 subgradient", strength=proximal.strength, **usual),
        "l1 proximal": proximal,
        "hard threshold": train(model, *data.train, "hard threshold", k=proximal.n_nonzero, **usual),
    }


def digits_table(
    seeds: Iterable[int] = range(5), *, models: Sequence[Model] | None = None, on_progress: OnProgress | None = None,
    **options: Any,
) -> Table:  # fmt: skip
    r"""Exact zeros and test error of the trainings on digits, by model, mean ± standard error over the seeds.

    Every seed is another split and other initial weights; within a seed all trainings share both, and the number of
    epochs. Standard errors are those of the seeds, :math:`s/\sqrt{m}`; splits of the same images overlap, so that
    they say how far the table depends on the seeds, and less of how far on the images.

    Parameters
    ----------
    seeds : iterable of int, default=range(5)
        At least two.
    models : sequence of Model, optional
        By default softmax regression (640 weights) and a network of 16 tanh units (1184 weights).
    on_progress : callable, optional
        Receives an `Event` after each model of each seed, at most ten a second.
    **options
        Of `train`; 1000 epochs by default.

    Returns
    -------
    Table
        A row a model and training: the strength or k (medians over the seeds), weights of pixels that are not always
        0 in training, exact zeros among them, weights that are not 0 but below 1e-3, the share of weights of idle
        pixels that are exactly 0, and the test error.

    Raises
    ------
    ArgumentError
        There are fewer than two seeds, or one is no integer >= 0.

    Notes
    -----
    Some pixels are 0 in every training row. Their weights have no gradient: an L1 step takes them to zero whatever the
    data say, and hard thresholding cuts them or leaves them where they began. They are counted apart, for they would
    be zeros that cost nothing.

    Examples
    --------
    >>> table = digits_table(range(2), models=[LinearModel(64, 10)], epochs=37)
    >>> [row["training"] for row in table.to_dicts()]
    ['no penalty', 'l2', 'l1 subgradient', 'l1 proximal', 'hard threshold']
    """
    seeds = [checks.integer_in("seeds", seed, 0, 2**31) for seed in seeds]
    if len(seeds) < 2:
        raise checks.two_seeds(len(seeds))
    models = [LinearModel(ROWS**2, CLASSES), TanhNetwork(ROWS**2, 16, CLASSES)] if models is None else models
    clock, rows, done = Clock(on_progress=on_progress), [], 0
    for model in models:
        runs: dict[str, list[Run]] = {}
        for seed in seeds:
            for name, run in digits_runs(model, seed, **options).items():
                runs.setdefault(name, []).append(run)
            done += 1
            clock.tick("descent", message=f"{_named(model)}, seed {seed}", done=done, total=len(models) * len(seeds))
        rows += [[_named(model), name, *_cells(of_name)] for name, of_name in runs.items()]
    return Table(
        ["model", "training", "strength", "k", "weights", "exact zeros", f"not 0, below {SMALL:g}", "idle at 0, %",
         "test error, %"],
        rows,
        f"digits, {len(seeds)} seeds",
    )  # fmt: skip


def _named(model: Model) -> str:
    return "linear" if len(model.sizes) == 2 else f"{model.sizes[1]} tanh units"


def _cells(runs: Sequence[Run]) -> list[object]:
    """What the table says of one training: medians of what was chosen, means of what came out."""
    strengths = [run.strength for run in runs if run.strength]
    ks = [run.k for run in runs if run.k is not None]
    return [
        float(np.median(strengths)) if strengths else None,
        int(np.median(ks)) if ks else None,
        round(float(np.mean([run.n_live for run in runs]))),
        spread([run.n_zeros for run in runs], 1),
        spread([run.n_small for run in runs], 1),
        round(100.0 * sum(run.n_idle_zeros for run in runs) / max(1, sum(int(run.idle.sum()) for run in runs))),
        spread([100.0 * run.test_error for run in runs], 2),
    ]


def spread(values: Sequence[float], digits: int) -> str:
    """Mean ± standard error."""
    array = np.asarray(values, float)
    return f"{array.mean():.{digits}f} ± {array.std(ddof=1) / np.sqrt(len(array)):.{digits}f}"
