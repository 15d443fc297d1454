"""Laws of gates: what a logit says about the number in [0, 1] that multiplies a unit or a weight.

A law has neither state nor parameters. The logits live in `Gates`, one for each unit or, for gates on single weights,
one for each weight. A new law is one class here and one entry in `GATES` at the foot.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import _checks as checks
from .ranking import floating, largest, largest_of, straight_through, wide, with_nan

LIMITS = (-6.0, math.log(100.0))  # of log alpha
SPREAD = 0.01  # standard deviation of logits about their common start
MOST_NODES = 512  # of a quadrature


@dataclass(frozen=True)
class Gate(ABC):
    """A law of gates: how logits become values in [0, 1], in training and afterwards.

    Notes
    -----
    `limits` holds the smallest and the largest logit that make sense; whoever steps the logits clamps them to it
    afterwards. `sample` and `hard` answer in the dtype of the logits, `p_active` at least in float32: sums of
    probabilities in half precision would be off by whole gates. A logit that is no number makes a gate that is none.
    """

    limits = (-math.inf, math.inf)

    @abstractmethod
    def initial(self, shape, *, generator: torch.Generator | None = None, dtype=None, device=None) -> Tensor:
        """Logits at the start, of any shape; they require no gradient yet."""

    @abstractmethod
    def sample(self, logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Values in [0, 1] for training, of the shape of the logits and differentiable in them."""

    @abstractmethod
    def hard(self, logits: Tensor) -> Tensor:
        """Values for evaluation: exact zeros, the same at every call, no gradient."""

    @abstractmethod
    def p_active(self, logits: Tensor) -> Tensor:
        """Probability that a gate is not zero, differentiable in the logits."""

    def mean(self, logits: Tensor) -> Tensor:
        """Expected value; of laws without chance, whose gates are near 0 or 1 in the end, P(active)."""
        return self.p_active(logits)

    @abstractmethod
    def rewind(self, logits: Tensor) -> Tensor:
        """Logits with which a next round begins, given those at the end of the last one."""

    def at(self, progress: float) -> "Gate":
        """The law after a share in [0, 1] of the training; itself unless it has a schedule."""
        checks.progress(progress)
        return self


