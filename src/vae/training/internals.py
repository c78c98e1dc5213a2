"""Internals of Lightning and torch that nothing public offers, each with the reason.

`tests/training/test_internals.py` tells when one of them is gone or means something else.
"""

from collections.abc import Mapping
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.loops.evaluation_loop import RestartStage
from torch.optim import Optimizer


def count_last_step(trainer: Trainer) -> None:
    """Count the checkpoint's last step where nothing was left to train, as Lightning does not.

    Loggers would otherwise get the test's numbers under the step before.
    """
    loop = trainer.fit_loop.epoch_loop
    loop._batches_that_stepped = max(loop._batches_that_stepped, trainer.global_step)


def step_being_logged(trainer: Trainer) -> int:
    """The number that loggers get for the step that is being taken."""
    return int(trainer.fit_loop.epoch_loop._batches_that_stepped)


def unlogged(trainer: Trainer) -> Mapping[str, Any] | None:
    """What a step has logged that loggers have not been told yet; None if there is nothing.

    A checkpoint that is made within a step would lose it.
    """
    loop, connector = trainer.fit_loop.epoch_loop, trainer._logger_connector
    progress: Any = loop.batch_progress.current
    if progress.completed == progress.processed or loop._should_accumulate():
        return None
    return connector.metrics["log"] if connector.should_update_logs else None


def validates_next(trainer: Trainer) -> bool:
    """Whether a validation follows the step that was just taken."""
    fetcher: Any = trainer.fit_loop._data_fetcher
    return bool(trainer.fit_loop.epoch_loop._should_check_val_fx(fetcher))


def stops_here(trainer: Trainer) -> bool:
    """Whether training was asked to stop, and may by its min_epochs and min_steps."""
    return bool(trainer.should_stop and trainer.fit_loop._can_stop_early)


def ends_epoch(trainer: Trainer) -> bool:
    """Whether the step that was just taken is the epoch's last, limits included."""
    loop = trainer.fit_loop.epoch_loop
    return bool(loop.batch_progress.is_last_batch or loop._num_ready_batches_reached())


def validate_first(trainer: Trainer) -> None:
    """Have training begin with the validation, which Lightning would take for done."""
    loop = trainer.fit_loop.epoch_loop.val_loop
    loop.batch_progress.reset_on_run()
    loop._restart_stage = RestartStage.RESTARTED_MID_EVALUATION


def hide_from(logger: TensorBoardLogger, step: int) -> None:
    """Have TensorBoard hide what was logged from a step on, when the logger begins to write.

    Lightning takes the option in the constructor alone, before the step is known.
    """
    logger._kwargs["purge_step"] = step


def unscales_itself(optimizer: Optimizer) -> bool:
    """Whether gradients still have the scale of mixed precision before the optimiser's step."""
    return bool(getattr(optimizer, "_step_supports_amp_scaling", False))
