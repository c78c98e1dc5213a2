"""One job of `vae.train`: its directory, its settings, and its score for a sweep."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, read_write

from vae.cli import multirun
from vae.cli.argv import command_line, one_job, written
from vae.cli.command import plain
from vae.errors import ConfigError
from vae.runs.adopt import adopt
from vae.runs.claim import free_directory, is_first, let_go


def run_job(config: DictConfig, train: Callable[..., Any]) -> float:
    """Run a job, in a directory of its own.

    Arguments:
        config: The config as composed.
        train: What trains: the settings, the command's words, and whether it is a sweep's job.

    Returns:
        The best validation ELBO (test ELBO if there is no validation set), for sweepers to
        maximise; of an autoencoder, which has none, minus the distortion.
    """
    job = HydraConfig.get()
    directory = made = Path(job.runtime.output_dir)
    try:
        directory = _own_directory(config, directory)
        config.run_dir = str(directory)
        settings = adopt(plain(config), written(job.overrides.task))
        multirun.check(settings)
        loggers = settings.get("logger") or {}
        if "wandb" in loggers:
            group = loggers["wandb"].get("group")
            loggers["wandb"]["group"] = group or multirun.group_of(directory)
        with one_job(directory):
            sweep = job.mode is RunMode.MULTIRUN
            score = train(settings, command_line("train"), sweep).results.score
            return math.nan if score is None else float(score)
    finally:
        let_go(directory)
        for path in {directory, made}:
            # Hydra made it, also for a job that was refused or went on elsewhere
            with contextlib.suppress(OSError):
                path.rmdir()


def _own_directory(config: DictConfig, directory: Path) -> Path:
    """The run directory; where the time named it, the next name that no other run has.

    Raises:
        ConfigError: If run_dir is empty.
    """
    raw = OmegaConf.to_container(config, resolve=False)
    assert isinstance(raw, dict)
    job = HydraConfig.get()
    if job.mode is RunMode.RUN and not str(raw["run_dir"] or "").strip():
        raise ConfigError(
            "run_dir is the folder that a run is kept in, got nothing; name one, or leave it out."
        )
    named = "${now" not in str(raw["run_dir"])
    # hydra.run.dir names it too
    named = named or any(w.lstrip("+").startswith("hydra.run.dir=") for w in job.overrides.hydra)
    if named or job.mode is not RunMode.RUN or config.resume or not is_first():
        return directory
    directory = free_directory(directory)
    with read_write(job):  # type: ignore[arg-type]
        job.runtime.output_dir = str(directory)
    return directory
