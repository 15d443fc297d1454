"""Neural networks pruned into really smaller ones, for any `torch.nn.Module`.

Needs the extra `nn` (PyTorch). Nothing of it is loaded before ``ellzero.nn`` is used.
"""

from .. import _checks as checks

try:
    import torch  # noqa: F401 - only whether it is there
except ModuleNotFoundError as error:
    raise checks.missing_extra("ellzero.nn", "PyTorch", "nn") from error

from .masks import Held, Masks
from .prune import Gradual, prune
from .scores import Grasp, Magnitude, Random, Snip, SynFlow, Wanda
from .admm import ADMM, Gap, PenaltyDecomposition
from .proximal import Proximal, Slices, SubgradientL1
from .tickets import Row, Run, Ticket, Tickets, lottery
