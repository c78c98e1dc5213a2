"""The parts of a run that Lightning does not do: fit from a checkpoint, the best model, its end."""

import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer

from vae.config.secret import recorded
from vae.data.module import DataModule
from vae.evaluation.trainer import build_trainer
from vae.runs import checkpoint as checkpoints
from vae.runs.claim import release
from vae.runs.results import Results
from vae.runs.sections import Training
from vae.training import build, internals
from vae.training.loggers.log import Log
from vae.training.module import VAEModule


class Ending:
    """A run's loggers and what it leaves, from its start to its end.

    Arguments:
        trainer: The trainer.
        directory: The run directory.
    """

    def __init__(self, trainer: Trainer, directory: Path):
        self.trainer, self.directory = trainer, directory
        self.logs = [logger for logger in trainer.loggers if isinstance(logger, Log)]
        self.results: Results | None = None

    def begin(self, config: Mapping[str, Any], step: int) -> None:
        """Tell the loggers the config and the step that the run begins at."""
        for log in self.logs:
            log.start(recorded(dict(config)), step)

    def best(self) -> Path | None:
        """The checkpoint that was kept as the best; None if none was."""
        return _best(self.trainer)

    def pruned(self) -> bool:
        """Whether a search has ended the run early."""
        callbacks = self.trainer.callbacks  # type: ignore[attr-defined]
        return any(getattr(c, "pruned", False) for c in callbacks)

    def checkpoints(self) -> dict[str, Path]:
        """The checkpoints that the run has left, as best and last."""
        last = self.directory / "checkpoints" / "last.ckpt"
        paths = {"best": self.best(), "last": last}
        return {name: path for name, path in paths.items() if path is not None and path.is_file()}


@contextmanager
def of(trainer: Trainer, directory: Path, disposable: bool) -> Iterator[Ending]:
    """While inside, a run trains and is tested; its loggers end with it, however it ends.

    Arguments:
        trainer: The trainer.
        directory: The run directory.
        disposable: Whether the directory is given back if the run fails before its first step.
    """
    end, failed = Ending(trainer, directory), True
    try:
        yield end
        failed = False
    except SystemExit as e:
        # Lightning ends training so on Ctrl-C, and with code 0 on SIGTERM
        print(f"error: interrupted; {directory} keeps what there is", file=sys.stderr, flush=True)
        raise SystemExit(e.code or 143) from e
    finally:
        if failed:
            _end_children(trainer)
        left = end.checkpoints()
        for log in end.logs:
            log.close(end.results, left, failed)
        if failed and disposable and not trainer.global_step and not left:
            # it was refused before it began
            release(directory)


def fit(trainer: Trainer, module: VAEModule, data: DataModule, checkpoint: Path | None) -> None:
    """Train, from a checkpoint if there is one."""
    path = None if checkpoint is None else str(checkpoint)
    trainer.fit(module, datamodule=data, ckpt_path=path, weights_only=True)
    internals.count_last_step(trainer)


def training(trainer: Trainer, module: VAEModule) -> Training:
    """What is known of the training: seconds, speed, epochs, steps, the best validation score.

    The score is the best validation ELBO (of an autoencoder, minus the distortion), whatever the
    checkpoint was picked on.

    Arguments:
        trainer: The trainer, after fit.
        module: The module, trained.
    """
    seconds, batches = module.seconds(), trainer.num_training_batches
    return Training(
        seconds=seconds,
        images_per_second=module.examples / seconds,
        epochs=math.ceil(module.batches / batches) if batches else 0,
        steps=trainer.global_step,
        best_val_score=module.best_score,
    )


def to_test(
    trainer: Trainer,
    module: VAEModule,
    config: Mapping[str, Any],
    data: DataModule,
    directory: Path,
) -> tuple[VAEModule, Trainer]:
    """The module with the best weights, and the trainer that tests it."""
    _forget_requeueing(trainer, directory)
    path, tester = _best(trainer), trainer
    if "fsdp" in str(config["trainer"]["strategy"]):
        # its weights are divided among the processes; whole ones are tested
        module = build.build_module(config, data)
        whole = {**config, "trainer": {**config["trainer"], "strategy": "ddp"}}
        callbacks = list(trainer.callbacks)  # type: ignore[attr-defined]
        tester = build_trainer(whole, callbacks, list(trainer.loggers))
    if path is not None:
        module.load_state_dict(checkpoints.read(path)["state_dict"])
    return module, tester


def _best(trainer: Trainer) -> Path | None:
    """The checkpoint to test: the best by validation ELBO; None if none was kept."""
    path = str(getattr(trainer.checkpoint_callback, "best_model_path", ""))
    return Path(path) if path else None


def _forget_requeueing(trainer: Trainer, directory: Path) -> None:
    """Remove the checkpoints of SLURM's requeueing, which Lightning would test instead."""
    if trainer.is_global_zero:
        for path in directory.glob("hpc_ckpt_*.ckpt"):
            path.unlink()
    trainer.strategy.barrier()


def _end_children(trainer: Trainer) -> None:
    """End the processes that DDP started for a job that failed.

    Lightning watches them, and on seeing one fail would kill this process and the rest of a sweep.
    """
    children = getattr(trainer.strategy.launcher, "procs", [])
    for child in children:
        child.kill()
        child.wait()
    children.clear()
