"""What every command shares: how its config is composed, and how its errors read."""

import difflib
import os
import re
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from vae.argv import config_dir, environment, folders, put_user_configs_first
from vae.errors import VAEError
from vae.help import print_help
from vae.multirun import finish, note_failure
from vae.plugins import missing


def run(
    name: str,
    task: Callable[[DictConfig], Any],
    help: str,
    groups: Sequence[str] | None = None,
) -> None:
    """Run `task` as a Hydra application with the primary config `name`.

    Arguments:
        name: The command, and its primary config.
        task: What to do with the composed config of a job.
        help: What --help prints before the choices.
        groups: The config groups that the command has; None for all.

    An error that the user can mend is one sentence on stderr and exit code 1; with
    HYDRA_FULL_ERROR=1 every error has its traceback.
    """
    put_user_configs_first()
    if {"--help", "-h"} & set(sys.argv[1:]):
        print_help(help, folders(), groups)
        return
    full = os.environ.get("HYDRA_FULL_ERROR") == "1"

    def guarded(config: DictConfig) -> Any:
        try:
            with environment(HYDRA_FULL_ERROR="1" if full else None):
                return task(config)
        except Exception as e:
            if full:
                raise
            # told at once, so that a sweep's other jobs do not hide it
            text = report(e)
            if HydraConfig.get().mode is RunMode.MULTIRUN:
                note_failure(text)
                # the exception itself remembers, since it may come back from another process
                e.reported = os.getpid()  # type: ignore[attr-defined]
                raise
            sys.exit(1)

    application = hydra.main(version_base="1.3", config_path=str(config_dir()), config_name=name)
    failed = False
    try:
        # Hydra would print a traceback and exit; this way it lets errors through
        with environment(HYDRA_FULL_ERROR="1"):
            application(guarded)()
    except Exception as e:
        if full:
            raise
        if getattr(e, "reported", None) != os.getpid():
            report(e, name)
        failed = True
    finish()
    if failed:
        sys.exit(1)


def compose(*overrides: str, name: str = "train") -> dict[str, Any]:
    """The config that a command would run with, as plain values.

    Arguments:
        overrides: Words as on the command line, for instance "experiment=basics".
        name: The command.
    """
    with hydra.initialize_config_dir(str(config_dir()), version_base="1.3"):
        config = plain(hydra.compose(name, list(overrides)))
    if config.get("resume"):
        from vae.resume import adopt

        return adopt(config, overrides)
    return config


def plain(config: DictConfig) -> dict[str, Any]:
    """A config with every interpolation resolved, as plain dictionaries and lists."""
    container = OmegaConf.to_container(config, resolve=True)
    assert isinstance(container, dict)
    return {str(k): v for k, v in container.items()}


def report(error: BaseException, name: str | None = None) -> str:
    """Print an error to stderr: a sentence if the user can mend it, else its traceback.

    Arguments:
        error: The error.
        name: The command, if the error arose before its task began: in composing the config.

    Returns:
        The sentence, or what kind of error it is.
    """
    if sentence := missing(error):
        text = sentence
    elif isinstance(error, HydraException | OmegaConfBaseException):
        text = _spelling(error, name) or str(error).partition("Config search path")[0]
    elif isinstance(error, VAEError | OSError) or name is not None:
        text = str(error)
    else:
        traceback.print_exception(error)
        return f"{type(error).__name__}: {' '.join(str(error).split())}"
    where = "error: "
    if HydraConfig.initialized() and HydraConfig.get().mode is RunMode.MULTIRUN:
        where += f"job {HydraConfig.get().job.num}: "
    if (rank := os.environ.get("LOCAL_RANK", "0")) != "0":
        where += f"process {rank}: "
    sentence = " ".join(text.split())
    print(f"{where}{sentence}", file=sys.stderr, flush=True)
    return sentence


def _spelling(error: BaseException, name: str | None) -> str | None:
    """A better sentence for a setting that does not exist, or that was left out."""
    if found := re.search(r"Missing mandatory value: ([\w./]+)", str(error)):
        return f"{found[1]} must be set, got nothing; add {found[1]}= and its value."
    key = getattr(error.__cause__, "full_key", None)
    if name is None or not key or "is not in struct" not in str(error.__cause__):
        return None
    with hydra.initialize_config_dir(str(config_dir()), version_base="1.3"):
        known = _keys(plain(hydra.compose(name)))
    close = difflib.get_close_matches(key, known, n=1) or [
        k for k in known if k.rpartition(".")[2] == key.rpartition(".")[2]
    ]
    remedy = f"did you mean {close[0]}?" if close else "--cfg job prints those there are."
    if key in known:
        remedy = "the choices made here have none; --cfg job prints the settings they have."
    return f"a setting must exist to be changed, got {key}; {remedy}"


def _keys(config: Mapping[Any, Any], prefix: str = "") -> list[str]:
    keys = []
    for key, child in config.items():
        keys.append(f"{prefix}{key!s}")
        if isinstance(child, Mapping):
            keys += _keys(child, f"{prefix}{key!s}.")
    return keys
