"""Find the images of an index that are nearest to a picture, or to several.

Try:
  python -m vae.search.query index=outputs/mnist_bernoulli/TIME/index image=seven.png
  python -m vae.search.query index=photos image=[a.png,b.jpg] k=20 label=beach

Each row of the contact sheet is a picture and what is near it.
"""

from omegaconf import DictConfig

from vae.cli.command import plain, run


def task(config: DictConfig) -> None:
    """One job of the command."""
    from vae.search.find import find

    find(plain(config))


if __name__ == "__main__":
    run("search/query", task, help=__doc__, groups=[])
