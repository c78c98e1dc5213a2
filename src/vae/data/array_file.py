"""A .npy or .npz file of a stranger's: its arrays by name, read when they are asked for."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from vae.data.source import Split
from vae.errors import DataError, one_line

Array = npt.NDArray[Any]
# how names say to which split an array belongs
SPLITS: dict[Split, tuple[str, ...]] = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}
# what a compressed file may become: this many bytes, or this many times its own size
UNPACKED, RATIO = 2**30, 20
# rows that are converted at once
ROWS = 1000


class ArrayFile:
    """The arrays of a file by their names, each read when it is asked for.

    Arguments:
        path: The file.

    Raises:
        DataError: If it is damaged, or would become too large.
    """

    def __init__(self, path: Path):
        self.path = path
        self.used: set[str] = set()
        try:
            if path.suffix == ".npz":
                with zipfile.ZipFile(path) as archive:
                    self.sizes = {e.filename: e.file_size for e in archive.infolist()}
                self.names = [name.removesuffix(".npy") for name in self.sizes]
            else:
                self.names = ["images"]
        # an archive's directory fails in as many ways as an array's header
        except Exception as e:
            raise self._damaged(e) from e

    def pick(self, names: tuple[str, ...], split: Split | None = None) -> Array | None:
        """The first array there is of some names, of a split or of none."""
        words = SPLITS[split] if split else ()
        keys = [k for n in names for w in words for k in (f"{n}_{w}", f"{w}_{n}")]
        known = {name.lower(): name for name in self.names}
        found = next((known[key] for key in (keys or names) if key in known), None)
        if found is None:
            return None
        self.used.add(found)
        return self._load(found)

    def unused(self) -> list[str]:
        """The names that nobody has asked for."""
        return [name for name in self.names if name not in self.used]

    def _load(self, name: str) -> Array:
        try:
            if self.path.suffix == ".npy":
                return np.load(self.path, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]
            size, limit = self.sizes[f"{name}.npy"], UNPACKED
            if size > max(limit, RATIO * self.path.stat().st_size):
                raise DataError(
                    f"an array in a .npz file unpacks to at most {limit:,} bytes, or {RATIO} times "
                    f"the file, but {name} of {self.path} says {size:,}; write it as a .npy file, "
                    "which is not unpacked."
                )
            with np.load(self.path, allow_pickle=False) as stored:
                return stored[name]  # type: ignore[no-any-return]
        except DataError:
            raise
        # numpy parses a header as Python's own text, which fails in every way
        except Exception as e:
            raise self._damaged(e) from e

    def _damaged(self, error: Exception) -> DataError:
        return DataError(
            f"data.root must be an intact array file without Python objects, but {self.path} "
            f"cannot be read ({one_line(error)}); write it again with np.save."
        )


class Part(NamedTuple):
    """The images of a split: an array, its rows that belong to the split, and what is known."""

    images: Array
    rows: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    attributes: npt.NDArray[np.float32] | None

    def of(self, rows: npt.NDArray[np.int64]) -> "Part":
        """Some of the rows."""
        known = None if self.attributes is None else self.attributes[rows]
        return Part(self.images, self.rows[rows], self.labels[rows], known)


def pieces(images: Array) -> Iterator[Array]:
    """Some rows at a time."""
    for start in range(0, len(images), ROWS):
        yield images[start : start + ROWS]
