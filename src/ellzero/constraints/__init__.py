"""Support rules: which columns may, must and must not be in, and which go together."""

from .rules import AtMost, AtMostOne, Linear, LinearRow, Rule, StrongHierarchy, WeakHierarchy
from .support import SupportRules

__all__ = ["AtMost", "AtMostOne", "Linear", "LinearRow", "Rule", "StrongHierarchy", "SupportRules", "WeakHierarchy"]
