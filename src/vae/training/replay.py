"""A validation that a checkpoint was made before, and that Lightning would leave out."""

from typing import Any

from lightning.pytorch import Trainer


def owes_validation(loops: dict[str, Any], trainer: Trainer) -> bool:
    """Whether a checkpoint lies on an epoch's last step, with that epoch's validation to come.

    Our own last.ckpt never does; those of a ModelCheckpoint with every_n_train_steps may. Its
    counters are changed to those of a checkpoint after the step.

    Arguments:
        loops: What the checkpoint keeps of Lightning's loops.
        trainer: The trainer that resumes from it.
    """
    fit = loops["fit_loop"]
    progress = fit["epoch_loop.batch_progress"]
    total, current = progress["total"], progress["current"]
    every = trainer.check_val_every_n_epoch
    epoch = fit["epoch_progress"]["current"]["processed"] + 1
    within_step = total["completed"] == total["processed"] - 1
    if not (progress["is_last_batch"] and within_step and every and epoch % every == 0):
        return False
    total["completed"] += 1
    current["completed"] += 1
    return True
