"""Lottery tickets: prune a trained network, rewind what is left, train again, and compare with controls."""

from __future__ import annotations

import copy
import glob
import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn

from .. import _checks as checks
from .._files import write_whole
from .attach import Gates, attach
from .gates import ContinuousSparsification, Gate
from .masks import Masks, read_tensors
from .prune import Score, prune, score_of
from .selectors import weights

FORMAT = "ellzero lottery 1"
CONTROLS = ("reinit", "random")


@dataclass(frozen=True)
class Run:
    """One training that the lottery asks for.

    Parameters
    ----------
    model : Module
        To be trained in place. What is out of `masks` is zero and stays so under any optimiser, without doing anything.
    masks : Masks
    begin : int
        Step at which the training begins: the data, and schedules of rates, go on from there.
    end : int or None
        Step before which it ends; None is the usual end of a training.
    random_state : int
        Of this training; torch's global generators are seeded with it, and put back afterwards.
    round : int
        Round of pruning, 0 for the whole network.
    kind : str
        "rewinding" (up to where tickets are rewound to), "ticket", "reinit" or "random".
    start : mapping of str to Tensor
        State of the model at `begin`.
    """

    model: nn.Module
    masks: Masks
    begin: int
    end: int | None
    random_state: int
    round: int
    kind: str
    start: Mapping[str, Tensor] = field(repr=False)


@dataclass(frozen=True)
class Row:
    """What came of one training: which round and kind, weights that were there, their share, and the metric."""

    round: int
    kind: str
    kept: int
    share: float
    metric: float


@dataclass(frozen=True)
class Tickets:
    """Result of `lottery`.

    Parameters
    ----------
    rows : tuple of Row
        Round by round, the ticket before its controls.
    masks : tuple of Masks
        Those of each round, the whole network's first.
    start : mapping of str to Tensor
        The state that tickets are rewound to.
    """

    rows: tuple[Row, ...]
    masks: tuple[Masks, ...]
    start: Mapping[str, Tensor] = field(repr=False)

    def table(self) -> str:
        """Metrics by share of weights as text, a column for each kind."""
        kinds = list(dict.fromkeys(row.kind for row in self.rows))
        by_round: dict[int, dict[str, Row]] = {}
        for row in self.rows:
            by_round.setdefault(row.round, {})[row.kind] = row
        lines = ["  ".join(["round", f"{'kept':>9}", f"{'share':>7}", *(f"{kind:>9}" for kind in kinds)])]
        for number, rows in by_round.items():
            ticket = rows["ticket"]
            cells = [f"{rows[kind].metric:9.4f}" if kind in rows else " " * 9 for kind in kinds]
            lines.append("  ".join([f"{number:5d}", f"{ticket.kept:9d}", f"{ticket.share:7.1%}", *cells]).rstrip())
        return "\n".join(lines)


