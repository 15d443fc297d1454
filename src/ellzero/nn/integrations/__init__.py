"""Gates in training loops that belong to somebody else: callbacks for Lightning and for the Hugging Face Trainer.

In a loop of your own there is nothing to integrate: call ``goal.step()`` after ``loss.backward()``. Neither package is
imported before its callback is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .huggingface import TrainerCallback
    from .lightning import LightningCallback

_PLACES = {"LightningCallback": "lightning", "TrainerCallback": "huggingface"}

__all__ = ["LightningCallback", "TrainerCallback"]


def __getattr__(name: str):
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)


def __dir__():
    return sorted(__all__)