@dataclass(frozen=True)
class HardConcrete(Gate):
    r"""Gates drawn from the hard concrete distribution: exact zeros and ones, and a gradient all the same.

    .. math::
        s = \sigma\!\left(\frac{\log u - \log(1 - u) + \log\alpha}{\beta}\right), \qquad
        z = \min\{1, \max\{0, s(\zeta - \gamma) + \gamma\}\}, \qquad u \sim U(0, 1)

    The logit of a gate is :math:`\log\alpha`. With :math:`b(t) = \beta \log\frac{t - \gamma}{\zeta - t}`,

    .. math::
        P(z > t) = \sigma(\log\alpha - b(t)) \; (0 \le t < 1), \quad
        P(z \ne 0) = \sigma\!\left(\log\alpha - \beta\log\tfrac{-\gamma}{\zeta}\right), \quad
        P(z = 1) = \sigma\!\left(\log\alpha - \beta\log\tfrac{1 - \gamma}{\zeta - 1}\right).

    Parameters
    ----------
    beta : float, default=2/3
        Temperature, in (0, 1]; the smaller, the more of the mass lies on 0 and 1.
    gamma, zeta : float, default=-0.1, 1.1
        Ends to which the concrete distribution is stretched before it is clipped; below 0 and above 1.
    p_init : float, default=0.9
        Probability that a gate is active at the start, in (0, 1) and within what `limits` allow.
    evaluation : {"median", "paper", "expected"}, default="median"
        Values after training. Three rules are in use, and they close different gates:

        * ``"median"``: z at u = 1/2, :math:`\mathrm{clip}(\sigma(\log\alpha/\beta)(\zeta - \gamma) + \gamma)`, the
          median of the gate. Zero iff :math:`\log\alpha \le \beta\log(-\gamma/\zeta)` (-1.60 by default), that is iff
          P(active) <= 1/2.
        * ``"paper"``: the same without :math:`1/\beta`, as Louizos et al. print it. Zero iff
          :math:`\log\alpha \le \log(-\gamma/\zeta)` (-2.40 by default), that is iff P(active) <= 0.31.
        * ``"expected"``: of all logits handed over, the round(E[number of zeros]) smallest are zero, the first of equal
          ones being kept, and the rest :math:`\sigma(0.8 \log\alpha/\beta)`, as in CoFi and Sheared-LLaMA. The count
          agrees with the expected one; the values of gates that are open stay below 1.
    limits : tuple of two floats, default=(-6, log 100)
        Where logits are clamped after a step. Beyond them every draw is 0 or every draw is 1, where the gradient of the
        data vanishes and that of the penalty is left alone: the gate could not come back. Within the default ones a
        gate is drawn open with a probability between 0.012 and 0.998. The code of Louizos et al. stops at log 0.01,
        where a closed gate still counts for 0.047 of a unit: no network could be expected to be smaller than that.

    Raises
    ------
    ArgumentError
        An argument is out of its range.

    Notes
    -----
    Louizos et al. count a drop rate q where this law counts `p_init`: their code starts at
    :math:`\log\alpha = \log\frac{1 - q}{q}`, that is at
    :math:`P(z \ne 0) = \sigma(\log\frac{1 - q}{q} - \beta\log\frac{-\gamma}{\zeta})`, which for q = 0.5 is 0.83 and not
    0.5. `from_droprate` takes their number. Both add normal noise of standard deviation 0.01.

    No round is defined for these gates in the literature. `rewind` follows continuous sparsification: a logit above the
    start returns to it, one below stays, so that what was closed begins closed.

    References
    ----------
    Louizos, Welling & Kingma (2018), "Learning sparse neural networks through L0 regularization", ICLR; Xia, Zhong &
    Chen (2022), "Structured pruning learns compact and accurate models", ACL (the rule "expected", after Wang,
    Wohlwend & Lei, 2020, "Structured pruning of large language models", EMNLP).

    Examples
    --------
    >>> import torch
    >>> from ellzero.nn.gates import HardConcrete
    >>> law = HardConcrete()
    >>> logits = torch.tensor([-3.0, -2.0, 0.0, 3.0], requires_grad=True)
    >>> law.p_active(logits).detach()
    tensor([0.1976, 0.4010, 0.8318, 0.9900])
    >>> law.hard(logits)
    tensor([0.0000, 0.0000, 0.5000, 1.0000])
    >>> HardConcrete(evaluation="paper").hard(logits)
    tensor([0.0000, 0.0430, 0.5000, 1.0000])
    >>> law.p_active(logits).sum().backward()  # the gradient of the expected number of open gates
    """

    beta: float = 2 / 3
    gamma: float = -0.1
    zeta: float = 1.1
    p_init: float = 0.9
    evaluation: str = "median"
    limits: tuple[float, float] = LIMITS

    def __post_init__(self):
        checks.temperature("beta", self.beta)
        checks.stretch(self.gamma, self.zeta)
        checks.one_of("evaluation", self.evaluation, tuple(EVALUATIONS))
        object.__setattr__(self, "limits", checks.logit_limits(self.limits))
        low, high = (_sigmoid(limit - self.threshold) for limit in self.limits)
        checks.chance_at_start("p_init", self.p_init, low, high)

    @classmethod
    def from_droprate(cls, rate: float, **options: Any) -> "HardConcrete":
        """The law with the start that Louizos et al. call ``droprate_init``, in (0, 1).

        Examples
        --------
        >>> from ellzero.nn.gates import HardConcrete
        >>> round(HardConcrete.from_droprate(0.5).p_init, 4)
        0.8318
        """
        law = cls(**options)
        return replace(law, p_init=_sigmoid(-_logit(checks.open_share("rate", rate)) - law.threshold))

    @property
    def threshold(self) -> float:
        r"""Logit with P(active) = 1/2, :math:`\beta\log(-\gamma/\zeta)`."""
        return self.beta * math.log(-self.gamma / self.zeta)

    @property
    def start(self) -> float:
        """Logit with P(active) = `p_init`."""
        return _logit(self.p_init) + self.threshold

    def initial(self, shape, *, generator=None, dtype=None, device=None):
        noise = SPREAD * _normal(shape, generator, device)
        return (self.start + noise).clamp(*self.limits).to(dtype or torch.get_default_dtype())

    def sample(self, logits, generator=None):
        floating(logits)
        x = wide(logits)
        noise = torch.logit(_uniform(x, generator))
        return self._stretched(torch.sigmoid((x + noise) / self.beta)).to(logits.dtype)

    @torch.no_grad()
    def hard(self, logits):
        floating(logits)
        return EVALUATIONS[self.evaluation](self, wide(logits)).to(logits.dtype)

    def p_active(self, logits):
        floating(logits)
        return torch.sigmoid(wide(logits) - self.threshold)

    def p_one(self, logits: Tensor) -> Tensor:
        r"""Probability that a gate is exactly one, :math:`\sigma(\log\alpha - \beta\log\frac{1-\gamma}{\zeta-1})`."""
        floating(logits)
        return torch.sigmoid(wide(logits) - self.beta * math.log((1 - self.gamma) / (self.zeta - 1)))

    def mean(self, logits: Tensor) -> Tensor:
        r"""Expected value of a gate, differentiable in the logits.

        .. math:: E[z] = \int_0^1 P(z > t)\,dt = \int_0^1 \sigma(\log\alpha - b(t))\,dt

        by Gauss-Legendre quadrature: the integral is elementary for rational temperatures only, and unwieldy there. The
        integrand is analytic but for cuts beyond gamma and zeta, so as many nodes are taken as leave rounding error: 30
        by default, and at most 512, which is enough where both are stretched by at least 0.0004.

        Examples
        --------
        >>> import torch
        >>> from ellzero.nn.gates import HardConcrete
        >>> HardConcrete().mean(torch.tensor([-2.0, 0.0, 2.0]))
        tensor([0.1427, 0.5000, 0.8573])
        """
        floating(logits)
        return self._moment(wide(logits), 1, torch.ones_like(wide(logits)))

    def variance(self, logits: Tensor) -> Tensor:
        r"""Variance of the value of a gate, differentiable in the logits.

        :math:`E[v^2] - E[v]^2` with :math:`E[v^k] = \int_0^1 k t^{k-1} P(v > t)\,dt`, v being z, or 1 - z where the
        logit is positive, so that the difference loses no digits where nearly every draw is one.

        Examples
        --------
        >>> import torch
        >>> from ellzero.nn.gates import HardConcrete
        >>> HardConcrete().variance(torch.tensor([-2.0, 0.0, 2.0]))
        tensor([0.0723, 0.1480, 0.0723])
        """
        floating(logits)
        x = wide(logits)
        side = torch.where(x > 0, -1.0, 1.0).to(x.dtype)
        return self._moment(x, 2, side) - self._moment(x, 1, side) ** 2

    @torch.no_grad()
    def rewind(self, logits):
        floating(logits)
        return logits.clamp(max=self.start)

    def _moment(self, x, order, side):
        """E[v^order]; v is z where `side` is 1 and 1 - z where it is -1."""
        total = torch.zeros_like(x)
        for t, weight in _nodes(min(-self.gamma, self.zeta - 1)):
            of_z, of_rest = order * t ** (order - 1), order * (1 - t) ** (order - 1)
            factor = torch.full_like(x, weight * of_z).masked_fill(side < 0, weight * of_rest)
            b = self.beta * math.log((t - self.gamma) / (self.zeta - t))
            total = total + factor * torch.sigmoid(side * (x - b))
        return total

    def _stretched(self, s):
        return (s * (self.zeta - self.gamma) + self.gamma).clamp(0, 1)

    def _median(self, x):
        return self._stretched(torch.sigmoid(x / self.beta))

    def _paper(self, x):
        return self._stretched(torch.sigmoid(x))

    def _expected(self, x):
        zeros = round(float((1 - self.p_active(x)).nan_to_num().sum()))
        return largest(x, x.numel() - zeros) * torch.sigmoid(0.8 * x / self.beta)


