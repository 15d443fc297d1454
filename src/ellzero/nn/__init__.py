"""Neural networks pruned into really smaller ones, for any `torch.nn.Module`.

Needs the extra `nn` (PyTorch). Nothing of it is loaded before ``ellzero.nn`` is used.
"""

from .. import _checks as checks

try:
    import torch  # noqa: F401 - only whether it is there
except ModuleNotFoundError as error:
    raise checks.missing_extra("ellzero.nn", "PyTorch", "nn") from error

from .admm import ADMM, Gap, PenaltyDecomposition
from .masks import Held, Masks
from .proximal import Proximal, Slices, SubgradientL1
from .prune import Gradual, prune
from .scores import Grasp, Magnitude, Random, Snip, SynFlow, Wanda
from .tickets import GateTicket, Row, Run, Ticket, Tickets, lottery

__all__ = [
    "ADMM",
    "Gap",
    "GateTicket",
    "Gradual",
    "Grasp",
    "Held",
    "Magnitude",
    "Masks",
    "PenaltyDecomposition",
    "Proximal",
    "Random",
    "Row",
    "Run",
    "Slices",
    "Snip",
    "SubgradientL1",
    "SynFlow",
    "Ticket",
    "Tickets",
    "Wanda",
    "lottery",
    "prune",
]
