"""A collection of images to an index."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def build_index(config: dict[str, Any]) -> Path:
    """Make an index, add to it, or take images out.

    Arguments:
        config: What `compose(..., name="search/index")` gives.

    Returns:
        The index's folder.

    Raises:
        ConfigError: If the config makes no sense.
        RunError: If there is no such run or index.
        DataError: If the collection is missing or damaged.
    """
    import torch

    from vae.config.check import check
    from vae.data.progress import Progress
    from vae.errors import ConfigError
    from vae.runs.opened import open_run
    from vae.runs.process import prepare
    from vae.search import collection
    from vae.search.embed import embed, of_layer
    from vae.search.store import Index

    check(config, "search/index")
    prepare()
    if config["run"] is None and config["index"] is None:
        raise ConfigError(
            "an index is made of a run, or is there already, got neither run= nor index=; add one."
        )
    if config["run"] is not None:
        opened = open_run(config["run"], config["allow"])
        folder = Path(config["index"] or opened.directory / "index").expanduser()
        z = torch.zeros(opened.model.latent_dim)
        dim = len(of_layer(opened.model, z, config["layer"]))
        dim *= 2 if config["distance"] == "wasserstein" else 1
        meta = {
            "run": str(opened.checkpoint.absolute()),
            "distance": config["distance"],
            "layer": config["layer"],
            "engine": config["engine"],
            "dim": dim,
            "weights": opened.key,
            "classes": [],
        }
        found = Index.create(folder, meta, opened.event_shape, config["allow"])
    else:
        folder = Path(config["index"]).expanduser()
        found = Index(folder, config["allow"], config["engine"].get("url"))
        opened = open_run(found.run, config["allow"])
        found.check_model(opened.key)
    with found, found.writing():
        # another process may have begun an index here in between
        found.check_model(opened.key)
        if config["remove"]:
            removed = found.remove([str(n) for n in config["remove"]])
            print(f"removed {removed:,} images")
            if config["root"] is None:
                return folder
        if config["root"] is None:
            parts = collection.of_run(opened, config["split"], config["data"]["root"])
        else:
            known = set(found.items["names"])
            parts = collection.of_folder(opened, Path(config["root"]).expanduser(), known)
        pixels = collection.pixels_of(opened)
        vectors, images, names, labels = [], [], [], []
        with Progress("encoding", 0) as progress:
            for some in parts:
                x = pixels.expected(some.images)
                vectors.append(embed(opened.model, x, found.meta["distance"], found.layer))
                images.append(some.images)
                names += some.names
                labels += some.labels
                progress.advance(len(some.names))

        added = found.add(torch.cat(vectors), torch.cat(images), names, labels) if vectors else 0
        print(f"index: {folder} ({added:,} images added, {len(found):,} in all)")
    return folder
