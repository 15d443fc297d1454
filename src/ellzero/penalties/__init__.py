r"""Penalties: separable functions that make coefficients small, zero or bounded.

All penalties here are sums over coordinates of

.. math:: \phi(t) = \lambda_0 1[t \ne 0] + h(t), \qquad h(t) = \lambda_1 |t| + \lambda_2 t^2 + \iota_{[l, u]}(t),
   \qquad l \le 0 \le u,

so one class holds the formulas, its children name the special cases, and sums stay inside the family:
``L0(0.1) + L2(0.01)``. Strengths and limits may be scalars or one number a coordinate. Folded penalties (`Lp`, `MCP`,
`SCAD`, `LogSum`) add one concave part to that family; group penalties (`GroupL0`, `GroupL2`) are sums over groups.
"""

from .base import Penalty
from .folded import MCP, SCAD, Folded, LogSum, Lp
from .grouped import Grouped, GroupL0, GroupL2
from .separable import L0, L1, L2, Box, ElasticNet, Separable

PENALTIES = (L0, L1, L2, ElasticNet, Box, Lp, MCP, SCAD, LogSum, GroupL0, GroupL2)

__all__ = [
    "L0",
    "L1",
    "L2",
    "MCP",
    "PENALTIES",
    "SCAD",
    "Box",
    "ElasticNet",
    "Folded",
    "GroupL0",
    "GroupL2",
    "Grouped",
    "LogSum",
    "Lp",
    "Penalty",
    "Separable",
]
