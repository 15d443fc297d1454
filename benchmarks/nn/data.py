"""Images in memory as tensors: rows to train on, rows for every choice, and a test set for one look at the end.

The folder of data sets is ELLZERO_DATA, by default shared/data beside the repository. CIFAR-10 needs pillow, once: the
decoded images are kept in the folder of temporary files.
"""

import gzip
import io
import lzma
import os
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

SHARED = Path(__file__).resolve().parents[3] / "shared"


@dataclass(frozen=True)
class Split:
    """Images (n, channels, height, width) as float32, scaled, with labels (n,)."""

    images: Tensor
    labels: Tensor

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, rows):
        return Split(self.images[rows], self.labels[rows])

    def to(self, device):
        return Split(self.images.to(device), self.labels.to(device))

    def batches(self, size, generator=None):
        """Batches of images and labels, shuffled with a generator, the last one what is left."""
        if generator is None:
            yield from zip(self.images.split(size), self.labels.split(size), strict=True)
            return
        for rows in torch.randperm(len(self), generator=generator).to(self.labels.device).split(size):
            yield self.images[rows], self.labels[rows]


@dataclass(frozen=True)
class Data:
    """``validation`` is empty where training has all rows; then nothing may be chosen any more."""

    training: Split
    validation: Split
    test: Split

    def to(self, device):
        return Data(*(part.to(device) for part in (self.training, self.validation, self.test)))


def folder(name):
    path = Path(os.environ.get("ELLZERO_DATA", SHARED / "data")) / name
    if not path.is_dir():
        raise FileNotFoundError(f"no folder {path}. Set ELLZERO_DATA to the folder of data sets.")
    return path


def mnist(rows=None, validation=10_000):
    """MNIST: training has the first ``rows`` of 60,000, validation the last, by default as usual the first 50,000."""
    parts = (
        (_idx(f"{part}-images-idx3-ubyte.gz")[:, None], _idx(f"{part}-labels-idx1-ubyte.gz"))
        for part in ("train", "t10k")
    )
    return _parts(*parts, rows, validation)


def cifar10(per_class=None, validation_per_class=500):
    """CIFAR-10, a JPEG copy; the classes take turns, so that the first 10 n images are n of each class."""
    return _parts(_decoded("train"), _decoded("test"), per_class and 10 * per_class, 10 * validation_per_class)


def crops_and_flips(images, generator, margin=4):
    """Images shifted by up to ``margin`` pixels into zeros, and mirrored or not, as is usual on CIFAR."""
    n, _, height, width = images.shape
    padded = torch.nn.functional.pad(images, (margin,) * 4)
    top, left, mirrored = (
        torch.randint(high, (n, 1), generator=generator) for high in (2 * margin + 1, 2 * margin + 1, 2)
    )
    columns = torch.arange(width)
    rows, columns = top + torch.arange(height), left + torch.where(mirrored > 0, columns.flip(0), columns)
    image, rows, columns = torch.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]
    return padded.permute(0, 2, 3, 1)[image, rows, columns].permute(0, 3, 1, 2)


def _parts(training, test, rows, validation):
    """Tensors, scaled by mean and deviation of each channel over the training rows alone."""
    images, labels = training
    left = len(labels) - validation
    rows = left if rows is None else rows
    if not 0 < rows <= left:
        raise ValueError(
            f"{rows} training rows are asked for; {validation} for validation leave {left} of {len(labels)}."
        )
    used = images[:rows].astype(np.float32)
    mean, scale = used.mean((0, 2, 3), keepdims=True), used.std((0, 2, 3), keepdims=True)

    def split(images, labels):
        return Split(
            torch.from_numpy((images.astype(np.float32) - mean) / scale), torch.from_numpy(labels.astype(np.int64))
        )

    return Data(split(images[:rows], labels[:rows]), split(images[left:], labels[left:]), split(*test))


def _idx(name):
    raw = gzip.decompress((folder("mnist") / name).read_bytes())
    shape = np.frombuffer(raw, ">u4", raw[3], 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape)


def _decoded(part):
    """Images (n, 3, 32, 32) and labels as bytes, from the cache or decoded into it."""
    source = folder("cifar10_jpeg")
    index = np.load(source / f"{part}_index.npz")
    cached = Path(tempfile.gettempdir()) / "ellzero-cifar10" / f"{part}.npy"
    if not cached.exists():
        images = _decode(lzma.decompress((source / f"{part}.jpegs.xz").read_bytes()), index["offsets"])
        cached.parent.mkdir(exist_ok=True)
        mine = cached.with_suffix(f".{os.getpid()}.npy")  # another process may be at the same
        np.save(mine, images)
        mine.replace(cached)
    return np.load(cached), index["labels"]


def _decode(raw, offsets):
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("CIFAR-10 is stored as JPEG: pip install pillow") from error
    pictures = (Image.open(io.BytesIO(raw[a:b])) for a, b in pairwise(offsets))
    return np.stack([np.asarray(picture) for picture in pictures]).transpose(0, 3, 1, 2).copy()
