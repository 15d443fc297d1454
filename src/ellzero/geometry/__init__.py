"""Norms, scalar fields, level sets, balls, contact points, paths and descent, as arrays; `ellzero.plot` draws them."""

from .balls import ball, ball_content
from .envelope import Envelope, convex_envelope
from .fields import Field, as_field, loss_field, quadratic, quartic
from .levels import level_set, principal_plane, random_plane
from .norms import norm, power_sum
from .sets import LevelSet
from .thresholds import Threshold, threshold

__all__ = [
    "Envelope",
    "Field",
    "LevelSet",
    "Threshold",
    "as_field",
    "ball",
    "ball_content",
    "convex_envelope",
    "level_set",
    "loss_field",
    "norm",
    "power_sum",
    "principal_plane",
    "quadratic",
    "quartic",
    "random_plane",
    "threshold",
]
