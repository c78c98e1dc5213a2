"""What every command shares: how its config is composed, and how its errors read."""

import difflib
import os
import re
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.errors import HydraException, OverrideParseException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from vae.cli.argv import environment, folders, put_user_configs_first, tidied
from vae.cli.multirun import finish, note_failure, quoted
from vae.cli.output import steady
from vae.cli.plugins import missing
from vae.cli.swaps import allow_swaps
from vae.config.groups import config_dir, options
from vae.config.moved import upgraded
from vae.config.secret import redacted, with_secrets
from vae.errors import VAEError, printable

# the exit code of a process that Ctrl-C ended
INTERRUPTED = 130

allow_swaps()


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

    Every error is one sentence on stderr and exit code 1; with HYDRA_FULL_ERROR=1 it also has its
    traceback.
    """
    with steady():
        try:
            failed = _run(name, task, help, groups)
        except KeyboardInterrupt:
            print("error: interrupted", file=sys.stderr, flush=True)
            sys.exit(INTERRUPTED)
    if failed:
        sys.exit(1)


def _interruptible() -> None:
    """Let Ctrl-C be an exception from here on, so that a run can keep what there is.

    Until now it ended the process at once: an import, or a destructor, may swallow an exception.
    """
    import torch  # noqa: F401

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _run(
    name: str,
    task: Callable[[DictConfig], Any],
    help: str,
    groups: Sequence[str] | None,
) -> bool:
    try:
        sys.argv[1:] = tidied(sys.argv[1:])
    except VAEError as e:
        report(e, name)
        return True
    put_user_configs_first()
    if {"--help", "-h"} & set(sys.argv[1:]):
        # only help draws on the settings' models
        from vae.cli.help import print_help

        print_help(help, name, folders(), groups)
        return False
    full = os.environ.get("HYDRA_FULL_ERROR") == "1"

    def guarded(config: DictConfig) -> Any:
        _interruptible()
        try:
            with environment(HYDRA_FULL_ERROR="1" if full else None):
                return task(config)
        except Exception as e:
            if full:
                raise
            # told at once, so that a sweep's other jobs do not hide it
            text = report(e)
            multirun = HydraConfig.get().mode is RunMode.MULTIRUN
            note_failure(text if multirun else None, None if expected(e) else e)
            if multirun:
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
    return failed


def compose(*overrides: str, name: str = "train") -> dict[str, Any]:
    """The config that a command would run with, as plain values.

    It may be called anywhere, also inside a Hydra application of yours.

    Arguments:
        overrides: Words as on the command line, for instance "experiment=basics".
        name: The command.
    """
    words = tidied(overrides)
    before = Singleton.get_state()
    GlobalHydra.instance().clear()
    try:
        with hydra.initialize_config_dir(str(config_dir()), version_base="1.3"):
            config = plain(hydra.compose(name, words))
    finally:
        Singleton.set_state(before)
    if config.get("resume"):
        from vae.runs.adopt import adopt

        return adopt(config, words)
    return config


def plain(config: DictConfig) -> dict[str, Any]:
    """A config with every interpolation resolved, as plain dictionaries and lists."""
    container = OmegaConf.to_container(config, resolve=True)
    assert isinstance(container, dict)
    found = with_secrets(container, OmegaConf.to_container(config, resolve=False))
    if "name" in found and isinstance(found["name"], int | float):
        # a name of digits is a name all the same
        found["name"] = str(found["name"])
    return upgraded(found)


def expected(error: BaseException) -> bool:
    """Whether an error is one that its sentence explains, and so needs no traceback."""
    known = (VAEError, OSError, HydraException, OmegaConfBaseException)
    return missing(error) is not None or isinstance(error, known)


def report(error: BaseException, name: str | None = None) -> str:
    """Print an error to stderr as one sentence.

    Arguments:
        error: The error.
        name: The command, if the error arose before its task began: in composing the config.

    Returns:
        The sentence.
    """
    if sentence := missing(error):
        text = sentence
    elif isinstance(error, HydraException | OmegaConfBaseException):
        text = _quoting(error) or _spelling(error, name) or _without_paths(error)
    elif isinstance(error, VAEError | OSError):
        text = str(error)
    else:
        text = f"{type(error).__name__}: {str(error)[:600]}; HYDRA_FULL_ERROR=1 shows where"
    where = "error: "
    if HydraConfig.initialized() and HydraConfig.get().mode is RunMode.MULTIRUN:
        where += f"job {HydraConfig.get().job.num}: "
    if (rank := os.environ.get("LOCAL_RANK", "0")) != "0":
        where += f"process {rank}: "
    sentence = printable(redacted(" ".join(text.split())))
    print(f"{where}{sentence}", file=sys.stderr, flush=True)
    return sentence


def _without_paths(error: BaseException) -> str:
    return str(error).partition("Config search path")[0]


def _quoting(error: BaseException) -> str | None:
    """How to write a value that Hydra's grammar does not take as it is."""
    word = error.override if isinstance(error, OverrideParseException) else None
    if word is None and (found := re.search(r"Ambiguous value for argument '(.*?)'\n", str(error))):
        word = found[1]
    if word is None or "=" not in word:
        return None
    key, _, value = word.partition("=")
    example = shlex.quote(f"{key}={quoted(value)}")
    return (
        f"a value with any of = ( ) [ ] {{ }} , : ' or a space in it is written in quotes, got "
        f"{word}; write {example}, or, to try several values, -m {word}."
    )


def _spelling(error: BaseException, name: str | None) -> str | None:
    """A better sentence for a setting that does not exist, or that was left out."""
    if found := re.search(r"Missing mandatory value: ([\w./]+)", str(error)):
        return f"{found[1]} must be set, got nothing; add {found[1]}= and its value."
    if found := re.search(r"Could not override '([\w/]+)/(\w+)'. No match", str(error)):
        whole, part = found.groups()
        return (
            f"{whole}/{part}= chooses a part that {whole} must have, but {whole} as chosen here "
            f"has no {part}; leave the word out, or choose another {whole}=."
        )
    key = getattr(error.__cause__, "full_key", None)
    if name is None or not key or "is not in struct" not in str(error.__cause__):
        return None
    known = _keys(compose(name=name))
    close = difflib.get_close_matches(key, known, n=1) or [
        k for k in known if k.rpartition(".")[2] == key.rpartition(".")[2]
    ]
    if close and any(word.startswith(f"{key}=") for word in sys.argv):
        # a whole part is a choice
        close = [group if (group := k.replace(".", "/")) in options() else k for k in close]
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
