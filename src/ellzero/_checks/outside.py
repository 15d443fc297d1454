"""Networks on their way out: reports, files, programs, training to a size and callbacks. Nothing here imports torch."""

from collections.abc import Sequence

from ..errors import ArgumentError, DataError, MissingExtraError, OutputError, UnsupportedError
from .numbers import is_real
from .words import listed


def loss_needs_gates() -> ArgumentError:
    return ArgumentError("`loss` is for the gap between drawn and decided gates; give `gates`, or use `metric`.")


def first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


# -- files -------------------------------------------------------------------------------------------------------------
def not_written(place, reason: str) -> OutputError:
    return OutputError(f"cannot write {place}: {reason}.")


def no_saved_network(folder, name: str) -> DataError:
    return DataError(f"{folder} holds no network of ellzero.nn.save: there is no {name}.")


def no_weights(path, reason: str) -> DataError:
    return DataError(f"{path} is no safetensors file that can be read: {reason}.")


def other_weights(path, name: str, stored, own) -> DataError:
    if stored is None:
        return DataError(f"{path} has no tensor {name}, which the network needs. Nothing was changed.")
    if own is None:
        return DataError(f"{path} has a tensor {name} that the network does not have. Nothing was changed.")
    return DataError(f"{path} has {name} of shape {stored}; the network's has {own}. Nothing was changed.")


def plan_and_weights_differ(folder) -> DataError:
    return DataError(f"plan and weights in {folder} are not of the same network. Hint: save it again.")


def plan_of_another(plan: str, model: str) -> ArgumentError:
    return ArgumentError(
        f"the plan is for a {plan}, got a {model}. Hint: a graph module has no class to go back to; export_program "
        "writes it."
    )


def no_program(model: str, error: Exception, any_batch: bool) -> UnsupportedError:
    hint = " Hint: any_batch=False fixes the batch to the example's." if any_batch else ""
    return UnsupportedError(f"{model} cannot be exported by torch.export: {first_line(error)}.{hint}")


def no_such_form(model: str, form: str, error: Exception) -> UnsupportedError:
    return UnsupportedError(f"{model} cannot be written as {form}: {first_line(error)}.")


def program_differs(model: str, off: float) -> UnsupportedError:
    return UnsupportedError(
        f"the exported program of {model} differs from it by {off:.1e} of the largest output. Nothing was written."
    )


def semi_structured_needs_gpu(device: str) -> UnsupportedError:
    return UnsupportedError(
        f"semi-structured weights are multiplied by sparse tensor cores, and the network is on {device}. "
        'Hint: small.to("cuda", torch.bfloat16) first.'
    )


def not_two_of_four(model: str, count: int) -> UnsupportedError:
    return UnsupportedError(
        f"none of the {count} linear layers of {model} has at most 2 nonzeros in every 4 neighbours of a row. "
        "Hint: attach(..., n_of_m(2, 4), gate=TopK(score=magnitude))."
    )


def semi_structured_refused(reason: str) -> UnsupportedError:
    return UnsupportedError(f"torch takes none of the 2:4 sparse layers in that form: {reason}")


def no_pretrained(model: str) -> ArgumentError:
    return ArgumentError(f"{model} is no Hugging Face model. Hint: ellzero.nn.save writes any network.")


def widths_differ(model: str, shapes: Sequence[str]) -> UnsupportedError:
    return UnsupportedError(
        f"the configuration of {model} makes a network of other widths, so from_pretrained could not read it: "
        f"{listed(shapes)}. Hint: ellzero.nn.save writes any widths; the same share in every layer fits it."
    )


# -- training to a size ------------------------------------------------------------------------------------------------
def batches(loader) -> None:
    """Can be gone through again and again."""
    try:
        once = iter(loader)
    except TypeError:
        raise ArgumentError(
            f"`loader` must give batches of (inputs, target) when iterated, got {type(loader).__name__}."
        ) from None
    if once is loader:
        raise ArgumentError(
            f"`loader` can be gone through only once ({type(loader).__name__}); every epoch goes through it anew. "
            "Hint: list(loader), or a torch DataLoader."
        )


def empty_loader() -> DataError:
    return DataError("`loader` gives no batch at all.")


def batch(value) -> None:
    if not isinstance(value, tuple | list) or len(value) != 2:
        size = f" of {len(value)}" if isinstance(value, tuple | list) else ""
        raise DataError(
            f"every batch of `loader` must be a pair (inputs, target), got a {type(value).__name__}{size}. "
            "Hint: several inputs go into a tuple or a dict as the first of the two."
        )


def not_a_loss(shape, kind: str) -> ArgumentError:
    got = kind if shape is None else f"a tensor of shape {tuple(shape)}"
    return ArgumentError(f"`loss` must return a tensor with one number for a batch, got {got}.")


def share_below_one(name: str, value) -> float:
    if not is_real(value) or not 0 <= value < 1:
        raise ArgumentError(f"`{name}` must be a share in [0, 1), got {value!r}.")
    return float(value)


def training_diverged(phase: str, step: int, value: float) -> DataError:
    return DataError(
        f"the loss became {value} in step {step} of {phase}. Hint: a smaller learning rate of the weights, or inputs "
        "on a common scale."
    )


def counts_of_its_own(law: str) -> ArgumentError:
    return ArgumentError(
        f"sparsify finds out which gates to close, and {law} gates keep a number of their own. "
        "Hint: gate=HardConcrete() is trained to the size, gate=TopK(score=magnitude) cuts by a score of the weights."
    )


def no_score_of_layers(names: Sequence[str]) -> ArgumentError:
    return ArgumentError(
        f"a score of weights says nothing of whole layers ({listed(names)}). Hint: leave layers() out, or use "
        "gate=HardConcrete()."
    )


# -- callbacks ---------------------------------------------------------------------------------------------------------
def scaled_gradients(trainer: str) -> UnsupportedError:
    return UnsupportedError(
        f"{trainer} trains with fp16 and a gradient scaler that gates are not part of, so their gradients would be "
        "scaled. Hint: bf16=True needs no scaler."
    )


def several_processes(count: int) -> UnsupportedError:
    return UnsupportedError(
        f"the callback trains gates in one process, got {count}: every process would close gates of its own."
    )


def missing_package(what: str, package: str) -> MissingExtraError:
    return MissingExtraError(f"{what} needs {package}. Install it with: pip install {package}")


def target_wanted(value) -> None:
    if not callable(getattr(value, "step", None)) or getattr(value, "gates", None) is None:
        raise ArgumentError(f"`goal` must be a Target, got {type(value).__name__}.")


def no_gates_saved(path) -> DataError:
    return DataError(f"{path} holds no state of gates. Hint: the callback writes one with every checkpoint.")
