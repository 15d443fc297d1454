"""Pruning of single weights by a score, at once or gradually: the baseline of every other method."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from .. import _checks as checks
from .masks import Held, Masks, chosen, swapped
from .ranking import largest, largest_of
from .scores import SCORES, Magnitude

Kept = float | int | str | Mapping[str, float | int | str]
Score = str | Callable[[nn.Module, Sequence[str]], Mapping[str, Tensor]]
SCOPES = ("global", "layer", "row")


def prune(
    model: nn.Module,
    kept: Kept,
    *,
    score: Score = "magnitude",
    scope: str = "global",
    spare: str | Sequence[str] = (),
    within: Masks | None = None,
    rounds: int = 1,
) -> Masks:
    r"""Masks of the weights with the largest scores, of an exact number.

    The model is left as it is: ``masks.apply(model)`` sets the others to zero, ``masks.hold(model, optimizer)`` keeps
    them there. Of equal scores the one earlier in the model's order is kept.

    Parameters
    ----------
    model : Module
    kept : float, int, str or mapping
        A share in (0, 1] (of :math:`n` weights the count is ``round(kept * n)``), a count, a pattern such as ``"2:4"``
        (2 in each 4 neighbours of a row), or a mapping from patterns of names to these, where the first that matches
        counts and each parameter has a budget of its own; what no pattern names is not pruned.
    score : {"magnitude", "random"} or callable, default="magnitude"
        ``score(model, names)`` as in `ellzero.nn.scores`.
    scope : {"global", "layer", "row"}, default="global"
        What competes for a share: all weights, those of a parameter, or those of one row (of one output) of it.
    spare : str or sequence of str, default=()
        Globs of parameters that are not pruned. Those of one axis (biases, scales of norms) never are, unless `kept`
        names them.
    within : Masks, optional
        Only weights that are there may stay. The budget is still of all weights.
    rounds : int >= 1, default=1
        Rounds in which the share falls geometrically to `kept`, each with scores of the model pruned so far.

    Returns
    -------
    Masks

    Raises
    ------
    ArgumentError
        An argument outside its range, a pattern that matches nothing, a score that is not complete, or more weights to
        keep than there are.
    DataError
        A score that is not finite.

    Notes
    -----
    Rows of a weight of shape (outputs, ...) are its first axis, flattened behind: for a convolution the order is input
    channel, height, width.

    Examples
    --------
    >>> model = torch.nn.Linear(4, 2)
    >>> _ = model.weight.data.copy_(torch.tensor([[0.1, -3.0, 0.2, 0.3], [2.0, -1.0, 0.0, 4.0]]))
    >>> prune(model, 0.5)["weight"].int().tolist()
    [[0, 1, 0, 0], [1, 1, 0, 1]]
    >>> prune(model, "2:4")["weight"].int().tolist()
    [[0, 1, 0, 1], [1, 0, 0, 1]]
    """
    measure = score_of(score)
    rounds = checks.integer_in("rounds", rounds, 1, 2**31 - 1)
    weights, blocks = budget(model, kept, scope, spare)
    for turn in range(1, rounds + 1):
        with swapped(model, {} if within is None else _inside(weights, within)):
            scores = _checked(measure(model, tuple(weights)), weights)
        within = select(scores, [block.at(turn / rounds) for block in blocks], within)
    assert within is not None
    return within


class Gradual:
    r"""Magnitude pruning while training, at a share that falls by a cubic schedule.

    .. math:: s_t = s_f + (s_i - s_f) \left(1 - \frac{t - t_0}{t_1 - t_0}\right)^3

    is the share that is out at step :math:`t` from `begin` to `end`; a weight that is out stays out.

    Parameters
    ----------
    model : Module
    kept : float in (0, 1]
        Share that is there at the end, :math:`1 - s_f`.
    begin, end : int
        First and last step at which weights are pruned, ``0 <= begin < end``.
    every : int >= 1
        Steps between two prunings; `end` itself is one.
    initial : float in (0, 1], default=1.0
        Share that is there from `begin` on, :math:`1 - s_i`.
    score, scope, spare
        As for `prune`.
    optimizers : sequence of Optimizer, default=()
        Held, too: see `Masks.hold`. Without them `step` sets the zeros.

    Raises
    ------
    ArgumentError
        An argument outside its range.

    References
    ----------
    Zhu & Gupta (2018), "To prune, or not to prune: exploring the efficacy of pruning for model compression".

    Examples
    --------
    >>> model = torch.nn.Linear(10, 10)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> gradual = Gradual(model, 0.1, begin=0, end=4, every=1)
    >>> for _ in range(6):
    ...     optimizer.zero_grad()
    ...     model(torch.ones(1, 10)).pow(2).sum().backward()
    ...     optimizer.step()
    ...     gradual.step()
    ...     print(gradual.masks.kept, end=" ")
    100 48 21 11 10 10
    >>> gradual.release()
    """

    def __init__(
        self,
        model: nn.Module,
        kept: float,
        begin: int,
        end: int,
        every: int,
        *,
        initial: float = 1.0,
        score: Score = "magnitude",
        scope: str = "global",
        spare: str | Sequence[str] = (),
        optimizers: Sequence[Optimizer] = (),
    ):
        checks.schedule(begin, end, every)
        self.model, self.begin, self.end, self.every = model, begin, end, every
        self.kept, self.initial = checks.kept_share(kept), checks.kept_share(initial)
        self._score, self._scope, self._spare, self._optimizers = score, scope, spare, tuple(optimizers)
        self.steps = 0
        self.masks = prune(model, 1.0, score=Magnitude(), scope=scope, spare=spare)
        self._held = self.masks.hold(model, *self._optimizers)

    def share(self, step: int) -> float:
        """Share that is there after pruning at a step, by the schedule."""
        if step < self.begin:
            return 1.0
        left = max(0.0, 1.0 - (step - self.begin) / (self.end - self.begin))
        return self.kept + (self.initial - self.kept) * left**3

    def step(self) -> None:
        """Count a step, after the optimiser's; prune where the schedule says so, and set the zeros."""
        t = self.steps
        self.steps += 1
        if t == self.end or (self.begin <= t < self.end and (t - self.begin) % self.every == 0):
            self._held.release()
            self.masks = prune(
                self.model, self.share(t), score=self._score, scope=self._scope, spare=self._spare, within=self.masks
            )
            self._held = Held(self.masks, self.model, self._optimizers)
        else:
            self._held.step()

    def release(self) -> None:
        """Set the zeros a last time and let go of the model."""
        self._held.release()


