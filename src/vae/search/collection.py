"""The images that are indexed, or asked about, as a run's model wants them."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vae.config.make import locate
from vae.data.convert import USUAL, Mode, convert
from vae.data.folders import class_of, has_splits
from vae.data.listing import picture_files
from vae.data.pictures import PIXELS, Unreadable, look
from vae.data.pixels import Pixels, pixels_for
from vae.data.source import Array, Split
from vae.errors import DataError, printable
from vae.runs.opened import Run

# images that are encoded at once
SIZE = 500


class Some(NamedTuple):
    """Some images of a collection.

    Arguments:
        images: Bytes, with shape (B, C, H, W).
        names: Their names.
        labels: Their classes; empty words if there are none.
    """

    images: Tensor
    names: list[str]
    labels: list[str]


def of_run(run: Run, split: Split, root: str | None) -> Iterator[Some]:
    """The images of a run's own data.

    Arguments:
        run: The run.
        split: Which of them.
        root: The folder where the data lies now; None for where it lay.
    """
    data = run.open_data(root, other=True)
    kind = data.kind(split)
    images, labels = data.arrays[f"{kind}_images"], data.arrays[f"{kind}_labels"]
    classes = data.source.classes
    for some in data.indices[split].split(SIZE):
        numbers = labels[some].tolist()
        # -1 is a class that is not known
        words = [classes[n] if classes and n >= 0 else "" if n < 0 else str(n) for n in numbers]
        names = [f"{data.source.name}/{kind}/{i}" for i in some.tolist()]
        yield Some(images[some], names, words)


def of_folder(run: Run, folder: Path, known: set[str]) -> Iterator[Some]:
    """The pictures below a folder, by their absolute paths; those that are unreadable are named.

    Arguments:
        run: The run.
        folder: The folder.
        known: Paths that are not wanted again.

    Raises:
        DataError: If there are none.
    """
    names = picture_files(folder)
    if not names:
        raise DataError(f"root= must hold pictures, but {folder} has none below it; name another.")
    split = has_splits(names)
    names = [name for name in names if str(folder.absolute() / name) not in known]
    for start in range(0, len(names), SIZE):
        images, good = [], []
        for name in names[start : start + SIZE]:
            try:
                images.append(picture(run, folder / name))
                good.append(name)
            except DataError as e:
                print(f"warning: {printable(str(e))}", flush=True)
        if good:
            places = [str(folder.absolute() / name) for name in good]
            yield Some(torch.stack(images), places, [class_of(name, split) for name in good])


def picture(run: Run, path: Path, pixels: int = PIXELS) -> Tensor:
    """A picture as bytes of the shape that a run's model takes.

    Arguments:
        run: The run.
        path: The picture.
        pixels: How many it may have.

    Raises:
        DataError: If it cannot be read.
    """
    channels, height, width = run.event_shape
    fit = run.config["data"].get("fit", "crop")
    mode: Mode = "grey" if channels == 1 else "rgb"
    known = {kind: (low, high) for kind, (low, high) in run.data.get("levels", {}).items()}
    levels = {**USUAL, **known}

    def taken(image: Image.Image) -> Array:
        return convert(image, height, width, mode, fit, levels)

    try:
        return torch.from_numpy(np.array(look(path, taken, pixels)))
    except Unreadable as e:
        raise DataError(
            f"a picture must be readable, but {path.name} is not ({e}); leave it out, or repair it."
        ) from e


def pixels_of(run: Run) -> Pixels:
    """What turns bytes into the values that a run's model takes."""
    node = run.config["data"]
    target = run.config["model"]["likelihood"]["_target_"]
    support = locate(target, run.allow, ("vae.model.",)).support  # type: ignore[attr-defined]
    return pixels_for(support, node["binarize"], node["dequantize"])
