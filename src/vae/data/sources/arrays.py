"""Images in a .npy or .npz file."""

import contextlib
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from vae import files
from vae.data import levels as grey
from vae.data.array_file import ROWS, SPLITS, ArrayFile, Part, pieces
from vae.data.cache import cache_dir
from vae.data.context import checked
from vae.data.convert import USUAL
from vae.data.fill import open_reserved
from vae.data.levels import Chosen, Seen, to_bytes
from vae.data.listing import content, kept_hashes, number_of
from vae.data.source import Source, Split, fingerprint
from vae.data.splits import test_by_content
from vae.errors import DataError

Array = npt.NDArray[Any]
Layout = Literal["auto", "channels_first", "channels_last"]
IMAGES, LABELS = ("images", "x", "data", "arr_0"), ("labels", "y", "targets", "arr_1")
ATTRIBUTES = ("attributes",)


class Arrays(Source):
    """Images with shape (N, H, W), (N, C, H, W) or (N, H, W, C) in a .npy or .npz file.

    A .npz file holds the images as images, x, data or its first array, labels (if any) as labels,
    y or targets, attributes with shape (N, A) (if any) as attributes, and a split of its own under
    the same names with _train, _val and _test behind them or train_, val_ and test_ before. Of four
    axes, the second is the channels if it is 1 or 3 long, else the last must be. Bytes stay as they
    are, and floating-point numbers are grey levels from 0 to 1 or from 0 to 255; `levels` says
    otherwise.

    Arguments:
        root: The file.
        layout: "auto" is the rule above; "channels_first" and "channels_last" overrule it.
        test_share: The share of images in the test set, where the file has none of its own; they
            are chosen by content.
        levels: [low, high] are the levels of black and white; "auto" is the rule above.

    Raises:
        DataError: If there is no such file, or it holds no such array.
    """

    name = "arrays"

    def __init__(
        self,
        root: str | None,
        layout: Layout = "auto",
        test_share: float = 0.1,
        levels: Chosen = "auto",
    ):
        if not 0 < test_share < 1:
            raise ValueError(f"data.test_share is a share, between 0 and 1, got {test_share}.")
        if root is None:
            raise DataError("data.root must be a .npy or .npz file, got nothing; add data.root=.")
        self.path = Path(root).expanduser()
        if self.path.suffix not in (".npy", ".npz") or not files.is_regular(self.path):
            raise DataError(
                f"data.root must be a .npy or .npz file, but {self.path} is none; name one that is."
            )
        self.layout = layout
        self.share = test_share
        key = content(self.path.parent, [self.path.name], cache_dir() / "listings").digests
        # what takes a look at every row is kept beside the listing
        self.kept = cache_dir() / "listings" / f"{key.tobytes().hex()}-{layout}"
        parts = self._read()
        seen = self._seen(parts)
        ranges, self.warnings = grey.choose(seen, levels, str(self.path))
        if self.unused:
            self.warnings.append(
                f"{', '.join(self.unused)} of {self.path.name} look like parts of a split, but are "
                "not used; name them images_train, images_val or images_test"
            )
        self.levels = {**USUAL, **ranges}
        self.sizes = {split: len(part.rows) for split, part in parts.items()}
        # the content alone: a file may be renamed
        settings = [layout, str(test_share), str(sorted(self.levels.items()))]
        if any(part.attributes is not None for part in parts.values()):
            # what was decoded before there were attributes lacks them
            settings.append("attributes")
        self.fingerprint = fingerprint(key.tobytes().hex(), *settings)

    def _seen(self, parts: Mapping[Split, Part]) -> Seen:
        """The levels of all images."""
        path = self.kept.with_name(f"{self.kept.name}.levels.json")
        if (seen := grey.kept(path)) is not None:
            return seen
        seen = Seen()
        # an array that several splits share is looked at once
        arrays = {id(part.images.base): part.images for part in parts.values()}
        try:
            for images in arrays.values():
                for some in pieces(images):
                    seen.add(some)
        except ValueError as e:
            raise DataError(f"{e}, in {self.path}; correct them.") from e
        grey.keep(path, seen)
        return seen

    def describe(self) -> str:
        """What was chosen, and how to change it."""
        met = {k: v for k, v in self.levels.items() if v != USUAL[k]} or {"bytes": grey.BYTES}
        sizes = ", ".join(f"{count:,} {split}" for split, count in self.sizes.items())
        return (
            f"arrays: {sizes} in {self.path}; levels {grey.described(met)} "
            f"(data.levels=[LOW,HIGH]){grey.lines(self.warnings)}"
        )

    def write(self, folder: Path) -> dict[str, Path]:
        """Convert the images piece by piece."""
        paths, clipped = {}, 0
        for split, part in self._read().items():
            paths[f"{split}_images"] = folder / f"{split}_images.npy"
            shape = (len(part.rows), *part.images.shape[1:])
            out = open_reserved(paths[f"{split}_images"], shape)
            for start in range(0, len(part.rows), ROWS):
                some = part.images[part.rows[start : start + ROWS]]
                out[start : start + ROWS] = to_bytes(some, self.levels)
                low, high = self.levels[grey.kind_of(some.dtype)]
                clipped += int(((some < low) | (some > high)).sum())
            out.flush()
            paths[f"{split}_labels"] = folder / f"{split}_labels.npy"
            np.save(paths[f"{split}_labels"], part.labels)
            if part.attributes is not None:
                paths[f"{split}_attributes"] = folder / f"{split}_attributes.npy"
                np.save(paths[f"{split}_attributes"], part.attributes)
        if clipped:
            print(f"warning: {clipped:,} pixels outside data.levels were clipped", flush=True)
        return paths

    def _read(self) -> dict[Split, Part]:
        """The images of each split."""
        found = ArrayFile(self.path)
        own = {split: found.pick(IMAGES, split) for split in SPLITS}
        if own["train"] is None and (own["test"] is not None or own["val"] is not None):
            # those without a split's name are trained on
            own["train"] = found.pick(IMAGES)
        if own["train"] is not None and (own["test"] is not None or own["val"] is not None):
            parts = {
                split: self._part(found, x, split, own=True)
                for split, x in own.items()
                if x is not None
            }
            self._check_together(parts)
        else:
            images = found.pick(IMAGES)
            if images is None:
                raise DataError(
                    f"a .npz file holds images under one of the names {', '.join(IMAGES)}, but "
                    f"{self.path} has {', '.join(found.names)}; write it again with "
                    "np.savez(path, images=)."
                )
            parts = {"train": self._part(found, images, "train", own=False)}
        told = {word for words in SPLITS.values() for word in words} | {"dev"}
        self.unused = [n for n in found.unused() if told & set(re.split(r"[_\W]", n.lower()))]
        if "test" in parts:
            return parts
        return {**parts, **self._with_test(parts["train"])}

    def _part(self, found: ArrayFile, images: Array, split: Split, own: bool) -> Part:
        def beside(names: tuple[str, ...]) -> Array | None:
            array = found.pick(names, split) if own else None
            return found.pick(names) if array is None and split == "train" else array

        if images.ndim not in (3, 4) or not images.size:
            raise DataError(
                "images have shape (N, H, W), (N, C, H, W) or (N, H, W, C), none of them 0, but "
                f"those of {self.path} ({split}) have {images.shape}; reshape them."
            )
        images = self._channels_first(images)
        count, attributes = len(images), beside(ATTRIBUTES)
        known = None if attributes is None else checked(attributes, count, str(self.path))
        return Part(images, np.arange(count), self._labels(beside(LABELS), count), known)

    def _check_together(self, parts: Mapping[Split, Part]) -> None:
        shapes = {split: part.images.shape[1:] for split, part in parts.items()}
        if len(set(shapes.values())) > 1:
            raise DataError(
                f"all images of a data set have one shape, but those of {self.path} have "
                f"{' and '.join(f'{shape} ({split})' for split, shape in shapes.items())}; make "
                "them equal."
            )

    def _with_test(self, train: Part) -> dict[Split, Part]:
        """Training images without those that are tested on, and these."""
        if len(train.rows) < 3:
            raise DataError(
                f"images are split into some to train on and some to test on, with N of at least "
                f"3, but {self.path} has {len(train.rows)}; add more."
            )
        chosen = test_by_content(self._digests(train.images), self.share)
        kept, out = np.flatnonzero(~chosen), np.flatnonzero(chosen)
        return {
            "train": train.of(kept),
            "test": train.of(out),
        }

    def _digests(self, images: Array) -> npt.NDArray[np.uint64]:
        """A hash of each image."""
        path = self.kept.with_name(f"{self.kept.name}.rows.npy")
        if (known := kept_hashes(path, len(images))) is not None:
            return known
        digests = np.array(
            [number_of(row.tobytes()) for some in pieces(images) for row in some], np.uint64
        )
        # a cache that cannot be written costs the time of looking again
        with contextlib.suppress(OSError):
            files.write(path, partial(np.save, arr=digests))
        return digests

    def _labels(self, labels: Array | None, count: int) -> npt.NDArray[np.int64]:
        if labels is None:
            return np.zeros(count, np.int64)
        flat = labels.reshape(-1)
        if len(flat) != count or flat.dtype.kind not in "iub":
            raise DataError(
                f"labels are whole numbers, one for each of the {count} images, but those of "
                f"{self.path} are {labels.dtype} with shape {labels.shape}; correct them."
            )
        return flat.astype(np.int64)

    def _channels_first(self, images: Array) -> Array:
        if images.ndim == 3:
            return images[:, None]
        first, last = images.shape[1] in (1, 3), images.shape[3] in (1, 3)
        layout = self.layout
        if layout == "auto":
            layout = "channels_first" if first else "channels_last"
        if not (first if layout == "channels_first" else last):
            raise DataError(
                f"images have 1 or 3 channels, but with data.layout={self.layout} those of "
                f"{self.path} with shape {images.shape} do not; set data.layout, or convert them."
            )
        return images if layout == "channels_first" else np.moveaxis(images, 3, 1)