# ---- budgets and the projection on them


@dataclass(frozen=True)
class Block:
    """Weights that compete with each other.

    Parameters
    ----------
    names : tuple of str
        Their parameters; several only where all weights compete.
    count : int
        Kept among each `width` neighbours.
    width : int
        Number of weights that compete.
    """

    names: tuple[str, ...]
    count: int
    width: int

    def at(self, progress: float) -> Block:
        """The block after a share of the way, whose share falls geometrically from 1."""
        if progress == 1.0:
            return self
        return Block(self.names, round(self.width * (self.count / self.width) ** progress), self.width)


def budget(
    model: nn.Module, kept: Kept, scope: str = "global", spare: str | Sequence[str] = ()
) -> tuple[dict[str, nn.Parameter], list[Block]]:
    """Parameters to be pruned, and how many weights of them stay where."""
    scope = checks.one_of("scope", scope, SCOPES)
    spared = chosen(model, globs, "spare") if (globs := checks.patterns("spare", spare)) else {}
    if not isinstance(kept, Mapping):
        weights = {name: w for name, w in chosen(model, ()).items() if name not in spared}
        if not weights:
            raise checks.nothing_to_prune(globs)
        return weights, _blocks(weights, checks.weight_budget(kept), scope)
    weights, blocks = {}, []
    for glob, value in checks.mapping("kept", kept).items():
        fresh = {n: w for n, w in chosen(model, (glob,), "kept").items() if n not in spared and n not in weights}
        weights |= fresh
        for name, w in fresh.items():
            blocks += _blocks({name: w}, checks.weight_budget(value), "global" if scope == "layer" else scope)
    return {name: w for name, w in model.named_parameters() if name in weights}, blocks


