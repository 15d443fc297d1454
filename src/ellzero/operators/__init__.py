"""Design and measurement matrices behind one interface."""

from .adapters import as_operator
from .base import Operator, check_adjoint
from .dense import Dense
from .gram import GramRows
from .sparse import Sparse
from .standardised import Standardised

__all__ = ["Dense", "GramRows", "Operator", "Sparse", "Standardised", "as_operator", "check_adjoint"]
