"""Networks of many kinds, small, and the ways to look at what surgery makes of them."""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import ellzero.nn as ez
from ellzero.nn import networks
from ellzero.nn.attach import Gates
from ellzero.nn.graph import trace
from ellzero.nn.selectors import Selection
from random_networks import scramble

CLOSED, OPEN = -5.0, 6.0  # logits at which hard concrete gates are 0 and 1 by the median


# -- gates ---------------------------------------------------------------------------------------------------------------  # noqa: E501
def gates_everywhere(model, example, gate=None):
    """Gates on every group of units that the walk found."""
    graph = trace(model, example)
    return Gates(model, graph, Selection({g.name: g for g in graph.groups}, (), {}), gate or ez.HardConcrete())


def draw_gates(gates, seed=0, closed=0.5, fractions=0.25):
    """Half of the gates closed, a quarter fractions, the rest 1, whatever their law."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for logits in gates.parameters():
            u, v = (torch.rand(logits.shape, generator=generator) for _ in range(2))
            fraction = torch.full_like(v, -1.0) + 2 * v
            logits.copy_(torch.where(u < closed, CLOSED, torch.where(u < closed + fractions, fraction, OPEN)))
    return gates


def set_all(gates, logit, *names):
    """Put all logits of the sites named, or of all of them, to one value."""
    with torch.no_grad():
        for name, logits in gates.logits.items():
            if not names or name in names:
                logits.fill_(logit)


# -- what comes out --------------------------------------------------------------------------------------------------------  # noqa: E501
def output(model, example):
    """The first tensor that a forward in evaluation mode returns."""
    model.eval()
    with torch.no_grad():
        out = model(**example) if isinstance(example, dict) else model(example)
    if isinstance(out, torch.Tensor):
        return out
    return next(value for value in (out.values() if isinstance(out, dict) else out) if value is not None)


def off(found, expected):
    """Largest difference as a share of the largest number."""
    assert found.shape == expected.shape
    return float((found - expected).abs().max() / expected.abs().max().clamp(min=1e-300))


def n_params(model):
    return sum(p.numel() for p in model.parameters())


def flops(model, example):
    """By torch's counter, whose registry lacks attention's flash kernel on the CPU."""
    model.eval()
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):  # with grad: no fused encoder layer
        model(**example) if isinstance(example, dict) else model(example)
    return counter.get_total_flops()


# -- modules -------------------------------------------------------------------------------------------------------------  # noqa: E501
class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.bn = nn.Linear(7, 19), nn.BatchNorm1d(19)
        self.b, self.c = nn.Linear(19, 11, bias=False), nn.Linear(11, 3)

    def forward(self, x):
        return self.c(F.gelu(self.b(F.relu(self.bn(self.a(x))))))


class Dense(nn.Module):
    """Every layer reads all before it, side by side."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(5 + 6 * k, 6, 3, padding=1) for k in range(3))
        self.norms = nn.ModuleList(nn.BatchNorm2d(5 + 6 * k) for k in range(3))
        self.stem, self.head = nn.Conv2d(3, 5, 3), nn.Linear(23, 3)

    def forward(self, x):
        x = self.stem(x)
        for norm, layer in zip(self.norms, self.layers, strict=True):
            x = torch.cat([x, layer(F.relu(norm(x)))], 1)
        return self.head(x.mean((2, 3)))


class UNet(nn.Module):
    """Group norms, grouped and transposed convolutions, a gated unit by chunks, a skip."""

    def __init__(self):
        super().__init__()
        self.down, self.n1 = nn.Conv2d(3, 8, 3, padding=1), nn.GroupNorm(4, 8)
        self.low, self.n2 = nn.Conv2d(8, 12, 3, 2, 1, groups=2), nn.GroupNorm(3, 12)
        self.gated = nn.Conv2d(12, 20, 1)
        self.up = nn.ConvTranspose2d(10, 6, 2, 2)
        self.grouped = nn.ConvTranspose2d(6, 6, 3, padding=1, groups=3)
        self.head = nn.Conv2d(14, 2, 1)

    def forward(self, x):
        a = F.silu(self.n1(self.down(x)))
        b = F.silu(self.n2(self.low(a)))
        u, v = self.gated(b).chunk(2, 1)
        c = self.grouped(F.relu(self.up(u * v.sigmoid())))
        return self.head(torch.cat([a, c], 1))


