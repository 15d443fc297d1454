"""scikit-learn's faces: thin classes that check, call the library and copy its answer to attributes ending in ``_``."""

from .classifier import L0Classifier, L0ClassifierCV
from .cox import L0Cox
from .regressor import L0Regressor, L0RegressorCV
from .selector import L0Selector

__all__ = ["L0Classifier", "L0ClassifierCV", "L0Cox", "L0Regressor", "L0RegressorCV", "L0Selector"]
