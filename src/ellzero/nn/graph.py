"""Which parameter axes of a network must be cut together, read off its `torch.export` graph.

The network is exported once on an example, and the graph is walked once with labels in place of numbers (`labels.py`,
`walk.py`, `rules.py`). What comes out is a list of groups (`groups.py`) and, for every axis that cannot be cut, why.
"""

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.fx import Node

from .. import _checks as checks
from .groups import Group, collect
from .labels import Value, support
from .rules import RULES, module_norm, operation, unknown
from .walk import Axis, Walk

NORM = re.compile(r"(Layer|RMS)Norm$")  # names of classes that normalise over their last axis
Inputs = tuple[tuple, dict]  # positional and named inputs of a forward


@dataclass(frozen=True, eq=False)
class Graph:
    """A network as the walk saw it.

    Parameters
    ----------
    program : torch.export.ExportedProgram
        The exported network.
    inputs : tuple
        Positional and named inputs of the example.
    walk : Walk
        Labels, roles and reasons.
    values : dict
        Labels of every tensor of the program, by node name.
    groups : list of Group
        What may be cut.
    frozen : dict
        Reasons why the rest of the axes may not, by parameter and axis.
    alias : dict
        For every parameter and buffer name the first name of the same tensor.
    skippable : tuple of str
        Layers that keep their input's shape, so that they could be passed by.
    """

    program: torch.export.ExportedProgram
    inputs: Inputs
    walk: Walk
    values: dict[str, Value | list[Value]]
    groups: list[Group]
    frozen: dict[Axis, tuple[str, ...]]
    alias: dict[str, str]
    skippable: tuple[str, ...]

    def explain(self) -> str:
        """What may be cut, in groups, and why the rest may not."""
        same: dict[str, list[str]] = {}
        for (name, axis), reasons in self.frozen.items():
            if "kernel position" not in reasons:
                same.setdefault("; ".join(reasons[:2]), []).append(f"{name}[{axis}]")
        lines = [str(group) for group in self.groups]
        return "\n".join(lines + [f"frozen {', '.join(names)}: {reason}" for reason, names in same.items()])


def as_inputs(example) -> Inputs:
    """Positional and named inputs from a tensor, a tuple or list of inputs, or a mapping of named ones."""
    if isinstance(example, Mapping):
        return (), dict(example)
    if isinstance(example, tuple | list):
        return tuple(example), {}
    return (example,), {}


def trace(model: nn.Module, example) -> Graph:
    """Export a network in evaluation mode, without changing it, and walk the graph once.

    Parameters
    ----------
    model : torch.nn.Module
        Any network whose forward does not branch on data.
    example : tensor, tuple, list or mapping
        Inputs of one forward; a batch of two or more is best.

    Returns
    -------
    Graph
        Groups of parameter axes that go together.

    Raises
    ------
    UnsupportedError
        If the network cannot be exported; the message holds the place.
    """
    args, kwargs = as_inputs(example)
    with evaluating(model), without_cache(model), warnings.catch_warnings():
        # recurrent layers lay their flat weights anew when they are traced
        warnings.filterwarnings("ignore", message=".*assigned during export", category=UserWarning)
        try:
            program = torch.export.export(model, args, kwargs, strict=False)
        except Exception as error:
            raise checks.not_exportable(type(model).__name__, error) from error
    tensors = dict(model.named_parameters(remove_duplicate=False)) | dict(model.named_buffers(remove_duplicate=False))
    first: dict[int, str] = {}
    alias = {name: first.setdefault(id(tensor), name) for name, tensor in tensors.items()}
    ranks = {name: tensor.ndim for name, tensor in tensors.items()}
    walk = Walk()
    values = _walked(walk, program, model, alias)
    for key in walk.axes:
        if "read" not in walk.roles.get(key, ()):
            walk.roles[key] = {"write"} if ranks[key[0]] > 1 else set()
    _forbid(walk, model, alias)
    walk.make_rectangular()
    groups, frozen = collect(walk)
    return Graph(program, (args, kwargs), walk, values, groups, frozen, alias, _skippable(model, args, kwargs))


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode inside, every module's own mode again afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


@contextmanager
def without_cache(model: nn.Module) -> Iterator[None]:
    """Language models return their cache of keys and values unless told not to, and what is returned cannot be cut."""
    config: Any = getattr(model, "config", None)
    cached = getattr(config, "use_cache", None)
    if not isinstance(cached, bool):
        yield
        return
    config.use_cache = False
    try:
        yield
    finally:
        config.use_cache = cached


def _skippable(model: nn.Module, args: tuple, kwargs: dict) -> tuple[str, ...]:
    """Members of module lists and sequences, made of further modules with parameters, that keep their input's shape."""
    found, hooks = [], []

    def watch(path):
        def hook(_, inputs, output):
            output = output[0] if isinstance(output, tuple) else output
            tensors = isinstance(output, torch.Tensor) and inputs and isinstance(inputs[0], torch.Tensor)
            if tensors and output.shape == inputs[0].shape and path not in found:
                found.append(path)

        return hook

    for path, module in model.named_modules():
        if isinstance(module, nn.ModuleList | nn.Sequential):
            for name, layer in module.named_children():
                if sum(any(True for _ in part.parameters()) for part in layer.children()) > 1:
                    hooks.append(layer.register_forward_hook(watch(f"{path}.{name}".strip("."))))
    try:
        with evaluating(model), without_cache(model), torch.no_grad():
            model(*args, **kwargs)
    finally:
        for hook in hooks:
            hook.remove()
    return tuple(found)


