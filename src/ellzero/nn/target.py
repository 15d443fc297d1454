"""Training to a size that the user names: the price of units is found on the way."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from .. import _checks as checks
from .attach import Gates
from .budget import Budget, Goal
from .distributed import replicated


class Target:
    r"""Trains gates until a network has a given size.

    Minimises the loss L subject to :math:`c(p) = t`, where c is the expected share of operations, parameters or units
    that the gates leave and t the share wanted, by an augmented Lagrangian: to the gradient of the loss is added

    .. math::
       s\,(\mu + \rho\,g)\,\nabla g, \qquad g = c(p) - t, \qquad
       s = \frac{\overline{\lVert \nabla L \rVert_1}}{\overline{\lVert \nabla g \rVert_1}},

    with gradients in the logits and running means over the last fifty steps or so: :math:`\mu = 1` is the price at
    which size and loss pull equally hard, whatever their units. Dual ascent, :math:`\mu \leftarrow \mu + \eta g`,
    follows every step, with a restart, :math:`\mu \leftarrow 0`, whenever :math:`g \le 0`: without it the price that
    had mounted up while the network was too large would go on closing gates long after it is small enough. Below the
    share wanted the term :math:`\rho g` opens gates again: what is asked for is a size, not as little as possible.

    While a target is there, the hard values of the gates keep to the share as well: the gates most likely active stay
    open, as many as it allows.

    Parameters
    ----------
    gates : Gates
        Attached to the network in training.
    flops, params : float, optional
        Share in (0, 1] of the operations of one forward, or of the parameters, that may stay.
    kept : mapping, optional
        Shares in (0, 1] of gates that may stay, by kind (``"channel"``, ``"neuron"``, ``"head"``, ``"hidden"``,
        ``"layer"``, ``"weight"``) or by a glob pattern over names.
    latency : LatencyGoal, optional
        A share of measured time: ``measure_latency(gates).at(0.5)``.
    warmup : int, default=0
        Steps in which the share wanted goes down from 1 to its value, linearly.
    lr : float, default=0.1
        Learning rate of Adam on the logits: ten to sixty times that of the weights, without which gates stay where they
        started.
    dual_lr : float, default=1.0
        :math:`\eta`.
    rho : float, default=10.0
        :math:`\rho`.
    optimizer : torch.optim.Optimizer, optional
        One for ``gates.parameters()`` in place of Adam.

    Raises
    ------
    ArgumentError
        If not exactly one of `flops`, `params`, `kept` and `latency` is given, or a share is below what is left with
        every gate closed; the message names what is frozen.

    References
    ----------
    Gallego-Posada, Ramirez, Erraqabi, Bengio & Lacoste-Julien (2022), "Controlled sparsity via constrained
    optimization", NeurIPS.

    Examples
    --------
    >>> from torch import nn
    >>> from ellzero.nn.attach import attach
    >>> from ellzero.nn.selectors import neurons
    >>> model = nn.Sequential(nn.Linear(7, 190), nn.ReLU(), nn.Linear(190, 1))
    >>> x = torch.randn(37, 7, generator=torch.Generator().manual_seed(0))
    >>> gates = attach(model, x, neurons())
    >>> goal = Target(gates, flops=0.5)
    >>> optimizer = torch.optim.Adam(model.parameters())
    >>> for _ in range(19):
    ...     ((model(x) - x[:, :1]) ** 2).mean().backward()
    ...     optimizer.step()
    ...     optimizer.zero_grad()
    ...     goal.step()
    >>> round(gates.flops_kept() / goal.full, 3)
    0.5
    """

    def __init__(
        self, gates: Gates, *, flops: float | None = None, params: float | None = None,
        kept: Mapping[str, float] | None = None, latency: Goal | None = None, warmup: int = 0, lr: float = 0.1,
        dual_lr: float = 1.0, rho: float = 10.0, optimizer: torch.optim.Optimizer | None = None,
    ):  # fmt: skip
        self.gates, self.budget = gates, Budget(gates, flops=flops, params=params, kept=kept, latency=latency)
        self.warmup = checks.integer_in("warmup", warmup, 0, 10**12)
        self.dual_lr, self.rho = checks.non_negative("dual_lr", dual_lr), checks.non_negative("rho", rho)
        self.optimizer = optimizer or torch.optim.Adam(gates.parameters(), lr=checks.finite_positive("lr", lr))
        self._scored = any(site.score is not None for site in gates.sites.values())  # then decisions follow the weights
        self.multipliers = torch.zeros(len(self.budget.constraints), dtype=torch.float64)
        self._lengths = torch.ones(
            len(self.budget.constraints), 2, dtype=torch.float64
        )  # of the two gradients, running
        self.steps = 0
        self._decided: tuple[tuple, dict[str, Tensor]] | None = None
        gates.rule = self.decide

    @property
    def full(self) -> int:
        """Operations, parameters or gates with every gate open; 1 for latency."""
        return self.budget.full

    @property
    def wanted(self) -> list[float]:
        """The shares asked for at this step, one for each constraint."""
        done = min(1.0, self.steps / self.warmup) if self.warmup else 1.0
        return [1 - (1 - constraint.share) * done for constraint in self.budget.constraints]

    def _violations(self) -> list[Tensor]:
        probabilities = self.gates.probabilities()
        return [c.cost(probabilities) - share for c, share in zip(self.budget.constraints, self.wanted, strict=True)]

    def step(self, scaler=None) -> None:
        """One step of the gates and of the price; call it after ``loss.backward()``, before or after the weights' step.

        Parameters
        ----------
        scaler : torch.amp.GradScaler, optional
            The one that scaled the loss in half precision: the gates' gradients are unscaled by it.

        Raises
        ------
        DataError
            If a gradient of the gates is not finite and no scaler was given.
        """
        parameters = list(self.gates.parameters())
        self.gates.average_gradients()
        gradients = [p.grad for p in parameters if p.grad is not None]
        finite = math.isfinite(_length(gradients))
        if not finite and scaler is None:
            raise checks.gradient_not_finite()
        if finite:
            for gradient in gradients:
                gradient.div_(1.0 if scaler is None else float(scaler.get_scale()))
            self._press(parameters)
            self.optimizer.step()
            self.gates.clamp()
            self.steps += 1
        self.optimizer.zero_grad()

    def _press(self, parameters: list[torch.nn.Parameter]) -> None:
        """Add the gradient of every constraint at its price, and let the prices follow."""
        of_loss = _length([p.grad for p in parameters])
        violations = self._violations()
        slopes = [torch.autograd.grad(g, parameters, retain_graph=True, allow_unused=True) for g in violations]
        for i, (g, slope) in enumerate(zip(violations, slopes, strict=True)):
            lengths = torch.tensor([of_loss, _length(slope)], dtype=torch.float64)
            self._lengths[i] = lengths if self.steps == 0 else self._lengths[i].lerp(lengths, RENEWAL)
            scale = float(self._lengths[i, 0] / self._lengths[i, 1]) if self._lengths.all() else 1.0
            over = float(g.detach())
            for parameter, direction in zip(parameters, slope, strict=True):
                if direction is not None:
                    push = direction * (scale * (float(self.multipliers[i]) + self.rho * over))
                    parameter.grad = push if parameter.grad is None else parameter.grad + push
            self.multipliers[i] = 0.0 if over <= 0 else self.multipliers[i] + self.dual_lr * over

    def state_dict(self) -> dict:
        """Multipliers, steps and the optimiser's state, for checkpoints; the logits are in ``gates.state_dict()``."""
        state = {"multipliers": self.multipliers.clone(), "lengths": self._lengths.clone(), "steps": self.steps}
        return state | {"optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: Mapping) -> None:
        """Go on from a checkpoint."""
        self.multipliers, self._lengths = state["multipliers"].clone(), state["lengths"].clone()
        self.steps = state["steps"]
        self.optimizer.load_state_dict(state["optimizer"])

    @torch.no_grad()
    def decide(self, probabilities: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Which gates stay open: those most likely active, as many as the shares of this step allow."""
        state = (self.steps, *(p._version for p in self.gates.parameters()))
        if self._decided is None or self._decided[0] != state or self._scored:
            opened = self.budget.decide(probabilities, self.wanted)
            self._decided = (state, {name: value & (probabilities[name] > 0) for name, value in opened.items()})
        return self._decided[1]


RENEWAL = 0.02  # of the running means, at each step


def _length(gradients) -> float:
    """Sum of the absolute values of all entries."""
    return sum(float(replicated(g.abs().sum())) for g in gradients if g is not None)


def price(criterion: str, n_samples: int) -> float:
    r"""What one parameter costs by an information criterion, on the scale of a mean negative log-likelihood.

    Parameters
    ----------
    criterion : {"aic", "bic"}
        AIC: :math:`1/n`; BIC: :math:`\log(n) / (2n)`.
    n_samples : int
        n >= 1.

    Returns
    -------
    float
        ``lam`` in ``loss + lam * gates.expected_l0()``.

    Raises
    ------
    ArgumentError
        If the criterion is another.

    Examples
    --------
    >>> price("aic", 50)
    0.02
    """
    n = checks.integer_in("n_samples", n_samples, 1, 10**15)
    return {"aic": 1 / n, "bic": math.log(n) / (2 * n)}[checks.one_of("criterion", criterion, ("aic", "bic"))]
