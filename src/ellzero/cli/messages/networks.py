# ruff: noqa: D103 - the sentence of each function says what it is
"""Networks, their data and what may be cut of them."""

from collections.abc import Sequence

from ..exits import Exit, Stop
from .words import count, meant, quoted


def no_place(text: str, flag: str) -> Stop:
    return Stop(Exit.USAGE, f'{flag} "{text}" names no function: write MODULE:NAME or FILE.py:NAME.')


def no_module(name: str, flag: str) -> Stop:
    return Stop(Exit.DATA, f'no module "{name}" for {flag}. It is looked for in the working directory, too.')


def no_code_file(name: str, flag: str) -> Stop:
    return Stop(Exit.DATA, f'no file "{name}" for {flag}.')


def no_name_in_module(name: str, module: str, known: Sequence[str]) -> Stop:
    return Stop(Exit.DATA, f'"{module}" has no "{name}".{meant(name, known)}')


def not_callable(place: str, kind: str) -> Stop:
    return Stop(Exit.DATA, f'"{place}" is a {kind}, not a function or a class.')


def needs_arguments(place: str, names: Sequence[str]) -> Stop:
    return Stop(
        Exit.DATA,
        f'"{place}" needs {count(len(names), "argument")} without a default: {quoted(names)}. '
        "Name a function without arguments that calls it.",
    )


def user_code_failed(place: str, what: str, error: Exception) -> Stop:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return Stop(Exit.DATA, f'"{place}" {what}: {reason}. -vv shows where.')


def no_network(place: str, kind: str) -> Stop:
    return Stop(
        Exit.DATA,
        f'"{place}" returned a {kind}. It must return a torch.nn.Module, or one and an example of its inputs.',
    )


def no_data() -> Stop:
    return Stop(Exit.USAGE, "--data is needed to train: FILE.npz, FILE.safetensors or MODULE:NAME.")


def no_example() -> Stop:
    return Stop(
        Exit.USAGE,
        "an example of the inputs is needed: --example 2x1x28x28, or --data, or a factory that returns the network and "
        "an example.",
    )


def unknown_data(source: str) -> Stop:
    return Stop(Exit.USAGE, f'--data "{source}" is neither FILE.npz nor FILE.safetensors nor MODULE:NAME.')


def bad_arrays(path: str, error: Exception) -> Stop:
    return Stop(Exit.DATA, f'"{path}" cannot be read as arrays of numbers: {str(error).splitlines()[0]}')


def no_array(name: str, path: str, found: Sequence[str]) -> Stop:
    has = quoted(found) if found else "none"
    return Stop(Exit.DATA, f'"{path}" has no array "{name}": X are the inputs, y the targets. It has {has}.')


def other_length(one: str, n: int, other: str, m: int, path: str) -> Stop:
    return Stop(Exit.DATA, f'"{path}" has {count(n)} rows in {one} and {count(m)} in {other}.')


def not_finite(name: str, path: str) -> Stop:
    return Stop(Exit.DATA, f'{name} of "{path}" has values that are not finite.')


def nothing_held_out(share: float, n: int) -> Stop:
    return Stop(
        Exit.USAGE,
        f"--held-out {100 * share:g}% of {count(n, 'sample')} leaves nothing to {'judge' if share < 0.5 else 'train'} "
        "on.",
    )


def no_goal() -> Stop:
    return Stop(Exit.USAGE, "say how small: one of --flops 30%, --params 30%, --latency 50% and --keep head=50%.")


def several_goals(flags: Sequence[str]) -> Stop:
    return Stop(Exit.USAGE, f"{' and '.join(flags)} ask for different sizes. Give one of them.")


def outputs_do_not_fit(outputs: tuple[int, ...], targets: tuple[int, ...]) -> Stop:
    return Stop(
        Exit.DATA,
        f"the network's outputs have shape {outputs} and the targets {targets}. Cross-entropy takes a score for each "
        "class and whole-number targets, --loss mse as many numbers as the targets have, which are not whole.",
    )


def labels_do_not_fit(least: int, most: int, classes: int) -> Stop:
    return Stop(
        Exit.DATA,
        f"the targets go from {least} to {most}, and the network has {count(classes, 'score')}: classes are numbered "
        "from 0 on.",
    )


def too_small(flag: str, value: int, least: int) -> Stop:
    return Stop(Exit.USAGE, f"{flag} must be a whole number >= {least}, got {value}.")


def not_positive(flag: str, value: float) -> Stop:
    return Stop(Exit.USAGE, f"{flag} must be a number > 0, got {value:g}.")


def no_selector(word: str, known: Sequence[str]) -> Stop:
    return Stop(
        Exit.USAGE,
        f'--select knows no "{word}".{meant(word, known)} It takes {quoted(known, len(known))}, and patterns such as '
        "2:4.",
    )


def nothing_before_minus(item: str) -> Stop:
    return Stop(Exit.USAGE, f'--select begins with "{item}": name first what may be cut, then what of it stays.')


def no_such_device(name: str, reason: str) -> Stop:
    return Stop(Exit.USAGE, f'--device "{name}" cannot be used: {reason}')


def export_needs_folder() -> Stop:
    return Stop(Exit.USAGE, "--export writes into the folder of --output, which is not given.")


def folder_is_a_file(path: str) -> Stop:
    return Stop(Exit.OUTPUT, f'cannot write into "{path}": it is a file. Nothing was trained.')


def no_dense_weights(path: str, reason: str) -> Stop:
    return Stop(Exit.DATA, f'--weights "{path}" do not fit the network: {reason}')


def cut_early(status: str, flops: float) -> str:
    return f"the training ended early ({status}); the network has {100 * flops:.3g} % of the operations of before."
