"""Decoded arrays, memory-mapped from the user's cache so that processes share their pages."""

import hashlib
import json
import os
import shutil
import warnings
from pathlib import Path

import numpy as np
import platformdirs
import torch
from filelock import FileLock
from torch import Tensor

from vae import files
from vae.data.source import Array, Source
from vae.errors import DataError

# arrays up to this size are checked whole, larger ones by as many blocks of a megabyte
WHOLE, BLOCKS, BLOCK = 2**30, 256, 2**20


def cache_dir() -> Path:
    """The folder of the cache: $VAE_CACHE, or else the user's cache folder."""
    chosen = os.environ.get("VAE_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("vae-lab"))


def cached(source: Source) -> dict[str, Array]:
    """The arrays of a source, memory-mapped; decoded by the first process that asks.

    Others that ask meanwhile wait for it. What an interrupted process had decoded is kept for the
    next. Arrays whose checksums are no longer those written beside them are decoded again.

    Raises:
        DataError: If the source cannot be decoded, or the cache cannot be written.
    """
    folder = folder_of(source)
    if (arrays := _open(folder)) is not None:
        return arrays
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        locks = cache_dir() / "locks"
        locks.mkdir(parents=True, exist_ok=True)
        with FileLock(locks / f"{folder.name}.lock"):
            # another process may have decoded them while this one waited
            if (arrays := _open(folder)) is not None:
                return arrays
            _decode(source, folder)
    except OSError as e:
        raise DataError(
            f"decoded images are kept in {folder.parent}, which cannot be written ({e}); "
            "set the environment variable VAE_CACHE to a folder that can."
        ) from e
    arrays = _open(folder)
    if arrays is None:
        raise DataError(
            f"{folder} must hold what was just written to it, but its checksums differ; "
            "check the disk, or set the environment variable VAE_CACHE to another folder."
        )
    return arrays


def as_tensors(arrays: dict[str, Array]) -> dict[str, Tensor]:
    """The same memory as tensors, which nothing ever writes to."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return {name: torch.from_numpy(a) for name, a in arrays.items()}


def folder_of(source: Source) -> Path:
    """Where the arrays of a source are kept, and what it says beside them."""
    return cache_dir() / "arrays" / f"{source.name}-{source.fingerprint[:16]}"


def _decode(source: Source, folder: Path) -> None:
    scratch = folder.with_name(f".{folder.name}")
    scratch.mkdir(exist_ok=True)
    paths = source.write(scratch)
    checksums = {name: _checksum(np.load(path, mmap_mode="r")) for name, path in paths.items()}
    files.write(scratch / "sha256.json", json.dumps(checksums, indent=2))
    if folder.exists():
        shutil.rmtree(folder)
    scratch.rename(folder)


def _open(folder: Path) -> dict[str, Array] | None:
    """The arrays in `folder` if they are all there and intact."""
    try:
        checksums = json.loads((folder / "sha256.json").read_text())
        # writable mappings would have to fit into memory and swap
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in checksums}
    # whatever a damaged note or array makes of itself, it is decoded again
    except Exception:  # noqa: BLE001
        return None
    intact = all(_checksum(array) == checksums[name] for name, array in arrays.items())
    return arrays if intact else None


def _checksum(array: Array) -> str:
    data = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    if data.nbytes <= WHOLE:
        return hashlib.sha256(data.data).hexdigest()
    digest = hashlib.sha256(str(data.nbytes).encode())
    for start in np.linspace(0, data.nbytes - BLOCK, BLOCKS).astype(np.int64):
        digest.update(data[start : start + BLOCK].data)
    return digest.hexdigest()
