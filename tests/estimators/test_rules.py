"""Estimators under rules on which columns go together."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import ellzero as ez
from ellzero.constraints import AtMostOne, Linear, StrongHierarchy, WeakHierarchy
from ellzero.errors import UnsupportedError

RNG = np.random.default_rng(37)
A, B, C = RNG.normal(size=(3, 90))
FRAME = pd.DataFrame({"a": A, "b": B, "c": C, "a:b": A * B, "b:c": B * C})
Y = 1.9 * A * B + 0.7 * C + 0.37 * RNG.normal(size=90)


@pytest.mark.parametrize("name", ["L0Regressor", "L0RegressorCV", "L0Selector"])
def test_supports_keep_the_hierarchy(name):
    model = getattr(ez, name)(constraints=[StrongHierarchy()], random_state=0).fit(FRAME, Y)
    support = model.get_support() if name == "L0Selector" else model.coef_ != 0
    assert {"a", "b", "a:b"} <= set(FRAME.columns[support])


def test_classifier():
    model = ez.L0Classifier(k=2, constraints=[AtMostOne(["c", "a:b"])]).fit(FRAME, Y > 0)
    assert not model.coef_[0][2] or not model.coef_[0][3]
    free = ez.L0Classifier(k=2).fit(FRAME, Y > 0)
    assert (free.coef_[0][[2, 3]] != 0).all()


def test_clones_and_parameters():
    rule = WeakHierarchy({"a:b": ["a", "b"]})
    model = ez.L0Regressor(k=2, constraints=(rule,))
    assert clone(model).get_params()["constraints"] == (rule,)
    assert clone(model).fit(FRAME, Y).k_ == 2


def test_rules_in_a_search_and_by_index_behind_a_scaler():
    pipe = make_pipeline(StandardScaler(), ez.L0Regressor(k=2))
    grid = {"l0regressor__constraints": [(), (AtMostOne([2, 3]),)]}
    search = GridSearchCV(pipe, grid, cv=3).fit(FRAME, Y)
    assert search.best_params_["l0regressor__constraints"] == ()


def test_linear_rows_need_their_solver():
    with pytest.raises(UnsupportedError, match="linear rows need a mixed-integer solver"):
        ez.L0Regressor(k=2, solver="exchange", constraints=[Linear({"a": 1.0}, upper=1.0)]).fit(FRAME, Y)
