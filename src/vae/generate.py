"""Generate pictures from a trained run: samples, reconstructions, interpolations, traversals.

Try:
  python -m vae.generate run=outputs/mnist_bernoulli/2026-11-23_10-00-00 what=samples
  python -m vae.generate run=outputs/mnist_bernoulli/2026-11-23_10-00-00 what=traversal count=8
  python -m vae.generate -m run=outputs/mnist_bernoulli/2026-11-23_10-00-00 what=samples seed=1,2,3

The picture goes to RUN/generated/WHAT_SEED.png, or where out= says.

  --cfg job         print the config that would run
  -m                run every combination of comma-separated values

HYDRA_FULL_ERROR=1 in the environment shows tracebacks.
"""

from omegaconf import DictConfig

from vae.cli.command import plain, run


def task(config: DictConfig) -> None:
    """One job of the command."""
    from vae.reporting.generate import generate

    print(f"picture: {generate(plain(config))}")


if __name__ == "__main__":
    run("generate", task, help=__doc__, groups=[])
