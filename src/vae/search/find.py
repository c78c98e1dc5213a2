"""Pictures to what is nearest to them in an index."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vae.search.hit import Hit


def find(config: dict[str, Any]) -> list[list[Hit]]:
    """Search, print what is found and write the contact sheet.

    Arguments:
        config: What `compose(..., name="search/query")` gives.

    Returns:
        For each picture what is nearest to it.

    Raises:
        ConfigError: If the config makes no sense.
        RunError: If there is no such index, or its run is gone.
        DataError: If a picture cannot be read.
    """
    import torch

    from vae.config.check import check
    from vae.reporting.figures import save
    from vae.runs.opened import open_run
    from vae.runs.process import prepare
    from vae.search import collection
    from vae.search.embed import embed
    from vae.search.sheet import contact_sheet, print_hits
    from vae.search.store import Index

    check(config, "search/query")
    prepare()
    with Index(config["index"], config["allow"], config["url"]) as index:
        opened = open_run(index.run, config["allow"])
        index.check_model(opened.key)
        paths = _paths(config["image"])
        images = torch.stack([collection.picture(opened, path) for path in paths])
        pixels = collection.pixels_of(opened)
        vectors = torch.cat(
            [
                embed(opened.model, pixels.expected(some), index.meta["distance"], index.layer)
                for some in images.split(collection.SIZE)
            ]
        )
        label = None if config["label"] is None else str(config["label"])
        hits = index.search(vectors, config["k"], label)
    for path, found in zip(paths, hits, strict=True):
        print_hits(str(path), found)
    default = Path(config["index"]) / "queries" / f"{paths[0].stem}.png"
    out = Path(config["out"] or default).expanduser()
    save(contact_sheet(images, hits), out)
    print(f"contact sheet: {out}")
    return hits


def _paths(image: str | list[str]) -> list[Path]:
    from vae.data.listing import picture_files
    from vae.errors import DataError

    paths = [Path(p).expanduser() for p in ([image] if isinstance(image, str) else image)]
    if len(paths) == 1 and paths[0].is_dir():
        paths = [paths[0] / name for name in picture_files(paths[0])]
    if not paths:
        raise DataError(
            f"image= names a picture, several, or a folder that has some, but {image} has none; "
            "name another."
        )
    return paths
