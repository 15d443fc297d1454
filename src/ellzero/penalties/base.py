"""What a penalty answers, and the lock on its attributes."""

from abc import ABC, abstractmethod
from typing import Any

import array_api_compat
import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


def numbers(v) -> tuple[Any, Any]:
    """The namespace of a prox's argument and the argument: tensors stay where they are, the rest becomes NumPy's."""
    if array_api_compat.is_torch_array(v):
        return array_api_compat.array_namespace(v), v
    return np, np.asarray(v, float)


class Penalty(ABC):
    """A function of the coefficients that is added to the loss. Penalties are immutable."""

    @abstractmethod
    def value(self, beta) -> float:
        """Penalty of a vector, ``inf`` outside its domain."""

    @abstractmethod
    def values(self, points) -> Vector:
        """Penalties of many vectors, shape (..., n_features) to (...): the penalty as a scalar field."""

    @abstractmethod
    def prox(self, v, step) -> Vector:
        r"""A minimiser of :math:`\tfrac12 (t - v)^2 + \text{step} \cdot \phi(t)`, elementwise; ties go to 0."""

    @abstractmethod
    def conjugate(self, v) -> Vector:
        r""":math:`\phi^*(v) = \sup_t vt - \phi(t)`, elementwise."""

    @abstractmethod
    def subdifferential(self, beta) -> tuple[Vector, Vector]:
        """Lower and upper end of the (limiting) subdifferential, elementwise."""

    def _hold(self, **fields) -> None:
        """Set fields past the lock on attributes; for `__init__` and for copies."""
        for name, field in fields.items():
            object.__setattr__(self, name, field)

    def __setattr__(self, name, value):
        raise AttributeError(f"penalties are immutable; build a new one instead of setting {name!r}.")

    def __setstate__(self, state):
        for part in state if isinstance(state, tuple) else (state,):
            self._hold(**(part or {}))
