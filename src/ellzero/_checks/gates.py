"""Laws of gates: what their numbers and logits may be. Nothing here imports torch: values say what they are."""

import math

from ..errors import ArgumentError, DataError
from .numbers import is_integer, is_real
from .words import plural


def float_tensor(name: str, dtype, floating: bool) -> None:
    if not floating:
        raise DataError(f"`{name}` must be a tensor of floating-point numbers, got {dtype}.")


def temperature(name: str, value) -> float:
    if not is_real(value) or not 0 < value <= 1:
        raise ArgumentError(f"`{name}` must be a number in (0, 1], got {value!r}. Hint: the smaller, the harder.")
    return float(value)


def stretch(gamma, zeta) -> tuple[float, float]:
    if not (is_real(gamma) and is_real(zeta) and -math.inf < gamma < 0 and 1 < zeta < math.inf):
        raise ArgumentError(
            f"`gamma` must be below 0 and `zeta` above 1, got {gamma!r} and {zeta!r}. "
            "What lies beyond 0 and 1 is what makes gates exactly closed and open."
        )
    return float(gamma), float(zeta)


def logit_limits(value) -> tuple[float, float]:
    pair = tuple(value) if isinstance(value, tuple | list) else ()
    if len(pair) != 2 or not all(map(is_real, pair)) or not pair[0] < pair[1]:
        raise ArgumentError(f"`limits` must be a pair of numbers, the lower one first, got {value!r}.")
    return float(pair[0]), float(pair[1])


def chance_at_start(name: str, value, low: float, high: float) -> float:
    if not is_real(value) or not (0 < value < 1 and low <= value <= high):
        within = f"[{math.ceil(low * 1e4) / 1e4:g}, {math.floor(high * 1e4) / 1e4:g}]"  # what is shown is allowed
        raise ArgumentError(
            f"`{name}` must be a probability above 0 and below 1, in {within} by `limits`, got {value!r}."
        )
    return float(value)


def start_logit(name: str, value) -> float:
    if not is_real(value) or not math.isfinite(value):
        raise ArgumentError(f"`{name}` must be a finite number, got {value!r}.")
    return float(value)


def progress(value) -> float:
    if not is_real(value) or not 0 <= value <= 1:
        raise ArgumentError(f"`progress` must be a share of the training in [0, 1], got {value!r}.")
    return float(value)


def ramp(value) -> tuple[float, float]:
    pair = tuple(value) if isinstance(value, tuple | list) else ()
    if len(pair) != 2 or not all(map(is_real, pair)) or not 0 <= pair[0] < pair[1] <= 1:
        raise ArgumentError(
            f"`ramp` must be two shares of the training, 0 <= first < last <= 1, got {value!r}. "
            "Hint: (0.1, 0.8) leaves the last fifth for training at the final size."
        )
    return float(pair[0]), float(pair[1])


def kept(name: str, value) -> int | float:
    """A count >= 1, or a share in (0, 1]."""
    if is_integer(value) and value >= 1:
        return int(value)
    if is_real(value) and not is_integer(value) and 0 < value <= 1:
        return float(value)
    raise ArgumentError(f"`{name}` must be a share in (0, 1] or a count >= 1, got {value!r}.")


def kept_of(name: str, count: int, size: int) -> int:
    if count > size:
        raise ArgumentError(f"`{name}` must be at most the number of gates, got {count} of {plural(size, 'gate')}.")
    return count


def n_of_m(value) -> tuple[int, int]:
    pair = tuple(value) if isinstance(value, tuple | list) else ()
    if len(pair) != 2 or not all(map(is_integer, pair)) or not 1 <= pair[0] <= pair[1]:
        raise ArgumentError(f"`pattern` must be (n, m), n kept of every m, with 1 <= n <= m, got {value!r}.")
    return int(pair[0]), int(pair[1])


def whole_blocks(n: int, m: int, shape: tuple[int, ...]) -> None:
    last = shape[-1] if shape else 0
    if not shape or last % m:
        raise ArgumentError(
            f"the pattern {n}:{m} needs a last axis that is a multiple of {m}, got shape {shape}"
            + (f", which leaves {last % m} over. " if shape else ". ")
            + "Hint: leave this tensor out, or move an axis that fits to the end."
        )


def pattern_alone(name: str, value, n: int, m: int) -> ArgumentError:
    return ArgumentError(f"`pattern` ({n}, {m}) settles what is kept, got `{name}` {value!r} beside it. Give one.")


def no_score(value) -> ArgumentError:
    return ArgumentError(f"`score` must be a function of a weight, such as ellzero.nn.magnitude, got {value!r}.")


def no_own_logits() -> ArgumentError:
    return ArgumentError("TopK with a `score` has no logits of its own: hand it score(weight) where others get logits.")


def no_such_axis(axis, n_axes: int) -> ArgumentError:
    return ArgumentError(f"`axis` must be None or an integer in [{-n_axes}, {n_axes - 1}], got {axis!r}.")


def no_ramp(value) -> ArgumentError:
    return ArgumentError(f"`ramp` has no meaning without `begin`, what is kept at the start, got {value!r}.")


def same_device(generator, logits) -> None:
    """By kind of device; which of several of a kind is torch's own message."""
    if generator.type != logits.type:
        raise ArgumentError(
            f"`generator` must be on the device of the logits, {logits}, got one on {generator}. "
            f"Hint: torch.Generator({str(logits)!r})."
        )
