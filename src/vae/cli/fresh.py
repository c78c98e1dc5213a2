"""The config of a run that begins from Python, in a directory that no other run has."""

import re
from pathlib import Path
from typing import Any

from vae.cli.command import compose
from vae.cli.multirun import quoted
from vae.runs.claim import free_directory

_NAMED_BY_TIME = re.compile(r"^\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d$")


def fresh(*overrides: str) -> dict[str, Any]:
    """The config; two runs that begin in one second have a directory each, as two commands have.

    Arguments:
        overrides: Words as on the command line.
    """
    config = compose(*overrides)
    directory = Path(config["run_dir"])
    if not _NAMED_BY_TIME.search(directory.name) or config["resume"]:
        return config
    directory = free_directory(directory.absolute())
    return compose(*overrides, f"run_dir={quoted(str(directory))}")
