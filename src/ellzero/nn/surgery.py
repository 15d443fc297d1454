"""Surgery: a plain, smaller network that computes what the gated one does.

Two forms. The *class* form keeps the network's class: tensors are cut, and so are the numbers that modules store beside
them. Which numbers those are is known for torch's layers and read off names and values elsewhere, a guess; so the
result is run once and compared before it is handed over. The *graph* form keeps the exported program: every number in
it that is a size is read off the labels, so nothing is guessed and no forward can stand in the way.
"""

import copy
import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from .. import _checks as checks
from .attach import Gates
from .graph import Graph, evaluating, without_cache
from .labels import Value, support
from .plan import Plan, kept_coordinates
from .rules import argument, operation
from .sites import LAYER, WEIGHT, laid_shape

HEADS = re.compile(r"(num|n)_?.*heads?$|^heads$")  # names under which modules store how many heads they have
WIDTH = re.compile(r"all_head_size|split_size|inner_dim|embed_dim|attn_dim")  # and how wide all heads are together
TOLERANCE = {
    torch.float64: 1e-10,
    torch.float32: 1e-5,
    torch.bfloat16: 5e-2,
    torch.float16: 5e-3,
}  # of the largest output


def make_plan(gates: Gates, kept: Mapping[str, Tensor] | None = None) -> Plan:
    """The plan by which the gates as they stand cut their network.

    Parameters
    ----------
    gates : Gates
        Attached to the network, or detached again.
    kept : mapping of str to Tensor, optional
        Booleans that decide in place of the gates; every group must keep one unit.

    Returns
    -------
    Plan
        To be saved, and applied to fresh instances.
    """
    graph, model = gates.graph, gates.model
    kept = gates.kept() if kept is None else kept
    cuts = (
        kept_coordinates(gates.spread.vectors(kept)) if any(s.group is not None for s in gates.sites.values()) else {}
    )
    named = {name: cuts[one] for name, one in graph.alias.items() if one in cuts}
    gone = {
        label
        for site in gates.sites.values()
        if site.group is not None
        for label in _closed(site.group, kept[site.name])
    }
    dropped = tuple(name for name, site in gates.sites.items() if site.kind == LAYER and not kept[name].any())
    return Plan(
        type(model).__name__, named, _stored_sizes(model, graph, named, gone), dropped, _config(gates, kept, dropped)
    )


def compress(model: nn.Module, gates: Gates, *, form: Literal["class", "graph"] = "class") -> nn.Module:
    """A plain smaller network, equal to the gated one in evaluation mode to rounding.

    Parameters
    ----------
    model : torch.nn.Module
        The network that the gates are attached to; it stays as it is.
    gates : Gates
        Their hard values decide: closed units are cut out, fractions are folded into the weights that read them.
    form : {"class", "graph"}
        A network of the same class, or the exported program as a graph module, whose batch size is that of the example.

    Returns
    -------
    torch.nn.Module
        In evaluation mode, without gates and hooks. It was run on the example and compared.

    Raises
    ------
    ArgumentError
        If the gates are those of another network.
    UnsupportedError
        If no smaller network of the class computes the same; the message names the module and what to do.

    Examples
    --------
    >>> from ellzero.nn.attach import attach
    >>> from ellzero.nn import TopK, neurons
    >>> model = nn.Sequential(nn.Linear(7, 19), nn.ReLU(), nn.Linear(19, 3))
    >>> x = torch.randn(5, 7)
    >>> gates = attach(model, x, neurons(), gate=TopK(kept=0.37))
    >>> small = compress(model, gates)
    >>> small
    Sequential(
      (0): Linear(in_features=7, out_features=7, bias=True)
      (1): ReLU()
      (2): Linear(in_features=7, out_features=3, bias=True)
    )
    >>> torch.allclose(small(x), model.eval()(x), atol=1e-6)
    True
    """
    if model is not gates.model:
        raise checks.gates_of_another(type(model).__name__)
    values, kept = gates.hard(), gates.kept()
    if form == "graph":
        small = _graph_form(gates, values, kept)
    else:
        with gates.detached():
            small = copy.deepcopy(model)
        _fold(small, gates, values)
        small = make_plan(gates).apply(small)
    small.eval() if form == "class" else None
    _compare(gates, small, form)
    return small


# -- values ------------------------------------------------------------------------------------------------------------
@torch.no_grad()
def _fold(model: nn.Module, gates: Gates, values: Mapping[str, Tensor]) -> None:
    """Multiply gate values into the weights that read the units, and those of single weights into the weights."""
    parameters = dict(model.named_parameters(remove_duplicate=False))
    for (name, axis), vector in gates.spread.vectors(values).items():
        if "read" in gates.graph.walk.roles.get((name, axis), ()):
            weight = parameters[name]
            weight.mul_(vector.to(weight.dtype).reshape(laid_shape(axis, weight.ndim)))
    for name, site in gates.sites.items():
        if site.kind == WEIGHT:
            parameters[name].mul_(values[name].to(parameters[name].dtype))


