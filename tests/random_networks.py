"""Random small networks: what a stranger might write between his first layer and his last.

A network is a list of steps, each a function of the module and the tensor at hand; a seed decides them all. Every step
is legal PyTorch that exports; many have no rule, hard-coded sizes or indices, so that the walk has to freeze something.
"""

import random
from math import prod

import torch
import torch.nn.functional as F
from torch import nn


class RandomNetwork(nn.Module):
    """Random steps on images, sequences or vectors, closed by a linear layer."""

    def __init__(self, seed, steps=7):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self._build(random.Random(seed), steps)
        self.eval()

    def _build(self, dice, steps):
        self.parts, self.steps, self.names = nn.ModuleList(), [], []
        self.numbers = nn.ParameterList()
        self.shape_in = dice.choice([(3, 8, 8), (3, 8, 8), (5, 12), (10,)])
        shape = self.shape_in
        saved = []
        builders = _Builder(self, dice, saved)
        for k in range(steps):
            shape = builders.step(shape, first=k == 0)
            if dice.random() < 0.35:
                saved.append((len(self.steps), shape))
                self.steps.append(_save)
        if len(shape) == 3 and dice.random() < 0.5:
            self.add("mean", lambda net, x, kept: x.mean((2, 3)))
            shape = shape[:1]
        elif len(shape) == 2 and dice.random() < 0.5:
            self.add("mean", lambda net, x, kept: x.mean(1))
            shape = shape[1:]
        elif len(shape) > 1:
            self.add("flatten", lambda net, x, kept: x.flatten(1))
            shape = (prod(shape),)
        i = self.part(nn.Linear(shape[0], 3))
        self.add("head", lambda net, x, kept: net.parts[i](x))
        scramble(self, dice.randrange(10**6))

    def part(self, module):
        self.parts.append(module)
        return len(self.parts) - 1

    def number(self, *shape):
        self.numbers.append(nn.Parameter(torch.randn(*shape)))
        return len(self.numbers) - 1

    def add(self, name, step):
        self.names.append(name)
        self.steps.append(step)

    def example(self, batch=2, seed=0):
        dtype = next(self.parameters()).dtype
        return torch.randn(batch, *self.shape_in, generator=torch.Generator().manual_seed(seed), dtype=dtype)

    def forward(self, x):
        kept = {}
        for k, step in enumerate(self.steps):
            if step is _save:
                kept[k] = x
            else:
                x = step(self, x, kept)
        return x


def _save(net, x, kept):
    raise AssertionError("never called")


def scramble(model, seed=0):
    """Random parameters of norms and statistics of batch norms, which start at 0 and 1."""
    generator = torch.Generator().manual_seed(seed)

    def uniform(tensor, low, high):
        tensor.copy_(low + (high - low) * torch.rand(tensor.shape, generator=generator))

    with torch.no_grad():
        for module in model.modules():
            for name, parameter in module.named_parameters(recurse=False):
                if parameter.ndim == 1 and ("Norm" in type(module).__name__ or "norm" in name):
                    uniform(parameter, 0.3, 1.3) if "weight" in name else uniform(parameter, -0.5, 0.5)
            for name, buffer in module.named_buffers(recurse=False):
                if name == "running_var":
                    uniform(buffer, 0.37, 1.9)
                elif name == "running_mean":
                    uniform(buffer, -0.5, 0.5)
    return model


