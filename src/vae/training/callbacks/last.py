"""last.ckpt: always the last step that was trained."""

from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from vae.training import internals


class Last(ModelCheckpoint):
    """Keep a checkpoint of the last step, from which training goes on to the same bits.

    It is written after every validation, at the end of every epoch and where training ends within
    one. At a step that a validation follows it waits for that: a run that went on from before it
    would lose the validation.

    Arguments:
        dirpath: The folder.
        filename: The file's name, without .ckpt.
        every_n_train_steps: Also after every so many steps; null for none.

    Raises:
        ValueError: If `every_n_train_steps` is not positive, or the name has metrics in it.
    """

    def __init__(
        self, dirpath: str, filename: str = "last", every_n_train_steps: int | None = None
    ):
        if every_n_train_steps is not None and every_n_train_steps < 1:
            raise ValueError(
                f"every_n_train_steps must be at least 1, got {every_n_train_steps}; set it so, or "
                "to null for none."
            )
        if not filename or "{" in filename or "/" in filename:
            raise ValueError(
                f"the last checkpoint is one file, whose name holds no metrics, got "
                f"filename={filename}; set a plain name such as last."
            )
        super().__init__(dirpath=dirpath, filename=filename, enable_version_counter=False)
        self.every = every_n_train_steps

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save at every so many steps, and at a last step within an epoch."""
        step = trainer.global_step
        limit = trainer.max_steps
        ending = internals.stops_here(trainer) or (limit is not None and 0 <= limit <= step)
        if not ending and (self.every is None or step % self.every):
            return
        if not internals.validates_next(trainer) and not internals.ends_epoch(trainer):
            self._keep(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save after a validation within training."""
        if not trainer.sanity_checking:
            self._keep(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save at an epoch's end, unless its validation has."""
        self._keep(trainer)

    def _keep(self, trainer: Trainer) -> None:
        if not self._should_skip_saving_checkpoint(trainer):
            self._save_topk_checkpoint(trainer, self._monitor_candidates(trainer))