# -- sizes that modules store ------------------------------------------------------------------------------------------
def _closed(group, kept: Tensor) -> np.ndarray:
    return group.roots[~kept.cpu().numpy()]


def _stored_sizes(model: nn.Module, graph: Graph, cuts, gone: set[int]) -> dict[str, dict[str, Any]]:
    """Numbers beside tensors that change, by module."""
    sizes: dict[str, dict[str, Any]] = {}
    for path, module in model.named_modules():
        changed = dict(_layer_sizes(module, cuts.get(f"{path}.weight".strip("."), {})))
        if changed:
            sizes[path] = changed
    for path, labels in graph.walk.plain:
        module, now = model.get_submodule(path), survivors(graph, Value(labels.shape, (labels,)), gone)[1]
        if now < labels.shape[1] and getattr(module, "weight", None) is None:
            if isinstance(module, nn.GroupNorm):
                groups = module.num_groups * now // module.num_channels
                sizes[path] = {"num_groups": groups, "num_channels": now}
            elif isinstance(module, nn.modules.batchnorm._NormBase):
                sizes[path] = {"num_features": now}
    for path, labels in graph.walk.splits:
        now = survivors(graph, Value(labels.shape, (labels,)), gone)
        for axis in support(labels):
            old, inner = labels.shape[axis], labels.size // labels.shape[axis]
            if now[axis] == old:
                continue
            for name, value in vars(model.get_submodule(path)).items():
                if type(value) is int and value == old and HEADS.search(name):
                    sizes.setdefault(path, {})[name] = now[axis]
                elif type(value) is int and value == old * inner and WIDTH.search(name):
                    sizes.setdefault(path, {})[name] = now[axis] * inner
    return sizes