class SqueezeExcite(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.bn, self.b = nn.Conv2d(3, 12, 3), nn.BatchNorm2d(12), nn.Conv2d(12, 8, 1)
        self.down, self.up, self.head = nn.Conv2d(12, 5, 1), nn.Conv2d(5, 12, 1), nn.Linear(8, 3)

    def forward(self, x):
        x = F.relu(self.bn(self.a(x)))
        x = x * self.up(F.relu(self.down(F.adaptive_avg_pool2d(x, 1)))).sigmoid()
        return self.head(self.b(x).amax((2, 3)))


class ChannelsFirstLayerNorm(nn.Module):
    """ConvNeXt's norm over the channels of an image."""

    def __init__(self, width):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, x):
        x = x - x.mean(1, keepdim=True)
        x = x / (x.pow(2).mean(1, keepdim=True) + 1e-6).sqrt()
        return self.weight[:, None, None] * x + self.bias[:, None, None]


class ConvNeXt(nn.Module):
    """Its block: depthwise, norm over channels, two linear layers channels last, a scale. Width 8 = side 8 on purpose."""  # noqa: E501

    def __init__(self):
        super().__init__()
        self.stem, self.first = nn.Conv2d(3, 8, 1), ChannelsFirstLayerNorm(8)
        self.depthwise, self.norm = nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.LayerNorm(8)
        self.up, self.down, self.scale = nn.Linear(8, 19), nn.Linear(19, 8), nn.Parameter(torch.full((8,), 0.37))
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        x = self.first(self.stem(x))
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.scale * self.down(F.gelu(self.up(y)))
        return self.head((x + y.permute(0, 3, 1, 2)).mean((2, 3)))


