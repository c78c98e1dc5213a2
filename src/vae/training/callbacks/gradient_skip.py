"""Steps whose gradient is far larger than the others' are not taken."""

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch.optim import Optimizer

from vae.errors import ConfigError


class GradientSkip(Callback):
    """Skip a step whose gradient's norm is larger than `norm`, and count those in train/skipped.

    Deep hierarchies meet a batch now and then whose gradient would undo what was learned; clipping
    would still follow its direction.

    Arguments:
        norm: The largest norm of the gradient of all weights, before it is clipped.

    Raises:
        ConfigError: If it is not positive, or training scales its loss (16-mixed).

    References:
        Very Deep VAEs Generalize Autoregressive Models (Child, 2021), section 3.3
    """

    def __init__(self, norm: float = 1000.0):
        if not norm > 0:
            raise ConfigError(
                f"callbacks.gradient_skip.norm is positive, got {norm}; set it to some ten times "
                "the usual train/gradient_norm."
            )
        self.norm = norm
        self.skipped = 0

    def state_dict(self) -> dict[str, Any]:
        """How many steps were skipped, which a resumed run goes on counting."""
        return {"skipped": self.skipped}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on counting."""
        self.skipped = state_dict["skipped"]

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer
    ) -> None:
        """Forget the gradient if it is too large; an optimiser passes over weights without one."""
        if getattr(trainer.precision_plugin, "scaler", None) is not None:
            raise ConfigError(
                "a step is skipped by the norm of its gradient, which trainer.precision=16-mixed "
                "has scaled, and it skips steps itself; set trainer.precision=bf16-mixed, or "
                "leave callbacks.gradient_skip out."
            )
        gradients = [p.grad for p in pl_module.parameters() if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        # also where it is no number
        if not norm <= self.norm:
            self.skipped += 1
            for parameter in pl_module.parameters():
                parameter.grad = None
        pl_module.log("train/skipped", float(self.skipped), sync_dist=trainer.world_size > 1)
