"""The picture files below a folder, and a key to their content."""

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from vae.data.progress import Progress
from vae.errors import DataError

# files that wait to be read
AT_ONCE = 10_000


class Content(NamedTuple):
    """What files hold.

    Arguments:
        key: A hash of all names and contents.
        digests: A hash of each file's content, with shape (N,).
    """

    key: str
    digests: npt.NDArray[np.uint64]


def picture_files(root: Path) -> list[str]:
    """The paths, relative to `root`, of all files that by their names are pictures, in order.

    Raises:
        DataError: If there is no such folder.
    """
    from PIL import Image

    if not root.is_dir():
        raise DataError(
            f"data.root must be a folder of pictures, but {root} is not a folder; name one that is."
        )
    known = {e for e, kind in Image.registered_extensions().items() if kind in Image.OPEN}
    found, seen = [], set()
    for folder, folders, files in os.walk(root, followlinks=True):
        # a link may lead back to where it came from
        if (real := os.path.realpath(folder)) in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        below = os.path.relpath(folder, root)
        prefix = "" if below == "." else f"{Path(below).as_posix()}/"
        found += [
            prefix + f
            for f in sorted(files)
            if os.path.splitext(f)[1].lower() in known and not f.startswith(".")  # noqa: PTH122
        ]
    return found


def content(root: Path, names: Sequence[str], kept: Path) -> Content:
    """The hashes of some files, read in parallel; files that have not changed are not read again.

    Arguments:
        root: The folder.
        names: The files' paths below it.
        kept: The folder in which hashes are kept, by the files' names, sizes and times of change.
    """
    look = hashlib.blake2b(os.fsencode(root.resolve()), digest_size=16)
    for name in names:
        look.update(os.fsencode(f"{name}\0{_status(root / name)}\n"))
    path = kept / f"{look.hexdigest()}.npy"
    kept.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        if path.is_file():
            digests = np.load(path, allow_pickle=False)
        else:
            digests, complete = _read_all(root, names)
            if complete:
                scratch = path.with_suffix(f".{os.getpid()}.npy")
                np.save(scratch, digests)
                scratch.replace(path)
    whole = hashlib.blake2b(os.fsencode("\n".join(names)), digest_size=32)
    whole.update(digests.tobytes())
    return Content(whole.hexdigest(), digests)


def _read_all(root: Path, names: Sequence[str]) -> tuple[npt.NDArray[np.uint64], bool]:
    """The hashes, and whether every file could be read; what could not may be another time."""
    digests, complete = np.empty(len(names), np.uint64), True
    with ThreadPoolExecutor(os.cpu_count()) as pool, Progress("reading", len(names)) as progress:
        # a future for each of ten million files would fill the memory
        for start in range(0, len(names), AT_ONCE):
            some = names[start : start + AT_ONCE]
            found = list(pool.map(partial(_digest, root), some))
            complete = complete and None not in found
            # in the place of one that could not be read, its name
            digests[start : start + len(some)] = [
                _number(os.fsencode(n)) if d is None else d
                for n, d in zip(some, found, strict=True)
            ]
            progress.advance(len(some))
    return digests, complete


def _digest(root: Path, name: str) -> int | None:
    digest = hashlib.blake2b(digest_size=8)
    try:
        with (root / name).open("rb") as f:
            while piece := f.read(2**20):
                digest.update(piece)
    except OSError:
        # it is counted among the unreadable when it is decoded
        return None
    return int.from_bytes(digest.digest(), "little")


def _number(word: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(word, digest_size=8).digest(), "little")


def _status(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return "gone"
    return f"{status.st_size}\0{status.st_mtime_ns}"
