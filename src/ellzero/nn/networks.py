"""The standard networks of the pruning literature as plain modules, sized by arguments.

Nothing of ellzero is in them: they are what a stranger would write, so that a method that works here works on any
module. Sizes are given in the constructor; images are (batch, channels, height, width), scores (batch, classes).
"""

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, cat, nn, zeros

from .. import _checks as checks


class LeNet300(nn.Module):
    """LeNet-300-100: two hidden layers of 300 and 100 units, ReLU between them.

    784-300-100-10 on MNIST: 266,610 parameters, of which 266,200 are weights.

    Parameters
    ----------
    inputs : int, >= 1
        Numbers in one image.
    hidden : tuple of int, each >= 1
        Units of the hidden layers; any number of layers.
    classes : int, >= 1
        Scores that come out.

    References
    ----------
    LeCun, Bottou, Bengio & Haffner (1998), "Gradient-based learning applied to document recognition", section III.

    Examples
    --------
    >>> import torch
    >>> network = LeNet300(hidden=(30, 10))
    >>> network(torch.zeros(3, 1, 28, 28)).shape
    torch.Size([3, 10])
    """

    def __init__(self, inputs: int = 784, hidden: tuple[int, ...] = (300, 100), classes: int = 10):
        super().__init__()
        sizes = (inputs, *hidden)
        self.hidden = nn.Sequential(*(layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), nn.ReLU())))
        self.head = nn.Linear(sizes[-1], classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.hidden(x.flatten(1)))


