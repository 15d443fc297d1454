"""Neural networks pruned into really smaller ones, for any `torch.nn.Module`.

Needs the extra `nn` (PyTorch). Nothing of it is loaded before ``ellzero.nn`` is used.
"""

from .. import _checks as checks

try:
    import torch  # noqa: F401 - only whether it is there
except ModuleNotFoundError as error:
    raise checks.missing_extra("ellzero.nn", "PyTorch", "nn") from error

from .admm import ADMM, Gap, PenaltyDecomposition
from .attach import Gates, attach
from .budget import keep_best, saliency
from .gates import GATES, ContinuousSparsification, Gate, HardConcrete, TopK
from .layerwise import InputGram, prune_layer
from .masks import Held, Masks
from .oneshot import LayerReport, OneShotReport, prune_llm
from .plan import Plan
from .proximal import Proximal, Slices, SubgradientL1
from .prune import Gradual, prune
from .ranking import magnitude
from .scores import Grasp, Magnitude, Random, Snip, SynFlow, Wanda
from .selectors import Selector, channels, heads, hidden, layers, n_of_m, neurons, weights
from .surgery import compress, make_plan
from .target import Target, price
from .tickets import GateTicket, Row, Run, Ticket, Tickets, lottery

__all__ = [
    "ADMM",
    "GATES",
    "ContinuousSparsification",
    "Gap",
    "Gate",
    "GateTicket",
    "Gates",
    "Gradual",
    "Grasp",
    "HardConcrete",
    "Held",
    "InputGram",
    "LayerReport",
    "Magnitude",
    "Masks",
    "OneShotReport",
    "PenaltyDecomposition",
    "Plan",
    "Proximal",
    "Random",
    "Row",
    "Run",
    "Selector",
    "Slices",
    "Snip",
    "SubgradientL1",
    "SynFlow",
    "Target",
    "Ticket",
    "Tickets",
    "TopK",
    "Wanda",
    "attach",
    "channels",
    "compress",
    "heads",
    "hidden",
    "keep_best",
    "layers",
    "lottery",
    "magnitude",
    "make_plan",
    "n_of_m",
    "neurons",
    "price",
    "prune",
    "prune_layer",
    "prune_llm",
    "saliency",
    "weights",
]
