"""A progress bar for the whole of training, not for each epoch."""

import sys
import time
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from vae.module import log_interval

# the least number of seconds between two drawings of the bar
REFRESH = 0.5


class ProgressBar(Callback):
    """ELBO, rate, distortion and the time left: a bar in a terminal, a line per epoch in a file.

    Arguments:
        interval: The least number of seconds between two lines in a file.
    """

    def __init__(self, interval: float = 5.0):
        self.interval = interval
        self.progress: Progress | None = None
        self.task: TaskID | None = None
        self.started = self.printed = self.drawn = 0.0
        self.first_step = 0

    def _start(self, trainer: Trainer, description: str, total: float | None) -> None:
        if trainer.is_global_zero and sys.stdout.isatty():
            self.progress = Progress(
                BarColumn(bar_width=7),
                TimeRemainingColumn(),
                TextColumn("{task.description}"),
                console=Console(),
                # a thread that draws would take a core from the computation four times a second
                auto_refresh=False,
            )
            self.progress.start()
            self.task = self.progress.add_task(description, total=total)

    def _update(self, done: int, description: str | None = None) -> None:
        if self.progress is not None and self.task is not None:
            now = time.monotonic()
            due = now - self.drawn >= REFRESH
            self.drawn = now if due else self.drawn
            self.progress.update(self.task, completed=done, description=description, refresh=due)

    def _stop(self) -> None:
        if self.progress is not None:
            self.progress.refresh()
            self.progress.stop()
            self.progress = None

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

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start a bar for the test."""
        self._start(trainer, "testing", sum(trainer.num_test_batches))
        if trainer.is_global_zero and self.progress is None:
            print("testing", flush=True)

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Move the bar."""
        self._update(batch_idx + 1)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remove the bar."""
        self._stop()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Remove the bar."""
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