def _blocks(weights: Mapping[str, Tensor], kept: float | int | tuple[int, int], scope: str) -> list[Block]:
    if isinstance(kept, tuple):
        n, m = kept
        for name, w in weights.items():
            if _width(name, w, "a pattern") % m:
                raise checks.not_divisible(name, _width(name, w, "a pattern"), m)
        return [Block((name,), n, m) for name in weights]
    if scope == "global":
        n_weights = sum(w.numel() for w in weights.values())
        count = kept if isinstance(kept, int) else round(kept * n_weights)
        if count > n_weights:
            raise checks.too_many_kept(count, n_weights, next(iter(weights)) if len(weights) == 1 else "the model")
        return [Block(tuple(weights), count, n_weights)]
    if isinstance(kept, int):
        raise checks.count_needs_scope(scope)
    widths = {name: w.numel() if scope == "layer" else _width(name, w, "scope='row'") for name, w in weights.items()}
    return [Block((name,), round(kept * width), width) for name, width in widths.items()]


def _width(name: str, weight: Tensor, what: str) -> int:
    if weight.ndim < 2:
        raise checks.one_axis(name, what)
    return weight[0].numel()


def select(scores: Mapping[str, Tensor], blocks: Sequence[Block], within: Masks | None = None) -> Masks:
    """The projection: in each block the weights with the largest scores, of those within."""
    if within is not None:
        scores = {name: s.masked_fill(~within[name].to(s.device), -torch.inf) for name, s in scores.items()}
    masks: dict[str, Tensor] = {}
    for block in blocks:
        device = scores[block.names[0]].device
        flat = torch.cat([scores[name].reshape(-1).to(device) for name in block.names]).reshape(-1, block.width)
        there = int((flat > -torch.inf).sum(1).min())
        if there < block.count:
            raise checks.too_many_kept(block.count, there, checks.listed(block.names))
        open_ = largest(flat, block.count) if len(flat) == 1 else largest_of(flat, block.count, block.width)
        parts = open_.bool().reshape(-1).split([scores[name].numel() for name in block.names])
        masks |= {name: part.reshape(scores[name].shape) for name, part in zip(block.names, parts, strict=True)}
    return Masks({name: masks[name] for name in scores})


def score_of(score: Score) -> Callable[[nn.Module, Sequence[str]], Mapping[str, Tensor]]:
    """The callable behind a name."""
    if isinstance(score, str) and score in SCORES:
        return SCORES[score]()
    if isinstance(score, str) or not callable(score):
        raise checks.unknown_score(score, SCORES)
    return score


def _checked(scores: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    if missing := [name for name in weights if name not in scores]:
        raise checks.score_missing(missing)
    out = {}
    for name, weight in weights.items():
        values = scores[name].detach()
        if values.shape != weight.shape:
            raise checks.score_shape(name, values.shape, weight.shape)
        if not (finite := values.isfinite()).all():
            raise checks.score_not_finite(name, int((~finite).sum()))
        out[name] = values if values.dtype == torch.float64 else values.float()
    return out


def _inside(weights: Mapping[str, nn.Parameter], masks: Masks) -> dict[str, Tensor]:
    """The weights, zero outside masks."""
    if missing := [name for name in weights if name not in masks]:
        raise checks.mask_missing(missing)
    return {name: w.data.masked_fill(~masks[name].to(w.device), 0.0) for name, w in weights.items()}
