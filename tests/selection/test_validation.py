"""Cross-validation over sizes: held-out losses by hand, and the one-standard-error rule."""

import numpy as np
import pytest
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit

import ellzero as ez
from oracles import best_by_size
from strategies import make_question


def by_hand(q, splits, sizes):
    """Held-out half mean deviance of the best model of every size, each fold refitted by brute force."""
    losses, weights = np.empty((len(sizes), len(splits))), np.empty(len(splits))
    w = np.ones(len(q.y)) if q.sample_weight is None else q.sample_weight
    for f, (train, test) in enumerate(splits):
        fitted = best_by_size(q.asked(X=q.X[train], y=q.y[train], sample_weight=w[train], k=max(sizes)))
        held_out = q.asked(X=q.X[test], y=q.y[test], sample_weight=w[test])
        weights[f] = w[test].sum()
        for row, size in enumerate(sizes):
            fit = fitted[size]
            losses[row, f] = held_out.deviance(held_out.X @ fit.coef + fit.intercept)
    return losses, weights


@pytest.mark.parametrize(
    "kind", [{}, {"weighted": True}, {"loss": "logistic", "l2": 0.037}, {"loss": "poisson", "l2": 0.037}]
)
def test_losses_by_hand(kind):
    q = make_question(4, n=60, p=5, **kind)
    splits = list(KFold(4, shuffle=True, random_state=3).split(q.X))
    arguments = {name: value for name, value in q.arguments().items() if name not in ("k", "l0")}
    found = ez.selection.cross_validate(q.X, q.y, k=5, cv=splits, **arguments)
    losses, weights = by_hand(q.asked(k=None), splits, range(6))
    assert list(found.sizes) == list(range(6))
    np.testing.assert_allclose(found.losses, losses, rtol=1e-6)
    np.testing.assert_allclose(found.fold_weights / found.fold_weights.sum(), weights / weights.sum(), rtol=1e-12)


def test_one_standard_error_rule():
    q = make_question(9, n=70, p=7, correlation=0.5)
    found = ez.selection.cross_validate(q.X, q.y, k=7, cv=KFold(7, shuffle=True, random_state=1), random_state=0)
    mean = found.losses.mean(1)
    error = found.losses.std(1, ddof=1) / np.sqrt(7)
    best = int(np.argmin(mean))
    assert found.k_best == best
    assert found.k_1se == min(k for k in range(8) if mean[k] <= mean[best] + error[best])
    assert found.k_1se <= found.k_best


def test_splits_as_scikit_learn_takes_them():
    q = make_question(9, n=60, p=5)
    labels = np.repeat(np.arange(12), 5)
    grouped = ez.selection.cross_validate(q.X, q.y, k=3, cv=4, fold_groups=labels, random_state=0)
    by_hand = ez.selection.cross_validate(q.X, q.y, k=3, cv=list(GroupKFold(4).split(q.X, q.y, labels)), random_state=0)
    assert grouped.losses.shape == by_hand.losses.shape == (4, 4)
    splitter = ShuffleSplit(3, test_size=0.3, random_state=5)
    one = ez.selection.cross_validate(q.X, q.y, k=3, cv=splitter)
    other = ez.selection.cross_validate(q.X, q.y, k=3, cv=list(splitter.split(q.X)))
    np.testing.assert_array_equal(one.losses, other.losses)


def test_rows_of_a_group_stay_together():
    """Rows doubled with a group of two each: held-out loss must not profit from the twin in the training set."""
    q = make_question(9, n=30, p=9)
    twice = ez.selection.cross_validate(
        np.repeat(q.X, 2, 0), np.repeat(q.y, 2), k=6, cv=5, fold_groups=np.repeat(np.arange(30), 2), random_state=0
    )
    leaking = ez.selection.cross_validate(np.repeat(q.X, 2, 0), np.repeat(q.y, 2), k=6, cv=5, random_state=0)
    assert twice.mean[6] > leaking.mean[6]


def test_same_seed_same_folds():
    q = make_question(9, n=60, p=5)
    one, again, other = (ez.selection.cross_validate(q.X, q.y, k=3, random_state=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.losses, again.losses)
    assert not np.array_equal(one.losses, other.losses)


def test_default_sizes_fit_the_smallest_training_set():
    q = make_question(9, n=21, p=9)
    found = ez.selection.cross_validate(q.X, q.y, cv=3)
    assert list(found.sizes) == list(range((14 - 1) // 3 + 1))


@pytest.mark.parametrize("cv", [1, 0, 40])
def test_impossible_numbers_of_folds(cv):
    q = make_question(9, n=21, p=4)
    with pytest.raises(ez.errors.EllzeroError):
        ez.selection.cross_validate(q.X, q.y, cv=cv)


def test_an_interrupt_within_a_fold_ends_the_whole():
    """Sizes that a fold was cut short in were left out, and the others compared, without a word."""
    rng = np.random.default_rng(37)
    X = rng.standard_normal((190, 37))
    y = X[:, :7] @ np.ones(7) + rng.standard_normal(190)
    seen = []

    def stop(event):
        seen.append(event.stage)
        if event.stage != "cross-validation":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ez.cross_validate(X, y, k=19, on_progress=stop, random_state=0)
    assert seen[-1] != "cross-validation"
