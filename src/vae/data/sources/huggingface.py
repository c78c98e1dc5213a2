"""A data set of the datasets library: of the Hugging Face Hub, or of a local folder."""

from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from vae.data import levels as grey
from vae.data.cache import cache_dir
from vae.data.convert import USUAL, Fit, Mode, choose, convert, levels_of
from vae.data.fill import fill
from vae.data.levels import Chosen, Seen
from vae.data.listing import content, number_of
from vae.data.pictures import Unreadable, look
from vae.data.source import Array, Source, Split, fingerprint
from vae.data.splits import split_of, test_by_content
from vae.errors import DataError, needs_extra, one_line

LOOK = 200


class HuggingFace(Source):
    """The images of a data set that datasets.load_dataset opens.

    Arguments:
        root: A name on the Hub, or a local folder.
        config: The name of one of the data set's configurations, if it has several.
        size: The height and the width; "auto" is as for data=images.
        mode: "grey", "rgb" or "auto".
        fit: "crop", "pad" or "stretch".
        test_share: The share of images in the test set, where the data set has none; they are
            chosen by content.
        levels: As for data=images.

    Raises:
        ConfigError: If the datasets library is not installed.
        DataError: If there is no such data set, or it has no images.
    """

    name = "huggingface"

    def __init__(
        self,
        root: str | None,
        config: str | None = None,
        size: tuple[int, int] | Literal["auto"] = "auto",
        mode: Mode | Literal["auto"] = "auto",
        fit: Fit = "crop",
        test_share: float = 0.1,
        levels: Chosen = "auto",
    ):
        if root is None:
            raise DataError("data.root must name a data set, got nothing; add data.root=.")
        path = root
        try:
            import datasets
        except ImportError as e:
            raise needs_extra("data=huggingface", "the datasets library", "huggingface") from e
        if not 0 < test_share < 1:
            raise ValueError(f"data.test_share is a share, between 0 and 1, got {test_share}.")
        try:
            opened = datasets.load_dataset(path, config)
        except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as e:
            raise DataError(
                f"data.root must name a data set of the Hub or a folder that load_dataset opens, "
                f"but {path} does not ({one_line(e)}); name another, or connect "
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
        # as files, since vae.data.pictures alone opens pictures
        opened = opened.cast_column(self.image, datasets.Image(decode=False))
        self.rows = _split(opened, self.image, test_share)
        step = -(-len(self.rows["train"]) // LOOK)
        seen = Seen()

        def taken(image: Image.Image) -> Image.Image:
            image.load()
            seen.add(levels_of(image))
            return image

        first = [self.rows["train"][i] for i in range(0, len(self.rows["train"]), step)]
        try:
            some = [look(_file(row[self.image]), taken) for row in first]
        except Unreadable as e:
            raise DataError(
                f"every image of a data set must be readable, but one of {path} is not ({e}); "
                "replace it."
            ) from e
        self.size, self.mode = choose(some, size, mode)
        if levels == "auto" and seen.low.keys() - {"bytes"}:
            # one range for all needs a look at all
            for rows in self.rows.values():
                for row in rows:
                    look(_file(row[self.image]), taken)
        ranges, self.warnings = grey.choose(seen, levels, path)
        self.levels = {**USUAL, **ranges}
        keys = [self.rows[s]._fingerprint for s in sorted(self.rows)]
        if Path(path).is_dir():
            # a folder may be moved; the library's own fingerprint is of its place and its time
            names = sorted(
                p.relative_to(path).as_posix() for p in Path(path).rglob("*") if p.is_file()
            )
            keys = [content(Path(path), names, cache_dir() / "listings").key]
        settings = f"{self.size}-{self.mode}-{fit}-{sorted(self.levels.items())}"
        self.fingerprint = fingerprint(*keys, settings)

    def describe(self) -> str:
        """What was chosen, and how to change it."""
        height, width = self.size
        return (
            f"huggingface: {len(self.rows['train']):,} + {len(self.rows['test']):,} images of "
            f"{self.path}; {width}x{height} {self.mode} (data.size=[H,W], data.mode=grey|rgb), fit "
            f"by {self.fit} (data.fit=crop|pad|stretch){grey.lines(self.warnings)}"
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
                    f"are not, for instance {split} row {first} ({bad[first]}); replace it."
                )
            paths[f"{split}_labels"] = folder / f"{split}_labels.npy"
            labels = np.zeros(len(rows)) if self.label is None else rows[self.label]
            np.save(paths[f"{split}_labels"], np.asarray(labels, np.int64))
        return paths

    def _row(self, rows: Any, i: int) -> Array:
        assert self.image is not None
        return look(
            _file(rows[i][self.image]),
            lambda image: convert(image, *self.size, self.mode, self.fit, self.levels),
        )


def _file(cell: Any) -> Path | bytes:
    """What a cell of an undecoded image column holds."""
    return cell["bytes"] if cell["bytes"] is not None else Path(cell["path"])


def _split(opened: Any, column: str, share: float) -> dict[Split, Any]:
    """The rows of each split: the data set's own, and a share for the test where it has none."""
    named = {split_of(name): rows for name, rows in opened.items() if split_of(name)}
    train = named.get("train", next(iter(opened.values())))
    found: dict[Split, Any] = {k: v for k, v in named.items() if k is not None}
    found["train"] = train
    if "test" in found and found["test"] is not train:
        return found
    if len(train) < 2:
        raise DataError(
            f"images are split into some to train on and some to test on, got {len(train)} in all; "
            "choose another data set."
        )
    cells = (_file(row[column]) for row in train.select_columns([column]))
    digests = [number_of(c if isinstance(c, bytes) else c.read_bytes()) for c in cells]
    chosen = test_by_content(np.array(digests, np.uint64), share)
    found["train"] = train.select(np.flatnonzero(~chosen))
    found["test"] = train.select(np.flatnonzero(chosen))
    return found


def _column(features: Any, kind: type) -> str | None:
    return next((name for name, f in features.items() if isinstance(f, kind)), None)
