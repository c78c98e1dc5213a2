"""The picture files below a folder, and a key to their content."""

import contextlib
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
from vae.files import is_regular, write

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
    from vae.data.pictures import extensions

    if not root.is_dir():
        raise DataError(
            f"data.root must be a folder of pictures, but {root} is not a folder; name one that is."
        )
    known = extensions()
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
    digests = kept_hashes(path, len(names))
    if digests is None:
        digests = _look(root, names, path)
    whole = hashlib.blake2b(os.fsencode("\n".join(names)), digest_size=32)
    whole.update(digests.tobytes())
    return Content(whole.hexdigest(), digests)


def kept_hashes(path: Path, count: int) -> npt.NDArray[np.uint64] | None:
    """The hashes that were kept; None if there are none, or they are damaged."""
    try:
        digests = np.load(path, allow_pickle=False)
    # whatever a damaged file makes of itself, it is read again
    except Exception:  # noqa: BLE001
        return None
    return digests if digests.shape == (count,) and digests.dtype == np.uint64 else None


def _look(root: Path, names: Sequence[str], path: Path) -> npt.NDArray[np.uint64]:
    """The hashes, read by one process for all, and kept if the cache can be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_suffix(".lock"))
        lock.acquire()
    except OSError:
        # a cache that was filled elsewhere and can only be read
        return _read_all(root, names)[0]
    try:
        if (digests := kept_hashes(path, len(names))) is not None:
            return digests
        digests, complete = _read_all(root, names)
        if complete:
            # a full disk costs the time of reading them again, and nothing else
            with contextlib.suppress(OSError):
                write(path, partial(np.save, arr=digests))
        return digests
    finally:
        lock.release()


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
                number_of(os.fsencode(n)) if d is None else d
                for n, d in zip(some, found, strict=True)
            ]
            progress.advance(len(some))
    return digests, complete


def _digest(root: Path, name: str) -> int | None:
    digest = hashlib.blake2b(digest_size=8)
    if not is_regular(root / name):
        # a pipe would wait for its other end
        return None
    try:
        with (root / name).open("rb") as f:
            while piece := f.read(2**20):
                digest.update(piece)
    except OSError:
        # it is counted among the unreadable when it is decoded
        return None
    return int.from_bytes(digest.digest(), "little")


def number_of(content: bytes) -> int:
    """A hash of some bytes."""
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")


def _status(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return "gone"
    return f"{status.st_size}\0{status.st_mtime_ns}"
