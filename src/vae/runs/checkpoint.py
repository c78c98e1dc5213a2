"""Checkpoints on disk: written whole or not at all, and read only if they are as written."""

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from vae import files
from vae.errors import RunError, one_line

# what torch and our own code raise on content that is not as it was written
DAMAGED = (
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)


def save(content: Any, path: Path) -> None:
    """Write tensors and plain values with torch.save, whole or not at all.

    Raises:
        RunError: If it cannot be written.
    """
    try:
        files.write(path, lambda f: torch.save(content, f))
    # torch turns an error of the file into one of its own
    except (OSError, RuntimeError) as e:
        raise RunError(
            f"a checkpoint needs room on its disk, but {path} cannot be written "
            f"({one_line(e)}); what was there before is whole: free some space, or choose another "
            "place."
        ) from e


def read(path: Path) -> Any:
    """What a checkpoint holds: tensors and plain values, and nothing else is unpickled.

    Raises:
        RunError: If it is damaged (a single bit is enough), or holds anything else.
    """
    try:
        if not files.is_regular(path):
            raise OSError("it is no regular file")
        _check(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, EOFError, OSError, zipfile.BadZipFile, *DAMAGED) as e:
        raise RunError(
            f"a checkpoint holds tensors and plain values alone, but {path} cannot be read "
            f"as such ({one_line(e)}); give one that python -m vae.train wrote."
        ) from e


def _check(path: Path) -> None:
    """Compare every part with its checksum, which torch writes but does not read."""
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        if any(e.compress_type != zipfile.ZIP_STORED for e in entries):
            raise ValueError("it is compressed, which no checkpoint of torch's is")
        if sum(e.file_size for e in entries) > path.stat().st_size:
            raise ValueError("its parts overlap")
        if bad := archive.testzip():
            raise ValueError(f"the checksum of {bad} is another")
