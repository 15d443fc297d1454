"""What each operation of an exported graph does to labels: one function an operation, in one table.

A rule takes the walk, the node and the values of its tensor arguments in order, and returns the value of the result, or
a list of values. An operation without a rule freezes what it touches, and so does a rule that fails.
"""

import re
from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import torch
from torch.fx import Node
from torch.fx.node import map_arg
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from .labels import Value, first, laid, lift, resized, support
from .walk import Walk

RULES: dict[str, Callable] = {}


def rule(names: str) -> Callable[[Callable], Callable]:
    """Register a function for the operations named."""

    def register(function: Callable) -> Callable:
        for name in names.split():
            RULES[name] = function
        return function

    return register


def operation(node: Node) -> str:
    """An operation's name without its library: ``conv2d``."""
    schema = getattr(node.target, "_schema", None)
    return schema.name.split("::")[-1] if schema is not None else ""


def argument(node: Node, position: int, name: str, default: Any = None) -> Any:
    """An argument of a node by its position or its name."""
    return node.args[position] if len(node.args) > position else node.kwargs.get(name, default)


def shape_of(node: Node) -> tuple[int, ...]:
    """Shape of a node's result, as traced."""
    return tuple(node.meta["val"].shape)


def unknown(walk: Walk, node: Node, *values: Value, reason: str | None = None):
    """An operation without a rule: everything that enters stays."""
    for value in values:
        for array in value.labels:
            walk.freeze(array, walk.why(reason or f"no rule for {operation(node) or node.target}"))
    if (spent := counted(node)) > 0:
        walk.count(spent, [])
    result = node.meta.get("val")
    several = isinstance(result, tuple | list)
    fixed = [Value(tuple(getattr(tensor, "shape", ()))) for tensor in (result if several else [result])]
    return fixed if several else fixed[0]


def counted(node: Node) -> int:
    """Floating-point operations of a node as traced, by torch's counter; 0 where it cannot be run without data."""
    run: Any = node.target
    args, kwargs = map_arg((node.args, node.kwargs), lambda n: n.meta.get("val"))
    try:
        with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH), torch.no_grad():
            run(*args, **kwargs)
    except Exception:  # of any kind that an operation raises on tensors without numbers
        return 0
    return counter.get_total_flops()


# -- one coordinate at a time ------------------------------------------------------------------------------------------
VIEWS = frozenset(
    ("to", "_to_copy", "float", "clone", "contiguous", "alias", "detach", "dropout", "neg", "lift_fresh_copy")
) | {"type_as"}


@rule(
    "relu relu6 gelu silu sigmoid tanh neg to _to_copy clone contiguous alias detach dropout feature_dropout hardtanh "
    "mish hardswish hardsigmoid leaky_relu elu selu celu softplus softsign log_sigmoid exp expm1 log log1p sqrt rsqrt "
    "abs erf sin cos sign clamp clamp_min clamp_max reciprocal square zeros_like ones_like lift_fresh_copy bitwise_not "
    "logical_not nan_to_num type_as positive float half bfloat16 hardshrink softshrink threshold"
)
def alone(walk, node, x, *_):
    """Each number by itself."""
    return x if operation(node) in VIEWS else walk.computed(x)


@rule(
    "add sub rsub mul div pow maximum minimum where masked_fill eq ne lt le gt ge __and__ __or__ bitwise_and "
    "bitwise_or logical_and logical_or addcmul lerp true_divide floor_divide remainder"
)
def elementwise(walk, node, *values):
    """Numbers that meet at the same place; a parameter times a number is still one into which gates can be folded."""
    shape = shape_of(node)
    multiple = len(values) == 1 and operation(node) in ("mul", "div", "true_divide")
    values = values if multiple else [walk.computed(value) for value in values]
    labels = walk.merge(values, shape, walk.why(f"{operation(node)} with a fixed tensor"))
    return Value(shape, labels, multiple and values[0].static)


