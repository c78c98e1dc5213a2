"""Evaluate a trained run: log p(x) with its interval, rate, distortion, latents, classes, images.

Try:
  python -m vae.evaluate run=outputs/mnist_bernoulli/2026-11-23_10-00-00
  python -m vae.evaluate run=outputs/mnist_bernoulli/2026-11-23_10-00-00 num_samples=100 fid=0
  python -m vae.evaluate run=checkpoints/best.ckpt finetune=500

Results and pictures go to RUN/evaluations/TIME, or where out= says; trainer.devices= and the other
settings of the trainer are those that --cfg job prints.

  --cfg job         print the config that would run
  -m                run every combination of comma-separated values
  --config-dir DIR  add a folder of your own configs, which may shadow packaged ones

HYDRA_FULL_ERROR=1 in the environment shows tracebacks.
"""

from pathlib import Path

from omegaconf import DictConfig

from vae.cli.argv import command_line, one_job
from vae.cli.command import plain, run


def task(config: DictConfig) -> float:
    """One job of the command; its score is the ELBO, or minus the distortion without one."""
    from vae.evaluation.evaluate import evaluate

    with one_job(Path.cwd()):
        return evaluate(plain(config), command_line("evaluate")).score


if __name__ == "__main__":
    run("evaluate", task, help=__doc__, groups=["trainer"])
