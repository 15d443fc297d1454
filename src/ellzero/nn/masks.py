"""Masks: which single weights of a network are there, and hooks that keep the others at zero."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from .. import _checks as checks
from .._files import write_whole

FORMAT = "ellzero masks 1"


class Masks(Mapping[str, Tensor]):
    r"""Masks of single weights by the parameter's name: True where a weight is there, False where it is zero.

    A frozen mapping. Parameters without a mask are not pruned, and not counted here.

    Parameters
    ----------
    masks : mapping of str to Tensor
        Tensors of 0 and 1 (or booleans), of the shapes of the parameters.

    Raises
    ------
    ArgumentError
        Something else than 0 and 1, or no mapping.

    Examples
    --------
    >>> layer = torch.nn.Linear(3, 2)
    >>> masks = Masks({"weight": torch.tensor([[1, 0, 0], [1, 1, 0]])})
    >>> masks.kept, masks.size, masks.share
    (3, 6, 0.5)
    >>> masks.apply(layer)
    >>> int((layer.weight == 0).sum())
    3
    """

    __slots__ = ("_masks",)

    def __init__(self, masks: Mapping[str, Tensor]):
        if not isinstance(masks, Mapping) or not all(isinstance(mask, Tensor) for mask in masks.values()):
            raise checks.masks_mapping(masks)
        for name, mask in masks.items():
            if mask.dtype != torch.bool and not ((mask == 0) | (mask == 1)).all():
                raise checks.mask_values(name)
        self._masks = {name: mask.detach().to(torch.bool, copy=True) for name, mask in masks.items()}

    @classmethod
    def nonzero(cls, model: nn.Module, *patterns: str) -> Masks:
        """Masks of the weights that are not zero, as proximal steps leave them.

        Parameters
        ----------
        model : Module
        *patterns : str
            Globs over names of parameters; without any, all parameters of two or more axes.

        Examples
        --------
        >>> layer = torch.nn.Linear(2, 1)
        >>> _ = layer.weight.data.copy_(torch.tensor([[0.37, 0.0]]))
        >>> Masks.nonzero(layer)["weight"].tolist()
        [[True, False]]
        """
        return cls({name: p.detach() != 0 for name, p in chosen(model, patterns).items()})

    def __getitem__(self, name: str) -> Tensor:
        return self._masks[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._masks)

    def __len__(self) -> int:
        return len(self._masks)

    def __repr__(self) -> str:
        return f"<Masks: {self.kept} of {self.size} weights in {checks.plural(len(self), 'parameter')}>"

    def __eq__(self, other) -> bool:
        if not isinstance(other, Masks):
            return NotImplemented
        return self.keys() == other.keys() and all(torch.equal(self[name], other[name]) for name in self)

    __hash__ = None  # type: ignore[assignment] - tensors have no value to hash

    def __and__(self, other: Masks) -> Masks:
        """The weights that both keep."""
        self._compare(other)
        return Masks({name: mask & other[name] for name, mask in self.items()})

    @property
    def kept(self) -> int:
        """Number of weights that are there."""
        return sum(int(mask.sum()) for mask in self.values())

    @property
    def size(self) -> int:
        """Number of weights, zeros among them."""
        return sum(mask.numel() for mask in self.values())

    @property
    def share(self) -> float:
        """Share of the weights that are there."""
        return self.kept / self.size

    @property
    def counts(self) -> dict[str, tuple[int, int]]:
        """For each parameter the number of its weights that are there, and of all of them."""
        return {name: (int(mask.sum()), mask.numel()) for name, mask in self.items()}

    def table(self) -> str:
        """Counts by parameter as text.

        Examples
        --------
        >>> print(Masks({"fc.weight": torch.eye(4)}).table())
        parameter  kept  of  share
        fc.weight     4  16  25.0%
        all           4  16  25.0%
        """
        rows = [*((name, *counts) for name, counts in self.counts.items()), ("all", self.kept, self.size)]
        cells = [("parameter", "kept", "of", "share")]
        cells += [(name, str(kept), str(size), f"{kept / size:.1%}") for name, kept, size in rows]
        widths = [max(len(row[column]) for row in cells) for column in range(4)]
        return "\n".join(
            "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
            for row in cells
        )

    def agreement(self, other: Masks) -> float:
        r"""Jaccard index :math:`|A \cap B| / |A \cup B|` of the weights that two masks keep, in [0, 1].

        Two random masks that keep the share :math:`s` agree to about :math:`s / (2 - s)`. Masks that keep nothing
        agree.

        Parameters
        ----------
        other : Masks
            Of the same parameters.

        Raises
        ------
        ArgumentError
            The masks are of other parameters, or of other shapes.

        Examples
        --------
        >>> Masks({"w": torch.tensor([1, 1, 0])}).agreement(Masks({"w": torch.tensor([1, 0, 1])}))
        0.3333333333333333
        """
        self._compare(other)
        both = sum(int((mask & other[name]).sum()) for name, mask in self.items())
        either = sum(int((mask | other[name]).sum()) for name, mask in self.items())
        return both / either if either else 1.0

    def apply(self, model: nn.Module) -> None:
        """Set the weights that are out to zero, in place.

        Parameters
        ----------
        model : Module

        Raises
        ------
        ArgumentError
            The model has no parameter of a name, or of another shape.
        """
        for parameter, mask in self.on(model):
            parameter.data.masked_fill_(~mask, 0.0)

    def on(self, model: nn.Module) -> list[tuple[nn.Parameter, Tensor]]:
        """Parameters of a model with their masks, on the parameters' device."""
        known = dict(model.named_parameters(remove_duplicate=False))
        if unknown := [name for name in self if name not in known]:
            raise checks.mask_unknown(unknown, known)
        for name, mask in self.items():
            if mask.shape != known[name].shape:
                raise checks.mask_shape(name, mask.shape, known[name].shape)
        return [(known[name], mask.to(known[name].device)) for name, mask in self.items()]

    def hold(self, model: nn.Module, *optimizers: Optimizer) -> Held:
        """Keep what is out at zero while the model is trained, under any optimiser.

        Gradients of weights that are out become zero as they are accumulated, so that neither clipping nor the moments
        of an optimiser see them; before each forward pass of the model, and after each step of `optimizers`, the
        weights become zero again, so that momentum from before, weight decay or noise cannot revive one.

        Parameters
        ----------
        model : Module
            Its weights that are out are set to zero at once.
        *optimizers : Optimizer
            Their steps are followed by zeros at once; without them between a step and the next forward pass what an old
            momentum moved is there. `Held.step` does the same by hand.

        Returns
        -------
        Held
            To be released, or used in a ``with`` statement.

        Examples
        --------
        >>> layer = torch.nn.Linear(2, 1)
        >>> optimizer = torch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9)
        >>> with Masks({"weight": torch.tensor([[1, 0]])}).hold(layer, optimizer):
        ...     layer(torch.ones(1, 2)).sum().backward()
        ...     optimizer.step()
        >>> float(layer.weight[0, 1].detach())
        0.0
        """
        return Held(self, model, optimizers)

    def save(self, path) -> None:
        """Write the masks as safetensors.

        Parameters
        ----------
        path : str or path

        Raises
        ------
        OutputError
            The folder does not exist.
        """
        path = checks.file_name("path", path)
        if not path.resolve().parent.is_dir():
            raise checks.no_masks_folder(path)
        tensors = {name: mask.cpu().contiguous() for name, mask in self.items()}
        write_whole(path, lambda draft: save_file(tensors, draft, metadata={"format": FORMAT}))

    @classmethod
    def load(cls, path) -> Masks:
        """Read what `save` wrote.

        Parameters
        ----------
        path : str or path

        Raises
        ------
        ArgumentError
            The file is not there, is damaged, or holds something else.

        Examples
        --------
        >>> import tempfile, pathlib
        >>> masks = Masks({"w": torch.tensor([1, 0])})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     masks.save(pathlib.Path(folder) / "masks.safetensors")
        ...     Masks.load(pathlib.Path(folder) / "masks.safetensors") == masks
        True
        """
        path = checks.file_name("path", path)
        try:
            tensors, metadata = read_tensors(path)
        except (OSError, SafetensorError) as error:
            raise checks.no_masks(path, type(error).__name__) from None
        if metadata.get("format") != FORMAT:
            raise checks.no_masks(path, f"format {metadata.get('format')!r}")
        return cls(tensors)

    def _compare(self, other: Masks) -> None:
        if self.keys() != other.keys():
            raise checks.other_masks(self, other)
        for name, mask in self.items():
            if mask.shape != other[name].shape:
                raise checks.mask_shape(name, other[name].shape, mask.shape)


