"""Messages of `ellzero.nn`; what comes in here are names and numbers, never tensors."""

from collections.abc import Sequence

from ..errors import ArgumentError, UnsupportedError
from .words import listed


def not_exportable(model: str, error: Exception) -> UnsupportedError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return UnsupportedError(
        f"{model} cannot be exported by torch.export, so nothing is known of its couplings: {type(error).__name__}: "
        f"{lines[0] if lines else 'no message'} Hint: a forward may not branch on data; "
        "torch.export.export(model, inputs, strict=False) shows the place in full."
    )


def network(model) -> None:
    kind = type(model)
    if not any(base.__module__ == "torch.nn.modules.module" and base.__name__ == "Module" for base in kind.__mro__):
        raise ArgumentError(f"`model` must be a torch.nn.Module, got {kind.__name__}.")
    if next(iter(model.parameters()), None) is None:
        raise ArgumentError(f"`model` must have parameters; {kind.__name__} has none.")


def selector(value) -> None:
    if not callable(getattr(value, "pick", None)):
        raise ArgumentError(
            f"`selector` must be made of channels(), neurons(), heads(), hidden(), layers(), weights() and n_of_m(), "
            f"got {value!r}."
        )


def pattern(word: str, value) -> None:
    if not isinstance(value, str) or not value:
        raise ArgumentError(f"{word}() takes glob patterns such as 'layer1.*', got {value!r}.")


def divisible(name: str, width: int, pattern: tuple[int, int]) -> None:
    if width % pattern[1]:
        raise ArgumentError(
            f"{pattern[0]} of {pattern[1]} needs rows whose length {pattern[1]} divides; those of {name} have {width}. "
            f"Hint: n_of_m({pattern[0]}, {pattern[1]}) - weights({name!r}) leaves it out."
        )


def pattern_needs_top_k(pattern: tuple[int, int], law: str) -> ArgumentError:
    return ArgumentError(
        f"n_of_m({pattern[0]}, {pattern[1]}) needs gates that keep an exact number; {law} gates do not. "
        "Hint: gate=TopK(score=magnitude)."
    )


def nothing_selected(selector: str, word: str, candidates: Sequence[str], frozen: Sequence[str] = ()) -> ArgumentError:
    if candidates:
        return ArgumentError(f"{selector} matches nothing. There is: {listed(candidates)}.")
    why = f" Kept because: {listed(frozen)}." if frozen else ""
    return ArgumentError(f"{selector} matches nothing: the network has no {word} that may be cut.{why}")


def nothing_to_cut(model: str, explained: str) -> ArgumentError:
    return ArgumentError(f"{model} has no channels, neurons or heads that may be cut:\n{explained}")
