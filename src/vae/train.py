"""Train a variational autoencoder, test it, and leave a run directory that explains itself.

Try:
  python -m vae.train experiment=mnist_bernoulli
  python -m vae.train experiment=mnist_bernoulli model.latent_dim=2 trainer.max_epochs=10
  python -m vae.train experiment=mnist_bernoulli model/likelihood=gaussian model/encoder=conv
  python -m vae.train -m experiment=mnist_bernoulli seed=0,1,2

Beside the settings below, every key that --cfg job prints is one: data.batch_size=,
model.encoder.hidden=[400], objective.num_samples=, optimizer.lr=, trainer.max_epochs=,
trainer.precision=, trainer.devices=, ...

  --cfg job         print the config that would run
  -m                run every combination of comma-separated values
  --config-dir DIR  add a folder of your own configs, which may shadow packaged ones

HYDRA_FULL_ERROR=1 in the environment shows tracebacks.
"""

from omegaconf import DictConfig

from vae.cli.command import run
from vae.cli.job import run_job


def task(config: DictConfig) -> float:
    """One job of the command; its score is what sweepers maximise."""
    from vae.training.loop import train

    return run_job(config, train)


if __name__ == "__main__":
    run("train", task, help=__doc__)
