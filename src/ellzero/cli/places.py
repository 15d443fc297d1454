"""Objects in the user's own code: MODULE:NAME or FILE.py:NAME."""

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import messages


def named(place: str, flag: str) -> Any:
    """The object at MODULE:NAME or FILE.py:NAME; the working directory can be imported from."""
    where, colon, name = place.rpartition(":")
    if not colon or not where or not name:
        raise messages.no_place(place, flag)
    try:
        module = _module(where)
    except ModuleNotFoundError as error:
        if error.name is not None and (where == error.name or where.startswith(f"{error.name}.")):
            raise messages.no_module(where, flag) from error
        raise messages.user_code_failed(where, "cannot be imported", error) from error
    except FileNotFoundError as error:
        raise messages.no_code_file(where, flag) from error
    except Exception as error:
        raise messages.user_code_failed(where, "cannot be imported", error) from error
    value: Any = module
    for part in name.split("."):
        if not hasattr(value, part):
            raise messages.no_name_in_module(name, where, [n for n in vars(module) if not n.startswith("_")])
        value = getattr(value, part)
    return value


def _module(where: str):
    if not where.endswith(".py"):
        if "" not in sys.path and str(Path.cwd()) not in sys.path:
            sys.path.insert(0, str(Path.cwd()))
        return importlib.import_module(where)
    path = Path(where)
    if not path.is_file():
        raise FileNotFoundError(where)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None  # of a .py file there is one
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def called(place: str, flag: str) -> Any:
    """What the function at a place returns."""
    function = named(place, flag)
    if not callable(function):
        raise messages.not_callable(place, type(function).__name__)
    needed = _needed(function)
    if needed:
        raise messages.needs_arguments(place, needed)
    try:
        return function()
    except Exception as error:
        raise messages.user_code_failed(place, "failed", error) from error


def _needed(function: Callable) -> list[str]:
    """Arguments without a default."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    named_ones = (p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD))
    return [p.name for p in named_ones if p.default is p.empty]