class MinGPT(nn.Module):
    """``view(B, T, n_head, C // n_head)``: a forward that ties the size of a head to the width of the stream."""

    def __init__(self, heads=3, width=12):
        super().__init__()
        self.n_head, self.embed = heads, nn.Embedding(19, width)
        self.ln, self.attn, self.proj = nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down, self.head = nn.Linear(width, 14), nn.Linear(14, width), nn.Linear(width, 19)

    def forward(self, ids):
        x = self.embed(ids)
        b, t, c = x.shape
        q, k, v = self.attn(self.ln(x)).split(c, dim=2)
        q, k, v = (y.view(b, t, self.n_head, c // self.n_head).transpose(1, 2) for y in (q, k, v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(y.transpose(1, 2).contiguous().view(b, t, c))
        return self.head(x + self.down(F.gelu(self.up(x))))


class Odd(nn.Module):
    """A recurrent layer, a weight norm, a pixel shuffle and a sort among layers that can be cut."""

    def __init__(self):
        super().__init__()
        self.a, self.shuffled = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 1)
        self.b, self.c = nn.Conv2d(2, 6, 1), nn.Linear(6, 12)
        self.lstm = nn.LSTM(12, 5, batch_first=True)
        self.d, self.e = nn.Linear(5, 14), nn.utils.parametrizations.weight_norm(nn.Linear(14, 9))
        self.f, self.g, self.head = nn.Linear(9, 7), nn.Linear(7, 11), nn.Linear(11, 3)

    def forward(self, x):
        x = F.pixel_shuffle(self.shuffled(F.relu(self.a(x))), 2)
        x = self.c(F.relu(self.b(x)).flatten(2).transpose(1, 2))
        x, _ = self.lstm(x)
        x = self.f(self.e(F.relu(self.d(x[:, -1]))))
        return self.head(F.relu(self.g(x.sort(-1).values)))


class Encoder(nn.Module):
    """torch's own transformer layer, which reads weights of layers that it does not call."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(5, 12)
        self.layer = nn.TransformerEncoderLayer(12, 3, 19, dropout=0.0, batch_first=True, norm_first=True)
        self.norm, self.head = nn.LayerNorm(12), nn.Linear(12, 3)

    def forward(self, x):
        return self.head(self.norm(self.layer(self.embed(x))))


# -- the table -------------------------------------------------------------------------------------------------------------  # noqa: E501
@dataclass(frozen=True)
class Case:
    name: str
    make: Any
    inputs: Any
    kinds: frozenset  # of the groups that must be there
    class_form: bool = True
    slow: bool = False
    double: bool = True  # whether it runs in float64

    def model(self, dtype=torch.float32, seed=37):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return scramble(self.make(), seed).to(dtype).eval()

    def example(self, dtype=torch.float32, seed=0):
        torch_seed = torch.Generator().manual_seed(seed)
        if isinstance(self.inputs, tuple):
            return torch.randn(self.inputs, generator=torch_seed, dtype=dtype)
        ids = torch.randint(0, self.inputs["vocabulary"], (2, 7), generator=torch_seed)
        return {self.inputs["name"]: ids} if "name" in self.inputs else ids


def case(name, make, inputs, kinds, **options):
    return Case(name, make, inputs, frozenset(kinds.split()), **options)


def hf(name, config, model, slow=True, kinds="neuron head hidden", attention="sdpa", double=True, **fields):
    """A Hugging Face network, made from its configuration alone."""

    def make():
        import transformers

        return getattr(transformers, model)(getattr(transformers, config)(attn_implementation=attention, **fields))

    pixels = "image_size" in fields
    return case(
        name, make, (2, 3, 8, 8) if pixels else {"vocabulary": 37, "name": "input_ids"}, kinds, slow=slow, double=double
    )


LLAMA = {
    "vocab_size": 37,
    "hidden_size": 24,
    "intermediate_size": 19,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 32,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
IMAGE = (2, 3, 16, 16)

PLAIN = [
    case("mlp", MLP, (5, 7), "neuron"),
    case("lenet5", lambda: networks.LeNet5((4, 6), 19), (2, 1, 28, 28), "channel neuron"),
    case("vgg", lambda: networks.VGG(((4, 6), (8,))), IMAGE, "channel"),
    case("resnet20-projection", lambda: networks.ResNet(3, (4, 6, 8)), IMAGE, "channel"),
    case("resnet20-pad", lambda: networks.ResNet(3, (4, 6, 8), "pad"), IMAGE, "channel"),
    case("wrn-narrow", lambda: networks.WideResNet(10, 1, stem=5), IMAGE, "channel"),
    case("wrn-28-10", networks.WideResNet, (2, 3, 8, 8), "channel", slow=True),
    case("mobilenet", lambda: networks.MobileNet(((1, 4, 1, 1), (2, 6, 2, 2)), 5, 9), IMAGE, "channel"),
    case("vit", lambda: networks.ViT(8, 4, 12, 2, 3, 19), (2, 3, 8, 8), "neuron head hidden"),
    case("dense", Dense, IMAGE, "channel"),
    case("unet", UNet, IMAGE, "channel"),
    case("squeeze-excite", SqueezeExcite, IMAGE, "channel"),
    case("convnext", ConvNeXt, (2, 3, 8, 8), "neuron"),
    case("mingpt", MinGPT, {"vocabulary": 19}, "neuron head hidden", class_form=False),
    case("encoder", Encoder, (2, 4, 5), "neuron hidden", class_form=False),
    case("odd", Odd, (2, 3, 4, 4), "channel neuron"),
]
HUGGING = [
    hf("llama-gqa", "LlamaConfig", "LlamaForCausalLM", slow=False, tie_word_embeddings=False, **LLAMA),
    hf("llama-gqa-tied", "LlamaConfig", "LlamaForCausalLM", slow=False, tie_word_embeddings=True, **LLAMA),
    hf(
        "bert",
        "BertConfig",
        "BertForSequenceClassification",
        slow=False,
        vocab_size=37,
        hidden_size=12,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=19,
        max_position_embeddings=32,
    ),
    hf(
        "gpt2",
        "GPT2Config",
        "GPT2LMHeadModel",
        vocab_size=37,
        n_embd=12,
        n_layer=2,
        n_head=3,
        n_positions=32,
        bos_token_id=1,
        eos_token_id=2,
    ),
    hf(
        "vit-hf",
        "ViTConfig",
        "ViTForImageClassification",
        hidden_size=12,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=19,
        image_size=8,
        patch_size=4,
    ),
    hf("qwen3", "Qwen3Config", "Qwen3ForCausalLM", head_dim=8, **LLAMA),
    hf("gemma2", "Gemma2Config", "Gemma2ForCausalLM", attention="eager", head_dim=8, **LLAMA),
    hf(
        "opt",
        "OPTConfig",
        "OPTForCausalLM",
        vocab_size=37,
        hidden_size=12,
        num_hidden_layers=2,
        ffn_dim=19,
        num_attention_heads=3,
        max_position_embeddings=32,
        word_embed_proj_dim=12,
        pad_token_id=1,
        bos_token_id=1,
        eos_token_id=2,
    ),
    hf("phi3", "Phi3Config", "Phi3ForCausalLM", kinds="neuron hidden", **LLAMA),
    hf(
        "neox",
        "GPTNeoXConfig",
        "GPTNeoXForCausalLM",
        vocab_size=37,
        hidden_size=12,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=19,
        max_position_embeddings=32,
        bos_token_id=1,
        eos_token_id=2,
    ),
    hf(
        "mixtral",
        "MixtralConfig",
        "MixtralForCausalLM",
        kinds="head",
        double=False,
        num_local_experts=3,
        **LLAMA | {"intermediate_size": 20},
    ),
]
ZOO = {c.name: c for c in PLAIN + HUGGING}
