"""Displays as scikit-learn has them: made from a fitted estimator, drawn as often as one likes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self

from .. import _checks as checks
from ..result import Result
from ..selection import CrossValidation, Path, Rivals, Stability
from .choosing import criteria
from .effects import coefficients
from .models import squares
from .paths import path as draw_path
from .proof import gap


class Display(ABC):
    """What is drawn, and, after `plot`, where.

    Attributes
    ----------
    ax_ : matplotlib axes
        Those of the last `plot`.
    figure_ : matplotlib figure
        The figure of these axes.
    """

    ax_: Any
    figure_: Any

    @abstractmethod
    def _draw(self, ax, **options) -> Any: ...

    def plot(self, ax=None, **options) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib axes, optional
            Those of a new figure by default.
        **options
            Those of the function in `ellzero.plot` that draws it.

        Returns
        -------
        self
        """
        self.ax_ = self._draw(ax, **options)
        self.figure_ = self.ax_.figure
        return self


class PathDisplay(Display):
    """Coefficients by size, see `ellzero.plot.path`.

    Parameters
    ----------
    path : Path

    Examples
    --------
    >>> import ellzero as ez
    >>> from matplotlib.figure import Figure
    >>> data = ez.datasets.load_diabetes(as_frame=True)
    >>> model = ez.L0Regressor().fit(data.X, data.y)
    >>> display = PathDisplay.from_estimator(model, ax=Figure(layout="constrained").subplots())
    >>> display.ax_.get_xlabel()
    'size of the model'
    """

    def __init__(self, path: Path):
        self.path = path

    @classmethod
    def from_path(cls, path: Path, *, ax=None, **options) -> Self:
        """Draw a path; the parameters are those of `from_estimator`."""
        return cls(path).plot(ax, **options)

    @classmethod
    def from_estimator(cls, estimator, *, ax=None, **options) -> Self:
        """Draw the path that an estimator chose from by a criterion.

        Parameters
        ----------
        estimator : L0Regressor, L0Classifier, L0Cox, L0Selector or Pipeline
            Fitted without `k` and `l0`; the last step of a pipeline counts.
        ax : matplotlib axes, optional
            Those of a new figure by default.
        **options
            Those of the function in `ellzero.plot` that draws it.

        Returns
        -------
        Display
            Drawn.

        Raises
        ------
        ArgumentError
            It is no estimator of ellzero, or keeps no path.
        NotFittedError
            It is not fitted.
        """
        return cls.from_path(_path_of(*_last(estimator)), ax=ax, **options)

    def _draw(self, ax, **options):
        return draw_path(self.path, ax, **options)


class SquaresDisplay(PathDisplay):
    """Which columns are in which model, see `ellzero.plot.squares`.

    Parameters
    ----------
    path : Path or Rivals
    """

    def __init__(self, path: Path | Rivals):
        self.path = path

    def _draw(self, ax, **options):
        return squares(self.path, ax, **options)


class CriterionDisplay(Display):
    """What chose the size, see `ellzero.plot.criteria`.

    Parameters
    ----------
    found : Path or CrossValidation
    criterion : str or sequence of str, optional
        Of a path; drawn where `plot` is told no other.

    Examples
    --------
    >>> import ellzero as ez
    >>> from matplotlib.figure import Figure
    >>> data = ez.datasets.load_diabetes(as_frame=True)
    >>> model = ez.L0RegressorCV(k=6, rule="1se", random_state=0).fit(data.X, data.y)
    >>> CriterionDisplay.from_estimator(model, ax=Figure().subplots()).ax_.get_ylabel()
    'held-out loss, mean of the folds'
    """

    def __init__(self, found: Path | CrossValidation, criterion: str | Sequence[str] | None = None):
        self.found = found
        self.criterion = criterion

    @classmethod
    def from_path(cls, path: Path, *, ax=None, criterion: str | Sequence[str] | None = None, **options) -> Self:
        """Draw a criterion of a path; the parameters are those of `from_estimator`."""
        return cls(path, criterion).plot(ax, **options)

    @classmethod
    def from_cross_validation(cls, found: CrossValidation, *, ax=None, **options) -> Self:
        """Draw held-out losses; the parameters are those of `from_estimator`."""
        return cls(found).plot(ax, **options)

    @classmethod
    def from_estimator(cls, estimator, *, ax=None, criterion: str | Sequence[str] | None = None, **options) -> Self:
        """Draw what chose the size of a fitted estimator.

        Parameters
        ----------
        estimator : L0Regressor, L0RegressorCV, L0Classifier, L0ClassifierCV, L0Cox, L0Selector or Pipeline
            Held-out losses of one that cross-validates; else the criterion of one fitted without `k` and `l0`.
        ax : matplotlib axes, optional
            Those of a new figure by default.
        criterion : str or sequence of str, optional
            Others than the one that chose.
        **options
            Those of `ellzero.plot.criteria`.

        Returns
        -------
        CriterionDisplay
            Drawn.

        Raises
        ------
        ArgumentError
            It is no estimator of ellzero, keeps neither, or a criterion is asked of one that cross-validates.
        NotFittedError
            It is not fitted.
        """
        from ..estimators._base import CrossValidated

        model, names = _last(estimator)
        if isinstance(model, CrossValidated):
            return cls(model.cross_validation_, criterion).plot(ax, **options)
        return cls.from_path(_path_of(model, names), ax=ax, criterion=criterion or model.criterion_, **options)

    def _draw(self, ax, **options):
        return criteria(self.found, ax, **({"criterion": self.criterion} | options))


