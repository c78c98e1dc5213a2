"""What every command shares: where its config is, and how its errors read."""

import argparse
import difflib
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, read_write
from omegaconf.errors import OmegaConfBaseException

from vae.errors import VAEError
from vae.help import print_help


def config_dir() -> Path:
    """The folder of the packaged configs: beside this file in a wheel, at the top of a checkout."""
    shipped = Path(__file__).parent / "conf"
    return shipped if shipped.is_dir() else Path(__file__).parents[2] / "conf"


def run(name: str, task: Callable[[DictConfig], Any], help: str) -> None:
    """Run `task` as a Hydra application with the primary config `name`.

    Arguments:
        name: The command, and its primary config.
        task: What to do with the composed config of a job.
        help: What --help prints before the choices.

    An error that the user can mend is one sentence on stderr and exit code 1; with
    HYDRA_FULL_ERROR=1 every error has its traceback.
    """
    _put_user_configs_first()
    if {"--help", "-h"} & set(sys.argv[1:]):
        flags, _ = _flags(sys.argv[1:])
        own = [Path(f) for f in (flags.config_path, flags.config_dir) if f]
        return print_help(help, {*own, config_dir()})
    full = os.environ.get("HYDRA_FULL_ERROR") == "1"
    reported: list[BaseException] = []

    def guarded(config: DictConfig) -> Any:
        try:
            with _environment(HYDRA_FULL_ERROR="1" if full else None):
                return task(config)
        except Exception as e:
            if full:
                raise
            # told at once, so that a sweep's other jobs do not hide it
            report(e)
            reported.append(e)
            if HydraConfig.get().mode is RunMode.MULTIRUN:
                raise
            sys.exit(1)

    application = hydra.main(version_base="1.3", config_path=str(config_dir()), config_name=name)
    try:
        # Hydra would print a traceback and exit; this way it lets errors through
        with _environment(HYDRA_FULL_ERROR="1"):
            application(guarded)()
    except Exception as e:
        if full:
            raise
        if e not in reported:
            report(e, name)
        sys.exit(1)


def compose(*overrides: str, name: str = "train") -> dict[str, Any]:
    """The config that a command would run with, as plain values.

    Arguments:
        overrides: Words as on the command line, for instance "experiment=basics".
        name: The command.
    """
    with hydra.initialize_config_dir(str(config_dir()), version_base="1.3"):
        return plain(hydra.compose(name, list(overrides)))


def plain(config: DictConfig) -> dict[str, Any]:
    """A config with every interpolation resolved, as plain dictionaries and lists."""
    container = OmegaConf.to_container(config, resolve=True)
    assert isinstance(container, dict)
    return {str(k): v for k, v in container.items()}


def report(error: BaseException, name: str | None = None) -> None:
    """Print an error to stderr: a sentence if the user can mend it, else its traceback.

    Arguments:
        error: The error.
        name: The command, if the error arose before its task began: in composing the config.
    """
    if isinstance(error, HydraException | OmegaConfBaseException):
        text = _spelling(error, name) or str(error).partition("Config search path")[0]
    elif isinstance(error, VAEError | OSError) or name is not None:
        text = str(error)
    else:
        traceback.print_exception(error)
        return
    rank = os.environ.get("LOCAL_RANK", "0")
    where = "error" if rank == "0" else f"error in process {rank}"
    print(f"{where}: {' '.join(text.split())}", file=sys.stderr, flush=True)


def _spelling(error: BaseException, name: str | None) -> str | None:
    """A better sentence for a setting that does not exist."""
    key = getattr(error.__cause__, "full_key", None)
    if name is None or not key or "is not in struct" not in str(error.__cause__):
        return None
    with hydra.initialize_config_dir(str(config_dir()), version_base="1.3"):
        known = _keys(plain(hydra.compose(name)))
    close = difflib.get_close_matches(key, known, n=1) or [
        k for k in known if k.rpartition(".")[2] == key.rpartition(".")[2]
    ]
    remedy = f"did you mean {close[0]}?" if close else "--cfg job prints those there are."
    return f"a setting must exist to be changed, got {key}; {remedy}"


def _keys(config: Mapping[Any, Any], prefix: str = "") -> list[str]:
    keys = []
    for key, child in config.items():
        keys.append(f"{prefix}{key!s}")
        if isinstance(child, Mapping):
            keys += _keys(child, f"{prefix}{key!s}.")
    return keys


def _flags(words: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Hydra's flags that say where configs are, and the other words."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config-dir", "-cd")
    parser.add_argument("--config-path", "-cp")
    parser.add_argument("--config-name", "-cn")
    return parser.parse_known_args(words)


def _words(flags: argparse.Namespace) -> list[str]:
    given = {"dir": flags.config_dir, "path": flags.config_path, "name": flags.config_name}
    return [word for k, v in given.items() if v for word in (f"--config-{k}", v)]


def _put_user_configs_first() -> None:
    """Let files in --config-dir shadow packaged ones, by searching that folder first."""
    flags, rest = _flags(sys.argv[1:])
    if flags.config_dir and not flags.config_path and Path(flags.config_dir).is_dir():
        flags.config_path = str(Path(flags.config_dir).absolute())
        flags.config_dir = str(config_dir())
        sys.argv[1:] = [*_words(flags), *rest]


@contextmanager
def _environment(**values: str | None) -> Iterator[None]:
    """Environment variables set, or unset where None, for a while."""
    before = {name: os.environ.get(name) for name in values}
    _set(values)
    try:
        yield
    finally:
        _set(before)


def _set(values: dict[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def command_line(name: str) -> list[str]:
    """The command that runs this job alone, for a person to repeat; empty outside a command."""
    if not HydraConfig.initialized():
        return []
    flags, _ = _flags(sys.argv[1:])
    if flags.config_dir == str(config_dir()):
        flags.config_dir, flags.config_path = flags.config_path, None
    overrides = HydraConfig.get().overrides.task
    return ["python", "-m", f"vae.{name}", *_words(flags), *overrides]


@contextmanager
def one_job(directory: Path) -> Iterator[None]:
    """While inside, processes that Lightning starts for DDP run this job and no other.

    Lightning starts them with this process's command line, which in a multirun is the whole
    sweep's; and it leaves variables behind that would keep the next job from starting its own.
    """
    if not HydraConfig.initialized():
        yield
        return
    job = HydraConfig.get()
    names = ("LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
    environment, argv, run_dir = {n: os.environ.get(n) for n in names}, sys.argv, job.run.dir
    flags, _ = _flags(argv[1:])
    sys.argv = [argv[0], *_words(flags), *job.overrides.task, "hydra.mode=RUN"]
    with read_write(job):  # type: ignore[arg-type]
        job.run.dir = str(directory)
    try:
        yield
    finally:
        sys.argv = argv
        with read_write(job):  # type: ignore[arg-type]
            job.run.dir = run_dir
        import torch.distributed

        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        _set(environment)
