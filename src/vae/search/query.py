"""Find the images of an index that are nearest to a picture, or to several.

Try:
  python -m vae.search.query index=outputs/mnist_bernoulli/TIME/index image=seven.png
  python -m vae.search.query index=photos image=[a.png,b.jpg] k=20 label=beach

Settings (NAME=VALUE): index, image (a picture, a list of them, or a folder), k, label (the name of
the class that is searched in), out (the contact sheet: each row a picture and what is near it).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from vae.command import plain, run

if TYPE_CHECKING:
    from vae.search.store import Hit


def query(config: dict[str, Any]) -> list[list[Hit]]:
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

    from vae import settings
    from vae.process import prepare
    from vae.run import open_run
    from vae.search import collection
    from vae.search.embed import embed
    from vae.search.sheet import contact_sheet, print_hits
    from vae.search.store import Index

    settings.check(config, settings.QUERY)
    prepare()
    with Index(config["index"], config["allow"]) as index:
        opened = open_run(index.run, config["allow"])
        paths = _paths(config["image"])
        images = torch.stack([collection.picture(opened, path) for path in paths])
        x = collection.pixels_of(opened).expected(images)
        vectors = embed(opened.model, x, index.meta["distance"])
        label = None if config["label"] is None else str(config["label"])
        hits = index.search(vectors, config["k"], label)
    for path, found in zip(paths, hits, strict=True):
        print_hits(str(path), found)
    out = Path(config["out"] or Path(config["index"]) / "queries" / f"{paths[0].stem}.png")
    out.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(images, hits, config["k"]).save(out)
    print(f"contact sheet: {out}")
    return hits


def _paths(image: str | list[str]) -> list[Path]:
    from vae.data.listing import picture_files

    paths = [Path(p).expanduser() for p in ([image] if isinstance(image, str) else image)]
    if len(paths) == 1 and paths[0].is_dir():
        return [paths[0] / name for name in picture_files(paths[0])]
    return paths


def task(config: DictConfig) -> None:
    """One job of the command."""
    query(plain(config))


if __name__ == "__main__":
    run("search/query", task, help=__doc__, groups=[])
