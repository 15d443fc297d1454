"""Networks and what is done to them; torch is not needed to say that something is wrong."""

from ..errors import ArgumentError
from .numbers import is_integer


def wide_depth(value) -> int:
    """Blocks in each of the three stages of a wide residual network of this depth."""
    if not is_integer(value) or value < 10 or value % 6 != 4:
        raise ArgumentError(
            f"`depth` must be 6 n + 4 with n >= 1 blocks in a stage (10, 16, 22, 28, ...), got {value!r}."
        )
    return int(value) // 6
