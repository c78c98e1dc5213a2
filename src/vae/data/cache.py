"""Decoded arrays, memory-mapped from the user's cache so that processes share their pages."""

import hashlib
import json
import os
import shutil
import uuid
from pathlib import Path

import numpy as np
import platformdirs

from vae.data.source import Array, Source
from vae.errors import DataError


def cache_dir() -> Path:
    """The folder of the cache: $VAE_CACHE, or else the user's cache folder."""
    chosen = os.environ.get("VAE_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("vae-lab"))


def cached(source: Source) -> dict[str, Array]:
    """The arrays of a source, memory-mapped; decoded by the first process that asks.

    Several processes may ask at once: each decodes into a folder of its own, the first to finish
    renames it into place, and the others use that. Arrays whose checksums are no longer those
    written beside them are decoded again.

    Raises:
        DataError: If the source cannot be decoded, or the cache cannot be written.
    """
    folder = cache_dir() / "arrays" / f"{source.name}-{source.fingerprint[:16]}"
    if (arrays := _open(folder)) is not None:
        return arrays
    decoded = source.decode()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = _scratch(folder)
        try:
            checksums = {}
            for name, array in decoded.items():
                np.save(scratch / f"{name}.npy", array)
                checksums[name] = _checksum(np.asarray(array))
            (scratch / "sha256.json").write_text(json.dumps(checksums, indent=2))
            _move(scratch, folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
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


def _open(folder: Path) -> dict[str, Array] | None:
    """The arrays in `folder` if they are all there and intact."""
    try:
        checksums = json.loads((folder / "sha256.json").read_text())
        # copy-on-write: torch wants writable memory, and nothing here is ever written
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="c") for name in checksums}
    except (OSError, ValueError):
        return None
    intact = all(_checksum(array) == checksums[name] for name, array in arrays.items())
    return arrays if intact else None


def _move(scratch: Path, folder: Path) -> None:
    """Rename `scratch` to `folder`, in place of damaged arrays but not of another's good ones."""
    try:
        scratch.rename(folder)
    except OSError:
        if _open(folder) is None:
            damaged = _scratch(folder)
            folder.rename(damaged / folder.name)
            shutil.rmtree(damaged)
            scratch.rename(folder)


def _scratch(folder: Path) -> Path:
    """A new folder beside `folder`, readable by whoever can read that."""
    scratch = folder.with_name(f".{folder.name}-{uuid.uuid4().hex}")
    scratch.mkdir()
    return scratch


def _checksum(array: Array) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()
