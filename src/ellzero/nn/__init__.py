"""Neural networks pruned into really smaller ones, for any `torch.nn.Module`.

Needs the extra `nn` (PyTorch). Nothing of it is loaded before ``ellzero.nn`` is used.
"""

from .. import _checks as checks

try:
    import torch  # noqa: F401 - only whether it is there
except ModuleNotFoundError as error:
    raise checks.missing_extra("ellzero.nn", "PyTorch", "nn") from error

from .attach import Gates, attach
from .gates import GATES, ContinuousSparsification, Gate, HardConcrete, TopK
from .plan import Plan
from .ranking import magnitude
from .selectors import Selector, channels, heads, hidden, layers, n_of_m, neurons, weights
from .surgery import compress, make_plan
from .target import Target, price

__all__ = [
    "GATES",
    "ContinuousSparsification",
    "Gate",
    "Gates",
    "HardConcrete",
    "Plan",
    "Selector",
    "Target",
    "TopK",
    "attach",
    "channels",
    "compress",
    "heads",
    "hidden",
    "layers",
    "magnitude",
    "make_plan",
    "n_of_m",
    "neurons",
    "price",
    "weights",
]