class LeNet5(nn.Module):
    """LeNet-5 in the form of Caffe: 20-50-800-500, valid 5x5 convolutions, 2x2 maximum pools.

    conv 20 - pool - conv 50 - pool - linear 500 - linear 10: 431,080 parameters on MNIST, of which 430,500 are weights.
    ReLU follows both pools (which is the same as before them, and cheaper), as in Louizos et al., and the first linear
    layer; Caffe has only the latter.

    Parameters
    ----------
    channels : (int, int), each >= 1
        Filters of the two convolutions.
    hidden : int, >= 1
        Units of the hidden linear layer.
    in_channels : int, >= 1
        Channels of an image.
    size : int, >= 16
        Height and width of an image in pixels.
    classes : int, >= 1
        Scores that come out.

    References
    ----------
    Jia et al. (2014), "Caffe: convolutional architecture for fast feature embedding", examples/mnist/lenet.prototxt.
    Louizos, Welling & Kingma (2018), "Learning sparse neural networks through L0 regularization", section 4.1.

    Examples
    --------
    >>> import torch
    >>> network = LeNet5(channels=(3, 5), hidden=7)
    >>> network(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        channels: tuple[int, int] = (20, 50),
        hidden: int = 500,
        in_channels: int = 1,
        size: int = 28,
        classes: int = 10,
    ):
        super().__init__()
        side = ((size - 4) // 2 - 4) // 2
        self.conv1 = nn.Conv2d(in_channels, channels[0], 5)
        self.conv2 = nn.Conv2d(channels[0], channels[1], 5)
        self.fc1 = nn.Linear(channels[1] * side * side, hidden)
        self.fc2 = nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


class VGG(nn.Module):
    """VGG with batch normalisation: stages of 3x3 convolutions, each closed by a maximum pool, a mean, a linear layer.

    The default is small, 32-32 / 64-64 / 128-128. VGG-16 for 32x32 images, its convolutions without bias, is
    ``VGG(((64,) * 2, (128,) * 2, (256,) * 3, (512,) * 3, (512,) * 3))``: 14,724,042 parameters.

    Parameters
    ----------
    stages : tuple of tuples of int, each >= 1
        Filters of the convolutions, stage by stage; images need 2 pixels to the power of the stages on a side.
    in_channels : int, >= 1
        Channels of an image.
    classes : int, >= 1
        Scores that come out.

    References
    ----------
    Simonyan & Zisserman (2015), "Very deep convolutional networks for large-scale image recognition", table 1.

    Examples
    --------
    >>> import torch
    >>> network = VGG(stages=((3, 5), (7,)))
    >>> network(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        stages: tuple[tuple[int, ...], ...] = ((32, 32), (64, 64), (128, 128)),
        in_channels: int = 3,
        classes: int = 10,
    ):
        super().__init__()
        layers: list[nn.Module] = []
        for stage in stages:
            for width in stage:
                convolution = nn.Conv2d(in_channels, width, 3, padding=1, bias=False)
                layers += [convolution, nn.BatchNorm2d(width), nn.ReLU()]
                in_channels = width
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(in_channels, classes)
        he_normal(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x).mean((2, 3)))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut: relu(shortcut(x) + bn(conv(relu(bn(conv(x)))))).

    Where the shape changes the shortcut is a strided 1x1 convolution with batch normalisation ("projection", option B
    of He et al.), or every ``stride``-th pixel with channels of zeros on both sides ("pad", option A).
    """

    def __init__(self, in_channels: int, width: int, stride: int, shortcut: str):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        if stride == 1 and in_channels == width:
            self.shortcut = nn.Identity()
        elif shortcut == "projection":
            convolution = nn.Conv2d(in_channels, width, 1, stride, bias=False)
            self.shortcut = nn.Sequential(convolution, nn.BatchNorm2d(width))
        else:
            self.shortcut = PadShortcut(width - in_channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.shortcut(x) + self.bn2(self.conv2(y)))


class PadShortcut(nn.Module):
    """Every ``stride``-th pixel, with ``extra`` channels of zeros shared between the two sides."""

    def __init__(self, extra: int, stride: int):
        super().__init__()
        self.extra, self.stride = extra, stride

    def forward(self, x: Tensor) -> Tensor:
        before = self.extra // 2
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, before, self.extra - before))


class ResNet(nn.Module):
    """Residual network for 32x32 images, ResNet-20 by default: three stages of basic blocks.

    Its depth is 6 ``blocks`` + 2; the second and the third stage halve the size. ResNet-20 has 269,722 parameters with
    padded shortcuts and 272,474 with projections.

    Parameters
    ----------
    blocks : int, >= 1
        Basic blocks in each stage.
    widths : (int, int, int), each >= 1
        Channels of the stages; with padded shortcuts none is less than the one before.
    shortcut : {"projection", "pad"}
        What carries the residual where the shape changes: a strided 1x1 convolution, or a strided copy padded by zeros.
    in_channels : int, >= 1
        Channels of an image.
    classes : int, >= 1
        Scores that come out.

    Raises
    ------
    ArgumentError
        For another ``shortcut``.

    References
    ----------
    He, Zhang, Ren & Sun (2016), "Deep residual learning for image recognition", section 4.2.

    Examples
    --------
    >>> import torch
    >>> network = ResNet(blocks=1, widths=(3, 5, 7), shortcut="pad")
    >>> network(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        blocks: int = 3,
        widths: tuple[int, int, int] = (16, 32, 64),
        shortcut: str = "projection",
        in_channels: int = 3,
        classes: int = 10,
    ):
        super().__init__()
        checks.one_of("shortcut", shortcut, ("projection", "pad"))
        self.conv = nn.Conv2d(in_channels, widths[0], 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(widths[0])
        before = (widths[0], *widths[:2])
        self.stages = nn.Sequential(
            *(
                BasicBlock(before[stage] if i == 0 else width, width, 2 if i == 0 < stage else 1, shortcut)
                for stage, width in enumerate(widths)
                for i in range(blocks)
            )
        )
        self.head = nn.Linear(widths[2], classes)
        he_normal(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stages(F.relu(self.bn(self.conv(x))))
        return self.head(x.mean((2, 3)))


class WideBlock(nn.Module):
    """Norm and ReLU before each of two 3x3 convolutions, dropout between them.

    Where the shape changes the shortcut is a 1x1 convolution of the normalised input, elsewhere the input itself.
    """

    def __init__(self, in_channels: int, width: int, stride: int, dropout: float):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        same = stride == 1 and in_channels == width
        self.shortcut = None if same else nn.Conv2d(in_channels, width, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(x))
        rest = x if self.shortcut is None else self.shortcut(y)
        y = F.relu(self.bn2(self.conv1(y)))
        return rest + self.conv2(self.dropout(y))


class WideResNet(nn.Module):
    """Wide residual network with norms before convolutions, WRN-28-10 by default: 36,479,194 parameters.

    Three stages of (``depth`` - 4) / 6 blocks at 16, 32 and 64 times ``widen`` channels; the second and the third halve
    the size. The first convolution of a block has the stride; the code of Louizos et al. strides in the second, with as
    many parameters and more operations.

    Parameters
    ----------
    depth : int, 6 n + 4
        Convolutions on the way through, projections aside.
    widen : int, >= 1
        Factor on the channels of the stages.
    dropout : float, in [0, 1)
        Share of values dropped between the convolutions of a block; 0.3 in the paper on CIFAR.
    stem : int, >= 1
        Channels of the first convolution.
    in_channels : int, >= 1
        Channels of an image.
    classes : int, >= 1
        Scores that come out.

    Raises
    ------
    ArgumentError
        For a ``depth`` that is not 6 n + 4 with n >= 1.

    References
    ----------
    Zagoruyko & Komodakis (2016), "Wide residual networks", table 1.

    Examples
    --------
    >>> import torch
    >>> network = WideResNet(depth=10, widen=1, dropout=0.3)
    >>> network(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        depth: int = 28,
        widen: int = 10,
        dropout: float = 0.0,
        stem: int = 16,
        in_channels: int = 3,
        classes: int = 10,
    ):
        super().__init__()
        blocks = checks.wide_depth(depth)
        widths = (stem, 16 * widen, 32 * widen, 64 * widen)
        self.conv = nn.Conv2d(in_channels, stem, 3, padding=1, bias=False)
        self.stages = nn.Sequential(
            *(
                WideBlock(widths[stage if i else stage - 1], widths[stage], 2 if i == 0 and stage > 1 else 1, dropout)
                for stage in (1, 2, 3)
                for i in range(blocks)
            )
        )
        self.bn = nn.BatchNorm2d(widths[3])
        self.head = nn.Linear(widths[3], classes)
        he_normal(self)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn(self.stages(self.conv(x))))
        return self.head(x.mean((2, 3)))


class InvertedResidual(nn.Module):
    """1x1 convolution to ``expand`` times the channels, 3x3 depthwise, 1x1 without ReLU; a shortcut where it fits."""

    def __init__(self, in_channels: int, width: int, stride: int, expand: int):
        super().__init__()
        inner = expand * in_channels
        self.expand = nn.Conv2d(in_channels, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.depthwise = nn.Conv2d(inner, inner, 3, stride, padding=1, groups=inner, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.project = nn.Conv2d(inner, width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        self.residual = stride == 1 and in_channels == width

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu6(self.bn1(self.expand(x)))
        y = F.relu6(self.bn2(self.depthwise(y)))
        y = self.bn3(self.project(y))
        return x + y if self.residual else y


class MobileNet(nn.Module):
    """Small network of inverted residuals with depthwise convolutions, in the style of MobileNetV2, for 32x32 images.

    Parameters
    ----------
    stages : tuple of (expand, width, blocks, stride)
        Rows as in table 2 of the paper: expansion factor, channels, blocks, stride of the first of them.
    stem : int, >= 1
        Channels of the first convolution.
    last : int, >= 1
        Channels of the 1x1 convolution before the mean.
    in_channels : int, >= 1
        Channels of an image.
    classes : int, >= 1
        Scores that come out.

    References
    ----------
    Sandler et al. (2018), "MobileNetV2: inverted residuals and linear bottlenecks", table 2.

    Examples
    --------
    >>> import torch
    >>> network = MobileNet(stages=((2, 3, 2, 2),), stem=5, last=7)
    >>> network(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        stages: tuple[tuple[int, int, int, int], ...] = ((1, 16, 1, 1), (4, 24, 2, 2), (4, 32, 2, 2), (4, 64, 2, 1)),
        stem: int = 16,
        last: int = 128,
        in_channels: int = 3,
        classes: int = 10,
    ):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, stem, 3, padding=1, bias=False), nn.BatchNorm2d(stem), nn.ReLU6()
        )
        blocks, before = [], stem
        for expand, width, count, stride in stages:
            for i in range(count):
                blocks.append(InvertedResidual(before, width, 1 if i else stride, expand))
                before = width
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Sequential(nn.Conv2d(before, last, 1, bias=False), nn.BatchNorm2d(last), nn.ReLU6())
        self.head = nn.Linear(last, classes)
        he_normal(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.last(self.blocks(self.stem(x))).mean((2, 3)))


