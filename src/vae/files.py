"""Files that are there whole or not at all, and files that are safe to open."""

import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

# what systems say of what they cannot do
UNSUPPORTED = {errno.EBADF, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOTSUP}

Content = bytes | str | Callable[[IO[bytes]], Any]


def write(path: Path, content: Content) -> None:
    """Write a file so that a reader, or a process killed at any moment, sees the old or the new.

    A temporary file beside the target is written, synced and renamed. The system's folder for
    temporary files is never used: it may be small, or on another disk.

    Arguments:
        path: The file; its folder is made.
        content: What it holds, or a function that writes it to a binary file.

    Raises:
        OSError: If it cannot be written; the old file is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.new")
    try:
        with scratch.open("xb") as f:
            if callable(content):
                content(f)
            else:
                f.write(content.encode() if isinstance(content, str) else content)
            f.flush()
            os.fsync(f.fileno())
        scratch.replace(path)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def forget_unfinished(folder: Path) -> None:
    """Remove what processes that were killed in the middle of `write` left in a folder."""
    for path in folder.glob(".*.new"):
        path.unlink(missing_ok=True)


def reserve(path: Path, size: int) -> None:
    """Give a file its space on the disk at once.

    A mapped file on a full disk would kill the process (SIGBUS) at a later write.

    Arguments:
        path: The file, which is made if need be.
        size: Its size, in bytes.

    Raises:
        OSError: If the disk has no such space.
    """
    path.touch()
    with path.open("r+b") as f:
        if hasattr(os, "posix_fallocate") and size > 0:
            try:
                os.posix_fallocate(f.fileno(), 0, size)
            except OSError as e:
                # some file systems have no such thing
                if e.errno not in UNSUPPORTED:
                    raise


def sha256(path: Path) -> str:
    """The checksum of a file, read piece by piece."""
    digest = hashlib.sha256()
    with path.open("rb") as f:
        while piece := f.read(2**20):
            digest.update(piece)
    return digest.hexdigest()


def is_regular(path: Path) -> bool:
    """Whether a path is a file with content: not a folder, pipe, socket or device."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as e:
        # the file itself is written; some file systems sync no folders
        if e.errno not in UNSUPPORTED:
            raise
    finally:
        os.close(descriptor)
