"""Norms, scalar fields, level sets, balls, contact points, paths and descent, as arrays; `ellzero.plot` draws them."""

from .balls import ball, ball_content
from .contact import Contact, contact
from .cuts import principal_plane, random_plane
from .dense import DenseLoss, dense_family, density_margin
from .envelope import Envelope, convex_envelope
from .fields import Field, as_field, loss_field, quadratic, quartic
from .frequency import (
    Zeros,
    count_zeros,
    random_losses,
    sparsity_table,
)
from .levels import level_set
from .norms import norm, power_sum
from .planes import PlanePath, solution_path
from .sets import LevelSet
from .shrinkage import Shrinkage, shrinkage
from .thresholds import Threshold, threshold

__all__ = [
    "Contact",
    "DenseLoss",
    "Envelope",
    "Field",
    "LevelSet",
    "PlanePath",
    "Shrinkage",
    "Threshold",
    "Zeros",
    "as_field",
    "ball",
    "ball_content",
    "contact",
    "convex_envelope",
    "count_zeros",
    "dense_family",
    "density_margin",
    "level_set",
    "loss_field",
    "norm",
    "power_sum",
    "principal_plane",
    "quadratic",
    "quartic",
    "random_losses",
    "random_plane",
    "shrinkage",
    "solution_path",
    "sparsity_table",
    "threshold",
]
