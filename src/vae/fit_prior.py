"""Fit a prior to what a trained run's encoder makes of the training images.

So that an autoencoder generates, and a VAE whose q(z) misses its prior generates better.

Try:
  python -m vae.fit_prior run=outputs/rae/2026-11-23_10-00-00
  python -m vae.fit_prior run=outputs/rae/2026-11-23_10-00-00 model/prior=flow
  python -m vae.generate run=outputs/rae/2026-11-23_10-00-00/checkpoints/mixture_of_gaussians.ckpt

Settings (NAME=VALUE): run (a run directory or a checkpoint), model/prior (mixture_of_gaussians or
flow) and its own, for instance model.prior.components=50, examples (training images), seed, out.
The checkpoint, which is the run's with another model/prior, goes to RUN/checkpoints/PRIOR.ckpt, or
where out= says; every command takes it as run=.

  --cfg job         print the config that would run
  -m                run every combination of comma-separated values

HYDRA_FULL_ERROR=1 in the environment shows tracebacks.
"""

from omegaconf import DictConfig

from vae.cli.command import plain, run


def task(config: DictConfig) -> None:
    """One job of the command."""
    from vae.training.fit_prior import fit_prior

    print(f"checkpoint: {fit_prior(plain(config))}")


if __name__ == "__main__":
    run("fit_prior", task, help=__doc__, groups=["model/prior"])
