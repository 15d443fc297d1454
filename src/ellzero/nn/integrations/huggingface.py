"""Gates in the Trainer of transformers."""

from pathlib import Path

import torch

from ... import _checks as checks
from ..._files import write_whole
from ..target import Target

try:
    from transformers import TrainerCallback as _Callback
except ModuleNotFoundError as error:
    raise checks.missing_extra("TrainerCallback", "transformers", "llm") from error

FILE = "gates.pt"


class TrainerCallback(_Callback):
    """Steps the gates of a network that `transformers.Trainer` trains.

    The Trainer needs to know nothing of the gates: the price of size depends on them alone, so its gradient is added
    apart from the loss. The step comes before the Trainer's own, once for each of its optimiser steps, so that
    gradients of accumulated batches come together. The Trainer clips gradients of the network only.

    Parameters
    ----------
    goal : Target
        Of gates attached to the Trainer's network.

    Raises
    ------
    ArgumentError
        If `goal` is no Target.
    UnsupportedError
        When the training begins, with ``fp16=True``, whose gradient scaler gates have no part in (``bf16=True`` is
        fine), or with several processes.

    Notes
    -----
    Every checkpoint of the Trainer gets a file ``gates.pt`` with the logits, the price and the optimiser's state;
    `load` puts them back before ``trainer.train(resume_from_checkpoint=folder)``.

    Examples
    --------
    ``trainer = Trainer(model, args, train_dataset=data, callbacks=[TrainerCallback(goal)])``, then ``trainer.train()``
    and ``compress(model, goal.gates)``.
    """

    def __init__(self, goal: Target):
        checks.target_wanted(goal)
        self.goal = goal

    def on_train_begin(self, args, state, control, **kwargs):
        """Refuse what would spoil the gates' gradients."""
        if args.fp16:
            raise checks.scaled_gradients("the Trainer")
        if args.world_size > 1 or args.n_gpu > 1:
            raise checks.several_processes(max(args.world_size, args.n_gpu))

    def on_pre_optimizer_step(self, args, state, control, **kwargs):
        """One step of the gates, just before that of the weights."""
        self.goal.step()
        if state.max_steps > 0:
            self.goal.gates.progress = min(1.0, (state.global_step + 1) / state.max_steps)

    def on_save(self, args, state, control, **kwargs):
        """Put the state of the gates beside the Trainer's checkpoint."""
        folder = Path(args.output_dir or ".") / f"checkpoint-{state.global_step}"
        stored = {"gates": self.goal.gates.state_dict(), "goal": self.goal.state_dict()}
        if state.is_world_process_zero and folder.is_dir():
            write_whole(folder / FILE, lambda draft: torch.save(stored, draft))

    def load(self, folder: str | Path) -> None:
        """Put the state of the gates back from a checkpoint of the Trainer.

        Parameters
        ----------
        folder : str or Path
            Such as ``"output/checkpoint-500"``.

        Raises
        ------
        DataError
            If it holds none.
        """
        path = Path(folder) / FILE
        if not path.is_file():
            raise checks.no_gates_saved(folder)
        stored = torch.load(path, weights_only=True, map_location=self.goal.gates.device)
        self.goal.gates.load_state_dict(stored["gates"])
        self.goal.load_state_dict(stored["goal"])
