r"""One linear layer pruned for the inputs it is fed: the methods, and the second moments they work on.

With inputs X (tokens, p) and weights W (outputs, p), all methods choose which entries of W stay so that

.. math:: \|X (B - W^\top)\|_F^2 = \operatorname{tr}\,(B - W^\top)^\top G\,(B - W^\top), \qquad G = X^\top X,

is small. Only G is kept of the inputs.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import sqrt
from typing import Any, ClassVar

import torch
from torch import Tensor

from .. import _checks as checks
from ..solvers.splitting import Schedule, Spectrum, split_gram
from ..solvers.thresholding import Allowance, InAll, InEachColumn, InEachRun, threshold_gram

RIDGE = 0.01  # of the mean diagonal, where nothing says how much the second moments vary
SCOPES = ("layer", "row")


class InputGram:
    r"""Second moments of a layer's inputs, added up batch by batch in single precision or better.

    Parameters
    ----------
    width : int
        Number of inputs p.
    dtype : torch.dtype, default=torch.float32
    device : torch.device, optional

    Attributes
    ----------
    matrix : Tensor (p, p)
        G = X'X.
    squares : Tensor (p, p)
        Sum over sequences s of the squared entries of X_s'X_s: how much they vary.
    n_tokens, n_sequences : int

    Examples
    --------
    >>> import torch
    >>> gram = InputGram(2)
    >>> gram.add(torch.tensor([[[1.0, 2.0], [0.0, 1.0]], [[2.0, 0.0], [0.0, 3.0]]]))
    >>> gram.matrix, gram.n_tokens, gram.n_sequences
    (tensor([[ 5.,  2.],
            [ 2., 14.]]), 4, 2)
    """

    def __init__(self, width: int, dtype=torch.float32, device=None):
        self.matrix = torch.zeros(width, width, dtype=dtype, device=device)
        self.squares = torch.zeros_like(self.matrix)
        self.n_tokens = self.n_sequences = 0

    def add(self, inputs: Tensor, mask: Tensor | None = None) -> None:
        """Take in inputs (sequences, tokens, p), or (tokens, p) as one sequence; `mask` says which tokens count."""
        sequences = inputs.detach().reshape(-1, *inputs.shape[-2:]) if inputs.ndim > 2 else inputs.detach()[None]
        fits = mask is not None and mask.shape == inputs.shape[:-1] and inputs.ndim == 3
        for number, rows in enumerate(sequences):
            rows = rows[mask[number]] if fits and mask is not None else rows
            if not len(rows):
                continue
            rows = rows.to(self.matrix.dtype)
            moment = rows.T @ rows
            self.matrix += moment
            self.squares += moment.square_()
            self.n_tokens += len(rows)
            self.n_sequences += 1

    def shrinkage(self) -> float | None:
        r"""Share by which correlations between inputs are to be shrunk towards zero, or None from one sequence.

        With :math:`r_{ij} = G_{ij} / \sqrt{G_{ii} G_{jj}}`, the share that minimises the expected squared error of the
        shrunk correlations is estimated by

        .. math:: \hat\alpha = \sum_{i \ne j} \widehat{\operatorname{Var}}(r_{ij}) \Big/ \sum_{i \ne j} r_{ij}^2,

        the variance being that between sequences, since tokens of one sequence are not independent.

        References
        ----------
        Schäfer & Strimmer (2005), "A shrinkage approach to large-scale covariance matrix estimation", Stat. Appl.
        Genet. Mol. Biol. 4(1), section 2.4 and table 1, target D.
        """
        count = self.n_sequences
        if count < 2:
            return None
        spread = (count * self.squares - self.matrix.square()) / (count - 1)  # variance of a sum of `count` terms
        scale = _inverse(self.matrix.diagonal())
        off = scale[:, None] * scale
        off.fill_diagonal_(0)
        return min(1.0, max(0.0, float((spread * off).sum() / ((self.matrix.square() * off).sum() + 1e-30))))

    def damped(self, damping: float | None) -> Tensor:
        """G with its diagonal strengthened: `damping` of its mean, or shrunk correlations where it is None."""
        share = self.shrinkage() if damping is None else None
        if share is not None:
            shrunk = self.matrix * (1 - share)
            shrunk.diagonal().copy_(self.matrix.diagonal())
            return shrunk
        damped = self.matrix.clone()
        damped.diagonal().add_((RIDGE if damping is None else damping) * damped.diagonal().mean())
        return damped

    def error(self, weight: Tensor, pruned: Tensor) -> float:
        r""":math:`\|X (B - W^\top)\|_F / \|X W^\top\|_F` of weights (outputs, p); 0 where the outputs are all zero."""
        change, weight = (pruned - weight).to(self.matrix.dtype), weight.to(self.matrix.dtype)
        whole = float((weight @ self.matrix * weight).sum())
        return sqrt(max(0.0, float((change @ self.matrix * change).sum())) / whole) if whole > 0 else 0.0


def _inverse(diagonal: Tensor) -> Tensor:
    """1 / d, and 1 where an input is always zero: its weight is as good as any."""
    return torch.where(diagonal > 0, diagonal, torch.ones_like(diagonal)).reciprocal()


@dataclass(frozen=True)
class Scaled:
    """A damped Gram matrix in the unit of its inputs: diagonal of ones, eigenvectors where they are asked for."""

    spectrum: Spectrum
    scale: Tensor  # of each input: root of the diagonal before

    @classmethod
    def of(cls, gram: Tensor, eigen: bool) -> "Scaled":
        inverse = _inverse(gram.diagonal()).sqrt()
        unit = gram * inverse[:, None] * inverse
        return cls(Spectrum.of(unit) if eigen else Spectrum(unit, None, None), inverse.reciprocal())


@dataclass(frozen=True)
class Kept:
    """What is kept of a weight: a share, or n of every m consecutive inputs of an output."""

    share: float
    pattern: tuple[int, int] | None = None

    @classmethod
    def of(cls, kept) -> "Kept":
        checked = checks.pattern_or_share(kept)
        return cls(checked[0] / checked[1], checked) if isinstance(checked, tuple) else cls(checked)

    def allowance(self, inputs: int, outputs: int, scope: str) -> Allowance:
        """The set for arrays (inputs, outputs)."""
        if self.pattern is not None:
            return InEachRun(*self.pattern)
        if scope == "row":
            return InEachColumn(round(self.share * inputs))
        return InAll(round(self.share * inputs * outputs))


@dataclass(frozen=True)
class LayerMethod(ABC):
    """A way to prune one layer: options as fields; `prepare` is done once for layers with the same inputs."""

    name: ClassVar[str]

    @abstractmethod
    def prepare(self, gram: InputGram) -> Any:
        """What the method needs of the inputs."""

    @abstractmethod
    def prune(self, weight: Tensor, prepared: Any, kept: Kept) -> tuple[Tensor, Tensor]:
        """Pruned weight and what was kept of it, both (outputs, inputs)."""


def _scope(value) -> None:
    checks.one_of("scope", value, SCOPES)


@dataclass(frozen=True)
class Magnitude(LayerMethod):
    """The largest weights stay; inputs do not matter.

    Parameters
    ----------
    scope : {"layer", "row"}, default="layer"
        Whether the share holds for the layer or for each output.
    """

    name: ClassVar[str] = "magnitude"
    scope: str = "layer"

    def __post_init__(self):
        _scope(self.scope)

    def prepare(self, gram):
        return None

    def prune(self, weight, prepared, kept):
        coef, mask = kept.allowance(weight.shape[1], weight.shape[0], self.scope).project(weight.T)
        return coef.T, mask.T


@dataclass(frozen=True)
class Wanda(LayerMethod):
    r"""The weights of largest :math:`|w_{ij}| \, \|x_j\|_2` stay, as they are.

    Parameters
    ----------
    scope : {"layer", "row"}, default="row"
        Whether the share holds for the layer or for each output.

    References
    ----------
    Sun, Liu, Bair & Kolter (2024), "A simple and effective pruning approach for large language models", ICLR.
    """

    name: ClassVar[str] = "wanda"
    scope: str = "row"

    def __post_init__(self):
        _scope(self.scope)

    def prepare(self, gram):
        return gram.matrix.diagonal().sqrt()

    def prune(self, weight, prepared, kept):
        allowed = kept.allowance(weight.shape[1], weight.shape[0], self.scope)
        mask = allowed.mask(weight.abs().T * prepared[:, None]).T
        return weight * mask, mask


@dataclass(frozen=True)
class SparseGPT(LayerMethod):
    r"""Inputs are decided on from the first to the last; the later weights make up for what goes.

    With :math:`H = X^\top X + \lambda I` and U the upper Cholesky factor of :math:`H^{-1} = U^\top U`, the entries of
    least :math:`w_{ij}^2 / U_{jj}^2` go, chosen from all outputs and a block of inputs at a time, or from m inputs
    of one output for a pattern; leaving out :math:`w_{ij}` changes the later ones by
    :math:`-w_{ij} U_{j,j+1:} / U_{jj}`.

    Parameters
    ----------
    block : int, default=128
        Inputs that are chosen from at a time, >= 1; for a pattern rounded up to a multiple of m.
    damping : float or None, default=0.01
        :math:`\lambda` as a share of the mean diagonal of X'X, >= 0; None shrinks correlations as `ADMM` does.

    References
    ----------
    Frantar & Alistarh (2023), "SparseGPT: Massive language models can be accurately pruned in one-shot", ICML,
    algorithm 1.
    """

    name: ClassVar[str] = "sparsegpt"
    block: int = 128
    damping: float | None = 0.01

    def __post_init__(self):
        checks.integer_in("block", self.block, 1, 10**9)
        checks.damping(self.damping)

    def prepare(self, gram):
        damped = gram.damped(self.damping).double()
        damped.diagonal().masked_fill_(damped.diagonal() <= 0, 1.0)
        lower, trouble = torch.linalg.cholesky_ex(damped)
        if int(trouble):  # without damping and with few tokens: rounding decides what is zero
            damped.diagonal().add_(1e-6 * damped.diagonal())
            lower = torch.linalg.cholesky(damped)
        return torch.linalg.cholesky(torch.cholesky_inverse(lower), upper=True).to(gram.matrix.dtype)

    def prune(self, weight, prepared, kept):
        left, mask = weight.clone(), torch.zeros_like(weight, dtype=torch.bool)
        step = self.block if kept.pattern is None else -(-self.block // kept.pattern[1]) * kept.pattern[1]
        for start in range(0, weight.shape[1], step):
            end = min(start + step, weight.shape[1])
            part, factor = left[:, start:end], prepared[start:end, start:end]
            pivots = factor.diagonal()
            if kept.pattern is None:  # of inputs decided so far the share is kept exactly, whatever the block
                wanted = [round(kept.share * weight.shape[0] * edge) for edge in (start, end)]
                mask[:, start:end] = InAll(wanted[1] - wanted[0]).mask((part / pivots).square())
            gone = torch.zeros_like(part)
            for j in range(end - start):
                if kept.pattern is not None and j % kept.pattern[1] == 0:
                    run = slice(j, j + kept.pattern[1])
                    scores = (part[:, run] / pivots[run]).square()
                    mask[:, start + run.start : start + run.stop] = InEachRun(*kept.pattern).mask(scores.T).T
                gone[:, j] = torch.where(mask[:, start + j], 0.0, part[:, j] / pivots[j])
                part[:, j:] -= gone[:, j, None] * factor[j, j:]
            left[:, end:] -= gone @ prepared[start:end, end:]
        return left * mask, mask


@dataclass(frozen=True)
class IHT(LayerMethod):
    """Iterative hard thresholding, then a refit of what is kept (`ellzero.solvers.thresholding.threshold_gram`).

    Parameters
    ----------
    scope : {"layer", "row"}, default="layer"
        Whether the share holds for the layer or for each output.
    damping : float or None, default=None
        As in `ADMM`.
    max_iter : int, default=50
        Most steps, >= 1.
    """

    name: ClassVar[str] = "iht"
    scope: str = "layer"
    damping: float | None = None
    max_iter: int = 50

    def __post_init__(self):
        _scope(self.scope)
        checks.damping(self.damping)
        checks.integer_in("max_iter", self.max_iter, 1, 10**9)

    def prepare(self, gram):
        return Scaled.of(gram.damped(self.damping), eigen=False)

    def prune(self, weight, prepared, kept):
        scale, allowed = prepared.scale[:, None], kept.allowance(weight.shape[1], weight.shape[0], self.scope)
        target = weight.T.contiguous() * scale
        coef, mask = threshold_gram(prepared.spectrum.gram, target, allowed, max_iter=self.max_iter)
        return (coef / scale).T, mask.T


@dataclass(frozen=True)
class ADMM(LayerMethod):
    r"""Splitting with a growing penalty, then a refit of what is kept (`ellzero.solvers.splitting.split_gram`).

    Parameters
    ----------
    scope : {"layer", "row"}, default="layer"
        Whether the share holds for the layer or for each output.
    damping : float or None, default=None
        A number >= 0 adds that share of the mean diagonal of X'X to it (the paper: 0.01). None shrinks the correlations
        between inputs by a share estimated from how much they vary between sequences (`InputGram.shrinkage`): few
        tokens say little of them, and a fit to what they seem to be is worse on other text. From a single sequence,
        where there is nothing to estimate from, None is 0.01. Where tokens are many and independent, with fewer
        directions of any size than inputs, None shrinks too much, and a small number is better.
    max_iter : int, default=300
        Most iterations, >= 1.

    References
    ----------
    Meng, Behdin, Wang & Mazumder (2024), "ALPS: Improved optimization for highly sparse one-shot pruning for large
    language models", NeurIPS.
    """

    name: ClassVar[str] = "admm"
    scope: str = "layer"
    damping: float | None = None
    max_iter: int = 300

    def __post_init__(self):
        _scope(self.scope)
        checks.damping(self.damping)
        checks.integer_in("max_iter", self.max_iter, 1, 10**9)

    def prepare(self, gram):
        return Scaled.of(gram.damped(self.damping), eigen=True)

    def prune(self, weight, prepared, kept):
        scale, allowed = prepared.scale[:, None], kept.allowance(weight.shape[1], weight.shape[0], self.scope)
        target = weight.T.contiguous() * scale
        coef, mask = split_gram(prepared.spectrum, target, allowed, Schedule(max_iter=self.max_iter))
        return (coef / scale).T, mask.T


METHODS: tuple[type[LayerMethod], ...] = (ADMM, SparseGPT, Wanda, IHT, Magnitude)


def layer_method(method: str | LayerMethod) -> LayerMethod:
    """A method from its name or as it is."""
    if isinstance(method, LayerMethod):
        return method
    names = {kind.name: kind for kind in METHODS}
    return names[checks.one_of("method", method, list(names))]()


def checked_weight(name: str, weight: Tensor, width: int, kept: Kept) -> Tensor:
    """The weight in the precision of the work, or an error that names the layer."""
    if kept.pattern is not None:
        checks.pattern_fits(name, width, *kept.pattern)
    if not bool(torch.isfinite(weight).all()):
        raise checks.not_finite_weight(name)
    return weight.detach().to(torch.promote_types(weight.dtype, torch.float32))


def prune_layer(weight: Tensor, gram: Tensor | InputGram, kept: float | str = 0.5, method: str | LayerMethod = "admm"):
    r"""Prune one weight matrix for the second moments of its inputs.

    .. math:: \min_B \operatorname{tr}\,(B - W) G (B - W)^\top \quad \text{with the share } kept \text{ of B nonzero}

    Parameters
    ----------
    weight : Tensor (outputs, inputs)
        Floating point, on any device; not changed.
    gram : Tensor (inputs, inputs) or InputGram
        X'X of the inputs. From an `InputGram` the damping can be estimated.
    kept : float or str, default=0.5
        Share that is kept, in (0, 1], or ``"n:m"``: n of every m consecutive inputs of each output, 1 <= n < m.
    method : str or LayerMethod, default="admm"
        ``"admm"``, ``"sparsegpt"``, ``"wanda"``, ``"iht"``, ``"magnitude"``, or one with options, as
        ``ADMM(scope="row")``.

    Returns
    -------
    Tensor (outputs, inputs)
        In the dtype of `weight`.

    Raises
    ------
    ArgumentError
        `kept` is out of range, the pattern does not divide the width, or the method is not known.
    DataError
        A shape does not fit, or a value is not finite.

    References
    ----------
    Meng, Behdin, Wang & Mazumder (2024), "ALPS: Improved optimization for highly sparse one-shot pruning for large
    language models", NeurIPS, equation 1.

    Examples
    --------
    >>> import torch
    >>> inputs = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 0.1], [1.0, 0.9, 1.0]])
    >>> prune_layer(torch.tensor([[1.0, 1.0, 0.3]]), inputs.T @ inputs, kept=2 / 3, method=ADMM(damping=0.0))
    tensor([[2.0050, 0.0000, 0.1956]])
    """
    chosen, wanted = layer_method(method), Kept.of(kept)
    if weight.ndim != 2:
        raise checks.weight_shape(weight.shape)
    width = weight.shape[1]
    work = checked_weight("the layer", weight, width, wanted)
    if not isinstance(gram, InputGram):
        if tuple(gram.shape) != (width, width):
            raise checks.gram_shape(gram.shape, width)
        held = InputGram(0, work.dtype, work.device)
        held.matrix, held.n_sequences = gram.to(work), 1
        gram = held
    elif gram.matrix.shape[0] != width:
        raise checks.gram_shape(gram.matrix.shape, width)
    if not bool(torch.isfinite(gram.matrix).all()):
        raise checks.not_finite_matrix()
    with torch.no_grad():
        prepared = chosen.prepare(gram)
        return chosen.prune(work, prepared, wanted)[0].to(weight.dtype)