def _walked(walk: Walk, program, model: nn.Module, alias: Mapping[str, str]) -> dict[str, Value | list[Value]]:
    """Values of all nodes, by name; the walk keeps what happened to the labels."""
    signature = program.graph_signature.input_specs
    source = {spec.arg.name: alias[spec.target] for spec in signature if spec.target in alias}
    nodes = [n for n in program.graph.nodes if n.op != "call_function" or n.meta.get("val") is not None]
    regions = _norm_regions(nodes, model)
    parameters: dict[str, Value] = {}
    values: dict[Node, Value | list[Value]] = {}
    for node in nodes:
        walk.node, walk.path = node, _path(node)
        if node.op == "placeholder":
            shape = tuple(getattr(node.meta.get("val"), "shape", ()))
            name = source.get(node.name)
            if name is not None and name not in parameters:
                parameters[name] = walk.parameter(name, shape)
            values[node] = Value(shape) if name is None else parameters[name]
        elif node in regions:  # a norm module is one operation: what enters, what leaves
            call, region = regions[node]
            if set(node.users) - region:
                entering = [m for n in nodes if n in region for m in n.all_input_nodes if m not in region]
                found = sorted(_tensors(entering, values), key=lambda value: value.static)
                values[node] = _normed(walk, node, call, model.get_submodule(call), found)
        elif node.op == "call_function" and getattr(node.target, "__name__", "") == "getitem":
            values[node] = values[node.args[0]][node.args[1]]
        elif node.op == "call_function":
            values[node] = _ruled(walk, node, _tensors([*node.args, *node.kwargs.values()], values))
        elif node.op == "output":
            for value in _tensors(node.args, values):
                for array in value.labels:
                    walk.freeze(array, "model output")
        for value in _tensors([node], values):
            walk.seen(value)
    return {node.name: value for node, value in values.items()}


def _ruled(walk: Walk, node: Node, found: list[Value]):
    """The result of a node's rule; a form that the rule does not expect is as good as no rule."""
    name = operation(node)
    function = RULES.get(name) or RULES.get(name.rstrip("_"))
    if function is None:
        return unknown(walk, node, *found)
    try:
        return function(walk, node, *found)
    except Exception as error:  # of any kind: nothing may be cut on the word of a rule that failed
        return unknown(walk, node, *found, reason=f"the rule for {name} failed ({error!r})")


def _normed(walk: Walk, node: Node, path: str, module: nn.Module, found: list[Value]) -> Value | list[Value]:
    """What leaves a norm module; one that mixes more than its last axis, whatever its name, is no norm to gates."""
    try:
        if _mixes_last_axis_only(module, found[0].shape):
            return module_norm(walk, path, *found)
        return unknown(walk, node, *found, reason="a norm over other axes than the last")
    except Exception as error:  # of any kind, as with rules
        return unknown(walk, node, *found, reason=f"a norm of a form not known ({type(error).__name__})")


@torch.no_grad()
def _mixes_last_axis_only(module: nn.Module, shape: Sequence[int]) -> bool:
    """Tried on numbers: a change of one row changes that row alone."""
    weight: Any = module.weight
    x = torch.linspace(-1.9, 1.9, prod(shape), dtype=torch.float32).sin().reshape(*shape).to(weight)
    other = x.clone()
    other[(0,) * (x.ndim - 1)] += x.flatten()[: shape[-1]] + 0.37
    with evaluating(module):
        same = torch.isclose(module(x), module(other)).all(-1).flatten()
    return bool(same[1:].all()) and len(same) == prod(shape[:-1])


def _tensors(items: Sequence, values: Mapping) -> list[Value]:
    """Values of the tensors among the arguments of a node, in order."""
    found = []
    for item in items:
        if isinstance(item, Node):
            value = values.get(item, [])
            found += value if isinstance(value, list) else [value]
        elif isinstance(item, tuple | list):
            found += _tensors(item, values)
    return found


def _stack(node: Node) -> list[str]:
    """Paths of the modules in whose forward a node was traced, from the outermost to the innermost."""
    return [path.split("@")[0] for path, _ in (node.meta.get("nn_module_stack") or {}).values()]


def _path(node: Node) -> str:
    return (_stack(node) or [""])[-1]


def _norm_regions(nodes: Sequence[Node], model: nn.Module) -> dict[Node, tuple[str, set[Node]]]:
    """For each node inside a norm module's forward the path of the module and all nodes of the same call."""
    calls: dict[str, set[Node]] = {}
    paths: dict[str, str] = {}
    for node in nodes:
        if node.op == "call_function":
            for call, (place, _) in (node.meta.get("nn_module_stack") or {}).items():  # second calls end in @1 there
                path = place.split("@")[0]
                module = model.get_submodule(path)
                if NORM.search(type(module).__name__) and getattr(getattr(module, "weight", None), "ndim", 0) == 1:
                    calls.setdefault(call, set()).add(node)
                    paths[call] = path
                    break
    return {node: (paths[call], region) for call, region in calls.items() for node in region}


def _forbid(walk: Walk, model: nn.Module, alias: Mapping[str, str]) -> None:
    """Classes of which no smaller instance exists, because forward ties heads x head size to the stream's width."""
    for path, module in model.named_modules():
        if isinstance(module, nn.MultiheadAttention):
            for name in ("in_proj_weight", "q_proj_weight", "v_proj_weight"):
                key = (alias.get(f"{path}.{name}".strip("."), ""), 0)
                if key in walk.axes:
                    walk.freeze(walk.axes[key], f"nn.MultiheadAttention demands heads x head size = embed_dim ({path})")


def varying_axis(walk: Walk, array: np.ndarray) -> int | None:
    """The axis along which the units of a label array differ, after the walk; None where they do not."""
    roots = walk.units.find(array)
    return next((axis for axis in sorted(support(array)) if (roots != roots.take([0], axis)).any()), None)
