"""Messages of `ellzero.nn`; what comes in here are names and numbers, never tensors."""

import re
from collections.abc import Sequence

from ..errors import ArgumentError, DataError, UnsupportedError
from .numbers import is_integer
from .words import listed


def not_exportable(model: str, error: Exception) -> UnsupportedError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    place = re.findall(r'File "(.+)", line (\d+), in (\w+)', str(error))
    where = " At {}, line {}, in {}.".format(*place[-1]) if place else ""
    return UnsupportedError(
        f"{model} cannot be exported by torch.export, so nothing is known of its couplings: {type(error).__name__}: "
        f"{lines[0] if lines else 'no message'}{where} Hint: a forward may not branch on data; "
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


def nothing_left(selector: str) -> ArgumentError:
    return ArgumentError(f"{selector} picks nothing: what the one side picks, the other takes away again.")


def nothing_to_cut(model: str, explained: str) -> ArgumentError:
    return ArgumentError(f"{model} has no channels, neurons or heads that may be cut:\n{explained}")


def gates_of_another(model: str) -> ArgumentError:
    return ArgumentError(f"these gates are attached to another network than this {model}. Hint: gates.model is theirs.")


def gated_already(model: str, path: str) -> ArgumentError:
    where = f"its module {path!r}" if path else "it"
    return ArgumentError(
        f"this {model} has gates already, on {where}, and a second set would gate what the first one does. "
        "Hint: join selectors with +, or call detach() on the gates that are there."
    )


def not_pickled_gated(model: str) -> UnsupportedError:
    return UnsupportedError(
        f"a {model} cannot be pickled while gates are attached. Hint: save model.state_dict() and gates.state_dict(), "
        "whose keys are those of the plain network, or call detach() first."
    )


def no_layers_in_graph() -> UnsupportedError:
    return UnsupportedError('form="graph" cannot drop whole layers. Hint: form="class" can.')


def no_smaller_instance(model: str, path: str, error: str, form: str) -> UnsupportedError:
    where = f"module {path!r}" if path else "its own forward"
    return UnsupportedError(
        f"the smaller {model} does not run: {where} ties sizes together, so that no smaller instance of the class "
        f"exists ({error.splitlines()[0]})." + _other_form(form)
    )


def not_the_same(model: str, off: float, form: str) -> UnsupportedError:
    return UnsupportedError(
        f"the smaller {model} differs from the gated one by {off:.1e} of the largest output, so it is not handed over: "
        "some module stores a size that depends on the cut." + _other_form(form)
    )


def _other_form(form: str) -> str:
    return ' Hint: compress(..., form="graph") cuts the exported program instead.' if form == "class" else ""


def other_network(plan: str, model: str, name: str, axis: int, length: int, found) -> ArgumentError:
    got = f"has shape {found}" if found is not None else "does not exist"
    return ArgumentError(
        f"the plan is for a dense {plan} in which axis {axis} of {name} has length {length}; in this {model} it {got}. "
        "Nothing was changed."
    )


def no_plan(path) -> DataError:
    return DataError(f"{path} is no plan of ellzero.")


def newer_plan(path, version, known: int) -> DataError:
    return DataError(f"{path} is a plan of version {version}; this ellzero reads version {known}. Update ellzero.")


def one_goal(**goals) -> None:
    given = [name for name, value in goals.items() if value is not None]
    if len(given) != 1:
        raise ArgumentError(
            f"Give exactly one of {', '.join(f'`{name}`' for name in goals)}, got "
            f"{' and '.join(f'`{name}`' for name in given) or 'none'}."
        )


def nothing_to_keep(pattern: str, kinds: Sequence[str], names: Sequence[str]) -> ArgumentError:
    return ArgumentError(
        f"`kept` names {pattern!r}, which is no kind and matches no name of these gates. "
        f"Kinds: {', '.join(kinds)}. Names: {listed(names)}."
    )


def out_of_reach(word: str, share: float, least: float, frozen: Sequence[str]) -> ArgumentError:
    why = f" What cannot be cut: {listed(frozen)}." if frozen else ""
    return ArgumentError(
        f"`{word}` must be at least {least:.3f} here, got {share}: so much is left with every gate closed.{why} "
        "Hint: gates.explain() lists what is frozen; more selectors in attach() reach further."
    )


def gradient_not_finite() -> DataError:
    return DataError(
        "a gradient of the gates is not finite. With a gradient scaler for half precision, call step(scaler=scaler); "
        "without one, look at the loss. Nothing was changed."
    )


def wide_depth(value) -> int:
    """Blocks in each of the three stages of a wide residual network of this depth."""
    if not is_integer(value) or value < 10 or value % 6 != 4:
        raise ArgumentError(
            f"`depth` must be 6 n + 4 with n >= 1 blocks in a stage (10, 16, 22, 28, ...), got {value!r}."
        )
    return int(value) // 6


def nothing_shrinks() -> ArgumentError:
    return ArgumentError(
        "these gates are on single weights, whose zeros take as long as other numbers: no latency to measure. "
        "Hint: channels(), neurons(), heads(), hidden() and layers() make a network faster."
    )


def no_slope_in_scores() -> ArgumentError:
    return ArgumentError(
        "gates that follow a score of the weights have no gradient of their own. "
        "Hint: attach(..., gate=TopK(kept=1.0))."
    )
