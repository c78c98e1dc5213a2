"""Images in a .npy or .npz file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from vae.data.cache import cache_dir
from vae.data.listing import content
from vae.data.source import Source, fingerprint
from vae.data.splits import test_rows
from vae.errors import DataError

Layout = Literal["auto", "channels_first", "channels_last"]
IMAGES, LABELS = ("images", "x", "data", "arr_0"), ("labels", "y", "targets", "arr_1")
# rows that are converted at once
ROWS = 1000


class Arrays(Source):
    """Images with shape (N, H, W), (N, C, H, W) or (N, H, W, C) in a .npy or .npz file.

    A .npz file holds the images as images, x, data or its first array, labels (if any) as labels,
    y or targets, and a split of its own under the same names with _train and _test behind them or
    train_ and test_ before. Of four axes, the second is the channels if it is 1 or 3 long, else
    the last must be. Bytes stay as they are; other numbers are grey levels from 0 to 1 if none
    is above 1, else from 0 to 255.

    Arguments:
        path: The file.
        layout: "auto" is the rule above; "channels_first" and "channels_last" overrule it.
        test_share: The share of images in the test set, where the file has none of its own.

    Raises:
        DataError: If there is no such file, or it holds no such array.
    """

    name = "arrays"

    def __init__(self, path: str, layout: Layout = "auto", test_share: float = 0.1):
        if not 0 < test_share < 1:
            raise ValueError(f"data.test_share is a share, between 0 and 1, got {test_share}.")
        self.path = Path(path).expanduser()
        if self.path.suffix not in (".npy", ".npz") or not self.path.is_file():
            raise DataError(
                f"data.path must be a .npy or .npz file, but {self.path} is none; name one that is."
            )
        self.layout = layout
        self.share = test_share
        known = content(self.path.parent, [self.path.name], cache_dir() / "listings")
        self.fingerprint = fingerprint(known.key, layout, str(test_share))

    def write(self, folder: Path) -> dict[str, Path]:
        """Convert the images piece by piece.

        Raises:
            DataError: If they have no such shape or levels.
        """
        paths = {}
        found = {k: (self._channels_first(x), r, y) for k, (x, r, y) in self._read().items()}
        low, high = _levels([x for x, _, _ in found.values()], self.path)
        bytes_ = all(x.dtype == np.uint8 for x, _, _ in found.values())
        scale = 255.0 if high <= 1 and not bytes_ else 1.0
        if low < 0 or high * scale > 255:
            raise DataError(
                f"grey levels lie between 0 and 1 or between 0 and 255, but {self.path} has levels "
                f"from {low:g} to {high:g}; bring them there."
            )
        for split, (images, rows, labels) in found.items():
            paths[f"{split}_images"] = folder / f"{split}_images.npy"
            shape = (len(rows), *images.shape[1:])
            out = np.lib.format.open_memmap(paths[f"{split}_images"], "w+", np.uint8, shape)
            for start in range(0, len(rows), ROWS):
                some = images[rows[start : start + ROWS]].astype(np.float64) * scale
                out[start : start + ROWS] = np.rint(some).astype(np.uint8)
            out.flush()
            paths[f"{split}_labels"] = folder / f"{split}_labels.npy"
            np.save(paths[f"{split}_labels"], labels)
        return paths

    def _read(self) -> dict[str, tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]]:
        """The images, the numbers of those that belong to the split, and their labels."""
        try:
            stored = np.load(self.path, mmap_mode="r", allow_pickle=False)
            if self.path.suffix == ".npz":
                with stored:
                    found = {k: stored[k] for k in stored.files}
            else:
                found = {"images": stored}
        except (OSError, ValueError, EOFError) as e:
            raise DataError(
                f"data.path must be an intact array file without Python objects, but {self.path} "
                f"cannot be read ({' '.join(str(e).split())[:200]}); write it again with np.save."
            ) from e
        own = {
            split: (_pick(found, IMAGES, split), _pick(found, LABELS, split))
            for split in ("train", "test")
        }
        if own["train"][0] is not None and own["test"][0] is not None:
            return {
                split: (x, np.arange(len(x)), self._labels(y, len(x)))
                for split, (x, y) in own.items()
                if x is not None
            }
        images = _pick(found, IMAGES)
        if images is None:
            raise DataError(
                f"a .npz file holds images under one of the names {', '.join(IMAGES)}, but "
                f"{self.path} has {', '.join(found)}; write it again with np.savez(path, images=)."
            )
        if images.ndim not in (3, 4) or len(images) < 3:
            raise DataError(
                "images have shape (N, H, W), (N, C, H, W) or (N, H, W, C) with N of at least 3, "
                f"but those of {self.path} have {images.shape}; reshape them."
            )
        labels = self._labels(_pick(found, LABELS), len(images))
        chosen = test_rows(len(images), self.share)
        return {
            "train": (images, np.flatnonzero(~chosen), labels[~chosen]),
            "test": (images, np.flatnonzero(chosen), labels[chosen]),
        }

    def _labels(self, labels: npt.NDArray[Any] | None, count: int) -> npt.NDArray[np.int64]:
        if labels is None:
            return np.zeros(count, np.int64)
        flat = labels.reshape(-1)
        if len(flat) != count or flat.dtype.kind not in "iub":
            raise DataError(
                f"labels are whole numbers, one for each of the {count} images, but those of "
                f"{self.path} are {labels.dtype} with shape {labels.shape}; correct them."
            )
        return flat.astype(np.int64)

    def _channels_first(self, images: npt.NDArray[Any]) -> npt.NDArray[Any]:
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


def _pick(
    found: Mapping[str, npt.NDArray[Any]], names: tuple[str, ...], split: str | None = None
) -> npt.NDArray[Any] | None:
    for name in names:
        for key in (name,) if split is None else (f"{name}_{split}", f"{split}_{name}"):
            if key in found:
                return found[key]
    return None


def _levels(arrays: Sequence[npt.NDArray[Any]], path: Path) -> tuple[float, float]:
    low, high = np.inf, -np.inf
    for some in (a[i : i + ROWS] for a in arrays for i in range(0, len(a), ROWS)):
        if some.dtype.kind not in "iufb" or not np.isfinite(some).all():
            raise DataError(
                f"pixels are finite numbers, but {path} holds {some.dtype} with others among them; "
                "mend them."
            )
        low, high = min(low, float(some.min())), max(high, float(some.max()))
    return low, high
