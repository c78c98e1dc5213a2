"""A Trainer from its config."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import Checkpoint, ModelCheckpoint
from lightning.pytorch.loggers import Logger
from lightning.pytorch.plugins.io import CheckpointIO
from lightning.pytorch.profilers import PassThroughProfiler

from vae.config.make import make
from vae.runs.checkpoint_io import AtomicCheckpointIO

Config = Mapping[str, Any]
_NOTHING = nullcontext()


class Silent(PassThroughProfiler):
    """Lightning's profiler that does nothing, in a twentieth of the time.

    Lightning enters one of its contexts about fifty times a step.
    """

    def profile(self, action_name: str) -> AbstractContextManager[None]:  # type: ignore[override]
        """A context in which nothing is recorded."""
        return _NOTHING


def build_trainer(config: Config, callbacks: list[Callback], loggers: list[Logger]) -> Trainer:
    """The Trainer."""
    node = dict(config["trainer"])
    if node["enable_checkpointing"] is None:
        node["enable_checkpointing"] = any(isinstance(c, ModelCheckpoint) for c in callbacks)
    if not config["data"]["val_size"]:
        node["limit_val_batches"] = 0
    if node["profiler"] is None:
        node["profiler"] = Silent()
    if node["enable_checkpointing"] is False:
        callbacks = [c for c in callbacks if not isinstance(c, Checkpoint)]
    plugins = node["plugins"] or []
    plugins = [
        make(p, "trainer.plugins", allow=config["allow"]) if isinstance(p, Mapping) else p
        for p in (plugins if isinstance(plugins, list) else [plugins])
    ]
    if not any(isinstance(p, CheckpointIO) for p in plugins):
        plugins.append(AtomicCheckpointIO())
    node["plugins"] = plugins
    trainer: Trainer = make(
        node, "trainer", allow=config["allow"], callbacks=callbacks, logger=loggers
    )
    return trainer


def log_interval(trainer: Trainer) -> int:
    """The steps from one log of training to the next; with 0, more than any training has."""
    steps: int = trainer.log_every_n_steps  # type: ignore[attr-defined]
    return steps if steps > 0 else 2**62
