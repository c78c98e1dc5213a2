"""A progress bar for the whole of training, not for each epoch."""

import time
from typing import Any

from lightning.pytorch import LightningModule, Trainer

from vae.evaluation.progress import TestProgress
from vae.evaluation.trainer import log_interval


class ProgressBar(TestProgress):
    """ELBO, rate, distortion and the time left: a bar in a terminal, a line per epoch in a file.

    Arguments:
        interval: The least number of seconds between two lines in a file.
    """

    def __init__(self, interval: float = 5.0):
        super().__init__()
        self.interval = interval
        self.started = self.printed = 0.0
        self.first_step = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock and the bar."""
        self.started = self.printed = time.monotonic()
        self.first_step = trainer.global_step
        total = trainer.estimated_stepping_batches
        self._start(trainer, "training", total if total != float("inf") else None)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move the bar whenever metrics were logged."""
        if trainer.global_step % log_interval(trainer) == 0:
            self._update(trainer.global_step, _describe(trainer))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print a line, where there is no terminal."""
        now = time.monotonic()
        last = trainer.current_epoch + 1 == trainer.max_epochs
        if (
            not trainer.is_global_zero
            or self.progress is not None
            or (now - self.printed < self.interval and not last)
        ):
            return
        self.printed = now
        done = trainer.global_step - self.first_step
        left = trainer.estimated_stepping_batches - trainer.global_step
        seconds = (now - self.started) / max(done, 1) * left
        print(f"epoch {_describe(trainer)}  {seconds:.0f} s left", flush=True)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remove the bar."""
        self._update(trainer.global_step, _describe(trainer))
        self._stop()


def _describe(trainer: Trainer) -> str:
    metrics = trainer.logged_metrics
    epochs = trainer.max_epochs or -1
    epoch = trainer.current_epoch + 1
    words = [f"{min(epoch, epochs)}/{epochs}" if epochs > 0 else str(epoch)]
    for name in ("elbo", "rate", "distortion"):
        if (value := metrics.get(f"train/{name}")) is not None:
            words.append(f"{name} {float(value):.2f}")
            if name == "elbo" and (value := metrics.get("val/elbo")) is not None:
                words[-1] += f" (val {float(value):.2f})"
    return "  ".join(words)
