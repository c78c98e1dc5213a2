"""Train a variational autoencoder, test it, and leave a run directory that explains itself.

Try:
  python -m vae.train experiment=mnist_bernoulli
  python -m vae.train experiment=mnist_bernoulli model.latent_dim=2 trainer.max_epochs=10
  python -m vae.train experiment=mnist_bernoulli model/likelihood=gaussian model/encoder=conv
  python -m vae.train -m experiment=mnist_bernoulli seed=0,1,2

Settings (NAME=VALUE): data.batch_size, data.val_size, data.root, data.binarize, model.latent_dim,
model.encoder.hidden=[400], objective.num_samples, optimizer.lr, trainer.max_epochs,
trainer.precision, trainer.devices, run_dir, seed, and every other key that --cfg job prints.

  --cfg job         print the config that would run
  -m                run every combination of comma-separated values
  --config-dir DIR  add a folder of your own configs, which may shadow packaged ones

HYDRA_FULL_ERROR=1 in the environment shows tracebacks.
"""

from __future__ import annotations

import contextlib
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from vae.argv import command_line, one_job
from vae.command import compose as compose
from vae.command import plain, run

if TYPE_CHECKING:
    from lightning.pytorch import Trainer

    from vae.data.module import DataModule
    from vae.model import VAE


@dataclass(frozen=True)
class Result:
    """What a run leaves.

    Arguments:
        model: The best model, in evaluation mode.
        data: The data module it was trained on.
        results: What results.json holds.
        directory: The run directory.
    """

    model: VAE
    data: DataModule
    results: dict[str, Any]
    directory: Path


def train(config: dict[str, Any], words: Sequence[str] | None = None) -> Result:
    """Train, test and report one model.

    Arguments:
        config: What `compose` gives; its run_dir must not hold a run yet, unless resume is set.
        words: The command that runs this job; None for this process's own.

    Raises:
        ConfigError: If the config makes no sense.
        DataError: If the data is missing, damaged, or not what the likelihood explains.
        NonFiniteLoss: If training diverges; the last good checkpoint is kept.
    """
    import lightning
    import torch

    from vae import build, devices, report, results, resume, settings, spawn
    from vae.loggers.log import Log
    from vae.pages.run import write_report
    from vae.process import prepare
    from vae.testing import test

    settings.check(config, settings.TRAIN)
    directory = Path(config["run_dir"]).absolute()
    begin = resume.start(config, directory)
    if begin.results is not None:
        return _result(config, directory)
    devices.check(config)
    words = command_line("train") if words is None else words
    if spawn.wanted(config):
        spawn.run(config, list(words))
        return _result(config, directory)
    checkpoint = begin.checkpoint
    # a checkpoint that cannot be gone on with is refused before anything is written
    steps = resume.step(checkpoint)
    new = report.claim(config, directory, again=resume.wish(config) is not None)
    prepare(config["threads"])
    lightning.seed_everything(config["seed"], verbose=False)
    try:
        data = build.build_data(config)
        module = build.build_module(config, data)
        loggers = build.build_loggers(config)
        callbacks = build.build_callbacks(config, module)
        trainer = build.build_trainer(config, callbacks, loggers)
    except Exception:
        if new:
            report.release(directory)
        raise
    failed, found = True, None
    logs = [logger for logger in loggers if isinstance(logger, Log)]
    try:
        if trainer.is_global_zero:
            report.print_summary(config, data, module.model, trainer, checkpoint)
        for log in logs:
            log.start(config, steps)
        trainer.fit(
            module,
            datamodule=data,
            ckpt_path=None if checkpoint is None else str(checkpoint),
            weights_only=True,
        )
        known = results.training(trainer, data, module.seconds(), module.bounded)
        _forget_requeueing(trainer, directory)
        path = _best(trainer)
        if "fsdp" in str(config["trainer"]["strategy"]):
            # its weights are divided among the processes; whole ones are tested
            module = build.build_module(config, data)
            whole = {**config, "trainer": {**config["trainer"], "strategy": "ddp"}}
            trainer = build.build_trainer(whole, callbacks, loggers)
        if path:
            weights = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
            module.load_state_dict(weights)
        collect = partial(
            results.collect,
            config,
            data,
            module,
            trainer,
            checkpoint=Path(path) if path else None,
            words=words,
            train=known,
            score=known["best_val_score"],
        )
        if any(getattr(c, "pruned", False) for c in callbacks):
            found = collect(analysis={}, seconds=0.0) | {"pruned": True}
            if trainer.is_global_zero:
                report.write_results(found, directory)
        else:
            found = test(module, data, trainer, config["evaluate"], directory, collect)
        if trainer.is_global_zero:
            write_report(directory)
        failed = False
    except SystemExit as e:
        # Lightning ends training so on Ctrl-C, and with code 0 on SIGTERM
        print(f"error: interrupted; {directory} keeps what there is", file=sys.stderr, flush=True)
        raise SystemExit(e.code or 143) from e
    finally:
        if failed:
            _end_children(trainer)
        for log in logs:
            log.close(found, _checkpoints(directory), failed)
    return Result(module.model.eval(), data, found, directory)


