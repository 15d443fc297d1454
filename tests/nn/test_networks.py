"""The test networks against published counts, closed forms and the papers' definitions."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ellzero.nn import networks

TINY = [
    (networks.LeNet300(hidden=(7, 5), inputs=3 * 32 * 32), 32, 3),
    (networks.LeNet5(channels=(3, 5), hidden=7), 28, 1),
    (networks.VGG(((3, 5), (7,))), 32, 3),
    (networks.ResNet(1, (3, 5, 8), "projection"), 32, 3),
    (networks.ResNet(1, (3, 5, 8), "pad"), 32, 3),
    (networks.WideResNet(10, 1, dropout=0.37, stem=4), 32, 3),
    (networks.MobileNet(((1, 3, 1, 1), (2, 5, 2, 2)), stem=4, last=7), 32, 3),
    (networks.ViT(size=32, patch=8, width=12, depth=2, heads=3, mlp=19), 32, 3),
]
NAMES = [f"{type(network).__name__}-{i}" for i, (network, *_) in enumerate(TINY)]


def count(network, weights_only=False):
    return sum(p.numel() for p in network.parameters() if p.ndim > 1 or not weights_only)


def images(n, channels, size, seed=37):
    return torch.randn(n, channels, size, size, generator=torch.Generator().manual_seed(seed))


def convolution_and_norm(inside, out, kernel):
    return inside * out * kernel**2 + 2 * out


def residual_count(blocks, widths, projection, channels, classes):
    """He et al., section 4.2, term by term."""
    total, before = convolution_and_norm(channels, widths[0], 3), widths[0]
    for width in widths:
        total += convolution_and_norm(before, width, 3) + (2 * blocks - 1) * convolution_and_norm(width, width, 3)
        total += convolution_and_norm(before, width, 1) if projection and width != before else 0
        before = width
    return total + (before + 1) * classes


def wide_count(blocks, widths, channels, classes):
    """Zagoruyko & Komodakis, table 1: norms are of what enters a convolution, projections have none."""
    total, before = 9 * channels * widths[0], widths[0]
    for width in widths[1:]:
        total += 2 * before + 9 * before * width + before * width
        total += (blocks - 1) * (2 * width + 9 * width**2) + blocks * (2 * width + 9 * width**2)
        before = width
    return total + 2 * before + (before + 1) * classes


PUBLISHED = [
    (networks.LeNet300, 266_610),
    (networks.LeNet5, 431_080),
    (lambda: networks.VGG(((64,) * 2, (128,) * 2, (256,) * 3, (512,) * 3, (512,) * 3)), 14_724_042),
    (lambda: networks.ResNet(shortcut="pad"), 269_722),
    (networks.ResNet, 272_474),
    (networks.WideResNet, 36_479_194),
]


@pytest.mark.parametrize(("make", "parameters"), PUBLISHED)
def test_counts_are_the_published_ones(make, parameters):
    with torch.device("meta"):
        network = make()
    assert count(network) == parameters


def test_weights_of_the_lenets():
    assert count(networks.LeNet300(), weights_only=True) == 266_200
    assert count(networks.LeNet5(), weights_only=True) == 430_500


@pytest.mark.parametrize("shortcut", ["pad", "projection"])
@pytest.mark.parametrize(("blocks", "widths", "channels", "classes"), [(3, (16, 32, 64), 3, 10), (2, (3, 7, 9), 1, 19)])
def test_residual_count_by_formula(shortcut, blocks, widths, channels, classes):
    network = networks.ResNet(blocks, widths, shortcut, channels, classes)
    assert count(network) == residual_count(blocks, widths, shortcut == "projection", channels, classes)
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
    assert len(convolutions) + 1 == 6 * blocks + 2


@pytest.mark.parametrize(("depth", "widen", "stem", "channels", "classes"), [(10, 1, 5, 1, 3), (16, 2, 16, 3, 19)])
def test_wide_count_by_formula(depth, widen, stem, channels, classes):
    network = networks.WideResNet(depth, widen, stem=stem, in_channels=channels, classes=classes)
    widths = (stem, 16 * widen, 32 * widen, 64 * widen)
    assert count(network) == wide_count((depth - 4) // 6, widths, channels, classes)


@pytest.mark.parametrize("cls", networks.NETWORKS)
def test_channels_and_classes_are_arguments(cls):
    channels = {"inputs": 5 * 32 * 32} if cls is networks.LeNet300 else {"in_channels": 5}
    size = {"size": 32} if cls is networks.LeNet5 else {}
    small = {"depth": 10, "widen": 1} if cls is networks.WideResNet else {}
    assert cls(classes=19, **channels, **size, **small)(images(2, 5, 32)).shape == (2, 19)


@pytest.mark.parametrize(("network", "size", "channels"), TINY, ids=NAMES)
def test_every_parameter_learns(network, size, channels):
    """A layer that the forward leaves out has no gradient."""
    network = copy.deepcopy(network).train()
    torch.manual_seed(19)
    network(images(9, channels, size)).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize(("network", "size", "channels"), TINY, ids=NAMES)
def test_eval_is_row_by_row(network, size, channels):
    """No image sees another, and dropout is off."""
    network = copy.deepcopy(network).eval()
    x = images(4, channels, size)
    with torch.no_grad():
        torch.testing.assert_close(network(x)[2:3], network(x[2:3]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("network", "size", "channels"), TINY, ids=NAMES)
def test_exports_with_any_batch(network, size, channels):
    """What the walk over the graph starts from."""
    x = images(3, channels, size)
    network = copy.deepcopy(network).eval()
    program = torch.export.export(network, (x,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    y = images(5, channels, size, seed=19)
    with torch.no_grad():
        torch.testing.assert_close(program.module()(y), network(y), rtol=1e-5, atol=1e-6)


def test_modules_are_plain():
    """Layers of torch and containers of this file, nothing of the library's machinery."""
    for network, *_ in TINY:
        rooms = {type(module).__module__ for module in network.modules()} - {networks.__name__}
        assert all(room.startswith("torch.nn.modules.") for room in rooms)


