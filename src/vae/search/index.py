"""Index a collection of images by their latent vectors, add to it, or take images out.

Try:
  python -m vae.search.index run=outputs/mnist_bernoulli/TIME
  python -m vae.search.index run=outputs/own_images/TIME root=photographs engine=faiss index=photos
  python -m vae.search.index index=photos root=more
  python -m vae.search.index index=photos remove=[holiday/17.jpg]

An engine's own settings are under engine, for instance engine.kind=ivf or engine.url=.
"""

from omegaconf import DictConfig

from vae.cli.command import plain, run


def task(config: DictConfig) -> None:
    """One job of the command."""
    from vae.search.build import build_index

    build_index(plain(config))


if __name__ == "__main__":
    run("search/index", task, help=__doc__, groups=["engine"])
