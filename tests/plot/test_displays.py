"""Displays: from a fitted estimator to axes, as scikit-learn's are."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import ellzero as ez
from ellzero import errors
from ellzero.plot import CoefficientDisplay, CriterionDisplay, GapDisplay, PathDisplay, SquaresDisplay


@pytest.fixture(scope="module")
def sized(diabetes):
    return ez.L0Regressor(criterion="aic").fit(diabetes.X, diabetes.y)


@pytest.fixture(scope="module")
def validated(diabetes):
    return ez.L0RegressorCV(k=6, rule="1se", random_state=0).fit(diabetes.X, diabetes.y)


@pytest.mark.parametrize("display", [PathDisplay, SquaresDisplay, CriterionDisplay, CoefficientDisplay])
def test_from_an_estimator_that_chose_by_a_criterion(display, sized, ax):
    drawn = display.from_estimator(sized, ax=ax)
    assert isinstance(drawn, display)
    assert drawn.ax_ is ax
    assert drawn.figure_ is ax.figure


def test_the_criterion_is_that_of_the_estimator(sized, ax):
    CriterionDisplay.from_estimator(sized, ax=ax)
    assert ax.get_ylabel() == "AIC"
    assert ax.get_lines()[1].get_xdata()[0] == sized.k_
    ax.clear()
    CriterionDisplay.from_estimator(sized, ax=ax, criterion="bic")
    assert ax.get_ylabel() == "BIC"


def test_from_an_estimator_that_cross_validates(validated, ax):
    drawn = CriterionDisplay.from_estimator(validated, ax=ax)
    assert drawn.found is validated.cross_validation_
    labels = [line.get_label() for line in ax.get_lines()]
    assert f"one-standard-error choice: {validated.k_}" in labels


def test_a_classifier_and_its_cross_validation(diabetes, ax):
    y = np.where(diabetes.y > 137, "high", "low")
    model = ez.L0ClassifierCV(k=range(4), cv=3, random_state=0).fit(diabetes.X, y)
    CriterionDisplay.from_estimator(model, ax=ax)
    assert f"smallest mean: {model.k_}" in [line.get_label() for line in ax.get_lines()]
    ax.clear()
    CoefficientDisplay.from_estimator(model, ax=ax)
    assert len(ax.get_yticklabels()) == model.k_


def test_a_pipeline_names_the_columns_of_the_data(diabetes, ax):
    pipeline = make_pipeline(StandardScaler(), ez.L0Regressor()).fit(diabetes.X, diabetes.y)
    SquaresDisplay.from_estimator(pipeline, ax=ax)
    assert {"bmi", "s5"} <= {label.get_text() for label in ax.get_xticklabels()}
    ax.clear()
    CoefficientDisplay.from_estimator(pipeline, ax=ax)
    assert "bmi" in [label.get_text() for label in ax.get_yticklabels()]


def test_a_display_draws_again(sized, ax):
    from matplotlib.figure import Figure

    drawn = PathDisplay.from_estimator(sized, ax=ax)
    other = Figure(layout="constrained").subplots()
    assert drawn.plot(other, standardized=False) is drawn
    assert drawn.ax_ is other


def test_from_what_functions_return(path, near, folds, proved, stable, ax):
    assert PathDisplay.from_path(path, ax=ax).path is path
    assert SquaresDisplay.from_path(near, ax=ax).path is near
    assert CriterionDisplay.from_path(path, ax=ax, criterion="aic").ax_ is ax
    assert CriterionDisplay.from_cross_validation(folds, ax=ax).found is folds
    assert CoefficientDisplay.from_result(proved, ax=ax, stability=stable).stability is stable
    assert GapDisplay.from_result(proved, ax=ax).result is proved


def test_gap_of_an_estimator(diabetes, ax):
    model = ez.L0Regressor(k=4, certify=True, solver="branch").fit(diabetes.X, diabetes.y)
    GapDisplay.from_estimator(model, ax=ax)
    assert ax.get_title(loc="left").startswith("4 of 10 columns: proved")


def test_what_cannot_be_drawn_is_said(diabetes, ax):
    told = ez.L0Regressor(k=3).fit(diabetes.X, diabetes.y)
    with pytest.raises(errors.ArgumentError, match=r"^this L0Regressor keeps no path\. Hint: fit it without `k` and"):
        PathDisplay.from_estimator(told, ax=ax)
    with pytest.raises(errors.ArgumentError, match=r"^a display draws an estimator of ellzero, alone or .* got Linear"):
        PathDisplay.from_estimator(LinearRegression(), ax=ax)
    with pytest.raises(NotFittedError):
        CoefficientDisplay.from_estimator(ez.L0Regressor(), ax=ax)
    with pytest.raises(errors.DataError, match="kept no bounds on its way"):
        GapDisplay.from_estimator(told, ax=ax)