def test_lenet5_is_the_definition():
    """Valid convolutions, ReLU, maxima of 2x2, flattened channels first."""
    net = networks.LeNet5((3, 5), 7)
    x = images(2, 1, 28)
    y = F.max_pool2d(F.relu(F.conv2d(x, net.conv1.weight, net.conv1.bias)), 2, 2)
    y = F.max_pool2d(F.relu(F.conv2d(y, net.conv2.weight, net.conv2.bias)), 2, 2)
    y = F.relu(F.linear(y.reshape(2, 5 * 16), net.fc1.weight, net.fc1.bias))
    torch.testing.assert_close(net(x), F.linear(y, net.fc2.weight, net.fc2.bias))


def test_lenet300_is_the_definition():
    net = networks.LeNet300(12, (7, 5), 3)
    x = images(2, 1, 4)[:, :, :3]
    state = list(net.state_dict().values())
    y = torch.relu(x.reshape(2, 12) @ state[0].T + state[1])
    y = torch.relu(y @ state[2].T + state[3])
    torch.testing.assert_close(net(x), y @ state[4].T + state[5])


def test_padded_shortcut():
    """Option A: pixels 0, 2, 4, ... and zeros on both sides of the channels."""
    x = images(2, 3, 8)
    y = networks.PadShortcut(5, 2)(x)
    assert y.shape == (2, 8, 4, 4)
    assert torch.equal(y[:, 2:5], x[:, :, ::2, ::2])
    assert not y[:, :2].any()
    assert not y[:, 5:].any()


def test_dead_branch_leaves_the_shortcut():
    """With the last convolutions at zero, blocks hand on their shortcut; WRN's is not passed through ReLU."""
    x = images(2, 16, 8)
    wide = networks.WideBlock(16, 16, 1, 0.0).eval()
    nn.init.zeros_(wide.conv2.weight)
    torch.testing.assert_close(wide(x), x)
    basic = networks.BasicBlock(16, 16, 1, "pad").eval()
    nn.init.zeros_(basic.conv2.weight)
    torch.testing.assert_close(basic(x), x.relu())
    wider = networks.WideBlock(16, 19, 2, 0.0).eval()
    nn.init.zeros_(wider.conv2.weight)
    torch.testing.assert_close(wider(x), F.conv2d(wider.bn1(x).relu(), wider.shortcut.weight, stride=2))


def test_dropout_sits_between_the_convolutions():
    """All dropped: only the shortcut is left, in training mode alone."""
    x = images(2, 16, 8)
    block = networks.WideBlock(16, 16, 1, 1.0)
    entering = []
    block.conv2.register_forward_pre_hook(lambda _, inputs: entering.append(inputs[0]))
    torch.testing.assert_close(block(x), x)
    assert not entering[0].any()
    assert not torch.allclose(block.eval()(x), x)


def test_attention_is_the_definition():
    """Heads one by one, softmax written out; the order of the fused matrix is queries, keys, values, heads inside."""
    block = networks.EncoderBlock(12, 3, 19)
    x = images(2, 5, 12)[:, :, 0]
    y, heads = block.norm1(x), []
    q, k, v = (y @ w.T + b for w, b in zip(block.qkv.weight.chunk(3), block.qkv.bias.chunk(3), strict=True))
    for h in range(3):
        part = slice(4 * h, 4 * h + 4)
        scores = (q[..., part] @ k[..., part].transpose(1, 2) / 2.0).softmax(-1)
        heads.append(scores @ v[..., part])
    z = x + block.proj(torch.cat(heads, -1))
    z = z + block.fc2(F.gelu(block.fc1(block.norm2(z))))
    torch.testing.assert_close(block(x), z, rtol=1e-5, atol=1e-5)


def test_depthwise_convolution_keeps_channels_apart():
    block = networks.InvertedResidual(5, 5, 1, 3)
    assert count(block) == 5 * 15 + 9 * 15 + 15 * 5 + 2 * (15 + 15 + 5)
    assert block.depthwise.weight.shape == (15, 1, 3, 3)
    assert networks.InvertedResidual(5, 5, 2, 3)(images(2, 5, 8)).shape == (2, 5, 4, 4)
    assert networks.InvertedResidual(5, 7, 1, 3)(images(2, 5, 8)).shape == (2, 7, 8, 8)
    nn.init.zeros_(block.bn3.weight)
    torch.testing.assert_close(block(images(2, 5, 8)), images(2, 5, 8))


def test_he_normal_has_its_variance():
    torch.manual_seed(37)
    convolution = nn.Conv2d(19, 64, 5)
    networks.he_normal(convolution)
    assert convolution.weight.detach().var().item() == pytest.approx(2 / (64 * 25), rel=0.03)


def test_same_seed_same_network():
    for cls in networks.NETWORKS[:2]:
        first, second = (torch.manual_seed(19) and cls().state_dict() for _ in range(2))
        assert all(torch.equal(first[key], second[key]) for key in first)