def _result(config: dict[str, Any], directory: Path) -> Result:
    """The result of a finished run, read from its directory."""
    from vae import build
    from vae.run import load

    found = json.loads((directory / "results.json").read_text())
    return Result(load(directory, config["allow"]), build.build_data(config), found, directory)


def _forget_requeueing(trainer: Trainer, directory: Path) -> None:
    """Remove the checkpoints of SLURM's requeueing, which Lightning would test instead."""
    if trainer.is_global_zero:
        for path in directory.glob("hpc_ckpt_*.ckpt"):
            path.unlink()
    trainer.strategy.barrier()


def _checkpoints(directory: Path) -> dict[str, Path]:
    """The checkpoints that a run has left, by their names."""
    paths = (directory / "checkpoints" / f"{name}.ckpt" for name in ("best", "last"))
    return {path.stem: path for path in paths if path.is_file()}


def _end_children(trainer: Trainer) -> None:
    """End the processes that DDP started for a job that failed.

    Lightning watches them, and on seeing one fail would kill this process and the rest of a sweep.
    """
    children = getattr(trainer.strategy.launcher, "procs", [])
    for child in children:
        child.kill()
        child.wait()
    children.clear()


def _best(trainer: Trainer) -> str:
    """The checkpoint to test: the best by validation ELBO; none if none was kept."""
    return str(getattr(trainer.checkpoint_callback, "best_model_path", ""))


def _score(config: dict[str, Any]) -> float | None:
    """The score of a job, which is not run again if it is finished."""
    if config["resume"]:
        from vae import resume

        directory = Path(config["run_dir"]).absolute()
        if (begin := resume.start(config, directory)).results is not None:
            print(f"finished before: {directory}", flush=True)
            return begin.results["score"]  # type: ignore[no-any-return]
    return train(config).results["score"]  # type: ignore[no-any-return]


def task(config: DictConfig) -> float:
    """One job of the command.

    Returns:
        The best validation ELBO (test ELBO if there is no validation set), for sweepers to
        maximise; of an autoencoder, which has none, minus the distortion.
    """
    from hydra.core.hydra_config import HydraConfig

    from vae import multirun
    from vae.resume import adopt

    job = HydraConfig.get()
    directory = Path(job.runtime.output_dir)
    config.run_dir = str(directory)
    try:
        settings = adopt(plain(config), job.overrides.task)
        multirun.check(settings)
        if "wandb" in settings["logger"]:
            settings["logger"]["wandb"]["group"] = settings["logger"]["wandb"].get(
                "group"
            ) or multirun.group_of(directory)
        with one_job(directory):
            score = _score(settings)
            return math.nan if score is None else float(score)
    finally:
        # Hydra made it, also for a job that was refused or went on elsewhere
        with contextlib.suppress(OSError):
            directory.rmdir()


if __name__ == "__main__":
    run("train", task, help=__doc__)
