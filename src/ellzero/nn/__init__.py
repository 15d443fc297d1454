"""Neural networks pruned into really smaller ones, for any `torch.nn.Module`.

Needs the extra `nn` (PyTorch). Nothing of it is loaded before ``ellzero.nn`` is used.
"""

from .. import _checks as checks

try:
    import torch  # noqa: F401 - only whether it is there
except ModuleNotFoundError as error:
    raise checks.missing_extra("ellzero.nn", "PyTorch", "nn") from error

from .layerwise import ADMM, IHT, InputGram, LayerMethod, Magnitude, SparseGPT, Wanda, prune_layer
from .oneshot import LayerReport, OneShotReport, prune_llm

__all__ = [
    "ADMM",
    "IHT",
    "InputGram",
    "LayerMethod",
    "LayerReport",
    "Magnitude",
    "OneShotReport",
    "SparseGPT",
    "Wanda",
    "prune_layer",
    "prune_llm",
]
