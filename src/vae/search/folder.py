"""The files of an index: index.json, items.json and the images, read with suspicion."""

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from vae import files
from vae.errors import ConfigError, RunError, one_line

META = {"run": str, "distance": str, "engine": dict, "dim": int, "weights": str, "classes": list}
ITEMS = {"next": int, "images": str, "ids": list, "names": list, "labels": list}
# the longest vectors there may be
LONGEST = 2**20


def read(folder: Path) -> tuple[dict[str, Any], dict[str, Any], npt.NDArray[np.uint8]]:
    """What made the vectors, the images' ids, names and classes, and the images themselves.

    Raises:
        RunError: If there is no index there, or it is damaged.
    """
    try:
        meta = _checked(folder / "index.json", META)
        items = _checked(folder / "items.json", ITEMS)
        counts = {len(items[k]) for k in ("ids", "names", "labels")}
        if not re.fullmatch(r"images-\d+\.npy", items["images"]) or len(counts) > 1:
            raise ValueError("items.json is not as it was written")
        if not all(isinstance(i, int) for i in (*items["ids"], *items["labels"])):
            raise ValueError("items.json is not as it was written")
        known = range(len(meta["classes"]))
        if not all(y in known for y in items["labels"]):
            raise ValueError("index.json has no name for a class")
        if not isinstance(meta.get("layer"), int | None):
            raise ValueError(f"a layer {meta['layer']!r}")
        if not 0 < meta["dim"] <= LONGEST:
            raise ValueError(f"vectors of length {meta['dim']}")
        path = folder / items["images"]
        if not files.is_regular(path):
            raise OSError(f"{path.name} is no regular file")
        images = np.load(path, mmap_mode="r", allow_pickle=False)
        if images.ndim != 4 or [len(images)] != list(counts):
            raise ValueError(f"{path.name} holds other images")
    # numpy parses a header as Python's own text, which fails in every way
    except Exception as e:
        raise RunError(
            f"index= takes a folder that python -m vae.search.index made, but {folder} "
            f"cannot be read as one ({one_line(e)}); make it first."
        ) from e
    return meta, items, images


def begin(folder: Path, meta: Mapping[str, Any], event_shape: Sequence[int]) -> str | None:
    """Write an empty index; returns the address of its server, which is written nowhere.

    Arguments:
        folder: Where; it must not hold an index yet.
        meta: What made the vectors.
        event_shape: The shape (C, H, W) of an image.

    Raises:
        ConfigError: If there is an index already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        if holds_images(folder):
            raise ConfigError(
                f"an index needs a folder of its own, but {folder} holds one already; name "
                "another with index=, or leave run= out to add to it."
            )
        node = dict(meta["engine"])
        url: str | None = node.pop("url", None)
        if "collection" in node and node["collection"] is None:
            # a server may hold those of other indices
            node["collection"] = f"vae-{uuid.uuid4().hex}"
        meta = {**meta, "engine": node, "server": url is not None}
        empty_images = np.zeros((0, *event_shape), np.uint8)
        files.write(folder / "images-0.npy", partial(np.save, arr=empty_images))
        empty = {"next": 0, "images": "images-0.npy", "ids": [], "names": [], "labels": []}
        write(folder / "items.json", empty)
        write(folder / "index.json", meta)
    return url


def holds_images(folder: Path) -> bool:
    """Whether there is an index with images; one that came to nothing may be made again."""
    try:
        return bool(json.loads((folder / "items.json").read_text())["ids"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _checked(path: Path, types: Mapping[str, type]) -> dict[str, Any]:
    """A JSON file whose entries are of some types.

    Raises:
        ValueError: If they are not.
    """
    if not files.is_regular(path):
        raise OSError(f"{path.name} is no regular file")
    found = json.loads(path.read_text())
    if not isinstance(found, dict):
        raise ValueError(f"{path.name} holds no settings")
    for name, kind in types.items():
        if not isinstance(found.get(name), kind):
            raise ValueError(f"{path.name} has no {name}")
    return found


def write(path: Path, value: Any) -> None:
    """Write a JSON file, whole or not at all."""
    files.write(path, json.dumps(value))
