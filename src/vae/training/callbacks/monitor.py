"""How fast training goes, and how large its gradients are."""

import time
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch.optim import Optimizer

from vae.evaluation.trainer import log_interval
from vae.training import internals
from vae.training.module import VAEModule


class Monitor(Callback):
    """Log train/gradient_norm and train/images_per_second with the other training metrics."""

    def __init__(self) -> None:
        self.time = 0.0
        self.step = self.examples = 0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock anew, so that validation is not counted."""
        self._begin(trainer, pl_module)

    def _begin(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, VAEModule)
        self.time, self.step = time.perf_counter(), trainer.global_step
        self.examples = pl_module.examples

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer
    ) -> None:
        """Log the norm of the gradient of all the model's weights, before it is clipped."""
        if not _due(trainer, trainer.global_step + 1):
            return
        assert isinstance(pl_module, VAEModule)
        gradients = [p.grad for p in pl_module.model.parameters() if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        scaler = getattr(trainer.precision_plugin, "scaler", None)
        if scaler is not None and internals.unscales_itself(optimizer):
            # a fused step has not unscaled them yet
            norm = norm / scaler.get_scale()
        pl_module.log("train/gradient_norm", norm, sync_dist=trainer.world_size > 1)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Log the images of all devices that were trained on in a second."""
        if not _due(trainer, trainer.global_step) or trainer.global_step == self.step:
            return
        assert isinstance(pl_module, VAEModule)
        seconds, images = time.perf_counter() - self.time, pl_module.examples - self.examples
        pl_module.log("train/images_per_second", images / seconds)
        self._begin(trainer, pl_module)


def _due(trainer: Trainer, step: int) -> bool:
    return step % log_interval(trainer) == 0
