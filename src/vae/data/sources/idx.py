"""The IDX format of MNIST and its relatives."""

import gzip
import hashlib
import struct
import zlib
from abc import abstractmethod
from pathlib import Path

import numpy as np

from vae.data.source import Array, Source
from vae.errors import DataError

FILES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}


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
        raw = path.read_bytes()
        data = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except (OSError, EOFError, zlib.error) as e:
        raise DataError(
            f"{path} must be a whole IDX or gzip file, but it cannot be read ({e}); "
            "replace it with an intact copy."
        ) from e
    if len(data) < 4 or data[:3] != b"\0\0\x08" or len(data) < 4 + 4 * data[3]:
        raise DataError(
            f"{path} must start with the IDX header of unsigned bytes, but it starts with "
            f"0x{data[:4].hex()}; replace it with an intact copy."
        )
    shape = struct.unpack(f">{data[3]}I", data[4 : 4 + 4 * data[3]])
    body = np.frombuffer(data, np.uint8, offset=4 + 4 * data[3])
    if body.size != np.prod(shape):
        raise DataError(
            f"{path} must hold {np.prod(shape)} bytes for its shape {shape}, but it holds "
            f"{body.size}: it is truncated or damaged; replace it with an intact copy."
        )
    return body.reshape(shape)


class IDX(Source):
    """Images and labels in four IDX files with MNIST's names, compressed or not.

    Arguments:
        root: A folder with the four files to use instead of the standard copy.
    """

    def __init__(self, root: str | None = None):
        self.root = root
        files = self.files() if root is not None else {}
        digest = hashlib.sha256()
        for path in files.values():
            with path.open("rb") as f:
                # piece by piece: the files may be larger than memory
                while piece := f.read(2**20):
                    digest.update(piece)
        self.fingerprint = digest.hexdigest() if files else self.standard_fingerprint

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
            there = [path for path in candidates if path.is_file()]
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
