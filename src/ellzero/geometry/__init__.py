"""Norms, scalar fields, level sets, balls, contact points, paths and descent, as arrays; `ellzero.plot` draws them."""

from .balls import ball, ball_content
from .fields import Field, as_field, loss_field, quadratic, quartic
from .levels import level_set, principal_plane, random_plane
from .norms import norm, power_sum
from .sets import LevelSet

__all__ = [
    "Field",
    "LevelSet",
    "as_field",
    "ball",
    "ball_content",
    "level_set",
    "loss_field",
    "norm",
    "power_sum",
    "principal_plane",
    "quadratic",
    "quartic",
    "random_plane",
]
