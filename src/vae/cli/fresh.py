"""The config of a run that begins from Python, in a directory that no other run has."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vae.cli.command import compose
from vae.cli.multirun import quoted
from vae.runs.claim import free_directory, let_go

_NAMED_BY_TIME = re.compile(r"^\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d$")


@contextlib.contextmanager
def fresh(*overrides: str) -> Iterator[dict[str, Any]]:
    """The config; two runs that begin in one second have a directory each, as two commands have.

    Afterwards the directory is let go of, and removed if the run was refused and left it empty.

    Arguments:
        overrides: Words as on the command line.
    """
    config = compose(*overrides)
    directory = Path(config["run_dir"])
    if _NAMED_BY_TIME.search(directory.name) and not config["resume"]:
        directory = free_directory(directory.absolute())
        config = compose(*overrides, f"run_dir={quoted(str(directory))}")
    try:
        yield config
    finally:
        let_go(directory)
        with contextlib.suppress(OSError):
            directory.rmdir()