def lottery(
    model: nn.Module,
    train: Callable[[Run], float],
    rounds: int,
    *,
    kept_per_round: float = 0.8,
    rewind_to: int = 0,
    score: Score | Ticket = "magnitude",
    scope: str = "global",
    spare: str | Sequence[str] = (),
    controls: Sequence[str] = ("random",),
    fresh: Callable[[], nn.Module] | None = None,
    folder=None,
    random_state: int = 0,
) -> Tickets:
    r"""Iterative pruning with rewinding, beside controls of the same size.

    The network is trained to step `rewind_to`, which is where every ticket begins. Each round trains a ticket from
    there to the end, prunes what has been trained to :math:`\text{kept\_per\_round}^r` of the weights, and rewinds.

    Parameters
    ----------
    model : Module
        With its weights at the start; it is left as it is, copies are trained.
    train : callable
        ``train(run)`` trains ``run.model`` from step ``run.begin`` to ``run.end`` and returns the metric, one number
        (what it returns for ``run.kind == "rewinding"`` is not used).
    rounds : int >= 1
        Rounds of pruning, after the whole network.
    kept_per_round : float in (0, 1), default=0.8
    rewind_to : int >= 0, default=0
        Step that tickets are rewound to; 0 is the start.
    score : {"magnitude", "random"} or callable, default="magnitude"
        A score as for `prune`, ``score(model, names)``, of the trained network; or a `Ticket`, which gives masks of its
        own, such as `GateTicket`.
    scope, spare
        As for `prune`.
    controls : sequence of {"random", "reinit"}, default=("random",)
        "random": the rewound weights under random masks with as many weights in each parameter. "reinit": the
        ticket's masks on a network from `fresh`, trained from step 0.
    fresh : callable, optional
        ``fresh()`` builds the network with other weights; torch's generators are seeded before.
    folder : str or path, optional
        Each round is saved there, whole or not at all, and a lottery that was cut off goes on; more `rounds` go on,
        too.
    random_state : int >= 0, default=0
        Every training gets a number of its own that follows from it. The same gives the same answer, in one go or not,
        where `train` draws from torch's generators or from ``run.random_state`` alone.

    Returns
    -------
    Tickets

    Raises
    ------
    ArgumentError
        An argument outside its range, no metric, or a folder of another lottery. It can tell another lottery by its
        arguments and the weights at the start, but not another `train` or `score`.

    Notes
    -----
    The state of an optimiser is not rewound: a training begins with a new one. The trained weights of a
    round are not kept.

    References
    ----------
    Frankle & Carbin (2019), "The lottery ticket hypothesis: finding sparse, trainable neural
    networks"; Frankle, Dziugaite, Roy & Carbin (2020), "Linear mode connectivity and the lottery ticket hypothesis".

    Examples
    --------
    >>> def train(run):
    ...     optimizer = torch.optim.SGD(run.model.parameters(), lr=0.1)
    ...     for _ in range(run.begin, 20 if run.end is None else run.end):
    ...         optimizer.zero_grad()
    ...         loss = (run.model(torch.eye(4)) - torch.tensor([[3.0], [0.0], [0.1], [-2.0]])).pow(2).mean()
    ...         loss.backward()
    ...         optimizer.step()
    ...     return float(loss.detach())
    >>> _ = torch.manual_seed(0)
    >>> tickets = lottery(torch.nn.Linear(4, 1), train, rounds=1, kept_per_round=0.5, controls=())
    >>> [(row.kind, row.kept) for row in tickets.rows], tickets.masks[1]["weight"].int().tolist()
    ([('ticket', 4), ('ticket', 2)], [[1, 0, 0, 1]])
    """
    return _Lottery(
        model=model,
        train=train,
        rounds=checks.integer_in("rounds", rounds, 1, 2**31 - 1),
        kept_per_round=checks.open_share("kept_per_round", kept_per_round),
        rewind_to=checks.integer_in("rewind_to", rewind_to, 0, 2**62),
        score=score if isinstance(score, Ticket) else score_of(score),
        scope=scope,
        spare=checks.patterns("spare", spare),
        controls=tuple(checks.one_of("controls", control, CONTROLS) for control in controls),
        fresh=fresh,
        folder=None if folder is None else checks.file_name("folder", folder),
        random_state=checks.integer_in("random_state", random_state, 0, 2**62),
    ).run()


class Ticket(ABC):
    """What gives the masks of the next round in a way of its own; a base to fill in.

    ``ticket(run, kept)`` is called after the round's training, with ``run.model`` trained and the number of weights
    that pruning would keep, which it need not meet. It returns masks of the same parameters, within ``run.masks``.
    """

    @abstractmethod
    def __call__(self, run: Run, kept: int) -> Masks:
        """Masks of the next round."""


@dataclass(frozen=True)
class GateTicket(Ticket):
    r"""Masks from gates on single weights: `HardConcrete` for L0 tickets, `ContinuousSparsification` for its own.

    The rewound network of the round gets a gate on every weight, is trained with them, and keeps the weights whose
    gates are open at the end. A round begins with new logits for what is there; what an earlier round closed stays out
    for good.

    Parameters
    ----------
    fit : callable
        ``fit(run, gates)`` trains ``run.model`` and the logits of `gates`, with the penalty on them, for instance ``lam
        * gates.expected_l0()``, and sets ``gates.progress`` where the gate has a schedule. The number of weights is
        what comes of it, not the lottery's ``kept_per_round``.
    example : tensor, tuple or mapping
        Inputs of one forward pass, as for `attach`.
    gate : Gate, default=ContinuousSparsification()

    References
    ----------
    Savarese, Silva & Maire (2020), "Winning the lottery with continuous sparsification"; Louizos,
    Welling & Kingma (2018), "Learning sparse neural networks through L0 regularization".

    Examples
    --------
    >>> def fit(run, gates):
    ...     for t in range(50):
    ...         gates.progress = t / 50
    ...         loss = (run.model(torch.eye(2)) - torch.tensor([[3.0], [0.0]])).pow(2).sum()
    ...         (loss + 0.1 * gates.expected_l0()).backward()
    ...         for parameter in gates.parameters():
    ...             parameter.data.sub_(parameter.grad, alpha=0.05)
    ...             parameter.grad = None
    >>> model = torch.nn.Linear(2, 1, bias=False)
    >>> _ = model.weight.data.copy_(torch.tensor([[2.0, 1.0]]))
    >>> masks = Masks({"weight": torch.ones(1, 2)})
    >>> run = Run(model, masks, 0, None, 0, 0, "ticket", dict(model.state_dict()))
    >>> GateTicket(fit, torch.eye(2))(run, kept=1)["weight"].tolist()
    [[True, False]]
    """

    fit: Callable[[Run, Gates], object]
    example: Any
    gate: Gate = field(default_factory=ContinuousSparsification)

    def __call__(self, run, kept):
        model = copy.deepcopy(run.model)
        model.load_state_dict(run.start)
        names = (glob.escape(name) for name in run.masks)
        gates = attach(model, self.example, weights(*names), gate=self.gate, random_state=run.random_state % 2**31)
        with run.masks.hold(model):
            self.fit(replace(run, model=model), gates)
        opened = gates.kept()
        gates.detach()
        return Masks({name: mask & opened[name].to(mask.device) for name, mask in run.masks.items()})


