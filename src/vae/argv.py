"""The command line: of this process, of its job alone, and of the processes it starts."""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import read_write


def config_dir() -> Path:
    """The folder of the packaged configs: beside this file in a wheel, at the top of a checkout."""
    shipped = Path(__file__).parent / "conf"
    return shipped if shipped.is_dir() else Path(__file__).parents[2] / "conf"


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


def put_user_configs_first() -> None:
    """Let files in --config-dir shadow packaged ones, by searching that folder first."""
    flags, rest = _flags(sys.argv[1:])
    if flags.config_dir and not flags.config_path and Path(flags.config_dir).is_dir():
        flags.config_path = str(Path(flags.config_dir).absolute())
        flags.config_dir = str(config_dir())
        sys.argv[1:] = [*_words(flags), *rest]


def folders() -> list[Path]:
    """The folders that configs are searched in."""
    flags, _ = _flags(sys.argv[1:])
    named = [Path(folder) for folder in (flags.config_path, flags.config_dir) if folder]
    return named if config_dir() in named else [*named, config_dir()]


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
def environment(**values: str | None) -> Iterator[None]:
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
