"""Masks, scores, budgets and tickets of networks."""

from collections.abc import Iterable, Mapping, Sequence

from ..errors import ArgumentError, DataError, OutputError, UnsupportedError
from .numbers import is_integer, is_real
from .words import listed, plural


def masks_mapping(value) -> ArgumentError:
    return ArgumentError(f"masks must be a mapping from names of parameters to tensors of 0 and 1, got {value!r}.")


def mask_values(name: str) -> ArgumentError:
    return ArgumentError(f"the mask of {name} must hold 0 and 1 only.")


def mask_unknown(names: Iterable[str], known: Iterable[str]) -> ArgumentError:
    return ArgumentError(f"no parameter of the model is called {listed(names)}; it has {listed(known)}.")


def mask_shape(name: str, got: Sequence[int], wanted: Sequence[int]) -> ArgumentError:
    return ArgumentError(f"the mask of {name} has the shape {tuple(got)}, the parameter {tuple(wanted)}.")


def mask_missing(names: Iterable[str]) -> ArgumentError:
    return ArgumentError(f"`within` has no mask of {listed(names)}. Hint: name what it leaves out in `spare`.")


def other_masks(here: Iterable[str], there: Iterable[str]) -> ArgumentError:
    return ArgumentError(f"only masks of the same parameters can be compared, got {listed(here)} and {listed(there)}.")


def no_masks(path, reason: str) -> ArgumentError:
    return ArgumentError(f"{path} holds no masks ({reason}). Hint: `Masks.save` writes them.")


def no_masks_folder(path) -> OutputError:
    return OutputError(f"cannot write {path}: its folder does not exist. Hint: make it first.")


def patterns(name: str, value) -> tuple[str, ...]:
    """Globs over names of parameters; one may come alone."""
    globs = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Iterable) else (value,)
    if not all(isinstance(glob, str) for glob in globs):
        raise ArgumentError(f"`{name}` must hold patterns of names such as 'head.*', got {value!r}.")
    return globs


def no_match(name: str, glob: str, known: Iterable[str]) -> ArgumentError:
    return ArgumentError(f"`{name}`: {glob!r} matches no parameter of the model; it has {listed(known)}.")


def nothing_to_prune(spare: Sequence[str]) -> ArgumentError:
    beside = f" beside {listed(repr(glob) for glob in spare)}" if spare else ""
    return ArgumentError(
        f"the model has no parameter of two or more axes{beside}, so there is nothing to prune. "
        "Hint: kept={'name': share} names parameters of any shape."
    )


def weight_budget(value) -> float | int | tuple[int, int]:
    """A share in (0, 1], a count, or a pattern "n:m"."""
    if isinstance(value, str):
        n, colon, m = value.partition(":")
        if colon and n.isdecimal() and m.isdecimal() and 1 <= int(n) <= int(m):
            return int(n), int(m)
    elif is_integer(value) and value >= 0:
        return int(value)
    elif is_real(value) and not is_integer(value) and 0 < value <= 1:
        return float(value)
    raise ArgumentError(
        '`kept` must be a share in (0, 1], a count >= 0, a pattern such as "2:4", or a mapping of patterns of names '
        f"to these, got {value!r}."
    )


def kept_share(value) -> float:
    if not is_real(value) or is_integer(value) or not 0 < value <= 1:
        raise ArgumentError(f"`kept` must be a share in (0, 1] here, got {value!r}.")
    return float(value)


def too_many_kept(count: int, there: int, name: str) -> ArgumentError:
    return ArgumentError(f"`kept` asks for {plural(count, 'weight')} of {name}, which has {there} to choose from.")


def count_needs_scope(scope: str) -> ArgumentError:
    return ArgumentError(
        f"a count belongs to scope='global' or to one name, kept={{'name': count}}; with scope={scope!r} give a share."
    )


def not_divisible(name: str, width: int, m: int) -> ArgumentError:
    return ArgumentError(
        f"{name} has rows of {plural(width, 'weight')}, which is no multiple of {m}. Hint: name it in `spare`."
    )


def one_axis(name: str, scope: str) -> ArgumentError:
    return ArgumentError(f"{name} has a single axis and no rows, which {scope} needs. Hint: name it in `spare`.")


def score_missing(names: Iterable[str]) -> ArgumentError:
    return ArgumentError(f"the score says nothing of {listed(names)}. Hint: it must return a tensor for every name.")


def score_shape(name: str, got: Sequence[int], wanted: Sequence[int]) -> ArgumentError:
    return ArgumentError(f"the score of {name} has the shape {tuple(got)}, the parameter {tuple(wanted)}.")


def score_not_finite(name: str, count: int) -> DataError:
    return DataError(
        f"the score of {name} has {plural(count, 'value')} that {'is' if count == 1 else 'are'} NaN or infinite; "
        "nothing was pruned. Hint: look at the weights, the batches and the loss."
    )


