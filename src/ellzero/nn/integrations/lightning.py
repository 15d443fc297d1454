"""Gates in the Trainer of Lightning."""

from math import isfinite
from typing import Any

from ... import _checks as checks
from ..target import Target

_Callback: Any
try:
    from lightning.pytorch.callbacks import Callback as _Callback  # pyright: ignore[reportMissingImports]
except ModuleNotFoundError:
    try:
        from pytorch_lightning.callbacks import Callback as _Callback  # pyright: ignore[reportMissingImports]
    except ModuleNotFoundError as error:
        raise checks.missing_package("LightningCallback", "lightning") from error


class LightningCallback(_Callback):
    """Steps the gates of a network that a Lightning Trainer trains.

    The Trainer and the module need to know nothing of the gates: the price of size depends on them alone, so its
    gradient is added apart from the loss. The step comes before that of the optimiser, once for each of its steps, so
    that gradients of accumulated batches come together. With ``precision="16-mixed"`` the gates' gradients are unscaled
    by the Trainer's scaler.

    Parameters
    ----------
    goal : Target
        Of gates attached to the network inside the Lightning module, or to the module itself where it has a `forward`.

    Raises
    ------
    ArgumentError
        If `goal` is no Target.
    UnsupportedError
        When the training begins, with several processes.

    Notes
    -----
    The state of gates and goal is part of the Trainer's checkpoints.

    Examples
    --------
    ``Trainer(callbacks=[LightningCallback(goal)]).fit(module, loader)``, then ``compress(model, goal.gates)``.
    """

    def __init__(self, goal: Target):
        super().__init__()
        checks.target_wanted(goal)
        self.goal = goal

    def on_train_start(self, trainer, pl_module) -> None:
        """Refuse several processes."""
        if trainer.world_size > 1:
            raise checks.several_processes(trainer.world_size)

    def on_before_optimizer_step(self, trainer, pl_module, optimizer) -> None:
        """One step of the gates, just before that of the weights."""
        self.goal.step(getattr(trainer.precision_plugin, "scaler", None))
        steps = trainer.estimated_stepping_batches
        if isfinite(steps) and steps > 0:
            self.goal.gates.progress = min(1.0, (trainer.global_step + 1) / steps)

    def state_dict(self) -> dict[str, Any]:
        """For the Trainer's checkpoint."""
        return {"gates": self.goal.gates.state_dict(), "goal": self.goal.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """From the Trainer's checkpoint."""
        self.goal.gates.load_state_dict(state_dict["gates"])
        self.goal.load_state_dict(state_dict["goal"])
