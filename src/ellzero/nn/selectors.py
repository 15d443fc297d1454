"""Selectors: which of a network's units, layers and weights get gates."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import ClassVar

from torch import nn

from .. import _checks as checks
from .graph import Graph
from .groups import Group

Pattern = tuple[int, int]  # at most n of m consecutive weights


@dataclass(frozen=True, eq=False)
class Selection:
    """What selectors picked from one network: groups of units, paths of layers, names of weights with their pattern."""

    groups: dict[str, Group]
    layers: tuple[str, ...]
    weights: dict[str, Pattern | None]

    def __or__(self, other: "Selection") -> "Selection":
        layers = tuple(dict.fromkeys(self.layers + other.layers))
        return Selection(self.groups | other.groups, layers, self.weights | other.weights)

    def __sub__(self, other: "Selection") -> "Selection":
        return Selection(
            {name: group for name, group in self.groups.items() if name not in other.groups},
            tuple(path for path in self.layers if path not in other.layers),
            {name: pattern for name, pattern in self.weights.items() if name not in other.weights},
        )

    def __bool__(self):
        return bool(self.groups or self.layers or self.weights)


class Selector(ABC):
    """Picks gates' places from a network; selectors are joined with ``+`` and reduced with ``-``."""

    @abstractmethod
    def pick(self, model: nn.Module, graph: Graph) -> Selection:
        """What the selector picks; raises `ArgumentError` where that is nothing."""

    def __add__(self, other: "Selector") -> "Selector":
        return _Joined(self, other, Selection.__or__, "+")

    def __sub__(self, other: "Selector") -> "Selector":
        return _Joined(self, other, Selection.__sub__, "-")


@dataclass(frozen=True)
class _Joined(Selector):
    first: Selector
    second: Selector
    operation: Callable[[Selection, Selection], Selection]
    sign: str

    def pick(self, model, graph):
        found = self.operation(self.first.pick(model, graph), self.second.pick(model, graph))
        if not found:
            raise checks.nothing_left(str(self))
        return found

    def __str__(self):
        return f"{self.first} {self.sign} {self.second}"


@dataclass(frozen=True)
class _Patterned(Selector):
    """Picks by glob patterns over names, ``fnmatch`` style; without patterns everything of its kind."""

    word: ClassVar[str]
    patterns: tuple[str, ...] = ()

    def __post_init__(self):
        for pattern in self.patterns:
            checks.pattern(self.word, pattern)

    def matches(self, names: Iterable[str]) -> bool:
        return not self.patterns or any(fnmatchcase(name, p) for name in names for p in self.patterns)

    def found(self, picked, candidates: Iterable[str], graph: Graph):
        """What was picked, or an error that lists what could have been and what is frozen."""
        if not picked:
            candidates = tuple(candidates)
            frozen = tuple(f"{name}[{axis}]: {why[0]}" for (name, axis), why in graph.frozen.items() if why)
            raise checks.nothing_selected(str(self), self.word, candidates, () if candidates else frozen)
        return picked

    def __str__(self):
        return f"{self.word}({', '.join(map(repr, self.patterns))})"


@dataclass(frozen=True)
class _Units(_Patterned):
    kind: ClassVar[str]

    def pick(self, model, graph):
        mine = [group for group in graph.groups if group.kind == self.kind]
        picked = {group.name: group for group in mine if self.matches([group.name, *group.modules])}
        return Selection(self.found(picked, [group.name for group in mine], graph), (), {})


class _Channels(_Units):
    word, kind = "channels", "channel"


class _Neurons(_Units):
    word, kind = "neurons", "neuron"


class _Heads(_Units):
    word, kind = "heads", "head"


class _Hidden(_Units):
    word, kind = "hidden", "hidden"


class _Layers(_Patterned):
    word = "layers"

    def pick(self, model, graph):
        candidates = [path for path in graph.skippable if self.matches([path])]
        return Selection({}, tuple(self.found(candidates, graph.skippable, graph)), {})


@dataclass(frozen=True)
class _Weights(_Patterned):
    word = "weights"
    pattern: Pattern | None = None

    def pick(self, model, graph):
        names = [name for name, p in model.named_parameters() if p.ndim > 1 and p.is_floating_point()]
        if not self.patterns:
            names = [name for name in names if not isinstance(_owner(model, name), nn.Embedding)]
        picked = {name: self.pattern for name in names if self.matches([name, name.rpartition(".")[0]])}
        if self.pattern is not None:
            for name in picked:
                checks.divisible(name, model.get_parameter(name).shape[-1], self.pattern)
        return Selection({}, (), self.found(picked, names, graph))

    def __str__(self):
        shown = ", ".join(map(repr, [*(self.pattern or ()), *self.patterns]))
        return f"{'n_of_m' if self.pattern else 'weights'}({shown})"


def _owner(model: nn.Module, name: str) -> nn.Module:
    return model.get_submodule(name.rpartition(".")[0])


def channels(*patterns: str) -> Selector:
    """Channels of convolutions, with everything that must go with them.

    Parameters
    ----------
    *patterns : str
        Glob patterns over paths of the modules that write or read the channels; all where none is given.

    Returns
    -------
    Selector
        To be joined with ``+`` and reduced with ``-``.

    Examples
    --------
    >>> print(channels("layer1.*") - channels("*.conv2"))
    channels('layer1.*') - channels('*.conv2')
    """
    return _Channels(patterns)


def neurons(*patterns: str) -> Selector:
    """Outputs of linear layers; as `channels`."""
    return _Neurons(patterns)


def heads(*patterns: str) -> Selector:
    """Heads of attention; with grouped queries a head of keys and values goes with all its queries. As `channels`."""
    return _Heads(patterns)


def hidden(*patterns: str) -> Selector:
    """Coordinates of a stream that norms over the last axis act on, such as a transformer's; as `channels`."""
    return _Hidden(patterns)


def layers(*patterns: str) -> Selector:
    """Whole layers whose output has the shape of their input, so that they can be passed by.

    Parameters
    ----------
    *patterns : str
        Glob patterns over paths of modules; all members of module lists and sequences that contain further modules
        with parameters and keep their input's shape where none is given.

    Returns
    -------
    Selector
        To be joined with ``+`` and reduced with ``-``.
    """
    return _Layers(patterns)


def weights(*patterns: str) -> Selector:
    """Single weights: parameters of two or more axes.

    Parameters
    ----------
    *patterns : str
        Glob patterns over names of parameters or of their modules, ``"*.weight"``; all but those of embeddings where
        none is given.

    Returns
    -------
    Selector
        To be joined with ``+`` and reduced with ``-``.
    """
    return _Weights(patterns)


def n_of_m(n: int, m: int, *patterns: str) -> Selector:
    """Single weights, at most `n` nonzero of every `m` neighbours along the last axis, 2 of 4 for sparse tensor cores.

    Parameters
    ----------
    n, m : int
        1 <= n < m; m divides the last axis of every weight picked.
    *patterns : str
        As of `weights`.

    Returns
    -------
    Selector
        To be joined with ``+`` and reduced with ``-``; its gates must be `TopK`.

    Raises
    ------
    ArgumentError
        If n and m are not such numbers, or m does not divide the width of a weight.
    """
    return _Weights(patterns, pattern=checks.n_of_m((n, m)))
