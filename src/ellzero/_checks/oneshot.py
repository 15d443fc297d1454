"""Pruning of networks in one shot: what may be kept, what the batches are, what the model must look like."""

import re
from collections.abc import Sequence

from ..errors import ArgumentError, DataError, UnsupportedError
from .numbers import is_real
from .words import listed


def pattern_or_share(value) -> float | tuple[int, int]:
    """The share that is kept, or (n, m) from a text such as "2:4"."""
    match = re.fullmatch(r"(\d+):(\d+)", value) if isinstance(value, str) else None
    if match and 1 <= int(match[1]) < int(match[2]):
        return int(match[1]), int(match[2])
    if not is_real(value) or not 0 < value <= 1:
        raise ArgumentError(
            f'`kept` must be a share in (0, 1], or a pattern n:m with 1 <= n < m such as "2:4", got {value!r}.'
        )
    return float(value)


def pattern_fits(name: str, width: int, n: int, m: int) -> None:
    if width % m:
        raise ArgumentError(
            f'`kept` "{n}:{m}" needs layers whose inputs come in runs of {m}; {name} has {width} inputs. '
            "Hint: leave the layer out by `exclude`, or keep a share."
        )


def damping(value) -> float | None:
    if value is None:
        return None
    if not is_real(value) or not 0 <= value < float("inf"):
        raise ArgumentError(f"`damping` must be None (estimated) or a finite number >= 0, got {value!r}.")
    return float(value)


def no_tokens(number: int, what: str) -> DataError:
    return DataError(
        "a batch must be an integer tensor of tokens, shape (sequences, length), or a mapping with one as "
        f'"input_ids"; batch {number} is {what}.'
    )


def no_calibration() -> DataError:
    return DataError(
        "`batches` is empty: pruning needs token sequences to see what the layers are fed. "
        "Hint: an iterator that was read to its end gives nothing more."
    )


def no_blocks(model: str) -> UnsupportedError:
    return UnsupportedError(
        f"no stack of decoder blocks in {model}: a ModuleList whose members are all of one class is needed. "
        "Hint: prune_layer prunes a single weight."
    )


def blocks_not_called(model: str, stack: str) -> UnsupportedError:
    return UnsupportedError(
        f"the forward of {model} did not call the blocks of {stack!r} one after the other, each with the hidden states "
        "as its first argument."
    )


def no_layers(include: Sequence[str], exclude: Sequence[str], names: Sequence[str]) -> ArgumentError:
    return ArgumentError(
        f"no linear layer is chosen by include={list(include)}, exclude={list(exclude)}. "
        f"The blocks have {listed(names)}."
    )


def layer_unused(name: str) -> DataError:
    return DataError(
        f"{name} was fed nothing by the batches, so nothing is known of its inputs. Hint: more batches, or leave it "
        "out by `exclude`."
    )


def shared_weight(first: str, second: str) -> UnsupportedError:
    return UnsupportedError(
        f"{first} and {second} share one weight, and each would prune it for its own inputs. Hint: leave both out by "
        "`exclude`."
    )


def not_finite_matrix() -> DataError:
    return DataError("`gram` holds values that are not finite.")


def not_finite_gram(name: str) -> DataError:
    return DataError(
        f"the inputs of {name} are not finite, or their squares overflow. This block and those after it are as they "
        "were. Hint: look at the batches, or hold the model in float32."
    )


def not_finite_weight(name: str) -> DataError:
    return DataError(f"the weight of {name} holds values that are not finite.")


def gram_shape(got: Sequence[int], width: int) -> DataError:
    return DataError(
        f"`gram` must be of shape ({width}, {width}), X'X of the layer's {width} inputs, got shape {tuple(got)}."
    )


def weight_shape(got: Sequence[int]) -> DataError:
    return DataError(f"`weight` must have two axes, (outputs, inputs), got shape {tuple(got)}.")