class CoefficientDisplay(Display):
    """Coefficients of the chosen model, see `ellzero.plot.coefficients`.

    Parameters
    ----------
    result : Result
    stability : Stability, optional
    """

    def __init__(self, result: Result, stability: Stability | None = None):
        self.result = result
        self.stability = stability

    @classmethod
    def from_result(cls, result: Result, *, ax=None, stability: Stability | None = None, **options) -> Self:
        """Draw a result; the parameters are those of `from_estimator`."""
        return cls(result, stability).plot(ax, **options)

    @classmethod
    def from_estimator(cls, estimator, *, ax=None, stability: Stability | None = None, **options) -> Self:
        """Draw the coefficients of a fitted estimator.

        Parameters
        ----------
        estimator : estimator of ellzero, or Pipeline that ends in one
        ax : matplotlib axes, optional
            Those of a new figure by default.
        stability : Stability, optional
            Its frequencies are written beside the rows.
        **options
            Those of `ellzero.plot.coefficients`.

        Returns
        -------
        CoefficientDisplay
            Drawn.

        Raises
        ------
        ArgumentError
            It is no estimator of ellzero.
        NotFittedError
            It is not fitted.
        """
        return cls(_result_of(*_last(estimator)), stability).plot(ax, **options)

    def _draw(self, ax, **options):
        given: dict[str, Any] = {"stability": self.stability} | options
        return coefficients(self.result, ax, **given)


class GapDisplay(Display):
    """How the search closed its gap, see `ellzero.plot.gap`.

    Parameters
    ----------
    result : Result
    """

    def __init__(self, result: Result):
        self.result = result

    @classmethod
    def from_result(cls, result: Result, *, ax=None, **options) -> Self:
        """Draw a result; the parameters are those of `from_estimator`."""
        return cls(result).plot(ax, **options)

    @classmethod
    def from_estimator(cls, estimator, *, ax=None, **options) -> Self:
        """Draw the bounds of a fitted estimator's search.

        Parameters
        ----------
        estimator : estimator of ellzero, or Pipeline that ends in one
            With a solver that bounds on its way.
        ax : matplotlib axes, optional
            Those of a new figure by default.
        **options
            Those of `ellzero.plot.gap`.

        Returns
        -------
        GapDisplay
            Drawn.

        Raises
        ------
        ArgumentError, DataError
            It is no estimator of ellzero, or its search kept no bounds.
        NotFittedError
            It is not fitted.
        """
        return cls(_result_of(*_last(estimator))).plot(ax, **options)

    def _draw(self, ax, **options):
        return gap(self.result, ax, **options)


def _last(estimator) -> tuple[Any, tuple[str, ...] | None]:
    """A fitted estimator of ellzero, and the names that a pipeline before it gives its columns."""
    from sklearn.pipeline import Pipeline
    from sklearn.utils.validation import check_is_fitted

    from ..estimators._base import Face

    piped = isinstance(estimator, Pipeline)
    model = estimator[-1] if piped else estimator
    if not isinstance(model, Face):
        raise checks.cannot_draw("a display", "an estimator of ellzero, alone or at the end of a Pipeline", model)
    check_is_fitted(model)
    if not piped or len(estimator) == 1 or "feature_names_in_" in vars(model):
        return model, None
    before: Any = estimator[:-1]
    try:
        return model, tuple(map(str, before.get_feature_names_out()))
    except (AttributeError, ValueError):  # a step that cannot tell, or data without names
        return model, None


def _path_of(model, names) -> Path:
    path = vars(model).get("path_")
    if path is None:
        raise checks.not_fitted_with(
            type(model).__name__, "path", "fit it without `k` and `l0`, so that a criterion chooses"
        )
    return path if names is None else replace(path, results=tuple(replace(r, names=names) for r in path.results))


def _result_of(model, names) -> Result:
    result = model.result_
    return result if names is None else replace(result, names=names)