def unknown_score(value, known: Iterable[str]) -> ArgumentError:
    return ArgumentError(f"`score` must be one of {', '.join(known)}, or a callable (model, names), got {value!r}.")


def no_batches(what: str) -> ArgumentError:
    return ArgumentError(f"{what} got no batches. Hint: a list of batches, or a DataLoader; not an exhausted iterator.")


def no_gradient(name: str, what: str) -> ArgumentError:
    return ArgumentError(
        f"the loss does not depend on {name}, so {what} has no score for it. Hint: name it in `spare`."
    )


def not_read(names: Iterable[str], what: str) -> UnsupportedError:
    return UnsupportedError(
        f"{what} saw no input of {listed(names)}: it knows the weights of Linear and Conv2d layers that run in the "
        "forward pass. Hint: name the others in `spare`."
    )


def odd_padding(name: str, what: str) -> UnsupportedError:
    return UnsupportedError(f"{what} knows convolutions padded with zeros by a number; {name} is another one.")


def schedule(begin, end, every) -> None:
    if not (is_integer(begin) and is_integer(end) and is_integer(every) and 0 <= begin < end and every >= 1):
        raise ArgumentError(
            f"`begin`, `end` and `every` must be integers with 0 <= begin < end and every >= 1, got {begin!r}, {end!r} "
            f"and {every!r}."
        )


def no_penalties(value) -> ArgumentError:
    return ArgumentError(
        f"`penalties` must map patterns of names to penalties such as {{'*.weight': L1(1e-4)}}, got {value!r}."
    )


def scalar_penalty(name: str) -> UnsupportedError:
    return UnsupportedError(
        f"the penalty of {name} must have single numbers as strengths and limits. "
        "Hint: several patterns give layers different ones."
    )


def no_tensor_prox(name: str, penalty) -> UnsupportedError:
    return UnsupportedError(
        f"the prox of {type(penalty).__name__} for {name} has no form for tensors. Hint: L0, L1, L2, ElasticNet, Box, "
        "their sums, and Slices for groups."
    )


def no_slices(name: str, dim: int, n_axes: int) -> ArgumentError:
    return ArgumentError(
        f"`dim` = {dim} of the slices of {name} does not exist: it has {n_axes} {'axis' if n_axes == 1 else 'axes'}."
    )


def slice_labels(name: str, got: int, wanted: int) -> ArgumentError:
    return ArgumentError(f"`groups` must hold one group for each of {wanted} slices of {name}, got {got}.")


def not_optimised(names: Iterable[str]) -> ArgumentError:
    return ArgumentError(
        f"the optimizer does not hold {listed(names)}, so its steps are unknown. Hint: another pattern."
    )


def no_metric(kind: str, known: Iterable[str]) -> UnsupportedError:
    return UnsupportedError(
        f"the metric of {kind} is not known; it is of {', '.join(known)}. Hint: metric='euclidean' takes the learning "
        "rate alone as the step, whose limit solves another problem under a preconditioner."
    )


def before_the_step(name: str) -> ArgumentError:
    return ArgumentError(f"the optimizer has no state of {name} yet. Hint: call step() after optimizer.step().")


def no_train_metric(value) -> ArgumentError:
    return ArgumentError(f"`train` must return the metric of the trained network, one number, got {value!r}.")


def needs_fresh() -> ArgumentError:
    return ArgumentError(
        "the control 'reinit' needs a network with other weights. Hint: fresh=lambda: Net(), or controls=('random',)."
    )


def fresh_differs(name: str) -> ArgumentError:
    return ArgumentError(f"`fresh` must build the same network again; {name} differs in name or shape.")


def fresh_is_the_same() -> ArgumentError:
    return ArgumentError(
        "`fresh` built a network with the very weights of `model`, which is no control. Hint: do not seed in it; "
        "torch's generators are seeded before it is called."
    )


def no_lottery_folder(path, reason: str) -> OutputError:
    return OutputError(f"cannot make the folder {path} ({reason}); nothing was trained.")


def other_lottery(path, differences: Sequence[str]) -> ArgumentError:
    return ArgumentError(
        f"`folder`: {path} belongs to another lottery, these differ: {listed(differences)}. It was left as it is. "
        "Hint: the same arguments go on with it, another folder begins anew."
    )


def damaged_lottery(path, reason: str) -> ArgumentError:
    return ArgumentError(
        f"`folder`: {path} is damaged, or no file of a lottery ({reason}); it was left as it is. "
        "Hint: remove it to repeat what it held."
    )


def not_masks(value) -> ArgumentError:
    return ArgumentError(f"`score` must return Masks of the pruned parameters, got {value!r}.")


def not_within(name: str) -> ArgumentError:
    return ArgumentError(f"the next masks open weights of {name} again that are out. Hint: `run.masks & masks`.")


def mapping(name: str, value) -> Mapping:
    if not isinstance(value, Mapping) or not value:
        raise ArgumentError(f"`{name}` must be a mapping of patterns of names, got {value!r}.")
    return value