@rule("prelu")
def prelu(walk, node, x, weight):
    """One slope for all channels, or one for each."""
    if prod(weight.shape) == 1:
        return x
    shape = tuple(weight.shape[0] if axis == 1 else 1 for axis in range(len(x.shape)))
    slopes = Value(shape, tuple(a.reshape(shape) for a in weight.labels))
    return x._replace(labels=walk.merge([x, slopes], x.shape, walk.why("prelu of a fixed tensor")))


# -- other shapes ------------------------------------------------------------------------------------------------------
@rule("view reshape flatten unflatten _unsafe_view unsqueeze squeeze view_as reshape_as")
def viewed(walk, node, x, *_):
    """The same numbers in another shape."""
    return walk.reshape(x, shape_of(node))


@rule("permute transpose t swapaxes movedim numpy_T mT")
def permuted(walk, node, x, *_):
    """The axes in another order."""
    order = _order(node, len(x.shape))
    return x._replace(shape=shape_of(node), labels=tuple(a.transpose(order) for a in x.labels))


def _order(node: Node, ndim: int) -> list[int]:
    """Which axis of the argument each axis of the result is."""
    name, order = operation(node), list(range(ndim))
    if name == "permute":
        return [d % ndim for d in argument(node, 1, "dims")]
    if name == "numpy_T":
        return order[::-1]
    if name == "movedim":
        pair = (argument(node, 1, "source"), argument(node, 2, "destination"))
        sources, targets = ([d] if isinstance(d, int) else list(d) for d in pair)
        order = [k for k in order if k not in {s % ndim for s in sources}]
        for target, source in sorted((t % ndim, s % ndim) for s, t in zip(sources, targets, strict=True)):
            order.insert(target, source)
        return order
    a, b = {"t": (0, 1), "mT": (-2, -1)}.get(name) or (argument(node, 1, "dim0"), argument(node, 2, "dim1"))
    if ndim > 1:
        order[a], order[b] = order[b], order[a]
    return order


@rule("expand expand_as broadcast_to repeat repeat_interleave")
def repeated(walk, node, x, *_):
    """Copies along an axis."""
    shape, labels = shape_of(node), []
    for array in x.labels:
        array = lift(array, len(shape))
        for axis in support(array):
            times = shape[axis] // array.shape[axis]
            if operation(node) == "repeat_interleave":
                array = array.repeat(times, axis)
            else:
                array = np.concatenate([array] * times, axis)
        labels.append(array)
    return x._replace(shape=shape, labels=tuple(labels))


@rule("slice select narrow")
def sliced(walk, node, x, *_):
    """The bounds are numbers of the program, so what they cut must not change: rigid along the axis."""
    dim = argument(node, 1, "dim", 0) % len(x.shape)
    if shape_of(node) == x.shape:
        return x
    one = operation(node) == "select"
    for array in x.labels:
        if not one or support(array) == {dim}:
            walk.rigid(array, dim, walk.why("sliced with constant bounds"))
    where: Any
    if one:
        where = argument(node, 2, "index")
    elif operation(node) == "narrow":
        where = slice(start := argument(node, 2, "start"), start + argument(node, 3, "length"))
    else:
        where = slice(*(argument(node, k, name) for k, name in ((2, "start"), (3, "end"), (4, "step"))))
    labels = []
    for array in x.labels:
        taken = np.arange(array.shape[dim])[where] if array.shape[dim] > 1 else (0 if one else [0])
        labels.append(array.take(taken, dim))
    return x._replace(shape=shape_of(node), labels=tuple(a for a in labels if a.size > 1))


