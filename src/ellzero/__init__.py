"""ellzero finds the fewest parameters that explain the data, and says how sure it is that no other few do better."""

from importlib import import_module as _import_module

__version__ = "0.1.0"

# where each public name lives; modules are loaded when a name of theirs is first used
_HOMES = {
    "best_subset": "selection",
    "path": "selection",
    "rivals": "selection",
    "cross_validate": "selection",
    "Path": "selection",
    "Rivals": "selection",
    "solve": "solvers",
    "Problem": "problem",
    "Result": "result",
    "Status": "result",
    "Table": "result",
    "Certificate": "certificate",
    "Event": "_progress",
    "L0Regressor": "estimators",
    "L0Classifier": "estimators",
    "L0RegressorCV": "estimators",
    "L0ClassifierCV": "estimators",
    "L0Selector": "estimators",
}
_ROOMS = ("criteria", "datasets", "errors", "losses", "operators", "penalties", "selection", "solvers")

__all__ = ["__version__", *_HOMES, *_ROOMS]


def __getattr__(name: str):
    if name in _HOMES:
        return getattr(_import_module(f"{__name__}.{_HOMES[name]}"), name)
    if name in _ROOMS:
        return _import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return __all__