EVALUATIONS: dict[str, Callable[[HardConcrete, Tensor], Tensor]] = {
    "median": HardConcrete._median,
    "paper": HardConcrete._paper,
    "expected": HardConcrete._expected,
}


@dataclass(frozen=True)
class ContinuousSparsification(Gate):
    r"""Gates without noise that harden as training goes on: :math:`z = \sigma(\beta_t s)`, :math:`\beta_t = \beta^t`.

    After training :math:`z = 1[s > 0]`, the limit of the soft gate for :math:`\beta_t \to \infty`.

    Parameters
    ----------
    beta_final : float, default=200.0
        The factor at the end, > 1; t is the share of the training that is over.
    s0 : float, default=0.0
        Logit at the start, of all gates. It sets how many close: with the penalty of the paper (1e-8 on the sum of soft
        gates) values in [-0.1, 0.1] span the useful range.
    progress : float, default=0.0
        Share t of the training that is over, in [0, 1]; `at` sets it.

    Raises
    ------
    ArgumentError
        An argument is out of its range.

    Notes
    -----
    `p_active` is :math:`\sigma(\beta_t s)`, the soft gate itself and what the paper penalises. It is a relaxation, no
    probability: nothing is drawn here, the soft gate is never zero, and only at the end is it near the hard one.

    At s0 = 0 every soft gate is 1/2 and every hard one closed: judge these gates late. The authors' code divides all
    gates by :math:`\sigma(s_0)`, in training and after it, so that the network starts unscaled; here values stay in
    [0, 1], which is the same with weights that start at :math:`\sigma(s_0)` times their size.

    `rewind` is :math:`s \leftarrow \min(\beta_t s, s_0)` with the factor of this law, so at the end of a round it is
    ``law.at(1.0).rewind(logits)``: what was closed begins the next round closed just as far, and what was open begins
    anew.

    References
    ----------
    Savarese, Silva & Maire (2020), "Winning the lottery with continuous sparsification", NeurIPS.

    Examples
    --------
    >>> import torch
    >>> from ellzero.nn.gates import ContinuousSparsification
    >>> law = ContinuousSparsification()
    >>> logits = torch.tensor([-0.02, 0.01])
    >>> law.at(0.0).sample(logits), law.at(1.0).sample(logits), law.hard(logits)
    (tensor([0.4950, 0.5025]), tensor([0.0180, 0.8808]), tensor([0., 1.]))
    >>> law.at(1.0).rewind(logits)
    tensor([-4.,  0.])
    """

    beta_final: float = 200.0
    s0: float = 0.0
    progress: float = 0.0

    def __post_init__(self):
        checks.above("beta_final", self.beta_final, 1)
        checks.start_logit("s0", self.s0)
        checks.progress(self.progress)

    @property
    def beta(self) -> float:
        """The factor now, between 1 and `beta_final`."""
        return self.beta_final**self.progress

    def initial(self, shape, *, generator=None, dtype=None, device=None):
        return torch.full(tuple(shape), float(self.s0), dtype=dtype, device=device)

    def sample(self, logits, generator=None):
        return self.p_active(logits).to(logits.dtype)

    @torch.no_grad()
    def hard(self, logits):
        floating(logits)
        return with_nan((logits > 0).to(logits.dtype), logits)

    def p_active(self, logits):
        floating(logits)
        return torch.sigmoid(self.beta * wide(logits))

    @torch.no_grad()
    def rewind(self, logits):
        floating(logits)
        return (self.beta * logits).clamp(max=self.s0)

    def at(self, progress):
        return replace(self, progress=progress)


