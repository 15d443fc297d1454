"""Choosing: the best subset, its size, and what would do as well."""

from .averaging import Average, average
from .compare import Comparison, compare
from .inference import Inference, honest
from .knockoffs import Knockoffs, knockoffs
from .path import Path, path
from .penalised import PenaltyPath, penalty_path
from .rivals import Rivals, rivals
from .stability import Stability, stability
from .subset import best_subset
from .validation import CrossValidation, cross_validate

__all__ = [
    "Average",
    "Comparison",
    "CrossValidation",
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
]
