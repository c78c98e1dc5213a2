"""Evaluate a trained run: log p(x) with its interval, rate, distortion, latents, classes, images.

Try:
  python -m vae.evaluate run=outputs/mnist_bernoulli/2026-11-23_10-00-00
  python -m vae.evaluate run=outputs/mnist_bernoulli/2026-11-23_10-00-00 num_samples=100 fid=0
  python -m vae.evaluate run=checkpoints/best.ckpt finetune=500

Settings (NAME=VALUE): run (a run directory or a checkpoint), num_samples (k), memory (MB), surgery,
probe, fid, finetune, finetune_steps, pictures, data_root (where the data lies now), seed,
trainer.devices, and every other key that --cfg job prints. Results and pictures go to
RUN/evaluations/TIME, or where out= says.

  --cfg job         print the config that would run
  -m                run every combination of comma-separated values
  --config-dir DIR  add a folder of your own configs, which may shadow packaged ones

HYDRA_FULL_ERROR=1 in the environment shows tracebacks.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from vae.argv import command_line, one_job
from vae.command import plain, run


def evaluate(config: dict[str, Any]) -> dict[str, Any]:
    """Evaluate one run and report it.

    Arguments:
        config: What `compose(..., name="evaluate")` gives.

    Returns:
        What results.json holds.

    Raises:
        ConfigError: If the config makes no sense.
        RunError: If there is no such run.
        DataError: If its data is missing or damaged.
    """
    import lightning

    from vae import build, report, results, settings
    from vae.callbacks.pictures import Pictures
    from vae.callbacks.progress import ProgressBar
    from vae.evaluation import EvaluationModule
    from vae.process import prepare
    from vae.run import open_run
    from vae.testing import test

    settings.check(config, settings.EVALUATE)
    opened = open_run(config["run"], config["allow"])
    trained = opened.data_config(config["data_root"])
    known = results.earlier_training(opened.directory)
    time_ = time.strftime("%Y-%m-%d_%H-%M-%S")
    directory = Path(config["out"] or opened.directory / "evaluations" / time_).absolute()
    report.claim(config, directory)
    prepare()
    lightning.seed_everything(config["seed"], verbose=False)
    try:
        data = build.build_data(trained)
        module = EvaluationModule(
            opened.model, config["num_samples"], config["memory"], opened.generates
        )
        callbacks: list[lightning.Callback] = [ProgressBar()]
        if config["pictures"]:
            callbacks.append(Pictures(config["pictures"]))
        node = {**config["trainer"], "default_root_dir": str(directory)}
        trainer = build.build_trainer({"trainer": node, "data": trained["data"]}, callbacks, [])
    except Exception:
        report.release(directory)
        raise
    collect = partial(
        results.collect,
        trained,
        data,
        module,
        trainer,
        checkpoint=opened.checkpoint,
        words=command_line("evaluate"),
        train=known,
        score=None,
    )
    return test(module, data, trainer, config, directory, collect)


def task(config: DictConfig) -> float:
    """One job of the command; its score is the ELBO, or minus the distortion without one."""
    with one_job(Path.cwd()):
        return float(evaluate(plain(config))["score"])


if __name__ == "__main__":
    run("evaluate", task, help=__doc__, groups=["trainer"])