def _layer_sizes(module: nn.Module, cuts: Mapping[int, tuple[int, list[int]]]) -> Iterator[tuple[str, Any]]:
    """What torch's own layers store, after the cuts of their weight."""
    weight = getattr(module, "weight", None)
    if not cuts or not isinstance(weight, Tensor):
        return
    shape = [len(cuts[axis][1]) if axis in cuts else size for axis, size in enumerate(weight.shape)]
    if isinstance(module, nn.modules.conv._ConvNd):
        groups = module.groups * shape[0] // weight.shape[0] if module.groups > 1 else 1
        written, read = (shape[1] * groups, shape[0]) if module.transposed else (shape[0], shape[1] * groups)
        yield from (("groups", groups), ("in_channels", read), ("out_channels", written))
    elif isinstance(module, nn.modules.batchnorm._NormBase):
        yield "num_features", shape[0]
    elif isinstance(module, nn.GroupNorm):
        yield from (("num_groups", module.num_groups * shape[0] // weight.shape[0]), ("num_channels", shape[0]))
    elif hasattr(module, "normalized_shape"):
        yield "normalized_shape", tuple(shape)
    elif isinstance(module, nn.Linear):
        yield from (("out_features", shape[0]), ("in_features", shape[1]))
    elif isinstance(module, nn.Embedding):
        yield from (("num_embeddings", shape[0]), ("embedding_dim", shape[1]))
    elif isinstance(getattr(module, "nf", None), int):  # the transposed linear layer of GPT-2
        yield from (("nx", shape[0]), ("nf", shape[1]))


def survivors(graph: Graph, value: Value, gone: set[int]) -> list[int]:
    """The shape of a traced tensor once these units are gone."""
    closed = np.array(sorted(gone), dtype=np.int64)
    shape = list(value.shape)
    for array in value.labels:
        live = ~np.isin(graph.walk.units.find(array), closed)
        for axis in support(array):
            shape[axis] = int(live.any(tuple(k for k in range(array.ndim) if k != axis)).sum())
    return shape


# -- configurations ----------------------------------------------------------------------------------------------------
FIELDS = {
    "hidden": ("hidden_size", "n_embd", "d_model"),
    "neuron": ("intermediate_size", "n_inner", "ffn_dim"),
    "head": ("num_attention_heads", "num_key_value_heads", "n_head"),
    LAYER: ("num_hidden_layers", "n_layer"),
}


def _config(gates: Gates, kept: Mapping[str, Tensor], dropped: tuple[str, ...]) -> dict[str, Any] | None:
    """Fields of a configuration that change, or None where widths differ from layer to layer."""
    config = getattr(gates.model, "config", None)
    changed: dict[str, Any] = {}
    if config is None:
        return changed
    for kind, names in FIELDS.items():
        shares = {int(kept[n].sum()) / s.count for n, s in gates.sites.items() if s.kind == kind and n not in dropped}
        whole = [s for n, s in gates.sites.items() if s.kind == kind]
        if kind == LAYER:
            every = [path for path in gates.graph.skippable if path.rpartition(".")[0] == _parent(whole)]
            share = 1 - len(dropped) / len(every) if every else 1.0
        elif len(shares) > 1 or (
            shares and len(whole) < sum(g.kind == kind for g in gates.graph.groups) and shares != {1.0}
        ):
            return None
        else:
            share = shares.pop() if shares else 1.0
        for name in names if share < 1 else ():
            value = getattr(config, name, None)
            if isinstance(value, int):
                changed[name] = round(value * share)
    heads = {"num_attention_heads", "hidden_size", "n_head", "n_embd"} & set(changed)
    if heads and isinstance(getattr(config, "head_dim", None), int):
        changed["head_dim"] = config.head_dim  # no longer the quotient of the two
    return changed


def _parent(layers) -> str:
    return layers[0].name.rpartition(".")[0] if layers else ""


# -- the exported program ----------------------------------------------------------------------------------------------
def _graph_form(gates: Gates, values: Mapping[str, Tensor], kept: Mapping[str, Tensor]) -> nn.Module:
    """The program with its tensors cut and every size in it read off the labels that survive."""
    graph = gates.graph
    if any(site.kind == LAYER and not kept[name].all() for name, site in gates.sites.items()):
        raise checks.no_layers_in_graph()
    gone = {label for s in gates.sites.values() if s.group is not None for label in _closed(s.group, kept[s.name])}
    with warnings.catch_warnings():
        # torch's copy of its own classes
        warnings.filterwarnings("ignore", message=".*LeafSpec", category=FutureWarning)
        module = copy.deepcopy(graph.program.module(check_guards=False))
    for node in module.graph.nodes:
        value: Any = graph.values.get(node.name)
        args: list[Any] = list(node.args)
        name = operation(node)
        if value is None:  # inside a norm module
            continue
        if name == "expand":
            args[1:] = [survivors(graph, value, gone)]
        elif name == "unflatten" or (name in ("view", "reshape", "_unsafe_view") and isinstance(args[1], list | tuple)):
            args[1:] = [survivors(graph, value, gone)]  # strides may be others than those of the tracing: no view
            node.target = torch.ops.aten.reshape.default
        elif name in ("split", "split_with_sizes"):
            sizes = [survivors(graph, piece, gone)[argument(node, 2, "dim", 0)] for piece in value]
            args[1] = sizes[0] if name == "split" else sizes
        elif name in ("layer_norm", "rms_norm"):
            args[1] = survivors(graph, value, gone)[-len(args[1]) :]
        elif name == "group_norm":
            args[1] = args[1] * survivors(graph, value, gone)[1] // value.shape[1]
        elif name.startswith("conv") and len(args) > 6 and args[6] > 1:
            args[6] = args[6] * survivors(graph, value, gone)[1] // value.shape[1]
        node.args = tuple(args)
    module.recompile()
    _fold(module, gates, values)
    plan = make_plan(gates)
    held = dict(module.named_parameters(remove_duplicate=False)) | dict(module.named_buffers(remove_duplicate=False))
    cuts = {name: axes for name, axes in plan.cuts.items() if name in held}
    return Plan(plan.network, cuts, config={}).apply(module)


# -- comparison --------------------------------------------------------------------------------------------------------
@torch.no_grad()
def _compare(gates: Gates, small: nn.Module, form: str) -> None:
    """Run both networks on the example; raise where the smaller one fails or differs."""
    args, kwargs = gates.graph.inputs
    with gates.detached(False), evaluating(gates.model), without_cache(gates.model):
        expected = _first_tensor(gates.model(*args, **kwargs))
    inside: list[str] = []  # modules whose forward has begun and not ended, so that the last is the one that fails

    def leave(*_):
        inside.pop()

    hooks = []
    for path, module in small.named_modules():
        hooks.append(module.register_forward_pre_hook(lambda *_, path=path: inside.append(path)))
        hooks.append(module.register_forward_hook(leave))
    try:
        with without_cache(small):
            found = _first_tensor(small(*args, **kwargs))
    except Exception as error:
        raise checks.no_smaller_instance(
            type(gates.model).__name__, inside[-1] if inside else "", f"{type(error).__name__}: {error}", form
        ) from error
    finally:
        for hook in hooks:
            hook.remove()
    scale = max(float(expected.abs().max()), torch.finfo(expected.dtype).tiny)
    off = float((found - expected).abs().max()) / scale if found.shape == expected.shape else float("inf")
    if not off <= TOLERANCE.get(expected.dtype, 1e-5):
        raise checks.not_the_same(type(gates.model).__name__, off, form)


def _first_tensor(output) -> Tensor:
    """The first tensor of whatever a forward returns."""
    if isinstance(output, Tensor):
        return output
    values = list(output.values()) if isinstance(output, Mapping) else list(output)
    return next(_first_tensor(value) for value in values if value is not None)
