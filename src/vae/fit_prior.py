"""Fit a prior to what a trained run's encoder makes of the training images.

So that an autoencoder generates, and a VAE whose q(z) misses its prior generates better.

Try:
  python -m vae.fit_prior run=outputs/rae/2026-11-23_10-00-00
  python -m vae.fit_prior run=outputs/rae/2026-11-23_10-00-00 model/prior=flow
  python -m vae.generate run=outputs/rae/2026-11-23_10-00-00/checkpoints/mixture_of_gaussians.ckpt

The prior's own settings are under model.prior, for instance model.prior.components=50. The
checkpoint, which is the run's with another model/prior, goes to RUN/checkpoints/PRIOR.ckpt, or
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
