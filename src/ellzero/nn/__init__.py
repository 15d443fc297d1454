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
from .export import export_onnx, export_program, load, save, save_pretrained, to_semi_structured, two_of_four
from .gates import GATES, ContinuousSparsification, Gate, HardConcrete, TopK
from .layerwise import InputGram, prune_layer
from .masks import Held, Masks
from .oneshot import LayerReport, OneShotReport, prune_llm
from .plan import Plan
from .proximal import Proximal, Slices, SubgradientL1
from .prune import Gradual, prune
from .ranking import magnitude
from .report import GateGap, Latency, Measured, Report, count_flops, report
from .scores import Grasp, Magnitude, Random, Snip, SynFlow, Wanda
from .selectors import Selector, channels, heads, hidden, layers, n_of_m, neurons, weights
from .sparsify import Sparsified, sparsify
from .surgery import compress, make_plan
from .target import Target, price
from .tickets import GateTicket, Row, Run, Ticket, Tickets, lottery

__all__ = [
    "ADMM",
    "GATES",
    "ContinuousSparsification",
    "Gap",
    "Gate",
    "GateGap",
    "GateTicket",
    "Gates",
    "Gradual",
    "Grasp",
    "HardConcrete",
    "Held",
    "InputGram",
    "Latency",
    "LayerReport",
    "Magnitude",
    "Masks",
    "Measured",
    "OneShotReport",
    "PenaltyDecomposition",
    "Plan",
    "Proximal",
    "Random",
    "Report",
    "Row",
    "Run",
    "Selector",
    "Slices",
    "Snip",
    "Sparsified",
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
    "count_flops",
    "export_onnx",
    "export_program",
    "heads",
    "hidden",
    "keep_best",
    "layers",
    "load",
    "lottery",
    "magnitude",
    "make_plan",
    "n_of_m",
    "neurons",
    "price",
    "prune",
    "prune_layer",
    "prune_llm",
    "report",
    "saliency",
    "save",
    "save_pretrained",
    "sparsify",
    "to_semi_structured",
    "two_of_four",
    "weights",
]
