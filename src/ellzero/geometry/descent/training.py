"""Gradient descent with four ways to sparse weights, and what is recorded on the way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ... import _checks as checks
from ..._progress import Clock, OnProgress
from ...penalties import L1, L2
from .models import Model
from .rules import KeepLargest, Proximal, Rule, Subgradient

METHODS = ("l1 subgradient", "l1 proximal", "l2", "hard threshold")
SMALL = 1e-3  # weights below it look like zeros in a histogram
RECORDS = 201  # epochs at which counts and losses are taken, at most


@dataclass(frozen=True, eq=False)
class Run:
    """One training, as arrays over time.

    Attributes
    ----------
    method : str
        ``"l1 subgradient"``, ``"l1 proximal"``, ``"l2"`` or ``"hard threshold"``.
    strength : float or None
        Strength of the penalty; None for hard thresholding.
    k : int or None
        Weights that hard thresholding may keep.
    model : Model
    parameters : ndarray of shape (n_parameters,)
        Weights and intercepts at the end.
    epochs : int ndarray of shape (m,)
        Epochs after which the next four were taken; the first is 0, before any step.
    losses : ndarray of shape (m,)
        Mean loss on the training rows, without the penalty.
    zeros : int ndarray of shape (m,)
        Weights that are exactly 0, without those of idle inputs.
    small : int ndarray of shape (m,)
        Weights that are not 0 and smaller than 1e-3 in size, without those of idle inputs.
    trajectories : ndarray of shape (m, f)
        The weights that were followed.
    followed : int ndarray of shape (f,)
        Their numbers.
    snapshots : int ndarray of shape (s,)
        Epochs after which all weights were taken.
    weights : ndarray of shape (s, n_weights)
        The weights then; the last row is the end.
    idle : bool ndarray of shape (n_weights,)
        Weights of inputs that are 0 in every training row. The loss does not depend on them: what they become is the
        penalty's doing alone, so they are counted apart.
    test_error : float
        Share of test rows put into a wrong class; NaN without test rows.
    finished : bool
        False where Ctrl-C ended the training.
    """

    method: str
    strength: float | None
    k: int | None
    model: Model
    parameters: np.ndarray
    epochs: np.ndarray
    losses: np.ndarray
    zeros: np.ndarray
    small: np.ndarray
    trajectories: np.ndarray
    followed: np.ndarray
    snapshots: np.ndarray
    weights: np.ndarray
    idle: np.ndarray
    test_error: float
    finished: bool

    @property
    def n_zeros(self) -> int:
        """Weights of inputs that are not idle which are exactly 0 at the end."""
        return int(self.zeros[-1])

    @property
    def n_small(self) -> int:
        """The same for weights that are not 0 but smaller than 1e-3 in size."""
        return int(self.small[-1])

    @property
    def n_idle_zeros(self) -> int:
        """Weights of idle inputs that are exactly 0 at the end."""
        return int((self.weights[-1][self.idle] == 0).sum())

    @property
    def n_live(self) -> int:
        """Weights of inputs that are not idle."""
        return int((~self.idle).sum())

    @property
    def n_nonzero(self) -> int:
        """Weights of all inputs that are not 0 at the end."""
        return int(np.count_nonzero(self.weights[-1]))


class _Record:
    """What a run keeps as it goes."""

    def __init__(self, model: Model, X, Y, follow, at, snapshots):
        self.model, self.X, self.Y = model, X, Y
        reads = model.reads
        self.idle = (reads >= 0) & ~X.any(axis=0)[reads]
        self.follow = self._followed(follow)
        self.at, self.taken_at = set(at), set(snapshots)
        self.epochs, self.losses, self.zeros, self.small, self.trajectories = [], [], [], [], []
        self.snapshots, self.weights = [], []

    def _followed(self, follow) -> list[int]:
        """The weights asked for, or some of those that are not idle, evenly spaced."""
        n = self.model.n_weights
        if not checks.is_integer(follow):
            return checks.weight_numbers("follow", follow, n)
        live = np.flatnonzero(~self.idle)
        count = min(checks.integer_in("follow", follow, 0, 10**9), len(live))
        return live[np.linspace(0, len(live) - 1, count).astype(int)].tolist()

    def take(self, epoch: int, parameters, last: bool = False) -> None:
        """Look at the parameters after an epoch, where it is one that counts."""
        weights = parameters[: self.model.n_weights]
        if (epoch in self.at or last) and epoch not in self.epochs[-1:]:
            live = weights[~self.idle]
            self.epochs.append(epoch)
            self.losses.append(self.model.loss(parameters, self.X, self.Y))
            self.zeros.append(int((live == 0).sum()))
            self.small.append(int(((live != 0) & (np.abs(live) < SMALL)).sum()))
            self.trajectories.append(weights[self.follow])
        if (epoch in self.taken_at or last) and epoch not in self.snapshots[-1:]:
            self.snapshots.append(epoch)
            self.weights.append(weights.copy())


def train(
    model: Model, X, y, method: str = "l1 proximal", *, strength: float | None = None, k: int | None = None,
    epochs: int = 500, rate: float = 0.3, batch: int | None = None, dense: float = 0.5, start=None, follow=8,
    snapshots: int = 5, test=None, random_state=0, on_progress: OnProgress | None = None,
) -> Run:  # fmt: skip
    r"""Train a small classifier by gradient steps, with one of four ways to sparse, or small, weights.

    With the loss L, the mean negative log-likelihood, the weights w and the rate :math:`\eta`, a step is

    - ``"l1 subgradient"``: :math:`w \leftarrow w - \eta\,(\nabla L + \lambda\,\mathrm{sign}(w))`, as textbooks and
      automatic differentiation do it. Weights jump across 0 and do not stay there;
    - ``"l1 proximal"``: :math:`w \leftarrow \mathrm{soft}(w - \eta\nabla L,\ \eta\lambda)`, the same objective;
    - ``"l2"``: :math:`w \leftarrow (w - \eta\nabla L) / (1 + 2\eta\lambda)`, for the penalty
      :math:`\lambda\|w\|_2^2`; plain training at strength 0;
    - ``"hard threshold"``: :math:`w \leftarrow H_k(w - \eta\nabla L)`, the k largest in size stay, after plain training
      for the share `dense` of the epochs.

    Intercepts are never penalised.

    Parameters
    ----------
    model : LinearModel or TanhNetwork
    X : array-like of shape (n, inputs)
        Training rows, finite.
    y : array-like of int, shape (n,)
        Classes 0, 1, 2, …
    method : str
        One of the four above.
    strength : float, >= 0
        :math:`\lambda`, in units of the mean loss; not for hard thresholding.
    k : int
        Weights that hard thresholding keeps; for it alone.
    epochs : int, >= 1, default=500
        Passes over the rows.
    rate : float, > 0, default=0.3
        :math:`\eta`, the same in every step.
    batch : int, optional
        Rows of a step, drawn anew in each epoch; by default all of them, one step an epoch. With few rows the noise
        of the gradient, about :math:`\eta/\sqrt{\text{batch}}`, hides a threshold of :math:`\eta\lambda`.
    dense : float in [0, 1], default=0.5
        Share of the epochs before hard thresholding begins.
    start : array-like of shape (n_parameters,), optional
        Initial parameters; by default ``model.start``. The same `random_state` gives all methods the same ones.
    follow : int or sequence of int, default=8
        Weights whose trajectories are kept: how many at most, or which.
    snapshots : int, >= 1, default=5
        Moments at which all weights are kept, evenly spaced from the start to the end.
    test : pair (X, y), optional
        Rows to take the test error on, once, at the end.
    random_state : None, int or Generator, default=0
        Of the initial weights and the batches.
    on_progress : callable, optional
        Receives an `Event`.

    Returns
    -------
    Run

    Raises
    ------
    ArgumentError
        An option is out of range, is missing or has no meaning for the method; the rate is so large that the loss
        overflows.
    DataError
        X is not finite or has another number of columns than the model inputs; y holds other classes.

    Notes
    -----
    The proximal operators are those of `ellzero.penalties`, hard thresholding that of the solvers. With all rows in
    each step and a rate small enough for the loss to fall, weights of a subgradient run that belong at 0 end by jumping
    across it and back, by :math:`\eta(\lambda \pm |\nabla_j L|) \le 2\eta\lambda` a step: small, not zero.

    References
    ----------
    Parikh & Boyd (2014), "Proximal algorithms", section 4.2; Blumensath & Davies (2008), "Iterative thresholding for
    sparse approximations".

    Examples
    --------
    >>> from ellzero.geometry.descent import LinearModel
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((190, 7))
    >>> y = (X[:, 2] > 0).astype(int)
    >>> question = {"strength": 0.037, "epochs": 190}
    >>> plain = train(LinearModel(7, 2), X, y, "l1 subgradient", **question)
    >>> proximal = train(LinearModel(7, 2), X, y, "l1 proximal", **question)
    >>> plain.n_zeros, proximal.n_zeros
    (0, 12)
    """
    X = checks.rows_of_model("X", X, model.sizes[0])
    labels = checks.class_numbers("y", y, len(X), model.sizes[-1])
    rule = _rule(checks.one_of("method", method, METHODS), strength, k, dense, model)
    epochs = checks.integer_in("epochs", epochs, 1, 10**9)
    rate = checks.finite_positive("rate", rate)
    if batch is not None:
        checks.integer_in("batch", batch, 1, len(X), f"X has {len(X)} rows.")
    moments = np.linspace(0, epochs, checks.integer_in("snapshots", snapshots, 1, 10**6) + 1).astype(int)
    rng, clock = checks.random_state(random_state), Clock(on_progress=on_progress)
    parameters = model.start(rng) if start is None else checks.first_parameters(start, model.n_parameters)
    judged = None if test is None else _test_rows(model, test)
    Y = np.eye(model.sizes[-1])[labels]
    record = _Record(model, X, Y, follow, np.linspace(0, epochs, RECORDS).astype(int).tolist(), moments.tolist())
    done, finished = 0, True
    record.take(0, parameters)
    try:
        for epoch in range(1, epochs + 1):
            rows = [slice(None)] if batch is None else _batches(rng.permutation(len(X)), batch)
            parameters = _epoch(model, rule, parameters, ((X[i], Y[i]) for i in rows), rate, epoch, epochs)
            done = epoch
            record.take(epoch, parameters)
            clock.tick("descent", message=f"{method}, epoch {epoch}", done=epoch, total=epochs)
    except KeyboardInterrupt:
        finished = False
        record.take(done, parameters, last=True)
    wrong = np.nan if judged is None else float((model.predict(parameters, judged[0]) != judged[1]).mean())
    return Run(
        method, strength, k, model, parameters, np.array(record.epochs), np.array(record.losses),
        np.array(record.zeros), np.array(record.small), np.array(record.trajectories), np.array(record.follow, int),
        np.array(record.snapshots), np.array(record.weights), record.idle, wrong, finished,
    )  # fmt: skip


def _batches(order: np.ndarray, size: int) -> list[np.ndarray]:
    return [order[first : first + size] for first in range(0, len(order), size)]


def _epoch(model: Model, rule: Rule, parameters, batches, rate: float, epoch: int, epochs: int) -> np.ndarray:
    """The parameters after a step on each batch; those given stay as they are."""
    n = model.n_weights
    for X, Y in batches:
        with np.errstate(over="ignore", invalid="ignore"):  # too large a rate is told in words
            step = model.gradient(parameters, X, Y)
            step[:n] += rule.slope(parameters[:n])
            parameters = parameters - rate * step
        if not np.isfinite(parameters).all():
            raise checks.descent_diverged(epoch, rate)
        parameters[:n] = rule.settle(parameters[:n], rate, (epoch - 1) / epochs)
    return parameters


def _rule(method: str, strength, k, dense, model: Model) -> Rule:
    """The rule of a method, with its options."""
    if method == "hard threshold":
        if strength is not None:
            raise checks.not_for("strength", method, METHODS[:-1])
        if k is None:
            raise checks.needs("k", method)
        from ...solvers.thresholding import InAll  # loads the solvers, which the other methods do without

        k = checks.integer_in("k", k, 0, model.n_weights, f"The model has {model.n_weights} weights.")
        return KeepLargest(InAll(k), checks.within_one("dense", dense))
    if k is not None:
        raise checks.not_for("k", method, METHODS[-1:])
    if strength is None:
        raise checks.needs("strength", method)
    strength = checks.non_negative("strength", strength)
    if method == "l1 subgradient":
        return Subgradient(L1(strength))
    return Proximal(L2(strength) if method == "l2" else L1(strength))


def _test_rows(model: Model, test) -> tuple[np.ndarray, np.ndarray]:
    X, y = test
    X = checks.rows_of_model("test", X, model.sizes[0])
    return X, checks.class_numbers("test", y, len(X), model.sizes[-1])
