"""A progress bar for the test."""

import sys
import time
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

# the least number of seconds between two drawings of the bar
REFRESH = 0.5


class TestProgress(Callback):
    """How far the test has come: a bar in a terminal, a line in a file."""

    # pytest would take it for a test
    __test__ = False

    def __init__(self) -> None:
        self.progress: Progress | None = None
        self.task: TaskID | None = None
        self.drawn = 0.0

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
