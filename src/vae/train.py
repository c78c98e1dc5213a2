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
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from vae.argv import command_line, one_job
from vae.command import compose as compose
from vae.command import plain, run
from vae.errors import VAEError

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


def train(config: dict[str, Any]) -> Result:
    """Train, test and report one model.

    Arguments:
        config: What `compose` gives; its run_dir must not hold a run yet.

    Raises:
        ConfigError: If the config makes no sense.
        DataError: If the data is missing, damaged, or not what the likelihood explains.
        NonFiniteLoss: If training diverges; the last good checkpoint is kept.
    """
    import lightning
    import torch

    from vae import build, report, results, settings
    from vae.loggers import WandB
    from vae.process import prepare
    from vae.testing import test

    settings.check(config, settings.TRAIN)
    directory = Path(config["run_dir"]).absolute()
    report.claim(config, directory)
    prepare()
    lightning.seed_everything(config["seed"], verbose=False)
    try:
        data = build.build_data(config)
        module = build.build_module(config, data)
        loggers = build.build_loggers(config)
        trainer = build.build_trainer(config, build.build_callbacks(config, module), loggers)
    except Exception:
        report.release(directory)
        raise
    failed = True
    try:
        if trainer.is_global_zero:
            report.print_summary(config, data, module.model, trainer)
        start = time.perf_counter()
        trainer.fit(module, datamodule=data)
        seconds = time.perf_counter() - start
        known = results.training(trainer, data, seconds, module.bounded)
        if path := _best(trainer):
            weights = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
            module.load_state_dict(weights)
        collect = partial(
            results.collect,
            config,
            data,
            module,
            trainer,
            checkpoint=Path(path) if path else None,
            words=command_line("train"),
            train=known,
            score=known["best_val_score"],
        )
        found = test(module, data, trainer, config["evaluate"], directory, collect)
        failed = False
    except SystemExit as e:
        # Lightning ends training so on Ctrl-C, and with code 0 on SIGTERM
        print(f"error: interrupted; {directory} keeps what there is", file=sys.stderr, flush=True)
        raise SystemExit(e.code or 143) from e
    finally:
        if failed:
            _end_children(trainer)
        for logger in loggers:
            if isinstance(logger, WandB):
                logger.close(failed)
    return Result(module.model.eval(), data, found, directory)


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


def task(config: DictConfig) -> float:
    """One job of the command.

    Returns:
        The best validation ELBO (test ELBO if there is no validation set), for sweepers to
        maximise; of an autoencoder, which has none, minus the distortion.
    """
    from hydra.core.hydra_config import HydraConfig

    directory = Path(HydraConfig.get().runtime.output_dir)
    config.run_dir = str(directory)
    try:
        with one_job(directory):
            return float(train(plain(config)).results["score"])
    except VAEError:
        # Hydra made the directory of a job that was refused
        with contextlib.suppress(OSError):
            directory.rmdir()
        raise


if __name__ == "__main__":
    run("train", task, help=__doc__)