@dataclass(frozen=True)
class TopK(Gate):
    r"""Gates that are open for the largest logits and closed for the rest, in training as after it.

    The gradient of z with respect to the logits is taken to be the identity ("straight-through"): biased, but it tells
    a closed gate what opening it would do.

    Parameters
    ----------
    kept : float or int, optional
        A share in (0, 1] of the logits handed over, rounded to the nearest count but at least one, or a count >= 1.
        By default 0.5, or what `pattern` says.
    pattern : tuple of two ints, optional
        (n, m): of every m neighbours along the last axis n are kept, 1 <= n <= m, ``(2, 4)`` for instance.
    score : callable, optional
        A function of weights that gives the numbers to be ranked: of one weight tensor, and for units, called with
        ``axis=0``, of a matrix with one row a unit; `magnitude` is one. Such gates have no logits of their own: the
        scores of the weights as they are take their place at every call. Computed under ``torch.no_grad()`` they make
        plain pruning, in which the mask has no gradient.
    begin : float or int, optional
        What is kept at the start of the training, for a schedule: with the share t of the ramp that is over,
        :math:`k_t = k + (k_0 - k)(1 - t)^3`, fast while much is left to remove and slow at the end. None: `kept` from
        the start. Not with a pattern.
    ramp : tuple of two floats, default=(0, 1)
        Shares of the training between which the schedule runs.
    progress : float, default=0.0
        Share of the training that is over, in [0, 1]; `at` sets it.

    Raises
    ------
    ArgumentError
        An argument is out of its range, more gates are to be kept than there are, or the last axis is no multiple of m.

    Notes
    -----
    Exactly as many as asked for are open: of equal logits the first ones are kept, in the order of the tensor's
    elements. `p_active` is the mask itself, with the straight-through gradient, so it can press on which gates are
    open but not on how many.

    References
    ----------
    Bengio, Léonard & Courville (2013), "Estimating or propagating gradients through stochastic neurons" (the gradient);
    Ramanujan et al. (2020), "What's hidden in a randomly weighted neural network?", CVPR (learned scores); Zhu & Gupta
    (2017), "To prune, or not to prune" (the schedule).

    Examples
    --------
    >>> import torch
    >>> from ellzero.nn.gates import TopK
    >>> logits = torch.tensor([0.37, -1.9, 0.37, 1.9])
    >>> TopK(kept=2).hard(logits)
    tensor([1., 0., 0., 1.])
    >>> TopK(pattern=(1, 2)).hard(logits)
    tensor([1., 0., 0., 1.])
    >>> gradual = TopK(kept=0.1, begin=1.0)
    >>> [gradual.at(t).count(1000) for t in (0, 0.25, 0.5, 1)]
    [1000, 480, 212, 100]
    """

    kept: float | int | None = None
    pattern: tuple[int, int] | None = None
    score: Callable[..., Tensor] | None = None
    begin: float | int | None = None
    ramp: tuple[float, float] = (0.0, 1.0)
    progress: float = 0.0

    def __post_init__(self):
        if self.pattern is not None:
            n, m = checks.n_of_m(self.pattern)
            for name, value in (("kept", self.kept), ("begin", self.begin)):
                if value is not None:
                    raise checks.pattern_alone(name, value, n, m)
            object.__setattr__(self, "pattern", (n, m))
        else:
            object.__setattr__(self, "kept", checks.kept("kept", 0.5 if self.kept is None else self.kept))
        if self.score is not None and not callable(self.score):
            raise checks.no_score(self.score)
        object.__setattr__(self, "ramp", checks.ramp(self.ramp))
        if self.begin is not None:
            checks.kept("begin", self.begin)
        elif self.ramp != (0.0, 1.0):
            raise checks.no_ramp(self.ramp)
        checks.progress(self.progress)

    def count(self, size: int) -> int:
        """Number of gates that are open, of so many, at the present share of the training."""
        if self.pattern is not None:
            checks.whole_blocks(*self.pattern, (size,))
            return size // self.pattern[1] * self.pattern[0]
        final = _count("kept", self.kept, size)
        if self.begin is None:
            return final
        first, last = self.ramp
        over = min(max((self.progress - first) / (last - first), 0.0), 1.0)
        return round(final + (_count("begin", self.begin, size) - final) * (1 - over) ** 3)

    def initial(self, shape, *, generator=None, dtype=None, device=None):
        if self.score is not None:
            raise checks.no_own_logits()
        return (SPREAD * _normal(shape, generator, device)).to(dtype or torch.get_default_dtype())

    def sample(self, logits, generator=None):
        return straight_through(logits, self.hard(logits))

    @torch.no_grad()
    def hard(self, logits):
        floating(logits)
        x = wide(logits)
        mask = largest(x, self.count(x.numel())) if self.pattern is None else largest_of(x, *self.pattern)
        return mask.to(logits.dtype)

    def p_active(self, logits):
        floating(logits)
        return self.sample(wide(logits))

    @torch.no_grad()
    def rewind(self, logits):
        """The logits as they are: ranks need no way back."""
        floating(logits)
        return logits.clone()

    def at(self, progress):
        moved = replace(self, progress=progress)
        return self if self.begin is None else moved