@rule("chunk split split_with_sizes unbind tensor_split unsafe_chunk unsafe_split")
def pieces(walk, node, x, *_):
    """Equal pieces are united position by position, so that the same call cuts a thinner tensor in the right places."""
    unbound = operation(node) == "unbind"
    dim = argument(node, 1 if unbound else 2, "dim", 0) % len(x.shape)
    shapes = [tuple(tensor.shape) for tensor in node.meta["val"]]
    sizes = [1] * len(shapes) if unbound else [shape[dim] for shape in shapes]
    if len(set(sizes)) > 1:
        x = walk.rigid_value(x, [dim], walk.why("split into unequal pieces"))
    values, end = [], 0
    for shape, size in zip(shapes, sizes, strict=True):
        labels = [a.take(range(end, end + size), dim) if a.shape[dim] > 1 else a for a in x.labels]
        labels = [a.squeeze(dim) for a in labels] if unbound else labels
        values.append(Value(shape, tuple(a for a in labels if a.size > 1), x.static))
        end += size
    if not unbound and len(set(sizes)) == 1:
        for other in values[1:]:
            for mine, theirs in zip(values[0].labels, other.labels, strict=True):
                walk.units.union(mine, theirs)
    return values


@rule("cat concat stack")
def joined(walk, node, *values):
    """Side by side along an axis."""
    shape = shape_of(node)
    dim = (argument(node, 1, "dim") or 0) % len(shape)
    if operation(node) == "stack":
        values = [walk.reshape(v, (*v.shape[:dim], 1, *v.shape[dim:])) for v in values]
    return walk.concatenate(values, dim, shape, walk.why("concatenated with a fixed tensor"))


@rule("pad constant_pad_nd")
def padded(walk, node, x, *_):
    """Constants before and behind; what is cut off by negative padding is not followed."""
    amounts = argument(node, 1, "pad")
    for k in range(0, len(amounts), 2):
        axis, ends = len(x.shape) - 1 - k // 2, amounts[k : k + 2]
        if min(ends) < 0:
            return unknown(walk, node, x)
        if any(ends):
            bare = x.shrunk(axis)
            left, right = (bare._replace(shape=_with(x.shape, axis, size)) for size in ends)
            shape = _with(x.shape, axis, x.shape[axis] + sum(ends))
            x = walk.concatenate([left, x, right], axis, shape, walk.why("padded"))
    return x


def _with(shape: tuple[int, ...], axis: int, size: int) -> tuple[int, ...]:
    return (*shape[:axis], size, *shape[axis + 1 :])


# -- contractions ------------------------------------------------------------------------------------------------------
@rule("linear matmul mm bmm addmm baddbmm")
def product(walk, node, *values):
    """X (..., M, K) times y (..., K, N), plus a bias; either factor may be a view of a parameter."""
    name, shape = operation(node), shape_of(node)
    x, y, *bias = values if "add" not in name else (*values[1:], values[0])
    if name == "linear":
        y = y._replace(shape=y.shape[::-1], labels=tuple(a.T for a in y.labels))
    k, inner = len(x.shape) - 1, max(len(y.shape) - 2, 0)
    left, right = walk.contract(x, k, y, inner)
    values = [Value((*x.shape[:-1], 1), left, x.static), Value((*y.shape[:-2], 1, *y.shape[-1:]), right, y.static)]
    values = [walk.computed(value) for value in (*values, *bias)]
    result = Value(shape, walk.merge(values, shape, walk.why(f"{name} with a fixed tensor")))
    factors = [(result, axis) for axis in range(len(shape))]
    walk.count(2, [*factors, (x if x.along(k) is not None else y, k if x.along(k) is not None else inner)])
    return result