class _Builder:
    """Draws the next step; every method returns the shape (without the batch axis) that it leaves."""

    def __init__(self, net, dice, saved):
        self.net, self.dice, self.saved = net, dice, saved

    def step(self, shape, first=False):
        kinds = {3: IMAGE, 2: SEQUENCE, 1: VECTOR}[len(shape)]
        if first:
            kinds = {3: [_Builder.conv], 2: [_Builder.linear], 1: [_Builder.linear]}[len(shape)]
        for _ in range(50):
            new = self.dice.choice(kinds)(self, shape)
            if new is not None:
                assert prod(new) <= 5000
                return new
        return shape

    def do(self, name, function):
        self.net.add(name, function)

    def module(self, name, module):
        i = self.net.part(module)
        self.net.add(name, lambda net, x, kept: net.parts[i](x))

    # -- layers ----------------------------------------------------------------------------------------------------
    def conv(self, shape):
        c, h, w = shape
        out, k, stride = self.dice.choice([4, 6, 8, 12]), self.dice.choice([1, 3]), self.dice.choice([1, 1, 2])
        if min(h, w) < 4:
            stride = 1
        groups = self.dice.choice([g for g in (1, 1, 1, 2, c) if c % g == 0])
        out = c * self.dice.choice([1, 1, 2]) if groups == c > 1 else out
        if out > 24:
            return None
        self.module(f"conv{groups}", nn.Conv2d(c, out, k, stride, k // 2, groups=groups, bias=self.dice.random() < 0.5))
        return (out, (h - 1) // stride + 1, (w - 1) // stride + 1)

    def conv_transposed(self, shape):
        c, h, w = shape
        groups = self.dice.choice([g for g in (1, 1, 2) if c % g == 0])
        if h > 8:
            return None
        out = self.dice.choice([4, 6, 8])
        self.module(f"conv_transposed{groups}", nn.ConvTranspose2d(c, out, 2, 2, groups=groups))
        return (out, 2 * h, 2 * w)

    def conv1d(self, shape):
        t, c = shape
        i = self.net.part(nn.Conv1d(c, 8, 3, padding=1))
        self.do("conv1d", lambda net, x, kept: net.parts[i](x.transpose(1, 2)).transpose(1, 2))
        return (t, 8)

    def linear(self, shape):
        out = self.dice.choice([6, 8, 12, 16])
        self.module("linear", nn.Linear(shape[-1], out, bias=self.dice.random() < 0.7))
        return (*shape[:-1], out)

    def batch_norm(self, shape):
        self.module("batch_norm", nn.BatchNorm2d(shape[0]) if len(shape) == 3 else nn.BatchNorm1d(shape[0]))
        return shape

    def group_norm(self, shape):
        groups = self.dice.choice([g for g in (1, 2, 4, shape[0]) if shape[0] % g == 0])
        self.module(f"group_norm{groups}", nn.GroupNorm(groups, shape[0]))
        return shape

    def instance_norm(self, shape):
        if min(shape[1:]) < 2:
            return None
        self.module("instance_norm", nn.InstanceNorm2d(shape[0], affine=self.dice.random() < 0.5))
        return shape

    def layer_norm(self, shape):
        bias = self.dice.random() < 0.7
        self.module(
            "layer_norm", nn.LayerNorm(shape[-1], bias=bias) if self.dice.random() < 0.6 else nn.RMSNorm(shape[-1])
        )
        return shape

    def layer_norm_whole(self, shape):
        self.module("layer_norm_whole", nn.LayerNorm(list(shape)))
        return shape

    def functional_norm(self, shape):
        self.do("functional_norm", lambda net, x, kept: F.layer_norm(x, x.shape[-1:]))
        return shape

    def own_norm(self, shape):
        """A norm written out, over channels."""
        i = self.net.number(shape[0], *(1 for _ in shape[1:]))
        self.do("own_norm", lambda net, x, kept: x * (x.pow(2).mean(1, keepdim=True) + 0.1).rsqrt() * net.numbers[i])
        return shape

    def activation(self, shape):
        f = self.dice.choice(
            [
                F.relu,
                F.gelu,
                F.silu,
                torch.tanh,
                F.hardswish,
                F.softplus,
                torch.exp,
                lambda x: x * torch.sigmoid(x),
                lambda x: x + 0.37,
                lambda x: 1.9 - x,
                lambda x: x.clamp(-1.9, 0.37),
                lambda x: x**2,
                F.elu,
                lambda x: torch.where(x > 0, x, 0.37 * x),
                lambda x: F.leaky_relu(x, inplace=False),
                lambda x: x.masked_fill(x < 0, 0.37),
                lambda x: torch.maximum(x, x.neg()),
                lambda x: F.relu(x, inplace=True),
            ]
        )
        self.do("activation", lambda net, x, kept: f(x).clamp(-9, 9))
        return shape

    def prelu(self, shape):
        self.module("prelu", nn.PReLU(self.dice.choice([1, shape[0]])))
        return shape

    def scaled(self, shape):
        """A parameter of the network itself, on one axis."""
        axis = self.dice.randrange(len(shape))
        i = self.net.number(*(n if k == axis else 1 for k, n in enumerate(shape)))
        j = self.net.number(shape[-1])
        kind = self.dice.choice(["mul", "add", "last"])
        if kind == "mul":
            self.do("scaled", lambda net, x, kept: x * net.numbers[i])
        elif kind == "add":
            self.do("shifted", lambda net, x, kept: x + net.numbers[i])
        else:
            self.do("scaled last", lambda net, x, kept: net.numbers[j] * x)
        return shape

    def constant(self, shape):
        full = torch.randn(shape)
        one = torch.randn(shape[0], *(1 for _ in shape[1:]))
        c = self.dice.choice([full, one])
        self.do("constant", lambda net, x, kept: x + c.to(x.dtype))
        return shape

    # -- several branches --------------------------------------------------------------------------------------------
    def add_saved(self, shape):
        candidates = [(k, s) for k, s in self.saved if s == shape]
        if not candidates:
            return None
        k, _ = self.dice.choice(candidates)
        f = self.dice.choice([torch.add, torch.mul, torch.sub, torch.maximum])
        self.do(f"{f.__name__} saved", lambda net, x, kept: f(x, kept[k]))
        return shape

    def cat_saved(self, shape):
        axis = self.dice.choice([0, 0, *range(len(shape))])
        candidates = [
            (k, s)
            for k, s in self.saved
            if len(s) == len(shape) and all(a == b for i, (a, b) in enumerate(zip(s, shape, strict=True)) if i != axis)
        ]
        candidates = [(k, s) for k, s in candidates if prod(s) + prod(shape) < 2000]
        if not candidates:
            return None
        k, other = self.dice.choice(candidates)
        self.do("cat saved", lambda net, x, kept: torch.cat([x, kept[k]], axis + 1))
        return tuple(n + other[i] if i == axis else n for i, n in enumerate(shape))

    def residual(self, shape):
        if len(shape) == 3:
            i = self.net.part(nn.Sequential(nn.Conv2d(shape[0], 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, shape[0], 1)))
        else:
            i = self.net.part(nn.Sequential(nn.Linear(shape[-1], 10), nn.GELU(), nn.Linear(10, shape[-1])))
        self.do("residual", lambda net, x, kept: x + net.parts[i](x))
        return shape

    def pre_norm_block(self, shape):
        """Norm, two layers, residual."""
        norm = nn.LayerNorm(shape[-1]) if self.dice.random() < 0.5 else nn.RMSNorm(shape[-1])
        i = self.net.part(nn.Sequential(norm, nn.Linear(shape[-1], 10), nn.GELU(), nn.Linear(10, shape[-1])))
        self.do("pre_norm_block", lambda net, x, kept: x + net.parts[i](x))
        return shape

    def squeeze_excite(self, shape):
        c = shape[0]
        if self.dice.random() < 0.5:
            i = self.net.part(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(c, 4, 1), nn.ReLU(), nn.Conv2d(4, c, 1)))
            self.do("se conv", lambda net, x, kept: x * net.parts[i](x).sigmoid())
        else:
            i = self.net.part(nn.Sequential(nn.Linear(c, 4), nn.ReLU(), nn.Linear(4, c)))
            self.do("se linear", lambda net, x, kept: x * net.parts[i](x.mean((2, 3))).sigmoid()[:, :, None, None])
        return shape

    def twice(self, shape):
        """One module called twice."""
        if len(shape) == 3:
            i = self.net.part(nn.Conv2d(shape[0], shape[0], 3, padding=1))
        else:
            i = self.net.part(nn.Linear(shape[-1], shape[-1]))
        self.do("twice", lambda net, x, kept: net.parts[i](F.relu(net.parts[i](x))))
        return shape

    def tied(self, shape):
        """Down by a weight and up by its transpose."""
        i = self.net.part(nn.Linear(shape[-1], 7))
        self.do("tied", lambda net, x, kept: F.linear(torch.tanh(net.parts[i](x)), net.parts[i].weight.t()))
        return shape

    def matmul_parameter(self, shape):
        i = self.net.number(shape[-1], 9)
        self.do("matmul parameter", lambda net, x, kept: x @ net.numbers[i] / 3)
        return (*shape[:-1], 9)

    def stacked(self, shape):
        i, j = (self.net.part(nn.Linear(shape[-1], 8)) for _ in range(2))
        self.do("stacked", lambda net, x, kept: torch.stack([net.parts[i](x), net.parts[j](x)], -1).amax(-1))
        return (*shape[:-1], 8)

    # -- cutting apart -----------------------------------------------------------------------------------------------
    def glu(self, shape):
        axis = 0 if len(shape) == 3 else len(shape) - 1
        if shape[axis] % 2 or shape[axis] < 4:
            return None
        if self.dice.random() < 0.5:
            self.do("glu", lambda net, x, kept: F.glu(x, axis + 1))
        else:
            self.do("chunks", lambda net, x, kept: (lambda a, b: a * b.tanh())(*x.chunk(2, axis + 1)))
        return tuple(n // 2 if k == axis else n for k, n in enumerate(shape))

    def split(self, shape):
        axis = 0 if len(shape) == 3 else len(shape) - 1
        n = shape[axis]
        if n < 4:
            return None
        k = self.dice.choice([1, n // 2, n // 3])
        self.do("split", lambda net, x, kept: torch.cat(x.split([k, n - k], axis + 1)[::-1], axis + 1))
        return shape

    def split_by_size(self, shape):
        """Pieces of a size written down, the last one perhaps smaller."""
        axis = 0 if len(shape) == 3 else len(shape) - 1
        k = self.dice.choice([2, 3])
        if shape[axis] < 5:
            return None
        self.do("split by size", lambda net, x, kept: torch.cat([p.tanh() for p in x.split(k, axis + 1)], axis + 1))
        return shape

    def sliced(self, shape):
        axis = self.dice.randrange(len(shape))
        n = shape[axis]
        if n < 4:
            return None
        kind = self.dice.choice(["head", "tail", "step", "middle"])
        s = {
            "head": slice(0, n // 2),
            "tail": slice(-(n // 2), None),
            "step": slice(None, None, 2),
            "middle": slice(1, n - 1),
        }[kind]
        index = (slice(None),) * (axis + 1) + (s,)
        self.do(f"slice {kind}", lambda net, x, kept: x[index])
        return tuple(len(range(n)[s]) if k == axis else m for k, m in enumerate(shape))

    def selected(self, shape):
        if len(shape) != 2 or shape[0] < 2:
            return None
        which = self.dice.choice([0, -1])
        self.do("select", lambda net, x, kept: x[:, which])
        return shape[1:]

    def indexed(self, shape):
        axis = self.dice.randrange(len(shape))
        order = list(range(shape[axis]))
        self.dice.shuffle(order)
        index = torch.tensor(order)
        self.do("index_select", lambda net, x, kept: x.index_select(axis + 1, index))
        return shape

    def unbound(self, shape):
        if shape[-1] % 3:
            return None
        if len(shape) == 3:
            return None
        self.do("unbind", lambda net, x, kept: (lambda a, b, c: a * b.tanh() + c)(*x.unflatten(-1, (3, -1)).unbind(-2)))
        return (*shape[:-1], shape[-1] // 3)

    # -- other shapes --------------------------------------------------------------------------------------------------
    def to_sequence(self, shape):
        c, h, w = shape
        self.do("to sequence", lambda net, x, kept: x.flatten(2).transpose(1, 2))
        return (h * w, c)

    def patches(self, shape):
        c, h, w = shape
        if h % 2 or w % 2 or h > 8:
            return None
        self.do(
            "patches",
            lambda net, x, kept: (
                x.reshape(x.shape[0], -1, h // 2, 2, w // 2, 2).permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)
            ),
        )
        return (h * w // 4, c * 4)

    def to_image(self, shape):
        t, c = shape
        side = int(t**0.5)
        if side * side != t or side < 2:
            return None
        if self.dice.random() < 0.5:
            self.do("to image", lambda net, x, kept: x.transpose(1, 2).unflatten(2, (side, side)))
        else:
            self.do("to image -1", lambda net, x, kept: x.transpose(1, 2).reshape(x.shape[0], -1, side, side))
        return (c, side, side)

    def to_vector(self, shape):
        if prod(shape) > 600:
            return None
        kind = self.dice.choice(["flatten", "mean", "view"])
        if kind == "flatten":
            self.do("to vector", lambda net, x, kept: x.flatten(1))
            return (prod(shape),)
        if kind == "view":
            self.do("to vector view", lambda net, x, kept: x.reshape(-1, prod(shape)))
            return (prod(shape),)
        self.do("to vector mean", lambda net, x, kept: x.mean((2, 3)) if x.ndim == 4 else x.mean(1))
        return shape[:1] if len(shape) == 3 else shape[1:]

    def vector_to_sequence(self, shape):
        n = shape[0]
        k = self.dice.choice([k for k in (1, 2, 3, 4) if n % k == 0])
        if self.dice.random() < 0.5:
            self.do("vector to sequence", lambda net, x, kept: x.unflatten(1, (k, -1)))
        else:
            self.do("vector to sequence view", lambda net, x, kept: x.view(-1, k, n // k))
        return (k, n // k)

    def permuted_sequence(self, shape):
        self.do("swap", lambda net, x, kept: x.transpose(1, 2))
        return shape[::-1]

    def nhwc_linear(self, shape):
        c, h, w = shape
        i = self.net.part(nn.Linear(c, 8))
        self.do("nhwc", lambda net, x, kept: net.parts[i](x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))
        return (8, h, w)

    def nhwc_norm(self, shape):
        i = self.net.part(nn.LayerNorm(shape[0]))
        self.do("nhwc norm", lambda net, x, kept: net.parts[i](x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))
        return shape

    def width_linear(self, shape):
        """A linear layer over the positions."""
        i = self.net.part(nn.Linear(shape[0], shape[0]))
        self.do("over positions", lambda net, x, kept: net.parts[i](x.transpose(1, 2)).transpose(1, 2))
        return shape

    def shuffle(self, shape):
        c, h, w = shape
        if c % 2:
            return None
        if self.dice.random() < 0.5:
            self.module("channel shuffle", nn.ChannelShuffle(2))
        else:
            self.do(
                "shuffle view", lambda net, x, kept: x.view(-1, 2, c // 2, h, w).transpose(1, 2).reshape(-1, c, h, w)
            )
        return shape

    def pixel_shuffle(self, shape):
        c, h, w = shape
        if c % 4 or h > 4:
            return None
        self.module("pixel_shuffle", nn.PixelShuffle(2))
        return (c // 4, 2 * h, 2 * w)

    def padded(self, shape):
        c, h, w = shape
        if c > 12 or h > 9:
            return None
        pads, mode = self.dice.choice(
            [
                ((1, 0, 0, 1), "constant"),
                ((0, 0, 0, 0, 1, 2), "constant"),
                ((1, 1, 1, 1), "reflect"),
                ((1, 1, 1, 1), "replicate"),
                ((-1, 0, 0, 0), "constant"),
                ((0, 0, 0, 0, -1, 0), "constant"),
            ]
        )
        if (mode == "reflect" and min(h, w) < 2) or min(shape) < 3:
            return None
        self.do(f"pad {mode}", lambda net, x, kept: F.pad(x, pads, mode=mode))
        p = (*pads, 0, 0)[:6]
        return (c + p[4] + p[5], h + p[2] + p[3], w + p[0] + p[1])

    def pooled(self, shape):
        c, h, w = shape
        if min(h, w) < 2:
            return None
        f = self.dice.choice([F.max_pool2d, F.avg_pool2d])
        kind = self.dice.choice(["pool", "adaptive", "global", "adaptive max"])
        if kind == "pool":
            self.do("pool", lambda net, x, kept: f(x, 2))
            return (c, h // 2, w // 2)
        if kind == "global":
            self.do("global", lambda net, x, kept: F.adaptive_avg_pool2d(x, 1))
            return (c, 1, 1)
        g = F.adaptive_avg_pool2d if kind == "adaptive" else F.adaptive_max_pool2d
        self.do(kind, lambda net, x, kept: g(x, 2))
        return (c, 2, 2)

    def upsampled(self, shape):
        c, h, w = shape
        if h > 4:
            return None
        mode = self.dice.choice(["nearest", "bilinear"])
        self.do("upsample", lambda net, x, kept: F.interpolate(x, scale_factor=2, mode=mode))
        return (c, 2 * h, 2 * w)

    def repeated(self, shape):
        axis = self.dice.randrange(len(shape))
        if prod(shape) > 500 or shape[axis] > 12:
            return None
        kind = self.dice.choice(["repeat", "interleave"])
        if kind == "repeat":
            times = [1] + [2 if k == axis else 1 for k in range(len(shape))]
            self.do("repeat", lambda net, x, kept: x.repeat(*times))
        else:
            self.do("interleave", lambda net, x, kept: x.repeat_interleave(2, axis + 1))
        return tuple(2 * n if k == axis else n for k, n in enumerate(shape))

    def mixed(self, shape):
        """What mixes the coordinates of an axis without a parameter."""
        axis = self.dice.randrange(len(shape)) + 1
        f = self.dice.choice(
            [
                lambda x: x.softmax(axis),
                lambda x: x.cumsum(axis),
                lambda x: x.flip(axis),
                lambda x: x.roll(1, axis),
                lambda x: x.sort(axis).values,
                lambda x: x - x.mean(axis, keepdim=True),
                lambda x: x / (1 + x.norm(dim=axis, keepdim=True)),
                lambda x: F.normalize(x, dim=axis),
                lambda x: x - x.amax(axis, keepdim=True),
                lambda x: x / (1 + x.std(axis, keepdim=True, correction=0)),
                lambda x: x.log_softmax(axis),
                lambda x: x * (x.sum(axis, keepdim=True) > 0),
            ]
        )
        self.do("mixed", lambda net, x, kept: f(x))
        return shape

    def reduced(self, shape):
        if len(shape) < 2:
            return None
        axis = self.dice.randrange(len(shape))
        f = self.dice.choice([torch.sum, torch.mean, torch.amax])
        self.do("reduced", lambda net, x, kept: f(x, axis + 1) / 3)
        return tuple(n for k, n in enumerate(shape) if k != axis)

    def gram(self, shape):
        if prod(shape) > 400 or len(shape) != 2 or shape[0] > 16:
            return None
        self.do("gram", lambda net, x, kept: torch.tanh(x @ x.transpose(1, 2) / 9))
        return (shape[0], shape[0])

    def no_rule(self, shape):
        f = self.dice.choice(
            [
                lambda x: torch.einsum("b...,b...->b...", x, x.tanh()),
                lambda x: torch.special.erfcx(x.abs()),
                lambda x: x.topk(x.shape[1], 1).values,
                lambda x: torch.fft.rfft(x, dim=-1).abs().repeat_interleave(2, -1)[..., : x.shape[-1]],
                lambda x: x.cummax(1).values,
                lambda x: torch.logaddexp(x, -x),
                lambda x: torch.atan2(x, x + 0.37),
            ]
        )
        self.do("no rule", lambda net, x, kept: f(x))
        return shape

    # -- attention -------------------------------------------------------------------------------------------------
    def attention(self, shape):
        t, c = shape
        heads, size = self.dice.choice([2, 3]), self.dice.choice([2, 4])
        groups = self.dice.choice([1, heads])
        q, out = self.net.part(nn.Linear(c, heads * size)), self.net.part(nn.Linear(heads * size, c))
        k, v = (self.net.part(nn.Linear(c, groups * size)) for _ in range(2))
        norm = self.net.part(nn.RMSNorm(size)) if self.dice.random() < 0.3 else None
        manual, gqa = self.dice.random() < 0.5, self.dice.random() < 0.5
        rotary = self.dice.random() < 0.3
        cos = torch.randn(t, size)
        hard = self.dice.random() < 0.3

        def step(net, x, kept):
            def split(y, n):
                if hard:
                    return y.view(-1, t, n, size).transpose(1, 2)
                return y.view(x.shape[0], t, -1, size).transpose(1, 2)

            a, b, d = (split(net.parts[p](x), n) for p, n in ((q, heads), (k, groups), (v, groups)))
            if norm is not None:
                a, b = net.parts[norm](a), net.parts[norm](b)
            if rotary:
                a, b = (
                    y * cos.to(y.dtype) + torch.cat([-y[..., size // 2 :], y[..., : size // 2]], -1) for y in (a, b)
                )
            if not manual and gqa:
                y = F.scaled_dot_product_attention(a, b, d, enable_gqa=groups != heads)
            else:
                if groups != heads:
                    b, d = (y.repeat_interleave(heads // groups, 1) for y in (b, d))
                if manual:
                    y = (a @ b.transpose(-1, -2) / size**0.5).softmax(-1) @ d
                else:
                    y = F.scaled_dot_product_attention(a, b, d)
            y = y.transpose(1, 2).reshape(x.shape[0], t, heads * size if hard else -1)
            return x + net.parts[out](y)

        self.do(f"attention{' hard' * hard}", step)
        return shape

    def fused_attention(self, shape):
        t, c = shape
        heads, size = self.dice.choice([2, 3]), self.dice.choice([2, 4])
        qkv, out = self.net.part(nn.Linear(c, 3 * heads * size)), self.net.part(nn.Linear(heads * size, c))
        order = self.dice.choice(["3hd", "h3d", "chunk"])

        def step(net, x, kept):
            y = net.parts[qkv](x)
            if order == "3hd":
                a, b, d = y.reshape(x.shape[0], t, 3, -1, size).permute(2, 0, 3, 1, 4)
            elif order == "h3d":
                a, b, d = y.reshape(x.shape[0], t, -1, 3, size).permute(3, 0, 2, 1, 4)
            else:
                a, b, d = (z.reshape(x.shape[0], t, -1, size).transpose(1, 2) for z in y.chunk(3, -1))
            y = F.scaled_dot_product_attention(a, b, d)
            return x + net.parts[out](y.transpose(1, 2).flatten(2))

        self.do(f"fused attention {order}", step)
        return shape

    def multihead(self, shape):
        _t, c = shape
        if c % 2:
            return None
        i = self.net.part(nn.MultiheadAttention(c, 2, batch_first=True))
        self.do("nn.MultiheadAttention", lambda net, x, kept: x + net.parts[i](x, x, x, need_weights=False)[0])
        return shape

    def recurrent(self, shape):
        t, c = shape
        cls = self.dice.choice([nn.LSTM, nn.GRU])
        i = self.net.part(cls(c, 5, batch_first=True))
        self.do(cls.__name__, lambda net, x, kept: net.parts[i](x)[0])
        return (t, 5)


B = _Builder
ANY = [
    B.activation,
    B.activation,
    B.scaled,
    B.constant,
    B.add_saved,
    B.add_saved,
    B.cat_saved,
    B.cat_saved,
    B.residual,
    B.glu,
    B.split,
    B.split_by_size,
    B.sliced,
    B.indexed,
    B.mixed,
    B.no_rule,
    B.repeated,
    B.twice,
    B.layer_norm,
    B.functional_norm,
    B.own_norm,
    B.pre_norm_block,
    B.tied,
    B.matmul_parameter,
    B.layer_norm_whole,
]
IMAGE = [
    *ANY,
    *[B.conv] * 10,
    B.conv_transposed,
    B.conv_transposed,
    B.batch_norm,
    B.batch_norm,
    B.batch_norm,
    B.group_norm,
    B.group_norm,
    B.instance_norm,
    B.prelu,
    B.squeeze_excite,
    B.squeeze_excite,
    B.to_sequence,
    B.to_sequence,
    B.patches,
    B.to_vector,
    B.nhwc_linear,
    B.nhwc_norm,
    B.shuffle,
    B.pixel_shuffle,
    B.padded,
    B.padded,
    B.pooled,
    B.pooled,
    B.upsampled,
    B.reduced,
]
SEQUENCE = [
    *ANY,
    *[B.linear] * 7,
    B.conv1d,
    B.selected,
    B.unbound,
    B.to_image,
    B.to_image,
    B.to_vector,
    B.permuted_sequence,
    B.width_linear,
    B.reduced,
    B.gram,
    B.attention,
    B.attention,
    B.attention,
    B.fused_attention,
    B.fused_attention,
    B.multihead,
    B.recurrent,
    B.stacked,
]
VECTOR = [
    *ANY,
    *[B.linear] * 10,
    B.batch_norm,
    B.group_norm,
    B.vector_to_sequence,
    B.vector_to_sequence,
    B.unbound,
    B.stacked,
    B.prelu,
]
