"""Index a collection of images by their latent vectors, add to it, or take images out.

Try:
  python -m vae.search.index run=outputs/mnist_bernoulli/TIME
  python -m vae.search.index run=outputs/own_images/TIME root=photographs engine=faiss index=photos
  python -m vae.search.index index=photos root=more
  python -m vae.search.index index=photos remove=[holiday/17.jpg]

Settings (NAME=VALUE): run (a run directory or a checkpoint), index (the folder, RUN/index if it is
not given), root (a folder of pictures; the run's own data without one), split (of the run's own
data), distance (euclidean, cosine or wasserstein), engine.kind, engine.url and every other key that
--cfg job prints.
"""

from omegaconf import DictConfig

from vae.cli.command import plain, run


def task(config: DictConfig) -> None:
    """One job of the command."""
    from vae.search.build import build_index

    build_index(plain(config))


if __name__ == "__main__":
    run("search/index", task, help=__doc__, groups=["engine"])
