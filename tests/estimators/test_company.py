"""The estimators among scikit-learn's tools: pipelines, grids, frames, routing, cloning."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn.base import clone
from sklearn.feature_selection import SelectFromModel
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import ellzero as ez

EVERY = [ez.L0Regressor, ez.L0Classifier, ez.L0RegressorCV, ez.L0ClassifierCV, ez.L0Selector]


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.mark.parametrize("cls", EVERY)
def test_parameters_survive_cloning(cls):
    options = {"k": 3, "l1": 0.37, "l2": 0.19, "lower": -1.9, "groups": {"a": 1}, "forced": ["a"], "solver": "branch"}
    model = cls(**options, time_limit=3.7, random_state=np.random.default_rng(3))
    twin = clone(model)
    assert options.items() <= twin.get_params().items()
    assert twin.set_params(k=2).get_params()["k"] == 2
    assert model.k == 3
    assert "time_limit=3.7" in repr(twin)


def test_selector_keeps_the_columns_and_their_names(houses):
    selector = ez.L0Selector().fit(houses.frame, houses.y)
    assert selector.get_support(indices=True).tolist() == houses.support
    assert selector.get_support().tolist() == [False, True, True, False, False, False]
    assert selector.get_feature_names_out().tolist() == ["rooms", "area"]
    np.testing.assert_array_equal(selector.transform(houses.frame), houses.array[:, houses.support])
    back = selector.inverse_transform(selector.transform(houses.frame))
    np.testing.assert_array_equal(back[:, houses.support], houses.array[:, houses.support])
    assert not back[:, [0, 3, 4, 5]].any()


def test_selector_tells_classes_apart(houses):
    selector = ez.L0Selector(k=2, loss="logistic").fit(houses.frame, houses.labels)
    classifier = ez.L0Classifier(k=2).fit(houses.frame, houses.labels)
    np.testing.assert_array_equal(selector.coef_, classifier.coef_[0])  # the same ridge
    counts = ez.L0Selector(k=2, loss="poisson").fit(houses.frame, houses.counts)
    assert counts.support_.tolist() == houses.support


def test_polars_in_polars_out(houses):
    frame = pl.DataFrame({name: houses.array[:, j] for j, name in enumerate(houses.frame)})
    pipeline = make_pipeline(StandardScaler(), ez.L0Selector(k=2, forced=["light"])).set_output(transform="polars")
    out = pipeline.fit_transform(frame, pl.Series(houses.y))
    assert isinstance(out, pl.DataFrame)
    assert out.columns == ["rooms", "light"]
    model = ez.L0Regressor(k=2, forbidden=["area"]).fit(frame, pl.Series(houses.y))
    assert model.feature_names_in_.tolist() == frame.columns
    assert "area" not in model.result_.names_in_support
    np.testing.assert_allclose(model.predict(frame), model.predict(houses.frame))
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame.rename({"age": "years"}))


def test_pandas_out_keeps_the_index(houses):
    frame = houses.frame.set_axis(np.arange(90) * 3 + 1)
    out = ez.L0Selector(k=2).set_output(transform="pandas").fit_transform(frame, houses.y)
    assert isinstance(out, pd.DataFrame)
    assert out.index.equals(frame.index)


def test_grid_over_a_pipeline(houses):
    pipeline = make_pipeline(StandardScaler(), ez.L0Selector(), LinearRegression())
    grid = GridSearchCV(pipeline, {"l0selector__k": [1, 2]}, cv=3)
    assert grid.fit(houses.frame, houses.y).best_params_ == {"l0selector__k": 2}
    direct = GridSearchCV(ez.L0Classifier(), {"k": [0, 2], "l2": [1e-3, 0.37]}, cv=3, scoring="neg_log_loss")
    assert direct.fit(houses.frame, houses.labels).best_params_["k"] == 2


def test_pipeline_ends_in_a_cross_validated_classifier(houses):
    model = make_pipeline(StandardScaler(), ez.L0ClassifierCV(k=range(1, 4), cv=3)).fit(houses.frame, houses.labels)
    assert model.score(houses.frame, houses.labels) > 0.7


def test_other_selectors_read_the_coefficients(houses):
    for model, y in ((ez.L0Regressor(k=2), houses.y), (ez.L0Classifier(k=2), houses.labels)):
        selected = SelectFromModel(model, threshold=1e-12).fit(houses.array, y)
        assert selected.get_support().sum() == 2


@pytest.mark.usefixtures("routing")
def test_weights_are_routed(houses):
    weighted = ez.L0Regressor(k=2).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
    pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), weighted)
    routed = pipeline.fit(houses.frame, houses.y, sample_weight=houses.weight)[-1]
    scaled = StandardScaler().fit_transform(houses.array)
    direct = ez.L0Regressor(k=2).fit(scaled, houses.y, sample_weight=houses.weight)
    np.testing.assert_allclose(routed.coef_, direct.coef_, rtol=1e-9)
    plain = ez.L0Regressor(k=2).fit(scaled, houses.y)
    assert not np.allclose(routed.coef_, plain.coef_, rtol=1e-3)
    scores = cross_val_score(weighted, houses.array, houses.y, params={"sample_weight": houses.weight + 0.37}, cv=3)
    assert not np.allclose(scores, cross_val_score(ez.L0Regressor(k=2), houses.array, houses.y, cv=3))


@pytest.mark.usefixtures("routing")
def test_groups_of_rows_are_routed(houses):
    model = ez.L0RegressorCV(k=3, cv=GroupKFold(5)).set_fit_request(fold_groups="groups")
    routed = make_pipeline(model).fit(houses.frame, houses.y, groups=houses.fold)[-1]
    direct = ez.L0RegressorCV(k=3, cv=GroupKFold(5)).fit(houses.frame, houses.y, fold_groups=houses.fold)
    np.testing.assert_array_equal(routed.cross_validation_.losses, direct.cross_validation_.losses)


def test_nothing_is_done_to_the_data(houses):
    before = houses.frame.copy()
    houses.array.setflags(write=False)
    ez.L0Regressor().fit(houses.array, houses.y)
    ez.L0Regressor().fit(houses.frame, houses.y)
    pd.testing.assert_frame_equal(houses.frame, before)