class Held:
    """A model whose masked weights stay at zero until `release`; a context manager.

    Parameters
    ----------
    masks : Masks
    model : Module
    optimizers : tuple of Optimizer
    """

    def __init__(self, masks: Masks, model: nn.Module, optimizers: tuple[Optimizer, ...] = ()):
        self.masks = masks
        self._pairs = pairs = [(parameter, ~mask) for parameter, mask in masks.on(model)]
        self._handles = [model.register_forward_pre_hook(lambda *_: zero(pairs))]
        self._handles += [optimizer.register_step_post_hook(lambda *_: zero(pairs)) for optimizer in optimizers]
        self._handles += [p.register_post_accumulate_grad_hook(_blind(out)) for p, out in pairs if p.requires_grad]
        zero(pairs)

    def step(self) -> None:
        """Set the masked weights to zero now; after the step of an optimiser that was not named."""
        zero(self._pairs)

    def release(self) -> None:
        """Set the masked weights to zero a last time and let go of the model."""
        zero(self._pairs)
        for handle in self._handles:
            handle.remove()

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *error) -> None:
        self.release()


def zero(pairs: list[tuple[nn.Parameter, Tensor]]) -> None:
    """Set weights to zero where they are out; through `data`, so that a second forward pass spoils no graph."""
    for parameter, out in pairs:
        parameter.data.masked_fill_(out, 0.0)


def chosen(model: nn.Module, patterns: tuple[str, ...], name: str = "patterns") -> dict[str, nn.Parameter]:
    """Parameters whose names match a glob, in the model's order; without globs those of two or more axes."""
    known = dict(model.named_parameters())
    for glob in checks.patterns(name, patterns):
        if not any(fnmatchcase(key, glob) for key in known):
            raise checks.no_match(name, glob, known)
    if not patterns:
        return {key: p for key, p in known.items() if p.ndim >= 2}
    return {key: p for key, p in known.items() if any(fnmatchcase(key, glob) for glob in patterns)}


@contextmanager
def swapped(model: nn.Module, tensors: Mapping[str, Tensor]):
    """The model with other values in the parameters named, which come back afterwards."""
    known = dict(model.named_parameters())
    before = {name: known[name].data for name in tensors}
    try:
        for name, tensor in tensors.items():
            known[name].data = tensor
        yield
    finally:
        for name, tensor in before.items():
            known[name].data = tensor


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors of a safetensors file and the words beside them."""
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118 - no mapping


def _blind(out: Tensor):
    def hook(parameter: Tensor) -> None:
        if parameter.grad is not None:
            parameter.grad.masked_fill_(out, 0.0)

    return hook
