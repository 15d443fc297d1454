"""Four trainings of the same small models, step by step: where exact zeros come from, and where they do not."""

from .digits import Digits, digits_runs, digits_table, split_digits, strongest
from .models import LinearModel, Model, TanhNetwork
from .training import METHODS, Run, train

__all__ = [
    "METHODS",
    "Digits",
    "LinearModel",
    "Model",
    "Run",
    "TanhNetwork",
    "digits_runs",
    "digits_table",
    "split_digits",
    "strongest",
    "train",
]
