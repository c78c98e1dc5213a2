"""A data set of the datasets library: of the Hugging Face Hub, or of a local folder."""

from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from vae.data.convert import Fit, Mode, choose, convert
from vae.data.fill import fill
from vae.data.source import Array, Source, fingerprint
from vae.data.splits import test_rows
from vae.errors import ConfigError, DataError

LOOK = 200


class HuggingFace(Source):
    """The images of a data set that datasets.load_dataset opens.

    Arguments:
        path: A name on the Hub, or a local folder.
        config: The name of one of the data set's configurations, if it has several.
        size: The height and the width; "auto" is as for data=images.
        mode: "grey", "rgb" or "auto".
        fit: "crop", "pad" or "stretch".
        test_share: The share of images in the test set, where the data set has none.

    Raises:
        ConfigError: If the datasets library is not installed.
        DataError: If there is no such data set, or it has no images.
    """

    name = "huggingface"

    def __init__(
        self,
        path: str,
        config: str | None = None,
        size: tuple[int, int] | Literal["auto"] = "auto",
        mode: Mode | Literal["auto"] = "auto",
        fit: Fit = "crop",
        test_share: float = 0.1,
    ):
        try:
            import datasets
        except ImportError as e:
            raise ConfigError(
                "data=huggingface reads with the datasets library, which is not installed; pip "
                "install 'vae-lab[huggingface]'."
            ) from e
        if not 0 < test_share < 1:
            raise ValueError(f"data.test_share is a share, between 0 and 1, got {test_share}.")
        try:
            opened = datasets.load_dataset(path, config)
        except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as e:
            raise DataError(
                f"data.path must name a data set of the Hub or a folder that load_dataset opens, "
                f"but {path} does not ({' '.join(str(e).split())[:200]}); correct it, or connect "
                "to the network."
            ) from e
        self.path, self.fit = path, fit
        features = next(iter(opened.values())).features
        self.image = _column(features, datasets.Image)
        self.label = _column(features, datasets.ClassLabel)
        if self.image is None:
            raise DataError(
                f"a data set of images has a column of them, but {path} has {', '.join(features)};"
                " choose another."
            )
        if self.label is not None:
            self.classes = list(features[self.label].names)
        train = opened["train"] if "train" in opened else next(iter(opened.values()))
        if "test" in opened and train is not opened["test"]:
            self.rows = {"train": train, "test": opened["test"]}
        else:
            chosen = test_rows(len(train), test_share)
            self.rows = {"train": train.select(np.flatnonzero(~chosen))}
            self.rows["test"] = train.select(np.flatnonzero(chosen))
        step = -(-len(self.rows["train"]) // LOOK)
        some = (self.rows["train"][i][self.image] for i in range(0, len(self.rows["train"]), step))
        self.size, self.mode = choose(some, size, mode)
        keys = [self.rows[s]._fingerprint for s in ("train", "test")]
        self.fingerprint = fingerprint(*keys, f"{self.size}-{self.mode}-{fit}")

    def describe(self) -> str:
        """What was chosen, and how to change it."""
        height, width = self.size
        return (
            f"huggingface: {len(self.rows['train']):,} + {len(self.rows['test']):,} images of "
            f"{self.path}; {width}x{height} {self.mode} (data.size=[H,W], data.mode=grey|rgb), fit "
            f"by {self.fit} (data.fit=crop|pad|stretch)"
        )

    def write(self, folder: Path) -> dict[str, Path]:
        """Decode into a folder.

        Raises:
            DataError: If an image is unreadable.
        """
        shape = (1 if self.mode == "grey" else 3, *self.size)
        paths = {}
        for split, rows in self.rows.items():
            paths[f"{split}_images"] = folder / f"{split}_images.npy"
            bad = fill(paths[f"{split}_images"], len(rows), shape, partial(self._row, rows))
            if bad:
                for note in folder.glob("*.done.json"):
                    note.unlink()
                first = min(bad)
                raise DataError(
                    f"every image of a data set must be readable, but {len(bad)} of {self.path} "
                    f"are not, for instance {split} row {first} ({bad[first]}); mend it."
                )
            paths[f"{split}_labels"] = folder / f"{split}_labels.npy"
            labels = np.zeros(len(rows)) if self.label is None else rows[self.label]
            np.save(paths[f"{split}_labels"], np.asarray(labels, np.int64))
        return paths

    def _row(self, rows: Any, i: int) -> Array:
        image = rows[i][self.image]
        assert isinstance(image, Image.Image)
        return convert(image, *self.size, self.mode, self.fit)


def _column(features: Any, kind: type) -> str | None:
    return next((name for name, f in features.items() if isinstance(f, kind)), None)
