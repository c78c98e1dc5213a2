"""Play with a trained run in the browser: generate, explore, reconstruct, interpolate, search.

Try:
  python -m vae.app run=outputs/mnist_bernoulli/TIME
  python -m vae.app run=outputs/own_images/TIME index=photos port=8000

It needs the extra app: pip install 'vae-lab[app]'.
"""

from omegaconf import DictConfig

from vae.cli.command import plain, run


def task(config: DictConfig) -> None:
    """One job of the command."""
    from vae.app.serve import serve

    serve(plain(config))


if __name__ == "__main__":
    run("app", task, help=__doc__, groups=[])
