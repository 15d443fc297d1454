"""ellzero finds the fewest parameters that explain the data, and says how sure it is that no other few do better."""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import (
        constraints,
        criteria,
        datasets,
        errors,
        geometry,
        losses,
        nn,
        operators,
        penalties,
        plot,
        selection,
        solvers,
    )
    from ._progress import Event
    from .certificate import Certificate
    from .estimators import L0Classifier, L0ClassifierCV, L0Cox, L0Regressor, L0RegressorCV, L0Selector
    from .problem import Problem
    from .result import Result, Status, Table
    from .selection import (
        Average,
        Comparison,
        Inference,
        Knockoffs,
        Path,
        PenaltyPath,
        Rivals,
        Stability,
        average,
        best_subset,
        compare,
        cross_validate,
        honest,
        knockoffs,
        path,
        penalty_path,
        rivals,
        stability,
    )
    from .solvers import solve

__version__ = "0.1.0"

__all__ = [
    "Average",
    "Certificate",
    "Comparison",
    "Event",
    "Inference",
    "Knockoffs",
    "L0Classifier",
    "L0ClassifierCV",
    "L0Cox",
    "L0Regressor",
    "L0RegressorCV",
    "L0Selector",
    "Path",
    "PenaltyPath",
    "Problem",
    "Result",
    "Rivals",
    "Stability",
    "Status",
    "Table",
    "__version__",
    "average",
    "best_subset",
    "compare",
    "constraints",
    "criteria",
    "cross_validate",
    "datasets",
    "errors",
    "geometry",
    "honest",
    "knockoffs",
    "losses",
    "nn",
    "operators",
    "path",
    "penalties",
    "penalty_path",
    "plot",
    "rivals",
    "selection",
    "solve",
    "solvers",
    "stability",
]

# modules are loaded when a name of theirs is first used, so that `import ellzero` costs next to nothing
_ROOMS = (
    "constraints",
    "criteria",
    "datasets",
    "errors",
    "geometry",
    "losses",
    "nn",
    "operators",
    "penalties",
    "plot",
    "selection",
    "solvers",
)
_HOMES = {
    "_progress": ("Event",),
    "certificate": ("Certificate",),
    "estimators": ("L0Classifier", "L0ClassifierCV", "L0Cox", "L0Regressor", "L0RegressorCV", "L0Selector"),
    "problem": ("Problem",),
    "result": ("Result", "Status", "Table"),
    "selection": (
        "Average",
        "Comparison",
        "Inference",
        "Knockoffs",
        "Path",
        "PenaltyPath",
        "Rivals",
        "Stability",
        "average",
        "best_subset",
        "compare",
        "cross_validate",
        "honest",
        "knockoffs",
        "path",
        "penalty_path",
        "rivals",
        "stability",
    ),
    "solvers": ("solve",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str):
    if name in _HOME_OF:
        return getattr(_import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    if name in _ROOMS:
        return _import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return __all__
