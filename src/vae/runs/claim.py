"""Whose a run directory is: one run's, and at any moment one process's."""

import contextlib
import itertools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

from vae import files
from vae.config.secret import recorded
from vae.errors import ConfigError
from vae.runs import mine

# of a job that is not the first process of its run
RANKS = ("LOCAL_RANK", "RANK", "SLURM_PROCID", "NODE_RANK")

_locks: dict[Path, FileLock] = {}


def is_first() -> bool:
    """Whether this is the first process of all, as far as it can be known before they meet."""
    return all(os.environ.get(name, "0") == "0" for name in RANKS)


def hold(directory: Path) -> bool:
    """Lock a directory until `let_go`; False if another process has.

    The system frees the lock of a process that dies.
    """
    directory = directory.absolute()
    if directory in _locks:
        return True
    lock = FileLock(directory / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return False
    _locks[directory] = lock
    return True


def let_go(directory: Path) -> None:
    """Unlock a directory; nothing if this process has not locked it."""
    if (lock := _locks.pop(directory.absolute(), None)) is None:
        return
    if os.name == "nt":
        # an open file cannot be removed there
        lock.release()
    with contextlib.suppress(OSError):
        Path(lock.lock_file).unlink(missing_ok=True)
    lock.release()


def free_directory(directory: Path) -> Path:
    """The directory, or the next of DIR-2, DIR-3, ... that no run has; it is made and locked."""
    for number in itertools.count(1):
        name = directory.name if number == 1 else f"{directory.name}-{number}"
        candidate = directory.with_name(name)
        candidate.mkdir(parents=True, exist_ok=True)
        if hold(candidate):
            if not (candidate / "config.yaml").exists():
                return candidate
            let_go(candidate)
    raise AssertionError("there is always a next number")


def enter(directory: Path) -> None:
    """Lock a run directory that is there, in the first process.

    Raises:
        ConfigError: If another process is at work in it.
    """
    if is_first() and directory.is_dir() and not hold(directory):
        raise ConfigError(
            f"one process at a time trains a run, but another one is at work in {directory}; "
            "wait for it, or choose another run_dir."
        )


def claim(config: Mapping[str, Any], directory: Path, again: bool = False) -> bool:
    """Make and lock the run directory, in the first process; a new run's config is written.

    Arguments:
        config: The whole config.
        directory: The run directory.
        again: Whether the run may be there already, to resume; it is left as it is, until
            `renew`.

    Returns:
        Whether the directory holds a new run.

    Raises:
        ConfigError: If the directory already holds a run, cannot be written, or is in use.
    """
    if not is_first():
        return False
    path = directory / "config.yaml"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        enter(directory)
        new = not path.exists()
        if not new and not again:
            let_go(directory)
            raise ConfigError(
                f"a run needs a directory of its own, but {directory} already holds a run; choose "
                "another run_dir, move that one away, or resume it with resume=auto."
            )
        if new:
            _write(config, path)
    except OSError as e:
        let_go(directory)
        raise _not_writable(directory, e) from e
    mine.take(directory)
    return new


def renew(config: Mapping[str, Any], directory: Path) -> None:
    """Write the config of a run that goes on, in the first process.

    Raises:
        ConfigError: If the directory cannot be written.
    """
    if not is_first():
        return
    try:
        for folder in (directory, directory / "checkpoints"):
            files.forget_unfinished(folder)
        if (directory / "results.json").exists():
            # what it says is of the run as it was
            (directory / "results.json").replace(directory / "results.before.json")
        _write(config, directory / "config.yaml")
    except OSError as e:
        raise _not_writable(directory, e) from e


def _write(config: Mapping[str, Any], path: Path) -> None:
    files.write(path, yaml.safe_dump(recorded(dict(config)), sort_keys=False))


def _not_writable(directory: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"the run directory must be writable, but {directory} is not ({error}); choose another "
        "run_dir."
    )


def release(directory: Path) -> None:
    """Give back the run directory of a run that never began to train."""
    if mine.is_mine(directory):
        mine.give_back(directory)
        for name in ("config.yaml", "metrics.csv"):
            (directory / name).unlink(missing_ok=True)
        let_go(directory)
