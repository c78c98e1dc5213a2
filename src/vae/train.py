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

from omegaconf import DictConfig, OmegaConf, read_write

from vae.argv import command_line, one_job, written
from vae.command import compose as compose
from vae.command import plain, run
from vae.runs.claim import let_go
from vae.secret import recorded

if TYPE_CHECKING:
    from lightning.pytorch import Trainer

    from vae.data.module import DataModule
    from vae.model import VAE
    from vae.module import VAEModule
    from vae.resume import Start


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
    from vae import devices, resume, settings, spawn
    from vae.runs.adopt import wish
    from vae.runs.claim import claim, enter, let_go

    settings.check(config, settings.TRAIN, "train")
    directory = Path(config["run_dir"]).expanduser().absolute()
    again = wish(config) is not None
    words = command_line("train") if words is None else words
    try:
        if again:
            # what there is to go on from must not change meanwhile
            enter(directory)
        begin = resume.start(config, directory)
        if begin.results is not None:
            return _result(config, directory)
        devices.check(config)
        if spawn.wanted(config):
            let_go(directory)
            spawn.run(config, list(words))
            return _result(config, directory)
        new = claim(config, directory, again)
        return _train(config, directory, begin, list(words), new)
    finally:
        let_go(directory)


def _train(
    config: dict[str, Any], directory: Path, begin: Start, words: list[str], new: bool
) -> Result:
    """Train in a directory that is this process's."""
    import lightning

    from vae import build
    from vae.loggers.log import Log
    from vae.process import prepare
    from vae.run import same_data
    from vae.runs.claim import release, renew

    prepare(config["threads"])
    lightning.seed_everything(config["seed"], verbose=False)
    try:
        data = build.build_data(config)
        same_data(begin.data, data)
        module = build.build_module(config, data)
        loggers = build.build_loggers(config)
        callbacks = build.build_callbacks(config, module)
        trainer = build.build_trainer(config, callbacks, loggers)
        if not new:
            renew(config, directory)
    except BaseException:
        if new and not _in_a_sweep():
            release(directory)
        raise
    failed, found = True, None
    logs = [logger for logger in loggers if isinstance(logger, Log)]
    try:
        found, module = _fit_and_test(config, directory, begin, words, data, module, trainer)
        failed = False
    except SystemExit as e:
        # Lightning ends training so on Ctrl-C, and with code 0 on SIGTERM
        print(f"error: interrupted; {directory} keeps what there is", file=sys.stderr, flush=True)
        raise SystemExit(e.code or 143) from e
    finally:
        if failed:
            _end_children(trainer)
        kept = _checkpoints(directory, trainer)
        for log in logs:
            log.close(found, kept, failed)
        if failed and new and not trainer.global_step and not kept and not _in_a_sweep():
            # it was refused before it began
            release(directory)
    return Result(module.model.eval(), data, found, directory)


def _fit_and_test(
    config: dict[str, Any],
    directory: Path,
    begin: Start,
    words: list[str],
    data: DataModule,
    module: VAEModule,
    trainer: Trainer,
) -> tuple[dict[str, Any], VAEModule]:
    """Train, test the best, and report; what results.json holds, and the module tested."""
    from vae import build, report, results
    from vae import checkpoint as checkpoints
    from vae.loggers.log import Log
    from vae.pages.run import write_report
    from vae.testing import test

    callbacks, loggers = list(trainer.callbacks), list(trainer.loggers)  # type: ignore[attr-defined]
    if trainer.is_global_zero:
        report.print_summary(config, data, module.model, trainer, begin.checkpoint)
    for log in loggers:
        if isinstance(log, Log):
            log.start(recorded(config), begin.step)
    trainer.fit(
        module,
        datamodule=data,
        ckpt_path=None if begin.checkpoint is None else str(begin.checkpoint),
        weights_only=True,
    )
    loop = trainer.fit_loop.epoch_loop
    # where nothing was left to train, Lightning has not counted the checkpoint's last step
    loop._batches_that_stepped = max(loop._batches_that_stepped, trainer.global_step)
    known = results.training(trainer, module)
    _forget_requeueing(trainer, directory)
    path = _best(trainer)
    if "fsdp" in str(config["trainer"]["strategy"]):
        # its weights are divided among the processes; whole ones are tested
        module = build.build_module(config, data)
        whole = {**config, "trainer": {**config["trainer"], "strategy": "ddp"}}
        trainer = build.build_trainer(whole, callbacks, loggers)
    if path:
        module.load_state_dict(checkpoints.read(Path(path))["state_dict"])
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
        found = test(module, data, trainer, config["evaluate"], config["seed"], directory, collect)
    if trainer.is_global_zero:
        write_report(directory)
    return found, module


def _in_a_sweep() -> bool:
    """Whether this is a job of a multirun, whose summary names those that were refused."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    return HydraConfig.initialized() and HydraConfig.get().mode is RunMode.MULTIRUN


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


def _checkpoints(directory: Path, trainer: Trainer) -> dict[str, Path]:
    """The checkpoints that a run has left, as best and last."""
    paths = {"best": Path(_best(trainer) or "."), "last": directory / "checkpoints" / "last.ckpt"}
    return {name: path for name, path in paths.items() if path.is_file()}


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

        directory = Path(config["run_dir"]).expanduser().absolute()
        if (results := resume.finished(config, directory)) is not None:
            print(f"finished before: {directory}", flush=True)
            return results["score"]  # type: ignore[no-any-return]
    return train(config).results["score"]  # type: ignore[no-any-return]


def task(config: DictConfig) -> float:
    """One job of the command.

    Returns:
        The best validation ELBO (test ELBO if there is no validation set), for sweepers to
        maximise; of an autoencoder, which has none, minus the distortion.
    """
    from hydra.core.hydra_config import HydraConfig

    from vae import multirun
    from vae.runs.adopt import adopt

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
            score = _score(settings)
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
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from vae.errors import ConfigError
    from vae.runs.claim import free_directory, is_first

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


if __name__ == "__main__":
    run("train", task, help=__doc__)
