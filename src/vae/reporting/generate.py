"""A picture of what a trained run makes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from vae.data.batches import Batch
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
    from vae.reporting.figures import grid, save
    from vae.runs.given import context_of
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
    under = None if config["condition"] is None else context_of(opened, config["condition"])
    if what == "analogies" and (model.condition is None or under is not None):
        raise ConfigError(
            "analogies are codes decoded under every class of a conditional model, got "
            f"{'a model of p(x)' if under is None else 'one condition'}; choose another what=, or "
            "a run with model.condition, and leave condition= out."
        )
    batch = None
    # the classes are known without the data, attributes are not
    attributes = model.condition is not None and model.condition.kind == "attributes"
    if what not in ("samples", "manifold") or (attributes and under is None):
        data = opened.open_data(config["data"]["root"], other=True)
        batch = data.some(max(2000, n * n), config["split"], config["seed"])
    lightning.seed_everything(config["seed"], verbose=False)
    images, columns = _drawn(model, what, n, batch, under)
    word = "" if under is None else "_" + "_".join(f"{v:g}" for v in under.flatten().tolist())[:60]
    name = f"{what}{word}_{config['seed']}.png"
    path = Path(config["out"] or opened.directory / "generated" / name).expanduser()
    save(grid(images, columns, gap=0 if what == "manifold" else 2), path)
    return path


def _drawn(
    model: VAE, what: str, n: int, batch: Batch | None, under: Tensor | None
) -> tuple[Tensor, int]:
    """The images row by row, and how many a row has.

    Arguments:
        model: The model.
        what: What is drawn.
        n: The number of images in a row and in a column.
        batch: Examples, where they are needed.
        under: What codes are decoded under instead of their own class or attributes.
    """
    from vae.reporting import views

    known = None if batch is None else batch.context
    if what in ("samples", "manifold"):
        side = n if what == "samples" else 1
        given = model.given(views.contexts(model, known, side, side) if under is None else under)
        return views.samples(given, n * n) if side == n else views.manifold(given, n), n
    assert batch is not None
    x, given = batch.x, model.given(known)
    if what == "analogies":
        others = views.contexts(model, known, n, 1)
        assert others is not None
        columns = min(n, len(others.unique(dim=0)) + 1)
        return views.analogies(given.rows(0, n), x[:n], others[: columns - 1]), columns
    if what == "reconstructions":
        rows = n * max(1, n // 2)
        return views.reconstructions(given.rows(0, rows), x[:rows], n, under), n
    if what == "interpolation":
        return views.interpolation(given.rows(0, 2 * n), x[:n], x[n : 2 * n], n, under), n
    return views.traversal(given, x, n, n, under), n
