"""The IDX format of MNIST and its relatives."""

import gzip
import hashlib
import math
import struct
import zlib
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from vae import files
from vae.data.source import Array, Source
from vae.errors import DataError

FILES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}

# axes of an array: images have three, of which colour would be a fourth
AXES = 4
# what a file may unpack to: this many bytes, or this many times its own size
MOST, RATIO = 2**30, 20


def read_idx(path: Path) -> Array:
    """The array of unsigned bytes in an IDX file, gzip-compressed or not.

    Arguments:
        path: The file.

    Raises:
        DataError: If the file cannot be read, or is truncated.

    References:
        The MNIST database of handwritten digits (LeCun, Cortes & Burges), "file formats"
    """
    try:
        if not files.is_regular(path):
            raise OSError("it is no regular file")
        with path.open("rb") as f:
            opened: Any = gzip.open(f) if f.read(2) == b"\x1f\x8b" else f  # noqa: SIM115
            f.seek(0)
            return _read(opened, path)
    except (OSError, EOFError, zlib.error) as e:
        raise DataError(
            f"{path} must be a whole IDX or gzip file, but it cannot be read ({e}); "
            "replace it with an intact copy."
        ) from e


def _read(f: Any, path: Path) -> Array:
    head = f.read(4)
    sizes = f.read(4 * head[3]) if len(head) == 4 else b""
    if len(head) < 4 or head[:3] != b"\0\0\x08" or len(sizes) < 4 * head[3]:
        raise DataError(
            f"{path} must start with the IDX header of unsigned bytes, but it starts with "
            f"0x{head.hex()}; replace it with an intact copy."
        )
    shape = struct.unpack(f">{head[3]}I", sizes)
    if len(shape) > AXES or 0 in shape:
        raise DataError(
            f"an IDX file holds an array of at most {AXES} axes, none of them 0 long, but {path} "
            f"says {shape[:9]}; replace it with an intact copy."
        )
    size = math.prod(shape)
    if size > max(MOST, RATIO * path.stat().st_size):
        raise DataError(
            f"an IDX file holds at most {MOST:,} bytes, or {RATIO} times its own size, but {path} "
            f"says {size:,} for its shape {shape}; replace it with an intact copy."
        )
    # a byte more, to see whether it ends there
    body = np.frombuffer(f.read(size + 1), np.uint8)
    if body.size != size:
        found = "more" if body.size > size else str(body.size)
        raise DataError(
            f"{path} must hold {size} bytes for its shape {shape}, but it holds {found}: it is "
            "truncated or damaged; replace it with an intact copy."
        )
    return body.reshape(shape)


class IDX(Source):
    """Images and labels in four IDX files with MNIST's names, compressed or not.

    Arguments:
        root: A folder with the four files to use instead of the standard copy.
    """

    # the checksums of the standard copy's files, in each way that they are packed
    copies: ClassVar[Sequence[Mapping[str, str]]] = ()

    def __init__(self, root: str | None = None):
        self.root = root
        self.fingerprint = self.standard_fingerprint
        if root is None:
            return
        digest, sums = hashlib.sha256(), {}
        for name, path in self.files().items():
            one = hashlib.md5(usedforsecurity=False)
            with path.open("rb") as f:
                # piece by piece: the files may be larger than memory
                while piece := f.read(2**20):
                    digest.update(piece)
                    one.update(piece)
            sums[name] = one.hexdigest()
        # a copy elsewhere is the same data
        if sums not in [dict(known) for known in self.copies]:
            self.fingerprint = digest.hexdigest()

    @property
    @abstractmethod
    def standard_fingerprint(self) -> str:
        """What tells the standard copy from any other."""

    @abstractmethod
    def standard(self) -> Path:
        """The folder of the standard copy, downloaded if need be."""

    def files(self) -> dict[str, Path]:
        """The path of each array.

        Raises:
            DataError: If a file is missing.
        """
        root = self.standard() if self.root is None else Path(self.root).expanduser()
        found = {}
        for name, stem in FILES.items():
            candidates = [root / stem, root / f"{stem}.gz"]
            there = [path for path in candidates if files.is_regular(path)]
            if not there:
                raise DataError(
                    f"data.root must hold {stem} or {stem}.gz, but {root} has neither; put the "
                    "file there, or leave out data.root to use the standard copy."
                )
            found[name] = there[0]
        return found

    def decode(self) -> dict[str, Array]:
        """The four arrays.

        Raises:
            DataError: If a file is missing or damaged, or the four do not belong together.
        """
        arrays = {name: read_idx(path) for name, path in self.files().items()}
        _check(arrays, Path(self.root) if self.root else self.standard())
        return {k: a[:, None] if k.endswith("images") else a for k, a in arrays.items()}


def _check(arrays: dict[str, Array], root: Path) -> None:
    for split in ("train", "test"):
        images, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
        if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
            raise DataError(
                f"{split} images must be (N, H, W) and labels (N,) with the same N, but "
                f"{root} has {images.shape} and {labels.shape}; check that the four files belong "
                "together."
            )
    if arrays["train_images"].shape[1:] != arrays["test_images"].shape[1:]:
        raise DataError(
            "train and test images must have one shape, but they are "
            f"{arrays['train_images'].shape[1:]} and {arrays['test_images'].shape[1:]} in {root}; "
            "check that the four files belong together."
        )
