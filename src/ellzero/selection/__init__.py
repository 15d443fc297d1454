"""Choosing: the best subset, its size, and what would do as well."""

from .path import Path, path
from .penalised import PenaltyPath, penalty_path
from .rivals import Rivals, rivals
from .subset import best_subset
from .validation import CrossValidation, cross_validate

__all__ = [
    "CrossValidation",
    "Path",
    "PenaltyPath",
    "Rivals",
    "best_subset",
    "cross_validate",
    "path",
    "penalty_path",
    "rivals",
]