@dataclass(frozen=True)
class _Lottery:
    model: nn.Module
    train: Callable[[Run], float]
    rounds: int
    kept_per_round: float
    rewind_to: int
    score: Callable | Ticket
    scope: str
    spare: tuple[str, ...]
    controls: tuple[str, ...]
    fresh: Callable[[], nn.Module] | None
    folder: Path | None
    random_state: int

    def run(self) -> Tickets:
        if "reinit" in self.controls and self.fresh is None:
            raise checks.needs_fresh()
        masks = prune(self.model, 1.0, scope=self.scope, spare=self.spare)
        start = self._rewinding_point(masks)
        rows, by_round = [], []
        for number in range(self.rounds + 1):
            by_round.append(masks)
            last = number == self.rounds
            found = self._load(f"round-{number:03d}", masks)
            if found is None or (found.following is None and not last):
                found = self._round(number, masks, start, last)
            rows += found.rows
            masks = found.following or masks
        return Tickets(tuple(rows), tuple(by_round), start)

    def _rewinding_point(self, whole: Masks) -> dict[str, Tensor]:
        """State that tickets begin with."""
        initial = {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}
        if self.folder is not None:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise checks.no_lottery_folder(self.folder, type(error).__name__) from None
        saved = self._read("start")
        if saved is not None:
            return {name: saved[0][name].to(tensor.device) for name, tensor in initial.items()}
        if self.rewind_to:
            run = self._training("rewinding", 0, whole, initial, 0, self.rewind_to)
            self._trained(run)
            initial = {name: tensor.detach().clone() for name, tensor in run.model.state_dict().items()}
        self._write("start", initial, {})
        return initial

    def _round(self, number: int, masks: Masks, start: dict[str, Tensor], last: bool) -> _Round:
        """Train a ticket and its controls, find the next masks, and save all that."""
        run = self._training("ticket", number, masks, start, self.rewind_to)
        rows = [self._row(run, self._metric(run))]
        following = None if last else self._following(run)
        for control in self.controls if number else ():
            if control == "random":
                beside = self._training(control, number, self._shuffled(masks, number), start, self.rewind_to)
            else:
                beside = self._training(control, number, masks, self._reinitialised(number), 0)
            rows.append(self._row(beside, self._metric(beside)))
        words = {"rows": json.dumps([asdict(row) for row in rows]), "masks": _hash(masks)}
        self._write(f"round-{number:03d}", dict(following or {}), words)
        return _Round(tuple(rows), following)

    def _training(self, kind, number, masks, start, begin, end=None) -> Run:
        model = copy.deepcopy(self.model)
        model.load_state_dict(start)
        return Run(model, masks, begin, end, self._seed(number, kind), number, kind, start)

    def _trained(self, run: Run):
        with _seeded(run.random_state, run.model), run.masks.hold(run.model):
            return self.train(run)

    def _metric(self, run: Run) -> float:
        metric = self._trained(run)
        if not isinstance(metric, Real) or isinstance(metric, bool):
            raise checks.no_train_metric(metric)
        return float(metric)

    def _row(self, run: Run, metric: float) -> Row:
        return Row(run.round, run.kind, run.masks.kept, run.masks.share, metric)

    def _following(self, run: Run) -> Masks:
        kept = round(run.masks.size * self.kept_per_round ** (run.round + 1))
        if not isinstance(self.score, Ticket):
            goal = kept if self.scope == "global" else self.kept_per_round ** (run.round + 1)
            return prune(run.model, goal, score=self.score, scope=self.scope, spare=self.spare, within=run.masks)
        with _seeded(self._seed(run.round, "score"), run.model):
            masks = self.score(run, kept)
        if not isinstance(masks, Masks) or masks.keys() != run.masks.keys():
            raise checks.not_masks(masks)
        for name, mask in masks.items():
            if (mask & ~run.masks[name].to(mask.device)).any():
                raise checks.not_within(name)
        return masks

    def _shuffled(self, masks: Masks, number: int) -> Masks:
        """Masks with as many weights in each parameter, anywhere."""
        generator = torch.Generator().manual_seed(self._seed(number, "shuffle"))
        out = {}
        for name, mask in masks.items():
            flat = torch.zeros(mask.numel(), dtype=torch.bool)
            flat[torch.randperm(mask.numel(), generator=generator)[: int(mask.sum())]] = True
            out[name] = flat.reshape(mask.shape).to(mask.device)
        return Masks(out)

    def _reinitialised(self, number: int) -> dict[str, Tensor]:
        """State of a network with other weights at the start."""
        assert self.fresh is not None
        with _seeded(self._seed(number, "fresh"), self.model):
            state = self.fresh().state_dict()
        known = self.model.state_dict()
        for name in dict.fromkeys([*known, *state]):
            if name not in known or name not in state or known[name].shape != state[name].shape:
                raise checks.fresh_differs(name)
        state = {name: tensor.detach().clone().to(known[name].device) for name, tensor in state.items()}
        if all(torch.equal(state[name], known[name]) for name in known):
            raise checks.fresh_is_the_same()
        return state

    def _seed(self, number: int, kind: str) -> int:
        """A number for each thing that is drawn."""
        words = [self.random_state, number, int.from_bytes(hashlib.sha256(kind.encode()).digest()[:8], "little")]
        return int(np.random.SeedSequence(words).generate_state(2, np.uint32).view(np.uint64)[0] >> 2)

    # ---- files: one for the state that is rewound to, one for each round

    def _question(self) -> dict[str, str]:
        """What a file must agree with; words, as the file's header holds them."""
        score = type(self.score).__name__ if isinstance(self.score, Ticket) else _name(self.score)
        facts = {
            "kept_per_round": self.kept_per_round,
            "rewind_to": self.rewind_to,
            "score": score,
            "scope": self.scope,
            "spare": self.spare,
            "controls": self.controls,
            "random_state": self.random_state,
            "the weights at the start": _hash(self.model.state_dict()),
        }
        return {name: str(value) for name, value in facts.items()}

    def _write(self, stem: str, tensors: Mapping[str, Tensor], words: Mapping[str, str]) -> None:
        if self.folder is None:
            return
        header = {"format": FORMAT, "question": json.dumps(self._question()), **words}
        plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
        write_whole(self.folder / f"{stem}.safetensors", lambda draft: save_file(plain, draft, metadata=header))

    def _read(self, stem: str) -> tuple[dict[str, Tensor], dict[str, str]] | None:
        if self.folder is None or not (path := self.folder / f"{stem}.safetensors").exists():
            return None
        try:
            tensors, words = read_tensors(path)
            there = json.loads(words["question"])
        except (OSError, SafetensorError, ValueError, LookupError) as error:
            raise checks.damaged_lottery(path, type(error).__name__) from None
        if differ := [name for name, value in self._question().items() if there.get(name) != value]:
            raise checks.other_lottery(path, differ)
        return tensors, words

    def _load(self, stem: str, masks: Masks) -> _Round | None:
        read = self._read(stem)
        if read is None or read[1]["masks"] != _hash(masks):  # a round after another one that was repeated otherwise
            return None
        rows = tuple(Row(**row) for row in json.loads(read[1]["rows"]))
        return _Round(rows, Masks({name: read[0][name] for name in masks}) if read[0] else None)


@dataclass(frozen=True)
class _Round:
    """What a round has given."""

    rows: tuple[Row, ...]
    following: Masks | None


@contextmanager
def _seeded(seed: int, model: nn.Module):
    """Torch's global generators seeded for a while."""
    devices = sorted({p.device.index or 0 for p in model.parameters() if p.device.type == "cuda"})
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


def _name(score: Callable) -> str:
    return type(score).__name__ if not isinstance(score, type(_name)) else score.__qualname__


def _hash(tensors: Mapping[str, Tensor]) -> str:
    sha = hashlib.sha256()
    for name, tensor in tensors.items():
        sha.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        sha.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return sha.hexdigest()
