"""How fast training goes, and how large its gradients are."""

import time
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch.optim import Optimizer


class Monitor(Callback):
    """Log train/gradient_norm and train/images_per_second with the other training metrics."""

    def __init__(self) -> None:
        self.time = 0.0
        self.step = 0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock anew, so that validation is not counted."""
        self.time, self.step = time.perf_counter(), trainer.global_step

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer
    ) -> None:
        """Log the norm of the gradient of all weights, before it is clipped."""
        if not _due(trainer, trainer.global_step + 1):
            return
        gradients = [p.grad for p in pl_module.parameters() if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        scaler = getattr(trainer.precision_plugin, "scaler", None)
        if scaler is not None and getattr(optimizer, "_step_supports_amp_scaling", False):
            # a fused step has not unscaled them yet
            norm = norm / scaler.get_scale()
        pl_module.log("train/gradient_norm", norm, sync_dist=trainer.world_size > 1)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Log the images of all devices that were trained on in a second."""
        if not _due(trainer, trainer.global_step) or trainer.global_step == self.step:
            return
        now, steps = time.perf_counter(), trainer.global_step - self.step
        images = steps * trainer.accumulate_grad_batches * len(batch.x) * trainer.world_size
        pl_module.log("train/images_per_second", images / (now - self.time))
        self.time, self.step = now, trainer.global_step


def _due(trainer: Trainer, step: int) -> bool:
    return step % (trainer.log_every_n_steps or 50) == 0  # type: ignore[attr-defined]