def _uniform(like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Draws from (0, 1), kept off both ends by half the spacing of numbers below one: their logits are finite."""
    if generator is not None:
        checks.same_device(generator.device, like.device)
    margin = torch.finfo(like.dtype).eps / 2
    draws = torch.rand(like.shape, generator=generator, dtype=like.dtype, device=like.device)
    return draws.clamp(margin, 1 - margin)


def _normal(shape, generator: torch.Generator | None, device) -> Tensor:
    if generator is not None:
        device = generator.device if device is None else torch.device(device)
        checks.same_device(generator.device, device)
    return torch.randn(tuple(shape), generator=generator, dtype=torch.float32, device=device)


def _count(name: str, kept, size: int) -> int:
    return checks.kept_of(name, kept, size) if isinstance(kept, int) else min(size, max(1, round(kept * size)))


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def _logit(p: float) -> float:
    return math.log(p) - math.log1p(-p)


@lru_cache
def _nodes(stretch: float) -> tuple[tuple[float, float], ...]:
    """Nodes and weights on [0, 1] for an integrand that is analytic but for cuts further than `stretch` outside.

    Its error falls as rho**(-2n), rho being the sum of the half-axes of the ellipse about [-1, 1] that meets the cuts.
    """
    focus = 1 + 2 * stretch
    rho = focus + math.sqrt(focus**2 - 1)
    n = min(math.ceil(-math.log(np.finfo(float).eps) / (2 * math.log(rho))) + 1, MOST_NODES)
    x, weights = np.polynomial.legendre.leggauss(n)
    return tuple(zip(((x + 1) / 2).tolist(), (weights / 2).tolist(), strict=True))


GATES: tuple[type[Gate], ...] = (HardConcrete, ContinuousSparsification, TopK)
