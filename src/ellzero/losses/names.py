"""The losses by name."""

from .. import _checks as checks
from .base import Loss
from .classes import Logistic, Multinomial, SquaredHinge
from .positive import Gamma, Poisson
from .residuals import Huber, SquaredError
from .survival import Cox

LOSSES = (SquaredError, Logistic, Poisson, Gamma, Huber, SquaredHinge)  # those that are sums over rows
SEVERAL = (Multinomial,)  # of a target with several columns


def as_loss(loss: str | Loss) -> Loss:
    """Loss object of a name."""
    if isinstance(loss, Loss):
        return loss
    known = {cls.name: cls for cls in (*LOSSES, *SEVERAL, Cox)}
    return known[checks.one_of("loss", loss, list(known))]()