class EncoderBlock(nn.Module):
    """Norm and attention, norm and two linear layers, each added to the stream; one matrix makes q, k and v."""

    def __init__(self, width: int, heads: int, mlp: int):
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, mlp)
        self.fc2 = nn.Linear(mlp, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, _ = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v)
        x = x + self.proj(y.transpose(1, 2).flatten(2))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class ViT(nn.Module):
    """Small vision transformer: patches and a class token, blocks with norms first, scores from the class token.

    Parameters
    ----------
    size, patch : int, >= 1
        Height and width of an image and of a patch in pixels; ``patch`` divides ``size``.
    width : int, >= 1
        Numbers in a token; ``heads`` divides it.
    depth, heads, mlp : int, >= 1
        Blocks, heads of an attention, units of the hidden layer of a block.
    in_channels : int, >= 1
        Channels of an image.
    classes : int, >= 1
        Scores that come out.

    References
    ----------
    Dosovitskiy et al. (2021), "An image is worth 16x16 words", section 3.1.

    Examples
    --------
    >>> import torch
    >>> network = ViT(size=8, patch=4, width=12, depth=1, heads=3, mlp=19)
    >>> network(torch.zeros(2, 3, 8, 8)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        size: int = 32,
        patch: int = 4,
        width: int = 64,
        depth: int = 4,
        heads: int = 4,
        mlp: int = 128,
        in_channels: int = 3,
        classes: int = 10,
    ):
        super().__init__()
        self.patches = nn.Conv2d(in_channels, width, patch, patch)
        self.token = nn.Parameter(zeros(1, 1, width))
        self.position = nn.Parameter(0.02 * zeros(1, (size // patch) ** 2 + 1, width).normal_())
        self.blocks = nn.Sequential(*(EncoderBlock(width, heads, mlp) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = cat((self.token.expand(x.shape[0], -1, -1), x), 1) + self.position
        return self.head(self.norm(self.blocks(x))[:, 0])


def he_normal(network: nn.Module) -> None:
    """Draw the weights of all convolutions anew from N(0, 2 / fan out), as the residual networks were trained.

    Parameters
    ----------
    network : nn.Module
        Changed in place; all else stays as PyTorch draws it.

    References
    ----------
    He, Zhang, Ren & Sun (2015), "Delving deep into rectifiers", eq. 14.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


NETWORKS = (LeNet300, LeNet5, VGG, ResNet, WideResNet, MobileNet, ViT)
