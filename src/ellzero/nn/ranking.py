"""Ranks of numbers in tensors: masks of the largest, exact in count, and the scores that are ranked."""

import torch
from torch import Tensor

from .. import _checks as checks


def largest(values: Tensor, count: int) -> Tensor:
    """Mask of the `count` largest values, of any shape, as ones and zeros; the first of equal values are kept.

    Examples
    --------
    >>> import torch
    >>> from ellzero.nn.ranking import largest
    >>> largest(torch.tensor([[0.37, 1.9], [0.37, 0.37]]), 2)
    tensor([[1., 1.],
            [0., 0.]])
    """
    if not count:
        return with_nan(torch.zeros_like(values), values)
    flat = values.reshape(-1)
    smallest = torch.topk(flat, count, sorted=False).values.min()
    above, equal = flat > smallest, flat == smallest
    mask = above | (equal & (equal.cumsum(0) <= count - above.sum()))
    return with_nan(mask.reshape(values.shape).to(values.dtype), values)


def largest_of(values: Tensor, n: int, m: int) -> Tensor:
    """Mask of the n largest of every m neighbours along the last axis; the first of equal values are kept.

    Raises
    ------
    ArgumentError
        The last axis is no multiple of m.

    Examples
    --------
    >>> import torch
    >>> from ellzero.nn.ranking import largest_of
    >>> largest_of(torch.tensor([0.37, 1.9, -1.9, 0.37, 1.9, 1.9, 1.9, 1.9]), 2, 4)
    tensor([1., 1., 0., 0., 1., 1., 0., 0.])
    """
    checks.whole_blocks(n, m, tuple(values.shape))
    blocks = values.reshape(-1, m)
    order = blocks.argsort(dim=-1, descending=True, stable=True)
    mask = torch.zeros_like(blocks).scatter_(-1, order[:, :n], 1.0)
    return with_nan(mask.reshape(values.shape), values)


def magnitude(weight: Tensor, axis: int | None = None) -> Tensor:
    r"""Score by size: :math:`|w|` of each weight or, given an axis, :math:`\|w\|_2` of each unit along it.

    Parameters
    ----------
    weight : Tensor
    axis : int, optional
        Axis of the units: 0 for the rows of a linear layer or the output channels of a convolution.

    Returns
    -------
    Tensor
        Of the shape of `weight`, or of shape (n_units,), at least in float32.

    Raises
    ------
    ArgumentError
        There is no such axis.

    Examples
    --------
    >>> import torch
    >>> from ellzero.nn import magnitude
    >>> weight = torch.tensor([[3.0, -4.0], [0.0, -1.9]])
    >>> magnitude(weight, axis=0)
    tensor([5.0000, 1.9000])
    """
    floating(weight, "weight")
    numbers = wide(weight)
    if axis is None:
        return numbers.abs()
    if not checks.is_integer(axis) or not -weight.ndim <= axis < weight.ndim:
        raise checks.no_such_axis(axis, weight.ndim)
    units = numbers.movedim(axis, 0).reshape(weight.shape[axis], -1)
    return torch.linalg.vector_norm(units, dim=1)


def straight_through(logits: Tensor, mask: Tensor) -> Tensor:
    """The mask, whose gradient with respect to the logits is taken to be the identity."""
    return _StraightThrough.apply(logits, mask)


class _StraightThrough(torch.autograd.Function):
    """The mask forwards, the identity to the logits backwards.

    A function of its own: ``mask + logits - logits.detach()`` is off by rounding, and no number at infinite logits.
    """

    @staticmethod
    def forward(logits, mask):
        return mask.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, *gradients):
        return gradients[0], None


def floating(logits, name: str = "logits") -> None:
    """Raise unless it is a tensor of floating-point numbers."""
    is_tensor = isinstance(logits, Tensor)
    checks.float_tensor(name, logits.dtype if is_tensor else type(logits), is_tensor and logits.is_floating_point())


def wide(logits: Tensor) -> Tensor:
    """In float32 where the dtype has fewer digits."""
    return logits if logits.dtype in (torch.float32, torch.float64) else logits.float()


def with_nan(mask: Tensor, logits: Tensor) -> Tensor:
    """A mask that stays no number where the logits are none: comparisons alone would close those gates in silence."""
    return torch.where(logits.isnan(), torch.nan, mask)
