"""A picture of what a trained run makes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from vae.model import VAE


# pixels of a picture that is drawn
MOST_PIXELS = 100_000_000


def generate(config: dict[str, Any]) -> Path:
    """Write one picture.

    Arguments:
        config: What `compose(..., name="generate")` gives.

    Returns:
        The picture's path.

    Raises:
        ConfigError: If the config makes no sense.
        RunError: If there is no such run.
        DataError: If its data is missing or damaged.
    """
    import lightning

    from vae.config.check import check
    from vae.errors import ConfigError
    from vae.reporting import views
    from vae.reporting.figures import grid, save
    from vae.runs.opened import open_run

    check(config, "generate")
    opened = open_run(config["run"], config["allow"])
    model, what, n = opened.model, config["what"], config["count"]
    if what == "manifold" and model.latent_dim != 2:
        raise ConfigError(
            f"a manifold is drawn of two latent dimensions, but this run has {model.latent_dim}; "
            "choose another what=, or train with model.latent_dim=2."
        )
    if what == "samples" and not opened.generates:
        raise ConfigError(
            "samples need a prior that the codes follow, but this run is an autoencoder, whose "
            "codes follow none; fit one with python -m vae.fit_prior, and give its checkpoint as "
            "run=."
        )
    height, width = opened.event_shape[-2:]
    if (drawn := n * n * (2 * height + 2) * (2 * width + 2)) > MOST_PIXELS:
        raise ConfigError(
            f"a picture has at most {MOST_PIXELS:,} pixels, but count={n} images of "
            f"{height}x{width} in a row and in a column would take {drawn:,}; lower count."
        )
    lightning.seed_everything(config["seed"], verbose=False)
    gap = 2
    if what == "samples":
        images = views.samples(model, n * n)
    elif what == "manifold":
        images, gap = views.manifold(model, n), 0
    else:
        data = opened.open_data(config["data"]["root"], other=True)
        x = data.examples(max(2000, n * n), config["split"], config["seed"])
        images = _of_images(model, what, x, n)
    name = f"{what}_{config['seed']}.png"
    path = Path(config["out"] or opened.directory / "generated" / name).expanduser()
    save(grid(images, n, gap=gap), path)
    return path


def _of_images(model: VAE, what: str, x: Tensor, n: int) -> Tensor:
    from vae.reporting import views

    if what == "reconstructions":
        return views.reconstructions(model, x[: n * max(1, n // 2)], n)
    if what == "interpolation":
        return views.interpolation(model, x[:n], x[n : 2 * n], n)
    return views.traversal(model, x, n, n)
