"""Choosing the size by cross-validation: folds as scikit-learn takes them, weighted losses, one standard error."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.model_selection import GroupKFold, KFold

import ellzero as ez
from ellzero.errors import ArgumentError


def test_losses_are_those_of_models_fitted_by_hand(houses):
    """Held-out half mean squares of the best model of each size, weights in the fit and in the loss."""
    w = houses.weight + 0.37
    model = ez.L0RegressorCV(k=3, cv=KFold(3), l1=0.0, l2=0.0).fit(houses.array, houses.y, sample_weight=w)
    found = model.cross_validation_
    for f, (train, test) in enumerate(KFold(3).split(houses.array)):
        for k in range(4):
            inner = ez.best_subset(houses.array[train], houses.y[train], k=k, sample_weight=w[train])
            loss = mean_squared_error(houses.y[test], inner.predict(houses.array[test]), sample_weight=w[test]) / 2
            assert found.losses[k, f] == pytest.approx(loss, rel=1e-9)
        assert found.fold_weights[f] == pytest.approx(w[test].sum())
    mean = (found.losses * found.fold_weights).sum(axis=1) / w.sum()
    assert model.k_ == mean.argmin()


def test_classifier_is_judged_by_log_loss(houses):
    y = houses.labels == "sold"
    model = ez.L0ClassifierCV(k=[1, 2], cv=KFold(3)).fit(houses.array, houses.labels)
    train, test = next(KFold(3).split(y))
    inner = ez.L0Classifier(k=2).fit(houses.array[train], y[train])
    loss = log_loss(y[test], inner.predict_proba(houses.array[test]))
    assert model.cross_validation_.losses[1, 0] == pytest.approx(loss, rel=1e-7)


def test_weights_decide(houses):
    """Two halves with different truths: the size that the heavy half wants is chosen."""
    y = np.where(np.arange(90) % 2, houses.y, 3.7 * houses.array[:, 0] + 0.19 * houses.array[:, 4])
    odd = np.arange(90) % 2
    for heavy, support in ((odd, [1, 2]), (1 - odd, [0, 4])):
        model = ez.L0RegressorCV(k=2).fit(houses.array, y, sample_weight=heavy + 1e-6)
        assert model.support_.tolist() == support


def test_one_standard_error_is_the_smaller_model(houses):
    best = ez.L0RegressorCV(cv=10, random_state=3).fit(houses.array[:, 3:], houses.y)
    small = ez.L0RegressorCV(cv=10, random_state=3, rule="1se").fit(houses.array, houses.y)
    found = small.cross_validation_
    limit = found.mean.min() + found.standard_error[found.mean.argmin()]
    assert small.k_ == np.flatnonzero(found.mean <= limit)[0]
    assert small.k_ == 2
    assert best.k_ == best.cross_validation_.mean.argmin()


def test_final_fit_uses_all_rows_and_can_be_proved(houses):
    model = ez.L0RegressorCV(k=range(1, 4), rule="1se", certify=True).fit(houses.frame, houses.y)
    assert model.status_ is ez.Status.OPTIMAL
    assert list(model.certificate_.verify(houses.frame, houses.y))
    refit = LinearRegression().fit(houses.array[:, model.support_], houses.y)
    np.testing.assert_allclose(model.coef_[model.support_], refit.coef_, rtol=1e-9)
    assert model.intercept_ == pytest.approx(refit.intercept_)


def test_folds_come_in_every_form(houses):
    splits = list(KFold(4).split(houses.array))
    losses = [
        ez.L0RegressorCV(k=2, cv=cv).fit(houses.array, houses.y).cross_validation_.losses
        for cv in (KFold(4), splits, iter(splits))
    ]
    np.testing.assert_array_equal(losses[0], losses[1])
    np.testing.assert_array_equal(losses[0], losses[2])
    assert ez.L0RegressorCV(k=2, cv=3).fit(houses.array, houses.y).cross_validation_.fold_weights.size == 3


def test_rows_of_a_group_stay_together(houses):
    by_hand = ez.L0RegressorCV(k=3, cv=list(GroupKFold(5).split(houses.array, groups=houses.fold)))
    expected = by_hand.fit(houses.array, houses.y).cross_validation_.losses
    for cv in (GroupKFold(5), 5):
        model = ez.L0RegressorCV(k=3, cv=cv).fit(houses.array, houses.y, fold_groups=houses.fold)
        np.testing.assert_array_equal(model.cross_validation_.losses, expected)


def test_seed_moves_the_folds_only(houses):
    first, again, other = (
        ez.L0RegressorCV(k=2, random_state=seed).fit(houses.array, houses.y).cross_validation_.losses
        for seed in (None, 0, 37)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_mistakes_are_said(houses):
    with pytest.raises(ArgumentError, match="`rule` must be one of best, 1se, got '1es'"):
        ez.L0RegressorCV(rule="1es").fit(houses.array, houses.y)
    with pytest.raises(ArgumentError, match=r"`cv` must be an integer in \[2, 90\]"):
        ez.L0RegressorCV(cv=1).fit(houses.array, houses.y)
    with pytest.raises(ArgumentError, match=r"`k` must be an integer in \[0, 6\], got 9"):
        ez.L0RegressorCV(k=[1, 9]).fit(houses.array, houses.y)
    thin = np.where(houses.fold > 4, houses.array.T, 1.9).T  # constant in one training set
    halves = [np.flatnonzero(houses.fold <= 4), np.flatnonzero(houses.fold > 4)]
    model = ez.L0RegressorCV(cv=[halves, halves[::-1]], k=[5])
    with pytest.raises(ValueError, match="no size can be compared on all 2 folds"):
        model.fit(thin, houses.y)
