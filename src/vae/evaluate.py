"""Evaluate a trained run: log p(x) with its interval, rate, distortion, latents, classes, images.

Try:
  python -m vae.evaluate run=outputs/mnist_bernoulli/2026-11-23_10-00-00
  python -m vae.evaluate run=outputs/mnist_bernoulli/2026-11-23_10-00-00 num_samples=100 fid=0
  python -m vae.evaluate run=checkpoints/best.ckpt finetune=500

Settings (NAME=VALUE): run (a run directory or a checkpoint), num_samples (k), memory (MB), surgery,
probe, fid, finetune, finetune_steps, pictures, data.root (where the data lies now), seed,
trainer.devices, and every other key that --cfg job prints. Results and pictures go to
RUN/evaluations/TIME, or where out= says.

  --cfg job         print the config that would run
  -m                run every combination of comma-separated values
  --config-dir DIR  add a folder of your own configs, which may shadow packaged ones

HYDRA_FULL_ERROR=1 in the environment shows tracebacks.
"""

from __future__ import annotations

import contextlib
import sys
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

    from vae import build, results, settings
    from vae.callbacks.pictures import Pictures
    from vae.callbacks.progress import ProgressBar
    from vae.evaluation import EvaluationModule
    from vae.process import prepare
    from vae.run import open_run
    from vae.runs.claim import claim, free_directory, is_first, let_go, release
    from vae.testing import test

    settings.check(config, settings.EVALUATE, "evaluate")
    opened = open_run(config["run"], config["allow"])
    root = config["data"]["root"]
    known = results.earlier_training(opened.directory)
    if config["out"]:
        directory = Path(config["out"]).expanduser().absolute()
    else:
        time_ = time.strftime("%Y-%m-%d_%H-%M-%S")
        directory = (opened.directory / "evaluations" / time_).absolute()
        directory = free_directory(directory) if is_first() else directory
    claim(config, directory)
    prepare()
    lightning.seed_everything(config["seed"], verbose=False)
    try:
        data = opened.open_data(root, config["other_data"])
        module = EvaluationModule(
            opened.model, config["num_samples"], config["memory"], opened.generates
        )
        callbacks: list[lightning.Callback] = [ProgressBar()]
        if config["pictures"]:
            callbacks.append(Pictures(config["pictures"]))
        node = {**config["trainer"], "default_root_dir": str(directory)}
        trained = opened.data_config(root)
        whole = {"trainer": node, "data": trained["data"], "allow": config["allow"]}
        trainer = build.build_trainer(whole, callbacks, [])
    except BaseException:
        release(directory)
        with contextlib.suppress(OSError):
            directory.rmdir()
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
    try:
        return test(module, data, trainer, config, config["seed"], directory, collect)
    except SystemExit as e:
        print(f"error: interrupted; {directory} keeps what there is", file=sys.stderr, flush=True)
        raise SystemExit(e.code or 143) from e
    finally:
        let_go(directory)


def task(config: DictConfig) -> float:
    """One job of the command; its score is the ELBO, or minus the distortion without one."""
    with one_job(Path.cwd()):
        return float(evaluate(plain(config))["score"])


if __name__ == "__main__":
    run("evaluate", task, help=__doc__, groups=["trainer"])