@rule("conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d")
def convolution(walk, node, x, w, *bias):
    """A grouped convolution is cut by whole groups (depthwise: by channels), which only pass through it."""
    if len(x.shape) != len(w.shape):
        return unknown(walk, node, x, w, *bias, reason="convolution without a batch axis")
    turned, shape, groups = "transpose" in operation(node), shape_of(node), argument(node, 6, "groups", 1)
    for array in w.labels:
        if max(support(array)) > 1:
            walk.freeze(array, "kernel position")
    outputs = x.shape[2:] if turned else shape[2:]
    x = walk.rigid_value(x, range(2, len(shape)), walk.why("convolution over it"))
    if groups == 1:
        rest, left = walk.contract(x, 1, w, 0 if turned else 1)
        walk.computed(w._replace(labels=left))
        out = next((a for a in left if max(support(a)) < 2), None)
    else:
        rest, out = [first(a, 1) for a in x.labels], _through(walk, x.along(1), w, groups)
        out = out.reshape(groups, -1)[:, :1].repeat(shape[1] // groups) if turned and out is not None else out
    thin = (1, shape[1]) + (1,) * (len(shape) - 2)
    flat = [
        Value(thin, tuple(laid(a.ravel(), 1, len(shape)) for a in arrays))
        for arrays in ([] if out is None else [[out]]) + [list(b.labels) for b in bias]
    ]
    walk.kinds["channel"] += [a for value in (*flat, x) if (a := value.along(1)) is not None]
    walk.count(2 * shape[0] * prod(outputs) * prod(w.shape[2:]), [(w, 0), (w, 1)])
    rest = [resized(a, shape, range(2, len(shape))) for a in rest]
    return Value(shape, walk.merge(flat, shape, walk.why("bias of a fixed tensor")) + walk.tidy(rest))


def _through(walk: Walk, channels: np.ndarray | None, w: Value, groups: int) -> np.ndarray | None:
    """Labels of what a grouped convolution writes: whole groups of it go with whole groups of what it reads."""
    out, inner = w.along(0), w.along(1)
    if inner is not None:
        walk.freeze(inner, walk.why("inside a convolution group"))
    if out is None or channels is None:
        if out is not None:
            walk.freeze(out, walk.why("grouped convolution of a fixed tensor"))
        return out
    heads = channels.reshape(groups, -1)[:, :1]
    walk.units.union(channels.reshape(groups, -1), heads)
    walk.units.union(out.reshape(groups, -1), heads)
    return out


@rule("embedding")
def embedding(walk, node, w, ids, *_):
    """Rows are chosen by data and stay; columns are written."""
    for array in w.labels:
        if array.shape[0] > 1:
            walk.freeze(array, walk.why("rows chosen by data"))
        else:
            walk.mark(array, "write")
    ndim = len(ids.shape) + 1
    return Value(shape_of(node), tuple(lift(a.reshape(-1), ndim) for a in w.labels if a.shape[1] > 1))


@rule("scaled_dot_product_attention")
def attention(walk, node, q, k, v, *mask):
    """Heads are batch axes; head sizes are rigid under the scores; grouped queries may be repeated inside the call."""
    times = q.shape[-3] // k.shape[-3] if node.kwargs.get("enable_gqa") else 1
    if times > 1:
        k, v = (_repeated_heads(value, q.shape[-3], times) for value in (k, v))
    last, reason = len(q.shape) - 1, walk.why("attention sums over it")
    q, k = (walk.rigid_value(value, [last - 1, last], reason) for value in (q, k))
    v = walk.rigid_value(v, [last - 1], reason)
    batch = [
        Value((*u.shape[:-2], 1, 1), tuple(a for a in u.labels if not support(a) & {a.ndim - 2, a.ndim - 1}))
        for u in (q, k, *mask)
    ]
    batch.append(v._replace(shape=(*v.shape[:-2], 1, v.shape[-1])))
    shape = shape_of(node)
    result = Value(shape, walk.merge(batch, shape, walk.why("attention with a fixed tensor")))
    outer = [(result, axis) for axis in range(last)]
    walk.count(2 * k.shape[-2], [*outer, (q, last)])
    walk.count(2 * k.shape[-2], [*outer, (v, last)])
    return result


def _repeated_heads(value: Value, heads: int, times: int) -> Value:
    shape = (*value.shape[:-3], heads, *value.shape[-2:])
    return value._replace(
        shape=shape, labels=tuple(a.repeat(times, -3) if a.shape[-3] > 1 else a for a in value.labels)
    )


# -- normalisation and reduction ---------------------------------------------------------------------------------------
@rule("batch_norm group_norm instance_norm")
def channel_norm(walk, node, x, *params):
    """Channel by channel; a group norm is cut by whole groups."""
    shape = (1, x.shape[1]) + (1,) * (len(x.shape) - 2)
    lifted = [Value(shape, tuple(a.reshape(shape) for a in p.labels)) for p in params]
    x = x._replace(labels=walk.merge([x, *lifted], x.shape, walk.why("normalisation of a fixed tensor")))
    channels = x.along(1)
    if channels is not None:
        walk.plain.append((walk.path, channels))
    if operation(node) == "group_norm" and channels is not None:
        walk.rigid(channels.reshape(argument(node, 1, "num_groups"), -1), 1, walk.why("statistics of a group norm"))
    return x


@rule("layer_norm rms_norm")
def plain_norm(walk, node, x, *params):
    """A norm that is not a module of its own: nobody could take its statistics over the survivors alone."""
    last = len(x.shape) - 1
    x = x._replace(labels=walk.merge([x, *params], x.shape, walk.why("normalisation of a fixed tensor")))
    return walk.rigid_value(
        x, range(len(x.shape) - len(argument(node, 1, "shape")), last + 1), walk.why("statistics of a norm")
    )


def module_norm(walk: Walk, path: str, x: Value, *params: Value) -> Value:
    """A norm module over the last axis: where that axis has units of its own, it is computed on the survivors."""
    last = len(x.shape) - 1
    x = x._replace(labels=walk.merge([x, *params], x.shape, walk.why("normalisation of a fixed tensor")))
    array = x.along(last)
    if array is not None and support(array) == {last}:
        walk.norms[path] = array
        walk.kinds["hidden"].append(array)
        return x
    return walk.rigid_value(x, [last], walk.why("statistics of a norm"))


@rule(
    "max_pool1d max_pool2d max_pool3d avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d "
    "adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d upsample_nearest1d upsample_nearest2d "
    "upsample_bilinear2d upsample_bicubic2d"
)
def pooled(walk, node, x, *_):
    """Positions are mixed, channels are not."""
    name, ndim = operation(node), len(x.shape)
    spatial = int(re.findall(r"(\d)d", name)[0])
    x = walk.rigid_value(x, range(ndim - spatial, ndim), walk.why(f"{name} over it"))
    results = node.meta["val"] if isinstance(node.meta["val"], tuple) else (node.meta["val"],)  # perhaps with indices
    shape = tuple(results[0].shape)
    values = [Value(shape, tuple(resized(a, shape, range(ndim - spatial, ndim)) for a in x.labels)) for _ in results]
    return values if isinstance(node.meta["val"], tuple) else values[0]


@rule(
    "mean sum amax amin var std linalg_vector_norm logsumexp any all softmax log_softmax _softmax _log_softmax cumsum "
    "flip argmax argmin prod"
)
def reduced(walk, node, x, *_):
    """What is mixed along an axis keeps it whole."""
    dims = argument(node, 2 if operation(node) == "linalg_vector_norm" else 1, "dim")
    if dims is None or dims == []:
        dims = range(len(x.shape))
    dims = {d % len(x.shape) for d in ([dims] if isinstance(dims, int) else dims)}
    x = walk.computed(walk.rigid_value(x, dims, walk.why(f"{operation(node)} over it")))
    if shape_of(node) == x.shape:
        return x
    gone = []
    for array in x.labels:
        axis = min(dims & support(array), default=None)
        array = array if axis is None else first(array, axis)
        if array.size > 1 and not support(array) & dims:
            gone.append(array)
    kept = tuple(1 if axis in dims else size for axis, size in enumerate(x.shape))
    return walk.reshape(Value(kept, tuple(gone)), shape_of(node))
